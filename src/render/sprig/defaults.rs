//! Defaults and choices. A value is *empty* if it is nil, false, 0, or has length 0; structs never are.

use super::argument;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::value::Value;

use Type::{Any, Bool};

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::variadic("default", &[Any, Any], Any, |_, it| {
        let given = it.get(1).filter(|given| given.truth());
        Ok(given.unwrap_or_else(|| argument::any(it, 0)).clone())
    }),
    Function::new("empty", &[Any], Bool, |_, it| Ok(Value::Bool(!argument::any(it, 0).truth()))),
    Function::variadic("coalesce", &[Any], Any, |_, it| {
        Ok(it.iter().find(|value| value.truth()).cloned().unwrap_or_default())
    }),
    Function::variadic("all", &[Any], Bool, |_, it| Ok(Value::Bool(it.iter().all(Value::truth)))),
    Function::variadic("any", &[Any], Bool, |_, it| Ok(Value::Bool(it.iter().any(Value::truth)))),
    Function::new("ternary", &[Any, Any, Bool], Any, |_, it| {
        Ok(argument::any(it, usize::from(!argument::any(it, 2).truth())).clone())
    }),
];
