//! What coalescing complains about without failing.

use std::fmt::Write as _;

use super::Compat;
use crate::yaml::number::quote;

/// A complaint; whether and how it is shown is the caller's choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    helm4: String,
    attributes: Vec<(&'static str, String)>,
    helm3: String,
    /// Where Helm 3 says it, as its log lines show it.
    helm3_place: &'static str,
}

impl Warning {
    /// The same words in both Helms; Helm 4 logs them as information.
    pub(super) fn same(helm3_place: &'static str, text: String) -> Self {
        Self { helm4: text.clone(), attributes: Vec::new(), helm3: text, helm3_place }
    }

    /// A structured line in Helm 4.
    pub(super) fn structured(
        message: &str,
        attributes: Vec<(&'static str, String)>,
        helm3_place: &'static str,
        helm3: String,
    ) -> Self {
        Self { helm4: message.to_owned(), attributes, helm3, helm3_place }
    }

    /// The words; with Helm 4's structured ones the level and the attributes.
    pub fn text(&self, compat: Compat) -> String {
        match compat {
            Compat::Helm3 => self.helm3.clone(),
            Compat::Helm4 if self.attributes.is_empty() => self.helm4.clone(),
            Compat::Helm4 => format!("WARN {}{}", self.helm4, self.attributes()),
        }
    }

    /// The line that the command prints to stderr, without the newline.
    pub fn line(&self, compat: Compat) -> String {
        match compat {
            Compat::Helm3 => format!("{}: {}", self.helm3_place, self.helm3),
            Compat::Helm4 => {
                let level = if self.attributes.is_empty() { "INFO" } else { "WARN" };
                format!("level={level} msg={}{}", attribute(&self.helm4), self.attributes())
            }
        }
    }

    fn attributes(&self) -> String {
        self.attributes.iter().fold(String::new(), |mut out, (name, value)| {
            let _ = write!(out, " {name}={}", attribute(value));
            out
        })
    }
}

/// A value as Go's `slog` prints it: quoted if it is empty or has spaces, quotes, `=` or what cannot be seen.
fn attribute(value: &str) -> String {
    let quoted = quote(value);
    let is_plain = !value.is_empty() && !value.contains([' ', '=', '"']) && quoted.len() == value.len() + 2;
    if is_plain { value.to_owned() } else { quoted }
}
