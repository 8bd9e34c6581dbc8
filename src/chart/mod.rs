//! A chart in memory: metadata, default values, schema, templates, files and the charts inside it.
//!
//! Owns the model that every source of charts fills (the chart compiled into the program, a list of files, a folder, an
//! archive), what makes a chart valid, and the guards against charts that mean harm. What is done with a chart is not
//! its business: merging values is `values`, running templates is `render`, fetching is `registry`. Field names are
//! those of Helm's `Chart.yaml`; the rules are those of Helm's `chart/loader`.

pub mod archive;
mod embedded;
mod error;
mod files;
mod folder;
mod ignore;
mod metadata;
mod process;
pub mod save;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::OnceLock;

use bytes::Bytes;

pub use error::{ChartError, IgnoreError, MAX_CHART_SIZE, MAX_FILE_SIZE};
pub(crate) use files::extension;
pub use files::{LoadWarning, from_files};
pub(crate) use folder::go_text;
pub use folder::{Links, load, load_any_format, load_folder, read_folder};
pub(crate) use metadata::Draft;
pub use metadata::{Dependency, Lock, Maintainer, Metadata};
pub use process::{ProcessError, is_compatible, process_dependencies};

use crate::yaml::{self, Mapping, Numbers, Value};

/// A file of a chart: its path inside the chart, with `/`, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path below the chart's top folder, such as `templates/core/service.yaml`.
    pub name: Cow<'static, str>,
    /// Content; copies share it.
    pub data: Bytes,
    /// When it was changed last, if its source tells.
    pub modified: Option<jiff::Timestamp>,
}

impl File {
    /// A file of this content.
    pub fn new(name: impl Into<Cow<'static, str>>, data: impl Into<Bytes>) -> Self {
        Self { name: name.into(), data: data.into(), modified: None }
    }

    /// The content as text, if it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.data).ok()
    }
}

/// The template language of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// minijinja: the embedded chart.
    Jinja,
    /// Go templates: every chart made for Helm.
    Go,
}

/// A chart.
#[derive(Debug, Clone)]
pub struct Chart {
    /// `Chart.yaml`.
    pub metadata: Metadata,
    /// `Chart.lock` or `requirements.lock`.
    pub lock: Option<Lock>,
    /// Every file under `templates/`.
    pub templates: Vec<File>,
    /// Other files, which templates may read: what is no template, no subchart and not read by Helm itself.
    pub files: Vec<File>,
    /// Every file as it came, those of subcharts included; empty for the embedded chart.
    pub raw: Vec<File>,
    /// The charts in `charts/`; after [`process_dependencies`] those that are on, under the names they go by.
    pub dependencies: Vec<Chart>,
    /// The name that paths of the charts inside it have, where it is another: in Helm 3 charts inside an aliased chart
    /// that declares no dependencies keep the path under its own name.
    pub name_in_paths: Option<String>,
    /// What is strange about it.
    pub warnings: Vec<LoadWarning>,
    /// When `Chart.yaml` was changed last.
    pub modified: Option<jiff::Timestamp>,
    /// When the schema was changed last.
    pub schema_modified: Option<jiff::Timestamp>,
    /// `values.schema.json`.
    pub schema: Option<Cow<'static, [u8]>>,
    /// The language of the templates.
    pub engine: Engine,
    values_text: Cow<'static, str>,
    values: OnceLock<Value>,
}

impl Chart {
    /// A chart of these parts. Templates and files are put into byte order of their paths.
    pub fn new(
        metadata: Metadata,
        values_text: Cow<'static, str>,
        engine: Engine,
        mut templates: Vec<File>,
        mut files: Vec<File>,
        schema: Option<Cow<'static, [u8]>>,
    ) -> Self {
        templates.sort_by(|one, other| one.name.cmp(&other.name));
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Self {
            metadata,
            lock: None,
            templates,
            files,
            raw: Vec::new(),
            dependencies: Vec::new(),
            name_in_paths: None,
            warnings: Vec::new(),
            modified: None,
            schema_modified: None,
            schema,
            engine,
            values_text,
            values: OnceLock::new(),
        }
    }

    /// The chart compiled into the program. Cheap: no file is opened, and only `Chart.yaml` is read.
    ///
    /// # Errors
    /// Only if the program was built from a broken chart.
    pub fn embedded() -> Result<Self, ChartError> {
        embedded::load()
    }

    /// `name-version`, as Helm writes it into the label `helm.sh/chart` (there with `_` for `+`) and into lists.
    pub fn full_name(&self) -> String {
        format!("{}-{}", self.metadata.name, self.metadata.version)
    }

    /// `values.yaml` as it is written; empty if the chart has none.
    pub fn values_text(&self) -> &str {
        &self.values_text
    }

    /// The default values: read at the first call and kept. Integers stay integers.
    ///
    /// # Errors
    /// If `values.yaml` is not YAML or not a map.
    pub fn values(&self) -> Result<&Value, ChartError> {
        if self.values.get().is_none() {
            let values = yaml::read_mapping(self.values_text.as_bytes(), Numbers::Exact);
            let value = Value::Mapping(values.map_err(|error| ChartError::Yaml { file: "values.yaml", error })?);
            // Another thread may have been faster with the same result.
            let _ = self.values.set(value);
        }
        Ok(self.values.get().unwrap_or(&Value::Null))
    }

    /// The default values as a map; empty if the chart has none.
    ///
    /// # Errors
    /// As [`Chart::values`].
    pub fn values_map(&self) -> Result<&Mapping, ChartError> {
        static EMPTY: Mapping = Mapping::new();
        Ok(self.values()?.as_mapping().unwrap_or(&EMPTY))
    }

    /// Puts other default values in place: what the processing of dependencies has made of them.
    pub(crate) fn set_values(&mut self, values: Mapping) {
        self.values = OnceLock::from(Value::Mapping(values));
    }

    /// The bytes of `values.yaml`, if the chart has that file.
    pub fn raw_values(&self) -> Option<&[u8]> {
        match self.engine {
            Engine::Jinja => Some(self.values_text.as_bytes()),
            Engine::Go => self.raw.iter().find(|file| file.name == "values.yaml").map(|file| &*file.data),
        }
    }

    /// The CustomResourceDefinitions in `crds/` of this chart and of those inside it, each with its path under the
    /// outermost chart, such as `web/charts/db/crds/a.yaml`.
    pub fn crds(&self) -> Vec<(String, &File)> {
        fn collect<'a>(chart: &'a Chart, path: &str, found: &mut Vec<(String, &'a File)>) {
            for file in &chart.files {
                let extension = files::extension(&file.name);
                let is_manifest = [".yaml", ".yml", ".json"].iter().any(|known| extension.eq_ignore_ascii_case(known));
                if file.name.starts_with("crds/") && is_manifest {
                    found.push((format!("{path}/{}", file.name), file));
                }
            }
            let path = chart.path_for_inner(path);
            for inner in &chart.dependencies {
                collect(inner, &format!("{path}/charts/{}", inner.metadata.name), found);
            }
        }
        let mut found = Vec::new();
        collect(self, &self.metadata.name, &mut found);
        found
    }

    /// The path that charts inside this one build theirs on, where its own path is `path`.
    pub(crate) fn path_for_inner<'a>(&self, path: &'a str) -> Cow<'a, str> {
        match (&self.name_in_paths, path.rsplit_once('/')) {
            (Some(name), Some((outer, _))) => Cow::Owned(format!("{outer}/{name}")),
            _ => Cow::Borrowed(path),
        }
    }

    /// This chart and all inside it.
    pub fn tree(&self) -> Vec<&Chart> {
        let mut all = vec![self];
        let mut next = 0;
        while let Some(chart) = all.get(next) {
            all.extend(&chart.dependencies);
            next += 1;
        }
        all
    }
}
