//! The embedded chart against the official chart 0.12.2: for every recorded input the same objects, but for the
//! differences listed in `docs/reference/differences.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use maibot::application::names;
use maibot::chart::Chart;
use maibot::code::Code;
use maibot::render::{ReleaseInfo, RenderError, Rendered, render_embedded};
use maibot::values::{ChartValues, Compat, Flags, coalesce};
use maibot::yaml::{Numbers, Value};
use serde_json::Value as Json;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/official-chart/0.12.2");
const DIFFERENCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/differences.md");

/// A recorded input and what the official chart made of it.
struct Case {
    name: String,
    release: ReleaseInfo,
    given: Vec<Json>,
    /// Objects, or the kind of the error.
    outcome: Result<Vec<Json>, String>,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = fs::read_dir(CASES)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with('_'))
        .map(|path| read_case(&path))
        .collect();
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(cases.len(), 162, "recorded inputs");
    cases
}

fn read_case(path: &Path) -> Case {
    let json: Json = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let release = &json["release"];
    let outcome = match json["result"].as_str().unwrap() {
        "rendered" => Ok(json["objects"].as_array().unwrap().iter().map(|object| object["object"].clone()).collect()),
        _ => Err(json["error"]["kind"].as_str().unwrap().to_owned()),
    };
    Case {
        name: json["case"].as_str().unwrap().to_owned(),
        release: ReleaseInfo {
            name: release["name"].as_str().unwrap().to_owned(),
            namespace: release["namespace"].as_str().unwrap_or("default").to_owned(),
            revision: 1,
            is_upgrade: release["is_upgrade"].as_bool().unwrap(),
        },
        given: json["given"].as_array().unwrap().clone(),
        outcome,
    }
}

fn render(chart: &Chart, case: &Case) -> Result<Rendered, RenderError> {
    render_embedded(chart, &values(chart, &case.given), &case.release)
}

/// The inputs as the command line would take them, laid over the chart's defaults.
pub(super) fn values(chart: &Chart, given: &[Json]) -> Value {
    let mut flags = Flags::default();
    let mut files = Vec::new();
    for input in given {
        let (kind, input) = input.as_object().unwrap().iter().next().unwrap();
        let text = || input.as_str().unwrap().to_owned();
        match kind.as_str() {
            "file" => files.push(input.to_string()),
            "yaml" => files.push(text()),
            "set" => flags.set.push(text()),
            "set-string" => flags.set_string.push(text()),
            "set-json" => flags.set_json.push(text()),
            other => panic!("{other}"),
        }
    }
    flags.files = (0..files.len()).map(|number| number.to_string()).collect();
    let mut read = |name: &str| Ok(files[name.parse::<usize>().unwrap()].clone().into_bytes());
    let user = flags.collect(Compat::Helm4, Numbers::Exact, false, &mut read).unwrap();
    let defaults = ChartValues {
        name: chart.metadata.name.clone(),
        values: chart.values().unwrap().as_mapping().unwrap().clone(),
        ..ChartValues::default()
    };
    Value::Mapping(coalesce(&defaults, &user.values, Compat::Helm4, &mut Vec::new()).unwrap())
}

// ── The tables ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// The rows of the table behind a marker, without its head. Cells keep their text without backticks.
fn table(marker: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(DIFFERENCES).unwrap();
    let (_, rest) = text.split_once(&format!("<!-- {marker} -->\n")).expect("the marker of the table");
    let rows: Vec<Vec<String>> = rest
        .lines()
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let cells = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned());
            cells.map(|cell| cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap_or(&cell).to_owned())
        })
        .map(Iterator::collect)
        .collect();
    assert!(!rows.is_empty(), "table `{marker}` is empty");
    rows
}

struct Difference {
    object: String,
    path: String,
    official: String,
    ours: String,
}

fn differences() -> Vec<Difference> {
    table("fields")
        .into_iter()
        .map(|row| match <[String; 5]>::try_from(row) {
            Ok([object, path, official, ours, why]) => {
                assert!(!why.is_empty(), "a reason for {object} {path}");
                Difference { object, path, official, ours }
            }
            Err(row) => panic!("not five cells: {row:?}"),
        })
        .collect()
}

impl Difference {
    fn allows(&self, object: &str, path: &str, official: Option<&Json>, ours: Option<&Json>) -> bool {
        let matches = |written: &str, value: Option<&Json>| match written {
            "absent" => value.is_none(),
            "any" => value.is_some_and(|value| !value.is_null()),
            "text" => match (value, official) {
                (Some(Json::String(text)), Some(official @ (Json::Number(_) | Json::Bool(_)))) => {
                    text == &official.to_string()
                }
                _ => false,
            },
            json => value == Some(&serde_json::from_str::<Json>(json).expect("JSON in the table")),
        };
        glob(&self.object, object)
            && glob(&self.path, path)
            && matches(&self.official, official)
            && matches(&self.ours, ours)
    }
}

/// Whether a pattern in which `*` stands for any characters fits a text.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            (0..=text.len()).filter(|end| text.is_char_boundary(*end)).any(|end| glob(rest, &text[end..]))
        }),
    }
}

// ── Objects as paths and leaves ─────────────────────────────────────────────────────────────────────────────────────

type Leaves = BTreeMap<String, Json>;

fn leaves(object: &Json) -> Leaves {
    let mut found = Leaves::new();
    flatten(object, String::new(), &mut found);
    found
}

fn flatten(value: &Json, path: String, found: &mut Leaves) {
    match value {
        // A text that the recording replaced by its checksum. Texts of the chart's own may differ; the user's stand in the
        // Job alone, which is not ours.
        Json::Object(map) if map.contains_key("sha256") => {
            let is_chart = map["source"].as_str().unwrap().starts_with("chart-");
            found.insert(path, if is_chart { Json::from("a text of the chart") } else { value.clone() });
        }
        Json::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let path = match (key.contains(['.', '/']), path.is_empty()) {
                    (true, _) => format!("{path}[{key}]"),
                    (false, true) => key.clone(),
                    (false, false) => format!("{path}.{key}"),
                };
                flatten(value, path, found);
            }
        }
        Json::Array(list) if !list.is_empty() => {
            for (index, item) in list.iter().enumerate() {
                let label = item
                    .get("mountPath")
                    .or_else(|| item.get("name").filter(|_| item.as_object().unwrap().len() > 1))
                    .and_then(Json::as_str)
                    .map_or_else(|| index.to_string(), str::to_owned);
                flatten(item, format!("{path}[{label}]"), found);
            }
        }
        leaf => assert!(found.insert(path.clone(), normal(leaf)).is_none(), "{path} twice"),
    }
}

/// A number that is an integer is one, however it is written.
fn normal(leaf: &Json) -> Json {
    match leaf.as_f64() {
        #[allow(clippy::cast_possible_truncation)]
        Some(number) if leaf.is_f64() && number.fract() == 0.0 => Json::from(number as i64),
        _ => leaf.clone(),
    }
}

fn by_name(objects: impl IntoIterator<Item = Json>) -> BTreeMap<String, Leaves> {
    let mut named = BTreeMap::new();
    for object in objects {
        let name = format!("{}/{}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap());
        assert!(named.insert(name.clone(), leaves(&object)).is_none(), "{name} twice");
    }
    named
}

fn our_objects(rendered: &Rendered) -> BTreeMap<String, Leaves> {
    assert!(rendered.sorted.hooks.is_empty());
    let objects = rendered.sorted.documents.iter().map(|document| {
        let mut object = document.object.to_json();
        if let Some(script) = object.pointer_mut("/data/k8s-init.sh") {
            *script = Json::from("a text of the chart");
        }
        object
    });
    by_name(objects)
}

/// Everything in which two sets of objects differ: object, path (`-` for the whole object), official, ours.
fn compare(
    official: &BTreeMap<String, Leaves>,
    ours: &BTreeMap<String, Leaves>,
) -> Vec<(String, String, Option<Json>, Option<Json>)> {
    let mut found = Vec::new();
    for object in official.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
        match (official.get(object), ours.get(object)) {
            (Some(official), Some(ours)) => {
                for path in official.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
                    let (official, ours) = (official.get(path), ours.get(path));
                    if official != ours {
                        found.push((object.clone(), path.clone(), official.cloned(), ours.cloned()));
                    }
                }
            }
            (official, ours) => {
                let whole = |side: Option<&Leaves>| side.map(|_| Json::Bool(true));
                found.push((object.clone(), "-".to_owned(), whole(official), whole(ours)));
            }
        }
    }
    found
}

// ── The tests ───────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn every_recorded_input_gives_the_official_objects_but_for_the_listed_differences() {
    let chart = Chart::embedded().unwrap();
    let differences = differences();
    let mut used = vec![0usize; differences.len()];
    let inputs: BTreeMap<String, (String, String)> = table("inputs")
        .into_iter()
        .map(|row| match <[String; 4]>::try_from(row) {
            Ok([input, official, ours, why]) if !why.is_empty() => (input, (official, ours)),
            other => panic!("not three cells and a reason: {other:?}"),
        })
        .collect();
    let mut unlisted = Vec::new();
    let mut unseen: BTreeSet<&String> = inputs.keys().collect();
    let mut compared = 0;
    for case in cases() {
        let name = &case.name;
        let official = case.outcome.as_ref().map_or_else(String::as_str, |_| "rendered");
        let rendered = render(&chart, &case);
        let ours = match &rendered {
            Ok(_) => "rendered",
            Err(RenderError::Refused { .. } | RenderError::Sections { .. } | RenderError::Template { .. }) => "refused",
            Err(error) => panic!("{name}: {error}"),
        };
        match (inputs.get(name), official) {
            (Some((listed_official, listed_ours)), _) => {
                unseen.remove(name);
                if (official, ours) != (listed_official.as_str(), listed_ours.as_str()) {
                    unlisted.push(format!(
                        "{name}: {official} by the official chart, {ours} by ours: {:?}",
                        rendered.err()
                    ));
                }
                continue;
            }
            (None, "fail") => {
                let code = rendered.as_ref().map_err(RenderError::code).err();
                if code != Some(Code::Consent) {
                    unlisted.push(format!("{name}: without consent, {ours}, {code:?}"));
                }
                continue;
            }
            (None, "release-name") => {
                if names::check_helm(&case.release.name).is_ok() {
                    unlisted.push(format!("{name}: release name `{}` is not refused", case.release.name));
                }
                continue;
            }
            (None, _) if official != ours => {
                unlisted
                    .push(format!("{name}: {official} by the official chart, {ours} by ours: {:?}", rendered.err()));
                continue;
            }
            _ => {}
        }
        let (Ok(official), Ok(rendered)) = (case.outcome, rendered) else { continue };
        compared += 1;
        for (object, path, official, ours) in compare(&by_name(official), &our_objects(&rendered)) {
            let listed =
                differences.iter().position(|row| row.allows(&object, &path, official.as_ref(), ours.as_ref()));
            match listed {
                Some(row) => used[row] += 1,
                None => unlisted.push(format!("{name}: {object} {path}: {official:?} → {ours:?}")),
            }
        }
    }
    for (row, count) in differences.iter().zip(&used) {
        if *count == 0 {
            unlisted
                .push(format!("listed, but never so: {} {}: {} → {}", row.object, row.path, row.official, row.ours));
        }
    }
    unlisted.extend(unseen.iter().map(|name| format!("listed, but not recorded: {name}")));
    println!(
        "conformance official-chart/0.12.2: {compared} compared object for object, {} inputs listed",
        inputs.len()
    );
    assert!(unlisted.is_empty(), "{} differences are not listed:\n{}", unlisted.len(), unlisted.join("\n"));
}

#[test]
fn a_release_of_the_official_chart_keeps_every_field_that_kubernetes_does_not_let_change() {
    let immutable = |object: &str, path: &str| match object.split_once('/').unwrap().0 {
        "StatefulSet" => ["spec.selector", "spec.serviceName", "spec.volumeClaimTemplates", "spec.podManagementPolicy"]
            .iter()
            .any(|field| path.starts_with(field)),
        "Deployment" => path.starts_with("spec.selector"),
        "PersistentVolumeClaim" => path.starts_with("spec."),
        _ => false,
    };
    let chart = Chart::embedded().unwrap();
    let mut checked = 0;
    for case in cases() {
        let (Ok(rendered), Ok(official)) = (render(&chart, &case), &case.outcome) else { continue };
        let official = by_name(official.iter().cloned());
        let ours = our_objects(&rendered);
        for (object, leaves) in &official {
            checked += leaves.keys().filter(|path| immutable(object, path)).count();
        }
        for (object, path, official, ours) in compare(&official, &ours) {
            // The API server refuses a storage class that is no text, so no such release is there.
            let impossible =
                path == "spec.storageClassName" && official.as_ref().is_some_and(|class| !class.is_string());
            let same = official == Some(Json::Null) && ours.is_none();
            assert!(
                impossible
                    || same
                    || !(immutable(&object, &path) || (path == "-" && object.starts_with("PersistentVolumeClaim"))),
                "{}: {object} {path}: {official:?} → {ours:?}",
                case.name
            );
        }
    }
    assert!(checked > 2000, "only {checked} fields");
}

#[test]
fn what_the_official_chart_renders_into_broken_yaml_is_rendered_right() {
    let chart = Chart::embedded().unwrap();
    let render = |name: &str| {
        let case = cases().into_iter().find(|case| case.name == name).unwrap();
        our_objects(&render(&chart, &case).unwrap())
    };
    let wildcard = render("ingress-host-wildcard-breaks");
    assert_eq!(wildcard["Ingress/maibot-maibot-webui"]["spec.rules[0].host"], Json::from("*.example.org"));
    let no_class = render("pvc-class-dash");
    assert_eq!(no_class["PersistentVolumeClaim/maibot-maibot-adapter"]["spec.storageClassName"], Json::from(""));
}
