//! Numbers and quoted text as Go prints them.

use std::fmt::Write as _;

use crate::unicode::is_print;

/// What Go's JSON says of a number that it cannot write; `None` if it can.
pub(super) fn not_json(float: f64) -> Option<&'static str> {
    if float.is_nan() {
        Some("NaN")
    } else if float == f64::INFINITY {
        Some("+Inf")
    } else if float == f64::NEG_INFINITY {
        Some("-Inf")
    } else {
        None
    }
}

/// As go-yaml's emitter prints a double, which is Go's `%g` but for infinities: the shortest digits that read back as
/// the same number, with an exponent below 1e-4 and from seven digits before the point on.
pub fn format_g(float: f64) -> String {
    if !float.is_finite() {
        return not_finite(float.is_nan(), float > 0.0);
    }
    Shortest::new(ryu::Buffer::new().format_finite(float)).general()
}

/// As Go's `fmt` prints a double with `%v`.
pub fn format_v(float: f64) -> String {
    not_json(float).map_or_else(|| format_g(float), str::to_owned)
}

/// As [`format_g`] with single precision.
pub(super) fn format_g32(float: f32) -> String {
    if !float.is_finite() {
        return not_finite(float.is_nan(), float > 0.0);
    }
    Shortest::new(ryu::Buffer::new().format_finite(float)).general()
}

/// As Go's `encoding/json` prints a double: plain from 1e-6 to below 1e21, otherwise with an exponent without
/// leading zeros.
pub fn format_json(float: f64) -> String {
    let shortest = Shortest::new(ryu::Buffer::new().format_finite(float));
    if float == 0.0 || (-6..21).contains(&shortest.exponent) { shortest.plain() } else { shortest.scientific(1) }
}

fn not_finite(is_nan: bool, positive: bool) -> String {
    match (is_nan, positive) {
        (true, _) => ".nan",
        (false, true) => ".inf",
        (false, false) => "-.inf",
    }
    .to_owned()
}

/// The shortest decimal digits of a float. Of two equally near ones Ryu takes the even one, as Go does and Rust's
/// own formatting does not.
pub struct Shortest {
    sign: &'static str,
    /// Without zeros at either end, except for zero itself.
    pub digits: String,
    /// The power of ten that the first digit counts.
    pub exponent: i32,
}

impl Shortest {
    /// Of a finite number.
    pub fn of(float: f64) -> Self {
        Self::new(ryu::Buffer::new().format_finite(float))
    }

    /// From decimal notation with or without an exponent.
    fn new(text: &str) -> Self {
        let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        if digits.is_empty() {
            return Self { sign, digits: "0".to_owned(), exponent: 0 };
        }
        let places = i32::try_from(digits.len()).unwrap_or(i32::MAX) - i32::try_from(fraction.len()).unwrap_or(0);
        let exponent = exponent.parse::<i32>().unwrap_or(0) + places - 1;
        Self { sign, digits: digits.trim_end_matches('0').to_owned(), exponent }
    }

    fn general(&self) -> String {
        if (-4..6).contains(&self.exponent) { self.plain() } else { self.scientific(2) }
    }

    /// With an exponent of at least `width` digits.
    fn scientific(&self, width: usize) -> String {
        let (first, rest) = self.digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if self.exponent < 0 { '-' } else { '+' };
        format!("{}{first}{point}{rest}e{sign}{:0width$}", self.sign, self.exponent.abs())
    }

    fn plain(&self) -> String {
        let Self { sign, digits, exponent } = self;
        let Ok(last) = usize::try_from(*exponent) else {
            let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
            return format!("{sign}0.{}{digits}", "0".repeat(zeros));
        };
        match digits.split_at_checked(last + 1) {
            Some((whole, "")) => format!("{sign}{whole}"),
            Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
            None => format!("{sign}{digits}{}", "0".repeat(last + 1 - digits.len())),
        }
    }
}

/// Text in double quotes as Go's `strconv.Quote` writes it.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            _ => push_quoted(&mut out, character),
        }
    }
    out.push('"');
    out
}

/// One character in single quotes as Go's `strconv.QuoteRune` writes it.
pub fn quote_char(character: char) -> String {
    let mut out = String::from("'");
    match character {
        '\'' => out.push_str("\\'"),
        _ => push_quoted(&mut out, character),
    }
    out.push('\'');
    out
}

fn push_quoted(out: &mut String, character: char) {
    match character {
        '\\' => out.push_str("\\\\"),
        '\u{07}' => out.push_str("\\a"),
        '\u{08}' => out.push_str("\\b"),
        '\u{0C}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{0B}' => out.push_str("\\v"),
        _ if is_print(character) => out.push(character),
        _ if character < ' ' || character == '\u{7F}' => {
            let _ = write!(out, "\\x{:02x}", u32::from(character));
        }
        _ if u32::from(character) < 0x1_0000 => {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        }
        _ => {
            let _ = write!(out, "\\U{:08x}", u32::from(character));
        }
    }
}
