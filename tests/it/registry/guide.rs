//! The pages of the guide about registries: every command on them is run here as it stands there, against a registry of
//! its own, behind its certificate and its login.

use std::path::Path;
use std::process::Command;

use super::distribution::{Distribution, Options, Programs, certificate, helm};
use super::real::files;
use crate::cli::{Place, Ran, scrub};

/// The lines of the shell blocks of a page.
fn commands(page: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => commands.push(line.to_owned()),
            _ => {}
        }
    }
    commands
}

/// The chart `maibot` in a place, in the registry, once signed.
fn fill(place: &Place, registry: &Distribution) -> String {
    place.file("maibot/Chart.yaml", "apiVersion: v2\nname: maibot\nversion: 0.12.1\n");
    place.file("maibot/values.yaml", "core: {}\n");
    place.file("maibot/templates/a.yaml", "kind: ConfigMap\n");
    place.file("mychart/Chart.yaml", "apiVersion: v2\nname: mychart\nversion: 1.0.0\n");
    place.file("maibot.yaml", "core: {}\n");
    for (name, source) in [("secring.gpg", "secret.gpg"), ("keys.gpg", "more.gpg")] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/registry/signed").join(source);
        std::fs::copy(source, place.path().join(name)).unwrap();
    }
    let sign = ["package", "maibot", "--sign", "--key", "Open", "--keyring", "secring.gpg"];
    assert_eq!(place.run(&sign).status, 0);
    let ca = certificate("ca.crt");
    let login = ["--username", "user", "--password", "secret", "--ca-file", &ca];
    let pushed = place.run(&[&["push", "maibot-0.12.1.tgz", &registry.oci("maibot")][..], &login].concat());
    assert_eq!(pushed.status, 0, "{}", pushed.shown());
    let digest = pushed.stderr.split(['(', ')']).find(|word| word.starts_with("sha256:"));
    digest.unwrap_or_else(|| panic!("{}", pushed.shown())).to_owned()
}

#[test]
fn every_command_of_the_pages_about_registries_works() {
    let Some(programs) = Programs::find("every_command_of_the_pages_about_registries_works") else { return };
    let pages = ["registry.md", "registry.zh.md"].map(|name| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide").join(name);
        commands(&std::fs::read_to_string(path).unwrap())
    });
    let bare = |lines: &[String]| {
        let command = |line: &String| line.split(" # ").next().unwrap_or_default().trim_end().to_owned();
        lines.iter().map(command).collect::<Vec<_>>()
    };
    assert_eq!(bare(&pages[0]), bare(&pages[1]), "both pages have the same commands");
    assert!(pages[0].len() > 15);

    let registry = Distribution::start(&programs, Options { login: true, tls: true, ..Options::default() });
    let place = Place::new();
    let digest = fill(&place, &registry);
    let default_chart = registry.oci("maibot/maibot");
    place.file(".config/maibot/config.toml", &format!("maibot-chart = \"{default_chart}\"\n"));
    place.file("password.txt", "secret\n");
    let program = Path::new(env!("CARGO_BIN_EXE_maibot")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    for line in &pages[0] {
        let line = line.replace("registry.example.com", &registry.host()).replace("sha256:DIGEST", &digest);
        let mut command = Command::new("sh");
        scrub(|name| {
            command.env_remove(name);
        });
        command
            .env("HOME", place.path())
            .env("PATH", &path)
            .env("SSL_CERT_FILE", certificate("ca.crt"))
            .current_dir(place.path())
            .args(["-ec", &line]);
        let ran = Ran::of(command.stdin(std::process::Stdio::null()).output().unwrap());
        assert_eq!(ran.status, 0, "{line}\n{}", ran.shown());
    }
    let there: Vec<String> = files(place.path()).into_iter().map(|(name, _)| name).collect();
    for name in ["maibot-0.12.1.tgz", "mychart-1.0.0.tgz", "mychart-1.0.0.tgz.prov"] {
        assert!(there.iter().any(|file| file == name), "{name}: {there:?}");
    }
    // What was signed on the way, Helm takes.
    let verified = helm(&place, &programs.helm4, &["verify", "mychart-1.0.0.tgz", "--keyring", "keys.gpg"]);
    assert_eq!(verified.status, 0, "{}", verified.shown());
}
