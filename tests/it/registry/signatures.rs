//! Signed charts beside real Helm: what one signs the other checks, and both say the same of what is not in order.
//! `signed/README.md` tells what the files are.

use std::path::Path;

use super::distribution::{Distribution, Options, Programs, helm};
use super::real::{files, same, shown};
use crate::cli::{Place, Ran};

const CHART: &str = "small-1.0.0.tgz";

/// A file of `signed/`.
fn signed(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/registry/signed").join(name).display().to_string()
}

/// A place with the signed chart and this provenance file.
fn put(place: &Place, provenance: &str) {
    std::fs::copy(signed(CHART), place.path().join(CHART)).unwrap();
    std::fs::copy(signed(provenance), place.path().join(format!("{CHART}.prov"))).unwrap();
}

#[test]
fn verify_says_what_helm_says() {
    let Some(programs) = Programs::find("verify_says_what_helm_says") else { return };
    let (all, more, other) = (signed("all.gpg"), signed("more.gpg"), signed("other.gpg"));
    for (provenance, keyring) in [
        ("rsa.prov", &all),
        ("ed25519.prov", &all),
        ("expired.prov", &all),
        ("rsa.prov", &other),
        ("rsa.prov", &more),
        ("curve.prov", &more),
        ("digital.prov", &more),
        ("subkey.prov", &more),
        ("revoked.prov", &more),
        ("curve.prov", &signed("secret.gpg")),
        ("README.md", &all),
        ("rsa.prov", &"nowhere.gpg".to_owned()),
    ] {
        same(&programs, &["verify", CHART, "--keyring", keyring], |place| put(place, provenance));
    }
    for arguments in [
        &["verify", "nowhere.tgz", "--keyring", all.as_str()][..],
        &["verify", "folder", "--keyring", &all],
        &["verify", "text.txt", "--keyring", &all],
        &["verify", CHART, "--keyring", &all],
        // The name is part of what is signed.
        &["verify", "other-1.0.0.tgz", "--keyring", &all],
        &["verify", "changed-1.0.0.tgz", "--keyring", &all],
        &["verify"],
        &["verify", "a", "b"],
    ] {
        same(&programs, arguments, |place| {
            put(place, "rsa.prov");
            std::fs::rename(place.path().join(format!("{CHART}.prov")), place.path().join("other-1.0.0.tgz.prov"))
                .unwrap();
            std::fs::copy(signed(CHART), place.path().join("other-1.0.0.tgz")).unwrap();
            place.file("folder/Chart.yaml", "");
            place.file("text.txt", "no archive");
            place.file("changed-1.0.0.tgz", "no archive");
            std::fs::copy(signed("rsa.prov"), place.path().join("changed-1.0.0.tgz.prov")).unwrap();
        });
    }
}

#[test]
fn a_signature_is_checked_on_the_way_from_a_registry() {
    let Some(programs) = Programs::find("a_signature_is_checked_on_the_way_from_a_registry") else { return };
    let place = Place::new();
    let registry = Distribution::start(&programs, Options::default());
    for signature in ["rsa", "ed25519", "expired"] {
        put(&place, &format!("{signature}.prov"));
        let ran = place.run(&["push", CHART, &registry.oci(signature), "--plain-http"]);
        assert_eq!(ran.status, 0, "{}", ran.shown());
    }
    let (all, other) = (signed("all.gpg"), signed("other.gpg"));
    let small = |signature: &str| registry.oci(&format!("{signature}/small"));
    for (signature, flags) in [
        ("rsa", &["--verify", "--keyring", &all][..]),
        ("ed25519", &["--verify", "--keyring", &all]),
        ("rsa", &["--verify", "--prov", "--keyring", &all]),
        ("rsa", &["--prov"]),
        ("rsa", &["--verify", "--untar", "--keyring", &all]),
    ] {
        same(&programs, &[&["pull", &small(signature), "--plain-http"], flags].concat(), |_| {});
    }
    // Helm has written the archive by then; we have not.
    for (signature, keyring) in [("expired", all.as_str()), ("rsa", &other), ("rsa", "nowhere")] {
        for (verb, name) in [("pull", None), ("template", Some("mai"))] {
            let chart = small(signature);
            let mut arguments = vec![verb];
            arguments.extend(name);
            arguments.extend([chart.as_str(), "--verify", "--keyring", keyring, "--plain-http"]);
            for (compat, program) in programs.helms() {
                let (ours, theirs) = (Place::new(), Place::new());
                let expected = helm(&theirs, program, &arguments);
                let ran = ours.run(&[&arguments[..], &["--helm-compat", compat]].concat());
                let last = |ran: &Ran| ran.stderr.lines().last().unwrap_or_default().to_owned();
                assert_eq!((last(&ran), ran.status), (last(&expected), expected.status), "helm {compat} {arguments:?}");
                assert!(files(ours.path()).is_empty(), "{:?}", files(ours.path()));
            }
        }
    }
    // With no signature there is no chart.
    let bare = Place::new();
    std::fs::copy(signed(CHART), bare.path().join(CHART)).unwrap();
    assert_eq!(bare.run(&["push", CHART, &registry.oci("bare"), "--plain-http"]).status, 0);
    std::fs::remove_file(bare.path().join(CHART)).unwrap();
    let ran = bare.run(&["pull", &small("bare"), "--verify", "--keyring", &all, "--plain-http"]);
    assert_eq!(ran.status, 65, "{}", ran.shown());
    assert!(files(bare.path()).is_empty());
}

#[test]
fn a_signature_is_checked_beside_an_archive_of_this_machine() {
    let Some(programs) = Programs::find("a_signature_is_checked_beside_an_archive_of_this_machine") else { return };
    let (all, other) = (signed("all.gpg"), signed("other.gpg"));
    for arguments in [
        &["template", "mai", "./small-1.0.0.tgz", "--verify", "--keyring", &all][..],
        &["template", "mai", "./small-1.0.0.tgz", "--verify", "--keyring", &other],
        &["template", "mai", "./folder", "--verify", "--keyring", &all],
        &["show", "chart", "./small-1.0.0.tgz", "--verify", "--keyring", &all],
        &["show", "chart", "./small-1.0.0.tgz", "--verify", "--keyring", &other],
        &["install", "mai", "./small-1.0.0.tgz", "--dry-run=client", "--verify", "--keyring", &other],
    ] {
        same(&programs, arguments, |place| {
            put(place, "rsa.prov");
            place.file("folder/Chart.yaml", "apiVersion: v2\nname: folder\nversion: 1.0.0\n");
        });
    }
    // In our own words, in both languages.
    let place = Place::new();
    put(&place, "rsa.prov");
    for (lang, text) in [("en", "no key of the keyring has made the signature"), ("zh", "keyring 中的任何密钥")] {
        let ran = place.run(&["verify", CHART, "--keyring", &other, "--lang", lang]);
        assert_eq!((ran.status, ran.stdout.as_str()), (65, ""), "{}", ran.shown());
        assert!(ran.stderr.contains(text) && ran.stderr.contains("MB7008"), "{}", ran.stderr);
    }
}

/// Charts to sign: a plain one, and one of the old format with requirements.
fn charts(place: &Place) {
    place.file(
        "web/Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 1.0.0+b.1\ndescription: \"- dash: yes  \"\nkeywords: [a]\nmaintainers: [{name: A}]\n",
    );
    place.file("web/templates/a.yaml", "kind: A\n");
    place.file("old/Chart.yaml", "name: old\nversion: 1.0.0\n");
    place.file("old/requirements.yaml", "dependencies: [{name: web, version: '*', repository: file://../web}]\n");
    place.file("old/charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    place.file("passphrase", "secret\nsecond line\n");
}

#[test]
fn what_maibot_signs_helm_verifies_and_the_other_way_round() {
    let Some(programs) = Programs::find("what_maibot_signs_helm_verifies_and_the_other_way_round") else { return };
    let (secret, public) = (signed("secret.gpg"), signed("more.gpg"));
    for (key, passphrase) in [
        ("Package", &["--passphrase-file", "passphrase"][..]),
        ("Open Signer <open@example.com>", &[]),
        ("curve@", &[]),
        ("Digital", &[]),
    ] {
        for (chart, archive) in [("web", "web-1.0.0+b.1.tgz"), ("old", "old-1.0.0.tgz")] {
            let (theirs, ours) = (Place::new(), Place::new());
            charts(&theirs);
            charts(&ours);
            let arguments = [&["package", chart, "--sign", "--key", key, "--keyring", &secret], passphrase].concat();
            for (compat, program) in programs.helms() {
                let expected = helm(&theirs, program, &arguments);
                let ran = ours.run(&[&arguments[..], &["--helm-compat", compat]].concat());
                assert_eq!(shown(&ran, &ours), shown(&expected, &theirs), "helm {compat} {arguments:?}");
                assert_eq!(ran.status, 0, "{}", ran.shown());
                let read =
                    |place: &Place| std::fs::read_to_string(place.path().join(format!("{archive}.prov"))).unwrap();
                // The same frame and text; archives, times and signatures are everybody's own.
                let form = |text: String| {
                    let (text, signature) = text.split_once("\n-----BEGIN PGP SIGNATURE-----\n").unwrap();
                    let lines: Vec<usize> = signature.lines().map(str::len).collect();
                    let digest = text.find("sha256:").unwrap();
                    (
                        text[..digest].to_owned(),
                        text[digest + 71..].to_owned(),
                        lines[0],
                        lines[1],
                        *lines.last().unwrap(),
                    )
                };
                assert_eq!(form(read(&ours)), form(read(&theirs)), "helm {compat} {arguments:?}");
                assert!(read(&ours).ends_with("\n-----END PGP SIGNATURE-----"));

                let verify = ["verify", archive, "--keyring", &public];
                let checked = |place: &Place| {
                    let (by_helm, by_us) = (helm(place, program, &verify), place.run(&verify));
                    assert_eq!(by_us.shown(), by_helm.shown(), "helm {compat} {arguments:?}");
                    assert_eq!(by_helm.status, 0, "{}", by_helm.shown());
                };
                checked(&ours);
                checked(&theirs);
            }
        }
    }
}

#[test]
fn without_a_key_there_is_no_signature_and_no_archive() {
    let Some(programs) = Programs::find("without_a_key_there_is_no_signature_and_no_archive") else { return };
    let (secret, public) = (signed("secret.gpg"), signed("more.gpg"));
    let sign = ["package", "web", "--sign"];
    for flags in [
        &["--keyring", secret.as_str()][..],
        &["--key", "Open", "--keyring", ""],
        &["--key", "Nobody", "--keyring", &secret],
        &["--key", "Signer", "--keyring", &secret],
        &["--key", "Open", "--keyring", &public],
        &["--key", "Open", "--keyring", "nowhere"],
        &["--key", "Package", "--keyring", &secret, "--passphrase-file", "wrong"],
        &["--key", "Open", "--keyring", &secret, "--passphrase-file", "nowhere"],
    ] {
        for (compat, program) in programs.helms() {
            let (theirs, ours) = (Place::new(), Place::new());
            for place in [&theirs, &ours] {
                charts(place);
                place.file("wrong", "wrong\n");
            }
            let before = files(ours.path());
            let arguments = [&sign[..], flags].concat();
            let expected = helm(&theirs, program, &arguments);
            let ran = ours.run(&[&arguments[..], &["--helm-compat", compat]].concat());
            assert_eq!(shown(&ran, &ours), shown(&expected, &theirs), "helm {compat} {arguments:?}");
            assert_eq!(files(ours.path()), before, "{arguments:?}");
        }
    }
}

#[test]
fn a_passphrase_comes_from_standard_input_or_is_asked_for_on_a_terminal() {
    let place = Place::new();
    charts(&place);
    let secret = signed("secret.gpg");
    let sign = ["package", "web", "web", "--sign", "--key", "Package", "--keyring", &secret];
    let mut command = place.command(&[&sign[..], &["--passphrase-file", "-"]].concat());
    let ran = Ran::of(command.write_stdin("secret\n").output().unwrap());
    assert_eq!(ran.status, 0, "{}", ran.shown());
    assert_eq!(ran.stdout.lines().count(), 2, "one passphrase serves both: {}", ran.shown());
    let verified = place.run(&["verify", "web-1.0.0+b.1.tgz", "--keyring", &signed("more.gpg")]);
    assert!(verified.stdout.starts_with("Signed by: Package Signer <packager@example.com>\n"), "{}", verified.shown());
    place.file("empty", "");
    let ran = place.run(&[&sign[..], &["--passphrase-file", "empty"]].concat());
    assert!(ran.status != 0 && ran.stderr.contains("`empty`"), "{}", ran.shown());
    // Nobody is there to be asked.
    let ran = place.run(&sign);
    assert_ne!(ran.status, 0);
    assert!(ran.stderr.contains("--passphrase-file"), "{}", ran.stderr);
}
