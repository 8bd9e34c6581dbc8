//! Consent to MaiBot's end user licence agreement and privacy policy.
//!
//! Core refuses to start until it is told the MD5 sums of the texts that were agreed to. The user agrees by two
//! booleans in the values; which texts these stand for follows from the image (`versions.yaml`). A text is never
//! agreed to on the user's behalf.

use semver::Version;
use serde::Deserialize;

use super::images::Tag;
use super::versions::Versions;
use crate::code::Code;
use crate::yaml::Value;

/// A pair of texts and the tags of MaiBot that ask for them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// The first tag known to ask for these texts.
    pub from: Version,
    /// The last tag known to ask for them.
    pub to: Version,
    /// The lower-case MD5 of `EULA.md`; the value of the environment variable `EULA_AGREE`.
    pub eula: String,
    /// The lower-case MD5 of `PRIVACY.md`; the value of the environment variable `PRIVACY_AGREE`.
    pub privacy: String,
    /// Version and date of the agreement.
    pub eula_text: String,
    /// Version and date of the policy.
    pub privacy_text: String,
}

impl Agreement {
    /// The texts that this version of MaiBot asks consent to; none if they are not known.
    pub fn of_version(version: &Version) -> Option<&'static Self> {
        Versions::get().agreements.iter().find(|agreement| (&agreement.from..=&agreement.to).contains(&version))
    }

    /// The texts that the image with this tag asks consent to; none if the tag does not tell its version, or if
    /// they are not known.
    pub fn of_tag(tag: &str) -> Option<&'static Self> {
        match Tag::parse(tag) {
            Tag::Version(version) => Self::of_version(&version),
            Tag::Line { .. } | Tag::Floating | Tag::Opaque => None,
        }
    }

    /// The texts of the embedded chart, whose sums its templates hand to core.
    #[expect(clippy::expect_used, reason = "a test looks it up")]
    pub fn embedded() -> &'static Self {
        Self::of_version(&Versions::get().embedded().maibot).expect("the embedded chart has an agreement")
    }
}

/// Why there is no consent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` must be the boolean true, but it is {found}")]
pub struct ConsentError {
    /// The first key that is not `true`: `EULA_AGREE` or `PRIVACY_AGREE`.
    pub key: &'static str,
    /// What it is instead.
    pub found: Found,
    /// Every key that is not `true`.
    pub missing: Vec<&'static str>,
}

impl ConsentError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        Code::Consent
    }
}

/// What stands where `true` should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing, or `null`.
    Nothing,
    /// The boolean `false`.
    False,
    /// A text that reads like a boolean: the quotes are too many.
    QuotedBoolean,
    /// Anything else.
    SomethingElse,
}

impl std::fmt::Display for Found {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Nothing => "not set",
            Self::False => "false",
            Self::QuotedBoolean => "a text (leave out the quotes, or use `--set` instead of `--set-string`)",
            Self::SomethingElse => "something else",
        })
    }
}

/// Checks that both agreements are agreed to. Stricter than the official chart, which takes every value for consent
/// that its templates find true, the text `"false"` included.
pub fn check(values: &Value) -> Result<(), ConsentError> {
    let missing: Vec<_> =
        ["EULA_AGREE", "PRIVACY_AGREE"].into_iter().filter(|key| values.get(key) != Some(&Value::Bool(true))).collect();
    let Some(&key) = missing.first() else { return Ok(()) };
    let found = match values.get(key) {
        None | Some(Value::Null) => Found::Nothing,
        Some(Value::Bool(_)) => Found::False,
        Some(Value::String(text)) if ["true", "false", "yes", "no"].contains(&text.trim().to_lowercase().as_str()) => {
            Found::QuotedBoolean
        }
        Some(_) => Found::SomethingElse,
    };
    Err(ConsentError { key, found, missing })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Value {
        Value::from(serde_json::from_str::<serde_json::Value>(text).unwrap())
    }

    #[test]
    fn two_booleans_true_are_consent() {
        assert_eq!(check(&values(r#"{"EULA_AGREE": true, "PRIVACY_AGREE": true}"#)), Ok(()));
    }

    #[test]
    fn nothing_but_two_booleans_true_is_consent() {
        for (text, key, found) in [
            ("{}", "EULA_AGREE", Found::Nothing),
            (r#"{"EULA_AGREE": null, "PRIVACY_AGREE": true}"#, "EULA_AGREE", Found::Nothing),
            (r#"{"EULA_AGREE": true}"#, "PRIVACY_AGREE", Found::Nothing),
            (r#"{"EULA_AGREE": true, "PRIVACY_AGREE": false}"#, "PRIVACY_AGREE", Found::False),
            (r#"{"EULA_AGREE": "true", "PRIVACY_AGREE": true}"#, "EULA_AGREE", Found::QuotedBoolean),
            (r#"{"EULA_AGREE": "false", "PRIVACY_AGREE": "false"}"#, "EULA_AGREE", Found::QuotedBoolean),
            (r#"{"EULA_AGREE": 1, "PRIVACY_AGREE": 1}"#, "EULA_AGREE", Found::SomethingElse),
            (r#"{"eula_agree": true, "privacy_agree": true}"#, "EULA_AGREE", Found::Nothing),
        ] {
            let error = check(&values(text)).unwrap_err();
            assert_eq!((error.key, error.found), (key, found), "{text}");
        }
        assert_eq!(check(&values("{}")).unwrap_err().missing, ["EULA_AGREE", "PRIVACY_AGREE"]);
    }

    #[test]
    fn texts_follow_the_version_of_the_image() {
        let eula = |tag: &str| Agreement::of_tag(tag).map(|agreement| agreement.eula.as_str());
        let second = Some("99f08e0cab0190de853cb6af7d64d4de");
        let third = Some(Agreement::embedded().eula.as_str());
        let fourth = Some("8e6e7d647f7f82d6ea98456b73908656");
        assert_eq!(eula("0.6.0"), Some("35362b6ea30f12891d46ef545122e84a"));
        assert_eq!(eula("0.8.1"), Some("bda99dca873f5d8044e9987eac417e01"));
        assert_eq!((eula("0.10.0-alpha"), eula("tag-0.11.0-beta"), eula("0.11.5-beta")), (second, second, second));
        assert_eq!(
            (eula("0.11.6-beta"), eula("0.12.2"), eula("0.12.3"), eula("v0.12.2")),
            (third, third, third, third)
        );
        assert_eq!((eula("1.0.0-pre.1"), eula("1.0.0-rc.2")), (third, third));
        assert_eq!((eula("1.0.0-rc.3"), eula("1.0.0"), eula("1.2.1")), (fourth, fourth, fourth));
        assert_eq!(third, Some("1b662741904d7155d1ce1c00b3530d0d"));
    }

    #[test]
    fn unknown_tags_have_unknown_texts() {
        for tag in ["latest", "dev", "main-a8ff08f", "0.12", "2.0.0", "0.8.5", "nightly"] {
            assert_eq!(Agreement::of_tag(tag), None, "{tag}");
        }
    }
}
