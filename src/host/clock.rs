//! The host's clock, with an honest word on how far it can be trusted.

use std::{
    fs,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::time::{ClockId, Timespec, clock_gettime};

use super::trust::{Evidence, Trust};
use crate::model::{BootId, Clock, ClockQuality, Timestamp};

/// The kernel's random id of this boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Longest age of a known quality; it is asked for with every append.
const REFRESH: Duration = Duration::from_secs(1);

/// Wall time and uptime from the kernel.
#[derive(Debug)]
pub struct SystemClock {
    /// Read once: it cannot change while we live.
    boot: BootId,
    judged: Mutex<Judged>,
}

/// The quality, and when it was found.
#[derive(Debug, Default)]
struct Judged {
    trust: Trust,
    /// The last known quality and the uptime at which it was read.
    last: Option<(Duration, ClockQuality)>,
}

impl SystemClock {
    /// A clock of this boot. A kernel without a boot id gives the id `unknown`.
    pub fn new() -> Self {
        let boot = fs::read_to_string(BOOT_ID).unwrap_or_else(|_| "unknown".to_owned());
        Self { boot: BootId::new(&boot), judged: Mutex::default() }
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
        let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read_at, quality)) = judged.last
            && uptime.saturating_sub(read_at) < REFRESH
        {
            return quality;
        }
        let quality = judged.trust.judge(self.now(), uptime, Evidence::gather());
        judged.last = Some((uptime, quality));
        quality
    }

    fn boot(&self) -> BootId {
        self.boot.clone()
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
    fn uptime_rises_and_the_boot_stays() {
        let clock = SystemClock::new();

        let early = clock.uptime();

        assert!(clock.uptime() >= early);
        assert_eq!(clock.boot(), SystemClock::new().boot());
    }
}
