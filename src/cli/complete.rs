//! What shells are offered at TAB: commands and flags from the parser, names of contexts from the kubeconfig, names of
//! releases and namespaces from the cluster. The cluster gets one second; whatever goes wrong, nothing is offered and
//! nothing is said, because the user is in the middle of a line.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use clap::{Command, FromArgMatches as _};
use clap_complete::{CompleteEnv, CompletionCandidate};
use serde_json::Value;

use crate::cluster::{self, Cluster, KubeSettings, ListOptions, Resource};
use crate::ui::OutputFormat;

use super::configuration::Configuration;
use super::environment::Environment;
use super::global::{Global, Sources, Typed};
use super::{command, help};

/// Set by completion scripts to the name of their shell.
pub(crate) const VARIABLE: &str = "MAIBOT_COMPLETE";
/// The same, for words without descriptions.
pub(crate) const VARIABLE_PLAIN: &str = "MAIBOT_COMPLETE_PLAIN";

/// How long the cluster may take.
const CAP: Duration = Duration::from_millis(900);

/// Answers a shell's question, if a shell asks; returns the exit status of the whole run then.
pub(crate) fn answer_shell() -> Option<ExitCode> {
    let plain = std::env::var_os(VARIABLE_PLAIN).is_some();
    if !plain && std::env::var_os(VARIABLE).is_none() {
        return None;
    }
    let factory = move || {
        let command = help::localise(command::build(), language());
        if plain { without_descriptions(command) } else { command }
    };
    let directory = std::env::current_dir().ok();
    let answered = CompleteEnv::with_factory(factory)
        .var(if plain { VARIABLE_PLAIN } else { VARIABLE })
        .bin("maibot")
        .try_complete(std::env::args_os(), directory.as_deref());
    match answered {
        Ok(true) => Some(ExitCode::SUCCESS),
        // The variable is empty or `0`: an ordinary run.
        Ok(false) => None,
        Err(_) => Some(ExitCode::FAILURE),
    }
}

fn language() -> crate::ui::Language {
    let environment = Environment::of_process();
    let configuration = Configuration::load(&environment).unwrap_or_default();
    let sources = Sources { typed: &Typed::default(), environment: &environment, configuration: &configuration };
    Global::printer_of_last_resort(&sources).language
}

/// The command without the texts that shells show beside words.
pub(crate) fn without_descriptions(command: Command) -> Command {
    command.about("").mut_args(|argument| argument.help("").long_help("")).mut_subcommands(without_descriptions)
}

/// Names of releases in the namespace that the line names.
pub(crate) fn releases(current: &OsStr) -> Vec<CompletionCandidate> {
    let question = async |cluster: Cluster| {
        let namespace = cluster.namespace().to_owned();
        let options =
            ListOptions { labels: Some("owner=helm".to_owned()), metadata_only: true, ..ListOptions::default() };
        let secrets = Resource::known("v1", "Secret")?;
        let records = cluster.list(&secrets, Some(&namespace), &options).await.ok()?;
        Some(records.items.iter().filter_map(|record| text(record, &["metadata", "labels", "name"])).collect())
    };
    candidates(current, ask(question))
}

/// Names of namespaces.
pub(crate) fn namespaces(current: &OsStr) -> Vec<CompletionCandidate> {
    let question = async |cluster: Cluster| {
        let options = ListOptions { metadata_only: true, ..ListOptions::default() };
        let kind = Resource::known("v1", "Namespace")?;
        let namespaces = cluster.list(&kind, None, &options).await.ok()?;
        Some(namespaces.items.iter().filter_map(|namespace| text(namespace, &["metadata", "name"])).collect())
    };
    candidates(current, ask(question))
}

/// Names of the kubeconfig's contexts; asks nobody.
pub(crate) fn contexts(current: &OsStr) -> Vec<CompletionCandidate> {
    let names = kube_settings()
        .and_then(|settings| cluster::contexts(&settings).ok())
        .unwrap_or_default()
        .into_iter()
        .map(|context| context.name)
        .collect();
    candidates(current, names)
}

fn text(object: &Value, path: &[&str]) -> Option<String> {
    path.iter().try_fold(object, |value, key| value.get(key))?.as_str().map(str::to_owned)
}

fn candidates(current: &OsStr, mut names: Vec<String>) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    names.retain(|name| name.starts_with(current.as_ref()));
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// Asks the cluster on a thread of its own, which is left behind if it takes too long.
fn ask<Question, Answer>(question: Question) -> Vec<String>
where
    Question: FnOnce(Cluster) -> Answer + Send + 'static,
    Answer: Future<Output = Option<Vec<String>>>,
{
    let Some(settings) = kube_settings() else { return Vec::new() };
    let (sender, receiver) = mpsc::channel();
    let asking = std::thread::Builder::new().name("completion".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let names = runtime.block_on(async {
            let cluster = Cluster::connect(&settings, Arc::new(())).await.ok()?;
            question(cluster).await
        })?;
        sender.send(names).ok()
    });
    if asking.is_err() {
        return Vec::new();
    }
    receiver.recv_timeout(CAP).unwrap_or_default()
}

/// The settings that the line being typed, the environment and the configuration file lead to.
fn kube_settings() -> Option<KubeSettings> {
    // The script puts the words of the line behind `--`.
    let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").skip(1).collect();
    let matches = command::build_for(&words).ignore_errors(true).try_get_matches_from(words).ok()?;
    let mut typed = Typed::from_arg_matches(&matches).unwrap_or_default();
    let mut deeper = matches.subcommand();
    while let Some((_, matches)) = deeper {
        typed = Typed::from_arg_matches(matches).unwrap_or(typed);
        deeper = matches.subcommand();
    }
    let environment = Environment::of_process();
    let configuration = Configuration::load(&environment).unwrap_or_default();
    let sources = Sources { typed: &typed, environment: &environment, configuration: &configuration };
    Some(Global::resolve(&sources, OutputFormat::Table).ok()?.kube)
}
