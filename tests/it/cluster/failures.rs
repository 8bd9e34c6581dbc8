//! What goes wrong on a real cluster, and how soon and how exactly it is told.

use super::live::{CONSENT, eventually, live};

#[test]
fn a_crashing_core_is_named_with_its_log_before_time_is_over() {
    let Some(live) = live("a_crashing_core") else { return };
    let ended =
        live.install(&["--set", "core.image.repository=test.local/maibot-crash", "--set", "core.image.tag=0.12.2"]);
    assert_eq!(ended.status, Some(81), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("MB5003"), "{}", ended.stderr);
    assert!(ended.stderr.contains("mai-maibot-core-0"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("mai-maibot-napcat-0: "), "the healthy ones are not blamed: {}", ended.stderr);
    assert!(live.run(["status", "mai"]).ok().contains("STATUS: failed"));
    // The way on is open: uninstalling works, and so does a corrected installation in its place.
    let refused = live.install(&[]);
    assert_eq!(refused.status, Some(78), "{}", refused.stderr);
    live.install(&["--replace"]).ok();
    assert!(live.health("mai").contains("healthy"));
}

#[test]
fn an_image_that_is_not_there_is_named() {
    let Some(live) = live("a_missing_image") else { return };
    let ended = live.install(&["--set", "napcat.image.tag=v0.0.0-none"]);
    assert_eq!(ended.status, Some(81), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("MB5002") && ended.stderr.contains("v0.0.0-none"), "{}", ended.stderr);
}

#[test]
fn a_second_run_is_refused_while_the_first_one_lives() {
    let Some(live) = live("a_second_run") else { return };
    let mut first = live
        .maibot(["install", "mai", "--set", CONSENT, "--timeout", "180s"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    eventually("the lock is held", || !live.names("lease").is_empty());
    let second = live.install(&[]);
    assert_eq!(second.status, Some(73), "{}\n{}", second.stdout, second.stderr);
    assert!(second.stderr.contains("MB4004"), "{}", second.stderr);
    assert!(first.wait().unwrap().success(), "the first run is not disturbed");
    assert!(live.health("mai").contains("healthy"));
}

#[test]
fn what_belongs_to_somebody_else_is_not_touched() {
    let Some(live) = live("foreign_objects") else { return };
    live.kubectl(["create", "configmap", "mai-maibot-scripts", "--from-literal=a=b"]);
    let ended = live.install(&[]);
    assert_eq!(ended.status, Some(78), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("MB4003") && ended.stderr.contains("ConfigMap/mai-maibot-scripts"),
        "{}",
        ended.stderr
    );
    assert_eq!(live.names("pvc"), Vec::<String>::new(), "nothing was touched");
    assert_eq!(live.kubectl(["get", "configmap", "mai-maibot-scripts", "-o", "jsonpath={.data.a}"]), "b");
    live.install(&["--take-ownership"]).ok();
}

#[test]
fn an_interrupted_run_says_what_state_things_are_in_and_is_continued() {
    let Some(live) = live("interrupted") else { return };
    let child = live
        .maibot(["install", "mai", "--set", CONSENT, "--timeout", "180s"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    eventually("claims are there", || live.names("pvc").len() == 5);
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("MB1010") && stderr.contains("mai"), "{stderr}");
    assert!(live.run(["status", "mai"]).ok().contains("STATUS: pending-install"));
    live.install(&[]).ok();
    assert!(live.health("mai").contains("healthy"));
}

#[test]
fn a_namespace_that_is_missing_is_named_and_made_when_asked_for() {
    let Some(live) = live("namespaces") else { return };
    let other = format!("{}-new", live.namespace);
    let ended = live.run(["install", "mai", "--set", CONSENT, "--namespace", &other]);
    // The last -n wins; the harness adds its own namespace, so this run is about that one.
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let mut command = live.command(std::path::Path::new(env!("CARGO_BIN_EXE_maibot")));
    let output = command.args(["install", "mai", "--set", CONSENT, "-n", &other]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(66), "{stderr}");
    assert!(stderr.contains("MB3016") && stderr.contains("--create-namespace"), "{stderr}");
    let mut command = live.command(std::path::Path::new(env!("CARGO_BIN_EXE_maibot")));
    let output =
        command.args(["install", "mai", "--set", CONSENT, "-n", &other, "--create-namespace"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    live.kubectl(["delete", "namespace", &other, "--wait=false"]);
}
