//! The far end of an exec for the scripted server: a websocket with Kubernetes' channels, before a real program of this
//! machine or before a script, which breaks off where a test wants it to.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::server::{Answer, Recorded};

/// Which of the two protocols is agreed upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Can end the input by itself.
    V5,
    /// Cannot.
    V4,
}

/// Where a stream breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// Nowhere.
    Never,
    /// After so many bytes of input have reached the program.
    Input(usize),
    /// After so many bytes of output have left the server.
    Output(usize),
    /// When the output is complete: the status never comes.
    Status,
}

/// How it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The websocket is closed in order, but too early.
    Closed,
    /// The connection is reset.
    Reset,
}

/// How an exec goes.
#[derive(Clone)]
pub struct Plan {
    /// The protocol.
    pub protocol: Protocol,
    /// Where it breaks.
    pub at: Break,
    /// How it breaks.
    pub how: How,
    /// The program is killed when it breaks, or this long after its input began; otherwise it works on and ends by itself.
    pub kill: bool,
    /// Kills the program so long after the input has passed `Break::Input`.
    pub kill_after: Option<Duration>,
    /// Bytes of input that have reached the program.
    pub input: Arc<AtomicUsize>,
    /// Bytes of output that have left the server.
    pub output: Arc<AtomicUsize>,
    /// Programs that have ended.
    pub ended: Arc<AtomicUsize>,
}

impl Plan {
    /// It goes well.
    pub fn new() -> Self {
        Self {
            protocol: Protocol::V5,
            at: Break::Never,
            how: How::Reset,
            kill: false,
            kill_after: None,
            input: Arc::default(),
            output: Arc::default(),
            ended: Arc::default(),
        }
    }
}

type Socket = WebSocketStream<TcpStream>;

/// Agrees to a websocket.
pub async fn upgrade(mut stream: TcpStream, request: &Recorded, protocol: Protocol) -> Socket {
    let accept = derive_accept_key(request.header("sec-websocket-key").unwrap().as_bytes());
    let protocol = match protocol {
        Protocol::V5 => "v5.channel.k8s.io",
        Protocol::V4 => "v4.channel.k8s.io",
    };
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-accept: {accept}\r\nsec-websocket-protocol: {protocol}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    WebSocketStream::from_raw_socket(stream, Role::Server, None).await
}

/// A message on a channel.
pub fn on(channel: u8, bytes: &[u8]) -> Message {
    Message::binary([&[channel], bytes].concat())
}

/// The status of a program that ended with this exit status.
pub fn ended(code: i32) -> Value {
    if code == 0 {
        return json!({"metadata": {}, "status": "Success"});
    }
    json!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: exit status {code}"),
        "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
    })
}

/// The status of a runtime that could not run the program.
pub fn refused(message: &str) -> Value {
    json!({"metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500, "message": message,
        "details": {"causes": [{"message": message}]}})
}

/// Ends a connection by a reset.
pub fn reset(socket: Socket) {
    socket.into_inner().set_zero_linger().unwrap();
}

/// Answers an exec by a scripted conversation.
pub fn scripted<F, R>(request: &Recorded, protocol: Protocol, script: F) -> Answer
where
    F: FnOnce(Socket) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let request = request.clone();
    Answer::Converse(Box::new(move |stream| {
        Box::pin(async move { script(upgrade(stream, &request, protocol).await).await })
    }))
}

/// Answers an exec by running the program on this machine.
pub fn run(request: &Recorded, plan: &Plan) -> Answer {
    let command: Vec<String> = request.queries("command").into_iter().map(str::to_owned).collect();
    let plan = plan.clone();
    scripted(request, plan.protocol, move |socket| serve(socket, command, plan))
}

async fn serve(socket: Socket, command: Vec<String>, plan: Plan) {
    let spawned = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let message =
                format!("OCI runtime exec failed: exec: {:?}: executable file not found in $PATH: {error}", command[0]);
            let (mut sink, _) = socket.split();
            let _ = sink.send(on(3, refused(&message).to_string().as_bytes())).await;
            let _ = sink.close().await;
            return;
        }
    };
    let (mut pipe, mut stdout, mut stderr) =
        (child.stdin.take().unwrap(), child.stdout.take().unwrap(), child.stderr.take().unwrap());
    // Channels do not wait for each other.
    let (feed, mut queue) = mpsc::unbounded_channel::<Vec<u8>>();
    let feeder = tokio::spawn(async move {
        while let Some(bytes) = queue.recv().await {
            if pipe.write_all(&bytes).await.is_err() || pipe.flush().await.is_err() {
                return;
            }
        }
    });
    let mut feed = Some(feed);
    let (mut sink, mut source) = socket.split();
    let (mut out, mut err) = (vec![0; 4096], vec![0; 4096]);
    let (mut out_open, mut err_open) = (true, true);
    let mut broken = false;
    let mut gone = false;
    let mut kill_at: Option<tokio::time::Instant> = None;
    while (out_open || err_open) && !broken && !gone {
        tokio::select! {
            message = source.next() => match message {
                Some(Ok(Message::Binary(bytes))) if bytes.first() == Some(&0) => {
                    let mut bytes = &bytes[1..];
                    if let Break::Input(limit) = plan.at {
                        let room = limit.saturating_sub(plan.input.load(Ordering::SeqCst));
                        if bytes.len() > room {
                            bytes = &bytes[..room];
                            match plan.kill_after {
                                Some(after) => kill_at = Some(tokio::time::Instant::now() + after),
                                None => broken = true,
                            }
                        }
                    }
                    if let Some(feed) = &feed {
                        let _ = feed.send(bytes.to_vec());
                    }
                    plan.input.fetch_add(bytes.len(), Ordering::SeqCst);
                }
                Some(Ok(Message::Binary(bytes))) if bytes[..] == [255, 0] => feed = None,
                Some(Ok(Message::Close(_)) | Err(_)) | None => gone = true,
                Some(Ok(_)) => {}
            },
            count = stdout.read(&mut out), if out_open => {
                let mut count = count.unwrap_or(0);
                out_open = count > 0;
                if let Break::Output(limit) = plan.at {
                    let room = limit.saturating_sub(plan.output.load(Ordering::SeqCst));
                    if count > room {
                        count = room;
                        broken = true;
                    }
                }
                if count > 0 {
                    gone |= sink.send(on(1, &out[..count])).await.is_err();
                    plan.output.fetch_add(count, Ordering::SeqCst);
                }
            }
            count = stderr.read(&mut err), if err_open => {
                let count = count.unwrap_or(0);
                err_open = count > 0;
                if count > 0 {
                    gone |= sink.send(on(2, &err[..count])).await.is_err();
                }
            }
            () = tokio::time::sleep_until(kill_at.unwrap_or_else(tokio::time::Instant::now)), if kill_at.is_some() => {
                child.start_kill().unwrap();
                broken = true;
            }
        }
    }
    broken |= plan.at == Break::Status;
    if broken && plan.kill {
        child.start_kill().unwrap();
    }
    drop(feed);
    if broken {
        let mut socket = sink.reunite(source).unwrap();
        match plan.how {
            How::Closed => {
                let _ = socket.close(None).await;
            }
            How::Reset => reset(socket),
        }
        // What the program still has to say, nobody hears.
        let (mut rest, mut more) = (Vec::new(), Vec::new());
        let _ = tokio::join!(stdout.read_to_end(&mut rest), stderr.read_to_end(&mut more));
        let _ = child.wait().await;
        plan.ended.fetch_add(1, Ordering::SeqCst);
        return;
    }
    if gone {
        let _ = child.wait().await;
        plan.ended.fetch_add(1, Ordering::SeqCst);
        return;
    }
    let status = child.wait().await.unwrap();
    plan.ended.fetch_add(1, Ordering::SeqCst);
    let code = status.code().unwrap_or(137);
    let _ = sink.send(on(3, ended(code).to_string().as_bytes())).await;
    let _ = sink.close().await;
    // Closing with input unread would reset the connection and take the status along.
    let _ =
        tokio::time::timeout(Duration::from_secs(5), async { while let Some(Ok(_)) = source.next().await {} }).await;
    feeder.abort();
}
