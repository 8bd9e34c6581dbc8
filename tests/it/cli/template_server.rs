//! `template --dry-run=server` before a scripted API server: what servers say that a real one at hand does not.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fake::server::{Answer, Cut, FakeServer};

use super::{Place, Ran};

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ex}\n";
const MAPS: &str = "/api/v1/namespaces/bot/configmaps";

/// A chart with one template, as `./chart`.
fn chart(template: &str) -> Place {
    let place = Place::new();
    place.file("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 0.1.0\n");
    place.file("chart/templates/a.yaml", template);
    place
}

async fn run(place: &Place, server: &FakeServer, further: &[&str]) -> Ran {
    let arguments = [&["template", "rel", "./chart", "--dry-run=server", "-n", "bot"], further].concat();
    let mut command = place.command(&arguments);
    command.env("HELM_KUBEAPISERVER", server.url());
    tokio::task::spawn_blocking(move || Ran::of(command.output().unwrap())).await.unwrap()
}

/// A server of Kubernetes 1.25, which tells one group version after another.
async fn old_server() -> FakeServer {
    let server = FakeServer::start().await;
    let version = json!({"major": "1", "minor": "25+", "gitVersion": "v1.25.16-eks-1"});
    server.on("GET", "/version", move |_| Answer::ok(&version));
    server.on("GET", "/api", |_| Answer::ok(&json!({"kind": "APIVersions", "versions": ["v1"]})));
    server.on("GET", "/apis", |_| {
        Answer::ok(&json!({"kind": "APIGroupList", "groups": [
            {"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]},
            {"name": "metrics.k8s.io", "versions": [{"groupVersion": "metrics.k8s.io/v1beta1", "version": "v1beta1"}]}
        ]}))
    });
    server.on("GET", "/api/v1", |_| {
        resources(
            "v1",
            &json!([
                {"name": "configmaps", "kind": "ConfigMap", "namespaced": true},
        {"name": "secrets", "kind": "Secret", "namespaced": true},
                {"name": "pods/eviction", "kind": "Eviction", "group": "policy", "version": "v1", "namespaced": true}
            ]),
        )
    });
    server.on("GET", "/apis/apps/v1", |_| {
        resources("apps/v1", &json!([{"name": "deployments", "kind": "Deployment", "namespaced": true}]))
    });
    server.on("GET", "/apis/metrics.k8s.io/v1beta1", |_| {
        Answer::refusal(503, "ServiceUnavailable", "the server is unable")
    });
    server
}

fn resources(group_version: &str, resources: &Value) -> Answer {
    Answer::ok(&json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": resources}))
}

fn missing(server: &FakeServer) {
    server.on("GET", &format!("{MAPS}/ex"), |_| Answer::refusal(404, "NotFound", "configmaps \"ex\" not found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_server_is_asked_group_by_group_and_an_api_out_of_order_is_named() {
    let server = old_server().await;
    missing(&server);
    server.on("PATCH", &format!("{MAPS}/ex"), |request| Answer::ok(&request.json()));
    let place = chart(&format!(
        "{MAP}data:\n  kube: {{{{ .Capabilities.KubeVersion }}}}\n  minor: {{{{ .Capabilities.KubeVersion.Minor | quote }}}}\n  \
         apis: {{{{ .Capabilities.APIVersions | join \" \" }}}}\n"
    ));
    let ran = run(&place, &server, &[]).await;
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    for fact in [
        "kube: v1.25.16-eks-1",
        "minor: \"25+\"",
        "apis: apps/v1 apps/v1/Deployment metrics.k8s.io/v1beta1 v1 v1/ConfigMap v1/Eviction v1/Secret\n",
    ] {
        assert!(ran.stdout.contains(fact), "{fact}: {}", ran.stdout);
    }
    assert!(ran.stderr.contains("metrics.k8s.io/v1beta1: "), "{}", ran.stderr);
    let helm = run(&place, &server, &["--helm-compat=4"]).await;
    assert!(
        helm.stderr.contains("level=WARN msg=\"the kubernetes server has an orphaned API service\" error="),
        "{}",
        helm.stderr
    );

    // What is written is only tried, and the rest is reading.
    let writes: Vec<_> = server.requests().into_iter().filter(|request| request.method != "GET").collect();
    assert_eq!(writes.len(), 1, "Helm sends none");
    assert_eq!((writes[0].query("dryRun"), writes[0].query("fieldValidation")), (Some("All"), Some("Strict")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_cannot_be_tried_leaves_its_objects_unchecked() {
    let server = old_server().await;
    missing(&server);
    server.on("PATCH", &format!("{MAPS}/ex"), |_| {
        Answer::refusal(400, "BadRequest", "admission webhook \"policy.example\" does not support dry run")
    });
    let ran = run(&chart(MAP), &server, &["--lang=zh"]).await;
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("ConfigMap/ex") && ran.stderr.contains("policy.example"), "{}", ran.stderr);
    assert!(ran.stdout.contains("name: ex"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_that_is_cut_off_ends_the_render_with_what_happened() {
    let server = old_server().await;
    server.on("GET", &format!("{MAPS}/it"), |_| Answer::Cut(Cut::Close));
    let place = chart("x: {{ lookup \"v1\" \"ConfigMap\" \"bot\" \"it\" }}\n");
    let ran = run(&place, &server, &[]).await;
    assert_ne!(ran.status, 0);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("MB2006") && ran.stderr.contains("lookup"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_a_secret_is_masked_in_the_words_of_a_chart() {
    let server = old_server().await;
    server.on("GET", "/api/v1/namespaces/bot/secrets/key", |_| {
        Answer::ok(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "data": {"a": "b3Blbi1zZXNhbWU="}}))
    });
    let place = chart("{{ fail (printf \"not %s\" ((lookup \"v1\" \"Secret\" \"bot\" \"key\").data.a | b64dec)) }}\n");
    let ran = run(&place, &server, &[]).await;
    assert_ne!(ran.status, 0);
    assert!(ran.stderr.contains("not ") && !ran.stderr.contains("sesame"), "{}", ran.stderr);
}

/// An interrupt is heard although the template waits for a server that says nothing.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_a_look_up_that_is_not_answered() {
    let server = old_server().await;
    server.on("GET", &format!("{MAPS}/it"), |_| Answer::Cut(Cut::Silence));
    let place = chart("x: {{ lookup \"v1\" \"ConfigMap\" \"bot\" \"it\" }}\n");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_maibot"));
    super::scrub(|name| {
        command.env_remove(name);
    });
    command
        .args(["template", "rel", "./chart", "--dry-run=server", "-n", "bot"])
        .env("HOME", place.path())
        .env("HELM_KUBEAPISERVER", server.url())
        .current_dir(place.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    let began = std::time::Instant::now();
    while !server.lines().iter().any(|line| line.ends_with("/it")) {
        assert!(began.elapsed() < Duration::from_mins(1), "it was never looked up");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert!(began.elapsed() < Duration::from_mins(1));
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"");
}
