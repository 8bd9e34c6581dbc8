//! The configuration file, `maibot/config.toml` in the user's configuration folder.
//!
//! Its keys are the names of global flags that the table of settings allows there. A key nobody knows is a warning
//! with the nearest known one, so that a file of a newer version does not stop an older one; a file that is not
//! TOML, or a value that is no plain one, is an error.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use toml_edit::{Document, Item, Value};

use crate::ui::{Failure, Message, suggest};

use super::environment::Environment;
use super::setting::Row;

/// What the configuration file says.
#[derive(Debug, Default)]
pub(crate) struct Configuration {
    /// The file that was read.
    pub(crate) path: PathBuf,
    /// Values by flag name, as text, with their lines.
    pub(crate) values: BTreeMap<&'static str, (String, usize)>,
    /// What to warn about.
    pub(crate) warnings: Vec<Message>,
}

impl Configuration {
    /// Reads the file that the environment names, or the usual one; an absent usual one says nothing.
    pub(crate) fn load(environment: &Environment) -> Result<Self, Failure> {
        let named = environment.get("MAIBOT_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
        let explicit = named.is_some();
        let Some(path) = named.or_else(|| usual_path(environment)) else {
            return Ok(Self::default());
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&path, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !explicit => {
                Ok(Self { path, ..Self::default() })
            }
            Err(error) => Err(Failure::Settings {
                place: path.display().to_string(),
                position: None,
                reason: error.to_string().split(" (os error").next().unwrap_or_default().to_owned(),
            }),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        let place = || path.display().to_string();
        let document = Document::parse(text).map_err(|error| Failure::Settings {
            place: place(),
            position: error.span().map(|span| position(text, span.start)),
            reason: error.message().to_owned(),
        })?;
        let mut configuration = Self { path: path.to_owned(), ..Self::default() };
        for (key, item) in document.as_table() {
            let at = document.as_table().key(key).and_then(toml_edit::Key::span).map_or(0, |span| span.start);
            let (line, column) = position(text, at);
            let Some(row) = Row::of_key(key) else {
                configuration.warnings.push(Message::UnknownKey {
                    file: path.to_owned(),
                    line,
                    key: key.to_owned(),
                    nearest: suggest::nearest(key, Row::keys()),
                });
                continue;
            };
            let value = match item {
                Item::Value(Value::String(text)) => text.value().clone(),
                Item::Value(Value::Integer(number)) => number.value().to_string(),
                Item::Value(Value::Float(number)) => number.value().to_string(),
                Item::Value(Value::Boolean(boolean)) => boolean.value().to_string(),
                _ => {
                    return Err(Failure::Settings {
                        place: place(),
                        position: Some((line, column)),
                        reason: format!("`{key}` takes a text, a number or a boolean"),
                    });
                }
            };
            if let Some(flag) = row.flag {
                configuration.values.insert(flag, (value, line));
            }
        }
        Ok(configuration)
    }
}

/// `maibot/config.toml` in the user's configuration folder, if there is a home at all.
fn usual_path(environment: &Environment) -> Option<PathBuf> {
    // XDG's variable is read from the environment we were given; the rest is the platform's business.
    let folder = match environment.get("XDG_CONFIG_HOME").filter(|path| Path::new(path).is_absolute()) {
        Some(folder) => PathBuf::from(folder),
        None => etcetera::choose_base_strategy().ok()?.config_dir(),
    };
    Some(folder.join("maibot").join("config.toml"))
}

/// Line and column, from 1, of a byte offset; columns count characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Configuration;
    use crate::ui::{Failure, Message};

    fn parse(text: &str) -> Result<Configuration, Failure> {
        Configuration::parse(Path::new("c.toml"), text)
    }

    #[test]
    fn keys_are_names_of_flags_and_values_are_plain() {
        let configuration = parse("lang = \"zh\"\n# x\nhelm-compat = 4\nquiet = true\n").unwrap();
        assert_eq!(configuration.values["lang"], ("zh".to_owned(), 1));
        assert_eq!(configuration.values["helm-compat"], ("4".to_owned(), 3));
        assert_eq!(configuration.values["quiet"], ("true".to_owned(), 4));
        assert!(configuration.warnings.is_empty());
    }

    #[test]
    fn an_unknown_key_is_a_warning_with_the_nearest_one() {
        let configuration = parse("\nnamspace = \"bot\"\nkube-token = \"x\"\n").unwrap();
        assert!(configuration.values.is_empty());
        assert_eq!(
            configuration.warnings[0],
            Message::UnknownKey {
                file: "c.toml".into(),
                line: 2,
                key: "namspace".to_owned(),
                nearest: Some("namespace")
            }
        );
        assert_eq!(configuration.warnings.len(), 2, "a token does not belong into a file of settings");
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        let place = |text: &str| match parse(text) {
            Err(Failure::Settings { position, .. }) => position,
            other => panic!("{other:?}"),
        };
        assert_eq!(place("lang = \"zh\"\ncolor = \n").map(|(line, _)| line), Some(2));
        assert_eq!(place("lang = [1]\n"), Some((1, 1)));
        assert_eq!(place("a = 1\nlang = { x = 1 }\n"), Some((2, 1)));
    }
}
