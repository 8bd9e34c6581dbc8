//! Whose an object is: the label and the two annotations by which Helm knows its own, put on every object at apply
//! time and checked before anything that exists is touched. Rules and texts: Helm's `pkg/action/validate.go`.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use serde_json::{Value as Json, json};

use super::objects::Planned;
use super::{Error, ObjectRef};
use crate::cluster::{self, Cluster, ListOptions, Resource};
use crate::values::Compat;

/// Objects that are looked for at the same time.
const AT_ONCE: usize = 8;

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// The release that owns objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'a> {
    /// Its name.
    pub release: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
}

impl Owner<'_> {
    /// Marks an object as owned.
    pub fn mark(&self, object: &mut Json) {
        set(object, "labels", MANAGED_BY, "Helm");
        set(object, "annotations", RELEASE_NAME, self.release);
        set(object, "annotations", RELEASE_NAMESPACE, self.namespace);
    }

    /// Why an existing object is not this owner's, in Helm's words; nothing if it is.
    pub fn violation(&self, object: &Json) -> Option<String> {
        let mut problems = Vec::new();
        for (map, word, key, wanted) in [
            ("labels", "label", MANAGED_BY, "Helm"),
            ("annotations", "annotation", RELEASE_NAME, self.release),
            ("annotations", "annotation", RELEASE_NAMESPACE, self.namespace),
        ] {
            match object["metadata"][map].get(key).and_then(Json::as_str) {
                Some(found) if found == wanted => {}
                Some(found) => problems.push(format!(
                    "{word} validation error: key \"{key}\" must equal \"{wanted}\": current value is \"{found}\""
                )),
                None => problems
                    .push(format!("{word} validation error: missing key \"{key}\": must be set to \"{wanted}\"")),
            }
        }
        (!problems.is_empty()).then(|| problems.join("; "))
    }
}

fn set(object: &mut Json, map: &str, key: &str, value: &str) {
    let metadata = &mut object["metadata"];
    if !metadata[map].is_object() {
        metadata[map] = json!({});
    }
    metadata[map][key] = Json::from(value);
}

/// What of the wanted objects is there already.
#[derive(Debug, Clone, Default)]
pub struct Existing {
    found: BTreeMap<(String, String), Found>,
}

/// An object that is there.
#[derive(Debug, Clone)]
pub struct Found {
    /// The state it was seen in.
    pub resource_version: String,
    /// Which object of that name.
    pub uid: String,
    /// Whether it is being deleted.
    pub terminating: bool,
}

impl Existing {
    /// The object of this kind and name.
    pub fn get(&self, kind: &str, name: &str) -> Option<&Found> {
        self.found.get(&(kind.to_owned(), name.to_owned()))
    }

    /// Those that are being deleted.
    pub fn terminating(&self) -> impl Iterator<Item = ObjectRef> {
        self.found
            .iter()
            .filter(|(_, found)| found.terminating)
            .map(|((kind, name), _)| ObjectRef::new(kind.clone(), name.clone()))
    }
}

/// An object to look for.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Its kind.
    pub resource: &'a Resource,
    /// Its namespace, if it lives in one.
    pub namespace: Option<&'a str>,
    /// Its name.
    pub name: &'a str,
}

/// Looks which of the wanted objects exist, by one list of metadata for each kind and namespace, and refuses if one
/// of them belongs to somebody else.
///
/// # Errors
/// [`Error::Ownership`] with every foreign object, unless `take`.
pub async fn check(cluster: &Cluster, owner: Owner<'_>, wanted: &[Wanted<'_>], take: bool) -> Result<Existing, Error> {
    let mut groups: Vec<(&Resource, Option<&str>, Vec<&str>)> = Vec::new();
    for object in wanted {
        match groups.iter_mut().find(|group| group.0 == object.resource && group.1 == object.namespace) {
            Some(group) => group.2.push(object.name),
            None => groups.push((object.resource, object.namespace, vec![object.name])),
        }
    }
    let options = ListOptions { metadata_only: true, ..ListOptions::default() };
    let lists = futures::future::try_join_all(
        groups.iter().map(|(resource, namespace, _)| cluster.list(resource, *namespace, &options)),
    )
    .await?;
    let mut existing = Existing::default();
    let mut foreign = Vec::new();
    for ((resource, namespace, names), list) in groups.iter().zip(lists) {
        for item in list.items {
            let metadata = &item["metadata"];
            let Some(name) = metadata["name"].as_str().filter(|name| names.contains(name)) else { continue };
            let terminating = metadata["deletionTimestamp"].is_string();
            if !take
                && !terminating
                && let Some(violation) = owner.violation(&item)
            {
                foreign.push(Foreign {
                    object: ObjectRef::new(resource.kind.clone(), name),
                    namespace: namespace.map(str::to_owned),
                    violation,
                });
            }
            let text = |key: &str| metadata[key].as_str().unwrap_or_default().to_owned();
            existing.found.insert(
                (resource.kind.clone().into_owned(), name.to_owned()),
                Found { resource_version: text("resourceVersion"), uid: text("uid"), terminating },
            );
        }
    }
    if foreign.is_empty() { Ok(existing) } else { Err(Error::Ownership { foreign }) }
}

/// Looks for the objects one by one, which needs no other right than to read each of them, and refuses the first that
/// belongs to somebody else.
///
/// # Errors
/// [`Error::Ownership`] with that object, unless `take`; [`Error::Look`] if an object cannot be asked for.
pub(super) async fn check_each(
    cluster: &Cluster,
    owner: Owner<'_>,
    objects: &[Planned],
    take: bool,
    compat: Compat,
) -> Result<(), Error> {
    let looks = objects.iter().map(|object| async move {
        let unknown =
            |problem| Error::Look { object: object.reference(), namespace: object.namespace.clone(), problem };
        match (object.name.is_empty(), object.generate_name().is_empty()) {
            (true, false) if compat == Compat::Helm4 => return Ok(None),
            (true, _) => return Err(unknown(LookProblem::NoName)),
            (false, false) if compat == Compat::Helm4 => return Err(Error::TwoNames),
            (false, _) => {}
        }
        match cluster.get_metadata(&object.resource, object.namespace.as_deref(), &object.name).await {
            Ok(found) => Ok(Some(found)),
            Err(cluster::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(unknown(LookProblem::Cluster(Box::new(error)))),
        }
    });
    let mut looks = futures::stream::iter(looks).buffered(AT_ONCE);
    let mut objects = objects.iter();
    while let (Some(found), Some(object)) = (looks.next().await, objects.next()) {
        let Some(violation) = found?.as_ref().filter(|_| !take).and_then(|found| owner.violation(found)) else {
            continue;
        };
        let (object, namespace) = (object.reference(), object.namespace.clone());
        return Err(Error::Ownership { foreign: vec![Foreign { object, namespace, violation }] });
    }
    Ok(())
}

/// Why it is not known whether an object is there.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LookProblem {
    /// It has no name.
    #[error("resource name may not be empty")]
    NoName,
    /// The cluster does not tell.
    #[error(transparent)]
    Cluster(Box<cluster::Error>),
}

/// An object that exists and belongs to somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Which.
    pub object: ObjectRef,
    /// Its namespace.
    pub namespace: Option<String>,
    /// What its labels and annotations lack.
    pub violation: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner<'_> = Owner { release: "mai", namespace: "bot" };

    #[test]
    fn a_marked_object_is_ones_own() {
        let mut object = json!({"metadata": {"name": "x", "labels": {"a": "b"}}});
        OWNER.mark(&mut object);
        assert_eq!(OWNER.violation(&object), None);
        assert_eq!(object["metadata"]["labels"]["a"], "b");
    }

    #[test]
    fn a_foreign_object_is_told_in_helms_words() {
        let mut object = json!({"metadata": {"name": "x"}});
        assert_eq!(
            OWNER.violation(&object).unwrap(),
            "label validation error: missing key \"app.kubernetes.io/managed-by\": must be set to \"Helm\"; \
             annotation validation error: missing key \"meta.helm.sh/release-name\": must be set to \"mai\"; \
             annotation validation error: missing key \"meta.helm.sh/release-namespace\": must be set to \"bot\""
        );
        Owner { release: "other", namespace: "bot" }.mark(&mut object);
        assert_eq!(
            OWNER.violation(&object).unwrap(),
            "annotation validation error: key \"meta.helm.sh/release-name\" must equal \"mai\": current value is \"other\""
        );
    }
}
