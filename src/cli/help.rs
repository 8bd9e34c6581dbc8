//! Help in two languages. The commands are written in English; a table has the Chinese texts, and the parser's own
//! words (headings, defaults) are replaced as well, so that a page is in one language from top to bottom.

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Arg, ArgAction, Command};

use crate::ui::{Failure, Language, Printer};

use super::chinese;
use super::command;
use super::parse::unknown_command;

/// Adds `-h` and `--help`; clap's own cannot be translated.
pub(crate) fn with_help_flag(command: Command) -> Command {
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .global(true)
        .action(ArgAction::Help)
        .help_heading(super::global::COMMON_HEADING)
        .help("Show help; -h leaves rarely used flags out");
    command.arg(help)
}

/// The command with everything a page shows in one language.
pub(crate) fn localise(command: Command, language: Language) -> Command {
    let command = styled(command);
    match language {
        Language::English => headed(command, language),
        Language::Chinese => headed(translated(command, ""), language),
    }
}

fn styled(command: Command) -> Command {
    let heading = AnsiColor::Green.on_default().bold();
    let literal = AnsiColor::Cyan.on_default().bold();
    command.styles(
        Styles::styled().header(heading).usage(heading).literal(literal).placeholder(AnsiColor::Cyan.on_default()),
    )
}

/// Puts the Chinese texts in; `path` is that of the command, without `maibot`.
fn translated(command: Command, path: &str) -> Command {
    let mut command = command;
    if let Some(about) = chinese::about(path) {
        // The first paragraph is the short text, as clap takes it from a doc comment.
        command = command.about(about.split("\n\n").next().unwrap_or(about)).long_about(about);
    }
    if let Some(text) = chinese::after_help(path) {
        command = command.after_help(text).after_long_help(text);
    }
    let own = path.to_owned();
    command = command.mut_args(move |argument| {
        let text = chinese::argument(&own, argument.get_id().as_str());
        let heading = argument.get_help_heading().map(chinese::heading);
        let mut argument = argument;
        if let Some(text) = text {
            argument = argument.help(text).long_help(text);
        }
        match heading {
            Some(heading) => argument.help_heading(heading),
            None => argument,
        }
    });
    let parent = path.to_owned();
    command.mut_subcommands(move |subcommand| {
        let path = format!("{parent} {}", subcommand.get_name());
        translated(subcommand, path.trim_start())
    })
}

/// Headings of the parser's own sections, and defaults of flags, in the language.
fn headed(command: Command, language: Language) -> Command {
    let aliases = command.get_all_aliases().map(str::to_owned).collect::<Vec<_>>();
    let mut template = String::from("{about-with-newline}\n{usage-heading} {usage}\n\n{all-args}{after-help}");
    if !aliases.is_empty() {
        let word = language.of("Aliases:", "别名:");
        template = template.replace("\n\n{all-args}", &format!("\n{word} {}\n\n{{all-args}}", aliases.join(", ")));
    }
    template = template.replace("{usage-heading}", language.of("Usage:", "用法:"));
    let positionals = language.of("Arguments", "参数");
    let options = language.of("Options", "选项");
    let mut position = 0;
    command
        .help_template(template)
        .subcommand_help_heading(language.of("Commands", "命令"))
        .subcommand_value_name(language.of("COMMAND", "命令"))
        .mut_args(move |argument| {
            let heading = if argument.is_positional() { positionals } else { options };
            let heading = match argument.get_help_heading() {
                Some(given) if !argument.is_positional() => given.to_owned(),
                _ => heading.to_owned(),
            };
            let argument = with_default(argument, language).help_heading(heading);
            if argument.is_positional() {
                position += 1;
                argument.display_order(position)
            } else {
                argument
            }
        })
        .mut_subcommands(move |subcommand| headed(subcommand, language))
}

/// Appends what holds without the flag, which clap would say in English.
fn with_default(argument: Arg, language: Language) -> Arg {
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    let default = defaults.join(", ");
    let takes_value = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
    if !takes_value || default.is_empty() || default == "0" {
        return argument;
    }
    let Some(help) = argument.get_help() else { return argument };
    let text = match language {
        Language::English => format!("{help} (default {default})"),
        Language::Chinese => format!("{help}（默认 {default}）"),
    };
    argument.hide_default_value(true).help(text.clone()).long_help(text)
}

/// Prints the page of a command.
pub(crate) fn print(path: &[String], long: bool, printer: &Printer) -> Result<(), Failure> {
    let mut root = localise(command::build(), printer.language());
    root.build();
    let mut current = &mut root;
    for (index, name) in path.iter().enumerate() {
        if current.find_subcommand(name).is_none() {
            return Err(unknown_command(&command::build(), &path[..index], name.clone()));
        }
        // Found a moment ago.
        let Some(next) = current.find_subcommand_mut(name) else { return Ok(()) };
        current = next;
    }
    let usage = usage_in(current.render_usage().to_string(), printer.language());
    let command = std::mem::take(current).override_usage(usage);
    let mut command = command;
    if long {
        if let Some(about) = command.get_long_about().cloned() {
            command = command.about(about);
        }
        // The compact layout of the short page, with everything in it.
        command = command.mut_args(|argument| argument.hide_short_help(false));
    }
    let page = command.render_help();
    let text = if printer.paint().is_on() { page.ansi().to_string() } else { page.to_string() };
    printer.result(&format!("{}\n", text.trim_end()))
}

/// The usage line without its heading, its fixed words in the language.
fn usage_in(usage: String, language: Language) -> String {
    let usage = usage.strip_prefix("Usage: ").map(str::to_owned).unwrap_or(usage);
    match usage.split_once(" [OPTIONS]") {
        Some((before, after)) => format!("{before}{after} {}", language.of("[flags]", "[选项]")),
        None => usage,
    }
}
