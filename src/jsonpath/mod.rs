//! `JSONPath` templates as `kubectl` and Helm know them: text with expressions in braces.
//!
//! The language is that of client-go's `util/jsonpath`, its oddities included: fields, indices, slices, wildcards,
//! recursive descent, unions, filters, and `{range …}…{end}`. What it does not know is an error, never passed over. Maps
//! are walked in the order of their keys, where Go's order is random. Pure, and bounded in depth and in the number of
//! results, because both text and values may come from strangers.

mod evaluate;
mod parse;
#[cfg(test)]
mod tests;

use crate::yaml::Value;

/// How deep expressions may lie in each other.
const MAX_DEPTH: usize = 64;
/// How many values an evaluation may come to.
const MAX_RESULTS: usize = 1_000_000;

/// What is wrong with a template, or why it has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PathError(String);

/// A template that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    nodes: Vec<Node>,
}

/// A piece of a template or of an expression.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// Text, outside of braces or in quotes.
    Text(String),
    /// An expression: each step works on what the one before left.
    Steps(Vec<Node>),
    Field(String),
    Slice([Bound; 3]),
    Filter {
        left: Vec<Node>,
        operator: String,
        right: Vec<Node>,
    },
    Literal(Value),
    Wildcard,
    Recursive,
    Union(Vec<Vec<Node>>),
    Identifier(String),
}

/// Start, end or step of a slice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bound {
    value: i64,
    is_known: bool,
    /// Whether it follows from the start: an index alone.
    is_derived: bool,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// If it is malformed, in the words of client-go.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        Ok(Self { nodes: parse::template(text, 0)? })
    }

    /// The template's text for a value.
    ///
    /// # Errors
    /// If a field is not there, an index is out of bounds, or things are compared that cannot be.
    pub fn execute(&self, value: &Value) -> Result<String, PathError> {
        evaluate::execute(&self.nodes, value)
    }
}
