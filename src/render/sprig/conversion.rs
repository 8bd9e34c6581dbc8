//! Conversions: to strings, integers and floats. They never fail: what cannot be converted is 0.
//!
//! Rules: spf13/cast 1.7.0 for numbers, Go's `strconv` for the spelling of numbers, sprig's `strval` for strings.

use std::rc::Rc;

use super::argument;
use crate::render::gostd::strconv;
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::format;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::items::Items;
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{IntType, List, ListType, Value};

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new("toString", &[Type::Any], Type::String, |_, it| Ok(Value::Text(to_text(argument::any(it, 0))?))),
    Function::new("toStrings", &[Type::Any], Type::Strings, |_, it| match argument::any(it, 0) {
        Value::List(list) if list.kind == ListType::Strings => Ok(argument::any(it, 0).clone()),
        value => texts_of(value),
    }),
    Function::new("int", &[Type::Any], Type::Int, |_, it| Ok(Value::int(to_int64(argument::any(it, 0))))),
    Function::new("int64", &[Type::Any], Type::Int64, |_, it| Ok(Value::int64(to_int64(argument::any(it, 0))))),
    Function::new("float64", &[Type::Any], Type::Float, |_, it| Ok(Value::Float(to_float(argument::any(it, 0))))),
    Function::new("atoi", &[Type::String], Type::Int, |_, it| {
        Ok(Value::int(match parse_radix(argument::bytes(it, 0), 10) {
            Ok(number) | Err(Some(number)) => number,
            Err(None) => 0,
        }))
    }),
    Function::new("toDecimal", &[Type::Any], Type::Int64, |_, it| {
        let mut text = Vec::new();
        format::append_value(&mut text, argument::any(it, 0))?;
        Ok(Value::int64(parse_radix(&text, 8).unwrap_or(0)))
    }),
];

/// A value as a string: strings and bytes as they are, the rest as `%v` prints it.
///
/// # Errors
/// If the value cannot be printed (see [`format`]).
pub fn to_text(value: &Value) -> Result<Text, Failure> {
    match value {
        Value::Text(text) | Value::Bytes(text) => Ok(text.clone()),
        other => {
            let mut out = Vec::new();
            format::append_value(&mut out, other)?;
            Ok(Text::from(out))
        }
    }
}

/// The elements of a slice as strings, without those that are nil; what is no slice is its only element, and nil none.
///
/// # Errors
/// As [`to_text`].
pub fn to_texts(value: &Value) -> Result<Vec<Text>, Failure> {
    match value {
        Value::Nil => Ok(Vec::new()),
        Value::List(_) | Value::Bytes(_) => {
            let Ok(elements) = argument::elements(value)? else { return Ok(Vec::new()) };
            elements.iter().filter(|item| !matches!(item, Value::Nil)).map(to_text).collect()
        }
        other => Ok(vec![to_text(other)?]),
    }
}

/// A `[]string` with the elements of a slice as strings; the array has room for those that are nil, too.
///
/// # Errors
/// As [`to_text`].
pub(super) fn texts_of(value: &Value) -> Result<Value, Failure> {
    let texts: Vec<Value> = to_texts(value)?.into_iter().map(Value::Text).collect();
    let capacity = value.as_list().map_or(texts.len(), |list| list.items.len());
    let items = Items::with_capacity(texts, capacity);
    Ok(Value::List(Rc::new(List { kind: ListType::Strings, nil: false, items })))
}

/// A value as an `int64` (or `int`, which is the same size).
pub fn to_int64(value: &Value) -> i64 {
    match value {
        // A duration is none of the types that cast knows.
        Value::Int(IntType::Duration, _) => 0,
        Value::Int(_, number) => *number,
        Value::Uint(_, number) => number.cast_signed(),
        Value::Float(number) => truncate(*number),
        Value::Bool(boolean) => i64::from(*boolean),
        Value::Text(text) => {
            let text = without_zero_fraction(text);
            std::str::from_utf8(text).ok().and_then(strconv::parse_int).unwrap_or(0)
        }
        _ => 0,
    }
}

/// A float without its fraction, as amd64 converts it: out of range, and not a number, is the smallest integer.
fn truncate(number: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
    if (-LIMIT..LIMIT).contains(&number) { number as i64 } else { i64::MIN }
}

/// A value as a `float64`.
pub fn to_float(value: &Value) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "Go rounds to the nearest as well")]
    match value {
        Value::Int(IntType::Duration, _) => 0.0,
        Value::Int(_, number) => *number as f64,
        Value::Uint(_, number) => *number as f64,
        Value::Float(number) => *number,
        Value::Bool(boolean) => f64::from(u8::from(*boolean)),
        Value::Text(text) => {
            std::str::from_utf8(text).ok().and_then(|text| strconv::parse_float(text).ok()).unwrap_or(0.0)
        }
        _ => 0.0,
    }
}

/// Without `.0`, `.00` … at the end, which may be followed by points.
fn without_zero_fraction(text: &[u8]) -> &[u8] {
    let mut zero = false;
    for (at, byte) in text.iter().enumerate().rev() {
        match byte {
            b'.' if zero => return text.get(..at).unwrap_or(text),
            b'.' => {}
            b'0' => zero = true,
            _ => break,
        }
    }
    text
}

/// `strconv.ParseInt` with a given base; what is out of range is the error's nearest number. A number beyond 64 bits is
/// out of range whatever follows its digits.
fn parse_radix(text: &[u8], radix: u32) -> Result<i64, Option<i64>> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let out_of_range = || Err(Some(if negative { i64::MIN } else { i64::MAX }));
    let mut number = 0_u64;
    for digit in digits {
        let digit = char::from(*digit).to_digit(radix).ok_or(None)?;
        match number.checked_mul(radix.into()).and_then(|number| number.checked_add(digit.into())) {
            Some(larger) => number = larger,
            None => return out_of_range(),
        }
    }
    if digits.is_empty() {
        return Err(None);
    }
    let signed = if negative { 0_i64.checked_sub_unsigned(number) } else { i64::try_from(number).ok() };
    signed.map_or_else(out_of_range, Ok)
}
