//! Where the news of a wait comes from: which watches are opened when, and what is kept of what they tell.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Aim, Condition, Goal, Progress, State, Wait, WaitError, target_of};
use crate::cluster::client::Cluster;
use crate::cluster::error::{Error, Target};
use crate::cluster::fields;
use crate::cluster::objects::ListOptions;
use crate::cluster::readiness::{self, Binding, Rules, Surroundings};
use crate::cluster::resource::Resource;
use crate::cluster::watch::{self, News, Scope};

/// How long the Pods of workloads wait for all workloads to be known, so that one selector fits.
const SELECTOR_PATIENCE: Duration = Duration::from_secs(2);

/// How old an event may be when it is first seen to count as a present trouble. Older ones speak of the past;
/// one that is still true comes again.
const FRESH: Duration = Duration::from_mins(2);

/// How many events are kept for one object.
const EVENTS_KEPT: usize = 20;

/// How often is asked whether a Pod uses a claim.
const CLAIM_PAUSE: Duration = Duration::from_secs(3);

/// The longest label selector that is put into a request line.
const LONGEST_SELECTOR: usize = 2048;

/// Version, kind and namespace of goals that share a watch, and whether they wait for deletion.
type Group = (String, String, Option<String>, bool);

/// What a watch is for.
enum Role {
    /// These aims.
    Aims(Vec<usize>),
    /// The Pods of workloads.
    Pods,
    /// The `ReplicaSet`s of Deployments.
    ReplicaSets,
    /// Warnings.
    Events,
}

/// One watch.
pub(super) struct Source {
    role: Role,
    what: Target,
    namespace: Option<String>,
}

fn resource_of(api_version: &str, kind: &str) -> Result<Resource, Error> {
    Resource::known(api_version, kind)
        .ok_or_else(|| Error::UnknownKind { api_version: api_version.to_owned(), kind: kind.to_owned() })
}

/// Kinds that make Pods.
fn is_workload(kind: &str) -> bool {
    matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job")
}

impl Wait<'_, '_> {
    /// Takes the goals in, and opens one watch for each kind and namespace that has to be watched.
    pub(super) async fn add_goals(&mut self, goals: Vec<Goal>) -> Result<(), WaitError> {
        let mut groups: BTreeMap<Group, (Resource, Vec<usize>)> = BTreeMap::new();
        for mut goal in goals {
            let deletion = matches!(goal.condition, Condition::Deleted { .. });
            let index = self.aims.len();
            if self.reached_already(&goal) {
                self.tell(goal.object.clone(), None, State::Ready, "");
                self.aims.push(Aim::new(goal, true));
                continue;
            }
            let resource = match self.cluster.resource(&goal.object.api_version, &goal.object.kind).await {
                Ok(resource) => resource,
                // What the server does not know any more is gone.
                Err(Error::UnknownKind { .. }) if deletion => {
                    self.tell(goal.object.clone(), None, State::Absent, "");
                    self.aims.push(Aim::new(goal, true));
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            goal.object.namespace = match goal.object.namespace.take() {
                Some(namespace) if resource.namespaced => Some(namespace),
                None if resource.namespaced => Some(self.cluster.namespace().to_owned()),
                _ => None,
            };
            let key =
                (goal.object.api_version.clone(), goal.object.kind.clone(), goal.object.namespace.clone(), deletion);
            groups.entry(key).or_insert_with(|| (resource, Vec::new())).1.push(index);
            let applied = goal.applied.clone();
            let mut aim = Aim::new(goal, false);
            aim.latest = applied;
            self.aims.push(aim);
        }
        for ((_, _, namespace, deletion), (resource, aims)) in groups {
            let mut names: Vec<String> = aims.iter().map(|aim| self.aims[*aim].goal.object.name.clone()).collect();
            names.dedup();
            let scope = Scope { names, complete: deletion, metadata_only: deletion, ..Scope::all(resource, namespace) };
            self.open(Role::Aims(aims), scope);
        }
        Ok(())
    }

    fn reached_already(&self, goal: &Goal) -> bool {
        if goal.condition != Condition::Ready {
            return false;
        }
        let rules = self.options.rules;
        let stub = json!({"apiVersion": goal.object.api_version, "kind": goal.object.kind});
        let object = goal.applied.as_ref().unwrap_or(&stub);
        if readiness::ready_by_existing(rules, object, self.options.wait_for_jobs) {
            return true;
        }
        let around = Surroundings { wait_for_jobs: self.options.wait_for_jobs, ..Surroundings::none(Timestamp::now()) };
        // Whoever wants things to stay ready has to go on looking.
        self.options.settle.is_zero()
            && goal.applied.as_ref().is_some_and(|object| readiness::assess(rules, object, &around).is_ready())
    }

    fn open(&mut self, role: Role, scope: Scope) {
        let number = self.sources.len();
        self.sources.push(Source { role, what: scope.target(), namespace: scope.namespace.clone() });
        let stream = watch::watch(self.cluster, scope, self.options.pace.clone());
        self.streams.push(stream.map(move |news| (number, news)).boxed());
    }

    /// Opens the watches that are needed only now.
    pub(super) fn widen(&mut self, now: Instant) {
        if !self.pods_followed {
            let open: Vec<&Aim> = self.aims.iter().filter(|aim| !aim.settled && aim.wants_pods()).collect();
            let known = open.iter().all(|aim| aim.latest.is_some());
            let due = self.started + SELECTOR_PATIENCE;
            if open.is_empty() {
                self.pods_followed = true;
            } else if known || now >= due {
                self.pods_followed = true;
                self.follow_pods();
            } else {
                self.wake_at(due);
            }
        }
        if !self.events_followed {
            let due = self.started + self.options.events_after;
            if now >= due || !self.episodes.is_empty() {
                self.events_followed = true;
                self.follow_events();
            } else {
                self.wake_at(due);
            }
        }
    }

    fn follow_pods(&mut self) {
        let mut namespaces: BTreeMap<String, Vec<Option<Value>>> = BTreeMap::new();
        let mut deployments: BTreeMap<String, Vec<Option<Value>>> = BTreeMap::new();
        for aim in self.aims.iter().filter(|aim| !aim.settled && aim.wants_pods()) {
            let Some(namespace) = aim.goal.object.namespace.clone() else { continue };
            namespaces.entry(namespace.clone()).or_default().push(aim.latest.clone());
            if aim.goal.object.kind == "Deployment" && self.options.rules == Rules::Legacy {
                deployments.entry(namespace).or_default().push(aim.latest.clone());
            }
        }
        if let Ok(resource) = resource_of("v1", "Pod") {
            for (namespace, workloads) in namespaces {
                let labels = common_selector(&workloads);
                let scope = Scope { labels, complete: false, ..Scope::all(resource.clone(), Some(namespace)) };
                self.open(Role::Pods, scope);
            }
        }
        if let Ok(resource) = resource_of("apps/v1", "ReplicaSet") {
            for (namespace, workloads) in deployments {
                let labels = common_selector(&workloads);
                let scope = Scope { labels, complete: false, ..Scope::all(resource.clone(), Some(namespace)) };
                self.open(Role::ReplicaSets, scope);
            }
        }
    }

    fn follow_events(&mut self) {
        let Ok(resource) = resource_of("v1", "Event") else { return };
        let mut namespaces: Vec<String> = self
            .aims
            .iter()
            .filter(|aim| !aim.settled && !matches!(aim.goal.condition, Condition::Deleted { .. }))
            .filter_map(|aim| aim.goal.object.namespace.clone())
            .collect();
        namespaces.sort();
        namespaces.dedup();
        for namespace in namespaces {
            let fields = Some("type=Warning".to_owned());
            let scope = Scope { fields, complete: false, ..Scope::all(resource.clone(), Some(namespace)) };
            self.open(Role::Events, scope);
        }
    }

    /// Finds out what becomes of unbound claims, once nothing else is waited for: when their class makes volumes, and
    /// whether a Pod uses them. Says whether anything was looked up.
    pub(super) async fn look_at_claims(&mut self, now: Instant) -> bool {
        let open: Vec<usize> = (0..self.aims.len()).filter(|index| !self.aims[*index].reached).collect();
        let only_claims = !open.is_empty() && open.iter().all(|index| self.aims[*index].unbound_claim());
        if self.options.rules != Rules::Full || !only_claims {
            return false;
        }
        if let Some(due) = self.claims_looked.map(|at| at + CLAIM_PAUSE)
            && now < due
        {
            self.wake_at(due);
            return false;
        }
        self.claims_looked = Some(now);
        for index in open {
            let claim = self.aims[index].latest.clone().unwrap_or_default();
            let class = claim.pointer("/spec/storageClassName").and_then(Value::as_str).map(str::to_owned);
            if self.aims[index].binding == Binding::Unknown {
                self.aims[index].binding = match binding_of(self.cluster, class.as_deref()).await {
                    Ok(binding) => binding,
                    Err(error) => {
                        // Then a claim that nobody uses yet is taken to be waiting for its first user.
                        let what = Resource::known("storage.k8s.io/v1", "StorageClass")
                            .map(|resource| resource.target(None, class.as_deref().unwrap_or_default()));
                        (self.observe)(Progress::Blind { what: what.unwrap_or_default(), error });
                        Binding::FirstConsumer
                    }
                };
            }
            if self.aims[index].binding == Binding::FirstConsumer {
                let namespace = self.aims[index].goal.object.namespace.clone().unwrap_or_default();
                self.aims[index].used = self.is_used(&namespace, fields::text(&claim, "/metadata/name")).await;
            }
        }
        true
    }

    async fn is_used(&mut self, namespace: &str, claim: &str) -> bool {
        let Ok(resource) = resource_of("v1", "Pod") else { return false };
        match self.cluster.list(&resource, Some(namespace), &ListOptions::default()).await {
            Ok(list) => list.items.iter().any(|pod| fields::uses_claim(pod, claim)),
            Err(error) => {
                (self.observe)(Progress::Blind { what: resource.target(Some(namespace), ""), error });
                false
            }
        }
    }

    /// Takes news of a watch in.
    pub(super) fn take(&mut self, number: usize, news: News) -> Result<(), WaitError> {
        let what = self.sources[number].what.clone();
        match news {
            News::Snapshot(objects) => self.take_snapshot(number, objects),
            News::Applied(object) => self.take_object(number, object),
            News::Deleted(object) => self.take_deletion(number, &object),
            News::Retrying { error, delay } => (self.observe)(Progress::Retrying { what, error, delay }),
            News::Polling(error) => (self.observe)(Progress::Polling { what, error }),
            News::Refused(error) => match self.sources[number].role {
                Role::Aims(_) | Role::ReplicaSets => return Err(error.into()),
                Role::Pods | Role::Events => (self.observe)(Progress::Blind { what, error }),
            },
        }
        Ok(())
    }

    fn take_snapshot(&mut self, number: usize, objects: Vec<Value>) {
        let namespace = self.sources[number].namespace.clone().unwrap_or_default();
        let elsewhere = |object: &Value| fields::text(object, "/metadata/namespace") != namespace;
        let known = |object: &Value| {
            let uid = fields::text(object, "/metadata/uid");
            objects.iter().any(|other| fields::text(other, "/metadata/uid") == uid)
        };
        match &self.sources[number].role {
            Role::Aims(aims) => {
                for index in aims.clone() {
                    let aim = &mut self.aims[index];
                    aim.looked = true;
                    if !objects.iter().any(|object| fields::text(object, "/metadata/name") == aim.goal.object.name) {
                        aim.latest = None;
                    }
                }
            }
            Role::Pods => {
                let gone: Vec<Value> =
                    self.pods.values().filter(|pod| !elsewhere(pod) && !known(pod)).cloned().collect();
                for pod in gone {
                    self.take_deletion(number, &pod);
                }
            }
            Role::ReplicaSets => self.replica_sets.retain(|_, set| elsewhere(set) || known(set)),
            Role::Events => {}
        }
        for object in objects {
            self.take_object(number, object);
        }
    }

    fn take_object(&mut self, number: usize, object: Value) {
        let uid = fields::text(&object, "/metadata/uid").to_owned();
        match &self.sources[number].role {
            Role::Aims(aims) => {
                let name = fields::text(&object, "/metadata/name");
                let mine: Vec<usize> =
                    aims.iter().copied().filter(|index| self.aims[*index].goal.object.name == name).collect();
                if object.get("kind").is_some_and(|kind| kind == "Pod") {
                    self.note_baselines(&object);
                }
                for index in mine {
                    self.aims[index].see(object.clone());
                }
            }
            Role::Pods => {
                self.note_baselines(&object);
                self.pods.insert(uid, object);
            }
            Role::ReplicaSets => {
                self.replica_sets.insert(uid, object);
            }
            Role::Events => {
                let about = fields::text(&object, "/involvedObject/uid").to_owned();
                let events = self.events.entry(about).or_default();
                events.retain(|event| fields::text(event, "/metadata/uid") != uid);
                events.push(object);
                if events.len() > EVENTS_KEPT {
                    events.remove(0);
                }
            }
        }
    }

    fn take_deletion(&mut self, number: usize, object: &Value) {
        let uid = fields::text(object, "/metadata/uid");
        match &self.sources[number].role {
            Role::Aims(aims) => {
                let name = fields::text(object, "/metadata/name");
                for index in aims.clone() {
                    let aim = &mut self.aims[index];
                    // The news may be about an object before the one that was applied.
                    let same = aim.latest.as_ref().is_none_or(|latest| fields::text(latest, "/metadata/uid") == uid);
                    if aim.goal.object.name == name && same {
                        aim.latest = None;
                        aim.looked = true;
                    }
                }
            }
            Role::Pods => {
                if self.pods.remove(uid).is_some() {
                    let (pod, parent) = (target_of(object), self.parent_of(object));
                    // A Pod of the same name may have taken its place; then that one is what is told about.
                    if parent.is_some() && !self.pods.values().any(|other| target_of(other) == pod) {
                        self.tell(pod, parent, State::Absent, "");
                    }
                }
            }
            Role::ReplicaSets => {
                self.replica_sets.remove(uid);
            }
            Role::Events => {}
        }
    }

    fn note_baselines(&mut self, pod: &Value) {
        let uid = fields::text(pod, "/metadata/uid");
        let statuses =
            fields::items(pod, "/status/containerStatuses").chain(fields::items(pod, "/status/initContainerStatuses"));
        for status in statuses {
            let restarts = fields::whole(status, "/restartCount").unwrap_or(0);
            let key = (uid.to_owned(), fields::text(status, "/name").to_owned());
            self.baselines.entry(key).or_insert(restarts);
        }
    }
}

/// When claims of a storage class get their volumes.
async fn binding_of(cluster: &Cluster, class: Option<&str>) -> Result<Binding, Error> {
    let resource = resource_of("storage.k8s.io/v1", "StorageClass")?;
    let class = match class {
        // A claim without a class takes any volume that fits, at once.
        Some("") => return Ok(Binding::Immediate),
        Some(name) => match cluster.find(&resource, None, name).await? {
            Some(class) => class,
            None => return Ok(Binding::Immediate),
        },
        // The server fills in the default class; where there is none (yet), the claim stays unbound.
        None => {
            let list = cluster.list(&resource, None, &ListOptions::default()).await?;
            let default = |class: &Value| {
                let annotations = class.pointer("/metadata/annotations");
                annotations
                    .and_then(|annotations| annotations.get("storageclass.kubernetes.io/is-default-class"))
                    .is_some_and(|value| value == "true")
            };
            match list.items.into_iter().find(default) {
                Some(class) => class,
                None => return Ok(Binding::Immediate),
            }
        }
    };
    Ok(match fields::text(&class, "/volumeBindingMode") {
        "WaitForFirstConsumer" => Binding::FirstConsumer,
        _ => Binding::Immediate,
    })
}

impl Aim {
    fn new(goal: Goal, settled: bool) -> Self {
        Self {
            goal,
            latest: None,
            looked: false,
            settled,
            binding: Binding::Unknown,
            used: true,
            readiness: settled.then_some(readiness::Readiness::Ready),
            reached: settled,
            failed: None,
        }
    }

    /// Takes a state in, unless it is older than what is known.
    fn see(&mut self, object: Value) {
        let generation = |object: &Value| fields::whole(object, "/metadata/generation");
        if let Some(latest) = &self.latest
            && fields::text(latest, "/metadata/uid") == fields::text(&object, "/metadata/uid")
            && generation(&object) < generation(latest)
        {
            return;
        }
        self.looked = true;
        self.latest = Some(object);
    }

    fn wants_pods(&self) -> bool {
        self.goal.condition == Condition::Ready && is_workload(&self.goal.object.kind)
    }

    fn unbound_claim(&self) -> bool {
        self.goal.condition == Condition::Ready
            && self.goal.object.kind == "PersistentVolumeClaim"
            && self.latest.as_ref().is_some_and(|claim| {
                matches!(fields::text(claim, "/status/phase"), "" | "Pending")
                    && fields::text(claim, "/metadata/deletionTimestamp").is_empty()
            })
    }
}

/// Whether an event tells of the present.
pub(super) fn is_fresh(event: &Value, now: Timestamp) -> bool {
    let times = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
    let newest = times.iter().filter_map(|pointer| fields::time(event, pointer)).max();
    newest.is_some_and(|newest| now.duration_since(newest).unsigned_abs() <= FRESH)
}

/// A label selector that takes in the Pods of all these workloads and as few others as can be said in one. `None`
/// when there is no such thing: then Pods are sorted out here.
fn common_selector(workloads: &[Option<Value>]) -> Option<String> {
    let mut maps = Vec::new();
    for workload in workloads {
        let workload = workload.as_ref()?;
        let plain = fields::text(workload, "/kind") == "ReplicationController";
        let pointer = if plain { "/spec/selector" } else { "/spec/selector/matchLabels" };
        maps.push(workload.pointer(pointer)?.as_object()?);
    }
    let (first, others) = maps.split_first()?;
    let mut terms = Vec::new();
    for (key, value) in *first {
        let mut values = vec![value.as_str()?];
        for other in others {
            match other.get(key).and_then(Value::as_str) {
                Some(value) => values.push(value),
                None => values.clear(),
            }
            if values.is_empty() {
                break;
            }
        }
        values.sort_unstable();
        values.dedup();
        match values.as_slice() {
            [] => {}
            [only] => terms.push(format!("{key}={only}")),
            several => terms.push(format!("{key} in ({})", several.join(","))),
        }
    }
    let selector = terms.join(",");
    (!selector.is_empty() && selector.len() <= LONGEST_SELECTOR).then_some(selector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::unnecessary_wraps, clippy::needless_pass_by_value, reason = "the table reads better")]
    fn workload(labels: Value) -> Option<Value> {
        Some(json!({"kind": "StatefulSet", "spec": {"selector": {"matchLabels": labels}}}))
    }

    #[test]
    fn one_selector_takes_in_the_pods_of_several_workloads() {
        let table = [
            (vec![workload(json!({"app": "core", "part": "x"}))], Some("app=core,part=x")),
            (
                vec![workload(json!({"app": "core"})), workload(json!({"app": "adapter"}))],
                Some("app in (adapter,core)"),
            ),
            (
                vec![workload(json!({"app": "m", "part": "b"})), workload(json!({"app": "m", "part": "a", "x": "y"}))],
                Some("app=m,part in (a,b)"),
            ),
            (vec![workload(json!({"app": "core"})), workload(json!({"other": "adapter"}))], None),
            (vec![workload(json!({"app": "core"})), None], None),
            (vec![workload(json!({})), workload(json!({"app": "core"}))], None),
            (vec![], None),
        ];
        for (workloads, expected) in table {
            assert_eq!(common_selector(&workloads).as_deref(), expected, "{workloads:?}");
        }
    }
}
