//! What texts are parsed to, shown as Go prints trees, and what is wrong with those that are not.

use crate::render::gotemplate::set::Templates;

/// The text form of what a text is parsed to.
fn tree(text: &str) -> String {
    let mut templates = Templates::new(super::find);
    match templates.parse("t", text.as_bytes()) {
        Ok(()) => templates.find(b"t").unwrap().body_text(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn trees_print_with_single_spaces_and_literals_as_written() {
    for (text, expected) in [
        ("a{{- 1 -}} b", "a{{1}}b"),
        ("{{  .a  .b.c|any   }}", "{{.a .b.c | any}}"),
        ("{{any 0x1F 'a' \"\\u4e2d\" `r`}}", "{{any 0x1F 'a' \"\\u4e2d\" `r`}}"),
        ("{{$x:=1}}{{$x  =$x}}{{$x.y}}", "{{$x := 1}}{{$x = $x}}{{$x.y}}"),
        ("{{(any  1).a.b}}{{any.c}}", "{{(any 1).a.b}}{{any.c}}"),
        ("{{any (any(1) )}}", "template: t:1: unexpected \"(\" in operand"),
        ("{{any ( any 1 )}}", "{{any (any 1)}}"),
        ("{{if .a}}1{{else if .b}}2{{else}}3{{end}}", "{{if .a}}1{{else}}{{if .b}}2{{else}}3{{end}}{{end}}"),
        ("{{with .a}}1{{else with .b}}2{{end}}", "{{with .a}}1{{else}}{{with .b}}2{{end}}{{end}}"),
        (
            "{{range $i, $e:=.l}}{{break}}{{continue}}{{else}}{{end}}",
            "{{range $i, $e := .l}}{{break}}{{continue}}{{else}}{{end}}",
        ),
        ("{{range $e = .l}}{{end}}", "{{range $e = .l}}{{end}}"),
        ("{{template `a\"b` .}}{{template \"x\"}}", "{{template \"a\\\"b\" .}}{{template \"x\"}}"),
        ("{{block \"x\" .a}}body{{end}}", "{{template \"x\" .a}}"),
        ("{{define \"x\"}}body{{end}}", ""),
        ("{{1 | }}", "{{1}}"),
        ("{{ true }}{{ nil }}{{ . }}", "{{true}}{{nil}}{{.}}"),
    ] {
        assert_eq!(tree(text), expected, "{text}");
    }
}

#[test]
fn what_cannot_be_parsed_is_refused_in_gos_words() {
    for (text, expected) in [
        ("{{", "1: unclosed action"),
        ("\n{{\n\n", "4: unclosed action started at t:2"),
        ("{{if .a}}\n", "2: unexpected EOF"),
        ("{{end}}", "1: unexpected {{end}}"),
        ("{{else}}", "1: unexpected {{else}}"),
        ("{{if .a}}{{else}}{{else}}{{end}}", "1: expected end; found {{else}}"),
        ("{{if .a}}{{else with .b}}{{end}}", "1: unexpected <with> in input"),
        ("{{if}}{{end}}", "1: missing value for if"),
        ("{{}}", "1: missing value for command"),
        ("{{()}}", "1: missing value for parenthesized pipeline"),
        ("{{| 1}}", "1: unexpected \"|\" in command"),
        ("{{1 | 2}}", "1: non executable command in pipeline stage 2"),
        ("{{nope}}", "1: function \"nope\" not defined"),
        ("{{$x}}", "1: undefined variable \"$x\""),
        ("{{if $x := 1}}{{end}}{{$x}}", "1: undefined variable \"$x\""),
        ("{{$x, $y := 1}}", "1: too many declarations in command"),
        ("{{range $x, 1}}{{end}}", "1: range can only initialize variables"),
        ("{{range $x, $y, $z := .l}}{{end}}", "1: too many declarations in range"),
        ("{{break}}", "1: {{break}} outside {{range}}"),
        ("{{range .l}}{{block \"x\" .}}{{continue}}{{end}}{{end}}", "1: {{continue}} outside {{range}}"),
        ("{{range .l}}{{break 1}}{{end}}", "1: unexpected \"1\" in {{break}}"),
        ("{{if .a}}{{define \"x\"}}{{end}}{{end}}", "1: unexpected <define> in command"),
        ("{{define x}}{{end}}", "1: unexpected \"x\" in define clause"),
        ("{{define \"\\q\"}}{{end}}", "1: invalid syntax"),
        ("{{template .x}}", "1: unexpected \".x\" in template clause"),
        ("{{define \"x\"}}a{{end}}\n{{define \"x\"}}b{{end}}", "2: template: multiple definition of template \"x\""),
        ("{{\"a\".b}}", "1: unexpected . after term \"\\\"a\\\"\""),
        ("{{.a.0}}", "1: unexpected \".0\" in operand"),
        ("{{1.2.3}}", "1: unexpected \".3\" in operand"),
        ("{{block \"x\" .}}\n{{else}}{{end}}", "1: unexpected {{else}} in block clause"),
        ("{{define \"x\"}}\n{{else}}{{end}}", "2: unexpected {{else}} in define clause"),
        ("{{any\n1a}}", "2: bad number syntax: \"1a\" in action started at t:1"),
        ("{{any\n", "2: unclosed action started at t:1"),
        ("{{\"0123456789abc\" \"0123456789abc\" #}}", "1: unexpected \"#\" in operand"),
        ("{{template \"a\" 1 }}{{end \"0123456789abc\"}}", "1: unexpected \"\\\"012345678\"... in end"),
    ] {
        assert_eq!(tree(text), format!("template: t:{expected}"), "{text}");
    }
}

#[test]
fn the_place_of_a_parse_error_is_the_token_that_was_not_expected() {
    let mut templates = Templates::new(super::find);
    let error = templates.parse("t", b"ab\n{{ nope }}").unwrap_err();
    assert_eq!(error.place.source.slice(error.place.span.clone()), b"nope");
}

#[test]
fn a_body_of_space_replaces_no_other_and_is_replaced() {
    for (texts, expected) in [
        (["{{define \"x\"}}one{{end}}", "{{define \"x\"}} \n\u{a0}{{/* */}}{{end}}"], "one"),
        (["{{define \"x\"}} {{end}}", "{{define \"x\"}}two{{end}}"], "two"),
        (["{{define \"x\"}}one{{end}}", "{{define \"x\"}}two{{end}}"], "two"),
        (["{{define \"x\"}}one{{end}}{{define \"x\"}} {{end}}", ""], "one"),
    ] {
        let mut templates = Templates::new(super::find);
        for (name, text) in ["a", "b"].into_iter().zip(texts) {
            templates.parse(name, text.as_bytes()).unwrap();
        }
        assert_eq!(templates.find(b"x").unwrap().body_text(), expected, "{texts:?}");
    }
}

#[test]
fn a_text_that_cannot_be_parsed_leaves_the_set_as_it_was() {
    let mut templates = Templates::new(super::find);
    templates.parse("a", b"{{define \"x\"}}one{{end}}").unwrap();
    templates.parse("b", b"{{define \"x\"}}two{{end}}{{").unwrap_err();
    assert_eq!(templates.find(b"x").unwrap().body_text(), "one");
    assert!(!templates.contains("b"));
}
