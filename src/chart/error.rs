//! Why a chart cannot be loaded. The texts are Helm's where Helm has one.

use std::path::PathBuf;

use crate::code::Code;
use crate::yaml;
use crate::yaml::number::quote;

/// The largest chart, all files together, in bytes.
pub const MAX_CHART_SIZE: u64 = 100 * 1024 * 1024;
/// The largest file of a chart in bytes.
pub const MAX_FILE_SIZE: u64 = 5 * 1024 * 1024;

/// Why a chart cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// There is no `Chart.yaml`.
    #[error("Chart.yaml file is missing")]
    NoChartYaml,
    /// A file that Helm reads itself is broken.
    #[error("cannot load {file}: {error}")]
    Yaml {
        /// Its name.
        file: &'static str,
        /// What is wrong, and where.
        error: yaml::Error,
    },
    /// `Chart.yaml` says what must not be.
    #[error("validation: {0}")]
    Invalid(String),
    /// A version of the chart's format that nobody knows.
    #[error("unsupported chart version")]
    UnsupportedVersion,
    /// A version of the chart's format that Helm knows and does not take yet.
    #[error("invalid chart apiVersion")]
    FutureVersion,
    /// A chart in `charts/` is broken.
    #[error("error unpacking subchart {subchart} in {chart}: {error}")]
    Subchart {
        /// The entry of `charts/`.
        subchart: String,
        /// The chart around it.
        chart: String,
        /// What is wrong with it.
        error: Box<ChartError>,
    },
    /// A folder in `charts/` is called like an archive.
    #[error("error unpacking subchart tar in {chart}: expected {expected}, got {found}")]
    SubchartArchive {
        /// The chart around it.
        chart: String,
        /// The archive.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Charts lie in each other deeper than any chart needs.
    #[error("charts are nested more than {0} deep")]
    TooDeep(usize),

    /// The folder has no `Chart.yaml`.
    #[error("unable to detect chart at {}: open {}: {problem}", path.display(), path.display())]
    NoChartAt {
        /// The `Chart.yaml` that is not there.
        path: PathBuf,
        /// The system's words.
        problem: String,
    },
    /// The system refuses.
    #[error("{action} {}: {problem}", path.display())]
    Io {
        /// Go's word for what was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's words.
        problem: String,
    },
    /// A rule of `.helmignore` is broken.
    #[error("{0}")]
    Ignore(IgnoreError),
    /// A device, a socket or the like.
    #[error("cannot load irregular file {} as it has file mode type bits set", .0.display())]
    Irregular(PathBuf),
    /// A link that leads out of the chart.
    #[error("the link {} leads out of the chart, to {}", link.display(), target.display())]
    EscapingLink {
        /// The link.
        link: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A link that leads back to a folder above it, or nowhere.
    #[error("error evaluating symlink {}: {problem}", link.display())]
    BrokenLink {
        /// The link.
        link: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A name that is not UTF-8.
    #[error("the name of {} is not UTF-8", .0.display())]
    Name(PathBuf),
    /// A file of a folder is too large.
    #[error("chart file {} is larger than the maximum file size {MAX_FILE_SIZE}", quote(.0))]
    LargeFile(String),
    /// A file in an archive is too large.
    #[error("decompressed chart file {} is larger than the maximum file size {MAX_FILE_SIZE}", quote(.0))]
    LargeEntry(String),
    /// All files together are too large.
    #[error("decompressed chart is larger than the maximum {}size {MAX_CHART_SIZE}", if *.helm3 { "file " } else { "" })]
    LargeChart {
        /// Whether the words are Helm 3's.
        helm3: bool,
    },
    /// So many files that nobody can mean it.
    #[error("the chart has more than {0} files")]
    ManyFiles(usize),

    /// What should be an archive is something else.
    #[error("file '{}' seems to be a YAML file, but expected a gzipped archive", .0.display())]
    YamlFile(PathBuf),
    /// What should be an archive is something else.
    #[error("file '{}' does not appear to be a gzipped archive; got '{kind}'", path.display())]
    NotArchive {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        kind: String,
    },
    /// It begins like an archive and is none.
    #[error("file '{}' does not appear to be a valid chart file (details: gzip: invalid header)", .0.display())]
    NotGzip(PathBuf),
    /// The stream is no gzip.
    #[error("gzip: invalid header")]
    GzipHeader,
    /// The archive is damaged.
    #[error("unable to load chart archive")]
    Archive {
        /// What is wrong with it, which Helm 4 does not tell.
        #[source]
        error: Box<ChartError>,
    },
    /// The stream is damaged, in the words of Go's readers.
    #[error("{0}")]
    Damaged(String),
    /// An archive without files.
    #[error("no files in chart archive")]
    EmptyArchive,
    /// An archive without `Chart.yaml`.
    #[error("unable to detect chart version, no Chart.yaml found")]
    UnknownVersion,
    /// A name in the archive begins with a slash behind its first part.
    #[error("chart illegally contains absolute paths")]
    AbsolutePath,
    /// A name in the archive has no folder before it.
    #[error("chart illegally contains content outside the base directory: {}", quote(.0))]
    OutsideBase(String),
    /// A name in the archive leads upwards.
    #[error("chart illegally references parent directory")]
    ParentPath,
    /// A name in the archive is one of a drive.
    #[error("chart contains illegally named files")]
    DrivePath,
    /// `Chart.yaml` lies at the top of the archive.
    #[error("chart yaml not in base directory")]
    ChartYamlAtTop,
}

/// Why a rule of `.helmignore` is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IgnoreError {
    /// `**`.
    #[error("double-star (**) syntax is not supported")]
    DoubleStar,
    /// A class that does not end, or the like.
    #[error("syntax error in pattern")]
    Syntax,
    /// A line longer than Go's scanner takes.
    #[error("bufio.Scanner: token too long")]
    LongLine,
}

impl ChartError {
    /// The message code.
    pub const fn code(&self) -> Code {
        Code::Chart
    }
}
