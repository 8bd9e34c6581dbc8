//! `values.yaml`: whether it can be read, and whether it fits the chart's schema with the user's values over it. Values
//! of subcharts are not looked at here: rendering does that.

use super::{Entry, Options, Report, Severity, Subject};
use crate::values::{Compat, SchemaError, check_one, coalesce_tables};
use crate::yaml::{Error, Mapping, Numbers, read_mapping};

const FILE: &str = "values.yaml";

pub(super) fn check(subject: &Subject, options: &Options<'_>, report: &mut Report) {
    if matches!(subject.values_yaml, Entry::Absent) {
        return report.add(Severity::Info, FILE, "file does not exist");
    }
    let complaint = complaint(subject, options, report);
    report.rule(Severity::Error, FILE, complaint);
}

fn complaint(subject: &Subject, options: &Options<'_>, report: &mut Report) -> Option<String> {
    let values = match read(&subject.values_yaml, &subject.path, options.compat) {
        Ok(values) => values,
        Err(problem) => return Some(format!("unable to parse YAML: {problem}")),
    };
    let mut merged = options.values.clone();
    coalesce_tables(&mut merged, values, options.compat, &mut report.warnings);
    let schema = match &subject.schema {
        Entry::File(schema) if !schema.is_empty() => schema,
        _ => return None,
    };
    // Helm 3 does not spare this file.
    if options.skip_schema && options.compat == Compat::Helm4 {
        return None;
    }
    let SchemaError::Violated { text, .. } = check_one("", schema, &merged).err()?;
    Some(text.strip_prefix(":\n").unwrap_or(&text).to_owned())
}

fn read(entry: &Entry, path: &str, compat: Compat) -> Result<Mapping, String> {
    match entry {
        Entry::File(content) => read_mapping(content, Numbers::Helm).map_err(|error| match error {
            // This reader has a type of its own.
            Error::Shape { found, .. } => {
                let wanted = if compat == Compat::Helm4 { "common.Values" } else { "chartutil.Values" };
                Error::Shape { found, wanted }.to_string()
            }
            error => error.to_string(),
        }),
        Entry::Folder => Err(format!("read {path}/{FILE}: is a directory")),
        Entry::Absent => Err(format!("open {path}/{FILE}: no such file or directory")),
        Entry::Unreadable(problem) => Err(problem.clone()),
    }
}
