//! The verbs: one file each. A verb turns settings into a plan, the plan says what will be done and why, and
//! carrying it out reports every step as an [`Event`]. Nothing here writes to the terminal.

mod cancel;
mod event;

pub use cancel::Cancel;
pub use event::{Change, Event, FileChange, ObjectRef, ObjectState, Observer, Phase};
