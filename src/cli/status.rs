//! `maibot status`: how a release is.

use clap::Args;
use clap_complete::ArgValueCompleter;

use crate::action;
use crate::code::Exit;
use crate::ui::{Failure, Helm, OutputFormat, Usage};

use super::args::OutputArgs;
use super::complete;
use super::literal;
use super::release_text::{self, Shown};
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
        // Zero and what is below it mean the last, as in Helm; no release has as many revisions as does not fit.
        Ok((number > 0).then(|| u32::try_from(number).unwrap_or(u32::MAX)))
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

/// Shows the status.
pub(crate) async fn run(settings: StatusSettings, context: &Context) -> Result<Exit, Failure> {
    let told = |error: action::Error| context.verdict(error, "status");
    let cluster = context.reading().await?;
    let release = action::records::revision(&cluster, &settings.name, settings.revision).await.map_err(told)?;
    let helm3 = context.printer.helm() == Some(Helm::Three);
    let with_resources = !helm3 || settings.show_resources;
    let text = match settings.format {
        OutputFormat::Table => {
            let groups = if with_resources {
                action::resources::tables(&cluster, &release).await.map_err(told)?
            } else {
                Vec::new()
            };
            let shown = Shown {
                description: !helm3 || settings.show_description,
                resources: with_resources.then_some(groups.as_slice()),
                everything: context.global.debug,
                paint: context.printer.paint(),
                helm: context.printer.helm(),
                ..Shown::default()
            };
            release_text::text(&release, &shown)?
        }
        OutputFormat::Json | OutputFormat::Yaml => {
            let objects = if with_resources {
                action::resources::objects(&cluster, &release).await.map_err(told)?
            } else {
                std::collections::BTreeMap::new()
            };
            let json = release_text::status_json(&release, &objects, context.printer.helm())?;
            if settings.format == OutputFormat::Json { json } else { release_text::json_as_yaml(&json)? }
        }
    };
    context.printer.result(&text)?;
    Ok(Exit::Success)
}
