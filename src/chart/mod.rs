//! A chart in memory: metadata, default values, schema, templates and files.
//!
//! Owns the model that every source of charts fills (for now the chart compiled into the program, later folders,
//! archives and registries) and nothing that is done with a chart: merging values is `values`, running templates is
//! `render`. Field names are those of Helm's `Chart.yaml`.

mod embedded;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::yaml::{self, Mapping, Numbers, Value};

/// A file of a chart: its path inside the chart, with `/`, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path below the chart's top folder, such as `templates/core/service.yaml`.
    pub name: Cow<'static, str>,
    /// Content.
    pub data: Cow<'static, [u8]>,
}

impl File {
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

/// `Chart.yaml`. Unknown fields are ignored, as Helm does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Name of the chart.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Home page.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub home: String,
    /// Addresses of sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Version of the chart, semantic.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// One sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Words to search by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// Who looks after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub maintainers: Vec<Maintainer>,
    /// Address of a picture.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub icon: String,
    /// Version of the chart format: `v1` or `v2`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Condition under which a subchart is on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Tags under which a subchart is on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tags: String,
    /// Version of the application inside.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub app_version: String,
    /// Whether the chart should no longer be used.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
    /// Free annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Constraint on the version of Kubernetes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kube_version: String,
    /// Charts this one needs, as written; judged by who loads them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<serde_json::Value>,
    /// `application` or `library`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
}

impl Metadata {
    /// As a map under Helm's names, empty fields left out, as a release record keeps it.
    pub fn to_mapping(&self) -> Mapping {
        match serde_json::to_value(self).map(Value::from) {
            Ok(Value::Mapping(map)) => map,
            // Text, lists and maps of text: writing them as JSON cannot fail.
            _ => Mapping::new(),
        }
    }
}

/// Someone who looks after a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Maintainer {
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Mail address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// Home page.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// A chart.
#[derive(Debug)]
pub struct Chart {
    /// `Chart.yaml`.
    pub metadata: Metadata,
    /// Every file under `templates/`, in byte order of the paths.
    pub templates: Vec<File>,
    /// Other files that templates may read, in byte order of the paths.
    pub files: Vec<File>,
    /// `values.schema.json`.
    pub schema: Option<Cow<'static, [u8]>>,
    /// The language of the templates.
    pub engine: Engine,
    values_text: Cow<'static, str>,
    values: OnceLock<Value>,
}

/// Why a chart cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChartError {
    /// `Chart.yaml` cannot be read.
    #[error("cannot load Chart.yaml: {0}")]
    Metadata(String),
    /// `values.yaml` cannot be read.
    #[error("cannot load values.yaml: {0}")]
    Values(String),
}

impl ChartError {
    /// The message code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Metadata(_) | Self::Values(_) => Code::Chart,
        }
    }
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
        Self { metadata, templates, files, schema, engine, values_text, values: OnceLock::new() }
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
            let value = Value::Mapping(values.map_err(|error| ChartError::Values(error.to_string()))?);
            // Another thread may have been faster with the same result.
            let _ = self.values.set(value);
        }
        self.values.get().ok_or_else(|| ChartError::Values("not kept".to_owned()))
    }
}
