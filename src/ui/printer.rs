//! The printer: the only way to stdout and stderr.
//!
//! To stdout goes the result and nothing else. Everything else goes to stderr: masked, in the user's language, and
//! only if the verbosity asks for it. A closed stdout ends the run quietly; a closed stderr is nobody's concern.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressDrawTarget};
use serde_json::{Map, Value, json};

use crate::code::Exit;

use super::compat::Helm;
use super::failure::Failure;
use super::format::OutputFormat;
use super::language::Language;
use super::mask::Masker;
use super::message::{Level, Message};
use super::paint::{ColorChoice, Paint};
use super::progress::{ProgressStyle, SCHEMA};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    /// Results and failures only.
    Quiet,
    /// What a user wants to know.
    #[default]
    Normal,
    /// What somebody who looks for a cause wants to know.
    Verbose,
    /// Everything.
    Debug,
}

/// How a printer behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct PrinterSettings {
    /// The language of messages.
    pub language: Language,
    /// How much is said.
    pub verbosity: Verbosity,
    /// Whether to colour.
    pub color: ColorChoice,
    /// Which Helm is imitated.
    pub helm: Option<Helm>,
    /// Whether events, messages and failures are JSON lines.
    pub records: bool,
    /// The shape of the result; the live table is for tables only.
    pub format: OutputFormat,
}

/// Writes results, messages, progress and failures.
#[derive(Debug)]
pub struct Printer {
    settings: PrinterSettings,
    started: Instant,
    masker: Masker,
    paint_stdout: Paint,
    paint_stderr: Paint,
    stderr_is_terminal: bool,
    live: Mutex<Option<MultiProgress>>,
    captured: Option<std::sync::Arc<Mutex<Vec<u8>>>>,
}

impl Printer {
    /// A printer for this process' streams.
    pub fn new(settings: PrinterSettings) -> Self {
        let stderr_is_terminal = io::stderr().is_terminal();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            settings,
            started: Instant::now(),
            masker: Masker::new(),
            paint_stdout: Paint::new(settings.color.on(io::stdout().is_terminal() && !dumb)),
            paint_stderr: Paint::new(settings.color.on(stderr_is_terminal && !dumb)),
            stderr_is_terminal,
            live: Mutex::new(None),
            captured: None,
        }
    }

    /// A printer whose stderr is a buffer, for tests.
    #[cfg(test)]
    pub(crate) fn captured(language: Language) -> (Self, std::sync::Arc<Mutex<Vec<u8>>>) {
        let buffer = std::sync::Arc::new(Mutex::new(Vec::new()));
        let mut printer =
            Self::new(PrinterSettings { language, color: ColorChoice::Never, ..PrinterSettings::default() });
        printer.captured = Some(std::sync::Arc::clone(&buffer));
        (printer, buffer)
    }

    /// The language of messages.
    pub const fn language(&self) -> Language {
        self.settings.language
    }

    /// Which Helm is imitated.
    pub const fn helm(&self) -> Option<Helm> {
        self.settings.helm
    }

    /// How much is said.
    pub const fn verbosity(&self) -> Verbosity {
        self.settings.verbosity
    }

    /// Colour for what goes to stdout.
    pub const fn paint(&self) -> Paint {
        self.paint_stdout
    }

    /// Colour for what goes to stderr.
    pub const fn paint_stderr(&self) -> Paint {
        self.paint_stderr
    }

    /// The time since the start of the run.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Makes a secret known, so that it is masked wherever it would appear on stderr.
    pub fn learn_secret(&self, secret: &str) {
        self.masker.learn(secret);
    }

    /// The text without its secrets.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.masker.mask(text)
    }

    /// How progress is shown.
    pub fn progress_style(&self) -> ProgressStyle {
        let settings = &self.settings;
        if settings.records {
            ProgressStyle::Records
        } else if settings.verbosity == Verbosity::Quiet || settings.helm.is_some() {
            ProgressStyle::Silent
        } else if self.stderr_is_terminal
            && self.paint_stderr.is_on()
            && settings.verbosity == Verbosity::Normal
            && settings.format == OutputFormat::Table
        {
            ProgressStyle::Live
        } else {
            ProgressStyle::Lines
        }
    }

    /// Writes to stdout: the result, byte for byte, unmasked.
    pub fn result(&self, text: &str) -> Result<(), Failure> {
        self.result_bytes(text.as_bytes())
    }

    /// Writes bytes to stdout, for results that need not be text.
    pub fn result_bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let write = || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes)?;
            stdout.flush()
        };
        self.suspended(write).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
            _ => Failure::Output(error),
        })
    }

    /// Whether a message of this level is printed.
    pub fn shows(&self, level: Level) -> bool {
        match level {
            Level::Debug => self.settings.verbosity >= Verbosity::Debug,
            Level::Detail => self.settings.verbosity >= Verbosity::Verbose,
            Level::Note | Level::Warning => self.settings.verbosity >= Verbosity::Normal,
        }
    }

    /// Says something on stderr.
    pub fn say(&self, level: Level, message: &Message) {
        if let Some(helm) = self.settings.helm {
            match message.helm(helm) {
                // Helm's fixed sentence; to the mask it looks like a flag with its value.
                Some(text) if matches!(message, Message::PasswordTyped) => self.raw(&text),
                Some(text) => self.line(&text),
                None => {}
            }
            return;
        }
        if !self.shows(level) {
            return;
        }
        let language = self.settings.language;
        let text = message.text(language);
        if self.settings.records {
            let level = match level {
                Level::Debug => "debug",
                Level::Detail => "detail",
                Level::Note => "note",
                Level::Warning => "warning",
            };
            let mut fields = Map::new();
            fields.insert("event".to_owned(), json!("message"));
            fields.insert("level".to_owned(), json!(level));
            fields.insert("text".to_owned(), json!(text));
            self.record(fields);
        } else if level == Level::Warning {
            let word = self.paint_stderr.warning(language.of("warning", "警告"));
            self.line(&format!("{word}{}{text}", language.of(": ", "：")));
        } else {
            self.line(&text);
        }
    }

    /// Reports what ended the run, with the prefix Helm puts before the errors of this verb, and returns the exit
    /// status.
    pub fn fail(&self, failure: &Failure, helm_prefix: &str) -> Exit {
        self.end_progress();
        if !matches!(failure, Failure::BrokenPipe) {
            let report = failure.report(self.settings.language);
            if self.settings.records {
                self.record(report.record());
            } else if let Some(helm) = self.settings.helm {
                if let Some(log) = failure.helm_log(helm) {
                    self.line(log);
                }
                self.line(&format!("Error: {helm_prefix}{}", failure.helm(helm)));
            } else {
                let text = report.plain(self.settings.language, self.paint_stderr);
                self.line(text.trim_end_matches('\n'));
            }
        }
        failure.exit(self.settings.helm)
    }

    /// Writes one record of the event stream.
    pub(super) fn record(&self, fields: Map<String, Value>) {
        let mut record = Map::new();
        record.insert("schema".to_owned(), json!(SCHEMA));
        record.insert("ts".to_owned(), json!(jiff::Timestamp::now().to_string()));
        let elapsed = u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX);
        record.insert("elapsed_ms".to_owned(), json!(elapsed));
        // Masked value by value, because a mask over the finished line could break its JSON.
        record.extend(fields.into_iter().map(|(key, value)| (key, self.masked(value))));
        self.raw(&Value::Object(record).to_string());
    }

    fn masked(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.mask(&text).into_owned()),
            Value::Array(list) => Value::Array(list.into_iter().map(|item| self.masked(item)).collect()),
            other => other,
        }
    }

    /// Writes a line, or several, to stderr, masked, above the live table if there is one.
    pub fn line(&self, text: &str) {
        let masked = self.mask(text);
        self.raw(&masked);
    }

    fn raw(&self, text: &str) {
        if let Some(buffer) = &self.captured {
            let mut buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
            buffer.extend_from_slice(text.as_bytes());
            buffer.push(b'\n');
            return;
        }
        self.suspended(|| {
            let mut stderr = io::stderr().lock();
            // One write, so that lines of several threads do not mix. Nobody can be told that this failed.
            let _ = stderr.write_all(format!("{text}\n").as_bytes());
        });
    }

    fn suspended<T>(&self, write: impl FnOnce() -> T) -> T {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match live {
            Some(live) => live.suspend(write),
            None => write(),
        }
    }

    /// From now on lines are written above this table.
    pub(super) fn begin_live(&self, live: MultiProgress) {
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = Some(live);
    }

    /// Takes the live table off the screen, whoever still holds its observer; it is not drawn again.
    pub fn end_progress(&self) {
        if let Some(live) = self.live.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // The terminal is gone if this fails, and the table with it.
            let _ = live.clear();
            live.set_draw_target(ProgressDrawTarget::hidden());
        }
    }

    /// The table is gone.
    pub(super) fn end_live(&self) {
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::{Language, Level, Message, Printer};

    #[test]
    fn everything_on_stderr_is_masked() {
        let (printer, written) = Printer::captured(Language::English);
        printer.learn_secret("topsecret-value");
        printer.line("using topsecret-value and password=hunter2");
        printer.say(Level::Warning, &Message::ServerWarning { text: "token: abc".to_owned() });
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "using ******** and password=********\nwarning: the API server says: token: ********\n");
    }

    #[test]
    fn details_are_silent_unless_asked_for() {
        let (printer, written) = Printer::captured(Language::English);
        printer.say(Level::Detail, &Message::DryRunBare);
        assert!(written.lock().unwrap().is_empty());
    }
}
