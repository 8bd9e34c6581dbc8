//! What holds for any text.

use proptest::prelude::*;

use super::{find, render_with};
use crate::render::gotemplate::machine::MissingKey;
use crate::render::gotemplate::set::Templates;

/// Pieces that templates are made of, right and wrong.
const PIECES: &[&str] = &[
    "{{",
    "}}",
    "{{-",
    " -}}",
    "{{- ",
    "{{if ",
    "{{else}}",
    "{{else if ",
    "{{end}}",
    "{{range ",
    "{{with ",
    "{{break}}",
    "{{continue}}",
    "{{define \"d\"}}",
    "{{block \"d\" .}}",
    "{{template \"d\" .}}",
    "{{/*",
    "*/}}",
    " ",
    "\n",
    "|",
    "(",
    ")",
    ",",
    ":=",
    "=",
    "$",
    "$x",
    ".",
    ".a",
    ".b.c",
    "..",
    "1",
    "-",
    "+",
    "0x1F",
    "1.5",
    "2i",
    "1+2i",
    "'a'",
    "'",
    "\"",
    "\"s\"",
    "`",
    "`r`",
    "\\",
    "nil",
    "true",
    "any ",
    "list ",
    "word ",
    "include ",
    "tpl ",
    "eq ",
    "index ",
    "and ",
    "or ",
    "not ",
    "len ",
    "printf ",
    "print ",
    "中",
    "text",
    "\u{a0}",
    "{",
    "}",
    "#",
    "put ",
];

fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat())
}

/// A pipeline that can be parsed.
fn pipeline() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        ".", "$", ".a", ".a.b", "$.a", "1", "1.5", "'x'", "\"s\"", "`r`", "true", "nil", "2i", "(list).x",
    ]);
    let operand = leaf.prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
        (prop::sample::select(vec!["any", "list", "print", "and", "eq"]), prop::collection::vec(inner, 1..4))
            .prop_map(|(function, arguments)| format!("({function}  {})", arguments.join("   ")))
    });
    (operand, prop::sample::select(vec!["", " | any", "|list 1|print", " | "])).prop_map(|(first, rest)| first + rest)
}

/// A template that can be parsed.
fn template() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-z \n}]{0,6}",
        pipeline().prop_map(|pipe| format!("{{{{ {pipe} }}}}")),
        pipeline().prop_map(|pipe| format!("{{{{- $y := {pipe} -}}}}")),
        Just("{{/* c */}}".to_owned()),
        pipeline().prop_map(|pipe| format!("{{{{template \"d\" {pipe}}}}}")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let body = prop::collection::vec(inner, 0..4).prop_map(|parts| parts.concat());
        let word = prop::sample::select(vec!["if", "with", "range", "range $i, $e :="]);
        (word, pipeline(), body.clone(), prop::option::of(body)).prop_map(|(word, pipe, body, otherwise)| {
            let otherwise = otherwise.map(|body| format!("{{{{else}}}}{body}")).unwrap_or_default();
            format!("{{{{{word} {pipe}}}}}{body}{otherwise}{{{{end}}}}")
        })
    })
}

fn tree(text: &str) -> Option<String> {
    let mut templates = Templates::new(find);
    templates.parse("t", text.as_bytes()).ok()?;
    Some(templates.find(b"t")?.body_text())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_render_or_fail(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let mut text = b"{{".to_vec();
        text.extend_from_slice(&bytes);
        let _ = render_with(&text, "{}", MissingKey::Zero);
        let _ = render_with(&bytes, "{}", MissingKey::Zero);
    }

    #[test]
    fn any_mix_of_pieces_renders_or_fails(text in pieces()) {
        let json = r#"{"a": {"b": {"c": 1}}, "b": [1, "x"]}"#;
        for missing in [MissingKey::Zero, MissingKey::Error, MissingKey::Invalid] {
            match render_with(text.as_bytes(), json, missing) {
                Ok(_) => {}
                Err(trouble) => prop_assert!(trouble.to_string().starts_with("template: t:")),
            }
        }
    }

    #[test]
    fn a_printed_tree_is_parsed_to_itself(text in template()) {
        let printed = tree(&text);
        prop_assert!(printed.is_some(), "{text}");
        let printed = printed.unwrap_or_default();
        prop_assert_eq!(tree(&printed), Some(printed.clone()), "{}", text);
    }
}
