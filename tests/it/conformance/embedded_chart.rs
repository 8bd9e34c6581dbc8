//! What the embedded chart renders, to be read: whole manifests and notes as snapshots.

use maibot::application::components::ComponentId;
use maibot::application::versions::Versions;
use maibot::chart::Chart;
use maibot::render::manifest::{self, Document, Order};
use maibot::render::{ReleaseInfo, Rendered, render_embedded};
use maibot::values::Compat;
use maibot::yaml::Value;

use super::official_chart::values;

fn render(name: &str, is_upgrade: bool, user: &serde_json::Value) -> Rendered {
    let chart = Chart::embedded().unwrap();
    let values = values(&chart, &[serde_json::json!({ "file": user })]);
    let release = ReleaseInfo { name: name.to_owned(), namespace: "bot".to_owned(), revision: 1, is_upgrade };
    render_embedded(&chart, &values, &release).unwrap()
}

/// The start script has tests of its own; here it would only be noise.
fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"(?s)k8s-init\.sh: \|\n.*?\n\n---", "k8s-init.sh: |\n    (the script)\n\n---");
    settings.add_filter(r"checksum/scripts: \S+", "checksum/scripts: (checksum)");
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn defaults_render_core_adapter_and_napcat() {
    let rendered = render("maimai", false, &serde_json::json!({ "EULA_AGREE": true, "PRIVACY_AGREE": true }));
    snapshot("defaults-manifest", &rendered.manifest);
    snapshot("defaults-notes", &rendered.notes);
}

#[test]
fn everything_on_renders_all_components_with_their_settings() {
    let ingress = serde_json::json!({ "enabled": true, "annotations": { "cert-manager.io/cluster-issuer": "le" } });
    let rendered = render(
        "maimai",
        true,
        &serde_json::json!({
            "EULA_AGREE": true,
            "PRIVACY_AGREE": true,
            "adapter": {
                "service": { "type": "LoadBalancer", "port": 18095 },
                "persistence": { "data": { "storageClass": "-" }, "config": { "storageClass": "123" } },
            },
            "core": {
                "image": { "repository": "mirror.example.org:5000/maibot", "tag": "0.12.3", "pullPolicy": "Always", "pullSecrets": [{ "name": "regcred" }] },
                "resources": { "requests": { "cpu": "100m", "memory": "512Mi" }, "limits": { "cpu": 2 } },
                "nodeSelector": { "kubernetes.io/hostname": "node-1", "ssd": "true" },
                "tolerations": [{ "key": "dedicated", "operator": "Equal", "value": "bot", "effect": "NoSchedule" }],
                "webui": { "service": { "type": "NodePort", "nodePort": 30001 }, "ingress": ingress },
                "maim_message_api_server": { "enabled": true, "service": { "type": "LoadBalancer" } },
            },
            "napcat": { "ingress": ingress, "permission": { "uid": 1_000_000 } },
            "sqlite_web": { "enabled": true, "ingress": ingress },
            "statistics_dashboard": { "enabled": true, "replicaCount": 2, "ingress": ingress },
        }),
    );
    snapshot("everything-manifest", &rendered.manifest);
    snapshot("everything-notes", &rendered.notes);
}

#[test]
fn without_webui_the_core_is_probed_by_its_open_socket() {
    let user = serde_json::json!({
        "EULA_AGREE": true,
        "PRIVACY_AGREE": true,
        "core": { "webui": { "enabled": false } },
        "napcat": { "enabled": false },
    });
    let rendered = render("maimai", false, &user);
    let core =
        rendered.sorted.documents.iter().find(|document| document.path.ends_with("core/statefulset.yaml")).unwrap();
    snapshot("without-webui-core", &core.content);
    snapshot("without-webui-notes", &rendered.notes);
}

#[test]
fn the_default_images_are_those_of_the_version_table() {
    let rendered = render(
        "maimai",
        false,
        &serde_json::json!({
            "EULA_AGREE": true,
            "PRIVACY_AGREE": true,
            "sqlite_web": { "enabled": true },
            "statistics_dashboard": { "enabled": true },
        }),
    );
    let versions = Versions::get();
    for (name, component) in [
        ("core", ComponentId::Core),
        ("adapter", ComponentId::Adapter),
        ("napcat", ComponentId::Napcat),
        ("sqlite-web", ComponentId::SqliteWeb),
        ("statistics-dashboard", ComponentId::StatisticsDashboard),
    ] {
        let (repository, tag) = versions.default_image(versions.embedded(), component);
        let workload = rendered
            .sorted
            .documents
            .iter()
            .find(|document| {
                document.name == format!("maimai-maibot-{name}")
                    && document.object.get("spec").unwrap().get("template").is_some()
            })
            .unwrap();
        let image = &workload.object.to_json()["spec"]["template"]["spec"]["containers"][0]["image"];
        assert_eq!(image, &format!("{repository}:{tag}"), "{name}");
    }
}

#[test]
fn a_stored_manifest_is_read_back_as_its_documents() {
    let rendered = render("maimai", false, &serde_json::json!({ "EULA_AGREE": true, "PRIVACY_AGREE": true }));
    let stored = manifest::read_stored(&rendered.manifest, Order::Install, Compat::Helm4).unwrap();
    let named = |documents: &[Document]| -> Vec<_> {
        documents.iter().map(|one| (one.path.clone(), one.kind.clone(), one.name.clone(), one.object.clone())).collect()
    };
    assert_eq!(named(&stored), named(&rendered.sorted.documents));
    let removed = manifest::read_stored(&rendered.manifest, Order::Uninstall, Compat::Helm4).unwrap();
    let kinds: Vec<_> = removed.iter().map(|document| document.kind.as_str()).collect();
    assert_eq!(kinds.first(), Some(&"Service"));
    assert_eq!(kinds.last(), Some(&"ConfigMap"));
    for claim in removed.iter().filter(|document| document.kind == "PersistentVolumeClaim") {
        let policy = claim.object.at(&["metadata", "annotations", "helm.sh/resource-policy"]);
        assert_eq!(policy.and_then(Value::as_str), Some("keep"), "{}", claim.name);
    }
}
