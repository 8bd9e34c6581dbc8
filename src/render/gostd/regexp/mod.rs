//! Regular expressions as Go's `regexp` has them: RE2's syntax, leftmost-first matches, never more than linear time.
//!
//! The engine is that of the `regex` crate, which has the same ancestor; this module adds what differs: the grammar and
//! its errors, ASCII classes, how matches are walked and replaced, and text that is not UTF-8 (each stray byte counts as
//! one U+FFFD). Tables of characters are those of the crate's version of Unicode, one newer than Go's.

mod class;
mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use regex_automata::Input;
use regex_automata::meta;
use regex_automata::util::captures::Captures;

/// A compiled pattern.
#[derive(Debug)]
pub struct Regexp {
    engine: meta::Regex,
    is_empty: bool,
    /// Names of the groups, from group 1.
    names: Vec<Option<String>>,
}

/// How many patterns are kept compiled.
const CACHED: usize = 256;
/// How many bytes the compiled form of one pattern may take.
const SIZE_LIMIT: usize = 64 << 20;

/// A pattern, or why it is none.
pub type Compiled = Result<Rc<Regexp>, Rc<str>>;

thread_local! {
    /// Charts use few patterns and each of them often.
    static CACHE: RefCell<HashMap<Box<[u8]>, Compiled>> = RefCell::default();
}

/// The pattern, compiled, or read from what was compiled before.
///
/// # Errors
/// Go's words, `error parsing regexp: …`.
pub fn compile(pattern: &[u8]) -> Compiled {
    CACHE.with_borrow_mut(|cache| {
        if let Some(known) = cache.get(pattern) {
            return known.clone();
        }
        if cache.len() >= CACHED {
            cache.clear();
        }
        let compiled = Regexp::new(pattern).map(Rc::new);
        cache.insert(pattern.into(), compiled.clone());
        compiled
    })
}

/// A text to search, as characters, and where they were in the bytes that were given.
struct Haystack<'a> {
    text: Cow<'a, str>,
    bytes: &'a [u8],
    /// Place in the text and place in the bytes of every byte that is not UTF-8.
    strays: Vec<(usize, usize)>,
}

impl<'a> Haystack<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Self { text: Cow::Borrowed(text), bytes, strays: Vec::new() };
        }
        let (mut text, mut strays, mut place) = (String::new(), Vec::new(), 0);
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            place += chunk.valid().len();
            for _ in chunk.invalid() {
                strays.push((text.len(), place));
                text.push(char::REPLACEMENT_CHARACTER);
                place += 1;
            }
        }
        Self { text: Cow::Owned(text), bytes, strays }
    }

    /// Where a place in the text is in the bytes.
    fn place(&self, place: usize) -> usize {
        let before = self.strays.partition_point(|(in_text, _)| *in_text < place);
        match before.checked_sub(1).and_then(|last| self.strays.get(last)) {
            Some((in_text, in_bytes)) => in_bytes + 1 + (place - in_text - char::REPLACEMENT_CHARACTER.len_utf8()),
            None => place,
        }
    }

    fn slice(&self, start: usize, end: usize) -> &'a [u8] {
        self.bytes.get(self.place(start)..self.place(end)).unwrap_or_default()
    }

    /// The place of the next character; past the end if there is none.
    fn after(&self, place: usize) -> usize {
        place + self.text.get(place..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
    }
}

impl Regexp {
    fn new(pattern: &[u8]) -> Result<Self, Rc<str>> {
        let parse::Pattern { tree, names } = parse::parse(pattern)?;
        let config = meta::Config::new().nfa_size_limit(Some(SIZE_LIMIT)).utf8_empty(true);
        let engine = meta::Builder::new().configure(config).build_from_hir(&tree).map_err(|_| {
            // Larger than what Go would allow in ordinary cases: tables of Unicode, repeated a thousand times.
            let pattern = String::from_utf8_lossy(pattern);
            Rc::from(format!("error parsing regexp: expression too large: `{pattern}`"))
        })?;
        Ok(Self { engine, is_empty: pattern.is_empty(), names })
    }

    fn captures_at(&self, haystack: &Haystack<'_>, start: usize, captures: &mut Captures) -> Option<(usize, usize)> {
        self.engine.search_captures(&Input::new(haystack.text.as_ref()).range(start..), captures);
        captures.get_match().map(|found| (found.start(), found.end()))
    }

    fn match_at(&self, haystack: &Haystack<'_>, start: usize) -> Option<(usize, usize)> {
        let found = self.engine.search(&Input::new(haystack.text.as_ref()).range(start..))?;
        Some((found.start(), found.end()))
    }

    /// Whether the pattern matches anywhere.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.engine.is_match(Haystack::new(text).text.as_ref())
    }

    /// The leftmost match; empty if there is none.
    pub fn find<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let haystack = Haystack::new(text);
        self.match_at(&haystack, 0).map_or(b"", |(start, end)| haystack.slice(start, end))
    }

    /// All matches one after the other, at most so many: an empty one right behind another does not count.
    fn matches(&self, haystack: &Haystack<'_>, limit: usize) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        let (mut place, mut last_end) = (0, None);
        while found.len() < limit && place <= haystack.text.len() {
            let Some((start, end)) = self.match_at(haystack, place) else { break };
            let is_empty = end == place;
            if !(is_empty && last_end == Some(start)) {
                found.push((start, end));
            }
            place = if is_empty { haystack.after(place) } else { end };
            last_end = Some(end);
        }
        found
    }

    /// The texts of all matches, at most so many.
    pub fn find_all<'t>(&self, text: &'t [u8], limit: usize) -> Vec<&'t [u8]> {
        let haystack = Haystack::new(text);
        self.matches(&haystack, limit).into_iter().map(|(start, end)| haystack.slice(start, end)).collect()
    }

    /// What lies between matches, in at most so many pieces; and for how many pieces Go makes room.
    pub fn split<'t>(&self, text: &'t [u8], limit: Option<usize>) -> (Vec<&'t [u8]>, usize) {
        if text.is_empty() && !self.is_empty {
            return (vec![text], 1);
        }
        let haystack = Haystack::new(text);
        let (mut pieces, mut begin, mut end) = (Vec::new(), 0, 0);
        let matches = self.matches(&haystack, limit.unwrap_or(usize::MAX));
        let room = matches.len();
        for (start, stop) in matches {
            if limit.is_some_and(|limit| pieces.len() + 1 >= limit) {
                break;
            }
            end = start;
            if stop != 0 {
                pieces.push(haystack.slice(begin, end));
            }
            begin = stop;
        }
        if end != haystack.text.len() {
            pieces.push(haystack.slice(begin, haystack.text.len()));
        }
        (pieces, room)
    }

    /// Every match replaced by what `replacement` makes of its groups, or by the text itself if it is literal.
    ///
    /// # Errors
    /// What `spend` says of the bytes that are to be made.
    pub fn replace_all<E>(
        &self,
        text: &[u8],
        replacement: Replacement<'_>,
        mut spend: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Vec<u8>, E> {
        let haystack = Haystack::new(text);
        let mut captures = self.engine.create_captures();
        let (mut out, mut search, mut last_end) = (Vec::new(), 0, 0);
        while search <= haystack.text.len() {
            let Some((start, end)) = self.captures_at(&haystack, search, &mut captures) else { break };
            out.extend_from_slice(haystack.slice(last_end, start));
            // An empty match right behind another is not replaced.
            if end > last_end || start == 0 {
                match replacement {
                    Replacement::Literal(text) => {
                        spend(text.len())?;
                        out.extend_from_slice(text);
                    }
                    Replacement::Template(template) => {
                        self.expand(template, &haystack, &captures, &mut out, &mut spend)?;
                    }
                }
            }
            last_end = end;
            let next = haystack.after(search);
            search = if next > end { next } else { end };
        }
        out.extend_from_slice(haystack.slice(last_end, haystack.text.len()));
        Ok(out)
    }

    /// Writes a template with `$1`, `${1}`, `$name` replaced by groups.
    fn expand<E>(
        &self,
        template: &[u8],
        haystack: &Haystack<'_>,
        captures: &Captures,
        out: &mut Vec<u8>,
        spend: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<(), E> {
        spend(template.len())?;
        let mut rest = template;
        while let Some(dollar) = rest.iter().position(|byte| *byte == b'$') {
            let (before, after) = rest.split_at(dollar);
            out.extend_from_slice(before);
            let after = after.get(1..).unwrap_or_default();
            if let Some(after) = after.strip_prefix(b"$") {
                out.push(b'$');
                rest = after;
                continue;
            }
            let Some((name, after)) = group_name(after) else {
                // Malformed; the sign stands for itself.
                out.push(b'$');
                rest = after;
                continue;
            };
            rest = after;
            let group = match group_number(name) {
                Some(number) => captures.get_group(number),
                None => self
                    .names
                    .iter()
                    .enumerate()
                    .filter(|(_, known)| known.as_deref() == Some(name))
                    .find_map(|(index, _)| captures.get_group(index + 1)),
            };
            if let Some(span) = group {
                let text = haystack.slice(span.start, span.end);
                spend(text.len())?;
                out.extend_from_slice(text);
            }
        }
        out.extend_from_slice(rest);
        Ok(())
    }
}

/// What takes the place of a match.
#[derive(Debug, Clone, Copy)]
pub enum Replacement<'a> {
    /// This text.
    Literal(&'a [u8]),
    /// This text with groups filled in.
    Template(&'a [u8]),
}

/// The name after a dollar sign, in braces or as long as it goes, and the rest.
fn group_name(text: &[u8]) -> Option<(&str, &[u8])> {
    let in_braces = text.strip_prefix(b"{");
    let start = in_braces.unwrap_or(text);
    let valid = start.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let end = valid.find(|character| !class::is_word(character)).unwrap_or(valid.len());
    let name = valid.get(..end).filter(|name| !name.is_empty())?;
    let rest = start.get(end..).unwrap_or_default();
    let rest = if in_braces.is_some() { rest.strip_prefix(b"}")? } else { rest };
    Some((name, rest))
}

/// A name that is a number; one with a leading zero or too many digits is a name.
fn group_number(name: &str) -> Option<usize> {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0'));
    name.parse().ok().filter(|number: &usize| is_number && *number < 1_000_000_000)
}

/// The text with everything escaped that means something in a pattern.
pub fn quote_meta(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if br"\.+*?()|[]{}^$".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}
