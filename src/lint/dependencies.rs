//! Whether the charts in `charts/` and those that `Chart.yaml` lists are the same, by name.

use std::collections::BTreeSet;

use super::{Report, Severity, Subject};
use crate::chart::Chart;

pub(super) fn check(subject: &Subject, report: &mut Report) {
    let chart = match &subject.chart {
        Ok(chart) => chart,
        Err(problem) => return report.add(Severity::Error, "", format!("unable to load chart\n\t{problem}")),
    };
    let path = &subject.path;
    report.rule(Severity::Error, path, unlisted(chart));
    report.rule(Severity::Error, path, shadowed(chart));
    report.rule(Severity::Warning, path, absent(chart));
}

fn names<'a>(names: impl Iterator<Item = &'a str>, what: &str) -> Option<String> {
    let names: Vec<&str> = names.collect();
    (!names.is_empty()).then(|| format!("{what}: {}", names.join(",")))
}

fn unlisted(chart: &Chart) -> Option<String> {
    let listed: BTreeSet<&str> = chart.metadata.dependencies().iter().map(|it| it.name.as_str()).collect();
    let there = chart.dependencies.iter().map(|it| it.metadata.name.as_str());
    names(there.filter(|name| !listed.contains(name)), "chart metadata is missing these dependencies")
}

fn shadowed(chart: &Chart) -> Option<String> {
    let mut seen = BTreeSet::new();
    let used = chart.metadata.dependencies().iter().map(crate::chart::Dependency::used_name);
    names(used.filter(|name| !seen.insert(*name)), "multiple dependencies with name or alias")
}

fn absent(chart: &Chart) -> Option<String> {
    let there: BTreeSet<&str> = chart.dependencies.iter().map(|it| it.metadata.name.as_str()).collect();
    let listed = chart.metadata.dependencies().iter().map(|it| it.name.as_str());
    names(listed.filter(|name| !there.contains(name)), "chart directory is missing these dependencies")
}
