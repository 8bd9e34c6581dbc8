//! What the recorded vectors do not say: places of values, suggestions, schemas, laws.

use proptest::prelude::*;

use super::*;
use crate::yaml::{Mapping, Numbers, Source, Step, Value, json, path_text, read_mapping};

fn yaml(text: &str) -> Mapping {
    read_mapping(text.as_bytes(), Numbers::Helm).unwrap()
}

fn path(steps: &[&str]) -> Vec<Step> {
    steps.iter().map(|step| step.parse().map_or_else(|_| Step::from(*step), |index: usize| Step::from(index))).collect()
}

fn collect(flags: &Flags, files: &[(&str, &str)]) -> Result<Given, ValuesError> {
    flags.collect(Compat::Helm4, Numbers::Helm, true, &mut |name| {
        let file = files.iter().find(|(known, _)| *known == name);
        file.map(|(_, text)| text.as_bytes().to_vec()).ok_or_else(|| format!("open {name}: no such file or directory"))
    })
}

/// The source of a value and the text that it stands in.
fn place(given: &Given, steps: &[&str]) -> (String, usize, usize) {
    let origin = given.origins.at(&path(steps)).unwrap_or_else(|| panic!("no origin of {steps:?}"));
    let name = match given.sources.get(origin.source).unwrap() {
        Source::File { name, .. } | Source::Chart { name } => name.clone(),
        Source::Flag { flag, argument } => format!("{flag} {argument}"),
    };
    (name, origin.value.start.line, origin.value.start.column)
}

#[test]
fn every_value_knows_the_file_or_flag_that_set_it_last() {
    let flags = Flags {
        files: vec!["a.yaml".into(), "b.yaml".into()],
        set: vec!["image.tag=1.2,list[1].name=x".into()],
        set_string: vec!["port=80".into()],
        set_json: vec!["{\"deep\":{\"er\":[1]}}".into()],
        ..Flags::default()
    };
    let files = [
        ("a.yaml", "image:\n  repository: r\n  tag: 1\nlist:\n- name: a\nport: 1\nkeep: {x: 1}\n"),
        ("b.yaml", "# second\nimage:\n  repository: other\nkeep: {z: 2}\n"),
    ];
    let given = collect(&flags, &files).unwrap();
    assert_eq!(place(&given, &["image", "repository"]), ("b.yaml".into(), 3, 15));
    assert_eq!(place(&given, &["image", "tag"]), ("--set image.tag=1.2,list[1].name=x".into(), 1, 11));
    assert_eq!(place(&given, &["list", "0", "name"]), ("a.yaml".into(), 5, 9));
    assert_eq!(place(&given, &["list", "1", "name"]), ("--set image.tag=1.2,list[1].name=x".into(), 1, 28));
    assert_eq!(place(&given, &["port"]), ("--set-string port=80".into(), 1, 6));
    assert_eq!(place(&given, &["keep", "x"]), ("a.yaml".into(), 7, 11));
    assert_eq!(place(&given, &["keep", "z"]), ("b.yaml".into(), 4, 11));
    assert_eq!(place(&given, &["deep", "er"]).0, "--set-json {\"deep\":{\"er\":[1]}}");
}

#[test]
fn the_error_of_a_values_file_names_file_line_and_code() {
    let flags = Flags { files: vec!["bad.yaml".into()], ..Flags::default() };
    let error = collect(&flags, &[("bad.yaml", "a: 1\nb: {\n")]).unwrap_err();
    assert_eq!(error.code(), crate::code::Code::ValuesSyntax);
    let ValuesError::Yaml { name, error } = error else { panic!("{error}") };
    assert_eq!((name.as_str(), error.position().unwrap().line), ("bad.yaml", 3));
    let error = collect(&flags, &[]).unwrap_err();
    assert_eq!(error.to_string(), "open bad.yaml: no such file or directory");
    assert_eq!(error.code(), crate::code::Code::LocalFile);
}

#[test]
fn set_paths_are_bounded_in_length_and_width() {
    let set = |expression: String| {
        let flags = Flags { set: vec![expression], ..Flags::default() };
        collect(&flags, &[]).map(|given| given.values).map_err(|error| error.to_string())
    };
    assert!(set(format!("a{}=1", "[0]".repeat(60))).is_ok());
    let error = set(format!("a{}=1", "[0]".repeat(100_000))).unwrap_err();
    assert_eq!(error, "failed parsing --set data: value path has more than 64 steps");
    assert!(set(format!("{}=1", "a.".repeat(100_000))).is_err());
    assert!(set("a[99999999999999999999]=1".into()).unwrap_err().ends_with("value out of range"));
}

#[test]
fn a_null_of_the_users_removes_a_default() {
    let chart = ChartValues { name: "c".into(), values: yaml("a: {b: 1, c: 2}"), ..ChartValues::default() };
    let mut warnings = Vec::new();
    let values = coalesce(&chart, &yaml("a: {b: ~}"), Compat::Helm4, &mut warnings).unwrap();
    assert_eq!(values, yaml("a: {c: 2}"));
    assert!(warnings.is_empty());
}

#[test]
fn warnings_are_said_as_each_helm_says_them() {
    let chart = ChartValues { name: "c".into(), values: yaml("a: 5"), ..ChartValues::default() };
    let mut warnings = Vec::new();
    coalesce(&chart, &yaml("a: {b: 1}"), Compat::Helm4, &mut warnings).unwrap();
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    let text = "warning: skipped value for c.a: Not a table.";
    assert_eq!(warning.line(Compat::Helm3), format!("coalesce.go:237: {text}"));
    assert_eq!(warning.line(Compat::Helm4), format!("level=INFO msg=\"{text}\""));
}

fn violations(schema: &str, values: &str) -> (String, Vec<Violation>) {
    let Err(SchemaError::Violated { text, violations, .. }) = check_one("web", schema.as_bytes(), &yaml(values)) else {
        return (String::new(), Vec::new());
    };
    (text, violations)
}

#[test]
fn all_violations_are_found_and_worded_as_helm_words_them() {
    let schema = r#"{"required": ["image"], "properties": {
        "replicas": {"type": "integer"},
        "service": {"properties": {
            "port": {"maximum": 65535},
            "type": {"enum": ["ClusterIP", "NodePort"]}}}}}"#;
    let (text, violations) = violations(schema, "{replicas: two, service: {port: 70000, type: x}}");
    assert_eq!(
        text,
        "web:\n- at '': missing property 'image'\n- at '/replicas': got string, want integer\n\
         - at '/service': validation failed\n  - at '/service/port': maximum: got 70,000, want 65,535\n  \
         - at '/service/type': value must be one of 'ClusterIP', 'NodePort'\n"
    );
    let paths: Vec<Vec<Step>> = violations.iter().map(|violation| violation.path.clone()).collect();
    let wanted = [path(&[]), path(&["replicas"]), path(&["service", "port"]), path(&["service", "type"])];
    assert_eq!(paths, wanted);
    assert_eq!(violations[0].missing, ["image"]);
}

#[test]
fn a_violation_leads_to_the_users_line() {
    let flags = Flags { files: vec!["v.yaml".into()], ..Flags::default() };
    let text = "service:\n  ports:\n  - 80\n  - http\n";
    let given = collect(&flags, &[("v.yaml", text)]).unwrap();
    let schema = r#"{"properties":{"service":{"properties":{"ports":{"items":{"type":"integer"}}}}}}"#;
    let Err(SchemaError::Violated { violations, .. }) = check_one("web", schema.as_bytes(), &given.values) else {
        panic!("passed")
    };
    let (origin, steps) = given.origins.nearest(&violations[0].path).unwrap();
    assert_eq!((origin.value.start.line, steps), (4, 3));
}

#[test]
fn a_wrong_type_is_all_that_is_said_of_a_value() {
    let schema = r#"{"properties": {"a": {"type": "string", "enum": ["x"], "minLength": 3}}}"#;
    assert_eq!(violations(schema, "a: 5").0, "web:\n- at '/a': got number, want string\n");
}

#[test]
fn alternatives_show_why_each_fails() {
    let schema = r##"{"properties": {"a": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/port"}]}},
        "$defs": {"port": {"type": "integer", "maximum": 10}}}"##;
    assert_eq!(
        violations(schema, "a: 70").0,
        "web:\n- at '/a': 'anyOf' failed\n  - at '/a': got number, want string\n  \
         - at '/a': maximum: got 70, want 10\n"
    );
}

/// A chart whose schema may refer to its files.
fn with_documents(schema: &str, documents: &[(&str, &str)]) -> ChartValues {
    let documents = documents.iter().map(|(name, text)| ((*name).to_owned(), bytes::Bytes::from((*text).to_owned())));
    ChartValues {
        name: "web".into(),
        schema: Some(schema.as_bytes().to_vec()),
        documents: std::sync::Arc::new(documents.collect()),
        ..ChartValues::default()
    }
}

fn report(chart: &ChartValues, values: &str) -> String {
    check(chart, &yaml(values), &References::Inside, &mut Vec::new())
        .map_or_else(|SchemaError::Violated { text, .. }| text, |()| String::new())
}

#[test]
fn schemas_reach_for_no_file_outside_the_chart_and_for_no_network() {
    for (target, problem) in [
        ("file:///etc/hostname", "file:///etc/hostname: the chart has no file etc/hostname"),
        ("../../etc/hostname", "file:///etc/hostname: the chart has no file etc/hostname"),
        ("file://host/share", "file://host/share: a schema may refer to files of its own chart only"),
        ("http://127.0.0.1:9/x", "http://127.0.0.1:9/x: a schema may refer to files of its own chart only"),
        ("https://127.0.0.1:9/x", "https://127.0.0.1:9/x: a schema may refer to files of its own chart only"),
    ] {
        let chart = with_documents(&format!(r#"{{"$ref": "{target}"}}"#), &[("hostname", "{}")]);
        let Err(SchemaError::Violated { broken, violations, .. }) =
            check(&chart, &yaml("a: 1"), &References::Inside, &mut Vec::new())
        else {
            panic!("{target} was followed")
        };
        assert!(broken[0].problem.contains(problem), "{target}: {}", broken[0].problem);
        assert!(violations.is_empty());
    }
}

#[test]
fn schemas_may_refer_to_files_of_their_chart() {
    let files = [
        ("schemas/port.json", r#"{"$defs": {"port": {"$ref": "limits.json#/most"}}}"#),
        ("schemas/limits.json", r#"{"most": {"maximum": 10}}"#),
        ("broken.json", "{nope}"),
    ];
    for target in
        ["schemas/port.json#/$defs/port", "./schemas/port.json#/$defs/port", "file:///schemas/port.json#/$defs/port"]
    {
        let chart = with_documents(&format!(r#"{{"properties": {{"port": {{"$ref": "{target}"}}}}}}"#), &files);
        assert_eq!(report(&chart, "port: 5"), "", "{target}");
        assert_eq!(report(&chart, "port: 50"), "web:\n- at '/port': maximum: got 50, want 10\n", "{target}");
    }
    let broken = with_documents(r#"{"$ref": "broken.json"}"#, &files);
    assert!(report(&broken, "a: 1").contains("broken.json: invalid character 'n'"), "{}", report(&broken, "a: 1"));
}

#[test]
fn references_may_lead_anywhere_if_that_is_allowed() {
    let read: SchemaReader = std::sync::Arc::new(|uri| match uri {
        "http://127.0.0.1:9/most.json" => Ok(br#"{"maximum": 10}"#.to_vec()),
        other => Err(format!("no answer to {}", other.len())),
    });
    let anywhere = References::Anywhere(read);
    let chart = |target: &str| {
        with_documents(&format!(r#"{{"properties": {{"a": {{"$ref": "{target}"}}}}}}"#), &[("own.json", "{}")])
    };
    let told = |target: &str| {
        let SchemaError::Violated { text, .. } =
            check(&chart(target), &yaml("a: 50"), &anywhere, &mut Vec::new()).unwrap_err();
        text
    };
    assert_eq!(told("http://127.0.0.1:9/most.json"), "web:\n- at '/a': maximum: got 50, want 10\n");
    assert!(told("file:///x.json").contains("file:///x.json: no answer to 14"), "{}", told("file:///x.json"));
    assert!(
        check(&chart("own.json"), &yaml("a: 50"), &anywhere, &mut Vec::new()).is_ok(),
        "the chart's own comes first"
    );
}

#[test]
fn a_reference_to_a_urn_lets_everything_pass_and_is_told() {
    let chart =
        with_documents(r#"{"properties": {"a": {"$ref": "urn:example:any"}, "b": {"$ref": "urn:example:any"}}}"#, &[]);
    let mut warnings = Vec::new();
    assert_eq!(check(&chart, &yaml("{a: 1, b: 2}"), &References::Inside, &mut warnings), Ok(()));
    let lines = |compat| warnings.iter().map(|warning| warning.line(compat)).collect::<Vec<_>>();
    let words = "unresolved URN reference ignored; using permissive schema";
    assert_eq!(lines(Compat::Helm4), [format!("level=WARN msg=\"{words}\" urn=urn:example:any")], "told once");
    assert_eq!(lines(Compat::Helm3), [format!("jsonschema.go:192: WARNING: {words}: urn:example:any")]);
}

#[test]
fn every_draft_is_checked_by_its_own_rules() {
    // Words that mean something in some drafts only, and what each draft makes of them.
    let drafts = [
        ("http://json-schema.org/draft-04/schema#", "maximum: 10, exclusiveMaximum: true"),
        ("http://json-schema.org/draft-06/schema#", "exclusiveMaximum: 10"),
        ("http://json-schema.org/draft-07/schema#", "if: {type: number}, then: {exclusiveMaximum: 10}"),
        ("https://json-schema.org/draft/2019-09/schema", "$ref: '#/$defs/x', exclusiveMaximum: 10"),
        ("https://json-schema.org/draft/2020-12/schema", "prefixItems: [{type: string}], exclusiveMaximum: 10"),
    ];
    for (draft, rule) in drafts {
        let schema = yaml(&format!(
            "{{$schema: '{draft}', $defs: {{x: {{type: [number, array]}}}}, properties: {{a: {{{rule}}}}}}}"
        ));
        let schema = json::to_json(&Value::Mapping(schema)).unwrap();
        assert_eq!(violations(&schema, "a: 9").0, "", "{draft}");
        let text = violations(&schema, "a: 10").0;
        assert!(text.contains("at '/a': exclusiveMaximum: got 10, want 10"), "{draft}: {text}");
    }
    // Formats count up to draft 7 and are notes from then on.
    for (draft, counts) in drafts.iter().map(|(draft, _)| *draft).zip([true, true, true, false, false]) {
        let schema = format!(r#"{{"$schema": "{draft}", "properties": {{"a": {{"format": "ipv4"}}}}}}"#);
        assert_eq!(!violations(&schema, "a: nowhere").0.is_empty(), counts, "{draft}");
    }
    let none = r#"{"properties": {"a": {"prefixItems": [{"type": "string"}]}}}"#;
    assert_eq!(
        violations(none, "a: [1]").0,
        "web:\n- at '/a/0': got number, want string\n",
        "without a word the newest"
    );
}

#[test]
fn a_violation_blames_who_gave_the_value() {
    let flags = Flags {
        files: vec!["a.yaml".into(), "b.yaml".into()],
        set: vec!["db.port=80".into()],
        set_json: vec![r#"{"list": [1, "x"]}"#.into()],
        ..Flags::default()
    };
    let files = [
        ("a.yaml", "web: {port: x}\ndb: {name: n}\n"),
        ("b.yaml", "# 麦麦\nweb: {端口: 1, port: y}\nglobal: {g: 1}\n"),
    ];
    let given = collect(&flags, &files).unwrap();
    let blamed = |steps: &[&str], scope, missing: &[&str], superfluous: &[&str]| {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        let violation = Violation {
            chart: "web".to_owned(),
            path: path(steps),
            scope,
            message: String::new(),
            missing: keys(missing),
            superfluous: keys(superfluous),
        };
        match given.blame(&violation, &yaml("{old: {a: 1}, web: {was: 1}}")) {
            Blame::User(places) => {
                let shown = places.iter().map(|place| {
                    let name = match &place.source {
                        Source::File { name, .. } | Source::Chart { name } => name.as_str(),
                        Source::Flag { flag, .. } => flag,
                    };
                    let marked: String = place.text.chars().skip(place.marked.start).take(place.marked.len()).collect();
                    format!("{name}:{}:{} {marked}", place.line, place.column)
                });
                shown.collect::<Vec<_>>().join(", ")
            }
            other => format!("{other:?}"),
        }
    };
    assert_eq!(blamed(&["web", "port"], 0, &[], &[]), "b.yaml:2:20 y", "the last file wins");
    assert_eq!(blamed(&["web"], 0, &["host"], &[]), "b.yaml:2:1 web", "the key around what is missing");
    assert_eq!(blamed(&["web"], 0, &[], &["端口"]), "b.yaml:2:7 端口", "the key that is too many");
    assert_eq!(blamed(&["db", "port"], 1, &[], &[]), "--set:1:9 80");
    assert_eq!(blamed(&["list", "1"], 0, &[], &[]), "--set-json:1:14 \"x\"");
    assert_eq!(blamed(&["db", "global", "g"], 1, &[], &[]), "b.yaml:3:13 1", "globals come from above");
    assert_eq!(blamed(&["web", "host"], 0, &[], &[]), "Chart", "the user did not give it");
    assert_eq!(blamed(&["web"], 0, &[], &["default"]), "Chart");
    assert_eq!(blamed(&["old", "a"], 0, &[], &[]), "Release", "taken over by an upgrade");
    assert_eq!(blamed(&["web"], 0, &[], &["was"]), "Release");
    assert_eq!(blamed(&[], 0, &["x"], &[]), "Whole");
}

#[test]
fn schemas_that_are_wrong_themselves_are_told() {
    assert_eq!(violations("{nope}", "").0, "web:\ninvalid character 'n' looking for beginning of object key string");
    assert!(!violations(r#"{"type": "strin"}"#, "a: 1").0.is_empty());
    assert!(!violations(r##"{"$ref": "#/nope"}"##, "a: 1").0.is_empty());
    let deep = format!("{}{{}}{}", r#"{"not":"#.repeat(5000), "}".repeat(5000));
    assert_eq!(violations(&deep, "").0, "web:\nexceeded max depth");
}

#[test]
fn deep_schemas_and_values_within_the_bound_are_checked() {
    let depth = crate::yaml::MAX_DEPTH - 1;
    let deep = format!("{}{{}}{}", r#"{"not":"#.repeat(depth), "}".repeat(depth));
    let _ = violations(&deep, "a: 1");
    let values = format!("a: {}x{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    let recursive = r##"{"additionalProperties": {"$ref": "#/$defs/list"},
        "$defs": {"list": {"type": ["array", "string"], "items": {"$ref": "#/$defs/list"}}}}"##;
    assert_eq!(violations(recursive, &values).0, "");
}

#[test]
fn subcharts_are_checked_with_their_own_schemas() {
    let sub = ChartValues {
        name: "db".into(),
        schema: Some(br#"{"properties": {"port": {"minimum": 1024}}}"#.to_vec()),
        ..ChartValues::default()
    };
    let chart = ChartValues { name: "web".into(), subcharts: vec![sub], ..ChartValues::default() };
    assert!(check(&chart, &yaml("db: {port: 5432}"), &References::Inside, &mut Vec::new()).is_ok());
    let SchemaError::Violated { text, violations, .. } =
        check(&chart, &yaml("db: {port: 80}"), &References::Inside, &mut Vec::new()).unwrap_err();
    assert_eq!(text, "db:\n- at '/port': minimum: got 80, want 1,024\n");
    assert_eq!(violations[0].path, path(&["db", "port"]));
}

#[test]
fn unknown_keys_are_found_with_the_key_that_was_meant() {
    let defaults = yaml(
        "{replicaCount: 1, image: {repository: r, tag: t}, nodeSelector: {}, EULA_AGREE: false, web: {ui: {host: h}}}",
    );
    let user = yaml(
        "{replicacount: 2, image: {tga: x, tag: t}, nodeSelector: {any: thing}, EULA-AGREE: true, other: 1, web: {host: h}}",
    );
    let found = Known::from_defaults(&defaults).unknown(&user);
    let shown: Vec<(String, Option<String>)> =
        found.iter().map(|key| (path_text(&key.path), key.nearest.as_deref().map(path_text))).collect();
    let wanted = [
        ("EULA-AGREE", Some("EULA_AGREE")),
        ("image.tga", None),
        ("other", None),
        ("replicacount", Some("replicaCount")),
        ("web.host", Some("web.ui.host")),
    ];
    assert_eq!(shown, wanted.map(|(key, near)| (key.to_owned(), near.map(str::to_owned))));
    assert!(Known::Anything.unknown(&user).is_empty());
}

#[test]
fn a_suggestion_is_made_only_for_what_is_near() {
    let known = ["replicaCount", "resources", "tag", "image"];
    assert_eq!(nearest("replica_count", known), Some("replicaCount"));
    assert_eq!(nearest("resuorces", known), Some("resources"));
    assert_eq!(nearest("iamge", known), Some("image"));
    assert_eq!(nearest("tagg", known), Some("tag"));
    assert_eq!(nearest("service", known), None);
    assert_eq!(nearest("x", known), None);
}

fn values() -> impl Strategy<Value = Mapping> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-9..9_i32).prop_map(|number| Value::Float(f64::from(number))),
        "[a-z]{0,3}".prop_map(Value::String),
        Just(Value::Sequence(vec![Value::Null])),
    ];
    let inner = leaf
        .prop_recursive(3, 24, 3, |inner| prop::collection::btree_map("[abc]", inner, 0..4).prop_map(Value::Mapping));
    prop::collection::btree_map("[abc]", inner, 0..4)
}

proptest! {
    #[test]
    fn no_expression_makes_the_parser_panic(
        expression in "([a-c.=,\\[\\]{}\\\\ \"0-9-]|true|null|é|\\[0\\]|\\{\"a\":1\\}){0,24}",
        compat in prop::sample::select(vec![Compat::Helm4, Compat::Helm3]),
    ) {
        let one = || vec![expression.clone()];
        let base = || Flags { files: vec!["base".into()], ..Flags::default() };
        for flags in [
            Flags { set: one(), ..base() },
            Flags { set_string: one(), ..base() },
            Flags { set_json: one(), ..base() },
            Flags { set_literal: one(), ..base() },
            Flags { set_file: one(), ..base() },
        ] {
            let mut read = |name: &str| match name {
                "base" => Ok(b"a: {b: [1, {c: 2}], c: ~}\nb: x\n".to_vec()),
                _ => Ok(Vec::new()),
            };
            let plain = flags.collect(compat, Numbers::Helm, false, &mut read).map(|given| given.values);
            let followed = flags.collect(compat, Numbers::Helm, true, &mut read).map(|given| given.values);
            prop_assert_eq!(plain, followed);
        }
    }

    #[test]
    fn what_a_path_sets_is_what_it_names(keys in prop::collection::vec("[a-zA-Z0-9_.,=\\[\\]\\\\]{1,5}", 1..5), text in "\\PC{0,12}") {
        let escape = |key: &String| key.chars().flat_map(|c| ['\\', c]).collect::<String>();
        let expression = format!("{}={}", keys.iter().map(escape).collect::<Vec<_>>().join("."), escape(&text));
        let flags = Flags { set_string: vec![expression], ..Flags::default() };
        let given = collect(&flags, &[]).unwrap();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let values = Value::Mapping(given.values.clone());
        prop_assert_eq!(values.at(&keys), Some(&Value::String(text)));
        let path: Vec<Step> = keys.into_iter().map(Step::from).collect();
        prop_assert!(given.origins.at(&path).is_some());
    }

    #[test]
    fn the_users_values_win_over_the_defaults(user in values(), defaults in values()) {
        let chart = ChartValues { name: "c".into(), values: defaults.clone(), ..ChartValues::default() };
        for compat in [Compat::Helm4, Compat::Helm3] {
            let result = coalesce(&chart, &user, compat, &mut Vec::new()).unwrap();
            for (key, value) in &user {
                match value {
                    Value::Null => prop_assert_eq!(result.contains_key(key), !defaults.contains_key(key)),
                    Value::Mapping(_) => prop_assert!(result.get(key).is_some_and(|it| it.as_mapping().is_some())),
                    scalar => prop_assert_eq!(result.get(key), Some(scalar)),
                }
            }
            for (key, value) in &defaults {
                if !user.contains_key(key) && !value.is_null() {
                    prop_assert!(result.contains_key(key));
                }
            }
            // What is there already is not changed by its own defaults.
            let clean = Mapping::new();
            prop_assert_eq!(&coalesce(&ChartValues { values: clean, ..chart.clone() }, &result, compat, &mut Vec::new()).unwrap(), &result);
        }
    }

    #[test]
    fn schema_checks_never_panic_on_values(values in values()) {
        let schema = r##"{"additionalProperties": {"anyOf": [{"$ref": "#/$defs/m"}, {"type": "string", "pattern": "^a"}]},
            "$defs": {"m": {"properties": {"a": {"minimum": 3}, "b": false}, "required": ["c"], "minProperties": 2}}}"##;
        if let Err(SchemaError::Violated { text, violations, .. }) = check_one("c", schema.as_bytes(), &values) {
            prop_assert!(!violations.is_empty() && text.starts_with("c:\n- at "));
            for violation in violations {
                let mut value = &Value::Mapping(values.clone());
                for step in &violation.path {
                    let Step::Key(key) = step else { panic!("{step:?}") };
                    value = value.get(key).unwrap();
                }
            }
        }
        prop_assert!(json::to_json(&Value::Mapping(values)).is_ok());
    }
}
