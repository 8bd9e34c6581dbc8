//! Times in a record: RFC 3339 with up to nine fraction digits and the writer's own offset, kept as written.

use std::fmt;

use jiff::tz::Offset;

use super::RecordError;

/// A moment and the offset it was written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// The moment.
    pub instant: jiff::Timestamp,
    /// The offset of the writer.
    pub offset: Offset,
}

impl Timestamp {
    /// This moment in the offset of `zone`.
    pub fn of(zoned: &jiff::Zoned) -> Self {
        Self { instant: zoned.timestamp(), offset: zoned.offset() }
    }

    /// Reads RFC 3339; an empty text and Go's zero time (year 1) are no time at all.
    ///
    /// # Errors
    /// Text that is not RFC 3339.
    pub fn parse(text: &str) -> Result<Option<Self>, RecordError> {
        if text.is_empty() {
            return Ok(None);
        }
        let broken = || RecordError::Time(text.to_owned());
        let pieces = jiff::fmt::temporal::DateTimeParser::new().parse_pieces(text).map_err(|_| broken())?;
        let offset = match pieces.offset() {
            Some(jiff::fmt::temporal::PiecesOffset::Numeric(numeric)) => numeric.offset(),
            Some(jiff::fmt::temporal::PiecesOffset::Zulu) => Offset::UTC,
            _ => return Err(broken()),
        };
        let time = pieces.time().ok_or_else(broken)?;
        if pieces.date().year() <= 1 {
            return Ok(None);
        }
        let instant = offset.to_timestamp(pieces.date().to_datetime(time)).map_err(|_| broken())?;
        Ok(Some(Self { instant, offset }))
    }

    /// The civil time at the writer's place.
    pub fn civil(&self) -> jiff::civil::DateTime {
        self.offset.to_datetime(self.instant)
    }

    /// Go's `RFC3339Nano`: the fraction without trailing zeros, `Z` for UTC.
    pub fn rfc3339(&self) -> String {
        let mut text = self.civil().strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let nanoseconds = self.civil().subsec_nanosecond();
        if nanoseconds != 0 {
            let fraction = format!("{nanoseconds:09}");
            text.push('.');
            text.push_str(fraction.trim_end_matches('0'));
        }
        text.push_str(&offset_text(self.offset, true));
        text
    }

    /// Go's `RFC3339`: the same without the fraction.
    pub fn rfc3339_seconds(&self) -> String {
        self.civil().strftime("%Y-%m-%dT%H:%M:%S").to_string() + &offset_text(self.offset, true)
    }

    /// Seconds since the epoch.
    pub fn unix_seconds(&self) -> i64 {
        self.instant.as_second()
    }

    /// Go's `time.ANSIC`, in the writer's offset: `Fri Sep  2 22:04:05 1977`.
    pub fn ansi_c(&self) -> String {
        self.civil().strftime("%a %b %e %H:%M:%S %Y").to_string()
    }

    /// Go's `Time.String`: `2026-01-16 00:00:01.5 +0000 UTC`; `local` names the zone if its offset is the writer's.
    pub fn go_string(&self, local: &jiff::tz::TimeZone) -> String {
        let mut text = self.civil().strftime("%Y-%m-%d %H:%M:%S").to_string();
        let nanoseconds = self.civil().subsec_nanosecond();
        if nanoseconds != 0 {
            let fraction = format!("{nanoseconds:09}");
            text.push('.');
            text.push_str(fraction.trim_end_matches('0'));
        }
        let numeric = offset_text(self.offset, false);
        let info = local.to_offset_info(self.instant);
        let name = if info.offset() == self.offset {
            info.abbreviation().to_owned()
        } else if self.offset == Offset::UTC {
            "UTC".to_owned()
        } else {
            numeric.clone()
        };
        // Go names a zone without letters by its offset; such abbreviations come as `+08` from the database.
        format!("{text} {numeric} {name}")
    }
}

fn offset_text(offset: Offset, rfc3339: bool) -> String {
    let seconds = offset.seconds();
    if rfc3339 && seconds == 0 {
        return "Z".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    let colon = if rfc3339 { ":" } else { "" };
    format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_is_kept_as_written() {
        for text in [
            "2026-01-02T03:04:05.123456789Z",
            "2026-01-02T03:04:05+08:00",
            "1977-09-02T22:04:05-03:30",
            "2026-01-02T03:04:05.5Z",
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().unwrap().rfc3339(), text);
        }
    }

    #[test]
    fn empty_text_and_the_zero_time_are_no_time() {
        assert_eq!(Timestamp::parse("").unwrap(), None);
        assert_eq!(Timestamp::parse("0001-01-01T00:00:00Z").unwrap(), None);
    }

    #[test]
    fn go_formats_are_those_of_list_and_history() {
        let time = Timestamp::parse("1977-09-02T22:04:05Z").unwrap().unwrap();
        assert_eq!(time.ansi_c(), "Fri Sep  2 22:04:05 1977");
        assert_eq!(time.go_string(&jiff::tz::TimeZone::UTC), "1977-09-02 22:04:05 +0000 UTC");
        let east = Timestamp::parse("2026-01-02T03:04:05.120+08:00").unwrap().unwrap();
        assert_eq!(east.go_string(&jiff::tz::TimeZone::UTC), "2026-01-02 03:04:05.12 +0800 +0800");
    }

    #[test]
    fn what_is_no_time_is_refused_in_gos_words() {
        let error = Timestamp::parse("not a time").unwrap_err().to_string();
        assert_eq!(
            error,
            "parsing time \"not a time\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"not a time\" as \"2006\""
        );
    }
}
