//! Global settings: what was typed, where else a value may come from, and what it means.
//!
//! The clap arguments are made from the table of settings, so that a flag cannot be there without its variable,
//! its text and its place in the reference. A flag beats the environment, the environment beats the configuration
//! file, the file beats the default.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::cluster::{self, KubeSettings};
use crate::proxy::ProxyVariables;
use crate::registry::RegistrySettings;
use crate::ui::{
    ColorChoice, Failure, Helm, Language, Message, OutputFormat, PrinterSettings, Reason, Usage, Verbosity,
};

use super::configuration::Configuration;
use super::environment::Environment;
use super::literal;
use super::setting::{Row, Setting, Shape, TABLE};

/// Heading of the global flags everybody needs.
pub(crate) const COMMON_HEADING: &str = "Global options";
/// Heading of the other global flags.
pub(crate) const OTHER_HEADING: &str = "Rarely used global options";

/// Global flags as they were typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Typed(BTreeMap<&'static str, Vec<String>>);

impl Args for Typed {
    fn augment_args(mut command: Command) -> Command {
        for row in TABLE {
            if let Some(flag) = row.flag {
                command = command.arg(argument(row, flag));
            }
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(row: &Row, flag: &'static str) -> Arg {
    let mut argument = Arg::new(flag).long(flag).global(true).help(row.english);
    argument = argument.help_heading(if row.common { COMMON_HEADING } else { OTHER_HEADING });
    if !row.common {
        argument = argument.hide_short_help(true);
    }
    if let Some(alias) = row.alias {
        argument = argument.alias(alias);
    }
    if let Some(short) = row.short {
        argument = argument.short(short);
    }
    match row.shape {
        Shape::Switch => argument.action(ArgAction::SetTrue),
        Shape::Value(name) => argument.value_name(name).action(ArgAction::Set),
        Shape::List(name) => argument.value_name(name).action(ArgAction::Append),
    }
}

impl FromArgMatches for Typed {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut typed = Self::default();
        typed.update_from_arg_matches(matches)?;
        Ok(typed)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for row in TABLE {
            let Some(flag) = row.flag else { continue };
            if matches.value_source(flag) != Some(clap::parser::ValueSource::CommandLine) {
                continue;
            }
            let values = match row.shape {
                Shape::Switch => vec![matches.get_flag(flag).to_string()],
                _ => matches.get_many::<String>(flag).unwrap_or_default().cloned().collect(),
            };
            self.0.insert(flag, values);
        }
        Ok(())
    }
}

impl Typed {
    /// The flags that decide how complaints are printed, found in a line that is not understood (yet).
    pub(crate) fn rough<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let wanted = [Setting::Lang, Setting::Color, Setting::HelmCompat, Setting::Events];
        let mut typed = Self::default();
        let mut words = words.take_while(|word| *word != "--").peekable();
        while let Some(word) = words.next() {
            let Some(text) = word.strip_prefix("--") else { continue };
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (text, words.peek().copied()),
            };
            let row = wanted.iter().map(|setting| setting.row());
            let row = row.into_iter().find(|row| row.flag == Some(name) || row.alias == Some(name));
            if let (Some(flag), Some(value)) = (row.and_then(|row| row.flag), value) {
                typed.0.insert(flag, vec![value.to_owned()]);
            }
        }
        typed
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Flag,
    Variable(&'static str),
    File(usize),
    Default,
}

/// Values of all settings as texts, each from the strongest source that has one.
pub(crate) struct Sources<'a> {
    pub(crate) typed: &'a Typed,
    pub(crate) environment: &'a Environment,
    pub(crate) configuration: &'a Configuration,
}

impl Sources<'_> {
    fn find(&self, setting: Setting) -> Option<(String, Origin)> {
        let row = setting.row();
        let flag = row.flag.unwrap_or_default();
        if let Some(value) = self.typed.0.get(flag).and_then(|values| values.last()) {
            return Some((value.clone(), Origin::Flag));
        }
        for name in row.variables {
            if let Some(value) = self.environment.set(name) {
                return Some((value.to_owned(), Origin::Variable(name)));
            }
        }
        if row.file
            && let Some((value, line)) = self.configuration.values.get(flag)
        {
            return Some((value.clone(), Origin::File(*line)));
        }
        self.environment.default_of(row).map(|value| (value, Origin::Default))
    }

    /// The text of a setting.
    pub(crate) fn text(&self, setting: Setting) -> Option<String> {
        self.find(setting).map(|(value, _)| value).filter(|value| !value.is_empty())
    }

    /// The text of a setting by flag only.
    pub(crate) fn flag(&self, setting: Setting) -> Option<String> {
        self.typed.0.get(setting.row().flag?)?.last().filter(|value| !value.is_empty()).cloned()
    }

    fn list(&self, setting: Setting) -> Vec<String> {
        if let Some(values) = setting.row().flag.and_then(|flag| self.typed.0.get(flag)) {
            return values.clone();
        }
        // Helm splits the variable at commas and trims commas and spaces around the whole.
        let text = self.find(setting).map(|(value, _)| value).unwrap_or_default();
        let text = text.trim_matches([',', ' ']);
        if text.is_empty() { Vec::new() } else { text.split(',').map(str::to_owned).collect() }
    }

    /// A setting that has to be read: a wrong flag is a wrong command line; a wrong variable of Helm's counts as
    /// unset, as in Helm; a wrong variable of ours, or a wrong line of the file, is a wrong setting.
    fn read<T>(&self, setting: Setting, read: impl Fn(&str) -> Result<T, Reason>) -> Result<Option<T>, Failure> {
        let Some((value, origin)) = self.find(setting) else { return Ok(None) };
        let row = setting.row();
        let reason = match read(&value) {
            Ok(read) => return Ok(Some(read)),
            Err(reason) => reason,
        };
        let bad = |flag: String, reason: Reason| Usage::BadValue { flag, value: value.clone(), reason };
        match origin {
            Origin::Flag => Err(bad(row.flag_as_declared(), reason).into()),
            Origin::Variable(name) if name.starts_with("MAIBOT_") => Err(Failure::Settings {
                place: name.to_owned(),
                position: None,
                reason: bad(name.to_owned(), reason).what(Language::English),
            }),
            Origin::File(line) => Err(Failure::Settings {
                place: self.configuration.path.display().to_string(),
                position: Some((line, 1)),
                reason: bad(row.flag.unwrap_or_default().to_owned(), reason).what(Language::English),
            }),
            Origin::Variable(_) | Origin::Default => {
                self.environment.default_of(row).map(|default| read(&default)).transpose().map_err(|_| {
                    Failure::Settings { place: format!("{setting:?}"), position: None, reason: value.clone() }
                })
            }
        }
    }
}

/// Global settings as they are meant.
#[derive(Debug, Clone)]
pub(crate) struct Global {
    /// How to reach the cluster.
    pub(crate) kube: KubeSettings,
    /// `--debug`: results carry what Helm prints there with it.
    pub(crate) debug: bool,
    /// Which Helm is imitated.
    pub(crate) helm: Option<Helm>,
    /// Revisions that are kept of a release; 0 for all.
    pub(crate) max_history: i64,
    /// The storage driver.
    pub(crate) driver: String,
    /// How to reach registries: what is not a command's own flag.
    pub(crate) registry: RegistrySettings,
    /// The chart that `--version` alone means.
    pub(crate) default_chart: String,
    /// How the printer behaves.
    pub(crate) printer: PrinterSettings,
}

fn one_of<T>(
    allowed: &'static [&'static str],
    parse: impl Fn(&str) -> Option<T>,
) -> impl Fn(&str) -> Result<T, Reason> {
    move |text| parse(text).ok_or(Reason::OneOf { allowed, helm: None })
}

/// The language, if anything but the locale names one.
fn read_language(text: &str) -> Result<Language, Reason> {
    Language::parse(text).ok_or(Reason::OneOf { allowed: &["zh", "en"], helm: None })
}

fn read_helm(text: &str) -> Result<Helm, Reason> {
    Helm::parse(text).ok_or(Reason::OneOf { allowed: &["3", "4"], helm: None })
}

fn read_color(text: &str) -> Result<ColorChoice, Reason> {
    ColorChoice::parse(text).ok_or_else(|| Reason::OneOf {
        allowed: ColorChoice::NAMES,
        helm: Some(format!("invalid color mode {}: must be one of: never, auto, always", crate::ui::quoted(text))),
    })
}

impl Global {
    /// Puts the settings together.
    pub(crate) fn resolve(sources: &Sources<'_>, format: OutputFormat) -> Result<Self, Failure> {
        let switch = |setting| sources.read(setting, literal::boolean).map(Option::unwrap_or_default);
        let debug = switch(Setting::Debug)?;
        let verbosity = if debug {
            Verbosity::Debug
        } else if switch(Setting::Verbose)? {
            Verbosity::Verbose
        } else if switch(Setting::Quiet)? {
            Verbosity::Quiet
        } else {
            Verbosity::Normal
        };
        let events = sources.read(
            Setting::Events,
            one_of(&["text", "jsonl"], |text| match text {
                "text" => Some(false),
                "jsonl" => Some(true),
                _ => None,
            }),
        )?;
        let printer = PrinterSettings {
            language: language(sources)?,
            verbosity,
            color: color(sources)?,
            helm: sources.read(Setting::HelmCompat, read_helm)?,
            records: events.unwrap_or_default(),
            format,
        };
        Ok(Self {
            kube: kube(sources)?,
            debug,
            helm: printer.helm,
            max_history: sources.read(Setting::MaxHistory, literal::integer)?.unwrap_or_default(),
            driver: sources.text(Setting::Driver).unwrap_or_default(),
            registry: registry(sources)?,
            default_chart: sources.text(Setting::MaibotChart).unwrap_or_default(),
            printer,
        })
    }

    /// How to print when the command line could not be read: whatever can be read of these settings, and defaults
    /// for the rest.
    pub(crate) fn printer_of_last_resort(sources: &Sources<'_>) -> PrinterSettings {
        PrinterSettings {
            language: language(sources).unwrap_or_else(|_| locale(sources.environment)),
            color: color(sources).unwrap_or_default(),
            helm: sources.read(Setting::HelmCompat, read_helm).ok().flatten(),
            records: sources.text(Setting::Events).is_some_and(|events| events == "jsonl"),
            ..PrinterSettings::default()
        }
    }

    /// Messages about the settings themselves.
    pub(crate) fn warnings(sources: &Sources<'_>) -> Vec<Message> {
        sources.configuration.warnings.clone()
    }
}

fn locale(environment: &Environment) -> Language {
    Language::of_locale(|name| environment.get(name).map(str::to_owned))
}

fn language(sources: &Sources<'_>) -> Result<Language, Failure> {
    Ok(sources.read(Setting::Lang, read_language)?.unwrap_or_else(|| locale(sources.environment)))
}

fn color(sources: &Sources<'_>) -> Result<ColorChoice, Failure> {
    let row = Setting::Color.row();
    if sources.flag(Setting::Color).is_none() && row.variables.contains(&"NO_COLOR") {
        // Any value of NO_COLOR means never; it is no name of a choice.
        if sources.environment.set("NO_COLOR").is_some() {
            return Ok(ColorChoice::Never);
        }
    }
    // Helm takes the variable in any case and leaves out what it does not know.
    Ok(sources
        .read(Setting::Color, |text| {
            read_color(text).or_else(|reason| {
                ColorChoice::parse(&text.to_lowercase())
                    .filter(|_| sources.flag(Setting::Color).is_none())
                    .ok_or(reason)
            })
        })?
        .unwrap_or_default())
}

fn kube(sources: &Sources<'_>) -> Result<KubeSettings, Failure> {
    let text = |setting| sources.text(setting);
    let mut environment = cluster::Environment::of_process();
    // The flag is one file that must exist; the variable is a list that stays with the room. Between them stands
    // the configuration file.
    let mut kubeconfig = sources.flag(Setting::Kubeconfig).map(PathBuf::from);
    if kubeconfig.is_none() && environment.kubeconfig.is_none() {
        kubeconfig = sources.text(Setting::Kubeconfig).map(PathBuf::from);
    }
    if kubeconfig.is_some() {
        environment.kubeconfig = None;
    }
    Ok(KubeSettings {
        kubeconfig,
        context: text(Setting::KubeContext),
        namespace: text(Setting::Namespace),
        token: text(Setting::KubeToken).map(|token| cluster::Token::new(&token)),
        as_user: text(Setting::KubeAsUser),
        as_groups: sources.list(Setting::KubeAsGroup),
        server: text(Setting::KubeApiserver),
        ca_file: text(Setting::KubeCaFile).map(PathBuf::from),
        tls_server_name: text(Setting::KubeTlsServerName),
        insecure_skip_tls_verify: sources
            .read(Setting::KubeInsecureSkipTlsVerify, literal::boolean)?
            .unwrap_or_default(),
        qps: f64::from(sources.read(Setting::Qps, literal::number)?.unwrap_or_default()),
        burst: sources
            .read(Setting::BurstLimit, literal::integer)?
            .and_then(|burst| u32::try_from(burst).ok())
            .unwrap_or_default(),
        environment,
        ..KubeSettings::default()
    })
}

/// Files, cache and proxies; credentials and TLS are flags of commands.
fn registry(sources: &Sources<'_>) -> Result<RegistrySettings, Failure> {
    let environment = sources.environment;
    let docker = environment.set("DOCKER_CONFIG").map(PathBuf::from);
    let docker = docker.or_else(|| Some(PathBuf::from(environment.set("HOME")?).join(".docker")));
    Ok(RegistrySettings {
        credentials_file: sources.text(Setting::RegistryConfig).map(PathBuf::from).unwrap_or_default(),
        docker_file: docker.map(|folder| folder.join("config.json")),
        content_cache: sources.text(Setting::ContentCache).map(PathBuf::from),
        offline: sources.read(Setting::Offline, literal::boolean)?.unwrap_or_default(),
        proxy: ProxyVariables::read(|name| environment.get(name).map(str::to_owned)),
        ..RegistrySettings::default()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{ColorChoice, Configuration, Environment, Failure, Global, Helm, Language, Sources, Typed};
    use crate::ui::{OutputFormat, Verbosity};

    fn resolve(
        flags: &[(&'static str, &str)],
        environment: &[(&str, &str)],
        file: &[(&'static str, &str)],
    ) -> Result<Global, Failure> {
        let mut typed: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for (flag, value) in flags {
            typed.entry(flag).or_default().push((*value).to_owned());
        }
        let configuration = Configuration {
            values: file.iter().map(|(key, value)| (*key, ((*value).to_owned(), 1))).collect(),
            ..Configuration::default()
        };
        let sources = Sources {
            typed: &Typed(typed),
            environment: &environment.iter().copied().collect::<Environment>(),
            configuration: &configuration,
        };
        Global::resolve(&sources, OutputFormat::Table)
    }

    #[test]
    fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
        let namespace =
            |flags: &[(&'static str, &str)], environment: &[(&str, &str)], file: &[(&'static str, &str)]| {
                resolve(flags, environment, file).unwrap().kube.namespace
            };
        let (flag, variable, file) = ([("namespace", "flag")], [("HELM_NAMESPACE", "env")], [("namespace", "file")]);
        assert_eq!(namespace(&flag, &variable, &file).as_deref(), Some("flag"));
        assert_eq!(namespace(&[], &variable, &file).as_deref(), Some("env"));
        assert_eq!(namespace(&[], &[("HELM_NAMESPACE", "")], &file).as_deref(), Some("file"));
        assert_eq!(namespace(&[], &[], &[]), None);
    }

    #[test]
    fn helms_variables_that_cannot_be_read_count_as_unset() {
        let global = resolve(
            &[],
            &[("HELM_QPS", "x"), ("HELM_BURST_LIMIT", "y"), ("HELM_MAX_HISTORY", "z"), ("HELM_DEBUG", "maybe")],
            &[],
        )
        .unwrap();
        assert_eq!((global.kube.burst, global.max_history, global.debug), (100, 10, false));
        assert!(global.kube.qps.abs() < f64::EPSILON);
        let global = resolve(&[], &[("HELM_COLOR", "purple")], &[]).unwrap();
        assert_eq!(global.printer.color, ColorChoice::Auto);
    }

    #[test]
    fn our_own_settings_that_cannot_be_read_are_errors() {
        assert!(matches!(resolve(&[], &[("MAIBOT_HELM_COMPAT", "5")], &[]), Err(Failure::Settings { .. })));
        assert!(matches!(resolve(&[], &[], &[("color", "purple")]), Err(Failure::Settings { .. })));
        assert!(matches!(resolve(&[("lang", "fr")], &[], &[]), Err(Failure::Usage(_))));
    }

    #[test]
    fn colour_follows_the_flag_then_no_color_then_helm_color() {
        let color = |flags: &[(&'static str, &str)], environment: &[(&str, &str)]| {
            resolve(flags, environment, &[]).unwrap().printer.color
        };
        assert_eq!(color(&[("color", "always")], &[("NO_COLOR", "1")]), ColorChoice::Always);
        assert_eq!(color(&[], &[("NO_COLOR", "1"), ("HELM_COLOR", "always")]), ColorChoice::Never);
        assert_eq!(color(&[], &[("NO_COLOR", ""), ("HELM_COLOR", "ALWAYS")]), ColorChoice::Always);
    }

    #[test]
    fn groups_are_a_list_of_flags_or_a_comma_list_of_the_variable() {
        let groups = |flags: &[(&'static str, &str)], environment: &[(&str, &str)]| {
            resolve(flags, environment, &[]).unwrap().kube.as_groups
        };
        assert_eq!(groups(&[("kube-as-group", "a,b"), ("kube-as-group", "c")], &[]), ["a,b", "c"]);
        assert_eq!(groups(&[], &[("HELM_KUBEASGROUPS", " ,a,b,")]), ["a", "b"]);
    }

    #[test]
    fn verbosity_language_and_compatibility_are_read() {
        let global =
            resolve(&[("verbose", "true")], &[("LANG", "zh_CN.UTF-8"), ("MAIBOT_HELM_COMPAT", "v3")], &[]).unwrap();
        assert_eq!(global.printer.verbosity, Verbosity::Verbose);
        assert_eq!(global.printer.language, Language::Chinese);
        assert_eq!(global.helm, Some(Helm::Three));
    }
}
