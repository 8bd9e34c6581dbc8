//! Helm around the template engine: what a chart's Go templates are given and what becomes of their text.
//!
//! Owns the data that templates see (`.Values`, `.Chart`, `.Release`, `.Files`, `.Capabilities`, `.Template`,
//! `.Subcharts`), Helm's own functions, the order in which files are read, and the words in which Helm reports
//! failures. The language itself is `gotemplate`'s, sprig's functions are `sprig`'s, and what happens to the text is
//! `manifest`'s. The rules are those of Helm's package `engine`; where Helm 3 and Helm 4 differ, [`Compat`] decides.

mod capabilities;
mod data;
mod errors;
mod files;
mod functions;
mod glob;
mod json;
mod release_name;
mod structure;
mod trouble;
mod yaml;

pub use release_name::release_name;

pub use capabilities::{Capabilities, HelmVersion, KubeVersion, KubeVersionError};
pub use trouble::{Fault, Frame, Hint, Trouble};

use std::collections::BTreeMap;

use super::gotemplate::host::{Host, PassedOver};
use super::gotemplate::machine::{Machine, MissingKey, Options};
use super::gotemplate::set::Templates;
use super::{ReleaseInfo, is_partial, stack};
use crate::chart::{Chart, File};
use crate::values::Compat;
use crate::yaml::Mapping;

/// What is rendered, for whom and how.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The chart after the processing of its dependencies.
    pub chart: &'a Chart,
    /// Its default values with the user's over them, those of subcharts inside.
    pub values: &'a Mapping,
    /// The release.
    pub release: &'a ReleaseInfo,
    /// The cluster.
    pub capabilities: &'a Capabilities,
    /// Everything else outside.
    pub host: &'a (dyn Host + Sync),
    /// Whose ways are followed.
    pub compat: Compat,
    /// Whether a key that a map does not have is an error.
    pub strict: bool,
    /// Whether the chart is only looked at: `required` and `fail` let everything pass, `lookup` finds nothing.
    pub lint: bool,
    /// Whether `getHostByName` may ask.
    pub enable_dns: bool,
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("chart", &self.chart.full_name()).finish_non_exhaustive()
    }
}

/// A file that was rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// Its path under the outermost chart, as Helm writes it after `# Source:`.
    pub path: String,
    /// The text; templates can make any bytes.
    pub text: Vec<u8>,
}

/// Why a chart's templates cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct TemplateError {
    /// Helm's words.
    pub text: String,
    /// What is wrong, as facts.
    pub trouble: Box<Trouble>,
}

impl TemplateError {
    /// Everything that a report of it can show: Helm's words, and the lines of templates.
    pub fn said(&self) -> String {
        self.trouble.frames.iter().fold(self.text.clone(), |said, frame| said + "\n" + &frame.text)
    }
}

/// Renders every template of a chart and of those inside it. The files come in byte order of their paths.
///
/// # Errors
/// At the first file that cannot be parsed or fails.
pub fn render(request: &Request<'_>) -> Result<Vec<RenderedFile>, TemplateError> {
    // Templates may nest as deep as Go lets them, for which a usual stack is too small; without a thread of its own
    // the render ends in an error where the stack does.
    stack::on_big_stack(|| render_here(request)).unwrap_or_else(|_| render_here(request))
}

fn render_here(request: &Request<'_>) -> Result<Vec<RenderedFile>, TemplateError> {
    let mut files = Vec::new();
    let root = data::Root::new(request);
    root.collect(request.chart, &root.values, &mut files);
    // Of several files of one path the last stands.
    let files: BTreeMap<String, Template<'_>> = files.into_iter().collect();
    let mut order: Vec<(&String, &Template<'_>)> = files.iter().collect();
    order.sort_by(|(one, _), (other, _)| depth(other).cmp(&depth(one)).then_with(|| other.cmp(one)));

    let mut templates = Templates::new(functions::find(request.compat));
    for (path, template) in &order {
        let parsed = templates.parse(path, &template.file.data);
        parsed.map_err(|error| TemplateError {
            text: errors::parse_text(path, &error),
            trouble: Box::new(Trouble::of_parse(&error, request.compat)),
        })?;
    }
    let guarded = Guarded(request);
    let missing_key = if request.strict { MissingKey::Error } else { MissingKey::Zero };
    let method = Some(super::sprig::time_type::int_method as fn(&_, &_) -> _);
    let options = Options { missing_key, lint: request.lint, method, ..Options::default() };
    let mut machine = Machine::new(&guarded, templates, options);
    let mut rendered = Vec::with_capacity(order.len());
    for (path, template) in order {
        if is_partial(path) {
            continue;
        }
        let data = template.scope.enter(path);
        let text = machine.execute(path, data).map_err(|error| TemplateError {
            text: errors::exec_text(&error, request.compat),
            trouble: Box::new(Trouble::of_exec(&error, &root.values, machine.templates(), request.compat)),
        })?;
        let text = functions::without_no_value(&text).unwrap_or(text);
        rendered.push(RenderedFile { path: path.clone(), text });
    }
    rendered.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(rendered)
}

/// How deep a path is: templates of outer charts are read later, so that they can replace what inner ones define.
fn depth(path: &str) -> usize {
    path.bytes().filter(|byte| *byte == b'/').count()
}

/// A file with templates and what it is rendered with.
struct Template<'a> {
    file: &'a File,
    scope: data::Scope,
}

/// The outside as far as this render may reach it.
struct Guarded<'a>(&'a Request<'a>);

impl Host for Guarded<'_> {
    fn now(&self) -> i128 {
        self.0.host.now()
    }

    fn time_zone(&self) -> String {
        self.0.host.time_zone()
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), String> {
        self.0.host.random(buffer)
    }

    fn passed_over(&self, what: PassedOver, words: &str) {
        self.0.host.passed_over(what, words);
    }

    fn host_by_name(&self, name: &str) -> String {
        if self.0.enable_dns { self.0.host.host_by_name(name) } else { String::new() }
    }

    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Option<Mapping>, String> {
        if self.0.lint { Ok(None) } else { self.0.host.lookup(api_version, kind, namespace, name) }
    }
}
