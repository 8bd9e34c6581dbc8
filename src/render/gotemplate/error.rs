//! What goes wrong in a template, as structure: every text form (Go's, Helm 3's, Helm 4's, ours) is made from it.

use std::rc::Rc;

/// Why a function did not return a value.
#[derive(Debug, Clone)]
pub enum Failure {
    /// An error that the function returned, or a panic that Go catches; the text is Go's.
    Message(String),
    /// `required` or `fail`: the chart's own words for the user.
    User(String),
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

/// A template that cannot be parsed. Displays as Go's text, `template: NAME:LINE: MESSAGE`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {name}:{line}: {message}")]
pub struct ParseError {
    /// The name the text was parsed under, usually its path.
    pub name: Rc<str>,
    /// Line, from 1, as Go counts it.
    pub line: usize,
    /// Byte offset in the text at which our own report points.
    pub offset: usize,
    /// Go's words.
    pub message: String,
}

/// A template that failed while it ran.
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
