//! Versions and constraints.

use maibot::version::{Constraint, Version};
use maibot::yaml::Value;

use super::{Helm, text};

fn is_wanted(constraint: &str, version: &str) -> Result<bool, String> {
    let constraint = Constraint::parse(constraint).map_err(|error| error.to_string())?;
    let version = Version::parse(version).map_err(|error| error.to_string())?;
    Ok(constraint.check(&version))
}

/// `semver`: whether a version fits a constraint.
pub(super) fn answer(case: &Value, _helm: Helm) -> Result<Value, String> {
    is_wanted(text(case, "constraint"), text(case, "version")).map(Value::Bool)
}

/// The grid from before: `{c, v, go}`.
pub(super) fn check(case: &Value) -> Option<String> {
    let given = is_wanted(text(case, "c"), text(case, "v")).map(|wanted| wanted.to_string());
    let wanted = text(case, "go");
    (given.as_deref() != Ok(wanted))
        .then(|| format!("{:?} {:?}: wanted {wanted}, given {given:?}", text(case, "c"), text(case, "v")))
}
