//! What speaks for a wait having failed: states of Pods, how containers ended, warnings, the last lines of logs.
//! Gathered in bounded time, when nothing else is left to be done.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use serde_json::Value;

use super::{Condition, NotReady, State, Wait, WaitError, target_of};
use crate::cluster::diagnosis::{self, Trouble};
use crate::cluster::error::Target;
use crate::cluster::fields::{self, shortened};
use crate::cluster::pods::LogOptions;
use crate::cluster::readiness::Readiness;
use crate::code::Code;

/// How long fetching logs may take, all together.
const LOG_TIME: Duration = Duration::from_secs(5);

/// How many containers' logs are fetched.
const LOG_CONTAINERS: usize = 6;

/// How many bytes of one log are read.
const LOG_BYTES: u64 = 16 << 10;

/// How many warnings are told of one object.
const WARNINGS: usize = 3;

/// What is known about an object that keeps a goal from being reached: the goal itself, or one of its Pods.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The object.
    pub object: Target,
    /// Its state in few words.
    pub state: String,
    /// Whether it is a Pod of an old revision that holds the update of its `StatefulSet` up.
    pub holds_update_up: bool,
    /// What is wrong with it, the worst first.
    pub troubles: Vec<Trouble>,
    /// The newest warnings among its events, the newest first: `FailedMount: …`.
    pub warnings: Vec<String>,
    /// The ends of logs. They may hold secrets.
    pub logs: Vec<LogExcerpt>,
}

/// The end of a container's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogExcerpt {
    /// The container.
    pub container: String,
    /// Whether it is of the run before the present one.
    pub previous: bool,
    /// The lines.
    pub lines: Vec<String>,
}

impl Wait<'_, '_> {
    /// Ends the wait without success.
    pub(super) async fn give_up(mut self, timed_out: bool) -> WaitError {
        let time = Timestamp::now();
        let mut not_ready = Vec::new();
        for index in 0..self.aims.len() {
            if !self.aims[index].reached {
                not_ready.push(self.explain(index, time));
            }
        }
        self.fetch_logs(&mut not_ready).await;
        for object in &not_ready {
            if timed_out {
                self.tell(object.object.clone(), None, State::Failed, &object.reason);
            }
        }
        WaitError::NotReady { not_ready, timed_out, elapsed: self.started.elapsed() }
    }

    fn explain(&self, index: usize, time: Timestamp) -> NotReady {
        let aim = &self.aims[index];
        let object = aim.goal.object.clone();
        let mut evidence = Vec::new();
        if let Some(latest) = &aim.latest {
            let is_pod = object.kind == "Pod";
            let own = if is_pod { diagnosis::pod_troubles(latest) } else { diagnosis::object_troubles(latest) };
            let state = if is_pod { diagnosis::pod_state(latest) } else { String::new() };
            evidence.push(self.evidence_of(latest, state, own, time));
            if aim.goal.condition == Condition::Ready {
                for pod in self.current_pods(latest) {
                    let settled = fields::condition(&pod, "Ready") == Some("True");
                    if !settled {
                        let (state, troubles) = (diagnosis::pod_state(&pod), diagnosis::pod_troubles(&pod));
                        let found = self.evidence_of(&pod, state, troubles, time);
                        let holds_update_up = diagnosis::holds_update_up(latest, &pod);
                        evidence.push(Evidence { holds_update_up, ..found });
                    }
                }
            }
            evidence.retain(|one| one.object.kind == "Pod" || !one.troubles.is_empty() || !one.warnings.is_empty());
            let severity = |one: &Evidence| one.troubles.first().map_or(u8::MAX, |trouble| trouble.kind as u8);
            evidence.sort_by_key(severity);
        }
        let worst = evidence.first().and_then(|one| one.troubles.first().map(|trouble| (one, trouble)));
        let (reason, code) = match (&aim.failed, &aim.goal.condition, &aim.latest, worst) {
            (Some((reason, code)), ..) => (reason.clone(), *code),
            (None, Condition::Deleted { .. }, latest, _) => {
                let finalizers: Vec<&str> = latest
                    .iter()
                    .flat_map(|object| fields::items(object, "/metadata/finalizers"))
                    .filter_map(Value::as_str)
                    .collect();
                let reason = if finalizers.is_empty() {
                    "still there".to_owned()
                } else {
                    format!("still there, held by finalizers: {}", finalizers.join(", "))
                };
                (reason, Code::DeleteFailed)
            }
            (None, _, None, _) if aim.looked => ("not there".to_owned(), Code::ObjectMissing),
            (None, _, None, _) => ("never seen".to_owned(), Code::NotReady),
            (None, _, Some(_), Some((one, trouble))) if one.object.kind == "Pod" && one.object != object => {
                (format!("Pod/{}: {trouble}", one.object.name), trouble.code())
            }
            (None, _, Some(_), Some((_, trouble))) => (trouble.to_string(), trouble.code()),
            (None, _, Some(_), None) => match &aim.readiness {
                Some(Readiness::Waiting { reason }) => (reason.clone(), Code::NotReady),
                Some(Readiness::Terminating) => ("being deleted".to_owned(), Code::NotReady),
                _ => ("not ready".to_owned(), Code::NotReady),
            },
        };
        NotReady { object, readiness: aim.readiness.clone(), reason, code, evidence }
    }

    fn evidence_of(&self, object: &Value, state: String, mut troubles: Vec<Trouble>, time: Timestamp) -> Evidence {
        let uid = fields::text(object, "/metadata/uid");
        let events = self.events.get(uid).map(Vec::as_slice).unwrap_or_default();
        for event in events.iter().rev().filter(|event| super::sources::is_fresh(event, time)) {
            if let Some(trouble) = diagnosis::event_trouble(event, object)
                && !troubles.iter().any(|known| known.kind == trouble.kind)
            {
                troubles.push(trouble);
            }
        }
        // What an alternating state said before says more than what it says now.
        for trouble in &mut troubles {
            let episode = self.episodes.get(&super::TroubleKey::of(uid, trouble));
            if let Some(episode) = episode.filter(|episode| episode.worst.kind < trouble.kind) {
                trouble.kind = episode.worst.kind;
                trouble.message.clone_from(&episode.worst.message);
            }
        }
        troubles.sort_by_key(|trouble| trouble.kind);
        let mut warnings: Vec<String> = Vec::new();
        for event in events.iter().rev() {
            let text = format!(
                "{}: {}",
                fields::text(event, "/reason"),
                shortened(fields::text(event, "/message").trim(), 400)
            );
            if !warnings.contains(&text) && warnings.len() < WARNINGS {
                warnings.push(text);
            }
        }
        Evidence { object: target_of(object), state, holds_update_up: false, troubles, warnings, logs: Vec::new() }
    }

    /// Adds the ends of logs of containers that have run.
    async fn fetch_logs(&mut self, not_ready: &mut [NotReady]) {
        let (cluster, options) = (self.cluster, self.options);
        if options.log_lines == 0 {
            return;
        }
        let mut wanted = Vec::new();
        for (at, object) in not_ready.iter().enumerate() {
            for (nth, evidence) in object.evidence.iter().enumerate().filter(|(_, one)| one.object.kind == "Pod") {
                let pod = self.pods.values().chain(self.aims.iter().filter_map(|aim| aim.latest.as_ref()));
                let Some(pod) = pod.into_iter().find(|pod| target_of(pod) == evidence.object) else { continue };
                for (container, previous) in containers_that_ran(pod) {
                    wanted.push((at, nth, evidence.object.clone(), container, previous));
                }
            }
        }
        wanted.truncate(LOG_CONTAINERS);
        let fetches = wanted.into_iter().map(|(at, nth, pod, container, previous)| async move {
            let wanted = LogOptions {
                container: Some(container.clone()),
                previous,
                tail: Some(options.log_lines),
                limit_bytes: Some(LOG_BYTES),
                ..LogOptions::default()
            };
            let namespace = pod.namespace.clone().unwrap_or_default();
            let text = tokio::time::timeout(LOG_TIME, cluster.logs(&namespace, &pod.name, &wanted)).await;
            let lines: Vec<String> = text.ok()?.ok()?.lines().map(|line| shortened(line, 1000)).collect();
            (!lines.is_empty()).then_some((at, nth, LogExcerpt { container, previous, lines }))
        });
        for (at, nth, excerpt) in join_all(fetches).await.into_iter().flatten() {
            not_ready[at].evidence[nth].logs.push(excerpt);
        }
    }
}

/// The containers of a Pod that are not well and have written something, and whether the run before tells more than
/// the present one.
fn containers_that_ran(pod: &Value) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    for pointer in ["/status/initContainerStatuses", "/status/containerStatuses"] {
        for status in fields::items(pod, pointer) {
            let is = |state: &str| status.pointer(state).is_some_and(Value::is_object);
            let well = fields::flag(status, "/ready") || fields::whole(status, "/state/terminated/exitCode") == Some(0);
            if well {
                continue;
            }
            let (running, ended) = (is("/state/running"), is("/lastState/terminated"));
            if running || ended || is("/state/terminated") {
                found.push((fields::text(status, "/name").to_owned(), running && ended));
            }
        }
    }
    found
}
