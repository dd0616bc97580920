//! How far the wall clock can be trusted: what the kernel, the time services and the hardware say, weighed.
//!
//! `ntp` needs one of these, and a date that this program can have lived to see:
//!
//! - the kernel says that its clock is synchronised, whoever does it (systemd-timesyncd, chrony with `rtcsync`, ntpd,
//!   ptp4l). Without a time source it withdraws that by itself after about nine hours, and at once when the clock is
//!   set by hand (adjtimex(2): the largest error grows by 0.5 ms a second, and beyond 16 s the clock is unsynchronised);
//! - the kernel said so at most [`HOLDOVER`] ago, and the clock has not been set since;
//! - the kernel cannot be asked, and systemd-timesyncd has synchronised in this boot.

#[cfg(target_pointer_width = "64")]
mod kernel;

use std::{path::Path, time::Duration};

use crate::model::{ClockQuality, Timestamp};

/// Made by systemd-timesyncd at its first synchronisation after boot.
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";
/// There when the host has a battery-backed clock.
const RTC: &str = "/sys/class/rtc/rtc0";
/// 2024-01-01T00:00:00Z. A clock before it was never set: this program is younger.
const OLDEST_BELIEVABLE: Timestamp = Timestamp::from_millis(1_704_067_200_000);
/// How long a clock is trusted that was synchronised: one that has been disciplined for a while keeps within a second
/// or two of it.
const HOLDOVER: Duration = Duration::from_secs(24 * 3_600);
/// A clock that has moved further against uptime was set. Both run at the same disciplined rate.
const SET_MS: u64 = 1_000;

/// What can be found out about the clock at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    /// Whether the kernel holds its clock for synchronised; `None` when it cannot be asked.
    kernel: Option<bool>,
    /// Whether systemd-timesyncd has synchronised in this boot.
    has_synchronized: bool,
    /// Whether there is a battery-backed clock.
    has_rtc: bool,
}

impl Evidence {
    /// Asks the kernel and looks at the files.
    pub(super) fn gather() -> Self {
        Self {
            kernel: ask_kernel(),
            has_synchronized: Path::new(SYNCHRONIZED).exists(),
            has_rtc: Path::new(RTC).exists(),
        }
    }
}

#[cfg(target_pointer_width = "64")]
fn ask_kernel() -> Option<bool> {
    kernel::ask()
}

/// Nothing wraps the call for 32 bits without `unsafe`: the files have the word.
#[cfg(not(target_pointer_width = "64"))]
fn ask_kernel() -> Option<bool> {
    None
}

/// Weighs evidence, and remembers when the clock was synchronised.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// Wall time and uptime when the kernel last said so.
    synchronized: Option<(Timestamp, Duration)>,
}

impl Trust {
    /// An impossible date outweighs whatever anybody says.
    pub(super) fn judge(&mut self, now: Timestamp, uptime: Duration, evidence: Evidence) -> ClockQuality {
        if now < OLDEST_BELIEVABLE {
            return ClockQuality::None;
        }
        if evidence.kernel == Some(true) {
            self.synchronized = Some((now, uptime));
        }
        let is_vouched_for = match evidence.kernel {
            Some(is_synchronized) => is_synchronized || self.holds_over(now, uptime),
            None => evidence.has_synchronized,
        };
        match (is_vouched_for, evidence.has_rtc) {
            (true, _) => ClockQuality::Ntp,
            (false, true) => ClockQuality::Rtc,
            (false, false) => ClockQuality::Estimated,
        }
    }

    /// Whether the clock runs on from its last synchronisation, and nobody has set it.
    fn holds_over(&self, now: Timestamp, uptime: Duration) -> bool {
        self.synchronized.is_some_and(|(then, at)| {
            let since = uptime.saturating_sub(at);
            let expected = then.plus(since).as_millis();
            since <= HOLDOVER && now.as_millis().abs_diff(expected) <= SET_MS
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Evidence = Evidence { kernel: None, has_synchronized: false, has_rtc: false };
    const SYNCED: Evidence = Evidence { kernel: Some(true), ..NOTHING };
    const LOST: Evidence = Evidence { kernel: Some(false), has_synchronized: true, has_rtc: true };
    const HOUR: Duration = Duration::from_secs(3_600);

    fn today() -> Timestamp {
        Timestamp::parse("2026-11-20T12:00:00Z").unwrap()
    }

    fn judge(now: Timestamp, evidence: Evidence) -> ClockQuality {
        Trust::default().judge(now, HOUR, evidence)
    }

    #[test]
    fn quality_is_the_best_that_can_be_proved() {
        assert_eq!(judge(today(), SYNCED), ClockQuality::Ntp);
        assert_eq!(judge(today(), Evidence { has_synchronized: true, ..NOTHING }), ClockQuality::Ntp);
        assert_eq!(judge(today(), LOST), ClockQuality::Rtc, "the kernel knows better than the file");
        assert_eq!(judge(today(), Evidence { has_rtc: true, ..NOTHING }), ClockQuality::Rtc);
        assert_eq!(judge(today(), NOTHING), ClockQuality::Estimated);
    }

    #[test]
    fn an_impossible_date_is_never_trusted() {
        assert_eq!(judge(Timestamp::parse("1970-01-01T00:01:00Z").unwrap(), SYNCED), ClockQuality::None);
        assert_eq!(judge(OLDEST_BELIEVABLE, SYNCED), ClockQuality::Ntp);
    }

    #[test]
    fn a_clock_that_was_synchronised_is_trusted_for_a_day_if_nobody_sets_it() {
        let mut trust = Trust::default();
        trust.judge(today(), HOUR, SYNCED);

        let mut after = |hours, set_ms| {
            let passed = hours * HOUR;
            trust.judge(today().plus(passed).moved(set_ms), HOUR + passed, LOST)
        };

        assert_eq!(after(24, 900), ClockQuality::Ntp);
        assert_eq!(after(2, -1_001), ClockQuality::Rtc);
        assert_eq!(after(25, 0), ClockQuality::Rtc);
    }

    #[test]
    fn the_kernel_gives_an_answer_or_none_and_never_ends_the_process() {
        let (first, second) = (ask_kernel(), ask_kernel());

        assert_eq!(first.is_some(), second.is_some());
    }
}
