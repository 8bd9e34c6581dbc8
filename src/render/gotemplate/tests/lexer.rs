//! What the lexer cuts a text into.

use crate::render::gotemplate::lexer::{Kind, Lexer};

/// The tokens of a text up to the end or an error, as kind and text.
fn tokens(text: &str) -> Vec<(Kind, String)> {
    let mut lexer = Lexer::new(text.as_bytes(), true, true);
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next();
        match token.kind {
            Kind::Eof => return tokens,
            Kind::Error => {
                tokens.push((Kind::Error, lexer.error().to_owned()));
                return tokens;
            }
            kind => tokens.push((kind, text[token.start as usize..token.end as usize].to_owned())),
        }
    }
}

/// The tokens inside of one action.
fn inside(action: &str) -> Vec<(Kind, String)> {
    let mut tokens = tokens(&format!("{{{{{action}}}}}"));
    assert_eq!(tokens.remove(0).0, Kind::LeftDelimiter);
    if tokens.last().is_some_and(|(kind, _)| *kind == Kind::RightDelimiter) {
        tokens.pop();
    }
    tokens
}

fn kinds(action: &str) -> Vec<Kind> {
    inside(action).into_iter().map(|(kind, _)| kind).filter(|kind| *kind != Kind::Space).collect()
}

fn texts(text: &str) -> String {
    let texts = tokens(text).into_iter().filter(|(kind, _)| *kind == Kind::Text);
    texts.map(|(_, text)| text).collect::<Vec<_>>().join("|")
}

#[test]
fn trim_markers_take_all_space_next_to_them() {
    for (text, rest) in [
        ("a {{1}} b", "a | b"),
        ("a {{- 1}} b", "a| b"),
        ("a {{1 -}} b", "a |b"),
        ("a \t\r\n{{-\n1\t-}}\r\n\t b", "a|b"),
        ("a\u{a0}{{- 1 -}}\u{a0}b", "a\u{a0}|\u{a0}b"),
        (" {{- 1 -}} ", ""),
        ("a {{-3}} b", "a | b"),
    ] {
        assert_eq!(texts(text), rest, "{text:?}");
    }
}

#[test]
fn comments_vanish_and_their_trim_markers_act() {
    for (text, rest) in [
        ("a {{/* x */}} b", "a | b"),
        ("a {{- /* }} \n*/ -}} b", "a|b"),
        ("{{/**/}}", ""),
        ("a{{/**/}}{{/**/}}b", "a|b"),
    ] {
        assert_eq!(texts(text), rest, "{text:?}");
    }
    assert_eq!(tokens("{{/* x")[0].1, "unclosed comment");
    assert_eq!(tokens("{{/* x */ }}")[0].1, "comment ends before closing delimiter");
}

#[test]
fn words_of_the_language_are_told_from_names() {
    use Kind::{Bool, Define, Dot, Else, End, Field, Identifier, If, Nil, Variable};
    assert_eq!(
        kinds("if else end define true nil . .if $ $x x1 _y 中"),
        [If, Else, End, Define, Bool, Nil, Dot, Field, Variable, Variable, Identifier, Identifier, Identifier]
    );
    let mut lexer = Lexer::new(b"{{break}}", false, false);
    lexer.next();
    assert_eq!(lexer.next().kind, Identifier);
}

#[test]
fn numbers_are_cut_out_whole() {
    for number in ["1", "-1", "+1", "1_000", "0x1F", "0b1", "0o7", "1.5", ".5", "1.", "1e-5", "0x1p-2", "2i", "0x.8p1"]
    {
        assert_eq!(inside(number), [(Kind::Number, number.to_owned())]);
    }
    assert_eq!(inside("1+2i"), [(Kind::Complex, "1+2i".to_owned())]);
    for (number, error) in [("1a", "1a"), ("1+2", "1+2"), ("-", "-"), ("0xg", "0xg"), ("1中2", "1中")] {
        let error = format!("bad number syntax: \"{error}\"");
        // A lone sign is a number without digits: that is for whoever reads it.
        if number != "-" {
            assert_eq!(inside(number), [(Kind::Error, error)]);
        }
    }
}

#[test]
fn quotes_end_on_their_line_unless_they_are_backquotes() {
    assert_eq!(inside(r#""a\"b""#), [(Kind::String, r#""a\"b""#.to_owned())]);
    assert_eq!(inside("`a\nb`"), [(Kind::RawString, "`a\nb`".to_owned())]);
    assert_eq!(inside(r"'\''"), [(Kind::CharConstant, r"'\''".to_owned())]);
    for (text, error) in [
        ("{{\"a\n\"}}", "unterminated quoted string"),
        ("{{\"a\\", "unterminated quoted string"),
        ("{{'a\n'}}", "unterminated character constant"),
        ("{{`a", "unterminated raw quoted string"),
    ] {
        assert_eq!(tokens(text).last().unwrap().1, error, "{text:?}");
    }
}

#[test]
fn parentheses_are_counted() {
    assert_eq!(inside(")").last().unwrap().1, "unexpected right paren");
    assert_eq!(inside("(").last().unwrap().1, "unclosed left paren");
    assert_eq!(tokens("{{(").last().unwrap().1, "unclosed action");
}

#[test]
fn what_cannot_follow_a_name_is_named() {
    for (action, error) in [
        (".a-b", "bad character U+002D '-'"),
        ("$x+1", "bad character U+002B '+'"),
        ("a\u{7}", "bad character U+0007"),
        ("\u{201c}", "unrecognized character in action: U+201C '\u{201c}'"),
        ("\u{1}", "unrecognized character in action: U+0001"),
        (":", "expected :="),
    ] {
        assert_eq!(inside(action).last().unwrap().1, error, "{action:?}");
    }
}

#[test]
fn after_an_error_there_is_only_the_end() {
    let mut lexer = Lexer::new(b"{{)}} more {{.}}", true, true);
    let kinds: Vec<Kind> = std::iter::repeat_with(|| lexer.next().kind).take(4).collect();
    assert_eq!(kinds, [Kind::LeftDelimiter, Kind::Error, Kind::Eof, Kind::Eof]);
}
