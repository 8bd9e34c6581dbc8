//! The texts and tables that were written anew are compared with the recorded facts of chart 0.12.2: the key tree of
//! the values, the three configuration files, components, versions and agreements.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use maibot::application::components::{Claim, ComponentId, Components, Workload};
use maibot::application::config::{ConfigFile, Deployment, env_file, reset};
use maibot::application::consent::Agreement;
use maibot::application::toml_text::later_than_1_0;
use maibot::application::versions::Versions;
use maibot::yaml::Value as HelmValue;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn json_file(path: impl AsRef<Path>) -> Value {
    let path = root().join("tests/conformance").join(path);
    serde_json::from_slice(&std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

fn values() -> Value {
    serde_yaml::from_str(&std::fs::read_to_string(root().join("values.yaml")).unwrap()).unwrap()
}

fn values_facts() -> Value {
    json_file("official-chart/values-facts-0.12.2.json")
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// A text that the facts keep as a hash only.
fn hashed(fact: &Value) -> Option<&str> {
    fact.get("bytes")?;
    fact.get("sha256")?.as_str()
}

/// Every leaf of a tree under its dotted path; an empty map is a leaf.
fn leaves(tree: &Value, path: &str, into: &mut BTreeMap<String, Value>) {
    match tree {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                leaves(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, into);
            }
        }
        leaf => {
            into.insert(path.to_owned(), leaf.clone());
        }
    }
}

#[test]
fn the_values_have_the_keys_and_defaults_of_chart_0_12_2() {
    let mut ours = BTreeMap::new();
    leaves(&values(), "", &mut ours);
    let facts = values_facts();
    let theirs = facts["keys"].as_object().unwrap();
    assert_eq!(ours.keys().collect::<BTreeSet<_>>(), theirs.keys().collect::<BTreeSet<_>>());
    let mut own_texts = Vec::new();
    for (path, fact) in theirs {
        if let Some(hash) = hashed(&fact["default"]) {
            assert_ne!(sha256(ours[path].as_str().unwrap()), hash, "{path} is to be written anew");
            own_texts.push(path.as_str());
        } else {
            assert_eq!(ours[path], fact["default"], "{path}");
        }
    }
    assert_eq!(own_texts, ["config.adapter_config", "config.core_bot_config", "config.core_model_config"]);
}

/// A TOML document as JSON, integers and floats kept apart.
fn toml(text: &str) -> Value {
    fn of_value(value: &toml_edit::Value) -> Value {
        use toml_edit::Value as Toml;
        match value {
            Toml::String(text) => text.value().as_str().into(),
            Toml::Integer(number) => (*number.value()).into(),
            Toml::Float(number) => (*number.value()).into(),
            Toml::Boolean(flag) => (*flag.value()).into(),
            Toml::Datetime(time) => panic!("no file holds a time, but: {}", time.value()),
            Toml::Array(array) => array.iter().map(of_value).collect(),
            Toml::InlineTable(table) => table.iter().map(|(key, value)| (key.to_owned(), of_value(value))).collect(),
        }
    }
    fn of_table(table: &toml_edit::Table) -> Value {
        table.iter().map(|(key, item)| (key.to_owned(), of_item(item))).collect::<Map<_, _>>().into()
    }
    fn of_item(item: &toml_edit::Item) -> Value {
        match item {
            toml_edit::Item::None => Value::Null,
            toml_edit::Item::Value(value) => of_value(value),
            toml_edit::Item::Table(table) => of_table(table),
            toml_edit::Item::ArrayOfTables(array) => array.iter().map(of_table).collect(),
        }
    }
    of_table(&text.parse::<toml_edit::DocumentMut>().unwrap())
}

/// Whether a default is the recorded one: equal, of the same type, with texts of our own where only hashes are
/// recorded.
fn assert_same(ours: &Value, fact: &Value, path: &str) {
    if let Some(hash) = hashed(fact) {
        let text = ours.as_str().unwrap_or_else(|| panic!("{path} has to be a text"));
        assert!(!text.trim().is_empty(), "{path} is empty");
        assert_ne!(sha256(text), hash, "{path} is to be written anew");
        return;
    }
    match (ours, fact) {
        (Value::Array(ours), Value::Array(fact)) => {
            assert_eq!(ours.len(), fact.len(), "{path}");
            for (index, (ours, fact)) in ours.iter().zip(fact).enumerate() {
                assert_same(ours, fact, &format!("{path}[{index}]"));
            }
        }
        (Value::Object(ours), Value::Object(fact)) => {
            assert_eq!(ours.keys().collect::<BTreeSet<_>>(), fact.keys().collect::<BTreeSet<_>>(), "{path}");
            for (key, fact) in fact {
                assert_same(&ours[key], fact, &format!("{path}.{key}"));
            }
        }
        (ours, fact) => assert_eq!(ours, fact, "{path}"),
    }
}

const FILES: [(ConfigFile, &str, &str); 3] = [
    (ConfigFile::Adapter, "adapter_config", "0.1.3"),
    (ConfigFile::CoreBot, "bot_config", "7.3.5"),
    (ConfigFile::CoreModel, "model_config", "1.11.0"),
];

/// A file's default text and its facts.
fn default_of(file: ConfigFile, folder: &str, version: &str) -> (String, Value) {
    let values = HelmValue::from(values());
    let text = Components::get().config_file(file).text(&values).unwrap().to_owned();
    (text, json_file(format!("config-facts/{folder}/{version}.json")))
}

fn deployment() -> Deployment {
    Deployment::new("maimai", &HelmValue::from(values()))
}

#[test]
fn the_configuration_defaults_have_the_keys_types_and_defaults_of_their_version() {
    for (file, folder, version) in FILES {
        let (text, facts) = default_of(file, folder, version);
        assert_eq!(facts["file"], file.name());
        assert_eq!(later_than_1_0(&text), [], "{folder}");
        let mut ours = BTreeMap::new();
        leaves(&toml(&text), "", &mut ours);
        let mut expected = BTreeSet::new();
        for (path, fact) in facts["fields"].as_object().unwrap() {
            if !fact["in"].as_array().unwrap().contains(&json!("chart")) {
                continue;
            }
            expected.insert(path.clone());
            let found = ours.get(path).unwrap_or_else(|| panic!("{folder}: {path} is missing"));
            assert_same(found, &fact["default"], path);
            if let Some(allowed) = fact.get("allowed") {
                assert!(allowed.as_array().unwrap().contains(found), "{path}");
            }
        }
        // A table that holds nothing before the fields of the deployment are set.
        ours.retain(|_, leaf| *leaf != json!({}));
        assert_eq!(ours.keys().cloned().collect::<BTreeSet<_>>(), expected, "{folder}");
        assert_eq!(ours["inner.version"], version);
        assert_eq!(facts["config_version"], version);
    }
}

#[test]
fn with_the_fields_of_a_deployment_the_files_have_every_key_of_the_programs_own_templates() {
    for (file, folder, version) in FILES {
        let (text, facts) = default_of(file, folder, version);
        let set = reset(file, &text, &deployment()).unwrap();
        let document = toml(&set.text);
        let mut ours = BTreeMap::new();
        leaves(&document, "", &mut ours);
        let fields = facts["fields"].as_object().unwrap();
        let in_template: BTreeSet<_> = fields
            .iter()
            .filter(|(_, fact)| fact["in"].as_array().unwrap().contains(&json!("template")))
            .map(|(path, _)| path.clone())
            .collect();
        assert_eq!(ours.keys().cloned().collect::<BTreeSet<_>>(), in_template, "{folder}");
        for table in facts["tables"].as_object().unwrap().keys() {
            let found = table.split('.').try_fold(&document, |value, key| value.get(key));
            assert!(found.is_some_and(Value::is_object), "{folder}: [{table}] is missing");
        }
        // What the chart leaves out is what the deployment sets, of the type that the program reads.
        let left_out: BTreeSet<_> = fields
            .iter()
            .filter(|(_, fact)| fact["in"] == json!(["template", "code"]))
            .map(|(path, fact)| {
                let same_type = match fact["type"].as_str().unwrap() {
                    "string" => ours[path].is_string(),
                    "integer" => ours[path].is_i64(),
                    "boolean" => ours[path].is_boolean(),
                    other => panic!("{path} is of type {other}"),
                };
                assert!(same_type, "{path}");
                path.clone()
            })
            .collect();
        assert_eq!(set.changed.into_iter().collect::<BTreeSet<_>>(), left_out, "{folder}");
    }
}

#[test]
fn the_model_configuration_names_only_models_and_providers_that_it_defines() {
    let (text, _) = default_of(ConfigFile::CoreModel, "model_config", "1.11.0");
    let document = toml(&text);
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    let (providers, models) = (names(&document["api_providers"]), names(&document["models"]));
    assert_eq!(providers.iter().collect::<BTreeSet<_>>().len(), providers.len());
    assert_eq!(models.iter().collect::<BTreeSet<_>>().len(), models.len());
    for model in document["models"].as_array().unwrap() {
        assert!(providers.contains(&model["api_provider"].as_str().unwrap().to_owned()), "{model}");
    }
    for (task, settings) in document["model_task_config"].as_object().unwrap() {
        for model in settings["model_list"].as_array().unwrap() {
            assert!(models.contains(&model.as_str().unwrap().to_owned()), "{task}: {model}");
        }
    }
}

#[test]
fn what_a_regular_expression_names_is_used_in_its_hint() {
    let (text, _) = default_of(ConfigFile::CoreBot, "bot_config", "7.3.5");
    let document = toml(&text);
    for rule in document["keyword_reaction"]["regex_rules"].as_array().unwrap() {
        let (regex, reaction) = (rule["regex"][0].as_str().unwrap(), rule["reaction"].as_str().unwrap());
        let names: Vec<_> =
            regex.split("(?P<").skip(1).map(|rest| rest.split_once('>').unwrap().0.to_owned()).collect();
        assert!(!names.is_empty(), "{regex}");
        for name in names {
            assert!(reaction.contains(&format!("[{name}]")), "{regex}: {name}");
        }
    }
}

#[test]
fn the_env_file_is_that_of_the_chart() {
    let job = object(&all_on(), "Job", "preprocessor");
    let env = job["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap().clone();
    let fact = env.iter().find(|variable| variable["name"] == "CONFIG_CORE_ENV_B64").unwrap();
    assert_eq!(sha256(&env_file()), fact["value"]["sha256"].as_str().unwrap());
}

/// The objects of the official chart with everything turned on; the release is called `maibot`.
fn all_on() -> Vec<Value> {
    let case = json_file("official-chart/0.12.2/all-on.json");
    assert_eq!(case["release"]["name"], "maibot");
    case["objects"].as_array().unwrap().iter().map(|entry| entry["object"].clone()).collect()
}

/// The object of a kind whose name ends in this.
fn object(objects: &[Value], kind: &str, name_end: &str) -> Value {
    let named = |object: &&Value| object["metadata"]["name"].as_str().unwrap().ends_with(name_end);
    objects
        .iter()
        .filter(|object| object["kind"] == kind)
        .find(named)
        .unwrap_or_else(|| panic!("no {kind} …{name_end}"))
        .clone()
}

fn all_on_values() -> HelmValue {
    let mut values = values();
    for path in ["/core/maim_message_api_server", "/statistics_dashboard", "/sqlite_web", "/napcat", "/core/webui"] {
        values.pointer_mut(path).unwrap()["enabled"] = json!(true);
    }
    HelmValue::from(values)
}

#[test]
fn the_component_table_agrees_with_the_objects_of_the_official_chart() {
    let (objects, values, table) = (all_on(), all_on_values(), Components::get());
    let claim_name = |id| table.claim(id).name("maibot");
    for component in &table.components {
        let name = component.name("maibot");
        let kind = component.workload.kind();
        let find = |kind: &str, name: &str| {
            let found = objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
            found.unwrap_or_else(|| panic!("no {kind}/{name}")).clone()
        };
        let pod = find(kind, &name)["spec"]["template"]["spec"].clone();
        let container = &pod["containers"][0];
        assert_eq!(container["name"], component.container.as_str());
        assert!(component.is_on(&values));

        let claim_of_volume = |volume: &Value| {
            let volumes = pod["volumes"].as_array().unwrap();
            let found = volumes.iter().find(|listed| listed["name"] == *volume).unwrap();
            found["persistentVolumeClaim"]["claimName"].as_str().map(str::to_owned)
        };
        // Core's folders are mounted file by file in the official chart.
        let folder = |path: &str, sub_path: Option<&str>| match (component.id, sub_path) {
            (ComponentId::Core, Some(_)) if path == "/MaiMBot/.env" => "/MaiMBot/config".to_owned(),
            (ComponentId::Core, Some(_)) => path.rsplit_once('/').unwrap().0.to_owned(),
            _ => path.to_owned(),
        };
        let theirs: BTreeSet<_> = container["volumeMounts"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|mount| {
                let path = folder(mount["mountPath"].as_str().unwrap(), mount["subPath"].as_str());
                Some((claim_of_volume(&mount["name"])?, path))
            })
            .collect();
        let ours: BTreeSet<_> =
            component.mounts.iter().map(|mount| (claim_name(mount.claim), mount.path.clone())).collect();
        assert_eq!(ours, theirs, "{name}");

        let service = find("Service", &name);
        let theirs: BTreeSet<_> = service["spec"]["ports"]
            .as_array()
            .unwrap()
            .iter()
            .map(|port| (port["name"].as_str().unwrap().to_owned(), port["port"].as_u64(), port["targetPort"].as_u64()))
            .collect();
        let ours: BTreeSet<_> = component
            .ports
            .iter()
            .map(|port| (port.name.clone(), Some(port.service_port(&values).into()), Some(u64::from(port.container))))
            .collect();
        assert_eq!(ours, theirs, "{name}");

        if let Some(ingress) = &component.ingress {
            let found = find("Ingress", &format!("maibot-{}", ingress.object));
            let backend = &found["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"];
            assert_eq!(backend["name"], name.as_str());
            let port = component.ports.iter().find(|port| port.name == ingress.port).unwrap();
            assert_eq!(backend["port"]["number"], port.service_port(&values));
        }
        if component.workload == Workload::StatefulSet && component.id != ComponentId::Core {
            assert!(component.health(&values).is_none_or(|health| health.port == component.ports[0].container));
        }
    }
    let claims = |objects: &[Value]| -> BTreeSet<String> {
        let claims = objects.iter().filter(|object| object["kind"] == "PersistentVolumeClaim");
        claims.map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        table.claims.iter().map(|claim: &Claim| claim.name("maibot")).collect::<BTreeSet<_>>(),
        claims(&objects)
    );
}

#[test]
fn every_values_path_of_the_component_table_exists() {
    let values = values();
    let mut paths = Vec::new();
    let table = Components::get();
    for component in &table.components {
        paths.push(component.values.as_str());
        paths.extend(component.switch.as_deref());
        paths.extend(component.ingress.as_ref().map(|ingress| ingress.values.as_str()));
        paths.extend(component.health.as_ref().and_then(|health| health.switch.as_deref()));
        for port in &component.ports {
            paths.extend(port.service.as_deref());
            paths.extend(port.switch.as_deref());
        }
    }
    for claim in &table.claims {
        paths.push(&claim.values);
        paths.extend(claim.switch.as_deref());
    }
    paths.extend(table.config_files.iter().filter_map(|file| file.values.as_deref()));
    for path in paths {
        assert!(values.pointer(&format!("/{}", path.replace('.', "/"))).is_some(), "{path}");
    }
    let overridden = |on: bool| {
        let mut values = values.clone();
        for switch in ["override_adapter_config", "override_core_bot_config", "override_core_model_config"] {
            *values["config"].get_mut(switch).unwrap() = on.into();
        }
        let values = HelmValue::from(values);
        table.config_files.iter().filter(|file| file.replaces_existing(&values)).count()
    };
    assert_eq!((overridden(true), overridden(false)), (3, 0));
}

#[test]
fn versions_images_and_agreements_are_those_recorded() {
    let table = Versions::get();
    let index = json_file("config-facts/index.json");
    let charts = index["charts"].as_object().unwrap();
    assert_eq!(
        table.charts.iter().map(|chart| chart.chart.to_string()).collect::<BTreeSet<_>>(),
        charts.keys().cloned().collect()
    );
    for chart in &table.charts {
        let facts = &charts[&chart.chart.to_string()];
        // A second content under one version number is recorded as `version@tag`.
        let version = |key: &str| facts[key].as_str().unwrap().split('@').next().unwrap().to_owned();
        assert_eq!(chart.maibot.to_string(), facts["maibot_tag"]);
        assert_eq!(chart.config.bot.to_string(), version("bot_config"));
        assert_eq!(chart.config.model.to_string(), version("model_config"));
        assert_eq!(chart.config.adapter.to_string(), version("adapter_config"));
        assert_eq!(table.default_image(chart, ComponentId::Adapter).1, facts["adapter_image_tag"]);
    }

    let facts = values_facts();
    for (component, key) in [
        (ComponentId::Core, "core"),
        (ComponentId::Adapter, "adapter"),
        (ComponentId::Napcat, "napcat"),
        (ComponentId::StatisticsDashboard, "nginx"),
        (ComponentId::SqliteWeb, "sqlite-web"),
    ] {
        let (repository, tag) = table.default_image(table.embedded(), component);
        assert_eq!(format!("{repository}:{tag}"), facts["effective_images"][key].as_str().unwrap());
    }

    let core = object(&all_on(), "StatefulSet", "-core");
    let env = core["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap().clone();
    let variable = |name: &str| env.iter().find(|variable| variable["name"] == name).unwrap()["value"].clone();
    assert_eq!(Agreement::embedded().eula, variable("EULA_AGREE").as_str().unwrap());
    assert_eq!(Agreement::embedded().privacy, variable("PRIVACY_AGREE").as_str().unwrap());
}

fn schema() -> Value {
    serde_json::from_slice(&std::fs::read(root().join("values.schema.json")).unwrap()).unwrap()
}

#[test]
fn the_schema_accepts_the_default_values_and_covers_every_key() {
    let schema = schema();
    assert!(jsonschema::draft7::meta::is_valid(&schema));
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(&values()).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new());

    // Every key of the values leads through `properties` of the schema, so that a typing error in it cannot hide.
    let mut paths = BTreeMap::new();
    leaves(&values(), "", &mut paths);
    for path in paths.keys() {
        let mut at = &schema;
        for key in path.split('.') {
            at = at
                .get("$ref")
                .map_or(at, |name| schema.pointer(name.as_str().unwrap().trim_start_matches('#')).unwrap());
            at = at["properties"].get(key).unwrap_or_else(|| panic!("the schema does not know {path}"));
        }
    }
}

/// The recorded cases of the official chart that render there and that the schema refuses, and why.
const REFUSED_BY_SCHEMA: [(&str, &str); 11] = [
    ("enabled-falsy-values", "a switch is a boolean: 0 and the empty text are none"),
    ("enabled-string-false", "the text \"false\" turns things on in the official chart"),
    ("eula-one", "consent is the boolean true"),
    ("eula-set-string-false", "consent is the boolean true"),
    ("eula-string-false", "consent is the boolean true"),
    ("ingress-annotation-shapes", "the API server takes only texts as annotations"),
    ("pull-secrets-plain-text", "the API server takes only objects with a name"),
    ("pvc-access-empty", "the API server wants an access mode"),
    ("svc-type-lowercase", "the API server does not know such a Service type"),
    ("webui-enabled-yes-string", "a switch is a boolean: the official chart half takes \"yes\" for true"),
    ("override-string-false-upgrade", "the text \"false\" turns things on in the official chart"),
];

#[test]
fn the_schema_refuses_no_values_of_the_official_chart_but_those_listed() {
    let schema = schema();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let mut refused = BTreeSet::new();
    let folder: PathBuf = root().join("tests/conformance/official-chart/0.12.2");
    let mut cases = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name.starts_with('_') {
            continue;
        }
        cases += 1;
        let case = json_file(&path);
        // Where the official chart fails too there is nothing to lose.
        if case["result"] != "rendered" {
            continue;
        }
        for given in case["given"].as_array().unwrap() {
            let tree: Value = if let Some(tree) = given.get("file") {
                tree.clone()
            } else if let Some(text) = given.get("yaml").and_then(Value::as_str) {
                // `yes` and `on` are booleans for Helm, and texts for this reader.
                serde_yaml::from_str(&text.replace(": yes", ": true").replace(": on", ": true")).unwrap()
            } else if given.get("set-string").is_some_and(|text| text == "EULA_AGREE=false,PRIVACY_AGREE=false") {
                json!({"EULA_AGREE": "false", "PRIVACY_AGREE": "false"})
            } else {
                continue;
            };
            if !validator.is_valid(&tree) {
                refused.insert(name.clone());
            }
        }
    }
    assert_eq!(cases, 162);
    assert_eq!(refused, REFUSED_BY_SCHEMA.into_iter().map(|(name, _)| name.to_owned()).collect());
}
