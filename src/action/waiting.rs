//! Waiting, as verbs need it: the cluster room's waits with their progress told as events.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::objects::Planned;
use super::ownership::Existing;
use super::{Error, Event, ObjectRef, ObjectState, Observer};
use crate::cluster::readiness::Rules;
use crate::cluster::wait::{Goal, Progress, State, WaitOptions};
use crate::cluster::{Cluster, Resource, Target};

/// What is waited for after objects were applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitFor {
    /// Everything of this release runs and is ready: our own rules, which give up early on what cannot come.
    Ready,
    /// Helm 4's `watcher`.
    Watcher,
    /// Helm 3's `--wait`.
    Legacy,
    /// Nothing but hooks.
    HookOnly,
}

impl WaitFor {
    /// The rules of the cluster room.
    pub(super) const fn rules(self) -> Rules {
        match self {
            Self::Ready => Rules::Full,
            Self::Watcher | Self::HookOnly => Rules::Watcher,
            Self::Legacy => Rules::Legacy,
        }
    }
}

/// Waits for goals.
pub(super) async fn wait(
    cluster: &Cluster,
    observer: &Arc<dyn Observer>,
    goals: Vec<Goal>,
    options: &WaitOptions,
) -> Result<(), Error> {
    let mut observe = |progress| tell(observer.as_ref(), progress);
    cluster.wait(goals, options, &mut observe).await.map_err(Box::new)?;
    Ok(())
}

/// Waits until those of the objects that are being deleted are gone: a claim that is terminating is not there.
pub(super) async fn until_gone(
    cluster: &Cluster,
    observer: &Arc<dyn Observer>,
    objects: &[Planned],
    existing: &Existing,
    timeout: Duration,
) -> Result<(), Error> {
    let goals = objects
        .iter()
        .filter_map(|object| {
            let found = existing.get(&object.resource.kind, &object.name).filter(|found| found.terminating)?;
            Some(Goal::deleted(
                object.resource.target(object.namespace.as_deref(), &object.name),
                Some(found.uid.clone()),
            ))
        })
        .collect();
    wait(cluster, observer, goals, &WaitOptions::new(Rules::Full, timeout)).await
}

/// Frees StatefulSets that are stuck: a Pod that never got ready is not replaced by a new revision, because Kubernetes
/// waits for it first (its documentation calls the cure a forced rollback). Such a Pod of an old revision is deleted.
pub(super) async fn free_stuck(cluster: &Cluster, applied: &[Json], existing: &Existing) -> Result<(), Error> {
    for object in applied {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if object["kind"] != "StatefulSet" || existing.get("StatefulSet", name).is_none() {
            continue;
        }
        let Some(current) = observed(cluster, object).await? else { continue };
        for pod in cluster.pods_holding_update_up(&current).await? {
            cluster.delete_pod(&pod, 30).await?;
        }
    }
    Ok(())
}

/// The object once its controller has seen its present generation; nothing if that does not come about soon.
async fn observed(cluster: &Cluster, object: &Json) -> Result<Option<Json>, Error> {
    let Some(resource) = Resource::known("apps/v1", "StatefulSet") else { return Ok(None) };
    let (namespace, name) = (object["metadata"]["namespace"].as_str(), object["metadata"]["name"].as_str());
    for _ in 0..20 {
        let Some(current) = cluster.find(&resource, namespace, name.unwrap_or_default()).await? else {
            return Ok(None);
        };
        let seen = current["status"]["observedGeneration"].as_i64().unwrap_or_default();
        if seen >= object["metadata"]["generation"].as_i64().unwrap_or_default() {
            return Ok(Some(current));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(None)
}

pub(super) fn reference(target: &Target) -> ObjectRef {
    ObjectRef::new(target.kind.clone(), target.name.clone())
}

/// Passes progress of the cluster room on as events.
pub(super) fn tell(observer: &dyn Observer, progress: Progress) {
    let event = match progress {
        Progress::Status { object, parent, state, detail } => Event::ObjectStatus {
            object: reference(&object),
            parent: parent.as_ref().map(reference),
            state: match state {
                State::Waiting => ObjectState::Waiting,
                State::Ready => ObjectState::Ready,
                State::Failed => ObjectState::Failed,
                State::Terminating => ObjectState::Terminating,
                State::Absent => ObjectState::Absent,
            },
            detail,
        },
        Progress::Retrying { error, delay, .. } => Event::Retry { cause: error.to_string(), delay },
        Progress::Polling { what, error } | Progress::Blind { what, error } => {
            Event::Notice { code: error.code(), object: Some(reference(&what)), detail: error.to_string() }
        }
    };
    observer.event(&event);
}
