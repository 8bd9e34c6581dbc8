//! Charts of Go templates on a real cluster: from a folder, an archive and a registry, read and removed by real Helm.

use std::path::Path;

use serde_json::Value as Json;

use super::live::{Live, live};
use crate::registry::distribution::{Distribution, Options, Programs};

/// A chart with a subchart, notes, values of its own, and a key that is made once and kept.
fn write_chart(live: &Live) {
    live.chart(
        "outer",
        &[
            ("values.yaml", "word: none\ninner: {size: 1}\n"),
            (
                "templates/map.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-map\n  labels: {app: outer}\ndata:\n  \
                 word: {{ .Values.word | quote }}\n  \
                 kube: {{ .Capabilities.KubeVersion.Version }}\n  \
                 first: {{ .Release.IsInstall | quote }}\n  \
                 root: {{ (lookup \"v1\" \"ConfigMap\" .Release.Namespace \"kube-root-ca.crt\").metadata.name | quote }}\n",
            ),
            (
                "templates/key.yaml",
                "{{- $old := lookup \"v1\" \"Secret\" .Release.Namespace \"kept\" }}\napiVersion: v1\nkind: Secret\nmetadata: \
                 {name: {{ .Release.Name }}-key}\nstringData:\n  \
                 key: {{ if $old }}{{ index $old.data \"key\" | b64dec | quote }}{{ else }}missing{{ end }}\n",
            ),
            ("templates/NOTES.txt", "{{ .Release.Name }} says {{ .Values.word }} to {{ .Release.Namespace }}.\n"),
            ("charts/inner/Chart.yaml", "apiVersion: v2\nname: inner\nversion: 1.2.3\n"),
            ("charts/inner/values.yaml", "size: 0\n"),
            (
                "charts/inner/templates/a.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-inner}\ndata: {size: {{ .Values.size | quote }}}\n",
            ),
        ],
    );
    live.kubectl(["create", "secret", "generic", "kept", "--from-literal=key=sesame"]);
}

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Installs from a source, and hands the release over to Helm.
fn travels(live: &Live, helm: &Path, compat: &str, source: &[&str]) {
    let arguments = [&["install", "mai"], source, &["--set", "word=hello,inner.size=7"]].concat();
    // The record that Helm would make, before anything is there.
    let planned = live.helm(helm, [&arguments, &["--dry-run=server", "-o", "json"][..]].concat());
    // Helm 3 and 4 tell of the pull on stdout.
    let planned = json(planned.find('{').map_or("", |start| &planned[start..]));
    let ours =
        json(&live.run([&arguments, &["--dry-run=server", "-o", "json", "--helm-compat", compat][..]].concat()).ok());
    assert_eq!(ours["manifest"], planned["manifest"], "{source:?}");

    let printed = live.run([&arguments, &["--helm-compat", compat][..]].concat()).ok();
    assert!(printed.contains("mai says hello to"), "{printed}");
    let map = live.kubectl(["get", "configmap", "mai-map", "-o", "jsonpath={.data.word} {.data.root} {.data.first}"]);
    assert_eq!(map, "hello kube-root-ca.crt true");
    assert_eq!(live.kubectl(["get", "configmap", "mai-inner", "-o", "jsonpath={.data.size}"]), "7");
    let key = live.kubectl(["get", "secret", "mai-key", "-o", "go-template={{.data.key | base64decode}}"]);
    assert_eq!(key, "sesame", "what was looked up");

    let list = json(&live.helm(helm, ["list", "-o", "json"]));
    assert_eq!((&list[0]["chart"], &list[0]["status"]), (&Json::from("outer-0.1.0"), &Json::from("deployed")));
    assert_eq!(live.helm(helm, ["get", "manifest", "mai"]).trim(), planned["manifest"].as_str().unwrap().trim());
    assert_eq!(json(&live.helm(helm, ["get", "values", "mai", "-o", "json"]))["inner"]["size"], 7);
    for words in [
        vec!["get", "manifest", "mai"],
        vec!["get", "notes", "mai"],
        vec!["get", "hooks", "mai"],
        vec!["get", "values", "mai", "--all"],
        vec!["history", "mai", "-o", "json"],
        vec!["list", "-o", "json"],
    ] {
        let ours = live.run(words.iter().copied().chain(["--helm-compat", compat])).ok();
        assert_eq!(ours, live.helm(helm, &words), "{words:?}");
    }
    assert!(live.helm(helm, ["status", "mai"]).contains("STATUS: deployed"));

    live.helm(helm, ["uninstall", "mai"]);
    assert_eq!(live.names("secret"), ["kept"]);
    assert_eq!(live.names("configmap"), ["kube-root-ca.crt"]);
}

#[test]
fn a_chart_from_a_folder_an_archive_or_a_registry_is_helms_to_read_and_remove() {
    let Some(live) = live("charts_travel") else { return };
    let Some(programs) = Programs::find("cluster::charts_travel") else { return };
    write_chart(&live);
    live.run(["package", "outer"]).ok();
    let registry = Distribution::start(&programs, Options::default());
    live.run(["push", "outer-0.1.0.tgz", &registry.oci("charts"), "--plain-http"]).ok();
    let address = registry.oci("charts/outer");
    for source in [&["./outer"][..], &["outer-0.1.0.tgz"], &[&address, "--version", "0.1.0", "--plain-http"]] {
        travels(&live, &live.helm4, "4", source);
        travels(&live, &live.helm3, "3", source);
    }
}

#[test]
fn templates_see_the_cluster_in_every_mode_that_has_one() {
    let Some(live) = live("charts_look") else { return };
    write_chart(&live);
    let shown = |arguments: &[&str]| live.run([arguments, &["mai", "./outer"]].concat()).ok();
    let real = live.kubectl(["version", "-o", "json"]);
    let version = json(&real)["serverVersion"]["gitVersion"].as_str().unwrap().to_owned();
    for arguments in
        [&["template", "--dry-run=server"][..], &["install", "--dry-run=server"], &["template", "--validate"]]
    {
        let shown = shown(arguments);
        assert!(shown.contains("key: \"sesame\"") && shown.contains(&version), "{arguments:?}: {shown}");
    }
    for arguments in [&["template"][..], &["install", "--dry-run=client"]] {
        let ended = live.run([arguments, &["mai", "./outer"]].concat());
        assert_ne!(ended.status, Some(0), "nothing is found, and its field is asked for: {}", ended.stdout);
        assert!(ended.stderr.contains("nil pointer") || ended.stderr.contains("MB2006"), "{}", ended.stderr);
    }
    assert_eq!(live.names("secret"), ["kept"]);
    assert_eq!(live.names("lease"), Vec::<String>::new());
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    let Some(live) = live("charts_refused") else { return };
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ex}\n";
    let hook = |event: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: hook, annotations: {{helm.sh/hook: {event}}}}}\n")
    };
    live.chart("before", &[("templates/a.yaml", map), ("templates/b.yaml", &hook("pre-install"))]);
    live.chart("after", &[("templates/a.yaml", map), ("templates/b.yaml", &hook("post-install"))]);
    live.chart(
        "definitions",
        &[
            ("templates/a.yaml", map),
            (
                "crds/a.yaml",
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: foos.maibot.test}\nspec:\n  \
                 group: maibot.test\n  names: {kind: Foo, plural: foos}\n  scope: Namespaced\n  versions:\n  - {name: v1, served: \
                 true, storage: true, schema: {openAPIV3Schema: {type: object}}}\n",
            ),
        ],
    );
    live.chart("unknown", &[("templates/a.yaml", "apiVersion: no.such/v1\nkind: Foo\nmetadata: {name: ex}\n")]);
    live.chart(
        "label",
        &[("templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ex, labels: {a: 1}}\n")],
    );
    live.chart("later", &[("templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: ex-}\n")]);
    live.chart("nameless", &[("templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n")]);
    live.chart("unserved", &[("templates/a.yaml", "x: {{ lookup \"no.such/v1\" \"Foo\" \"\" \"x\" }}\n")]);
    let elsewhere = format!("{}-new", live.namespace);
    for (chart, code) in [
        ("./before", "MB1004"),
        ("./after", "MB1004"),
        ("./definitions", "MB1004"),
        ("./unknown", "MB3005"),
        ("./label", "MB2007"),
        ("./later", "MB1004"),
        ("./nameless", "MB2007"),
        ("./unserved", "MB2006"),
    ] {
        let ended = live.run(["install", "mai", chart]);
        assert!(ended.stderr.contains(code) && ended.status != Some(0), "{chart}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{chart}");
        let mut command = live.command(Path::new(env!("CARGO_BIN_EXE_maibot")));
        let output = command.args(["install", "mai", chart, "-n", &elsewhere, "--create-namespace"]).output().unwrap();
        assert!(!output.status.success(), "{chart}");
        for kind in ["secret", "lease", "pod"] {
            assert_eq!(live.names(kind), Vec::<String>::new(), "{chart}: {kind}");
        }
        assert_eq!(live.names("configmap"), ["kube-root-ca.crt"], "{chart}");
        let there = live.kubectl(["get", "namespace,crd", "-o", "name"]);
        assert!(!there.contains(&elsewhere) && !there.contains("foos.maibot.test"), "{chart}: {there}");
    }
    // With the flag that leaves them out, the rest is installed.
    live.run(["install", "mai", "./before", "--no-hooks"]).ok();
    assert_eq!(live.names("configmap"), ["ex", "kube-root-ca.crt"]);
    live.run(["uninstall", "mai"]).ok();
    live.run(["install", "mai", "./definitions", "--skip-crds"]).ok();
    assert_eq!(live.names("configmap"), ["ex", "kube-root-ca.crt"]);
}
