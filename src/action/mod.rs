//! The verbs: one file each. A verb turns settings into a plan, the plan says what will be done and why, and
//! carrying it out reports every step as an [`Event`]. Nothing here writes to the terminal.

mod cancel;
mod configure;
mod error;
mod event;
pub mod install;
mod objects;
pub mod ownership;
mod prepare;
pub mod records;
pub mod resources;
mod session;
pub mod uninstall;
mod values;
mod waiting;

pub use cancel::Cancel;
pub use error::{Aftermath, Error, Failure};
pub use event::{Change, Event, FileChange, ObjectRef, ObjectState, Observer, Phase};
pub use prepare::{ChartSource, Template, template};
pub use values::{Place, UserValues};
pub use waiting::WaitFor;
