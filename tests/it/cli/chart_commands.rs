//! `lint`, `show`, `package` and flags of `template` held against what both Helms answered: `tests/conformance/commands/cases.json`.
//!
//! A case is a command, the path it is given, arguments, files, and the answer of Helm 4 (and of Helm 3 where it differs):
//! stdout, stderr, exit status, and the archives that were written, entry by entry. `$DIR` stands for the folder.
//! The program answers under `--helm-compat` byte by byte; without it with the same stdout, and well or badly as Helm 4.
//!
//! With `MAIBOT_TEST_HELM3` and `MAIBOT_TEST_HELM4` the record itself is held against the real Helms, and so are the
//! charts under `tests/conformance/charts`; with `MAIBOT_TEST_RECORD` set, the answers are written anew.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

use super::{Place, scrub};

/// The time of every file.
const MODIFIED: u64 = 1_600_000_000;
/// How many differences are shown.
const SHOWN: usize = 10;

fn record() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/commands/cases.json")
}

fn cases() -> Vec<Value> {
    let text = std::fs::read_to_string(record()).unwrap();
    match serde_json::from_str::<Value>(&text).unwrap() {
        Value::Array(cases) => cases,
        other => panic!("no list of cases: {other}"),
    }
}

fn words(case: &Value) -> Vec<String> {
    let text = |key: &str| case[key].as_str().unwrap().to_owned();
    let mut words: Vec<String> = text("command").split(' ').map(str::to_owned).collect();
    words.push(text("path"));
    words.extend(case["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()));
    words
}

/// The files of a case in a folder of their own.
fn files(case: &Value) -> Place {
    let place = Place::new();
    for (name, text) in case["files"].as_object().unwrap() {
        let path = place.file(name, text.as_str().unwrap());
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(MODIFIED);
        std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }
    place
}

/// What a run came to.
fn answer(place: &Place, output: &std::process::Output) -> Map<String, Value> {
    let folder = place.path().canonicalize().unwrap().display().to_string();
    let text = |bytes: &[u8]| json!(String::from_utf8_lossy(bytes).replace(&folder, "$DIR"));
    let mut answer = Map::new();
    answer.insert("exit".to_owned(), json!(output.status.code()));
    answer.insert("stdout".to_owned(), text(&output.stdout));
    answer.insert("stderr".to_owned(), text(&output.stderr));
    let archives = archives(place.path());
    if !archives.is_empty() {
        answer.insert("archives".to_owned(), json!(archives));
    }
    answer
}

/// Every archive below a folder: its entries with headers and content.
fn archives(folder: &Path) -> BTreeMap<String, Vec<Value>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "tgz")
                && std::fs::read(&path).unwrap().starts_with(b"\x1f\x8b")
            {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, entries(&path));
            }
        }
    }
    found
}

fn entries(archive: &Path) -> Vec<Value> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(std::fs::File::open(archive).unwrap()));
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let header = entry.header();
        json!({
            "name": String::from_utf8_lossy(&entry.path_bytes()),
            "mode": format!("{:o}", header.mode().unwrap()),
            "owner": [header.uid().unwrap(), header.gid().unwrap()],
            "time": header.mtime().unwrap(),
            "type": header.entry_type().as_byte(),
            "content": String::from_utf8_lossy(&content),
        })
    };
    archive.entries().unwrap().map(read).collect()
}

fn ask(program: &Path, place: &Place, words: &[String]) -> Map<String, Value> {
    let mut command = Command::new(program);
    scrub(|name| {
        command.env_remove(name);
    });
    let home = tempfile::tempdir().unwrap();
    command.env("HOME", home.path()).env("KUBECONFIG", home.path().join("none")).env("TZ", "UTC");
    answer(place, &command.current_dir(place.path()).args(words).output().unwrap())
}

fn own(place: &Place, words: &[String], manner: &[&str]) -> Map<String, Value> {
    let words: Vec<&str> = words.iter().map(String::as_str).chain(manner.iter().copied()).collect();
    let home = tempfile::tempdir().unwrap();
    let mut command = place.command(&words);
    answer(place, &command.env("HOME", home.path()).env("TZ", "UTC").output().unwrap())
}

/// Helm 3 gives entries the time at which it packs.
fn without_times(mut answer: Map<String, Value>) -> Map<String, Value> {
    let archives = answer.get_mut("archives").and_then(Value::as_object_mut);
    for entry in archives.into_iter().flat_map(Map::values_mut).filter_map(Value::as_array_mut).flatten() {
        entry["time"] = json!(0);
    }
    answer
}

fn difference(id: &str, manner: &str, wanted: &Map<String, Value>, given: &Map<String, Value>) -> Option<String> {
    let keys: std::collections::BTreeSet<&String> = wanted.keys().chain(given.keys()).collect();
    let parts: Vec<String> = keys
        .into_iter()
        .filter(|key| wanted.get(*key) != given.get(*key))
        .map(|key| {
            let text = |value: Option<&Value>| value.map(Value::to_string).unwrap_or_default();
            format!("    {key}: wanted {}\n    {key}: given  {}", text(wanted.get(key)), text(given.get(key)))
        })
        .collect();
    (!parts.is_empty()).then(|| format!("{id} {manner}\n{}", parts.join("\n")))
}

fn report(failed: &[String]) {
    let shown = failed.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n");
    assert!(failed.is_empty(), "{} differences:\n{shown}", failed.len());
}

fn wanted<'c>(case: &'c Value, helm: &str) -> &'c Map<String, Value> {
    case.get(helm).unwrap_or(&case["helm4"]).as_object().unwrap()
}

#[test]
fn lint_show_package_and_template_answer_as_both_helms_did() {
    let cases = cases();
    assert!(cases.len() > 380);
    let mut failed = Vec::new();
    for case in &cases {
        let (id, words) = (case["id"].as_str().unwrap(), words(case));
        for (helm, manner) in [("helm4", "--helm-compat=4"), ("helm3", "--helm-compat=3")] {
            let given = own(&files(case), &words, &[manner]);
            let given = if helm == "helm3" { without_times(given) } else { given };
            failed.extend(difference(id, manner, wanted(case, helm), &given));
        }
        // Errors have words of our own, and a broken chart a status of its own.
        let given = own(&files(case), &words, &[]);
        let helm = wanted(case, "helm4");
        let went_well = |answer: &Map<String, Value>| answer["exit"] == json!(0);
        if given["stdout"] != helm["stdout"] || went_well(&given) != went_well(helm) {
            failed.push(format!("{id} without --helm-compat\n    wanted {helm:?}\n    given  {given:?}"));
        }
    }
    report(&failed);
}

/// Both Helms, if they are there.
fn helms(test: &str) -> Option<[(&'static str, &'static str, PathBuf); 2]> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let (Some(four), Some(three)) = (variable("MAIBOT_TEST_HELM4"), variable("MAIBOT_TEST_HELM3")) {
        Some([("helm4", "--helm-compat=4", four), ("helm3", "--helm-compat=3", three)])
    } else {
        crate::skipped(test, "no Helm");
        None
    }
}

#[test]
fn the_record_of_commands_is_what_helm_says() {
    let Some(helms) = helms("cli::chart_commands::the_record_of_commands_is_what_helm_says") else { return };
    let mut cases = cases();
    let mut failed = Vec::new();
    for case in &mut cases {
        let words = words(case);
        let [four, three] = helms.each_ref().map(|(name, _, program)| {
            let given = ask(program, &files(case), &words);
            if *name == "helm3" { without_times(given) } else { given }
        });
        let id = case["id"].as_str().unwrap().to_owned();
        if std::env::var_os("MAIBOT_TEST_RECORD").is_some() {
            let case = case.as_object_mut().unwrap();
            case.remove("helm3");
            if three != four {
                case.insert("helm3".to_owned(), Value::Object(three));
            }
            case.insert("helm4".to_owned(), Value::Object(four));
            continue;
        }
        failed.extend(difference(&id, "Helm 4", wanted(case, "helm4"), &four));
        failed.extend(difference(&id, "Helm 3", wanted(case, "helm3"), &three));
    }
    if std::env::var_os("MAIBOT_TEST_RECORD").is_some() {
        let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
        std::fs::write(record(), format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    }
    report(&failed);
}

/// Every folder with a chart below a folder, charts inside charts too.
fn charts(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    if entries.iter().any(|path| path.ends_with("Chart.yaml")) {
        found.push(folder.to_owned());
    }
    for path in entries {
        if path.is_dir() && !path.is_symlink() {
            charts(&path, found);
        }
    }
}

#[test]
fn recorded_charts_are_linted_shown_and_packaged_as_helm_does() {
    let Some(helms) = helms("cli::chart_commands::recorded_charts_are_linted_shown_and_packaged_as_helm_does") else {
        return;
    };
    let mut found = Vec::new();
    charts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/charts"), &mut found);
    assert!(found.len() > 30);
    let mut failed = Vec::new();
    for chart in &found {
        let chart = chart.canonicalize().unwrap().display().to_string();
        for command in ["lint", "show all", "package -d ."] {
            let words: Vec<String> = command.split(' ').map(str::to_owned).chain([chart.clone()]).collect();
            for (helm, manner, program) in &helms {
                let sorted = |answer| {
                    let mut answer = if *helm == "helm3" { without_times(answer) } else { answer };
                    // Helm's subcharts come in any order.
                    let archives = answer.get_mut("archives").and_then(Value::as_object_mut);
                    for entries in archives.into_iter().flat_map(Map::values_mut).filter_map(Value::as_array_mut) {
                        entries.sort_by_key(|entry| entry["name"].to_string());
                    }
                    if helm == &"helm4" && command == "show all" {
                        answer.remove("stderr");
                    }
                    answer
                };
                let wanted = sorted(ask(program, &Place::new(), &words));
                let given = sorted(own(&Place::new(), &words, &[manner]));
                failed.extend(difference(&format!("{command} {chart}"), manner, &wanted, &given));
            }
        }
    }
    report(&failed);
}
