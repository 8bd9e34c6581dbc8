//! The integration tests, one binary: `cli` runs the program, `conformance` replays what real Helm recorded,
//! `differential` asks real Helm about random cases, `fake` faces it with a scripted API server, `registry` with scripted
//! and real registries, `cluster` with a real
//! cluster.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, clippy::print_stdout, missing_docs)]

mod cli;
mod cluster;
mod conformance;
mod differential;
mod fake;
mod registry;
mod supply;

/// Names a test that cannot run here, on the terminal and in the list that the test run prints at its end.
fn skipped(test: &str, why: &str) {
    use std::io::Write as _;
    eprintln!("skipped: {test}: {why}");
    if let Some(list) = std::env::var_os("MAIBOT_TEST_SKIPS") {
        let mut list = std::fs::OpenOptions::new().append(true).create(true).open(list).expect("the list of skips");
        writeln!(list, "{test}: {why}").expect("the list of skips");
    }
}
