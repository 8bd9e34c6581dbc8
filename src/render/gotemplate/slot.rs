//! [`Slot`]: a value together with how the evaluator came by it, and whether it passes where a type is wanted.
//!
//! Go's evaluator works with `reflect.Value`, which tells three cases apart that a plain value does not: no value at
//! all, a value of a known type, and a value that came out of an `interface {}`, where its static type is that. Error
//! texts and the treatment of nil depend on it.

use std::borrow::Cow;
use std::rc::Rc;

use super::format::type_name;
use super::function::Type;
use super::value::{IntType, ListType, Map, MapType, UintType, Value};

/// A value as the evaluator holds it.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot {
    /// The value. Nil is a nil `interface {}` if `interface` is set, otherwise no value at all.
    pub(super) value: Value,
    /// Whether its static type is `interface {}`.
    pub(super) interface: bool,
}

impl Slot {
    /// No value at all.
    pub(super) const INVALID: Self = Self { value: Value::Nil, interface: false };

    /// A value of its own type; nothing if it is nil.
    pub(super) const fn concrete(value: Value) -> Self {
        Self { value, interface: false }
    }

    /// A value in an `interface {}`.
    pub(super) const fn interface(value: Value) -> Self {
        Self { value, interface: true }
    }

    /// Whether it is a value, be it a nil interface.
    pub(super) const fn is_valid(&self) -> bool {
        self.interface || !matches!(self.value, Value::Nil)
    }

    /// The value out of its interface.
    pub(super) fn unwrapped(self) -> Self {
        Self::concrete(self.value)
    }

    /// The name of its static type.
    pub(super) fn type_name(&self) -> Cow<'static, str> {
        if self.interface { Cow::Borrowed("interface {}") } else { type_name(&self.value) }
    }

    /// An element of a list.
    pub(super) fn element(kind: ListType, value: Value) -> Self {
        let interface = match kind {
            ListType::Any => true,
            ListType::Strings | ListType::Ints | ListType::Lists => false,
            ListType::Named(named) => named.element == Type::Any,
        };
        Self { value, interface }
    }

    /// An entry of a map.
    pub(super) fn entry(kind: MapType, value: Value) -> Self {
        Self { value, interface: holds_interfaces(kind) }
    }

    /// What stands in the place of an entry that a map does not have.
    pub(super) fn missing(kind: MapType) -> Self {
        match kind {
            MapType::Any => Self::interface(Value::Nil),
            MapType::Strings => Self::concrete(Value::text("")),
            MapType::Named(named) => Self { value: (named.missing)(), interface: named.is_any },
        }
    }

    /// The value as an argument of that type.
    ///
    /// # Errors
    /// Go's words if it does not pass.
    pub(super) fn into_argument(self, wanted: Type) -> Result<Value, String> {
        match (&self.value, wanted) {
            (Value::Object(object), Type::Any) => return Ok(object.copied().unwrap_or(self.value)),
            (_, Type::Any | Type::Reflect) => return Ok(self.value),
            _ => {}
        }
        if !self.is_valid() {
            return zero(wanted).ok_or_else(|| format!("invalid value; expected {}", wanted.name()));
        }
        match convert(self.value, wanted) {
            Ok(value) => Ok(value),
            Err(Value::Nil) => Err(format!("wrong type for value; expected {}; got interface {{}}", wanted.name())),
            Err(value) => Err(format!("wrong type for value; expected {}; got {}", wanted.name(), type_name(&value))),
        }
    }
}

/// Whether entries of such a map are interfaces.
const fn holds_interfaces(kind: MapType) -> bool {
    match kind {
        MapType::Any => true,
        MapType::Strings => false,
        MapType::Named(named) => named.is_any,
    }
}

/// The zero value of a type that can be nil.
pub(super) fn zero(wanted: Type) -> Option<Value> {
    match wanted {
        Type::Any | Type::Reflect => Some(Value::Nil),
        Type::Map => Some(Value::Map(Rc::new(Map::nil(MapType::Any)))),
        Type::StringMap => Some(Value::Map(Rc::new(Map::nil(MapType::Strings)))),
        Type::List => Some(Value::nil_list(ListType::Any)),
        Type::Strings => Some(Value::nil_list(ListType::Strings)),
        Type::Ints => Some(Value::nil_list(ListType::Ints)),
        Type::Lists => Some(Value::nil_list(ListType::Lists)),
        Type::Bytes => Some(Value::Bytes(Vec::new().into())),
        // A nil pointer, which the body has to answer for.
        Type::Named(name) if name.starts_with('*') => Some(Value::Nil),
        _ => None,
    }
}

/// A value as one of that type, if Go lets it be assigned to it (a pointer also if what it points to can be).
fn convert(value: Value, wanted: Type) -> Result<Value, Value> {
    let passes = match (&value, wanted) {
        (_, Type::Any | Type::Reflect)
        | (Value::Bool(_), Type::Bool)
        | (Value::Int(IntType::Int, _), Type::Int)
        | (Value::Int(IntType::Int64, _), Type::Int64)
        | (Value::Int(IntType::Duration, _), Type::Duration)
        | (Value::Uint(UintType::Uint32, _), Type::Uint32)
        | (Value::Uint(UintType::Uint64, _), Type::Uint64)
        | (Value::Float(_), Type::Float)
        | (Value::Text(_), Type::String)
        | (Value::Bytes(_), Type::Bytes) => true,
        (Value::List(list), _) => match (list.kind, wanted) {
            (ListType::Any, Type::List)
            | (ListType::Strings, Type::Strings)
            | (ListType::Ints, Type::Ints)
            | (ListType::Lists, Type::Lists) => true,
            // Types with a name pass as the ones they are made of.
            (ListType::Named(named), Type::List) => named.element == Type::Any,
            (ListType::Named(named), Type::Strings) => named.element == Type::String,
            (ListType::Named(named), Type::Ints) => named.element == Type::Int,
            (ListType::Named(named), Type::Named(name)) => named.name == name,
            _ => false,
        },
        (Value::Map(map), _) => match (map.kind, wanted) {
            (MapType::Any, Type::Map) | (MapType::Strings, Type::StringMap) => true,
            (MapType::Named(named), Type::Map) => named.is_any,
            (MapType::Named(named), Type::Named(name)) => named.name == name,
            _ => false,
        },
        (Value::Int(..), Type::Named(name)) => type_name(&value) == name,
        (Value::Object(object), wanted) => {
            let name = object.type_name();
            name == wanted.name() || name.strip_prefix('*') == Some(wanted.name())
        }
        _ => false,
    };
    if !passes {
        return Err(value);
    }
    match (value, wanted) {
        // The function sees a plain map that shares the entries.
        (Value::Map(map), Type::Map) if map.kind != MapType::Any => Ok(Value::Map(Rc::new(map.as_type(MapType::Any)))),
        (value, _) => Ok(value),
    }
}
