//! `maibot template`: render a chart and print it; no cluster is asked unless `--dry-run=server` says so.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::action;
use crate::cluster;
use crate::code::Exit;
use crate::render::manifest::{self, split};
use crate::ui::{Failure, Level, Message, Printer, Reason, Usage};
use crate::values::Compat;

use super::args::{DryRun, DryRunArgs, path};
use super::install::{ReleaseArgs, ReleaseSettings};
use super::literal;
use super::release_text;
use super::runtime::Context;

/// Render a chart and print the manifests
#[derive(Debug, Clone, Args)]
pub(crate) struct TemplateArgs {
    /// Name of the release, release-name if left out; a folder, archive or address is taken for CHART
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Chart; without it the one that is built into maibot
    #[arg(value_name = "CHART")]
    chart: Option<String>,
    /// Only manifests of templates that match, such as templates/core/*.yaml; may be given several times
    #[arg(short = 's', long, value_name = "PATTERN")]
    show_only: Vec<String>,
    /// Write files into this folder instead of printing
    #[arg(long, value_name = "FOLDER")]
    output_dir: Option<String>,
    /// The old spelling of --dry-run=server
    #[arg(long, hide = true, conflicts_with = "dry_run")]
    validate: bool,
    /// Print CustomResourceDefinitions too
    #[arg(long)]
    include_crds: bool,
    /// Leave tests out
    #[arg(long)]
    skip_tests: bool,
    /// Render as for an upgrade
    #[arg(long)]
    is_upgrade: bool,
    /// Kubernetes version to render for
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// API versions to render for, besides the usual ones; several with commas
    #[arg(short = 'a', long, value_name = "VERSIONS")]
    api_versions: Vec<String>,
    /// With --output-dir, put the files into a folder of the release's name
    #[arg(long)]
    release_name: bool,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    shared: ReleaseArgs,
}

/// Settings of `template`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TemplateSettings {
    /// The release.
    pub(crate) release: ReleaseSettings,
    /// Patterns of the templates to show; all if there is none.
    pub(crate) show_only: Vec<String>,
    /// The folder to write into.
    pub(crate) output_dir: Option<PathBuf>,
    /// Whether a folder of the release's name is put between.
    pub(crate) release_name_folder: bool,
    /// Whether CRDs are shown.
    pub(crate) include_crds: bool,
    /// Whether tests are left out.
    pub(crate) skip_tests: bool,
    /// Whether it is rendered as for an upgrade.
    pub(crate) is_upgrade: bool,
    /// The Kubernetes version to render for.
    pub(crate) kube_version: Option<String>,
    /// Further API versions.
    pub(crate) api_versions: Vec<String>,
    /// Whether the cluster is asked.
    pub(crate) server: bool,
}

impl TemplateArgs {
    pub(crate) fn settings(&self, printer: &Printer) -> Result<TemplateSettings, Failure> {
        let (name, chart) = match (&self.name, &self.chart) {
            // Helm takes the only argument for the chart; without one we have a chart of our own, so that a name
            // can stand alone.
            (Some(only), None) if looks_like_chart(only) => (None, Some(only.as_str())),
            (name, chart) => (name.as_deref(), chart.as_deref()),
        };
        let (name, chart) = match self.shared.name_and_chart(name, chart)? {
            Some(named) => named,
            None => ("release-name".to_owned(), chart.map(str::to_owned)),
        };
        if self.validate {
            printer.say(Level::Warning, &Message::DeprecatedFlag { flag: "--validate", instead: "'--dry-run=server'" });
        }
        if self.shared.hides_notes() {
            printer.say(Level::Warning, &Message::FlagWithoutEffect { flag: "--hide-notes", command: "template" });
        }
        let mut api_versions = Vec::new();
        for given in &self.api_versions {
            let bad = |reason: Reason| Usage::BadValue {
                flag: "-a, --api-versions".to_owned(),
                value: given.clone(),
                reason,
            };
            api_versions.extend(literal::list(given).map_err(bad)?);
        }
        Ok(TemplateSettings {
            server: self.dry_run.mode(true, printer)? == DryRun::Server || self.validate,
            release: self.shared.settings(name, chart, printer)?,
            show_only: self.show_only.clone(),
            output_dir: path(self.output_dir.as_deref()),
            release_name_folder: self.release_name,
            include_crds: self.include_crds,
            skip_tests: self.skip_tests,
            is_upgrade: self.is_upgrade,
            kube_version: self.kube_version.clone(),
            api_versions,
        })
    }
}

/// Whether an argument is the place of a chart rather than a name: a path, an address, an archive, or a folder with a
/// chart in it.
fn looks_like_chart(text: &str) -> bool {
    text.contains('/')
        || text.starts_with('.')
        || Path::new(text).extension().is_some_and(|extension| extension == "tgz")
        || Path::new(text).join("Chart.yaml").is_file()
}

/// Renders.
pub(crate) async fn run(settings: TemplateSettings, context: &Context) -> Result<Exit, Failure> {
    if settings.output_dir.is_some() || settings.release_name_folder {
        return Err(Failure::flag("--output-dir"));
    }
    if settings.kube_version.is_some() {
        return Err(Failure::flag("--kube-version"));
    }
    // The embedded chart has no CRDs, no tests and asks for no API versions: those flags change nothing.
    let release = settings.release;
    let chart = release.chart.source()?;
    let values = release.values.collect()?;
    let namespace = cluster::default_namespace(&context.global.kube);
    if settings.server {
        let cluster = context.reading().await?;
        cluster.version().await.map_err(|error| context.verdict(action::Error::from(error), "template"))?;
    }
    let skip_schema = release.skip_schema_validation;
    let template = action::template(&chart, &values, &release.name, &namespace, settings.is_upgrade, skip_schema)
        .map_err(|error| context.verdict(error, "template"))?;
    for warning in &template.warnings {
        context.printer.say(Level::Warning, &Message::Values { text: warning.text(Compat::Helm4) });
    }
    let hooks = if release.no_hooks { String::new() } else { release_text::hooks(&template.release) };
    let manifest = format!("{}\n{hooks}", template.release.manifest.trim());
    let text = if settings.show_only.is_empty() { manifest } else { show_only(&settings.show_only, &manifest)? };
    context.printer.result(&text)?;
    Ok(Exit::Success)
}

/// Only the documents of templates that match, in the order of the patterns.
fn show_only(patterns: &[String], manifest: &str) -> Result<String, Failure> {
    let documents = split(manifest, manifest::Compat::Helm4);
    let mut shown: Vec<&str> = Vec::new();
    for pattern in patterns {
        let mut found = false;
        for document in &documents {
            let path = document.lines().next().and_then(|line| line.strip_prefix("# Source: ")).unwrap_or_default();
            // The part before the first slash is the chart's name.
            let path = path.split_once('/').map_or(path, |(_, path)| path);
            if glob(pattern, path) {
                found = true;
                if !shown.contains(document) {
                    shown.push(document);
                }
            }
        }
        if !found {
            return Err(Failure::Usage(Usage::NoTemplate { pattern: pattern.clone() }));
        }
    }
    Ok(shown.iter().fold(String::new(), |mut text, document| {
        for part in ["---\n", document, "\n"] {
            text.push_str(part);
        }
        text
    }))
}

/// Go's `path.Match`, as far as patterns of templates go: `*` and `?` stop at slashes.
fn glob(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.chars(), path.chars());
    loop {
        let (rest, here) = (pattern.as_str(), path.as_str());
        match pattern.next() {
            None => return here.is_empty(),
            Some('*') => {
                let rest = &rest[1..];
                let stop = here.find('/').unwrap_or(here.len());
                return (0..=stop).any(|end| here.is_char_boundary(end) && glob(rest, &here[end..]));
            }
            Some('?') if !here.is_empty() && !here.starts_with('/') => {
                path.next();
            }
            Some(wanted) if path.next() == Some(wanted) => {}
            Some(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{Failure, TemplateArgs, TemplateSettings};
    use crate::ui::{Language, Printer};

    #[derive(Debug, Parser)]
    struct Template {
        #[command(flatten)]
        template: TemplateArgs,
    }

    fn settings(line: &str) -> Result<TemplateSettings, Failure> {
        let words = std::iter::once("x").chain(line.split(' ').filter(|word| !word.is_empty()));
        let (printer, _) = Printer::captured(Language::English);
        Template::try_parse_from(words).unwrap().template.settings(&printer)
    }

    #[test]
    fn the_only_argument_is_a_name_unless_it_looks_like_a_chart() {
        let named = |line: &str| {
            let release = settings(line).unwrap().release;
            (release.name, release.chart.chart)
        };
        assert_eq!(named(""), ("release-name".to_owned(), None));
        assert_eq!(named("maimai"), ("maimai".to_owned(), None));
        assert_eq!(named("./chart"), ("release-name".to_owned(), Some("./chart".to_owned())));
        assert_eq!(named("maibot-0.12.2.tgz"), ("release-name".to_owned(), Some("maibot-0.12.2.tgz".to_owned())));
        assert_eq!(named("a b"), ("a".to_owned(), Some("b".to_owned())));
    }

    #[test]
    fn validate_means_a_dry_run_on_the_server() {
        assert!(settings("a --validate").unwrap().server);
        assert!(settings("a --dry-run=server").unwrap().server);
        assert!(!settings("a").unwrap().server);
        assert!(settings("a --dry-run=none").is_err());
    }

    #[test]
    fn api_versions_are_a_comma_list() {
        assert_eq!(settings("a -a x/v1,y/v1 --api-versions z").unwrap().api_versions, ["x/v1", "y/v1", "z"]);
    }
}
