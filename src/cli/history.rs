//! `maibot history`: the revisions of a release.

use clap::Args;
use clap_complete::ArgValueCompleter;

use crate::code::Exit;
use crate::ui::{Failure, OutputFormat, Unsupported};

use super::args::OutputArgs;
use super::complete;
use super::list::count;
use super::runtime::Context;

/// Show the revisions of a release
#[derive(Debug, Clone, Args)]
pub(crate) struct HistoryArgs {
    /// Name of the release
    #[arg(value_name = "RELEASE_NAME", add = ArgValueCompleter::new(complete::releases))]
    name: String,
    /// Only the newest so many
    #[arg(long, value_name = "N", default_value = "256", hide_default_value = true)]
    max: String,
    #[command(flatten)]
    output: OutputArgs,
}

/// Settings of `history`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HistorySettings {
    /// The release.
    pub(crate) name: String,
    /// Only the newest so many.
    pub(crate) max: usize,
    /// The shape of the result.
    pub(crate) format: OutputFormat,
}

impl HistoryArgs {
    pub(crate) fn format(&self) -> Result<OutputFormat, Failure> {
        self.output.format()
    }

    pub(crate) fn settings(&self) -> Result<HistorySettings, Failure> {
        Ok(HistorySettings { name: self.name.clone(), max: count("--max", &self.max)?, format: self.output.format()? })
    }
}

/// Shows.
#[expect(clippy::unused_async, reason = "the action is asynchronous")]
pub(crate) async fn run(_settings: HistorySettings, _context: &Context) -> Result<Exit, Failure> {
    Err(Unsupported::Command("history".to_owned()).into())
}
