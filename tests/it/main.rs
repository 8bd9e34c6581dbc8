//! The integration tests, one binary: `cli` runs the program, `conformance` replays what real Helm recorded, `fake`
//! faces it with a scripted API server, `cluster` with a real one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, clippy::print_stdout, missing_docs)]

mod cli;
mod cluster;
mod conformance;
mod fake;
mod start_script;
mod supply;
