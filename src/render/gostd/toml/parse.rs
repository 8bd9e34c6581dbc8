//! From items to tables: what a key means where it stands, and what may be defined twice.

use std::collections::{HashMap, HashSet};

use super::scan::{Item, Kind, ScanError, Scanner};
use super::{LOCAL_ZONES, Table, Value};
use crate::render::gostd::time::{Location, Time};
use crate::render::gotemplate::quote::quoted as quote;

/// How deep arrays and inline tables may nest.
const MAX_DEPTH: usize = 256;

type Key = Vec<Vec<u8>>;

/// A key as the library shows it, parts that are not bare in quotes.
fn shown(key: &[Vec<u8>]) -> String {
    let part = |part: &Vec<u8>| {
        let is_bare = part.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if is_bare && !part.is_empty() {
            String::from_utf8_lossy(part).into_owned()
        } else {
            String::from_utf8_lossy(&quoted(part)).into_owned()
        }
    };
    key.iter().map(part).collect::<Vec<_>>().join(".")
}

/// Text in double quotes as TOML wants it.
pub fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for byte in text {
        match byte {
            b'"' => out.extend(b"\\\""),
            b'\\' => out.extend(b"\\\\"),
            8 => out.extend(b"\\b"),
            b'\t' => out.extend(b"\\t"),
            b'\n' => out.extend(b"\\n"),
            12 => out.extend(b"\\f"),
            b'\r' => out.extend(b"\\r"),
            0..=31 | 127 => out.extend(format!("\\u{byte:04x}").into_bytes()),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
    out
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    /// The table that keys belong to.
    context: Key,
    /// The key that is being read.
    key: Vec<u8>,
    /// The line of the last key.
    line: usize,
    root: Table,
    /// Tables that were only implied so far.
    implicit: HashSet<String>,
    /// Whether a key was last given an array.
    arrays: HashMap<String, bool>,
    depth: usize,
    local: &'a Location,
    local_offset: i32,
}

type Read<T> = Result<T, String>;

pub(super) fn document(text: &[u8], local: &Location, local_offset: i32) -> Read<Table> {
    let marks: [&[u8]; 3] = [b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"];
    let text = marks.iter().find_map(|mark| text.strip_prefix(*mark)).unwrap_or(text);
    if text.iter().take(6).any(|byte| *byte == 0) {
        return Err(
            "toml: line 1: files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8".to_owned()
        );
    }
    let mut parser = Parser {
        scanner: Scanner::new(text),
        context: Vec::new(),
        key: Vec::new(),
        line: 0,
        root: Table::new(),
        implicit: HashSet::new(),
        arrays: HashMap::new(),
        depth: 0,
        local,
        local_offset,
    };
    loop {
        let item = parser.next()?;
        match item.kind {
            Kind::End => return Ok(parser.root),
            Kind::CommentStart => {
                parser.next()?;
            }
            Kind::TableStart => parser.header(false)?,
            Kind::ArrayTableStart => parser.header(true)?,
            _ => parser.pair()?,
        }
    }
}

/// A table of a tree, reached by a key; arrays of tables stand for their last one.
fn descend<'t>(mut table: &'t mut Table, key: &[Vec<u8>]) -> Option<&'t mut Table> {
    for part in key {
        table = match table.get_mut(part)? {
            Value::Table(table) => table,
            Value::Tables(tables) => tables.last_mut()?,
            _ => return None,
        };
    }
    Some(table)
}

impl<'a> Parser<'a> {
    /// The key at hand, as errors tell it.
    fn current(&self) -> String {
        let key = String::from_utf8_lossy(&self.key);
        match (self.key.is_empty(), self.context.is_empty()) {
            (true, _) => shown(&self.context),
            (false, true) => key.into_owned(),
            (false, false) => format!("{}.{key}", shown(&self.context)),
        }
    }

    fn error_at(&self, line: usize, message: &str) -> String {
        let key = self.current();
        if key.is_empty() {
            return format!("toml: line {line}: {message}");
        }
        format!("toml: line {line} (last key {}): {message}", quote(key.as_bytes()))
    }

    fn error(&self, message: &str) -> String {
        self.error_at(self.line, message)
    }

    fn next(&mut self) -> Read<Item<'a>> {
        self.scanner.item().map_err(|ScanError { message, line }| self.error_at(line, &message))
    }

    /// The parts of a key up to what ends it.
    fn key_until(&mut self, end: Kind) -> Read<Key> {
        let mut item = self.next()?;
        self.line = item.line;
        let mut key = Vec::new();
        while item.kind != end && item.kind != Kind::End {
            key.push(match item.kind {
                Kind::Text => item.text.to_vec(),
                _ => match self.value(item, false)? {
                    Value::Text(text) => text,
                    _ => return Err(self.error("a key must be text")),
                },
            });
            item = self.next()?;
        }
        Ok(key)
    }

    fn header(&mut self, is_array: bool) -> Read<()> {
        let key = self.key_until(if is_array { Kind::ArrayTableEnd } else { Kind::TableEnd })?;
        self.enter(&key, is_array)?;
        let context = shown(&self.context);
        self.arrays.insert(context, false);
        Ok(())
    }

    /// A key and its value; the context is as before in the end.
    fn pair(&mut self) -> Read<()> {
        let outer = self.context.clone();
        self.assign()?;
        self.context = outer;
        self.key.clear();
        Ok(())
    }

    /// Reads a key, the tables it implies, and its value; leaves the context at those tables. Returns whether one of them
    /// took the place of an array.
    fn assign(&mut self) -> Read<bool> {
        let mut key = self.key_until(Kind::KeyEnd)?;
        self.key = key.pop().unwrap_or_default();
        let mut replaces = false;
        for part in key {
            let mut implied = self.context.clone();
            implied.push(part);
            self.implicit.insert(shown(&implied));
            replaces |= self.enter(&implied, false)?;
        }
        let item = self.next()?;
        let is_array = item.kind == Kind::ArrayStart;
        let value = self.value(item, false)?;
        let key = self.key.clone();
        self.set(&key, value)?;
        let full = self.full_key();
        self.arrays.insert(full, is_array);
        Ok(replaces)
    }

    fn full_key(&self) -> String {
        let mut full = self.context.clone();
        full.push(self.key.clone());
        shown(&full)
    }

    /// Makes a table the context, and whatever leads to it. Returns whether it took the place of an array.
    fn enter(&mut self, key: &[Vec<u8>], is_array: bool) -> Read<bool> {
        let Some((last, parents)) = key.split_last() else { return Ok(false) };
        for length in 1..=parents.len() {
            let parent = parents.get(..length).unwrap_or_default();
            let (name, above) = parent.split_last().unwrap_or((last, &[]));
            let Some(table) = descend(&mut self.root, above) else { break };
            if !table.contains_key(name) {
                table.insert(name.clone(), Value::Table(Table::new()));
                self.implicit.insert(shown(parent));
            }
            if descend(&mut self.root, parent).is_none() {
                return Err(self.error(&format!("Key '{}' was already created as a hash.", shown(parent))));
            }
        }
        self.context = parents.to_vec();
        let mut replaces = false;
        if is_array {
            let tables = descend(&mut self.root, parents)
                .map(|table| table.entry(last.clone()).or_insert_with(|| Value::Tables(Vec::new())));
            let Some(Value::Tables(tables)) = tables else {
                let key = shown(key);
                return Err(self.error(&format!("Key '{key}' was already created and cannot be used as an array.")));
            };
            tables.push(Table::new());
        } else {
            replaces = self.set(last, Value::Table(Table::new()))?;
        }
        self.context.push(last.clone());
        Ok(replaces)
    }

    /// Gives a key of the context a value. Returns whether an array was there.
    fn set(&mut self, key: &[u8], value: Value) -> Read<bool> {
        let defined = |key: &str| format!("Key '{key}' has already been defined.");
        for length in 1..=self.context.len() {
            let above = self.context.get(..length).unwrap_or_default();
            if descend(&mut self.root, above).is_none() {
                return Err(self.error(&defined(&shown(above))));
            }
        }
        let mut full = self.context.clone();
        full.push(key.to_vec());
        let full = shown(&full);
        let Some(table) = descend(&mut self.root, &self.context) else { return Ok(false) };
        let mut replaces = false;
        if table.contains_key(key) {
            let is_array = self.arrays.get(&full).copied().unwrap_or(false);
            if !self.implicit.remove(&full) {
                return Err(self.error(&defined(&full)));
            }
            // A table that was only implied is there now; an array takes the place of the tables inside it.
            if !is_array {
                return Ok(false);
            }
            replaces = true;
        }
        if let Some(table) = descend(&mut self.root, &self.context) {
            table.insert(key.to_vec(), value);
        }
        Ok(replaces)
    }

    fn value(&mut self, item: Item<'a>, in_array: bool) -> Read<Value> {
        Ok(match item.kind {
            Kind::EscapedString => Value::Text(self.unescape(item, item.text)?),
            Kind::MultilineString => {
                let joined = without_escaped_line_ends(without_first_line_end(item.text));
                Value::Text(self.unescape(item, &joined)?)
            }
            Kind::RawMultilineString => Value::Text(without_first_line_end(item.text).to_vec()),
            Kind::Bool => Value::Bool(item.text == b"true"),
            Kind::Integer => self.integer(item)?,
            Kind::Float => self.float(item)?,
            Kind::Time => self.time(item)?,
            Kind::ArrayStart => self.nested(item, Self::array)?,
            Kind::InlineTableStart if in_array => self.nested(item, |parser| parser.inline_table(true))?,
            Kind::InlineTableStart => self.nested(item, |parser| parser.inline_table(false))?,
            _ => Value::Text(item.text.to_vec()),
        })
    }

    fn nested(&mut self, item: Item<'a>, read: impl FnOnce(&mut Self) -> Read<Value>) -> Read<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error_at(item.line, "values nest too deeply"));
        }
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn array(&mut self) -> Read<Value> {
        let full = self.full_key();
        self.arrays.insert(full, true);
        let mut items = Vec::new();
        loop {
            let item = self.next()?;
            match item.kind {
                Kind::ArrayEnd => return Ok(Value::Array(items)),
                Kind::CommentStart => {
                    self.next()?;
                }
                _ => items.push(self.value(item, true)?),
            }
        }
    }

    fn inline_table(&mut self, in_array: bool) -> Read<Value> {
        let (outer, outer_key) = (self.context.clone(), self.key.clone());
        self.context.push(std::mem::take(&mut self.key));
        let context = self.context.clone();
        self.implicit.insert(shown(&context));
        self.enter(&context, in_array)?;
        loop {
            let item = self.next()?;
            match item.kind {
                Kind::InlineTableEnd => break,
                Kind::CommentStart => {
                    self.next()?;
                }
                _ => {
                    // In a table of one line an array cannot become a table, other than below a header.
                    if self.assign()? {
                        let table = quote(shown(&self.context).as_bytes());
                        return Err(self.error(&format!("{table} is not a table")));
                    }
                    self.context.clone_from(&context);
                }
            }
        }
        let table = descend(&mut self.root, &context).map(|table| table.clone()).unwrap_or_default();
        (self.context, self.key) = (outer, outer_key);
        Ok(Value::Table(table))
    }

    fn integer(&self, item: Item<'_>) -> Read<Value> {
        let invalid =
            |why: &str| Err(self.error_at(item.line, &format!("Invalid integer {}: {why}", quote(item.text))));
        if !are_underscores_right(item.text) {
            return invalid("underscores must be surrounded by digits");
        }
        if has_leading_zero(item.text) {
            return invalid("cannot have leading zeroes");
        }
        let text: String = item.text.iter().filter(|byte| **byte != b'_').map(|byte| char::from(*byte)).collect();
        let number = match text.get(..2) {
            Some("0x") => i64::from_str_radix(text.get(2..).unwrap_or_default(), 16),
            Some("0o") => i64::from_str_radix(text.get(2..).unwrap_or_default(), 8),
            Some("0b") => i64::from_str_radix(text.get(2..).unwrap_or_default(), 2),
            _ => text.parse(),
        };
        number.map(Value::Integer).map_err(|_| {
            let text = String::from_utf8_lossy(item.text);
            self.error_at(item.line, &format!("{text} is out of range for int64"))
        })
    }

    fn float(&self, item: Item<'_>) -> Read<Value> {
        let error = |message: String| Err(self.error_at(item.line, &message));
        let invalid = |why: &str| error(format!("Invalid float {}: {why}", quote(item.text)));
        let mut parts =
            item.text.split(|byte| matches!(byte, b'.' | b'e' | b'E')).filter(|part| !part.is_empty()).peekable();
        let first = parts.peek().copied();
        if !parts.all(are_underscores_right) {
            return invalid("underscores must be surrounded by digits");
        }
        if first.is_some_and(has_leading_zero) {
            return invalid("cannot have leading zeroes");
        }
        let is_bare = |pair: &[u8]| pair.first() == Some(&b'.') && !pair.get(1).is_some_and(u8::is_ascii_digit);
        if item.text.windows(2).any(is_bare) || item.text.ends_with(b".") {
            return invalid("'.' must be followed by one or more digits");
        }
        let text: String = item.text.iter().filter(|byte| **byte != b'_').map(|byte| char::from(*byte)).collect();
        let number = match text.as_str() {
            "nan" | "+nan" => Some(f64::NAN),
            "-nan" => Some(-f64::NAN),
            "inf" | "+inf" => Some(f64::INFINITY),
            "-inf" => Some(f64::NEG_INFINITY),
            _ => match text.parse::<f64>() {
                Ok(number) if number.is_infinite() => {
                    return error(format!("{} is out of range for float64", String::from_utf8_lossy(item.text)));
                }
                number => number.ok(),
            },
        };
        match number {
            Some(number) => Ok(Value::Float(number)),
            None => error(format!("Invalid float value: {}", quote(item.text))),
        }
    }

    fn time(&self, item: Item<'_>) -> Read<Value> {
        let text: Vec<u8> = item
            .text
            .iter()
            .map(|byte| match byte {
                b'z' => b'Z',
                b't' | b' ' => b'T',
                other => *other,
            })
            .collect();
        let [datetime, date, time] = LOCAL_ZONES.map(|name| Location::fixed(name, self.local_offset));
        let forms: [(&str, &Location); 7] = [
            ("2006-01-02T15:04:05.999999999Z07:00", self.local),
            ("2006-01-02T15:04:05.999999999", &datetime),
            ("2006-01-02", &date),
            ("15:04:05.999999999", &time),
            ("2006-01-02T15:04Z07:00", self.local),
            ("2006-01-02T15:04", &datetime),
            ("15:04", &time),
        ];
        let found = forms.iter().find_map(|(layout, location)| {
            Time::parse(layout.as_bytes(), &text, location).ok().map(|time| (layout.as_bytes(), time))
        });
        match found {
            Some((layout, time)) if !lacks_zero(&text, layout) => Ok(Value::Time(time)),
            _ => Err(self.error_at(item.line, &format!("invalid datetime: {}", quote(&text)))),
        }
    }

    /// Fills in what the escapes of a string stand for; the scanner has seen that they are complete.
    fn unescape(&self, item: Item<'_>, text: &[u8]) -> Read<Vec<u8>> {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(slash) = rest.iter().position(|byte| *byte == b'\\') {
            let (before, escape) = rest.split_at(slash);
            out.extend_from_slice(before);
            let letter = escape.get(1).copied().unwrap_or_default();
            let length = match letter {
                b'x' => 4,
                b'u' => 6,
                b'U' => 10,
                _ => 2,
            };
            let digits = escape.get(2..length).unwrap_or_default();
            rest = escape.get(length..).unwrap_or_default();
            match letter {
                b'b' => out.push(8),
                b't' => out.push(b'\t'),
                b'n' => out.push(b'\n'),
                b'f' => out.push(12),
                b'r' => out.push(b'\r'),
                b'e' => out.push(27),
                b'"' | b'\\' => out.push(letter),
                b'x' | b'u' | b'U' => {
                    let digits = String::from_utf8_lossy(digits);
                    let character = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    let Some(character) = character else {
                        let message = format!("Escaped character '\\u{digits}' is not valid UTF-8.");
                        return Err(self.error_at(item.line, &message));
                    };
                    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => {
                    let message = format!("invalid escape: '\\{}'", char::from(letter));
                    return Err(self.error_at(item.line, &message));
                }
            }
        }
        out.extend_from_slice(rest);
        Ok(out)
    }
}

fn without_first_line_end(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\n").or_else(|| text.strip_prefix(b"\r\n")).unwrap_or(text)
}

/// Takes out backslashes at the ends of lines with all white space behind them.
fn without_escaped_line_ends(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(slash) = rest.iter().position(|byte| *byte == b'\\') {
        let (before, escape) = rest.split_at(slash);
        out.extend_from_slice(before);
        if escape.get(1) == Some(&b'\\') {
            out.extend_from_slice(b"\\\\");
            rest = escape.get(2..).unwrap_or_default();
            continue;
        }
        let after = escape.get(1..).unwrap_or_default();
        let space = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
        let (space, beyond) = after.split_at(space);
        if space.contains(&b'\n') {
            rest = beyond;
        } else {
            out.push(b'\\');
            rest = after;
        }
    }
    out.extend_from_slice(rest);
    out
}

fn has_leading_zero(number: &[u8]) -> bool {
    match number {
        [b'0', second, ..] => !matches!(second, b'b' | b'o' | b'x'),
        [b'-' | b'+', b'0', _, ..] => true,
        _ => false,
    }
}

fn are_underscores_right(number: &[u8]) -> bool {
    if matches!(number, b"nan" | b"+nan" | b"-nan" | b"inf" | b"-inf" | b"+inf") {
        return true;
    }
    let mut is_digit = false;
    for byte in number {
        if *byte == b'_' && !is_digit {
            return false;
        }
        is_digit = byte.is_ascii_hexdigit();
    }
    is_digit
}

/// Whether a number of a time has fewer digits than its layout: then a separator is out of place.
fn lacks_zero(text: &[u8], layout: &[u8]) -> bool {
    let fixed = layout.iter().take_while(|byte| !matches!(byte, b'.' | b'Z'));
    fixed.zip(text).any(|(wanted, found)| !wanted.is_ascii_digit() && wanted != found)
}
