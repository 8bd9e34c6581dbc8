//! What people are shown when a Go template fails: the place with its line, the value that is missing, the way there,
//! what would help; and no secret.

use super::{Place, Ran};

/// A chart with helpers that call each other.
fn chart(template: &str) -> Place {
    let place = Place::new();
    place.file("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n");
    place.file("web/values.yaml", "images: {tag: x}\nreplicas: 3\nadmin: {password: hunter2hunter2}\n");
    let helpers = "{{- define \"web.image\" -}}\n  镜像: {{ .Values.image.tag | quote }}\n{{- end -}}\n\
                   {{- define \"web.pod\" -}}\n{{ include \"web.image\" . }}\n{{- end -}}\n";
    place.file("web/templates/_helpers.tpl", helpers);
    place.file("web/templates/a.yaml", template);
    place
}

fn failed(place: &Place, arguments: &[&str]) -> String {
    let arguments = [&["template", "r", "web"], arguments].concat();
    let Ran { stdout, stderr, status } = place.run(&arguments);
    assert_eq!((stdout.as_str(), status), ("", 65), "{stderr}");
    stderr
}

#[test]
fn a_value_that_is_missing_is_named_with_the_way_to_the_place() {
    let place = chart("data:\n  {{- include \"web.pod\" . | nindent 2 }}\n");
    insta::assert_snapshot!(failed(&place, &[]));
    insta::assert_snapshot!(failed(&place, &["--lang", "zh", "--set", "image=null"]));
    place.file("mine.yaml", "replicas: 1\nimage:\n");
    insta::assert_snapshot!(failed(&place, &["-f", "mine.yaml"]));
}

#[test]
fn texts_given_to_tpl_and_recursion_are_told() {
    insta::assert_snapshot!(failed(&chart("a: b\n{{ tpl \"x\\n  {{ .Values.no.x }}\" . }}\n"), &[]));
    let endless = "{{ define \"web.again\" }}{{ include \"web.again\" . }}{{ end }}{{ include \"web.again\" . }}";
    insta::assert_snapshot!(failed(&chart(endless), &["--lang", "zh"]));
}

#[test]
fn what_would_help_is_said() {
    for (template, hint) in [
        ("{{ if eq .Values.replicas 3 }}x{{ end }}", "compare with `3.0`"),
        ("{{ trunc 3 .Values.replicas }}", "put the value in quotes"),
        ("{{ until .Values.replicas }}", "take `int` of it"),
        ("{{ toYml .Values }}", "`toYaml` exists"),
        ("{{ env \"HOME\" }}", "cannot read the environment"),
        ("{{ if .Values.replicas }}", "lacks its `{{ end }}`"),
        ("{{ include \"web.imag\" . }}", "`web.image` exists"),
        ("{{ template \"web.imag\" . }}", "`web.image` exists"),
    ] {
        let told = failed(&chart(template), &[]);
        assert!(told.contains(hint), "{template}: {told}");
    }
}

#[test]
fn a_secret_in_a_charts_own_words_is_masked() {
    for template in [
        "{{ fail (printf \"the password %s is too short\" .Values.admin.password) }}",
        "{{ tpl (printf \"%s {{ nope }}\" .Values.admin.password) . }}",
        "{{ tpl (printf \"%s {{ .Values.no.x }}\" .Values.admin.password) . }}",
    ] {
        let place = chart(template);
        for arguments in [&["template", "r", "web"] as &[&str], &["template", "r", "web", "--helm-compat=4"]] {
            let told = place.run(arguments).stderr;
            assert!(!told.contains("hunter2") && told.contains("********"), "{told}");
        }
    }
}
