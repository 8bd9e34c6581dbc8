//! Where a chart comes from, and whether it can be rendered at all: the checks that Helm's `install` and `template` make
//! between loading a chart and using it.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{Error, Notice};
use crate::chart::{self, Chart, ChartError, Links};
use crate::values::Compat;

/// Where a chart comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChartSource {
    /// The one inside this program.
    Embedded,
    /// A folder or an archive.
    Path(PathBuf),
    /// An archive that was fetched.
    Archive {
        /// Where it came from, to be shown.
        origin: String,
        /// Its bytes.
        content: Bytes,
    },
}

impl ChartSource {
    /// What a name on the command line means on this machine; `None` if nothing of that name is here, so that it may be
    /// looked for elsewhere.
    ///
    /// # Errors
    /// If the name can only mean a place on this machine and there is nothing.
    pub fn local(name: &str) -> Result<Option<Self>, Error> {
        let name = name.trim();
        let path = Path::new(name);
        if path.exists() {
            // As Helm: errors name the whole path.
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            return Ok(Some(Self::Path(path.components().collect())));
        }
        if path.is_absolute() || name.starts_with('.') {
            return Err(Error::NoChartPath { path: name.to_owned() });
        }
        Ok(None)
    }

    /// Loads the chart.
    ///
    /// # Errors
    /// If it is not there or not valid.
    pub fn load(&self, compat: Compat, links: Links) -> Result<Chart, Error> {
        match self {
            Self::Embedded => Ok(Chart::embedded()?),
            Self::Path(path) => Ok(chart::load(path, compat, links)?),
            Self::Archive { content, .. } => Ok(chart::archive::from_archive(content, compat)?),
        }
    }

    /// Loads a chart in order to install it: it must be no library, and have everything it needs inside.
    ///
    /// # Errors
    /// The same, or why it cannot be installed.
    pub fn load_installable(
        &self,
        compat: Compat,
        links: Links,
        notices: &mut dyn FnMut(Notice),
    ) -> Result<Chart, Error> {
        let chart = self.load(compat, links)?;
        for warning in chart.tree().iter().flat_map(|chart| &chart.warnings) {
            notices(Notice::Chart(warning.clone()));
        }
        let kind = &chart.metadata.kind;
        if !matches!(kind.as_str(), "" | "application") {
            return Err(Error::NotInstallable { kind: kind.clone() });
        }
        if chart.metadata.deprecated {
            notices(Notice::Deprecated);
        }
        let missing = missing_dependencies(&chart);
        if !missing.is_empty() {
            return Err(Error::MissingDependencies { names: missing });
        }
        if compat == Compat::Helm4 && chart.metadata.api_version == "v3" {
            return Err(ChartError::FutureVersion.into());
        }
        Ok(chart)
    }
}

/// The dependencies that a chart declares and does not have inside, by name alone as Helm looks for them.
pub fn missing_dependencies(chart: &Chart) -> Vec<String> {
    let is_there = |name: &str| chart.dependencies.iter().any(|inner| inner.metadata.name == name);
    let declared = chart.metadata.dependencies().iter().map(|dependency| &dependency.name);
    declared.filter(|name| !is_there(name)).cloned().collect()
}
