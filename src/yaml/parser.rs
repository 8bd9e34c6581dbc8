//! Tokens as the events of a document's structure.
//!
//! Owns the grammar of YAML 1.1 as a machine with a stack of states, after go-yaml v2, whose error texts and
//! marks it keeps. Knows nothing of values.

use std::borrow::Cow;

use super::error::Fault;
use super::input::Input;
use super::scanner::{Mark, Scanner, TokenKind};

/// What happens next in a stream of documents.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum EventKind<'a> {
    StreamStart,
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias(&'a str),
    Scalar {
        anchor: Option<&'a str>,
        tag: Option<Cow<'static, str>>,
        value: Cow<'a, str>,
        /// Whether the value alone decides what it is: a plain scalar without a tag, or one with the tag `!`.
        implicit: bool,
    },
    SequenceStart {
        anchor: Option<&'a str>,
    },
    SequenceEnd,
    MappingStart {
        anchor: Option<&'a str>,
    },
    MappingEnd,
}

/// An event and the text it stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event<'a> {
    pub(super) kind: EventKind<'a>,
    pub(super) start: Mark,
    pub(super) end: Mark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    StreamStart,
    ImplicitDocumentStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceFirstEntry,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingFirstKey,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirstEntry,
    FlowSequenceEntry,
    FlowSequenceEntryMappingKey,
    FlowSequenceEntryMappingValue,
    FlowSequenceEntryMappingEnd,
    FlowMappingFirstKey,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingEmptyValue,
    End,
}

struct TagDirective {
    handle: String,
    prefix: String,
}

/// Turns text into events, one call at a time.
pub(super) struct Parser<'a> {
    scanner: Scanner<'a>,
    state: State,
    /// Where to go on after the node at hand.
    states: Vec<State>,
    /// Where the open collections began.
    marks: Vec<Mark>,
    tag_directives: Vec<TagDirective>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(input: Input<'a>) -> Self {
        Self {
            scanner: Scanner::new(input),
            state: State::StreamStart,
            states: Vec::new(),
            marks: Vec::new(),
            tag_directives: Vec::new(),
        }
    }

    /// The next event; `StreamEnd` again and again once the end was met.
    pub(super) fn next(&mut self) -> Result<Event<'a>, Fault> {
        match self.state {
            State::StreamStart => {
                let (start, end) = self.take()?;
                self.state = State::ImplicitDocumentStart;
                Ok(Event { kind: EventKind::StreamStart, start, end })
            }
            State::ImplicitDocumentStart => self.document_start(true),
            State::DocumentStart => self.document_start(false),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(true, false),
            State::BlockSequenceFirstEntry => self.block_sequence_entry(true),
            State::BlockSequenceEntry => self.block_sequence_entry(false),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingFirstKey => self.block_mapping_key(true),
            State::BlockMappingKey => self.block_mapping_key(false),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceFirstEntry => self.flow_sequence_entry(true),
            State::FlowSequenceEntry => self.flow_sequence_entry(false),
            State::FlowSequenceEntryMappingKey => self.flow_sequence_entry_mapping_key(),
            State::FlowSequenceEntryMappingValue => self.flow_sequence_entry_mapping_value(),
            State::FlowSequenceEntryMappingEnd => {
                let start = self.start()?;
                self.state = State::FlowSequenceEntry;
                Ok(Event { kind: EventKind::MappingEnd, start, end: start })
            }
            State::FlowMappingFirstKey => self.flow_mapping_key(true),
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(false),
            State::FlowMappingEmptyValue => self.flow_mapping_value(true),
            State::End => {
                let mark = self.scanner.mark;
                Ok(Event { kind: EventKind::StreamEnd, start: mark, end: mark })
            }
        }
    }

    fn kind(&mut self) -> Result<&TokenKind<'a>, Fault> {
        Ok(&self.scanner.peek()?.kind)
    }

    /// Where the next token begins.
    fn start(&mut self) -> Result<Mark, Fault> {
        Ok(self.scanner.peek()?.start)
    }

    /// Drops the next token; tells where it stood.
    fn take(&mut self) -> Result<(Mark, Mark), Fault> {
        self.scanner.peek()?;
        let mark = self.scanner.mark;
        Ok(self.scanner.take().map_or((mark, mark), |token| (token.start, token.end)))
    }

    fn pop_state(&mut self) -> State {
        self.states.pop().unwrap_or(State::End)
    }

    fn empty_scalar(mark: Mark) -> Event<'a> {
        let kind = EventKind::Scalar { anchor: None, tag: None, value: Cow::Borrowed(""), implicit: true };
        Event { kind, start: mark, end: mark }
    }

    /// An error about the next token, in the collection that was opened last.
    fn fault_in_collection(&mut self, problem: &'static str) -> Fault {
        let context = self.marks.pop().unwrap_or_default();
        match self.start() {
            Ok(mark) => Fault::parser(problem, mark, context),
            Err(fault) => fault,
        }
    }

    fn document_start(&mut self, implicit: bool) -> Result<Event<'a>, Fault> {
        if !implicit {
            while *self.kind()? == TokenKind::DocumentEnd {
                self.take()?;
            }
        }
        let start = self.start()?;
        let is_explicit = matches!(
            self.kind()?,
            TokenKind::VersionDirective { .. } | TokenKind::TagDirective { .. } | TokenKind::DocumentStart
        );
        if *self.kind()? == TokenKind::StreamEnd {
            let (start, end) = self.take()?;
            self.state = State::End;
            return Ok(Event { kind: EventKind::StreamEnd, start, end });
        }
        self.directives()?;
        self.states.push(State::DocumentEnd);
        if implicit && !is_explicit {
            self.state = State::BlockNode;
            return Ok(Event { kind: EventKind::DocumentStart, start, end: start });
        }
        if *self.kind()? != TokenKind::DocumentStart {
            let mark = self.start()?;
            return Err(Fault::parser("did not find expected <document start>", mark, Mark::default()));
        }
        let (_, end) = self.take()?;
        self.state = State::DocumentContent;
        Ok(Event { kind: EventKind::DocumentStart, start, end })
    }

    fn directives(&mut self) -> Result<(), Fault> {
        let mut has_version = false;
        loop {
            let mark = self.start()?;
            match self.kind()? {
                &TokenKind::VersionDirective { major, minor } => {
                    if has_version {
                        return Err(Fault::parser("found duplicate %YAML directive", mark, Mark::default()));
                    }
                    if (major, minor) != (1, 1) {
                        return Err(Fault::parser("found incompatible YAML document", mark, Mark::default()));
                    }
                    has_version = true;
                }
                TokenKind::TagDirective { handle, prefix } => {
                    let (handle, prefix) = (handle.clone(), prefix.clone());
                    if self.tag_directives.iter().any(|known| known.handle == handle) {
                        return Err(Fault::parser("found duplicate %TAG directive", mark, Mark::default()));
                    }
                    self.tag_directives.push(TagDirective { handle, prefix });
                }
                _ => return Ok(()),
            }
            self.take()?;
        }
    }

    fn document_content(&mut self) -> Result<Event<'a>, Fault> {
        let is_empty = matches!(
            self.kind()?,
            TokenKind::VersionDirective { .. }
                | TokenKind::TagDirective { .. }
                | TokenKind::DocumentStart
                | TokenKind::DocumentEnd
                | TokenKind::StreamEnd
        );
        if !is_empty {
            return self.node(true, false);
        }
        self.state = self.pop_state();
        Ok(Self::empty_scalar(self.start()?))
    }

    fn document_end(&mut self) -> Result<Event<'a>, Fault> {
        let start = self.start()?;
        let mut end = start;
        if *self.kind()? == TokenKind::DocumentEnd {
            (_, end) = self.take()?;
        }
        self.tag_directives.clear();
        self.state = State::DocumentStart;
        Ok(Event { kind: EventKind::DocumentEnd, start, end })
    }

    fn node(&mut self, block: bool, indentless_sequence: bool) -> Result<Event<'a>, Fault> {
        let start = self.start()?;
        if let TokenKind::Alias(name) = *self.kind()? {
            let (start, end) = self.take()?;
            self.state = self.pop_state();
            return Ok(Event { kind: EventKind::Alias(name), start, end });
        }
        // An anchor and a tag, each at most once, in either order.
        let mut anchor = None;
        let mut tag = None;
        let mut end = start;
        for _ in 0..2 {
            let mark = self.start()?;
            match self.kind()? {
                TokenKind::Anchor(name) if anchor.is_none() => anchor = Some(*name),
                TokenKind::Tag { handle, suffix } if tag.is_none() => {
                    let (handle, suffix) = (handle.clone(), suffix.clone());
                    tag = Some(self.resolve_tag(&handle, &suffix).ok_or_else(|| {
                        // The undefined handle is told of only after the token behind the properties was read.
                        Fault::parser("found undefined tag handle", mark, start)
                    }));
                }
                _ => break,
            }
            (_, end) = self.take()?;
        }
        self.start()?;
        let tag = tag.transpose()?.filter(|tag| !tag.is_empty());
        let next_end = self.scanner.peek()?.end;
        let kind = match self.kind()? {
            TokenKind::BlockEntry if indentless_sequence => {
                self.state = State::IndentlessSequenceEntry;
                EventKind::SequenceStart { anchor }
            }
            TokenKind::Scalar { .. } => {
                self.state = self.pop_state();
                let Some(TokenKind::Scalar { value, plain }) = self.scanner.take().map(|token| token.kind) else {
                    return Ok(Self::empty_scalar(start));
                };
                let implicit = plain && tag.is_none() || tag.as_deref() == Some("!");
                EventKind::Scalar { anchor, tag, value, implicit }
            }
            TokenKind::FlowSequenceStart => {
                self.state = State::FlowSequenceFirstEntry;
                EventKind::SequenceStart { anchor }
            }
            TokenKind::FlowMappingStart => {
                self.state = State::FlowMappingFirstKey;
                EventKind::MappingStart { anchor }
            }
            TokenKind::BlockSequenceStart if block => {
                self.state = State::BlockSequenceFirstEntry;
                EventKind::SequenceStart { anchor }
            }
            TokenKind::BlockMappingStart if block => {
                self.state = State::BlockMappingFirstKey;
                EventKind::MappingStart { anchor }
            }
            _ if anchor.is_some() || tag.is_some() => {
                self.state = self.pop_state();
                let implicit = tag.is_none();
                let kind = EventKind::Scalar { anchor, tag, value: Cow::Borrowed(""), implicit };
                return Ok(Event { kind, start, end });
            }
            _ => return Err(Fault::parser("did not find expected node content", self.start()?, start)),
        };
        Ok(Event { kind, start, end: next_end })
    }

    /// The full tag; `None` if its handle is not known.
    fn resolve_tag(&self, handle: &str, suffix: &str) -> Option<Cow<'static, str>> {
        if handle.is_empty() {
            return Some(Cow::Owned(suffix.to_owned()));
        }
        if let Some(known) = self.tag_directives.iter().find(|known| known.handle == handle) {
            return Some(Cow::Owned(format!("{}{suffix}", known.prefix)));
        }
        match handle {
            "!" => Some(Cow::Owned(format!("!{suffix}"))),
            "!!" => Some(match suffix {
                "str" => Cow::Borrowed("tag:yaml.org,2002:str"),
                _ => Cow::Owned(format!("tag:yaml.org,2002:{suffix}")),
            }),
            _ => None,
        }
    }

    fn block_sequence_entry(&mut self, first: bool) -> Result<Event<'a>, Fault> {
        if first {
            let (mark, _) = self.take()?;
            self.marks.push(mark);
        }
        match self.kind()? {
            TokenKind::BlockEntry => {
                let (_, mark) = self.take()?;
                if matches!(self.kind()?, TokenKind::BlockEntry | TokenKind::BlockEnd) {
                    self.state = State::BlockSequenceEntry;
                    return Ok(Self::empty_scalar(mark));
                }
                self.states.push(State::BlockSequenceEntry);
                self.node(true, false)
            }
            TokenKind::BlockEnd => self.collection_end(EventKind::SequenceEnd),
            _ => Err(self.fault_in_collection("did not find expected '-' indicator")),
        }
    }

    fn collection_end(&mut self, kind: EventKind<'a>) -> Result<Event<'a>, Fault> {
        self.state = self.pop_state();
        self.marks.pop();
        let (start, end) = self.take()?;
        Ok(Event { kind, start, end })
    }

    fn indentless_sequence_entry(&mut self) -> Result<Event<'a>, Fault> {
        if *self.kind()? != TokenKind::BlockEntry {
            self.state = self.pop_state();
            let mark = self.start()?;
            return Ok(Event { kind: EventKind::SequenceEnd, start: mark, end: mark });
        }
        let (_, mark) = self.take()?;
        if matches!(self.kind()?, TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd) {
            self.state = State::IndentlessSequenceEntry;
            return Ok(Self::empty_scalar(mark));
        }
        self.states.push(State::IndentlessSequenceEntry);
        self.node(true, false)
    }

    fn block_mapping_key(&mut self, first: bool) -> Result<Event<'a>, Fault> {
        if first {
            let (mark, _) = self.take()?;
            self.marks.push(mark);
        }
        match self.kind()? {
            TokenKind::Key => {
                let (_, mark) = self.take()?;
                self.block_mapping_node(mark, State::BlockMappingValue)
            }
            TokenKind::BlockEnd => self.collection_end(EventKind::MappingEnd),
            _ => Err(self.fault_in_collection("did not find expected key")),
        }
    }

    fn block_mapping_value(&mut self) -> Result<Event<'a>, Fault> {
        if *self.kind()? == TokenKind::Value {
            let (_, mark) = self.take()?;
            return self.block_mapping_node(mark, State::BlockMappingKey);
        }
        self.state = State::BlockMappingKey;
        Ok(Self::empty_scalar(self.start()?))
    }

    /// What follows `?` or `:` in a block mapping: a node, or nothing.
    fn block_mapping_node(&mut self, mark: Mark, then: State) -> Result<Event<'a>, Fault> {
        if matches!(self.kind()?, TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd) {
            self.state = then;
            return Ok(Self::empty_scalar(mark));
        }
        self.states.push(then);
        self.node(true, true)
    }

    fn flow_sequence_entry(&mut self, first: bool) -> Result<Event<'a>, Fault> {
        if first {
            let (mark, _) = self.take()?;
            self.marks.push(mark);
        }
        if *self.kind()? != TokenKind::FlowSequenceEnd {
            if !first {
                if *self.kind()? != TokenKind::FlowEntry {
                    return Err(self.fault_in_collection("did not find expected ',' or ']'"));
                }
                self.take()?;
            }
            if *self.kind()? == TokenKind::Key {
                self.state = State::FlowSequenceEntryMappingKey;
                let (start, end) = self.take()?;
                return Ok(Event { kind: EventKind::MappingStart { anchor: None }, start, end });
            }
            if *self.kind()? != TokenKind::FlowSequenceEnd {
                self.states.push(State::FlowSequenceEntry);
                return self.node(false, false);
            }
        }
        self.collection_end(EventKind::SequenceEnd)
    }

    fn flow_sequence_entry_mapping_key(&mut self) -> Result<Event<'a>, Fault> {
        let is_empty = matches!(self.kind()?, TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd);
        if !is_empty {
            self.states.push(State::FlowSequenceEntryMappingValue);
            return self.node(false, false);
        }
        // go-yaml drops the token here, whatever it is.
        let (_, mark) = self.take()?;
        self.state = State::FlowSequenceEntryMappingValue;
        Ok(Self::empty_scalar(mark))
    }

    fn flow_sequence_entry_mapping_value(&mut self) -> Result<Event<'a>, Fault> {
        let mark = self.start()?;
        if *self.kind()? == TokenKind::Value {
            self.take()?;
            if !matches!(self.kind()?, TokenKind::FlowEntry | TokenKind::FlowSequenceEnd) {
                self.states.push(State::FlowSequenceEntryMappingEnd);
                return self.node(false, false);
            }
        }
        self.state = State::FlowSequenceEntryMappingEnd;
        Ok(Self::empty_scalar(mark))
    }

    fn flow_mapping_key(&mut self, first: bool) -> Result<Event<'a>, Fault> {
        if first {
            let (mark, _) = self.take()?;
            self.marks.push(mark);
        }
        if *self.kind()? != TokenKind::FlowMappingEnd {
            if !first {
                if *self.kind()? != TokenKind::FlowEntry {
                    return Err(self.fault_in_collection("did not find expected ',' or '}'"));
                }
                self.take()?;
            }
            if *self.kind()? == TokenKind::Key {
                self.take()?;
                let is_empty =
                    matches!(self.kind()?, TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd);
                if is_empty {
                    self.state = State::FlowMappingValue;
                    return Ok(Self::empty_scalar(self.start()?));
                }
                self.states.push(State::FlowMappingValue);
                return self.node(false, false);
            }
            if *self.kind()? != TokenKind::FlowMappingEnd {
                self.states.push(State::FlowMappingEmptyValue);
                return self.node(false, false);
            }
        }
        self.collection_end(EventKind::MappingEnd)
    }

    fn flow_mapping_value(&mut self, empty: bool) -> Result<Event<'a>, Fault> {
        if !empty && *self.kind()? == TokenKind::Value {
            self.take()?;
            if !matches!(self.kind()?, TokenKind::FlowEntry | TokenKind::FlowMappingEnd) {
                self.states.push(State::FlowMappingKey);
                return self.node(false, false);
            }
        }
        self.state = State::FlowMappingKey;
        Ok(Self::empty_scalar(self.start()?))
    }
}
