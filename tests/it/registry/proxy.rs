//! Proxies of the environment: forwarding without TLS, tunnels with it, SOCKS, and exemptions.

use std::sync::{Arc, Mutex};

use maibot::proxy::ProxyVariables;
use maibot::registry::{Cause, ChartRequest, Error};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::hostile::ours;
use crate::fake::server::{Answer, FakeServer};

/// A proxy that leads everything to one port; it keeps the heads of the requests it got.
async fn proxy(target: u16) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = client.read_u8().await else { return };
                    head.push(byte);
                }
                let text = String::from_utf8(head.clone()).unwrap();
                kept.lock().unwrap().push(text.clone());
                let mut server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                if text.starts_with("CONNECT ") {
                    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                } else {
                    // The path alone, as a server wants it.
                    let line = text.replacen("http://registry.invalid", "", 1);
                    server.write_all(line.as_bytes()).await.unwrap();
                }
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (address, heads)
}

fn request(chart: &str) -> ChartRequest {
    ChartRequest { chart: chart.to_owned(), ..ChartRequest::default() }
}

#[tokio::test]
async fn without_tls_the_proxy_forwards_the_request() {
    let server = FakeServer::start().await;
    server.on("GET", "/a.tgz", |_| Answer::Full { status: 200, headers: vec![], body: b"archive".to_vec() });
    let (address, heads) = proxy(server.port()).await;
    let ours = ours(|settings| {
        settings.proxy = ProxyVariables { http: Some(format!("user:p%40ss@{address}")), ..ProxyVariables::default() };
    });
    let fetched = ours.registry.fetch(&request("http://registry.invalid/a.tgz")).await.unwrap();
    assert_eq!(fetched.archive.as_ref(), b"archive");
    let head = heads.lock().unwrap()[0].to_lowercase();
    assert!(head.starts_with("get http://registry.invalid/a.tgz http/1.1\r\n"), "{head}");
    assert!(head.contains("proxy-authorization: basic dxnlcjpwqhnz\r\n"), "{head}");
}

#[tokio::test]
async fn with_tls_the_proxy_makes_a_tunnel() {
    let server = FakeServer::start().await;
    let (address, heads) = proxy(server.port()).await;
    let ours = ours(|settings| {
        settings.proxy = ProxyVariables { https: Some(format!("http://{address}")), ..ProxyVariables::default() };
        settings.plain_http = false;
    });
    // Behind the tunnel is no TLS, which is as far as this has to go.
    let error = ours.registry.fetch(&request("oci://registry.invalid/a:1.0.0")).await.unwrap_err();
    assert!(heads.lock().unwrap()[0].starts_with("CONNECT registry.invalid:443 HTTP/1.1\r\n"));
    let Error::Network(network) = error.root() else { panic!("{error}") };
    assert_eq!(network.proxy.as_deref(), Some(format!("http://{address}").as_str()));
}

#[tokio::test]
async fn what_no_proxy_names_and_loopback_go_past_the_proxy() {
    let server = FakeServer::start().await;
    server.on("GET", "/a.tgz", |_| Answer::Full { status: 200, headers: vec![], body: b"archive".to_vec() });
    let closed = ProxyVariables {
        http: Some("http://127.0.0.1:1".into()),
        no: Some("exempt.invalid".into()),
        ..ProxyVariables::default()
    };
    let ours = ours(|settings| settings.proxy = closed);
    ours.registry.fetch(&request(&format!("{}/a.tgz", server.url()))).await.unwrap();
    let error = ours.registry.fetch(&request("http://exempt.invalid/a.tgz")).await.unwrap_err();
    let Error::Network(network) = error.root() else { panic!("{error}") };
    assert_eq!((network.cause, network.proxy.as_deref()), (Cause::Name, None));
    let error = ours.registry.fetch(&request("http://other.invalid/a.tgz")).await.unwrap_err();
    let Error::Network(network) = error.root() else { panic!("{error}") };
    assert_eq!(network.proxy.as_deref(), Some("http://127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_stops_everything() {
    let ours = ours(|settings| {
        settings.proxy = ProxyVariables { all: Some("ftp://user:hunter2@proxy".into()), ..ProxyVariables::default() };
    });
    let error = ours.registry.fetch(&request("http://registry.invalid/a.tgz")).await.unwrap_err();
    assert!(error.to_string().contains("ALL_PROXY") && !error.to_string().contains("hunter2"), "{error}");
}
