//! Base64 in the standard alphabet, padded. Writing is the crate's; reading is our own, because Go passes over line
//! ends, takes stray bits, and tells the place of an error.

use base64::Engine as _;

/// Writes bytes as base64.
pub fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn digit(byte: u8) -> Option<u32> {
    Some(match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

/// Reads base64.
///
/// # Errors
/// Go's words with the place of the first byte at fault.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let corrupt = |place: usize| Err(format!("illegal base64 data at input byte {place}"));
    let is_line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let mut rest = text.iter().enumerate().filter(|(_, byte)| !is_line_end(byte)).peekable();
    loop {
        let mut group = 0_u32;
        for count in 0..4 {
            let Some((place, byte)) = rest.next() else {
                return if count == 0 { Ok(out) } else { corrupt(text.len() - count) };
            };
            if let Some(digit) = digit(*byte) {
                group |= digit << (18 - 6 * count);
                continue;
            }
            if *byte != b'=' || count < 2 {
                return corrupt(place);
            }
            if count == 2 {
                match rest.next() {
                    None => return corrupt(text.len()),
                    Some((place, byte)) if *byte != b'=' => return corrupt(place - 1),
                    Some(_) => {}
                }
            }
            if let Some((place, _)) = rest.peek() {
                return corrupt(*place);
            }
            out.extend(group.to_be_bytes().into_iter().skip(1).take(count - 1));
            return Ok(out);
        }
        out.extend_from_slice(&group.to_be_bytes()[1..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_error_tells_the_byte_go_tells() {
        for (text, place) in [
            ("!", 0),
            ("a", 0),
            ("ab", 0),
            ("abc", 0),
            ("ab=", 3),
            ("ab=x", 2),
            ("a=bc", 1),
            ("abc=d", 4),
            ("abcd\n!", 5),
        ] {
            assert_eq!(decode(text.as_bytes()), Err(format!("illegal base64 data at input byte {place}")), "{text}");
        }
    }

    #[test]
    fn line_ends_and_stray_bits_are_passed_over() {
        assert_eq!(decode(b"aG\r\nk\n=").unwrap(), b"hi");
        assert_eq!(decode(b"aGl=").unwrap(), b"hi");
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back(bytes: Vec<u8>) {
            prop_assert_eq!(decode(encode(&bytes).as_bytes()).unwrap(), bytes);
        }
    }
}
