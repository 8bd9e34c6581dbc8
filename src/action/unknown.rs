//! Keys in the user's values that MaiBot's charts have no use for: a slip of the pen, or a key of another version.
//!
//! Asked of charts named `maibot` only: what they know is written down, in their defaults, their schema, their templates
//! and the charts inside them. Other charts may read their values in ways that nobody can see from outside.

use super::{Error, Notice, UserValues};
use crate::application::values_keys::PassingKey;
use crate::chart::{Chart, Engine, File};
use crate::values::{Known, Place};
use crate::yaml::{Mapping, Step};

/// How many charts inside of each other are looked at, each as often as it is used.
const MAX_CHARTS: usize = 1000;

/// A key of the user's that the chart has no use for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownValue {
    /// Where it is, itself included.
    pub path: Vec<Step>,
    /// Where the user gave it last; nothing if nobody knows.
    pub place: Option<Place>,
    /// The known key that is most like it, or has taken its place.
    pub nearest: Option<Vec<Step>>,
    /// The charts that have such a key, if the published ones are known to.
    pub passing: Option<&'static PassingKey>,
}

/// What is done with unknown keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownKeys {
    /// They are warned about.
    #[default]
    Warn,
    /// They are an error.
    Refuse,
}

/// Looks for keys of the user's that a chart has no use for, and tells them or fails.
pub(super) fn check(
    chart: &Chart,
    values: &UserValues,
    way: UnknownKeys,
    notices: &mut dyn FnMut(Notice),
) -> Result<(), Error> {
    let found = find(chart, values);
    match way {
        UnknownKeys::Refuse if !found.is_empty() => Err(Error::UnknownKeys { found }),
        _ => {
            for key in found {
                notices(Notice::UnknownKey(Box::new(key)));
            }
            Ok(())
        }
    }
}

/// The user's keys that a chart has no use for, in order; none for charts that are not MaiBot's. `chart` is as it was
/// loaded, before its dependencies are processed.
pub(super) fn find(chart: &Chart, values: &UserValues) -> Vec<UnknownValue> {
    if chart.metadata.name != "maibot" || values.map().is_empty() {
        return Vec::new();
    }
    // What the defaults have is known already, whatever else is, unless a chart inside decides over it. Most values have
    // nothing else, and reading a schema for its keys takes longer than all the rest.
    let is_alone = chart.dependencies.is_empty() && chart.metadata.dependencies.is_none();
    let has = |defaults: &Mapping| Known::from_defaults(defaults).unknown(values.map()).is_empty();
    if is_alone && chart.values_map().is_ok_and(has) {
        return Vec::new();
    }
    let unknown = known_to(chart, &mut MAX_CHARTS.clone()).unknown(values.map());
    let told = unknown.into_iter().map(|key| {
        let passing = PassingKey::at(&key.path);
        let now = passing.and_then(|key| key.now.as_deref()).map(|now| now.split('.').map(Step::from).collect());
        UnknownValue {
            place: values.given().last_place(&key.path),
            // What took the place of a key is nearer than what is spelled like it; and a key that came later is no slip.
            nearest: if passing.is_some() { now } else { key.nearest },
            passing,
            path: key.path,
        }
    });
    told.collect()
}

/// The keys that a chart and those inside it have a use for; `left` charts are looked at.
fn known_to(chart: &Chart, left: &mut usize) -> Known {
    let Some(less) = left.checked_sub(1) else { return Known::Anything };
    *left = less;
    let mut known = chart.values_map().map_or_else(|_| Known::Anything, Known::from_defaults);
    let schema = chart.schema.as_ref().and_then(|schema| serde_json::from_slice(schema).ok());
    if let Some(schema) = schema {
        known.add_schema(&schema);
    }
    if chart.engine == Engine::Go {
        let mut paths: Vec<Vec<&str>> = chart.templates.iter().filter_map(File::text).flat_map(read_paths).collect();
        // A map that is read as a whole may hold anything, whatever of it is read elsewhere.
        paths.sort_by_key(Vec::len);
        for path in &paths {
            known.add_path(path);
        }
    }
    known.add_path(&["global"]);
    let declared = chart.metadata.dependencies.as_deref().unwrap_or_default();
    if !declared.is_empty() {
        known.add_path(&["tags"]);
    }
    for dependency in declared {
        let inside = chart.dependencies.iter().find(|chart| chart.metadata.name == dependency.name);
        known.add_subchart(dependency.used_name(), inside.map_or(Known::Anything, |inside| known_to(inside, left)));
        // What it exports may be set under the names it gets here; which those are, its own values decide.
        if !dependency.import_values.is_empty() {
            known.add(Known::Anything);
        }
    }
    for chart in &chart.dependencies {
        if !declared.iter().any(|dependency| dependency.name == chart.metadata.name) {
            known.add_subchart(&chart.metadata.name, known_to(chart, left));
        }
    }
    // After the charts inside, of which they may switch one.
    for condition in declared.iter().flat_map(|it| it.condition.split(',')).map(str::trim).filter(|it| !it.is_empty()) {
        known.add_path(&condition.split('.').collect::<Vec<_>>());
    }
    known
}

/// The paths below `.Values` that a template reads by name.
fn read_paths(template: &str) -> impl Iterator<Item = Vec<&str>> {
    template.match_indices(".Values.").map(|(at, root)| {
        let rest = template.get(at + root.len()..).unwrap_or_default();
        let end = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.')).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default().split('.').take_while(|key| !key.is_empty()).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::from_files;
    use crate::values::{Compat, Flags};
    use crate::yaml::Numbers;

    fn chart(files: &[(&str, &str)]) -> Chart {
        let files = files.iter().map(|(name, text)| File::new((*name).to_owned(), text.as_bytes().to_vec()));
        from_files(files.collect(), Compat::Helm4).unwrap()
    }

    fn given(text: &str) -> UserValues {
        let flags = Flags { files: vec!["v.yaml".to_owned()], ..Flags::default() };
        let read = &mut |_: &str| Ok(text.as_bytes().to_vec());
        UserValues::new(flags.collect(Compat::Helm4, Numbers::Helm, true, read).unwrap())
    }

    fn unknown(chart: &Chart, text: &str) -> Vec<String> {
        let text_of = |path: &[Step]| {
            let keys = path.iter().map(|step| match step {
                Step::Key(key) => key.clone(),
                Step::Index(index) => index.to_string(),
            });
            keys.collect::<Vec<_>>().join(".")
        };
        let told = find(chart, &given(text)).into_iter().map(|key| {
            let nearest = key.nearest.map(|path| format!(" -> {}", text_of(&path))).unwrap_or_default();
            text_of(&key.path) + &nearest
        });
        told.collect()
    }

    const NAME: (&str, &str) = ("Chart.yaml", "apiVersion: v2\nname: maibot\nversion: 1.0.0\n");

    #[test]
    fn what_templates_read_is_known_though_the_defaults_lack_it() {
        let template =
            "{{ .Values.extra.one }}{{ $.Values.whole | toYaml }}{{ .Values.whole.part }}{{ .Values.core.x }}";
        let chart = chart(&[NAME, ("values.yaml", "core: {image: {tag: ~}}\n"), ("templates/t.yaml", template)]);
        assert_eq!(
            unknown(&chart, "{extra: {one: {any: 1}, two: 2}, whole: {any: 1}, core: {x: 1, z: 2}}"),
            ["core.z", "extra.two"]
        );
    }

    #[test]
    fn charts_inside_know_their_own_keys_under_the_name_they_go_by() {
        let dependencies =
            "dependencies:\n- {name: db, version: 1.0.0, alias: store, condition: 'store.use,flags.db', tags: [t]}\n";
        let chart = chart(&[
            ("Chart.yaml", &format!("{}{dependencies}", NAME.1)),
            ("values.yaml", "store: {}\n"),
            ("charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n"),
            ("charts/db/values.yaml", "port: 1\n"),
            ("charts/free/Chart.yaml", "apiVersion: v2\nname: free\nversion: 1.0.0\n"),
            ("charts/free/values.yaml", "size: 1\n"),
        ]);
        assert_eq!(
            unknown(
                &chart,
                "{store: {port: 2, prot: 3, use: true, global: {g: 1}}, flags: {db: false}, tags: {t: true}, \
                 global: {any: 1}, free: {seize: 1}, db: {}}"
            ),
            ["db -> flags.db", "free.seize -> free.size", "store.prot"]
        );
    }

    #[test]
    fn a_schema_may_name_keys_and_may_leave_maps_free() {
        let schema = r##"{"properties": {"a": {"$ref": "#/definitions/a"}, "b": {"additionalProperties": {"type": "string"}}},
            "definitions": {"a": {"properties": {"inner": {"$ref": "#/definitions/a"}}}}}"##;
        let chart = chart(&[NAME, ("values.yaml", "a: {b: 1}\n"), ("values.schema.json", schema)]);
        assert_eq!(
            unknown(&chart, "{a: {b: 2, inner: {inner: {x: 1}}, c: 1}, b: {any: x}}"),
            ["a.c", "a.inner.inner.x"]
        );
    }

    #[test]
    fn other_charts_are_not_asked() {
        let chart = chart(&[("Chart.yaml", &NAME.1.replace("maibot", "web")), ("values.yaml", "a: 1\n")]);
        assert!(unknown(&chart, "b: 1").is_empty());
    }

    #[test]
    fn a_key_of_another_version_is_told_as_such() {
        let chart = Chart::embedded().unwrap();
        let found = find(&chart, &given("core: {persistence: {size: 5Gi}, setup_default_plugins: true, tag: x}"));
        let shown: Vec<_> = found.iter().map(|key| (key.nearest.clone(), key.passing.is_some())).collect();
        let path = |keys: &[&str]| Some(keys.iter().map(|key| Step::from(*key)).collect::<Vec<_>>());
        assert_eq!(
            shown,
            [
                (path(&["core", "persistence", "data", "size"]), true),
                (None, true),
                (path(&["core", "image", "tag"]), false),
            ]
        );
    }
}
