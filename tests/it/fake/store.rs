//! Objects kept by the scripted server, enough for verbs to be tested against.
//!
//! Real: paths, 404, 409 (name taken, stale `resourceVersion`, another uid), 201 at creation, resource versions that
//! grow with every real change, uids, generations, dry runs, paging, equality label selectors, `metadata.name` field
//! selectors, finalizers, watches. Naive on purpose: server-side apply is a deep merge without field ownership (hence no
//! conflicts and no removal of fields), a strategic merge is a plain merge, nothing is validated or defaulted, no
//! controller runs, namespaces need not exist.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::server::{Answer, Cut, Recorded, labels, status};

/// Where an object lies: the path of its kind without namespace (`/apis/apps/v1/statefulsets`), namespace, name.
type Key = (String, String, String);

struct Happened {
    version: u64,
    kind: &'static str,
    key: Key,
    object: Value,
}

struct Watcher {
    place: Place,
    query: Vec<(String, String)>,
    sender: UnboundedSender<Result<Vec<u8>, Cut>>,
}

/// The objects.
#[derive(Default)]
pub struct Store {
    objects: BTreeMap<Key, Value>,
    history: Vec<Happened>,
    watchers: Vec<Watcher>,
    version: u64,
}

/// A path taken apart.
#[derive(Debug, Clone, PartialEq)]
struct Place {
    collection: String,
    plural: String,
    namespace: Option<String>,
    name: Option<String>,
    subresource: Option<String>,
}

impl Place {
    fn of(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (base, rest) = match segments.as_slice() {
            ["api", version, rest @ ..] => (format!("/api/{version}"), rest),
            ["apis", group, version, rest @ ..] => (format!("/apis/{group}/{version}"), rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, plural, rest @ ..] if !matches!(*plural, "status" | "finalize") => {
                (Some((*namespace).to_owned()), [&[*plural], rest].concat())
            }
            rest => (None, rest.to_vec()),
        };
        let plural = (*rest.first()?).to_owned();
        let owned = |at: usize| rest.get(at).map(|text| (*text).to_owned());
        Some(Self { collection: format!("{base}/{plural}"), plural, namespace, name: owned(1), subresource: owned(2) })
    }

    fn key(&self) -> Key {
        (self.collection.clone(), self.namespace.clone().unwrap_or_default(), self.name.clone().unwrap_or_default())
    }

    fn holds(&self, key: &Key) -> bool {
        self.collection == key.0
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == key.1)
            && self.name.as_ref().is_none_or(|name| *name == key.2)
    }
}

impl Store {
    /// None yet.
    pub fn new() -> Self {
        Self { version: 1000, ..Self::default() }
    }

    /// Puts an object under the path of its collection, as a controller would: `/api/v1/namespaces/bot/pods`.
    pub fn put(&mut self, collection: &str, object: Value) -> Value {
        let mut place = Place::of(collection).expect("a collection's path");
        place.name = Some(object["metadata"]["name"].as_str().expect("a name").to_owned());
        self.keep(&place, object, false)
    }

    /// Changes an object in place, as a controller would.
    pub fn change(&mut self, path: &str, change: impl FnOnce(&mut Value)) {
        let place = Place::of(path).expect("a path");
        let mut object = self.objects.get(&place.key()).expect("an object there").clone();
        change(&mut object);
        self.keep(&place, object, false);
    }

    /// The object at a path.
    pub fn get(&self, path: &str) -> Option<&Value> {
        self.objects.get(&Place::of(path)?.key())
    }

    /// The paths of all objects.
    pub fn paths(&self) -> Vec<String> {
        let path = |(collection, namespace, name): &Key| {
            if namespace.is_empty() {
                return format!("{collection}/{name}");
            }
            let (base, plural) = collection.rsplit_once('/').unwrap();
            format!("{base}/namespaces/{namespace}/{plural}/{name}")
        };
        self.objects.keys().map(path).collect()
    }

    /// Removes an object, as a controller would.
    pub fn remove(&mut self, path: &str) {
        let key = Place::of(path).expect("a path").key();
        if let Some(object) = self.objects.remove(&key) {
            self.happened("DELETED", key, object);
        }
    }

    /// Forgets what happened so far: a watch from an older version gets a 410.
    pub fn compact(&mut self) {
        self.history.clear();
    }

    /// Answers a request.
    pub fn answer(&mut self, request: &Recorded) -> Answer {
        if request.path == "/version" {
            return Answer::ok(&json!({ "major": "1", "minor": "34", "gitVersion": "v1.34.4" }));
        }
        let Some(place) = Place::of(&request.path) else {
            return Answer::text(404, "text/plain; charset=utf-8", "404 page not found\n");
        };
        if place.plural.starts_with("selfsubject") {
            let mut review = request.json();
            review["status"] = json!({ "allowed": true });
            return Answer::json(201, &review);
        }
        match (request.method.as_str(), place.name.is_some()) {
            ("GET", _) if matches!(request.query("watch"), Some("true" | "1")) => self.watch(place, request),
            ("GET", true) => self.read(&place, request),
            ("GET", false) => self.list(&place, request),
            ("POST", false) => self.create(place, request),
            ("PUT", true) => self.replace(&place, request),
            ("PATCH", true) => self.patch(&place, request),
            ("DELETE", true) => self.delete(&place, request),
            _ => Answer::refusal(
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            ),
        }
    }

    fn missing(place: &Place) -> Answer {
        let name = place.name.clone().unwrap_or_default();
        let mut refusal = status(404, "NotFound", &format!("{} \"{name}\" not found", place.plural));
        refusal["details"] = json!({ "name": name, "kind": place.plural });
        Answer::json(404, &refusal)
    }

    fn read(&self, place: &Place, request: &Recorded) -> Answer {
        match self.objects.get(&place.key()) {
            Some(object) => Answer::ok(&shown(object, request)),
            None => Self::missing(place),
        }
    }

    fn list(&self, place: &Place, request: &Recorded) -> Answer {
        let fitting: Vec<&Value> = self
            .objects
            .iter()
            .filter(|(key, object)| place.holds(key) && selected(object, &request.query))
            .map(|(_, object)| object)
            .collect();
        let start: usize = request.query("continue").map_or(0, |token| token.parse().unwrap());
        let limit = request.query("limit").map_or(usize::MAX, |limit| limit.parse().unwrap());
        let end = start.saturating_add(limit).min(fitting.len());
        let items: Vec<Value> = fitting[start.min(end)..end]
            .iter()
            .map(|object| {
                let mut item = shown(object, request);
                // As a real server does for its own kinds.
                item.as_object_mut().unwrap().remove("kind");
                item.as_object_mut().unwrap().remove("apiVersion");
                item
            })
            .collect();
        let mut metadata = json!({ "resourceVersion": self.version.to_string() });
        if end < fitting.len() {
            metadata["continue"] = json!(end.to_string());
        }
        Answer::ok(&json!({ "apiVersion": "v1", "kind": "List", "metadata": metadata, "items": items }))
    }

    fn create(&mut self, mut place: Place, request: &Recorded) -> Answer {
        let object = request.json();
        let Some(name) = object["metadata"]["name"].as_str().filter(|name| !name.is_empty()) else {
            return Answer::refusal(422, "Invalid", "metadata.name: Required value: name or generateName is required");
        };
        place.name = Some(name.to_owned());
        if self.objects.contains_key(&place.key()) {
            let message = format!("{} \"{name}\" already exists", place.plural);
            return Answer::refusal(409, "AlreadyExists", &message);
        }
        Answer::json(201, &self.keep(&place, object, is_dry(request)))
    }

    fn replace(&mut self, place: &Place, request: &Recorded) -> Answer {
        let Some(before) = self.objects.get(&place.key()) else { return Self::missing(place) };
        let object = request.json();
        let version = object["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        if !version.is_empty() && before["metadata"]["resourceVersion"] != version {
            return Self::stale(place);
        }
        Answer::ok(&self.keep(place, object, is_dry(request)))
    }

    fn stale(place: &Place) -> Answer {
        let name = place.name.clone().unwrap_or_default();
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to the \
             latest version and try again",
            place.plural
        );
        Answer::refusal(409, "Conflict", &message)
    }

    fn patch(&mut self, place: &Place, request: &Recorded) -> Answer {
        let before = self.objects.get(&place.key()).cloned();
        let patch = request.json();
        let kind = request.header("content-type").unwrap_or_default().to_owned();
        let applying = kind.starts_with("application/apply-patch");
        let mut object = match before.clone() {
            Some(object) => object,
            None if applying => json!({}),
            None => return Self::missing(place),
        };
        let version = patch["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        if !version.is_empty() && object["metadata"]["resourceVersion"] != version {
            return Self::stale(place);
        }
        let patch = match place.subresource.as_deref() {
            Some("scale") => json!({ "spec": { "replicas": patch["spec"]["replicas"] } }),
            Some("status") => json!({ "status": patch["status"] }),
            _ => patch,
        };
        if kind.starts_with("application/json-patch") {
            if let Err(message) = patch_json(&mut object, &patch) {
                return Answer::refusal(422, "Invalid", &message);
            }
        } else {
            merge(&mut object, &patch, !applying);
        }
        let code = if before.is_some() { 200 } else { 201 };
        Answer::json(code, &self.keep(place, object, is_dry(request)))
    }

    fn delete(&mut self, place: &Place, request: &Recorded) -> Answer {
        let Some(object) = self.objects.get(&place.key()).cloned() else { return Self::missing(place) };
        let preconditions = request.json()["preconditions"].clone();
        for (key, field) in [("uid", "uid"), ("resourceVersion", "resourceVersion")] {
            if preconditions[key].is_string() && preconditions[key] != object["metadata"][field] {
                let name = place.name.clone().unwrap_or_default();
                let message = format!(
                    "Operation cannot be fulfilled on {} \"{name}\": the {field} in the precondition ({}) does not match the \
                     {field} in record ({})",
                    place.plural, preconditions[key], object["metadata"][field]
                );
                return Answer::refusal(409, "Conflict", &message);
            }
        }
        if is_dry(request) || request.json()["dryRun"].is_array() {
            return Answer::ok(&json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }));
        }
        if object["metadata"]["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty()) {
            let mut going = object;
            going["metadata"]["deletionTimestamp"] = json!("2024-01-02T00:00:00Z");
            return Answer::ok(&self.keep(place, going, false));
        }
        self.objects.remove(&place.key());
        self.happened("DELETED", place.key(), object);
        Answer::ok(&json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }))
    }

    fn watch(&mut self, place: Place, request: &Recorded) -> Answer {
        let since: u64 = request.query("resourceVersion").and_then(|version| version.parse().ok()).unwrap_or(0);
        let oldest = self.history.first().map_or(self.version, |first| first.version - 1);
        let (sender, answer) = Answer::live();
        if since != 0 && since < oldest {
            let gone = status(410, "Expired", &format!("too old resource version: {since} ({oldest})"));
            send(&sender, "ERROR", &gone);
            return answer;
        }
        if since == 0 {
            for (_, object) in
                self.objects.iter().filter(|(key, object)| place.holds(key) && selected(object, &request.query))
            {
                send(&sender, "ADDED", object);
            }
        } else {
            for happened in self.history.iter().filter(|happened| {
                happened.version > since && place.holds(&happened.key) && selected(&happened.object, &request.query)
            }) {
                send(&sender, happened.kind, &happened.object);
            }
        }
        self.watchers.push(Watcher { place, query: request.query.clone(), sender });
        answer
    }

    /// Ends every watch: properly, or as told.
    pub fn end_watches(&mut self, cut: Option<Cut>) {
        for watcher in self.watchers.drain(..) {
            if let Some(cut) = cut {
                let _ = watcher.sender.send(Err(cut));
            }
        }
    }

    /// Stores an object unless it is as it was; answers with what is stored.
    fn keep(&mut self, place: &Place, mut object: Value, dry: bool) -> Value {
        let key = place.key();
        let before = self.objects.get(&key).cloned();
        let old = before.as_ref().map_or(&Value::Null, |before| &before["metadata"]).clone();
        let number = self.version + 1;
        let metadata = &mut object["metadata"];
        metadata["name"] = json!(key.2);
        if !key.1.is_empty() {
            metadata["namespace"] = json!(key.1);
        }
        for field in ["uid", "creationTimestamp", "resourceVersion", "generation"] {
            metadata[field] = old[field].clone();
        }
        if before.is_none() {
            metadata["uid"] = json!(format!("00000000-0000-4000-8000-{number:012}"));
            metadata["creationTimestamp"] = json!("2024-01-01T00:00:00Z");
            metadata["generation"] = json!(1);
        }
        if before.as_ref() == Some(&object) {
            return object;
        }
        if let Some(before) = &before
            && before["spec"] != object["spec"]
        {
            object["metadata"]["generation"] = json!(old["generation"].as_u64().unwrap_or(1) + 1);
        }
        object["metadata"]["resourceVersion"] = json!(number.to_string());
        if dry {
            return object;
        }
        let unfinished = |object: &Value| {
            object["metadata"]["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty())
        };
        if object["metadata"]["deletionTimestamp"].is_string() && !unfinished(&object) {
            self.objects.remove(&key);
            self.happened("DELETED", key, object.clone());
        } else {
            self.objects.insert(key.clone(), object.clone());
            self.happened(if before.is_some() { "MODIFIED" } else { "ADDED" }, key, object.clone());
        }
        object
    }

    fn happened(&mut self, kind: &'static str, key: Key, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.watchers.retain(|watcher| {
            if watcher.sender.is_closed() {
                return false;
            }
            if watcher.place.holds(&key) && selected(&object, &watcher.query) {
                send(&watcher.sender, kind, &object);
            }
            true
        });
        self.history.push(Happened { version: self.version, kind, key, object });
    }
}

fn send(sender: &UnboundedSender<Result<Vec<u8>, Cut>>, kind: &str, object: &Value) {
    let event = json!({ "type": kind, "object": object });
    let _ = sender.send(Ok(format!("{event}\n").into_bytes()));
}

fn is_dry(request: &Recorded) -> bool {
    request.query("dryRun") == Some("All")
}

fn shown(object: &Value, request: &Recorded) -> Value {
    if request.header("accept").is_some_and(|accept| accept.contains("as=PartialObjectMetadata")) {
        json!({ "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"] })
    } else {
        object.clone()
    }
}

/// The terms of a label selector: commas inside parentheses part none.
fn terms(selector: &str) -> Vec<&str> {
    let (mut terms, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, character) in selector.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                terms.push(&selector[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&selector[start..]);
    terms.retain(|term| !term.is_empty());
    terms
}

fn selected(object: &Value, query: &[(String, String)]) -> bool {
    let value = |name: &str| query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let have = labels(object);
    let by_labels = terms(value("labelSelector")).into_iter().all(|term| {
        if let Some((key, values)) = term.split_once(" in (") {
            let values = values.trim_end_matches(')');
            return have.get(key).is_some_and(|found| values.split(',').any(|value| value.trim() == found));
        }
        if let Some((key, wanted)) = term.split_once("!=") {
            return have.get(key).is_none_or(|found| found != wanted);
        }
        match term.split_once('=') {
            Some((key, wanted)) => have.get(key).is_some_and(|found| *found == wanted.trim_start_matches('=')),
            None => match term.strip_prefix('!') {
                Some(key) => !have.contains_key(key),
                None => have.contains_key(term),
            },
        }
    });
    let by_fields = value("fieldSelector").split(',').filter(|term| !term.is_empty()).all(|term| {
        let (path, wanted) = term.split_once('=').expect("a field selector");
        let pointer = format!("/{}", path.replace('.', "/"));
        object.pointer(&pointer).and_then(Value::as_str).unwrap_or_default() == wanted.trim_start_matches('=')
    });
    by_labels && by_fields
}

/// RFC 7386; when applying, `null` is kept out and nothing is removed.
fn merge(target: &mut Value, patch: &Value, removing: bool) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let object = target.as_object_mut().unwrap();
    for (key, value) in patch {
        if value.is_null() {
            if removing {
                object.remove(key);
            }
        } else {
            merge(object.entry(key.clone()).or_insert(Value::Null), value, removing);
        }
    }
}

/// RFC 6902: `test`, `add`, `replace`, `remove`.
fn patch_json(object: &mut Value, steps: &Value) -> Result<(), String> {
    for step in steps.as_array().into_iter().flatten() {
        let path = step["path"].as_str().unwrap_or_default();
        let value = step["value"].clone();
        let unescape = |text: &str| text.replace("~1", "/").replace("~0", "~");
        match step["op"].as_str() {
            Some("test") if object.pointer(path) != Some(&value) => return Err(format!("test of {path} failed")),
            Some("test") => {}
            Some(operation @ ("add" | "replace" | "remove")) => {
                let (parent, leaf) = path.rsplit_once('/').ok_or("no path")?;
                let parent = object.pointer_mut(parent).ok_or(format!("{path} is not there"))?;
                match (parent, operation) {
                    (Value::Object(map), "remove") => {
                        map.remove(&unescape(leaf)).ok_or(format!("{path} is not there"))?;
                    }
                    (Value::Object(map), _) => {
                        map.insert(unescape(leaf), value);
                    }
                    (Value::Array(list), "add") if leaf == "-" => list.push(value),
                    (Value::Array(list), operation) => {
                        let index: usize = leaf.parse().map_err(|_| format!("{path} is no index"))?;
                        match operation {
                            "add" if index <= list.len() => list.insert(index, value),
                            "replace" if index < list.len() => list[index] = value,
                            "remove" if index < list.len() => {
                                list.remove(index);
                            }
                            _ => return Err(format!("{path} is not there")),
                        }
                    }
                    _ => return Err(format!("{path} is not there")),
                }
            }
            other => return Err(format!("unknown operation {other:?}")),
        }
    }
    Ok(())
}
