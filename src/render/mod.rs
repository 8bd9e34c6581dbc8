//! From a chart and values to text, and from text to objects.
//!
//! Owns the template engines (`jinja` for the embedded chart) and what happens to their output: documents, hooks,
//! order, the manifest as Helm stores it (`manifest`). Pure: no clock, no file, no network. Values arrive merged with
//! the chart's defaults (`values`), and what becomes of the objects is for others to decide.

mod jinja;

pub use jinja::undeclared;

use crate::chart::{Chart, ChartError};
use crate::code::Code;

/// What templates are told about the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseInfo {
    /// Name of the release.
    pub name: String,
    /// Namespace of the release.
    pub namespace: String,
    /// Revision this render is for, from 1.
    pub revision: u32,
    /// Whether this is an upgrade (or a rollback); otherwise it is an installation.
    pub is_upgrade: bool,
}

/// A rendered template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// Path as Helm writes it after `# Source:`: chart name, then the path in the chart.
    pub path: String,
    /// The text.
    pub text: String,
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
            Self::Engine => Code::Unsupported,
        }
    }
}

/// Whether a template is a partial: read by others, never output.
fn is_partial(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|base| base.starts_with('_'))
}

#[doc(hidden)]
pub fn render_files(
    chart: &Chart,
    values: &crate::yaml::Value,
    release: &ReleaseInfo,
) -> Result<Vec<RenderedFile>, RenderError> {
    jinja::render(chart, values, release)
}
