//! The runtime of commands that talk to a cluster: one thread with a big stack for the work, one for signals.
//!
//! The first SIGINT or SIGTERM sets the token that actions look at; they bring things to a safe end and say what
//! state they are in. The second one ends the process at once. Signals have a thread of their own, so that they are
//! heard while the work computes.

use std::sync::Arc;

use crate::action::{self, Cancel, Notice, Observer, UnknownKeys};
use crate::chart::{Chart, Links, LoadWarning};
use crate::cluster::{self, Cluster, Signal, Signals};
use crate::code::Exit;
use crate::ui::{self, Failure, Helm, Level, Message, Printer, Scope};
use crate::values::Compat;

use super::global::Global;

/// Rendering recurses over charts of strangers; the main thread's stack is the system's choice, this one is ours.
const STACK: usize = 16 * 1024 * 1024;

/// What every command gets that talks to a cluster.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// The way to stdout and stderr.
    pub(crate) printer: Arc<Printer>,
    /// Global settings.
    pub(crate) global: Global,
    /// Set when the user interrupts.
    pub(crate) cancel: Cancel,
}

impl Context {
    /// The observer that shows the progress of a verb.
    pub(crate) fn observer(&self, operation: &'static str, release: &str) -> Arc<dyn Observer> {
        let namespace = cluster::default_namespace(&self.global.kube);
        ui::observer(&self.printer, Scope { operation, release: release.to_owned(), namespace })
    }

    /// The cluster of the settings, for this command; nothing is sent yet.
    pub(crate) async fn cluster(&self, command: &str) -> Result<Cluster, Failure> {
        Cluster::connect(&self.global.kube, Arc::new(Told(Arc::clone(&self.printer))))
            .await
            .map_err(|error| self.verdict(action::Error::from(error), command))
    }

    /// Tells what is strange about a chart or its values; under `--helm-compat` in Helm's line.
    pub(crate) fn notice(&self, notice: Notice) {
        // A link that stays in the chart is nothing strange; a look-up that fails is told as the error that it is.
        let level = match notice {
            Notice::Chart(LoadWarning::Link { .. }) | Notice::UnservedLookup { .. } => Level::Detail,
            _ => Level::Warning,
        };
        self.printer.say(level, &Message::Notice(notice));
    }

    /// Whose ways are followed where the Helms differ.
    pub(crate) fn compat(&self) -> Compat {
        if self.printer.helm() == Some(Helm::Three) { Compat::Helm3 } else { Compat::Helm4 }
    }

    /// What is done with keys of the values that MaiBot's charts do not know; Helm looks for none.
    pub(crate) fn unknown_keys(&self, is_strict: bool) -> Option<UnknownKeys> {
        match (self.printer.helm(), is_strict) {
            (_, true) => Some(UnknownKeys::Refuse),
            (None, false) => Some(UnknownKeys::Warn),
            (Some(_), false) => None,
        }
    }

    /// Which links in charts' folders are followed; Helm follows every one.
    pub(crate) fn links(&self) -> Links {
        if self.printer.helm().is_some() { Links::All } else { Links::Inside }
    }

    /// Tells what is strange about a chart's files.
    pub(crate) fn chart_warnings(&self, chart: &Chart) {
        for warning in chart.tree().iter().flat_map(|chart| &chart.warnings) {
            self.notice(Notice::Chart(warning.clone()));
        }
    }

    /// The error of a verb that touches no cluster, in the user's words.
    pub(crate) fn remote_verdict(&self, error: action::Error, command: &str) -> Failure {
        match self.verdict(error, command) {
            Failure::Room(mut room) => {
                room.state = None;
                Failure::Room(room)
            }
            other => other,
        }
    }

    /// An error of a verb in the user's words.
    pub(crate) fn verdict(&self, failure: impl Into<action::Failure>, command: &str) -> Failure {
        let failure = failure.into();
        let quoted = match failure.error.as_ref() {
            action::Error::Template(fault) => fault.quoted.as_slice(),
            action::Error::Schema { quoted, .. } => quoted,
            _ => &[],
        };
        // A chart's own words may hold a value, and it is a secret if its key says so.
        let is_secret = |quoted: &&action::Quoted| ui::is_secret_name(&quoted.name);
        quoted.iter().filter(is_secret).for_each(|quoted| self.printer.learn_secret(&quoted.text));
        ui::verdict(failure, self.printer.language(), command)
    }
}

/// Says what the connection has to tell.
struct Told(Arc<Printer>);

impl Signals for Told {
    fn signal(&self, signal: Signal) {
        let printer = &self.0;
        match signal {
            Signal::Warning { text } => printer.say(Level::Warning, &Message::ServerWarning { text }),
            Signal::Retry { cause, delay } => {
                let seconds = format!("{:.1}", delay.as_secs_f64());
                printer.say(Level::Note, &Message::Retry { cause, seconds });
            }
            Signal::Plugin { command, line } => printer.say(Level::Note, &Message::PluginLine { command, line }),
        }
    }
}

/// Runs a command to its end.
pub(crate) fn run<Work, Future>(context: Context, work: Work) -> Result<Exit, Failure>
where
    Work: FnOnce(Context) -> Future + Send + 'static,
    Future: std::future::Future<Output = Result<Exit, Failure>>,
{
    listen(&context);
    let worker = std::thread::Builder::new().name("maibot".to_owned()).stack_size(STACK).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::internal(&error))?;
        let result = runtime.block_on(work(context));
        // Stray requests shall not delay the end.
        runtime.shutdown_background();
        result
    });
    let worker = worker.map_err(|error| Failure::internal(&error))?;
    // A panic has told its story on stderr already; with `panic = "abort"` this is not reached at all.
    worker.join().unwrap_or(Ok(Exit::Internal))
}

/// Runs work that needs no runtime, only the big stack; signals keep the system's meaning.
pub(crate) fn compute<Work>(work: Work) -> Result<Exit, Failure>
where
    Work: FnOnce() -> Result<Exit, Failure> + Send + 'static,
{
    let worker = std::thread::Builder::new().name("maibot".to_owned()).stack_size(STACK).spawn(work);
    let worker = worker.map_err(|error| Failure::internal(&error))?;
    worker.join().unwrap_or(Ok(Exit::Internal))
}

/// Waits for one piece of work of a command that has no runtime.
pub(crate) fn wait_for<Future: std::future::Future>(work: Future) -> Result<Future::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::internal(&error))?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(result)
}

/// Listens for signals on a thread of its own, for the rest of the process' life.
fn listen(context: &Context) {
    let (cancel, printer) = (context.cancel.clone(), Arc::clone(&context.printer));
    let listener = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            // One registration for the whole run: between two of them a signal would be lost.
            let Ok(mut interrupts) = Interrupts::new() else { return };
            while interrupts.next().await {
                if cancel.is_cancelled() {
                    std::process::exit(i32::from(Exit::Interrupted.status()));
                }
                cancel.cancel();
                printer.say(Level::Note, &Message::Interrupting);
            }
        });
    });
    // Without a listener the system's own way holds: a signal ends the process.
    drop(listener);
}

/// The signals that ask the run to end. While this lives, none is lost: each counts from its registration on.
#[cfg(unix)]
struct Interrupts {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Interrupts {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one; false when there can be none any more.
    async fn next(&mut self) -> bool {
        tokio::select! {
            heard = self.interrupt.recv() => heard.is_some(),
            heard = self.terminate.recv() => heard.is_some(),
        }
    }
}

#[cfg(not(unix))]
struct Interrupts;

#[cfg(not(unix))]
impl Interrupts {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> bool {
        tokio::signal::ctrl_c().await.is_ok()
    }
}
