//! Whole charts through the command line: `charts/NAME/cases.json`, recorded from `helm template` of both Helms.
//!
//! The program runs as they ran: in the folder of the chart, with an empty home, in UTC. Under `--helm-compat` stdout,
//! stderr and exit status are held against the record byte by byte; without it what Helm 4 renders is rendered the same,
//! and what Helm 4 refuses is refused.

use std::path::{Path, PathBuf};

use maibot::yaml::{Numbers, Value, json};

use super::{Helm, SHOWN, folder, text};
use crate::cli::{Place, Ran};

/// Whose ways the program is asked to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Helm(Helm),
    Own,
}

const MANNERS: [Manner; 3] = [Manner::Helm(Helm::Four), Manner::Helm(Helm::Three), Manner::Own];

fn charts() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder().join("charts")) else { return Vec::new() };
    let mut charts: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    charts.retain(|chart| chart.join("cases.json").is_file());
    charts.sort();
    charts
}

fn run(place: &Place, chart: &Path, case: &Value, manner: Manner) -> Ran {
    let mut arguments = vec!["template"];
    arguments.extend(case.get("name").and_then(Value::as_str));
    arguments.push(text(case, "chart"));
    arguments.extend(case.get("args").and_then(Value::as_sequence).unwrap().iter().filter_map(Value::as_str));
    match manner {
        Manner::Helm(Helm::Four) => arguments.push("--helm-compat=4"),
        Manner::Helm(Helm::Three) => arguments.push("--helm-compat=3"),
        Manner::Own => {}
    }
    Ran::of(place.command(&arguments).current_dir(chart).env("TZ", "UTC").output().unwrap())
}

/// What differs; nothing if it is right.
fn difference(place: &Place, chart: &Path, case: &Value, manner: Manner) -> Option<String> {
    let three = case.get("helm3").filter(|_| manner == Manner::Helm(Helm::Three));
    let wanted = three.or_else(|| case.get("helm4")).unwrap();
    let ran = run(place, chart, case, manner);
    let stdout = match wanted.get("stdout").and_then(Value::as_str) {
        Some(file) => std::fs::read_to_string(chart.join(file)).unwrap(),
        None => String::new(),
    };
    let status = wanted.get("exit").and_then(Value::as_i64).unwrap();
    let is_unordered = case.get("stderr_unordered").is_some();
    let lines = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if is_unordered {
            lines.sort();
        }
        lines.join("\n")
    };
    let mut parts = Vec::new();
    if manner == Manner::Own {
        if (ran.status == 0) != (status == 0) {
            parts.push(format!("exit: wanted {status}, given {}; stderr {:?}", ran.status, ran.stderr));
        }
    } else {
        if i64::from(ran.status) != status {
            parts.push(format!("exit: wanted {status}, given {}", ran.status));
        }
        let stderr = text(wanted, "stderr").replace("$DIR", &chart.display().to_string());
        if lines(&ran.stderr) != lines(&stderr) {
            parts.push(format!("stderr: wanted {stderr:?}\n            given  {:?}", ran.stderr));
        }
    }
    if ran.stdout != stdout {
        let place = ran.stdout.lines().zip(stdout.lines()).position(|(given, wanted)| given != wanted);
        let line = place.unwrap_or_else(|| ran.stdout.lines().count().min(stdout.lines().count()));
        let at = |text: &str| text.lines().nth(line).map(str::to_owned);
        parts.push(format!("stdout, line {}: wanted {:?}, given {:?}", line + 1, at(&stdout), at(&ran.stdout)));
    }
    let id = format!("{}/{}", chart.file_name().unwrap().to_string_lossy(), text(case, "id"));
    (!parts.is_empty()).then(|| format!("{id} {manner:?}\n    {}", parts.join("\n    ")))
}

#[test]
fn whole_charts_are_rendered_as_helm_does() {
    let charts = charts();
    if charts.is_empty() && std::env::var_os("MAIBOT_CONFORMANCE_DIR").is_some() {
        println!("conformance charts: none in {}", folder().display());
        return;
    }
    assert!(!charts.is_empty(), "no charts");
    let place = Place::new();
    let wanted = std::env::var("MAIBOT_CONFORMANCE_GROUP").unwrap_or_default();
    let mut failed = Vec::new();
    for chart in charts {
        let name = chart.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with(&wanted) {
            println!("conformance charts/{name}: left out");
            continue;
        }
        let chart = chart.canonicalize().unwrap();
        let file = std::fs::read_to_string(chart.join("cases.json")).unwrap();
        let file = json::read(&file, Numbers::Exact).unwrap_or_else(|error| panic!("{name}: {error}"));
        let cases = file.get("cases").and_then(Value::as_sequence).unwrap();
        assert!(!cases.is_empty(), "{name} has no cases");
        let differences: Vec<(usize, String)> = cases
            .iter()
            .enumerate()
            .flat_map(|(number, case)| MANNERS.map(|manner| (number, difference(&place, &chart, case, manner))))
            .filter_map(|(number, difference)| Some((number, difference?)))
            .collect();
        let mut numbers: Vec<usize> = differences.iter().map(|(number, _)| *number).collect();
        numbers.dedup();
        println!(
            "conformance charts/{name}: {} passed, {} failed, 0 skipped",
            cases.len() - numbers.len(),
            numbers.len()
        );
        failed.extend(differences.into_iter().map(|(_, difference)| difference));
    }
    let shown = failed.iter().take(SHOWN).map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n");
    assert!(failed.is_empty(), "{} differences:\n{shown}", failed.len());
}
