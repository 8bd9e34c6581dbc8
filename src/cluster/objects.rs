//! Reading and writing objects, as JSON, one request each.
//!
//! Objects are `serde_json` values on purpose: typed metadata would drop or reject fields that a chart may well hold.
//! Rules: the API concepts of Kubernetes (paging, server-side apply, preconditions of deletion), Helm's `pkg/kube` for
//! what it sends (manager `helm`, strict field validation) and for what it tries again (quota conflicts).

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::client::APPLY_PATCH;
use super::client::{Answer, Call, Cluster, JSON, JSON_PATCH, MERGE_PATCH, METADATA, METADATA_LIST, STRATEGIC_PATCH};
use super::error::{Error, Target};
use super::resource::{Resource, escape};

/// Objects a page of a list.
const PAGE: u32 = 500;
/// How often a list whose continuation expired is begun anew in pages; then it is asked for in one piece.
const LIST_RESTARTS: u32 = 2;
/// Asks for the server's own table.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
/// How often a write is tried that only lost a race for a quota.
const QUOTA_TRIES: u32 = 5;

/// How a write treats fields that the server does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Validation {
    /// Unknown and duplicate fields are errors.
    #[default]
    Strict,
    /// They are warnings.
    Warn,
    /// They are dropped silently.
    Ignore,
}

/// How to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// The field manager.
    pub manager: String,
    /// Takes fields over from other managers (server-side apply only).
    pub force: bool,
    /// Lets the server do everything but store it.
    pub dry_run: bool,
    /// Unknown fields.
    pub validation: Validation,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { manager: "helm".to_owned(), force: false, dry_run: false, validation: Validation::Strict }
    }
}

/// What to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// A label selector.
    pub labels: Option<String>,
    /// A field selector.
    pub fields: Option<String>,
    /// Only metadata, much smaller for Secrets and ConfigMaps.
    pub metadata_only: bool,
    /// Objects a page; zero means the usual.
    pub page: u32,
}

/// Objects, and the state of history they were read at (to watch from).
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// The objects, each with `apiVersion` and `kind`.
    pub items: Vec<Value>,
    /// The list's `resourceVersion`.
    pub resource_version: String,
    /// The kind of the list itself, `SecretList`; empty if the server does not tell.
    pub kind: String,
}

/// What a server-side apply did.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The object as it is now.
    pub object: Value,
    /// Whether it was not there before.
    pub created: bool,
}

/// The effect of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The object was not there before.
    Created,
    /// It has changed.
    Changed,
    /// It is as it was.
    Unchanged,
    /// It was there; whether it has changed is not known.
    Unknown,
}

impl Applied {
    /// The effect, given the `resourceVersion` the object had before, if that is known.
    pub fn effect(&self, before: Option<&str>) -> Effect {
        match (self.created, before, resource_version(&self.object)) {
            (true, ..) => Effect::Created,
            (false, Some(before), Some(now)) if before == now => Effect::Unchanged,
            (false, Some(_), Some(_)) => Effect::Changed,
            _ => Effect::Unknown,
        }
    }
}

/// A patch that is not a server-side apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' strategic merge.
    Strategic,
}

/// What happens to the objects that an object owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted afterwards.
    Background,
    /// They are deleted before.
    Foreground,
    /// They stay.
    Orphan,
}

/// How to delete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// What happens to owned objects; the kind's default if `None`.
    pub propagation: Option<Propagation>,
    /// Only this very object, not another one of the same name.
    pub uid: Option<String>,
    /// Only if it has not changed since.
    pub resource_version: Option<String>,
    /// Seconds the object gets to end; the object's own if `None`.
    pub grace_seconds: Option<u32>,
    /// Lets the server do everything but delete.
    pub dry_run: bool,
}

/// The outcome of a deletion.
#[derive(Debug, Clone, PartialEq)]
pub enum Deletion {
    /// There was nothing.
    Absent,
    /// It is gone.
    Deleted,
    /// It is going: finalizers, owned objects or its grace period come first.
    Terminating(Box<Value>),
}

/// The server's version, as it tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// `1`.
    pub major: String,
    /// `34`; distributions append to it: `34+`.
    pub minor: String,
    /// `v1.34.4`, with whatever a distribution appends.
    pub git_version: String,
}

/// The `resourceVersion` of an object.
pub fn resource_version(object: &Value) -> Option<&str> {
    object["metadata"]["resourceVersion"].as_str()
}

/// The `uid` of an object.
pub fn uid(object: &Value) -> Option<&str> {
    object["metadata"]["uid"].as_str()
}

impl Cluster {
    /// The object; [`Error::NotFound`] if it is not there.
    pub async fn get(&self, resource: &Resource, namespace: Option<&str>, name: &str) -> Result<Value, Error> {
        self.read_one(resource, namespace, name, JSON).await
    }

    /// The object, or `None` if it is not there.
    pub async fn find(&self, resource: &Resource, namespace: Option<&str>, name: &str) -> Result<Option<Value>, Error> {
        match self.get(resource, namespace, name).await {
            Ok(object) => Ok(Some(object)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The object's metadata alone; [`Error::NotFound`] if it is not there.
    pub async fn get_metadata(&self, resource: &Resource, namespace: Option<&str>, name: &str) -> Result<Value, Error> {
        self.read_one(resource, namespace, name, METADATA).await
    }

    async fn read_one(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        accept: &'static str,
    ) -> Result<Value, Error> {
        let path = resource.object(namespace, name)?;
        let target = resource.target(namespace, name);
        let mut object = self.call(Call { method: Method::GET, path, body: None, accept, target }).await?.body;
        if accept == METADATA {
            name_kind(&mut object, resource, true);
        }
        Ok(object)
    }

    /// All objects of a kind that fit, page by page; of all namespaces when `namespace` is `None`.
    ///
    /// A continuation that expires on the way (410) begins the list anew, so that the result is always one
    /// consistent state.
    pub async fn list(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        options: &ListOptions,
    ) -> Result<List, Error> {
        let mut page = if options.page == 0 { PAGE } else { options.page };
        let mut restarts = 0;
        loop {
            match self.list_once(resource, namespace, options, page).await {
                Err(Error::Gone { .. }) if page > 0 => {
                    restarts += 1;
                    if restarts > LIST_RESTARTS {
                        page = 0;
                    }
                }
                result => return result,
            }
        }
    }

    async fn list_once(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        options: &ListOptions,
        page: u32,
    ) -> Result<List, Error> {
        let mut items = Vec::new();
        let mut next = String::new();
        loop {
            let limit = page.to_string();
            let query = query(&[
                ("labelSelector", options.labels.as_deref()),
                ("fieldSelector", options.fields.as_deref()),
                ("limit", Some(limit.as_str()).filter(|_| page > 0)),
                ("continue", Some(next.as_str()).filter(|next| !next.is_empty())),
            ]);
            let target = resource.target(namespace, "");
            let mut answer = self
                .call(Call {
                    method: Method::GET,
                    path: format!("{}{query}", resource.collection(namespace)),
                    body: None,
                    accept: if options.metadata_only { METADATA_LIST } else { JSON },
                    target: target.clone(),
                })
                .await?
                .body;
            match answer["items"].take() {
                Value::Array(mut found) => {
                    for item in &mut found {
                        name_kind(item, resource, options.metadata_only);
                    }
                    items.append(&mut found);
                }
                Value::Null if answer["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) => {}
                _ => {
                    let message = "not a list".to_owned();
                    return Err(Error::Protocol { target: Box::new(target), message });
                }
            }
            let following = answer["metadata"]["continue"].as_str().unwrap_or_default();
            if following.is_empty() {
                let resource_version = resource_version(&answer).unwrap_or_default().to_owned();
                let kind = answer["kind"].as_str().unwrap_or_default().to_owned();
                return Ok(List { items, resource_version, kind });
            }
            if following == next {
                let message = "the list continues with the same token for ever".to_owned();
                return Err(Error::Protocol { target: Box::new(target), message });
            }
            following.clone_into(&mut next);
        }
    }

    /// Creates the object; [`Error::AlreadyExists`] if its name is taken. Answers with the object as stored.
    pub async fn create(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        object: &Value,
        options: &WriteOptions,
    ) -> Result<Value, Error> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let target = resource.target(namespace, name);
        if resource.namespaced && namespace.is_none() {
            return Err(Error::Request { target: Box::new(target), message: "no namespace given".to_owned() });
        }
        let path = format!("{}{}", resource.collection(namespace), write_query(options, false));
        Ok(self.write(Method::POST, path, JSON, object, target).await?.body)
    }

    /// Replaces the object. With a `resourceVersion` in its metadata it is replaced only if it has not changed since
    /// ([`Error::Changed`]).
    pub async fn replace(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        object: &Value,
        options: &WriteOptions,
    ) -> Result<Value, Error> {
        let path = format!("{}{}", resource.object(namespace, name)?, write_query(options, false));
        Ok(self.write(Method::PUT, path, JSON, object, resource.target(namespace, name)).await?.body)
    }

    /// Server-side apply: makes the object be as given in the fields that are given, and gives up those that this
    /// manager owned and are not given any more. [`Error::Conflict`] names fields of others, unless forced.
    pub async fn apply(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        object: &Value,
        options: &WriteOptions,
    ) -> Result<Applied, Error> {
        let path = format!("{}{}", resource.object(namespace, name)?, write_query(options, true));
        let answer = self.write(Method::PATCH, path, APPLY_PATCH, object, resource.target(namespace, name)).await?;
        Ok(Applied { object: answer.body, created: answer.status == StatusCode::CREATED })
    }

    /// Patches the object or one of its subresources (`scale`, `status`).
    #[expect(clippy::too_many_arguments, reason = "an object's address is three of them")]
    pub async fn patch(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        subresource: Option<&str>,
        kind: PatchKind,
        content: &Value,
        options: &WriteOptions,
    ) -> Result<Value, Error> {
        let content_type = match kind {
            PatchKind::Json => JSON_PATCH,
            PatchKind::Merge => MERGE_PATCH,
            PatchKind::Strategic => STRATEGIC_PATCH,
        };
        let mut path = resource.object(namespace, name)?;
        if let Some(subresource) = subresource {
            path = format!("{path}/{}", escape(subresource));
        }
        path.push_str(&write_query(options, false));
        Ok(self.write(Method::PATCH, path, content_type, content, resource.target(namespace, name)).await?.body)
    }

    /// Deletes the object. That it is not there is an outcome, not an error; that another one of its name is there
    /// (`uid`) is [`Error::Changed`].
    pub async fn delete(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deletion, Error> {
        let path = resource.object(namespace, name)?;
        let target = resource.target(namespace, name);
        let body = Bytes::from(delete_body(options).to_string());
        let call = Call { method: Method::DELETE, path, body: Some((JSON, body)), accept: JSON, target };
        match self.call(call).await {
            Ok(answer) if answer.body["metadata"]["deletionTimestamp"].is_string() => {
                Ok(Deletion::Terminating(Box::new(answer.body)))
            }
            Ok(_) => Ok(Deletion::Deleted),
            Err(Error::NotFound { .. }) => Ok(Deletion::Absent),
            Err(error) => Err(error),
        }
    }

    /// Objects of a kind as the server's own table of them (what kubectl prints), with the metadata of each row's object.
    pub async fn table(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        labels: Option<&str>,
    ) -> Result<Value, Error> {
        let selector = labels.map(|labels| format!("?labelSelector={}", super::resource::escape(labels)));
        let path = format!("{}{}", resource.collection(namespace), selector.unwrap_or_default());
        let target = resource.target(namespace, "");
        Ok(self.call(Call { method: Method::GET, path, body: None, accept: TABLE, target }).await?.body)
    }

    /// The server's version.
    pub async fn version(&self) -> Result<Version, Error> {
        let target = Target::default();
        let call = Call { method: Method::GET, path: "/version".to_owned(), body: None, accept: JSON, target };
        let answer = self.call(call).await?.body;
        let text = |key: &str| answer[key].as_str().map(str::to_owned);
        match (text("major"), text("minor"), text("gitVersion")) {
            (Some(major), Some(minor), Some(git_version)) => Ok(Version { major, minor, git_version }),
            _ => Err(Error::Protocol { target: Box::default(), message: "not a version".to_owned() }),
        }
    }

    async fn write(
        &self,
        method: Method,
        path: String,
        content_type: &'static str,
        body: &Value,
        target: Target,
    ) -> Result<Answer, Error> {
        let bytes = Bytes::from(body.to_string());
        let mut delay = Duration::from_millis(10);
        for _ in 1..QUOTA_TRIES {
            let call = Call {
                method: method.clone(),
                path: path.clone(),
                body: Some((content_type, bytes.clone())),
                accept: JSON,
                target: target.clone(),
            };
            match self.call(call).await {
                Err(Error::Changed { message, .. })
                    if message.contains("Operation cannot be fulfilled on resourcequotas")
                        && message.contains("the object has been modified") => {}
                result => return result,
            }
            tokio::time::sleep(delay).await;
            delay *= 3;
        }
        self.call(Call { method, path, body: Some((content_type, bytes)), accept: JSON, target }).await
    }
}

/// The items of a list carry neither `apiVersion` nor `kind` for the built-in kinds.
fn name_kind(item: &mut Value, resource: &Resource, metadata_only: bool) {
    if let Value::Object(item) = item
        && (metadata_only || !item.contains_key("kind") || !item.contains_key("apiVersion"))
    {
        item.insert("apiVersion".to_owned(), Value::from(resource.api_version()));
        item.insert("kind".to_owned(), Value::from(resource.kind.as_ref()));
    }
}

fn query(pairs: &[(&str, Option<&str>)]) -> String {
    let mut query = String::new();
    for (key, value) in pairs {
        if let Some(value) = value {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(key);
            query.push('=');
            query.push_str(&escape(value));
        }
    }
    query
}

fn write_query(options: &WriteOptions, applying: bool) -> String {
    let validation = match options.validation {
        Validation::Strict => "Strict",
        Validation::Warn => "Warn",
        Validation::Ignore => "Ignore",
    };
    query(&[
        ("dryRun", options.dry_run.then_some("All")),
        ("fieldManager", Some(&options.manager)),
        ("fieldValidation", Some(validation)),
        // Said either way, as Helm does.
        ("force", applying.then_some(if options.force { "true" } else { "false" })),
    ])
}

fn delete_body(options: &DeleteOptions) -> Value {
    let mut body = Map::new();
    body.insert("apiVersion".to_owned(), json!("v1"));
    body.insert("kind".to_owned(), json!("DeleteOptions"));
    if let Some(propagation) = options.propagation {
        let policy = match propagation {
            Propagation::Background => "Background",
            Propagation::Foreground => "Foreground",
            Propagation::Orphan => "Orphan",
        };
        body.insert("propagationPolicy".to_owned(), json!(policy));
    }
    let mut preconditions = Map::new();
    if let Some(uid) = &options.uid {
        preconditions.insert("uid".to_owned(), json!(uid));
    }
    if let Some(version) = &options.resource_version {
        preconditions.insert("resourceVersion".to_owned(), json!(version));
    }
    if !preconditions.is_empty() {
        body.insert("preconditions".to_owned(), Value::Object(preconditions));
    }
    if let Some(seconds) = options.grace_seconds {
        body.insert("gracePeriodSeconds".to_owned(), json!(seconds));
    }
    if options.dry_run {
        body.insert("dryRun".to_owned(), json!(["All"]));
    }
    Value::Object(body)
}
