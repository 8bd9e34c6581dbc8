//! Reading fields of objects as the API server sends them: absent, `null` and of the wrong type are all "not there".
//! No rule lives here, only the shapes of the Kubernetes API: conditions, label selectors, owners, claims of a Pod.

use jiff::Timestamp;
use serde_json::Value;

/// The text at this pointer; empty when there is none.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at this pointer.
pub(super) fn whole(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// Whether `true` stands at this pointer.
pub(super) fn flag(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// The elements of the list at this pointer.
pub(super) fn items<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().iter()
}

/// The point in time at this pointer.
pub(super) fn time(object: &Value, pointer: &str) -> Option<Timestamp> {
    text(object, pointer).parse().ok()
}

/// The group and the kind, as `apps/StatefulSet`; the core group has no name: `Pod`.
pub(super) fn group_kind(object: &Value) -> String {
    let kind = text(object, "/kind");
    match text(object, "/apiVersion").split_once('/') {
        Some((group, _)) => format!("{group}/{kind}"),
        None => kind.to_owned(),
    }
}

/// The conditions in its status.
pub(super) fn conditions(object: &Value) -> impl Iterator<Item = &Value> {
    items(object, "/status/conditions")
}

/// The status of the condition of this type: `True`, `False`, `Unknown`.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    conditions(object).find(|condition| text(condition, "/type") == kind).map(|condition| text(condition, "/status"))
}

/// The owner that controls it.
pub(super) fn controller(object: &Value) -> Option<&Value> {
    items(object, "/metadata/ownerReferences").find(|owner| flag(owner, "/controller"))
}

/// Whether the label selector of a workload takes in this Pod (of the same namespace). An empty or missing selector
/// takes in nothing.
pub(super) fn selects(workload: &Value, pod: &Value) -> bool {
    if text(workload, "/metadata/namespace") != text(pod, "/metadata/namespace") {
        return false;
    }
    let Some(selector) = workload.pointer("/spec/selector").and_then(Value::as_object) else { return false };
    let label = |key: &str| pod.pointer("/metadata/labels").and_then(|labels| labels.get(key)).and_then(Value::as_str);
    // A ReplicationController's selector is a plain map.
    let plain = text(workload, "/kind") == "ReplicationController";
    let equal = if plain { Some(selector) } else { selector.get("matchLabels").and_then(Value::as_object) };
    let expressions = selector.get("matchExpressions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if equal.is_none_or(serde_json::Map::is_empty) && (plain || expressions.is_empty()) {
        return false;
    }
    let equal_holds = equal.into_iter().flatten().all(|(key, value)| value.as_str() == label(key));
    equal_holds
        && (plain
            || expressions.iter().all(|expression| {
                let found = label(text(expression, "/key"));
                let listed = found.is_some_and(|found| items(expression, "/values").any(|value| value == found));
                match text(expression, "/operator") {
                    "In" => listed,
                    "NotIn" => !listed,
                    "Exists" => found.is_some(),
                    "DoesNotExist" => found.is_none(),
                    _ => false,
                }
            }))
}

/// Whether a workload has made this Pod, itself or through a `ReplicaSet`.
pub(super) fn owns(workload: &Value, pod: &Value) -> bool {
    let Some(owner) = controller(pod) else { return false };
    if text(workload, "/metadata/namespace") != text(pod, "/metadata/namespace") {
        return false;
    }
    if text(workload, "/kind") != "Deployment" {
        return text(owner, "/uid") == text(workload, "/metadata/uid");
    }
    let hash = text(pod, "/metadata/labels/pod-template-hash");
    let set = format!("{}-{hash}", text(workload, "/metadata/name"));
    text(owner, "/kind") == "ReplicaSet" && text(owner, "/name") == set && selects(workload, pod)
}

/// Whether a Pod that has not ended mounts this claim.
pub(super) fn uses_claim(pod: &Value, claim: &str) -> bool {
    if matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
        return false;
    }
    let pod_name = text(pod, "/metadata/name");
    items(pod, "/spec/volumes").any(|volume| {
        text(volume, "/persistentVolumeClaim/claimName") == claim
            || (volume.pointer("/ephemeral").is_some_and(Value::is_object)
                && claim == format!("{pod_name}-{}", text(volume, "/name")))
    })
}

/// How many containers of a Pod are ready, and how many it has (sidecars among its init containers included).
pub(super) fn ready_containers(pod: &Value) -> (usize, usize) {
    let sidecar = |name: &str| {
        items(pod, "/spec/initContainers")
            .any(|container| text(container, "/name") == name && text(container, "/restartPolicy") == "Always")
    };
    let sidecars = items(pod, "/spec/initContainers").filter(|c| text(c, "/restartPolicy") == "Always").count();
    let all = items(pod, "/spec/containers").count() + sidecars;
    let ready = items(pod, "/status/containerStatuses").filter(|status| flag(status, "/ready")).count()
        + items(pod, "/status/initContainerStatuses")
            .filter(|status| flag(status, "/ready") && sidecar(text(status, "/name")))
            .count();
    (ready, all)
}

/// At most `limit` bytes of a text, cut at a character, with `…` where something is missing.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}
