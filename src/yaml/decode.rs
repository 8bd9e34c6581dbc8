//! Nodes as values.
//!
//! Follows go-yaml v2's decoder: a later duplicate of a key wins, `<<` merges where it stands, and aliases may
//! make up only so much of a document. Then what sigs.k8s.io/yaml does on the way through JSON: keys become text,
//! and what JSON lacks is an error.

use std::collections::HashSet;
use std::collections::btree_map::BTreeMap;

use super::compose::{Document, MAX_DEPTH, NodeId, NodeKind, too_deep};
use super::error::{Error, Fault, Position};
use super::number;
use super::origin::{Origin, Origins, SourceId, Span};
use super::resolve::{Scalar, resolve, resolve_tagged};
use super::value::{Mapping, Value};

/// What becomes of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbers {
    /// All are floats, because Helm reads through JSON: the values of Helm charts.
    #[default]
    Helm,
    /// Integers stay integers: the embedded chart, our own files.
    Exact,
}

/// From how many decoded nodes on aliases are watched, and how many of those must come from aliases.
const WATCH_FROM: usize = 1000;
const WATCH_ALIASES: usize = 100;
/// Between these numbers of decoded nodes the allowed share of aliases falls from 99 % to 10 %.
const SHARE_FALLS_FROM: usize = 400_000;
const SHARE_FALLS_TO: usize = 4_000_000;
/// How many nodes' origins are kept at most for one document.
const MAX_ORIGINS: usize = 200_000;

/// What is wrong with a key, and where it stands.
type BadKey = (String, Position);

/// The entries of a map that is being decoded.
#[derive(Default)]
struct Entries {
    values: Mapping,
    /// Keys that cannot become text, in the values of these entries. An entry that is replaced takes its own along: Go
    /// turns keys into text when the whole document has been decoded.
    bad_below: BTreeMap<String, BadKey>,
    /// The keys of this map that cannot become text, by their type.
    bad: BTreeMap<&'static str, BadKey>,
}

/// Order of the keys of a map in which all types may be keys: by type (in the order of their addresses in Helm's
/// programs, which is the same in every build that was looked at), then by value.
type GoKey = (u8, i128, String);

struct Decoder<'d> {
    document: &'d Document<'d>,
    numbers: Numbers,
    decoded: usize,
    from_aliases: usize,
    alias_depth: usize,
    open_aliases: HashSet<NodeId>,
    /// A key that cannot become text, in what was decoded last.
    bad_key: Option<BadKey>,
    has_infinity: bool,
}

impl Document<'_> {
    /// The document's value.
    pub(super) fn decode(&self, numbers: Numbers) -> Result<Value, Error> {
        if self.nodes.is_empty() {
            return Ok(Value::Null);
        }
        let mut decoder = Decoder {
            document: self,
            numbers,
            decoded: 1,
            from_aliases: 0,
            alias_depth: 0,
            open_aliases: HashSet::new(),
            bad_key: None,
            has_infinity: false,
        };
        let value = decoder.node(0, 0).map_err(Error::Syntax)?;
        if let Some((problem, position)) = decoder.bad_key {
            return Err(Error::NotJson { problem, position: Some(position) });
        }
        if decoder.has_infinity
            && let Some(number) = unsupported(&value)
        {
            return Err(Error::NotJson { problem: format!("json: unsupported value: {number}"), position: None });
        }
        Ok(value)
    }

    /// Where the parts of the document's value stand.
    pub(super) fn origins(&self, source: SourceId) -> Origins {
        let mut budget = MAX_ORIGINS;
        match self.nodes.first() {
            Some(_) => self.trace(0, source, None, 0, &mut budget),
            None => Origins::default(),
        }
    }

    fn trace(&self, id: NodeId, source: SourceId, key: Option<Span>, depth: usize, budget: &mut usize) -> Origins {
        let node = &self.nodes[id];
        let value = Span { start: node.start.into(), end: node.end.into() };
        let mut origins = Origins::new(Origin { source, key, value });
        let target = self.target(id);
        if *budget == 0 || depth > MAX_DEPTH {
            return origins;
        }
        *budget -= 1;
        match &self.nodes[target].kind {
            NodeKind::Mapping(_) => self.trace_mapping(target, source, depth, budget, &mut origins),
            NodeKind::Sequence(children) => {
                for &child in children {
                    origins.push(self.trace(child, source, None, depth + 1, budget));
                }
            }
            NodeKind::Scalar { .. } | NodeKind::Alias { .. } => {}
        }
        origins
    }

    fn trace_mapping(&self, id: NodeId, source: SourceId, depth: usize, budget: &mut usize, out: &mut Origins) {
        let NodeKind::Mapping(children) = &self.nodes[id].kind else { return };
        if *budget == 0 || depth > MAX_DEPTH {
            return;
        }
        for pair in children.chunks_exact(2) {
            if self.is_merge(pair[0]) {
                match &self.nodes[self.target(pair[1])].kind {
                    NodeKind::Sequence(maps) => {
                        for &map in maps.iter().rev() {
                            self.trace_mapping(self.target(map), source, depth + 1, budget, out);
                        }
                    }
                    _ => self.trace_mapping(self.target(pair[1]), source, depth + 1, budget, out),
                }
            } else if let Some(name) = self.key_text(pair[0]) {
                let key = &self.nodes[pair[0]];
                let span = Span { start: key.start.into(), end: key.end.into() };
                out.insert(name, self.trace(pair[1], source, Some(span), depth + 1, budget));
            }
        }
    }

    /// The node itself, or what it is an alias of.
    pub(super) fn target(&self, id: NodeId) -> NodeId {
        match self.nodes[id].kind {
            NodeKind::Alias { target, .. } => target,
            _ => id,
        }
    }

    pub(super) fn is_merge(&self, id: NodeId) -> bool {
        match &self.nodes[id].kind {
            NodeKind::Scalar { tag, value, implicit } => {
                value == "<<" && (*implicit || tag.as_deref() == Some("tag:yaml.org,2002:merge"))
            }
            _ => false,
        }
    }

    /// What a scalar node means; the error is what is wrong with it.
    fn scalar(&self, id: NodeId) -> Result<Scalar<'_>, String> {
        match &self.nodes[id].kind {
            NodeKind::Scalar { tag: Some(tag), value, .. } => resolve_tagged(tag, value),
            NodeKind::Scalar { value, implicit: true, .. } => Ok(resolve(value)),
            NodeKind::Scalar { value, .. } => Ok(Scalar::Text(value.as_ref().into())),
            _ => Ok(Scalar::Null),
        }
    }

    fn text(&self, id: NodeId) -> &str {
        match &self.nodes[id].kind {
            NodeKind::Scalar { value, .. } => value,
            _ => "",
        }
    }

    /// A key as text, if it can be.
    fn key_text(&self, id: NodeId) -> Option<String> {
        let id = self.target(id);
        Some(match (&self.nodes[id].kind, self.scalar(id).ok()?) {
            (NodeKind::Scalar { .. }, scalar) => match scalar {
                Scalar::Text(text) => text.into_owned(),
                Scalar::Timestamp => self.text(id).to_owned(),
                Scalar::Int(integer) => integer.to_string(),
                Scalar::Bool(value) => value.to_string(),
                #[expect(clippy::cast_possible_truncation, reason = "keys are printed with single precision")]
                Scalar::Float(float) => number::format_g32(float as f32),
                Scalar::Null | Scalar::UInt(_) => return None,
            },
            _ => return None,
        })
    }

    /// The entries of a map as Go prints them, those that are merged into it among them.
    fn go_entries(&self, children: &[NodeId], out: &mut BTreeMap<GoKey, (String, String)>, depth: usize) {
        for pair in children.chunks_exact(2) {
            if !self.is_merge(pair[0]) {
                out.insert(self.go_key(pair[0]), (self.go_syntax(pair[0]), self.go_syntax(pair[1])));
                continue;
            }
            let merged = self.target(pair[1]);
            let maps = match &self.nodes[merged].kind {
                // Earlier ones win, so they come last.
                NodeKind::Sequence(maps) => maps.iter().rev().copied().collect(),
                _ => vec![merged],
            };
            for map in maps {
                if let NodeKind::Mapping(children) = &self.nodes[self.target(map)].kind
                    && depth < MAX_DEPTH
                {
                    self.go_entries(children, out, depth + 1);
                }
            }
        }
    }

    /// What decides about a key's place where Go prints a map.
    fn go_key(&self, id: NodeId) -> GoKey {
        let id = self.target(id);
        match self.scalar(id) {
            Ok(Scalar::Text(text)) => (1, 0, text.into_owned()),
            Ok(Scalar::Timestamp) => (1, 0, self.text(id).to_owned()),
            Ok(Scalar::UInt(integer)) => (2, i128::from(integer), String::new()),
            Ok(Scalar::Int(integer)) => (3, i128::from(integer), String::new()),
            Ok(Scalar::Float(float)) => {
                // The bits of a float are ordered as floats are, if those of negative ones are turned round.
                let bits = float.to_bits().cast_signed();
                (4, i128::from(if bits < 0 { !bits ^ i64::MIN } else { bits }), String::new())
            }
            Ok(Scalar::Bool(value)) => (5, i128::from(value), String::new()),
            Ok(Scalar::Null) | Err(_) => (0, 0, String::new()),
        }
    }

    /// A value as Go's `%#v` prints it.
    pub(super) fn go_syntax(&self, id: NodeId) -> String {
        let id = self.target(id);
        match &self.nodes[id].kind {
            NodeKind::Sequence(children) => {
                let items: Vec<String> = children.iter().map(|child| self.go_syntax(*child)).collect();
                format!("[]interface {{}}{{{}}}", items.join(", "))
            }
            NodeKind::Mapping(children) => {
                let mut items = BTreeMap::new();
                self.go_entries(children, &mut items, 0);
                let items: Vec<String> = items.into_values().map(|(key, value)| format!("{key}:{value}")).collect();
                format!("map[interface {{}}]interface {{}}{{{}}}", items.join(", "))
            }
            _ => match self.scalar(id).unwrap_or(Scalar::Null) {
                Scalar::Null => "interface {}(nil)".to_owned(),
                Scalar::Bool(value) => value.to_string(),
                Scalar::Int(integer) => integer.to_string(),
                Scalar::UInt(integer) => format!("{integer:#x}"),
                Scalar::Float(float) => number::format_v(float),
                Scalar::Timestamp => number::quote(self.text(id)),
                Scalar::Text(text) => number::quote(&text),
            },
        }
    }
}

impl Decoder<'_> {
    fn count(&mut self) -> Result<(), Fault> {
        self.decoded += 1;
        if self.alias_depth > 0 {
            self.from_aliases += 1;
        }
        if self.from_aliases > WATCH_ALIASES && self.decoded > WATCH_FROM && self.is_share_exceeded() {
            return Err(Fault::plain("document contains excessive aliasing"));
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    fn is_share_exceeded(&self) -> bool {
        let allowed = if self.decoded <= SHARE_FALLS_FROM {
            0.99
        } else if self.decoded >= SHARE_FALLS_TO {
            0.10
        } else {
            let way = (self.decoded - SHARE_FALLS_FROM) as f64 / (SHARE_FALLS_TO - SHARE_FALLS_FROM) as f64;
            0.99 - 0.89 * way
        };
        self.from_aliases as f64 / self.decoded as f64 > allowed
    }

    fn open_alias(&mut self, id: NodeId, name: &str) -> Result<(), Fault> {
        if !self.open_aliases.insert(id) {
            let mark = self.document.nodes[id].start;
            return Err(Fault::decoder(format!("anchor '{name}' value contains itself"), mark));
        }
        self.alias_depth += 1;
        Ok(())
    }

    fn close_alias(&mut self, id: NodeId) {
        self.alias_depth -= 1;
        self.open_aliases.remove(&id);
    }

    fn node(&mut self, id: NodeId, depth: usize) -> Result<Value, Fault> {
        self.count()?;
        let document = self.document;
        let node = &document.nodes[id];
        match &node.kind {
            NodeKind::Scalar { .. } => self.scalar(id),
            NodeKind::Alias { name, target } => {
                self.open_alias(id, name)?;
                let value = self.node(*target, depth)?;
                self.close_alias(id);
                Ok(value)
            }
            _ if depth >= MAX_DEPTH => Err(too_deep(node.start)),
            NodeKind::Sequence(children) => {
                let mut list = Vec::with_capacity(children.len());
                for &child in children {
                    list.push(self.node(child, depth + 1)?);
                }
                Ok(Value::Sequence(list))
            }
            NodeKind::Mapping(_) => {
                let earlier = self.bad_key.take();
                let mut entries = Entries::default();
                self.mapping(id, depth + 1, &mut entries)?;
                let own = entries.bad.into_values().chain(entries.bad_below.into_values()).next();
                self.bad_key = earlier.or(own);
                Ok(Value::Mapping(entries.values))
            }
        }
    }

    fn scalar(&mut self, id: NodeId) -> Result<Value, Fault> {
        let document = self.document;
        let scalar = document.scalar(id).map_err(|problem| Fault::decoder(problem, document.nodes[id].start))?;
        Ok(match (scalar, self.numbers) {
            (Scalar::Null, _) => Value::Null,
            (Scalar::Bool(value), _) => Value::Bool(value),
            (Scalar::Text(text), _) => Value::String(text.into_owned()),
            (Scalar::Timestamp, _) => Value::String(document.text(id).to_owned()),
            (Scalar::Float(float), _) => {
                self.has_infinity |= !float.is_finite();
                Value::Float(float)
            }
            (Scalar::Int(integer), Numbers::Exact) => Value::Int(integer),
            (Scalar::UInt(integer), Numbers::Exact) => Value::UInt(integer),
            #[expect(clippy::cast_precision_loss, reason = "so does Go when it reads JSON")]
            (Scalar::Int(integer), Numbers::Helm) => Value::Float(integer as f64),
            #[expect(clippy::cast_precision_loss, reason = "so does Go when it reads JSON")]
            (Scalar::UInt(integer), Numbers::Helm) => Value::Float(integer as f64),
        })
    }

    fn mapping(&mut self, id: NodeId, depth: usize, out: &mut Entries) -> Result<(), Fault> {
        let document = self.document;
        let NodeKind::Mapping(children) = &document.nodes[id].kind else { return Ok(()) };
        for pair in children.chunks_exact(2) {
            let (key, value) = (pair[0], pair[1]);
            if document.is_merge(key) {
                self.merge(value, depth, out)?;
                continue;
            }
            let name = self.key(key, value, out)?;
            let value = self.node(value, depth)?;
            let bad = self.bad_key.take();
            let Some(name) = name else { continue };
            match bad {
                Some(bad) => drop(out.bad_below.insert(name.clone(), bad)),
                None if out.bad_below.is_empty() => {}
                None => drop(out.bad_below.remove(&name)),
            }
            out.values.insert(name, value);
        }
        Ok(())
    }

    /// A key's text; `None` if it has none, which is an error once everything was read.
    fn key(&mut self, key: NodeId, value: NodeId, out: &mut Entries) -> Result<Option<String>, Fault> {
        let document = self.document;
        let target = document.target(key);
        // Counts the key's nodes and finds what is wrong with them.
        self.node(key, 0)?;
        let mark = document.nodes[key].start;
        if !matches!(document.nodes[target].kind, NodeKind::Scalar { .. }) {
            return Err(Fault::decoder(format!("invalid map key: {}", document.go_syntax(key)), mark));
        }
        let text = document.key_text(target);
        if text.is_none() {
            let (kind, key) = match document.scalar(target) {
                Ok(Scalar::UInt(integer)) => ("uint64", format!("{integer:#x}")),
                _ => ("%!s(<nil>)", "<nil>".to_owned()),
            };
            let value = match document.go_syntax(value) {
                nil if nil == "interface {}(nil)" => "<nil>".to_owned(),
                value => value,
            };
            let problem = format!("unsupported map key of type: {kind}, key: {key}, value: {value}");
            out.bad.insert(kind, (problem, mark.into()));
        }
        Ok(text)
    }

    fn merge(&mut self, id: NodeId, depth: usize, out: &mut Entries) -> Result<(), Fault> {
        let document = self.document;
        match &document.nodes[id].kind {
            NodeKind::Sequence(maps) => {
                // Earlier ones win, so they come last.
                for &map in maps.iter().rev() {
                    self.merge_one(map, depth, out)?;
                }
                Ok(())
            }
            _ => self.merge_one(id, depth, out),
        }
    }

    fn merge_one(&mut self, id: NodeId, depth: usize, out: &mut Entries) -> Result<(), Fault> {
        let document = self.document;
        let node = &document.nodes[id];
        let target = document.target(id);
        if !matches!(document.nodes[target].kind, NodeKind::Mapping(_)) {
            return Err(Fault::decoder("map merge requires map or sequence of maps as the value", node.start));
        }
        if depth >= MAX_DEPTH {
            return Err(too_deep(node.start));
        }
        self.count()?;
        if let NodeKind::Alias { name, .. } = node.kind {
            self.open_alias(id, name)?;
            self.count()?;
            self.mapping(target, depth + 1, out)?;
            self.close_alias(id);
            return Ok(());
        }
        self.mapping(target, depth + 1, out)
    }
}

/// The first number, in the order that JSON is written, that JSON cannot hold.
fn unsupported(value: &Value) -> Option<&'static str> {
    match value {
        Value::Float(float) => number::not_json(*float),
        Value::Sequence(list) => list.iter().find_map(unsupported),
        Value::Mapping(map) => map.values().find_map(unsupported),
        _ => None,
    }
}
