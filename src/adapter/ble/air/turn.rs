//! Whose turn it is to connect.
//!
//! A radio that connects does not listen, and takes one connection at a time. So there is one attempt at a time, which
//! takes no longer than [`LIMIT`], and after it the radio listens for at least as long as the attempt took: whatever
//! fails to connect, the others are heard for half of the time.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, sleep_until},
};

/// Longest attempt. A device that is there answers within a few of its advertisements.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// The turn. Those who wait are served in their order; each holds one of the adapter's connections, so they are few.
#[derive(Debug, Default)]
pub struct Turn {
    /// When the next attempt may begin.
    rest: Mutex<Option<Instant>>,
    /// Whether there is an attempt.
    is_taken: AtomicBool,
}

/// An attempt; ends when it is dropped.
pub(super) struct Attempt<'a> {
    turn: &'a Turn,
    rest: MutexGuard<'a, Option<Instant>>,
    began: Instant,
}

impl Turn {
    /// Waits for the turn.
    pub(super) async fn take(&self) -> Attempt<'_> {
        let rest = self.rest.lock().await;
        if let Some(until) = *rest {
            sleep_until(until).await;
        }
        self.is_taken.store(true, Ordering::Relaxed);
        Attempt { turn: self, rest, began: Instant::now() }
    }

    /// Whether there is an attempt, during which nobody listens.
    pub(super) fn is_taken(&self) -> bool {
        self.is_taken.load(Ordering::Relaxed)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        *self.rest = Some(now + (now - self.began).min(LIMIT));
        self.turn.is_taken.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_an_attempt_the_radio_listens_for_as_long() {
        let (turn, start) = (Turn::default(), Instant::now());

        let attempt = turn.take().await;
        assert!(turn.is_taken());
        tokio::time::advance(Duration::from_secs(4)).await;
        drop(attempt);
        assert!(!turn.is_taken());
        drop(turn.take().await);

        assert_eq!(start.elapsed(), Duration::from_secs(8));
        drop(turn.take().await);
        assert_eq!(start.elapsed(), Duration::from_secs(8));
    }
}
