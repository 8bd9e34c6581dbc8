//! The command `sort`: splitting, hooks, order.

use maibot::render::manifest::{self, Document, Order};
use maibot::values::Compat;
use maibot::yaml::{Mapping, Value};

use super::{Helm, text};

pub(super) fn answer(case: &Value, helm: Helm) -> Result<Value, String> {
    let order =
        if case.get("uninstall").and_then(Value::as_bool) == Some(true) { Order::Uninstall } else { Order::Install };
    let compat = match helm {
        Helm::Three => Compat::Helm3,
        Helm::Four => Compat::Helm4,
    };
    let files: Vec<(&str, &str)> = match case.get("manifests").and_then(Value::as_mapping) {
        Some(files) => files.iter().map(|(path, text)| (path.as_str(), text.as_str().unwrap())).collect(),
        None => vec![("c/templates/t.yaml", text(case, "manifest"))],
    };
    let sorted = manifest::sort(files, order, compat).map_err(|error| error.to_string())?;
    let hooks = sorted.hooks.iter().map(|hook| {
        let mut map = document(&hook.document);
        map.insert("name".to_owned(), Value::from(hook.document.name.as_str()));
        map.insert("events".to_owned(), list(&hook.events));
        map.insert("weight".to_owned(), Value::from(hook.weight));
        map.insert("delete_policies".to_owned(), list(&hook.delete_policies));
        map.insert("output_log_policies".to_owned(), list(&hook.output_log_policies));
        Value::Mapping(map)
    });
    let hooks = Value::Sequence(hooks.collect());
    let manifests = Value::Sequence(sorted.documents.iter().map(|one| Value::Mapping(document(one))).collect());
    Ok(Value::Mapping([("hooks".to_owned(), hooks), ("manifests".to_owned(), manifests)].into()))
}

fn document(document: &Document) -> Mapping {
    [("path", &document.path), ("kind", &document.kind), ("content", &document.content)]
        .map(|(key, text)| (key.to_owned(), Value::from(text.as_str())))
        .into()
}

fn list(words: &[impl AsRef<str>]) -> Value {
    Value::Sequence(words.iter().map(|word| Value::from(word.as_ref())).collect())
}
