//! Repeated faults: counted always, told once per interval.

use std::time::{Duration, Instant};

/// Decides when a repeated fault is worth a line in the log.
///
/// The first fault is told at once, later ones once per interval with the number of faults since the last line.
#[derive(Debug)]
pub struct Throttle {
    /// Shortest time between two lines.
    interval: Duration,
    /// When the last line was written.
    told: Option<Instant>,
    /// Faults since then.
    count: u64,
}

impl Throttle {
    /// A throttle that has seen nothing yet.
    pub fn new(interval: Duration) -> Self {
        Self { interval, told: None, count: 0 }
    }

    /// Counts one fault at `now`. `Some(n)` says: write a line now, it stands for `n` faults.
    pub fn count(&mut self, now: Instant) -> Option<u64> {
        self.count += 1;
        let is_due = self.told.is_none_or(|told| now.saturating_duration_since(told) >= self.interval);
        is_due.then(|| {
            self.told = Some(now);
            std::mem::take(&mut self.count)
        })
    }

    /// The fault is over: the next one is told at once. Gives the faults nobody was told of.
    pub fn clear(&mut self) -> u64 {
        self.told = None;
        std::mem::take(&mut self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fault_is_told_and_the_others_are_counted() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut throttle = Throttle::new(Duration::from_secs(60));

        assert_eq!(throttle.count(start), Some(1));
        assert_eq!(throttle.count(after(1)), None);
        assert_eq!(throttle.count(after(59)), None);
        assert_eq!(throttle.count(after(60)), Some(3));
    }

    #[test]
    fn a_fault_after_recovery_is_told_at_once() {
        let now = Instant::now();
        let mut throttle = Throttle::new(Duration::from_secs(60));
        throttle.count(now);
        throttle.count(now);

        assert_eq!(throttle.clear(), 1);
        assert_eq!(throttle.count(now), Some(1));
    }
}
