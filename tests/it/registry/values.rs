//! Values files at addresses, beside real Helm.

use super::distribution::{Programs, helm};
use super::real::shown;
use crate::cli::{Place, Ran};
use crate::fake::server::{Answer, FakeServer};

fn chart(place: &Place) {
    place.file("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    place.file("web/values.yaml", "a: default\n");
    place.file("web/templates/a.yaml", "kind: A\nvalues: {{ .Values | toJson | quote }}\n");
    place.file("local.yaml", "a: local\nlocal: 1\n");
}

async fn server() -> FakeServer {
    let server = FakeServer::start().await;
    server.on("GET", "/values.yaml", |_| Answer::text(200, "text/yaml", "a: remote\nremote: 1000000\n"));
    server.on("GET", "/list.yaml", |_| Answer::text(200, "text/yaml", "- a\n"));
    server.on("GET", "/broken.yaml", |_| Answer::text(200, "text/yaml", "a: [\n"));
    server.on("GET", "/text", |_| Answer::text(200, "text/plain", "one, two\nthree"));
    server.on("GET", "/empty.yaml", |_| Answer::text(200, "text/yaml", ""));
    server.on("GET", "/moved.yaml", |_| Answer::text(302, "text/plain", "").with_header("location", "/values.yaml"));
    server
}

/// Runs off the thread that the scripted server lives on.
fn ours(place: &Place, arguments: &[&str]) -> Ran {
    tokio::task::block_in_place(|| place.run(arguments))
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_from_addresses_as_with_helm() {
    let Some(programs) = Programs::find("values_come_from_addresses_as_with_helm") else { return };
    let server = server().await;
    let at = |path: &str| format!("{}{path}", server.url());
    let (values, text) = (at("/values.yaml"), format!("text={}", at("/text")));
    let (missing, moved) = (at("/missing.yaml"), at("/moved.yaml"));
    for arguments in [
        &["template", "mai", "web", "-f", values.as_str()][..],
        &["template", "mai", "web", "-f", "local.yaml", "-f", &values],
        &["template", "mai", "web", "-f", &values, "-f", "local.yaml", "-f", &values],
        &["template", "mai", "web", "-f", &format!("{values},local.yaml")],
        &["template", "mai", "web", "-f", &at("/empty.yaml"), "--set-file", &text],
        &["template", "mai", "web", "--set-file", &text, "--set", "text=lost"],
        &["template", "mai", "web", "-f", &moved],
        &["template", "mai", "web", "-f", &missing],
        &["template", "mai", "web", "-f", &at("/list.yaml")],
        &["template", "mai", "web", "-f", &at("/broken.yaml")],
        &["template", "mai", "web", "-f", "http://127.0.0.1:1/values.yaml"],
        &["template", "mai", "web", "--set-file", &format!("text={missing}")],
        &["template", "mai", "web", "--set-file", "text=nowhere"],
        &["template", "mai", "web", "-f", "nowhere"],
        &["install", "mai", "web", "--dry-run=client", "-f", &missing],
        &["lint", "web", "-f", &values],
        &["lint", "web", "-f", &missing],
    ] {
        for (compat, program) in programs.helms() {
            let (here, there) = (Place::new(), Place::new());
            chart(&here);
            chart(&there);
            let expected = tokio::task::block_in_place(|| helm(&there, program, arguments));
            let ran = ours(&here, &[arguments, &["--helm-compat", compat]].concat());
            assert_eq!(shown(&ran, &here), shown(&expected, &there), "helm {compat} {arguments:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_login_but_the_one_in_the_address_goes_along() {
    let server = server().await;
    let place = Place::new();
    chart(&place);
    let login = ["--username", "user", "--password", "hunter2"];
    let address = format!("{}/values.yaml", server.url());
    let ran = ours(&place, &[&["template", "mai", "web", "-f", &address][..], &login].concat());
    assert_eq!(ran.status, 0, "{}", ran.shown());
    assert_eq!(server.requests()[0].header("authorization"), None);

    let with_login = address.replacen("http://", "http://us%20er:p%40ss@", 1);
    let ran = ours(&place, &["template", "mai", "web", "-f", &with_login]);
    assert_eq!(ran.status, 0, "{}", ran.shown());
    // "us er:p@ss".
    assert_eq!(server.requests()[1].header("authorization"), Some("Basic dXMgZXI6cEBzcw=="));

    // A redirect to another host does not take it along, and nothing shows it.
    let other = FakeServer::start().await;
    let elsewhere = address.clone();
    other.on("GET", "/moved", move |_| Answer::text(302, "text/plain", "").with_header("location", &elsewhere));
    let moved = format!("{}/moved", other.url()).replacen("http://", "http://user:hunter2@", 1);
    assert_eq!(ours(&place, &["template", "mai", "web", "-f", &moved]).status, 0);
    assert_eq!(other.requests()[0].header("authorization"), Some("Basic dXNlcjpodW50ZXIy"));
    assert_eq!(server.requests()[2].header("authorization"), None);
    for path in ["missing.yaml", "list.yaml", "broken.yaml"] {
        let address = format!("{}/{path}", server.url()).replacen("http://", "http://user:hunter2@", 1);
        for compat in [&[][..], &["--helm-compat=4"]] {
            let ran = ours(&place, &[&["template", "mai", "web", "-f", &address, "--debug"], compat].concat());
            assert_ne!(ran.status, 0);
            assert!(!ran.shown().contains("hunter2"), "{}", ran.shown());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_not_to_be_fetched_is_refused() {
    let server = server().await;
    server.on("GET", "/large.yaml", |_| Answer::Full { status: 200, headers: vec![], body: vec![b'#'; 17 << 20] });
    let place = Place::new();
    chart(&place);
    let large = format!("{}/large.yaml", server.url());
    let ran = ours(&place, &["template", "mai", "web", "-f", &large]);
    assert_eq!(ran.status, 76, "{}", ran.shown());
    assert!(ran.stderr.contains("larger than 16777216 bytes"), "{}", ran.stderr);
    let asked = server.requests().len();
    let offline = ours(&place, &["template", "mai", "web", "-f", &large, "--offline"]);
    assert_ne!(offline.status, 0);
    assert_eq!(server.requests().len(), asked, "nobody was asked");
    let registry = ours(&place, &["template", "mai", "web", "-f", "oci://127.0.0.1:1/a"]);
    assert!(registry.status != 0 && registry.stderr.contains("http"), "{}", registry.shown());
}
