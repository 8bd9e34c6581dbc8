//! The tree of commands.

use clap::{Args, Command, CommandFactory as _, Parser, Subcommand};

use crate::ui::Arity;

use super::completion::CompletionArgs;
use super::dependency::DependencyArgs;
use super::env::EnvArgs;
use super::explain::ExplainArgs;
use super::get::GetArgs;
use super::global::Typed;
use super::history::HistoryArgs;
use super::install::InstallArgs;
use super::lint::LintArgs;
use super::list::ListArgs;
use super::man::ManArgs;
use super::package::PackageArgs;
use super::pull::PullArgs;
use super::push::PushArgs;
use super::registry::RegistryArgs;
use super::show::ShowArgs;
use super::status::StatusArgs;
use super::template::TemplateArgs;
use super::uninstall::UninstallArgs;
use super::verify::VerifyArgs;
use super::version::VersionArgs;
use super::versions::VersionsArgs;
use super::{complete, help, pflag};

/// Install and look after MaiBot on Kubernetes
///
/// A Helm-compatible installer: the same verbs and flags as `helm`, on the same releases; the chart of MaiBot is built in.
#[derive(Debug, Parser)]
#[command(
    name = "maibot",
    bin_name = "maibot",
    version,
    disable_version_flag = true,
    disable_help_flag = true,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    subcommand_required = true,
    max_term_width = 110,
    subcommand_value_name = "COMMAND",
    after_help = "\
Start with:
  maibot install maimai -n bot --create-namespace -f maibot.yaml

`maibot help COMMAND` tells more about a command, `maibot explain CODE` about a message code."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Typed,
    #[command(subcommand)]
    pub(crate) command: Verb,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Install(Box<InstallArgs>),
    Template(Box<TemplateArgs>),
    #[command(aliases = ["dep", "dependencies"])]
    Dependency(DependencyArgs),
    Lint(Box<LintArgs>),
    #[command(alias = "inspect")]
    Show(ShowArgs),
    Package(Box<PackageArgs>),
    Verify(VerifyArgs),
    Versions(VersionsArgs),
    #[command(alias = "ls")]
    List(ListArgs),
    Status(StatusArgs),
    Get(GetArgs),
    #[command(alias = "hist")]
    History(HistoryArgs),
    #[command(aliases = ["del", "delete", "un"])]
    Uninstall(UninstallArgs),
    #[command(alias = "fetch")]
    Pull(Box<PullArgs>),
    Push(PushArgs),
    Registry(RegistryArgs),
    Explain(ExplainArgs),
    Version(VersionArgs),
    Env(EnvArgs),
    Completion(CompletionArgs),
    Man(ManArgs),
    Help(HelpArgs),
}

/// Show help for a command
#[derive(Debug, Clone, Args)]
pub(crate) struct HelpArgs {
    /// The command
    #[arg(value_name = "COMMAND")]
    pub(crate) path: Vec<String>,
}

/// The tree as it is parsed, in English.
pub(crate) fn build() -> Command {
    let command = help::with_help_flag(Cli::command())
        .arg(
            clap::Arg::new("program_version")
                .long("version")
                .action(clap::ArgAction::Version)
                .help_heading(super::global::COMMON_HEADING)
                .help("Print the version"),
        )
        .mut_arg("namespace", |flag| flag.add(clap_complete::ArgValueCompleter::new(complete::namespaces)))
        .mut_arg("kube-context", |flag| flag.add(clap_complete::ArgValueCompleter::new(complete::contexts)));
    pflag::manners(command)
}

/// How commands are used and how many arguments they take, for errors about their number; the words are Helm's where
/// Helm has the command.
pub(crate) fn arguments(path: &[&str]) -> (String, Arity) {
    let (arguments, arity) = match path {
        ["install" | "template"] => ("[NAME] [CHART]", Arity::AtMost(2)),
        ["show", _] => ("[CHART]", Arity::AtMost(1)),
        ["dependency", _] => ("CHART", Arity::AtMost(1)),
        ["lint"] => ("PATH", Arity::AtLeast(1)),
        ["package"] => ("[CHART_PATH] [...]", Arity::AtLeast(1)),
        ["status" | "history"] | ["get", _] => ("RELEASE_NAME", Arity::Exactly(1)),
        ["uninstall"] => ("RELEASE_NAME [...]", Arity::AtLeast(1)),
        ["pull"] => ("[chart URL | repo/chartname] [...]", Arity::AtLeast(1)),
        ["push"] => ("[chart] [remote]", Arity::AtLeast(2)),
        ["registry", _] => ("[host]", Arity::AtLeast(1)),
        ["verify"] => ("PATH", Arity::Exactly(1)),
        ["env"] => ("[VARIABLE]", Arity::AtMost(1)),
        ["explain"] => ("[CODE]", Arity::AtMost(1)),
        ["completion"] => ("SHELL", Arity::Exactly(1)),
        ["man"] => ("[FOLDER]", Arity::AtMost(1)),
        _ => ("", Arity::None),
    };
    let words = std::iter::once("maibot").chain(path.iter().copied()).chain([arguments, "[flags]"]);
    (words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "), arity)
}

/// Commands of Helm that are still to come.
pub(crate) const TO_COME: &[&str] = &["create", "plugin", "repo", "rollback", "search", "test", "upgrade"];

/// Helm's commands, for the suggestions of `--helm-compat`, in the order in which Helm adds them.
pub(crate) const HELM_COMMANDS: &[&str] = &[
    "create",
    "dependency",
    "pull",
    "show",
    "lint",
    "package",
    "repo",
    "search",
    "verify",
    "get",
    "history",
    "install",
    "list",
    "test",
    "rollback",
    "status",
    "template",
    "uninstall",
    "upgrade",
    "completion",
    "env",
    "plugin",
    "version",
    "registry",
    "push",
    "help",
];
