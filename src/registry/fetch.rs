//! Fetching a chart from wherever it is: by an `oci://` reference, by the address of an archive, from a repository.
//!
//! Rules: Helm's `ValidateReference` and `processChartPull` (`pkg/registry/client.go`), `pkg/downloader` and
//! `FindChartInRepoURL` (`pkg/repo`). A manifest is always asked for by its tag, because tags move; its blobs come from
//! the cache if it has them. A digest in the reference needs no question at all when the cache has everything.

use bytes::Bytes;
use http::header;
use oci_distribution::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
    OciDescriptor, OciImageIndex, OciImageManifest,
};
use url::Url;

use crate::version::{Constraint, Version};

use super::auth::basic;
use super::cache::{Found, Kind};
use super::client::{Client, RawManifest};
use super::error::Error;
use super::reference::{Digest, Reference, SCHEME, is_oci};
use super::settings::{Login, Notice};
use super::transport::{Call, Wanted, same_origin, shown};
use super::{CHART_MEDIA_TYPE, CONFIG_MEDIA_TYPE, OLD_CHART_MEDIA_TYPE, PROVENANCE_MEDIA_TYPE, Registry};

/// How many manifests of an index are looked at.
const LARGEST_INDEX: usize = 32;
/// The selector under which the cache notes what is at an address.
const AT_ADDRESS: &str = "content";

/// A wish for the provenance file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Provenance {
    /// It is not needed.
    #[default]
    No,
    /// It is taken if there is one; otherwise a notice says that there is none.
    IfThere,
    /// Without it there is no chart.
    Required,
}

/// Which chart is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChartRequest {
    /// `oci://…`, `https://….tgz`, or with `repo` the name of a chart.
    pub chart: String,
    /// The address of a repository.
    pub repo: Option<String>,
    /// A version or a constraint.
    pub version: Option<String>,
    /// Whether the provenance file is wanted too.
    pub provenance: Provenance,
}

/// A chart that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The name of the file that Helm writes: `NAME-VERSION.tgz`.
    pub file_name: String,
    /// Where it came from, to be shown.
    pub origin: String,
    /// The digest of the manifest, if it came from a registry.
    pub digest: Option<Digest>,
    /// The archive.
    pub archive: Bytes,
    /// The provenance file, if it was wanted and is there.
    pub provenance: Option<Bytes>,
}

impl Registry {
    /// The content at an `http` or `https` address that a chart refers to, without any login.
    ///
    /// # Errors
    /// If it is no such address, or nothing of a sensible size is there.
    pub async fn read(&self, address: &str) -> Result<Bytes, Error> {
        let url = address.parse::<Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or_else(|| Error::Source(format!("{address} is no address that can be read")))?;
        self.download(&url, "the file", self.settings.limits.metadata, false).await
    }

    /// Fetches a chart.
    ///
    /// # Errors
    /// If there is none, or it cannot be had whole.
    pub async fn fetch(&self, request: &ChartRequest) -> Result<Fetched, Error> {
        let chart = request.chart.trim();
        let version = request.version.as_deref().map(str::trim).filter(|version| !version.is_empty());
        if let Some(repo) = request.repo.as_deref().filter(|repo| !repo.is_empty()) {
            return self.fetch_from_repository(repo, chart, version, request.provenance).await;
        }
        if is_oci(chart) {
            return self.fetch_oci(chart, version, request.provenance, true).await;
        }
        let url = chart.parse::<Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if let Some(url) = url {
            let login = self.settings.login.is_some();
            return self.fetch_address(chart, &url, None, request.provenance, login).await;
        }
        Err(Error::Source(match chart.split_once('/') {
            _ if chart.contains("://") => {
                let scheme = chart.split("://").next().unwrap_or_default();
                format!("scheme {scheme:?} not supported")
            }
            Some((repo, _)) => format!("repo {repo} not found"),
            None => format!("non-absolute URLs should be in form of repo_name/path_to_chart, got: {chart}"),
        }))
    }

    /// From a registry; `named` says whether its host was named by the user.
    pub(super) async fn fetch_oci(
        &self,
        chart: &str,
        version: Option<&str>,
        provenance: Provenance,
        named: bool,
    ) -> Result<Fetched, Error> {
        let reference = Reference::parse(chart)?;
        let client = self.client(reference.registry(), named);
        let (target, file_name) = self.choose(&client, chart, &reference, version).await?;
        let raw = self.manifest(&client, &target).await?;
        let digest = raw.digest.clone();
        let parts = self.parts(&client, &target, raw, provenance).await?;
        let limits = &self.settings.limits;
        let archive = self.blob(&client, &target, &parts.chart, Kind::Chart, None, limits.chart).await?;
        let pulled =
            |provenance| Notice::Pulled { reference: target.to_string(), digest: digest.to_string(), provenance };
        self.notices.notice(pulled(false));
        let chart_digest = Digest::parse(&parts.chart.digest)?;
        let provenance = match (provenance, &parts.provenance) {
            (Provenance::No, _) => None,
            (_, Some(descriptor)) => {
                let name = Some(&chart_digest);
                let limit = limits.provenance;
                let content = self.blob(&client, &target, descriptor, Kind::Provenance, name, limit).await?;
                self.notices.notice(pulled(true));
                Some(content)
            }
            (Provenance::Required, None) => return Err(Error::NoProvenance(format!("{SCHEME}{target}.prov"))),
            (Provenance::IfThere, None) => {
                let reason = format!("manifest does not contain a layer with mediatype {PROVENANCE_MEDIA_TYPE}");
                self.notices.notice(Notice::NoProvenance { chart: chart.to_owned(), reason });
                None
            }
        };
        Ok(Fetched { file_name, origin: format!("{SCHEME}{target}"), digest: Some(digest), archive, provenance })
    }

    /// Which tag or digest is meant, and the name of the file that Helm writes for it.
    async fn choose(
        &self,
        client: &Client<'_>,
        chart: &str,
        reference: &Reference,
        version: Option<&str>,
    ) -> Result<(Reference, String), Error> {
        let tag = reference.tag().map(|tag| tag.replace('_', "+"));
        if let (Some(version), Some(tag)) = (version, &tag)
            && version != tag
        {
            return Err(Error::VersionMismatch { version: version.to_owned(), tag: tag.clone() });
        }
        let name = reference.name();
        if let Some(digest) = reference.digest() {
            // The tag need not be there any more; if it is, it has to agree.
            if let Some(version) = version.or(tag.as_deref())
                && let Ok(tagged) = reference.at_version(version)
                && let Some(found) = self.resolve(client, &tagged).await
                && found != *digest
            {
                return Err(Error::PinMismatch { found: found.to_string(), pinned: digest.to_string() });
            }
            let file_name = format!("{name}@{}-{}.tgz", digest.algorithm(), digest.hex());
            return Ok((reference.at_digest(digest.clone()), file_name));
        }
        let wanted = version.or(tag.as_deref()).unwrap_or_default();
        // A tag that was typed as one is taken as it is, a version too.
        let literal = tag.is_some() || Version::parse(wanted).is_ok();
        let chosen = if literal {
            wanted.to_owned()
        } else {
            let versions = self.tags(client, reference).await?;
            if versions.is_empty() {
                return Err(Error::NoTags(chart.to_owned()));
            }
            select(&versions, wanted)?
        };
        Ok((reference.at_version(&chosen)?, format!("{name}-{chosen}.tgz")))
    }

    /// The tags of a repository that are versions, newest first; when offline those that were pulled before.
    pub(super) async fn tags(&self, client: &Client<'_>, reference: &Reference) -> Result<Vec<Version>, Error> {
        let tags = match &self.cache {
            Some(cache) if self.settings.offline => {
                let tags = cache.selectors(&repository_key(reference));
                if tags.is_empty() {
                    return Err(Error::Offline(format!("{SCHEME}{}", reference.without_version())));
                }
                tags
            }
            _ => client.tags(reference).await?,
        };
        let mut versions: Vec<Version> =
            tags.iter().filter_map(|tag| Version::parse_strict(&tag.replace('_', "+")).ok()).collect();
        versions.sort_by(|one, other| other.compare(one));
        Ok(versions)
    }

    async fn resolve(&self, client: &Client<'_>, tagged: &Reference) -> Option<Digest> {
        if self.settings.offline {
            return self.cache.as_ref()?.recall(&repository_key(tagged), tagged.tag()?);
        }
        client.resolve(tagged).await.ok()
    }

    /// The manifest, from the cache where its digest is known.
    async fn manifest(&self, client: &Client<'_>, target: &Reference) -> Result<RawManifest, Error> {
        let key = repository_key(target);
        let recalled = || self.cache.as_ref().filter(|_| self.settings.offline)?.recall(&key, target.tag()?);
        let limit = self.settings.limits.metadata;
        if let Some(digest) = target.digest().cloned().or_else(recalled)
            && let Some(content) = self.cached(&digest, Kind::Manifest, Some(&digest), limit)
        {
            return Ok(RawManifest { digest, media_type: String::new(), content });
        }
        if self.settings.offline {
            return Err(Error::Offline(format!("{SCHEME}{target}")));
        }
        let manifest = client.manifest(target).await?;
        self.keep(&manifest.digest, Kind::Manifest, &manifest.content);
        if let (Some(cache), Some(tag)) = (&self.cache, target.tag())
            && let Err(trouble) = cache.remember(&key, tag, &manifest.digest)
        {
            self.unusable(trouble);
        }
        Ok(manifest)
    }

    /// Finds the chart in a manifest, or in the manifests of an index.
    async fn parts(
        &self,
        client: &Client<'_>,
        target: &Reference,
        raw: RawManifest,
        provenance: Provenance,
    ) -> Result<Parts, Error> {
        let unreadable =
            |error: serde_json::Error| Error::Manifest(format!("the manifest of {target} cannot be read: {error}"));
        if !is_index(&raw) {
            let manifest: OciImageManifest = serde_json::from_slice(&raw.content).map_err(unreadable)?;
            return self.judge(&manifest, provenance);
        }
        let index: OciImageIndex = serde_json::from_slice(&raw.content).map_err(unreadable)?;
        let entries = index
            .manifests
            .iter()
            .filter(|entry| matches!(entry.media_type.as_str(), OCI_IMAGE_MEDIA_TYPE | IMAGE_MANIFEST_MEDIA_TYPE));
        let mut trouble = Error::Manifest(format!("could not load config with mediatype {CONFIG_MEDIA_TYPE}"));
        for entry in entries.take(LARGEST_INDEX) {
            let one = target.at_digest(Digest::parse(&entry.digest)?);
            let raw = self.manifest(client, &one).await?;
            let manifest: OciImageManifest = serde_json::from_slice(&raw.content).map_err(unreadable)?;
            match self.judge(&manifest, provenance) {
                Ok(parts) => return Ok(parts),
                Err(error) => trouble = error,
            }
        }
        Err(trouble)
    }

    fn judge(&self, manifest: &OciImageManifest, provenance: Provenance) -> Result<Parts, Error> {
        let has_config = manifest.config.media_type == CONFIG_MEDIA_TYPE;
        let mut chart = None;
        let mut signature = None;
        for layer in &manifest.layers {
            match layer.media_type.as_str() {
                CHART_MEDIA_TYPE => chart = Some(layer),
                OLD_CHART_MEDIA_TYPE => {
                    chart = Some(layer);
                    self.notices.notice(Notice::OldMediaType { media_type: OLD_CHART_MEDIA_TYPE });
                }
                PROVENANCE_MEDIA_TYPE => signature = Some(layer),
                _ => {}
            }
        }
        // The manifest itself counts.
        let found = 1 + usize::from(has_config) + usize::from(chart.is_some());
        if found < 2 {
            return Err(Error::Manifest(format!(
                "manifest does not contain minimum number of descriptors (2), descriptors found: {found}"
            )));
        }
        if !has_config {
            return Err(Error::Manifest(format!("could not load config with mediatype {CONFIG_MEDIA_TYPE}")));
        }
        let Some(chart) = chart else {
            return Err(Error::Manifest(format!(
                "manifest does not contain a layer with mediatype {CHART_MEDIA_TYPE}"
            )));
        };
        let signature = signature.filter(|_| provenance != Provenance::No);
        Ok(Parts { chart: chart.clone(), provenance: signature.cloned() })
    }

    /// A blob, from the cache or from the registry; the cache names it `name`, without one by its own digest.
    async fn blob(
        &self,
        client: &Client<'_>,
        target: &Reference,
        descriptor: &OciDescriptor,
        kind: Kind,
        name: Option<&Digest>,
        limit: u64,
    ) -> Result<Bytes, Error> {
        let digest = Digest::parse(&descriptor.digest)?;
        let name = name.unwrap_or(&digest);
        if let Some(content) = self.cached(name, kind, Some(&digest), limit) {
            return Ok(content);
        }
        if self.settings.offline {
            return Err(Error::Offline(format!("{SCHEME}{}@{digest}", target.without_version())));
        }
        let what = if kind == Kind::Chart { "the chart" } else { "the provenance file" };
        let content = client.blob(target, descriptor, what, limit).await?;
        self.keep(name, kind, &content);
        Ok(content)
    }

    /// An archive at an address; `expected` is the digest that an index gives.
    pub(super) async fn fetch_address(
        &self,
        chart: &str,
        url: &Url,
        expected: Option<&Digest>,
        provenance: Provenance,
        login: bool,
    ) -> Result<Fetched, Error> {
        let limits = &self.settings.limits;
        let file_name = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
        let file_name = percent_encoding::percent_decode_str(file_name).decode_utf8_lossy().into_owned();
        if file_name.is_empty() || file_name.contains(['/', '\\', '\0']) || matches!(file_name.as_str(), "." | "..") {
            return Err(Error::Source(format!("invalid chart URL format: {}", shown(url))));
        }
        let key = shown(url);
        let known = expected.cloned().or_else(|| {
            self.cache.as_ref().filter(|_| self.settings.offline).and_then(|cache| cache.recall(&key, AT_ADDRESS))
        });
        let cached = known.as_ref().and_then(|digest| self.cached(digest, Kind::Chart, Some(digest), limits.chart));
        let archive = match cached {
            Some(content) => content,
            None if self.settings.offline => return Err(Error::Offline(key)),
            None => self.download(url, "the chart", limits.chart, login).await?,
        };
        if let Some(expected) = expected.filter(|expected| !expected.fits(&archive)) {
            return Err(Error::Digest {
                what: key,
                expected: expected.to_string(),
                actual: expected.same_kind_of(&archive).to_string(),
            });
        }
        let digest = Digest::of(&archive);
        self.keep(&digest, Kind::Chart, &archive);
        if let Some(cache) = &self.cache
            && let Err(trouble) = cache.remember(&key, AT_ADDRESS, &digest)
        {
            self.unusable(trouble);
        }
        let provenance = match provenance {
            Provenance::No => None,
            wish => {
                let mut url = url.clone();
                url.set_path(&format!("{}.prov", url.path()));
                let cached = self.cached(&digest, Kind::Provenance, None, limits.provenance);
                let content = match cached {
                    Some(content) if self.settings.offline => Ok(content),
                    _ => self.download(&url, "the provenance file", limits.provenance, login).await,
                };
                match (content, wish) {
                    (Ok(content), _) => {
                        self.keep(&digest, Kind::Provenance, &content);
                        Some(content)
                    }
                    (Err(Error::Interrupted), _) => return Err(Error::Interrupted),
                    (Err(_), Provenance::Required) => return Err(Error::NoProvenance(shown(&url))),
                    (Err(error), _) => {
                        let chart = chart.to_owned();
                        self.notices.notice(Notice::NoProvenance { chart, reason: error.to_string() });
                        None
                    }
                }
            }
        };
        Ok(Fetched { file_name, origin: shown(url), digest: None, archive, provenance })
    }

    /// A file at an address, such as a values file. Nothing is kept of it, and no login but that in the address goes along.
    ///
    /// # Errors
    /// If it cannot be had whole.
    pub async fn file(&self, address: &str) -> Result<Bytes, Error> {
        let url = address.parse::<Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or_else(|| Error::Source(format!("failed to parse {address} as URL")))?;
        self.download(&url, "the file", self.settings.limits.values, false).await
    }

    /// The content at an address, with the login of the command line or without. One in the address itself goes to that
    /// address only.
    pub(super) async fn download(&self, url: &Url, what: &str, limit: u64, login: bool) -> Result<Bytes, Error> {
        let mut bare = url.clone();
        let _ = bare.set_username("");
        let _ = bare.set_password(None);
        let mut call = Call::get(bare).header(header::ACCEPT, "application/gzip,application/octet-stream,*/*;q=0.1");
        if let Some(login) = self.settings.login.as_ref().filter(|_| login) {
            call.headers.insert(header::AUTHORIZATION, basic(login));
        } else if !url.username().is_empty() || url.password().is_some() {
            let plain = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
            let login = Login::new(plain(url.username()), plain(url.password().unwrap_or_default()));
            call.headers.insert(header::AUTHORIZATION, basic(&login));
        }
        let reply = self.transport.send(&call).await?;
        if reply.status != http::StatusCode::OK {
            let (url, status, code) = (shown(url), reply.status_line(), reply.status.as_u16());
            return Err(Error::Fetch { url, status, code });
        }
        // Without a length in front, only the end of the stream tells the end.
        let size = reply.header(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        if size.is_some_and(|size: u64| size > limit) {
            return Err(Error::TooLarge { what: what.to_owned(), limit });
        }
        self.transport.download(&call, reply, &Wanted { what, size, limit }).await
    }

    /// Whether an address that the named repository leads to gets the login of the command line.
    pub(super) fn login_goes_to(&self, named: &Url, url: &Url) -> bool {
        self.settings.login.is_some() && (self.settings.pass_credentials || same_origin(named, url))
    }

    /// What the cache has, with a notice if it is damaged.
    pub(super) fn cached(&self, name: &Digest, kind: Kind, expected: Option<&Digest>, limit: u64) -> Option<Bytes> {
        match self.cache.as_ref()?.get(name, kind, expected, limit) {
            Found::Content(content) => Some(content),
            Found::Nothing => None,
            Found::Damaged(path) => {
                self.notices.notice(Notice::DamagedCache { path });
                None
            }
        }
    }

    /// Puts content into the cache. A cache that cannot be written is told of and otherwise does not matter.
    pub(super) fn keep(&self, name: &Digest, kind: Kind, content: &[u8]) {
        if let Some(cache) = self.cache.as_ref().filter(|_| !self.settings.offline)
            && let Err(trouble) = cache.put(name, kind, content)
        {
            self.unusable(trouble);
        }
    }

    pub(super) fn unusable(&self, (path, error): (std::path::PathBuf, std::io::Error)) {
        self.notices.notice(Notice::UnusableCache { path, reason: error.to_string() });
    }
}

/// The layers of a chart.
struct Parts {
    chart: OciDescriptor,
    provenance: Option<OciDescriptor>,
}

/// The name under which the cache notes the tags of a repository.
fn repository_key(reference: &Reference) -> String {
    format!("{SCHEME}{}", reference.without_version())
}

/// Whether it is a list of manifests: by its own word, by the header, by its shape.
fn is_index(raw: &RawManifest) -> bool {
    #[derive(serde::Deserialize)]
    struct Shape {
        #[serde(rename = "mediaType", default)]
        media_type: Option<String>,
        #[serde(default)]
        manifests: Option<serde::de::IgnoredAny>,
        #[serde(default)]
        config: Option<serde::de::IgnoredAny>,
    }
    let list = |media_type: &str| matches!(media_type, OCI_IMAGE_INDEX_MEDIA_TYPE | IMAGE_MANIFEST_LIST_MEDIA_TYPE);
    let Ok(shape) = serde_json::from_slice::<Shape>(&raw.content) else { return false };
    match shape.media_type.as_deref() {
        Some(media_type) => list(media_type),
        None if raw.media_type.is_empty() => shape.manifests.is_some() && shape.config.is_none(),
        None => list(&raw.media_type),
    }
}

/// The first of the versions, newest first, that is `wanted`: the very text, or what a constraint allows.
pub(super) fn select(versions: &[Version], wanted: &str) -> Result<String, Error> {
    if let Some(exact) = versions.iter().find(|version| version.original() == wanted) {
        return Ok(exact.original().to_owned());
    }
    let text = if wanted.is_empty() { "*" } else { wanted };
    let constraint = Constraint::parse(text).map_err(|error| Error::Constraint(error.to_string()))?;
    let found = versions.iter().find(|version| constraint.check(version));
    found.map(|version| version.original().to_owned()).ok_or_else(|| Error::NoVersion {
        wanted: wanted.to_owned(),
        newest: versions.iter().take(5).map(|version| version.original().to_owned()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Version, select};

    fn versions(texts: &[&str]) -> Vec<Version> {
        let mut versions: Vec<Version> = texts.iter().map(|text| Version::parse_strict(text).unwrap()).collect();
        versions.sort_by(|one, other| other.compare(one));
        versions
    }

    #[test]
    fn the_newest_version_that_fits_is_taken() {
        let versions = versions(&["1.0.0", "1.2.0", "2.0.0-rc.1", "0.9.0", "1.10.0+b"]);
        for (wanted, chosen) in [
            ("", "1.10.0+b"),
            ("*", "1.10.0+b"),
            ("^1.0.0", "1.10.0+b"),
            ("~1.2", "1.2.0"),
            ("<1.0.0", "0.9.0"),
            (">0.0.0-0", "2.0.0-rc.1"),
            ("2.0.0-rc.1", "2.0.0-rc.1"),
            ("1.0.0 || 0.9.0", "1.0.0"),
        ] {
            assert_eq!(select(&versions, wanted).unwrap(), chosen, "{wanted}");
        }
        let missing = select(&versions, ">9").unwrap_err().to_string();
        assert_eq!(missing, "could not locate a version matching provided version string >9");
        assert_eq!(select(&versions, "latest").unwrap_err().to_string(), "improper constraint: \"latest\"");
    }
}
