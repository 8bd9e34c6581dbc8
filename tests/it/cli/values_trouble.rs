//! Keys that the chart does not know, values that do not fit: what is said, where it is pointed to, and what ends the run.

use maibot::application::values_keys::PassingKey;
use maibot::application::versions::Versions;

use super::Place;

const AGREE: &str = "EULA_AGREE: true\nPRIVACY_AGREE: true\n";
const NAME: &str = "apiVersion: v2\nname: maibot\nversion: 1.2.3\n";

/// A folder with a chart in it.
fn with_chart(files: &[(&str, &str)]) -> Place {
    let place = Place::new();
    for (name, text) in files {
        let path = place.path().join("chart").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    place
}

#[test]
fn a_key_that_the_chart_does_not_know_is_shown_with_its_line_and_the_nearest_key() {
    let place = Place::new();
    place
        .file("v.yaml", &format!("{AGREE}core:\n  iamge: {{tag: x}}\n  # 麦麦\n  webui: {{端口: 1, enabled: true}}\n"));
    let ran = place.run(&["template", "maimai", "-f", "v.yaml", "--set", "napcat.enable=false"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("kind: StatefulSet"));
    insta::assert_snapshot!("unknown_keys_en", ran.stderr);
    let ran = place.run(&["template", "maimai", "-f", "v.yaml", "--lang=zh"]);
    insta::assert_snapshot!("unknown_keys_zh", ran.stderr);
}

#[test]
fn the_warning_comes_also_when_something_else_ends_the_run() {
    let place = Place::new();
    place.file("v.yaml", "EULA-AGREE: true\n");
    // Nothing listens there; it does not come to that.
    let install = ["install", "a", "--kube-apiserver", "http://127.0.0.1:9"];
    for command in [&["template", "a"][..], &["install", "a", "--dry-run=client"], &install] {
        let ran = place.run(&[command, &["-f", "v.yaml"]].concat());
        assert_eq!((ran.status, ran.stdout.as_str()), (65, ""), "{command:?}: {}", ran.stderr);
        let (warning, error) = (ran.stderr.find("MB2015"), ran.stderr.find("MB2004"));
        assert!(warning.is_some() && warning < error, "{command:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("v.yaml:1:1") && ran.stderr.contains("`EULA_AGREE`"), "{}", ran.stderr);
    }
}

#[test]
fn strict_makes_it_an_error_and_nothing_is_rendered() {
    let place = Place::new();
    place.file("v.yaml", &format!("{AGREE}core: {{replicas: 2}}\nnapcatt: {{}}\n"));
    let ran = place.run(&["template", "maimai", "-f", "v.yaml", "--strict"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (65, ""), "{}", ran.stderr);
    insta::assert_snapshot!("unknown_keys_strict", ran.stderr);
    let ran = place.run(&["install", "maimai", "-f", "v.yaml", "--strict", "--dry-run=client"]);
    assert_eq!(ran.status, 65, "{}", ran.stderr);
    place.file("good.yaml", AGREE);
    let ran = place.run(&["template", "maimai", "-f", "good.yaml", "--strict"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
}

#[test]
fn lint_tells_unknown_keys_and_fails_of_them_when_strict() {
    let place = with_chart(&[
        ("Chart.yaml", NAME),
        ("values.yaml", "port: 1\n"),
        ("templates/t.yaml", "# {{ .Values.port }}\n"),
    ]);
    place.file("v.yaml", "prot: 2\n");
    for chart in [&["chart"][..], &[]] {
        let ran = place.run(&[&["lint"], chart, &["-f", "v.yaml"]].concat());
        assert_eq!(ran.status, 0, "{chart:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("v.yaml:1:1") && ran.stderr.contains("^^^^"), "{}", ran.stderr);
        assert!(ran.stdout.contains("[WARNING] values.yaml: the chart does not know the key prot"), "{}", ran.stdout);
        let ran = place.run(&[&["lint", "--strict"], chart, &["-f", "v.yaml"]].concat());
        assert_eq!(ran.status, 1, "{chart:?}: {}", ran.stdout);
    }
}

#[test]
fn charts_named_maibot_are_looked_at_and_others_are_not() {
    let files = |name: &str| NAME.replace("maibot", name);
    for (name, warns) in [("maibot", true), ("web", false)] {
        let place = with_chart(&[("Chart.yaml", &files(name)), ("values.yaml", "port: 1\n")]);
        let ran = place.run(&["template", "a", "./chart", "--set", "prot=1"]);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        assert_eq!(ran.stderr.contains("MB2015"), warns, "{name}: {}", ran.stderr);
        let helm = place.run(&["template", "a", "./chart", "--set", "prot=1", "--helm-compat=4"]);
        assert_eq!(helm.stderr, "", "Helm says nothing");
    }
}

#[test]
fn a_machine_reads_the_warning_as_a_record() {
    let place = Place::new();
    let ran = place.run(&["template", "a", "--set", "corre.x=1", "--events=jsonl"]);
    let line = ran.stderr.lines().next().unwrap_or_default();
    let record: serde_json::Value =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr));
    assert_eq!(record["event"], "message");
    let text = record["text"].as_str().unwrap();
    assert!(text.starts_with("MB2015: --set: ") && text.contains("`core`"), "{text}");
}

/// Every values file of the project and every default of the chart is free of unknown keys.
#[test]
fn no_values_file_of_the_project_raises_an_alarm() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = [
        "values.yaml",
        "benches/values/all-on.yaml",
        "benches/values/defaults.yaml",
        "tests/charts/maibot-shape/values.yaml",
    ];
    for file in files {
        let path = root.join(file);
        for chart in [&[][..], &[root.join("tests/charts/maibot-shape").display().to_string()]] {
            let mut arguments = vec!["template", "a"];
            arguments.extend(chart.iter().map(String::as_str));
            let path = path.display().to_string();
            arguments.extend(["-f", &path, "--set", "EULA_AGREE=true,PRIVACY_AGREE=true"]);
            let ran = Place::new().run(&arguments);
            assert!(!ran.stderr.contains("MB2015"), "{arguments:?}: {}", ran.stderr);
        }
    }
}

/// The defaults of a published chart: those of 0.12.2, without what came later and with what went before.
fn defaults_of(version: &semver::Version) -> serde_json::Value {
    let facts = include_str!("../../conformance/official-chart/values-facts-0.12.2.json");
    let facts: serde_json::Value = serde_json::from_str(facts).unwrap();
    let has = |key: &PassingKey| {
        key.since.as_ref().is_none_or(|since| since <= version)
            && key.until.as_ref().is_none_or(|until| version <= until)
    };
    let mut defaults = serde_json::json!({});
    let mut put = |path: &str, value: serde_json::Value| {
        // A `Value` indexed by a key that is not there makes a map of it.
        *path.split('.').fold(&mut defaults, |place, key| &mut place[key]) = value;
    };
    let is_below = |path: &str, key: &PassingKey| path == key.path || path.starts_with(&format!("{}.", key.path));
    for (path, fact) in facts["keys"].as_object().unwrap() {
        if PassingKey::all().iter().filter(|key| is_below(path, key)).all(has) {
            // Of long texts the facts hold the digest only; any TOML does.
            let default = &fact["default"];
            put(path, if default.get("sha256").is_some() { "a = 1\n".into() } else { default.clone() });
        }
    }
    for key in PassingKey::all().iter().filter(|key| key.until.is_some() && has(key)) {
        put(&key.path, serde_json::Value::Null);
    }
    defaults
}

#[test]
fn the_defaults_of_every_published_chart_are_known_to_it_and_what_is_gone_is_named_in_ours() {
    let versions: Vec<_> = Versions::get().charts.iter().map(|chart| chart.chart.clone()).collect();
    assert_eq!(versions.len(), 11);
    for version in versions {
        let defaults = serde_json::to_string(&defaults_of(&version)).unwrap();
        let metadata = format!("apiVersion: v2\nname: maibot\nversion: {version}\n");
        let place = with_chart(&[("Chart.yaml", &metadata), ("values.yaml", &defaults)]);
        place.file("v.yaml", &defaults);
        let ran = place.run(&["template", "a", "./chart", "-f", "v.yaml"]);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{version}");
        let ran = place.run(&["template", "a", "-f", "v.yaml", "--set", "EULA_AGREE=true,PRIVACY_AGREE=true"]);
        assert_eq!(ran.status, 0, "{version}: {}", ran.stderr);
        let told: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("MB2015")).collect();
        let is_gone = |key: &&PassingKey| {
            key.until.as_ref().is_some_and(|until| version <= *until)
                && key.since.as_ref().is_none_or(|it| *it <= version)
        };
        let gone: Vec<_> = PassingKey::all().iter().filter(is_gone).collect();
        assert_eq!(told.len(), gone.len(), "{version}: {}", ran.stderr);
        for key in gone {
            let words = format!("`{}`; charts up to {} have it", key.path, key.until.as_ref().unwrap());
            assert!(told.iter().any(|line| line.contains(&words)), "{words}: {}", ran.stderr);
        }
    }
}

const SCHEMA: &str = r#"{"type": "object", "additionalProperties": false, "properties": {
    "global": {}, "sub": {}, "other": {},
    "port": {"type": "integer"},
    "麦麦": {"type": "object", "required": ["名字"], "properties": {"端口": {"maximum": 10}}},
    "token": {"type": "string", "pattern": "^[a-z]+$"},
    "level": {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 3}]},
    "broken": {"type": "string"}}}"#;

#[test]
fn values_that_break_the_schema_are_shown_where_they_were_given() {
    let place = with_chart(&[
        ("Chart.yaml", &NAME.replace("maibot", "web")),
        ("values.yaml", "port: 1\nbroken: 5\n"),
        ("values.schema.json", SCHEMA),
    ]);
    place.file("a.yaml", "port: 1\n麦麦: {端口: 5}\nextra: x\n");
    place.file("b.yaml", "# later\nport: 'http' # wide\n麦麦: {  标题: 好, 端口: 11}\ntoken: \"S3CRET-VALUE\"\n");
    let arguments = ["template", "a", "./chart", "-f", "a.yaml", "-f", "b.yaml", "--set-json", r#"{"level": [1]}"#];
    let ran = place.run(&arguments);
    assert_eq!((ran.status, ran.stdout.as_str()), (65, ""), "{}", ran.stderr);
    assert!(!ran.stderr.contains("S3CRET"), "{}", ran.stderr);
    insta::assert_snapshot!("schema_en", ran.stderr);
    let ran = place.run(&[&arguments[..], &["--lang=zh"]].concat());
    assert!(!ran.stderr.contains("S3CRET"), "{}", ran.stderr);
    insta::assert_snapshot!("schema_zh", ran.stderr);
    let helm = place.run(&[&arguments[..], &["--helm-compat=4"]].concat());
    assert!(!helm.stderr.contains("S3CRET") && helm.stderr.contains("- at '/port': got string"), "{}", helm.stderr);
}

#[test]
fn standard_input_is_named_and_short_secrets_are_hidden_too() {
    let place = with_chart(&[("Chart.yaml", NAME), ("values.schema.json", SCHEMA)]);
    let output = place.command(&["template", "a", "./chart", "-f", "-"]).write_stdin("token: 'A1'\n").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("<stdin>:1:8") && stderr.contains("does not match pattern"), "{stderr}");
    assert!(!stderr.contains("A1"), "{stderr}");
}

#[test]
fn a_subcharts_schema_points_to_the_alias_in_the_users_file() {
    let dependencies = "dependencies:\n- {name: db, version: 1.0.0, alias: store, repository: ''}\n";
    let place = with_chart(&[
        ("Chart.yaml", &format!("{}{dependencies}", NAME.replace("maibot", "web"))),
        ("charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n"),
        ("charts/db/schemas/port.json", r#"{"maximum": 10}"#),
        (
            "charts/db/values.schema.json",
            r#"{"properties": {"port": {"$ref": "schemas/port.json"}, "global": {"properties": {"g": {"type": "string"}}}}}"#,
        ),
    ]);
    place.file("v.yaml", "global:\n  g: 5\nstore:\n  port: 11\n");
    let ran = place.run(&["template", "a", "./chart", "-f", "v.yaml"]);
    assert_eq!(ran.status, 65, "{}", ran.stderr);
    for told in ["v.yaml:4:9: `store.port`: maximum: got 11, want 10", "v.yaml:2:6: `store.global.g`: got number"] {
        assert!(ran.stderr.contains(told), "{told}:\n{}", ran.stderr);
    }
}

/// Answers one request after another with the same JSON.
fn serve(text: &'static str) -> (std::net::SocketAddr, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&calls);
    std::thread::spawn(move || {
        for stream in listener.incoming().take(8) {
            let Ok(mut stream) = stream else { continue };
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let _ = stream.read(&mut [0; 4096]);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
            let _ = stream.write_all((head + text).as_bytes());
        }
    });
    (address, calls)
}

#[test]
fn a_schema_that_refers_to_the_network_is_followed_only_if_that_is_allowed() {
    let (address, calls) = serve(r#"{"required": ["a"]}"#);
    let schema = format!(r#"{{"$ref": "http://{address}/x.json"}}"#);
    let place = with_chart(&[("Chart.yaml", NAME), ("values.schema.json", &schema)]);
    let ran = place.run(&["template", "a", "./chart"]);
    assert_eq!(ran.status, 65, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("the schema of chart `maibot`") && ran.stderr.contains("own chart only"),
        "{}",
        ran.stderr
    );
    let called = || calls.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(called(), 0, "nobody was asked");
    for arguments in
        [&["template", "a", "./chart", "--allow-schema-refs"][..], &["template", "a", "./chart", "--helm-compat=4"]]
    {
        let before = called();
        let ran = place.run(arguments);
        assert!(ran.status != 0 && ran.stderr.contains("missing property 'a'"), "{arguments:?}: {}", ran.stderr);
        assert_eq!(called(), before + 1);
    }
    place.file("chart/Chart.yaml", &NAME.replace("maibot", "web"));
    let install = ["install", "a", "./chart", "--allow-schema-refs", "--dry-run=client", "--set", "a=1"];
    let ran = place.run(&install);
    assert_eq!(ran.status, 0, "in the middle of a runtime: {}", ran.stderr);
}

#[test]
fn a_schema_may_refer_to_other_files_of_this_machine_only_if_that_is_allowed() {
    let place = with_chart(&[("Chart.yaml", NAME), ("templates/t.yaml", "# {{ .Values.a }}\n")]);
    place.file("outside.json", r#"{"required": ["a"]}"#);
    let outside = place.path().join("outside.json").display().to_string();
    place.file("chart/values.schema.json", &format!(r#"{{"$ref": "file://{outside}"}}"#));
    let ran = place.run(&["template", "a", "./chart"]);
    assert!(ran.status == 65 && ran.stderr.contains("the chart has no file"), "{}", ran.stderr);
    let ran = place.run(&["lint", "./chart", "--allow-schema-refs"]);
    assert!(ran.status == 1 && ran.stdout.contains("missing property 'a'"), "{}{}", ran.stdout, ran.stderr);
    let ran = place.run(&["template", "a", "./chart", "--allow-schema-refs", "--set", "a=1"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
}

#[test]
fn a_million_prints_as_helm_prints_it_in_helms_charts_and_as_itself_in_ours() {
    let place = with_chart(&[
        ("Chart.yaml", &NAME.replace("maibot", "web")),
        (
            "templates/t.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {f: '{{ .Values.f }}', s: '{{ .Values.s }}'}\n",
        ),
    ]);
    place.file("v.yaml", "f: 1000000\n");
    let ran = place.run(&["template", "a", "./chart", "-f", "v.yaml", "--set", "s=1000000"]);
    assert!(ran.stdout.contains("data: {f: '1e+06', s: '1000000'}"), "{}{}", ran.stdout, ran.stderr);
    place.file("m.yaml", &format!("{AGREE}napcat: {{permission: {{uid: 1000000}}}}\n"));
    let ran = place.run(&["template", "a", "-f", "m.yaml", "-s", "templates/napcat/*.yaml"]);
    assert!(ran.stdout.contains("1000000") && !ran.stdout.contains("e+06"), "{}{}", ran.stdout, ran.stderr);
}
