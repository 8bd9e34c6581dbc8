//! The application step: before the workloads that read them start, the configuration files on the claims are brought
//! in order through a short-lived helper Pod. It runs the core image, which is about to run anyway, and mounts all
//! claims that core and adapter mount, so that the scheduler picks a place where both can run; with storage that waits
//! for its first consumer, the helper Pod is that consumer.
//!
//! What is to become of each file is decided in `application::files`; here it is read, decided, written and read back.
//! All files are decided before the first one is written.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::session::own_labels;
use super::{Error, Event, FileChange, ObjectRef, ObjectState, Observer, waiting};
use crate::application::components::{ClaimId, ComponentId, Components};
use crate::application::config::{self, ConfigFile, Deployment};
use crate::application::files::{Decision, FileError, Present, decide};
use crate::application::images::Image;
use crate::cluster::files::{EntryKind, Expect, FileSession, Place, SessionOptions, Writing};
use crate::cluster::pods::OwnPod;
use crate::cluster::wait::WaitOptions;
use crate::cluster::{Cluster, Resource, readiness::Rules};
use crate::yaml::Value;

/// Configuration files of MaiBot are a few kilobytes; more than this is none.
const LARGEST_FILE: usize = 8 << 20;

/// The container of the helper Pod.
const CONTAINER: &str = "files";

/// Seconds after which the kubelet ends a helper Pod that nobody deleted.
const DEADLINE_SECONDS: u32 = 900;

/// A configuration file as the values want it.
#[derive(Debug, Clone)]
pub(super) struct WantedFile {
    /// Which.
    pub(super) file: ConfigFile,
    /// The claim it lies on.
    pub(super) claim: String,
    /// The text of the values.
    pub(super) text: String,
    /// Whether it replaces what is there.
    pub(super) replace: bool,
}

/// What the step needs to know; made from values without a cluster.
#[derive(Debug, Clone)]
pub(super) struct FileStep {
    /// The helper Pod's name.
    pod: String,
    /// The release.
    release: String,
    /// The core image.
    image: String,
    /// The `image` and placement settings of core.
    core: Json,
    /// The claims to mount: a short name for the place, and the claim.
    claims: Vec<(&'static str, String)>,
    /// The files.
    pub(super) files: Vec<WantedFile>,
    /// Workloads that read them, by name.
    pub(super) readers: Vec<String>,
    deployment: Deployment,
}

impl FileStep {
    /// The step for a release under these values (defaults merged in).
    pub(super) fn new(release: &str, values: &Value) -> Self {
        let table = Components::get();
        let core = table.component(ComponentId::Core);
        let claims = core.mounts.iter().map(|mount| table.claim(mount.claim)).filter(|claim| claim.is_on(values)).fold(
            Vec::new(),
            |mut claims, claim| {
                let entry = (root(claim.id), claim.name(release));
                if !claims.contains(&entry) {
                    claims.push(entry);
                }
                claims
            },
        );
        let files = ConfigFile::ALL
            .into_iter()
            .map(|file| {
                let facts = table.config_file(file);
                WantedFile {
                    file,
                    claim: table.claim(facts.claim).name(release),
                    text: facts.text(values).map_or_else(config::env_file, str::to_owned),
                    replace: facts.replaces_existing(values),
                }
            })
            .collect();
        let mut readers: Vec<String> =
            table.config_files.iter().map(|file| table.component(file.read_by).name(release)).collect();
        // Everything that mounts a claim of core waits as well: a Pod elsewhere could bind it out of core's reach.
        for (_, claim) in &claims {
            for component in table.running(values) {
                if component.mounts.iter().any(|mount| &table.claim(mount.claim).name(release) == claim) {
                    readers.push(component.name(release));
                }
            }
        }
        readers.sort();
        readers.dedup();
        Self {
            pod: format!("{release}-maibot-files"),
            release: release.to_owned(),
            image: Image::of(core, values).to_string(),
            core: values.get(&core.values).map(Value::to_json).unwrap_or_default(),
            claims,
            files,
            readers,
            deployment: Deployment::new(release, values),
        }
    }

    /// Checks the texts of the values without a cluster: each must take the fields that are going to be set.
    pub(super) fn check(&self) -> Result<(), FileError> {
        for wanted in &self.files {
            decide(wanted.file, &Present::Absent, &wanted.text, false, &self.deployment)?;
        }
        Ok(())
    }

    /// The helper Pod: no token, no rights beyond those on files of any owner, a deadline of its own.
    fn pod(&self, namespace: &str, owner: &Json) -> Json {
        let mounts: Vec<Json> =
            self.claims.iter().map(|(root, _)| json!({ "name": root, "mountPath": mount_path(root) })).collect();
        let volumes: Vec<Json> = self
            .claims
            .iter()
            .map(|(root, claim)| json!({ "name": root, "persistentVolumeClaim": { "claimName": claim } }))
            .collect();
        let mut spec = json!({
            "restartPolicy": "Never",
            "activeDeadlineSeconds": DEADLINE_SECONDS,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "containers": [{
                "name": CONTAINER,
                "image": self.image,
                "imagePullPolicy": self.core["image"]["pullPolicy"].as_str().unwrap_or("IfNotPresent"),
                "command": ["sleep", DEADLINE_SECONDS.to_string()],
                "workingDir": "/",
                "volumeMounts": mounts,
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"], "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER"] },
                    "seccompProfile": { "type": "RuntimeDefault" },
                },
            }],
            "volumes": volumes,
        });
        for (from, to) in [("nodeSelector", "nodeSelector"), ("tolerations", "tolerations")] {
            if !is_empty(&self.core[from]) {
                spec[to] = self.core[from].clone();
            }
        }
        let secrets = &self.core["image"]["pullSecrets"];
        if !is_empty(secrets) {
            spec["imagePullSecrets"] = secrets.clone();
        }
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": self.pod,
                "namespace": namespace,
                "labels": own_labels(&self.release, "files"),
                "ownerReferences": [owner],
            },
            "spec": spec,
        })
    }
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(list) => list.is_empty(),
        Json::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// The short name of a claim inside the helper Pod.
const fn root(claim: ClaimId) -> &'static str {
    match claim {
        ClaimId::CoreData => "core",
        ClaimId::CoreConfig => "core-config",
        ClaimId::AdapterData => "adapter",
        ClaimId::AdapterConfig => "adapter-config",
        ClaimId::Napcat => "napcat",
        ClaimId::Statistics => "statistics",
    }
}

fn mount_path(root: &str) -> String {
    format!("/volumes/{root}")
}

/// Brings the files in order.
pub(super) async fn run(
    cluster: &Cluster,
    observer: &Arc<dyn Observer>,
    namespace: &str,
    step: &FileStep,
    owner: &Json,
    timeout: Duration,
) -> Result<(), Error> {
    let pod = start(cluster, observer, namespace, step, owner, timeout).await?;
    let result = work(cluster, observer, &pod, step).await;
    // A Pod that cannot be deleted now goes with the journal, or at its deadline.
    let _ = cluster.delete_pod(&pod, 0).await;
    observer.event(&Event::ObjectStatus {
        object: ObjectRef::new("Pod", pod.name.clone()),
        parent: None,
        state: ObjectState::Absent,
        detail: String::new(),
    });
    result
}

async fn start(
    cluster: &Cluster,
    observer: &Arc<dyn Observer>,
    namespace: &str,
    step: &FileStep,
    owner: &Json,
    timeout: Duration,
) -> Result<OwnPod, Error> {
    let body = step.pod(namespace, owner);
    let options = WaitOptions::new(Rules::Full, timeout);
    let mut observe = |progress| waiting::tell(observer.as_ref(), progress);
    let mut refusals = 0;
    loop {
        let error = match cluster.start_pod(&body, &options, &mut observe).await {
            Ok(pod) => return Ok(pod),
            Err((Some(pod), error)) => {
                let _ = cluster.delete_pod(&pod, 0).await;
                return Err(Box::new(error).into());
            }
            Err((None, error)) => error,
        };
        match &error {
            // Left by a run that died: it may be in any state, so it is made anew.
            crate::cluster::wait::WaitError::Cluster(crate::cluster::Error::AlreadyExists { .. }) if refusals < 3 => {
                remove_leftover(cluster, namespace, &step.pod, timeout).await?;
            }
            // The namespace's ServiceAccount appears a moment after the namespace.
            crate::cluster::wait::WaitError::Cluster(
                crate::cluster::Error::Denied { message, .. } | crate::cluster::Error::Refused { message, .. },
            ) if message.contains("service account") && refusals < 50 => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            _ => return Err(Box::new(error).into()),
        }
        refusals += 1;
    }
}

async fn remove_leftover(cluster: &Cluster, namespace: &str, name: &str, timeout: Duration) -> Result<(), Error> {
    let Some(found) = cluster.find(&Resource::POD, Some(namespace), name).await? else { return Ok(()) };
    let uid = crate::cluster::uid(&found).unwrap_or_default().to_owned();
    let pod = OwnPod { namespace: namespace.to_owned(), name: name.to_owned(), uid: uid.clone() };
    cluster.delete_pod(&pod, 0).await?;
    let goal = crate::cluster::wait::Goal::deleted(Resource::POD.target(Some(namespace), name), Some(uid));
    let mut silent = |_| {};
    cluster.wait(vec![goal], &WaitOptions::new(Rules::Full, timeout), &mut silent).await.map_err(Box::new)?;
    Ok(())
}

async fn work(cluster: &Cluster, observer: &Arc<dyn Observer>, pod: &OwnPod, step: &FileStep) -> Result<(), Error> {
    let paths: Vec<(&str, String)> = step.claims.iter().map(|(root, _)| (*root, mount_path(root))).collect();
    let roots: Vec<(&str, &str)> = paths.iter().map(|(root, path)| (*root, path.as_str())).collect();
    let options = SessionOptions::new(&pod.namespace, &pod.name, CONTAINER, &roots);
    let mut session = cluster.files(&options).await.map_err(on(&step.pod))?;

    let mut decided = Vec::new();
    for wanted in &step.files {
        let place = step.place(wanted);
        let found = look(&mut session, place).await.map_err(on(&wanted.claim))?;
        let present = found.as_ref().map_or(Present::Absent, |found| found.present.clone());
        let decision = decide(wanted.file, &present, &wanted.text, wanted.replace, &step.deployment)?;
        decided.push((wanted, place, found, decision));
    }
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    for (wanted, place, found, decision) in decided {
        let name = wanted.file.name();
        let change = match decision {
            Decision::Keep => FileChange::Kept,
            Decision::Write { text } => {
                let writing = Writing { expect: Expect::Absent, replace_empty_directory: true, ..Writing::default() };
                session.write(place, text.as_bytes(), &writing).await.map_err(on(&wanted.claim))?;
                FileChange::Written
            }
            Decision::Rewrite { text, fields } => {
                let digest = found.and_then(|found| found.sha256);
                let copy = format!("{name}.{stamp}.bak");
                let beside = Place::new(place.root, &copy);
                let fresh = Writing { expect: Expect::Absent, ..Writing::default() };
                session.copy(place, digest, beside, &fresh).await.map_err(on(&wanted.claim))?;
                let expect = digest.map_or(Expect::Anything, Expect::Content);
                let writing = Writing { expect, ..Writing::default() };
                session.write(place, text.as_bytes(), &writing).await.map_err(on(&wanted.claim))?;
                if fields.is_empty() { FileChange::Replaced { copy } } else { FileChange::FieldsReset { fields, copy } }
            }
        };
        observer.event(&Event::File { claim: wanted.claim.clone(), path: name.to_owned(), change });
    }
    session.close().await.map_err(on(&step.pod))
}

/// Names the claim to blame.
fn on(claim: &str) -> impl FnOnce(crate::cluster::files::FileError) -> Error {
    |error| Error::Volume { claim: claim.to_owned(), error: Box::new(error) }
}

/// What lies at a place.
struct Found {
    present: Present,
    sha256: Option<crate::cluster::files::Sha256>,
}

async fn look(session: &mut FileSession, place: Place<'_>) -> Result<Option<Found>, crate::cluster::files::FileError> {
    let entry = session.stat(place, false).await?;
    Ok(match entry.kind {
        EntryKind::Absent => None,
        EntryKind::Directory => Some(Found { present: Present::Folder, sha256: None }),
        // Reading refuses what is neither, and says so.
        EntryKind::File | EntryKind::Symlink | EntryKind::Other => {
            let content = session.read(place, LARGEST_FILE).await?;
            Some(Found { present: Present::File(content.bytes), sha256: Some(content.sha256) })
        }
    })
}

impl FileStep {
    fn place(&self, wanted: &WantedFile) -> Place<'static> {
        let root = self.claims.iter().find(|(_, claim)| *claim == wanted.claim).map_or("", |(root, _)| root);
        Place::new(root, wanted.file.name())
    }
}
