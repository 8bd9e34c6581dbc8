//! How function bodies take their arguments: the evaluator has checked number and types, so what is missing here cannot
//! happen, and is empty rather than a panic.

use std::rc::Rc;

use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{Kind, Map, MapType, Value};

/// A string or bytes.
pub(super) fn bytes(arguments: &[Value], place: usize) -> &[u8] {
    match arguments.get(place) {
        Some(Value::Text(text) | Value::Bytes(text)) => text,
        _ => b"",
    }
}

/// An integer.
pub(super) fn int(arguments: &[Value], place: usize) -> i64 {
    match arguments.get(place) {
        Some(Value::Int(_, number)) => *number,
        _ => 0,
    }
}

/// Any value.
pub(super) fn any(arguments: &[Value], place: usize) -> &Value {
    arguments.get(place).unwrap_or(&Value::Nil)
}

/// A string.
pub(super) fn text(arguments: &[Value], place: usize) -> Text {
    arguments.get(place).and_then(Value::as_text).cloned().unwrap_or_else(|| Text::from(""))
}

/// A map, as the plain type that the function declares.
pub(super) fn map(arguments: &[Value], place: usize) -> Rc<Map> {
    match arguments.get(place) {
        Some(Value::Map(map)) if map.kind == MapType::Any => Rc::clone(map),
        Some(Value::Map(map)) => Rc::new(map.as_type(MapType::Any)),
        _ => Rc::new(Map::nil(MapType::Any)),
    }
}

/// The elements of a slice of any type, or the kind of what is none.
///
/// # Errors
/// Go's panic for nil.
pub(super) fn elements(value: &Value) -> Result<Result<Elements<'_>, Kind>, Failure> {
    use crate::render::gotemplate::value::UintType;
    match value {
        Value::Nil => Err(Failure::from("runtime error: invalid memory address or nil pointer dereference")),
        Value::List(list) => Ok(Ok(Elements::Borrowed(&list.items))),
        Value::Bytes(bytes) => {
            Ok(Ok(Elements::Owned(bytes.iter().map(|byte| Value::Uint(UintType::Uint8, (*byte).into())).collect())))
        }
        other => Ok(Err(other.kind())),
    }
}

/// Elements of a slice.
#[derive(Debug)]
pub(super) enum Elements<'a> {
    /// Those of a list.
    Borrowed(&'a [Value]),
    /// Made for this call.
    Owned(Vec<Value>),
}

impl std::ops::Deref for Elements<'_> {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        match self {
            Self::Borrowed(items) => items,
            Self::Owned(items) => items,
        }
    }
}
