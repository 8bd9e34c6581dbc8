//! Reading and writing objects: what is sent, and what is made of the answers.

use std::sync::atomic::{AtomicUsize, Ordering};

use maibot::cluster::{
    DeleteOptions, Deletion, Effect, Error, ListOptions, PatchKind, Propagation, Resource, Validation, WriteOptions,
    resource_version, uid,
};
use serde_json::{Value, json};

use super::server::{Answer, FakeServer, status};

const SECRETS: &str = "/api/v1/namespaces/bot/secrets";

fn secret() -> Resource {
    Resource::known("v1", "Secret").unwrap()
}

fn object(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "data": { "a": "YQ==" } })
}

#[tokio::test]
async fn apply_sends_what_helm_sends_and_tells_created_from_changed_from_unchanged() {
    let server = FakeServer::with_store().await;
    let (cluster, _) = server.cluster().await;
    let options = WriteOptions::default();
    let created = cluster.apply(&secret(), Some("bot"), "one", &object("one"), &options).await.unwrap();
    assert_eq!(created.effect(None), Effect::Created);
    let before = resource_version(&created.object).unwrap().to_owned();

    let again = cluster.apply(&secret(), Some("bot"), "one", &object("one"), &options).await.unwrap();
    assert_eq!(again.effect(Some(&before)), Effect::Unchanged);
    assert_eq!(again.effect(None), Effect::Unknown);

    let mut other = object("one");
    other["data"]["b"] = json!("Yg==");
    let force = WriteOptions { force: true, ..WriteOptions::default() };
    let changed = cluster.apply(&secret(), Some("bot"), "one", &other, &force).await.unwrap();
    assert_eq!(changed.effect(Some(&before)), Effect::Changed);

    let requests = server.requests();
    assert_eq!(requests[0].line(), format!("PATCH {SECRETS}/one"));
    assert_eq!(requests[0].header("content-type"), Some("application/apply-patch+yaml"));
    assert_eq!(requests[0].query("fieldManager"), Some("helm"));
    assert_eq!(requests[0].query("fieldValidation"), Some("Strict"));
    assert_eq!(requests[0].query("force"), Some("false"));
    assert_eq!(requests[0].query("dryRun"), None);
    assert_eq!(requests[0].json(), object("one"));
    assert_eq!(requests[2].query("force"), Some("true"));
    assert_eq!((requests.len(), cluster.requests()), (3, 3));
}

#[tokio::test]
async fn a_dry_run_stores_nothing() {
    let server = FakeServer::with_store().await;
    let (cluster, _) = server.cluster().await;
    let dry = WriteOptions { dry_run: true, validation: Validation::Warn, ..WriteOptions::default() };
    let applied = cluster.apply(&secret(), Some("bot"), "one", &object("one"), &dry).await.unwrap();
    assert!(applied.created);
    assert!(server.store(|store| store.paths()).is_empty());
    assert_eq!(server.requests()[0].query("dryRun"), Some("All"));
    assert_eq!(server.requests()[0].query("fieldValidation"), Some("Warn"));
}

#[tokio::test]
async fn an_object_goes_through_its_life() {
    let server = FakeServer::with_store().await;
    let (cluster, _) = server.cluster().await;
    let (secret, bot, options) = (secret(), Some("bot"), WriteOptions::default());
    assert_eq!(cluster.find(&secret, bot, "one").await.unwrap(), None);
    assert!(cluster.get(&secret, bot, "one").await.unwrap_err().is_not_found());

    let created = cluster.create(&secret, bot, &object("one"), &options).await.unwrap();
    let taken = cluster.create(&secret, bot, &object("one"), &options).await.unwrap_err();
    assert!(matches!(taken, Error::AlreadyExists { .. }), "{taken:?}");
    assert_eq!(cluster.get(&secret, bot, "one").await.unwrap(), created);

    let mut newer = created.clone();
    newer["data"]["a"] = json!("Yg==");
    let replaced = cluster.replace(&secret, bot, "one", &newer, &options).await.unwrap();
    assert_eq!(replaced["data"]["a"], "Yg==");
    let stale = cluster.replace(&secret, bot, "one", &newer, &options).await.unwrap_err();
    assert!(matches!(stale, Error::Changed { .. }), "{stale:?}");

    let merge = json!({ "data": { "a": null, "c": "Yw==" } });
    let merged = cluster.patch(&secret, bot, "one", None, PatchKind::Merge, &merge, &options).await.unwrap();
    assert_eq!(merged["data"], json!({ "c": "Yw==" }));
    let steps = json!([{ "op": "add", "path": "/data/d", "value": "ZA==" }]);
    let patched = cluster.patch(&secret, bot, "one", None, PatchKind::Json, &steps, &options).await.unwrap();
    assert_eq!(patched["data"], json!({ "c": "Yw==", "d": "ZA==" }));

    let other = DeleteOptions { uid: Some("another".into()), ..DeleteOptions::default() };
    let refused = cluster.delete(&secret, bot, "one", &other).await.unwrap_err();
    assert!(matches!(refused, Error::Changed { .. }), "{refused:?}");
    let same = DeleteOptions { uid: uid(&created).map(str::to_owned), ..DeleteOptions::default() };
    assert_eq!(cluster.delete(&secret, bot, "one", &same).await.unwrap(), Deletion::Deleted);
    assert_eq!(cluster.delete(&secret, bot, "one", &same).await.unwrap(), Deletion::Absent);
}

#[tokio::test]
async fn deletion_sends_its_options_and_tells_going_from_gone() {
    let server = FakeServer::with_store().await;
    server.store(|store| {
        let mut claim = object("data");
        claim["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
        store.put("/api/v1/namespaces/bot/persistentvolumeclaims", claim);
    });
    let (cluster, _) = server.cluster().await;
    let claim = Resource::known("v1", "PersistentVolumeClaim").unwrap();
    let options = DeleteOptions {
        propagation: Some(Propagation::Foreground),
        uid: Some("00000000-0000-4000-8000-000000001001".into()),
        resource_version: Some("1001".into()),
        grace_seconds: Some(0),
        dry_run: false,
    };
    let Deletion::Terminating(going) = cluster.delete(&claim, Some("bot"), "data", &options).await.unwrap() else {
        panic!("not terminating")
    };
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(
        server.requests()[0].json(),
        json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground", "gracePeriodSeconds": 0,
            "preconditions": { "uid": "00000000-0000-4000-8000-000000001001", "resourceVersion": "1001" },
        })
    );
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_its_items_know_their_kind() {
    let server = FakeServer::with_store().await;
    server.store(|store| {
        for number in 0..7 {
            let mut item = object(&format!("s{number}"));
            item["metadata"]["labels"] = json!({ "owner": if number == 3 { "other" } else { "helm" } });
            store.put(SECRETS, item);
        }
        store.put("/api/v1/namespaces/elsewhere/secrets", object("hidden"));
    });
    let (cluster, _) = server.cluster().await;
    let options = ListOptions { labels: Some("owner=helm".into()), page: 2, ..ListOptions::default() };
    let list = cluster.list(&secret(), Some("bot"), &options).await.unwrap();
    let names: Vec<_> = list.items.iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["s0", "s1", "s2", "s4", "s5", "s6"]);
    assert!(list.items.iter().all(|item| item["kind"] == "Secret" && item["apiVersion"] == "v1"));
    assert_eq!(list.resource_version, "1008");
    assert_eq!(server.requests().len(), 3);
    assert_eq!(server.requests()[1].query("labelSelector"), Some("owner=helm"));

    let everywhere = ListOptions { metadata_only: true, ..ListOptions::default() };
    let list = cluster.list(&secret(), None, &everywhere).await.unwrap();
    assert_eq!(list.items.len(), 8);
    assert!(list.items.iter().all(|item| item["kind"] == "Secret" && item["data"].is_null()));
}

#[tokio::test]
async fn a_list_whose_continuation_expires_begins_anew_and_at_last_in_one_piece() {
    let server = FakeServer::start().await;
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&asked);
    server.on("GET", SECRETS, move |request| {
        let items = |names: &[&str]| names.iter().map(|name| object(name)).collect::<Vec<_>>();
        let list = |items: Vec<Value>, next: &str| {
            Answer::ok(&json!({
                "kind": "SecretList", "apiVersion": "v1", "items": items,
                "metadata": { "resourceVersion": "9", "continue": next },
            }))
        };
        counter.fetch_add(1, Ordering::Relaxed);
        match (request.query("limit"), request.query("continue")) {
            (Some("1"), None) => list(items(&["a"]), "next"),
            (Some("1"), Some("next")) => Answer::refusal(410, "Expired", "The provided continue parameter is too old"),
            (None, None) => list(items(&["a", "b"]), ""),
            other => panic!("unexpected {other:?}"),
        }
    });
    let (cluster, _) = server.cluster().await;
    let options = ListOptions { page: 1, ..ListOptions::default() };
    let list = cluster.list(&secret(), Some("bot"), &options).await.unwrap();
    assert_eq!(list.items.len(), 2);
    assert_eq!(asked.load(Ordering::Relaxed), 7);
}

#[tokio::test]
async fn a_list_that_never_ends_is_a_broken_protocol() {
    let server = FakeServer::start().await;
    server.on("GET", SECRETS, |_| {
        Answer::ok(&json!({ "kind": "SecretList", "items": [], "metadata": { "continue": "same" } }))
    });
    let (cluster, _) = server.cluster().await;
    let error = cluster.list(&secret(), Some("bot"), &ListOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn known_kinds_cost_no_request_and_others_one_for_their_group_version() {
    let server = FakeServer::start().await;
    server.on("GET", "/apis/example.com/v1", |_| {
        Answer::ok(&json!({
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "example.com/v1",
            "resources": [
                { "name": "widgets", "kind": "Widget", "namespaced": true, "verbs": ["get"] },
                { "name": "widgets/status", "kind": "Widget", "namespaced": true, "verbs": ["get"] },
                { "name": "planets", "kind": "Planet", "namespaced": false, "verbs": ["get"] },
            ],
        }))
    });
    let (cluster, _) = server.cluster().await;
    assert_eq!(cluster.resource("apps/v1", "StatefulSet").await.unwrap().plural, "statefulsets");
    assert_eq!(server.requests().len(), 0);
    let widget = cluster.resource("example.com/v1", "Widget").await.unwrap();
    assert_eq!(widget.object(Some("bot"), "w").unwrap(), "/apis/example.com/v1/namespaces/bot/widgets/w");
    let planet = cluster.resource("example.com/v1", "Planet").await.unwrap();
    assert_eq!(planet.object(None, "p").unwrap(), "/apis/example.com/v1/planets/p");
    assert_eq!(server.requests().len(), 1, "what is known is not asked for again");
}

#[tokio::test]
async fn an_unknown_kind_is_named_and_asked_for_again_later() {
    let server = FakeServer::start().await;
    server.once("GET", "/apis/example.com/v1", Answer::text(404, "text/plain", "404 page not found\n"));
    server.once("GET", "/apis/example.com/v1", Answer::ok(&json!({ "kind": "APIResourceList", "resources": [] })));
    server.on("GET", "/apis/example.com/v1", |_| {
        Answer::ok(&json!({ "resources": [{ "name": "widgets", "kind": "Widget", "namespaced": true }] }))
    });
    let (cluster, _) = server.cluster().await;
    for _ in 0..2 {
        let error = cluster.resource("example.com/v1", "Widget").await.unwrap_err();
        let expected = Error::UnknownKind { api_version: "example.com/v1".into(), kind: "Widget".into() };
        assert_eq!(error, expected);
        assert_eq!(error.code().id(), "MB3005");
        assert_eq!(error.to_string(), "no matches for kind \"Widget\" in version \"example.com/v1\"");
    }
    assert_eq!(cluster.resource("example.com/v1", "Widget").await.unwrap().plural, "widgets");
    for nonsense in ["", "a/b/c", "/v1", "example.com/"] {
        let error = cluster.resource(nonsense, "Widget").await.unwrap_err();
        assert!(matches!(error, Error::UnknownKind { .. }), "{nonsense}: {error:?}");
    }
}

#[tokio::test]
async fn a_path_the_server_does_not_serve_is_an_unknown_kind_and_not_a_missing_object() {
    let server = FakeServer::start().await;
    server.on("PATCH", "*", |_| Answer::text(404, "text/plain; charset=utf-8", "404 page not found\n"));
    let (cluster, _) = server.cluster().await;
    let autoscaler = Resource::known("autoscaling/v2", "HorizontalPodAutoscaler").unwrap();
    let error = cluster.apply(&autoscaler, Some("bot"), "a", &json!({}), &WriteOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::UnknownKind { .. }), "{error:?}");
}

#[tokio::test]
async fn a_write_that_lost_a_race_for_a_quota_is_tried_again() {
    let server = FakeServer::with_store().await;
    let race = "Operation cannot be fulfilled on resourcequotas \"q\": the object has been modified; please apply your \
                changes to the latest version and try again";
    for _ in 0..3 {
        server.once("PATCH", &format!("{SECRETS}/one"), Answer::refusal(409, "Conflict", race));
    }
    let (cluster, _) = server.cluster().await;
    let applied = cluster.apply(&secret(), Some("bot"), "one", &object("one"), &WriteOptions::default()).await.unwrap();
    assert!(applied.created);
    assert_eq!(server.requests().len(), 4);

    server.on("POST", SECRETS, move |_| Answer::refusal(409, "Conflict", race));
    let error = cluster.create(&secret(), Some("bot"), &object("two"), &WriteOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error:?}");
    assert_eq!(server.requests().len(), 9, "five tries");
}

#[tokio::test]
async fn a_conflict_names_fields_and_their_managers() {
    let server = FakeServer::start().await;
    let mut refusal = status(
        409,
        "Conflict",
        "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using apps/v1: .spec.replicas",
    );
    refusal["details"] = json!({ "causes": [{
        "reason": "FieldManagerConflict", "message": "conflict with \"kubectl-edit\" using apps/v1", "field": ".spec.replicas",
    }]});
    server.on("PATCH", "*", move |_| Answer::json(409, &refusal));
    let (cluster, _) = server.cluster().await;
    let set = Resource::known("apps/v1", "StatefulSet").unwrap();
    let error = cluster.apply(&set, Some("bot"), "core", &json!({}), &WriteOptions::default()).await.unwrap_err();
    let Error::Conflict { fields, .. } = &error else { panic!("{error:?}") };
    assert_eq!((fields[0].field.as_str(), fields[0].manager.as_str()), (".spec.replicas", "kubectl-edit"));
    assert_eq!(error.code().id(), "MB3006");
    assert_eq!(
        error.to_string(),
        "conflict occurred while applying object StatefulSet/core in namespace bot: Apply failed with 1 conflict: conflict \
         with \"kubectl-edit\" using apps/v1: .spec.replicas"
    );
    assert_eq!(server.requests().len(), 1, "a conflict does not pass by waiting");
}

#[tokio::test]
async fn an_invalid_object_is_explained_field_by_field() {
    let server = FakeServer::start().await;
    let mut refusal = status(422, "Invalid", "Secret \"one\" is invalid: data[a]: Too long");
    refusal["details"] = json!({ "causes": [{ "reason": "FieldValueTooLong", "message": "Too long: may not be more than 1 byte", "field": "data[a]" }] });
    server.on("POST", SECRETS, move |_| Answer::json(422, &refusal));
    let (cluster, _) = server.cluster().await;
    let error = cluster.create(&secret(), Some("bot"), &object("one"), &WriteOptions::default()).await.unwrap_err();
    let Error::Invalid { causes, .. } = error else { panic!("{error:?}") };
    assert_eq!(
        (causes[0].field.as_str(), causes[0].message.as_str()),
        ("data[a]", "Too long: may not be more than 1 byte")
    );
}

#[tokio::test]
async fn the_version_of_a_distribution_is_read() {
    let server = FakeServer::start().await;
    server.on("GET", "/version", |_| {
        Answer::ok(&json!({ "major": "1", "minor": "31+", "gitVersion": "v1.31.4-eks-1234" }))
    });
    let (cluster, _) = server.cluster().await;
    let version = cluster.version().await.unwrap();
    assert_eq!(
        (version.major.as_str(), version.minor.as_str(), version.git_version.as_str()),
        ("1", "31+", "v1.31.4-eks-1234")
    );
}
