//! The characters of a YAML document as tokens.
//!
//! Owns the lexical half of YAML 1.1: indentation, flow nesting, simple keys, directives, anchors and tags; the
//! three families of scalars are in `scalars`. Follows go-yaml v2 (which Helm reads values and manifests with)
//! rather than the YAML 1.1 text where the two differ: `?` ends a plain scalar inside brackets, a tag may hold
//! commas, a simple key spans at most 1024 characters, and a simple key that opens an empty flow collection is
//! forgotten. The general-purpose YAML crates read these differently or panic on some of them, and Helm's exact
//! reading and wording is what this room is for.
//!
//! The scanner is a cursor over text that is already known to be UTF-8. It never looks back, holds one token
//! queue, and does a bounded amount of work per character.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::error::Fault;
use super::input::Input;

/// A place in the text, counted from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark {
    /// Bytes from the start.
    pub(super) offset: usize,
    /// Characters from the start.
    pub(super) index: usize,
    /// Lines from the start.
    pub(super) line: usize,
    /// Characters from the start of the line.
    pub(super) column: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind<'a> {
    StreamStart,
    StreamEnd,
    VersionDirective { major: u8, minor: u8 },
    TagDirective { handle: String, prefix: String },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'a str),
    Anchor(&'a str),
    Tag { handle: String, suffix: String },
    Scalar { value: Cow<'a, str>, plain: bool },
}

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind<'a>,
    pub(super) start: Mark,
    pub(super) end: Mark,
}

/// A place where a key without `?` may have begun.
#[derive(Debug, Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    required: bool,
    token: usize,
    mark: Mark,
}

/// The longest a simple key may be, in characters.
const SIMPLE_KEY_LENGTH: usize = 1024;

/// Turns text into tokens, one call at a time.
pub(super) struct Scanner<'a> {
    pub(super) input: Input<'a>,
    pub(super) mark: Mark,
    pub(super) flow_level: usize,
    pub(super) simple_key_allowed: bool,
    /// The column of the innermost block collection, -1 outside of all.
    pub(super) indent: isize,
    indents: Vec<isize>,
    started: bool,
    pub(super) queue: VecDeque<Token<'a>>,
    /// How many tokens have left the queue.
    taken: usize,
    available: bool,
    /// One per flow level, the outermost first.
    simple_keys: Vec<SimpleKey>,
    /// For the token number `taken + i`: the flow level whose simple key may begin there.
    key_levels: VecDeque<Option<usize>>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(input: Input<'a>) -> Self {
        Self {
            input,
            mark: Mark::default(),
            flow_level: 0,
            simple_key_allowed: false,
            indent: -1,
            indents: Vec::new(),
            started: false,
            queue: VecDeque::with_capacity(8),
            taken: 0,
            available: false,
            simple_keys: Vec::new(),
            key_levels: VecDeque::with_capacity(8),
        }
    }

    /// The next token, which stays in the queue.
    pub(super) fn peek(&mut self) -> Result<&Token<'a>, Fault> {
        if !self.available {
            self.fetch_more()?;
        }
        // `fetch_more` leaves the queue filled; the stream's end is a token too and is handed out again.
        if self.queue.is_empty() {
            self.push(TokenKind::StreamEnd, self.mark);
        }
        Ok(&self.queue[0])
    }

    /// Takes the token that `peek` showed.
    pub(super) fn take(&mut self) -> Option<Token<'a>> {
        self.available = false;
        let token = self.queue.pop_front()?;
        self.taken += 1;
        self.key_levels.pop_front();
        Some(token)
    }

    // --- the queue ------------------------------------------------------------------------------------------

    pub(super) fn push(&mut self, kind: TokenKind<'a>, start: Mark) {
        self.queue.push_back(Token { kind, start, end: self.mark });
    }

    /// Puts a token before token number `number`; a number that was already taken means at the end.
    fn insert(&mut self, number: usize, kind: TokenKind<'a>, mark: Mark) {
        let token = Token { kind, start: mark, end: mark };
        match number.checked_sub(self.taken) {
            Some(position) if position <= self.queue.len() => self.queue.insert(position, token),
            _ => self.queue.push_back(token),
        }
    }

    fn fetch_more(&mut self) -> Result<(), Fault> {
        loop {
            if !self.queue.is_empty() {
                let Some(level) = self.key_levels.front().copied().flatten() else { break };
                if !self.is_key_possible(level)? {
                    break;
                }
            }
            self.fetch_next()?;
        }
        self.available = true;
        Ok(())
    }

    fn fetch_next(&mut self) -> Result<(), Fault> {
        self.ensure(1)?;
        if !self.started {
            self.started = true;
            self.simple_keys.push(SimpleKey::default());
            self.simple_key_allowed = true;
            self.push(TokenKind::StreamStart, self.mark);
            return Ok(());
        }
        self.skip_to_token()?;
        self.unroll_indent(isize::try_from(self.mark.column).unwrap_or(isize::MAX));
        self.ensure(4)?;
        if self.at_end() {
            return self.fetch_stream_end();
        }
        let first = self.byte(0);
        let column_zero = self.mark.column == 0;
        if column_zero && first == b'%' {
            return self.fetch_directive();
        }
        if column_zero && self.at_marker(b'-') {
            return self.fetch_document_indicator(TokenKind::DocumentStart);
        }
        if column_zero && self.at_marker(b'.') {
            return self.fetch_document_indicator(TokenKind::DocumentEnd);
        }
        let in_flow = self.flow_level > 0;
        match first {
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.fetch_indicator(TokenKind::FlowEntry);
                Ok(())
            }
            b'-' if self.is_blank_or_end(1) => self.fetch_block_entry(),
            b'?' if in_flow || self.is_blank_or_end(1) => self.fetch_key(),
            b':' if in_flow || self.is_blank_or_end(1) => self.fetch_value(),
            b'*' | b'&' => self.fetch_anchor(),
            b'!' => self.fetch_tag(),
            b'|' | b'>' if !in_flow => self.fetch_block_scalar(first == b'|'),
            b'\'' | b'"' => self.fetch_quoted_scalar(first == b'\''),
            b'\t' | b'#' | b'|' | b'>' | b'%' | b'@' | b'`' => Err(self.no_token()),
            b'?' | b':' if in_flow => Err(self.no_token()),
            _ => self.fetch_plain_scalar(),
        }
    }

    fn no_token(&self) -> Fault {
        self.fault(self.mark, "found character that cannot start any token")
    }

    fn skip_to_token(&mut self) -> Result<(), Fault> {
        loop {
            self.ensure(1)?;
            if self.mark.column == 0 && self.input.has_mark_at_window() {
                self.skip();
            }
            self.ensure(1)?;
            loop {
                let byte = self.byte(0);
                let tab_is_space = self.flow_level > 0 || !self.simple_key_allowed;
                if byte != b' ' && !(byte == b'\t' && tab_is_space) {
                    break;
                }
                self.skip();
                self.ensure(1)?;
            }
            self.skip_comment()?;
            if self.break_at(0) == 0 {
                return Ok(());
            }
            self.ensure(2)?;
            self.skip_break();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    // --- simple keys and indentation ------------------------------------------------------------------------

    fn is_key_possible(&mut self, level: usize) -> Result<bool, Fault> {
        let mark = self.mark;
        let Some(key) = self.simple_keys.get_mut(level) else { return Ok(false) };
        if !key.possible {
            return Ok(false);
        }
        if key.mark.line < mark.line || key.mark.index + SIMPLE_KEY_LENGTH < mark.index {
            if key.required {
                return Err(Fault::scanner("could not find expected ':'", mark, key.mark));
            }
            key.possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    pub(super) fn save_simple_key(&mut self) -> Result<(), Fault> {
        if !self.simple_key_allowed {
            return Ok(());
        }
        let required = self.flow_level == 0 && usize::try_from(self.indent).is_ok_and(|it| it == self.mark.column);
        let token = self.taken + self.queue.len();
        self.remove_simple_key()?;
        if let Some(key) = self.simple_keys.last_mut() {
            *key = SimpleKey { possible: true, required, token, mark: self.mark };
        }
        let level = self.simple_keys.len() - 1;
        self.set_key_level(token, Some(level));
        Ok(())
    }

    pub(super) fn remove_simple_key(&mut self) -> Result<(), Fault> {
        let Some(key) = self.simple_keys.last_mut() else { return Ok(()) };
        if !key.possible {
            return Ok(());
        }
        if key.required {
            return Err(Fault::scanner("could not find expected ':'", self.mark, key.mark));
        }
        key.possible = false;
        let token = key.token;
        self.set_key_level(token, None);
        Ok(())
    }

    fn set_key_level(&mut self, token: usize, level: Option<usize>) {
        let Some(position) = token.checked_sub(self.taken) else { return };
        if position >= self.key_levels.len() {
            if level.is_none() {
                return;
            }
            self.key_levels.resize(position + 1, None);
        }
        self.key_levels[position] = level;
    }

    fn roll_indent(&mut self, column: usize, number: Option<usize>, kind: TokenKind<'a>, mark: Mark) {
        let column = isize::try_from(column).unwrap_or(isize::MAX);
        if self.flow_level > 0 || self.indent >= column {
            return;
        }
        self.indents.push(self.indent);
        self.indent = column;
        self.insert(number.unwrap_or(usize::MAX), kind, mark);
    }

    pub(super) fn unroll_indent(&mut self, column: isize) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            self.push(TokenKind::BlockEnd, self.mark);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    // --- one function for each kind of token ----------------------------------------------------------------

    fn fetch_indicator(&mut self, kind: TokenKind<'a>) {
        let start = self.mark;
        self.skip();
        self.push(kind, start);
    }

    fn fetch_stream_end(&mut self) -> Result<(), Fault> {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push(TokenKind::StreamEnd, self.mark);
        Ok(())
    }

    fn fetch_document_indicator(&mut self, kind: TokenKind<'a>) -> Result<(), Fault> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark;
        for _ in 0..3 {
            self.skip();
        }
        self.push(kind, start);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: TokenKind<'a>) -> Result<(), Fault> {
        self.save_simple_key()?;
        // The new level's key bears the number of this very token; closing an empty collection therefore
        // forgets that a key may begin here (`[]: x` is no mapping to go-yaml).
        let token = self.taken + self.queue.len();
        self.simple_keys.push(SimpleKey { token, mark: self.mark, ..SimpleKey::default() });
        self.flow_level += 1;
        self.simple_key_allowed = true;
        self.fetch_indicator(kind);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: TokenKind<'a>) -> Result<(), Fault> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            if let Some(key) = self.simple_keys.pop() {
                self.set_key_level(key.token, None);
            }
        }
        self.simple_key_allowed = false;
        self.fetch_indicator(kind);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), Fault> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.fault(self.mark, "block sequence entries are not allowed in this context"));
            }
            self.roll_indent(self.mark.column, None, TokenKind::BlockSequenceStart, self.mark);
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.fetch_indicator(TokenKind::BlockEntry);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), Fault> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.fault(self.mark, "mapping keys are not allowed in this context"));
            }
            self.roll_indent(self.mark.column, None, TokenKind::BlockMappingStart, self.mark);
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.fetch_indicator(TokenKind::Key);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), Fault> {
        let level = self.simple_keys.len().saturating_sub(1);
        if self.is_key_possible(level)? {
            let key = self.simple_keys[level];
            self.insert(key.token, TokenKind::Key, key.mark);
            self.roll_indent(key.mark.column, Some(key.token), TokenKind::BlockMappingStart, key.mark);
            self.simple_keys[level].possible = false;
            self.set_key_level(key.token, None);
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return Err(self.fault(self.mark, "mapping values are not allowed in this context"));
                }
                self.roll_indent(self.mark.column, None, TokenKind::BlockMappingStart, self.mark);
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.fetch_indicator(TokenKind::Value);
        Ok(())
    }

    fn fetch_block_scalar(&mut self, literal: bool) -> Result<(), Fault> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        let token = self.scan_block_scalar(literal)?;
        self.queue.push_back(token);
        Ok(())
    }

    fn fetch_quoted_scalar(&mut self, single: bool) -> Result<(), Fault> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let token = self.scan_quoted_scalar(single)?;
        self.queue.push_back(token);
        Ok(())
    }

    fn fetch_plain_scalar(&mut self) -> Result<(), Fault> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let token = self.scan_plain_scalar()?;
        self.queue.push_back(token);
        Ok(())
    }
}
