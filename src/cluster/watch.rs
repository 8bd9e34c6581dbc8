//! One collection of objects, watched for as long as somebody listens.
//!
//! The stream that comes out of [`watch`] does not end with its connection: it is opened again where it broke off,
//! listed anew when the server no longer keeps that point (410), and turned into polling when listing is allowed but
//! watching is not. kube's own watcher is not used because it opens a watch that the server ends cleanly at
//! once again without any pause, and because it reports no difference between a refusal and a broken cable.
//!
//! A watch without a resource version begins with every object that is there: one request instead of a list
//! and a watch. Where the beginning ends is not told, so this form serves those who wait for something to appear, not
//! those who wait for something to go ([`Scope::complete`]). Rules: "Kubernetes API Concepts", semantics for watch.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use kube::core::params::WatchParams;
use kube::core::{Request, WatchEvent};
use serde_json::Value;
use tokio::time::Instant;

use super::client::Cluster;
use super::error::{Error, Target};
use super::fields;
use super::objects::ListOptions;
use super::resource::Resource;

/// How fast a watch comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// The first pause before a watch is opened again; it doubles each time.
    pub first_delay: Duration,
    /// The longest pause.
    pub longest_delay: Duration,
    /// A watch that lived this long is opened again at once, and pauses begin anew.
    pub steady: Duration,
    /// How long the server is asked to keep one watch open.
    pub window: Duration,
    /// How long after that a watch that has not ended is taken for dead.
    pub slack: Duration,
    /// The time between two looks where watching is not allowed.
    pub poll: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_millis(500),
            longest_delay: Duration::from_secs(15),
            steady: Duration::from_secs(10),
            window: Duration::from_mins(1),
            slack: Duration::from_secs(5),
            poll: Duration::from_secs(2),
        }
    }
}

/// What is watched.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// The kind.
    pub(crate) resource: Resource,
    /// The namespace, for kinds that have one.
    pub(crate) namespace: Option<String>,
    /// The objects that matter; empty means all. One name becomes a field selector; with several, only these
    /// are told.
    pub(crate) names: Vec<String>,
    /// A label selector.
    pub(crate) labels: Option<String>,
    /// A field selector beside the name.
    pub(crate) fields: Option<String>,
    /// Whether to begin with a list, so that what is not there is known not to be there.
    pub(crate) complete: bool,
    /// Whether metadata is enough.
    pub(crate) metadata_only: bool,
}

impl Scope {
    /// Everything of a kind, as a whole from the beginning.
    pub(crate) const fn all(resource: Resource, namespace: Option<String>) -> Self {
        Self {
            resource,
            namespace,
            names: Vec::new(),
            labels: None,
            fields: None,
            complete: true,
            metadata_only: false,
        }
    }

    /// What is watched, for messages.
    pub(crate) fn target(&self) -> Target {
        self.resource.target(self.namespace.as_deref(), "")
    }
}

/// What a watch tells.
#[derive(Debug)]
pub(crate) enum News {
    /// Everything that is there; what was told before and is not among it is gone.
    Snapshot(Vec<Value>),
    /// This object is there, like this.
    Applied(Value),
    /// This object is gone; its last state.
    Deleted(Value),
    /// Something broke; it goes on after a pause.
    Retrying {
        /// What broke.
        error: Error,
        /// How long the pause is.
        delay: Duration,
    },
    /// Watching is not allowed; it goes on by looking now and then.
    Polling(Error),
    /// Looking is not allowed either, or makes no sense; nothing more will be told.
    Refused(Error),
}

/// Watches. The stream ends after [`News::Refused`] only.
pub(crate) fn watch(cluster: &Cluster, scope: Scope, pace: Pace) -> BoxStream<'static, News> {
    let delay = pace.first_delay;
    let mode = if scope.complete { Mode::List } else { Mode::Open };
    let watcher = Watcher { cluster: cluster.clone(), scope, pace, mode, version: None, pause: None, delay };
    stream::unfold(watcher, |mut watcher| {
        let next: BoxFuture<'static, _> = async move {
            let news = watcher.next().await?;
            Some((news, watcher))
        }
        .boxed();
        next
    })
    .boxed()
}

type Events = BoxStream<'static, Result<WatchEvent<Value>, kube::Error>>;

enum Mode {
    /// Ask for everything there is.
    List,
    /// Open a watch, from the known version or from whatever is there.
    Open,
    /// Read an open watch.
    Read { events: Events, opened: Instant, resumable: bool },
    /// Look now and then.
    Poll { by_name: bool },
    /// Nothing more to tell.
    Done,
}

struct Watcher {
    cluster: Cluster,
    scope: Scope,
    pace: Pace,
    mode: Mode,
    version: Option<String>,
    pause: Option<Duration>,
    delay: Duration,
}

impl Watcher {
    async fn next(&mut self) -> Option<News> {
        loop {
            if let Some(pause) = self.pause.take() {
                tokio::time::sleep(pause).await;
            }
            let news = match std::mem::replace(&mut self.mode, Mode::Done) {
                Mode::Done => return None,
                Mode::List => self.list().await,
                Mode::Open => self.open().await,
                Mode::Read { events, opened, resumable } => self.read(events, opened, resumable).await,
                Mode::Poll { by_name } => self.poll(by_name).await,
            };
            if let Some(news) = news {
                return Some(news);
            }
        }
    }

    async fn list(&mut self) -> Option<News> {
        match self.everything().await {
            Ok((objects, version)) => {
                self.version = Some(version);
                self.mode = Mode::Open;
                Some(News::Snapshot(objects))
            }
            Err(error @ Error::Forbidden(_)) if !self.scope.names.is_empty() => {
                self.mode = Mode::Poll { by_name: true };
                Some(News::Polling(error))
            }
            Err(error) => Some(self.failed(error, Mode::List)),
        }
    }

    async fn open(&mut self) -> Option<News> {
        let params = WatchParams {
            label_selector: self.scope.labels.clone(),
            field_selector: self.field_selector(),
            timeout: Some(u32::try_from(self.pace.window.as_secs().clamp(1, 290)).unwrap_or(60)),
            bookmarks: true,
            send_initial_events: false,
        };
        let request = Request::new(self.scope.resource.collection(self.scope.namespace.as_deref()));
        let version = self.version.clone().unwrap_or_default();
        let request = if self.scope.metadata_only {
            request.watch_metadata(&params, &version)
        } else {
            request.watch(&params, &version)
        };
        let request = match request {
            Ok(request) => request,
            Err(error) => return Some(self.failed(self.invalid(&error), Mode::Done)),
        };
        match self.cluster.client().request_events::<Value>(request).await {
            Ok(events) => {
                let events = events.boxed();
                // What a watch without a version tells first comes in no order: its versions are no place to resume.
                let resumable = self.version.is_some();
                self.mode = Mode::Read { events, opened: Instant::now(), resumable };
                None
            }
            Err(error) => {
                let error = self.cluster.error(error, self.scope.target());
                let unable = match &error {
                    Error::Forbidden(_) => true,
                    Error::Refused { status, .. } => *status == 405,
                    _ => false,
                };
                if unable {
                    self.mode = Mode::Poll { by_name: false };
                    return Some(News::Polling(error));
                }
                if matches!(error, Error::Gone { .. }) {
                    return self.expired();
                }
                Some(self.failed(error, Mode::Open))
            }
        }
    }

    async fn read(&mut self, mut events: Events, opened: Instant, resumable: bool) -> Option<News> {
        // The server ends the watch at the end of the window; a little later it must be dead.
        let end = opened + self.pace.window + self.pace.slack;
        let event = match tokio::time::timeout_at(end, events.next()).await {
            Ok(Some(Ok(event))) => event,
            Ok(Some(Err(kube::Error::Api(status)))) if status.code == 410 => return self.expired(),
            Ok(Some(Err(_)) | None) | Err(_) => return self.closed(opened, resumable),
        };
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                self.note_version(&object, resumable);
                self.mode = Mode::Read { events, opened, resumable };
                self.wanted(object).map(News::Applied)
            }
            WatchEvent::Deleted(object) => {
                self.note_version(&object, resumable);
                self.mode = Mode::Read { events, opened, resumable };
                self.wanted(object).map(News::Deleted)
            }
            WatchEvent::Bookmark(bookmark) => {
                self.version = Some(bookmark.metadata.resource_version);
                self.mode = Mode::Read { events, opened, resumable: true };
                None
            }
            WatchEvent::Error(status) if status.code == 410 => self.expired(),
            WatchEvent::Error(status) => {
                let error = self.cluster.error(kube::Error::Api(status), self.scope.target());
                Some(self.failed(error, Mode::List))
            }
        }
    }

    async fn poll(&mut self, by_name: bool) -> Option<News> {
        let found = if by_name { self.each().await } else { self.everything().await.map(|(objects, _)| objects) };
        match found {
            Ok(objects) => {
                self.mode = Mode::Poll { by_name };
                self.pause = Some(self.pace.poll);
                self.delay = self.pace.first_delay;
                Some(News::Snapshot(objects))
            }
            Err(Error::Forbidden(_)) if !by_name && !self.scope.names.is_empty() => {
                self.mode = Mode::Poll { by_name: true };
                None
            }
            Err(error) => Some(self.failed(error, Mode::Poll { by_name })),
        }
    }

    /// The watch has ended, cleanly or not. It is opened again where it stood, or everything is listed when that
    /// place is not known.
    fn closed(&mut self, opened: Instant, resumable: bool) -> Option<News> {
        self.mode = if resumable { Mode::Open } else { Mode::List };
        if opened.elapsed() >= self.pace.steady {
            self.delay = self.pace.first_delay;
        } else {
            self.pause = Some(self.next_delay());
        }
        None
    }

    /// The server does not keep that version any more.
    fn expired(&mut self) -> Option<News> {
        self.version = None;
        self.mode = Mode::List;
        self.pause = Some(self.next_delay());
        None
    }

    fn failed(&mut self, error: Error, mode: Mode) -> News {
        if !(error.is_transient() || matches!(error, Error::Protocol { .. })) {
            self.mode = Mode::Done;
            return News::Refused(error);
        }
        if matches!(error, Error::Gone { .. }) {
            self.version = None;
        }
        let delay = self.next_delay();
        self.mode = mode;
        self.pause = Some(delay);
        News::Retrying { error, delay }
    }

    fn next_delay(&mut self) -> Duration {
        let delay = self.delay;
        self.delay = (delay * 2).min(self.pace.longest_delay);
        delay
    }

    fn note_version(&mut self, object: &Value, resumable: bool) {
        let version = fields::text(object, "/metadata/resourceVersion");
        if resumable && !version.is_empty() {
            self.version = Some(version.to_owned());
        }
    }

    fn field_selector(&self) -> Option<String> {
        let name = match self.scope.names.as_slice() {
            [only] => Some(format!("metadata.name={only}")),
            _ => None,
        };
        match (name, self.scope.fields.clone()) {
            (Some(name), Some(fields)) => Some(format!("{name},{fields}")),
            (name, fields) => name.or(fields),
        }
    }

    /// The object with its type filled in, if it matters. Elements of lists, and metadata alone, come without.
    fn wanted(&self, mut object: Value) -> Option<Value> {
        if !self.scope.names.is_empty() {
            let name = fields::text(&object, "/metadata/name");
            if !self.scope.names.iter().any(|wanted| wanted == name) {
                return None;
            }
        }
        let fields = object.as_object_mut()?;
        fields.insert("apiVersion".to_owned(), Value::from(self.scope.resource.api_version()));
        fields.insert("kind".to_owned(), Value::from(self.scope.resource.kind.as_ref()));
        Some(object)
    }

    async fn everything(&mut self) -> Result<(Vec<Value>, String), Error> {
        let options = ListOptions {
            labels: self.scope.labels.clone(),
            fields: self.field_selector(),
            metadata_only: self.scope.metadata_only,
            ..ListOptions::default()
        };
        let list = self.cluster.list(&self.scope.resource, self.scope.namespace.as_deref(), &options).await?;
        let objects = list.items.into_iter().filter_map(|object| self.wanted(object)).collect();
        Ok((objects, list.resource_version))
    }

    async fn each(&mut self) -> Result<Vec<Value>, Error> {
        let mut objects = Vec::new();
        for name in self.scope.names.clone() {
            let found = self.cluster.find(&self.scope.resource, self.scope.namespace.as_deref(), &name).await?;
            objects.extend(found.and_then(|object| self.wanted(object)));
        }
        Ok(objects)
    }

    fn invalid(&self, error: &kube::core::request::Error) -> Error {
        Error::Request { target: Box::new(self.scope.target()), message: error.to_string() }
    }
}
