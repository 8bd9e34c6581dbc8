//! Connections: TCP, proxies, TLS, in one connector for the HTTP client.
//!
//! Owns how bytes get to a host and how its certificate is judged; knows nothing of HTTP requests. `--ca-file` replaces
//! the system's certificates, as in Helm; without it the platform's verifier judges. A request without TLS through an
//! HTTP proxy is forwarded by the proxy (absolute form), everything else goes through a tunnel.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tower::Service;

use crate::proxy::{self, ProxyError, ProxyVariables};

use super::error::Error;
use super::settings::TlsSettings;

type BoxError = Box<dyn StdError + Send + Sync>;

/// A connection, whatever it is made of.
trait Stream: Read + Write + Send + Unpin {}
impl<T: Read + Write + Send + Unpin> Stream for T {}

/// A connection as the HTTP client takes it.
pub(super) struct Link {
    stream: Box<dyn Stream>,
    forwarded: bool,
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.forwarded)
    }
}

impl Read for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Link {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Makes connections. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector,
    variables: Arc<ProxyVariables>,
    tls: Arc<Tls>,
    limit: Duration,
}

impl Connector {
    pub(super) fn new(variables: ProxyVariables, tls: Tls, limit: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(30)));
        Self { tcp, variables: Arc::new(variables), tls: Arc::new(tls), limit }
    }

    /// The proxy for an address.
    pub(super) fn proxy(&self, uri: &Uri) -> Result<Option<Uri>, ProxyError> {
        proxy::choose(uri, None, &self.variables)
    }

    async fn connect(mut self, uri: Uri) -> Result<Link, BoxError> {
        let secure = uri.scheme_str() == Some("https");
        let Some(proxy) = self.proxy(&uri)? else {
            let stream = self.tcp.call(uri.clone()).await?;
            return self.secured(stream, &uri, secure).await;
        };
        match proxy.scheme_str() {
            Some("socks5") => {
                let target = with_port(&uri, if secure { 443 } else { 80 })?;
                let login = proxy::login(&proxy);
                let mut socks = SocksV5::new(proxy, self.tcp.clone());
                if let Some((user, password)) = login {
                    socks = socks.with_auth(user, password);
                }
                let stream = socks.call(target).await?;
                self.secured(stream, &uri, secure).await
            }
            scheme => {
                let hop = Hop { connector: self.clone(), secure: scheme == Some("https") };
                if !secure {
                    let link = hop.connect(proxy).await.map_err(ThroughProxy)?;
                    return Ok(Link { forwarded: true, ..link });
                }
                let mut tunnel = Tunnel::new(proxy.clone(), hop);
                if let Some(header) = proxy_authorization(&proxy) {
                    tunnel = tunnel.with_auth(header);
                }
                let stream = tunnel.call(uri.clone()).await?;
                self.secured(stream, &uri, true).await
            }
        }
    }

    async fn secured<S>(&self, stream: S, uri: &Uri, secure: bool) -> Result<Link, BoxError>
    where
        S: Read + Write + Send + Unpin + 'static,
    {
        if !secure {
            return Ok(Link { stream: Box::new(stream), forwarded: false });
        }
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())?;
        let config = self.tls.config()?;
        let stream = tokio_rustls::TlsConnector::from(config).connect(name, TokioIo::new(stream)).await?;
        Ok(Link { stream: Box::new(TokioIo::new(stream)), forwarded: false })
    }
}

impl Service<Uri> for Connector {
    type Response = Link;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Link, BoxError>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            match tokio::time::timeout(connector.limit, connector.connect(uri)).await {
                Ok(result) => result,
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "i/o timeout").into()),
            }
        })
    }
}

/// The way to a proxy itself, which may speak TLS.
#[derive(Clone)]
struct Hop {
    connector: Connector,
    secure: bool,
}

impl Hop {
    async fn connect(mut self, proxy: Uri) -> Result<Link, BoxError> {
        let stream = self.connector.tcp.call(proxy.clone()).await?;
        self.connector.secured(stream, &proxy, self.secure).await
    }
}

impl Service<Uri> for Hop {
    type Response = Link;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Link, BoxError>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, proxy: Uri) -> Self::Future {
        Box::pin(self.clone().connect(proxy))
    }
}

/// An address that names its port: a SOCKS proxy is asked for 443 otherwise.
fn with_port(uri: &Uri, port: u16) -> Result<Uri, http::Error> {
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().unwrap_or(port);
    Uri::builder().scheme("http").authority(format!("{host}:{port}")).path_and_query("/").build()
}

/// Trouble on the way to the proxy.
#[derive(Debug, thiserror::Error)]
#[error("tunnel error: failed to connect to the proxy")]
struct ThroughProxy(#[source] BoxError);

/// `Proxy-Authorization` from the user and password in a proxy's address.
pub(super) fn proxy_authorization(proxy: &Uri) -> Option<HeaderValue> {
    let (user, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let decoded: Vec<u8> = percent_encoding::percent_decode_str(user).collect();
    let text = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(decoded));
    let mut header = HeaderValue::try_from(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// TLS, prepared when the first connection needs it: a registry without TLS must not fail for want of certificates.
pub(super) struct Tls {
    files: Loaded,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

/// What the files hold.
#[derive(Default)]
struct Loaded {
    roots: Option<RootCertStore>,
    client: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    insecure: bool,
}

impl Tls {
    /// Reads the files that the settings name.
    pub(super) fn load(settings: &TlsSettings) -> Result<Self, Error> {
        let mut files = Loaded { insecure: settings.insecure, ..Loaded::default() };
        if let Some(path) = &settings.ca_file {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots
                    .add(certificate)
                    .map_err(|error| Error::Tls(format!("{}: not a certificate authority: {error}", path.display())))?;
            }
            files.roots = Some(roots);
        }
        match (&settings.cert_file, &settings.key_file) {
            (Some(certificate), Some(key)) => {
                let chain = certificates(certificate)?;
                let key = PrivateKeyDer::from_pem_slice(&read(key)?)
                    .map_err(|error| Error::Tls(format!("{}: no private key: {error}", key.display())))?;
                files.client = Some((chain, key));
            }
            (Some(_), None) => return Err(Error::Tls("--cert-file needs --key-file".to_owned())),
            (None, Some(_)) => return Err(Error::Tls("--key-file needs --cert-file".to_owned())),
            (None, None) => {}
        }
        let tls = Self { files, config: OnceLock::new() };
        // A key that does not fit its certificate is told now and not at the first connection.
        if tls.files.client.is_some() {
            tls.config().map_err(|error| Error::Tls(error.to_string()))?;
        }
        Ok(tls)
    }

    fn config(&self) -> io::Result<Arc<ClientConfig>> {
        self.config
            .get_or_init(|| self.files.config().map(Arc::new).map_err(|error| error.to_string()))
            .clone()
            .map_err(io::Error::other)
    }
}

impl Loaded {
    fn config(&self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let builder = if self.insecure {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        } else if let Some(roots) = &self.roots {
            builder.with_root_certificates(roots.clone())
        } else {
            builder.with_platform_verifier()?
        };
        let mut config = match &self.client {
            Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key())?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| Error::File { action: "open", path: path.to_owned(), error })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let content = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(Error::Tls(format!("{}: no certificate in it", path.display()))),
        Err(error) => Err(Error::Tls(format!("{}: {error}", path.display()))),
    }
}

/// `--insecure-skip-tls-verify`: any certificate is taken; the handshake must still be signed with its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
