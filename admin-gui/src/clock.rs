//! Moments as the operator reads them: in the local time zone, or in UTC.

use jiff::{Timestamp, Zoned, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::format::UNKNOWN;

/// The time zone of the times in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClockZone {
    /// The time zone of this machine.
    #[default]
    Local,
    /// UTC, like the programs' logs.
    Utc,
}

/// Writes moments, given in Unix milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    choice: ClockZone,
    zone: TimeZone,
}

impl Clock {
    /// A clock of the chosen zone. A machine whose zone is not known has UTC.
    pub(crate) fn new(choice: ClockZone) -> Self {
        let zone = match choice {
            ClockZone::Local => TimeZone::try_system().unwrap_or(TimeZone::UTC),
            ClockZone::Utc => TimeZone::UTC,
        };
        Self { choice, zone }
    }

    /// The chosen zone.
    pub(crate) fn choice(&self) -> ClockZone {
        self.choice
    }

    /// The time of day, to the minute.
    pub(crate) fn minutes(&self, at_ms: u64) -> String {
        self.write(at_ms, "%H:%M")
    }

    /// The time of day, to the second.
    pub(crate) fn seconds(&self, at_ms: u64) -> String {
        self.write(at_ms, "%H:%M:%S")
    }

    /// The time of day, to the millisecond.
    pub(crate) fn millis(&self, at_ms: u64) -> String {
        self.write(at_ms, "%H:%M:%S%.3f")
    }

    /// The name of the zone at a moment, such as "CEST".
    pub(crate) fn zone(&self, at_ms: u64) -> String {
        self.write(at_ms, "%Z")
    }

    /// The day and the time in a form that a file name can have.
    pub(crate) fn file_stamp(&self, at_ms: u64) -> String {
        self.write(at_ms, "%Y%m%d-%H%M%S")
    }

    /// A recording may hold any number as a time: one that no calendar has is [`UNKNOWN`].
    fn write(&self, at_ms: u64, format: &str) -> String {
        let at = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let at = at.map(|at| Zoned::new(at, self.zone.clone()));
        at.map_or(UNKNOWN.into(), |at| at.strftime(format).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_MS: u64 = 1_790_000_000_042;

    #[test]
    fn utc_is_named() {
        let clock = Clock::new(ClockZone::Utc);
        assert_eq!(clock.seconds(AT_MS), "14:13:20");
        assert_eq!(clock.millis(AT_MS), "14:13:20.042");
        assert_eq!(clock.minutes(AT_MS), "14:13");
        assert_eq!(clock.zone(AT_MS), "UTC");
        assert_eq!(clock.file_stamp(AT_MS), "20260921-141320");
        assert_eq!(clock.file_stamp(0), "19700101-000000");
    }

    #[test]
    fn local_time_follows_daylight_saving() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let clock = Clock { choice: ClockZone::Local, zone };
        assert_eq!(clock.seconds(AT_MS), "16:13:20");
        assert_eq!(clock.zone(AT_MS), "CEST");
        let winter_ms = AT_MS + 90 * 86_400_000;
        assert_eq!(
            (clock.minutes(winter_ms), clock.zone(winter_ms)),
            ("15:13".into(), "CET".into())
        );
    }

    #[test]
    fn time_that_no_calendar_has_is_unknown() {
        assert_eq!(Clock::new(ClockZone::Utc).millis(u64::MAX), UNKNOWN);
        assert_eq!(Clock::new(ClockZone::Local).zone(u64::MAX), UNKNOWN);
    }
}
