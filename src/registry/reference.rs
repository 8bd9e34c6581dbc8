//! What names a chart in a registry: `oci://HOST[:PORT]/PATH/NAME[:TAG][@DIGEST]`.
//!
//! Rules: Helm's `pkg/registry/reference.go` on top of oras-go's `registry/reference.go`. There is no default registry
//! and no default tag. A tag cannot hold `+`, which versions may: it is written `_` in a registry and `+` everywhere
//! else. Only sha256 and sha512 digests are accepted, as in the OCI image specification.

use std::fmt;

use sha2::{Digest as _, Sha256, Sha512};

use super::error::Error;

/// The scheme of references, with its separator.
pub const SCHEME: &str = "oci://";

/// Whether an address is one of a registry.
pub fn is_oci(text: &str) -> bool {
    text.starts_with(SCHEME)
}

/// The digest of content: `sha256:` or `sha512:` and lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// Reads a digest.
    ///
    /// # Errors
    /// If it is none, or of another algorithm.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Error::Reference(format!("invalid digest {text:?}: {why}"));
        let (algorithm, hex) = text.split_once(':').ok_or_else(|| refuse("invalid checksum digest format"))?;
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return Err(refuse("unsupported digest algorithm")),
        };
        if hex.len() != length {
            return Err(refuse("invalid checksum digest length"));
        }
        if !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(refuse("invalid checksum digest format"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The sha256 digest of content.
    pub fn of(content: &[u8]) -> Self {
        Self(format!("sha256:{}", hex(&Sha256::digest(content))))
    }

    /// The digest of content by the same algorithm as this one.
    #[must_use]
    pub fn same_kind_of(&self, content: &[u8]) -> Self {
        if self.algorithm() == "sha512" {
            Self(format!("sha512:{}", hex(&Sha512::digest(content))))
        } else {
            Self::of(content)
        }
    }

    /// Whether content has this digest.
    pub fn fits(&self, content: &[u8]) -> bool {
        self.same_kind_of(content) == *self
    }

    /// `sha256` or `sha512`.
    pub fn algorithm(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// The hexadecimal part.
    pub fn hex(&self) -> &str {
        self.0.split(':').nth(1).unwrap_or_default()
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Bytes in lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A reference, read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// Reads a reference, with or without `oci://`.
    ///
    /// # Errors
    /// If it is no reference.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bare = text.strip_prefix(SCHEME).unwrap_or(text);
        let (registry, path) =
            bare.split_once('/').ok_or_else(|| Error::Reference("missing registry or repository".to_owned()))?;
        if registry.contains('@') {
            return Err(Error::Reference(
                "credentials do not belong into a reference; use `maibot registry login`, or --username and --password"
                    .to_owned(),
            ));
        }
        check_registry(registry)?;
        let (path, digest) = match path.rsplit_once('@') {
            Some((path, digest)) => (path, Some(Digest::parse(digest)?)),
            None => (path, None),
        };
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag.replace('+', "_"))),
            None => (path, None),
        };
        if !is_repository(repository) {
            return Err(Error::Reference(format!("invalid repository {repository:?}")));
        }
        let tag = tag.filter(|tag| !tag.is_empty());
        if let Some(tag) = tag.as_deref().filter(|tag| !is_tag(tag)) {
            return Err(Error::Reference(format!("invalid tag {tag:?}")));
        }
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), tag, digest })
    }

    /// Host and port as written.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The host and port that requests go to: Docker Hub has another one than its name says.
    pub fn host(&self) -> &str {
        host_of(&self.registry)
    }

    /// The path of the repository.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The last part of the repository's path: by convention the chart's name.
    pub fn name(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }

    /// The tag in the registry's spelling, with `_` for `+`.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest of the manifest.
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// `HOST/PATH`, without tag and digest.
    pub fn without_version(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The same repository at a version, which may hold `+`, and without a digest.
    ///
    /// # Errors
    /// If the version can be no tag.
    pub fn at_version(&self, version: &str) -> Result<Self, Error> {
        let tag = version.replace('+', "_");
        if !is_tag(&tag) {
            return Err(Error::Reference(format!("invalid tag {tag:?}")));
        }
        Ok(Self { tag: Some(tag), digest: None, ..self.clone() })
    }

    /// The same repository at a digest, and without a tag.
    #[must_use]
    pub fn at_digest(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }

    /// Tag or digest as the registry's addresses name it; a digest is stronger than a tag.
    pub(super) fn selector(&self) -> Option<&str> {
        self.digest.as_ref().map(Digest::as_str).or(self.tag.as_deref())
    }
}

/// `HOST/PATH:TAG` or `HOST/PATH@DIGEST`.
impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        match (&self.digest, &self.tag) {
            (Some(digest), _) => write!(formatter, "@{digest}"),
            (None, Some(tag)) => write!(formatter, ":{tag}"),
            (None, None) => Ok(()),
        }
    }
}

/// The host and port that requests for a registry go to.
pub(super) fn host_of(registry: &str) -> &str {
    if registry == "docker.io" { "registry-1.docker.io" } else { registry }
}

/// Accepts `host`, `host:port`, `[v6]:port`.
pub(super) fn check_registry(registry: &str) -> Result<(), Error> {
    let refuse = || Error::Reference(format!("invalid registry {registry:?}"));
    let authority: http::uri::Authority = registry.parse().map_err(|_| refuse())?;
    // `Authority` takes a port of any digits; a port that is none shows as none.
    let port = registry.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    if authority.host().is_empty() || port != authority.port_u16().is_some() || registry.contains('@') {
        return Err(refuse());
    }
    Ok(())
}

/// `[a-z0-9]+` joined by `.`, `_`, `__` or any number of `-`; such components joined by `/`.
fn is_repository(path: &str) -> bool {
    path.split('/').all(|component| {
        let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = component.as_bytes();
        let ends = |byte: Option<&u8>| byte.copied().is_some_and(alphanumeric);
        if !ends(bytes.first()) || !ends(bytes.last()) {
            return false;
        }
        let separators =
            component.split(|character: char| character.is_ascii_lowercase() || character.is_ascii_digit());
        separators
            .filter(|separator| !separator.is_empty())
            .all(|separator| matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'))
    })
}

/// A word character, then up to 127 of word characters, dots and dashes.
fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::{Digest, Reference};

    const DIGEST: &str = "sha256:b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c";

    #[test]
    fn a_reference_has_registry_repository_tag_and_digest() {
        for (text, registry, repository, tag, digest) in [
            ("oci://r.example/maibot/maibot", "r.example", "maibot/maibot", None, None),
            ("oci://r.example:5000/a:1.0.0", "r.example:5000", "a", Some("1.0.0"), None),
            ("localhost:5000/a/b:1.0.0+x.1", "localhost:5000", "a/b", Some("1.0.0_x.1"), None),
            ("oci://[::1]:5000/a:1", "[::1]:5000", "a", Some("1"), None),
            ("oci://r/a@DIGEST", "r", "a", None, Some(DIGEST)),
            ("oci://r/a:1.0.0@DIGEST", "r", "a", Some("1.0.0"), Some(DIGEST)),
            ("oci://r/a-b__c.d/e---f", "r", "a-b__c.d/e---f", None, None),
        ] {
            let reference =
                Reference::parse(&text.replace("DIGEST", DIGEST)).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(reference.registry(), registry, "{text}");
            assert_eq!(reference.repository(), repository, "{text}");
            assert_eq!(reference.tag(), tag, "{text}");
            assert_eq!(reference.digest().map(Digest::as_str), digest, "{text}");
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_with_its_reason() {
        for (text, message) in [
            ("oci://maibot", "invalid reference: missing registry or repository"),
            ("oci:///a", "invalid reference: invalid registry \"\""),
            ("oci://r:x/a", "invalid reference: invalid registry \"r:x\""),
            ("oci://r:99999/a", "invalid reference: invalid registry \"r:99999\""),
            ("oci://r r/a", "invalid reference: invalid registry \"r r\""),
            ("oci://r/A", "invalid reference: invalid repository \"A\""),
            ("oci://r/a/../b", "invalid reference: invalid repository \"a/../b\""),
            ("oci://r/a//b", "invalid reference: invalid repository \"a//b\""),
            ("oci://r/a_-b", "invalid reference: invalid repository \"a_-b\""),
            ("oci://r/a?x=1", "invalid reference: invalid repository \"a?x=1\""),
            ("oci://r/a:-1", "invalid reference: invalid tag \"-1\""),
            ("oci://r/a:1/2", "invalid reference: invalid tag \"1/2\""),
            ("oci://r/a@md5:00", "invalid reference: invalid digest \"md5:00\": unsupported digest algorithm"),
            ("oci://r/a@sha256:00", "invalid reference: invalid digest \"sha256:00\": invalid checksum digest length"),
        ] {
            assert_eq!(Reference::parse(text).unwrap_err().to_string(), message, "{text}");
        }
        assert!(Reference::parse(&format!("oci://r/a:{}", "1".repeat(129))).is_err());
        let secret = Reference::parse("oci://user:hunter2@r/a").unwrap_err().to_string();
        assert!(secret.contains("credentials") && !secret.contains("hunter2"), "{secret}");
    }

    #[test]
    fn docker_hub_is_reached_at_its_registrys_host() {
        assert_eq!(Reference::parse("docker.io/library/a").unwrap().host(), "registry-1.docker.io");
        assert_eq!(Reference::parse("r.example:1/a").unwrap().host(), "r.example:1");
    }

    #[test]
    fn digests_are_compared_with_content() {
        let digest = Digest::parse(DIGEST).unwrap();
        assert!(digest.fits(b"foo\n"));
        assert!(!digest.fits(b"foo"));
        let long = Digest::parse(&format!("sha512:{}", "0".repeat(128))).unwrap();
        assert_eq!(long.same_kind_of(b"").as_str().len(), "sha512:".len() + 128);
        assert!(Digest::parse(&DIGEST.to_uppercase()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn reading_never_fails_badly_and_writing_reads_back(text in "(oci://)?[a-z.:@/_+ \\-0-9é]{0,40}") {
            if let Ok(reference) = Reference::parse(&text) {
                let again = Reference::parse(&reference.to_string()).unwrap();
                proptest::prop_assert_eq!(again.repository(), reference.repository());
            }
        }
    }
}
