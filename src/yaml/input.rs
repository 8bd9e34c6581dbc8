//! Bytes as the text that the scanner walks over.
//!
//! Owns encodings (UTF-8 with or without a byte order mark, UTF-16 with one) and the set of characters that a
//! YAML stream may hold. go-yaml looks at its input in windows of 512 bytes, so a forbidden character is an error
//! only if no other error was found before its window was needed, and a byte order mark inside the text has an
//! effect only where a window happens to begin. Text with neither is the rule and is walked without any of this.

use std::borrow::Cow;

use super::error::Fault;

const BYTE_ORDER_MARK: &str = "\u{FEFF}";
const FORBIDDEN: &str = "control characters are not allowed";
/// How many bytes go-yaml takes at once.
const WINDOW: usize = 512;

/// Text without its encoding, and the first thing in it that no YAML stream may hold.
#[derive(Debug)]
pub(super) struct Decoded<'a> {
    text: Cow<'a, str>,
    /// How many bytes the stream's own byte order mark took.
    skipped: usize,
    flaw: Option<Flaw>,
}

/// Something that no YAML stream may hold.
#[derive(Debug, Clone, Copy)]
struct Flaw {
    problem: &'static str,
    /// How many bytes have to be there for it to be seen.
    width: usize,
}

impl<'a> Decoded<'a> {
    /// Finds the encoding and the first flaw. Never fails: a flaw is reported when the scanner gets to it.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        if let Some(rest) = bytes.strip_prefix(b"\xFF\xFE") {
            return Self::from_utf16(rest, u16::from_le_bytes);
        }
        if let Some(rest) = bytes.strip_prefix(b"\xFE\xFF") {
            return Self::from_utf16(rest, u16::from_be_bytes);
        }
        let rest = bytes.strip_prefix(BYTE_ORDER_MARK.as_bytes()).unwrap_or(bytes);
        let (text, broken) = match std::str::from_utf8(rest) {
            Ok(text) => (text, None),
            Err(error) => {
                let (valid, bad) = rest.split_at(error.valid_up_to());
                (std::str::from_utf8(valid).unwrap_or_default(), Some(utf8_flaw(bad)))
            }
        };
        let (text, flaw) = match forbidden(text) {
            Some((offset, width)) => (&text[..offset], Some(Flaw { problem: FORBIDDEN, width })),
            None => (text, broken),
        };
        Self { text: Cow::Borrowed(text), skipped: bytes.len() - rest.len(), flaw }
    }

    fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Self {
        let mut text = String::with_capacity(bytes.len());
        let mut flaw = None;
        let mut units = bytes.chunks(2).map(|pair| <[u8; 2]>::try_from(pair).map(unit).ok());
        while let Some(first) = units.next() {
            let character = match first {
                None => Err("incomplete UTF-16 character"),
                Some(low) if low & 0xFC00 == 0xDC00 => Err("unexpected low surrogate area"),
                Some(high) if high & 0xFC00 == 0xD800 => match units.next().flatten() {
                    None => Err("incomplete UTF-16 surrogate pair"),
                    Some(low) if low & 0xFC00 != 0xDC00 => Err("expected low surrogate area"),
                    Some(low) => {
                        let pair = 0x1_0000 + (u32::from(high & 0x3FF) << 10) + u32::from(low & 0x3FF);
                        char::from_u32(pair).ok_or("invalid Unicode character")
                    }
                },
                Some(plain) => char::from_u32(u32::from(plain)).ok_or("invalid Unicode character"),
            };
            match character {
                Ok(character) if is_allowed(character) => text.push(character),
                Ok(_) => flaw = Some(Flaw { problem: FORBIDDEN, width: 1 }),
                Err(problem) => flaw = Some(Flaw { problem, width: 1 }),
            }
            if flaw.is_some() {
                break;
            }
        }
        Self { text: Cow::Owned(text), skipped: 0, flaw }
    }

    /// How many bytes stand before the text.
    pub(super) const fn skipped(&self) -> usize {
        self.skipped
    }

    /// What a scanner reads.
    pub(super) fn input(&self) -> Input<'_> {
        let careful = (self.flaw.is_some() || self.text.contains(BYTE_ORDER_MARK)).then_some(Window {
            flaw: self.flaw,
            skipped: self.skipped,
            start: 0,
            loaded: 0,
            ends: 0,
        });
        Input { text: &self.text, window: careful }
    }
}

/// What a scanner reads: text, and go-yaml's window on it where that matters.
#[derive(Debug)]
pub(super) struct Input<'a> {
    pub(super) text: &'a str,
    window: Option<Window>,
}

#[derive(Debug)]
struct Window {
    flaw: Option<Flaw>,
    skipped: usize,
    /// Where the characters in the window begin.
    start: usize,
    /// Where they end.
    loaded: usize,
    /// How many end markers are in the window behind the text.
    ends: usize,
}

impl Input<'_> {
    /// Whether `load` has to be called.
    #[inline]
    pub(super) const fn is_careful(&self) -> bool {
        self.window.is_some()
    }

    /// Whether the window begins with a byte order mark: go-yaml looks there, not at the cursor.
    pub(super) fn has_mark_at_window(&self) -> bool {
        self.window.as_ref().is_some_and(|window| self.text[window.start..].starts_with(BYTE_ORDER_MARK))
    }

    /// Loads windows until `count` characters from `position` on are there; fails at the window with the flaw.
    pub(super) fn load(&mut self, position: usize, count: usize) -> Result<(), Fault> {
        let text = self.text;
        let Some(window) = &mut self.window else { return Ok(()) };
        let mut unread = text[position..window.loaded.max(position)].chars().take(count).count() + window.ends;
        if unread >= count {
            return Ok(());
        }
        window.start = position;
        while unread < count {
            if window.loaded >= text.len() {
                if let Some(flaw) = window.flaw {
                    return Err(Fault::reader(flaw.problem));
                }
                window.ends += 1;
                break;
            }
            // The first window also holds the stream's byte order mark; an incomplete character waits for the next.
            let reach = window.loaded + WINDOW - if window.loaded == 0 { window.skipped } else { 0 };
            if let Some(flaw) = window.flaw.filter(|flaw| text.len() + flaw.width <= reach) {
                return Err(Fault::reader(flaw.problem));
            }
            let mut end = reach.min(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            unread += text[window.loaded..end].chars().count();
            window.loaded = end;
        }
        Ok(())
    }
}

/// Where the first character is that a YAML stream may not hold, and its length.
fn forbidden(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        // Only these bytes can begin a forbidden character, so most text is passed over at once.
        let offset = from
            + bytes[from..]
                .iter()
                .position(|&byte| matches!(byte, 0..=8 | 0x0B | 0x0C | 0x0E..=0x1F | 0x7F | 0xC2 | 0xEF))?;
        let character = text[offset..].chars().next()?;
        if !is_allowed(character) {
            return Some((offset, character.len_utf8()));
        }
        from = offset + character.len_utf8();
    }
}

const fn is_allowed(character: char) -> bool {
    matches!(
        character,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}'
            | '\u{10000}'..='\u{10FFFF}'
    )
}

/// What is wrong with bytes that do not begin with a UTF-8 character, in go-yaml's words.
fn utf8_flaw(bytes: &[u8]) -> Flaw {
    let flaw = |problem, width| Flaw { problem, width };
    let incomplete = flaw("incomplete UTF-8 octet sequence", bytes.len());
    let Some(&lead) = bytes.first() else { return incomplete };
    let width = match lead {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => return flaw("invalid leading UTF-8 octet", 1),
    };
    let Some(sequence) = bytes.get(..width) else { return incomplete };
    if sequence[1..].iter().any(|octet| octet & 0xC0 != 0x80) {
        return flaw("invalid trailing UTF-8 octet", width);
    }
    let bits = u32::from(lead) & (0x7F >> width);
    let value = sequence[1..].iter().fold(bits, |value, octet| value << 6 | u32::from(octet & 0x3F));
    let least = match width {
        2 => 0x80,
        3 => 0x800,
        _ => 0x1_0000,
    };
    flaw(if value < least { "invalid length of a UTF-8 sequence" } else { "invalid Unicode character" }, width)
}

/// Text in UTF-16 as UTF-8, so that its lines can be told apart; `None` if it is not UTF-16.
pub(super) fn transcode(bytes: &[u8]) -> Option<Result<String, Fault>> {
    if !bytes.starts_with(b"\xFF\xFE") && !bytes.starts_with(b"\xFE\xFF") {
        return None;
    }
    let decoded = Decoded::new(bytes);
    Some(match decoded.flaw {
        Some(flaw) => Err(Fault::reader(flaw.problem)),
        None => Ok(decoded.text.into_owned()),
    })
}
