//! Where in the user's own words a value stands: the file or the flag, the line, and the part of it that is meant.
//!
//! The last one that set a value is the one that is shown. What the chart's defaults say has no place here.

use std::ops::Range;

use super::Given;
use crate::yaml::{Origin, Source, Span, Step, Value};

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
    /// The text of the line, without its end.
    pub text: String,
    /// What is meant, in characters of the line from 0. Ends with the line if it goes on behind it.
    pub marked: Range<usize>,
}

impl Given {
    /// Whether the user gave the value at a path, be it `null`.
    pub fn gives(&self, path: &[Step]) -> bool {
        let Some((first, rest)) = path.split_first() else { return true };
        let Step::Key(key) = first else { return false };
        let found = self.values.get(key).and_then(|value| {
            rest.iter().try_fold(value, |value, step| match (value, step) {
                (Value::Mapping(map), Step::Key(key)) => map.get(key),
                (Value::Sequence(list), Step::Index(index)) => list.get(*index),
                _ => None,
            })
        });
        found.is_some()
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
        let before = before.rsplit(is_break).next().unwrap_or_default().trim_start_matches('\u{feff}');
        let after = after.split(is_break).next().unwrap_or_default();
        let meant = span.end.offset.saturating_sub(start);
        let meant = after.get(..meant).unwrap_or(after).trim_end();
        let from = before.chars().count();
        Self {
            source,
            line: span.start.line,
            column: from + 1,
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
    /// A default of the chart.
    Chart,
    /// The values as a whole, or words of the user's that have no place.
    Whole,
}

impl Given {
    /// What is to blame for a value that a schema complains of: `path` is its place, of which the first `scope` steps lead
    /// to the chart whose schema it is; `missing` and `superfluous` are keys in it.
    pub fn blame(&self, path: &[Step], scope: usize, missing: &[String], superfluous: &[String]) -> Blame {
        for path in Self::spellings(path, scope) {
            let keyed = |key: &String| [path.as_slice(), &[Step::Key(key.clone())]].concat();
            // A key that is missing may have been taken away with a null.
            let removed = missing.iter().filter_map(|key| self.place(&keyed(key), Part::Value));
            let added = superfluous.iter().filter_map(|key| self.place(&keyed(key), Part::Key));
            let mut places: Vec<Place> = removed.chain(added).collect();
            if !places.is_empty() {
                places.dedup();
                return Blame::User(places);
            }
            if !superfluous.is_empty() {
                continue;
            }
            let part = if missing.is_empty() { Part::Value } else { Part::Key };
            if let Some(place) = self.place(&path, part) {
                return Blame::User(vec![place]);
            }
            if self.gives(&path) {
                return Blame::Whole;
            }
        }
        Blame::Chart
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
