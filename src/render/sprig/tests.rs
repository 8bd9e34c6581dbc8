//! How the families' tests call a function: as a template would, with arguments of the right types.

use std::cell::Cell;

use super::find;
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::host::Host;
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::value::Value;

/// A host whose randomness is a sequence that a seed tells, and whose clock stands still at 2024-02-29T13:04:05.5Z.
pub(super) struct Seeded(Cell<u64>);

impl Seeded {
    pub(super) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }
}

impl Host for Seeded {
    fn now(&self) -> i128 {
        1_709_211_845_500_000_000
    }

    /// `SplitMix64`.
    fn random(&self, buffer: &mut [u8]) -> Result<(), String> {
        for chunk in buffer.chunks_mut(8) {
            self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
            let mut mixed = self.0.get();
            mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// What a function returns.
pub(super) fn value_with(host: &dyn Host, name: &str, arguments: &[Value]) -> Result<Value, String> {
    let function = find(name).unwrap_or_else(|| panic!("no function {name}"));
    (function.call)(
        &mut Machine::new(
            host,
            crate::render::gotemplate::set::Templates::new(super::find),
            crate::render::gotemplate::machine::Options::default(),
        ),
        arguments,
    )
    .map_err(|failure| match failure {
        Failure::Message(message) | Failure::User(message) | Failure::Budget(message) => message,
        Failure::Nested { .. } | Failure::Parse { .. } => panic!("{failure:?}"),
    })
}

/// The text of what a function returns.
pub(super) fn call_with(host: &dyn Host, name: &str, arguments: &[Value]) -> Result<String, String> {
    Ok(match value_with(host, name, arguments)? {
        Value::Text(text) => text.as_str().unwrap().to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(_, value) => value.to_string(),
        Value::Object(object) => object.string().unwrap_or_else(|| object.print()),
        other => panic!("{other:?} has no text here"),
    })
}

/// The same with a host of its own.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<String, String> {
    call_with(&Seeded::new(42), name, arguments)
}
