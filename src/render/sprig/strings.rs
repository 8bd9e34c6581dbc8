//! Strings: cutting, joining, replacing, padding, quoting. They count bytes where sprig does, so that a character can
//! be cut; how letters change case and how names are respelled is in [`case`](super::case).

use memchr::memmem;

use super::argument;
use super::conversion::{self, to_text};
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::format;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::quote;
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{Entries, ListType, Map, MapType, Value};
use crate::unicode;

use Type::{Any, Int, String as Str};

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new("hello", &[], Str, |_, _| Ok(Value::text("Hello!"))),
    Function::new("trim", &[Str], Str, |_, it| Ok(Value::text(trim(argument::bytes(it, 0))))),
    Function::new("trimAll", &[Str, Str], Str, |_, it| Ok(trim_all(it))),
    Function::new("trimall", &[Str, Str], Str, |_, it| Ok(trim_all(it))),
    Function::new("trimSuffix", &[Str, Str], Str, |_, it| {
        let text = argument::bytes(it, 1);
        Ok(Value::text(text.strip_suffix(argument::bytes(it, 0)).unwrap_or(text)))
    }),
    Function::new("trimPrefix", &[Str, Str], Str, |_, it| {
        let text = argument::bytes(it, 1);
        Ok(Value::text(text.strip_prefix(argument::bytes(it, 0)).unwrap_or(text)))
    }),
    Function::new("nospace", &[Str], Str, |_, it| Ok(no_space(it))),
    Function::new("initials", &[Str], Str, |_, it| Ok(initials(it))),
    Function::new("repeat", &[Int, Str], Str, |machine, it| {
        Ok(Value::text(repeat(machine, argument::bytes(it, 1), argument::int(it, 0))?))
    }),
    Function::new("substr", &[Int, Int, Str], Str, substr),
    Function::new("trunc", &[Int, Str], Str, |_, it| Ok(trunc(it))),
    Function::new("abbrev", &[Int, Str], Str, |_, it| {
        let (width, text) = (argument::int(it, 0), argument::bytes(it, 1));
        Ok(Value::text(if width < 4 { text.to_vec() } else { abbreviate(text, 0, width) }))
    }),
    Function::new("abbrevboth", &[Int, Int, Str], Str, |_, it| {
        let (left, width, text) = (argument::int(it, 0), argument::int(it, 1), argument::bytes(it, 2));
        let whole = width < 4 || left > 0 && width < 7;
        Ok(Value::text(if whole { text.to_vec() } else { abbreviate(text, left, width) }))
    }),
    Function::new("contains", &[Str, Str], Type::Bool, |_, it| {
        Ok(Value::Bool(memmem::find(argument::bytes(it, 1), argument::bytes(it, 0)).is_some()))
    }),
    Function::new("hasPrefix", &[Str, Str], Type::Bool, |_, it| {
        Ok(Value::Bool(argument::bytes(it, 1).starts_with(argument::bytes(it, 0))))
    }),
    Function::new("hasSuffix", &[Str, Str], Type::Bool, |_, it| {
        Ok(Value::Bool(argument::bytes(it, 1).ends_with(argument::bytes(it, 0))))
    }),
    Function::new("replace", &[Str, Str, Str], Str, |machine, it| {
        let (old, new, text) = (argument::bytes(it, 0), argument::bytes(it, 1), argument::bytes(it, 2));
        Ok(Value::text(replace(machine, text, old, new)?))
    }),
    Function::variadic("quote", &[Any], Str, |machine, it| {
        let mut out = Vec::new();
        for value in it.iter().filter(|value| !matches!(value, Value::Nil)) {
            separate(&mut out);
            let text = to_text(value)?;
            format::check_growth(out.len(), text.len(), format::MAX_PRINT)?;
            quote::append_quoted(&mut out, &text, '"', false);
        }
        machine.spend(out.len())?;
        Ok(Value::text(out))
    }),
    Function::variadic("squote", &[Any], Str, |machine, it| {
        let mut out = Vec::new();
        for value in it.iter().filter(|value| !matches!(value, Value::Nil)) {
            separate(&mut out);
            out.push(b'\'');
            format::append_value(&mut out, value)?;
            out.push(b'\'');
        }
        machine.spend(out.len())?;
        Ok(Value::text(out))
    }),
    Function::variadic("cat", &[Any], Str, |machine, it| {
        let mut out = Vec::new();
        for (index, value) in it.iter().filter(|value| !matches!(value, Value::Nil)).enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            format::append_value(&mut out, value)?;
        }
        machine.spend(out.len())?;
        Ok(Value::text(out))
    }),
    Function::new("indent", &[Int, Str], Str, |machine, it| {
        Ok(Value::text(indent(machine, argument::int(it, 0), argument::bytes(it, 1), b"")?))
    }),
    Function::new("nindent", &[Int, Str], Str, |machine, it| {
        Ok(Value::text(indent(machine, argument::int(it, 0), argument::bytes(it, 1), b"\n")?))
    }),
    Function::new("plural", &[Str, Str, Int], Str, |_, it| {
        Ok(argument::any(it, usize::from(argument::int(it, 2) != 1)).clone())
    }),
    Function::new("wrap", &[Int, Str], Str, |machine, it| {
        Ok(Value::text(wrap(machine, argument::int(it, 0), b"\n", argument::bytes(it, 1), false)?))
    }),
    Function::new("wrapWith", &[Int, Str, Str], Str, |machine, it| {
        let separator = argument::bytes(it, 1);
        let separator = if separator.is_empty() { b"\n" } else { separator };
        Ok(Value::text(wrap(machine, argument::int(it, 0), separator, argument::bytes(it, 2), true)?))
    }),
    Function::new("join", &[Str, Any], Str, |machine, it| {
        Ok(Value::text(join(machine, argument::bytes(it, 0), &conversion::to_texts(argument::any(it, 1))?)?))
    }),
    Function::new("sortAlpha", &[Any], Type::Strings, |machine, it| sort_alpha(machine, argument::any(it, 0))),
    Function::new("split", &[Str, Str], Type::StringMap, |_, it| {
        Ok(numbered(split(argument::bytes(it, 1), argument::bytes(it, 0), -1)))
    }),
    Function::new("splitn", &[Str, Int, Str], Type::StringMap, |_, it| {
        Ok(numbered(split(argument::bytes(it, 2), argument::bytes(it, 0), argument::int(it, 1))))
    }),
    Function::new("splitList", &[Str, Str], Type::Strings, |_, it| {
        Ok(Value::strings(split(argument::bytes(it, 1), argument::bytes(it, 0), -1)))
    }),
];

/// Puts a space between what is there and what follows.
fn separate(out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b' ');
    }
}

/// Without white space at both ends.
fn trim(text: &[u8]) -> &[u8] {
    trim_where(text, |character| character.is_some_and(unicode::is_space))
}

/// Without some characters at both ends; bytes that are not UTF-8 are `None`.
fn trim_where(text: &[u8], cut: impl Fn(Option<char>) -> bool) -> &[u8] {
    let mut kept = unicode::characters(text).filter(|(_, character)| !cut(*character));
    let Some((start, first)) = kept.next() else { return b"" };
    let (last, character) = kept.last().unwrap_or((start, first));
    text.get(start..last + character.map_or(1, char::len_utf8)).unwrap_or(text)
}

fn trim_all(it: &[Value]) -> Value {
    // U+FFFD stands for every byte that is not UTF-8, on both sides.
    let known = |character: Option<char>| character.unwrap_or(char::REPLACEMENT_CHARACTER);
    let cut: Vec<char> = unicode::characters(argument::bytes(it, 0)).map(|(_, character)| known(character)).collect();
    Value::text(trim_where(argument::bytes(it, 1), |character| cut.contains(&known(character))))
}

/// Bytes that are white space as Latin-1 are dropped; then the others are taken for Latin-1 as well.
fn no_space(it: &[Value]) -> Value {
    let text = argument::bytes(it, 0);
    if !text.iter().any(|byte| unicode::is_space(char::from(*byte))) {
        return argument::any(it, 0).clone();
    }
    let kept = text.iter().copied().map(char::from).filter(|character| !unicode::is_space(*character));
    Value::text(kept.collect::<String>())
}

/// The first byte of every word, as Latin-1.
fn initials(it: &[Value]) -> Value {
    let mut out = String::new();
    let mut gap = true;
    for character in argument::bytes(it, 0).iter().copied().map(char::from) {
        let space = unicode::is_space(character);
        if gap && !space {
            out.push(character);
        }
        gap = space;
    }
    Value::text(out)
}

/// Go's `strings.Repeat`.
pub(super) fn repeat(machine: &mut Machine<'_>, text: &[u8], count: i64) -> Result<Vec<u8>, Failure> {
    let count = usize::try_from(count).map_err(|_| Failure::from("strings: negative Repeat count"))?;
    let size = text.len().checked_mul(count).filter(|size| isize::try_from(*size).is_ok());
    machine.spend(size.ok_or_else(|| Failure::from("strings: Repeat output length overflow"))?)?;
    Ok(text.repeat(count))
}

/// Go's panic for a slice expression.
fn out_of_range(bounds: std::fmt::Arguments<'_>) -> Failure {
    Failure::Message(format!("runtime error: slice bounds out of range [{bounds}"))
}

fn substr(_: &mut Machine<'_>, it: &[Value]) -> Result<Value, Failure> {
    let (start, end, text) = (argument::int(it, 0), argument::int(it, 1), argument::bytes(it, 2));
    let length = text.len();
    let Ok(first) = usize::try_from(start) else {
        let wanted = usize::try_from(end).map_err(|_| out_of_range(format_args!(":{end}]")))?;
        let part = text.get(..wanted);
        return Ok(Value::text(part.ok_or_else(|| out_of_range(format_args!(":{end}] with length {length}")))?));
    };
    let last = usize::try_from(end).ok().filter(|end| *end <= length).unwrap_or(length);
    Ok(Value::text(text.get(first..last).ok_or_else(|| out_of_range(format_args!("{first}:{last}]")))?))
}

fn trunc(it: &[Value]) -> Value {
    let (count, text) = (argument::int(it, 0), argument::bytes(it, 1));
    let length = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if length >= text.len() {
        return argument::any(it, 1).clone();
    }
    Value::text(if count < 0 { text.get(text.len() - length..) } else { text.get(..length) }.unwrap_or(text))
}

/// Shortens a text to a width of at least 4 so that the byte at `left` stays in it; `...` stands for what is left out.
fn abbreviate(text: &[u8], left: i64, width: i64) -> Vec<u8> {
    const MARK: &[u8] = b"...";
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    if length <= width {
        return text.to_vec();
    }
    let part = |from: i64, to: i64| {
        let (from, to) = (usize::try_from(from).unwrap_or(0), usize::try_from(to).unwrap_or(0));
        text.get(from..to).unwrap_or_default()
    };
    let room = width - 3;
    let left = left.min(length);
    let left = if length.saturating_sub(left) < room { length - room } else { left };
    if left <= 4 {
        return [part(0, room), MARK].concat();
    }
    if left + room < length {
        let rest = part(left, length);
        // Less than four bytes have no room for the mark.
        return if room < 4 { MARK.to_vec() } else { [MARK, &abbreviate(rest, 0, room)].concat() };
    }
    [MARK, part(length - room, length)].concat()
}

/// Go's `strings.ReplaceAll`: nothing stands before every character and at the end.
fn replace(machine: &mut Machine<'_>, text: &[u8], old: &[u8], new: &[u8]) -> Result<Vec<u8>, Failure> {
    if old.is_empty() {
        let length = text.len().saturating_add(new.len().saturating_mul(unicode::count(text) + 1));
        format::check_growth(0, length, format::MAX_TEXT)?;
        machine.spend(length)?;
        let mut out = Vec::with_capacity(length);
        for (at, character) in unicode::characters(text) {
            out.extend_from_slice(new);
            out.extend_from_slice(text.get(at..at + character.map_or(1, char::len_utf8)).unwrap_or_default());
        }
        out.extend_from_slice(new);
        return Ok(out);
    }
    let (mut out, mut done) = (Vec::with_capacity(text.len()), 0);
    machine.spend(text.len())?;
    for at in memmem::find_iter(text, old) {
        format::check_growth(out.len(), new.len(), format::MAX_TEXT)?;
        machine.spend(new.len())?;
        out.extend_from_slice(text.get(done..at).unwrap_or_default());
        out.extend_from_slice(new);
        done = at + old.len();
    }
    out.extend_from_slice(text.get(done..).unwrap_or_default());
    Ok(out)
}

/// Puts spaces before every line, also before empty ones and after a line feed at the end.
fn indent(machine: &mut Machine<'_>, spaces: i64, text: &[u8], before: &[u8]) -> Result<Vec<u8>, Failure> {
    let spaces = usize::try_from(spaces).map_err(|_| Failure::from("strings: negative Repeat count"))?;
    let lines = memchr::memchr_iter(b'\n', text).count() + 1;
    let size = lines.checked_mul(spaces).and_then(|pads| pads.checked_add(text.len() + before.len()));
    let size = size.ok_or_else(|| Failure::from("strings: Repeat output length overflow"))?;
    machine.spend(size)?;
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(before);
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            out.push(b'\n');
        }
        out.resize(out.len() + spaces, b' ');
        out.extend_from_slice(line);
    }
    Ok(out)
}

/// Breaks a line at spaces so that lines have at most `width` bytes. Longer words stay whole, unless `cut` says
/// otherwise; line feeds that are there already are bytes like any other.
fn wrap(machine: &mut Machine<'_>, width: i64, separator: &[u8], text: &[u8], cut: bool) -> Result<Vec<u8>, Failure> {
    let width = usize::try_from(width).unwrap_or(0).max(1);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    machine.spend(text.len())?;
    while rest.len() > width {
        if let Some(after) = rest.strip_prefix(b" ") {
            rest = after;
            continue;
        }
        let (line, after) = match memchr::memrchr(b' ', rest.get(..=width).unwrap_or(rest)) {
            Some(space) => (rest.get(..space), rest.get(space + 1..)),
            None if cut => (rest.get(..width), rest.get(width..)),
            None => match memchr::memchr(b' ', rest.get(width..).unwrap_or_default()) {
                Some(space) => (rest.get(..width + space), rest.get(width + space + 1..)),
                None => break,
            },
        };
        machine.spend(separator.len())?;
        out.extend_from_slice(line.unwrap_or_default());
        out.extend_from_slice(separator);
        rest = after.unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Ok(out)
}

fn join(machine: &mut Machine<'_>, separator: &[u8], texts: &[Text]) -> Result<Vec<u8>, Failure> {
    // Paid and reserved at once: what grows step by step takes up to twice its size, and more while it moves.
    let length = texts.iter().fold(0_usize, |sum, text| sum.saturating_add(text.len()).saturating_add(separator.len()));
    machine.spend(length)?;
    let mut out = Vec::with_capacity(length);
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(separator);
        }
        out.extend_from_slice(text);
    }
    Ok(out)
}

/// Sorts by bytes. A list of strings is sorted where it is: it is the result as well.
fn sort_alpha(machine: &mut Machine<'_>, value: &Value) -> Result<Value, Failure> {
    let result = match value {
        Value::List(list) if list.kind == ListType::Strings => value.clone(),
        Value::List(_) | Value::Bytes(_) => conversion::texts_of(value)?,
        other => return Ok(Value::strings([to_text(other)?])),
    };
    if let Value::List(list) = &result {
        machine.spend(list.items.len().saturating_mul(size_of::<Value>()))?;
        if !list.items.is_sorted_by_key(Value::as_text) {
            let mut sorted = list.items.to_vec();
            sorted.sort_by(|left, right| left.as_text().cmp(&right.as_text()));
            list.items.sort(sorted);
        }
    }
    Ok(result)
}

/// Go's `strings.SplitN`: at most `count` parts if it is not negative; without a separator every character is one.
fn split<'a>(text: &'a [u8], separator: &[u8], count: i64) -> Vec<&'a [u8]> {
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    if limit == 0 || separator.is_empty() && text.is_empty() {
        return parts;
    }
    let mut done = 0;
    let mut cut = |from: usize, to: usize| {
        if parts.len() + 1 < limit {
            parts.push(text.get(done..from).unwrap_or_default());
            done = to;
        }
    };
    if separator.is_empty() {
        unicode::characters(text).skip(1).for_each(|(at, _)| cut(at, at));
    } else {
        memmem::find_iter(text, separator).for_each(|at| cut(at, at + separator.len()));
    }
    parts.push(text.get(done..).unwrap_or_default());
    parts
}

/// Parts as a map with the keys `_0`, `_1`, ….
fn numbered(parts: Vec<&[u8]>) -> Value {
    let entries: Entries = parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| (Text::from(format!("_{index}")), Value::text(part)))
        .collect();
    Value::Map(std::rc::Rc::new(Map::new(MapType::Strings, entries)))
}
