//! `maibot template`: render a chart and print it. A cluster is asked only with `--dry-run=server`.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::action::{self, Access, ChartSource, RenderOptions, Server, Template, TemplateFailure};
use crate::cluster;
use crate::code::Exit;
use crate::path_match;
use crate::render::helm::KubeVersion;
use crate::render::manifest::{Compat, Hook, split};
use crate::ui::{Failure, Helm, Level, Message, Printer, Reason, Usage};

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
    #[arg(long, hide = true)]
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
    /// What the cluster is asked; nothing if none is.
    pub(crate) server: Option<Server>,
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
        // A render is the same every time: Helm makes no name here even when it is told to.
        let fixed_name = || "release-name".to_owned();
        let (name, chart) = match self.shared.name_and_chart(name, chart, |_| fixed_name())? {
            Some(named) => named,
            None => (fixed_name(), chart.map(str::to_owned)),
        };
        if self.validate {
            printer.say(Level::Warning, &Message::DeprecatedFlag { flag: "--validate", instead: "'--dry-run=server'" });
        }
        for (given, flag) in [
            (self.shared.hides_notes(), "--hide-notes"),
            (self.shared.renders_subchart_notes(), "--render-subchart-notes"),
        ] {
            if given {
                printer.say(Level::Warning, &Message::FlagWithoutEffect { flag, command: "template" });
            }
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
        // Helm 3 takes both, and does what each of them says.
        if self.validate && self.dry_run.is_given() && printer.helm() != Some(Helm::Three) {
            return Err(Usage::Conflict { flag: "--validate".to_owned(), other: "--dry-run".to_owned() }.into());
        }
        let server = self.server(self.dry_run.mode(true, printer)? == DryRun::Server, printer);
        if server.is_some_and(|server| server.access.capabilities) && printer.helm().is_none() {
            for (given, flag) in
                [(kube_version.is_some(), "--kube-version"), (!api_versions.is_empty(), "--api-versions")]
            {
                if given {
                    printer.say(
                        Level::Warning,
                        &Message::FlagWithoutEffect { flag, command: "template --dry-run=server" },
                    );
                }
            }
        }
        Ok(TemplateSettings {
            server,
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

    /// What the cluster is asked. Helm 3 keeps apart what Helm 4 has made one: `--validate` checks objects and lets
    /// templates look nothing up, `--dry-run=server` the other way round.
    fn server(&self, dry_run: bool, printer: &Printer) -> Option<Server> {
        let helm = printer.helm();
        let (lookup, validate) = match helm {
            Some(Helm::Three) => (dry_run, self.validate),
            Some(Helm::Four) | None => (dry_run || self.validate, dry_run || self.validate),
        };
        (lookup || validate).then_some(Server {
            access: Access { lookup, capabilities: validate, reach: validate },
            validate,
            // Helm does not look at fields where the API server can do it when something is written.
            check_objects: validate && helm.is_none() && !self.shared.leaves_objects_unchecked(),
            take_ownership: self.shared.takes_ownership(),
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

/// Renders without a cluster, and prints or writes the manifests.
pub(crate) fn run(settings: &TemplateSettings, context: &Context) -> Result<Exit, Failure> {
    let release = &settings.release;
    settings.check()?;
    let chart = release.chart.source_now(context, "template")?;
    if release.dependency_update {
        runtime::wait_for(dependency::bring_missing(&chart, &release.chart.access, context))??;
    }
    let rendering = settings.rendering(chart, context)?;
    let result = action::template(&rendering, &mut |notice| context.notice(notice));
    finish(settings, result, context)
}

/// Renders beside the cluster, and prints or writes the manifests.
pub(crate) async fn run_on_server(
    settings: &TemplateSettings,
    server: Server,
    context: &Context,
) -> Result<Exit, Failure> {
    let release = &settings.release;
    settings.check()?;
    let chart = release.chart.source(context, "template").await?;
    if release.dependency_update {
        dependency::bring_missing(&chart, &release.chart.access, context).await?;
    }
    let rendering = settings.rendering(chart, context)?;
    let cluster = context.cluster("template").await?;
    let mut tell = |notice| context.notice(notice);
    let result = action::template_on_server(&cluster, &rendering, server, &context.cancel, &mut tell).await;
    finish(settings, result, context)
}

impl TemplateSettings {
    fn check(&self) -> Result<(), Failure> {
        if self.output_dir.is_some() && self.release.options.has_post_renderer() {
            return Err(Failure::flag("--post-renderer"));
        }
        Ok(())
    }

    /// What the action renders.
    fn rendering(&self, chart: ChartSource, context: &Context) -> Result<action::TemplateSettings, Failure> {
        let release = &self.release;
        let values = release.values.clone().collect(&chart, context)?;
        Ok(action::TemplateSettings {
            chart,
            values,
            release: release.name.clone(),
            namespace: cluster::default_namespace(&context.global.kube),
            is_upgrade: self.is_upgrade,
            options: RenderOptions {
                include_crds: self.include_crds,
                kube_version: self.kube_version.clone(),
                api_versions: self.api_versions.clone(),
                skip_crds: release.skip_crds,
                ..release.options.clone().options(context)
            },
        })
    }
}

/// Prints or writes what was rendered.
fn finish(
    settings: &TemplateSettings,
    result: Result<Template, TemplateFailure>,
    context: &Context,
) -> Result<Exit, Failure> {
    let (release, compat) = (&settings.release, context.compat());
    let template = match result {
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
        let written = write(crds.chain(documents))?;
        // Helm ends with the manifest, of which nothing is left to print or to be chosen from.
        if let Some(pattern) = settings.show_only.first() {
            context.printer.result(&written)?;
            return Err(Failure::Usage(Usage::NoTemplate { pattern: pattern.clone() }));
        }
        context.printer.result(&(written + "\n"))?;
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
        let server = settings("a --dry-run=server").unwrap().server.unwrap();
        assert!(server.validate && server.check_objects && server.access.lookup);
        assert_eq!(settings("a --validate").unwrap().server, Some(server));
        assert!(settings("a --validate --dry-run=server").is_err());
        assert_eq!(settings("a").unwrap().server, None);
        assert!(!settings("a --validate --disable-openapi-validation").unwrap().server.unwrap().check_objects);
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
