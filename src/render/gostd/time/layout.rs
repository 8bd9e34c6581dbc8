//! Layouts: how Go's reference time, `Mon Jan 2 15:04:05 MST 2006`, would look shows how a time is written and read.

use super::{Civil, Location, MONTHS, Time, WEEKDAYS, days_before, days_in, is_leap, quote};

/// A part of a layout that stands for a part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    LongMonth,
    ShortMonth,
    Month,
    MonthPadded,
    LongWeekday,
    ShortWeekday,
    Day,
    DaySpaced,
    DayPadded,
    YearDaySpaced,
    YearDayPadded,
    Hour,
    Hour12,
    Hour12Padded,
    Minute,
    MinutePadded,
    Second,
    SecondPadded,
    LongYear,
    Year,
    UpperHalf,
    LowerHalf,
    ZoneName,
    /// An offset from UTC, with `Z` for none or always in numbers.
    Offset {
        z: bool,
        form: OffsetForm,
    },
    /// A fraction of a second: separator, digits, whether they are always there.
    Fraction {
        separator: u8,
        digits: usize,
        is_fixed: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OffsetForm {
    Minutes,
    ColonMinutes,
    Hours,
    Seconds,
    ColonSeconds,
}

/// Forms of an offset behind its sign, the one that Go tries first at the head.
const OFFSETS: [(&[u8], OffsetForm); 5] = [
    (b"070000", OffsetForm::Seconds),
    (b"07:00:00", OffsetForm::ColonSeconds),
    (b"0700", OffsetForm::Minutes),
    (b"07:00", OffsetForm::ColonMinutes),
    (b"07", OffsetForm::Hours),
];

/// The element that a layout starts with, and its length.
fn element(layout: &[u8]) -> Option<(Element, usize)> {
    let is_lower = |place: usize| layout.get(place).is_some_and(u8::is_ascii_lowercase);
    let starts = |text: &str| layout.starts_with(text.as_bytes());
    Some(match layout.first()? {
        b'J' if starts("January") => (Element::LongMonth, 7),
        b'J' if starts("Jan") && !is_lower(3) => (Element::ShortMonth, 3),
        b'M' if starts("Monday") => (Element::LongWeekday, 6),
        b'M' if starts("Mon") && !is_lower(3) => (Element::ShortWeekday, 3),
        b'M' if starts("MST") => (Element::ZoneName, 3),
        b'0' => match layout.get(1)? {
            b'1' => (Element::MonthPadded, 2),
            b'2' => (Element::DayPadded, 2),
            b'3' => (Element::Hour12Padded, 2),
            b'4' => (Element::MinutePadded, 2),
            b'5' => (Element::SecondPadded, 2),
            b'6' => (Element::Year, 2),
            b'0' if starts("002") => (Element::YearDayPadded, 3),
            _ => return None,
        },
        b'1' if starts("15") => (Element::Hour, 2),
        b'1' => (Element::Month, 1),
        b'2' if starts("2006") => (Element::LongYear, 4),
        b'2' => (Element::Day, 1),
        // `_2006` is an underscore and a year.
        b'_' if starts("_2") && !starts("_2006") => (Element::DaySpaced, 2),
        b'_' if starts("__2") => (Element::YearDaySpaced, 3),
        b'3' => (Element::Hour12, 1),
        b'4' => (Element::Minute, 1),
        b'5' => (Element::Second, 1),
        b'P' if starts("PM") => (Element::UpperHalf, 2),
        b'p' if starts("pm") => (Element::LowerHalf, 2),
        sign @ (b'-' | b'Z') => {
            let after = layout.get(1..).unwrap_or_default();
            let (text, form) = OFFSETS.iter().find(|(text, _)| after.starts_with(text))?;
            (Element::Offset { z: *sign == b'Z', form: *form }, 1 + text.len())
        }
        separator @ (b'.' | b',') => {
            let digit = *layout.get(1).filter(|digit| matches!(digit, b'0' | b'9'))?;
            let digits = layout.iter().skip(1).take_while(|byte| **byte == digit).count();
            if layout.get(1 + digits).is_some_and(u8::is_ascii_digit) {
                return None;
            }
            // Go keeps the number of digits in twelve bits.
            let kept = digits & 0xfff;
            (Element::Fraction { separator: *separator, digits: kept, is_fixed: digit == b'0' }, 1 + digits)
        }
        _ => return None,
    })
}

/// What stands before an element, the element with its text, and what follows.
type Next<'a> = (&'a [u8], Option<(Element, &'a [u8])>, &'a [u8]);

/// The next element of a layout.
fn next(layout: &[u8]) -> Next<'_> {
    for place in 0..layout.len() {
        let rest = layout.get(place..).unwrap_or_default();
        if let Some((element, length)) = element(rest) {
            let (text, after) = rest.split_at(length.min(rest.len()));
            return (layout.get(..place).unwrap_or_default(), Some((element, text)), after);
        }
        if rest.starts_with(b"_2006") {
            let (before, after) = (layout.get(..=place).unwrap_or_default(), rest.get(1..).unwrap_or_default());
            let (text, after) = after.split_at(4);
            return (before, Some((Element::LongYear, text)), after);
        }
    }
    (layout, None, b"")
}

/// At least so many digits, the sign before them.
fn padded(number: i64, width: usize) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{:0width$}", number.unsigned_abs())
}

fn offset(seconds: i32, form: OffsetForm) -> String {
    let sign = if seconds / 60 < 0 { '-' } else { '+' };
    let seconds = seconds.unsigned_abs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match form {
        OffsetForm::Minutes => format!("{sign}{hours:02}{minutes:02}"),
        OffsetForm::ColonMinutes => format!("{sign}{hours:02}:{minutes:02}"),
        OffsetForm::Hours => format!("{sign}{hours:02}"),
        OffsetForm::Seconds => format!("{sign}{hours:02}{minutes:02}{rest:02}"),
        OffsetForm::ColonSeconds => format!("{sign}{hours:02}:{minutes:02}:{rest:02}"),
    }
}

fn fraction(nanoseconds: u32, separator: u8, digits: usize, is_fixed: bool) -> String {
    if !is_fixed && (digits == 0 || nanoseconds == 0) {
        return String::new();
    }
    let mut text = format!("{}{nanoseconds:09}", char::from(separator));
    text.truncate(1 + digits.min(9));
    if !is_fixed {
        text.truncate(text.trim_end_matches('0').len());
        if text.len() == 1 {
            text.clear();
        }
    }
    text
}

/// A time as a layout shows it.
pub(super) fn format(time: &Time, layout: &[u8]) -> Vec<u8> {
    let (civil, zone) = (time.civil(), time.offset());
    let mut out = Vec::with_capacity(layout.len() + 16);
    let mut rest = layout;
    loop {
        let (before, found, after) = next(rest);
        out.extend_from_slice(before);
        let Some((element, _)) = found else { return out };
        rest = after;
        let text = match element {
            Element::Offset { z: true, .. } if zone.seconds == 0 => "Z".to_owned(),
            Element::Offset { form, .. } => offset(zone.seconds, form),
            Element::ZoneName if zone.name.is_empty() => offset(zone.seconds, OffsetForm::Minutes),
            Element::ZoneName => zone.name.clone(),
            Element::Fraction { separator, digits, is_fixed } => {
                fraction(time.nanosecond(), separator, digits, is_fixed)
            }
            _ => calendar(element, &civil),
        };
        out.extend_from_slice(text.as_bytes());
    }
}

/// The elements that calendar and clock tell.
fn calendar(element: Element, civil: &Civil) -> String {
    let month = MONTHS.get(usize::from(civil.month).wrapping_sub(1)).copied().unwrap_or_default();
    let weekday = WEEKDAYS.get(usize::from(civil.weekday)).copied().unwrap_or_default();
    let short = |name: &str| name.get(..3).unwrap_or_default().to_owned();
    let hour12 = if civil.hour.is_multiple_of(12) { 12 } else { civil.hour % 12 };
    match element {
        Element::LongMonth => month.to_owned(),
        Element::ShortMonth => short(month),
        Element::Month => civil.month.to_string(),
        Element::MonthPadded => format!("{:02}", civil.month),
        Element::LongWeekday => weekday.to_owned(),
        Element::ShortWeekday => short(weekday),
        Element::Day => civil.day.to_string(),
        Element::DaySpaced => format!("{:2}", civil.day),
        Element::DayPadded => format!("{:02}", civil.day),
        Element::YearDaySpaced => format!("{:3}", civil.year_day),
        Element::YearDayPadded => format!("{:03}", civil.year_day),
        Element::Hour => format!("{:02}", civil.hour),
        Element::Hour12 => hour12.to_string(),
        Element::Hour12Padded => format!("{hour12:02}"),
        Element::Minute => civil.minute.to_string(),
        Element::MinutePadded => format!("{:02}", civil.minute),
        Element::Second => civil.second.to_string(),
        Element::SecondPadded => format!("{:02}", civil.second),
        Element::LongYear => padded(civil.year, 4),
        Element::Year => format!("{:02}", civil.year.unsigned_abs() % 100),
        Element::UpperHalf => if civil.hour >= 12 { "PM" } else { "AM" }.to_owned(),
        Element::LowerHalf => if civil.hour >= 12 { "pm" } else { "am" }.to_owned(),
        Element::ZoneName | Element::Offset { .. } | Element::Fraction { .. } => String::new(),
    }
}

/// Why an element does not fit.
enum Misfit {
    /// The text there is not of that kind.
    Bad,
    /// It is, but the number is too large.
    Range(&'static str),
}

type Taken<'a, T> = Result<(T, &'a [u8]), Misfit>;

/// One or two digits.
fn number(text: &[u8], is_fixed: bool) -> Taken<'_, i64> {
    let digit = |place: usize| text.get(place).filter(|byte| byte.is_ascii_digit()).map(|byte| i64::from(byte - b'0'));
    match (digit(0), digit(1)) {
        (Some(tens), Some(ones)) => Ok((tens * 10 + ones, text.get(2..).unwrap_or_default())),
        (Some(ones), None) if !is_fixed => Ok((ones, text.get(1..).unwrap_or_default())),
        _ => Err(Misfit::Bad),
    }
}

/// A number that must be below a bound, which is checked even of what is not one (then it counts as 0).
fn bounded<'a>(text: &'a [u8], is_fixed: bool, bound: i64, name: &'static str) -> Taken<'a, i64> {
    match number(text, is_fixed)? {
        (value, _) if value >= bound => Err(Misfit::Range(name)),
        taken => Ok(taken),
    }
}

/// The name at the start, in any case; `length` is how much of each name counts.
fn name<'a>(text: &'a [u8], names: &[&str], length: Option<usize>) -> Taken<'a, i64> {
    for (index, name) in names.iter().enumerate() {
        let name = length.map_or(*name, |length| name.get(..length).unwrap_or_default()).as_bytes();
        if let Some((start, rest)) = text.split_at_checked(name.len())
            && start.eq_ignore_ascii_case(name)
        {
            return Ok((i64::try_from(index).unwrap_or(0), rest));
        }
    }
    Err(Misfit::Bad)
}

/// Separator and digits, so many bytes of them, as nanoseconds.
fn nanoseconds(text: &[u8], bytes: usize) -> Result<u32, Misfit> {
    let bytes = bytes.min(10);
    let (Some(b'.' | b','), Some(digits)) = (text.first(), text.get(1..bytes)) else { return Err(Misfit::Bad) };
    // A sign is read here, too; Go uses its reader of signed numbers.
    let (is_negative, bare) = match digits {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, digits),
    };
    if !bare.iter().all(u8::is_ascii_digit) {
        return Err(Misfit::Bad);
    }
    let value = bare.iter().fold(0_u32, |value, digit| value * 10 + u32::from(digit - b'0'));
    if is_negative && value > 0 {
        return Err(Misfit::Range("fractional second"));
    }
    Ok(value * 10_u32.pow(u32::try_from(10 - bytes).unwrap_or(0)))
}

/// How many bytes at the start are the fraction of a second: separator and digits.
fn fraction_length(text: &[u8]) -> Option<usize> {
    matches!(text, [b'.' | b',', digit, ..] if digit.is_ascii_digit())
        .then(|| 1 + text.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count())
}

/// The offset in seconds.
fn read_offset(text: &[u8], form: OffsetForm) -> Taken<'_, i64> {
    let (shape, length): (&[Option<usize>], usize) = match form {
        OffsetForm::Minutes => (&[Some(1), Some(3)], 5),
        OffsetForm::ColonMinutes => (&[Some(1), Some(4)], 6),
        OffsetForm::Hours => (&[Some(1)], 3),
        OffsetForm::Seconds => (&[Some(1), Some(3), Some(5)], 7),
        OffsetForm::ColonSeconds => (&[Some(1), Some(4), Some(7)], 9),
    };
    let (whole, rest) = text.split_at_checked(length).ok_or(Misfit::Bad)?;
    let has_colons = match form {
        OffsetForm::ColonMinutes => whole.get(3) == Some(&b':'),
        OffsetForm::ColonSeconds => whole.get(3) == Some(&b':') && whole.get(6) == Some(&b':'),
        _ => true,
    };
    if !has_colons {
        return Err(Misfit::Bad);
    }
    let mut parts = [0_i64; 3];
    let mut is_bad = false;
    for (part, place) in parts.iter_mut().zip(shape) {
        let digits = place.and_then(|place| whole.get(place..place + 2)).unwrap_or_default();
        let Ok((value, _)) = number(digits, true) else {
            is_bad = true;
            break;
        };
        *part = value;
    }
    let [hours, minutes, seconds] = parts;
    for (value, bound, name) in [
        (seconds, 60, "time zone offset second"),
        (minutes, 60, "time zone offset minute"),
        (hours, 24, "time zone offset hour"),
    ] {
        if value > bound {
            return Err(Misfit::Range(name));
        }
    }
    let value = (hours * 60 + minutes) * 60 + seconds;
    match whole.first() {
        Some(b'+') if !is_bad => Ok((value, rest)),
        Some(b'-') if !is_bad => Ok((-value, rest)),
        _ => Err(Misfit::Bad),
    }
}

/// How many bytes at the start look like the abbreviation of a zone.
fn zone_length(text: &[u8]) -> Option<usize> {
    if text.len() < 3 {
        return None;
    }
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(after) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_hours(after));
    }
    if text.starts_with(b"+") || text.starts_with(b"-") {
        return Some(signed_hours(text)).filter(|length| *length > 0);
    }
    let upper = text.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count();
    match upper {
        5 if text.get(4) == Some(&b'T') => Some(5),
        4 if text.get(3) == Some(&b'T') || text.starts_with(b"WITA") => Some(4),
        3 => Some(3),
        _ => None,
    }
}

/// How many bytes at the start are a sign and a number up to 23.
fn signed_hours(text: &[u8]) -> usize {
    let Some((b'+' | b'-', digits)) = text.split_first() else { return 0 };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = digits
        .iter()
        .take(count)
        .try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
    if count > 0 && value.is_some_and(|value| value <= 23) { 1 + count } else { 0 }
}

/// What is read of a text, piece by piece.
#[derive(Default)]
struct Draft {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: u32,
    is_morning: bool,
    is_afternoon: bool,
    is_utc: bool,
    offset: Option<i64>,
    zone: Option<String>,
}

/// Reads a text as a layout shows.
pub(super) fn parse(layout: &[u8], text: &[u8], location: &Location) -> Result<Time, String> {
    let cannot = |at: &[u8], what: &[u8]| {
        format!("parsing time {} as {}: cannot parse {} as {}", quote(text), quote(layout), quote(at), quote(what))
    };
    let out_of = |message: &str| format!("parsing time {}: {message}", quote(text));
    let mut draft = Draft::default();
    let (mut rest, mut pattern) = (text, layout);
    loop {
        let (before, found, after) = next(pattern);
        rest = skip(rest, before).map_err(|at| cannot(at, before))?;
        let Some((element, shown)) = found else { break };
        pattern = after;
        rest = match draft.take(element, rest, after) {
            Ok(rest) => rest,
            Err(Misfit::Bad) => return Err(cannot(rest, shown)),
            Err(Misfit::Range(what)) => return Err(out_of(&format!("{what} out of range"))),
        };
    }
    if !rest.is_empty() {
        return Err(out_of(&format!("extra text: {}", quote(rest))));
    }
    draft.finish(location).map_err(out_of)
}

/// Removes what a layout has between elements; runs of spaces are as good as one.
fn skip<'a>(mut text: &'a [u8], prefix: &[u8]) -> Result<&'a [u8], &'a [u8]> {
    let trimmed = |text: &'_ [u8]| text.iter().take_while(|byte| **byte == b' ').count();
    let mut prefix = prefix;
    while let Some(first) = prefix.first() {
        if *first == b' ' {
            if text.first().is_some_and(|byte| *byte != b' ') {
                return Err(text);
            }
            prefix = prefix.get(trimmed(prefix)..).unwrap_or_default();
            text = text.get(trimmed(text)..).unwrap_or_default();
            continue;
        }
        if text.first() != Some(first) {
            return Err(text);
        }
        prefix = prefix.get(1..).unwrap_or_default();
        text = text.get(1..).unwrap_or_default();
    }
    Ok(text)
}

impl Draft {
    /// Reads one element; returns what is left. `pattern` is what the layout has behind it.
    fn take<'a>(&mut self, element: Element, text: &'a [u8], pattern: &[u8]) -> Result<&'a [u8], Misfit> {
        let rest;
        match element {
            Element::Year => {
                let (digits, after) = text.split_at_checked(2).ok_or(Misfit::Bad)?;
                let value = signed(digits).ok_or(Misfit::Bad)?;
                // Unix time starts in 1969 in some zones.
                self.year = value + if value >= 69 { 1900 } else { 2000 };
                rest = after;
            }
            Element::LongYear => {
                let (digits, after) = text.split_at_checked(4).ok_or(Misfit::Bad)?;
                self.year =
                    signed(digits).filter(|_| text.first().is_some_and(u8::is_ascii_digit)).ok_or(Misfit::Bad)?;
                rest = after;
            }
            Element::ShortMonth | Element::LongMonth => {
                let (index, after) = name(text, &MONTHS, (element == Element::ShortMonth).then_some(3))?;
                self.month = Some(index + 1);
                rest = after;
            }
            Element::Month | Element::MonthPadded => {
                let (month, after) = number(text, element == Element::MonthPadded)?;
                if !(1..=12).contains(&month) {
                    return Err(Misfit::Range("month"));
                }
                self.month = Some(month);
                rest = after;
            }
            Element::ShortWeekday | Element::LongWeekday => {
                rest = name(text, &WEEKDAYS, (element == Element::ShortWeekday).then_some(3))?.1;
            }
            Element::Day | Element::DaySpaced | Element::DayPadded => {
                let spaced = text.strip_prefix(b" ").filter(|_| element == Element::DaySpaced);
                let (day, after) = number(spaced.unwrap_or(text), element == Element::DayPadded)?;
                self.day = Some(day);
                rest = after;
            }
            Element::YearDaySpaced | Element::YearDayPadded => {
                let is_fixed = element == Element::YearDayPadded;
                let spaces = text.iter().take(2).take_while(|byte| **byte == b' ' && !is_fixed).count();
                let text = text.get(spaces..).unwrap_or_default();
                let count = text.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
                if count == 0 || (is_fixed && count != 3) {
                    return Err(Misfit::Bad);
                }
                let (digits, after) = text.split_at(count);
                self.year_day = signed(digits);
                rest = after;
            }
            Element::Hour => (self.hour, rest) = bounded(text, false, 24, "hour")?,
            Element::Hour12 | Element::Hour12Padded => {
                (self.hour, rest) = bounded(text, element == Element::Hour12Padded, 13, "hour")?;
            }
            Element::Minute | Element::MinutePadded => {
                (self.minute, rest) = bounded(text, element == Element::MinutePadded, 60, "minute")?;
            }
            Element::Second | Element::SecondPadded => {
                let (second, after) = bounded(text, element == Element::SecondPadded, 60, "second")?;
                self.second = second;
                // A fraction is read even if the layout has none.
                let follows = next(pattern).1.is_some_and(|(next, _)| matches!(next, Element::Fraction { .. }));
                rest = match fraction_length(after).filter(|_| !follows) {
                    Some(length) => {
                        self.nanosecond = nanoseconds(after, length)?;
                        after.get(length..).unwrap_or_default()
                    }
                    None => after,
                };
            }
            Element::UpperHalf | Element::LowerHalf => {
                let (half, after) = text.split_at_checked(2).ok_or(Misfit::Bad)?;
                match (half, element) {
                    (b"PM", Element::UpperHalf) | (b"pm", Element::LowerHalf) => self.is_afternoon = true,
                    (b"AM", Element::UpperHalf) | (b"am", Element::LowerHalf) => self.is_morning = true,
                    _ => return Err(Misfit::Bad),
                }
                rest = after;
            }
            Element::Offset { z: true, .. } if text.starts_with(b"Z") => {
                self.is_utc = true;
                rest = text.get(1..).unwrap_or_default();
            }
            Element::Offset { form, .. } => {
                let (offset, after) = read_offset(text, form)?;
                (self.offset, rest) = (Some(offset), after);
            }
            Element::ZoneName => {
                if let Some(after) = text.strip_prefix(b"UTC") {
                    self.is_utc = true;
                    return Ok(after);
                }
                let (zone, after) = text.split_at(zone_length(text).ok_or(Misfit::Bad)?);
                self.zone = Some(String::from_utf8_lossy(zone).into_owned());
                rest = after;
            }
            Element::Fraction { digits, is_fixed: true, .. } => {
                let (_, after) = text.split_at_checked(1 + digits).ok_or(Misfit::Bad)?;
                self.nanosecond = nanoseconds(text, 1 + digits)?;
                rest = after;
            }
            Element::Fraction { .. } => match fraction_length(text) {
                Some(length) => {
                    self.nanosecond = nanoseconds(text, length)?;
                    rest = text.get(length..).unwrap_or_default();
                }
                None => rest = text,
            },
        }
        Ok(rest)
    }

    /// Month and day from the day of the year.
    fn date_of_year_day(&self, year_day: i64) -> Result<(i64, i64), &'static str> {
        let mut in_year = year_day;
        let mut found = None;
        if is_leap(self.year) {
            if in_year == 31 + 29 {
                found = Some((2, 29));
            } else if in_year > 31 + 29 {
                in_year -= 1;
            }
        }
        if !(1..=365).contains(&in_year) {
            return Err("day-of-year out of range");
        }
        let (month, day) = found.unwrap_or_else(|| {
            let month = (1..=12).rev().find(|month| days_before(*month) < in_year).unwrap_or(1);
            (month, in_year - days_before(month))
        });
        if self.month.is_some_and(|seen| seen != month) {
            return Err("day-of-year does not match month");
        }
        if self.day.is_some_and(|seen| seen != day) {
            return Err("day-of-year does not match day");
        }
        Ok((month, day))
    }

    fn finish(mut self, location: &Location) -> Result<Time, &'static str> {
        if self.is_afternoon && self.hour < 12 {
            self.hour += 12;
        } else if self.is_morning && self.hour == 12 {
            self.hour = 0;
        }
        let (month, day) = match self.year_day {
            Some(year_day) => self.date_of_year_day(year_day)?,
            None => (self.month.unwrap_or(1), self.day.unwrap_or(1)),
        };
        if day < 1 || day > days_in(month, self.year) {
            return Err("day out of range");
        }
        let seconds = (self.hour * 60 + self.minute) * 60 + self.second;
        let at = |location| Time::from_civil((self.year, month, day), seconds, self.nanosecond, location);
        if self.is_utc {
            return Ok(at(Location::Utc));
        }
        let shown = at(Location::Utc);
        let earlier =
            |offset: i64, location: Location| Time::from_unix(shown.unix() - offset, shown.nanosecond(), location);
        let zone = self.zone.as_deref().unwrap_or_default();
        // Minus one second stands for no offset in Go, and so it does here.
        if let Some(offset) = self.offset.filter(|offset| *offset != -1) {
            let there = location.offset(shown.unix() - offset);
            let is_there = i64::from(there.seconds) == offset && (zone.is_empty() || there.name == zone);
            let fixed = || Location::fixed(zone, i32::try_from(offset).unwrap_or(0));
            return Ok(earlier(offset, if is_there { location.clone() } else { fixed() }));
        }
        if self.zone.is_some() {
            if let Some(offset) = location.offset_by_name(zone, shown.unix()) {
                return Ok(earlier(i64::from(offset), location.clone()));
            }
            let hours = zone.strip_prefix("GMT").and_then(|hours| hours.parse::<i32>().ok()).unwrap_or(0);
            // The clock is taken as it is; only its name is kept.
            return Ok(shown.at(Location::fixed(zone, hours * 3600)));
        }
        Ok(at(location.clone()))
    }
}

/// A number that may have a sign.
fn signed(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0_i64, |value, digit| value * 10 + i64::from(digit - b'0'));
    Some(if is_negative { -value } else { value })
}
