//! Random rendered files: documents of many kinds, hooks, separators of every spelling.

use maibot::yaml::{Mapping, Value};

use super::random::Random;
use super::{documents, mutate};

const KINDS: &[&str] = &[
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "Widget",
    "Alpha",
    "Zeta",
    "configmap",
    "List",
];

const EVENTS: &[&str] = &[
    "pre-install",
    "post-install",
    "pre-delete",
    "post-delete",
    "pre-upgrade",
    "post-upgrade",
    "pre-rollback",
    "post-rollback",
    "test",
    "test-success",
    "test-failure",
    "crd-install",
    "bogus",
    "",
    " pre-install ",
    "Pre-Install",
];

/// A request of the command `sort`.
pub(super) fn request(random: &mut Random) -> Value {
    if random.chance(25) {
        return mutate::request(random, &["sort-cases.json"], &["manifest"]);
    }
    let mut request = Mapping::new();
    if random.chance(50) {
        request.insert("manifest".to_owned(), Value::from(file(random)));
    } else {
        let paths = [
            "c/templates/a.yaml",
            "c/templates/b.yaml",
            "c/templates/x/a.yaml",
            "c/charts/s/templates/a.yaml",
            "c/templates/_p.tpl",
            "c/templates/z.yaml",
        ];
        let files = (0..=random.few(4)).map(|_| (random.word(&paths).to_owned(), Value::from(file(random)))).collect();
        request.insert("manifests".to_owned(), Value::Mapping(files));
    }
    if random.chance(35) {
        request.insert("uninstall".to_owned(), Value::Bool(true));
    }
    Value::Mapping(request)
}

fn file(random: &mut Random) -> String {
    let mut text = String::new();
    text.push_str(random.word(&[
        "",
        "",
        "\n",
        "---\n",
        "---\n",
        "  \n",
        "--- \n",
        "# c\n---\n",
        "\u{feff}",
        "\r\n---\r\n",
    ]));
    for index in 0..=random.few(5) {
        if index > 0 {
            text.push_str(random.word(&[
                "---\n",
                "---\n",
                "---\n",
                "---\n",
                "\n---\n",
                "--- \n",
                "---\t\n",
                "---\r\n",
                "--- # c\n",
                "---a\n",
                " ---\n",
                "----\n",
                "---\n---\n",
                "---",
                "...\n",
                "\n\n",
                "---\n\n",
                "--- ",
            ]));
        }
        text.push_str(&document(random));
    }
    if random.chance(10) { mutate::text(random, &text, "---\nkind: Secret\n") } else { text }
}

fn document(random: &mut Random) -> String {
    if random.chance(6) {
        return random
            .word(&[
                "",
                "\n",
                "# only a comment\n",
                "   \n",
                "{}\n",
                "null\n",
                "[]\n",
                "a\n",
                "- a\n",
                "kind: [x\n",
                "\t\n",
                "--- \n",
            ])
            .to_owned();
    }
    if random.chance(4) {
        return documents::document(random);
    }
    let mut text = String::new();
    if random.chance(8) {
        text.push_str(random.word(&["# c\n", "\n", "  \n", "\n\n", "# a: b\n\n"]));
    }
    if random.chance(90) {
        text.push_str(random.word(&[
            "apiVersion: v1\n",
            "apiVersion: v1\n",
            "apiVersion: apps/v1\n",
            "apiVersion: batch/v1\n",
            "apiVersion: 1\n",
            "apiVersion: ''\n",
            "version: v1\n",
        ]));
    }
    if random.chance(95) {
        text.push_str(&format!("kind: {}\n", random.word(KINDS)));
    } else {
        text.push_str(random.word(&[
            "kind: 1\n",
            "kind:\n",
            "kind: ''\n",
            "kind: [a]\n",
            "Kind: Secret\n",
            "KIND: Secret\n",
            "kind: true\n",
        ]));
    }
    if random.chance(95) {
        text.push_str(&format!(
            "metadata:\n  name: {}\n",
            random.word(&["a", "b", "c", "a", "z", "x-1", "1", "true", "''", "null", "[a]", "A"])
        ));
        if random.chance(35) {
            annotations(random, &mut text);
        }
    } else {
        text.push_str(random.word(&[
            "metadata: null\n",
            "metadata: 1\n",
            "metadata: {}\n",
            "metadata: []\n",
            "Metadata: {name: a}\n",
        ]));
    }
    if random.chance(40) {
        text.push_str(random.word(&[
            "data:\n  k: v\n",
            "spec: {}\n",
            "data:\n  t: |\n    a\n    ---\n    b\n",
            "data:\n  t: |\n    a\n\n\n",
            "x: 1   \n",
            "# end\n",
            "items: []\n",
        ]));
    }
    if random.chance(8) {
        text.truncate(text.trim_end().len());
    }
    if random.chance(4) { text.replace('\n', "\r\n") } else { text }
}

fn annotations(random: &mut Random, text: &mut String) {
    if random.chance(4) {
        text.push_str(random.word(&[
            "  annotations: null\n",
            "  annotations: {}\n",
            "  annotations: 1\n",
            "  annotations: {a: 1}\n",
            "  annotations: {a: null}\n",
            "  annotations: [a]\n",
        ]));
        return;
    }
    text.push_str("  annotations:\n");
    if random.chance(90) {
        let mut events = random.word(EVENTS).to_owned();
        for _ in 0..random.few(3) {
            events.push_str(random.word(&[",", ",", ", ", " ,", ",,"]));
            events.push_str(random.word(EVENTS));
        }
        text.push_str(&format!(
            "    {}: \"{events}\"\n",
            random.word(&["helm.sh/hook", "helm.sh/hook", "helm.sh/hook", "\"helm.sh/hook\"", "helm.sh/Hook"])
        ));
    }
    if random.chance(50) {
        let weight = random.word(&[
            "\"0\"",
            "\"1\"",
            "\"-5\"",
            "\"10\"",
            "\"+3\"",
            "\"1.5\"",
            "\"x\"",
            "\"\"",
            "\"007\"",
            "\" 1\"",
            "\"9223372036854775808\"",
            "5",
            "\"0x10\"",
            "\"1_0\"",
        ]);
        text.push_str(&format!("    helm.sh/hook-weight: {weight}\n"));
    }
    if random.chance(40) {
        let policy = random.word(&[
            "before-hook-creation",
            "hook-succeeded",
            "hook-failed",
            "hook-succeeded,hook-failed",
            " Hook-Succeeded , x",
            "",
            "bogus",
        ]);
        text.push_str(&format!("    helm.sh/hook-delete-policy: \"{policy}\"\n"));
    }
    if random.chance(20) {
        let policy = random.word(&["hook-succeeded", "hook-failed", "hook-succeeded,hook-failed", "", "x"]);
        text.push_str(&format!("    helm.sh/hook-output-log-policy: \"{policy}\"\n"));
    }
    if random.chance(10) {
        text.push_str(random.word(&[
            "    helm.sh/resource-policy: keep\n",
            "    other: 'x'\n",
            "    n: 1\n",
            "    b: true\n",
            "    z: null\n",
        ]));
    }
}
