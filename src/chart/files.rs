//! From the files of a chart, in memory, to the chart: which file is what, subcharts included.
//!
//! The rules are those of Helm's `LoadFiles`. Subcharts come in the order of their names, where Helm's order is random.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::archive::{Budget, from_archive_at};
use super::metadata::{Draft, Lock};
use super::{Chart, ChartError, Engine, File};
use crate::values::Compat;
use crate::yaml::{self, Numbers, Value};

/// How deep charts may lie in each other. Helm has no such bound; each level makes all paths longer, and each archive
/// in an archive can be a bomb.
const MAX_DEPTH: usize = 64;

/// Something strange about a chart that Helm mentions while loading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadWarning {
    /// A `requirements.yaml` beside a `Chart.yaml` of version 2.
    Requirements,
    /// A `requirements.lock` beside a `Chart.yaml` of version 2.
    RequirementsLock,
    /// A link was followed.
    Link {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
}

impl LoadWarning {
    /// Helm's words.
    pub fn text(&self) -> String {
        match self {
            Self::Requirements => {
                "Warning: Dependencies are handled in Chart.yaml since apiVersion \"v2\". We recommend \
                                   migrating dependencies to Chart.yaml."
                    .to_owned()
            }
            Self::RequirementsLock => {
                "Warning: Dependency locking is handled in Chart.lock since apiVersion \"v2\". We \
                                       recommend migrating to Chart.lock."
                    .to_owned()
            }
            Self::Link { path, target } => {
                let (path, target) = (path.display(), target.display());
                format!(
                    "found symbolic link in path: {path} resolves to {target}. Contents of linked file included and used"
                )
            }
        }
    }

    /// The line that Helm 3 prints to stderr.
    pub fn helm3_line(&self) -> String {
        let place = match self {
            Self::Requirements => "load.go:120",
            Self::RequirementsLock => "load.go:138",
            Self::Link { .. } => "walk.go:75",
        };
        format!("{place}: {}", self.text())
    }
}

/// Puts a chart together from its files. Their names are paths below the chart's folder, with `/`.
///
/// # Errors
/// If the chart, or one inside it, is not valid, in Helm's words.
pub fn from_files(files: Vec<File>, compat: Compat) -> Result<Chart, ChartError> {
    from_files_at(files, &mut Budget::new(compat), 0)
}

pub(super) fn from_files_at(files: Vec<File>, budget: &mut Budget, depth: usize) -> Result<Chart, ChartError> {
    let compat = budget.compat;
    if depth > MAX_DEPTH {
        return Err(ChartError::TooDeep(MAX_DEPTH));
    }
    let mut parts = Parts::default();
    for file in files.iter().filter(|file| file.name == "Chart.yaml") {
        parts.add_chart_yaml(file, compat)?;
    }
    let raw = files.clone();
    for file in files {
        parts.add(file, compat)?;
    }
    let Some(draft) = parts.draft else { return Err(ChartError::NoChartYaml) };
    let metadata = draft.finish()?;
    let mut dependencies = Vec::new();
    for (name, files) in parts.subcharts {
        if name.starts_with(['_', '.']) {
            continue;
        }
        let subchart = if extension(&name) == ".tgz" {
            let Some(file) = files.into_iter().next() else { continue };
            if file.name != name {
                let found = file.name.into_owned();
                return Err(ChartError::SubchartArchive { chart: metadata.name, expected: name, found });
            }
            from_archive_at(&file.data, budget, depth + 1)
        } else {
            from_files_at(below(files), budget, depth + 1)
        };
        match subchart {
            Ok(subchart) => dependencies.push(subchart),
            Err(error) => {
                return Err(ChartError::Subchart { subchart: name, chart: metadata.name, error: Box::new(error) });
            }
        }
    }
    Ok(Chart {
        metadata,
        lock: parts.lock,
        templates: parts.templates,
        files: parts.files,
        raw,
        schema: parts.schema,
        dependencies,
        name_in_paths: None,
        engine: Engine::Go,
        warnings: parts.warnings,
        modified: parts.modified,
        schema_modified: parts.schema_modified,
        values_text: parts.values_text,
        values: OnceLock::from(parts.values),
    })
}

/// The files of a folder in `charts/`, under their names in it; what lies directly in `charts/` is none of them.
fn below(files: Vec<File>) -> Vec<File> {
    let inside = |mut file: File| {
        let (_, name) = file.name.split_once('/')?;
        file.name = name.to_owned().into();
        Some(file)
    };
    files.into_iter().filter_map(inside).collect()
}

/// Go's `filepath.Ext`: from the last dot of the last part on.
pub(crate) fn extension(path: &str) -> &str {
    let base = path.rsplit('/').next().unwrap_or(path);
    base.rfind('.').map_or("", |dot| &base[dot..])
}

#[derive(Default)]
struct Parts {
    draft: Option<Draft>,
    lock: Option<Lock>,
    templates: Vec<File>,
    files: Vec<File>,
    schema: Option<std::borrow::Cow<'static, [u8]>>,
    subcharts: BTreeMap<String, Vec<File>>,
    warnings: Vec<LoadWarning>,
    modified: Option<jiff::Timestamp>,
    schema_modified: Option<jiff::Timestamp>,
    values_text: std::borrow::Cow<'static, str>,
    values: Value,
}

impl Parts {
    fn add_chart_yaml(&mut self, file: &File, compat: Compat) -> Result<(), ChartError> {
        let draft = self.draft.get_or_insert_default();
        draft.add(&file.data, compat).map_err(broken("Chart.yaml"))?;
        draft.set_default_api_version();
        self.modified = file.modified;
        Ok(())
    }

    fn add(&mut self, file: File, compat: Compat) -> Result<(), ChartError> {
        match &*file.name {
            "Chart.yaml" => {}
            "Chart.lock" => self.lock = Some(Lock::read(&file.data, compat).map_err(broken("Chart.lock"))?),
            "values.yaml" => {
                let read = match compat {
                    Compat::Helm4 => yaml::read_documents(&file.data, Numbers::Helm),
                    Compat::Helm3 => yaml::read_mapping(&file.data, Numbers::Helm),
                };
                self.values = Value::Mapping(read.map_err(broken("values.yaml"))?);
                self.values_text = String::from_utf8_lossy(&file.data).into_owned().into();
            }
            "values.schema.json" => {
                self.schema_modified = file.modified;
                self.schema = Some(file.data.to_vec().into());
            }
            "requirements.yaml" => {
                let draft = self.draft.get_or_insert_default();
                if draft.api_version() != "v1" {
                    self.warnings.push(LoadWarning::Requirements);
                }
                draft.add(&file.data, compat).map_err(broken("requirements.yaml"))?;
                if draft.api_version() == "v1" {
                    self.files.push(file);
                }
            }
            "requirements.lock" => {
                self.lock = Some(Lock::read(&file.data, compat).map_err(broken("requirements.lock"))?);
                let draft = self.draft.get_or_insert_default();
                if draft.api_version() == "v1" {
                    self.files.push(file);
                } else {
                    self.warnings.push(LoadWarning::RequirementsLock);
                }
            }
            name if name.starts_with("templates/") => self.templates.push(file),
            name => match name.strip_prefix("charts/") {
                Some(inside) if extension(name) != ".prov" => {
                    let chart = inside.split('/').next().unwrap_or(inside).to_owned();
                    let inside = inside.to_owned();
                    self.subcharts.entry(chart).or_default().push(File { name: inside.into(), ..file });
                }
                _ => self.files.push(file),
            },
        }
        Ok(())
    }
}

fn broken(file: &'static str) -> impl Fn(yaml::Error) -> ChartError {
    move |error| ChartError::Yaml { file, error }
}
