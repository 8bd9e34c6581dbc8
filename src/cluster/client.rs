//! The connection: one stack for every request, typed or not, and what happens when an answer does not come.
//!
//! kube's client does TLS, proxies, compression and upgrades; around it lies one gate of our own, which counts,
//! limits the rate if asked to, adds refreshed credentials, reports warnings of the server, bounds the wait for an
//! answer and repeats what may be repeated. kube's own retry is off: it repeats `POST`, does not repeat connection
//! errors, and goes on for very long. Rules for repeating: client-go's (429 and 5xx with `Retry-After` for every
//! method, since the server sends that header only when nothing was done), and RFC 9110 on idempotent methods.

use std::collections::HashSet;
use std::error::Error as StdError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, UPGRADE, USER_AGENT, WARNING};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use kube::client::{Body, ClientBuilder};
use kube::core::Status;
use serde_json::Value;
use tokio::time::Instant;
use tower::BoxError;

use super::config::{ConfigError, KubeSettings, Limits};
use super::error::{Cause, Error, Target, Unreachable};

/// The largest answer that is read, in bytes; a list page of 500 release records of 1 MiB each is above it on purpose.
const LARGEST_ANSWER: usize = 256 << 20;

/// What the connection has to tell while it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// A `Warning:` header of the server; each text is told once.
    Warning {
        /// Its text.
        text: String,
    },
    /// A request is about to be repeated.
    Retry {
        /// What went wrong.
        cause: String,
        /// How long is waited first.
        delay: Duration,
    },
    /// A credential plugin wrote a line to its standard error.
    Plugin {
        /// The plugin's command.
        command: String,
        /// The line.
        line: String,
    },
}

/// Receives signals; shared between tasks.
pub trait Signals: Send + Sync {
    /// Takes note of one. Must not block.
    fn signal(&self, signal: Signal);
}

impl Signals for () {
    fn signal(&self, _signal: Signal) {}
}

/// A cluster that can be asked. Cheap to clone; clones share connection, counter and caches.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    gate: Arc<Gate>,
    namespace: String,
}

/// What an API server answered.
pub(crate) struct Answer {
    /// The HTTP status, 2xx.
    pub(crate) status: StatusCode,
    /// The body.
    pub(crate) body: Value,
}

/// One request that is answered with one JSON document.
pub(crate) struct Call {
    /// The method.
    pub(crate) method: Method,
    /// Path and query, percent-encoded.
    pub(crate) path: String,
    /// The body with its content type.
    pub(crate) body: Option<(&'static str, Vec<u8>)>,
    /// What is accepted.
    pub(crate) accept: &'static str,
    /// What it is about, for errors.
    pub(crate) target: Target,
}

impl Cluster {
    /// Prepares a connection; the first request makes it. Sends nothing to the server.
    pub async fn connect(settings: &KubeSettings, signals: Arc<dyn Signals>) -> Result<Self, Error> {
        // Fails only if a provider is installed already, which is then as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let address = settings.server.clone().ok_or(ConfigError::NotFound { looked: Vec::new() })?;
        let uri: http::Uri = address.parse().map_err(|error: http::uri::InvalidUri| ConfigError::Address {
            what: "server".into(),
            address: address.clone(),
            message: error.to_string(),
        })?;
        let namespace = settings.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let mut config = kube::Config::new(uri);
        config.default_namespace.clone_from(&namespace);
        config.connect_timeout = Some(settings.limits.connect);
        config.default_retry = false;
        let agent = HeaderValue::from_static(concat!("maibot/", env!("CARGO_PKG_VERSION")));
        config.headers.push((USER_AGENT, agent));
        let inner = ClientBuilder::try_from(config).map_err(|error| ConfigError::Client(error.to_string()))?.build();
        let gate = Arc::new(Gate {
            signals,
            requests: AtomicU64::new(0),
            contacted: AtomicBool::new(false),
            warned: Mutex::new(HashSet::new()),
            limits: settings.limits.clone(),
            address,
            proxy: None,
            credentials: "none".to_owned(),
        });
        let outer = Arc::clone(&gate);
        let service = tower::service_fn(move |request: Request<Body>| {
            let (gate, inner) = (Arc::clone(&outer), inner.clone());
            async move { gate.send(&inner, request).await }
        });
        Ok(Self { client: kube::Client::new(service, namespace.clone()), gate, namespace })
    }

    /// kube's client on the same stack, for watching, logs, exec and typed calls.
    pub(crate) fn client(&self) -> &kube::Client {
        &self.client
    }

    /// The namespace of the flag, the context or the service account, or `default`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The address of the API server, without credentials.
    pub fn address(&self) -> &str {
        &self.gate.address
    }

    /// How many requests were sent so far, retries included.
    pub fn requests(&self) -> u64 {
        self.gate.requests.load(Ordering::Relaxed)
    }

    /// Turns an error of kube into one of this room; `target` is what was asked for.
    pub(crate) fn error(&self, error: kube::Error, target: Target) -> Error {
        self.gate.error(error, target)
    }

    /// Sends one request and reads its whole answer.
    pub(crate) async fn call(&self, call: Call) -> Result<Answer, Error> {
        let mut builder = Request::builder().method(call.method.clone()).uri(&call.path).header(ACCEPT, call.accept);
        let bytes = match call.body {
            Some((content_type, bytes)) => {
                builder = builder.header(CONTENT_TYPE, content_type);
                bytes
            }
            None => Vec::new(),
        };
        let request = builder
            .body(Body::from(bytes))
            .map_err(|error| Error::Request { target: Box::new(call.target.clone()), message: error.to_string() })?;
        let response = match self.client.send(request).await {
            Ok(response) => response,
            Err(error) => return Err(self.error(error, call.target)),
        };
        self.gate.read(response, call.target, call.method == Method::POST).await
    }
}

/// What stands between all requests and the network.
struct Gate {
    signals: Arc<dyn Signals>,
    requests: AtomicU64,
    contacted: AtomicBool,
    warned: Mutex<HashSet<String>>,
    limits: Limits,
    address: String,
    proxy: Option<String>,
    credentials: String,
}

/// The head of the answer did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", .0.as_secs_f32())]
struct NoAnswer(Duration);

impl Gate {
    async fn send(&self, inner: &kube::Client, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let repeatable = is_repeatable(&request);
        let started = Instant::now();
        let mut request = request;
        let mut delay = self.limits.first_delay;
        loop {
            let again = copy(&request);
            self.requests.fetch_add(1, Ordering::Relaxed);
            let result = match tokio::time::timeout(self.limits.answer, inner.send(request)).await {
                Ok(result) => result,
                Err(_) => return Err(NoAnswer(self.limits.answer).into()),
            };
            let (cause, wait) = match &result {
                Ok(response) => {
                    self.contacted.store(true, Ordering::Relaxed);
                    self.report_warnings(response.headers());
                    let asked = retry_after(response.headers());
                    let status = response.status();
                    let again = match status.as_u16() {
                        429 => true,
                        500 | 502..=504 => repeatable || asked.is_some(),
                        _ => false,
                    };
                    if !again {
                        return Ok(result?);
                    }
                    (status.to_string(), asked.unwrap_or(delay).min(self.limits.longest_delay).max(delay))
                }
                Err(error) => {
                    let failure = Failure::of(error);
                    if !self.may_repeat(&failure, repeatable) {
                        return Ok(result?);
                    }
                    (failure.chain.join(": "), delay)
                }
            };
            let budget =
                if self.contacted.load(Ordering::Relaxed) { self.limits.retries } else { self.limits.first_contact };
            let Some(again) = again.filter(|_| started.elapsed() + wait <= budget) else { return Ok(result?) };
            self.signals.signal(Signal::Retry { cause, delay: wait });
            tokio::time::sleep(wait).await;
            delay = (delay * 2).min(self.limits.longest_delay);
            request = again;
        }
    }

    fn may_repeat(&self, failure: &Failure, repeatable: bool) -> bool {
        match failure.cause {
            Cause::Refused => !failure.sent,
            Cause::Name | Cause::Timeout | Cause::Proxy => !failure.sent && self.contacted.load(Ordering::Relaxed),
            Cause::Cut => !failure.sent || repeatable,
            Cause::Tls | Cause::Other => false,
        }
    }

    fn report_warnings(&self, headers: &HeaderMap) {
        for text in headers.get_all(WARNING).iter().filter_map(warning_text) {
            let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
            if warned.insert(text.clone()) {
                drop(warned);
                self.signals.signal(Signal::Warning { text });
            }
        }
    }

    fn error(&self, error: kube::Error, target: Target) -> Error {
        match error {
            kube::Error::Api(status) => Error::refused(*status, target, None, &self.credentials, false),
            kube::Error::SerdeError(error) => {
                Error::Protocol { target: Box::new(target), message: format!("not the JSON expected: {error}") }
            }
            kube::Error::FromUtf8(_) => {
                Error::Protocol { target: Box::new(target), message: "the body is not UTF-8".to_owned() }
            }
            kube::Error::BuildRequest(error) => Error::Request { target: Box::new(target), message: error.to_string() },
            error => {
                if let kube::Error::Service(inner) = &error
                    && let Some(NoAnswer(after)) = inner.downcast_ref()
                {
                    return Error::Timeout { address: self.address.clone(), target: Box::new(target), after: *after };
                }
                self.unreachable(Failure::of(&error))
            }
        }
    }

    fn unreachable(&self, failure: Failure) -> Error {
        Error::from(Unreachable {
            address: self.address.clone(),
            proxy: self.proxy.clone(),
            cause: failure.cause,
            chain: failure.chain,
            sent: failure.sent,
        })
    }

    async fn read(&self, response: Response<Body>, target: Target, creating: bool) -> Result<Answer, Error> {
        let (head, body) = response.into_parts();
        let collected = tokio::time::timeout(self.limits.answer, Limited::new(body, LARGEST_ANSWER).collect()).await;
        let bytes = match collected {
            Err(_) => {
                return Err(Error::Timeout {
                    address: self.address.clone(),
                    target: Box::new(target),
                    after: self.limits.answer,
                });
            }
            Ok(Err(error)) => {
                let mut failure = Failure::of(error.as_ref());
                failure.sent = true;
                return Err(self.unreachable(failure));
            }
            Ok(Ok(collected)) => collected.to_bytes(),
        };
        if head.status.is_success() {
            return match serde_json::from_slice(&bytes) {
                Ok(body) => Ok(Answer { status: head.status, body }),
                Err(error) => {
                    Err(Error::Protocol { target: Box::new(target), message: not_json(&head.headers, &bytes, &error) })
                }
            };
        }
        let status = match serde_json::from_slice::<Status>(&bytes) {
            Ok(mut status) if !status.message.is_empty() || !status.reason.is_empty() => {
                status.code = head.status.as_u16();
                status
            }
            _ => Status::failure(&excerpt(&bytes), "").with_code(head.status.as_u16()),
        };
        Err(Error::refused(status, target, retry_after(&head.headers), &self.credentials, creating))
    }
}

/// An error chain, judged.
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    pub(crate) chain: Vec<String>,
    pub(crate) sent: bool,
}

impl Failure {
    /// Walks the sources of an error of the HTTP stack.
    pub(crate) fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut cause = Cause::Other;
        let mut sent = true;
        let mut chain: Vec<String> = Vec::new();
        let mut next = Some(error);
        // Bounded, should a source ever cycle.
        for _ in 0..24 {
            let Some(error) = next else { break };
            if let Some(client) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
                sent &= !client.is_connect();
            }
            if let Some(hyper) = error.downcast_ref::<hyper::Error>()
                && (hyper.is_incomplete_message() || hyper.is_closed() || hyper.is_body_write_aborted())
            {
                cause = Cause::Cut;
            }
            if error.is::<rustls::Error>() {
                cause = Cause::Tls;
            }
            let io = error.downcast_ref::<std::io::Error>();
            if let Some(io) = io
                && matches!(cause, Cause::Other)
            {
                use std::io::ErrorKind;
                cause = match io.kind() {
                    ErrorKind::ConnectionRefused => Cause::Refused,
                    ErrorKind::TimedOut => Cause::Timeout,
                    ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
                    | ErrorKind::UnexpectedEof => Cause::Cut,
                    _ => Cause::Other,
                };
            }
            let text = error.to_string();
            if text.contains("dns error") {
                cause = Cause::Name;
            } else if text.contains("tunnel error") || text.contains("SOCKS error") {
                cause = Cause::Proxy;
            }
            // kube's and hyper's own wrappers say nothing that the next text does not say better.
            let wrapper =
                error.is::<kube::Error>() || text == "client error (Connect)" || text == "client error (SendRequest)";
            if !wrapper && !chain.iter().any(|known| known.contains(&text)) {
                chain.push(text);
            }
            // An `io::Error` that wraps another error names only that one's source as its source.
            next = match io.and_then(std::io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        if chain.is_empty() {
            chain.push(error.to_string());
        }
        Self { cause, chain, sent }
    }
}

fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let body = request.body().try_clone()?;
    let mut builder = Request::builder()
        .method(request.method().clone())
        .uri(request.uri().clone())
        .version(request.version())
        .extension(());
    if let Some(headers) = builder.headers_mut() {
        headers.clone_from(request.headers());
    }
    let mut copy = builder.body(body).ok()?;
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}

/// Whether sending it a second time does what sending it once does. An exec is a `GET` in form only.
fn is_repeatable(request: &Request<Body>) -> bool {
    let headers = request.headers();
    match *request.method() {
        Method::GET | Method::HEAD => !headers.contains_key(UPGRADE),
        Method::DELETE => true,
        Method::PATCH => headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/apply-patch+yaml"),
        _ => false,
    }
}

/// The `Retry-After` header in seconds; its other form, a date, is not used by API servers.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The text of a warning header: `299 - "text"`, with backslashes before quotes and backslashes.
fn warning_text(value: &HeaderValue) -> Option<String> {
    let value = String::from_utf8_lossy(value.as_bytes());
    let quoted = value.strip_prefix("299 ")?.split_once(' ')?.1.trim().strip_prefix('"')?;
    let mut text = String::new();
    let mut chars = quoted.chars();
    while let Some(character) = chars.next() {
        match character {
            '"' => return Some(text),
            '\\' => text.push(chars.next()?),
            other => text.push(other),
        }
    }
    None
}

fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]);
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = line.char_indices().nth(200) {
        line.truncate(at);
        line.push('…');
    }
    line
}

/// Says what came instead of JSON. The content of a JSON answer is not repeated: it may be a Secret.
fn not_json(headers: &HeaderMap, bytes: &[u8], error: &serde_json::Error) -> String {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("no content type");
    if kind.contains("json") {
        format!("broken JSON: line {}, column {}", error.line(), error.column())
    } else {
        format!("{kind} instead of JSON: {}", excerpt(bytes))
    }
}
