//! Moments, as texts that are the same for everybody.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::Timestamp;

/// A moment in whole seconds, written as `2026-11-22T10:00:00Z` and no other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(Timestamp);

/// A text or clock that gives no [`Time`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found `{found}`, wanted a time in UTC such as 2026-11-22T10:00:00Z")]
pub struct TimeError {
    /// What was found.
    pub found: String,
}

impl Time {
    /// The last moment there is: what a clock that cannot be read is taken for, so that nothing that expires
    /// still counts.
    pub const LATEST: Self = Self(Timestamp::constant(253_402_207_200, 0));

    /// A moment in seconds since 1970.
    ///
    /// # Errors
    ///
    /// Beyond the year 9999.
    pub fn from_seconds(seconds: i64) -> Result<Self, TimeError> {
        let found = || TimeError { found: format!("{seconds} seconds since 1970") };
        Timestamp::from_second(seconds).map(Self).map_err(|_| found())
    }

    /// Seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0.as_second()
    }
}

impl TryFrom<SystemTime> for Time {
    type Error = TimeError;

    /// The whole second that the moment is in.
    fn try_from(time: SystemTime) -> Result<Self, TimeError> {
        let found = |_| TimeError { found: format!("{time:?}") };
        let timestamp = Timestamp::try_from(time).map_err(found)?;
        Self::from_seconds(timestamp.as_second())
    }
}

impl FromStr for Time {
    type Err = TimeError;

    /// Reads what [`Display`](fmt::Display) writes, and nothing else: what is signed as text has one form.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let time = text.parse().ok().filter(|time: &Timestamp| time.subsec_nanosecond() == 0);
        let time = time.map(Self).filter(|time| time.to_string() == text);
        time.ok_or_else(|| TimeError { found: text.escape_default().to_string() })
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moment_has_one_text() {
        let time: Time = "2026-11-22T10:00:00Z".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-22T10:00:00Z");
        assert_eq!(time.seconds(), 1_795_341_600);
        for other in [
            "2026-11-22T10:00:00.5Z",
            "2026-11-22T10:00:00+00:00",
            "2026-11-22 10:00:00Z",
            "2026-11-22t10:00:00z",
            "2026-11-22T10:00Z",
            "2026-11-22",
            " 2026-11-22T10:00:00Z",
            "",
        ] {
            assert!(other.parse::<Time>().is_err(), "{other}");
        }
    }

    #[test]
    fn a_clock_gives_whole_seconds() {
        let clock = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1_999);
        assert_eq!(Time::try_from(clock).unwrap().to_string(), "1970-01-01T00:00:01Z");
    }
}
