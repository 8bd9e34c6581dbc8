//! Requests made by changing recorded ones: parts of a text are left out, doubled, moved, replaced by parts of another
//! case or by characters that matter to some grammar.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use maibot::yaml::{Numbers, Value, json};

use super::random::Random;

/// Parts that some grammar gives a meaning.
const PARTS: &[&str] = &[
    " ",
    "  ",
    "\n",
    "\n  ",
    "\t",
    "\r\n",
    "\r",
    ":",
    ": ",
    "- ",
    "-",
    "---\n",
    "...\n",
    "#",
    " #",
    "\"",
    "'",
    "`",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "{{",
    "}}",
    "{{- ",
    " -}}",
    "/*",
    "*/",
    "|",
    "|-\n",
    ">",
    "&a ",
    "*a",
    "!",
    "!!str ",
    "<<: ",
    "?",
    "? ",
    ",",
    "=",
    "==",
    ":=",
    "$",
    "$x",
    ".",
    "..",
    "%",
    "%d",
    "%s",
    "%5.2f",
    "@",
    "~",
    "^",
    "<",
    ">=",
    "*",
    "+",
    "0",
    "1",
    "-1",
    "007",
    "0x1F",
    "1e3",
    "1.5",
    "1_000",
    "9223372036854775808",
    "null",
    "true",
    "yes",
    "y",
    "nil",
    "é",
    "中",
    "😀",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{a0}",
    "\u{7f}",
    "\u{0}",
    "\u{1}",
    "\\n",
    "\\x41",
    "\\u00e9",
    "e",
    "a",
    "Z",
    "end",
    "if",
    "else",
    "range",
    "with",
    "v",
    "x",
    "||",
    "&&",
    "i",
    "p",
    "_",
    "/",
    ";",
];

static CORPORA: Mutex<BTreeMap<String, &'static [Value]>> = Mutex::new(BTreeMap::new());

/// The recorded cases of a file, without their answers.
pub(super) fn corpus(file: &str) -> &'static [Value] {
    let mut known = CORPORA.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(file.to_owned()).or_insert_with(|| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance").join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = json::read(&text, Numbers::Exact).unwrap();
        let mut cases = file.get("cases").and_then(Value::as_sequence).unwrap().clone();
        for case in &mut cases {
            if let Value::Mapping(case) = case {
                case.retain(|key, _| !["id", "group", "ok", "error", "helm3"].contains(&key.as_str()));
            }
        }
        Box::leak(cases.into_boxed_slice())
    })
}

/// A text with some changes.
pub(super) fn text(random: &mut Random, original: &str, other: &str) -> String {
    let mut characters: Vec<char> = original.chars().collect();
    for _ in 0..=random.few(3) {
        let length = characters.len();
        let start = random.below(length + 1);
        let span = if random.chance(70) { 4 } else { 40 };
        let end = (start + random.below(span)).min(length);
        match random.below(8) {
            0 | 1 => drop(characters.drain(start..end)),
            2 => {
                let part: Vec<char> = characters[start..end].to_vec();
                let place = random.below(length + 1);
                characters.splice(place..place, part);
            }
            3 if !other.is_empty() => {
                let other: Vec<char> = other.chars().collect();
                let from = random.below(other.len());
                let to = (from + 1 + random.below(30)).min(other.len());
                characters.splice(start..start, other[from..to].iter().copied());
            }
            4 => {
                let part = random.word(PARTS);
                characters.splice(start..end, part.chars());
            }
            _ => {
                let part = random.word(PARTS);
                characters.splice(start..start, part.chars());
            }
        }
    }
    characters.into_iter().collect()
}

/// A recorded request with changes in the texts that `keys` names (a map of texts counts as its texts).
pub(super) fn request(random: &mut Random, files: &[&str], keys: &[&str]) -> Value {
    let file = random.pick(files);
    let cases = corpus(file);
    let mut request = random.pick(cases).clone();
    let other = random.pick(cases);
    let Value::Mapping(map) = &mut request else { unreachable!("a case is a map") };
    for key in keys {
        if let Some(part) = map.get_mut(*key) {
            change(random, part, other.get(key));
        }
    }
    request
}

fn change(random: &mut Random, part: &mut Value, other: Option<&Value>) {
    match part {
        Value::String(original) => {
            let other = match other {
                Some(Value::String(text)) => text.as_str(),
                _ => "",
            };
            *original = text(random, original, other);
        }
        Value::Sequence(list) => {
            let other = other.and_then(Value::as_sequence).and_then(|list| list.first());
            for item in list {
                if random.chance(70) {
                    change(random, item, other);
                }
            }
        }
        Value::Mapping(map) => {
            let other = other.and_then(Value::as_mapping).and_then(|map| map.values().next());
            for item in map.values_mut() {
                if random.chance(80) {
                    change(random, item, other);
                }
            }
        }
        _ => {}
    }
}
