//! The one place where what went wrong becomes words: every failure of a run is a [`Failure`], and a failure
//! knows its code, its exit status, its report in both languages and Helm's text for it.
//!
//! A report says what happened, why, the evidence, what state things are in now and what to do next, in this
//! order, each part only if it is known. One sentence has no full stop. Errors of the rooms keep their English
//! technical text (Helm's wording where Helm has one); it is shown as the reason under the localised title of
//! their code, so that both languages carry the same facts.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::code::{Code, Exit};

use super::compat::Helm;
use super::language::Language;
use super::page::Pages;
use super::paint::Paint;
use super::table;
use super::usage::Usage;

/// What ends a run.
#[derive(Debug)]
pub enum Failure {
    /// The command line is wrong.
    Usage(Usage),
    /// Something Helm has and this version has not.
    Unsupported(Unsupported),
    /// The configuration file or a variable of ours is wrong.
    Settings {
        /// The file, or the variable.
        place: String,
        /// Line and column, from 1.
        position: Option<(usize, usize)>,
        /// What is wrong, in the words of its reader.
        reason: String,
    },
    /// A file named on the command line cannot be read or written.
    LocalFile {
        /// The file.
        path: PathBuf,
        /// Reading (`open`) or writing (`write`), as Go's errors name it.
        action: &'static str,
        /// What the system says.
        error: io::Error,
    },
    /// No page for that code.
    UnknownCode {
        /// As typed.
        code: String,
        /// The nearest one.
        nearest: Option<Code>,
    },
    /// Interrupted by a signal.
    Interrupted {
        /// What state things are in, if something was begun.
        state: Option<String>,
        /// The command that goes on from there.
        next: Option<String>,
    },
    /// Writing the result failed.
    Output(io::Error),
    /// Nobody reads the result any more. No failure to speak of: the run ends quietly and well.
    BrokenPipe,
    /// A question would have to be asked and there is no terminal.
    NoTerminal {
        /// The flag that answers it.
        flag: &'static str,
    },
    /// The confirmation does not name the release.
    NotConfirmed {
        /// The release.
        release: String,
    },
    /// An error of a room.
    Room(Box<RoomFailure>),
}

/// What this version does not offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsupported {
    /// A verb.
    Command(String),
    /// A flag, with dashes.
    Flag(&'static str),
    /// A value of a flag: the flag, with dashes, and the value.
    FlagValue(&'static str, String),
    /// A chart other than the embedded one.
    Chart(String),
    /// A storage driver other than Secrets.
    Driver(String),
    /// A values file in a registry.
    RemoteFile(String),
}

/// An error of a room, as it is reported.
#[derive(Debug)]
pub struct RoomFailure {
    /// Its code.
    pub code: Code,
    /// Its technical text: Helm's wording where Helm has one.
    pub text: String,
    /// The reason in the user's language, where there is one; otherwise the technical text is the reason.
    pub why: Option<String>,
    /// What Helm says in this place, where it is not the technical text.
    pub helm: Option<HelmText>,
    /// The texts of its causes, outermost first, those left out that the text above already says.
    pub causes: Vec<String>,
    /// Evidence: objects, fields, lines, logs.
    pub evidence: Vec<String>,
    /// What state things are in.
    pub state: Option<String>,
    /// What to do.
    pub next: Vec<String>,
}

/// What both generations of Helm say, where they do not say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmText {
    /// Helm 3's text after `Error: `.
    pub three: String,
    /// Helm 4's text after `Error: `.
    pub four: String,
    /// The line that Helm 4 logs before.
    pub four_log: Option<String>,
}

/// A failure in the words of one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The code.
    pub code: Code,
    /// What happened.
    pub what: String,
    /// Why.
    pub why: Vec<String>,
    /// Evidence.
    pub evidence: Vec<String>,
    /// What state things are in now.
    pub state: Option<String>,
    /// What to do next.
    pub next: Vec<String>,
}

impl Failure {
    /// A defect of ours.
    pub fn internal(error: &dyn Error) -> Self {
        Self::room(Code::Internal, error)
    }

    /// An error of a room: its text and the texts of its sources.
    pub fn room(code: Code, error: &dyn Error) -> Self {
        let text = error.to_string();
        let mut said = text.clone();
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !said.contains(&cause_text) {
                said.push_str(&cause_text);
                causes.push(cause_text);
            }
            source = cause.source();
        }
        Self::Room(Box::new(RoomFailure {
            code,
            text,
            why: None,
            helm: None,
            causes,
            evidence: Vec::new(),
            state: None,
            next: Vec::new(),
        }))
    }

    /// Reading a local file failed.
    pub fn reading(path: &Path, error: io::Error) -> Self {
        Self::LocalFile { path: path.to_owned(), action: "open", error }
    }

    /// Writing a local file failed.
    pub fn writing(path: &Path, error: io::Error) -> Self {
        Self::LocalFile { path: path.to_owned(), action: "write", error }
    }

    /// Adds to what Helm says of an error of a room.
    pub fn add_helm(&mut self, more: &str) {
        let Self::Room(failure) = self else { return };
        let text = &failure.text;
        let said =
            failure.helm.get_or_insert_with(|| HelmText { three: text.clone(), four: text.clone(), four_log: None });
        said.three.push_str(more);
        said.four.push_str(more);
    }

    /// A flag that a later version will fill.
    pub const fn flag(flag: &'static str) -> Self {
        Self::Unsupported(Unsupported::Flag(flag))
    }

    /// The code.
    pub fn code(&self) -> Code {
        match self {
            Self::Usage(_) => Code::Usage,
            Self::Unsupported(_) => Code::Unsupported,
            Self::Settings { .. } => Code::Settings,
            Self::LocalFile { .. } => Code::LocalFile,
            Self::UnknownCode { .. } => Code::UnknownCode,
            Self::Interrupted { .. } => Code::Interrupted,
            Self::Output(_) | Self::BrokenPipe => Code::Output,
            Self::NoTerminal { .. } => Code::NoTerminal,
            Self::NotConfirmed { .. } => Code::NotConfirmed,
            Self::Room(failure) => failure.code,
        }
    }

    /// The exit status, ours or that of the imitated Helm.
    pub fn exit(&self, helm: Option<Helm>) -> Exit {
        match (self, helm) {
            (Self::BrokenPipe, _) => Exit::Success,
            (_, Some(_)) => Exit::Failure,
            (_, None) => self.code().exit(),
        }
    }

    /// The report in a language.
    pub fn report(&self, language: Language) -> Report {
        let code = self.code();
        let mut report =
            Report { code, what: String::new(), why: Vec::new(), evidence: Vec::new(), state: None, next: Vec::new() };
        match self {
            Self::Usage(usage) => {
                report.what = usage.what(language);
                report.next.extend(usage.next(language));
                return report;
            }
            Self::Unsupported(unsupported) => report.what = unsupported.what(language),
            Self::Settings { place, position, reason } => {
                let place = match position {
                    Some((line, column)) => format!("{place}:{line}:{column}"),
                    None => place.clone(),
                };
                report.what = match language {
                    Language::English => format!("a setting is wrong in `{place}`"),
                    Language::Chinese => format!("`{place}` 中的设置有误"),
                };
                report.why.push(reason.clone());
            }
            Self::LocalFile { path, action, error } => {
                let path = path.display();
                report.what = match (language, *action) {
                    (Language::English, "write") => format!("`{path}` cannot be written"),
                    (Language::English, _) => format!("`{path}` cannot be read"),
                    (Language::Chinese, "write") => format!("无法写入 `{path}`"),
                    (Language::Chinese, _) => format!("无法读取 `{path}`"),
                };
                report.why.push(system_text(error));
            }
            Self::UnknownCode { code, nearest } => {
                report.what = match language {
                    Language::English => format!("there is no code `{code}`"),
                    Language::Chinese => format!("没有代码 `{code}`"),
                };
                report.next.push(match (nearest, language) {
                    (Some(nearest), Language::English) => format!("did you mean `{nearest}`?"),
                    (Some(nearest), Language::Chinese) => format!("是否想写 `{nearest}`？"),
                    (None, Language::English) => "`maibot explain` lists all".to_owned(),
                    (None, Language::Chinese) => "`maibot explain` 列出全部代码".to_owned(),
                });
                return report;
            }
            Self::Interrupted { state, next } => {
                language.of("interrupted", "已中断").clone_into(&mut report.what);
                report.state = Some(state.clone().unwrap_or_else(|| {
                    language.of("nothing on the cluster was changed", "集群上没有任何改动").to_owned()
                }));
                report.next.extend(next.clone());
                return report;
            }
            Self::Output(error) => {
                language.of("the result could not be written", "无法写出结果").clone_into(&mut report.what);
                report.why.push(system_text(error));
            }
            Self::BrokenPipe => language.of("nobody reads the result", "结果无人读取").clone_into(&mut report.what),
            Self::NoTerminal { flag } => {
                report.what = match language {
                    Language::English => "a question has to be answered and there is no terminal".to_owned(),
                    Language::Chinese => "需要确认，但没有终端".to_owned(),
                };
                report.next.push(match language {
                    Language::English => format!("answer it beforehand with `{flag}`"),
                    Language::Chinese => format!("请事先用 `{flag}` 回答"),
                });
            }
            Self::NotConfirmed { release } => {
                report.what = match language {
                    Language::English => format!("deleting the data of `{release}` was not confirmed"),
                    Language::Chinese => format!("未确认删除 `{release}` 的数据"),
                };
                report.state = Some(language.of("nothing was touched", "没有任何改动").to_owned());
                report.next.push(match language {
                    Language::English => format!("name it: `--confirm {release}`"),
                    Language::Chinese => format!("请写出它的名字：`--confirm {release}`"),
                });
            }
            Self::Room(failure) => {
                Pages::load().title(code, language).clone_into(&mut report.what);
                report.why.push(failure.why.clone().unwrap_or_else(|| failure.text.clone()));
                report.why.extend(failure.causes.iter().cloned());
                report.evidence.clone_from(&failure.evidence);
                report.state.clone_from(&failure.state);
                report.next.clone_from(&failure.next);
            }
        }
        report.next.push(match language {
            Language::English => format!("`maibot explain {code}` tells more"),
            Language::Chinese => format!("`maibot explain {code}` 有更多说明"),
        });
        report
    }

    /// The line that Helm logs before its error.
    pub fn helm_log(&self, helm: Helm) -> Option<&str> {
        match (self, helm) {
            (Self::Room(failure), Helm::Four) => failure.helm.as_ref()?.four_log.as_deref(),
            _ => None,
        }
    }

    /// Helm's text for it, what stands after `Error: `.
    pub fn helm(&self, helm: Helm) -> String {
        match self {
            Self::Usage(usage) => usage.helm(helm),
            Self::LocalFile { path, action, error } => {
                format!("{action} {}: {}", path.display(), system_text(error).to_lowercase())
            }
            Self::Interrupted { .. } => "context canceled".to_owned(),
            Self::Output(error) => format!("write /dev/stdout: {}", system_text(error).to_lowercase()),
            Self::Room(failure) => match (&failure.helm, helm) {
                (Some(text), Helm::Three) => text.three.clone(),
                (Some(text), Helm::Four) => text.four.clone(),
                (None, _) => failure.text.clone(),
            },
            other => {
                let report = other.report(Language::English);
                match report.why.first() {
                    Some(why) => format!("{}: {why}", report.what),
                    None => report.what,
                }
            }
        }
    }
}

impl Unsupported {
    fn what(&self, language: Language) -> String {
        match (self, language) {
            (Self::Command(name), Language::English) => format!("this version does not offer `{name}` yet"),
            (Self::Command(name), Language::Chinese) => format!("此版本尚不支持 `{name}`"),
            (Self::Flag(flag), Language::English) => format!("this version does not offer `{flag}` yet"),
            (Self::Flag(flag), Language::Chinese) => format!("此版本尚不支持 `{flag}`"),
            (Self::FlagValue(flag, value), Language::English) => {
                format!("this version does not offer `{flag}={value}` yet")
            }
            (Self::FlagValue(flag, value), Language::Chinese) => format!("此版本尚不支持 `{flag}={value}`"),
            (Self::Chart(chart), Language::English) => {
                format!("this version installs its embedded chart only, not `{chart}`")
            }
            (Self::Chart(chart), Language::Chinese) => format!("此版本只能安装内置 chart，不能安装 `{chart}`"),
            (Self::Driver(driver), Language::English) => {
                format!("this version keeps releases in Secrets only, not with the driver `{driver}`")
            }
            (Self::Driver(driver), Language::Chinese) => {
                format!("此版本只用 Secret 保存 release，不支持存储驱动 `{driver}`")
            }
            (Self::RemoteFile(url), Language::English) => {
                format!("values come from files and from addresses with http or https, not from `{url}`")
            }
            (Self::RemoteFile(url), Language::Chinese) => {
                format!("values 只能来自文件或 http(s) 地址，不能来自 `{url}`")
            }
        }
    }
}

/// What the system says, without Rust's number at the end.
fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

impl Report {
    /// The report for a terminal or a log, with its line break.
    pub fn plain(&self, language: Language, paint: Paint) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{}{}{}",
            paint.error(&format!("{} {}", language.of("error", "错误"), self.code)),
            language.of(": ", "："),
            self.what
        );
        let parts: [(&str, &[String]); 4] = [
            (language.of("why", "原因"), &self.why),
            (language.of("seen", "依据"), &self.evidence),
            (language.of("state", "现状"), self.state.as_slice()),
            (language.of("next", "下一步"), &self.next),
        ];
        let width = parts.iter().map(|(label, _)| table::visible_width(label)).max().unwrap_or_default();
        for (label, items) in parts {
            let mut label = label;
            for line in items.iter().flat_map(|item| item.trim_end().split('\n')) {
                let _ = writeln!(text, "  {}  {line}", paint.dim(&table::pad(label, width)));
                label = "";
            }
        }
        text
    }

    /// The report as a record of the event stream.
    pub fn record(&self) -> serde_json::Map<String, serde_json::Value> {
        let mut record = serde_json::Map::new();
        record.insert("event".to_owned(), json!("failure"));
        record.insert("code".to_owned(), json!(self.code.id()));
        record.insert("exit".to_owned(), json!(self.code.exit().status()));
        record.insert("what".to_owned(), json!(self.what));
        for (key, list) in [("why", &self.why), ("evidence", &self.evidence), ("next", &self.next)] {
            if !list.is_empty() {
                record.insert(key.to_owned(), json!(list));
            }
        }
        if let Some(state) = &self.state {
            record.insert("state".to_owned(), json!(state));
        }
        record
    }
}

impl From<Usage> for Failure {
    fn from(usage: Usage) -> Self {
        Self::Usage(usage)
    }
}

impl From<Unsupported> for Failure {
    fn from(unsupported: Unsupported) -> Self {
        Self::Unsupported(unsupported)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::{Failure, Helm, Language, Paint, Usage};
    use crate::code::{Code, Exit};

    #[derive(Debug, thiserror::Error)]
    #[error("the API server cannot be reached: {0}")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("connect: {0}")]
    struct Inner(#[source] io::Error);

    fn unreachable_server() -> Failure {
        let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
        let Failure::Room(mut failure) = Failure::room(Code::Unreachable, &Outer(Inner(refused))) else {
            unreachable!()
        };
        failure.evidence.push("`https://127.0.0.1:6443`".to_owned());
        failure.state = Some("nothing was changed".to_owned());
        Failure::Room(failure)
    }

    #[test]
    fn a_report_has_its_parts_in_order() {
        let failure = unreachable_server();
        insta::assert_snapshot!(failure.report(Language::English).plain(Language::English, Paint::off()));
        insta::assert_snapshot!(failure.report(Language::Chinese).plain(Language::Chinese, Paint::off()));
    }

    #[test]
    fn causes_that_were_said_are_not_said_again() {
        let Failure::Room(failure) = unreachable_server() else { unreachable!() };
        assert_eq!(failure.text, "the API server cannot be reached: connect: connection refused");
        assert!(failure.causes.is_empty());
    }

    #[test]
    fn the_exit_status_is_the_codes_and_one_under_helm() {
        let failure = unreachable_server();
        assert_eq!(failure.exit(None), Exit::Unreachable);
        assert_eq!(failure.exit(Some(Helm::Three)), Exit::Failure);
        assert_eq!(Failure::BrokenPipe.exit(Some(Helm::Four)), Exit::Success);
        assert_eq!(Failure::from(Usage::NoName).exit(None), Exit::Usage);
    }

    #[test]
    fn a_missing_file_is_named_as_go_names_it() {
        let missing = io::Error::from_raw_os_error(2);
        let failure = Failure::reading(Path::new("no.yaml"), missing);
        assert_eq!(failure.helm(Helm::Four), "open no.yaml: no such file or directory");
        assert!(failure.report(Language::English).what.contains("`no.yaml`"));
    }
}
