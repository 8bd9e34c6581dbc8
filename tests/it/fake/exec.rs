//! Running programs: every way a stream can end.

use std::time::{Duration, Instant};

use futures::{SinkExt as _, StreamExt as _};
use maibot::cluster::exec::{Exec, ExecError, ExecOutcome};
use maibot::cluster::{Cluster, Error};
use maibot::code::Code;

use super::exec_server::{Break, How, Plan, Protocol, ended, on, refused, reset, run, scripted};
use super::server::{Answer, FakeServer};

const PATH: &str = "/api/v1/namespaces/bot/pods/core-0/exec";

fn exec(command: &[&str]) -> Exec {
    Exec { timeout: Duration::from_secs(20), ..Exec::new("bot", "core-0", "core", command) }
}

async fn server(plan: Plan) -> (FakeServer, Cluster) {
    let server = FakeServer::start().await;
    server.on("GET", PATH, move |request| run(request, &plan));
    let (cluster, _) = server.cluster().await;
    (server, cluster)
}

/// A server whose exec goes like this, once.
macro_rules! script {
    ($protocol:expr, |$socket:ident| $body:expr) => {{
        let server = FakeServer::start().await;
        server.on("GET", PATH, |request| {
            scripted(request, $protocol, |socket| async move {
                #[allow(unused_mut, reason = "some scripts only drop it")]
                let mut $socket = socket;
                $body
            })
        });
        let (cluster, _) = server.cluster().await;
        (server, cluster)
    }};
}

#[tokio::test]
async fn a_program_ends_with_its_output_and_its_status() {
    let (server, cluster) = server(Plan::new()).await;
    let outcome = cluster.exec(&exec(&["sh", "-c", "echo out; echo err >&2; exit 7"])).await.unwrap();
    assert_eq!(outcome, ExecOutcome { stdout: b"out\n".into(), stderr: b"err\n".into(), exit_code: 7 });
    let request = &server.requests()[0];
    assert_eq!(request.queries("command"), ["sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!(request.query("container"), Some("core"));
    assert_eq!(request.header("sec-websocket-protocol"), Some("v5.channel.k8s.io, v4.channel.k8s.io"));
}

#[tokio::test]
async fn much_input_and_much_output_at_once_do_not_block_each_other() {
    let (_server, cluster) = server(Plan::new()).await;
    let input: Vec<u8> = (0..4_000_000_u32).map(|number| (number % 251) as u8).collect();
    let echo = Exec { stdin: Some(input.clone()), output_limit: 8 << 20, ..exec(&["cat"]) };
    let outcome = cluster.exec(&echo).await.unwrap();
    assert_eq!(outcome.exit_code, 0);
    assert!(outcome.stdout == input);
}

#[tokio::test]
async fn a_program_that_does_not_read_its_input_ends_all_the_same() {
    let (_server, cluster) = server(Plan::new()).await;
    let deaf = Exec { stdin: Some(vec![0; 2 << 20]), ..exec(&["sh", "-c", "exit 3"]) };
    assert_eq!(cluster.exec(&deaf).await.unwrap().exit_code, 3);
}

#[tokio::test]
async fn an_end_without_a_status_is_a_failure_even_when_all_output_came() {
    for how in [How::Closed, How::Reset] {
        let (_server, cluster) = server(Plan { at: Break::Status, how, ..Plan::new() }).await;
        let error = cluster.exec(&exec(&["echo", "done"])).await.unwrap_err();
        assert!(matches!(error, ExecError::Broken { .. }), "{how:?}: {error:?}");
        assert_eq!(error.code(), Code::Stream);
    }
}

#[tokio::test]
async fn a_reset_in_the_middle_of_the_output_ends_the_run_at_once() {
    let began = Instant::now();
    let (_server, cluster) = server(Plan { at: Break::Output(3), kill: true, ..Plan::new() }).await;
    let error = cluster.exec(&exec(&["sh", "-c", "echo hello; sleep 30"])).await.unwrap_err();
    assert!(matches!(error, ExecError::Broken { .. }), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_missing_program_is_told_apart_from_one_that_fails() {
    let (_server, cluster) = server(Plan::new()).await;
    let error = cluster.exec(&exec(&["no-such-program-anywhere"])).await.unwrap_err();
    let ExecError::NoProgram { program, message } = error else { panic!("{error:?}") };
    assert_eq!(program, "no-such-program-anywhere");
    assert!(message.contains("executable file not found"), "{message}");

    // CRI-O lets it look like a program that ended.
    let (_server, cluster) = script!(Protocol::V5, |socket| {
        let text =
            b"time=... level=error msg=\"exec failed: unable to start container process: exec: \\\"python3\\\": \
            executable file not found in $PATH\"";
        socket.send(on(2, text)).await.unwrap();
        socket.send(on(3, ended(255).to_string().as_bytes())).await.unwrap();
    });
    let error = cluster.exec(&exec(&["python3"])).await.unwrap_err();
    assert!(matches!(error, ExecError::NoProgram { .. }), "{error:?}");

    let (_server, cluster) = script!(Protocol::V5, |socket| {
        let message = "error executing command in container: container is not running";
        socket.send(on(3, refused(message).to_string().as_bytes())).await.unwrap();
    });
    let error = cluster.exec(&exec(&["python3"])).await.unwrap_err();
    assert!(matches!(error, ExecError::Runtime { .. }), "{error:?}");
}

#[tokio::test]
async fn a_program_that_does_not_end_is_left_in_time() {
    let (_server, cluster) = server(Plan::new()).await;
    let slow = Exec { timeout: Duration::from_millis(300), ..exec(&["sleep", "30"]) };
    let began = Instant::now();
    let error = cluster.exec(&slow).await.unwrap_err();
    assert!(matches!(error, ExecError::TimedOut { .. }), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn a_program_that_prints_without_end_is_left_at_the_limit() {
    let (_server, cluster) = server(Plan::new()).await;
    for command in ["yes", "yes >&2"] {
        let chatty = Exec { output_limit: 100_000, ..exec(&["sh", "-c", command]) };
        let error = cluster.exec(&chatty).await.unwrap_err();
        assert!(matches!(error, ExecError::TooMuch { limit: 100_000, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn without_input_the_old_protocol_does_as_well() {
    let (_server, cluster) = server(Plan { protocol: Protocol::V4, ..Plan::new() }).await;
    let outcome = cluster.exec(&exec(&["sh", "-c", "echo out; exit 2"])).await.unwrap();
    assert_eq!((outcome.stdout.as_slice(), outcome.exit_code), (&b"out\n"[..], 2));
}

#[tokio::test]
async fn with_the_old_protocol_the_end_of_the_input_ends_everything_and_that_is_an_error() {
    let (_server, cluster) = server(Plan { protocol: Protocol::V4, ..Plan::new() }).await;
    let echo = Exec { stdin: Some(b"text".to_vec()), ..exec(&["cat"]) };
    let error = cluster.exec(&echo).await.unwrap_err();
    assert!(matches!(error, ExecError::Broken { .. }), "{error:?}");
}

#[tokio::test]
async fn output_that_comes_slowly_after_the_status_frame_is_sent_is_not_lost() {
    let (_server, cluster) = script!(Protocol::V5, |socket| {
        for _ in 0..200 {
            socket.send(on(1, &[b'x'; 1000])).await.unwrap();
        }
        socket.send(on(3, ended(0).to_string().as_bytes())).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    });
    let outcome = cluster.exec(&exec(&["anything"])).await.unwrap();
    assert_eq!(outcome.stdout.len(), 200_000);
}

#[tokio::test]
async fn a_reset_before_the_first_byte_is_a_broken_stream() {
    let (_server, cluster) = script!(Protocol::V5, |socket| reset(socket));
    let error = cluster.exec(&exec(&["anything"])).await.unwrap_err();
    assert!(matches!(error, ExecError::Broken { .. }), "{error:?}");
}

#[tokio::test]
async fn refusals_of_the_server_keep_their_meaning() {
    let server = FakeServer::start().await;
    let forbidden = "pods \"core-0\" is forbidden: User \"eve\" cannot create resource \"pods/exec\" in API group \"\" in \
        the namespace \"bot\"";
    server.once("GET", PATH, Answer::refusal(403, "Forbidden", forbidden));
    server.once("GET", PATH, Answer::refusal(404, "NotFound", "pods \"core-0\" not found"));
    server.once("GET", PATH, Answer::text(200, "text/plain", "hello"));
    let (cluster, _) = server.cluster().await;
    let error = cluster.exec(&exec(&["true"])).await.unwrap_err();
    assert_eq!(error.code(), Code::Forbidden, "{error:?}");
    let error = cluster.exec(&exec(&["true"])).await.unwrap_err();
    assert!(matches!(error, ExecError::Cluster(Error::NotFound { .. })), "{error:?}");
    let error = cluster.exec(&exec(&["true"])).await.unwrap_err();
    assert!(matches!(error, ExecError::Cluster(Error::Protocol { .. })), "{error:?}");
    assert_eq!(server.requests().len(), 3, "an exec is never repeated");
}

#[tokio::test]
async fn a_name_cannot_lead_the_request_elsewhere() {
    let (server, cluster) = server(Plan::new()).await;
    let elsewhere = Exec { pod: "../../nodes/x/proxy".to_owned(), ..exec(&["true"]) };
    let error = cluster.exec(&elsewhere).await.unwrap_err();
    assert!(matches!(error, ExecError::Cluster(Error::Request { .. })), "{error:?}");
    assert_eq!(server.requests().len(), 0);
}
