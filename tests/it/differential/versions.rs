//! Random versions and constraints.

use maibot::yaml::{Mapping, Value};

use super::mutate;
use super::random::Random;

/// A request of the command `semver`.
pub(super) fn request(random: &mut Random) -> Value {
    if random.chance(20) {
        return mutate::request(random, &["semver-cases.json"], &["constraint", "version"]);
    }
    Value::Mapping(Mapping::from([
        ("constraint".to_owned(), Value::from(constraint(random))),
        ("version".to_owned(), Value::from(version(random))),
    ]))
}

fn number(random: &mut Random) -> &'static str {
    random.word(&[
        "0",
        "0",
        "0",
        "1",
        "1",
        "1",
        "1",
        "2",
        "2",
        "2",
        "3",
        "3",
        "10",
        "19",
        "9",
        "1",
        "0",
        "2",
        "1",
        "2",
        "01",
        "100",
        "18446744073709551615",
    ])
}

fn suffix(random: &mut Random) -> String {
    let mut text = String::new();
    if random.chance(25) {
        text.push('-');
        let sound = random.word(&[
            "alpha",
            "beta",
            "alpha.1",
            "beta.2",
            "rc1",
            "0",
            "1",
            "a-b",
            "gke.100",
            "alpha.beta",
            "99999999999999999999",
            "-",
            "A",
            "a",
            "0a",
        ]);
        let unsound = random.word(&["01", "", "é", "a_b", "a..b", "18446744073709551616", ".", "18446744073709551616"]);
        text.push_str(if random.chance(90) { sound } else { unsound });
    }
    if random.chance(8) {
        text.push('+');
        text.push_str(random.word(&["b1", "01", "a.b", "meta-1", "b1", "x", "", "a_b", "x+y"]));
    }
    text
}

/// A version, of one to four parts.
pub(super) fn version(random: &mut Random) -> String {
    let prefixes: &[&str] = if random.chance(4) { &["V", " ", "vv", "=", "-"] } else { &["", "v"] };
    let mut text = random.word(prefixes).to_owned();
    let parts = if random.chance(4) { random.below(6) } else { *random.pick(&[3, 3, 3, 3, 2, 1]) };
    text.push_str(&(0..parts).map(|_| number(random)).collect::<Vec<_>>().join("."));
    text.push_str(&suffix(random));
    text
}

fn part(random: &mut Random) -> String {
    let mut operator = random.word(&["", "", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^", "^", "~"]);
    if random.chance(2) {
        operator = random.word(&["==", "!", "<>", "~=", "^^"]);
    }
    let space = random.word(&["", "", "", " ", "  "]);
    let v = random.word(&["", "", "", "", "v"]);
    let parts = if random.chance(3) { *random.pick(&[0, 4]) } else { *random.pick(&[3, 3, 3, 2, 2, 1, 1]) };
    let numbers = (0..parts).map(|_| if random.chance(12) { random.word(&["x", "X", "*"]) } else { number(random) });
    let text = numbers.collect::<Vec<_>>().join(".");
    format!("{operator}{space}{v}{text}{}", suffix(random))
}

/// A constraint.
pub(super) fn constraint(random: &mut Random) -> String {
    let mut text = String::new();
    for index in 0..=random.few(3) {
        if index > 0 {
            text.push_str(random.word(&[" ", ", ", ",", " || ", "||", " || ", " - ", "  "]));
            if random.chance(3) {
                text.push_str(random.word(&["-", " | ", ";", "||", ",", "&&"]));
            }
        }
        text.push_str(&part(random));
    }
    if random.chance(4) {
        text.push_str(random.word(&[" ", ",", "||"]));
    }
    text
}
