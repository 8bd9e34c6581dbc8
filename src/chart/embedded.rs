//! The chart compiled into the program: every file of `Chart.yaml`, `values.yaml`, `values.schema.json` and
//! `templates/` by name. A test holds the table against the folder.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::{Chart, ChartError, Engine, File, Metadata};

macro_rules! files {
    ($($path:literal,)*) => {
        &[$(($path, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path)).as_slice()),)*]
    };
}

macro_rules! text {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path))
    };
}

/// Rendered by the engine, in byte order.
const TEMPLATES: &[(&str, &[u8])] = files![
    "templates/NOTES.txt",
    "templates/_claim.yaml",
    "templates/_container.yaml",
    "templates/_ingress.yaml",
    "templates/_labels.yaml",
    "templates/_placement.yaml",
    "templates/_pod_labels.yaml",
    "templates/_service.yaml",
    "templates/adapter/claims.yaml",
    "templates/adapter/service.yaml",
    "templates/adapter/statefulset.yaml",
    "templates/core/claims.yaml",
    "templates/core/configmap.yaml",
    "templates/core/ingress.yaml",
    "templates/core/service.yaml",
    "templates/core/statefulset.yaml",
    "templates/napcat/claims.yaml",
    "templates/napcat/ingress.yaml",
    "templates/napcat/service.yaml",
    "templates/napcat/statefulset.yaml",
    "templates/preconditions.yaml",
    "templates/sqlite-web/ingress.yaml",
    "templates/sqlite-web/service.yaml",
    "templates/sqlite-web/statefulset.yaml",
    "templates/statistics-dashboard/claims.yaml",
    "templates/statistics-dashboard/deployment.yaml",
    "templates/statistics-dashboard/ingress.yaml",
    "templates/statistics-dashboard/service.yaml",
];

/// Read by templates and by the application step, in byte order.
const FILES: &[(&str, &[u8])] = files!["templates/files/k8s-init.sh",];

pub(super) fn load() -> Result<Chart, ChartError> {
    let metadata: Metadata =
        serde_yaml::from_str(text!("Chart.yaml")).map_err(|error| ChartError::Metadata(error.to_string()))?;
    Ok(Chart {
        metadata,
        templates: list(TEMPLATES),
        files: list(FILES),
        schema: None,
        engine: Engine::Jinja,
        values_text: Cow::Borrowed(text!("values.yaml")),
        values: OnceLock::new(),
    })
}

fn list(table: &'static [(&'static str, &'static [u8])]) -> Vec<File> {
    table.iter().map(|(name, data)| File { name: Cow::Borrowed(name), data: Cow::Borrowed(data) }).collect()
}
