//! Points in time, as Go's `time` counts, shifts, formats and reads them.
//!
//! The calendar and the layouts are our own, because no crate has Go's (its years are not bounded, its layouts are
//! examples); offsets of zones come from the database that the `jiff` crate brings along.

pub mod duration;
mod layout;
#[cfg(test)]
mod tests;
mod zone;

pub use zone::{Location, Offset};

use std::cmp::Ordering;

/// Seconds from the year 1 to 1970.
const TO_UNIX: i64 = 62_135_596_800;
const DAY: i64 = 86_400;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A point in time, told somewhere.
#[derive(Debug, Clone)]
pub struct Time {
    /// Seconds since the year 1; wraps as Go's do.
    seconds: i64,
    nanoseconds: u32,
    location: Location,
}

/// What a calendar and a clock show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// Year; 0 is 1 BC.
    pub year: i64,
    /// From 1.
    pub month: u8,
    /// From 1.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// From 0, Sunday.
    pub weekday: u8,
    /// Day of the year, from 1.
    pub year_day: u16,
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days before a month (from 1) in a year without a leap day.
fn days_before(month: i64) -> i64 {
    const DAYS: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    usize::try_from(month - 1).ok().and_then(|index| DAYS.get(index)).copied().unwrap_or(0)
}

fn days_in(month: i64, year: i64) -> i64 {
    if month == 2 && is_leap(year) { 29 } else { days_before(month + 1) - days_before(month) }
}

/// Days from the year 1 to a date; months may run over.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = i128::from(year) + i128::from((month - 1).div_euclid(12));
    let month = (month - 1).rem_euclid(12) + 1;
    let before = year - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    let is_leap = year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
    let in_year = days_before(month) + i64::from(is_leap && month > 2) + day - 1;
    let days = before * 365 + leap_days + i128::from(in_year);
    // Truncation is Go's wrapping.
    #[expect(clippy::cast_possible_truncation, reason = "Go's arithmetic wraps")]
    let days = days as i64;
    days
}

/// Year and day of the year, from 0, of so many days since the year 1.
fn year_of(days: i64) -> (i64, i64) {
    let (cycles, rest) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    // The last day of four hundred years and of four years belongs to the year before.
    let centuries = (rest / 36_524).min(3);
    let rest = rest - centuries * 36_524;
    let fours = rest / 1_461;
    let rest = rest - fours * 1_461;
    let years = (rest / 365).min(3);
    (cycles * 400 + centuries * 100 + fours * 4 + years + 1, rest - years * 365)
}

impl Time {
    /// The time so many seconds and nanoseconds after 1970 began.
    pub fn from_unix(seconds: i64, nanoseconds: u32, location: Location) -> Self {
        Self { seconds: seconds.wrapping_add(TO_UNIX), nanoseconds, location }
    }

    /// The beginning of the year 1: Go's zero time.
    pub const fn zero() -> Self {
        Self { seconds: 0, nanoseconds: 0, location: Location::Utc }
    }

    /// The time at which clocks somewhere show this; what is out of range runs over.
    pub fn from_civil((year, month, day): (i64, i64, i64), seconds: i64, nanoseconds: u32, location: Location) -> Self {
        let shown = days_from_civil(year, month, day).wrapping_mul(DAY).wrapping_add(seconds);
        let unix = shown.wrapping_sub(TO_UNIX);
        let mut offset = i64::from(location.offset(unix).seconds);
        if offset != 0 {
            // The offset at the time that was shown may not be the one that was in force.
            offset = i64::from(location.offset(unix.wrapping_sub(offset)).seconds);
        }
        Self::from_unix(unix.wrapping_sub(offset), nanoseconds, location)
    }

    /// Seconds since 1970.
    pub const fn unix(&self) -> i64 {
        self.seconds.wrapping_sub(TO_UNIX)
    }

    /// Seconds since the year 1.
    pub const fn seconds(&self) -> i64 {
        self.seconds
    }

    /// Nanoseconds within the second.
    pub const fn nanosecond(&self) -> u32 {
        self.nanoseconds
    }

    /// Nanoseconds since 1970; wraps.
    pub fn unix_nanoseconds(&self) -> i64 {
        self.unix().wrapping_mul(duration::SECOND).wrapping_add(i64::from(self.nanoseconds))
    }

    /// Where it is told.
    pub const fn location(&self) -> &Location {
        &self.location
    }

    /// The same time, told elsewhere.
    #[must_use]
    pub fn at(&self, location: Location) -> Self {
        Self { location, ..*self }
    }

    /// What clocks there are set to.
    pub fn offset(&self) -> Offset {
        self.location.offset(self.unix())
    }

    /// What calendar and clock there show.
    pub fn civil(&self) -> Civil {
        let shown = i128::from(self.seconds) + i128::from(self.offset().seconds);
        let days = i64::try_from(shown.div_euclid(i128::from(DAY))).unwrap_or(0);
        let of_day = i64::try_from(shown.rem_euclid(i128::from(DAY))).unwrap_or(0);
        let (year, in_year) = year_of(days);
        let leap = i64::from(is_leap(year));
        let month = (1..=12)
            .rev()
            .find(|month| days_before(*month) + if *month > 2 { leap } else { 0 } <= in_year)
            .unwrap_or(1);
        let day = in_year - days_before(month) - if month > 2 { leap } else { 0 } + 1;
        let small = |number: i64| u8::try_from(number).unwrap_or(0);
        Civil {
            year,
            month: small(month),
            day: small(day),
            hour: small(of_day / 3600),
            minute: small(of_day / 60 % 60),
            second: small(of_day % 60),
            // The first day of the year 1 was a Monday.
            weekday: small((days + 1).rem_euclid(7)),
            year_day: u16::try_from(in_year + 1).unwrap_or(0),
        }
    }

    /// So many nanoseconds later.
    #[must_use]
    pub fn plus(&self, nanoseconds: i64) -> Self {
        let sum = i64::from(self.nanoseconds) + nanoseconds % duration::SECOND;
        let seconds = self.seconds.wrapping_add(nanoseconds / duration::SECOND);
        let seconds = seconds.wrapping_add(sum.div_euclid(duration::SECOND));
        let nanoseconds = u32::try_from(sum.rem_euclid(duration::SECOND)).unwrap_or(0);
        Self { seconds, nanoseconds, location: self.location.clone() }
    }

    /// So many years, months and days later by the calendar.
    #[must_use]
    pub fn plus_date(&self, years: i64, months: i64, days: i64) -> Self {
        let civil = self.civil();
        let seconds = i64::from(civil.hour) * 3600 + i64::from(civil.minute) * 60 + i64::from(civil.second);
        let year = civil.year.wrapping_add(years);
        let month = i64::from(civil.month).saturating_add(months);
        let day = i64::from(civil.day).wrapping_add(days);
        let month = month.max(i64::MIN + 1);
        // Days are added to the first of the month, so that they may run over without bound.
        let first = days_from_civil(year, month, 1).wrapping_add(day.wrapping_sub(1));
        let (year, in_year) = year_of(first);
        Self::from_civil((year, 1, in_year + 1), seconds, self.nanoseconds, self.location.clone())
    }

    /// Nanoseconds since another time, as far as they can be counted.
    pub fn since(&self, earlier: &Self) -> i64 {
        let seconds = i128::from(self.seconds) - i128::from(earlier.seconds);
        let nanoseconds =
            seconds * i128::from(duration::SECOND) + i128::from(self.nanoseconds) - i128::from(earlier.nanoseconds);
        i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX })
    }

    /// What is left over of whole multiples of a duration since the year 1.
    fn remainder(&self, multiple: i64) -> i64 {
        let nanoseconds = i128::from(self.seconds) * i128::from(duration::SECOND) + i128::from(self.nanoseconds);
        i64::try_from(nanoseconds.rem_euclid(i128::from(multiple))).unwrap_or(0)
    }

    /// Down to a multiple of a duration since the year 1.
    #[must_use]
    pub fn truncated(&self, multiple: i64) -> Self {
        if multiple <= 0 { self.clone() } else { self.plus(-self.remainder(multiple)) }
    }

    /// To the nearest multiple of a duration since the year 1, halves up.
    #[must_use]
    pub fn rounded(&self, multiple: i64) -> Self {
        if multiple <= 0 {
            return self.clone();
        }
        let rest = self.remainder(multiple);
        if rest < multiple - rest { self.plus(-rest) } else { self.plus(multiple - rest) }
    }

    /// The order of the points in time, wherever they are told.
    pub fn compare(&self, other: &Self) -> Ordering {
        (self.seconds, self.nanoseconds).cmp(&(other.seconds, other.nanoseconds))
    }

    /// Whether it is the zero time.
    pub const fn is_zero(&self) -> bool {
        self.seconds == 0 && self.nanoseconds == 0
    }

    /// Whether Go's `==` holds: the same time, told in the same place.
    pub fn is_identical(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal && self.location.is_same(&other.location)
    }

    /// Year and number of the week by ISO 8601.
    pub fn iso_week(&self) -> (i64, i64) {
        let civil = self.civil();
        let thursday = i64::from(civil.year_day) - 1 + 3 - i64::from((civil.weekday + 6) % 7);
        let first = days_from_civil(civil.year, 1, 1);
        let (year, in_year) = year_of(first + thursday);
        (year, in_year / 7 + 1)
    }

    /// Formatted as the layout shows.
    pub fn format(&self, layout: &[u8]) -> Vec<u8> {
        layout::format(self, layout)
    }

    /// Reads a text as the layout shows, in that location unless the text tells another.
    ///
    /// # Errors
    /// Go's words.
    pub fn parse(layout: &[u8], text: &[u8], location: &Location) -> Result<Self, String> {
        layout::parse(layout, text, location)
    }

    /// As JSON, YAML and text encodings write it.
    ///
    /// # Errors
    /// If the format has no room for it.
    pub fn rfc3339(&self) -> Result<String, &'static str> {
        let text = String::from_utf8(self.format(b"2006-01-02T15:04:05.999999999Z07:00")).unwrap_or_default();
        if text.as_bytes().get(4) != Some(&b'-') {
            return Err("year outside of range [0,9999]");
        }
        if !text.ends_with('Z') && self.offset().seconds.unsigned_abs() / 60 >= 24 * 60 {
            return Err("timezone hour outside of range [0,23]");
        }
        Ok(text)
    }
}

/// As Go prints a time.
impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.format(b"2006-01-02 15:04:05.999999999 -0700 MST")))
    }
}

/// Quoted as this package of Go does, which is not the way of the others.
fn quote(text: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::from("\"");
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            b' '..=b'\x7f' => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}
