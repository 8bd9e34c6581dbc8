//! Which image a component runs, and whether core's fits the embedded templates.
//!
//! The templates run MaiBot 0.x. From 1.0 on MaiBot has another layout: no separate adapter, another place for
//! plugins and their data, configuration made by the program, another entry point. Under these templates such an
//! image would crash again and again, so it is refused. What a tag tells decides:
//!
//! | tag | answer |
//! |---|---|
//! | `0.12.2`, `0.12.3` (also `v0.12.2`, `0.12.2@sha256:…`) | fits |
//! | another 0.x whose configuration version is known and differs | allowed, with a notice: core rewrites its configuration at the start |
//! | another 0.x | allowed, with a notice: not tried |
//! | a 0.x that asks consent to other texts (up to `0.11.5-beta`) | refused: it would wait for a consent nobody can give |
//! | `1`, `1.2`, `1.0.0-rc.1`, `1.3.15`, … | refused |
//! | `latest`, `dev`, `main` of MaiBot's own repositories or of a mirror of them | refused: they point to 1.x |
//! | `main-<commit>`, a digest alone, other names | allowed, with a notice: nothing can be told |

use std::fmt;

use semver::Version;

use super::components::{Component, at};
use super::consent::Agreement;
use super::versions::Versions;
use crate::code::Code;
use crate::yaml::Value;

/// Repositories of core, as their paths end in registries and mirrors.
const CORE_REPOSITORIES: [&str; 2] = ["sengokucola/maibot", "infinitycat/maibot"];

/// Tags of these repositories that move with the development, which is at 1.x.
const MOVING_TAGS: [&str; 3] = ["latest", "dev", "main"];

/// An image as the values name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Registry and path; ends in `@sha256` if the values name a digest this way.
    pub repository: String,
    /// The tag, perhaps with a digest behind it.
    pub tag: String,
}

impl fmt::Display for Image {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.repository, self.tag)
    }
}

impl Image {
    /// The image of a component under these values: what is missing, `null` or empty is that of the embedded chart.
    pub fn of(component: &Component, values: &Value) -> Self {
        let table = Versions::get();
        let (repository, tag) = table.default_image(table.embedded(), component.id);
        let image = at(values, &component.values).and_then(|values| values.get("image"));
        let given = |key: &str| image.and_then(|image| image.get(key)).and_then(scalar_text);
        Self {
            repository: given("repository").unwrap_or_else(|| repository.to_owned()),
            tag: given("tag").unwrap_or_else(|| tag.to_owned()),
        }
    }

    /// Whether this is an image reference at all, as container runtimes read it.
    ///
    /// # Errors
    /// [`Reason::Reference`] if it is not.
    pub fn check_reference(&self) -> Result<(), ImageError> {
        // The library's pattern takes longer to be made than all the rest of rendering: 55 ms and 20 MiB.
        if self.is_plain() || self.to_string().parse::<oci_distribution::Reference>().is_ok() {
            Ok(())
        } else {
            Err(self.refuse(Reason::Reference))
        }
    }

    /// Whether this is a reference of the usual kind, which no reader of references refuses: lower-case words and digits,
    /// joined by single `.`, `_`, `-` and `/`, and a tag.
    fn is_plain(&self) -> bool {
        let word = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let tag = self.tag.as_bytes();
        self.repository.len() <= 128
            && self.repository.split(['.', '_', '-', '/']).all(word)
            && (1..=128).contains(&tag.len())
            && (tag[0].is_ascii_alphanumeric() || tag[0] == b'_')
            && tag.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
    }

    /// Whether this image of core fits the embedded templates.
    pub fn check_core(&self) -> Result<Fit, ImageError> {
        if self.repository.ends_with("@sha256") {
            return Ok(Fit::Opaque);
        }
        match Tag::parse(&self.tag) {
            Tag::Version(version) if version.major >= 1 => Err(self.refuse(Reason::Architecture)),
            Tag::Line { major: 1.., .. } => Err(self.refuse(Reason::Architecture)),
            Tag::Version(version) => self.check_version(&version),
            // An alias follows the newest version of its line.
            Tag::Line { minor, .. } if minor.is_none_or(|minor| minor == 12) => Ok(Fit::Exact),
            Tag::Line { .. } => Ok(Fit::Untested),
            Tag::Floating if self.is_official() => Err(self.refuse(Reason::Moving)),
            Tag::Floating | Tag::Opaque => Ok(Fit::Opaque),
        }
    }

    fn check_version(&self, version: &Version) -> Result<Fit, ImageError> {
        let table = Versions::get();
        match Agreement::of_version(version) {
            Some(agreement) if agreement != Agreement::embedded() => return Err(self.refuse(Reason::Agreement)),
            _ => {}
        }
        Ok(match table.config_of(version) {
            Some(config) if *config == table.embedded().config => Fit::Exact,
            // The adapter comes in an image of its own.
            Some(config)
                if (&config.bot, &config.model) == (&table.embedded().config.bot, &table.embedded().config.model) =>
            {
                Fit::Exact
            }
            Some(_) => Fit::OtherConfig,
            None => Fit::Untested,
        })
    }

    fn is_official(&self) -> bool {
        CORE_REPOSITORIES.iter().any(|name| {
            self.repository == *name || self.repository.strip_suffix(name).is_some_and(|rest| rest.ends_with('/'))
        })
    }

    fn refuse(&self, reason: Reason) -> ImageError {
        ImageError { image: self.clone(), reason }
    }
}

/// What the text of a tag tells about the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tag {
    /// One version.
    Version(Version),
    /// The newest version of a line, such as `0.12` or `1`.
    Line {
        /// The first number.
        major: u64,
        /// The second, if it is given.
        minor: Option<u64>,
    },
    /// A name that moves with the development.
    Floating,
    /// Nothing.
    Opaque,
}

impl Tag {
    /// Reads a tag. A digest behind it is left aside; `v0.12.2` and `tag-0.11.0-beta` are versions too, and so are
    /// the tags of published charts' images that carry none. A first number of 100 and more is a date or a serial
    /// number of somebody's own, not a version of MaiBot.
    pub fn parse(tag: &str) -> Self {
        let name = tag.split_once('@').map_or(tag, |(name, _)| name).trim();
        if MOVING_TAGS.contains(&name) {
            return Self::Floating;
        }
        let bare = name.strip_prefix("tag-").unwrap_or(name);
        let bare = bare.strip_prefix('v').unwrap_or(bare);
        if let Ok(version) = Version::parse(bare) {
            return if version.major < 100 { Self::Version(version) } else { Self::Opaque };
        }
        if let Some(chart) = Versions::get().chart_of_core_tag(name) {
            return Self::Version(chart.maibot.clone());
        }
        // `1`, `1.2`, and what only begins like a version: `1.2.1.1`, `1.2-alpine`.
        let mut numbers = bare.split(['-', '+']).next().unwrap_or_default().split('.');
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
        match number(numbers.next()) {
            Some(major) if major < 100 => Self::Line { major, minor: number(numbers.next()) },
            _ => Self::Opaque,
        }
    }
}

/// How well an image of core fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It reads the configuration versions that the embedded chart ships.
    Exact,
    /// It reads other configuration versions: at its start core rewrites its files for them and drops what it does
    /// not know.
    OtherConfig,
    /// A 0.x about which nothing is known.
    Untested,
    /// The tag does not tell a version.
    Opaque,
}

/// Why an image of core is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is 1.0 or later.
    Architecture,
    /// It follows the development, which is at 1.x.
    Moving,
    /// It asks consent to other texts than the embedded chart hands to it.
    Agreement,
    /// It is no image reference.
    Reference,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Architecture => {
                "MaiBot 1.0 and later has another architecture and would crash under the templates of chart 0.12.2"
            }
            Self::Moving => {
                "this tag follows the development of MaiBot, which has another architecture since 1.0 and would crash \
                 under the templates of chart 0.12.2"
            }
            Self::Agreement => {
                "this version asks consent to other texts of EULA and privacy policy than chart 0.12.2 and would wait \
                 for it forever"
            }
            Self::Reference => "it is no image reference: REPOSITORY:TAG in lower-case letters, digits and `.-_/:@`",
        })
    }
}

/// An image of core that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("image `{image}` does not fit: {reason}")]
pub struct ImageError {
    /// The image.
    pub image: Image,
    /// Why not.
    pub reason: Reason,
}

impl ImageError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        Code::ImageVersion
    }
}

/// A scalar as a template prints it; none for `null`, for the empty text and for what is no scalar.
fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        Value::Float(number) => Some(value.as_i64().map_or_else(|| number.to_string(), |whole| whole.to_string())),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Sequence(_) | Value::Mapping(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::components::{ComponentId, Components};
    use super::*;

    fn core(repository: &str, tag: &str) -> Image {
        Image { repository: repository.to_owned(), tag: tag.to_owned() }
    }

    fn check(tag: &str) -> Result<Fit, Reason> {
        core("sengokucola/maibot", tag).check_core().map_err(|error| error.reason)
    }

    #[test]
    fn a_tag_decides_whether_the_image_fits() {
        for (tag, answer) in [
            ("0.12.2", Ok(Fit::Exact)),
            ("0.12.3", Ok(Fit::Exact)),
            ("v0.12.2", Ok(Fit::Exact)),
            ("0.12.2@sha256:abababababababababababababababababababababababababababababababab", Ok(Fit::Exact)),
            ("0.12", Ok(Fit::Exact)),
            ("0", Ok(Fit::Exact)),
            ("0.12.1", Ok(Fit::OtherConfig)),
            ("0.11.6-beta", Ok(Fit::OtherConfig)),
            ("0.12.9", Ok(Fit::Untested)),
            ("0.12.2-mine", Ok(Fit::Untested)),
            ("0.13.0", Ok(Fit::Untested)),
            ("0.13", Ok(Fit::Untested)),
            ("0.11.5-beta", Err(Reason::Agreement)),
            ("tag-0.11.0-beta", Err(Reason::Agreement)),
            ("main-a8ff08e", Err(Reason::Agreement)),
            ("1.0.0-pre.1", Err(Reason::Architecture)),
            ("1.0.0-rc.1", Err(Reason::Architecture)),
            ("1.0.0", Err(Reason::Architecture)),
            ("1.3.15", Err(Reason::Architecture)),
            ("v1.2.1@sha256:00", Err(Reason::Architecture)),
            ("1", Err(Reason::Architecture)),
            ("1.2", Err(Reason::Architecture)),
            ("1.2.1.1", Err(Reason::Architecture)),
            ("2-alpine", Err(Reason::Architecture)),
            ("latest", Err(Reason::Moving)),
            ("dev", Err(Reason::Moving)),
            ("main", Err(Reason::Moving)),
            ("main-0123abc", Ok(Fit::Opaque)),
            ("neo-mai", Ok(Fit::Opaque)),
            ("20260109183519", Ok(Fit::Opaque)),
            ("2026.1.9", Ok(Fit::Opaque)),
        ] {
            assert_eq!(check(tag), answer, "{tag}");
        }
    }

    #[test]
    fn references_that_cannot_be_are_refused() {
        for (repository, tag, right) in [
            ("sengokucola/maibot", "0.12.2", true),
            ("reg.mikumikumi.xyz/maibot/preprocessor", "main-20260109183519", true),
            ("Mirror.example.org:5000/a__b/c---d", "0.12.2@sha256:00", false),
            ("Mirror.example.org:5000/a__b/c---d", "0.12.2", true),
            ("sengokucola/MaiBot", "0.12.2", false),
            ("a..b", "1", false),
            ("a/-b", "1", false),
            ("a/", "1", false),
            ("a", "-1", false),
            ("a", "1 2", false),
            ("a b", "1", false),
        ] {
            assert_eq!(core(repository, tag).check_reference().is_ok(), right, "{repository}:{tag}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_plain_is_a_reference_for_the_library_too(
            repository in "[a-z0-9._/-]{1,12}|[a-z0-9]{1,3}([._/-][a-z0-9]{1,3}){0,4}",
            tag in "[a-zA-Z0-9._-]{0,6}",
        ) {
            let image = core(&repository, &tag);
            if image.is_plain() {
                proptest::prop_assert!(image.to_string().parse::<oci_distribution::Reference>().is_ok(), "{image}");
            }
        }
    }

    #[test]
    fn moving_tags_are_refused_only_where_they_are_known_to_point_to_1_x() {
        let check = |repository: &str| core(repository, "latest").check_core().map_err(|error| error.reason);
        assert_eq!(check("mirror.example.org:5000/sengokucola/maibot"), Err(Reason::Moving));
        assert_eq!(check("infinitycat/maibot"), Err(Reason::Moving));
        assert_eq!(check("registry.example.org/my/maibot"), Ok(Fit::Opaque));
        assert_eq!(check("notsengokucola/maibot"), Ok(Fit::Opaque));
        assert_eq!(core("sengokucola/maibot@sha256", "1").check_core(), Ok(Fit::Opaque));
    }

    #[test]
    fn an_image_takes_what_the_values_leave_out_from_the_embedded_chart() {
        let of = |id, text: &str| {
            let values = Value::from(serde_json::from_str::<serde_json::Value>(text).unwrap());
            Image::of(Components::get().component(id), &values).to_string()
        };
        assert_eq!(of(ComponentId::Core, "{}"), "sengokucola/maibot:0.12.2");
        assert_eq!(of(ComponentId::SqliteWeb, r#"{"sqlite_web": null}"#), "coleifer/sqlite-web:latest");
        assert_eq!(
            of(ComponentId::Core, r#"{"core": {"image": {"repository": "", "tag": null}}}"#),
            "sengokucola/maibot:0.12.2"
        );
        assert_eq!(of(ComponentId::Core, r#"{"core": {"image": {"repository": "a/b", "tag": "c"}}}"#), "a/b:c");
        assert_eq!(of(ComponentId::Core, r#"{"core": {"image": {"tag": 1.2}}}"#), "sengokucola/maibot:1.2");
        assert_eq!(
            of(ComponentId::Adapter, r#"{"adapter": {"image": {"tag": 20260109183519}}}"#),
            "unclas/maimbot-adapter:20260109183519"
        );
    }
}
