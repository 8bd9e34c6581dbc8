//! Regular expressions: functions that panic on a bad pattern, and their `must` forms, which return the error. Visible
//! is only the text.

use std::rc::Rc;

use crate::render::gostd::regexp::{self, Regexp, Replacement};
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::format::{MAX_TEXT, check_growth};
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::items::{Element, Items, grown};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::quote::{can_backquote, quoted};
use crate::render::gotemplate::value::{List, ListType, Value};

use super::argument;

const TWO: &[Type] = &[Type::String, Type::String];
const THREE: &[Type] = &[Type::String, Type::String, Type::String];
const COUNTED: &[Type] = &[Type::String, Type::String, Type::Int];

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new("regexMatch", TWO, Type::Bool, |_, it| {
        // A bad pattern matches nothing.
        let matches =
            regexp::compile(argument::bytes(it, 0)).is_ok_and(|regexp| regexp.is_match(argument::bytes(it, 1)));
        Ok(Value::Bool(matches))
    }),
    Function::new("mustRegexMatch", TWO, Type::Bool, |_, it| {
        Ok(Value::Bool(returning(it)?.is_match(argument::bytes(it, 1))))
    }),
    Function::new("regexFind", TWO, Type::String, |_, it| Ok(find(&*panicking(it)?, it))),
    Function::new("mustRegexFind", TWO, Type::String, |_, it| Ok(find(&*returning(it)?, it))),
    Function::new("regexFindAll", COUNTED, Type::Strings, |machine, it| find_all(machine, &*panicking(it)?, it)),
    Function::new("mustRegexFindAll", COUNTED, Type::Strings, |machine, it| find_all(machine, &*returning(it)?, it)),
    Function::new("regexSplit", COUNTED, Type::Strings, |machine, it| split(machine, &*panicking(it)?, it)),
    Function::new("mustRegexSplit", COUNTED, Type::Strings, |machine, it| split(machine, &*returning(it)?, it)),
    Function::new("regexReplaceAll", THREE, Type::String, |machine, it| {
        replace(machine, &*panicking(it)?, it, Replacement::Template(argument::bytes(it, 2)))
    }),
    Function::new("mustRegexReplaceAll", THREE, Type::String, |machine, it| {
        replace(machine, &*returning(it)?, it, Replacement::Template(argument::bytes(it, 2)))
    }),
    Function::new("regexReplaceAllLiteral", THREE, Type::String, |machine, it| {
        replace(machine, &*panicking(it)?, it, Replacement::Literal(argument::bytes(it, 2)))
    }),
    Function::new("mustRegexReplaceAllLiteral", THREE, Type::String, |machine, it| {
        replace(machine, &*returning(it)?, it, Replacement::Literal(argument::bytes(it, 2)))
    }),
    Function::new("regexQuoteMeta", &[Type::String], Type::String, |machine, it| {
        machine.spend(argument::bytes(it, 0).len())?;
        Ok(Value::text(regexp::quote_meta(argument::bytes(it, 0))))
    }),
];

/// The compiled pattern, with Go's error.
fn returning(arguments: &[Value]) -> Result<Rc<Regexp>, Failure> {
    regexp::compile(argument::bytes(arguments, 0)).map_err(|error| error.to_string().into())
}

/// The compiled pattern, with the text of Go's panic.
fn panicking(arguments: &[Value]) -> Result<Rc<Regexp>, Failure> {
    let pattern = argument::bytes(arguments, 0);
    regexp::compile(pattern).map_err(|error| {
        let quoted =
            if can_backquote(pattern) { format!("`{}`", String::from_utf8_lossy(pattern)) } else { quoted(pattern) };
        format!("regexp: Compile({quoted}): {error}").into()
    })
}

fn find(regexp: &Regexp, arguments: &[Value]) -> Value {
    Value::text(regexp.find(argument::bytes(arguments, 1)))
}

/// A slice that began with room for so many, and grew.
fn strings(machine: &mut Machine<'_>, pieces: Vec<&[u8]>, mut capacity: usize) -> Result<Value, Failure> {
    machine.spend(pieces.iter().map(|piece| piece.len() + 1).sum())?;
    while capacity < pieces.len() {
        capacity = grown(capacity, capacity + 1, Element::Pair);
    }
    let items = Items::with_capacity(pieces.into_iter().map(Value::text).collect(), capacity);
    Ok(Value::List(Rc::new(List { kind: ListType::Strings, nil: false, items })))
}

fn find_all(machine: &mut Machine<'_>, regexp: &Regexp, arguments: &[Value]) -> Result<Value, Failure> {
    let limit = usize::try_from(argument::int(arguments, 2)).unwrap_or(usize::MAX);
    let found = regexp.find_all(argument::bytes(arguments, 1), limit);
    if found.is_empty() {
        return Ok(Value::nil_list(ListType::Strings));
    }
    // Go's slice starts with room for ten.
    strings(machine, found, 10)
}

fn split(machine: &mut Machine<'_>, regexp: &Regexp, arguments: &[Value]) -> Result<Value, Failure> {
    let limit = usize::try_from(argument::int(arguments, 2)).ok();
    if limit == Some(0) {
        return Ok(Value::nil_list(ListType::Strings));
    }
    let (pieces, matches) = regexp.split(argument::bytes(arguments, 1), limit);
    strings(machine, pieces, matches)
}

fn replace(
    machine: &mut Machine<'_>,
    regexp: &Regexp,
    arguments: &[Value],
    replacement: Replacement<'_>,
) -> Result<Value, Failure> {
    let text = argument::bytes(arguments, 1);
    machine.spend(text.len())?;
    let mut made = 0_usize;
    let replaced = regexp.replace_all(text, replacement, |more| {
        check_growth(made, more, MAX_TEXT)?;
        made += more;
        machine.spend(more)
    });
    Ok(Value::text(replaced?))
}
