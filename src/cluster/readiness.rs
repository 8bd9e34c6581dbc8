//! Is an object ready? Pure rules over what the API server says about it, in three tempers.
//!
//! [`Rules::Watcher`] follows Helm 4's `--wait=watcher`, that is kstatus as of `fluxcd/cli-utils` v1.2.1 (`status.Compute`
//! and the reader for controllers of Pods). [`Rules::Legacy`] follows Helm 3's `--wait` and Helm 4's
//! `--wait=legacy` (`ReadyChecker`). [`Rules::Full`] is our own: every replica of the newest revision is
//! ready and no old one is left, and a claim that waits for its first consumer holds nobody up. [`Rules::Finished`] is
//! the rule for hooks: Jobs and Pods have to end, everything else is ready at once.
//!
//! What goes wrong inside a Pod is not decided here: see `diagnosis`. Nothing here reads the clock.

mod kstatus;
mod legacy;

use jiff::Timestamp;
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

/// Applies the rules to an object.
pub fn assess(rules: Rules, object: &Value, around: &Surroundings<'_>) -> Readiness {
    match rules {
        Rules::Full => full(object, around),
        Rules::Watcher => kstatus::watcher(object, around),
        Rules::Legacy => legacy::legacy(object, around),
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

fn own_pods<'a>(object: &'a Value, around: &'a Surroundings<'_>) -> impl Iterator<Item = &'a Value> {
    around.pods.iter().copied().filter(|pod| fields::selects(object, pod))
}

/// Whether the scheduler has said that no node takes the Pod.
pub(super) fn unschedulable(pod: &Value) -> bool {
    fields::conditions(pod).any(|condition| {
        fields::text(condition, "/type") == "PodScheduled"
            && fields::text(condition, "/status") == "False"
            && fields::text(condition, "/reason") == "Unschedulable"
    })
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
            return Readiness::waiting(format!("{} old to go", present.saturating_sub(*wanted)));
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
    let updated = if by_hand { 0 } else { (wanted.saturating_sub(partition)).max(0) };
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
