//! Classic chart repositories: an `index.yaml` beside archives, over HTTP.
//!
//! Rules: Helm's `pkg/repo/v1`. Versions are sorted, newest first; entries that are null or have no version that can be
//! read are passed over. The login goes to other hosts that the index names only with `--pass-credentials`; a redirect
//! never carries it anywhere. Unlike Helm, an archive is compared with the digest that the index gives for it.

use url::Url;

use crate::version::{Constraint, Version};
use crate::yaml::{self, Mapping, Numbers, Struct, Type, Value};

use super::Registry;
use super::cache::Kind;
use super::error::Error;
use super::fetch::{Fetched, Provenance};
use super::reference::{Digest, Reference, is_oci};
use super::settings::Notice;
use super::transport::shown;

/// The selector under which the cache notes the index of a repository.
const INDEX: &str = "index";

/// What an index may hold. Fields that nobody knows are refused, as in Helm.
static INDEX_FILE: Struct = Struct {
    name: "IndexFile",
    fields: &[
        ("serverInfo", Type::Map(&Type::Any)),
        ("apiVersion", Type::Text),
        ("generated", Type::Time),
        ("entries", Type::Map(&Type::List(&Type::Pointer(&CHART_VERSION)))),
        ("publicKeys", Type::List(&Type::Text)),
        ("annotations", Type::Map(&Type::Text)),
    ],
};

/// A version of a chart there: the fields of `Chart.yaml` and those of the index.
static CHART_VERSION: Struct = Struct {
    name: "ChartVersion",
    fields: &[
        ("name", Type::Text),
        ("home", Type::Text),
        ("sources", Type::List(&Type::Text)),
        ("version", Type::Text),
        ("description", Type::Text),
        ("keywords", Type::List(&Type::Text)),
        ("maintainers", Type::List(&Type::Any)),
        ("icon", Type::Text),
        ("apiVersion", Type::Text),
        ("condition", Type::Text),
        ("tags", Type::Text),
        ("appVersion", Type::Text),
        ("deprecated", Type::Bool),
        ("annotations", Type::Map(&Type::Text)),
        ("kubeVersion", Type::Text),
        ("dependencies", Type::List(&Type::Any)),
        ("type", Type::Text),
        ("urls", Type::List(&Type::Text)),
        ("created", Type::Time),
        ("removed", Type::Bool),
        ("digest", Type::Text),
        ("checksum", Type::Text),
        ("engine", Type::Text),
        ("tillerVersion", Type::Text),
        ("url", Type::Text),
    ],
};

/// One version of a chart in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    version: String,
    parsed: Version,
    urls: Vec<String>,
    digest: Option<Digest>,
}

impl Registry {
    /// A chart from the repository at an address.
    pub(super) async fn fetch_from_repository(
        &self,
        repo: &str,
        chart: &str,
        version: Option<&str>,
        provenance: Provenance,
    ) -> Result<Fetched, Error> {
        let base: Url = repo.parse().map_err(|_| Error::Source(format!("invalid chart URL format: {repo}")))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(Error::Source(format!("could not find protocol handler for: {}", base.scheme())));
        }
        let index = self.index(&base).await.map_err(|error| match error {
            Error::Interrupted | Error::Offline(_) => error,
            error => Error::NotARepository { url: repo.to_owned(), error: Box::new(error) },
        })?;
        let entries = entries(&index, chart);
        let named = match version {
            Some(version) => format!("chart {chart:?} version {version:?}"),
            None => format!("chart {chart:?}"),
        };
        let entry = find(&entries, version)
            .ok_or_else(|| Error::ChartNotFound { chart: named.clone(), url: repo.to_owned() })?;
        if let Some(requested) = version.filter(|version| *version != entry.version && !is_range(version)) {
            self.notices.notice(Notice::NearestVersion {
                chart: chart.to_owned(),
                requested: requested.to_owned(),
                selected: entry.version.clone(),
            });
        }
        let address = entry.urls.first().ok_or_else(|| Error::Index(format!("{named} has no downloadable URLs")))?;
        if is_oci(address) {
            let tagged = Reference::parse(address)?.selector().is_some();
            let version = Some(entry.version.as_str()).filter(|_| !tagged);
            return self.fetch_oci(address, version, provenance, self.settings.pass_credentials).await;
        }
        let url = resolve(&base, address)?;
        let login = self.login_goes_to(&base, &url);
        let typed = url.to_string();
        self.fetch_address(&typed, &url, entry.digest.as_ref(), provenance, login).await
    }

    /// The index of a repository: what is there now; when offline, what was there last.
    async fn index(&self, base: &Url) -> Result<Mapping, Error> {
        let url = resolve(base, "index.yaml")?;
        let key = shown(&url);
        let limit = self.settings.limits.index;
        let content = if self.settings.offline {
            let recalled = self.cache.as_ref().and_then(|cache| cache.recall(&key, INDEX));
            let cached = recalled.and_then(|digest| self.cached(&digest, Kind::Index, Some(&digest), limit));
            cached.ok_or_else(|| Error::Offline(key.clone()))?
        } else {
            let login = self.login_goes_to(base, &url);
            let content = self.download(&url, "the index of the repository", limit, login).await?;
            let digest = Digest::of(&content);
            self.keep(&digest, Kind::Index, &content);
            if let Some(cache) = &self.cache
                && let Err(trouble) = cache.remember(&key, INDEX, &digest)
            {
                self.unusable(trouble);
            }
            content
        };
        if content.is_empty() {
            return Err(Error::Index("empty index.yaml file".to_owned()));
        }
        let index = read(&content)?;
        match index.get("apiVersion") {
            Some(Value::String(text)) if !text.is_empty() => Ok(index),
            _ => Err(Error::Index("no API version specified".to_owned())),
        }
    }
}

/// Reads an index, which is JSON or YAML; YAML in which a key stands twice is refused, because it shows one thing to one
/// reader and another to the next.
fn read(content: &[u8]) -> Result<Mapping, Error> {
    let json = std::str::from_utf8(content).ok().filter(|text| text.trim_start().starts_with('{'));
    if let Some(Value::Mapping(index)) = json.and_then(|text| yaml::json::read(text, Numbers::Exact).ok()) {
        return Ok(index);
    }
    let bad = |error: yaml::Error| Error::Index(error.to_string());
    yaml::check_strictly(content, &INDEX_FILE).map_err(bad)?;
    yaml::read_mapping(content, Numbers::Exact).map_err(bad)
}

/// The versions of a chart, newest first.
fn entries(index: &Mapping, chart: &str) -> Vec<Entry> {
    let found = index.get("entries").and_then(|entries| entries.get(chart));
    let Some(Value::Sequence(found)) = found else { return Vec::new() };
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut entries: Vec<Entry> = found
        .iter()
        .filter_map(|entry| {
            let version = text(entry, "version")?;
            let urls = match entry.get("urls") {
                Some(Value::Sequence(urls)) => urls.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => Vec::new(),
            };
            // With or without the algorithm in front; anything else says nothing.
            let digest = text(entry, "digest").map(|digest| match digest.split_once(':') {
                Some(_) => digest.to_ascii_lowercase(),
                None => format!("sha256:{}", digest.to_ascii_lowercase()),
            });
            let digest = digest.and_then(|digest| Digest::parse(&digest).ok());
            Some(Entry { parsed: Version::parse(&version).ok()?, version, urls, digest })
        })
        .collect();
    entries.sort_by(|one, other| other.parsed.compare(&one.parsed));
    entries
}

/// The version of exactly this text, else the newest that the text allows as a constraint.
fn find<'a>(entries: &'a [Entry], version: Option<&str>) -> Option<&'a Entry> {
    let constraint = Constraint::parse(version.unwrap_or("*")).ok()?;
    let exact = version.and_then(|version| entries.iter().find(|entry| entry.version == version));
    exact.or_else(|| entries.iter().find(|entry| constraint.check(&entry.parsed)))
}

/// Whether a text asks for a range rather than for one version.
fn is_range(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    text.contains(['^', '~', '<', '>', '=', '!', '*'])
        || text.contains("||")
        || text.contains(" - ")
        || core.contains(['x', 'X'])
}

/// An address of an index, relative to the repository, whose query it takes over.
fn resolve(base: &Url, address: &str) -> Result<Url, Error> {
    let bad = || Error::Source(format!("failed to parse {address} as URL"));
    if let Ok(absolute) = address.parse::<Url>() {
        return match absolute.scheme() {
            "http" | "https" => Ok(absolute),
            scheme => Err(Error::Source(format!("scheme {scheme:?} not supported"))),
        };
    }
    let mut folder = base.clone();
    folder.set_path(&format!("{}/", base.path().trim_end_matches('/')));
    let mut resolved = folder.join(address).map_err(|_| bad())?;
    resolved.set_query(base.query());
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::{entries, find, is_range, resolve};
    use crate::yaml::{Numbers, read_mapping};

    #[test]
    fn addresses_are_relative_to_the_repository() {
        for (base, address, expected) in [
            ("https://a/charts", "index.yaml", "https://a/charts/index.yaml"),
            ("https://a/charts/", "x-1.tgz", "https://a/charts/x-1.tgz"),
            ("https://a/charts?t=1", "x.tgz", "https://a/charts/x.tgz?t=1"),
            ("https://a/charts", "/x.tgz", "https://a/x.tgz"),
            ("https://a/charts", "https://b/x.tgz", "https://b/x.tgz"),
            ("https://a", "../../x.tgz", "https://a/x.tgz"),
        ] {
            assert_eq!(resolve(&base.parse().unwrap(), address).unwrap().as_str(), expected);
        }
        assert!(resolve(&"https://a".parse().unwrap(), "file:///etc/passwd").is_err());
    }

    #[test]
    fn the_newest_version_that_fits_is_found() {
        let index = read_mapping(
            b"apiVersion: v1\nentries:\n  a:\n  - null\n  - version: 1.0.0\n    urls: [a-1.0.0.tgz]\n  - version: nonsense\n  \
              - version: v1.2.0\n    urls: []\n    digest: B5BB9D8014A0F9B1D61E21E796D78DCCDF1352F23CD32812F4850B878AE4944C\n  \
              - version: 2.0.0-rc.1\n  b: {}\n",
            Numbers::Exact,
        )
        .unwrap();
        let entries = entries(&index, "a");
        let found = |version: Option<&str>| find(&entries, version).map(|entry| entry.version.as_str());
        assert_eq!(found(None), Some("v1.2.0"));
        assert_eq!(found(Some("1.0.0")), Some("1.0.0"));
        assert_eq!(found(Some(">0.0.0-0")), Some("2.0.0-rc.1"));
        assert_eq!(found(Some("v1.0")), Some("1.0.0"));
        assert_eq!(found(Some("9")), None);
        assert_eq!(found(Some("[")), None);
        assert!(entries.iter().any(|entry| entry.digest.is_some()));
        assert!(super::entries(&index, "b").is_empty() && super::entries(&index, "c").is_empty());
    }

    #[test]
    fn ranges_are_told_from_versions() {
        for (text, range) in
            [("1.2.3", false), ("1", false), ("^1", true), ("1.x", true), ("1 - 2", true), ("1-x", false)]
        {
            assert_eq!(is_range(text), range, "{text}");
        }
    }
}
