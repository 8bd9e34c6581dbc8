//! Which versions of MaiBot, of its images and of its configuration files belong together. Read from `versions.yaml`,
//! which repeats the published charts; nothing here decides what is allowed (that is [`super::images`]).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::components::ComponentId;
use super::consent::Agreement;

/// The versions of the configuration files of one chart, as they stand under `inner.version`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigVersions {
    /// `bot_config.toml`.
    pub bot: Version,
    /// `model_config.toml`.
    pub model: Version,
    /// The adapter's `config.toml`.
    pub adapter: Version,
}

/// Where releases of a chart keep their configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigHome {
    /// In ConfigMaps `<release>-maibot-core` and `<release>-maibot-adapter`.
    ConfigMapPerComponent,
    /// In one ConfigMap a file.
    ConfigMapPerFile,
    /// In files on claims.
    Claim,
}

/// A published chart.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartVersion {
    /// The chart's version.
    pub chart: Version,
    /// The tag of MaiBot that it installs.
    pub maibot: Version,
    /// The images that differ from chart to chart.
    images: BTreeMap<ComponentId, String>,
    /// The versions of its configuration files.
    pub config: ConfigVersions,
    /// Where it keeps them.
    pub config_home: ConfigHome,
}

/// A tag without a chart of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SameConfig {
    maibot: Version,
    r#as: Version,
}

impl ConfigHome {
    /// As the table writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConfigMapPerComponent => "config-map-per-component",
            Self::ConfigMapPerFile => "config-map-per-file",
            Self::Claim => "claim",
        }
    }
}

/// What a move from one chart to another brings with it.
#[derive(Debug, Clone)]
pub struct Move {
    /// Whether it leads back to an older chart: configuration files are not rewritten backwards.
    pub is_downgrade: bool,
    /// Images that change: before, after.
    pub images: Vec<(ComponentId, String, String)>,
    /// Configuration files whose version changes: before, after.
    pub config: Vec<(&'static str, Version, Version)>,
    /// The place of the configuration, if it changes: before, after.
    pub config_home: Option<(ConfigHome, ConfigHome)>,
    /// The agreement that has to be agreed to anew.
    pub agreement: Option<&'static Agreement>,
}

/// The whole table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// The official chart that the embedded one follows.
    embedded: Version,
    /// The published charts, oldest first.
    pub charts: Vec<ChartVersion>,
    fixed_images: BTreeMap<ComponentId, String>,
    same_config: Vec<SameConfig>,
    /// The agreements, oldest first.
    pub agreements: Vec<Agreement>,
}

impl Versions {
    /// The table.
    #[expect(clippy::expect_used, reason = "the file is compiled in and read by a test")]
    pub fn get() -> &'static Self {
        static TABLE: LazyLock<Versions> =
            LazyLock::new(|| serde_yaml::from_str(include_str!("versions.yaml")).expect("versions.yaml is valid"));
        &TABLE
    }

    /// The chart of this version. Build metadata does not count, so `0.12.2+embedded.1` is `0.12.2`.
    pub fn chart(&self, version: &Version) -> Option<&ChartVersion> {
        self.charts.iter().find(|chart| chart.chart.cmp_precedence(version).is_eq())
    }

    /// The official chart that the embedded one follows.
    #[expect(clippy::expect_used, reason = "a test looks it up")]
    pub fn embedded(&self) -> &ChartVersion {
        self.chart(&self.embedded).expect("the embedded chart is listed")
    }

    /// The default image of a component in a chart, as `repository:tag`.
    #[expect(clippy::expect_used, reason = "a test looks up every image of every chart")]
    pub fn default_image(&self, chart: &ChartVersion, component: ComponentId) -> (&str, &str) {
        // The borrow is of the table, not of the chart that was passed.
        let image = self
            .charts
            .iter()
            .find(|listed| listed.chart == chart.chart)
            .and_then(|listed| listed.images.get(&component))
            .or_else(|| self.fixed_images.get(&component))
            .expect("every component has an image");
        image.rsplit_once(':').expect("every image has a tag")
    }

    /// The versions of the configuration files that a tag of MaiBot reads without rewriting them. The adapter's is
    /// that of the chart, since it comes in an image of its own.
    pub fn config_of(&self, maibot: &Version) -> Option<&ConfigVersions> {
        let named = self.same_config.iter().find(|same| same.maibot.cmp_precedence(maibot).is_eq());
        let chart = match named {
            Some(same) => self.chart(&same.r#as),
            None => self.charts.iter().find(|chart| chart.maibot.cmp_precedence(maibot).is_eq()),
        };
        chart.map(|chart| &chart.config)
    }

    /// What a move from one chart to another brings with it.
    pub fn between(&self, from: &ChartVersion, to: &ChartVersion) -> Move {
        let image = |chart, component| {
            let (repository, tag) = self.default_image(chart, component);
            format!("{repository}:{tag}")
        };
        let images = ComponentId::ALL
            .into_iter()
            .map(|component| (component, image(from, component), image(to, component)))
            .filter(|(_, before, after)| before != after)
            .collect();
        let files = [
            ("bot_config.toml", &from.config.bot, &to.config.bot),
            ("model_config.toml", &from.config.model, &to.config.model),
            ("config.toml of the adapter", &from.config.adapter, &to.config.adapter),
        ];
        let config = files.into_iter().filter(|(_, before, after)| before != after);
        let agreement = |chart: &ChartVersion| Agreement::of_version(&chart.maibot);
        let sums = |chart| agreement(chart).map(|agreement| (agreement.eula.as_str(), agreement.privacy.as_str()));
        Move {
            is_downgrade: to.chart < from.chart,
            images,
            config: config.map(|(file, before, after)| (file, before.clone(), after.clone())).collect(),
            config_home: (from.config_home != to.config_home).then_some((from.config_home, to.config_home)),
            agreement: agreement(to).filter(|_| sums(from) != sums(to)),
        }
    }

    /// The chart whose default core image has this tag.
    pub fn chart_of_core_tag(&self, tag: &str) -> Option<&ChartVersion> {
        self.charts.iter().find(|chart| self.default_image(chart, ComponentId::Core).1 == tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENTS: [ComponentId; 5] = [
        ComponentId::Core,
        ComponentId::Adapter,
        ComponentId::Napcat,
        ComponentId::StatisticsDashboard,
        ComponentId::SqliteWeb,
    ];

    #[test]
    fn charts_stand_in_rising_order_and_each_has_every_image() {
        let table = Versions::get();
        assert!(table.charts.is_sorted_by(|before, after| before.chart < after.chart));
        for chart in &table.charts {
            for component in COMPONENTS {
                let (repository, tag) = table.default_image(chart, component);
                assert!(!repository.is_empty() && !tag.is_empty());
            }
        }
    }

    #[test]
    fn the_embedded_chart_is_found_by_its_own_version_and_by_the_official_one() {
        let table = Versions::get();
        let own: Version = "0.12.2+embedded.1".parse().unwrap();
        assert_eq!(table.chart(&own).unwrap().chart, table.embedded().chart);
        assert_eq!(table.default_image(table.embedded(), ComponentId::Core), ("sengokucola/maibot", "0.12.2"));
    }

    #[test]
    fn a_tag_without_a_chart_reads_the_configuration_of_the_chart_it_is_listed_with() {
        let table = Versions::get();
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert_eq!(table.config_of(&version("0.12.3")), table.config_of(&version("0.12.2")));
        assert_ne!(table.config_of(&version("0.12.1")), table.config_of(&version("0.12.2")));
        assert_eq!(table.config_of(&version("0.12.4")), None);
    }

    #[test]
    fn agreements_do_not_overlap() {
        let agreements = &Versions::get().agreements;
        assert!(agreements.iter().all(|agreement| agreement.from <= agreement.to));
        assert!(agreements.is_sorted_by(|before, after| before.to < after.from));
    }
}
