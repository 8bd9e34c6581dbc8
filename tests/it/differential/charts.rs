//! Random charts with subcharts, whose values are to be put together.

use maibot::yaml::{Mapping, Value, to_yaml};

use super::random::Random;
use super::{mutate, values};

const NAMES: &[&str] = &["s", "t", "u"];

/// A request of the command `coalesce`.
pub(super) fn request(random: &mut Random) -> Value {
    if random.chance(10) {
        return mutate::request(random, &["coalesce-cases.json"], &["set"]);
    }
    let mut request = Mapping::new();
    let mut files = Mapping::new();
    let mut metadata = Mapping::new();
    subcharts(random, 2, "", &mut files, &mut metadata);
    if random.chance(85) {
        files.insert("values.yaml".to_owned(), Value::from(text(random, 2)));
    }
    if !metadata.is_empty() {
        request.insert("chart".to_owned(), Value::Mapping(metadata));
    }
    if random.chance(80) {
        let values = tree(random, 3);
        let values = if random.chance(50) {
            Value::Mapping(values)
        } else {
            Value::from(to_yaml(&Value::Mapping(values)).unwrap())
        };
        request.insert("values".to_owned(), values::floats_only(values));
    }
    if random.chance(15) {
        let set = random.word(&[
            "a=1",
            "s.a=x",
            "global.g=1",
            "tags.t1=false",
            "s.enabled=false",
            "s.enabled=true",
            "s=null",
            "a=null",
            "s.t.enabled=true",
            "global=null",
        ]);
        request.insert("set".to_owned(), Value::Sequence(vec![Value::from(set)]));
    }
    request.insert("files".to_owned(), Value::Mapping(files));
    Value::Mapping(request)
}

/// A request of the command `upgrade`: two charts with values, most often much alike, and what is taken over.
pub(super) fn upgrade(random: &mut Random) -> Value {
    let old = request(random);
    let mut new = if random.chance(60) { old.clone() } else { request(random) };
    if let (Value::Mapping(new), Value::Mapping(other)) = (&mut new, request(random)) {
        // A new version of a chart has other defaults, and an upgrade other values or none.
        if let (Some(Value::Mapping(files)), true) = (new.get_mut("files"), random.chance(60)) {
            files.insert("values.yaml".to_owned(), Value::from(text(random, 2)));
        }
        for key in ["values", "set"] {
            match (random.below(4), other.get(key)) {
                (0, _) => {}
                (1 | 2, Some(value)) => drop(new.insert(key.to_owned(), value.clone())),
                _ => drop(new.remove(key)),
            }
        }
    }
    let mut upgrade = Mapping::from([("old".to_owned(), old), ("new".to_owned(), new)]);
    for (flag, percent) in [("reset", 12), ("reuse", 45), ("reset_then_reuse", 35)] {
        if random.chance(percent) {
            upgrade.insert(flag.to_owned(), Value::Bool(true));
        }
    }
    Value::Mapping(upgrade)
}

fn text(random: &mut Random, depth: usize) -> String {
    let mut text = to_yaml(&Value::Mapping(tree(random, depth))).unwrap();
    if random.chance(8) {
        text.push_str("---\n");
        text.push_str(&to_yaml(&Value::Mapping(tree(random, depth))).unwrap());
    }
    text
}

/// Values whose keys meet: few names, those of subcharts among them.
fn tree(random: &mut Random, depth: usize) -> Mapping {
    let mut map = Mapping::new();
    for _ in 0..random.few(5) {
        let key = random.word(&["a", "b", "c", "s", "t", "u", "al", "global", "exports", "enabled", "tags", "g"]);
        let value = match key {
            "tags" => Value::Mapping(
                (0..random.few(2)).map(|_| (random.word(&["t1", "t2"]).to_owned(), flag(random))).collect(),
            ),
            "enabled" => flag(random),
            "s" | "t" | "u" | "al" | "global" | "exports" if depth > 0 && random.chance(85) => {
                Value::Mapping(tree(random, depth - 1))
            }
            _ => leaf(random, depth),
        };
        map.insert(key.to_owned(), value);
    }
    map
}

fn flag(random: &mut Random) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => Value::from("true"),
        2 => Value::Float(1.0),
        n => Value::Bool(n % 2 == 0),
    }
}

fn leaf(random: &mut Random, depth: usize) -> Value {
    match random.below(10) {
        0 | 1 => Value::Null,
        2 => Value::Bool(random.chance(50)),
        3 => Value::Float(*random.pick(&[0.0, 1.0, 2.5])),
        4 => Value::Sequence((0..random.few(2)).map(|_| leaf(random, 0)).collect()),
        5 | 6 if depth > 0 => Value::Mapping(tree(random, depth - 1)),
        7 => Value::empty_mapping(),
        _ => Value::from(random.word(&["", "x", "y"])),
    }
}

/// Adds subcharts under `prefix` and lists them (or not) in the metadata of the chart above them.
fn subcharts(random: &mut Random, depth: usize, prefix: &str, files: &mut Mapping, metadata: &mut Mapping) {
    if depth == 0 {
        return;
    }
    let mut listed = Vec::new();
    for name in NAMES {
        if !random.chance(if depth == 2 { 55 } else { 30 }) {
            continue;
        }
        let folder = format!("{prefix}charts/{name}/");
        let version = random.word(&["1.0.0", "1.2.3"]);
        let mut own = Mapping::from([
            ("apiVersion".to_owned(), Value::from("v2")),
            ("name".to_owned(), Value::from(*name)),
            ("version".to_owned(), Value::from(version)),
        ]);
        if random.chance(85) {
            files.insert(format!("{folder}values.yaml"), Value::from(text(random, depth)));
        }
        subcharts(random, depth - 1, &folder, files, &mut own);
        files.insert(format!("{folder}Chart.yaml"), Value::from(to_yaml(&Value::Mapping(own)).unwrap()));
        if random.chance(70) {
            listed.push(dependency(random, name, version));
        }
    }
    if random.chance(4) {
        listed.push(dependency(random, "missing", "1.0.0"));
    }
    if !listed.is_empty() || random.chance(10) {
        metadata.insert("dependencies".to_owned(), Value::Sequence(listed));
    }
}

fn dependency(random: &mut Random, name: &str, version: &str) -> Value {
    let mut entry = Mapping::from([("name".to_owned(), Value::from(name)), ("repository".to_owned(), Value::from(""))]);
    // The vectors' loader knows these forms of constraint.
    let constraint = match random.below(8) {
        0 => "^1.0.0",
        1 => "1.0.0",
        2 => "^2.0.0",
        _ => version,
    };
    entry.insert("version".to_owned(), Value::from(constraint));
    if random.chance(40) {
        let condition = random.word(&[
            "s.enabled",
            "t.enabled",
            "enabled",
            "global.enabled",
            "a.enabled",
            "a",
            "s.enabled,t.enabled",
            "x.y,enabled",
            "al.enabled",
            " enabled ",
        ]);
        entry.insert("condition".to_owned(), Value::from(condition));
    }
    if random.chance(30) {
        let tags = (0..=random.few(2)).map(|_| Value::from(random.word(&["t1", "t2", "t3"]))).collect();
        entry.insert("tags".to_owned(), Value::Sequence(tags));
    }
    if random.chance(15) {
        entry.insert("alias".to_owned(), Value::from(random.word(&["al", "al", "be"])));
    }
    if random.chance(30) {
        // Each into a place of its own: Helm writes what comes second into the map that it took the first one from.
        let mut places = vec!["a", "b", "im", "g.h", "."];
        let mut imports = Vec::new();
        for _ in 0..=random.few(2) {
            let parent = places.remove(random.below(places.len()));
            if parent == "." && !imports.is_empty() {
                continue;
            }
            if parent == "." && random.chance(50) {
                imports.push(Value::from(random.word(&["a", "b", "g", "none"])));
                break;
            }
            let child = random.word(&["a", "exports", "exports.a", "global", "b.c", "."]);
            imports.push(Value::Mapping(Mapping::from([
                ("child".to_owned(), Value::from(child)),
                ("parent".to_owned(), Value::from(parent)),
            ])));
            if parent == "." {
                break;
            }
        }
        entry.insert("import-values".to_owned(), Value::Sequence(imports));
    }
    Value::Mapping(entry)
}
