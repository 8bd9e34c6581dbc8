//! The value tree that YAML, `--set` and JSON are read into.
//!
//! Mirrors what Go's `interface{}` holds after Helm has read a document: maps have string keys and no order of
//! their own (they are iterated in byte order of the keys, as Go prints and ranges over them), and the three
//! number kinds stay apart because templates print them differently.

use std::collections::BTreeMap;

/// A map with string keys, in byte order of the keys.
pub type Mapping = BTreeMap<String, Value>;

/// A YAML or JSON value as Go code sees it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// `null`, an empty scalar, Go's `nil`.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// Go's `int64`: numbers of `--set`, integers of the embedded chart.
    Int(i64),
    /// Go's `uint64`: integers above `i64::MAX`.
    UInt(u64),
    /// Go's `float64`: every number that came through JSON, hence every number of a values file for a chart of Helm's.
    Float(f64),
    /// Text.
    String(String),
    /// A list.
    Sequence(Vec<Value>),
    /// A map.
    Mapping(Mapping),
}

impl Value {
    /// An empty map.
    pub const fn empty_mapping() -> Self {
        Self::Mapping(Mapping::new())
    }

    /// Whether this is `null`.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The boolean, if it is one.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if the number is one that fits (a float without fraction counts).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::float_cmp,
        reason = "the round trip is checked"
    )]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::UInt(value) => i64::try_from(*value).ok(),
            Self::Float(value) if (*value as i64) as f64 == *value => Some(*value as i64),
            _ => None,
        }
    }

    /// The map, if it is one.
    pub const fn as_mapping(&self) -> Option<&Mapping> {
        match self {
            Self::Mapping(map) => Some(map),
            _ => None,
        }
    }

    /// The map, if it is one.
    pub const fn as_mapping_mut(&mut self) -> Option<&mut Mapping> {
        match self {
            Self::Mapping(map) => Some(map),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub const fn as_sequence(&self) -> Option<&Vec<Value>> {
        match self {
            Self::Sequence(list) => Some(list),
            _ => None,
        }
    }

    /// The value under `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_mapping()?.get(key)
    }

    /// The value under a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// As a JSON value; what JSON cannot hold (NaN, infinities) becomes `null`.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) => Json::from(*value),
            Self::UInt(value) => Json::from(*value),
            Self::Float(value) => match self.as_i64() {
                Some(integer) if value.abs() < 1e21 => Json::from(integer),
                _ => serde_json::Number::from_f64(*value).map_or(Json::Null, Json::Number),
            },
            Self::String(text) => Json::String(text.clone()),
            Self::Sequence(list) => Json::Array(list.iter().map(Self::to_json).collect()),
            Self::Mapping(map) => Json::Object(map.iter().map(|(key, value)| (key.clone(), value.to_json())).collect()),
        }
    }
}

/// Merges `over` into `map`: it wins, maps on both sides are merged in turn, everything else is replaced. Helm merges
/// values files, and documents of one, in this way; a `null` replaces too.
pub fn merge(map: &mut Mapping, over: Mapping) {
    for (key, value) in over {
        match (map.get_mut(&key), value) {
            (Some(Value::Mapping(inner)), Value::Mapping(value)) => merge(inner, value),
            (_, value) => {
                map.insert(key, value);
            }
        }
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(number) => number
                .as_i64()
                .map(Self::Int)
                .or_else(|| number.as_u64().map(Self::UInt))
                .unwrap_or_else(|| Self::Float(number.as_f64().unwrap_or_default())),
            Json::String(text) => Self::String(text),
            Json::Array(list) => Self::Sequence(list.into_iter().map(Self::from).collect()),
            Json::Object(map) => Self::Mapping(map.into_iter().map(|(key, value)| (key, Self::from(value))).collect()),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
