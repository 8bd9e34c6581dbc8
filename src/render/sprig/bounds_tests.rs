//! Calls that would use up time, memory or stack end in an error instead.

use super::tests::{Seeded, call, value_with};
use crate::render::gotemplate::value::{Entries, Value};

/// Runs with a stack that is large enough for the deepest nesting, as renders have it.
fn on_large_stack(work: fn()) {
    std::thread::Builder::new().stack_size(256 << 20).spawn(work).expect("a thread").join().expect("no panic");
}

fn value(name: &str, arguments: &[Value]) -> Result<Value, String> {
    value_with(&Seeded::new(1), name, arguments)
}

/// A map with itself as an entry.
fn endless() -> Value {
    let map = Value::map(Entries::from([("a".into(), Value::int(1))]));
    if let Value::Map(inner) = &map {
        inner.entries.borrow_mut().insert("self".into(), map.clone());
    }
    map
}

#[test]
fn sizes_that_no_machine_has_are_refused() {
    let (large, text) = (Value::int(i64::MAX), Value::text("x"));
    let wrapped = Value::text("a b ".repeat(1 << 16));
    for (name, arguments) in [
        ("repeat", vec![large.clone(), text.clone()]),
        ("repeat", vec![Value::int(1 << 40), text.clone()]),
        ("indent", vec![large.clone(), text.clone()]),
        ("nindent", vec![Value::int(1 << 31), text.clone()]),
        ("until", vec![Value::int(1_000_000_000)]),
        ("until", vec![Value::int(i64::MIN)]),
        ("untilStep", vec![Value::int(0), large.clone(), Value::int(1)]),
        ("untilStep", vec![Value::int(0), large.clone(), Value::int(i64::MAX - 1)]),
        ("seq", vec![Value::int(1), Value::int(1 << 60)]),
        ("replace", vec![Value::text(""), Value::text("y".repeat(1 << 20)), Value::text("x".repeat(1 << 12))]),
        ("wrapWith", vec![Value::int(1), Value::text("y".repeat(1 << 20)), wrapped]),
        ("join", vec![Value::text("y".repeat(1 << 20)), Value::list(vec![text; 1 << 12])]),
    ] {
        let answer = value(name, &arguments);
        assert!(answer.is_err(), "{name} answers");
    }
}

#[test]
fn maps_that_contain_themselves_are_refused_where_everything_in_them_is_visited() {
    on_large_stack(|| {
        assert!(value("deepCopy", &[endless()]).is_err());
        assert!(value("toString", &[endless()]).is_err());
        assert!(value("quote", &[endless()]).is_err());
        assert!(value("merge", &[endless(), endless()]).is_err());
        assert!(value("mergeOverwrite", &[endless(), endless()]).is_err());
    });
}

#[test]
fn maps_that_contain_themselves_can_be_compared() {
    on_large_stack(|| {
        let (one, other) = (endless(), endless());
        assert_eq!(call("deepEqual", &[one.clone(), other.clone()]).as_deref(), Ok("true"));
        assert_eq!(call("has", &[one.clone(), Value::list(vec![other])]).as_deref(), Ok("true"));
        assert_eq!(call("deepEqual", &[one, Value::map(Entries::new())]).as_deref(), Ok("false"));
    });
}

#[test]
fn lists_that_share_their_parts_are_compared_once_a_part() {
    let doubled = |mut value: Value| {
        for _ in 0..60 {
            value = Value::list(vec![value.clone(), value]);
        }
        value
    };
    let (one, other) = (doubled(Value::int(1)), doubled(Value::int(1)));
    assert_eq!(call("deepEqual", &[one, other]).as_deref(), Ok("true"));
}

#[test]
fn a_long_list_is_made_unique_in_one_pass() {
    let items = (0..200_000).map(|number| Value::int(number % 100_000)).collect();
    let Ok(Value::List(list)) = value("uniq", &[Value::list(items)]) else { panic!("no list") };
    assert_eq!(list.items.len(), 100_000);
}

#[test]
fn a_map_can_be_merged_into_itself_and_set_into_itself() {
    let map = Value::map(Entries::from([("a".into(), Value::int(1)), ("b".into(), Value::text(""))]));
    assert_eq!(
        call("toString", &[value("merge", &[map.clone(), map.clone()]).expect("merged")]).as_deref(),
        Ok("map[a:1 b:]")
    );
    assert!(value("set", &[map.clone(), Value::text("self"), map]).is_ok());
}

#[test]
fn the_smallest_and_largest_numbers_are_no_trouble() {
    let text = Value::text("the quick brown fox");
    for number in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX] {
        for other in [i64::MIN, -1, 0, 7, i64::MAX] {
            let (number, other) = (Value::int(number), Value::int(other));
            for name in ["abbrevboth", "substr"] {
                let _ = value(name, &[number.clone(), other.clone(), text.clone()]);
            }
            for name in ["trunc", "abbrev", "wrap"] {
                let _ = value(name, &[number.clone(), text.clone()]);
            }
            for name in ["sub", "mul", "div", "mod", "round", "divf"] {
                let _ = value(name, &[number.clone(), other.clone()]);
            }
            let list = Value::list(vec![text.clone(), Value::Nil]);
            let _ = value("slice", &[list.clone(), number.clone(), other.clone()]);
            let _ = value("chunk", &[number.clone(), list]);
            let _ = value("splitn", &[Value::text(" "), number.clone(), text.clone()]);
            let _ = value("add1", &[number]);
        }
    }
}
