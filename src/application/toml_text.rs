//! Setting a field in the text of a TOML file without touching any other byte.
//!
//! The text is parsed by `toml_edit` and the new value is put into the original at the place the parser reports;
//! printing the parsed document instead would turn CRLF into LF, drop a byte order mark and move dotted keys.
//! Also finds what TOML 1.1 allows and TOML 1.0 does not: `toml_edit` reads 1.1, the programs that read these files
//! may not. Knows nothing of MaiBot.

use std::ops::Range;
use std::sync::Arc;

use toml_edit::{Document, Item, Table, Value};
use toml_parser::Source;
use toml_parser::lexer::{Token, TokenKind};

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1. A byte order mark does not count.
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

impl Place {
    /// The place of a byte in a text.
    pub(super) fn of(text: &str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

/// Why a text cannot be edited. Messages never quote values, which may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TomlError {
    /// It is not TOML.
    #[error("{place}: {message}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser says.
        message: String,
    },
    /// A table was expected and something else is there.
    #[error("{place}: `{key}` has to be a table")]
    NotATable {
        /// Where.
        place: Place,
        /// Its key.
        key: String,
    },
    /// A value was expected and a table is there.
    #[error("{place}: `{key}` has to be a value, not a table")]
    NotAValue {
        /// Where.
        place: Place,
        /// Its dotted key.
        key: String,
    },
}

/// A value to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// A boolean.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A text.
    Text(String),
}

impl Scalar {
    fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Bool(wanted), Value::Boolean(found)) => wanted == found.value(),
            (Self::Integer(wanted), Value::Integer(found)) => wanted == found.value(),
            (Self::Text(wanted), Value::String(found)) => wanted == found.value(),
            _ => false,
        }
    }

    fn to_toml(&self) -> String {
        match self {
            Self::Bool(value) => Value::from(*value),
            Self::Integer(value) => Value::from(*value),
            Self::Text(value) => Value::from(value.as_str()),
        }
        .to_string()
    }
}

/// A text that is TOML. It is parsed once and then once for each change.
#[derive(Debug)]
pub struct TomlText {
    mark: &'static str,
    document: Document<Arc<str>>,
}

impl TomlText {
    /// Reads a text, which may begin with a byte order mark.
    pub fn read(text: &str) -> Result<Self, TomlError> {
        let body = text.strip_prefix(MARK);
        let mark = if body.is_some() { MARK } else { "" };
        Ok(Self { mark, document: parse(body.unwrap_or(text))? })
    }

    /// The text as it is now.
    pub fn text(&self) -> String {
        [self.mark, self.document.raw()].concat()
    }

    /// Sets `table.key` to a value. Returns whether it had another one.
    ///
    /// An existing value is replaced in place, whatever its spelling and its comment. A missing one is added behind the
    /// last field of the table, a missing table at the end of the text; line ends and indentation are those around it.
    pub fn set(&mut self, table: &str, key: &str, value: &Scalar) -> Result<bool, TomlError> {
        let Some(edit) = self.edit(table, key, value)? else { return Ok(false) };
        let mut edited = self.document.raw().to_owned();
        edited.replace_range(edit.range, &edit.text);
        self.document = parse(&edited)?;
        Ok(true)
    }

    /// What has to be written where, so that `table.key` has this value; nothing if it has it.
    fn edit(&self, table: &str, key: &str, value: &Scalar) -> Result<Option<Edit>, TomlError> {
        let (body, root) = (self.document.raw(), self.document.as_table());
        let place = |span: Option<Range<usize>>| Place::of(body, span.map_or(0, |span| span.start));
        Ok(Some(match root.get(table) {
            None => Edit::table(body, table, key, value),
            Some(Item::Table(found)) => match found.get(key) {
                Some(Item::Value(old)) if value.equals(old) => return Ok(None),
                Some(Item::Value(old)) => Edit::replace(old.span(), value),
                Some(other) => {
                    let span = found.key(key).and_then(toml_edit::Key::span).or_else(|| other.span());
                    return Err(TomlError::NotAValue { place: place(span), key: format!("{table}.{key}") });
                }
                None => Edit::into_table(body, found, table, key, value),
            },
            Some(Item::Value(Value::InlineTable(found))) => match found.get(key) {
                Some(old) if value.equals(old) => return Ok(None),
                Some(old) => Edit::replace(old.span(), value),
                None => Edit::into_inline_table(found, key, value),
            },
            Some(other) => {
                let span = root.key(table).and_then(toml_edit::Key::span).or_else(|| other.span());
                return Err(TomlError::NotATable { place: place(span), key: table.to_owned() });
            }
        }))
    }

    /// Whether `table.key` has this value.
    pub(super) fn holds(&self, table: &str, key: &str, value: &Scalar) -> bool {
        let found = self.document.as_table().get(table).and_then(|item| item.get(key)).and_then(Item::as_value);
        found.is_some_and(|found| value.equals(found))
    }
}

/// One replacement.
struct Edit {
    range: Range<usize>,
    text: String,
}

impl Edit {
    fn replace(span: Option<Range<usize>>, value: &Scalar) -> Self {
        Self { range: span.unwrap_or_default(), text: value.to_toml() }
    }

    /// A new line in a table that is written as `[table]`, by dotted keys, or not at all but for its children.
    fn into_table(body: &str, found: &Table, table: &str, key: &str, value: &Scalar) -> Self {
        // Fields of child tables under headers of their own are not among these.
        let last = found
            .get_values()
            .into_iter()
            .filter_map(|(keys, value)| Some((keys.first()?.span()?.start, value.span()?.end)))
            .max_by_key(|(_, end)| *end);
        let (start, end, path) = match (last, found.span().filter(|_| !found.is_implicit() && !found.is_dotted())) {
            (Some((start, end)), _) if found.is_dotted() => (start, end, format!("{table}.{key}")),
            (Some((start, end)), Some(_)) => (start, end, key.to_owned()),
            (None, Some(header)) => (header.start, header.end, key.to_owned()),
            (_, None) => return Self::table(body, table, key, value),
        };
        let line_start = body[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let indent: String = body[line_start..].chars().take_while(|blank| matches!(blank, ' ' | '\t')).collect();
        let line = format!("{indent}{path} = {}", value.to_toml());
        match body[end..].find('\n') {
            Some(newline) => {
                let next = end + newline + 1;
                let line_end = if body[..next].ends_with("\r\n") { "\r\n" } else { "\n" };
                Self { range: next..next, text: format!("{line}{line_end}") }
            }
            None => Self { range: body.len()..body.len(), text: format!("{}{line}", line_end_of(body)) },
        }
    }

    fn into_inline_table(found: &toml_edit::InlineTable, key: &str, value: &Scalar) -> Self {
        let last = found.get_values().into_iter().filter_map(|(_, value)| Some(value.span()?.end)).max();
        let start = found.span().unwrap_or_default().start;
        match last {
            Some(end) => Self { range: end..end, text: format!(", {key} = {}", value.to_toml()) },
            None => Self { range: start + 1..start + 1, text: format!(" {key} = {} ", value.to_toml()) },
        }
    }

    /// A new table at the end.
    fn table(body: &str, table: &str, key: &str, value: &Scalar) -> Self {
        let line_end = line_end_of(body);
        let gap = match body {
            "" => "",
            ended if ended.ends_with('\n') => line_end,
            _ => &line_end.repeat(2),
        };
        let text = format!("{gap}[{table}]{line_end}{key} = {}{line_end}", value.to_toml());
        Self { range: body.len()..body.len(), text }
    }
}

/// The byte order mark.
const MARK: &str = "\u{feff}";

fn parse(body: &str) -> Result<Document<Arc<str>>, TomlError> {
    Document::parse(Arc::from(body)).map_err(|error| TomlError::Syntax {
        place: Place::of(body, error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })
}

/// The text behind a byte order mark.
fn without_mark(text: &str) -> &str {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// How the first line ends; a line feed if there is none.
fn line_end_of(body: &str) -> &'static str {
    match body.find('\n') {
        Some(newline) if body[..newline].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// What TOML 1.1 has and TOML 1.0 refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Later {
    /// A line end inside an inline table.
    InlineTableLine,
    /// A comma behind the last field of an inline table.
    InlineTableComma,
    /// The escape `\e`.
    EscapeE,
    /// An escape `\xHH`.
    EscapeX,
    /// A time without seconds.
    TimeWithoutSeconds,
}

impl std::fmt::Display for Later {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::InlineTableLine => "a line break inside an inline table",
            Self::InlineTableComma => "a comma behind the last field of an inline table",
            Self::EscapeE => "the escape `\\e`",
            Self::EscapeX => "an escape `\\xHH`",
            Self::TimeWithoutSeconds => "a time without seconds",
        })
    }
}

/// Where a text that is TOML 1.1 is not TOML 1.0, in the order of the text; each inline table's line ends count once.
pub fn later_than_1_0(text: &str) -> Vec<(Place, Later)> {
    let body = without_mark(text);
    let tokens = Source::new(body).lex().into_vec();
    let mut found = Vec::new();
    // The open brackets; for braces also whether a line end was seen inside.
    let mut open: Vec<(TokenKind, bool)> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let start = token.span().start();
        let mut note = |byte: usize, what| found.push((Place::of(body, byte), what));
        match token.kind() {
            kind @ (TokenKind::LeftCurlyBracket | TokenKind::LeftSquareBracket) => open.push((kind, false)),
            TokenKind::RightCurlyBracket => {
                open.pop();
                if let Some(comma) = comma_before(&tokens[..index]) {
                    note(comma, Later::InlineTableComma);
                }
            }
            TokenKind::RightSquareBracket => drop(open.pop()),
            TokenKind::Newline => {
                if let Some((TokenKind::LeftCurlyBracket, seen @ false)) = open.last_mut() {
                    *seen = true;
                    note(start, Later::InlineTableLine);
                }
            }
            TokenKind::BasicString | TokenKind::MlBasicString => {
                let raw = body.get(start..token.span().end()).unwrap_or_default();
                let mut bytes = raw.bytes().enumerate();
                while let Some((at, byte)) = bytes.next() {
                    if byte == b'\\' {
                        match bytes.next() {
                            Some((_, b'e')) => note(start + at, Later::EscapeE),
                            Some((_, b'x')) => note(start + at, Later::EscapeX),
                            _ => {}
                        }
                    }
                }
            }
            TokenKind::Atom if is_time_without_seconds(body.get(start..token.span().end()).unwrap_or_default()) => {
                note(start, Later::TimeWithoutSeconds);
            }
            _ => {}
        }
    }
    found.sort_by_key(|(place, _)| *place);
    found
}

/// The comma at the end of these tokens, blanks, line ends and comments left aside.
fn comma_before(tokens: &[Token]) -> Option<usize> {
    let last = tokens
        .iter()
        .rev()
        .find(|token| !matches!(token.kind(), TokenKind::Whitespace | TokenKind::Newline | TokenKind::Comment))?;
    (last.kind() == TokenKind::Comma).then(|| last.span().start())
}

/// Whether a bare word ends in a time of hours and minutes, with or without a date before and a zone behind it.
fn is_time_without_seconds(word: &str) -> bool {
    let time = word.rsplit(['T', 't']).next().unwrap_or(word).as_bytes();
    match time {
        [h1, h2, b':', m1, m2, rest @ ..] => {
            [h1, h2, m1, m2].into_iter().all(u8::is_ascii_digit)
                && matches!(rest.first(), None | Some(b'Z' | b'z' | b'+' | b'-'))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Scalar {
        Scalar::Text(value.to_owned())
    }

    fn check(text: &str) -> Result<(), TomlError> {
        TomlText::read(text).map(drop)
    }

    /// The text with the value; nothing if it has it already.
    fn set(text: &str, table: &str, key: &str, value: &Scalar) -> Result<Option<String>, TomlError> {
        let mut read = TomlText::read(text)?;
        Ok(read.set(table, key, value)?.then(|| read.text()))
    }

    fn holds(text: &str, table: &str, key: &str, value: &Scalar) -> Result<bool, TomlError> {
        Ok(TomlText::read(text)?.holds(table, key, value))
    }

    /// Sets `t.k` and returns the text, the same one if nothing changed.
    fn set_t_k(before: &str, value: &Scalar) -> String {
        set(before, "t", "k", value).unwrap().unwrap_or_else(|| before.to_owned())
    }

    #[test]
    fn only_the_value_changes() {
        for (before, after) in [
            ("[t]\nk = 1 # why\n", "[t]\nk = \"v\" # why\n"),
            ("[t]\n  k='''\nold\n'''\t# why\nz = 2", "[t]\n  k=\"v\"\t# why\nz = 2"),
            ("t.k = [1, # one\n 2]\n", "t.k = \"v\"\n"),
            ("t = { a = 1, k = 2 } # why\n", "t = { a = 1, k = \"v\" } # why\n"),
            ("[t] # why\r\n\"k\" = 1\r\n\r\n[u]\r\nk = 1\n", "[t] # why\r\n\"k\" = \"v\"\r\n\r\n[u]\r\nk = 1\n"),
            ("\u{feff}[t]\nk = 'ä'", "\u{feff}[t]\nk = \"v\""),
            ("a.x = 1\nt.k = 0\na.y = 2\n", "a.x = 1\nt.k = \"v\"\na.y = 2\n"),
        ] {
            assert_eq!(set_t_k(before, &text("v")), after);
        }
    }

    #[test]
    fn a_field_that_has_its_value_stays_as_it_is_spelt() {
        for (before, value) in [
            ("[t]\nk='v'", text("v")),
            ("[t]\r\nk = \"\"\"\r\nv\"\"\"\r\n", text("v")),
            ("t.k = 0x1F9F\n", Scalar::Integer(8095)),
            ("t = {k=true}\n", Scalar::Bool(true)),
        ] {
            assert_eq!(set(before, "t", "k", &value), Ok(None), "{before}");
        }
    }

    #[test]
    fn a_missing_field_goes_behind_the_last_one_of_its_table() {
        for (before, after) in [
            ("[t]\na = 1 # one\n\n[u]\n", "[t]\na = 1 # one\nk = \"v\"\n\n[u]\n"),
            ("[t]\r\n\ta = 1\r\n[u]\r\n", "[t]\r\n\ta = 1\r\n\tk = \"v\"\r\n[u]\r\n"),
            ("[t] # empty\n# about\n[u]\n", "[t] # empty\nk = \"v\"\n# about\n[u]\n"),
            ("[t]", "[t]\nk = \"v\""),
            ("[t]\na = 1", "[t]\na = 1\nk = \"v\""),
            ("[u]\r\n[t]\r\na = 1", "[u]\r\n[t]\r\na = 1\r\nk = \"v\""),
            ("[t]\na = [\n  1,\n]\n[t.u]\nz = 1\n", "[t]\na = [\n  1,\n]\nk = \"v\"\n[t.u]\nz = 1\n"),
            ("[t]\na.b = 1\nc = 2\na.d = 3\n", "[t]\na.b = 1\nc = 2\na.d = 3\nk = \"v\"\n"),
            ("t.a = 1\nx = 2\n[u]\n", "t.a = 1\nt.k = \"v\"\nx = 2\n[u]\n"),
            ("t = {}\n", "t = { k = \"v\" }\n"),
            ("t = { a = 1 }\n", "t = { a = 1, k = \"v\" }\n"),
            ("t = { a.b = [1, 2] }\n", "t = { a.b = [1, 2], k = \"v\" }\n"),
        ] {
            let edited = set_t_k(before, &text("v"));
            assert_eq!(edited, after);
            assert_eq!(holds(&edited, "t", "k", &text("v")), Ok(true));
        }
    }

    #[test]
    fn a_missing_table_goes_to_the_end() {
        for (before, after) in [
            ("", "[t]\nk = true\n"),
            ("a = 1\n", "a = 1\n\n[t]\nk = true\n"),
            ("a = 1", "a = 1\n\n[t]\nk = true\n"),
            ("a = 1\r\n", "a = 1\r\n\r\n[t]\r\nk = true\r\n"),
            ("[t.u]\na = 1\n", "[t.u]\na = 1\n\n[t]\nk = true\n"),
            ("[[t.u]]\na = 1\n", "[[t.u]]\na = 1\n\n[t]\nk = true\n"),
        ] {
            let edited = set_t_k(before, &Scalar::Bool(true));
            assert_eq!(edited, after);
            assert_eq!(holds(&edited, "t", "k", &Scalar::Bool(true)), Ok(true));
        }
    }

    #[test]
    fn what_is_in_the_way_is_named_with_its_place() {
        let error = |before: &str| set(before, "t", "k", &text("v")).unwrap_err().to_string();
        assert_eq!(error("a = 1\nt = 1\n"), "line 2, column 1: `t` has to be a table");
        assert_eq!(error("[[t]]\nk = 1\n"), "line 1, column 3: `t` has to be a table");
        assert_eq!(error("\n[t.k]\na = 1\n"), "line 2, column 4: `t.k` has to be a value, not a table");
        assert_eq!(error("[t]\nk.a = 1\n"), "line 2, column 1: `t.k` has to be a value, not a table");
    }

    #[test]
    fn broken_toml_is_named_with_its_place_and_without_its_content() {
        let error = set("\u{feff}# 麦麦\n[t]\nkey = sk-secret\n", "t", "k", &text("v")).unwrap_err();
        let TomlError::Syntax { place, message } = error else { panic!("{error:?}") };
        assert_eq!(place, Place { line: 3, column: 7 });
        assert!(!message.contains("secret"), "{message}");
        let error = set("a = \"麦麦\" b", "t", "k", &text("v")).unwrap_err();
        assert!(error.to_string().starts_with("line 1, column 10: "), "{error}");
    }

    #[test]
    fn texts_are_quoted_so_that_they_read_back() {
        for value in ["", "a\"b", "a\\b", "a'b", "1\n2", "\u{7}", "麦麦", "'''\"\"\"\n"] {
            let edited = set_t_k("[t]\nk = 0\n", &text(value));
            assert_eq!(holds(&edited, "t", "k", &text(value)), Ok(true), "{edited}");
            assert_eq!(later_than_1_0(&edited), []);
        }
    }

    #[test]
    fn what_only_toml_1_1_allows_is_found() {
        let found = |text: &str| {
            check(text).unwrap();
            later_than_1_0(text).into_iter().map(|(place, what)| (place.line, place.column, what)).collect::<Vec<_>>()
        };
        assert_eq!(found("t = {\n  a = 1,\n  b = 2\n}\n"), [(1, 6, Later::InlineTableLine)]);
        assert_eq!(found("t = { a = 1, }\n"), [(1, 12, Later::InlineTableComma)]);
        assert_eq!(
            found("t = { a = 1, # why\n}\n"),
            [(1, 12, Later::InlineTableComma), (1, 19, Later::InlineTableLine)]
        );
        assert_eq!(
            found("a = \"\\e[0m\"\nb = \"\"\"\n\\x41\"\"\"\n"),
            [(1, 6, Later::EscapeE), (3, 1, Later::EscapeX)]
        );
        assert_eq!(found("a = 07:32\nb = 2026-01-09T07:32Z\nc = 2026-01-09 07:32\n").len(), 3);
    }

    #[test]
    fn toml_1_0_passes() {
        for text in [
            "t = { a = [\n  1,\n  2,\n], b = { c = 1 } }\n",
            "a = '\\e \\x41'\nb = \"\\\\e \\\\x41 \\u001b\"\n# \\e {,}\n",
            "a = 07:32:00\nb = 2026-01-09T07:32:00+08:00\nc = 2026-01-09 07:32:00.5\nd = 2026-01-09\n",
            "a = [\n  { x = 1 },\n  { x = 2 },\n]\n[[b]]\nc = \"23:00-10:00\"\n",
        ] {
            check(text).unwrap();
            assert_eq!(later_than_1_0(text), [], "{text}");
        }
    }

    /// What a document says, for comparing; `t.k` left out.
    fn meaning(text: &str) -> serde_json::Value {
        fn of_value(value: &Value) -> serde_json::Value {
            match value {
                Value::Array(array) => array.iter().map(of_value).collect(),
                Value::InlineTable(table) => {
                    table.iter().map(|(key, value)| (key.to_owned(), of_value(value))).collect()
                }
                Value::String(text) => text.value().replace("\r\n", "\n").into(),
                Value::Boolean(flag) => (*flag.value()).into(),
                Value::Integer(number) => (*number.value()).into(),
                Value::Float(number) => number.value().to_string().into(),
                Value::Datetime(time) => time.value().to_string().into(),
            }
        }
        fn of_item(item: &Item) -> serde_json::Value {
            match item {
                Item::None => serde_json::Value::Null,
                Item::Value(value) => of_value(value),
                Item::Table(table) => table.iter().map(|(key, item)| (key.to_owned(), of_item(item))).collect(),
                Item::ArrayOfTables(array) => array.iter().map(|table| of_item(&Item::Table(table.clone()))).collect(),
            }
        }
        let mut meaning = of_item(parse(without_mark(text)).unwrap().as_item());
        if let Some(table) = meaning.get_mut("t").and_then(serde_json::Value::as_object_mut) {
            table.remove("k");
        }
        if meaning.get("t").is_some_and(|table| table.as_object().is_some_and(serde_json::Map::is_empty)) {
            meaning.as_object_mut().unwrap().remove("t");
        }
        meaning
    }

    /// Lines that documents are made of.
    const PIECES: [&str; 26] = [
        "",
        "# 麦麦 = [",
        "[t]",
        "  [ t ] # why",
        "[\"t\"]",
        "[t.u]",
        "[t.u.v]",
        "[[t.w]]",
        "[[t]]",
        "[u]",
        "[[w]]",
        "k = 1 # why",
        "\tk = '''\nold ]\n'''",
        "\"k\" = {}",
        "k.a = 1",
        "t.k = [ 1, # one\n 2 ]",
        "t.a = true",
        "t.b.c = \"\"\"\n\"\"\" # three",
        "t = { a = 1 }",
        "t = {}",
        "t = { k = 2, b.c = '}' }",
        "t = 1",
        "a = 07:32:00",
        "b = [\n  { x = 1 }, # x\n]",
        "u.a = 1e3",
        "  c = \"# no comment\"",
    ];

    #[test]
    fn setting_a_field_changes_the_meaning_of_no_other() {
        use proptest::prelude::*;
        let pieces =
            prop::collection::vec((prop::sample::select(&PIECES), prop::sample::select(&["\n", "\r\n"])), 0..8);
        let values =
            prop::sample::select(vec![Scalar::Bool(true), Scalar::Integer(1), Scalar::Text("v\"\n'".to_owned())]);
        let edits = std::cell::Cell::new(0);
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(4000));
        runner
            .run(&(any::<bool>(), pieces, any::<bool>(), values), |(mark, pieces, cut, value)| {
                let mut before = if mark { "\u{feff}".to_owned() } else { String::new() };
                before.extend(pieces.into_iter().flat_map(|(piece, line_end)| [piece, line_end]));
                if cut {
                    before.truncate(before.trim_end_matches(['\r', '\n']).len());
                }
                // Many mixtures define something twice; they have to fail and not to panic.
                match set(&before, "t", "k", &value) {
                    Err(TomlError::Syntax { .. }) => prop_assert!(check(&before).is_err()),
                    Err(TomlError::NotATable { .. } | TomlError::NotAValue { .. }) => {
                        prop_assert!(check(&before).is_ok());
                    }
                    Ok(None) => prop_assert_eq!(holds(&before, "t", "k", &value), Ok(true)),
                    Ok(Some(after)) => {
                        edits.set(edits.get() + 1);
                        prop_assert_eq!(holds(&after, "t", "k", &value), Ok(true), "{:?} -> {:?}", &before, &after);
                        prop_assert_eq!(meaning(&after), meaning(&before), "{:?} -> {:?}", &before, &after);
                        prop_assert_eq!(set(&after, "t", "k", &value), Ok(None));
                    }
                }
                Ok(())
            })
            .unwrap();
        assert!(edits.get() > 1000, "only {} of 4000 texts were edited", edits.get());
    }
}
