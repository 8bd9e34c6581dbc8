//! Texts with an OpenPGP signature below them: finding text and signature in a file, and putting both into one.
//!
//! Owns the frame and no cryptography. Rules: RFC 9580, section 7 ("cleartext signature framework"), read and written
//! exactly as go-crypto's `openpgp/clearsign` does it for Helm: the header may name hashes and nothing else, blanks at
//! the ends of lines do not count, and the line break before the signature is no part of the text.

use base64::Engine as _;

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";

/// The names of hashes that the header may hold.
const HASHES: &[&str] = &["MD5", "SHA1", "RIPEMD160", "SHA224", "SHA256", "SHA384", "SHA512", "SHA3-256", "SHA3-512"];

/// The length of a line of base64.
const ARMOR_WIDTH: usize = 64;

/// A text and what signs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cleartext {
    /// The text with plain line breaks, dashes unescaped.
    pub(super) text: Vec<u8>,
    /// The armoured signature, from its first line to its last.
    pub(super) signature: Vec<u8>,
}

impl Cleartext {
    /// The first signed message in a file; what is before and behind it does not matter.
    pub(super) fn find(content: &[u8]) -> Option<Self> {
        let begin = if content.starts_with(BEGIN.as_bytes()) {
            0
        } else {
            memchr::memmem::find(content, format!("\n{BEGIN}").as_bytes())? + 1
        };
        let mut rest = content.get(begin + BEGIN.len()..)?;
        if !line(&mut rest).is_empty() {
            return None;
        }
        loop {
            if rest.is_empty() {
                return None;
            }
            let header = line(&mut rest).trim_ascii();
            if header.is_empty() {
                break;
            }
            let names = std::str::from_utf8(header).ok()?.strip_prefix("Hash")?.trim_start().strip_prefix(':')?;
            if !names.split(',').all(|name| HASHES.contains(&name.trim().to_ascii_uppercase().as_str())) {
                return None;
            }
        }
        let mut text = Vec::with_capacity(rest.len());
        let mut is_first = true;
        loop {
            let at = rest;
            let line = line(&mut rest);
            if line == SIGNATURE.as_bytes() {
                rest = at;
                break;
            }
            if line.is_empty() && rest.is_empty() {
                return None;
            }
            if !is_first {
                text.push(b'\n');
            }
            is_first = false;
            let line = line.strip_prefix(b"- ").unwrap_or(line);
            text.extend_from_slice(trim_end(line, b" \t"));
        }
        let end = memchr::memmem::find(rest, format!("\n{END}").as_bytes())?;
        let signature = rest.get(..end + 1 + END.len())?.to_vec();
        Some(Self { text, signature })
    }
}

/// The next line without its break; the rest is behind it.
fn line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (line, behind) = match memchr::memchr(b'\n', rest) {
        Some(end) => (rest.get(..end).unwrap_or_default(), rest.get(end + 1..).unwrap_or_default()),
        None => (*rest, &[][..]),
    };
    // A carriage return alone is no break.
    let is_whole = line.len() < rest.len();
    *rest = behind;
    if is_whole { line.strip_suffix(b"\r").unwrap_or(line) } else { line }
}

fn trim_end<'a>(mut line: &'a [u8], blanks: &[u8]) -> &'a [u8] {
    while let [front @ .., last] = line
        && blanks.contains(last)
    {
        line = front;
    }
    line
}

/// The form of a text that its signature is made over: no blanks at the ends of lines, breaks of both characters.
pub(super) fn canonical(text: &[u8]) -> Vec<u8> {
    lines(text).collect::<Vec<_>>().join(&b"\r\n"[..])
}

/// The lines of a text to be signed; the last one has no break and may be empty.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').map(|line| trim_end(line, b" \t\r"))
}

/// A text in its frame, with the signature's packet below it.
pub(super) fn frame(text: &str, hash: &str, signature: &[u8]) -> String {
    let mut framed = format!("{BEGIN}\nHash: {hash}\n\n");
    for line in text.split('\n').map(|line| line.trim_end_matches([' ', '\t', '\r'])) {
        if line.starts_with('-') {
            framed.push_str("- ");
        }
        framed.push_str(line);
        framed.push('\n');
    }
    framed.push_str(SIGNATURE);
    framed.push_str("\n\n");
    let armored = base64::engine::general_purpose::STANDARD.encode(signature);
    let mut rest = armored.as_str();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(rest.len().min(ARMOR_WIDTH));
        framed.push_str(line);
        framed.push('\n');
        rest = behind;
    }
    framed.push_str(END);
    framed
}

#[cfg(test)]
mod tests {
    use super::{Cleartext, canonical, frame};

    fn text(content: &str) -> Option<String> {
        Cleartext::find(content.as_bytes()).map(|found| String::from_utf8(found.text).unwrap())
    }

    const BELOW: &str = "-----BEGIN PGP SIGNATURE-----\n\nabcd\n-----END PGP SIGNATURE-----";

    #[test]
    fn a_text_is_found_as_it_was_before_it_was_framed() {
        for (body, expected) in
            [("a\n", "a"), ("a\n\n", "a\n"), ("a  \t\n- -b\r\n- c\n", "a\n-b\nc"), ("\n", ""), ("-----x\n", "-----x")]
        {
            for head in ["Hash: SHA512\n\n", "Hash: sha256, SHA512\n\n", "\n", " \t\n"] {
                let content = format!("before\n-----BEGIN PGP SIGNED MESSAGE-----\n{head}{body}{BELOW}\nbehind");
                assert_eq!(text(&content).as_deref(), Some(expected), "{content}");
            }
        }
    }

    #[test]
    fn what_is_no_signed_message_is_none() {
        let begin = "-----BEGIN PGP SIGNED MESSAGE-----";
        for content in [
            String::new(),
            "text".to_owned(),
            begin.to_owned(),
            format!("{begin}\n"),
            format!("{begin}\n\na"),
            format!("{begin}\n\na\n"),
            format!("{begin} \n\na\n{BELOW}"),
            format!("x{begin}\n\na\n{BELOW}"),
            format!("{begin}\nHash: SHA9\n\na\n{BELOW}"),
            format!("{begin}\nComment: x\n\na\n{BELOW}"),
            format!("{begin}\nHash SHA512\n\na\n{BELOW}"),
            format!("{begin}\n\na\n-----BEGIN PGP SIGNATURE-----\n\nabcd\n"),
        ] {
            assert_eq!(text(&content), None, "{content:?}");
        }
    }

    #[test]
    fn a_framed_text_is_found_again() {
        let original = "name: a  \n- dash\n--- \n\nlast: \"x\"\n";
        let framed = frame(original, "SHA512", &[7; 100]);
        assert!(framed.contains("\n- - dash\n- ---\n"), "{framed}");
        assert!(framed.lines().all(|line| line.len() <= 64), "{framed}");
        assert_eq!(text(&framed).unwrap(), "name: a\n- dash\n---\n\nlast: \"x\"\n");
        assert_eq!(canonical(b"a \r\nb\t\n"), b"a\r\nb\r\n");
        assert_eq!(canonical(text(&framed).unwrap().as_bytes()), canonical(original.as_bytes()));
    }

    proptest::proptest! {
        #[test]
        fn every_text_survives_its_frame(original in "[-a \\t\\r\\n]{0,60}") {
            let framed = frame(&original, "SHA512", b"s");
            let found = Cleartext::find(framed.as_bytes()).unwrap();
            proptest::prop_assert_eq!(canonical(&found.text), canonical(original.as_bytes()));
        }

        #[test]
        fn no_bytes_make_the_reader_stumble(content in "(-----BEGIN PGP SIGNED MESSAGE-----|-----BEGIN PGP SIGNATURE-----|-----END PGP SIGNATURE-----|[-:a \\r\\n]){0,30}") {
            let _ = Cleartext::find(content.as_bytes());
        }
    }
}
