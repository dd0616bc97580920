//! How long to wait before the link is made again.

use std::time::Duration;

/// First and longest wait.
const LIMITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// Exponential backoff with full jitter, so that gateways that lost the same server do not return in step.
#[derive(Debug)]
pub(in crate::adapter) struct Backoff {
    ceiling: Duration,
}

impl Backoff {
    /// Starts with the shortest wait.
    pub(in crate::adapter) fn new() -> Self {
        Self { ceiling: LIMITS.0 }
    }

    /// The next wait; the one after may be twice as long.
    pub(in crate::adapter) fn wait(&mut self) -> Duration {
        let wait = self.ceiling.mul_f64(fastrand::f64());
        self.ceiling = (self.ceiling * 2).min(LIMITS.1);
        wait
    }

    /// Begins again with the shortest wait.
    #[cfg(any(test, feature = "modbus", feature = "zigbee"))]
    pub(in crate::adapter) fn reset(&mut self) {
        self.ceiling = LIMITS.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit_and_start_over_after_a_success() {
        let mut backoff = Backoff::new();
        for _ in 0..20 {
            assert!(backoff.wait() <= LIMITS.1);
        }
        assert_eq!(backoff.ceiling, LIMITS.1);

        backoff.reset();

        assert!(backoff.wait() <= LIMITS.0);
    }
}
