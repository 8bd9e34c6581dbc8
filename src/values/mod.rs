//! What the user wants: values files and the `--set` family, merged, laid over a chart's defaults, checked.
//!
//! The room reads no file itself: names go to a reader that the caller gives. Grammar, limits, order, merging and
//! error texts are Helm's (package `strvals`, `pkg/cli/values`, `chart/common/util`); where Helm 3 and Helm 4 differ,
//! [`Compat`] decides. What a value means to MaiBot is `application`'s business.
//!
//! The way of a value: [`Flags::collect`] gives the user's values, [`process_dependencies`] switches subcharts and
//! takes over their exports, [`coalesce`] lays the user's values over the defaults, [`check`] holds the result
//! against the schemas. [`Known::unknown`] finds what the chart has no use for, [`Given::place`] where the user gave
//! something. An upgrade begins with [`reuse`], which says what of the old release's values is taken over.

mod coalesce;
mod complaint;
mod dependencies;
mod known;
mod place;
mod reuse;
mod schema;
mod set;
mod sources;
#[cfg(test)]
mod tests;
mod warning;

pub use coalesce::{ChartValues, CoalesceError, coalesce, coalesce_tables};
pub use dependencies::{Dependency, DependencyError, Import, IsCompatible, process_dependencies};
pub use known::{Known, UnknownKey, nearest};
pub use place::{Blame, Part, Place};
pub use reuse::{Previous, Reuse, ReuseError, Reused, reuse};
pub use schema::{BrokenSchema, Documents, References, SchemaError, SchemaReader, Violation, check, check_one};
pub use set::{SetError, SetKind};
pub use sources::{Flags, Given, Reader, ValuesError};
pub use warning::Warning;

/// Which Helm's behaviour is wanted where the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compat {
    /// Helm 4.2.
    #[default]
    Helm4,
    /// Helm 3.21: one document per values file, no whole objects in `--set-json`, nulls of chart defaults stay.
    Helm3,
}
