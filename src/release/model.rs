//! The release record: what Helm 3 and Helm 4 keep of one revision. Field names and meanings are those of Helm's
//! JSON; `encode` and `decode` own the spelling.

use std::collections::BTreeMap;
use std::fmt;

use super::Timestamp;
use crate::yaml::{Mapping, Value};

/// One revision of a release.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Release {
    /// The release's name.
    pub name: String,
    /// The namespace it lives in; records are kept there too.
    pub namespace: String,
    /// The revision, from 1.
    pub revision: u32,
    /// State, times, notes.
    pub info: Info,
    /// The chart, as far as it is recorded.
    pub chart: ChartRecord,
    /// The values the user supplied, without the chart's defaults.
    pub config: Mapping,
    /// All documents but the hooks, in install order, each with its `# Source:` line.
    pub manifest: String,
    /// The hooks.
    pub hooks: Vec<Hook>,
    /// How objects were applied; absent in Helm 3's records.
    pub apply_method: Option<ApplyMethod>,
    /// Labels of the user on the record. Never in the JSON, only on the Secret.
    pub labels: BTreeMap<String, String>,
    /// All labels of the record as they were read, Helm's own among them.
    pub record_labels: BTreeMap<String, String>,
}

/// How the objects of a revision were applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyMethod {
    /// On the client, by three-way merge.
    ClientSide,
    /// By the API server.
    ServerSide,
}

impl ApplyMethod {
    /// The word of the record.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ClientSide => "csa",
            Self::ServerSide => "ssa",
        }
    }
}

/// State of a revision.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Info {
    /// When the release was first installed.
    pub first_deployed: Option<Timestamp>,
    /// When this revision was deployed.
    pub last_deployed: Option<Timestamp>,
    /// When it was uninstalled.
    pub deleted: Option<Timestamp>,
    /// One line about how it came to be as it is.
    pub description: String,
    /// The status.
    pub status: Status,
    /// The rendered notes.
    pub notes: String,
    /// Whether the record has no such part at all: it is damaged then.
    pub missing: bool,
}

/// The status of a revision, in Helm's words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Status {
    /// Nobody knows.
    #[default]
    Unknown,
    /// The one in force.
    Deployed,
    /// Uninstalled, record kept.
    Uninstalled,
    /// Replaced by a later one.
    Superseded,
    /// Failed.
    Failed,
    /// Being uninstalled.
    Uninstalling,
    /// Being installed.
    PendingInstall,
    /// Being upgraded.
    PendingUpgrade,
    /// Being rolled back.
    PendingRollback,
    /// A word we do not know; kept as it is.
    Other(String),
}

impl Status {
    /// The word of the record and of the label.
    pub fn word(&self) -> &str {
        match self {
            Self::Unknown => "unknown",
            Self::Deployed => "deployed",
            Self::Uninstalled => "uninstalled",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Uninstalling => "uninstalling",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
            Self::Other(word) => word,
        }
    }

    /// The status of this word.
    pub fn parse(word: &str) -> Self {
        [
            Self::Unknown,
            Self::Deployed,
            Self::Uninstalled,
            Self::Superseded,
            Self::Failed,
            Self::Uninstalling,
            Self::PendingInstall,
            Self::PendingUpgrade,
            Self::PendingRollback,
        ]
        .into_iter()
        .find(|status| status.word() == word)
        .unwrap_or_else(|| Self::Other(word.to_owned()))
    }

    /// Whether an operation is under way (`uninstalling` is not one of them, as in Helm).
    pub const fn is_pending(&self) -> bool {
        matches!(self, Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// What a record keeps of its chart. Templates and files of Helm's own records are carried along untouched.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChartRecord {
    /// Chart.yaml.
    pub metadata: Mapping,
    /// Default values after the processing of dependencies.
    pub values: Mapping,
    /// The bytes of values.schema.json.
    pub schema: Option<Vec<u8>>,
    /// `lock`, as it came.
    pub lock: Value,
    /// `templates`, as they came (name and base64 data each).
    pub templates: Value,
    /// `files`, as they came.
    pub files: Value,
    /// Whether the record has no such part at all: it is damaged then.
    pub missing: bool,
}

impl ChartRecord {
    fn text(&self, key: &str) -> &str {
        self.metadata.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// The chart's name.
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// The chart's version.
    pub fn version(&self) -> &str {
        self.text("version")
    }

    /// The version of the application.
    pub fn app_version(&self) -> &str {
        self.text("appVersion")
    }

    /// `<name>-<version>`, as lists show it; `MISSING` where a record has no metadata.
    pub fn full_name(&self) -> String {
        if self.metadata.is_empty() { "MISSING".to_owned() } else { format!("{}-{}", self.name(), self.version()) }
    }
}

/// A hook of a revision.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hook {
    /// The object's name.
    pub name: String,
    /// The object's kind.
    pub kind: String,
    /// The template it came from.
    pub path: String,
    /// The document.
    pub manifest: String,
    /// The events it runs at: `pre-install`, `test`, …
    pub events: Vec<String>,
    /// Its last run.
    pub last_run: HookRun,
    /// Order among the hooks of an event.
    pub weight: i64,
    /// When it is deleted: `before-hook-creation`, `hook-succeeded`, `hook-failed`.
    pub delete_policies: Vec<String>,
    /// When its logs are shown.
    pub output_log_policies: Vec<String>,
}

/// The last run of a hook.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HookRun {
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// `Unknown`, `Running`, `Succeeded`, `Failed`, or nothing if it never ran.
    pub phase: String,
}
