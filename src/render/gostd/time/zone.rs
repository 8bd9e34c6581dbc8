//! Time zones. The database is the one built into the program, so that a render does not depend on the machine.

use std::rc::Rc;
use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Where a time is told.
#[derive(Debug, Clone)]
pub enum Location {
    /// Coordinated Universal Time.
    Utc,
    /// The user's own zone; its time zone is that of the host.
    Local(Rc<TimeZone>),
    /// A zone of the database, with the name that asked for it.
    Named(Rc<(String, TimeZone)>),
    /// An offset in seconds with the name it was read with.
    Fixed(Rc<(String, i32)>),
}

/// What clocks show somewhere at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offset {
    /// Seconds east of UTC.
    pub seconds: i32,
    /// Abbreviation such as `CET`; empty if there is none.
    pub name: String,
    /// Whether it is summer time.
    pub is_summer: bool,
}

fn database() -> &'static TimeZoneDatabase {
    static DATABASE: OnceLock<TimeZoneDatabase> = OnceLock::new();
    DATABASE.get_or_init(TimeZoneDatabase::bundled)
}

/// The zone of that name, which is spelled exactly.
fn zone(name: &str) -> Option<TimeZone> {
    // Go opens a file of that name, so case counts, and links are themselves.
    let known = database().get(name).ok()?;
    database().available().find(|available| available.as_str() == name).map(|_| known)
}

fn offset_of(zone: &TimeZone, unix: i64) -> Offset {
    let timestamp = Timestamp::from_second(unix).unwrap_or(if unix < 0 { Timestamp::MIN } else { Timestamp::MAX });
    let info = zone.to_offset_info(timestamp);
    Offset { seconds: info.offset().seconds(), name: info.abbreviation().to_owned(), is_summer: info.dst().is_dst() }
}

impl Location {
    /// The user's own zone by the name the host gives; UTC if it is not known.
    pub fn local(name: &str) -> Self {
        if name == "UTC" {
            return Self::Local(Rc::new(TimeZone::UTC));
        }
        Self::Local(Rc::new(zone(name).unwrap_or(TimeZone::UTC)))
    }

    /// The zone of that name, `local` being the name of the user's own.
    pub fn load(name: &str, local: &str) -> Option<Self> {
        match name {
            "" | "UTC" => Some(Self::Utc),
            "Local" => Some(Self::local(local)),
            _ => zone(name).map(|zone| Self::Named(Rc::new((name.to_owned(), zone)))),
        }
    }

    /// A zone with the same offset all the time.
    pub fn fixed(name: &str, seconds: i32) -> Self {
        Self::Fixed(Rc::new((name.to_owned(), seconds)))
    }

    /// What clocks show there, at a time in seconds since 1970.
    pub fn offset(&self, unix: i64) -> Offset {
        match self {
            Self::Utc => Offset { seconds: 0, name: "UTC".to_owned(), is_summer: false },
            Self::Local(zone) => offset_of(zone, unix),
            Self::Named(zone) => offset_of(&zone.1, unix),
            Self::Fixed(fixed) => Offset { seconds: fixed.1, name: fixed.0.clone(), is_summer: false },
        }
    }

    /// The offset that an abbreviation means there, preferably at this local time.
    pub(super) fn offset_by_name(&self, name: &str, local_seconds: i64) -> Option<i32> {
        let Self::Local(zone) = self else { return None };
        let mut known: Vec<i32> = Vec::new();
        // Rules without end would fill the list with the same two offsets.
        let until = Timestamp::from_second(2_145_916_800).unwrap_or(Timestamp::MAX);
        for transition in zone.preceding(until).take(400) {
            let offset = transition.offset().seconds();
            if transition.abbreviation() == name && !known.contains(&offset) {
                known.push(offset);
            }
        }
        if known.is_empty() {
            let fixed = offset_of(zone, local_seconds);
            return (fixed.name == name).then_some(fixed.seconds);
        }
        known.reverse();
        let in_effect = known.iter().find(|offset| {
            let there = offset_of(zone, local_seconds - i64::from(**offset));
            there.name == name
        });
        in_effect.or(known.first()).copied()
    }

    /// The name, as Go prints a location.
    pub fn name(&self) -> &str {
        match self {
            Self::Utc => "UTC",
            Self::Local(_) => "Local",
            Self::Named(zone) => &zone.0,
            Self::Fixed(fixed) => &fixed.0,
        }
    }

    /// Whether Go would hold both in the same pointer.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Utc, Self::Utc) | (Self::Local(_), Self::Local(_)) => true,
            (Self::Named(one), Self::Named(other)) => Rc::ptr_eq(one, other),
            (Self::Fixed(one), Self::Fixed(other)) => {
                // Whole hours without a name are kept once.
                let is_kept = one.0.is_empty() && one.1 % 3600 == 0 && (-12..=14).contains(&(one.1 / 3600));
                Rc::ptr_eq(one, other) || (is_kept && one == other)
            }
            _ => false,
        }
    }
}
