//! `maibot history`: the revisions of a release.

use clap::Args;
use clap_complete::ArgValueCompleter;
use serde::Serialize;

use crate::action::records;
use crate::code::Exit;
use crate::release::Release;
use crate::ui::{Failure, Helm, OutputFormat, Table, json_line};

use super::args::OutputArgs;
use super::complete;
use super::list::count;
use super::release_text;
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

/// Shows the history.
pub(crate) async fn run(settings: HistorySettings, context: &Context) -> Result<Exit, Failure> {
    let cluster = context.cluster("history").await?;
    let history =
        records::history(&cluster, &settings.name).await.map_err(|error| context.verdict(error, "history"))?;
    let revisions = history.revisions();
    let newest = &revisions[revisions.len().saturating_sub(settings.max)..];
    let entries: Vec<Entry> = newest.iter().map(|release| Entry::of(release, context.printer.helm())).collect();
    let text = match settings.format {
        OutputFormat::Table => table(newest),
        OutputFormat::Json => json_line(&entries)?,
        OutputFormat::Yaml => release_text::json_as_yaml(&json_line(&entries)?)?,
    };
    context.printer.result(&text)?;
    Ok(Exit::Success)
}

/// A revision as `history` shows it.
#[derive(Debug, Serialize)]
struct Entry {
    revision: u32,
    /// Helm 4 leaves a missing time out, Helm 3 writes an empty text.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<String>,
    status: String,
    chart: String,
    app_version: String,
    description: String,
}

impl Entry {
    fn of(release: &Release, helm: Option<Helm>) -> Self {
        let missing = (helm == Some(Helm::Three)).then(String::new);
        Self {
            revision: release.revision,
            updated: release.info.last_deployed.map(|time| time.rfc3339()).or(missing),
            status: release.info.status.to_string(),
            chart: release.chart.full_name(),
            app_version: release.chart.app_version().to_owned(),
            description: release.info.description.clone(),
        }
    }
}

fn table(revisions: &[Release]) -> String {
    let mut table = Table::new();
    table.row(["REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION", "DESCRIPTION"]);
    for release in revisions {
        table.row([
            release.revision.to_string(),
            release.info.last_deployed.map(|time| time.ansi_c()).unwrap_or_default(),
            release.info.status.to_string(),
            release.chart.full_name(),
            release.chart.app_version().to_owned(),
            release.info.description.clone(),
        ]);
    }
    table.render()
}
