//! Where values came from.
//!
//! A tree beside the value tree, made only when asked for: for each map, list and scalar the source (a file's
//! document, a flag) and the place in it. Kept through the merge, so that a complaint about a value can show the
//! line of the user's file that holds it.

use std::collections::BTreeMap;

use super::error::Position;

/// A number that the owner of the sources gives out; see [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// A stretch of text, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first character's place.
    pub start: Position,
    /// The place behind the last character.
    pub end: Position,
}

/// Where one value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The source.
    pub source: SourceId,
    /// Where its key stands; `None` for list items and whole documents.
    pub key: Option<Span>,
    /// Where the value stands.
    pub value: Span,
}

/// One step of a path into a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Under a key of a map.
    Key(String),
    /// At an index of a list.
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// A path as it is written in `--set`.
pub fn path_text(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |path, step| match step {
        Step::Key(key) if path.is_empty() => key.clone(),
        Step::Key(key) => format!("{path}.{key}"),
        Step::Index(index) => format!("{path}[{index}]"),
    })
}

/// The places of a value and of everything in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins {
    origin: Option<Origin>,
    keys: BTreeMap<String, Origins>,
    items: Vec<Origins>,
}

impl Origins {
    /// The places of a value whose parts are not known (yet).
    pub const fn new(origin: Origin) -> Self {
        Self { origin: Some(origin), keys: BTreeMap::new(), items: Vec::new() }
    }

    /// Where the value at exactly this path came from.
    pub fn at(&self, path: &[Step]) -> Option<&Origin> {
        path.iter().try_fold(self, |origins, step| origins.child(step))?.origin.as_ref()
    }

    /// Where the value at this path came from, or else the nearest value around it; and how many steps were gone.
    pub fn nearest(&self, path: &[Step]) -> Option<(&Origin, usize)> {
        let mut found = self.origin.as_ref().map(|origin| (origin, 0));
        let mut origins = self;
        for (gone, step) in path.iter().enumerate() {
            let Some(child) = origins.child(step) else { break };
            origins = child;
            if let Some(origin) = &origins.origin {
                found = Some((origin, gone + 1));
            }
        }
        found
    }

    fn child(&self, step: &Step) -> Option<&Self> {
        match step {
            Step::Key(key) => self.keys.get(key),
            Step::Index(index) => self.items.get(*index),
        }
    }

    /// The origins of what a map holds under `key`.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.keys.get(key)
    }

    /// Takes a map entry's origins; what was known of that key is forgotten.
    pub fn insert(&mut self, key: String, origins: Self) {
        self.keys.insert(key, origins);
    }

    /// Takes the origins of a list's next item.
    pub fn push(&mut self, origins: Self) {
        self.items.push(origins);
    }

    /// Forgets what a map holds under `key`.
    pub fn remove(&mut self, key: &str) {
        self.keys.remove(key);
    }

    /// Sets the origin of the value at a path; what was known of its parts is forgotten.
    pub fn set(&mut self, path: &[Step], origin: Origin) {
        let mut origins = self;
        for step in path {
            origins = match step {
                Step::Key(key) => origins.keys.entry(key.clone()).or_default(),
                Step::Index(index) => {
                    if origins.items.len() <= *index {
                        origins.items.resize_with(index + 1, Self::default);
                    }
                    &mut origins.items[*index]
                }
            };
            // The way there exists because of this origin, unless it was there before.
            origins.origin.get_or_insert(origin);
        }
        *origins = Self::new(origin);
    }

    /// The origin at this path, or of what in it was given last; sources are numbered in the order in which they were
    /// given. Of one source the outermost.
    pub fn latest(&self, path: &[Step]) -> Option<&Origin> {
        path.iter().try_fold(self, |origins, step| origins.child(step))?.latest_here()
    }

    fn latest_here(&self) -> Option<&Origin> {
        let inside = self.keys.values().chain(&self.items).filter_map(Self::latest_here);
        inside.fold(self.origin.as_ref(), |latest, origin| match latest {
            Some(latest) if latest.source >= origin.source => Some(latest),
            _ => Some(origin),
        })
    }

    /// Merges as maps of values are merged: `other` wins, maps on both sides (`values` and `other_values` tell) are
    /// merged in turn and count as given by `other`.
    pub fn merge(&mut self, other: Self, values: &super::Mapping, other_values: &super::Mapping) {
        self.origin = other.origin.or(self.origin);
        for (key, theirs) in other.keys {
            match (values.get(&key), other_values.get(&key), self.keys.get_mut(&key)) {
                (Some(super::Value::Mapping(ours_map)), Some(super::Value::Mapping(theirs_map)), Some(ours)) => {
                    ours.merge(theirs, ours_map, theirs_map);
                }
                _ => {
                    self.keys.insert(key, theirs);
                }
            }
        }
    }

    pub(super) fn shift(&mut self, shift: &dyn Fn(&mut Position)) {
        if let Some(origin) = &mut self.origin {
            for span in origin.key.iter_mut().chain([&mut origin.value]) {
                shift(&mut span.start);
                shift(&mut span.end);
            }
        }
        for child in self.keys.values_mut().chain(&mut self.items) {
            child.shift(shift);
        }
    }
}

/// What a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A document of a file, counted from zero.
    File {
        /// The file's name as the user gave it.
        name: String,
        /// Which document.
        document: usize,
    },
    /// A flag such as `--set` and its argument.
    Flag {
        /// The flag with its dashes.
        flag: &'static str,
        /// What was given to it.
        argument: String,
    },
    /// The chart's own defaults.
    Chart {
        /// The chart's name.
        name: String,
    },
}

/// All sources, numbered.
#[derive(Debug, Clone, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Takes a source and gives it a number.
    pub fn add(&mut self, source: Source) -> SourceId {
        self.0.push(source);
        SourceId(u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX))
    }

    /// The source with this number.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.0.get(usize::try_from(id.0).ok()?)
    }
}
