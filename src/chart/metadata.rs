//! `Chart.yaml` and `Chart.lock`: their fields, how they are read and what makes them valid.
//!
//! Rules and error texts are those of Helm's `chart.Metadata`, `chart.Dependency` and `chart.Lock`: unknown fields are
//! ignored, control characters are dropped before anything is checked, names that would lead out of a folder are
//! refused.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::ChartError;
use crate::unicode::is_print;
use crate::values::{self, Compat, Import};
use crate::version::Version;
use crate::yaml::number::quote;
use crate::yaml::{self, Mapping, Struct, Type, Value};

/// `Chart.yaml`. Unknown fields are ignored, as Helm does. A list or map that is `None` is not there, not even an empty
/// one: templates tell them apart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Name of the chart.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Home page.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub home: String,
    /// Addresses of sources.
    #[serde(skip_serializing_if = "is_empty")]
    pub sources: Option<Vec<String>>,
    /// Version of the chart, semantic.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// One sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Words to search by.
    #[serde(skip_serializing_if = "is_empty")]
    pub keywords: Option<Vec<String>>,
    /// Who looks after it.
    #[serde(skip_serializing_if = "is_empty")]
    pub maintainers: Option<Vec<Maintainer>>,
    /// Address of a picture.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub icon: String,
    /// Version of the chart format: `v1` or `v2`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Condition under which a subchart is on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Tags under which a subchart is on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tags: String,
    /// Version of the application inside.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub app_version: String,
    /// Whether the chart should no longer be used.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
    /// Free annotations.
    #[serde(skip_serializing_if = "is_empty")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// Constraint on the version of Kubernetes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kube_version: String,
    /// Charts this one needs.
    #[serde(skip_serializing_if = "is_empty")]
    pub dependencies: Option<Vec<Dependency>>,
    /// `application` or `library`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
fn is_empty<T>(items: &Option<T>) -> bool
where
    for<'a> &'a T: IntoIterator,
{
    items.as_ref().is_none_or(|items| items.into_iter().next().is_none())
}

/// Someone who looks after a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Maintainer {
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Mail address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// Home page.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// A chart that another one needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Dependency {
    /// Its name; after the processing of dependencies the alias.
    pub name: String,
    /// Constraint on its version; in a lock the version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Where it is found: `https://…`, `oci://…`, `file://…`, or nothing for a chart in `charts/`.
    pub repository: String,
    /// Paths of booleans that switch it, separated by commas.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Tags that switch it.
    #[serde(skip_serializing_if = "is_empty")]
    pub tags: Option<Vec<String>>,
    /// Set by the processing of dependencies.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub enabled: bool,
    /// What the parent takes over of its values: as written, after the processing of dependencies all as maps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub import_values: Vec<serde_json::Value>,
    /// The name it goes by in the parent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alias: String,
}

/// `Chart.lock` or `requirements.lock`: the versions that were chosen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lock {
    /// When, RFC 3339 as written; empty if it does not say.
    pub generated: String,
    /// Digest of what was asked for and what was chosen.
    pub digest: String,
    /// What was chosen.
    pub dependencies: Vec<Dependency>,
}

const MAINTAINER: Struct =
    Struct { name: "Maintainer", fields: &[("name", Type::Text), ("email", Type::Text), ("url", Type::Text)] };

const DEPENDENCY: Struct = Struct {
    name: "Dependency",
    fields: &[
        ("name", Type::Text),
        ("version", Type::Text),
        ("repository", Type::Text),
        ("condition", Type::Text),
        ("tags", Type::List(&Type::Text)),
        ("enabled", Type::Bool),
        ("import-values", Type::List(&Type::Any)),
        ("alias", Type::Text),
    ],
};

/// The Go struct of `Chart.yaml`.
pub(super) static METADATA: Struct = Struct {
    name: "Metadata",
    fields: &[
        ("name", Type::Text),
        ("home", Type::Text),
        ("sources", Type::List(&Type::Text)),
        ("version", Type::Text),
        ("description", Type::Text),
        ("keywords", Type::List(&Type::Text)),
        ("maintainers", Type::List(&Type::Pointer(&MAINTAINER))),
        ("icon", Type::Text),
        ("apiVersion", Type::Text),
        ("condition", Type::Text),
        ("tags", Type::Text),
        ("appVersion", Type::Text),
        ("deprecated", Type::Bool),
        ("annotations", Type::Map(&Type::Text)),
        ("kubeVersion", Type::Text),
        ("dependencies", Type::List(&Type::Pointer(&DEPENDENCY))),
        ("type", Type::Text),
    ],
};

static LOCK: Struct = Struct {
    name: "Lock",
    fields: &[
        ("generated", Type::Time),
        ("digest", Type::Text),
        ("dependencies", Type::List(&Type::Pointer(&DEPENDENCY))),
    ],
};

/// Go's package of these structs, as its errors name it.
const fn package(compat: Compat) -> &'static str {
    match compat {
        Compat::Helm4 => "v2",
        Compat::Helm3 => "chart",
    }
}

/// `Chart.yaml` while it is being read: `requirements.yaml` may be laid over it.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    fields: Mapping,
}

impl Draft {
    /// Reads a file over what is there.
    pub(super) fn add(&mut self, text: &[u8], compat: Compat) -> Result<(), yaml::Error> {
        yaml::read_struct(text, &METADATA, package(compat), &mut self.fields)
    }

    /// `Chart.yaml` alone, unchecked.
    pub(crate) fn read(text: &[u8], compat: Compat) -> Result<Self, yaml::Error> {
        let mut draft = Self::default();
        draft.add(text, compat)?;
        Ok(draft)
    }

    /// What strict reading of `Chart.yaml` has to say: keys that stand twice, unknown fields.
    pub(crate) fn check_strictly(text: &[u8]) -> Result<(), yaml::Error> {
        yaml::check_strictly(text, &METADATA)
    }

    /// The fields as they are written, neither cleaned nor checked; empty items of lists are items with empty fields.
    pub(crate) fn unchecked(&self) -> Metadata {
        metadata(&Value::Mapping(self.fields.clone()))
    }

    /// The place of the first empty maintainer.
    pub(crate) fn empty_maintainer(&self) -> Option<usize> {
        self.fields.get("maintainers").and_then(Value::as_sequence)?.iter().position(Value::is_null)
    }

    /// The version of the chart's format.
    pub(super) fn api_version(&self) -> &str {
        self.fields.get("apiVersion").and_then(Value::as_str).unwrap_or_default()
    }

    /// Helm 2 took charts without a version of the format for `v1`.
    pub(super) fn set_default_api_version(&mut self) {
        if self.api_version().is_empty() {
            self.fields.insert("apiVersion".to_owned(), Value::from("v1"));
        }
    }

    /// The finished metadata, cleaned and checked.
    ///
    /// # Errors
    /// Whatever Helm's validation says, in its words.
    pub(super) fn finish(self) -> Result<Metadata, ChartError> {
        let fields = Value::Mapping(self.fields);
        let null = |key: &str| list(&fields, key).unwrap_or_default().iter().position(Value::is_null);
        let metadata = metadata(&fields).cleaned();
        metadata.validate_with(null("maintainers"), null("dependencies"))?;
        Ok(metadata)
    }
}

fn text(fields: &Value, key: &str) -> String {
    fields.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list<'a>(fields: &'a Value, key: &str) -> Option<&'a [Value]> {
    fields.get(key).and_then(Value::as_sequence).map(Vec::as_slice)
}

fn texts(fields: &Value, key: &str) -> Option<Vec<String>> {
    let items = list(fields, key)?.iter();
    Some(items.map(|item| item.as_str().unwrap_or_default().to_owned()).collect())
}

fn is_set(fields: &Value, key: &str) -> bool {
    fields.get(key).and_then(Value::as_bool).unwrap_or_default()
}

/// Takes apart what `read_struct` has put together. Empty items of lists have no place in these types: who calls it
/// has to look for them.
fn metadata(fields: &Value) -> Metadata {
    Metadata {
        name: text(fields, "name"),
        home: text(fields, "home"),
        sources: texts(fields, "sources"),
        version: text(fields, "version"),
        description: text(fields, "description"),
        keywords: texts(fields, "keywords"),
        maintainers: list(fields, "maintainers").map(|list| {
            list.iter()
                .map(|it| Maintainer { name: text(it, "name"), email: text(it, "email"), url: text(it, "url") })
                .collect()
        }),
        icon: text(fields, "icon"),
        api_version: text(fields, "apiVersion"),
        condition: text(fields, "condition"),
        tags: text(fields, "tags"),
        app_version: text(fields, "appVersion"),
        deprecated: is_set(fields, "deprecated"),
        annotations: fields
            .get("annotations")
            .and_then(Value::as_mapping)
            .map(|map| map.iter().map(|(key, it)| (key.clone(), it.as_str().unwrap_or_default().to_owned())).collect()),
        kube_version: text(fields, "kubeVersion"),
        dependencies: fields.get("dependencies").map(|_| dependencies(fields)),
        kind: text(fields, "type"),
    }
}

fn dependencies(fields: &Value) -> Vec<Dependency> {
    let one = |it: &Value| Dependency {
        name: text(it, "name"),
        version: text(it, "version"),
        repository: text(it, "repository"),
        condition: text(it, "condition"),
        tags: texts(it, "tags"),
        enabled: is_set(it, "enabled"),
        import_values: list(it, "import-values").unwrap_or_default().iter().map(Value::to_json).collect(),
        alias: text(it, "alias"),
    };
    list(fields, "dependencies").unwrap_or_default().iter().map(one).collect()
}

/// White space becomes blanks, what cannot be printed is dropped.
fn clean(text: &mut String) {
    let is_clean = |character: char| character == ' ' || !character.is_whitespace() && is_print(character);
    if !text.chars().all(is_clean) {
        *text =
            text.chars()
                .filter_map(|character| {
                    if character.is_whitespace() { Some(' ') } else { is_print(character).then_some(character) }
                })
                .collect();
    }
}

impl Metadata {
    fn cleaned(mut self) -> Self {
        self.clean();
        self
    }

    /// Takes out what cannot be printed, as Helm does before it checks anything.
    pub fn clean(&mut self) {
        for field in [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ] {
            clean(field);
        }
        self.sources.iter_mut().chain(&mut self.keywords).flatten().for_each(clean);
        for Maintainer { name, email, url } in self.maintainers.iter_mut().flatten() {
            [name, email, url].into_iter().for_each(clean);
        }
        for it in self.dependencies.iter_mut().flatten() {
            [&mut it.name, &mut it.version, &mut it.repository, &mut it.condition].into_iter().for_each(clean);
            it.tags.iter_mut().flatten().for_each(clean);
        }
    }

    /// Checks what Helm's `Validate` checks.
    ///
    /// # Errors
    /// In Helm's words.
    pub fn validate(&self) -> Result<(), ChartError> {
        self.validate_with(None, None)
    }

    /// The same; the arguments are the places of the first empty maintainer and dependency.
    fn validate_with(&self, null_maintainer: Option<usize>, null_dependency: Option<usize>) -> Result<(), ChartError> {
        let invalid = |text: String| Err(ChartError::Invalid(text));
        let name = &self.name;
        if self.api_version.is_empty() {
            return invalid("chart.metadata.apiVersion is required".to_owned());
        }
        if name.is_empty() {
            return invalid("chart.metadata.name is required".to_owned());
        }
        if name == "." || name == ".." {
            return invalid(format!("chart.metadata.name {} is not allowed", quote(name)));
        }
        if name.contains('/') {
            return invalid(format!("chart.metadata.name {} is invalid", quote(name)));
        }
        if self.version.is_empty() {
            return invalid("chart.metadata.version is required".to_owned());
        }
        if Version::parse(&self.version).is_err() {
            return invalid(format!("chart.metadata.version {} is invalid", quote(&self.version)));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return invalid("chart.metadata.type must be application or library".to_owned());
        }
        if null_maintainer.is_some() {
            return invalid("maintainers must not contain empty or null nodes".to_owned());
        }
        let mut names = BTreeSet::new();
        for (place, dependency) in self.dependencies().iter().enumerate() {
            if null_dependency == Some(place) {
                return invalid("dependencies must not contain empty or null nodes".to_owned());
            }
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            if !dependency.alias.bytes().all(is_allowed) {
                let name = quote(&dependency.name);
                return invalid(format!("dependency {name} has disallowed characters in the alias"));
            }
            let name = dependency.used_name();
            if !names.insert(name) {
                return invalid(format!("more than one dependency with name or alias {}", quote(name)));
            }
        }
        Ok(())
    }

    /// The charts this one needs.
    pub fn dependencies(&self) -> &[Dependency] {
        self.dependencies.as_deref().unwrap_or_default()
    }

    /// Whether it only lends templates to others.
    pub fn is_library(&self) -> bool {
        self.kind.eq_ignore_ascii_case("library")
    }

    /// As a map under Helm's names, empty fields left out, as a release record keeps it.
    pub fn to_mapping(&self) -> Mapping {
        match serde_json::to_value(self).map(Value::from) {
            Ok(Value::Mapping(map)) => map,
            // Text, lists and maps of text: writing them as JSON cannot fail.
            _ => Mapping::new(),
        }
    }
}

impl Dependency {
    /// The name it goes by in the parent: the alias if there is one.
    pub fn used_name(&self) -> &str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }

    /// What the processing of values needs of it.
    pub(super) fn for_values(&self) -> values::Dependency {
        values::Dependency {
            name: self.name.clone(),
            version: self.version.clone(),
            condition: self.condition.clone(),
            tags: self.tags.clone().unwrap_or_default(),
            alias: self.alias.clone(),
            import_values: self
                .import_values
                .iter()
                .filter_map(|entry| Import::from_value(&Value::from(entry.clone())))
                .collect(),
        }
    }
}

impl Lock {
    /// Reads `Chart.lock` or `requirements.lock`.
    pub(super) fn read(document: &[u8], compat: Compat) -> Result<Self, yaml::Error> {
        let mut fields = Mapping::new();
        yaml::read_struct(document, &LOCK, package(compat), &mut fields)?;
        let fields = Value::Mapping(fields);
        Ok(Self {
            generated: text(&fields, "generated"),
            digest: text(&fields, "digest"),
            dependencies: dependencies(&fields),
        })
    }

    /// As Helm writes it: fields in the order of their names.
    pub fn to_mapping(&self) -> Mapping {
        let dependencies = serde_json::to_value(&self.dependencies).map(Value::from).unwrap_or_default();
        let generated = if self.generated.is_empty() { "0001-01-01T00:00:00Z" } else { &self.generated };
        [("dependencies", dependencies), ("digest", Value::from(&*self.digest)), ("generated", Value::from(generated))]
            .map(|(key, value)| (key.to_owned(), value))
            .into()
    }
}
