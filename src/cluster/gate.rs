//! What every request passes: the rate, renewed credentials, time limits, retries, warnings, and errors taken apart.
//!
//! kube's own retry is off: it repeats `POST`, does not repeat connection errors, and goes on for very long. Rules for
//! repeating: client-go's (429 and 5xx with `Retry-After` for every method, since the server sends that header only
//! when nothing was done), and RFC 9110 on idempotent methods. A connection that never came about was never used for
//! a request, so that any method may be repeated after it.

use std::collections::HashSet;
use std::error::Error as StdError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, UPGRADE, WARNING};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use kube::core::Status;
use tokio::time::Instant;
use tower::BoxError;

use super::client::{APPLY_PATCH, Answer, Call, Signal, Signals};
use super::config::ConfigError;
use super::credential::Credentials;
use super::error::{Cause, Error, Target, Unreachable};
use super::refusal::is_unfit;
use super::settings::Limits;

/// The largest answer that is read, in bytes; a list page of 500 release records of 1 MiB each is above it on purpose.
const LARGEST_ANSWER: usize = 256 << 20;

/// How often a request that is answered with 500 is repeated.
const DEFECT_RETRIES: u32 = 2;

/// What stands between all requests and the network.
pub(crate) struct Gate {
    pub(crate) signals: Arc<dyn Signals>,
    pub(crate) requests: AtomicU64,
    contacted: AtomicBool,
    warned: Mutex<HashSet<String>>,
    pace: Option<Pace>,
    pub(crate) limits: Limits,
    pub(crate) address: String,
    proxy: Option<String>,
    credentials: Credentials,
}

/// The rate that `--qps` and `--burst-limit` ask for: a bucket of `burst` tokens, filled at `qps` tokens a second.
pub(crate) struct Pace {
    interval: Duration,
    burst: u32,
    /// When the next request would be due if none came in bursts.
    due: Mutex<Option<Instant>>,
}

impl Pace {
    pub(crate) fn new(qps: f64, burst: u32) -> Option<Self> {
        let interval = Duration::try_from_secs_f64(1.0 / qps).ok().filter(|_| qps > 0.0)?;
        Some(Self { interval, burst: burst.max(1), due: Mutex::new(None) })
    }

    /// How long the request that is about to be sent has to wait.
    fn reserve(&self, now: Instant) -> Duration {
        let mut slot = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let due = slot.map_or(now, |due| due.max(now));
        *slot = Some(due + self.interval);
        (due - now).saturating_sub(self.interval * (self.burst - 1))
    }
}

/// What came of one attempt.
enum Seen {
    /// The status of an answer, and the wait it asks for.
    Answer(StatusCode, Option<Duration>),
    /// No answer.
    Failure(Failure),
}

/// The head of the answer did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", .0.as_secs_f32())]
struct NoAnswer(Duration);

impl Gate {
    pub(crate) fn new(
        signals: Arc<dyn Signals>,
        pace: Option<Pace>,
        limits: Limits,
        address: String,
        proxy: Option<String>,
        credentials: Credentials,
    ) -> Self {
        Self {
            signals,
            requests: AtomicU64::new(0),
            contacted: AtomicBool::new(false),
            warned: Mutex::new(HashSet::new()),
            pace,
            limits,
            address,
            proxy,
            credentials,
        }
    }

    pub(crate) async fn send(
        &self,
        inner: &kube::Client,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, BoxError> {
        let repeatable = is_repeatable(&request);
        let names_group_version = names_group_version(request.uri().path());
        let started = Instant::now();
        let mut delay = self.limits.first_delay;
        let mut refused = false;
        let mut attempt = 0;
        loop {
            let again = copy(&request);
            let header = self.credentials.header(&self.signals).await?;
            if let Some(header) = &header {
                request.headers_mut().insert(AUTHORIZATION, header.clone());
            }
            if let Some(pace) = &self.pace {
                tokio::time::sleep(pace.reserve(Instant::now())).await;
            }
            self.requests.fetch_add(1, Ordering::Relaxed);
            let Ok(result) = tokio::time::timeout(self.limits.answer, inner.send(request)).await else {
                return Err(NoAnswer(self.limits.answer).into());
            };
            let (result, unfit) = self.read_verdict(result).await;
            let (cause, wait) = match self.look(&result) {
                Seen::Answer(status, asked) => {
                    let again = match status.as_u16() {
                        429 => true,
                        // A 500 is mostly a defect (of a webhook, say) that does not pass; the others are outages.
                        500 => asked.is_some() || (repeatable && !unfit && attempt < DEFECT_RETRIES),
                        // An API whose own server is out of order stays so until somebody repairs it.
                        503 if names_group_version => asked.is_some(),
                        502..=504 => repeatable || asked.is_some(),
                        // Credentials that can be renewed get a second chance.
                        401 if !refused => match &header {
                            Some(header) => self.credentials.refused(header).await,
                            None => false,
                        },
                        _ => false,
                    };
                    if !again {
                        return Ok(result?);
                    }
                    refused |= status == StatusCode::UNAUTHORIZED;
                    let wait = asked.map_or(delay, |asked| asked.max(delay));
                    (status.to_string(), wait.min(self.limits.longest_delay))
                }
                Seen::Failure(failure) => {
                    if !self.may_repeat(&failure, repeatable) {
                        return Ok(result?);
                    }
                    (failure.chain.join(": "), delay)
                }
            };
            attempt += 1;
            let budget =
                if self.contacted.load(Ordering::Relaxed) { self.limits.retries } else { self.limits.first_contact };
            let Some(again) = again.filter(|_| started.elapsed() + wait <= budget) else { return Ok(result?) };
            self.signals.signal(Signal::Retry { cause, delay: wait });
            tokio::time::sleep(wait).await;
            delay = (delay * 2).min(self.limits.longest_delay);
            request = again;
        }
    }

    /// Server-side apply says with a 500 that an object does not fit its kind, which no repetition changes: whether an
    /// answer says so. Its body is read for that and put back.
    async fn read_verdict(
        &self,
        result: Result<Response<Body>, kube::Error>,
    ) -> (Result<Response<Body>, kube::Error>, bool) {
        match result {
            Ok(response) if response.status() == StatusCode::INTERNAL_SERVER_ERROR => {
                let (head, body) = response.into_parts();
                // What cannot be read says nothing; the status goes on alone.
                let bytes = self.read(body, &Target::default()).await.unwrap_or_default();
                let unfit = is_unfit(&String::from_utf8_lossy(&bytes));
                (Ok(Response::from_parts(head, Body::from(bytes))), unfit)
            }
            other => (other, false),
        }
    }

    fn look(&self, result: &Result<Response<Body>, kube::Error>) -> Seen {
        match result {
            Ok(response) => {
                self.contacted.store(true, Ordering::Relaxed);
                self.report_warnings(response.headers());
                Seen::Answer(response.status(), retry_after(response.headers()))
            }
            Err(error) => Seen::Failure(Failure::of(error)),
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

    pub(crate) fn error(&self, error: kube::Error, target: Target) -> Error {
        match error {
            kube::Error::Api(status) => Error::refused(*status, target, None, &self.credentials.describe(), false),
            kube::Error::Auth(error) => Error::Config(ConfigError::Credentials(Failure::of(&error).chain.join(": "))),
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

    fn timeout(&self, target: Target, after: Duration) -> Error {
        Error::Timeout { address: self.address.clone(), target: Box::new(target), after }
    }

    /// Reads a whole body; one that is cut is told from every other trouble by its [`Cause::Cut`].
    pub(crate) async fn read(&self, body: Body, target: &Target) -> Result<Bytes, Error> {
        match tokio::time::timeout(self.limits.answer, Limited::new(body, LARGEST_ANSWER).collect()).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Error::Protocol {
                target: Box::new(target.clone()),
                message: format!("more than {LARGEST_ANSWER} bytes"),
            }),
            Ok(Err(error)) => {
                let mut failure = Failure::of(error.as_ref());
                failure.sent = true;
                if failure.cause == Cause::Other {
                    failure.cause = Cause::Cut;
                }
                Err(self.unreachable(failure))
            }
            Err(_) => Err(self.timeout(target.clone(), self.limits.answer)),
        }
    }

    pub(crate) fn understand(&self, head: &http::response::Parts, bytes: &[u8], call: &Call) -> Result<Answer, Error> {
        let target = call.target.clone();
        if head.status.is_success() {
            return match serde_json::from_slice(bytes) {
                Ok(body) => Ok(Answer { status: head.status, body }),
                Err(error) => {
                    Err(Error::Protocol { target: Box::new(target), message: not_json(&head.headers, bytes, &error) })
                }
            };
        }
        let status = match serde_json::from_slice::<Status>(bytes) {
            Ok(mut status) if !status.message.is_empty() || !status.reason.is_empty() => {
                status.code = head.status.as_u16();
                status
            }
            // The server's answer to a path it does not serve is no status object.
            _ if head.status == StatusCode::NOT_FOUND && !target.kind.is_empty() => {
                return Err(Error::UnknownKind { api_version: target.api_version, kind: target.kind });
            }
            _ => Status::failure(&excerpt(bytes), "").with_code(head.status.as_u16()),
        };
        let creating = call.method == Method::POST;
        Err(Error::refused(status, target, retry_after(&head.headers), &self.credentials.describe(), creating))
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
            if text.contains("dns error") || text == "invalid dns name" {
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

/// Whether a path is that of a group version (`/apis/metrics.k8s.io/v1beta1`), where its kinds are told.
fn names_group_version(path: &str) -> bool {
    path.strip_prefix("/apis/").is_some_and(|path| path.matches('/').count() == 1 && !path.ends_with('/'))
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
        Method::PATCH => headers.get(CONTENT_TYPE).is_some_and(|kind| kind == APPLY_PATCH),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, headers: &[(&str, &str)]) -> Request<Body> {
        let mut builder = Request::builder().method(method).uri("/");
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Body::empty()).unwrap()
    }

    #[test]
    fn only_requests_that_may_run_twice_are_repeated() {
        for (method, headers, expected) in [
            ("GET", &[][..], true),
            ("GET", &[("upgrade", "websocket")], false),
            ("DELETE", &[], true),
            ("PATCH", &[("content-type", "application/apply-patch+yaml")], true),
            ("PATCH", &[("content-type", "application/json-patch+json")], false),
            ("POST", &[], false),
            ("PUT", &[], false),
        ] {
            assert_eq!(is_repeatable(&request(method, headers)), expected, "{method} {headers:?}");
        }
    }

    #[test]
    fn a_copy_of_a_request_is_the_same_request() {
        let mut original = request("PATCH", &[("content-type", "a"), ("x", "1"), ("x", "2")]);
        *original.body_mut() = Body::from(b"body".to_vec());
        let copy = copy(&original).unwrap();
        assert_eq!(
            (copy.method(), copy.uri(), copy.headers()),
            (original.method(), original.uri(), original.headers())
        );
    }

    #[test]
    fn a_warning_header_is_unquoted() {
        let text = |value: &'static str| warning_text(&HeaderValue::from_static(value));
        assert_eq!(text("299 - \"use \\\"b\\\" \\\\ c\"").as_deref(), Some("use \"b\" \\ c"));
        assert_eq!(text("299 kube-apiserver \"old\" \"Sat, 25 Aug 2012 23:34:45 GMT\"").as_deref(), Some("old"));
        for broken in ["299 - \"open", "299 -", "199 - \"other\"", "", "299 - bare"] {
            assert_eq!(text(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_rate_lets_a_burst_through_and_then_holds() {
        let pace = Pace::new(10.0, 3).unwrap();
        let now = Instant::now();
        let waits: Vec<_> = (0..6).map(|_| pace.reserve(now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 100, 200, 300]);
        let later = now + Duration::from_secs(10);
        assert_eq!(pace.reserve(later).as_millis(), 0, "an idle connection has its burst again");
        assert!(Pace::new(0.0, 3).is_none() && Pace::new(-1.0, 3).is_none() && Pace::new(f64::NAN, 3).is_none());
    }

    #[test]
    fn what_came_instead_of_json_is_shown_only_if_it_was_not_meant_as_json() {
        let error = serde_json::from_slice::<serde_json::Value>(b"{").unwrap_err();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        assert!(!not_json(&headers, b"{ \"token\": \"secret", &error).contains("secret"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        assert_eq!(not_json(&headers, b"<p>\n log in", &error), "text/html instead of JSON: <p> log in");
    }
}
