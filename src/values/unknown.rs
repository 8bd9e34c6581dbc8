//! Keys that the chart has no use for, most often slips of the pen.

use crate::yaml::{Mapping, Step, Value};

/// A key of the user's that the chart's defaults do not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKey {
    /// Where it is, itself included.
    pub path: Vec<Step>,
    /// The known key beside it that is most like it, if one is like it at all.
    pub suggestion: Option<String>,
}

/// The user's keys that have no counterpart among the defaults, in order. `is_free` tells of a map (by its path)
/// that it may hold any key; maps that the defaults leave empty are free in any case, and so is everything in lists.
pub fn unknown_keys(user: &Mapping, defaults: &Mapping, is_free: &dyn Fn(&[Step]) -> bool) -> Vec<UnknownKey> {
    let mut found = Vec::new();
    walk(user, defaults, is_free, &mut Vec::new(), &mut found);
    found
}

fn walk(
    user: &Mapping,
    defaults: &Mapping,
    is_free: &dyn Fn(&[Step]) -> bool,
    path: &mut Vec<Step>,
    found: &mut Vec<UnknownKey>,
) {
    if is_free(path) {
        return;
    }
    for (key, value) in user {
        path.push(Step::Key(key.clone()));
        match (value, defaults.get(key)) {
            (Value::Mapping(user), Some(Value::Mapping(defaults))) if !defaults.is_empty() => {
                walk(user, defaults, is_free, path, found);
            }
            (_, Some(_)) => {}
            (_, None) => {
                let candidates = defaults.keys().filter(|known| !user.contains_key(*known));
                let suggestion = nearest(key, candidates.map(String::as_str)).map(str::to_owned);
                found.push(UnknownKey { path: path.clone(), suggestion });
            }
        }
        path.pop();
    }
}

/// The candidate most like `key`: case, `-` and `_` do not count, and at most a third of it may be written wrongly
/// (two neighbours swapped are one error). The first of equally near ones.
pub fn nearest<'a>(key: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |text: &str| text.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect();
    let key: String = fold(key);
    let allowed = (key.chars().count() / 3).min(3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&key, &fold(candidate) as &String), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
