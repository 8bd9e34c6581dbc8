//! Records on the cluster: one Secret a revision in the namespace of the release, as Helm's secret driver keeps them.
//!
//! Two things differ from Helm on purpose. A record is rewritten with the version it was read at, so that two tools
//! never overwrite each other unseen; and a record is refused before it is sent when no Secret could hold it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use super::codec::{decode, encode};
use super::{History, RecordError, Release};
use crate::cluster::{self, Cluster, DeleteOptions, ListOptions, Resource, WriteOptions};
use crate::code::Code;

/// The `type` of a record's Secret.
pub(super) const SECRET_TYPE: &str = "helm.sh/release.v1";

/// Labels that Helm sets itself; a user may not.
pub const SYSTEM_LABELS: &[&str] = &["name", "owner", "status", "version", "createdAt", "modifiedAt"];

/// The name of a record's Secret.
pub fn record_name(release: &str, revision: u32) -> String {
    format!("sh.helm.release.v1.{release}.v{revision}")
}

/// What can go wrong with stored records.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// The API server.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// One record cannot be read or written.
    #[error("{name}: {error}")]
    Record {
        /// The Secret.
        name: String,
        /// What is wrong with it.
        error: RecordError,
    },
    /// A revision of this number is there already: another tool was faster.
    #[error("release: already exists")]
    Exists {
        /// The Secret.
        name: String,
    },
}

impl StoreError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Cluster(error) => error.code(),
            Self::Record { error, .. } => error.code(),
            Self::Exists { .. } => Code::Raced,
        }
    }
}

/// A record as it lies on the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The revision.
    pub release: Release,
    /// The version it was read or written at.
    pub resource_version: String,
}

/// A record that cannot be decoded, by the labels of its Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The Secret.
    pub name: String,
    /// The namespace.
    pub namespace: String,
    /// What is wrong.
    pub error: RecordError,
}

/// Records of some releases, and those that could not be read.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// The records, in the order of the API server.
    pub stored: Vec<Stored>,
    /// What could not be decoded.
    pub unreadable: Vec<Unreadable>,
}

impl Records {
    /// As the history of one release.
    pub fn history(&self) -> History {
        History::new(self.stored.iter().map(|stored| stored.release.clone()).collect())
    }

    /// The version the record of this revision was read at.
    pub fn resource_version(&self, revision: u32) -> Option<&str> {
        self.stored
            .iter()
            .find(|stored| stored.release.revision == revision)
            .map(|stored| stored.resource_version.as_str())
    }
}

/// The records of one namespace, or of all.
#[derive(Clone, Copy)]
pub struct Store<'a> {
    cluster: &'a Cluster,
    namespace: Option<&'a str>,
}

impl<'a> Store<'a> {
    /// The records in one namespace.
    pub const fn new(cluster: &'a Cluster, namespace: &'a str) -> Self {
        Self { cluster, namespace: Some(namespace) }
    }

    /// The records in all namespaces; for reading only.
    pub const fn everywhere(cluster: &'a Cluster) -> Self {
        Self { cluster, namespace: None }
    }

    /// All revisions of one release: one request.
    pub async fn history(&self, release: &str) -> Result<Records, StoreError> {
        self.query(&format!("name={release},owner=helm")).await
    }

    /// All revisions of all releases.
    pub async fn list(&self, selector: Option<&str>) -> Result<Records, StoreError> {
        match selector {
            Some(selector) => self.query(&format!("owner=helm,{selector}")).await,
            None => self.query("owner=helm").await,
        }
    }

    async fn query(&self, labels: &str) -> Result<Records, StoreError> {
        let options = ListOptions { labels: Some(labels.to_owned()), ..ListOptions::default() };
        let secrets = self.cluster.list(&Resource::SECRET, self.namespace, &options).await?.items;
        let mut records = Records::default();
        for secret in &secrets {
            match read(secret) {
                Ok(stored) => records.stored.push(stored),
                Err(error) => records.unreadable.push(Unreadable {
                    name: text(secret, &["metadata", "name"]),
                    namespace: text(secret, &["metadata", "namespace"]),
                    error,
                }),
            }
        }
        Ok(records)
    }

    /// Writes the record of a new revision.
    pub async fn create(&self, release: &Release, now: i64) -> Result<Stored, StoreError> {
        let secret = secret(release, ("createdAt", now))?;
        let name = record_name(&release.name, release.revision);
        match self.cluster.create(&Resource::SECRET, self.namespace, &secret, &WriteOptions::default()).await {
            Ok(created) => Ok(Stored { release: release.clone(), resource_version: version_of(&created) }),
            Err(cluster::Error::AlreadyExists { .. }) => Err(StoreError::Exists { name }),
            Err(error) => Err(error.into()),
        }
    }

    /// Rewrites the record of a revision that was read or written before.
    pub async fn update(&self, stored: &Stored, now: i64) -> Result<Stored, StoreError> {
        let release = &stored.release;
        let mut secret = secret(release, ("modifiedAt", now))?;
        if !stored.resource_version.is_empty() {
            secret["metadata"]["resourceVersion"] = Json::from(stored.resource_version.as_str());
        }
        let name = record_name(&release.name, release.revision);
        let updated =
            self.cluster.replace(&Resource::SECRET, self.namespace, &name, &secret, &WriteOptions::default()).await?;
        Ok(Stored { release: release.clone(), resource_version: version_of(&updated) })
    }

    /// Removes the record of a revision; one that is gone already is as good.
    pub async fn delete(&self, release: &str, revision: u32) -> Result<(), StoreError> {
        let name = record_name(release, revision);
        self.cluster.delete(&Resource::SECRET, self.namespace, &name, &DeleteOptions::default()).await?;
        Ok(())
    }
}

/// The Secret of a record: name, type, labels and one key, as Helm writes them.
pub fn secret(release: &Release, stamp: (&str, i64)) -> Result<Json, StoreError> {
    let name = record_name(&release.name, release.revision);
    let data = encode(release).map_err(|error| StoreError::Record { name: name.clone(), error })?;
    let mut labels: BTreeMap<&str, String> =
        release.labels.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    labels.insert("name", release.name.clone());
    labels.insert("owner", "helm".to_owned());
    labels.insert("status", release.info.status.word().to_owned());
    labels.insert("version", release.revision.to_string());
    labels.insert(stamp.0, stamp.1.to_string());
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name, "labels": labels },
        "type": SECRET_TYPE,
        "data": { "release": STANDARD.encode(data) },
    }))
}

/// Reads a record's Secret.
pub(super) fn read(secret: &Json) -> Result<Stored, RecordError> {
    let data = secret.pointer("/data/release").and_then(Json::as_str).unwrap_or_default();
    let inner = STANDARD.decode(data).map_err(|_| RecordError::Base64(0))?;
    let mut release = decode(&inner)?;
    if let Some(Json::Object(labels)) = secret.pointer("/metadata/labels") {
        release.record_labels =
            labels.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
        release.labels = release.record_labels.clone();
        release.labels.retain(|key, _| !SYSTEM_LABELS.contains(&key.as_str()));
    }
    Ok(Stored { release, resource_version: version_of(secret) })
}

fn version_of(object: &Json) -> String {
    text(object, &["metadata", "resourceVersion"])
}

fn text(object: &Json, path: &[&str]) -> String {
    path.iter().try_fold(object, |value, key| value.get(key)).and_then(Json::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{Info, Status};

    #[test]
    fn the_secret_is_what_helm_queries_gets_and_deletes() {
        let release = Release {
            name: "mai".into(),
            revision: 3,
            labels: BTreeMap::from([("team".into(), "a".into())]),
            info: Info { status: Status::Deployed, ..Info::default() },
            ..Release::default()
        };
        let secret = secret(&release, ("createdAt", 17)).unwrap();
        assert_eq!(secret["metadata"]["name"], "sh.helm.release.v1.mai.v3");
        assert_eq!(secret["type"], "helm.sh/release.v1");
        assert_eq!(
            secret["metadata"]["labels"],
            json!({"name": "mai", "owner": "helm", "status": "deployed", "version": "3", "createdAt": "17", "team": "a"})
        );
        let stored = read(&secret).unwrap();
        assert_eq!(stored.release, Release { record_labels: stored.release.record_labels.clone(), ..release });
    }
}
