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

mod session;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256 as Hasher};

use super::exec::ExecError;
use crate::code::Code;

pub use session::FileSession;

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
            Self::NoPython(_) => Code::HelperPod,
            Self::Exec { source: ExecError::Cluster(error), .. } => error.code(),
            Self::Refused { .. } | Self::Protocol { .. } | Self::Silent { .. } | Self::Exec { .. } => Code::VolumeFile,
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
}
