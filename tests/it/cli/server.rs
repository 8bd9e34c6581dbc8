//! Commands before a scripted API server: what they print where when it answers, refuses, warns.

use serde_json::{Value, json};

use crate::fake::server::{Answer, FakeServer};

use super::{Place, Ran};

const SECRETS: &str = "/api/v1/namespaces/bot/secrets";

/// Runs the program beside the server, which needs this thread's runtime.
async fn run(server: &FakeServer, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let place = Place::new();
    let mut command = place.command(arguments);
    command.envs(variables.iter().copied()).env("HELM_KUBEAPISERVER", server.url());
    tokio::task::spawn_blocking(move || Ran::of(command.output().unwrap())).await.unwrap()
}

fn names(kind: &str, names: &[&str]) -> Value {
    let items: Vec<Value> = names
        .iter()
        .map(|name| json!({"metadata": {"name": format!("sh.helm.release.v1.{name}.v1"), "labels": {"name": name}}}))
        .collect();
    json!({"apiVersion": "meta.k8s.io/v1", "kind": kind, "metadata": {"resourceVersion": "1"}, "items": items})
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_of_the_namespace_of_the_line_are_offered() {
    let server = FakeServer::start().await;
    server.on("GET", SECRETS, |_| {
        Answer::ok(&names("PartialObjectMetadataList", &["maimai", "other", "maimai", "mai2"]))
    });
    let line = ["--", "maibot", "status", "-n", "bot", "mai"];
    let ask = [("MAIBOT_COMPLETE", "bash"), ("_CLAP_IFS", "\n"), ("_CLAP_COMPLETE_INDEX", "4")];
    let ran = run(&server, &line, &ask).await;
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str(), ran.status), ("mai2\nmaimai", "", 0));
    assert_eq!(server.lines(), [format!("GET {SECRETS}")], "one request, for metadata only");
    assert!(server.requests()[0].header("accept").unwrap().contains("PartialObjectMetadata"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_silences_the_completion_and_is_reported_by_the_command() {
    let server = FakeServer::start().await;
    let message = "secrets is forbidden: User \"mai\" cannot list resource \"secrets\" in API group \"\" in the namespace \"bot\"";
    server.on("GET", SECRETS, move |_| Answer::refusal(403, "Forbidden", message));
    let line = ["--", "maibot", "status", "-n", "bot", "mai"];
    let ask = [("MAIBOT_COMPLETE", "bash"), ("_CLAP_IFS", "\n"), ("_CLAP_COMPLETE_INDEX", "4")];
    let ran = run(&server, &line, &ask).await;
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str(), ran.status), ("", "", 0));

    let ran = run(&server, &["list", "-n", "bot", "--lang=zh"], &[]).await;
    assert_eq!((ran.stdout.as_str(), ran.status), ("", 77), "{}", ran.stderr);
    for fact in ["MB3004", "`mai`", "`list`", "`secrets`", "`bot`"] {
        assert!(ran.stderr.contains(fact), "{fact} in {}", ran.stderr);
    }
    let ran = run(&server, &["list", "-n", "bot", "--helm-compat=4"], &[]).await;
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.starts_with("Error: ") && ran.stderr.contains(message), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_releases_are_an_empty_table_or_an_empty_list() {
    let server = FakeServer::start().await;
    server.on("GET", SECRETS, |_| {
        Answer::ok(&json!({"apiVersion": "v1", "kind": "SecretList", "metadata": {}, "items": []}))
    });
    let list = async |arguments: &[&str]| {
        let ran = run(&server, &[&["list", "-n", "bot"], arguments].concat(), &[]).await;
        assert_eq!((ran.stderr.as_str(), ran.status), ("", 0));
        ran.stdout
    };
    assert_eq!(list(&[]).await, "NAME\tNAMESPACE\tREVISION\tUPDATED\tSTATUS\tCHART\tAPP VERSION\n");
    assert_eq!(list(&["--no-headers"]).await, "\n");
    assert_eq!(list(&["-o", "json"]).await, "[]\n");
    assert_eq!(list(&["-o", "yaml"]).await, "[]\n");
    assert_eq!(list(&["-q"]).await, "");
    let ran = run(&server, &["history", "maimai", "-n", "bot"], &[]).await;
    assert_eq!((ran.stdout.as_str(), ran.status), ("", 66));
    assert!(ran.stderr.contains("MB4001") && ran.stderr.contains("`maimai`"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_of_the_server_go_to_stderr_in_every_shape() {
    let server = FakeServer::start().await;
    server.on("GET", SECRETS, |_| {
        Answer::ok(&json!({"apiVersion": "v1", "kind": "SecretList", "metadata": {}, "items": []}))
            .with_header("Warning", "299 - \"this is going away\"")
    });
    let ran = run(&server, &["list", "-n", "bot", "-q"], &[]).await;
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "warning: the API server says: this is going away\n"));
    let ran = run(&server, &["list", "-n", "bot", "-q", "--quiet"], &[]).await;
    assert_eq!(ran.stderr, "");
    let ran = run(&server, &["list", "-n", "bot", "-q"], &[("MAIBOT_EVENTS", "jsonl")]).await;
    let record: Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!((&record["event"], &record["level"]), (&json!("message"), &json!("warning")));
    let ran = run(&server, &["list", "-n", "bot", "-q", "--helm-compat=4"], &[]).await;
    assert!(
        ran.stderr.starts_with('W') && ran.stderr.ends_with("warnings.go:70] this is going away\n"),
        "{}",
        ran.stderr
    );
}
