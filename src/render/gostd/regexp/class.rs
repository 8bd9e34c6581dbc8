//! Character classes of a pattern: Perl's and POSIX' are ASCII, Unicode's are those that Go has names for.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange, HirKind};

use crate::unicode::{is_digit, is_letter};

/// Scripts by the names that Go's parser accepts, in its spelling without marks; it loses those with a mark in their
/// name.
const SCRIPTS: &str = "Adlam Ahom Arabic Armenian Avestan Balinese Bamum Batak Bengali Bhaiksuki Bopomofo Brahmi \
    Braille Buginese Buhid Carian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot Cyrillic Deseret \
    Devanagari Dogra Duployan Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gurmukhi Han \
    Hangul Hanunoo Hatran Hebrew Hiragana Inherited Javanese Kaithi Kannada Katakana Kawi Kharoshthi Khmer Khojki \
    Khudawadi Lao Latin Lepcha Limbu Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen \
    Medefaidrin Miao Modi Mongolian Mro Multani Myanmar Nabataean Nandinagari Newa Nko Nushu Ogham Oriya Osage Osmanya \
    Palmyrene Phoenician Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham Sinhala Sogdian Soyombo Sundanese \
    Syriac Tagalog Tagbanwa Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai \
    Vithkuqi Wancho Yezidi Yi";

/// General categories.
const CATEGORIES: &str = "C Cc Cf Cn Co Cs L Lc Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm \
    So Z Zl Zp Zs";

/// Long names of categories, without marks.
const ALIASES: &[(&str, &str)] = &[
    ("Casedletter", "Lc"),
    ("Closepunctuation", "Pe"),
    ("Cntrl", "Cc"),
    ("Combiningmark", "M"),
    ("Connectorpunctuation", "Pc"),
    ("Control", "Cc"),
    ("Currencysymbol", "Sc"),
    ("Dashpunctuation", "Pd"),
    ("Decimalnumber", "Nd"),
    ("Digit", "Nd"),
    ("Enclosingmark", "Me"),
    ("Finalpunctuation", "Pf"),
    ("Format", "Cf"),
    ("Initialpunctuation", "Pi"),
    ("Letter", "L"),
    ("Letternumber", "Nl"),
    ("Lineseparator", "Zl"),
    ("Lowercaseletter", "Ll"),
    ("Mark", "M"),
    ("Mathsymbol", "Sm"),
    ("Modifierletter", "Lm"),
    ("Modifiersymbol", "Sk"),
    ("Nonspacingmark", "Mn"),
    ("Number", "N"),
    ("Openpunctuation", "Ps"),
    ("Other", "C"),
    ("Otherletter", "Lo"),
    ("Othernumber", "No"),
    ("Otherpunctuation", "Po"),
    ("Othersymbol", "So"),
    ("Paragraphseparator", "Zp"),
    ("Privateuse", "Co"),
    ("Punct", "P"),
    ("Punctuation", "P"),
    ("Separator", "Z"),
    ("Spaceseparator", "Zs"),
    ("Spacingmark", "Mc"),
    ("Surrogate", "Cs"),
    ("Symbol", "S"),
    ("Titlecaseletter", "Lt"),
    ("Unassigned", "Cn"),
    ("Uppercaseletter", "Lu"),
];

/// POSIX' classes, as pairs of first and last byte.
const POSIX: &[(&str, &[u8])] = &[
    ("alnum", b"09AZaz"),
    ("alpha", b"AZaz"),
    ("ascii", b"\0\x7f"),
    ("blank", b"\t\t  "),
    ("cntrl", b"\0\x1f\x7f\x7f"),
    ("digit", b"09"),
    ("graph", b"!~"),
    ("lower", b"az"),
    ("print", b" ~"),
    ("punct", b"!/:@[`{~"),
    ("space", b"\t\r  "),
    ("upper", b"AZ"),
    ("word", b"09AZaz__"),
    ("xdigit", b"09AFaf"),
];

fn pairs(pairs: &[u8]) -> ClassUnicode {
    let ranges = pairs.chunks(2).filter_map(|pair| match pair {
        [first, last] => Some(ClassUnicodeRange::new(char::from(*first), char::from(*last))),
        _ => None,
    });
    ClassUnicode::new(ranges)
}

/// A class as a pattern's flags want it: folded before it is negated.
pub(super) fn finished(mut class: ClassUnicode, is_folded: bool, is_negated: bool) -> ClassUnicode {
    if is_folded {
        // Fails only where the tables are compiled out, which the tests of folding would show.
        let _ = class.try_case_fold_simple();
    }
    if is_negated {
        class.negate();
    }
    class
}

/// Every character.
pub(super) fn any() -> ClassUnicode {
    ClassUnicode::new([ClassUnicodeRange::new('\0', char::MAX)])
}

/// Characters from one code point to another; surrogates are none, and no text has them.
pub(super) fn range(first: u32, last: u32) -> ClassUnicode {
    let first = char::from_u32(first).unwrap_or('\u{E000}');
    let last = char::from_u32(last).unwrap_or('\u{D7FF}');
    if first <= last { ClassUnicode::new([ClassUnicodeRange::new(first, last)]) } else { ClassUnicode::empty() }
}

/// `\d`, `\W` and the like by their letter, and whether it is the negation.
pub(super) fn perl(letter: u8) -> Option<(ClassUnicode, bool)> {
    let class = match letter.to_ascii_lowercase() {
        b'd' => pairs(b"09"),
        b's' => pairs(b"\t\n\x0c\r  "),
        b'w' => pairs(b"09AZaz__"),
        _ => return None,
    };
    Some((class, letter.is_ascii_uppercase()))
}

/// `alpha` or `^alpha`, and whether it is the negation.
pub(super) fn posix(name: &str) -> Option<(ClassUnicode, bool)> {
    let bare = name.strip_prefix('^');
    let (_, class) = POSIX.iter().find(|(known, _)| *known == bare.unwrap_or(name))?;
    Some((pairs(class), bare.is_some()))
}

/// First letter upper case, the others lower, without underscores, spaces and hyphens.
fn canonical(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for character in name.chars().filter(|character| !matches!(character, '_' | '-' | ' ')) {
        let first = out.is_empty();
        out.push(if first { character.to_ascii_uppercase() } else { character.to_ascii_lowercase() });
    }
    out
}

/// What follows `\p`, folded as wanted, and whether it is the negation (as `Assigned` is that of `Cn`).
pub(super) fn unicode(name: &str, is_folded: bool) -> Option<(ClassUnicode, bool)> {
    let name = canonical(name);
    match name.as_str() {
        "Any" => return Some((any(), false)),
        "Ascii" => return Some((finished(pairs(b"\0\x7f"), is_folded, false), false)),
        "Assigned" => return Some((table("gc=Cn")?, true)),
        _ => {}
    }
    let category = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name.as_str(), |(_, category)| *category);
    let class = if category == "Cs" {
        ClassUnicode::empty()
    } else if CATEGORIES.split(' ').any(|known| known == category) {
        table(&format!("gc={category}"))?
    } else if SCRIPTS.split_whitespace().any(|known| known == name) {
        table(&format!("sc={name}"))?
    } else {
        return None;
    };
    Some((finished(class, is_folded, false), false))
}

/// Whether the name of a group may have this character: a letter, a decimal digit, an underscore.
pub(super) fn is_word(character: char) -> bool {
    character == '_' || is_letter(character) || is_digit(character)
}

fn table(property: &str) -> Option<ClassUnicode> {
    match regex_syntax::parse(&format!("\\p{{{property}}}")).ok()?.into_kind() {
        HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => Some(class),
        // A class of a single character comes back as that character.
        HirKind::Literal(literal) => {
            let character = std::str::from_utf8(&literal.0).ok()?.chars().next()?;
            Some(ClassUnicode::new([ClassUnicodeRange::new(character, character)]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_go_knows_has_a_class() {
        let aliases = ALIASES.iter().map(|(alias, _)| *alias);
        for name in SCRIPTS.split_whitespace().chain(CATEGORIES.split_whitespace()).chain(aliases) {
            let (class, _) = unicode(name, true).unwrap_or_else(|| panic!("{name}"));
            assert!(matches!(name, "Cs" | "Surrogate") || !class.ranges().is_empty(), "{name}");
        }
        for name in ["Old_Italic", "Grek", "Alphabetic", "sc=Greek", "Letters", ""] {
            assert!(unicode(name, false).is_none(), "{name}");
        }
    }
}
