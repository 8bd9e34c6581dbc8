//! Dry runs: everything is looked at, nothing is left.

use super::live::{CONSENT, Live, live};

/// Everything a namespace may hold of ours.
fn traces(live: &Live) -> Vec<String> {
    ["secret", "lease", "pvc", "statefulset", "service", "pod"].iter().flat_map(|kind| live.names(kind)).collect()
}

#[test]
fn a_dry_run_on_the_server_checks_everything_and_leaves_nothing() {
    let Some(live) = live("dry_run_server") else { return };
    let shown = live.install(&["--dry-run=server"]).ok();
    assert!(shown.contains("STATUS: pending-install") && shown.contains("DESCRIPTION: Dry run complete"), "{shown}");
    assert!(shown.contains("HOOKS:\nMANIFEST:\n---\n# Source: maibot/templates/core/configmap.yaml\n"), "{shown}");
    assert_eq!(traces(&live), Vec::<String>::new());

    // What the API server would refuse is refused now.
    let wrong =
        live.install(&["--dry-run=server", "--skip-schema-validation", "--set", "core.resources.limits.cpu=abc"]);
    assert_eq!(wrong.status, Some(65), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("MB3007"), "{}", wrong.stderr);
    assert_eq!(traces(&live), Vec::<String>::new());
}

#[test]
fn a_dry_run_on_the_client_asks_no_cluster_and_shows_what_template_shows() {
    let Some(live) = live("dry_run_client") else { return };
    let unreachable = |arguments: &[&str]| {
        let mut command = live.maibot(arguments);
        command.args(["--kube-apiserver", "https://127.0.0.1:1"]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = unreachable(&["install", "mai", "--set", CONSENT, "--dry-run=client"]);
    let template = unreachable(&["template", "mai", "--set", CONSENT]);
    let manifest = shown.split("MANIFEST:\n").nth(1).unwrap().split("\nNOTES:\n").next().unwrap();
    assert_eq!(manifest.trim(), template.trim());
    assert_eq!(traces(&live), Vec::<String>::new());
}

#[test]
fn a_taken_name_is_found_by_a_dry_run_on_the_server() {
    let Some(live) = live("dry_run_taken") else { return };
    live.install(&["--wait=hookOnly"]).ok();
    let ended = live.install(&["--dry-run=server"]);
    assert_eq!(ended.status, Some(78), "{}", ended.stderr);
    assert!(ended.stderr.contains("MB4002"), "{}", ended.stderr);
}
