//! Following logs over connections that break.

use std::time::Duration;

use futures::StreamExt as _;
use maibot::cluster::Error;
use maibot::cluster::pods::{LogLine, LogOptions};
use maibot::code::Code;
use serde_json::{Value, json};

use super::server::{Answer, Cut, FakeServer};

const POD: &str = "/api/v1/namespaces/bot/pods/core-0";
const LOG: &str = "/api/v1/namespaces/bot/pods/core-0/log";

fn pod(state: &Value) -> Answer {
    Answer::ok(&json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "core-0", "namespace": "bot"},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "core"}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "core", "state": state}]},
    }))
}

fn running() -> Answer {
    pod(&json!({"running": {}}))
}

fn ended() -> Answer {
    pod(&json!({"terminated": {"exitCode": 0}}))
}

/// A piece of a log that ends like this.
fn piece(text: &str, end: Option<Cut>) -> Answer {
    let (sender, answer) = Answer::live();
    sender.send(Ok(text.as_bytes().to_vec())).unwrap();
    if let Some(end) = end {
        sender.send(Err(end)).unwrap();
    }
    answer
}

async fn follow(server: &FakeServer) -> Vec<Result<LogLine, Error>> {
    let (cluster, _) = server.cluster().await;
    let lines = cluster.follow_logs("bot", "core-0", LogOptions::default()).collect();
    tokio::time::timeout(Duration::from_secs(20), lines).await.expect("the log ends")
}

fn texts(lines: Vec<Result<LogLine, Error>>) -> Vec<String> {
    lines.into_iter().map(|line| line.unwrap().text).collect()
}

#[tokio::test]
async fn a_broken_log_goes_on_where_it_broke_without_repeating_a_line() {
    let server = FakeServer::start().await;
    let first = "2024-01-01T00:00:01.1Z one\n2024-01-01T00:00:01.2Z two\n2024-01-01T00:00:01.2Z twin\n2024-01-01T00:00:01.3Z th";
    // The server takes whole seconds, so everything of that second comes again.
    let second = "2024-01-01T00:00:01.1Z one\n2024-01-01T00:00:01.2Z two\n2024-01-01T00:00:01.2Z twin\n\
        2024-01-01T00:00:01.2Z triplet\n2024-01-01T00:00:01.3Z three\n2024-01-01T00:00:02Z \n2024-01-01T00:00:03Z  end\n";
    server.once("GET", LOG, piece(first, Some(Cut::Reset)));
    server.once("GET", LOG, piece(second, None));
    server.once("GET", POD, ended());
    assert_eq!(texts(follow(&server).await), ["one", "two", "twin", "triplet", "three", "", " end"]);
    let requests: Vec<_> = server.requests().into_iter().filter(|request| request.path == LOG).collect();
    assert_eq!(requests[0].query("sinceTime"), None);
    assert_eq!(requests[1].query("sinceTime"), Some("2024-01-01T00:00:01Z"));
    assert_eq!(requests[1].query("follow"), Some("true"));
}

#[tokio::test]
async fn a_log_that_ends_while_its_container_runs_is_opened_again() {
    let server = FakeServer::start().await;
    server.once("GET", LOG, piece("2024-01-01T00:00:01Z one\n", None));
    server.once("GET", POD, running());
    server.once("GET", LOG, piece("2024-01-01T00:00:01Z one\n2024-01-01T00:00:02Z two\n", None));
    server.once("GET", POD, ended());
    assert_eq!(texts(follow(&server).await), ["one", "two"]);
}

#[tokio::test]
async fn a_last_line_without_an_end_is_told_too() {
    let server = FakeServer::start().await;
    server.once("GET", LOG, piece("2024-01-01T00:00:01Z one\n2024-01-01T00:00:02Z half", None));
    server.once("GET", POD, ended());
    assert_eq!(texts(follow(&server).await), ["one", "half"]);
}

#[tokio::test]
async fn a_container_that_is_not_started_yet_is_waited_for() {
    let server = FakeServer::start().await;
    let message = "container \"core\" in pod \"core-0\" is waiting to start: ContainerCreating";
    server.once("GET", LOG, Answer::refusal(400, "BadRequest", message));
    server.once("GET", LOG, piece("2024-01-01T00:00:01Z one\n", None));
    server.once("GET", POD, ended());
    assert_eq!(texts(follow(&server).await), ["one"]);
}

#[tokio::test]
async fn the_log_of_a_pod_that_is_gone_ends() {
    let server = FakeServer::start().await;
    server.once("GET", LOG, piece("2024-01-01T00:00:01Z one\n", None));
    assert_eq!(texts(follow(&server).await), ["one"]);
}

#[tokio::test]
async fn a_refused_log_is_an_error_and_the_end() {
    let server = FakeServer::start().await;
    let message = "pods \"core-0\" is forbidden: User \"eve\" cannot get resource \"pods/log\" in API group \"\" in the \
        namespace \"bot\"";
    server.on("GET", LOG, move |_| Answer::refusal(403, "Forbidden", message));
    let lines = follow(&server).await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].as_ref().unwrap_err().code(), Code::Forbidden);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_replaced_and_lengths_bounded() {
    let server = FakeServer::start().await;
    server.on("GET", LOG, |request| {
        assert_eq!(request.query("previous"), Some("true"));
        Answer::Full { status: 200, headers: Vec::new(), body: [b"ab\xff".as_slice(), &[b'x'; 5000]].concat() }
    });
    let (cluster, _) = server.cluster().await;
    let options = LogOptions { previous: true, limit_bytes: Some(4), ..LogOptions::default() };
    assert_eq!(cluster.logs("bot", "core-0", &options).await.unwrap(), "ab\u{fffd}x");
}
