//! `pull`: a chart is fetched, its signature checked if that is asked for, and written as an archive or as a folder.
//!
//! Rules: Helm's `pkg/action/pull.go`. Unlike there nothing is written before everything is known to be in order, and a
//! folder appears as a whole or not at all.

use std::path::{Component, Path, PathBuf};

use crate::chart::{Chart, File, archive, save};
use crate::registry::{self, ChartRequest, Fetched, Registry, Verified, verify};
use crate::values::Compat;

use super::{Cancel, Error};

/// What `pull` is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullSettings {
    /// Which chart; none means the embedded one.
    pub request: Option<ChartRequest>,
    /// The public keys that its signature is checked with, if it is.
    pub keyring: Option<PathBuf>,
    /// Whether the archive is unpacked.
    pub untar: bool,
    /// Where to, below the destination unless absolute.
    pub untar_folder: PathBuf,
    /// Where files are written.
    pub destination: PathBuf,
    /// Whose rules archives are read by.
    pub compat: Compat,
}

/// What `pull` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The files or the folder that were written.
    pub written: Vec<PathBuf>,
    /// Who signed the chart, if that was checked.
    pub verified: Option<Verified>,
}

/// Fetches a chart and writes it.
///
/// # Errors
/// If it cannot be had, is not in order, or cannot be written.
pub async fn pull(registry: &Registry, settings: &PullSettings, cancel: &Cancel) -> Result<Pulled, Error> {
    let fetched = match &settings.request {
        Some(request) => fetch(registry, request, cancel).await?,
        None => embedded(settings)?,
    };
    let verified = check(&fetched, settings.keyring.as_deref())?;
    let written = if settings.untar {
        let folder = settings.destination.join(&settings.untar_folder);
        // Without `./`, as Go joins paths.
        let folder: PathBuf = folder.components().filter(|part| *part != Component::CurDir).collect();
        vec![unpack(&fetched, &folder, settings.compat)?]
    } else {
        save(&fetched, &settings.destination)?
    };
    Ok(Pulled { written, verified })
}

/// The chart inside this program as an archive, always the same bytes.
fn embedded(settings: &PullSettings) -> Result<Fetched, Error> {
    if settings.keyring.is_some() {
        return Err(registry::Error::NoProvenance("maibot".to_owned()).into());
    }
    let chart = Chart::embedded()?;
    let times = save::Times { now: jiff::Timestamp::UNIX_EPOCH, latest: None };
    let archive =
        save::to_archive(&chart, settings.compat, times).map_err(|error| Error::ChartName(error.to_string()))?;
    Ok(Fetched {
        file_name: save::file_name(&chart),
        origin: "maibot".to_owned(),
        digest: None,
        archive: archive.into(),
        provenance: None,
    })
}

/// Fetches a chart; a signal ends it.
pub async fn fetch(registry: &Registry, request: &ChartRequest, cancel: &Cancel) -> Result<Fetched, Error> {
    tokio::select! {
        fetched = registry.fetch(request) => Ok(fetched?),
        () = cancel.cancelled() => Err(Error::Interrupted),
    }
}

/// Checks the signature of a fetched chart, if there is a keyring to check it with.
///
/// # Errors
/// If it is not in order.
pub fn check(fetched: &Fetched, keyring: Option<&Path>) -> Result<Option<Verified>, Error> {
    let Some(keyring) = keyring else { return Ok(None) };
    let provenance = fetched.provenance.as_deref().unwrap_or_default();
    Ok(Some(verify(&fetched.archive, provenance, &fetched.file_name, keyring)?))
}

/// Writes archive and provenance.
fn save(fetched: &Fetched, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let path = folder.join(&fetched.file_name);
    write(&path, &fetched.archive)?;
    let mut written = vec![path];
    if let Some(provenance) = &fetched.provenance {
        let path = folder.join(format!("{}.prov", fetched.file_name));
        write(&path, provenance)?;
        written.push(path);
    }
    Ok(written)
}

/// Writes a file as a whole or not at all. The folder has to be there: a mistyped one should not come to be.
fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    let failed = |error| Error::LocalFile { action: "open", path: path.to_owned(), error };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".maibot-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    std::io::Write::write_all(&mut file, content).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Unpacks an archive into a folder of the chart's name below `folder`.
fn unpack(fetched: &Fetched, folder: &Path, compat: Compat) -> Result<PathBuf, Error> {
    // Guarded against bombs and against names that lead outside.
    let files = archive::files(&fetched.archive, compat)?;
    let name = chart_name(&files)?;
    let target = folder.join(&name);
    let failed = |error| Error::LocalFile { action: "mkdir", path: target.clone(), error };
    if std::fs::symlink_metadata(&target).is_ok() {
        return Err(Error::UntarTarget { path: target });
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let temporary = tempfile::Builder::new().prefix(".maibot-").tempdir_in(folder).map_err(failed)?;
    let inside = temporary.path().join(&name);
    std::fs::create_dir(&inside).map_err(failed)?;
    for file in files {
        let path = inside.join(&*file.name);
        let failed = |error| Error::LocalFile { action: "open", path: path.clone(), error };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        // Names that are one and the same for this file system: the last one counts, as when unpacking in place.
        std::fs::write(&path, &file.data).map_err(failed)?;
    }
    match std::fs::rename(&inside, &target) {
        Ok(()) => Ok(target),
        // Somebody was faster.
        Err(_) if target.exists() => Err(Error::UntarTarget { path: target }),
        Err(error) => Err(failed(error)),
    }
}

/// The name in `Chart.yaml`, if it is one that a folder may have.
fn chart_name(files: &[File]) -> Result<String, Error> {
    let file = files.iter().rev().find(|file| file.name == "Chart.yaml");
    let content = file.map(|file| &file.data[..]).unwrap_or_default();
    let metadata = crate::yaml::read_mapping(content, crate::yaml::Numbers::Helm)
        .map_err(|error| Error::ChartName(format!("cannot load Chart.yaml: {error}")))?;
    let name = metadata.get("name").and_then(crate::yaml::Value::as_str).unwrap_or_default();
    if name.is_empty() {
        return Err(Error::ChartName("chart name not specified".to_owned()));
    }
    if matches!(name, "." | "..") {
        return Err(Error::ChartName(format!("chart name {name:?} is not allowed")));
    }
    if name.contains(['/', '\\', '\0']) {
        return Err(Error::ChartName(format!("chart name {name:?} must not contain path separators")));
    }
    Ok(name.to_owned())
}
