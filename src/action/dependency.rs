//! `dependency`: the charts that a chart in a folder needs, brought into its `charts/`.
//!
//! Rules and texts: Helm's `pkg/downloader/manager.go` and `internal/resolver`. Unlike there every chart is had before the
//! first file is written, files appear whole or not at all, and a repository is asked directly: there is no list of
//! repositories to keep up to date.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{Cancel, Error, pull};
use crate::chart::save::{self, SaveError, Times};
use crate::chart::{self, Chart, ChartError, Dependency, Links, Lock};
use crate::code::Code;
use crate::path_match;
use crate::registry::{ChartRequest, Provenance, Registry, is_oci};
use crate::release::Timestamp;
use crate::values::Compat;
use crate::version::{Constraint, Version};
use crate::yaml::number::quote;
use crate::yaml::{self, Value, json};

/// Why dependencies cannot be had. The texts are Helm's where Helm has one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DependencyError {
    /// There is no such folder.
    #[error("could not find {}: stat {}: {problem}", path.display(), path.display())]
    Absent {
        /// As typed.
        path: PathBuf,
        /// The system's words.
        problem: String,
    },
    /// An archive cannot be changed.
    #[error("only unpacked charts can be updated")]
    Packed,
    /// The chart, or one that it needs, is broken.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// A chart that should lie in `charts/` cannot be loaded.
    #[error("unable to load chart '{}': {error}", path.display())]
    Inside {
        /// Its folder.
        path: PathBuf,
        /// What is wrong with it.
        error: ChartError,
    },
    /// A folder that is named as a repository is not there.
    #[error("directory {} not found", .0.display())]
    NoFolder(PathBuf),
    /// The constraint on a version is none.
    #[error("dependency {} has an invalid version/constraint format: {problem}", quote(name))]
    Constraint {
        /// The dependency.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// What is there is of other versions.
    #[error(
        "can't get a valid version for {} subchart(s): {}. Make sure a matching chart version exists in the repo, or change the version constraint in Chart.yaml",
        .0.len(),
        .0.join(", ")
    )]
    NoVersion(Vec<String>),
    /// A chart in `charts/` is of another version.
    #[error("dependency {name} at version {version} does not satisfy the constraint {constraint}")]
    Unsatisfied {
        /// The dependency.
        name: String,
        /// What is there.
        version: String,
        /// What is wanted.
        constraint: String,
    },
    /// The lock is of other dependencies.
    #[error(
        "the lock file ({lock}) is out of sync with the dependencies file ({file}). Please update the dependencies{}",
        if *.names_command { " with 'helm dependency update'" } else { "" }
    )]
    OutOfSync {
        /// `Chart.lock` or `requirements.lock`.
        lock: &'static str,
        /// `Chart.yaml` or `requirements.yaml`.
        file: &'static str,
        /// Whether Helm names the command here.
        names_command: bool,
    },
    /// A repository is named by a word.
    #[error("no repository definition for {}. Please add them via 'helm repo add'{}", .0.join(", "), hint(.0))]
    NoRepository(Vec<String>),
    /// A login was typed, and there are several hosts that it could be for.
    #[error(
        "the user and password of the command line are for one host, and the dependencies come from {}",
        .0.join(", ")
    )]
    LoginForSeveralHosts(Vec<String>),
    /// The lock leads somewhere else.
    #[error("the {file} file is a symlink to {}", quote(target))]
    LockLink {
        /// `Chart.lock` or `requirements.lock`.
        file: &'static str,
        /// Where it leads.
        target: String,
    },
    /// `charts` is a file.
    #[error("{} is not a directory", quote(&.0.display().to_string()))]
    NotAFolder(PathBuf),
    /// The system refuses.
    #[error("{action} {}: {problem}", path.display())]
    Io {
        /// Go's word for what was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's words.
        problem: String,
    },
    /// A chart cannot be put into an archive.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// The lock cannot be written as YAML.
    #[error(transparent)]
    Yaml(#[from] yaml::Error),
}

fn hint(repositories: &[String]) -> &'static str {
    let is_word = |it: &String| !it.contains("//") && !it.starts_with('@') && !it.starts_with("alias:");
    if repositories.iter().any(is_word) {
        "\nNote that repositories must be URLs or aliases. For example, to refer to the \"example\"\n\
         repository, use \"https://charts.example.com/\" or \"@example\" instead of\n\
         \"example\". Don't forget to add the repo, too ('helm repo add')."
    } else {
        ""
    }
}

impl DependencyError {
    /// The message code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Absent { .. } | Self::NoFolder(_) | Self::NotAFolder(_) | Self::LockLink { .. } | Self::Io { .. } => {
                Code::LocalFile
            }
            Self::LoginForSeveralHosts(_) => Code::Usage,
            _ => Code::Chart,
        }
    }
}

/// Which chart, and how what it needs is had.
#[derive(Debug, Clone)]
pub struct DependencySettings {
    /// The chart's folder, as typed.
    pub chart: PathBuf,
    /// Whose rules hold.
    pub compat: Compat,
    /// Which links in folders are followed.
    pub links: Links,
    /// The public keys that signatures are checked with, if they are.
    pub keyring: Option<PathBuf>,
    /// Whether a chart without a signature is refused when signatures are checked.
    pub requires_signature: bool,
    /// Whether Helm's lines about refreshed lists of repositories are left out.
    pub skip_refresh: bool,
}

/// A dependency in `list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Name, version or constraint, repository as `Chart.yaml` has them.
    pub dependency: (String, String, String),
    /// `ok`, `unpacked`, `missing`, `wrong version`, …
    pub status: &'static str,
}

/// What `list` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The dependencies; `None` if the chart declares none.
    pub dependencies: Option<Vec<Listed>>,
    /// Charts in `charts/` that nobody declared, and what is no chart: Helm's lines.
    pub warnings: Vec<String>,
}

/// Looks which dependencies of a chart are there.
///
/// # Errors
/// If the chart cannot be loaded.
pub fn list(path: &Path, compat: Compat, links: Links) -> Result<Listing, DependencyError> {
    let chart = chart::load_any_format(path, compat, links)?;
    let Some(declared) = &chart.metadata.dependencies else {
        return Ok(Listing { dependencies: None, warnings: Vec::new() });
    };
    let folder = path.join("charts");
    let files = names(&folder);
    let listed = declared.iter().map(|dependency| Listed {
        dependency: (dependency.name.clone(), dependency.version.clone(), dependency.repository.clone()),
        status: status(dependency, &chart, &folder, &files, compat, links),
    });
    let dependencies = listed.collect();
    let mut warnings = Vec::new();
    for name in &files {
        let file = folder.join(name);
        if !file.is_dir() && chart::extension(name) != ".tgz" {
            continue;
        }
        let shown = quote(&file.display().to_string());
        match chart::load_any_format(&file, compat, links) {
            Err(_) => warnings.push(format!("WARNING: {shown} is not a chart.")),
            Ok(found) if declared.iter().all(|dependency| dependency.name != found.metadata.name) => {
                warnings.push(format!("WARNING: {shown} is not in Chart.yaml."));
            }
            Ok(_) => {}
        }
    }
    Ok(Listing { dependencies: Some(dependencies), warnings })
}

/// The names in a folder, in order; none if it cannot be read.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

fn status(
    dependency: &Dependency,
    chart: &Chart,
    folder: &Path,
    files: &[String],
    compat: Compat,
    links: Links,
) -> &'static str {
    let pattern = format!("{}-*.tgz", dependency.name);
    if !path_match::is_valid(&pattern) {
        return "bad pattern";
    }
    let mut archives: Vec<&String> = files.iter().filter(|name| path_match::matches(&pattern, name)).collect();
    if archives.len() > 1 {
        let is_version = |name: &&String| {
            let version =
                name.strip_suffix(".tgz").and_then(|name| name.strip_prefix(&format!("{}-", dependency.name)));
            version.is_some_and(|version| Version::parse_strict(version).is_ok())
        };
        archives.retain(is_version);
        if archives.len() > 1 {
            return "too many matches";
        }
    }
    if let [archive] = archives[..] {
        return match chart::load_any_format(&folder.join(archive), compat, links) {
            Err(_) => "corrupt",
            Ok(found) if found.metadata.name != dependency.name => "misnamed",
            Ok(found) => fits(dependency, &found).unwrap_or("ok"),
        };
    }
    match chart.dependencies.iter().rfind(|inner| inner.metadata.name == dependency.name) {
        None => "missing",
        Some(inner) => fits(dependency, inner).unwrap_or("unpacked"),
    }
}

/// What is wrong with the version of a chart that is there.
fn fits(dependency: &Dependency, found: &Chart) -> Option<&'static str> {
    if found.metadata.version == dependency.version {
        return None;
    }
    match (Constraint::parse(&dependency.version), Version::parse(&found.metadata.version)) {
        (Ok(constraint), Ok(version)) => (!constraint.check(&version)).then_some("wrong version"),
        _ => Some("invalid version"),
    }
}

/// A chart that is going to lie in `charts/`.
struct Had {
    file_name: String,
    archive: Bytes,
}

/// The work on one chart.
struct Manager<'a> {
    settings: &'a DependencySettings,
    registry: &'a Registry,
    cancel: &'a Cancel,
    /// Takes Helm's lines, as soon as they are true.
    say: &'a mut dyn FnMut(String),
}

/// Chooses versions by `Chart.yaml`, brings the charts into `charts/`, removes outdated ones and writes the lock.
///
/// # Errors
/// If a chart cannot be had or written; nothing was written unless writing itself failed.
pub async fn update(
    settings: &DependencySettings,
    registry: &Registry,
    cancel: &Cancel,
    say: &mut dyn FnMut(String),
) -> Result<(), Error> {
    let chart = load(settings)?;
    Manager { settings, registry, cancel, say }.update(&chart).await
}

/// Brings the charts of the lock into `charts/`; without a lock the same as [`update`].
///
/// # Errors
/// As [`update`], and if the lock is of other dependencies.
pub async fn build(
    settings: &DependencySettings,
    registry: &Registry,
    cancel: &Cancel,
    say: &mut dyn FnMut(String),
) -> Result<(), Error> {
    let chart = load(settings)?;
    let mut manager = Manager { settings, registry, cancel, say };
    let Some(lock) = &chart.lock else { return manager.update(&chart).await };
    let wanted = chart.metadata.dependencies();
    manager.check_repositories(wanted)?;
    if digest(wanted, &lock.dependencies) != lock.digest {
        let is_v1 = chart.metadata.api_version == "v1";
        if !is_v1 || old_digest(wanted) != lock.digest {
            let (lock, file) =
                if is_v1 { ("requirements.lock", "requirements.yaml") } else { ("Chart.lock", "Chart.yaml") };
            let names_command = !is_v1 && settings.compat == Compat::Helm4;
            return Err(DependencyError::OutOfSync { lock, file, names_command }.into());
        }
    }
    let mut locked = lock.dependencies.clone();
    manager.bring(&mut locked).await
}

fn load(settings: &DependencySettings) -> Result<Chart, DependencyError> {
    let path = &settings.chart;
    match std::fs::metadata(path) {
        Err(error) => Err(DependencyError::Absent { path: path.clone(), problem: chart::go_text(&error) }),
        Ok(metadata) if !metadata.is_dir() => Err(DependencyError::Packed),
        Ok(_) => Ok(chart::load_any_format(path, settings.compat, settings.links)?),
    }
}

/// The folder that a repository `file://…` means.
fn local_folder(repository: &str, chart: &Path) -> Result<PathBuf, DependencyError> {
    let path = repository.strip_prefix("file://").unwrap_or(repository);
    let joined = if path.starts_with('/') { PathBuf::from(path) } else { chart.join(path) };
    let clean = clean(&joined);
    match std::fs::metadata(&clean) {
        Ok(_) => Ok(clean),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(DependencyError::NoFolder(clean)),
        Err(error) => Err(refused("stat", &clean, &error)),
    }
}

/// Go's `filepath.Clean`.
fn clean(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(clean.components().next_back(), Some(Component::Normal(_))) => {
                clean.pop();
            }
            Component::ParentDir if clean.has_root() => {}
            part => clean.push(part),
        }
    }
    if clean.as_os_str().is_empty() { PathBuf::from(".") } else { clean }
}

fn refused(action: &'static str, path: &Path, error: &std::io::Error) -> DependencyError {
    DependencyError::Io { action, path: path.to_owned(), problem: chart::go_text(error) }
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold("sha256:".to_owned(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The digest of a lock: of what was wanted and what was chosen, as Go writes them in JSON.
fn digest(wanted: &[Dependency], locked: &[Dependency]) -> String {
    sha256(&json::escape_html(&serde_json::to_string(&[wanted, locked]).unwrap_or_default()))
}

/// The digest of Helm 2, of what was wanted alone.
fn old_digest(wanted: &[Dependency]) -> String {
    sha256(&json::escape_html(&serde_json::json!({ "dependencies": wanted }).to_string()))
}

/// Host and port of a repository that is asked over the network.
fn host(repository: &str) -> Option<&str> {
    let (scheme, rest) = repository.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    (scheme != "file").then(|| authority.rsplit_once('@').map_or(authority, |(_, host)| host))
}

fn constraint(dependency: &Dependency) -> Result<Constraint, DependencyError> {
    Constraint::parse(&dependency.version)
        .map_err(|error| DependencyError::Constraint { name: dependency.name.clone(), problem: error.to_string() })
}

fn locked(dependency: &Dependency, version: &str) -> Dependency {
    Dependency {
        name: dependency.name.clone(),
        repository: dependency.repository.clone(),
        version: version.to_owned(),
        ..Dependency::default()
    }
}

impl Manager<'_> {
    async fn update(&mut self, chart: &Chart) -> Result<(), Error> {
        let Some(wanted) = &chart.metadata.dependencies else { return Ok(()) };
        self.check_repositories(wanted)?;
        let mut lock = Vec::new();
        let mut missing = Vec::new();
        for dependency in wanted {
            let constraint = constraint(dependency)?;
            let repository = &dependency.repository;
            if repository.is_empty() {
                local_folder(&format!("charts/{}", dependency.name), &self.settings.chart)?;
            } else if repository.starts_with("file://") {
                let folder = local_folder(repository, &self.settings.chart)?;
                let found = self.load(&folder)?.metadata.version;
                if Version::parse(&found).is_ok_and(|version| constraint.check(&version)) {
                    lock.push(locked(dependency, &found));
                } else {
                    let (name, version) = (quote(&dependency.name), quote(&dependency.version));
                    missing.push(format!("{name} (repository {}, version {version})", quote(repository)));
                }
                continue;
            }
            lock.push(locked(dependency, &dependency.version));
        }
        if !missing.is_empty() {
            return Err(DependencyError::NoVersion(missing).into());
        }
        self.bring(&mut lock).await?;
        let digest = digest(wanted, &lock);
        if chart.lock.as_ref().is_some_and(|old| old.digest == digest) {
            return Ok(());
        }
        let generated = Timestamp::of(&jiff::Zoned::now()).rfc3339();
        let name = if chart.metadata.api_version == "v1" { "requirements.lock" } else { "Chart.lock" };
        Ok(self.write_lock(name, &Lock { generated, digest, dependencies: lock })?)
    }

    fn load(&self, folder: &Path) -> Result<Chart, DependencyError> {
        Ok(chart::load_any_format(folder, self.settings.compat, self.settings.links)?)
    }

    /// Repositories are addresses here; a name of one means nothing. Helm sends a typed login to every registry; here it
    /// must be clear whom it is for.
    fn check_repositories(&self, dependencies: &[Dependency]) -> Result<(), DependencyError> {
        let hosts: BTreeSet<&str> = dependencies.iter().filter_map(|it| host(&it.repository)).collect();
        if self.registry.has_login() && hosts.len() > 1 {
            return Err(DependencyError::LoginForSeveralHosts(hosts.into_iter().map(str::to_owned).collect()));
        }
        let mut unknown = Vec::new();
        for Dependency { repository, .. } in dependencies {
            if repository.starts_with("file://") {
                local_folder(repository, &self.settings.chart)?;
            } else if !repository.is_empty() && !repository.contains("://") {
                unknown.push(repository.clone());
            }
        }
        if unknown.is_empty() { Ok(()) } else { Err(DependencyError::NoRepository(unknown)) }
    }

    /// Brings charts into `charts/`; afterwards `dependencies` have the versions that were had.
    async fn bring(&mut self, dependencies: &mut [Dependency]) -> Result<(), Error> {
        let folder = self.settings.chart.join("charts");
        match std::fs::metadata(&folder) {
            Ok(metadata) if !metadata.is_dir() => return Err(DependencyError::NotAFolder(folder).into()),
            _ => {}
        }
        let mut lines = vec![format!("Saving {} charts", dependencies.len())];
        let mut had: Vec<Had> = Vec::new();
        let mut fetched = BTreeSet::new();
        let mut asked = BTreeSet::new();
        for dependency in dependencies.iter_mut() {
            let (name, repository) = (dependency.name.clone(), dependency.repository.clone());
            if repository.is_empty() {
                lines.push(format!(
                    "Dependency {name} did not declare a repository. Assuming it exists in the charts directory"
                ));
                self.check_inside(&folder.join(&name), dependency)?;
            } else if repository.starts_with("file://") {
                let chart = self.load(&local_folder(&repository, &self.settings.chart)?)?;
                let fits = Version::parse(&chart.metadata.version)
                    .is_ok_and(|version| constraint(dependency).is_ok_and(|constraint| constraint.check(&version)));
                if !fits {
                    let text = format!("can't get a valid version for dependency {name}");
                    return Err(DependencyError::Chart(ChartError::Damaged(text)).into());
                }
                let times = Times { now: jiff::Timestamp::now(), latest: None };
                let archive = save::to_archive(&chart, self.settings.compat, times).map_err(DependencyError::from)?;
                dependency.version.clone_from(&chart.metadata.version);
                had.push(Had { file_name: save::file_name(&chart), archive: archive.into() });
            } else {
                if !fetched.insert((name.clone(), repository.clone(), dependency.version.clone())) {
                    lines.push(format!("Already downloaded {name} from repo {repository}"));
                    continue;
                }
                lines.push(format!("Downloading {name} from repo {repository}"));
                if !is_oci(&repository) {
                    asked.insert(repository);
                }
                match self.fetch(dependency).await {
                    Ok(chart) => had.push(chart),
                    Err(Error::Registry(error)) if is_oci(&dependency.repository) => {
                        let reference = format!("{}/{name}", dependency.repository.trim_end_matches('/'));
                        let error = Error::Download { reference, error };
                        lines.push(format!("Save error occurred:  {error}"));
                        for line in lines {
                            (self.say)(line);
                        }
                        return Err(error);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        if !asked.is_empty() && !self.settings.skip_refresh {
            (self.say)("Getting updates for unmanaged Helm repositories...".to_owned());
            for repository in asked {
                let repository = quote(&repository);
                (self.say)(format!("...Successfully got an update from the {repository} chart repository"));
            }
        }
        for line in lines {
            (self.say)(line);
        }
        let names: BTreeSet<&str> =
            dependencies.iter().filter(|it| it.repository.is_empty()).map(|it| it.name.as_str()).collect();
        Ok(self.put(&folder, &had, &names)?)
    }

    /// Whether a chart that lies in `charts/` is of the version that is wanted.
    fn check_inside(&self, folder: &Path, dependency: &Dependency) -> Result<(), DependencyError> {
        let found = chart::load_any_format(folder, self.settings.compat, self.settings.links)
            .map_err(|error| DependencyError::Inside { path: folder.to_owned(), error })?;
        let version = found.metadata.version;
        if Version::parse(&version).is_ok_and(|parsed| constraint(dependency).is_ok_and(|it| it.check(&parsed))) {
            return Ok(());
        }
        let (name, constraint) = (dependency.name.clone(), dependency.version.clone());
        Err(DependencyError::Unsatisfied { name, version, constraint })
    }

    /// Fetches a chart; the dependency gets its version.
    async fn fetch(&self, dependency: &mut Dependency) -> Result<Had, Error> {
        let repository = dependency.repository.trim_end_matches('/');
        let (chart, repo) = if is_oci(repository) {
            (format!("{repository}/{}", dependency.name), None)
        } else {
            (dependency.name.clone(), Some(repository.to_owned()))
        };
        let provenance = match (&self.settings.keyring, self.settings.requires_signature) {
            (None, _) => Provenance::No,
            (Some(_), true) => Provenance::Required,
            (Some(_), false) => Provenance::IfThere,
        };
        let version = Some(dependency.version.clone()).filter(|version| !version.is_empty());
        let request = ChartRequest { chart, repo, version, provenance };
        let fetched = pull::fetch(self.registry, &request, self.cancel).await?;
        if fetched.provenance.is_some() || provenance == Provenance::Required {
            pull::check(&fetched, self.settings.keyring.as_deref())?;
        }
        let chart = chart::archive::from_archive(&fetched.archive, self.settings.compat)?;
        if chart.metadata.name != dependency.name {
            let (found, wanted) = (quote(&chart.metadata.name), quote(&dependency.name));
            return Err(Error::from(ChartError::Invalid(format!("the chart fetched for {wanted} is named {found}"))));
        }
        dependency.version = chart.metadata.version;
        Ok(Had { file_name: fetched.file_name, archive: fetched.archive })
    }

    /// Writes archives and removes those that are outdated.
    fn put(&mut self, folder: &Path, had: &[Had], inside: &BTreeSet<&str>) -> Result<(), DependencyError> {
        std::fs::create_dir_all(folder).map_err(|error| refused("mkdir", folder, &error))?;
        let before = names(folder);
        for Had { file_name, archive } in had {
            write(folder, file_name, archive)?;
        }
        (self.say)("Deleting outdated charts".to_owned());
        for name in before {
            let file = folder.join(&name);
            if file.is_dir() || had.iter().any(|had| had.file_name == name) {
                continue;
            }
            match chart::load_any_format(&file, Compat::Helm3, self.settings.links) {
                Err(error) => {
                    let shown = file.display();
                    (self.say)(format!("Could not verify {shown} for deletion: {error} (Skipping)"));
                }
                Ok(found) if inside.contains(found.metadata.name.as_str()) => {}
                Ok(_) => std::fs::remove_file(&file).map_err(|error| refused("remove", &file, &error))?,
            }
        }
        Ok(())
    }

    fn write_lock(&self, name: &'static str, lock: &Lock) -> Result<(), DependencyError> {
        let folder = &self.settings.chart;
        let path = folder.join(name);
        if path.is_symlink() {
            let target = std::fs::read_link(&path).map_err(|error| refused("readlink", &path, &error))?;
            return Err(DependencyError::LockLink { file: name, target: target.display().to_string() });
        }
        let text = yaml::to_yaml(&Value::Mapping(lock.to_mapping()))?;
        write(folder, name, text.as_bytes())
    }
}

/// Writes a file so that it is there as a whole or not at all.
fn write(folder: &Path, name: &str, content: &[u8]) -> Result<(), DependencyError> {
    let path = folder.join(name);
    let failed = |error: &std::io::Error| refused("open", &path, error);
    let mut file = tempfile::Builder::new().prefix(".").tempfile_in(folder).map_err(|error| failed(&error))?;
    file.write_all(content).map_err(|error| failed(&error))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let readable = std::fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(readable).map_err(|error| failed(&error))?;
    }
    file.persist(&path).map_err(|error| failed(&error.error))?;
    Ok(())
}
