//! The connection: retries, refusals, warnings, time limits.

use std::time::{Duration, Instant};

use maibot::cluster::{Cause, Error, KubeSettings, Resource, Signal, Token, WriteOptions};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::server::{Answer, Cut, FakeServer, connect, quick_limits};

const POD: &str = "/api/v1/namespaces/bot/pods/core-0";
const PODS: &str = "/api/v1/namespaces/bot/pods";

fn pod() -> Resource {
    Resource::known("v1", "Pod").unwrap()
}

fn core() -> Answer {
    Answer::ok(&json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "name": "core-0" } }))
}

async fn read(server: &FakeServer) -> Result<Value, Error> {
    server.cluster().await.0.get(&pod(), Some("bot"), "core-0").await
}

async fn create(server: &FakeServer) -> Result<Value, Error> {
    let object = json!({ "metadata": { "name": "core-0" } });
    server.cluster().await.0.create(&pod(), Some("bot"), &object, &WriteOptions::default()).await
}

async fn refused_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port()
}

fn unreachable(error: Error) -> maibot::cluster::Unreachable {
    assert_eq!(error.code().id(), "MB3002", "{error:?}");
    match error {
        Error::Unreachable(unreachable) => *unreachable,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_connection_sends_nothing_by_itself() {
    let server = FakeServer::start().await;
    let (cluster, heard) = server.cluster().await;
    assert_eq!(cluster.requests(), 0);
    assert_eq!(server.connections(), 0);
    assert_eq!(heard.all(), Vec::<Signal>::new());
}

#[tokio::test]
async fn a_refused_connection_is_answered_in_seconds_with_address_and_cause() {
    let port = refused_port().await;
    // The real limits: this is what a user waits.
    let settings = KubeSettings { server: Some(format!("http://127.0.0.1:{port}")), ..KubeSettings::default() };
    let (cluster, _) = connect(&settings).await.unwrap();
    let started = Instant::now();
    let error = cluster.version().await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(
        error.to_string(),
        format!(
            "Kubernetes cluster unreachable: http://127.0.0.1:{port}: tcp connect error: Connection refused (os error 111)"
        )
    );
    let unreachable = unreachable(error);
    assert_eq!((unreachable.cause, unreachable.sent), (Cause::Refused, false));
}

#[tokio::test]
async fn a_wrong_name_is_answered_at_once() {
    // A label of more than 63 letters is refused by the resolver itself, so that no name server is asked.
    let name = "a".repeat(64);
    let settings = KubeSettings { server: Some(format!("http://{name}:6443")), ..KubeSettings::default() };
    let (cluster, heard) = connect(&settings).await.unwrap();
    let started = Instant::now();
    let error = cluster.version().await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(3));
    let unreachable = unreachable(error);
    assert_eq!((unreachable.cause, unreachable.sent), (Cause::Name, false), "{unreachable:?}");
    assert_eq!(unreachable.address, format!("http://{name}:6443"));
    assert_eq!(heard.all(), [], "a name that does not resolve is not tried again");
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_given_up_in_time() {
    // A full backlog: the kernel drops further connection attempts.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    for _ in 0..16 {
        match tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
            Ok(stream) => waiting.push(stream.unwrap()),
            Err(_) => break,
        }
    }
    let mut settings = KubeSettings { server: Some(format!("http://{address}")), ..KubeSettings::default() };
    settings.limits = quick_limits();
    settings.limits.connect = Duration::from_millis(300);
    let (cluster, _) = connect(&settings).await.unwrap();
    let started = Instant::now();
    let unreachable = unreachable(cluster.version().await.unwrap_err());
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!((unreachable.cause, unreachable.sent), (Cause::Timeout, false), "{unreachable:?}");
    drop(waiting);
}

#[tokio::test]
async fn a_silent_server_is_given_up_in_time() {
    let server = FakeServer::start().await;
    server.on("GET", POD, |_| Answer::Cut(Cut::Silence));
    let mut settings = server.settings();
    settings.limits.answer = Duration::from_millis(200);
    let (cluster, _) = connect(&settings).await.unwrap();
    let error = cluster.get(&pod(), Some("bot"), "core-0").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("no answer from {} within 0.2 s (Pod/core-0 in namespace bot)", server.url())
    );
    assert!(error.is_ambiguous());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_answer_that_stops_in_its_body_is_given_up_in_time() {
    let server = FakeServer::start().await;
    let mut chunks = Vec::new();
    server.on("GET", POD, {
        let (sender, answer) = Answer::live();
        sender.send(Ok(b"{".to_vec())).unwrap();
        chunks.push(sender);
        let mut answer = Some(answer);
        move |_| answer.take().unwrap()
    });
    let mut settings = server.settings();
    settings.limits.answer = Duration::from_millis(200);
    let (cluster, _) = connect(&settings).await.unwrap();
    let error = cluster.get(&pod(), Some("bot"), "core-0").await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_busy_for_a_moment_is_asked_again() {
    let server = FakeServer::start().await;
    for code in [503, 429, 504] {
        server.once("GET", POD, Answer::refusal(code, "", "wait"));
    }
    server.on("GET", POD, |_| core());
    let (cluster, heard) = server.cluster().await;
    cluster.get(&pod(), Some("bot"), "core-0").await.unwrap();
    assert_eq!(cluster.requests(), 4, "retries count");
    let causes: Vec<_> = heard
        .all()
        .into_iter()
        .map(|signal| match signal {
            Signal::Retry { cause, .. } => cause,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(causes, ["503 Service Unavailable", "429 Too Many Requests", "504 Gateway Timeout"]);
}

#[tokio::test]
async fn what_is_not_idempotent_is_repeated_only_if_the_server_says_so() {
    let server = FakeServer::start().await;
    server.once("POST", PODS, Answer::refusal(429, "TooManyRequests", "slow down"));
    server.once("POST", PODS, Answer::refusal(503, "", "not now").with_header("retry-after", "0"));
    server.once("POST", PODS, Answer::refusal(503, "ServiceUnavailable", "who knows what was done"));
    let error = create(&server).await.unwrap_err();
    let Error::Server { status, message, .. } = &error else { panic!("{error:?}") };
    assert_eq!((*status, message.as_str()), (503, "who knows what was done"));
    assert_eq!(error.code().id(), "MB3008");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn retry_after_is_honoured_but_capped() {
    let server = FakeServer::start().await;
    server.once("GET", POD, Answer::refusal(429, "TooManyRequests", "slow").with_header("retry-after", "1"));
    server.once("GET", POD, Answer::refusal(429, "TooManyRequests", "slow").with_header("retry-after", "3600"));
    server.on("GET", POD, |_| core());
    let mut settings = server.settings();
    settings.limits.longest_delay = Duration::from_millis(1200);
    settings.limits.retries = Duration::from_secs(10);
    let (cluster, heard) = connect(&settings).await.unwrap();
    cluster.get(&pod(), Some("bot"), "core-0").await.unwrap();
    let delays: Vec<_> = heard
        .all()
        .into_iter()
        .map(|signal| match signal {
            Signal::Retry { delay, .. } => delay.as_millis(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(delays, [1000, 1200]);
}

#[tokio::test]
async fn a_server_that_goes_on_asking_to_slow_down_is_given_up() {
    let server = FakeServer::start().await;
    server.on("*", "*", |_| Answer::refusal(429, "TooManyRequests", "slow").with_header("retry-after", "7"));
    let started = Instant::now();
    let error = read(&server).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(4));
    assert_eq!(error, Error::TooManyRequests { message: "slow".into(), retry_after: Some(Duration::from_secs(7)) });
    assert_eq!(error.code().id(), "MB3008");
    assert!((3..12).contains(&server.requests().len()), "{}", server.requests().len());
}

#[tokio::test]
async fn a_server_that_fails_for_good_is_given_up_soon() {
    let server = FakeServer::start().await;
    server.on("*", "*", |_| Answer::refusal(500, "InternalError", "failed calling webhook \"a.b\""));
    let error = read(&server).await.unwrap_err();
    assert_eq!(error.to_string(), "the API server failed (500): failed calling webhook \"a.b\"");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn what_the_servers_storage_lost_is_sent_again_once() {
    let server = FakeServer::start().await;
    let lost = || Answer::refusal(500, "InternalError", "etcdserver: leader changed");
    server.once("POST", PODS, lost());
    server.once("POST", PODS, core());
    create(&server).await.unwrap();
    server.on("POST", PODS, move |_| lost());
    assert!(create(&server).await.unwrap_err().is_ambiguous());
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_cut_connection_is_tried_again_for_reading_and_left_open_for_creating() {
    for cut in [Cut::Close, Cut::Reset] {
        let server = FakeServer::start().await;
        server.once("GET", POD, Answer::Cut(cut));
        server.on("GET", POD, |_| core());
        read(&server).await.unwrap();
        assert_eq!(server.requests().len(), 2, "{cut:?}");

        server.on("POST", PODS, move |_| Answer::Cut(cut));
        let error = create(&server).await.unwrap_err();
        assert!(error.is_ambiguous(), "{error:?}");
        let unreachable = unreachable(error);
        assert_eq!((unreachable.cause, unreachable.sent), (Cause::Cut, true), "{unreachable:?}");
        assert_eq!(server.requests().len(), 3, "{cut:?}: nobody knows whether the object was created");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_asked_for_again_but_not_for_ever() {
    let server = FakeServer::start().await;
    let half = || {
        Answer::Raw(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{\"kind\"".to_vec(),
        )
    };
    server.once("GET", POD, half());
    server.once("GET", POD, core());
    read(&server).await.unwrap();
    assert_eq!(server.requests().len(), 2);
    server.on("GET", POD, move |_| half());
    let unreachable = unreachable(read(&server).await.unwrap_err());
    assert_eq!((unreachable.cause, unreachable.sent), (Cause::Cut, true), "{unreachable:?}");
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn a_server_that_restarts_is_waited_for() {
    let server = FakeServer::start().await;
    server.on("GET", POD, |_| core());
    let port = server.port();
    let (cluster, heard) = server.cluster().await;
    cluster.get(&pod(), Some("bot"), "core-0").await.unwrap();
    drop(server);
    let later = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let server = FakeServer::start_on(port).await;
        server.on("POST", PODS, |_| core());
        server
    };
    let object = json!({ "metadata": { "name": "core-0" } });
    let options = WriteOptions::default();
    let pod = pod();
    let (server, created) = tokio::join!(later, cluster.create(&pod, Some("bot"), &object, &options));
    created.unwrap();
    assert_eq!(server.requests().len(), 1, "a refused connection was never used, so even a POST is sent again");
    assert!(heard.all().len() >= 2);
}

#[tokio::test]
async fn warnings_of_the_server_are_told_once() {
    let server = FakeServer::start().await;
    server.on("GET", POD, |_| {
        core()
            .with_header("warning", "299 - \"v1 Pod is \\\"old\\\"\"")
            .with_header("warning", "299 - \"second\"")
            .with_header("warning", "nonsense")
    });
    let (cluster, heard) = server.cluster().await;
    for _ in 0..3 {
        cluster.get(&pod(), Some("bot"), "core-0").await.unwrap();
    }
    let warning = |text: &str| Signal::Warning { text: text.into() };
    assert_eq!(heard.all(), [warning("v1 Pod is \"old\""), warning("second")]);
}

#[tokio::test]
async fn requests_say_who_sends_them_and_on_whose_behalf() {
    let server = FakeServer::start().await;
    server.on("GET", POD, |_| core());
    let settings = KubeSettings {
        token: Some(Token::new(" abc\n")),
        as_user: Some("jane".into()),
        as_groups: vec!["dev".into(), "ops".into()],
        ..server.settings()
    };
    let (cluster, _) = connect(&settings).await.unwrap();
    cluster.get(&pod(), Some("bot"), "core-0").await.unwrap();
    let request = &server.requests()[0];
    assert_eq!(request.header("user-agent"), Some(concat!("maibot/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(request.header("authorization"), Some("Bearer abc"));
    assert_eq!(request.header("impersonate-user"), Some("jane"));
    assert_eq!(request.headers("impersonate-group"), ["dev", "ops"]);
}

#[tokio::test]
async fn refused_credentials_are_named_by_kind_and_never_shown() {
    let server = FakeServer::start().await;
    server.on("*", "*", |_| Answer::refusal(401, "Unauthorized", "Unauthorized"));
    let settings = KubeSettings { token: Some(Token::new("top-secret")), ..server.settings() };
    let (cluster, _) = connect(&settings).await.unwrap();
    let error = cluster.version().await.unwrap_err();
    assert_eq!(error.to_string(), "the API server does not accept the credentials (token): Unauthorized");
    assert_eq!(error.code().id(), "MB3003");
    assert_eq!(server.requests().len(), 1);
    assert!(!format!("{error:?} {settings:?}").contains("top-secret"));
}

#[tokio::test]
async fn a_forbidden_request_names_verb_resource_namespace_and_user() {
    let server = FakeServer::start().await;
    let message = "pods \"core-0\" is forbidden: User \"jane\" cannot get resource \"pods\" in API group \"\" in the \
                   namespace \"bot\"";
    server.on("*", "*", move |_| Answer::refusal(403, "Forbidden", message));
    let error = read(&server).await.unwrap_err();
    assert_eq!((error.code().id(), error.to_string().as_str()), ("MB3004", message));
    let Error::Forbidden(forbidden) = error else { panic!("{error:?}") };
    assert_eq!(
        (forbidden.verb.as_str(), forbidden.resource.as_str(), forbidden.namespace.as_deref(), forbidden.user.as_str()),
        ("get", "pods", Some("bot"), "jane")
    );
    assert_eq!(forbidden.name, "core-0");
}

#[tokio::test]
async fn a_gateways_page_is_no_answer() {
    let server = FakeServer::start().await;
    server.once("GET", POD, Answer::text(200, "text/html", "<html>please   log in</html>"));
    let error = read(&server).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot understand the API server's answer (Pod/core-0 in namespace bot): text/html instead of JSON: <html>please log \
         in</html>"
    );
    assert_eq!(error.code().id(), "MB3009");
    server.once("GET", POD, Answer::text(200, "application/json", "{\"token\": \"secret\""));
    let error = read(&server).await.unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
    server.once("GET", POD, Answer::text(403, "text/html", "<h1>Blocked</h1>"));
    let error = read(&server).await.unwrap_err();
    assert_eq!((error.code().id(), error.to_string().as_str()), ("MB3004", "<h1>Blocked</h1>"));
    server.on("POST", PODS, |_| Answer::text(502, "text/html", "<h1>Bad Gateway</h1>"));
    let error = create(&server).await.unwrap_err();
    assert_eq!(error.to_string(), "the API server failed (502): <h1>Bad Gateway</h1>");
    server.once("GET", POD, Answer::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()));
    let error = read(&server).await.unwrap_err();
    assert_eq!(error.code().id(), "MB3002", "{error:?}");
}

#[tokio::test]
async fn a_server_below_a_path_is_asked_there() {
    let server = FakeServer::start().await;
    server.on("GET", "/k8s/clusters/c-1/api/v1/namespaces/bot/pods/core-0", |_| core());
    let settings = KubeSettings { server: Some(format!("{}/k8s/clusters/c-1/", server.url())), ..server.settings() };
    let (cluster, _) = connect(&settings).await.unwrap();
    cluster.get(&pod(), Some("bot"), "core-0").await.unwrap();
    assert_eq!(cluster.address(), format!("{}/k8s/clusters/c-1", server.url()));
}

#[tokio::test]
async fn the_rate_is_limited_only_if_asked_for() {
    let server = FakeServer::start().await;
    server.on("GET", POD, |_| core());
    let settings = KubeSettings { qps: 20.0, burst: 2, ..server.settings() };
    let (cluster, _) = connect(&settings).await.unwrap();
    let started = Instant::now();
    for _ in 0..6 {
        cluster.get(&pod(), Some("bot"), "core-0").await.unwrap();
    }
    assert!(started.elapsed() >= Duration::from_millis(190), "{:?}", started.elapsed());
    assert_eq!(server.connections(), 1, "the connection is kept");
}
