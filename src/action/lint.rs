//! `lint`: a chart on disk is held against Helm's rules, the chart inside this program against its own and the user's
//! values. Rules: Helm's `pkg/action/lint.go`.

use std::path::Path;
use std::sync::Mutex;

use bytes::Bytes;

use super::configure::FileStep;
use super::{Notice, UserValues, host, unknown};
use crate::application::components::{ComponentId, Components};
use crate::application::images::Image;
use crate::application::{consent, names};
use crate::chart::{self, Chart, File, Links, MAX_FILE_SIZE, archive};
use crate::lint::{self, Entry, Message, Options, Report, Severity, Subject};
use crate::render::gotemplate::host::{Host, PassedOver};
use crate::render::helm::{self, Capabilities, KubeVersion};
use crate::render::{self, ReleaseInfo};
use crate::values::{Compat, References, check_one};
use crate::yaml::{self, Mapping, Numbers, Value, path_text};

/// The release's name that templates are rendered with.
const RELEASE: &str = "test-release";
/// How many refusals of templates are told of: they may stand in a loop.
const MAX_PASSED: usize = 1000;

/// What is checked against.
#[derive(Debug, Clone)]
pub struct LintSettings {
    /// The user's values.
    pub values: UserValues,
    /// The namespace that templates are rendered for.
    pub namespace: String,
    /// The Kubernetes that is checked against; without it what Helm assumes.
    pub kube_version: Option<KubeVersion>,
    /// Looks for keys in the values that MaiBot's charts do not know; Helm does not.
    pub looks_for_unknown_keys: bool,
    /// Does not check the values against the schemas.
    pub skip_schema_validation: bool,
    /// Where references of the schemas may lead.
    pub references: References,
    /// Whose rules hold.
    pub compat: Compat,
    /// Which links in a chart's folder are followed.
    pub links: Links,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linted {
    /// What the rules say.
    Messages(Vec<Message>),
    /// There is nothing that rules could be held against, in Helm's words.
    NoChart(String),
}

impl LintSettings {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::assumed(self.compat);
        if let Some(version) = &self.kube_version {
            capabilities.kube_version = version.clone();
        }
        capabilities
    }

    fn kubernetes(&self) -> (u32, u32) {
        let KubeVersion { major, minor, .. } = self.capabilities().kube_version;
        (major.parse().unwrap_or_default(), minor.parse().unwrap_or_default())
    }

    fn release(&self) -> ReleaseInfo {
        ReleaseInfo {
            name: RELEASE.to_owned(),
            namespace: self.namespace.clone(),
            // Helm gives no revision and says neither of install nor of upgrade.
            revision: 0,
            is_upgrade: false,
        }
    }
}

/// Whether a name is that of an archive of a chart; case counts, as for Helm.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "Helm's rule")]
pub fn is_archive_name(name: &str) -> bool {
    name.ends_with(".tgz") || name.ends_with(".tar.gz")
}

/// Lints the chart at a path: a folder, or an archive by its name.
pub fn lint(path: &str, settings: &LintSettings, notices: &mut dyn FnMut(Notice)) -> Linted {
    if !is_archive_name(path) {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
        let absolute = clean(&absolute.display().to_string());
        return lint_folder(Path::new(path), absolute, settings, notices);
    }
    match unpack(path, settings.compat) {
        Ok((folder, name)) => {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into()).display().to_string();
            lint_folder(&folder.path().join(name), absolute, settings, notices)
        }
        Err(problem) => Linted::NoChart(problem),
    }
}

fn clean(path: &str) -> String {
    String::from_utf8_lossy(&render::gostd::path::clean(path.as_bytes())).into_owned()
}

/// Unpacks an archive, because its `.helmignore` holds for the rules; returns the folder and the chart's name in it.
fn unpack(path: &str, compat: Compat) -> Result<(tempfile::TempDir, String), String> {
    let system = |error: &std::io::Error| chart::go_text(error);
    let open = |error: std::io::Error| format!("unable to open tarball: open {path}: {}", system(&error));
    let extract = |problem: String| format!("unable to extract tarball: {problem}");
    let metadata = std::fs::metadata(path).map_err(open)?;
    if metadata.len() > chart::MAX_CHART_SIZE {
        return Err(extract(format!("the archive is larger than {} bytes", chart::MAX_CHART_SIZE)));
    }
    let bytes = std::fs::read(path).map_err(open)?;
    let files = archive::files(&bytes, compat).map_err(|error| extract(error.to_string()))?;
    let name = chart_name(&files).map_err(extract)?;
    let folder = tempfile::Builder::new().prefix("maibot-lint").tempdir();
    let folder = folder.map_err(|error| format!("unable to create temp dir to extract tarball: {}", system(&error)))?;
    for file in files {
        // Names were checked when the archive was read: none leads out.
        let target = folder.path().join(&name).join(&*file.name);
        let written = std::fs::create_dir_all(target.parent().unwrap_or(folder.path()))
            .and_then(|()| std::fs::write(&target, &file.data));
        written.map_err(|error| extract(format!("open {}: {}", file.name, system(&error))))?;
    }
    Ok((folder, name))
}

/// The name in `Chart.yaml`, if a folder may have it.
fn chart_name(files: &[File]) -> Result<String, String> {
    let mut name = String::new();
    for file in files.iter().filter(|file| file.name == "Chart.yaml") {
        let fields = yaml::read_mapping(&file.data, Numbers::Helm);
        let fields = fields.map_err(|error| format!("cannot load Chart.yaml: {error}"))?;
        fields.get("name").and_then(Value::as_str).unwrap_or_default().clone_into(&mut name);
    }
    let quoted = yaml::number::quote(&name);
    match name.as_str() {
        "" => Err("chart name not specified".to_owned()),
        "." | ".." => Err(format!("chart name {quoted} is not allowed")),
        _ if name.contains(['/', '\\', '\0']) => Err(format!("chart name {quoted} must not contain path separators")),
        _ => Ok(name),
    }
}

fn lint_folder(folder: &Path, shown: String, settings: &LintSettings, notices: &mut dyn FnMut(Notice)) -> Linted {
    let chart_yaml = folder.join("Chart.yaml");
    if let Err(error) = std::fs::metadata(&chart_yaml) {
        let path = clean(&chart_yaml.display().to_string());
        let problem = chart::go_text(&error);
        return Linted::NoChart(format!("unable to check Chart.yaml file in chart: stat {path}: {problem}"));
    }
    // Helm looks at a chart by its full path, which errors name.
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let chart = chart::load_any_format(&absolute, settings.compat, settings.links);
    if let Ok(chart) = &chart {
        for warning in chart.tree().iter().flat_map(|chart| &chart.warnings) {
            notices(Notice::Chart(warning.clone()));
        }
    }
    let subject = Subject {
        path: shown,
        chart_yaml: entry(&chart_yaml),
        values_yaml: entry(&folder.join("values.yaml")),
        schema: entry(&folder.join("values.schema.json")),
        templates: kind(&folder.join("templates")),
        crds: kind(&folder.join("crds")),
        chart: chart.map_err(|error| error.to_string()),
    };
    let listener = Listener::default();
    let options = Options {
        values: settings.values.map(),
        skip_schema: settings.skip_schema_validation,
        references: &settings.references,
        kubernetes: settings.kubernetes(),
        compat: settings.compat,
        render: &|chart, values| render_go(chart, values, settings, &listener),
    };
    let mut report = lint::run(&subject, &options);
    if let Ok(chart) = &subject.chart {
        unknown_keys(chart, settings, &mut report, notices);
    }
    let passed = listener.passed.into_inner().unwrap_or_default();
    for warning in report.warnings {
        notices(Notice::Values(warning));
    }
    for (what, words) in passed {
        notices(Notice::PassedOver { what, words });
    }
    Linted::Messages(report.messages)
}

/// What is at a path; of a file its content.
fn entry(path: &Path) -> Entry {
    match kind(path) {
        Entry::File(_) => {}
        other => return other,
    }
    let problem = |error: &std::io::Error| format!("open {}: {}", path.display(), chart::go_text(error));
    match std::fs::metadata(path) {
        Ok(found) if found.len() > MAX_FILE_SIZE => {
            Entry::Unreadable(format!("{} is larger than {MAX_FILE_SIZE} bytes", path.display()))
        }
        Ok(_) => match std::fs::read(path) {
            Ok(content) => Entry::File(content.into()),
            Err(error) => Entry::Unreadable(problem(&error)),
        },
        Err(error) => Entry::Unreadable(problem(&error)),
    }
}

/// What is at a path; a file without its content.
fn kind(path: &Path) -> Entry {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Entry::Folder,
        Ok(found) if found.is_file() => Entry::File(Bytes::new()),
        Ok(_) => Entry::Unreadable(format!("{} is no regular file", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Entry::Absent,
        Err(error) => Entry::Unreadable(format!("stat {}: {}", path.display(), chart::go_text(&error))),
    }
}

fn render_go(
    chart: &Chart,
    values: &Mapping,
    settings: &LintSettings,
    listener: &Listener,
) -> Result<Vec<lint::RenderedFile>, String> {
    let request = helm::Request {
        chart,
        values,
        release: &settings.release(),
        capabilities: &settings.capabilities(),
        host: listener,
        compat: settings.compat,
        strict: false,
        lint: true,
        enable_dns: false,
    };
    let files = helm::render(&request).map_err(|error| error.to_string())?;
    Ok(files.into_iter().map(|file| (file.path, String::from_utf8_lossy(&file.text).into_owned())).collect())
}

/// This machine, and what templates would have refused.
#[derive(Debug, Default)]
struct Listener {
    passed: Mutex<Vec<(PassedOver, String)>>,
}

impl Host for Listener {
    fn now(&self) -> i128 {
        host::Machine.now()
    }

    fn time_zone(&self) -> String {
        host::Machine.time_zone()
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), String> {
        host::Machine.random(buffer)
    }

    fn passed_over(&self, what: PassedOver, words: &str) {
        if let Ok(mut passed) = self.passed.lock()
            && passed.len() < MAX_PASSED
        {
            passed.push((what, words.to_owned()));
        }
    }
}

/// Lints the chart inside this program with the user's values: their keys and types, what follows from them for names,
/// images and configuration files, and the objects that come of it.
pub fn lint_embedded(settings: &LintSettings, notices: &mut dyn FnMut(Notice)) -> Linted {
    let mut report = Report::default();
    if let Err(error) = embedded(settings, &mut report, notices) {
        report.add(Severity::Error, "templates/", error);
    }
    Linted::Messages(report.messages)
}

/// Tells and reports the keys of the user's that a chart does not know.
fn unknown_keys(chart: &Chart, settings: &LintSettings, report: &mut Report, notices: &mut dyn FnMut(Notice)) {
    if !settings.looks_for_unknown_keys {
        return;
    }
    for key in unknown::find(chart, &settings.values) {
        let hint =
            key.nearest.as_deref().map(|near| format!("; did you mean {}?", path_text(near))).unwrap_or_default();
        let text = format!("the chart does not know the key {}{hint}", path_text(&key.path));
        report.add(Severity::Warning, "values.yaml", text);
        notices(Notice::UnknownKey(Box::new(key)));
    }
}

fn embedded(settings: &LintSettings, report: &mut Report, notices: &mut dyn FnMut(Notice)) -> Result<(), String> {
    const FILE: &str = "values.yaml";
    let chart = Chart::embedded().map_err(|error| error.to_string())?;
    unknown_keys(&chart, settings, report, notices);
    let computed = settings.values.over(&chart).map_err(|error| error.to_string())?;
    for warning in &computed.warnings {
        report.add(Severity::Warning, FILE, warning.text(Compat::Helm4).trim_start_matches("WARN "));
    }
    let mut values = computed.values;
    if let Err(error) = consent::check(&values) {
        // Installing asks for it; looking does not.
        let keys = error.missing.join(" and ");
        report.add(Severity::Info, FILE, format!("{keys} must be true before anything is installed"));
    }
    if let Value::Mapping(map) = &mut values {
        for key in ["EULA_AGREE", "PRIVACY_AGREE"] {
            map.insert(key.to_owned(), Value::Bool(true));
        }
    }
    let before = report.messages.len();
    if !settings.skip_schema_validation
        && let (Some(schema), Some(values)) = (&chart.schema, values.as_mapping())
        && let Err(error) = check_one(&chart.metadata.name, schema, values)
    {
        report.add(Severity::Error, FILE, error.to_string().trim_end());
    }
    let problems = [
        names::check(RELEASE, &values).err().map(|error| error.to_string()),
        Image::of(Components::get().component(ComponentId::Core), &values).check_core().err().map(|it| it.to_string()),
    ];
    let running = Components::get().running(&values);
    let images = running.into_iter().filter_map(|component| Image::of(component, &values).check_reference().err());
    for problem in problems.into_iter().flatten().chain(images.map(|error| error.to_string())) {
        report.add(Severity::Error, FILE, problem);
    }
    // What follows needs values of the right types.
    if report.messages.iter().skip(before).any(|message| message.severity == Severity::Error) {
        return Ok(());
    }
    if let Err(error) = FileStep::new(RELEASE, &values).check() {
        report.add(Severity::Error, FILE, error.to_string());
    }
    let rendered = render::render_embedded(&chart, &values, &settings.release()).map_err(|error| error.to_string())?;
    for document in &rendered.sorted.documents {
        let file = document.path.split_once('/').map_or(document.path.as_str(), |(_, path)| path);
        lint::check_manifest(file, &document.content, settings.compat, settings.kubernetes(), report);
    }
    Ok(())
}
