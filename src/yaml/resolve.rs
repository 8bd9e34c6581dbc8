//! What a scalar means: YAML 1.1 as go-yaml v2 resolves it.
//!
//! `yes`, `on` and `y` are booleans, `010` is eight, `1_000` a thousand, `1:30` and dates are text; tags force a
//! meaning or fail. The writer asks the same questions, to know what must be quoted.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// A scalar's meaning.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Above `i64::MAX` only.
    UInt(u64),
    Float(f64),
    /// A date or time, which values keep as text.
    Timestamp,
    Text(Cow<'a, str>),
}

pub(super) const TAG_PREFIX: &str = "tag:yaml.org,2002:";

/// Standard base64 as Go decodes it: padding needed, stray low bits of the last character passed over.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

impl Scalar<'_> {
    const fn tag(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::UInt(_) => "int",
            Self::Float(_) => "float",
            Self::Timestamp => "timestamp",
            Self::Text(_) => "str",
        }
    }
}

/// The meaning of a scalar with a tag; the error is what is wrong with it.
pub(super) fn resolve_tagged<'a>(tag: &str, text: &'a str) -> Result<Scalar<'a>, String> {
    let Some(short) = tag.strip_prefix(TAG_PREFIX) else { return Ok(Scalar::Text(Cow::Borrowed(text))) };
    match short {
        "binary" => {
            let encoded: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
            let bytes = BASE64.decode(encoded).map_err(|_| "!!binary value contains invalid base64 data".to_owned())?;
            // The way through JSON makes replacement characters of what is not UTF-8.
            Ok(Scalar::Text(Cow::Owned(crate::yaml::json::lossy(&bytes))))
        }
        "bool" | "int" | "float" | "null" | "timestamp" => {
            let scalar = resolve_with(text, short == "timestamp");
            match scalar {
                Scalar::Int(integer) if short == "float" => Ok(Scalar::Float(as_float(integer))),
                scalar if scalar.tag() == short => Ok(scalar),
                scalar => Err(format!("cannot decode !!{} `{text}` as a !!{short}", scalar.tag())),
            }
        }
        // `!!str`, and tags that mean nothing to YAML 1.1.
        _ => Ok(Scalar::Text(Cow::Borrowed(text))),
    }
}

#[expect(clippy::cast_precision_loss, reason = "Go rounds the same way")]
const fn as_float(integer: i64) -> f64 {
    integer as f64
}

/// The meaning of a plain scalar.
pub(super) fn resolve(text: &str) -> Scalar<'_> {
    resolve_with(text, true)
}

fn resolve_with(text: &str, timestamps: bool) -> Scalar<'_> {
    let string = || Scalar::Text(Cow::Borrowed(text));
    let Some(&first) = text.as_bytes().first() else { return Scalar::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => match text {
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool(true),
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool(false),
            "~" | "null" | "Null" | "NULL" => Scalar::Null,
            _ => string(),
        },
        b'.' => match text {
            ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
            ".inf" | ".Inf" | ".INF" => Scalar::Float(f64::INFINITY),
            // Unlike below, underscores have to separate digits here.
            _ if !text.contains('_') => parse_float(text).map_or_else(string, Scalar::Float),
            _ if text.split('_').all(|part| part.ends_with(is_digit) || text.ends_with(part))
                && text.split('_').skip(1).all(|part| part.starts_with(is_digit)) =>
            {
                parse_float(&text.replace('_', "")).map_or_else(string, Scalar::Float)
            }
            _ => string(),
        },
        b'0'..=b'9' | b'+' | b'-' => match text {
            "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
            "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
            _ if timestamps && is_timestamp(text) => Scalar::Timestamp,
            _ => parse_number(text).unwrap_or_else(string),
        },
        _ => string(),
    }
}

const fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
}

fn parse_number(text: &str) -> Option<Scalar<'static>> {
    let digits: Cow<'_, str> = if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    if let Some(scalar) = parse_integer(&digits) {
        return Some(scalar);
    }
    parse_float(&digits).map(Scalar::Float)
}

/// Go's integers with the base told by a prefix; a leading zero alone means octal.
fn parse_integer(text: &str) -> Option<Scalar<'static>> {
    let (negative, signed, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    let (base, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &unsigned[2..]),
        [b'0', b'o' | b'O', ..] => (8, &unsigned[2..]),
        [b'0', b'b' | b'B', ..] => (2, &unsigned[2..]),
        [b'0', _, ..] => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    // Rust would take a second sign.
    if !digits.as_bytes().first()?.is_ascii_hexdigit() {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, base).ok()?;
    if negative {
        return 0_i64.checked_sub_unsigned(magnitude).map(Scalar::Int);
    }
    match i64::try_from(magnitude) {
        Ok(integer) => Some(Scalar::Int(integer)),
        Err(_) if signed => None,
        Err(_) => Some(Scalar::UInt(magnitude)),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, if it is a finite number.
fn parse_float(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let whole = digits(at);
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if whole == 0 && fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    } else if whole == 0 {
        return None;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        let exponent = digits(at);
        if exponent == 0 {
            return None;
        }
        at += exponent;
    }
    if at != bytes.len() {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Whether a plain scalar could be read as a number to the base 60 by others; it is text to us, and written quoted.
pub(super) fn is_base60(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = rest.split(':');
    let Some(first) = parts.next() else { return false };
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !first.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        return false;
    }
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return false;
    }
    while let Some(part) = parts.next() {
        let part = match part.split_once('.') {
            Some((whole, fraction)) if parts.peek().is_none() => {
                if !fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
                    return false;
                }
                whole
            }
            _ => part,
        };
        if !matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']) {
            return false;
        }
    }
    true
}

/// Whether Go's `time.Parse` takes it in one of go-yaml's four layouts: a date; with `T` or `t`, a time and a
/// zone; with spaces, a time without a zone. Months, days, hours, minutes and seconds may have one digit.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return false;
    }
    let Some(year) = text[..4].parse::<u32>().ok() else { return false };
    let mut rest = &bytes[5..];
    let Some(month) = one_or_two_digits(&mut rest).filter(|month| (1..=12).contains(month)) else { return false };
    let Some(day) = expect(&mut rest, b'-').and_then(|()| one_or_two_digits(&mut rest)) else { return false };
    if day < 1 || day > days_in(month, year) {
        return false;
    }
    match rest.first() {
        None => true,
        Some(b'T' | b't') => {
            rest = &rest[1..];
            clock(&mut rest).is_some() && zone(&mut rest).is_some() && rest.is_empty()
        }
        Some(b' ') => {
            while let [b' ', tail @ ..] = rest {
                rest = tail;
            }
            clock(&mut rest).is_some() && rest.is_empty()
        }
        Some(_) => false,
    }
}

fn expect(rest: &mut &[u8], byte: u8) -> Option<()> {
    let (&first, tail) = rest.split_first()?;
    (first == byte).then(|| *rest = tail)
}

fn one_or_two_digits(rest: &mut &[u8]) -> Option<u32> {
    let (&first, mut tail) = rest.split_first().filter(|(byte, _)| byte.is_ascii_digit())?;
    let mut number = u32::from(first - b'0');
    if let Some((&second, after)) = tail.split_first().filter(|(byte, _)| byte.is_ascii_digit()) {
        number = number * 10 + u32::from(second - b'0');
        tail = after;
    }
    *rest = tail;
    Some(number)
}

fn clock(rest: &mut &[u8]) -> Option<()> {
    one_or_two_digits(rest).filter(|hour| *hour < 24)?;
    expect(rest, b':')?;
    one_or_two_digits(rest).filter(|minute| *minute < 60)?;
    expect(rest, b':')?;
    one_or_two_digits(rest).filter(|second| *second < 60)?;
    if let [b'.' | b',', digit, ..] = rest
        && digit.is_ascii_digit()
    {
        let length = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        *rest = &rest[1 + length..];
    }
    Some(())
}

fn zone(rest: &mut &[u8]) -> Option<()> {
    if expect(rest, b'Z').is_some() {
        return Some(());
    }
    let &[sign, h1, h2, b':', m1, m2, ref tail @ ..] = *rest else { return None };
    if !matches!(sign, b'+' | b'-') || ![h1, h2, m1, m2].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |tens: u8, ones: u8| (tens - b'0') * 10 + (ones - b'0');
    // Go lets an offset of 24 hours or 60 minutes pass.
    if number(h1, h2) > 24 || number(m1, m2) > 60 {
        return None;
    }
    *rest = tail;
    Some(())
}

const fn days_in(month: u32, year: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
