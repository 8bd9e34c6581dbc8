//! What is checked of a chart before anybody installs it: the rules of `helm lint`, one file a rule.
//!
//! Pure: what lies on disk comes in as a [`Subject`], rendering comes in as a function. The rules, their order, their
//! severities and their texts are Helm's (`pkg/chart/v2/lint`); where Helm 3 and Helm 4 differ, [`Compat`] decides.
//! What is said of the chart that is built into this program beyond that is `action`'s business.

mod address;
mod chart_file;
mod crds;
mod dependencies;
mod deprecation;
mod name;
mod object;
mod templates;
mod values_file;

use std::fmt;

use bytes::Bytes;

use crate::chart::Chart;
use crate::values::{Compat, References, Warning};
use crate::yaml::{Mapping, Value};

pub use templates::check_manifest;

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Against what is recommended; works all the same.
    Warning,
    /// Will not work.
    Error,
}

impl Severity {
    /// As it is printed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

/// What a rule has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// How much it matters.
    pub severity: Severity,
    /// The file or folder in the chart, or the chart's own path.
    pub path: String,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}: {}", self.severity.word(), self.path, self.text)
    }
}

/// What is at a path in the chart's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Nothing.
    Absent,
    /// A folder.
    Folder,
    /// A file that was read.
    File(Bytes),
    /// Something that cannot be read, with the reason.
    Unreadable(String),
}

/// A chart as it lies on disk.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its path, absolute, as messages name it.
    pub path: String,
    /// `Chart.yaml`.
    pub chart_yaml: Entry,
    /// `values.yaml`.
    pub values_yaml: Entry,
    /// `values.schema.json`.
    pub schema: Entry,
    /// `templates`; of a file the content does not matter.
    pub templates: Entry,
    /// `crds`; of a file the content does not matter.
    pub crds: Entry,
    /// The chart, or why it cannot be loaded.
    pub chart: Result<Chart, String>,
}

/// A rendered template: its path with the chart's name before it, and the text.
pub type RenderedFile = (String, String);

/// Renders a chart with coalesced values, in the way in which missing values are no errors; the error is what Helm
/// says of it.
pub type Render<'a> = dyn Fn(&Chart, &Mapping) -> Result<Vec<RenderedFile>, String> + 'a;

/// What is asked of the rules.
pub struct Options<'a> {
    /// The user's values.
    pub values: &'a Mapping,
    /// Whether schemas are passed over.
    pub skip_schema: bool,
    /// Where references of schemas may lead.
    pub references: &'a References,
    /// The Kubernetes version to check against: major, minor.
    pub kubernetes: (u32, u32),
    /// Whose rules.
    pub compat: Compat,
    /// How templates are rendered.
    pub render: &'a Render<'a>,
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("kubernetes", &self.kubernetes)
            .field("compat", &self.compat)
            .finish_non_exhaustive()
    }
}

/// What the rules found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order of the rules.
    pub messages: Vec<Message>,
    /// What was strange about the values.
    pub warnings: Vec<Warning>,
}

impl Report {
    /// Adds a message.
    pub fn add(&mut self, severity: Severity, path: &str, text: impl Into<String>) {
        self.messages.push(Message { severity, path: path.to_owned(), text: text.into() });
    }

    /// Adds a message if there is something to say; says whether all is well.
    fn rule(&mut self, severity: Severity, path: &str, complaint: Option<String>) -> bool {
        let is_well = complaint.is_none();
        if let Some(text) = complaint {
            self.add(severity, path, text);
        }
        is_well
    }
}

/// Holds a chart against all rules.
pub fn run(subject: &Subject, options: &Options<'_>) -> Report {
    let mut report = Report::default();
    chart_file::check(subject, options.compat, &mut report);
    values_file::check(subject, options, &mut report);
    templates::check(subject, options, &mut report);
    dependencies::check(subject, &mut report);
    if options.compat == Compat::Helm4 {
        crds::check(subject, &mut report);
    }
    report
}

/// Go's word for the type of a value that came through JSON.
const fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => "float64",
        Value::String(_) => "string",
        Value::Sequence(_) => "[]interface {}",
        Value::Mapping(_) => "map[string]interface {}",
    }
}

/// Go's `filepath.Ext`: from the last dot of the last part on.
fn extension(path: &str) -> &str {
    let base = path.rsplit('/').next().unwrap_or(path);
    base.rfind('.').and_then(|dot| base.get(dot..)).unwrap_or_default()
}
