//! Random YAML: documents from a grammar, recorded ones with changes, and values to be written.

use maibot::yaml::{Mapping, Value};

use super::random::Random;
use super::{mutate, values};

/// A request of the command `yaml`.
pub(super) fn request(random: &mut Random) -> Value {
    if random.chance(30) {
        return mutate::request(random, &["yaml-cases.json"], &["read", "documents"]);
    }
    let mut request = Mapping::new();
    match random.below(10) {
        0..3 => {
            request.insert("write".to_owned(), values::tree(random, 3));
        }
        3 => {
            request.insert("documents".to_owned(), Value::from(stream(random)));
        }
        4..6 => {
            let (original, other) = (document(random), document(random));
            request.insert("read".to_owned(), Value::from(mutate::text(random, &original, &other)));
        }
        _ => {
            request.insert("read".to_owned(), Value::from(document(random)));
        }
    }
    if request.contains_key("read") && random.chance(40) {
        request.insert("into".to_owned(), Value::from(random.word(&["list", "any", "map"])));
    }
    Value::Mapping(request)
}

/// Several documents.
fn stream(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..=random.few(3) {
        text.push_str(random.word(&["", "---\n", "---\n", "--- # c\n", "...\n", "---\n---\n", "%YAML 1.1\n---\n"]));
        text.push_str(&document(random));
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

/// One document.
pub(super) fn document(random: &mut Random) -> String {
    let mut text = String::new();
    if random.chance(4) {
        text.push_str(random.word(&[
            "\u{feff}",
            "---\n",
            "--- ",
            "%YAML 1.1\n---\n",
            "# comment\n",
            "\n",
            "%TAG ! tag:x,1:\n---\n",
        ]));
    }
    match random.below(10) {
        0 => text.push_str(&scalar(random, 0)),
        1 => flow(random, 3, &mut text),
        2 | 3 => sequence(random, 0, 3, &mut text),
        _ => mapping(random, 0, 3, &mut text),
    }
    text
}

fn pad(indent: usize, text: &mut String) {
    text.extend(std::iter::repeat_n(' ', indent));
}

fn key(random: &mut Random) -> String {
    match random.below(20) {
        0 => "<<".to_owned(),
        1 => format!("\"{}\"", random.word(&["a", "b", "q k", "\\n", "é", "\\x41"])),
        2 => format!("'{}'", random.word(&["a", "b", "it''s", ""])),
        3 => random
            .word(&["1.5", "010", "yes", "~", "1e3", "-1", "null", "2024-01-01", "0x1F", ".inf", "1_0"])
            .to_owned(),
        4 => format!("&k{} {}", random.below(3), random.word(&["a", "b"])),
        5 => random.word(&["é", "中", "a b", "a.b", "$x", "!t a", "!!str 1", "*k0", "-a", "a:b", "a#b"]).to_owned(),
        _ => random.word(&["a", "b", "c", "d", "name", "list", "x", "y", "n"]).to_owned(),
    }
}

fn properties(random: &mut Random, text: &mut String) {
    if random.chance(6) {
        text.push_str(random.word(&[
            "&k0 ",
            "&k1 ",
            "&k2 ",
            "!!str ",
            "!!int ",
            "!!float ",
            "!!bool ",
            "!!null ",
            "!!map ",
            "!!seq ",
            "!foo ",
            "!!binary ",
            "!!timestamp ",
            "!!str &k0 ",
            "&k1 !!str ",
            "! ",
            "!!merge ",
            "!<tag:yaml.org,2002:int> ",
        ]));
    }
}

fn comment(random: &mut Random, text: &mut String) {
    if random.chance(7) {
        text.push_str(random.word(&[" # c", " #", "  # a: b", "\t# tab", " #c\n\n", "\n# line", " # 中"]));
    }
}

fn node(random: &mut Random, indent: usize, depth: usize, text: &mut String) {
    properties(random, text);
    match random.below(if depth == 0 { 6 } else { 12 }) {
        0..5 => text.push_str(&scalar(random, indent)),
        5 => text.push_str(random.word(&["*k0", "*k1", "*k2", "", "*k0 ", "~"])),
        6 => flow(random, depth - 1, text),
        7 => block(random, indent, text),
        8 => {
            comment(random, text);
            text.push('\n');
            let deeper = indent + usize::from(random.chance(50)) * 2;
            sequence(random, deeper, depth - 1, text);
            return;
        }
        _ => {
            comment(random, text);
            text.push('\n');
            let deeper = indent + 1 + random.below(3);
            mapping(random, deeper, depth - 1, text);
            return;
        }
    }
    comment(random, text);
    if !text.ends_with('\n') {
        text.push('\n');
    }
}

fn mapping(random: &mut Random, indent: usize, depth: usize, text: &mut String) {
    for _ in 0..=random.few(4) {
        pad(indent, text);
        if random.chance(3) {
            text.push_str("? ");
            node(random, indent + 2, depth.saturating_sub(1), text);
            if random.chance(80) {
                pad(indent, text);
                text.push_str(": ");
                node(random, indent + 2, depth.saturating_sub(1), text);
            }
            continue;
        }
        text.push_str(&key(random));
        text.push_str(random.word(&[": ", ": ", ": ", ": ", ":", ":  ", " : ", ":\t"]));
        node(random, indent, depth, text);
    }
}

fn sequence(random: &mut Random, indent: usize, depth: usize, text: &mut String) {
    for _ in 0..=random.few(4) {
        pad(indent, text);
        text.push_str(random.word(&["- ", "- ", "- ", "-   ", "-\t", "-\n"]));
        if text.ends_with('\n') {
            pad(indent + 2, text);
        }
        if depth > 0 && random.chance(25) {
            // A map that begins on the line of the dash.
            text.push_str(&key(random));
            text.push_str(": ");
            node(random, indent + 2, depth - 1, text);
            mapping(random, indent + 2, depth - 1, text);
        } else {
            node(random, indent + 2, depth, text);
        }
    }
}

fn flow(random: &mut Random, depth: usize, text: &mut String) {
    let list = random.chance(50);
    text.push(if list { '[' } else { '{' });
    for index in 0..random.few(4) {
        if index > 0 {
            text.push_str(random.word(&[", ", ",", " , ", ",\n   "]));
        }
        if !list || random.chance(10) {
            text.push_str(&key(random));
            text.push_str(random.word(&[": ", ": ", ":", " : ", ""]));
        }
        properties(random, text);
        if depth > 0 && random.chance(30) {
            flow(random, depth - 1, text);
        } else {
            text.push_str(&scalar(random, 2));
        }
    }
    text.push_str(random.word(&["", "", "", ",", " ", "\n "]));
    text.push(if list { ']' } else { '}' });
}

/// A scalar on one line, or a quoted one on several.
fn scalar(random: &mut Random, indent: usize) -> String {
    let word = random.word(values::WORDS);
    match random.below(12) {
        0 | 1 => format!("'{}'", word.replace('\'', "''")),
        2 | 3 => {
            let escape = random.word(&[
                "",
                "",
                "\\n",
                "\\t",
                "\\\"",
                "\\x41",
                "\\u00e9",
                "\\U0001F600",
                "\\0",
                "\\e",
                "\\/",
                "\\_",
                "\\L",
                "\\ud83d",
                "\\q",
            ]);
            format!(
                "\"{}{escape}{}\"",
                word.replace('\\', "\\\\").replace('"', "\\\""),
                random.word(&["", "b", " ", "\\\n   c", "\n   d", "\n\n  e"])
            )
        }
        4 => {
            let mut text = random.word(&["a", "b c", "x"]).to_owned();
            for _ in 0..=random.few(2) {
                text.push('\n');
                pad(indent + random.below(4), &mut text);
                text.push_str(random.word(&["more", "text: x", "# c", "- z", ""]));
            }
            text
        }
        5 => {
            // A number of some form.
            let sign = random.word(&["", "", "-", "+"]);
            let body = random.word(&[
                "0",
                "1",
                "12",
                "007",
                "0x1F",
                "0b1",
                "0o17",
                "1_0",
                "1.5",
                ".5",
                "5.",
                "1e3",
                "1E+3",
                "1.5e-3",
                "9223372036854775807",
                "9223372036854775808",
                "18446744073709551615",
                "18446744073709551616",
                "1e400",
                "0x",
                "0.1",
                "100000000000000000000",
                "1:30",
                "0_8",
                ".inf",
                ".nan",
                ".NaN",
            ]);
            format!("{sign}{body}")
        }
        _ => word.to_owned(),
    }
}

/// A block scalar with its header.
fn block(random: &mut Random, indent: usize, text: &mut String) {
    text.push_str(random.word(&["|", ">", "|", ">"]));
    text.push_str(random.word(&["", "", "-", "+", "2", "1", "2-", "+1", "-3", "0", "10", "x"]));
    text.push_str(random.word(&["", "", "", " # c", "#c", " "]));
    text.push('\n');
    let inner = indent + 1 + random.below(3);
    for _ in 0..=random.few(4) {
        if random.chance(75) {
            pad(inner + random.below(8) / 6 * 2, text);
            text.push_str(random.word(&[
                "line",
                "two words",
                "# no comment",
                "a: b",
                "- x",
                "\ttab",
                "trailing ",
                "é中",
                "{{ x }}",
                "\"",
                "---",
            ]));
        } else if random.chance(30) {
            pad(random.below(inner + 3), text);
        }
        text.push('\n');
    }
    if random.chance(20) {
        text.push('\n');
    }
}
