//! Kinds and where they live in the API: path, plural, scope.
//!
//! Kinds that every supported server has are in a table, so that nothing is asked for them. For others one `GET` of
//! their group version says where they live; what it lists is kept. Rules: the API concepts of Kubernetes (paths), its
//! API discovery (`APIResourceList`). The table holds the stable versions served by Kubernetes 1.25 and later.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::PoisonError;

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::client::{Call, Cluster, JSON};
use super::error::{Error, Target};

/// A kind of objects as the API server serves it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resource {
    /// The API group; empty for the core group.
    pub group: Cow<'static, str>,
    /// The version: `v1`.
    pub version: Cow<'static, str>,
    /// The kind: `StatefulSet`.
    pub kind: Cow<'static, str>,
    /// The name in paths: `statefulsets`.
    pub plural: Cow<'static, str>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// Group, version, kind, plural, whether namespaced.
type Row = (&'static str, &'static str, &'static str, &'static str, bool);

const KNOWN: &[Row] = &[
    ("", "v1", "ConfigMap", "configmaps", true),
    ("", "v1", "Endpoints", "endpoints", true),
    ("", "v1", "Event", "events", true),
    ("", "v1", "LimitRange", "limitranges", true),
    ("", "v1", "Namespace", "namespaces", false),
    ("", "v1", "Node", "nodes", false),
    ("", "v1", "PersistentVolume", "persistentvolumes", false),
    ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true),
    ("", "v1", "Pod", "pods", true),
    ("", "v1", "PodTemplate", "podtemplates", true),
    ("", "v1", "ReplicationController", "replicationcontrollers", true),
    ("", "v1", "ResourceQuota", "resourcequotas", true),
    ("", "v1", "Secret", "secrets", true),
    ("", "v1", "Service", "services", true),
    ("", "v1", "ServiceAccount", "serviceaccounts", true),
    ("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", false),
    ("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", false),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false),
    ("apiregistration.k8s.io", "v1", "APIService", "apiservices", false),
    ("apps", "v1", "ControllerRevision", "controllerrevisions", true),
    ("apps", "v1", "DaemonSet", "daemonsets", true),
    ("apps", "v1", "Deployment", "deployments", true),
    ("apps", "v1", "ReplicaSet", "replicasets", true),
    ("apps", "v1", "StatefulSet", "statefulsets", true),
    ("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", false),
    ("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", false),
    ("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true),
    ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true),
    ("batch", "v1", "CronJob", "cronjobs", true),
    ("batch", "v1", "Job", "jobs", true),
    ("coordination.k8s.io", "v1", "Lease", "leases", true),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", true),
    ("events.k8s.io", "v1", "Event", "events", true),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", true),
    ("networking.k8s.io", "v1", "IngressClass", "ingressclasses", false),
    ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", true),
    ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", true),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", false),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", true),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", true),
    ("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", false),
    ("storage.k8s.io", "v1", "CSIDriver", "csidrivers", false),
    ("storage.k8s.io", "v1", "CSINode", "csinodes", false),
    ("storage.k8s.io", "v1", "StorageClass", "storageclasses", false),
    ("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments", false),
];

/// What a path segment or a query value must not hold as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Resource {
    /// Secrets: records of releases, journals.
    pub const SECRET: Self = Self::row("", "Secret", "secrets", true);
    /// Namespaces.
    pub const NAMESPACE: Self = Self::row("", "Namespace", "namespaces", false);
    /// Pods.
    pub const POD: Self = Self::row("", "Pod", "pods", true);
    /// Claims of persistent volumes.
    pub const CLAIM: Self = Self::row("", "PersistentVolumeClaim", "persistentvolumeclaims", true);
    /// Leases: locks.
    pub const LEASE: Self = Self::row("coordination.k8s.io", "Lease", "leases", true);

    const fn row(group: &'static str, kind: &'static str, plural: &'static str, namespaced: bool) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed("v1"),
            kind: Cow::Borrowed(kind),
            plural: Cow::Borrowed(plural),
            namespaced,
        }
    }

    /// The kind from the table, without asking any server.
    pub fn known(api_version: &str, kind: &str) -> Option<Self> {
        let (group, version) = split(api_version);
        KNOWN.iter().find(|row| row.0 == group && row.1 == version && row.2 == kind).map(Self::of_row)
    }

    /// Every kind of the table.
    pub fn all_known() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(Self::of_row)
    }

    const fn of_row(row: &Row) -> Self {
        Self {
            group: Cow::Borrowed(row.0),
            version: Cow::Borrowed(row.1),
            kind: Cow::Borrowed(row.2),
            plural: Cow::Borrowed(row.3),
            namespaced: row.4,
        }
    }

    /// `apps/v1`, or `v1` for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }

    /// An object of this kind, or the collection when `name` is empty, for errors.
    pub fn target(&self, namespace: Option<&str>, name: &str) -> Target {
        Target {
            api_version: self.api_version(),
            kind: self.kind.to_string(),
            namespace: namespace.filter(|_| self.namespaced).map(str::to_owned),
            name: name.to_owned(),
        }
    }

    /// The path of the collection; all namespaces when `namespace` is `None`. For a kind without namespaces
    /// `namespace` is ignored.
    pub fn collection(&self, namespace: Option<&str>) -> String {
        let mut path = group_path(&self.group, &self.version);
        if let Some(namespace) = namespace.filter(|_| self.namespaced) {
            let _ = write!(path, "/namespaces/{}", escape(namespace));
        }
        let _ = write!(path, "/{}", escape(&self.plural));
        path
    }

    /// The path of one object. Refuses names and namespaces that are empty or cannot be path segments.
    pub fn object(&self, namespace: Option<&str>, name: &str) -> Result<String, Error> {
        let refuse = |message: &str| Error::Request {
            target: Box::new(self.target(namespace, name)),
            message: message.to_owned(),
        };
        if self.namespaced && namespace.is_none_or(str::is_empty) {
            return Err(refuse("no namespace given"));
        }
        for segment in [Some(name), namespace].into_iter().flatten() {
            // The server's own rule for every name (`IsValidPathSegmentName`).
            if segment.is_empty() || segment == "." || segment == ".." || segment.contains(['/', '%']) {
                return Err(refuse(&format!("{segment:?} is no name")));
            }
        }
        Ok(format!("{}/{}", self.collection(namespace), escape(name)))
    }
}

impl Cluster {
    /// The kind as this server serves it: from the table, from what is known of its group version already, or by one
    /// `GET`. A kind that was missing before is asked for again, for it may have been defined since.
    pub async fn resource(&self, api_version: &str, kind: &str) -> Result<Resource, Error> {
        match Resource::known(api_version, kind) {
            Some(known) => Ok(known),
            None => self.discover(api_version, kind).await,
        }
    }

    /// The same, without trust in the table: whether the server has the kind is what it says itself.
    pub async fn discover(&self, api_version: &str, kind: &str) -> Result<Resource, Error> {
        let find = |list: &[Resource]| list.iter().find(|resource| resource.kind == kind).cloned();
        let cached = {
            let discovered = self.discovered().lock().unwrap_or_else(PoisonError::into_inner);
            discovered.get(api_version).and_then(|list| find(list))
        };
        if let Some(resource) = cached {
            return Ok(resource);
        }
        let unknown = || Error::UnknownKind { api_version: api_version.to_owned(), kind: kind.to_owned() };
        let (group, version) = split(api_version);
        if version.is_empty() || api_version.matches('/').count() > 1 {
            return Err(unknown());
        }
        let target = Target { api_version: api_version.to_owned(), kind: kind.to_owned(), ..Target::default() };
        let call = Call { method: Method::GET, path: group_path(group, version), body: None, accept: JSON, target };
        let answer = match self.call(call).await {
            Ok(answer) => answer.body,
            Err(Error::NotFound { .. } | Error::UnknownKind { .. }) => return Err(unknown()),
            Err(error) => return Err(error),
        };
        let list = read_list(group, version, &answer);
        let found = find(&list);
        self.discovered().lock().unwrap_or_else(PoisonError::into_inner).insert(api_version.to_owned(), list);
        found.ok_or_else(unknown)
    }
}

/// The kinds of an `APIResourceList`, without its subresources.
pub(super) fn read_list(group: &str, version: &str, list: &Value) -> Vec<Resource> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let resources = list["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    resources
        .iter()
        .filter_map(|entry| {
            let plural = text(&entry["name"]).filter(|name| !name.contains('/'))?;
            Some(Resource {
                group: text(&entry["group"]).filter(|own| !own.is_empty()).unwrap_or_else(|| group.to_owned()).into(),
                version: text(&entry["version"])
                    .filter(|own| !own.is_empty())
                    .unwrap_or_else(|| version.to_owned())
                    .into(),
                kind: text(&entry["kind"])?.into(),
                plural: plural.into(),
                namespaced: entry["namespaced"].as_bool()?,
            })
        })
        .collect()
}

/// `apps/v1` as group and version; the core group is empty.
fn split(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

pub(super) fn group_path(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("/api/{}", escape(version))
    } else {
        format!("/apis/{}/{}", escape(group), escape(version))
    }
}

/// Percent-encodes a path segment or a query value.
pub(crate) fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_kinds_have_their_paths() {
        let path = |api_version: &str, kind: &str| {
            Resource::known(api_version, kind).unwrap().object(Some("bot"), "core").unwrap()
        };
        assert_eq!(path("v1", "Secret"), "/api/v1/namespaces/bot/secrets/core");
        assert_eq!(path("apps/v1", "StatefulSet"), "/apis/apps/v1/namespaces/bot/statefulsets/core");
        assert_eq!(path("storage.k8s.io/v1", "StorageClass"), "/apis/storage.k8s.io/v1/storageclasses/core");
        assert_eq!(Resource::known("extensions/v1beta1", "Ingress"), None);
    }

    #[test]
    fn the_table_is_sorted_and_says_everything_once() {
        for pair in KNOWN.windows(2) {
            assert!((pair[0].0, pair[0].1, pair[0].2) < (pair[1].0, pair[1].1, pair[1].2), "{:?}", pair[1]);
        }
    }

    #[test]
    fn a_name_cannot_lead_to_another_path() {
        let secret = Resource::known("v1", "Secret").unwrap();
        for name in ["", ".", "..", "a/b", "a%2fb"] {
            assert!(matches!(secret.object(Some("bot"), name), Err(Error::Request { .. })), "{name}");
            assert!(matches!(secret.object(Some(name), "a"), Err(Error::Request { .. })), "{name}");
        }
        assert!(matches!(secret.object(None, "a"), Err(Error::Request { .. })));
        assert_eq!(secret.object(Some("bot"), "a?b#c d").unwrap(), "/api/v1/namespaces/bot/secrets/a%3Fb%23c%20d");
    }
}
