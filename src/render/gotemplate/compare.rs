//! `eq`, `ne`, `lt`, `le`, `gt` and `ge`.
//!
//! Owns which values may be compared and how. The rules are those of Go's `text/template`: values are of one of six
//! basic kinds, kinds do not mix but for signed and unsigned integers, and nil equals only nil.

use std::cmp::Ordering;

use super::error::Failure;
use super::format::{sprintf, type_name};
use super::value::Value;

/// What can be compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Basic {
    Bool,
    Complex,
    Int,
    Float,
    String,
    Uint,
    /// Everything else, nil included.
    Other,
}

const fn basic(value: &Value) -> Basic {
    match value {
        Value::Bool(_) => Basic::Bool,
        Value::Int(..) => Basic::Int,
        Value::Uint(..) => Basic::Uint,
        Value::Float(_) => Basic::Float,
        Value::Complex(_) => Basic::Complex,
        Value::Text(_) => Basic::String,
        Value::Nil | Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Object(_) => Basic::Other,
    }
}

fn incompatible(left: &Value, right: &Value) -> Failure {
    let (left, right) = (type_name(left), type_name(right));
    Failure::Message(format!("incompatible types for comparison: {left} and {right}"))
}

/// Whether the first value equals one of the others.
///
/// # Errors
/// Go's, also if a later value would have been equal.
pub(super) fn equals_any(first: &Value, others: &[Value]) -> Result<bool, Failure> {
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        if equals(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether two values are equal.
///
/// # Errors
/// Go's, for values that cannot be compared.
pub(super) fn equals(left: &Value, right: &Value) -> Result<bool, Failure> {
    Ok(match (left, right) {
        (Value::Text(left), Value::Text(right)) => left == right,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Int(_, left), Value::Int(_, right)) => left == right,
        (Value::Uint(_, left), Value::Uint(_, right)) => left == right,
        #[expect(clippy::float_cmp, reason = "Go compares like this")]
        (Value::Float(left), Value::Float(right)) => left == right,
        (Value::Complex(left), Value::Complex(right)) => left == right,
        (Value::Int(_, int), Value::Uint(_, uint)) | (Value::Uint(_, uint), Value::Int(_, int)) => {
            u64::try_from(*int).is_ok_and(|int| int == *uint)
        }
        (Value::Nil, _) => is_nil(right),
        (_, Value::Nil) => is_nil(left),
        _ if basic(left) != Basic::Other || basic(right) != Basic::Other => return Err(incompatible(left, right)),
        _ => return others_equal(left, right),
    })
}

fn is_nil(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::List(list) => list.nil,
        Value::Map(map) => map.nil,
        Value::Object(object) => object.is_nil(),
        _ => false,
    }
}

/// Equality of values of no basic kind, neither of them nil without a type.
fn others_equal(left: &Value, right: &Value) -> Result<bool, Failure> {
    if left.kind() != right.kind() {
        let (left_type, right_type) = (Value::text(&*type_name(left)), Value::text(&*type_name(right)));
        let arguments = [left.clone(), left_type, right_type, right.clone()];
        return Err(describe(b"non-comparable types %s: %v, %s: %v", &arguments));
    }
    if is_nil(left) || is_nil(right) {
        return Ok(is_nil(left) == is_nil(right));
    }
    let equal = match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            // A value of another type is never equal, but it has to be of one that can be compared.
            right.equals(&**right).and_then(|_| left.equals(&**right))
        }
        _ => None,
    };
    equal.ok_or_else(|| describe(b"non-comparable type %s: %v", &[right.clone(), Value::text(&*type_name(right))]))
}

fn describe(format: &[u8], arguments: &[Value]) -> Failure {
    match sprintf(format, arguments) {
        Ok(text) => Failure::Message(crate::yaml::json::lossy(&text)),
        Err(failure) => failure,
    }
}

/// How two values are ordered; `None` if they are not (NaN).
fn order(left: &Value, right: &Value) -> Result<Option<Ordering>, Failure> {
    for value in [left, right] {
        if basic(value) == Basic::Other {
            return Err("invalid type for comparison".into());
        }
    }
    Ok(match (left, right) {
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Int(_, left), Value::Int(_, right)) => Some(left.cmp(right)),
        (Value::Uint(_, left), Value::Uint(_, right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Int(_, int), Value::Uint(_, uint)) => {
            Some(u64::try_from(*int).map_or(Ordering::Less, |int| int.cmp(uint)))
        }
        (Value::Uint(_, uint), Value::Int(_, int)) => {
            Some(u64::try_from(*int).map_or(Ordering::Greater, |int| uint.cmp(&int)))
        }
        _ if basic(left) == basic(right) => return Err("invalid type for comparison".into()),
        _ => return Err(incompatible(left, right)),
    })
}

/// `lt`.
///
/// # Errors
/// Go's, for values without an order.
pub(super) fn less(left: &Value, right: &Value) -> Result<bool, Failure> {
    Ok(order(left, right)? == Some(Ordering::Less))
}

/// `le`.
///
/// # Errors
/// As [`less`].
pub(super) fn less_or_equal(left: &Value, right: &Value) -> Result<bool, Failure> {
    Ok(matches!(order(left, right)?, Some(Ordering::Less | Ordering::Equal)))
}
