//! The command `render`: a whole chart through Helm's engine, and the older file of single templates.

use base64::Engine as _;

use maibot::chart::{self, Chart, File};
use maibot::render::ReleaseInfo;
use maibot::render::gotemplate::host::Host;
use maibot::render::helm::{Capabilities, HelmVersion, KubeVersion, Request, render};
use maibot::values::{Compat, Flags, References, check, coalesce};
use maibot::yaml::{Mapping, Numbers, Value, read_documents, read_mapping, to_yaml};

use super::values::{compat, strings};
use super::{Helm, text};

/// A world without a cluster, in UTC, with the system's clock and randomness.
#[derive(Debug)]
struct Outside;

impl Host for Outside {
    fn now(&self) -> i128 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        i128::try_from(since.as_nanos()).unwrap()
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), String> {
        // Any bytes do: what is recorded does not depend on them.
        let mut state = 0x9E37_79B9_u32;
        for byte in buffer {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = state.to_le_bytes()[3];
        }
        Ok(())
    }
}

/// Text, or `{"$bytes": BASE64}`.
fn bytes(value: &Value) -> Vec<u8> {
    match value.get("$bytes") {
        Some(encoded) => base64::engine::general_purpose::STANDARD.decode(encoded.as_str().unwrap()).unwrap(),
        None => value.as_str().unwrap().as_bytes().to_vec(),
    }
}

/// The other way.
fn shown(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => Value::String(text),
        Err(error) => {
            let encoded = base64::engine::general_purpose::STANDARD.encode(error.as_bytes());
            Value::Mapping(Mapping::from([("$bytes".to_owned(), Value::String(encoded))]))
        }
    }
}

/// Numbers of a values file are floats however they are spelled.
fn floats(value: &Value) -> Value {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "as in Go")]
        Value::Int(number) => Value::Float(*number as f64),
        #[expect(clippy::cast_precision_loss, reason = "as in Go")]
        Value::UInt(number) => Value::Float(*number as f64),
        Value::Sequence(list) => Value::Sequence(list.iter().map(floats).collect()),
        Value::Mapping(map) => Value::Mapping(map.iter().map(|(key, value)| (key.clone(), floats(value))).collect()),
        other => other.clone(),
    }
}

/// The chart that a request describes.
fn load(case: &Value, helm: Helm) -> Result<Chart, String> {
    let mut files = std::collections::BTreeMap::new();
    for part in ["templates", "files"] {
        for (path, content) in case.get(part).and_then(Value::as_mapping).into_iter().flatten() {
            files.insert(path.clone(), bytes(content));
        }
    }
    files.entry("Chart.yaml".to_owned()).or_insert_with(|| {
        let mut metadata: Mapping = [("apiVersion", "v2"), ("name", "c"), ("version", "0.1.0"), ("appVersion", "1.2")]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), Value::from(value)))
            .collect();
        metadata.extend(case.get("chart").and_then(Value::as_mapping).cloned().unwrap_or_default());
        to_yaml(&Value::Mapping(metadata)).unwrap().into_bytes()
    });
    let files = files.into_iter().map(|(path, content)| File::new(path, content)).collect();
    chart::from_files(files, compat(helm)).map_err(|error| error.to_string())
}

/// The user's values of a request: a map, or the text of a values file; `--set` over them.
fn user_values(case: &Value, compat: Compat) -> Result<Mapping, String> {
    let given = match (case.get("values"), compat) {
        (None, _) => Mapping::new(),
        (Some(Value::String(text)), Compat::Helm4) => {
            read_documents(text.as_bytes(), Numbers::Helm).map_err(|error| error.to_string())?
        }
        (Some(Value::String(text)), Compat::Helm3) => {
            read_mapping(text.as_bytes(), Numbers::Helm).map_err(|error| error.to_string())?
        }
        (Some(value), _) => floats(value).as_mapping().cloned().unwrap_or_default(),
    };
    let set = strings(case, "set");
    if set.is_empty() {
        return Ok(given);
    }
    let flags = Flags { set, files: vec!["values".to_owned()], ..Flags::default() };
    let text = to_yaml(&Value::Mapping(given)).unwrap().into_bytes();
    let given = flags.collect(compat, Numbers::Helm, false, &mut |_| Ok(text.clone()));
    given.map(|given| given.values).map_err(|error| error.to_string())
}

fn is_true(case: &Value, key: &str) -> bool {
    case.get(key).and_then(Value::as_bool) == Some(true)
}

/// Answers a request.
pub(super) fn answer(case: &Value, helm: Helm) -> Result<Value, String> {
    let compat = compat(helm);
    let loaded = load(case, helm)?;
    let user = user_values(case, compat)?;
    let mut warnings = Vec::new();
    let mut capabilities = Capabilities::assumed(compat);
    // What recorded the vectors was built without the version that releases of Helm have.
    capabilities.helm_version = HelmVersion {
        version: if helm == Helm::Four { "v4.2" } else { "v3.21" }.to_owned(),
        git_tree_state: String::new(),
        ..HelmVersion::of(compat)
    };
    if let Some(version) = case.get("kube_version").and_then(Value::as_str).filter(|version| !version.is_empty()) {
        capabilities.kube_version = KubeVersion::parse(version).map_err(|error| error.to_string())?;
    }
    capabilities.api_versions.extend(strings(case, "api_versions"));
    let (chart, decided) =
        chart::process_dependencies(&loaded, &user, compat, &mut warnings).map_err(|error| error.to_string())?;
    let values = coalesce(&decided, &user, compat, &mut warnings).map_err(|error| error.to_string())?;
    check(&decided, &values, &References::Inside, &mut Vec::new()).map_err(|error| error.to_string())?;
    let release = case.get("release");
    let field = |key: &str| release.and_then(|release| release.get(key));
    let name = |key: &str, default: &str| field(key).and_then(Value::as_str).unwrap_or(default).to_owned();
    let revision = field("revision").and_then(Value::as_i64).unwrap_or(1);
    let release = ReleaseInfo {
        name: name("name", "rel"),
        namespace: name("namespace", "ns"),
        revision: u32::try_from(revision).unwrap(),
        is_upgrade: field("isUpgrade").and_then(Value::as_bool) == Some(true),
    };
    let request = Request {
        chart: &chart,
        values: &values,
        release: &release,
        capabilities: &capabilities,
        host: &Outside,
        compat,
        strict: is_true(case, "strict"),
        lint: is_true(case, "lint"),
        enable_dns: false,
    };
    let files = render(&request).map_err(|error| error.text)?;
    Ok(Value::Mapping(files.into_iter().map(|file| (file.path, shown(file.text))).collect()))
}

/// `{data, cases: [{id, group, tpl, exp}]}`: what one template makes of the data; `ERR:` and a part of the error.
pub(super) fn check_template(case: &Value, file: &Value) -> Option<String> {
    let request = Value::Mapping(Mapping::from([
        (
            "templates".to_owned(),
            Value::Mapping(Mapping::from([("templates/t.yaml".to_owned(), Value::from(text(case, "tpl")))])),
        ),
        ("values".to_owned(), file.at(&["data", "Values"]).cloned().unwrap_or_else(Value::empty_mapping)),
    ]));
    let given = answer(&request, Helm::Four).map(|files| text(&files, "c/templates/t.yaml").to_owned());
    let wanted = text(case, "exp");
    let is_right = match (wanted.strip_prefix("ERR:"), &given) {
        (Some(part), Err(error)) => error.contains(part.trim()),
        (None, Ok(text)) => text == wanted,
        _ => false,
    };
    (!is_right)
        .then(|| format!("{} {:?}\n    wanted {wanted:?}\n    given  {given:?}", text(case, "id"), text(case, "tpl")))
}
