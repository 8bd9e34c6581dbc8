//! Random `--set` expressions of all kinds, and values files under them.

use maibot::yaml::{Mapping, Value};

use super::random::Random;
use super::{documents, mutate, values};

/// A request of the command `strvals`.
pub(super) fn request(random: &mut Random) -> Value {
    if random.chance(30) {
        let keys = ["set", "set_json", "set_literal", "set_string"];
        return mutate::request(random, &["strvals-cases.json"], &keys);
    }
    let mut request = Mapping::new();
    let mut files = Mapping::new();
    if random.chance(25) {
        let mut names = Vec::new();
        for name in ["v0.yaml", "v1.yaml"].iter().take(1 + random.below(2)) {
            let text = if random.chance(70) {
                maibot::yaml::to_yaml(&Value::Mapping(values::mapping(random, 2))).unwrap_or_default()
            } else {
                documents::document(random)
            };
            files.insert((*name).to_owned(), Value::from(text));
            names.push(Value::from(*name));
        }
        request.insert("values_files".to_owned(), Value::Sequence(names));
    }
    if random.chance(10) {
        files.insert("f.txt".to_owned(), Value::from(values::text(random)));
        let expression =
            format!("{}={}", path(random), random.word(&["f.txt", "f.txt", "none", "", "f.txt,a=f.txt", "{f.txt}"]));
        request.insert("set_file".to_owned(), Value::Sequence(vec![Value::from(expression)]));
    }
    let mut add = |key: &str, expressions: Vec<String>| {
        request.insert(key.to_owned(), Value::Sequence(expressions.into_iter().map(Value::from).collect()));
    };
    let kinds = [60, 20, 20, 12];
    for (kind, percent) in ["set", "set_string", "set_json", "set_literal"].into_iter().zip(kinds) {
        if random.chance(percent) {
            let expressions = (0..=random.few(2)).map(|_| match kind {
                "set_json" => json_expression(random),
                "set_literal" => format!("{}={}", path(random), values::text(random)),
                _ => expression(random),
            });
            add(kind, expressions.collect());
        }
    }
    if !files.is_empty() {
        request.insert("files".to_owned(), Value::Mapping(files));
    }
    Value::Mapping(request)
}

fn path(random: &mut Random) -> String {
    let mut path = String::new();
    for index in 0..=random.few(4) {
        if index > 0 {
            path.push_str(random.word(&[".", ".", ".", ".", ".", "..", "\\."]));
        }
        path.push_str(random.word(&[
            "a", "b", "c", "a", "b", "name", "x y", "é", "1", "a\\,b", "a\\=b", "a\\.b", "a\\[0", "", "global",
            "\"q\"", "true", "-",
        ]));
        while random.chance(22) {
            path.push_str(random.word(&[
                "[0]",
                "[0]",
                "[1]",
                "[2]",
                "[5]",
                "[-1]",
                "[x]",
                "[",
                "]",
                "[1",
                "[]",
                "[01]",
                "[ 1]",
                "[1.5]",
                "[70000]",
                "[99999999999999999999]",
                "[0x1]",
                "[+1]",
            ]));
        }
    }
    path
}

fn scalar(random: &mut Random) -> String {
    if random.chance(50) {
        return random
            .word(&[
                "1",
                "0",
                "-1",
                "01",
                "+1",
                "1.5",
                "true",
                "false",
                "True",
                "null",
                "~",
                "",
                "x",
                "a b",
                "é",
                "0x1",
                "1e3",
                "00",
                "-0",
                "9223372036854775807",
                "9223372036854775808",
                "1_0",
                "nil",
                "yes",
                "a\\,b",
                "a\\=b",
                "a=b",
                "a.b",
                "\\",
                "\\\\",
                "\"q\"",
                "'s'",
                "[1]",
                "a[0]",
                "{",
                "}",
                " ",
                "a\nb",
                "$x",
                "\\n",
                "0.0",
                "1.0",
            ])
            .to_owned();
    }
    random.word(values::WORDS).to_owned()
}

fn expression(random: &mut Random) -> String {
    let mut text = String::new();
    for index in 0..=random.few(3) {
        if index > 0 {
            text.push_str(random.word(&[",", ",", ",", ",,", ", ", ";"]));
        }
        text.push_str(&path(random));
        text.push_str(random.word(&["=", "=", "=", "=", "=", "=", "=", "", "==", " = "]));
        if random.chance(15) {
            text.push('{');
            for index in 0..random.few(4) {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&scalar(random));
            }
            text.push_str(random.word(&["}", "}", "}", "}", "", "}x", "}}"]));
        } else {
            text.push_str(&scalar(random));
        }
    }
    text
}

fn json_expression(random: &mut Random) -> String {
    let json = |random: &mut Random| {
        let value =
            if random.chance(60) { values::tree(random, 2) } else { Value::Mapping(values::mapping(random, 2)) };
        let text = super::oracle::encode(&value);
        if random.chance(20) { mutate::text(random, &text, "") } else { text }
    };
    if random.chance(20) {
        return json(random);
    }
    let mut text = String::new();
    for index in 0..=random.few(2) {
        if index > 0 {
            text.push_str(random.word(&[",", ",", ", ", ""]));
        }
        text.push_str(&path(random));
        text.push_str(random.word(&["=", "=", "=", ""]));
        text.push_str(&json(random));
    }
    text
}
