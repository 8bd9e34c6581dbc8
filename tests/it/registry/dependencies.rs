//! `dependency` with charts of registries and repositories, beside real Helm: the same files and lines, and credentials
//! that go nowhere else.

use std::fmt::Write as _;
use std::path::Path;

use maibot::registry::Digest;

use super::distribution::{Distribution, Options, Programs, helm};
use super::real::files;
use crate::cli::{Place, Ran};
use crate::fake::server::{Answer, FakeServer};

/// Archives of `db` in three versions, packaged by Helm.
fn archives(programs: &Programs, place: &Place) -> Vec<(&'static str, Vec<u8>)> {
    place.file("db/templates/a.yaml", "kind: DB\n");
    ["1.2.3", "1.3.0", "2.0.0"]
        .into_iter()
        .map(|version| {
            place.file("db/Chart.yaml", &format!("apiVersion: v2\nname: db\nversion: {version}\n"));
            let ran = helm(place, &programs.helm4, &["package", "db"]);
            assert_eq!(ran.status, 0, "{}", ran.stderr);
            (version, std::fs::read(place.path().join(format!("db-{version}.tgz"))).unwrap())
        })
        .collect()
}

/// A classic repository with the archives; `alter` changes the digest that the index tells.
async fn repository(archives: &[(&'static str, Vec<u8>)], alter: impl Fn(String) -> String) -> FakeServer {
    let server = FakeServer::start().await;
    let mut index = "apiVersion: v1\nentries:\n  db:\n".to_owned();
    for (version, content) in archives {
        let digest = alter(Digest::of(content).hex().to_owned());
        let _ = writeln!(
            index,
            "  - {{apiVersion: v2, name: db, version: {version}, digest: {digest}, urls: [files/db-{version}.tgz]}}"
        );
        let content = content.clone();
        server.on("GET", &format!("/charts/files/db-{version}.tgz"), move |_| Answer::Full {
            status: 200,
            headers: vec![],
            body: content.clone(),
        });
    }
    server.on("GET", "/charts/index.yaml", move |_| Answer::text(200, "text/yaml", &index));
    server
}

/// A chart that needs `db` of these versions from these repositories.
fn needing(place: &Place, name: &str, needs: &[(&str, &str)]) {
    let mut text = format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\ndependencies:\n");
    for (position, (version, repository)) in needs.iter().enumerate() {
        let _ =
            writeln!(text, "- {{name: db, alias: db{position}, version: \"{version}\", repository: \"{repository}\"}}");
    }
    place.file(&format!("{name}/Chart.yaml"), &text);
}

/// What was printed, without registry chatter, which Helm 4 has on stdout and everybody else on stderr.
fn said(ran: &Ran) -> String {
    let mut text = format!("exit {}\n", ran.status);
    for (stream, lines) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        let chatter = |line: &&str| line.starts_with("Pulled: ") || line.starts_with("Digest: ");
        for line in lines.lines().filter(|line| !chatter(line)) {
            let _ = writeln!(text, "{stream}: {line}");
        }
    }
    text
}

/// Files with the time of the lock left out, and archives as what they are.
fn tree(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = files(root);
    for (name, content) in &mut found {
        if name.ends_with("Chart.lock") {
            let text = String::from_utf8(content.clone()).unwrap();
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("generated: ")).collect();
            assert_eq!(lines.len() + 1, text.lines().count(), "{text}");
            *content = lines.join("\n").into_bytes();
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_come_from_registries_and_repositories_as_by_helm() {
    let Some(programs) = Programs::find("dependencies_come_from_registries_and_repositories_as_by_helm") else {
        return;
    };
    let made = Place::new();
    let archives = archives(&programs, &made);
    let registry = Distribution::start(&programs, Options::default());
    for (version, _) in &archives {
        let archive = format!("db-{version}.tgz");
        assert_eq!(made.run(&["push", &archive, &registry.oci("charts"), "--plain-http"]).status, 0);
    }
    let server = repository(&archives, |digest| digest).await;
    let (oci, http) = (registry.oci("charts"), format!("{}/charts", server.url()));
    let closed = "http://127.0.0.1:1/charts";
    for (needs, lines) in [
        (&[("~1.2", oci.as_str())][..], &["update", "list", "build", "update"][..]),
        (&[("1.3.0", &oci)], &["list", "update", "build --skip-refresh", "list"]),
        (&[("*", &oci), ("<2", &oci)], &["update", "build"]),
        (&[("^1.2.0", &http)], &["update", "list", "update"]),
        (&[("1.2.3", &http), ("1.2.3", &http)], &["update", "list"]),
        (&[("~1.2", &oci)], &["build", "build"]),
        (&[("9.9.9", &oci)], &["update"]),
        (&[("", &oci)], &["update"]),
    ] {
        for (compat, program) in programs.helms() {
            let (theirs, ours) = (Place::new(), Place::new());
            needing(&theirs, "web", needs);
            needing(&ours, "web", needs);
            for line in lines {
                let mut arguments = vec!["dependency"];
                arguments.extend(line.split(' '));
                arguments.push("web");
                if !line.starts_with("list") {
                    arguments.push("--plain-http");
                }
                let (expected, ran) = tokio::task::block_in_place(|| {
                    let ours = ours.run(&[&arguments[..], &["--helm-compat", compat]].concat());
                    (helm(&theirs, program, &arguments), ours)
                });
                assert_eq!(said(&ran), said(&expected), "helm {compat} {needs:?} {line}");
                assert_eq!(tree(ours.path()), tree(theirs.path()), "helm {compat} {needs:?} {line}");
            }
        }
    }
    // Where Helm says less than we do, or leaves something behind: the status, and nothing changed.
    for (needs, status) in [
        (&[(">=3", oci.as_str())][..], 66),
        (&[("9", &http)], 66),
        (&[("1.2.3", closed)], 69),
        (&[("1.2.3", "http://127.0.0.1:1/charts"), ("1.2.3", &http)], 69),
    ] {
        let (theirs, ours) = (Place::new(), Place::new());
        needing(&theirs, "web", needs);
        needing(&ours, "web", needs);
        let before = tree(ours.path());
        let arguments = ["dependency", "update", "web", "--plain-http"];
        let (expected, ran) =
            tokio::task::block_in_place(|| (helm(&theirs, &programs.helm4, &arguments), ours.run(&arguments)));
        assert_ne!(expected.status, 0, "{}", expected.shown());
        assert_eq!(ran.status, status, "{needs:?} {}", ran.shown());
        assert_eq!(tree(ours.path()), before, "{needs:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_helm_builds_here_and_the_other_way_round() {
    let Some(programs) = Programs::find("a_lock_of_helm_builds_here_and_the_other_way_round") else { return };
    let made = Place::new();
    let archives = archives(&programs, &made);
    let registry = Distribution::start(&programs, Options::default());
    let push = |version: &str| {
        let archive = format!("db-{version}.tgz");
        assert_eq!(made.run(&["push", &archive, &registry.oci("charts"), "--plain-http"]).status, 0);
    };
    push("1.2.3");
    let place = Place::new();
    needing(&place, "web", &[("^1.0.0", &registry.oci("charts"))]);
    let run = |program: Option<&Path>, verb: &str| {
        let arguments = ["dependency", verb, "web", "--plain-http"];
        let ran = program.map_or_else(|| place.run(&arguments), |program| helm(&place, program, &arguments));
        assert_eq!(ran.status, 0, "{}", ran.shown());
        let charts = files(&place.path().join("web/charts"));
        std::fs::remove_dir_all(place.path().join("web/charts")).unwrap();
        charts.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    for (locks, builds) in [(None, Some(&programs.helm4)), (Some(&programs.helm3), None), (Some(&programs.helm4), None)]
    {
        let _ = std::fs::remove_file(place.path().join("web/Chart.lock"));
        assert_eq!(run(locks.map(|path| &**path), "update"), ["db-1.2.3.tgz"]);
        assert_eq!(run(builds.map(|path| &**path), "build"), ["db-1.2.3.tgz"]);
    }
    // The lock holds even if there is something newer.
    push("1.3.0");
    assert_eq!(run(None, "build"), ["db-1.2.3.tgz"]);
    assert_eq!(run(None, "update"), ["db-1.3.0.tgz"]);
    // A lock of other dependencies is refused.
    needing(&place, "web", &[("^1.0.1", &registry.oci("charts"))]);
    let ran = place.run(&["dependency", "build", "web", "--plain-http"]);
    assert!(ran.status != 0 && ran.stderr.contains("out of sync"), "{}", ran.shown());
    // What the index says of the archive is compared with it; Helm takes it as it comes.
    let server = repository(&archives, |digest| digest.chars().rev().collect()).await;
    needing(&place, "other", &[("1.2.3", &format!("{}/charts", server.url()))]);
    let ran = tokio::task::block_in_place(|| place.run(&["dependency", "update", "other"]));
    assert_eq!(ran.status, 76, "{}", ran.shown());
    assert!(!place.path().join("other/charts").exists() && !place.path().join("other/Chart.lock").exists());
}

const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";

#[tokio::test(flavor = "multi_thread")]
async fn a_login_goes_to_the_one_host_of_the_dependencies_and_to_no_other() {
    let Some(programs) = Programs::find("a_login_goes_to_the_one_host_of_the_dependencies_and_to_no_other") else {
        return;
    };
    let made = Place::new();
    let archives = archives(&programs, &made);
    let registry = Distribution::start(&programs, Options { login: true, ..Options::default() });
    let login = ["--username", "user", "--password", "secret", "--plain-http"];
    let push = ["push", "db-1.2.3.tgz", &registry.oci("charts")];
    assert_eq!(made.run(&[&push[..], &login].concat()).status, 0);
    let server = repository(&archives, |digest| digest).await;
    let http = format!("{}/charts", server.url());
    let update = |place: &Place, name: &str, flags: &[&str]| {
        tokio::task::block_in_place(|| place.run(&[&["dependency", "update", name], flags].concat()))
    };

    let place = Place::new();
    needing(&place, "web", &[("1.2.3", &registry.oci("charts"))]);
    assert_eq!(update(&place, "web", &["--plain-http"]).status, 77);
    assert_eq!(update(&place, "web", &login).status, 0);
    let package = tokio::task::block_in_place(|| place.run(&[&["package", "web", "-u"][..], &login].concat()));
    assert_eq!(package.status, 0, "{}", package.shown());

    needing(&place, "classic", &[("1.2.3", &http)]);
    let ran = update(&place, "classic", &login);
    assert_eq!(ran.status, 0, "{}", ran.shown());
    assert!(server.requests().iter().all(|request| request.header("authorization") == Some(BASIC)));

    // Two hosts: nobody can know which of them the login is for.
    let asked = server.requests().len();
    needing(&place, "both", &[("1.2.3", &registry.oci("charts")), ("1.2.3", &http)]);
    let ran = update(&place, "both", &login);
    assert_eq!(ran.status, 64, "{}", ran.shown());
    assert!(ran.stderr.contains(&registry.host()) && !ran.stderr.contains("secret"), "{}", ran.stderr);
    assert_eq!(server.requests().len(), asked, "nobody was asked");
    // What `registry login` keeps is for one host by nature.
    let host = registry.host();
    let logged_in = ["registry", "login", &host, "-u", "user", "-p", "secret", "--plain-http"];
    assert_eq!(tokio::task::block_in_place(|| place.run(&logged_in)).status, 0);
    assert_eq!(update(&place, "both", &["--plain-http"]).status, 0);
    assert!(server.requests()[asked..].iter().all(|request| request.header("authorization").is_none()));
}

#[test]
fn signatures_of_dependencies_are_checked_as_by_helm() {
    let Some(programs) = Programs::find("signatures_of_dependencies_are_checked_as_by_helm") else { return };
    let signed = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/registry/signed").join(name);
    let made = Place::new();
    let registry = Distribution::start(&programs, Options::default());
    std::fs::copy(signed("small-1.0.0.tgz"), made.path().join("small-1.0.0.tgz")).unwrap();
    assert_eq!(made.run(&["push", "small-1.0.0.tgz", &registry.oci("bare"), "--plain-http"]).status, 0);
    std::fs::copy(signed("rsa.prov"), made.path().join("small-1.0.0.tgz.prov")).unwrap();
    assert_eq!(made.run(&["push", "small-1.0.0.tgz", &registry.oci("signed"), "--plain-http"]).status, 0);
    let (all, other) = (signed("all.gpg").display().to_string(), signed("other.gpg").display().to_string());
    for (from, verb, keyring) in [
        ("signed", "update", &all),
        ("signed", "update", &other),
        ("signed", "build", &all),
        ("bare", "update", &all),
        ("bare", "build", &all),
    ] {
        for (compat, program) in programs.helms() {
            let (theirs, ours) = (Place::new(), Place::new());
            for place in [&theirs, &ours] {
                let repository = registry.oci(from);
                place.file("web/Chart.yaml", &format!("apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{{name: small, version: 1.0.0, repository: \"{repository}\"}}]\n"));
            }
            // With a lock, so that `build` is no `update`.
            let locked = helm(&theirs, program, &["dependency", "update", "web", "--plain-http"]);
            assert_eq!(locked.status, 0, "{}", locked.shown());
            std::fs::remove_dir_all(theirs.path().join("web/charts")).unwrap();
            std::fs::copy(theirs.path().join("web/Chart.lock"), ours.path().join("web/Chart.lock")).unwrap();
            let arguments = ["dependency", verb, "web", "--verify", "--keyring", keyring, "--plain-http"];
            let expected = helm(&theirs, program, &arguments);
            let ran = ours.run(&[&arguments[..], &["--helm-compat", compat]].concat());
            assert_eq!(
                ran.status,
                expected.status,
                "helm {compat} {from} {verb} {}\n{}",
                ran.shown(),
                expected.shown()
            );
            let archive = |place: &Place| place.path().join("web/charts/small-1.0.0.tgz").exists();
            assert_eq!(archive(&ours), archive(&theirs), "helm {compat} {from} {verb}");
        }
    }
}
