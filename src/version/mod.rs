//! Versions and constraints over them, as Helm judges both.
//!
//! Owns [`Version`] (reading, order, succession) and [`Constraint`] (`>=1.2, <2 || 3.x`). Charts, their dependencies,
//! `kubeVersion`, tags of a registry and the template functions `semver` and `semverCompare` all mean versions in this
//! sense. Rules and error texts are those of Masterminds/semver 3.5.0: it takes `v1.2` for a version, has operators that
//! Rust's crates lack, and treats pre-releases by groups; where the embedded components are compared with one another,
//! plain Semantic Versioning does.

mod constraint;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;

pub use constraint::{Constraint, ConstraintError};

/// The longest text that is read as a version, in bytes.
pub const MAX_LENGTH: usize = 256;

/// Why a text is no version. The texts are the library's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// It is not shaped like one.
    #[error("invalid semantic version")]
    Invalid,
    /// It is empty, where only a full version is taken.
    #[error("version string empty")]
    Empty,
    /// A part that must be a number has something else in it.
    #[error("invalid characters in version")]
    Characters,
    /// A number has a leading zero.
    #[error("version segment starts with 0")]
    LeadingZero,
    /// The part after `+` is malformed.
    #[error("invalid metadata string")]
    Metadata,
    /// The part after `-` is malformed.
    #[error("invalid prerelease string")]
    Prerelease,
    /// It is longer than [`MAX_LENGTH`].
    #[error("version string is too long (max {MAX_LENGTH} bytes)")]
    TooLong,
    /// A number does not fit into 64 bits.
    #[error("error parsing version segment: strconv.ParseUint: parsing {}: value out of range", crate::yaml::number::quote(.0))]
    Range(String),
    /// A number of a full version does not fit into 64 bits, or is missing.
    #[error("strconv.ParseUint: parsing {}: {reason}", crate::yaml::number::quote(.number))]
    Number {
        /// The digits.
        number: String,
        /// What is wrong with them.
        reason: &'static str,
    },
    /// There is no next version.
    #[error("{0} version increment would overflow uint64")]
    Overflow(&'static str),
}

/// A version.
///
/// `==` compares everything, the spelling too; [`Version::compare`] is the order of versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
    /// The third number.
    pub patch: u64,
    prerelease: String,
    metadata: String,
    original: String,
}

/// Whether these are dot-separated words of letters, digits and hyphens.
fn are_identifiers(text: &str) -> bool {
    text.split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_metadata(text: &str) -> Result<(), VersionError> {
    if are_identifiers(text) { Ok(()) } else { Err(VersionError::Metadata) }
}

fn check_prerelease(text: &str) -> Result<(), VersionError> {
    for part in text.split('.') {
        if !part.is_empty() && is_number(part) {
            if part.len() > 1 && part.starts_with('0') {
                return Err(VersionError::LeadingZero);
            }
        } else if !are_identifiers(part) {
            return Err(VersionError::Prerelease);
        }
    }
    Ok(())
}

/// The digits at the start, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

impl Version {
    /// A version of these numbers.
    pub fn new(major: u64, minor: u64, patch: u64) -> Self {
        let (prerelease, metadata) = (String::new(), String::new());
        Self { major, minor, patch, prerelease, metadata, original: format!("{major}.{minor}.{patch}") }
    }

    /// Reads what looks like a version: `v1.2` is 1.2.0, `01.2.3` is 1.2.3.
    ///
    /// # Errors
    /// If it does not, is too long, or a number is too large.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        if text.len() > MAX_LENGTH {
            return Err(VersionError::TooLong);
        }
        let number = |digits: &str| digits.parse::<u64>().map_err(|_| VersionError::Range(digits.to_owned()));
        let (major, mut rest) = digits(text.strip_prefix('v').unwrap_or(text));
        if major.is_empty() {
            return Err(VersionError::Invalid);
        }
        let mut more = [""; 2];
        for part in &mut more {
            if let Some(after) = rest.strip_prefix('.') {
                (*part, rest) = digits(after);
                if part.is_empty() {
                    return Err(VersionError::Invalid);
                }
            }
        }
        let (before, metadata) = rest.split_once('+').map_or((rest, None), |(before, after)| (before, Some(after)));
        let prerelease = before.strip_prefix('-');
        let is_shaped = (before.is_empty() || prerelease.is_some())
            && prerelease.is_none_or(are_identifiers)
            && metadata.is_none_or(are_identifiers);
        if !is_shaped {
            return Err(VersionError::Invalid);
        }
        let or_zero = |digits: &str| if digits.is_empty() { Ok(0) } else { number(digits) };
        let (major, minor, patch) = (number(major)?, or_zero(more[0])?, or_zero(more[1])?);
        let (prerelease, metadata) = (prerelease.unwrap_or_default(), metadata.unwrap_or_default());
        if !prerelease.is_empty() {
            check_prerelease(prerelease)?;
        }
        let (prerelease, metadata) = (prerelease.to_owned(), metadata.to_owned());
        Ok(Self { major, minor, patch, prerelease, metadata, original: text.to_owned() })
    }

    /// Reads a version as the standard has it: three numbers, no leading `v`, no leading zeros.
    ///
    /// # Errors
    /// If it is not one.
    pub fn parse_strict(text: &str) -> Result<Self, VersionError> {
        if text.is_empty() {
            return Err(VersionError::Empty);
        }
        if text.len() > MAX_LENGTH {
            return Err(VersionError::TooLong);
        }
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(mut patch)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VersionError::Invalid);
        };
        let (mut prerelease, mut metadata) = ("", "");
        if let Some((before, after)) = patch.split_once('+') {
            (patch, metadata) = (before, after);
            check_metadata(metadata)?;
        }
        if let Some((before, after)) = patch.split_once('-') {
            (patch, prerelease) = (before, after);
            check_prerelease(prerelease)?;
        }
        for part in [major, minor, patch] {
            if !is_number(part) {
                return Err(VersionError::Characters);
            }
            if part.len() > 1 && part.starts_with('0') {
                return Err(VersionError::LeadingZero);
            }
        }
        let number = |digits: &str| {
            let reason = if digits.is_empty() { "invalid syntax" } else { "value out of range" };
            digits.parse::<u64>().map_err(|_| VersionError::Number { number: digits.to_owned(), reason })
        };
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
            patch: number(patch)?,
            prerelease: prerelease.to_owned(),
            metadata: metadata.to_owned(),
            original: text.to_owned(),
        })
    }

    /// What follows `-`; empty if it is no pre-release.
    pub fn prerelease(&self) -> &str {
        &self.prerelease
    }

    /// What follows `+`; empty if there is nothing.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// The text it was read from.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// The order of versions: by numbers, then a pre-release before its release; metadata does not count.
    pub fn compare(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch).cmp(&(other.major, other.minor, other.patch)).then_with(|| {
            match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_prereleases(&self.prerelease, &other.prerelease),
            }
        })
    }

    /// Whether neither comes before the other.
    pub fn is_same(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal
    }

    fn succeed(&self, (major, minor, patch): (u64, u64, u64)) -> Self {
        let next = Self { major, minor, patch, prerelease: String::new(), metadata: String::new(), ..self.clone() };
        next.respelled()
    }

    /// With the spelling that fits its parts, a leading `v` kept.
    fn respelled(mut self) -> Self {
        let prefix = if self.original.starts_with('v') { "v" } else { "" };
        self.original = format!("{prefix}{self}");
        self
    }

    /// The next major version.
    ///
    /// # Errors
    /// If the number is the largest there is.
    pub fn next_major(&self) -> Result<Self, VersionError> {
        let major = self.major.checked_add(1).ok_or(VersionError::Overflow("major"))?;
        Ok(self.succeed((major, 0, 0)))
    }

    /// The next minor version.
    ///
    /// # Errors
    /// If the number is the largest there is.
    pub fn next_minor(&self) -> Result<Self, VersionError> {
        let minor = self.minor.checked_add(1).ok_or(VersionError::Overflow("minor"))?;
        Ok(self.succeed((self.major, minor, 0)))
    }

    /// The next patch version: of a pre-release, its release.
    ///
    /// # Errors
    /// If the number is the largest there is.
    pub fn next_patch(&self) -> Result<Self, VersionError> {
        let step = u64::from(self.prerelease.is_empty());
        let patch = self.patch.checked_add(step).ok_or(VersionError::Overflow("patch"))?;
        Ok(self.succeed((self.major, self.minor, patch)))
    }

    /// The same with another pre-release part (without its hyphen; empty for none).
    ///
    /// # Errors
    /// If it is malformed.
    pub fn with_prerelease(&self, prerelease: &str) -> Result<Self, VersionError> {
        if !prerelease.is_empty() {
            check_prerelease(prerelease)?;
        }
        Ok(Self { prerelease: prerelease.to_owned(), ..self.clone() }.respelled())
    }

    /// The same with other metadata (without the plus sign; empty for none).
    ///
    /// # Errors
    /// If it is malformed.
    pub fn with_metadata(&self, metadata: &str) -> Result<Self, VersionError> {
        if !metadata.is_empty() {
            check_metadata(metadata)?;
        }
        Ok(Self { metadata: metadata.to_owned(), ..self.clone() }.respelled())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

/// The order of two pre-release parts; a missing identifier comes before any other.
fn compare_prereleases(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let (one, other) = (left.next(), right.next());
        if one.is_none() && other.is_none() {
            return Ordering::Equal;
        }
        let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
        let order = match (number(one), number(other)) {
            _ if one == other => Ordering::Equal,
            _ if one.is_empty() => Ordering::Less,
            _ if other.is_empty() => Ordering::Greater,
            (Some(one), Some(other)) => one.cmp(&other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => one.cmp(other),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// An identifier as a number; one that is too large is text.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| is_number(text))
}
