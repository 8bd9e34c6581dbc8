//! Anchors, aliases, tags and directives: what stands beside nodes and documents.

use super::cursor::width;
use super::error::Fault;
use super::scanner::{Mark, Scanner, Token, TokenKind};

impl<'a> Scanner<'a> {
    pub(super) fn fetch_anchor(&mut self) -> Result<(), Fault> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark;
        let is_alias = self.byte(0) == b'*';
        self.skip();
        self.ensure(1)?;
        let from = self.mark.offset;
        while is_word(self.byte(0)) {
            self.skip();
            self.ensure(1)?;
        }
        let text: &'a str = self.input.text;
        let name = &text[from..self.mark.offset];
        let ends_well =
            self.is_blank_or_end(0) || matches!(self.byte(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !ends_well {
            return Err(self.fault(start, "did not find expected alphabetic or numeric character"));
        }
        self.push(if is_alias { TokenKind::Alias(name) } else { TokenKind::Anchor(name) }, start);
        Ok(())
    }

    pub(super) fn fetch_tag(&mut self) -> Result<(), Fault> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark;
        self.ensure(2)?;
        let (handle, suffix) = if self.byte(1) == b'<' {
            self.skip();
            self.skip();
            let suffix = self.scan_tag_uri("", start)?;
            if self.byte(0) != b'>' {
                return Err(self.fault(start, "did not find the expected '>'"));
            }
            self.skip();
            (String::new(), suffix)
        } else {
            let handle = self.scan_tag_handle(false, start)?;
            if handle.len() > 1 && handle.ends_with('!') {
                let suffix = self.scan_tag_uri("", start)?;
                (handle, suffix)
            } else {
                let suffix = self.scan_tag_uri(&handle, start)?;
                // The lone `!` is a suffix without a handle.
                if suffix.is_empty() { (suffix, "!".to_owned()) } else { ("!".to_owned(), suffix) }
            }
        };
        self.ensure(1)?;
        if !self.is_blank_or_end(0) {
            return Err(self.fault(start, "did not find expected whitespace or line break"));
        }
        self.push(TokenKind::Tag { handle, suffix }, start);
        Ok(())
    }

    fn scan_tag_handle(&mut self, directive: bool, start: Mark) -> Result<String, Fault> {
        self.ensure(1)?;
        if self.byte(0) != b'!' {
            return Err(self.fault(start, "did not find expected '!'"));
        }
        let from = self.mark.offset;
        self.skip();
        self.ensure(1)?;
        while is_word(self.byte(0)) {
            self.skip();
            self.ensure(1)?;
        }
        if self.byte(0) == b'!' {
            self.skip();
        } else if directive && self.mark.offset - from > 1 {
            return Err(self.fault(start, "did not find expected '!'"));
        }
        Ok(self.input.text[from..self.mark.offset].to_owned())
    }

    /// The rest of a tag. `head` is what was read of it as a handle, with its `!`.
    fn scan_tag_uri(&mut self, head: &str, start: Mark) -> Result<String, Fault> {
        let mut uri: Vec<u8> = head.as_bytes().get(1..).unwrap_or_default().to_vec();
        let mut found = !head.is_empty();
        self.ensure(1)?;
        while is_word(self.byte(0)) || (self.byte(0) != 0 && b";/?:@&=+$,.!~*'()[]%".contains(&self.byte(0))) {
            if self.byte(0) == b'%' {
                self.scan_uri_escapes(&mut uri, start)?;
            } else {
                uri.push(self.byte(0));
                self.skip();
            }
            self.ensure(1)?;
            found = true;
        }
        if !found {
            return Err(self.fault(start, "did not find expected tag URI"));
        }
        Ok(String::from_utf8_lossy(&uri).into_owned())
    }

    /// The `%xx` octets of one UTF-8 character.
    fn scan_uri_escapes(&mut self, out: &mut Vec<u8>, start: Mark) -> Result<(), Fault> {
        let mut left = None;
        while left != Some(0) {
            self.ensure(3)?;
            let digits = (hex_digit(self.byte(1)), hex_digit(self.byte(2)));
            let (b'%', (Some(high), Some(low))) = (self.byte(0), digits) else {
                return Err(self.fault(start, "did not find URI escaped octet"));
            };
            let octet = high << 4 | low;
            left = Some(match left {
                None if octet & 0xC0 == 0x80 || octet & 0xF8 == 0xF8 => {
                    return Err(self.fault(start, "found an incorrect leading UTF-8 octet"));
                }
                None => width(octet) - 1,
                Some(_) if octet & 0xC0 != 0x80 => {
                    return Err(self.fault(start, "found an incorrect trailing UTF-8 octet"));
                }
                Some(count) => count - 1,
            });
            out.push(octet);
            for _ in 0..3 {
                self.skip();
            }
        }
        Ok(())
    }

    pub(super) fn fetch_directive(&mut self) -> Result<(), Fault> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark;
        self.skip();
        self.ensure(1)?;
        let from = self.mark.offset;
        while is_word(self.byte(0)) {
            self.skip();
            self.ensure(1)?;
        }
        let text: &'a str = self.input.text;
        let name = &text[from..self.mark.offset];
        if name.is_empty() {
            return Err(self.fault(start, "could not find expected directive name"));
        }
        if !self.is_blank_or_end(0) {
            return Err(self.fault(start, "found unexpected non-alphabetical character"));
        }
        let kind = match name {
            "YAML" => {
                self.skip_blanks()?;
                let major = self.scan_version_number(start)?;
                if self.byte(0) != b'.' {
                    return Err(self.fault(start, "did not find expected digit or '.' character"));
                }
                self.skip();
                let minor = self.scan_version_number(start)?;
                TokenKind::VersionDirective { major, minor }
            }
            "TAG" => {
                self.skip_blanks()?;
                let handle = self.scan_tag_handle(true, start)?;
                self.ensure(1)?;
                if !self.is_blank(0) {
                    return Err(self.fault(start, "did not find expected whitespace"));
                }
                self.skip_blanks()?;
                let prefix = self.scan_tag_uri("", start)?;
                self.ensure(1)?;
                if !self.is_blank_or_end(0) {
                    return Err(self.fault(start, "did not find expected whitespace or line break"));
                }
                TokenKind::TagDirective { handle, prefix }
            }
            _ => return Err(self.fault(start, "found unknown directive name")),
        };
        let token = Token { kind, start, end: self.mark };
        self.finish_line(start)?;
        self.queue.push_back(token);
        Ok(())
    }

    fn scan_version_number(&mut self, start: Mark) -> Result<u8, Fault> {
        self.ensure(1)?;
        let mut number = 0;
        let mut length = 0;
        while self.byte(0).is_ascii_digit() {
            length += 1;
            if length > 2 {
                return Err(self.fault(start, "found extremely long version number"));
            }
            number = number * 10 + (self.byte(0) - b'0');
            self.skip();
            self.ensure(1)?;
        }
        if length == 0 {
            return Err(self.fault(start, "did not find expected version number"));
        }
        Ok(number)
    }
}

/// Letters, digits, `_` and `-`: what names of anchors, directives and tag handles are made of.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// The value of a hexadecimal digit.
pub(super) const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
