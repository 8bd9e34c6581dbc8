//! Keys of values that came and went with the versions of the chart. Read from `values_keys.yaml`, which repeats what
//! the published charts have; moving values from one version to another is not done here.

use std::sync::LazyLock;

use semver::Version;
use serde::Deserialize;

use crate::yaml::Step;

/// A key that not every chart has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassingKey {
    /// Its path, with dots.
    pub path: String,
    /// The first chart that has it; the first of all if there is none.
    pub since: Option<Version>,
    /// The last chart that has it; the last of all if there is none.
    pub until: Option<Version>,
    /// What took its place, with dots.
    pub now: Option<String>,
}

impl PassingKey {
    /// Every one.
    #[expect(clippy::expect_used, reason = "the file is compiled in and read by a test")]
    pub fn all() -> &'static [Self] {
        static TABLE: LazyLock<Vec<PassingKey>> = LazyLock::new(|| {
            serde_yaml::from_str(include_str!("values_keys.yaml")).expect("values_keys.yaml is valid")
        });
        &TABLE
    }

    /// The one at a path.
    pub fn at(path: &[Step]) -> Option<&'static Self> {
        let is_at = |key: &&Self| {
            let mut parts = key.path.split('.');
            path.iter().all(|step| matches!(step, Step::Key(key) if parts.next() == Some(key)))
                && parts.next().is_none()
        };
        Self::all().iter().find(is_at)
    }
}
