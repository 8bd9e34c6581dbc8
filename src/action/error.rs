//! What can end a verb badly, and the state things are in then. `ui` turns both into words for the user.

use std::path::PathBuf;

use super::ownership::{Foreign, LookProblem};
use super::{ObjectRef, Phase, build};
use crate::code::Code;
use crate::release::{RecordError, Status, StoreError};
use crate::yaml::number::quote;
use crate::{application, chart, cluster, registry, render, values};

/// Why a verb did not succeed. The texts are Helm's where Helm has one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The records of releases.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record that cannot be made.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The chart.
    #[error(transparent)]
    Chart(#[from] chart::ChartError),
    /// There is nothing at a path that should have a chart.
    #[error("path {} not found", crate::yaml::number::quote(path))]
    NoChartPath {
        /// The path as typed.
        path: String,
    },
    /// A name that is no path, no address and no known repository's.
    #[error("{}", if name.contains('/') {
        format!("repo {} not found", name.split('/').next().unwrap_or_default())
    } else {
        format!("non-absolute URLs should be in form of repo_name/path_to_chart, got: {name}")
    })]
    NoChart {
        /// The name as typed.
        name: String,
    },
    /// A library, or a kind of chart that nobody knows.
    #[error("{kind} charts are not installable")]
    NotInstallable {
        /// The kind.
        kind: String,
    },
    /// Charts that the chart declares are not in it.
    #[error(
        "an error occurred while checking for chart dependencies. You may need to run 'maibot dependency build' to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: {}",
        names.join(", ")
    )]
    MissingDependencies {
        /// Their names.
        names: Vec<String>,
    },
    /// What a chart needs cannot be had.
    #[error(transparent)]
    Dependency(#[from] super::dependency::DependencyError),
    /// The values do not fit the dependencies.
    #[error("chart dependencies processing failed: {0}")]
    Dependencies(#[source] values::CoalesceError),
    /// The chart wants another Kubernetes.
    #[error("chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {version}")]
    KubeVersion {
        /// The constraint.
        wanted: String,
        /// What there is.
        version: String,
    },
    /// `--kube-version` is no version.
    #[error("invalid kube version '{version}': {reason}")]
    BadKubeVersion {
        /// As typed.
        version: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The chart's metadata cannot be written as YAML.
    #[error("{0}")]
    ShowChart(String),
    /// `--name-template` cannot be parsed or fails.
    #[error("{0}")]
    NameTemplate(String),
    /// There is no such program.
    #[error("unable to find binary at {name}: exec: {}: {reason}", crate::yaml::number::quote(name))]
    NoPostRenderer {
        /// The name as typed.
        name: String,
        /// Go's words for what is wrong.
        reason: String,
    },
    /// The post-renderer cannot be run, or its answer not be used.
    #[error("error while running post render on files: {program}: {problem}")]
    PostRenderer {
        /// The program.
        program: String,
        /// What is wrong.
        problem: String,
    },
    /// The post-renderer failed.
    #[error(
        "error while running post render on files: error while running command {program}. error output:\n{complaint}: {code}"
    )]
    PostRendererFailed {
        /// The program.
        program: String,
        /// What it printed to stderr.
        complaint: String,
        /// How it ended.
        code: String,
    },
    /// The templates.
    #[error(transparent)]
    Render(#[from] render::RenderError),
    /// A Go template.
    #[error("{}", .0.error)]
    Template(Box<super::TemplateFault>),
    /// The user's values cannot be had.
    #[error(transparent)]
    Values(#[from] values::ValuesError),
    /// The user's values and the chart's defaults do not fit together.
    #[error(transparent)]
    Coalesce(#[from] values::CoalesceError),
    /// The values do not fit the schema.
    #[error("{error}")]
    Schema {
        /// What is wrong, one by one.
        error: values::SchemaError,
        /// What is to blame for each of the first values that are wrong, [`Error::MAX_BLAMES`] at most.
        blames: Vec<values::Blame>,
        /// Values whose text stands in the error.
        quoted: Vec<super::Quoted>,
    },
    /// The user's values have keys that the chart has no use for, and that is to be an error.
    #[error("{}", unknown_text(found))]
    UnknownKeys {
        /// Every one of them.
        found: Vec<super::UnknownValue>,
    },
    /// The agreements.
    #[error(transparent)]
    Consent(#[from] application::consent::ConsentError),
    /// The version of an image.
    #[error(transparent)]
    Image(#[from] application::images::ImageError),
    /// The release's name.
    #[error("release name check failed: {0}")]
    Name(#[from] application::names::NameError),
    /// A configuration file, in the values or on a volume.
    #[error(transparent)]
    File(#[from] application::files::FileError),

    /// The workloads did not become ready, or objects did not go.
    #[error(transparent)]
    Wait(#[from] Box<cluster::wait::WaitError>),
    /// Files on volumes.
    #[error("{claim}: {error}")]
    Volume {
        /// The claim, or the helper Pod when none is to blame.
        claim: String,
        /// What went wrong.
        error: Box<cluster::files::FileError>,
    },

    /// The namespace is not there.
    #[error("namespaces \"{namespace}\" not found")]
    NamespaceMissing {
        /// Which.
        namespace: String,
    },
    /// The name is taken by a release.
    #[error("cannot reuse a name that is still in use")]
    NameInUse {
        /// The release.
        release: String,
        /// Its namespace.
        namespace: String,
        /// Its last revision.
        revision: u32,
        /// The status of that.
        status: Status,
    },
    /// There is no such release.
    #[error("release: not found")]
    ReleaseNotFound {
        /// The release.
        release: String,
        /// Where was looked.
        namespace: String,
    },
    /// There is no such release to uninstall.
    #[error("uninstall: Release not loaded: {release}: release: not found")]
    NotLoaded {
        /// The release.
        release: String,
        /// Where was looked.
        namespace: String,
    },
    /// Already uninstalled, and the record is to stay.
    #[error("the release named \"{release}\" is already deleted")]
    AlreadyUninstalled {
        /// The release.
        release: String,
    },
    /// Objects of these names exist and are somebody else's.
    #[error("{}", ownership_text(foreign))]
    Ownership {
        /// Every one of them.
        foreign: Vec<Foreign>,
    },
    /// Documents that are no objects of this cluster.
    #[error("unable to build kubernetes objects from release manifest: {}", build::text(problems))]
    Build {
        /// Everything that is wrong.
        problems: Vec<super::BuildProblem>,
    },
    /// It is not known whether an object is there.
    #[error(
        "unable to continue with install: could not get information about the resource {} {} in namespace {}: {problem}",
        object.kind, quote(&object.name), quote(namespace.as_deref().unwrap_or_default())
    )]
    Look {
        /// Which.
        object: ObjectRef,
        /// Its namespace.
        namespace: Option<String>,
        /// Why.
        problem: LookProblem,
    },
    /// An object has a name and asks for one to be made.
    #[error("unable to continue with install: metadata.name and metadata.generateName cannot both be set")]
    TwoNames,
    /// The system starts no thread.
    #[error("no thread can be started: {}", system_text(.0))]
    Thread(#[source] std::io::Error),
    /// A live run holds the lock.
    #[error("another operation (install/upgrade/rollback) is in progress")]
    Locked {
        /// The release.
        release: String,
        /// Who holds it, in words.
        holder: String,
    },
    /// The lock was taken by somebody else while we worked.
    #[error("the lock of release {release} was lost")]
    LockLost {
        /// The release.
        release: String,
    },
    /// The journal is of a newer format, or not ours.
    #[error("Secret/{name} is not a journal of this version")]
    ForeignJournal {
        /// Its name.
        name: String,
    },
    /// The cluster changed under our hands.
    #[error("{what} changed while it was read")]
    Raced {
        /// What.
        what: String,
    },
    /// A flag or a chart that this version cannot handle.
    #[error("{what} is not supported")]
    Unsupported {
        /// The flag or the source.
        what: String,
    },
    /// The confirmation does not name the release.
    #[error("not confirmed: the release is called {release}")]
    NotConfirmed {
        /// The release.
        release: String,
    },
    /// A label of the user is one of Helm's own.
    #[error(
        "user supplied labels contains system reserved label name. System labels: [name owner status version createdAt modifiedAt]"
    )]
    SystemLabel,
    /// Objects could not be deleted.
    #[error("failed to delete release: {release}")]
    Delete {
        /// The release.
        release: String,
        /// Each with the server's words.
        failed: Vec<(ObjectRef, String)>,
    },
    /// The stored manifest cannot be read.
    #[error("corrupted release record. You must manually delete the resources: {0}")]
    Manifest(String),
    /// A registry or chart repository.
    #[error(transparent)]
    Registry(Box<registry::Error>),
    /// A chart that another one needs cannot be had from a registry.
    #[error("could not download {reference}: {error}")]
    Download {
        /// The chart, without version.
        reference: String,
        /// Why.
        error: Box<registry::Error>,
    },
    /// A local file or folder.
    #[error("{action} {}: {}", path.display(), system_text(error))]
    LocalFile {
        /// `open`, `mkdir`, ….
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A chart is to be unpacked where something is already.
    #[error("failed to untar: a file or directory with the name {} already exists", path.display())]
    UntarTarget {
        /// Where.
        path: PathBuf,
    },
    /// A chart whose name no folder may have.
    #[error("{0}")]
    ChartName(String),
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
}

impl From<registry::ProvenanceError> for Error {
    fn from(error: registry::ProvenanceError) -> Self {
        registry::Error::from(error).into()
    }
}

impl From<registry::Error> for Error {
    fn from(error: registry::Error) -> Self {
        match error {
            registry::Error::Interrupted => Self::Interrupted,
            other => Self::Registry(Box::new(other)),
        }
    }
}

/// What the system says, as Go says it.
fn system_text(error: &std::io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase()
}

fn unknown_text(found: &[super::UnknownValue]) -> String {
    let paths = found.iter().map(|key| crate::yaml::path_text(&key.path)).collect::<Vec<_>>().join(", ");
    format!("the chart does not know these keys of the values: {paths}")
}

fn ownership_text(foreign: &[Foreign]) -> String {
    let Some(first) = foreign.first() else { return String::new() };
    format!(
        "unable to continue with install: {} \"{}\" in namespace \"{}\" exists and cannot be imported into the current release: \
         invalid ownership metadata; {}",
        first.object.kind,
        first.object.name,
        first.namespace.as_deref().unwrap_or_default(),
        first.violation
    )
}

impl Error {
    /// For how many values that break a schema it is worked out where they were given.
    pub const MAX_BLAMES: usize = 50;

    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Cluster(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Record(error) => error.code(),
            Self::Chart(error) => error.code(),
            Self::Dependency(error) => error.code(),
            Self::NoChartPath { .. } | Self::NoChart { .. } | Self::LocalFile { .. } | Self::UntarTarget { .. } => {
                Code::LocalFile
            }
            Self::ShowChart(_)
            | Self::NotInstallable { .. }
            | Self::MissingDependencies { .. }
            | Self::KubeVersion { .. }
            | Self::ChartName(_) => Code::Chart,
            Self::NoPostRenderer { .. } | Self::PostRenderer { .. } | Self::PostRendererFailed { .. } => {
                Code::PostRenderer
            }
            Self::Render(error) => error.code(),
            Self::Template(_) => Code::Template,
            Self::Values(error) => error.code(),
            Self::Dependencies(error) | Self::Coalesce(error) => error.code(),
            Self::Schema { error, .. } => error.code(),
            Self::UnknownKeys { .. } => Code::ValuesUnknown,
            Self::Consent(error) => error.code(),
            Self::Image(error) => error.code(),
            Self::Name(error) => error.code(),
            Self::File(error) => error.code(),
            Self::Wait(error) => error.code(),
            Self::Volume { error, .. } => error.code(),
            Self::NamespaceMissing { .. } => Code::NamespaceMissing,
            Self::NameInUse { .. } | Self::AlreadyUninstalled { .. } => Code::NameInUse,
            Self::ReleaseNotFound { .. } | Self::NotLoaded { .. } => Code::ReleaseNotFound,
            Self::Ownership { .. } => Code::Ownership,
            Self::Build { problems } => build::code(problems),
            Self::Look { problem: LookProblem::Cluster(error), .. } => error.code(),
            Self::Thread(_) => Code::Internal,
            Self::Locked { .. } => Code::Locked,
            Self::LockLost { .. } => Code::LockLost,
            Self::ForeignJournal { .. } => Code::Record,
            Self::Raced { .. } => Code::Raced,
            Self::Unsupported { .. } => Code::Unsupported,
            Self::NotConfirmed { .. } => Code::NotConfirmed,
            Self::SystemLabel | Self::BadKubeVersion { .. } | Self::NameTemplate(_) => Code::Usage,
            Self::Delete { .. } => Code::DeleteFailed,
            Self::Manifest(_) | Self::Look { problem: LookProblem::NoName, .. } | Self::TwoNames => Code::Manifest,
            Self::Registry(error) | Self::Download { error, .. } => error.code(),
            Self::Interrupted => Code::Interrupted,
        }
    }
}

/// The state things are in when a verb has ended badly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Aftermath {
    /// Nothing on the cluster was changed.
    #[default]
    Untouched,
    /// The run stopped in the middle; the same command goes on from there.
    Suspended {
        /// The phase it stopped in.
        phase: Phase,
        /// The release.
        release: String,
        /// The revision being made.
        revision: u32,
    },
    /// The revision is recorded as failed; what was applied is there.
    Failed {
        /// The release.
        release: String,
        /// The revision.
        revision: u32,
        /// Objects that were applied.
        applied: usize,
        /// Objects there should be.
        objects: usize,
    },
    /// The record says `uninstalling`; what could not be deleted is there. The same command goes on.
    HalfDeleted {
        /// The release.
        release: String,
    },
}

/// A verb that ended badly.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// Why.
    #[source]
    pub error: Box<Error>,
    /// What is now.
    pub aftermath: Aftermath,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error: Box::new(error), aftermath: Aftermath::Untouched }
    }
}
