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

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.2.3\n";

fn with_chart() -> Place {
    let place = Place::new();
    place.file("web/Chart.yaml", CHART);
    place.file("web/values.yaml", "size: 1000000\n");
    place.file("web/templates/a.yaml", "kind: A\nsize: {{ .Values.size }}\n");
    place.file("web/templates/b.yaml", "kind: B\nmetadata: {annotations: {helm.sh/hook: test}}\n");
    place.file("web/crds/c.yaml", "kind: C\n");
    place
}

#[test]
fn a_chart_in_a_folder_is_rendered_as_helm_prints_it() {
    let ran = with_chart().run(&["template", "rel", "./web", "--include-crds"]);
    let wanted = "---\n# Source: web/crds/c.yaml\nkind: C\n\n---\n# Source: web/templates/a.yaml\nkind: A\nsize: 1e+06\n\
                  ---\n# Source: web/templates/b.yaml\nkind: B\nmetadata: {annotations: {helm.sh/hook: test}}\n\n";
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str(), ran.status), (wanted, "", 0));
}

#[test]
fn every_file_of_a_chart_is_written_once_and_crds_beside_them() {
    let place = with_chart();
    for _ in 0..2 {
        let told =
            place.run(&["template", "rel", "web", "--include-crds", "--output-dir", "out", "--release-name"]).stdout;
        assert_eq!(
            told,
            "wrote out/web/crds/c.yaml\nwrote out/rel/web/templates/a.yaml\nwrote out/rel/web/templates/b.yaml\n\n"
        );
        let text = std::fs::read_to_string(place.path().join("out/rel/web/templates/a.yaml")).unwrap();
        assert_eq!(text, "---\n# Source: web/templates/a.yaml\nkind: A\nsize: 1e+06\n\n");
    }
}

#[cfg(unix)]
#[test]
fn a_post_renderer_changes_the_manifest_and_its_failure_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = with_chart();
    let program = |name: &str, text: &str| {
        let path = place.file(name, text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let good = program("good.sh", "#!/bin/sh\nsed \"s/kind: A/kind: $1/\"\n");
    let rendered =
        place.run(&["template", "rel", "web", "--post-renderer", &good, "--post-renderer-args", "Z", "--no-hooks"]);
    assert_eq!(rendered.stdout, "---\n# Source: web/templates/a.yaml\nkind: Z\nsize: 1e+06\n", "{}", rendered.stderr);
    // A program that reads nothing and says much.
    let bad = program("bad.sh", "#!/bin/sh\necho no good >&2\nhead -c 300000 /dev/zero >&2\nexit 3\n");
    let ran = place.run(&["template", "rel", "web", "--post-renderer", &bad]);
    assert_eq!((ran.status, ran.stdout.as_str()), (65, ""));
    assert!(
        ran.stderr.contains("MB2012") && ran.stderr.contains("no good"),
        "{}",
        &ran.stderr[..500.min(ran.stderr.len())]
    );
    let ran = place.run(&["template", "rel", "web", "--post-renderer", "no-such-program", "--helm-compat=3"]);
    assert_eq!(
        ran.stderr,
        "Error: unable to find binary at no-such-program: exec: \"no-such-program\": executable file not found in $PATH\n"
    );
    for wrong in [place.path().to_str().unwrap(), &place.file("plain", "")] {
        assert_eq!(place.run(&["template", "rel", "web", "--post-renderer", wrong]).status, 65, "{wrong}");
    }
}

#[test]
fn what_was_rendered_before_a_failure_is_shown_only_for_debugging() {
    let place = with_chart();
    place.file("web/templates/a.yaml", "a: [\n");
    let ran = place.run(&["template", "rel", "web"]);
    assert_eq!((ran.stdout.as_str(), ran.status), ("", 65));
    let ran = place.run(&["template", "rel", "web", "--debug", "--helm-compat=4"]);
    assert!(ran.stdout.contains("# Source: web/templates/a.yaml\na: [\n"), "{}", ran.stdout);
    assert!(!ran.stderr.contains("Use --debug"), "{}", ran.stderr);
}

#[test]
fn a_name_is_made_from_a_template() {
    let place = with_chart();
    place.file("web/templates/a.yaml", "name: {{ .Release.Name }}\n");
    let ran = place.run(&["template", "web", "--name-template", "{{ \"ABC\" | lower }}-{{ add 1 2 }}", "--no-hooks"]);
    assert_eq!(ran.stdout, "---\n# Source: web/templates/a.yaml\nname: abc-3\n", "{}", ran.stderr);
    let ran = place.run(&["template", "web", "--name-template", "{{ fail \"no\" }}"]);
    assert_ne!((ran.status, ran.stdout.as_str()), (0, ""));
}

#[cfg(unix)]
#[test]
fn a_link_out_of_a_chart_is_refused_but_followed_where_helm_is_imitated() {
    let place = with_chart();
    place.file("secret.txt", "key");
    std::os::unix::fs::symlink("../secret.txt", place.path().join("web/secret.txt")).unwrap();
    let ran = place.run(&["template", "rel", "web"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (65, ""));
    assert!(ran.stderr.contains("leads out of the chart"), "{}", ran.stderr);
    assert_eq!(place.run(&["template", "rel", "web", "--helm-compat=3"]).status, 0);
}

#[test]
fn an_install_that_is_only_tried_renders_a_chart_too() {
    let ran = with_chart().run(&["install", "rel", "./web", "--dry-run=client"]);
    assert!(
        ran.stdout.contains("# Source: web/templates/a.yaml\nkind: A\nsize: 1e+06\n"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    assert_eq!(ran.status, 0);
}
