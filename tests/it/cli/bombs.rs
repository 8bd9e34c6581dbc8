//! Charts and values made to exhaust the machine: the program ends with an error of its own within a bounded memory; it
//! neither crashes nor hangs. The limit of time is a guard against hanging, nothing is measured.

use std::time::Duration;

use assert_cmd::Command;

use super::{Place, Ran, scrub};

/// Address space that the program may have, in KiB: its budget of one GiB, up to three times while a text of that size
/// grows and moves, and the stack of the render. (Address space, because that is what can be limited; most of it is not
/// memory.)
const MEMORY: u32 = 5_000_000;

/// How long a run may take on a machine that is doing a lot else.
const GUARD: Duration = Duration::from_mins(5);

/// Renders the chart `c` with bounded memory.
fn run(place: &Place, arguments: &[&str]) -> Ran {
    let mut command = Command::new("sh");
    scrub(|name| {
        command.env_remove(name);
    });
    command
        .args(["-c", &format!("ulimit -v {MEMORY} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_maibot")])
        .args(["template", "r", "c"])
        .args(arguments)
        .env("HOME", place.path())
        .env("LANG", "en_US.UTF-8")
        .current_dir(place.path())
        .timeout(GUARD);
    Ran::of(command.output().unwrap())
}

fn chart(template: &str) -> Place {
    let place = Place::new();
    place.file("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n");
    place.file("c/templates/t.yaml", template);
    place
}

/// The run failed as a chart fails, and said so.
fn assert_fails(what: &str, ran: &Ran) {
    let Ran { stdout, stderr, status } = ran;
    assert!(stdout.is_empty(), "{what}: {} bytes on stdout", stdout.len());
    assert_eq!(*status, 65, "{what}: {}", stderr.chars().take(2000).collect::<String>());
    assert!(stderr.starts_with("error MB"), "{what}: {stderr}");
}

#[test]
fn templates_that_make_too_much_are_stopped() {
    for template in [
        "{{ range until 1000000000 }}{{ end }}",
        "{{ range until 9223372036854775807 }}{{ end }}",
        "{{ range 9223372036854775807 }}x{{ end }}",
        "{{ range untilStep 0 9223372036854775807 1 }}{{ end }}",
        "{{ seq 1 9000000000 }}",
        "{{ repeat 2000000000 \"ab\" }}",
        "{{ repeat 100000 (repeat 100000 \"ab\") }}",
        "{{ \"x\" | indent 2147483647 }}",
        "{{ printf \"%999999d|%999999d\" 1 2 | repeat 100000 }}",
        "{{ $s := \"0123456789\" }}{{ range until 60 }}{{ $s = cat $s $s }}{{ end }}{{ $s }}",
        "{{ $s := \"0123456789\" }}{{ range until 60 }}{{ $s = printf \"%s%s\" $s $s }}{{ end }}{{ $s }}",
        "{{ $s := repeat 100000000 \"x\" }}{{ cat $s $s $s $s $s $s $s $s $s $s $s $s }}",
        "{{ $s := repeat 100000000 \"x\" }}{{ print $s $s $s $s $s $s $s $s $s $s $s $s }}",
        "{{ $s := repeat 100000000 \"x\" }}{{ quote $s $s $s $s $s $s $s $s $s $s $s $s }}",
        "{{ $s := repeat 100000000 \"x\" }}{{ squote $s $s $s $s $s $s $s $s $s $s $s $s }}",
        "{{ $s := repeat 100000000 \"x\" }}{{ printf \"%s%s%s%s%s%s%s%s%s%s%s%s\" $s $s $s $s $s $s $s $s $s $s $s $s }}",
        "{{ $s := repeat 100000000 \"x\" }}{{ join \"\" (list $s $s $s $s $s $s $s $s $s $s $s $s) }}",
        "{{ $s := repeat 100000000 \"x\" }}{{ html $s $s $s $s $s $s $s $s $s $s $s $s }}",
        "{{ $s := repeat 100000000 \"x\" }}{{ toJson (list $s $s $s $s $s $s $s $s $s $s $s $s) }}",
        "{{ $s := repeat 100000000 \"x\" }}{{ list $s $s $s $s $s $s $s $s $s $s $s $s }}",
        "{{ $l := list 1 2 3 }}{{ range until 60 }}{{ $l = concat $l $l }}{{ end }}{{ len $l }}",
        "{{ $l := list \"xxxxxxxxxx\" }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}{{ $l }}",
        "{{ $l := list \"xxxxxxxxxx\" }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}{{ toJson $l }}",
        "{{ $l := list \"xxxxxxxxxx\" }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}{{ toYaml $l | len | fail }}",
        "{{ $l := list \"xxxxxxxxxx\" }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}{{ deepCopy $l | len | print | fail }}",
        "{{ $l := list \"xxxxxxxxxx\" }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}{{ toToml (dict \"a\" $l) }}",
        "{{ $s := repeat 1000000 \"a\" }}{{ regexReplaceAll \"a\" $s $s }}",
        "{{ regexReplaceAll \".+\" (repeat 1000000 \"a\") (repeat 1000000 \"$0\") }}",
        "{{ $s := repeat 1000000 \"a\" }}{{ replace \"a\" $s $s }}",
        "{{ regexMatch (repeat 1000 \"(a|b)*\") \"ab\" | print | fail }}",
        "{{ regexFind \"((((a{1000}){1000}){1000}){1000})\" \"a\" }}",
    ] {
        assert_fails(template, &run(&chart(template), &[]));
    }
}

#[test]
fn templates_that_call_themselves_are_stopped() {
    for template in [
        "{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}",
        "{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}",
        "{{ define \"a\" }}{{ include \"b\" . }}{{ end }}{{ define \"b\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}",
        "{{ define \"a\" }}{{ tpl \"{{ include \\\"a\\\" . }}\" . }}{{ end }}{{ include \"a\" . }}",
        "{{ $_ := set .Values \"t\" \"{{ tpl .Values.t . }}\" }}{{ tpl .Values.t . }}",
        "{{ define \"a\" }}{{ range until 10 }}{{ include \"a\" $ }}{{ end }}{{ end }}{{ include \"a\" . }}",
        "{{ template \"c/templates/t.yaml\" . }}",
        "{{ include \"c/templates/t.yaml\" . }}",
    ] {
        assert_fails(template, &run(&chart(template), &[]));
    }
}

#[test]
fn maps_that_contain_themselves_are_stopped() {
    let make = "{{ $m := dict \"a\" 1 }}{{ $_ := set $m \"m\" $m }}";
    for use_of_it in [
        "{{ $m }}",
        "{{ printf \"%v\" $m }}",
        "{{ toString $m }}",
        "{{ quote $m }}",
        "{{ mustToJson $m }}",
        "{{ mustToYaml $m }}",
        "{{ toYamlPretty $m }}",
        "{{ deepCopy $m }}",
        "{{ merge (dict \"m\" (dict)) $m | len | print | fail }}",
        "{{ deepEqual $m (deepCopy $m) }}",
        "{{ uniq (list $m $m) }}",
    ] {
        let template = format!("{make}{use_of_it}");
        assert_fails(&template, &run(&chart(&template), &[]));
    }
}

#[test]
fn texts_that_nest_too_deep_are_refused() {
    let many = 100_000;
    for template in [
        format!("{{{{ {}1{} }}}}", "(".repeat(many), ")".repeat(many)),
        format!("{}x{}", "{{ if 1 }}".repeat(many), "{{ end }}".repeat(many)),
        format!("{}x", "{{ if 1 }}".repeat(many)),
        "{{ range .Values }}".repeat(many),
        format!("{{{{ fromJson `{}{}` | toYaml | fail }}}}", "{\"a\":".repeat(many), "}".repeat(many)),
        format!("{{{{ fromYamlArray `{}{}` | toYaml | fail }}}}", "[".repeat(many), "]".repeat(many)),
        format!("{{{{ fromToml `a = {}{}` | toYaml | fail }}}}", "[".repeat(many), "]".repeat(many)),
        format!("{{{{ mustRegexMatch `{}a{}` `a` | print | fail }}}}", "(".repeat(many), ")".repeat(many)),
    ] {
        let start: String = template.chars().take(40).collect();
        assert_fails(&start, &run(&chart(&template), &[]));
    }
}

#[test]
fn values_that_grow_when_they_are_read_are_refused() {
    let mut aliases = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let one = format!("*a{}", level - 1);
        aliases = format!("{aliases}a{level}: &a{level} [{}]\n", vec![one; 9].join(", "));
    }
    let place = chart("a: {{ len .Values }}\n");
    place.file("bomb.yaml", &aliases);
    place.file("deep.yaml", &format!("a: {}{}\n", "[".repeat(100_000), "]".repeat(100_000)));
    place.file("block.yaml", &(0..20_000).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n"));
    for file in ["bomb.yaml", "deep.yaml", "block.yaml"] {
        let ran = run(&place, &["-f", file]);
        assert_ne!(ran.status, 0, "{file}");
        assert!(ran.stderr.starts_with("error MB"), "{file}: {}", ran.stderr.chars().take(500).collect::<String>());
    }
    let deep = format!("a{}=1", ".a".repeat(50_000));
    for set in [deep.as_str(), "a[99999999]=1"] {
        let ran = run(&place, &["--set", set]);
        let start: String = set.chars().take(40).collect();
        assert_ne!(ran.status, 0, "{start}");
        assert!(ran.stderr.starts_with("error MB"), "{start}: {}", ran.stderr.chars().take(500).collect::<String>());
    }
}
