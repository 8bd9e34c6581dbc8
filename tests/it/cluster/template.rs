//! `template --dry-run=server`: held against the cluster, beside both Helms, and nothing is left.

use std::fmt::Write as _;

use super::live::{CONSENT, Ended, Live, live};

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ex}\n";

/// Charts of one template each: name, template.
const CHARTS: &[(&str, &str)] = &[
    (
        "told",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: told}\ndata:\n  \
         kube: {{ .Capabilities.KubeVersion | toString | quote }}\n  \
         fields: {{ .Capabilities.KubeVersion | toJson | quote }}\n  \
         version: {{ .Capabilities.KubeVersion.Version }}/{{ .Capabilities.KubeVersion.GitVersion }}\n  \
         apis: {{ .Capabilities.APIVersions | sortAlpha | join \" \" }}\n  \
         deployment: {{ .Capabilities.APIVersions.Has \"apps/v1/Deployment\" | quote }}\n  \
         scale: {{ .Capabilities.APIVersions.Has \"apps/v1/Scale\" | quote }}\n",
    ),
    (
        "found",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: found}\ndata:\n  \
         one: {{ lookup \"v1\" \"ConfigMap\" .Release.Namespace \"there\" | toJson | quote }}\n  \
         data: {{ (lookup \"v1\" \"ConfigMap\" .Release.Namespace \"there\").data | toJson | quote }}\n  \
         none: {{ lookup \"v1\" \"ConfigMap\" .Release.Namespace \"nonesuch\" | toJson | quote }}\n  \
         nowhere: {{ lookup \"v1\" \"ConfigMap\" \"\" \"there\" | toJson | quote }}\n  \
         list: {{ (lookup \"apps/v1\" \"Deployment\" .Release.Namespace \"\").items | toJson | quote }}\n  \
         kind: {{ (lookup \"v1\" \"ConfigMap\" .Release.Namespace \"\").kind | quote }}\n  \
         keys: {{ (lookup \"v1\" \"ConfigMap\" .Release.Namespace \"\") | keys | sortAlpha | join \" \" }}\n  \
         items: {{ range (lookup \"v1\" \"ConfigMap\" .Release.Namespace \"\").items }}\
         {{ .apiVersion }}/{{ .kind }}/{{ .metadata.name }} {{ end }}\n  \
         cluster: {{ (lookup \"v1\" \"Namespace\" \"anything\" \"default\") | dig \"metadata\" \"name\" \"\" | quote }}\n  \
         nowhere-list: {{ (lookup \"v1\" \"ConfigMap\" \"no-such-namespace\" \"\").items | toJson | quote }}\n  \
         kindless: {{ lookup \"apps/v1\" \"Nope\" \"\" \"x\" | toJson | quote }}\n  \
         kindless-list: {{ lookup \"apps/v1\" \"Nope\" \"\" \"\" | keys | sortAlpha | join \" \" }}\n",
    ),
    ("unserved", "x: {{ lookup \"no.such/v1\" \"Foo\" \"\" \"x\" }}\n"),
    ("no-version", "x: {{ lookup \"a/b/c\" \"Foo\" \"\" \"x\" }}\n"),
    (
        "unknown",
        "apiVersion: no.such/v1\nkind: Foo\nmetadata: {name: ex}\n---\napiVersion: v1\nkind: Nope\nmetadata: {name: why, \
         namespace: q}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: ex}\n",
    ),
    ("list", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Nope\n  metadata: {name: ex}\n"),
    ("label", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ex, labels: {a: 1}}\n"),
    ("truth", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\n"),
    ("kindless", "metadata: {name: ex}\n"),
    ("nameless", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"),
    ("named-later", "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: ex-}\n"),
    ("named-twice", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ex, generateName: ex-}\n"),
    ("foreign", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: there}\n"),
    ("elsewhere", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ex, namespace: no-such-namespace}\n"),
    ("hook", "apiVersion: no.such/v1\nkind: Foo\nmetadata: {name: ex, annotations: {helm.sh/hook: pre-install}}\n"),
    ("field", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ex}\ndatum: {a: b}\n"),
    ("nothing", "{{- /* nothing */ -}}\n"),
];

fn write_charts(live: &Live) {
    for (name, template) in CHARTS {
        live.chart(name, &[("templates/a.yaml", template)]);
    }
    live.chart(
        "definitions",
        &[
            ("templates/a.yaml", MAP),
            (
                "crds/a.yaml",
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: foos.no.such}\n",
            ),
        ],
    );
    live.chart("newer", &[("templates/a.yaml", MAP)]);
    live.file("newer/Chart.yaml", "apiVersion: v2\nname: newer\nversion: 0.1.0\nkubeVersion: \">=1.99\"\n");
    live.kubectl(["create", "configmap", "there", "--from-literal=a=b"]);
}

#[test]
fn what_is_rendered_for_a_cluster_is_what_both_helms_print() {
    let Some(live) = live("template_beside_helm") else { return };
    write_charts(&live);
    let mut lines: Vec<Vec<&str>> = Vec::new();
    let names: Vec<String> = CHARTS.iter().map(|(name, _)| format!("./{name}")).collect();
    for name in names.iter().map(String::as_str).chain(["./definitions", "./newer", "./no-such-chart"]) {
        lines.push(vec![name, "--validate"]);
        lines.push(vec![name, "--dry-run=server"]);
    }
    for further in [
        vec!["./unknown", "--validate", "--disable-openapi-validation"],
        vec!["./definitions", "--validate", "--skip-crds"],
        vec!["./definitions", "--validate", "--include-crds"],
        vec!["./foreign", "--validate", "--is-upgrade"],
        vec!["./foreign", "--validate", "--take-ownership"],
        vec!["./told", "--dry-run=server", "--kube-version", "1.2", "-a", "foo/v1"],
        vec!["./told", "--validate", "--kube-version", "1.2", "-a", "foo/v1"],
        vec!["./unknown", "--validate", "--dry-run=server"],
        vec!["./found", "--dry-run=server", "--kube-as-user", "jane"],
        vec!["./field", "--dry-run=server", "--kube-as-user", "jane"],
        vec!["./field", "--validate", "--kube-as-user", "jane"],
        vec!["./field", "--dry-run=server", "--kube-apiserver", "https://127.0.0.1:1"],
        vec!["./field", "--validate", "--kube-apiserver", "https://127.0.0.1:1"],
        vec!["./field", "--validate", "--kubeconfig", "/nonexistent"],
    ] {
        lines.push(further);
    }
    same_as_both_helms(&live, "template", &lines);
    assert_eq!(live.names("configmap"), ["kube-root-ca.crt", "there"], "nothing was left");
}

#[test]
fn an_installation_that_is_tried_on_the_server_says_what_both_helms_say() {
    let Some(live) = live("install_beside_helm") else { return };
    write_charts(&live);
    let names: Vec<String> = CHARTS.iter().map(|(name, _)| format!("./{name}")).collect();
    let names = names.iter().map(String::as_str).chain(["./definitions", "./newer", "./no-such-chart"]);
    let mut lines: Vec<Vec<&str>> = names.map(|name| vec![name, "--dry-run=server"]).collect();
    for further in [
        vec!["./definitions", "--dry-run=server", "--skip-crds"],
        vec!["./foreign", "--dry-run=server", "--take-ownership"],
        vec!["./found", "--dry-run=server", "--kube-as-user", "jane"],
        vec!["./field", "--dry-run=server", "--kube-as-user", "jane"],
        vec!["./field", "--dry-run=server", "--kube-apiserver", "https://127.0.0.1:1"],
    ] {
        lines.push(further);
    }
    same_as_both_helms(&live, "install", &lines);
    assert_eq!(live.names("configmap"), ["kube-root-ca.crt", "there"], "nothing was left");
    assert_eq!(live.names("secret"), Vec::<String>::new());
}

/// Runs lines of a verb for the release `rel` with both Helms and with us, and wants the same stdout, stderr and status.
fn same_as_both_helms(live: &Live, verb: &str, lines: &[Vec<&str>]) {
    // Times of a dry run are those of the run.
    let shown = |ended: &Ended| {
        let lines = ended.stdout.lines().filter(|line| !line.starts_with("LAST DEPLOYED: "));
        format!("{:?}\n{}\n{}", ended.status, lines.collect::<Vec<_>>().join("\n"), ended.stderr)
    };
    let mut differences = String::new();
    for line in lines {
        for (helm, compat) in [(&live.helm4, "--helm-compat=4"), (&live.helm3, "--helm-compat=3")] {
            let arguments = [&[verb, "rel"], line.as_slice()].concat();
            let theirs = shown(&live.helm_ends(helm, &arguments));
            let ours = shown(&live.run([&arguments, &[compat][..]].concat()));
            if ours != theirs {
                let _ = writeln!(differences, "{verb} {compat} {line:?}\nHelm:\n{theirs}\nwe:\n{ours}");
            }
        }
    }
    assert_eq!(differences, "");
}

#[test]
fn the_api_server_looks_at_every_object_and_none_is_left() {
    let Some(live) = live("template_server") else { return };
    write_charts(&live);
    live.chart(
        "shapes",
        &[(
            "templates/a.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: ex}\nspec: {ports: {{ .Values.ports | toJson }}}\n",
        )],
    );
    let render = |arguments: &[&str]| live.run([&["template", "rel", "--dry-run=server"], arguments].concat());

    // What fits is printed as without a cluster, the embedded chart too.
    let fits = render(&["./shapes", "--set", "ports[0].port=80"]);
    assert_eq!(fits.stderr, "");
    assert_eq!(fits.ok(), live.run(["template", "rel", "./shapes", "--set", "ports[0].port=80"]).ok());
    assert_eq!(render(&["--set", CONSENT]).ok(), live.run(["template", "rel", "--set", CONSENT]).ok());
    assert_eq!(render(&["./named-later"]).ok(), live.run(["template", "rel", "./named-later"]).ok());

    // What does not is named by its field, and nothing is printed.
    for (arguments, facts) in [
        (&["./field"][..], &["MB3007", "`datum`", "ex"][..]),
        (&["./shapes", "--set", "ports=text"], &["MB3007", "`spec.ports`", "expected list"]),
        (&["./shapes", "--set", "ports[0].port=99999"], &["MB3007", "`spec.ports[0].port`", "65535"]),
        (&["./unknown"], &["MB3005", "`Foo/ex`", "`no.such/v1`", "`Nope/why`"]),
        (&["./label"], &["MB2007", "`ConfigMap/ex`", "labels"]),
        (&["./foreign"], &["MB4003", "ConfigMap/there"]),
        (&["./unserved"], &["MB2006", "no.such/v1, Kind=Foo"]),
    ] {
        let ended = render(arguments);
        assert_eq!((ended.stdout.as_str(), ended.status == Some(0)), ("", false), "{arguments:?}: {}", ended.stderr);
        for fact in facts {
            assert!(ended.stderr.contains(fact), "{arguments:?}: {fact} in {}", ended.stderr);
        }
        assert!(!ended.stderr.contains("trying again"), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(render(&["./field", "--disable-openapi-validation"]).stderr, "");

    // A namespace that is still to be made is no fault of the chart, and flags that do nothing are told.
    let elsewhere = render(&["./elsewhere"]);
    assert!(
        elsewhere.stderr.contains("ConfigMap/ex") && elsewhere.stderr.contains("no-such-namespace"),
        "{}",
        elsewhere.stderr
    );
    assert!(elsewhere.ok().contains("name: ex"));
    let ignored = render(&["./told", "--kube-version", "1.2", "--lang=zh"]);
    assert!(ignored.stderr.contains("--kube-version"), "{}", ignored.stderr);
    assert!(!ignored.ok().contains("v1.2"));

    assert_eq!(live.names("configmap"), ["kube-root-ca.crt", "there"]);
    for kind in ["secret", "lease", "service", "statefulset", "pvc"] {
        assert_eq!(live.names(kind), Vec::<String>::new(), "{kind}");
    }
    let Some(requests) = live.requests() else {
        crate::skipped("cluster::template_server", "this cluster's audit log cannot be read");
        return;
    };
    let (reads, writes): (Vec<_>, Vec<_>) =
        requests.iter().partition(|(verb, ..)| matches!(verb.as_str(), "get" | "list"));
    assert!(!reads.is_empty() && !writes.is_empty(), "{requests:?}");
    for (verb, _, address) in writes {
        assert!(address.contains("dryRun=All"), "{verb} {address}");
    }
}

#[test]
fn who_may_read_and_not_write_can_still_render_for_the_cluster() {
    let Some(live) = live("template_reader") else { return };
    write_charts(&live);
    live.kubectl(["create", "role", "reader", "--verb=get", "--resource=configmaps"]);
    live.kubectl(["create", "rolebinding", "reader", "--role=reader", "--user=jane"]);
    let ended = live.run(["template", "rel", "./field", "--dry-run=server", "--kube-as-user", "jane"]);
    assert!(ended.stderr.contains("ConfigMap/ex") && ended.stderr.contains("cannot patch"), "{}", ended.stderr);
    assert_eq!(ended.stdout, live.run(["template", "rel", "./field"]).ok());
    assert_eq!(ended.status, Some(0));
    // Without even that, it is an error that names the right.
    live.kubectl(["delete", "rolebinding", "reader"]);
    let ended = live.run(["template", "rel", "./field", "--dry-run=server", "--kube-as-user", "jane"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(77), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("MB3004") && ended.stderr.contains("`get` `configmaps`"), "{}", ended.stderr);
}
