//! Whether a device is there: how often it advertises, and when its silence is too long.

use std::time::Duration;

use tokio::time::Instant;

/// Silence of so many times the usual is too long.
const TIMES: u32 = 3;
/// Usual time that is taken while too little was heard to tell. Some sensors speak only every few minutes.
const UNKNOWN: Duration = Duration::from_secs(600);
/// Advertisements after which the usual time is taken as learnt.
const ENOUGH: u32 = 5;
/// Shortest and longest usual time that is learnt: radio waves meet people, and a device that was away for a day does
/// not usually speak once a day.
const LEARNT: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(3600));

/// One device's presence.
#[derive(Debug)]
pub(super) struct Presence {
    /// Usual time between two advertisements, as configured.
    expect: Option<Duration>,
    /// The same as learnt: rises at once, falls slowly.
    usual: Duration,
    /// How many were heard.
    count: u32,
    /// When the last one was, or when listening began.
    last: Instant,
    /// `None` until something is known.
    is_online: Option<bool>,
}

impl Presence {
    /// Nothing was heard yet.
    pub(super) fn new(expect: Option<Duration>, now: Instant) -> Self {
        Self { expect, usual: Duration::ZERO, count: 0, last: now, is_online: None }
    }

    /// An advertisement came. True when the device was not known to be there.
    pub(super) fn heard(&mut self, now: Instant) -> bool {
        if self.count > 0 {
            self.learn(now - self.last);
        }
        self.count = self.count.saturating_add(1);
        self.last = now;
        self.is_online.replace(true) != Some(true)
    }

    /// Looks whether the silence is too long. True once, when it is.
    pub(super) fn falls_silent(&mut self, now: Instant) -> bool {
        now - self.last > self.usual() * TIMES && self.is_online.replace(false) != Some(false)
    }

    /// When it was last heard, or when listening began.
    pub(super) fn last(&self) -> Instant {
        self.last
    }

    /// The usual time between two advertisements.
    fn usual(&self) -> Duration {
        let learnt = if self.count < ENOUGH { UNKNOWN } else { self.usual.clamp(LEARNT.0, LEARNT.1) };
        self.expect.unwrap_or(learnt)
    }

    /// Takes a gap into account. The longest of late counts, because that is what silence is compared with; one that
    /// was taken for an absence counts as no more than twice the usual.
    fn learn(&mut self, gap: Duration) {
        let was_absent = self.is_online == Some(false);
        let gap = if was_absent { gap.min(self.usual() * 2) } else { gap };
        self.usual = gap.max(self.usual.saturating_sub(self.usual.saturating_sub(gap) / 64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn silence_of_three_times_the_expected_is_told_once() {
        let start = Instant::now();
        let mut presence = Presence::new(Some(SECOND * 60), start);

        assert!(presence.heard(start) && !presence.heard(start + SECOND));
        assert!(!presence.falls_silent(start + SECOND * 181));
        assert!(presence.falls_silent(start + SECOND * 182));
        assert!(!presence.falls_silent(start + SECOND * 400));
        assert!(presence.heard(start + SECOND * 401));
    }

    #[test]
    fn a_device_that_never_came_falls_silent_too() {
        let start = Instant::now();
        let mut presence = Presence::new(Some(SECOND), start);

        assert!(!presence.falls_silent(start + SECOND * 3));
        assert!(presence.falls_silent(start + SECOND * 4));
    }

    #[test]
    fn the_usual_time_is_learnt_and_an_absence_hardly_changes_it() {
        let start = Instant::now();
        let mut presence = Presence::new(None, start);
        assert_eq!(presence.usual(), UNKNOWN);

        for minute in 0..20 {
            presence.heard(start + SECOND * 60 * minute);
        }
        assert_eq!(presence.usual(), SECOND * 60);
        let day = start + SECOND * 86_400;
        assert!(presence.falls_silent(day));
        presence.heard(day);

        assert_eq!(presence.usual(), SECOND * 120);
        assert!(!presence.falls_silent(day + SECOND * 360));
    }
}
