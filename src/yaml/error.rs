//! What can be wrong with YAML and JSON.
//!
//! The texts are those of the libraries that Helm reads with, wrapped as Helm shows them. The line that go-yaml
//! names is sometimes the one before, and none on the first line; where a problem really is, [`Error::position`]
//! tells.

use std::borrow::Cow;

use super::scanner::Mark;
use super::value::Value;
use crate::code::Code;

/// A place in a text, counted from one as editors do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Bytes before it in the text (from zero).
    pub offset: usize,
    /// The line, from one.
    pub line: usize,
    /// The column in characters, from one.
    pub column: usize,
}

impl From<Mark> for Position {
    fn from(mark: Mark) -> Self {
        Self { offset: mark.offset, line: mark.line + 1, column: mark.column + 1 }
    }
}

/// A problem found by the scanner, the parser or the decoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    problem: Cow<'static, str>,
    /// The line that go-yaml names; it names none if this is 0.
    line: usize,
    position: Option<Position>,
}

impl Fault {
    /// A scanner's: go-yaml counts its line from one.
    pub(super) fn scanner(problem: &'static str, mark: Mark, context: Mark) -> Self {
        let line = if mark.line > 0 { mark.line + 1 } else { context.line };
        Self { problem: Cow::Borrowed(problem), line, position: Some(mark.into()) }
    }

    /// A parser's: go-yaml counts its line from zero.
    pub(super) fn parser(problem: &'static str, mark: Mark, context: Mark) -> Self {
        let line = if mark.line > 0 { mark.line } else { context.line };
        Self { problem: Cow::Borrowed(problem), line, position: Some(mark.into()) }
    }

    /// A reader's: without a place.
    pub(super) const fn reader(problem: &'static str) -> Self {
        Self { problem: Cow::Borrowed(problem), line: 0, position: None }
    }

    /// A decoder's: go-yaml names no line, `mark` is where it is.
    pub(super) fn decoder(problem: impl Into<Cow<'static, str>>, mark: Mark) -> Self {
        Self { problem: problem.into(), line: 0, position: Some(mark.into()) }
    }

    /// The same without a place, for text that nobody sees.
    pub(super) fn without_position(self) -> Self {
        Self { position: None, ..self }
    }

    /// A problem that has no place.
    pub(super) fn plain(problem: impl Into<Cow<'static, str>>) -> Self {
        Self { problem: problem.into(), line: 0, position: None }
    }

    /// What is wrong, without `yaml:` and the line.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// Where it really is.
    pub const fn position(&self) -> Option<Position> {
        self.position
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(formatter, "yaml: {}", self.problem),
            line => write!(formatter, "yaml: line {line}: {}", self.problem),
        }
    }
}

/// Why a text could not be read or a value not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not YAML.
    #[error("error converting YAML to JSON: {0}")]
    Syntax(Fault),
    /// YAML that JSON cannot hold: a key that is no scalar, an infinite number.
    #[error("error converting YAML to JSON: {problem}")]
    NotJson {
        /// What is wrong.
        problem: String,
        /// Where it is, if known.
        position: Option<Position>,
    },
    /// Something else than the map or list that is needed.
    #[error(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type {wanted}"
    )]
    Shape {
        /// JSON's word for what is there.
        found: &'static str,
        /// Go's type of what is needed.
        wanted: &'static str,
    },
    /// Something that does not fit the Go type it is read into, in the words of Go's JSON.
    #[error("error unmarshaling JSON: while decoding JSON: {0}")]
    Json(String),
    /// A line that begins with `---` and goes on with something else.
    #[error("error reading yaml document: invalid Yaml document separator: {text}")]
    Separator {
        /// What follows the dashes.
        text: String,
        /// Where the line is.
        position: Position,
    },
    /// One of several documents cannot be read.
    #[error("cannot unmarshal yaml document: {0}")]
    Document(Box<Error>),
    /// A value that cannot be written as YAML.
    #[error("{0}")]
    Write(Fault),
    /// A number that JSON cannot hold.
    #[error("error marshaling into JSON: json: unsupported value: {0}")]
    WriteNumber(&'static str),
}

impl Error {
    /// That a value has another shape than the type it is read into.
    pub fn shape(found: &Value, wanted: &'static str) -> Self {
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Int(_) | Value::UInt(_) | Value::Float(_) => "number",
            Value::String(_) => "string",
            Value::Sequence(_) => "array",
            Value::Mapping(_) => "object",
        };
        Self::Shape { found, wanted }
    }

    /// Where the problem really is in the text that was read.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Syntax(fault) | Self::Write(fault) => fault.position(),
            Self::NotJson { position, .. } => *position,
            Self::Separator { position, .. } => Some(*position),
            Self::Document(error) => error.position(),
            Self::Shape { .. } | Self::Json(_) | Self::WriteNumber(_) => None,
        }
    }

    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Write(_) | Self::WriteNumber(_) => Code::Template,
            _ => Code::ValuesSyntax,
        }
    }

    /// Moves the position into the text that the document was cut out of.
    pub(super) fn relocate(&mut self, locate: &dyn Fn(&mut Position)) {
        match self {
            Self::Syntax(Fault { position: Some(position), .. }) | Self::NotJson { position: Some(position), .. } => {
                locate(position);
            }
            Self::Document(error) => error.relocate(locate),
            _ => {}
        }
    }
}
