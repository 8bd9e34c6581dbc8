//! A scripted API server on a loopback port, in this process.
//!
//! It speaks HTTP/1.1 by hand, because its business is to misbehave: to cut a connection at any byte, to answer late,
//! twice or with rubbish, to stream a watch in pieces. Scripts are asked in the order in which they were added; the
//! first that fits answers. What no script answers goes to the stored objects (see `store`), if there are any, and is
//! answered 404 otherwise. Every request is recorded.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use maibot::cluster::{Cluster, Error, KubeSettings, Limits, Signal, Signals};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// `GET`, ….
    pub method: String,
    /// The path, percent-decoded.
    pub path: String,
    /// The query as `key`, `value` pairs, decoded.
    pub query: Vec<(String, String)>,
    /// Headers, names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Which connection it came on, counted from zero.
    pub connection: usize,
}

impl Recorded {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All headers of that (lower-case) name.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a query parameter.
    pub fn queries(&self, name: &str) -> Vec<&str> {
        self.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// `GET /path`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// A connection handed over to a script, for websockets and other conversations.
pub type Conversation = Box<dyn FnOnce(TcpStream) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// What a script answers.
pub enum Answer {
    /// A whole response with `Content-Length`.
    Full {
        /// The HTTP status.
        status: u16,
        /// Headers beside `Content-Length`.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// A chunked response, each item one chunk; it ends properly when the sender is dropped. An `Err` cuts the
    /// connection in the middle of the body.
    Stream {
        /// Headers beside `Transfer-Encoding`.
        headers: Vec<(String, String)>,
        /// The chunks.
        chunks: mpsc::UnboundedReceiver<Result<Vec<u8>, Cut>>,
    },
    /// Exactly these bytes; then the connection is closed.
    Raw(Vec<u8>),
    /// No byte of an answer.
    Cut(Cut),
    /// The other answer, later.
    Late(Duration, Box<Answer>),
    /// The connection goes to the script; nothing is written before.
    Converse(Conversation),
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Closed (FIN).
    Close,
    /// Reset (RST).
    Reset,
    /// Left open for ever, silent.
    Silence,
}

impl Answer {
    /// A JSON body with a status.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::Full {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_string().into_bytes(),
        }
    }

    /// 200 with a JSON body.
    pub fn ok(body: &Value) -> Self {
        Self::json(200, body)
    }

    /// A `Status` object as the API server refuses with.
    pub fn refusal(code: u16, reason: &str, message: &str) -> Self {
        Self::json(code, &status(code, reason, message))
    }

    /// A text body.
    pub fn text(status: u16, content_type: &str, body: &str) -> Self {
        Self::Full { status, headers: vec![("content-type".into(), content_type.into())], body: body.into() }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        match &mut self {
            Self::Full { headers, .. } | Self::Stream { headers, .. } => headers.push((name.into(), value.into())),
            Self::Late(_, answer) => {
                let inner = std::mem::replace(answer.as_mut(), Self::Cut(Cut::Close));
                **answer = inner.with_header(name, value);
            }
            Self::Raw(_) | Self::Cut(_) | Self::Converse(_) => panic!("this answer has no headers"),
        }
        self
    }

    /// The same, later.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self::Late(delay, Box::new(self))
    }

    /// A watch that sends these events, one chunk each, and ends as `end` says (`None`: properly).
    pub fn watch(events: &[Value], end: Option<Cut>) -> Self {
        let (sender, chunks) = mpsc::unbounded_channel();
        for event in events {
            sender.send(Ok(format!("{event}\n").into_bytes())).unwrap();
        }
        if let Some(cut) = end {
            sender.send(Err(cut)).unwrap();
        }
        Self::Stream { headers: vec![("content-type".into(), "application/json".into())], chunks }
    }

    /// A watch fed through the returned sender; it ends when the sender is dropped.
    pub fn live() -> (mpsc::UnboundedSender<Result<Vec<u8>, Cut>>, Self) {
        let (sender, chunks) = mpsc::unbounded_channel();
        (sender, Self::Stream { headers: vec![("content-type".into(), "application/json".into())], chunks })
    }
}

/// A `Status` object.
pub fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

type Script = Box<dyn FnMut(&Recorded) -> Option<Answer> + Send>;

#[derive(Default)]
struct State {
    scripts: Vec<Script>,
    requests: Vec<Recorded>,
    connections: usize,
    store: Option<super::store::Store>,
}

/// The server; it stops when dropped.
pub struct FakeServer {
    port: u16,
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeServer {
    /// A server without scripts and without objects.
    pub async fn start() -> Self {
        Self::start_on(0).await
    }

    /// The same on a given port, such as that of a server that went away.
    pub async fn start_on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            // Dropped with this task, so that no connection outlives the server.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                // Else each answer in two pieces waits for the client's delayed acknowledgement.
                let _ = stream.set_nodelay(true);
                let number = {
                    let mut state = lock(&shared);
                    state.connections += 1;
                    state.connections - 1
                };
                connections.spawn(serve(stream, number, Arc::clone(&shared)));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { port, state, task }
    }

    /// A server that keeps objects.
    pub async fn with_store() -> Self {
        let server = Self::start().await;
        lock(&server.state).store = Some(super::store::Store::new());
        server
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Adds a script: it is asked for every request and answers those it wants to.
    pub fn script(&self, script: impl FnMut(&Recorded) -> Option<Answer> + Send + 'static) {
        lock(&self.state).scripts.push(Box::new(script));
    }

    /// Answers every such request. A path that ends in `*` fits everything that starts so.
    pub fn on(&self, method: &str, path: &str, mut answer: impl FnMut(&Recorded) -> Answer + Send + 'static) {
        let (method, path) = (method.to_owned(), path.to_owned());
        self.script(move |request| fits(request, &method, &path).then(|| answer(request)));
    }

    /// Answers one such request; several for the same path answer one after another.
    pub fn once(&self, method: &str, path: &str, answer: Answer) {
        let (method, path, mut answer) = (method.to_owned(), path.to_owned(), Some(answer));
        self.script(move |request| if fits(request, &method, &path) { answer.take() } else { None });
    }

    /// Everything that was asked so far.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.state).requests.clone()
    }

    /// The request lines so far: `GET /api/v1/…`.
    pub fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Recorded::line).collect()
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        lock(&self.state).connections
    }

    /// Looks at or changes the stored objects.
    pub fn store<T>(&self, look: impl FnOnce(&mut super::store::Store) -> T) -> T {
        look(lock(&self.state).store.as_mut().expect("this server keeps no objects"))
    }

    /// Settings that lead here, with short waits.
    pub fn settings(&self) -> KubeSettings {
        KubeSettings { server: Some(self.url()), limits: quick_limits(), ..KubeSettings::default() }
    }

    /// A connection to this server, and what it signals.
    pub async fn cluster(&self) -> (Cluster, Arc<Heard>) {
        connect(&self.settings()).await.unwrap()
    }
}

/// Limits for tests: the same rules, faster.
pub fn quick_limits() -> Limits {
    Limits {
        connect: Duration::from_secs(2),
        answer: Duration::from_secs(5),
        first_delay: Duration::from_millis(10),
        longest_delay: Duration::from_millis(400),
        first_contact: Duration::from_millis(100),
        retries: Duration::from_secs(2),
    }
}

/// Connects and keeps the signals.
pub async fn connect(settings: &KubeSettings) -> Result<(Cluster, Arc<Heard>), Error> {
    let heard = Arc::new(Heard::default());
    let cluster = Cluster::connect(settings, Arc::clone(&heard) as Arc<dyn Signals>).await?;
    Ok((cluster, heard))
}

/// Keeps signals.
#[derive(Default)]
pub struct Heard(Mutex<Vec<Signal>>);

impl Heard {
    /// All so far.
    pub fn all(&self) -> Vec<Signal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Signals for Heard {
    fn signal(&self, signal: Signal) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(signal);
    }
}

fn fits(request: &Recorded, method: &str, path: &str) -> bool {
    let path_fits = match path.strip_suffix('*') {
        Some(start) => request.path.starts_with(start),
        None => request.path == path,
    };
    path_fits && (method == "*" || request.method == method)
}

async fn serve(mut stream: TcpStream, number: usize, state: Arc<Mutex<State>>) {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer, number).await {
        let answer = {
            let mut state = lock(&state);
            state.requests.push(request.clone());
            let scripted = state.scripts.iter_mut().find_map(|script| script(&request));
            match (scripted, &mut state.store) {
                (Some(answer), _) => answer,
                (None, Some(store)) => store.answer(&request),
                (None, None) => Answer::refusal(404, "NotFound", "the server could not find the requested resource"),
            }
        };
        if !give(&mut stream, answer).await {
            return;
        }
    }
}

/// Gives an answer; says whether the connection goes on.
async fn give(stream: &mut TcpStream, answer: Answer) -> bool {
    match answer {
        Answer::Late(delay, answer) => {
            tokio::time::sleep(delay).await;
            Box::pin(give(stream, *answer)).await
        }
        Answer::Full { status, headers, body } => {
            let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
            head.push_str(&lines(&headers));
            stream.write_all(head.as_bytes()).await.is_ok() && stream.write_all(&body).await.is_ok()
        }
        Answer::Stream { headers, mut chunks } => {
            let mut head = String::from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n");
            head.push_str(&lines(&headers));
            if stream.write_all(head.as_bytes()).await.is_err() {
                return false;
            }
            loop {
                let mut nothing = [0; 1];
                let chunk = tokio::select! {
                    chunk = chunks.recv() => chunk,
                    // The client went away; a client that sends anything during a stream is not expected.
                    _ = stream.read(&mut nothing) => return false,
                };
                match chunk {
                    Some(Ok(bytes)) => {
                        let framed = [format!("{:x}\r\n", bytes.len()).as_bytes(), &bytes, b"\r\n"].concat();
                        if stream.write_all(&framed).await.is_err() {
                            return false;
                        }
                    }
                    Some(Err(end)) => {
                        cut(stream, end).await;
                        return false;
                    }
                    None => return stream.write_all(b"0\r\n\r\n").await.is_ok(),
                }
            }
        }
        Answer::Raw(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            false
        }
        Answer::Cut(end) => {
            cut(stream, end).await;
            false
        }
        Answer::Converse(conversation) => {
            let taken = std::mem::replace(stream, unconnected().await);
            conversation(taken).await;
            false
        }
    }
}

/// Header lines and the empty line after them.
fn lines(headers: &[(String, String)]) -> String {
    let mut lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    lines.push("\r\n".to_owned());
    lines.concat()
}

/// A socket to leave in place of one that was handed over.
async fn unconnected() -> TcpStream {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    TcpStream::connect(listener.local_addr().unwrap()).await.unwrap()
}

async fn cut(stream: &mut TcpStream, end: Cut) {
    match end {
        Cut::Close => {
            let _ = stream.shutdown().await;
        }
        Cut::Reset => {
            let _ = stream.set_zero_linger();
        }
        Cut::Silence => std::future::pending().await,
    }
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>, connection: usize) -> Option<Recorded> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
    buffer.drain(..end + 4);
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    while buffer.len() < length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = buffer.drain(..length).collect();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect();
    Some(Recorded { method, path: decode(path), query, headers, body, connection })
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned()
}

/// Labels as a map, for the store and for tests.
pub fn labels(object: &Value) -> BTreeMap<String, String> {
    let labels = object["metadata"]["labels"].as_object();
    labels
        .map(|labels| {
            labels.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().into())).collect()
        })
        .unwrap_or_default()
}
