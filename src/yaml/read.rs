//! Texts as values, the way Helm's libraries do it.

use std::borrow::Cow;

use super::compose::{Document, compose};
use super::decode::Numbers;
use super::error::{Error, Position};
use super::input::{Decoded, transcode};
use super::origin::{Origins, Source, SourceId, Sources};
use super::value::{Mapping, Value};

/// The first document of a text; `Null` if there is none.
pub fn read(text: &[u8], numbers: Numbers) -> Result<Value, Error> {
    with_document(text, |document, _| document.decode(numbers))
}

/// The first document of a text, which has to be a map; an empty map if there is none or it is `null`.
pub fn read_mapping(text: &[u8], numbers: Numbers) -> Result<Mapping, Error> {
    as_mapping(read(text, numbers)?)
}

/// The first document of a text, which has to be a list; an empty list if there is none or it is `null`.
pub fn read_sequence(text: &[u8], numbers: Numbers) -> Result<Vec<Value>, Error> {
    match read(text, numbers)? {
        Value::Sequence(list) => Ok(list),
        Value::Null => Ok(Vec::new()),
        other => Err(Error::shape(&other, "[]interface {}")),
    }
}

fn as_mapping(value: Value) -> Result<Mapping, Error> {
    match value {
        Value::Mapping(map) => Ok(map),
        Value::Null => Ok(Mapping::new()),
        other => Err(Error::shape(&other, "map[string]interface {}")),
    }
}

pub(super) fn with_document<T>(
    text: &[u8],
    use_it: impl FnOnce(&Document<'_>, usize) -> Result<T, Error>,
) -> Result<T, Error> {
    let decoded = Decoded::new(text);
    let skipped = decoded.skipped();
    compose(decoded.input()).map_err(Error::Syntax).and_then(|document| use_it(&document, skipped)).map_err(
        |mut error| {
            error.relocate(&|position| position.offset += skipped);
            error
        },
    )
}

/// One document of a file, as lines of it.
#[derive(Default)]
struct Part {
    text: Vec<u8>,
    /// Where it begins in the file.
    offset: usize,
    line: usize,
    /// How many carriage returns were dropped before each of its lines.
    dropped: Vec<usize>,
}

impl Part {
    fn push(&mut self, raw: &[u8]) {
        let line = raw.strip_suffix(b"\n").map_or(raw, |line| line.strip_suffix(b"\r").unwrap_or(line));
        let before = self.dropped.last().copied().unwrap_or(0);
        if self.dropped.is_empty() {
            self.dropped.push(0);
        }
        self.dropped.push(before + raw.len().saturating_sub(line.len() + 1));
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
    }

    /// Moves a position in the document to where it is in the file.
    fn locate(&self, position: &mut Position) {
        position.offset += self.offset + self.dropped.get(position.line - 1).copied().unwrap_or(0);
        position.line += self.line;
    }
}

/// A file's documents one by one, cut at lines that begin with `---`, as Kubernetes' reader does it: line ends become
/// `\n`, and only a comment may follow on that line.
struct Parts<'a> {
    text: &'a [u8],
    offset: usize,
    line: usize,
}

impl Iterator for Parts<'_> {
    type Item = Result<Part, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut part = Part { offset: self.offset, line: self.line, ..Part::default() };
        let text = self.text;
        for raw in text[self.offset..].split_inclusive(|byte| *byte == b'\n') {
            let (offset, line) = (self.offset, self.line);
            self.offset += raw.len();
            self.line += 1;
            if let Some(rest) = raw.strip_prefix(b"---") {
                let rest = String::from_utf8_lossy(rest);
                let rest = rest.trim();
                if !rest.is_empty() && !rest.starts_with('#') {
                    // Nothing is read behind it.
                    self.offset = text.len();
                    let position = Position { offset, line: line + 1, column: 1 };
                    return Some(Err(Error::Separator { text: rest.to_owned(), position }));
                }
                if !part.text.is_empty() {
                    return Some(Ok(part));
                }
            }
            part.push(raw);
        }
        (!part.text.is_empty()).then_some(Ok(part))
    }
}

/// The texts of a file's documents, as Kubernetes' reader cuts them: at lines that begin with `---`, without those lines.
/// A line that begins so and goes on with more than a comment is an error and the end.
pub fn documents(text: &[u8]) -> impl Iterator<Item = Result<Vec<u8>, Error>> + '_ {
    Parts { text, offset: 0, line: 0 }.map(|part| part.map(|part| part.text))
}

/// All documents of a values file, later ones merged over earlier ones, as Helm 4 reads it.
///
/// Unlike Helm's, the reader takes UTF-16 here too, and does not lose files whose size is a multiple of 4096 bytes.
pub fn read_documents(text: &[u8], numbers: Numbers) -> Result<Mapping, Error> {
    read_parts(text, numbers, |_| {})
}

/// The same, and where everything came from; each document is a source of its own.
pub fn read_documents_with_origins(
    text: &[u8],
    numbers: Numbers,
    name: &str,
    sources: &mut Sources,
) -> Result<(Mapping, Origins), Error> {
    let mut origins = Origins::default();
    let mut number = 0;
    let map = read_parts(text, numbers, |seen| {
        let source = sources.add(Source::File { name: name.to_owned(), document: number });
        number += 1;
        let mut found = seen.document.origins(source);
        found.shift(&|position| {
            seen.part.locate(position);
            position.offset += seen.skipped;
        });
        origins.merge(found, seen.so_far, seen.value);
    })?;
    Ok((map, origins))
}

/// The first document of a file, which has to be a map, as Helm 3 reads values files; and where everything came from.
pub fn read_mapping_with_origins(
    text: &[u8],
    numbers: Numbers,
    name: &str,
    sources: &mut Sources,
) -> Result<(Mapping, Origins), Error> {
    with_document(text, |document, skipped| {
        let map = as_mapping(document.decode(numbers)?)?;
        let mut origins = document.origins(sources.add(Source::File { name: name.to_owned(), document: 0 }));
        origins.shift(&|position| position.offset += skipped);
        Ok((map, origins))
    })
}

/// Where everything in the first document of a text stands, for texts that were read another way; none if the text is
/// no YAML.
pub fn origins(text: &[u8], source: SourceId) -> Option<Origins> {
    with_document(text, |document, skipped| {
        let mut origins = document.origins(source);
        origins.shift(&|position| position.offset += skipped);
        Ok(origins)
    })
    .ok()
}

/// The text of which positions count: what was UTF-16 is UTF-8, and bytes that are none are replaced.
pub fn source_text(text: &[u8]) -> String {
    match transcode(text) {
        Some(Ok(converted)) => converted,
        _ => super::json::lossy(text),
    }
}

/// A document that was read and is about to be merged.
struct Seen<'a> {
    document: &'a Document<'a>,
    part: &'a Part,
    skipped: usize,
    so_far: &'a Mapping,
    value: &'a Mapping,
}

fn read_parts(text: &[u8], numbers: Numbers, mut see: impl FnMut(&Seen<'_>)) -> Result<Mapping, Error> {
    let wrap = |error| Error::Document(Box::new(error));
    let text = match transcode(text) {
        Some(converted) => Cow::Owned(converted.map_err(|fault| wrap(Error::Syntax(fault)))?.into_bytes()),
        None => Cow::Borrowed(text),
    };
    let mut map = Mapping::new();
    for part in (Parts { text: &text, offset: 0, line: 0 }) {
        let part = part?;
        let result = with_document(&part.text, |document, skipped| {
            let value = as_mapping(document.decode(numbers)?)?;
            see(&Seen { document, part: &part, skipped, so_far: &map, value: &value });
            Ok(value)
        });
        let value = result.map_err(|mut error| {
            error.relocate(&|position| part.locate(position));
            wrap(error)
        })?;
        super::value::merge(&mut map, value);
    }
    Ok(map)
}
