//! Base32 in the standard alphabet, padded, with the errors of Go's `encoding/base32`.

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Writes bytes as base32.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let group = (0..5).fold(0_u64, |group, place| group << 8 | u64::from(chunk.get(place).copied().unwrap_or(0)));
        let digits = (chunk.len() * 8).div_ceil(5);
        for place in 0..8 {
            let digit = usize::try_from(group >> (35 - 5 * place) & 31).unwrap_or(0);
            out.push(if place < digits { char::from(ALPHABET[digit]) } else { '=' });
        }
    }
    out
}

fn digit(byte: u8) -> Option<u64> {
    Some(match byte {
        b'A'..=b'Z' => u64::from(byte - b'A'),
        b'2'..=b'7' => u64::from(byte - b'2') + 26,
        _ => return None,
    })
}

/// Reads base32; line ends are passed over and not counted in the place of an error.
///
/// # Errors
/// Go's words with the place of the byte at fault.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, String> {
    let text: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let corrupt = |place: usize| Err(format!("illegal base32 data at input byte {place}"));
    let mut out = Vec::with_capacity(text.len() / 8 * 5);
    for (start, chunk) in text.chunks(8).enumerate().map(|(index, chunk)| (index * 8, chunk)) {
        let mut group = 0_u64;
        for place in 0..8 {
            let Some(byte) = chunk.get(place) else {
                // Padding is missing; Go blames the start of the group.
                return corrupt(start);
            };
            let after = text.get(start + place + 1..).unwrap_or_default();
            if *byte == b'=' && place >= 2 && after.len() < 8 {
                if after.len() + place < 7 {
                    return corrupt(text.len());
                }
                if let Some(other) = after.iter().take(7 - place).position(|byte| *byte != b'=') {
                    return corrupt(start + place + other);
                }
                if matches!(place, 3 | 6) {
                    return corrupt(start + place);
                }
                // What follows the padding is not looked at.
                out.extend(group.to_be_bytes().into_iter().skip(3).take(place * 5 / 8));
                return Ok(out);
            }
            let Some(digit) = digit(*byte) else { return corrupt(start + place) };
            group |= digit << (35 - 5 * place);
        }
        out.extend_from_slice(&group.to_be_bytes()[3..]);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_error_tells_the_byte_go_tells() {
        for (text, place) in [("!", 0), ("a", 0), ("AB", 0), ("AB==x===", 3), ("ABC=====", 3), ("AB=====", 7)] {
            assert_eq!(decode(text.as_bytes()), Err(format!("illegal base32 data at input byte {place}")), "{text}");
        }
    }

    #[test]
    fn known_texts_are_written_as_everywhere() {
        assert_eq!(encode(b"foobar"), "MZXW6YTBOI======");
        assert_eq!(decode(b"MZXW6YTBOI======x").unwrap(), b"foobar");
        assert_eq!(decode(b"MZXW6\nYTBOI======").unwrap(), b"foobar");
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back(bytes: Vec<u8>) {
            prop_assert_eq!(decode(encode(&bytes).as_bytes()).unwrap(), bytes);
        }
    }
}
