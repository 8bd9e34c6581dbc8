//! TOML: `toToml`, `mustToToml` and `fromToml`. Writing follows `BurntSushi`'s encoder: plain values first, then tables
//! under headers, each level indented.

use std::rc::Rc;

use crate::render::gostd::time::Location;
use crate::render::gostd::toml::{self, LOCAL_ZONES, quoted};
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::named_int;
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{Entries, IntType, Kind, List, ListType, MAX_DEPTH, NamedList, Object, Value};
use crate::yaml::number;

use super::{argument, time_type};

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new("toToml", &[Type::Any], Type::String, |machine, it| match write(machine, it.first()) {
        // An error takes the place of the text; a panic does not.
        Err(Problem::Error(message)) => Ok(Value::text(message)),
        Err(Problem::Failure(failure)) => Err(failure),
        Ok(text) => Ok(Value::text(text)),
    }),
    Function::new("mustToToml", &[Type::Any], Type::String, |machine, it| match write(machine, it.first()) {
        Err(Problem::Error(message)) => Err(message.into()),
        Err(Problem::Failure(failure)) => Err(failure),
        Ok(text) => Ok(Value::text(text)),
    }),
    Function::new("fromToml", &[Type::String], Type::Map, |machine, it| {
        let local = Location::local(&machine.host().time_zone());
        let now = i64::try_from(machine.host().now().div_euclid(1_000_000_000)).unwrap_or(0);
        let text = argument::bytes(it, 0);
        machine.spend(text.len().saturating_mul(4))?;
        Ok(read(text, &local, local.offset(now).seconds))
    }),
];

/// The type of arrays that stand under `[[headers]]`.
static TABLES: NamedList = NamedList { name: "[]map[string]interface {}", element: Type::Map, method: |_| None };

/// A document as a map, or its error under `Error`.
pub fn read(text: &[u8], local: &Location, local_offset: i32) -> Value {
    match toml::read(text, local, local_offset) {
        Ok(table) => table_value(table),
        Err(error) => Value::map(Entries::from([(Text::from("Error"), Value::text(error))])),
    }
}

fn table_value(table: toml::Table) -> Value {
    Value::map(table.into_iter().map(|(key, value)| (Text::from(key), value_of(value))).collect())
}

fn value_of(value: toml::Value) -> Value {
    match value {
        toml::Value::Text(text) => Value::text(text),
        toml::Value::Integer(number) => Value::int64(number),
        toml::Value::Float(number) => Value::Float(number),
        toml::Value::Bool(value) => Value::Bool(value),
        toml::Value::Time(time) => time_type::value(time),
        toml::Value::Array(items) => Value::list(items.into_iter().map(value_of).collect()),
        toml::Value::Table(table) => table_value(table),
        toml::Value::Tables(tables) => Value::List(Rc::new(List {
            kind: ListType::Named(&TABLES),
            nil: false,
            items: tables.into_iter().map(table_value).collect::<Vec<_>>().into(),
        })),
    }
}

/// Why a value was not written.
#[derive(Debug)]
enum Problem {
    /// The library returns an error.
    Error(String),
    /// It panics, or the render has made too much.
    Failure(Failure),
}

fn write(machine: &mut Machine<'_>, value: Option<&Value>) -> Result<Vec<u8>, Problem> {
    let value = value.unwrap_or(&Value::Nil);
    if matches!(value, Value::Nil) {
        return Err(Problem::Failure("reflect: call of reflect.Value.Type on zero Value".into()));
    }
    machine.weigh(value).map_err(Problem::Failure)?;
    let mut writer = Writer { machine, out: Vec::new(), depth: 0 };
    writer.encode(&[], value)?;
    Ok(writer.out)
}

/// What TOML calls a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Nil,
    Plain,
    Table,
    Tables,
}

/// Fields of a struct as the library names them.
fn fields(object: &dyn Object) -> Vec<(&'static str, Value)> {
    let is_exported = |name: &str| name.starts_with(|first: char| first.is_uppercase());
    object.fields().unwrap_or_default().into_iter().filter(|(name, _)| is_exported(name)).collect()
}

/// Types that write themselves as text.
fn own_text(object: &dyn Object) -> bool {
    matches!(object.type_name(), "time.Time" | "*semver.Version" | "semver.Version")
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

/// The shape of a value; looks into lists, where nothing may be nil.
fn shape(value: &Value, depth: usize) -> Result<Shape, Problem> {
    if depth > MAX_DEPTH {
        return Err(Problem::Failure(Failure::Budget("the value contains itself".to_owned())));
    }
    if is_nil(value) {
        return Ok(Shape::Nil);
    }
    Ok(match value {
        Value::List(list) => {
            let mut shapes = Vec::with_capacity(list.items.len());
            for item in &list.items {
                match shape(item, depth + 1)? {
                    Shape::Nil => return Err(Problem::Error("toml: cannot encode array with nil element".to_owned())),
                    shape => shapes.push(shape),
                }
            }
            let are_tables = !shapes.is_empty() && shapes.iter().all(|shape| *shape == Shape::Table);
            if are_tables { Shape::Tables } else { Shape::Plain }
        }
        Value::Object(object) if own_text(&**object) => Shape::Plain,
        Value::Object(object) if object.kind() == Kind::Func => {
            return Err(Problem::Error("unsupported type: func".to_owned()));
        }
        Value::Map(_) | Value::Object(_) => Shape::Table,
        Value::Complex(_) => return Err(Problem::Error("unsupported type: complex128".to_owned())),
        _ => Shape::Plain,
    })
}

/// A part of a key, quoted if it must be.
fn part(key: &[u8]) -> Vec<u8> {
    let is_bare = key.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_bare && !key.is_empty() { key.to_vec() } else { quoted(key) }
}

struct Writer<'m, 'h> {
    machine: &'m mut Machine<'h>,
    out: Vec<u8>,
    depth: usize,
}

impl Writer<'_, '_> {
    fn put(&mut self, text: &[u8]) -> Result<(), Problem> {
        self.machine.spend(text.len()).map_err(Problem::Failure)?;
        self.out.extend_from_slice(text);
        Ok(())
    }

    /// A line end, unless nothing was written yet.
    fn line_end(&mut self) -> Result<(), Problem> {
        if self.out.is_empty() { Ok(()) } else { self.put(b"\n") }
    }

    fn indent(&mut self, key: &[Text]) -> Result<(), Problem> {
        self.put(&b"  ".repeat(key.len().saturating_sub(1)))
    }

    fn header(&mut self, key: &[Text], open: &[u8], close: &[u8]) -> Result<(), Problem> {
        self.indent(key)?;
        let parts: Vec<Vec<u8>> = key.iter().map(|key| part(key)).collect();
        self.put(&[open, &parts.join(&b'.'), close].concat())?;
        self.line_end()
    }

    fn deeper<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T, Problem>) -> Result<T, Problem> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Problem::Failure(Failure::Budget("the value contains itself".to_owned())));
        }
        let result = run(self);
        self.depth -= 1;
        result
    }

    fn encode(&mut self, key: &[Text], value: &Value) -> Result<(), Problem> {
        match value {
            Value::Complex(_) => Err(Self::unsupported(key, "complex128")),
            Value::Object(object) if object.kind() == Kind::Func => Err(Self::unsupported(key, "func")),
            Value::List(list) if shape(value, 0)? == Shape::Tables => {
                if key.is_empty() {
                    return Err(Problem::Error("toml: top-level values must be Go maps or structs".to_owned()));
                }
                for item in &list.items {
                    self.line_end()?;
                    self.header(key, b"[[", b"]]")?;
                    self.deeper(|writer| writer.entries(key, item))?;
                }
                Ok(())
            }
            Value::Object(object) if own_text(&**object) => self.pair(key, value, false),
            _ if is_nil(value) && !matches!(value, Value::List(_)) => Ok(()),
            Value::Map(_) | Value::Object(_) => {
                if key.len() == 1 {
                    self.line_end()?;
                }
                if !key.is_empty() {
                    self.header(key, b"[", b"]")?;
                }
                self.deeper(|writer| writer.entries(key, value))
            }
            _ => self.pair(key, value, false),
        }
    }

    fn unsupported(key: &[Text], kind: &str) -> Problem {
        let parts: Vec<Vec<u8>> = key.iter().map(|key| part(key)).collect();
        let key = parts.join(&b'.');
        Problem::Error(format!("unsupported type for key '{}': {kind}", String::from_utf8_lossy(&key)))
    }

    /// The entries of a map or struct in the order of their keys or fields.
    fn members(value: &Value) -> Vec<(Text, Value)> {
        match value {
            Value::Map(map) => map.entries.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            Value::Object(object) => {
                fields(&**object).into_iter().map(|(name, value)| (Text::from(name), value)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Members that are no tables, then those that are.
    fn split(value: &Value) -> Result<[Vec<(Text, Value)>; 2], Problem> {
        let mut sides = [Vec::new(), Vec::new()];
        for (key, value) in Self::members(value) {
            let is_table = matches!(shape(&value, 0)?, Shape::Table | Shape::Tables);
            sides[usize::from(is_table)].push((key, value));
        }
        Ok(sides)
    }

    fn entries(&mut self, key: &[Text], value: &Value) -> Result<(), Problem> {
        for (name, value) in Self::split(value)?.into_iter().flatten() {
            if is_nil(&value) {
                continue;
            }
            let key: Vec<Text> = key.iter().cloned().chain([name]).collect();
            self.encode(&key, &value)?;
        }
        Ok(())
    }

    fn pair(&mut self, key: &[Text], value: &Value, is_inline: bool) -> Result<(), Problem> {
        let Some(last) = key.last() else { return self.element(value) };
        self.indent(key)?;
        self.put(&part(last))?;
        self.put(b" = ")?;
        self.element(value)?;
        if is_inline { Ok(()) } else { self.line_end() }
    }

    fn element(&mut self, value: &Value) -> Result<(), Problem> {
        let text = match value {
            Value::Text(text) => quoted(text),
            Value::Bool(value) => value.to_string().into_bytes(),
            Value::Int(IntType::Duration, nanoseconds) => quoted(named_int::duration(*nanoseconds).as_bytes()),
            Value::Int(_, number) => number.to_string().into_bytes(),
            Value::Uint(_, number) => number.to_string().into_bytes(),
            Value::Float(number) => float(*number).into_bytes(),
            Value::Bytes(bytes) => {
                let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
                format!("[{}]", numbers.join(", ")).into_bytes()
            }
            Value::List(list) => return self.deeper(|writer| writer.inline_list(&list.items)),
            Value::Map(_) => return self.deeper(|writer| writer.inline_table(value)),
            Value::Object(object) => match time_type::from_value(value) {
                Some(time) => shown_time(&time),
                None if own_text(&**object) => quoted(object.string().unwrap_or_default().as_bytes()),
                None => return self.deeper(|writer| writer.inline_table(value)),
            },
            Value::Nil | Value::Complex(_) => return Err(Problem::Error("unexpected type: complex128".to_owned())),
        };
        self.put(&text)
    }

    fn inline_list(&mut self, items: &[Value]) -> Result<(), Problem> {
        self.put(b"[")?;
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.put(b", ")?;
            }
            self.element(item)?;
        }
        self.put(b"]")
    }

    /// As in the library, a comma may stand before an entry that is left out.
    fn inline_table(&mut self, value: &Value) -> Result<(), Problem> {
        let [plain, tables] = Self::split(value)?;
        self.put(b"{")?;
        let counts = [(plain.len(), !tables.is_empty()), (tables.len(), false)];
        for (side, (count, more)) in [plain, tables].into_iter().zip(counts) {
            for (index, (key, value)) in side.into_iter().enumerate() {
                if is_nil(&value) {
                    continue;
                }
                self.pair(&[key], &value, true)?;
                if more || index + 1 != count {
                    self.put(b", ")?;
                }
            }
        }
        self.put(b"}")
    }
}

fn float(number: f64) -> String {
    if number.is_nan() {
        return if number.is_sign_negative() { "-nan" } else { "nan" }.to_owned();
    }
    if number.is_infinite() {
        return if number < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    let text = number::format_g(number);
    if text.contains(['.', 'e']) { text } else { text + ".0" }
}

fn shown_time(time: &crate::render::gostd::time::Time) -> Vec<u8> {
    let [datetime, date, of_day] = LOCAL_ZONES;
    let local: Option<&[u8]> = match time.location() {
        Location::Fixed(zone) if zone.0 == datetime => Some(b"2006-01-02T15:04:05.999999999"),
        Location::Fixed(zone) if zone.0 == date => Some(b"2006-01-02"),
        Location::Fixed(zone) if zone.0 == of_day => Some(b"15:04:05.999999999"),
        _ => None,
    };
    match local {
        Some(layout) => time.at(Location::Utc).format(layout),
        None => time.format(b"2006-01-02T15:04:05.999999999Z07:00"),
    }
}
