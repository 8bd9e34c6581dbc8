//! The near end of a conversation with the agent: frames out, frames in, and operations made of them.

use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256 as Hasher};
use std::time::Duration;

use super::{Entry, FileContent, FileError, Place, Refusal, SessionOptions, Sha256, Space, Writing, Written};
use crate::cluster::client::Cluster;
use crate::cluster::exec::{Exec, ExecError, Process};
use crate::cluster::fields::shortened;

/// The far end.
const AGENT: &str = include_str!("../agent.py");

/// Reads the agent from the input and runs it: a request line is no place for a program of some size.
const BOOTSTRAP: &str = "import sys,hashlib;i=sys.stdin.buffer;n,d=i.readline().split();s=i.read(int(n));\
    hashlib.sha256(s).hexdigest()==d.decode() or sys.exit('maibot agent: cut');exec(compile(s,'maibot-agent','exec'))";

/// Frame: magic, sequence number, length of the head, length of the body, digest.
const PREFIX: usize = 4 + 4 + 4 + 8 + 32;
const MAGIC: &[u8; 4] = b"MBF1";

/// The longest head of an answer.
const HEAD_LIMIT: usize = 256 << 10;

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
        answer.head.get("python").and_then(Value::as_str).unwrap_or_default().clone_into(&mut session.python);
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
                message: shortened(text("message"), 500),
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
    fn the_bootstrap_fits_into_any_request_line() {
        assert!(BOOTSTRAP.len() < 400);
        assert!(!BOOTSTRAP.contains('\n'));
    }
}
