//! `versions`: from the table inside the program, and from a registry when it is asked for.

use serde_json::Value;

use super::distribution::{Distribution, Options, Programs, package};
use crate::cli::{Place, Ran};
use crate::fake::server::{Answer, FakeServer};

fn json(ran: &Ran) -> Value {
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{}", ran.shown());
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn the_table_is_told_without_asking_anybody() {
    let place = Place::new();
    let listed = json(&place.run(&["versions", "-o", "json", "--maibot-chart", "oci://127.0.0.1:1/none"]));
    assert_eq!(listed["embedded"], "0.12.2+embedded.1");
    assert_eq!(listed["remote"], Value::Null);
    let charts = listed["charts"].as_array().unwrap();
    let embedded: Vec<&Value> = charts.iter().filter(|chart| chart["embedded"] == true).collect();
    assert_eq!(embedded.len(), 1);
    assert_eq!((&embedded[0]["chart"], &embedded[0]["config_home"]), (&"0.12.2".into(), &"claim".into()));
    let table = place.run(&["versions"]).stdout;
    for chart in charts {
        assert!(table.contains(chart["chart"].as_str().unwrap()), "{table}");
    }
}

#[test]
fn a_move_tells_what_it_brings_with_it() {
    let place = Place::new();
    let change = |moved: &Value, what: &str| {
        let changes = moved["changes"].as_array().unwrap();
        changes.iter().find(|change| change["what"] == what).cloned().unwrap_or_default()
    };
    let up = json(&place.run(&["versions", "--from", "0.11.5-beta", "-o", "json"]));
    assert_eq!((&up["to"], &up["downgrade"]), (&"0.12.2".into(), &false.into()));
    assert_eq!(change(&up, "bot_config.toml")["needs"], "migrate");
    assert_eq!(change(&up, "place of configuration")["to"], "claim");
    assert_eq!(change(&up, "EULA")["needs"], "agree");
    let down = json(&place.run(&["versions", "--from", "v0.12.2", "--to", "0.12.0", "-o", "json"]));
    assert_eq!(down["downgrade"], true);
    assert!(change(&down, "bot_config.toml")["needs"].as_str().unwrap().starts_with("restore a copy"));
    // The agreement is the same one.
    assert_eq!(change(&down, "EULA"), Value::Null);
    let nothing = json(&place.run(&["versions", "--from", "0.12.2+embedded.1", "-o", "json"]));
    assert_eq!(nothing["changes"], Value::Array(vec![]));
    for arguments in [&["--from", "9"][..], &["--to", "0.12.0"], &["--from", "0.12.0", "--to", "x"]] {
        let ran = place.run(&[&["versions"], arguments].concat());
        assert_eq!((ran.status, ran.stdout.as_str()), (64, ""), "{}", ran.shown());
    }
}

#[test]
fn the_registry_tells_which_charts_it_has() {
    let Some(programs) = Programs::find("the_registry_tells_which_charts_it_has") else { return };
    let place = Place::new();
    let registry = Distribution::start(&programs, Options { login: true, ..Options::default() });
    let login = ["--username", "user", "--password", "secret", "--plain-http"];
    for version in ["1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1", "1.9.0+b.1"] {
        let archive = package(&place, &programs, version);
        let ran = place.run(&[&["push", &archive, &registry.oci("charts")][..], &login].concat());
        assert_eq!(ran.status, 0, "{}", ran.shown());
    }
    let (web, none) = (registry.oci("charts/web"), registry.oci("charts/none"));
    let ask = |chart: &str, flags: &[&str]| {
        place.run(&[&["versions", "--remote", "--maibot-chart", chart][..], flags].concat())
    };
    let listed = json(&ask(&web, &[&["-o", "json"][..], &login].concat()));
    assert_eq!(listed["remote"]["reference"], web);
    let versions: Vec<&str> =
        listed["remote"]["versions"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!((versions[0], versions[1], versions[4]), ("2.0.0-rc.1", "1.10.0", "1.0.0"), "newest first");
    assert!(versions.contains(&"1.9.0+b.1"), "a plus again: {versions:?}");
    let table = ask(&web, &login);
    assert!(table.stdout.ends_with(&format!("{web} has: {}\n", versions.join(", "))), "{}", table.stdout);
    // What cannot be had is an error and no shorter list.
    for (chart, flags, status) in [
        (web.as_str(), &["--plain-http"][..], 77),
        (&web, &["--plain-http", "--username", "user", "--password", "wrong"], 77),
        (&none, &login, 66),
        ("oci://127.0.0.1:1/web", &["--plain-http"], 69),
        ("http://127.0.0.1:1/web", &[], 64),
    ] {
        let ran = ask(chart, flags);
        assert_eq!((ran.status, ran.stdout.as_str()), (status, ""), "{chart} {flags:?} {}", ran.shown());
        assert!(!ran.stderr.contains("wrong "), "{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_does_not_follow_the_pages_of_a_registry_elsewhere() {
    let (registry, other) = (FakeServer::start().await, FakeServer::start().await);
    let elsewhere = format!("<{}/v2/charts/web/tags/list?last=1.0.0>; rel=\"next\"", other.url());
    registry.on("GET", "/v2/charts/web/tags/list*", move |request| {
        if request.header("authorization").is_none() {
            return Answer::text(401, "text/plain", "").with_header("www-authenticate", "Basic realm=\"x\"");
        }
        let page = r#"{"name":"charts/web","tags":["1.0.0"]}"#;
        Answer::text(200, "application/json", page).with_header("link", &elsewhere)
    });
    other.on("GET", "/v2/charts/web/tags/list*", |_| Answer::text(200, "application/json", r#"{"tags":["9.9.9"]}"#));
    let place = Place::new();
    let chart = format!("oci://127.0.0.1:{}/charts/web", registry.port());
    let arguments = ["versions", "--remote", "--maibot-chart", &chart, "--plain-http"];
    let login = ["--username", "user", "--password", "secret"];
    let ran = tokio::task::block_in_place(|| place.run(&[&arguments[..], &login].concat()));
    assert!(registry.requests().iter().any(|request| request.header("authorization").is_some()), "{}", ran.shown());
    assert_eq!(ran.status, 76, "{}", ran.shown());
    assert!(other.requests().iter().all(|request| request.header("authorization").is_none()), "{}", ran.shown());
    assert!(!ran.shown().contains("secret"), "{}", ran.shown());
}
