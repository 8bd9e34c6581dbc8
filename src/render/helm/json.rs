//! JSON in templates: `toJson`, `fromJson` and what stands around them.
//!
//! Owns Go's encoding of template values as JSON: keys in byte order, fields of structs in theirs, text that is not
//! UTF-8 with the escape `\ufffd`. Reading is `yaml::json`'s. Helm's functions give an empty text or a map with
//! `Error` where something is wrong; those of sprig with `must` fail.

use std::fmt::Write as _;

use base64::Engine as _;

use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{Entries, ListType, MAX_DEPTH, Map, MapType, Value};
use crate::yaml::json::{self, JsonError};
use crate::yaml::{self, Numbers, number};

/// The functions about JSON.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("toJson", &[Type::Any], Type::String, |machine, args| text(machine, args, LINE, Mood::Lenient)),
    Function::new("mustToJson", &[Type::Any], Type::String, |machine, args| text(machine, args, LINE, Mood::Strict)),
    Function::new("toPrettyJson", &[Type::Any], Type::String, |machine, args| {
        text(machine, args, PRETTY, Mood::Lenient)
    }),
    Function::new("mustToPrettyJson", &[Type::Any], Type::String, |machine, args| {
        text(machine, args, PRETTY, Mood::Strict)
    }),
    Function::new("toRawJson", &[Type::Any], Type::String, |machine, args| text(machine, args, RAW, Mood::Strict)),
    Function::new("mustToRawJson", &[Type::Any], Type::String, |machine, args| text(machine, args, RAW, Mood::Strict)),
    Function::new("fromJson", &[Type::String], Type::Map, from_json),
    Function::new("fromJsonArray", &[Type::String], Type::List, from_json_array),
    Function::new("mustFromJson", &[Type::String], Type::Any, must_from_json),
];

/// How JSON is laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// An entry a line, indented by two.
    pretty: bool,
    /// Whether `<`, `>` and `&` are escaped.
    escape_html: bool,
}

const LINE: Layout = Layout { pretty: false, escape_html: true };
const PRETTY: Layout = Layout { pretty: true, escape_html: true };
const RAW: Layout = Layout { pretty: false, escape_html: false };

/// What becomes of a value that JSON cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// An empty text.
    Lenient,
    /// An error.
    Strict,
}

fn text(machine: &mut Machine<'_>, args: &[Value], layout: Layout, mood: Mood) -> Result<Value, Failure> {
    let value = args.first().unwrap_or(&Value::Nil);
    machine.weigh(value)?;
    match encode(value, layout) {
        Ok(text) => {
            machine.spend(text.len())?;
            Ok(Value::text(text))
        }
        Err(_) if mood == Mood::Lenient => Ok(Value::text("")),
        Err(problem) => Err(Failure::Message(problem)),
    }
}

/// A value as JSON.
///
/// # Errors
/// Go's words for what JSON cannot hold.
pub(super) fn encode(value: &Value, layout: Layout) -> Result<String, String> {
    let mut encoder = Encoder { out: String::new(), layout, depth: 0 };
    encoder.value(value)?;
    Ok(encoder.out)
}

struct Encoder {
    out: String,
    layout: Layout,
    depth: usize,
}

impl Encoder {
    fn value(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Nil => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Int(_, value) => {
                let _ = write!(self.out, "{value}");
            }
            Value::Uint(_, value) => {
                let _ = write!(self.out, "{value}");
            }
            Value::Float(value) if value.is_finite() => self.out.push_str(&number::format_json(*value)),
            Value::Float(value) => return Err(format!("json: unsupported value: {}", number::format_v(*value))),
            Value::Complex(_) => return Err("json: unsupported type: complex128".to_owned()),
            Value::Text(text) => self.text(text),
            Value::Bytes(bytes) => {
                self.out.push('"');
                base64::engine::general_purpose::STANDARD.encode_string(bytes.as_bytes(), &mut self.out);
                self.out.push('"');
            }
            Value::List(list) if list.nil => self.out.push_str("null"),
            Value::List(list) => self.nested(['[', ']'], &mut list.items.iter().map(|item| (None, item)))?,
            Value::Map(map) if map.nil => self.out.push_str("null"),
            Value::Map(map) => {
                let entries = map.entries.borrow();
                self.nested(['{', '}'], &mut entries.iter().map(|(key, value)| (Some(Key::Text(key)), value)))?;
            }
            Value::Object(object) => match object.json_fields() {
                Some(_) if object.is_nil() => self.out.push_str("null"),
                Some(fields) => {
                    self.nested(['{', '}'], &mut fields.iter().map(|(name, value)| (Some(Key::Name(name)), value)))?;
                }
                None => {
                    let plain = object.plain()?;
                    let json = if self.layout.escape_html { json::to_json(&plain) } else { json::to_raw_json(&plain) };
                    self.out.push_str(&json.map_err(|error| error.to_string())?);
                }
            },
        }
        Ok(())
    }

    fn nested<'v>(
        &mut self,
        brackets: [char; 2],
        entries: &mut dyn Iterator<Item = (Option<Key<'v>>, &'v Value)>,
    ) -> Result<(), String> {
        if self.depth == MAX_DEPTH {
            return Err("json: unsupported value: encountered a cycle".to_owned());
        }
        self.depth += 1;
        self.out.push(brackets[0]);
        let mut is_empty = true;
        for (key, value) in entries {
            if !is_empty {
                self.out.push(',');
            }
            is_empty = false;
            self.new_line();
            match key {
                None => {}
                Some(Key::Text(key)) => self.text(key),
                Some(Key::Name(name)) => json::write_string(&mut self.out, name, self.layout.escape_html),
            }
            if key.is_some() {
                self.out.push_str(if self.layout.pretty { ": " } else { ":" });
            }
            self.value(value)?;
        }
        self.depth -= 1;
        if !is_empty {
            self.new_line();
        }
        self.out.push(brackets[1]);
        Ok(())
    }

    fn new_line(&mut self) {
        if self.layout.pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", self.depth));
        }
    }

    fn text(&mut self, text: &Text) {
        if let Some(text) = text.as_str() {
            return json::write_string(&mut self.out, text, self.layout.escape_html);
        }
        self.out.push('"');
        for chunk in text.as_bytes().utf8_chunks() {
            let mut quoted = String::new();
            json::write_string(&mut quoted, chunk.valid(), self.layout.escape_html);
            self.out.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
            self.out.extend(std::iter::repeat_n("\\ufffd", chunk.invalid().len()));
        }
        self.out.push('"');
    }
}

#[derive(Clone, Copy)]
enum Key<'a> {
    Text(&'a Text),
    Name(&'static str),
}

fn read(args: &[Value]) -> Result<(yaml::Value, Option<JsonError>), JsonError> {
    let text = args.first().and_then(Value::as_text);
    json::read_partly(&text.map(Text::to_str).unwrap_or_default(), Numbers::Helm)
}

/// What Go says when JSON has another shape than the type it is read into.
fn wrong_shape(found: &yaml::Value, problem: Option<&JsonError>, wanted: &str) -> String {
    let found = match (found, problem) {
        (yaml::Value::Null, None) => "null",
        (yaml::Value::Bool(_), _) => "bool",
        // A number that is too big is no `null`.
        (yaml::Value::Null, Some(_)) | (yaml::Value::Int(_) | yaml::Value::UInt(_) | yaml::Value::Float(_), _) => {
            "number"
        }
        (yaml::Value::String(_), _) => "string",
        (yaml::Value::Sequence(_), _) => "array",
        (yaml::Value::Mapping(_), _) => "object",
    };
    format!("json: cannot unmarshal {found} into Go value of type {wanted}")
}

/// A map that holds nothing but what went wrong.
pub(super) fn error_map(problem: String) -> Value {
    Value::map(Entries::from([(Text::from("Error"), Value::text(problem))]))
}

#[expect(clippy::unnecessary_wraps, reason = "the form of a function's body")]
fn from_json(_: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(match read(args) {
        Ok((yaml::Value::Mapping(mut map), problem)) => {
            map.extend(problem.map(|problem| ("Error".to_owned(), yaml::Value::String(problem.to_string()))));
            Value::from(&yaml::Value::Mapping(map))
        }
        // Go makes a nil map of `null`.
        Ok((yaml::Value::Null, None)) => Value::Map(std::rc::Rc::new(Map::nil(MapType::Any))),
        Ok((other, problem)) => error_map(wrong_shape(&other, problem.as_ref(), "map[string]interface {}")),
        Err(error) => error_map(error.to_string()),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "the form of a function's body")]
fn from_json_array(_: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(match read(args) {
        Ok((value @ yaml::Value::Sequence(_), None)) => Value::from(&value),
        Ok((yaml::Value::Sequence(_), Some(problem))) => Value::list(vec![Value::text(problem.to_string())]),
        Ok((yaml::Value::Null, None)) => Value::nil_list(ListType::Any),
        Ok((other, problem)) => Value::list(vec![Value::text(wrong_shape(&other, problem.as_ref(), "[]interface {}"))]),
        Err(error) => Value::list(vec![Value::text(error.to_string())]),
    })
}

fn must_from_json(_: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    match read(args) {
        Ok((value, None)) => Ok(Value::from(&value)),
        Ok((_, Some(error))) | Err(error) => Err(Failure::Message(error.to_string())),
    }
}
