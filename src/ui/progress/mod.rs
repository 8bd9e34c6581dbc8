//! Progress on stderr, fed from [`Event`]s and from nothing else: a live table on a terminal, stamped lines
//! otherwise, JSON lines for machines, silence for `--quiet` and `--helm-compat`.
//!
//! The live table is off whenever colour is off, because cursor control in a log is worse than none, and with
//! `-v`, because its lines would tear it apart.

mod lines;
mod live;
mod records;

use std::sync::Arc;

use crate::action::Observer;

use super::printer::Printer;

pub use records::SCHEMA;

/// What a run is about; heads every record of the event stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// The verb, such as `install`.
    pub operation: &'static str,
    /// The release.
    pub release: String,
    /// Its namespace.
    pub namespace: String,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressStyle {
    /// Not at all.
    Silent,
    /// A table that is drawn over and over.
    Live,
    /// A line for everything that happens, with the seconds since the start.
    Lines,
    /// A JSON object for everything that happens.
    Records,
}

/// The observer that shows what happens in the printer's style.
pub fn observer(printer: &Arc<Printer>, scope: Scope) -> Arc<dyn Observer> {
    match printer.progress_style() {
        ProgressStyle::Silent => Arc::new(()),
        ProgressStyle::Live => Arc::new(live::Live::new(Arc::clone(printer))),
        ProgressStyle::Lines => Arc::new(lines::Lines::new(Arc::clone(printer))),
        ProgressStyle::Records => Arc::new(records::Records::new(Arc::clone(printer), scope)),
    }
}
