//! `maibot get`: what is recorded of a release, as data. Never masked: feeding it back would destroy keys.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use serde::Serialize;

use crate::action::records;
use crate::code::Exit;
use crate::release::{ApplyMethod, Release};
use crate::ui::{Failure, Helm, OutputFormat, json_line};
use crate::yaml::Value;

use super::args::OutputArgs;
use super::complete;
use super::release_text::{self, Shown};
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

/// Shows a part of a release.
pub(crate) async fn run(settings: GetSettings, context: &Context) -> Result<Exit, Failure> {
    let cluster = context.cluster("get").await?;
    let release = records::revision(&cluster, &settings.name, settings.revision)
        .await
        .map_err(|error| context.verdict(error, "get"))?;
    let text = match settings.part {
        Part::Manifest => format!("{}\n", release.manifest),
        Part::Hooks => release_text::hooks(&release),
        Part::Notes if release.info.notes.is_empty() => String::new(),
        Part::Notes => format!("NOTES:\n{}\n", release.info.notes),
        Part::All => {
            let paint = context.printer.paint();
            let shown = Shown { paint, metadata: true, everything: true, ..Shown::of_install(context.printer.helm()) };
            release_text::text(&release, &shown)?
        }
        Part::Metadata => metadata(&release, settings.format, settings.revision.is_none(), context.printer.helm())?,
        Part::Values { all } => {
            let values = if all {
                release_text::computed_values(&release, context.printer.helm())?
            } else {
                release.config.clone()
            };
            match settings.format {
                OutputFormat::Table => {
                    let heading = if all { "COMPUTED VALUES:" } else { "USER-SUPPLIED VALUES:" };
                    format!("{heading}\n{}", release_text::yaml(&values)?)
                }
                OutputFormat::Json if values.is_empty() => "null\n".to_owned(),
                OutputFormat::Json => json_line(&Value::Mapping(values).to_json())?,
                OutputFormat::Yaml => release_text::yaml(&values)?,
            }
        }
    };
    context.printer.result(&text)?;
    Ok(Exit::Success)
}

/// What `get metadata` tells, in Helm's order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    chart: String,
    version: String,
    app_version: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dependencies: Option<serde_json::Value>,
    namespace: String,
    revision: u32,
    status: String,
    deployed_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    apply_method: Option<&'static str>,
}

fn metadata(release: &Release, format: OutputFormat, latest: bool, helm: Option<Helm>) -> Result<String, Failure> {
    let helm3 = helm == Some(Helm::Three);
    let annotations = release
        .chart
        .metadata
        .get("annotations")
        .and_then(Value::as_mapping)
        .map(|map| map.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect());
    let dependencies = release.chart.metadata.get("dependencies").filter(|list| !list.is_null()).map(Value::to_json);
    // Helm looks the last revision up by its labels and shows all of them, an older one by its name.
    let labels = if helm3 {
        BTreeMap::new()
    } else if latest {
        release.record_labels.clone()
    } else {
        release.labels.clone()
    };
    let metadata = Metadata {
        name: release.name.clone(),
        chart: release.chart.name().to_owned(),
        version: release.chart.version().to_owned(),
        app_version: release.chart.app_version().to_owned(),
        annotations: annotations.unwrap_or_default(),
        labels,
        dependencies,
        namespace: release.namespace.clone(),
        revision: release.revision,
        status: release.info.status.to_string(),
        deployed_at: release.info.last_deployed.map(|time| time.rfc3339_seconds()).unwrap_or_default(),
        apply_method: (!helm3)
            .then(|| release.apply_method.map_or("", ApplyMethod::word))
            .filter(|word| !word.is_empty()),
    };
    match format {
        OutputFormat::Json => json_line(&metadata),
        OutputFormat::Yaml => release_text::json_as_yaml(&json_line(&metadata)?),
        OutputFormat::Table => {
            let pairs = |map: &BTreeMap<String, String>| {
                map.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
            };
            let names = metadata
                .dependencies
                .as_ref()
                .and_then(serde_json::Value::as_array)
                .map(|list| list.iter().filter_map(|entry| entry["name"].as_str()).collect::<Vec<_>>().join(","));
            let mut lines = vec![
                ("NAME", metadata.name.clone()),
                ("CHART", metadata.chart.clone()),
                ("VERSION", metadata.version.clone()),
                ("APP_VERSION", metadata.app_version.clone()),
                ("ANNOTATIONS", pairs(&metadata.annotations)),
            ];
            if !helm3 {
                lines.push(("LABELS", pairs(&metadata.labels)));
            }
            lines.extend([
                ("DEPENDENCIES", names.unwrap_or_default()),
                ("NAMESPACE", metadata.namespace.clone()),
                ("REVISION", metadata.revision.to_string()),
                ("STATUS", metadata.status.clone()),
                ("DEPLOYED_AT", metadata.deployed_at.clone()),
            ]);
            if !helm3 {
                lines.push(("APPLY_METHOD", release_text::apply_method(release.apply_method).to_owned()));
            }
            Ok(lines.into_iter().fold(String::new(), |text, (key, value)| text + key + ": " + &value + "\n"))
        }
    }
}
