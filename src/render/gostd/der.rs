//! DER: values as tag, length and content. Reading accepts what Go's `cryptobyte` accepts: lengths in their shortest
//! form, integers without bytes that say nothing.

/// A sequence, with the bit that says that it is made of values.
pub const SEQUENCE: u8 = 0x30;
/// A set.
pub const SET: u8 = 0x31;
/// A truth value.
pub const BOOLEAN: u8 = 1;
/// An integer.
pub const INTEGER: u8 = 2;
/// Bits.
pub const BIT_STRING: u8 = 3;
/// Bytes.
pub const OCTET_STRING: u8 = 4;
/// Nothing.
pub const NULL: u8 = 5;
/// An object identifier.
pub const OBJECT: u8 = 6;

/// A value.
pub fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 128 => out.push(length),
        _ => {
            let length = content.len().to_be_bytes();
            let start = length.iter().position(|byte| *byte != 0).unwrap_or(length.len());
            let length = length.get(start..).unwrap_or_default();
            out.push(0x80 | u8::try_from(length.len()).unwrap_or(0));
            out.extend_from_slice(length);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A sequence of values that are encoded already.
pub fn sequence(values: &[&[u8]]) -> Vec<u8> {
    value(SEQUENCE, &values.concat())
}

/// A number that is not negative, from its bytes, the highest first.
pub fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let digits = bytes.get(start..).unwrap_or_default();
    let needs_zero = digits.first().is_none_or(|first| first & 0x80 != 0);
    value(INTEGER, &[if needs_zero { &[0][..] } else { &[] }, digits].concat())
}

/// Whole bytes as bits.
pub fn bits(bytes: &[u8]) -> Vec<u8> {
    value(BIT_STRING, &[&[0], bytes].concat())
}

/// A reader of values one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next value.
    pub fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next value of any kind: tag, content, and both with the length between them.
    pub fn any(&mut self) -> Option<(u8, &'a [u8], &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        // Tags of several bytes do not occur.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (first, rest) = rest.split_first()?;
        let (length, rest) = if first & 0x80 == 0 {
            (usize::from(*first), rest)
        } else {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if bytes.is_empty() || bytes.len() > 4 || bytes.first() == Some(&0) {
                return None;
            }
            let length = bytes.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
            if length < 128 {
                return None;
            }
            (length, rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len() - rest.len())?;
        self.0 = rest;
        Some((*tag, content, whole))
    }

    /// The content of the next value, if it has this tag.
    pub fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content, _) = Reader(self.0).any()?;
        if found != tag {
            return None;
        }
        self.any();
        Some(content)
    }

    /// The next value whole, if it has this tag.
    pub fn whole(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, _, whole) = Reader(self.0).any()?;
        if found != tag {
            return None;
        }
        self.any();
        Some(whole)
    }

    /// The bytes of an integer in its shortest form, as two's complement.
    pub fn integer(&mut self) -> Option<&'a [u8]> {
        let content = self.content(INTEGER)?;
        let is_padded = matches!(content, [0, second, ..] if second & 0x80 == 0)
            || matches!(content, [0xff, second, ..] if second & 0x80 != 0);
        if content.is_empty() || is_padded { None } else { Some(content) }
    }

    /// The content of an integer that is not negative, without a leading zero.
    pub fn unsigned(&mut self) -> Option<&'a [u8]> {
        let content = self.integer()?;
        if content.first()? & 0x80 != 0 {
            return None;
        }
        Some(content.strip_prefix(&[0]).unwrap_or(content))
    }

    /// The content of an object identifier: parts in the shortest form.
    pub fn object(&mut self) -> Option<&'a [u8]> {
        let content = self.content(OBJECT)?;
        let ends = content.last()? & 0x80 == 0;
        let is_padded = content.first() == Some(&0x80)
            || content.windows(2).any(|pair| matches!(pair, [end, 0x80] if end & 0x80 == 0));
        (ends && !is_padded).then_some(content)
    }

    /// Bits that fill their last byte, as bytes; others keep their place in it.
    pub fn bit_string(&mut self) -> Option<&'a [u8]> {
        let (unused, bytes) = self.content(BIT_STRING)?.split_first()?;
        let last = bytes.last().copied().unwrap_or(0);
        let fits = *unused < 8 && (*unused == 0 || !bytes.is_empty()) && last & ((1 << unused) - 1) == 0;
        fits.then_some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_and_read_in_their_shortest_form() {
        for length in [0, 127, 128, 255, 256, 70_000] {
            let content = vec![1; length];
            let encoded = value(OCTET_STRING, &content);
            assert_eq!(Reader(&encoded).content(OCTET_STRING), Some(content.as_slice()));
        }
        for bytes in [&[4, 0x81, 1, 0][..], &[4, 0x82, 0, 200], &[4, 2, 0], &[4], &[0x1f, 1, 1, 0]] {
            assert!(Reader(bytes).any().is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn integers_have_a_sign() {
        assert_eq!(integer(&[0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[]), [2, 1, 0]);
        assert_eq!(Reader(&[2, 2, 0, 0x80]).unsigned(), Some(&[0x80][..]));
        assert_eq!(Reader(&[2, 1, 0x80]).unsigned(), None);
        assert_eq!(Reader(&[2, 2, 0, 1]).integer(), None);
    }
}
