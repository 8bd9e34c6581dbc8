//! Floating-point numbers as text, in every form that `%b %e %f %g %x` ask for. Rules: `strconv.FormatFloat`.

use std::io::Write as _;

use crate::yaml::number::Shortest;

/// Digits beyond which a `float64` has only zeros: its longest exact decimal form has 1074 after the point.
const EXACT: usize = 1100;

/// Appends a number. `form` is one of `b e E f g G x X`; `precision` counts digits after the point (for `g` significant
/// ones), and without it there are as many as are needed to read the same number back.
pub fn append_float(out: &mut Vec<u8>, value: f64, form: u8, precision: Option<usize>) {
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
        return;
    }
    if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let value = value.abs();
    match form {
        b'b' => binary(out, value),
        b'x' | b'X' => hexadecimal(out, value, form, precision),
        b'e' | b'E' => {
            let digits = match precision {
                None => Digits::shortest(value),
                Some(precision) => Digits::significant(value, precision.saturating_add(1)),
            };
            let precision = precision.unwrap_or_else(|| digits.text.len().saturating_sub(1));
            digits.scientific(out, precision, form);
        }
        b'f' => match precision {
            None => {
                let digits = Digits::shortest(value);
                digits.plain(out, usize::try_from(digits.after_point()).unwrap_or(0));
            }
            Some(precision) => {
                let _ = write!(out, "{value:.*}", precision.min(EXACT));
                zeros(out, precision.saturating_sub(EXACT));
            }
        },
        _ => general(out, value, form, precision),
    }
}

fn general(out: &mut Vec<u8>, value: f64, form: u8, precision: Option<usize>) {
    let digits = match precision {
        None => Digits::shortest(value),
        Some(precision) => Digits::significant(value, precision.max(1)),
    };
    let count = digits.text.len();
    // Without a precision seven digits before the point are too many, whatever is needed.
    let limit = precision.map_or(6, |precision| precision.max(1));
    let exponent = digits.point - 1;
    if value != 0.0 && (exponent < -4 || i64::from(exponent) >= i64::try_from(limit).unwrap_or(i64::MAX)) {
        let form = if form == b'G' { b'E' } else { b'e' };
        digits.scientific(out, count.saturating_sub(1), form);
    } else {
        digits.plain(out, usize::try_from(digits.after_point()).unwrap_or(0));
    }
}

fn zeros(out: &mut Vec<u8>, count: usize) {
    out.resize(out.len().saturating_add(count), b'0');
}

/// The decimal digits of a number of at least 0, without zeros at either end: `0.text * 10^point`. None for zero.
struct Digits {
    text: String,
    point: i32,
}

impl Digits {
    fn shortest(value: f64) -> Self {
        if value == 0.0 {
            return Self { text: String::new(), point: 0 };
        }
        let shortest = Shortest::of(value);
        Self { point: shortest.exponent.saturating_add(1), text: shortest.digits }
    }

    /// Correctly rounded to at most `count` digits, of which there is at least one.
    fn significant(value: f64, count: usize) -> Self {
        let text = format!("{value:.*e}", count.clamp(1, EXACT) - 1);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let digits: String = mantissa.chars().filter(|character| *character != '.').collect();
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() {
            return Self { text: String::new(), point: 0 };
        }
        Self { text: digits.to_owned(), point: exponent.parse::<i32>().unwrap_or(0) + 1 }
    }

    fn after_point(&self) -> i32 {
        i32::try_from(self.text.len()).unwrap_or(i32::MAX).saturating_sub(self.point)
    }

    fn scientific(&self, out: &mut Vec<u8>, precision: usize, form: u8) {
        let (first, rest) = self.text.split_at_checked(1).unwrap_or(("0", ""));
        out.extend_from_slice(first.as_bytes());
        if precision > 0 {
            out.push(b'.');
            let rest = rest.get(..precision).unwrap_or(rest);
            out.extend_from_slice(rest.as_bytes());
            zeros(out, precision - rest.len());
        }
        let exponent = if self.text.is_empty() { 0 } else { self.point - 1 };
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "{}{sign}{:02}", char::from(form), exponent.abs());
    }

    fn plain(&self, out: &mut Vec<u8>, precision: usize) {
        let whole = usize::try_from(self.point).unwrap_or(0);
        if whole == 0 {
            out.push(b'0');
        } else {
            let digits = self.text.get(..whole).unwrap_or(&self.text);
            out.extend_from_slice(digits.as_bytes());
            zeros(out, whole - digits.len());
        }
        if precision > 0 {
            out.push(b'.');
            let leading = usize::try_from(-self.point).unwrap_or(0).min(precision);
            zeros(out, leading);
            let rest = self.text.get(whole..).unwrap_or("");
            let rest = rest.get(..precision - leading).unwrap_or(rest);
            out.extend_from_slice(rest.as_bytes());
            zeros(out, precision - leading - rest.len());
        }
    }
}

/// Mantissa and exponent of a finite number: `mantissa * 2^(exponent - 52)`.
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let exponent = i32::try_from((bits >> 52) & 0x7FF).unwrap_or(0);
    let mantissa = bits & ((1 << 52) - 1);
    if exponent == 0 { (mantissa, -1022) } else { (mantissa | 1 << 52, exponent - 1023) }
}

fn binary(out: &mut Vec<u8>, value: f64) {
    let (mantissa, exponent) = parts(value);
    let _ = write!(out, "{mantissa}p{:+}", exponent - 52);
}

fn hexadecimal(out: &mut Vec<u8>, value: f64, form: u8, precision: Option<usize>) {
    const POINT: u64 = 1 << 60;
    let (mantissa, mut exponent) = parts(value);
    // The digit before the point is bit 60; 15 hexadecimal digits follow.
    let mut mantissa = mantissa << 8;
    if mantissa == 0 {
        exponent = 0;
    }
    while mantissa != 0 && mantissa & POINT == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if let Some(precision @ 0..15) = precision {
        let dropped = 60 - 4 * u32::try_from(precision).unwrap_or(0);
        let rest = mantissa & ((1 << dropped) - 1);
        let mut kept = mantissa >> dropped;
        let half = 1 << (dropped - 1);
        if rest > half || (rest == half && kept & 1 == 1) {
            kept += 1;
        }
        mantissa = kept << dropped;
        if mantissa & (POINT << 1) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let upper = form == b'X';
    let fraction = mantissa & (POINT - 1);
    let mut digits = if upper { format!("{fraction:015X}") } else { format!("{fraction:015x}") };
    match precision {
        None => digits.truncate(digits.trim_end_matches('0').len()),
        Some(precision) => digits.truncate(precision),
    }
    let _ = write!(out, "0{}{}", char::from(form), mantissa >> 60 & 1);
    let padding = precision.map_or(0, |precision| precision - digits.len());
    if !digits.is_empty() || padding > 0 {
        out.push(b'.');
        out.extend_from_slice(digits.as_bytes());
        zeros(out, padding);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "{}{sign}{:02}", if upper { 'P' } else { 'p' }, exponent.abs());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: f64, form: u8, precision: Option<usize>) -> String {
        let mut out = Vec::new();
        append_float(&mut out, value, form, precision);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn every_form_is_that_of_format_float() {
        for (value, form, precision, expected) in [
            (0.0, b'g', None, "0"),
            (-0.0, b'g', None, "-0"),
            (100_000.0, b'g', None, "100000"),
            (1e6, b'g', None, "1e+06"),
            (123_456_789.0, b'g', None, "1.23456789e+08"),
            (123_456.789, b'g', None, "123456.789"),
            (0.0001, b'g', None, "0.0001"),
            (0.00001, b'g', None, "1e-05"),
            (1e100, b'G', None, "1E+100"),
            (100.0, b'g', Some(3), "100"),
            (1000.0, b'g', Some(3), "1e+03"),
            (1234.0, b'g', Some(3), "1.23e+03"),
            (0.0, b'g', Some(0), "0"),
            (0.0, b'e', Some(6), "0.000000e+00"),
            (2.5, b'f', Some(0), "2"),
            (0.25, b'f', Some(1), "0.2"),
            (1e21, b'f', None, "1000000000000000000000"),
            (1.5e-7, b'f', None, "0.00000015"),
            (1.0, b'e', None, "1e+00"),
            (12345.0, b'E', Some(2), "1.23E+04"),
            (1.0, b'b', None, "4503599627370496p-52"),
            (5e-324, b'b', None, "1p-1074"),
            (1.0, b'x', None, "0x1p+00"),
            (1.5, b'X', Some(3), "0X1.800P+00"),
            (1.999, b'x', Some(0), "0x1p+01"),
            (5e-324, b'x', None, "0x1p-1074"),
            (0.0, b'x', Some(2), "0x0.00p+00"),
            (0.1, b'x', Some(20), "0x1.999999999999a0000000p-04"),
            (f64::NAN, b'f', Some(2), "NaN"),
            (f64::NEG_INFINITY, b'e', None, "-Inf"),
        ] {
            assert_eq!(text(value, form, precision), expected, "{value:e} {}", char::from(form));
        }
    }
}
