//! Random TOML, and values to be written as TOML.

use maibot::yaml::{Mapping, Value};

use super::random::Random;
use super::{mutate, values};

/// A request of the command `toml`.
pub(super) fn request(random: &mut Random) -> Value {
    if random.chance(25) {
        return mutate::request(random, &["toml-cases.json"], &["read"]);
    }
    let mut request = Mapping::new();
    if random.chance(40) {
        // Only maps: what else is written is a panic of the library, which templates cannot reach.
        request.insert("write".to_owned(), Value::Mapping(values::mapping(random, 3)));
    } else {
        let mut text = document(random);
        if random.chance(25) {
            let other = document(random);
            text = mutate::text(random, &text, &other);
        }
        request.insert("read".to_owned(), Value::from(text));
    }
    Value::Mapping(request)
}

fn key(random: &mut Random) -> String {
    let mut text = String::new();
    for index in 0..=random.few(2) {
        if index > 0 {
            text.push_str(random.word(&[".", ".", " . ", ".."]));
        }
        text.push_str(random.word(&[
            "a",
            "b",
            "c",
            "d",
            "k-1_x",
            "1",
            "\"q k\"",
            "'l'",
            "\"\"",
            "é",
            "\"é\"",
            "true",
            "\"\\u00e9\"",
            "x y",
            "",
            "inf",
        ]));
    }
    text
}

/// A document.
pub(super) fn document(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..=random.few(5) {
        match random.below(12) {
            0 | 1 => text.push_str(&format!("[{}]", key(random))),
            2 => text.push_str(&format!("[[{}]]", key(random))),
            3 => text.push_str(random.word(&[
                "",
                "# comment",
                "  ",
                "\t# é",
                "#\u{1}",
                "x",
                "=",
                "]",
                "[a",
                "[[a]",
                "[a]]",
            ])),
            _ => {
                text.push_str(random.word(&["", "", "", "  "]));
                text.push_str(&key(random));
                text.push_str(random.word(&[" = ", "=", " =", "= ", " : ", " "]));
                value(random, 2, &mut text);
            }
        }
        text.push_str(random.word(&["\n", "\n", "\n", "\r\n", " # c\n", "\n\n", " x\n", ""]));
    }
    text
}

fn value(random: &mut Random, depth: usize, text: &mut String) {
    match random.below(if depth == 0 { 8 } else { 11 }) {
        0 | 1 => text.push_str(random.word(&[
            "0",
            "1",
            "-1",
            "+1",
            "007",
            "0x1F",
            "0o17",
            "0b11",
            "1_000",
            "1__0",
            "_1",
            "9223372036854775807",
            "9223372036854775808",
            "0xg",
            "1_",
            "-0x1",
            "0b2",
        ])),
        2 => text.push_str(random.word(&[
            "1.5",
            "-0.0",
            "1e3",
            "1E+3",
            "1.",
            ".5",
            "1.5e-3",
            "inf",
            "-inf",
            "nan",
            "+nan",
            "1e400",
            "6.02_2e1_0",
            "1.e3",
            "0.1",
            "01.5",
            "1e",
            "5e+22",
        ])),
        3 => text.push_str(random.word(&["true", "false", "True", "tru", "null", "yes", "falsey"])),
        4 => text.push_str(random.word(&[
            "1979-05-27T07:32:00Z",
            "1979-05-27T00:32:00-07:00",
            "1979-05-27T00:32:00.999999-07:00",
            "1979-05-27 07:32:00Z",
            "1979-05-27T07:32:00",
            "1979-05-27",
            "07:32:00",
            "00:32:00.5",
            "1979-13-01",
            "1979-05-27T25:00:00Z",
            "1979-02-30",
            "1979-05-27t07:32:00z",
            "07:32",
            "1979-5-27",
            "24:00:00",
            "1979-05-27T07:32Z",
        ])),
        5 => {
            let word = random.word(values::WORDS).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            text.push_str(&format!(
                "\"{word}{}\"",
                random.word(&["", "", "\\t", "\\u00e9", "\\U0001F600", "\\x41", "\\e", "\\q", "\\ud800", "\\", "\n"])
            ));
        }
        6 => text.push_str(&format!("'{}'", random.word(values::WORDS))),
        7 => text.push_str(random.word(&[
            "\"\"\"\na\nb\"\"\"",
            "\"\"\"a \\\n   b\"\"\"",
            "'''\na\\n'''",
            "\"\"\"a\"\"b\"\"\"",
            "'''a''''",
            "\"\"\"\"\"\"\"\"",
            "\"\"\"a",
            "'''it's'''",
            "\"\"\"\\q\"\"\"",
            "\"\"\"a\r\nb\"\"\"",
        ])),
        8 | 9 => {
            text.push('[');
            for index in 0..random.few(3) {
                if index > 0 {
                    text.push_str(random.word(&[", ", ",", ",\n  ", " ,", " # c\n,", " "]));
                }
                value(random, depth - 1, text);
            }
            text.push_str(random.word(&["]", "]", "]", ",]", "\n]", ""]));
        }
        _ => {
            text.push('{');
            for index in 0..random.few(3) {
                if index > 0 {
                    text.push_str(random.word(&[", ", ",", ", ", ",\n"]));
                }
                text.push_str(&key(random));
                text.push_str(random.word(&[" = ", "="]));
                value(random, depth - 1, text);
            }
            text.push_str(random.word(&["}", "}", "}", ",}", "\n}", ""]));
        }
    }
}
