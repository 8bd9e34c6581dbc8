//! What the tool says and how: the printer, messages and failures in two languages, progress, tables, masking.
//!
//! The room knows the events of `action` and the codes; it knows nothing of clap, the cluster or charts. Words and
//! manners: to stdout goes the result and nothing else; a message says what, why, evidence, state and next
//! command, in this order; Chinese and English carry the same facts; secrets are never printed elsewhere than
//! where a command's very purpose is to show them.

mod compat;
mod excerpt;
mod failure;
mod format;
mod language;
mod log;
mod mask;
mod message;
mod page;
mod paint;
mod printer;
mod progress;
mod registry;
pub mod suggest;
mod table;
mod template_trouble;
mod usage;
mod values_trouble;
mod verdict;

pub use compat::{Helm, quoted};
pub use failure::{Failure, HelmText, Report, RoomFailure, Unsupported};
pub use format::{OutputFormat, json_line};
pub use language::Language;
pub use log::start as start_log;
pub use mask::{MASK, Masker, is_secret_name};
pub use message::{Level, Message};
pub use page::{Page, Pages, explain, list as list_pages, reference as reference_pages};
pub use paint::{ColorChoice, Paint};
pub use printer::{Printer, PrinterSettings, Verbosity};
pub use progress::{ProgressStyle, SCHEMA, Scope, observer};
pub use registry::registry_failure;
pub use table::{Table, pad, shorten, visible_width};
pub use usage::{Arity, Reason, Usage};
pub use verdict::verdict;
