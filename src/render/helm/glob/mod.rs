//! The patterns of `.Files.Glob`.
//!
//! Owns one pattern language: `*` matches within a folder, `**` across folders, `?` one character that is not `/`,
//! `[abc]`, `[a-z]` and `[!a]` one character, `{a,b}` one of several patterns, `\` takes the next character as it
//! stands. Grammar and oddities (an open brace needs no closing one, a class takes one range or a list, never both)
//! are those of the library gobwas/glob, which Helm uses with the separator `/`; so are its mistakes with alternatives
//! of unequal lengths and with characters of several bytes (`compile`, `matcher`). What `--show-only` understands is
//! another language.

mod compile;
mod matcher;

pub(super) use matcher::Trouble;

use matcher::{Matcher, Steps};

/// Braces within braces that a pattern may have.
const MAX_DEPTH: usize = 100;

/// Elements that a pattern may have: gluing them takes time with the third power of their number.
const MAX_ELEMENTS: usize = 128;

/// A pattern that was understood.
#[derive(Debug)]
pub(super) struct Glob(Matcher);

type Sequence = Vec<Element>;

#[derive(Debug, Clone, PartialEq)]
enum Element {
    Text(String),
    /// `?`
    One,
    /// `*`
    Any,
    /// `**`
    Super,
    List {
        characters: Vec<char>,
        negated: bool,
    },
    Range {
        low: char,
        high: char,
        negated: bool,
    },
    AnyOf(Vec<Sequence>),
}

impl Glob {
    /// Reads a pattern; `None` if it is broken.
    pub(super) fn new(pattern: &str) -> Result<Option<Self>, Trouble> {
        // The library takes the replacement character for a sign of broken text, and NUL for the end.
        if pattern.contains(char::REPLACEMENT_CHARACTER) {
            return Ok(None);
        }
        let pattern = pattern.split('\0').next().unwrap_or_default();
        let rest = pattern.chars().collect::<Vec<_>>().into_iter().peekable();
        let mut reader = Reader { rest, depth: 0, elements: 0, is_too_big: false };
        match reader.sequence() {
            Some((sequence, _)) => Ok(Some(Self(compile::compile(&sequence)))),
            None if reader.is_too_big => Err(Trouble::Budget),
            None => Ok(None),
        }
    }

    /// Whether the whole of `text` matches.
    pub(super) fn matches(&self, text: &str) -> Result<bool, Trouble> {
        self.0.matches(text.as_bytes(), &mut Steps::default())
    }
}

struct Reader {
    rest: std::iter::Peekable<std::vec::IntoIter<char>>,
    depth: usize,
    elements: usize,
    is_too_big: bool,
}

/// What ended a sequence.
#[derive(PartialEq, Eq)]
enum End {
    Pattern,
    Comma,
    Brace,
}

impl Reader {
    fn sequence(&mut self) -> Option<(Sequence, End)> {
        let mut elements = Vec::new();
        loop {
            let Some(character) = self.rest.next() else { return Some((elements, End::Pattern)) };
            let element = match character {
                ',' if self.depth > 0 => return Some((elements, End::Comma)),
                '}' if self.depth > 0 => return Some((elements, End::Brace)),
                '{' => self.any_of()?,
                '[' => self.class()?,
                '?' => Element::One,
                '*' if self.rest.next_if_eq(&'*').is_some() => Element::Super,
                '*' => Element::Any,
                other => match self.text(other) {
                    Some(text) => Element::Text(text),
                    None => continue,
                },
            };
            self.elements += 1;
            if self.elements > MAX_ELEMENTS {
                self.is_too_big = true;
                return None;
            }
            elements.push(element);
        }
    }

    /// Literal text up to the next character that means something; none at a lone `\` at the end.
    fn text(&mut self, first: char) -> Option<String> {
        let mut text = String::new();
        let mut next = Some(first);
        while let Some(character) = next {
            text.extend(if character == '\\' { self.rest.next() } else { Some(character) });
            let in_braces = self.depth > 0;
            let ends = |c: &char| matches!(c, '?' | '*' | '[' | '{') || in_braces && matches!(c, '}' | ',');
            next = self.rest.next_if(|c| !ends(c));
        }
        (!text.is_empty()).then_some(text)
    }

    fn any_of(&mut self) -> Option<Element> {
        if self.depth == MAX_DEPTH {
            self.is_too_big = true;
            return None;
        }
        self.depth += 1;
        let mut alternatives = Vec::new();
        let end = loop {
            let (sequence, end) = self.sequence()?;
            alternatives.push(sequence);
            if end != End::Comma {
                break end;
            }
        };
        if end == End::Brace {
            self.depth -= 1;
        }
        Some(Element::AnyOf(alternatives))
    }

    fn class(&mut self) -> Option<Element> {
        let negated = self.rest.next_if_eq(&'!').is_some();
        let first = self.rest.next()?;
        if self.rest.next_if_eq(&'-').is_some() {
            let high = self.rest.next()?;
            return (self.rest.next()? == ']' && first <= high).then_some(Element::Range { low: first, high, negated });
        }
        let mut characters = Vec::new();
        let mut next = first;
        loop {
            match next {
                ']' if characters.is_empty() => return None,
                ']' => return Some(Element::List { characters, negated }),
                '\\' => characters.push(self.rest.next()?),
                character => characters.push(character),
            }
            next = self.rest.next()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Glob, Trouble};

    fn glob(pattern: &str) -> Glob {
        Glob::new(pattern).unwrap().unwrap()
    }

    #[test]
    fn a_pattern_of_too_many_parts_is_refused() {
        for pattern in ["{".repeat(1000), "*?".repeat(1000)] {
            assert_eq!(Glob::new(&pattern).unwrap_err(), Trouble::Budget);
        }
    }

    #[test]
    fn patterns_match_as_in_helm() {
        for (pattern, text, expected) in [
            ("*.txt", "a.txt", true),
            ("*.txt", "conf/a.txt", false),
            ("**.txt", "conf/a.txt", true),
            ("conf/*", "conf/a.txt", true),
            ("conf/*", "conf/b/a.txt", false),
            ("conf/**", "conf/b/a.txt", true),
            ("**/a.txt", "a.txt", false),
            ("conf/?.txt", "conf/a.txt", true),
            ("conf?a.txt", "conf/a.txt", false),
            ("{a,b}.txt", "b.txt", true),
            ("{a,b", "b", true),
            ("{a,{b,c}d}", "cd", true),
            ("a}", "a}", true),
            ("a,b", "a,b", true),
            ("[a-c].txt", "b.txt", true),
            ("[!a-c].txt", "b.txt", false),
            ("[abc-e]", "-", true),
            ("[abc-e]", "d", false),
            ("[!a]", "/", true),
            (r"\*", "*", true),
            (r"\*", "a", false),
            ("", "", true),
            ("", "a", false),
            ("麦*", "麦麦", true),
        ] {
            assert_eq!(glob(pattern).matches(text), Ok(expected), "{pattern} {text}");
        }
    }

    #[test]
    fn broken_patterns_are_told() {
        for pattern in ["[", "[]", "[a", "[!]", "[c-a]", "[a-bc]", "[a-", "\u{FFFD}"] {
            assert!(matches!(Glob::new(pattern), Ok(None)), "{pattern}");
        }
    }

    #[test]
    fn the_mistakes_of_the_library_are_kept() {
        for (pattern, text, expected) in [
            // The length of the second alternative counts for both.
            ("a/{*.json,b.txt}", "a/x.json", false),
            ("a/{*.json,b.txt}", "a/b.txt", true),
            // Beginning and end may overlap.
            ("a**a", "a", true),
            // Characters of several bytes in a row of fixed length.
            ("中?", "中x", false),
        ] {
            assert_eq!(glob(pattern).matches(text), Ok(expected), "{pattern} {text}");
        }
        let words = "runtime error: slice bounds out of range [:2] with length 1".to_owned();
        assert_eq!(glob("a{,}").matches("a"), Err(Trouble::Panic(words)));
    }

    #[test]
    fn a_pattern_that_takes_too_long_is_given_up() {
        let pattern = "{a*,b**}".repeat(20) + "{ccc,dd}";
        let text = "ab".repeat(2000) + "x";
        assert_eq!(glob(&pattern).matches(&text), Err(Trouble::Budget));
    }
}
