//! What is worth saying about a chart and its values although nothing fails. `ui` has the words.

use crate::chart::LoadWarning;
use crate::render::gotemplate::host::PassedOver;
use crate::values::{Compat, Warning};

/// Something strange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A key of the user's values that the chart has no use for.
    UnknownKey(Box<super::UnknownValue>),
    /// A value that does not fit its place among the defaults.
    Values(Warning),
    /// A file of the chart that belongs to another version of the format.
    Chart(LoadWarning),
    /// Something that linting lets pass and installing does not, with the template's words.
    PassedOver {
        /// What it was.
        what: PassedOver,
        /// Its words.
        words: String,
    },
    /// The chart should no longer be used.
    Deprecated,
    /// A document that is left out, because nobody knows the event it is to run at.
    UnknownHook {
        /// The template it came from.
        path: String,
        /// Its `helm.sh/hook`, as written.
        events: String,
    },
}

impl std::fmt::Display for Notice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownKey(key) => {
                write!(formatter, "the chart does not know the key {}", crate::yaml::path_text(&key.path))
            }
            Self::Values(warning) => formatter.write_str(&warning.text(Compat::Helm4)),
            Self::Chart(warning) => formatter.write_str(warning.text().trim_start_matches("Warning: ")),
            Self::PassedOver { what: PassedOver::Required, words } => {
                write!(formatter, "a required value is missing: {words}")
            }
            Self::PassedOver { what: PassedOver::Fail, words } => write!(formatter, "a template refuses: {words}"),
            Self::Deprecated => formatter.write_str("this chart is deprecated"),
            Self::UnknownHook { path, events } => {
                write!(formatter, "{path}: a document is left out, because its hook is unknown: {events}")
            }
        }
    }
}
