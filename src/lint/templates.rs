//! The templates: their names, whether they can be rendered, and whether what comes out is something that Kubernetes
//! will take.

use std::sync::LazyLock;

use regex::Regex;

use super::object::{Object, Objects};
use super::{Entry, Options, Report, Severity, Subject, deprecation, extension, name};
use crate::chart::{Chart, process_dependencies};
use crate::values::{self, Compat, SchemaError};
use crate::yaml::number::quote;
use crate::yaml::{self, Mapping, Struct, Type, Value};

const FOLDER: &str = "templates/";
/// The longest line that Go's scanner takes, in bytes, exclusive.
const MAX_LINE: usize = 64 * 1024;

pub(super) fn check(subject: &Subject, options: &Options<'_>, report: &mut Report) {
    let is_helm4 = options.compat == Compat::Helm4;
    match &subject.templates {
        Entry::Absent if is_helm4 => return report.add(Severity::Warning, FOLDER, "directory does not exist"),
        Entry::File(_) => {
            let severity = if is_helm4 { Severity::Error } else { Severity::Warning };
            return report.add(severity, FOLDER, "not a directory");
        }
        Entry::Unreadable(problem) if is_helm4 => return report.add(Severity::Error, FOLDER, problem.as_str()),
        Entry::Folder | Entry::Absent | Entry::Unreadable(_) => {}
    }
    let chart = match &subject.chart {
        Ok(chart) => chart,
        Err(problem) => return report.add(Severity::Error, FOLDER, problem.as_str()),
    };
    let Some((chart, files)) = render(chart, options, report) else { return };
    for template in &chart.templates {
        let file = &*template.name;
        report.rule(Severity::Error, file, wrong_extension(file));
        if !is_helm4 {
            old_templates(file, &template.data, report);
        }
        let extension = extension(file);
        let is_manifest = if is_helm4 {
            extension.eq_ignore_ascii_case(".yaml") || extension.eq_ignore_ascii_case(".yml")
        } else {
            extension == ".yaml"
        };
        let path = format!("{}/{file}", chart.metadata.name);
        let text = files.iter().find(|(known, _)| *known == path).map(|(_, text)| text.as_str()).unwrap_or_default();
        if is_manifest
            && !text.trim().is_empty()
            && !check_manifest(file, text, options.compat, options.kubernetes, report)
        {
            return;
        }
    }
}

/// The chart without the subcharts that are off, and its rendered files; nothing if that cannot be had.
fn render(chart: &Chart, options: &Options<'_>, report: &mut Report) -> Option<(Chart, Vec<super::RenderedFile>)> {
    // Helm says again what it meets again: each step has its warnings.
    let warnings = &mut report.warnings;
    // What is wrong here is nothing that the rules speak of: installing does.
    let processed = process_dependencies(chart, options.values, options.compat, warnings);
    let coalesced = processed.ok().and_then(|(chart, tree)| {
        // Helm does it twice: what a null of the user's has taken away comes back the second time.
        let once = values::coalesce(&tree, options.values, options.compat, warnings).ok()?;
        let values = values::coalesce(&tree, &once, options.compat, warnings).ok()?;
        Some((chart, tree, values))
    });
    let (chart, tree, values) = coalesced?;
    let checked =
        if options.skip_schema { Ok(()) } else { values::check(&tree, &values, options.references, warnings) };
    if let Err(error) = checked {
        let SchemaError::Violated { .. } = &error;
        report.add(Severity::Error, FOLDER, error.to_string());
        return None;
    }
    match (options.render)(&chart, &values) {
        Ok(files) => Some((chart, files)),
        Err(problem) => {
            report.add(Severity::Error, FOLDER, problem);
            None
        }
    }
}

fn wrong_extension(file: &str) -> Option<String> {
    let extension = extension(file);
    (!matches!(extension, ".yaml" | ".yml" | ".tpl" | ".txt"))
        .then(|| format!("file extension '{extension}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt"))
}

/// What Helm 2 had and Helm 3 warns of.
fn old_templates(file: &str, source: &[u8], report: &mut Report) {
    #[expect(clippy::expect_used, reason = "the expression is a constant and a test uses it")]
    static CRD_HOOK: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#""?helm\.sh/hook"?:[\t\n\x0C\r ]+crd-install"#).expect("the expression is valid")
    });
    let source = String::from_utf8_lossy(source);
    let hook = CRD_HOOK.is_match(&source).then(|| {
        "manifest is a crd-install hook. This hook is no longer supported in v3 and all CRDs should also exist the crds/ \
         directory at the top level of the chart"
            .to_owned()
    });
    report.rule(Severity::Warning, file, hook);
    let time = source.contains(".Release.Time").then(|| {
        ".Release.Time has been removed in v3, please replace with the `now` function in your templates".to_owned()
    });
    report.rule(Severity::Error, file, time);
}

/// Checks the objects of one file. Says whether it could be read as YAML: if not, Helm looks at nothing more, in no file.
pub fn check_manifest(file: &str, text: &str, compat: Compat, kubernetes: (u32, u32), report: &mut Report) -> bool {
    report.rule(Severity::Warning, file, top_indent(text));
    for object in Objects::new(text.as_bytes(), compat) {
        let object = match object {
            Ok(Some(object)) => object,
            Ok(None) => continue,
            Err(problem) => {
                report.add(Severity::Error, file, format!("unable to parse YAML: {problem}"));
                return false;
            }
        };
        report.rule(Severity::Warning, file, name::complaint(&object.kind, &object.name));
        let old = deprecation::warning(&object.api_version, &object.kind, kubernetes);
        report.rule(Severity::Warning, file, old);
        report.rule(Severity::Error, file, selector(&object, text));
        report.rule(Severity::Error, file, kept_in_list(&object, text, compat));
    }
    true
}

/// The first line that is not empty must not be indented.
fn top_indent(text: &str) -> Option<String> {
    for line in text.split('\n') {
        if line.len() >= MAX_LINE {
            return Some("bufio.Scanner: token too long".to_owned());
        }
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() {
            continue;
        }
        return line.starts_with([' ', '\t']).then(|| {
            format!("document starts with an illegal indent: {}, which may cause parsing problems", quote(line))
        });
    }
    None
}

fn selector(object: &Object, text: &str) -> Option<String> {
    let needs_one = matches!(object.kind.as_str(), "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet");
    (needs_one && !text.contains("matchLabels") && !text.contains("matchExpressions")).then(|| {
        format!("a {} must contain matchLabels or matchExpressions, and {} does not", object.kind, quote(&object.name))
    })
}

/// Items of a list cannot be kept: Helm looks at the list's own annotations.
fn kept_in_list(object: &Object, text: &str, compat: Compat) -> Option<String> {
    const METADATA: Struct =
        Struct { name: "struct { Annotations map[string]string }", fields: &[("Annotations", Type::Map(&Type::Text))] };
    const ITEM: Struct = Struct {
        name: "struct { Metadata struct { Annotations map[string]string } }",
        fields: &[("Metadata", Type::Struct(&METADATA))],
    };
    static LIST: Struct = Struct {
        name: "struct { Items []struct { Metadata struct { Annotations map[string]string } } }",
        fields: &[("Items", Type::List(&Type::Struct(&ITEM)))],
    };
    if object.kind != "List" {
        return None;
    }
    let mut list = Mapping::new();
    if let Err(error) = yaml::read_struct(text.as_bytes(), &LIST, "", &mut list) {
        return Some(format!("unable to parse YAML: {error}"));
    }
    let items = list.get("Items").and_then(Value::as_sequence)?;
    let is_kept = |item: &Value| item.at(&["Metadata", "Annotations", "helm.sh/resource-policy"]).is_some();
    let first = if compat == Compat::Helm4 { 'a' } else { 'A' };
    let text = || format!("{first}nnotation 'helm.sh/resource-policy' within List objects are ignored");
    items.iter().any(is_kept).then(text)
}
