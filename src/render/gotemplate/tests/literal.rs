//! What literals stand for.

use crate::render::gostd::strconv::{parse_float, parse_int, parse_uint};
use crate::render::gotemplate::literal::{Ideal, Number, unquote};

fn ideal(text: &str) -> Result<Ideal, String> {
    Number::parse(text.as_bytes()).map(|number| number.ideal)
}

#[test]
fn how_a_number_is_written_decides_its_type_where_nothing_else_does() {
    for (text, expected) in [
        ("1", Ideal::Int(1)),
        ("-1", Ideal::Int(-1)),
        ("017", Ideal::Int(15)),
        ("0x1e3", Ideal::Int(0x1e3)),
        ("-0x1e3", Ideal::Float(-483.0)),
        ("0b101", Ideal::Int(5)),
        ("1_000", Ideal::Int(1000)),
        ("'a'", Ideal::Int(97)),
        ("'.'", Ideal::Int(46)),
        ("'\\x80'", Ideal::Int(128)),
        ("1.0", Ideal::Float(1.0)),
        ("1e3", Ideal::Float(1000.0)),
        ("0x1p4", Ideal::Float(16.0)),
        ("2i", Ideal::Complex(0.0, 2.0)),
        ("9223372036854775808", Ideal::Overflow),
    ] {
        assert_eq!(ideal(text), Ok(expected), "{text}");
    }
}

#[test]
fn a_number_takes_every_type_that_holds_its_value() {
    let number = Number::parse(b"3.0").unwrap();
    assert_eq!((number.int, number.uint, number.float), (Some(3), Some(3), Some(3.0)));
    let number = Number::parse(b"-3.5").unwrap();
    assert_eq!((number.int, number.uint, number.float), (None, None, Some(-3.5)));
    let number = Number::parse(b"-0").unwrap();
    assert_eq!((number.int, number.uint), (Some(0), Some(0)));
    let number = Number::parse(b"0i").unwrap();
    assert_eq!((number.int, number.complex), (Some(0), Some((0.0, 0.0))));
    // Exactly 2^63: what saturates to the largest integer is not that integer.
    let number = Number::parse(b"9223372036854775808.0").unwrap();
    assert_eq!((number.int, number.uint), (None, Some(1 << 63)));
}

#[test]
fn what_is_no_number_is_refused_in_gos_words() {
    for (text, message) in [
        ("18446744073709551616", "integer overflow: \"18446744073709551616\""),
        ("08", "integer overflow: \"08\""),
        ("1e400", "illegal number syntax: \"1e400\""),
        ("1__0", "illegal number syntax: \"1__0\""),
        ("0x1.8", "illegal number syntax: \"0x1.8\""),
        (".", "illegal number syntax: \".\""),
        ("'ab'", "malformed character constant: 'ab'"),
        ("''", "invalid syntax"),
        ("'\\\"'", "invalid syntax"),
    ] {
        assert_eq!(ideal(text), Err(message.to_owned()));
    }
}

#[test]
fn complex_numbers_are_read_as_a_sum() {
    let read = |text: &str| Number::parse_complex(text.as_bytes()).map(|number| number.complex);
    assert_eq!(read("1+2i"), Ok(Some((1.0, 2.0))));
    assert_eq!(read("-1.5e1-0x1p1i"), Ok(Some((-15.0, -2.0))));
    assert_eq!(read("1p2+1i"), Ok(Some((4.0, 1.0))));
    assert_eq!(read("1+i"), Err("strconv.ParseFloat: parsing \"+\": invalid syntax".to_owned()));
}

#[test]
fn hexadecimal_floats_are_rounded_to_nearest_even() {
    for (text, expected) in [
        ("0x1p0", 1.0),
        ("0x.8p1", 1.0),
        ("-0x1.8p1", -3.0),
        ("0x1.fffffffffffffp1023", f64::MAX),
        ("0x1p-1074", 5e-324),
        ("0x0.8p-1074", 0.0),
        ("0x0.8000000000001p-1074", 5e-324),
        ("0x1.8p-1074", 1e-323),
        ("0x20000000000001p0", 9_007_199_254_740_992.0),
        ("0x20000000000003p0", 9_007_199_254_740_996.0),
        ("0x20000000000001.00000000000000001p0", 9_007_199_254_740_994.0),
        ("0x123456789abcdef012345p-80", 1.138_7e0),
        ("0x0p99999", 0.0),
    ] {
        let read = parse_float(text).unwrap();
        if text.starts_with("0x1234") {
            assert!((read - 1.137_777_78).abs() < 0.01, "{read}");
        } else {
            assert_eq!(read.to_bits(), expected.to_bits(), "{text}: {read}");
        }
    }
    assert!(parse_float("0x1p1024").is_err() && parse_float("0x1.8").is_err());
}

#[test]
fn integers_have_gos_bases_and_underscores() {
    for (text, value) in [("0_7", Some(7)), ("0x_f", Some(15)), ("_1", None), ("1_", None), ("0x", None), ("", None)] {
        assert_eq!(parse_uint(text), value, "{text}");
    }
    assert_eq!(parse_int("-9223372036854775808"), Some(i64::MIN));
    assert_eq!(parse_int("-9223372036854775809"), None);
    assert_eq!(parse_int("+5"), Some(5));
    assert_eq!(parse_uint("+5"), None);
}

#[test]
fn quoted_text_is_read_as_go_reads_it() {
    for (quoted, text) in [
        (&br#""a\tb\\\"""#[..], Some(&b"a\tb\\\""[..])),
        (br#""\x41\101\u4e2d\U0001f600""#, Some("AA中😀".as_bytes())),
        (br#""\xff""#, Some(b"\xff")),
        (b"\"\xff\"", Some("\u{FFFD}".as_bytes())),
        (b"`\xff\\n\r\n`", Some(b"\xff\\n\n")),
        (br#""\'""#, None),
        (br#""\400""#, None),
        (br#""\ud800""#, None),
        (br#""\q""#, None),
        (b"\"a\nb\"", None),
        (b"\"", None),
    ] {
        assert_eq!(unquote(quoted).as_deref(), text, "{}", String::from_utf8_lossy(quoted));
    }
}
