//! Integers of Go's `time` package that print as words: durations, months and weekdays.

use super::value::IntType;

/// What the type's `String()` says; `None` for plain integers.
pub fn string(kind: IntType, number: i64) -> Option<String> {
    match kind {
        IntType::Int | IntType::Int32 | IntType::Int64 => None,
        IntType::Duration => Some(duration(number)),
        IntType::Month => Some(name(&MONTHS, number, number.checked_sub(1), "Month")),
        IntType::Weekday => Some(name(&WEEKDAYS, number, Some(number), "Weekday")),
    }
}

const MONTHS: [&str; 12] = [
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

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

fn name(names: &[&str], number: i64, index: Option<i64>, kind: &str) -> String {
    let name = index.and_then(|index| usize::try_from(index).ok()).and_then(|index| names.get(index));
    // Go writes the number of one that does not exist as an unsigned one.
    name.map_or_else(|| format!("%!{kind}({})", number.cast_unsigned()), |name| (*name).to_owned())
}

/// A number of nanoseconds as Go's `time.Duration` prints it: `1h2m3.5s`, `1.5ms`, `0s`.
pub fn duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let total = nanoseconds.unsigned_abs();
    match total {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{total}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", fraction(total, 1_000, 3)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", fraction(total, 1_000_000, 6)),
        _ => {
            let minutes = total / 60_000_000_000;
            let seconds = fraction(total % 60_000_000_000, 1_000_000_000, 9);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// A number in units, without zeros at the end of its fraction.
fn fraction(number: u64, unit: u64, digits: usize) -> String {
    let text = format!("{}.{:0digits$}", number / unit, number % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_go_prints_them() {
        for (nanoseconds, expected) in [
            (0, "0s"),
            (1, "1ns"),
            (-1_500, "-1.5µs"),
            (2_000_000, "2ms"),
            (1_000_000_000, "1s"),
            (100_000_000_000, "1m40s"),
            (3_600_000_000_000, "1h0m0s"),
            (5_400_500_000_000, "1h30m0.5s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(duration(nanoseconds), expected);
        }
        assert_eq!(string(IntType::Month, 1).as_deref(), Some("January"));
        assert_eq!(string(IntType::Month, 13).as_deref(), Some("%!Month(13)"));
        assert_eq!(string(IntType::Weekday, 6).as_deref(), Some("Saturday"));
    }
}
