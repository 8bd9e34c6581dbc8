//! JSON as Go's `encoding/json` reads and writes it.
//!
//! Records, `-o json`, `--set-json` and the JSON functions of templates go through here, because Go's JSON differs
//! from others' in what users see: `<`, `>` and `&` are escaped, floats have their own format, lone surrogates
//! become replacement characters, and the error texts are its own.

use std::fmt::Write as _;

use super::compose::MAX_DEPTH;
use super::decode::Numbers;
use super::error::Error;
use super::number;
use super::value::{Mapping, Value};

/// A value as JSON on one line, without a newline at the end.
pub fn to_json(value: &Value) -> Result<String, Error> {
    let mut out = String::new();
    write(&mut out, value, &mut Layout { indent: None, depth: 0, escape_html: true })?;
    Ok(out)
}

/// A value as JSON on one line; `<`, `>` and `&` stay as they are.
pub fn to_raw_json(value: &Value) -> Result<String, Error> {
    let mut out = String::new();
    write(&mut out, value, &mut Layout { indent: None, depth: 0, escape_html: false })?;
    Ok(out)
}

/// A value as JSON with an entry a line, each level indented by `indent` once more.
pub fn to_pretty_json(value: &Value, indent: &str) -> Result<String, Error> {
    let mut out = String::new();
    write(&mut out, value, &mut Layout { indent: Some(indent), depth: 0, escape_html: true })?;
    Ok(out)
}

/// Finished JSON with the characters escaped that Go escapes for the sake of HTML: `<`, `>`, `&` and the two line
/// separators. They stand inside strings only, so that replacing them everywhere is right.
pub fn escape_html(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        match character {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
    escaped
}

struct Layout<'a> {
    indent: Option<&'a str>,
    depth: usize,
    escape_html: bool,
}

impl Layout<'_> {
    fn new_line(&self, out: &mut String) {
        if let Some(indent) = self.indent {
            out.push('\n');
            for _ in 0..self.depth {
                out.push_str(indent);
            }
        }
    }
}

fn write(out: &mut String, value: &Value, layout: &mut Layout<'_>) -> Result<(), Error> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(integer) => {
            let _ = write!(out, "{integer}");
        }
        Value::UInt(integer) => {
            let _ = write!(out, "{integer}");
        }
        Value::Float(float) => match number::not_json(*float) {
            Some(problem) => return Err(Error::WriteNumber(problem)),
            None => out.push_str(&number::format_json(*float)),
        },
        Value::String(text) => write_string(out, text, layout.escape_html),
        Value::Sequence(list) if list.is_empty() => out.push_str("[]"),
        Value::Mapping(map) if map.is_empty() => out.push_str("{}"),
        Value::Sequence(list) => {
            out.push('[');
            layout.depth += 1;
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                layout.new_line(out);
                write(out, item, layout)?;
            }
            layout.depth -= 1;
            layout.new_line(out);
            out.push(']');
        }
        Value::Mapping(map) => {
            out.push('{');
            layout.depth += 1;
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                layout.new_line(out);
                write_string(out, key, layout.escape_html);
                out.push_str(if layout.indent.is_some() { ": " } else { ":" });
                write(out, value, layout)?;
            }
            layout.depth -= 1;
            layout.new_line(out);
            out.push('}');
        }
    }
    Ok(())
}

/// Text in JSON's quotes.
pub(crate) fn write_string(out: &mut String, text: &str, escape_html: bool) {
    out.push('"');
    let mut plain = 0;
    for (at, character) in text.char_indices() {
        let escape = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{08}' => "\\b",
            '\u{0C}' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{2028}' => "\\u2028",
            '\u{2029}' => "\\u2029",
            '<' if escape_html => "\\u003c",
            '>' if escape_html => "\\u003e",
            '&' if escape_html => "\\u0026",
            '\0'..='\u{1F}' => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        plain = at + character.len_utf8();
        if escape.is_empty() {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// Bytes as text the way Go's JSON makes them so: each byte that is not UTF-8 becomes a replacement character.
pub fn lossy(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(std::iter::repeat_n(char::REPLACEMENT_CHARACTER, chunk.invalid().len()));
    }
    out
}

/// A text that is not the JSON that is needed, in Go's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct JsonError {
    problem: String,
    /// How many bytes stand before the place.
    pub offset: usize,
}

/// Exactly one JSON value, white space around it, as `json.Unmarshal` reads it.
pub fn read(text: &str, numbers: Numbers) -> Result<Value, JsonError> {
    match read_partly(text, numbers)? {
        (value, None) => Ok(value),
        (_, Some(error)) => Err(error),
    }
}

/// The same, but a number that is too big is `null`, and the first of them an error beside the value: what
/// `json.Unmarshal` leaves behind when it fails so.
pub fn read_partly(text: &str, numbers: Numbers) -> Result<(Value, Option<JsonError>), JsonError> {
    let mut reader = Reader { text, at: 0, depth: 0, numbers, out_of_range: None };
    let value = reader.value()?;
    reader.skip_space();
    match reader.peek() {
        None => Ok((value, reader.out_of_range)),
        Some(_) => Err(reader.unexpected("after top-level value")),
    }
}

/// The JSON value at the start of a text, as `json.Decoder` reads it, and how many bytes it took.
pub fn read_prefix(text: &str, numbers: Numbers) -> Result<(Value, usize), JsonError> {
    let mut reader = Reader { text, at: 0, depth: 0, numbers, out_of_range: None };
    let value = reader.value()?;
    match reader.out_of_range {
        None => Ok((value, reader.at)),
        Some(error) => Err(error),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    numbers: Numbers,
    /// The first number that was too big.
    out_of_range: Option<JsonError>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn error(&self, problem: impl Into<String>) -> JsonError {
        JsonError { problem: problem.into(), offset: self.at }
    }

    /// The error about the character at hand. Go looks at bytes and prints them as characters.
    fn unexpected(&self, context: &str) -> JsonError {
        match self.peek() {
            // Go tries a space at the end and blames it where none may stand.
            None if context.contains("literal ")
                || context.contains("escape")
                || context.ends_with("numeric literal") =>
            {
                self.error(format!("invalid character ' ' {context}"))
            }
            None => self.error("unexpected end of JSON input"),
            Some(byte) => {
                let character = match byte {
                    b'\'' => "'\\''".to_owned(),
                    b'"' => "'\"'".to_owned(),
                    _ => number::quote_char(char::from(byte)),
                };
                self.error(format!("invalid character {character} {context}"))
            }
        }
    }

    fn value(&mut self) -> Result<Value, JsonError> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Null),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, JsonError>) -> Result<Value, JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error("exceeded max depth"));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        for (index, expected) in word.bytes().enumerate() {
            if self.peek() != Some(expected) {
                return Err(
                    self.unexpected(&format!("in literal {word} (expecting '{}')", char::from(word.as_bytes()[index])))
                );
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn array(&mut self) -> Result<Value, JsonError> {
        let mut list = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Sequence(list));
        }
        loop {
            list.push(self.value()?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::Sequence(list));
                }
                _ => return Err(self.unexpected("after array element")),
            }
        }
    }

    fn object(&mut self) -> Result<Value, JsonError> {
        let mut map = Mapping::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Mapping(map));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("after object key"));
            }
            self.at += 1;
            let value = self.value()?;
            map.insert(key, value);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Mapping(map));
                }
                _ => return Err(self.unexpected("after object key:value pair")),
            }
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut out = String::new();
        let mut plain = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    out.push_str(&self.text[plain..self.at]);
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    out.push_str(&self.text[plain..self.at]);
                    self.at += 1;
                    self.escape(&mut out)?;
                    plain = self.at;
                }
                Some(0..=0x1F) | None => return Err(self.unexpected("in string literal")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), JsonError> {
        let simple = match self.peek() {
            Some(b'b') => '\u{08}',
            Some(b'f') => '\u{0C}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape(out);
            }
            _ => return Err(self.unexpected("in string escape code")),
        };
        self.at += 1;
        out.push(simple);
        Ok(())
    }

    fn unicode_escape(&mut self, out: &mut String) -> Result<(), JsonError> {
        let first = self.hex()?;
        if let Some(character) = char::from_u32(first) {
            out.push(character);
            return Ok(());
        }
        // A high surrogate and the low one that follows it are one character; anything else of the kind is lost.
        if first < 0xDC00 && self.text[self.at..].starts_with("\\u") {
            let before = self.at;
            self.at += 2;
            let second = self.hex()?;
            if (0xDC00..0xE000).contains(&second) {
                let pair = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                out.extend(char::from_u32(pair));
                return Ok(());
            }
            self.at = before;
        }
        out.push(char::REPLACEMENT_CHARACTER);
        Ok(())
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else {
                return Err(self.unexpected("in \\u hexadecimal character escape"));
            };
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - from
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let from = self.at;
        let mut is_integer = true;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => {
                self.digits();
            }
            _ => return Err(self.unexpected("in numeric literal")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            is_integer = false;
            if self.digits() == 0 {
                return Err(self.unexpected("after decimal point in numeric literal"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            is_integer = false;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.unexpected("in exponent of numeric literal"));
            }
        }
        let text = &self.text[from..self.at];
        if is_integer && self.numbers == Numbers::Exact {
            if let Ok(integer) = text.parse() {
                return Ok(Value::Int(integer));
            }
            if let Ok(integer) = text.parse() {
                return Ok(Value::UInt(integer));
            }
        }
        match text.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Value::Float(float)),
            _ => {
                let error = self.error(format!("json: cannot unmarshal number {text} into Go value of type float64"));
                self.out_of_range.get_or_insert(error);
                Ok(Value::Null)
            }
        }
    }
}
