//! Where settings come from: flag over environment over configuration file over default.

use super::{Place, Ran};

fn variable(ran: &Ran, name: &str) -> String {
    let line =
        ran.stdout.lines().find(|line| line.starts_with(&format!("{name}="))).unwrap_or_else(|| panic!("{name}"));
    line[name.len() + 2..line.len() - 1].to_owned()
}

#[test]
fn env_prints_helms_variables_sorted_and_ours_after_them() {
    let place = Place::new();
    let home = place.path().display().to_string();
    let ran = place.run(&["env"]);
    let text = ran.stdout.replace(&home, "HOME").replace(env!("CARGO_BIN_EXE_maibot"), "maibot");
    insta::assert_snapshot!("env", text);
    let helm = place.run(&["env", "--helm-compat=3"]).stdout;
    assert!(!helm.contains("MAIBOT_") && !helm.contains("HELM_CONTENT_CACHE"), "{helm}");
    assert_eq!(place.run(&["env", "HELM_NAMESPACE"]).stdout, "default\n");
    assert_eq!(place.run(&["env", "NOTHING"]).stdout, "\n");
}

#[test]
fn every_source_has_its_rank() {
    let place = Place::new();
    place.file(".config/maibot/config.toml", "namespace = \"file\"\nlang = \"zh\"\n");
    assert_eq!(variable(&place.run(&["env"]), "HELM_NAMESPACE"), "file");
    let ran = Ran::of(place.command(&["env"]).env("HELM_NAMESPACE", "variable").output().unwrap());
    assert_eq!(variable(&ran, "HELM_NAMESPACE"), "variable");
    let ran = Ran::of(place.command(&["env", "-n", "flag"]).env("HELM_NAMESPACE", "variable").output().unwrap());
    assert_eq!(variable(&ran, "HELM_NAMESPACE"), "flag");
    assert_eq!(variable(&ran, "MAIBOT_LANG"), "zh", "the file beats the locale");
    let ran = Ran::of(place.command(&["env", "--lang=en"]).env("MAIBOT_LANG", "zh").output().unwrap());
    assert_eq!(variable(&ran, "MAIBOT_LANG"), "en");
}

#[test]
fn the_kubeconfigs_context_gives_the_namespace() {
    let place = Place::new();
    let kubeconfig = place.file(
        "kubeconfig",
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: {cluster: k, namespace: bot}\n\
         clusters:\n- name: k\n  cluster: {server: 'https://127.0.0.1:1'}\n",
    );
    let ran = place.run(&["env", "--kubeconfig", &kubeconfig]);
    assert_eq!(variable(&ran, "HELM_NAMESPACE"), "bot");
    assert_eq!(variable(&ran, "KUBECONFIG"), kubeconfig);
    let ran = Ran::of(place.command(&["env"]).env("KUBECONFIG", &kubeconfig).output().unwrap());
    assert_eq!(variable(&ran, "HELM_NAMESPACE"), "bot");
}

#[test]
fn an_unknown_key_is_a_warning_with_the_nearest_one() {
    let place = Place::new();
    place.file(".config/maibot/config.toml", "\nnamspace = \"x\"\n");
    let ran = place.run(&["env"]);
    assert_eq!(ran.status, 0);
    assert!(ran.stderr.contains("config.toml:2") && ran.stderr.contains("`namespace`"), "{}", ran.stderr);
    assert_eq!(place.run(&["env", "--quiet"]).stderr, "");
}

#[test]
fn a_broken_file_stops_the_run_but_not_the_help() {
    let place = Place::new();
    let path = place.file("broken.toml", "lang = \"zh\"\ncolor = \n");
    let run = |arguments: &[&str]| Ran::of(place.command(arguments).env("MAIBOT_CONFIG", &path).output().unwrap());
    let ran = run(&["env"]);
    assert_eq!(ran.status, 64);
    assert!(ran.stderr.contains("MB1003") && ran.stderr.contains("broken.toml:2:"), "{}", ran.stderr);
    assert_eq!(run(&["explain", "MB1003"]).status, 0);
    assert_eq!(run(&["--help"]).status, 0);
}

#[test]
fn a_token_is_shown_only_when_it_is_asked_for() {
    let place = Place::new();
    let run = |arguments: &[&str]| {
        Ran::of(place.command(arguments).env("HELM_KUBETOKEN", "topsecrettoken").output().unwrap()).stdout
    };
    assert!(!run(&["env"]).contains("topsecrettoken"));
    assert_eq!(run(&["env", "HELM_KUBETOKEN"]), "topsecrettoken\n");
    assert!(run(&["env", "--helm-compat=4"]).contains("HELM_KUBETOKEN=\"topsecrettoken\""));
}

#[test]
fn the_language_follows_flag_variable_and_locale() {
    let place = Place::new();
    let first = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = place.command(arguments);
        command.envs(variables.iter().copied());
        let stdout = Ran::of(command.output().unwrap()).stdout;
        stdout.lines().next().unwrap().to_owned()
    };
    let (english, chinese) = ("MB3002  the API server cannot be reached", "MB3002  无法连接 API server");
    assert_eq!(first(&["explain", "MB3002"], &[]), english);
    assert_eq!(first(&["explain", "mb3002"], &[("LANG", "zh_CN.UTF-8")]), chinese);
    assert_eq!(first(&["explain", "3002"], &[("LANG", "zh_CN.UTF-8"), ("MAIBOT_LANG", "en")]), english);
    assert_eq!(first(&["explain", "3002", "--lang", "zh"], &[("MAIBOT_LANG", "en")]), chinese);
    assert_eq!(first(&["explain", "3002"], &[("LC_ALL", "C"), ("LANG", "zh_CN.UTF-8")]), english);
}
