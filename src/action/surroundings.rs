//! What is around a render: this machine, and the cluster if there is one.
//!
//! Preparing a revision is computation on a deep stack and cannot wait for a network, yet templates look objects up in
//! the middle of it. So next to a cluster it runs on a thread of its own and sends its questions out; the task that owns
//! the connection answers them one after another and hears what is strange. Knowledge flows one way: a render knows that
//! it can ask, never whom. Rules of the look-ups: Helm's `pkg/engine/lookup_func.go`; of the capabilities: `getCapabilities`
//! in its `pkg/action`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as answers;
use std::sync::{Mutex, PoisonError};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;

use super::host::Machine;
use super::{Cancel, Error, Notice};
use crate::cluster::{self, Cluster, ListOptions};
use crate::render::gotemplate::host::Host;
use crate::render::helm::{Capabilities, HelmVersion, KubeVersion};
use crate::values::Compat;
use crate::yaml::{Mapping, Value};

/// The stack of the thread that prepares; charts of strangers nest as they like, and templates get more (`render::stack`).
const STACK: usize = 16 << 20;

/// How many objects and lists a render may look up. A chart looks up a handful; a loop gone wild ends here.
const MOST_LOOKUPS: usize = 10_000;

/// How many values of Secrets are remembered, and how long one may be, in bytes.
const MOST_SECRETS: usize = 10_000;
const LONGEST_SECRET: usize = 4096;

/// What a render may ask a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Whether templates may look objects up.
    pub lookup: bool,
    /// Whether the cluster's version and API versions are used.
    pub capabilities: bool,
    /// Whether nothing is rendered for a cluster that does not answer, also if nothing has to be asked.
    pub reach: bool,
}

impl Access {
    /// What an installation needs: a cluster that does not answer is found out soon enough.
    pub const RENDER: Self = Self { lookup: true, capabilities: true, reach: false };
}

/// What is around a render.
pub(super) enum Surroundings {
    /// Nothing but this machine: look-ups find nothing, capabilities are assumed.
    Machine,
    /// A cluster too.
    Cluster(Asker),
}

/// The asking side.
pub(super) struct Asker {
    questions: mpsc::UnboundedSender<Question>,
    access: Access,
    lookups: AtomicUsize,
    /// What stands in Secrets that were looked up, so that no error shows it.
    secrets: Mutex<Vec<String>>,
}

/// What is asked or told; the answer goes back to the thread that waits for it.
enum Question {
    Reach(answers::SyncSender<Result<(), Error>>),
    Capabilities(Compat, answers::SyncSender<Result<Capabilities, Error>>),
    Lookup(Wanted, answers::SyncSender<Result<Option<Mapping>, String>>),
    Notice(Notice),
}

/// What a template looks up: one object, or a list if there is no name.
struct Wanted {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
}

impl Asker {
    const fn new(questions: mpsc::UnboundedSender<Question>, access: Access) -> Self {
        Self { questions, access, lookups: AtomicUsize::new(0), secrets: Mutex::new(Vec::new()) }
    }

    /// Asks, and waits for the answer; `None` if nobody is there any more to give one.
    fn ask<T>(&self, question: impl FnOnce(answers::SyncSender<T>) -> Question) -> Option<T> {
        let (answer, answered) = answers::sync_channel(1);
        self.questions.send(question(answer)).ok()?;
        answered.recv().ok()
    }

    /// Remembers the values of a Secret, or of a list of them, as they stand in it and as what they mean.
    fn remember(&self, found: &Mapping) {
        let kind = found.get("kind").and_then(Value::as_str).unwrap_or_default();
        let items = match (kind, found.get("items")) {
            ("Secret", _) => vec![found],
            ("SecretList", Some(Value::Sequence(items))) => items.iter().filter_map(Value::as_mapping).collect(),
            _ => return,
        };
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        for data in items.iter().filter_map(|secret| secret.get("data")).filter_map(Value::as_mapping) {
            for encoded in data.values().filter_map(Value::as_str) {
                let decoded = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let texts = [Some(encoded.to_owned()), decoded].into_iter().flatten();
                // Certificates, archives and records are no words that a chart would quote.
                let texts = texts.filter(|text| text.len() <= LONGEST_SECRET);
                let room = MOST_SECRETS.saturating_sub(secrets.len());
                secrets.extend(texts.take(room));
            }
        }
    }
}

impl Surroundings {
    /// Whether there is a cluster that has to answer.
    ///
    /// # Errors
    /// If it does not.
    pub(super) fn reach(&self) -> Result<(), Error> {
        match self {
            Self::Cluster(asker) if asker.access.reach => asker.ask(Question::Reach).unwrap_or(Err(Error::Interrupted)),
            _ => Ok(()),
        }
    }

    /// Whether the capabilities are those of a cluster.
    pub(super) const fn has_capabilities(&self) -> bool {
        matches!(self, Self::Cluster(asker) if asker.access.capabilities)
    }

    /// What the cluster is and can do; `None` if that has to be assumed.
    ///
    /// # Errors
    /// What the cluster says.
    pub(super) fn capabilities(&self, compat: Compat) -> Result<Option<Capabilities>, Error> {
        match self {
            Self::Cluster(asker) if asker.access.capabilities => {
                asker.ask(|answer| Question::Capabilities(compat, answer)).unwrap_or(Err(Error::Interrupted)).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Which values of Secrets that were looked up stand in a text.
    pub(super) fn secrets_in(&self, text: &str) -> Vec<String> {
        let Self::Cluster(asker) = self else { return Vec::new() };
        let secrets = asker.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.iter().filter(|secret| !secret.is_empty() && text.contains(secret.as_str())).cloned().collect()
    }
}

impl Host for Surroundings {
    fn now(&self) -> i128 {
        Machine.now()
    }

    fn time_zone(&self) -> String {
        Machine.time_zone()
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), String> {
        Machine.random(buffer)
    }

    fn host_by_name(&self, name: &str) -> String {
        Machine.host_by_name(name)
    }

    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Option<Mapping>, String> {
        let Self::Cluster(asker) = self else { return Ok(None) };
        if !asker.access.lookup {
            return Ok(None);
        }
        if asker.lookups.fetch_add(1, Ordering::Relaxed) >= MOST_LOOKUPS {
            return Err(format!("this chart looks up more than {MOST_LOOKUPS} objects"));
        }
        let [api_version, kind, namespace, name] = [api_version, kind, namespace, name].map(str::to_owned);
        let found = asker
            .ask(|answer| Question::Lookup(Wanted { api_version, kind, namespace, name }, answer))
            .unwrap_or_else(|| Err("interrupted".to_owned()))?;
        if let Some(found) = &found {
            asker.remember(found);
        }
        Ok(found)
    }
}

/// Does `work` on a thread of its own beside a cluster, and answers its questions until it is done. What it finds
/// strange is told at once.
///
/// # Errors
/// [`Error::Interrupted`] if the run is cancelled; the thread then ends at its next question.
pub(super) async fn beside<T: Send + 'static>(
    cluster: &Cluster,
    access: Access,
    cancel: &Cancel,
    notices: &mut dyn FnMut(Notice),
    work: impl FnOnce(&Surroundings, &mut dyn FnMut(Notice)) -> T + Send + 'static,
) -> Result<T, Error> {
    let (questions, mut asked) = mpsc::unbounded_channel();
    let worker = thread::Builder::new().name("prepare".to_owned()).stack_size(STACK).spawn(move || {
        let teller = questions.clone();
        let surroundings = Surroundings::Cluster(Asker::new(questions, access));
        work(&surroundings, &mut |notice| {
            // Nobody listens any more only if the run was cancelled.
            let _ = teller.send(Question::Notice(notice));
        })
    });
    let worker = worker.map_err(Error::Thread)?;
    let answering = async {
        while let Some(question) = asked.recv().await {
            answer(cluster, question, notices).await;
        }
    };
    tokio::select! {
        () = answering => {}
        () = cancel.cancelled() => return Err(Error::Interrupted),
    }
    // The thread has let go of its questions: it is at its end.
    worker.join().map_err(|panic| std::panic::resume_unwind(panic))
}

/// Whoever asked may be gone: then the answer goes nowhere.
async fn answer(cluster: &Cluster, question: Question, notices: &mut dyn FnMut(Notice)) {
    match question {
        Question::Reach(answer) => {
            let _ = answer.send(cluster.version().await.map(drop).map_err(Error::from));
        }
        Question::Capabilities(compat, answer) => {
            let _ = answer.send(capabilities(cluster, compat, notices).await.map_err(Error::from));
        }
        Question::Lookup(wanted, answer) => {
            let found = lookup(cluster, &wanted, notices).await;
            // Objects are taken apart here already: their JSON would be held twice for as long as the answer waits.
            let _ = answer.send(found.map(|found| match found.map(Value::from) {
                Some(Value::Mapping(object)) => Some(object),
                _ => None,
            }));
        }
        Question::Notice(notice) => notices(notice),
    }
}

async fn capabilities(
    cluster: &Cluster,
    compat: Compat,
    notices: &mut dyn FnMut(Notice),
) -> Result<Capabilities, cluster::Error> {
    let (version, served) = futures::try_join!(cluster.version(), cluster.served())?;
    if !served.orphaned.is_empty() {
        notices(Notice::OrphanedApis { apis: served.orphaned });
    }
    let cluster::Version { git_version, major, minor } = version;
    Ok(Capabilities {
        kube_version: KubeVersion::of_cluster(git_version, major, minor, compat),
        // A server that shows the caller nothing is taken for one that Helm knows.
        api_versions: if served.api_versions.is_empty() {
            Capabilities::assumed(compat).api_versions
        } else {
            served.api_versions.into_iter().collect()
        },
        helm_version: HelmVersion::of(compat),
    })
}

/// What Helm's `lookup` finds. What is not there is `None`; the error is in Helm's words.
async fn lookup(cluster: &Cluster, wanted: &Wanted, notices: &mut dyn FnMut(Notice)) -> Result<Option<Json>, String> {
    let Wanted { api_version, kind, namespace, name } = wanted;
    // A version that cannot be one is none to Helm.
    let (group, version) = match api_version.split_once('/') {
        _ if api_version.matches('/').count() > 1 => ("", ""),
        Some(parts) => parts,
        None => ("", api_version.as_str()),
    };
    let mut unserved = |problem: String| {
        let known_as = format!("{group}/{version}, Kind={kind}");
        let group_version = if version.is_empty() { String::new() } else { api_version.clone() };
        let text = format!("unable to get apiresource from unstructured: {known_as}: {problem}");
        notices(Notice::UnservedLookup { group_version, kind: known_as, problem });
        text
    };
    if version.is_empty() && group.is_empty() {
        return Err(unserved("groupVersion shouldn't be empty".to_owned()));
    }
    let resource = match cluster.discover(api_version, kind).await {
        Ok(resource) => resource,
        // A kind that its group version does not have: Helm asks for an object at the root of the API, where there is
        // none, or takes what it finds there for a list.
        Err(cluster::Error::UnknownKind { .. }) if cluster.is_served(api_version) => {
            if !name.is_empty() {
                return Ok(None);
            }
            let mut root = cluster.core_versions().await.map_err(|error| error.to_string())?;
            if let Some(root) = root.as_object_mut() {
                root.insert("items".to_owned(), json!([]));
            }
            return Ok(Some(root));
        }
        Err(cluster::Error::UnknownKind { .. }) => {
            return Err(unserved("the server could not find the requested resource".to_owned()));
        }
        Err(error) => return Err(unserved(error.to_string())),
    };
    let namespace = Some(namespace.as_str()).filter(|namespace| resource.namespaced && !namespace.is_empty());
    if !name.is_empty() {
        // One object of a kind with namespaces is looked for in one; Helm asks without, and no server has it there.
        return match cluster.find(&resource, namespace, name).await {
            Err(cluster::Error::Request { .. }) if resource.namespaced && namespace.is_none() => Ok(None),
            found => found.map_err(|error| error.to_string()),
        };
    }
    match cluster.list(&resource, namespace, &ListOptions::default()).await {
        Ok(list) => {
            let kind = if list.kind.is_empty() { format!("{kind}List") } else { list.kind };
            Ok(Some(json!({
                "apiVersion": resource.api_version(),
                "kind": kind,
                "metadata": { "resourceVersion": list.resource_version },
                "items": list.items,
            })))
        }
        Err(cluster::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking() -> (Asker, mpsc::UnboundedReceiver<Question>) {
        let (questions, asked) = mpsc::unbounded_channel();
        (Asker::new(questions, Access::RENDER), asked)
    }

    #[test]
    fn a_loop_of_look_ups_comes_to_an_end() {
        let (asker, receiver) = asking();
        drop(receiver);
        asker.lookups.store(MOST_LOOKUPS - 1, Ordering::Relaxed);
        let surroundings = Surroundings::Cluster(asker);
        let look = || surroundings.lookup("v1", "Secret", "bot", "it").unwrap_err();
        assert_eq!(look(), "interrupted", "the last one is asked, though nobody answers");
        assert_eq!(look(), "this chart looks up more than 10000 objects");
    }

    #[test]
    fn what_stands_in_secrets_is_found_again_in_an_error() {
        let (asker, _receiver) = asking();
        let mapping = |json| match Value::from(json) {
            Value::Mapping(mapping) => mapping,
            other => panic!("{other:?}"),
        };
        asker.remember(&mapping(json!({"kind": "SecretList", "items": [{"data": {"a": "c2VzYW1l", "b": 1}}, 2]})));
        asker.remember(&mapping(json!({"kind": "ConfigMap", "data": {"a": "public"}})));
        let surroundings = Surroundings::Cluster(asker);
        assert_eq!(surroundings.secrets_in("it says sesame and public"), ["sesame"]);
        assert_eq!(surroundings.secrets_in("it says c2VzYW1l"), ["c2VzYW1l"]);
        assert_eq!(Surroundings::Machine.secrets_in("sesame"), Vec::<String>::new());
    }
}
