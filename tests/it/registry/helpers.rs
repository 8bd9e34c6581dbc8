//! Credential helpers: programs that the credential file names, and nothing else.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;

use crate::cli::{Place, Ran};
use crate::fake::server::{Answer, FakeServer};

/// A place whose Helm file names the helper `test`, made of this shell script.
fn place(script: &str) -> Place {
    let place = Place::new();
    let path = place.file("bin/docker-credential-test", &format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    place.file(".config/helm/registry/config.json", r#"{"credsStore": "test"}"#);
    place
}

fn run(place: &Place, arguments: &[&str]) -> Ran {
    let path = format!("{}:/usr/bin:/bin", place.path().join("bin").display());
    Ran::of(place.command(arguments).env("PATH", path).output().unwrap())
}

/// A registry that lets in who comes with `header`.
async fn registry(header: &'static str) -> FakeServer {
    let server = FakeServer::start().await;
    server.on("GET", "/v2/*", move |request| match request.header("authorization") {
        Some(found) if found == header => Answer::text(200, "application/json", r#"{"tags": []}"#),
        _ => Answer::text(401, "text/plain", "").with_header("www-authenticate", "Basic realm=\"x\""),
    });
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helper_that_the_file_names_is_asked() {
    // user:secret
    let server = registry("Basic dXNlcjpzZWNyZXQ=").await;
    let reference = format!("oci://127.0.0.1:{}/a", server.port());
    let pull = ["pull", &reference, "--plain-http"];
    let knows = place(
        "[ \"$1\" = get ] && cat >asked && echo hello >&2 && echo '{\"Username\":\"user\",\"Secret\":\"secret\"}'",
    );
    let ran = run(&knows, &pull);
    // Let in, and then there is no version.
    assert_eq!(ran.status, 66, "{}", ran.shown());
    assert!(ran.stderr.contains("docker-credential-test: hello"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(knows.path().join("asked")).unwrap(), format!("127.0.0.1:{}", server.port()));

    let knows_not = place("echo 'credentials not found in native keychain'; exit 1");
    assert_eq!(run(&knows_not, &pull).status, 77);
    for (script, reason) in [
        ("echo '{\"Username\": \"user\", \"Secret\": \"hunter2\"'", "not the expected JSON"),
        ("echo no luck; exit 3", "no luck"),
        ("exit 3", "3"),
    ] {
        let ran = run(&place(script), &pull);
        assert_eq!(ran.status, 64, "{}", ran.shown());
        assert!(ran.stderr.contains(reason) && !ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
    let absent = Place::new();
    absent.file(".config/helm/registry/config.json", r#"{"credHelpers": {"127.0.0.1:1": "absent"}}"#);
    assert_eq!(run(&absent, &pull).status, 77, "a helper for another host is not asked");
    let absent = Place::new();
    absent.file(".config/helm/registry/config.json", r#"{"credsStore": "absent"}"#);
    let ran = run(&absent, &pull);
    assert!(ran.stderr.contains("docker-credential-absent get") && ran.status == 64, "{}", ran.shown());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_goes_to_the_helper_and_not_into_the_file() {
    let server = registry("Basic dXNlcjpzZWNyZXQ=").await;
    let host = format!("127.0.0.1:{}", server.port());
    let keeper = place(
        "case $1 in store) cat >kept;; erase) cat >erased;; *) echo 'credentials not found in native keychain'; exit 1;; esac",
    );
    let ran = run(&keeper, &["registry", "login", &host, "-u", "user", "-p", "secret", "--plain-http"]);
    assert_eq!(ran.status, 0, "{}", ran.shown());
    let kept = std::fs::read_to_string(keeper.path().join("kept")).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept, serde_json::json!({ "ServerURL": host, "Username": "user", "Secret": "secret" }));
    let file = std::fs::read_to_string(keeper.path().join(".config/helm/registry/config.json")).unwrap();
    assert_eq!(file, r#"{"credsStore": "test"}"#);
    assert_eq!(run(&keeper, &["registry", "logout", &host]).status, 0);
    assert_eq!(std::fs::read_to_string(keeper.path().join("erased")).unwrap(), host);
}
