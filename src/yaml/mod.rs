//! YAML as Helm's library (sigs.k8s.io/yaml on go-yaml v2) reads and writes it.
//!
//! Everything a Helm user can see goes through here: values files, manifests, `-o yaml`, records. The room owns
//! [`Value`], in which int64, uint64 and float64 are kept apart, and [`Origins`], which tells beside a value
//! where each part of it came from.
//!
//! Reading goes characters → tokens → events → nodes → value, one file each. Scanner and parser are our own: they
//! have to agree with go-yaml's in what they accept, in the words and lines of their errors, and in the bounds that
//! keep hostile input harmless, and the YAML crates agree in none of these (some panic). Writing is the way back
//! with the effects of Helm's detour through JSON. [`json`] is Go's JSON, beside it because records and templates
//! need both.

mod compose;
mod cursor;
mod decode;
mod error;
mod input;
pub mod json;
pub mod number;
mod origin;
mod parser;
mod pretty;
mod properties;
mod read;
mod resolve;
mod scalars;
mod scanner;
mod strict;
#[cfg(test)]
mod tests;
mod typed;
mod value;
mod write;

pub use compose::MAX_DEPTH;
pub use decode::Numbers;
pub use error::{Error, Fault, Position};
pub use origin::{Origin, Origins, Source, SourceId, Sources, Span, Step, path_text};
pub use pretty::{Node, to_yaml_pretty};
pub use read::{
    documents, origins, read, read_documents, read_documents_with_origins, read_mapping, read_mapping_with_origins,
    read_sequence, source_text,
};
pub use strict::check_strictly;
pub use typed::{Struct, Type, fit_struct, read_struct};
pub use value::{Mapping, Value, merge};
pub use write::{natural_order, to_yaml};
