//! The tree of commands.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, CommandFactory as _, FromArgMatches as _, Parser};

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
struct Root {
    #[command(flatten)]
    global: Typed,
}

/// A command line that was understood.
#[derive(Debug)]
pub(crate) struct Cli {
    pub(crate) global: Typed,
    pub(crate) command: Verb,
}

impl Cli {
    /// What the words mean that a tree was matched against.
    ///
    /// # Errors
    /// clap's, if there is no command.
    pub(crate) fn from_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let Some((name, of_command)) = matches.subcommand() else {
            return Err(clap::Error::new(ErrorKind::MissingSubcommand));
        };
        Ok(Self { global: Typed::from_arg_matches(matches)?, command: Verb::from_matches(name, of_command)? })
    }
}

/// A command as the tree has it.
struct Entry {
    name: &'static str,
    aliases: &'static [&'static str],
    /// Gives the command its flags and its help.
    fill: fn(Command) -> Command,
}

/// The commands: the type of each one's arguments, its name, and other names for it.
macro_rules! commands {
    ($($verb:ident($arguments:ty) = $name:literal $(or $alias:literal)*,)+) => {
        /// A command with its arguments.
        #[derive(Debug)]
        pub(crate) enum Verb {
            $($verb($arguments),)+
        }

        const COMMANDS: &[Entry] = &[$(Entry {
            name: $name,
            aliases: &[$($alias),*],
            fill: <$arguments as Args>::augment_args,
        },)+];

        impl Verb {
            fn from_matches(name: &str, matches: &ArgMatches) -> Result<Self, clap::Error> {
                match name {
                    $($name => <$arguments>::from_arg_matches(matches).map(Self::$verb),)+
                    _ => Err(clap::Error::new(ErrorKind::InvalidSubcommand)),
                }
            }
        }
    };
}

commands! {
    Install(Box<InstallArgs>) = "install",
    Template(Box<TemplateArgs>) = "template",
    Dependency(DependencyArgs) = "dependency" or "dep" or "dependencies",
    Lint(Box<LintArgs>) = "lint",
    Show(ShowArgs) = "show" or "inspect",
    Package(Box<PackageArgs>) = "package",
    Verify(VerifyArgs) = "verify",
    Versions(VersionsArgs) = "versions",
    List(ListArgs) = "list" or "ls",
    Status(StatusArgs) = "status",
    Get(GetArgs) = "get",
    History(HistoryArgs) = "history" or "hist",
    Uninstall(UninstallArgs) = "uninstall" or "del" or "delete" or "un",
    Pull(Box<PullArgs>) = "pull" or "fetch",
    Push(PushArgs) = "push",
    Registry(RegistryArgs) = "registry",
    Explain(ExplainArgs) = "explain",
    Version(VersionArgs) = "version",
    Env(EnvArgs) = "env",
    Completion(CompletionArgs) = "completion",
    Man(ManArgs) = "man",
    Help(HelpArgs) = "help",
}

/// Show help for a command
#[derive(Debug, Clone, Args)]
pub(crate) struct HelpArgs {
    /// The command
    #[arg(value_name = "COMMAND")]
    pub(crate) path: Vec<String>,
}

/// The whole tree, in English.
pub(crate) fn build() -> Command {
    tree(COMMANDS.iter())
}

/// The tree as far as a command line can lead into it: with the commands that it names, of which each costs as much as
/// the rest of the line. With all of them if it names none.
pub(crate) fn build_for(words: &[OsString]) -> Command {
    let is_named = |entry: &&Entry| {
        let mut names = std::iter::once(&entry.name).chain(entry.aliases);
        names.any(|name| words.iter().skip(1).any(|word| word == name))
    };
    let mut named = COMMANDS.iter().filter(is_named).peekable();
    if named.peek().is_some() { tree(named) } else { build() }
}

fn tree<'a>(entries: impl Iterator<Item = &'a Entry>) -> Command {
    let commands = entries.map(|entry| (entry.fill)(Command::new(entry.name).aliases(entry.aliases)));
    let command = help::with_help_flag(Root::command())
        .arg(
            clap::Arg::new("program_version")
                .long("version")
                .action(clap::ArgAction::Version)
                .help_heading(super::global::COMMON_HEADING)
                .help("Print the version"),
        )
        .mut_arg("namespace", |flag| flag.add(clap_complete::ArgValueCompleter::new(complete::namespaces)))
        .mut_arg("kube-context", |flag| flag.add(clap_complete::ArgValueCompleter::new(complete::contexts)))
        .subcommands(commands);
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
