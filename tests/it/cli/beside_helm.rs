//! `template` beside the real Helms, on charts that are made up here: the same stdout and the same exit status; under
//! `--helm-compat` the same stderr too. Needs `MAIBOT_TEST_HELM3` and `MAIBOT_TEST_HELM4` (the test cluster's rig builds
//! both and names them) and is left out by name without them; `MAIBOT_TEST_SEED` begins elsewhere.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use super::{Place, Ran, scrub};

/// How many charts are made.
const CHARTS: u64 = 200;

fn helms() -> Option<[(PathBuf, &'static str); 2]> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let (Some(four), Some(three)) = (variable("MAIBOT_TEST_HELM4"), variable("MAIBOT_TEST_HELM3")) {
        Some([(four, "--helm-compat=4"), (three, "--helm-compat=3")])
    } else {
        crate::skipped("cli::beside_helm", "no Helm");
        None
    }
}

/// Numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

const SCALARS: &[&str] = &[
    "1",
    "0",
    "-7",
    "1000000",
    "12345678901",
    "1.5",
    "1e3",
    "0x10",
    "0644",
    "true",
    "no",
    "null",
    "~",
    "''",
    "text",
    "\"7\"",
    "'a: b'",
    "麦麦",
    "2024-01-02",
    "\"line\\nbreak\"",
    "|\n    two\n    lines",
    "on",
    "1_000",
    ".5",
    "-0.0",
];

const KEYS: &[&str] = &["image", "port", "name", "replicas", "labels", "enabled", "size", "list", "note", "mode"];

/// A map of values in YAML, indented.
fn values(dice: &mut Dice, depth: usize, indent: usize) -> String {
    let mut text = String::new();
    let pad = " ".repeat(indent);
    for key in KEYS {
        if dice.one_in(2) {
            continue;
        }
        let _ = match dice.below(6) {
            0 if depth < 2 => {
                let inner = values(dice, depth + 1, indent + 2);
                if inner.is_empty() { writeln!(text, "{pad}{key}: {{}}") } else { write!(text, "{pad}{key}:\n{inner}") }
            }
            1 => writeln!(text, "{pad}{key}: [{}, {}]", dice.of(&SCALARS[..12]), dice.of(&SCALARS[..12])),
            _ => writeln!(text, "{pad}{key}: {}", dice.of(SCALARS).replace("\n    ", &format!("\n{pad}    "))),
        };
    }
    text
}

const SNIPPETS: &[&str] = &[
    "{{ .Values.KEY }}",
    "{{ .Values.KEY | quote }}",
    "{{ .Values.KEY | default \"none\" | toString | squote }}",
    "{{ toJson .Values.KEY }}",
    "{{ .Values.KEY | toYaml | nindent 6 }}",
    "{{ kindOf .Values.KEY }}",
    "{{ printf \"%v/%T\" .Values.KEY .Values.KEY | quote }}",
    "{{ include \"NAME.label\" . }}",
    "{{ .Chart.Name }}-{{ .Chart.Version }}{{ .Chart.AppVersion }}",
    "{{ .Release.Name }}.{{ .Release.Namespace }}.{{ .Release.IsUpgrade }}.{{ .Release.Revision }}",
    "{{ .Capabilities.KubeVersion.Minor }}",
    "{{ if .Values.KEY }}yes{{ else }}no{{ end }}",
    "{{ range $i, $e := .Values.list }}{{ $i }}{{ $e }},{{ end }}",
    "{{ with .Values.labels }}{{ . | toYaml | b64enc }}{{ end }}",
    "{{ tpl \"{{ .Values.KEY }}\" . | quote }}",
    "{{ .Template.Name }} {{ .Template.BasePath }}",
    "{{ .Files.Get \"data/one.txt\" | trim | quote }}",
    "{{ len .Files }}",
    "{{ (.Files.Glob \"data/*\").AsConfig | sha256sum }}",
    "{{ .Values.global | toJson }}",
    "{{ keys .Subcharts | sortAlpha | join \",\" | quote }}",
    "{{ dig \"labels\" \"name\" \"-\" (.Values | merge dict) | quote }}",
    "{{ required \"it is needed\" .Values.KEY }}",
    "{{ .Values.KEY.name }}",
    "{{ eq .Values.KEY 1.0 }}",
    "{{ int .Values.KEY }}",
    "{{ .Values.KEY | trunc 3 }}",
    "{{ semverCompare \">=1.20\" .Capabilities.KubeVersion.Version }}",
    "{{- /* nothing */ -}}x",
    "{{ .Values.nothing.at.all }}",
    "{{ lookup \"v1\" \"Secret\" \"\" \"\" | toJson }}",
];

const KINDS: &[&str] = &[
    "ConfigMap",
    "Secret",
    "Service",
    "Deployment",
    "Namespace",
    "ServiceAccount",
    "Role",
    "Ingress",
    "Job",
    "Widget",
    "ValidatingWebhookConfiguration",
    "CustomResourceDefinition",
];

const HOOKS: &[&str] =
    &["pre-install", "post-install,post-upgrade", "test", "test-success", "pre-delete", "unknown", "PRE-UPGRADE "];

fn template(dice: &mut Dice, chart: &str) -> String {
    let mut text = String::new();
    for number in 0..=dice.below(3) {
        text.push_str(dice.of(&["", "---\n", "\n---\n", "--- \n", "# a remark\n"]));
        if number > 0 {
            text.push_str("---\n");
        }
        let _ = write!(text, "apiVersion: v1\nkind: {}\nmetadata:\n  name: n{number}\n", dice.of(KINDS));
        if dice.one_in(5) {
            let _ = write!(text, "  annotations:\n    helm.sh/hook: {}\n", dice.of(HOOKS));
            if dice.one_in(2) {
                let _ = writeln!(text, "    helm.sh/hook-weight: \"{}\"", dice.below(9));
            }
        }
        text.push_str("data:\n");
        for entry in 0..dice.below(5) {
            // Most of what fails is rare, so that most charts render.
            let end = if dice.one_in(12) { SNIPPETS.len() } else { 22 };
            let snippet = SNIPPETS[dice.below(end)].replace("KEY", dice.of(KEYS)).replace("NAME", chart);
            let _ = writeln!(text, "  k{entry}: {snippet}");
        }
        text.push_str(dice.of(&["", "\n", "\n\n\n", "   \n", "...\n"]));
    }
    text
}

/// Writes a chart and those inside it; returns its name.
fn chart(dice: &mut Dice, place: &Place, folder: &str, name: &str, depth: usize) {
    let mut chart_yaml = format!("name: {name}\nversion: {}\n", dice.of(&["0.1.0", "1.2.3", "v2.0", "1.0.0-rc.1+b.2"]));
    let version = chart_yaml.lines().last().unwrap().trim_start_matches("version: ").to_owned();
    let is_v1 = dice.one_in(5);
    let _ = writeln!(chart_yaml, "apiVersion: {}", if is_v1 { "v1" } else { "v2" });
    chart_yaml.push_str(dice.of(&[
        "",
        "appVersion: 1.10\n",
        "appVersion: \"2\"\ndeprecated: true\n",
        "kubeVersion: '>=1.20'\n",
        "description: |\n  two\n  lines\nkeywords: [a, 1]\n",
    ]));
    let mut dependencies = String::new();
    if depth < 2 {
        for number in 0..dice.below(3) {
            let inner = format!("sub{depth}{number}");
            chart(dice, place, &format!("{folder}/charts/{inner}"), &inner, depth + 1);
            if dice.one_in(4) {
                continue;
            }
            let _ = write!(
                dependencies,
                "- name: {inner}\n  repository: ''\n  version: {}\n",
                dice.of(&["'*'", "'>=0.0.0-0'", "~1.2", "0.1.0", "''"])
            );
            for (odds, line) in [
                (3, format!("  condition: {inner}.enabled,global.on\n")),
                (4, "  tags: [front, back]\n".to_owned()),
                (4, format!("  alias: other{number}\n")),
                (4, "  import-values: [data, {child: labels, parent: imported}]\n".to_owned()),
            ] {
                if dice.one_in(odds) {
                    dependencies.push_str(&line);
                }
            }
        }
    }
    let list = format!("dependencies:\n{dependencies}");
    match (dependencies.is_empty(), is_v1) {
        (true, _) => {}
        (false, true) => drop(place.file(&format!("{folder}/requirements.yaml"), &list)),
        (false, false) => chart_yaml.push_str(&list),
    }
    let _ = version;
    place.file(&format!("{folder}/Chart.yaml"), &chart_yaml);
    let mut own = values(dice, 0, 0);
    own.push_str(dice.of(&[
        "",
        "global: {on: true, shared: {a: 1}}\n",
        "tags: {front: false, back: true}\n",
        "exports: {data: {mine: 1}}\n",
        "sub00: {enabled: false}\n",
        "sub00: {labels: {name: x}, enabled: true}\nsub01: {enabled: 1}\n",
        "---\nport: 9\n",
    ]));
    place.file(&format!("{folder}/values.yaml"), &own);
    place.file(&format!("{folder}/data/one.txt"), "one\n");
    place.file(&format!("{folder}/data/two.bin"), "two\n\n");
    let helpers = format!(
        "{{{{- define \"{name}.label\" -}}}}{{{{ .Release.Name }}}}-{{{{ .Chart.Name | upper }}}}{{{{- end -}}}}\n"
    );
    place.file(&format!("{folder}/templates/_helpers.tpl"), &helpers);
    for number in 0..=dice.below(3) {
        place.file(&format!("{folder}/templates/t{number}.yaml"), &template(dice, name));
    }
    if dice.one_in(3) {
        place.file(&format!("{folder}/templates/NOTES.txt"), "notes of {{ .Release.Name }}\n");
    }
    if dice.one_in(4) {
        place.file(&format!("{folder}/crds/crd.yaml"), "apiVersion: x\nkind: CustomResourceDefinition\n");
    }
    if dice.one_in(4) {
        place.file(
            &format!("{folder}/.helmignore"),
            dice.of(&["*.bin\n", "/data/two*\n# remark\n", "data/\n", "!Chart.yaml\n", "t1.yaml\n", "**\n"]),
        );
    }
    if dice.one_in(5) {
        place.file(
            &format!("{folder}/values.schema.json"),
            r#"{"type": "object", "properties": {"port": {"type": "integer"}}}"#,
        );
    }
}

/// What Helm makes of a line, and what we make of it.
fn side_by_side(place: &Place, helm: &PathBuf, compat: &str, arguments: &[&str]) -> (Ran, Ran) {
    let mut command = Command::new(helm);
    scrub(|name| {
        command.env_remove(name);
    });
    command.args(arguments).env("HOME", place.path()).env("TZ", "UTC").current_dir(place.path());
    let ours = [arguments, &[compat]].concat();
    (Ran::of(command.output().unwrap()), Ran::of(place.command(&ours).env("TZ", "UTC").output().unwrap()))
}

#[test]
fn made_charts_render_as_with_helm() {
    let Some(helms) = helms() else { return };
    let mut rendered = 0;
    let first = std::env::var("MAIBOT_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    for seed in first..first + CHARTS {
        let place = Place::new();
        let mut dice = Dice(seed);
        chart(&mut dice, &place, "chart", "top", 0);
        place.file("values.yaml", &values(&mut dice, 0, 0));
        let mut arguments: Vec<&str> = vec!["template", "rel", "chart"];
        for (odds, flags) in [
            (2, &["-f", "values.yaml"][..]),
            (3, &["--set", "port=8080,labels.x=1,list={a,2}"]),
            (4, &["--set-string", "replicas=007"]),
            (4, &["--include-crds"]),
            (4, &["--is-upgrade"]),
            (5, &["--no-hooks"]),
            (5, &["--skip-tests"]),
            (4, &["-n", "prod"]),
            (5, &["-s", "templates/t0.yaml"]),
            (6, &["--kube-version", "1.29.3-gke.1"]),
            (6, &["--skip-schema-validation"]),
            (6, &["--set-json", "sub00={\"size\":1}"]),
        ] {
            if dice.one_in(odds) {
                arguments.extend(flags);
            }
        }
        for (helm, compat) in &helms {
            let (wanted, given) = side_by_side(&place, helm, compat, &arguments);
            let told = format!("seed {seed}, {compat}: {arguments:?}");
            assert_eq!(given.stdout, wanted.stdout, "{told}\n{}", given.stderr);
            assert_eq!(sorted(&given.stderr), sorted(&wanted.stderr), "{told}");
            assert_eq!(given.status, wanted.status, "{told}");
            if *compat == "--helm-compat=4" {
                let own = Ran::of(place.command(&arguments).env("TZ", "UTC").output().unwrap());
                assert_eq!((own.stdout == wanted.stdout, own.status == 0), (true, wanted.status == 0), "{told}");
                rendered += usize::from(own.status == 0);
            }
        }
    }
    println!("beside Helm: {rendered} of {CHARTS} made charts render");
    assert!(rendered > 50, "most charts are refused: {rendered} render");
}

/// Helm says some things in random order.
fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[cfg(unix)]
#[test]
fn links_in_a_chart_are_told_of_as_by_helm() {
    let Some(helms) = helms() else { return };
    let place = Place::new();
    place.file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    place.file("chart/requirements.yaml", "dependencies: []\n");
    place.file("outside/a.yaml", "kind: A\n");
    place.file("outside/ignored.txt", "");
    place.file("chart/.helmignore", "ignored\n");
    std::os::unix::fs::symlink("../outside", place.path().join("chart/templates")).unwrap();
    std::os::unix::fs::symlink("../outside/ignored.txt", place.path().join("chart/ignored")).unwrap();
    for (helm, compat) in &helms {
        let (wanted, given) = side_by_side(&place, helm, compat, &["template", "rel", "chart"]);
        assert_eq!(
            (given.stdout, given.stderr, given.status),
            (wanted.stdout, wanted.stderr, wanted.status),
            "{compat}"
        );
    }
}

/// The files below a folder with their content, archives as the names and contents in them, locks without their time.
fn tree(folder: &std::path::Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(tree(&path).into_iter().map(|(inner, text)| (format!("{name}/{inner}"), text)));
            continue;
        }
        let content = std::fs::read(&path).unwrap();
        let timeless = |text: &str| -> String {
            text.lines().filter(|line| !line.starts_with("generated: ")).flat_map(|line| [line, "\n"]).collect()
        };
        let text = match maibot::chart::archive::files(&content, maibot::values::Compat::Helm4) {
            Ok(files) => files
                .iter()
                .flat_map(|file| [file.name.to_string(), ":\n".to_owned(), timeless(file.text().unwrap())])
                .collect(),
            Err(_) => timeless(std::str::from_utf8(&content).unwrap()),
        };
        found.push((name, text));
    }
    found.sort();
    found
}

#[test]
fn dependencies_from_folders_are_brought_as_by_helm() {
    let Some(helms) = helms() else { return };
    let made = |place: &Place| {
        place.file("db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.2.3\n");
        place.file("db/templates/a.yaml", "kind: DB\n");
        place.file("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n- {name: db, version: '>=1.0.0 <2.0.0', repository: file://../db, alias: base, condition: base.on}\n- {name: own, version: '*', repository: ''}\n");
        place.file("web/charts/own/Chart.yaml", "apiVersion: v2\nname: own\nversion: 0.1.0\n");
        place.file("web/charts/stray/Chart.yaml", "apiVersion: v2\nname: stray\nversion: 0.1.0\n");
        place.file("web/charts/notes.txt", "no chart");
        place.file("old/Chart.yaml", "apiVersion: v1\nname: old\nversion: 1.0.0\n");
        place.file("old/requirements.yaml", "dependencies:\n- {name: db, version: 1.x, repository: file://../db}\n");
        place.file("late/Chart.yaml", "apiVersion: v2\nname: late\nversion: 1.0.0\ndependencies: [{name: db, version: '*', repository: file://../db}]\n");
        place.file("none/Chart.yaml", "apiVersion: v2\nname: none\nversion: 1.0.0\n");
        place.file("wrong/Chart.yaml", "apiVersion: v2\nname: wrong\nversion: 1.0.0\ndependencies: [{name: db, version: ~2.0, repository: file://../db}]\n");
        place.file("gone/Chart.yaml", "apiVersion: v2\nname: gone\nversion: 1.0.0\ndependencies: [{name: db, version: ~2.0, repository: file://../nowhere}]\n");
        place.file("words/Chart.yaml", "apiVersion: v2\nname: words\nversion: 1.0.0\ndependencies: [{name: db, version: ~2.0, repository: stable}]\n");
        place.file("range/Chart.yaml", "apiVersion: v2\nname: range\nversion: 1.0.0\ndependencies: [{name: db, version: 'x y', repository: file://../db}]\n");
        place.file("stale/Chart.yaml", "apiVersion: v2\nname: stale\nversion: 1.0.0\ndependencies: [{name: db, version: '*', repository: file://../db}]\n");
        place.file("stale/Chart.lock", "digest: sha256:0\ngenerated: \"2024-01-01T00:00:00Z\"\ndependencies: []\n");
        place.file("long/Chart.yaml", &format!("apiVersion: v2\nname: long\nversion: 1.0.0\ndependencies: [{{name: db, version: '*', repository: file://../{}db}}]\n", "x/../".repeat(30)));
    };
    for (helm, compat) in &helms {
        let (theirs, ours) = (Place::new(), Place::new());
        made(&theirs);
        made(&ours);
        for line in [
            "dependency list web",
            "dependency update web",
            "dependency list web",
            "dependency build web",
            "dep up web",
            "dependency update old",
            "dependency build old",
            "dependency list old",
            "dependency list none",
            "dependency update none",
            "dependency update wrong",
            "dependency update gone",
            "dependency update words",
            "dependency update range",
            "dependency build stale",
            "dependency list stale",
            "dependency list long",
            "dependency list long --max-col-width 20",
            "dependency update absent",
            "dependency list absent",
            "dependency update web/Chart.yaml",
            "template rel web",
            "template rel late --dependency-update",
            "template rel late --dependency-update",
            "package late -u",
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            let (wanted, _) = side_by_side(&theirs, helm, compat, &words);
            let given = ours.run(&[&words[..], &[compat]].concat());
            let told = format!("{compat}: {line}");
            let named = |text: &str, place: &Place| text.replace(&place.path().display().to_string(), "$DIR");
            assert_eq!(named(&given.stdout, &ours), named(&wanted.stdout, &theirs), "{told}");
            assert_eq!((given.stderr, given.status), (wanted.stderr, wanted.status), "{told}");
            assert_eq!(tree(ours.path()), tree(theirs.path()), "{told}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_lock_that_is_a_link_is_not_written_through() {
    let place = Place::new();
    place.file("db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.2.3\n");
    place.file("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: db, version: '*', repository: file://../db}]\n");
    place.file("precious", "data");
    std::os::unix::fs::symlink("../precious", place.path().join("web/Chart.lock")).unwrap();
    for compat in [&["--helm-compat=4"][..], &[]] {
        let ran = place.run(&[&["dependency", "update", "web"], compat].concat());
        assert_ne!(ran.status, 0, "{}", ran.stdout);
    }
    assert_eq!(std::fs::read_to_string(place.path().join("precious")).unwrap(), "data");
}
