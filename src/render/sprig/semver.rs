//! Versions: `semver` and `semverCompare`, and the methods of what the former returns.

use std::any::Any;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;

use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::value::{Kind, Object, UintType, Value};
use crate::version::{Constraint, Version};
use crate::yaml;

use super::argument;

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new("semver", &[Type::String], Type::Named("*semver.Version"), semver),
    Function::new("semverCompare", &[Type::String, Type::String], Type::Bool, semver_compare),
];

fn parse(text: &[u8]) -> Result<Version, Failure> {
    // What is not UTF-8 is refused with the words for what it would be in any case.
    let text = String::from_utf8_lossy(text);
    Version::parse(&text).map_err(|error| error.to_string().into())
}

fn semver(_: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(pointer(parse(argument::bytes(arguments, 0))?))
}

fn semver_compare(_: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let constraint = Constraint::parse_bytes(argument::bytes(arguments, 0)).map_err(|error| error.to_string())?;
    Ok(Value::Bool(constraint.check(&parse(argument::bytes(arguments, 1))?)))
}

/// Go's `*semver.Version`: can be changed in place by the methods that read text into it.
#[derive(Debug)]
struct Pointer(RefCell<Version>);

/// Go's `semver.Version`, which the methods return that make another version.
#[derive(Debug)]
struct Plain(Version);

/// A version as templates hold it.
pub fn pointer(version: Version) -> Value {
    Value::Object(Rc::new(Pointer(RefCell::new(version))))
}

impl Object for Pointer {
    fn type_name(&self) -> &'static str {
        "*semver.Version"
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn string(&self) -> Option<String> {
        Some(self.0.borrow().to_string())
    }

    fn print(&self) -> String {
        self.0.borrow().to_string()
    }

    fn fields(&self) -> Option<Vec<(&'static str, Value)>> {
        Some(fields(&self.0.borrow()))
    }

    fn deep_copy(&self) -> Option<Value> {
        Some(pointer(unset()))
    }

    fn json_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        // It writes itself, as text.
        None
    }

    fn has_unexported(&self, name: &str) -> bool {
        FIELDS.contains(&name)
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        find(POINTER_METHODS, name).or_else(|| find(METHODS, name))
    }

    fn plain(&self) -> Result<yaml::Value, String> {
        Ok(yaml::Value::String(self.0.borrow().to_string()))
    }

    fn equals(&self, other: &dyn Object) -> Option<bool> {
        Some(other.as_any().downcast_ref::<Self>().is_some_and(|other| std::ptr::eq(self, other)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for Plain {
    fn type_name(&self) -> &'static str {
        "semver.Version"
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn string(&self) -> Option<String> {
        Some(self.0.to_string())
    }

    fn print(&self) -> String {
        self.0.to_string()
    }

    fn fields(&self) -> Option<Vec<(&'static str, Value)>> {
        Some(fields(&self.0))
    }

    fn deep_copy(&self) -> Option<Value> {
        Some(Value::Object(Rc::new(Self(unset()))))
    }

    fn json_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        // It writes itself, as text.
        None
    }

    fn has_unexported(&self, name: &str) -> bool {
        FIELDS.contains(&name)
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        find(METHODS, name)
    }

    fn plain(&self) -> Result<yaml::Value, String> {
        Ok(yaml::Value::String(self.0.to_string()))
    }

    fn equals(&self, other: &dyn Object) -> Option<bool> {
        Some(other.as_any().downcast_ref::<Self>().is_some_and(|other| self.0 == other.0))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A version that nothing was read into: no number is exported, so that a copy by fields has none.
fn unset() -> Version {
    Version::default()
}

/// The fields of Go's struct; none of them is exported.
const FIELDS: [&str; 6] = ["major", "minor", "patch", "pre", "metadata", "original"];

fn fields(version: &Version) -> Vec<(&'static str, Value)> {
    let number = |number| Value::Uint(UintType::Uint64, number);
    let values = [
        number(version.major),
        number(version.minor),
        number(version.patch),
        Value::text(version.prerelease()),
        Value::text(version.metadata()),
        Value::text(version.original()),
    ];
    FIELDS.into_iter().zip(values).collect()
}

fn find(table: &'static [Function], name: &str) -> Option<&'static Function> {
    table.iter().find(|function| function.name == name)
}

/// What every version can.
const METHODS: &[Function] = &[
    Function::new("Major", &[], Type::Uint64, |_, it| number(it, |version| version.major)),
    Function::new("Minor", &[], Type::Uint64, |_, it| number(it, |version| version.minor)),
    Function::new("Patch", &[], Type::Uint64, |_, it| number(it, |version| version.patch)),
    Function::new("Prerelease", &[], Type::String, |_, it| text(it, |version| version.prerelease().to_owned())),
    Function::new("Metadata", &[], Type::String, |_, it| text(it, |version| version.metadata().to_owned())),
    Function::new("String", &[], Type::String, |_, it| text(it, Version::to_string)),
    Function::new("Value", &[], Type::Any, |_, it| text(it, Version::to_string)),
    Function::new("IncPatch", &[], Type::Named("semver.Version"), |_, it| plain(version(it, 0)?.next_patch())),
    Function::new("IncMinor", &[], Type::Named("semver.Version"), |_, it| plain(version(it, 0)?.next_minor())),
    Function::new("IncMajor", &[], Type::Named("semver.Version"), |_, it| plain(version(it, 0)?.next_major())),
    Function::new("SetPrerelease", &[Type::String], Type::Named("semver.Version"), |_, it| {
        plain(version(it, 0)?.with_prerelease(&String::from_utf8_lossy(argument::bytes(it, 1))))
    }),
    Function::new("SetMetadata", &[Type::String], Type::Named("semver.Version"), |_, it| {
        plain(version(it, 0)?.with_metadata(&String::from_utf8_lossy(argument::bytes(it, 1))))
    }),
    Function::new("MarshalJSON", &[], Type::Bytes, |_, it| Ok(Value::Bytes(format!("\"{}\"", version(it, 0)?).into()))),
    Function::new("MarshalText", &[], Type::Bytes, |_, it| Ok(Value::Bytes(version(it, 0)?.to_string().into()))),
];

const OTHER: &[Type] = &[Type::Named("*semver.Version")];

/// What only a version that can be pointed to can.
const POINTER_METHODS: &[Function] = &[
    Function::new("Original", &[], Type::String, |_, it| text(it, |version| version.original().to_owned())),
    Function::new("LessThan", OTHER, Type::Bool, |_, it| order(it, Ordering::is_lt)),
    Function::new("LessThanEqual", OTHER, Type::Bool, |_, it| order(it, Ordering::is_le)),
    Function::new("GreaterThan", OTHER, Type::Bool, |_, it| order(it, Ordering::is_gt)),
    Function::new("GreaterThanEqual", OTHER, Type::Bool, |_, it| order(it, Ordering::is_ge)),
    Function::new("Equal", OTHER, Type::Bool, |_, it| {
        if it.get(1).is_none_or(|other| matches!(other, Value::Nil)) {
            return Ok(Value::Bool(false));
        }
        order(it, Ordering::is_eq)
    }),
    Function::new("Compare", OTHER, Type::Int, |_, it| {
        Ok(Value::int(i64::from(version(it, 0)?.compare(&version(it, 1)?) as i8)))
    }),
    Function::new("UnmarshalText", &[Type::Bytes], Type::Any, |_, it| read_into(it, argument::bytes(it, 1))),
    Function::new("UnmarshalJSON", &[Type::Bytes], Type::Any, |_, it| {
        let text = String::from_utf8_lossy(argument::bytes(it, 1));
        match yaml::json::read(&text, yaml::Numbers::Exact).map_err(|error| error.to_string())? {
            yaml::Value::String(text) => read_into(it, text.as_bytes()),
            yaml::Value::Null => read_into(it, b""),
            _ => Err("json: cannot unmarshal value into Go value of type string".into()),
        }
    }),
    Function::new("Scan", &[Type::Any], Type::Any, |_, it| match it.get(1) {
        Some(Value::Text(text) | Value::Bytes(text)) => read_into(it, text),
        Some(Value::Nil) | None => Err("cannot scan nil into Version".into()),
        Some(_) => Err("unsupported Scan type".into()),
    }),
];

/// Go's text for a method that is called on a nil pointer.
const NIL: &str = "runtime error: invalid memory address or nil pointer dereference";

fn version(arguments: &[Value], place: usize) -> Result<Version, Failure> {
    let Some(Value::Object(object)) = arguments.get(place) else { return Err(NIL.into()) };
    let any = object.as_any();
    let pointed = any.downcast_ref::<Pointer>().map(|pointer| pointer.0.borrow().clone());
    pointed.or_else(|| any.downcast_ref::<Plain>().map(|plain| plain.0.clone())).ok_or_else(|| NIL.into())
}

fn number(arguments: &[Value], part: fn(&Version) -> u64) -> Result<Value, Failure> {
    Ok(Value::Uint(UintType::Uint64, part(&version(arguments, 0)?)))
}

fn text(arguments: &[Value], part: fn(&Version) -> String) -> Result<Value, Failure> {
    Ok(Value::text(part(&version(arguments, 0)?)))
}

fn plain(version: Result<Version, crate::version::VersionError>) -> Result<Value, Failure> {
    Ok(Value::Object(Rc::new(Plain(version.map_err(|error| error.to_string())?))))
}

fn order(arguments: &[Value], holds: fn(Ordering) -> bool) -> Result<Value, Failure> {
    Ok(Value::Bool(holds(version(arguments, 0)?.compare(&version(arguments, 1)?))))
}

/// Changes the version in place; Go's methods return a nil error.
fn read_into(arguments: &[Value], text: &[u8]) -> Result<Value, Failure> {
    let version = parse(text)?;
    if let Some(Value::Object(object)) = arguments.first()
        && let Some(pointer) = object.as_any().downcast_ref::<Pointer>()
    {
        *pointer.0.borrow_mut() = version;
    }
    Ok(Value::Nil)
}
