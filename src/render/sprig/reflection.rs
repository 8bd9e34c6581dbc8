//! Types and kinds of values, and deep equality.

use super::argument;
use super::equality::deep_equal;
use crate::render::gotemplate::format::type_name;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::value::Value;

use Type::{Any, Bool, String as Str};

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new("typeOf", &[Any], Str, |_, it| Ok(Value::text(&*type_name(argument::any(it, 0))))),
    Function::new("typeIs", &[Str, Any], Bool, |_, it| {
        Ok(Value::Bool(argument::bytes(it, 0) == type_name(argument::any(it, 1)).as_bytes()))
    }),
    Function::new("typeIsLike", &[Str, Any], Bool, |_, it| {
        let (target, name) = (argument::bytes(it, 0), type_name(argument::any(it, 1)));
        // A star before the target, not before the type: sprig means it the other way round.
        Ok(Value::Bool(target == name.as_bytes() || [b"*", target].concat() == name.as_bytes()))
    }),
    Function::new("kindOf", &[Any], Str, |_, it| Ok(Value::text(argument::any(it, 0).kind().name()))),
    Function::new("kindIs", &[Str, Any], Bool, |_, it| {
        Ok(Value::Bool(argument::bytes(it, 0) == argument::any(it, 1).kind().name().as_bytes()))
    }),
    Function::new("deepEqual", &[Any, Any], Bool, |_, it| {
        Ok(Value::Bool(deep_equal(argument::any(it, 0), argument::any(it, 1))?))
    }),
];
