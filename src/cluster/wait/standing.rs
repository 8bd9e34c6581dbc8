//! Where every goal stands, from what is known at this moment: judged anew after each piece of news.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::{Condition, Episode, State, TroubleKey, Wait, sources, target_of};
use crate::cluster::diagnosis::{self, Trouble, TroubleKind};
use crate::cluster::error::Target;
use crate::cluster::fields;
use crate::cluster::readiness::{self, Readiness, Rules, Surroundings};
use crate::code::Code;

/// What was found out about a goal.
struct Finding {
    readiness: Option<Readiness>,
    reached: bool,
    failed: Option<(String, Code)>,
    state: State,
    detail: String,
}

impl Finding {
    fn waiting(readiness: Option<Readiness>, detail: impl Into<String>) -> Self {
        Self { readiness, reached: false, failed: None, state: State::Waiting, detail: detail.into() }
    }

    fn reached(state: State) -> Self {
        Self { readiness: Some(Readiness::Ready), reached: true, failed: None, state, detail: String::new() }
    }
}

impl Wait<'_, '_> {
    /// Judges every goal, tells what has changed, and notes when to look again.
    pub(super) fn judge(&mut self, now: Instant, time: Timestamp) {
        let mut alive = HashSet::new();
        for index in 0..self.aims.len() {
            if self.aims[index].settled {
                continue;
            }
            let finding = self.find(index, now, time, &mut alive);
            let aim = &mut self.aims[index];
            aim.readiness = finding.readiness;
            aim.reached = finding.reached;
            aim.failed = finding.failed;
            let object = aim.goal.object.clone();
            self.tell(object, None, finding.state, &finding.detail);
        }
        self.report_pods(now, time, &mut alive);
        self.episodes.retain(|key, _| alive.contains(key));
    }

    fn find(&mut self, index: usize, now: Instant, time: Timestamp, alive: &mut HashSet<TroubleKey>) -> Finding {
        let aim = &self.aims[index];
        let latest = aim.latest.clone();
        match (&aim.goal.condition, latest) {
            (Condition::Deleted { uid }, latest) => {
                let gone = match (&latest, uid) {
                    (None, _) => aim.looked,
                    (Some(object), Some(uid)) => fields::text(object, "/metadata/uid") != uid,
                    (Some(_), None) => false,
                };
                if gone { Finding::reached(State::Absent) } else { still_there(latest.as_ref()) }
            }
            (_, None) => Finding::waiting(None, "not there"),
            (Condition::Running, Some(pod)) => self.find_running(&pod, now, time, alive),
            (Condition::Ready, Some(object)) => self.find_ready(index, &object, now, time, alive),
        }
    }

    fn find_running(&mut self, pod: &Value, now: Instant, time: Timestamp, alive: &mut HashSet<TroubleKey>) -> Finding {
        let detail = diagnosis::pod_state(pod);
        if !fields::text(pod, "/metadata/deletionTimestamp").is_empty() {
            let failed = Some(("the Pod is being deleted".to_owned(), Code::PodLost));
            return Finding {
                readiness: Some(Readiness::Terminating),
                reached: false,
                failed,
                state: State::Terminating,
                detail,
            };
        }
        let running = fields::items(pod, "/status/containerStatuses")
            .filter(|status| status.pointer("/state/running").is_some_and(Value::is_object))
            .count();
        let wanted = fields::items(pod, "/spec/containers").count();
        let failed = match fields::text(pod, "/status/phase") {
            "Running" if running == wanted => return Finding::reached(State::Ready),
            phase @ ("Failed" | "Succeeded") => {
                let trouble = self.pod_trouble(pod, now, time, alive);
                let reason =
                    trouble.map_or_else(|| format!("the Pod has ended: {phase}"), |trouble| trouble.0.to_string());
                Some((reason, Code::PodLost))
            }
            _ => self
                .pod_trouble(pod, now, time, alive)
                .filter(|found| found.1)
                .map(|(trouble, _)| (trouble.to_string(), trouble.code())),
        };
        let state = if failed.is_some() { State::Failed } else { State::Waiting };
        let readiness = Some(Readiness::Waiting { reason: detail.clone() });
        Finding { readiness, reached: false, failed, state, detail }
    }

    fn find_ready(
        &mut self,
        index: usize,
        object: &Value,
        now: Instant,
        time: Timestamp,
        alive: &mut HashSet<TroubleKey>,
    ) -> Finding {
        let namespace = fields::text(object, "/metadata/namespace");
        let near = |other: &&Value| fields::text(other, "/metadata/namespace") == namespace;
        let pods: Vec<Value> = self.pods.values().filter(near).cloned().collect();
        let pods: Vec<&Value> = pods.iter().collect();
        let sets: Vec<&Value> = self.replica_sets.values().filter(near).collect();
        let around = Surroundings {
            pods: &pods,
            replica_sets: &sets,
            binding: self.aims[index].binding,
            used: self.aims[index].used,
            wait_for_jobs: self.options.wait_for_jobs,
            now: time,
        };
        let readiness = readiness::assess(self.options.rules, object, &around);
        match readiness {
            Readiness::Ready => Finding::reached(State::Ready),
            Readiness::Terminating => {
                let finding = still_there(Some(object));
                Finding { readiness: Some(Readiness::Terminating), ..finding }
            }
            Readiness::Failed { ref reason, code } => {
                let failed = Some((reason.clone(), code));
                let detail = reason.clone();
                Finding { readiness: Some(readiness), reached: false, failed, state: State::Failed, detail }
            }
            Readiness::Waiting { ref reason } => {
                let detail = reason.clone();
                let failed =
                    if self.options.rules == Rules::Full { self.outlasted(object, now, time, alive) } else { None };
                let state = if failed.is_some() { State::Failed } else { State::Waiting };
                Finding { readiness: Some(readiness), reached: false, failed, state, detail }
            }
        }
    }

    /// The worst trouble of an object and its Pods that has outlasted its patience.
    fn outlasted(
        &mut self,
        object: &Value,
        now: Instant,
        time: Timestamp,
        alive: &mut HashSet<TroubleKey>,
    ) -> Option<(String, Code)> {
        let uid = fields::text(object, "/metadata/uid").to_owned();
        let mut troubles = diagnosis::object_troubles(object);
        troubles.extend(self.event_troubles(&uid, object, time));
        let mut found = self
            .outlasting(&uid, troubles, now, alive)
            .filter(|found| found.1)
            .map(|(trouble, _)| (trouble.to_string(), trouble.code()));
        if object.get("kind").is_some_and(|kind| kind == "Pod") {
            let own = self.pod_trouble(object, now, time, alive).filter(|own| own.1);
            return found.or_else(|| own.map(|(trouble, _)| (trouble.to_string(), trouble.code())));
        }
        for pod in self.current_pods(object) {
            let Some((trouble, true)) = self.pod_trouble(&pod, now, time, alive) else { continue };
            let name = fields::text(&pod, "/metadata/name");
            let old =
                if is_old(object, &pod) { " (old revision, which is not replaced before it is ready)" } else { "" };
            found = found.or_else(|| Some((format!("Pod/{name}{old}: {trouble}"), trouble.code())));
        }
        found
    }

    /// The worst trouble of a Pod, and whether it has outlasted its patience.
    pub(super) fn pod_trouble(
        &mut self,
        pod: &Value,
        now: Instant,
        time: Timestamp,
        alive: &mut HashSet<TroubleKey>,
    ) -> Option<(Trouble, bool)> {
        let uid = fields::text(pod, "/metadata/uid").to_owned();
        let mut troubles = diagnosis::pod_troubles(pod);
        troubles.extend(self.event_troubles(&uid, pod, time));
        self.outlasting(&uid, troubles, now, alive)
    }

    /// The troubles that fresh events, or events that were fresh once, tell of.
    fn event_troubles(&self, uid: &str, object: &Value, time: Timestamp) -> Vec<Trouble> {
        let lasting = |trouble: &Trouble| self.episodes.contains_key(&TroubleKey::of(uid, trouble));
        let events = self.events.get(uid).map(Vec::as_slice).unwrap_or_default();
        events
            .iter()
            .rev()
            .filter_map(|event| diagnosis::event_trouble(event, object).map(|trouble| (event, trouble)))
            .filter(|(event, trouble)| sources::is_fresh(event, time) || lasting(trouble))
            .map(|(_, trouble)| trouble)
            .collect()
    }

    fn outlasting(
        &mut self,
        uid: &str,
        troubles: Vec<Trouble>,
        now: Instant,
        alive: &mut HashSet<TroubleKey>,
    ) -> Option<(Trouble, bool)> {
        let mut worst: Option<(Trouble, bool)> = None;
        for trouble in troubles {
            let key = TroubleKey::of(uid, &trouble);
            alive.insert(key.clone());
            let episode = self.episodes.entry(key).or_insert_with(|| Episode { since: now, worst: trouble.clone() });
            // Older kubelets name the cause only in the first of two states that alternate.
            if trouble.kind <= episode.worst.kind {
                let message = std::mem::take(&mut episode.worst.message);
                episode.worst = trouble;
                if episode.worst.message.is_empty() {
                    episode.worst.message = message;
                }
            } else {
                episode.worst.restarts = trouble.restarts;
            }
            let trouble = episode.worst.clone();
            let since = episode.since;
            let over = match self.options.patience.limit(trouble.kind) {
                None => false,
                Some(_) if trouble.kind == TroubleKind::CrashLoop => self.keeps_crashing(uid, &trouble),
                Some(limit) if now >= since + limit => true,
                Some(limit) => {
                    self.wake_at(since + limit);
                    false
                }
            };
            let is_worse = worst
                .as_ref()
                .is_none_or(|known| (!known.1 && over) || (known.1 == over && trouble.kind < known.0.kind));
            if is_worse {
                worst = Some((trouble, over));
            }
        }
        worst
    }

    /// Crashes of before the wait do not count: what made the container crash may just have been mended.
    fn keeps_crashing(&self, uid: &str, trouble: &Trouble) -> bool {
        let container = trouble.container.clone().unwrap_or_default();
        let before = self.baselines.get(&(uid.to_owned(), container)).copied().unwrap_or(0);
        trouble.restarts >= self.options.patience.restarts && trouble.restarts > before
    }

    /// The Pods on whose getting ready the workload's depends.
    pub(super) fn current_pods(&self, workload: &Value) -> Vec<Value> {
        // Until the controller has seen the change, nobody knows which Pods are the new ones.
        if fields::whole(workload, "/metadata/generation") != fields::whole(workload, "/status/observedGeneration")
            && workload.pointer("/status/observedGeneration").is_some()
        {
            return Vec::new();
        }
        let mut pods: Vec<&Value> = self.pods.values().filter(|pod| fields::owns(workload, pod)).collect();
        match fields::text(workload, "/kind") {
            "Deployment" => {
                // New Pods come from the newest ReplicaSet only.
                let born = |pod: &&Value| fields::text(pod, "/metadata/creationTimestamp").to_owned();
                let hash = |pod: &Value| fields::text(pod, "/metadata/labels/pod-template-hash").to_owned();
                if let Some(newest) = pods.iter().copied().max_by_key(born).map(hash) {
                    pods.retain(|pod| hash(pod) == newest);
                }
            }
            "StatefulSet" => {
                // An old Pod that does not get ready holds an ordered update up for ever; elsewhere it is
                // replaced.
                let ordered = fields::text(workload, "/spec/podManagementPolicy") != "Parallel"
                    && fields::text(workload, "/spec/updateStrategy/type") != "OnDelete";
                pods.retain(|pod| ordered || !is_old(workload, pod));
            }
            _ => {}
        }
        pods.into_iter().cloned().collect()
    }

    fn report_pods(&mut self, now: Instant, time: Timestamp, alive: &mut HashSet<TroubleKey>) {
        let pods: Vec<Value> = self.pods.values().cloned().collect();
        for pod in pods {
            let Some(parent) = self.parent_of(&pod) else { continue };
            // A Pod that has another UID than its forerunner of the same name is reported once that one is gone.
            let detail = diagnosis::pod_state(&pod);
            let state = if !fields::text(&pod, "/metadata/deletionTimestamp").is_empty() {
                State::Terminating
            } else if fields::condition(&pod, "Ready") == Some("True")
                || fields::text(&pod, "/status/phase") == "Succeeded"
            {
                State::Ready
            } else {
                let over = self.pod_trouble(&pod, now, time, alive).is_some_and(|found| found.1);
                if over || fields::text(&pod, "/status/phase") == "Failed" { State::Failed } else { State::Waiting }
            };
            self.tell(target_of(&pod), Some(parent), state, &detail);
        }
    }

    /// The goal a Pod belongs to.
    pub(super) fn parent_of(&self, pod: &Value) -> Option<Target> {
        self.aims
            .iter()
            .filter(|aim| aim.goal.condition == Condition::Ready)
            .find(|aim| aim.latest.as_ref().is_some_and(|object| fields::owns(object, pod)))
            .map(|aim| aim.goal.object.clone())
    }
}

impl TroubleKey {
    pub(super) fn of(uid: &str, trouble: &Trouble) -> Self {
        let kind = match trouble.kind {
            TroubleKind::ImageRefused => TroubleKind::ImagePull,
            kind => kind,
        };
        Self { uid: uid.to_owned(), container: trouble.container.clone(), kind }
    }
}

/// Whether a Pod of a `StatefulSet` is of an earlier revision.
fn is_old(workload: &Value, pod: &Value) -> bool {
    let newest = fields::text(workload, "/status/updateRevision");
    fields::text(workload, "/kind") == "StatefulSet"
        && !newest.is_empty()
        && fields::text(pod, "/metadata/labels/controller-revision-hash") != newest
}

/// An object that has to go, or is going.
fn still_there(object: Option<&Value>) -> Finding {
    let Some(object) = object else { return Finding::waiting(None, "not looked at yet") };
    if fields::text(object, "/metadata/deletionTimestamp").is_empty() {
        return Finding::waiting(Some(Readiness::Ready), "still there");
    }
    let finalizers: Vec<&str> = fields::items(object, "/metadata/finalizers").filter_map(Value::as_str).collect();
    let detail =
        if finalizers.is_empty() { String::new() } else { format!("held by finalizers: {}", finalizers.join(", ")) };
    Finding { readiness: Some(Readiness::Terminating), reached: false, failed: None, state: State::Terminating, detail }
}
