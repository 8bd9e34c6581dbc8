//! Releases as Helm keeps them: the record and its encoding, where records are stored, which revision is current,
//! and beside them what only this tool writes: the lock and the journal of a run.
//!
//! Rules come from Helm's `pkg/release`, `pkg/storage` and `pkg/storage/driver` (4.2.4 and 3.21.4): helm 3, helm 4
//! and this tool take turns on the same Secrets. What is in a release is decided elsewhere.

mod codec;
mod error;
mod history;
pub mod journal;
pub mod lock;
mod model;
mod store;
mod time;

pub use codec::{MAX_SECRET_BYTES, Spelling, decode, encode, to_json, to_status_json};
pub use error::RecordError;
pub use history::History;
pub use model::{ApplyMethod, ChartRecord, Hook, HookRun, Info, Release, Status};
pub use store::{Records, SYSTEM_LABELS, Store, StoreError, Stored, Unreadable, record_name, secret};
pub use time::Timestamp;
