//! Moments, and how far the clock that gave them can be trusted.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Serialize, Serializer};

/// A text that is no RFC 3339 time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no RFC 3339 time such as 2026-11-20T12:00:00Z")]
pub struct TimestampError(pub String);

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 with any offset.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let parsed: Result<jiff::Timestamp, _> = text.parse();
        parsed.map(|ts| Self(ts.as_millisecond())).map_err(|_| TimestampError(text.to_owned()))
    }

    /// This moment plus a span, held at the largest moment there is.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This moment moved by milliseconds in either direction, held at the first and the last moment there is.
    #[must_use]
    pub fn moved(self, by_ms: i64) -> Self {
        Self(self.0.saturating_add(by_ms))
    }

    /// The span from an earlier moment to this one; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// RFC 3339 in UTC with milliseconds: `2026-11-20T12:00:00.123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (second, millis) = (self.0.div_euclid(1000), self.0.rem_euclid(1000));
        // A moment outside the years jiff knows can only come from a damaged file; it prints as the epoch's end.
        let civil = jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::MAX);
        write!(f, "{}.{millis:03}Z", civil.strftime("%Y-%m-%dT%H:%M:%S"))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where the wall clock has its time from, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockQuality {
    /// Disciplined by a time source.
    Ntp,
    /// Set from a battery-backed clock at boot.
    Rtc,
    /// Carried over from the last known time; late by the time the power was off.
    Estimated,
    /// Not set: the date is known to be wrong.
    None,
}

impl ClockQuality {
    /// Whether a time source vouches for the time.
    pub fn is_trusted(self) -> bool {
        self == Self::Ntp
    }

    /// Whether ages and times of day can be judged by it: it runs, and it ran while the power was off.
    pub fn is_dated(self) -> bool {
        matches!(self, Self::Ntp | Self::Rtc)
    }

    /// The word used in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ntp => "ntp",
            Self::Rtc => "rtc",
            Self::Estimated => "estimated",
            Self::None => "none",
        }
    }
}

/// The kernel's random id of this boot: two monotonic times compare only within one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct BootId(Arc<str>);

impl BootId {
    /// From the text of `/proc/sys/kernel/random/boot_id`.
    pub fn new(text: &str) -> Self {
        Self(text.trim().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_milliseconds() {
        let ts = Timestamp::parse("2026-11-20T12:00:00.123Z").unwrap();
        assert_eq!(ts.to_string(), "2026-11-20T12:00:00.123Z");
        assert_eq!(Timestamp::parse("2026-11-20T13:00:00.123+01:00").unwrap(), ts);
        assert_eq!(Timestamp::from_millis(-1).to_string(), "1969-12-31T23:59:59.999Z");
        assert!(Timestamp::parse("yesterday").is_err());
    }

    #[test]
    fn differences_never_go_below_zero() {
        let (early, late) = (Timestamp::from_millis(1_000), Timestamp::from_millis(3_500));
        assert_eq!(late.since(early), Duration::from_millis(2_500));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(early.plus(Duration::from_millis(2_500)), late);
        assert_eq!(late.moved(-2_500), early);
    }
}
