//! Groups of flags that commands share, as they are typed: values, chart source, waiting, output. Names, letters and
//! forms are Helm's 4.2; texts are ours. Values stay text here; what they mean is found in one place below.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::action::{ChartSource, PostRenderer, UserValues, WaitFor};
use crate::ui::{Failure, Helm, OutputFormat, Printer, Reason, Unsupported, Usage};
use crate::ui::{Level, Message};

use crate::registry::is_oci;
use crate::values::{Compat, Flags, ValuesError};
use crate::yaml::Numbers;

use super::literal;
use super::remote;
use super::runtime::Context;
use super::source::{ChartReference, SourceArgs};

/// `-o`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options")]
pub(crate) struct OutputArgs {
    /// Shape of the result: table, json or yaml
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    output: String,
}

impl OutputArgs {
    pub(crate) fn format(&self) -> Result<OutputFormat, Failure> {
        OutputFormat::parse(&self.output).ok_or_else(|| {
            Usage::BadValue { flag: "-o, --output".to_owned(), value: self.output.clone(), reason: Reason::Format }
                .into()
        })
    }
}

/// The values of a release.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Values")]
pub(crate) struct ValueArgs {
    /// Values file, its http(s) address, or - for standard input; several with commas or by giving the flag again, later ones win
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    values: Vec<String>,
    /// Set a value: a.b=c, a=1, a={x,y}, a[0].b=c, a=null; several with commas
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The same, but every value is text
    #[arg(long = "set-string", value_name = "KEY=TEXT")]
    set_string: Vec<String>,
    /// Set a value to the content of a file or http(s) address
    #[arg(long = "set-file", value_name = "KEY=FILE")]
    set_file: Vec<String>,
    /// Set a value from JSON: a={"b":1}, or a whole object
    #[arg(long = "set-json", value_name = "KEY=JSON")]
    set_json: Vec<String>,
    /// Set a value to a text as it stands, commas and all
    #[arg(long = "set-literal", value_name = "KEY=TEXT")]
    set_literal: Vec<String>,
}

/// How careful the values are taken.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Values")]
pub(crate) struct StrictArgs {
    /// Refuse keys in the values that MaiBot's chart does not know, instead of warning
    #[arg(long)]
    strict: bool,
}

impl StrictArgs {
    /// Whether they are refused.
    pub(crate) const fn is_strict(&self) -> bool {
        self.strict
    }
}

/// How schemas are read.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Values")]
pub(crate) struct SchemaArgs {
    /// Let the chart's schemas refer to files outside the chart and to addresses in a network
    #[arg(long)]
    allow_schema_refs: bool,
}

impl SchemaArgs {
    /// Whether they may.
    pub(crate) const fn allows_references(&self) -> bool {
        self.allow_schema_refs
    }
}

/// Where values come from, in the order within each kind in which they were given. Helm applies the kinds in the
/// order of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ValueSources {
    /// Files, with their content.
    pub(crate) files: Vec<ValuesFile>,
    /// `--set-json`.
    pub(crate) json: Vec<String>,
    /// `--set`.
    pub(crate) set: Vec<String>,
    /// `--set-string`.
    pub(crate) strings: Vec<String>,
    /// `--set-file`: still with the names of the files.
    pub(crate) from_files: Vec<String>,
    /// `--set-literal`.
    pub(crate) literals: Vec<String>,
}

/// A values file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ValuesFile {
    /// As named on the command line; `-` for standard input.
    pub(crate) name: String,
    /// Its bytes; none as long as they are to be fetched from an address.
    pub(crate) content: Option<Vec<u8>>,
}

impl ValueArgs {
    /// Reads the files of this machine.
    pub(crate) fn sources(&self) -> Result<ValueSources, Failure> {
        let mut files = Vec::new();
        for given in &self.values {
            let names = literal::list(given).map_err(|reason| Usage::BadValue {
                flag: "-f, --values".to_owned(),
                value: given.clone(),
                reason,
            })?;
            for name in names {
                let content = if remote::is_address(&name) { None } else { Some(read_file(&name)?) };
                files.push(ValuesFile { name, content });
            }
        }
        Ok(ValueSources {
            files,
            json: self.set_json.clone(),
            set: self.set.clone(),
            strings: self.set_string.clone(),
            from_files: self.set_file.clone(),
            literals: self.set_literal.clone(),
        })
    }
}

impl ValueSources {
    /// The user's values with their places; what is at addresses is fetched now. Numbers stay as they are written for the embedded chart; the templates of
    /// other charts print them as Helm reads them.
    pub(crate) fn collect(self, chart: &ChartSource, context: &Context) -> Result<UserValues, Failure> {
        let (numbers, compat) = match chart {
            ChartSource::Embedded => (Numbers::Exact, Compat::Helm4),
            ChartSource::Path(_) | ChartSource::Archive { .. } => (Numbers::Helm, context.compat()),
        };
        let mut contents: std::collections::VecDeque<ValuesFile> = self.files.into();
        let flags = Flags {
            files: contents.iter().map(|file| file.name.clone()).collect(),
            set_json: self.json,
            set: self.set,
            set_string: self.strings,
            set_file: self.from_files,
            set_literal: self.literals,
        };
        let mut broken = None;
        let mut read = |name: &str| {
            // Values files come first and in order; they are read already.
            if contents.front().is_some_and(|file| file.name == name)
                && let Some(content) = contents.pop_front().and_then(|file| file.content)
            {
                return Ok(content);
            }
            let bytes = if remote::is_address(name) { remote::read(name, context) } else { read_file(name) };
            bytes.map_err(|failure| {
                let text = failure.helm(crate::ui::Helm::Four);
                broken = Some(failure);
                text
            })
        };
        let given = flags.collect(compat, numbers, true, &mut read);
        match (given, broken) {
            // Helm names the flag before what went wrong, as the error of the room does.
            (Err(error), Some(_)) if context.printer.helm().is_some() => Err(Failure::room(error.code(), &error)),
            (_, Some(failure)) => Err(failure),
            (Ok(given), None) => Ok(UserValues::new(given)),
            (Err(error), None) => Err(with_place(&error)),
        }
    }
}

/// The failure of values that cannot be had, with the place in the file if the reader knows it.
fn with_place(error: &ValuesError) -> Failure {
    let mut failure = Failure::room(error.code(), error);
    if let (Failure::Room(room), ValuesError::Yaml { name, error }) = (&mut failure, error)
        && let Some(place) = error.position()
    {
        room.evidence.push(format!("{name}:{}:{}", place.line, place.column));
    }
    failure
}

/// Reads what a flag names: a local file, or standard input for `-`.
pub(crate) fn read_file(name: &str) -> Result<Vec<u8>, Failure> {
    if name.trim() == "-" {
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut content)
            .map_err(|error| Failure::reading("-".as_ref(), error))?;
        return Ok(content);
    }
    if is_oci(name) {
        return Err(Unsupported::RemoteFile(name.to_owned()).into());
    }
    std::fs::read(name).map_err(|error| Failure::reading(name.as_ref(), error))
}

/// The chart, and what is done with it before it is used.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Chart")]
pub(crate) struct ChartArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Fetch missing dependencies of the chart first
    #[arg(long)]
    dependency_update: bool,
    /// Program that changes the rendered manifests
    #[arg(long, value_name = "PROGRAM")]
    post_renderer: Option<String>,
    /// Argument for --post-renderer; may be given several times
    #[arg(long, value_name = "ARGUMENT")]
    post_renderer_args: Vec<String>,
}

impl ChartArgs {
    pub(crate) fn password(&self) -> Option<&str> {
        self.source.password()
    }

    /// The reference.
    pub(crate) fn reference(&self, chart: Option<String>) -> Result<ChartReference, Failure> {
        self.source.reference(chart)
    }

    /// Whether missing dependencies are fetched first.
    pub(crate) const fn dependency_update(&self) -> bool {
        self.dependency_update
    }

    /// The program of `--post-renderer`.
    pub(crate) fn post_renderer(&self) -> Result<Option<PostRenderer>, Failure> {
        let Some(name) = &self.post_renderer else { return Ok(None) };
        let found = PostRenderer::find(name, self.post_renderer_args.clone());
        found.map(Some).map_err(|error| Failure::room(error.code(), &error))
    }
}

impl WaitChoice {
    /// What is waited for: said or unsaid. Helm, when it is imitated, waits for hooks only.
    pub(crate) const fn resolve(self, helm: Option<crate::ui::Helm>) -> WaitFor {
        match (self, helm) {
            (Self::Unsaid, None) => WaitFor::Ready,
            (Self::Unsaid, Some(_)) | (Self::HookOnly, _) => WaitFor::HookOnly,
            (Self::Watcher, _) => WaitFor::Watcher,
            (Self::Legacy, _) => WaitFor::Legacy,
        }
    }
}

/// Refuses the first of the flags that was given.
pub(crate) fn refuse(flags: &[(bool, &'static str)]) -> Result<(), Failure> {
    match flags.iter().find(|(given, _)| *given) {
        Some((_, flag)) => Err(Failure::flag(flag)),
        None => Ok(()),
    }
}

/// Waiting.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Waiting")]
pub(crate) struct WaitArgs {
    /// What to wait for: watcher (also --wait alone), legacy, or hookOnly for nothing but hooks
    #[arg(long, value_name = "STRATEGY", num_args = 0..=1, require_equals = true, default_missing_value = "watcher")]
    wait: Option<String>,
    /// How long each step may take
    #[arg(long, value_name = "DURATION", default_value = "5m0s", hide_default_value = true)]
    timeout: String,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum WaitChoice {
    /// Nothing was said: what the chart's nature suggests.
    #[default]
    Unsaid,
    /// Helm 4's watcher.
    Watcher,
    /// Helm 3's rules.
    Legacy,
    /// Hooks only.
    HookOnly,
}

const WAIT_NAMES: &[&str] = &["watcher", "hookOnly", "legacy"];

impl WaitArgs {
    pub(crate) fn choice(&self, printer: &Printer) -> Result<WaitChoice, Failure> {
        Ok(match self.wait.as_deref() {
            None => WaitChoice::Unsaid,
            Some("watcher") => WaitChoice::Watcher,
            Some("legacy") => WaitChoice::Legacy,
            Some("hookOnly") => WaitChoice::HookOnly,
            Some("true") => {
                printer.say(Level::Warning, &Message::WaitBoolean { given: "true", instead: "watcher" });
                WaitChoice::Watcher
            }
            Some("false") => {
                printer.say(Level::Warning, &Message::WaitBoolean { given: "false", instead: "hookOnly" });
                WaitChoice::HookOnly
            }
            Some(other) if printer.helm() == Some(Helm::Three) => {
                let reason = Reason::Boolean;
                return Err(Usage::BadValue { flag: "--wait".to_owned(), value: other.to_owned(), reason }.into());
            }
            Some(other) => {
                let helm = format!(
                    "invalid argument {} for \"--wait\" flag: invalid wait input {}. Valid inputs are watcher, hookOnly, and legacy",
                    crate::ui::quoted(other),
                    crate::ui::quoted(other)
                );
                return Err(Usage::BadValue {
                    flag: "--wait".to_owned(),
                    value: other.to_owned(),
                    reason: Reason::OneOf { allowed: WAIT_NAMES, helm: Some(helm) },
                }
                .into());
            }
        })
    }

    pub(crate) fn timeout(&self) -> Result<Duration, Failure> {
        literal::duration(&self.timeout).map_err(|reason| {
            Usage::BadValue { flag: "--timeout".to_owned(), value: self.timeout.clone(), reason }.into()
        })
    }
}

/// `--dry-run` of commands that render.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options")]
pub(crate) struct DryRunArgs {
    /// Only show what would be done: client asks no cluster, server checks against it
    #[arg(long, value_name = "MODE", num_args = 0..=1, require_equals = true, default_missing_value = "unset")]
    dry_run: Option<String>,
}

/// Whether something is done or only shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum DryRun {
    /// It is done.
    #[default]
    None,
    /// It is shown, no cluster is asked.
    Client,
    /// It is shown, after the cluster has looked at it.
    Server,
}

impl DryRunArgs {
    /// Whether the flag was given, whatever its value.
    pub(crate) const fn is_given(&self) -> bool {
        self.dry_run.is_some()
    }

    /// The mode; `always` for commands that are a dry run by nature and take no `none`.
    pub(crate) fn mode(&self, always: bool, printer: &Printer) -> Result<DryRun, Failure> {
        let none = if always { DryRun::Client } else { DryRun::None };
        let Some(given) = self.dry_run.as_deref() else { return Ok(none) };
        let allowed: &[&str] = if always { &["client", "server"] } else { &["none", "client", "server"] };
        let bad = || {
            // Helm looks at the value first, and then whether the command takes it.
            let is_known = given == "none" || literal::boolean(given).is_ok();
            let words = if is_known { "\"server\" or \"client\"" } else { "\"none\", \"server\", or \"client\"" };
            let helm = match printer.helm() {
                Some(Helm::Three) if !is_known => {
                    "Invalid dry-run flag. Flag must one of the following: false, true, none, client, server".to_owned()
                }
                _ => format!("invalid dry-run value ({}). Must be {words}", crate::ui::quoted(given)),
            };
            Failure::from(Usage::BadValue {
                flag: "--dry-run".to_owned(),
                value: given.to_owned(),
                reason: Reason::OneOf { allowed, helm: Some(helm) },
            })
        };
        match given {
            "client" => Ok(DryRun::Client),
            "server" => Ok(DryRun::Server),
            "none" if !always => Ok(DryRun::None),
            "unset" => {
                printer.say(Level::Warning, &Message::DryRunBare);
                Ok(DryRun::Client)
            }
            text => {
                let set = literal::boolean(text).ok().filter(|set| *set || !always).ok_or_else(bad)?;
                let instead = if set { "client" } else { "none" };
                printer.say(Level::Warning, &Message::DryRunBoolean { given: given.to_owned(), instead });
                Ok(if set { DryRun::Client } else { DryRun::None })
            }
        }
    }
}

/// A path that a flag names.
pub(crate) fn path(text: Option<&str>) -> Option<PathBuf> {
    text.filter(|text| !text.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{ChartArgs, DryRun, DryRunArgs, Failure, ValueArgs, WaitArgs, WaitChoice};
    use crate::ui::{Language, Printer};

    #[derive(Debug, Parser)]
    struct Everything {
        #[command(flatten)]
        values: ValueArgs,
        #[command(flatten)]
        chart: ChartArgs,
        #[command(flatten)]
        wait: WaitArgs,
        #[command(flatten)]
        dry_run: DryRunArgs,
    }

    fn parse(line: &str) -> Everything {
        Everything::try_parse_from(std::iter::once("x").chain(line.split(' ').filter(|word| !word.is_empty()))).unwrap()
    }

    #[test]
    fn wait_takes_the_forms_of_both_generations() {
        let (printer, written) = Printer::captured(Language::English);
        let choice = |line: &str| parse(line).wait.choice(&printer);
        assert_eq!(choice("").unwrap(), WaitChoice::Unsaid);
        assert_eq!(choice("--wait").unwrap(), WaitChoice::Watcher);
        assert_eq!(choice("--wait=legacy").unwrap(), WaitChoice::Legacy);
        assert_eq!(choice("--wait=hookOnly").unwrap(), WaitChoice::HookOnly);
        assert!(written.lock().unwrap().is_empty());
        assert_eq!(choice("--wait=true").unwrap(), WaitChoice::Watcher);
        assert_eq!(choice("--wait=false").unwrap(), WaitChoice::HookOnly);
        assert!(!written.lock().unwrap().is_empty(), "booleans are old and warned about");
        assert!(choice("--wait=all").is_err());
    }

    #[test]
    fn dry_run_takes_the_forms_of_both_generations() {
        let (printer, _) = Printer::captured(Language::English);
        let mode = |line: &str, always| parse(line).dry_run.mode(always, &printer);
        assert_eq!(mode("", false).unwrap(), DryRun::None);
        assert_eq!(mode("", true).unwrap(), DryRun::Client);
        assert_eq!(mode("--dry-run", false).unwrap(), DryRun::Client);
        assert_eq!(mode("--dry-run=server", false).unwrap(), DryRun::Server);
        assert_eq!(mode("--dry-run=true", false).unwrap(), DryRun::Client);
        assert_eq!(mode("--dry-run=false", false).unwrap(), DryRun::None);
        assert!(mode("--dry-run=none", true).is_err());
        assert!(mode("--dry-run=false", true).is_err());
        assert!(mode("--dry-run=some", false).is_err());
    }

    #[test]
    fn the_version_is_part_of_the_reference() {
        assert_eq!(parse("--version 0.12.2").chart.reference(None).unwrap().version.as_deref(), Some("0.12.2"));
    }

    #[test]
    fn values_files_are_read_in_order_and_may_be_a_comma_list() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, name).unwrap();
            path.display().to_string()
        };
        let (a, b, c) = (file("a"), file("b"), file("c"));
        let sources = parse(&format!("-f {a},{b} --values {c}")).values.sources().unwrap();
        assert_eq!(
            sources.files.iter().filter_map(|file| file.content.clone()).collect::<Vec<_>>(),
            [b"a", b"b", b"c"]
        );
        assert!(matches!(parse("-f /nowhere").values.sources(), Err(Failure::LocalFile { .. })));
        assert!(matches!(parse("-f oci://x/y").values.sources(), Err(Failure::Unsupported(_))));
        // Nobody is asked before it is known what for.
        assert_eq!(parse("-f https://x/y").values.sources().unwrap().files[0].content, None);
    }
}
