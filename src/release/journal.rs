//! The journal of a run: one Secret beside the records, which Helm's selectors never see. It is written before the
//! first change to the cluster and at the start of each phase, and removed when the run has ended in order. A journal
//! that is found when the lock is free therefore tells of a run that died, what it was doing and how far it came.

use serde::{Deserialize, Serialize};

/// The name of the journal of a release.
pub fn journal_name(release: &str) -> String {
    format!("maibot.journal.v1.{release}")
}

/// The `type` of the Secret.
pub const SECRET_TYPE: &str = "maibot.io/journal.v1";

/// The key in the Secret's data.
pub const DATA_KEY: &str = "journal";

/// The version of the format; raised before a field changes its meaning.
pub const SCHEMA: u32 = 1;

/// What a run was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Installing.
    Install,
    /// Uninstalling.
    Uninstall,
}

/// How far a run came. Each step can be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Nothing but the journal was written.
    Begun,
    /// The record says pending; objects may be there in part.
    Applying,
    /// Every object was applied; readiness was waited for.
    Waiting,
    /// Objects were being deleted.
    Deleting,
    /// The record was being finished; nothing else is left to do.
    Finishing,
}

/// One entry: the last one written is all there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The version of the format.
    pub schema: u32,
    /// What the run was doing.
    pub operation: Operation,
    /// The release.
    pub release: String,
    /// The revision it was making or removing.
    pub revision: u32,
    /// How far it came.
    pub step: Step,
    /// The holder of the lock that wrote it.
    pub holder: String,
    /// Counts takeovers of the lock; a lower number is an older run.
    pub fencing: i64,
    /// SHA-256 (hex) of what is being installed: the same input can be continued.
    pub input: String,
}

impl Journal {
    /// The text of the Secret.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the text of the Secret; nothing if it is not ours or of a newer format.
    pub fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(text).ok().filter(|journal| journal.schema <= SCHEMA)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_survives_writing_and_reading() {
        let journal = Journal {
            schema: SCHEMA,
            operation: Operation::Install,
            release: "mai".into(),
            revision: 1,
            step: Step::Applying,
            holder: "h".into(),
            fencing: 3,
            input: "ab".into(),
        };
        assert_eq!(Journal::parse(journal.to_text().as_bytes()), Some(journal));
    }

    #[test]
    fn a_newer_format_is_not_guessed_at() {
        let text = br#"{"schema":2,"operation":"install","release":"m","revision":1,"step":"begun","holder":"h","fencing":0,"input":""}"#;
        assert_eq!(Journal::parse(text), None);
        assert_eq!(Journal::parse(b"junk"), None);
    }
}
