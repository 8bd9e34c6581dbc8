//! `verify`: the signature beside an archive on this machine.
//!
//! Rules and texts: Helm's `VerifyChart` (`pkg/downloader/chart_downloader.go`).

use std::path::Path;

use bytes::Bytes;

use crate::chart;
use crate::registry::{ProvenanceError, Verified, verify};

use super::Error;

/// The most that is read of a local archive, in bytes: more is no chart.
const LARGEST_ARCHIVE: u64 = 100 << 20;
/// The most that is read of a provenance file, in bytes.
const LARGEST_PROVENANCE: u64 = 4 << 20;

/// Checks the signature beside an archive. The content comes back with it: what was checked is what is used, whatever
/// happens to the file meanwhile.
///
/// # Errors
/// If there is no signature, or it is not in order.
pub fn archive(path: &Path, keyring: &Path) -> Result<(Bytes, Verified), Error> {
    let metadata =
        std::fs::metadata(path).map_err(|error| Error::LocalFile { action: "stat", path: path.to_owned(), error })?;
    if metadata.is_dir() {
        return Err(ProvenanceError::Unpacked.into());
    }
    if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tgz")) {
        return Err(ProvenanceError::NotAnArchive.into());
    }
    let mut provenance = path.as_os_str().to_owned();
    provenance.push(".prov");
    let provenance = Path::new(&provenance);
    if let Err(error) = std::fs::metadata(provenance) {
        let problem = format!("stat {}: {}", provenance.display(), chart::go_text(&error));
        return Err(ProvenanceError::Missing { path: provenance.to_owned(), problem }.into());
    }
    let content = read(path, LARGEST_ARCHIVE)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let verified = verify(&content, &read(provenance, LARGEST_PROVENANCE)?, &name, keyring)?;
    Ok((content, verified))
}

/// What is too large is cut off, and its digest is another one then.
fn read(path: &Path, limit: u64) -> Result<Bytes, Error> {
    let failed = |error| Error::LocalFile { action: "open", path: path.to_owned(), error };
    let mut content = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, limit), &mut content).map_err(failed)?;
    Ok(Bytes::from(content))
}
