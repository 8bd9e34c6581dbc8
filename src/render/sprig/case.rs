//! Upper and lower case, and names respelled: `upper`, `title`, `camelcase`, `snakecase` and their kin.
//!
//! Rules: Go's `strings` for single letters, goutils 1.1.1 for `untitle` and `swapcase`, xstrings 1.5.0 for respelling.
//! Bytes that are not UTF-8 become U+FFFD where Go takes text apart into characters.

use super::argument;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::quote::push;
use crate::render::gotemplate::value::Value;
use crate::unicode;

use Type::String as Str;

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new("upper", &[Str], Str, |_, it| Ok(mapped(argument::bytes(it, 0), unicode::to_upper))),
    Function::new("lower", &[Str], Str, |_, it| Ok(mapped(argument::bytes(it, 0), unicode::to_lower))),
    Function::new("title", &[Str], Str, |_, it| Ok(title(argument::bytes(it, 0)))),
    Function::new("untitle", &[Str], Str, |_, it| Ok(untitle(argument::bytes(it, 0)))),
    Function::new("swapcase", &[Str], Str, |_, it| Ok(swap_case(argument::bytes(it, 0)))),
    Function::new("camelcase", &[Str], Str, |_, it| Ok(Value::text(pascal_case(argument::bytes(it, 0))))),
    Function::new("snakecase", &[Str], Str, |_, it| Ok(Value::text(separated_case(argument::bytes(it, 0), '_')))),
    Function::new("kebabcase", &[Str], Str, |_, it| Ok(Value::text(separated_case(argument::bytes(it, 0), '-')))),
];

/// The characters of a text, U+FFFD for every byte that is not part of one.
fn characters(text: &[u8]) -> impl Iterator<Item = char> {
    unicode::characters(text).map(|(_, character)| character.unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// A text, character by character.
fn mapped(text: &[u8], map: impl FnMut(char) -> char) -> Value {
    Value::text(characters(text).map(map).collect::<String>())
}

/// The first letter of every word in title case. Words end at spaces, and at ASCII signs other than `_`.
fn title(text: &[u8]) -> Value {
    let ends_word = |character: char| match character {
        '_' => false,
        '\0'..='\x7F' => !character.is_ascii_alphanumeric(),
        _ => !unicode::is_letter(character) && !unicode::is_digit(character) && unicode::is_space(character),
    };
    let mut previous = ' ';
    mapped(text, |character| {
        let before = std::mem::replace(&mut previous, character);
        if ends_word(before) { unicode::to_title(character) } else { character }
    })
}

/// The first character of every word in lower case. Words end at white space.
fn untitle(text: &[u8]) -> Value {
    let mut first = true;
    mapped(text, |character| {
        if unicode::is_space(character) {
            first = true;
            character
        } else if std::mem::take(&mut first) {
            unicode::to_lower(character)
        } else {
            character
        }
    })
}

/// Upper case for lower case and the other way round; a lower-case letter after white space takes title case.
fn swap_case(text: &[u8]) -> Value {
    let mut after_space = true;
    mapped(text, |character| {
        if unicode::is_upper(character) || unicode::is_title(character) {
            after_space = false;
            unicode::to_lower(character)
        } else if unicode::is_lower(character) {
            if std::mem::take(&mut after_space) { unicode::to_title(character) } else { unicode::to_upper(character) }
        } else {
            after_space = unicode::is_space(character);
            character
        }
    })
}

/// What stands between words.
const fn is_connector(character: char) -> bool {
    matches!(character, '-' | '_') || unicode::is_space(character)
}

/// `foo-bar` as `FooBar`. Connectors at the start stay, and of several in a row all but one.
fn pascal_case(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = characters(text);
    let mut last = loop {
        match rest.next() {
            Some(character) if is_connector(character) => out.push(character),
            Some(character) => break character,
            None => {
                // Nothing but connectors: the last one counts as the first word, too.
                out.extend(out.chars().next_back());
                return out;
            }
        }
    };
    // While a word began in upper case, the upper-case letters after its first one become lower case.
    let mut lowering = unicode::is_upper(last);
    last = unicode::to_upper(last);
    for mut character in rest {
        match (is_connector(last), is_connector(character)) {
            (true, true) => out.push(last),
            (true, false) => {
                lowering = unicode::is_upper(character);
                character = unicode::to_upper(character);
            }
            (false, _) => {
                lowering &= unicode::is_upper(character);
                if lowering {
                    character = unicode::to_lower(character);
                }
                out.push(last);
            }
        }
        last = character;
    }
    out.push(last);
    out
}

/// What a run of characters is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Invalid,
    Number,
    Upper,
    Lower,
    Connector,
    Punctuation,
    Other,
}

/// `FooBar` as `foo_bar`, with the given connector.
fn separated_case(text: &[u8], connector: char) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    let mut words = Words { rest: text };
    let (mut kind, mut word) = words.next();
    while !words.rest.is_empty() {
        if kind != Word::Connector {
            append_lower(&mut out, kind, word, connector);
        }
        let (previous, last) = (kind, word);
        (kind, word) = words.next();
        match previous {
            Word::Number => {
                words.glue(&mut out, &mut kind, &mut word, connector);
                if !matches!(kind, Word::Invalid | Word::Punctuation | Word::Connector) {
                    push(&mut out, connector);
                }
            }
            Word::Connector => append_lower(&mut out, previous, last, connector),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                if !matches!(kind, Word::Connector | Word::Punctuation) {
                    push(&mut out, connector);
                }
            }
            _ if words.rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word) = words.next();
                if kind == Word::Lower {
                    // `HTTP2xx`: the number belongs to what follows.
                    push(&mut out, connector);
                    append_lower(&mut out, Word::Number, number, connector);
                    words.glue(&mut out, &mut kind, &mut word, connector);
                    if !matches!(kind, Word::Invalid | Word::Punctuation | Word::Connector) {
                        push(&mut out, connector);
                    }
                } else {
                    // `Bld4Floor`: the number belongs to what precedes.
                    append_lower(&mut out, Word::Number, number, connector);
                    if !matches!(kind, Word::Connector | Word::Punctuation) {
                        push(&mut out, connector);
                    }
                }
            }
        }
    }
    append_lower(&mut out, kind, word, connector);
    out
}

/// Appends a word: upper case becomes lower case, and every connector the given one.
fn append_lower(out: &mut Vec<u8>, kind: Word, word: &[u8], connector: char) {
    if !matches!(kind, Word::Upper | Word::Connector) {
        out.extend_from_slice(word);
        return;
    }
    for character in characters(word) {
        let character = if is_connector(character) {
            connector
        } else if unicode::is_upper(character) {
            unicode::to_lower(character)
        } else {
            character
        };
        push(out, character);
    }
}

/// Letters of an alphabet but upper-case ones.
fn is_lower_letter(character: char) -> bool {
    is_alphabet(character) && !unicode::is_upper(character)
}

/// Letters but Chinese characters, as far as xstrings knows them.
fn is_alphabet(character: char) -> bool {
    if !unicode::is_letter(character) {
        return false;
    }
    !matches!(u32::from(character), 0x3400..=0x4D85 | 0x4E00..=0x9FCC | 0x2_0000..=0x2_B81D)
}

/// A text taken apart into words.
struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Words<'a> {
    /// Appends the words of lower-case letters and numbers that follow, without anything between them.
    fn glue(&mut self, out: &mut Vec<u8>, kind: &mut Word, word: &mut &'a [u8], connector: char) {
        while matches!(kind, Word::Lower | Word::Number) {
            append_lower(out, *kind, word, connector);
            (*kind, *word) = self.next();
        }
    }

    fn next(&mut self) -> (Word, &'a [u8]) {
        let text = self.rest;
        let Some((first, size)) = next_valid(text) else {
            // Nothing but bytes that are no characters.
            self.rest = b"";
            return (Word::Invalid, text);
        };
        let (kind, end) = if is_connector(first) {
            (Word::Connector, run(text, size, is_connector))
        } else if unicode::is_punct(first) {
            (Word::Punctuation, run(text, size, unicode::is_punct))
        } else if unicode::is_upper(first) {
            (Word::Upper, upper_word(text, size))
        } else if is_alphabet(first) {
            (Word::Lower, run(text, size, is_lower_letter))
        } else if unicode::is_number(first) {
            (Word::Number, run(text, size, unicode::is_number))
        } else {
            let other = |character| {
                !is_connector(character)
                    && !is_alphabet(character)
                    && !unicode::is_number(character)
                    && !unicode::is_punct(character)
            };
            (Word::Other, run(text, size, other))
        };
        let (word, rest) = text.split_at_checked(end).unwrap_or((text, b""));
        self.rest = rest;
        (kind, word)
    }
}

/// The next character, and how many bytes it takes together with those before it that are no characters.
fn next_valid(text: &[u8]) -> Option<(char, usize)> {
    unicode::characters(text).find_map(|(at, character)| {
        let character = character.filter(|character| *character != char::REPLACEMENT_CHARACTER)?;
        Some((character, at + character.len_utf8()))
    })
}

/// Where a run of characters ends that goes on at `from`. Bytes at the end that are no characters belong to it.
fn run(text: &[u8], from: usize, belongs: impl Fn(char) -> bool) -> usize {
    let mut end = from;
    while let Some(rest) = text.get(end..).filter(|rest| !rest.is_empty()) {
        match next_valid(rest) {
            Some((character, size)) if belongs(character) => end += size,
            Some(_) => break,
            None => return text.len(),
        }
    }
    end
}

/// Where a word ends that began with an upper-case letter: after a run of them, but before its last one if a
/// lower-case letter follows (`HTTPServer`), or after the lower-case letters that follow the first.
fn upper_word(text: &[u8], size: usize) -> usize {
    let Some((second, width)) = text.get(size..).and_then(next_valid) else { return text.len() };
    if !unicode::is_upper(second) {
        return if is_alphabet(second) { run(text, size + width, is_lower_letter) } else { size };
    }
    let (mut before, mut end) = (size, size + width);
    while let Some(rest) = text.get(end..).filter(|rest| !rest.is_empty()) {
        match next_valid(rest) {
            Some((next, width)) if unicode::is_upper(next) => (before, end) = (end, end + width),
            Some((next, _)) => return if is_alphabet(next) { before } else { end },
            None => return text.len(),
        }
    }
    end
}
