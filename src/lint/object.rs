//! Rendered text as objects, the way Kubernetes' libraries cut and read it: a stream that begins with a brace is tried
//! as JSON first, everything else is YAML in documents. Only what the rules ask of an object is kept.

use crate::values::Compat;
use crate::yaml::{self, Error, Mapping, Numbers, Struct, Type, Value, fit_struct, json};

/// How far a stream is searched for its first brace, in bytes.
const GUESS: usize = 4096;
/// How many bytes have to be left for the change from JSON to YAML: the reader wants room for the longest character.
const LONGEST_CHARACTER: usize = 4;

const METADATA: Struct = Struct { name: "k8sYamlMetadata", fields: &[("Namespace", Type::Text), ("Name", Type::Text)] };

/// The structs that the two Helms read objects into; they are named in errors.
static OBJECT: Struct = Struct { name: "k8sYamlStruct", fields: OBJECT_FIELDS };
static OBJECT_3: Struct = Struct { name: "K8sYamlStruct", fields: OBJECT_FIELDS };
const OBJECT_FIELDS: &[(&str, Type)] =
    &[("apiVersion", Type::Text), ("Kind", Type::Text), ("Metadata", Type::Struct(&METADATA))];

/// What the rules look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Object {
    /// `apiVersion`.
    pub(super) api_version: String,
    /// `kind`.
    pub(super) kind: String,
    /// `metadata.name`.
    pub(super) name: String,
}

impl Object {
    fn new(fields: Mapping) -> Self {
        let fields = Value::Mapping(fields);
        let text = |path: &[&str]| fields.at(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { api_version: text(&["apiVersion"]), kind: text(&["Kind"]), name: text(&["Metadata", "Name"]) }
    }
}

enum Way<'a> {
    Json,
    Yaml(Box<dyn Iterator<Item = Result<Vec<u8>, Error>> + 'a>),
    End,
}

/// The objects of a text; nothing for an empty document. After an error there is no more.
pub(super) struct Objects<'a> {
    text: &'a [u8],
    /// Where the next JSON value begins.
    at: usize,
    /// How many objects came already.
    count: usize,
    way: Way<'a>,
    target: &'static Struct,
}

impl<'a> Objects<'a> {
    pub(super) fn new(text: &'a [u8], compat: Compat) -> Self {
        let seen = text.get(..GUESS).unwrap_or(text);
        let is_json = String::from_utf8_lossy(seen).trim_start().starts_with('{');
        let way = if is_json { Way::Json } else { Way::Yaml(Box::new(yaml::documents(text))) };
        let target = if compat == Compat::Helm4 { &OBJECT } else { &OBJECT_3 };
        Self { text, at: 0, count: 0, way, target }
    }

    /// The next JSON value; the error is what the JSON reader says. `None` at the end.
    fn json(&mut self) -> Option<Result<Option<Object>, String>> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if rest.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            return None;
        }
        // A replacement character is longer than the byte it stands for; those texts are no JSON of Kubernetes' anyway.
        let text = String::from_utf8_lossy(rest);
        let (value, length) = match json::read_prefix(&text, Numbers::Exact) {
            Ok(read) => read,
            Err(error) if error.offset >= text.len() => return Some(Err("unexpected EOF".to_owned())),
            Err(error) => return Some(Err(format!("json: offset {}: {error}", self.at + error.offset + 1))),
        };
        let object = match value {
            Value::Null => Ok(None),
            value => {
                let mut fields = Mapping::new();
                fit_struct(value, self.target, "rules", false, &mut fields).map(|()| Some(Object::new(fields)))
            }
        };
        if object.is_ok() {
            self.at += length;
            self.count += 1;
        }
        Some(object)
    }

    /// Goes on in YAML behind the last JSON value, its white space up to the first end of a line passed over; not if
    /// there is too little left for the reader.
    fn change(&mut self) -> bool {
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            if rest.len() < LONGEST_CHARACTER {
                return false;
            }
            let Some(first) = String::from_utf8_lossy(rest).chars().next() else { return false };
            if first == char::REPLACEMENT_CHARACTER {
                return false;
            }
            if first.is_whitespace() {
                self.at += first.len_utf8();
            }
            if !first.is_whitespace() || first == '\n' {
                let rest = self.text.get(self.at..).unwrap_or_default();
                self.way = Way::Yaml(Box::new(yaml::documents(rest)));
                return true;
            }
        }
    }

    fn yaml(&mut self) -> Option<Result<Option<Object>, String>> {
        let Way::Yaml(documents) = &mut self.way else { return None };
        let document = match documents.next()? {
            Ok(document) => document,
            Err(Error::Separator { text, .. }) => return Some(Err(format!("invalid Yaml document separator: {text}"))),
            Err(error) => return Some(Err(error.to_string())),
        };
        Some(match yaml::read(&document, Numbers::Exact) {
            Ok(Value::Null) => Ok(None),
            Ok(value) => {
                let mut fields = Mapping::new();
                match fit_struct(value, self.target, "rules", true, &mut fields) {
                    Ok(()) => Ok(Some(Object::new(fields))),
                    Err(problem) => Err(Error::Json(problem).to_string()),
                }
            }
            Err(error) => Err(error.to_string()),
        })
    }
}

impl Iterator for Objects<'_> {
    type Item = Result<Option<Object>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut first = None;
        if matches!(self.way, Way::Json) {
            match self.json()? {
                Ok(object) => return Some(Ok(object)),
                Err(problem) => {
                    // With two values behind it the stream is JSON for sure.
                    if self.count > 1 || !self.change() {
                        self.way = Way::End;
                        return Some(Err(problem));
                    }
                    first = Some(problem);
                }
            }
        }
        match self.yaml()? {
            Ok(object) => Some(Ok(object)),
            Err(problem) => {
                self.way = Way::End;
                Some(Err(first.unwrap_or(problem)))
            }
        }
    }
}
