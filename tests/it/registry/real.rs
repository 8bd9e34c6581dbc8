//! A real registry, and real Helm doing the same beside us: same files, same texts, same digests.

use std::path::Path;

use super::distribution::{Distribution, Options, Programs, certificate, helm, package};
use crate::cli::{Place, Ran};

/// A registry without login and TLS that holds three versions of `web`, pushed by Helm 4.
fn filled(programs: &Programs, place: &Place) -> Distribution {
    let registry = Distribution::start(programs, Options::default());
    for version in ["1.0.0", "1.1.0+b.1", "2.0.0-rc.1"] {
        let archive = package(place, programs, version);
        let ran = helm(place, &programs.helm4, &["push", &archive, &registry.oci("charts"), "--plain-http"]);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
    }
    registry
}

/// Runs the same in a place of Helm's and in one of ours, and wants the same texts, status and files.
pub(super) fn same(programs: &Programs, arguments: &[&str], prepare: impl Fn(&Place)) {
    for (compat, program) in programs.helms() {
        let (theirs, ours) = (Place::new(), Place::new());
        prepare(&theirs);
        prepare(&ours);
        let expected = helm(&theirs, program, arguments);
        let ran = ours.run(&[arguments, &["--helm-compat", compat]].concat());
        assert_eq!(shown(&ran, &ours), shown(&expected, &theirs), "helm {compat} {arguments:?}");
        assert_eq!(files(ours.path()), files(theirs.path()), "helm {compat} {arguments:?}");
    }
}

/// Everything printed, without the names of temporary folders.
pub(super) fn shown(ran: &Ran, place: &Place) -> String {
    ran.shown().replace(&place.path().display().to_string(), "PLACE")
}

/// The files of a place with their content; homes aside.
pub(super) fn files(root: &Path) -> Vec<(String, Vec<u8>)> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<(String, Vec<u8>)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if matches!(name.as_str(), ".cache" | ".config" | ".local") {
                continue;
            }
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                found.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(root, root, &mut found);
    found.sort();
    found
}

#[test]
fn pull_writes_and_says_what_helm_does() {
    let Some(programs) = Programs::find("pull_writes_and_says_what_helm_does") else { return };
    let place = Place::new();
    let registry = filled(&programs, &place);
    let (web, none) = (registry.oci("charts/web"), registry.oci("charts/none"));
    let digest = digest_of(&helm(&place, &programs.helm4, &["pull", &web, "--version", "1.0.0", "--plain-http"]));
    let pinned = format!("{web}@{digest}");
    let both = format!("{web}:1.0.0@{digest}");
    let other = format!("{web}:2.0.0-rc.1@{digest}");
    let tagged = format!("{web}:1.0.0");
    let closed = "oci://127.0.0.1:1/charts/web";
    for arguments in [
        &["pull", web.as_str()][..],
        &["pull", &web, "--version", "1.0.0"],
        &["pull", &web, "--version", "1.1.0+b.1"],
        &["pull", &web, "--version", "^1.0.0"],
        &["pull", &web, "--version", "~1.0"],
        &["pull", &web, "--version", ">1.0.0 <2.0.0 || 3.x"],
        &["pull", &web, "--devel"],
        &["pull", &web, "--version", "9"],
        &["pull", &web, "--version", "1.0"],
        &["pull", &web, "--version", ">9"],
        &["pull", &web, "--version", "latest"],
        &["pull", &web, &tagged],
        &["pull", &tagged, "--version", "1.1.0"],
        &["pull", &pinned],
        &["pull", &both],
        &["pull", &other],
        &["pull", &none],
        &["pull", &none, "--version", "1.0.0"],
        &["pull", closed],
        &["pull", closed, "--version", "1.0.0"],
        &["pull", &web, "--version", "1.0.0", "--prov"],
        &["pull", &web, "--version", "1.0.0", "--untar"],
        &["pull", &web, "--version", "1.0.0", "--untar", "--untardir", "a/b"],
        &["pull", &web, "--version", "1.0.0", "--untar", "--untardir", "a", "-d", "inner"],
        &["pull", &web, "--version", "1.0.0", "-d", "inner"],
        &["pull", "a/b"],
        &["pull", "ab"],
        &["pull", "ab", "--repo", "http://127.0.0.1:1/x"],
        &["pull", "http://127.0.0.1:1/x.tgz"],
        &["pull", "oci://127.0.0.1"],
        &["pull", "oci://127.0.0.1/A"],
    ] {
        let arguments = [arguments, &["--plain-http"]].concat();
        same(&programs, &arguments, |place| {
            std::fs::create_dir(place.path().join("inner")).unwrap();
        });
    }
    // Where something is already, nothing is unpacked.
    same(&programs, &["pull", &web, "--version", "1.0.0", "--untar", "--plain-http"], |place| {
        place.file("web/mine.txt", "kept");
    });
}

/// The digest that a pull or push told of.
fn digest_of(ran: &Ran) -> String {
    let line = ran.stdout.lines().chain(ran.stderr.lines()).find_map(|line| line.strip_prefix("Digest: "));
    line.unwrap_or_else(|| panic!("{}", ran.shown())).to_owned()
}

#[test]
fn push_makes_the_manifest_that_helm_makes() {
    let Some(programs) = Programs::find("push_makes_the_manifest_that_helm_makes") else { return };
    let place = Place::new();
    let registry = Distribution::start(&programs, Options::default());
    for version in ["1.0.0", "1.1.0+b.1"] {
        let archive = package(&place, &programs, version);
        place.file(&format!("{archive}.prov"), "signed");
        let theirs = helm(&place, &programs.helm4, &["push", &archive, &registry.oci("theirs"), "--plain-http"]);
        let ours = place.run(&["push", &archive, &registry.oci("ours"), "--plain-http", "--helm-compat", "4"]);
        assert_eq!(ours.shown().replace("/ours/", "/theirs/"), theirs.shown());
        // Once more, where everything is already.
        let again = place.run(&["push", &archive, &registry.oci("theirs"), "--plain-http", "--helm-compat", "3"]);
        assert_eq!((again.stdout.as_str(), again.stderr.as_str()), ("", theirs.stdout.as_str()));
        for (_, program) in programs.helms() {
            let there = Place::new();
            let pulled = helm(
                &there,
                program,
                &["pull", &registry.oci("ours/web"), "--version", version, "--prov", "--plain-http"],
            );
            assert_eq!(pulled.status, 0, "{}", pulled.shown());
            for name in [archive.clone(), format!("{archive}.prov")] {
                assert_eq!(
                    std::fs::read(there.path().join(&name)).unwrap(),
                    std::fs::read(place.path().join(&name)).unwrap()
                );
            }
        }
    }
}

#[test]
fn push_refuses_in_helms_words() {
    let Some(programs) = Programs::find("push_refuses_in_helms_words") else { return };
    let place = Place::new();
    let registry = Distribution::start(&programs, Options::default());
    let archive = package(&place, &programs, "1.0.0");
    let bytes = std::fs::read(place.path().join(&archive)).unwrap();
    let target = registry.oci("x");
    let capital = registry.oci("X");
    let bare = format!("{}/x", registry.host());
    for arguments in [
        &["push", "nowhere.tgz", &target][..],
        &["push", "folder", &target],
        &["push", "text.txt", &target],
        &["push", "web-1.0.0.tgz", &bare],
        &["push", "web-1.0.0.tgz", "localhost/x"],
        &["push", "web-1.0.0.tgz", "https://localhost/x"],
        &["push", "web-1.0.0.tgz", &capital],
        &["push", "web-1.0.0.tgz"],
        &["push"],
    ] {
        same(&programs, &[arguments, &["--plain-http"]].concat(), |place| {
            place.file("folder/Chart.yaml", "");
            place.file("text.txt", "no archive");
            std::fs::write(place.path().join("web-1.0.0.tgz"), &bytes).unwrap();
        });
    }
}

#[test]
fn a_login_of_ours_is_helms_and_the_other_way_round() {
    let Some(programs) = Programs::find("a_login_of_ours_is_helms_and_the_other_way_round") else { return };
    let registry = Distribution::start(&programs, Options { login: true, ..Options::default() });
    let host = registry.host();
    let place = Place::new();
    let archive = package(&place, &programs, "1.0.0");
    let push = ["push", &archive, &registry.oci("charts"), "--plain-http"];

    let refused = place.run(&push);
    assert_eq!(refused.status, 77, "{}", refused.shown());
    assert!(refused.stderr.contains(&format!("maibot registry login {host}")), "{}", refused.stderr);

    for (compat, program) in programs.helms() {
        // A wrong password is kept nowhere.
        let wrong = place.run(&["registry", "login", &host, "-u", "user", "-p", "wrong", "--plain-http"]);
        assert_eq!(wrong.status, 77, "{}", wrong.shown());
        assert!(!wrong.stderr.contains("wrong "), "{}", wrong.stderr);
        assert!(!place.path().join(".config/helm/registry/config.json").exists());

        let mut login = place.command(&["registry", "login", &host, "-u", "user", "--password-stdin", "--plain-http"]);
        let ran = Ran::of(login.write_stdin("secret\n").output().unwrap());
        assert_eq!((ran.status, ran.stdout.as_str()), (0, ""), "{}", ran.shown());
        assert_eq!(helm(&place, program, &push).status, 0);
        let out = place.run(&["registry", "logout", &host, "--helm-compat", compat]);
        let text = format!("Removing login credentials for {host}\n");
        let expected = if compat == "4" { (text.as_str(), "") } else { ("", text.as_str()) };
        assert_eq!((out.stdout.as_str(), out.stderr.as_str()), expected);
        assert_eq!(place.run(&push).status, 77);

        let theirs = helm(&place, program, &["registry", "login", &host, "-u", "user", "-p", "secret", "--plain-http"]);
        assert_eq!(theirs.status, 0, "{}", theirs.shown());
        let ran = place.run(&push);
        assert_eq!(ran.status, 0, "{}", ran.shown());
        let out = helm(&place, program, &["registry", "logout", &host]);
        assert_eq!(out.status, 0, "{}", out.shown());
        assert_eq!(place.run(&push).status, 77);
        std::fs::remove_file(place.path().join(".config/helm/registry/config.json")).unwrap();
    }

    let typed = place.run(&[&push[..], &["--username", "user", "--password", "secret"]].concat());
    assert_eq!(typed.status, 0, "{}", typed.shown());
}

#[test]
fn login_says_what_helm_says() {
    let Some(programs) = Programs::find("login_says_what_helm_says") else { return };
    let registry = Distribution::start(&programs, Options { login: true, ..Options::default() });
    let host = registry.host();
    let scheme = format!("https://{host}");
    for arguments in [
        &["registry", "login", &host, "-u", "user", "-p", "secret", "--plain-http"][..],
        &["registry", "login", &host, "-u", "user", "-p", "wrong", "--plain-http"],
        &["registry", "login", "127.0.0.1:1", "-u", "user", "-p", "secret", "--plain-http"],
        &["registry", "login"],
        &["registry", "logout", &host],
        &["registry", "logout", &scheme],
        &["registry", "logout"],
    ] {
        same(&programs, arguments, |_| {});
    }
}

#[test]
fn certificates_are_judged_and_shown() {
    let Some(programs) = Programs::find("certificates_are_judged_and_shown") else { return };
    let place = Place::new();
    let archive = package(&place, &programs, "1.0.0");
    let (ca, cert, key) = (certificate("ca.crt"), certificate("client.crt"), certificate("client.key"));
    let options = Options { tls: true, client_certificate: true, login: true };
    let registry = Distribution::start(&programs, options);
    let user = ["--username", "user", "--password", "secret"];
    let shown = ["--ca-file", &ca, "--cert-file", &cert, "--key-file", &key];
    let push = ["push", &archive, &registry.oci("charts")];

    let unknown = place.run(&push);
    assert_eq!(unknown.status, 69, "{}", unknown.shown());
    assert!(unknown.stderr.contains("--ca-file"), "{}", unknown.stderr);
    let nameless = place.run(&[&push[..], &user, &["--ca-file", &ca]].concat());
    assert_eq!(nameless.status, 69, "{}", nameless.shown());
    let ran = place.run(&[&push[..], &user, &shown].concat());
    assert_eq!(ran.status, 0, "{}", ran.shown());

    let login = ["registry", "login", &registry.host(), "-u", "user", "-p", "secret"];
    let ran = place.run(&[&login[..], &shown].concat());
    assert_eq!(ran.status, 0, "{}", ran.shown());
    let web = registry.oci("charts/web");
    let insecure = ["pull", &web, "--insecure-skip-tls-verify", "--cert-file", &cert, "--key-file", &key];
    let ran = place.run(&insecure);
    assert_eq!(ran.status, 0, "{}", ran.shown());

    // The same trouble in Helm 4's words.
    let open = Distribution::start(&programs, Options { tls: true, ..Options::default() });
    let plain = Distribution::start(&programs, Options::default());
    for arguments in [
        vec!["pull".to_owned(), open.oci("charts/web"), "--version".into(), "1.0.0".into()],
        vec!["pull".to_owned(), open.oci("charts/web")],
        vec!["pull".to_owned(), plain.oci("charts/web")],
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let theirs = helm(&Place::new(), &programs.helm4, &arguments);
        let ours = Place::new().run(&[&arguments[..], &["--helm-compat", "4"]].concat());
        assert_eq!(ours.shown(), theirs.shown());
    }
    for (flags, text) in [
        (&["--cert-file", cert.as_str()][..], "--cert-file needs --key-file"),
        (&["--ca-file", key.as_str()], "no certificate in it"),
        (&["--ca-file", "nowhere"], "nowhere"),
    ] {
        let ran = place.run(&[&["pull", web.as_str()][..], flags].concat());
        assert_ne!(ran.status, 0);
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
    }
}

#[test]
fn what_was_pulled_is_there_when_the_registry_is_not() {
    let Some(programs) = Programs::find("what_was_pulled_is_there_when_the_registry_is_not") else { return };
    let place = Place::new();
    let registry = filled(&programs, &place);
    let web = registry.oci("charts/web");
    let pulled = place.run(&["pull", &web, "--version", "1.0.0", "--plain-http", "--helm-compat", "3"]);
    let digest = digest_of(&pulled);
    assert_eq!(place.run(&["pull", &web, "--version", "1.1.0+b.1", "--plain-http"]).status, 0);
    let archive = std::fs::read(place.path().join("web-1.0.0.tgz")).unwrap();
    drop(registry);

    let run = |arguments: &[&str]| {
        let _ = std::fs::remove_file(place.path().join("web-1.0.0.tgz"));
        place.run(&[arguments, &["--plain-http"]].concat())
    };
    // A tag may have moved; without a question nobody knows.
    assert_eq!(run(&["pull", &web, "--version", "1.0.0"]).status, 69);
    let offline = run(&["pull", &web, "--version", "1.0.0", "--offline"]);
    assert_eq!(offline.status, 0, "{}", offline.shown());
    assert_eq!(std::fs::read(place.path().join("web-1.0.0.tgz")).unwrap(), archive);
    let range = run(&["pull", &web, "--version", "~1.0.0", "--offline"]);
    assert_eq!(range.status, 0, "{}", range.shown());
    assert!(place.path().join("web-1.0.0.tgz").exists());
    // A digest is the same for ever: nobody need be asked.
    let pinned = run(&["pull", &format!("{web}@{digest}")]);
    assert_eq!(pinned.status, 0, "{}", pinned.shown());
    let missing = run(&["pull", &web, "--version", "2.0.0-rc.1", "--offline"]);
    assert_eq!(missing.status, 66, "{}", missing.shown());

    // A damaged entry is found out, and nothing of it is used.
    let entries = files(&place.path().join(".cache/helm/content"));
    let (entry, _) = entries.iter().find(|(name, content)| name.contains(".chart") && *content == archive).unwrap();
    let path = place.path().join(".cache/helm/content").join(entry);
    let mut content = std::fs::read(&path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    std::fs::write(&path, content).unwrap();
    let damaged = run(&["pull", &web, "--version", "1.0.0", "--offline"]);
    assert_eq!(damaged.status, 66, "{}", damaged.shown());
    assert!(damaged.stderr.contains("damaged"), "{}", damaged.stderr);
    assert!(!place.path().join("web-1.0.0.tgz").exists());
}

#[test]
fn many_pulls_at_a_time_share_one_cache() {
    let Some(programs) = Programs::find("many_pulls_at_a_time_share_one_cache") else { return };
    let place = Place::new();
    let registry = filled(&programs, &place);
    let web = registry.oci("charts/web");
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (place, web) = (&place, &web);
            scope.spawn(move || {
                let folder = format!("out-{number}");
                std::fs::create_dir(place.path().join(&folder)).unwrap();
                let ran = place.run(&["pull", web, "--version", "1.0.0", "-d", &folder, "--plain-http"]);
                assert_eq!(ran.status, 0, "{}", ran.shown());
            });
        }
    });
    let archive = std::fs::read(place.path().join("web-1.0.0.tgz")).unwrap();
    for number in 0..6 {
        assert_eq!(std::fs::read(place.path().join(format!("out-{number}/web-1.0.0.tgz"))).unwrap(), archive);
    }
    // Helm 4 finds our entries where it looks for its own.
    let entries = files(&place.path().join(".cache/helm/content"));
    assert_eq!(entries.iter().filter(|(name, _)| name.contains(".chart")).count(), 1, "{entries:?}");
}

#[test]
fn a_chart_is_rendered_straight_from_the_registry() {
    let Some(programs) = Programs::find("a_chart_is_rendered_straight_from_the_registry") else { return };
    let place = Place::new();
    let registry = filled(&programs, &place);
    let web = registry.oci("charts/web");
    for (compat, program) in programs.helms() {
        let arguments = ["template", "mai", &web, "--version", "^1.0.0", "--set", "replicaCount=3", "--plain-http"];
        let theirs = helm(&place, program, &arguments);
        let ours = place.run(&[&arguments[..], &["--helm-compat", compat]].concat());
        assert_eq!((ours.status, theirs.status), (0, 0), "{}{}", ours.stderr, theirs.stderr);
        // Helm 4 puts the registry's talk before the manifest.
        let (before, manifest) = theirs.stdout.split_once("---\n").unwrap();
        assert_eq!(ours.stdout, format!("---\n{manifest}"), "helm {compat}");
        assert_eq!(ours.stderr, format!("{before}{}", theirs.stderr), "helm {compat}");
    }
    // What a flag, a variable or the file names is the default chart.
    let from_flag = place.run(&["template", "mai", "--version", "1.0.0", "--maibot-chart", &web, "--plain-http"]);
    assert_eq!(from_flag.status, 0, "{}", from_flag.stderr);
    assert!(from_flag.stdout.contains("# Source: web/templates/"), "{}", from_flag.stdout);
    place.file(".config/maibot/config.toml", &format!("maibot-chart = \"{web}\"\noffline = true\n"));
    let from_file = place.run(&["template", "mai", "--version", "1.0.0", "--plain-http"]);
    assert_eq!(from_file.stdout, from_flag.stdout, "{}", from_file.stderr);
}

#[test]
fn without_a_chart_pull_writes_the_embedded_one() {
    let (one, other) = (Place::new(), Place::new());
    let name = "maibot-0.12.2+embedded.1.tgz";
    for place in [&one, &other] {
        let ran = place.run(&["pull"]);
        assert_eq!(ran.status, 0, "{}", ran.shown());
        assert_eq!(ran.stderr, format!("wrote `./{name}`\n"));
    }
    let archive = std::fs::read(one.path().join(name)).unwrap();
    assert_eq!(archive, std::fs::read(other.path().join(name)).unwrap(), "the same bytes each time");
    let unpacked = one.run(&["pull", "--version", "0.12.2", "--untar"]);
    assert_eq!(unpacked.status, 0, "{}", unpacked.shown());
    let values = std::fs::read(one.path().join("maibot/values.yaml")).unwrap();
    assert_eq!(values, include_bytes!("../../../values.yaml"));
    assert_eq!(one.run(&["pull", "--verify"]).status, 65);
}
