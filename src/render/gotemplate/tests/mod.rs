//! Tests of the language as a whole: tables of rules, and properties for any input.

mod evaluate;
mod lexer;
mod limits;
mod literal;
mod parser;
mod properties;

use std::rc::Rc;

use super::error::{ExecError, Failure, ParseError};
use super::function::{Function, Type};
use super::host::Host;
use super::machine::{Machine, MissingKey, Options};
use super::set::Templates;
use super::value::Value;

/// A world in which nothing ever happens.
struct Still;

impl Host for Still {
    fn now(&self) -> i128 {
        0
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), String> {
        buffer.fill(0);
        Ok(())
    }
}

/// Functions to try the language with.
const FUNCTIONS: &[Function] = &[
    Function::new("word", &[Type::String], Type::String, |_, arguments| Ok(arguments[0].clone())),
    Function::new("number", &[Type::Int], Type::Int, |_, arguments| Ok(arguments[0].clone())),
    Function::new("any", &[Type::Any], Type::Any, |_, arguments| Ok(arguments[0].clone())),
    Function::new("float", &[Type::Float], Type::Float, |_, arguments| Ok(arguments[0].clone())),
    Function::new("fails", &[], Type::String, |_, _| Err("it does".into())),
    Function::variadic("list", &[Type::Any], Type::List, |_, arguments| Ok(Value::list(arguments.to_vec()))),
    Function::variadic("words", &[Type::Int, Type::String], Type::List, |_, arguments| {
        Ok(Value::list(arguments.to_vec()))
    }),
    Function::new("put", &[Type::Map, Type::String, Type::Any], Type::Map, |_, arguments| {
        if let (Value::Map(map), Value::Text(key)) = (&arguments[0], &arguments[1]) {
            map.entries.borrow_mut().insert(key.clone(), arguments[2].clone());
        }
        Ok(arguments[0].clone())
    }),
    Function::new("include", &[Type::String, Type::Any], Type::String, |machine, arguments| {
        let name = arguments[0].as_text().cloned().unwrap_or_else(|| "".into());
        machine.include(&name, arguments[1].clone()).map(Value::Text)
    }),
    Function::new("tpl", &[Type::String, Type::Any], Type::String, |machine, arguments| {
        let text = arguments[0].as_text().cloned().unwrap_or_else(|| "".into());
        machine.tpl(&text, arguments[1].clone()).map(Value::Text)
    }),
];

fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// What can come of a template.
#[derive(Debug)]
enum Trouble {
    Parse(ParseError),
    Exec(Box<ExecError>),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Parse(error) => error.fmt(f),
            Self::Exec(error) => error.fmt(f),
        }
    }
}

/// Renders a text named `t` with JSON values.
fn render_with(text: &[u8], json: &str, missing_key: MissingKey) -> Result<Vec<u8>, Trouble> {
    let mut templates = Templates::new(find);
    templates.parse("t", text).map_err(Trouble::Parse)?;
    let values: crate::yaml::Value =
        crate::yaml::Value::Mapping(crate::yaml::read_mapping(json.as_bytes(), crate::yaml::Numbers::Helm).unwrap());
    let mut machine = Machine::new(&Still, templates, Options { missing_key, ..Options::default() });
    machine.execute("t", Value::from(&values)).map_err(Trouble::Exec)
}

/// What a text renders to, or the error's text.
fn render(text: &str) -> String {
    let json = r#"{"a": {"b": {"c": "deep"}, "n": null}, "l": ["x", null, 3.5], "s": "web", "t": true, "f": 1.5}"#;
    match render_with(text.as_bytes(), json, MissingKey::Zero) {
        Ok(text) => String::from_utf8(text).unwrap(),
        Err(trouble) => trouble.to_string(),
    }
}

/// The error at the end of the chain.
fn innermost(error: &ExecError) -> &ExecError {
    let mut error = error;
    while let super::error::Cause::Call { failure: Failure::Nested { error: inner, .. }, .. } = &error.cause {
        error = Rc::as_ref(inner);
    }
    error
}
