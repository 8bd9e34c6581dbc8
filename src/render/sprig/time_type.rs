//! `time.Time` and `*time.Location` as templates hold them: all exported methods that a template can call.
#![expect(clippy::unnecessary_wraps, reason = "bodies have the type that the table wants")]

use std::any::Any;
use std::cmp::Ordering;
use std::rc::Rc;

use jiff::tz::TimeZone;

use crate::render::gostd::time::{Location, Time, duration};
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{IntType, Kind, ListType, Object, UintType, Value};
use crate::yaml;

use super::argument;

#[derive(Debug)]
struct TimeObject(Time);

#[derive(Debug)]
struct LocationObject(Location);

/// A time as templates hold it.
pub fn value(time: Time) -> Value {
    Value::Object(Rc::new(TimeObject(time)))
}

/// The time, if it is one.
pub fn from_value(value: &Value) -> Option<Time> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref::<TimeObject>().map(|time| time.0.clone()),
        _ => None,
    }
}

/// An argument that is a time.
pub(super) fn argument(arguments: &[Value], place: usize) -> Time {
    arguments.get(place).and_then(from_value).unwrap_or(Time::zero())
}

impl Object for TimeObject {
    fn type_name(&self) -> &'static str {
        "time.Time"
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn string(&self) -> Option<String> {
        Some(self.0.to_string())
    }

    fn print(&self) -> String {
        self.0.to_string()
    }

    fn fields(&self) -> Option<Vec<(&'static str, Value)>> {
        let place = match self.0.location() {
            Location::Utc => Value::Object(Rc::new(PlacePointer { nil: true })),
            Location::Local(zone) if **zone == TimeZone::UTC => Value::Object(Rc::new(PlacePointer { nil: false })),
            // What is in other zones, Go prints with all their history.
            _ => return None,
        };
        let wall = Value::Uint(UintType::Uint64, self.0.nanosecond().into());
        Some(vec![("wall", wall), ("ext", Value::int64(self.0.seconds())), ("loc", place)])
    }

    fn json_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        // It writes itself, as text.
        None
    }

    fn go_string(&self) -> Option<String> {
        Some(go_string(&self.0))
    }

    fn has_unexported(&self, name: &str) -> bool {
        matches!(name, "wall" | "ext" | "loc")
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        METHODS.iter().find(|method| method.name == name)
    }

    fn plain(&self) -> Result<yaml::Value, String> {
        let text = self.0.rfc3339();
        let text = text.map_err(|error| {
            format!("json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: {error}")
        })?;
        Ok(yaml::Value::String(text))
    }

    fn equals(&self, other: &dyn Object) -> Option<bool> {
        Some(other.as_any().downcast_ref::<Self>().is_some_and(|other| self.0.is_identical(&other.0)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What a time has as its place inside: a pointer to the zone UTC, nil where the place is UTC itself. It shows where
/// `printf` looks into a time.
#[derive(Debug)]
struct PlacePointer {
    nil: bool,
}

impl Object for PlacePointer {
    fn type_name(&self) -> &'static str {
        "*time.Location"
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn print(&self) -> String {
        "UTC".to_owned()
    }

    fn fields(&self) -> Option<Vec<(&'static str, Value)>> {
        Some(vec![
            ("name", Value::text("UTC")),
            ("zone", Value::nil_list(ListType::Any)),
            ("tx", Value::nil_list(ListType::Any)),
            ("extend", Value::text("")),
            ("cacheStart", Value::int64(0)),
            ("cacheEnd", Value::int64(0)),
            ("cacheZone", Value::Object(Rc::new(Self { nil: true }))),
        ])
    }

    fn plain(&self) -> Result<yaml::Value, String> {
        Ok(yaml::Value::Mapping(yaml::Mapping::new()))
    }

    fn is_nil(&self) -> bool {
        self.nil
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for LocationObject {
    fn type_name(&self) -> &'static str {
        "*time.Location"
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn string(&self) -> Option<String> {
        Some(self.0.name().to_owned())
    }

    fn print(&self) -> String {
        self.0.name().to_owned()
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        const STRING: Function = Function::new("String", &[], Type::String, |_, it| {
            Ok(Value::text(it.first().and_then(location).map(|place| place.name().to_owned()).unwrap_or_default()))
        });
        (name == STRING.name).then_some(const { &STRING })
    }

    fn plain(&self) -> Result<yaml::Value, String> {
        // A struct without exported fields.
        Ok(yaml::Value::Mapping(yaml::Mapping::new()))
    }

    fn equals(&self, other: &dyn Object) -> Option<bool> {
        Some(other.as_any().downcast_ref::<Self>().is_some_and(|other| std::ptr::eq(self, other)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn location(value: &Value) -> Option<Location> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref::<LocationObject>().map(|place| place.0.clone()),
        _ => None,
    }
}

/// How Go writes a time in its own language.
fn go_string(time: &Time) -> String {
    let at_utc = time.civil();
    let month = String::from_utf8(time.format(b"January")).unwrap_or_default();
    let place = match time.location() {
        Location::Utc => "time.UTC".to_owned(),
        Location::Local(_) => "time.Local".to_owned(),
        place => format!("time.Location({})", yaml::number::quote(place.name())),
    };
    let nanosecond = time.nanosecond();
    format!(
        "time.Date({}, time.{month}, {}, {}, {}, {}, {nanosecond}, {place})",
        at_utc.year, at_utc.day, at_utc.hour, at_utc.minute, at_utc.second
    )
}

const fn method(
    name: &'static str,
    params: &'static [Type],
    result: Type,
    call: crate::render::gotemplate::function::Body,
) -> Function {
    Function::new(name, params, result, call)
}

fn int(number: impl Into<i64>) -> Result<Value, Failure> {
    Ok(Value::int(number.into()))
}

fn time(time: Time) -> Result<Value, Failure> {
    Ok(value(time))
}

fn compare(arguments: &[Value]) -> Ordering {
    argument(arguments, 0).compare(&argument(arguments, 1))
}

/// RFC 3339 in front of which an encoder of Go writes its name in errors.
fn encoded(arguments: &[Value], encoder: &str) -> Result<String, Failure> {
    argument(arguments, 0).rfc3339().map_err(|error| format!("{encoder}{error}").into())
}

/// Go's binary form: version, seconds since the year 1, nanoseconds, offset in minutes.
fn binary(time: &Time) -> Vec<u8> {
    let offset = match time.location() {
        Location::Utc => None,
        _ => Some(time.offset().seconds),
    };
    let extra = offset.map(|offset| offset % 60).filter(|extra| *extra != 0);
    let mut out = vec![if extra.is_some() { 2 } else { 1 }];
    out.extend(time.unix().wrapping_add(62_135_596_800).to_be_bytes());
    out.extend(time.nanosecond().to_be_bytes());
    let minutes = offset.map_or(-1, |offset| i16::try_from(offset / 60).unwrap_or(0));
    out.extend(minutes.to_be_bytes());
    out.extend(
        extra
            .and_then(|extra| i8::try_from(extra).ok())
            .map(i8::to_be_bytes)
            .unwrap_or_default()
            .iter()
            .take(usize::from(extra.is_some())),
    );
    out
}

const TIME: &[Type] = &[Type::Time];
const SPAN: &[Type] = &[Type::Duration];

/// Methods with one result, or a result and an error.
const METHODS: &[Function] = &[
    method("Add", SPAN, Type::Time, |_, it| time(argument(it, 0).plus(argument::int(it, 1)))),
    method("AddDate", &[Type::Int, Type::Int, Type::Int], Type::Time, |_, it| {
        time(argument(it, 0).plus_date(argument::int(it, 1), argument::int(it, 2), argument::int(it, 3)))
    }),
    method("After", TIME, Type::Bool, |_, it| Ok(Value::Bool(compare(it).is_gt()))),
    method("Before", TIME, Type::Bool, |_, it| Ok(Value::Bool(compare(it).is_lt()))),
    method("Equal", TIME, Type::Bool, |_, it| Ok(Value::Bool(compare(it).is_eq()))),
    method("Compare", TIME, Type::Int, |_, it| int(compare(it) as i8)),
    method("Sub", TIME, Type::Duration, |_, it| {
        Ok(Value::Int(IntType::Duration, argument(it, 0).since(&argument(it, 1))))
    }),
    method("Format", &[Type::String], Type::String, |machine, it| {
        machine.spend(argument::bytes(it, 1).len().saturating_mul(4))?;
        Ok(Value::text(argument(it, 0).format(argument::bytes(it, 1))))
    }),
    method("AppendFormat", &[Type::Bytes, Type::String], Type::Bytes, |machine, it| {
        machine.spend(argument::bytes(it, 1).len().saturating_add(argument::bytes(it, 2).len().saturating_mul(4)))?;
        let formatted = argument(it, 0).format(argument::bytes(it, 2));
        Ok(Value::Bytes(Text::from([argument::bytes(it, 1), &formatted].concat())))
    }),
    method("Year", &[], Type::Int, |_, it| int(argument(it, 0).civil().year)),
    method("Month", &[], Type::Any, |_, it| Ok(Value::Int(IntType::Month, i64::from(argument(it, 0).civil().month)))),
    method("Day", &[], Type::Int, |_, it| int(argument(it, 0).civil().day)),
    method("Hour", &[], Type::Int, |_, it| int(argument(it, 0).civil().hour)),
    method("Minute", &[], Type::Int, |_, it| int(argument(it, 0).civil().minute)),
    method("Second", &[], Type::Int, |_, it| int(argument(it, 0).civil().second)),
    method("Nanosecond", &[], Type::Int, |_, it| int(argument(it, 0).nanosecond())),
    method("YearDay", &[], Type::Int, |_, it| int(argument(it, 0).civil().year_day)),
    method("Weekday", &[], Type::Any, |_, it| {
        Ok(Value::Int(IntType::Weekday, i64::from(argument(it, 0).civil().weekday)))
    }),
    method("Unix", &[], Type::Int64, |_, it| Ok(Value::int64(argument(it, 0).unix()))),
    method("UnixMilli", &[], Type::Int64, |_, it| {
        let time = argument(it, 0);
        Ok(Value::int64(time.unix().wrapping_mul(1_000).wrapping_add(i64::from(time.nanosecond() / 1_000_000))))
    }),
    method("UnixMicro", &[], Type::Int64, |_, it| {
        let time = argument(it, 0);
        Ok(Value::int64(time.unix().wrapping_mul(1_000_000).wrapping_add(i64::from(time.nanosecond() / 1_000))))
    }),
    method("UnixNano", &[], Type::Int64, |_, it| Ok(Value::int64(argument(it, 0).unix_nanoseconds()))),
    method("UTC", &[], Type::Time, |_, it| time(argument(it, 0).at(Location::Utc))),
    method("Local", &[], Type::Time, |machine, it| {
        time(argument(it, 0).at(Location::local(&machine.host().time_zone())))
    }),
    method("In", &[Type::Named("*time.Location")], Type::Time, |_, it| {
        let place = it.get(1).and_then(location).ok_or("time: missing Location in call to Time.In")?;
        time(argument(it, 0).at(place))
    }),
    method("Location", &[], Type::Named("*time.Location"), |_, it| {
        Ok(Value::Object(Rc::new(LocationObject(argument(it, 0).location().clone()))))
    }),
    method("IsDST", &[], Type::Bool, |_, it| Ok(Value::Bool(argument(it, 0).offset().is_summer))),
    method("IsZero", &[], Type::Bool, |_, it| Ok(Value::Bool(argument(it, 0).is_zero()))),
    method("Round", SPAN, Type::Time, |_, it| time(argument(it, 0).rounded(argument::int(it, 1)))),
    method("Truncate", SPAN, Type::Time, |_, it| time(argument(it, 0).truncated(argument::int(it, 1)))),
    method("String", &[], Type::String, |_, it| Ok(Value::text(argument(it, 0).to_string()))),
    method("GoString", &[], Type::String, |_, it| Ok(Value::text(go_string(&argument(it, 0))))),
    method("MarshalJSON", &[], Type::Bytes, |_, it| {
        Ok(Value::Bytes(format!("\"{}\"", encoded(it, "Time.MarshalJSON: ")?).into()))
    }),
    method("MarshalText", &[], Type::Bytes, |_, it| Ok(Value::Bytes(encoded(it, "Time.MarshalText: ")?.into()))),
    method("AppendText", &[Type::Bytes], Type::Bytes, |_, it| {
        let text = encoded(it, "Time.AppendText: ")?;
        Ok(Value::Bytes(Text::from([argument::bytes(it, 1), text.as_bytes()].concat())))
    }),
    method("MarshalBinary", &[], Type::Bytes, |_, it| Ok(Value::Bytes(binary(&argument(it, 0)).into()))),
    method("GobEncode", &[], Type::Bytes, |_, it| Ok(Value::Bytes(binary(&argument(it, 0)).into()))),
    method("AppendBinary", &[Type::Bytes], Type::Bytes, |_, it| {
        Ok(Value::Bytes(Text::from([argument::bytes(it, 1), &binary(&argument(it, 0))].concat())))
    }),
];

/// The methods of `time.Duration`, `time.Month` and `time.Weekday`, which are plain integers otherwise.
pub fn int_method(value: &Value, name: &str) -> Option<&'static Function> {
    let table = match value {
        Value::Int(IntType::Duration, _) => DURATION_METHODS,
        Value::Int(IntType::Month | IntType::Weekday, _) => NAME_METHODS,
        _ => return None,
    };
    table.iter().find(|method| method.name == name)
}

fn string(arguments: &[Value]) -> Result<Value, Failure> {
    let text = match arguments.first() {
        Some(Value::Int(kind, number)) => crate::render::gotemplate::named_int::string(*kind, *number),
        _ => None,
    };
    Ok(Value::text(text.unwrap_or_default()))
}

const NAME_METHODS: &[Function] = &[method("String", &[], Type::String, |_, it| string(it))];

/// Whole units and the rest, each turned into a float, as Go divides.
#[expect(clippy::cast_precision_loss, reason = "Go's arithmetic")]
fn in_units(arguments: &[Value], unit: i64) -> Result<Value, Failure> {
    let nanoseconds = argument::int(arguments, 0);
    Ok(Value::Float((nanoseconds / unit) as f64 + (nanoseconds % unit) as f64 / unit as f64))
}

fn span(nanoseconds: i64) -> Result<Value, Failure> {
    Ok(Value::Int(IntType::Duration, nanoseconds))
}

const DURATION_METHODS: &[Function] = &[
    method("String", &[], Type::String, |_, it| string(it)),
    method("Nanoseconds", &[], Type::Int64, |_, it| Ok(Value::int64(argument::int(it, 0)))),
    method("Microseconds", &[], Type::Int64, |_, it| Ok(Value::int64(argument::int(it, 0) / 1_000))),
    method("Milliseconds", &[], Type::Int64, |_, it| Ok(Value::int64(argument::int(it, 0) / 1_000_000))),
    method("Seconds", &[], Type::Float, |_, it| in_units(it, duration::SECOND)),
    method("Minutes", &[], Type::Float, |_, it| in_units(it, 60 * duration::SECOND)),
    method("Hours", &[], Type::Float, |_, it| in_units(it, 3600 * duration::SECOND)),
    method("Abs", &[], Type::Duration, |_, it| span(argument::int(it, 0).saturating_abs())),
    method("Round", SPAN, Type::Duration, |_, it| span(duration::round(argument::int(it, 0), argument::int(it, 1)))),
    method("Truncate", SPAN, Type::Duration, |_, it| {
        let (nanoseconds, multiple) = (argument::int(it, 0), argument::int(it, 1));
        span(if multiple <= 0 { nanoseconds } else { nanoseconds - nanoseconds % multiple })
    }),
];
