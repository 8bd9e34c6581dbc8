//! YAML as Helm's library (sigs.k8s.io/yaml on go-yaml v2) reads and writes it.
//!
//! Everything a Helm user can see goes through here: values files, manifests, `-o yaml`, records. The room owns
//! [`Value`], in which int64, uint64 and float64 are kept apart, and [`Origins`], which tells beside a value
//! where each part of it came from. Reading stands on libyaml-safer's events; resolution of scalars, merge
//! keys, duplicate keys and the emitter are our own, after the behaviour of go-yaml.

mod value;

pub use value::{Mapping, Value};
