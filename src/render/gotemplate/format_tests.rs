use std::rc::Rc;

use super::*;
use crate::render::gotemplate::value::{Entries, IntType, ListType, Value};

fn print(format: &str, arguments: &[Value]) -> String {
    String::from_utf8_lossy(&sprintf(format.as_bytes(), arguments).expect("printable")).into_owned()
}

fn list(items: &[Value]) -> Value {
    Value::list(items.to_vec())
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::map(entries.iter().map(|(key, value)| ((*key).into(), value.clone())).collect::<Entries>())
}

#[test]
fn verbs_print_what_go_prints() {
    let text = Value::text;
    for (format, value, expected) in [
        ("% d", Value::int(42), " 42"),
        ("%x", Value::int(-255), "-ff"),
        ("%#x", Value::int(255), "0xff"),
        ("%#o", Value::int(8), "010"),
        ("%#.3o", Value::int(8), "010"),
        ("%O", Value::int(8), "0o10"),
        ("%#b", Value::int(5), "0b101"),
        ("%+.3d", Value::int(7), "+007"),
        ("%08.3d", Value::int(7), "     007"),
        ("%.0d", Value::int(0), ""),
        ("%+05d", Value::int(7), "+0007"),
        ("%x", Value::int(i64::MIN), "-8000000000000000"),
        ("%c", Value::int(0x4E16), "世"),
        ("%c", Value::int(-1), "\u{FFFD}"),
        ("%q", Value::int(65), "'A'"),
        ("%+q", Value::int(0x4E16), r"'\u4e16'"),
        ("%U", Value::int(0x4E16), "U+4E16"),
        ("%#U", Value::int(0x4E16), "U+4E16 '世'"),
        ("%U", Value::int(-1), "U+FFFFFFFFFFFFFFFF"),
        ("%s", text("a"), "a"),
        ("%5.1s", text("中文"), "    中"),
        ("%-5s|", text("中"), "中    |"),
        ("%05s", text("ab"), "000ab"),
        ("%x", text("hi"), "6869"),
        ("% x", text("hi"), "68 69"),
        ("%# X", text("hi"), "0X68 0X69"),
        ("%q", text("a\"b\u{200b}"), r#""a\"b\u200b""#),
        ("%#q", text("a\"b"), "`a\"b`"),
        ("%+q", text("é"), r#""\u00e9""#),
        ("%d", text("x"), "%!d(string=x)"),
        ("%5d", text("x"), "%!d(string=    x)"),
        ("%s", Value::int(3), "%!s(int=3)"),
        ("%z", Value::int(3), "%!z(int=3)"),
        ("%t", Value::Bool(true), "true"),
        ("%d", Value::Bool(true), "%!d(bool=true)"),
        ("%s", Value::Nil, "%!s(<nil>)"),
        ("%v", Value::Nil, "<nil>"),
        ("%T", Value::Nil, "<nil>"),
        ("%f", Value::Float(3.0), "3.000000"),
        ("%6.2f", Value::Float(3.141_16), "  3.14"),
        ("%08.3f", Value::Float(-3.141_16), "-003.141"),
        ("%+.1e", Value::Float(12345.0), "+1.2e+04"),
        ("%#g", Value::Float(1.0), "1.00000"),
        ("%#v", Value::Float(1.0), "1"),
        ("%#.3x", Value::Float(1.0), "0x1.000p+00"),
        ("%08f", Value::Float(f64::INFINITY), "    +Inf"),
        ("%+f", Value::Float(f64::NAN), "+NaN"),
        ("%+v", Value::Float(f64::NAN), "NaN"),
        ("%d", Value::Float(3.0), "%!d(float64=3)"),
        ("%v", Value::Complex(Rc::new((0.0, 2.0))), "(0+2i)"),
        ("%.1f", Value::Complex(Rc::new((1.0, -2.0))), "(1.0-2.0i)"),
        ("%v", list(&[Value::int(1), text("a"), Value::Nil]), "[1 a <nil>]"),
        ("%d", list(&[Value::int(1), text("a"), Value::Nil]), "[1 %!d(string=a) <nil>]"),
        ("%3v", list(&[Value::int(1), text("a")]), "[  1   a]"),
        ("%#v", list(&[text("a"), Value::Float(1.5), Value::Nil]), r#"[]interface {}{"a", 1.5, interface {}(nil)}"#),
        ("%#v", map(&[("a", Value::int(1))]), r#"map[string]interface {}{"a":1}"#),
        ("%s", map(&[("a", Value::int(1))]), "map[a:%!s(int=1)]"),
        ("%#v", Value::nil_list(ListType::Strings), "[]string(nil)"),
        ("%v", Value::Bytes("hi".into()), "[104 105]"),
        ("%s", Value::Bytes("hi".into()), "hi"),
        ("%x", Value::Bytes("hi".into()), "6869"),
        ("%t", Value::Bytes("h".into()), "[%!t(uint8=104)]"),
        ("%#v", Value::Bytes("h".into()), "[]byte{0x68}"),
        ("%#v", Value::Uint(UintType::Uint64, 16), "0x10"),
        ("%v", Value::Int(IntType::Duration, 1_500_000_000), "1.5s"),
        ("%d", Value::Int(IntType::Duration, 1_500_000_000), "1500000000"),
        ("%t", Value::Int(IntType::Duration, 5), "%!t(time.Duration=5)"),
        ("%T", Value::Int(IntType::Duration, 5), "time.Duration"),
        ("%w", list(&[Value::int(1)]), "%!w([]interface {}=[1])"),
        ("%p", Value::int(1), "%!p(int=1)"),
    ] {
        assert_eq!(print(format, &[value]), expected, "{format}");
    }
}

#[test]
fn wrong_directives_are_marked_in_the_text() {
    let (one, two) = (Value::int(1), Value::int(2));
    for (format, arguments, expected) in [
        ("%d", &[][..], "%!d(MISSING)"),
        ("%!", &[], "%!!(MISSING)"),
        ("%", &[], "%!(NOVERB)"),
        ("%d", &[one.clone(), two.clone()], "1%!(EXTRA int=2)"),
        ("x", &[Value::Nil], "x%!(EXTRA <nil>)"),
        ("%[2]d", &[one.clone(), two.clone()], "2"),
        ("%[2]*[1]d", &[one.clone(), two.clone()], " 1"),
        ("%[3]d", std::slice::from_ref(&one), "%!d(BADINDEX)"),
        ("%[x]d", std::slice::from_ref(&one), "%!d(BADINDEX)"),
        ("%[]", std::slice::from_ref(&one), "%!](BADINDEX)"),
        ("%[1]2d", std::slice::from_ref(&one), "%!d(BADINDEX)"),
        ("%[1].2d", std::slice::from_ref(&one), "%!d(BADINDEX)"),
        ("%*d", &[Value::text("x"), one.clone()], "%!(BADWIDTH)1"),
        ("%.*d", &[Value::int(-1), one.clone()], "%!(BADPREC)1"),
        ("%*d|", &[Value::int(-3), one.clone()], "1  |"),
        ("%99999999d", std::slice::from_ref(&one), "%!(NOVERB)%!(EXTRA int=1)"),
        ("100%% %d", std::slice::from_ref(&one), "100% 1"),
        ("%5%", &[], "%"),
        ("%.d", &[Value::int(0)], ""),
    ] {
        assert_eq!(print(format, arguments), expected, "{format}");
    }
}

#[test]
fn print_puts_spaces_between_values_that_are_no_strings() {
    let values = [Value::int(1), Value::int(2), Value::text("a"), Value::int(3), Value::Nil, Value::Float(1e6)];
    assert_eq!(sprint(&values).expect("printable"), b"1 2a3 <nil> 1e+06");
    assert_eq!(sprintln(&values).expect("printable"), b"1 2 a 3 <nil> 1e+06\n");
}

#[test]
fn a_map_that_contains_itself_is_an_error() {
    let work = || {
        let map = map(&[("a", Value::Nil)]);
        if let Value::Map(inner) = &map {
            inner.entries.borrow_mut().insert("a".into(), map.clone());
        }
        assert!(matches!(sprint(&[map]), Err(Failure::Budget(_))));
    };
    std::thread::Builder::new().stack_size(64 << 20).spawn(work).expect("a thread").join().expect("no panic");
}

#[test]
fn a_text_without_measure_is_an_error() {
    let mut value = Value::text("x".repeat(1000));
    for _ in 0..30 {
        value = list(&[value.clone(), value]);
    }
    assert!(matches!(sprint(&[value]), Err(Failure::Budget(_))));
}

#[test]
fn integers_are_written_in_full_to_both_ends() {
    for number in [0, 1, -1, 10, 99, -100, 1_234_567_890, i64::MAX, i64::MIN] {
        let mut out = Vec::new();
        append_decimal(&mut out, number);
        assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
    }
}

#[test]
fn plain_directives_count_their_arguments_as_all_others_do() {
    for (format, expected) in [
        ("%s-%d", "a-1"),
        ("%v%v", "a1"),
        ("%d", "%!d(string=a)%!(EXTRA int=1)"),
        ("%s", "a%!(EXTRA int=1)"),
        ("%s%d%s", "a1%!s(MISSING)"),
        ("%[2]d%s", "1%!s(MISSING)"),
    ] {
        let out = sprintf(format.as_bytes(), &[Value::text("a"), Value::int(1)]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{format}");
    }
}
