//! `package`: a chart's folder becomes an archive. Rules: Helm's `pkg/action/package.go`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::source::missing_dependencies;
use crate::chart::save::{self, SaveError, Times};
use crate::chart::{self, ChartError, Links};
use crate::code::Code;
use crate::registry::{ProvenanceError, SigningKey};
use crate::values::Compat;
use crate::version::{Version, VersionError};

/// What is packaged and how.
#[derive(Debug, Clone)]
pub struct PackageSettings {
    /// The chart's folder.
    pub chart: PathBuf,
    /// The version to give it; none means its own.
    pub version: Option<String>,
    /// The version of the application to give it; none means its own.
    pub app_version: Option<String>,
    /// Where the archive is written; `.` is the folder at hand, named in full.
    pub destination: PathBuf,
    /// Whose rules hold.
    pub compat: Compat,
    /// Which links in the folder are followed.
    pub links: Links,
    /// The times of the entries.
    pub times: Times,
}

/// Why there is no archive. The texts are Helm's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// There is nothing of that name.
    #[error("stat {}: {problem}", path.display())]
    Absent {
        /// As typed.
        path: PathBuf,
        /// The system's words.
        problem: String,
    },
    /// The chart is broken.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// The version is none.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// Charts are listed that are not there.
    #[error("found in Chart.yaml, but missing in charts/ directory: {}", names.join(", "))]
    Missing {
        /// Their names.
        names: Vec<String>,
    },
    /// The chart cannot be put into an archive.
    #[error("failed to save: {0}")]
    Save(#[from] SaveError),
    /// Where the archive should go is a file.
    #[error("failed to save: is not a directory: {}", .0.display())]
    NoFolder(PathBuf),
    /// There is no signature.
    #[error(transparent)]
    Sign(#[from] ProvenanceError),
    /// The system refuses.
    #[error("failed to save: {action} {}: {problem}", path.display())]
    Write {
        /// Go's word for what was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's words.
        problem: String,
    },
}

impl PackageError {
    /// The message code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Absent { .. } | Self::NoFolder(_) | Self::Write { .. } => Code::LocalFile,
            Self::Sign(_) => Code::SigningKey,
            Self::Chart(_) | Self::Version(_) | Self::Missing { .. } | Self::Save(_) => Code::Chart,
        }
    }
}

/// Writes the archive of a chart and returns its path; with a key its provenance file comes beside it. Files appear as a
/// whole or not at all; unlike in Helm there is no archive either if it cannot be signed.
///
/// # Errors
/// If there is no valid chart, it cannot be signed, or a file cannot be written.
pub fn package(settings: &PackageSettings, key: Option<&SigningKey>) -> Result<PathBuf, PackageError> {
    let typed = &settings.chart;
    match std::fs::metadata(typed) {
        Err(error) => return Err(PackageError::Absent { path: typed.clone(), problem: chart::go_text(&error) }),
        // To Helm 3 a file is a folder without anything in it.
        Ok(found) if !found.is_dir() && settings.compat == Compat::Helm3 => return Err(ChartError::NoChartYaml.into()),
        Ok(_) => {}
    }
    let mut chart = chart::load_folder(typed, settings.compat, settings.links)?;
    if settings.compat == Compat::Helm4 && chart.metadata.api_version == "v3" {
        return Err(ChartError::FutureVersion.into());
    }
    if let Some(version) = &settings.version {
        chart.metadata.version.clone_from(version);
    }
    Version::parse(&chart.metadata.version)?;
    if let Some(version) = &settings.app_version {
        chart.metadata.app_version.clone_from(version);
    }
    chart.metadata.clean();
    let names = missing_dependencies(&chart);
    if !names.is_empty() {
        return Err(PackageError::Missing { names });
    }
    let archive = save::to_archive(&chart, settings.compat, settings.times)?;
    let folder = match settings.destination.as_path() {
        here if here == Path::new(".") => {
            std::env::current_dir().map_err(|error| refused("getwd", Path::new(""), &error))?
        }
        folder => folder.components().collect(),
    };
    let name = save::file_name(&chart);
    let path = folder.join(&name);
    let provenance = match key {
        Some(key) => {
            let metadata = save::chart_yaml(&chart.metadata).map_err(SaveError::from)?;
            Some(key.sign(&archive, &name, &metadata)?)
        }
        None => None,
    };
    write(&folder, &path, &archive)?;
    if let Some(provenance) = provenance {
        write(&folder, &folder.join(format!("{name}.prov")), provenance.as_bytes())?;
    }
    Ok(path)
}

fn refused(action: &'static str, path: &Path, error: &std::io::Error) -> PackageError {
    PackageError::Write { action, path: path.to_owned(), problem: chart::go_text(error) }
}

fn write(folder: &Path, path: &Path, archive: &[u8]) -> Result<(), PackageError> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match std::fs::metadata(folder) {
        Ok(found) if !found.is_dir() => return Err(PackageError::NoFolder(folder.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(folder).map_err(|error| refused("mkdir", folder, &error))?;
        }
        Err(error) => return Err(refused("stat", folder, &error)),
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".maibot-");
    // Less what the user's mask takes away.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(|error| refused("open", path, &error))?;
    file.write_all(archive).map_err(|error| refused("write", path, &error))?;
    file.persist(path).map_err(|error| refused("open", path, &error.error))?;
    Ok(())
}
