//! What a template can print, what it is refused, and what its errors say.

use std::borrow::Cow;

use super::*;
use crate::chart::{Engine, File, Metadata};

fn chart(values: &'static str, templates: &[(&'static str, &str)]) -> Chart {
    let metadata = Metadata {
        name: "c".to_owned(),
        version: "1.0.0".to_owned(),
        app_version: "2".to_owned(),
        ..Metadata::default()
    };
    let templates = templates.iter().map(|(name, text)| File::new(*name, text.as_bytes().to_vec())).collect();
    Chart::new(metadata, Cow::Borrowed(values), Engine::Jinja, templates, Vec::new(), None)
}

fn release() -> ReleaseInfo {
    ReleaseInfo { name: "r".to_owned(), namespace: "n".to_owned(), revision: 1, is_upgrade: false }
}

/// Renders one template over values given as JSON.
fn print(template: &str, values: &str) -> Result<String, RenderError> {
    let chart = chart("", &[("templates/a.yaml", template)]);
    let values = Value::from(serde_json::from_str::<serde_json::Value>(values).unwrap());
    Ok(render(&chart, &values, &release())?.remove(0).text)
}

#[test]
fn text_that_could_be_something_else_is_quoted() {
    for word in [
        "123",
        "1e3",
        "0123",
        "0x1f",
        "1_000",
        ".5",
        "+1",
        "-",
        "-1",
        "true",
        "Yes",
        "off",
        "n",
        "NULL",
        "~",
        "",
        " a",
        "a ",
        "a: b",
        "a #b",
        "*.example.org",
        "&a",
        "!t",
        "%d",
        "@a",
        "`a",
        "{a}",
        "[a]",
        "'a'",
        "\"a\"",
        "a:",
        "2026-01-09",
        "1:30",
        "nan",
        ".inf",
        "a\nb",
        "麦麦",
        "a\u{85}b",
        "?",
        "key: |",
    ] {
        let values = serde_json::json!({ "word": word }).to_string();
        let printed = print("{{ values.word }}", &values).unwrap();
        assert!(printed.starts_with('"') && printed.ends_with('"'), "{word:?}: {printed}");
    }
    for word in ["maibot", "reg.example.org:5000/a/b:v1", "/MaiMBot/data", "IfNotPresent", "a-b_c.d@e"] {
        let values = serde_json::json!({ "word": word }).to_string();
        assert_eq!(print("{{ values.word }}", &values).unwrap(), word);
    }
}

#[test]
fn numbers_print_without_exponent_and_null_and_booleans_as_yaml_has_them() {
    let values = r#"{"a": 1000000, "b": 1e6, "c": 0.5, "d": 18446744073709551615, "e": null, "f": true, "g": 1e21}"#;
    let template =
        "{{ values.a }} {{ values.b }} {{ values.c }} {{ values.d }} {{ values.e }} {{ values.f }} {{ values.g }}";
    assert_eq!(
        print(template, values).unwrap(),
        "1000000 1000000 0.5 18446744073709551615 null true 1000000000000000000000"
    );
}

#[test]
fn maps_and_lists_are_refused_where_a_scalar_stands() {
    for value in ["{}", "[]", r#"{"a": 1}"#, "[1]"] {
        let error = print("a: {{ values.x }}", &format!(r#"{{"x": {value}}}"#)).unwrap_err();
        assert_eq!(error.code(), Code::Template);
        assert!(error.to_string().contains("toyaml"), "{error}");
    }
}

#[test]
fn undefined_names_are_errors_with_template_and_line() {
    let error = print("a: 1\nb: {{ values.nothing }}\n", "{}").unwrap_err();
    assert_eq!(error.to_string(), "template: c/templates/a.yaml:2: undefined value, in `b: {{ values.nothing }}`");
}

#[test]
fn an_error_in_a_partial_names_the_partial_and_who_included_it() {
    let chart = chart(
        "",
        &[
            ("templates/_p.yaml", "x:\n  y: {{ values.port | port }}\n"),
            ("templates/a.yaml", "{% include \"templates/_p.yaml\" %}"),
        ],
    );
    let values = Value::from(serde_json::json!({ "port": "http" }));
    let error = render(&chart, &values, &release()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "template: c/templates/_p.yaml:2: must be a port number from 1 to 65535 (for c/templates/a.yaml), in `y: {{ values.port \
         | port }}`"
    );
}

#[test]
fn no_error_shows_a_value() {
    let values = r#"{"secret": "hunter2", "map": {"secret": "hunter2"}, "list": ["hunter2"]}"#;
    for template in [
        "{{ values.secret | port }}",
        "{{ values.secret | switch }}",
        "{{ values.secret | count }}",
        "{{ values.map }}",
        "{{ values.list | strings }}",
        "{{ values.map | text }}",
        "{{ values.map | references }}",
        "{{ values.secret | toyaml(2) }}",
        "{{ values.secret + 1 }}",
        "{{ values.secret - 1 }}",
        "{{ values.secret.missing }}",
        "{{ values.secret() }}",
        "{{ values.secret | int }}",
        "{{ values.list | sum }}",
        "{% for x in 5 %}{% endfor %}{{ values.secret }}",
        "{% include values.secret %}",
        "{{ values[values.secret] }}",
        "{{ values.map.secret | nosuchfilter }}",
    ] {
        let error = print(template, values).unwrap_err();
        assert!(!format!("{error} {error:?} {error:#?}").contains("hunter2"), "{template}: {error:?}");
    }
}

#[test]
fn a_template_that_never_ends_is_stopped() {
    let error =
        print("{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}", "{}").unwrap_err();
    assert!(error.to_string().contains("fuel"), "{error}");
    let chart = chart("", &[("templates/a.yaml", "{% include \"templates/a.yaml\" %}")]);
    assert_eq!(render(&chart, &Value::empty_mapping(), &release()).unwrap_err().code(), Code::Template);
}

#[test]
fn a_section_has_to_be_a_map_and_a_deleted_key_is_null() {
    let chart = chart(
        "core: {image: {tag: null, pullPolicy: x}, labels: {}}\n",
        &[("templates/a.yaml", "{{ values.core.image.pullPolicy }}")],
    );
    let render = |json| render(&chart, &Value::from(json), &release());
    let ok = render(serde_json::json!({ "core": { "image": { "tag": 1 } } })).unwrap();
    assert_eq!(ok[0].text, "null");
    assert!(render(serde_json::json!({ "core": { "image": {}, "labels": null } })).is_ok());
    let error = render(serde_json::json!({ "core": { "image": null } })).unwrap_err();
    assert_eq!(error.to_string(), "values: `core.image` is null; leave the key out to get the chart's defaults");
    let error = render(serde_json::json!({ "core": "off" })).unwrap_err();
    assert_eq!((error.to_string().as_str(), error.code()), ("values: `core` must be a map", Code::ValuesSchema));
}

#[test]
fn values_nested_too_deeply_are_refused() {
    let mut value = Value::from("x");
    for _ in 0..500 {
        value = Value::Mapping([("a".to_owned(), value)].into());
    }
    let chart = chart("a: 1\n", &[("templates/a.yaml", "")]);
    assert_eq!(render(&chart, &value, &release()).unwrap_err().code(), Code::ValuesSchema);
}

#[test]
fn containers_print_as_blocks() {
    let values = r#"{"x": {"limits": {"cpu": 2, "memory": "1Gi"}, "none": null, "empty": {}, "list": [{"a": 1, "b": ["on", {"c": null}]}, [], ["x"]]}}"#;
    let expected = "a:\n  empty: {}\n  limits:\n    cpu: 2\n    memory: \"1Gi\"\n  list:\n    - a: 1\n      b:\n        - \"on\"\n        - {}\n    - []\n    - - x";
    assert_eq!(print("a:{{ values.x | toyaml(2) }}", values).unwrap(), expected);
    assert_eq!(print("a:{{ values.x | toyaml(2) }}", r#"{"x": {"a": null}}"#).unwrap(), "a: {}");
    assert_eq!(print("a:{{ values.x | toyaml(2) }}", r#"{"x": []}"#).unwrap(), "a: []");
}

#[test]
fn text_prints_as_a_literal_block_where_it_can() {
    let block =
        |text: &str| print("a: {{ values.x | literal(2) }}\n", &serde_json::json!({ "x": text }).to_string()).unwrap();
    assert_eq!(block("one\n\n  two\n"), "a: |\n  one\n\n    two\n");
    assert_eq!(block("one"), "a: |-\n  one\n");
    assert_eq!(block("one\n\n\n"), "a: |+\n  one\n\n\n");
    assert_eq!(block(" one\n"), "a: \" one\\n\"\n");
    assert_eq!(block("one\r\n"), "a: \"one\\r\\n\"\n");
    assert_eq!(block(""), "a: \"\"\n");
}

#[test]
fn switches_take_booleans_and_what_helm_takes_for_off() {
    for (value, on) in [("true", true), ("false", false), ("null", false), ("0", false), ("1", true), ("\"\"", false)] {
        let printed = print("{{ values.x | switch }}", &format!(r#"{{"x": {value}}}"#)).unwrap();
        assert_eq!(printed, on.to_string(), "{value}");
    }
    for value in ["\"false\"", "\"true\"", "{}", "[]"] {
        assert!(print("{{ values.x | switch }}", &format!(r#"{{"x": {value}}}"#)).is_err(), "{value}");
    }
}

#[test]
fn ports_are_numbers_or_digits_in_range() {
    for (value, port) in [("8095", "8095"), ("\"8095\"", "8095"), ("8095.0", "8095"), ("65535", "65535")] {
        assert_eq!(print("{{ values.x | port }}", &format!(r#"{{"x": {value}}}"#)).unwrap(), port);
    }
    for value in ["0", "65536", "-1", "1.5", "null", "\"http\"", "\"\"", "true", "[]", "\"99999999999999999999\""] {
        assert!(print("{{ values.x | port }}", &format!(r#"{{"x": {value}}}"#)).is_err(), "{value}");
    }
}

#[test]
fn every_name_that_the_embedded_chart_reads_is_in_its_values() {
    let chart = Chart::embedded().unwrap();
    assert_eq!(undeclared(&chart, chart.values().unwrap()).unwrap(), Vec::<String>::new());
    let without_port = Value::from(serde_json::json!({ "adapter": { "service": { "type": "ClusterIP" } } }));
    let missing = undeclared(&chart, &without_port).unwrap();
    assert!(missing.contains(&"templates/NOTES.txt: adapter.service.port".to_owned()), "{missing:?}");
}

/// The rule that makes quoting safe: an expression is the whole value of its key or item.
#[test]
fn every_expression_of_the_embedded_chart_stands_for_a_whole_scalar() {
    let chart = Chart::embedded().unwrap();
    for file in chart.templates.iter().filter(|file| file.name.ends_with(".yaml")) {
        for (number, line) in file.text().unwrap().lines().enumerate() {
            let Some((before, after)) = line.split_once("{{") else { continue };
            let place = format!("{}:{}: {line}", file.name, number + 1);
            if before.trim().is_empty() {
                assert!(after.trim_start().starts_with("refuse("), "{place}");
                continue;
            }
            assert!(!after.contains("{{") && after.ends_with("}}"), "{place}");
            assert_eq!(before.ends_with(':'), after.contains("toyaml("), "{place}");
            assert!(before.ends_with(": ") || before.ends_with("- ") || before.ends_with(':'), "{place}");
        }
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;
    use crate::yaml::{Numbers, read};

    /// What a template prints for these values, read again.
    fn read_again(template: &str, value: &Value) -> Value {
        let values = Value::Mapping([("x".to_owned(), value.clone())].into());
        let chart = chart("", &[("templates/a.yaml", template)]);
        let text = render(&chart, &values, &release()).unwrap().remove(0).text;
        let read = read(text.as_bytes(), Numbers::Exact).unwrap_or_else(|error| panic!("{error}: {text:?}"));
        read.get("a").unwrap_or_else(|| panic!("{text:?}")).clone()
    }

    /// Text made of the characters and words that mean something in YAML, or of any.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[-+.0-9eExXoObB_:~ ]{0,8}",
            "[-?:,\\[\\]{}#&*!|>'\"%@` a\n\r\t]{0,12}",
            "(?i:true|false|yes|no|on|off|y|n|null|none|nan|\\.inf|=|<<|0o7|1e3|[0-9]{4}-[0-9]{2}-[0-9]{2})",
        ]
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            text().prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Sequence),
                prop::collection::btree_map(text(), inner, 0..4).prop_map(Value::Mapping),
            ]
        })
    }

    proptest! {
        #[test]
        fn printed_text_is_read_as_the_same_text(text in text()) {
            let value = Value::String(text);
            prop_assert_eq!(read_again("a: {{ values.x }}\n", &value), value.clone());
            prop_assert_eq!(read_again("a: {{ values.x | literal(2) }}\nb: 1\n", &value), value);
        }

        #[test]
        fn printed_containers_are_read_as_the_same_containers(tree in tree()) {
            let value = Value::Sequence(vec![tree]);
            prop_assert_eq!(read_again("a:{{ values.x | toyaml(2) }}\nb: 1\n", &value), value);
        }

        #[test]
        fn whatever_stands_in_a_place_of_the_values_is_rendered_or_refused(place in any::<prop::sample::Index>(), tree in tree()) {
            let chart = Chart::embedded().unwrap();
            let mut values = chart.values().unwrap().clone();
            let mut places = Vec::new();
            collect(&values, &mut Vec::new(), &mut places);
            let place = place.get(&places);
            let section = place[..place.len() - 1].iter().fold(&mut values, |value, key| {
                value.as_mapping_mut().unwrap().get_mut(key).unwrap()
            });
            section.as_mapping_mut().unwrap().insert(place[place.len() - 1].clone(), tree);
            for key in ["EULA_AGREE", "PRIVACY_AGREE"] {
                values.as_mapping_mut().unwrap().insert(key.to_owned(), Value::Bool(true));
            }
            if let Ok(rendered) = super::super::super::render_embedded(&chart, &values, &release()) {
                let documents = rendered.sorted.documents;
                prop_assert!(documents.iter().all(|document| !document.kind.is_empty() && document.name.starts_with("r-maibot-")));
            }
        }
    }

    fn collect(value: &Value, path: &mut Vec<String>, places: &mut Vec<Vec<String>>) {
        for (key, value) in value.as_mapping().into_iter().flatten() {
            path.push(key.clone());
            places.push(path.clone());
            collect(value, path, places);
            path.pop();
        }
    }
}
