//! `install`: a new release. First everything that can be wrong without a cluster, then one look at what is there,
//! then the work: claims, files on them, everything else, readiness. Order of the record's states: Helm's
//! `pkg/action/install.go`. What Helm's order gets wrong for this application is said where it is done otherwise.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::build::{self, Trust};
use super::configure::{self, FileStep};
use super::objects::{Applier, Planned};
use super::ownership::{self, Existing, LookProblem, Owner};
use super::prepare::{Prepared, prepare};
use super::session::Session;
use super::surroundings::{self, Access, Surroundings};
use super::{
    Aftermath, Cancel, ChartSource, Error, Event, Failure, Notice, Observer, Phase, RenderOptions, UserValues, WaitFor,
    records, waiting,
};
use crate::cluster::wait::{Goal, WaitOptions};
use crate::cluster::{Cluster, Resource, WriteOptions};
use crate::code::Code;
use crate::release::journal::{Operation, Step};
use crate::release::{ApplyMethod, Release, SYSTEM_LABELS, Status, Store, Stored, Timestamp};
use crate::render::ReleaseInfo;
use crate::values::Compat;

/// What to install and how.
#[derive(Debug, Clone)]
pub struct InstallSettings {
    /// The release's name.
    pub name: String,
    /// Where the chart comes from.
    pub chart: ChartSource,
    /// The user's values.
    pub values: UserValues,
    /// Creates the namespace if it is not there.
    pub create_namespace: bool,
    /// What is waited for.
    pub wait: WaitFor,
    /// Whether Jobs have to complete as well.
    pub wait_for_jobs: bool,
    /// How long each phase may take.
    pub timeout: Duration,
    /// The final description instead of the usual one.
    pub description: Option<String>,
    /// Labels for the record.
    pub labels: BTreeMap<String, String>,
    /// Takes the name of a release that failed or was uninstalled.
    pub replace: bool,
    /// Takes objects over that belong to somebody else.
    pub take_ownership: bool,
    /// Takes fields over that belong to another field manager.
    pub force_conflicts: bool,
    /// How the chart is rendered.
    pub options: RenderOptions,
    /// Leaves hooks out.
    pub no_hooks: bool,
    /// Leaves CustomResourceDefinitions out.
    pub skip_crds: bool,
    /// Whether a dry run on the server checks all that an installation would find out: name, namespace, every object.
    /// Helm's checks kinds and owners alone.
    pub check_everything: bool,
}

/// What `--dry-run` shows: the release as it would be recorded.
pub fn dry_run(
    settings: &InstallSettings,
    namespace: &str,
    notices: &mut dyn FnMut(Notice),
) -> Result<Release, Failure> {
    let mut prepared = plan(&Surroundings::Machine, settings, namespace, notices)?;
    "Dry run complete".clone_into(&mut prepared.release.info.description);
    Ok(prepared.release)
}

/// The same, rendered for the cluster and checked on it; with [`InstallSettings::check_everything`] also by the API
/// server, which then looks at every object. Changes nothing.
pub async fn dry_run_on_server(
    cluster: &Cluster,
    settings: &InstallSettings,
    cancel: &Cancel,
    notices: &mut dyn FnMut(Notice),
) -> Result<Release, Failure> {
    let namespace = cluster.namespace().to_owned();
    let access = Access { reach: !settings.check_everything, ..Access::RENDER };
    let mut prepared = plan_beside(cluster, settings, &namespace, access, cancel, notices).await?;
    if settings.check_everything {
        check_everything(cluster, settings, &namespace, &mut prepared).await?;
    } else {
        let owner = Owner { release: &settings.name, namespace: &namespace };
        let objects = build::build(cluster, owner, std::mem::take(&mut prepared.objects), Trust::Nothing).await?;
        ownership::check_each(cluster, owner, &objects, settings.take_ownership, settings.options.compat).await?;
    }
    "Dry run complete".clone_into(&mut prepared.release.info.description);
    Ok(prepared.release)
}

/// Whatever an installation would find out before its objects are stored.
async fn check_everything(
    cluster: &Cluster,
    settings: &InstallSettings,
    namespace: &str,
    prepared: &mut Prepared,
) -> Result<(), Error> {
    let history = Store::new(cluster, namespace).history(&settings.name).await?.history();
    if let Some(last) = history.last() {
        check_reuse(settings, last, namespace)?;
    }
    let owner = Owner { release: &settings.name, namespace };
    let objects = build(cluster, owner, prepared).await?;
    look_around(cluster, owner, &objects, settings.take_ownership).await?;
    let there = cluster.find(&Resource::NAMESPACE, None, namespace).await?.is_some();
    if there {
        let existing = Existing::default();
        let observer: Arc<dyn Observer> = Arc::new(());
        let options = WriteOptions { dry_run: true, ..write_options(settings) };
        let applier = Applier { cluster, observer: &observer, existing: &existing, options, applied: Mutex::default() };
        applier.apply(&objects.iter().collect::<Vec<_>>()).await?;
    } else if !settings.create_namespace {
        return Err(Error::NamespaceMissing { namespace: namespace.to_owned() });
    }
    Ok(())
}

/// Installs. Ends with the release as recorded.
pub async fn install(
    cluster: &Cluster,
    settings: &InstallSettings,
    observer: &Arc<dyn Observer>,
    cancel: &Cancel,
) -> Result<Release, Failure> {
    let namespace = cluster.namespace().to_owned();
    let mut notices = Vec::new();
    let mut tell = |notice| notices.push(notice);
    let work = plan_beside(cluster, settings, &namespace, Access::RENDER, cancel, &mut tell);
    let prepared = timed(observer, Phase::Render, work).await;
    // A chart with definitions of its own is refused below, unless they are left out.
    notices.retain(|notice| *notice != Notice::CrdsNotInstalled);
    // What is strange may be the reason for what is wrong, so it is told also if that ends the run.
    for notice in notices {
        let (code, detail) = match notice {
            Notice::UnknownKey(key) => {
                observer.event(&Event::UnknownKey(key));
                continue;
            }
            Notice::Values(warning) => (Code::ValuesIgnored, warning.text(Compat::Helm4)),
            other => (Code::ChartOdd, other.to_string()),
        };
        observer.event(&Event::Notice { code, object: None, detail });
    }
    let mut prepared = prepared?;
    check_offered(settings, &prepared)?;
    let input = digest(&prepared);
    // Before anything is written: a manifest that is none leaves nothing behind.
    let owner = Owner { release: &settings.name, namespace: &namespace };
    let objects = build(cluster, owner, &mut prepared).await?;
    let begin = || async {
        Session::begin(cluster, observer, cancel, &namespace, &settings.name, Operation::Install, &input)
            .await
            .map_err(|error| namespace_missing(error, &namespace))
    };
    let mut session = timed(observer, Phase::Lock, async {
        match begin().await {
            // Only now: in a namespace that is there nothing has to be created, and a refusal leaves none behind.
            Err(Error::NamespaceMissing { .. }) if settings.create_namespace => {
                create_namespace(cluster, &namespace).await?;
                begin().await
            }
            result => result,
        }
    })
    .await?;
    let mut run =
        Run { cluster, settings, observer, namespace, stored: None, applied: 0, objects: 0, phase: Phase::Check };
    let result = Box::pin(run.carry_out(&mut session, prepared, objects, &input)).await;
    run.conclude(session, result).await
}

/// Renders, and checks everything that can be checked without writing; templates may look at the cluster.
async fn plan_beside(
    cluster: &Cluster,
    settings: &InstallSettings,
    namespace: &str,
    access: Access,
    cancel: &Cancel,
    notices: &mut dyn FnMut(Notice),
) -> Result<Prepared, Error> {
    let (settings, namespace) = (settings.clone(), namespace.to_owned());
    let work =
        move |surroundings: &_, notices: &mut dyn FnMut(Notice)| plan(surroundings, &settings, &namespace, notices);
    surroundings::beside(cluster, access, cancel, notices, work).await?
}

/// The same in any surroundings.
fn plan(
    surroundings: &Surroundings,
    settings: &InstallSettings,
    namespace: &str,
    notices: &mut dyn FnMut(Notice),
) -> Result<Prepared, Error> {
    records::check_name(&settings.name)?;
    if settings.labels.keys().any(|key| SYSTEM_LABELS.contains(&key.as_str())) {
        return Err(Error::SystemLabel);
    }
    let info =
        ReleaseInfo { name: settings.name.clone(), namespace: namespace.to_owned(), revision: 1, is_upgrade: false };
    let mut prepared = prepare(surroundings, &settings.chart, &settings.values, &info, &settings.options, notices)?;
    prepared.release.labels.clone_from(&settings.labels);
    Ok(prepared)
}

/// Refuses what a chart brings and this version does not carry out: passing over it in silence would leave half a release.
fn check_offered(settings: &InstallSettings, prepared: &Prepared) -> Result<(), Error> {
    let runs = |event: &String| event == "pre-install" || event == "post-install";
    let hook = prepared.release.hooks.iter().find(|hook| hook.events.iter().any(runs));
    if let Some(hook) = hook.filter(|_| !settings.no_hooks) {
        let what = format!("the hook {}/{} of the chart (`--no-hooks` leaves hooks out)", hook.kind, hook.name);
        return Err(Error::Unsupported { what });
    }
    if prepared.has_crds && !settings.skip_crds {
        let what = "installing the chart's `crds/` (`--skip-crds` leaves them out)".to_owned();
        return Err(Error::Unsupported { what });
    }
    Ok(())
}

/// The objects of a release that is new. The server makes no names for them: what is applied has one.
async fn build(cluster: &Cluster, owner: Owner<'_>, prepared: &mut Prepared) -> Result<Vec<Planned>, Error> {
    let objects = build::build(cluster, owner, std::mem::take(&mut prepared.objects), Trust::Table).await?;
    for object in &objects {
        if object.makes_name() {
            let what = format!("{} with `generateName: {}`", object.resource.kind, object.generate_name());
            return Err(Error::Unsupported { what });
        }
        if object.name.is_empty() {
            let namespace = object.namespace.clone();
            return Err(Error::Look { object: object.reference(), namespace, problem: LookProblem::NoName });
        }
    }
    Ok(objects)
}

/// SHA-256 of what is going to be installed, for the journal.
fn digest(prepared: &Prepared) -> String {
    let mut hash = Sha256::new();
    hash.update(prepared.release.manifest.as_bytes());
    for file in prepared.files.iter().flat_map(|step| &step.files) {
        hash.update(file.text.as_bytes());
    }
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        use std::fmt::Write;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn write_options(settings: &InstallSettings) -> WriteOptions {
    WriteOptions { force: settings.force_conflicts, ..WriteOptions::default() }
}

fn check_reuse(settings: &InstallSettings, last: &Release, namespace: &str) -> Result<(), Error> {
    if settings.replace && matches!(last.info.status, Status::Uninstalled | Status::Failed) {
        return Ok(());
    }
    Err(Error::NameInUse {
        release: settings.name.clone(),
        namespace: namespace.to_owned(),
        revision: last.revision,
        status: last.info.status.clone(),
    })
}

async fn create_namespace(cluster: &Cluster, namespace: &str) -> Result<(), Error> {
    let body = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": namespace, "labels": { "name": namespace } },
    });
    // One that is there stays as it is; Helm 4 would patch it, which needs more rights than this.
    match cluster.create(&Resource::NAMESPACE, None, &body, &WriteOptions::default()).await {
        Ok(_) | Err(crate::cluster::Error::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn namespace_missing(error: Error, namespace: &str) -> Error {
    match error {
        Error::Cluster(crate::cluster::Error::NotFound { .. }) => {
            Error::NamespaceMissing { namespace: namespace.to_owned() }
        }
        other => other,
    }
}

async fn look_around(cluster: &Cluster, owner: Owner<'_>, objects: &[Planned], take: bool) -> Result<Existing, Error> {
    let wanted: Vec<_> = objects.iter().map(Planned::wanted).collect();
    ownership::check(cluster, owner, &wanted, take).await
}

/// Reports a phase around work.
async fn timed<T>(
    observer: &Arc<dyn Observer>,
    phase: Phase,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    observer.event(&Event::PhaseStarted { phase });
    let began = Instant::now();
    let result = work.await?;
    observer.event(&Event::PhaseFinished { phase, elapsed: began.elapsed() });
    Ok(result)
}

/// An installation under way.
struct Run<'a> {
    cluster: &'a Cluster,
    settings: &'a InstallSettings,
    observer: &'a Arc<dyn Observer>,
    namespace: String,
    stored: Option<Stored>,
    applied: usize,
    objects: usize,
    phase: Phase,
}

impl Run<'_> {
    async fn phase<T>(&mut self, phase: Phase, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.phase = phase;
        timed(self.observer, phase, work).await
    }

    async fn carry_out(
        &mut self,
        session: &mut Session,
        mut prepared: Prepared,
        objects: Vec<Planned>,
        input: &str,
    ) -> Result<Release, Error> {
        let (cluster, settings, observer) = (self.cluster, self.settings, self.observer);
        let namespace = self.namespace.clone();
        let owner = Owner { release: &settings.name, namespace: &namespace };
        let store = Store::new(cluster, &namespace);

        self.objects = objects.len();
        let left_behind = session.left_behind.clone();
        let work = async {
            let (records, existing) = futures::try_join!(
                async { store.history(&settings.name).await.map_err(Error::from) },
                look_around(cluster, owner, &objects, settings.take_ownership),
            )?;
            let history = records.history();
            // A revision that a run which died was making is that run's debris: it is made again, in place.
            let resumed = history.last().filter(|last| {
                left_behind.as_ref().is_some_and(|journal| {
                    journal.operation == Operation::Install
                        && journal.revision == last.revision
                        && (last.info.status == Status::PendingInstall
                            || (last.info.status == Status::Deployed
                                && journal.step == Step::Finishing
                                && journal.input == input))
                })
            });
            let revision = match (history.last(), resumed) {
                (None, _) => 1,
                (Some(_), Some(resumed)) => resumed.revision,
                (Some(last), None) => {
                    check_reuse(settings, last, &namespace)?;
                    last.revision + 1
                }
            };
            let version = records.resource_version(revision).map(str::to_owned);
            let superseded = history
                .last()
                .filter(|last| last.revision != revision && last.info.status != Status::Failed)
                .and_then(|last| records.stored.iter().find(|stored| stored.release.revision == last.revision))
                .cloned();
            Ok((existing, revision, version, superseded))
        };
        self.phase = Phase::Check;
        let (existing, revision, version, superseded) = session.guard(timed(observer, Phase::Check, work)).await?;

        self.phase = Phase::Record;
        let release = &mut prepared.release;
        release.revision = revision;
        release.apply_method = Some(ApplyMethod::ServerSide);
        let now = jiff::Zoned::now();
        release.info.first_deployed = Some(Timestamp::of(&now));
        release.info.last_deployed = Some(Timestamp::of(&now));
        release.info.status = Status::PendingInstall;
        "Initial install underway".clone_into(&mut release.info.description);
        session.note(Step::Applying, revision).await?;
        if let Some(mut old) = superseded {
            old.release.info.status = Status::Superseded;
            "superseded by new release".clone_into(&mut old.release.info.description);
            store.update(&old, now.timestamp().as_second()).await?;
        }
        let stored = match version {
            None => store.create(release, now.timestamp().as_second()).await?,
            Some(resource_version) => {
                let stored = Stored { release: release.clone(), resource_version };
                store.update(&stored, now.timestamp().as_second()).await?
            }
        };
        self.stored = Some(stored);

        if existing.terminating().next().is_some() {
            let gone = waiting::until_gone(cluster, observer, &objects, &existing, settings.timeout);
            session.guard(self.phase(Phase::Claims, Box::pin(gone))).await?;
        }
        let applier = Applier {
            cluster,
            observer,
            existing: &existing,
            options: write_options(settings),
            applied: Mutex::default(),
        };
        let order = Order::of(&objects, prepared.files.as_ref());
        let result = Box::pin(self.set_up(session, &applier, &order, prepared.files.as_ref())).await;
        self.applied = applier.count();
        result?;

        if settings.wait != WaitFor::HookOnly {
            session.note(Step::Waiting, revision).await?;
            let objects = applier.take_applied();
            session.guard(waiting::free_stuck(cluster, &objects, &existing)).await?;
            let goals: Vec<Goal> = objects.into_iter().map(Goal::ready).collect();
            let options = WaitOptions {
                wait_for_jobs: settings.wait_for_jobs,
                ..WaitOptions::new(settings.wait.rules(), settings.timeout)
            };
            let work = Box::pin(waiting::wait(cluster, observer, goals, &options));
            session.guard(self.phase(Phase::Wait, work)).await?;
        }
        session.note(Step::Finishing, revision).await?;
        let description = settings.description.clone().unwrap_or_else(|| "Install complete".to_owned());
        self.record(Status::Deployed, &description).await
    }

    /// Claims first, then the files on them while everything that does not read them comes up, then the rest.
    async fn set_up(
        &mut self,
        session: &mut Session,
        applier: &Applier<'_>,
        order: &Order<'_>,
        files: Option<&FileStep>,
    ) -> Result<(), Error> {
        let (cluster, observer) = (self.cluster, self.observer);
        let (namespace, timeout) = (self.namespace.clone(), self.settings.timeout);
        let owner = session.owner_reference();
        let work = applier.apply(&order.first);
        session.guard(self.phase(Phase::Claims, work)).await?;
        if let Some(files) = files {
            let work = async {
                futures::try_join!(
                    Box::pin(configure::run(cluster, observer, &namespace, files, &owner, timeout)),
                    applier.apply(&order.beside),
                )
            };
            session.guard(self.phase(Phase::Files, work)).await?;
        }
        let work = applier.apply(&order.last);
        session.guard(self.phase(Phase::Apply, work)).await
    }

    /// Rewrites the record of this revision.
    async fn record(&mut self, status: Status, description: &str) -> Result<Release, Error> {
        let Some(stored) = &mut self.stored else {
            return Err(Error::Raced { what: self.settings.name.clone() });
        };
        stored.release.info.status = status;
        description.clone_into(&mut stored.release.info.description);
        let now = jiff::Timestamp::now().as_second();
        *stored = Store::new(self.cluster, &self.namespace).update(stored, now).await?;
        Ok(stored.release.clone())
    }

    /// Whatever happened, the record, the journal and the lock say so.
    async fn conclude(mut self, session: Session, result: Result<Release, Error>) -> Result<Release, Failure> {
        let error = match result {
            Ok(release) => {
                session.end().await?;
                return Ok(release);
            }
            Err(error) => error,
        };
        let release = self.settings.name.clone();
        let Some(revision) = self.stored.as_ref().map(|stored| stored.release.revision) else {
            // Refused before anything was touched; what an earlier run left half done stays noted.
            let settled = session.left_behind.is_none() || matches!(error, Error::NameInUse { .. });
            if settled {
                session.end().await?;
            } else {
                session.suspend().await;
            }
            return Err(error.into());
        };
        if matches!(error, Error::LockLost { .. } | Error::Interrupted) {
            // The record is somebody else's now, or says that the work goes on later.
            session.suspend().await;
            let aftermath = Aftermath::Suspended { phase: self.phase, release, revision };
            return Err(Failure { error: Box::new(error), aftermath });
        }
        let text = format!("Release {release:?} failed: {error}");
        let (applied, objects) = (self.applied, self.objects);
        let aftermath = if self.record(Status::Failed, &text).await.is_ok() {
            let _ = session.end().await;
            Aftermath::Failed { release, revision, applied, objects }
        } else {
            session.suspend().await;
            Aftermath::Suspended { phase: self.phase, release, revision }
        };
        Err(Failure { error: Box::new(error), aftermath })
    }
}

/// The objects by when they may be applied.
struct Order<'a> {
    /// What everything else stands on: all kinds up to the claims.
    first: Vec<&'a Planned>,
    /// What does not read the files.
    beside: Vec<&'a Planned>,
    /// What reads the files, and what comes after it.
    last: Vec<&'a Planned>,
}

impl<'a> Order<'a> {
    fn of(objects: &'a [Planned], files: Option<&FileStep>) -> Self {
        let mut order = Self { first: Vec::new(), beside: Vec::new(), last: Vec::new() };
        let claims_end = objects
            .iter()
            .rposition(|object| object.resource.kind == "PersistentVolumeClaim")
            .map_or(0, |position| position + 1);
        for (position, object) in objects.iter().enumerate() {
            if position < claims_end {
                order.first.push(object);
            } else if files.is_none_or(|files| files.readers.contains(&object.name)) {
                // Without files to look after everything goes in the order of its kinds.
                order.last.push(object);
            } else {
                order.beside.push(object);
            }
        }
        order
    }
}
