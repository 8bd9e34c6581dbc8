//! Numbers: integer, floating-point and decimal arithmetic, rounding, ranges of integers.
//!
//! Integers wrap around as Go's do. `addf` and its kin compute with decimals (see [`decimal`](super::decimal)).

use super::argument;
use super::conversion::{to_float, to_int64};
use super::decimal::Decimal;
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::items::{Element, Items};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::value::{List, ListType, Value};

use Type::{Any, Float, Int, Int64};

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::variadic("add", &[Any], Int64, |_, it| {
        Ok(Value::int64(it.iter().map(to_int64).fold(0, i64::wrapping_add)))
    }),
    Function::new("add1", &[Any], Int64, |_, it| Ok(Value::int64(to_int64(argument::any(it, 0)).wrapping_add(1)))),
    Function::new("sub", &[Any, Any], Int64, |_, it| {
        Ok(Value::int64(to_int64(argument::any(it, 0)).wrapping_sub(to_int64(argument::any(it, 1)))))
    }),
    Function::new("div", &[Any, Any], Int64, |_, it| divide(it, i64::wrapping_div)),
    Function::new("mod", &[Any, Any], Int64, |_, it| divide(it, i64::wrapping_rem)),
    Function::variadic("mul", &[Any, Any], Int64, |_, it| Ok(fold(it, i64::wrapping_mul))),
    Function::variadic("max", &[Any, Any], Int64, |_, it| Ok(fold(it, i64::max))),
    Function::variadic("biggest", &[Any, Any], Int64, |_, it| Ok(fold(it, i64::max))),
    Function::variadic("min", &[Any, Any], Int64, |_, it| Ok(fold(it, i64::min))),
    Function::variadic("maxf", &[Any, Any], Float, |_, it| Ok(fold_floats(it, maximum))),
    Function::variadic("minf", &[Any, Any], Float, |_, it| Ok(fold_floats(it, minimum))),
    Function::new("ceil", &[Any], Float, |_, it| Ok(Value::Float(to_float(argument::any(it, 0)).ceil()))),
    Function::new("floor", &[Any], Float, |_, it| Ok(Value::Float(to_float(argument::any(it, 0)).floor()))),
    Function::variadic("round", &[Any, Int, Float], Float, |_, it| Ok(round(it))),
    Function::new("add1f", &[Any], Float, |_, it| {
        decimals(&Value::Nil, &[argument::any(it, 0).clone(), Value::int(1)], |left, right| Ok(left.add(&right)))
    }),
    Function::variadic("addf", &[Any], Float, |_, it| decimals(&Value::Nil, it, |left, right| Ok(left.add(&right)))),
    Function::variadic("subf", &[Any, Any], Float, |_, it| {
        decimals(argument::any(it, 0), it.get(1..).unwrap_or_default(), |left, right| Ok(left.subtract(&right)))
    }),
    Function::variadic("mulf", &[Any, Any], Float, |_, it| {
        decimals(argument::any(it, 0), it.get(1..).unwrap_or_default(), |left, right| Ok(left.multiply(&right)))
    }),
    Function::variadic("divf", &[Any, Any], Float, |_, it| {
        decimals(argument::any(it, 0), it.get(1..).unwrap_or_default(), |left, right| left.divide(&right))
    }),
    Function::new("until", &[Int], Type::Ints, |machine, it| {
        let count = argument::int(it, 0);
        ints(machine, 0, count, if count < 0 { -1 } else { 1 })
    }),
    Function::new("untilStep", &[Int, Int, Int], Type::Ints, |machine, it| {
        ints(machine, argument::int(it, 0), argument::int(it, 1), argument::int(it, 2))
    }),
    Function::variadic("seq", &[Int], Type::String, seq),
];

fn divide(it: &[Value], operation: fn(i64, i64) -> i64) -> Result<Value, Failure> {
    match to_int64(argument::any(it, 1)) {
        0 => Err(Failure::from("runtime error: integer divide by zero")),
        divisor => Ok(Value::int64(operation(to_int64(argument::any(it, 0)), divisor))),
    }
}

fn fold(it: &[Value], operation: fn(i64, i64) -> i64) -> Value {
    Value::int64(it.iter().map(to_int64).reduce(operation).unwrap_or(0))
}

fn fold_floats(it: &[Value], operation: fn(f64, f64) -> f64) -> Value {
    Value::Float(it.iter().map(to_float).reduce(operation).unwrap_or(0.0))
}

/// Go's `math.Max`: infinity wins over what is no number, and 0 over -0.
fn maximum(left: f64, right: f64) -> f64 {
    if left == f64::INFINITY || right == f64::INFINITY {
        f64::INFINITY
    } else if left.is_nan() || right.is_nan() {
        f64::NAN
    } else if left == 0.0 && right == 0.0 {
        if left.is_sign_negative() { right } else { left }
    } else {
        left.max(right)
    }
}

/// Go's `math.Min`.
fn minimum(left: f64, right: f64) -> f64 {
    -maximum(-left, -right)
}

/// To decimal places; the optional last argument is the fraction from which on numbers are rounded up.
fn round(it: &[Value]) -> Value {
    let value = to_float(argument::any(it, 0));
    let on = it.get(2).map_or(0.5, to_float);
    let power = power_of_ten(argument::int(it, 1));
    let shifted = power * value;
    let rounded = if shifted.fract() >= on { shifted.ceil() } else { shifted.floor() };
    Value::Float(rounded / power)
}

/// Go's `math.Pow(10, exponent)`, which multiplies squares: not always the nearest number to the power.
fn power_of_ten(exponent: i64) -> f64 {
    let mut rest = exponent.unsigned_abs();
    // 10 is 0.625 * 2^4; all mantissas are between 0.5 and 1.
    let (mut factor, mut factor_exponent) = (0.625_f64, 4_i64);
    let (mut mantissa, mut binary) = (1.0_f64, 0_i64);
    while rest != 0 {
        if factor_exponent.abs() > 1 << 12 {
            // Overflow, whichever sign the exponent has.
            binary += factor_exponent;
            break;
        }
        if rest & 1 == 1 {
            mantissa *= factor;
            binary += factor_exponent;
        }
        factor *= factor;
        factor_exponent <<= 1;
        if factor < 0.5 {
            factor += factor;
            factor_exponent -= 1;
        }
        rest >>= 1;
    }
    if exponent < 0 {
        mantissa = 1.0 / mantissa;
        binary = -binary;
    }
    scale(mantissa, binary)
}

/// `mantissa * 2^exponent`, rounded once.
fn scale(mut mantissa: f64, exponent: i64) -> f64 {
    // Up to the last step all factors are exact: the result stays far from the smallest numbers.
    let mut rest = exponent.clamp(-4000, 4000);
    while rest > 1000 {
        mantissa *= 2_f64.powi(1000);
        rest -= 1000;
    }
    while rest < -960 {
        if rest < -1900 {
            return 0.0 * mantissa;
        }
        // The mantissa has at most 53 bits, which fit above the smallest normal number.
        mantissa *= 2_f64.powi(-900);
        rest += 900;
    }
    #[expect(clippy::cast_possible_truncation, reason = "between -960 and 1000")]
    let step = rest as i32;
    mantissa * 2_f64.powi(step)
}

/// Folds decimals; nil counts as 0.
fn decimals(
    first: &Value,
    rest: &[Value],
    operation: fn(Decimal, Decimal) -> Result<Decimal, Failure>,
) -> Result<Value, Failure> {
    let mut result = Decimal::from_float(to_float(first))?;
    for value in rest {
        result = operation(result, Decimal::from_float(to_float(value))?)?;
    }
    Ok(Value::Float(result.to_float()))
}

/// The integers from `start` to before `end`; none if `step` leads the other way.
fn range(machine: &mut Machine<'_>, start: i64, end: i64, step: i64) -> Result<Vec<i64>, Failure> {
    let forwards = end >= start;
    if step == 0 || (step > 0) != forwards {
        return Ok(Vec::new());
    }
    let distance = start.abs_diff(end);
    let count = usize::try_from(distance.div_ceil(step.unsigned_abs())).unwrap_or(usize::MAX);
    machine.spend(count.saturating_mul(size_of::<Value>()))?;
    let mut numbers = Vec::with_capacity(count);
    let mut number = start;
    while if forwards { number < end } else { number > end } {
        numbers.push(number);
        // Go would go around and never end.
        number = number.checked_add(step).ok_or_else(|| Failure::Budget("the range has no end".to_owned()))?;
    }
    Ok(numbers)
}

fn ints(machine: &mut Machine<'_>, start: i64, end: i64, step: i64) -> Result<Value, Failure> {
    let numbers = range(machine, start, end, step)?.into_iter().map(Value::int).collect();
    let items = Items::appended(numbers, Element::Word);
    Ok(Value::List(std::rc::Rc::new(List { kind: ListType::Ints, nil: false, items })))
}

/// The integers of a range with both ends, with spaces between them: `end`, `start end` or `start step end`.
fn seq(machine: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    let (start, step, end) = match it.len() {
        1 => (1, None, argument::int(it, 0)),
        2 => (argument::int(it, 0), None, argument::int(it, 1)),
        3 => (argument::int(it, 0), Some(argument::int(it, 1)), argument::int(it, 2)),
        _ => return Ok(Value::text("")),
    };
    let towards = if end < start { -1 } else { 1 };
    if towards < 0 && step.is_some_and(|step| step > 0) {
        return Ok(Value::text(""));
    }
    let numbers = range(machine, start, end.wrapping_add(towards), step.unwrap_or(towards))?;
    let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
    Ok(Value::text(texts.join(" ")))
}
