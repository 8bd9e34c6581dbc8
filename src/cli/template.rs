//! `maibot template`: render a chart and print it; no cluster is asked.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::action::{self, RenderOptions, TemplateFailure};
use crate::cluster;
use crate::code::Exit;
use crate::path_match;
use crate::render::helm::KubeVersion;
use crate::render::manifest::{Compat, Hook, split};
use crate::ui::{Failure, Level, Message, Printer, Reason, Unsupported, Usage};

use super::args::{DryRun, DryRunArgs, path};
use super::dependency;
use super::install::{ReleaseArgs, ReleaseSettings};
use super::literal;
use super::runtime::{self, Context};

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
    pub(crate) kube_version: Option<KubeVersion>,
    /// Further API versions.
    pub(crate) api_versions: Vec<String>,
    /// Whether the cluster is asked.
    pub(crate) server: bool,
}

impl TemplateArgs {
    pub(crate) fn settings(&self, printer: &Printer) -> Result<TemplateSettings, Failure> {
        let kube_version = self.kube_version.as_deref().filter(|version| !version.is_empty()).map(|version| {
            KubeVersion::parse(version).map_err(|error| {
                let error = action::Error::BadKubeVersion { version: version.to_owned(), reason: error.to_string() };
                Failure::room(error.code(), &error)
            })
        });
        let kube_version = kube_version.transpose()?;
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
            kube_version,
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

/// Renders, and prints or writes the manifests.
pub(crate) fn run(settings: TemplateSettings, context: &Context) -> Result<Exit, Failure> {
    if settings.server {
        return Err(Unsupported::FlagValue("--dry-run", "server".to_owned()).into());
    }
    let release = settings.release;
    let compat = context.compat();
    if settings.output_dir.is_some() && release.options.has_post_renderer() {
        return Err(Failure::flag("--post-renderer"));
    }
    let chart = release.chart.source_now(context, "template")?;
    if release.dependency_update {
        runtime::wait_for(dependency::bring_missing(&chart, &release.chart.access, context))??;
    }
    let values = release.values.collect(&chart, context)?;
    let rendering = action::TemplateSettings {
        chart,
        values,
        release: release.name.clone(),
        namespace: cluster::default_namespace(&context.global.kube),
        is_upgrade: settings.is_upgrade,
        options: RenderOptions {
            include_crds: settings.include_crds,
            kube_version: settings.kube_version,
            api_versions: settings.api_versions,
            ..release.options.options(context)
        },
    };
    let template = match action::template(&rendering, &mut |notice| context.notice(notice)) {
        Ok(template) => template,
        Err(TemplateFailure { error, partial }) => {
            let mut failure = context.verdict(*error, "template");
            match partial {
                Some(partial) if context.global.debug => context.printer.result(&(partial.trim().to_owned() + "\n"))?,
                Some(_) => failure.add_helm("\n\nUse --debug flag to render out invalid YAML"),
                None => {}
            }
            return Err(failure);
        }
    };
    let sorted = &template.rendered.sorted;
    let hooks: Vec<&Hook> = sorted
        .hooks
        .iter()
        .filter(|hook| !(release.no_hooks || settings.skip_tests && hook.events.contains(&"test")))
        .collect();
    if let Some(folder) = &settings.output_dir {
        let crds = template.crds.iter().map(|(path, text)| (folder.join(path), path.as_str(), text.as_str()));
        let named = if settings.release_name_folder { folder.join(&release.name) } else { folder.clone() };
        let documents = sorted.documents.iter().chain(hooks.iter().map(|hook| &hook.document));
        let documents = documents.map(|it| (named.join(&it.path), it.path.as_str(), it.content.as_str()));
        // Helm ends with the manifest, of which nothing is left.
        context.printer.result(&(write(crds.chain(documents))? + "\n"))?;
        return Ok(Exit::Success);
    }
    let mut text = template.release.manifest.trim().to_owned() + "\n";
    for hook in hooks {
        hook.document.append(&mut text);
    }
    if !settings.show_only.is_empty() {
        text = show_only(&settings.show_only, &text, compat)?;
    }
    context.printer.result(&text)?;
    Ok(Exit::Success)
}

/// Writes texts into files named after their templates, several of one template into one file; returns what Helm
/// prints.
fn write<'a>(texts: impl Iterator<Item = (PathBuf, &'a str, &'a str)>) -> Result<String, Failure> {
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    let mut out = String::new();
    for (path, source, text) in texts {
        for part in ["wrote ", &path.display().to_string(), "\n"] {
            out.push_str(part);
        }
        let text = format!("---\n# Source: {source}\n{text}\n");
        if let Some((_, known)) = files.iter_mut().find(|(known, _)| *known == path) {
            known.push_str(&text);
        } else {
            files.push((path, text));
        }
    }
    for (path, text) in files {
        let parent = path.parent().unwrap_or(&path);
        std::fs::create_dir_all(parent).map_err(|error| Failure::writing(parent, error))?;
        std::fs::write(&path, text).map_err(|error| Failure::writing(&path, error))?;
    }
    Ok(out)
}

/// Only the documents of templates that match, in the order of the patterns.
fn show_only(patterns: &[String], manifest: &str, compat: Compat) -> Result<String, Failure> {
    let documents = split(manifest, compat);
    let mut text = String::new();
    for pattern in patterns {
        let mut found = false;
        for document in &documents {
            let path = document.lines().find_map(|line| line.strip_prefix("# Source: "));
            // The part before the first slash is the chart's name.
            let Some((_, path)) = path.and_then(|path| path.split_once('/')) else { continue };
            if path_match::matches(pattern, path) {
                found = true;
                for part in ["---\n", document, "\n"] {
                    text.push_str(part);
                }
            }
        }
        if !found {
            return Err(Failure::Usage(Usage::NoTemplate { pattern: pattern.clone() }));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{Compat, Failure, TemplateArgs, TemplateSettings};
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

    #[test]
    fn patterns_choose_templates_in_their_order() {
        let manifest = "---\n# Source: c/templates/a/x.yaml\nkind: A\n---\n# Source: c/templates/b/x.yaml\nkind: B\n";
        let shown = |patterns: &[&str]| {
            let patterns: Vec<_> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            super::show_only(&patterns, manifest, Compat::Helm4)
        };
        let text = shown(&["templates/b/*", "templates/a/x.yaml"]).unwrap();
        assert!(text.find("kind: B") < text.find("kind: A"), "{text}");
        let missing = shown(&["templates/c.yaml"]).unwrap_err().helm(crate::ui::Helm::Four);
        assert_eq!(missing, "could not find template templates/c.yaml in chart");
    }
}
