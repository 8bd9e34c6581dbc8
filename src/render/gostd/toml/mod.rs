//! TOML as `BurntSushi`'s library for Go reads it (1.6.0), with its errors.
//!
//! The crates that read TOML are as strict, but their words and lines differ, and templates show them to users. Reading
//! is in two steps: [`scan`] cuts the text into items, [`parse`] makes tables of them.

mod parse;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::time::{Location, Time};

pub use parse::quoted;

/// A table: its entries in the order of their keys.
pub type Table = BTreeMap<Vec<u8>, Value>;

/// A value.
#[derive(Debug, Clone)]
pub enum Value {
    /// A string.
    Text(Vec<u8>),
    /// A number without a fraction.
    Integer(i64),
    /// A number with one.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// A date, a time of day, or both.
    Time(Time),
    /// What stands in brackets.
    Array(Vec<Value>),
    /// What stands in braces, or under a `[header]`.
    Table(Table),
    /// What stands under `[[headers]]`.
    Tables(Vec<Table>),
}

/// Names of the zones in which times without a zone are told: by them the writer knows such times again.
pub const LOCAL_ZONES: [&str; 3] = ["datetime-local", "date-local", "time-local"];

/// Reads a document. Times without a zone are told in that of the user.
///
/// # Errors
/// The library's words, `toml: line 1: …`.
pub fn read(text: &[u8], local: &Location, local_offset: i32) -> Result<Table, String> {
    parse::document(text, local, local_offset)
}
