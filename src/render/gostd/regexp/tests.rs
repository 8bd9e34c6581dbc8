use proptest::prelude::*;

use super::{Regexp, Replacement, compile, quote_meta};

fn error(pattern: &str) -> String {
    let error = compile(pattern.as_bytes()).err();
    error.map_or_else(String::new, |error| error.strip_prefix("error parsing regexp: ").unwrap().to_owned())
}

fn regexp(pattern: &str) -> std::rc::Rc<Regexp> {
    compile(pattern.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn texts(pieces: Vec<&[u8]>) -> Vec<String> {
    pieces.into_iter().map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
}

fn all(pattern: &str, text: &str) -> Vec<String> {
    texts(regexp(pattern).find_all(text.as_bytes(), usize::MAX))
}

fn replaced(pattern: &str, text: &str, template: &str) -> String {
    let replacement = Replacement::Template(template.as_bytes());
    let out = regexp(pattern).replace_all(text.as_bytes(), replacement, |_| Ok::<(), ()>(()));
    String::from_utf8(out.unwrap()).unwrap()
}

#[test]
fn what_go_refuses_is_refused_with_its_words() {
    for (pattern, message) in [
        ("a**", "invalid nested repetition operator: `**`"),
        ("a*??b", "invalid nested repetition operator: `*??`"),
        ("x{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("a|*", "missing argument to repetition operator: `*`"),
        ("(?i)*", "missing argument to repetition operator: `*`"),
        ("{2}", "missing argument to repetition operator: `{2}`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("a{99999999999999999999}", "invalid repeat count: `{99999999999999999999}`"),
        ("((a{100}){10}){2}", "invalid repeat count: `{2}`"),
        ("(((a{999}){999}", "invalid repeat count: `{999}`"),
        ("(((", "missing closing ): `(((`"),
        ("a)b", "unexpected ): `a)b`"),
        ("[a", "missing closing ]: `[a`"),
        ("x[]a", "missing closing ]: `[]a`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        ("\\pX", "invalid character class range: `\\pX`"),
        ("\\p", "invalid character class range: `\\p`"),
        ("\\p{Old_Italic}", "invalid character class range: `\\p{Old_Italic}`"),
        ("\\p{Han", "invalid character class range: `\\p{Han`"),
        ("\\", "trailing backslash at end of expression: ``"),
        ("\\8", "invalid escape sequence: `\\8`"),
        ("\\1", "invalid escape sequence: `\\1`"),
        ("\\C", "invalid escape sequence: `\\C`"),
        ("\\E", "invalid escape sequence: `\\E`"),
        ("\\x", "invalid escape sequence: `\\x`"),
        ("\\x{110000}y", "invalid escape sequence: `\\x{110000`"),
        ("\\xzz", "invalid escape sequence: `\\xzz`"),
        ("[\\b]", "invalid escape sequence: `\\b`"),
        ("[a-\\d]", "invalid escape sequence: `\\d`"),
        ("\\é", "invalid escape sequence: `\\é`"),
        ("(?P<n", "invalid named capture: `(?P<n`"),
        ("(?P<n-x>)", "invalid named capture: `(?P<n-x>`"),
        ("(?<>)", "invalid named capture: `(?<>`"),
        ("(?P=n)", "invalid or unsupported Perl syntax: `(?P`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?i-)", "invalid or unsupported Perl syntax: `(?i-)`"),
        ("(?i--s:a)", "invalid or unsupported Perl syntax: `(?i--`"),
        ("(?i", "invalid or unsupported Perl syntax: `(?i`"),
    ] {
        assert_eq!(error(pattern), message, "{pattern}");
    }
    assert_eq!(*compile(b"a\xff").unwrap_err(), *"error parsing regexp: invalid UTF-8: `\u{fffd}`");
    assert!(error(&"(".repeat(1001)).starts_with("missing closing"));
    let nested = format!("{}{}", "(".repeat(1001), ")".repeat(1001));
    assert!(error(&nested).starts_with("expression nests too deeply"));
}

#[test]
fn what_go_takes_is_taken() {
    for (pattern, text) in [
        ("a{,2}", "a{,2}"),
        ("a{01}", "a{01}"),
        ("(?)a", "a"),
        ("a(?i)B", "ab"),
        ("(?i:a)b", "Ab"),
        ("^*a", "a"),
        ("(|a)*b", "aab"),
        ("\\Qa.b\\E+", "a.bb"),
        ("a*\\Q\\E*", "aa"),
        ("\\_\\-", "_-"),
        ("\\101\\0\\012", "A\0\n"),
        ("[]a]+", "]a"),
        ("[^]a]", "b"),
        ("[a-]+", "a-"),
        ("[[:word:]-]+", "a_-"),
        ("[[:^digit:][:upper:]]+", "aB"),
        ("\\p{^Latin}\\P{^Greek}\\p{greek}", "1αβ"),
        ("(?P<n>a)(?P<n>b)", "ab"),
        ("[\\d\\pL]+", "1é"),
        ("\\B.\\B", "b"),
        ("(?i)k", "\u{212a}"),
    ] {
        let text_of = if pattern == "\\B.\\B" { "abc" } else { text };
        assert_eq!(String::from_utf8_lossy(regexp(pattern).find(text_of.as_bytes())), text, "{pattern}");
    }
}

#[test]
fn classes_are_ascii_unless_they_are_named() {
    assert!(!regexp("^\\d$").is_match("٣".as_bytes()));
    assert!(!regexp("\\s").is_match("\u{b}\u{a0}".as_bytes()));
    assert!(regexp("^\\W$").is_match("é".as_bytes()));
    assert_eq!(all("\\b", "é a"), ["", ""]);
    assert!(regexp("(?i)^[^\\W]$").is_match("\u{17f}".as_bytes()));
}

#[test]
fn anchors_and_dots_follow_the_flags() {
    assert_eq!(all("^.", "a\nb"), ["a"]);
    assert_eq!(all("(?m)^.", "a\nb"), ["a", "b"]);
    assert_eq!(all("(?m).$", "a\nb"), ["a", "b"]);
    assert!(!regexp("a$").is_match(b"a\n"));
    assert_eq!(all("(?s)a.", "a\n"), ["a\n"]);
    assert_eq!(all("(?U)a+", "aa"), ["a", "a"]);
    assert_eq!(all("(?U)a+?", "aa"), ["aa"]);
    assert_eq!(all("a|ab", "ab"), ["a"]);
}

#[test]
fn an_empty_match_behind_another_does_not_count() {
    assert_eq!(all("a*", "baaab"), ["", "aaa", ""]);
    assert_eq!(all("", "中a"), ["", "", ""]);
    assert_eq!(replaced("a*", "baaac", "x"), "xbxcx");
    assert_eq!(replaced("", "中a", "-"), "-中-a-");
}

#[test]
fn templates_name_groups_as_go_does() {
    for (template, result) in [
        ("${1}W", "bW"),
        ("$1W", ""),
        ("$1-$n-$0", "b-c-bc"),
        ("$$1", "$1"),
        ("${x", "${x"),
        ("$-", "$-"),
        ("$", "$"),
        ("$01$9$é", ""),
        ("${é}x", "x"),
        ("${1 }", "${1 }"),
    ] {
        assert_eq!(replaced("(b)(?P<n>c)", "abcd", template), format!("a{result}d"), "{template}");
    }
}

#[test]
fn text_is_split_as_go_splits() {
    let split = |pattern: &str, text: &str, limit| texts(regexp(pattern).split(text.as_bytes(), limit).0);
    assert_eq!(split("a", "abaca", None), ["", "b", "c", ""]);
    assert_eq!(split("", "abc", None), ["a", "b", "c"]);
    assert_eq!(split("", "", None), Vec::<String>::new());
    assert_eq!(split("x", "", None), [""]);
    assert_eq!(split("b*", "abba", Some(2)), ["a", "a"]);
    assert_eq!(split("x", "abc", Some(1)), ["abc"]);
}

#[test]
fn a_stray_byte_is_one_character_and_stays_what_it_is() {
    let text = b"a\xff\xe4\xb8b\xe4\xb8\xad";
    assert_eq!(regexp("a.").find(text), b"a\xff");
    assert_eq!(regexp(".b").find(text), b"\xb8b");
    assert_eq!(regexp("b.$").find(text), "b中".as_bytes());
    assert_eq!(regexp("").find_all(text, usize::MAX).len(), 7);
    let out = regexp("\u{fffd}").replace_all(text, Replacement::Literal(b"-"), |_| Ok::<(), ()>(())).unwrap();
    assert_eq!(out, "a---b中".as_bytes());
}

#[test]
fn a_pattern_that_is_too_large_is_refused() {
    assert!(error("(\\pL{1000}\\PL{1000}){1}(\\pL{1000}){1}").starts_with("expression too large"));
    assert!(error(&"(a{100}){10}".repeat(3400)).starts_with("expression too large"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_pattern_makes_the_parser_panic(pattern in "[ab\\\\\\[\\](){}?*+|^$.,:<>Pi\\-px0-9QE=é]{0,20}", text in "[ab\\n中]{0,6}") {
        if let Ok(regexp) = compile(pattern.as_bytes()) {
            let _ = regexp.find_all(text.as_bytes(), usize::MAX);
        }
    }

    #[test]
    fn a_quoted_text_matches_itself(text in "\\PC{0,12}") {
        let quoted = quote_meta(text.as_bytes());
        prop_assert_eq!(compile(&quoted).unwrap().find(text.as_bytes()), text.as_bytes());
    }
}
