//! How long a task rests before it is started again.

use std::time::Duration;

/// Rest after the first fault.
const FIRST: Duration = Duration::from_secs(1);
/// Longest rest.
const LONGEST: Duration = Duration::from_secs(60);
/// A task that lived this long has recovered: its next rest is short again.
const HEALTHY: Duration = Duration::from_secs(60);

/// Doubles from one second to a minute, each rest shortened by up to half at random, so that tasks which failed
/// together do not come back together.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Faults in a row.
    faults: u32,
}

impl Backoff {
    /// The rest after a fault of a task that had lived for `life`.
    pub(super) fn after(&mut self, life: Duration) -> Duration {
        if life >= HEALTHY {
            self.faults = 0;
        }
        let whole = FIRST.saturating_mul(2_u32.saturating_pow(self.faults)).min(LONGEST);
        self.faults = self.faults.saturating_add(1);
        whole.mul_f64(1.0 - fastrand::f64() / 2.0).max(FIRST / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_to_a_minute_and_start_anew_after_a_healthy_life() {
        let mut backoff = Backoff::default();

        let rests: Vec<Duration> = (0..40).map(|_| backoff.after(Duration::ZERO)).collect();

        assert!(rests[0] <= FIRST && rests[0] >= FIRST / 2);
        assert!(rests[39] <= LONGEST && rests[39] >= LONGEST / 2);
        assert!(backoff.after(HEALTHY) <= FIRST);
    }
}
