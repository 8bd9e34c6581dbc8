//! The configuration files of MaiBot: which fields a deployment has to set in them, and setting those alone.
//!
//! The official chart's Job sets the same fields after every install and upgrade, by reading and printing each file
//! with a library that drops the comments. Here every other byte of a file stays. The list of fields is that of
//! chart 0.12.2: addresses that follow from the release's name and from the ports of the Services, and switches
//! whose counterpart in the values also decides about Services and Ingresses.

use serde::Deserialize;

use super::components::{ComponentId, Components, at, is_true};
use super::env_text;
use super::toml_text::{self, Later, Place, Scalar, TomlError, TomlText};
use crate::code::Code;
use crate::yaml::Value;

/// One of the configuration files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigFile {
    /// The adapter's `config.toml`.
    Adapter,
    /// Core's `bot_config.toml`.
    CoreBot,
    /// Core's `model_config.toml`. It holds API keys, and no field of it is set.
    CoreModel,
    /// Core's `.env`.
    CoreEnv,
}

impl ConfigFile {
    /// Every file.
    pub const ALL: [Self; 4] = [Self::Adapter, Self::CoreBot, Self::CoreModel, Self::CoreEnv];

    /// The file's name, at the root of its claim.
    pub fn name(self) -> &'static str {
        &Components::get().config_file(self).name
    }
}

/// What of a deployment shows up in the configuration files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The name of core's Service.
    pub core_host: String,
    /// Whether core serves the WebUI.
    pub webui: bool,
    /// Whether core serves the API of `maim_message`.
    pub maim_message_api: bool,
}

impl Deployment {
    /// The deployment of a release under these values.
    pub fn new(release: &str, values: &Value) -> Self {
        let on = |path: &str| at(values, path).is_some_and(is_true);
        Self {
            core_host: Components::get().component(ComponentId::Core).name(release),
            webui: on("core.webui.enabled"),
            maim_message_api: on("core.maim_message_api_server.enabled"),
        }
    }

    /// The fields to be set in a file, in order.
    fn fields(&self, file: ConfigFile) -> Vec<(&'static str, &'static str, Scalar)> {
        let every_address = || Scalar::Text("0.0.0.0".to_owned());
        match file {
            ConfigFile::Adapter => vec![
                ("napcat_server", "host", every_address()),
                ("napcat_server", "port", Scalar::Integer(8095)),
                ("maibot_server", "host", Scalar::Text(self.core_host.clone())),
                ("maibot_server", "port", Scalar::Integer(8000)),
            ],
            ConfigFile::CoreBot => vec![
                ("webui", "enabled", Scalar::Bool(self.webui)),
                ("webui", "allowed_ips", Scalar::Text("0.0.0.0/0".to_owned())),
                ("maim_message", "enable_api_server", Scalar::Bool(self.maim_message_api)),
                ("maim_message", "api_server_host", every_address()),
                ("maim_message", "api_server_port", Scalar::Integer(8090)),
            ],
            ConfigFile::CoreModel | ConfigFile::CoreEnv => Vec::new(),
        }
    }
}

/// The variables of core's `.env`: where it listens.
const ENV: [(&str, &str); 4] =
    [("HOST", "0.0.0.0"), ("PORT", "8000"), ("WEBUI_HOST", "0.0.0.0"), ("WEBUI_PORT", "8001")];

/// A file after the fields of a deployment were set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// The new text; the given one, byte for byte, if nothing changed.
    pub text: String,
    /// Dotted paths of the fields that changed (for `.env`: names of variables), in the order in which they were set.
    pub changed: Vec<String>,
    /// What in the text only TOML 1.1 allows. The programs that read these files may not.
    pub later_toml: Vec<(Place, Later)>,
}

/// Why the fields cannot be set. Messages hold no value of the file, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file is broken, or something unfit stands where a field belongs.
    #[error("{name}: {source}", name = file.name())]
    Toml {
        /// Which file.
        file: ConfigFile,
        /// What is wrong, and where.
        source: TomlError,
    },
    /// The edited file does not read back as intended. A defect of this program; the file was not touched.
    #[error("{name}: setting `{field}` failed", name = file.name())]
    Edit {
        /// Which file.
        file: ConfigFile,
        /// The dotted path of the field.
        field: String,
    },
}

impl ConfigError {
    /// The stable code, for a text that comes from the values. For a file on a volume it is
    /// [`Code::VolumeConfig`]; the caller knows.
    pub const fn code(&self) -> Code {
        match self {
            Self::Toml { .. } => Code::ConfigSyntax,
            Self::Edit { .. } => Code::Internal,
        }
    }
}

/// Sets the fields of a deployment in the text of a file and nothing else.
///
/// Comments, order, spelling, indentation, line ends and a byte order mark stay. Fields that have their value
/// already are not touched. The `.env` keeps variables of the user's own. A broken file is an error, never repaired.
pub fn reset(file: ConfigFile, text: &str, deployment: &Deployment) -> Result<Reset, ConfigError> {
    if file == ConfigFile::CoreEnv {
        let (text, changed) = env_text::set(text, &ENV);
        return Ok(Reset { text, changed, later_toml: Vec::new() });
    }
    let wrap = |source| ConfigError::Toml { file, source };
    let fields = deployment.fields(file);
    let mut edited = TomlText::read(text).map_err(wrap)?;
    let mut changed = Vec::new();
    for (table, key, value) in &fields {
        if edited.set(table, key, value).map_err(wrap)? {
            changed.push(format!("{table}.{key}"));
        }
    }
    if let Some((table, key, _)) = fields.iter().find(|(table, key, value)| !edited.holds(table, key, value)) {
        return Err(ConfigError::Edit { file, field: format!("{table}.{key}") });
    }
    let edited = edited.text();
    Ok(Reset { later_toml: toml_text::later_than_1_0(&edited), text: edited, changed })
}

/// The text of a new `.env`.
pub fn env_file() -> String {
    env_text::set("", &ENV).0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment() -> Deployment {
        Deployment { core_host: "maimai-maibot-core".to_owned(), webui: true, maim_message_api: false }
    }

    const ADAPTER: &str = "# 我的设置\r\n[inner]\r\nversion = \"0.1.3\"\r\n\r\n[napcat_server]\r\nhost = 'localhost' # 监听\r\n\
                           port = 9095\r\ntoken = \"sk-secret\"\r\n\r\n[maibot_server]\r\nhost = \"localhost\"\r\nport = 8000";

    #[test]
    fn the_addresses_of_the_adapter_are_set_and_all_else_stays() {
        let reset = reset(ConfigFile::Adapter, ADAPTER, &deployment()).unwrap();
        assert_eq!(reset.changed, ["napcat_server.host", "napcat_server.port", "maibot_server.host"]);
        let expected = ADAPTER
            .replace("host = 'localhost' # 监听\r\nport = 9095", "host = \"0.0.0.0\" # 监听\r\nport = 8095")
            .replace("host = \"localhost\"", "host = \"maimai-maibot-core\"");
        assert_eq!(reset.text, expected);
    }

    #[test]
    fn a_second_reset_changes_nothing() {
        for (file, text) in [
            (ConfigFile::Adapter, ADAPTER),
            (ConfigFile::CoreBot, "\u{feff}[webui]\nenabled = false\n[maim_message]\nauth_token = []\n"),
            (ConfigFile::CoreBot, "[webui.extra]\na = 1\n[[models]]\nb = 2"),
            (ConfigFile::CoreModel, "# only a comment"),
            (ConfigFile::CoreEnv, "HTTP_PROXY=http://proxy:3128\nPORT='80'\n"),
            (ConfigFile::Adapter, ""),
        ] {
            let first = reset(file, text, &deployment()).unwrap();
            let second = reset(file, &first.text, &deployment()).unwrap();
            assert_eq!(second, Reset { changed: vec![], ..first }, "{text}");
        }
    }

    #[test]
    fn the_switches_of_the_values_reach_the_bot_configuration() {
        let values = |text: &str| Value::from(serde_json::from_str::<serde_json::Value>(text).unwrap());
        let on = Deployment::new(
            "mai",
            &values(r#"{"core": {"webui": {"enabled": true}, "maim_message_api_server": {"enabled": true}}}"#),
        );
        assert_eq!(on, Deployment { core_host: "mai-maibot-core".to_owned(), webui: true, maim_message_api: true });
        let off = Deployment::new("mai", &values("{}"));
        assert_eq!((off.webui, off.maim_message_api), (false, false));
        let before = "[webui]\nenabled = true\n\n[maim_message]\nauth_token = [] # 口令\n";
        let after = reset(ConfigFile::CoreBot, before, &off).unwrap();
        assert_eq!(
            after.text,
            "[webui]\nenabled = false\nallowed_ips = \"0.0.0.0/0\"\n\n[maim_message]\nauth_token = [] # 口令\n\
             enable_api_server = false\napi_server_host = \"0.0.0.0\"\napi_server_port = 8090\n"
        );
    }

    #[test]
    fn the_model_configuration_is_read_but_never_changed() {
        let text = "[[api_providers]]\r\napi_key = 'sk-secret'\n";
        assert_eq!(reset(ConfigFile::CoreModel, text, &deployment()).unwrap().text, text);
        assert!(reset(ConfigFile::CoreModel, "api_key = sk-secret", &deployment()).is_err());
    }

    #[test]
    fn an_error_names_file_and_place_but_no_value() {
        let error = reset(ConfigFile::CoreModel, "a = 1\napi_key = \"sk-secret\n", &deployment()).unwrap_err();
        assert!(error.to_string().starts_with("model_config.toml: line 2, column "), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        assert_eq!(error.code(), Code::ConfigSyntax);
        let error = reset(ConfigFile::Adapter, "maibot_server = 'x'", &deployment()).unwrap_err();
        assert_eq!(error.to_string(), "config.toml: line 1, column 1: `maibot_server` has to be a table");
    }

    #[test]
    fn toml_1_1_is_reported() {
        let reset = reset(ConfigFile::CoreBot, "bot = { nickname = \"麦麦\", }\n", &deployment()).unwrap();
        assert_eq!(reset.later_toml, [(Place { line: 1, column: 24 }, Later::InlineTableComma)]);
    }

    #[test]
    fn a_new_env_file_lists_where_core_listens() {
        assert_eq!(env_file(), "HOST=0.0.0.0\nPORT=8000\nWEBUI_HOST=0.0.0.0\nWEBUI_PORT=8001\n");
        let kept = reset(ConfigFile::CoreEnv, "HTTP_PROXY=http://proxy:3128\nPORT='80'\n", &deployment()).unwrap();
        assert_eq!(kept.changed, ["HOST", "PORT", "WEBUI_HOST", "WEBUI_PORT"]);
        assert!(kept.text.starts_with("HTTP_PROXY=http://proxy:3128\nPORT=8000\nHOST=0.0.0.0\n"), "{}", kept.text);
    }
}
