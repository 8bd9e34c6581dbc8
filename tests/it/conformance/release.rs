//! Command `release`: a record's Secret read as Helm reads it and written as Helm writes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maibot::release::{Spelling, decode, to_json};
use maibot::yaml::{Numbers, Value, json};

use super::Helm;

/// Answers one request.
pub(super) fn answer(case: &Value, helm: Helm) -> Result<Value, String> {
    let secret = case.get("secret").expect("a Secret to read");
    let text = |path: &[&str]| secret.at(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let data = STANDARD.decode(text(&["data", "release"])).expect("the Secret's own base64");
    let release = decode(&data).map_err(|error| match helm {
        Helm::Four => format!("get: failed to decode data \"{}\": {error}", text(&["metadata", "name"])),
        // Helm 3 forgets to look at the error.
        Helm::Three => "panic: runtime error: invalid memory address or nil pointer dereference".to_owned(),
    })?;
    let spelling = if helm == Helm::Three { Spelling::Helm3 } else { Spelling::Helm4 };
    Ok(json::read(&to_json(&release, spelling), Numbers::Exact).expect("JSON"))
}
