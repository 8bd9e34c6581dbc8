//! [`Trouble`]: what is wrong in a template, as facts for a report to people. The words are the user interface's.
//!
//! Made from the engine's error while the values are still there, so that a value that is missing can be named by its
//! path in the user's values. Holds no value itself, only names of keys; the lines it shows are the chart's own text
//! (or that given to `tpl`).

use std::ops::Range;
use std::rc::Rc;

use super::functions;
use crate::render::gotemplate::error::{Absent, Cause, ExecError, Failure, ParseError};
use crate::render::gotemplate::set::Templates;
use crate::render::gotemplate::source::Place;
use crate::render::gotemplate::value::{Map, Value};
use crate::values::{Compat, nearest};
use crate::yaml::Step;

/// Frames shown of a chain of includes at most: the innermost ones, and the outermost.
const MAX_FRAMES: usize = 12;

/// Characters shown of a line.
const MAX_LINE: usize = 160;

/// Values searched for the path of a map.
const MAX_SEARCH: usize = 1_000_000;

/// What is wrong in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong.
    pub fault: Fault,
    /// The place, then the calls through which it was reached, innermost first.
    pub frames: Vec<Frame>,
    /// How many frames in the middle are left out.
    pub left_out: usize,
    /// What would help, if that is known.
    pub hints: Vec<Hint>,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The text is no template; Go's words.
    Syntax(String),
    /// `required` or `fail`: the chart's words.
    Refused(String),
    /// Something has no value and a field of it is wanted.
    Absent {
        /// The source of what has no value, such as `.Values.image`.
        expression: String,
        /// What was wanted of it.
        field: String,
        /// Where it should be among the user's values, if it should.
        path: Option<Vec<Step>>,
        /// Whether it is there and `null`.
        is_null: bool,
    },
    /// A function failed; its name and what it said.
    Function {
        /// The function.
        name: String,
        /// Go's words.
        message: String,
    },
    /// Anything else, in Go's words.
    Evaluation(String),
    /// The render is bigger or deeper than it may be.
    Budget(String),
}

/// A place in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The file; `gotpl` for a text given to `tpl`.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The template that runs there, if it is not the whole file.
    pub template: Option<String>,
    /// The line, shortened if it is very long, tabs made spaces.
    pub text: String,
    /// The characters of it that are meant.
    pub marked: Range<usize>,
    /// How often the same place follows, when templates call themselves.
    pub repeated: usize,
}

impl Frame {
    /// The name that texts given to `tpl` have.
    pub const TPL: &'static str = "gotpl";
}

/// What would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// A name like it exists.
    DidYouMean {
        /// What is written.
        written: String,
        /// What exists.
        instead: String,
    },
    /// Numbers of values files are floats, and are compared with floats: `3.0`, or `int` before the comparison.
    FloatComparison,
    /// Text is wanted: quotes in the values, or `toString` in the template.
    TextWanted,
    /// An integer is wanted: `int` in the template.
    IntegerWanted,
    /// A block is not closed.
    MissingEnd,
    /// The function does not exist in this Helm, but in the newer one.
    OnlyHelm4,
    /// Helm offers no function that reads the environment.
    NoEnvironment,
    /// The template should allow for the value's absence: `default`, `with`, parentheses.
    AllowAbsence,
}

impl Trouble {
    /// Of a file that cannot be parsed.
    pub(super) fn of_parse(error: &ParseError, compat: Compat) -> Self {
        Self {
            fault: Fault::Syntax(error.message.clone()),
            frames: vec![frame(&error.place, &error.name)],
            left_out: 0,
            hints: syntax_hints(&error.message, compat),
        }
    }

    /// Of a template that failed; `values` are the outermost chart's.
    pub(super) fn of_exec(error: &ExecError, values: &Rc<Map>, templates: &Templates, compat: Compat) -> Self {
        let mut frames = Vec::new();
        let mut next = Some(error);
        let mut innermost = error;
        let mut parse = None;
        while let Some(error) = next {
            innermost = error;
            // Outermost first until the chain is known.
            for caller in error.callers.iter().rev() {
                frames.push(frame(&caller.place, &caller.template));
            }
            frames.push(frame(&error.place, &error.template));
            next = match &error.cause {
                Cause::Call { failure: Failure::Nested { error, .. }, .. } => Some(error),
                Cause::Call { failure: Failure::Parse { error, .. }, .. } => {
                    frames.push(frame(&error.place, &error.name));
                    parse = Some(error);
                    None
                }
                _ => None,
            };
        }
        frames.reverse();
        let mut frames = without_repetitions(frames);
        let left_out = frames.len().saturating_sub(MAX_FRAMES);
        if left_out > 0 {
            frames.drain(MAX_FRAMES - 1..MAX_FRAMES - 1 + left_out);
        }
        let (fault, hints) = match (parse, &innermost.absent, &innermost.cause) {
            (Some(error), _, _) => (Fault::Syntax(error.message.clone()), syntax_hints(&error.message, compat)),
            (None, Some(absent), _) => of_absent(absent, values),
            (None, None, cause) => of_cause(cause, templates),
        };
        Self { fault, frames, left_out, hints }
    }
}

fn of_absent(absent: &Absent, values: &Rc<Map>) -> (Fault, Vec<Hint>) {
    let mut hints = Vec::new();
    let mut path = None;
    let mut is_null = false;
    if let (Some(Value::Map(holder)), Some(key)) = (&absent.holder, &absent.key) {
        let entries = holder.entries.borrow();
        is_null = entries.contains_key(key.as_bytes());
        path = path_of(holder, values).map(|mut path| {
            path.push(Step::Key(key.to_string()));
            path
        });
        let known: Vec<String> = entries.keys().map(|key| key.to_str().into_owned()).collect();
        if let Some(instead) = nearest(key, known.iter().map(String::as_str)).filter(|_| !is_null) {
            hints.push(Hint::DidYouMean { written: key.to_string(), instead: instead.to_owned() });
        }
    }
    if path.is_none() || hints.is_empty() {
        hints.push(Hint::AllowAbsence);
    }
    let fault = Fault::Absent { expression: absent.expression.clone(), field: absent.field.to_string(), path, is_null };
    (fault, hints)
}

fn of_cause(cause: &Cause, templates: &Templates) -> (Fault, Vec<Hint>) {
    match cause {
        Cause::Budget(message) | Cause::Call { failure: Failure::Budget(message), .. } => {
            (Fault::Budget(message.clone()), Vec::new())
        }
        Cause::Call { failure: Failure::User(words), .. } => (Fault::Refused(words.clone()), Vec::new()),
        Cause::Call { function, failure } => {
            let message = failure.to_string();
            let hints = value_hints(&message, templates);
            (Fault::Function { name: function.to_string(), message }, hints)
        }
        Cause::Message(message) => (Fault::Evaluation(message.clone()), value_hints(message, templates)),
    }
}

/// Frames of which the same ones follow each other only once.
fn without_repetitions(frames: Vec<Frame>) -> Vec<Frame> {
    let mut kept: Vec<Frame> = Vec::new();
    for frame in frames {
        match kept.last_mut() {
            Some(last) if (last.line, last.column, &last.file) == (frame.line, frame.column, &frame.file) => {
                last.repeated += 1;
            }
            _ => kept.push(frame),
        }
    }
    kept
}

/// What helps against values of the wrong kind, told by Go's words, which are fixed.
fn value_hints(message: &str, templates: &Templates) -> Vec<Hint> {
    let has = |part: &str| message.contains(part);
    let unknown = message.strip_prefix("template: no template \"").or_else(|| message.strip_prefix("template \""));
    if let Some((unknown, rest)) = unknown.and_then(|rest| rest.split_once('"'))
        && (rest == " not defined" || rest.starts_with(" associated with"))
    {
        let known: Vec<_> = templates.names().map(|name| name.to_str()).collect();
        let instead = nearest(unknown, known.iter().map(AsRef::as_ref));
        let hint = |instead: &str| Hint::DidYouMean { written: unknown.to_owned(), instead: instead.to_owned() };
        return instead.map(hint).into_iter().collect();
    }
    let mut hints = Vec::new();
    if has("incompatible types for comparison") && has("float64") {
        hints.push(Hint::FloatComparison);
    } else if has("expected string") {
        hints.push(Hint::TextWanted);
    } else if has("expected int") && has("float64") {
        hints.push(Hint::IntegerWanted);
    } else if has("nil pointer") {
        hints.push(Hint::AllowAbsence);
    }
    hints
}

fn syntax_hints(message: &str, compat: Compat) -> Vec<Hint> {
    if message.ends_with("unexpected EOF") {
        return vec![Hint::MissingEnd];
    }
    let unknown = message.strip_prefix("function \"").and_then(|rest| rest.strip_suffix("\" not defined"));
    let Some(unknown) = unknown else { return Vec::new() };
    if matches!(unknown, "env" | "expandenv") {
        return vec![Hint::NoEnvironment];
    }
    if compat == Compat::Helm3 && functions::find(Compat::Helm4)(unknown).is_some() {
        return vec![Hint::OnlyHelm4];
    }
    let instead = nearest(unknown, functions::names(compat));
    instead
        .map(|instead| Hint::DidYouMean { written: unknown.to_owned(), instead: instead.to_owned() })
        .into_iter()
        .collect()
}

/// Where a map stands among the outermost chart's values: that very map, not one like it.
fn path_of(wanted: &Map, values: &Rc<Map>) -> Option<Vec<Step>> {
    fn is_same(one: &Map, other: &Map) -> bool {
        Rc::ptr_eq(&one.entries, &other.entries)
    }
    if is_same(wanted, values) {
        return Some(Vec::new());
    }
    // Breadth first: of several ways to a map that was stored twice the shortest is the one to show.
    let mut places = std::collections::VecDeque::from([(Vec::new(), Value::Map(Rc::clone(values)))]);
    let mut searched = 0;
    while let Some((path, value)) = places.pop_front() {
        let children: Vec<(Step, Value)> = match &value {
            Value::Map(map) => {
                let entries = map.entries.borrow();
                entries.iter().map(|(key, value)| (Step::Key(key.to_str().into_owned()), value.clone())).collect()
            }
            Value::List(list) => {
                list.items.iter().enumerate().map(|(index, item)| (Step::Index(index), item.clone())).collect()
            }
            _ => continue,
        };
        for (step, child) in children {
            searched += 1;
            if searched > MAX_SEARCH {
                return None;
            }
            let path = || path.iter().cloned().chain([step.clone()]).collect();
            match &child {
                Value::Map(map) if is_same(map, wanted) => return Some(path()),
                Value::Map(_) | Value::List(_) => places.push_back((path(), child)),
                _ => {}
            }
        }
    }
    None
}

fn frame(place: &Place, template: &str) -> Frame {
    let source = &place.source;
    let (line, byte_column) = source.position(place.span.start);
    let line_start = place.span.start.min(source.text.len()) - byte_column.min(place.span.start);
    let rest = source.text.get(line_start..).unwrap_or_default();
    let line_end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    let bytes = rest.get(..line_end).unwrap_or_default();
    let before = String::from_utf8_lossy(bytes.get(..byte_column).unwrap_or(bytes)).chars().count();
    let end = (place.span.end.max(place.span.start) - line_start).min(bytes.len());
    let until = String::from_utf8_lossy(bytes.get(..end).unwrap_or(bytes)).chars().count();
    let text: String = String::from_utf8_lossy(bytes)
        .trim_end_matches('\r')
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    let (text, marked) = window(&text, before..until.max(before + 1));
    Frame {
        repeated: 0,
        file: source.name.to_string(),
        line,
        column: before + 1,
        template: (*template != *source.name).then(|| template.to_owned()),
        text,
        marked,
    }
}

/// The part of a line around what is meant, with `…` where something was cut.
fn window(line: &str, marked: Range<usize>) -> (String, Range<usize>) {
    let characters: Vec<char> = line.chars().collect();
    if characters.len() <= MAX_LINE {
        return (line.to_owned(), marked);
    }
    let from = marked.start.saturating_sub(MAX_LINE / 4).min(characters.len());
    let to = (from + MAX_LINE).min(characters.len());
    let mut text: String = characters.get(from..to).unwrap_or_default().iter().collect();
    let shift = usize::from(from > 0);
    if from > 0 {
        text.insert(0, '…');
    }
    if to < characters.len() {
        text.push('…');
    }
    (text, marked.start - from + shift..marked.end.min(to).max(marked.start + 1) - from + shift)
}
