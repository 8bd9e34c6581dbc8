//! What a pattern is made into, and how it is held against a text.
//!
//! A [`Matcher`] can tell three things: whether the whole of a text matches, where in a text a match begins and how
//! long it can be, and how many characters every match has. The shortcuts of the library are part of its behaviour:
//! some look at the first occurrence only, some count characters where they should count bytes, and one reads beyond
//! the end, which Go reports. All of that is kept.

use crate::unicode;

/// How many bytes matchers may look at while one pattern is held against one text.
const MAX_STEPS: usize = 20_000_000;

/// The character that patterns keep apart.
const SEPARATOR: u8 = b'/';

/// Something to hold against a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Matcher {
    Text(String),
    /// Everything.
    Super,
    /// Everything but the separator.
    Any,
    /// One character but the separator.
    Single,
    List {
        characters: Vec<char>,
        negated: bool,
    },
    Range {
        low: char,
        high: char,
        negated: bool,
    },
    Nothing,
    AnyOf(Vec<Matcher>),
    EveryOf(Vec<Matcher>),
    /// Matchers of fixed lengths one after the other.
    Row {
        matchers: Vec<Matcher>,
        length: usize,
    },
    /// A matcher that is looked for, and what has to match before and behind it.
    Tree(Box<Tree>),
    /// At least as many characters.
    Min(usize),
    /// At most as many characters.
    Max(usize),
    Contains {
        needle: String,
        negated: bool,
    },
    /// A text, then everything.
    Prefix(String),
    /// Everything, then a text.
    Suffix(String),
    /// A text, then everything, then a text.
    PrefixSuffix(String, String),
    /// A text, then everything but the separator.
    PrefixAny(String),
    /// Everything but the separator, then a text.
    SuffixAny(String),
}

/// See [`Matcher::Tree`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    pub(super) value: Matcher,
    pub(super) left: Option<Matcher>,
    pub(super) right: Option<Matcher>,
    left_length: Option<usize>,
    right_length: Option<usize>,
    length: Option<usize>,
}

impl Tree {
    pub(super) fn new(value: Matcher, left: Option<Matcher>, right: Option<Matcher>) -> Self {
        let left_length = left.as_ref().map_or(Some(0), Matcher::length);
        let right_length = right.as_ref().map_or(Some(0), Matcher::length);
        let length = match (left_length, value.length(), right_length) {
            (Some(left), Some(value), Some(right)) => Some(left + value + right),
            _ => None,
        };
        Self { value, left, right, left_length, right_length, length }
    }
}

/// Why a text cannot be held against a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Trouble {
    /// Go's words for reading beyond the end.
    Panic(String),
    /// It would take too long.
    Budget,
}

/// Where a match begins, and the lengths it can have, in ascending order.
type Found = Option<(usize, Vec<usize>)>;

/// Counts what a match costs.
#[derive(Debug, Default)]
pub(super) struct Steps(usize);

impl Steps {
    const fn take(&mut self, text: &[u8]) -> Result<(), Trouble> {
        self.0 += 1 + text.len();
        if self.0 > MAX_STEPS { Err(Trouble::Budget) } else { Ok(()) }
    }
}

/// The first character (none of it if it is not UTF-8), and its bytes.
fn first(text: &[u8]) -> (Option<char>, usize) {
    unicode::first(text).unwrap_or((None, 0))
}

/// How many bytes Go writes a character in; what is not UTF-8 counts as the replacement character.
fn width(character: Option<char>) -> usize {
    character.map_or(3, char::len_utf8)
}

fn find(text: &[u8], needle: &str) -> Option<usize> {
    memchr::memmem::find(text, needle.as_bytes())
}

fn has_separator(text: &[u8]) -> bool {
    text.contains(&SEPARATOR)
}

impl Matcher {
    /// How many characters every match has, if that is fixed.
    pub(super) fn length(&self) -> Option<usize> {
        match self {
            Self::Text(text) => Some(text.chars().count()),
            Self::Single | Self::List { .. } | Self::Range { .. } => Some(1),
            Self::Nothing => Some(0),
            Self::Row { length, .. } => Some(*length),
            Self::Tree(tree) => tree.length,
            // The first alternatives are forgotten as long as their length is not fixed.
            Self::AnyOf(matchers) => {
                let mut length = None;
                for matcher in matchers {
                    match (length, matcher.length()) {
                        (None, found) => length = found,
                        (Some(length), Some(found)) if length == found => {}
                        _ => return None,
                    }
                }
                length
            }
            Self::EveryOf(matchers) if matchers.is_empty() => Some(0),
            _ => None,
        }
    }

    /// Whether one character is meant.
    fn takes(&self, character: Option<char>) -> bool {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        match self {
            Self::Single => character != char::from(SEPARATOR),
            Self::List { characters, negated } => characters.contains(&character) != *negated,
            Self::Range { low, high, negated } => (*low..=*high).contains(&character) != *negated,
            _ => false,
        }
    }

    /// Whether the whole of a text matches.
    pub(super) fn matches(&self, text: &[u8], steps: &mut Steps) -> Result<bool, Trouble> {
        steps.take(text)?;
        Ok(match self {
            Self::Text(wanted) => wanted.as_bytes() == text,
            Self::Super => true,
            Self::Any => !has_separator(text),
            Self::Single | Self::List { .. } | Self::Range { .. } => {
                let (character, width) = first(text);
                text.len() <= width && self.takes(character)
            }
            Self::Nothing => text.is_empty(),
            Self::AnyOf(matchers) => {
                for matcher in matchers {
                    if matcher.matches(text, steps)? {
                        return Ok(true);
                    }
                }
                false
            }
            Self::EveryOf(matchers) => {
                for matcher in matchers {
                    if !matcher.matches(text, steps)? {
                        return Ok(false);
                    }
                }
                true
            }
            Self::Row { matchers, length } => unicode::count(text) == *length && row(matchers, text, steps)?,
            Self::Tree(tree) => tree.matches(text, steps)?,
            Self::Min(limit) => {
                let count = unicode::count(text);
                count > 0 && count >= *limit
            }
            Self::Max(limit) => unicode::count(text) <= *limit,
            Self::Contains { needle, negated } => find(text, needle).is_some() != *negated,
            Self::Prefix(prefix) => text.starts_with(prefix.as_bytes()),
            Self::Suffix(suffix) => text.ends_with(suffix.as_bytes()),
            Self::PrefixSuffix(prefix, suffix) => {
                text.starts_with(prefix.as_bytes()) && text.ends_with(suffix.as_bytes())
            }
            Self::PrefixAny(prefix) => text.strip_prefix(prefix.as_bytes()).is_some_and(|rest| !has_separator(rest)),
            Self::SuffixAny(suffix) => text.strip_suffix(suffix.as_bytes()).is_some_and(|rest| !has_separator(rest)),
        })
    }

    /// Where in a text a match begins.
    fn index(&self, text: &[u8], steps: &mut Steps) -> Result<Found, Trouble> {
        steps.take(text)?;
        Ok(match self {
            Self::Text(wanted) => find(text, wanted).map(|at| (at, vec![wanted.len()])),
            Self::Super => Some((0, starts(text, 0))),
            Self::Any => Some((0, starts(up_to_separator(text), 0))),
            Self::Single | Self::List { .. } | Self::Range { .. } => unicode::characters(text)
                .find(|(_, character)| self.takes(*character))
                .map(|(at, character)| (at, vec![width(character)])),
            Self::Nothing => Some((0, vec![0])),
            Self::AnyOf(matchers) => {
                let mut found: Found = None;
                for matcher in matchers {
                    let Some((at, lengths)) = matcher.index(text, steps)? else { continue };
                    match &mut found {
                        Some((before, _)) if *before < at => {}
                        Some((before, known)) if *before == at => {
                            known.extend(lengths);
                            known.sort_unstable();
                            known.dedup();
                        }
                        _ => found = Some((at, lengths)),
                    }
                }
                found
            }
            Self::EveryOf(matchers) => every(matchers, text, steps)?,
            Self::Row { matchers, length } => {
                for (at, _) in unicode::characters(text) {
                    let rest = text.get(at..).unwrap_or_default();
                    if rest.len() < *length {
                        break;
                    }
                    if row(matchers, rest, steps)? {
                        return Ok(Some((at, vec![*length])));
                    }
                }
                None
            }
            Self::Tree(_) => None,
            Self::Min(limit) => {
                if text.len() < *limit {
                    return Ok(None);
                }
                let ends = unicode::characters(text).map(|(at, character)| at + width(character));
                let ends: Vec<usize> = ends.skip(limit.saturating_sub(1)).collect();
                (!ends.is_empty()).then_some((0, ends))
            }
            Self::Max(limit) => {
                let ends = unicode::characters(text).map(|(at, character)| at + width(character));
                Some((0, std::iter::once(0).chain(ends.take(*limit)).collect()))
            }
            Self::Contains { needle, negated } => match (find(text, needle), *negated) {
                (None, false) => None,
                (Some(at), false) => {
                    let offset = at + needle.len();
                    if text.len() <= offset {
                        return Ok(Some((0, vec![offset])));
                    }
                    Some((0, starts(text.get(offset..).unwrap_or_default(), offset)))
                }
                (found, true) => Some((0, starts(found.and_then(|at| text.get(..at)).unwrap_or(text), 0))),
            },
            Self::Prefix(prefix) => find(text, prefix).map(|at| {
                let rest = text.get(at + prefix.len()..).unwrap_or_default();
                (at, ends(rest, prefix.len()))
            }),
            Self::PrefixAny(prefix) => find(text, prefix).map(|at| {
                let rest = text.get(at + prefix.len()..).unwrap_or_default();
                (at, ends(up_to_separator(rest), prefix.len()))
            }),
            Self::Suffix(suffix) => find(text, suffix).map(|at| (0, vec![at + suffix.len()])),
            Self::SuffixAny(suffix) => find(text, suffix).map(|at| {
                let before = text.get(..at).unwrap_or_default();
                let from = before.iter().rposition(|byte| *byte == SEPARATOR).map_or(0, |separator| separator + 1);
                (from, vec![at + suffix.len() - from])
            }),
            Self::PrefixSuffix(prefix, suffix) => {
                let Some(at) = find(text, prefix) else { return Ok(None) };
                let rest = text.get(at..).unwrap_or_default();
                let mut ends: Vec<usize> = Vec::new();
                let mut until = rest.len();
                while let Some(found) = memchr::memmem::rfind(rest.get(..until).unwrap_or_default(), suffix.as_bytes())
                {
                    ends.push(found + suffix.len());
                    until = found;
                    if suffix.is_empty() {
                        break;
                    }
                }
                ends.reverse();
                (!ends.is_empty()).then_some((at, ends))
            }
        })
    }
}

impl Tree {
    fn matches(&self, text: &[u8], steps: &mut Steps) -> Result<bool, Trouble> {
        if self.length.is_some_and(|length| length > text.len()) {
            return Ok(false);
        }
        let mut offset = self.left_length.unwrap_or(0);
        let Some(limit) = text.len().checked_sub(self.right_length.unwrap_or(0)) else { return Ok(false) };
        while offset < limit {
            steps.take(text)?;
            let Some((at, lengths)) = self.value.index(text.get(offset..limit).unwrap_or_default(), steps)? else {
                return Ok(false);
            };
            let before = text.get(..offset + at).unwrap_or(text);
            let fits = match &self.left {
                Some(left) => left.matches(before, steps)?,
                None => before.is_empty(),
            };
            if fits {
                for length in lengths.iter().rev() {
                    let behind = text.get(offset + at + length..).unwrap_or_default();
                    let fits = match &self.right {
                        Some(right) => right.matches(behind, steps)?,
                        None => behind.is_empty(),
                    };
                    if fits {
                        return Ok(true);
                    }
                }
            }
            let (_, step) = first(text.get(offset + at..).unwrap_or_default());
            offset += at + step.max(1);
        }
        Ok(false)
    }
}

/// Matchers of fixed lengths, each on as many characters; the last of them is taken for a byte long.
fn row(matchers: &[Matcher], text: &[u8], steps: &mut Steps) -> Result<bool, Trouble> {
    let mut at = 0;
    for matcher in matchers {
        let length = matcher.length().unwrap_or(0);
        let rest = text.get(at..).unwrap_or_default();
        let (mut last, mut count) = (0, 0);
        for (place, _) in unicode::characters(rest) {
            last = place;
            count += 1;
            if count == length {
                break;
            }
        }
        if count < length {
            return Ok(false);
        }
        let end = at + last + 1;
        let Some(part) = text.get(at..end) else {
            let length = text.len();
            let words = format!("runtime error: slice bounds out of range [:{end}] with length {length}");
            return Err(Trouble::Panic(words));
        };
        if !matcher.matches(part, steps)? {
            return Ok(false);
        }
        at = end;
    }
    Ok(true)
}

/// Where all of several matchers begin and end together.
fn every(matchers: &[Matcher], text: &[u8], steps: &mut Steps) -> Result<Found, Trouble> {
    let (mut index, mut offset) = (0, 0);
    let mut current: Vec<usize> = Vec::new();
    let mut rest = text;
    for (round, matcher) in matchers.iter().enumerate() {
        let Some((at, lengths)) = matcher.index(rest, steps)? else { return Ok(None) };
        if round == 0 {
            current = lengths;
        } else {
            // How far this beginning lies before the one so far.
            let here = at + offset;
            let shifted = |known: &usize| (known + index).checked_sub(here);
            current = current.iter().filter_map(shifted).filter(|length| lengths.contains(length)).collect();
            if current.is_empty() {
                return Ok(None);
            }
        }
        index = at + offset;
        rest = text.get(index..).unwrap_or_default();
        offset += at;
    }
    Ok(Some((index, current)))
}

fn up_to_separator(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == SEPARATOR).next().unwrap_or_default()
}

/// Where the characters begin, and the end.
fn starts(text: &[u8], offset: usize) -> Vec<usize> {
    unicode::characters(text).map(|(at, _)| offset + at).chain([offset + text.len()]).collect()
}

/// The beginning, and where the characters end.
fn ends(text: &[u8], offset: usize) -> Vec<usize> {
    let ends = unicode::characters(text).map(|(at, character)| offset + at + width(character));
    std::iter::once(offset).chain(ends).collect()
}
