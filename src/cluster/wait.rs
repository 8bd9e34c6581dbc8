//! Waiting until objects are ready, have ended, run, or are gone.
//!
//! Watches tell what happens, `readiness` judges it, `diagnosis` finds out what is wrong, and an observer hears of every
//! change. One watch for each kind and namespace, one for the Pods of the workloads, and, only when something takes
//! long or is in trouble, one for warnings among the events. What the answer to an apply already shows to be ready is
//! not asked for again.
//!
//! Under our own rules a wait ends early when a trouble has outlasted its patience; under Helm's it ends when Helm's
//! would. Nothing is written to the cluster here.

mod evidence;
mod sources;
mod standing;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures::stream::{BoxStream, SelectAll};
use futures::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::client::Cluster;
use super::diagnosis::{Patience, Trouble, TroubleKind};
use super::error::{Error, Target};
use super::fields;
use super::readiness::{Binding, Readiness, Rules};
use super::watch::{News, Pace};
use crate::code::Code;

pub use evidence::{Evidence, LogExcerpt};

/// What an object is waited to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It is ready, by the rules of the wait.
    Ready,
    /// It runs: a Pod with every container started.
    Running,
    /// It is gone; with a UID, that one is gone.
    Deleted {
        /// The object that has to go; another one of the same name may be there.
        uid: Option<String>,
    },
}

/// One object and what it is waited to do.
#[derive(Debug, Clone)]
pub struct Goal {
    /// The object. Its namespace must be given if its kind has namespaces.
    pub object: Target,
    /// What for.
    pub condition: Condition,
    /// Its last known state, as the answer to an apply. Spares requests.
    pub applied: Option<Value>,
}

impl Goal {
    /// Waits for an object that an apply or a create has answered with to get ready.
    pub fn ready(applied: Value) -> Self {
        Self { object: target_of(&applied), condition: Condition::Ready, applied: Some(applied) }
    }

    /// Waits for an object to go.
    pub const fn deleted(object: Target, uid: Option<String>) -> Self {
        Self { object, condition: Condition::Deleted { uid }, applied: None }
    }

    /// Waits for a Pod to run.
    pub const fn running(pod: Target) -> Self {
        Self { object: pod, condition: Condition::Running, applied: None }
    }
}

/// The name by which an object is addressed.
pub fn target_of(object: &Value) -> Target {
    let namespace = fields::text(object, "/metadata/namespace");
    Target {
        api_version: fields::text(object, "/apiVersion").to_owned(),
        kind: fields::text(object, "/kind").to_owned(),
        namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
        name: fields::text(object, "/metadata/name").to_owned(),
    }
}

/// How to wait.
#[derive(Debug, Clone)]
pub struct WaitOptions {
    /// Which rules say what ready means.
    pub rules: Rules,
    /// Whether Jobs have to complete (`--wait-for-jobs`).
    pub wait_for_jobs: bool,
    /// How long at most.
    pub timeout: Duration,
    /// How long everything has to stay ready. A container without a probe is ready the moment it starts, and may end
    /// the moment after.
    pub settle: Duration,
    /// How long troubles may last. Only [`Rules::Full`] and [`Condition::Running`] give up early.
    pub patience: Patience,
    /// After how long without success events are looked at.
    pub events_after: Duration,
    /// How many of the last lines of a failing container's log become evidence. Zero: none is fetched.
    pub log_lines: u32,
    /// How fast watches come back.
    pub pace: Pace,
}

impl WaitOptions {
    /// These rules, this long, the rest as usual.
    pub fn new(rules: Rules, timeout: Duration) -> Self {
        Self {
            rules,
            wait_for_jobs: false,
            timeout,
            settle: Duration::ZERO,
            patience: Patience::default(),
            events_after: Duration::from_secs(10),
            log_lines: 5,
            pace: Pace::default(),
        }
    }
}

/// How far an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Not there yet, or not ready.
    Waiting,
    /// Ready, running or ended, as was waited for.
    Ready,
    /// In a trouble that does not pass, as far as one can tell.
    Failed,
    /// Being deleted.
    Terminating,
    /// Gone.
    Absent,
}

/// Something that happened while waiting.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// An object moved on. Told once for each change of state or detail.
    Status {
        /// Which.
        object: Target,
        /// The workload it belongs to, for a Pod.
        parent: Option<Target>,
        /// How far it is.
        state: State,
        /// In the cluster's words: `ready 0/1`, `ImagePullBackOff: …`. May hold what programs print.
        detail: String,
    },
    /// A watch broke and is opened again.
    Retrying {
        /// What was watched.
        what: Target,
        /// What broke.
        error: Error,
        /// How long is waited first.
        delay: Duration,
    },
    /// Watching this kind is not allowed; it is asked for now and then instead.
    Polling {
        /// What is asked for.
        what: Target,
        /// The refusal.
        error: Error,
    },
    /// Looking at this kind is not allowed; waiting goes on without it.
    Blind {
        /// What cannot be seen.
        what: Target,
        /// The refusal.
        error: Error,
    },
}

/// A wait that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waited {
    /// How long it took.
    pub elapsed: Duration,
}

/// An object that did not do what was waited for.
#[derive(Debug, Clone)]
pub struct NotReady {
    /// Which.
    pub object: Target,
    /// What the rules said last; `None` when the object was never seen.
    pub readiness: Option<Readiness>,
    /// Why, in few words.
    pub reason: String,
    /// Which kind of trouble.
    pub code: Code,
    /// What speaks for it, the worst first.
    pub evidence: Vec<Evidence>,
}

/// A wait that did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WaitError {
    /// Objects are not as wanted: time is over, or waiting makes no sense.
    #[error("{}", describe(not_ready, *timed_out, *elapsed))]
    NotReady {
        /// The objects, in the order in which they were given.
        not_ready: Vec<NotReady>,
        /// Whether time was over; otherwise something failed for good.
        timed_out: bool,
        /// How long was waited.
        elapsed: Duration,
    },
    /// The cluster does not let itself be watched.
    #[error(transparent)]
    Cluster(#[from] Error),
}

impl WaitError {
    /// The stable code: of the worst trouble found.
    pub fn code(&self) -> Code {
        match self {
            Self::Cluster(error) => error.code(),
            Self::NotReady { not_ready, .. } => {
                let known = not_ready.iter().map(|object| object.code).find(|code| *code != Code::NotReady);
                known.unwrap_or(Code::NotReady)
            }
        }
    }
}

fn describe(not_ready: &[NotReady], timed_out: bool, elapsed: Duration) -> String {
    let objects: Vec<String> = not_ready
        .iter()
        .map(|object| format!("{}/{}: {}", object.object.kind, object.object.name, object.reason))
        .collect();
    let objects = objects.join("; ");
    if timed_out { format!("not ready after {} s: {objects}", elapsed.as_secs()) } else { objects }
}

/// Hears what happens while waiting.
pub type Observe<'a> = dyn FnMut(Progress) + Send + 'a;

impl Cluster {
    /// Waits until every goal is reached, time is over, or waiting makes no sense any more.
    pub async fn wait(
        &self,
        goals: Vec<Goal>,
        options: &WaitOptions,
        observe: &mut Observe<'_>,
    ) -> Result<Waited, WaitError> {
        let mut wait = Wait::new(self, options, observe);
        wait.add_goals(goals).await?;
        wait.run().await
    }
}

/// A goal and what is known about it.
struct Aim {
    goal: Goal,
    latest: Option<Value>,
    // Whether the collection was seen as a whole since, so that absence is known.
    looked: bool,
    // Reached from what was known at the beginning, or by the nature of its kind; not watched.
    settled: bool,
    binding: Binding,
    used: bool,
    readiness: Option<Readiness>,
    reached: bool,
    failed: Option<(String, Code)>,
}

/// Which part of a Pod or object is in trouble in which way; image troubles change their words as kubelet retries.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct TroubleKey {
    uid: String,
    container: Option<String>,
    kind: TroubleKind,
}

/// A trouble that goes on.
struct Episode {
    since: Instant,
    worst: Trouble,
}

struct Wait<'a, 'o> {
    cluster: &'a Cluster,
    options: &'a WaitOptions,
    observe: &'a mut Observe<'o>,
    started: Instant,
    aims: Vec<Aim>,
    sources: Vec<sources::Source>,
    streams: SelectAll<BoxStream<'static, (usize, News)>>,
    pods_followed: bool,
    events_followed: bool,
    pods: BTreeMap<String, Value>,
    replica_sets: BTreeMap<String, Value>,
    // By UID of the object they are about, the newest last.
    events: HashMap<String, Vec<Value>>,
    // Restarts of a container when it was first seen.
    baselines: HashMap<(String, String), i64>,
    episodes: HashMap<TroubleKey, Episode>,
    reported: HashMap<(String, String, String), (State, String)>,
    ready_since: Option<Instant>,
    wake: Option<Instant>,
    claims_looked: Option<Instant>,
}

impl<'a, 'o> Wait<'a, 'o> {
    fn new(cluster: &'a Cluster, options: &'a WaitOptions, observe: &'a mut Observe<'o>) -> Self {
        Self {
            cluster,
            options,
            observe,
            started: Instant::now(),
            aims: Vec::new(),
            sources: Vec::new(),
            streams: SelectAll::new(),
            pods_followed: false,
            events_followed: false,
            pods: BTreeMap::new(),
            replica_sets: BTreeMap::new(),
            events: HashMap::new(),
            baselines: HashMap::new(),
            episodes: HashMap::new(),
            reported: HashMap::new(),
            ready_since: None,
            wake: None,
            claims_looked: None,
        }
    }

    async fn run(mut self) -> Result<Waited, WaitError> {
        let deadline = self.started + self.options.timeout;
        loop {
            let now = Instant::now();
            self.judge(now, Timestamp::now());
            let open = self.aims.iter().filter(|aim| !aim.reached).count();
            if open == 0 {
                let since = *self.ready_since.get_or_insert(now);
                if now >= since + self.options.settle {
                    return Ok(Waited { elapsed: self.started.elapsed() });
                }
                self.wake_at(since + self.options.settle);
            } else {
                self.ready_since = None;
            }
            if self.hopeless() {
                return Err(self.give_up(false).await);
            }
            if now >= deadline {
                return Err(self.give_up(true).await);
            }
            if open > 0 {
                self.widen(now);
                if self.look_at_claims(now).await {
                    continue;
                }
            }
            let wake = self.wake.take().map_or(deadline, |wake| wake.min(deadline));
            tokio::select! {
                biased;
                news = self.streams.next(), if !self.streams.is_empty() => if let Some((source, news)) = news {
                    self.take(source, news)?;
                    // Whatever else has arrived belongs to the same look.
                    for _ in 0..256 {
                        match self.streams.next().now_or_never() {
                            Some(Some((source, news))) => self.take(source, news)?,
                            _ => break,
                        }
                    }
                },
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    fn wake_at(&mut self, at: Instant) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// Whether waiting on makes no sense: by our rules as soon as one goal has failed, by Helm's only when nothing
    /// else is left.
    fn hopeless(&self) -> bool {
        let any_failed = self.aims.iter().any(|aim| aim.failed.is_some());
        let all_decided = self.aims.iter().all(|aim| aim.reached || aim.failed.is_some());
        let early = self.aims.iter().any(|aim| {
            aim.failed.is_some() && (self.options.rules != Rules::Watcher || aim.goal.condition == Condition::Running)
        });
        any_failed && (early || all_decided)
    }

    fn tell(&mut self, object: Target, parent: Option<Target>, state: State, detail: &str) {
        let key = (object.kind.clone(), object.namespace.clone().unwrap_or_default(), object.name.clone());
        let news = (state, detail.to_owned());
        if self.reported.get(&key) == Some(&news) {
            return;
        }
        self.reported.insert(key, news);
        (self.observe)(Progress::Status { object, parent, state, detail: detail.to_owned() });
    }
}
