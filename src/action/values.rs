//! The user's values on their way into a chart: laid over its defaults and held against its schema, with what is wrong
//! told together with the place in the user's own file.

use super::Error;
use crate::chart::Chart;
use crate::render::helm::{Fault, TemplateError};
use crate::values::{ChartValues, Compat, Given, SchemaError, Warning, check, check_one, coalesce};
use crate::yaml::{Mapping, Origin, Source, Step, Value};

/// What the user supplied, merged, and where each part came from.
#[derive(Debug, Clone, Default)]
pub struct UserValues {
    given: Given,
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
        Self { given }
    }

    /// As a map: what a record keeps.
    pub const fn map(&self) -> &Mapping {
        &self.given.values
    }

    /// Where the value at a path came from, or the nearest one above it.
    pub fn origin(&self, path: &[Step]) -> Option<&Origin> {
        self.given.origins.nearest(path).map(|(origin, _)| origin)
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
        check_one(&chart.metadata.name, schema, values).map_err(|error| self.schema_error(error))
    }

    /// Holds values against the schemas of a chart and of those inside it.
    pub(super) fn check_schemas(&self, chart: &ChartValues, values: &Mapping) -> Result<(), Error> {
        check(chart, values).map_err(|error| self.schema_error(error))
    }

    fn schema_error(&self, error: SchemaError) -> Error {
        let SchemaError::Violated { violations, .. } = &error;
        let places = violations.iter().map(|violation| self.place(&violation.path)).collect();
        Error::Schema { error, places }
    }

    /// What is wrong in a template, with the place of the user's null that it stumbles over.
    pub(super) fn locate(&self, error: TemplateError) -> Error {
        let place = match &error.trouble.fault {
            Fault::Absent { path: Some(path), is_null: true, .. } => self.exact_place(path),
            _ => None,
        };
        Error::Template { error: Box::new(error), place: place.map(Box::new) }
    }

    /// Where exactly this value was given.
    fn exact_place(&self, path: &[Step]) -> Option<Place> {
        let origin = self.given.origins.at(path)?;
        Some(Place { source: self.given.sources.get(origin.source)?.clone(), origin: *origin })
    }

    fn place(&self, path: &[Step]) -> Option<Place> {
        let origin = self.origin(path)?;
        Some(Place { source: self.given.sources.get(origin.source)?.clone(), origin: *origin })
    }
}

/// A place in something the user gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file or the flag.
    pub source: Source,
    /// Where in it.
    pub origin: Origin,
}
