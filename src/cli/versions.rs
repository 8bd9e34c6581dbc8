//! `maibot versions`: which charts of MaiBot exist, what belongs together in each, and what a move between two brings
//! with it. From the table inside this program; only with `--remote` a registry is asked.

use clap::Args;
use serde::Serialize;
use std::fmt::Write as _;

use crate::action;
use crate::application::components::ComponentId;
use crate::application::consent::Agreement;
use crate::application::versions::{ChartVersion, ConfigHome, Move, Versions};
use crate::chart::Chart;
use crate::code::Code;
use crate::ui::{Failure, OutputFormat, Table, json_line};

use super::args::OutputArgs;
use super::release_text;
use super::runtime::{self, Context};
use super::source::{AccessArgs, Chatter};

/// List the charts of MaiBot and what belongs together in each
///
/// With --from it tells what a move from that chart brings with it: other images, configuration files to migrate, texts
/// to agree to anew.
#[derive(Debug, Clone, Args)]
pub(crate) struct VersionsArgs {
    /// What a move from this chart brings with it
    #[arg(long, value_name = "VERSION")]
    from: Option<String>,
    /// The chart to move to; without it the one that is built into maibot
    #[arg(long, value_name = "VERSION", requires = "from")]
    to: Option<String>,
    /// Ask the registry which charts it has
    #[arg(long)]
    remote: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten, next_help_heading = "Options")]
    access: AccessArgs,
}

impl VersionsArgs {
    /// The password of the registry, if one was given.
    pub(crate) fn password(&self) -> Option<&str> {
        self.access.password()
    }

    pub(crate) fn format(&self) -> Result<OutputFormat, Failure> {
        self.output.format()
    }
}

#[derive(Debug, Serialize)]
struct Listing {
    /// The version of the chart inside this program.
    embedded: String,
    charts: Vec<Entry>,
    /// What the registry has, newest first; there only if it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<Remote>,
}

#[derive(Debug, Serialize)]
struct Remote {
    reference: String,
    versions: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Entry {
    chart: String,
    maibot: String,
    images: Vec<ImageEntry>,
    config: Vec<FileEntry>,
    config_home: ConfigHome,
    #[serde(skip_serializing_if = "Option::is_none")]
    agreement: Option<AgreementEntry>,
    /// Whether the chart inside this program follows it.
    embedded: bool,
}

#[derive(Debug, Serialize)]
struct ImageEntry {
    component: String,
    image: String,
}

#[derive(Debug, Serialize)]
struct FileEntry {
    file: &'static str,
    of: &'static str,
    version: String,
}

#[derive(Debug, Serialize)]
struct AgreementEntry {
    eula: String,
    privacy: String,
}

#[derive(Debug, Serialize)]
struct MoveEntry {
    from: String,
    to: String,
    downgrade: bool,
    changes: Vec<ChangeEntry>,
}

#[derive(Debug, Serialize)]
struct ChangeEntry {
    what: String,
    from: String,
    to: String,
    /// What has to happen.
    needs: &'static str,
}

/// Prints the table, or what a move brings with it.
pub(crate) fn run(args: &VersionsArgs, context: &Context) -> Result<(), Failure> {
    let format = args.format()?;
    let table = Versions::get();
    let embedded = Chart::embedded().map_err(|error| Failure::room(error.code(), &error))?.metadata.version;
    let text = if let Some(from) = &args.from {
        let from = find(table, from, &embedded)?;
        let to = args.to.as_deref().map_or(Ok(table.embedded()), |to| find(table, to, &embedded))?;
        moves(&move_entry(from, to, &table.between(from, to)), format)?
    } else {
        let charts = table.charts.iter().map(|chart| entry(table, chart)).collect();
        let remote = if args.remote { Some(remote(args, context)?) } else { None };
        listing(&Listing { embedded, charts, remote }, format)?
    };
    context.printer.result(&text)
}

/// Asks the registry of the default chart.
fn remote(args: &VersionsArgs, context: &Context) -> Result<Remote, Failure> {
    let reference = context.global.default_chart.clone();
    let registry = context.registry(&args.access.access(), Chatter::Stderr)?;
    let versions = runtime::wait_for(registry.versions(&reference))?
        .map_err(|error| context.verdict(action::Error::from(error), "versions"))?;
    Ok(Remote { reference, versions })
}

/// No chart of that version.
#[derive(Debug, thiserror::Error)]
#[error("no chart of MaiBot has the version `{given}`; there are {}", known.join(", "))]
struct NoSuchChart {
    given: String,
    known: Vec<String>,
}

fn find<'t>(table: &'t Versions, given: &str, embedded: &str) -> Result<&'t ChartVersion, Failure> {
    let plain = given.strip_prefix('v').unwrap_or(given);
    let found = if plain == embedded {
        Some(table.embedded())
    } else {
        plain.parse().ok().and_then(|version| table.chart(&version))
    };
    found.ok_or_else(|| {
        let known = table.charts.iter().map(|chart| format!("`{}`", chart.chart)).collect();
        Failure::room(Code::Usage, &NoSuchChart { given: given.to_owned(), known })
    })
}

fn image(table: &Versions, chart: &ChartVersion, component: ComponentId) -> String {
    let (repository, tag) = table.default_image(chart, component);
    format!("{repository}:{tag}")
}

fn entry(table: &Versions, chart: &ChartVersion) -> Entry {
    let file = |file, of, version: &semver::Version| FileEntry { file, of, version: version.to_string() };
    Entry {
        chart: chart.chart.to_string(),
        maibot: chart.maibot.to_string(),
        images: ComponentId::ALL
            .into_iter()
            .map(|component| ImageEntry { component: component.to_string(), image: image(table, chart, component) })
            .collect(),
        config: vec![
            file("bot_config.toml", "core", &chart.config.bot),
            file("model_config.toml", "core", &chart.config.model),
            file("config.toml", "adapter", &chart.config.adapter),
        ],
        config_home: chart.config_home,
        agreement: Agreement::of_version(&chart.maibot)
            .map(|it| AgreementEntry { eula: it.eula_text.clone(), privacy: it.privacy_text.clone() }),
        embedded: chart.chart == table.embedded().chart,
    }
}

fn move_entry(from: &ChartVersion, to: &ChartVersion, way: &Move) -> MoveEntry {
    let mut changes = Vec::new();
    let mut change =
        |what: String, from: String, to: String, needs| changes.push(ChangeEntry { what, from, to, needs });
    for (component, before, after) in &way.images {
        change(format!("image of {component}"), before.clone(), after.clone(), "pull");
    }
    for (file, before, after) in &way.config {
        let needs = if way.is_downgrade { "restore a copy: files are not rewritten backwards" } else { "migrate" };
        change((*file).to_owned(), before.to_string(), after.to_string(), needs);
    }
    if let Some((before, after)) = way.config_home {
        change("place of configuration".to_owned(), before.name().to_owned(), after.name().to_owned(), "move");
    }
    if let Some(agreement) = way.agreement {
        let before = Agreement::of_version(&from.maibot);
        let old = |text: fn(&Agreement) -> &String| before.map(|it| text(it).clone()).unwrap_or_default();
        if before.is_none_or(|before| before.eula != agreement.eula) {
            change("EULA".to_owned(), old(|it| &it.eula_text), agreement.eula_text.clone(), "agree");
        }
        if before.is_none_or(|before| before.privacy != agreement.privacy) {
            change("privacy policy".to_owned(), old(|it| &it.privacy_text), agreement.privacy_text.clone(), "agree");
        }
    }
    MoveEntry { from: from.chart.to_string(), to: to.chart.to_string(), downgrade: way.is_downgrade, changes }
}

fn listing(listing: &Listing, format: OutputFormat) -> Result<String, Failure> {
    let json = json_line(listing)?;
    match format {
        OutputFormat::Json => Ok(json),
        OutputFormat::Yaml => release_text::json_as_yaml(&json),
        OutputFormat::Table => {
            let mut table = Table::new();
            table.row([
                "CHART",
                "MAIBOT",
                "ADAPTER",
                "NAPCAT",
                "BOT CONFIG",
                "MODEL CONFIG",
                "ADAPTER CONFIG",
                "KEPT IN",
                "EULA",
            ]);
            for entry in &listing.charts {
                let tag = |component: ComponentId| {
                    let name = component.to_string();
                    let image = entry.images.iter().find(|it| it.component == name).map(|it| it.image.as_str());
                    image.and_then(|image| image.rsplit_once(':')).map(|(_, tag)| tag).unwrap_or_default().to_owned()
                };
                let mut row = vec![
                    entry.chart.clone(),
                    entry.maibot.clone(),
                    tag(ComponentId::Adapter),
                    tag(ComponentId::Napcat),
                ];
                row.extend(entry.config.iter().map(|file| file.version.clone()));
                row.push(entry.config_home.name().to_owned());
                row.push(entry.agreement.as_ref().map(|it| it.eula.clone()).unwrap_or_default());
                table.row(row);
            }
            let follows = listing.charts.iter().find(|entry| entry.embedded).map(|entry| entry.chart.as_str());
            let mut note = format!("\nbuilt in: {}, which follows {}\n", listing.embedded, follows.unwrap_or_default());
            if let Some(remote) = &listing.remote {
                let _ = writeln!(note, "{} has: {}", remote.reference, remote.versions.join(", "));
            }
            Ok(table.render() + &note)
        }
    }
}

fn moves(entry: &MoveEntry, format: OutputFormat) -> Result<String, Failure> {
    let json = json_line(entry)?;
    match format {
        OutputFormat::Json => Ok(json),
        OutputFormat::Yaml => release_text::json_as_yaml(&json),
        OutputFormat::Table => {
            let mut table = Table::new();
            table.row(["CHANGES", entry.from.as_str(), entry.to.as_str(), "NEEDS"]);
            for change in &entry.changes {
                table.row([change.what.as_str(), change.from.as_str(), change.to.as_str(), change.needs]);
            }
            Ok(table.render())
        }
    }
}
