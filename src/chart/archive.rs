//! Charts as archives: what `helm package` makes, a gzipped tar with one folder at its top.
//!
//! Everything in an archive is untrusted. Names that lead out of the chart are refused, links are empty files, sizes are
//! bounded both by what the headers say and by what comes out of the decompressor, in nested archives too. Rules and
//! error texts are those of Helm's `chart/loader/archive`.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::files::from_files_at;
use super::{Chart, ChartError, File, MAX_CHART_SIZE, MAX_FILE_SIZE};
use crate::values::Compat;

/// How many bytes Go's reader wants before it looks at them.
const GZIP_HEADER: usize = 10;
/// How many bytes may come out of one archive, headers and padding included.
const MAX_STREAM: u64 = MAX_CHART_SIZE + 64 * 1024 * 1024;
/// How many bytes archives in archives may hold together. Helm counts each alone, so that a few kilobytes can become
/// gigabytes.
const MAX_TREE: u64 = 4 * MAX_CHART_SIZE;

/// What may still be read, over all archives of a tree.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) compat: Compat,
    left: u64,
}

impl Budget {
    pub(super) const fn new(compat: Compat) -> Self {
        Self { compat, left: MAX_TREE }
    }
}

/// Reads a chart from an archive's bytes.
///
/// # Errors
/// If it is no archive, a harmful one, or the chart in it is not valid.
pub fn from_archive(archive: &[u8], compat: Compat) -> Result<Chart, ChartError> {
    from_archive_at(archive, &mut Budget::new(compat), 0)
}

pub(super) fn from_archive_at(archive: &[u8], budget: &mut Budget, depth: usize) -> Result<Chart, ChartError> {
    let files = unpack(archive, budget)?;
    from_files_at(files, budget, depth)
}

/// The files of an archive under their names below its top folder, in the archive's order. Nothing is written.
///
/// # Errors
/// If it is no archive, or a harmful one.
pub fn files(archive: &[u8], compat: Compat) -> Result<Vec<File>, ChartError> {
    unpack(archive, &mut Budget::new(compat))
}

fn unpack(archive: &[u8], budget: &mut Budget) -> Result<Vec<File>, ChartError> {
    // Go reads the header at once.
    if !archive.starts_with(&[0x1f, 0x8b, 0x08]) {
        if (1..GZIP_HEADER).contains(&archive.len()) {
            return Err(ChartError::Damaged("unexpected EOF".to_owned()));
        }
        return Err(if archive.is_empty() { ChartError::Damaged("EOF".to_owned()) } else { ChartError::GzipHeader });
    }
    let too_large = || ChartError::LargeChart { helm3: budget.compat == Compat::Helm3 };
    let mut tar = tar::Archive::new(MultiGzDecoder::new(archive).take(MAX_STREAM));
    let mut files = Vec::new();
    let mut remaining = MAX_CHART_SIZE.min(budget.left);
    for entry in tar.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let raw_name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        // Before there were types, a folder was known by its slash.
        let is_old_folder = entry.header().as_bytes().get(156) == Some(&0) && raw_name.ends_with('/');
        if kind.is_dir() || is_old_folder || kind.is_pax_global_extensions() || kind.is_pax_local_extensions() {
            continue;
        }
        let name = name_in_chart(&raw_name)?;
        // Links and devices have no content here, whatever their header says.
        let has_content = kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse();
        let size = if has_content { entry.size() } else { 0 };
        if size > remaining {
            return Err(too_large());
        }
        if size > MAX_FILE_SIZE {
            return Err(ChartError::LargeEntry(raw_name));
        }
        let mut data = Vec::new();
        if has_content {
            (&mut entry).take(remaining).read_to_end(&mut data).map_err(damaged)?;
        }
        let read = data.len() as u64;
        remaining = remaining.saturating_sub(read);
        if remaining == 0 {
            return Err(too_large());
        }
        if read < size {
            return Err(ChartError::Damaged("unexpected EOF".to_owned()));
        }
        let data = Bytes::from(data);
        let data = if data.starts_with(b"\xEF\xBB\xBF") { data.slice(3..) } else { data };
        let modified = entry.header().mtime().ok().and_then(|seconds| i64::try_from(seconds).ok());
        let modified = modified.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        files.push(File { name: name.into(), data, modified });
    }
    budget.left = budget.left.saturating_sub(MAX_CHART_SIZE.min(budget.left) - remaining);
    if files.is_empty() { Err(ChartError::EmptyArchive) } else { Ok(files) }
}

/// The words of Go's readers for damage, as far as they can be told from here.
#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn damaged(error: io::Error) -> ChartError {
    let text = match error.kind() {
        io::ErrorKind::UnexpectedEof => "unexpected EOF".to_owned(),
        io::ErrorKind::InvalidInput if error.to_string().contains("gzip") => "gzip: invalid header".to_owned(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => format!("flate: corrupt input ({error})"),
        _ => "archive/tar: invalid tar header".to_owned(),
    };
    ChartError::Damaged(text)
}

/// The name of an entry below the archive's top folder.
fn name_in_chart(name: &str) -> Result<String, ChartError> {
    // Made on Windows.
    let delimiter = if name.contains('\\') { '\\' } else { '/' };
    let (top, below) = name.split_once(delimiter).unwrap_or((name, ""));
    let below = below.replace(delimiter, "/");
    if below.starts_with('/') {
        return Err(ChartError::AbsolutePath);
    }
    let clean = clean(&below);
    if clean == "." {
        return Err(ChartError::OutsideBase(name.to_owned()));
    }
    if clean.starts_with("..") {
        return Err(ChartError::ParentPath);
    }
    if matches!(clean.as_bytes(), [drive, b':', b'/', ..] if drive.is_ascii_alphabetic()) {
        return Err(ChartError::DrivePath);
    }
    if top == "Chart.yaml" {
        return Err(ChartError::ChartYamlAtTop);
    }
    Ok(clean)
}

/// Go's `path.Clean` of a relative path.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}
