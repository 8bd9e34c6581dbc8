//! HTTP requests to registries and repositories: one attempt, redirects, retries, bodies of bounded size, downloads
//! that go on where they broke off.
//!
//! Every server counts as hostile: what it sends is bounded in size and time, it can lead nowhere without TLS when it
//! was reached with TLS, and an `Authorization` header never leaves the origin (scheme, host, port) it was made for.
//! Retries follow oras-go's `registry/remote/retry`: 408, 429 and 5xx, timeouts, and here also connections that break.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;
use url::Url;

use crate::proxy;

use super::connect::{Connector, Tls, proxy_authorization};
use super::error::{Cause, Error, Network, Refusal};
use super::settings::{Limits, Notice, Notices, RegistrySettings};

/// How many redirects are followed for one request.
const REDIRECTS: usize = 10;

/// A request, which may be sent several times.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub(super) fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    #[must_use]
    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(mut value) = HeaderValue::try_from(value) {
            value.set_sensitive(name == header::AUTHORIZATION);
            self.headers.insert(name, value);
        }
        self
    }

    #[must_use]
    pub(super) fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header(header::CONTENT_TYPE, content_type)
    }

    /// The error of an answer that cannot be used.
    pub(super) fn broken(&self, message: impl Into<String>) -> Error {
        Error::Protocol { method: self.method.to_string(), url: shown(&self.url), message: message.into() }
    }
}

/// The head of an answer, and its body still to come.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Where the answer came from, after redirects.
    pub(super) url: Url,
    /// The server's own words for the status.
    reason: Option<ReasonPhrase>,
    body: Incoming,
}

impl Reply {
    /// A header that is text.
    pub(super) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The status as a line: number and words, the server's own if it has some.
    pub(super) fn status_line(&self) -> String {
        let own = self.reason.as_ref().map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
        let words = own.unwrap_or_else(|| self.status.canonical_reason().unwrap_or_default().to_owned());
        format!("{} {words}", self.status.as_u16()).trim_end().to_owned()
    }

    /// How long the server asks to be left alone, if it says so in seconds.
    fn retry_after(&self) -> Option<Duration> {
        self.header(header::RETRY_AFTER)?.trim().parse().ok().map(Duration::from_secs)
    }
}

/// Scheme, host and port.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// An address as it may be shown: without user and password, and without a query, which may hold a signature.
pub(super) fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    if shown.query().is_some_and(|query| query.to_ascii_lowercase().contains("sig")) {
        shown.set_query(Some("…"));
    }
    shown.to_string()
}

/// What a body is read into.
pub(super) struct Wanted<'a> {
    /// What it is, for errors.
    pub(super) what: &'a str,
    /// Its size in bytes, if that is known beforehand.
    pub(super) size: Option<u64>,
    /// The most that is taken, in bytes.
    pub(super) limit: u64,
}

/// Sends requests.
pub(super) struct Transport {
    client: Client<Connector, Full<Bytes>>,
    connector: Connector,
    pub(super) limits: Limits,
    pub(super) notices: Arc<dyn Notices>,
    offline: bool,
}

impl Transport {
    pub(super) fn new(settings: &RegistrySettings, notices: Arc<dyn Notices>) -> Result<Self, Error> {
        let tls = Tls::load(&settings.tls)?;
        let connector = Connector::new(settings.proxy.clone(), tls, settings.limits.connect);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector.clone());
        Ok(Self { client, connector, limits: settings.limits, notices, offline: settings.offline })
    }

    /// One attempt, one hop.
    async fn attempt(&self, call: &Call) -> Result<Reply, Error> {
        if self.offline {
            return Err(Error::Offline(shown(&call.url)));
        }
        let uri: Uri = call.url.as_str().parse().map_err(|_| call.broken("not an address"))?;
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        request.headers_mut().clone_from(&call.headers);
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        let proxy = self.connector.proxy(&uri)?;
        if let Some(proxy) = proxy.as_ref().filter(|proxy| proxy.scheme_str() != Some("socks5"))
            && call.url.scheme() == "http"
            && let Some(header) = proxy_authorization(proxy)
        {
            request.headers_mut().insert(header::PROXY_AUTHORIZATION, header);
        }
        *request.uri_mut() = uri;
        let failed = |error: &(dyn StdError + 'static)| {
            let mut network = judge(&call.method, &call.url, error);
            network.proxy = proxy.as_ref().map(|proxy| proxy::without_credentials(&proxy.to_string()));
            Error::from(network)
        };
        let limit = self.limits.connect + self.limits.answer;
        match tokio::time::timeout(limit, self.client.request(request)).await {
            Ok(Ok(response)) => {
                let (head, body) = Response::into_parts(response);
                let reason = head.extensions.get().cloned();
                Ok(Reply { status: head.status, headers: head.headers, url: call.url.clone(), reason, body })
            }
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => {
                Err(failed(&std::io::Error::new(std::io::ErrorKind::TimedOut, "timeout awaiting response headers")))
            }
        }
    }

    /// One attempt, redirects followed.
    async fn follow(&self, call: &Call) -> Result<Reply, Error> {
        let mut call = call.clone();
        for _ in 0..=REDIRECTS {
            let reply = self.attempt(&call).await?;
            let keeps_method = matches!(reply.status.as_u16(), 307 | 308);
            let reads = matches!(call.method, Method::GET | Method::HEAD);
            if !(keeps_method || reads && matches!(reply.status.as_u16(), 301..=303)) {
                return Ok(reply);
            }
            let Some(location) = reply.header(header::LOCATION) else { return Ok(reply) };
            let next =
                call.url.join(location).map_err(|error| call.broken(format!("redirect to no address: {error}")))?;
            match next.scheme() {
                "https" => {}
                "http" if call.url.scheme() == "http" => {}
                scheme => {
                    return Err(call.broken(format!("redirect from {} to {scheme} is not followed", call.url.scheme())));
                }
            }
            if !same_origin(&call.url, &next) {
                if !reads {
                    return Err(call.broken(format!("redirect of an upload to another host: {}", shown(&next))));
                }
                call.headers.remove(header::AUTHORIZATION);
            }
            call.url = next;
        }
        Err(call.broken(format!("stopped after {REDIRECTS} redirects")))
    }

    /// Sends a request until it is answered with anything but a passing trouble, or patience ends. What is returned may
    /// still be an answer that says no.
    pub(super) async fn send(&self, call: &Call) -> Result<Reply, Error> {
        let mut attempt = 0;
        loop {
            let result = self.follow(call).await;
            let (cause, asked) = match &result {
                Ok(reply) if is_passing(reply.status) => {
                    (format!("{} answered {}", host(&reply.url), reply.status), reply.retry_after())
                }
                Err(Error::Network(network)) if network.cause.is_passing() => (network.to_string(), None),
                _ => return result,
            };
            if attempt >= self.limits.retries || asked.is_some_and(|asked| asked > self.limits.longest_patience) {
                return result;
            }
            self.wait(attempt, asked, cause).await;
            attempt += 1;
        }
    }

    /// Waits before attempt number `attempt + 1`: as long as the server asks, else twice as long as before, a bit more
    /// or less so that many clients do not come back at once.
    async fn wait(&self, attempt: u32, asked: Option<Duration>, cause: String) {
        let own = self.limits.first_delay.saturating_mul(1 << attempt.min(16)).min(self.limits.longest_delay);
        let delay = asked.filter(|asked| !asked.is_zero()).unwrap_or_else(|| own.mul_f64(jitter()));
        self.notices.notice(Notice::Retry { cause, delay });
        tokio::time::sleep(delay).await;
    }

    /// Reads a body to its end; an answer that does not say 2xx becomes an error.
    pub(super) async fn body(&self, call: &Call, reply: Reply, wanted: &Wanted<'_>) -> Result<Bytes, Error> {
        if !reply.status.is_success() {
            return Err(self.refusal(call, reply).await);
        }
        let mut content = BytesMut::new();
        self.append(call, reply.body, &mut content, wanted).await?;
        Ok(content.freeze())
    }

    /// A request whose whole answer is read; it is sent again if the body breaks off. For small bodies.
    pub(super) async fn fetch(&self, call: &Call, wanted: &Wanted<'_>) -> Result<(HeaderMap, Url, Bytes), Error> {
        let mut attempt = 0;
        loop {
            let reply = self.send(call).await?;
            let (headers, url) = (reply.headers.clone(), reply.url.clone());
            match self.body(call, reply, wanted).await {
                Ok(content) => return Ok((headers, url, content)),
                Err(Error::Network(network)) if network.cause.is_passing() && attempt < self.limits.retries => {
                    self.wait(attempt, None, network.to_string()).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Downloads a body, going on where it broke off if the server can do that, from the start otherwise. The caller
    /// compares the digest: pieces of two different contents cannot pass.
    pub(super) async fn download(&self, call: &Call, first: Reply, wanted: &Wanted<'_>) -> Result<Bytes, Error> {
        let deadline = Instant::now() + self.limits.download;
        let validator = first
            .header(header::ETAG)
            .filter(|tag| !tag.starts_with("W/"))
            .or_else(|| first.header(header::LAST_MODIFIED))
            .map(str::to_owned);
        let mut content = BytesMut::new();
        let mut reply = first;
        let mut attempt = 0;
        loop {
            let broken = match self.part(call, reply, &mut content, wanted, deadline).await {
                Ok(()) => return Ok(content.freeze()),
                Err(Error::Network(network)) if network.cause.is_passing() && attempt < self.limits.retries => network,
                Err(error) => return Err(error),
            };
            self.wait(attempt, None, broken.to_string()).await;
            attempt += 1;
            let mut again = call.clone();
            // Without a validator nothing but the digest tells whether the content is still the same; where there is
            // neither, it starts anew.
            if !content.is_empty() && (validator.is_some() || wanted.size.is_some()) {
                again = again.header(header::RANGE, &format!("bytes={}-", content.len()));
                if let Some(validator) = &validator {
                    again = again.header(header::IF_RANGE, validator);
                }
            }
            reply = self.send(&again).await?;
            if reply.status == StatusCode::RANGE_NOT_SATISFIABLE {
                content.clear();
                reply = self.send(call).await?;
            }
        }
    }

    async fn part(
        &self,
        call: &Call,
        reply: Reply,
        content: &mut BytesMut,
        wanted: &Wanted<'_>,
        deadline: Instant,
    ) -> Result<(), Error> {
        match reply.status {
            StatusCode::PARTIAL_CONTENT => {
                let range = reply.header(header::CONTENT_RANGE).unwrap_or_default();
                let start = range.strip_prefix("bytes ").and_then(|range| range.split('-').next()?.parse::<u64>().ok());
                if start != Some(content.len() as u64) {
                    return Err(call.broken(format!("an answer for another range: {range:?}")));
                }
            }
            status if status.is_success() => content.clear(),
            _ => return Err(self.refusal(call, reply).await),
        }
        let Ok(result) = tokio::time::timeout_at(deadline, self.append(call, reply.body, content, wanted)).await else {
            let text = format!("no end after {} s", self.limits.download.as_secs());
            return Err(timeout(call, &text, Cause::Other).into());
        };
        result?;
        match wanted.size {
            // A clean end too early is a broken stream too.
            Some(size) if (content.len() as u64) < size => {
                let text = format!("unexpected EOF after {} of {size} bytes", content.len());
                Err(timeout(call, &text, Cause::Cut).into())
            }
            _ => Ok(()),
        }
    }

    async fn append(
        &self,
        call: &Call,
        mut body: Incoming,
        content: &mut BytesMut,
        wanted: &Wanted<'_>,
    ) -> Result<(), Error> {
        let limit = wanted.size.map_or(wanted.limit, |size| size.min(wanted.limit));
        loop {
            match tokio::time::timeout(self.limits.idle, body.frame()).await {
                Err(_) => {
                    let text = format!("nothing came for {} s", self.limits.idle.as_secs());
                    return Err(timeout(call, &text, Cause::Timeout).into());
                }
                Ok(None) => return Ok(()),
                Ok(Some(Err(error))) => {
                    let mut network = judge(&call.method, &call.url, &error);
                    if network.cause == Cause::Other {
                        network.cause = Cause::Cut;
                    }
                    return Err(network.into());
                }
                Ok(Some(Ok(frame))) => {
                    if let Some(piece) = frame.data_ref() {
                        if (content.len() + piece.len()) as u64 > limit {
                            return Err(Error::TooLarge { what: wanted.what.to_owned(), limit });
                        }
                        content.extend_from_slice(piece);
                    }
                }
            }
        }
    }

    /// The error of an answer that says no: what the registry tells, as far as it is in the format of the specification.
    pub(super) async fn refusal(&self, call: &Call, reply: Reply) -> Error {
        let (status, retry_after, url) = (reply.status, reply.retry_after(), reply.url.clone());
        let mut content = BytesMut::new();
        let wanted = Wanted { what: "the error", size: None, limit: 8 << 10 };
        // What cannot be read leaves the number of the status to tell.
        let errors = match self.append(call, reply.body, &mut content, &wanted).await {
            Ok(()) => refusal_texts(&content),
            Err(_) => Vec::new(),
        };
        Error::from(Refusal {
            method: call.method.to_string(),
            url: shown(&url),
            status: status.as_u16(),
            errors,
            retry_after,
        })
    }
}

/// How this program names itself.
const USER_AGENT: &str = concat!("maibot/", env!("CARGO_PKG_VERSION"));

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500..=599)
}

/// Between 0.9 and 1.1.
fn jitter() -> f64 {
    let nanoseconds =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    0.9 + f64::from(nanoseconds % 1000) / 5000.0
}

fn timeout(call: &Call, text: &str, cause: Cause) -> Network {
    Network {
        method: call.method.to_string(),
        url: shown(&call.url),
        text: text.to_owned(),
        cause,
        chain: Vec::new(),
        proxy: None,
    }
}

/// The errors of a registry's answer as oras-go prints them: `code in words: message: detail`.
fn refusal_texts(content: &[u8]) -> Vec<String> {
    let Ok(answer) = serde_json::from_slice::<serde_json::Value>(content) else { return Vec::new() };
    let errors = answer.get("errors").and_then(serde_json::Value::as_array);
    errors
        .into_iter()
        .flatten()
        .take(20)
        .map(|error| {
            let text = |key: &str| error.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
            let code = text("code").replace('_', " ").to_lowercase();
            match (text("message"), error.get("detail")) {
                ("", _) => code,
                (message, None | Some(serde_json::Value::Null)) => format!("{code}: {message}"),
                (message, Some(detail)) => format!("{code}: {message}: {}", go_text(detail, 0)),
            }
        })
        .map(|text| text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect())
        .collect()
}

/// A JSON value as Go's `%v` prints what `encoding/json` makes of it.
fn go_text(value: &serde_json::Value, depth: usize) -> String {
    use serde_json::Value;
    match value {
        _ if depth > 8 => "…".to_owned(),
        Value::Null => "<nil>".to_owned(),
        Value::Bool(boolean) => boolean.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| go_text(item, depth + 1)).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(map) => {
            let sorted: std::collections::BTreeMap<_, _> = map.iter().collect();
            let pairs: Vec<String> =
                sorted.into_iter().map(|(key, value)| format!("{key}:{}", go_text(value, depth + 1))).collect();
            format!("map[{}]", pairs.join(" "))
        }
    }
}

/// Finds out what an error of the HTTP stack means, and says it in Go's words where they are known.
fn judge(method: &Method, url: &Url, error: &(dyn StdError + 'static)) -> Network {
    let mut cause = Cause::Other;
    let mut certificate = None;
    let mut chain: Vec<String> = Vec::new();
    let mut next = Some(error);
    // Bounded, should a source ever cycle.
    for _ in 0..24 {
        let Some(error) = next else { break };
        if let Some(hyper) = error.downcast_ref::<hyper::Error>()
            && (hyper.is_incomplete_message() || hyper.is_closed() || hyper.is_body_write_aborted())
        {
            cause = Cause::Cut;
        }
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            cause = Cause::Tls;
            certificate = Some(tls.clone());
        }
        let io = error.downcast_ref::<std::io::Error>();
        if let Some(io) = io
            && cause == Cause::Other
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
        let wrapper = text == "client error (Connect)" || text == "client error (SendRequest)";
        if !wrapper && !chain.iter().any(|known| known.contains(&text)) {
            chain.push(text);
        }
        next = match io.and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    let port = url.port_or_known_default().unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    let text = match cause {
        Cause::Refused => format!("dial tcp {host}:{port}: connect: connection refused"),
        Cause::Name => format!("dial tcp: lookup {host}: no such host"),
        Cause::Tls => certificate.map_or_else(|| chain.join(": "), |error| certificate_text(&error)),
        Cause::Cut => "EOF".to_owned(),
        _ if chain.is_empty() => error.to_string(),
        _ => chain.join(": "),
    };
    Network { method: method.to_string(), url: shown(url), text, cause, chain, proxy: None }
}

/// What Go says of the most usual trouble with certificates.
fn certificate_text(error: &rustls::Error) -> String {
    use rustls::CertificateError;
    let reason = match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "x509: certificate signed by unknown authority".to_owned()
        }
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "x509: certificate has expired or is not yet valid".to_owned()
        }
        rustls::Error::InvalidCertificate(other) => other.to_string(),
        // What comes is no TLS at all.
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
            return "http: server gave HTTP response to HTTPS client".to_owned();
        }
        rustls::Error::AlertReceived(alert) => {
            return format!("remote error: tls: {alert:?}");
        }
        other => return format!("tls: {other}"),
    };
    format!("tls: failed to verify certificate: {reason}")
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::{refusal_texts, same_origin, shown};

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same = |one: &str, other: &str| same_origin(&one.parse().unwrap(), &other.parse().unwrap());
        assert!(same("https://a/x", "https://A:443/y"));
        assert!(!same("https://a", "http://a"));
        assert!(!same("https://a", "https://a:444"));
        assert!(!same("https://a", "https://b"));
    }

    #[test]
    fn a_shown_address_holds_no_password_and_no_signature() {
        let shown = |text: &str| shown(&text.parse::<Url>().unwrap());
        assert_eq!(shown("https://u:p@a/x?n=1"), "https://a/x?n=1");
        assert_eq!(shown("https://a/x?X-Amz-Signature=abc"), "https://a/x?%E2%80%A6");
    }

    #[test]
    fn what_a_registry_tells_is_printed_as_oras_prints_it() {
        let texts = |text: &str| refusal_texts(text.as_bytes());
        assert_eq!(
            texts(
                r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":[{"Type":"repository","Action":"pull"}]}]}"#
            ),
            ["unauthorized: authentication required: [map[Action:pull Type:repository]]"]
        );
        assert_eq!(
            texts(r#"{"errors":[{"code":"NAME_UNKNOWN"},{"code":"X","message":"a\u001b[31m"}]}"#),
            ["name unknown", "x: a [31m"]
        );
        assert!(texts("<html>").is_empty());
    }
}
