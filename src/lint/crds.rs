//! `crds/`: plain CustomResourceDefinitions, no templates.

use super::object::Objects;
use super::{Entry, Report, Severity, Subject};
use crate::values::Compat;

const FOLDER: &str = "crds/";

pub(super) fn check(subject: &Subject, report: &mut Report) {
    match &subject.crds {
        Entry::Absent => return,
        Entry::Folder => {}
        Entry::File(_) => return report.add(Severity::Error, FOLDER, "not a directory"),
        Entry::Unreadable(problem) => return report.add(Severity::Error, FOLDER, problem.as_str()),
    }
    let chart = match &subject.chart {
        Ok(chart) => chart,
        Err(problem) => return report.add(Severity::Error, FOLDER, problem.as_str()),
    };
    for (_, file) in chart.crds() {
        for object in Objects::new(&file.data, Compat::Helm4) {
            let object = match object {
                Ok(Some(object)) => object,
                Ok(None) => continue,
                Err(problem) => {
                    return report.add(Severity::Error, &file.name, format!("unable to parse YAML: {problem}"));
                }
            };
            let is_in_group = object.api_version.starts_with("apiextensions.k8s.io");
            let complaint = (!is_in_group).then(|| "apiVersion is not in 'apiextensions.k8s.io'".to_owned());
            report.rule(Severity::Error, &file.name, complaint);
            let is_definition = object.kind == "CustomResourceDefinition";
            let complaint = (!is_definition).then(|| "object kind is not 'CustomResourceDefinition'".to_owned());
            report.rule(Severity::Error, &file.name, complaint);
        }
    }
}
