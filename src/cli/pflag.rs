//! Command lines as Helm's flag library (pflag, with cobra above it) reads them, where clap would read otherwise:
//!
//! - a switch may have a value after `=`: `--no-hooks=false`, `-A=true`; the last one wins;
//! - a flag that needs a value takes the next word whatever it looks like: `--description "-"`;
//! - a flag may be given again, the last one wins.
//!
//! The first is done by rewriting the words before clap sees them, the others by how the commands are built.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

use crate::ui::{Reason, Usage};

use super::literal;

/// Gives a command and its subcommands pflag's manners.
pub(crate) fn manners(command: Command) -> Command {
    command.args_override_self(true).mut_args(take_any_word).mut_subcommands(manners)
}

fn take_any_word(argument: Arg) -> Arg {
    // Flags with an optional value keep clap's rule, which is pflag's too: only after `=`.
    if argument.is_positional() || !takes_value(&argument) || argument.is_require_equals_set() {
        argument
    } else {
        argument.allow_hyphen_values(true)
    }
}

fn takes_value(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
}

/// A word of the rewritten command line, and the switch it sets.
struct Word {
    text: OsString,
    switch: Option<String>,
}

/// The words without values of switches. The first word is the program.
pub(crate) fn rewrite(root: &Command, words: impl IntoIterator<Item = OsString>) -> Result<Vec<OsString>, Usage> {
    let mut words = words.into_iter();
    let mut result: Vec<Word> = Vec::new();
    result.extend(words.next().map(|text| Word { text, switch: None }));
    let mut path = vec![root];
    while let Some(word) = words.next() {
        let Some(text) = word.to_str().filter(|text| text.len() > 1 && text.starts_with('-')) else {
            if let Some(name) = word.to_str()
                && let Some(next) = path.last().and_then(|command| command.find_subcommand(name))
            {
                path.push(next);
            }
            result.push(Word { text: word, switch: None });
            continue;
        };
        if text.starts_with("---") || text.starts_with("--=") {
            return Err(Usage::Other(format!("bad flag syntax: {text}")));
        }
        if text == "--" {
            result.push(Word { text: word, switch: None });
            result.extend(words.by_ref().map(|text| Word { text, switch: None }));
            break;
        }
        if let Some((argument, value)) = switch_with_value(&path, text) {
            let id = argument.get_id().as_str();
            let set = literal::boolean(value).map_err(|_| Usage::BadValue {
                flag: declared(argument),
                value: value.to_owned(),
                reason: Reason::Boolean,
            })?;
            result.retain(|word| word.switch.as_deref() != Some(id));
            if set {
                let flag = text.split('=').next().unwrap_or_default();
                result.push(Word { text: OsString::from(flag), switch: Some(id.to_owned()) });
            }
            continue;
        }
        let needs_next = needs_next_word(&path, text);
        let switch = plain_switch(&path, text);
        result.push(Word { text: word, switch });
        if needs_next {
            result.extend(words.next().map(|text| Word { text, switch: None }));
        }
    }
    Ok(result.into_iter().map(|word| word.text).collect())
}

/// The flag as its command declares it: `-o, --output`.
pub(crate) fn declared(argument: &Arg) -> String {
    match (argument.get_short(), argument.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
        (Some(short), None) => format!("-{short}"),
        (None, long) => format!("--{}", long.unwrap_or_default()),
    }
}

fn long<'a>(path: &[&'a Command], name: &str) -> Option<&'a Arg> {
    path.iter().rev().flat_map(|command| command.get_arguments()).find(|argument| {
        argument.get_long() == Some(name) || argument.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
    })
}

fn short<'a>(path: &[&'a Command], letter: char) -> Option<&'a Arg> {
    path.iter().rev().flat_map(|command| command.get_arguments()).find(|argument| argument.get_short() == Some(letter))
}

fn is_switch(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::SetTrue)
}

/// The flag `--name`, or `-n` alone.
fn flag<'a>(path: &[&'a Command], text: &str) -> Option<&'a Arg> {
    if let Some(name) = text.strip_prefix("--") {
        return long(path, name);
    }
    let mut letters = text.strip_prefix('-')?.chars();
    let letter = letters.next()?;
    if letters.next().is_some() { None } else { short(path, letter) }
}

/// `--switch=value` or `-s=value`.
fn switch_with_value<'a, 'text>(path: &[&'a Command], text: &'text str) -> Option<(&'a Arg, &'text str)> {
    let (name, value) = text.split_once('=')?;
    flag(path, name).filter(|argument| is_switch(argument)).map(|argument| (argument, value))
}

/// A switch alone.
fn plain_switch(path: &[&Command], text: &str) -> Option<String> {
    flag(path, text).filter(|argument| is_switch(argument)).map(|argument| argument.get_id().as_str().to_owned())
}

/// Whether the value of this flag, or of the last one of this group, is the next word.
fn needs_next_word(path: &[&Command], text: &str) -> bool {
    let required = |argument: &Arg| takes_value(argument) && !argument.is_require_equals_set();
    if let Some(name) = text.strip_prefix("--") {
        return long(path, name).is_some_and(required);
    }
    let mut letters = text[1..].chars();
    while let Some(letter) = letters.next() {
        match short(path, letter) {
            Some(argument) if takes_value(argument) => return required(argument) && letters.next().is_none(),
            Some(_) => {}
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::{Arg, ArgAction, Command};

    use super::{manners, rewrite};
    use crate::ui::{Reason, Usage};

    fn command() -> Command {
        let switch = |name: &'static str, letter| Arg::new(name).long(name).short(letter).action(ArgAction::SetTrue);
        manners(
            Command::new("x")
                .arg(Arg::new("namespace").long("namespace").short('n').global(true))
                .arg(switch("debug", 'D').global(true))
                .subcommand(
                    Command::new("list")
                        .visible_alias("ls")
                        .arg(switch("short", 'q'))
                        .arg(switch("all", 'A'))
                        .arg(Arg::new("filter").long("filter").short('f'))
                        .arg(
                            Arg::new("wait")
                                .long("wait")
                                .num_args(0..=1)
                                .require_equals(true)
                                .default_missing_value("watcher"),
                        )
                        .arg(Arg::new("name")),
                ),
        )
    }

    fn words(line: &str) -> Result<Vec<String>, Usage> {
        let words = line.split(' ').map(OsString::from);
        Ok(rewrite(&command(), words)?.into_iter().map(|word| word.into_string().unwrap()).collect())
    }

    #[test]
    fn a_switch_may_have_a_value_and_the_last_one_wins() {
        for (line, expected) in [
            ("x list --short=true a", "x list --short a"),
            ("x ls -q=1", "x ls -q"),
            ("x list --short --short=false", "x list"),
            ("x list -q --short=false --all", "x list --all"),
            ("x list --short=false --short", "x list --short"),
            ("x --debug=f list", "x list"),
            ("x list --wait=true", "x list --wait=true"),
        ] {
            assert_eq!(words(line).unwrap().join(" "), expected, "{line}");
        }
        assert_eq!(
            words("x list --all=maybe"),
            Err(Usage::BadValue { flag: "-A, --all".to_owned(), value: "maybe".to_owned(), reason: Reason::Boolean })
        );
    }

    #[test]
    fn words_that_are_values_are_left_alone() {
        for line in ["x list -f --all=maybe", "x -n --all=false list", "x list -qf --short=x", "x list -- --all=maybe"]
        {
            assert_eq!(words(line).unwrap().join(" "), line);
        }
        assert_eq!(words("x list -fx --all=false").unwrap().join(" "), "x list -fx");
    }

    #[test]
    fn a_flag_takes_any_next_word_and_may_come_again() {
        let matches = command().try_get_matches_from("x list -f a --filter -q b".split(' ')).unwrap();
        let list = matches.subcommand_matches("list").unwrap();
        assert_eq!(list.get_one::<String>("filter").map(String::as_str), Some("-q"));
        assert_eq!(list.get_one::<String>("name").map(String::as_str), Some("b"));
        assert!(!list.get_flag("short"));
    }
}
