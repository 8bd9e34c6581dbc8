//! `maibot`: a Helm-compatible installer for MaiBot on Kubernetes.
//!
//! A command line becomes settings; settings and a chart become a release (rendered objects and what the
//! application needs); a plan compares it with the cluster; the plan is carried out step by step, each step
//! reported as an event; events become a progress table, plain lines or JSON.
//!
//! Knowledge points one way: `cli` → `action` → `release`, `cluster`, `chart`, `values`, `render`,
//! `application` → `version`, `yaml`, `unicode`, `code`; `ui` knows `action`'s events. `application`, `values` and
//! `render` touch neither network nor clock nor file system.

pub mod action;
pub mod application;
pub mod chart;
pub mod cli;
pub mod cluster;
pub mod code;
pub mod jsonpath;
pub mod lint;
mod path_match;
pub mod proxy;
pub mod registry;
pub mod release;
pub mod render;
pub mod ui;
pub mod unicode;
pub mod values;
pub mod version;
pub mod yaml;
