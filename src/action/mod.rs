//! The verbs: one file each. A verb turns settings into a plan, the plan says what will be done and why, and
//! carrying it out reports every step as an [`Event`]. Nothing here writes to the terminal.

mod cancel;
mod error;
mod event;
mod objects;
mod ownership;
mod records;
mod session;

pub use cancel::Cancel;
pub use error::{Aftermath, Error, Failure};
pub use event::{Change, Event, FileChange, ObjectRef, ObjectState, Observer, Phase};
