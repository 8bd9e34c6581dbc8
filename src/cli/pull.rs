//! `maibot pull`: fetch a chart and write it to this machine.

use clap::Args;

use crate::action::pull::{PullSettings, pull};
use crate::code::Exit;
use crate::registry::Provenance;
use crate::ui::{Failure, Level, Message};

use super::args::path;
use super::runtime::Context;
use super::source::{ChartReference, Chatter, SourceArgs};
use super::verify::told;

/// Fetch a chart and write it to this machine
#[derive(Debug, Clone, Args)]
pub(crate) struct PullArgs {
    /// Chart: oci://…, https://….tgz, or a name with --repo; several are fetched one after another
    #[arg(value_name = "CHART")]
    charts: Vec<String>,
    /// Unpack the chart
    #[arg(long)]
    untar: bool,
    /// Folder to unpack into, below --destination
    #[arg(long, value_name = "FOLDER", default_value = ".", hide_default_value = true)]
    untardir: String,
    /// Folder to write into
    #[arg(short = 'd', long, value_name = "FOLDER", default_value = ".", hide_default_value = true)]
    destination: String,
    /// Fetch the chart's provenance file too, without checking it
    #[arg(long)]
    prov: bool,
    #[command(flatten)]
    source: SourceArgs,
}

/// Settings of `pull`.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    charts: Vec<ChartReference>,
    untar: bool,
    untardir: String,
    destination: String,
    prov: bool,
}

impl PullArgs {
    pub(crate) fn password(&self) -> Option<&str> {
        self.source.password()
    }

    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        let mut charts: Vec<ChartReference> = Vec::new();
        for chart in &self.charts {
            charts.push(self.source.reference(Some(chart.clone()))?);
        }
        if charts.is_empty() {
            charts.push(self.source.reference(None)?);
        }
        Ok(Settings {
            charts,
            untar: self.untar,
            untardir: self.untardir.clone(),
            destination: self.destination.clone(),
            prov: self.prov,
        })
    }
}

/// Fetches and writes.
pub(crate) async fn run(settings: Settings, context: &Context) -> Result<Exit, Failure> {
    for chart in &settings.charts {
        let provenance = match (&chart.keyring, settings.prov) {
            (Some(_), _) => Provenance::Required,
            (None, true) => Provenance::IfThere,
            (None, false) => Provenance::No,
        };
        let request = chart.request(provenance, &context.global.default_chart)?;
        let registry = context.registry(&chart.access, Chatter::Result)?;
        let pull_settings = PullSettings {
            request,
            keyring: chart.keyring.clone(),
            untar: settings.untar,
            untar_folder: path(Some(&settings.untardir)).unwrap_or_default(),
            destination: path(Some(&settings.destination)).unwrap_or_default(),
            compat: context.compat(),
        };
        let pulled = pull(&registry, &pull_settings, &context.cancel)
            .await
            .map_err(|error| context.remote_verdict(error, "pull"))?;
        if let Some(verified) = pulled.verified {
            context.printer.result(&told(&verified))?;
        }
        for path in pulled.written {
            context.printer.say(Level::Note, &Message::Written { path });
        }
    }
    Ok(Exit::Success)
}
