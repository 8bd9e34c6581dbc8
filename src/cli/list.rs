//! `maibot list`: releases of a namespace, or of all.

use std::sync::Arc;

use clap::Args;
use regex::Regex;
use serde::Serialize;

use crate::action::records::{self, NameFilter};
use crate::code::Exit;
use crate::release::{Release, Status};
use crate::ui::{Failure, Level, Message, OutputFormat, Paint, Reason, Table, Usage, json_line};

use super::args::OutputArgs;
use super::literal;
use super::release_text;
use super::runtime::Context;

/// List releases
#[derive(Debug, Clone, Args)]
pub(crate) struct ListArgs {
    /// Names only
    #[arg(short = 'q', long)]
    short: bool,
    /// No heading over the table
    #[arg(long)]
    no_headers: bool,
    /// Layout of times, as Go writes one: 2006-01-02 15:04:05
    #[arg(long, value_name = "LAYOUT")]
    time_format: Option<String>,
    /// Sort by date, the oldest first
    #[arg(short = 'd', long)]
    date: bool,
    /// Sort the other way round
    #[arg(short = 'r', long)]
    reverse: bool,
    /// All states; they are shown anyway, this is Helm 3's spelling
    #[arg(short = 'a', long, hide = true)]
    all: bool,
    /// Those that were uninstalled with their history kept
    #[arg(long)]
    uninstalled: bool,
    /// Those that were replaced by a later revision
    #[arg(long)]
    superseded: bool,
    /// Those that are being uninstalled
    #[arg(long)]
    uninstalling: bool,
    /// Those that are deployed
    #[arg(long)]
    deployed: bool,
    /// Those that failed
    #[arg(long)]
    failed: bool,
    /// Those that an operation is working on
    #[arg(long)]
    pending: bool,
    /// Of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// At most so many; 0 for all
    #[arg(short = 'm', long, value_name = "N", default_value = "256", hide_default_value = true)]
    max: String,
    /// Leave out the first so many
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true)]
    offset: String,
    /// Only names that match this regular expression
    #[arg(short = 'f', long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// Only releases whose records have these labels: a=1,b!=2
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Settings of `list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListSettings {
    /// Names only.
    pub(crate) short: bool,
    /// No heading.
    pub(crate) no_headers: bool,
    /// Go's layout of times.
    pub(crate) time_format: Option<String>,
    /// Sorted by date.
    pub(crate) by_date: bool,
    /// Sorted the other way round.
    pub(crate) reverse: bool,
    /// The states to show; none means Helm's default.
    pub(crate) statuses: Vec<Status>,
    /// Of all namespaces.
    pub(crate) all_namespaces: bool,
    /// At most so many; 0 for all.
    pub(crate) max: usize,
    /// Leave out the first so many.
    pub(crate) offset: usize,
    /// Regular expression on names.
    pub(crate) filter: Option<String>,
    /// Label selector on records.
    pub(crate) selector: Option<String>,
    /// The shape of the result.
    pub(crate) format: OutputFormat,
}

impl ListArgs {
    pub(crate) fn format(&self) -> Result<OutputFormat, Failure> {
        self.output.format()
    }

    pub(crate) fn settings(&self) -> Result<ListSettings, Failure> {
        let mut statuses = Vec::new();
        for (given, states) in [
            (self.deployed, &[Status::Deployed][..]),
            (self.failed, &[Status::Failed]),
            (self.pending, &[Status::PendingInstall, Status::PendingUpgrade, Status::PendingRollback]),
            (self.superseded, &[Status::Superseded]),
            (self.uninstalled, &[Status::Uninstalled]),
            (self.uninstalling, &[Status::Uninstalling]),
        ] {
            // `--all` of Helm 3 wins over the others, as there.
            if given && !self.all {
                statuses.extend_from_slice(states);
            }
        }
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Ok(ListSettings {
            short: self.short,
            no_headers: self.no_headers,
            time_format: filled(&self.time_format),
            by_date: self.date,
            reverse: self.reverse,
            statuses,
            all_namespaces: self.all_namespaces,
            max: count("-m, --max", &self.max)?,
            offset: count("--offset", &self.offset)?,
            filter: filled(&self.filter),
            selector: filled(&self.selector),
            format: self.output.format()?,
        })
    }
}

/// A number of things; what is below zero counts as zero, as in Helm.
pub(crate) fn count(flag: &str, text: &str) -> Result<usize, Failure> {
    let number = literal::integer(text).map_err(|reason| Usage::BadValue {
        flag: flag.to_owned(),
        value: text.to_owned(),
        reason,
    })?;
    Ok(usize::try_from(number).unwrap_or_default())
}

/// Lists.
pub(crate) async fn run(settings: ListSettings, context: &Context) -> Result<Exit, Failure> {
    if settings.time_format.is_some() {
        return Err(Failure::flag("--time-format"));
    }
    let filter = match &settings.filter {
        None => None,
        Some(expression) => {
            let regex = Regex::new(expression).map_err(|error| Usage::BadValue {
                flag: "-f, --filter".to_owned(),
                value: expression.clone(),
                reason: Reason::Expression(error.to_string()),
            })?;
            Some(NameFilter(Arc::new(move |name: &str| regex.is_match(name))))
        }
    };
    let cluster = context.cluster("list").await?;
    let listing = records::list(
        &cluster,
        &records::ListSettings {
            all_namespaces: settings.all_namespaces,
            statuses: settings.statuses,
            filter,
            selector: settings.selector,
            by_date: settings.by_date,
            reverse: settings.reverse,
            max: settings.max,
            offset: settings.offset,
        },
    )
    .await
    .map_err(|error| context.verdict(error, "list"))?;
    for record in &listing.unreadable {
        context.printer.say(
            Level::Warning,
            &Message::UnreadableRecord { name: record.name.clone(), reason: record.error.to_string() },
        );
    }
    let zone = jiff::tz::TimeZone::system();
    let entries: Vec<Entry> = listing.releases.iter().map(|release| Entry::of(release, &zone)).collect();
    let text = match (settings.format, settings.short) {
        (OutputFormat::Table, true) => entries.iter().fold(String::new(), |text, entry| text + &entry.name + "\n"),
        (OutputFormat::Table, false) => table(&entries, settings.no_headers, context.printer.paint()),
        (OutputFormat::Json, short) => json(&entries, short)?,
        (OutputFormat::Yaml, short) => release_text::json_as_yaml(&json(&entries, short)?)?,
    };
    context.printer.result(&text)?;
    Ok(Exit::Success)
}

/// A release as `list` shows it; every field is text, the revision too, as in Helm.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    namespace: String,
    revision: String,
    updated: String,
    status: String,
    chart: String,
    app_version: String,
}

impl Entry {
    fn of(release: &Release, zone: &jiff::tz::TimeZone) -> Self {
        Self {
            name: release.name.clone(),
            namespace: release.namespace.clone(),
            revision: release.revision.to_string(),
            updated: release.info.last_deployed.map_or_else(|| "-".to_owned(), |time| time.go_string(zone)),
            status: release.info.status.to_string(),
            chart: release.chart.full_name(),
            app_version: release.chart.app_version().to_owned(),
        }
    }
}

fn json(entries: &[Entry], short: bool) -> Result<String, Failure> {
    if short { json_line(&entries.iter().map(|entry| &entry.name).collect::<Vec<_>>()) } else { json_line(&entries) }
}

/// Helm 4 colours the table on a terminal.
fn table(entries: &[Entry], no_headers: bool, paint: Paint) -> String {
    let mut table = Table::new();
    if !no_headers {
        let headers = ["NAME", "NAMESPACE", "REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION"];
        table.row(headers.map(|header| paint.bold(header)));
    }
    for entry in entries {
        table.row([
            entry.name.clone(),
            paint.name(&entry.namespace),
            entry.revision.clone(),
            entry.updated.clone(),
            paint.status(&entry.status),
            entry.chart.clone(),
            entry.app_version.clone(),
        ]);
    }
    table.render()
}
