//! `maibot get`: what is recorded of a release, as data. Never masked: feeding it back would destroy keys.

use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;

use crate::code::Exit;
use crate::ui::{Failure, OutputFormat, Unsupported};

use super::args::OutputArgs;
use super::complete;
use super::runtime::Context;
use super::status::RevisionArgs;

/// Print what is recorded of a release
#[derive(Debug, Clone, Args)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct GetArgs {
    #[command(subcommand)]
    what: GetCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum GetCommand {
    /// Everything
    All(GetAllArgs),
    /// Hooks
    Hooks(GetTextArgs),
    /// Manifest
    Manifest(GetTextArgs),
    /// Chart, version, state and times
    Metadata(GetMetadataArgs),
    /// Notes
    Notes(GetTextArgs),
    /// Values
    Values(GetValuesArgs),
}

#[derive(Debug, Clone, Args)]
struct GetTextArgs {
    /// Name of the release
    #[arg(value_name = "RELEASE_NAME", add = ArgValueCompleter::new(complete::releases))]
    name: String,
    #[command(flatten)]
    revision: RevisionArgs,
}

#[derive(Debug, Clone, Args)]
struct GetAllArgs {
    #[command(flatten)]
    release: GetTextArgs,
    /// Go template for the output
    #[arg(long, value_name = "TEMPLATE")]
    template: Option<String>,
}

#[derive(Debug, Clone, Args)]
struct GetMetadataArgs {
    #[command(flatten)]
    release: GetTextArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Clone, Args)]
struct GetValuesArgs {
    #[command(flatten)]
    release: GetTextArgs,
    /// The chart's defaults too
    #[arg(short = 'a', long)]
    all: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// What of a release is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything.
    All,
    /// Hooks.
    Hooks,
    /// Manifest.
    Manifest,
    /// Metadata.
    Metadata,
    /// Notes.
    Notes,
    /// Values: the user's, or all of them.
    Values {
        /// Whether the chart's defaults are in it.
        all: bool,
    },
}

/// Settings of `get`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GetSettings {
    /// The release.
    pub(crate) name: String,
    /// The revision; none for the last.
    pub(crate) revision: Option<u32>,
    /// What of it.
    pub(crate) part: Part,
    /// The shape of the result.
    pub(crate) format: OutputFormat,
}

impl GetArgs {
    pub(crate) fn format(&self) -> Result<OutputFormat, Failure> {
        match &self.what {
            GetCommand::Metadata(metadata) => metadata.output.format(),
            GetCommand::Values(values) => values.output.format(),
            _ => Ok(OutputFormat::Table),
        }
    }

    pub(crate) fn settings(&self) -> Result<GetSettings, Failure> {
        let (release, part) = match &self.what {
            GetCommand::All(all) => {
                if all.template.is_some() {
                    return Err(Failure::flag("--template"));
                }
                (&all.release, Part::All)
            }
            GetCommand::Hooks(release) => (release, Part::Hooks),
            GetCommand::Manifest(release) => (release, Part::Manifest),
            GetCommand::Metadata(metadata) => (&metadata.release, Part::Metadata),
            GetCommand::Notes(release) => (release, Part::Notes),
            GetCommand::Values(values) => (&values.release, Part::Values { all: values.all }),
        };
        Ok(GetSettings {
            name: release.name.clone(),
            revision: release.revision.revision()?,
            part,
            format: self.format()?,
        })
    }
}

/// Prints.
#[expect(clippy::unused_async, reason = "the action is asynchronous")]
pub(crate) async fn run(_settings: GetSettings, _context: &Context) -> Result<Exit, Failure> {
    Err(Unsupported::Command("get".to_owned()).into())
}
