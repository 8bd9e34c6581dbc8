//! Values against a chart's `values.schema.json`.
//!
//! The crate `jsonschema` finds what is wrong; `complaint` says it in Helm's words (those of the library that Helm
//! uses). Beside the words stands the path of each wrong value, so that the line of the user's file can be shown. Every
//! draft is understood, 2020-12 if the schema names none. References to files and networks are refused: a chart may
//! not make this tool read or fetch anything.

use std::fmt::Write as _;

use super::coalesce::ChartValues;
use super::complaint::{Leaf, Scope, group};
use crate::code::Code;
use crate::yaml::{Mapping, Numbers, Step, Value, json};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The chart whose schema it is.
    pub chart: String,
    /// Where in the values; for a missing or superfluous key the map in question.
    pub path: Vec<Step>,
    /// What is wrong, in Helm's words, without the place.
    pub message: String,
    /// Keys that are missing from that map, or have no business there.
    pub keys: Vec<String>,
}

/// Why values do not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// Some values are wrong, or a schema is.
    #[error("values don't meet the specifications of the schema(s) in the following chart(s):\n{text}")]
    Violated {
        /// Helm's report, chart by chart.
        text: String,
        /// The same one by one, without schemas that are wrong themselves.
        violations: Vec<Violation>,
    },
}

impl SchemaError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        Code::ValuesSchema
    }
}

/// Checks coalesced values against the schemas of a chart and its subcharts.
pub fn check(chart: &ChartValues, values: &Mapping) -> Result<(), SchemaError> {
    let mut report = Report::default();
    report.chart(chart, values, &mut Vec::new());
    report.finish()
}

/// Checks values against one schema.
pub fn check_one(chart: &str, schema: &[u8], values: &Mapping) -> Result<(), SchemaError> {
    let mut report = Report::default();
    report.schema(chart, schema, values, &[]);
    report.finish()
}

#[derive(Default)]
struct Report {
    text: String,
    violations: Vec<Violation>,
}

impl Report {
    fn finish(self) -> Result<(), SchemaError> {
        if self.text.is_empty() {
            return Ok(());
        }
        Err(SchemaError::Violated { text: self.text, violations: self.violations })
    }

    fn chart(&mut self, chart: &ChartValues, values: &Mapping, prefix: &mut Vec<Step>) {
        if let Some(schema) = &chart.schema {
            self.schema(&chart.name, schema, values, prefix);
        }
        for subchart in &chart.subcharts {
            match values.get(&subchart.name) {
                None | Some(Value::Null) => {}
                Some(Value::Mapping(inner)) => {
                    prefix.push(Step::Key(subchart.name.clone()));
                    self.chart(subchart, inner, prefix);
                    prefix.pop();
                }
                Some(other) => {
                    let name = &subchart.name;
                    let found = go_type(other);
                    let _ = writeln!(self.text, "{name}:\ninvalid type for values: expected object (map), got {found}");
                }
            }
        }
    }

    fn schema(&mut self, chart: &str, schema: &[u8], values: &Mapping, prefix: &[Step]) {
        let schema = match json::read(&json::lossy(schema), Numbers::Exact) {
            Ok(schema) => schema.to_json(),
            // Read from a stream, an early end has other words.
            Err(_) if schema.trim_ascii().is_empty() => return self.broken(chart, "EOF"),
            Err(error) if error.offset >= json::lossy(schema).len() => return self.broken(chart, "unexpected EOF"),
            Err(error) => return self.broken(chart, &error.to_string()),
        };
        let validator = match jsonschema::options().offline().build(&schema) {
            Ok(validator) => validator,
            Err(error) => {
                let problem = against_metaschema(&schema).unwrap_or_else(|| error.to_string());
                return self.broken(chart, &problem);
            }
        };
        let values = Value::Mapping(values.clone()).to_json();
        let scope = Scope { schema: &schema, values: &values };
        let leaves: Vec<Leaf> = validator.iter_errors(&values).map(|error| Leaf::new(&error, 0, &scope)).collect();
        if leaves.is_empty() {
            return;
        }
        let tree = group(leaves, &[]);
        let causes = if tree.is_group { tree.causes } else { vec![tree] };
        let _ = writeln!(self.text, "{chart}:");
        for cause in &causes {
            cause.write(&mut self.text, 0);
            cause.collect(chart, prefix, &mut self.violations);
        }
    }

    fn broken(&mut self, chart: &str, problem: &str) {
        // As in Helm there is no line end behind this one.
        let _ = write!(self.text, "{chart}:\n{problem}");
    }
}

/// What is wrong with a schema that is not one itself, in Helm's words.
fn against_metaschema(schema: &serde_json::Value) -> Option<String> {
    let address = match jsonschema::Draft::default().detect(schema) {
        jsonschema::Draft::Draft4 => "http://json-schema.org/draft-04/schema#",
        jsonschema::Draft::Draft6 => "http://json-schema.org/draft-06/schema#",
        jsonschema::Draft::Draft7 => "http://json-schema.org/draft-07/schema#",
        jsonschema::Draft::Draft201909 => "https://json-schema.org/draft/2019-09/schema#",
        _ => "https://json-schema.org/draft/2020-12/schema#",
    };
    let validator = jsonschema::meta::validator_for(schema).ok()?;
    // Of the metaschema's own keywords nothing is asked that its errors do not say.
    let scope = Scope { schema: &serde_json::Value::Null, values: schema };
    let leaves: Vec<Leaf> = validator.iter_errors(schema).map(|error| Leaf::new(&error, 0, &scope)).collect();
    if leaves.is_empty() {
        return None;
    }
    let tree = group(leaves, &[]);
    let causes = if tree.is_group { tree.causes } else { vec![tree] };
    let mut text = format!(
        "\"file:///values.schema.json#\" is not valid against metaschema: jsonschema validation failed with '{address}'\n"
    );
    for cause in &causes {
        cause.write(&mut text, 0);
    }
    text.pop();
    Some(text)
}

const fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::UInt(_) => "uint64",
        Value::Float(_) => "float64",
        Value::String(_) => "string",
        Value::Sequence(_) => "[]interface {}",
        Value::Mapping(_) => "map[string]interface {}",
    }
}
