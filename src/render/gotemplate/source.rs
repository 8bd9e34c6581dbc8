//! [`Source`]: a text that was parsed, and places in it.

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

/// A text with the name it was parsed under.
#[derive(PartialEq, Eq)]
pub struct Source {
    /// The name, usually a path in the chart.
    pub name: Rc<str>,
    /// The text.
    pub text: Box<[u8]>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).field("bytes", &self.text.len()).finish()
    }
}

impl Source {
    /// Line (from 1) and byte column (from 0) of an offset, as Go counts them.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let column = memchr::memrchr(b'\n', before).map_or(before.len(), |newline| before.len() - newline - 1);
        (line, column)
    }

    /// The bytes of a span; empty where it lies outside.
    pub fn slice(&self, span: Range<usize>) -> &[u8] {
        self.text.get(span).unwrap_or_default()
    }
}

/// A place in a source, for reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The text.
    pub source: Rc<Source>,
    /// First byte and the one after the last.
    pub span: Range<usize>,
}
