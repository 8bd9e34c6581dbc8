//! Numbers from text: Go's `strconv`.

/// What is wrong with the text of a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloatError {
    /// It is none.
    Syntax,
    /// It is too large.
    Range,
}

/// `strconv.ParseUint` with base 0: `0x`, `0o`, `0b` and a leading zero name the base; underscores separate digits.
pub fn parse_uint(text: &str) -> Option<u64> {
    let prefix = |name: char| {
        let rest = text.strip_prefix('0')?;
        rest.strip_prefix([name, name.to_ascii_uppercase()]).filter(|digits| !digits.is_empty())
    };
    let (base, digits) = if let Some(digits) = prefix('b') {
        (2, digits)
    } else if let Some(digits) = prefix('o') {
        (8, digits)
    } else if let Some(digits) = prefix('x') {
        (16, digits)
    } else if let Some(digits) = text.strip_prefix('0') {
        (8, digits)
    } else {
        (10, text)
    };
    if text.is_empty() || !underscores_are_right(text) {
        return None;
    }
    let mut value = 0_u64;
    for character in digits.chars().filter(|character| *character != '_') {
        let digit = character.to_digit(base)?;
        value = value.checked_mul(base.into())?.checked_add(digit.into())?;
    }
    Some(value)
}

/// `strconv.ParseInt` with base 0; nothing for what is no integer, or out of range.
pub fn parse_int(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix('-') {
        0_i64.checked_sub_unsigned(parse_uint(digits)?)
    } else {
        i64::try_from(parse_uint(text.strip_prefix('+').unwrap_or(text))?).ok()
    }
}

/// Whether every underscore stands between digits, or between a base's prefix and a digit.
fn underscores_are_right(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let bytes = text.as_bytes();
    let base = match bytes {
        [b'0', name, ..] => name | 0x20,
        _ => 0,
    };
    let (prefixed, hex) = (matches!(base, b'b' | b'o' | b'x'), base == b'x');
    // What stands before: a digit (or prefix), an underscore, or anything else.
    let mut before = if prefixed { b'0' } else { b'^' };
    for &byte in bytes.iter().skip(if prefixed { 2 } else { 0 }) {
        let digit = byte.is_ascii_digit() || hex && byte.is_ascii_hexdigit();
        if byte == b'_' && before != b'0' || !digit && byte != b'_' && before == b'_' {
            return false;
        }
        before = match byte {
            b'_' => b'_',
            _ if digit => b'0',
            _ => b'!',
        };
    }
    before != b'_'
}

/// `strconv.ParseFloat`: decimal, hexadecimal with a binary exponent, `inf`, `infinity` and `nan`.
///
/// # Errors
/// If the text is no number, or one that is too large.
pub fn parse_float(text: &str) -> Result<f64, FloatError> {
    if text.contains('_') && !underscores_are_right(text) {
        return Err(FloatError::Syntax);
    }
    let plain: String = text.chars().filter(|character| *character != '_').collect();
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let signed = digits.len() < plain.len();
    let float = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        parse_hex_float(hex)?
    } else if digits.eq_ignore_ascii_case("inf") || digits.eq_ignore_ascii_case("infinity") {
        f64::INFINITY
    } else if digits.eq_ignore_ascii_case("nan") && !signed {
        f64::NAN
    } else {
        // Rust reads the same decimal notation, and more: words, and a sign.
        let starts = digits.starts_with(|character: char| character.is_ascii_digit() || character == '.');
        let known = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
        let float = if starts && digits.bytes().all(known) { digits.parse::<f64>().ok() } else { None };
        float
            .ok_or(FloatError::Syntax)
            .and_then(|float| if float.is_infinite() { Err(FloatError::Range) } else { Ok(float) })?
    };
    Ok(if negative { -float } else { float })
}

/// A hexadecimal float without sign and prefix, rounded to nearest, ties to even.
fn parse_hex_float(text: &str) -> Result<f64, FloatError> {
    let (mantissa, exponent) = text.split_once(['p', 'P']).ok_or(FloatError::Syntax)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) || whole.len() + fraction.len() == 0 {
        return Err(FloatError::Syntax);
    }
    let magnitude = digits.bytes().fold(0_i64, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(1_000_000));
    let mut exponent = if exponent.starts_with('-') { -magnitude } else { magnitude };
    // The first 60 or more bits, and whether anything but zeros follows them.
    let (mut bits, mut rest) = (0_u64, false);
    for (index, character) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = character.to_digit(16).ok_or(FloatError::Syntax)?;
        let in_fraction = index >= whole.len();
        if bits >> 60 == 0 {
            bits = bits << 4 | u64::from(digit);
            exponent -= if in_fraction { 4 } else { 0 };
        } else {
            rest |= digit != 0;
            exponent += if in_fraction { 0 } else { 4 };
        }
    }
    if bits == 0 {
        return Ok(0.0);
    }
    // Normalized: the highest bit set, worth 2^(exponent + 63).
    let shift = bits.leading_zeros();
    bits <<= shift;
    exponent -= i64::from(shift);
    let top = exponent + 63;
    // Bits that the result keeps: fewer for subnormal numbers.
    let keep = if top >= -1022 { 53 } else { 53 - (-1022 - top) };
    if keep < 0 {
        return Ok(0.0);
    }
    let cut = u32::try_from(64 - keep).unwrap_or(64);
    let (kept, half, below) = if cut == 64 {
        (0, bits >> 63, bits << 1)
    } else {
        (bits >> cut, bits >> (cut - 1) & 1, bits & ((1 << (cut - 1)) - 1))
    };
    let up = half == 1 && (below != 0 || rest || kept & 1 == 1);
    let kept = kept + u64::from(up);
    // The mantissa is an integer below 2^54, scaled by exact powers of two.
    #[expect(clippy::cast_precision_loss, reason = "at most 53 significant bits are left")]
    let mut float = kept as f64;
    let mut scale = exponent + i64::from(cut);
    while scale != 0 {
        let step = scale.clamp(-1000, 1000);
        float *= 2_f64.powi(i32::try_from(step).unwrap_or(0));
        scale -= step;
        if float == 0.0 || float.is_infinite() {
            break;
        }
    }
    if float.is_infinite() { Err(FloatError::Range) } else { Ok(float) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_tell_their_base() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-12", Some(-12)),
            ("+7", Some(7)),
            ("0x1F", Some(31)),
            ("010", Some(8)),
            ("0o17", Some(15)),
            ("0b11", Some(3)),
            ("1_000", Some(1000)),
            ("0_7", Some(7)),
            ("0x_1", Some(1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("08", None),
            ("0x", None),
            ("1__0", None),
            ("1_", None),
            ("_1", None),
            ("-+1", None),
            ("1e3", None),
            (" 1", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(parse_int(text), expected, "{text:?}");
        }
    }

    #[test]
    fn floats_are_decimal_or_hexadecimal() {
        for (text, expected) in [
            ("1e3", Ok(1000.0)),
            (".5", Ok(0.5)),
            ("1.", Ok(1.0)),
            ("-0x1p4", Ok(-16.0)),
            ("0x1.8p1", Ok(3.0)),
            ("0x.8p0", Ok(0.5)),
            ("0x1p-1074", Ok(5e-324)),
            ("0x1.fffffffffffff8p0", Ok(2.0)),
            ("1_000", Ok(1000.0)),
            ("+Inf", Ok(f64::INFINITY)),
            ("-infinity", Ok(f64::NEG_INFINITY)),
            ("1e400", Err(FloatError::Range)),
            ("0x1p1024", Err(FloatError::Range)),
            ("1e-400", Ok(0.0)),
            ("infin", Err(FloatError::Syntax)),
            ("+nan", Err(FloatError::Syntax)),
            ("+-5", Err(FloatError::Syntax)),
            ("0x1", Err(FloatError::Syntax)),
            ("0x1p", Err(FloatError::Syntax)),
            ("1e", Err(FloatError::Syntax)),
            (".", Err(FloatError::Syntax)),
            ("", Err(FloatError::Syntax)),
            ("1 ", Err(FloatError::Syntax)),
        ] {
            assert_eq!(parse_float(text), expected, "{text:?}");
        }
        assert!(parse_float("NaN").is_ok_and(f64::is_nan));
    }
}
