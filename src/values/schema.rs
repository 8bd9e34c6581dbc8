//! Values against a chart's `values.schema.json`.
//!
//! The crate `jsonschema` finds what is wrong; `complaint` says it in Helm's words (those of the library that Helm
//! uses). Beside the words stands the path of each wrong value, so that the line of the user's file can be shown. Every
//! draft is understood, 2020-12 if the schema names none.
//!
//! A reference may lead to another file of the same chart: the schema counts as lying in the chart's top folder, and
//! nothing above that is reached. References to other files and to networks are refused unless the user allows them ([`References`]), since a chart may not make
//! this tool read or fetch anything; one to a `urn:` lets every value pass, as in Helm.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::Warning;
use super::coalesce::ChartValues;
use super::complaint::{Leaf, Scope, group};
use crate::code::Code;
use crate::yaml::number::quote;
use crate::yaml::{Mapping, Numbers, Step, Value, json};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The chart whose schema it is.
    pub chart: String,
    /// Where in the values; for a missing or superfluous key the map in question.
    pub path: Vec<Step>,
    /// How many steps of it lead to that chart's values.
    pub scope: usize,
    /// What is wrong, in Helm's words, without the place.
    pub message: String,
    /// Keys that are missing from that map.
    pub missing: Vec<String>,
    /// Keys that have no business in it.
    pub superfluous: Vec<String>,
}

/// A schema that is wrong itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenSchema {
    /// The chart whose schema it is.
    pub chart: String,
    /// What is wrong with it.
    pub problem: String,
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
        /// What is wrong with values, one by one.
        violations: Vec<Violation>,
        /// What is wrong with schemas.
        broken: Vec<BrokenSchema>,
    },
}

impl SchemaError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        Code::ValuesSchema
    }
}

/// The files of a chart that its schema may refer to, by their paths below its top folder.
pub type Documents = Arc<BTreeMap<String, Bytes>>;

/// Where a schema is, for the references in it.
const BASE: &str = "file:///values.schema.json";

/// Reads what a schema refers to outside its chart, by its whole address; gives the reason if it cannot.
pub type SchemaReader = Arc<dyn Fn(&str) -> Result<Vec<u8>, String> + Send + Sync>;

/// Where the references of schemas may lead.
#[derive(Clone, Default)]
pub enum References {
    /// To files of the same chart.
    #[default]
    Inside,
    /// To wherever the reader gets. A file of the chart comes before another one at the same address.
    Anywhere(SchemaReader),
}

impl std::fmt::Debug for References {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Inside => "Inside",
            Self::Anywhere(_) => "Anywhere",
        })
    }
}

/// References that let everything pass.
type Passed = Arc<Mutex<BTreeSet<String>>>;

/// Finds what a schema refers to.
struct Referred {
    documents: Documents,
    references: References,
    passed: Passed,
}

impl jsonschema::Retrieve for Referred {
    fn retrieve(
        &self,
        uri: &jsonschema::Uri<String>,
    ) -> Result<serde_json::Value, Box<dyn std::error::Error + Send + Sync>> {
        let uri = uri.as_str();
        if uri.starts_with("urn:") {
            if let Ok(mut passed) = self.passed.lock() {
                passed.insert(uri.to_owned());
            }
            return Ok(serde_json::Value::Bool(true));
        }
        let path = uri.strip_prefix("file:///");
        let path = path.map(|path| percent_encoding::percent_decode_str(path).decode_utf8_lossy());
        let inside = path.as_ref().and_then(|path| self.documents.get(path.as_ref())).map(|content| content.to_vec());
        let content = match (inside, &self.references, path) {
            (Some(content), ..) => content,
            (None, References::Anywhere(read), _) => read(uri).map_err(|problem| format!("{uri}: {problem}"))?,
            (None, References::Inside, Some(path)) => return Err(format!("{uri}: the chart has no file {path}").into()),
            (None, References::Inside, None) => {
                return Err(format!("{uri}: a schema may refer to files of its own chart only").into());
            }
        };
        let document = json::read(&json::lossy(&content), Numbers::Exact);
        document.map(|document| document.to_json()).map_err(|error| format!("{uri}: {error}").into())
    }
}

/// What is wrong with a reference, down to its cause.
fn reference_problem(error: &jsonschema::ValidationError<'_>) -> String {
    let mut text = error.to_string();
    let nowhere = text.strip_prefix("Pointer '").and_then(|rest| rest.strip_suffix("' does not exist"));
    if let Some(pointer) = nowhere {
        return format!("json-pointer in {} not found", quote(&format!("{BASE}#{pointer}")));
    }
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            let _ = write!(text, ": {said}");
        }
        cause = inner.source();
    }
    text
}

/// Checks coalesced values against the schemas of a chart and its subcharts.
pub fn check(
    chart: &ChartValues,
    values: &Mapping,
    references: &References,
    warnings: &mut Vec<Warning>,
) -> Result<(), SchemaError> {
    let mut report = Report { references: references.clone(), ..Report::default() };
    report.chart(chart, values, &mut Vec::new());
    let passed = report.passed.lock().map(|passed| passed.clone()).unwrap_or_default();
    warnings.extend(passed.into_iter().map(|urn| {
        let words = "unresolved URN reference ignored; using permissive schema";
        let helm3 = format!("WARNING: {words}: {urn}");
        Warning::structured(words, vec![("urn", urn)], "jsonschema.go:192", helm3)
    }));
    report.finish()
}

/// Checks values against one schema that refers to no other file.
pub fn check_one(chart: &str, schema: &[u8], values: &Mapping) -> Result<(), SchemaError> {
    let mut report = Report::default();
    report.schema(chart, schema, &Documents::default(), values, &[]);
    report.finish()
}

#[derive(Default)]
struct Report {
    text: String,
    violations: Vec<Violation>,
    broken: Vec<BrokenSchema>,
    references: References,
    passed: Passed,
}

impl Report {
    fn finish(self) -> Result<(), SchemaError> {
        if self.text.is_empty() {
            return Ok(());
        }
        Err(SchemaError::Violated { text: self.text, violations: self.violations, broken: self.broken })
    }

    fn chart(&mut self, chart: &ChartValues, values: &Mapping, prefix: &mut Vec<Step>) {
        if let Some(schema) = &chart.schema {
            self.schema(&chart.name, schema, &chart.documents, values, prefix);
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
                    let message = format!("invalid type for values: expected object (map), got {found}");
                    let _ = writeln!(self.text, "{name}:\n{message}");
                    self.violations.push(Violation {
                        chart: name.clone(),
                        path: prefix.iter().cloned().chain([Step::Key(name.clone())]).collect(),
                        scope: prefix.len(),
                        message,
                        missing: Vec::new(),
                        superfluous: Vec::new(),
                    });
                }
            }
        }
    }

    fn schema(&mut self, chart: &str, schema: &[u8], documents: &Documents, values: &Mapping, prefix: &[Step]) {
        let schema = match json::read(&json::lossy(schema), Numbers::Exact) {
            Ok(schema) => schema.to_json(),
            // Read from a stream, an early end has other words.
            Err(_) if schema.trim_ascii().is_empty() => return self.broken(chart, "EOF"),
            Err(error) if error.offset >= json::lossy(schema).len() => return self.broken(chart, "unexpected EOF"),
            Err(error) => return self.broken(chart, &error.to_string()),
        };
        let options = jsonschema::options().with_base_uri(BASE).with_retriever(Referred {
            documents: Arc::clone(documents),
            references: self.references.clone(),
            passed: Arc::clone(&self.passed),
        });
        let validator = match options.build(&schema) {
            Ok(validator) => validator,
            Err(error) => {
                let problem = against_metaschema(&schema).unwrap_or_else(|| reference_problem(&error));
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
        self.broken.push(BrokenSchema { chart: chart.to_owned(), problem: problem.to_owned() });
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
