//! How much of a link's time goes to units that do not answer.
//!
//! A bucket: time lost flows in, a twentieth of all time flows out. While it is full, units that are known not to
//! answer are not asked, so that over minutes they cost the others 5 % however many they are. An empty bucket takes
//! three seconds at once: the first probes need not wait.

use std::time::Duration;

use tokio::time::Instant;

/// One part in so many of a link's time may be lost.
const PARTS: u32 = 20;

/// What an empty bucket takes: a twentieth of a minute.
const ROOM: Duration = Duration::from_secs(3);

/// Time lost of late.
#[derive(Debug)]
pub(super) struct Share {
    level: Duration,
    /// When `level` was true.
    at: Instant,
}

impl Share {
    /// Nothing was lost yet.
    pub(super) fn new(now: Instant) -> Self {
        Self { level: Duration::ZERO, at: now }
    }

    /// Notes time that was lost. Beyond twice the room it is forgotten: many units that fall silent at once must not
    /// keep each other from being asked for hours.
    pub(super) fn charge(&mut self, lost: Duration, now: Instant) {
        self.drain(now);
        self.level = (self.level + lost).min(2 * ROOM);
    }

    /// When there is room again; `None` when there is.
    pub(super) fn full_until(&mut self, now: Instant) -> Option<Instant> {
        self.drain(now);
        let excess = self.level.checked_sub(ROOM)?;
        // A nanosecond more, or there would be no room for anything at that moment.
        Some(now + (excess + Duration::from_nanos(1)) * PARTS)
    }

    /// Lets flow out what the time since the last look is good for.
    fn drain(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at);
        self.level = self.level.saturating_sub(passed / PARTS);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn in_the_long_run_a_twentieth_of_the_time_is_lost() {
        let start = Instant::now();
        let mut share = Share::new(start);
        let (mut now, mut lost) = (start, Duration::ZERO);

        while now < start + 600 * SECOND {
            now = share.full_until(now).unwrap_or(now) + SECOND;
            share.charge(SECOND, now);
            lost += SECOND;
        }

        assert!((29..=34).contains(&lost.as_secs()), "{lost:?} of 600 s");
    }

    #[tokio::test(start_paused = true)]
    async fn what_many_units_cost_at_once_is_forgiven_after_two_minutes() {
        let now = Instant::now();
        let mut share = Share::new(now);
        assert_eq!(share.full_until(now), None);

        share.charge(3600 * SECOND, now);

        assert!(share.full_until(now).is_some());
        assert_eq!(share.full_until(now + 61 * SECOND), None);
    }
}
