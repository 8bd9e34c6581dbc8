//! The log of the libraries below us and of our own rooms: off, unless `--debug` asks for it; then line by line to
//! stderr through the printer, so that it is masked like everything else there.

use std::io;
use std::sync::Arc;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::printer::{Printer, Verbosity};

/// Starts the log if the printer is to say everything.
pub fn start(printer: &Arc<Printer>) {
    // Under `--helm-compat` stderr holds Helm's lines only.
    if printer.verbosity() < Verbosity::Debug || printer.helm().is_some() {
        return;
    }
    let targets = Targets::new()
        .with_default(Level::INFO)
        .with_target("maibot", Level::TRACE)
        .with_target("kube", Level::DEBUG)
        .with_target("h2", Level::WARN);
    let lines =
        tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(Lines(Arc::clone(printer)));
    // Fails only if a log was started before, which then goes on.
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
}

#[derive(Debug, Clone)]
struct Lines(Arc<Printer>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The formatter hands a whole event over at once.
        self.0.line(String::from_utf8_lossy(bytes).trim_end_matches('\n'));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
