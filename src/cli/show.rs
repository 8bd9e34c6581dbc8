//! `maibot show`: what a chart says of itself. What is printed is the chart's, byte for byte.

use clap::{Args, Subcommand};

use crate::action::show::{self, Part};
use crate::code::Exit;
use crate::jsonpath::Template;
use crate::ui::{Arity, Failure, Level, Message, Reason, Usage};

use super::command;
use super::runtime::Context;
use super::source::{ChartReference, SourceArgs};

/// Show what a chart says of itself
#[derive(Debug, Clone, Args)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct ShowArgs {
    #[command(subcommand)]
    what: ShowCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum ShowCommand {
    /// Everything
    All(Box<ShowPartArgs>),
    /// Chart.yaml
    Chart(Box<ShowPartArgs>),
    /// CustomResourceDefinitions
    Crds(Box<ShowPartArgs>),
    /// README
    Readme(Box<ShowPartArgs>),
    /// Default values
    Values(Box<ShowValuesArgs>),
}

#[derive(Debug, Clone, Args)]
struct ShowPartArgs {
    /// Chart; without it the one that is built into maibot
    #[arg(value_name = "CHART")]
    chart: Option<String>,
    #[command(flatten)]
    source: SourceArgs,
}

#[derive(Debug, Clone, Args)]
struct ShowValuesArgs {
    #[command(flatten)]
    part: ShowPartArgs,
    /// Only what this `JSONPath` template makes of the values, such as {.core.image.tag}
    #[arg(long, value_name = "TEMPLATE")]
    jsonpath: Option<String>,
}

/// Settings of `show`.
#[derive(Debug, Clone)]
pub(crate) struct ShowSettings {
    chart: ChartReference,
    part: Part,
    template: Option<Template>,
}

impl ShowArgs {
    /// The password of the registry, if one was given.
    pub(crate) fn password(&self) -> Option<&str> {
        self.part().1.source.password()
    }

    fn part(&self) -> (Part, &ShowPartArgs) {
        match &self.what {
            ShowCommand::All(args) => (Part::All, args),
            ShowCommand::Chart(args) => (Part::Chart, args),
            ShowCommand::Crds(args) => (Part::Crds, args),
            ShowCommand::Readme(args) => (Part::Readme, args),
            ShowCommand::Values(args) => (Part::Values, &args.part),
        }
    }

    /// The settings; `is_helm` if Helm is imitated, which knows no chart of its own.
    pub(crate) fn settings(&self, is_helm: bool) -> Result<ShowSettings, Failure> {
        let (part, args) = self.part();
        if is_helm && args.chart.is_none() {
            let (usage, _) = command::arguments(&["show", name(part)]);
            return Err(Usage::Arguments { usage, arity: Arity::Exactly(1), extra: None }.into());
        }
        let template = match &self.what {
            ShowCommand::Values(args) => args.jsonpath.as_deref().filter(|text| !text.is_empty()),
            _ => None,
        };
        let template = template.map(|text| {
            Template::parse(text).map_err(|error| {
                let reason = Reason::JsonPath(error.to_string());
                Failure::from(Usage::BadValue { flag: "--jsonpath".to_owned(), value: text.to_owned(), reason })
            })
        });
        Ok(ShowSettings { chart: args.source.reference(args.chart.clone())?, part, template: template.transpose()? })
    }
}

const fn name(part: Part) -> &'static str {
    match part {
        Part::All => "all",
        Part::Chart => "chart",
        Part::Crds => "crds",
        Part::Readme => "readme",
        Part::Values => "values",
    }
}

/// Loads the chart and prints the part.
pub(crate) fn run(settings: &ShowSettings, context: &Context) -> Result<Exit, Failure> {
    let verdict = |error| context.verdict(error, "show");
    let compat = context.compat();
    let source = settings.chart.source_now(context, "show")?;
    let chart = show::load(&source, compat, context.links()).map_err(verdict)?;
    context.chart_warnings(&chart);
    let shown = show::show(&chart, settings.part, settings.template.as_ref(), compat).map_err(verdict)?;
    if let Some(problem) = shown.no_result {
        context.printer.say(Level::Warning, &Message::NoResult { problem: problem.to_string() });
    }
    context.printer.result_bytes(&shown.bytes)?;
    Ok(Exit::Success)
}
