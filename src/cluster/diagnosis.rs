//! What is wrong with a Pod, a workload or a claim, read from their status and from events. Pure.
//!
//! A [`Trouble`] is what a reader of `kubectl describe` would point at. Whether it is bad enough to give up is a
//! question of time, answered by [`Patience`]: nearly every state named here is passed through by rollouts that end
//! well (a registry that answers at the second try, a volume that is still attached elsewhere, a program
//! that starts before the one it needs), so nothing but an impossible image name fails at once.
//! Words and states are those of kubelet (`pkg/kubelet/container`, `pkg/kubelet/images`), of the scheduler and of
//! the controllers' events.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::fields::{self, shortened};
use crate::code::Code;

/// The longest message of the cluster that is kept, in bytes.
const MESSAGE_LIMIT: usize = 1024;

/// Our own word for a container that runs again; kubelet has none.
const STARTED_AGAIN: &str = "Restarted";

/// The kinds of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TroubleKind {
    /// The image's name is no image name.
    ImageName,
    /// The registry says that the image is not there or not for this caller or machine.
    ImageRefused,
    /// The image cannot be pulled, for now.
    ImagePull,
    /// A container keeps ending.
    CrashLoop,
    /// The container cannot be put together: a `ConfigMap`, Secret or key is missing, or a rule about users is broken.
    ContainerConfig,
    /// The runtime cannot create or start the container, or the Pod's sandbox.
    ContainerCreate,
    /// No node takes the Pod.
    Unschedulable,
    /// A volume cannot be bound, attached or mounted.
    Volume,
    /// The Pods themselves are refused: quota, Pod Security, an admission rule.
    Refused,
    /// The Pod was evicted or lost with its node; its controller makes another one.
    Lost,
    /// A container has ended and was started again, without a pattern yet.
    Restarted,
    /// A probe fails.
    Probe,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The exit status; 128 and more may stand for a signal.
    pub code: i64,
    /// The runtime's word: `Error`, `OOMKilled`, `StartError`, `Completed`.
    pub reason: String,
    /// What the program left behind at its termination message path, or the runtime's complaint.
    pub message: String,
}

impl Exit {
    /// The signal that ended it, if one did.
    pub fn signal(&self) -> Option<i64> {
        (129..=192).contains(&self.code).then(|| self.code - 128)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "exit {}", self.code)?;
        let name = match self.signal() {
            Some(2) => " (SIGINT)",
            Some(4) => " (SIGILL)",
            Some(6) => " (SIGABRT)",
            Some(7) => " (SIGBUS)",
            Some(9) => " (SIGKILL)",
            Some(11) => " (SIGSEGV)",
            Some(13) => " (SIGPIPE)",
            Some(15) => " (SIGTERM)",
            _ => "",
        };
        formatter.write_str(name)?;
        if !matches!(self.reason.as_str(), "" | "Error" | "Completed") {
            write!(formatter, ", {}", self.reason)?;
        }
        Ok(())
    }
}

/// Something that keeps an object from getting ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which kind.
    pub kind: TroubleKind,
    /// The cluster's word for it: `ImagePullBackOff`, `FailedMount`.
    pub reason: String,
    /// The cluster's message, shortened to one kibibyte. Empty when there is none.
    pub message: String,
    /// The container, if it is about one.
    pub container: Option<String>,
    /// Whether that is an init container.
    pub init: bool,
    /// How the container ended the last time.
    pub exit: Option<Exit>,
    /// How often the container was started again.
    pub restarts: i64,
}

impl Trouble {
    fn new(kind: TroubleKind, reason: &str, message: &str) -> Self {
        let message = shortened(message.trim(), MESSAGE_LIMIT);
        Self { kind, reason: reason.to_owned(), message, container: None, init: false, exit: None, restarts: 0 }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        match self.kind {
            TroubleKind::ImageName | TroubleKind::ImageRefused | TroubleKind::ImagePull => Code::ImagePull,
            TroubleKind::CrashLoop | TroubleKind::Restarted => {
                match self.exit.as_ref().map(|exit| exit.reason.as_str()) {
                    Some("OOMKilled") => Code::OutOfMemory,
                    Some("StartError" | "ContainerCannotRun") => Code::ContainerStart,
                    _ if self.kind == TroubleKind::CrashLoop => Code::CrashLoop,
                    _ => Code::NotReady,
                }
            }
            TroubleKind::ContainerConfig | TroubleKind::ContainerCreate => Code::ContainerStart,
            TroubleKind::Unschedulable => Code::Unschedulable,
            TroubleKind::Volume => Code::Volume,
            TroubleKind::Refused => Code::PodRefused,
            TroubleKind::Lost => Code::PodLost,
            TroubleKind::Probe => Code::NotReady,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(container) = &self.container {
            let init = if self.init { "init container" } else { "container" };
            write!(formatter, "{init} {container}: ")?;
        }
        formatter.write_str(&self.reason)?;
        if let Some(exit) = &self.exit {
            write!(formatter, ", {exit}")?;
        }
        if self.restarts > 0 {
            write!(formatter, ", {} {}", self.restarts, if self.restarts == 1 { "restart" } else { "restarts" })?;
        }
        if !self.message.is_empty() {
            write!(formatter, ": {}", self.message)?;
        }
        Ok(())
    }
}

/// How long a trouble has to last before waiting is given up. `None` and kinds that are not named: never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patience {
    /// The registry says no. Kubelet tries again after 10, 20, 40 s.
    pub image_refused: Duration,
    /// The registry does not answer, or breaks off.
    pub image_pull: Duration,
    /// A `ConfigMap` or Secret is missing; it may be created a moment later.
    pub container_config: Duration,
    /// The runtime refuses; names of dead containers get free only after a while.
    pub container_create: Duration,
    /// No node takes the Pod; an autoscaler needs minutes to bring one.
    pub unschedulable: Duration,
    /// A volume that hangs at another node is let go after minutes only.
    pub volume: Duration,
    /// Pods are refused; a webhook may be starting up.
    pub refused: Duration,
    /// How often a container in `CrashLoopBackOff` has been started again.
    pub restarts: i64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            image_refused: Duration::from_secs(45),
            image_pull: Duration::from_mins(2),
            container_config: Duration::from_secs(30),
            container_create: Duration::from_mins(1),
            unschedulable: Duration::from_mins(2),
            volume: Duration::from_secs(150),
            refused: Duration::from_secs(30),
            restarts: 2,
        }
    }
}

impl Patience {
    /// How long this kind of trouble may last; `None` means that it never fails a wait by lasting.
    pub fn limit(&self, kind: TroubleKind) -> Option<Duration> {
        match kind {
            TroubleKind::ImageName | TroubleKind::CrashLoop => Some(Duration::ZERO),
            TroubleKind::ImageRefused => Some(self.image_refused),
            TroubleKind::ImagePull => Some(self.image_pull),
            TroubleKind::ContainerConfig => Some(self.container_config),
            TroubleKind::ContainerCreate => Some(self.container_create),
            TroubleKind::Unschedulable => Some(self.unschedulable),
            TroubleKind::Volume => Some(self.volume),
            TroubleKind::Refused => Some(self.refused),
            TroubleKind::Lost | TroubleKind::Restarted | TroubleKind::Probe => None,
        }
    }
}

/// What is wrong with a Pod according to its status, the worst first. A Pod that is being deleted, or has ended well,
/// has no troubles.
pub fn pod_troubles(pod: &Value) -> Vec<Trouble> {
    if !fields::text(pod, "/metadata/deletionTimestamp").is_empty() {
        return Vec::new();
    }
    let mut troubles = Vec::new();
    match fields::text(pod, "/status/phase") {
        "Succeeded" => return troubles,
        "Failed" => {
            let (reason, message) = (fields::text(pod, "/status/reason"), fields::text(pod, "/status/message"));
            if !reason.is_empty() {
                troubles.push(Trouble::new(TroubleKind::Lost, reason, message));
            }
        }
        _ => {}
    }
    for condition in fields::conditions(pod) {
        let (kind, status) = (fields::text(condition, "/type"), fields::text(condition, "/status"));
        let (reason, message) = (fields::text(condition, "/reason"), fields::text(condition, "/message"));
        // `SchedulerError` and `SchedulingGated` are other people's business.
        if kind == "PodScheduled" && status == "False" && reason == "Unschedulable" {
            let kind = if about_volumes(message) { TroubleKind::Volume } else { TroubleKind::Unschedulable };
            troubles.push(Trouble::new(kind, reason, message));
        }
    }
    for (pointer, init) in [("/status/initContainerStatuses", true), ("/status/containerStatuses", false)] {
        for status in fields::items(pod, pointer) {
            if let Some(mut trouble) = container_trouble(status) {
                trouble.init = init;
                trouble.container = Some(fields::text(status, "/name").to_owned());
                troubles.push(trouble);
            }
        }
    }
    troubles.sort_by_key(|trouble| trouble.kind);
    troubles
}

// The scheduler's messages about claims and volumes.
fn about_volumes(message: &str) -> bool {
    ["persistentvolumeclaim", "PersistentVolumeClaim", "volume node affinity conflict", "available persistent volumes"]
        .iter()
        .any(|words| message.contains(words))
}

fn container_trouble(status: &Value) -> Option<Trouble> {
    let restarts = fields::whole(status, "/restartCount").unwrap_or(0);
    let ended = |pointer: &str| {
        status.pointer(pointer).filter(|state| state.is_object()).map(|state| Exit {
            code: fields::whole(state, "/exitCode").unwrap_or(0),
            reason: fields::text(state, "/reason").to_owned(),
            message: shortened(fields::text(state, "/message").trim(), MESSAGE_LIMIT),
        })
    };
    let with = |mut trouble: Trouble, exit: Option<Exit>| {
        trouble.exit = exit;
        trouble.restarts = restarts;
        trouble
    };
    if let Some(waiting) = status.pointer("/state/waiting").filter(|state| state.is_object()) {
        let (reason, message) = (fields::text(waiting, "/reason"), fields::text(waiting, "/message"));
        let kind = match reason {
            "InvalidImageName" => TroubleKind::ImageName,
            "ErrImagePull"
            | "ImagePullBackOff"
            | "RegistryUnavailable"
            | "ErrImageNeverPull"
            | "SignatureValidationFailed"
            | "ImageInspectError" => {
                if reason == "ErrImageNeverPull" || refused_by_registry(message) {
                    TroubleKind::ImageRefused
                } else {
                    TroubleKind::ImagePull
                }
            }
            "CrashLoopBackOff" => TroubleKind::CrashLoop,
            "CreateContainerConfigError" => TroubleKind::ContainerConfig,
            "CreateContainerError"
            | "RunContainerError"
            | "PreCreateHookError"
            | "PreStartHookError"
            | "PostStartHookError" => TroubleKind::ContainerCreate,
            // `ContainerCreating`, `PodInitializing` and words of the future: no trouble by themselves.
            _ => return None,
        };
        // kubelet's message beside CrashLoopBackOff only counts seconds; how the program ended says more.
        let message = if kind == TroubleKind::CrashLoop { "" } else { message };
        return Some(with(Trouble::new(kind, reason, message), ended("/lastState/terminated")));
    }
    if let Some(exit) = ended("/state/terminated") {
        let failed = exit.code != 0;
        let reason = if exit.reason.is_empty() { "Terminated".to_owned() } else { exit.reason.clone() };
        return failed.then(|| with(Trouble::new(TroubleKind::Restarted, &reason, ""), Some(exit)));
    }
    let exit = ended("/lastState/terminated")?;
    let unready = !fields::flag(status, "/ready");
    unready.then(|| with(Trouble::new(TroubleKind::Restarted, STARTED_AGAIN, ""), Some(exit)))
}

// Whether trying again is unlikely to change the registry's mind.
fn refused_by_registry(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    [
        "not found",
        "manifest unknown",
        "name unknown",
        "repository does not exist",
        "no match for platform",
        "no matching manifest",
        "unauthorized",
        "denied",
        "authentication required",
        "403 forbidden",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// Whether a Pod holds the update of its `StatefulSet` up: it is of an old revision and not ready, and the controller of
/// a set with ordered Pods replaces no Pod before all are ready. Only deleting the Pod helps, or its getting ready.
pub fn holds_update_up(workload: &Value, pod: &Value) -> bool {
    let newest = fields::text(workload, "/status/updateRevision");
    fields::text(workload, "/kind") == "StatefulSet"
        && fields::whole(workload, "/metadata/generation") == fields::whole(workload, "/status/observedGeneration")
        && fields::text(workload, "/spec/podManagementPolicy") != "Parallel"
        && fields::text(workload, "/spec/updateStrategy/type") != "OnDelete"
        && !newest.is_empty()
        && fields::text(pod, "/metadata/labels/controller-revision-hash") != newest
        && fields::condition(pod, "Ready") != Some("True")
        && fields::text(pod, "/metadata/deletionTimestamp").is_empty()
}

/// What is wrong with a workload or a claim according to its own status.
pub fn object_troubles(object: &Value) -> Vec<Trouble> {
    fields::conditions(object)
        .filter(|condition| {
            fields::text(condition, "/type") == "ReplicaFailure" && fields::text(condition, "/status") == "True"
        })
        .map(|condition| {
            Trouble::new(TroubleKind::Refused, fields::text(condition, "/reason"), fields::text(condition, "/message"))
        })
        .collect()
}

/// The trouble an event tells of, if it applies to the object as it is now. The caller sees to it that the event
/// is about this object and not stale.
pub fn event_trouble(event: &Value, object: &Value) -> Option<Trouble> {
    let (reason, message) = (fields::text(event, "/reason"), fields::text(event, "/message"));
    let kind = match (fields::text(object, "/kind"), reason) {
        ("Pod", "FailedMount" | "FailedAttachVolume" | "FailedMapVolume") if before_start(object) => {
            TroubleKind::Volume
        }
        ("Pod", "FailedCreatePodSandBox" | "FailedPodSandBoxStatus") if before_start(object) => {
            TroubleKind::ContainerCreate
        }
        ("Pod", "Unhealthy") if fields::condition(object, "Ready") != Some("True") => TroubleKind::Probe,
        ("Pod", "Evicted" | "TaintManagerEviction" | "NodeNotReady" | "Preempted") => TroubleKind::Lost,
        ("Pod", _) => return None,
        ("PersistentVolumeClaim", "ProvisioningFailed" | "FailedBinding")
            if fields::text(object, "/status/phase") != "Bound" =>
        {
            TroubleKind::Volume
        }
        (_, "FailedCreate") if lacks_pods(object) => TroubleKind::Refused,
        _ => return None,
    };
    Some(Trouble::new(kind, reason, message))
}

// A Pod on a node of which no container has started.
fn before_start(pod: &Value) -> bool {
    let started = fields::items(pod, "/status/containerStatuses")
        .chain(fields::items(pod, "/status/initContainerStatuses"))
        .any(|status| {
            status.pointer("/state/running").is_some_and(Value::is_object)
                || status.pointer("/state/terminated").is_some_and(Value::is_object)
                || status.pointer("/lastState/terminated").is_some_and(Value::is_object)
        });
    fields::text(pod, "/status/phase") == "Pending" && !started
}

// A controller that has made fewer Pods than it was asked for.
fn lacks_pods(object: &Value) -> bool {
    let wanted = fields::whole(object, "/spec/replicas")
        .or_else(|| fields::whole(object, "/status/desiredNumberScheduled"))
        .unwrap_or(1);
    let present = ["replicas", "currentNumberScheduled", "active"]
        .iter()
        .find_map(|name| fields::whole(object, &format!("/status/{name}")))
        .unwrap_or(0);
    present < wanted
}

/// A Pod's state in few words, as the STATUS column of `kubectl get` has it, with the reason where one is known.
pub fn pod_state(pod: &Value) -> String {
    if !fields::text(pod, "/metadata/deletionTimestamp").is_empty() {
        return "Terminating".to_owned();
    }
    // A container that runs again is told by its number of restarts below.
    if let Some(worst) = pod_troubles(pod).into_iter().find(|trouble| trouble.reason != STARTED_AGAIN) {
        return worst.to_string();
    }
    let phase = fields::text(pod, "/status/phase");
    let (ready, all) = fields::ready_containers(pod);
    let inits: Vec<&Value> = fields::items(pod, "/status/initContainerStatuses").collect();
    let done = |status: &&Value| {
        fields::whole(status, "/state/terminated/exitCode") == Some(0) || fields::flag(status, "/started")
    };
    let initialised = inits.iter().filter(|status| done(status)).count();
    if phase == "Pending" && initialised < inits.len() {
        return format!("Init {initialised}/{}", inits.len());
    }
    if phase == "Pending" {
        let waiting = fields::items(pod, "/status/containerStatuses")
            .map(|status| fields::text(status, "/state/waiting/reason"))
            .find(|reason| !reason.is_empty());
        return waiting.unwrap_or("Pending").to_owned();
    }
    let restarts: i64 = fields::items(pod, "/status/containerStatuses")
        .filter_map(|status| fields::whole(status, "/restartCount"))
        .sum();
    match (phase, restarts) {
        ("Running", 0) => format!("ready {ready}/{all}"),
        ("Running", 1) => format!("ready {ready}/{all}, 1 restart"),
        ("Running", _) => format!("ready {ready}/{all}, {restarts} restarts"),
        ("", _) => "Pending".to_owned(),
        (other, _) => other.to_owned(),
    }
}

#[cfg(test)]
#[path = "diagnosis_tests.rs"]
mod tests;
