//! A clock that is moved by hand.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::model::{BootId, Clock, ClockQuality, Timestamp};

/// Wall time and uptime stand still until they are moved. It starts at [`ManualClock::START`], an hour after boot, as
/// one that NTP keeps.
#[derive(Debug)]
pub struct ManualClock {
    /// Wall time in milliseconds.
    wall_ms: AtomicI64,
    /// Uptime in milliseconds.
    uptime_ms: AtomicU64,
    /// How far it says it can be trusted.
    quality: Mutex<ClockQuality>,
    /// How often it was asked for wall time.
    looks: AtomicU64,
    /// How often the host was booted.
    boots: AtomicU64,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self {
            wall_ms: AtomicI64::new(Self::START.as_millis()),
            uptime_ms: AtomicU64::new(3_600_000),
            quality: Mutex::new(ClockQuality::Ntp),
            looks: AtomicU64::new(0),
            boots: AtomicU64::new(1),
        }
    }
}

impl ManualClock {
    /// 2026-11-20T12:00:00Z
    pub const START: Timestamp = Timestamp::from_millis(1_795_176_000_000);

    /// Lets time pass, on the wall and since boot.
    pub fn advance(&self, span: Duration) {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.uptime_ms.fetch_add(millis, Ordering::Relaxed);
        self.wall_ms.fetch_add(millis.cast_signed(), Ordering::Relaxed);
    }

    /// Sets the wall clock, as NTP or a person would; uptime does not care.
    pub fn set(&self, now: Timestamp) {
        self.wall_ms.store(now.as_millis(), Ordering::Relaxed);
    }

    /// Sets how far it can be trusted.
    pub fn trust(&self, quality: ClockQuality) {
        *self.quality.lock().unwrap_or_else(PoisonError::into_inner) = quality;
    }

    /// Starts the host anew: another boot, and uptime from zero. Wall time stays as it was set.
    pub fn reboot(&self) {
        self.boots.fetch_add(1, Ordering::Relaxed);
        self.uptime_ms.store(0, Ordering::Relaxed);
    }

    /// How often it was asked for wall time.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.looks.fetch_add(1, Ordering::Relaxed);
        Timestamp::from_millis(self.wall_ms.load(Ordering::Relaxed))
    }

    fn uptime(&self) -> Duration {
        Duration::from_millis(self.uptime_ms.load(Ordering::Relaxed))
    }

    fn quality(&self) -> ClockQuality {
        *self.quality.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn boot(&self) -> BootId {
        match self.boots.load(Ordering::Relaxed) {
            1 => BootId::new("test-boot"),
            number => BootId::new(&format!("test-boot-{number}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_only_by_hand() {
        let clock = ManualClock::default();
        assert_eq!(clock.now().to_string(), "2026-11-20T12:00:00.000Z");

        clock.advance(Duration::from_secs(1));
        clock.set(Timestamp::default());

        assert_eq!(clock.uptime(), Duration::from_secs(3_601));
        assert_eq!(clock.now(), Timestamp::default());
    }
}
