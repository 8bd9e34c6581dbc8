//! Replays the vectors under `tests/conformance/`, or under the folder that `MAIBOT_CONFORMANCE_DIR` names.
//!
//! A file `*-cases.json` is `{"command", "helm", "cases": […]}`, recorded from real Helm; a case is a request with its
//! answer: `ok` or `error`, and `helm3` where Helm 3 answers differently. [`COMMANDS`] tells what answers which
//! command; to add one, write a function and a line there. Files from before that form are told by their names
//! ([`OLDER_FILES`]). Every file found is run or named; each prints one line
//! `conformance FILE: N passed, N failed, N skipped`. `MAIBOT_CONFORMANCE_GROUP` runs only groups whose names begin so,
//! which skips the others.

mod charts;
mod config_facts;
mod embedded_chart;
mod official_chart;
mod regex;
mod release;
mod render;
mod sort;
mod toml;
mod values;
mod versions;
mod yaml;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maibot::yaml::{Numbers, Value, json};

/// Whose answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Helm {
    /// Helm 4, the reference.
    Four,
    /// Helm 3.
    Three,
}

/// Answers one request: the value, or the error's full text.
pub(crate) type Answer = fn(&Value, Helm) -> Result<Value, String>;

/// What can be asked: the command's name and what answers it.
pub(crate) const COMMANDS: &[(&str, Answer)] = &[
    ("yaml", yaml::answer),
    ("strvals", values::answer_strvals),
    ("coalesce", values::answer_coalesce),
    ("upgrade", values::answer_upgrade),
    ("sort", sort::answer),
    ("release", release::answer),
    ("semver", versions::answer),
    ("toml", toml::answer),
    ("render", render::answer),
];

/// Tells what is wrong with one case of a file without a command (the second value is the file); nothing if it is
/// right.
type Check = fn(&Value, &Value) -> Option<String>;

/// Files without a command.
const OLDER_FILES: &[(&str, Check)] = &[
    ("from-yaml-cases.json", |case, _| yaml::check_from_yaml(case)),
    ("to-yaml-cases.json", |case, _| yaml::check_to_yaml(case)),
    ("semver-compare-cases.json", |case, _| versions::check(case)),
    ("go-template-cases.json", render::check_template),
    ("regex-cases.json", |case, _| regex::check(case)),
];

/// The files that have a test of their own below.
const TESTED: &[&str] = &[
    "yaml-cases.json",
    "strvals-cases.json",
    "coalesce-cases.json",
    "upgrade-cases.json",
    "schema-cases.json",
    "from-yaml-cases.json",
    "to-yaml-cases.json",
    "sort-cases.json",
    "release-cases.json",
    "regex-cases.json",
    "semver-cases.json",
    "toml-cases.json",
    "semver-compare-cases.json",
    "render-language-cases.json",
    "render-functions-cases.json",
    "render-helm-cases.json",
    "go-template-cases.json",
];

/// How many differences are shown of one file, unless `MAIBOT_CONFORMANCE_SHOW` says otherwise.
const SHOWN: usize = 8;

fn folder() -> PathBuf {
    std::env::var_os("MAIBOT_CONFORMANCE_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance"), PathBuf::from)
}

/// How a value is compared and shown: floats with a point or an exponent, integers without.
pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::Float(float) => format!("{float:?}"),
        Value::Sequence(list) => format!("[{}]", list.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::Mapping(map) => {
            let entries = map.iter().map(|(key, value)| format!("{key:?}: {}", show(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        other => json::to_raw_json(other).unwrap(),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// What a case expects of this Helm.
fn expected(case: &Value, helm: Helm) -> Result<String, String> {
    let side = case.get("helm3").filter(|_| helm == Helm::Three).unwrap_or(case);
    match side.get("ok") {
        Some(value) => Ok(show(value)),
        // Our errors are text: bytes that are none become U+FFFD, one each.
        None => Err(match side.at(&["error", "$bytes"]).and_then(Value::as_str) {
            Some(bytes) => json::lossy(&STANDARD.decode(bytes).unwrap()),
            None => text(side, "error").to_owned(),
        }),
    }
}

fn check(case: &Value, answer: Answer) -> Option<String> {
    [Helm::Four, Helm::Three].into_iter().find_map(|helm| {
        let (wanted, given) = (expected(case, helm), answer(case, helm).map(|value| show(&value)));
        (wanted != given)
            .then(|| format!("{} for {helm:?}\n    wanted {wanted:?}\n    given  {given:?}", text(case, "id")))
    })
}

/// What became of one file.
enum Outcome {
    Passed,
    Failed(String),
    /// Nothing answers the file's command yet.
    NotRun(String),
}

fn run(path: &Path) -> Outcome {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let file = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = json::read(&file, Numbers::Exact).unwrap_or_else(|error| panic!("{name}: {error}"));
    let older = OLDER_FILES.iter().find(|(file, _)| *file == name);
    let command = text(&file, "command");
    let known = COMMANDS.iter().find(|(known, _)| *known == command);
    let cases = file.get("cases").unwrap_or(&file).as_sequence().unwrap();
    let check: &dyn Fn(&Value) -> Option<String> = match (older, known) {
        (Some((_, compare)), _) => &|case| compare(case, &file),
        (None, Some((_, answer))) => &|case| check(case, *answer),
        (None, None) => {
            println!("conformance {name}: 0 passed, 0 failed, {} skipped", cases.len());
            let what = if command.is_empty() { "no command".to_owned() } else { format!("command `{command}`") };
            return Outcome::NotRun(format!("{name} ({what}, {} cases)", cases.len()));
        }
    };
    assert!(!cases.is_empty(), "{name} has no cases");
    let group = std::env::var("MAIBOT_CONFORMANCE_GROUP").unwrap_or_default();
    let chosen: Vec<&Value> = cases.iter().filter(|case| text(case, "group").starts_with(&group)).collect();
    let differences: Vec<String> = chosen.iter().filter_map(|case| check(case)).collect();
    let (passed, left_out) = (chosen.len() - differences.len(), cases.len() - chosen.len());
    println!("conformance {name}: {passed} passed, {} failed, {left_out} skipped", differences.len());
    if differences.is_empty() {
        return Outcome::Passed;
    }
    let most = std::env::var("MAIBOT_CONFORMANCE_SHOW").ok().and_then(|most| most.parse().ok()).unwrap_or(SHOWN);
    let shown = differences.iter().take(most).map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n");
    Outcome::Failed(format!("{name}: {} of {} cases differ:\n{shown}", differences.len(), cases.len()))
}

/// Runs a file that has to be there (in a folder that was named it may be missing, which is told).
fn run_tested(name: &str) {
    let path = folder().join(name);
    if !path.exists() && std::env::var_os("MAIBOT_CONFORMANCE_DIR").is_some() {
        println!("conformance {name}: not in {}", folder().display());
        return;
    }
    match run(&path) {
        Outcome::Passed => {}
        Outcome::Failed(differences) => panic!("{differences}"),
        Outcome::NotRun(what) => panic!("nothing answers {what}"),
    }
}

#[test]
fn yaml_is_read_and_written_as_helm_does() {
    run_tested("yaml-cases.json");
}

#[test]
fn from_yaml_answers_as_in_helm() {
    run_tested("from-yaml-cases.json");
}

#[test]
fn to_yaml_writes_as_in_helm() {
    run_tested("to-yaml-cases.json");
}

#[test]
fn set_flags_and_values_files_give_what_helm_gives() {
    run_tested("strvals-cases.json");
}

#[test]
fn values_and_chart_defaults_coalesce_as_in_helm() {
    run_tested("coalesce-cases.json");
}

#[test]
fn values_are_held_against_schemas_of_every_draft_as_in_helm() {
    run_tested("schema-cases.json");
}

#[test]
fn upgrades_take_over_values_as_in_helm() {
    run_tested("upgrade-cases.json");
}

#[test]
fn documents_are_split_and_sorted_as_in_helm() {
    run_tested("sort-cases.json");
}

#[test]
fn the_template_language_is_gos() {
    run_tested("render-language-cases.json");
}

#[test]
fn single_templates_render_as_in_helm() {
    run_tested("go-template-cases.json");
}

#[test]
fn functions_answer_as_sprigs() {
    run_tested("render-functions-cases.json");
}

#[test]
fn charts_render_as_in_helm() {
    run_tested("render-helm-cases.json");
}

#[test]
fn records_are_read_and_written_as_helm_does() {
    run_tested("release-cases.json");
}

#[test]
fn regular_expressions_answer_as_in_helm() {
    run_tested("regex-cases.json");
}

#[test]
fn toml_is_read_and_written_as_in_helm() {
    run_tested("toml-cases.json");
}

#[test]
fn versions_fit_constraints_as_in_helm() {
    run_tested("semver-cases.json");
    run_tested("semver-compare-cases.json");
}

/// Whatever else lies in the folder is run too if its command is known, and named if it is not.
#[test]
fn every_other_file_of_cases_is_run_or_named() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.ends_with("-cases.json") && !TESTED.contains(&name.as_ref())
        })
        .collect();
    files.sort();
    let (mut failed, mut not_run) = (Vec::new(), Vec::new());
    for path in files {
        match run(&path) {
            Outcome::Passed => {}
            Outcome::Failed(differences) => failed.push(differences),
            Outcome::NotRun(what) => not_run.push(what),
        }
    }
    if !not_run.is_empty() {
        println!("conformance: not run, because nothing answers them yet: {}", not_run.join(", "));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
