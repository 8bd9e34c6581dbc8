//! Registries and chart repositories: a real one with real Helm beside us, and scripted ones that misbehave.

mod dependencies;
pub(crate) mod distribution;
mod guide;
mod helpers;
mod hostile;
mod hostile_repository;
mod proxy;
mod real;
mod signatures;
mod values;
mod versions;
