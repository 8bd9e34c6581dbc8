//! `.Capabilities`: what the cluster is and can do, or what is assumed of it where there is none.
//!
//! Without a cluster Helm assumes the Kubernetes of its own libraries and every API version that they know, without
//! kinds (`api_versions.txt`, in their order).

use std::sync::OnceLock;

use super::structure::{Field, Shape, Struct, no_method};
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{Kind, List, ListType, NamedList, Object, Value};
use crate::values::Compat;
use crate::yaml::number::quote;

/// A version of Kubernetes, as templates see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVersion {
    /// The whole version with its `v`, such as `v1.33.4-gke.1245000`.
    pub version: String,
    /// The same without what follows the patch number; empty if the version is a cluster's own, which Helm 4 does not
    /// take apart.
    pub normalized: String,
    /// First number.
    pub major: String,
    /// Second number.
    pub minor: String,
}

/// A text that is no version of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KubeVersionError(String);

impl KubeVersion {
    /// The version that a cluster tells, in its own words.
    pub fn of_cluster(git_version: String, major: String, minor: String, compat: Compat) -> Self {
        // Helm 3 has one field for both.
        let normalized = if compat == Compat::Helm4 { String::new() } else { git_version.clone() };
        Self { version: git_version, normalized, major, minor }
    }

    /// The version that a chart's `kubeVersion` is held against.
    pub fn compared(&self) -> &str {
        if self.normalized.is_empty() { &self.version } else { &self.normalized }
    }

    /// Reads a version as Kubernetes' own parser does, which passes over everything behind the last number that it
    /// knows: `1.29`, `v1.33.4-gke.1`, `1.30+`.
    ///
    /// # Errors
    /// The parser's words.
    pub fn parse(text: &str) -> Result<Self, KubeVersionError> {
        let quoted = quote(text);
        let unreadable = || KubeVersionError(format!("could not parse {quoted} as version"));
        // The white space, `v`, numbers and rest of one line.
        let rest = text.trim_start_matches(['\t', '\n', '\u{0C}', '\r', ' ']);
        let rest = rest.strip_prefix('v').unwrap_or(rest);
        let mut components = Vec::new();
        let mut tail = rest;
        loop {
            let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
            let (component, behind) = tail.split_at(digits);
            if component.is_empty() {
                break;
            }
            components.push(component);
            tail = behind;
            match behind.strip_prefix('.') {
                Some(next) if next.starts_with(|c: char| c.is_ascii_digit()) => tail = next,
                _ => break,
            }
        }
        if components.is_empty() || tail.contains('\n') {
            return Err(unreadable());
        }
        if components.len() < 2 {
            return Err(KubeVersionError(format!("illegal version string {quoted}")));
        }
        let mut parsed = Vec::with_capacity(components.len());
        for (index, component) in components.iter().enumerate() {
            let named = quote(component);
            if index == 0 && component.len() > 1 && component.starts_with('0') {
                return Err(KubeVersionError(format!("illegal zero-prefixed version component {named} in {quoted}")));
            }
            let Ok(number) = component.parse::<u64>() else {
                return Err(KubeVersionError(format!(
                    "illegal non-numeric version component {named} in {quoted}: strconv.ParseUint: parsing {named}: value out of range"
                )));
            };
            parsed.push(number);
        }
        let normalized = format!("v{}", parsed.iter().map(u64::to_string).collect::<Vec<_>>().join("."));
        let version = if text.starts_with('v') { text.to_owned() } else { format!("v{text}") };
        let component = |index: usize| parsed.get(index).copied().unwrap_or_default().to_string();
        Ok(Self { version, normalized, major: component(0), minor: component(1) })
    }
}

/// What Helm says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmVersion {
    /// Version with its `v`.
    pub version: String,
    /// Commit it was built from.
    pub git_commit: String,
    /// Whether that was `clean`.
    pub git_tree_state: String,
    /// Compiler.
    pub go_version: String,
    /// The Kubernetes its libraries are of; Helm 4 only.
    pub kube_client_version: String,
}

impl HelmVersion {
    /// The Helm whose behaviour is imitated, as its releases are built. The commit is nobody's business but Helm's.
    pub fn of(compat: Compat) -> Self {
        let (version, kube_client_version) = match compat {
            Compat::Helm4 => ("v4.2.4", "v1.36"),
            Compat::Helm3 => ("v3.21.4", ""),
        };
        Self {
            version: version.to_owned(),
            git_commit: String::new(),
            git_tree_state: "clean".to_owned(),
            go_version: "go1.26.8".to_owned(),
            kube_client_version: kube_client_version.to_owned(),
        }
    }
}

/// What templates are told of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Its version.
    pub kube_version: KubeVersion,
    /// `group/version` and `group/version/Kind` of what it serves.
    pub api_versions: Vec<String>,
    /// What Helm says of itself.
    pub helm_version: HelmVersion,
}

impl Capabilities {
    /// What Helm assumes without a cluster.
    pub fn assumed(compat: Compat) -> Self {
        static KNOWN: OnceLock<Vec<String>> = OnceLock::new();
        let known = KNOWN.get_or_init(|| include_str!("api_versions.txt").lines().map(str::to_owned).collect());
        let version = "v1.36.0".to_owned();
        Self {
            kube_version: KubeVersion {
                normalized: version.clone(),
                version,
                major: "1".to_owned(),
                minor: "36".to_owned(),
            },
            api_versions: known.clone(),
            helm_version: HelmVersion::of(compat),
        }
    }

    pub(super) fn value(&self, compat: Compat) -> Value {
        let text = |text: &str| Value::text(text);
        let kube = &self.kube_version;
        let helm = &self.helm_version;
        let versions: Vec<_> = self.api_versions.iter().map(|version| Value::text(version.as_str())).collect();
        let kind = ListType::Named(if compat == Compat::Helm4 { &VERSION_SET } else { &VERSION_SET_3 });
        let versions = Value::List(std::rc::Rc::new(List { kind, nil: false, items: versions.into() }));
        match compat {
            Compat::Helm4 => Struct::value(
                &CAPABILITIES,
                vec![
                    Struct::by_pointer(
                        &KUBE_VERSION,
                        vec![text(&kube.version), text(&kube.normalized), text(&kube.major), text(&kube.minor)],
                    ),
                    versions,
                    Struct::value(
                        &BUILD_INFO,
                        vec![
                            text(&helm.version),
                            text(&helm.git_commit),
                            text(&helm.git_tree_state),
                            text(&helm.go_version),
                            text(&helm.kube_client_version),
                        ],
                    ),
                ],
            ),
            // Helm 3 keeps what was typed only as far as it understands it.
            Compat::Helm3 => Struct::value(
                &CAPABILITIES_3,
                vec![
                    Struct::by_pointer(
                        &KUBE_VERSION_3,
                        vec![text(&kube.normalized), text(&kube.major), text(&kube.minor)],
                    ),
                    versions,
                    Struct::value(
                        &BUILD_INFO_3,
                        vec![
                            text(&helm.version),
                            text(&helm.git_commit),
                            text(&helm.git_tree_state),
                            text(&helm.go_version),
                        ],
                    ),
                ],
            ),
        }
    }
}

const FIELDS: &[Field] = &[
    Field::always("KubeVersion", "KubeVersion"),
    Field::always("APIVersions", "APIVersions"),
    Field::always("HelmVersion", "HelmVersion"),
];

static CAPABILITIES: Shape =
    Shape { name: "*common.Capabilities", kind: Kind::Ptr, fields: FIELDS, method: no_method, string: None };

static CAPABILITIES_3: Shape =
    Shape { name: "*chartutil.Capabilities", kind: Kind::Ptr, fields: FIELDS, method: no_method, string: None };

static KUBE_VERSION: Shape = Shape {
    name: "common.KubeVersion",
    kind: Kind::Struct,
    fields: &[
        Field::always("Version", "Version"),
        Field::always("normalizedVersion", "-"),
        Field::always("Major", "Major"),
        Field::always("Minor", "Minor"),
    ],
    method: kube_version_method,
    string: Some(|version| {
        Some(field_text(version, 1)).filter(|text| !text.is_empty()).unwrap_or_else(|| field_text(version, 0))
    }),
};

static KUBE_VERSION_3: Shape = Shape {
    name: "chartutil.KubeVersion",
    kind: Kind::Struct,
    fields: &[Field::always("Version", "Version"), Field::always("Major", "Major"), Field::always("Minor", "Minor")],
    method: kube_version_method,
    string: Some(|version| field_text(version, 0)),
};

static BUILD_INFO: Shape = Shape {
    name: "version.BuildInfo",
    kind: Kind::Struct,
    fields: &[
        Field::tagged("Version", "version"),
        Field::tagged("GitCommit", "git_commit"),
        Field::tagged("GitTreeState", "git_tree_state"),
        Field::tagged("GoVersion", "go_version"),
        Field::always("KubeClientVersion", "kube_client_version"),
    ],
    method: no_method,
    string: None,
};

static BUILD_INFO_3: Shape = Shape {
    name: "version.BuildInfo",
    kind: Kind::Struct,
    fields: &[
        Field::tagged("Version", "version"),
        Field::tagged("GitCommit", "git_commit"),
        Field::tagged("GitTreeState", "git_tree_state"),
        Field::tagged("GoVersion", "go_version"),
    ],
    method: no_method,
    string: None,
};

fn field_text(object: &Struct, index: usize) -> String {
    object.values.get(index).and_then(Value::as_text).map(|text| text.to_str().into_owned()).unwrap_or_default()
}

fn kube_version_method(name: &str) -> Option<&'static Function> {
    static METHODS: [Function; 2] = [
        Function::new("String", &[], Type::String, |_, args| {
            Ok(args.first().and_then(as_object).and_then(Object::string_by_pointer).map_or(Value::Nil, Value::text))
        }),
        Function::new("GitVersion", &[], Type::String, |_, args| {
            Ok(args.first().and_then(as_object).and_then(|object| object.field("Version")).unwrap_or_default())
        }),
    ];
    METHODS.iter().find(|method| method.name == name)
}

fn as_object(value: &Value) -> Option<&dyn Object> {
    match value {
        Value::Object(object) => Some(object.as_ref()),
        _ => None,
    }
}

static VERSION_SET: NamedList =
    NamedList { name: "common.VersionSet", element: Type::String, method: version_set_method };

static VERSION_SET_3: NamedList =
    NamedList { name: "chartutil.VersionSet", element: Type::String, method: version_set_method };

fn version_set_method(name: &str) -> Option<&'static Function> {
    static HAS: Function = Function::new("Has", &[Type::String], Type::Bool, has);
    (name == HAS.name).then_some(&HAS)
}

#[expect(clippy::unnecessary_wraps, reason = "the form of a function's body")]
fn has(_: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (Some(Value::List(versions)), Some(Value::Text(wanted))) = (args.first(), args.get(1)) else {
        return Ok(Value::Bool(false));
    };
    let is_wanted = |version: &Value| version.as_text().is_some_and(|version: &Text| version == wanted);
    Ok(Value::Bool(versions.items.iter().any(is_wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_kubernetes_are_read_as_its_own_parser_does() {
        for (text, version, normalized, major, minor) in [
            ("1.29", "v1.29", "v1.29", "1", "29"),
            ("v1.33.4-gke.1245000", "v1.33.4-gke.1245000", "v1.33.4", "1", "33"),
            ("1.30.0+k3s1", "v1.30.0+k3s1", "v1.30.0", "1", "30"),
            ("1.30+", "v1.30+", "v1.30", "1", "30"),
            ("1.2.3.4", "v1.2.3.4", "v1.2.3.4", "1", "2"),
        ] {
            let parsed = KubeVersion::parse(text).unwrap();
            assert_eq!(
                (parsed.version.as_str(), parsed.normalized.as_str(), parsed.major.as_str(), parsed.minor.as_str()),
                (version, normalized, major, minor),
                "{text}"
            );
        }
    }

    #[test]
    fn the_version_of_a_cluster_stays_as_the_cluster_tells_it() {
        let told = |compat| KubeVersion::of_cluster("v1.33.4-gke.1".into(), "1".into(), "33+".into(), compat);
        assert_eq!(told(Compat::Helm4).normalized, "");
        assert_eq!(told(Compat::Helm3).normalized, "v1.33.4-gke.1");
        assert_eq!(told(Compat::Helm4).compared(), "v1.33.4-gke.1");
        assert_eq!(KubeVersion::parse("1.30+").unwrap().compared(), "v1.30");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "1", "v", "x.y", "01.2", "1.2\n", "1.99999999999999999999"] {
            assert!(KubeVersion::parse(text).is_err(), "{text}");
        }
    }
}
