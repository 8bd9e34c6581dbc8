//! Helm 3's `--wait` and Helm 4's `--wait=legacy` (`ReadyChecker`, and what it uses of the Deployment controller).

use serde_json::Value;

use super::{Readiness, Surroundings, own_pods};
use crate::cluster::fields;
use crate::code::Code;

pub(super) fn legacy(object: &Value, around: &Surroundings<'_>) -> Readiness {
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
    let enough = wanted.saturating_sub(max_unavailable(deployment, wanted));
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
    if count("numberReady") < wanted.saturating_sub(missing) {
        return Readiness::waiting(format!("ready {}/{}", count("numberReady"), wanted.saturating_sub(missing)));
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
    if count("updatedReplicas") < wanted.saturating_sub(partition) {
        return Readiness::waiting(format!(
            "updated {}/{}",
            count("updatedReplicas"),
            wanted.saturating_sub(partition)
        ));
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
