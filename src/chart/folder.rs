//! Charts on disk: a folder with `.helmignore`, or an archive.
//!
//! Rules and error texts are those of Helm's directory loader, with two guards more: all files of a folder together may
//! be no larger than those of an archive, and links that lead out of the chart are followed only on request, because a
//! chart from elsewhere could carry away files of the user's.

use std::fs::{self, Metadata as FileMetadata};
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::ignore::Rules;
use super::{Chart, ChartError, File, LoadWarning, MAX_CHART_SIZE, MAX_FILE_SIZE, archive, files};
use crate::values::Compat;
use crate::yaml::{self, Mapping, Struct, Type, Value};

/// How many files and folders are looked at.
const MAX_ENTRIES: usize = 100_000;
/// How deep folders may lie in each other.
const MAX_DEPTH: usize = 128;

/// Which links in a folder are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// Those that stay in the chart; the others are refused.
    Inside,
    /// All, as Helm does.
    All,
}

/// What Helm reads of `Chart.yaml` to choose a loader.
static CHART_BASE: Struct = Struct { name: "chartBase", fields: &[("apiVersion", Type::Text)] };

/// Loads the chart in a folder or an archive.
///
/// # Errors
/// If there is none, it is not valid or means harm.
pub fn load(path: &Path, compat: Compat, links: Links) -> Result<Chart, ChartError> {
    load_by(path, compat, links, compat == Compat::Helm4)
}

/// The same, but without Helm 4's look at the version of the chart's format before anything else: how `show` and `lint`
/// read charts.
///
/// # Errors
/// The same, that version excepted.
pub fn load_any_format(path: &Path, compat: Compat, links: Links) -> Result<Chart, ChartError> {
    load_by(path, compat, links, false)
}

fn load_by(path: &Path, compat: Compat, links: Links, checks_format: bool) -> Result<Chart, ChartError> {
    let metadata = fs::metadata(path).map_err(|error| refused("stat", path, &error))?;
    if metadata.is_dir() {
        load_from(path, compat, links, checks_format)
    } else {
        load_archive(path, &metadata, compat, checks_format)
    }
}

/// Loads the chart in a folder.
///
/// # Errors
/// If there is none, it is not valid or means harm.
pub fn load_folder(folder: &Path, compat: Compat, links: Links) -> Result<Chart, ChartError> {
    load_from(folder, compat, links, compat == Compat::Helm4)
}

fn refused(action: &'static str, path: &Path, error: &std::io::Error) -> ChartError {
    ChartError::Io { action, path: path.to_owned(), problem: go_text(error) }
}

/// The system's words as Go prints them.
pub(crate) fn go_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

fn load_from(folder: &Path, compat: Compat, links: Links, checks_format: bool) -> Result<Chart, ChartError> {
    let top = std::path::absolute(folder).map_err(|error| refused("getwd", folder, &error))?;
    if checks_format {
        let path = top.join("Chart.yaml");
        match read(&path) {
            Ok(text) => check_version(&text)?,
            Err(ChartError::Io { problem, .. }) => return Err(ChartError::NoChartAt { path, problem }),
            Err(other) => return Err(other),
        }
    }
    let mut found = Vec::new();
    let files = walk(&top, links, &mut found)?;
    let mut chart = files::from_files(files, compat)?;
    // Helm tells of links first.
    found.append(&mut chart.warnings);
    chart.warnings = found;
    Ok(chart)
}

/// Whether Helm 4 has a loader for a chart.
fn check_version(chart_yaml: &[u8]) -> Result<(), ChartError> {
    let chart_yaml = chart_yaml.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(chart_yaml);
    let mut fields = Mapping::new();
    yaml::read_struct(chart_yaml, &CHART_BASE, "loader", &mut fields)
        .map_err(|error| ChartError::Yaml { file: "Chart.yaml", error })?;
    match fields.get("apiVersion").and_then(Value::as_str).unwrap_or_default() {
        "" | "v1" | "v2" | "v3" => Ok(()),
        _ => Err(ChartError::UnsupportedVersion),
    }
}

fn load_archive(
    path: &Path,
    metadata: &FileMetadata,
    compat: Compat,
    checks_format: bool,
) -> Result<Chart, ChartError> {
    if !metadata.is_file() {
        return Err(ChartError::Irregular(path.to_owned()));
    }
    if metadata.len() > MAX_CHART_SIZE {
        return Err(ChartError::LargeChart { helm3: compat == Compat::Helm3 });
    }
    let bytes = fs::read(path).map_err(|error| refused("open", path, &error))?;
    if !bytes.starts_with(b"\x1f\x8b\x08") {
        let is_yaml = path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
        let path = path.to_owned();
        let kind = content_type(&bytes);
        return Err(if is_yaml {
            ChartError::YamlFile(path)
        } else {
            ChartError::NotArchive { path, kind: kind.to_owned() }
        });
    }
    let wrap = |error: ChartError| match error {
        ChartError::GzipHeader => ChartError::NotGzip(path.to_owned()),
        error if checks_format => ChartError::Archive { error: Box::new(error) },
        error => error,
    };
    let unpacked = archive::files(&bytes, compat).map_err(wrap)?;
    if checks_format {
        let chart_yaml = unpacked.iter().find(|file| file.name == "Chart.yaml").ok_or(ChartError::UnknownVersion)?;
        check_version(&chart_yaml.data)?;
    }
    files::from_files(unpacked, compat)
}

/// What Go's `http.DetectContentType` says of the 512 bytes that Helm shows it, zeros after the end included.
fn content_type(bytes: &[u8]) -> &'static str {
    const MARKS: &[(&[u8], &str)] = &[
        (b"%PDF-", "application/pdf"),
        (b"%!PS-Adobe-", "application/postscript"),
        (b"\xFE\xFF", "text/plain; charset=utf-16be"),
        (b"\xFF\xFE", "text/plain; charset=utf-16le"),
        (b"\xEF\xBB\xBF", "text/plain; charset=utf-8"),
        (b"\x89PNG\x0D\x0A\x1A\x0A", "image/png"),
        (b"\xFF\xD8\xFF", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"PK\x03\x04", "application/zip"),
        (b"Rar!\x1A\x07\x00", "application/x-rar-compressed"),
        (b"Rar!\x1A\x07\x01\x00", "application/x-rar-compressed"),
        (b"\x00asm", "application/wasm"),
        (b"OggS\x00", "application/ogg"),
        (b"ID3", "audio/mpeg"),
    ];
    const TAGS: &[&str] = &[
        "<!DOCTYPE HTML",
        "<HTML",
        "<HEAD",
        "<SCRIPT",
        "<IFRAME",
        "<H1",
        "<DIV",
        "<FONT",
        "<TABLE",
        "<A",
        "<STYLE",
        "<TITLE",
        "<B",
        "<BODY",
        "<BR",
        "<P",
        "<!--",
    ];
    let seen = bytes.get(..512).unwrap_or(bytes);
    let text = seen.trim_ascii_start();
    let is_tag = |tag: &str| {
        let head = text.get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag.as_bytes()));
        head && matches!(text.get(tag.len()), Some(b' ' | b'>'))
    };
    if TAGS.iter().any(|tag| is_tag(tag)) {
        return "text/html; charset=utf-8";
    }
    if text.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    if let Some((_, kind)) = MARKS.iter().find(|(mark, _)| seen.starts_with(mark)) {
        return kind;
    }
    let is_binary = |byte: &u8| matches!(byte, 0x00..=0x08 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F);
    if seen.len() < 512 || text.iter().any(is_binary) {
        "application/octet-stream"
    } else {
        "text/plain; charset=utf-8"
    }
}

/// A regular file's content, no larger than a chart's file may be.
fn read(path: &Path) -> Result<Bytes, ChartError> {
    let metadata = fs::metadata(path).map_err(|error| refused("open", path, &error))?;
    if metadata.is_dir() {
        return Err(ChartError::Io { action: "read", path: path.to_owned(), problem: "is a directory".to_owned() });
    }
    if !metadata.is_file() {
        return Err(ChartError::Irregular(path.to_owned()));
    }
    // A byte more than there should be, so that the end is seen at once.
    let expected = metadata.len().min(MAX_FILE_SIZE) + 1;
    let mut data = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
    let read = fs::File::open(path).and_then(|file| file.take(MAX_FILE_SIZE + 1).read_to_end(&mut data));
    read.map_err(|error| refused("open", path, &error))?;
    if data.len() as u64 > MAX_FILE_SIZE {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Err(ChartError::LargeFile(name));
    }
    Ok(data.into())
}

/// The files of a chart's folder, without those that `.helmignore` names, in the order of their paths.
///
/// # Errors
/// If one cannot be read, is too large or no file, or a link leads astray.
pub fn read_folder(top: &Path, links: Links) -> Result<Vec<File>, ChartError> {
    walk(top, links, &mut Vec::new())
}

fn walk(top: &Path, links: Links, followed: &mut Vec<LoadWarning>) -> Result<Vec<File>, ChartError> {
    let ignore = top.join(".helmignore");
    let rules = match fs::metadata(&ignore) {
        Ok(_) => Rules::parse(&read(&ignore)?).map_err(ChartError::Ignore)?,
        Err(_) => Rules::default_only(),
    };
    let home = fs::canonicalize(top).map_err(|error| refused("lstat", top, &error))?;
    let mut walk =
        Walk { rules, links, entries: 0, size: 0, open: vec![home.clone()], home, files: Vec::new(), followed };
    walk.folder(top, "", 0)?;
    Ok(walk.files)
}

struct Walk<'a> {
    rules: Rules,
    links: Links,
    entries: usize,
    size: u64,
    /// The folders that are being walked, without links: one that comes again is a circle.
    open: Vec<PathBuf>,
    home: PathBuf,
    files: Vec<File>,
    followed: &'a mut Vec<LoadWarning>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, below: &str, depth: usize) -> Result<(), ChartError> {
        if depth > MAX_DEPTH {
            return Err(ChartError::TooDeep(MAX_DEPTH));
        }
        let listing = fs::read_dir(folder).map_err(|error| refused("open", folder, &error))?;
        let mut names = Vec::new();
        for entry in listing {
            let entry = entry.map_err(|error| refused("open", folder, &error))?;
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(ChartError::ManyFiles(MAX_ENTRIES));
            }
            names.push(entry.file_name().into_string().map_err(|_| ChartError::Name(entry.path()))?);
        }
        names.sort();
        for name in names {
            let path = folder.join(&name);
            let below = if below.is_empty() { name } else { format!("{below}/{name}") };
            let metadata = fs::symlink_metadata(&path).map_err(|error| refused("lstat", &path, &error))?;
            self.entry(&path, &below, &metadata, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, below: &str, metadata: &FileMetadata, depth: usize) -> Result<(), ChartError> {
        let target;
        let (metadata, is_link) = if metadata.is_symlink() {
            target = fs::metadata(path)
                .map_err(|error| ChartError::BrokenLink { link: path.to_owned(), problem: go_text(&error) })?;
            (&target, true)
        } else {
            (metadata, false)
        };
        if is_link && let Ok(target) = fs::canonicalize(path) {
            self.followed.push(LoadWarning::Link { path: path.to_owned(), target });
        }
        // What is ignored is not looked at, wherever it leads.
        if self.rules.ignores(below, metadata.is_dir()) {
            return Ok(());
        }
        if is_link || metadata.is_dir() {
            let real = fs::canonicalize(path)
                .map_err(|error| ChartError::BrokenLink { link: path.to_owned(), problem: go_text(&error) })?;
            if is_link && self.links == Links::Inside && !real.starts_with(&self.home) {
                return Err(ChartError::EscapingLink { link: path.to_owned(), target: real });
            }
            if metadata.is_dir() {
                if self.open.contains(&real) {
                    let problem = "it leads back to a folder above it".to_owned();
                    return Err(ChartError::BrokenLink { link: path.to_owned(), problem });
                }
                self.open.push(real);
                let result = self.folder(path, below, depth + 1);
                self.open.pop();
                return result;
            }
        }
        if !metadata.is_file() {
            return Err(ChartError::Irregular(path.to_owned()));
        }
        let data = read(path)?;
        self.size += data.len() as u64;
        if self.size > MAX_CHART_SIZE {
            return Err(ChartError::LargeChart { helm3: false });
        }
        let data = if data.starts_with(b"\xEF\xBB\xBF") { data.slice(3..) } else { data };
        let modified = metadata.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
        self.files.push(File { name: below.to_owned().into(), data, modified });
        Ok(())
    }
}
