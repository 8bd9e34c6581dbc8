//! What Helm prints when a template cannot be parsed or fails, from the structure of the error.
//!
//! Helm works on the text of Go's error: it looks for the words of `required` and `fail`, and Helm 4 takes every link
//! of the chain of errors apart that has the form `template: PLACE: executing "NAME" at <CONTEXT>: MESSAGE`. A link's
//! text is always the end of the text of the link around it, so that here a link is a place in one text. Because Helm
//! looks at texts, words of a chart that look like such a line are taken for one, here as there.

use std::fmt::Write as _;

use crate::render::gotemplate::error::{Cause, ExecError, Failure, ParseError};
use crate::values::Compat;
use crate::yaml::number::quote;

/// The text for a file that cannot be parsed.
pub(super) fn parse_text(file: &str, error: &ParseError) -> String {
    let text = error.to_string();
    let mut parts = text.split(": ");
    let _ = parts.next();
    match (parts.next(), text.rsplit(": ").next()) {
        (Some(location), Some(last)) => format!("parse error at ({location}): {last}"),
        _ => format!("parse error in ({file}): {text}"),
    }
}

/// The text for a template that failed.
pub(super) fn exec_text(error: &ExecError, compat: Compat) -> String {
    let chain = Chain::new(error);
    let mut parts = chain.text.splitn(3, ": ");
    if let (Some(_), Some(location), Some(rest)) = (parts.next(), parts.next(), parts.next())
        && let Some(words) = user_words(rest)
    {
        return format!("execution error at ({location}): {words}");
    }
    match compat {
        Compat::Helm3 => chain.text,
        Compat::Helm4 => chain.traced().unwrap_or(chain.text),
    }
}

/// The chain of Go's errors.
struct Chain {
    /// The text of the outermost error.
    text: String,
    /// Where the text of each link begins, from the outermost on.
    links: Vec<usize>,
}

/// The marks that Helm puts around the words of `required` and `fail`, to find them again.
const MARK: (&str, &str) = ("HELM_ERR_START", "HELM_ERR_END");

/// What stands between the first mark and the last.
fn user_words(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(MARK.0)?;
    rest.rsplit_once(MARK.1).map(|(words, _)| words)
}

impl Chain {
    fn new(error: &ExecError) -> Self {
        let mut chain = Self { text: String::new(), links: Vec::new() };
        let mut next = Some(error);
        while let Some(error) = next {
            chain.link();
            let ExecError { file, line, column, template, context, cause, .. } = error;
            let template = quote(template);
            let _ = write!(chain.text, "template: {file}:{line}:{column}: executing {template} at <{context}>: ");
            next = chain.cause(cause);
        }
        chain
    }

    fn link(&mut self) {
        self.links.push(self.text.len());
    }

    /// Adds a cause; the inner error is returned for the next round.
    fn cause<'e>(&mut self, cause: &'e Cause) -> Option<&'e ExecError> {
        let (function, failure) = match cause {
            Cause::Message(message) | Cause::Budget(message) => {
                self.text.push_str(message);
                return None;
            }
            Cause::Call { function, failure } => (function, failure),
        };
        let _ = write!(self.text, "error calling {function}: ");
        match failure {
            Failure::Message(message) | Failure::Budget(message) => {
                self.link();
                self.text.push_str(message);
                None
            }
            Failure::User(words) => {
                self.link();
                let _ = write!(self.text, "{}{words}{}", MARK.0, MARK.1);
                None
            }
            Failure::Parse { prefix, error } => {
                self.link();
                self.text.push_str(prefix);
                self.link();
                let _ = write!(self.text, "{error}");
                None
            }
            Failure::Nested { prefix, error } => {
                if !prefix.is_empty() {
                    self.link();
                    self.text.push_str(prefix);
                }
                Some(error)
            }
        }
    }

    /// Helm 4's lines, if every link has the form it knows.
    fn traced(&self) -> Option<String> {
        let mut out = String::new();
        let mut before: Option<Frame<'_>> = None;
        for link in &self.links {
            let frame = Frame::read(self.text.get(*link..).unwrap_or_default())?;
            if before != Some(frame) {
                frame.write(&mut out);
            }
            before = Some(frame);
        }
        Some(out.trim().to_owned())
    }
}

/// One link, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame<'t> {
    location: &'t str,
    /// Name of the template and source of the place.
    executing: Option<(&'t str, &'t str)>,
    message: &'t str,
}

impl<'t> Frame<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let rest = text.strip_prefix("template: ")?;
        if rest.starts_with("no template ") {
            return Some(Self { location: "", executing: None, message: text });
        }
        Self::executing(rest).or_else(|| Self::simple(rest))
    }

    /// `PLACE: executing "NAME" at <CONTEXT>: MESSAGE`
    fn executing(rest: &'t str) -> Option<Self> {
        let (location, rest) = rest.split_once(": executing ")?;
        let (name, rest) = rest.strip_prefix('"')?.split_once('"')?;
        let (context, message) = rest.strip_prefix(" at <")?.split_once(">: ")?;
        Some(Self { location, executing: Some((name, context)), message: up_to_inner(message) })
    }

    /// `PLACE: MESSAGE`
    fn simple(rest: &'t str) -> Option<Self> {
        let (location, message) = rest.rsplit_once(": ")?;
        Some(Self { location, executing: None, message: up_to_inner(message) })
    }

    fn write(&self, out: &mut String) {
        if !self.location.is_empty() {
            let _ = write!(out, "{}\n  ", self.location);
        }
        if let Some((name, context)) = self.executing {
            let _ = write!(out, "executing \"{name}\" at <{context}>:\n    ");
        }
        if !self.message.is_empty() {
            let _ = writeln!(out, "{}", self.message);
        }
    }
}

/// A message without the error inside it.
fn up_to_inner(message: &str) -> &str {
    message.split(" template:").next().unwrap_or(message)
}
