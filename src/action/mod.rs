//! The verbs: one file each. A verb turns settings into a plan, the plan says what will be done and why, and
//! carrying it out reports every step as an [`Event`]. Nothing here writes to the terminal.

mod build;
mod cancel;
mod configure;
pub mod dependency;
mod error;
mod event;
mod host;
pub mod install;
pub mod lint;
mod notice;
mod objects;
pub mod ownership;
pub mod package;
mod post_render;
mod prepare;
pub mod pull;
pub mod push;
pub mod records;
pub mod resources;
mod session;
pub mod show;
mod source;
mod surroundings;
mod template;
pub mod uninstall;
mod unknown;
mod values;
pub mod verify;
mod waiting;

pub use build::BuildProblem;
pub use cancel::Cancel;
pub use error::{Aftermath, Error, Failure};
pub use event::{Change, Event, FileChange, ObjectRef, ObjectState, Observer, Phase};
pub use notice::{Notice, orphans};
pub use post_render::PostRenderer;
pub use prepare::{RenderOptions, Template, TemplateFailure, TemplateSettings, template, template_name};
pub use source::{ChartSource, missing_dependencies};
pub use surroundings::Access;
pub use template::{Server, template_on_server};
pub use unknown::{UnknownKeys, UnknownValue};
pub use values::{Quoted, TemplateFault, UserValues};
pub use waiting::WaitFor;
