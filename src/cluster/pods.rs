//! Pods: which belong to a workload, what they print, and Pods of our own for a short time.
//!
//! Rules: the API's log options; kubelet's answers about logs; controllers' owner references.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::io::{AsyncBufReadExt as _, AsyncReadExt as _};
use futures::stream::{self, BoxStream};
use futures::{AsyncBufRead, FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use kube::core::Request;
use kube::core::subresource::LogParams;
use serde_json::Value;
use tokio::time::Instant;

use super::client::Cluster;
use super::diagnosis;
use super::error::{Error, Target};
use super::fields;
use super::objects::{DeleteOptions, Deletion, ListOptions, WriteOptions};
use super::resource::Resource;
use super::wait::{Goal, Observe, WaitError, WaitOptions, target_of};

/// How long a whole log may take to come.
const LOG_TIME: Duration = Duration::from_mins(1);

/// The most bytes of a log that are read when no limit is given.
const LOG_BYTES: u64 = 64 << 20;

/// The longest line of a followed log; longer ones are cut.
const LONGEST_LINE: u64 = 1 << 20;

/// Which part of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The container; may be left out for a Pod with one.
    pub container: Option<String>,
    /// Of the container's run before the present one.
    pub previous: bool,
    /// Only so many lines from the end.
    pub tail: Option<u32>,
    /// Only what is newer.
    pub since: Option<Timestamp>,
    /// Each line with the time at which it was written.
    pub timestamps: bool,
    /// Only so many bytes.
    pub limit_bytes: Option<u64>,
}

impl LogOptions {
    fn params(&self, follow: bool) -> LogParams {
        LogParams {
            container: self.container.clone(),
            follow,
            limit_bytes: self.limit_bytes.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX)),
            previous: self.previous,
            since_time: self.since,
            tail_lines: self.tail.map(i64::from),
            timestamps: self.timestamps || follow,
            ..LogParams::default()
        }
    }
}

/// A line of a followed log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written, by the node's clock.
    pub time: Option<Timestamp>,
    /// The line, without its end. Bytes that are no UTF-8 are replaced.
    pub text: String,
}

type LogStream = std::pin::Pin<Box<dyn AsyncBufRead + Send>>;

/// A log that is being followed, as [`Cluster::follow_logs`] does.
struct Follower {
    cluster: Cluster,
    pod: Target,
    options: LogOptions,
    open: Option<LogStream>,
    // The time of the last line told, and how many lines of that very time were told.
    last: Option<(Timestamp, usize)>,
    // Lines of that time that come again after a reconnection.
    skip: usize,
    delay: Duration,
    pause: bool,
    started: Option<Instant>,
    done: bool,
}

impl Cluster {
    fn pods() -> Result<Resource, Error> {
        Resource::known("v1", "Pod")
            .ok_or_else(|| Error::UnknownKind { api_version: "v1".to_owned(), kind: "Pod".to_owned() })
    }

    /// A container's log as it is now. Bytes that are no UTF-8 are replaced.
    pub async fn logs(&self, namespace: &str, pod: &str, options: &LogOptions) -> Result<String, Error> {
        let target = Self::pods()?.target(Some(namespace), pod);
        let read = async {
            let stream = self.open_log(&target, &options.params(false)).await?;
            let limit = options.limit_bytes.unwrap_or(LOG_BYTES);
            let mut bytes = Vec::new();
            let result = stream.take(limit).read_to_end(&mut bytes).await;
            result.map_err(|error| self.error(kube::Error::ReadEvents(error), target.clone()))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        match tokio::time::timeout(LOG_TIME, read).await {
            Ok(result) => result,
            Err(_) => {
                Err(Error::Timeout { address: self.address().to_owned(), target: Box::new(target), after: LOG_TIME })
            }
        }
    }

    /// A container's log as it grows. Broken connections are made again where they broke off, without repeating lines;
    /// the stream ends when the container has ended and is not started again, or the Pod is gone. After an error the
    /// stream goes on if it can.
    pub fn follow_logs(
        &self,
        namespace: &str,
        pod: &str,
        options: LogOptions,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        let pod = Target {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: Some(namespace.to_owned()),
            name: pod.to_owned(),
        };
        let follower = Follower {
            cluster: self.clone(),
            pod,
            options,
            open: None,
            last: None,
            skip: 0,
            delay: Duration::from_millis(500),
            pause: false,
            started: None,
            done: false,
        };
        stream::unfold(follower, |mut follower| {
            let next: BoxFuture<'static, _> = async move {
                let line = follower.next().await?;
                Some((line, follower))
            }
            .boxed();
            next
        })
        .boxed()
    }

    async fn open_log(&self, pod: &Target, params: &LogParams) -> Result<LogStream, Error> {
        let namespace = pod.namespace.as_deref();
        // Checks that the names are names.
        Self::pods()?.object(namespace, &pod.name)?;
        let request = Request::new(Self::pods()?.collection(namespace))
            .logs(&pod.name, params)
            .map_err(|error| Error::Request { target: Box::new(pod.clone()), message: error.to_string() })?;
        match self.client().request_stream(request).await {
            Ok(stream) => Ok(Box::pin(stream)),
            Err(error) => Err(self.error(error, pod.clone())),
        }
    }

    /// The Pods that a workload has made, as its controller marks them: directly, or through the `ReplicaSet`s of a
    /// Deployment.
    pub async fn pods_of(&self, workload: &Value) -> Result<Vec<Value>, Error> {
        let namespace = fields::text(workload, "/metadata/namespace");
        let labels = workload.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
        let labels = labels.map(|labels| {
            let terms = labels.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
            terms.collect::<Vec<_>>().join(",")
        });
        let options = ListOptions { labels, ..ListOptions::default() };
        let list = self.list(&Self::pods()?, Some(namespace), &options).await?;
        Ok(list.items.into_iter().filter(|pod| fields::owns(workload, pod)).collect())
    }

    /// The Pods that keep a `StatefulSet` from being updated: old ones that are not ready, and will not be replaced
    /// before they are. `workload` is the set as its controller has seen it last; asks for its Pods only if
    /// it is in the middle of an update.
    pub async fn pods_holding_update_up(&self, workload: &Value) -> Result<Vec<OwnPod>, Error> {
        let revision = |name: &str| fields::text(workload, &format!("/status/{name}")).to_owned();
        if revision("currentRevision") == revision("updateRevision") {
            return Ok(Vec::new());
        }
        let pods = self.pods_of(workload).await?;
        Ok(pods.iter().filter(|pod| diagnosis::holds_update_up(workload, pod)).map(OwnPod::of).collect())
    }

    /// Creates a Pod and waits until all its containers run. A Pod of that name that is there already is an error.
    ///
    /// When it does not come up the error says why (image, node, volume, quota); the Pod is left for the caller to
    /// look at and to delete, and is returned with the error if it was made.
    pub async fn start_pod(
        &self,
        pod: &Value,
        options: &WaitOptions,
        observe: &mut Observe<'_>,
    ) -> Result<OwnPod, (Option<OwnPod>, WaitError)> {
        let resource = Self::pods().map_err(|error| (None, error.into()))?;
        let namespace = match fields::text(pod, "/metadata/namespace") {
            "" => self.namespace().to_owned(),
            namespace => namespace.to_owned(),
        };
        let made = self
            .create(&resource, Some(&namespace), pod, &WriteOptions::default())
            .await
            .map_err(|error| (None, error.into()))?;
        let own = OwnPod::of(&made);
        let goal = Goal { applied: Some(made.clone()), ..Goal::running(target_of(&made)) };
        match self.wait(vec![goal], options, observe).await {
            Ok(_) => Ok(own),
            Err(error) => Err((Some(own), error)),
        }
    }

    /// Deletes this Pod and only this one: another Pod of the same name is left alone.
    pub async fn delete_pod(&self, pod: &OwnPod, grace_seconds: u32) -> Result<Deletion, Error> {
        let options = DeleteOptions {
            uid: Some(pod.uid.clone()),
            grace_seconds: Some(grace_seconds),
            ..DeleteOptions::default()
        };
        self.delete(&Self::pods()?, Some(&pod.namespace), &pod.name, &options).await
    }
}

/// One certain Pod: by its name, and by its UID, so that another one of that name is not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

impl OwnPod {
    fn of(pod: &Value) -> Self {
        let text = |pointer: &str| fields::text(pod, pointer).to_owned();
        Self { namespace: text("/metadata/namespace"), name: text("/metadata/name"), uid: text("/metadata/uid") }
    }
}

impl Follower {
    async fn next(&mut self) -> Option<Result<LogLine, Error>> {
        loop {
            if self.done {
                return None;
            }
            if std::mem::take(&mut self.pause) {
                tokio::time::sleep(self.delay).await;
                self.delay = (self.delay * 2).min(Duration::from_secs(10));
            }
            let Some(stream) = self.open.as_mut() else {
                if let Err(error) = self.connect().await {
                    return Some(Err(error));
                }
                continue;
            };
            let mut bytes = Vec::new();
            let read = stream.take(LONGEST_LINE).read_until(b'\n', &mut bytes).await;
            match read {
                Ok(count) if count > 0 && (bytes.ends_with(b"\n") || bytes.len() as u64 == LONGEST_LINE) => {
                    self.delay = Duration::from_millis(500);
                    if let Some(line) = self.line(&bytes) {
                        return Some(Ok(line));
                    }
                }
                // The end, or a line that broke off: it comes again, whole, if there is more to come.
                Ok(_) => {
                    self.open = None;
                    match self.goes_on().await {
                        Ok(true) => self.pause = true,
                        Ok(false) => {
                            self.done = true;
                            let line = (!bytes.is_empty()).then(|| self.line(&bytes)).flatten();
                            return line.map(Ok);
                        }
                        Err(error) => {
                            self.pause = true;
                            return Some(Err(error));
                        }
                    }
                }
                Err(_) => {
                    self.open = None;
                    self.pause = true;
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<(), Error> {
        let mut options = self.options.clone();
        if let Some((time, count)) = self.last {
            // The server takes whole seconds only; what comes again is skipped by its time.
            options.since = Some(time);
            options.tail = None;
            self.skip = count;
        }
        match self.cluster.open_log(&self.pod, &options.params(true)).await {
            Ok(stream) => {
                self.open = Some(stream);
                self.started = Some(Instant::now());
                Ok(())
            }
            Err(error) => {
                // A container that is not started yet is refused with 400.
                let waits = matches!(error, Error::Invalid { .. }) && self.last.is_none();
                if error.is_transient() || waits {
                    self.pause = true;
                } else {
                    self.done = true;
                }
                if waits { Ok(()) } else { Err(error) }
            }
        }
    }

    fn line(&mut self, bytes: &[u8]) -> Option<LogLine> {
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let (time, text) = match text.split_once(' ') {
            Some((time, rest)) => match time.parse::<Timestamp>() {
                Ok(time) => (Some(time), rest),
                Err(_) => (None, text),
            },
            None => (text.parse().ok(), if text.parse::<Timestamp>().is_ok() { "" } else { text }),
        };
        if let (Some(time), Some((last, count))) = (time, self.last) {
            if time < last {
                return None;
            }
            if time == last && self.skip > 0 {
                self.skip -= 1;
                return None;
            }
            self.last = Some((time, if time == last { count + 1 } else { 1 }));
        } else if let Some(time) = time {
            self.last = Some((time, 1));
        }
        Some(LogLine { time, text: text.to_owned() })
    }

    /// Whether the container runs, or will be started again.
    async fn goes_on(&mut self) -> Result<bool, Error> {
        if self.options.previous {
            return Ok(false);
        }
        let Some(pod) = self.cluster.find(&Cluster::pods()?, self.pod.namespace.as_deref(), &self.pod.name).await?
        else {
            return Ok(false);
        };
        if matches!(fields::text(&pod, "/status/phase"), "Succeeded" | "Failed") {
            return Ok(false);
        }
        let container = self.options.container.clone();
        let container = container.unwrap_or_else(|| fields::text(&pod, "/spec/containers/0/name").to_owned());
        let status = fields::items(&pod, "/status/containerStatuses")
            .chain(fields::items(&pod, "/status/initContainerStatuses"))
            .find(|status| fields::text(status, "/name") == container);
        let Some(status) = status else { return Ok(true) };
        let init = fields::items(&pod, "/spec/initContainers").find(|one| fields::text(one, "/name") == container);
        let ended = fields::whole(status, "/state/terminated/exitCode");
        let policy = fields::text(&pod, "/spec/restartPolicy");
        let deleting = !fields::text(&pod, "/metadata/deletionTimestamp").is_empty();
        Ok(match (ended, init) {
            (None, _) => true,
            (Some(_), _) if deleting => false,
            (Some(code), Some(init)) => {
                fields::text(init, "/restartPolicy") == "Always" || code != 0 && policy != "Never"
            }
            (Some(code), None) => policy == "Always" || policy == "OnFailure" && code != 0,
        })
    }
}
