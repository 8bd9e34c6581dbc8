//! `push`: a chart archive goes to a registry, with its provenance file if it has one.
//!
//! Rules: Helm's `pkg/pusher/ocipusher.go` and `pkg/registry/chart.go`: name and version are those of the chart inside,
//! the configuration is its `Chart.yaml` as Go's JSON, annotations are made from it, and the time is that of the file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use bytes::Bytes;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::chart::Metadata;
use crate::registry::{self, Package, Pushed, Registry, SCHEME};
use crate::values::Compat;
use crate::yaml::json::escape_html;

use super::{Cancel, Error};

/// The largest provenance file that is pushed, in bytes.
const LARGEST_PROVENANCE: u64 = 4 << 20;
/// The largest archive that is pushed, in bytes: what comes out of one may not be more.
const LARGEST_ARCHIVE: u64 = 100 << 20;

/// Pushes the archive at a path to below `target`, such as `oci://host/charts`.
///
/// # Errors
/// If there is no chart at the path, the target is no place in a registry, or the registry refuses.
pub async fn push(
    registry: &Registry,
    path: &Path,
    target: &str,
    compat: Compat,
    cancel: &Cancel,
) -> Result<Pushed, Error> {
    check_target(target)?;
    let package = package(path, compat)?;
    tokio::select! {
        pushed = registry.push(target, package) => Ok(pushed?),
        () = cancel.cancelled() => Err(Error::Interrupted),
    }
}

fn check_target(target: &str) -> Result<(), Error> {
    if target.starts_with(SCHEME) {
        return Ok(());
    }
    Err(registry::Error::Source(match target.split_once("://") {
        Some((scheme, _)) => format!("scheme {scheme:?} not supported"),
        None if target.split('/').next().is_some_and(|first| first.contains(':')) => {
            format!("invalid chart URL format: {target}")
        }
        None => format!("scheme prefix missing from remote (e.g. \"{SCHEME}\")"),
    })
    .into())
}

fn package(path: &Path, compat: Compat) -> Result<Package, Error> {
    let refuse = |text: String| Error::Registry(Box::new(registry::Error::Push(text)));
    let failed = |error| Error::LocalFile { action: "open", path: path.to_owned(), error };
    let data = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => refuse(format!("{}: no such file", path.display())),
        _ => failed(error),
    })?;
    if data.is_dir() {
        return Err(refuse("cannot push directory, must provide chart archive (.tgz)".to_owned()));
    }
    let archive = read(path, LARGEST_ARCHIVE).map_err(failed)?;
    let chart = crate::chart::load(path, compat, crate::chart::Links::Inside)?;
    let mut signature = path.as_os_str().to_owned();
    signature.push(".prov");
    let signature = Path::new(&signature);
    let provenance = match read(signature, LARGEST_PROVENANCE) {
        Ok(content) => Some(content),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::LocalFile { action: "open", path: signature.to_owned(), error }),
    };
    let metadata = &chart.metadata;
    let config = serde_json::to_string(metadata).map_err(|error| refuse(error.to_string()))?;
    let modified = data.modified().ok().and_then(|time| Timestamp::try_from(time).ok()).unwrap_or_else(Timestamp::now);
    // Go formats the time in the zone of the machine.
    let annotations = annotations(metadata, &modified.to_zoned(TimeZone::system()));
    Ok(Package {
        name: metadata.name.clone(),
        version: metadata.version.clone(),
        archive,
        provenance,
        config: escape_html(&config).into(),
        annotations,
    })
}

fn read(path: &Path, limit: u64) -> std::io::Result<Bytes> {
    let mut content = Vec::new();
    std::fs::File::open(path)?.take(limit + 1).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, format!("larger than {limit} bytes")));
    }
    Ok(content.into())
}

/// The annotations of a chart's manifest: made from its metadata, then its own, which may replace all but title and
/// version.
fn annotations(metadata: &Metadata, created: &Zoned) -> BTreeMap<String, String> {
    let mut authors = String::new();
    let maintainers = metadata.maintainers.iter().flatten();
    for (place, maintainer) in maintainers.enumerate() {
        if place > 0 {
            authors.push_str(", ");
        }
        authors.push_str(&maintainer.name);
        if !maintainer.email.is_empty() {
            let _ = write!(authors, " ({})", maintainer.email);
        }
    }
    let created = if created.offset().is_zero() {
        created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    } else {
        created.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    };
    let source = metadata.sources.iter().flatten().next().cloned().unwrap_or_default();
    let made = [
        ("description", metadata.description.clone()),
        ("title", metadata.name.clone()),
        ("version", metadata.version.clone()),
        ("url", metadata.home.clone()),
        ("created", created),
        ("source", source),
        ("authors", authors),
    ];
    let mut annotations: BTreeMap<String, String> = made
        .into_iter()
        .filter(|(_, text)| !text.trim().is_empty())
        .map(|(key, text)| (format!("org.opencontainers.image.{key}"), text))
        .collect();
    for (key, text) in metadata.annotations.iter().flatten() {
        if !matches!(key.as_str(), "org.opencontainers.image.title" | "org.opencontainers.image.version") {
            annotations.insert(key.clone(), text.clone());
        }
    }
    annotations
}
