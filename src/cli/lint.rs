//! `maibot lint`: charts held against the rules for charts.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;

use crate::action::lint::{LintSettings, Linted, lint, lint_embedded};
use crate::action::{self, ChartSource};
use crate::chart::Chart;
use crate::cluster;
use crate::code::{Code, Exit};
use crate::lint::Severity;
use crate::render::helm::KubeVersion;
use crate::ui::{Arity, Failure, Helm, Usage, Verbosity};

use super::args::{SchemaArgs, ValueArgs, ValueSources};
use super::command;
use super::runtime::Context;

/// How many files and folders `--with-subcharts` looks at in one chart.
const MAX_ENTRIES: usize = 100_000;
/// How deep it looks.
const MAX_DEPTH: usize = 64;

/// Check charts for mistakes
///
/// Without PATH the chart that is built into maibot is checked with your values: `maibot lint -f maibot.yaml`.
#[derive(Debug, Clone, Args)]
pub(crate) struct LintArgs {
    /// Folder or archive of a chart; there may be several
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// Let warnings count as errors
    #[arg(long)]
    strict: bool,
    /// Check the charts in charts/ too
    #[arg(long)]
    with_subcharts: bool,
    /// Do not check the values against the chart's schema
    #[arg(long)]
    skip_schema_validation: bool,
    /// Kubernetes version to check against
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    #[command(flatten)]
    schema: SchemaArgs,
    #[command(flatten)]
    values: ValueArgs,
}

/// Settings of `lint`.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    paths: Vec<String>,
    is_strict: bool,
    with_subcharts: bool,
    skip_schema_validation: bool,
    allows_references: bool,
    kube_version: Option<KubeVersion>,
    values: ValueSources,
}

impl LintArgs {
    pub(crate) fn settings(&self, helm: Option<Helm>) -> Result<Settings, Failure> {
        let paths = match (self.paths.is_empty(), helm) {
            (true, Some(Helm::Four)) => {
                let (usage, _) = command::arguments(&["lint"]);
                return Err(Usage::Arguments { usage, arity: Arity::AtLeast(1), extra: None }.into());
            }
            (true, Some(Helm::Three)) => vec![".".to_owned()],
            _ => self.paths.clone(),
        };
        let kube_version = self.kube_version.as_deref().filter(|version| !version.is_empty()).map(|version| {
            KubeVersion::parse(version).map_err(|error| {
                let error = action::Error::BadKubeVersion { version: version.to_owned(), reason: error.to_string() };
                Failure::room(error.code(), &error)
            })
        });
        Ok(Settings {
            paths,
            is_strict: self.strict,
            with_subcharts: self.with_subcharts,
            skip_schema_validation: self.skip_schema_validation,
            allows_references: self.schema.allows_references(),
            kube_version: kube_version.transpose()?,
            values: self.values.sources()?,
        })
    }
}

/// Checks and prints what was found.
pub(crate) fn run(settings: Settings, context: &Context) -> Result<Exit, Failure> {
    let compat = context.compat();
    let mut paths = settings.paths;
    if settings.with_subcharts {
        let tops = paths.clone();
        for top in &tops {
            subcharts(top, &mut paths);
        }
    }
    let source = match paths.first() {
        Some(path) => ChartSource::Path(path.into()),
        None => ChartSource::Embedded,
    };
    let lint_settings = LintSettings {
        values: settings.values.collect(&source, context)?,
        namespace: cluster::default_namespace(&context.global.kube),
        kube_version: settings.kube_version,
        looks_for_unknown_keys: context.printer.helm().is_none(),
        skip_schema_validation: settings.skip_schema_validation,
        references: context.references(settings.allows_references),
        compat,
        links: context.links(),
    };
    let is_quiet = context.printer.verbosity() == Verbosity::Quiet;
    let lowest = if settings.is_strict { Severity::Warning } else { Severity::Error };
    let mut tally = Tally { is_quiet, lowest, ..Tally::default() };
    if paths.is_empty() {
        let chart = Chart::embedded().map_err(|error| Failure::room(error.code(), &error))?;
        let linted = lint_embedded(&lint_settings, &mut |notice| context.notice(notice));
        tally.add(&format!("the embedded chart, {}", chart.full_name()), &linted);
    }
    for path in &paths {
        let linted = lint(path, &lint_settings, &mut |notice| context.notice(notice));
        tally.add(path, &linted);
    }
    context.printer.result(&tally.text)?;
    let summary = format!("{} chart(s) linted, {} chart(s) failed", tally.charts, tally.failed);
    if tally.failed > 0 {
        return Err(Failure::room(Code::Lint, &LintFailed(summary)));
    }
    if !is_quiet || tally.with_findings > 0 {
        context.printer.result(&(summary + "\n"))?;
    }
    Ok(Exit::Success)
}

/// Some chart did not pass.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct LintFailed(String);

struct Tally {
    text: String,
    charts: usize,
    failed: usize,
    /// Charts with a warning or an error.
    with_findings: usize,
    is_quiet: bool,
    /// From here on a message makes a chart fail.
    lowest: Severity,
}

impl Default for Tally {
    fn default() -> Self {
        Self { text: String::new(), charts: 0, failed: 0, with_findings: 0, is_quiet: false, lowest: Severity::Error }
    }
}

impl Tally {
    fn add(&mut self, chart: &str, linted: &Linted) {
        self.charts += 1;
        let (messages, no_chart) = match linted {
            Linted::Messages(messages) => (messages.as_slice(), None),
            Linted::NoChart(problem) => (&[][..], Some(problem)),
        };
        let has_findings = no_chart.is_some() || messages.iter().any(|message| message.severity > Severity::Info);
        self.with_findings += usize::from(has_findings);
        if no_chart.is_some() || messages.iter().any(|message| message.severity >= self.lowest) {
            self.failed += 1;
        }
        if self.is_quiet && !has_findings {
            return;
        }
        let _ = writeln!(self.text, "==> Linting {chart}");
        if let Some(problem) = no_chart {
            let _ = writeln!(self.text, "Error {problem}");
        }
        for message in messages.iter().filter(|message| !self.is_quiet || message.severity > Severity::Info) {
            let _ = writeln!(self.text, "{message}");
        }
        self.text.push('\n');
    }
}

/// Adds the charts in the folder `charts` of a chart, in the order of their paths. Links are not followed.
fn subcharts(chart: &str, found: &mut Vec<String>) {
    fn walk(path: &Path, depth: usize, left: &mut usize, found: &mut Vec<std::path::PathBuf>) {
        let Ok(metadata) = std::fs::symlink_metadata(path) else { return };
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name == "Chart.yaml" {
            found.extend(path.parent().map(Path::to_owned));
        } else if crate::action::lint::is_archive_name(name) {
            found.push(path.to_owned());
        }
        if !metadata.is_dir() || depth == MAX_DEPTH {
            return;
        }
        let Ok(listing) = std::fs::read_dir(path) else { return };
        let mut inside: Vec<_> = listing.filter_map(Result::ok).map(|entry| entry.path()).take(*left).collect();
        *left -= inside.len();
        inside.sort();
        for path in inside {
            walk(&path, depth + 1, left, found);
        }
    }
    let clean = |path: &Path| {
        let text = path.display().to_string();
        String::from_utf8_lossy(&crate::render::gostd::path::clean(text.as_bytes())).into_owned()
    };
    let mut paths = Vec::new();
    walk(&Path::new(chart).join("charts"), 0, &mut MAX_ENTRIES.clone(), &mut paths);
    found.extend(paths.iter().map(|path| clean(path)));
}
