//! One look at the clock: wall time, uptime and quality that belong together.

use std::time::Duration;

use crate::model::{Clock, ClockQuality, Timestamp};

/// Two looks between which wall time and uptime moved further apart saw a jump. A leap second is none, and no time
/// service slews that fast.
const STEP_MS: u64 = 1_500;
/// What was stamped in a wrong clock may arrive this long after the jump: it waited in a queue.
const GRACE: Duration = Duration::from_secs(10);
/// Only a jump beyond this tells what the old clock stamped from what the new one did.
const APART_MS: u64 = 60_000;

/// What a look saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) quality: ClockQuality,
    pub(super) wall: Timestamp,
    /// In whole milliseconds, as blocks carry it.
    pub(super) uptime: Duration,
}

impl Sight {
    /// Looks at a clock.
    pub(super) fn of(clock: &dyn Clock) -> Self {
        let uptime = Duration::from_millis(millis(clock.uptime()));
        Self { quality: clock.quality(), wall: clock.now(), uptime }
    }

    /// What lies between uptime and wall time: it changes only when the clock is set.
    pub(super) fn offset_ms(&self) -> i64 {
        offset_ms(self.wall, self.uptime)
    }

    /// How far the clock has jumped since an earlier look; 0 when it has not.
    pub(super) fn jump_since(&self, earlier: &Self) -> i64 {
        let moved_ms = self.offset_ms().saturating_sub(earlier.offset_ms());
        if moved_ms.unsigned_abs() > STEP_MS { moved_ms } else { 0 }
    }
}

/// What lies between an uptime and the wall time of the same moment.
pub(super) fn offset_ms(wall: Timestamp, uptime: Duration) -> i64 {
    wall.as_millis().saturating_sub(i64::try_from(millis(uptime)).unwrap_or(i64::MAX))
}

/// Whole milliseconds.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A jump, as long as something stamped before it may still come in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jump {
    /// The last look before it.
    pub(super) before: Sight,
    /// How far it went.
    pub(super) by_ms: i64,
}

impl Jump {
    /// The moment that a stamp means on the clock of now. It is moved only when the clock from before the jump gave
    /// it in the last seconds; a device's own old stamps are not touched.
    pub(super) fn mend(&self, ts: Timestamp, uptime: Duration) -> Timestamp {
        let since = uptime.saturating_sub(self.before.uptime);
        let shown = self.before.wall.plus(since);
        let is_recent = shown.moved(-i64::try_from(GRACE.as_millis()).unwrap_or(0)) <= ts && ts <= shown;
        if since <= GRACE && self.by_ms.unsigned_abs() > APART_MS && is_recent { ts.moved(self.by_ms) } else { ts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOTED: Sight =
        Sight { quality: ClockQuality::None, wall: Timestamp::from_millis(5_000), uptime: Duration::from_secs(5) };

    fn later(uptime_s: u64, wall_ms: i64) -> Sight {
        Sight { wall: Timestamp::from_millis(wall_ms), uptime: Duration::from_secs(uptime_s), ..BOOTED }
    }

    #[test]
    fn only_a_jump_of_the_wall_clock_is_one() {
        assert_eq!(later(3_605, 3_605_000).jump_since(&BOOTED), 0);
        assert_eq!(later(6, 5_000).jump_since(&BOOTED), 0, "a leap second");
        assert_eq!(later(6, 7_501).jump_since(&BOOTED), 1_501);
        assert_eq!(later(6, -3_594_000).jump_since(&BOOTED), -3_600_000);
    }

    #[test]
    fn a_stamp_of_the_old_clock_is_moved_and_no_other() {
        let jump = Jump { before: BOOTED, by_ms: 1_000_000_000 };
        let mended = |ts, uptime_s| jump.mend(Timestamp::from_millis(ts), Duration::from_secs(uptime_s)).as_millis();

        assert_eq!(mended(4_900, 6), 1_000_004_900);
        assert_eq!(mended(5_600, 6), 1_000_005_600);
        assert_eq!(mended(1_000_006_000, 6), 1_000_006_000);
        assert_eq!(mended(-9_000, 6), -9_000, "a stamp of its own");
        assert_eq!(mended(5_600, 60), 5_600, "too late to come from a queue");
    }
}
