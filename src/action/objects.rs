//! The objects of a release on their way to the cluster and away from it: kinds resolved, ownership marked, applied
//! group by group in Helm's order, deleted in the opposite one.

use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::Value as Json;

use super::ownership::{Existing, Owner, Wanted};
use super::{Change, Error, Event, ObjectRef, Observer};
use crate::cluster::{Cluster, DeleteOptions, Deletion, Effect, Propagation, Resource, WriteOptions};

/// Requests under way at the same time, as many as kubectl and Helm send in a burst on one connection each.
const AT_ONCE: usize = 8;

/// One object of a release.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    /// Its kind.
    pub resource: Resource,
    /// Its namespace, if it lives in one.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The whole object, marked as owned.
    pub body: Json,
}

impl Planned {
    /// Resolves kinds and namespaces of parsed documents and marks their owner. Kinds that are not in the table of
    /// known ones cost one request for each group version.
    pub(super) async fn resolve(cluster: &Cluster, owner: Owner<'_>, documents: Vec<Json>) -> Result<Vec<Self>, Error> {
        let mut planned = Vec::with_capacity(documents.len());
        for body in documents {
            let text = |pointer: &str| body.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
            let (api_version, kind) = (text("/apiVersion").to_owned(), text("/kind").to_owned());
            let resource = match Resource::known(&api_version, &kind) {
                Some(resource) => resource,
                None => cluster.resource(&api_version, &kind).await?,
            };
            planned.push(Self::of(resource, owner, body));
        }
        Ok(planned)
    }

    /// An object of a kind that was found: in its namespace, and marked as owned.
    pub(super) fn of(resource: Resource, owner: Owner<'_>, mut body: Json) -> Self {
        let text = |pointer: &str| body.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
        let (name, given) = (text("/metadata/name"), text("/metadata/namespace"));
        let namespace = resource.namespaced.then(|| if given.is_empty() { owner.namespace.to_owned() } else { given });
        if let Some(namespace) = &namespace {
            body["metadata"]["namespace"] = Json::from(namespace.as_str());
        }
        owner.mark(&mut body);
        Self { resource, namespace, name, body }
    }

    /// What the server is to begin a name with; empty if it makes none.
    pub(super) fn generate_name(&self) -> &str {
        self.body.pointer("/metadata/generateName").and_then(Json::as_str).unwrap_or_default()
    }

    /// Whether the server makes the name.
    pub(super) fn makes_name(&self) -> bool {
        self.name.is_empty() && !self.generate_name().is_empty()
    }

    /// Kind and name.
    pub(super) fn reference(&self) -> ObjectRef {
        ObjectRef::new(self.resource.kind.clone(), self.name.clone())
    }

    /// As something to look for.
    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted { resource: &self.resource, namespace: self.namespace.as_deref(), name: &self.name }
    }
}

/// Applies objects, and keeps count.
pub(super) struct Applier<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Who is told.
    pub observer: &'a Arc<dyn Observer>,
    /// What was there before, to tell a change from none.
    pub existing: &'a Existing,
    /// How to write.
    pub options: WriteOptions,
    /// What was applied so far, as the server answered.
    pub applied: Mutex<Vec<Json>>,
}

impl Applier<'_> {
    /// The objects applied so far.
    pub(super) fn take_applied(&self) -> Vec<Json> {
        std::mem::take(&mut *self.applied.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many objects were applied so far.
    pub(super) fn count(&self) -> usize {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Applies objects that are in install order: objects of one kind together, the next kind when they are done.
    ///
    /// # Errors
    /// The first refusal, after the rest of its group was tried.
    pub(super) async fn apply(&self, objects: &[&Planned]) -> Result<(), Error> {
        for group in objects.chunk_by(|left, right| left.resource.kind == right.resource.kind) {
            let mut waiting = group.iter();
            let mut under_way: FuturesUnordered<_> =
                waiting.by_ref().take(AT_ONCE).map(|object| self.apply_one(object)).collect();
            let mut first = None;
            while let Some(result) = under_way.next().await {
                if let Err(error) = result {
                    first.get_or_insert(error);
                }
                if let Some(object) = waiting.next() {
                    under_way.push(self.apply_one(object));
                }
            }
            if let Some(error) = first {
                return Err(error);
            }
        }
        Ok(())
    }

    async fn apply_one(&self, object: &Planned) -> Result<(), Error> {
        let applied = self
            .cluster
            .apply(&object.resource, object.namespace.as_deref(), &object.name, &object.body, &self.options)
            .await?;
        let before = self.existing.get(&object.resource.kind, &object.name);
        let change = match applied.effect(before.map(|found| found.resource_version.as_str())) {
            Effect::Created => Change::Created,
            Effect::Unchanged => Change::Unchanged,
            Effect::Changed | Effect::Unknown => Change::Configured,
        };
        self.applied.lock().unwrap_or_else(PoisonError::into_inner).push(applied.object);
        self.observer.event(&Event::ObjectChanged { object: object.reference(), change });
        Ok(())
    }
}

/// Deletes objects that are in uninstall order, objects of one kind together. What is not there is as good as deleted.
/// Everything is tried; the refusals come back.
pub(super) async fn delete(
    cluster: &Cluster,
    observer: &Arc<dyn Observer>,
    objects: &[&Planned],
    propagation: Propagation,
) -> Vec<(ObjectRef, String)> {
    let options = DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() };
    let mut failed = Vec::new();
    for group in objects.chunk_by(|left, right| left.resource.kind == right.resource.kind) {
        let results = futures::future::join_all(
            group
                .iter()
                .map(|object| cluster.delete(&object.resource, object.namespace.as_deref(), &object.name, &options)),
        )
        .await;
        for (object, result) in group.iter().zip(results) {
            match result {
                Ok(Deletion::Absent) => {}
                Ok(Deletion::Deleted | Deletion::Terminating(_)) => {
                    observer.event(&Event::ObjectChanged { object: object.reference(), change: Change::Deleted });
                }
                Err(error) => failed.push((object.reference(), error.to_string())),
            }
        }
    }
    failed
}
