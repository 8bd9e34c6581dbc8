//! Help, in both languages.

use super::Place;

fn help(arguments: &[&str]) -> String {
    let ran = Place::new().run(arguments);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{arguments:?}");
    ran.stdout
}

#[test]
fn the_first_page_lists_the_commands_in_both_languages() {
    insta::assert_snapshot!("first_page_en", help(&[]));
    insta::assert_snapshot!("first_page_zh", help(&["--lang", "zh"]));
}

#[test]
fn install_shows_every_flag_with_long_help_and_the_usual_ones_with_short_help() {
    insta::assert_snapshot!("install_long_en", help(&["install", "--help"]));
    insta::assert_snapshot!("install_short_zh", help(&["install", "-h", "--lang=zh"]));
    let short = help(&["install", "-h"]);
    assert!(!short.contains("--kube-apiserver") && short.contains("--namespace"));
}

#[test]
fn uninstall_says_what_happens_to_data() {
    insta::assert_snapshot!("uninstall_short_zh", help(&["--lang=zh", "uninstall", "-h"]));
}

#[test]
fn help_is_the_same_however_it_is_asked_for() {
    assert_eq!(help(&["help", "get", "values"]), help(&["get", "values", "--help"]));
    assert_eq!(help(&["help", "ls"]), help(&["list", "--help"]));
    assert_eq!(help(&["help"]), help(&["--help"]));
    assert_eq!(help(&["get"]), help(&["get", "-h"]));
}

#[test]
fn a_chinese_page_has_no_english_words_of_the_parser() {
    for command in
        ["install", "template", "list", "status", "history", "uninstall", "env", "completion", "man", "explain"]
    {
        let page = help(&["--lang=zh", command, "--help"]);
        for word in ["Usage", "Options", "Arguments", "Commands", "default", "possible", "aliases", "[flags]"] {
            assert!(!page.contains(word), "{command}: {word} in\n{page}");
        }
        assert!(page.contains("用法:") && page.contains("全局选项:"), "{page}");
    }
}

#[test]
fn help_for_a_command_that_is_not_there_names_the_nearest() {
    let ran = Place::new().run(&["help", "instal"]);
    assert_eq!(ran.status, 64);
    assert!(ran.stderr.contains("`install`"), "{}", ran.stderr);
}

#[test]
fn the_version_is_ours_or_in_helms_shape() {
    let place = Place::new();
    let version = env!("CARGO_PKG_VERSION");
    assert!(place.run(&["version"]).stdout.starts_with(&format!("maibot {version} (")));
    assert!(place.run(&["version", "--short"]).stdout.starts_with(&format!("v{version}")));
    assert_eq!(place.run(&["--version"]).stdout, format!("maibot {version}\n"));
    let helm = place.run(&["version", "--helm-compat=3"]).stdout;
    assert!(helm.starts_with("version.BuildInfo{Version:\"v3.21.4\", GitCommit:\""), "{helm}");
    assert!(helm.ends_with("\"}\n"), "{helm}");
    assert_eq!(place.run(&["version", "--template", "x"]).status, 64);
}
