//! Characters as Go's `unicode` and `utf8` packages know them: classes and simple case mappings of Unicode 15.0, and
//! bytes taken apart into characters when they may not be UTF-8.
//!
//! Rust's standard library follows a later version of Unicode and maps case in full (`ß` to `SS`), Go character by
//! character; what templates print must be Go's. The facts are in `tables`.

#[expect(clippy::unreadable_literal, reason = "a table of code points")]
mod tables;

use tables::{CASES, CLASSES, PAIR};

/// What a character is, as far as Go's functions tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Other,
    Upper,
    Lower,
    Title,
    Letter,
    Mark,
    Digit,
    Number,
    Punctuation,
    Symbol,
    Separator,
}

fn class(character: char) -> Class {
    let key = u32::from(character) << 4 | 0xF;
    let entry = CLASSES.partition_point(|entry| *entry <= key).checked_sub(1).and_then(|index| CLASSES.get(index));
    match entry.map_or(0, |entry| entry & 0xF) {
        1 => Class::Upper,
        2 => Class::Lower,
        3 => Class::Title,
        4 => Class::Letter,
        5 => Class::Mark,
        6 => Class::Digit,
        7 => Class::Number,
        8 => Class::Punctuation,
        9 => Class::Symbol,
        10 => Class::Separator,
        _ => Class::Other,
    }
}

/// Whether Go takes it for printable: letters, marks, numbers, punctuation, symbols, and the ASCII space.
pub fn is_print(character: char) -> bool {
    match character {
        ' '..='~' => true,
        '\0'..='\u{9F}' => false,
        _ => !matches!(class(character), Class::Other | Class::Separator),
    }
}

/// White space.
pub const fn is_space(character: char) -> bool {
    matches!(
        character,
        '\t' | '\n' | '\u{0B}' | '\u{0C}' | '\r' | ' ' | '\u{85}' | '\u{A0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200A}' | '\u{2028}' | '\u{2029}' | '\u{202F}' | '\u{205F}' | '\u{3000}'
    )
}

/// A letter of any kind.
pub fn is_letter(character: char) -> bool {
    matches!(class(character), Class::Upper | Class::Lower | Class::Title | Class::Letter)
}

/// An upper-case letter.
pub fn is_upper(character: char) -> bool {
    class(character) == Class::Upper
}

/// A lower-case letter.
pub fn is_lower(character: char) -> bool {
    class(character) == Class::Lower
}

/// A title-case letter, such as `ǅ`.
pub fn is_title(character: char) -> bool {
    class(character) == Class::Title
}

/// A decimal digit.
pub fn is_digit(character: char) -> bool {
    class(character) == Class::Digit
}

/// A digit or another number, such as `Ⅷ` and `½`.
pub fn is_number(character: char) -> bool {
    matches!(class(character), Class::Digit | Class::Number)
}

/// Punctuation.
pub fn is_punct(character: char) -> bool {
    class(character) == Class::Punctuation
}

#[derive(Clone, Copy)]
enum Target {
    Upper,
    Lower,
    Title,
}

/// The one upper-case letter for a letter; anything else stays.
pub fn to_upper(character: char) -> char {
    if character.is_ascii() { character.to_ascii_uppercase() } else { map_case(character, Target::Upper) }
}

/// The one lower-case letter for a letter; anything else stays.
pub fn to_lower(character: char) -> char {
    if character.is_ascii() { character.to_ascii_lowercase() } else { map_case(character, Target::Lower) }
}

/// The one title-case letter for a letter; anything else stays.
pub fn to_title(character: char) -> char {
    if character.is_ascii() { character.to_ascii_uppercase() } else { map_case(character, Target::Title) }
}

fn map_case(character: char, target: Target) -> char {
    let code = u32::from(character);
    let Some((first, last, shift)) =
        CASES.partition_point(|case| case.0 <= code).checked_sub(1).and_then(|index| CASES.get(index)).copied()
    else {
        return character;
    };
    if code > last {
        return character;
    }
    let shift = if shift == PAIR {
        match (target, (code - first) % 2) {
            (Target::Lower, 0) => 1,
            (Target::Upper | Target::Title, 1) => -1,
            _ => 0,
        }
    } else {
        match target {
            Target::Upper => shift.0,
            Target::Lower => shift.1,
            Target::Title => shift.2,
        }
    };
    code.checked_add_signed(shift).and_then(char::from_u32).unwrap_or(character)
}

/// The first character of some bytes and how many it takes; `None` and one byte where they are not UTF-8, as Go
/// counts. Nothing at the end.
pub fn first(bytes: &[u8]) -> Option<(Option<char>, usize)> {
    let lead = *bytes.first()?;
    if lead < 0x80 {
        return Some((Some(char::from(lead)), 1));
    }
    let head = bytes.get(..4).unwrap_or(bytes);
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => head.get(..error.valid_up_to()).and_then(|head| std::str::from_utf8(head).ok()).unwrap_or(""),
    };
    Some(valid.chars().next().map_or((None, 1), |character| (Some(character), character.len_utf8())))
}

/// The characters of some bytes with the place where each begins; a byte that is not part of one is `None`.
pub fn characters(bytes: &[u8]) -> impl Iterator<Item = (usize, Option<char>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (character, size) = first(bytes.get(at..)?)?;
        let start = at;
        at += size;
        Some((start, character))
    })
}

/// How many characters some bytes have, each byte that is not part of one counted as one.
pub fn count(bytes: &[u8]) -> usize {
    if bytes.is_ascii() { bytes.len() } else { characters(bytes).count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_mapped_character_by_character() {
        for (character, upper, lower, title) in [
            ('a', 'A', 'a', 'A'),
            ('ß', 'ß', 'ß', 'ß'),
            ('ẞ', 'ẞ', 'ß', 'ẞ'),
            ('ÿ', 'Ÿ', 'ÿ', 'Ÿ'),
            ('ı', 'I', 'ı', 'I'),
            ('İ', 'İ', 'i', 'İ'),
            ('ǆ', 'Ǆ', 'ǆ', 'ǅ'),
            ('ǅ', 'Ǆ', 'ǆ', 'ǅ'),
            ('ſ', 'S', 'ſ', 'S'),
            ('µ', 'Μ', 'µ', 'Μ'),
            ('ბ', 'Ბ', 'ბ', 'ბ'),
            ('中', '中', '中', '中'),
            ('Ā', 'Ā', 'ā', 'Ā'),
            ('ā', 'Ā', 'ā', 'Ā'),
            ('𞤀', '𞤀', '𞤢', '𞤀'),
            ('K', 'K', 'k', 'K'),
        ] {
            assert_eq!(
                (to_upper(character), to_lower(character), to_title(character)),
                (upper, lower, title),
                "{character}"
            );
        }
    }

    #[test]
    fn classes_are_those_of_unicode_15() {
        assert!(is_print('é') && is_print('\u{301}') && is_print('€') && is_print('\u{FFFD}'));
        assert!(!is_print('\u{A0}') && !is_print('\u{200B}') && !is_print('\u{AD}') && !is_print('\u{E000}'));
        assert!(!is_print('\u{7F}') && !is_print('\u{10FFFF}'));
        // Added in Unicode 16.
        assert!(!is_print('\u{1C89}') && !is_upper('\u{A7CB}'));
        assert!(is_punct('!') && is_punct('_') && !is_punct('+') && !is_punct('$'));
        assert!(is_number('½') && !is_digit('½') && is_digit('٣') && is_number('Ⅷ'));
        assert!(
            is_letter('中') && !is_lower('中') && is_lower('ß') && is_title('ǅ') && !is_upper('ª') && !is_lower('ª')
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_are_counted_one_by_one() {
        let characters: Vec<_> = characters(b"a\xE4\xB8b\xE4\xB8\xAD\xED\xA0\x80").collect();
        let expected = vec![
            (0, Some('a')),
            (1, None),
            (2, None),
            (3, Some('b')),
            (4, Some('中')),
            (7, None),
            (8, None),
            (9, None),
        ];
        assert_eq!(characters, expected);
        assert_eq!(count(b"\xE4\xB8"), 2);
    }
}
