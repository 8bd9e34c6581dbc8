//! The only room that talks to an API server: configuration, client, objects, watching, Pods, files on volumes.
//!
//! Everything above knows a [`Cluster`] and its operations on JSON objects; kube's types stay in here. The room
//! knows Kubernetes, and nothing of releases or of MaiBot. Where its rules come from is said file by file.

mod client;
mod config;
mod credential;
pub mod diagnosis;
mod discovery;
mod error;
pub mod exec;
mod fields;
pub mod files;
mod gate;
mod kubeconfig;
mod objects;
pub mod pods;
pub mod readiness;
mod refusal;
mod resource;
mod settings;
pub mod wait;
mod watch;

pub use crate::proxy::ProxyVariables;
pub use client::{Cluster, Signal, Signals};
pub use config::{ConfigError, ContextName, contexts, default_namespace};
pub use discovery::Served;
pub use error::{Cause, Denial, Error, FieldConflict, Forbidden, InvalidField, ManagerOperation, Target, Unreachable};
pub use objects::{
    Applied, DeleteOptions, Deletion, Effect, List, ListOptions, PatchKind, Propagation, Validation, Version,
    WriteOptions, resource_version, uid,
};
pub use resource::Resource;
pub use settings::{Environment, KubeSettings, Limits, Token};
pub use watch::Pace;
