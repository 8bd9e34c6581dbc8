//! The user's values on their way into a chart: laid over its defaults and held against its schema, with what is wrong
//! told together with the place in the user's own file.

use super::Error;
use crate::chart::Chart;
use crate::render::helm::{Fault, TemplateError};
use crate::values::{
    ChartValues, Compat, Given, Part, Place, References, SchemaError, Warning, check, check_one, coalesce,
};
use crate::yaml::number::quote;
use crate::yaml::{Mapping, Value};

/// What the user supplied, merged, and where each part came from.
#[derive(Debug, Clone, Default)]
pub struct UserValues {
    given: Given,
    /// What counts as given, if that is more or less than what was given now.
    config: Option<Mapping>,
}

/// The values that templates see.
pub(super) struct Computed {
    /// Defaults and user's values.
    pub(super) values: Value,
    /// What was strange about laying one over the other.
    pub(super) warnings: Vec<Warning>,
}

impl UserValues {
    /// These values.
    pub const fn new(given: Given) -> Self {
        Self { given, config: None }
    }

    /// The same with what an upgrade has made of them and of the release's old ones ([`crate::values::reuse`]): that counts
    /// as given from now on.
    #[must_use]
    pub fn reusing(self, config: Mapping) -> Self {
        Self { config: Some(config), ..self }
    }

    /// As a map: what a record keeps.
    pub fn map(&self) -> &Mapping {
        self.config.as_ref().unwrap_or(&self.given.values)
    }

    /// Everything that was supplied, with its sources.
    pub const fn given(&self) -> &Given {
        &self.given
    }

    /// The chart's defaults with these values over them.
    pub(super) fn over(&self, chart: &Chart) -> Result<Computed, Error> {
        let defaults = ChartValues {
            name: chart.metadata.name.clone(),
            version: chart.metadata.version.clone(),
            values: chart.values()?.as_mapping().cloned().unwrap_or_default(),
            ..ChartValues::default()
        };
        let mut warnings = Vec::new();
        let values = coalesce(&defaults, self.map(), Compat::Helm4, &mut warnings)?;
        Ok(Computed { values: Value::Mapping(values), warnings })
    }

    /// Holds values against the chart's schema.
    pub(super) fn check_schema(&self, chart: &Chart, values: &Value) -> Result<(), Error> {
        let (Some(schema), Some(values)) = (&chart.schema, values.as_mapping()) else { return Ok(()) };
        check_one(&chart.metadata.name, schema, values).map_err(|error| self.schema_error(error, values))
    }

    /// Holds values against the schemas of a chart and of those inside it.
    pub(super) fn check_schemas(
        &self,
        chart: &ChartValues,
        values: &Mapping,
        references: &References,
        warnings: &mut Vec<Warning>,
    ) -> Result<(), Error> {
        check(chart, values, references, warnings).map_err(|error| self.schema_error(error, values))
    }

    fn schema_error(&self, error: SchemaError, values: &Mapping) -> Error {
        let SchemaError::Violated { text, violations, .. } = &error;
        let blames = violations.iter().take(Error::MAX_BLAMES).map(|violation| self.given.blame(violation, self.map()));
        Error::Schema { blames: blames.collect(), quoted: quoted(text, values), error }
    }

    /// What is wrong in a template, with what is known of the values it speaks of: `computed` are those it saw, `secrets`
    /// those of the cluster's Secrets that stand in the error.
    pub(super) fn locate(&self, error: TemplateError, computed: &Mapping, secrets: Vec<String>) -> Error {
        let place = match &error.trouble.fault {
            Fault::Absent { path: Some(path), is_null: true, .. } => self.given.place(path, Part::Key),
            _ => None,
        };
        let mut quoted = quoted(&error.said(), computed);
        quoted.extend(secrets.into_iter().map(|text| Quoted { name: "lookup.secret".to_owned(), text }));
        Error::Template(Box::new(TemplateFault { error, place, quoted }))
    }
}

/// Why a template failed.
#[derive(Debug)]
pub struct TemplateFault {
    /// What is wrong, in Helm's words and as facts.
    pub error: TemplateError,
    /// Where the user gave the value that is null, if that is what is wrong.
    pub place: Option<Place>,
    /// Values whose text stands in the error.
    pub quoted: Vec<Quoted>,
}

/// A value whose text stands in an error; whether it is a secret, its name tells.
pub struct Quoted {
    /// The keys under which it stands, separated by dots.
    pub name: String,
    /// The text, as it stands in the error.
    pub text: String,
}

impl std::fmt::Debug for Quoted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Quoted").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Texts shorter than this stand in any error by chance.
const SHORTEST_QUOTED: usize = 6;

/// The values whose text stands in what is said.
fn quoted(said: &str, values: &Mapping) -> Vec<Quoted> {
    let mut quoted = Vec::new();
    for (key, value) in values {
        find_quoted(said, &mut vec![key.as_str()], value, &mut quoted);
    }
    quoted
}

fn find_quoted<'v>(said: &str, keys: &mut Vec<&'v str>, value: &'v Value, quoted: &mut Vec<Quoted>) {
    match value {
        Value::String(text) if text.trim().len() >= SHORTEST_QUOTED => {
            let escaped = quote(text);
            let escaped = escaped.get(1..escaped.len() - 1).unwrap_or_default();
            let found = [text.trim(), escaped].into_iter().filter(|form| said.contains(*form));
            quoted.extend(found.map(|form| Quoted { name: keys.join("."), text: form.to_owned() }));
        }
        Value::Mapping(map) => {
            for (key, value) in map {
                keys.push(key);
                find_quoted(said, keys, value, quoted);
                keys.pop();
            }
        }
        Value::Sequence(list) => list.iter().for_each(|item| find_quoted(said, keys, item, quoted)),
        _ => {}
    }
}
