//! From a template's text to tokens.
//!
//! Owns delimiters, trim markers, comments and what a token looks like; whether tokens make sense together is the
//! parser's business, and so is what literals mean. The rules are those of Go's `text/template/parse` lexer: what is
//! outside of `{{` and `}}` is text, space inside separates arguments and is a token of its own.

use crate::unicode;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something that is no token; [`Lexer::error`] says why. Nothing follows.
    Error,
    /// `true` or `false`.
    Bool,
    /// A printable ASCII character that means nothing by itself, such as the comma.
    Char,
    CharConstant,
    /// `1+2i`; a number that is only imaginary is a [`Number`](Self::Number).
    Complex,
    /// `=`
    Assign,
    /// `:=`
    Declare,
    Eof,
    /// A name after a point, the point included.
    Field,
    Identifier,
    LeftDelimiter,
    LeftParen,
    Number,
    Pipe,
    /// Text in backquotes, these included.
    RawString,
    RightDelimiter,
    RightParen,
    Space,
    /// Text in double quotes, these included.
    String,
    Text,
    /// A name after a dollar sign, which is included and may stand alone.
    Variable,
    Block,
    Break,
    Continue,
    /// The point alone.
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl Kind {
    /// Whether it is a word of the language (the point counts as one).
    pub(super) const fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Block
                | Self::Break
                | Self::Continue
                | Self::Dot
                | Self::Define
                | Self::Else
                | Self::End
                | Self::If
                | Self::Nil
                | Self::Range
                | Self::Template
                | Self::With
        )
    }
}

/// A token: its kind and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Byte offset of its first byte.
    pub(super) start: u32,
    /// Byte offset after its last byte.
    pub(super) end: u32,
}

/// The lexer: [`next`](Self::next) cuts off one token after the other.
#[derive(Debug)]
pub(super) struct Lexer<'s> {
    text: &'s [u8],
    /// Where the token that is being read begins.
    start: usize,
    /// Where reading is.
    at: usize,
    inside_action: bool,
    parens: usize,
    /// Whether `break` and `continue` are words of the language: not if functions have their names.
    break_is_word: bool,
    continue_is_word: bool,
    /// What is wrong, once an error token was returned.
    error: Option<String>,
}

const LEFT: &[u8] = b"{{";
const RIGHT: &[u8] = b"}}";

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Where the next left delimiter is. Braces are rare in what is not an action, so that looking for one is faster than
/// preparing a search for two.
fn find_left(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(b'{', text.get(from..)?)?;
        if text.get(at + 1) == Some(&b'{') {
            return Some(at);
        }
        from = at + 1;
    }
}

/// How many bytes of space the text ends with.
fn space_at_end(text: &[u8]) -> usize {
    text.iter().rev().take_while(|byte| is_space(**byte)).count()
}

/// How many bytes of space the text begins with.
fn space_at_start(text: &[u8]) -> usize {
    text.iter().take_while(|byte| is_space(**byte)).count()
}

/// Whether text after a left delimiter begins with a trim marker.
fn trims_left(text: &[u8]) -> bool {
    matches!(text, [b'-', space, ..] if is_space(*space))
}

impl<'s> Lexer<'s> {
    /// A lexer at the start of a text, whose length fits 32 bits.
    pub(super) fn new(text: &'s [u8], break_is_word: bool, continue_is_word: bool) -> Self {
        Self { text, start: 0, at: 0, inside_action: false, parens: 0, break_is_word, continue_is_word, error: None }
    }

    /// What is wrong with the text, if an error token was returned.
    pub(super) fn error(&self) -> &str {
        self.error.as_deref().unwrap_or_default()
    }

    /// The next token. After an error or the end there is only the end.
    pub(super) fn next(&mut self) -> Token {
        if self.error.is_some() {
            return self.token(Kind::Eof);
        }
        if self.inside_action { self.inside_action() } else { self.text() }
    }

    fn rest(&self) -> &'s [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The character here and its width; U+FFFD for a byte that is not part of one.
    fn character(&self) -> Option<(char, usize)> {
        match self.byte()? {
            byte @ 0..0x80 => Some((char::from(byte), 1)),
            _ => unicode::first(self.rest())
                .map(|(character, width)| (character.unwrap_or(char::REPLACEMENT_CHARACTER), width)),
        }
    }

    /// The token that ends here; the next one begins here.
    fn token(&mut self, kind: Kind) -> Token {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let token = Token { kind, start: offset(self.start), end: offset(self.at) };
        self.start = self.at;
        token
    }

    fn fail(&mut self, message: String) -> Token {
        self.error = Some(message);
        self.token(Kind::Error)
    }

    /// Leaves out what was read since the last token.
    fn skip(&mut self) {
        self.start = self.at;
    }

    /// Text up to the next action; comments are passed over.
    fn text(&mut self) -> Token {
        loop {
            let Some(length) = find_left(self.rest()) else {
                self.at = self.text.len();
                return self.token(if self.at > self.start { Kind::Text } else { Kind::Eof });
            };
            if length > 0 {
                self.at += length;
                let after = self.text.get(self.at + LEFT.len()..).unwrap_or_default();
                let text = self.text.get(self.start..self.at).unwrap_or_default();
                let trim = if trims_left(after) { space_at_end(text) } else { 0 };
                self.at -= trim;
                let token = self.token(Kind::Text);
                self.at += trim;
                self.skip();
                if token.start < token.end {
                    return token;
                }
            }
            if let Some(token) = self.left_delimiter() {
                return token;
            }
        }
    }

    /// A left delimiter with its trim marker, or, if it opens a comment, all of that and no token.
    fn left_delimiter(&mut self) -> Option<Token> {
        self.at += LEFT.len();
        let marker = if trims_left(self.rest()) { 2 } else { 0 };
        let after = self.rest().get(marker..).unwrap_or_default();
        if after.starts_with(b"/*") {
            self.at += marker;
            self.skip();
            return self.comment();
        }
        let token = self.token(Kind::LeftDelimiter);
        self.inside_action = true;
        self.at += marker;
        self.skip();
        self.parens = 0;
        Some(token)
    }

    fn comment(&mut self) -> Option<Token> {
        let body = self.rest().get(2..).unwrap_or_default();
        let Some(length) = memchr::memmem::find(body, b"*/") else {
            return Some(self.fail("unclosed comment".to_owned()));
        };
        self.at += length + 4;
        let Some(trims) = self.at_right_delimiter() else {
            return Some(self.fail("comment ends before closing delimiter".to_owned()));
        };
        self.at += RIGHT.len();
        if trims {
            self.at += 2;
            self.at += space_at_start(self.rest());
        }
        self.skip();
        None
    }

    /// Whether a right delimiter is here, and if so whether it trims.
    #[inline]
    fn at_right_delimiter(&self) -> Option<bool> {
        match self.rest() {
            [b'}', b'}', ..] => Some(false),
            [b' ' | b'\t' | b'\r' | b'\n', b'-', b'}', b'}', ..] => Some(true),
            _ => None,
        }
    }

    fn right_delimiter(&mut self, trims: bool) -> Token {
        if trims {
            self.at += 2;
            self.skip();
        }
        self.at += RIGHT.len();
        let token = self.token(Kind::RightDelimiter);
        if trims {
            self.at += space_at_start(self.rest());
            self.skip();
        }
        self.inside_action = false;
        token
    }

    fn inside_action(&mut self) -> Token {
        if let Some(trims) = self.at_right_delimiter() {
            if self.parens == 0 {
                return self.right_delimiter(trims);
            }
            return self.fail("unclosed left paren".to_owned());
        }
        let Some((character, width)) = self.character() else {
            return self.fail("unclosed action".to_owned());
        };
        match character {
            ' ' | '\t' | '\r' | '\n' => return self.space(),
            '.' => {
                // A point before a digit begins a number.
                if self.text.get(self.at + 1).is_some_and(|byte| !byte.is_ascii_digit()) {
                    self.at += 1;
                    return self.name(Kind::Field);
                }
                return self.number();
            }
            '+' | '-' | '0'..='9' => return self.number(),
            _ if is_alphanumeric(character) => return self.identifier(),
            _ => self.at += width,
        }
        match character {
            '=' => self.token(Kind::Assign),
            ':' => {
                let next = self.character();
                self.at += next.map_or(0, |(_, width)| width);
                if next.is_some_and(|(character, _)| character == '=') {
                    self.token(Kind::Declare)
                } else {
                    self.fail("expected :=".to_owned())
                }
            }
            '|' => self.token(Kind::Pipe),
            '"' => self.quoted(b'"', Kind::String, "unterminated quoted string"),
            '\'' => self.quoted(b'\'', Kind::CharConstant, "unterminated character constant"),
            '`' => {
                if let Some(length) = memchr::memchr(b'`', self.rest()) {
                    self.at += length + 1;
                    self.token(Kind::RawString)
                } else {
                    self.at = self.text.len();
                    self.fail("unterminated raw quoted string".to_owned())
                }
            }
            '$' => self.name(Kind::Variable),
            '(' => {
                self.parens += 1;
                self.token(Kind::LeftParen)
            }
            ')' => match self.parens.checked_sub(1) {
                Some(parens) => {
                    self.parens = parens;
                    self.token(Kind::RightParen)
                }
                None => self.fail("unexpected right paren".to_owned()),
            },
            '!'..='~' => self.token(Kind::Char),
            _ => self.fail(format!("unrecognized character in action: {}", unicode_form(character))),
        }
    }

    /// Space, but not the last byte of it if that belongs to the trim marker of a right delimiter.
    fn space(&mut self) -> Token {
        let length = space_at_start(self.rest());
        self.at += length - 1;
        if self.at_right_delimiter() == Some(true) {
            if length == 1 {
                return self.right_delimiter(true);
            }
        } else {
            self.at += 1;
        }
        self.token(Kind::Space)
    }

    fn alphanumerics(&mut self) {
        let ascii = self.rest().iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
        self.at += ascii.count();
        while let Some((character, width)) = self.character()
            && is_alphanumeric(character)
        {
            self.at += width;
        }
    }

    fn identifier(&mut self) -> Token {
        self.alphanumerics();
        if !self.at_terminator() {
            return self.bad_character();
        }
        let kind = match self.text.get(self.start..self.at).unwrap_or_default() {
            b"block" => Kind::Block,
            b"break" if self.break_is_word => Kind::Break,
            b"continue" if self.continue_is_word => Kind::Continue,
            b"define" => Kind::Define,
            b"else" => Kind::Else,
            b"end" => Kind::End,
            b"if" => Kind::If,
            b"range" => Kind::Range,
            b"nil" => Kind::Nil,
            b"template" => Kind::Template,
            b"with" => Kind::With,
            b"true" | b"false" => Kind::Bool,
            _ => Kind::Identifier,
        };
        self.token(kind)
    }

    /// The name after a point or a dollar sign, which may be missing.
    fn name(&mut self, kind: Kind) -> Token {
        if self.at_terminator() {
            return self.token(if kind == Kind::Field { Kind::Dot } else { kind });
        }
        self.alphanumerics();
        if self.at_terminator() { self.token(kind) } else { self.bad_character() }
    }

    /// Complains of what follows a name.
    fn bad_character(&mut self) -> Token {
        let form = self.character().map_or_else(String::new, |(character, _)| unicode_form(character));
        self.fail(format!("bad character {form}"))
    }

    /// Whether what is here can follow a name.
    fn at_terminator(&self) -> bool {
        match self.byte() {
            None | Some(b' ' | b'\t' | b'\r' | b'\n' | b'.' | b',' | b'|' | b':' | b')' | b'(') => true,
            Some(byte) => byte == b'}' && self.rest().starts_with(RIGHT),
        }
    }

    fn quoted(&mut self, quote: u8, kind: Kind, unterminated: &str) -> Token {
        loop {
            match self.byte() {
                None | Some(b'\n') => return self.fail(unterminated.to_owned()),
                Some(b'\\') => {
                    self.at += 1;
                    match self.character() {
                        None | Some(('\n', _)) => return self.fail(unterminated.to_owned()),
                        Some((_, width)) => self.at += width,
                    }
                }
                Some(byte) => {
                    self.at += 1;
                    if byte == quote {
                        return self.token(kind);
                    }
                }
            }
        }
    }

    /// A number, or what looks like one: whether it is one is decided when it is read.
    fn number(&mut self) -> Token {
        let mut kind = Kind::Number;
        let mut right = self.scan_number();
        if right && matches!(self.byte(), Some(b'+' | b'-')) {
            kind = Kind::Complex;
            right = self.scan_number() && self.text.get(..self.at).is_some_and(|text| text.ends_with(b"i"));
        }
        if right {
            return self.token(kind);
        }
        let text = self.text.get(self.start..self.at).unwrap_or_default();
        let message = format!("bad number syntax: {}", super::quote::quoted(text));
        self.fail(message)
    }

    fn accept(&mut self, wanted: impl Fn(u8) -> bool) -> bool {
        let found = self.byte().is_some_and(wanted);
        self.at += usize::from(found);
        found
    }

    fn scan_number(&mut self) -> bool {
        let sign = |byte: u8| matches!(byte, b'+' | b'-');
        self.accept(sign);
        let mut base = 10;
        if self.accept(|byte| byte == b'0') {
            if self.accept(|byte| matches!(byte, b'x' | b'X')) {
                base = 16;
            } else if self.accept(|byte| matches!(byte, b'o' | b'O')) {
                base = 8;
            } else if self.accept(|byte| matches!(byte, b'b' | b'B')) {
                base = 2;
            }
        }
        let digit = |byte: u8| byte == b'_' || char::from(byte).is_digit(base);
        while self.accept(digit) {}
        if self.accept(|byte| byte == b'.') {
            while self.accept(digit) {}
        }
        let exponent = |byte: u8| match base {
            10 => matches!(byte, b'e' | b'E'),
            16 => matches!(byte, b'p' | b'P'),
            _ => false,
        };
        if self.accept(exponent) {
            self.accept(sign);
            while self.accept(|byte| byte == b'_' || byte.is_ascii_digit()) {}
        }
        self.accept(|byte| byte == b'i');
        match self.character() {
            Some((character, width)) if is_alphanumeric(character) => {
                self.at += width;
                false
            }
            _ => true,
        }
    }
}

fn is_alphanumeric(character: char) -> bool {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => true,
        '\0'..='\u{7F}' => false,
        _ => unicode::is_letter(character) || unicode::is_digit(character),
    }
}

/// As Go's `%#U`.
fn unicode_form(character: char) -> String {
    let code = u32::from(character);
    if unicode::is_print(character) { format!("U+{code:04X} '{character}'") } else { format!("U+{code:04X}") }
}
