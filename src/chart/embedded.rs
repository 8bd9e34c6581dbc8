//! The chart compiled into the program: every file of `Chart.yaml`, `values.yaml`, `values.schema.json` and
//! `templates/` by name. A test holds the table against the folder.

use std::borrow::Cow;

use bytes::Bytes;

use super::{Chart, ChartError, Engine, File, metadata::Draft};
use crate::values::Compat;

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
    let mut draft = Draft::default();
    draft
        .add(text!("Chart.yaml").as_bytes(), Compat::Helm4)
        .map_err(|error| ChartError::Yaml { file: "Chart.yaml", error })?;
    let metadata = draft.finish()?;
    let values = Cow::Borrowed(text!("values.yaml"));
    Ok(Chart::new(
        metadata,
        values,
        Engine::Jinja,
        list(TEMPLATES),
        list(FILES),
        Some(Cow::Borrowed(text!("values.schema.json").as_bytes())),
    ))
}

fn list(table: &'static [(&'static str, &'static [u8])]) -> Vec<File> {
    table.iter().map(|(name, data)| File::new(*name, Bytes::from_static(data))).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn walk(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
                found.push(name.to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_file_below_templates_is_compiled_in() {
        let mut there = Vec::new();
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"), &mut there);
        there.sort();
        let chart = load().unwrap();
        let mut compiled: Vec<_> =
            chart.templates.iter().chain(&chart.files).map(|file| file.name.to_string()).collect();
        compiled.sort();
        assert_eq!(compiled, there);
    }

    #[test]
    fn the_embedded_chart_can_be_read() {
        let chart = load().unwrap();
        assert_eq!(chart.full_name(), format!("maibot-{}", chart.metadata.version));
        assert!(chart.metadata.version.starts_with("0.12.2+embedded."));
        assert_eq!(
            chart.values().unwrap().at(&["core", "webui", "service", "port"]),
            Some(&crate::yaml::Value::Int(8001))
        );
    }
}
