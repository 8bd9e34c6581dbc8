//! `maibot status`: how a release is.

use clap::Args;
use clap_complete::ArgValueCompleter;

use crate::code::Exit;
use crate::ui::{Failure, OutputFormat, Reason, Unsupported, Usage};

use super::args::OutputArgs;
use super::complete;
use super::literal;
use super::runtime::Context;

/// `--revision`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RevisionArgs {
    /// Of this revision instead of the last
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true)]
    revision: String,
}

impl RevisionArgs {
    /// The revision; none for the last.
    pub(crate) fn revision(&self) -> Result<Option<u32>, Failure> {
        let bad = |reason| {
            Failure::Usage(Usage::BadValue { flag: "--revision".to_owned(), value: self.revision.clone(), reason })
        };
        let number = literal::integer(&self.revision).map_err(bad)?;
        let number = u32::try_from(number).map_err(|_| bad(Reason::Integer("value out of range".to_owned())))?;
        Ok((number > 0).then_some(number))
    }
}

/// Show how a release is
#[derive(Debug, Clone, Args)]
pub(crate) struct StatusArgs {
    /// Name of the release
    #[arg(value_name = "RELEASE_NAME", add = ArgValueCompleter::new(complete::releases))]
    name: String,
    #[command(flatten)]
    revision: RevisionArgs,
    /// Show the description; it is shown anyway, this is Helm 3's spelling
    #[arg(long, hide = true)]
    show_desc: bool,
    /// Show the objects; they are shown anyway, this is Helm 3's spelling
    #[arg(long, hide = true)]
    show_resources: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Settings of `status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatusSettings {
    /// The release.
    pub(crate) name: String,
    /// The revision; none for the last.
    pub(crate) revision: Option<u32>,
    /// Helm 3 shows the description only when asked for.
    pub(crate) show_description: bool,
    /// Helm 3 shows the objects only when asked for.
    pub(crate) show_resources: bool,
    /// The shape of the result.
    pub(crate) format: OutputFormat,
}

impl StatusArgs {
    pub(crate) fn format(&self) -> Result<OutputFormat, Failure> {
        self.output.format()
    }

    pub(crate) fn settings(&self) -> Result<StatusSettings, Failure> {
        Ok(StatusSettings {
            name: self.name.clone(),
            revision: self.revision.revision()?,
            show_description: self.show_desc,
            show_resources: self.show_resources,
            format: self.output.format()?,
        })
    }
}

/// Shows.
#[expect(clippy::unused_async, reason = "the action is asynchronous")]
pub(crate) async fn run(_settings: StatusSettings, _context: &Context) -> Result<Exit, Failure> {
    Err(Unsupported::Command("status".to_owned()).into())
}
