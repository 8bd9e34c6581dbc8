//! Format strings: `%[flags][width][.precision][[index]]verb`, read as Go's `fmt.Sprintf` reads them.
//!
//! Owns which argument, width and precision each verb gets, and the marks for directives that are wrong. What a verb
//! prints is decided in [`format`](super::format).

use super::error::Failure;
use super::format::{Printer, Spec, append_decimal, type_name};
use super::value::{IntType, Value};
use crate::unicode;

/// The largest width, precision and argument number.
const MAX_NUMBER: i64 = 1_000_000;

/// Prints arguments as a format says.
pub(super) fn run(printer: &mut Printer, format: &[u8], arguments: &[Value]) -> Result<(), Failure> {
    let mut reader = Reader { format, at: 0, arguments, next: 0, good_index: true, reordered: false };
    while let Some(rest) = reader.rest() {
        let text = rest.iter().position(|byte| *byte == b'%').unwrap_or(rest.len());
        printer.out.extend_from_slice(rest.get(..text).unwrap_or(rest));
        reader.at += text;
        if reader.peek().is_none() {
            break;
        }
        reader.at += 1;
        if reader.plain(printer)? {
            continue;
        }
        if !reader.directive(printer)? {
            break;
        }
    }
    // Once arguments were chosen by number nobody can tell which ones are left over.
    if let Some(extra) = arguments.get(reader.next..).filter(|extra| !extra.is_empty() && !reader.reordered) {
        printer.spec = Spec::default();
        printer.write("%!(EXTRA ");
        for (index, argument) in extra.iter().enumerate() {
            if index > 0 {
                printer.write(", ");
            }
            if matches!(argument, Value::Nil) {
                printer.write("<nil>");
            } else {
                printer.write(&type_name(argument));
                printer.write("=");
                printer.print_argument(argument, 'v')?;
            }
        }
        printer.write(")");
    }
    Ok(())
}

/// A format string under way.
struct Reader<'a> {
    format: &'a [u8],
    at: usize,
    arguments: &'a [Value],
    /// The argument that the next verb takes.
    next: usize,
    /// Whether every argument number of this directive was right.
    good_index: bool,
    /// Whether any directive chose its argument by number.
    reordered: bool,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> Option<&'a [u8]> {
        self.format.get(self.at..).filter(|rest| !rest.is_empty())
    }

    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    /// Prints one directive, whose `%` is behind, if it is of the kind that nearly all are: `%s` or `%v` of a string,
    /// `%d` or `%v` of an integer, without flags.
    fn plain(&mut self, printer: &mut Printer) -> Result<bool, Failure> {
        match (self.peek(), self.arguments.get(self.next)) {
            (Some(b's' | b'v'), Some(Value::Text(text))) => printer.out.extend_from_slice(text),
            (Some(b'd' | b'v'), Some(Value::Int(IntType::Int | IntType::Int32 | IntType::Int64, number))) => {
                append_decimal(&mut printer.out, *number);
            }
            _ => return Ok(false),
        }
        printer.check(0)?;
        self.at += 1;
        self.next += 1;
        Ok(true)
    }

    /// Prints one directive, whose `%` is behind; whether the format goes on.
    fn directive(&mut self, printer: &mut Printer) -> Result<bool, Failure> {
        self.good_index = true;
        let mut spec = Spec::default();
        while let Some(flag) = self.peek() {
            match flag {
                b'#' => spec.sharp = true,
                b'0' => spec.zero = true,
                b'+' => spec.plus = true,
                b'-' => spec.minus = true,
                b' ' => spec.space = true,
                _ => break,
            }
            self.at += 1;
        }

        let mut after_index = self.index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            match self.number_from_argument() {
                Some(width) => {
                    if width < 0 {
                        spec.minus = true;
                        spec.zero = false;
                    }
                    spec.width = usize::try_from(width.unsigned_abs()).ok();
                }
                None => printer.write("%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            spec.width = self.number();
            if after_index && spec.width.is_some() {
                self.good_index = false;
            }
        }

        if self.peek() == Some(b'.') && self.at + 1 < self.format.len() {
            self.at += 1;
            if after_index {
                self.good_index = false;
            }
            after_index = self.index();
            if self.peek() == Some(b'*') {
                self.at += 1;
                spec.precision = self.number_from_argument().and_then(|precision| usize::try_from(precision).ok());
                if spec.precision.is_none() {
                    printer.write("%!(BADPREC)");
                }
                after_index = false;
            } else {
                spec.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !after_index {
            self.index();
        }

        let Some((verb, size)) = self.rest().and_then(unicode::first) else {
            printer.write("%!(NOVERB)");
            return Ok(false);
        };
        self.at += size;
        let verb = verb.unwrap_or(char::REPLACEMENT_CHARACTER);
        if verb == '%' {
            printer.write("%");
            return Ok(true);
        }
        if !self.good_index {
            mark(printer, verb, "(BADINDEX)");
            return Ok(true);
        }
        let Some(argument) = self.arguments.get(self.next) else {
            mark(printer, verb, "(MISSING)");
            return Ok(true);
        };
        self.next += 1;
        if matches!(verb, 'v' | 'w') {
            spec.sharp_v = std::mem::take(&mut spec.sharp);
            spec.plus_v = std::mem::take(&mut spec.plus);
        }
        printer.spec = spec;
        printer.print_argument(argument, verb)?;
        Ok(true)
    }

    /// Digits; none if there are none. A number that is too large swallows the rest of the format.
    fn number(&mut self) -> Option<usize> {
        let (number, read) = decimal(self.rest().unwrap_or_default());
        match read {
            Some(read) => self.at += read,
            None => self.at = self.format.len(),
        }
        number
    }

    /// `[n]` where one stands: the number of the next argument, from 1. Whether there was one that can be read.
    fn index(&mut self) -> bool {
        let Some(rest) = self.rest().filter(|rest| rest.first() == Some(&b'[')) else { return false };
        self.reordered = true;
        let close = rest.iter().position(|byte| *byte == b']').filter(|_| rest.len() >= 3);
        let Some(close) = close else {
            self.at += 1;
            self.good_index = false;
            return false;
        };
        self.at += close + 1;
        let digits = rest.get(1..close).unwrap_or_default();
        let number = match decimal(digits) {
            (Some(number), Some(read)) if read == digits.len() => number,
            _ => {
                self.good_index = false;
                return false;
            }
        };
        match number.checked_sub(1).filter(|index| *index < self.arguments.len()) {
            Some(index) => self.next = index,
            None => self.good_index = false,
        }
        true
    }

    /// What stands for `*`: an integer argument that is not too large.
    fn number_from_argument(&mut self) -> Option<i64> {
        let argument = self.arguments.get(self.next)?;
        self.next += 1;
        let number = match argument {
            Value::Int(_, number) => *number,
            Value::Uint(_, number) => i64::try_from(*number).ok()?,
            _ => return None,
        };
        (-MAX_NUMBER..=MAX_NUMBER).contains(&number).then_some(number)
    }
}

fn mark(printer: &mut Printer, verb: char, text: &str) {
    printer.write("%!");
    printer.write_verb(verb);
    printer.write(text);
}

/// The number that some bytes begin with, and how many digits it has (not known if it is too large).
fn decimal(bytes: &[u8]) -> (Option<usize>, Option<usize>) {
    let mut number = 0;
    let mut read = 0;
    for digit in bytes.iter().take_while(|byte| byte.is_ascii_digit()) {
        if number > MAX_NUMBER {
            return (None, None);
        }
        number = number * 10 + i64::from(digit - b'0');
        read += 1;
    }
    (if read == 0 { None } else { usize::try_from(number).ok() }, Some(read))
}
