//! `maibot package`: charts' folders become archives.

use std::path::PathBuf;

use clap::Args;

use crate::action::dependency::DependencySettings;
use crate::action::package::{PackageSettings, package};
use crate::chart::save::Times;
use crate::code::Exit;
use crate::ui::{Failure, Usage};

use super::args::refuse;
use super::dependency;
use super::runtime::{self, Context};
use super::source::Access;

/// The variable by which builds fix their time, in seconds since 1970: <https://reproducible-builds.org>.
pub(crate) const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// Make archives of charts
///
/// Entries carry the times of the files, so that the same files make the same archive; none is newer than
/// `SOURCE_DATE_EPOCH`, if that is set.
#[derive(Debug, Clone, Args)]
pub(crate) struct PackageArgs {
    /// Folder of a chart; there may be several
    #[arg(value_name = "CHART_PATH")]
    charts: Vec<String>,
    /// Version to give the chart
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Version of the application to give the chart
    #[arg(long, value_name = "VERSION")]
    app_version: Option<String>,
    /// Folder to write into
    #[arg(short = 'd', long, value_name = "FOLDER", default_value = ".", hide_default_value = true)]
    destination: String,
    /// Fetch the chart's dependencies first
    #[arg(short = 'u', long)]
    dependency_update: bool,
    /// Sign the archive
    #[arg(long)]
    sign: bool,
    /// Name of the key to sign with
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Keys to sign with
    #[arg(long, value_name = "FILE")]
    keyring: Option<String>,
    /// File with the passphrase of the key
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<String>,
}

/// Settings of `package`.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    charts: Vec<String>,
    version: Option<String>,
    app_version: Option<String>,
    destination: PathBuf,
    dependency_update: bool,
    times: Times,
}

impl PackageArgs {
    /// The settings; `epoch` is the variable's value.
    pub(crate) fn settings(&self, epoch: Option<&str>) -> Result<Settings, Failure> {
        if self.charts.is_empty() {
            return Err(Usage::Other("need at least one argument, the path to the chart".to_owned()).into());
        }
        refuse(&[
            (self.sign, "--sign"),
            (self.key.is_some(), "--key"),
            (self.keyring.is_some(), "--keyring"),
            (self.passphrase_file.is_some(), "--passphrase-file"),
        ])?;
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Ok(Settings {
            charts: self.charts.clone(),
            version: given(&self.version),
            app_version: given(&self.app_version),
            destination: PathBuf::from(&self.destination),
            dependency_update: self.dependency_update,
            times: Times { now: jiff::Timestamp::now(), latest: epoch.map(seconds).transpose()? },
        })
    }
}

fn seconds(text: &str) -> Result<jiff::Timestamp, Failure> {
    let parsed = text.parse().ok().filter(|seconds| *seconds >= 0);
    parsed.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()).ok_or_else(|| Failure::Settings {
        place: EPOCH.to_owned(),
        position: None,
        reason: format!("`{text}` is no number of seconds since 1970"),
    })
}

/// Packages one chart after another.
pub(crate) fn run(settings: &Settings, context: &Context) -> Result<Exit, Failure> {
    for chart in &settings.charts {
        if settings.dependency_update {
            let wanted = DependencySettings {
                chart: chart.into(),
                compat: context.compat(),
                links: context.links(),
                keyring: None,
                requires_signature: false,
                skip_refresh: false,
            };
            // As in Helm, nothing is told of it.
            let access = Access::default();
            runtime::wait_for(dependency::bring_all(wanted, &access, true, context, &mut |_| {}))??;
        }
        let made = package(&PackageSettings {
            chart: chart.into(),
            version: settings.version.clone(),
            app_version: settings.app_version.clone(),
            destination: settings.destination.clone(),
            compat: context.compat(),
            links: context.links(),
            times: settings.times,
        });
        let path = made.map_err(|error| Failure::room(error.code(), &error))?;
        let text = format!("Successfully packaged chart and saved it to: {}\n", path.display());
        context.printer.result(&text)?;
    }
    Ok(Exit::Success)
}
