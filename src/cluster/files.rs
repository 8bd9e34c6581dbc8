//! Files on volumes, through a program in a Pod that mounts them.
//!
//! A [`FileSession`] is one exec of python3 in the Pod, running `agent.py`, which goes along in the binary. Both sides
//! speak in frames of known length with a sequence number and a SHA-256, so a stream that is cut anywhere is noticed,
//! and nothing that arrived in part is acted upon. A write is answered only after the content was synced, named and
//! read back; until it gets its name the old file is as it was. When a session breaks, the outcome of the operation
//! under way is not known, but it is one of two: the old content or the new. Asking for the same write
//! again settles it.
//!
//! The agent's answers are not trusted further than needed: sizes are bounded, digests are checked here.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256 as Hasher};

use super::client::Cluster;
use super::exec::{Exec, ExecError, Process};
use crate::code::Code;

/// The far end.
const AGENT: &str = include_str!("agent.py");

/// Reads the agent from the input and runs it: a request line is no place for a program of some size.
const BOOTSTRAP: &str = "import sys,hashlib;i=sys.stdin.buffer;n,d=i.readline().split();s=i.read(int(n));\
    hashlib.sha256(s).hexdigest()==d.decode() or sys.exit('maibot agent: cut');exec(compile(s,'maibot-agent','exec'))";

/// Frame: magic, sequence number, length of the head, length of the body, digest.
const PREFIX: usize = 4 + 4 + 4 + 8 + 32;
const MAGIC: &[u8; 4] = b"MBF1";

/// The longest head of an answer.
const HEAD_LIMIT: usize = 256 << 10;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Hasher::digest(bytes).into())
    }

    /// A digest written in 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A file or directory: the name of a root of the session, and a relative path under it with plain components. An
/// empty path is the root itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The root's name.
    pub root: &'a str,
    /// The path.
    pub path: &'a str,
}

impl<'a> Place<'a> {
    /// That path under that root.
    pub const fn new(root: &'a str, path: &'a str) -> Self {
        Self { root, path }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.root, self.path)
    }
}

/// What something on a volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Nothing is there.
    Absent,
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; it is never followed.
    Symlink,
    /// A device, a socket or a pipe.
    Other,
}

/// Something on a volume.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// Its path under the root, in listings; empty otherwise.
    #[serde(default)]
    pub path: String,
    /// Whether `path` is the whole truth; names that are no UTF-8 are shown with backslashes.
    #[serde(default = "yes")]
    pub exact: bool,
    /// What it is.
    pub kind: EntryKind,
    /// Its size in bytes.
    #[serde(default)]
    pub size: u64,
    /// Its permission bits.
    #[serde(default)]
    pub mode: u32,
    /// The owner's number.
    #[serde(default)]
    pub uid: u32,
    /// The group's number.
    #[serde(default)]
    pub gid: u32,
    /// When it was last written, in nanoseconds since 1970.
    #[serde(default)]
    pub mtime_ns: i128,
    /// The digest of a file's content, where it was asked for.
    #[serde(default, deserialize_with = "digest")]
    pub sha256: Option<Sha256>,
    /// Whether a directory is empty, where it was looked at.
    #[serde(default)]
    pub empty: Option<bool>,
}

const fn yes() -> bool {
    true
}

fn digest<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Sha256>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Sha256::parse(&text).map(Some).ok_or_else(|| serde::de::Error::custom("not a SHA-256"))
}

/// A file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileContent {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub sha256: Sha256,
    /// Size, mode, owner.
    pub entry: Entry,
}

/// What has to be there for a file to be written, replaced or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expect {
    /// Whatever.
    #[default]
    Anything,
    /// Nothing.
    Absent,
    /// A file with this content.
    Content(Sha256),
}

impl Expect {
    fn to_json(self) -> Value {
        match self {
            Self::Anything => Value::Null,
            Self::Absent => Value::from("absent"),
            Self::Content(digest) => Value::from(digest.to_string()),
        }
    }
}

/// How to write or copy a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Writing {
    /// What has to be there before. A file that already is as it shall become is not looked at further.
    pub expect: Expect,
    /// Permission bits; a file that is replaced keeps its own, a new one gets 0644. Ignored by copies.
    pub mode: Option<u32>,
    /// The owner; a file that is replaced keeps its own. Ignored by copies.
    pub uid: Option<u32>,
    /// The group; likewise.
    pub gid: Option<u32>,
    /// Makes directories on the way that are missing.
    pub parents: bool,
    /// Removes an empty directory that stands where the file belongs, as kubelet leaves it behind when it mounts a
    /// file that is not there.
    pub replace_empty_directory: bool,
}

/// What a write or a copy did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The digest that was read back.
    pub sha256: Sha256,
    /// Whether there was no file before.
    pub created: bool,
    /// Whether it already was as wanted.
    pub unchanged: bool,
    /// Size, mode and owner now.
    pub entry: Entry,
}

/// Room on a volume, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Space {
    /// The size of the file system.
    pub total: u64,
    /// What may still be written.
    pub free: u64,
    /// How many files may still be made; zero on file systems that do not count.
    pub files_free: u64,
    /// Whether nothing may be written at all.
    pub read_only: bool,
}

/// Why an operation was not done. Nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It is not there.
    Absent,
    /// Something is there already.
    Exists,
    /// A directory stands there.
    IsDirectory,
    /// No directory stands there.
    NotADirectory,
    /// Neither a regular file nor a directory stands there.
    NotAFile,
    /// The directory is not empty.
    NotEmpty,
    /// A symbolic link is in the way.
    Symlink,
    /// What is there is not what was expected.
    Changed,
    /// The file is larger than is read.
    TooLarge,
    /// The volume is full.
    NoSpace,
    /// The volume is mounted read-only.
    ReadOnly,
    /// The operating system does not permit it.
    Denied,
    /// The file is in use as a mount point.
    Busy,
    /// What was written reads back differently.
    Verify,
    /// The path is not one.
    Invalid,
    /// The storage failed.
    Io,
}

/// What went wrong with a file or with the whole session.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FileError {
    /// The operation was refused; the session goes on.
    #[error("{place}: {message}")]
    Refused {
        /// Why.
        kind: Refusal,
        /// Where.
        place: String,
        /// In words.
        message: String,
        /// What is there instead, if [`Refusal::Changed`] and a file is there.
        present: Option<Sha256>,
    },
    /// The Pod has no python3.
    #[error("the container has no python3: {0}")]
    NoPython(String),
    /// The agent could not be started, or its stream broke. The operation under way is done or not done.
    #[error("{doing}: {source}")]
    Exec {
        /// What was being done.
        doing: String,
        /// What broke.
        source: ExecError,
    },
    /// The agent did not answer in time. The operation under way is done or not done.
    #[error("{doing}: no answer within {} s", after.as_secs())]
    Silent {
        /// What was being done.
        doing: String,
        /// The limit.
        after: Duration,
    },
    /// The agent's answer makes no sense. The operation under way is done or not done.
    #[error("{doing}: {message}")]
    Protocol {
        /// What was being done.
        doing: String,
        /// What is wrong with the answer.
        message: String,
    },
}

impl FileError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Refused { .. } | Self::Protocol { .. } | Self::Silent { .. } => Code::VolumeFile,
            Self::NoPython(_) => Code::HelperPod,
            Self::Exec { source: ExecError::Cluster(error), .. } => error.code(),
            Self::Exec { .. } => Code::VolumeFile,
        }
    }

    /// The refusal, if it is one.
    pub const fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused { kind, .. } => Some(*kind),
            _ => None,
        }
    }

    /// Whether the session is of no further use. A new one may be.
    pub const fn ends_session(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }
}

/// Where the agent runs and what it may touch.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// The Pod's namespace.
    pub namespace: String,
    /// The Pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// Names of roots, and the directories in the container they stand for.
    pub roots: BTreeMap<String, String>,
    /// How long the agent may be silent. It gives a sign of life every second while it works through large files.
    pub silence: Duration,
    /// The largest file that is sent or fetched, in bytes.
    pub largest: usize,
}

impl SessionOptions {
    /// Usual limits: a minute of silence, 64 MiB.
    pub fn new(namespace: &str, pod: &str, container: &str, roots: &[(&str, &str)]) -> Self {
        let roots = roots.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect();
        Self {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            container: container.to_owned(),
            roots,
            silence: Duration::from_mins(1),
            largest: 64 << 20,
        }
    }
}

/// A conversation with the agent. Operations are done one after another over one exec.
pub struct FileSession {
    process: Option<Process>,
    sequence: u32,
    silence: Duration,
    largest: usize,
    python: String,
    uid: u32,
}

struct Answer {
    head: Map<String, Value>,
    body: Vec<u8>,
}

impl Cluster {
    /// Starts the agent in a Pod that runs.
    pub async fn files(&self, options: &SessionOptions) -> Result<FileSession, FileError> {
        let doing = "starting the file agent";
        let exec = Exec {
            command: ["python3", "-I", "-S", "-B", "-u", "-c", BOOTSTRAP].map(str::to_owned).to_vec(),
            ..Exec::new(&options.namespace, &options.pod, &options.container, &[])
        };
        let process = match tokio::time::timeout(options.silence, Process::start(self, &exec, true)).await {
            Ok(process) => process.map_err(|source| failed(doing, source))?,
            Err(_) => return Err(FileError::Silent { doing: doing.to_owned(), after: options.silence }),
        };
        let mut session = FileSession {
            process: Some(process),
            sequence: 0,
            silence: options.silence,
            largest: options.largest,
            python: String::new(),
            uid: 0,
        };
        let preamble = format!("{} {}\n{AGENT}", AGENT.len(), Sha256::of(AGENT.as_bytes()));
        session.send_bytes(doing, preamble.as_bytes()).await?;
        let hello = json!({"roots": options.roots, "body_limit": options.largest});
        let answer = session.ask(doing, &hello, &[]).await?;
        session.python = answer.head.get("python").and_then(Value::as_str).unwrap_or_default().to_owned();
        session.uid = number(&answer.head, "uid").and_then(|uid| u32::try_from(uid).ok()).unwrap_or(u32::MAX);
        Ok(session)
    }
}

fn failed(doing: &str, source: ExecError) -> FileError {
    match source {
        ExecError::NoProgram { message, .. } => FileError::NoPython(message),
        source => FileError::Exec { doing: doing.to_owned(), source },
    }
}

fn number(head: &Map<String, Value>, key: &str) -> Option<u64> {
    head.get(key).and_then(Value::as_u64)
}

fn frame(sequence: u32, head: &[u8], body: &[u8]) -> Vec<u8> {
    let numbers = numbers(sequence, head.len(), body.len());
    let mut frame = Vec::with_capacity(PREFIX + head.len() + body.len());
    frame.extend_from_slice(MAGIC);
    frame.extend_from_slice(&numbers);
    frame.extend_from_slice(&frame_digest(&numbers, head, body));
    frame.extend_from_slice(head);
    frame.extend_from_slice(body);
    frame
}

fn numbers(sequence: u32, head: usize, body: usize) -> [u8; 16] {
    let mut numbers = [0; 16];
    numbers[..4].copy_from_slice(&sequence.to_be_bytes());
    // Both are bounded far below these types' limits.
    numbers[4..8].copy_from_slice(&u32::try_from(head).unwrap_or(u32::MAX).to_be_bytes());
    numbers[8..].copy_from_slice(&u64::try_from(body).unwrap_or(u64::MAX).to_be_bytes());
    numbers
}

fn frame_digest(numbers: &[u8], head: &[u8], body: &[u8]) -> [u8; 32] {
    let mut hasher = Hasher::new();
    hasher.update(numbers);
    hasher.update(head);
    hasher.update(body);
    hasher.finalize().into()
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

impl FileSession {
    /// The version of python3 that runs the agent.
    pub fn python(&self) -> &str {
        &self.python
    }

    /// The user the agent runs as.
    pub const fn uid(&self) -> u32 {
        self.uid
    }

    /// What is at a place. With `digest`, a file's content is read and its digest told. That nothing is there is an
    /// answer, not an error.
    pub async fn stat(&mut self, place: Place<'_>, digest: bool) -> Result<Entry, FileError> {
        let answer = self.operate("stat", place, json!({"digest": digest}), &[]).await?;
        self.entry("stat", place, answer.head)
    }

    /// What is in a directory, sorted by name; with `deep`, in all directories below it, too. At most `limit` entries;
    /// the flag says whether that is all.
    pub async fn list(&mut self, place: Place<'_>, deep: bool, limit: usize) -> Result<(Vec<Entry>, bool), FileError> {
        let answer = self.operate("list", place, json!({"deep": deep, "limit": limit}), &[]).await?;
        let complete = answer.head.get("complete").and_then(Value::as_bool).unwrap_or(false);
        match serde_json::from_slice::<Vec<Entry>>(&answer.body) {
            Ok(entries) if entries.len() <= limit => Ok((entries, complete)),
            Ok(_) => Err(self.nonsense("list", place, "more entries than asked for")),
            Err(error) => Err(self.nonsense("list", place, &error.to_string())),
        }
    }

    /// A file's content, unless it has more than `limit` bytes.
    pub async fn read(&mut self, place: Place<'_>, limit: usize) -> Result<FileContent, FileError> {
        let limit = limit.min(self.largest);
        let answer = self.operate("read", place, json!({"limit": limit}), &[]).await?;
        let entry = self.entry("read", place, answer.head)?;
        let sha256 = Sha256::of(&answer.body);
        if entry.sha256 != Some(sha256) || entry.size != answer.body.len() as u64 {
            return Err(self.nonsense("read", place, "the content is not the one announced"));
        }
        Ok(FileContent { bytes: answer.body, sha256, entry })
    }

    /// Puts a file in place: as a whole, durably, and read back.
    pub async fn write(&mut self, place: Place<'_>, bytes: &[u8], writing: &Writing) -> Result<Written, FileError> {
        let sha256 = Sha256::of(bytes);
        let mut task = writing_task(writing);
        task.insert("sha256".to_owned(), Value::from(sha256.to_string()));
        task.insert("size".to_owned(), Value::from(bytes.len()));
        let answer = self.operate("write", place, Value::Object(task), bytes).await?;
        self.written("write", place, answer, Some(sha256))
    }

    /// Copies a file on the volume, durably, and reads the copy back. Mode, owner and time go along. With `source`, the
    /// original has to have that content.
    pub async fn copy(
        &mut self,
        from: Place<'_>,
        source: Option<Sha256>,
        to: Place<'_>,
        writing: &Writing,
    ) -> Result<Written, FileError> {
        let mut task = writing_task(writing);
        task.insert("to_root".to_owned(), Value::from(to.root));
        task.insert("to".to_owned(), Value::from(to.path));
        task.insert("source".to_owned(), source.map_or(Value::Null, |digest| Value::from(digest.to_string())));
        let answer = self.operate("copy", from, Value::Object(task), &[]).await?;
        self.written("copy", from, answer, source)
    }

    /// Makes a directory; one that is there already is left as it is. Says whether it was made.
    pub async fn make_directory(&mut self, place: Place<'_>, writing: &Writing) -> Result<bool, FileError> {
        let answer = self.operate("make_directory", place, Value::Object(writing_task(writing)), &[]).await?;
        Ok(answer.head.get("created").and_then(Value::as_bool).unwrap_or(false))
    }

    /// Removes an empty directory. Says whether there was one.
    pub async fn remove_directory(&mut self, place: Place<'_>) -> Result<bool, FileError> {
        let answer = self.operate("remove", place, json!({"directory": true}), &[]).await?;
        Ok(answer.head.get("removed").and_then(Value::as_bool).unwrap_or(false))
    }

    /// Removes a file of known content. Says whether there was one.
    pub async fn remove_file(&mut self, place: Place<'_>, content: Sha256) -> Result<bool, FileError> {
        let task = json!({"expect": content.to_string()});
        let answer = self.operate("remove", place, task, &[]).await?;
        Ok(answer.head.get("removed").and_then(Value::as_bool).unwrap_or(false))
    }

    /// Room on the volume a directory is on.
    pub async fn space(&mut self, place: Place<'_>) -> Result<Space, FileError> {
        let answer = self.operate("space", place, json!({}), &[]).await?;
        match Space::deserialize(Value::Object(answer.head)) {
            Ok(space) => Ok(space),
            Err(error) => Err(self.nonsense("space", place, &error.to_string())),
        }
    }

    /// Ends the conversation. Everything that was answered before holds even if this fails.
    pub async fn close(mut self) -> Result<(), FileError> {
        let doing = "ending the file agent";
        self.ask(doing, &json!({"do": "end"}), &[]).await?;
        // The agent waits for this, so that its last answer cannot be lost with it.
        let bytes = frame(self.sequence, b"{}", &[]);
        self.send_bytes(doing, &bytes).await?;
        match self.process.take() {
            Some(process) => process.finish().await.map_err(|source| failed(doing, source)),
            None => Ok(()),
        }
    }

    async fn operate(&mut self, what: &str, place: Place<'_>, task: Value, body: &[u8]) -> Result<Answer, FileError> {
        let doing = format!("{what} {place}");
        if body.len() > self.largest {
            let message = format!("{} bytes, more than {}", body.len(), self.largest);
            return Err(FileError::Refused {
                kind: Refusal::TooLarge,
                place: place.to_string(),
                message,
                present: None,
            });
        }
        let mut task = match task {
            Value::Object(task) => task,
            _ => Map::new(),
        };
        task.insert("do".to_owned(), Value::from(what));
        task.insert("root".to_owned(), Value::from(place.root));
        task.insert("path".to_owned(), Value::from(place.path));
        let answer = self.ask(&doing, &Value::Object(task), body).await?;
        if answer.head.get("ok") == Some(&Value::Bool(true)) {
            return Ok(answer);
        }
        let text = |key: &str| answer.head.get(key).and_then(Value::as_str).unwrap_or_default();
        match Refusal::deserialize(Value::from(text("error"))) {
            Ok(kind) => Err(FileError::Refused {
                kind,
                place: place.to_string(),
                message: super::fields::shortened(text("message"), 500),
                present: Sha256::parse(text("sha256")),
            }),
            Err(_) => Err(self.nonsense(what, place, "neither done nor refused")),
        }
    }

    fn entry(&mut self, what: &str, place: Place<'_>, head: Map<String, Value>) -> Result<Entry, FileError> {
        Entry::deserialize(Value::Object(head)).map_err(|error| self.nonsense(what, place, &error.to_string()))
    }

    fn written(
        &mut self,
        what: &str,
        place: Place<'_>,
        answer: Answer,
        wanted: Option<Sha256>,
    ) -> Result<Written, FileError> {
        let flag = |key: &str| answer.head.get(key).and_then(Value::as_bool).unwrap_or(false);
        let (created, unchanged) = (flag("created"), flag("unchanged"));
        let entry = self.entry(what, place, answer.head)?;
        match entry.sha256 {
            Some(sha256) if wanted.is_none_or(|wanted| wanted == sha256) => {
                Ok(Written { sha256, created, unchanged, entry })
            }
            _ => Err(self.nonsense(what, place, "another content was read back than was sent")),
        }
    }

    /// An answer that cannot be: the session is of no further use.
    fn nonsense(&mut self, what: &str, place: Place<'_>, message: &str) -> FileError {
        self.process = None;
        FileError::Protocol { doing: format!("{what} {place}"), message: message.to_owned() }
    }

    /// Sends one frame and reads its answer. Whatever goes wrong ends the session: nobody would know which answer
    /// belongs to which question.
    async fn ask(&mut self, doing: &str, head: &Value, body: &[u8]) -> Result<Answer, FileError> {
        let bytes = frame(self.sequence, head.to_string().as_bytes(), body);
        self.send_bytes(doing, &bytes).await?;
        let mut process = self.take_process(doing)?;
        loop {
            let answer =
                tokio::time::timeout(self.silence, receive(&mut process, doing, self.sequence, self.largest)).await;
            let answer = match answer {
                Ok(answer) => answer?,
                Err(_) => return Err(FileError::Silent { doing: doing.to_owned(), after: self.silence }),
            };
            if !answer.head.contains_key("progress") {
                self.sequence += 1;
                self.process = Some(process);
                return Ok(answer);
            }
        }
    }

    async fn send_bytes(&mut self, doing: &str, bytes: &[u8]) -> Result<(), FileError> {
        // Taken out while it is in use: a future that is dropped half-way leaves a session that knows it is over.
        let mut process = self.take_process(doing)?;
        // A slow line may take its time as long as it moves.
        for chunk in bytes.chunks(256 << 10) {
            match tokio::time::timeout(self.silence, process.write(chunk)).await {
                Ok(Ok(())) => {}
                Ok(Err(source)) => return Err(failed(doing, source)),
                Err(_) => return Err(FileError::Silent { doing: doing.to_owned(), after: self.silence }),
            }
        }
        self.process = Some(process);
        Ok(())
    }

    fn take_process(&mut self, doing: &str) -> Result<Process, FileError> {
        self.process.take().ok_or_else(|| FileError::Protocol {
            doing: doing.to_owned(),
            message: "the session was broken by an operation before".to_owned(),
        })
    }
}

fn writing_task(writing: &Writing) -> Map<String, Value> {
    let Value::Object(task) = json!({
        "expect": writing.expect.to_json(),
        "mode": writing.mode,
        "uid": writing.uid,
        "gid": writing.gid,
        "parents": writing.parents,
        "replace_empty_directory": writing.replace_empty_directory,
    }) else {
        return Map::new();
    };
    task
}

async fn receive(process: &mut Process, doing: &str, sequence: u32, largest: usize) -> Result<Answer, FileError> {
    let nonsense = |message: &str| FileError::Protocol { doing: doing.to_owned(), message: message.to_owned() };
    let mut prefix = [0; PREFIX];
    process.read_exact(&mut prefix).await.map_err(|source| failed(doing, source))?;
    let (numbers, digest) = (&prefix[4..20], &prefix[20..]);
    let head_size = usize::try_from(big_endian(&numbers[4..8])).unwrap_or(usize::MAX);
    let body_size = usize::try_from(big_endian(&numbers[8..])).unwrap_or(usize::MAX);
    if &prefix[..4] != MAGIC {
        return Err(nonsense("the answer is no frame"));
    }
    if head_size > HEAD_LIMIT || body_size > largest {
        return Err(nonsense("the answer is too large"));
    }
    let mut head = vec![0; head_size];
    process.read_exact(&mut head).await.map_err(|source| failed(doing, source))?;
    let mut body = vec![0; body_size];
    process.read_exact(&mut body).await.map_err(|source| failed(doing, source))?;
    if frame_digest(numbers, &head, &body) != digest {
        return Err(nonsense("the answer is damaged"));
    }
    if big_endian(&numbers[..4]) != u64::from(sequence) {
        return Err(nonsense("the answer is to another question"));
    }
    match serde_json::from_slice(&head) {
        Ok(Value::Object(head)) => Ok(Answer { head, body }),
        _ => Err(nonsense("the answer has no head")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let digest = Sha256::of(b"abc");
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(Sha256::parse(&digest.to_string()), Some(digest));
        for text in ["", "ba78", &"g".repeat(64), &"é".repeat(32), &"a".repeat(65)] {
            assert_eq!(Sha256::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_bootstrap_fits_into_any_request_line() {
        assert!(BOOTSTRAP.len() < 400);
        assert!(!BOOTSTRAP.contains('\n'));
    }
}
