//! Values as YAML, byte for byte as sigs.k8s.io/yaml writes them.
//!
//! Helm writes by way of JSON: the value is printed as JSON, that is read as YAML, and what was read is emitted.
//! The detour shows in the result: integral floats become integers, a next-line character inside text is folded, and
//! text with characters that YAML streams may not hold cannot be written at all. The detour is taken only for values
//! that it changes in ways other than floats.
//!
//! The emitter writes blocks, folds at 80 columns, and sorts keys as people sort them ([`natural_order`]).

use std::cmp::Ordering;
use std::fmt::Write as _;

use super::compose::MAX_DEPTH;
use super::decode::Numbers;
use super::error::{Error, Fault};
use super::number;
use super::resolve::{Scalar, is_base60, resolve};
use super::value::{Mapping, Value};

/// Lines are folded at the first chance behind this column.
const BEST_WIDTH: usize = 80;
/// A key of more bytes is written with `? `.
const SIMPLE_KEY_LENGTH: usize = 128;
/// A key whose JSON form has more characters cannot be read back.
const READABLE_KEY_LENGTH: usize = 1024;

/// A value as one YAML document, with a newline at its end.
pub fn to_yaml(value: &Value) -> Result<String, Error> {
    if is_changed_by_reading(value) { emit(&read_back(value)?) } else { emit(value) }
}

fn emit(value: &Value) -> Result<String, Error> {
    let mut emitter = Emitter::new(Dialect::Two);
    emitter.node(value, Context::Root)?;
    Ok(emitter.finish())
}

/// Which go-yaml writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Version 2: folds lines, lists in maps stand at the map's indentation.
    Two,
    /// Version 3: folds nothing, lists in maps are indented, tabs may stand in blocks.
    Three,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    Root,
    Item,
    /// A key that stands before its `:` on one line.
    SimpleKey,
    /// A map's value, or a key behind `? `.
    MapNode,
}

pub(super) struct Emitter {
    dialect: Dialect,
    out: String,
    /// Characters on the current line.
    column: usize,
    /// The current block's indentation; `None` outside of all blocks.
    pub(super) indent: Option<usize>,
    /// Whether the last character was white space (or nothing was written).
    whitespace: bool,
    /// Whether the line holds nothing but indentation and `-`, `?`, `:`.
    indention: bool,
    depth: usize,
}

impl Emitter {
    pub(super) const fn new(dialect: Dialect) -> Self {
        Self { dialect, out: String::new(), column: 0, indent: None, whitespace: true, indention: true, depth: 0 }
    }

    /// The document, with a newline at its end.
    pub(super) fn finish(mut self) -> String {
        self.indent = None;
        self.write_indent();
        self.out
    }

    /// Whether a line may be folded at the column that was reached.
    const fn is_beyond(&self) -> bool {
        matches!(self.dialect, Dialect::Two) && self.column > BEST_WIDTH
    }

    fn put(&mut self, character: char) {
        self.out.push(character);
        self.column += 1;
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    /// Goes to the current indentation, on a new line unless this one is still empty.
    pub(super) fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || self.column == indent && !self.whitespace {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    pub(super) fn indicator(&mut self, text: &str, need_whitespace: bool, is_indention: bool) {
        if need_whitespace && !self.whitespace {
            self.put(' ');
        }
        self.out.push_str(text);
        self.column += text.len();
        self.whitespace = false;
        self.indention &= is_indention;
    }

    pub(super) fn increase_indent(&mut self, flow: bool, indentless: bool) -> Option<usize> {
        let before = self.indent;
        self.indent = match before {
            None => Some(if flow { 2 } else { 0 }),
            Some(indent) if indentless => Some(indent),
            Some(indent) => Some(indent + 2),
        };
        before
    }

    pub(super) fn node(&mut self, value: &Value, context: Context) -> Result<(), Error> {
        match value {
            Value::Null => self.plain("null"),
            Value::Bool(value) => self.plain(if *value { "true" } else { "false" }),
            Value::Int(integer) => self.plain(&integer.to_string()),
            Value::UInt(integer) => self.plain(&integer.to_string()),
            Value::Float(float) => self.float(*float)?,
            Value::String(text) => self.string(text, context),
            Value::Sequence(list) if list.is_empty() => self.indicator("[]", true, false),
            Value::Mapping(map) if map.is_empty() => self.indicator("{}", true, false),
            Value::Sequence(list) => self.nested(|emitter| emitter.sequence(list, context))?,
            Value::Mapping(map) => self.nested(|emitter| emitter.mapping(map))?,
        }
        Ok(())
    }

    pub(super) fn nested(&mut self, write: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        if self.depth == MAX_DEPTH {
            return Err(Error::Write(Fault::plain(format!("exceeded max depth of {MAX_DEPTH}"))));
        }
        self.depth += 1;
        write(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn sequence(&mut self, list: &[Value], context: Context) -> Result<(), Error> {
        let indentless = self.dialect == Dialect::Two && context == Context::MapNode && !self.indention;
        let before = self.increase_indent(false, indentless);
        for item in list {
            self.write_indent();
            self.indicator("-", true, true);
            self.node(item, Context::Item)?;
        }
        self.indent = before;
        Ok(())
    }

    fn mapping(&mut self, map: &Mapping) -> Result<(), Error> {
        let before = self.increase_indent(false, false);
        let mut entries = Vec::with_capacity(map.len());
        entries.extend(map.iter().map(|(key, value)| (key.as_str(), value)));
        for (key, value) in sort_naturally(self.dialect, entries) {
            self.key(key);
            self.node(value, Context::MapNode)?;
        }
        self.indent = before;
        Ok(())
    }

    /// A key up to and with its `:`, on a new line.
    pub(super) fn key(&mut self, key: &str) {
        self.write_indent();
        if key.len() <= SIMPLE_KEY_LENGTH && !key.contains(is_break) {
            self.string(key, Context::SimpleKey);
            self.indicator(":", false, false);
        } else {
            self.indicator("?", true, true);
            self.string(key, Context::MapNode);
            self.write_indent();
            self.indicator(":", true, true);
        }
    }

    pub(super) fn plain(&mut self, text: &str) {
        if !self.whitespace {
            self.put(' ');
        }
        self.out.push_str(text);
        self.column += text.len();
        self.whitespace = false;
        self.indention = false;
    }

    /// A float goes through JSON: what is printed there without point and exponent is an integer afterwards.
    fn float(&mut self, float: f64) -> Result<(), Error> {
        if let Some(problem) = number::not_json(float) {
            return Err(Error::WriteNumber(problem));
        }
        let json = number::format_json(float);
        match resolve(&json) {
            Scalar::Int(integer) => self.plain(&integer.to_string()),
            Scalar::UInt(integer) => self.plain(&integer.to_string()),
            _ => self.plain(&number::format_g(float)),
        }
        Ok(())
    }

    pub(super) fn string(&mut self, text: &str, context: Context) {
        let form = Form::of(text, self.dialect);
        let is_key = context == Context::SimpleKey;
        let before = self.increase_indent(true, false);
        let may_be_plain = matches!(resolve(text), Scalar::Text(_)) && !is_base60(text);
        if text.contains('\n') && form.may_be_block && !is_key {
            self.literal(text);
        } else if text.contains('\n') || !may_be_plain || form.must_be_double(is_key) {
            self.double_quoted(text, !is_key);
        } else if form.may_be_plain {
            self.plain_scalar(text, !is_key);
        } else {
            self.single_quoted(text, !is_key);
        }
        self.indent = before;
    }

    fn plain_scalar(&mut self, text: &str, fold: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        let mut after_space = false;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let next = characters.peek();
            if character == ' ' && fold && !after_space && self.is_beyond() && next != Some(&' ') {
                self.write_indent();
            } else {
                self.put(character);
            }
            // A space that was folded away counts as one too.
            after_space = character == ' ';
            self.indention = false;
        }
        self.whitespace = false;
        self.indention = false;
    }

    fn single_quoted(&mut self, text: &str, fold: bool) {
        self.indicator("'", true, false);
        let mut after_space = false;
        let mut after_break = false;
        let last = text.chars().count().saturating_sub(1);
        let mut characters = text.chars().enumerate().peekable();
        while let Some((index, character)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            if character == ' ' {
                let inside = index > 0 && index < last;
                if fold && !after_space && self.is_beyond() && inside && next != Some(' ') {
                    self.write_indent();
                } else {
                    self.put(' ');
                }
                after_space = true;
            } else if is_break(character) {
                if !after_break && character == '\n' {
                    self.put_break();
                }
                self.write_break(character);
                self.indention = true;
                after_break = true;
            } else {
                if after_break {
                    self.write_indent();
                }
                if character == '\'' {
                    self.put('\'');
                }
                self.put(character);
                self.indention = false;
                after_space = false;
                after_break = false;
            }
        }
        self.indicator("'", false, false);
        self.indention = false;
    }

    fn write_break(&mut self, character: char) {
        self.out.push(character);
        self.column = 0;
    }

    fn double_quoted(&mut self, text: &str, fold: bool) {
        self.indicator("\"", true, false);
        // A byte order mark at the very start makes go-yaml escape everything.
        let escape_all = text.starts_with('\u{FEFF}');
        let mut after_space = false;
        let last = text.chars().count().saturating_sub(1);
        let mut characters = text.chars().enumerate().peekable();
        while let Some((index, character)) = characters.next() {
            if escape_all || !is_printable(character) || is_break(character) || matches!(character, '"' | '\\') {
                self.escape(character);
                after_space = false;
            } else if character == ' ' {
                let inside = index > 0 && index < last;
                if fold && !after_space && self.is_beyond() && inside {
                    self.write_indent();
                    if characters.peek().is_some_and(|(_, next)| *next == ' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                after_space = true;
            } else {
                self.put(character);
                after_space = false;
            }
        }
        self.indicator("\"", false, false);
        self.indention = false;
    }

    fn escape(&mut self, character: char) {
        let from = self.out.len();
        let short = match character {
            '\0' => '0',
            '\u{07}' => 'a',
            '\u{08}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{0B}' => 'v',
            '\u{0C}' => 'f',
            '\r' => 'r',
            '\u{1B}' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{A0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => '\0',
        };
        let code = u32::from(character);
        let _ = match (short, code) {
            ('\0', ..=0xFF) => write!(self.out, "\\x{code:02X}"),
            ('\0', ..=0xFFFF) => write!(self.out, "\\u{code:04X}"),
            ('\0', _) => write!(self.out, "\\U{code:08X}"),
            _ => write!(self.out, "\\{short}"),
        };
        self.column += self.out.len() - from;
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false);
        if text.starts_with(|first| first == ' ' || is_break(first)) {
            self.indicator("2", false, false);
        }
        let mut tail = text.chars().rev();
        let (last, before) = (tail.next(), tail.next());
        match (last.is_some_and(is_break), before) {
            (false, _) => self.indicator("-", false, false),
            (true, None) => self.indicator("+", false, false),
            (true, Some(before)) if is_break(before) => self.indicator("+", false, false),
            (true, Some(_)) => {}
        }
        self.put_break();
        self.indention = true;
        self.whitespace = true;
        let mut after_break = true;
        for character in text.chars() {
            if is_break(character) {
                self.write_break(character);
                self.indention = true;
                after_break = true;
            } else {
                if after_break {
                    self.write_indent();
                }
                self.put(character);
                self.indention = false;
                after_break = false;
            }
        }
    }
}

/// Which forms a text can take.
struct Form {
    may_be_plain: bool,
    may_be_single: bool,
    may_be_block: bool,
    is_multiline: bool,
}

impl Form {
    const fn must_be_double(&self, is_key: bool) -> bool {
        is_key && self.is_multiline || !self.may_be_plain && !self.may_be_single
    }

    fn of(text: &str, dialect: Dialect) -> Self {
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut is_multiline, mut special, mut tabs) = (false, false, false);
        let (mut break_space, mut space_break) = (false, false);
        let (mut previous_space, mut previous_break, mut after_whitespace) = (false, false, true);
        let mut first = true;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let before_whitespace = characters.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
            indicators |= match character {
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => first,
                '#' => first || after_whitespace,
                '?' | '-' => first && before_whitespace,
                ':' => before_whitespace,
                _ => false,
            };
            if character == '\t' && dialect == Dialect::Three {
                tabs = true;
            } else {
                special |= !is_printable(character);
            }
            let (is_space, is_break) = (character == ' ', is_break(character));
            break_space |= is_space && previous_break;
            space_break |= is_break && previous_space;
            is_multiline |= is_break;
            (previous_space, previous_break) = (is_space, is_break);
            after_whitespace = is_break || matches!(character, ' ' | '\t' | '\0');
            first = false;
        }
        let at_edge = |c: char| c == ' ' || is_break(c);
        let bare_edges = !text.starts_with(at_edge) && !text.ends_with(at_edge);
        Self {
            may_be_plain: !indicators && !special && !tabs && !is_multiline && bare_edges,
            may_be_single: !special && !tabs && !break_space && !space_break,
            may_be_block: !text.is_empty() && !special && !space_break && !text.ends_with(' '),
            is_multiline,
        }
    }
}

const fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What go-yaml writes without escaping: nothing outside the Basic Multilingual Plane.
const fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FEFE}' | '\u{FF00}'..='\u{FFFD}')
}

/// Whether a value comes back changed, or not at all, when its JSON is read as YAML: characters that a YAML stream
/// may not hold, next-line characters (which break lines), keys that are too long to be told as keys. The rest of
/// what the detour does is known to [`Emitter::float`].
fn is_changed_by_reading(value: &Value) -> bool {
    match value {
        Value::String(text) => is_text_changed(text),
        Value::Sequence(list) => list.iter().any(is_changed_by_reading),
        Value::Mapping(map) => map.iter().any(|(key, value)| {
            // No character takes more than six in JSON; two are the quotes.
            key.len() > (READABLE_KEY_LENGTH - 2) / 6 || is_text_changed(key) || is_changed_by_reading(value)
        }),
        _ => false,
    }
}

fn is_text_changed(text: &str) -> bool {
    // All these characters begin with one of three bytes.
    text.bytes().any(|byte| matches!(byte, 0x7F | 0xC2 | 0xEF))
        && text.contains(|c: char| matches!(c, '\u{7F}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}'))
}

/// The detour itself: JSON, read as YAML.
fn read_back(value: &Value) -> Result<Value, Error> {
    let json = super::json::to_json(value)?;
    super::read::read(json.as_bytes(), Numbers::Exact).map_err(|error| match error {
        // Nobody has seen that text.
        Error::Syntax(fault) => Error::Write(fault.without_position()),
        other => other,
    })
}

/// Sorts keys as go-yaml does. Its order is not transitive for keys such as `a1b`, `a2b`, `a10b` (Helm's own output
/// then varies from run to run), so this may not be given to the standard sort: a plain merge sort ends in any case.
pub(super) fn sort_naturally<T>(dialect: Dialect, mut left: Vec<(&str, T)>) -> Vec<(&str, T)> {
    // Keys arrive in byte order, which among ASCII letters is the natural order.
    if left.len() < 2 || left.iter().all(|(key, _)| key.bytes().all(|byte| byte.is_ascii_alphabetic())) {
        return left;
    }
    let right = sort_naturally(dialect, left.split_off(left.len().div_ceil(2)));
    let left = sort_naturally(dialect, left);
    let mut sorted = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if natural_order_of(dialect, b.0, a.0) == Ordering::Less { right.next() } else { left.next() };
        sorted.extend(next);
    }
    sorted.extend(left);
    sorted.extend(right);
    sorted
}

/// go-yaml's order of keys: letters by code point and behind everything else, runs of digits as numbers.
pub fn natural_order(left: &str, right: &str) -> Ordering {
    natural_order_of(Dialect::Two, left, right)
}

fn natural_order_of(dialect: Dialect, left: &str, right: &str) -> Ordering {
    let mut digits_before = DigitsBefore::default();
    let (mut a, mut b) = (left.chars(), right.chars());
    loop {
        let (rest_a, rest_b) = (a.as_str(), b.as_str());
        let (Some(x), Some(y)) = (a.next(), b.next()) else {
            return left.chars().count().cmp(&right.chars().count());
        };
        if x == y {
            digits_before.pass(x);
            continue;
        }
        match (x.is_alphabetic(), y.is_alphabetic()) {
            (true, true) => return x.cmp(&y),
            // In version 3 letters come first behind a digit.
            (true, false) | (false, true) => {
                let letter_first = dialect == Dialect::Three && digits_before.is_digit;
                let order = if x.is_alphabetic() { Ordering::Greater } else { Ordering::Less };
                return if letter_first { order.reverse() } else { order };
            }
            (false, false) => {}
        }
        // A zero counts in `10` and `100`, and does not in `01` and `001`.
        let start = i64::from((x == '0' || y == '0') && digits_before.is_not_zero);
        let (number_a, length_a) = leading_number(rest_a, start);
        let (number_b, length_b) = leading_number(rest_b, start);
        return number_a.cmp(&number_b).then(length_a.cmp(&length_b)).then(x.cmp(&y));
    }
}

/// The run of digits just passed.
#[derive(Default)]
struct DigitsBefore {
    /// Whether there is one.
    is_digit: bool,
    /// Whether it has one that is not zero.
    is_not_zero: bool,
}

impl DigitsBefore {
    const fn pass(&mut self, character: char) {
        self.is_digit = character.is_ascii_digit();
        self.is_not_zero = character.is_ascii_digit() && (self.is_not_zero || character != '0');
    }
}

fn leading_number(text: &str, start: i64) -> (i64, usize) {
    text.bytes().take_while(u8::is_ascii_digit).fold((start, 0), |(number, length), byte| {
        (number.wrapping_mul(10).wrapping_add(i64::from(byte - b'0')), length + 1)
    })
}
