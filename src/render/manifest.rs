//! From rendered text to documents, as Helm does it: where a text is split, which documents are hooks, in which order
//! the rest is applied, and the one text that is stored as the manifest.
//!
//! Helm 3 and Helm 4 split and trim differently and know different kinds, so both are here; new releases follow
//! Helm 4. Rules and texts follow Helm's `releaseutil` (4.2.4, 3.21.4) and are held against recorded answers.

use std::cmp::Ordering;

use crate::code::Code;
pub use crate::values::Compat;
use crate::yaml::{self, Mapping, Numbers, Value};

/// What a list of documents is sorted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// What others need comes first.
    Install,
    /// What others need goes last.
    Uninstall,
}

/// One document of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The template it came from, as after `# Source:`.
    pub path: String,
    /// Kind; empty where the document names none, such as one of comments alone.
    pub kind: String,
    /// `metadata.name`; may be empty.
    pub name: String,
    /// The text, as stored.
    pub content: String,
    /// The document as read; null if it holds comments alone.
    pub object: Value,
}

/// A document that runs at an event instead of being part of the release.
#[derive(Debug, Clone, PartialEq)]
pub struct Hook {
    /// The document.
    pub document: Document,
    /// `pre-install`, `test`, …, in the order written.
    pub events: Vec<&'static str>,
    /// Order among the hooks of an event, lowest first.
    pub weight: i64,
    /// `before-hook-creation`, …: lower case, not checked.
    pub delete_policies: Vec<String>,
    /// When logs are shown: lower case, not checked.
    pub output_log_policies: Vec<String>,
}

/// Documents, sorted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sorted {
    /// The hooks, by kind as the other documents. At an event they run by weight, then name.
    pub hooks: Vec<Hook>,
    /// The other documents.
    pub documents: Vec<Document>,
}

/// Why a text is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("YAML parse error on {path}: {message}")]
pub struct ManifestError {
    /// The template.
    pub path: String,
    /// The reader's words. They may quote a few characters of the document.
    pub message: String,
}

impl ManifestError {
    /// The message code.
    pub const fn code(&self) -> Code {
        Code::Manifest
    }
}

const EVENTS: [(&str, &str); 10] = [
    ("pre-install", "pre-install"),
    ("post-install", "post-install"),
    ("pre-delete", "pre-delete"),
    ("post-delete", "post-delete"),
    ("pre-upgrade", "pre-upgrade"),
    ("post-upgrade", "post-upgrade"),
    ("pre-rollback", "pre-rollback"),
    ("post-rollback", "post-rollback"),
    ("test", "test"),
    ("test-success", "test"),
];

const INSTALL_ORDER: [&str; 38] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

const UNINSTALL_ORDER: [&str; 38] = [
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "APIService",
    "Ingress",
    "IngressClass",
    "Service",
    "CronJob",
    "Job",
    "StatefulSet",
    "HorizontalPodAutoscaler",
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "Pod",
    "DaemonSet",
    "RoleBindingList",
    "RoleBinding",
    "RoleList",
    "Role",
    "ClusterRoleBindingList",
    "ClusterRoleBinding",
    "ClusterRoleList",
    "ClusterRole",
    "CustomResourceDefinition",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "StorageClass",
    "ConfigMap",
    "SecretList",
    "Secret",
    "ServiceAccount",
    "PodDisruptionBudget",
    "PodSecurityPolicy",
    "LimitRange",
    "ResourceQuota",
    "NetworkPolicy",
    "Namespace",
    "PriorityClass",
];

/// The kinds that Helm 3 does not know.
const WEBHOOKS: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Splits a rendered file into its documents. Blank ones are left out.
pub fn split(text: &str, compat: Compat) -> Vec<&str> {
    match compat {
        Compat::Helm4 => split_lines(text),
        Compat::Helm3 => split_greedily(text),
    }
}

/// Helm 4: a line that begins with `---`; documents keep their end as it is.
fn split_lines(text: &str) -> Vec<&str> {
    let text = text.trim_start();
    let mut documents = Vec::new();
    let mut start = 0;
    for mark in marks(text) {
        documents.push(&text[start..mark]);
        start = mark + 3 + text[mark + 3..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    }
    documents.push(&text[start..]);
    documents.into_iter().map(str::trim_start).filter(|document| !document.is_empty()).collect()
}

/// Helm 3: white space around the dashes goes with them, and white space that one separator has taken cannot begin
/// the next, so the second of two in a row is content.
fn split_greedily(text: &str) -> Vec<&str> {
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c');
    let text = text.trim();
    let bytes = text.as_bytes();
    let mut documents = Vec::new();
    let mut start = 0;
    for mark in marks(text) {
        let end = if mark == 0 {
            0
        } else if mark > start {
            mark - bytes[start..mark].iter().rev().take_while(blank).count()
        } else {
            continue;
        };
        documents.push(&text[start..end]);
        start = mark + 3 + bytes[mark + 3..].iter().take_while(blank).count();
    }
    documents.push(&text[start..]);
    documents.into_iter().map(str::trim).filter(|document| !document.is_empty()).collect()
}

/// Where `---` stands at the beginning of a line.
fn marks(text: &str) -> impl Iterator<Item = usize> + '_ {
    text.match_indices("---")
        .map(|(position, _)| position)
        .filter(|&position| position == 0 || text.as_bytes()[position - 1] == b'\n')
}

/// Reads rendered files (path and text) into hooks and documents, both sorted by kind. Files come in byte order of their
/// paths; partials and blank files are left out; a document with an unknown hook event is dropped, as Helm does.
///
/// # Errors
/// If a document is no YAML, or its head is not of the types that Helm reads it into.
pub fn sort<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
    order: Order,
    compat: Compat,
) -> Result<Sorted, ManifestError> {
    sort_and_tell(files, order, compat, &mut |_, _| {})
}

/// The same; `dropped` hears of every document that is dropped: its path and its `helm.sh/hook`, as written.
///
/// # Errors
/// As [`sort`].
pub fn sort_and_tell<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
    order: Order,
    compat: Compat,
    dropped: &mut dyn FnMut(&str, &str),
) -> Result<Sorted, ManifestError> {
    let mut files: Vec<_> = files.into_iter().collect();
    files.sort_unstable_by_key(|(path, _)| *path);
    let mut sorted = Sorted::default();
    for (path, text) in files {
        if super::is_partial(path) {
            continue;
        }
        for content in split(text, compat) {
            let (document, annotations) = read(path, content, compat)?;
            match hook(&annotations) {
                Role::Document => sorted.documents.push(document),
                Role::Hook { events, weight } => sorted.hooks.push(Hook {
                    document,
                    events,
                    weight,
                    delete_policies: list(&annotations, "helm.sh/hook-delete-policy"),
                    output_log_policies: list(&annotations, "helm.sh/hook-output-log-policy"),
                }),
                Role::Dropped => {
                    dropped(path, find(&annotations, "helm.sh/hook").unwrap_or_default());
                }
            }
        }
    }
    sorted.documents.sort_by(|one, other| by_kind(&one.kind, &other.kind, order, compat));
    sorted.hooks.sort_by(|one, other| by_kind(&one.document.kind, &other.document.kind, order, compat));
    Ok(sorted)
}

impl Sorted {
    /// The manifest as it is stored: every document behind a separator and its `# Source:` line.
    pub fn manifest(&self) -> String {
        let length = self.documents.iter().map(|document| document.content.len() + document.path.len() + 16).sum();
        let mut manifest = String::with_capacity(length);
        for document in &self.documents {
            document.append(&mut manifest);
        }
        manifest
    }
}

impl Document {
    /// Appends the document as it stands in a manifest.
    pub fn append(&self, manifest: &mut String) {
        for part in ["---\n# Source: ", &self.path, "\n", &self.content, "\n"] {
            manifest.push_str(part);
        }
    }
}

/// Reads a stored manifest again. Paths are taken from the `# Source:` lines.
///
/// # Errors
/// As [`sort`]; the record is damaged then.
pub fn read_stored(manifest: &str, order: Order, compat: Compat) -> Result<Vec<Document>, ManifestError> {
    let mut documents = Vec::new();
    for content in split(manifest, compat) {
        let path = content.lines().next().and_then(|line| line.strip_prefix("# Source: ")).unwrap_or_default();
        let (document, _) = read(path, content, compat)?;
        documents.push(document);
    }
    documents.sort_by(|one, other| by_kind(&one.kind, &other.kind, order, compat));
    Ok(documents)
}

/// Known kinds in the order of the list; unknown ones after them, by name.
fn by_kind(one: &str, other: &str, order: Order, compat: Compat) -> Ordering {
    let kinds = match order {
        Order::Install => &INSTALL_ORDER,
        Order::Uninstall => &UNINSTALL_ORDER,
    };
    let place = |kind: &str| {
        if compat == Compat::Helm3 && WEBHOOKS.contains(&kind) {
            return None;
        }
        kinds.iter().position(|known| *known == kind)
    };
    match (place(one), place(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}

enum Role {
    Document,
    Hook { events: Vec<&'static str>, weight: i64 },
    Dropped,
}

fn hook(annotations: &[(String, String)]) -> Role {
    let Some(written) = find(annotations, "helm.sh/hook") else { return Role::Document };
    let events: Option<Vec<_>> = written
        .split(',')
        .map(|event| {
            let event = event.trim().to_lowercase();
            EVENTS.iter().find(|(known, _)| *known == event).map(|(_, meaning)| *meaning)
        })
        .collect();
    let weight = find(annotations, "helm.sh/hook-weight").and_then(|weight| weight.parse().ok()).unwrap_or(0);
    events.map_or(Role::Dropped, |events| Role::Hook { events, weight })
}

fn find<'a>(annotations: &'a [(String, String)], key: &str) -> Option<&'a str> {
    annotations.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
}

fn list(annotations: &[(String, String)], key: &str) -> Vec<String> {
    find(annotations, key)
        .map(|written| written.split(',').map(|item| item.trim().to_lowercase()).collect())
        .unwrap_or_default()
}

fn read(path: &str, content: &str, compat: Compat) -> Result<(Document, Vec<(String, String)>), ManifestError> {
    let error = |message: String| ManifestError { path: path.to_owned(), message };
    let object = yaml::read(content.as_bytes(), Numbers::Exact).map_err(|problem| error(problem.to_string()))?;
    let head = Head::decode(&object, compat)
        .map_err(|message| error(format!("error unmarshaling JSON: while decoding JSON: json: {message}")))?;
    let document =
        Document { path: path.to_owned(), kind: head.kind, name: head.name, content: content.to_owned(), object };
    Ok((document, head.annotations))
}

/// What Helm reads of a document. Go matches the names without regard to case, turns scalars into text, and reports the
/// first field of the wrong type.
#[derive(Default)]
struct Head {
    kind: String,
    name: String,
    annotations: Vec<(String, String)>,
}

impl Head {
    fn decode(object: &Value, compat: Compat) -> Result<Self, String> {
        const METADATA: &str = "struct { Name string \"json:\\\"name\\\"\"; Annotations map[string]string \
                                \"json:\\\"annotations\\\"\" }";
        let mut head = Self::default();
        let package = match compat {
            Compat::Helm3 => "releaseutil",
            Compat::Helm4 => "util",
        };
        let wrong = |value: &Value, place: &str| Err(format!("cannot unmarshal {} into Go {place}", word(value)));
        let map = match object {
            Value::Null => return Ok(head),
            Value::Mapping(map) => map,
            other => return wrong(other, &format!("value of type {package}.SimpleHead")),
        };
        for (field, value) in fields(map, &["apiVersion", "kind", "metadata"]) {
            match (field, value) {
                (_, Value::Null) => {}
                ("metadata", Value::Mapping(metadata)) => head.decode_metadata(metadata)?,
                ("metadata", other) => {
                    return wrong(other, &format!("struct field SimpleHead.metadata of type {METADATA}"));
                }
                (field, value) => match scalar(value) {
                    Some(kind) if field == "kind" => head.kind = kind,
                    Some(_) => {}
                    None => return wrong(value, &format!("struct field SimpleHead.{field} of type string")),
                },
            }
        }
        Ok(head)
    }

    fn decode_metadata(&mut self, metadata: &Mapping) -> Result<(), String> {
        let wrong = |value: &Value, field: &str, wanted: &str| {
            Err(format!("cannot unmarshal {} into Go struct field .metadata.{field} of type {wanted}", word(value)))
        };
        for (field, value) in fields(metadata, &["name", "annotations"]) {
            match (field, value) {
                (_, Value::Null) => {}
                ("annotations", Value::Mapping(annotations)) => {
                    for (key, value) in annotations {
                        match (value, scalar(value)) {
                            (Value::Null, _) => self.annotations.push((key.clone(), String::new())),
                            (_, Some(text)) => self.annotations.push((key.clone(), text)),
                            (other, None) => return wrong(other, "annotations", "string"),
                        }
                    }
                }
                ("annotations", other) => return wrong(other, "annotations", "map[string]string"),
                (field, value) => match scalar(value) {
                    Some(name) => self.name = name,
                    None => return wrong(value, field, "string"),
                },
            }
        }
        Ok(())
    }
}

/// The fields of a Go struct in a map, in byte order of the keys; several keys may mean one field.
fn fields<'a>(map: &'a Mapping, names: &'static [&'static str]) -> impl Iterator<Item = (&'static str, &'a Value)> {
    map.iter().filter_map(|(key, value)| Some((*names.iter().find(|name| name.eq_ignore_ascii_case(key))?, value)))
}

/// JSON's word for a value, as Go says it.
const fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => "number",
        Value::String(_) => "string",
        Value::Sequence(_) => "array",
        Value::Mapping(_) => "object",
    }
}

/// A scalar as the text that Helm's YAML library makes of it where text is wanted.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(value) => Some(value.to_string()),
        Value::UInt(value) => Some(value.to_string()),
        Value::Float(value) => Some(yaml::number::format_g(*value)),
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) => None,
    }
}
