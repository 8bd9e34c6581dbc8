use super::{Location, Time, duration};

fn parse(layout: &str, text: &str) -> Result<Time, String> {
    Time::parse(layout.as_bytes(), text.as_bytes(), &Location::Utc)
}

fn shown(time: &Time, layout: &str) -> String {
    String::from_utf8(time.format(layout.as_bytes())).unwrap()
}

fn at(unix: i64) -> Time {
    Time::from_unix(unix, 0, Location::Utc)
}

#[test]
fn every_element_of_a_layout_is_written() {
    let time = Time::from_unix(1_709_211_845, 120_000_000, Location::load("America/New_York", "UTC").unwrap());
    for (layout, text) in [
        ("2006 06 01 1 Jan January 02 2 _2 002 __2", "2024 24 02 2 Feb February 29 29 29 060  60"),
        ("15 03 3 04 4 05 5 PM pm", "08 08 8 04 4 05 5 AM am"),
        ("Monday Mon Month Janx MST", "Thursday Thu Month Janx EST"),
        ("Z07:00 Z0700 Z07 -07:00 -0700 -07 -07:00:00 Z070000", "-05:00 -0500 -05 -05:00 -0500 -05 -05:00:00 -050000"),
        (".000 .00 ,999 .0001 05.999999", ".120 .12 ,12 .0002 05.12"),
        ("_2006 00 7 8 9 20", "_2024 00 7 8 9 290"),
    ] {
        assert_eq!(shown(&time, layout), text, "{layout}");
    }
}

#[test]
fn the_calendar_has_no_end() {
    for (unix, text) in [
        (-62_135_596_800, "0001-01-01 Monday"),
        (-62_135_596_801, "0000-12-31 Sunday"),
        (-62_198_755_200, "-0001-01-01 Friday"),
        (951_782_400, "2000-02-29 Tuesday"),
        (4_107_542_400, "2100-03-01 Monday"),
        (253_402_300_800, "10000-01-01 Saturday"),
        (1_000_000_000_000_000, "31690708-07-05 Sunday"),
    ] {
        assert_eq!(shown(&at(unix), "2006-01-02 Monday"), text);
    }
}

#[test]
fn zones_change_their_offset() {
    let berlin = Location::load("Europe/Berlin", "UTC").unwrap();
    let shown_at = |unix| shown(&Time::from_unix(unix, 0, berlin.clone()), "2006-01-02 15:04 MST -0700");
    assert_eq!(shown_at(1_711_846_799), "2024-03-31 01:59 CET +0100");
    assert_eq!(shown_at(1_711_846_800), "2024-03-31 03:00 CEST +0200");
    assert_eq!(shown_at(-3_000_000_000), "1874-12-07 19:33 LMT +0053");
    assert_eq!(shown_at(4_000_000_000), "2096-10-02 09:06 CEST +0200");
    // An hour that does not exist, and one that exists twice.
    let read = |text: &str| Time::parse(b"2006-01-02 15:04", text.as_bytes(), &berlin).unwrap().unix();
    assert_eq!(read("2024-03-31 02:30"), 1_711_848_600);
    assert_eq!(read("2024-10-27 02:30"), 1_729_992_600);
}

#[test]
fn a_text_is_read_as_its_layout_shows() {
    for (layout, text, unix) in [
        ("2006-01-02", "2024-02-29", 1_709_164_800),
        ("Jan _2 06", "feb  9 69", -28_166_400),
        ("Mon, 02 Jan 2006 15:04:05 MST", "Thu, 29 Feb 2024 13:04:05 UTC", 1_709_211_845),
        ("2006-01-02T15:04:05Z07:00", "2024-02-29T13:04:05.9+05:30", 1_709_192_045),
        ("2006 002", "2024 060", 1_709_164_800),
        ("2006 __2", "2023  60", 1_677_628_800),
        ("3:04PM", "12:30AM", -62_167_217_400),
        ("3:04 pm", "1:30 pm", -62_167_170_600),
        ("02 Jan 06 15:04 MST", "29 Feb 24 10:00 GMT+3", 1_709_200_800),
        ("-070000 2006", "-013000 1970", 5400),
    ] {
        assert_eq!(parse(layout, text).map(|time| time.unix()), Ok(unix), "{layout} {text}");
    }
    assert_eq!(parse("15:04:05", "01:02:03,25").unwrap().nanosecond(), 250_000_000);
    assert_eq!(parse("MST", "WITA").unwrap().to_string(), "0000-01-01 00:00:00 +0000 WITA");
    assert_eq!(parse("-07:00", "+05:30").unwrap().to_string(), "0000-01-01 00:00:00 +0530 +0530");
}

#[test]
fn what_does_not_fit_is_refused_with_gos_words() {
    for (layout, text, error) in [
        ("2006-01-02", "bad", "\"bad\" as \"2006-01-02\": cannot parse \"bad\" as \"2006\""),
        ("2006-01-02", "2024/01", "\"2024/01\" as \"2006-01-02\": cannot parse \"/01\" as \"-\""),
        ("2006-01-02", "2024-13-01", "\"2024-13-01\": month out of range"),
        ("2006-01-02", "2023-02-29", "\"2023-02-29\": day out of range"),
        ("2006", "2024x", "\"2024x\": extra text: \"x\""),
        ("15:04", "24:00", "\"24:00\": hour out of range"),
        ("3", "13", "\"13\": hour out of range"),
        ("2006 002", "2023 366", "\"2023 366\": day-of-year out of range"),
        ("2006-01 002", "2023-02 001", "\"2023-02 001\": day-of-year does not match month"),
        ("-0700", "+2500", "\"+2500\": time zone offset hour out of range"),
        ("MST", "x", "\"x\" as \"MST\": cannot parse \"x\" as \"MST\""),
        ("2", "é", "\"\\xc3\\xa9\" as \"2\": cannot parse \"\\xc3\\xa9\" as \"2\""),
    ] {
        assert_eq!(parse(layout, text).unwrap_err(), format!("parsing time {error}"));
    }
}

#[test]
fn times_are_moved_and_compared() {
    let time = at(1_709_164_800);
    assert_eq!(time.plus(-1).to_string(), "2024-02-28 23:59:59.999999999 +0000 UTC");
    assert_eq!(time.plus_date(1, 0, 0).to_string(), "2025-03-01 00:00:00 +0000 UTC");
    assert_eq!(time.plus_date(0, -14, 31).to_string(), "2023-01-29 00:00:00 +0000 UTC");
    assert_eq!(time.since(&at(i64::MIN / 2)), i64::MAX);
    assert_eq!(time.iso_week(), (2024, 9));
    assert_eq!(at(1_704_000_000).iso_week(), (2023, 52));
    assert_eq!(time.plus(1_800_000_000_000).rounded(3_600_000_000_000).unix(), 1_709_168_400);
    assert_eq!(at(-1).truncated(60_000_000_000).unix(), -60);
}

#[test]
fn durations_are_read_as_go_reads_them() {
    for (text, nanoseconds) in [
        ("0", 0),
        ("-1h2m3.5s", -3_723_500_000_000),
        ("+.5us", 500),
        ("1.0000000000000000001h", 3_600_000_000_000),
        ("1\u{b5}s1\u{3bc}s1ms", 1_002_000),
        ("-9223372036854775808ns", i64::MIN),
    ] {
        assert_eq!(duration::parse(text.as_bytes()), Ok(nanoseconds), "{text}");
    }
    for (text, error) in [
        ("", "invalid duration \"\""),
        ("-", "invalid duration \"-\""),
        ("3", "missing unit in duration \"3\""),
        ("1d", "unknown unit \"d\" in duration \"1d\""),
        (".s", "invalid duration \".s\""),
        ("9223372036854775808ns", "invalid duration \"9223372036854775808ns\""),
        ("1 h", "unknown unit \" h\" in duration \"1 h\""),
    ] {
        assert_eq!(duration::parse(text.as_bytes()), Err(format!("time: {error}")), "{text}");
    }
}
