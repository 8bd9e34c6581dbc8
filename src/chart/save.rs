//! A chart as an archive, as `helm package` writes it.
//!
//! The same entries in the same order (`Chart.yaml`, `Chart.lock`, values, schema, templates, other files, subcharts
//! unpacked), with the same headers: mode 0644, nobody's, the time of the file in whole seconds. `Chart.yaml` and
//! `Chart.lock` are written anew from what they mean. An archive of the same files at the same times is the same bytes.

use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use super::{Chart, ChartError};
use crate::values::Compat;
use crate::yaml::{self, Numbers, Value, json};

/// The longest name in the plain form of a header, in bytes.
const MAX_NAME: usize = 100;
/// The longest folder before it, in bytes.
const MAX_PREFIX: usize = 155;

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The chart is not valid.
    #[error("chart validation: {0}")]
    Invalid(#[source] ChartError),
    /// The schema is no JSON.
    #[error("{}nvalid JSON in values.schema.json", if *.helm3 { 'I' } else { 'i' })]
    Schema {
        /// Whether the words are Helm 3's.
        helm3: bool,
    },
    /// `Chart.yaml` or `Chart.lock` cannot be written as YAML.
    #[error(transparent)]
    Yaml(#[from] yaml::Error),
    /// The system refuses.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// The times of the entries.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// For what has no time of its own.
    pub now: jiff::Timestamp,
    /// No entry is newer than this, if it is set: `SOURCE_DATE_EPOCH`.
    pub latest: Option<jiff::Timestamp>,
}

/// `name-version.tgz`.
pub fn file_name(chart: &Chart) -> String {
    format!("{}.tgz", chart.full_name())
}

/// `Chart.yaml` as Helm writes it: fields in the order of their names, empty ones left out.
///
/// # Errors
/// If a text cannot be written as YAML.
pub fn chart_yaml(metadata: &super::Metadata) -> Result<String, yaml::Error> {
    yaml::to_yaml(&Value::Mapping(metadata.to_mapping()))
}

/// The chart as a gzipped tar.
///
/// # Errors
/// If the chart is not valid.
pub fn to_archive(chart: &Chart, compat: Compat, times: Times) -> Result<Vec<u8>, SaveError> {
    chart.metadata.validate().map_err(SaveError::Invalid)?;
    // As Go leaves them: no time, no system.
    let gzip = GzBuilder::new().mtime(0).operating_system(255).comment("Helm");
    let mut writer = Writer { out: gzip.write(Vec::new(), Compression::default()), compat, times };
    writer.chart(chart, "")?;
    writer.out.write_all(&[0; 1024])?;
    Ok(writer.out.finish()?)
}

struct Writer<W: io::Write> {
    out: W,
    compat: Compat,
    times: Times,
}

impl<W: io::Write> Writer<W> {
    fn chart(&mut self, chart: &Chart, prefix: &str) -> Result<(), SaveError> {
        let base = format!("{prefix}{}", chart.metadata.name);
        let is_v1 = chart.metadata.api_version == "v1";
        let mut metadata = chart.metadata.clone();
        if is_v1 {
            // They have a file of their own, requirements.yaml.
            metadata.dependencies = None;
        }
        self.file(&format!("{base}/Chart.yaml"), chart_yaml(&metadata)?.as_bytes(), chart.modified)?;
        if let Some(lock) = &chart.lock
            && chart.metadata.api_version == "v2"
        {
            let text = yaml::to_yaml(&Value::Mapping(lock.to_mapping()))?;
            let generated = lock.generated.parse::<jiff::Timestamp>().ok();
            self.file(&format!("{base}/Chart.lock"), text.as_bytes(), generated)?;
        }
        let mut values = chart.raw.iter().filter(|file| file.name == "values.yaml").peekable();
        if values.peek().is_none()
            && let Some(text) = chart.raw_values()
        {
            // The embedded chart has no raw files.
            self.file(&format!("{base}/values.yaml"), text, None)?;
        }
        for file in values {
            self.file(&format!("{base}/values.yaml"), &file.data, file.modified)?;
        }
        if let Some(schema) = &chart.schema {
            if json::read(&json::lossy(schema), Numbers::Exact).is_err() {
                return Err(SaveError::Schema { helm3: self.compat == Compat::Helm3 });
            }
            self.file(&format!("{base}/values.schema.json"), schema, chart.schema_modified)?;
        }
        for file in chart.templates.iter().chain(&chart.files) {
            self.file(&format!("{base}/{}", file.name), &file.data, file.modified)?;
        }
        for inner in &chart.dependencies {
            self.chart(inner, &format!("{base}/charts/"))?;
        }
        Ok(())
    }

    fn file(&mut self, name: &str, data: &[u8], modified: Option<jiff::Timestamp>) -> Result<(), SaveError> {
        let modified = modified.unwrap_or(self.times.now);
        let modified = self.times.latest.map_or(modified, |latest| modified.min(latest));
        // Go rounds half up; a time before 1970 has no place in the header.
        let seconds = (modified.as_nanosecond() + 500_000_000).div_euclid(1_000_000_000);
        let mut header = plain_header(EntryType::Regular, data.len(), u64::try_from(seconds).unwrap_or_default());
        header.set_mode(0o644);
        if let Some((folder, base)) = split(name) {
            put(&mut header, base, folder);
        } else {
            let record = pax_record("path", name);
            let mut extended = plain_header(EntryType::XHeader, record.len(), 0);
            extended.set_mode(0);
            let (folder, base) = name.rsplit_once('/').unwrap_or(("", name));
            let short = ascii(&format!("{folder}/PaxHeaders.0/{base}"));
            put(&mut extended, short.trim_start_matches('/'), "");
            self.entry(&mut extended, record.as_bytes())?;
            put(&mut header, &ascii(name), "");
        }
        self.entry(&mut header, data)
    }

    fn entry(&mut self, header: &mut Header, data: &[u8]) -> Result<(), SaveError> {
        header.set_cksum();
        self.out.write_all(header.as_bytes())?;
        self.out.write_all(data)?;
        let rest = data.len() % 512;
        if rest > 0 {
            self.out.write_all(&[0; 512][rest..])?;
        }
        Ok(())
    }
}

fn plain_header(kind: EntryType, size: usize, seconds: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mtime(seconds);
    header.set_uid(0);
    header.set_gid(0);
    if let Some(ustar) = header.as_ustar_mut() {
        ustar.set_device_major(0);
        ustar.set_device_minor(0);
    }
    header
}

/// Writes a name, cut where it is too long, and the folder before it.
fn put(header: &mut Header, name: &str, folder: &str) {
    if let Some(ustar) = header.as_ustar_mut() {
        for (place, byte) in ustar.name.iter_mut().zip(name.bytes()) {
            *place = byte;
        }
        for (place, byte) in ustar.prefix.iter_mut().zip(folder.bytes()) {
            *place = byte;
        }
    }
}

/// Folder and name as the plain header takes them; nothing if it cannot.
fn split(name: &str) -> Option<(&str, &str)> {
    if !name.is_ascii() || name.contains('\0') {
        return None;
    }
    if name.len() <= MAX_NAME {
        return Some(("", name));
    }
    let head = name.get(..MAX_PREFIX + 1).unwrap_or(name);
    let (folder, _) = head.rsplit_once('/')?;
    let base = name.get(folder.len() + 1..)?;
    (!folder.is_empty() && !base.is_empty() && base.len() <= MAX_NAME).then_some((folder, base))
}

fn ascii(text: &str) -> String {
    text.chars().filter(char::is_ascii).collect()
}

/// `LENGTH key=value`, the length counting itself.
fn pax_record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    length = rest + length.to_string().len();
    format!("{length} {key}={value}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{File, archive, from_files};

    const TIMES: Times = Times { now: jiff::Timestamp::constant(1_000_000_000, 0), latest: None };

    fn chart(files: &[(&str, &str)]) -> Chart {
        let stamp = jiff::Timestamp::new(1_600_000_000, 500_000_000).unwrap();
        let file = |(name, text): &(&str, &str)| File {
            modified: Some(stamp),
            ..File::new((*name).to_owned(), text.as_bytes().to_vec())
        };
        from_files(files.iter().map(file).collect(), Compat::Helm4).unwrap()
    }

    const V2: (&str, &str) = ("Chart.yaml", "# gone\nversion: 1.0.0\nname: web\napiVersion: v2\n");

    #[test]
    fn entries_come_in_helms_order_and_chart_yaml_is_written_anew() {
        let long = format!("files/{}/{}", "f".repeat(120), "n".repeat(90));
        let longer = format!("files/{}", "n".repeat(200));
        let chart = chart(&[
            ("README.md", "read"),
            ("charts/db/Chart.yaml", "name: db\nversion: 0.1.0\napiVersion: v2"),
            ("files/麦.txt", "wheat"),
            (&long, "l"),
            (&longer, "ll"),
            ("templates/a.yaml", "a: 1"),
            ("values.schema.json", "{}"),
            ("values.yaml", "# kept\n"),
            V2,
        ]);
        let bytes = to_archive(&chart, Compat::Helm4, TIMES).unwrap();
        assert_eq!(bytes, to_archive(&chart, Compat::Helm4, TIMES).unwrap());
        let files = archive::files(&bytes, Compat::Helm4).unwrap();
        let names: Vec<&str> = files.iter().map(|file| &*file.name).collect();
        assert_eq!(
            names,
            [
                "Chart.yaml",
                "values.yaml",
                "values.schema.json",
                "templates/a.yaml",
                "README.md",
                "files/麦.txt",
                &long,
                &longer,
                "charts/db/Chart.yaml",
            ]
        );
        assert_eq!(files[0].text().unwrap(), "apiVersion: v2\nname: web\nversion: 1.0.0\n");
        assert!(files.iter().all(|file| file.modified.unwrap().as_second() == 1_600_000_001), "{files:?}");
    }

    #[test]
    fn no_entry_is_newer_than_the_latest_time() {
        let times = Times { latest: Some(jiff::Timestamp::constant(5, 0)), ..TIMES };
        let bytes = to_archive(&chart(&[V2]), Compat::Helm4, times).unwrap();
        let files = archive::files(&bytes, Compat::Helm4).unwrap();
        assert_eq!(files[0].modified.unwrap().as_second(), 5);
    }

    #[test]
    fn dependencies_of_version_1_stay_in_their_own_file() {
        let chart = chart(&[
            ("Chart.yaml", "name: old\nversion: 1.0.0\napiVersion: v1"),
            ("requirements.yaml", "dependencies: [{name: db, version: 1.0.0, repository: ''}]"),
        ]);
        let files = archive::files(&to_archive(&chart, Compat::Helm4, TIMES).unwrap(), Compat::Helm4).unwrap();
        assert_eq!(files[0].text().unwrap(), "apiVersion: v1\nname: old\nversion: 1.0.0\n");
        assert_eq!(files[1].name, "requirements.yaml");
    }

    #[test]
    fn a_schema_that_is_no_json_is_refused() {
        let error = to_archive(&chart(&[V2, ("values.schema.json", "{")]), Compat::Helm4, TIMES).unwrap_err();
        assert_eq!(error.to_string(), "invalid JSON in values.schema.json");
    }

    #[test]
    fn records_count_their_own_length() {
        assert_eq!(pax_record("path", "a"), "9 path=a\n");
        for length in 0..1200 {
            let record = pax_record("path", &"a".repeat(length));
            assert_eq!(record.split(' ').next(), Some(record.len().to_string().as_str()));
        }
    }
}
