//! Which Helm is imitated by `--helm-compat`: its texts on stderr, its exit statuses, its differences in output.

use std::fmt::Write as _;

/// A major version of Helm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Helm {
    /// Helm 3.21.4.
    Three,
    /// Helm 4.2.4.
    Four,
}

impl Helm {
    /// The version that `--helm-compat` names.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().trim_start_matches('v') {
            "3" => Some(Self::Three),
            "4" => Some(Self::Four),
            _ => None,
        }
    }

    /// The exact version whose behaviour was recorded.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Three => "v3.21.4",
            Self::Four => "v4.2.4",
        }
    }

    /// A warning as this Helm logs it: one `slog` text line in 4, a `WARNING:` line in 3.
    pub fn warning(self, text: &str) -> String {
        match self {
            Self::Three => format!("WARNING: {text}"),
            Self::Four => format!("level=WARN msg={}", slog_value(text)),
        }
    }
}

/// A value as Go's `slog.TextHandler` writes it: quoted when it is empty or holds spaces, `=`, quotes or what is
/// not printable.
pub(super) fn slog_value(text: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '=');
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { quoted(text) }
}

/// A text as Go's `%q` writes it.
pub fn quoted(text: &str) -> String {
    let mut result = String::with_capacity(text.len() + 2);
    result.push('"');
    for character in text.chars() {
        match character {
            '"' => result.push_str("\\\""),
            '\\' => result.push_str("\\\\"),
            '\n' => result.push_str("\\n"),
            '\r' => result.push_str("\\r"),
            '\t' => result.push_str("\\t"),
            '\u{7}' => result.push_str("\\a"),
            '\u{8}' => result.push_str("\\b"),
            '\u{b}' => result.push_str("\\v"),
            '\u{c}' => result.push_str("\\f"),
            control if (control as u32) < 0x20 || control == '\u{7f}' => {
                let _ = write!(result, "\\x{:02x}", control as u32);
            }
            printable => result.push(printable),
        }
    }
    result.push('"');
    result
}

#[cfg(test)]
mod tests {
    use super::{Helm, quoted};

    #[test]
    fn warnings_look_like_the_logs_of_their_version() {
        assert_eq!(Helm::Four.warning("a b"), "level=WARN msg=\"a b\"");
        assert_eq!(Helm::Four.warning("ab"), "level=WARN msg=ab");
        assert_eq!(Helm::Three.warning("a b"), "WARNING: a b");
    }

    #[test]
    fn quoting_is_gos() {
        assert_eq!(quoted("a\"b\\c\n麦\u{1}"), "\"a\\\"b\\\\c\\n麦\\x01\"");
    }
}
