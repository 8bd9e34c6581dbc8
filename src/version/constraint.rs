//! [`Constraint`]: which versions are wanted.

use std::cmp::Ordering;
use std::fmt;

use super::{Version, compare_prereleases};

/// The longest text that is read as a constraint, in bytes.
const MAX_LENGTH: usize = 512;
/// How many alternatives one constraint may have.
const MAX_GROUPS: usize = 32;

/// Why a text is no constraint. The texts are the library's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    /// It is not shaped like one; the text is the alternative at fault, quoted.
    #[error("improper constraint: {0}")]
    Improper(String),
    /// It is shaped like one, but a version in it is none.
    #[error("constraint parser error")]
    Version,
    /// It is longer than 512 bytes.
    #[error("constraint string is too long (max {MAX_LENGTH} bytes)")]
    TooLong,
    /// It has more than 32 alternatives.
    #[error("too many constraint groups (max {MAX_GROUPS})")]
    TooManyGroups,
}

/// Which versions are wanted: alternatives (`||`), each of them conditions that hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    groups: Vec<Group>,
    /// Whether pre-releases are considered even where no condition of a group names one.
    pub include_prereleases: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    conditions: Vec<Condition>,
    /// Whether one of them names a pre-release; only then the group considers pre-releases.
    names_prerelease: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    operator: &'static str,
    test: Test,
    /// The version as it was written.
    spelling: String,
    version: Version,
    open: Open,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    TildeOrEqual,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// From which number on a version is a wildcard or not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Patch,
    Minor,
    Major,
}

/// Longer ones first, so that the first that fits is meant.
const OPERATORS: &[(&str, Test)] = &[
    ("!=", Test::NotEqual),
    (">=", Test::GreaterOrEqual),
    ("=>", Test::GreaterOrEqual),
    ("<=", Test::LessOrEqual),
    ("=<", Test::LessOrEqual),
    ("~>", Test::Tilde),
    ("=", Test::TildeOrEqual),
    (">", Test::Greater),
    ("<", Test::Less),
    ("~", Test::Tilde),
    ("^", Test::Caret),
    ("", Test::TildeOrEqual),
];

impl Constraint {
    /// Reads a constraint.
    ///
    /// # Errors
    /// If it is malformed, too long, or has too many alternatives.
    pub fn parse(text: &str) -> Result<Self, ConstraintError> {
        Self::parse_bytes(text.as_bytes())
    }

    /// Reads a constraint from text that need not be UTF-8 (it is refused then, in the library's words).
    ///
    /// # Errors
    /// As [`Constraint::parse`].
    pub fn parse_bytes(text: &[u8]) -> Result<Self, ConstraintError> {
        if text.len() > MAX_LENGTH {
            return Err(ConstraintError::TooLong);
        }
        let text = without_ranges(text);
        let alternatives = split(&text, b"||");
        if alternatives.len() > MAX_GROUPS {
            return Err(ConstraintError::TooManyGroups);
        }
        let groups = alternatives.into_iter().map(Group::parse).collect::<Result<_, _>>()?;
        Ok(Self { groups, include_prereleases: false })
    }

    /// Whether the version is wanted.
    pub fn check(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            let prereleases = self.include_prereleases || group.names_prerelease;
            group.conditions.iter().all(|condition| condition.check(version, prereleases).is_ok())
        })
    }

    /// Whether the version is wanted, and if not, every reason why.
    ///
    /// # Errors
    /// The reasons, in the library's words.
    pub fn validate(&self, version: &Version) -> Result<(), Vec<String>> {
        let mut reasons = Vec::new();
        let mut told_of_prerelease = false;
        for group in &self.groups {
            let before = reasons.len();
            let prereleases = self.include_prereleases || group.names_prerelease;
            if !prereleases && !version.prerelease().is_empty() {
                if !told_of_prerelease {
                    reasons.push(only_releases(version));
                    told_of_prerelease = true;
                }
                // As in the library, the reason is told once, but no such group ever fits.
                continue;
            }
            reasons.extend(group.conditions.iter().filter_map(|it| it.check(version, prereleases).err()));
            if reasons.len() == before {
                return Ok(());
            }
        }
        Err(reasons)
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, group) in self.groups.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { " || " })?;
            for (index, condition) in group.conditions.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { " " })?;
                write!(f, "{}{}", condition.operator, condition.spelling)?;
            }
        }
        Ok(())
    }
}

impl Group {
    fn parse(text: &[u8]) -> Result<Self, ConstraintError> {
        let scanned = scan_group(text).ok_or_else(|| ConstraintError::Improper(quote(text)))?;
        let conditions: Vec<Condition> = scanned.into_iter().map(Condition::new).collect::<Result<_, _>>()?;
        let names_prerelease = conditions.iter().any(|it| !it.version.prerelease().is_empty());
        Ok(Self { conditions, names_prerelease })
    }
}

/// A version in a constraint, cut into parts: numbers may be wildcards.
#[derive(Debug, Clone, Copy, Default)]
struct Parts<'a> {
    all: &'a str,
    major: &'a str,
    minor: &'a str,
    patch: &'a str,
    /// With its hyphen.
    prerelease: &'a str,
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0C' | b'\r' | b' ')
}

const fn is_numeral(byte: u8) -> bool {
    // The bar is the library's slip: it lets `1|2` through to be refused as a version.
    byte.is_ascii_digit() || matches!(byte, b'x' | b'X' | b'*' | b'|')
}

const fn is_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

fn is_wildcard(text: &str) -> bool {
    matches!(text, "x" | "X" | "*")
}

fn spaces(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !is_space(*byte)).unwrap_or(text.len());
    text.get(end..).unwrap_or_default()
}

/// As many bytes of a kind as there are, at least one: they (ASCII), and the rest.
fn run(text: &[u8], is_wanted: fn(u8) -> bool) -> Option<(&str, &[u8])> {
    let end = text.iter().position(|byte| !is_wanted(*byte)).unwrap_or(text.len());
    let (run, rest) = text.split_at_checked(end).filter(|_| end > 0)?;
    Some((std::str::from_utf8(run).ok()?, rest))
}

/// What follows `mark` and is made of dot-separated identifiers, mark included; empty, and the same rest, if there is
/// none.
fn identifiers(text: &[u8], mark: u8) -> (&str, &[u8]) {
    let none = ("", text);
    let Some(after) = text.strip_prefix(&[mark]) else { return none };
    let Some((_, mut rest)) = run(after, is_identifier) else { return none };
    while let Some((_, after)) = rest.strip_prefix(b".").and_then(|rest| run(rest, is_identifier)) {
        rest = after;
    }
    (between(text, rest), rest)
}

/// What was consumed of a text to leave this rest.
fn between<'a>(text: &'a [u8], rest: &[u8]) -> &'a str {
    let consumed = text.get(..text.len() - rest.len()).unwrap_or_default();
    std::str::from_utf8(consumed).unwrap_or_default()
}

/// The longest version at the start, and the rest. Every shorter one ends before a character that cannot follow a
/// version, so no other reading has to be tried.
fn scan_version(text: &[u8]) -> Option<(Parts<'_>, &[u8])> {
    let (major, mut rest) = run(text.strip_prefix(b"v").unwrap_or(text), is_numeral)?;
    let mut parts = Parts { major, ..Parts::default() };
    for part in [&mut parts.minor, &mut parts.patch] {
        if let Some((found, after)) = rest.strip_prefix(b".").and_then(|rest| run(rest, is_numeral)) {
            (*part, rest) = (found, after);
        } else {
            break;
        }
    }
    (parts.prerelease, rest) = identifiers(rest, b'-');
    (_, rest) = identifiers(rest, b'+');
    parts.all = between(text, rest);
    Some((parts, rest))
}

type Scanned<'a> = ((&'static str, Test), Parts<'a>);

/// Conditions with spaces or single commas between them, and nothing else.
fn scan_group(text: &[u8]) -> Option<Vec<Scanned<'_>>> {
    let mut conditions = Vec::new();
    let mut rest = spaces(text);
    loop {
        let operator = *OPERATORS.iter().find(|(operator, _)| rest.starts_with(operator.as_bytes()))?;
        rest = spaces(rest.get(operator.0.len()..)?);
        let (parts, after) = scan_version(rest)?;
        conditions.push((operator, parts));
        rest = spaces(after);
        if rest.is_empty() {
            return Some(conditions);
        }
        match rest.strip_prefix(b",") {
            Some(after) => rest = spaces(after),
            None if rest.len() == after.len() => return None,
            None => {}
        }
    }
}

/// Writes every `a - b` as `>= a, <= b`.
fn without_ranges(text: &[u8]) -> Vec<u8> {
    let mut out = text.to_vec();
    let mut rest = text;
    while !rest.is_empty() {
        let Some((low, high, after)) = scan_range(rest) else {
            rest = rest.get(1..).unwrap_or_default();
            continue;
        };
        let found = rest.get(..rest.len() - after.len()).unwrap_or_default();
        // As in the library, the first place that reads like it is rewritten.
        if let Some(place) = out.windows(found.len()).position(|window| window == found) {
            out.splice(place..place + found.len(), format!(">= {low}, <= {high} ").into_bytes());
        }
        rest = after;
    }
    out
}

fn scan_range(text: &[u8]) -> Option<(&str, &str, &[u8])> {
    let (low, rest) = scan_version(spaces(text))?;
    let after_spaces = |rest| Some(spaces(rest)).filter(|after| after.len() < rest.len());
    let rest = after_spaces(rest)?.strip_prefix(b"-")?;
    let (high, rest) = scan_version(after_spaces(rest)?)?;
    Some((low.all, high.all, spaces(rest)))
}

fn split<'a>(text: &'a [u8], separator: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(separator.len()).position(|window| window == separator) {
        parts.push(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + separator.len()..).unwrap_or_default();
    }
    parts.push(rest);
    parts
}

/// Quoted as Go does, bytes that are not UTF-8 as `\xff`.
fn quote(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in text.utf8_chunks() {
        let quoted = crate::yaml::number::quote(chunk.valid());
        out.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
        out.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    out.push('"');
    out
}

fn only_releases(version: &Version) -> String {
    format!(
        "{} is a prerelease version and the constraint is only looking for release versions",
        quote(version.to_string().as_bytes())
    )
}

impl Condition {
    fn new(((operator, test), parts): Scanned<'_>) -> Result<Self, ConstraintError> {
        let Parts { all, major, minor, patch, prerelease } = parts;
        let is_open = |part: &str| part.is_empty() || is_wildcard(part);
        let (open, version) = if is_open(major) {
            (Open::Major, format!("0.0.0{prerelease}"))
        } else if is_open(minor) {
            (Open::Minor, format!("{major}.0.0{prerelease}"))
        } else if is_open(patch) {
            (Open::Patch, format!("{major}.{minor}.0{prerelease}"))
        } else {
            (Open::Nothing, all.to_owned())
        };
        let version = Version::parse(&version).map_err(|_| ConstraintError::Version)?;
        Ok(Self { operator, test, spelling: all.to_owned(), version, open })
    }

    /// Whether the version fits; if not, why.
    fn check(&self, version: &Version, prereleases: bool) -> Result<(), String> {
        if !version.prerelease().is_empty() && !prereleases {
            return Err(only_releases(version));
        }
        match self.test {
            Test::TildeOrEqual if self.open != Open::Nothing => self.check_tilde(version),
            Test::Tilde => self.check_tilde(version),
            Test::TildeOrEqual => self.holds(version.is_same(&self.version), version, "is not equal to"),
            Test::NotEqual => self.holds(self.differs(version), version, "is equal to"),
            Test::Greater => self.holds(self.is_below(version), version, "is less than or equal to"),
            Test::Less => {
                let fits = version.compare(&self.version) == Ordering::Less;
                self.holds(fits, version, "is greater than or equal to")
            }
            Test::GreaterOrEqual => self.at_least(version),
            Test::LessOrEqual => self.holds(self.reaches(version), version, "is greater than"),
            Test::Caret => self.check_caret(version),
        }
    }

    fn holds(&self, fits: bool, version: &Version, complaint: &str) -> Result<(), String> {
        if fits { Ok(()) } else { Err(self.complain(version, complaint)) }
    }

    fn complain(&self, version: &Version, complaint: &str) -> String {
        let quoted = quote(version.to_string().as_bytes());
        format!("{quoted} {complaint} {}", quote(self.spelling.as_bytes()))
    }

    fn at_least(&self, version: &Version) -> Result<(), String> {
        self.holds(version.compare(&self.version) != Ordering::Less, version, "is less than")
    }

    fn differs(&self, version: &Version) -> bool {
        let wanted = &self.version;
        match self.open {
            Open::Nothing => !version.is_same(wanted),
            _ if version.major != wanted.major => true,
            Open::Minor => false,
            _ if version.minor != wanted.minor => true,
            Open::Patch => compare_prereleases(version.prerelease(), wanted.prerelease()) != Ordering::Equal,
            // A wildcard alone is compared like 0.0.0.
            Open::Major => version.patch != wanted.patch || !version.is_same(wanted),
        }
    }

    /// Whether the version is above all that this one stands for.
    fn is_below(&self, version: &Version) -> bool {
        let wanted = &self.version;
        match self.open {
            Open::Minor => version.major > wanted.major,
            Open::Patch => (version.major, version.minor) > (wanted.major, wanted.minor),
            Open::Nothing | Open::Major => version.compare(wanted) == Ordering::Greater,
        }
    }

    /// Whether the version is at most the last that this one stands for.
    fn reaches(&self, version: &Version) -> bool {
        let wanted = &self.version;
        match self.open {
            Open::Nothing => version.compare(wanted) != Ordering::Greater,
            Open::Minor => version.major <= wanted.major,
            Open::Patch | Open::Major => (version.major, version.minor) <= (wanted.major, wanted.minor),
        }
    }

    fn check_tilde(&self, version: &Version) -> Result<(), String> {
        self.at_least(version)?;
        let wanted = &self.version;
        let is_zero = (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0);
        if is_zero && matches!(self.open, Open::Nothing | Open::Major) {
            return Ok(());
        }
        self.holds(version.major == wanted.major, version, "does not have same major version as")?;
        let fits = version.minor == wanted.minor || self.open == Open::Minor;
        self.holds(fits, version, "does not have same major and minor version as")
    }

    fn check_caret(&self, version: &Version) -> Result<(), String> {
        self.at_least(version)?;
        let wanted = &self.version;
        self.holds(version.major == wanted.major, version, "does not have same major version as")?;
        if wanted.major > 0 || self.open == Open::Minor {
            return Ok(());
        }
        if wanted.minor > 0 || self.open == Open::Patch {
            let explanation = ". Expected minor versions to match when constraint major version is 0";
            let fits = version.minor == wanted.minor;
            return self
                .holds(fits, version, "does not have same minor version as")
                .map_err(|complaint| complaint + explanation);
        }
        self.holds(version.minor == 0, version, "does not have same minor version as")?;
        let explanation = ". Expect version and constraint to equal when major and minor versions are 0";
        self.holds(version.patch == wanted.patch, version, "does not equal")
            .map_err(|complaint| complaint + explanation)
    }
}
