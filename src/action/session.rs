//! One run on one release: the lock is held and renewed, the journal is kept. Everything that changes a cluster
//! happens inside a session, so two runs never interleave and a run that died is recognised by the next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use tokio::sync::watch;

use super::{Cancel, Error, Event, Observer};
use crate::cluster::{self, Cluster, DeleteOptions, Resource, WriteOptions};
use crate::code::Code;
use crate::release::journal::{self, Journal, Operation, Step, journal_name};
use crate::release::lock::{
    Holding, Identity, LEASE_SECONDS, LocalProcesses, Processes, RENEW_EVERY, Verdict, Watcher, lease_name,
};

/// How often a lock of another machine is looked at while its holder may be dead.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The label by which everything that only this tool keeps can be found.
pub(super) const OWN_LABELS: (&str, &str) = ("app.kubernetes.io/managed-by", "maibot");

/// The labels of this tool's own objects.
pub(super) fn own_labels(release: &str, component: &str) -> Json {
    json!({ OWN_LABELS.0: OWN_LABELS.1, "app.kubernetes.io/instance": release, "app.kubernetes.io/component": component })
}

/// How this tool writes what only it keeps.
pub(super) fn own() -> WriteOptions {
    WriteOptions { manager: "maibot".to_owned(), ..WriteOptions::default() }
}

/// A held lock with its journal.
pub(super) struct Session {
    cluster: Cluster,
    namespace: String,
    release: String,
    identity: Identity,
    lost: watch::Receiver<bool>,
    cancel: Cancel,
    renewing: tokio::task::JoinHandle<()>,
    journal: Journal,
    journal_uid: String,
    /// What a run left behind that died; nothing if the last one ended in order.
    pub(super) left_behind: Option<Journal>,
}

impl Session {
    /// Takes the lock and opens the journal.
    ///
    /// # Errors
    /// [`Error::Locked`] while a live run holds it; otherwise what the API server says.
    pub(super) async fn begin(
        cluster: &Cluster,
        observer: &Arc<dyn Observer>,
        cancel: &Cancel,
        namespace: &str,
        release: &str,
        operation: Operation,
        input: &str,
    ) -> Result<Self, Error> {
        let identity = LocalProcesses.own();
        let lease = tokio::select! {
            lease = acquire(cluster, observer.as_ref(), namespace, release, &identity) => lease?,
            () = cancel.cancelled() => return Err(Error::Interrupted),
        };
        let fencing = lease.transitions;
        let (report, lost) = watch::channel(false);
        let renewing = tokio::spawn(renew(cluster.clone(), namespace.to_owned(), lease, report));
        let journal = Journal {
            schema: journal::SCHEMA,
            operation,
            release: release.to_owned(),
            revision: 0,
            step: Step::Begun,
            holder: identity.to_string(),
            fencing,
            input: input.to_owned(),
        };
        let mut session = Self {
            cluster: cluster.clone(),
            namespace: namespace.to_owned(),
            release: release.to_owned(),
            identity,
            lost,
            cancel: cancel.clone(),
            renewing,
            journal,
            journal_uid: String::new(),
            left_behind: None,
        };
        match session.open_journal().await {
            Ok(()) => Ok(session),
            Err(error) => {
                session.release_lock().await;
                Err(error)
            }
        }
    }

    async fn open_journal(&mut self) -> Result<(), Error> {
        let name = journal_name(&self.release);
        match self.cluster.create(&Resource::SECRET, Some(&self.namespace), &self.secret(), &own()).await {
            Ok(created) => self.journal_uid = text(&created, "/metadata/uid"),
            Err(cluster::Error::AlreadyExists { .. }) => {
                let Some(found) = self.cluster.find(&Resource::SECRET, Some(&self.namespace), &name).await? else {
                    return Err(Error::Raced { what: format!("Secret/{name}") });
                };
                self.journal_uid = text(&found, "/metadata/uid");
                let data = STANDARD.decode(text(&found, "/data/journal")).unwrap_or_default();
                self.left_behind = Journal::parse(&data);
                if self.left_behind.is_none() {
                    return Err(Error::ForeignJournal { name });
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn secret(&self) -> Json {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": journal_name(&self.release), "labels": own_labels(&self.release, "journal") },
            "type": journal::SECRET_TYPE,
            "data": { journal::DATA_KEY: STANDARD.encode(self.journal.to_text()) },
        })
    }

    /// The owner reference for helper objects: they go when the journal goes.
    pub(super) fn owner_reference(&self) -> Json {
        json!({ "apiVersion": "v1", "kind": "Secret", "name": journal_name(&self.release), "uid": self.journal_uid })
    }

    /// Notes how far the run is, before the step begins.
    pub(super) async fn note(&mut self, step: Step, revision: u32) -> Result<(), Error> {
        self.still_held()?;
        self.journal.step = step;
        self.journal.revision = revision;
        self.cluster
            .replace(&Resource::SECRET, Some(&self.namespace), &journal_name(&self.release), &self.secret(), &own())
            .await?;
        Ok(())
    }

    /// Carries work out as long as the lock is held and nobody wants it to stop.
    pub(super) async fn guard<T>(&mut self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.still_held()?;
        let mut lost = self.lost.clone();
        tokio::select! {
            result = work => result,
            _ = lost.wait_for(|lost| *lost) => Err(self.lock_lost()),
            () = self.cancel.cancelled() => Err(Error::Interrupted),
        }
    }

    fn still_held(&self) -> Result<(), Error> {
        if *self.lost.borrow() {
            Err(self.lock_lost())
        } else if self.cancel.is_cancelled() {
            Err(Error::Interrupted)
        } else {
            Ok(())
        }
    }

    fn lock_lost(&self) -> Error {
        Error::LockLost { release: self.release.clone() }
    }

    /// Ends the run in order: nothing of it is left but a free Lease.
    pub(super) async fn end(mut self) -> Result<(), Error> {
        let name = journal_name(&self.release);
        let removed =
            self.cluster.delete(&Resource::SECRET, Some(&self.namespace), &name, &DeleteOptions::default()).await;
        self.release_lock().await;
        removed?;
        Ok(())
    }

    /// Ends the run in order and removes the Lease as well: the release is gone.
    pub(super) async fn end_of_release(self) -> Result<(), Error> {
        let name = journal_name(&self.release);
        let removed =
            self.cluster.delete(&Resource::SECRET, Some(&self.namespace), &name, &DeleteOptions::default()).await;
        self.renewing.abort();
        let lease = lease_name(&self.release);
        let freed =
            self.cluster.delete(&Resource::LEASE, Some(&self.namespace), &lease, &DeleteOptions::default()).await;
        removed?;
        freed?;
        Ok(())
    }

    /// Stops in the middle: the lock is given back, the journal stays and tells the next run.
    pub(super) async fn suspend(mut self) {
        self.release_lock().await;
    }

    async fn release_lock(&mut self) {
        self.renewing.abort();
        let name = lease_name(&self.release);
        // A lock that cannot be given back runs out by itself.
        if let Ok(Some(mut lease)) = self.cluster.find(&Resource::LEASE, Some(&self.namespace), &name).await
            && text(&lease, "/spec/holderIdentity") == self.identity.to_string()
        {
            lease["spec"]["holderIdentity"] = Json::from("");
            let _ = self.cluster.replace(&Resource::LEASE, Some(&self.namespace), &name, &lease, &own()).await;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// The Lease as we hold it.
struct HeldLease {
    object: Json,
    transitions: i64,
}

async fn acquire(
    cluster: &Cluster,
    observer: &dyn Observer,
    namespace: &str,
    release: &str,
    identity: &Identity,
) -> Result<HeldLease, Error> {
    let name = lease_name(release);
    let mut watcher = Watcher::default();
    let mut told = false;
    loop {
        let fresh = lease(&name, release, identity, 0);
        match cluster.create(&Resource::LEASE, Some(namespace), &fresh, &own()).await {
            Ok(object) => return Ok(HeldLease { object, transitions: 0 }),
            Err(cluster::Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let Some(found) = cluster.find(&Resource::LEASE, Some(namespace), &name).await? else { continue };
        let holding = Holding {
            holder: text(&found, "/spec/holderIdentity"),
            renewed: text(&found, "/spec/renewTime"),
            duration: Duration::from_secs(
                found.pointer("/spec/leaseDurationSeconds").and_then(Json::as_u64).unwrap_or(30).clamp(1, 600),
            ),
        };
        match watcher.judge(&holding, &LocalProcesses, Instant::now()) {
            Verdict::Free | Verdict::Abandoned => {
                let transitions =
                    found.pointer("/spec/leaseTransitions").and_then(Json::as_i64).unwrap_or_default() + 1;
                let mut taken = lease(&name, release, identity, transitions);
                taken["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"].clone();
                match cluster.replace(&Resource::LEASE, Some(namespace), &name, &taken, &own()).await {
                    Ok(object) => return Ok(HeldLease { object, transitions }),
                    Err(cluster::Error::Changed { .. } | cluster::Error::NotFound { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Verdict::Held => {
                return Err(Error::Locked { release: release.to_owned(), holder: Identity::in_words(&holding.holder) });
            }
            Verdict::LookAgain(remaining) => {
                if !told {
                    told = true;
                    observer.event(&Event::Notice {
                        code: Code::Locked,
                        object: None,
                        detail: format!("{} ({} s)", Identity::in_words(&holding.holder), remaining.as_secs()),
                    });
                }
                tokio::time::sleep(remaining.min(LOOK_EVERY)).await;
            }
        }
    }
}

fn lease(name: &str, release: &str, identity: &Identity, transitions: i64) -> Json {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": name, "labels": own_labels(release, "lock") },
        "spec": {
            "holderIdentity": identity.to_string(),
            "leaseDurationSeconds": LEASE_SECONDS,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": transitions,
        },
    })
}

/// Renews until aborted; reports once when the lock is lost.
async fn renew(cluster: Cluster, namespace: String, mut held: HeldLease, report: watch::Sender<bool>) {
    let name = text(&held.object, "/metadata/name");
    let holder = text(&held.object, "/spec/holderIdentity");
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        held.object["spec"]["renewTime"] =
            Json::from(jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string());
        match cluster.replace(&Resource::LEASE, Some(&namespace), &name, &held.object, &own()).await {
            Ok(object) => {
                held.object = object;
                last = Instant::now();
            }
            Err(_) => match cluster.find(&Resource::LEASE, Some(&namespace), &name).await {
                Ok(Some(object)) if text(&object, "/spec/holderIdentity") == holder => held.object = object,
                // Nobody can be asked: as long as the lease lasts, it is ours.
                Err(_) if last.elapsed() < Duration::from_secs(LEASE_SECONDS.unsigned_abs().into()) => {}
                Ok(_) | Err(_) => {
                    let _ = report.send(true);
                    return;
                }
            },
        }
    }
}

fn text(object: &Json, pointer: &str) -> String {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned()
}
