//! Is an object ready? Pure rules over what the API server says about it, in three tempers.
//!
//! [`Rules::Watcher`] follows Helm 4's `--wait=watcher`, that is kstatus as of `fluxcd/cli-utils` v1.2.1 (`status.Compute`
//! and the reader for controllers of Pods). [`Rules::Legacy`] follows Helm 3's `--wait` and Helm 4's
//! `--wait=legacy` (`ReadyChecker`). [`Rules::Full`] is our own: every replica of the newest revision is
//! ready and no old one is left, and a claim that waits for its first consumer holds nobody up. [`Rules::Finished`] is
//! the rule for hooks: Jobs and Pods have to end, everything else is ready at once.
//!
//! What goes wrong inside a Pod is not decided here: see `diagnosis`. Nothing here reads the clock.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::fields;
use crate::code::Code;

/// Which rules decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// Our own: everything of the newest revision runs and is ready.
    Full,
    /// Helm 4's `watcher`.
    Watcher,
    /// Helm 3's `--wait`, Helm 4's `legacy`.
    Legacy,
    /// Hooks: Jobs and Pods have ended well.
    Finished,
}

/// How far an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Ready.
    Ready,
    /// Not ready, and waiting may help.
    Waiting {
        /// What is missing: `ready 0/1`. The words of Helm under [`Rules::Watcher`].
        reason: String,
    },
    /// Waiting does not help by itself.
    Failed {
        /// What is wrong.
        reason: String,
        /// Which kind of trouble.
        code: Code,
    },
    /// Being deleted.
    Terminating,
}

impl Readiness {
    fn waiting(reason: impl Into<String>) -> Self {
        Self::Waiting { reason: reason.into() }
    }

    fn failed(reason: impl Into<String>, code: Code) -> Self {
        Self::Failed { reason: reason.into(), code }
    }

    /// Whether it is ready.
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }
}

/// When the volume of a claim is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Binding {
    /// Not known (yet).
    #[default]
    Unknown,
    /// As soon as the claim is there.
    Immediate,
    /// When the first Pod that uses it is scheduled.
    FirstConsumer,
}

/// What the rules may need beside the object itself.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// Pods of the same namespace that may belong to the object.
    pub pods: &'a [&'a Value],
    /// `ReplicaSet`s of the same namespace; only [`Rules::Legacy`] looks at them.
    pub replica_sets: &'a [&'a Value],
    /// How the claim gets its volume, for claims.
    pub binding: Binding,
    /// Whether a Pod uses the claim, for claims.
    pub used: bool,
    /// Whether Jobs have to complete (`--wait-for-jobs`).
    pub wait_for_jobs: bool,
    /// The present.
    pub now: Timestamp,
}

impl Surroundings<'_> {
    /// Nothing around, at this moment.
    pub const fn none(now: Timestamp) -> Self {
        Self { pods: &[], replica_sets: &[], binding: Binding::Unknown, used: false, wait_for_jobs: false, now }
    }
}

/// How long kstatus lets a Pod be unschedulable before it calls it failed.
const SCHEDULE_WINDOW: SignedDuration = SignedDuration::from_secs(15);

/// Applies the rules to an object.
pub fn assess(rules: Rules, object: &Value, around: &Surroundings<'_>) -> Readiness {
    match rules {
        Rules::Full => full(object, around),
        Rules::Watcher => watcher(object, around),
        Rules::Legacy => legacy(object, around),
        Rules::Finished => finished(object),
    }
}

/// Whether objects of this kind are ready by being there under these rules, so that nobody needs to look again.
pub fn ready_by_existing(rules: Rules, object: &Value, wait_for_jobs: bool) -> bool {
    let kind = fields::group_kind(object);
    match rules {
        Rules::Finished => !matches!(kind.as_str(), "Pod" | "batch/Job"),
        Rules::Legacy => match kind.as_str() {
            "Pod"
            | "apps/Deployment"
            | "PersistentVolumeClaim"
            | "Service"
            | "apps/DaemonSet"
            | "apps/StatefulSet"
            | "apps/ReplicaSet"
            | "ReplicationController"
            | "apiextensions.k8s.io/CustomResourceDefinition" => false,
            "batch/Job" => !wait_for_jobs,
            _ => true,
        },
        Rules::Watcher => matches!(kind.as_str(), "Secret" | "ConfigMap" | "batch/CronJob"),
        Rules::Full => match kind.as_str() {
            "batch/Job" => !wait_for_jobs,
            "Secret"
            | "ConfigMap"
            | "Service"
            | "ServiceAccount"
            | "Endpoints"
            | "LimitRange"
            | "ResourceQuota"
            | "PersistentVolume"
            | "batch/CronJob"
            | "networking.k8s.io/Ingress"
            | "networking.k8s.io/IngressClass"
            | "networking.k8s.io/NetworkPolicy"
            | "policy/PodDisruptionBudget"
            | "storage.k8s.io/StorageClass"
            | "scheduling.k8s.io/PriorityClass"
            | "coordination.k8s.io/Lease"
            | "discovery.k8s.io/EndpointSlice"
            | "autoscaling/HorizontalPodAutoscaler" => true,
            other => other.starts_with("rbac.authorization.k8s.io/"),
        },
    }
}

// What all rules but the legacy ones begin with.
fn generic(object: &Value) -> Option<Readiness> {
    if !fields::text(object, "/metadata/deletionTimestamp").is_empty() {
        return Some(Readiness::Terminating);
    }
    if let (Some(generation), Some(observed)) =
        (fields::whole(object, "/metadata/generation"), fields::whole(object, "/status/observedGeneration"))
        && generation != observed
    {
        let kind = fields::text(object, "/kind");
        return Some(Readiness::waiting(format!(
            "{kind} generation is {generation}, but latest observed generation is {observed}"
        )));
    }
    for condition in fields::conditions(object) {
        if fields::text(condition, "/status") != "True" {
            continue;
        }
        match fields::text(condition, "/type") {
            "Reconciling" => return Some(Readiness::waiting(fields::text(condition, "/message"))),
            "Stalled" => return Some(Readiness::failed(fields::text(condition, "/message"), Code::NotReady)),
            _ => {}
        }
    }
    None
}

// The condition `Ready`, where a kind has one.
fn ready_condition(object: &Value) -> Readiness {
    let ready = fields::conditions(object).find(|condition| fields::text(condition, "/type") == "Ready");
    match ready.map(|condition| (fields::text(condition, "/status"), fields::text(condition, "/message"))) {
        Some(("False" | "Unknown", message)) => Readiness::waiting(message),
        _ => Readiness::Ready,
    }
}

fn established(object: &Value) -> Readiness {
    for condition in fields::conditions(object) {
        let (kind, status) = (fields::text(condition, "/type"), fields::text(condition, "/status"));
        let failed = || Readiness::failed(fields::text(condition, "/message"), Code::NotReady);
        match (kind, status) {
            ("NamesAccepted", "False") => return failed(),
            ("Established", "False") if fields::text(condition, "/reason") != "Installing" => return failed(),
            ("Established", "True") => return Readiness::Ready,
            _ => {}
        }
    }
    Readiness::waiting("Install in progress")
}

// ---- Helm 4's watcher ------------------------------------------------------------------------------------------

fn watcher(object: &Value, around: &Surroundings<'_>) -> Readiness {
    let kind = fields::group_kind(object);
    // Helm leaves paused Deployments out of the set it waits for.
    if kind == "apps/Deployment" && fields::flag(object, "/spec/paused") {
        return Readiness::Ready;
    }
    let readiness = kstatus(object, around);
    // Helm's reader for the controllers of Pods looks at their Pods only while the controller is in progress.
    if matches!(kind.as_str(), "apps/StatefulSet" | "apps/ReplicaSet")
        && let Readiness::Waiting { .. } = readiness
    {
        let failed = own_pods(object, around).filter(|pod| failed_for_good(pod, around)).count();
        if failed > 0 {
            return Readiness::failed(format!("{failed} pods have failed"), Code::CrashLoop);
        }
    }
    readiness
}

// Pods on their way out and Pods without a node may still be replaced or scheduled.
fn failed_for_good(pod: &Value, around: &Surroundings<'_>) -> bool {
    fields::text(pod, "/metadata/deletionTimestamp").is_empty()
        && !unschedulable(pod)
        && matches!(kstatus(pod, around), Readiness::Failed { .. })
}

fn own_pods<'a>(object: &'a Value, around: &'a Surroundings<'_>) -> impl Iterator<Item = &'a Value> {
    around.pods.iter().copied().filter(|pod| fields::selects(object, pod))
}

// What kstatus computes from an object alone.
fn kstatus(object: &Value, around: &Surroundings<'_>) -> Readiness {
    if let Some(readiness) = generic(object) {
        return readiness;
    }
    match fields::group_kind(object).as_str() {
        "Secret" | "ConfigMap" | "batch/CronJob" | "policy/PodDisruptionBudget" => Readiness::Ready,
        "Service" => {
            let balancer = fields::text(object, "/spec/type") == "LoadBalancer";
            if balancer && fields::text(object, "/spec/clusterIP").is_empty() {
                return Readiness::waiting("ClusterIP not set. Service type: LoadBalancer");
            }
            Readiness::Ready
        }
        "Pod" => kstatus_pod(object, around.now),
        "PersistentVolumeClaim" => match fields::text(object, "/status/phase") {
            "Bound" => Readiness::Ready,
            phase => {
                let phase = if phase.is_empty() { "unknown" } else { phase };
                Readiness::waiting(format!("PVC is not Bound. phase: {phase}"))
            }
        },
        "apps/StatefulSet" => kstatus_stateful_set(object),
        "apps/DaemonSet" => kstatus_daemon_set(object),
        "apps/Deployment" => kstatus_deployment(object),
        "apps/ReplicaSet" => kstatus_replica_set(object),
        "batch/Job" => kstatus_job(object, around.wait_for_jobs),
        "apiextensions.k8s.io/CustomResourceDefinition" => established(object),
        _ => ready_condition(object),
    }
}

fn kstatus_pod(pod: &Value, now: Timestamp) -> Readiness {
    match fields::text(pod, "/status/phase") {
        // kstatus calls a Pod that has ended current, however it ended.
        "Succeeded" | "Failed" => Readiness::Ready,
        "Running" => {
            if fields::condition(pod, "Ready") == Some("True") {
                return Readiness::Ready;
            }
            let looping: Vec<&str> = fields::items(pod, "/status/containerStatuses")
                .filter(|status| fields::text(status, "/state/waiting/reason") == "CrashLoopBackOff")
                .map(|status| fields::text(status, "/name"))
                .collect();
            if looping.is_empty() {
                return Readiness::waiting("Pod is running but is not Ready");
            }
            Readiness::failed(format!("Containers in CrashLoop state: {}", looping.join(",")), Code::CrashLoop)
        }
        "Pending" if unschedulable(pod) => {
            let created = fields::time(pod, "/metadata/creationTimestamp");
            if created.is_some_and(|created| now.duration_since(created) < SCHEDULE_WINDOW) {
                return Readiness::waiting("Pod has not been scheduled");
            }
            Readiness::failed("Pod could not be scheduled", Code::Unschedulable)
        }
        "Pending" => Readiness::waiting("Pod is in the Pending phase"),
        "" => Readiness::waiting("Pod phase not available"),
        other => Readiness::waiting(format!("unknown phase {other}")),
    }
}

/// Whether the scheduler has said that no node takes the Pod.
pub(super) fn unschedulable(pod: &Value) -> bool {
    fields::conditions(pod).any(|condition| {
        fields::text(condition, "/type") == "PodScheduled"
            && fields::text(condition, "/status") == "False"
            && fields::text(condition, "/reason") == "Unschedulable"
    })
}

fn kstatus_stateful_set(set: &Value) -> Readiness {
    if fields::text(set, "/spec/updateStrategy/type") == "OnDelete" {
        return Readiness::Ready;
    }
    let wanted = fields::whole(set, "/spec/replicas").unwrap_or(1);
    let count = |name: &str| fields::whole(set, &format!("/status/{name}")).unwrap_or(0);
    let (present, ready) = (count("replicas"), count("readyReplicas"));
    if wanted > present {
        return Readiness::waiting(format!("Replicas: {present}/{wanted}"));
    }
    if wanted > ready {
        return Readiness::waiting(format!("Ready: {ready}/{wanted}"));
    }
    if present > wanted {
        return Readiness::waiting(format!("Pending termination: {}", present - wanted));
    }
    if let Some(partition) = fields::whole(set, "/spec/updateStrategy/rollingUpdate/partition")
        && partition != -1
    {
        let updated = count("updatedReplicas");
        if updated < wanted - partition {
            return Readiness::waiting(format!("updated: {updated}/{}", wanted - partition));
        }
        return Readiness::Ready;
    }
    let current = count("currentReplicas");
    if wanted > current {
        return Readiness::waiting(format!("current: {current}/{wanted}"));
    }
    if fields::text(set, "/status/currentRevision") != fields::text(set, "/status/updateRevision") {
        return Readiness::waiting("Waiting for updated revision to match current");
    }
    Readiness::Ready
}

fn kstatus_deployment(deployment: &Value) -> Readiness {
    // The controller writes no `Progressing` without a deadline; the largest 32-bit number means none.
    let deadline = fields::whole(deployment, "/spec/progressDeadlineSeconds").unwrap_or(i64::from(i32::MAX));
    let mut progressing = deadline == i64::from(i32::MAX);
    let mut available = false;
    for condition in fields::conditions(deployment) {
        let (status, reason) = (fields::text(condition, "/status"), fields::text(condition, "/reason"));
        match fields::text(condition, "/type") {
            "Progressing" if reason == "ProgressDeadlineExceeded" => {
                return Readiness::failed("Progress deadline exceeded", Code::NotReady);
            }
            "Progressing" if status == "True" && reason == "NewReplicaSetAvailable" => progressing = true,
            "Available" if status == "True" => available = true,
            _ => {}
        }
    }
    let wanted = fields::whole(deployment, "/spec/replicas").unwrap_or(1);
    let count = |name: &str| fields::whole(deployment, &format!("/status/{name}")).unwrap_or(0);
    let (present, updated) = (count("replicas"), count("updatedReplicas"));
    let (ready, reachable) = (count("readyReplicas"), count("availableReplicas"));
    if wanted > present {
        Readiness::waiting(format!("Replicas: {present}/{wanted}"))
    } else if wanted > updated {
        Readiness::waiting(format!("Updated: {updated}/{wanted}"))
    } else if present > wanted {
        Readiness::waiting(format!("Pending termination: {}", present - wanted))
    } else if updated > reachable {
        Readiness::waiting(format!("Available: {reachable}/{updated}"))
    } else if wanted > ready {
        Readiness::waiting(format!("Ready: {ready}/{wanted}"))
    } else if !progressing {
        Readiness::waiting("ReplicaSet not Available")
    } else if !available {
        Readiness::waiting("Deployment not Available")
    } else {
        Readiness::Ready
    }
}

fn kstatus_replica_set(set: &Value) -> Readiness {
    if fields::condition(set, "ReplicaFailure") == Some("True") {
        return Readiness::waiting("Replica Failure condition. Check Pods");
    }
    let wanted = fields::whole(set, "/spec/replicas").unwrap_or(1);
    let count = |name: &str| fields::whole(set, &format!("/status/{name}")).unwrap_or(0);
    let (present, labelled) = (count("replicas"), count("fullyLabeledReplicas"));
    let (ready, reachable) = (count("readyReplicas"), count("availableReplicas"));
    if wanted > labelled {
        Readiness::waiting(format!("Labelled: {labelled}/{wanted}"))
    } else if wanted > reachable {
        Readiness::waiting(format!("Available: {reachable}/{wanted}"))
    } else if wanted > ready {
        Readiness::waiting(format!("Ready: {ready}/{wanted}"))
    } else if present > wanted {
        Readiness::waiting(format!("Pending termination: {}", present - wanted))
    } else {
        Readiness::Ready
    }
}

fn kstatus_daemon_set(set: &Value) -> Readiness {
    if fields::whole(set, "/metadata/generation").is_none() {
        return Readiness::waiting("DaemonSet metadata.generation not found");
    }
    if fields::whole(set, "/status/observedGeneration").is_none() {
        return Readiness::waiting("DaemonSet status.observedGeneration not found");
    }
    let Some(wanted) = fields::whole(set, "/status/desiredNumberScheduled").filter(|wanted| *wanted != -1) else {
        return Readiness::waiting("Missing .status.desiredNumberScheduled");
    };
    let count = |name: &str| fields::whole(set, &format!("/status/{name}")).unwrap_or(0);
    for (label, name) in [
        ("Current", "currentNumberScheduled"),
        ("Updated", "updatedNumberScheduled"),
        ("Available", "numberAvailable"),
        ("Ready", "numberReady"),
    ] {
        if wanted > count(name) {
            return Readiness::waiting(format!("{label}: {}/{wanted}", count(name)));
        }
    }
    Readiness::Ready
}

// With `completes`, a Job has to complete; else having started is enough.
fn kstatus_job(job: &Value, completes: bool) -> Readiness {
    let parallelism = fields::whole(job, "/spec/parallelism").unwrap_or(1);
    let completions = fields::whole(job, "/spec/completions").unwrap_or(parallelism);
    for condition in fields::conditions(job) {
        match (fields::text(condition, "/type"), fields::text(condition, "/status")) {
            ("Complete", "True") => return Readiness::Ready,
            ("Failed", "True") => {
                let failed = fields::whole(job, "/status/failed").unwrap_or(0);
                return Readiness::failed(format!("Job Failed. failed: {failed}/{completions}"), Code::JobFailed);
            }
            _ => {}
        }
    }
    if completes {
        Readiness::waiting("Job in progress")
    } else if fields::text(job, "/status/startTime").is_empty() {
        Readiness::waiting("Job not started")
    } else {
        Readiness::Ready
    }
}

// ---- Helm's legacy waiter --------------------------------------------------------------------------------------

fn legacy(object: &Value, around: &Surroundings<'_>) -> Readiness {
    let observed = || {
        let generation = fields::whole(object, "/metadata/generation").unwrap_or(0);
        let seen = fields::whole(object, "/status/observedGeneration").unwrap_or(0);
        (generation != seen).then(|| Readiness::waiting(format!("generation {seen} of {generation} observed")))
    };
    match fields::group_kind(object).as_str() {
        "Pod" => legacy_pod(object),
        "batch/Job" if around.wait_for_jobs => legacy_job(object),
        "apps/Deployment" => {
            if fields::flag(object, "/spec/paused") {
                return Readiness::Ready;
            }
            legacy_deployment(object, around)
        }
        "PersistentVolumeClaim" => match fields::text(object, "/status/phase") {
            "Bound" => Readiness::Ready,
            phase => Readiness::waiting(format!("phase {phase}")),
        },
        "Service" => legacy_service(object),
        "apps/DaemonSet" => observed().unwrap_or_else(|| legacy_daemon_set(object)),
        "apps/StatefulSet" => observed().unwrap_or_else(|| legacy_stateful_set(object)),
        "apps/ReplicaSet" | "ReplicationController" => observed().unwrap_or_else(|| {
            let unready = own_pods(object, around).find(|pod| !legacy_pod(pod).is_ready());
            unready.map_or(Readiness::Ready, |pod| {
                Readiness::waiting(format!("Pod {} is not ready", fields::text(pod, "/metadata/name")))
            })
        }),
        "apiextensions.k8s.io/CustomResourceDefinition" => {
            // A refused name counts as done: waiting would not change it, and Helm does not make it its business.
            let done = fields::condition(object, "Established") == Some("True")
                || fields::condition(object, "NamesAccepted") == Some("False");
            if done { Readiness::Ready } else { Readiness::waiting("not established") }
        }
        _ => Readiness::Ready,
    }
}

fn legacy_pod(pod: &Value) -> Readiness {
    if fields::condition(pod, "Ready") == Some("True") { Readiness::Ready } else { Readiness::waiting("not ready") }
}

fn legacy_job(job: &Value) -> Readiness {
    let count = |pointer: &str| fields::whole(job, pointer).unwrap_or(0);
    // The API server sets 6 where a Job names no limit.
    let limit = fields::whole(job, "/spec/backoffLimit").unwrap_or(6);
    if count("/status/failed") > limit {
        let (namespace, name) = (fields::text(job, "/metadata/namespace"), fields::text(job, "/metadata/name"));
        return Readiness::failed(format!("job is failed: {namespace}/{name}"), Code::JobFailed);
    }
    match fields::whole(job, "/spec/completions") {
        Some(wanted) if count("/status/succeeded") < wanted => {
            Readiness::waiting(format!("succeeded {}/{wanted}", count("/status/succeeded")))
        }
        _ => Readiness::Ready,
    }
}

fn legacy_service(service: &Value) -> Readiness {
    let kind = fields::text(service, "/spec/type");
    if kind == "ExternalName" {
        return Readiness::Ready;
    }
    if fields::text(service, "/spec/clusterIP").is_empty() {
        return Readiness::waiting("no cluster IP");
    }
    let balanced = fields::items(service, "/spec/externalIPs").next().is_some()
        || service.pointer("/status/loadBalancer/ingress").is_some_and(Value::is_array);
    if kind == "LoadBalancer" && !balanced {
        return Readiness::waiting("no address from the load balancer");
    }
    Readiness::Ready
}

fn legacy_deployment(deployment: &Value, around: &Surroundings<'_>) -> Readiness {
    let Some(newest) = newest_replica_set(deployment, around.replica_sets) else {
        return Readiness::waiting("no ReplicaSet of this revision");
    };
    for (object, kind) in [(newest, "ReplicaSet"), (deployment, "Deployment")] {
        let generation = fields::whole(object, "/metadata/generation").unwrap_or(0);
        let seen = fields::whole(object, "/status/observedGeneration").unwrap_or(0);
        if generation != seen {
            return Readiness::waiting(format!("{kind}: generation {seen} of {generation} observed"));
        }
    }
    let wanted = fields::whole(deployment, "/spec/replicas").unwrap_or(1);
    let enough = wanted - max_unavailable(deployment, wanted);
    let ready = fields::whole(newest, "/status/readyReplicas").unwrap_or(0);
    if ready < enough { Readiness::waiting(format!("ready {ready}/{enough}")) } else { Readiness::Ready }
}

/// The `ReplicaSet` of a Deployment whose template is the Deployment's own: the oldest one, as the controller
/// and Helm choose.
fn newest_replica_set<'a>(deployment: &Value, sets: &[&'a Value]) -> Option<&'a Value> {
    let uid = fields::text(deployment, "/metadata/uid");
    let template = deployment.pointer("/spec/template")?;
    let same = sets.iter().copied().filter(|set| {
        fields::controller(set).is_some_and(|owner| fields::text(owner, "/uid") == uid)
            && set.pointer("/spec/template").is_some_and(|own| same_template(own, template))
    });
    same.min_by_key(|set| {
        (fields::text(set, "/metadata/creationTimestamp").to_owned(), fields::text(set, "/metadata/name").to_owned())
    })
}

fn same_template(one: &Value, other: &Value) -> bool {
    let without_hash = |template: &Value| {
        let mut template = template.clone();
        if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.remove("pod-template-hash");
        }
        template
    };
    without_hash(one) == without_hash(other)
}

// How many Pods of a Deployment may be missing while it rolls: percentages are rounded down, and when nothing may be
// added and nothing be missing, one may be missing.
fn max_unavailable(deployment: &Value, wanted: i64) -> i64 {
    if fields::text(deployment, "/spec/strategy/type") != "RollingUpdate" || wanted == 0 {
        return 0;
    }
    let bound = |name: &str, up: bool| {
        let value = deployment.pointer(&format!("/spec/strategy/rollingUpdate/{name}"));
        value.map_or(Some(0), |value| scaled(value, wanted, up))
    };
    let (Some(surge), Some(missing)) = (bound("maxSurge", true), bound("maxUnavailable", false)) else { return 0 };
    if surge == 0 && missing == 0 { 1.min(wanted) } else { missing.min(wanted) }
}

// A number, or a percentage of `whole`.
fn scaled(value: &Value, whole: i64, up: bool) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => {
            let percent: i64 = text.strip_suffix('%')?.parse().ok()?;
            let product = percent.checked_mul(whole)?;
            Some(if up { product.checked_add(99)?.div_euclid(100) } else { product.div_euclid(100) })
        }
        _ => None,
    }
}

fn legacy_daemon_set(set: &Value) -> Readiness {
    if fields::text(set, "/spec/updateStrategy/type") != "RollingUpdate" {
        return Readiness::Ready;
    }
    let count = |name: &str| fields::whole(set, &format!("/status/{name}")).unwrap_or(0);
    let wanted = count("desiredNumberScheduled");
    if count("updatedNumberScheduled") != wanted {
        return Readiness::waiting(format!("updated {}/{wanted}", count("updatedNumberScheduled")));
    }
    // Rounded up here, unlike for Deployments; nonsense allows all to be missing.
    let missing = set.pointer("/spec/updateStrategy/rollingUpdate/maxUnavailable");
    let missing = missing.and_then(|value| scaled(value, wanted, true)).unwrap_or(wanted);
    if count("numberReady") < wanted - missing {
        return Readiness::waiting(format!("ready {}/{}", count("numberReady"), wanted - missing));
    }
    Readiness::Ready
}

fn legacy_stateful_set(set: &Value) -> Readiness {
    if fields::text(set, "/spec/updateStrategy/type") != "RollingUpdate" {
        return Readiness::Ready;
    }
    let wanted = fields::whole(set, "/spec/replicas").unwrap_or(1);
    let partition = fields::whole(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let count = |name: &str| fields::whole(set, &format!("/status/{name}")).unwrap_or(0);
    if count("updatedReplicas") < wanted - partition {
        return Readiness::waiting(format!("updated {}/{}", count("updatedReplicas"), wanted - partition));
    }
    if count("readyReplicas") != wanted {
        return Readiness::waiting(format!("ready {}/{wanted}", count("readyReplicas")));
    }
    let revision = |name: &str| fields::text(set, &format!("/status/{name}")).to_owned();
    if partition == 0 && revision("currentRevision") != revision("updateRevision") {
        return Readiness::waiting("old revision still in place");
    }
    Readiness::Ready
}

// ---- hooks -----------------------------------------------------------------------------------------------------

fn finished(object: &Value) -> Readiness {
    match fields::group_kind(object).as_str() {
        "batch/Job" => {
            for condition in fields::conditions(object) {
                match (fields::text(condition, "/type"), fields::text(condition, "/status")) {
                    ("Complete", "True") => return Readiness::Ready,
                    ("Failed", "True") => {
                        return Readiness::failed(fields::text(condition, "/reason"), Code::JobFailed);
                    }
                    _ => {}
                }
            }
            Readiness::waiting("Job in progress")
        }
        "Pod" => match fields::text(object, "/status/phase") {
            "Succeeded" => Readiness::Ready,
            "Failed" => Readiness::failed(pod_end(object), Code::JobFailed),
            _ => Readiness::waiting("Pod in progress"),
        },
        _ => Readiness::Ready,
    }
}

fn pod_end(pod: &Value) -> String {
    let (reason, message) = (fields::text(pod, "/status/reason"), fields::text(pod, "/status/message"));
    match (reason.is_empty(), message.is_empty()) {
        (true, true) => "Pod failed".to_owned(),
        (false, true) => reason.to_owned(),
        (true, false) => message.to_owned(),
        (false, false) => format!("{reason}: {message}"),
    }
}

// ---- ours ------------------------------------------------------------------------------------------------------

fn full(object: &Value, around: &Surroundings<'_>) -> Readiness {
    let kind = fields::group_kind(object);
    if let Some(readiness) = generic(object) {
        return readiness;
    }
    match kind.as_str() {
        "apps/Deployment" => full_deployment(object),
        "apps/StatefulSet" => full_stateful_set(object),
        "apps/DaemonSet" => full_daemon_set(object),
        "apps/ReplicaSet" | "ReplicationController" => full_replicas(object),
        "Pod" => full_pod(object),
        "batch/Job" => full_job(object, around.wait_for_jobs),
        "PersistentVolumeClaim" => full_claim(object, around),
        "apiextensions.k8s.io/CustomResourceDefinition" => established(object),
        "Namespace" => match fields::text(object, "/status/phase") {
            "Active" => Readiness::Ready,
            phase => Readiness::waiting(format!("phase {phase}")),
        },
        // A Service or an Ingress is ready by being there: an outer address may never come, and the bot does not
        // need it.
        _ if ready_by_existing(Rules::Full, object, around.wait_for_jobs) => Readiness::Ready,
        _ => ready_condition(object),
    }
}

// The controller has to have seen the object at least once.
fn unobserved(object: &Value) -> Option<Readiness> {
    fields::whole(object, "/status/observedGeneration").is_none().then(|| Readiness::waiting("not observed yet"))
}

fn full_deployment(deployment: &Value) -> Readiness {
    if fields::flag(deployment, "/spec/paused") {
        return Readiness::Ready;
    }
    if let Some(waiting) = unobserved(deployment) {
        return waiting;
    }
    for condition in fields::conditions(deployment) {
        if fields::text(condition, "/reason") == "ProgressDeadlineExceeded" {
            return Readiness::failed(fields::text(condition, "/message"), Code::NotReady);
        }
    }
    let wanted = fields::whole(deployment, "/spec/replicas").unwrap_or(1);
    let count = |name: &str| fields::whole(deployment, &format!("/status/{name}")).unwrap_or(0);
    counted(&[
        ("updated", count("updatedReplicas"), wanted),
        ("ready", count("readyReplicas"), wanted),
        ("available", count("availableReplicas"), wanted),
        ("present", count("replicas"), wanted),
    ])
}

// Ready when every number is the wanted one; tells the first that is not. `ready` is asked before `updated` by
// nobody: an old Pod may be ready.
fn counted(counts: &[(&str, i64, i64)]) -> Readiness {
    for (label, present, wanted) in counts {
        if present < wanted {
            return Readiness::waiting(format!("{label} {present}/{wanted}"));
        }
        if present > wanted {
            return Readiness::waiting(format!("{} old to go", present - wanted));
        }
    }
    Readiness::Ready
}

fn full_stateful_set(set: &Value) -> Readiness {
    if let Some(waiting) = unobserved(set) {
        return waiting;
    }
    let wanted = fields::whole(set, "/spec/replicas").unwrap_or(1);
    let count = |name: &str| fields::whole(set, &format!("/status/{name}")).unwrap_or(0);
    let by_hand = fields::text(set, "/spec/updateStrategy/type") == "OnDelete";
    let partition = fields::whole(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let updated = if by_hand { 0 } else { (wanted - partition).max(0) };
    if count("updatedReplicas") < updated {
        return Readiness::waiting(format!("updated {}/{updated}", count("updatedReplicas")));
    }
    let patient = fields::whole(set, "/spec/minReadySeconds").unwrap_or(0) > 0;
    let available = if patient { count("availableReplicas") } else { wanted };
    counted(&[
        ("ready", count("readyReplicas"), wanted),
        ("available", available, wanted),
        ("present", count("replicas"), wanted),
    ])
}

fn full_daemon_set(set: &Value) -> Readiness {
    if let Some(waiting) = unobserved(set) {
        return waiting;
    }
    let count = |name: &str| fields::whole(set, &format!("/status/{name}")).unwrap_or(0);
    let wanted = count("desiredNumberScheduled");
    let by_hand = fields::text(set, "/spec/updateStrategy/type") == "OnDelete";
    let updated = if by_hand { wanted } else { count("updatedNumberScheduled") };
    // A node may run one more while the old one ends, so more than wanted is no reason to wait here.
    counted(&[
        ("updated", updated.min(wanted), wanted),
        ("ready", count("numberReady").min(wanted), wanted),
        ("available", count("numberAvailable").min(wanted), wanted),
    ])
}

fn full_replicas(set: &Value) -> Readiness {
    if let Some(waiting) = unobserved(set) {
        return waiting;
    }
    let wanted = fields::whole(set, "/spec/replicas").unwrap_or(1);
    let count = |name: &str| fields::whole(set, &format!("/status/{name}")).unwrap_or(0);
    counted(&[
        ("ready", count("readyReplicas"), wanted),
        ("available", count("availableReplicas"), wanted),
        ("present", count("replicas"), wanted),
    ])
}

fn full_pod(pod: &Value) -> Readiness {
    match fields::text(pod, "/status/phase") {
        "Succeeded" => Readiness::Ready,
        "Failed" => Readiness::failed(pod_end(pod), Code::PodLost),
        "Running" if fields::condition(pod, "Ready") == Some("True") => Readiness::Ready,
        "Running" => {
            let (ready, all) = fields::ready_containers(pod);
            Readiness::waiting(format!("ready {ready}/{all}"))
        }
        "" => Readiness::waiting("not observed yet"),
        phase => Readiness::waiting(phase),
    }
}

fn full_job(job: &Value, completes: bool) -> Readiness {
    for condition in fields::conditions(job) {
        match (fields::text(condition, "/type"), fields::text(condition, "/status")) {
            ("Complete", "True") => return Readiness::Ready,
            ("Failed", "True") => {
                let (reason, message) = (fields::text(condition, "/reason"), fields::text(condition, "/message"));
                return Readiness::failed(format!("{reason}: {message}"), Code::JobFailed);
            }
            _ => {}
        }
    }
    if !completes {
        return Readiness::Ready;
    }
    let succeeded = fields::whole(job, "/status/succeeded").unwrap_or(0);
    let wanted = fields::whole(job, "/spec/completions").unwrap_or(1);
    Readiness::waiting(format!("succeeded {succeeded}/{wanted}"))
}

fn full_claim(claim: &Value, around: &Surroundings<'_>) -> Readiness {
    match fields::text(claim, "/status/phase") {
        "Bound" => return Readiness::Ready,
        "Lost" => return Readiness::failed("the volume of the claim is lost", Code::Volume),
        _ => {}
    }
    match (around.binding, around.used) {
        (Binding::FirstConsumer, false) => Readiness::Ready,
        (Binding::FirstConsumer, true) => Readiness::waiting("not bound, though a Pod uses it"),
        (Binding::Immediate | Binding::Unknown, _) => Readiness::waiting("not bound"),
    }
}

#[cfg(test)]
#[path = "readiness_tests.rs"]
mod tests;
