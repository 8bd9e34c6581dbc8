//! The connection: one stack for every request, typed or not.
//!
//! kube's client does TLS, proxies, compression and upgrades; around it lies one gate of our own (see `gate`), which
//! typed calls, watches and exec pass as well as the calls for JSON made here.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request, StatusCode};
use kube::client::{Body, ClientBuilder};
use serde_json::Value;

use super::config::{self, ConfigError, Connection};
use super::error::{Cause, Error, Target};
use super::gate::{Failure, Gate, Pace};
use super::resource::Resource;
use super::settings::KubeSettings;

/// The content types that are sent and accepted.
pub(crate) const JSON: &str = "application/json";
pub(crate) const APPLY_PATCH: &str = "application/apply-patch+yaml";
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";
pub(crate) const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
pub(crate) const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
pub(crate) const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// How often an answer that is cut in its body is asked for again.
const BODY_RETRIES: u32 = 2;

/// What the connection has to tell while it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// A `Warning:` header of the server; each text is told once.
    Warning {
        /// Its text.
        text: String,
    },
    /// A request is about to be repeated.
    Retry {
        /// What went wrong.
        cause: String,
        /// How long is waited first.
        delay: Duration,
    },
    /// A credential plugin wrote a line to its standard error.
    Plugin {
        /// The plugin's command.
        command: String,
        /// The line.
        line: String,
    },
}

/// Receives signals; shared between tasks.
pub trait Signals: Send + Sync {
    /// Takes note of one. Must not block.
    fn signal(&self, signal: Signal);
}

impl Signals for () {
    fn signal(&self, _signal: Signal) {}
}

/// A cluster that can be asked. Cheap to clone; clones share connection, counter and caches.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    gate: Arc<Gate>,
    namespace: String,
    context: Option<String>,
    discovered: Arc<Mutex<HashMap<String, Vec<Resource>>>>,
}

/// What an API server answered.
pub(crate) struct Answer {
    /// The HTTP status, 2xx.
    pub(crate) status: StatusCode,
    /// The body.
    pub(crate) body: Value,
}

/// One request that is answered with one JSON document.
pub(crate) struct Call {
    /// The method.
    pub(crate) method: Method,
    /// Path and query, percent-encoded.
    pub(crate) path: String,
    /// The body with its content type.
    pub(crate) body: Option<(&'static str, Bytes)>,
    /// What is accepted.
    pub(crate) accept: &'static str,
    /// What it is about, for errors.
    pub(crate) target: Target,
}

impl Cluster {
    /// Prepares a connection; the first request makes it. Sends nothing to the server.
    pub async fn connect(settings: &KubeSettings, signals: Arc<dyn Signals>) -> Result<Self, Error> {
        // Fails only if a provider is installed already, which is then as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let connection = config::prepare(settings, &signals).await?;
        let Connection { config, credentials, address, proxy, context, namespace } = connection;
        let inner = ClientBuilder::try_from(config)
            .map_err(|error| ConfigError::Client(Failure::of(&error).chain.join(": ")))?
            .build();
        let pace = Pace::new(settings.qps, settings.burst);
        let gate = Arc::new(Gate::new(signals, pace, settings.limits.clone(), address, proxy, credentials));
        let outer = Arc::clone(&gate);
        let service = tower::service_fn(move |request: Request<Body>| {
            let (gate, inner) = (Arc::clone(&outer), inner.clone());
            async move { gate.send(&inner, request).await }
        });
        Ok(Self {
            client: kube::Client::new(service, namespace.clone()),
            gate,
            namespace,
            context,
            discovered: Arc::default(),
        })
    }

    /// The kinds of group versions that were asked for so far, by `apiVersion`.
    pub(crate) fn discovered(&self) -> &Mutex<HashMap<String, Vec<Resource>>> {
        &self.discovered
    }

    /// kube's client on the same stack, for watching, logs, exec and typed calls.
    pub(crate) fn client(&self) -> &kube::Client {
        &self.client
    }

    /// The namespace of the flag, the context or the service account, or `default`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The kubeconfig's context, unless there is none.
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// The address of the API server, without credentials.
    pub fn address(&self) -> &str {
        &self.gate.address
    }

    /// How many requests were sent so far, retries included.
    pub fn requests(&self) -> u64 {
        self.gate.requests.load(Ordering::Relaxed)
    }

    /// Turns an error of kube into one of this room; `target` is what was asked for.
    pub(crate) fn error(&self, error: kube::Error, target: Target) -> Error {
        self.gate.error(error, target)
    }

    /// Sends one request and reads its whole answer. An answer that breaks off is asked for again if the request only
    /// reads; a request that the server's storage lost is sent again once, as Helm does.
    pub(crate) async fn call(&self, call: Call) -> Result<Answer, Error> {
        let mut cuts = 0;
        let mut lost = false;
        loop {
            let response = match self.client.send(call.request()?).await {
                Ok(response) => response,
                Err(error) => return Err(self.error(error, call.target)),
            };
            let (head, body) = response.into_parts();
            let error = match self.gate.read(body, &call.target).await {
                Ok(bytes) => match self.gate.understand(&head, &bytes, &call) {
                    Err(Error::Server { message, .. }) if !lost && lost_by_storage(&message) => {
                        lost = true;
                        message
                    }
                    result => return result,
                },
                Err(Error::Unreachable(cut))
                    if cut.cause == Cause::Cut && call.method == Method::GET && cuts < BODY_RETRIES =>
                {
                    cuts += 1;
                    cut.to_string()
                }
                Err(error) => return Err(error),
            };
            let delay = self.gate.limits.first_delay;
            self.gate.signals.signal(Signal::Retry { cause: error, delay });
            tokio::time::sleep(delay).await;
        }
    }
}

impl Call {
    fn request(&self) -> Result<Request<Body>, Error> {
        let mut builder = Request::builder().method(self.method.clone()).uri(&self.path).header(ACCEPT, self.accept);
        let mut bytes = Bytes::new();
        if let Some((content_type, body)) = &self.body {
            builder = builder.header(CONTENT_TYPE, *content_type);
            bytes = body.clone();
        }
        builder
            .body(Body::from(bytes))
            .map_err(|error| Error::Request { target: Box::new(self.target.clone()), message: error.to_string() })
    }
}

/// Texts of the API server's storage after which nothing was stored.
fn lost_by_storage(message: &str) -> bool {
    message.ends_with("etcdserver: leader changed") || message.ends_with("raft proposal dropped")
}
