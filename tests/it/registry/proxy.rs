//! Proxies of the environment: forwarding without TLS, tunnels with it, SOCKS, and exemptions.

use std::sync::{Arc, Mutex};

use maibot::proxy::ProxyVariables;
use maibot::registry::{Cause, ChartRequest, Error};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::distribution::{Programs, helm_with};
use super::hostile::ours;
use crate::cli::{Place, Ran};
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

/// A SOCKS5 proxy (RFC 1928, 1929) that leads everything to one port; it keeps who asked for what.
async fn socks(target: u16, wants_login: bool) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                if let Some(wanted) = socks_greeting(&mut client, wants_login).await {
                    kept.lock().unwrap().push(wanted);
                    let mut server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    (address, asked)
}

/// `user:password name:port`; none if the client gives up or is turned away.
async fn socks_greeting(client: &mut TcpStream, wants_login: bool) -> Option<String> {
    let short = async |client: &mut TcpStream| {
        let mut text = vec![0; client.read_u8().await.ok()?.into()];
        client.read_exact(&mut text).await.ok()?;
        Some(text)
    };
    assert_eq!(client.read_u8().await.ok()?, 5, "the version");
    let methods = short(client).await?;
    let method = if wants_login { 2 } else { 0 };
    if !methods.contains(&method) {
        client.write_all(&[5, 0xff]).await.ok()?;
        return None;
    }
    client.write_all(&[5, method]).await.ok()?;
    let mut login = String::new();
    if wants_login {
        assert_eq!(client.read_u8().await.ok()?, 1, "the version of the login");
        let (user, password) = (short(client).await?, short(client).await?);
        login = format!("{}:{}", String::from_utf8(user).unwrap(), String::from_utf8(password).unwrap());
        let is_known = login == "us er:p@ss";
        client.write_all(&[1, u8::from(!is_known)]).await.ok()?;
        if !is_known {
            return None;
        }
    }
    let mut request = [0; 4];
    client.read_exact(&mut request).await.ok()?;
    assert_eq!(request, [5, 1, 0, 3], "a connection to a name, which the proxy resolves");
    let name = String::from_utf8(short(client).await?).unwrap();
    let port = client.read_u16().await.ok()?;
    client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await.ok()?;
    Some(format!("{login} {name}:{port}").trim_start().to_owned())
}

async fn archive_server() -> FakeServer {
    let server = FakeServer::start().await;
    server.on("GET", "/a.tgz", |_| Answer::Full { status: 200, headers: vec![], body: b"archive".to_vec() });
    server
}

#[tokio::test]
async fn a_socks_proxy_resolves_names_and_is_asked_for_the_port_of_the_scheme() {
    let server = archive_server().await;
    let (address, asked) = socks(server.port(), false).await;
    for scheme in ["socks5", "socks5h"] {
        let ours = ours(|settings| {
            let proxy = Some(format!("{scheme}://{address}"));
            settings.proxy = ProxyVariables { http: proxy.clone(), https: proxy, ..ProxyVariables::default() };
        });
        for url in ["http://registry.invalid/a.tgz", "http://registry.invalid:8080/a.tgz"] {
            assert_eq!(ours.registry.fetch(&request(url)).await.unwrap().archive.as_ref(), b"archive");
        }
        // Behind the proxy is no TLS, which is as far as this has to go.
        ours.registry.fetch(&request("https://registry.invalid/a.tgz")).await.unwrap_err();
        let asked = std::mem::take(&mut *asked.lock().unwrap());
        assert_eq!(asked[..3], ["registry.invalid:80", "registry.invalid:8080", "registry.invalid:443"]);
    }
    // The server is named as it was typed, and knows nothing of a proxy.
    assert_eq!(server.requests()[0].header("host"), Some("registry.invalid"));
}

#[tokio::test]
async fn a_socks_proxy_gets_the_login_of_its_address() {
    let server = archive_server().await;
    let (address, asked) = socks(server.port(), true).await;
    let with = |login: &str| {
        let proxy = Some(format!("socks5://{login}{address}"));
        ours(|settings| settings.proxy = ProxyVariables { http: proxy, ..ProxyVariables::default() })
    };
    let chart = request("http://registry.invalid/a.tgz");
    with("us%20er:p%40ss@").registry.fetch(&chart).await.unwrap();
    assert_eq!(asked.lock().unwrap()[..], ["us er:p@ss registry.invalid:80"]);
    for login in ["us%20er:wrong@", ""] {
        let error = with(login).registry.fetch(&chart).await.unwrap_err();
        let Error::Network(network) = error.root() else { panic!("{error}") };
        assert_eq!((network.cause, network.proxy.as_deref()), (Cause::Proxy, Some(&*format!("socks5://{address}"))));
        assert!(!error.to_string().contains("wrong"), "{error}");
    }
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxies_of_the_environment_are_taken_as_helm_takes_them() {
    let Some(programs) = Programs::find("the_proxies_of_the_environment_are_taken_as_helm_takes_them") else { return };
    let server = archive_server().await;
    let (plain, heads) = proxy(server.port()).await;
    let (socks, asked) = socks(server.port(), true).await;
    let (plain, socks) = (format!("http://user:pass@{plain}"), format!("socks5://us%20er:p%40ss@{socks}"));
    let (far, near) = ("http://registry.invalid/a.tgz".to_owned(), format!("{}/a.tgz", server.url()));
    for (url, variables) in [
        (&far, &[("HTTP_PROXY", plain.as_str())][..]),
        (&far, &[("http_proxy", socks.as_str())]),
        (&far, &[("HTTP_PROXY", &plain), ("http_proxy", &socks)]),
        (&far, &[("HTTP_PROXY", &socks), ("HTTPS_PROXY", &plain), ("NO_PROXY", "other.invalid,.registry.invalid")]),
        // This machine is never asked for through a proxy.
        (&near, &[("HTTP_PROXY", &plain), ("HTTPS_PROXY", &socks)]),
    ] {
        let mut seen = Vec::new();
        for program in [None, Some(&programs.helm3), Some(&programs.helm4)] {
            let place = Place::new();
            let arguments = ["pull", url];
            let ran = tokio::task::block_in_place(|| match program {
                None => Ran::of(place.command(&arguments).envs(variables.iter().copied()).output().unwrap()),
                Some(program) => helm_with(&place, program, &arguments, variables),
            });
            assert_eq!(ran.status, 0, "{variables:?} {program:?} {}", ran.shown());
            assert!(place.path().join("a.tgz").exists());
            let telling = |head: &String| {
                let lines = head.lines().map(str::to_ascii_lowercase);
                lines.filter(|line| line.ends_with(" http/1.1") || line.starts_with("proxy-auth")).collect::<Vec<_>>()
            };
            let heads: Vec<_> = std::mem::take(&mut *heads.lock().unwrap()).iter().map(telling).collect();
            seen.push((heads, std::mem::take(&mut *asked.lock().unwrap())));
        }
        assert_eq!(seen[0], seen[1], "{variables:?}");
        assert_eq!(seen[0], seen[2], "{variables:?}");
        assert_eq!(seen[0].0.len() + seen[0].1.len(), usize::from(*url == far), "{seen:?}");
    }
}
