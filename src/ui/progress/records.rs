//! The event stream for machines: one JSON object a line on stderr. Every record has `schema`, `ts` (RFC 3339,
//! UTC), `elapsed_ms`, `op`, `release`, `namespace` and `event`; the rest depends on the event. Words in it are
//! identifiers and never translated.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::action::{Change, Event, FileChange, Notice, ObjectState, Observer, Phase};
use crate::code::Code;
use crate::ui::excerpt;
use crate::ui::printer::Printer;
use crate::yaml::path_text;

use super::Scope;

/// The name and version of the stream's shape.
pub const SCHEMA: &str = "maibot.events/1";

/// Prints events as JSON lines.
#[derive(Debug)]
pub(super) struct Records {
    printer: Arc<Printer>,
    scope: Scope,
}

impl Records {
    pub(super) const fn new(printer: Arc<Printer>, scope: Scope) -> Self {
        Self { printer, scope }
    }
}

impl Observer for Records {
    fn event(&self, event: &Event) {
        let mut fields = Map::new();
        fields.insert("op".to_owned(), json!(self.scope.operation));
        fields.insert("release".to_owned(), json!(self.scope.release));
        fields.insert("namespace".to_owned(), json!(self.scope.namespace));
        fields.extend(record(event));
        self.printer.record(fields);
    }
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Render => "render",
        Phase::Lock => "lock",
        Phase::Check => "check",
        Phase::Record => "record",
        Phase::Claims => "claims",
        Phase::Files => "files",
        Phase::Hooks => "hooks",
        Phase::Apply => "apply",
        Phase::Wait => "wait",
        Phase::Delete => "delete",
    }
}

const fn change(change: Change) -> &'static str {
    match change {
        Change::Created => "created",
        Change::Configured => "configured",
        Change::Unchanged => "unchanged",
        Change::Deleted => "deleted",
        Change::Kept => "kept",
    }
}

const fn state(state: ObjectState) -> &'static str {
    match state {
        ObjectState::Waiting => "waiting",
        ObjectState::Ready => "ready",
        ObjectState::Failed => "failed",
        ObjectState::Terminating => "terminating",
        ObjectState::Absent => "absent",
    }
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The fields of an event.
fn record(event: &Event) -> Map<String, Value> {
    fields(match event {
        Event::PhaseStarted { phase: which } => json!({"event": "phase-started", "phase": phase(*which)}),
        Event::PhaseFinished { phase: which, elapsed } => {
            let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            json!({"event": "phase-finished", "phase": phase(*which), "took_ms": milliseconds})
        }
        Event::ObjectChanged { object, change: what } => {
            json!({"event": "object-changed", "object": object.to_string(), "change": change(*what)})
        }
        Event::ObjectStatus { object, parent, state: how, detail } => json!({
            "event": "object-status",
            "object": object.to_string(),
            "parent": parent.as_ref().map(ToString::to_string),
            "state": state(*how),
            "detail": detail,
        }),
        Event::Log { object, container, line } => {
            json!({"event": "log", "object": object.to_string(), "container": container, "line": line})
        }
        Event::File { claim, path, change } => {
            let mut record = fields(json!({"event": "file", "claim": claim, "path": path}));
            record.extend(fields(match change {
                FileChange::Written => json!({"change": "written"}),
                FileChange::Kept => json!({"change": "kept"}),
                FileChange::FieldsReset { fields, copy } => {
                    json!({"change": "fields-reset", "fields": fields, "copy": copy})
                }
                FileChange::Replaced { copy } => json!({"change": "replaced", "copy": copy}),
            }));
            Value::Object(record)
        }
        Event::ServerWarning { text } => json!({"event": "server-warning", "text": text}),
        Event::Retry { cause, delay } => {
            let milliseconds = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            json!({"event": "retry", "cause": cause, "delay_ms": milliseconds})
        }
        Event::UnknownKey(key) => json!({
            "event": "notice",
            "code": Code::ValuesUnknown.id(),
            "key": path_text(&key.path),
            "place": key.place.as_ref().map(excerpt::spot),
            "nearest": key.nearest.as_deref().map(path_text),
            "detail": Notice::UnknownKey(key.clone()).to_string(),
        }),
        Event::Notice { code, object, detail } => json!({
            "event": "notice",
            "code": code.id(),
            "object": object.as_ref().map(ToString::to_string),
            "detail": detail,
        }),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::record;
    use crate::action::{Event, FileChange, ObjectRef, ObjectState, Phase};

    #[test]
    fn an_event_keeps_its_facts_in_its_record() {
        let status = record(&Event::ObjectStatus {
            object: ObjectRef::new("Pod", "a-0"),
            parent: Some(ObjectRef::new("StatefulSet", "a")),
            state: ObjectState::Failed,
            detail: "exit 1".to_owned(),
        });
        assert_eq!(
            serde_json::Value::Object(status),
            serde_json::json!({"event": "object-status", "object": "Pod/a-0", "parent": "StatefulSet/a", "state": "failed", "detail": "exit 1"})
        );
        let file = record(&Event::File {
            claim: "c".to_owned(),
            path: "p".to_owned(),
            change: FileChange::FieldsReset { fields: vec!["a.b".to_owned()], copy: "p.1".to_owned() },
        });
        assert_eq!(
            serde_json::Value::Object(file),
            serde_json::json!({"event": "file", "claim": "c", "path": "p", "change": "fields-reset", "fields": ["a.b"], "copy": "p.1"})
        );
        let phase = record(&Event::PhaseFinished { phase: Phase::Wait, elapsed: Duration::from_millis(1500) });
        assert_eq!(
            serde_json::Value::Object(phase),
            serde_json::json!({"event": "phase-finished", "phase": "wait", "took_ms": 1500})
        );
    }
}
