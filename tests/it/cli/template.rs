//! `template`: rendering without a cluster, and how its result can be cut.

use super::Place;

const AGREE: [&str; 2] = ["--set", "EULA_AGREE=true,PRIVACY_AGREE=true"];

fn manifests(place: &Place, arguments: &[&str]) -> String {
    let ran = place.run(&[&["template", "maimai", "-n", "bot"], &AGREE[..], arguments].concat());
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{arguments:?}");
    ran.stdout
}

#[test]
fn manifests_go_to_stdout_and_nothing_to_stderr() {
    let text = manifests(&Place::new(), &[]);
    assert!(text.starts_with("---\n# Source: maibot/templates/"), "{text}");
    assert!(text.contains("kind: StatefulSet"));
}

#[test]
fn a_pattern_shows_only_its_templates() {
    let place = Place::new();
    let text = manifests(&place, &["-s", "templates/core/*.yaml"]);
    assert!(text.lines().filter(|line| line.starts_with("# Source: ")).all(|line| line.contains("/core/")), "{text}");
    let ran = place.run(&[&["template", "a"], &AGREE[..], &["-s", "templates/nothing.yaml"]].concat());
    assert_eq!((ran.status, ran.stdout.as_str()), (64, ""));
    assert!(ran.stderr.contains("templates/nothing.yaml"), "{}", ran.stderr);
}

#[test]
fn files_are_written_below_a_folder_and_hold_the_same_documents() {
    let place = Place::new();
    let printed = manifests(&place, &[]);
    let told = manifests(&place, &["--output-dir", "out", "--release-name"]);
    assert!(told.starts_with("wrote out/maimai/maibot/templates/") && told.ends_with("\n\n"), "{told}");
    let mut sources: Vec<&str> = printed.lines().filter_map(|line| line.strip_prefix("# Source: ")).collect();
    let mut written: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("wrote out/maimai/")).collect();
    sources.sort_unstable();
    written.sort_unstable();
    assert_eq!(sources, written);
    for source in sources {
        let text = std::fs::read_to_string(place.path().join("out/maimai").join(source)).unwrap();
        assert!(text.starts_with(&format!("---\n# Source: {source}\n")), "{text}");
    }
}

#[test]
fn values_come_from_files_flags_and_standard_input() {
    let place = Place::new();
    let file = place.file("values.yaml", "EULA_AGREE: true\nPRIVACY_AGREE: true\n");
    let from_file = place.run(&["template", "maimai", "-f", &file]);
    assert_eq!(from_file.status, 0, "{}", from_file.stderr);
    let from_stdin = place
        .command(&["template", "maimai", "-f", "-"])
        .write_stdin("EULA_AGREE: true\nPRIVACY_AGREE: true\n")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(from_stdin.stdout).unwrap(), from_file.stdout);
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_its_line() {
    let place = Place::new();
    let file = place.file("values.yaml", "EULA_AGREE: true\nPRIVACY_AGREE: true\ncore:\n  image:\n    tag: [1]\n");
    let ran = place.run(&["template", "maimai", "-f", &file]);
    assert_eq!((ran.status, ran.stdout.as_str()), (65, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("MB2003") && ran.stderr.contains("values.yaml:5:"), "{}", ran.stderr);
}

#[test]
fn without_agreement_nothing_is_rendered() {
    let ran = Place::new().run(&["template", "maimai", "--lang=zh"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (65, ""));
    assert!(ran.stderr.contains("MB2004"), "{}", ran.stderr);
}
