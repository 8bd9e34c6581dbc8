//! `maibot push`: bring a chart archive to a registry.

use clap::Args;

use crate::action;
use crate::code::Exit;
use crate::ui::Failure;

use super::runtime::Context;
use super::source::{Access, AccessArgs, Chatter};

/// Bring a chart archive to a registry, with its provenance file if it has one
#[derive(Debug, Clone, Args)]
pub(crate) struct PushArgs {
    /// The archive
    #[arg(value_name = "ARCHIVE", required = true)]
    archive: String,
    /// Where to, as `oci://HOST/FOLDER`; the chart's name and version are added
    #[arg(value_name = "REGISTRY", required = true)]
    remote: String,
    /// More arguments, which Helm takes and leaves out
    #[arg(hide = true)]
    ignored: Vec<String>,
    #[command(flatten, next_help_heading = "Options")]
    access: AccessArgs,
}

/// Settings of `push`.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    archive: String,
    remote: String,
    access: Access,
}

impl PushArgs {
    pub(crate) fn password(&self) -> Option<&str> {
        self.access.password()
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings { archive: self.archive.clone(), remote: self.remote.clone(), access: self.access.access() }
    }
}

/// Pushes.
pub(crate) async fn run(settings: Settings, context: &Context) -> Result<Exit, Failure> {
    let registry = context.registry(&settings.access, Chatter::Result)?;
    action::push::push(&registry, settings.archive.as_ref(), &settings.remote, context.compat(), &context.cancel)
        .await
        .map_err(|error| context.remote_verdict(error, "push"))?;
    Ok(Exit::Success)
}
