//! Expected texts were taken from client-go's `jsonpath` with the same values.

use super::Template;
use crate::yaml::{Numbers, read};

const VALUES: &str = r#"
name: web
port: 8080
big: 1000000
enabled: true
nothing: null
list: [one, two, three, four]
numbers: [1, 2.5, 3]
labels: {app.kubernetes.io/name: web, k8s-app: "20"}
items:
- {name: a, size: 1, tags: [x, z], ready: true}
- {name: b, size: 2, extra: "<&>", ready: false}
- {name: c, size: 3, tags: [], ready: false}
"#;

fn run(template: &str) -> Result<String, String> {
    let values = read(VALUES.as_bytes(), Numbers::Helm).unwrap();
    let template = Template::parse(template).map_err(|error| format!("parse: {error}"))?;
    template.execute(&values).map_err(|error| error.to_string())
}

#[test]
fn every_form_prints_as_client_go_prints_it() {
    let cases = [
        ("plain", "plain"),
        (".name", ".name"),
        ("{.name}", "web"),
        ("{ .name }:{$.port}", "web:8080"),
        ("{.big} {.enabled} {.nothing}", "1e+06 true null"),
        ("{.list}", r#"["one","two","three","four"]"#),
        ("{.list[0]} {.list[-1]} {.list[1:3]}", "one four two three"),
        ("{.list[:2]} {.list[::2]} {.list[-2:]} {.list[*]}", "one two one three three four one two three four"),
        ("{.list[2:2]}|{.list[0,2]}", "|one three"),
        ("{.numbers}{.numbers[1]}", "[1,2.5,3]2.5"),
        ("{.labels.app\\.kubernetes\\.io/name}", "web"),
        ("{['labels'].k8s-app}{.labels['k8s-app']}", "2020"),
        ("{.items[*].name}", "a b c"),
        ("{.items[?(@.size>=2.0)].name}", "b c"),
        ("{.items[?(@.name==\"b\")].extra}", "<&>"),
        ("{.items[1]}", r#"{"extra":"\u003c\u0026\u003e","name":"b","ready":false,"size":2}"#),
        ("{.items[?(@.name!='b')].size}", "1 3"),
        ("{.items[?(@.tags)].name}", "a c"),
        ("{.items[?(@.ready==true)].name}", "a"),
        ("{..size}", "1 2 3"),
        ("{.items..name}", "a b c"),
        ("{.items[*]['name','size']}", "a b c 1 2 3"),
        ("{range .items[*]}{.name}={.size}{\"\\n\"}{end}done", "a=1\nb=2\nc=3\ndone"),
        ("{range .items[?(@.tags)]}[{range .tags[*]}{@},{end}]{end}", "[x,z,][]"),
        ("{.labels.*}", "web 20"),
        ("{\"{\"}{'a\\'b'}", "{a'b"),
    ];
    for (template, expected) in cases {
        assert_eq!(run(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn what_is_not_there_or_not_known_is_refused_by_name() {
    let cases = [
        ("{.nme}", "nme is not found"),
        ("{hello}", "unrecognized identifier hello"),
        ("{.list[9]}", "array index out of bounds: index 9, length 4"),
        ("{.list[3:1]}", "starting index 3 is greater than ending index 1"),
        ("{.list[::0]}", "step must be > 0"),
        ("{.name[0]}", "string is not array or slice"),
        ("{.items[?(@.size<>1.0)]}", "unrecognized filter operator <>"),
        ("{.items[?(@.size==1)]}", "incompatible types for comparison"),
        ("{end}", "not in range, nothing to end"),
        ("{.list[a]}", "parse: invalid array index a"),
        ("{.list[0}", "parse: unterminated array"),
        ("{.name", "parse: unclosed action"),
        ("{.items[?(@.a}", "parse: unterminated filter"),
        ("{.items[?(@.a)}", "parse: unclosed array expect ]"),
        ("{\"a}", "parse: unterminated quoted string"),
        ("{....name}", "parse: invalid multiple recursive descent"),
        ("{1.2.3}", "parse: cannot parse number 1.2.3"),
        ("{.a(b)|}", "a(b)| is not found"),
        ("{|}", "parse: unrecognized character in action: U+007C '|'"),
        ("{.list[99999999999999999999]}", "parse: array index 99999999999999999999 is not a number"),
    ];
    for (template, expected) in cases {
        assert_eq!(run(template), Err(expected.to_owned()), "{template}");
    }
}

#[test]
fn hostile_templates_end() {
    let deep = format!("{{{}@{}}}", "[?(".repeat(5000), ")]".repeat(5000));
    assert!(run(&deep).is_err());
    let wide = format!("{{{}}}", "..*".repeat(12));
    let _ = run(&wide);
    let _ = run(&"{range .items[*]}".repeat(40));
}
