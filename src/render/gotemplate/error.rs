//! What goes wrong in a template, as structure: every text form (Go's, Helm 3's, Helm 4's, ours) is made from it.

use std::fmt;
use std::rc::Rc;

use super::source::Place;
use super::value::Value;

/// Why a function did not return a value. Displays as the text of the error that Go's function returns.
#[derive(Debug, Clone)]
pub enum Failure {
    /// An error that the function returned, or a panic that Go catches; the text is Go's.
    Message(String),
    /// `required` or `fail`: the chart's own words for the user.
    User(String),
    /// A text that the function should run cannot be parsed (`tpl`).
    Parse {
        /// The words before the parser's text.
        prefix: String,
        /// What the parser says.
        error: Rc<ParseError>,
    },
    /// A template that the function ran failed (`include`, `tpl`).
    Nested {
        /// The words before the inner error's text; empty for `include`.
        prefix: String,
        /// What happened inside.
        error: Rc<ExecError>,
    },
    /// A budget of time, memory or depth is spent; nothing of Go's corresponds to it.
    Budget(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Self::Message(message.to_owned())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) | Self::User(message) | Self::Budget(message) => f.write_str(message),
            Self::Parse { prefix, error } => write!(f, "{prefix}{error}"),
            Self::Nested { prefix, error } => write!(f, "{prefix}{error}"),
        }
    }
}

/// A template that cannot be parsed. Displays as Go's text, `template: NAME:LINE: MESSAGE`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {name}:{line}: {message}")]
pub struct ParseError {
    /// The name the text was parsed under, usually its path.
    pub name: Rc<str>,
    /// Line, from 1, as Go counts it.
    pub line: usize,
    /// Go's words.
    pub message: String,
    /// The place for our own report: the token that was not expected.
    pub place: Place,
}

/// A template that failed while it ran. Displays as Go's text,
/// `template: FILE:LINE:COLUMN: executing "TEMPLATE" at <CONTEXT>: MESSAGE`.
#[derive(Debug, Clone)]
pub struct ExecError {
    /// The name under which the text was parsed.
    pub file: Rc<str>,
    /// Line in it, from 1.
    pub line: usize,
    /// Byte column in the line, from 0.
    pub column: usize,
    /// Name of the template that ran: the file's, or that of a `define`.
    pub template: Rc<str>,
    /// The source of the place as Go prints it from the tree.
    pub context: String,
    /// What happened.
    pub cause: Cause,
    /// The place for our own report: what the context was made from.
    pub place: Place,
    /// What was nil or missing, if that is what is wrong.
    pub absent: Option<Absent>,
    /// The `template` actions through which the place was reached since the last `include`, `tpl` or file, innermost
    /// first.
    pub callers: Vec<Caller>,
}

/// Something without a value from which a field was wanted, or a key that a map has to have.
#[derive(Debug, Clone)]
pub struct Absent {
    /// The source of what has no value, such as `.Values.image`.
    pub expression: String,
    /// The field that was wanted from it, or the key that is missing.
    pub field: Rc<str>,
    /// The map that should have held what has no value, if it came out of one.
    pub holder: Option<Value>,
    /// The key in that map.
    pub key: Option<Rc<str>>,
}

/// A `template` or `block` action.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Where it is.
    pub place: Place,
    /// The template it is in.
    pub template: Rc<str>,
    /// The template it runs.
    pub callee: Rc<str>,
}

/// What happened in a template.
#[derive(Debug, Clone)]
pub enum Cause {
    /// The evaluator's own words.
    Message(String),
    /// A function failed: Go puts `error calling NAME: ` before its text.
    Call {
        /// The function.
        function: Rc<str>,
        /// What it said.
        failure: Failure,
    },
    /// A budget of time, memory or depth is spent.
    Budget(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) | Self::Budget(message) => f.write_str(message),
            Self::Call { function, failure } => write!(f, "error calling {function}: {failure}"),
        }
    }
}

impl fmt::Display for ExecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, context, cause, .. } = self;
        write!(
            f,
            "template: {file}:{line}:{column}: executing {} at <{context}>: {cause}",
            super::quote::quoted(self.template.as_bytes())
        )
    }
}

impl std::error::Error for ExecError {}
