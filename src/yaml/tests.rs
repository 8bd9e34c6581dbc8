//! What the recorded vectors do not say: bounds, encodings, places, and laws.

use proptest::prelude::*;

use super::*;

fn helm(text: &str) -> Result<Value, Error> {
    read(text.as_bytes(), Numbers::Helm)
}

fn exact(text: &str) -> Value {
    read(text.as_bytes(), Numbers::Exact).unwrap()
}

fn message(text: &[u8]) -> String {
    read(text, Numbers::Helm).unwrap_err().to_string().replace("error converting YAML to JSON: ", "")
}

#[test]
fn integers_stay_integers_only_where_that_is_wanted() {
    assert_eq!(helm("8080").unwrap(), Value::Float(8080.0));
    assert_eq!(exact("8080"), Value::Int(8080));
    assert_eq!(exact("18446744073709551615"), Value::UInt(u64::MAX));
    assert_eq!(exact("18446744073709551616"), Value::Float(18_446_744_073_709_551_616.0));
    assert_eq!(exact("010"), Value::Int(8));
    assert_eq!(exact("1.0"), Value::Float(1.0));
}

#[test]
fn what_other_parsers_panic_on_is_read_or_refused() {
    // libyaml's Rust ports stop the program at these.
    assert_eq!(helm("[!a, b]").unwrap(), Value::Sequence(vec!["b".into()]));
    assert_eq!(message(b"\"\\"), "yaml: found unknown escape character");
    assert_eq!(message(b"[? "), "yaml: line 1: did not find expected node content");
}

#[test]
fn nesting_is_bounded_before_the_stack_is() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let deepest = helm(&nested(MAX_DEPTH)).unwrap();
    assert!(to_yaml(&deepest).is_ok());
    assert_eq!(message(nested(MAX_DEPTH + 1).as_bytes()), "yaml: exceeded max depth of 256");
    assert_eq!(message("[".repeat(1_000_000).as_bytes()), "yaml: exceeded max depth of 256");
    assert_eq!(message("- ".repeat(1_000_000).as_bytes()), "yaml: exceeded max depth of 256");
    let blocks: Vec<String> = (0..2000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    let blocks = blocks.concat();
    assert_eq!(message(blocks.as_bytes()), "yaml: exceeded max depth of 256");
    assert_eq!(json::read(&nested(MAX_DEPTH + 1), Numbers::Helm).unwrap_err().to_string(), "exceeded max depth");
}

#[test]
fn aliases_cannot_nest_deeper_than_the_bound_either() {
    let chain = |name: &str, inner: &str| format!("{name}: &{name} {}{inner}{}\n", "[".repeat(150), "]".repeat(150));
    let text = chain("a", "") + &chain("b", "*a");
    assert_eq!(message(text.as_bytes()), "yaml: exceeded max depth of 256");
}

#[test]
fn alias_bombs_are_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        text = format!("{text}a{level}: &a{level} [{aliases}]\n");
    }
    assert_eq!(message(text.as_bytes()), "yaml: document contains excessive aliasing");
    assert_eq!(message(b"a: &x [*x]"), "yaml: anchor 'x' value contains itself");
}

#[test]
fn hostile_input_costs_no_more_than_its_length() {
    // Each of these is quadratic in a careless scanner; together they have to be read in no time.
    let long = 200_000;
    for text in [
        "[".repeat(long),
        "{a: ".repeat(long),
        "? ".repeat(long),
        "!".repeat(long),
        "&a ".repeat(long),
        "#".repeat(long),
        "'".repeat(long),
        "\n".repeat(long),
        "a: |\n".to_owned() + &" \n".repeat(long),
        "a: \"".to_owned() + &"\n".repeat(long),
        format!("[{}]", "a, ".repeat(long)),
        (0..long / 10).map(|number| format!("k{number}: v\n")).collect::<Vec<_>>().concat(),
    ] {
        let _ = helm(&text);
    }
}

#[test]
fn encodings_are_told_by_their_marks() {
    let text = "a: 中😀\n";
    let value = helm(text).unwrap();
    assert_eq!(helm(&format!("\u{FEFF}{text}")).unwrap(), value);
    let units: Vec<u16> = text.encode_utf16().collect();
    let little: Vec<u8> = [0xFF, 0xFE].into_iter().chain(units.iter().flat_map(|unit| unit.to_le_bytes())).collect();
    let big: Vec<u8> = [0xFE, 0xFF].into_iter().chain(units.iter().flat_map(|unit| unit.to_be_bytes())).collect();
    assert_eq!(read(&little, Numbers::Helm).unwrap(), value);
    assert_eq!(read(&big, Numbers::Helm).unwrap(), value);
    assert_eq!(read_documents(&little, Numbers::Helm).unwrap().get("a"), value.get("a"));
}

#[test]
fn broken_encodings_are_named() {
    assert_eq!(message(b"a: \xFF"), "yaml: invalid leading UTF-8 octet");
    assert_eq!(message(b"a: \xC3"), "yaml: incomplete UTF-8 octet sequence");
    assert_eq!(message(b"a: \xC3x"), "yaml: invalid trailing UTF-8 octet");
    assert_eq!(message(b"a: \xC0\x80"), "yaml: invalid length of a UTF-8 sequence");
    assert_eq!(message(b"a: \xED\xA0\x80"), "yaml: invalid Unicode character");
    assert_eq!(message(b"\xFF\xFEa"), "yaml: incomplete UTF-16 character");
    assert_eq!(message(b"\xFF\xFE\x00\xDC"), "yaml: unexpected low surrogate area");
    assert_eq!(message(b"a: \x07"), "yaml: control characters are not allowed");
}

#[test]
fn an_error_far_before_a_forbidden_character_is_told_first() {
    let text = format!("a: b: c\n{}\u{7}", "# padding\n".repeat(200));
    assert_eq!(message(text.as_bytes()), "yaml: mapping values are not allowed in this context");
}

#[test]
fn errors_know_their_real_place() {
    let error = helm("a: 1\nb: [1,\n  2\nc: 3\n").unwrap_err();
    // go-yaml names the line before.
    assert_eq!(error.to_string(), "error converting YAML to JSON: yaml: line 3: did not find expected ',' or ']'");
    let position = error.position().unwrap();
    assert_eq!((position.line, position.column), (4, 2));
    let error = helm("x: 1\ny: *nope\n").unwrap_err();
    assert_eq!(error.position().map(|place| (place.line, place.column)), Some((2, 4)));
}

#[test]
fn errors_in_a_later_document_are_placed_in_the_file() {
    let text = b"a: 1\r\n---\r\nb: 2\r\nc: *nope\r\n";
    let position = read_documents(text, Numbers::Helm).unwrap_err().position().unwrap();
    assert_eq!((position.line, position.column, position.offset), (4, 4, 20));
    assert_eq!(&text[position.offset..position.offset + 5], b"*nope");
}

fn spot(text: &str, span: &Span) -> String {
    text[span.start.offset..span.end.offset].to_owned()
}

#[test]
fn origins_tell_where_keys_and_values_stand() {
    let text = "# comment\nimage:\n  名字: 中文 # why\n  tags: [a, 'b c']\n";
    let mut sources = Sources::default();
    let (_, origins) = read_documents_with_origins(text.as_bytes(), Numbers::Helm, "v.yaml", &mut sources).unwrap();
    let origin = origins.at(&["image".into(), "名字".into()]).unwrap();
    assert_eq!(spot(text, &origin.key.unwrap()), "名字");
    assert_eq!(spot(text, &origin.value), "中文");
    assert_eq!((origin.value.start.line, origin.value.start.column), (3, 7));
    let item = origins.at(&["image".into(), "tags".into(), 1.into()]).unwrap();
    assert_eq!(spot(text, &item.value), "'b c'");
    assert!(item.key.is_none());
    assert_eq!(sources.get(item.source), Some(&Source::File { name: "v.yaml".to_owned(), document: 0 }));
    assert!(origins.at(&["image".into(), "nope".into()]).is_none());
    let (nearest, steps) = origins.nearest(&["image".into(), "nope".into()]).unwrap();
    assert_eq!((nearest.value.start.line, steps), (3, 1));
}

#[test]
fn origins_survive_documents_byte_order_marks_and_carriage_returns() {
    let text = "\u{FEFF}a: {x: 1}\r\n---\r\n# second\r\na:\r\n  z: 2\r\nb: 3\r\n";
    let mut sources = Sources::default();
    let (map, origins) = read_documents_with_origins(text.as_bytes(), Numbers::Helm, "v", &mut sources).unwrap();
    assert_eq!(json::to_json(&Value::Mapping(map)).unwrap(), r#"{"a":{"x":1,"z":2},"b":3}"#);
    let document = |path: &[&str]| {
        let path: Vec<Step> = path.iter().map(|key| Step::from(*key)).collect();
        let origin = *origins.at(&path).unwrap();
        let Some(Source::File { document, .. }) = sources.get(origin.source) else { panic!("not a file") };
        (*document, origin.value.start.line, spot(text, &origin.value))
    };
    assert_eq!(document(&["a", "x"]), (0, 1, "1".to_owned()));
    assert_eq!(document(&["a", "z"]), (1, 5, "2".to_owned()));
    assert_eq!(document(&["b"]), (1, 6, "3".to_owned()));
}

#[test]
fn merged_keys_point_to_where_they_are_written() {
    let text = "base: &b {x: 1, z: 2}\nuse:\n  <<: *b\n  z: 3\n";
    let mut sources = Sources::default();
    let (_, origins) = read_documents_with_origins(text.as_bytes(), Numbers::Helm, "v", &mut sources).unwrap();
    let line = |key: &str| origins.at(&["use".into(), key.into()]).unwrap().value.start.line;
    assert_eq!((line("x"), line("z")), (1, 4));
}

#[test]
fn a_bomb_has_no_more_origins_than_are_allowed() {
    // Within what go-yaml lets pass, but wide.
    let text = format!("a: &a [{}]\nb: [{}]\n", "x, ".repeat(2000), "*a, ".repeat(80));
    let mut sources = Sources::default();
    assert!(read_documents_with_origins(text.as_bytes(), Numbers::Helm, "v", &mut sources).is_ok());
}

#[test]
fn json_is_written_as_go_writes_it() {
    let value = exact("{b: '<a&b>', a: [1, 2.5, 1e21, 1e-7, ~, true], \"é\\L\": \"\\x01\\t\"}");
    assert_eq!(
        json::to_json(&value).unwrap(),
        "{\"a\":[1,2.5,1e+21,1e-7,null,true],\"b\":\"\\u003ca\\u0026b\\u003e\",\"é\\u2028\":\"\\u0001\\t\"}"
    );
    assert_eq!(json::to_raw_json(&Value::from("<&>")).unwrap(), "\"<&>\"");
    let pretty = json::to_pretty_json(&exact("{a: [1, {}], b: []}"), "  ").unwrap();
    assert_eq!(pretty, "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
    let error = json::to_json(&Value::Float(f64::NAN)).unwrap_err();
    assert_eq!(error.to_string(), "error marshaling into JSON: json: unsupported value: NaN");
}

#[test]
fn json_errors_are_gos() {
    for (text, wanted) in [
        ("", "unexpected end of JSON input"),
        ("{", "unexpected end of JSON input"),
        ("{a", "invalid character 'a' looking for beginning of object key string"),
        ("{\"a\" 1}", "invalid character '1' after object key"),
        ("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
        ("[1 2]", "invalid character '2' after array element"),
        ("tru3", "invalid character '3' in literal true (expecting 'e')"),
        ("1 2", "invalid character '2' after top-level value"),
        ("-x", "invalid character 'x' in numeric literal"),
        ("1.", "invalid character ' ' after decimal point in numeric literal"),
        ("1e+a", "invalid character 'a' in exponent of numeric literal"),
        ("\"\\q\"", "invalid character 'q' in string escape code"),
        ("\"\\u12x4\"", "invalid character 'x' in \\u hexadecimal character escape"),
        ("\"\n\"", "invalid character '\\n' in string literal"),
        ("'a'", "invalid character '\\'' looking for beginning of value"),
    ] {
        assert_eq!(json::read(text, Numbers::Helm).unwrap_err().to_string(), wanted, "{text}");
    }
    assert_eq!(json::read(r#""\ud83d\ude00\ud83d""#, Numbers::Helm).unwrap(), Value::from("😀\u{FFFD}"));
}

#[test]
fn keys_are_sorted_as_people_sort_them() {
    let keys = ["-x", "_", "K", "a", "a1", "a9", "a10", "b", "é"];
    for pair in keys.windows(2) {
        assert_eq!(natural_order(pair[0], pair[1]), std::cmp::Ordering::Less, "{pair:?}");
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,8}",
        "[ -~]{0,40}",
        "[ \n\t:#'\"{}\\[\\],&*!|>%@`?-]{0,12}",
        "\\PC{0,12}",
        "[a-zé中😀\u{2028}\u{A0}\r\n ]{0,100}",
        // Not `<<`: Helm writes it bare even where it is a key, and cannot read that back.
        prop::sample::select(vec!["yes", "null", "~", "1", "0x1f", "1e3", ".inf", "2024-01-01", "12:30", "=", "---"])
            .prop_map(str::to_owned),
    ]
    // What YAML streams may not hold, and what they fold, does not come back.
    .prop_map(|text: String| {
        text.replace(|c: char| matches!(c, '\u{7F}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}' | '\u{FEFF}'), "")
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (i64::MAX as u64 + 1..).prop_map(Value::UInt),
        prop::num::f64::NORMAL.prop_map(Value::Float),
        (-1e15..1e15_f64).prop_map(|float| Value::Float(float.trunc())),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Sequence),
            prop::collection::btree_map(text(), inner, 0..5).prop_map(Value::Mapping),
        ]
    })
}

/// What a value is after it was written: floats without a fraction are integers then.
fn settled(value: Value) -> Value {
    match value {
        Value::Float(_) => exact(&to_yaml(&value).unwrap()),
        Value::Sequence(list) => Value::Sequence(list.into_iter().map(settled).collect()),
        Value::Mapping(map) => Value::Mapping(map.into_iter().map(|(key, value)| (key, settled(value))).collect()),
        other => other,
    }
}

fn as_helm(value: Value) -> Value {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "as Helm does")]
        Value::Int(integer) => Value::Float(integer as f64),
        #[expect(clippy::cast_precision_loss, reason = "as Helm does")]
        Value::UInt(integer) => Value::Float(integer as f64),
        Value::Sequence(list) => Value::Sequence(list.into_iter().map(as_helm).collect()),
        Value::Mapping(map) => Value::Mapping(map.into_iter().map(|(key, value)| (key, as_helm(value))).collect()),
        other => other,
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in value()) {
        let text = to_yaml(&value).unwrap();
        prop_assert_eq!(exact(&text), settled(value.clone()), "{}", text);
        prop_assert_eq!(helm(&text).unwrap(), as_helm(settled(value)), "{}", text);
    }

    #[test]
    fn json_that_is_written_is_read_back(value in value()) {
        let text = json::to_json(&value).unwrap();
        let back = json::read(&text, Numbers::Helm).unwrap();
        prop_assert_eq!(&back, &as_helm(value.clone()));
        // JSON is YAML.
        prop_assert_eq!(helm(&text).unwrap(), as_helm(settled(value)));
    }

    #[test]
    fn writing_twice_gives_the_same(value in value()) {
        let text = to_yaml(&value).unwrap();
        prop_assert_eq!(to_yaml(&exact(&text)).unwrap(), text);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes, Numbers::Helm);
        let _ = read_documents(&bytes, Numbers::Exact);
        let _ = read_documents_with_origins(&bytes, Numbers::Helm, "f", &mut Sources::default());
        let _ = json::read(&json::lossy(&bytes), Numbers::Helm);
    }

    #[test]
    fn no_yaml_like_text_makes_the_reader_panic(
        text in "([-?:,\\[\\]{}#&*!|>'\"%@` \\\\\n\t]|a|b: |1|\\.\\.\\.|---|<<|é|\u{85}|\u{2028}|\u{FEFF}|\u{1}){0,60}"
    ) {
        let value = read(text.as_bytes(), Numbers::Helm);
        prop_assert_eq!(value.is_ok(), read(text.as_bytes(), Numbers::Exact).is_ok());
        let mut sources = Sources::default();
        let plain = read_documents(text.as_bytes(), Numbers::Helm);
        let followed = read_documents_with_origins(text.as_bytes(), Numbers::Helm, "f", &mut sources);
        prop_assert_eq!(plain, followed.map(|(map, _)| map));
    }

    #[test]
    fn every_value_read_has_an_origin(value in value()) {
        let map = Mapping::from([("top".to_owned(), value)]);
        let text = to_yaml(&Value::Mapping(map.clone())).unwrap();
        let mut sources = Sources::default();
        let (_, origins) =
            read_mapping_with_origins(text.as_bytes(), Numbers::Exact, "f", &mut sources).unwrap();
        let mut open = vec![(Vec::new(), Value::Mapping(map))];
        while let Some((path, value)) = open.pop() {
            prop_assert!(origins.at(&path).is_some(), "{path:?} in {text}");
            let inner: Vec<(Step, Value)> = match value {
                Value::Mapping(map) => map.into_iter().map(|(key, value)| (Step::Key(key), value)).collect(),
                Value::Sequence(list) => list.into_iter().enumerate().map(|(at, item)| (Step::Index(at), item)).collect(),
                _ => Vec::new(),
            };
            open.extend(inner.into_iter().map(|(step, value)| {
                let mut path = path.clone();
                path.push(step);
                (path, value)
            }));
        }
    }

    #[test]
    fn merging_twice_changes_nothing_and_the_later_wins(a in map(), b in map()) {
        let merged = |mut first: Mapping, second: Mapping| { merge(&mut first, second); first };
        prop_assert_eq!(merged(a.clone(), Mapping::new()), a.clone());
        prop_assert_eq!(merged(Mapping::new(), a.clone()), a.clone());
        prop_assert_eq!(merged(a.clone(), a.clone()), a.clone());
        let both = merged(a.clone(), b.clone());
        prop_assert_eq!(merged(both.clone(), b.clone()), both.clone());
        for (key, value) in &both {
            match (a.get(key), b.get(key)) {
                (Some(Value::Mapping(ours)), Some(Value::Mapping(theirs))) => {
                    prop_assert_eq!(value, &Value::Mapping(merged(ours.clone(), theirs.clone())));
                }
                (_, Some(theirs)) => prop_assert_eq!(value, theirs),
                (ours, None) => prop_assert_eq!(Some(value), ours),
            }
        }
        prop_assert!(a.keys().chain(b.keys()).all(|key| both.contains_key(key)));
    }
}

fn map() -> impl Strategy<Value = Mapping> {
    let leaf = prop_oneof![Just(Value::Null), (0..3_i64).prop_map(Value::Int)];
    let inner = leaf
        .prop_recursive(3, 24, 3, |inner| prop::collection::btree_map("[abc]", inner, 0..3).prop_map(Value::Mapping));
    prop::collection::btree_map("[abc]", inner, 0..3)
}
