//! From the text of a pattern to the syntax tree that the engine compiles, with the grammar, limits and errors of Go's
//! `regexp/syntax` in its Perl mode. The tree is the engine's own, so that nothing depends on how the two languages
//! spell a thing.

use std::rc::Rc;

use regex_syntax::hir::{Capture, Class, ClassUnicode, Hir, Look, Repetition};

use super::class;

/// What a pattern is made of.
pub(super) struct Pattern {
    pub(super) tree: Hir,
    /// Names of the groups, from group 1.
    pub(super) names: Vec<Option<String>>,
}

/// The largest count of a repetition, nested ones multiplied.
const MAX_REPEAT: u64 = 1000;
/// How deep expressions may nest.
const MAX_HEIGHT: u32 = 1000;
/// How many instructions Go lets a pattern have.
const MAX_SIZE: u64 = (128 << 20) / 40;

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    fold: bool,
    multi_line: bool,
    dot_all: bool,
    lazy: bool,
}

/// A finished part, with what the limits count.
struct Node {
    tree: Hir,
    height: u32,
    size: u64,
    /// The largest product of counts on a way down.
    repeats: u64,
}

/// An open group.
struct Group {
    alternatives: Vec<Node>,
    current: Vec<Node>,
    /// Its number; `None` if it only groups.
    number: Option<u32>,
    /// The flags to go back to.
    outer: Flags,
}

impl Group {
    fn new(number: Option<u32>, outer: Flags) -> Self {
        Self { alternatives: Vec::new(), current: Vec::new(), number, outer }
    }

    fn alternate(&mut self) {
        let parts = std::mem::take(&mut self.current);
        self.alternatives.push(joined(parts, Hir::concat, 0));
    }

    fn close(mut self) -> Node {
        self.alternate();
        joined(self.alternatives, Hir::alternation, 1)
    }
}

/// Several parts as one; `extra` is what each but the first costs besides itself.
fn joined(mut parts: Vec<Node>, join: fn(Vec<Hir>) -> Hir, extra: u64) -> Node {
    if parts.len() == 1
        && let Some(only) = parts.pop()
    {
        return only;
    }
    let height = 1 + parts.iter().map(|part| part.height).max().unwrap_or(0);
    let more = extra * u64::try_from(parts.len().saturating_sub(1)).unwrap_or(u64::MAX);
    let size = parts.iter().fold(more, |size, part| size.saturating_add(part.size)).max(1);
    let repeats = parts.iter().map(|part| part.repeats).max().unwrap_or(1);
    Node { tree: join(parts.into_iter().map(|part| part.tree).collect()), height, size, repeats }
}

/// Go's error for the part of the pattern between two places.
fn error(message: &str, expression: &str) -> String {
    format!("error parsing regexp: {message}: `{expression}`")
}

const INVALID_RANGE: &str = "invalid character class range";
const INVALID_REPEAT: &str = "invalid repeat count";

struct Parser<'a> {
    whole: &'a str,
    rest: &'a str,
    flags: Flags,
    /// Innermost last; the first is the pattern itself.
    groups: Vec<Group>,
    names: Vec<Option<String>>,
}

/// Reads a pattern.
///
/// # Errors
/// Go's words.
pub(super) fn parse(pattern: &[u8]) -> Result<Pattern, Rc<str>> {
    let whole = match std::str::from_utf8(pattern) {
        Ok(whole) => whole,
        Err(fault) => {
            let rest = pattern.get(fault.valid_up_to()..).unwrap_or_default();
            return Err(error("invalid UTF-8", &String::from_utf8_lossy(rest)).into());
        }
    };
    let parser = Parser {
        whole,
        rest: whole,
        flags: Flags::default(),
        groups: vec![Group::new(None, Flags::default())],
        names: Vec::new(),
    };
    parser.run().map_err(Into::into)
}

impl<'a> Parser<'a> {
    fn run(mut self) -> Result<Pattern, String> {
        // Where the repetition just before this place starts.
        let mut last_repeat = None;
        while let Some(next) = self.rest.chars().next() {
            let before = self.rest;
            let repeat = match next {
                '*' | '+' | '?' => {
                    self.advance(1);
                    let (min, max) = match next {
                        '*' => (0, None),
                        '+' => (1, None),
                        _ => (0, Some(1)),
                    };
                    self.repeat(before, last_repeat, min, max, next)?;
                    Some(before)
                }
                '{' => {
                    if let Some((min, max, rest)) = parse_counts(before) {
                        self.rest = rest;
                        let is_wrong = |count: u64| count > MAX_REPEAT;
                        if is_wrong(min) || max.is_some_and(|max| is_wrong(max) || min > max) {
                            return Err(error(INVALID_REPEAT, self.consumed(before)));
                        }
                        self.repeat(before, last_repeat, min, max, next)?;
                        Some(before)
                    } else {
                        self.advance(1);
                        self.literal(u32::from('{'))?;
                        None
                    }
                }
                _ => {
                    self.element(next)?;
                    None
                }
            };
            last_repeat = repeat;
        }
        let Some(whole) = self.groups.pop().filter(|_| self.groups.is_empty()) else {
            return Err(error("missing closing )", self.whole));
        };
        let node = whole.close();
        self.check(&node)?;
        Ok(Pattern { tree: node.tree, names: self.names })
    }

    /// Moves on by so many bytes of ASCII.
    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// What was read since the rest was `before`.
    fn consumed(&self, before: &'a str) -> &'a str {
        before.get(..before.len() - self.rest.len()).unwrap_or_default()
    }

    fn next_char(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next()?;
        self.rest = characters.as_str();
        Some(next)
    }

    fn check(&self, node: &Node) -> Result<(), String> {
        if node.size > MAX_SIZE {
            return Err(error("expression too large", self.whole));
        }
        if node.height > MAX_HEIGHT {
            return Err(error("expression nests too deeply", self.whole));
        }
        Ok(())
    }

    fn push(&mut self, node: Node) -> Result<(), String> {
        self.check(&node)?;
        if let Some(group) = self.groups.last_mut() {
            group.current.push(node);
        }
        Ok(())
    }

    fn push_leaf(&mut self, tree: Hir) -> Result<(), String> {
        self.push(Node { tree, height: 1, size: 1, repeats: 1 })
    }

    fn push_class(&mut self, class: ClassUnicode) -> Result<(), String> {
        self.push_leaf(Hir::class(Class::Unicode(class)))
    }

    fn literal(&mut self, code: u32) -> Result<(), String> {
        let fold = self.flags.fold;
        self.push_class(class::finished(class::range(code, code), fold, false))
    }

    /// Everything that is no repetition.
    fn element(&mut self, next: char) -> Result<(), String> {
        match next {
            '(' => self.open(),
            '|' => {
                self.advance(1);
                if let Some(group) = self.groups.last_mut() {
                    group.alternate();
                }
                Ok(())
            }
            ')' => self.close(),
            '^' => {
                self.advance(1);
                let look = if self.flags.multi_line { Look::StartLF } else { Look::Start };
                self.push_leaf(Hir::look(look))
            }
            '$' => {
                self.advance(1);
                let look = if self.flags.multi_line { Look::EndLF } else { Look::End };
                self.push_leaf(Hir::look(look))
            }
            '.' => {
                self.advance(1);
                let mut class = class::any();
                if !self.flags.dot_all {
                    class.difference(&class::range(u32::from('\n'), u32::from('\n')));
                }
                self.push_class(class)
            }
            '[' => self.class(),
            '\\' => self.escape(),
            _ => {
                self.next_char();
                self.literal(u32::from(next))
            }
        }
    }

    fn repeat(
        &mut self,
        before: &'a str,
        last_repeat: Option<&'a str>,
        min: u64,
        max: Option<u64>,
        operator: char,
    ) -> Result<(), String> {
        let mut lazy = self.flags.lazy;
        if self.rest.starts_with('?') {
            self.advance(1);
            lazy = !lazy;
        }
        if let Some(last) = last_repeat {
            return Err(error("invalid nested repetition operator", self.consumed(last)));
        }
        let consumed = self.consumed(before);
        let Some(node) = self.groups.last_mut().and_then(|group| group.current.pop()) else {
            return Err(error("missing argument to repetition operator", consumed));
        };
        let Node { tree, height, size, repeats } = node;
        let count = max.unwrap_or(min);
        let (size, repeats) = match (operator, max) {
            ('*', _) | ('{', None) if min == 0 => (2 + size, repeats),
            ('{', None) => (1_u64.saturating_add(min.saturating_mul(size)), repeats.saturating_mul(min)),
            ('{', Some(0)) => (1, 1),
            ('{', Some(max)) => (max.saturating_mul(size) + (max - min), repeats.saturating_mul(max)),
            _ => (1 + size, repeats),
        };
        let limit = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let repetition = Repetition { min: limit(min), max: max.map(limit), greedy: !lazy, sub: Box::new(tree) };
        let node = Node { tree: Hir::repetition(repetition), height: height + 1, size: size.max(1), repeats };
        let is_counted = operator == '{' && (min >= 2 || count >= 2);
        self.check(&node)?;
        if is_counted && node.repeats > MAX_REPEAT {
            return Err(error(INVALID_REPEAT, consumed));
        }
        self.push(node)
    }

    /// A parenthesis and what may stand right after it.
    fn open(&mut self) -> Result<(), String> {
        let before = self.rest;
        if !before.starts_with("(?") {
            self.advance(1);
            self.open_capture(None);
            return Ok(());
        }
        // Go looks for a name only if there is something behind the opening mark.
        let name_start = if before.len() > 4 && before.starts_with("(?P<") {
            Some(4)
        } else if before.len() > 3 && before.starts_with("(?<") {
            Some(3)
        } else {
            None
        };
        if let Some(start) = name_start {
            let invalid = |expression: &str| Err(error("invalid named capture", expression));
            let Some(end) = before.find('>') else { return invalid(before) };
            let name = before.get(start..end).unwrap_or_default();
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return invalid(before.get(..=end).unwrap_or_default());
            }
            self.open_capture(Some(name.to_owned()));
            self.rest = before.get(end + 1..).unwrap_or_default();
            return Ok(());
        }
        self.advance(2);
        self.flags_or_group(before)
    }

    fn open_capture(&mut self, name: Option<String>) {
        self.names.push(name);
        let number = u32::try_from(self.names.len()).ok();
        self.groups.push(Group::new(number, self.flags));
    }

    /// `(?i-s)` and `(?i-s:`.
    fn flags_or_group(&mut self, before: &'a str) -> Result<(), String> {
        let mut flags = self.flags;
        let (mut value, mut is_negative, mut saw_flag) = (true, false, false);
        while let Some(next) = self.next_char() {
            match next {
                'i' => (flags.fold, saw_flag) = (value, true),
                'm' => (flags.multi_line, saw_flag) = (value, true),
                's' => (flags.dot_all, saw_flag) = (value, true),
                'U' => (flags.lazy, saw_flag) = (value, true),
                '-' if !is_negative => (value, is_negative, saw_flag) = (false, true, false),
                ':' | ')' if !is_negative || saw_flag => {
                    if next == ':' {
                        self.groups.push(Group::new(None, self.flags));
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            }
        }
        Err(error("invalid or unsupported Perl syntax", self.consumed(before)))
    }

    fn close(&mut self) -> Result<(), String> {
        self.advance(1);
        if self.groups.len() < 2 {
            return Err(error("unexpected )", self.whole));
        }
        let Some(group) = self.groups.pop() else { return Ok(()) };
        self.flags = group.outer;
        let number = group.number;
        let node = group.close();
        self.check(&node)?;
        let Some(index) = number else { return self.push(node) };
        let capture = Capture { index, name: None, sub: Box::new(node.tree) };
        self.push(Node { tree: Hir::capture(capture), height: node.height + 1, size: node.size + 2, ..node })
    }

    /// A backslash outside of a class.
    fn escape(&mut self) -> Result<(), String> {
        let before = self.rest;
        let look = match before.as_bytes().get(1) {
            Some(b'A') => Some(Look::Start),
            Some(b'z') => Some(Look::End),
            Some(b'b') => Some(Look::WordAscii),
            Some(b'B') => Some(Look::WordAsciiNegate),
            Some(b'C') => return Err(error("invalid escape sequence", "\\C")),
            Some(b'Q') => {
                let literal = before.get(2..).unwrap_or_default();
                let (literal, rest) = literal.split_once("\\E").unwrap_or((literal, ""));
                self.rest = rest;
                return literal.chars().try_for_each(|character| self.literal(u32::from(character)));
            }
            _ => None,
        };
        if let Some(look) = look {
            self.advance(2);
            return self.push_leaf(Hir::look(look));
        }
        if let Some(class) = self.escaped_class()? {
            return self.push_class(class);
        }
        let code = self.escaped_char()?;
        self.literal(code)
    }

    /// `\d`, `\pL`, `\p{Han}` and the like.
    fn escaped_class(&mut self) -> Result<Option<ClassUnicode>, String> {
        let before = self.rest;
        let Some(letter) = before.strip_prefix('\\').and_then(|rest| rest.bytes().next()) else { return Ok(None) };
        if let Some((class, is_negated)) = class::perl(letter) {
            self.advance(2);
            return Ok(Some(class::finished(class, self.flags.fold, is_negated)));
        }
        if !matches!(letter, b'p' | b'P') {
            return Ok(None);
        }
        self.advance(2);
        let name = match self.next_char() {
            Some('{') => {
                let Some(end) = before.find('}') else { return Err(error(INVALID_RANGE, before)) };
                self.rest = before.get(end + 1..).unwrap_or_default();
                before.get(3..end).unwrap_or_default()
            }
            // At the end of the pattern Go's reader of characters returns none, of no width, and the name is empty.
            _ => self.consumed(before).get(2..).unwrap_or_default(),
        };
        let bare = name.strip_prefix('^');
        let is_negated = (letter == b'P') != bare.is_some();
        let Some((class, is_inverse)) = class::unicode(bare.unwrap_or(name), self.flags.fold) else {
            return Err(error(INVALID_RANGE, self.consumed(before)));
        };
        Ok(Some(class::finished(class, false, is_negated != is_inverse)))
    }

    /// A backslash that stands for one character.
    fn escaped_char(&mut self) -> Result<u32, String> {
        let before = self.rest;
        self.advance(1);
        let Some(next) = self.next_char() else {
            return Err(error("trailing backslash at end of expression", ""));
        };
        let is_octal = |text: &str| text.starts_with(|digit: char| ('0'..='7').contains(&digit));
        match next {
            '1'..='7' if !is_octal(self.rest) => {}
            '0'..='7' => {
                let mut code = u32::from(next) - u32::from('0');
                for _ in 1..3 {
                    let digit = self.rest.chars().next().and_then(|digit| digit.to_digit(8));
                    let Some(digit) = digit else { break };
                    code = code * 8 + digit;
                    self.advance(1);
                }
                return Ok(code);
            }
            'x' => {
                if let Some(code) = self.hexadecimal() {
                    return Ok(code);
                }
            }
            'a' => return Ok(7),
            'f' => return Ok(12),
            'n' => return Ok(10),
            'r' => return Ok(13),
            't' => return Ok(9),
            'v' => return Ok(11),
            _ if next.is_ascii() && !next.is_ascii_alphanumeric() => return Ok(u32::from(next)),
            _ => {}
        }
        Err(error("invalid escape sequence", self.consumed(before)))
    }

    /// What follows `\x`.
    fn hexadecimal(&mut self) -> Option<u32> {
        let first = self.next_char()?;
        if first != '{' {
            let high = first.to_digit(16);
            let low = self.next_char()?.to_digit(16);
            return Some(high? * 16 + low?);
        }
        let (mut code, mut is_empty) = (0_u32, true);
        loop {
            let next = self.next_char()?;
            if next == '}' {
                return Some(code).filter(|_| !is_empty);
            }
            code = code * 16 + next.to_digit(16)?;
            if code > u32::from(char::MAX) {
                return None;
            }
            is_empty = false;
        }
    }

    /// A class in brackets.
    fn class(&mut self) -> Result<(), String> {
        let before = self.rest;
        self.advance(1);
        let is_negated = self.rest.starts_with('^');
        if is_negated {
            self.advance(1);
        }
        let mut class = ClassUnicode::empty();
        let mut is_first = true;
        while is_first || !self.rest.starts_with(']') {
            is_first = false;
            if let Some(named) = self.posix_class()? {
                class.union(&named);
                continue;
            }
            if let Some(escaped) = self.escaped_class()? {
                class.union(&escaped);
                continue;
            }
            let start = self.rest;
            let first = self.class_char(before)?;
            let mut last = first;
            if self.rest.len() >= 2 && self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.advance(1);
                last = self.class_char(before)?;
                if last < first {
                    return Err(error(INVALID_RANGE, self.consumed(start)));
                }
            }
            class.union(&class::finished(class::range(first, last), self.flags.fold, false));
        }
        self.advance(1);
        self.push_class(class::finished(class, false, is_negated))
    }

    /// `[:alpha:]`
    fn posix_class(&mut self) -> Result<Option<ClassUnicode>, String> {
        let before = self.rest;
        let Some(inside) = before.strip_prefix("[:").filter(|inside| !inside.is_empty()) else { return Ok(None) };
        let Some((name, rest)) = inside.split_once(":]") else { return Ok(None) };
        self.rest = rest;
        let Some((class, is_negated)) = class::posix(name) else {
            return Err(error(INVALID_RANGE, self.consumed(before)));
        };
        Ok(Some(class::finished(class, self.flags.fold, is_negated)))
    }

    fn class_char(&mut self, class: &'a str) -> Result<u32, String> {
        if self.rest.starts_with('\\') {
            return self.escaped_char();
        }
        self.next_char().map(u32::from).ok_or_else(|| error("missing closing ]", class))
    }
}

/// `{2}`, `{2,}`, `{2,5}`; `None` if it is not one of them. Counts beyond all bounds come back as such.
fn parse_counts(text: &str) -> Option<(u64, Option<u64>, &str)> {
    let (min, rest) = parse_count(text.strip_prefix('{')?)?;
    let (max, rest) = match rest.strip_prefix(',') {
        None => (Some(min), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => {
            let (max, rest) = parse_count(rest)?;
            (Some(max), rest)
        }
    };
    Some((min, max, rest.strip_prefix('}')?))
}

fn parse_count(text: &str) -> Option<(u64, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((digits.parse().unwrap_or(u64::MAX), rest))
}
