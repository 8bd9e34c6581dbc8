//! `maibot install`: flags into settings; the work is the action's.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;

use crate::action::install as action;
use crate::action::{Error, PostRenderer, RenderOptions};
use crate::chart::Links;
use crate::cluster;
use crate::code::Exit;
use crate::release::Timestamp;
use crate::ui::{Failure, Level, Message, OutputFormat, Printer, Unsupported, Usage};

use super::args::{
    ChartArgs, DryRun, DryRunArgs, OutputArgs, SchemaArgs, StrictArgs, ValueArgs, ValueSources, WaitArgs, WaitChoice,
    refuse,
};
use super::literal;
use super::release_text::{self, Shown};
use super::runtime::Context;
use super::source::ChartReference;

/// Install MaiBot as a new release
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  maibot install maimai -n bot --create-namespace -f maibot.yaml
  maibot install maimai -n bot --set EULA_AGREE=true --set PRIVACY_AGREE=true
  maibot install maimai -n bot -f maibot.yaml --dry-run=server")]
pub(crate) struct InstallArgs {
    /// Name of the release
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Chart; without it the one that is built into maibot
    #[arg(value_name = "CHART")]
    chart: Option<String>,
    /// With --dry-run, do not show the content of Secrets
    #[arg(long)]
    hide_secret: bool,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    pub(crate) shared: ReleaseArgs,
}

/// Flags that `install` and `template` share.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options")]
pub(crate) struct ReleaseArgs {
    /// Create the namespace if it is not there
    #[arg(long)]
    pub(crate) create_namespace: bool,
    /// Replace objects instead of changing them
    #[arg(long, conflicts_with = "force_conflicts")]
    force_replace: bool,
    /// The old spelling of --force-replace
    #[arg(long, hide = true, conflicts_with = "force_conflicts")]
    force: bool,
    /// Take over fields that another program manages
    #[arg(long)]
    force_conflicts: bool,
    /// Let the API server merge changes (the default), or not
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    server_side: Option<String>,
    /// Run no hooks
    #[arg(long)]
    pub(crate) no_hooks: bool,
    /// Take the name of a release that failed or was uninstalled with its history kept
    #[arg(long)]
    replace: bool,
    /// With --wait, wait for Jobs too
    #[arg(long, help_heading = "Waiting")]
    wait_for_jobs: bool,
    /// Make a name, and take the only argument for CHART
    #[arg(short = 'g', long)]
    generate_name: bool,
    /// Template for the name
    #[arg(long, value_name = "TEMPLATE")]
    name_template: Option<String>,
    /// Description of the revision
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    /// Do not check the manifests against the API server's schema
    #[arg(long)]
    disable_openapi_validation: bool,
    /// Uninstall again if the installation fails
    #[arg(long)]
    rollback_on_failure: bool,
    /// The old spelling of --rollback-on-failure
    #[arg(long, hide = true)]
    atomic: bool,
    /// Install no CustomResourceDefinitions
    #[arg(long)]
    skip_crds: bool,
    /// Show the notes of subcharts too
    #[arg(long)]
    render_subchart_notes: bool,
    /// Do not check the values against the chart's schema
    #[arg(long)]
    skip_schema_validation: bool,
    /// Labels of the release's record: a=1,b=2
    #[arg(short = 'l', long, value_name = "KEY=VALUE")]
    labels: Vec<String>,
    /// Let templates look up names in the DNS
    #[arg(long)]
    enable_dns: bool,
    /// Do not show the notes
    #[arg(long)]
    hide_notes: bool,
    /// Take over objects that belong to nobody or to another release
    #[arg(long)]
    take_ownership: bool,
    #[command(flatten)]
    values: ValueArgs,
    #[command(flatten)]
    strict: StrictArgs,
    #[command(flatten)]
    schema: SchemaArgs,
    #[command(flatten)]
    pub(crate) chart: ChartArgs,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
}

/// What a new release is made from, as far as `install` and `template` agree on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReleaseSettings {
    /// The release's name.
    pub(crate) name: String,
    /// Which chart.
    pub(crate) chart: ChartReference,
    /// Whether missing dependencies of the chart are fetched first.
    pub(crate) dependency_update: bool,
    /// Where values come from.
    pub(crate) values: ValueSources,
    /// What is waited for.
    pub(crate) wait: WaitChoice,
    /// Whether Jobs are waited for too.
    pub(crate) wait_for_jobs: bool,
    /// How long each step may take.
    pub(crate) timeout: Duration,
    /// The description, empty for the usual one.
    pub(crate) description: String,
    /// Labels of the record.
    pub(crate) labels: BTreeMap<String, String>,
    /// Whether the namespace is created.
    pub(crate) create_namespace: bool,
    /// Whether the name of a release that failed or was uninstalled is taken.
    pub(crate) replace: bool,
    /// Whether objects of others are taken over.
    pub(crate) take_ownership: bool,
    /// Whether fields of other managers are taken over.
    pub(crate) force_conflicts: bool,
    /// Whether hooks are left out.
    pub(crate) no_hooks: bool,
    /// Whether CustomResourceDefinitions are left out.
    pub(crate) skip_crds: bool,
    /// How the chart is rendered; whose ways are followed is said by the global settings.
    pub(crate) options: Rendering,
    /// Whether the notes are left out of the result.
    pub(crate) hide_notes: bool,
}

/// How a chart is rendered, as far as the command line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rendering {
    is_strict: bool,
    allows_references: bool,
    skip_schema_validation: bool,
    enable_dns: bool,
    subchart_notes: bool,
    post_renderer: Option<PostRenderer>,
}

impl Rendering {
    /// Whether a program is to change the manifest.
    pub(crate) const fn has_post_renderer(&self) -> bool {
        self.post_renderer.is_some()
    }

    /// For a run of these global settings.
    pub(crate) fn options(self, context: &Context) -> RenderOptions {
        RenderOptions {
            compat: context.compat(),
            // Helm follows every link.
            links: if context.printer.helm().is_some() { Links::All } else { Links::Inside },
            unknown_keys: context.unknown_keys(self.is_strict),
            references: context.references(self.allows_references),
            skip_schema_validation: self.skip_schema_validation,
            enable_dns: self.enable_dns,
            subchart_notes: self.subchart_notes,
            post_renderer: self.post_renderer,
            ..RenderOptions::default()
        }
    }
}

/// Settings of `install`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InstallSettings {
    /// The release.
    pub(crate) release: ReleaseSettings,
    /// Whether something is done or only shown.
    pub(crate) dry_run: DryRun,
    /// Whether Secrets are left out of what a dry run shows.
    pub(crate) hide_secret: bool,
    /// The shape of the result.
    pub(crate) format: OutputFormat,
}

impl ReleaseArgs {
    /// The settings, from these flags and the arguments NAME and CHART.
    pub(crate) fn settings(
        &self,
        name: String,
        chart: Option<String>,
        printer: &Printer,
    ) -> Result<ReleaseSettings, Failure> {
        if let Some(password) = self.chart.password() {
            printer.learn_secret(password);
        }
        for (given, flag, instead) in
            [(self.force, "--force", "--force-replace"), (self.atomic, "--atomic", "--rollback-on-failure")]
        {
            if given {
                printer.say(Level::Warning, &Message::DeprecatedFlag { flag, instead });
            }
        }
        if let Some(given) = &self.server_side {
            let bad = |reason| Usage::BadValue { flag: "--server-side".to_owned(), value: given.clone(), reason };
            if !literal::boolean(given).map_err(bad)? {
                return Err(Unsupported::FlagValue("--server-side", given.clone()).into());
            }
        }
        let labels = literal::pairs(self.labels.iter().map(String::as_str)).map_err(|reason| Usage::BadValue {
            flag: "-l, --labels".to_owned(),
            value: self.labels.last().cloned().unwrap_or_default(),
            reason,
        })?;
        // `--disable-openapi-validation` changes nothing for `install`: objects are checked when they are written. It is
        // taken so that a script for Helm runs.
        // What the line says comes first, what it names second.
        let (wait, timeout) = (self.wait.choice(printer)?, self.wait.timeout()?);
        Ok(ReleaseSettings {
            name,
            chart: self.chart.reference(chart)?,
            dependency_update: self.chart.dependency_update(),
            values: self.values.sources()?,
            wait,
            wait_for_jobs: self.wait_for_jobs,
            timeout,
            description: self.description.clone(),
            labels,
            create_namespace: self.create_namespace,
            replace: self.replace,
            take_ownership: self.take_ownership,
            force_conflicts: self.force_conflicts,
            no_hooks: self.no_hooks,
            skip_crds: self.skip_crds,
            options: Rendering {
                is_strict: self.strict.is_strict(),
                allows_references: self.schema.allows_references(),
                skip_schema_validation: self.skip_schema_validation,
                enable_dns: self.enable_dns,
                subchart_notes: self.render_subchart_notes,
                post_renderer: self.chart.post_renderer()?,
            },
            hide_notes: self.hide_notes,
        })
    }

    /// Refuses what cannot be done yet; where nothing is installed, these flags have no effect.
    fn refuse_undone(&self) -> Result<(), Failure> {
        refuse(&[
            (self.force_replace || self.force, "--force-replace"),
            (self.rollback_on_failure || self.atomic, "--rollback-on-failure"),
        ])
    }

    /// Whether `--render-subchart-notes` was given.
    pub(crate) const fn renders_subchart_notes(&self) -> bool {
        self.render_subchart_notes
    }

    /// Whether `--disable-openapi-validation` was given.
    pub(crate) const fn leaves_objects_unchecked(&self) -> bool {
        self.disable_openapi_validation
    }

    /// Whether `--take-ownership` was given.
    pub(crate) const fn takes_ownership(&self) -> bool {
        self.take_ownership
    }

    /// Whether `--hide-notes` was given.
    pub(crate) const fn hides_notes(&self) -> bool {
        self.hide_notes
    }

    /// NAME and CHART from the arguments and the flags that make a name; none when neither gives one. `made_name` is what
    /// `--generate-name` makes for a chart.
    pub(crate) fn name_and_chart(
        &self,
        name: Option<&str>,
        chart: Option<&str>,
        made_name: impl FnOnce(Option<&str>) -> String,
    ) -> Result<Option<(String, Option<String>)>, Failure> {
        let makes_name = self.generate_name || self.name_template.is_some();
        let (name, chart) = if makes_name && chart.is_none() { (None, name) } else { (name, chart) };
        let owned = |text: &str| text.to_owned();
        match name {
            Some(_) if self.generate_name => Err(Usage::NameTwice { flag: "--generate-name" }.into()),
            Some(_) if self.name_template.is_some() => Err(Usage::NameTwice { flag: "--name-template" }.into()),
            Some(name) => Ok(Some((name.to_owned(), chart.map(owned)))),
            None => match &self.name_template {
                Some(template) => {
                    let name =
                        crate::action::template_name(template).map_err(|error| Failure::room(error.code(), &error))?;
                    Ok(Some((name, chart.map(owned))))
                }
                None if self.generate_name => Ok(Some((made_name(chart), chart.map(owned)))),
                None => Ok(None),
            },
        }
    }
}

/// The name that Helm makes: the chart's base name up to its first dot, and the seconds since 1970.
fn generated_name(chart: Option<&str>) -> String {
    let base = chart.map_or("maibot", |chart| {
        let name = Path::new(chart).file_name().and_then(|name| name.to_str()).unwrap_or("chart");
        name.split('.').next().filter(|name| !name.is_empty()).unwrap_or("chart")
    });
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    format!("{base}-{seconds}")
}

impl InstallArgs {
    pub(crate) fn format(&self) -> Result<OutputFormat, Failure> {
        self.output.format()
    }

    pub(crate) fn settings(&self, printer: &Printer) -> Result<InstallSettings, Failure> {
        let (name, chart) = self
            .shared
            .name_and_chart(self.name.as_deref(), self.chart.as_deref(), generated_name)?
            .ok_or(Failure::Usage(Usage::NoName))?;
        let dry_run = self.dry_run.mode(false, printer)?;
        if self.hide_secret && dry_run == DryRun::None {
            return Err(Usage::HideSecretWithoutDryRun.into());
        }
        let release = self.shared.settings(name, chart, printer)?;
        self.shared.refuse_undone()?;
        Ok(InstallSettings { release, dry_run, hide_secret: self.hide_secret, format: self.output.format()? })
    }
}

/// Installs.
pub(crate) async fn run(settings: InstallSettings, context: &Context) -> Result<Exit, Failure> {
    let InstallSettings { release, dry_run, hide_secret, format } = settings;
    let helm = context.printer.helm();
    let hide_notes = release.hide_notes;
    let chart = release.chart.source(context, "install").await?;
    if release.dependency_update {
        super::dependency::bring_missing(&chart, &release.chart.access, context).await?;
    }
    let values = release.values.collect(&chart, context)?;
    let settings = action::InstallSettings {
        name: release.name,
        chart,
        values,
        create_namespace: release.create_namespace,
        wait: release.wait.resolve(helm),
        wait_for_jobs: release.wait_for_jobs,
        timeout: release.timeout,
        description: Some(release.description).filter(|text| !text.is_empty()),
        labels: release.labels,
        replace: release.replace,
        take_ownership: release.take_ownership,
        force_conflicts: release.force_conflicts,
        options: RenderOptions { skip_crds: release.skip_crds, ..release.options.options(context) },
        no_hooks: release.no_hooks,
        skip_crds: release.skip_crds,
        check_everything: helm.is_none(),
    };
    let mut tell = |notice| context.notice(notice);
    let observer = context.observer("install", &settings.name);
    let result = match dry_run {
        DryRun::Client => action::dry_run(&settings, &cluster::default_namespace(&context.global.kube), &mut tell),
        DryRun::Server => {
            let cluster = context.cluster("install").await?;
            Box::pin(action::dry_run_on_server(&cluster, &settings, &context.cancel, &mut tell)).await
        }
        DryRun::None => {
            let cluster = context.cluster("install").await?;
            Box::pin(action::install(&cluster, &settings, &observer, &context.cancel)).await
        }
    };
    // The live table ends before the result is printed, even if somebody still holds the observer.
    drop(observer);
    context.printer.end_progress();
    if let Err(failure) = &result
        && helm.is_some()
        && matches!(*failure.error, Error::Interrupted)
    {
        // Helm says so on stdout, and the error after it.
        context.printer.result(&format!("Release {} has been cancelled.\n", settings.name))?;
    }
    let mut release = result.map_err(|failure| context.verdict(failure, "install"))?;
    if dry_run != DryRun::None {
        // Helm shows the time at which it would have been.
        let now = Some(Timestamp::of(&jiff::Zoned::now()));
        release.info.first_deployed = release.info.first_deployed.or(now);
        release.info.last_deployed = release.info.last_deployed.or(now);
    }
    if hide_secret {
        release.manifest = release_text::without_secrets(&release.manifest);
    }
    let text = match format {
        OutputFormat::Table => {
            let (everything, paint) = (context.global.debug, context.printer.paint());
            release_text::text(&release, &Shown { everything, hide_notes, paint, ..Shown::of_install(helm) })?
        }
        OutputFormat::Json => crate::release::to_json(&release, release_text::spelling(helm)) + "\n",
        OutputFormat::Yaml => {
            release_text::json_as_yaml(&crate::release::to_json(&release, release_text::spelling(helm)))?
        }
    };
    context.printer.result(&text)?;
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{Failure, InstallArgs, InstallSettings, Unsupported, Usage};
    use crate::ui::{Language, Printer};

    #[derive(Debug, Parser)]
    struct Install {
        #[command(flatten)]
        install: InstallArgs,
    }

    fn settings(line: &str) -> Result<InstallSettings, Failure> {
        let words = std::iter::once("x").chain(line.split(' ').filter(|word| !word.is_empty()));
        let (printer, _) = Printer::captured(Language::English);
        Install::try_parse_from(words).unwrap().install.settings(&printer)
    }

    #[test]
    fn one_argument_is_the_name_and_two_are_name_and_chart() {
        let release = |line: &str| settings(line).unwrap().release;
        assert_eq!(release("maimai").name, "maimai");
        assert_eq!(release("maimai").chart.chart, None);
        assert_eq!(release("maimai ./chart").chart.chart.as_deref(), Some("./chart"));
        assert!(matches!(settings(""), Err(Failure::Usage(Usage::NoName))));
    }

    #[test]
    fn a_made_name_leaves_the_only_argument_to_the_chart() {
        let release = |line: &str| settings(line).unwrap().release;
        assert!(release("-g").name.starts_with("maibot-"));
        assert!(release("-g ./foo.bar-1.0.tgz").name.starts_with("foo-"));
        assert_eq!(release("-g ./foo").chart.chart.as_deref(), Some("./foo"));
        assert_eq!(release("--name-template abc").name, "abc");
        assert!(matches!(settings("-g a b"), Err(Failure::Usage(Usage::NameTwice { flag: "--generate-name" }))));
        assert_eq!(release("--name-template a-{{add}}").name, "a-0");
        assert!(settings("--name-template {{randAlpha}}").is_err(), "it wants a number");
        assert!(settings("--name-template {{").is_err());
    }

    #[test]
    fn flags_of_later_versions_are_refused_and_not_ignored() {
        for (line, flag) in [
            ("a --atomic", "--rollback-on-failure"),
            ("a --rollback-on-failure", "--rollback-on-failure"),
            ("a --force", "--force-replace"),
        ] {
            assert!(
                matches!(settings(line), Err(Failure::Unsupported(Unsupported::Flag(named))) if named == flag),
                "{line}"
            );
        }
        assert!(settings("a --server-side").is_ok());
        assert!(matches!(
            settings("a --server-side=false"),
            Err(Failure::Unsupported(Unsupported::FlagValue("--server-side", _)))
        ));
    }

    #[test]
    fn secrets_can_be_hidden_in_a_dry_run_only() {
        assert!(settings("a --hide-secret --dry-run=client").is_ok());
        assert!(matches!(settings("a --hide-secret"), Err(Failure::Usage(Usage::HideSecretWithoutDryRun))));
    }

    #[test]
    fn labels_and_timeout_are_read() {
        let release = settings("a -l x=1,y=2 --labels x=3 --timeout 90s").unwrap().release;
        assert_eq!(
            release.labels.into_iter().collect::<Vec<_>>(),
            [("x".into(), "3".into()), ("y".into(), "2".into())]
        );
        assert_eq!(release.timeout.as_secs(), 90);
        assert!(settings("a --timeout 5").is_err());
        assert!(settings("a -l x").is_err());
    }
}
