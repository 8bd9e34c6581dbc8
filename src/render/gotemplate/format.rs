//! Values as text: Go's `fmt`, as `{{ value }}`, `print`, `println`, `printf` and every function that makes strings of
//! values use it.
//!
//! Owns verbs, flags and the marks for wrong calls such as `%!d(string=x)`. Floating-point digits are in
//! [`float`](super::float), quoting in [`quote`](super::quote), the reading of format strings in
//! [`directive`](super::directive). Rules: Go's `fmt/print.go` and `fmt/format.go`. Where Go would use up its stack or
//! its memory (a map that contains itself, lists of lists that share their parts) printing ends in an error.

use std::borrow::Cow;
use std::io::Write as _;

use super::error::Failure;
use super::named_int;
use super::quote;
use super::value::{IntType, Kind, List, ListType, Map, MapType, Object, UintType, Value};
use super::{directive, float};
use crate::unicode;

/// Bytes beyond which one print is given up.
pub const MAX_PRINT: usize = 1 << 28;

/// How long a text may get to which texts are appended as they are.
pub const MAX_TEXT: usize = 1 << 29;

/// Nesting beyond which a value is taken for one that contains itself.
const MAX_NESTING: usize = 10_000;

/// Refuses to make a text longer than it may get. Asked before it grows: one long text can be an argument many times.
///
/// # Errors
/// If `more` bytes behind `length` are more than `most`.
pub fn check_growth(length: usize, more: usize, most: usize) -> Result<(), Failure> {
    if length.saturating_add(more) > most {
        return Err(Failure::Budget("a text that is put together is too large".to_owned()));
    }
    Ok(())
}

/// Appends a value as `{{ value }}` and `%v` print it. Nil is `<nil>`.
///
/// # Errors
/// If the value contains itself, its text would be larger than [`MAX_PRINT`], or `out` longer than [`MAX_TEXT`] by a text.
pub fn append_value(out: &mut Vec<u8>, value: &Value) -> Result<(), Failure> {
    match value {
        Value::Text(text) => {
            check_growth(out.len(), text.len(), MAX_TEXT)?;
            out.extend_from_slice(text);
        }
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(IntType::Int | IntType::Int32 | IntType::Int64, number) => append_decimal(out, *number),
        Value::Float(number) => append_float_value(out, *number),
        _ => {
            let mut printer = Printer::new(std::mem::take(out));
            let result = printer.print_argument(value, 'v');
            *out = printer.out;
            return result;
        }
    }
    Ok(())
}

/// An integer in decimal digits.
pub(super) fn append_decimal(out: &mut Vec<u8>, number: i64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        at -= 1;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

/// A `float64` as `%v` prints it.
fn append_float_value(out: &mut Vec<u8>, number: f64) {
    // Small whole numbers, which values files are full of, need no search for digits.
    if number.abs() < 1e6 && number.fract() == 0.0 && (number != 0.0 || number.is_sign_positive()) {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below a million")]
        let number = number as i64;
        append_decimal(out, number);
    } else {
        float::append_float(out, number, b'g', None);
    }
}

/// Go's `fmt.Sprint`: the values one after the other, with a space between two that are no strings.
///
/// # Errors
/// As [`append_value`].
pub fn sprint(values: &[Value]) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    let mut after_text = true;
    for value in values {
        let is_text = matches!(value, Value::Text(_));
        if !is_text && !after_text {
            out.push(b' ');
        }
        append_value(&mut out, value)?;
        after_text = is_text;
    }
    Ok(out)
}

/// Go's `fmt.Sprintln`: the values with spaces between them and a line feed at the end.
///
/// # Errors
/// As [`append_value`].
pub fn sprintln(values: &[Value]) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        append_value(&mut out, value)?;
    }
    out.push(b'\n');
    Ok(out)
}

/// Go's `fmt.Sprintf`.
///
/// # Errors
/// As [`append_value`]; wrong verbs and missing arguments show in the text, as in Go.
pub fn sprintf(format: &[u8], arguments: &[Value]) -> Result<Vec<u8>, Failure> {
    let mut printer = Printer::new(Vec::with_capacity(format.len()));
    directive::run(&mut printer, format, arguments)?;
    Ok(printer.out)
}

/// The type of a value as `%T` prints it; `<nil>` for nil.
pub fn type_name(value: &Value) -> Cow<'static, str> {
    Cow::Borrowed(match value {
        Value::Nil => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(kind, _) => int_type_name(*kind),
        Value::Uint(UintType::Uint8, _) => "uint8",
        Value::Uint(UintType::Uint32, _) => "uint32",
        Value::Uint(UintType::Uint64, _) => "uint64",
        Value::Float(_) => "float64",
        Value::Complex(_) => "complex128",
        Value::Text(_) => "string",
        Value::Bytes(_) => "[]uint8",
        Value::List(list) => list_type_name(list.kind),
        Value::Map(map) => map_type_name(map.kind),
        Value::Object(object) => return Cow::Owned(object.type_name().to_owned()),
    })
}

const fn int_type_name(kind: IntType) -> &'static str {
    match kind {
        IntType::Int => "int",
        IntType::Int32 => "int32",
        IntType::Int64 => "int64",
        IntType::Duration => "time.Duration",
        IntType::Month => "time.Month",
        IntType::Weekday => "time.Weekday",
    }
}

const fn list_type_name(kind: ListType) -> &'static str {
    match kind {
        ListType::Any => "[]interface {}",
        ListType::Strings => "[]string",
        ListType::Ints => "[]int",
        ListType::Lists => "[][]interface {}",
        ListType::Named(named) => named.name,
    }
}

const fn map_type_name(kind: MapType) -> &'static str {
    match kind {
        MapType::Any => "map[string]interface {}",
        MapType::Strings => "map[string]string",
        MapType::Named(named) => named.name,
    }
}

/// Flags, width and precision of one directive.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spec {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v`.
    pub(super) plus_v: bool,
    /// `%#v`.
    pub(super) sharp_v: bool,
}

/// What is being printed, and how.
#[derive(Debug)]
pub(super) struct Printer {
    pub(super) out: Vec<u8>,
    pub(super) spec: Spec,
    /// While the value of a wrong call is printed `String()` methods are not called.
    erroring: bool,
    /// Text before this one is not counted.
    start: usize,
}

impl Printer {
    fn new(out: Vec<u8>) -> Self {
        Self { start: out.len(), out, spec: Spec::default(), erroring: false }
    }

    pub(super) fn check(&self, depth: usize) -> Result<(), Failure> {
        if depth > MAX_NESTING {
            return Err(Failure::Budget("a value to print contains itself, or is nested too deeply".to_owned()));
        }
        if self.out.len() - self.start > MAX_PRINT {
            return Err(Failure::Budget("a value to print is too large".to_owned()));
        }
        Ok(())
    }

    pub(super) fn write(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(super) fn write_verb(&mut self, verb: char) {
        quote::push(&mut self.out, verb);
    }

    /// Prints an argument with a verb.
    pub(super) fn print_argument(&mut self, value: &Value, verb: char) -> Result<(), Failure> {
        self.check(0)?;
        match (value, verb) {
            (Value::Nil, 'T' | 'v') => {
                self.pad(b"<nil>");
                Ok(())
            }
            (Value::Nil, _) => self.bad_verb(value, verb, true),
            (_, 'T') => {
                let name = type_name(value);
                let name = truncate(name.as_bytes(), self.spec.precision);
                self.pad(name);
                Ok(())
            }
            (_, 'p') => self.address(value, verb, true),
            (Value::Bytes(bytes), _) => self.bytes(value, bytes, verb, "[]byte", 0),
            _ => self.print_value(value, verb, 0),
        }
    }

    /// Prints a value at some depth in an argument, 0 for the argument itself.
    fn print_value(&mut self, value: &Value, verb: char, depth: usize) -> Result<(), Failure> {
        self.check(depth)?;
        if !self.erroring {
            if verb == 'w' {
                return self.bad_verb(value, verb, true);
            }
            if let Some(text) = self.stringer(value, verb) {
                return self.stringer_text(value, text.as_bytes(), verb);
            }
        }
        match value {
            // An interface that holds nothing prints so with any verb.
            Value::Nil => {
                self.write(if self.spec.sharp_v { "interface {}(nil)" } else { "<nil>" });
                Ok(())
            }
            Value::Bool(boolean) => match verb {
                't' | 'v' => {
                    self.pad(if *boolean { b"true" } else { b"false" });
                    Ok(())
                }
                _ => self.bad_verb(value, verb, depth == 0),
            },
            Value::Int(_, number) => self.integer(value, number.unsigned_abs(), *number < 0, true, verb, depth),
            Value::Uint(_, number) => self.integer(value, *number, false, false, verb, depth),
            Value::Float(number) => {
                if self.float(*number, verb) {
                    Ok(())
                } else {
                    self.bad_verb(value, verb, depth == 0)
                }
            }
            Value::Complex(parts) => match verb {
                'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E' => {
                    let plus = self.spec.plus;
                    self.write("(");
                    self.float(parts.0, verb);
                    // The imaginary part always has a sign.
                    self.spec.plus = true;
                    self.float(parts.1, verb);
                    self.write("i)");
                    self.spec.plus = plus;
                    Ok(())
                }
                _ => self.bad_verb(value, verb, depth == 0),
            },
            Value::Text(text) => self.text(value, text, verb, depth),
            Value::Bytes(bytes) => match verb {
                's' | 'q' | 'x' | 'X' => self.bytes(value, bytes, verb, "[]uint8", depth),
                _ => self.each_byte(bytes, verb, depth),
            },
            Value::List(list) => self.list(list, verb, depth),
            Value::Map(map) => self.map(map, verb, depth),
            Value::Object(object) => self.object(value, object.as_ref(), verb, depth),
        }
    }

    /// What a `String()` method says, where the verb asks for it.
    fn stringer(&self, value: &Value, verb: char) -> Option<String> {
        if self.spec.sharp_v {
            return match value {
                Value::Object(object) => object.go_string(),
                _ => None,
            };
        }
        if !matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') {
            return None;
        }
        match value {
            Value::Int(kind, number) => named_int::string(*kind, *number),
            Value::Object(object) => object.string(),
            _ => None,
        }
    }

    fn stringer_text(&mut self, value: &Value, text: &[u8], verb: char) -> Result<(), Failure> {
        if self.spec.sharp_v {
            self.pad(truncate(text, self.spec.precision));
            return Ok(());
        }
        self.text(value, text, verb, 0)
    }

    fn list(&mut self, list: &List, verb: char, depth: usize) -> Result<(), Failure> {
        let sharp_v = self.spec.sharp_v;
        if sharp_v {
            self.write(list_type_name(list.kind));
            if list.nil {
                self.write("(nil)");
                return Ok(());
            }
        }
        self.write(if sharp_v { "{" } else { "[" });
        for (index, item) in list.items.iter().enumerate() {
            if index > 0 {
                self.write(if sharp_v { ", " } else { " " });
            }
            self.print_value(item, verb, depth + 1)?;
        }
        self.write(if sharp_v { "}" } else { "]" });
        Ok(())
    }

    fn map(&mut self, map: &Map, verb: char, depth: usize) -> Result<(), Failure> {
        let sharp_v = self.spec.sharp_v;
        if sharp_v {
            self.write(map_type_name(map.kind));
            if map.nil {
                self.write("(nil)");
                return Ok(());
            }
            self.write("{");
        } else {
            self.write("map[");
        }
        for (index, (key, item)) in map.entries.borrow().iter().enumerate() {
            if index > 0 {
                self.write(if sharp_v { ", " } else { " " });
            }
            self.text(&Value::Text(key.clone()), key, verb, depth + 1)?;
            self.write(":");
            self.print_value(item, verb, depth + 1)?;
        }
        self.write(if sharp_v { "}" } else { "]" });
        Ok(())
    }

    fn object(&mut self, value: &Value, object: &dyn Object, verb: char, depth: usize) -> Result<(), Failure> {
        match object.kind() {
            Kind::Func => return self.address(value, verb, depth == 0),
            Kind::Ptr if depth > 0 || object.is_nil() => return self.address(value, verb, depth == 0),
            _ => {}
        }
        let Some(fields) = object.fields() else {
            self.write(&object.print());
            return Ok(());
        };
        let mut name = object.type_name();
        if object.kind() == Kind::Ptr {
            self.write("&");
            name = name.strip_prefix('*').unwrap_or(name);
        }
        let Spec { sharp_v, plus_v, .. } = self.spec;
        if sharp_v {
            self.write(name);
        }
        self.write("{");
        for (index, (name, field)) in fields.iter().enumerate() {
            if index > 0 {
                self.write(if sharp_v { ", " } else { " " });
            }
            if sharp_v || plus_v {
                self.write(name);
                self.write(":");
            }
            self.print_value(field, verb, depth + 1)?;
        }
        self.write("}");
        Ok(())
    }

    /// Marks a verb that does not fit its value: `%!d(string=x)`.
    fn bad_verb(&mut self, value: &Value, verb: char, argument: bool) -> Result<(), Failure> {
        self.write("%!");
        self.write_verb(verb);
        self.write("(");
        if matches!(value, Value::Nil) {
            self.write("<nil>");
        } else {
            self.write(&type_name(value));
            self.write("=");
            self.erroring = true;
            let printed = if argument { self.print_argument(value, 'v') } else { self.print_value(value, 'v', 0) };
            self.erroring = false;
            printed?;
        }
        self.write(")");
        Ok(())
    }

    /// Go prints where a pointer points to. Nothing here has such a place that means anything, so that it is the same
    /// one for all.
    fn address(&mut self, value: &Value, verb: char, argument: bool) -> Result<(), Failure> {
        let nil = match value {
            Value::List(list) => list.nil,
            Value::Map(map) => map.nil,
            Value::Bytes(_) => false,
            Value::Object(object) if object.kind() != Kind::Struct => object.is_nil(),
            _ => return self.bad_verb(value, verb, argument),
        };
        let place = if nil { 0 } else { 0xC0_0001_0000 };
        match verb {
            'v' if self.spec.sharp_v => {
                self.write("(");
                self.write(&type_name(value));
                self.write(")(");
                if nil {
                    self.write("nil");
                } else {
                    self.hexadecimal(place, true);
                }
                self.write(")");
            }
            'v' if nil => self.pad(b"<nil>"),
            'v' | 'p' => self.hexadecimal(place, !self.spec.sharp),
            'b' | 'o' | 'd' | 'x' | 'X' => return self.integer(value, place, false, false, verb, 0),
            _ => return self.bad_verb(value, verb, argument),
        }
        Ok(())
    }

    fn hexadecimal(&mut self, number: u64, prefix: bool) {
        let sharp = std::mem::replace(&mut self.spec.sharp, prefix);
        self.digits(number, false, 16, 'v', false);
        self.spec.sharp = sharp;
    }

    fn integer(
        &mut self,
        value: &Value,
        number: u64,
        negative: bool,
        signed: bool,
        verb: char,
        depth: usize,
    ) -> Result<(), Failure> {
        // Bit for bit what the number is as an unsigned one.
        let raw = if negative { number.wrapping_neg() } else { number };
        match verb {
            'v' if self.spec.sharp_v && !signed => self.hexadecimal(number, true),
            'v' | 'd' => self.digits(number, negative, 10, verb, false),
            'b' => self.digits(number, negative, 2, verb, false),
            'o' | 'O' => self.digits(number, negative, 8, verb, false),
            'x' => self.digits(number, negative, 16, verb, false),
            'X' => self.digits(number, negative, 16, verb, true),
            'c' => {
                let mut out = Vec::with_capacity(4);
                quote::push(&mut out, character(raw));
                self.pad(&out);
            }
            'q' => {
                let mut out = Vec::with_capacity(8);
                quote::append_quoted_char(&mut out, character(raw), self.spec.plus);
                self.pad(&out);
            }
            'U' => self.code_point(raw),
            _ => return self.bad_verb(value, verb, depth == 0),
        }
        Ok(())
    }

    fn digits(&mut self, number: u64, negative: bool, base: u32, verb: char, upper: bool) {
        let Spec { width, precision, minus, plus, sharp, space, zero, .. } = self.spec;
        let signed = negative || plus || space;
        let least = match (precision, width) {
            // Nothing at all, padded.
            (Some(0), _) if number == 0 => {
                self.padding(width.unwrap_or(0), b' ');
                return;
            }
            (Some(precision), _) => precision,
            (None, Some(width)) if zero && !minus => width.saturating_sub(usize::from(signed)),
            _ => 0,
        };
        let digits = match base {
            2 => format!("{number:b}"),
            8 => format!("{number:o}"),
            16 if upper => format!("{number:X}"),
            16 => format!("{number:x}"),
            _ => number.to_string(),
        };
        let zeros = least.saturating_sub(digits.len());
        let mut out = Vec::with_capacity(digits.len() + zeros + 4);
        if negative {
            out.push(b'-');
        } else if plus {
            out.push(b'+');
        } else if space {
            out.push(b' ');
        }
        if verb == 'O' {
            out.extend_from_slice(b"0o");
        }
        if sharp {
            match base {
                2 => out.extend_from_slice(b"0b"),
                8 if zeros == 0 && !digits.starts_with('0') => out.push(b'0'),
                16 => out.extend_from_slice(if upper { b"0X" } else { b"0x" }),
                _ => {}
            }
        }
        out.resize(out.len() + zeros, b'0');
        out.extend_from_slice(digits.as_bytes());
        self.pad_with_spaces(&out);
    }

    /// `U+4E16`, with the character after it if `#` asks for it.
    fn code_point(&mut self, code: u64) {
        let digits = format!("{code:X}");
        let zeros = self.spec.precision.unwrap_or(4).max(4).saturating_sub(digits.len());
        let mut out = b"U+".to_vec();
        out.resize(out.len() + zeros, b'0');
        out.extend_from_slice(digits.as_bytes());
        let character = u32::try_from(code).ok().and_then(char::from_u32).filter(|code| unicode::is_print(*code));
        if let Some(character) = character.filter(|_| self.spec.sharp) {
            out.extend_from_slice(b" '");
            quote::push(&mut out, character);
            out.push(b'\'');
        }
        self.pad_with_spaces(&out);
    }

    /// Prints a number; whether the verb fits one.
    fn float(&mut self, number: f64, verb: char) -> bool {
        let (form, precision) = match verb {
            'v' | 'g' => (b'g', None),
            'b' => (b'b', None),
            'G' => (b'G', None),
            'x' => (b'x', None),
            'X' => (b'X', None),
            'f' | 'F' => (b'f', Some(6)),
            'e' => (b'e', Some(6)),
            'E' => (b'E', Some(6)),
            _ => return false,
        };
        let precision = self.spec.precision.or(precision);
        let mut text = Vec::with_capacity(24);
        float::append_float(&mut text, number, form, precision);
        let sign = match text.first() {
            Some(sign @ (b'+' | b'-')) => {
                let sign = *sign;
                text.remove(0);
                sign
            }
            _ => b'+',
        };
        let Spec { plus, space, zero, minus, width, .. } = self.spec;
        let sign = if sign == b'+' && space && !plus { b' ' } else { sign };
        if !number.is_finite() {
            // Not padded with zeros; NaN has a sign only if one is asked for.
            if plus || sign != b'+' || !number.is_nan() {
                text.insert(0, sign);
            }
            self.pad_with_spaces(&text);
            return true;
        }
        if self.spec.sharp && form != b'b' {
            text = with_all_digits(&text, form, verb, precision);
        }
        if plus || sign != b'+' {
            let len = text.len() + 1;
            if let Some(width) = width.filter(|width| zero && !minus && *width > len) {
                // The sign comes before the zeros.
                self.out.push(sign);
                self.padding(width - len, b'0');
                self.out.extend_from_slice(&text);
                return true;
            }
            text.insert(0, sign);
        }
        self.pad(&text);
        true
    }

    fn text(&mut self, value: &Value, text: &[u8], verb: char, depth: usize) -> Result<(), Failure> {
        match verb {
            'v' if self.spec.sharp_v => self.quoted(text),
            'v' | 's' => self.pad(truncate(text, self.spec.precision)),
            'x' => self.hex_bytes(text, false),
            'X' => self.hex_bytes(text, true),
            'q' => self.quoted(text),
            _ => return self.bad_verb(value, verb, depth == 0),
        }
        Ok(())
    }

    fn bytes(&mut self, value: &Value, bytes: &[u8], verb: char, name: &str, depth: usize) -> Result<(), Failure> {
        match verb {
            'v' | 'd' if self.spec.sharp_v => {
                self.write(name);
                self.write("{");
                for (index, byte) in bytes.iter().enumerate() {
                    if index > 0 {
                        self.write(", ");
                    }
                    self.hexadecimal(u64::from(*byte), true);
                    self.check(depth)?;
                }
                self.write("}");
                Ok(())
            }
            's' => {
                self.pad(truncate(bytes, self.spec.precision));
                Ok(())
            }
            'x' | 'X' | 'q' => self.text(value, bytes, verb, depth),
            _ => self.each_byte(bytes, verb, depth),
        }
    }

    /// A slice of bytes as a slice of numbers.
    fn each_byte(&mut self, bytes: &[u8], verb: char, depth: usize) -> Result<(), Failure> {
        let sharp_v = self.spec.sharp_v;
        self.write(if sharp_v { "[]uint8{" } else { "[" });
        for (index, byte) in bytes.iter().enumerate() {
            if index > 0 {
                self.write(if sharp_v { ", " } else { " " });
            }
            self.print_value(&Value::Uint(UintType::Uint8, u64::from(*byte)), verb, depth + 1)?;
        }
        self.write(if sharp_v { "}" } else { "]" });
        Ok(())
    }

    fn quoted(&mut self, text: &[u8]) {
        let text = truncate(text, self.spec.precision);
        let mut out = Vec::with_capacity(text.len() + 2);
        if self.spec.sharp && quote::can_backquote(text) {
            out.push(b'`');
            out.extend_from_slice(text);
            out.push(b'`');
        } else {
            quote::append_quoted(&mut out, text, '"', self.spec.plus);
        }
        self.pad(&out);
    }

    fn hex_bytes(&mut self, bytes: &[u8], upper: bool) {
        let Spec { width, precision, minus, sharp, space, zero, .. } = self.spec;
        let bytes = precision.and_then(|precision| bytes.get(..precision)).unwrap_or(bytes);
        let mut out = Vec::with_capacity(bytes.len() * 2);
        for (index, byte) in bytes.iter().enumerate() {
            if index > 0 && space {
                out.push(b' ');
            }
            if sharp && (index == 0 || space) {
                out.extend_from_slice(if upper { b"0X" } else { b"0x" });
            }
            let _ = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
        }
        let rest = width.unwrap_or(0).saturating_sub(out.len());
        let fill = if zero && !minus { b'0' } else { b' ' };
        if !minus || out.is_empty() {
            self.padding(rest, fill);
        }
        self.out.extend_from_slice(&out);
        if minus && !out.is_empty() {
            self.padding(rest, fill);
        }
    }

    fn padding(&mut self, count: usize, fill: u8) {
        self.out.resize(self.out.len() + count, fill);
    }

    /// Appends text, filled up to the width; with zeros if the flags say so.
    fn pad(&mut self, text: &[u8]) {
        let fill = if self.spec.zero && !self.spec.minus { b'0' } else { b' ' };
        self.pad_with(text, fill);
    }

    fn pad_with_spaces(&mut self, text: &[u8]) {
        self.pad_with(text, b' ');
    }

    fn pad_with(&mut self, text: &[u8], fill: u8) {
        let rest = self.spec.width.map_or(0, |width| width.saturating_sub(unicode::count(text)));
        if !self.spec.minus {
            self.padding(rest, fill);
        }
        self.out.extend_from_slice(text);
        if self.spec.minus {
            self.padding(rest, fill);
        }
    }
}

/// The character of a code point; U+FFFD for what is none.
fn character(code: u64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// As many characters of a text as the precision allows.
fn truncate(text: &[u8], precision: Option<usize>) -> &[u8] {
    let Some(precision) = precision.filter(|precision| *precision < text.len()) else { return text };
    let end = unicode::characters(text).nth(precision).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}

/// What `#` asks of a number: a decimal point always, and for `%g` the zeros at the end.
fn with_all_digits(text: &[u8], form: u8, verb: char, precision: Option<usize>) -> Vec<u8> {
    let exponent = match form {
        b'x' | b'X' => text.iter().position(|byte| matches!(byte, b'p' | b'P')),
        _ => text.iter().position(|byte| matches!(byte, b'e' | b'E')),
    };
    let (number, tail) = text.split_at(exponent.unwrap_or(text.len()));
    let mut missing = match verb {
        'v' | 'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ => 0,
    };
    // Digits count from the first one that is not zero (the `x` of a hexadecimal number is taken for one).
    let significant = number.iter().filter(|byte| **byte != b'.').skip_while(|byte| **byte == b'0').count();
    missing = missing.saturating_sub(significant);
    let mut out = number.to_vec();
    if !number.contains(&b'.') {
        if number == b"0" {
            missing = missing.saturating_sub(1);
        }
        out.push(b'.');
    }
    out.resize(out.len() + missing, b'0');
    out.extend_from_slice(tail);
    out
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
