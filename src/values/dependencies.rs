//! Which subcharts are on, under which names, and what they export.
//!
//! After Helm's `ProcessDependencies`: aliases, then tags, then conditions (which win), then the same inside each
//! subchart that is on; at last `import-values`. Judging version constraints is left to the caller.

use std::borrow::Cow;

use super::coalesce::{ChartValues, CoalesceError, Nulls, coalesce_with, go_print, merge_tables};
use super::{Compat, Warning};
use crate::code::Code;
use crate::yaml::number::quote;
use crate::yaml::{Mapping, Value};

/// A dependency as a chart declares it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dependency {
    /// The subchart's name.
    pub name: String,
    /// The constraint on its version.
    pub version: String,
    /// Paths of booleans, separated by commas; the first that is one decides.
    pub condition: String,
    /// Keys under `tags`.
    pub tags: Vec<String>,
    /// The name under which the subchart is used.
    pub alias: String,
    /// What the parent takes over.
    pub import_values: Vec<Import>,
}

/// A dependency that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DependencyError {
    /// An alias becomes part of names and paths, so only letters, digits, `_` and `-` are let in.
    #[error("validation: dependency {} has disallowed characters in the alias", quote(.0))]
    Alias(String),
}

impl DependencyError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        Code::Chart
    }
}

impl Dependency {
    /// Checks what does not depend on anything else.
    pub fn validate(&self) -> Result<(), DependencyError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if self.alias.bytes().all(is_allowed) { Ok(()) } else { Err(DependencyError::Alias(self.name.clone())) }
    }
}

/// One entry of `import-values`.
#[derive(Debug, Clone, PartialEq)]
pub enum Import {
    /// The name of a table under `exports`, which goes to the parent's top.
    Export(String),
    /// A table of the child's, and where it goes in the parent (`.`: its top).
    Table {
        /// Path in the child's values.
        child: String,
        /// Path in the parent's.
        parent: String,
    },
}

impl Import {
    /// An entry as `Chart.yaml` has it; `None` if it is neither text nor a map, which Helm passes over.
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(name) => Some(Self::Export(name.clone())),
            Value::Mapping(map) => {
                let text = |key: &str| go_print(map.get(key).unwrap_or(&Value::Null));
                Some(Self::Table { child: text("child"), parent: text("parent") })
            }
            _ => None,
        }
    }
}

impl Import {
    /// The path of the table in the child's values and where it goes in the parent's.
    fn paths(&self) -> (Cow<'_, str>, &str) {
        match self {
            Self::Export(name) => (format!("exports.{name}").into(), "."),
            Self::Table { child, parent } => (child.into(), parent),
        }
    }

    /// The entry as Helm leaves it behind once it was looked at, and so shows it to templates and keeps it in records:
    /// always a map.
    pub fn to_json(&self) -> serde_json::Value {
        let (child, parent) = self.paths();
        serde_json::json!({"child": child, "parent": parent})
    }
}

/// Whether a version fits a constraint, as Masterminds' semver judges it; false if either is malformed.
pub type IsCompatible<'a> = &'a dyn Fn(&str, &str) -> bool;

/// Leaves only the subcharts that are on, under their aliases, and takes over what they export into the defaults.
pub fn process_dependencies(
    chart: &mut ChartValues,
    user: &Mapping,
    compat: Compat,
    is_compatible: IsCompatible<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<(), CoalesceError> {
    enable(chart, user, "", compat, is_compatible, warnings)?;
    import(chart, compat, warnings)
}

fn enable(
    chart: &mut ChartValues,
    user: &Mapping,
    path: &str,
    compat: Compat,
    is_compatible: IsCompatible<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<(), CoalesceError> {
    let Some(mut dependencies) = chart.dependencies.take() else { return Ok(()) };
    chart.is_processed = true;
    // Charts that nobody declared come first, then the declared ones in the order of their declaration.
    let is_meant =
        |it: &Dependency, chart: &ChartValues| it.name == chart.name && is_compatible(&it.version, &chart.version);
    let mut subcharts: Vec<ChartValues> = chart
        .subcharts
        .iter()
        .filter(|subchart| !dependencies.iter().any(|dependency| is_meant(dependency, subchart)))
        .cloned()
        .collect();
    for dependency in &mut dependencies {
        if let Some(found) = chart.subcharts.iter().find(|subchart| is_meant(dependency, subchart)) {
            let mut found = found.clone();
            if !dependency.alias.is_empty() {
                found.name.clone_from(&dependency.alias);
            }
            subcharts.push(found);
        }
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
    }
    chart.subcharts = subcharts;

    let values = coalesce_with(chart, user, compat, Nulls::Remove, warnings)?;
    let mut is_on: Vec<bool> = dependencies.iter().map(|dependency| by_tags(dependency, &values, warnings)).collect();
    for (dependency, is_on) in dependencies.iter().zip(&mut is_on) {
        if let Some(decision) = by_condition(dependency, &values, path, warnings) {
            *is_on = decision;
        }
    }
    let off: Vec<String> = dependencies
        .iter()
        .zip(&is_on)
        .filter(|(_, on)| !**on)
        .map(|(dependency, _)| dependency.name.clone())
        .collect();
    chart.subcharts.retain(|subchart| !off.contains(&subchart.name));
    dependencies.retain(|dependency| !off.contains(&dependency.name));
    for subchart in &mut chart.subcharts {
        let path = format!("{path}{}.", subchart.name);
        enable(subchart, &values, &path, compat, is_compatible, warnings)?;
    }
    // With none left, nothing is imported either.
    chart.dependencies = Some(dependencies).filter(|dependencies| !dependencies.is_empty());
    Ok(())
}

/// On, unless all tags that are set say no.
fn by_tags(dependency: &Dependency, values: &Mapping, warnings: &mut Vec<Warning>) -> bool {
    let Some(Value::Mapping(tags)) = values.get("tags") else { return true };
    let (mut has_true, mut has_false) = (false, false);
    for tag in &dependency.tags {
        match tags.get(tag) {
            None => {}
            Some(Value::Bool(true)) => has_true = true,
            Some(Value::Bool(false)) => has_false = true,
            Some(_) => warnings.push(Warning::structured(
                "returned non-bool value",
                vec![("tag", tag.clone()), ("chart", dependency.name.clone())],
                "dependencies.go:95",
                format!("Warning: Tag '{tag}' for chart {} returned non-bool value", dependency.name),
            )),
        }
    }
    has_true || !has_false
}

/// What the first path decides that is a boolean.
fn by_condition(dependency: &Dependency, values: &Mapping, path: &str, warnings: &mut Vec<Warning>) -> Option<bool> {
    for condition in dependency.condition.trim().split(',').filter(|condition| !condition.is_empty()) {
        match scalar_at(values, &format!("{path}{condition}")) {
            None => {}
            Some(Value::Bool(decision)) => return Some(*decision),
            Some(_) => warnings.push(Warning::structured(
                "returned non-bool value",
                vec![("path", condition.to_owned()), ("chart", dependency.name.clone())],
                "dependencies.go:64",
                format!("Warning: Condition path '{condition}' for chart {} returned non-bool value", dependency.name),
            )),
        }
    }
    None
}

/// What stands at a dotted path and is no map.
fn scalar_at<'a>(values: &'a Mapping, path: &str) -> Option<&'a Value> {
    let (tables, key) = path.rsplit_once('.').map_or((None, path), |(tables, key)| (Some(tables), key));
    let table = match tables {
        Some(tables) => table_at(values, tables).ok()?,
        None => values,
    };
    table.get(key).filter(|value| value.as_mapping().is_none())
}

/// The table at a dotted path; the error is the key at which there is none.
fn table_at<'a>(values: &'a Mapping, path: &str) -> Result<&'a Mapping, String> {
    path.split('.').try_fold(values, |table, key| match table.get(key) {
        Some(Value::Mapping(inner)) => Ok(inner),
        _ => Err(key.to_owned()),
    })
}

fn import(chart: &mut ChartValues, compat: Compat, warnings: &mut Vec<Warning>) -> Result<(), CoalesceError> {
    for subchart in 0..chart.subcharts.len() {
        let (before, rest) = chart.subcharts.split_at_mut(subchart);
        let Some(subchart) = rest.first_mut() else { break };
        let mut twins = before.iter_mut().filter(|twin| twin.place == subchart.place).peekable();
        if compat == Compat::Helm3 && twins.peek().is_some() {
            twins.for_each(forget_imports);
            forget_imports(subchart);
        }
        import(subchart, compat, warnings)?;
    }
    let Some(dependencies) = &chart.dependencies else { return Ok(()) };
    let mut values = coalesce_with(chart, &Mapping::new(), compat, Nulls::Keep, warnings)?;
    let mut imported = Mapping::new();
    for dependency in dependencies {
        for import in &dependency.import_values {
            let (child, parent) = import.paths();
            let table = match table_at(&values, &format!("{}.{child}", dependency.name)) {
                Ok(table) => table.clone(),
                Err(key) => {
                    warnings.push(missing_table(import, &dependency.name, &key));
                    continue;
                }
            };
            merge_tables(&mut imported, at_path(parent, table), compat, warnings);
        }
    }
    // The parent's own defaults win over what it imports.
    merge_tables(&mut values, imported, compat, warnings);
    chart.values = values;
    Ok(())
}

/// In Helm 3 the copies of a chart that is used under two aliases share what it says of the charts in it, and what was
/// looked at once is not understood the second time: the first copy imports, the others do not, and templates see none
/// of it.
fn forget_imports(chart: &mut ChartValues) {
    chart.dependencies.iter_mut().flatten().for_each(|dependency| dependency.import_values.clear());
    chart.subcharts.iter_mut().for_each(forget_imports);
}

fn missing_table(import: &Import, chart: &str, key: &str) -> Warning {
    let error = format!("{} is not a table", quote(key));
    match import {
        Import::Table { .. } => Warning::structured(
            "ImportValues missing table from chart",
            vec![("chart", chart.to_owned()), ("error", error.clone())],
            "dependencies.go:270",
            format!("Warning: ImportValues missing table from chart {chart}: {error}"),
        ),
        Import::Export(_) => Warning::structured(
            "ImportValues missing table",
            vec![("error", error.clone())],
            "dependencies.go:287",
            format!("Warning: ImportValues missing table: {error}"),
        ),
    }
}

/// A table put under a dotted path.
fn at_path(path: &str, table: Mapping) -> Mapping {
    if path == "." {
        return table;
    }
    path.rsplit('.').fold(table, |inner, key| Mapping::from([(key.to_owned(), Value::Mapping(inner))]))
}
