//! Text as a Go literal: what `%q` prints. Rules: `strconv.Quote` and its kin; what is printable says [`crate::unicode`].

use std::io::Write as _;

use crate::unicode;

/// In quotes of the given kind; bytes that are not UTF-8 become `\xHH`. With `ascii` anything outside ASCII is escaped.
pub fn append_quoted(out: &mut Vec<u8>, bytes: &[u8], quote: char, ascii: bool) {
    out.reserve(bytes.len() + 2);
    push(out, quote);
    let mut rest = bytes;
    loop {
        // Most texts are plain for the most part, which is taken over as it is.
        let plain = rest.iter().take_while(|byte| is_plain(**byte, quote)).count();
        let (taken, left) = rest.split_at(plain);
        out.extend_from_slice(taken);
        let Some((character, width)) = unicode::first(left) else { break };
        match character {
            Some(character) => append_escaped(out, character, quote, ascii),
            None => {
                let _ = write!(out, "\\x{:02x}", left.first().copied().unwrap_or_default());
            }
        }
        rest = left.get(width..).unwrap_or_default();
    }
    push(out, quote);
}

/// Whether a byte is a printable character of ASCII that needs no escape.
#[inline]
fn is_plain(byte: u8, quote: char) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'\\' && char::from(byte) != quote
}

/// In double quotes, as `%q` prints it.
pub fn quoted(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    append_quoted(&mut out, bytes, '"', false);
    // Whatever is not UTF-8 was escaped.
    String::from_utf8_lossy(&out).into_owned()
}

/// One character in single quotes.
pub fn append_quoted_char(out: &mut Vec<u8>, character: char, ascii: bool) {
    out.push(b'\'');
    append_escaped(out, character, '\'', ascii);
    out.push(b'\'');
}

/// Whether the text can stand between backquotes: one line of UTF-8 without backquotes, control characters but tabs,
/// and byte order marks.
pub fn can_backquote(bytes: &[u8]) -> bool {
    unicode::characters(bytes).all(|(_, character)| match character {
        None | Some('`' | '\u{7F}' | '\u{FEFF}') => false,
        Some(character) => character >= ' ' || character == '\t',
    })
}

/// Appends a character in UTF-8.
pub fn push(out: &mut Vec<u8>, character: char) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn append_escaped(out: &mut Vec<u8>, character: char, quote: char, ascii: bool) {
    if character == quote || character == '\\' {
        out.push(b'\\');
        push(out, character);
        return;
    }
    if unicode::is_print(character) && (!ascii || character.is_ascii()) {
        push(out, character);
        return;
    }
    let short = match character {
        '\u{07}' => "\\a",
        '\u{08}' => "\\b",
        '\u{0C}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{0B}' => "\\v",
        _ => "",
    };
    let code = u32::from(character);
    let _ = match code {
        _ if !short.is_empty() => out.write_all(short.as_bytes()),
        0..=0x1F | 0x7F => write!(out, "\\x{code:02x}"),
        0..=0xFFFF => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_quoted_as_go_literals() {
        for (bytes, plain, ascii) in [
            (&b"a\"b\\"[..], r#""a\"b\\""#, r#""a\"b\\""#),
            ("中\u{200b}\u{a0}".as_bytes(), "\"中\\u200b\\u00a0\"", r#""\u4e2d\u200b\u00a0""#),
            (b"\xe6\x00\x7f\n", r#""\xe6\x00\x7f\n""#, r#""\xe6\x00\x7f\n""#),
            ("😀\u{e0001}".as_bytes(), "\"😀\\U000e0001\"", r#""\U0001f600\U000e0001""#),
        ] {
            for (expected, ascii) in [(plain, false), (ascii, true)] {
                let mut out = Vec::new();
                append_quoted(&mut out, bytes, '"', ascii);
                assert_eq!(String::from_utf8_lossy(&out), expected);
            }
        }
    }
}
