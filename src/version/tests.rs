use std::cmp::Ordering;

use proptest::prelude::*;

use super::{Constraint, Version};

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn wants(constraint: &str, text: &str) -> bool {
    Constraint::parse(constraint).unwrap().check(&version(text))
}

#[test]
fn a_version_is_read_leniently_and_keeps_its_spelling() {
    for (text, normal) in [("v1.2", "1.2.0"), ("1", "1.0.0"), ("01.2.3", "1.2.3"), ("v1.2.3-a.1+b-c", "1.2.3-a.1+b-c")]
    {
        let version = version(text);
        assert_eq!((version.to_string().as_str(), version.original()), (normal, text));
    }
}

#[test]
fn what_is_no_version_is_refused_with_the_librarys_words() {
    let long = format!("1.2.3-{}", "a".repeat(256));
    for (text, error) in [
        ("", "invalid semantic version"),
        ("1.", "invalid semantic version"),
        ("1.2.3.4", "invalid semantic version"),
        ("1.2.3-é", "invalid semantic version"),
        ("1.2.3\n", "invalid semantic version"),
        ("1.2.3-01", "version segment starts with 0"),
        (
            "1.18446744073709551616",
            "error parsing version segment: strconv.ParseUint: parsing \"18446744073709551616\": value out of range",
        ),
        (&long, "version string is too long (max 256 bytes)"),
    ] {
        assert_eq!(Version::parse(text).unwrap_err().to_string(), error, "{text}");
    }
}

#[test]
fn a_full_version_is_read_strictly() {
    assert_eq!(Version::parse_strict("1.2.3-a+b").unwrap(), version("1.2.3-a+b"));
    for (text, error) in [
        ("", "version string empty"),
        ("1.2", "invalid semantic version"),
        ("v1.2.3", "invalid characters in version"),
        ("1.02.3", "version segment starts with 0"),
        ("1.2.3-", "invalid prerelease string"),
        ("1.2.3+a..b", "invalid metadata string"),
        ("1..3", "strconv.ParseUint: parsing \"\": invalid syntax"),
        ("1.2.18446744073709551616", "strconv.ParseUint: parsing \"18446744073709551616\": value out of range"),
    ] {
        assert_eq!(Version::parse_strict(text).unwrap_err().to_string(), error, "{text}");
    }
}

#[test]
fn versions_are_in_the_order_of_the_standard() {
    let sorted = [
        "0.9.9",
        "1.0.0-1",
        "1.0.0-2",
        "1.0.0-10",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc",
        "1.0.0",
        "1.0.1",
        "2",
    ];
    for (low, left) in sorted.iter().enumerate() {
        for (high, right) in sorted.iter().enumerate() {
            assert_eq!(version(left).compare(&version(right)), low.cmp(&high), "{left} {right}");
        }
    }
    assert!(version("1.0.0+a").is_same(&version("v1+b")));
}

#[test]
fn the_next_version_drops_what_does_not_belong_to_it() {
    let from = version("v1.2.3-rc.1+b");
    assert_eq!(from.next_patch().unwrap().original(), "v1.2.3");
    assert_eq!(from.next_minor().unwrap().original(), "v1.3.0");
    assert_eq!(from.next_major().unwrap().original(), "v2.0.0");
    assert_eq!(from.with_prerelease("x").unwrap().original(), "v1.2.3-x+b");
    assert_eq!(from.with_metadata("").unwrap().to_string(), "1.2.3-rc.1");
    assert_eq!(from.with_metadata("é").unwrap_err().to_string(), "invalid metadata string");
    let last = Version::new(u64::MAX, u64::MAX, u64::MAX);
    assert_eq!(last.next_patch().unwrap_err().to_string(), "patch version increment would overflow uint64");
}

#[test]
fn a_range_is_rewritten_wherever_it_stands() {
    assert!(wants("1.2 - 1.4 || 3 - 4", "1.4.9"));
    assert!(wants("1.2 - 1.4 || 3 - 4", "4.0.1"));
    assert!(!wants("1.2 - 1.4 || 3 - 4", "2.0.0"));
    assert!(!wants(">=1.2, 1.3 - 1.4", "1.2.0"));
}

#[test]
fn a_constraint_prints_what_was_read() {
    assert_eq!(Constraint::parse(" >=1.2 ,<v2||~> 3.x").unwrap().to_string(), ">=1.2 <v2 || ~>3.x");
}

#[test]
fn a_refusal_tells_every_reason() {
    let reasons = |constraint: &str, text: &str| Constraint::parse(constraint).unwrap().validate(&version(text));
    assert_eq!(reasons(">1 || ^0.2", "0.2.5"), Ok(()));
    assert_eq!(
        reasons(">1, <0.1 || ^0.2.3", "0.3.0").unwrap_err(),
        [
            "\"0.3.0\" is less than or equal to \"1\"",
            "\"0.3.0\" is greater than or equal to \"0.1\"",
            "\"0.3.0\" does not have same minor version as \"0.2.3\". \
             Expected minor versions to match when constraint major version is 0",
        ]
    );
    assert_eq!(
        reasons("1 || 2", "1.0.0-rc").unwrap_err(),
        ["\"1.0.0-rc\" is a prerelease version and the constraint is only looking for release versions"]
    );
}

#[test]
fn a_constraint_has_limits() {
    let error = |text: &str| Constraint::parse(text).unwrap_err().to_string();
    assert_eq!(error(&"1".repeat(513)), "constraint string is too long (max 512 bytes)");
    assert_eq!(error(&["1"; 33].join("||")), "too many constraint groups (max 32)");
    assert_eq!(error("1 || \u{7}é"), "improper constraint: \" \\aé\"");
    assert_eq!(Constraint::parse_bytes(b"\xff").unwrap_err().to_string(), "improper constraint: \"\\xff\"");
}

proptest! {
    #[test]
    fn no_text_makes_the_parsers_panic(text in "[v0-9xX*|.+<>=!~^, \\-a-bé]{0,40}") {
        let _ = Version::parse(&text);
        let _ = Version::parse_strict(&text);
        let _ = Constraint::parse(&text);
    }

    #[test]
    fn the_order_is_total(texts in proptest::collection::vec("[0-2]\\.[0-2](-[0-2a-b]{1,2}(\\.[0-2a-b]{1,2})?)?", 3)) {
        let versions: Vec<Version> = texts.iter().filter_map(|text| Version::parse(text).ok()).collect();
        if let [a, b, c] = versions.as_slice() {
            prop_assert_eq!(a.compare(b), b.compare(a).reverse());
            if a.compare(b) != Ordering::Greater && b.compare(c) != Ordering::Greater {
                prop_assert_ne!(a.compare(c), Ordering::Greater);
            }
        }
    }
}
