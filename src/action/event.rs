//! What happens while a plan is carried out, as data. `ui` turns events into a live table, stamped lines or
//! JSON lines; nothing else reads them.

use std::fmt;
use std::time::Duration;

use crate::code::Code;

/// A Kubernetes object by kind and name, printed as `Kind/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectRef {
    /// The kind, such as `StatefulSet`.
    pub kind: String,
    /// The name.
    pub name: String,
}

impl ObjectRef {
    /// The object of this kind and name.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.kind, self.name)
    }
}

/// A stretch of work, in the order in which verbs go through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Values are read, the chart is loaded and rendered.
    Render,
    /// The lock of the release is taken.
    Lock,
    /// Names, ownership and history are checked; nothing is touched yet.
    Check,
    /// The release record is written.
    Record,
    /// Claims are created.
    Claims,
    /// Files on volumes are brought in order through the helper Pod.
    Files,
    /// Hooks of the chart run.
    Hooks,
    /// Objects are applied.
    Apply,
    /// Workloads become ready.
    Wait,
    /// Objects are deleted.
    Delete,
}

/// What applying or deleting did to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// It was not there before.
    Created,
    /// It was there and has changed.
    Configured,
    /// It was there and is as it was.
    Unchanged,
    /// It is gone.
    Deleted,
    /// It was left alone on purpose.
    Kept,
}

/// How far an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectState {
    /// Not there yet, or not ready.
    Waiting,
    /// Ready.
    Ready,
    /// It will not become ready by waiting.
    Failed,
    /// Being deleted.
    Terminating,
    /// Gone.
    Absent,
}

/// What was done to a file on a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChange {
    /// It was not there and has been written.
    Written,
    /// It was there and stays as it is, byte for byte.
    Kept,
    /// Only these fields were changed, after a copy was put beside it.
    FieldsReset {
        /// Dotted paths of the changed fields.
        fields: Vec<String>,
        /// Name of the copy, in the same directory.
        copy: String,
    },
    /// It was replaced as a whole, after a copy was put beside it.
    Replaced {
        /// Name of the copy, in the same directory.
        copy: String,
    },
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A phase begins.
    PhaseStarted {
        /// Which.
        phase: Phase,
    },
    /// A phase has ended well.
    PhaseFinished {
        /// Which.
        phase: Phase,
        /// How long it took.
        elapsed: Duration,
    },
    /// An object was applied, deleted or kept.
    ObjectChanged {
        /// Which.
        object: ObjectRef,
        /// What was done.
        change: Change,
    },
    /// An object that is waited for moved on.
    ObjectStatus {
        /// Which.
        object: ObjectRef,
        /// The workload it belongs to, for a Pod.
        parent: Option<ObjectRef>,
        /// How far it is.
        state: ObjectState,
        /// In the cluster's words: `ready 0/1`, `ImagePullBackOff: …`. Secrets are masked already.
        detail: String,
    },
    /// A line of the log of a container that is in trouble. Secrets are masked already.
    Log {
        /// The Pod.
        object: ObjectRef,
        /// The container.
        container: String,
        /// The line, without its end.
        line: String,
    },
    /// A file on a volume was looked after.
    File {
        /// The claim.
        claim: String,
        /// The path on the volume.
        path: String,
        /// What was done.
        change: FileChange,
    },
    /// The API server sent a warning.
    ServerWarning {
        /// Its text.
        text: String,
    },
    /// A request is tried again.
    Retry {
        /// What went wrong.
        cause: String,
        /// How long is waited first.
        delay: Duration,
    },
    /// Something the user should know, with its code.
    Notice {
        /// The code.
        code: Code,
        /// What it is about.
        object: Option<ObjectRef>,
        /// Evidence in the words of its source.
        detail: String,
    },
    /// A key of the user's values that the chart has no use for.
    UnknownKey(Box<super::UnknownValue>),
}

/// Receives events; shared between tasks.
pub trait Observer: Send + Sync {
    /// Takes note of one event. Must not block.
    fn event(&self, event: &Event);
}

/// An observer that looks away.
impl Observer for () {
    fn event(&self, _event: &Event) {}
}
