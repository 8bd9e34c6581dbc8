//! The only room that talks to an API server: configuration, client, objects, watching, Pods, files on volumes.
//!
//! Everything above knows a [`Cluster`] and its operations on JSON objects; kube's types stay in here. The room
//! knows Kubernetes, and nothing of releases or of MaiBot. Where its rules come from is said file by file.

mod client;
mod config;
pub mod diagnosis;
mod error;
mod fields;
pub mod readiness;
mod watch;

pub use client::{Cluster, Signal, Signals};
pub use config::{ConfigError, Environment, KubeSettings, Limits, Token};
pub use error::{Cause, Denial, Error, FieldConflict, Forbidden, InvalidField, ManagerOperation, Target, Unreachable};
pub use watch::Pace;
