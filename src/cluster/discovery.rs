//! What an API server serves: its version, its group versions and the kinds in them.
//!
//! Newer servers tell everything in two answers (aggregated discovery); older ones tell the group versions, and one
//! `GET` for each tells its kinds. What is learnt here is kept for [`Cluster::discover`]. A group version whose server
//! does not answer does not make the others useless: it is named. Rules: Kubernetes' API discovery, and client-go's
//! `discovery` for what is tolerated.

use std::collections::{BTreeSet, HashMap};
use std::sync::PoisonError;

use futures::StreamExt as _;
use http::Method;
use serde_json::Value;

use super::client::{Call, Cluster, JSON};
use super::error::{Error, Target};
use super::resource::{Resource, group_path, read_list};

/// Asks for everything at once; servers that cannot do that answer with what they have.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                          application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// Group versions that are asked for at the same time, where they have to be asked for one by one.
const AT_ONCE: usize = 8;

/// What a server serves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Served {
    /// Every `version` and `group/version`, and every `group/version/Kind` in them, those of subresources too; sorted.
    pub api_versions: BTreeSet<String>,
    /// Group versions that are registered and not served at the moment, with the reason.
    pub orphaned: Vec<(String, String)>,
}

/// The parts of [`Served`], with the kinds that objects have.
#[derive(Default)]
struct Found {
    served: Served,
    kinds: HashMap<String, Vec<Resource>>,
    /// Group versions of a server that tells no more than their names.
    bare: Vec<(String, String)>,
}

impl Cluster {
    /// Everything that this server serves: two requests, or one more for each group version of an old server.
    ///
    /// # Errors
    /// If the server does not answer. Not being allowed to ask, and group versions that are out of order, are no errors.
    pub async fn served(&self) -> Result<Served, Error> {
        let (core, groups) = futures::try_join!(self.discovery("/api"), self.discovery("/apis"))?;
        let mut found = Found::default();
        for answer in [core, groups].into_iter().flatten() {
            found.read(&answer);
        }
        let bare = std::mem::take(&mut found.bare);
        let lists: Vec<_> = futures::stream::iter(&bare)
            .map(|(group, version)| self.discovery_of(group, version))
            .buffered(AT_ONCE)
            .collect()
            .await;
        for ((group, version), answer) in bare.iter().zip(lists) {
            match answer {
                Ok(list) => found.read_resources(group, version, &list),
                Err(error @ (Error::Unreachable(_) | Error::Timeout { .. } | Error::Config(_))) => return Err(error),
                Err(error) => found.served.orphaned.push((group_version(group, version), error.to_string())),
            }
        }
        self.discovered().lock().unwrap_or_else(PoisonError::into_inner).extend(found.kinds);
        Ok(found.served)
    }

    /// What the server says at the root of its API (`/api`): which versions of the core group there are.
    ///
    /// # Errors
    /// What the server says.
    pub async fn core_versions(&self) -> Result<Value, Error> {
        let call =
            Call { method: Method::GET, path: "/api".to_owned(), body: None, accept: JSON, target: Target::default() };
        Ok(self.call(call).await?.body)
    }

    /// Whether this group version is known to be served, as far as was asked.
    pub fn is_served(&self, api_version: &str) -> bool {
        self.discovered().lock().unwrap_or_else(PoisonError::into_inner).contains_key(api_version)
    }

    /// `None` if the server has no such root or does not show it to the caller, as client-go takes it.
    async fn discovery(&self, path: &str) -> Result<Option<Value>, Error> {
        let call = Call {
            method: Method::GET,
            path: path.to_owned(),
            body: None,
            accept: AGGREGATED,
            target: Target::default(),
        };
        match self.call(call).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(Error::NotFound { .. } | Error::Forbidden(_) | Error::UnknownKind { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn discovery_of(&self, group: &str, version: &str) -> Result<Value, Error> {
        let target = Target { api_version: group_version(group, version), ..Target::default() };
        let call = Call { method: Method::GET, path: group_path(group, version), body: None, accept: JSON, target };
        Ok(self.call(call).await?.body)
    }
}

impl Found {
    /// Reads the answer of a root, whichever of its three forms it has.
    fn read(&mut self, answer: &Value) {
        match answer["kind"].as_str() {
            Some("APIGroupDiscoveryList") => list(&answer["items"]).for_each(|group| self.read_group(group)),
            Some("APIGroupList") => {
                for group in list(&answer["groups"]) {
                    let name = text(&group["name"]);
                    for version in list(&group["versions"]) {
                        self.add_bare(name, text(&version["version"]));
                    }
                }
            }
            _ => list(&answer["versions"]).for_each(|version| self.add_bare("", text(version))),
        }
    }

    fn add_bare(&mut self, group: &str, version: &str) {
        if !version.is_empty() {
            self.served.api_versions.insert(group_version(group, version));
            self.bare.push((group.to_owned(), version.to_owned()));
        }
    }

    /// A group of an aggregated answer.
    fn read_group(&mut self, group: &Value) {
        let name = text(&group["metadata"]["name"]);
        for entry in list(&group["versions"]) {
            let version = text(&entry["version"]);
            let api_version = group_version(name, version);
            if entry["freshness"] == "Stale" {
                let reason = format!("stale GroupVersion discovery: {api_version}");
                self.served.orphaned.push((api_version, reason));
                continue;
            }
            let mut kinds = Vec::new();
            for resource in list(&entry["resources"]) {
                let kind = text(&resource["responseKind"]["kind"]);
                self.add_kind(&api_version, kind);
                for subresource in list(&resource["subresources"]) {
                    self.add_kind(&api_version, text(&subresource["responseKind"]["kind"]));
                }
                if !kind.is_empty() {
                    kinds.push(Resource {
                        group: name.to_owned().into(),
                        version: version.to_owned().into(),
                        kind: kind.to_owned().into(),
                        plural: text(&resource["resource"]).to_owned().into(),
                        namespaced: resource["scope"] == "Namespaced",
                    });
                }
            }
            self.served.api_versions.insert(api_version.clone());
            self.kinds.insert(api_version, kinds);
        }
    }

    /// The list of one group version of an old server.
    fn read_resources(&mut self, group: &str, version: &str, answer: &Value) {
        let api_version = group_version(group, version);
        for resource in list(&answer["resources"]) {
            self.add_kind(&api_version, text(&resource["kind"]));
        }
        self.kinds.insert(api_version, read_list(group, version, answer));
    }

    fn add_kind(&mut self, api_version: &str, kind: &str) {
        if !kind.is_empty() {
            self.served.api_versions.insert(format!("{api_version}/{kind}"));
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_aggregated_answer_tells_kinds_and_those_of_subresources() {
        let mut found = Found::default();
        found.read(&json!({"kind": "APIGroupDiscoveryList", "items": [{
            "metadata": {"name": "apps"},
            "versions": [
                {"version": "v1", "freshness": "Current", "resources": [
                    {"resource": "deployments", "scope": "Namespaced",
                     "responseKind": {"group": "", "version": "", "kind": "Deployment"},
                     "subresources": [
                        {"subresource": "scale", "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"}},
                        {"subresource": "nothing"}
                     ]},
                    {"resource": "parents", "scope": "Cluster", "subresources": []}
                ]},
                {"version": "v2", "freshness": "Stale", "resources": []}
            ]}]}));
        assert_eq!(
            found.served.api_versions.iter().collect::<Vec<_>>(),
            ["apps/v1", "apps/v1/Deployment", "apps/v1/Scale"]
        );
        assert_eq!(found.served.orphaned, [("apps/v2".to_owned(), "stale GroupVersion discovery: apps/v2".to_owned())]);
        let deployments = &found.kinds["apps/v1"][0];
        assert_eq!(deployments.collection(Some("bot")), "/apis/apps/v1/namespaces/bot/deployments");
        assert_eq!(found.kinds["apps/v1"].len(), 1);
        assert!(found.bare.is_empty());
    }

    #[test]
    fn an_old_answer_tells_what_has_to_be_asked_for() {
        let mut found = Found::default();
        found.read(&json!({"kind": "APIVersions", "versions": ["v1"]}));
        found.read(&json!({"kind": "APIGroupList", "groups": [
            {"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]}
        ]}));
        assert_eq!(found.bare, [(String::new(), "v1".to_owned()), ("apps".to_owned(), "v1".to_owned())]);
        found.read_resources("apps", "v1", &json!({"resources": [
            {"name": "deployments", "kind": "Deployment", "namespaced": true},
            {"name": "deployments/scale", "kind": "Scale", "group": "autoscaling", "version": "v1", "namespaced": true}
        ]}));
        assert!(found.served.api_versions.contains("apps/v1/Scale"));
        assert_eq!(found.kinds["apps/v1"].len(), 1);
    }

    #[test]
    fn rubbish_is_no_panic_and_tells_nothing() {
        for rubbish in [json!(null), json!([]), json!({"kind": "APIGroupDiscoveryList", "items": [1, {"versions": 2}]})]
        {
            let mut found = Found::default();
            found.read(&rubbish);
            assert_eq!(found.served, Served::default());
        }
    }
}
