//! Values as Go's flag library (pflag) reads them: durations, integers, booleans, numbers, comma lists and
//! `key=value` lists, with Go's error texts for `--helm-compat`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ui::{Reason, quoted};

/// A boolean: `1`, `t`, `T`, `true`, `TRUE`, `True` and their opposites.
pub(crate) fn boolean(text: &str) -> Result<bool, Reason> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(Reason::Boolean),
    }
}

/// A duration: decimal numbers with a unit each, such as `5m30s` or `1.5h`; `0` needs none. Negative ones, which
/// Go reads and Helm takes for a time that is over, are refused.
pub(crate) fn duration(text: &str) -> Result<Duration, Reason> {
    let fail = |what: &str| Reason::Duration(format!("time: {what} {}", quoted(text)));
    let invalid = || fail("invalid duration");
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() || rest.starts_with('-') {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (whole, after) = rest.split_at(digits);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len())),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let unit_end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let scale: u64 = match unit {
            "" => return Err(fail("missing unit in duration")),
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            other => {
                return Err(Reason::Duration(format!(
                    "time: unknown unit {} in duration {}",
                    quoted(other),
                    quoted(text)
                )));
            }
        };
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        let nanoseconds = whole
            .checked_mul(scale)
            .and_then(|sum| sum.checked_add(fraction_of(fraction, scale)))
            .and_then(|sum| total.checked_add(sum));
        total = nanoseconds.filter(|sum| i64::try_from(*sum).is_ok()).ok_or_else(invalid)?;
        rest = after;
    }
    Ok(Duration::from_nanos(total))
}

/// `0.FRACTION` of a unit, in whole nanoseconds.
fn fraction_of(fraction: &str, scale: u64) -> u64 {
    let mut sum = 0;
    let mut unit = u128::from(scale) * 1_000_000_000;
    for digit in fraction.bytes().take(18) {
        unit /= 10;
        sum += u128::from(digit - b'0') * unit;
    }
    u64::try_from(sum / 1_000_000_000).unwrap_or(u64::MAX)
}

/// An integer with Go's base prefixes: `10`, `0x1f`, `0o17`, `017`, `0b1`, with `_` between digits.
pub(crate) fn integer(text: &str) -> Result<i64, Reason> {
    let fail = |what: &str| Reason::Integer(format!("strconv.ParseInt: parsing {}: {what}", quoted(text)));
    let syntax = || fail("invalid syntax");
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = body.to_ascii_lowercase();
    let (radix, digits) = if let Some(digits) = lower.strip_prefix("0x") {
        (16, digits)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (2, digits)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (8, digits)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    let prefixed = digits.len() < lower.len();
    if digits.ends_with('_') || digits.contains("__") || (digits.starts_with('_') && !prefixed) {
        return Err(syntax());
    }
    let digits: String = digits.chars().filter(|digit| *digit != '_').collect();
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(syntax());
    }
    let magnitude = i128::from_str_radix(&digits, radix).map_err(|_| fail("value out of range"))?;
    i64::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| fail("value out of range"))
}

/// A decimal number.
pub(crate) fn number(text: &str) -> Result<f32, Reason> {
    let fail = || Reason::Number(format!("strconv.ParseFloat: parsing {}: invalid syntax", quoted(text)));
    text.parse::<f32>().map_err(|_| fail())
}

/// A comma list with CSV quoting: `a,"b,c"` is `a` and `b,c`. Only the first line counts.
pub(crate) fn list(text: &str) -> Result<Vec<String>, Reason> {
    let line = text.split('\n').next().unwrap_or_default();
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Ok(Vec::new());
    }
    let fail = |column: usize, what: &str| Reason::List(format!("parse error on line 1, column {column}: {what}"));
    let mut items = Vec::new();
    let mut rest = line;
    loop {
        let offset = line.len() - rest.len();
        if let Some(mut inner) = rest.strip_prefix('"') {
            let mut item = String::new();
            rest = loop {
                let Some(quote) = inner.find('"') else {
                    return Err(fail(line.len() + 1, "extraneous or missing \" in quoted-field"));
                };
                item.push_str(&inner[..quote]);
                inner = &inner[quote + 1..];
                match inner.strip_prefix('"') {
                    Some(after) => {
                        item.push('"');
                        inner = after;
                    }
                    None => break inner,
                }
            };
            items.push(item);
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err(fail(line.len() - rest.len(), "extraneous or missing \" in quoted-field"));
            }
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (item, after) = rest.split_at(end);
            if let Some(quote) = item.find('"') {
                return Err(fail(offset + quote + 1, "bare \" in non-quoted-field"));
            }
            items.push(item.to_owned());
            rest = after;
        }
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None => return Ok(items),
        }
    }
}

/// `key=value` pairs, comma-separated, several times; later ones win.
pub(crate) fn pairs<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<BTreeMap<String, String>, Reason> {
    let mut result = BTreeMap::new();
    for text in texts {
        let items = match text.matches('=').count() {
            0 => return Err(Reason::KeyValue(text.to_owned())),
            // With a single pair the commas belong to the value.
            1 => vec![text.trim_matches('"').to_owned()],
            _ => list(text)?,
        };
        for item in items {
            match item.split_once('=') {
                Some((key, value)) => result.insert(key.to_owned(), value.to_owned()),
                None => return Err(Reason::KeyValue(item)),
            };
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{boolean, duration, integer, list, number, pairs};
    use crate::ui::Reason;

    #[test]
    fn durations_are_gos() {
        for (text, milliseconds) in [
            ("5m0s", 300_000),
            ("300s", 300_000),
            ("1.5h", 5_400_000),
            ("1h2m3s4ms", 3_723_004),
            ("0", 0),
            ("+2s", 2_000),
            (".5s", 500),
            ("1.s", 1_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for (text, error) in [
            ("5", "time: missing unit in duration \"5\""),
            ("5 m", "time: unknown unit \" m\" in duration \"5 m\""),
            ("5d", "time: unknown unit \"d\" in duration \"5d\""),
            ("", "time: invalid duration \"\""),
            ("m", "time: invalid duration \"m\""),
            (".s", "time: invalid duration \".s\""),
            ("9999999999h", "time: invalid duration \"9999999999h\""),
        ] {
            assert_eq!(duration(text), Err(Reason::Duration(error.to_owned())), "{text}");
        }
        assert!(duration("-1s").is_err());
    }

    #[test]
    fn integers_have_gos_prefixes() {
        for (text, value) in
            [("256", 256), ("-3", -3), ("0x1F", 31), ("017", 15), ("0o17", 15), ("0b11", 3), ("1_000", 1000), ("0", 0)]
        {
            assert_eq!(integer(text), Ok(value), "{text}");
        }
        assert_eq!(integer("x"), Err(Reason::Integer("strconv.ParseInt: parsing \"x\": invalid syntax".to_owned())));
        assert_eq!(
            integer("99999999999999999999"),
            Err(Reason::Integer("strconv.ParseInt: parsing \"99999999999999999999\": value out of range".to_owned()))
        );
        for text in ["", "-", "08", "1_", "_1", "0x", "1__0"] {
            assert!(integer(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lists_have_csv_quoting() {
        let items = |text| list(text).unwrap();
        assert_eq!(items("a.yaml,b.yaml"), ["a.yaml", "b.yaml"]);
        assert_eq!(items("a,\"b,c\",\"d\"\"e\""), ["a", "b,c", "d\"e"]);
        assert_eq!(items("a,,b,"), ["a", "", "b", ""]);
        assert_eq!(items(""), [""; 0]);
        assert_eq!(
            list("a\"b"),
            Err(Reason::List("parse error on line 1, column 2: bare \" in non-quoted-field".to_owned()))
        );
        assert!(list("\"a").is_err());
        assert!(list("\"a\"b").is_err());
    }

    #[test]
    fn one_pair_keeps_its_commas_and_several_are_split() {
        let map = |texts: &[&str]| pairs(texts.iter().copied()).unwrap().into_iter().collect::<Vec<_>>();
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(map(&["a=1,2"]), owned(&[("a", "1,2")]));
        assert_eq!(map(&["a=1,b=2", "a=3"]), owned(&[("a", "3"), ("b", "2")]));
        assert_eq!(map(&["\"a=1\""]), owned(&[("a", "1")]));
        assert_eq!(pairs(["a"]), Err(Reason::KeyValue("a".to_owned())));
        assert_eq!(pairs(["a=1,b=2,c"]), Err(Reason::KeyValue("c".to_owned())));
    }

    #[test]
    fn booleans_and_numbers_are_gos() {
        assert_eq!(boolean("T"), Ok(true));
        assert_eq!(boolean("False"), Ok(false));
        assert_eq!(boolean("yes"), Err(Reason::Boolean));
        assert_eq!(number("1.5"), Ok(1.5));
        assert!(number("x").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(text in "\\PC{0,20}") {
            let _ = (duration(&text), integer(&text), list(&text), pairs([text.as_str()]), boolean(&text), number(&text));
        }

        #[test]
        fn a_list_that_is_written_is_read_again(items in prop::collection::vec("[a-z\", ]{1,8}", 1..5)) {
            let text = items.iter().map(|item| format!("\"{}\"", item.replace('"', "\"\""))).collect::<Vec<_>>().join(",");
            prop_assert_eq!(list(&text).unwrap(), items);
        }
    }
}
