//! Lists: taking them apart, putting them together, searching. A list is never changed; results are new ones. What
//! takes a list takes a slice of any type, bytes included.

use std::rc::Rc;

use super::argument::{self, Elements};
use super::conversion::to_int64;
use super::equality::{Seen, deep_equal};
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::items::{Element, Items, grown};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{List, ListType, Value};

use Type::{Any, Bool, Int, List as AnyList, Lists};

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::variadic("list", &[Any], AnyList, list),
    Function::variadic("tuple", &[Any], AnyList, list),
    Function::new("append", &[Any, Any], AnyList, append),
    Function::new("push", &[Any, Any], AnyList, append),
    Function::new("mustAppend", &[Any, Any], AnyList, append),
    Function::new("mustPush", &[Any, Any], AnyList, append),
    Function::new("prepend", &[Any, Any], AnyList, prepend),
    Function::new("mustPrepend", &[Any, Any], AnyList, prepend),
    Function::new("first", &[Any], Any, first),
    Function::new("mustFirst", &[Any], Any, first),
    Function::new("last", &[Any], Any, last),
    Function::new("mustLast", &[Any], Any, last),
    Function::new("rest", &[Any], AnyList, rest),
    Function::new("mustRest", &[Any], AnyList, rest),
    Function::new("initial", &[Any], AnyList, initial),
    Function::new("mustInitial", &[Any], AnyList, initial),
    Function::new("reverse", &[Any], AnyList, reverse),
    Function::new("mustReverse", &[Any], AnyList, reverse),
    Function::new("compact", &[Any], AnyList, compact),
    Function::new("mustCompact", &[Any], AnyList, compact),
    Function::new("uniq", &[Any], AnyList, uniq),
    Function::new("mustUniq", &[Any], AnyList, uniq),
    Function::variadic("without", &[Any, Any], AnyList, without),
    Function::variadic("mustWithout", &[Any, Any], AnyList, without),
    Function::new("has", &[Any, Any], Bool, has),
    Function::new("mustHas", &[Any, Any], Bool, has),
    Function::variadic("slice", &[Any, Any], Any, slice),
    Function::variadic("mustSlice", &[Any, Any], Any, slice),
    Function::variadic("concat", &[Any], Any, concat),
    Function::new("chunk", &[Int, Any], Lists, chunk),
    Function::new("mustChunk", &[Int, Any], Lists, chunk),
];

/// The elements of a slice; an error with sprig's words before the kind of what is none.
fn items<'a>(it: &'a [Value], place: usize, words: &str) -> Result<Elements<'a>, Failure> {
    argument::elements(argument::any(it, place))?.map_err(|kind| Failure::Message(format!("{words} {}", kind.name())))
}

/// A list made for a result, paid for.
fn made(machine: &mut Machine<'_>, items: impl Into<Items>) -> Result<Value, Failure> {
    let items = items.into();
    machine.spend(items.len().saturating_mul(size_of::<Value>()))?;
    Ok(Value::List(Rc::new(List { kind: ListType::Any, nil: false, items })))
}

/// Elements that Go appends one by one.
fn appended(items: Vec<Value>) -> Items {
    Items::appended(items, Element::Pair)
}

fn list(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    made(machine, it.to_vec())
}

fn append(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    let items = items(it, 0, "Cannot push on type")?;
    let capacity = grown(items.len(), items.len() + 1, Element::Pair);
    made(machine, Items::with_capacity(items.iter().chain(it.get(1)).cloned().collect(), capacity))
}

fn prepend(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    let items = items(it, 0, "Cannot prepend on type")?;
    let capacity = if items.is_empty() { 1 } else { grown(1, items.len() + 1, Element::Pair) };
    made(machine, Items::with_capacity(it.get(1).into_iter().chain(items.iter()).cloned().collect(), capacity))
}

fn first(_: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    Ok(items(it, 0, "Cannot find first on type")?.first().cloned().unwrap_or_default())
}

fn last(_: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    Ok(items(it, 0, "Cannot find last on type")?.last().cloned().unwrap_or_default())
}

fn rest(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    match items(it, 0, "Cannot find rest on type")?.split_first() {
        Some((_, rest)) => made(machine, rest.to_vec()),
        None => Ok(Value::nil_list(ListType::Any)),
    }
}

fn initial(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    match items(it, 0, "Cannot find initial on type")?.split_last() {
        Some((_, initial)) => made(machine, initial.to_vec()),
        None => Ok(Value::nil_list(ListType::Any)),
    }
}

fn reverse(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    let items = items(it, 0, "Cannot find reverse on type")?;
    made(machine, items.iter().rev().cloned().collect::<Vec<_>>())
}

fn compact(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    let items = items(it, 0, "Cannot compact on type")?;
    made(machine, appended(items.iter().filter(|item| item.truth()).cloned().collect()))
}

fn uniq(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    let items = items(it, 0, "Cannot find uniq on type")?;
    let mut seen = Seen::default();
    let mut kept = Vec::new();
    for item in items.iter() {
        if seen.insert(item)? {
            kept.push(item.clone());
        }
    }
    made(machine, appended(kept))
}

fn without(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    let items = items(it, 0, "Cannot find without on type")?;
    let mut omitted = Seen::default();
    for item in it.get(1..).unwrap_or_default() {
        omitted.insert(item)?;
    }
    let mut kept = Vec::new();
    for item in items.iter() {
        if !omitted.contains(item)? {
            kept.push(item.clone());
        }
    }
    made(machine, appended(kept))
}

fn has(_: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    if matches!(argument::any(it, 1), Value::Nil) {
        return Ok(Value::Bool(false));
    }
    let needle = argument::any(it, 0);
    for item in items(it, 1, "Cannot find has on type")?.iter() {
        if deep_equal(needle, item)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

/// Part of a slice, which keeps its type.
fn slice(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    let value = argument::any(it, 0);
    let length = items(it, 0, "list should be type of slice or array but")?.len();
    if length == 0 {
        return Ok(Value::Nil);
    }
    let start = it.get(1).map_or(0, to_int64);
    let end = it.get(2).map_or_else(|| i64::try_from(length).unwrap_or(i64::MAX), to_int64);
    let out_of_bounds = || Failure::from("reflect.Value.Slice: slice index out of bounds");
    let start = usize::try_from(start).map_err(|_| out_of_bounds())?;
    let end = usize::try_from(end).map_err(|_| out_of_bounds())?;
    match value {
        Value::Bytes(bytes) => Ok(Value::Bytes(Text::from(bytes.get(start..end).ok_or_else(out_of_bounds)?))),
        Value::List(list) => {
            let zero = match list.kind {
                ListType::Any => Value::Nil,
                ListType::Strings | ListType::Named(_) => Value::text(""),
                ListType::Ints => Value::int(0),
                ListType::Lists => Value::nil_list(ListType::Any),
            };
            let items = list.items.part(start, end, &zero).ok_or_else(out_of_bounds)?;
            machine.spend(items.len().saturating_mul(size_of::<Value>()))?;
            Ok(Value::List(Rc::new(List { kind: list.kind, nil: false, items })))
        }
        _ => Ok(Value::Nil),
    }
}

fn concat(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    let mut joined = Vec::new();
    for value in it {
        let items = argument::elements(value)?
            .map_err(|kind| Failure::Message(format!("Cannot concat type {} as list", kind.name())))?;
        machine.spend(items.len().saturating_mul(size_of::<Value>()))?;
        joined.extend_from_slice(&items);
    }
    Ok(if joined.is_empty() { Value::nil_list(ListType::Any) } else { Value::appended_list(joined) })
}

/// Parts of a list of at most a size. The numbers are computed as floats, so that also a size of 0 or less does what
/// it does in Go.
fn chunk(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    let size = argument::int(it, 0);
    let items = items(it, 1, "Cannot chunk type")?;
    machine.spend(items.len().saturating_mul(size_of::<Value>()))?;
    let too_long = || Failure::from("runtime error: makeslice: len out of range");
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    #[expect(clippy::cast_precision_loss, reason = "Go computes with floats")]
    let (count, part, last) = {
        let (length, size) = (length as f64, size as f64);
        (((length - 1.0) / size).floor() + 1.0, size, (length % size).floor())
    };
    // Whatever is no number is the smallest one for Go.
    if count.is_nan() || !(0.0..9e15).contains(&count) {
        return Err(too_long());
    }
    let mut chunks = Vec::new();
    let mut rest = &*items;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be small and positive")]
    let count = count as usize;
    for index in 0..count {
        let wanted = if index + 1 == count && last != 0.0 { last } else { part };
        if wanted < 0.0 {
            return Err(too_long());
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
        let wanted = wanted as usize;
        let (chunk, after) = rest.split_at_checked(wanted).unwrap_or((rest, &[]));
        chunks.push(Value::list(chunk.to_vec()));
        rest = after;
    }
    machine.spend(chunks.len().saturating_mul(size_of::<Value>()))?;
    Ok(Value::List(Rc::new(List { kind: ListType::Lists, nil: false, items: chunks.into() })))
}
