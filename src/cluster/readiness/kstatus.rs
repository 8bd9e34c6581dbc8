//! Helm 4's `--wait=watcher`: kstatus as of `fluxcd/cli-utils` v1.2.1 (`status.Compute`), and its reader for the
//! controllers of Pods (`statusreaders`). The words are those of kstatus, for Helm prints them.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Readiness, Surroundings, established, generic, own_pods, ready_condition, unschedulable};
use crate::cluster::fields;
use crate::code::Code;

/// How long kstatus lets a Pod be unschedulable before it calls it failed.
const SCHEDULE_WINDOW: SignedDuration = SignedDuration::from_secs(15);

pub(super) fn watcher(object: &Value, around: &Surroundings<'_>) -> Readiness {
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
        return Readiness::waiting(format!("Pending termination: {}", present.saturating_sub(wanted)));
    }
    if let Some(partition) = fields::whole(set, "/spec/updateStrategy/rollingUpdate/partition")
        && partition != -1
    {
        let updated = count("updatedReplicas");
        if updated < wanted.saturating_sub(partition) {
            return Readiness::waiting(format!("updated: {updated}/{}", wanted.saturating_sub(partition)));
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
        Readiness::waiting(format!("Pending termination: {}", present.saturating_sub(wanted)))
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
        Readiness::waiting(format!("Pending termination: {}", present.saturating_sub(wanted)))
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
