//! How fast the backlog drains.

use std::time::Duration;

use tokio::time::Instant;

/// How often the rate is looked at while something happens.
const EVERY: Duration = Duration::from_secs(1);
/// Part of the last look in the average.
const SMOOTHING: f64 = 0.3;

/// Counts per second, averaged over the last seconds.
#[derive(Debug)]
pub(super) struct Meter {
    /// The last look.
    looked: Instant,
    count: u64,
    rate: Option<f64>,
    is_busy: bool,
}

impl Meter {
    /// From a count on.
    pub(super) fn new(count: u64) -> Self {
        Self { looked: Instant::now(), count, rate: None, is_busy: true }
    }

    /// Something happened: another look is worth while.
    pub(super) fn stir(&mut self) {
        if !self.is_busy {
            (self.is_busy, self.looked) = (true, Instant::now());
        }
    }

    /// When to look, while something happens.
    pub(super) fn due(&self) -> Option<Instant> {
        self.is_busy.then(|| self.looked + EVERY)
    }

    /// Looks at a count and gives the rate.
    pub(super) fn look(&mut self, count: u64) -> f64 {
        let now = Instant::now();
        let grown = u32::try_from(count.saturating_sub(self.count)).unwrap_or(u32::MAX);
        let current = f64::from(grown) / (now - self.looked).as_secs_f64().max(f64::MIN_POSITIVE);
        let rate = self.rate.map_or(current, |rate| rate + (current - rate) * SMOOTHING);
        // What has all but stopped has stopped; after that nothing wakes anybody until something happens again.
        self.is_busy = grown > 0 || rate > 0.1;
        let rate = if self.is_busy { rate } else { 0.0 };
        (self.looked, self.count, self.rate) = (now, count, Some(rate));
        rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_steady_drain_shows_its_rate_and_a_finished_one_none() {
        let mut meter = Meter::new(7);
        for count in 1..=5 {
            tokio::time::advance(EVERY).await;
            assert!((meter.look(7 + count * 200) - 200.0).abs() < 0.001);
        }

        let mut rate = 200.0;
        while meter.due().is_some() {
            tokio::time::advance(EVERY).await;
            rate = meter.look(1007);
        }
        meter.stir();

        assert!(rate.abs() < f64::EPSILON, "{rate}");
        assert_eq!(meter.due(), Some(Instant::now() + EVERY));
    }
}
