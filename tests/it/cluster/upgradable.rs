//! What the official chart has installed takes our objects without a StatefulSet or a claim being made anew.

use serde_json::{Value as Json, json};

use super::live::{CONSENT, live};

/// The recorded objects of a case, with texts put in where the record holds only hashes.
fn recorded(case: &str) -> Vec<Json> {
    let path = format!("{}/tests/conformance/official-chart/0.12.2/{case}.json", env!("CARGO_MANIFEST_DIR"));
    let case: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let objects = case["result"]["objects"].as_array().or_else(|| case["objects"].as_array()).expect("objects").clone();
    objects
        .into_iter()
        .filter(|entry| entry["hook"].is_null())
        .map(|entry| {
            let mut object = entry["object"].clone();
            put_texts(&mut object);
            object
        })
        .collect()
}

fn put_texts(value: &mut Json) {
    match value {
        Json::Object(map) if map.contains_key("sha256") && map.contains_key("bytes") => *value = json!("text"),
        Json::Object(map) => map.values_mut().for_each(put_texts),
        Json::Array(list) => list.iter_mut().for_each(put_texts),
        _ => {}
    }
}

fn uids(live: &super::live::Live) -> Vec<(String, String)> {
    let mut uids: Vec<(String, String)> = ["statefulset", "deployment", "pvc", "service"]
        .iter()
        .flat_map(|kind| live.objects(kind))
        .map(|object| {
            let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
            (format!("{}/{}", text("/kind"), text("/metadata/name")), text("/metadata/uid"))
        })
        .collect();
    uids.sort();
    uids
}

fn ours_goes_over_the_official_ones(test: &str, case: &str, further: &[&str]) {
    let Some(live) = live(test) else { return };
    let objects = recorded(case);
    let release = objects
        .iter()
        .find_map(|object| object["metadata"]["name"].as_str()?.strip_suffix("-maibot-core").map(str::to_owned))
        .expect("a core");
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects.iter().map(|object| {
        let mut object = object.clone();
        object["metadata"]["namespace"] = json!(live.namespace);
        object
    }).collect::<Vec<_>>() });
    live.kubectl_with(&list.to_string(), &["apply", "--server-side", "--field-manager=helm"]);
    let before = uids(&live);

    let mut arguments = vec!["template", release.as_str(), "--set", CONSENT];
    arguments.extend(further);
    let ours = live.run(arguments).ok();
    live.kubectl_with(&ours, &["apply", "--server-side", "--field-manager=helm"]);
    let after = uids(&live);
    for object in &before {
        assert!(after.contains(object), "{object:?} is not there as it was: {after:?}");
    }
}

#[test]
fn the_defaults_of_the_official_chart_become_ours() {
    ours_goes_over_the_official_ones("the_defaults_become_ours", "defaults", &[]);
}

#[test]
fn everything_switched_on_in_the_official_chart_becomes_ours() {
    let on = "statistics_dashboard.enabled=true,sqlite_web.enabled=true,napcat.enabled=true,core.webui.enabled=true";
    ours_goes_over_the_official_ones("all_on_becomes_ours", "all-on", &["--set", on]);
}
