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
    /// The chart brings CustomResourceDefinitions that are not there yet while it is rendered for the cluster.
    CrdsNotInstalled,
    /// Group versions that the cluster registers and does not serve, each with the reason.
    OrphanedApis {
        /// Them.
        apis: Vec<(String, String)>,
    },
    /// A template looks up a kind of a group version that the cluster does not serve. The render fails of it as well.
    UnservedLookup {
        /// The group version; empty if it is none at all.
        group_version: String,
        /// Group, version and kind as Kubernetes' libraries write them.
        kind: String,
        /// The server's words.
        problem: String,
    },
    /// Objects that the API server could not be asked to check.
    Unchecked {
        /// `Kind/name` of each.
        objects: Vec<String>,
        /// Why not.
        reason: String,
    },
}

/// Group versions with the reasons why they are not served.
pub fn orphans(apis: &[(String, String)]) -> String {
    apis.iter().map(|(api, reason)| format!("{api}: {reason}")).collect::<Vec<_>>().join(", ")
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
            Self::CrdsNotInstalled => formatter
                .write_str("this chart brings CustomResourceDefinitions; without them it may render otherwise or fail"),
            Self::OrphanedApis { apis } => {
                let all = orphans(apis);
                write!(formatter, "the cluster registers APIs that it does not serve: {all}")
            }
            Self::UnservedLookup { kind, problem, .. } => write!(formatter, "a look-up of {kind} fails: {problem}"),
            Self::Unchecked { objects, reason } => {
                write!(formatter, "not checked by the API server: {} ({reason})", objects.join(", "))
            }
        }
    }
}
