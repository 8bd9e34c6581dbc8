//! Strict reading, as `UnmarshalStrict` of sigs.k8s.io/yaml does it: keys that stand twice in one map, and fields that
//! a struct does not have, are errors.

use std::collections::HashSet;

use super::compose::{Document, MAX_DEPTH, NodeId, NodeKind};
use super::decode::Numbers;
use super::error::{Error, Fault};
use super::number::quote;
use super::read::{read, with_document};
use super::typed::{Struct, Type};
use super::value::Value;

/// How many keys that stand twice are named; a hostile file shall not make a hostile message.
const MAX_DUPLICATES: usize = 100;
/// How many pairs of keys and values are looked at, those behind aliases again each time.
const MAX_PAIRS: usize = 1_000_000;

/// Checks what strict reading checks beyond the usual: the text is taken to be readable into the struct.
///
/// # Errors
/// All keys that stand twice; if there are none the first unknown field, in the order of their names.
pub fn check_strictly(text: &[u8], target: &'static Struct) -> Result<(), Error> {
    with_document(text, |document, _| {
        let mut search = Search { document, found: Vec::new(), pairs: 0 };
        if !document.nodes.is_empty() {
            search.node(0, 0);
        }
        if search.found.is_empty() {
            return Ok(());
        }
        Err(Error::Syntax(Fault::plain(format!("unmarshal errors:\n  {}", search.found.join("\n  ")))))
    })?;
    match unknown_field(Type::Pointer(target), &read(text, Numbers::Exact)?) {
        Some(field) => Err(Error::Json(format!("json: unknown field {}", quote(&field)))),
        None => Ok(()),
    }
}

/// The first field that a type does not have.
fn unknown_field(kind: Type, value: &Value) -> Option<String> {
    match (kind, value) {
        (Type::List(inner), Value::Sequence(list)) => list.iter().find_map(|item| unknown_field(*inner, item)),
        (Type::Map(inner), Value::Mapping(map)) => map.values().find_map(|item| unknown_field(*inner, item)),
        (Type::Pointer(inner) | Type::Struct(inner), Value::Mapping(map)) => map.iter().find_map(|(key, item)| {
            let field = inner.field(key);
            field.map_or_else(|| Some(key.clone()), |(_, kind)| unknown_field(kind, item))
        }),
        _ => None,
    }
}

struct Search<'d> {
    document: &'d Document<'d>,
    found: Vec<String>,
    pairs: usize,
}

impl Search<'_> {
    fn node(&mut self, id: NodeId, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match &self.document.nodes[self.document.target(id)].kind {
            NodeKind::Sequence(children) => {
                for child in children {
                    self.node(*child, depth + 1);
                }
            }
            NodeKind::Mapping(_) => self.mapping(id, depth, &mut HashSet::new()),
            NodeKind::Scalar { .. } | NodeKind::Alias { .. } => {}
        }
    }

    /// `seen` has the keys of the map that is being filled: merged maps fill the one around them.
    fn mapping(&mut self, id: NodeId, depth: usize, seen: &mut HashSet<String>) {
        let document = self.document;
        let NodeKind::Mapping(children) = &document.nodes[document.target(id)].kind else { return };
        for pair in children.chunks_exact(2) {
            self.pairs += 1;
            if depth > MAX_DEPTH || self.pairs > MAX_PAIRS || self.found.len() >= MAX_DUPLICATES {
                return;
            }
            let (key, value) = (pair[0], pair[1]);
            if document.is_merge(key) {
                match &document.nodes[document.target(value)].kind {
                    NodeKind::Sequence(maps) => {
                        for map in maps.iter().rev() {
                            self.mapping(*map, depth + 1, seen);
                        }
                    }
                    _ => self.mapping(value, depth + 1, seen),
                }
                continue;
            }
            self.node(value, depth + 1);
            // Keys are told apart by type: 1 and "1" are two.
            let key = document.go_syntax(key);
            if seen.contains(&key) {
                let line = document.nodes[value].start.line + 1;
                self.found.push(format!("line {line}: key {key} already set in map"));
            } else {
                seen.insert(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const INNER: Struct = Struct { name: "Inner", fields: &[("name", Type::Text)] };
    const OUTER: Struct = Struct {
        name: "Outer",
        fields: &[("text", Type::Text), ("list", Type::List(&Type::Pointer(&INNER))), ("any", Type::Any)],
    };

    fn complaint(text: &str) -> Option<String> {
        check_strictly(text.as_bytes(), &OUTER).err().map(|error| error.to_string())
    }

    #[test]
    fn every_key_that_stands_twice_is_named_with_its_line() {
        assert_eq!(
            complaint("text: a\nany:\n  1: a\n  \"1\": b\n  1: c\ntext: b\n").unwrap(),
            "error converting YAML to JSON: yaml: unmarshal errors:\n  line 5: key 1 already set in map\n  line 6: key \
             \"text\" already set in map"
        );
    }

    #[test]
    fn the_first_unknown_field_is_named() {
        let unknown = |field: &str| {
            Some(format!("error unmarshaling JSON: while decoding JSON: json: unknown field \"{field}\""))
        };
        assert_eq!(complaint("zoo: 1\nabc: 1\ntext: a"), unknown("abc"));
        assert_eq!(complaint("list: [{name: a}, {nme: b}]"), unknown("nme"));
        assert_eq!(complaint("TEXT: a\nany: {whatever: 1}\nlist: null"), None);
    }

    #[test]
    fn maps_of_aliases_inside_aliases_end() {
        let mut text = "a0: &a0 {x: 1}\n".to_owned();
        for level in 1..24 {
            let before = level - 1;
            writeln!(text, "a{level}: &a{level} {{l: *a{before}, r: *a{before}}}").unwrap();
        }
        // What matters is that it comes back.
        let _ = complaint(&text);
    }
}
