//! `-o table|json|yaml`: the three shapes of a result. JSON is one compact line as Go's encoder writes it.

use serde::Serialize;

use super::failure::Failure;
use crate::yaml::json::escape_html;

/// The shape of a result on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OutputFormat {
    /// For people: Helm's tables and texts.
    #[default]
    Table,
    /// One line of JSON.
    Json,
    /// YAML with sorted keys.
    Yaml,
}

impl OutputFormat {
    /// The names `-o` takes, in Helm's order.
    pub const NAMES: &[&str] = &["table", "json", "yaml"];

    /// The shape of this name; exact, as in Helm.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "table" => Some(Self::Table),
            "json" => Some(Self::Json),
            "yaml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// A value as one line of JSON with its line break, escaped as Go's `json.Encoder` does: `<`, `>`, `&` and the
/// two Unicode line separators as `\u` sequences.
pub fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    let plain = serde_json::to_string(value).map_err(|error| Failure::internal(&error))?;
    Ok(escape_html(&plain) + "\n")
}

#[cfg(test)]
mod tests {
    use super::json_line;

    #[test]
    fn json_is_one_line_escaped_as_go_does() {
        let value = serde_json::json!({"a": "<b> & \u{2028}", "n": [1, "1"], "麦": "麦"});
        assert_eq!(
            json_line(&value).unwrap(),
            "{\"a\":\"\\u003cb\\u003e \\u0026 \\u2028\",\"n\":[1,\"1\"],\"麦\":\"麦\"}\n"
        );
    }
}
