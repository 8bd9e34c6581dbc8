//! What becomes of each configuration file on its claim. A file that is there is kept: only the fields that a
//! deployment has to set are changed, after a copy was put beside it. The official chart's Job overwrites instead.

use super::config::{self, ConfigError, ConfigFile, Deployment};

/// What lies on a claim under a file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Present {
    /// Nothing.
    Absent,
    /// A folder: the kubelet makes one where a file was to be mounted and was missing.
    Folder,
    /// A file of this content.
    File(Vec<u8>),
}

/// What is to be done with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is as it should be.
    Keep,
    /// It is not there: write this.
    Write {
        /// The content.
        text: String,
    },
    /// It is there: put a copy beside it, then write this.
    Rewrite {
        /// The content.
        text: String,
        /// The fields that change; empty when the file is replaced as a whole.
        fields: Vec<String>,
    },
}

/// Why nothing can be decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The text of the values is broken.
    #[error(transparent)]
    Given(ConfigError),
    /// The file on the claim is broken.
    #[error("on the volume: {0}")]
    OnVolume(ConfigError),
    /// The file on the claim is not text.
    #[error("{}: the file on the volume is not UTF-8", .0.name())]
    NotText(ConfigFile),
}

impl FileError {
    /// The stable code.
    pub const fn code(&self) -> crate::code::Code {
        match self {
            Self::Given(error) => error.code(),
            Self::OnVolume(_) | Self::NotText(_) => crate::code::Code::VolumeConfig,
        }
    }
}

/// Decides for one file: `given` is the text of the values, `replace` the user's wish that it overwrite what is there.
///
/// # Errors
/// When a text is broken; nothing may be written then.
pub fn decide(
    file: ConfigFile,
    present: &Present,
    given: &str,
    replace: bool,
    deployment: &Deployment,
) -> Result<Decision, FileError> {
    let Present::File(bytes) = present else {
        return Ok(Decision::Write { text: config::reset(file, given, deployment).map_err(FileError::Given)?.text });
    };
    if replace {
        let text = config::reset(file, given, deployment).map_err(FileError::Given)?.text;
        return Ok(if text.as_bytes() == bytes.as_slice() {
            Decision::Keep
        } else {
            Decision::Rewrite { text, fields: Vec::new() }
        });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| FileError::NotText(file))?;
    let reset = config::reset(file, text, deployment).map_err(FileError::OnVolume)?;
    Ok(if reset.changed.is_empty() {
        Decision::Keep
    } else {
        Decision::Rewrite { text: reset.text, fields: reset.changed }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "[napcat_server]\nhost = \"localhost\"\nport = 1\n\n[maibot_server]\nhost = \"x\"\nport = 2\n";

    fn deployment() -> Deployment {
        Deployment { core_host: "mai-maibot-core".into(), webui: true, maim_message_api: false }
    }

    fn decide_adapter(present: &Present, replace: bool) -> Decision {
        decide(ConfigFile::Adapter, present, GIVEN, replace, &deployment()).unwrap()
    }

    fn written() -> String {
        match decide_adapter(&Present::Absent, false) {
            Decision::Write { text } => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_missing_file_is_written_with_its_fields_set() {
        assert!(written().contains("host = \"mai-maibot-core\""));
        assert!(matches!(decide_adapter(&Present::Folder, false), Decision::Write { .. }));
    }

    #[test]
    fn a_file_in_order_is_kept_byte_for_byte() {
        let edited = format!("# mine\n{}", written());
        assert_eq!(decide_adapter(&Present::File(edited.into_bytes()), false), Decision::Keep);
    }

    #[test]
    fn an_edited_file_changes_in_the_set_fields_only() {
        let edited = format!("# mine\n{}[nickname]\nnickname = \"mai\"\n", written().replace("8095", "9"));
        let Decision::Rewrite { text, fields } = decide_adapter(&Present::File(edited.clone().into_bytes()), false)
        else {
            panic!()
        };
        assert_eq!(fields, ["napcat_server.port"]);
        assert_eq!(text, edited.replace("port = 9\n", "port = 8095\n"));
    }

    #[test]
    fn a_file_is_replaced_only_when_asked_for() {
        let edited = format!("# mine\n{}", written());
        let Decision::Rewrite { text, fields } = decide_adapter(&Present::File(edited.into_bytes()), true) else {
            panic!()
        };
        assert_eq!((text, fields), (written(), Vec::new()));
        assert_eq!(decide_adapter(&Present::File(written().into_bytes()), true), Decision::Keep);
    }

    #[test]
    fn a_broken_file_stops_the_run_before_anything_is_written() {
        let broken = Present::File(b"[napcat_server\n".to_vec());
        let error = decide(ConfigFile::Adapter, &broken, GIVEN, false, &deployment()).unwrap_err();
        assert_eq!(error.code(), crate::code::Code::VolumeConfig);
        let error =
            decide(ConfigFile::Adapter, &Present::Absent, "[napcat_server\n", false, &deployment()).unwrap_err();
        assert_eq!(error.code(), crate::code::Code::ConfigSyntax);
        let binary = Present::File(vec![0xff, 0xfe, 0]);
        assert_eq!(
            decide(ConfigFile::CoreBot, &binary, "", false, &deployment()),
            Err(FileError::NotText(ConfigFile::CoreBot))
        );
    }
}
