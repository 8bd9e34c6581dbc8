//! What the program is made of: licences, advisories and crates that must not come in. Works offline in about a second:
//! licences come from `cargo metadata`, advisories from `tests/supply/advisories.tsv`, a dated extract of the `RustSec`
//! database (`tests/supply/refresh.py` makes it anew).

use std::collections::BTreeMap;
use std::process::Command;

use semver::{Version, VersionReq};

/// Licences that a binary under MIT or Apache-2.0 may contain.
const ALLOWED_LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Unicode-3.0",
    "Zlib",
    "0BSD",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "MIT-0",
    "Unlicense",
];

/// Crates that name a file instead of an identifier, with what the file says.
const LICENCE_FILES: &[(&str, &str)] = &[];

/// Crates that must not come in: second TLS stacks, native libraries, and a fork with an open advisory.
const BANNED: &[&str] = &["openssl-sys", "aws-lc-sys", "native-tls", "serde_yml", "libyaml-sys"];

/// Advisories that are known and do not matter here, each with its reason.
const ACCEPTED: &[(&str, &str)] = &[(
    "RUSTSEC-2023-0071",
    "the time that operations with a private RSA key take can be measured by others; here (0.10 for templates, 0.9 below \
     pgp) nothing is decrypted, signatures are checked with public keys, and keys are made and charts and certificates \
     signed on the machine of the user whose keys they are, where nobody else measures",
)];

fn locked() -> Vec<(String, Version)> {
    let lock: toml_edit::DocumentMut = include_str!("../../Cargo.lock").parse().expect("Cargo.lock is TOML");
    lock["package"]
        .as_array_of_tables()
        .expect("packages")
        .iter()
        .map(|package| {
            let text = |key: &str| package[key].as_str().expect("text").to_owned();
            (text("name"), Version::parse(&text("version")).expect("semver"))
        })
        .collect()
}

#[test]
fn every_dependency_has_a_licence_we_may_ship() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--all-features"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut refused = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let named = LICENCE_FILES.iter().find(|(name, _)| package["name"] == *name).map(|(_, licence)| *licence);
        let licence = package["license"].as_str().or(named).unwrap_or_default().replace('/', " OR ");
        // A choice is fine when one side is; a conjunction when all of it is.
        let fine = licence
            .split(" OR ")
            .any(|side| side.split(" AND ").all(|term| ALLOWED_LICENCES.contains(&term.trim_matches(['(', ')', ' ']))));
        if !fine {
            refused.push(format!("{} {}: {licence}", package["name"], package["version"]));
        }
    }
    assert!(refused.is_empty(), "licences not on the list:\n{}", refused.join("\n"));
}

#[test]
fn no_dependency_has_an_open_advisory() {
    let mut advisories: BTreeMap<&str, Vec<[&str; 5]>> = BTreeMap::new();
    for line in include_str!("../supply/advisories.tsv").lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let fields: [&str; 5] = fields.try_into().expect("five fields");
        advisories.entry(fields[1]).or_default().push(fields);
    }
    assert!(advisories.len() > 500, "the extract is whole");
    let covers = |requirements: &str, version: &Version| {
        requirements.split(';').filter(|text| !text.is_empty()).any(|text| {
            let requirement = VersionReq::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            // A prerelease of a later version is later.
            requirement.matches(version)
                || requirement.matches(&Version::new(version.major, version.minor, version.patch))
        })
    };
    let mut open = Vec::new();
    for (name, version) in locked() {
        for [id, _, kind, patched, unaffected] in advisories.get(name.as_str()).into_iter().flatten() {
            let accepted = ACCEPTED.iter().any(|(known, _)| known == id);
            if !covers(patched, &version) && !covers(unaffected, &version) && !accepted {
                open.push(format!("{id} ({kind}): {name} {version}, patched in {patched}"));
            }
        }
    }
    assert!(open.is_empty(), "open advisories:\n{}", open.join("\n"));
}

#[test]
fn banned_crates_stay_out() {
    let found: Vec<String> =
        locked().into_iter().map(|(name, _)| name).filter(|name| BANNED.contains(&name.as_str())).collect();
    assert!(found.is_empty(), "{found:?}");
}
