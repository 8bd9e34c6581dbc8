//! Go's `reflect.DeepEqual`: same type and same content, all the way down. 1, 1.0 and the `int64` 1 are three things.

use std::collections::HashSet;
use std::rc::Rc;

use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::format::type_name;
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{IntType, Kind, MAX_DEPTH, Object, UintType, Value};

/// Whether two values are deeply equal.
///
/// # Errors
/// If they are nested too deeply.
pub fn deep_equal(left: &Value, right: &Value) -> Result<bool, Failure> {
    compare(left, right, &mut HashSet::new(), 0)
}

/// Compares; `open` has the pairs of containers that are being compared already, which count as equal: only what else
/// differs can make a difference.
#[expect(clippy::float_cmp, reason = "the very same number is asked for")]
fn compare(left: &Value, right: &Value, open: &mut HashSet<(usize, usize)>, depth: usize) -> Result<bool, Failure> {
    if depth > MAX_DEPTH {
        return Err(Failure::Budget("values to compare are nested too deeply".to_owned()));
    }
    Ok(match (left, right) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Int(left_type, left), Value::Int(right_type, right)) => left_type == right_type && left == right,
        (Value::Uint(left_type, left), Value::Uint(right_type, right)) => left_type == right_type && left == right,
        (Value::Float(left), Value::Float(right)) => left == right,
        (Value::Complex(left), Value::Complex(right)) => left.0 == right.0 && left.1 == right.1,
        (Value::Text(left), Value::Text(right)) | (Value::Bytes(left), Value::Bytes(right)) => left == right,
        (Value::List(left), Value::List(right)) => {
            if left.kind != right.kind || left.nil != right.nil || left.items.len() != right.items.len() {
                return Ok(false);
            }
            if Rc::ptr_eq(left, right) || !open.insert((Rc::as_ptr(left).addr(), Rc::as_ptr(right).addr())) {
                return Ok(true);
            }
            for (left, right) in left.items.iter().zip(&right.items) {
                if !compare(left, right, open, depth + 1)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Map(left), Value::Map(right)) => {
            let (entries, others) = (left.entries.borrow(), right.entries.borrow());
            if left.kind != right.kind || left.nil != right.nil || entries.len() != others.len() {
                return Ok(false);
            }
            let pair = (Rc::as_ptr(&left.entries).addr(), Rc::as_ptr(&right.entries).addr());
            if pair.0 == pair.1 || !open.insert(pair) {
                return Ok(true);
            }
            for ((key, left), (other_key, right)) in entries.iter().zip(others.iter()) {
                if key != other_key || !compare(left, right, open, depth + 1)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Object(left), Value::Object(right)) => Rc::ptr_eq(left, right) || equal_objects(&**left, &**right),
        _ => false,
    })
}

fn equal_objects(left: &dyn Object, right: &dyn Object) -> bool {
    if left.type_name() != right.type_name() || left.is_nil() != right.is_nil() {
        return false;
    }
    match left.kind() {
        // Functions are equal to nothing but nil ones.
        Kind::Func => left.is_nil(),
        _ if left.is_nil() => true,
        // `==` compares pointers; what they point to tells more.
        Kind::Ptr => left.string() == right.string() && left.print() == right.print(),
        _ => left.equals(right).unwrap_or_else(|| left.print() == right.print()),
    }
}

/// Values that were seen before, found without comparing a new one with all of them where that can be avoided.
#[derive(Debug, Default)]
pub(super) struct Seen {
    simple: HashSet<Key>,
    others: Vec<Value>,
}

/// What is equal to itself alone.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    Nil,
    Bool(bool),
    Int(IntType, i64),
    Uint(UintType, u64),
    Float(u64),
    Text(Text),
}

impl Key {
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Nil => Self::Nil,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(kind, value) => Self::Int(*kind, *value),
            Value::Uint(kind, value) => Self::Uint(*kind, *value),
            // 0 and -0 are equal.
            Value::Float(value) if !value.is_nan() => Self::Float((value + 0.0).to_bits()),
            Value::Text(value) => Self::Text(value.clone()),
            _ => return None,
        })
    }
}

impl Seen {
    /// Whether an equal value is there.
    pub(super) fn contains(&self, value: &Value) -> Result<bool, Failure> {
        if let Some(key) = Key::of(value) {
            return Ok(self.simple.contains(&key));
        }
        let name = type_name(value);
        for other in &self.others {
            if type_name(other) == name && deep_equal(value, other)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds a value; whether it was not there.
    pub(super) fn insert(&mut self, value: &Value) -> Result<bool, Failure> {
        if let Some(key) = Key::of(value) {
            return Ok(self.simple.insert(key));
        }
        let new = !self.contains(value)?;
        if new {
            self.others.push(value.clone());
        }
        Ok(new)
    }
}
