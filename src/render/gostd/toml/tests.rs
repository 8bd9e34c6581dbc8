use super::{Location, Value, read};

fn error(text: &str) -> String {
    read(text.as_bytes(), &Location::Utc, 0).unwrap_err()
}

#[test]
fn what_is_no_document_is_refused_with_the_librarys_words() {
    for (text, message) in [
        ("a = 1\n\n[b\n", "line 4: expected '.' or ']' to end table name, but got '\\n' instead"),
        ("a = tru", "line 1 (last key \"a\"): expected value but found \"tru\" instead"),
        ("x.\"a b\" = 01", "line 1 (last key \"x.a b\"): Invalid integer \"01\": cannot have leading zeroes"),
        ("a = [1\n2]", "line 2 (last key \"a\"): expected a comma (',') or array terminator (']'), but got '2'"),
        (
            "a = {x = 1 y = 2}",
            "line 1 (last key \"a.x\"): expected a comma or an inline table terminator '}', but got 'y' instead",
        ),
        ("a = \"\\q\"", "line 1 (last key \"a\"): invalid escape in string '\\q'"),
        ("a = \"\\ud800\"", "line 1 (last key \"a\"): Escaped character '\\ud800' is not valid UTF-8."),
        ("a = 1e400", "line 1 (last key \"a\"): 1e400 is out of range for float64"),
        ("a = 1\n[a.b]", "line 2: Key 'a' was already created as a hash."),
        ("a = {}\n[a.b]\n[a]", "line 3: Key 'a' has already been defined."),
        ("\0", "line 1: files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8"),
    ] {
        assert_eq!(error(text), format!("toml: {message}"), "{text}");
    }
    assert!(error(&format!("a = {}", "[".repeat(100_000))).ends_with("values nest too deeply"));
}

#[test]
fn tables_grow_where_their_headers_say() {
    let text = b"[[a]]\nx = 1\n[a.b]\ny = 2\n[[a]]\nz.w = {v = [true, {u = 1}]}";
    let table = read(text, &Location::Utc, 0).unwrap();
    let Some(Value::Tables(tables)) = table.get(b"a".as_slice()) else { panic!("{table:?}") };
    assert_eq!(tables.len(), 2);
    assert!(matches!(tables[0].get(b"b".as_slice()), Some(Value::Table(_))));
    assert!(format!("{:?}", tables[1]).contains("Bool(true)"));
}

proptest::proptest! {
    #[test]
    fn no_document_makes_the_parser_panic(text in "[ab.=\\[\\]{},\"'\\\\ \n#0-9eutrx:TZ_+-]{0,40}") {
        let _ = read(text.as_bytes(), &Location::Utc, 0);
    }
}
