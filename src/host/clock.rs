//! The host's clock, with an honest word on how far it can be trusted.
//!
//! `ntp` needs proof, and without a system call of our own only systemd-timesyncd gives one: the file
//! `/run/systemd/timesync/synchronized`. A host that runs chrony or ntpd counts as `rtc` or `estimated` unless its
//! time service creates that file, which is the cautious side to err on.

use std::{
    fs,
    path::Path,
    sync::Mutex,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::model::{BootId, Clock, ClockQuality, Timestamp};

/// Made by systemd-timesyncd at its first synchronisation after boot.
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";
/// There when the host has a battery-backed clock.
const RTC: &str = "/sys/class/rtc/rtc0";
/// The kernel's random id of this boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// 2024-01-01T00:00:00Z. A clock before it was never set: this program is younger.
const OLDEST_BELIEVABLE: Timestamp = Timestamp::from_millis(1_704_067_200_000);
/// Longest age of a known quality; it is asked for with every block, and changes once a boot.
const REFRESH: Duration = Duration::from_secs(10);

/// Wall time and uptime from the kernel.
#[derive(Debug)]
pub struct SystemClock {
    /// Read once: it cannot change while we live.
    boot: BootId,
    /// The last known quality and the uptime at which it was read.
    quality: Mutex<Option<(Duration, ClockQuality)>>,
}

impl SystemClock {
    /// A clock of this boot. A kernel without a boot id gives the id `unknown`.
    pub fn new() -> Self {
        let boot = fs::read_to_string(BOOT_ID).unwrap_or_else(|_| "unknown".to_owned());
        Self { boot: BootId::new(&boot), quality: Mutex::new(None) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 is as unset as one at 1970.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::default().plus(since_epoch)
    }

    fn uptime(&self) -> Duration {
        span(clock_gettime(ClockId::Boottime))
    }

    fn quality(&self) -> ClockQuality {
        let uptime = self.uptime();
        // A holder that panicked left a whole value behind.
        let mut known = self.quality.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match *known {
            Some((read_at, quality)) if uptime.saturating_sub(read_at) < REFRESH => quality,
            Some(_) | None => known.insert((uptime, read_quality(self.now()))).1,
        }
    }

    fn boot(&self) -> BootId {
        self.boot.clone()
    }
}

/// Looks at the files that tell where the time came from.
fn read_quality(now: Timestamp) -> ClockQuality {
    judge(now, Path::new(SYNCHRONIZED).exists(), Path::new(RTC).exists())
}

/// An impossible date outweighs whatever the files say.
fn judge(now: Timestamp, is_synchronized: bool, has_rtc: bool) -> ClockQuality {
    match (now < OLDEST_BELIEVABLE, is_synchronized, has_rtc) {
        (true, _, _) => ClockQuality::None,
        (false, true, _) => ClockQuality::Ntp,
        (false, false, true) => ClockQuality::Rtc,
        (false, false, false) => ClockQuality::Estimated,
    }
}

/// A kernel time that counts from a start, which is never negative.
pub(super) fn span(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_is_the_best_that_can_be_proved() {
        let today = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();

        assert_eq!(judge(today, true, true), ClockQuality::Ntp);
        assert_eq!(judge(today, false, true), ClockQuality::Rtc);
        assert_eq!(judge(today, false, false), ClockQuality::Estimated);
    }

    #[test]
    fn an_impossible_date_is_never_trusted() {
        let unset = Timestamp::parse("1970-01-01T00:01:00Z").unwrap();

        assert_eq!(judge(unset, true, true), ClockQuality::None);
        assert_eq!(judge(OLDEST_BELIEVABLE, true, false), ClockQuality::Ntp);
    }

    #[test]
    fn uptime_rises_and_the_boot_stays() {
        let clock = SystemClock::new();

        let early = clock.uptime();

        assert!(clock.uptime() >= early);
        assert_eq!(clock.boot(), SystemClock::new().boot());
    }
}
