//! From the documents of a manifest to objects of a cluster's kinds: what Helm calls building the manifest.
//!
//! Owns the checks that come before an object is sent anywhere: it names its kind, its metadata are of the types that
//! every object has, and the cluster has the kind. Fields are not looked at: that is the API server's business. All that
//! is wrong is told at once, as Helm does, in its words. Rules: the resource builder of Kubernetes' `cli-runtime`, and the
//! validation that kubectl puts before it.

use serde_json::Value as Json;

use super::Error;
use super::objects::Planned;
use super::ownership::Owner;
use crate::cluster::{self, Cluster, Resource};
use crate::code::Code;
use crate::yaml::number::quote;
use crate::yaml::{Mapping, Struct, Type, Value, fit_struct};

/// An object as a document holds it.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The object.
    pub object: Json,
    /// Whether it is an item of a list.
    pub in_list: bool,
}

/// Something wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildProblem {
    /// Keys that say what it is are missing.
    Unnamed {
        /// Them.
        keys: Vec<&'static str>,
    },
    /// Its metadata are not of the right types.
    Metadata {
        /// Its kind.
        kind: String,
        /// Its name, if that is a text.
        name: String,
        /// What does not fit, in Go's words.
        problem: String,
    },
    /// The cluster has no such kind.
    UnknownKind {
        /// `apps/v1`.
        api_version: String,
        /// `StatefulSet`.
        kind: String,
        /// The object's name.
        name: String,
        /// Its namespace, if it says one.
        namespace: String,
        /// Whether it is an item of a list.
        in_list: bool,
    },
}

impl std::fmt::Display for BuildProblem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unnamed { keys } => {
                formatter.write_str("error validating \"\": error validating data: ")?;
                match keys.as_slice() {
                    [key] => write!(formatter, "{key} not set"),
                    keys => {
                        let all: Vec<_> = keys.iter().map(|key| format!("{key} not set")).collect();
                        write!(formatter, "[{}]", all.join(", "))
                    }
                }
            }
            Self::Metadata { problem, .. } => write!(formatter, "unable to decode \"\": {problem}"),
            Self::UnknownKind { api_version, kind, in_list: true, .. } => {
                write!(formatter, "unable to recognize no matches for kind \"{kind}\" in version \"{api_version}\"")
            }
            Self::UnknownKind { api_version, kind, name, namespace, in_list: false } => write!(
                formatter,
                "resource mapping not found for name: {} namespace: {} from \"\": no matches for kind \"{kind}\" in \
                 version \"{api_version}\"\nensure CRDs are installed first",
                quote(name),
                quote(namespace)
            ),
        }
    }
}

/// Every problem of a manifest, each once, as Kubernetes' libraries list errors.
pub(super) fn text(problems: &[BuildProblem]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for text in problems.iter().map(ToString::to_string) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    match texts.as_slice() {
        [only] => only.clone(),
        all => format!("[{}]", all.join(", ")),
    }
}

/// The code of a manifest with these problems.
pub(super) fn code(problems: &[BuildProblem]) -> Code {
    let unknown = |problem: &BuildProblem| matches!(problem, BuildProblem::UnknownKind { .. });
    if problems.iter().all(unknown) { Code::UnknownKind } else { Code::Manifest }
}

/// Which kinds are believed to be there without a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Those that every supported server has: no request is spent on them.
    Table,
    /// None: what the cluster does not tell is not there.
    Nothing,
}

/// Objects of a manifest, with their kinds as the cluster serves them, marked as owned.
///
/// # Errors
/// [`Error::Build`] with everything that is wrong; what the cluster says if it does not answer.
pub(super) async fn build(
    cluster: &Cluster,
    owner: Owner<'_>,
    sources: Vec<Source>,
    trust: Trust,
) -> Result<Vec<Planned>, Error> {
    let mut planned = Vec::with_capacity(sources.len());
    let mut problems = Vec::new();
    for Source { object, in_list } in sources {
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        let missing: Vec<_> = [("apiVersion", &api_version), ("kind", &kind)]
            .into_iter()
            .filter(|(_, value)| value.is_empty())
            .map(|(key, _)| key)
            .collect();
        if !missing.is_empty() {
            // Nothing behind it is looked at any more.
            problems.push(BuildProblem::Unnamed { keys: missing });
            break;
        }
        if let Err(problem) = check_metadata(&object) {
            problems.push(BuildProblem::Metadata { kind, name: text("/metadata/name"), problem });
            continue;
        }
        let known = Resource::known(&api_version, &kind).filter(|_| trust == Trust::Table);
        let resource = match known {
            Some(known) => Ok(known),
            None => cluster.discover(&api_version, &kind).await,
        };
        match resource {
            Ok(resource) => planned.push(Planned::of(resource, owner, object)),
            Err(cluster::Error::UnknownKind { .. }) => problems.push(BuildProblem::UnknownKind {
                name: text("/metadata/name"),
                namespace: text("/metadata/namespace"),
                api_version,
                kind,
                in_list,
            }),
            Err(error) => return Err(error.into()),
        }
    }
    if problems.is_empty() { Ok(planned) } else { Err(Error::Build { problems }) }
}

/// What every object's metadata are, as far as types can be wrong.
static OBJECT: Struct = Struct { name: "metadataOnlyObject", fields: &[("metadata", Type::Struct(&META))] };

static META: Struct = Struct {
    name: "ObjectMeta",
    fields: &[
        ("name", Type::Text),
        ("generateName", Type::Text),
        ("namespace", Type::Text),
        ("selfLink", Type::Text),
        ("uid", Type::Text),
        ("resourceVersion", Type::Text),
        ("labels", Type::Map(&Type::Text)),
        ("annotations", Type::Map(&Type::Text)),
        ("finalizers", Type::List(&Type::Text)),
    ],
};

fn check_metadata(object: &Json) -> Result<(), String> {
    let Some(metadata) = object.get("metadata") else { return Ok(()) };
    let head = Value::Mapping(Mapping::from([("metadata".to_owned(), Value::from(metadata.clone()))]));
    fit_struct(head, &OBJECT, "resource", false, &mut Mapping::new())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_of_the_wrong_type_are_told_in_gos_words() {
        for (metadata, told) in [
            (
                json!({"name": true}),
                "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.name of type string",
            ),
            (
                json!({"labels": {"a": 1}}),
                "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
            ),
        ] {
            assert_eq!(check_metadata(&json!({"metadata": metadata})).unwrap_err(), told);
        }
        assert_eq!(check_metadata(&json!({"metadata": {"name": "a", "labels": {"a": null}, "more": 1}})), Ok(()));
        assert_eq!(check_metadata(&json!({})), Ok(()));
    }

    #[test]
    fn problems_are_listed_once_each_and_alone_without_brackets() {
        let unnamed = |keys: &[&'static str]| BuildProblem::Unnamed { keys: keys.to_vec() };
        assert_eq!(text(&[unnamed(&["kind"])]), "error validating \"\": error validating data: kind not set");
        let both = unnamed(&["apiVersion", "kind"]);
        assert_eq!(text(&[both]), "error validating \"\": error validating data: [apiVersion not set, kind not set]");
        let metadata = BuildProblem::Metadata { kind: "A".to_owned(), name: "a".to_owned(), problem: "x".to_owned() };
        let unknown = BuildProblem::UnknownKind {
            api_version: "no.such/v1".to_owned(),
            kind: "Foo".to_owned(),
            name: "ex".to_owned(),
            namespace: String::new(),
            in_list: false,
        };
        assert_eq!(
            text(&[metadata.clone(), unknown.clone(), metadata.clone()]),
            "[unable to decode \"\": x, resource mapping not found for name: \"ex\" namespace: \"\" from \"\": no matches for \
             kind \"Foo\" in version \"no.such/v1\"\nensure CRDs are installed first]"
        );
        assert_eq!(code(std::slice::from_ref(&unknown)), Code::UnknownKind);
        assert_eq!(code(&[unknown, metadata]), Code::Manifest);
    }
}
