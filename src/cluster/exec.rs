//! Running a program in a container of a Pod.
//!
//! The stream is a websocket with one channel each for input, output, errors and the end status (`v5.channel.k8s.io`, or v4,
//! which cannot end the input without ending everything). What kube's client leaves to its caller is done here: output
//! is read while input is written, a stream that ends without a status is a failure, a connection that is reset ends
//! the run instead of hanging it, output and time are bounded. Rules: `k8s.io/apimachinery` (`remotecommand`), and what was
//! measured of kube's client.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, SimplexStream, WriteHalf};

use super::client::Cluster;
use super::error::{Error, Target};
use super::fields::shortened;
use crate::code::Code;

/// How much of the streams is kept on the way, in bytes.
const BUFFER: usize = 256 << 10;

/// How long the last output may take to arrive once the program has ended.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What to run where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// The Pod's namespace.
    pub namespace: String,
    /// The Pod.
    pub pod: String,
    /// The container; may be left out for a Pod with one.
    pub container: Option<String>,
    /// Program and arguments, without a shell.
    pub command: Vec<String>,
    /// What the program reads from its standard input. `None`: there is none. With protocol v4 the input cannot be ended
    /// by itself: a program that reads to the end must not be run so, and yields [`ExecError::Broken`] there.
    pub stdin: Option<Vec<u8>>,
    /// How long it may run.
    pub timeout: Duration,
    /// How many bytes it may print, to each of its two outputs.
    pub output_limit: usize,
}

impl Exec {
    /// A program without input, for half a minute, with at most a mebibyte of output.
    pub fn new(namespace: &str, pod: &str, container: &str, command: &[&str]) -> Self {
        Self {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            container: Some(container.to_owned()),
            command: command.iter().map(|&part| part.to_owned()).collect(),
            stdin: None,
            timeout: Duration::from_secs(30),
            output_limit: 1 << 20,
        }
    }

    fn target(&self) -> Target {
        Target {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: Some(self.namespace.clone()),
            name: self.pod.clone(),
        }
    }
}

/// A program that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutcome {
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it printed to its standard error.
    pub stderr: Vec<u8>,
    /// Its exit status.
    pub exit_code: i32,
}

/// A program that did not run to a known end.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExecError {
    /// The API server refused, or could not be reached.
    #[error(transparent)]
    Cluster(#[from] Error),
    /// The container has no such program.
    #[error("there is no program {program:?} in the container: {message}")]
    NoProgram {
        /// Its name.
        program: String,
        /// What the runtime said.
        message: String,
    },
    /// The runtime could not run it.
    #[error("the container runtime could not run {program:?}: {message}")]
    Runtime {
        /// Its name.
        program: String,
        /// What the runtime said.
        message: String,
    },
    /// The stream ended without saying how the program ended.
    #[error("the stream from {program:?} broke off: {message}")]
    Broken {
        /// The program's name.
        program: String,
        /// How it broke.
        message: String,
    },
    /// It took too long and was left.
    #[error("{program:?} did not end within {} s", after.as_secs())]
    TimedOut {
        /// The program's name.
        program: String,
        /// The limit.
        after: Duration,
    },
    /// It printed too much and was left.
    #[error("{program:?} printed more than {limit} bytes")]
    TooMuch {
        /// The program's name.
        program: String,
        /// The limit.
        limit: usize,
    },
}

impl ExecError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Cluster(error) => error.code(),
            Self::NoProgram { .. } | Self::Runtime { .. } => Code::ContainerStart,
            Self::Broken { .. } | Self::TimedOut { .. } => Code::Stream,
            Self::TooMuch { .. } => Code::Protocol,
        }
    }
}

type StatusFuture = Pin<Box<dyn Future<Output = Option<Status>> + Send>>;

/// What is known of a program's end.
#[derive(Debug, Clone)]
enum End {
    /// It runs, as far as one knows.
    NotYet,
    /// The stream is over, and nothing was said.
    Unknown,
    /// The server said how it ended.
    Known(Box<Status>),
}

impl End {
    fn of(status: Option<Status>) -> Self {
        status.map_or(Self::Unknown, |status| Self::Known(Box::new(status)))
    }

    const fn is_open(&self) -> bool {
        matches!(self, Self::NotYet)
    }
}

/// A program that runs, with its streams.
pub(crate) struct Process {
    program: String,
    attached: AttachedProcess,
    stdin: Option<WriteHalf<SimplexStream>>,
    stdout: ReadHalf<SimplexStream>,
    stderr: ReadHalf<SimplexStream>,
    status: StatusFuture,
    ended: End,
    stderr_open: bool,
    // The beginning of what the program printed to its standard error.
    complaints: Vec<u8>,
}

/// How many bytes of a running program's standard error are kept.
const COMPLAINTS: usize = 16 << 10;

impl Process {
    /// Starts a program; `exec.stdin`, `timeout` and `output_limit` are the caller's business.
    pub(crate) async fn start(cluster: &Cluster, exec: &Exec, stdin: bool) -> Result<Self, ExecError> {
        let program = exec.command.first().cloned().unwrap_or_default();
        let mut params = AttachParams::default()
            .stdin(stdin)
            .stdout(true)
            .stderr(true)
            .max_stdin_buf_size(BUFFER)
            .max_stdout_buf_size(BUFFER)
            .max_stderr_buf_size(BUFFER);
        if let Some(container) = &exec.container {
            params = params.container(container);
        }
        // Refuses names that would lead elsewhere.
        if let Some(pods) = super::resource::Resource::known("v1", "Pod") {
            pods.object(Some(&exec.namespace), &exec.pod)?;
        }
        let api: Api<Pod> = Api::namespaced(cluster.client().clone(), &exec.namespace);
        let mut attached = match api.exec(&exec.pod, exec.command.clone(), &params).await {
            Ok(attached) => attached,
            Err(kube::Error::UpgradeConnection(error)) => {
                let message = format!("no websocket: {error}");
                return Err(Error::Protocol { target: Box::new(exec.target()), message }.into());
            }
            Err(error) => return Err(cluster.error(error, exec.target()).into()),
        };
        let broken = || ExecError::Broken { program: program.clone(), message: "a stream is missing".to_owned() };
        let status = attached.take_status().ok_or_else(broken)?;
        let (stdout, stderr) = (attached.stdout().ok_or_else(broken)?, attached.stderr().ok_or_else(broken)?);
        let stdin = attached.stdin();
        Ok(Self {
            program,
            stdin,
            stdout,
            stderr,
            status: Box::pin(status),
            attached,
            ended: End::NotYet,
            stderr_open: true,
            complaints: Vec::new(),
        })
    }

    /// Writes all of it, or says why that is not possible any more.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), ExecError> {
        let Some(mut stdin) = self.stdin.take() else { return Err(self.broken("the input is closed")) };
        let mut chunk = [0; 4096];
        let result = {
            let writing = async {
                stdin.write_all(bytes).await?;
                stdin.flush().await
            };
            tokio::pin!(writing);
            loop {
                tokio::select! {
                    biased;
                    // Nobody reads the input of a stream that is over: writing would wait for ever.
                    status = &mut self.status, if self.ended.is_open() => {
                        self.ended = End::of(status);
                        break None;
                    }
                    result = &mut writing => break Some(result),
                    count = self.stderr.read(&mut chunk), if self.stderr_open => {
                        note(&mut self.complaints, &mut self.stderr_open, &chunk, &count);
                    }
                }
                if !self.ended.is_open() {
                    break None;
                }
            }
        };
        self.stdin = Some(stdin);
        match result {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(self.broken(&error.to_string())),
            None => Err(self.end("the program ended while it was written to").await),
        }
    }

    /// Reads until the buffer is full, or says why it will not get full.
    pub(crate) async fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), ExecError> {
        let mut filled = 0;
        let mut chunk = [0; 4096];
        while filled < buffer.len() {
            tokio::select! {
                biased;
                count = self.stdout.read(&mut buffer[filled..]) => match count {
                    Ok(0) | Err(_) => {
                        if self.ended.is_open() {
                            let status = tokio::time::timeout(LAST_WORDS, &mut self.status).await;
                            self.ended = End::of(status.unwrap_or(None));
                        }
                        return Err(self.end("the output ended early").await);
                    }
                    Ok(count) => filled += count,
                },
                count = self.stderr.read(&mut chunk), if self.stderr_open => {
                    note(&mut self.complaints, &mut self.stderr_open, &chunk, &count);
                }
                status = &mut self.status, if self.ended.is_open() => self.ended = End::of(status),
                // After a reset the readers never see an end; what has arrived was read above.
                () = std::future::ready(()), if matches!(self.ended, End::Unknown) => {
                    return Err(self.end("the output ended early").await);
                }
            }
        }
        Ok(())
    }

    /// Waits for the end after the last word was exchanged.
    pub(crate) async fn finish(mut self) -> Result<(), ExecError> {
        let mut sink = vec![0; 4096];
        let mut chunk = [0; 4096];
        let waiting = async {
            while self.ended.is_open() {
                tokio::select! {
                    biased;
                    count = self.stderr.read(&mut chunk), if self.stderr_open => {
                        note(&mut self.complaints, &mut self.stderr_open, &chunk, &count);
                    }
                    status = &mut self.status => self.ended = End::of(status),
                    count = self.stdout.read(&mut sink) => if matches!(count, Ok(0) | Err(_)) {
                        self.ended = End::of((&mut self.status).await);
                    }
                }
            }
        };
        if tokio::time::timeout(LAST_WORDS, waiting).await.is_err() {
            return Err(ExecError::TimedOut { program: self.program.clone(), after: LAST_WORDS });
        }
        match &self.ended {
            End::Known(status) if status.status.as_deref() == Some("Success") => Ok(()),
            _ => Err(self.end("the program ended").await),
        }
    }

    fn broken(&self, message: &str) -> ExecError {
        ExecError::Broken { program: self.program.clone(), message: message.to_owned() }
    }

    /// Explains an end that should not have come: the runtime's refusal, the program's last words, or a break.
    async fn end(&mut self, message: &str) -> ExecError {
        // What the program complained of may still be on its way, unless the connection is dead.
        let patience = if matches!(self.ended, End::Unknown) { Duration::ZERO } else { Duration::from_secs(1) };
        let mut chunk = [0; 4096];
        while self.stderr_open && self.complaints.len() < COMPLAINTS {
            let read = tokio::time::timeout(patience, self.stderr.read(&mut chunk)).await;
            let Ok(count) = read else { break };
            note(&mut self.complaints, &mut self.stderr_open, &chunk, &count);
        }
        let complaints = String::from_utf8_lossy(&self.complaints).trim().to_owned();
        match &self.ended {
            End::NotYet | End::Unknown => self.broken(&joined(message, &complaints)),
            End::Known(status) => match read_status(&self.program, status, &complaints) {
                Ok(code) => self.broken(&joined(&format!("{message}, exit {code}"), &complaints)),
                Err(error) => error,
            },
        }
    }
}

fn joined(message: &str, complaints: &str) -> String {
    if complaints.is_empty() { message.to_owned() } else { format!("{message}: {}", last_part(complaints)) }
}

// The end of a text: a traceback says what matters last.
fn last_part(text: &str) -> String {
    let lines: Vec<&str> = text.lines().rev().take(3).collect();
    shortened(&lines.into_iter().rev().collect::<Vec<_>>().join(" | "), 600)
}

fn note(complaints: &mut Vec<u8>, open: &mut bool, chunk: &[u8], count: &std::io::Result<usize>) {
    match count {
        Ok(count) if *count > 0 => {
            let room = COMPLAINTS.saturating_sub(complaints.len()).min(*count);
            complaints.extend_from_slice(&chunk[..room]);
        }
        _ => *open = false,
    }
}

/// The exit status, or why there is none.
fn read_status(program: &str, status: &Status, stderr: &str) -> Result<i32, ExecError> {
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let message = status.message.clone().unwrap_or_default();
    let causes = status.details.iter().flat_map(|details| details.causes.iter().flatten());
    let code = causes
        .filter(|cause| cause.reason.as_deref() == Some("ExitCode"))
        .find_map(|cause| cause.message.as_deref()?.parse::<i32>().ok());
    // containerd reports a missing program as a failure of its own, CRI-O as a program that printed that and ended.
    let missing = |text: &str| {
        ["executable file not found", "no such file or directory", "No such file or directory"]
            .iter()
            .any(|words| text.contains(words))
    };
    let said = format!("{message} {stderr}");
    let by_runtime = said.contains("OCI runtime") || said.contains("container process") || said.contains("exec failed");
    let program = program.to_owned();
    match code {
        Some(126..=128 | 255) if by_runtime && missing(&said) => {
            Err(ExecError::NoProgram { program, message: said.trim().to_owned() })
        }
        Some(code) => Ok(code),
        None if missing(&message) => Err(ExecError::NoProgram { program, message }),
        None => Err(ExecError::Runtime { program, message }),
    }
}

/// Reads to the end; the error is that there is more than the limit.
async fn drain(stream: &mut ReadHalf<SimplexStream>, into: &mut Vec<u8>, limit: usize) -> Result<(), Overflow> {
    let mut chunk = vec![0; 64 << 10];
    loop {
        match stream.read(&mut chunk).await.unwrap_or(0) {
            0 => return Ok(()),
            count if into.len() + count > limit => return Err(Overflow),
            count => into.extend_from_slice(&chunk[..count]),
        }
    }
}

struct Overflow;

impl Cluster {
    /// Runs a program to its end. An exit status other than zero is an outcome, not an error.
    pub async fn exec(&self, exec: &Exec) -> Result<ExecOutcome, ExecError> {
        let run = self.exec_to_end(exec);
        if let Ok(result) = tokio::time::timeout(exec.timeout, run).await {
            result
        } else {
            let program = exec.command.first().cloned().unwrap_or_default();
            Err(ExecError::TimedOut { program, after: exec.timeout })
        }
    }

    async fn exec_to_end(&self, exec: &Exec) -> Result<ExecOutcome, ExecError> {
        let process = Process::start(self, exec, exec.stdin.is_some()).await?;
        let Process { program, attached, mut stdin, mut stdout, mut stderr, mut status, .. } = process;
        let too_much = || ExecError::TooMuch { program: program.clone(), limit: exec.output_limit };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let ended = {
            let writing = async {
                if let (Some(stdin), Some(bytes)) = (stdin.as_mut(), exec.stdin.as_deref()) {
                    // A program may end without reading all of it.
                    let _ = stdin.write_all(bytes).await;
                    let _ = stdin.shutdown().await;
                }
            };
            let reading = async {
                tokio::try_join!(
                    drain(&mut stdout, &mut out, exec.output_limit),
                    drain(&mut stderr, &mut err, exec.output_limit)
                )
            };
            tokio::pin!(writing, reading);
            let (mut written, mut read) = (false, false);
            let ended = loop {
                tokio::select! {
                    ended = &mut status => break ended,
                    () = &mut writing, if !written => written = true,
                    result = &mut reading, if !read => {
                        if result.is_err() {
                            return Err(too_much());
                        }
                        read = true;
                    }
                }
            };
            // With a status the outputs were closed properly; without one they may never be.
            if ended.is_some() && !read {
                match tokio::time::timeout(LAST_WORDS, reading).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(Overflow)) => return Err(too_much()),
                    Err(_) => {
                        let message = "the last output did not arrive".to_owned();
                        return Err(ExecError::Broken { program, message });
                    }
                }
            }
            ended
        };
        let Some(status) = ended else {
            // Resets of the connection are told here only.
            let message = match attached.join().await {
                Ok(()) => "it was closed without a status".to_owned(),
                Err(error) => error.to_string(),
            };
            return Err(ExecError::Broken { program, message });
        };
        let exit_code = read_status(&program, &status, &String::from_utf8_lossy(&err))?;
        Ok(ExecOutcome { stdout: out, stderr: err, exit_code })
    }
}
