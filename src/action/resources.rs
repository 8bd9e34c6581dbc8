//! The objects of a release as they are on the cluster now, for `status`: the API server's own tables for people, the
//! objects themselves for machines. Rules: Helm's `pkg/kube` (`Get` with the Pods of workloads) and kubectl's printer.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::Error;
use super::objects::Planned;
use super::ownership::Owner;
use crate::cluster::{Cluster, ListOptions, Resource};
use crate::release::Release;
use crate::render::manifest::{Compat, Order, read_stored};

/// The heading under which Pods of the release's workloads are shown.
const RELATED: &str = "v1/Pod(related)";

/// One kind's part of the table.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// `v1/Service`: version and kind.
    pub heading: String,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, cell by cell.
    pub rows: Vec<Vec<String>>,
}

/// The objects as tables, kinds in install order, Pods last.
pub async fn tables(cluster: &Cluster, release: &Release) -> Result<Vec<Group>, Error> {
    let mut groups = Vec::new();
    for kind in kinds(cluster, release).await? {
        let table = cluster.table(&kind.resource, kind.namespace.as_deref(), None).await?;
        let group = read_table(kind.heading(), &table, |metadata| {
            metadata["name"].as_str().is_some_and(|name| kind.names.iter().any(|wanted| wanted == name))
        });
        groups.push(group);
    }
    let selectors = selectors(release)?;
    let mut pods = Group { heading: RELATED.to_owned(), ..Group::default() };
    for selector in &selectors {
        let table = cluster.table(&Resource::POD, Some(&release.namespace), Some(selector)).await?;
        let group = read_table(RELATED.to_owned(), &table, |_| true);
        pods.columns = group.columns;
        pods.rows.extend(group.rows.into_iter().filter(|row| !pods.rows.contains(row)).collect::<Vec<_>>());
    }
    if !pods.rows.is_empty() {
        groups.push(pods);
    }
    groups.retain(|group| !group.rows.is_empty());
    Ok(groups)
}

/// The objects themselves, by heading.
pub async fn objects(cluster: &Cluster, release: &Release) -> Result<BTreeMap<String, Vec<Json>>, Error> {
    let mut found = BTreeMap::new();
    for kind in kinds(cluster, release).await? {
        let list = cluster.list(&kind.resource, kind.namespace.as_deref(), &ListOptions::default()).await?;
        let wanted = |object: &Json| kind.names.iter().any(|name| object["metadata"]["name"] == name.as_str());
        let objects: Vec<Json> = list.items.into_iter().filter(wanted).collect();
        if !objects.is_empty() {
            found.insert(kind.heading(), objects);
        }
    }
    // Helm shows a list a selector, not the Pods one by one.
    let mut pods: Vec<Json> = Vec::new();
    for selector in selectors(release)? {
        let options = ListOptions { labels: Some(selector), ..ListOptions::default() };
        let list = cluster.list(&Resource::POD, Some(&release.namespace), &options).await?;
        if !list.items.is_empty() {
            pods.push(json!({
                "apiVersion": "v1",
                "items": list.items,
                "kind": "PodList",
                "metadata": { "resourceVersion": list.resource_version },
            }));
        }
    }
    if !pods.is_empty() {
        found.insert(RELATED.to_owned(), pods);
    }
    Ok(found)
}

/// The objects of one kind in one namespace.
struct Kind {
    resource: Resource,
    namespace: Option<String>,
    names: Vec<String>,
}

impl Kind {
    fn heading(&self) -> String {
        format!("{}/{}", self.resource.version, self.resource.kind)
    }
}

fn documents(release: &Release) -> Result<Vec<Json>, Error> {
    let documents = read_stored(&release.manifest, Order::Install, Compat::Helm4)
        .map_err(|error| Error::Manifest(error.to_string()))?;
    Ok(documents
        .iter()
        .filter(|document| !document.object.is_null())
        .map(|document| document.object.to_json())
        .collect())
}

async fn kinds(cluster: &Cluster, release: &Release) -> Result<Vec<Kind>, Error> {
    let owner = Owner { release: &release.name, namespace: &release.namespace };
    let mut kinds: Vec<Kind> = Vec::new();
    for object in Planned::resolve(cluster, owner, documents(release)?).await? {
        let same = |kind: &&mut Kind| kind.resource == object.resource && kind.namespace == object.namespace;
        if let Some(kind) = kinds.iter_mut().find(same) {
            kind.names.push(object.name);
        } else {
            let names = vec![object.name];
            kinds.push(Kind { resource: object.resource, namespace: object.namespace, names });
        }
    }
    Ok(kinds)
}

/// Label selectors of the Pods of the release's workloads, each once.
fn selectors(release: &Release) -> Result<Vec<String>, Error> {
    let mut selectors: Vec<String> = Vec::new();
    for object in documents(release)? {
        let kind = object["kind"].as_str().unwrap_or_default();
        if !["StatefulSet", "Deployment", "DaemonSet", "ReplicaSet", "Job"].contains(&kind) {
            continue;
        }
        let Some(labels) = object["spec"]["selector"]["matchLabels"].as_object() else { continue };
        let terms: Vec<String> =
            labels.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
        let selector = terms.join(",");
        if !terms.is_empty() && !selectors.contains(&selector) {
            selectors.push(selector);
        }
    }
    Ok(selectors)
}

fn read_table(heading: String, table: &Json, wanted: impl Fn(&Json) -> bool) -> Group {
    let columns = table["columnDefinitions"].as_array().map(Vec::as_slice).unwrap_or_default();
    // Columns of higher priority numbers are for `-o wide`.
    let shown: Vec<usize> =
        (0..columns.len()).filter(|&index| columns[index]["priority"].as_i64().unwrap_or(0) == 0).collect();
    let rows = table["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    Group {
        heading,
        columns: shown
            .iter()
            .map(|&index| columns[index]["name"].as_str().unwrap_or_default().to_uppercase())
            .collect(),
        rows: rows
            .iter()
            .filter(|row| wanted(&row["object"]["metadata"]))
            .map(|row| shown.iter().map(|&index| cell(&row["cells"][index])).collect())
            .collect(),
    }
}

fn cell(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}
