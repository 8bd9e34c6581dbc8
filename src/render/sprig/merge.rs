//! How maps are merged in templates. Rules: mergo 1.0.1, as far as maps with string keys reach.
//!
//! Maps in both are merged in place; anything else is replaced. Without `overwrite` a value of the target stays,
//! unless it is *empty*: false, 0, empty text, empty list. Values of the source are stored by reference.

use std::rc::Rc;

use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{Kind, MAX_DEPTH, Map, MapType, Value};

/// mergo's error for a map that meets a pointer; the only one that merging maps can meet.
pub(super) const DIFFERENT_TYPES: &str = "src and dst must be of same type";

/// Merges a map into another.
///
/// # Errors
/// [`DIFFERENT_TYPES`]; Go's panic for a map of strings that would have to hold something else; a budget.
pub(super) fn merge(
    machine: &mut Machine<'_>,
    target: &Rc<Map>,
    source: &Rc<Map>,
    overwrite: bool,
) -> Result<(), Failure> {
    merge_at(machine, target, source, overwrite, 0)
}

fn merge_at(
    machine: &mut Machine<'_>,
    target: &Map,
    source: &Map,
    overwrite: bool,
    depth: usize,
) -> Result<(), Failure> {
    if depth > MAX_DEPTH {
        return Err(Failure::Budget("maps to merge contain themselves, or are nested too deeply".to_owned()));
    }
    if target.nil {
        return Ok(());
    }
    // The source may be part of the target: what it had at the start counts.
    let entries: Vec<(Text, Value)> =
        source.entries.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    machine.spend(entries.len().saturating_mul(size_of::<(Text, Value)>()))?;
    for (key, value) in entries {
        let present = target.entries.borrow().get(&key).cloned();
        if matches!(value, Value::Nil) {
            if overwrite {
                store(target, source, key, value)?;
            }
            continue;
        }
        match (&present, &value) {
            (Some(Value::Map(inner)), Value::Map(other)) => merge_at(machine, inner, other, overwrite, depth + 1)?,
            // A pointer is only merged with its like.
            (Some(Value::Object(object)), other)
                if !overwrite && object.kind() == Kind::Ptr && matches!(other.kind(), Kind::Map | Kind::Struct) =>
            {
                return Err(Failure::from(DIFFERENT_TYPES));
            }
            _ => {}
        }
        let full = present.as_ref().is_some_and(|present| !is_empty(present));
        let both_maps = matches!((&present, &value), (Some(Value::Map(_)), Value::Map(_)));
        if !full || overwrite && !both_maps {
            store(target, source, key, value)?;
        }
    }
    Ok(())
}

fn store(target: &Map, source: &Map, key: Text, value: Value) -> Result<(), Failure> {
    if target.kind == MapType::Strings && source.kind != MapType::Strings {
        return Err(Failure::from(
            "reflect.Value.SetMapIndex: value of type interface {} is not assignable to type string",
        ));
    }
    target.entries.borrow_mut().insert(key, value);
    Ok(())
}

/// What mergo takes for empty. Complex numbers never are.
fn is_empty(value: &Value) -> bool {
    !matches!(value, Value::Complex(_)) && !value.truth()
}
