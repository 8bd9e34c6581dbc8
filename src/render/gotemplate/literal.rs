//! Literals in a template: numbers with every type they can stand for, and text in quotes.
//!
//! Rules: Go's `strconv` (what a quoted text means, how numbers are written) and `text/template/parse`, where a number
//! is an ideal constant that takes the type its use asks for.

use super::value::Value;
use crate::render::gostd::strconv::{FloatError, parse_float, parse_int, parse_uint};
use crate::yaml::number;

/// A number in a template. Which of the types it can have depends on its value, not on how it is written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Number {
    /// As a signed integer.
    pub(super) int: Option<i64>,
    /// As an unsigned integer.
    pub(super) uint: Option<u64>,
    /// As a float.
    pub(super) float: Option<f64>,
    /// As a complex number, if it is written as one.
    pub(super) complex: Option<(f64, f64)>,
    /// Its value where nothing asks for a type; `None` if that is an integer too large for `int`.
    pub(super) ideal: Ideal,
}

/// A number where nothing asks for a type.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) enum Ideal {
    /// A complex number.
    Complex(f64, f64),
    /// A float.
    Float(f64),
    /// An integer.
    Int(i64),
    /// An integer that fits no `int`.
    #[default]
    Overflow,
}

impl Ideal {
    /// The value; `None` if it overflows.
    pub(super) fn value(self) -> Option<Value> {
        match self {
            Self::Complex(real, imaginary) => Some(Value::Complex((real, imaginary).into())),
            Self::Float(float) => Some(Value::Float(float)),
            Self::Int(int) => Some(Value::int(int)),
            Self::Overflow => None,
        }
    }
}

impl Number {
    /// Reads a number or a character constant as the lexer cut it out.
    ///
    /// # Errors
    /// Go's words.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.first() == Some(&b'\'') {
            return Self::character(bytes);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "invalid syntax".to_owned())?;
        if let Some(real) = text.strip_suffix('i')
            && let Ok(imaginary) = parse_float(real)
        {
            return Ok(Self::from_complex(0.0, imaginary));
        }
        let mut number = Self { uint: parse_uint(text), int: parse_int(text), ..Self::default() };
        if number.int == Some(0) {
            number.uint = Some(0);
        }
        #[expect(clippy::cast_precision_loss, reason = "Go converts in the same way")]
        if let Some(int) = number.int {
            number.float = Some(int as f64);
        } else if let Some(uint) = number.uint {
            number.float = Some(uint as f64);
        } else if let Ok(float) = parse_float(text) {
            if !text.contains(['.', 'e', 'E', 'p', 'P']) {
                return Err(format!("integer overflow: {}", number::quote(text)));
            }
            number.float = Some(float);
            number.int = float_to_int(float);
            number.uint = float_to_uint(float);
        } else {
            return Err(format!("illegal number syntax: {}", number::quote(text)));
        }
        let hex = text.len() > 2 && (text.starts_with("0x") || text.starts_with("0X")) && !text.contains(['p', 'P']);
        number.ideal = match number {
            Self { float: Some(float), .. } if !hex && text.contains(['.', 'e', 'E', 'p', 'P']) => Ideal::Float(float),
            Self { int: Some(int), .. } => Ideal::Int(int),
            _ => Ideal::Overflow,
        };
        Ok(number)
    }

    /// Reads a complex number, such as `1+2i`.
    ///
    /// # Errors
    /// Go's words.
    pub(super) fn parse_complex(bytes: &[u8]) -> Result<Self, String> {
        let wrong = || "syntax error scanning complex number".to_owned();
        let text = std::str::from_utf8(bytes).map_err(|_| wrong())?;
        let (real, rest) = split_float(text);
        if !rest.starts_with(['+', '-']) {
            return Err(wrong());
        }
        let (imaginary, rest) = split_float(rest);
        if rest != "i" {
            return Err(wrong());
        }
        let convert = |text: &str| {
            scan_float(text).map_err(|error| {
                let what = match error {
                    FloatError::Syntax => "invalid syntax",
                    FloatError::Range => "value out of range",
                };
                format!("strconv.ParseFloat: parsing {}: {what}", number::quote(text))
            })
        };
        Ok(Self::from_complex(convert(real)?, convert(imaginary)?))
    }

    fn from_complex(real: f64, imaginary: f64) -> Self {
        let plain = imaginary == 0.0;
        Self {
            int: float_to_int(real).filter(|_| plain),
            uint: float_to_uint(real).filter(|_| plain),
            float: plain.then_some(real),
            complex: Some((real, imaginary)),
            ideal: Ideal::Complex(real, imaginary),
        }
    }

    fn character(bytes: &[u8]) -> Result<Self, String> {
        let inside = bytes.get(1..).unwrap_or_default();
        let (unit, rest) = unquote_unit(inside, b'\'').ok_or_else(|| "invalid syntax".to_owned())?;
        if rest != b"'" {
            return Err(format!("malformed character constant: {}", crate::yaml::json::lossy(bytes)));
        }
        let code = match unit {
            Unit::Byte(byte) => u32::from(byte),
            Unit::Character(character) => u32::from(character),
        };
        Ok(Self {
            int: Some(code.into()),
            uint: Some(code.into()),
            float: Some(code.into()),
            complex: None,
            ideal: Ideal::Int(code.into()),
        })
    }
}

/// The integer that a float is.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn float_to_int(float: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (float.fract() == 0.0 && (-LIMIT..LIMIT).contains(&float)).then_some(float as i64)
}

/// The unsigned integer that a float is.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn float_to_uint(float: f64) -> Option<u64> {
    const LIMIT: f64 = 18_446_744_073_709_551_616.0;
    (float.fract() == 0.0 && (0.0..LIMIT).contains(&float)).then_some(float as u64)
}

/// The float at the start of a text, as Go's `fmt` cuts it out when it reads a complex number.
fn split_float(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let mut at = 0;
    let accept = |at: &mut usize, wanted: &dyn Fn(u8) -> bool| {
        let found = bytes.get(*at).is_some_and(|byte| wanted(*byte));
        *at += usize::from(found);
        found
    };
    accept(&mut at, &|byte| matches!(byte, b'+' | b'-'));
    let hex = accept(&mut at, &|byte| byte == b'0') && accept(&mut at, &|byte| matches!(byte, b'x' | b'X'));
    let digit = |byte: u8| byte == b'_' || if hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
    while accept(&mut at, &digit) {}
    if accept(&mut at, &|byte| byte == b'.') {
        while accept(&mut at, &digit) {}
    }
    if accept(&mut at, &|byte| matches!(byte | 0x20, b'p') || !hex && matches!(byte | 0x20, b'e')) {
        accept(&mut at, &|byte| matches!(byte, b'+' | b'-'));
        while accept(&mut at, &|byte| byte == b'_' || byte.is_ascii_digit()) {}
    }
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// A float with, possibly, a decimal mantissa and a binary exponent, which only `fmt` understands.
fn scan_float(text: &str) -> Result<f64, FloatError> {
    let hex = text.contains(['x', 'X']);
    match text.split_once('p') {
        Some((mantissa, exponent)) if !hex => {
            let mantissa = parse_float(mantissa)?;
            let exponent: i32 = exponent.parse().map_err(|_| FloatError::Syntax)?;
            let mut float = mantissa;
            // In steps, so that the scale itself does not overflow.
            for part in [exponent / 2, exponent - exponent / 2] {
                float *= 2_f64.powi(part);
            }
            Ok(float)
        }
        _ => parse_float(text),
    }
}

/// One unit of quoted text: a character, or a byte that an escape names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Byte(u8),
    Character(char),
}

/// The text between quotes (which `quoted` has), as `strconv.Unquote` reads it; `None` if it is malformed.
pub(super) fn unquote(quoted: &[u8]) -> Option<Vec<u8>> {
    let (&quote, rest) = quoted.split_first()?;
    let inside = rest.strip_suffix(&[quote])?;
    if quote == b'`' {
        return Some(inside.iter().copied().filter(|byte| *byte != b'\r').collect());
    }
    if memchr::memchr2(b'\\', b'\n', inside).is_none() && memchr::memchr(quote, inside).is_none() {
        return Some(match std::str::from_utf8(inside) {
            Ok(_) => inside.to_vec(),
            Err(_) => crate::yaml::json::lossy(inside).into_bytes(),
        });
    }
    let mut out = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while !rest.is_empty() {
        if rest.first() == Some(&b'\n') {
            return None;
        }
        let (unit, after) = unquote_unit(rest, quote)?;
        match unit {
            Unit::Byte(byte) => out.push(byte),
            Unit::Character(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = after;
    }
    Some(out)
}

/// The first unit of quoted text and what follows.
fn unquote_unit(bytes: &[u8], quote: u8) -> Option<(Unit, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first == quote {
        return None;
    }
    if first != b'\\' {
        let (character, width) = crate::unicode::first(bytes)?;
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        return Some((Unit::Character(character), bytes.get(width..)?));
    }
    let (&escape, rest) = rest.split_first()?;
    let plain = |byte: u8| Some((Unit::Character(byte.into()), rest));
    match escape {
        b'a' => plain(0x07),
        b'b' => plain(0x08),
        b'f' => plain(0x0C),
        b'n' => plain(b'\n'),
        b'r' => plain(b'\r'),
        b't' => plain(b'\t'),
        b'v' => plain(0x0B),
        b'\\' => plain(b'\\'),
        b'\'' | b'"' => (escape == quote).then_some((Unit::Character(escape.into()), rest)),
        b'x' => code(rest, 2, 16).and_then(|(code, rest)| Some((Unit::Byte(u8::try_from(code).ok()?), rest))),
        b'u' => code(rest, 4, 16).and_then(|(code, rest)| Some((Unit::Character(char::from_u32(code)?), rest))),
        b'U' => code(rest, 8, 16).and_then(|(code, rest)| Some((Unit::Character(char::from_u32(code)?), rest))),
        b'0'..=b'7' => {
            let digits = bytes.get(1..)?;
            code(digits, 3, 8).and_then(|(code, rest)| Some((Unit::Byte(u8::try_from(code).ok()?), rest)))
        }
        _ => None,
    }
}

/// A code of so many digits, and what follows.
fn code(bytes: &[u8], digits: usize, base: u32) -> Option<(u32, &[u8])> {
    let (code, rest) = bytes.split_at_checked(digits)?;
    let mut value = 0_u32;
    for &byte in code {
        value = value.checked_mul(base)?.checked_add(char::from(byte).to_digit(base)?)?;
    }
    Some((value, rest))
}
