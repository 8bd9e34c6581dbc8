//! `.helmignore`: which files of a folder are no part of the chart.
//!
//! Rules are Helm's (`pkg/ignore`), which differ from Git's: patterns are those of Go's `filepath.Match` without `**`, the
//! first rule that matches decides, and a rule with `!` leaves out everything that does *not* match it. Dot files
//! directly in `templates/` are always left out.

use super::IgnoreError;
use crate::path_match;

/// The longest line that Go's scanner takes.
const MAX_LINE: usize = 64 * 1024;

/// The rules of one `.helmignore`, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rules {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    pattern: String,
    scope: Scope,
    negated: bool,
    only_folders: bool,
}

/// What of a path a pattern is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The whole path below the chart's folder.
    Path,
    /// The last part.
    Name,
}

impl Rules {
    /// Only the rule that holds for every chart.
    pub(super) fn default_only() -> Self {
        let pattern = "templates/.?*".to_owned();
        Self { rules: vec![Rule { pattern, scope: Scope::Path, negated: false, only_folders: false }] }
    }

    /// Reads a file, and adds the rule that holds for every chart.
    pub(super) fn parse(text: &[u8]) -> Result<Self, IgnoreError> {
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        let mut rules = Vec::new();
        for line in text.split(|byte| *byte == b'\n') {
            if line.len() >= MAX_LINE {
                return Err(IgnoreError::LongLine);
            }
            rules.extend(Rule::parse(&String::from_utf8_lossy(line))?);
        }
        rules.extend(Self::default_only().rules);
        Ok(Self { rules })
    }

    /// Whether the file or folder at a path below the chart's folder is left out.
    pub(super) fn ignores(&self, path: &str, is_folder: bool) -> bool {
        for rule in &self.rules {
            if rule.negated {
                if rule.only_folders && !is_folder || !rule.matches(path) {
                    return true;
                }
            } else if (!rule.only_folders || is_folder) && rule.matches(path) {
                return true;
            }
        }
        false
    }
}

impl Rule {
    fn parse(line: &str) -> Result<Option<Self>, IgnoreError> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        if line.contains("**") {
            return Err(IgnoreError::DoubleStar);
        }
        if !path_match::is_valid(line) {
            return Err(IgnoreError::Syntax);
        }
        let (negated, rest) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let (only_folders, rest) = rest.strip_suffix('/').map_or((false, rest), |rest| (true, rest));
        let (scope, pattern) = match rest.strip_prefix('/') {
            Some(anchored) => (Scope::Path, anchored),
            None if rest.contains('/') => (Scope::Path, rest),
            None => (Scope::Name, rest),
        };
        Ok(Some(Self { pattern: pattern.to_owned(), scope, negated, only_folders }))
    }

    fn matches(&self, path: &str) -> bool {
        let text = match self.scope {
            Scope::Path => path,
            Scope::Name => path.rsplit('/').next().unwrap_or(path),
        };
        path_match::matches(&self.pattern, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(rules: &str, path: &str) -> bool {
        let (path, is_folder) = path.strip_suffix('/').map_or((path, false), |path| (path, true));
        Rules::parse(rules.as_bytes()).unwrap().ignores(path, is_folder)
    }

    #[test]
    fn rules_are_helms() {
        for (rules, path, expected) in [
            ("*.txt", "a.txt", true),
            ("*.txt", "deep/er/a.txt", true),
            ("*.txt", "a.text", false),
            ("/a.txt", "a.txt", true),
            ("/a.txt", "deep/a.txt", false),
            ("deep/a.txt", "deep/a.txt", true),
            ("deep/a.txt", "very/deep/a.txt", false),
            ("deep/*", "deep/a", true),
            ("deep/*", "deep/er/a", false),
            ("cargo/", "cargo/", true),
            ("cargo/", "cargo", false),
            ("cargo/", "deep/cargo/", true),
            ("# a.txt", "# a.txt", false),
            ("  a.txt\t\r", "a.txt", true),
            ("\u{feff}a.txt", "a.txt", true),
            ("[ab].txt", "b.txt", true),
            ("a?.txt", "a/.txt", false),
            ("", "templates/.hidden", true),
            ("", "templates/deep/.hidden", false),
            ("", ".hidden", false),
            ("", "templates/.", false),
        ] {
            assert_eq!(ignored(rules, path), expected, "{rules:?} {path:?}");
        }
    }

    #[test]
    fn a_negated_rule_leaves_out_everything_else() {
        assert!(!ignored("!keep.txt", "keep.txt"));
        assert!(ignored("!keep.txt", "Chart.yaml"));
        assert!(ignored("!keep/", "keep"), "no folder");
        assert!(!ignored("!keep/", "keep/"));
        // The next rule still sees what a negated one let through.
        assert!(ignored("!keep.txt\n*.txt", "keep.txt"));
    }

    #[test]
    fn the_byte_order_mark_is_dropped_only_from_the_first_line() {
        assert!(ignored("a\n\u{feff}b", "\u{feff}b"));
    }

    #[test]
    fn what_helm_refuses_is_refused() {
        let error = |rules: &str| Rules::parse(rules.as_bytes()).unwrap_err();
        assert_eq!(error("a/**/b"), IgnoreError::DoubleStar);
        assert_eq!(error("a\n[b"), IgnoreError::Syntax);
        assert_eq!(error(&"x".repeat(70_000)), IgnoreError::LongLine);
    }
}
