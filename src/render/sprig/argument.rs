//! How function bodies take their arguments: the evaluator has checked number and types, so what is missing here cannot
//! happen, and is empty rather than a panic.

use crate::render::gotemplate::value::Value;

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
