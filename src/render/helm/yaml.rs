//! YAML in templates: `toYaml`, `toYamlPretty`, `fromYaml`.
//!
//! The bytes are the room `yaml`'s; here stands what Helm's functions make of them: one line end is cut, what cannot
//! be written is an empty text, what cannot be read a map with `Error`.

use super::json::error_map;
use super::structure::Struct;
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{Entries, IntType, MAX_DEPTH, Object, Value};
use crate::yaml::{self, Node, Numbers};

/// The functions about YAML.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("toYaml", &[Type::Any], Type::String, |machine, args| {
        machine.weigh(first(args))?;
        write(machine, &to_yaml(first(args)).unwrap_or_default())
    }),
    Function::new("toYamlPretty", &[Type::Any], Type::String, to_yaml_pretty),
    Function::new("fromYaml", &[Type::String], Type::Map, from_yaml),
    Function::new("fromYamlArray", &[Type::String], Type::List, from_yaml_array),
];

/// The functions about YAML that only Helm 4 has.
pub(super) const FUNCTIONS_4: &[Function] =
    &[Function::new("mustToYaml", &[Type::Any], Type::String, |machine, args| {
        machine.weigh(first(args))?;
        let text = to_yaml(first(args)).map_err(Failure::Message)?;
        write(machine, &text)
    })];

fn first(args: &[Value]) -> &Value {
    args.first().unwrap_or(&Value::Nil)
}

fn write(machine: &mut Machine<'_>, text: &str) -> Result<Value, Failure> {
    machine.spend(text.len())?;
    Ok(Value::text(text))
}

/// A value as `toYaml` writes it.
///
/// # Errors
/// The words of `mustToYaml`.
pub(super) fn to_yaml(value: &Value) -> Result<String, String> {
    let plain = value.plain().map_err(|problem| format!("error marshaling into JSON: {problem}"))?;
    let mut text = yaml::to_yaml(&plain).map_err(|error| error.to_string())?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

fn to_yaml_pretty(machine: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    // Go's encoder would not come back from a value that contains itself.
    let endless = || Failure::Budget("a value is nested too deeply to be written as YAML".to_owned());
    machine.weigh(first(args))?;
    let node = node(first(args), 0)?.ok_or_else(endless)?;
    let mut text = yaml::to_yaml_pretty(&node).map_err(|_| endless())?;
    if text.ends_with('\n') {
        text.pop();
    }
    write(machine, &text)
}

/// A value as the encoder of go-yaml v3 sees it, which knows Go's types; `None` if it is too deep.
fn node(value: &Value, depth: usize) -> Result<Option<Node>, Failure> {
    if depth > MAX_DEPTH {
        return Ok(None);
    }
    let text = |text: &Text| match text.as_str() {
        Some(text) => Node::String(text.to_owned()),
        None => Node::Binary(text.as_bytes().to_vec()),
    };
    Ok(Some(match value {
        Value::Nil => Node::Null,
        Value::Bool(value) => Node::Bool(*value),
        Value::Int(IntType::Duration, _) => Node::String(printed(value)?),
        Value::Complex(_) => return Err(Failure::from("cannot marshal type: complex128")),
        Value::Int(_, value) => Node::Int(*value),
        Value::Uint(_, value) => Node::UInt(*value),
        Value::Float(value) => Node::Float(*value),
        Value::Text(value) => text(value),
        // To this encoder a slice of bytes is a list of small numbers.
        Value::Bytes(bytes) => Node::Sequence(bytes.iter().map(|byte| Node::UInt(u64::from(*byte))).collect()),
        Value::List(list) => {
            let mut nodes = Vec::with_capacity(list.items.len());
            for item in &list.items {
                let Some(node) = node(item, depth + 1)? else { return Ok(None) };
                nodes.push(node);
            }
            Node::Sequence(nodes)
        }
        Value::Map(map) => {
            let mut nodes = Vec::new();
            for (key, value) in map.entries.borrow().iter() {
                let Some(node) = node(value, depth + 1)? else { return Ok(None) };
                nodes.push((key.to_str().into_owned(), node));
            }
            Node::Mapping(nodes)
        }
        Value::Object(object) if object.is_nil() => Node::Null,
        Value::Object(object) => match fields(object.as_ref()) {
            Some(fields) => {
                let mut nodes = Vec::with_capacity(fields.len());
                for (name, value) in fields {
                    let Some(node) = node(&value, depth + 1)? else { return Ok(None) };
                    nodes.push((name, node));
                }
                Node::Structure(nodes)
            }
            None => match object.plain().map_err(Failure::Message)? {
                yaml::Value::String(time) if object.type_name() == "time.Time" => Node::Timestamp(time),
                plain => Node::Value(plain),
            },
        },
    }))
}

/// The fields of a struct as the encoder of go-yaml writes them: those that are exported, under their names in small
/// letters unless the struct says otherwise; `None` of what it writes in another form.
fn fields(object: &dyn Object) -> Option<Vec<(String, Value)>> {
    if let Some(structure) = object.as_any().downcast_ref::<Struct>() {
        return Some(structure.yaml_fields());
    }
    object.json_fields()?;
    let exported = object.fields()?.into_iter().filter(|(name, _)| name.starts_with(char::is_uppercase));
    Some(exported.map(|(name, value)| (name.to_lowercase(), value)).collect())
}

fn printed(value: &Value) -> Result<String, Failure> {
    let mut out = Vec::new();
    crate::render::gotemplate::format::append_value(&mut out, value)?;
    Ok(yaml::json::lossy(&out))
}

#[expect(clippy::unnecessary_wraps, reason = "the form of a function's body")]
fn from_yaml(_: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    let text = first(args).as_text().map(Text::as_bytes).unwrap_or_default();
    Ok(match yaml::read(text, Numbers::Helm) {
        Ok(map @ yaml::Value::Mapping(_)) => Value::from(&map),
        // Unlike JSON's, this reader leaves the map that it was given.
        Ok(yaml::Value::Null) => Value::map(Entries::new()),
        Ok(other) => error_map(yaml::Error::shape(&other, "map[string]interface {}").to_string()),
        Err(error) => error_map(error.to_string()),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "the form of a function's body")]
fn from_yaml_array(_: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    let text = first(args).as_text().map(Text::as_bytes).unwrap_or_default();
    Ok(match yaml::read(text, Numbers::Helm) {
        Ok(list @ yaml::Value::Sequence(_)) => Value::from(&list),
        Ok(yaml::Value::Null) => Value::list(Vec::new()),
        Ok(other) => Value::list(vec![Value::text(yaml::Error::shape(&other, "[]interface {}").to_string())]),
        Err(error) => Value::list(vec![Value::text(error.to_string())]),
    })
}
