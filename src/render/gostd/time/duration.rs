//! Spans of time in nanoseconds, as Go's `time.ParseDuration` reads them.

use super::quote;

/// A second.
pub const SECOND: i64 = 1_000_000_000;

const UNITS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

const LIMIT: u64 = 1 << 63;

/// The digits at the start, and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len()))
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        let number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        Some(number).filter(|number| *number <= LIMIT)
    })
}

/// Digits after the point and the power of ten they are worth; what no longer fits is dropped.
fn fraction(digits: &[u8]) -> (u64, f64) {
    let (mut number, mut scale) = (0_u64, 1.0);
    for digit in digits {
        let next = number.checked_mul(10).filter(|_| number <= (LIMIT - 1) / 10);
        let Some(next) = next.map(|next| next + u64::from(digit - b'0')).filter(|next| *next <= LIMIT) else { break };
        number = next;
        scale *= 10.0;
    }
    (number, scale)
}

/// Reads `1h30m`, `-1.5s`, `0`.
///
/// # Errors
/// Go's words.
pub fn parse(text: &[u8]) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (is_negative, mut rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if rest == b"0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let value = number(whole).ok_or_else(invalid)?;
        let (part, after) = after.strip_prefix(b".").map_or((&[][..], after), digits);
        if whole.is_empty() && part.is_empty() {
            return Err(invalid());
        }
        let (part, scale) = fraction(part);
        let end = after.iter().position(|byte| *byte == b'.' || byte.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(text)));
        }
        let Some((_, unit)) = UNITS.iter().find(|(known, _)| known.as_bytes() == unit) else {
            return Err(format!("time: unknown unit {} in duration {}", quote(unit), quote(text)));
        };
        let mut value = value.checked_mul(*unit).filter(|value| *value <= LIMIT).ok_or_else(invalid)?;
        if part > 0 {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "Go's arithmetic"
            )]
            let more = (part as f64 * (*unit as f64 / scale)) as u64;
            value = value.checked_add(more).filter(|value| *value <= LIMIT).ok_or_else(invalid)?;
        }
        sum = sum.checked_add(value).filter(|sum| *sum <= LIMIT).ok_or_else(invalid)?;
        rest = after;
    }
    if is_negative {
        return Ok(0_i64.wrapping_sub_unsigned(sum));
    }
    i64::try_from(sum).map_err(|_| invalid())
}

/// To the nearest multiple, halves away from zero; the largest there is if that is too large.
pub fn round(duration: i64, multiple: i64) -> i64 {
    if multiple <= 0 {
        return duration;
    }
    let rest = i128::from(duration % multiple);
    let (duration, multiple) = (i128::from(duration), i128::from(multiple));
    let down = duration - rest;
    let away = if duration < 0 { down - multiple } else { down + multiple };
    let rounded = if rest.abs() * 2 < multiple { down } else { away };
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}
