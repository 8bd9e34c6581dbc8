//! `uninstall`: a release goes, its data stays. Claims are kept whatever the stored manifest says of them, and the
//! user is told; only `--delete-data`, confirmed by the release's name, removes them. Otherwise the order of states is
//! that of Helm's `pkg/action/uninstall.go`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::objects::{self, Planned};
use super::ownership::Owner;
use super::session::Session;
use super::{Aftermath, Cancel, Change, Error, Event, Failure, ObjectRef, Observer, Phase, records, waiting};
use crate::cluster::readiness::Rules;
use crate::cluster::wait::{Goal, WaitOptions};
use crate::cluster::{Cluster, ListOptions, Propagation, Resource};
use crate::release::journal::{Operation, Step};
use crate::release::{Records, Release, Status, Store, Stored, Timestamp};
use crate::render::manifest::{self, Compat, Order};
use crate::yaml::Value;

/// What to uninstall and how.
#[derive(Debug, Clone)]
pub struct UninstallSettings {
    /// The release's name.
    pub name: String,
    /// Keeps the record, marked as uninstalled.
    pub keep_history: bool,
    /// Removes the claims as well, and with them all data.
    pub delete_data: bool,
    /// Waits until everything is gone.
    pub wait: bool,
    /// How long.
    pub timeout: Duration,
    /// What happens to objects that the deleted ones own.
    pub propagation: Propagation,
    /// Does not run the hooks of the release.
    pub no_hooks: bool,
    /// The description of a kept record.
    pub description: Option<String>,
}

/// What an uninstallation did.
#[derive(Debug, Clone)]
pub struct Uninstalled {
    /// The last revision, as it was recorded at the end.
    pub release: Release,
    /// Objects that stay because their policy says so.
    pub kept_by_policy: Vec<ObjectRef>,
    /// Claims that stay because data is not deleted unasked.
    pub kept_claims: Vec<String>,
    /// Claims that were deleted.
    pub deleted_claims: Vec<String>,
}

impl Uninstalled {
    fn of(release: Release) -> Self {
        Self { release, kept_by_policy: Vec::new(), kept_claims: Vec::new(), deleted_claims: Vec::new() }
    }
}

/// The claims in a namespace that belong to a release.
async fn owned_claims(cluster: &Cluster, release: &str, namespace: &str) -> Result<Vec<Planned>, Error> {
    let owner = Owner { release, namespace };
    let options = ListOptions { metadata_only: true, ..ListOptions::default() };
    let list = cluster.list(&Resource::CLAIM, Some(namespace), &options).await?;
    Ok(list
        .items
        .into_iter()
        .filter(|claim| owner.violation(claim).is_none())
        .map(|claim| Planned {
            resource: Resource::CLAIM,
            namespace: Some(namespace.to_owned()),
            name: claim["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            body: claim,
        })
        .collect())
}

/// What `--dry-run` checks: that the release is there.
pub async fn dry_run(cluster: &Cluster, settings: &UninstallSettings) -> Result<Release, Failure> {
    Ok(records::revision(cluster, &settings.name, None).await?)
}

/// Uninstalls.
pub async fn uninstall(
    cluster: &Cluster,
    settings: &UninstallSettings,
    observer: &Arc<dyn Observer>,
    cancel: &Cancel,
) -> Result<Uninstalled, Failure> {
    records::check_name(&settings.name)?;
    let namespace = cluster.namespace().to_owned();
    let release = settings.name.clone();
    // Without a record there is nothing to lock, and a mistyped name leaves no trace; unless it is the data of a release
    // that is gone already that shall go.
    if let Err(error) = records::history(cluster, &release).await {
        let gone = matches!(error, Error::ReleaseNotFound { .. });
        if !gone || !settings.delete_data || owned_claims(cluster, &release, &namespace).await?.is_empty() {
            return Err(error.into());
        }
    }
    let mut session = Session::begin(cluster, observer, cancel, &namespace, &release, Operation::Uninstall, "").await?;
    let mut run = Run { cluster, settings, observer, namespace, begun: false };
    match run.carry_out(&mut session).await {
        Ok(done) => {
            if settings.keep_history {
                session.end().await?;
            } else {
                session.end_of_release().await?;
            }
            Ok(done)
        }
        Err(error) if !run.begun => {
            session.end().await?;
            Err(error.into())
        }
        Err(error) => {
            session.suspend().await;
            Err(Failure { error: Box::new(error), aftermath: Aftermath::HalfDeleted { release } })
        }
    }
}

struct Run<'a> {
    cluster: &'a Cluster,
    settings: &'a UninstallSettings,
    observer: &'a Arc<dyn Observer>,
    namespace: String,
    /// Whether the record says that deletion has begun.
    begun: bool,
}

impl Run<'_> {
    async fn carry_out(&mut self, session: &mut Session) -> Result<Uninstalled, Error> {
        let (cluster, settings, observer) = (self.cluster, self.settings, self.observer);
        let namespace = self.namespace.clone();
        let store = Store::new(cluster, &namespace);
        let owner = Owner { release: &settings.name, namespace: &namespace };
        let found = store.history(&settings.name).await?;
        let Some(last) = found.history().last().cloned() else {
            if !settings.delete_data {
                return Err(Error::ReleaseNotFound { release: settings.name.clone(), namespace });
            }
            let release = Release { name: settings.name.clone(), namespace: namespace.clone(), ..Release::default() };
            let mut done = Uninstalled::of(release);
            self.begun = true;
            self.delete_claims(session, owner, &mut done).await?;
            return Ok(done);
        };
        let mut done = Uninstalled::of(last.clone());
        if last.info.status == Status::Uninstalled {
            if settings.keep_history {
                return Err(Error::AlreadyUninstalled { release: settings.name.clone() });
            }
            if settings.delete_data {
                self.begun = true;
                self.delete_claims(session, owner, &mut done).await?;
            }
            self.purge(&found).await?;
            return Ok(done);
        }
        if !settings.no_hooks
            && let Some(hook) = last
                .hooks
                .iter()
                .find(|hook| hook.events.iter().any(|event| event == "pre-delete" || event == "post-delete"))
        {
            return Err(Error::Unsupported { what: format!("the hook {}/{} of this release", hook.kind, hook.name) });
        }
        let documents = manifest::read_stored(&last.manifest, Order::Uninstall, Compat::Helm4)
            .map_err(|error| Error::Manifest(error.to_string()))?;
        let (doomed, kept) = sort_out(&documents);
        done.kept_by_policy = kept;
        let doomed = Planned::resolve(cluster, owner, doomed).await?;

        session.note(Step::Deleting, last.revision).await?;
        let mut stored = Stored {
            resource_version: found.resource_version(last.revision).unwrap_or_default().to_owned(),
            release: last,
        };
        let now = jiff::Zoned::now();
        stored.release.info.status = Status::Uninstalling;
        stored.release.info.deleted = Some(Timestamp::of(&now));
        "Deletion in progress (or silently failed)".clone_into(&mut stored.release.info.description);
        stored = store.update(&stored, now.timestamp().as_second()).await?;
        self.begun = true;

        observer.event(&Event::PhaseStarted { phase: Phase::Delete });
        let began = Instant::now();
        let references: Vec<&Planned> = doomed.iter().collect();
        let work = async { Ok(objects::delete(cluster, observer, &references, settings.propagation).await) };
        let failed = session.guard(work).await?;
        if !failed.is_empty() {
            return Err(Error::Delete { release: settings.name.clone(), failed });
        }
        for object in &done.kept_by_policy {
            observer.event(&Event::ObjectChanged { object: object.clone(), change: Change::Kept });
        }
        self.delete_claims(session, owner, &mut done).await?;
        observer.event(&Event::PhaseFinished { phase: Phase::Delete, elapsed: began.elapsed() });
        if settings.wait {
            self.wait_gone(session, &doomed, &done).await?;
        }

        session.note(Step::Finishing, stored.release.revision).await?;
        stored.release.info.status = Status::Uninstalled;
        stored.release.info.description =
            settings.description.clone().unwrap_or_else(|| "Uninstallation complete".to_owned());
        if settings.keep_history {
            stored = store.update(&stored, jiff::Timestamp::now().as_second()).await?;
            for older in &found.stored {
                if older.release.revision != stored.release.revision && older.release.info.status == Status::Deployed {
                    let mut older = older.clone();
                    older.release.info.status = Status::Superseded;
                    store.update(&older, jiff::Timestamp::now().as_second()).await?;
                }
            }
        } else {
            self.purge(&found).await?;
        }
        done.release = stored.release;
        Ok(done)
    }

    /// The claims of this release: deleted if the user wants that, told of otherwise.
    async fn delete_claims(
        &self,
        session: &mut Session,
        owner: Owner<'_>,
        done: &mut Uninstalled,
    ) -> Result<(), Error> {
        let claims = owned_claims(self.cluster, owner.release, owner.namespace).await?;
        if !self.settings.delete_data {
            done.kept_claims = claims.into_iter().map(|claim| claim.name).collect();
            return Ok(());
        }
        let references: Vec<&Planned> = claims.iter().collect();
        let work =
            async { Ok(objects::delete(self.cluster, self.observer, &references, Propagation::Background).await) };
        let failed = session.guard(work).await?;
        if !failed.is_empty() {
            return Err(Error::Delete { release: self.settings.name.clone(), failed });
        }
        done.deleted_claims = claims.into_iter().map(|claim| claim.name).collect();
        done.kept_by_policy
            .retain(|object| object.kind != "PersistentVolumeClaim" || !done.deleted_claims.contains(&object.name));
        Ok(())
    }

    async fn wait_gone(&self, session: &mut Session, doomed: &[Planned], done: &Uninstalled) -> Result<(), Error> {
        let claims = done.deleted_claims.iter().map(|name| Resource::CLAIM.target(Some(&self.namespace), name));
        let goals = doomed
            .iter()
            .map(|object| object.resource.target(object.namespace.as_deref(), &object.name))
            .chain(claims)
            .map(|target| Goal::deleted(target, None))
            .collect();
        let options = WaitOptions::new(Rules::Full, self.settings.timeout);
        session.guard(waiting::wait(self.cluster, self.observer, goals, &options)).await
    }

    /// Removes every record of the release, the oldest first.
    async fn purge(&self, found: &Records) -> Result<(), Error> {
        let store = Store::new(self.cluster, &self.namespace);
        for release in found.history().revisions() {
            store.delete(&release.name, release.revision).await?;
        }
        Ok(())
    }
}

/// What of a stored manifest is deleted, and what its policy keeps. Claims are neither: they are looked up on the
/// cluster, because those of earlier revisions hold data too.
fn sort_out(documents: &[manifest::Document]) -> (Vec<serde_json::Value>, Vec<ObjectRef>) {
    let mut doomed = Vec::new();
    let mut kept = Vec::new();
    for document in documents {
        if document.object.is_null() || document.kind.is_empty() {
            continue;
        }
        let policy = document.object.at(&["metadata", "annotations", "helm.sh/resource-policy"]);
        let keep = policy.and_then(Value::as_str).is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"));
        if keep {
            kept.push(ObjectRef::new(document.kind.clone(), document.name.clone()));
        } else if document.kind != "PersistentVolumeClaim" {
            doomed.push(document.object.to_json());
        }
    }
    (doomed, kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_and_kept_objects_are_not_deleted() {
        let manifest = "---\n# Source: c/templates/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n\
                        ---\n# Source: c/templates/b.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\n  \
                        annotations:\n    helm.sh/resource-policy: ' Keep '\n\
                        ---\n# Source: c/templates/c.yaml\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: c\n";
        let documents = manifest::read_stored(manifest, Order::Uninstall, Compat::Helm4).unwrap();
        let (doomed, kept) = sort_out(&documents);
        assert_eq!(doomed.len(), 1);
        assert_eq!(doomed[0]["metadata"]["name"], "a");
        assert_eq!(kept, [ObjectRef::new("ConfigMap", "b")]);
    }
}
