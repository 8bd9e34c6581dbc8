//! The commands `strvals` and `coalesce`.

use maibot::yaml::Value;

use super::Helm;

pub(super) fn answer_strvals(_: &Value, _: Helm) -> Result<Value, String> {
    Err("not there yet".to_owned())
}

pub(super) fn answer_coalesce(_: &Value, _: Helm) -> Result<Value, String> {
    Err("not there yet".to_owned())
}
