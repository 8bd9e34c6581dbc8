//! YAML as go-yaml v3 writes it, which Helm's `toYamlPretty` uses.
//!
//! Unlike the writer for everything else there is no detour through JSON: floats stay floats, text that is not UTF-8
//! becomes `!!binary`, times are no text, and what is written is told by [`Node`] rather than by values. Nothing is
//! folded, and lists inside maps are indented.

use super::compose::MAX_DEPTH;
use super::error::{Error, Fault};
use super::number;
use super::value::Value;
use super::write::{Context, Dialect, Emitter, sort_naturally};

/// What can be written.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// A float: stays one even without a fraction.
    Float(f64),
    /// Text.
    String(String),
    /// Text that is not UTF-8.
    Binary(Vec<u8>),
    /// A point in time in RFC 3339, written without quotes.
    Timestamp(String),
    /// A list.
    Sequence(Vec<Node>),
    /// A map; its keys are sorted.
    Mapping(Vec<(String, Node)>),
    /// A struct: its fields stay in order.
    Structure(Vec<(String, Node)>),
    /// A value of the other writer.
    Value(Value),
}

/// Base64 is broken into lines of this length.
const BINARY_LINE: usize = 70;

/// A node as one YAML document, with a newline at its end; the error is that it is nested too deeply.
pub fn to_yaml_pretty(node: &Node) -> Result<String, Error> {
    let mut emitter = Emitter::new(Dialect::Three);
    write(&mut emitter, node, Context::Root, 0)?;
    Ok(emitter.finish())
}

fn write(emitter: &mut Emitter, node: &Node, context: Context, depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(Error::Write(Fault::plain(format!("exceeded max depth of {MAX_DEPTH}"))));
    }
    match node {
        Node::Null => emitter.plain("null"),
        Node::Bool(value) => emitter.plain(if *value { "true" } else { "false" }),
        Node::Int(value) => emitter.plain(&value.to_string()),
        Node::UInt(value) => emitter.plain(&value.to_string()),
        Node::Float(value) => emitter.plain(&number::format_g(*value)),
        Node::Timestamp(text) => emitter.plain(text),
        Node::String(text) => emitter.string(text, context),
        Node::Binary(bytes) => binary(emitter, bytes, context),
        Node::Sequence(list) if list.is_empty() => emitter.indicator("[]", true, false),
        Node::Mapping(map) | Node::Structure(map) if map.is_empty() => emitter.indicator("{}", true, false),
        Node::Sequence(list) => {
            let before = emitter.increase_indent(false, false);
            for item in list {
                emitter.write_indent();
                emitter.indicator("-", true, true);
                write(emitter, item, Context::Item, depth + 1)?;
            }
            emitter.indent = before;
        }
        Node::Mapping(map) => {
            let entries = map.iter().map(|(key, value)| (key.as_str(), value)).collect();
            pairs(emitter, sort_naturally(Dialect::Three, entries).into_iter(), depth)?;
        }
        Node::Structure(map) => pairs(emitter, map.iter().map(|(key, value)| (key.as_str(), value)), depth)?,
        Node::Value(value) => emitter.node(value, context)?,
    }
    Ok(())
}

fn pairs<'n>(
    emitter: &mut Emitter,
    entries: impl Iterator<Item = (&'n str, &'n Node)>,
    depth: usize,
) -> Result<(), Error> {
    let before = emitter.increase_indent(false, false);
    for (key, value) in entries {
        emitter.key(key);
        write(emitter, value, Context::MapNode, depth + 1)?;
    }
    emitter.indent = before;
    Ok(())
}

fn binary(emitter: &mut Emitter, bytes: &[u8], context: Context) {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
    emitter.indicator("!!binary", true, false);
    if encoded.len() < BINARY_LINE {
        // Base64 never needs quotes behind a tag.
        return emitter.plain(&encoded);
    }
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / BINARY_LINE + 1);
    for (index, character) in encoded.chars().enumerate() {
        if index > 0 && index % BINARY_LINE == 0 {
            lines.push('\n');
        }
        lines.push(character);
    }
    lines.push('\n');
    emitter.string(&lines, context);
}
