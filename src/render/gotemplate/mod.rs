//! Go's template language (`text/template` of Go 1.26), as far as a host language can have it.
//!
//! Owns the way from a template's text to its output: `lexer` and `parser` make an `ast`, [`set`] says which template a
//! name stands for, [`machine`] runs them (`evaluate`, `builtins`). [`value`] is what templates compute with,
//! [`function`] is how the outside offers functions, [`format`] is how values print, and [`host`] is everything that is
//! not pure. It knows nothing of Helm and of sprig: functions come in as tables, values as trees. Rules and texts are
//! those of Go's packages `text/template`, `text/template/parse` and `fmt`; they are held against recorded answers.

mod ast;
mod builtins;
mod compare;
mod directive;
pub mod error;
mod escape;
mod evaluate;
pub mod float;
pub mod format;
pub mod function;
pub mod host;
pub mod items;
mod lexer;
mod literal;
pub mod machine;
pub mod named_int;
mod operand;
mod parser;
pub mod quote;
pub mod set;
mod slot;
pub mod source;
pub mod text;
pub mod value;

#[cfg(test)]
mod tests;
