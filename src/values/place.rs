//! Where in the user's own words a value stands: the file or the flag, the line, and the part of it that is meant.
//!
//! The last one that set a value is the one that is shown. What the chart's defaults say has no place here.

use std::ops::Range;

use super::{Given, Violation};
use crate::yaml::{Mapping, Origin, Source, Span, Step, Value};

/// How many characters of a line are kept before what is meant, and from there on. A value on a line that is longer before it
/// is shown without what stands before: a secret could be cut off from the name that tells it is one.
const WINDOW: usize = 512;

/// Which part of an entry is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its key.
    Key,
    /// Its value; the key instead if the value begins on another line.
    Value,
}

/// A place in something the user gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file or the flag.
    pub source: Source,
    /// The line in it, from 1.
    pub line: usize,
    /// The column where what is meant begins, in characters from 1.
    pub column: usize,
    /// The text of the line, without its end; of a very long one the part around what is meant.
    pub text: String,
    /// What is meant, in characters of the text from 0. Ends with the text if it goes on behind it.
    pub marked: Range<usize>,
}

/// Whether there is a value at a path.
fn has(values: &Mapping, path: &[Step]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    let Step::Key(key) = first else { return false };
    let found = values.get(key).and_then(|value| {
        rest.iter().try_fold(value, |value, step| match (value, step) {
            (Value::Mapping(map), Step::Key(key)) => map.get(key),
            (Value::Sequence(list), Step::Index(index)) => list.get(*index),
            _ => None,
        })
    });
    found.is_some()
}

impl Given {
    /// Whether the user gave the value at a path, be it `null`.
    pub fn gives(&self, path: &[Step]) -> bool {
        has(&self.values, path)
    }

    /// Where the user gave the value at a path; a part of a bigger whole that is not followed any deeper is shown by
    /// that. Nothing if the user did not give it, for the values as a whole, and if origins were not followed.
    pub fn place(&self, path: &[Step], part: Part) -> Option<Place> {
        if path.is_empty() || !self.gives(path) {
            return None;
        }
        let (origin, gone) = self.origins.nearest(path)?;
        self.at(origin, if gone == path.len() { part } else { Part::Value })
    }

    /// Where the key at a path, or something below it, was given last.
    pub fn last_place(&self, path: &[Step]) -> Option<Place> {
        self.at(self.origins.latest(path)?, Part::Key)
    }

    fn at(&self, origin: &Origin, part: Part) -> Option<Place> {
        let source = self.sources.get(origin.source)?;
        let text = match source {
            Source::File { name, .. } => self.texts.get(name)?,
            Source::Flag { argument, .. } => argument.as_str(),
            Source::Chart { .. } => return None,
        };
        let span = match (part, origin.key) {
            (Part::Value, Some(key)) if key.start.line != origin.value.start.line => key,
            (Part::Key, Some(key)) => key,
            _ => origin.value,
        };
        Some(Place::new(source.clone(), text, span))
    }
}

impl Place {
    /// The place of a stretch of a text.
    fn new(source: Source, text: &str, span: Span) -> Self {
        let is_break = |c: char| matches!(c, '\n' | '\r');
        let mut start = span.start.offset.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let (before, after) = text.split_at(start);
        let near: String = before.chars().rev().take(WINDOW).take_while(|c| !is_break(*c)).collect();
        let before: String = match near.chars().count() {
            WINDOW => "…".to_owned(),
            _ => near.chars().rev().filter(|c| *c != '\u{feff}').collect(),
        };
        let end = after.char_indices().nth(WINDOW).map_or(after.len(), |(at, _)| at);
        let after = after.get(..end).unwrap_or(after).split(is_break).next().unwrap_or_default();
        let meant = span.end.offset.saturating_sub(start);
        let meant = after.get(..meant).unwrap_or(after).trim_end();
        let from = before.chars().count();
        Self {
            source,
            line: span.start.line,
            column: span.start.column,
            text: format!("{before}{after}"),
            marked: from..from + meant.chars().count(),
        }
    }
}

/// What is to blame for a value that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blame {
    /// The user, in these places.
    User(Vec<Place>),
    /// A value that the release had before.
    Release,
    /// A default of the chart.
    Chart,
    /// The values as a whole, or words of the user's that have no place.
    Whole,
}

impl Given {
    /// What is to blame for what a schema complains of. `config` is what counts as given: these values, or with them those
    /// that an upgrade has taken over from the release.
    pub fn blame(&self, violation: &Violation, config: &Mapping) -> Blame {
        let Violation { path, scope, missing, superfluous, .. } = violation;
        let spellings = Self::spellings(path, *scope);
        match self.blame_user(&spellings, missing, superfluous) {
            Some(blame) => blame,
            None if spellings.iter().any(|path| {
                let keyed = |key: &String| [path.as_slice(), &[Step::Key(key.clone())]].concat();
                superfluous.iter().any(|key| has(config, &keyed(key))) || superfluous.is_empty() && has(config, path)
            }) =>
            {
                Blame::Release
            }
            None => Blame::Chart,
        }
    }

    fn blame_user(&self, spellings: &[Vec<Step>], missing: &[String], superfluous: &[String]) -> Option<Blame> {
        for path in spellings {
            let keyed = |key: &String| [path.as_slice(), &[Step::Key(key.clone())]].concat();
            // A key that is missing may have been taken away with a null.
            let removed = missing.iter().filter_map(|key| self.place(&keyed(key), Part::Value));
            let added = superfluous.iter().filter_map(|key| self.place(&keyed(key), Part::Key));
            let mut places: Vec<Place> = removed.chain(added).collect();
            if !places.is_empty() {
                places.dedup();
                return Some(Blame::User(places));
            }
            if !superfluous.is_empty() {
                continue;
            }
            let part = if missing.is_empty() { Part::Value } else { Part::Key };
            if let Some(place) = self.place(path, part) {
                return Some(Blame::User(vec![place]));
            }
            if self.gives(path) {
                return Some(Blame::Whole);
            }
        }
        None
    }

    /// The paths under which the user may have given what a chart sees at a path: globals come from any chart around it,
    /// the outermost wins.
    fn spellings(path: &[Step], scope: usize) -> Vec<Vec<Step>> {
        let is_global = matches!(path.get(scope), Some(Step::Key(key)) if key == "global");
        if !is_global {
            return vec![path.to_vec()];
        }
        let (charts, rest) = path.split_at(scope);
        (0..=scope).map(|depth| [&charts[..depth], rest].concat()).collect()
    }
}
