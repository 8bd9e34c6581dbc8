//! Dates and durations. The clock and the user's own time zone are the host's.
#![expect(clippy::unnecessary_wraps, reason = "bodies have the type that the table wants")]

use crate::render::gostd::time::{Location, Time, duration};
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::named_int;
use crate::render::gotemplate::value::{IntType, Value};

use super::{argument, time_type};

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new("now", &[], Type::Time, |machine, _| Ok(time_type::value(now(machine)))),
    Function::new("ago", &[Type::Any], Type::String, ago),
    Function::new("date", &[Type::String, Type::Any], Type::String, |machine, it| {
        format(machine, argument::bytes(it, 0), it.get(1), b"Local")
    }),
    Function::new("dateInZone", &[Type::String, Type::Any, Type::String], Type::String, date_in_zone),
    Function::new("date_in_zone", &[Type::String, Type::Any, Type::String], Type::String, date_in_zone),
    Function::new("htmlDate", &[Type::Any], Type::String, |machine, it| format(machine, HTML, it.first(), b"Local")),
    Function::new("htmlDateInZone", &[Type::Any, Type::String], Type::String, |machine, it| {
        format(machine, HTML, it.first(), argument::bytes(it, 1))
    }),
    Function::new("dateModify", &[Type::String, Type::Time], Type::Time, modify),
    Function::new("date_modify", &[Type::String, Type::Time], Type::Time, modify),
    Function::new("mustDateModify", &[Type::String, Type::Time], Type::Time, must_modify),
    Function::new("must_date_modify", &[Type::String, Type::Time], Type::Time, must_modify),
    Function::new("toDate", &[Type::String, Type::String], Type::Time, |machine, it| {
        Ok(time_type::value(parse(machine, it).unwrap_or(Time::zero())))
    }),
    Function::new("mustToDate", &[Type::String, Type::String], Type::Time, |machine, it| {
        Ok(time_type::value(parse(machine, it)?))
    }),
    Function::new("unixEpoch", &[Type::Time], Type::String, |_, it| {
        Ok(Value::text(time_type::argument(it, 0).unix().to_string()))
    }),
    Function::new("duration", &[Type::Any], Type::String, seconds_as_duration),
    Function::new("durationRound", &[Type::Any], Type::String, round),
];

/// A date as HTML's forms want it.
const HTML: &[u8] = b"2006-01-02";

/// Now, in the user's own zone.
fn now(machine: &Machine<'_>) -> Time {
    let nanoseconds = machine.host().now();
    let second = i128::from(duration::SECOND);
    let seconds = i64::try_from(nanoseconds.div_euclid(second)).unwrap_or(i64::MAX);
    let rest = u32::try_from(nanoseconds.rem_euclid(second)).unwrap_or(0);
    Time::from_unix(seconds, rest, Location::local(&machine.host().time_zone()))
}

/// What is a time, or a number of seconds; anything else is now.
fn time(machine: &Machine<'_>, value: Option<&Value>, kinds: &[IntType]) -> Time {
    match value {
        Some(Value::Int(kind, seconds)) if kinds.contains(kind) => {
            Time::from_unix(*seconds, 0, Location::local(&machine.host().time_zone()))
        }
        Some(value) => time_type::from_value(value).unwrap_or_else(|| now(machine)),
        None => now(machine),
    }
}

fn format(machine: &mut Machine<'_>, layout: &[u8], value: Option<&Value>, zone: &[u8]) -> Result<Value, Failure> {
    machine.spend(layout.len().saturating_mul(4))?;
    let time = time(machine, value, &[IntType::Int, IntType::Int32, IntType::Int64]);
    let zone = std::str::from_utf8(zone).ok();
    let location = zone.and_then(|zone| Location::load(zone, &machine.host().time_zone()));
    Ok(Value::text(time.at(location.unwrap_or(Location::Utc)).format(layout)))
}

fn date_in_zone(machine: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    format(machine, argument::bytes(arguments, 0), arguments.get(1), argument::bytes(arguments, 2))
}

fn modify(_: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    // A bad duration changes nothing.
    let by = duration::parse(argument::bytes(arguments, 0)).unwrap_or(0);
    Ok(time_type::value(time_type::argument(arguments, 1).plus(by)))
}

fn must_modify(_: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let by = duration::parse(argument::bytes(arguments, 0))?;
    Ok(time_type::value(time_type::argument(arguments, 1).plus(by)))
}

fn parse(machine: &Machine<'_>, arguments: &[Value]) -> Result<Time, Failure> {
    let location = Location::local(&machine.host().time_zone());
    Ok(Time::parse(argument::bytes(arguments, 0), argument::bytes(arguments, 1), &location)?)
}

fn ago(machine: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let time = time(machine, arguments.first(), &[IntType::Int, IntType::Int64]);
    Ok(Value::text(named_int::duration(duration::round(now(machine).since(&time), duration::SECOND))))
}

fn seconds_as_duration(_: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let seconds = match arguments.first() {
        Some(Value::Int(IntType::Int64, seconds)) => *seconds,
        Some(Value::Text(text)) => decimal(text),
        _ => 0,
    };
    Ok(Value::text(named_int::duration(seconds.wrapping_mul(duration::SECOND))))
}

/// As `strconv.ParseInt` in base 10: 0 of what is no number, the nearest of what is too large.
fn decimal(text: &[u8]) -> i64 {
    let (is_negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    let number =
        digits.iter().fold(0_i128, |number, digit| number.saturating_mul(10).saturating_add(i128::from(digit - b'0')));
    let number = if is_negative { -number } else { number };
    i64::try_from(number).unwrap_or(if is_negative { i64::MIN } else { i64::MAX })
}

/// The largest unit of which there is more than one, as `3mo`.
fn round(machine: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    const UNITS: [(u64, &str); 6] =
        [(31_536_000, "y"), (2_592_000, "mo"), (86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let duration = match arguments.first() {
        Some(Value::Text(text)) => duration::parse(text).unwrap_or(0),
        Some(Value::Int(IntType::Int64, nanoseconds)) => *nanoseconds,
        Some(value) => time_type::from_value(value).map_or(0, |time| now(machine).since(&time)),
        None => 0,
    };
    let nanoseconds = duration.unsigned_abs();
    let fits = |seconds: u64| (nanoseconds > seconds * 1_000_000_000, nanoseconds / 1_000_000_000 / seconds);
    let text = UNITS.iter().find_map(|(seconds, unit)| match fits(*seconds) {
        (true, count) => Some(format!("{count}{unit}")),
        (false, _) => None,
    });
    Ok(Value::text(text.unwrap_or_else(|| "0s".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;
    use super::*;

    fn text(text: &str) -> Value {
        Value::text(text)
    }

    #[test]
    fn now_is_the_hosts() {
        assert_eq!(call("now", &[]).unwrap(), "2024-02-29 13:04:05.5 +0000 UTC");
        assert_eq!(call("htmlDate", &[text("no date")]).unwrap(), "2024-02-29");
        assert_eq!(call("ago", &[Value::int(1_709_200_000)]).unwrap(), "3h17m26s");
    }

    #[test]
    fn a_number_is_seconds_if_it_is_an_integer() {
        let date =
            |value| call("dateInZone", &[text("2006-01-02 15:04:05 MST"), value, text("Asia/Shanghai")]).unwrap();
        assert_eq!(date(Value::int(0)), "1970-01-01 08:00:00 CST");
        assert_eq!(date(Value::int64(-1)), "1970-01-01 07:59:59 CST");
        assert_eq!(date(Value::Float(0.0)), "2024-02-29 21:04:05 CST");
    }

    #[test]
    fn a_zone_that_is_not_known_is_utc() {
        for zone in ["Nowhere/Land", "europe/berlin", "../Berlin", ""] {
            assert_eq!(call("dateInZone", &[text("MST"), Value::int(0), text(zone)]).unwrap(), "UTC", "{zone}");
        }
        assert_eq!(call("dateInZone", &[text("MST"), Value::int(0), text("Europe/Berlin")]).unwrap(), "CET");
    }

    #[test]
    fn a_duration_is_rounded_to_its_largest_unit() {
        for (duration, rounded) in
            [("2400h10m5s", "3mo"), ("1h", "60m"), ("-90m", "1h"), ("1s", "0s"), ("1s1ns", "1s"), ("bad", "0s")]
        {
            assert_eq!(call("durationRound", &[text(duration)]).unwrap(), rounded);
        }
        assert_eq!(call("duration", &[text("9223372036854775807")]).unwrap(), "-1s");
    }
}
