//! The keys that a chart has a use for, and the user's keys that are none of them, most often slips of the pen.
//!
//! Known is what the chart's defaults have, what its schema names and what its templates read. A map may hold any key
//! where the defaults leave it empty or are no map, where the schema says so, and inside lists. Putting the trees of a
//! chart and of those inside it together is the caller's business.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value as Json;

use crate::yaml::{Mapping, Step, Value};

/// How deep a schema is looked into: references may lead in circles.
const MAX_SCHEMA_DEPTH: usize = 64;
/// How many parts of a schema are looked at: references may multiply.
const MAX_SCHEMA_PARTS: usize = 100_000;

/// How many steps of a path are looked at: charts of strangers name them.
const MAX_PATH: usize = 64;
/// The longest key that is compared with others, in characters.
const MAX_KEY: usize = 128;

/// Keys of a map that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Whatever the user likes.
    Anything,
    /// These.
    Keys(BTreeMap<String, Known>),
}

/// A key of the user's that the chart has no use for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKey {
    /// Where it is, itself included.
    pub path: Vec<Step>,
    /// The known key that is most like it, if one is: beside it, or of the same name elsewhere.
    pub nearest: Option<Vec<Step>>,
}

impl Default for Known {
    fn default() -> Self {
        Self::Keys(BTreeMap::new())
    }
}

impl Known {
    /// The keys of default values.
    pub fn from_defaults(defaults: &Mapping) -> Self {
        let of = |value: &Value| match value {
            Value::Mapping(map) if !map.is_empty() => Self::from_defaults(map),
            _ => Self::Anything,
        };
        Self::Keys(defaults.iter().map(|(key, value)| (key.clone(), of(value))).collect())
    }

    /// Adds what a schema names.
    pub fn add_schema(&mut self, schema: &Json) {
        let mut left = MAX_SCHEMA_PARTS;
        if let Some(known) = of_schema(schema, schema, MAX_SCHEMA_DEPTH, &mut left) {
            self.add(known);
        }
    }

    /// Adds a key by its path; below it anything may stand. Leaves alone what is known there already.
    pub fn add_path<S: AsRef<str>>(&mut self, path: &[S]) {
        self.add_steps(path.get(..MAX_PATH).unwrap_or(path));
    }

    fn add_steps<S: AsRef<str>>(&mut self, path: &[S]) {
        let Some((first, rest)) = path.split_first() else { return };
        let Self::Keys(keys) = self else { return };
        match keys.entry(first.as_ref().to_owned()) {
            Entry::Occupied(entry) => entry.into_mut().add_steps(rest),
            Entry::Vacant(entry) if rest.is_empty() => drop(entry.insert(Self::Anything)),
            Entry::Vacant(entry) => entry.insert(Self::default()).add_steps(rest),
        }
    }

    /// Adds the keys of a chart that gets its values under a key. What the defaults around it leave empty is no freedom of
    /// that chart's.
    pub fn add_subchart(&mut self, name: &str, subchart: Self) {
        let Self::Keys(keys) = self else { return };
        match keys.get_mut(name) {
            Some(known @ Self::Keys(_)) => known.add(subchart),
            _ => drop(keys.insert(name.to_owned(), subchart)),
        }
    }

    /// Adds other keys; where either allows anything, anything is allowed.
    pub fn add(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Anything, _) => {}
            (_, Self::Anything) => *self = Self::Anything,
            (Self::Keys(keys), Self::Keys(others)) => {
                for (key, other) in others {
                    match keys.entry(key) {
                        Entry::Occupied(entry) => entry.into_mut().add(other),
                        Entry::Vacant(entry) => drop(entry.insert(other)),
                    }
                }
            }
        }
    }

    /// The user's keys that are not known, in order; of a map that is not known only the key that leads to it.
    pub fn unknown(&self, user: &Mapping) -> Vec<UnknownKey> {
        let mut found = Vec::new();
        self.walk(user, &mut Vec::new(), &mut found);
        for key in &mut found {
            if key.nearest.is_none() {
                key.nearest = self.namesake(&key.path);
            }
        }
        found
    }

    fn walk(&self, user: &Mapping, path: &mut Vec<Step>, found: &mut Vec<UnknownKey>) {
        let Self::Keys(keys) = self else { return };
        for (key, value) in user {
            let step = Step::Key(key.clone());
            match (keys.get(key), value) {
                (Some(known), Value::Mapping(user)) => {
                    path.push(step);
                    known.walk(user, path, found);
                    path.pop();
                }
                (Some(_), _) => {}
                (None, _) => {
                    let candidates = keys.keys().filter(|known| !user.contains_key(*known));
                    let near = nearest(key, candidates.map(String::as_str));
                    let beside = |near: &str| path.iter().cloned().chain([Step::from(near)]).collect();
                    let nearest = near.map(beside);
                    found.push(UnknownKey { path: path.iter().cloned().chain([step]).collect(), nearest });
                }
            }
        }
    }

    /// The only known key of the same name, first looked for below the place where it stands, then everywhere.
    fn namesake(&self, path: &[Step]) -> Option<Vec<Step>> {
        let (Step::Key(name), around) = path.split_last()? else { return None };
        let inside = around.iter().try_fold(self, |known, step| match (known, step) {
            (Self::Keys(keys), Step::Key(key)) => keys.get(key),
            _ => None,
        });
        [(inside?, around), (self, &[][..])].into_iter().find_map(|(known, around)| {
            let mut found = Vec::new();
            known.find(name, &mut around.to_vec(), &mut found);
            if found.len() == 1 { found.pop() } else { None }
        })
    }

    fn find(&self, name: &str, path: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
        let Self::Keys(keys) = self else { return };
        for (key, known) in keys {
            path.push(Step::Key(key.clone()));
            if key == name {
                found.push(path.clone());
            }
            known.find(name, path, found);
            path.pop();
        }
    }
}

/// The keys that a schema names for a value; nothing if it says nothing about keys.
fn of_schema(schema: &Json, whole: &Json, depth: usize, left: &mut usize) -> Option<Known> {
    let schema = schema.as_object()?;
    if depth == 0 || *left == 0 {
        // What is not looked at may name any key.
        return Some(Known::Anything);
    }
    *left -= 1;
    let mut known: Option<Known> = None;
    let mut add = |more: Option<Known>| match (&mut known, more) {
        (_, None) => {}
        (Some(known), Some(more)) => known.add(more),
        (none, more) => *none = more,
    };
    if let Some(properties) = schema.get("properties").and_then(Json::as_object) {
        let mut keys = BTreeMap::new();
        if properties.len() > *left {
            return Some(Known::Anything);
        }
        *left -= properties.len();
        for (key, value) in properties {
            keys.insert(key.clone(), of_schema(value, whole, depth - 1, left).unwrap_or(Known::Anything));
        }
        add(Some(Known::Keys(keys)));
    }
    // A rule for keys that are not named means that there may be such keys.
    let is_open = |rule: &Json| *rule != Json::Bool(false);
    if schema.get("patternProperties").is_some() || schema.get("additionalProperties").is_some_and(is_open) {
        add(Some(Known::Anything));
    }
    if let Some(inner) = schema.get("$ref").and_then(Json::as_str).and_then(|it| it.strip_prefix('#')) {
        add(whole.pointer(inner).and_then(|inner| of_schema(inner, whole, depth - 1, left)));
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        for inner in schema.get(keyword).and_then(Json::as_array).into_iter().flatten() {
            add(of_schema(inner, whole, depth - 1, left));
        }
    }
    for keyword in ["if", "then", "else"] {
        add(schema.get(keyword).and_then(|inner| of_schema(inner, whole, depth - 1, left)));
    }
    known
}

/// The candidate most like `key`: case, `-` and `_` do not count, and at most a third of it may be written wrongly
/// (two neighbours swapped are one error). The first of equally near ones.
pub fn nearest<'a>(key: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |text: &str| text.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect();
    let is_short = |text: &&str| text.chars().nth(MAX_KEY).is_none();
    if !is_short(&key) {
        return None;
    }
    let key: String = fold(key);
    let allowed = (key.chars().count() / 3).min(3);
    candidates
        .into_iter()
        .filter(is_short)
        .map(|candidate| (strsim::osa_distance(&key, &fold(candidate) as &String), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
