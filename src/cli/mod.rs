//! The command line: one file a command, each with its clap types, its settings and the printing of its result.
//!
//! What was typed (clap types, text) is kept apart from what it means (settings, typed). Parsing is done before any
//! runtime exists; commands that talk to no cluster never get one. One table (`setting`) makes global flags,
//! environment, configuration file, help and reference. Only this room reads files that a flag names; only this room
//! and `ui` write to the terminal.

mod args;
mod chinese;
mod command;
mod complete;
mod completion;
mod configuration;
mod dependency;
mod env;
mod environment;
mod explain;
mod get;
mod global;
mod help;
mod history;
mod install;
mod lint;
mod list;
mod literal;
mod man;
mod package;
mod parse;
mod pflag;
mod pull;
mod push;
mod registry;
mod release_text;
mod remote;
mod runtime;
pub mod setting;
mod show;
mod source;
mod status;
mod template;
mod uninstall;
mod verify;
mod version;
mod versions;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use crate::action::Cancel;
use crate::code::Exit;
use crate::ui::{Failure, Level, OutputFormat, Printer, Unsupported, Usage};

use command::Verb;
use configuration::Configuration;
use environment::Environment;
use global::{Global, Sources, Typed};
use parse::Parsed;
pub(crate) use runtime::Context;

/// The whole program: reads the command line, runs the command, returns the exit status.
pub fn main() -> ExitCode {
    if let Some(status) = complete::answer_shell() {
        return status;
    }
    let words: Vec<OsString> = std::env::args_os().collect();
    run(words, &Environment::of_process()).into()
}

fn run(words: Vec<OsString>, environment: &Environment) -> Exit {
    let (configuration, broken) = match Configuration::load(environment) {
        Ok(configuration) => (configuration, None),
        Err(failure) => (Configuration::default(), Some(failure)),
    };
    // Complaints about the command line need a language before the line is understood: a rough look at it.
    let rough = Typed::rough(words.iter().skip(1).filter_map(|word| word.to_str()));
    let early = Sources { typed: &rough, environment, configuration: &configuration };
    let printer = || Printer::new(Global::printer_of_last_resort(&early));
    let cli = match parse::parse(words) {
        Ok(Parsed::Run(cli)) => *cli,
        Ok(Parsed::Help { path, long }) => {
            let printer = printer();
            return finish(help::print(&path, long, &printer), &printer);
        }
        Ok(Parsed::Version) => {
            let printer = printer();
            return finish(printer.result(&format!("maibot {}\n", env!("CARGO_PKG_VERSION"))), &printer);
        }
        Err(failure) => {
            let printer = printer();
            return match printer.helm().and_then(|_| parse::helm_shows_help(&failure)) {
                Some(path) => finish(help::print(&path, true, &printer), &printer),
                None => printer.fail(&failure, ""),
            };
        }
    };
    // What helps to repair a broken file must not stumble over it.
    let helps = matches!(cli.command, Verb::Explain(_) | Verb::Help(_) | Verb::Version(_));
    if let Some(failure) = broken.filter(|_| !helps) {
        return printer().fail(&failure, "");
    }
    let sources = Sources { typed: &cli.global, environment, configuration: &configuration };
    match Global::resolve(&sources, format(&cli.command).unwrap_or_default()) {
        Ok(global) => dispatch(cli.command, global, &sources),
        Err(failure) => printer().fail(&failure, ""),
    }
}

fn dispatch(command: Verb, global: Global, sources: &Sources<'_>) -> Exit {
    let printer = Arc::new(Printer::new(global.printer));
    if let Some(token) = sources.text(setting::Setting::KubeToken) {
        printer.learn_secret(&token);
    }
    crate::ui::start_log(&printer);
    for warning in Global::warnings(sources) {
        printer.say(Level::Warning, &warning);
    }
    let installs = matches!(command, Verb::Install(_));
    let context = Context { printer: Arc::clone(&printer), global, cancel: Cancel::new() };
    let result = match command {
        Verb::Version(args) => done(version::run(&args, &printer)),
        Verb::Env(args) => done(env::run(&args, sources, &context.global, &printer)),
        Verb::Explain(args) => done(explain::run(&args, &printer)),
        Verb::Help(args) => done(help::print(&args.path, true, &printer)),
        Verb::Completion(args) => {
            let root = help::localise(command::build(), printer.language());
            done(completion::run(&args, root, &printer))
        }
        Verb::Man(args) => done(man::run(&args, help::localise(command::build(), printer.language()), &printer)),
        Verb::Install(args) => args.settings(&printer).and_then(|settings| {
            on_cluster(context, move |context| async move { install::run(settings, &context).await })
        }),
        Verb::Template(args) => args.settings(&printer).and_then(|settings| match settings.server {
            None => runtime::compute(move || template::run(&settings, &context)),
            Some(server) => runtime::run(context, move |context| async move {
                template::run_on_server(&settings, server, &context).await
            }),
        }),
        Verb::Show(args) => {
            learn(&printer, args.password());
            args.settings(printer.helm().is_some())
                .and_then(|settings| runtime::compute(move || show::run(&settings, &context)))
        }
        Verb::Dependency(args) => {
            learn(&printer, args.password());
            runtime::run(context, move |context| async move { dependency::run(args, &context).await })
        }
        Verb::Lint(args) => {
            args.settings(printer.helm()).and_then(|settings| runtime::compute(move || lint::run(settings, &context)))
        }
        Verb::Package(args) => {
            learn(&printer, args.password());
            args.settings(sources.environment.set(package::EPOCH))
                .and_then(|settings| runtime::compute(move || package::run(&settings, &context)))
        }
        Verb::Verify(args) => done(verify::run(&args, &context)),
        Verb::Versions(args) => {
            learn(&printer, args.password());
            done(versions::run(&args, &context))
        }
        Verb::Pull(args) => {
            learn(&printer, args.password());
            args.settings().and_then(|settings| {
                runtime::run(context, move |context| async move { pull::run(settings, &context).await })
            })
        }
        Verb::Push(args) => {
            learn(&printer, args.password());
            let settings = args.settings();
            runtime::run(context, move |context| async move { push::run(settings, &context).await })
        }
        Verb::Registry(args) => {
            learn(&printer, args.password());
            runtime::run(context, move |context| async move { registry::run(args, &context).await })
        }
        Verb::List(args) => args.settings().and_then(|settings| {
            on_cluster(context, move |context| async move { list::run(settings, &context).await })
        }),
        Verb::Status(args) => args.settings().and_then(|settings| {
            on_cluster(context, move |context| async move { status::run(settings, &context).await })
        }),
        Verb::Get(args) => args
            .settings()
            .and_then(|settings| on_cluster(context, move |context| async move { get::run(settings, &context).await })),
        Verb::History(args) => args.settings().and_then(|settings| {
            on_cluster(context, move |context| async move { history::run(settings, &context).await })
        }),
        Verb::Uninstall(args) => args.settings(&printer).and_then(|settings| {
            on_cluster(context, move |context| async move { uninstall::run(settings, &context).await })
        }),
    };
    match result {
        Ok(exit) => exit,
        Err(failure) => printer.fail(&failure, helm_prefix(installs, &failure)),
    }
}

/// What Helm puts before the error: only `install` does, and not before errors about the line itself.
const fn helm_prefix(installs: bool, failure: &Failure) -> &'static str {
    match failure {
        Failure::Usage(Usage::NameTwice { .. } | Usage::HideSecretWithoutDryRun) if installs => INSTALLATION_FAILED,
        Failure::Usage(_) => "",
        _ if installs => INSTALLATION_FAILED,
        _ => "",
    }
}

const INSTALLATION_FAILED: &str = "INSTALLATION FAILED: ";

/// Runs a command that reads or writes releases.
fn on_cluster<Work, Future>(context: Context, work: Work) -> Result<Exit, Failure>
where
    Work: FnOnce(Context) -> Future + Send + 'static,
    Future: std::future::Future<Output = Result<Exit, Failure>>,
{
    match context.global.driver.as_str() {
        "" | "secret" | "secrets" => runtime::run(context, work),
        other => Err(Unsupported::Driver(other.to_owned()).into()),
    }
}

/// Makes a password known, so that nothing prints it.
fn learn(printer: &Printer, password: Option<&str>) {
    if let Some(password) = password.filter(|password| !password.is_empty()) {
        printer.learn_secret(password);
    }
}

fn done(result: Result<(), Failure>) -> Result<Exit, Failure> {
    result.map(|()| Exit::Success)
}

/// The shape of the result, for the printer; a wrong one is reported by the command.
fn format(command: &Verb) -> Result<OutputFormat, Failure> {
    match command {
        Verb::Install(args) => args.format(),
        Verb::List(args) => args.format(),
        Verb::Status(args) => args.format(),
        Verb::Get(args) => args.format(),
        Verb::History(args) => args.format(),
        Verb::Versions(args) => args.format(),
        _ => Ok(OutputFormat::Table),
    }
}

fn finish(result: Result<(), Failure>, printer: &Printer) -> Exit {
    match result {
        Ok(()) => Exit::Success,
        Err(failure) => printer.fail(&failure, ""),
    }
}
