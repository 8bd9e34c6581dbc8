//! `show`: what a chart says of itself, in Helm's bytes. Rules: Helm's `pkg/action/show.go`.

use super::{ChartSource, Error};
use crate::chart::{self, Chart, File, Links, save};
use crate::jsonpath::{PathError, Template};
use crate::values::Compat;

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    All,
    /// `Chart.yaml`.
    Chart,
    /// The files in `crds/`.
    Crds,
    /// The README.
    Readme,
    /// `values.yaml`.
    Values,
}

/// What is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Byte for byte: files of charts need not be text.
    pub bytes: Vec<u8>,
    /// Why the `JSONPath` template came to nothing, which Helm does not tell.
    pub no_result: Option<PathError>,
}

/// Loads a chart in order to look at it.
///
/// # Errors
/// If it is not there or not valid.
pub fn load(source: &ChartSource, compat: Compat, links: Links) -> Result<Chart, Error> {
    match source {
        ChartSource::Embedded => Ok(Chart::embedded()?),
        ChartSource::Path(path) => Ok(chart::load_any_format(path, compat, links)?),
        ChartSource::Archive { content, .. } => Ok(chart::archive::from_archive(content, compat)?),
    }
}

/// The text of a part. The template is for the values alone.
///
/// # Errors
/// If the chart's metadata cannot be written as YAML.
pub fn show(chart: &Chart, part: Part, template: Option<&Template>, compat: Compat) -> Result<Shown, Error> {
    let mut out = Vec::new();
    let mut no_result = None;
    let is_all = part == Part::All;
    if matches!(part, Part::All | Part::Chart) {
        let text = save::chart_yaml(&chart.metadata).map_err(|error| Error::ShowChart(error.to_string()))?;
        line(&mut out, text.as_bytes());
    }
    if matches!(part, Part::All | Part::Values)
        && let Some(values) = chart.raw_values()
    {
        if is_all {
            line(&mut out, b"---");
        }
        match template {
            Some(template) => match template.execute(chart.values()?) {
                Ok(text) => out.extend_from_slice(text.as_bytes()),
                Err(error) => no_result = Some(error),
            },
            None => line(&mut out, values),
        }
    }
    if matches!(part, Part::All | Part::Readme)
        && let Some(readme) = readme(chart)
    {
        if is_all {
            line(&mut out, b"---");
        }
        line(&mut out, &readme.data);
    }
    if matches!(part, Part::All | Part::Crds) {
        crds(chart, is_all, compat, &mut out);
    }
    Ok(Shown { bytes: out, no_result })
}

fn line(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(text);
    out.push(b'\n');
}

fn readme(chart: &Chart) -> Option<&File> {
    let is_readme = |name: &str| ["readme.md", "readme.txt", "readme"].iter().any(|it| it.eq_ignore_ascii_case(name));
    chart.files.iter().find(|file| is_readme(&file.name))
}

fn crds(chart: &Chart, is_all: bool, compat: Compat, out: &mut Vec<u8>) {
    for (place, (_, file)) in chart.crds().iter().enumerate() {
        // Helm 3 divides the first from what stands before, and no two from each other.
        let is_divided = compat == Compat::Helm4 || is_all && place == 0;
        if is_divided && !file.data.starts_with(b"---") {
            line(out, b"---");
        }
        line(out, &file.data);
    }
}
