//! The components of MaiBot: what they are called on the cluster, which ports they open, which claims they mount, and
//! where in the values each of these is decided. Read from `components.yaml`.
//!
//! Names are those of chart 0.12.2 and must never change: claims and StatefulSets of running releases carry them.
//! Rendering has its own templates; this table is for everything that has to find the objects again.

use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;

use super::config::ConfigFile;
use crate::yaml::Value;

/// One of the five programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComponentId {
    /// MaiBot itself.
    Core,
    /// The bridge between NapCat and core.
    Adapter,
    /// The QQ client.
    Napcat,
    /// The web server of the statistics page.
    StatisticsDashboard,
    /// The database browser.
    SqliteWeb,
}

impl ComponentId {
    /// Every component.
    pub const ALL: [Self; 5] = [Self::Core, Self::Adapter, Self::Napcat, Self::StatisticsDashboard, Self::SqliteWeb];
}

impl fmt::Display for ComponentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Core => "core",
            Self::Adapter => "adapter",
            Self::Napcat => "napcat",
            Self::StatisticsDashboard => "statistics-dashboard",
            Self::SqliteWeb => "sqlite-web",
        })
    }
}

/// One of the six claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimId {
    /// Database, log, plugins.
    CoreData,
    /// `bot_config.toml`, `model_config.toml`, `.env`.
    CoreConfig,
    /// The adapter's database.
    AdapterData,
    /// The adapter's `config.toml`; core mounts it too.
    AdapterConfig,
    /// `NapCat`'s configuration and the QQ session.
    Napcat,
    /// The statistics page, written by core.
    Statistics,
}

/// The kind of workload that runs a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum Workload {
    /// A StatefulSet with one Pod.
    StatefulSet,
    /// A Deployment.
    Deployment,
}

impl Workload {
    /// The Kubernetes kind.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::StatefulSet => "StatefulSet",
            Self::Deployment => "Deployment",
        }
    }

    /// How long the object's name may be: for a StatefulSet the label `controller-revision-hash` (name, dash, ten
    /// characters) has to fit into 63, otherwise the Service of that name.
    pub const fn name_limit(self) -> usize {
        match self {
            Self::StatefulSet => 52,
            Self::Deployment => 63,
        }
    }
}

/// A port of a component.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Its name, in the container and in the Service.
    pub name: String,
    /// The number inside the container.
    pub container: u16,
    /// The number in the Service, where it is fixed.
    #[serde(default, rename = "service_port")]
    fixed: Option<u16>,
    /// The values path of `{type, port, nodePort}`, where it is not.
    #[serde(default)]
    pub service: Option<String>,
    /// The values path that turns the port on; none: always.
    #[serde(default)]
    pub switch: Option<String>,
}

impl Port {
    /// The number in the Service under these values; the container's where the values do not say.
    pub fn service_port(&self, values: &Value) -> u16 {
        let given = self.service.as_deref().and_then(|path| at(values, path)?.get("port"));
        let number = match given {
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(number) => number.as_i64().and_then(|number| u16::try_from(number).ok()),
            None => None,
        };
        number.or(self.fixed).unwrap_or(self.container)
    }
}

/// An Ingress of a component.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingress {
    /// The object's name without the release.
    pub object: String,
    /// The values path of its settings.
    pub values: String,
    /// The port it leads to.
    pub port: String,
}

/// A page that answers with a success status when the component works.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// The port inside the container.
    pub port: u16,
    /// The path, reachable without a login.
    pub path: String,
    /// The values path that turns the page on; none: always.
    #[serde(default)]
    pub switch: Option<String>,
}

/// Where a claim shows up in a container.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// Which claim.
    pub claim: ClaimId,
    /// The path in the container.
    pub path: String,
    /// The file or folder of the volume that is mounted; none: all of it.
    #[serde(default)]
    pub sub_path: Option<String>,
}

/// A component.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Which one.
    pub id: ComponentId,
    /// The key of its values.
    pub values: String,
    /// The values path that turns it on; none: always.
    #[serde(default)]
    pub switch: Option<String>,
    /// The name of workload and Service, without the release.
    pub object: String,
    /// What runs it.
    pub workload: Workload,
    /// The name of its container.
    pub container: String,
    /// Its ports.
    pub ports: Vec<Port>,
    /// Its Ingress, if it can have one.
    #[serde(default)]
    pub ingress: Option<Ingress>,
    /// How to see that it works.
    #[serde(default)]
    pub health: Option<Health>,
    /// Its claims.
    pub mounts: Vec<Mount>,
}

impl Component {
    /// The name of its workload and of its Service.
    pub fn name(&self, release: &str) -> String {
        object_name(release, &self.object)
    }

    /// Whether it runs under these values.
    pub fn is_on(&self, values: &Value) -> bool {
        is_on(values, self.switch.as_deref())
    }

    /// The page that tells whether it works, if these values turn it on.
    pub fn health(&self, values: &Value) -> Option<&Health> {
        self.health.as_ref().filter(|health| is_on(values, health.switch.as_deref()))
    }
}

/// A claim.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Which one.
    pub id: ClaimId,
    /// Its name without the release.
    pub object: String,
    /// The values path of `{storageClass, accessModes, size}`.
    pub values: String,
    /// The values path that turns it on; none: always.
    #[serde(default)]
    pub switch: Option<String>,
}

impl Claim {
    /// Its name.
    pub fn name(&self, release: &str) -> String {
        object_name(release, &self.object)
    }

    /// Whether it exists under these values.
    pub fn is_on(&self, values: &Value) -> bool {
        is_on(values, self.switch.as_deref())
    }
}

/// Where a configuration file lives and where its text comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFileFacts {
    /// Which one.
    pub id: ConfigFile,
    /// Its name, at the root of its claim.
    pub name: String,
    /// Its claim.
    pub claim: ClaimId,
    /// The component that reads it at its start.
    pub read_by: ComponentId,
    /// The values path of its text; none: the text is made by [`super::config::env_file`].
    #[serde(default)]
    pub values: Option<String>,
    /// The values path of the switch by which the text of the values replaces an existing file.
    #[serde(default, rename = "override")]
    override_switch: Option<String>,
}

impl ConfigFileFacts {
    /// The text that the values hold for this file; none when they hold none, or when it is `.env`.
    pub fn text<'values>(&self, values: &'values Value) -> Option<&'values str> {
        at(values, self.values.as_deref()?)?.as_str()
    }

    /// Whether these values ask to replace an existing file.
    pub fn replaces_existing(&self, values: &Value) -> bool {
        self.override_switch.as_deref().and_then(|path| at(values, path)).is_some_and(is_true)
    }
}

/// The whole table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Components {
    /// The components, the bot first.
    pub components: Vec<Component>,
    /// The claims.
    pub claims: Vec<Claim>,
    /// The configuration files.
    pub config_files: Vec<ConfigFileFacts>,
}

impl Components {
    /// The table of the embedded chart.
    #[expect(clippy::expect_used, reason = "the file is compiled in and read by a test")]
    pub fn get() -> &'static Self {
        static TABLE: LazyLock<Components> =
            LazyLock::new(|| serde_yaml::from_str(include_str!("components.yaml")).expect("components.yaml is valid"));
        &TABLE
    }

    /// The facts of one component.
    #[expect(clippy::expect_used, reason = "a test looks up every identifier")]
    pub fn component(&self, id: ComponentId) -> &Component {
        self.components.iter().find(|component| component.id == id).expect("every component is listed")
    }

    /// The facts of one claim.
    #[expect(clippy::expect_used, reason = "a test looks up every identifier")]
    pub fn claim(&self, id: ClaimId) -> &Claim {
        self.claims.iter().find(|claim| claim.id == id).expect("every claim is listed")
    }

    /// The facts of one configuration file.
    #[expect(clippy::expect_used, reason = "a test looks up every identifier")]
    pub fn config_file(&self, id: ConfigFile) -> &ConfigFileFacts {
        self.config_files.iter().find(|file| file.id == id).expect("every configuration file is listed")
    }

    /// The components that run under these values.
    pub fn running<'table>(&'table self, values: &'table Value) -> impl Iterator<Item = &'table Component> {
        self.components.iter().filter(|component| component.is_on(values))
    }

    /// The components that mount a claim, whether they run or not.
    pub fn sharers(&self, claim: ClaimId) -> impl Iterator<Item = &Component> {
        self.components.iter().filter(move |component| component.mounts.iter().any(|mount| mount.claim == claim))
    }
}

/// The name of an object of a release.
fn object_name(release: &str, object: &str) -> String {
    format!("{release}-{object}")
}

/// The value under a dotted path.
pub(super) fn at<'values>(values: &'values Value, path: &str) -> Option<&'values Value> {
    path.split('.').try_fold(values, |value, key| value.get(key))
}

/// Whether something with this switch is on.
pub(super) fn is_on(values: &Value, switch: Option<&str>) -> bool {
    switch.is_none_or(|path| at(values, path).is_some_and(is_true))
}

/// Whether Go's templates take a value for true: everything but `null`, `false`, zero and what is empty. Values
/// files of the official chart were read that way.
pub fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Int(value) => *value != 0,
        Value::UInt(value) => *value != 0,
        Value::Float(value) => *value != 0.0,
        Value::String(text) => !text.is_empty(),
        Value::Sequence(list) => !list.is_empty(),
        Value::Mapping(map) => !map.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_component_claim_and_file_is_listed_once() {
        let table = Components::get();
        for id in [
            ComponentId::Core,
            ComponentId::Adapter,
            ComponentId::Napcat,
            ComponentId::StatisticsDashboard,
            ComponentId::SqliteWeb,
        ] {
            assert_eq!(table.component(id).id, id);
            assert_eq!(table.component(id).object, format!("maibot-{id}"));
        }
        for id in [
            ClaimId::CoreData,
            ClaimId::CoreConfig,
            ClaimId::AdapterData,
            ClaimId::AdapterConfig,
            ClaimId::Napcat,
            ClaimId::Statistics,
        ] {
            assert_eq!(table.claim(id).id, id);
        }
        for id in ConfigFile::ALL {
            assert_eq!(table.config_file(id).id, id);
        }
        assert_eq!((table.components.len(), table.claims.len(), table.config_files.len()), (5, 6, 4));
    }

    #[test]
    fn core_shares_claims_with_the_adapter_the_dashboard_and_sqlite_web() {
        let sharers = |claim| Components::get().sharers(claim).map(|component| component.id).collect::<Vec<_>>();
        assert_eq!(sharers(ClaimId::AdapterConfig), [ComponentId::Core, ComponentId::Adapter]);
        assert_eq!(sharers(ClaimId::Statistics), [ComponentId::Core, ComponentId::StatisticsDashboard]);
        assert_eq!(sharers(ClaimId::CoreData), [ComponentId::Core, ComponentId::SqliteWeb]);
    }

    #[test]
    fn a_switch_follows_the_truth_of_go_templates() {
        let values = |text: &str| Value::from(serde_json::from_str::<serde_json::Value>(text).unwrap());
        let napcat = Components::get().component(ComponentId::Napcat);
        for (text, on) in [
            (r#"{"napcat": {"enabled": true}}"#, true),
            (r#"{"napcat": {"enabled": "false"}}"#, true),
            (r#"{"napcat": {"enabled": 0}}"#, false),
            (r#"{"napcat": {"enabled": ""}}"#, false),
            (r#"{"napcat": {"enabled": null}}"#, false),
            (r#"{"napcat": "off"}"#, false),
            ("{}", false),
        ] {
            assert_eq!(napcat.is_on(&values(text)), on, "{text}");
        }
    }

    #[test]
    fn a_service_port_comes_from_the_values_as_number_or_as_text() {
        let values = |text: &str| Value::from(serde_json::from_str::<serde_json::Value>(text).unwrap());
        let adapter = &Components::get().component(ComponentId::Adapter).ports[0];
        assert_eq!(adapter.service_port(&values(r#"{"adapter": {"service": {"port": 18095}}}"#)), 18095);
        assert_eq!(adapter.service_port(&values(r#"{"adapter": {"service": {"port": "18095"}}}"#)), 18095);
        assert_eq!(adapter.service_port(&values("{}")), 8095);
        let core = &Components::get().component(ComponentId::Core).ports[0];
        assert_eq!(core.service_port(&values("{}")), 8000);
    }
}
