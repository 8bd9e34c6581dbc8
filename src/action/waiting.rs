//! Waiting, as verbs need it: the cluster room's waits with their progress told as events.

use std::sync::Arc;
use std::time::Duration;

use super::objects::Planned;
use super::ownership::Existing;
use super::{Error, Event, ObjectRef, ObjectState, Observer};
use crate::cluster::readiness::Rules;
use crate::cluster::wait::{Goal, Progress, State, WaitOptions};
use crate::cluster::{Cluster, Target};

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
