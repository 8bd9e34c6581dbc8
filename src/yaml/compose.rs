//! Events as a tree of nodes, anchors resolved.
//!
//! The tree is a vector that nodes point into, so that nothing here recurses and an alias is a number. Nesting is
//! bounded here once for all: what passes can be walked, compared and dropped recursively on any thread.

use std::borrow::Cow;
use std::collections::HashMap;

use super::error::Fault;
use super::input::Input;
use super::parser::{EventKind, Parser};
use super::scanner::Mark;

/// How deep maps and lists may nest, aliases expanded. go-yaml and Go's JSON stop at 10 000; no values file or
/// manifest comes near either.
pub const MAX_DEPTH: usize = 256;

pub(super) type NodeId = usize;

#[derive(Debug)]
pub(super) enum NodeKind<'a> {
    Scalar {
        tag: Option<Cow<'static, str>>,
        value: Cow<'a, str>,
        implicit: bool,
    },
    Sequence(Vec<NodeId>),
    /// Keys and values in turn.
    Mapping(Vec<NodeId>),
    Alias {
        name: &'a str,
        target: NodeId,
    },
}

#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) kind: NodeKind<'a>,
    pub(super) start: Mark,
    pub(super) end: Mark,
}

/// One document's nodes; the first is the root.
#[derive(Debug, Default)]
pub(super) struct Document<'a> {
    pub(super) nodes: Vec<Node<'a>>,
}

pub(super) fn too_deep(mark: Mark) -> Fault {
    Fault::decoder(format!("exceeded max depth of {MAX_DEPTH}"), mark)
}

/// The first document of a text; one without nodes if there is none.
pub(super) fn compose(input: Input<'_>) -> Result<Document<'_>, Fault> {
    let mut parser = Parser::new(input);
    let mut nodes: Vec<Node<'_>> = Vec::new();
    let mut anchors: HashMap<&str, NodeId> = HashMap::new();
    let mut open: Vec<NodeId> = Vec::new();
    loop {
        let event = parser.next()?;
        let (kind, anchor, opens) = match event.kind {
            EventKind::StreamStart | EventKind::DocumentStart => continue,
            EventKind::StreamEnd | EventKind::DocumentEnd => return Ok(Document { nodes }),
            EventKind::SequenceEnd | EventKind::MappingEnd => {
                if let Some(id) = open.pop() {
                    nodes[id].end = event.end;
                }
                continue;
            }
            EventKind::Alias(name) => match anchors.get(name) {
                Some(&target) => (NodeKind::Alias { name, target }, None, false),
                None => {
                    return Err(Fault::decoder(format!("unknown anchor '{name}' referenced"), event.start));
                }
            },
            EventKind::Scalar { anchor, tag, value, implicit } => {
                (NodeKind::Scalar { tag, value, implicit }, anchor, false)
            }
            EventKind::SequenceStart { anchor } => (NodeKind::Sequence(Vec::new()), anchor, true),
            EventKind::MappingStart { anchor } => (NodeKind::Mapping(Vec::new()), anchor, true),
        };
        let id = nodes.len();
        nodes.push(Node { kind, start: event.start, end: event.end });
        if let Some(name) = anchor {
            anchors.insert(name, id);
        }
        if let Some(&parent) = open.last()
            && let NodeKind::Sequence(children) | NodeKind::Mapping(children) = &mut nodes[parent].kind
        {
            children.push(id);
        }
        if opens {
            if open.len() == MAX_DEPTH {
                return Err(too_deep(event.start));
            }
            open.push(id);
        }
    }
}
