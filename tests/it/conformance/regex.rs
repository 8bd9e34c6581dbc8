//! Regular expressions: the engine alone, without templates.

use maibot::render::gostd::regexp::{self, Replacement};
use maibot::yaml::Value;

use super::show;

fn answer(arguments: &[&str]) -> Result<Value, String> {
    let text = |bytes: &[u8]| Value::String(String::from_utf8(bytes.to_vec()).unwrap());
    let regexp = regexp::compile(arguments[0].as_bytes()).map_err(|error| error.to_string())?;
    Ok(match arguments {
        [_, haystack] => {
            let found = regexp.find_all(haystack.as_bytes(), usize::MAX);
            if found.is_empty() { Value::Null } else { Value::Sequence(found.into_iter().map(text).collect()) }
        }
        [_, haystack, template] => {
            let replacement = Replacement::Template(template.as_bytes());
            text(&regexp.replace_all(haystack.as_bytes(), replacement, |_| Ok::<(), String>(()))?)
        }
        _ => panic!("a case has two arguments or three"),
    })
}

/// `{a, go, err}`: arguments, answer, and the template's error, which ends with the engine's.
pub(super) fn check(case: &Value) -> Option<String> {
    let arguments = case.get("a").and_then(Value::as_sequence).unwrap();
    let arguments: Vec<&str> = arguments.iter().map(|argument| argument.as_str().unwrap()).collect();
    let given = answer(&arguments);
    let is_right = match (case.get("err").and_then(Value::as_str), &given) {
        (None, Ok(given)) => case.get("go").map(show) == Some(show(given)),
        (Some(error), Err(given)) => error.ends_with(given.as_str()),
        _ => false,
    };
    (!is_right).then(|| format!("{arguments:?}: wanted {}, given {given:?}", show(case)))
}
