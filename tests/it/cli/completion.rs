//! Completion scripts, and what they are answered.

use super::{Place, Ran};

#[test]
fn every_shell_has_a_script_that_asks_and_one_that_does_not() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let asking = place.run(&["completion", shell]);
        assert_eq!((asking.status, asking.stderr.as_str()), (0, ""), "{shell}");
        assert!(asking.stdout.contains("MAIBOT_COMPLETE"), "{shell}: {}", asking.stdout);
        let fixed = place.run(&["completion", shell, "--static"]);
        assert_eq!(fixed.status, 0);
        assert!(fixed.stdout.contains("create-namespace") && !fixed.stdout.contains("MAIBOT_COMPLETE"), "{shell}");
        let plain = place.run(&["completion", shell, "--no-descriptions"]);
        assert!(plain.stdout.contains("MAIBOT_COMPLETE_PLAIN"), "{shell}");
    }
    assert_eq!(place.run(&["completion", "csh"]).status, 64);
}

/// What bash is offered for the last word of a line.
fn offered(place: &Place, line: &[&str]) -> Vec<String> {
    let index = (line.len() - 1).to_string();
    let words = [&["--"], line].concat();
    let ran = Ran::of(
        place
            .command(&words)
            .env("MAIBOT_COMPLETE", "bash")
            .env("_CLAP_IFS", "\n")
            .env("_CLAP_COMPLETE_INDEX", index)
            .output()
            .unwrap(),
    );
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{line:?}");
    ran.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn commands_and_flags_are_offered() {
    let place = Place::new();
    assert_eq!(offered(&place, &["maibot", "inst"]), ["install"]);
    assert_eq!(offered(&place, &["maibot", "install", "--create"]), ["--create-namespace"]);
    assert!(offered(&place, &["maibot", "explain", "MB300"]).contains(&"MB3002".to_owned()));
    assert_eq!(offered(&place, &["maibot", "completion", "p"]), ["powershell"]);
}

#[test]
fn contexts_come_from_the_kubeconfig_of_the_line() {
    let place = Place::new();
    let kubeconfig = place.file(
        "kubeconfig",
        "apiVersion: v1\nkind: Config\ncontexts:\n- {name: home, context: {cluster: k}}\n- {name: house, context: {cluster: k}}\n\
         - {name: work, context: {cluster: k}}\nclusters: []\n",
    );
    let line = ["maibot", "--kubeconfig", &kubeconfig, "list", "--kube-context", "ho"];
    assert_eq!(offered(&place, &line), ["home", "house"]);
}

#[test]
fn a_cluster_that_does_not_answer_is_not_waited_for_and_nothing_is_said() {
    // Accepts connections and never answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let place = Place::new();
    let started = std::time::Instant::now();
    let line = ["maibot", "--kube-apiserver", &server, "status", "mai"];
    assert_eq!(offered(&place, &line), Vec::<String>::new());
    // A second is the rule; the rest is for a busy machine. Without it the wait would be a minute.
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    assert_eq!(offered(&place, &["maibot", "status", "mai"]), Vec::<String>::new(), "no kubeconfig at all");
}
