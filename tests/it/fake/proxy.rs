//! Proxies, with real ones on loopback ports.

use std::sync::{Arc, Mutex};

use maibot::cluster::{Cause, Environment, Error, KubeSettings, ProxyVariables};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::server::{Answer, FakeServer, connect, quick_limits};

/// A proxy that leads everything to one port, and what it was asked for.
struct Proxy {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    async fn start(target: u16, socks: bool, refusing: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let log = Arc::clone(&log);
                tokio::spawn(async move {
                    let wanted = if socks { socks5(&mut client).await } else { tunnel(&mut client, refusing).await };
                    log.lock().unwrap().push(wanted);
                    if !refusing {
                        let mut server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        Self { address, asked, task }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn tunnel(client: &mut TcpStream, refusing: bool) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let answer: &[u8] = if refusing {
        b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
    } else {
        b"HTTP/1.1 200 OK\r\n\r\n"
    };
    client.write_all(answer).await.unwrap();
    String::from_utf8(head).unwrap()
}

async fn socks5(client: &mut TcpStream) -> String {
    let mut hello = [0; 2];
    client.read_exact(&mut hello).await.unwrap();
    let mut methods = vec![0; hello[1].into()];
    client.read_exact(&mut methods).await.unwrap();
    client.write_all(&[5, 0]).await.unwrap();
    let mut request = [0; 5];
    client.read_exact(&mut request).await.unwrap();
    assert_eq!(request[3], 3, "a name, to be resolved by the proxy");
    let mut name = vec![0; request[4].into()];
    client.read_exact(&mut name).await.unwrap();
    let port = client.read_u16().await.unwrap();
    client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await.unwrap();
    format!("{}:{port}", String::from_utf8(name).unwrap())
}

async fn server() -> FakeServer {
    let server = FakeServer::start().await;
    server.on("GET", "/version", |_| Answer::ok(&json!({ "major": "1", "minor": "34", "gitVersion": "v1.34.4" })));
    server
}

/// A server that only a proxy can find.
fn settings(http: &str, no: &str) -> KubeSettings {
    let proxy = ProxyVariables { http: Some(http.into()), no: Some(no.into()), ..ProxyVariables::default() };
    KubeSettings {
        server: Some("http://k8s.invalid:6443".into()),
        environment: Environment { proxy, ..Environment::default() },
        limits: quick_limits(),
        ..KubeSettings::default()
    }
}

#[tokio::test]
async fn requests_go_through_the_proxy_of_the_environment() {
    let server = server().await;
    let proxy = Proxy::start(server.port(), false, false).await;
    // Without a scheme, and with a list that only careful readers accept.
    let settings = settings(&format!("user:p%40ss@{}", proxy.address), "127.0.0.1,localhost,<local>,");
    let (cluster, _) = connect(&settings).await.unwrap();
    cluster.version().await.unwrap();
    let asked = proxy.asked().join("").to_ascii_lowercase();
    assert!(asked.starts_with("connect k8s.invalid:6443 http/1.1\r\n"), "{asked}");
    assert!(asked.contains("proxy-authorization: basic dxnlcjpwqhnz\r\n"), "{asked}");
    assert_eq!(server.requests()[0].header("host"), Some("k8s.invalid:6443"));
    assert_eq!(server.requests()[0].header("proxy-authorization"), None);
}

#[tokio::test]
async fn a_socks_proxy_resolves_names_itself() {
    let server = server().await;
    let proxy = Proxy::start(server.port(), true, false).await;
    for scheme in ["socks5", "socks5h"] {
        let (cluster, _) = connect(&settings(&format!("{scheme}://{}", proxy.address), "")).await.unwrap();
        cluster.version().await.unwrap();
    }
    assert_eq!(proxy.asked(), ["k8s.invalid:6443", "k8s.invalid:6443"]);
}

#[tokio::test]
async fn the_kubeconfigs_proxy_is_used_even_for_loopback() {
    let server = server().await;
    let proxy = Proxy::start(server.port(), false, false).await;
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("config");
    let content = format!(
        "current-context: a\ncontexts:\n- name: a\n  context: {{cluster: a}}\nclusters:\n- name: a\n  cluster:\n    server: \
         {}\n    proxy-url: http://{}\n",
        server.url(),
        proxy.address
    );
    std::fs::write(&path, content).unwrap();
    let settings = KubeSettings { kubeconfig: Some(path), limits: quick_limits(), ..KubeSettings::default() };
    let (cluster, _) = connect(&settings).await.unwrap();
    cluster.version().await.unwrap();
    assert_eq!(proxy.asked().len(), 1);
}

#[tokio::test]
async fn loopback_goes_past_the_proxy_of_the_environment() {
    let server = server().await;
    let mut settings = settings("http://127.0.0.1:1", "");
    settings.server = Some(server.url());
    let (cluster, _) = connect(&settings).await.unwrap();
    cluster.version().await.unwrap();
}

#[tokio::test]
async fn trouble_with_the_proxy_is_told_from_trouble_with_the_server() {
    let proxy = Proxy::start(1, false, true).await;
    let (cluster, _) = connect(&settings(&format!("http://user:secret@{}", proxy.address), "")).await.unwrap();
    let error = cluster.version().await.unwrap_err();
    assert!(error.to_string().contains("proxy authorization required"), "{error}");
    let Error::Unreachable(unreachable) = error else { panic!("{error:?}") };
    assert_eq!((unreachable.cause, unreachable.sent), (Cause::Proxy, false), "{unreachable:?}");
    assert_eq!(unreachable.proxy.as_deref(), Some(format!("http://{}", proxy.address).as_str()));

    let closed = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let (cluster, _) = connect(&settings(&format!("http://{closed}"), "")).await.unwrap();
    let Error::Unreachable(unreachable) = cluster.version().await.unwrap_err() else { panic!("not unreachable") };
    assert_eq!(unreachable.cause, Cause::Proxy, "{unreachable:?}");
    assert!(unreachable.chain.iter().any(|text| text.contains("Connection refused")), "{unreachable:?}");
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_stops_everything() {
    let error = connect(&settings("socks4://127.0.0.1:1", "")).await.map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "HTTP_PROXY \"socks4://127.0.0.1:1\": a proxy speaks http, https or socks5");
    let ignored = settings("socks4://127.0.0.1:1", ".invalid");
    connect(&ignored).await.unwrap();
}
