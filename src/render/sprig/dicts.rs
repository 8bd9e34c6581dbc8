//! Dictionaries: maps are references, so `set`, `unset` and `merge` change what every holder of the map sees.

use std::rc::Rc;

use super::argument;
use super::conversion::to_text;
use super::merge::merge;
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::format::type_name;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::items::{Element, Items};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::value::{Entries, List, ListType, MAX_DEPTH, Map, MapType, Value};

use Type::{Any, Bool, Map as Dict, String as Str, Strings};

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::variadic("dict", &[Any], Dict, dict),
    Function::new("get", &[Dict, Str], Any, |_, it| {
        let map = argument::map(it, 0);
        let found = map.entries.borrow().get(argument::bytes(it, 1)).cloned();
        Ok(found.unwrap_or_else(|| Value::text("")))
    }),
    Function::new("set", &[Dict, Str, Any], Dict, set),
    Function::new("unset", &[Dict, Str], Dict, |_, it| {
        let map = argument::map(it, 0);
        map.entries.borrow_mut().remove(argument::bytes(it, 1));
        Ok(Value::Map(map))
    }),
    Function::new("hasKey", &[Dict, Str], Bool, |_, it| {
        Ok(Value::Bool(argument::map(it, 0).entries.borrow().contains_key(argument::bytes(it, 1))))
    }),
    Function::variadic("pluck", &[Str, Dict], Type::List, |machine, it| {
        machine.spend(size_of_val(it))?;
        let mut found = Vec::new();
        for place in 1..it.len() {
            found.extend(argument::map(it, place).entries.borrow().get(argument::bytes(it, 0)).cloned());
        }
        Ok(Value::appended_list(found))
    }),
    // Go gives keys and values in random order; here it is that of the keys.
    Function::variadic("keys", &[Dict], Strings, |machine, it| {
        let mut keys = Vec::new();
        for place in 0..it.len() {
            let map = argument::map(it, place);
            let entries = map.entries.borrow();
            machine.spend(entries.len().saturating_mul(size_of::<Value>()))?;
            keys.extend(entries.keys().cloned().map(Value::Text));
        }
        let items = Items::appended(keys, Element::Pair);
        Ok(Value::List(Rc::new(List { kind: ListType::Strings, nil: false, items })))
    }),
    Function::new("values", &[Dict], Type::List, |machine, it| {
        let map = argument::map(it, 0);
        let entries = map.entries.borrow();
        machine.spend(entries.len().saturating_mul(size_of::<Value>()))?;
        Ok(Value::appended_list(entries.values().cloned().collect()))
    }),
    Function::variadic("pick", &[Dict, Str], Dict, |machine, it| {
        machine.spend(size_of_val(it))?;
        let map = argument::map(it, 0);
        let entries = map.entries.borrow();
        let wanted = it.iter().skip(1).filter_map(Value::as_text);
        Ok(Value::map(wanted.filter_map(|key| Some((key.clone(), entries.get(key)?.clone()))).collect()))
    }),
    Function::variadic("omit", &[Dict, Str], Dict, |machine, it| {
        let map = argument::map(it, 0);
        let entries = map.entries.borrow();
        machine.spend(entries.len().saturating_mul(ENTRY))?;
        let mut kept: Entries = entries.clone();
        for key in it.iter().skip(1).filter_map(Value::as_text) {
            kept.remove(key);
        }
        Ok(Value::map(kept))
    }),
    Function::variadic("merge", &[Dict, Dict], Any, |machine, it| merged(machine, it, false, true)),
    Function::variadic("mustMerge", &[Dict, Dict], Any, |machine, it| merged(machine, it, false, false)),
    Function::variadic("mergeOverwrite", &[Dict, Dict], Any, |machine, it| merged(machine, it, true, true)),
    Function::variadic("mustMergeOverwrite", &[Dict, Dict], Any, |machine, it| merged(machine, it, true, false)),
    Function::variadic("dig", &[Any], Any, dig),
    Function::new("deepCopy", &[Any], Any, deep_copy),
    Function::new("mustDeepCopy", &[Any], Any, deep_copy),
];

/// What an entry of a map costs.
const ENTRY: usize = 2 * size_of::<Value>();

fn dict(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    machine.spend(size_of_val(it))?;
    let mut entries = Entries::new();
    for pair in it.chunks(2) {
        let key = to_text(argument::any(pair, 0))?;
        entries.insert(key, pair.get(1).cloned().unwrap_or_else(|| Value::text("")));
    }
    Ok(Value::map(entries))
}

fn set(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    let map = argument::map(it, 0);
    if map.nil {
        return Err(Failure::from("assignment to entry in nil map"));
    }
    machine.spend(ENTRY)?;
    map.entries.borrow_mut().insert(argument::text(it, 1), argument::any(it, 2).clone());
    Ok(Value::Map(map))
}

/// Merges all maps into the first, in their order. An error makes the result empty text if it is to be swallowed.
fn merged(machine: &mut Machine<'_>, it: &[Value], overwrite: bool, swallow: bool) -> Result<Value, Failure> {
    let mut target = argument::map(it, 0);
    for place in 1..it.len() {
        let source = argument::map(it, place);
        if target.nil && !source.nil {
            target = Rc::new(Map::new(MapType::Any, Entries::new()));
        }
        match merge(machine, &target, &source, overwrite) {
            Err(Failure::Message(text)) if swallow && text == super::merge::DIFFERENT_TYPES => {
                return Ok(Value::text(""));
            }
            other => other?,
        }
    }
    Ok(Value::Map(target))
}

/// Follows keys into maps: `dig KEY… DEFAULT MAP`.
fn dig(_: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    let [keys @ .., default, root] = it else { return Err(Failure::from("dig needs at least three arguments")) };
    if keys.is_empty() {
        return Err(Failure::from("dig needs at least three arguments"));
    }
    let plain = |value: &Value| match value {
        Value::Map(map) if map.kind == MapType::Any => Ok(Rc::clone(map)),
        other => Err(conversion_error(other, "map[string]interface {}")),
    };
    let mut map = plain(root)?;
    let mut texts = Vec::with_capacity(keys.len());
    for key in keys {
        texts.push(key.as_text().ok_or_else(|| conversion_error(key, "string"))?);
    }
    for (index, key) in texts.iter().enumerate() {
        let found = map.entries.borrow().get(*key).cloned();
        let Some(found) = found else { return Ok(default.clone()) };
        if index + 1 == texts.len() {
            return Ok(found);
        }
        map = plain(&found)?;
    }
    Ok(default.clone())
}

/// Go's panic for a type assertion.
fn conversion_error(value: &Value, wanted: &str) -> Failure {
    let name = if matches!(value, Value::Nil) { "nil".into() } else { type_name(value) };
    Failure::Message(format!("interface conversion: interface {{}} is {name}, not {wanted}"))
}

fn deep_copy(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    match argument::any(it, 0) {
        Value::Nil => Err(Failure::from("reflect: call of reflect.Value.Type on zero Value")),
        value => copy(machine, value, 0),
    }
}

fn copy(machine: &mut Machine<'_>, value: &Value, depth: usize) -> Result<Value, Failure> {
    if depth > MAX_DEPTH {
        return Err(Failure::Budget("a value to copy contains itself, or is nested too deeply".to_owned()));
    }
    match value {
        Value::List(list) => {
            machine.spend(list.items.len().saturating_mul(size_of::<Value>()).saturating_add(size_of::<List>()))?;
            let items: Result<_, Failure> = list.items.iter().map(|item| copy(machine, item, depth + 1)).collect();
            let items = Items::with_capacity(items?, list.items.capacity());
            Ok(Value::List(Rc::new(List { kind: list.kind, nil: list.nil, items })))
        }
        Value::Map(map) => {
            let entries = map.entries.borrow();
            machine.spend(entries.len().saturating_mul(ENTRY).saturating_add(size_of::<Map>()))?;
            let copied: Result<Entries, Failure> =
                entries.iter().map(|(key, item)| Ok((key.clone(), copy(machine, item, depth + 1)?))).collect();
            let mut new = Map::new(map.kind, copied?);
            new.nil = map.nil;
            Ok(Value::Map(Rc::new(new)))
        }
        Value::Object(object) => Ok(object.deep_copy().unwrap_or_else(|| value.clone())),
        other => Ok(other.clone()),
    }
}
