//! The functions of the language itself, but for comparison (`compare`) and `printf` (`format`).
//!
//! Owns which there are and what they do with values; `and`, `or` and `call` need the evaluator and are there. Rules
//! and texts are those of Go's `text/template` package.

use super::compare;
use super::error::Failure;
use super::escape;
use super::format::{self, type_name};
use super::slot::Slot;
use super::value::{Kind, List, Value};

/// A function of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Builtin {
    And,
    Call,
    Html,
    Index,
    Slice,
    Js,
    Len,
    Not,
    Or,
    Print,
    Printf,
    Println,
    UrlQuery,
    Eq,
    Ge,
    Gt,
    Le,
    Lt,
    Ne,
}

const ALL: [Builtin; 19] = [
    Builtin::And,
    Builtin::Call,
    Builtin::Html,
    Builtin::Index,
    Builtin::Slice,
    Builtin::Js,
    Builtin::Len,
    Builtin::Not,
    Builtin::Or,
    Builtin::Print,
    Builtin::Printf,
    Builtin::Println,
    Builtin::UrlQuery,
    Builtin::Eq,
    Builtin::Ge,
    Builtin::Gt,
    Builtin::Le,
    Builtin::Lt,
    Builtin::Ne,
];

/// What a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arity {
    /// Arguments that there must be.
    pub(super) fixed: usize,
    /// Whether any number may follow.
    pub(super) variadic: bool,
}

impl Builtin {
    /// The function of that name.
    pub(super) fn find(name: &str) -> Option<Self> {
        ALL.into_iter().find(|builtin| builtin.name() == name)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Call => "call",
            Self::Html => "html",
            Self::Index => "index",
            Self::Slice => "slice",
            Self::Js => "js",
            Self::Len => "len",
            Self::Not => "not",
            Self::Or => "or",
            Self::Print => "print",
            Self::Printf => "printf",
            Self::Println => "println",
            Self::UrlQuery => "urlquery",
            Self::Eq => "eq",
            Self::Ge => "ge",
            Self::Gt => "gt",
            Self::Le => "le",
            Self::Lt => "lt",
            Self::Ne => "ne",
        }
    }

    pub(super) const fn arity(self) -> Arity {
        let (fixed, variadic) = match self {
            Self::Html | Self::Js | Self::Print | Self::Println | Self::UrlQuery => (0, true),
            Self::And | Self::Or | Self::Call | Self::Index | Self::Slice | Self::Printf | Self::Eq => (1, true),
            Self::Len | Self::Not => (1, false),
            Self::Ne | Self::Lt | Self::Le | Self::Gt | Self::Ge => (2, false),
        };
        Arity { fixed, variadic }
    }

    /// Whether its parameters are `reflect.Value`, which see a nil interface and no value at all as two things;
    /// otherwise they are `interface {}`.
    pub(super) const fn takes_slots(self) -> bool {
        !matches!(self, Self::Html | Self::Js | Self::Print | Self::Printf | Self::Println | Self::UrlQuery)
    }

    /// Runs a function whose parameters are `interface {}`; the first of `printf`'s is a string.
    ///
    /// # Errors
    /// Go's.
    pub(super) fn run(self, arguments: &[Value]) -> Result<Value, Failure> {
        let text = match (self, arguments) {
            (Self::Println, _) => format::sprintln(arguments)?,
            (Self::Printf, [format, rest @ ..]) => {
                format::sprintf(format.as_text().map_or(&[], |text| text.as_bytes()), rest)?
            }
            (Self::Html, _) => escape::html(&joined(arguments)?),
            (Self::Js, _) => escape::js(&joined(arguments)?),
            (Self::UrlQuery, _) => escape::url_query(&joined(arguments)?),
            _ => format::sprint(arguments)?,
        };
        Ok(Value::text(text))
    }

    /// Runs a function whose parameters are `reflect.Value`. There are as many arguments as its arity says.
    ///
    /// # Errors
    /// Go's.
    pub(super) fn run_slots(self, arguments: &[Slot]) -> Result<Slot, Failure> {
        let truth = |value: bool| Ok(Slot::concrete(Value::Bool(value)));
        match (self, arguments) {
            (Self::Not, [value]) => truth(!value.value.truth()),
            (Self::Len, [value]) => length(value),
            (Self::Index, [item, indexes @ ..]) => index(item, indexes),
            (Self::Slice, [item, indexes @ ..]) => slice(item, indexes),
            (Self::Eq, [first, others @ ..]) => {
                if let [other] = others {
                    return truth(compare::equals(&first.value, &other.value)?);
                }
                let others: Vec<Value> = others.iter().map(|slot| slot.value.clone()).collect();
                truth(compare::equals_any(&first.value, &others)?)
            }
            (Self::Ne, [left, right]) => truth(!compare::equals(&left.value, &right.value)?),
            (Self::Lt, [left, right]) => truth(compare::less(&left.value, &right.value)?),
            (Self::Le, [left, right]) => truth(compare::less_or_equal(&left.value, &right.value)?),
            (Self::Gt, [left, right]) => truth(!compare::less_or_equal(&left.value, &right.value)?),
            (Self::Ge, [left, right]) => truth(!compare::less(&left.value, &right.value)?),
            _ => Err("unreachable".into()),
        }
    }
}

/// The text of some values for another language: one string as it is, else as `print` writes them, nil as what Go
/// prints for no value.
fn joined(arguments: &[Value]) -> Result<Vec<u8>, Failure> {
    if let [Value::Text(text)] = arguments {
        return Ok(text.to_vec());
    }
    let shown: Vec<Value> = arguments
        .iter()
        .map(|value| if matches!(value, Value::Nil) { Value::text("<no value>") } else { value.clone() })
        .collect();
    format::sprint(&shown)
}

/// The type of what a pointer points to; other values' own.
fn target_type(value: &Value) -> String {
    let name = type_name(value);
    match value.kind() {
        Kind::Ptr => name.strip_prefix('*').unwrap_or(&name).to_owned(),
        _ => name.into_owned(),
    }
}

fn is_nil_pointer(value: &Value) -> bool {
    matches!(value, Value::Object(object) if object.kind() == Kind::Ptr && object.is_nil())
}

fn length(item: &Slot) -> Result<Slot, Failure> {
    let length = match &item.value {
        Value::Nil if item.interface => return Err("len of nil pointer".into()),
        Value::Nil => return Err("reflect: call of reflect.Value.Type on zero Value".into()),
        Value::Text(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.items.len(),
        Value::Map(map) => map.entries.borrow().len(),
        value if is_nil_pointer(value) => return Err("len of nil pointer".into()),
        value => return Err(Failure::Message(format!("len of type {}", target_type(value)))),
    };
    Ok(Slot::concrete(Value::int(i64::try_from(length).unwrap_or(i64::MAX))))
}

/// An index into something of that length, which is the first one outside of it and may still be named.
fn position(index: &Slot, length: usize) -> Result<usize, Failure> {
    let number = match &index.value {
        Value::Int(_, number) => *number,
        // Go converts, so that the largest numbers become negative.
        Value::Uint(_, number) => number.cast_signed(),
        Value::Nil => return Err("cannot index slice/array with nil".into()),
        value => {
            return Err(Failure::Message(format!("cannot index slice/array with type {}", type_name(value))));
        }
    };
    usize::try_from(number)
        .ok()
        .filter(|position| *position <= length)
        .ok_or_else(|| Failure::Message(format!("index out of range: {number}")))
}

fn index(item: &Slot, indexes: &[Slot]) -> Result<Slot, Failure> {
    if matches!(item.value, Value::Nil) {
        return Err("index of untyped nil".into());
    }
    let mut item = Slot::concrete(item.value.clone());
    for index in indexes {
        let next = match &item.value {
            Value::Text(text) | Value::Bytes(text) => {
                let position = position(index, text.len())?;
                let kind = if matches!(item.value, Value::Text(_)) { "string" } else { "slice" };
                let byte = text.get(position).ok_or_else(|| outside(kind))?;
                Slot::concrete(Value::Uint(super::value::UintType::Uint8, u64::from(*byte)))
            }
            Value::List(list) => {
                let position = position(index, list.items.len())?;
                let element = list.items.get(position).ok_or_else(|| outside("slice"))?;
                Slot::element(list.kind, element.clone())
            }
            Value::Map(map) => {
                let key = match &index.value {
                    Value::Text(key) => key,
                    Value::Nil => return Err("value is nil; should be of type string".into()),
                    value => {
                        let message = format!("value has type {}; should be string", type_name(value));
                        return Err(Failure::Message(message));
                    }
                };
                let entry = map.entries.borrow().get(key).cloned();
                entry.map_or_else(|| Slot::missing(map.kind), |value| Slot::entry(map.kind, value))
            }
            Value::Nil => return Err("index of nil pointer".into()),
            value if is_nil_pointer(value) => return Err("index of nil pointer".into()),
            value => return Err(Failure::Message(format!("can't index item of type {}", target_type(value)))),
        };
        item = next;
    }
    Ok(item)
}

fn outside(kind: &str) -> Failure {
    Failure::Message(format!("reflect: {kind} index out of range"))
}

/// Go's `x[1:2]`. Lists here have no capacity beyond their length.
fn slice(item: &Slot, indexes: &[Slot]) -> Result<Slot, Failure> {
    let length = match &item.value {
        Value::Nil => return Err("slice of untyped nil".into()),
        value if is_nil_pointer(value) => return Err("slice of nil pointer".into()),
        _ if indexes.len() > 3 => {
            return Err(Failure::Message(format!("too many slice indexes: {}", indexes.len())));
        }
        Value::Text(_) if indexes.len() == 3 => return Err("cannot 3-index slice a string".into()),
        Value::Text(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.items.len(),
        value => return Err(Failure::Message(format!("can't slice item of type {}", target_type(value)))),
    };
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position(index, length)?;
    }
    let [start, end, capacity] = bounds;
    for (low, high) in [(start, end), (end, capacity)] {
        if low > high {
            return Err(Failure::Message(format!("invalid slice index: {low} > {high}")));
        }
    }
    Ok(Slot::concrete(match &item.value {
        Value::Text(text) => Value::text(text.get(start..end).unwrap_or_default()),
        Value::Bytes(bytes) => Value::Bytes(bytes.get(start..end).unwrap_or_default().into()),
        Value::List(list) => {
            let items = list.items.get(start..end).unwrap_or_default().to_vec().into();
            let kind = list.kind;
            Value::List(std::rc::Rc::new(List { kind, nil: list.nil, items }))
        }
        other => other.clone(),
    }))
}
