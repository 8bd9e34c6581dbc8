//! The user's values laid over a chart's defaults.
//!
//! The rules are those of Helm's `CoalesceValues` and `MergeValues`: the user wins, maps are merged, a user's `null`
//! removes what a default put there, a subchart sees the values under its name and the globals. Helm walks maps in
//! random order; here the order is that of the keys, so warnings come in a fixed order.

use super::{Compat, Dependency, Warning};
use crate::code::Code;
use crate::yaml::number::format_v;
use crate::yaml::{Mapping, Value};

const GLOBAL: &str = "global";

/// What coalescing has to know of a chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChartValues {
    /// The chart's name, or the alias under which it is used.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its default values.
    pub values: Mapping,
    /// Its `values.schema.json`.
    pub schema: Option<Vec<u8>>,
    /// Files of the chart that the schema may refer to.
    pub documents: super::Documents,
    /// The dependencies it declares; `None` if it declares none, not even an empty list.
    pub dependencies: Option<Vec<Dependency>>,
    /// The charts inside it.
    pub subcharts: Vec<ChartValues>,
    /// Its place among the charts that its parent had before dependencies were processed; copies under an alias keep
    /// it, so that whoever holds the charts themselves can follow.
    pub place: usize,
    /// Whether its own dependencies were processed.
    pub is_processed: bool,
}

/// Values and chart do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CoalesceError {
    /// What stands under a subchart's name is no map.
    #[error("type mismatch on {subchart}: {found}")]
    NotAMap {
        /// The subchart.
        subchart: String,
        /// What stands there, as Go's `%t` prints what is no boolean.
        found: String,
    },
}

impl CoalesceError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        Code::ValuesSchema
    }
}

/// How nulls are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    /// A null removes what it stands for.
    Remove,
    /// Nulls are kept, because values will be coalesced once more.
    Keep,
}

/// The values that templates of a chart see, subcharts' included.
pub fn coalesce(
    chart: &ChartValues,
    user: &Mapping,
    compat: Compat,
    warnings: &mut Vec<Warning>,
) -> Result<Mapping, CoalesceError> {
    coalesce_with(chart, user, compat, Nulls::Remove, warnings)
}

pub(super) fn coalesce_with(
    chart: &ChartValues,
    user: &Mapping,
    compat: Compat,
    nulls: Nulls,
    warnings: &mut Vec<Warning>,
) -> Result<Mapping, CoalesceError> {
    let mut values = user.clone();
    Coalescing { compat, warnings }.chart(chart, &mut values, "", nulls)?;
    Ok(values)
}

/// Merges `over` tables: `values` win over `defaults`.
pub(super) fn merge_tables(values: &mut Mapping, defaults: Mapping, compat: Compat, warnings: &mut Vec<Warning>) {
    Coalescing { compat, warnings }.tables(values, defaults, "", Nulls::Keep);
}

/// The same, but a null takes away what it stands over, as Helm's `CoalesceTables`.
pub fn coalesce_tables(values: &mut Mapping, defaults: Mapping, compat: Compat, warnings: &mut Vec<Warning>) {
    Coalescing { compat, warnings }.tables(values, defaults, "", Nulls::Remove);
}

struct Coalescing<'a> {
    compat: Compat,
    warnings: &'a mut Vec<Warning>,
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

impl Coalescing<'_> {
    fn warn(&mut self, helm3_place: &'static str, text: String) {
        self.warnings.push(Warning::same(helm3_place, text));
    }

    fn chart(
        &mut self,
        chart: &ChartValues,
        values: &mut Mapping,
        prefix: &str,
        nulls: Nulls,
    ) -> Result<(), CoalesceError> {
        self.defaults(chart, values, prefix, nulls);
        let prefix = join(prefix, &chart.name);
        for (index, subchart) in chart.subcharts.iter().enumerate() {
            let name = &subchart.name;
            let mut inner = match values.get_mut(name) {
                None => Mapping::new(),
                Some(Value::Mapping(inner)) => std::mem::take(inner),
                Some(other) => {
                    return Err(CoalesceError::NotAMap { subchart: name.clone(), found: go_bool(other) });
                }
            };
            self.globals(&mut inner, values, &prefix);
            self.chart(subchart, &mut inner, &prefix, nulls)?;
            let has_changed = share_globals(values, &inner);
            values.insert(name.clone(), Value::Mapping(inner));
            if has_changed {
                spread_globals(values, &chart.subcharts[..index]);
            }
        }
        Ok(())
    }

    /// The chart's own defaults under `values`.
    fn defaults(&mut self, chart: &ChartValues, values: &mut Mapping, prefix: &str, nulls: Nulls) {
        let prefix = join(prefix, &chart.name);
        let clean = nulls == Nulls::Remove && self.compat == Compat::Helm4;
        for (key, default) in &chart.values {
            match (values.get_mut(key), default) {
                (Some(Value::Null), _) if nulls == Nulls::Remove => {
                    values.remove(key);
                }
                (Some(Value::Mapping(table)), Value::Mapping(default)) => {
                    // Nulls meant for a subchart have to live until its turn comes.
                    let is_subchart = chart.subcharts.iter().any(|subchart| subchart.name == *key);
                    let nulls = if is_subchart { Nulls::Keep } else { nulls };
                    let mut default = default.clone();
                    if nulls == Nulls::Remove && self.compat == Compat::Helm4 {
                        remove_nulls(&mut default);
                    }
                    self.tables(table, default, &join(&prefix, key), nulls);
                }
                (Some(Value::Mapping(_)), Value::Null) => {}
                (Some(Value::Mapping(_)), _) => {
                    self.warn("coalesce.go:237", format!("warning: skipped value for {prefix}.{key}: Not a table."));
                }
                (Some(_), _) => {}
                (None, Value::Null) if clean => {}
                (None, _) => {
                    let mut default = default.clone();
                    if let Value::Mapping(table) = &mut default
                        && clean
                    {
                        remove_nulls(table);
                    }
                    values.insert(key.clone(), default);
                }
            }
        }
    }

    /// Merges `defaults` under `values`.
    fn tables(&mut self, values: &mut Mapping, mut defaults: Mapping, prefix: &str, nulls: Nulls) {
        // A null of the user's hides the default; if there is one to hide, it removes the key as well.
        let mut removes: Vec<String> = Vec::new();
        for (key, value) in values.iter() {
            if value.is_null() && defaults.insert(key.clone(), Value::Null).is_some_and(|default| !default.is_null()) {
                removes.push(key.clone());
            }
        }
        for (key, default) in defaults {
            match values.get_mut(&key) {
                Some(Value::Null) if nulls == Nulls::Remove && removes.contains(&key) => {
                    values.remove(&key);
                }
                None => {
                    values.insert(key, default);
                }
                Some(value) => match (value, default) {
                    (Value::Mapping(table), Value::Mapping(default)) => {
                        self.tables(table, default, &join(prefix, &key), nulls);
                    }
                    (_, default @ Value::Mapping(_)) => {
                        let (path, default) = (join(prefix, &key), go_print(&default));
                        self.warn(
                            "coalesce.go:316",
                            format!("warning: cannot overwrite table with non table for {path} ({default})"),
                        );
                    }
                    (Value::Mapping(_), default) if !default.is_null() => {
                        let (path, default) = (join(prefix, &key), go_print(&default));
                        self.warn(
                            "coalesce.go:319",
                            format!("warning: destination for {path} is a table. Ignoring non-table value ({default})"),
                        );
                    }
                    _ => {}
                },
            }
        }
    }

    /// The parent's globals into a subchart's values; the parent wins.
    fn globals(&mut self, inner: &mut Mapping, outer: &Mapping, prefix: &str) {
        let mut ours = match inner.get_mut(GLOBAL) {
            None => Mapping::new(),
            Some(Value::Mapping(map)) => std::mem::take(map),
            Some(_) => {
                let text = "warning: skipping globals because destination global is not a table.";
                return self.warn("coalesce.go:138", text.to_owned());
            }
        };
        match outer.get(GLOBAL) {
            None => {}
            Some(Value::Mapping(theirs)) => {
                for (key, value) in theirs {
                    self.global(&mut ours, key, value, prefix);
                }
            }
            Some(_) => {
                if inner.contains_key(GLOBAL) {
                    inner.insert(GLOBAL.to_owned(), Value::Mapping(ours));
                }
                let text = "warning: skipping globals because source global is not a table.";
                return self.warn("coalesce.go:145", text.to_owned());
            }
        }
        inner.insert(GLOBAL.to_owned(), Value::Mapping(ours));
    }

    fn global(&mut self, ours: &mut Mapping, key: &str, theirs: &Value, prefix: &str) {
        match (ours.get_mut(key), theirs) {
            (Some(Value::Mapping(table)), Value::Mapping(theirs)) => {
                let ours = std::mem::take(table);
                let mut merged = theirs.clone();
                self.tables(&mut merged, ours, &join(prefix, key), Nulls::Keep);
                *table = merged;
            }
            (Some(_), Value::Mapping(_)) => {
                let key = crate::yaml::number::quote(key);
                self.warn("coalesce.go:161", format!("Conflict: cannot merge map onto non-map for {key}. Skipping."));
            }
            (Some(Value::Mapping(_)), _) => self.warn("coalesce.go:175", format!("key {key} is table. Skipping")),
            _ => {
                ours.insert(key.to_owned(), theirs.clone());
            }
        }
    }
}

/// Helm copies a table of globals for each subchart, but not the tables in it: what a subchart's defaults add there
/// shows in the parent's globals too, and in those of the other subcharts. This carries it to the parent, and tells
/// whether anything was new.
fn share_globals(outer: &mut Mapping, inner: &Mapping) -> bool {
    let mut has_changed = false;
    let Some(Value::Mapping(inner)) = inner.get(GLOBAL) else { return false };
    for_shared_tables(outer, inner, |shared, table| {
        if shared != table {
            shared.clone_from(table);
            has_changed = true;
        }
    });
    has_changed
}

/// Carries the parent's globals to subcharts that had them before they changed.
fn spread_globals(outer: &mut Mapping, subcharts: &[ChartValues]) {
    let Some(Value::Mapping(globals)) = outer.get(GLOBAL).cloned() else { return };
    for subchart in subcharts {
        if let Some(Value::Mapping(inner)) = outer.get_mut(&subchart.name) {
            for_shared_tables(inner, &globals, Clone::clone_from);
            spread_globals(inner, &subchart.subcharts);
        }
    }
}

/// The tables in tables of globals that two levels have in common.
fn for_shared_tables(values: &mut Mapping, globals: &Mapping, mut each: impl FnMut(&mut Mapping, &Mapping)) {
    let Some(Value::Mapping(ours)) = values.get_mut(GLOBAL) else { return };
    for (key, value) in ours {
        if let (Value::Mapping(ours), Some(Value::Mapping(theirs))) = (value, globals.get(key)) {
            for (key, value) in ours {
                if let (Value::Mapping(shared), Some(Value::Mapping(table))) = (value, theirs.get(key)) {
                    each(shared, table);
                }
            }
        }
    }
}

fn remove_nulls(map: &mut Mapping) {
    map.retain(|_, value| !value.is_null());
    for value in map.values_mut() {
        if let Value::Mapping(inner) = value {
            remove_nulls(inner);
        }
    }
}

/// A value as Go's `%v` prints it.
pub(super) fn go_print(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(integer) => integer.to_string(),
        Value::UInt(integer) => integer.to_string(),
        Value::Float(float) => format_v(*float),
        Value::String(text) => text.clone(),
        Value::Sequence(list) => {
            format!("[{}]", list.iter().map(go_print).collect::<Vec<_>>().join(" "))
        }
        Value::Mapping(map) => {
            let entries = map.iter().map(|(key, value)| format!("{key}:{}", go_print(value)));
            format!("map[{}]", entries.collect::<Vec<_>>().join(" "))
        }
    }
}

/// A value as Go's `%t` prints it, which is meant for booleans.
fn go_bool(value: &Value) -> String {
    let wrong = |kind: &str| format!("%!t({kind}={})", go_print(value));
    match value {
        Value::Null => "%!t(<nil>)".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(_) => wrong("int64"),
        Value::UInt(_) => wrong("uint64"),
        Value::Float(_) => wrong("float64"),
        Value::String(_) => wrong("string"),
        Value::Sequence(list) => {
            let items = list.iter().map(|item| if item.is_null() { "<nil>".to_owned() } else { go_bool(item) });
            format!("[{}]", items.collect::<Vec<_>>().join(" "))
        }
        Value::Mapping(map) => {
            let entries = map.iter().map(|(key, value)| {
                let value = if value.is_null() { "<nil>".to_owned() } else { go_bool(value) };
                format!("%!t(string={key}):{value}")
            });
            format!("map[{}]", entries.collect::<Vec<_>>().join(" "))
        }
    }
}
