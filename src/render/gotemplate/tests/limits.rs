//! Nothing that a template does takes the process down.

use super::{FUNCTIONS, Still, Trouble, find, innermost, render, render_with};
use crate::render::gotemplate::machine::{Limits, Machine, MissingKey, Options};
use crate::render::gotemplate::set::Templates;
use crate::render::gotemplate::value::Value;
use crate::render::stack::on_big_stack;

fn message(text: &str) -> String {
    match render_with(text.as_bytes(), "{}", MissingKey::Zero) {
        Ok(text) => format!("{} bytes", text.len()),
        Err(Trouble::Parse(error)) => error.message,
        Err(Trouble::Exec(error)) => innermost(&error).cause.to_string(),
    }
}

#[test]
fn templates_nest_as_deep_as_go_lets_them() {
    let text = "{{define \"r\"}}{{template \"r\" .}}{{end}}{{template \"r\" .}}";
    let message = on_big_stack(|| message(text)).unwrap();
    assert_eq!(message, "exceeded maximum template depth (100000)");
}

#[test]
fn includes_nest_as_deep_as_helm_lets_them() {
    let text = "{{define \"r\"}}{{include \"r\" .}}{{end}}{{include \"r\" .}}";
    let message = on_big_stack(|| message(text)).unwrap();
    assert!(
        message.ends_with("rendering template has a nested reference name: r: unable to execute template"),
        "{message}"
    );
}

#[test]
fn recursion_on_a_small_stack_ends_in_an_error() {
    for text in [
        "{{define \"r\"}}{{template \"r\" .}}{{end}}{{template \"r\" .}}",
        "{{define \"r\"}}{{if true}}{{with 1}}{{range 1}}{{template \"r\" .}}{{end}}{{end}}{{end}}{{end}}{{template \"r\" .}}",
        "{{$x := \"{{tpl . .}}\"}}{{tpl $x $x}}",
    ] {
        assert_eq!(message(text), "templates are nested too deep", "{text}");
    }
}

#[test]
fn deep_nesting_in_a_text_is_refused() {
    for (open, close) in
        [("{{if true}}", "{{end}}"), ("{{if true}}{{else if true}}", "{{end}}"), ("{{if false}}{{else}}", "{{end}}")]
    {
        let text = format!("{}{}", open.repeat(50_000), close.repeat(50_000));
        assert_eq!(message(&text), "actions are nested too deep", "{open}");
        let deepest = on_big_stack(|| message(&text)).unwrap();
        assert_eq!(deepest, "actions are nested too deep", "{open}");
    }
    let parens = |depth: usize| format!("{{{{{}1{}}}}}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(on_big_stack(|| message(&parens(10_000))).unwrap(), "1 bytes");
    assert_eq!(on_big_stack(|| message(&parens(10_001))).unwrap(), "max expression depth exceeded");
    assert_eq!(message(&parens(10_000)), "actions are nested too deep");
}

#[test]
fn endless_work_ends_in_an_error() {
    let ends = |text: &str| {
        let mut templates = Templates::new(find);
        templates.parse("t", text.as_bytes()).unwrap();
        let limits = Limits { bytes: 1 << 20, steps: 100_000 };
        let mut machine = Machine::new(&Still, templates, Options { limits, ..Options::default() });
        machine.execute("t", Value::Nil).unwrap_err().cause.to_string()
    };
    let steps = "the template takes more steps than a render may";
    assert_eq!(ends("{{range 9223372036854775807}}{{end}}"), steps);
    assert_eq!(
        ends(
            "{{define \"r\"}}{{template \"s\"}}{{template \"s\"}}{{end}}{{define \"s\"}}{{range 999}}{{end}}{{end}}{{range 999}}{{template \"r\"}}{{end}}"
        ),
        steps
    );
    let memory = "the template makes more than a render may";
    assert_eq!(ends("{{range 9223372036854775807}}0123456789012345678901234567890123456789{{end}}"), memory);
    assert_eq!(ends("{{$s := \"0123456789\"}}{{range 100}}{{$s = print $s $s}}{{end}}"), memory);
    assert_eq!(ends("{{$s := \"0123456789\"}}{{range 100}}{{$s = printf \"%s%s\" $s $s}}{{end}}"), memory);
    assert_eq!(ends("{{$t := \"\"}}{{range 9999}}{{$t = print $t \"0123456789\"}}{{tpl $t .}}{{end}}"), memory);
}

#[test]
fn values_nested_without_end_are_freed_without_overflow() {
    assert_eq!(message("{{$x := list}}{{range 1000000}}{{$x = list $x}}{{end}}"), "0 bytes");
}

#[test]
fn a_variable_far_down_the_stack_costs_steps() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for number in 0..2_000 {
        let _ = write!(text, "{{{{$v{number} := 1}}}}");
    }
    text.push_str("{{range 10}}{{$v0}}{{end}}");
    let mut templates = Templates::new(find);
    templates.parse("t", text.as_bytes()).unwrap();
    let mut machine = Machine::new(&Still, templates, Options::default());
    machine.execute("t", Value::Nil).unwrap();
    let taken = Limits::default().steps - machine.steps_left();
    assert!((2_000 + 10 * 30..2_000 + 10 * 40).contains(&taken), "{taken}");
}

#[test]
fn names_that_are_no_text_are_names_all_the_same() {
    let mut templates = Templates::new(find);
    templates.parse("t", b"{{define `\xff`}}x{{end}}{{template `\xff`}}").unwrap();
    assert!(templates.find(b"\xff").is_some());
    assert_eq!(
        render("{{define \"\\xff\"}}x{{end}}{{template \"\\xff\"}}{{include `\u{fffd}` .}}").matches("\\xff").count(),
        0
    );
    assert!(!FUNCTIONS.is_empty());
}
