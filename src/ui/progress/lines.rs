//! Stamped lines: `12.3s  StatefulSet/x  ready 0/1`. One line for every change, none for a repetition, so that a
//! log of a long wait stays short.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::action::{Event, Notice, ObjectRef, ObjectState, Observer};

use crate::ui::language::Language;
use crate::ui::message::{self, Level, Message};
use crate::ui::page::Pages;
use crate::ui::printer::Printer;

/// Prints events as stamped lines.
#[derive(Debug)]
pub(super) struct Lines {
    printer: Arc<Printer>,
    seen: Mutex<HashMap<ObjectRef, (ObjectState, String)>>,
}

impl Lines {
    pub(super) fn new(printer: Arc<Printer>) -> Self {
        Self { printer, seen: Mutex::new(HashMap::new()) }
    }

    /// Whether this status differs from the last one of the object.
    fn is_news(&self, object: &ObjectRef, state: ObjectState, detail: &str) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (state, detail.to_owned());
        if seen.get(object) == Some(&now) {
            return false;
        }
        seen.insert(object.clone(), now);
        true
    }
}

impl Observer for Lines {
    fn event(&self, event: &Event) {
        if let Event::ObjectStatus { object, state, detail, .. } = event
            && !self.is_news(object, *state, detail)
        {
            return;
        }
        match line(event, self.printer.language()) {
            Line::Stamped(text) => self.printer.line(&format!("{}  {text}", stamp(self.printer.elapsed()))),
            Line::Detail(text) if self.printer.shows(Level::Detail) => {
                self.printer.line(&format!("{}  {text}", stamp(self.printer.elapsed())));
            }
            Line::Said(level, message) => self.printer.say(level, &message),
            Line::Detail(_) => {}
        }
    }
}

/// How an event is told in text.
pub(super) enum Line {
    /// With the time since the start.
    Stamped(String),
    /// The same, but only with `-v`.
    Detail(String),
    /// As a message of its own.
    Said(Level, Message),
}

/// The seconds since the start, to a tenth: `12.3s`.
pub(super) fn stamp(elapsed: Duration) -> String {
    format!("{:>6}", format!("{:.1}s", elapsed.as_secs_f64()))
}

/// The text of an event.
pub(super) fn line(event: &Event, language: Language) -> Line {
    match event {
        Event::PhaseStarted { phase } => Line::Stamped(message::phase(*phase, language).to_owned()),
        Event::PhaseFinished { phase, elapsed } => {
            let took = elapsed.as_secs_f64();
            Line::Detail(match language {
                Language::English => format!("{}: done in {took:.1} s", message::phase(*phase, language)),
                Language::Chinese => format!("{}：完成，用时 {took:.1} s", message::phase(*phase, language)),
            })
        }
        Event::ObjectChanged { object, change } => {
            Line::Detail(format!("{object}  {}", message::change(*change, language)))
        }
        Event::ObjectStatus { object, parent, state, detail } => {
            let indent = if parent.is_some() { "  " } else { "" };
            let word = message::state(*state, language);
            Line::Stamped(match detail.as_str() {
                "" => format!("{indent}{object}  {word}"),
                detail if *state == ObjectState::Waiting => format!("{indent}{object}  {detail}"),
                detail => format!("{indent}{object}  {word}  {detail}"),
            })
        }
        Event::Log { object, container, line } => Line::Stamped(format!("  {object} {container} | {line}")),
        Event::File { claim, path, change } => {
            Line::Stamped(format!("{claim}:{path}  {}", message::file_change(change, language)))
        }
        Event::ServerWarning { text } => Line::Said(Level::Warning, Message::ServerWarning { text: text.clone() }),
        Event::Retry { cause, delay } => Line::Said(
            Level::Note,
            Message::Retry { cause: cause.clone(), seconds: format!("{:.1}", delay.as_secs_f64()) },
        ),
        Event::UnknownKey(key) => Line::Said(Level::Warning, Message::Notice(Notice::UnknownKey(key.clone()))),
        Event::Notice { code, object, detail } => {
            let detail = match object {
                Some(object) if detail.is_empty() => object.to_string(),
                Some(object) => format!("{object}: {detail}"),
                None => detail.clone(),
            };
            let title = Pages::load().title(*code, language).to_owned();
            Line::Said(Level::Warning, Message::Coded { code: *code, title, detail })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Lines, stamp};
    use crate::action::{Change, Event, FileChange, ObjectRef, ObjectState, Observer, Phase};
    use crate::code::Code;
    use crate::ui::language::Language;
    use crate::ui::printer::Printer;

    fn told(language: Language) -> String {
        let (printer, written) = Printer::captured(language);
        let lines = Lines::new(Arc::new(printer));
        let core = ObjectRef::new("StatefulSet", "maimai-maibot-core");
        let pod = ObjectRef::new("Pod", "maimai-maibot-core-0");
        let status = |object: &ObjectRef, parent: Option<&ObjectRef>, state, detail: &str| Event::ObjectStatus {
            object: object.clone(),
            parent: parent.cloned(),
            state,
            detail: detail.to_owned(),
        };
        for event in [
            Event::PhaseStarted { phase: Phase::Apply },
            Event::ObjectChanged { object: core.clone(), change: Change::Created },
            Event::File {
                claim: "maimai-maibot-core-config".to_owned(),
                path: "bot_config.toml".to_owned(),
                change: FileChange::FieldsReset { fields: vec!["webui.host".to_owned()], copy: "b.toml".to_owned() },
            },
            status(&core, None, ObjectState::Waiting, "ready 0/1"),
            status(&core, None, ObjectState::Waiting, "ready 0/1"),
            status(&pod, Some(&core), ObjectState::Failed, "exit 1, 2 restarts"),
            Event::Log { object: pod, container: "core".to_owned(), line: "api_key = sk-1 升级".to_owned() },
            Event::ServerWarning { text: "unknown field \"spec.x\"".to_owned() },
            Event::Retry { cause: "connection refused".to_owned(), delay: Duration::from_millis(500) },
            Event::Notice { code: Code::ImagePull, object: None, detail: "not found".to_owned() },
            status(&core, None, ObjectState::Ready, ""),
        ] {
            lines.event(&event);
        }
        let text = written.lock().unwrap().clone();
        let text = String::from_utf8(text).unwrap();
        assert!(text.lines().all(|line| line.len() > 8 || !line.ends_with(' ')));
        // On a slow machine a stamp is not zero.
        let zero = |line: &str| match line.split_once("s  ") {
            Some((stamp, rest)) if stamp.trim().parse::<f64>().is_ok() => format!("  0.0s  {rest}"),
            _ => line.to_owned(),
        };
        text.lines().fold(String::new(), |all, line| all + &zero(line) + "\n")
    }

    #[test]
    fn every_change_is_a_stamped_line_and_a_repetition_none() {
        insta::assert_snapshot!(told(Language::English));
        insta::assert_snapshot!(told(Language::Chinese));
    }

    #[test]
    fn the_stamp_is_in_seconds_with_a_tenth() {
        assert_eq!(stamp(Duration::from_millis(12_345)), " 12.3s");
        assert_eq!(stamp(Duration::from_millis(40)), "  0.0s");
        assert_eq!(stamp(Duration::from_secs(1000)), "1000.0s");
    }
}
