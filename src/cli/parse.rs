//! From words to commands, and from the parser's complaints to ours.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::ui::{Failure, Unsupported, Usage, suggest};

use super::command::{self, Cli, HELM_COMMANDS, TO_COME};
use super::pflag;

/// What a command line leads to, if it is no failure.
pub(crate) enum Parsed {
    /// A command.
    Run(Box<Cli>),
    /// Help for the command of this path, in full or in short.
    Help {
        /// The command, without `maibot`.
        path: Vec<String>,
        /// Whether everything is shown.
        long: bool,
    },
    /// The version of the program.
    Version,
}

/// Whether Helm answers this mistake with help and success: a command that is missing, or not there, below a command
/// that has nothing but commands.
pub(crate) fn helm_shows_help(failure: &Failure) -> Option<Vec<String>> {
    match failure {
        Failure::Usage(Usage::UnknownCommand { parent, .. }) if parent != "maibot" => {
            Some(parent.split(' ').skip(1).map(str::to_owned).collect())
        }
        Failure::Usage(Usage::Arguments { usage, extra: None, .. }) if usage.starts_with("maibot completion") => {
            Some(vec!["completion".to_owned()])
        }
        _ => None,
    }
}

/// Reads a command line.
pub(crate) fn parse(words: Vec<OsString>) -> Result<Parsed, Failure> {
    let mut root = command::build_for(&words);
    let words = pflag::rewrite(&root, words)?;
    let path = path(&root, &words);
    let matches = root.try_get_matches_from_mut(&words);
    match matches.and_then(|matches| Cli::from_matches(&matches)) {
        Ok(cli) => Ok(Parsed::Run(Box::new(cli))),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp => {
                let long = !words.iter().any(|word| word == "-h");
                Ok(Parsed::Help { path, long })
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
                Ok(Parsed::Help { path, long: false })
            }
            ErrorKind::DisplayVersion => Ok(Parsed::Version),
            // What is near to a word may be any command.
            _ => Err(complaint(&error, &command::build(), &path, &words)),
        },
    }
}

/// The commands that the words lead through, by their own names.
fn path(root: &Command, words: &[OsString]) -> Vec<String> {
    let mut path = Vec::new();
    let mut current = root;
    for word in words.iter().skip(1).filter_map(|word| word.to_str()) {
        if let Some(next) = current.find_subcommand(word) {
            path.push(next.get_name().to_owned());
            current = next;
        }
    }
    path
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    }
}

/// The flag in clap's `-o, --output <FORMAT>` or `--wait[=<STRATEGY>]`.
fn flag_name(shown: &str) -> String {
    let end = shown.find([' ', '[', '<', '=']).unwrap_or(shown.len());
    shown[..end].trim_end_matches(',').to_owned()
}

fn complaint(error: &clap::Error, root: &Command, path: &[String], words: &[OsString]) -> Failure {
    let invalid = context(error, ContextKind::InvalidArg).unwrap_or_default();
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let arguments = |extra: Option<String>| {
        let (usage, arity) = command::arguments(&names);
        Failure::from(Usage::Arguments { usage, arity, extra })
    };
    match error.kind() {
        ErrorKind::UnknownArgument if invalid.starts_with('-') => {
            let flag = flag_name(&invalid);
            let group = words
                .iter()
                .filter_map(|word| word.to_str())
                .find(|word| !word.starts_with("--") && word.starts_with('-') && word.contains(&flag[1..]))
                // pflag has gone through the letters before it already.
                .and_then(|word| word.find(&flag[1..]).map(|at| word[at..].to_owned()))
                .filter(|_| !flag.starts_with("--"));
            let nearest = nearest_flag(root, path, &flag);
            Usage::UnknownFlag { flag, group, nearest }.into()
        }
        ErrorKind::UnknownArgument => arguments(Some(invalid)),
        ErrorKind::MissingRequiredArgument => arguments(None),
        ErrorKind::InvalidSubcommand => {
            let name = context(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            unknown_command(root, path, name)
        }
        ErrorKind::ArgumentConflict => Usage::Conflict {
            flag: flag_name(&context(error, ContextKind::PriorArg).unwrap_or_default()),
            other: flag_name(&invalid),
        }
        .into(),
        ErrorKind::InvalidValue | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            Usage::MissingValue { flag: typed_flag(words, &invalid) }.into()
        }
        ErrorKind::InvalidUtf8 => Usage::NotUnicode.into(),
        _ => {
            let text = error.render().to_string();
            let line = text.lines().next().unwrap_or_default();
            Usage::Other(line.strip_prefix("error: ").unwrap_or(line).to_owned()).into()
        }
    }
}

/// The flag of a missing value in the spelling that was typed last: `-n` or `--namespace`.
fn typed_flag(words: &[OsString], shown: &str) -> String {
    let long = flag_name(shown.rsplit("--").next().map_or(shown, |rest| &shown[shown.len() - rest.len() - 2..]));
    match words.last().and_then(|word| word.to_str()) {
        Some(last) if last.starts_with('-') && !last.starts_with("--") => {
            format!("-{}", last.chars().last().unwrap_or_default())
        }
        _ => long,
    }
}

fn command_at<'a>(root: &'a Command, path: &[String]) -> &'a Command {
    path.iter().fold(root, |command, name| command.find_subcommand(name).unwrap_or(command))
}

/// The nearest flag that the command, or the whole program, has.
fn nearest_flag(root: &Command, path: &[String], flag: &str) -> Option<String> {
    let name = flag.strip_prefix("--")?;
    let command = command_at(root, path);
    let known = command.get_arguments().chain(root.get_arguments()).filter(|argument| !argument.is_hide_set());
    let names: Vec<&str> = known.filter_map(clap::Arg::get_long).collect();
    suggest::nearest(name, names).map(|nearest| format!("--{nearest}"))
}

/// A word where a command should stand: one of Helm's that is still to come, or a stranger.
pub(crate) fn unknown_command(root: &Command, path: &[String], name: String) -> Failure {
    if path.is_empty() && TO_COME.contains(&name.as_str()) {
        return Unsupported::Command(name).into();
    }
    let command = command_at(root, path);
    let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    // What other tools call it.
    let nearest = match name.as_str() {
        "remove" | "rm" if path.is_empty() => Some("uninstall"),
        "apply" | "deploy" | "create" if path.is_empty() => Some("install"),
        _ => suggest::nearest(&name, names.iter().copied()),
    };
    let parent = std::iter::once("maibot").chain(path.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    let helm = if path.is_empty() { helm_suggestions(&name) } else { Vec::new() };
    Usage::UnknownCommand { parent, nearest: nearest.map(str::to_owned), helm, name }.into()
}

/// Cobra's suggestions: at most two edits away, case apart, or the word is a prefix.
fn helm_suggestions(name: &str) -> Vec<String> {
    let lower = name.to_lowercase();
    HELM_COMMANDS
        .iter()
        .filter(|command| {
            strsim::levenshtein(&lower, command) <= 2
                || command.starts_with(&lower)
                || (**command == "uninstall" && matches!(lower.as_str(), "remove" | "rm"))
        })
        .map(|command| (*command).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{Failure, Parsed, parse};
    use crate::ui::{Helm, Unsupported, Usage};

    fn failure(line: &str) -> Failure {
        match parse(line.split(' ').map(OsString::from).collect()) {
            Err(failure) => failure,
            Ok(_) => panic!("{line} was understood"),
        }
    }

    fn helm(line: &str) -> String {
        failure(line).helm(Helm::Four)
    }

    #[test]
    fn complaints_are_helms_under_helm_compat() {
        for (line, text) in [
            ("maibot list --nmespace x", "unknown flag: --nmespace"),
            ("maibot list -xyz", "unknown shorthand flag: 'x' in -xyz"),
            ("maibot list -Axz", "unknown shorthand flag: 'x' in -xz"),
            ("maibot list -n", "flag needs an argument: 'n' in -n"),
            ("maibot list --max", "flag needs an argument: --max"),
            ("maibot status", "\"helm status\" requires 1 argument\n\nUsage:  helm status RELEASE_NAME [flags]"),
            ("maibot hist a b", "\"helm history\" requires 1 argument\n\nUsage:  helm history RELEASE_NAME [flags]"),
            ("maibot list a", "\"helm list\" accepts no arguments\n\nUsage:  helm list [flags]"),
            (
                "maibot get values",
                "\"helm get values\" requires 1 argument\n\nUsage:  helm get values RELEASE_NAME [flags]",
            ),
            (
                "maibot uninstall",
                "\"helm uninstall\" requires at least 1 argument\n\nUsage:  helm uninstall RELEASE_NAME [...] [flags]",
            ),
            (
                "maibot statsu",
                "unknown command \"statsu\" for \"helm\"\n\nDid you mean this?\n\tstatus\n\nRun 'helm --help' for usage.",
            ),
            (
                "maibot install a --force --force-conflicts",
                "if any flags in the group [force force-conflicts] are set none of the others can be; \
                 [force force-conflicts] were all set",
            ),
        ] {
            assert_eq!(helm(line), text, "{line}");
        }
    }

    #[test]
    fn the_nearest_flag_or_command_is_named() {
        let nearest = |line: &str| match failure(line) {
            Failure::Usage(Usage::UnknownFlag { nearest, .. } | Usage::UnknownCommand { nearest, .. }) => nearest,
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(nearest("maibot install a --crate-namespace").as_deref(), Some("--create-namespace"));
        assert_eq!(nearest("maibot list --namespce x").as_deref(), Some("--namespace"));
        assert_eq!(nearest("maibot instal").as_deref(), Some("install"));
        assert_eq!(nearest("maibot rm").as_deref(), Some("uninstall"));
        assert_eq!(nearest("maibot get vales").as_deref(), Some("values"));
        assert_eq!(nearest("maibot list --banana"), None);
    }

    #[test]
    fn a_command_of_helm_that_is_to_come_is_named_as_such() {
        assert!(
            matches!(failure("maibot upgrade a"), Failure::Unsupported(Unsupported::Command(name)) if name == "upgrade")
        );
    }

    #[test]
    fn help_is_found_for_the_command_it_is_asked_of() {
        let help = |line: &str| match parse(line.split(' ').map(OsString::from).collect()) {
            Ok(Parsed::Help { path, long }) => (path.join(" "), long),
            _ => panic!("{line}"),
        };
        assert_eq!(help("maibot"), (String::new(), false));
        assert_eq!(help("maibot --help"), (String::new(), true));
        assert_eq!(help("maibot get values -h"), ("get values".to_owned(), false));
        assert_eq!(help("maibot ls --help"), ("list".to_owned(), true));
        assert_eq!(help("maibot get"), ("get".to_owned(), false));
        assert_eq!(help("maibot status --help"), ("status".to_owned(), true));
    }

    #[test]
    fn global_flags_may_stand_before_and_after_the_command() {
        for line in ["maibot -n bot list", "maibot list -n bot", "maibot -n x list -n bot --debug=true"] {
            assert!(matches!(parse(line.split(' ').map(OsString::from).collect()), Ok(Parsed::Run(_))), "{line}");
        }
    }
}
