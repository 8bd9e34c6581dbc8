//! Scalars: the literal and folded, the quoted and the plain.
//!
//! The half of the scanner that turns the characters of one scalar into its value: folding of lines, chomping,
//! escapes. A scalar that stands in the text as it is meant is borrowed from it.

use std::borrow::Cow;

use super::error::Fault;
use super::properties::hex_digit;
use super::scanner::{Mark, Scanner, Token, TokenKind};

/// Line breaks read inside a scalar and not yet decided upon.
#[derive(Default)]
struct Breaks {
    first: String,
    rest: String,
}

impl Breaks {
    /// One break becomes a space, several lose the first; a Unicode separator stays.
    fn fold_into(&mut self, out: &mut String) {
        if self.first.starts_with('\n') {
            out.push_str(if self.rest.is_empty() { " " } else { &self.rest });
        } else {
            out.push_str(&self.first);
            out.push_str(&self.rest);
        }
        self.first.clear();
        self.rest.clear();
    }
}

impl<'a> Scanner<'a> {
    fn scalar(value: Cow<'a, str>, plain: bool, start: Mark, end: Mark) -> Token<'a> {
        Token { kind: TokenKind::Scalar { value, plain }, start, end }
    }

    /// `|` and `>`.
    pub(super) fn scan_block_scalar(&mut self, literal: bool) -> Result<Token<'a>, Fault> {
        let start = self.mark;
        self.skip();
        self.ensure(1)?;
        // Chomping and indentation, in either order.
        let mut chomping = None;
        let mut increment = 0;
        if matches!(self.byte(0), b'+' | b'-') {
            chomping = Some(self.byte(0));
            self.skip();
            self.ensure(1)?;
            if self.byte(0).is_ascii_digit() {
                increment = self.read_indentation(start)?;
            }
        } else if self.byte(0).is_ascii_digit() {
            increment = self.read_indentation(start)?;
            self.ensure(1)?;
            if matches!(self.byte(0), b'+' | b'-') {
                chomping = Some(self.byte(0));
                self.skip();
            }
        }
        self.finish_line(start)?;
        let mut end = self.mark;
        let mut indent = match increment {
            0 => 0,
            _ => increment + usize::try_from(self.indent).unwrap_or(0),
        };
        let mut value = String::new();
        let mut breaks = Breaks::default();
        self.skip_indentation(&mut indent, &mut breaks.rest, start, &mut end)?;
        self.ensure(1)?;
        let mut leading_blank = false;
        while self.mark.column == indent && !self.at_end() {
            let trailing_blank = self.is_blank(0);
            if !literal && !leading_blank && !trailing_blank && breaks.first.starts_with('\n') {
                if breaks.rest.is_empty() {
                    value.push(' ');
                }
            } else {
                value.push_str(&breaks.first);
            }
            breaks.first.clear();
            value.push_str(&breaks.rest);
            breaks.rest.clear();
            leading_blank = trailing_blank;
            let from = self.mark.offset;
            while !self.is_break_or_end(0) {
                self.skip();
                self.ensure(1)?;
            }
            value.push_str(&self.input.text[from..self.mark.offset]);
            self.ensure(2)?;
            self.read_break(&mut breaks.first);
            self.skip_indentation(&mut indent, &mut breaks.rest, start, &mut end)?;
        }
        if chomping != Some(b'-') {
            value.push_str(&breaks.first);
        }
        if chomping == Some(b'+') {
            value.push_str(&breaks.rest);
        }
        Ok(Self::scalar(Cow::Owned(value), false, start, end))
    }

    fn read_indentation(&mut self, start: Mark) -> Result<usize, Fault> {
        let digit = self.byte(0) - b'0';
        if digit == 0 {
            return Err(self.fault(start, "found an indentation indicator equal to 0"));
        }
        self.skip();
        Ok(usize::from(digit))
    }

    /// Passes over a block scalar's indentation and empty lines, and finds the indentation if it is not known (0).
    fn skip_indentation(
        &mut self,
        indent: &mut usize,
        breaks: &mut String,
        start: Mark,
        end: &mut Mark,
    ) -> Result<(), Fault> {
        *end = self.mark;
        let mut widest = 0;
        loop {
            self.ensure(1)?;
            while (*indent == 0 || self.mark.column < *indent) && self.byte(0) == b' ' {
                self.skip();
                self.ensure(1)?;
            }
            widest = widest.max(self.mark.column);
            if (*indent == 0 || self.mark.column < *indent) && self.byte(0) == b'\t' {
                return Err(self.fault(start, "found a tab character where an indentation space is expected"));
            }
            if self.break_at(0) == 0 {
                break;
            }
            self.ensure(2)?;
            self.read_break(breaks);
            *end = self.mark;
        }
        if *indent == 0 {
            *indent = widest.max(usize::try_from(self.indent + 1).unwrap_or(0)).max(1);
        }
        Ok(())
    }

    /// `'…'` and `"…"`.
    pub(super) fn scan_quoted_scalar(&mut self, single: bool) -> Result<Token<'a>, Fault> {
        let start = self.mark;
        let quote = if single { b'\'' } else { b'"' };
        self.skip();
        let text: &'a str = self.input.text;
        // Everything before `from` is in `value` if anything is; what follows stands in the text as it is meant.
        let mut value = String::new();
        let mut from = self.mark.offset;
        let mut breaks = Breaks::default();
        loop {
            self.ensure(4)?;
            if self.at_document_indicator() {
                return Err(self.fault(start, "found unexpected document indicator"));
            }
            if self.at_end() {
                return Err(self.fault(start, "found unexpected end of stream"));
            }
            let mut leading_blanks = false;
            while !self.is_blank_or_end(0) {
                let byte = self.byte(0);
                if single && byte == quote && self.byte(1) == quote {
                    // The first of the two stands for both.
                    self.skip();
                    value.push_str(&text[from..self.mark.offset]);
                    self.skip();
                    from = self.mark.offset;
                } else if byte == quote {
                    break;
                } else if !single && byte == b'\\' {
                    value.push_str(&text[from..self.mark.offset]);
                    if self.break_at(1) > 0 {
                        self.ensure(3)?;
                        self.skip();
                        self.skip_break();
                        from = self.mark.offset;
                        leading_blanks = true;
                        break;
                    }
                    self.read_escape(&mut value, start)?;
                    from = self.mark.offset;
                } else {
                    self.skip();
                }
                self.ensure(2)?;
            }
            self.ensure(1)?;
            if self.byte(0) == quote {
                break;
            }
            while self.is_blank(0) || self.break_at(0) > 0 {
                if self.is_blank(0) {
                    self.skip();
                } else {
                    self.ensure(2)?;
                    if leading_blanks {
                        self.read_break(&mut breaks.rest);
                    } else {
                        let line = &text[from..self.mark.offset];
                        value.push_str(line.trim_end_matches([' ', '\t']));
                        self.read_break(&mut breaks.first);
                        leading_blanks = true;
                    }
                }
                self.ensure(1)?;
            }
            if leading_blanks {
                breaks.fold_into(&mut value);
                from = self.mark.offset;
            }
        }
        let last = &text[from..self.mark.offset];
        let value = if value.is_empty() {
            Cow::Borrowed(last)
        } else {
            value.push_str(last);
            Cow::Owned(value)
        };
        self.skip();
        Ok(Self::scalar(value, false, start, self.mark))
    }

    /// One escape of a double-quoted scalar, from its backslash on.
    fn read_escape(&mut self, out: &mut String, start: Mark) -> Result<(), Fault> {
        let length = match self.byte(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            simple => {
                out.push(match simple {
                    b'0' => '\0',
                    b'a' => '\u{07}',
                    b'b' => '\u{08}',
                    b't' | b'\t' => '\t',
                    b'n' => '\n',
                    b'v' => '\u{0B}',
                    b'f' => '\u{0C}',
                    b'r' => '\r',
                    b'e' => '\u{1B}',
                    b' ' => ' ',
                    b'"' => '"',
                    b'\'' => '\'',
                    b'\\' => '\\',
                    b'N' => '\u{85}',
                    b'_' => '\u{A0}',
                    b'L' => '\u{2028}',
                    b'P' => '\u{2029}',
                    _ => return Err(self.fault(start, "found unknown escape character")),
                });
                0
            }
        };
        self.skip();
        self.skip();
        if length == 0 {
            return Ok(());
        }
        self.ensure(length)?;
        let mut code = 0_u64;
        for ahead in 0..length {
            let Some(digit) = hex_digit(self.byte(ahead)) else {
                return Err(self.fault(start, "did not find expected hexdecimal number"));
            };
            code = code << 4 | u64::from(digit);
        }
        let Some(character) = u32::try_from(code).ok().and_then(char::from_u32) else {
            return Err(self.fault(start, "found invalid Unicode character escape code"));
        };
        out.push(character);
        for _ in 0..length {
            self.skip();
        }
        Ok(())
    }

    /// A scalar without quotes.
    pub(super) fn scan_plain_scalar(&mut self) -> Result<Token<'a>, Fault> {
        let start = self.mark;
        let mut end = self.mark;
        let text: &'a str = self.input.text;
        let indent = self.indent + 1;
        let is_outside = |scanner: &Self| isize::try_from(scanner.mark.column).is_ok_and(|column| column < indent);
        // As in a quoted scalar: `value` has what comes before `from`.
        let mut value = String::new();
        let mut from = self.mark.offset;
        let mut breaks = Breaks::default();
        let mut leading_blanks = false;
        loop {
            self.ensure(4)?;
            if self.at_document_indicator() || self.byte(0) == b'#' {
                break;
            }
            while !self.is_blank_or_end(0) {
                let byte = self.byte(0);
                if byte == b':' && self.is_blank_or_end(1)
                    || self.flow_level > 0 && matches!(byte, b',' | b'?' | b'[' | b']' | b'{' | b'}')
                {
                    break;
                }
                if leading_blanks {
                    breaks.fold_into(&mut value);
                    leading_blanks = false;
                    from = self.mark.offset;
                }
                self.skip();
                end = self.mark;
                self.ensure(2)?;
            }
            if !self.is_blank(0) && self.break_at(0) == 0 {
                break;
            }
            self.ensure(1)?;
            while self.is_blank(0) || self.break_at(0) > 0 {
                if self.is_blank(0) {
                    if leading_blanks && is_outside(self) && self.byte(0) == b'\t' {
                        return Err(self.fault(start, "found a tab character that violates indentation"));
                    }
                    self.skip();
                } else {
                    self.ensure(2)?;
                    if leading_blanks {
                        self.read_break(&mut breaks.rest);
                    } else {
                        value.push_str(&text[from..end.offset]);
                        from = end.offset;
                        self.read_break(&mut breaks.first);
                        leading_blanks = true;
                    }
                }
                self.ensure(1)?;
            }
            if self.flow_level == 0 && is_outside(self) {
                break;
            }
        }
        let last = &text[from..end.offset.max(from)];
        let value = if value.is_empty() {
            Cow::Borrowed(last)
        } else {
            value.push_str(last);
            Cow::Owned(value)
        };
        if leading_blanks {
            self.simple_key_allowed = true;
        }
        Ok(Self::scalar(value, true, start, end))
    }
}
