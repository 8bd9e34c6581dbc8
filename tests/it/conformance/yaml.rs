//! The command `yaml`, and the older files of `fromYaml` and `toYaml`.

use maibot::yaml::{Numbers, Value, json, read, read_documents, read_mapping, read_sequence, to_yaml};

use super::{Helm, show, text};

pub(super) fn answer(case: &Value, _: Helm) -> Result<Value, String> {
    if let Some(value) = case.get("write") {
        return to_yaml(value).map(Value::String).map_err(|error| error.to_string());
    }
    let answer = if let Some(documents) = case.get("documents").and_then(Value::as_str) {
        read_documents(documents.as_bytes(), Numbers::Helm).map(Value::Mapping)
    } else {
        let text = text(case, "read").as_bytes();
        match case.get("into").and_then(Value::as_str) {
            Some("list") => read_sequence(text, Numbers::Helm).map(Value::Sequence),
            Some("any") => read(text, Numbers::Helm),
            _ => read_mapping(text, Numbers::Helm).map(Value::Mapping),
        }
    };
    answer.map_err(|error| error.to_string())
}

/// `{y, go}`: the document and what `fromYaml` makes of it; `{y, err, msg}`: and the error's text.
pub(super) fn check_from_yaml(case: &Value) -> Option<String> {
    let source = text(case, "y");
    let given = read_mapping(source.as_bytes(), Numbers::Helm).map_err(|error| error.to_string());
    let (wanted, given) = match case.get("go") {
        // The file was written by another JSON library: 8 means 8.0.
        Some(value) => (json::to_json(value).unwrap(), given.map(|map| json::to_json(&Value::Mapping(map)).unwrap())),
        None => (text(case, "msg").to_owned(), Ok(given.err().unwrap_or_else(|| "no error".to_owned()))),
    };
    (given.as_ref() != Ok(&wanted)).then(|| format!("{source:?}\n    wanted {wanted}\n    given  {given:?}"))
}

/// `{v, go}`: a value and what `toYaml` writes, which is without the last newline and empty on failure.
pub(super) fn check_to_yaml(case: &Value) -> Option<String> {
    let value = case.get("v").unwrap();
    let given = to_yaml(value).unwrap_or_default();
    let given = given.strip_suffix('\n').unwrap_or(&given);
    let wanted = text(case, "go");
    (given != wanted).then(|| format!("{}\n    wanted {wanted:?}\n    given  {given:?}", show(value)))
}
