//! `--helm-compat`: Helm's texts on stderr, and 1 as the status of every failure. The texts are Helm's own, as its
//! command line library and its commands write them.

use super::Place;

fn told(arguments: &[&str], helm: &str) -> String {
    let ran = Place::new().command(arguments).env("MAIBOT_HELM_COMPAT", helm).output().unwrap();
    assert_eq!(ran.status.code(), Some(1), "{arguments:?}");
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), "", "{arguments:?}");
    String::from_utf8(ran.stderr).unwrap()
}

#[test]
fn complaints_are_helms() {
    for (arguments, text) in [
        (&["list", "--nmespace", "x"][..], "Error: unknown flag: --nmespace\n"),
        (&["list", "-xq"], "Error: unknown shorthand flag: 'x' in -xq\n"),
        (&["list", "-Axq"], "Error: unknown shorthand flag: 'x' in -xq\n"),
        (&["list", "---x"], "Error: bad flag syntax: ---x\n"),
        (&["list", "-n"], "Error: flag needs an argument: 'n' in -n\n"),
        (&["status"], "Error: \"helm status\" requires 1 argument\n\nUsage:  helm status RELEASE_NAME [flags]\n"),
        (&["list", "x"], "Error: \"helm list\" accepts no arguments\n\nUsage:  helm list [flags]\n"),
        (&["list", "-o", "xml"], "Error: invalid argument \"xml\" for \"-o, --output\" flag: invalid format type\n"),
        (
            &["list", "-m", "many"],
            "Error: invalid argument \"many\" for \"-m, --max\" flag: strconv.ParseInt: parsing \"many\": invalid syntax\n",
        ),
        (
            &["install", "a", "--timeout", "5"],
            "Error: invalid argument \"5\" for \"--timeout\" flag: time: missing unit in duration \"5\"\n",
        ),
        (
            &["install", "a", "--create-namespace=maybe"],
            "Error: invalid argument \"maybe\" for \"--create-namespace\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax\n",
        ),
        (
            &["lst"],
            "Error: unknown command \"lst\" for \"helm\"\n\nDid you mean this?\n\tlint\n\tget\n\tlist\n\ttest\n\nRun 'helm --help' for usage.\n",
        ),
        (&["env", "a", "b"], "Error: \"helm env\" accepts at most 1 argument\n\nUsage:  helm env [flags]\n"),
        (
            &["install"],
            "Error: \"helm install\" requires at least 1 argument\n\nUsage:  helm install [NAME] [CHART] [flags]\n",
        ),
        (
            &["install", "a", "b", "c"],
            "Error: INSTALLATION FAILED: expected at most two arguments, unexpected arguments: c\n",
        ),
        (
            &["template", "a", "-a", "a\"b"],
            "Error: invalid argument \"a\\\"b\" for \"-a, --api-versions\" flag: parse error on line 1, column 2: bare \" in non-quoted-field\n",
        ),
        (&["template", "-f", "nowhere.yaml"], "Error: open nowhere.yaml: no such file or directory\n"),
        (
            &["install", "a", "-f", "nowhere.yaml"],
            "Error: INSTALLATION FAILED: open nowhere.yaml: no such file or directory\n",
        ),
        (
            &["install", "a", "b", "-g"],
            "Error: INSTALLATION FAILED: cannot set --generate-name and also specify a name\n",
        ),
        (
            &["uninstall", "a", "--cascade", "x"],
            "Error: invalid cascade value (x). Must be \"background\", \"foreground\", or \"orphan\"\n",
        ),
    ] {
        for helm in ["3", "4"] {
            assert_eq!(told(arguments, helm), text, "helm {helm}");
        }
    }
}

#[test]
fn old_spellings_are_warned_about_by_helm_4_only() {
    let first = |arguments: &[&str], helm| told(arguments, helm).lines().next().unwrap().to_owned();
    let wait = ["install", "a", "--wait=true", "-f", "nowhere"];
    assert_eq!(
        first(&wait, "4"),
        "level=WARN msg=\"--wait=true is deprecated (boolean value) and can be replaced with --wait=watcher\""
    );
    assert!(first(&wait, "3").starts_with("Error: "));
    let atomic = ["install", "a", "--atomic"];
    assert_eq!(first(&atomic, "4"), "Flag --atomic has been deprecated, use --rollback-on-failure instead");
}

#[test]
fn progress_notes_and_reports_of_ours_are_silent() {
    let text = told(&["install", "a", "--dry-run=client"], "4");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("Error: INSTALLATION FAILED: "), "{text}");
}

#[test]
fn without_a_cluster_helm_looks_at_localhost() {
    let cause = "luster unreachable: Get \"http://localhost:8080/version\": dial tcp 127.0.0.1:8080: connect: connection refused\n";
    assert_eq!(told(&["list"], "3"), format!("Error: Kubernetes c{cause}"));
    assert_eq!(told(&["list"], "4"), format!("Error: kubernetes c{cause}"));
    let install = ["install", "a", "--set", "EULA_AGREE=true,PRIVACY_AGREE=true"];
    assert_eq!(told(&install, "3"), format!("Error: INSTALLATION FAILED: Kubernetes c{cause}"));
    // Helm 4 logs it, too.
    let logged = format!("cluster reachability check failed: kubernetes c{}", cause.trim_end().replace('"', "\\\""));
    assert_eq!(
        told(&install, "4"),
        format!(
            "level=ERROR msg=\"{logged}\"\nError: INSTALLATION FAILED: cluster reachability check failed: kubernetes c{cause}"
        )
    );
}

#[test]
fn groups_of_commands_answer_with_help_as_helm_does() {
    let place = Place::new();
    for arguments in [&["get"][..], &["get", "foo"], &["completion"]] {
        let ran = place.run(&[arguments, &["--helm-compat=4"]].concat());
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(ran.stdout.contains("Usage:"), "{}", ran.stdout);
    }
}
