//! The client against a real API server: what the scripted one can only claim.

use std::sync::Arc;
use std::time::Duration;

use maibot::cluster::{
    Cluster, DeleteOptions, Deletion, Denial, Effect, Error, KubeSettings, ListOptions, PatchKind, Propagation,
    Resource, Signal, Signals, Token, Validation, WriteOptions, resource_version, uid,
};
use serde_json::{Value, json};

use crate::fake::server::Heard;

/// Settings for the cluster that is to be used, or `None` after having said so.
fn settings(test: &str) -> Option<KubeSettings> {
    let Some(kubeconfig) = std::env::var_os("MAIBOT_TEST_KUBECONFIG").filter(|path| !path.is_empty()) else {
        crate::skipped(&format!("cluster::client::{test}"), "no cluster");
        return None;
    };
    Some(KubeSettings { kubeconfig: Some(kubeconfig.into()), ..KubeSettings::default() })
}

async fn connect(settings: &KubeSettings) -> (Cluster, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    (Cluster::connect(settings, Arc::clone(&heard) as Arc<dyn Signals>).await.unwrap(), heard)
}

fn kind(api_version: &str, kind: &str) -> Resource {
    Resource::known(api_version, kind).unwrap()
}

/// A namespace of its own, deleted at the end whatever happens in between.
async fn in_namespace<F: Future<Output = ()>>(test: &str, body: impl FnOnce(Cluster, Arc<Heard>, String) -> F) {
    let Some(settings) = settings(test) else { return };
    let (cluster, heard) = connect(&settings).await;
    let name = format!("maibot-client-{}-{}", std::process::id(), test.replace('_', "-"));
    let name = name[..name.len().min(60)].trim_end_matches('-').to_owned();
    let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    let namespaces = kind("v1", "Namespace");
    cluster.create(&namespaces, None, &object, &WriteOptions::default()).await.unwrap();
    let outcome =
        futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(body(cluster.clone(), heard, name.clone())))
            .await;
    cluster.delete(&namespaces, None, &name, &DeleteOptions::default()).await.unwrap();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

fn config_map(name: &str, data: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": data })
}

#[tokio::test]
async fn the_table_of_kinds_is_what_a_server_says() {
    let Some(settings) = settings("the_table_of_kinds_is_what_a_server_says") else { return };
    let (cluster, _) = connect(&settings).await;
    let version = cluster.version().await.unwrap();
    assert!(version.git_version.starts_with(&format!("v{}.{}.", version.major, version.minor)), "{version:?}");
    let before = cluster.requests();
    let mut group_versions = std::collections::BTreeSet::new();
    for known in Resource::all_known() {
        group_versions.insert(known.api_version());
        assert_eq!(cluster.discover(&known.api_version(), &known.kind).await.unwrap(), known);
    }
    assert_eq!(cluster.requests() - before, group_versions.len() as u64, "one request a group version");
    let error = cluster.resource("example.invalid/v1", "Widget").await.unwrap_err();
    assert!(matches!(error, Error::UnknownKind { .. }), "{error:?}");
    let error = cluster.resource("apps/v1", "Widget").await.unwrap_err();
    assert!(matches!(error, Error::UnknownKind { .. }), "{error:?}");
}

#[tokio::test]
async fn apply_tells_its_effect_and_names_conflicts() {
    in_namespace("apply_tells_its_effect_and_names_conflicts", |cluster, _, namespace| async move {
        let (maps, namespace) = (kind("v1", "ConfigMap"), Some(namespace.as_str()));
        let options = WriteOptions::default();
        let apply =
            async |object: Value, options: &WriteOptions| cluster.apply(&maps, namespace, "m", &object, options).await;
        let dry = WriteOptions { dry_run: true, ..options.clone() };
        assert_eq!(apply(config_map("m", &json!({ "a": "1" })), &dry).await.unwrap().effect(None), Effect::Created);
        let created = apply(config_map("m", &json!({ "a": "1" })), &options).await.unwrap();
        assert_eq!(created.effect(None), Effect::Created);
        let before = resource_version(&created.object).unwrap();
        let same = apply(config_map("m", &json!({ "a": "1" })), &options).await.unwrap();
        assert_eq!(same.effect(Some(before)), Effect::Unchanged);
        let changed = apply(config_map("m", &json!({ "a": "2" })), &options).await.unwrap();
        assert_eq!(changed.effect(Some(before)), Effect::Changed);

        let other = WriteOptions { manager: "other".into(), ..options.clone() };
        let error = apply(config_map("m", &json!({ "a": "3" })), &other).await.unwrap_err();
        let Error::Conflict { fields, .. } = &error else { panic!("{error:?}") };
        assert_eq!((fields[0].field.as_str(), fields[0].manager.as_str()), (".data.a", "helm"));
        let forced = WriteOptions { force: true, ..other };
        assert_eq!(apply(config_map("m", &json!({ "a": "3" })), &forced).await.unwrap().object["data"]["a"], "3");

        let unknown = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m" }, "dada": {} });
        let error = apply(unknown.clone(), &options).await.unwrap_err();
        assert!(error.to_string().contains("dada"), "{error:?}");
        let error = cluster.create(&maps, namespace, &unknown, &options).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { .. }) && error.to_string().contains("dada"), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn an_object_goes_through_its_life() {
    in_namespace("an_object_goes_through_its_life", |cluster, heard, namespace| async move {
        let (maps, namespace) = (kind("v1", "ConfigMap"), Some(namespace.as_str()));
        let options = WriteOptions::default();
        assert_eq!(cluster.find(&maps, namespace, "m").await.unwrap(), None);
        let object = config_map("m", &json!({ "a": "1" }));
        let created = cluster.create(&maps, namespace, &object, &options).await.unwrap();
        let error = cluster.create(&maps, namespace, &object, &options).await.unwrap_err();
        assert!(matches!(error, Error::AlreadyExists { .. }), "{error:?}");

        let metadata = cluster.get_metadata(&maps, namespace, "m").await.unwrap();
        assert_eq!((metadata["kind"].as_str(), metadata["data"].is_null()), (Some("ConfigMap"), true));
        let mut newer = created.clone();
        newer["data"]["a"] = json!("2");
        cluster.replace(&maps, namespace, "m", &newer, &options).await.unwrap();
        let error = cluster.replace(&maps, namespace, "m", &newer, &options).await.unwrap_err();
        assert!(matches!(error, Error::Changed { .. }), "{error:?}");
        let merge = json!({ "data": { "b": "3" } });
        let merged = cluster.patch(&maps, namespace, "m", None, PatchKind::Merge, &merge, &options).await.unwrap();
        assert_eq!(merged["data"], json!({ "a": "2", "b": "3" }));
        let steps = json!([{ "op": "remove", "path": "/data/b" }]);
        let patched = cluster.patch(&maps, namespace, "m", None, PatchKind::Json, &steps, &options).await.unwrap();
        assert_eq!(patched["data"], json!({ "a": "2" }));

        // The namespace's own `kube-root-ca.crt` may or may not be there yet.
        let list = ListOptions { fields: Some("metadata.name=m".into()), ..ListOptions::default() };
        let found = cluster.list(&maps, namespace, &list).await.unwrap();
        assert_eq!(found.items, [cluster.get(&maps, namespace, "m").await.unwrap()]);
        let all = ListOptions { page: 1, metadata_only: true, ..ListOptions::default() };
        assert!(cluster.list(&maps, None, &all).await.unwrap().items.len() > 3, "pages of one");

        let other =
            DeleteOptions { uid: Some("00000000-0000-4000-8000-000000000000".into()), ..DeleteOptions::default() };
        let error = cluster.delete(&maps, namespace, "m", &other).await.unwrap_err();
        assert!(matches!(error, Error::Changed { .. }), "{error:?}");
        let same = DeleteOptions {
            uid: uid(&created).map(str::to_owned),
            propagation: Some(Propagation::Background),
            ..DeleteOptions::default()
        };
        assert_eq!(cluster.delete(&maps, namespace, "m", &same).await.unwrap(), Deletion::Deleted);
        assert_eq!(cluster.delete(&maps, namespace, "m", &same).await.unwrap(), Deletion::Absent);

        let mut held = config_map("held", &json!({}));
        held["metadata"]["finalizers"] = json!(["example.com/hold"]);
        cluster.create(&maps, namespace, &held, &options).await.unwrap();
        let going = cluster.delete(&maps, namespace, "held", &DeleteOptions::default()).await.unwrap();
        assert!(matches!(going, Deletion::Terminating(_)), "{going:?}");
        let release = json!({ "metadata": { "finalizers": null } });
        cluster.patch(&maps, namespace, "held", None, PatchKind::Merge, &release, &options).await.unwrap();

        let lenient = WriteOptions { validation: Validation::Warn, ..options.clone() };
        let unknown = json!({ "metadata": { "name": "odd" }, "dada": 1 });
        cluster.create(&maps, namespace, &unknown, &lenient).await.unwrap();
        assert_eq!(heard.all(), [Signal::Warning { text: "unknown field \"dada\"".into() }]);
    })
    .await;
}

#[tokio::test]
async fn refusals_are_taken_apart() {
    in_namespace("refusals_are_taken_apart", |cluster, _, namespace| async move {
        let maps = kind("v1", "ConfigMap");
        let options = WriteOptions::default();
        let base = settings("refusals_are_taken_apart").unwrap();

        let jane = KubeSettings { as_user: Some("jane".into()), ..base.clone() };
        let error = connect(&jane).await.0.get(&kind("v1", "Secret"), Some(&namespace), "s").await.unwrap_err();
        let Error::Forbidden(forbidden) = error else { panic!("{error:?}") };
        assert_eq!(
            (forbidden.verb.as_str(), forbidden.resource.as_str(), forbidden.name.as_str(), forbidden.user.as_str()),
            ("get", "secrets", "s", "jane")
        );
        assert_eq!(forbidden.namespace.as_deref(), Some(namespace.as_str()));

        let stranger = KubeSettings { token: Some(Token::new("nobody-knows-me")), ..base };
        let error = connect(&stranger).await.0.get(&maps, Some(&namespace), "m").await.unwrap_err();
        assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");

        let missing = format!("{namespace}-missing");
        let error = cluster.create(&maps, Some(&missing), &config_map("m", &json!({})), &options).await.unwrap_err();
        assert!(error.is_not_found() && error.to_string().contains(&missing), "{error:?}");

        let claim = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "c" },
            "spec": { "accessModes": ["Sometimes"], "resources": { "requests": { "storage": "1Gi" } } },
        });
        let claims = kind("v1", "PersistentVolumeClaim");
        let error = cluster.create(&claims, Some(&namespace), &claim, &options).await.unwrap_err();
        let Error::Invalid { causes, .. } = &error else { panic!("{error:?}") };
        assert_eq!(causes[0].field, "spec.accessModes", "{causes:?}");

        let quota = json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "q" },
            "spec": { "hard": { "count/services": "0", "services": "0" } },
        });
        cluster.create(&kind("v1", "ResourceQuota"), Some(&namespace), &quota, &options).await.unwrap();
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s" }, "spec": { "ports": [{ "port": 80 }] },
        });
        // The quota holds a moment later than it exists, when the server has taken note of it.
        let dry = WriteOptions { dry_run: true, ..options.clone() };
        let mut refused = None;
        for _ in 0..100 {
            refused = cluster.create(&kind("v1", "Service"), Some(&namespace), &service, &dry).await.err();
            match &refused {
                Some(error) if !error.to_string().contains("status unknown") => break,
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        assert!(matches!(refused, Some(Error::Denied { denial: Denial::Quota, .. })), "{refused:?}");

        // A finalizer keeps the namespace on its way out.
        let mut held = config_map("held", &json!({}));
        held["metadata"]["finalizers"] = json!(["example.com/hold"]);
        cluster.create(&maps, Some(&namespace), &held, &options).await.unwrap();
        let going =
            cluster.delete(&kind("v1", "Namespace"), None, &namespace, &DeleteOptions::default()).await.unwrap();
        assert!(matches!(going, Deletion::Terminating(_)), "{going:?}");
        let error = cluster.create(&maps, Some(&namespace), &config_map("n", &json!({})), &options).await.unwrap_err();
        assert!(matches!(error, Error::Denied { denial: Denial::NamespaceTerminating, .. }), "{error:?}");
        let release = json!({ "metadata": { "finalizers": null } });
        cluster.patch(&maps, Some(&namespace), "held", None, PatchKind::Merge, &release, &options).await.unwrap();
    })
    .await;
}
