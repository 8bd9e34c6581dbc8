//! `maibot dependency`: the charts that a chart needs. Lines and table are Helm's.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::action::dependency::{self, DependencySettings};
use crate::action::{ChartSource, missing_dependencies};
use crate::code::Exit;
use crate::ui::{Failure, Table};

use super::args::path;
use super::runtime::Context;
use super::source::{Access, AccessArgs, Chatter, usual_keyring};

/// Look after the charts that a chart needs
#[derive(Debug, Clone, Args)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct DependencyArgs {
    #[command(subcommand)]
    what: DependencyCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum DependencyCommand {
    /// Bring the charts of Chart.lock into charts/
    Build(BringArgs),
    /// List what a chart needs, and what is there
    #[command(alias = "ls")]
    List(ListArgs),
    /// Choose versions by Chart.yaml, bring the charts into charts/ and write Chart.lock
    #[command(alias = "up")]
    Update(BringArgs),
}

#[derive(Debug, Clone, Args)]
struct ListArgs {
    /// The chart; without it the folder at hand
    #[arg(value_name = "CHART")]
    folder: Option<String>,
    /// Widest column of the table, 0 for any width
    #[arg(long, value_name = "COLUMNS", default_value = "80", hide_default_value = true)]
    max_col_width: usize,
}

#[derive(Debug, Clone, Args)]
struct BringArgs {
    /// The chart's folder; without it the folder at hand
    #[arg(value_name = "CHART")]
    folder: Option<String>,
    /// Check the signatures of fetched charts
    #[arg(long)]
    verify: bool,
    /// Public keys for --verify
    #[arg(long, value_name = "FILE")]
    keyring: Option<String>,
    /// Say nothing of lists of repositories; maibot keeps none
    #[arg(long)]
    skip_refresh: bool,
    #[command(flatten)]
    access: AccessArgs,
}

impl DependencyArgs {
    /// The password of the registry, if one was given.
    pub(crate) fn password(&self) -> Option<&str> {
        match &self.what {
            DependencyCommand::Build(args) | DependencyCommand::Update(args) => args.access.password(),
            DependencyCommand::List(_) => None,
        }
    }
}

fn folder(typed: Option<&str>) -> PathBuf {
    // Without `./`, as Go cleans paths.
    let path: PathBuf = typed.filter(|typed| !typed.is_empty()).map_or_else(|| ".".into(), PathBuf::from);
    let clean: PathBuf = path.components().filter(|part| *part != std::path::Component::CurDir).collect();
    if clean.as_os_str().is_empty() { ".".into() } else { clean }
}

/// Carries the subcommand out.
pub(crate) async fn run(args: DependencyArgs, context: &Context) -> Result<Exit, Failure> {
    match &args.what {
        DependencyCommand::List(args) => list(args, context),
        DependencyCommand::Build(args) => bring(args, false, context).await,
        DependencyCommand::Update(args) => bring(args, true, context).await,
    }
}

fn list(args: &ListArgs, context: &Context) -> Result<Exit, Failure> {
    let folder = folder(args.folder.as_deref());
    let listing = dependency::list(&folder, context.compat(), context.links())
        .map_err(|error| Failure::room(error.code(), &error))?;
    let Some(dependencies) = listing.dependencies else {
        let charts = if folder.as_os_str() == "." { PathBuf::from("charts") } else { folder.join("charts") };
        context.printer.result(&format!("WARNING: no dependencies at {}\n", charts.display()))?;
        return Ok(Exit::Success);
    };
    let mut table = Table::new();
    table.row(["NAME", "VERSION", "REPOSITORY", "STATUS"]);
    for listed in dependencies {
        let (name, version, repository) = listed.dependency;
        let cells = [name, version, repository, listed.status.to_owned()];
        table.row(cells.map(|cell| shortened(cell, args.max_col_width)));
    }
    let mut text = table.render() + "\n";
    for warning in listing.warnings {
        text.push_str(&warning);
        text.push('\n');
    }
    context.printer.result(&text)?;
    Ok(Exit::Success)
}

/// A cell as Helm's table writer cuts it.
fn shortened(cell: String, width: usize) -> String {
    if width == 0 || cell.width() <= width {
        return cell;
    }
    let mut short = String::new();
    let mut used = 0;
    for character in cell.chars() {
        short.push(character);
        let columns = character.width().unwrap_or_default();
        if used + columns >= width.saturating_sub(3) {
            break;
        }
        used += columns;
    }
    short + "..."
}

/// `--dependency-update`: fetches what a chart's folder does not have inside. Helm's lines about it go where Helm has
/// them, and nowhere without it.
pub(crate) async fn bring_missing(chart: &ChartSource, access: &Access, context: &Context) -> Result<(), Failure> {
    let ChartSource::Path(path) = chart else { return Ok(()) };
    let is_complete = match chart.load(context.compat(), context.links()) {
        Ok(loaded) => missing_dependencies(&loaded).is_empty(),
        // What is wrong with it is told when it is used.
        Err(_) => return Ok(()),
    };
    if is_complete || !path.is_dir() {
        return Ok(());
    }
    let mut text = String::new();
    let settings = DependencySettings {
        chart: path.clone(),
        compat: context.compat(),
        links: context.links(),
        keyring: None,
        requires_signature: false,
        skip_refresh: false,
    };
    bring_all(settings, access, true, context, &mut |line| text = format!("{text}{line}\n")).await?;
    if context.printer.helm().is_some() {
        context.printer.result(&text)?;
    }
    Ok(())
}

/// Fetches what a chart needs; `say` gets Helm's lines about it.
pub(crate) async fn bring_all(
    settings: DependencySettings,
    access: &Access,
    updates: bool,
    context: &Context,
    say: &mut dyn FnMut(String),
) -> Result<(), Failure> {
    let registry = context.registry(access, Chatter::Stderr)?;
    let done = if updates {
        dependency::update(&settings, &registry, &context.cancel, say).await
    } else {
        dependency::build(&settings, &registry, &context.cancel, say).await
    };
    done.map_err(|error| context.remote_verdict(error, "dependency"))
}

async fn bring(args: &BringArgs, updates: bool, context: &Context) -> Result<Exit, Failure> {
    let settings = DependencySettings {
        chart: folder(args.folder.as_deref()),
        compat: context.compat(),
        links: context.links(),
        keyring: args.verify.then(|| path(args.keyring.as_deref()).unwrap_or_else(usual_keyring)),
        requires_signature: updates,
        skip_refresh: args.skip_refresh,
    };
    let mut text = String::new();
    let mut say = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    let done = bring_all(settings, &args.access.access(), updates, context, &mut say).await;
    context.printer.result(&text)?;
    done.map(|()| Exit::Success)
}
