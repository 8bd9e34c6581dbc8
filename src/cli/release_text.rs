//! A release on stdout: the text that `install`, `status` and `get all` print, byte for byte Helm's. Rules: Helm's
//! `pkg/cmd/status.go` and kubectl's table printer.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::action::resources::Group;
use crate::release::{ApplyMethod, Release, Spelling};
use crate::ui::{Failure, Helm, Paint, json_line};
use crate::values::{ChartValues, Compat, coalesce};
use crate::yaml::{Mapping, Numbers, Value, json, to_yaml};

/// What Helm writes as description of a dry run, which makes it show hooks and manifest.
const DRY_RUN: &str = "dry run complete";

/// What of a release is shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown<'a> {
    /// `DESCRIPTION:`.
    pub(crate) description: bool,
    /// `CHART:`, `VERSION:`, `APP_VERSION:`.
    pub(crate) metadata: bool,
    /// `RESOURCES:`.
    pub(crate) resources: Option<&'a [Group]>,
    /// Values, hooks and manifest (`--debug`, `get all`).
    pub(crate) everything: bool,
    /// No `NOTES:`.
    pub(crate) hide_notes: bool,
    /// Colour, which Helm 4 uses on a terminal.
    pub(crate) paint: Paint,
    /// Which Helm is imitated.
    pub(crate) helm: Option<Helm>,
}

impl Shown<'_> {
    /// What `install` shows: the description with Helm 4 only.
    pub(crate) fn of_install(helm: Option<Helm>) -> Self {
        Self { description: helm != Some(Helm::Three), helm, ..Self::default() }
    }
}

/// The text.
pub(crate) fn text(release: &Release, shown: &Shown<'_>) -> Result<String, Failure> {
    let mut out = String::new();
    let info = &release.info;
    let _ = writeln!(out, "NAME: {}", release.name);
    if let Some(time) = info.last_deployed {
        let _ = writeln!(out, "LAST DEPLOYED: {}", time.ansi_c());
    }
    let _ = writeln!(out, "NAMESPACE: {}", shown.paint.name(&release.namespace));
    let _ = writeln!(out, "STATUS: {}", shown.paint.status(info.status.word()));
    let _ = writeln!(out, "REVISION: {}", release.revision);
    if shown.metadata {
        let _ = writeln!(out, "CHART: {}", release.chart.name());
        let _ = writeln!(out, "VERSION: {}", release.chart.version());
        let _ = writeln!(out, "APP_VERSION: {}", release.chart.app_version());
    }
    if shown.description {
        let _ = writeln!(out, "DESCRIPTION: {}", info.description);
    }
    if let Some(groups) = shown.resources.filter(|groups| !groups.is_empty()) {
        let _ = writeln!(out, "RESOURCES:\n{}", resources(groups));
    }
    tests(release, &mut out);
    if shown.everything {
        let _ = writeln!(out, "USER-SUPPLIED VALUES:\n{}", yaml(&release.config)?);
        let _ = writeln!(out, "COMPUTED VALUES:\n{}", yaml(&computed_values(release, shown.helm)?)?);
    }
    if shown.everything || info.description.eq_ignore_ascii_case(DRY_RUN) {
        out.push_str("HOOKS:\n");
        out.push_str(&hooks(release));
        let _ = writeln!(out, "MANIFEST:\n{}", release.manifest);
    }
    if !shown.hide_notes && !info.notes.is_empty() {
        let _ = writeln!(out, "NOTES:\n{}", info.notes.trim());
    }
    Ok(out)
}

fn tests(release: &Release, out: &mut String) {
    let mut tests = release.hooks.iter().filter(|hook| hook.events.iter().any(|event| event == "test")).peekable();
    if tests.peek().is_none() {
        out.push_str("TEST SUITE: None\n");
        return;
    }
    for hook in tests {
        let Some(started) = hook.last_run.started_at else { continue };
        let completed = hook.last_run.completed_at.map(|time| time.ansi_c()).unwrap_or_default();
        let _ = writeln!(
            out,
            "TEST SUITE:     {}\nLast Started:   {}\nLast Completed: {completed}\nPhase:          {}",
            hook.name,
            started.ansi_c(),
            hook.last_run.phase
        );
    }
}

/// The hooks as `get hooks` prints them.
pub(crate) fn hooks(release: &Release) -> String {
    release.hooks.iter().fold(String::new(), |mut out, hook| {
        let _ = writeln!(out, "---\n# Source: {}\n{}", hook.path, hook.manifest);
        out
    })
}

/// Stored defaults with the user's values over them, as `get values --all` shows them.
pub(crate) fn computed_values(release: &Release, helm: Option<Helm>) -> Result<Mapping, Failure> {
    let chart = ChartValues {
        name: release.chart.name().to_owned(),
        version: release.chart.version().to_owned(),
        values: release.chart.values.clone(),
        ..ChartValues::default()
    };
    let compat = if helm == Some(Helm::Three) { Compat::Helm3 } else { Compat::Helm4 };
    coalesce(&chart, &release.config, compat, &mut Vec::new()).map_err(|error| Failure::room(error.code(), &error))
}

/// A map as YAML with a final line break.
pub(crate) fn yaml(map: &Mapping) -> Result<String, Failure> {
    // Helm prints no values as the null they are read back as.
    let value = if map.is_empty() { Value::Null } else { Value::Mapping(map.clone()) };
    to_yaml(&value).map_err(|error| Failure::internal(&error))
}

/// Whose spelling of a record is printed.
pub(crate) fn spelling(helm: Option<Helm>) -> Spelling {
    if helm == Some(Helm::Three) { Spelling::Helm3 } else { Spelling::Helm4 }
}

/// A release as `status -o json` shows it: without the chart, with the objects as they are now.
pub(crate) fn status_json(
    release: &Release,
    objects: &BTreeMap<String, Vec<serde_json::Value>>,
    helm: Option<Helm>,
) -> Result<String, Failure> {
    let objects = if objects.is_empty() { None } else { Some(json_line(objects)?) };
    Ok(crate::release::to_status_json(release, objects.as_deref().map(str::trim_end), spelling(helm)) + "\n")
}

/// JSON as YAML with sorted keys.
pub(crate) fn json_as_yaml(json: &str) -> Result<String, Failure> {
    let value = json::read(json, Numbers::Exact).map_err(|error| Failure::internal(&error))?;
    to_yaml(&value).map_err(|error| Failure::internal(&error))
}

/// The words for how a revision was applied.
pub(crate) const fn apply_method(method: Option<ApplyMethod>) -> &'static str {
    match method {
        None => "client-side apply (defaulted)",
        Some(ApplyMethod::ClientSide) => "client-side apply",
        Some(ApplyMethod::ServerSide) => "server-side apply",
    }
}

/// `RESOURCES:` as kubectl's printer writes them: head and first row aligned with each other, every further row by itself.
fn resources(groups: &[Group]) -> String {
    let mut out = String::new();
    for group in groups {
        let _ = writeln!(out, "==> {}", group.heading);
        for (index, row) in group.rows.iter().enumerate() {
            if index == 0 { lines(&[&group.columns, row], &mut out) } else { lines(&[row], &mut out) }
        }
        out.push('\n');
    }
    out
}

/// Go's tabwriter with a minimal width of 6 and a padding of 3.
fn lines(rows: &[&Vec<String>], out: &mut String) {
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            out.push_str(cell);
            if column + 1 == row.len() {
                break;
            }
            let length = |row: &&Vec<String>| row.get(column).map_or(0, |cell| cell.chars().count());
            let width = (rows.iter().map(length).max().unwrap_or_default() + 3).max(6);
            out.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
        }
        out.push('\n');
    }
}

/// A manifest whose Secrets are left out, as `--hide-secret` wants it.
pub(crate) fn without_secrets(manifest: &str) -> String {
    let mut out = String::new();
    for document in manifest.split("---\n").filter(|document| !document.is_empty()) {
        let secret = document.lines().any(|line| line.trim_end() == "kind: Secret")
            && document.lines().any(|line| line.trim_end() == "apiVersion: v1");
        out.push_str("---\n");
        if secret {
            if let Some(source) = document.lines().find(|line| line.starts_with("# Source: ")) {
                out.push_str(source);
                out.push('\n');
            }
            out.push_str("# HIDDEN: The Secret output has been suppressed\n");
        } else {
            out.push_str(document);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{Hook, HookRun, Info, Status, Timestamp};

    fn release() -> Release {
        Release {
            name: "mai".into(),
            namespace: "bot".into(),
            revision: 1,
            info: Info {
                last_deployed: Timestamp::parse("1977-09-02T22:04:05Z").unwrap(),
                status: Status::Deployed,
                description: "Install complete".into(),
                notes: "\nhi\n\n".into(),
                ..Info::default()
            },
            ..Release::default()
        }
    }

    #[test]
    fn the_text_is_helms() {
        let shown = Shown::of_install(None);
        assert_eq!(
            text(&release(), &shown).unwrap(),
            "NAME: mai\nLAST DEPLOYED: Fri Sep  2 22:04:05 1977\nNAMESPACE: bot\nSTATUS: deployed\nREVISION: 1\n\
             DESCRIPTION: Install complete\nTEST SUITE: None\nNOTES:\nhi\n"
        );
        let old = text(&release(), &Shown::of_install(Some(Helm::Three))).unwrap();
        assert!(!old.contains("DESCRIPTION"));
    }

    #[test]
    fn executed_tests_are_told() {
        let mut release = release();
        let time = Timestamp::parse("1977-09-02T22:04:05Z").unwrap();
        let run = HookRun { started_at: time, completed_at: time, phase: "Succeeded".into() };
        release.hooks = vec![Hook { name: "t".into(), events: vec!["test".into()], last_run: run, ..Hook::default() }];
        let text = text(&release, &Shown::default()).unwrap();
        assert!(text.contains(
            "TEST SUITE:     t\nLast Started:   Fri Sep  2 22:04:05 1977\nLast Completed: Fri Sep  2 22:04:05 1977\nPhase:          Succeeded\n"
        ));
    }

    #[test]
    fn resources_are_aligned_as_kubectl_does() {
        let group = Group {
            heading: "v1/StatefulSet".into(),
            columns: vec!["NAME".into(), "READY".into(), "AGE".into()],
            rows: vec![
                vec!["mai-maibot-adapter".into(), "0/1".into(), "8s".into()],
                vec!["mai-maibot-core".into(), String::new(), "8s".into()],
            ],
        };
        assert_eq!(
            resources(&[group]),
            "==> v1/StatefulSet\nNAME                 READY   AGE\nmai-maibot-adapter   0/1     8s\nmai-maibot-core         8s\n\n"
        );
    }

    #[test]
    fn hidden_secrets_leave_a_comment() {
        let manifest = "---\n# Source: c/templates/a.yaml\napiVersion: v1\nkind: Secret\ndata: {a: b}\n---\n# Source: c/templates/b.yaml\nkind: ConfigMap\n";
        assert_eq!(
            without_secrets(manifest),
            "---\n# Source: c/templates/a.yaml\n# HIDDEN: The Secret output has been suppressed\n---\n# Source: c/templates/b.yaml\nkind: ConfigMap\n"
        );
    }
}
