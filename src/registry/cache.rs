//! The content cache on disk, in Helm 4's layout: `<root>/<first byte>/<sha256>.chart` and `.prov`, all in hexadecimal.
//!
//! Owns that folder. An entry is written under a temporary name, synced and renamed, so that parallel runs and killed
//! ones leave whole entries only; it is compared with its digest each time it is read, because anything may have
//! happened to it since. Beside Helm's files lie two kinds of our own, which Helm does not look at: `.manifest`, and
//! under `references/` what a name stood for when it was last asked, so that `--offline` can answer by name.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::reference::Digest;

/// A temporary file that is older has been given up by its run.
const GIVEN_UP: Duration = Duration::from_hours(24);
/// The most that is read of a file under `references/`, in bytes.
const LARGEST_RECORD: u64 = 64 << 10;

/// What an entry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A chart archive, named by its own digest.
    Chart,
    /// The provenance of a chart, named by the chart's digest.
    Provenance,
    /// A manifest, named by its own digest.
    Manifest,
    /// The index of a repository, named by its own digest.
    Index,
}

impl Kind {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Chart => "chart",
            Self::Provenance => "prov",
            Self::Manifest => "manifest",
            Self::Index => "index",
        }
    }
}

/// What the cache says to a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The content.
    Content(Bytes),
    /// Nothing, or nothing that can be read.
    Nothing,
    /// Something else than the name promises.
    Damaged(PathBuf),
}

/// What a name stood for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// The name, to tell what the file is about.
    name: String,
    /// Tag or other selector.
    selector: String,
    /// The digest of the manifest, archive or index.
    digest: String,
}

/// The cache in a folder, which need not be there yet.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    root: PathBuf,
}

impl Cache {
    pub(super) const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, hex: &str, kind: Kind) -> PathBuf {
        self.root.join(hex.get(..2).unwrap_or("00")).join(format!("{hex}.{}", kind.suffix()))
    }

    /// The entry of that name whose content has the digest `expected`; without one it is not compared.
    pub(super) fn get(&self, name: &Digest, kind: Kind, expected: Option<&Digest>, limit: u64) -> Found {
        if name.algorithm() != "sha256" {
            return Found::Nothing;
        }
        let path = self.path(name.hex(), kind);
        let Some(content) = read(&path, limit) else { return Found::Nothing };
        match expected {
            _ if content.is_empty() => Found::Nothing,
            Some(expected) if !expected.fits(&content) => Found::Damaged(path),
            _ => Found::Content(content),
        }
    }

    /// Keeps content.
    pub(super) fn put(&self, name: &Digest, kind: Kind, content: &[u8]) -> Result<(), (PathBuf, std::io::Error)> {
        // Helm's layout has room for sha256 only.
        if name.algorithm() != "sha256" {
            return Ok(());
        }
        let path = self.path(name.hex(), kind);
        write(&path, content).map_err(|error| (path, error))
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.root.join("references").join(Digest::of(name.as_bytes()).hex())
    }

    fn record(&self, name: &str, selector: &str) -> PathBuf {
        // A selector is a tag or a word of ours; anything else is named by its digest.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let fits = selector.bytes().all(plain) && (1..=128).contains(&selector.len()) && !selector.starts_with('.');
        let file = if fits { selector.to_owned() } else { Digest::of(selector.as_bytes()).hex().to_owned() };
        self.folder(name).join(format!("{file}.json"))
    }

    /// Notes what a name stands for now.
    pub(super) fn remember(
        &self,
        name: &str,
        selector: &str,
        digest: &Digest,
    ) -> Result<(), (PathBuf, std::io::Error)> {
        let path = self.record(name, selector);
        let record =
            Record { name: name.to_owned(), selector: selector.to_owned(), digest: digest.as_str().to_owned() };
        let text = serde_json::to_vec(&record).map_err(|error| (path.clone(), error.into()))?;
        if read(&path, LARGEST_RECORD).as_deref() == Some(&text) {
            return Ok(());
        }
        write(&path, &text).map_err(|error| (path, error))
    }

    /// What a name stood for.
    pub(super) fn recall(&self, name: &str, selector: &str) -> Option<Digest> {
        let record = Self::read_record(&self.record(name, selector), name)?;
        (record.selector == selector).then(|| Digest::parse(&record.digest).ok())?
    }

    /// All selectors noted for a name, such as the tags of a repository that were pulled.
    pub(super) fn selectors(&self, name: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder(name)) else { return Vec::new() };
        let records = entries.flatten().filter_map(|entry| Self::read_record(&entry.path(), name));
        records.map(|record| record.selector).collect()
    }

    fn read_record(path: &Path, name: &str) -> Option<Record> {
        let record: Record = serde_json::from_slice(&read(path, LARGEST_RECORD)?).ok()?;
        (record.name == name).then_some(record)
    }
}

/// The content of a plain file of at most `limit` bytes.
fn read(path: &Path, limit: u64) -> Option<Bytes> {
    let file = std::fs::File::open(path).ok()?;
    let data = file.metadata().ok()?;
    if !data.is_file() || data.len() > limit {
        return None;
    }
    let mut content = Vec::with_capacity(usize::try_from(data.len()).ok()?);
    file.take(limit + 1).read_to_end(&mut content).ok()?;
    (content.len() as u64 <= limit).then(|| content.into())
}

/// Writes a file as a whole or not at all, readable by everybody as Helm's are.
pub(super) fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sweep(folder);
    Ok(())
}

/// How names of unfinished files begin.
const TEMPORARY: &str = ".maibot-";

/// Removes what killed runs left in a folder.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(TEMPORARY));
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if ours && age().is_some_and(|age| age > GIVEN_UP) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cache, Digest, Found, Kind};

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("content"));
        (folder, cache)
    }

    #[test]
    fn entries_lie_where_helm_4_looks_for_them() {
        let (folder, cache) = cache();
        let digest = Digest::of(b"foo\n");
        cache.put(&digest, Kind::Chart, b"foo\n").unwrap();
        let hex = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c";
        let path = folder.path().join("content/b5").join(format!("{hex}.chart"));
        assert_eq!(std::fs::read(&path).unwrap(), b"foo\n");
        let found = cache.get(&digest, Kind::Chart, Some(&digest), 100);
        assert_eq!(found, Found::Content(b"foo\n".as_slice().into()));
        assert_eq!(cache.get(&digest, Kind::Provenance, None, 100), Found::Nothing);
        assert_eq!(cache.get(&digest, Kind::Chart, Some(&digest), 3), Found::Nothing, "larger than asked for");
    }

    #[test]
    fn a_damaged_entry_is_told_and_replaced() {
        let (folder, cache) = cache();
        let digest = Digest::of(b"foo\n");
        cache.put(&digest, Kind::Chart, b"foo\n").unwrap();
        let path = folder.path().join("content/b5").join(format!("{}.chart", digest.hex()));
        std::fs::write(&path, b"fox\n").unwrap();
        assert_eq!(cache.get(&digest, Kind::Chart, Some(&digest), 100), Found::Damaged(path.clone()));
        cache.put(&digest, Kind::Chart, b"foo\n").unwrap();
        assert!(matches!(cache.get(&digest, Kind::Chart, Some(&digest), 100), Found::Content(_)));
        // An empty file is what a crash of another program leaves.
        std::fs::write(&path, b"").unwrap();
        assert_eq!(cache.get(&digest, Kind::Chart, Some(&digest), 100), Found::Nothing);
        // A folder in its place.
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(cache.get(&digest, Kind::Chart, Some(&digest), 100), Found::Nothing);
    }

    #[test]
    fn names_are_remembered_with_what_they_stood_for() {
        let (_folder, cache) = cache();
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        assert_eq!(cache.recall("oci://r/a", "1.0.0"), None);
        cache.remember("oci://r/a", "1.0.0", &one).unwrap();
        cache.remember("oci://r/a", "1.1.0_x", &two).unwrap();
        cache.remember("oci://r/a", "1.0.0", &two).unwrap();
        cache.remember("oci://r/b", "../../x", &one).unwrap();
        assert_eq!(cache.recall("oci://r/a", "1.0.0"), Some(two));
        assert_eq!(cache.recall("oci://r/b", "../../x"), Some(one));
        assert_eq!(cache.recall("oci://r/b", "1.0.0"), None);
        let mut selectors = cache.selectors("oci://r/a");
        selectors.sort();
        assert_eq!(selectors, ["1.0.0", "1.1.0_x"]);
    }

    #[test]
    fn many_writers_of_one_entry_leave_it_whole() {
        let (folder, cache) = cache();
        let content = vec![7; 1 << 20];
        let digest = Digest::of(&content);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..4 {
                        cache.put(&digest, Kind::Chart, &content).unwrap();
                        let found = cache.get(&digest, Kind::Chart, Some(&digest), 2 << 20);
                        assert!(matches!(found, Found::Content(_)), "{:?}", matches!(found, Found::Damaged(_)));
                    }
                });
            }
        });
        let left = std::fs::read_dir(folder.path().join("content").join(&digest.hex()[..2])).unwrap().count();
        assert_eq!(left, 1, "no temporary file is left");
    }
}
