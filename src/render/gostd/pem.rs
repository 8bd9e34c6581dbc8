//! Blocks of base64 between `-----BEGIN …-----` and `-----END …-----`, as Go's `encoding/pem` finds and writes them.

use super::base64;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What stands after `BEGIN`.
    pub label: String,
    /// The content.
    pub bytes: Vec<u8>,
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// The first line without its end and the spaces before it, and what follows.
fn line(text: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match text.iter().position(|byte| *byte == b'\n') {
        Some(end) => (text.get(..end).unwrap_or_default(), text.get(end + 1..).unwrap_or_default()),
        None => (text, &[][..]),
    };
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |last| last + 1);
    (line.get(..end).unwrap_or_default(), rest)
}

/// The first block of a text; whatever stands around it is passed over, also blocks that are broken.
pub fn decode(text: &[u8]) -> Option<Block> {
    let mut rest = text;
    loop {
        let end = find(rest, END)?;
        let (before, tail) = rest.split_at(end);
        let after = tail.get(END.len()..).unwrap_or_default();
        let start = before.windows(BEGIN.len()).rposition(|window| window == BEGIN);
        let start = start.filter(|start| *start == 0 || before.get(start - 1) == Some(&b'\n'));
        if let Some(block) = start.and_then(|start| block(before.get(start + BEGIN.len()..)?, after)) {
            return Some(block);
        }
        rest = after;
    }
}

/// A block from what stands behind `BEGIN` and what stands behind `END`.
fn block(content: &[u8], trailer: &[u8]) -> Option<Block> {
    let (label, mut content) = line(content);
    let label = label.strip_suffix(DASHES)?;
    loop {
        let (header, rest) = line(content);
        if !header.contains(&b':') {
            break;
        }
        content = rest;
    }
    let (closing, _) = line(trailer);
    if closing.strip_suffix(DASHES)? != label {
        return None;
    }
    let content: Vec<u8> = content.iter().copied().filter(|byte| !matches!(byte, b' ' | b'\t')).collect();
    let bytes = base64::decode(&content).ok()?;
    Some(Block { label: String::from_utf8_lossy(label).into_owned(), bytes })
}

/// A block as text, 64 characters a line.
pub fn encode(label: &str, bytes: &[u8]) -> String {
    let content = base64::encode(bytes);
    let mut out = format!("-----BEGIN {label}-----\n");
    for start in (0..content.len()).step_by(64) {
        out.push_str(content.get(start..content.len().min(start + 64)).unwrap_or_default());
        out.push('\n');
    }
    out + "-----END " + label + "-----\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_found_wherever_it_stands() {
        let encoded = encode("TEST KEY", &[7; 100]);
        let expected = Block { label: "TEST KEY".to_owned(), bytes: vec![7; 100] };
        for text in [
            encoded.clone(),
            format!("words\n-----BEGIN X-----\n{encoded}more"),
            format!("-----BEGIN X-----\n!\n-----END X-----\n{}", encoded.replace('\n', "\r\n")),
            encoded.replace("KEY-----\n", "KEY-----\nA: b\n\n"),
        ] {
            assert_eq!(decode(text.as_bytes()), Some(expected.clone()), "{text}");
        }
        assert_eq!(encoded.lines().map(str::len).max(), Some(64));
    }

    #[test]
    fn what_is_broken_is_no_block() {
        for text in [
            "",
            "-----BEGIN A-----\n",
            "-----BEGIN A-----\nYQ==\n-----END B-----\n",
            "x-----BEGIN A-----\nYQ==\n-----END A-----",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
