//! The charts inside a chart after the processing of dependencies: which are on, under which names, with which default
//! values.
//!
//! `values` decides, on a bare tree of values; here the tree of charts is made to follow.

use std::path::Path;
use std::sync::Arc;

use super::{Chart, ChartError};
use crate::values::{self, ChartValues, CoalesceError, Compat, Warning};
use crate::version::{Constraint, Version};
use crate::yaml::Mapping;

/// Why the dependencies of a chart cannot be processed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {
    /// The chart is broken.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// The values do not fit the chart.
    #[error(transparent)]
    Coalesce(#[from] CoalesceError),
}

impl Chart {
    /// What `values` has to know of this chart and those inside it.
    ///
    /// # Errors
    /// If default values cannot be read.
    pub fn for_values(&self) -> Result<ChartValues, ChartError> {
        let mut subcharts = self.dependencies.iter().map(Self::for_values).collect::<Result<Vec<_>, _>>()?;
        for (place, subchart) in subcharts.iter_mut().enumerate() {
            subchart.place = place;
        }
        Ok(ChartValues {
            name: self.metadata.name.clone(),
            version: self.metadata.version.clone(),
            values: self.values_map()?.clone(),
            schema: self.schema.as_ref().map(|schema| schema.to_vec()),
            documents: self.schema_documents(),
            dependencies: self
                .metadata
                .dependencies
                .as_ref()
                .map(|list| list.iter().map(super::Dependency::for_values).collect()),
            subcharts,
            place: 0,
            is_processed: false,
        })
    }

    /// The files that the schema may refer to: JSON that is no template.
    fn schema_documents(&self) -> values::Documents {
        let is_json = |file: &&super::File| Path::new(&*file.name).extension().is_some_and(|end| end == "json");
        let files = if self.schema.is_some() { self.files.as_slice() } else { &[] };
        Arc::new(files.iter().filter(is_json).map(|file| (file.name.to_string(), file.data.clone())).collect())
    }

    /// Takes over what `values` has decided.
    fn follow(&self, decided: &ChartValues, compat: Compat) -> Self {
        let mut chart = self.clone();
        if compat == Compat::Helm3 && self.metadata.dependencies.is_none() && self.metadata.name != decided.name {
            chart.name_in_paths = Some(self.metadata.name.clone());
        }
        chart.metadata.name.clone_from(&decided.name);
        if decided.values != *self.values_map().unwrap_or(&Mapping::new()) {
            chart.set_values(decided.values.clone());
        }
        let inner = |inside: &ChartValues| Some(self.dependencies.get(inside.place)?.follow(inside, compat));
        chart.dependencies = decided.subcharts.iter().filter_map(inner).collect();
        // What was not looked at stays as it is written: a chart that declares nothing ends the search there.
        if self.metadata.dependencies.is_some() {
            let kept = decided.dependencies.as_ref();
            let is_kept = |name: &str| kept.is_some_and(|kept| kept.iter().any(|it| it.name == name));
            let mut list = chart.metadata.dependencies.take().unwrap_or_default();
            if decided.is_processed {
                list.retain(|dependency| is_kept(dependency.used_name()));
                for dependency in &mut list {
                    dependency.enabled = true;
                    dependency.name = dependency.used_name().to_owned();
                }
            }
            for (dependency, decided) in list.iter_mut().zip(kept.into_iter().flatten()) {
                dependency.import_values = decided.import_values.iter().map(values::Import::to_json).collect();
            }
            chart.metadata.dependencies = (!list.is_empty() || !decided.is_processed).then_some(list);
        }
        chart
    }
}

/// Whether a version fits a constraint; not if either is malformed.
pub fn is_compatible(constraint: &str, version: &str) -> bool {
    match (Constraint::parse(constraint), Version::parse(version)) {
        (Ok(constraint), Ok(version)) => constraint.check(&version),
        _ => false,
    }
}

/// Leaves only the subcharts that are on, under their aliases, and takes over what they export, as Helm's
/// `ProcessDependencies`. Returns the tree of values too, which coalescing and schemas need.
///
/// # Errors
/// If the user's values do not fit the chart.
pub fn process_dependencies(
    chart: &Chart,
    user: &Mapping,
    compat: Compat,
    warnings: &mut Vec<Warning>,
) -> Result<(Chart, ChartValues), ProcessError> {
    let mut decided = chart.for_values()?;
    values::process_dependencies(&mut decided, user, compat, &is_compatible, warnings)?;
    Ok((chart.follow(&decided, compat), decided))
}
