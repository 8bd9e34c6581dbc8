//! `Chart.yaml`: whether it can be read, also strictly, and whether its fields say what they may say.

use super::{Entry, Report, Severity, Subject, address, go_type};
use crate::chart::{Draft, Metadata};
use crate::values::Compat;
use crate::version::{Constraint, Version};
use crate::yaml::number::quote;
use crate::yaml::{self, Numbers, Value};

const FILE: &str = "Chart.yaml";

pub(super) fn check(subject: &Subject, compat: Compat, report: &mut Report) {
    let is_folder = matches!(subject.chart_yaml, Entry::Folder);
    report.rule(Severity::Error, FILE, is_folder.then(|| "should be a file, not a directory".to_owned()));
    let content = match &subject.chart_yaml {
        Entry::File(content) => Ok(content),
        Entry::Folder => Err(format!("read {}/{FILE}: is a directory", subject.path)),
        Entry::Absent => Err(format!("open {}/{FILE}: no such file or directory", subject.path)),
        Entry::Unreadable(problem) => Err(problem.clone()),
    };
    let read = content.and_then(|content| {
        let draft = Draft::read(content, compat).map_err(|error| error.to_string())?;
        Ok((content, draft))
    });
    let (content, draft) = match read {
        Ok(read) => read,
        Err(problem) => return report.add(Severity::Error, FILE, format!("unable to parse YAML\n\t{problem}")),
    };
    if compat == Compat::Helm4 {
        let complaint = Draft::check_strictly(content).err();
        let text = complaint.map(|error| format!("failed to strictly parse chart metadata file\n\t{error}"));
        report.rule(Severity::Warning, FILE, text);
    }
    let typed = yaml::read(content, Numbers::Helm).unwrap_or_default();
    let metadata = draft.unchecked();
    report.rule(Severity::Error, FILE, name(&metadata));
    report.rule(Severity::Error, FILE, api_version(&metadata));
    report.rule(Severity::Error, FILE, text_type(&typed, "version"));
    report.rule(Severity::Error, FILE, version(&metadata));
    report.rule(Severity::Error, FILE, text_type(&typed, "appVersion"));
    report.rule(Severity::Error, FILE, maintainers(&metadata, draft.empty_maintainer()));
    report.rule(Severity::Error, FILE, sources(&metadata));
    report.rule(Severity::Info, FILE, metadata.icon.is_empty().then(|| "icon is recommended".to_owned()));
    report.rule(Severity::Error, FILE, icon(&metadata));
    report.rule(Severity::Error, FILE, kind(&metadata));
    report.rule(Severity::Error, FILE, dependencies(&metadata));
    if compat == Compat::Helm4 {
        let version = &metadata.version;
        let is_strict = Version::parse_strict(version).is_ok();
        let text = format!("version '{version}' is not a valid SemVerV2");
        report.rule(Severity::Warning, FILE, (!is_strict).then_some(text));
    }
}

fn name(metadata: &Metadata) -> Option<String> {
    let name = metadata.name.as_str();
    if name.is_empty() {
        return Some("name is required".to_owned());
    }
    // One slash alone is its own last part.
    (name.contains('/') && name != "/").then(|| format!("chart name {} is invalid", quote(name)))
}

fn api_version(metadata: &Metadata) -> Option<String> {
    match metadata.api_version.as_str() {
        "v1" | "v2" => None,
        "" => Some("apiVersion is required. The value must be either \"v1\" or \"v2\"".to_owned()),
        other => Some(format!("apiVersion '{other}' is not valid. The value must be either \"v1\" or \"v2\"")),
    }
}

fn text_type(typed: &Value, key: &str) -> Option<String> {
    let value = typed.get(key)?;
    let found = go_type(value);
    (found != "string").then(|| format!("{key} should be of type string but it's of type {found}"))
}

fn version(metadata: &Metadata) -> Option<String> {
    let text = &metadata.version;
    if text.is_empty() {
        return Some("version is required".to_owned());
    }
    let Ok(version) = Version::parse(text) else { return Some(format!("version '{text}' is not a valid SemVer")) };
    let reasons = Constraint::parse(">0.0.0-0").ok()?.validate(&version).err()?;
    reasons.first().map(|reason| format!("version {reason}"))
}

fn maintainers(metadata: &Metadata, empty: Option<usize>) -> Option<String> {
    metadata.maintainers.iter().flatten().enumerate().find_map(|(place, maintainer)| {
        let (name, email, url) = (&maintainer.name, &maintainer.email, &maintainer.url);
        if empty == Some(place) {
            Some("a maintainer entry is empty".to_owned())
        } else if name.is_empty() {
            Some("each maintainer requires a name".to_owned())
        } else if !email.is_empty() && !address::is_email(email) {
            Some(format!("invalid email '{email}' for maintainer '{name}'"))
        } else if !url.is_empty() && !address::is_url(url) {
            Some(format!("invalid url '{url}' for maintainer '{name}'"))
        } else {
            None
        }
    })
}

fn sources(metadata: &Metadata) -> Option<String> {
    let wrong = metadata.sources.iter().flatten().find(|source| !address::is_request_url(source));
    wrong.map(|source| format!("invalid source URL '{source}'"))
}

fn icon(metadata: &Metadata) -> Option<String> {
    let icon = &metadata.icon;
    (!icon.is_empty() && !address::is_request_url(icon)).then(|| format!("invalid icon URL '{icon}'"))
}

fn kind(metadata: &Metadata) -> Option<String> {
    let version = &metadata.api_version;
    (!metadata.kind.is_empty() && version != "v2")
        .then(|| format!("chart type is not valid in apiVersion '{version}'. It is valid in apiVersion 'v2'"))
}

fn dependencies(metadata: &Metadata) -> Option<String> {
    let version = &metadata.api_version;
    (!metadata.dependencies().is_empty() && version != "v2").then(|| {
        format!(
            "dependencies are not valid in the Chart file with apiVersion '{version}'. They are valid in apiVersion 'v2'"
        )
    })
}
