//! Text for other languages: `html`, `js` and `urlquery`.

use std::io::Write as _;

use crate::unicode;

/// For HTML: quotes, angle brackets and `&` as entities, NUL as U+FFFD.
pub(super) fn html(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            0 => out.extend_from_slice("\u{FFFD}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            byte => out.push(byte),
        }
    }
    out
}

/// For a JavaScript string: quotes and backslashes escaped, what HTML or JavaScript could take for its own as `\uXXXX`.
pub(super) fn js(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for (at, character) in unicode::characters(text) {
        match character {
            Some(character @ ('\\' | '\'' | '"')) => {
                let _ = write!(out, "\\{character}");
            }
            Some(character @ ('<' | '>' | '&' | '=' | '\0'..='\x1F')) => {
                let _ = write!(out, "\\u{:04X}", u32::from(character));
            }
            Some(character) if character.is_ascii() || unicode::is_print(character) => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Some(character) => {
                let _ = write!(out, "\\u{:04X}", u32::from(character));
            }
            // Go takes the byte for U+FFFD, which can be printed, and writes what is there.
            None => out.extend(text.get(at)),
        }
    }
    out
}

/// For the query of a URL: all but letters, digits and `-_.~` as `%XX`, space as `+`.
pub(super) fn url_query(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte),
            b' ' => out.push(b'+'),
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}
