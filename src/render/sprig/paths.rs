//! Paths: `base`, `dir`, `clean`, `ext`, `isAbs`, and the same for paths of the system, which are Linux's everywhere:
//! a render must not depend on where it runs.
#![expect(clippy::unnecessary_wraps, reason = "bodies have the type that the table wants")]

use crate::render::gostd::path;
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::value::Value;

use super::argument;

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new("base", &[Type::String], Type::String, base),
    Function::new("dir", &[Type::String], Type::String, dir),
    Function::new("clean", &[Type::String], Type::String, clean),
    Function::new("ext", &[Type::String], Type::String, ext),
    Function::new("isAbs", &[Type::String], Type::Bool, is_absolute),
    Function::new("osBase", &[Type::String], Type::String, base),
    Function::new("osDir", &[Type::String], Type::String, dir),
    Function::new("osClean", &[Type::String], Type::String, clean),
    Function::new("osExt", &[Type::String], Type::String, ext),
    Function::new("osIsAbs", &[Type::String], Type::Bool, is_absolute),
];

fn base(_: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::text(path::base(argument::bytes(arguments, 0))))
}

fn dir(_: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::text(path::dir(argument::bytes(arguments, 0))))
}

fn clean(_: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::text(path::clean(argument::bytes(arguments, 0))))
}

fn ext(_: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::text(path::ext(argument::bytes(arguments, 0))))
}

fn is_absolute(_: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::Bool(path::is_absolute(argument::bytes(arguments, 0))))
}
