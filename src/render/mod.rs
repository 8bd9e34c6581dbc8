//! From a chart and values to text, and from text to objects.
//!
//! Owns the template engines (`jinja` for the embedded chart) and what happens to their output: documents, hooks,
//! order, the manifest as Helm stores it (`manifest`). Pure: no clock, no file, no network. Values arrive merged with
//! the chart's defaults (`values`), and what becomes of the objects is for others to decide.

pub mod gostd;
pub mod gotemplate;
pub mod helm;
mod jinja;
pub mod manifest;
pub mod sprig;
pub mod stack;

pub use jinja::undeclared;

use crate::chart::{Chart, ChartError, Engine};
use crate::code::Code;
use crate::values::Compat;
use crate::yaml::Value;
use manifest::{ManifestError, Order, Sorted};

/// What templates are told about the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseInfo {
    /// Name of the release.
    pub name: String,
    /// Namespace of the release.
    pub namespace: String,
    /// Revision this render is for, from 1; 0 if there is to be none, because the chart is only looked at.
    pub revision: u32,
    /// Whether this is an upgrade (or a rollback); otherwise it is an installation, unless there is no revision.
    pub is_upgrade: bool,
}

/// A rendered template: its path as Helm writes it after `# Source:` (chart name, then the path in the chart), and the
/// text.
#[derive(Debug)]
struct RenderedFile {
    path: String,
    text: String,
}

/// Why a chart cannot be rendered. No text here carries a value of the user's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The chart itself is broken.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// A section of the values is not a map.
    #[error("values: {}", problems.join("; "))]
    Sections {
        /// One sentence for each, path first.
        problems: Vec<String>,
    },
    /// The chart refuses the values.
    #[error("execution error at ({template}:{line}): {message}")]
    Refused {
        /// What kind of trouble it is.
        code: Code,
        /// Template, as after `# Source:`.
        template: String,
        /// Line in it, from 1.
        line: usize,
        /// The chart's words.
        message: String,
    },
    /// A template failed.
    #[error("template: {template}:{line}: {message}{}", source_line.as_deref().map(|text| format!(", in `{text}`")).unwrap_or_default())]
    Template {
        /// Template, as after `# Source:`.
        template: String,
        /// Line in it, from 1.
        line: usize,
        /// What went wrong.
        message: String,
        /// That line of the template, trimmed.
        source_line: Option<String>,
    },
    /// A rendered document cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The chart needs an engine that is not there yet.
    #[error("charts with Go templates cannot be rendered by this version")]
    Engine,
}

impl RenderError {
    /// The message code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Chart(error) => error.code(),
            Self::Sections { .. } => Code::ValuesSchema,
            Self::Refused { code, .. } => *code,
            Self::Template { .. } => Code::Template,
            Self::Manifest(error) => error.code(),
            Self::Engine => Code::Unsupported,
        }
    }
}

/// Whether a template is a partial: read by others, never output.
fn is_partial(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|base| base.starts_with('_'))
}

/// A chart, rendered for a release.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// Hooks and documents in install order; every document with its object.
    pub sorted: Sorted,
    /// The manifest as it is stored: every document but the hooks.
    pub manifest: String,
    /// The rendered `NOTES.txt`; empty if the chart has none.
    pub notes: String,
}

/// Renders the embedded chart.
///
/// `values` are the chart's defaults with the user's merged over them.
///
/// # Errors
/// If the values do not fit the chart, the chart refuses them (no agreement to the EULA), or a template is broken.
pub fn render_embedded(chart: &Chart, values: &Value, release: &ReleaseInfo) -> Result<Rendered, RenderError> {
    if chart.engine != Engine::Jinja {
        return Err(RenderError::Engine);
    }
    let files = jinja::render(chart, values, release)?;
    let notes_path = format!("{}/templates/NOTES.txt", chart.metadata.name);
    let notes = files.iter().find(|file| file.path == notes_path).map(|file| file.text.clone()).unwrap_or_default();
    // Helm keeps every file whose path ends so out of the manifest.
    let manifests = files.iter().filter(|file| !file.path.ends_with("NOTES.txt"));
    let sorted =
        manifest::sort(manifests.map(|file| (file.path.as_str(), file.text.as_str())), Order::Install, Compat::Helm4)?;
    let manifest = sorted.manifest();
    Ok(Rendered { sorted, manifest, notes })
}
