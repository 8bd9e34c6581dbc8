//! Wrong command lines: the report, the nearest right word, the exit status.

use super::Place;

#[test]
fn reports_of_wrong_command_lines_are_in_both_languages() {
    let place = Place::new();
    for (name, arguments) in [
        ("unknown_command", &["instal"][..]),
        ("unknown_flag", &["install", "a", "--crate-namespace"]),
        ("missing_value", &["list", "-n"]),
        ("bad_value", &["list", "-o", "jsn"]),
        ("bad_duration", &["install", "a", "--timeout", "5"]),
        ("missing_argument", &["status"]),
        ("too_many_arguments", &["history", "a", "b"]),
        ("conflict", &["install", "a", "--force-replace", "--force-conflicts"]),
        ("no_name", &["install"]),
        ("to_come", &["upgrade", "a"]),
        ("flag_to_come", &["install", "a", "--force-replace"]),
        ("other_chart", &["install", "a", "./chart"]),
        ("missing_file", &["template", "-f", "nowhere.yaml"]),
        ("unconfirmed", &["uninstall", "a", "--delete-data", "--confirm", "b"]),
        ("no_terminal", &["uninstall", "a", "--delete-data", "--yes"]),
    ] {
        let english = place.run(arguments).shown();
        let chinese = place.run(&[&["--lang=zh"], arguments].concat()).shown();
        insta::assert_snapshot!(name, format!("{english}\n{chinese}"));
    }
}

#[test]
fn a_report_in_the_event_stream_is_one_json_object() {
    let ran = Place::new().run(&["install", "a", "--crate-namespace", "--events", "jsonl"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (64, ""));
    let record: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(record["schema"], "maibot.events/1");
    assert_eq!(record["event"], "failure");
    assert_eq!(record["code"], "MB1001");
    assert_eq!(record["exit"], 64);
    assert!(record["next"][0].as_str().unwrap().contains("--create-namespace"));
    assert!(record["ts"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_cluster_that_nobody_runs_is_reported_in_seconds_with_its_address() {
    let place = Place::new();
    let started = std::time::Instant::now();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = format!("https://127.0.0.1:{port}");
    let ran = place.run(&["list", "--kube-apiserver", &server, "--kube-token", "topsecrettoken"]);
    assert!(started.elapsed().as_secs() < 30);
    assert_eq!((ran.status, ran.stdout.as_str()), (69, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("MB3002") && ran.stderr.contains(&server), "{}", ran.stderr);
    assert!(!ran.stderr.contains("topsecrettoken"), "{}", ran.stderr);
}

#[test]
fn a_missing_kubeconfig_says_where_was_looked() {
    let place = Place::new();
    let ran = place.run(&["list"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (69, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("MB3001") && ran.stderr.contains(".kube/config"), "{}", ran.stderr);
    let ran = place.run(&["list", "--kubeconfig", "nowhere"]);
    assert_eq!(ran.status, 69);
    assert!(ran.stderr.contains("nowhere"), "{}", ran.stderr);
}

#[test]
fn releases_outside_secrets_are_refused() {
    let ran = Place::new().command(&["list"]).env("HELM_DRIVER", "configmap").output().unwrap();
    assert_eq!(ran.status.code(), Some(64));
    assert!(String::from_utf8(ran.stderr).unwrap().contains("`configmap`"));
}
