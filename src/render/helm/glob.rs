//! The patterns of `.Files.Glob`.
//!
//! Owns one pattern language: `*` matches within a folder, `**` across folders, `?` one character that is not `/`,
//! `[abc]`, `[a-z]` and `[!a]` one character, `{a,b}` one of several patterns, `\` takes the next character as it
//! stands. Grammar and oddities (an open brace needs no closing one, a class takes one range or a list, never both)
//! are those of the library gobwas/glob, which Helm uses with the separator `/`. What `--show-only` understands is
//! another language.

/// Braces within braces beyond which a pattern counts as broken.
const MAX_DEPTH: usize = 100;

/// A pattern that was understood.
#[derive(Debug)]
pub(super) struct Glob(Sequence);

type Sequence = Vec<Element>;

#[derive(Debug)]
enum Element {
    Literal(char),
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
    pub(super) fn new(pattern: &str) -> Option<Self> {
        // The library takes the replacement character for a sign of broken text, and NUL for the end.
        if pattern.contains(char::REPLACEMENT_CHARACTER) {
            return None;
        }
        let pattern = pattern.split('\0').next().unwrap_or_default();
        let mut reader = Reader { rest: pattern.chars().collect::<Vec<_>>().into_iter().peekable(), depth: 0 };
        let (sequence, _) = reader.sequence()?;
        Some(Self(sequence))
    }

    /// Whether the whole of `text` matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let mut reached = vec![false; text.len() + 1];
        reached[0] = true;
        walk(&self.0, &text, reached).last() == Some(&true)
    }
}

struct Reader {
    rest: std::iter::Peekable<std::vec::IntoIter<char>>,
    depth: usize,
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
            elements.push(match character {
                ',' if self.depth > 0 => return Some((elements, End::Comma)),
                '}' if self.depth > 0 => return Some((elements, End::Brace)),
                '{' => self.any_of()?,
                '[' => self.class()?,
                '?' => Element::One,
                '*' if self.rest.next_if_eq(&'*').is_some() => Element::Super,
                '*' => Element::Any,
                '\\' => match self.rest.next() {
                    Some(character) => Element::Literal(character),
                    None => continue,
                },
                literal => Element::Literal(literal),
            });
        }
    }

    fn any_of(&mut self) -> Option<Element> {
        if self.depth == MAX_DEPTH {
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

/// The places in the text that can be reached from `reached` by way of the elements. Each element looks at the text
/// once, so that no pattern takes more than its length times that of the text.
fn walk(elements: &[Element], text: &[char], mut reached: Vec<bool>) -> Vec<bool> {
    for element in elements {
        match element {
            Element::Any | Element::Super => {
                let crosses = matches!(element, Element::Super);
                for at in 0..text.len() {
                    if reached[at] && (crosses || text[at] != '/') {
                        reached[at + 1] = true;
                    }
                }
            }
            Element::AnyOf(alternatives) => {
                let mut all = vec![false; reached.len()];
                for alternative in alternatives {
                    for (place, found) in all.iter_mut().zip(walk(alternative, text, reached.clone())) {
                        *place |= found;
                    }
                }
                reached = all;
            }
            one => {
                for at in (0..text.len()).rev() {
                    reached[at + 1] = reached[at] && one.takes(text[at]);
                }
                reached[0] = false;
            }
        }
    }
    reached
}

impl Element {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Literal(literal) => *literal == character,
            Self::One => character != '/',
            Self::List { characters, negated } => characters.contains(&character) != *negated,
            Self::Range { low, high, negated } => (*low..=*high).contains(&character) != *negated,
            Self::Any | Self::Super | Self::AnyOf(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;

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
            assert_eq!(Glob::new(pattern).unwrap().matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn broken_patterns_are_told() {
        for pattern in ["[", "[]", "[a", "[!]", "[c-a]", "[a-bc]", "[a-", "\u{FFFD}", &"{".repeat(1000)] {
            assert!(Glob::new(pattern).is_none(), "{pattern}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!Glob::new(&pattern).unwrap().matches(&"a".repeat(5000)));
    }
}
