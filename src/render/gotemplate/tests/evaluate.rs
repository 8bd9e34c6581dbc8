//! What templates render to, and how errors name their places.

use super::{Trouble, innermost, render, render_with};
use crate::render::gotemplate::error::Cause;
use crate::render::gotemplate::machine::MissingKey;

#[test]
fn control_follows_go() {
    for (text, expected) in [
        ("{{if .a}}y{{else}}n{{end}}{{if .no}}y{{else if .t}}e{{end}}", "ye"),
        ("{{with .a.b}}{{.c}}{{end}}{{with .no}}y{{else with .s}}{{.}}{{end}}", "deepweb"),
        ("{{range $i, $e := .l}}{{$i}}={{$e}} {{end}}", "0=x 1=<no value> 2=3.5 "),
        ("{{range .l}}{{if eq . \"x\"}}{{continue}}{{end}}[{{.}}]{{break}}{{end}}", "[<no value>]"),
        ("{{range 3}}{{.}}{{end}}{{range 0}}{{else}}none{{end}}", "012none"),
        ("{{range $k, $v := .a}}{{$k}} {{end}}", "b n "),
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{$x := 3}}{{end}}{{$x}}", "2"),
        ("{{$x := 0}}{{range $x = .l}}{{end}}{{$x}}", "3.5"),
        ("{{($x := 5)}}{{$x}}", "55"),
        ("{{define \"d\"}}{{$}}/{{.}}{{end}}{{template \"d\" .s}}{{template \"d\"}}", "web/web<no value>/<no value>"),
        ("{{block \"d\" .s}}[{{.}}]{{end}}", "[web]"),
        ("{{and .t .s}} {{or .no .s}} {{and .no .a.n.x}} {{not .t}}", "web web <no value> false"),
        ("{{$m := put .a \"n\" 1}}{{.a.n}}", "1"),
        ("{{range $k, $v := .a}}{{$x := put $.a \"z\" 1}}{{$k}}{{end}}{{.a.z}}", "bn1"),
    ] {
        assert_eq!(render(text), expected, "{text}");
    }
}

#[test]
fn arguments_are_checked_in_gos_words() {
    for (text, expected) in [
        ("{{word 1}}", "1:7: executing \"t\" at <1>: expected string; found 1"),
        ("{{word .f}}", "1:7: executing \"t\" at <.f>: wrong type for value; expected string; got float64"),
        ("{{word .no}}", "1:7: executing \"t\" at <.no>: wrong type for value; expected string; got interface {}"),
        ("{{.no | word}}", "1:8: executing \"t\" at <word>: invalid value; expected string"),
        ("{{word nil}}", "1:7: executing \"t\" at <nil>: cannot assign nil to string"),
        ("{{number 1.5}}", "1:9: executing \"t\" at <1.5>: expected integer; found 1.5"),
        ("{{number}}", "1:2: executing \"t\" at <number>: wrong number of args for number: want 1 got 0"),
        ("{{words}}", "1:2: executing \"t\" at <words>: wrong number of args for words: want at least 1 got 0"),
        ("{{word \"a\" | words 1 2}}", "1:21: executing \"t\" at <2>: expected string; found 2"),
        ("{{.s \"x\"}}", "1:2: executing \"t\" at <.s>: s is not a method but has arguments"),
        ("{{1 2}}", "1:2: executing \"t\" at <1>: can't give argument to non-function 1"),
        ("{{nil}}", "1:2: executing \"t\" at <nil>: nil is not a command"),
        ("{{fails}}", "1:2: executing \"t\" at <fails>: error calling fails: it does"),
        ("{{index .l 9}}", "1:2: executing \"t\" at <index .l 9>: error calling index: index out of range: 9"),
        (
            "{{eq 1 1.0}}",
            "1:2: executing \"t\" at <eq 1 1.0>: error calling eq: incompatible types for comparison: int and float64",
        ),
    ] {
        assert_eq!(render(text), format!("template: t:{expected}"), "{text}");
    }
    assert_eq!(render("{{number 3.0}} {{float 3}} {{number 'a'}} {{word \"a\" | words 1}}"), "3 3 97 [1 a]");
}

#[test]
fn an_error_blames_the_node_entered_last() {
    for (text, expected) in [
        ("{{.a.n.x}}", "1:4: executing \"t\" at <.a.n.x>: nil pointer evaluating interface {}.x"),
        ("{{$.no.x}}", "1:3: executing \"t\" at <$.no.x>: nil pointer evaluating interface {}.x"),
        ("{{(list 1).x}}", "1:8: executing \"t\" at <1>: can't evaluate field x in type []interface {}"),
        ("{{.s.x}}", "1:4: executing \"t\" at <.s.x>: can't evaluate field x in type interface {}"),
        ("{{range .s}}{{end}}", "1:8: executing \"t\" at <.s>: range can't iterate over web"),
        ("{{template \"no\"}}", "1:11: executing \"t\" at <{{template \"no\"}}>: template \"no\" not defined"),
        (
            "{{range $a, $b := 3}}{{end}}",
            "1:18: executing \"t\" at <3>: can't use 3 to iterate over more than one variable",
        ),
        ("中{{any\n  (word 1)}}", "2:8: executing \"t\" at <1>: expected string; found 1"),
        ("{{$x = 1}}", "1:7: executing \"t\" at <1>: undefined variable: $x"),
    ] {
        assert_eq!(render(text), format!("template: t:{expected}"), "{text}");
    }
}

#[test]
fn a_missing_key_can_be_an_error() {
    let strict = |text: &str| match render_with(text.as_bytes(), r#"{"a": {"n": null}}"#, MissingKey::Error) {
        Ok(text) => String::from_utf8(text).unwrap(),
        Err(trouble) => trouble.to_string(),
    };
    assert_eq!(strict("{{.x}}"), "template: t:1:2: executing \"t\" at <.x>: map has no entry for key \"x\"");
    assert_eq!(strict("{{(.a.n).x}}"), "template: t:1:5: executing \"t\" at <.a.n>: nil data; no entry for key \"x\"");
    assert_eq!(strict("{{index .a \"x\"}}"), "<no value>");
}

#[test]
fn what_a_text_defines_for_tpl_goes_when_it_ends() {
    for (text, expected) in [
        (r#"{{define "d"}}old{{end}}{{tpl `{{define "d"}}new{{end}}{{include "d" .}}` .}}{{include "d" .}}"#, "newold"),
        (
            r#"{{tpl `{{define "n"}}x{{end}}` .}}{{include "n" .}}"#,
            r#"template: t:1:36: executing "t" at <include "n" .>: error calling include: template: no template "n" associated with template "gotpl""#,
        ),
        (r#"{{tpl `{{tpl "{{.s}}" .}}{{.f}}` .}}"#, "web1.5"),
        (r#"{{define "gotpl"}}mine{{end}}{{tpl `{{/**/}}` .}}{{include "gotpl" .}}"#, "mine"),
        (
            r"{{tpl `{{nope}}` .}}",
            r#"template: t:1:2: executing "t" at <tpl `{{nope}}` .>: error calling tpl: cannot parse template "{{nope}}": template: gotpl:1: function "nope" not defined"#,
        ),
        (
            r"{{tpl `{{fails}}` .}}",
            r#"template: t:1:2: executing "t" at <tpl `{{fails}}` .>: error calling tpl: error during tpl function execution for "{{fails}}": template: gotpl:1:2: executing "gotpl" at <fails>: error calling fails: it does"#,
        ),
    ] {
        assert_eq!(render(text), expected, "{text}");
    }
}

#[test]
fn an_error_tells_what_had_no_value_and_who_called() {
    let text = "{{define \"inner\"}}{{.a.n.x.y}}{{end}}{{define \"outer\"}}{{template \"inner\" .}}{{end}}{{include \"outer\" .}}";
    let Err(Trouble::Exec(error)) = render_with(text.as_bytes(), r#"{"a": {"n": null}}"#, MissingKey::Zero) else {
        panic!("it renders");
    };
    let error = innermost(&error);
    let absent = error.absent.as_ref().unwrap();
    assert_eq!((absent.expression.as_str(), &*absent.field, absent.key.as_deref()), (".a.n", "x", Some("n")));
    assert!(absent.holder.as_ref().is_some_and(|holder| holder.as_map().is_some()));
    let callers: Vec<_> = error.callers.iter().map(|caller| (&*caller.template, &*caller.callee)).collect();
    assert_eq!(callers, [("outer", "inner")]);
    assert_eq!(error.place.source.slice(error.place.span.clone()), b".a.n.x.y");
    assert!(matches!(&error.cause, Cause::Message(message) if message.contains("nil pointer")));
}
