//! TLS: whose certificate is taken, and which is shown.
//!
//! `tls/` holds an authority, a certificate for the name `kubernetes.test` and one for a client, made once with OpenSSL
//! for these tests (valid for a hundred years; the authority's key is thrown away).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use maibot::cluster::{Cause, Error, KubeSettings, Unreachable};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};

use super::server::{Answer, FakeServer, connect, quick_limits};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fake/tls").join(name)
}

fn certificates(name: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(file(name)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// A scripted server behind TLS; with `knocking`, it wants a client certificate.
async fn server(knocking: bool) -> (FakeServer, String) {
    let server = FakeServer::start().await;
    server.on("GET", "/version", |_| Answer::ok(&json!({ "major": "1", "minor": "34", "gitVersion": "v1.34.4" })));
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let builder = if knocking {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates("ca.crt"));
        ServerConfig::builder()
            .with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
    } else {
        ServerConfig::builder().with_no_client_auth()
    };
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(certificates("server.crt"), key).unwrap()));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let port = server.port();
    tokio::spawn(async move {
        loop {
            let Ok((client, _)) = listener.accept().await else { return };
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut client) = acceptor.accept(client).await
                    && let Ok(mut inner) = TcpStream::connect(("127.0.0.1", port)).await
                {
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut inner).await;
                }
            });
        }
    });
    (server, url)
}

fn settings(url: &str) -> KubeSettings {
    KubeSettings { server: Some(url.to_owned()), limits: quick_limits(), ..KubeSettings::default() }
}

async fn refused(settings: &KubeSettings) -> Unreachable {
    let (cluster, heard) = connect(settings).await.unwrap();
    let Error::Unreachable(unreachable) = cluster.version().await.unwrap_err() else { panic!("not unreachable") };
    assert_eq!((unreachable.cause, unreachable.sent), (Cause::Tls, false), "{unreachable:?}");
    assert_eq!(heard.all(), [], "a certificate does not get better by waiting");
    *unreachable
}

#[tokio::test]
async fn only_the_given_authority_and_name_are_trusted() {
    let (server, url) = server(false).await;
    let authority = Some(file("ca.crt"));
    let name = Some("kubernetes.test".to_owned());

    let both = KubeSettings { ca_file: authority.clone(), tls_server_name: name.clone(), ..settings(&url) };
    connect(&both).await.unwrap().0.version().await.unwrap();
    let anything = KubeSettings { insecure_skip_tls_verify: true, ..settings(&url) };
    connect(&anything).await.unwrap().0.version().await.unwrap();
    assert_eq!(server.requests().len(), 2);

    let other_name = refused(&KubeSettings { ca_file: authority, ..settings(&url) }).await;
    assert!(other_name.chain.join(" ").contains("not valid for name"), "{other_name:?}");
    let unknown = refused(&KubeSettings { tls_server_name: name, ..settings(&url) }).await;
    assert!(unknown.chain.join(" ").contains("UnknownIssuer"), "{unknown:?}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn the_kubeconfigs_certificate_is_shown() {
    let (server, url) = server(true).await;
    let folder = tempfile::TempDir::new().unwrap();
    for name in ["ca.crt", "client.crt", "client.key"] {
        std::fs::copy(file(name), folder.path().join(name)).unwrap();
    }
    let path = folder.path().join("config");
    let content = format!(
        "current-context: a\n\
         contexts:\n- name: a\n  context: {{cluster: a, user: a}}\n\
         clusters:\n- name: a\n  cluster: {{server: \"{url}\", tls-server-name: kubernetes.test, certificate-authority: ca.crt}}\n\
         users:\n- name: a\n  user: {{client-certificate: client.crt, client-key: client.key}}\n"
    );
    std::fs::write(&path, content).unwrap();
    let mut settings = KubeSettings { kubeconfig: Some(path), limits: quick_limits(), ..KubeSettings::default() };
    connect(&settings).await.unwrap().0.version().await.unwrap();
    assert_eq!(server.requests().len(), 1);

    settings = KubeSettings {
        ca_file: Some(file("ca.crt")),
        tls_server_name: Some("kubernetes.test".into()),
        ..self::settings(&url)
    };
    let error = connect(&settings).await.unwrap().0.version().await.unwrap_err();
    assert_eq!(error.code().id(), "MB3002", "{error:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_plain_port_is_told_from_a_tls_port() {
    let (_server, url) = server(false).await;
    let plain = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = plain.local_addr().unwrap();
    let answering = tokio::spawn(async move {
        while let Ok((mut client, _)) = plain.accept().await {
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    refused(&settings(&format!("https://{address}"))).await;
    answering.abort();
    let error = connect(&settings(&url.replace("https://", "http://"))).await.unwrap().0.version().await.unwrap_err();
    assert_eq!(error.code().id(), "MB3002", "{error:?}");
}

#[tokio::test]
async fn a_plugin_may_give_a_certificate() {
    let (server, url) = server(true).await;
    let folder = tempfile::TempDir::new().unwrap();
    let version = "client.authentication.k8s.io/v1beta1";
    let text = |name: &str| std::fs::read_to_string(file(name)).unwrap();
    let answer = json!({
        "kind": "ExecCredential", "apiVersion": version,
        "status": { "clientCertificateData": text("client.crt"), "clientKeyData": text("client.key") },
    });
    std::fs::write(folder.path().join("answer"), answer.to_string()).unwrap();
    let path = folder.path().join("config");
    let content = format!(
        "current-context: a\n\
         contexts:\n- name: a\n  context: {{cluster: a, user: a}}\n\
         clusters:\n- name: a\n  cluster: {{server: \"{url}\", tls-server-name: kubernetes.test, certificate-authority: \"{}\"}}\n\
         users:\n- name: a\n  user: {{exec: {{apiVersion: {version}, command: cat, args: [\"{}\"], interactiveMode: Never}}}}\n",
        file("ca.crt").display(),
        folder.path().join("answer").display()
    );
    std::fs::write(&path, content).unwrap();
    let settings = KubeSettings { kubeconfig: Some(path), limits: quick_limits(), ..KubeSettings::default() };
    connect(&settings).await.unwrap().0.version().await.unwrap();
    assert_eq!(server.requests().len(), 1);
    assert_eq!(server.requests()[0].header("authorization"), None);
}
