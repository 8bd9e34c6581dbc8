//! Everything about a revision that needs no cluster: the chart is loaded, values are merged and checked, templates
//! run, and what the application needs is worked out. `install`, `template` and every dry run start here.

use super::configure::FileStep;
use super::values::Computed;
use super::{Error, UserValues};
use crate::application::components::{ComponentId, Components};
use crate::application::images::Image;
use crate::application::{consent, names};
use crate::chart::Chart;
use crate::release::{ChartRecord, Hook, HookRun, Info, Release, Status};
use crate::render::{self, ReleaseInfo, Rendered, manifest};
use crate::values::Warning;
use crate::yaml::Value;

/// Where a chart comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChartSource {
    /// The one inside this program.
    Embedded,
}

/// A revision, ready to be carried out.
pub(super) struct Prepared {
    /// The record, without its state.
    pub(super) release: Release,
    /// The documents in install order, as JSON.
    pub(super) documents: Vec<serde_json::Value>,
    /// The application step.
    pub(super) files: FileStep,
    /// What was strange about the values.
    pub(super) warnings: Vec<Warning>,
}

/// What `template` prints.
#[derive(Debug)]
pub struct Template {
    /// Hooks and documents in install order.
    pub rendered: Rendered,
    /// The release as it would be recorded.
    pub release: Release,
    /// What was strange about the values.
    pub warnings: Vec<Warning>,
}

/// Renders for `template`.
///
/// # Errors
/// Whatever is wrong with name, values or chart.
pub fn template(
    chart: &ChartSource,
    values: &UserValues,
    release: &str,
    namespace: &str,
    is_upgrade: bool,
    skip_schema: bool,
) -> Result<Template, Error> {
    let info = ReleaseInfo { name: release.to_owned(), namespace: namespace.to_owned(), revision: 1, is_upgrade };
    let done = render(chart, values, &info, skip_schema)?;
    FileStep::new(release, &done.computed).check()?;
    let release = done.record(values, &info)?;
    Ok(Template { rendered: done.rendered, release, warnings: done.warnings })
}

/// Prepares a revision.
pub(super) fn prepare(
    chart: &ChartSource,
    values: &UserValues,
    release: &str,
    namespace: &str,
    revision: u32,
    skip_schema: bool,
) -> Result<Prepared, Error> {
    let info = ReleaseInfo { name: release.to_owned(), namespace: namespace.to_owned(), revision, is_upgrade: false };
    let done = render(chart, values, &info, skip_schema)?;
    let files = FileStep::new(release, &done.computed);
    files.check()?;
    Ok(Prepared {
        release: done.record(values, &info)?,
        documents: done
            .rendered
            .sorted
            .documents
            .iter()
            .filter(|document| !document.object.is_null())
            .map(|document| document.object.to_json())
            .collect(),
        files,
        warnings: done.warnings,
    })
}

/// A chart with its values and what came of them.
struct Render {
    chart: Chart,
    computed: Value,
    warnings: Vec<Warning>,
    rendered: Rendered,
}

fn render(source: &ChartSource, values: &UserValues, info: &ReleaseInfo, skip_schema: bool) -> Result<Render, Error> {
    let ChartSource::Embedded = source;
    let chart = Chart::embedded()?;
    names::check_helm(&info.name)?;
    let Computed { values: computed, warnings } = values.over(&chart)?;
    // The agreements first: whoever has not read them need not hear of anything else.
    consent::check(&computed)?;
    if !skip_schema {
        values.check_schema(&chart, &computed)?;
    }
    names::check(&info.name, &computed)?;
    let table = Components::get();
    for component in table.running(&computed) {
        Image::of(component, &computed).check_reference()?;
    }
    Image::of(table.component(ComponentId::Core), &computed).check_core()?;
    let rendered = render::render_embedded(&chart, &computed, info)?;
    Ok(Render { chart, computed, warnings, rendered })
}

impl Render {
    /// The record of this revision, without its state.
    fn record(&self, values: &UserValues, info: &ReleaseInfo) -> Result<Release, Error> {
        let Self { chart, rendered, .. } = self;
        let metadata = serde_json::to_value(&chart.metadata).map(Value::from).unwrap_or_default();
        Ok(Release {
            name: info.name.clone(),
            namespace: info.namespace.clone(),
            revision: info.revision,
            info: Info { status: Status::PendingInstall, notes: rendered.notes.clone(), ..Info::default() },
            chart: ChartRecord {
                metadata: metadata.as_mapping().cloned().unwrap_or_default(),
                values: chart.values()?.as_mapping().cloned().unwrap_or_default(),
                schema: chart.schema.as_ref().map(|schema| schema.to_vec()),
                lock: Value::Null,
                // Nothing reads a chart back from a record; without its files a record stays far from a Secret's limit.
                templates: Value::Sequence(Vec::new()),
                files: Value::Sequence(Vec::new()),
                missing: false,
            },
            config: values.map().clone(),
            manifest: rendered.manifest.clone(),
            hooks: rendered.sorted.hooks.iter().map(hook).collect(),
            ..Release::default()
        })
    }
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
