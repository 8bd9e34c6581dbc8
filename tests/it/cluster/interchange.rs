//! Releases change hands: what we install real Helm reads and removes, and the other way round.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::live::{CONSENT, Live, live};

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A Helm chart of the official chart's shape.
fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charts/maibot-shape")
}

fn helm_reads_and_removes_ours(live: &Live, helm: &Path) {
    live.install(&[]).ok();

    let list = json(&live.helm(helm, ["list", "-o", "json"]));
    assert_eq!(list[0]["name"], "mai");
    assert_eq!(list[0]["status"], "deployed");
    assert_eq!(list[0]["revision"], "1");
    assert_eq!(list[0]["chart"], "maibot-0.12.2+embedded.1");
    assert_eq!(list[0]["app_version"], "0.12.2");
    let history = json(&live.helm(helm, ["history", "mai", "-o", "json"]));
    assert_eq!(history[0]["description"], "Install complete");
    let status = json(&live.helm(helm, ["status", "mai", "-o", "json"]));
    assert_eq!(status["info"]["status"], "deployed");
    assert_eq!(json(&live.helm(helm, ["get", "values", "mai", "-o", "json"]))["EULA_AGREE"], true);
    let all = live.helm(helm, ["get", "all", "mai"]);
    assert!(all.contains("# Source: maibot/templates/core/statefulset.yaml"), "{all}");

    // Byte for byte what Helm prints of it.
    for words in [["get", "manifest"], ["get", "notes"], ["get", "values"]] {
        let ours = live.run(words.iter().chain(&["mai"])).ok();
        assert_eq!(ours, live.helm(helm, words.iter().chain(&["mai"])), "{words:?}");
    }

    live.helm(helm, ["uninstall", "mai"]);
    assert_eq!(live.names("secret").iter().filter(|name| name.starts_with("sh.helm")).count(), 0);
    assert_eq!(live.names("statefulset"), Vec::<String>::new());
    assert_eq!(live.names("pvc").len(), 5, "the stored manifest tells Helm to keep the claims");
}

#[test]
fn helm_4_lists_tells_about_and_uninstalls_a_release_of_ours() {
    let Some(live) = live("helm_4_takes_over_ours") else { return };
    helm_reads_and_removes_ours(&live, &live.helm4);
}

#[test]
fn helm_3_lists_tells_about_and_uninstalls_a_release_of_ours() {
    let Some(live) = live("helm_3_takes_over_ours") else { return };
    helm_reads_and_removes_ours(&live, &live.helm3);
}

fn we_read_and_remove_helms(live: &Live, helm: &Path, compat: &str) {
    let chart = chart();
    let chart = chart.to_str().unwrap();
    live.helm(helm, ["install", "mai", chart, "--set", CONSENT]);

    let same = |ours: &[&str], helms: &[&str]| {
        let ours = live.run(ours.iter().chain(&["--helm-compat", compat])).ok();
        assert_eq!(ours, live.helm(helm, helms), "{helms:?}");
    };
    for words in [
        vec!["list"],
        vec!["list", "-o", "json"],
        vec!["list", "-o", "yaml"],
        vec!["list", "-q"],
        vec!["history", "mai"],
        vec!["history", "mai", "-o", "json"],
        vec!["history", "mai", "-o", "yaml"],
        vec!["get", "manifest", "mai"],
        vec!["get", "values", "mai"],
        vec!["get", "values", "mai", "-o", "json"],
        vec!["get", "values", "mai", "--all"],
        vec!["get", "notes", "mai"],
    ] {
        same(&words, &words);
    }
    // The resources of `status` come in random order from Helm, with ages.
    let head = |text: &str| text.split("RESOURCES:").next().unwrap_or_default().to_owned();
    let ours = live.run(["status", "mai", "--helm-compat", compat]).ok();
    assert_eq!(head(&ours), head(&live.helm(helm, ["status", "mai"])));

    // The official shape's claims carry no policy: we keep them all the same, and say so.
    let ended = live.run(["uninstall", "mai"]);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert_eq!(live.names("pvc").len(), 5);
    assert!(ended.stdout.contains("release \"mai\" uninstalled"), "{}", ended.stdout);
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(told.contains("mai-maibot-core-config"), "kept claims are named: {told}");
    assert_eq!(live.helm(helm, ["list", "-q"]), "");
}

#[test]
fn we_list_tell_about_and_uninstall_a_release_of_helm_4() {
    let Some(live) = live("we_take_over_helm_4") else { return };
    we_read_and_remove_helms(&live, &live.helm4, "4");
}

#[test]
fn we_list_tell_about_and_uninstall_a_release_of_helm_3() {
    let Some(live) = live("we_take_over_helm_3") else { return };
    we_read_and_remove_helms(&live, &live.helm3, "3");
}
