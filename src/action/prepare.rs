//! Everything about a revision that needs no cluster: the chart is loaded, values are merged and checked, templates
//! run, and what the application needs is worked out. `install`, `template` and every dry run start here.
//!
//! The embedded chart and MaiBot's own knowledge go together: agreements, names, images and configuration files are
//! checked. Any other chart is rendered as Helm renders it, in the order in which Helm finds what is wrong; a chart named
//! `maibot` still gets its configuration files looked after when it is installed.

use super::build::Source;
use super::configure::FileStep;
use super::host;
use super::surroundings::Surroundings;
use super::values::Computed;
use super::{ChartSource, Error, Notice, PostRenderer, UnknownKeys, UserValues, unknown};
use crate::application::components::{ComponentId, Components};
use crate::application::images::Image;
use crate::application::{consent, names};
use crate::chart::{self, Chart, Engine, File, Links, ProcessError};
use crate::release::{ChartRecord, Hook, HookRun, Info, Release, Status};
use crate::render::helm::{self, Capabilities, KubeVersion};
use crate::render::manifest::{self, Document, ManifestError, Order};
use crate::render::{self, ReleaseInfo, RenderError, Rendered};
use crate::values::{Compat, References, coalesce};
use crate::yaml::{self, Mapping, Numbers, Value};

/// How a chart is rendered, beside chart, values and release.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// Whose ways are followed where the Helms differ.
    pub compat: Compat,
    /// Which links in a chart's folder are followed.
    pub links: Links,
    /// What is done with keys of the user's values that MaiBot's charts have no use for; nothing when Helm is imitated.
    pub unknown_keys: Option<UnknownKeys>,
    /// Does not check the values against the schemas.
    pub skip_schema_validation: bool,
    /// Where references of the schemas may lead.
    pub references: References,
    /// Lets templates look up names in the DNS.
    pub enable_dns: bool,
    /// Takes the notes of subcharts too.
    pub subchart_notes: bool,
    /// Puts CustomResourceDefinitions of `crds/` into the manifest.
    pub include_crds: bool,
    /// The Kubernetes to render for; without it what Helm assumes. Passed over where a cluster tells its own.
    pub kube_version: Option<KubeVersion>,
    /// API versions to render for beside the usual ones. Passed over where a cluster tells its own.
    pub api_versions: Vec<String>,
    /// Leaves CustomResourceDefinitions out, so that nothing has to be said about them.
    pub skip_crds: bool,
    /// A program that changes the manifest.
    pub post_renderer: Option<PostRenderer>,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            compat: Compat::Helm4,
            links: Links::Inside,
            unknown_keys: Some(UnknownKeys::Warn),
            skip_schema_validation: false,
            references: References::Inside,
            enable_dns: false,
            subchart_notes: false,
            include_crds: false,
            kube_version: None,
            api_versions: Vec::new(),
            skip_crds: false,
            post_renderer: None,
        }
    }
}

/// What `template` renders.
#[derive(Debug, Clone)]
pub struct TemplateSettings {
    /// Where the chart comes from.
    pub chart: ChartSource,
    /// The user's values.
    pub values: UserValues,
    /// The release's name.
    pub release: String,
    /// Its namespace.
    pub namespace: String,
    /// Whether it is rendered as for an upgrade.
    pub is_upgrade: bool,
    /// How.
    pub options: RenderOptions,
}

/// What `template` prints.
#[derive(Debug)]
pub struct Template {
    /// Hooks and documents in install order.
    pub rendered: Rendered,
    /// CustomResourceDefinitions, if they were asked for: path and text, in their order.
    pub crds: Vec<(String, String)>,
    /// The release as it would be recorded.
    pub release: Release,
}

/// Why there is nothing to print.
#[derive(Debug)]
pub struct TemplateFailure {
    /// Why.
    pub error: Box<Error>,
    /// What was rendered until then, which Helm shows with `--debug`; nothing if it did not come to rendering.
    pub partial: Option<String>,
}

impl From<Error> for TemplateFailure {
    fn from(error: Error) -> Self {
        Self { error: Box::new(error), partial: None }
    }
}

/// The release's name that `--name-template` makes.
///
/// # Errors
/// If the template cannot be parsed or fails.
pub fn template_name(template: &str) -> Result<String, Error> {
    helm::release_name(template, &host::Machine).map_err(Error::NameTemplate)
}

/// Renders for `template`; asks no cluster. What is strange is told as soon as it is seen, also if something fails later.
///
/// # Errors
/// Whatever is wrong with name, values or chart.
pub fn template(settings: &TemplateSettings, notices: &mut dyn FnMut(Notice)) -> Result<Template, TemplateFailure> {
    template_in(&Surroundings::Machine, settings, notices)
}

/// The same in surroundings that may hold a cluster.
pub(super) fn template_in(
    surroundings: &Surroundings,
    settings: &TemplateSettings,
    notices: &mut dyn FnMut(Notice),
) -> Result<Template, TemplateFailure> {
    let TemplateSettings { chart, values, release, namespace, is_upgrade, options } = settings;
    let info =
        ReleaseInfo { name: release.clone(), namespace: namespace.clone(), revision: 1, is_upgrade: *is_upgrade };
    let done = render(surroundings, chart, values, &info, options, notices)?;
    if done.chart.engine == Engine::Jinja {
        FileStep::new(release, &done.computed).check().map_err(Error::from)?;
    }
    let release = done.record(values, &info)?;
    Ok(Template { rendered: done.rendered, crds: done.crds, release })
}

/// A revision, ready to be carried out.
pub(super) struct Prepared {
    /// The record, without its state.
    pub(super) release: Release,
    /// The objects in install order.
    pub(super) objects: Vec<Source>,
    /// The application step, if the chart is MaiBot's.
    pub(super) files: Option<FileStep>,
    /// Whether the chart brings CustomResourceDefinitions that are to be installed before it.
    pub(super) has_crds: bool,
}

/// Prepares a revision.
pub(super) fn prepare(
    surroundings: &Surroundings,
    chart: &ChartSource,
    values: &UserValues,
    info: &ReleaseInfo,
    options: &RenderOptions,
    notices: &mut dyn FnMut(Notice),
) -> Result<Prepared, Error> {
    let done = render(surroundings, chart, values, info, options, notices).map_err(|failure| *failure.error)?;
    let files = (done.chart.metadata.name == "maibot").then(|| FileStep::new(&info.name, &done.computed));
    if let Some(files) = &files {
        files.check()?;
    }
    Ok(Prepared {
        release: done.record(values, info)?,
        objects: done.rendered.sorted.documents.iter().flat_map(sources).collect(),
        files,
        has_crds: !done.chart.crds().is_empty(),
    })
}

/// The objects of a document: those of a list one by one, as Helm's builder takes them; none if it holds comments alone.
pub(super) fn sources(document: &Document) -> Vec<Source> {
    if document.object.is_null() {
        return Vec::new();
    }
    let object = document.object.to_json();
    match object.get("items").and_then(serde_json::Value::as_array) {
        Some(items) if document.kind.ends_with("List") => {
            items.iter().map(|item| Source { object: item.clone(), in_list: true }).collect()
        }
        _ => vec![Source { object, in_list: false }],
    }
}

/// A chart with its values and what came of them.
struct Render {
    /// After the processing of its dependencies.
    chart: Chart,
    computed: Value,
    rendered: Rendered,
    crds: Vec<(String, String)>,
}

fn render(
    surroundings: &Surroundings,
    source: &ChartSource,
    values: &UserValues,
    info: &ReleaseInfo,
    options: &RenderOptions,
    notices: &mut dyn FnMut(Notice),
) -> Result<Render, TemplateFailure> {
    let chart = source.load_installable(options.compat, options.links, notices)?;
    if let Some(way) = options.unknown_keys {
        // Before anything else is looked at, so that it is told whatever else is wrong.
        unknown::check(&chart, values, way, notices)?;
    }
    surroundings.reach()?;
    match chart.engine {
        Engine::Jinja => Ok(render_embedded(chart, values, info, options, notices)?),
        Engine::Go => render_go(surroundings, &chart, values, info, options, notices),
    }
}

fn render_embedded(
    chart: Chart,
    values: &UserValues,
    info: &ReleaseInfo,
    options: &RenderOptions,
    notices: &mut dyn FnMut(Notice),
) -> Result<Render, Error> {
    names::check_helm(&info.name)?;
    let Computed { values: computed, warnings } = values.over(&chart)?;
    for warning in warnings {
        notices(Notice::Values(warning));
    }
    // The agreements first: whoever has not read them need not hear of anything else.
    consent::check(&computed)?;
    if !options.skip_schema_validation {
        values.check_schema(&chart, &computed)?;
    }
    names::check(&info.name, &computed)?;
    let table = Components::get();
    for component in table.running(&computed) {
        Image::of(component, &computed).check_reference()?;
    }
    Image::of(table.component(ComponentId::Core), &computed).check_core()?;
    let mut rendered = render::render_embedded(&chart, &computed, info)?;
    post_render(&mut rendered, options)?;
    Ok(Render { chart, computed, rendered, crds: Vec::new() })
}

fn render_go(
    surroundings: &Surroundings,
    chart: &Chart,
    values: &UserValues,
    info: &ReleaseInfo,
    options: &RenderOptions,
    notices: &mut dyn FnMut(Notice),
) -> Result<Render, TemplateFailure> {
    let compat = options.compat;
    names::check_helm(&info.name).map_err(Error::from)?;
    let mut warnings = Vec::new();
    let processed = chart::process_dependencies(chart, values.map(), compat, &mut warnings);
    warnings.drain(..).for_each(|warning| notices(Notice::Values(warning)));
    let (chart, tree) = processed.map_err(|error| match error {
        ProcessError::Chart(error) => Error::from(error),
        ProcessError::Coalesce(error) => Error::Dependencies(error),
    })?;
    if surroundings.has_capabilities() && !options.skip_crds && !chart.crds().is_empty() {
        notices(Notice::CrdsNotInstalled);
    }
    let capabilities = capabilities(surroundings, options)?;
    let computed = coalesce(&tree, values.map(), compat, &mut warnings);
    warnings.drain(..).for_each(|warning| notices(Notice::Values(warning)));
    let computed = computed.map_err(Error::from)?;
    if !options.skip_schema_validation {
        let checked = values.check_schemas(&tree, &computed, &options.references, &mut warnings);
        warnings.drain(..).for_each(|warning| notices(Notice::Values(warning)));
        checked?;
    }

    let after = |error: Error, partial: String| TemplateFailure { error: Box::new(error), partial: Some(partial) };
    let (wanted, version) = (&chart.metadata.kube_version, &capabilities.kube_version);
    if !wanted.is_empty() && !chart::is_compatible(wanted, version.compared()) {
        let version = if compat == Compat::Helm4 { &version.version } else { &version.normalized };
        return Err(after(Error::KubeVersion { wanted: wanted.clone(), version: version.clone() }, String::new()));
    }
    let request = helm::Request {
        chart: &chart,
        values: &computed,
        release: info,
        capabilities: &capabilities,
        host: surroundings,
        compat,
        strict: false,
        lint: false,
        enable_dns: options.enable_dns,
    };
    let files = helm::render(&request).map_err(|error| {
        let secrets = surroundings.secrets_in(&error.said());
        after(values.locate(error, &computed, secrets), String::new())
    })?;

    let crds = if options.include_crds { crds(&chart) } else { Vec::new() };
    let notes_path = format!("{}/templates/NOTES.txt", chart.metadata.name);
    let mut notes = String::new();
    let mut texts = Vec::with_capacity(files.len());
    for file in files {
        let text = match String::from_utf8(file.text) {
            Ok(text) => text,
            Err(bytes) => not_text(&file.path, &bytes.into_bytes()).map_err(|error| after(error, String::new()))?,
        };
        if !file.path.ends_with("NOTES.txt") {
            texts.push((file.path, text));
        } else if options.subchart_notes || file.path == notes_path {
            if !notes.is_empty() {
                notes.push('\n');
            }
            notes.push_str(&text);
        }
    }
    let mut dropped =
        |path: &str, events: &str| notices(Notice::UnknownHook { path: path.to_owned(), events: events.to_owned() });
    let ordered = texts.iter().map(|(path, text)| (&**path, &**text));
    let sorted = manifest::sort_and_tell(ordered, Order::Install, compat, &mut dropped).map_err(|error| {
        // Helm shows every file as it is.
        let partial = texts.iter().filter(|(_, text)| !text.trim().is_empty());
        let partial = with_sources(partial.map(|(path, text)| (&**path, &**text)));
        after(RenderError::from(error).into(), partial)
    })?;
    let mut manifest = with_sources(crds.iter().map(|(path, text)| (&**path, &**text)));
    manifest.push_str(&sorted.manifest());
    let mut rendered = Rendered { sorted, manifest, notes };
    post_render(&mut rendered, options).map_err(|error| after(error, String::new()))?;
    Ok(Render { chart, computed: Value::Mapping(computed), rendered, crds })
}

/// What templates are told of the cluster: what it tells itself, or what is assumed and asked for.
fn capabilities(surroundings: &Surroundings, options: &RenderOptions) -> Result<Capabilities, Error> {
    if let Some(told) = surroundings.capabilities(options.compat)? {
        return Ok(told);
    }
    let mut capabilities = Capabilities::assumed(options.compat);
    if let Some(version) = &options.kube_version {
        capabilities.kube_version = version.clone();
    }
    capabilities.api_versions.extend(options.api_versions.iter().cloned());
    Ok(capabilities)
}

/// Texts behind separators and the names of their sources.
fn with_sources<'a>(texts: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    texts.fold(String::new(), |mut all, (path, text)| {
        for part in ["---\n# Source: ", path, "\n", text, "\n"] {
            all.push_str(part);
        }
        all
    })
}

fn crds(chart: &Chart) -> Vec<(String, String)> {
    let text = |file: &File| String::from_utf8_lossy(&file.data).into_owned();
    chart.crds().into_iter().map(|(path, file)| (path, text(file))).collect()
}

/// A file that is no text: Helm's YAML library refuses it in its own words.
fn not_text(path: &str, bytes: &[u8]) -> Result<String, Error> {
    match yaml::read(bytes, Numbers::Exact) {
        Err(error) if !path.ends_with("NOTES.txt") => {
            let error = ManifestError { path: path.to_owned(), message: error.to_string() };
            Err(RenderError::from(error).into())
        }
        _ => Ok(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// Sends the manifest through the user's program, if there is one.
fn post_render(rendered: &mut Rendered, options: &RenderOptions) -> Result<(), Error> {
    let Some(program) = &options.post_renderer else { return Ok(()) };
    rendered.manifest = program.run(&rendered.manifest)?;
    rendered.sorted.documents =
        manifest::read_stored(&rendered.manifest, Order::Install, options.compat).map_err(RenderError::from)?;
    Ok(())
}

impl Render {
    /// The record of this revision, without its state.
    fn record(&self, values: &UserValues, info: &ReleaseInfo) -> Result<Release, Error> {
        let Self { chart, rendered, .. } = self;
        // Nobody reads the embedded chart back from a record; without its files a record stays far from a Secret's limit.
        let (templates, files) = match chart.engine {
            Engine::Jinja => (Vec::new(), Vec::new()),
            Engine::Go => (record_files(&chart.templates), record_files(&chart.files)),
        };
        Ok(Release {
            name: info.name.clone(),
            namespace: info.namespace.clone(),
            revision: info.revision,
            info: Info { status: Status::PendingInstall, notes: rendered.notes.clone(), ..Info::default() },
            chart: ChartRecord {
                metadata: chart.metadata.to_mapping(),
                values: chart.values_map()?.clone(),
                schema: chart.schema.as_ref().map(|schema| schema.to_vec()),
                lock: chart.lock.as_ref().map_or(Value::Null, |lock| Value::Mapping(lock.to_mapping())),
                templates: Value::Sequence(templates),
                files: Value::Sequence(files),
                missing: false,
            },
            config: values.map().clone(),
            manifest: rendered.manifest.clone(),
            hooks: rendered.sorted.hooks.iter().map(hook).collect(),
            ..Release::default()
        })
    }
}

/// Files as a record keeps them.
fn record_files(files: &[File]) -> Vec<Value> {
    use base64::Engine as _;
    let data = |file: &File| base64::engine::general_purpose::STANDARD.encode(&file.data);
    let entry = |file: &File| {
        Value::Mapping(Mapping::from([
            ("name".to_owned(), Value::from(&*file.name)),
            ("data".to_owned(), Value::from(data(file))),
        ]))
    };
    files.iter().map(entry).collect()
}

fn hook(hook: &manifest::Hook) -> Hook {
    Hook {
        name: hook.document.name.clone(),
        kind: hook.document.kind.clone(),
        path: hook.document.path.clone(),
        manifest: hook.document.content.clone(),
        events: hook.events.iter().map(|event| (*event).to_owned()).collect(),
        last_run: HookRun::default(),
        weight: hook.weight,
        delete_policies: hook.delete_policies.clone(),
        output_log_policies: hook.output_log_policies.clone(),
    }
}
