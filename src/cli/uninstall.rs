//! `maibot uninstall`: take a release away. Its claims stay unless `--delete-data` says otherwise and the release's
//! name is given with `--confirm` or typed; `--yes` is never enough for data.

use std::io::{BufRead as _, IsTerminal as _};
use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCompleter;

use crate::action::{Error, WaitFor, uninstall as action};
use crate::cluster::Propagation;
use crate::code::Exit;
use crate::ui::{Failure, Language, Level, Message, Printer, Reason, Usage, quoted};

use super::args::{WaitArgs, WaitChoice};
use super::complete;
use super::runtime::Context;

/// Uninstall releases; their data stays
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  maibot uninstall maimai -n bot
  maibot uninstall maimai -n bot --delete-data --confirm maimai")]
pub(crate) struct UninstallArgs {
    /// Names of releases
    #[arg(value_name = "RELEASE_NAME", required = true, add = ArgValueCompleter::new(complete::releases))]
    names: Vec<String>,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Run no hooks
    #[arg(long)]
    no_hooks: bool,
    /// A release that is not there is no failure
    #[arg(long)]
    ignore_not_found: bool,
    /// Keep the records of the release
    #[arg(long)]
    keep_history: bool,
    /// What happens to dependents: background, foreground or orphan
    #[arg(long, value_name = "MODE", default_value = "background", hide_default_value = true)]
    cascade: String,
    /// Description of the revision, with --keep-history
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    #[command(flatten)]
    wait: WaitArgs,
    /// Delete the claims too, and with them all data of the bot
    #[arg(long, help_heading = "Data")]
    delete_data: bool,
    /// Confirm --delete-data by the release's name; may be given several times
    #[arg(long, value_name = "NAME", help_heading = "Data", add = ArgValueCompleter::new(complete::releases))]
    confirm: Vec<String>,
    /// Ask nothing; not enough to delete data
    #[arg(short = 'y', long, help_heading = "Data")]
    yes: bool,
}

/// What happens to dependents of deleted objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Cascade {
    /// They go in the background.
    #[default]
    Background,
    /// They go first.
    Foreground,
    /// They stay.
    Orphan,
}

/// Settings of `uninstall`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UninstallSettings {
    /// The releases.
    pub(crate) names: Vec<String>,
    /// Only show.
    pub(crate) dry_run: bool,
    /// Run no hooks.
    pub(crate) no_hooks: bool,
    /// A missing release is no failure.
    pub(crate) ignore_not_found: bool,
    /// Keep the records.
    pub(crate) keep_history: bool,
    /// What happens to dependents.
    pub(crate) cascade: Cascade,
    /// The description, empty for the usual one.
    pub(crate) description: String,
    /// What is waited for.
    pub(crate) wait: WaitChoice,
    /// How long each step may take.
    pub(crate) timeout: Duration,
    /// Delete the claims; every release was confirmed by name.
    pub(crate) delete_data: bool,
    /// Ask nothing.
    pub(crate) yes: bool,
}

const CASCADES: &[&str] = &["background", "foreground", "orphan"];

impl UninstallArgs {
    pub(crate) fn settings(&self, printer: &Printer) -> Result<UninstallSettings, Failure> {
        let cascade = match self.cascade.as_str() {
            "background" => Cascade::Background,
            "foreground" => Cascade::Foreground,
            "orphan" => Cascade::Orphan,
            other => {
                let helm = format!(
                    "invalid cascade value ({other}). Must be {}, {}, or {}",
                    quoted("background"),
                    quoted("foreground"),
                    quoted("orphan")
                );
                return Err(Usage::BadValue {
                    flag: "--cascade".to_owned(),
                    value: other.to_owned(),
                    reason: Reason::OneOf { allowed: CASCADES, helm: Some(helm) },
                }
                .into());
            }
        };
        let settings = UninstallSettings {
            names: self.names.clone(),
            dry_run: self.dry_run,
            no_hooks: self.no_hooks,
            ignore_not_found: self.ignore_not_found,
            keep_history: self.keep_history,
            cascade,
            description: self.description.clone(),
            wait: self.wait.choice(printer)?,
            timeout: self.wait.timeout()?,
            delete_data: self.delete_data,
            yes: self.yes,
        };
        if self.delete_data && !self.dry_run {
            self.confirm_data(printer)?;
        }
        Ok(settings)
    }

    /// Every release whose data is to go has to be named once more.
    fn confirm_data(&self, printer: &Printer) -> Result<(), Failure> {
        for name in &self.names {
            if self.confirm.contains(name) {
                continue;
            }
            if !self.confirm.is_empty() {
                return Err(Failure::NotConfirmed { release: name.clone() });
            }
            if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
                return Err(Failure::NoTerminal { flag: "--confirm NAME" });
            }
            printer.line(&match printer.language() {
                Language::English => format!(
                    "All data of `{name}` will be deleted: configuration, database, everything on its claims.\n\
                     Type the release's name to go on:"
                ),
                Language::Chinese => format!(
                    "将删除 `{name}` 的全部数据：配置、数据库，以及其 PVC 上的一切。\n请输入 release 的名字以继续："
                ),
            });
            let mut answer = String::new();
            let read = std::io::stdin().lock().read_line(&mut answer);
            if read.is_err() || answer.trim() != name {
                return Err(Failure::NotConfirmed { release: name.clone() });
            }
        }
        Ok(())
    }
}

/// Uninstalls, one release after the other; the first failure stops.
pub(crate) async fn run(settings: UninstallSettings, context: &Context) -> Result<Exit, Failure> {
    let cluster = context.cluster("uninstall").await?;
    let helm = context.printer.helm();
    for name in &settings.names {
        let one = action::UninstallSettings {
            name: name.clone(),
            keep_history: settings.keep_history,
            delete_data: settings.delete_data,
            wait: settings.wait.resolve(helm) != WaitFor::HookOnly && settings.wait != WaitChoice::Unsaid,
            timeout: settings.timeout,
            propagation: match settings.cascade {
                Cascade::Background => Propagation::Background,
                Cascade::Foreground => Propagation::Foreground,
                Cascade::Orphan => Propagation::Orphan,
            },
            no_hooks: settings.no_hooks,
            description: Some(settings.description.clone()).filter(|text| !text.is_empty()),
        };
        let not_found = |failure: &crate::action::Failure| {
            settings.ignore_not_found && matches!(*failure.error, Error::ReleaseNotFound { .. })
        };
        if settings.dry_run {
            match action::dry_run(&cluster, &one).await {
                Ok(_) => context.printer.result(&format!("release \"{name}\" uninstalled\n"))?,
                // Helm says the same then.
                Err(failure) if not_found(&failure) => {
                    context.printer.result(&format!("release \"{name}\" uninstalled\n"))?;
                }
                Err(failure) => return Err(context.verdict(failure, "uninstall")),
            }
            continue;
        }
        let observer = context.observer("uninstall", name);
        let result = Box::pin(action::uninstall(&cluster, &one, &observer, &context.cancel)).await;
        drop(observer);
        context.printer.end_progress();
        let done = match result {
            Ok(done) => done,
            Err(failure) if not_found(&failure) => {
                context.printer.result(&format!("release \"{name}\" uninstalled\n"))?;
                continue;
            }
            Err(failure) => return Err(context.verdict(uninstall_text(failure), "uninstall")),
        };
        let mut text = String::new();
        let by_policy = done.kept_by_policy.iter().map(|object| (object.kind.as_str(), object.name.as_str()));
        let claims = done.kept_claims.iter().map(|name| ("PersistentVolumeClaim", name.as_str()));
        let claims = claims.filter(|claim| !by_policy.clone().any(|kept| kept == *claim));
        let kept = by_policy.clone().chain(claims);
        let kept = kept.fold(String::new(), |text, (kind, name)| text + &format!("[{kind}] {name}\n"));
        if !kept.is_empty() {
            text = format!("These resources were kept due to the resource policy:\n{kept}\n");
        }
        context.printer.result(&(text + &format!("release \"{name}\" uninstalled\n")))?;
        if !done.kept_claims.is_empty() {
            let message = Message::ClaimsKept { release: name.clone(), claims: done.kept_claims };
            context.printer.say(Level::Note, &message);
        }
        if !done.deleted_claims.is_empty() {
            context.printer.say(Level::Note, &Message::ClaimsDeleted { claims: done.deleted_claims });
        }
    }
    Ok(Exit::Success)
}

/// Helm's words for a release that is not there, when it is to be uninstalled.
fn uninstall_text(failure: crate::action::Failure) -> crate::action::Failure {
    match *failure.error {
        Error::ReleaseNotFound { release, namespace } => Error::NotLoaded { release, namespace }.into(),
        error => crate::action::Failure { error: Box::new(error), aftermath: failure.aftermath },
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{Cascade, Failure, UninstallArgs, UninstallSettings, Usage};
    use crate::ui::{Language, Printer};

    #[derive(Debug, Parser)]
    struct Uninstall {
        #[command(flatten)]
        uninstall: UninstallArgs,
    }

    fn settings(line: &str) -> Result<UninstallSettings, Failure> {
        let (printer, _) = Printer::captured(Language::English);
        let words = std::iter::once("x").chain(line.split(' '));
        Uninstall::try_parse_from(words).unwrap().uninstall.settings(&printer)
    }

    #[test]
    fn data_goes_only_when_every_release_is_named() {
        assert!(settings("a --delete-data --confirm a").unwrap().delete_data);
        assert!(settings("a b --delete-data --confirm a --confirm b").unwrap().delete_data);
        for line in ["a --delete-data --confirm b", "a b --delete-data --confirm a --yes"] {
            assert!(matches!(settings(line), Err(Failure::NotConfirmed { .. })), "{line}");
        }
        assert!(settings("a --delete-data --dry-run").is_ok(), "showing what would be done needs no confirmation");
    }

    #[test]
    fn cascade_has_three_modes() {
        assert_eq!(settings("a --cascade foreground").unwrap().cascade, Cascade::Foreground);
        match settings("a --cascade x") {
            Err(Failure::Usage(usage @ Usage::BadValue { .. })) => assert_eq!(
                usage.helm(crate::ui::Helm::Four),
                "invalid cascade value (x). Must be \"background\", \"foreground\", or \"orphan\""
            ),
            other => panic!("{other:?}"),
        }
    }
}
