//! `.Files`: the chart's files that are neither templates nor metadata.
//!
//! A map from path to content with methods, as Helm's `engine.files`: a path that is not there reads as empty.

use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine as _;

use super::glob::{Glob, Trouble};
use super::yaml::to_yaml;
use crate::chart::File;
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{Entries, Map, MapType, NamedMap, Value};
use crate::values::Compat;

static FILES: NamedMap = NamedMap { name: "engine.files", missing: empty, is_any: false, method };
static FILES_3: NamedMap = NamedMap { name: "engine.files", missing: empty, is_any: false, method: method_3 };

fn empty() -> Value {
    Value::Bytes(Text::from(""))
}

/// The files of a chart.
pub(super) fn value(files: &[File], compat: Compat) -> Value {
    let files = files.iter().map(|file| (Text::from(&*file.name), Value::Bytes(Text::from(&*file.data)))).collect();
    let kind = if compat == Compat::Helm4 { &FILES } else { &FILES_3 };
    Value::Map(Rc::new(Map::new(MapType::Named(kind), files)))
}

static METHODS: [Function; 5] = [
    Function::new("Get", &[Type::String], Type::String, get),
    Function::new("GetBytes", &[Type::String], Type::Bytes, get_bytes),
    Function::new("Glob", &[Type::String], Type::Named("engine.files"), glob),
    Function::new("AsConfig", &[], Type::String, as_config),
    Function::new("AsSecrets", &[], Type::String, as_secrets),
];

fn method(name: &str) -> Option<&'static Function> {
    static LINES: Function = Function::new("Lines", &[Type::String], Type::Strings, lines);
    if name == LINES.name { Some(&LINES) } else { METHODS.iter().find(|method| method.name == name) }
}

fn method_3(name: &str) -> Option<&'static Function> {
    static LINES: Function = Function::new("Lines", &[Type::String], Type::Strings, lines_3);
    if name == LINES.name { Some(&LINES) } else { METHODS.iter().find(|method| method.name == name) }
}

/// The receiver; calls through the evaluator always have it.
fn files(args: &[Value]) -> Result<&Rc<Map>, Failure> {
    args.first().and_then(Value::as_map).ok_or_else(|| Failure::from("not called on .Files"))
}

fn content(args: &[Value]) -> Result<Option<Text>, Failure> {
    let files = files(args)?.entries.borrow();
    let name = args.get(1).and_then(Value::as_text);
    Ok(match name.and_then(|name| files.get(name)) {
        Some(Value::Bytes(content)) => Some(content.clone()),
        _ => None,
    })
}

fn get(_: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(Value::Text(content(args)?.unwrap_or_else(|| Text::from(""))))
}

fn get_bytes(_: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(content(args)?.map_or_else(empty, Value::Bytes))
}

fn failure(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Panic(words) => Failure::Message(words),
        Trouble::Budget => Failure::Budget("the pattern of .Files.Glob is too big".to_owned()),
    }
}

/// The files whose paths match; all of them if the pattern is broken.
fn glob(_: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    let files = files(args)?;
    // Text that is not UTF-8 reaches the pattern as replacement characters, which break it, as they do in Helm.
    let pattern = args.get(1).and_then(Value::as_text).map(Text::to_str).unwrap_or_default();
    let glob = Glob::new(&pattern).map_err(failure)?;
    let entries = files.entries.borrow();
    let mut chosen = Entries::new();
    for (name, content) in entries.iter() {
        let matches = glob.as_ref().map_or(Ok(true), |glob| glob.matches(&name.to_str()));
        if matches.map_err(failure)? {
            chosen.insert(name.clone(), content.clone());
        }
    }
    Ok(Value::Map(Rc::new(Map::new(files.kind, chosen))))
}

/// A map from the last part of each path to what `content` makes of the content, as YAML.
fn by_name(args: &[Value], content: impl Fn(&Text) -> Value) -> Result<Value, Failure> {
    let mut named = BTreeMap::new();
    for (name, value) in files(args)?.entries.borrow().iter() {
        if let Value::Bytes(bytes) = value {
            let base = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            named.insert(Text::from(base), content(bytes));
        }
    }
    Ok(Value::text(to_yaml(&Value::Map(Rc::new(Map::new(MapType::Strings, named)))).unwrap_or_default()))
}

fn as_config(_: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    by_name(args, |content| Value::Text(content.clone()))
}

fn as_secrets(_: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    by_name(args, |content| Value::text(base64::engine::general_purpose::STANDARD.encode(content.as_bytes())))
}

/// The lines of a file, without the line end at its end.
fn split(content: &[u8]) -> Value {
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    Value::strings(content.split(|byte| *byte == b'\n'))
}

fn lines(_: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    match content(args)? {
        None => Ok(Value::strings::<&str>([])),
        // Helm 4.2 looks at the last byte without asking whether there is one.
        Some(content) if content.is_empty() => Err(Failure::from("runtime error: index out of range [-1]")),
        Some(content) => Ok(split(&content)),
    }
}

fn lines_3(_: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(match content(args)? {
        Some(content) if !content.is_empty() => split(&content),
        _ => Value::strings::<&str>([]),
    })
}
