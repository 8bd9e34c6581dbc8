//! The commands `strvals`, `coalesce` and `upgrade`.

use maibot::values::{
    ChartValues, Compat, Dependency, Flags, Import, Previous, Reuse, coalesce, process_dependencies, reuse,
};
use maibot::yaml::{Mapping, Numbers, Value, json, read_documents, read_mapping};

use super::{Helm, text};

pub(super) fn compat(helm: Helm) -> Compat {
    match helm {
        Helm::Four => Compat::Helm4,
        Helm::Three => Compat::Helm3,
    }
}

pub(super) fn strings(case: &Value, key: &str) -> Vec<String> {
    let list = case.get(key).and_then(Value::as_sequence);
    list.into_iter().flatten().map(|item| item.as_str().unwrap().to_owned()).collect()
}

pub(super) fn answer_strvals(case: &Value, helm: Helm) -> Result<Value, String> {
    let flags = Flags {
        files: strings(case, "values_files"),
        set_json: strings(case, "set_json"),
        set: strings(case, "set"),
        set_string: strings(case, "set_string"),
        set_file: strings(case, "set_file"),
        set_literal: strings(case, "set_literal"),
    };
    let mut read = |name: &str| match case.at(&["files", name]) {
        Some(content) => Ok(content.as_str().unwrap().as_bytes().to_vec()),
        None if name.is_empty() => Err("open : no such file or directory".to_owned()),
        None => Err(format!("open {name}: no such file or directory")),
    };
    let plain = flags.collect(compat(helm), Numbers::Helm, false, &mut read);
    let followed = flags.collect(compat(helm), Numbers::Helm, true, &mut read);
    // Following origins may not change anything.
    assert_eq!(plain.as_ref().map(|given| &given.values), followed.as_ref().map(|given| &given.values));
    plain.map(|given| Value::Mapping(given.values)).map_err(|error| error.to_string())
}

/// The chart of a request and the user's values.
fn chart_and_values(case: &Value, helm: Helm) -> Result<(ChartValues, Mapping), String> {
    let files: Mapping = case.get("files").and_then(Value::as_mapping).cloned().unwrap_or_default();
    let metadata = case.get("chart").cloned().unwrap_or_else(Value::empty_mapping);
    let chart = load(&files, "", metadata.as_mapping().unwrap(), helm)?;
    let mut flags = Flags { set: strings(case, "set"), ..Flags::default() };
    let mut written = String::new();
    match case.get("values") {
        None => {}
        Some(Value::String(text)) => written.clone_from(text),
        Some(value) => written = maibot::yaml::to_yaml(value).unwrap(),
    }
    flags.files.push("values".to_owned());
    let given = flags
        .collect(compat(helm), Numbers::Helm, false, &mut |_| Ok(written.clone().into_bytes()))
        // The vectors were recorded below the command line, which names the flag.
        .map_err(|error| error.to_string().trim_start_matches("failed parsing --set data: ").to_owned())?;
    Ok((chart, given.values))
}

pub(super) fn answer_coalesce(case: &Value, helm: Helm) -> Result<Value, String> {
    let (mut chart, given) = chart_and_values(case, helm)?;
    let mut warnings = Vec::new();
    process_dependencies(&mut chart, &given, compat(helm), &is_compatible, &mut warnings)
        .map_err(|error| error.to_string())?;
    let values = coalesce(&chart, &given, compat(helm), &mut warnings).map_err(|error| error.to_string())?;
    let mut lines: Vec<String> = warnings.iter().map(|warning| warning.text(compat(helm))).collect();
    lines.sort();
    Ok(Value::Mapping(Mapping::from([
        ("charts".to_owned(), names(&chart)),
        ("values".to_owned(), Value::Mapping(values)),
        ("warnings".to_owned(), Value::Sequence(lines.into_iter().map(Value::String).collect())),
    ])))
}

/// The values of an upgrade, with the old release as its record keeps it.
pub(super) fn answer_upgrade(case: &Value, helm: Helm) -> Result<Value, String> {
    let side = |name: &str| chart_and_values(case.get(name).unwrap_or(&Value::empty_mapping()), helm);
    let flag = |name: &str| case.get(name).and_then(Value::as_bool).unwrap_or_default();
    let compat = compat(helm);
    let warnings = &mut Vec::new();
    let process = |chart: &mut ChartValues, values: &Mapping, warnings: &mut Vec<_>| {
        process_dependencies(chart, values, compat, &is_compatible, warnings).map_err(|error| error.to_string())
    };
    let (mut old, config) = side("old")?;
    process(&mut old, &config, warnings)?;
    let recorded = |values: &Mapping| {
        let text = json::to_json(&Value::Mapping(values.clone())).unwrap();
        let Value::Mapping(map) = json::read(&text, Numbers::Helm).unwrap() else { panic!("{text}") };
        map
    };
    let config = recorded(&config);
    let old = ChartValues { name: old.name, values: recorded(&old.values), ..ChartValues::default() };
    let (mut new, given) = side("new")?;
    let mode = Reuse::of_flags(flag("reset"), flag("reuse"), flag("reset_then_reuse"));
    let previous = Previous { chart: &old, config: &config };
    let reused = reuse(mode, previous, &given, compat, warnings).map_err(|error| error.to_string())?;
    if let Some(defaults) = reused.defaults {
        new.values = defaults;
    }
    process(&mut new, &reused.config, warnings)?;
    let values = coalesce(&new, &reused.config, compat, warnings).map_err(|error| error.to_string())?;
    Ok(Value::Mapping(Mapping::from([
        ("config".to_owned(), Value::Mapping(reused.config)),
        ("values".to_owned(), Value::Mapping(values)),
    ])))
}

fn names(chart: &ChartValues) -> Value {
    Value::Mapping(chart.subcharts.iter().map(|subchart| (subchart.name.clone(), names(subchart))).collect())
}

/// The constraints that the vectors use: none, an exact version, a caret.
fn is_compatible(constraint: &str, version: &str) -> bool {
    let version = semver::Version::parse(version).unwrap();
    let constraint = if constraint.starts_with(|c: char| c.is_ascii_digit()) {
        format!("={constraint}")
    } else {
        constraint.to_owned()
    };
    !constraint.is_empty() && semver::VersionReq::parse(&constraint).is_ok_and(|it| it.matches(&version))
}

/// A chart of the files below `prefix`.
fn load(files: &Mapping, prefix: &str, metadata: &Mapping, helm: Helm) -> Result<ChartValues, String> {
    let file = |name: &str| files.get(&format!("{prefix}{name}")).and_then(Value::as_str);
    let values = file("values.yaml").unwrap_or_default().as_bytes();
    let values = match helm {
        Helm::Four => read_documents(values, Numbers::Helm),
        Helm::Three => read_mapping(values, Numbers::Helm),
    };
    let string = |map: &Mapping, key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut dependencies = None;
    if let Some(Value::Sequence(list)) = metadata.get("dependencies") {
        let list: Vec<Dependency> = list
            .iter()
            .map(|it| {
                let map = it.as_mapping().unwrap();
                Dependency {
                    name: string(map, "name"),
                    version: string(map, "version"),
                    condition: string(map, "condition"),
                    tags: strings(it, "tags"),
                    alias: string(map, "alias"),
                    import_values: it
                        .get("import-values")
                        .and_then(Value::as_sequence)
                        .into_iter()
                        .flatten()
                        .filter_map(Import::from_value)
                        .collect(),
                }
            })
            .collect();
        let mut names = std::collections::BTreeSet::new();
        for dependency in &list {
            dependency.validate().map_err(|error| error.to_string())?;
            let name = if dependency.alias.is_empty() { &dependency.name } else { &dependency.alias };
            if !names.insert(name) {
                return Err(format!("validation: more than one dependency with name or alias {name:?}"));
            }
        }
        dependencies = Some(list);
    }
    let name = Some(string(metadata, "name")).filter(|name| !name.is_empty()).unwrap_or_else(|| "c".to_owned());
    let charts = format!("{prefix}charts/");
    let mut folders: Vec<&str> =
        files.keys().filter_map(|path| path.strip_prefix(&charts)?.split_once('/')).map(|(folder, _)| folder).collect();
    folders.dedup();
    let mut subcharts = Vec::new();
    for folder in folders {
        let prefix = format!("{charts}{folder}/");
        let metadata = text(&Value::Mapping(files.clone()), &format!("{prefix}Chart.yaml")).to_owned();
        let metadata = read_mapping(metadata.as_bytes(), Numbers::Exact).unwrap();
        let subchart = load(files, &prefix, &metadata, helm);
        let subchart = subchart.map_err(|error| format!("error unpacking subchart {folder} in {name}: {error}"))?;
        subcharts.push(ChartValues { place: subcharts.len(), ..subchart });
    }
    Ok(ChartValues {
        name,
        version: string(metadata, "version"),
        values: values.map_err(|error| error.to_string())?,
        schema: None,
        dependencies,
        subcharts,
        ..ChartValues::default()
    })
}
