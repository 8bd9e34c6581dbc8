//! The scanner's place in the text: looking ahead, moving on, telling blanks from line breaks.

use super::error::Fault;
use super::scanner::{Mark, Scanner};

impl Scanner<'_> {
    /// The byte `ahead` of the cursor, 0 behind the end of the text.
    #[inline]
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.input.text.as_bytes().get(self.mark.offset + ahead).copied().unwrap_or(0)
    }

    #[inline]
    pub(super) fn at_end(&self) -> bool {
        self.mark.offset >= self.input.text.len()
    }

    /// Makes sure that `count` characters can be looked at, as far as the text goes.
    #[inline]
    pub(super) fn ensure(&mut self, count: usize) -> Result<(), Fault> {
        if self.input.is_careful() { self.input.load(self.mark.offset, count) } else { Ok(()) }
    }

    /// Moves past one character that is not a line break.
    #[inline]
    pub(super) fn skip(&mut self) {
        self.mark.offset = (self.mark.offset + width(self.byte(0))).min(self.input.text.len());
        self.mark.index += 1;
        self.mark.column += 1;
    }

    /// The length in bytes of the line break that begins `ahead` of the cursor, 0 if none does.
    #[inline]
    pub(super) fn break_at(&self, ahead: usize) -> usize {
        match self.byte(ahead) {
            b'\r' if self.byte(ahead + 1) == b'\n' => 2,
            b'\r' | b'\n' => 1,
            0xC2 if self.byte(ahead + 1) == 0x85 => 2,
            0xE2 if self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xA8 | 0xA9) => 3,
            _ => 0,
        }
    }

    #[inline]
    pub(super) fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    /// Whether a line break or the end is `ahead` of the cursor.
    #[inline]
    pub(super) fn is_break_or_end(&self, ahead: usize) -> bool {
        self.byte(ahead) == 0 || self.break_at(ahead) > 0
    }

    #[inline]
    pub(super) fn is_blank_or_end(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break_or_end(ahead)
    }

    /// Moves past a line break, if one is here.
    pub(super) fn skip_break(&mut self) {
        let length = self.break_at(0);
        if length == 0 {
            return;
        }
        self.mark.index += if length == 2 && self.byte(0) == b'\r' { 2 } else { 1 };
        self.mark.offset += length;
        self.mark.column = 0;
        self.mark.line += 1;
    }

    /// Moves past a line break and appends it: `\n`, or the Unicode line and paragraph separators as they are.
    pub(super) fn read_break(&mut self, out: &mut String) {
        match self.break_at(0) {
            0 => {}
            3 => out.push_str(&self.input.text[self.mark.offset..self.mark.offset + 3]),
            _ => out.push('\n'),
        }
        self.skip_break();
    }

    /// Whether `---` or `...` stands here as a document indicator.
    pub(super) fn at_document_indicator(&self) -> bool {
        self.mark.column == 0 && (self.at_marker(b'-') || self.at_marker(b'.'))
    }

    pub(super) fn at_marker(&self, byte: u8) -> bool {
        self.byte(0) == byte && self.byte(1) == byte && self.byte(2) == byte && self.is_blank_or_end(3)
    }

    pub(super) fn skip_blanks(&mut self) -> Result<(), Fault> {
        self.ensure(1)?;
        while self.is_blank(0) {
            self.skip();
            self.ensure(1)?;
        }
        Ok(())
    }

    pub(super) fn skip_comment(&mut self) -> Result<(), Fault> {
        if self.byte(0) == b'#' {
            while !self.is_break_or_end(0) {
                self.skip();
                self.ensure(1)?;
            }
        }
        Ok(())
    }

    /// The rest of a directive's or a block scalar header's line: blanks, a comment, the break.
    pub(super) fn finish_line(&mut self, context: Mark) -> Result<(), Fault> {
        self.skip_blanks()?;
        self.skip_comment()?;
        if !self.is_break_or_end(0) {
            return Err(self.fault(context, "did not find expected comment or line break"));
        }
        if self.break_at(0) > 0 {
            self.ensure(2)?;
            self.skip_break();
        }
        Ok(())
    }

    /// A scanner's error at the cursor; `context` is where the construct began.
    pub(super) fn fault(&self, context: Mark, problem: &'static str) -> Fault {
        Fault::scanner(problem, self.mark, context)
    }
}

/// The length in bytes of the character that begins with `byte`.
#[inline]
pub(super) const fn width(byte: u8) -> usize {
    match byte {
        0xF0..=0xFF => 4,
        0xE0..=0xEF => 3,
        0xC0..=0xDF => 2,
        _ => 1,
    }
}
