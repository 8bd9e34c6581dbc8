//! Colour. Decided once a stream; never the only carrier of a fact.

use anstyle::{AnsiColor, Style};

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// When the stream is a terminal that can.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// The names `--color` takes, in Helm's order.
    pub const NAMES: &[&str] = &["never", "auto", "always"];

    /// The choice of this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "always" => Some(Self::Always),
            "never" => Some(Self::Never),
            _ => None,
        }
    }

    /// Whether a stream is coloured.
    pub const fn on(self, terminal: bool) -> bool {
        match self {
            Self::Auto => terminal,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Puts colour codes around text, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Paint(bool);

impl Paint {
    /// Colours if `on`.
    pub const fn new(on: bool) -> Self {
        Self(on)
    }

    /// Leaves text as it is.
    pub const fn off() -> Self {
        Self(false)
    }

    /// Whether it colours.
    pub const fn is_on(self) -> bool {
        self.0
    }

    fn with(self, style: Style, text: &str) -> String {
        if self.0 { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    const fn colour(colour: AnsiColor) -> Style {
        Style::new().fg_color(Some(anstyle::Color::Ansi(colour)))
    }

    /// For failures.
    pub fn error(self, text: &str) -> String {
        self.with(Self::colour(AnsiColor::Red).bold(), text)
    }

    /// For warnings.
    pub fn warning(self, text: &str) -> String {
        self.with(Self::colour(AnsiColor::Yellow).bold(), text)
    }

    /// For what is well.
    pub fn good(self, text: &str) -> String {
        self.with(Self::colour(AnsiColor::Green), text)
    }

    /// For what is not well yet.
    pub fn pending(self, text: &str) -> String {
        self.with(Self::colour(AnsiColor::Yellow), text)
    }

    /// For what is bad.
    pub fn bad(self, text: &str) -> String {
        self.with(Self::colour(AnsiColor::Red), text)
    }

    /// For names and paths; Helm's colour of namespaces.
    pub fn name(self, text: &str) -> String {
        self.with(Self::colour(AnsiColor::Cyan), text)
    }

    /// For headings.
    pub fn bold(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    /// For what may be overlooked.
    pub fn dim(self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    /// The status of a release, as Helm 4 colours it.
    pub fn status(self, status: &str) -> String {
        match status {
            "deployed" => self.good(status),
            "failed" | "unknown" => self.bad(status),
            "pending-install" | "pending-upgrade" | "pending-rollback" | "uninstalling" => self.pending(status),
            _ => status.to_owned(),
        }
    }
}
