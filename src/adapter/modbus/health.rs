//! What is known of a unit: whether it answers, and how long to leave it alone if not.
//!
//! A unit that failed `after` polls in a row is left alone for a pause that doubles from `min` to `max`. When the
//! pause is over one request goes out as a probe; only its answer lets the others follow.

use std::time::Duration;

use tokio::time::Instant;

use super::config::Backoff;

/// Shortest time that an answer is waited for, unless the timeout is shorter: radios and gateways hold some up.
const SHORTEST: Duration = Duration::from_millis(200);

/// A change that is worth an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It answers, for the first time or again.
    Online,
    /// It stopped answering.
    Offline,
}

/// One unit's state.
#[derive(Debug)]
pub(super) struct Health {
    backoff: Backoff,
    /// Failed polls in a row.
    failures: u32,
    /// The next pause.
    pause: Duration,
    /// The end of this pause.
    until: Option<Instant>,
    /// `None` until something is known.
    is_online: Option<bool>,
}

impl Health {
    /// Nothing is known yet.
    pub(super) fn new(backoff: Backoff) -> Self {
        Self { backoff, failures: 0, pause: backoff.min, until: None, is_online: None }
    }

    /// The end of a pause that is not over.
    pub(super) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|&until| until > now)
    }

    /// The end of its pause, also when that is over, as long as it has not answered.
    pub(super) fn suspected(&self) -> Option<Instant> {
        self.until
    }

    /// Whether it did not answer last time.
    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Whether it answered last.
    pub(super) fn is_online(&self) -> bool {
        self.is_online == Some(true) && self.failures == 0
    }

    /// How long the next answer is waited for. A unit that did not answer last time most likely will not now, and is
    /// given only what the slowest answer of late calls for, `usual`; every fourth time it has its whole timeout, so
    /// that one that became slow is found, too.
    pub(super) fn patience(&self, timeout: Duration, usual: Option<Duration>) -> Duration {
        match usual {
            Some(usual) if !self.failures.is_multiple_of(4) => timeout.min((usual * 4).max(SHORTEST)),
            Some(_) | None => timeout,
        }
    }

    /// Whether the next request is a probe, which is sent once.
    pub(super) fn is_suspect(&self) -> bool {
        self.until.is_some()
    }

    /// The unit answered, also if it refused.
    pub(super) fn answered(&mut self) -> Option<Change> {
        self.failures = 0;
        self.pause = self.backoff.min;
        self.until = None;
        let was = self.is_online.replace(true);
        (was != Some(true)).then_some(Change::Online)
    }

    /// A poll failed for good.
    pub(super) fn failed(&mut self, now: Instant) -> Option<Change> {
        self.failures = self.failures.saturating_add(1);
        if self.failures < self.backoff.after {
            return None;
        }
        self.until = Some(now + self.pause);
        self.pause = (self.pause * 2).min(self.backoff.max);
        self.offline()
    }

    /// The way to the unit is gone. When it is back the unit is asked at once.
    pub(super) fn link_lost(&mut self) -> Option<Change> {
        self.failures = 0;
        self.pause = self.backoff.min;
        self.until = None;
        self.offline()
    }

    /// Notes that it does not answer.
    fn offline(&mut self) -> Option<Change> {
        let was = self.is_online.replace(false);
        (was != Some(false)).then_some(Change::Offline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_unit_that_failed_gets_little_time_and_all_of_it_every_fourth_time() {
        let mut health = Health::new(Backoff { after: 2, min: SECOND, max: SECOND * 3 });
        let usual = Some(SECOND / 10);

        let mut patience = Vec::new();
        for _ in 0..6 {
            patience.push(health.patience(SECOND, usual).as_millis());
            health.failed(Instant::now());
        }

        assert_eq!(patience, [1000, 400, 400, 400, 1000, 400]);
        assert_eq!(health.patience(SECOND, None), SECOND);
        assert_eq!(health.patience(SECOND / 20, usual), SECOND / 20);
        assert_eq!(health.patience(SECOND, Some(Duration::ZERO)), SHORTEST);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_to_their_limit_and_end_with_an_answer() {
        let mut health = Health::new(Backoff { after: 2, min: SECOND, max: SECOND * 3 });
        let now = Instant::now();
        assert_eq!(health.answered(), Some(Change::Online));

        assert_eq!((health.failed(now), health.paused_until(now)), (None, None));
        assert_eq!((health.failed(now), health.paused_until(now)), (Some(Change::Offline), Some(now + SECOND)));
        assert_eq!((health.failed(now), health.paused_until(now)), (None, Some(now + SECOND * 2)));
        assert_eq!((health.failed(now), health.paused_until(now)), (None, Some(now + SECOND * 3)));
        assert!(health.is_suspect());

        assert_eq!(health.answered(), Some(Change::Online));
        assert!(!health.is_suspect());
        assert_eq!(health.answered(), None);
    }
}
