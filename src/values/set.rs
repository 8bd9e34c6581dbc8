//! The grammar of `--set` and its kin.
//!
//! Rules, limits and error texts are those of Helm's package `strvals`, its surprises included: a path through a
//! scalar fails with Go's conversion error, empty path segments are dropped or refused depending on what surrounds
//! them, and an index without `]` ends the expression silently in Helm 4.

use super::Compat;
use crate::yaml::number::{quote, quote_char};
use crate::yaml::{Mapping, Numbers, Position, Span, Step, Value, json};

/// The highest index a list may be given.
const MAX_INDEX: i64 = 65536;
/// How many dots a path may have.
const MAX_DOTS: usize = 30;
/// How many steps a path may have, indexes included. Helm does not limit indexes and lets each of them fill a list.
const MAX_STEPS: usize = 64;

/// Which flag an expression was given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetKind {
    /// `--set`: numbers, booleans and null are recognised.
    Typed,
    /// `--set-string`: everything is text.
    Text,
    /// `--set-json`: values are JSON.
    Json,
    /// `--set-literal`: one pair, nothing is escaped or split.
    Literal,
    /// `--set-file`: values are names of files.
    File,
}

impl SetKind {
    /// The flag.
    pub const fn flag(self) -> &'static str {
        match self {
            Self::Typed => "--set",
            Self::Text => "--set-string",
            Self::Json => "--set-json",
            Self::Literal => "--set-literal",
            Self::File => "--set-file",
        }
    }
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// A key at the end.
    #[error("key {} has no value", quote(.0))]
    NoValue(String),
    /// A key before a comma.
    #[error("key {} has no value (cannot end with ,)", quote(.0))]
    NoValueBeforeComma(String),
    /// A key before a dot, and nothing came of what follows.
    #[error("key map {} has no value", quote(.0))]
    NoValueInMap(String),
    /// `{` without `}`.
    #[error("list must terminate with '}}'")]
    OpenList,
    /// The path goes through something that is neither map nor list.
    #[error("unable to parse key: interface conversion: interface {{}} is {found}, not {wanted}")]
    NotThrough {
        /// Go's type of what is there.
        found: &'static str,
        /// Go's type of what the path needs.
        wanted: &'static str,
    },
    /// Too many dots.
    #[error("value name nested level is greater than maximum supported nested level of {MAX_DOTS}")]
    TooDeep,
    /// Too many dots and indexes.
    #[error("value path has more than {MAX_STEPS} steps")]
    TooLong,
    /// Not a number between brackets.
    #[error("error parsing index: strconv.Atoi: parsing {}: {problem}", quote(.text))]
    Index {
        /// What stands between the brackets.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A bracket without end; only Helm 3 minds.
    #[error("error parsing index: EOF")]
    OpenIndex,
    /// An index below zero.
    #[error("negative {0} index not allowed")]
    NegativeIndex(i64),
    /// An index too high.
    #[error("index of {0} is greater than maximum supported index of {MAX_INDEX}")]
    IndexTooHigh(i64),
    /// Something between `]` and what may follow it.
    #[error("unexpected data at end of array index: [{0}]")]
    AfterIndex(String),
    /// The value is not JSON.
    #[error("{0}")]
    Json(#[from] json::JsonError),
    /// The file cannot be read.
    #[error("{0}")]
    File(String),
}

/// Why parsing stopped.
enum Stop {
    /// The text ended, which is not wrong by itself.
    End,
    Wrong(SetError),
}

impl From<SetError> for Stop {
    fn from(error: SetError) -> Self {
        Self::Wrong(error)
    }
}

/// A value that an expression has set: where in the values, and where in the expression it stands.
pub(super) struct Touched {
    pub(super) path: Vec<Step>,
    pub(super) key: Span,
    pub(super) value: Span,
}

/// Reads the file that a `--set-file` value names.
pub(super) type ReadText<'a> = &'a mut dyn FnMut(&str) -> Result<String, String>;

/// Applies one expression to `values`. Tells what it has set if that is wanted.
pub(super) fn apply(
    kind: SetKind,
    compat: Compat,
    expression: &str,
    values: &mut Mapping,
    read: ReadText<'_>,
    touched: Option<&mut Vec<Touched>>,
) -> Result<(), SetError> {
    let mut parser =
        Parser { kind, compat, text: expression, at: 0, pair: 0, assignment: 0, path: Vec::new(), read, touched };
    loop {
        parser.pair = parser.at;
        parser.path.clear();
        match parser.key(values, 0) {
            Ok(()) => {}
            Err(Stop::End) => return Ok(()),
            Err(Stop::Wrong(error)) => return Err(error),
        }
    }
}

struct Parser<'a> {
    kind: SetKind,
    compat: Compat,
    text: &'a str,
    at: usize,
    /// Where the pair at hand begins, and its value.
    pair: usize,
    assignment: usize,
    path: Vec<Step>,
    read: ReadText<'a>,
    touched: Option<&'a mut Vec<Touched>>,
}

const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::UInt(_) => "uint64",
        Value::Float(_) => "float64",
        Value::String(_) => "string",
        Value::Sequence(_) => "[]interface {}",
        Value::Mapping(_) => "map[string]interface {}",
    }
}

const fn not_through(found: &Value, wanted: &'static str) -> SetError {
    SetError::NotThrough { found: type_name(found), wanted }
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn next_char(&mut self) -> Option<char> {
        let character = self.rest().chars().next()?;
        self.at += character.len_utf8();
        Some(character)
    }

    /// Text up to one of the characters, and which; escapes are resolved except in literals.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut out = String::new();
        while let Some(character) = self.next_char() {
            if stops.contains(&character) {
                return (out, Some(character));
            }
            if character == '\\' && self.kind != SetKind::Literal {
                match self.next_char() {
                    Some(escaped) => out.push(escaped),
                    None => return (out, None),
                }
            } else {
                out.push(character);
            }
        }
        (out, None)
    }

    fn position(&self, offset: usize) -> Position {
        Position { offset, line: 1, column: self.text[..offset].chars().count() + 1 }
    }

    /// Notes that the value at the path at hand was set by what was just read.
    fn touch(&mut self) {
        if self.touched.is_none() {
            return;
        }
        let (start, middle, end) = (self.pair, self.assignment.max(self.pair), self.at);
        let touched = Touched {
            path: self.path.clone(),
            key: Span { start: self.position(start), end: self.position(middle.saturating_sub(1).max(start)) },
            value: Span { start: self.position(middle), end: self.position(end) },
        };
        if let Some(list) = &mut self.touched {
            list.push(touched);
        }
    }

    /// Puts a value under a key; an empty key is passed over.
    fn set(&mut self, map: &mut Mapping, key: &str, value: Value) {
        if key.is_empty() {
            return;
        }
        map.insert(key.to_owned(), value);
        self.path.push(Step::from(key));
        self.touch();
        self.path.pop();
    }

    fn key(&mut self, map: &mut Mapping, dots: usize) -> Result<(), Stop> {
        let stops: &[char] = if self.kind == SetKind::Literal { &['=', '[', '.'] } else { &['=', '[', ',', '.'] };
        let (key, stop) = self.until(stops);
        match stop {
            None if key.is_empty() => Err(Stop::End),
            None => Err(SetError::NoValue(key).into()),
            Some('[') => {
                let index = self.index()?;
                let mut list = match map.get_mut(&key) {
                    None => Vec::new(),
                    Some(Value::Sequence(list)) => std::mem::take(list),
                    Some(other) => return Err(not_through(other, "[]interface {}").into()),
                };
                self.path.push(Step::from(key.as_str()));
                let outcome = self.item(&mut list, index, dots);
                self.path.pop();
                if !key.is_empty() || map.contains_key(&key) {
                    map.insert(key, Value::Sequence(list));
                }
                outcome
            }
            Some('=') => {
                self.assignment = self.at;
                self.assign(map, &key)
            }
            Some(',') => {
                self.set(map, &key, Value::String(String::new()));
                Err(SetError::NoValueBeforeComma(key).into())
            }
            Some(_) => {
                if dots == MAX_DOTS {
                    return Err(SetError::TooDeep.into());
                }
                let mut inner = match map.get_mut(&key) {
                    None => Mapping::new(),
                    Some(Value::Mapping(inner)) => std::mem::take(inner),
                    Some(other) => return Err(not_through(other, "map[string]interface {}").into()),
                };
                self.path.push(Step::from(key.as_str()));
                let outcome = self.key(&mut inner, dots + 1);
                self.path.pop();
                if outcome.is_ok() && inner.is_empty() {
                    // What was there was empty too, and stays.
                    if let Some(there) = map.get_mut(&key) {
                        *there = Value::empty_mapping();
                    }
                    return Err(SetError::NoValueInMap(key).into());
                }
                // An empty map is put back only where one was.
                if !inner.is_empty() && !key.is_empty() || map.contains_key(&key) {
                    map.insert(key, Value::Mapping(inner));
                }
                outcome
            }
        }
    }

    /// What follows `=` after a key.
    fn assign(&mut self, map: &mut Mapping, key: &str) -> Result<(), Stop> {
        match self.kind {
            SetKind::Literal => {
                let (text, _) = self.until(&[]);
                self.set(map, key, Value::String(text));
                Ok(())
            }
            SetKind::Json => {
                let value = self.json_value()?;
                self.set(map, key, value);
                Ok(())
            }
            _ if self.rest().is_empty() => {
                self.set(map, key, Value::String(String::new()));
                Err(Stop::End)
            }
            _ => {
                let value = self.plain_value()?;
                self.set(map, key, value);
                Ok(())
            }
        }
    }

    /// What follows `[index]`.
    fn item(&mut self, list: &mut Vec<Value>, index: i64, dots: usize) -> Result<(), Stop> {
        if index < 0 {
            return Err(SetError::NegativeIndex(index).into());
        }
        let (text, stop) = self.until(&['[', '.', '=']);
        if !text.is_empty() {
            let characters: Vec<String> = text.chars().map(quote_char).collect();
            return Err(SetError::AfterIndex(characters.join(" ")).into());
        }
        if self.path.len() >= MAX_STEPS {
            return Err(SetError::TooLong.into());
        }
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        self.path.push(Step::from(place));
        let outcome = self.item_value(list, index, place, stop, dots);
        self.path.pop();
        outcome
    }

    fn item_value(
        &mut self,
        list: &mut Vec<Value>,
        index: i64,
        place: usize,
        stop: Option<char>,
        dots: usize,
    ) -> Result<(), Stop> {
        match stop {
            None => Err(Stop::End),
            Some('=') => {
                self.assignment = self.at;
                let value = match self.kind {
                    SetKind::Literal => Value::String(self.until(&[]).0),
                    SetKind::Json => self.json_value()?,
                    _ if self.rest().is_empty() => Value::String(String::new()),
                    _ => self.plain_value()?,
                };
                set_index(list, index, value)?;
                self.touch();
                Ok(())
            }
            Some('[') => {
                let next = self.index()?;
                let (mut inner, was_list) = match list.get_mut(place) {
                    None | Some(Value::Null) => (Vec::new(), false),
                    Some(Value::Sequence(inner)) => (std::mem::take(inner), true),
                    Some(other) => return Err(not_through(other, "[]interface {}").into()),
                };
                let outcome = self.item(&mut inner, next, dots);
                // If the text ended too soon, what was there is left.
                if outcome.is_ok() || was_list {
                    set_index(list, index, Value::Sequence(inner))?;
                }
                outcome
            }
            Some(_) => {
                // What is there and is no map gives way.
                let mut inner = match list.get_mut(place) {
                    Some(Value::Mapping(inner)) => std::mem::take(inner),
                    _ => Mapping::new(),
                };
                let outcome = self.key(&mut inner, dots);
                if outcome.is_ok() || place < list.len() {
                    set_index(list, index, Value::Mapping(inner))?;
                }
                outcome
            }
        }
    }

    /// The number between brackets, the first of which was read.
    fn index(&mut self) -> Result<i64, Stop> {
        let (text, stop) = self.until(&[']']);
        if stop.is_none() {
            return Err(match self.compat {
                Compat::Helm4 => Stop::End,
                Compat::Helm3 => SetError::OpenIndex.into(),
            });
        }
        text.parse().map_err(|_: std::num::ParseIntError| {
            let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
            // As Go reads it: the first character that is no digit, or the first digit that is too much.
            let read = digits.bytes().try_fold(0_u64, |number, byte| match byte {
                b'0'..=b'9' => number
                    .checked_mul(10)
                    .and_then(|number| number.checked_add(u64::from(byte - b'0')))
                    .ok_or("value out of range"),
                _ => Err("invalid syntax"),
            });
            let problem = match read {
                Ok(_) if digits.is_empty() => "invalid syntax",
                Ok(_) => "value out of range",
                Err(problem) => problem,
            };
            SetError::Index { text, problem }.into()
        })
    }

    /// A value of `--set`, `--set-string` or `--set-file`: a list in braces, or text up to a comma.
    fn plain_value(&mut self) -> Result<Value, Stop> {
        if !self.rest().starts_with('{') {
            let (text, _) = self.until(&[',']);
            return Ok(self.convert(text)?);
        }
        self.at += 1;
        let mut list = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            match stop {
                None => return Err(SetError::OpenList.into()),
                Some('}') => {
                    if self.rest().starts_with(',') {
                        self.at += 1;
                    }
                    list.push(self.convert(text)?);
                    return Ok(Value::Sequence(list));
                }
                Some(_) => list.push(self.convert(text)?),
            }
        }
    }

    fn convert(&mut self, text: String) -> Result<Value, SetError> {
        match self.kind {
            SetKind::File => (self.read)(&text).map(Value::String).map_err(SetError::File),
            SetKind::Typed => Ok(typed(text)),
            _ => Ok(Value::String(text)),
        }
    }

    /// A JSON value, or nothing, which means null; and the comma behind it.
    fn json_value(&mut self) -> Result<Value, SetError> {
        if self.skip_to_value() {
            return Ok(Value::Null);
        }
        let (value, length) = json::read_prefix(self.rest(), Numbers::Helm)?;
        self.at += length;
        self.skip_to_value();
        Ok(value)
    }

    /// Skips white space; tells whether the value ends here, and takes the comma if there is one.
    fn skip_to_value(&mut self) -> bool {
        let rest = self.rest();
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        match self.rest().chars().next() {
            None => true,
            Some(',') => {
                self.at += 1;
                true
            }
            Some(_) => false,
        }
    }
}

/// Puts a value into a list, which grows as needed.
fn set_index(list: &mut Vec<Value>, index: i64, value: Value) -> Result<(), SetError> {
    if index > MAX_INDEX {
        return Err(SetError::IndexTooHigh(index));
    }
    let Ok(place) = usize::try_from(index) else { return Err(SetError::NegativeIndex(index)) };
    if list.len() <= place {
        list.resize(place + 1, Value::Null);
    }
    list[place] = value;
    Ok(())
}

/// What `--set` makes of a text.
fn typed(text: String) -> Value {
    if text.eq_ignore_ascii_case("true") {
        return Value::Bool(true);
    }
    if text.eq_ignore_ascii_case("false") {
        return Value::Bool(false);
    }
    if text.eq_ignore_ascii_case("null") {
        return Value::Null;
    }
    // A leading zero keeps it text: it may be a code or a mode.
    let is_number = text == "0" || !text.starts_with('0');
    text.parse().ok().filter(|_| is_number).map_or(Value::String(text), Value::Int)
}
