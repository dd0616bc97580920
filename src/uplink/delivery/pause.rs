//! The wait after a broker said that it does not want a message yet: longer each time, until it takes one.

use std::time::Duration;

use tokio::time::Instant;

/// The first wait.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest. A quota of a day costs one message a minute to find out.
const LONGEST: Duration = Duration::from_secs(60);

/// Waits of one lane.
#[derive(Debug, Default)]
pub(super) struct Pause {
    /// The last wait that began, and its end.
    last: Option<(Instant, Instant)>,
    /// Its length; none when a message was taken since.
    length: Option<Duration>,
}

impl Pause {
    /// A message was not wanted. All that were in flight together make one wait. True when it is the first since a
    /// message was taken.
    pub(super) fn begin(&mut self, sent: Instant, now: Instant) -> bool {
        if self.is_older(sent) {
            return false;
        }
        let is_first = self.length.is_none();
        let length = self.length.map_or(SHORTEST, |length| (length * 2).min(LONGEST));
        (self.length, self.last) = (Some(length), Some((now, now + length)));
        is_first
    }

    /// A message was answered for good; one that was sent before the last wait proves nothing.
    pub(super) fn over(&mut self, sent: Instant) {
        if !self.is_older(sent) {
            self.length = None;
        }
    }

    /// Whether the wait is on.
    pub(super) fn is_on(&self, now: Instant) -> bool {
        self.until().is_some_and(|until| until > now)
    }

    /// Whether no message was taken since the last wait began.
    pub(super) fn is_probing(&self) -> bool {
        self.length.is_some()
    }

    /// The end of the last wait.
    pub(super) fn until(&self) -> Option<Instant> {
        self.last.map(|(_, until)| until)
    }

    fn is_older(&self, sent: Instant) -> bool {
        self.last.is_some_and(|(began, _)| sent <= began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a message after the wait and is told that it is not wanted.
    async fn refuse(pause: &mut Pause) -> Duration {
        let sent = Instant::now();
        tokio::time::advance(Duration::from_millis(10)).await;
        let now = Instant::now();
        pause.begin(sent, now);
        let wait = pause.until().unwrap() - now;
        tokio::time::advance(wait).await;
        wait
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_up_to_a_minute_and_begin_anew_once_a_message_is_taken() {
        let mut pause = Pause::default();
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(refuse(&mut pause).await, Duration::from_secs(seconds));
            assert!(pause.is_probing() && !pause.is_on(Instant::now()));
        }

        pause.over(Instant::now());

        assert!(!pause.is_probing());
        assert_eq!(refuse(&mut pause).await, SHORTEST);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_in_flight_together_makes_one_wait_and_ends_none() {
        let (mut pause, sent) = (Pause::default(), Instant::now());
        tokio::time::advance(Duration::from_millis(10)).await;

        assert!(pause.begin(sent, Instant::now()));
        assert!(!pause.begin(sent, Instant::now()));
        pause.over(sent);

        assert!(pause.is_probing());
        assert_eq!(pause.until(), Some(Instant::now() + SHORTEST));
    }
}
