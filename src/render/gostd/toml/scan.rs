//! From text to items. A machine of states with a stack of where to go on: an item is found when it is asked for, so
//! that an error later in the text does not hide one that the parser finds before.

use std::collections::VecDeque;

use crate::unicode::is_letter;
use crate::yaml::number::{quote, quote_char};

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    End,
    /// A bare key, or a comment.
    Text,
    String,
    EscapedString,
    RawString,
    MultilineString,
    RawMultilineString,
    Bool,
    Integer,
    Float,
    Time,
    ArrayStart,
    ArrayEnd,
    TableStart,
    TableEnd,
    ArrayTableStart,
    ArrayTableEnd,
    KeyStart,
    KeyEnd,
    CommentStart,
    InlineTableStart,
    InlineTableEnd,
}

/// A piece of the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a [u8],
    /// The line on which it ends.
    pub(super) line: usize,
}

/// An error and its line.
#[derive(Debug, Clone)]
pub(super) struct ScanError {
    pub(super) message: String,
    pub(super) line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Top,
    TopEnd,
    TableStart,
    TableEnd,
    ArrayTableEnd,
    TableNameStart,
    TableNameEnd,
    BareName,
    QuotedName,
    KeyStart,
    KeyNameStart,
    KeyEnd,
    Value,
    ArrayValue,
    ArrayValueEnd,
    InlineValue,
    InlineValueEnd,
    String,
    RawString,
    MultilineString,
    RawMultilineString,
    NumberOrDate,
    Time,
    Decimal,
    Digits(u8),
    Float,
    Comment,
}

/// The character at the end of the text; the text itself cannot have it.
const END: char = '\0';

pub(super) struct Scanner<'a> {
    input: &'a [u8],
    start: usize,
    place: usize,
    line: usize,
    at_end: bool,
    /// Places before the last characters that were read.
    trail: Vec<usize>,
    state: State,
    stack: Vec<State>,
    items: VecDeque<Result<Item<'a>, ScanError>>,
    has_escape: bool,
}

/// Stops a state: its error is among the items.
struct Stop;

type Step = Result<State, Stop>;

const fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

const fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r')
}

const fn is_bare(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

fn is_digit_of(character: char, base: u8) -> bool {
    character.is_digit(u32::from(base))
}

fn or_end(character: char) -> String {
    if character == END { "end of file".to_owned() } else { format!("'{character}'") }
}

impl<'a> Scanner<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self {
            input,
            start: 0,
            place: 0,
            line: 1,
            at_end: false,
            trail: Vec::new(),
            state: State::Top,
            stack: Vec::new(),
            items: VecDeque::new(),
            has_escape: false,
        }
    }

    /// The next item.
    pub(super) fn item(&mut self) -> Result<Item<'a>, ScanError> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return item;
            }
            if let Ok(state) = self.step() {
                self.state = state;
            }
        }
    }

    fn current(&self) -> &'a [u8] {
        self.input.get(self.start..self.place).unwrap_or_default()
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(self.current()).into_owned()
    }

    fn emit(&mut self, kind: Kind) {
        self.items.push_back(Ok(Item { kind, text: self.current(), line: self.line }));
        self.ignore();
    }

    const fn ignore(&mut self) {
        self.start = self.place;
    }

    fn fail_at<T>(&mut self, line: usize, message: String) -> Result<T, Stop> {
        self.items.push_back(Err(ScanError { message, line }));
        Err(Stop)
    }

    /// An error here; at the end of the text on the last line that has something.
    fn fail<T>(&mut self, message: impl Into<String>) -> Result<T, Stop> {
        let after_line_end = self.at_end && self.place >= 1 && self.input.get(self.place - 1) == Some(&b'\n');
        self.fail_at(self.line - usize::from(after_line_end), message.into())
    }

    /// An error that belongs to the line before.
    fn fail_before<T>(&mut self, message: impl Into<String>) -> Result<T, Stop> {
        self.fail_at(self.line.saturating_sub(1), message.into())
    }

    fn next(&mut self) -> Result<char, Stop> {
        let rest = self.input.get(self.place..).unwrap_or_default();
        let Some(first) = rest.first() else {
            self.at_end = true;
            return Ok(END);
        };
        if *first == b'\n' {
            self.line += 1;
        }
        let head = rest.get(..4).unwrap_or(rest);
        let chunk = head.utf8_chunks().next();
        let Some(character) = chunk.and_then(|chunk| chunk.valid().chars().next()) else {
            let line = self.line;
            return self.fail_at(line, format!("invalid UTF-8 byte: 0x{first:02x}"));
        };
        let lone_return = character == '\r' && rest.get(1) != Some(&b'\n');
        if lone_return || (character.is_ascii_control() && !matches!(character, '\t' | '\r' | '\n')) {
            let line = self.line;
            let code = u32::from(character);
            return self.fail_at(line, format!("TOML files cannot contain control characters: '0x{code:02x}'"));
        }
        if self.trail.len() == 8 {
            self.trail.remove(0);
        }
        self.trail.push(self.place);
        self.place += character.len_utf8();
        Ok(character)
    }

    fn back(&mut self) {
        if self.at_end {
            self.at_end = false;
            return;
        }
        if let Some(place) = self.trail.pop() {
            self.place = place;
            if self.input.get(place) == Some(&b'\n') {
                self.line -= 1;
            }
        }
    }

    fn peek(&mut self) -> Result<char, Stop> {
        let character = self.next()?;
        self.back();
        Ok(character)
    }

    fn accept(&mut self, wanted: char) -> Result<bool, Stop> {
        let found = self.next()? == wanted;
        if !found {
            self.back();
        }
        Ok(found)
    }

    fn skip_spaces(&mut self) -> Result<(), Stop> {
        while is_space(self.next()?) {}
        self.back();
        self.ignore();
        Ok(())
    }

    fn pop(&mut self) -> State {
        self.stack.pop().unwrap_or(State::Top)
    }

    /// A comment, and then on with `state`.
    fn comment(&mut self, state: State) -> State {
        self.stack.push(state);
        self.ignore();
        self.emit(Kind::CommentStart);
        State::Comment
    }

    fn step(&mut self) -> Step {
        match self.state {
            State::Top => self.top(),
            State::TopEnd => self.top_end(),
            State::TableStart => {
                if self.peek()? == '[' {
                    self.next()?;
                    self.emit(Kind::ArrayTableStart);
                    self.stack.push(State::ArrayTableEnd);
                } else {
                    self.emit(Kind::TableStart);
                    self.stack.push(State::TableEnd);
                }
                Ok(State::TableNameStart)
            }
            State::TableEnd => {
                self.emit(Kind::TableEnd);
                Ok(State::TopEnd)
            }
            State::ArrayTableEnd => match self.next()? {
                ']' => {
                    self.emit(Kind::ArrayTableEnd);
                    Ok(State::TopEnd)
                }
                other => self.fail(format!(
                    "expected end of table array name delimiter ']', but got {} instead",
                    quote_char(other)
                )),
            },
            State::TableNameStart => {
                self.skip_spaces()?;
                match self.peek()? {
                    ']' | END => self.fail("unexpected end of table name (table names cannot be empty)"),
                    '.' => self.fail("unexpected table separator (table names cannot be empty)"),
                    first => {
                        self.stack.push(State::TableNameEnd);
                        Ok(if matches!(first, '"' | '\'') { State::QuotedName } else { State::BareName })
                    }
                }
            }
            State::TableNameEnd => {
                self.skip_spaces()?;
                match self.next()? {
                    '.' => {
                        self.ignore();
                        Ok(State::TableNameStart)
                    }
                    ']' => Ok(self.pop()),
                    other => self
                        .fail(format!("expected '.' or ']' to end table name, but got {} instead", quote_char(other))),
                }
            }
            State::BareName => {
                while is_bare(self.next()?) {}
                self.back();
                self.emit(Kind::Text);
                Ok(self.pop())
            }
            State::QuotedName => {
                let is_raw = self.next()? == '\'';
                self.ignore();
                Ok(if is_raw { State::RawString } else { State::String })
            }
            State::KeyStart => {
                self.skip_spaces()?;
                match self.peek()? {
                    '=' | END => self.fail("unexpected '=': key name appears blank"),
                    '.' => self.fail("unexpected '.': keys cannot start with a '.'"),
                    _ => {
                        self.emit(Kind::KeyStart);
                        Ok(State::KeyNameStart)
                    }
                }
            }
            State::KeyNameStart => {
                self.skip_spaces()?;
                match self.peek()? {
                    '=' | END => self.fail("unexpected '='"),
                    '.' => self.fail("unexpected '.'"),
                    first => {
                        self.stack.push(State::KeyEnd);
                        Ok(if matches!(first, '"' | '\'') { State::QuotedName } else { State::BareName })
                    }
                }
            }
            State::KeyEnd => self.key_end(),
            State::Value => self.value(),
            State::ArrayValue => match self.next()? {
                next if is_space(next) || is_line_end(next) => {
                    self.ignore();
                    Ok(State::ArrayValue)
                }
                '#' => Ok(self.comment(State::ArrayValue)),
                ',' => self.fail("unexpected comma"),
                ']' => Ok(self.close(Kind::ArrayEnd)),
                _ => {
                    self.back();
                    self.stack.push(State::ArrayValueEnd);
                    Ok(State::Value)
                }
            },
            State::ArrayValueEnd => match self.next()? {
                next if is_space(next) || is_line_end(next) => {
                    self.ignore();
                    Ok(State::ArrayValueEnd)
                }
                '#' => Ok(self.comment(State::ArrayValueEnd)),
                ',' => {
                    self.ignore();
                    Ok(State::ArrayValue)
                }
                ']' => Ok(self.close(Kind::ArrayEnd)),
                other => {
                    let other = or_end(other);
                    self.fail(format!("expected a comma (',') or array terminator (']'), but got {other}"))
                }
            },
            State::InlineValue => match self.next()? {
                next if is_space(next) || is_line_end(next) => {
                    self.ignore();
                    Ok(State::InlineValue)
                }
                '#' => Ok(self.comment(State::InlineValue)),
                ',' => self.fail("unexpected comma"),
                '}' => Ok(self.close(Kind::InlineTableEnd)),
                _ => {
                    self.back();
                    self.stack.push(State::InlineValueEnd);
                    Ok(State::KeyStart)
                }
            },
            State::InlineValueEnd => self.inline_value_end(),
            State::String => self.string(),
            State::RawString => self.raw_string(),
            State::MultilineString => self.multiline('"'),
            State::RawMultilineString => self.multiline('\''),
            State::NumberOrDate => self.number_or_date(),
            State::Time => {
                while matches!(self.next()?, '0'..='9' | '-' | ':' | 'T' | 't' | ' ' | '.' | 'Z' | 'z' | '+') {}
                self.back();
                let text = self.current().trim_ascii();
                self.items.push_back(Ok(Item { kind: Kind::Time, text, line: self.line }));
                self.ignore();
                Ok(self.pop())
            }
            State::Decimal => loop {
                match self.next()? {
                    '0'..='9' | '_' => {}
                    '.' | 'e' | 'E' => return Ok(State::Float),
                    _ => return Ok(self.finish(Kind::Integer)),
                }
            },
            State::Digits(base) => {
                while matches!(self.next()?, next if is_digit_of(next, base) || next == '_') {}
                Ok(self.finish(Kind::Integer))
            }
            State::Float => {
                while matches!(self.next()?, '0'..='9' | '_' | '.' | '-' | '+' | 'e' | 'E') {}
                Ok(self.finish(Kind::Float))
            }
            State::Comment => {
                while !matches!(self.next()?, '\n' | '\r' | END) {}
                Ok(self.finish(Kind::Text))
            }
        }
    }

    /// Gives the last character back, emits, and goes on where it was before.
    fn finish(&mut self, kind: Kind) -> State {
        self.back();
        self.emit(kind);
        self.pop()
    }

    /// The end of an array or a table.
    fn close(&mut self, kind: Kind) -> State {
        self.ignore();
        self.emit(kind);
        self.pop()
    }

    fn top(&mut self) -> Step {
        match self.next()? {
            next if is_space(next) || is_line_end(next) => {
                self.ignore();
                Ok(State::Top)
            }
            '#' => Ok(self.comment(State::Top)),
            '[' => Ok(State::TableStart),
            END => {
                self.emit(Kind::End);
                Ok(State::Top)
            }
            _ => {
                self.back();
                self.stack.push(State::TopEnd);
                Ok(State::KeyStart)
            }
        }
    }

    fn top_end(&mut self) -> Step {
        match self.next()? {
            '#' => Ok(self.comment(State::Top)),
            next if is_space(next) => Ok(State::TopEnd),
            next if is_line_end(next) => {
                self.ignore();
                Ok(State::Top)
            }
            END => {
                self.emit(Kind::End);
                Ok(State::TopEnd)
            }
            other => self.fail(format!(
                "expected a top-level item to end with a newline, comment, or EOF, but got {} instead",
                quote_char(other)
            )),
        }
    }

    fn key_end(&mut self) -> Step {
        self.skip_spaces()?;
        match self.next()? {
            END => self.fail("unexpected EOF; expected key separator '='"),
            '.' => {
                self.ignore();
                Ok(State::KeyNameStart)
            }
            '=' => {
                self.emit(Kind::KeyEnd);
                self.ignore();
                Ok(State::Value)
            }
            other => {
                let message = format!("expected '.' or '=', but got {} instead", quote_char(other));
                if other == '\n' { self.fail_before(message) } else { self.fail(message) }
            }
        }
    }

    fn value(&mut self) -> Step {
        let first = self.next()?;
        match first {
            ' ' | '\t' => {
                self.ignore();
                return Ok(State::Value);
            }
            '0'..='9' => return self.number(first),
            '[' => {
                self.ignore();
                self.emit(Kind::ArrayStart);
                return Ok(State::ArrayValue);
            }
            '{' => {
                self.ignore();
                self.emit(Kind::InlineTableStart);
                return Ok(State::InlineValue);
            }
            '"' | '\'' => {
                let is_raw = first == '\'';
                if self.accept(first)? {
                    if self.accept(first)? {
                        self.ignore();
                        return Ok(if is_raw { State::RawMultilineString } else { State::MultilineString });
                    }
                    self.back();
                }
                self.ignore();
                return Ok(if is_raw { State::RawString } else { State::String });
            }
            '.' => return self.fail("floats must start with a digit, not '.'"),
            'i' | 'n' => {
                let is_infinite = self.accept('n')? && self.accept('f')?;
                if is_infinite || (self.accept('a')? && self.accept('n')?) {
                    self.emit(Kind::Float);
                    return Ok(self.pop());
                }
            }
            '-' | '+' => return self.signed(),
            _ => {}
        }
        if is_letter(first) {
            self.back();
            return self.word();
        }
        let message = format!("expected value but found {} instead", quote_char(first));
        match first {
            END => self.fail("unexpected EOF; expected value"),
            '\n' => self.fail_before(message),
            _ => self.fail(message),
        }
    }

    /// `true` or `false`; other words are told whole.
    fn word(&mut self) -> Step {
        let start = self.place;
        while is_letter(self.next()?) {}
        self.back();
        let word = self.input.get(start..self.place).unwrap_or_default();
        if matches!(word, b"true" | b"false") {
            self.emit(Kind::Bool);
            return Ok(self.pop());
        }
        let word = quote(&String::from_utf8_lossy(word));
        self.fail(format!("expected value but found {word} instead"))
    }

    /// A number or a date by its first digit.
    fn number(&mut self, first: char) -> Step {
        if first != '0' {
            return Ok(State::NumberOrDate);
        }
        let (base, name) = match self.next()? {
            '0'..='9' => return Ok(State::NumberOrDate),
            '_' => return Ok(State::Decimal),
            '.' | 'e' | 'E' => return Ok(State::Float),
            'b' => (2, "a binary"),
            'o' => (8, "an octal"),
            'x' => (16, "a hexadecimal"),
            _ => return Ok(self.finish(Kind::Integer)),
        };
        let next = self.peek()?;
        if !is_digit_of(next, base) {
            let shown = self.shown();
            return self.fail(format!("not {name} number: '{shown}{next}'"));
        }
        Ok(State::Digits(base))
    }

    fn number_or_date(&mut self) -> Step {
        loop {
            match self.next()? {
                '0'..='9' => {}
                '-' | ':' => return Ok(State::Time),
                '_' => return Ok(State::Decimal),
                '.' | 'e' | 'E' => return Ok(State::Float),
                _ => return Ok(self.finish(Kind::Integer)),
            }
        }
    }

    /// What follows a sign.
    fn signed(&mut self) -> Step {
        let first = self.next()?;
        match first {
            'i' | 'n' => {
                let (second, third) = if first == 'i' { ('n', 'f') } else { ('a', 'n') };
                if !self.accept(second)? || !self.accept(third)? {
                    let shown = self.shown();
                    return self.fail(format!("invalid float: '{shown}'"));
                }
                self.emit(Kind::Float);
                return Ok(self.pop());
            }
            '0' => {
                let next = self.peek()?;
                if matches!(next, 'b' | 'o' | 'x') {
                    let shown = self.shown();
                    return self.fail(format!("cannot use sign with non-decimal numbers: '{shown}{next}'"));
                }
            }
            '.' => return self.fail("floats must start with a digit, not '.'"),
            _ => {}
        }
        if first.is_ascii_digit() {
            return Ok(State::Decimal);
        }
        self.fail(format!("expected a digit but got {}", quote_char(first)))
    }

    fn inline_value_end(&mut self) -> Step {
        match self.next()? {
            next if is_space(next) || is_line_end(next) => {
                self.ignore();
                Ok(State::InlineValueEnd)
            }
            '#' => Ok(self.comment(State::InlineValueEnd)),
            ',' => {
                self.ignore();
                self.skip_spaces()?;
                Ok(if self.peek()? == '}' { State::InlineValueEnd } else { State::InlineValue })
            }
            '}' => Ok(self.close(Kind::InlineTableEnd)),
            other => {
                let other = or_end(other);
                self.fail(format!("expected a comma or an inline table terminator '}}', but got {other} instead"))
            }
        }
    }

    fn string(&mut self) -> Step {
        loop {
            match self.next()? {
                END => return self.fail("unexpected EOF; expected '\"'"),
                next if is_line_end(next) => return self.fail_before("strings cannot contain newlines"),
                '\\' => self.escape()?,
                '"' => {
                    self.back();
                    let has_escape = std::mem::take(&mut self.has_escape);
                    self.emit(if has_escape { Kind::EscapedString } else { Kind::String });
                    self.next()?;
                    self.ignore();
                    return Ok(self.pop());
                }
                _ => {}
            }
        }
    }

    fn raw_string(&mut self) -> Step {
        loop {
            match self.next()? {
                END => return self.fail("unexpected EOF; expected \"'\""),
                next if is_line_end(next) => return self.fail_before("strings cannot contain newlines"),
                '\'' => {
                    self.back();
                    self.emit(Kind::RawString);
                    self.next()?;
                    self.ignore();
                    return Ok(self.pop());
                }
                _ => {}
            }
        }
    }

    /// A string over several lines; one or two quotes more may stand before its end.
    fn multiline(&mut self, quote: char) -> Step {
        let is_raw = quote == '\'';
        loop {
            match self.next()? {
                END if is_raw => return self.fail("unexpected EOF; expected \"'''\""),
                END => return self.fail("unexpected EOF; expected '\"\"\"'"),
                '\\' if !is_raw && !is_line_end(self.next()?) => {
                    self.back();
                    self.escape()?;
                }
                next if next == quote => {
                    if !self.accept(quote)? {
                        continue;
                    }
                    if !self.accept(quote)? {
                        self.back();
                        continue;
                    }
                    if self.peek()? == quote {
                        let current = self.current();
                        if is_raw && current.ends_with(b"'''''") {
                            return self.fail("unexpected \"''''''\"");
                        }
                        if !is_raw && current.ends_with(b"\"\"\"\"\"") && !current.ends_with(b"\\\"\"\"\"\"") {
                            return self.fail("unexpected '\"\"\"\"\"\"'");
                        }
                        self.back();
                        self.back();
                        continue;
                    }
                    self.back();
                    self.back();
                    self.back();
                    self.has_escape = false;
                    self.emit(if is_raw { Kind::RawMultilineString } else { Kind::MultilineString });
                    self.next()?;
                    self.next()?;
                    self.next()?;
                    self.ignore();
                    return Ok(self.pop());
                }
                _ => {}
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<(), Stop> {
        self.has_escape = true;
        let (count, name) = match self.next()? {
            'e' | 'b' | 't' | 'n' | 'f' | 'r' | '"' | ' ' | '\t' | '\\' => return Ok(()),
            'x' => (2, "two hexadecimal digits after '\\x'"),
            'u' => (4, "four hexadecimal digits after '\\u'"),
            'U' => (8, "eight hexadecimal digits after '\\U'"),
            other => {
                let message = format!("invalid escape in string '\\{other}'");
                return if self.at_end { self.fail_before(message) } else { self.fail(message) };
            }
        };
        for _ in 0..count {
            if !self.next()?.is_ascii_hexdigit() {
                let shown = quote(&self.shown());
                return self.fail(format!("expected {name}, but got {shown} instead"));
            }
        }
        Ok(())
    }
}
