//! Stopping: one word from the daemon, heard by every task of a stage.
//!
//! A stage's [`StopSignal`] is raised once and never lowered. Tasks look at [`Stop::requested`] first in their loop.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

/// The end that raises the signal.
#[derive(Debug)]
pub struct StopSignal(Arc<Signal>);

/// The end a task listens to. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stop(Arc<Signal>);

/// What both ends share. Hundreds of tasks have one each, and a channel would take five times its memory.
#[derive(Debug, Default)]
struct Signal {
    is_raised: AtomicBool,
    raised: Notify,
}

impl StopSignal {
    /// A signal that is not raised yet, and its listener.
    pub fn pair() -> (Self, Stop) {
        let signal = Arc::<Signal>::default();
        (Self(Arc::clone(&signal)), Stop(signal))
    }

    /// Asks every listener to stop.
    pub fn raise(&self) {
        self.0.is_raised.store(true, Ordering::Release);
        self.0.raised.notify_waiters();
    }
}

impl Drop for StopSignal {
    /// A signal that is dropped counts as raised: nobody is left who could ask.
    fn drop(&mut self) {
        self.raise();
    }
}

impl Stop {
    /// Resolves once stopping was asked for, at once if that was before. Safe to cancel.
    pub async fn requested(&mut self) {
        // From here on it hears what is said, also between the look and the wait.
        let raised = self.0.raised.notified();
        if !self.is_requested() {
            raised.await;
        }
    }

    /// Whether stopping was asked for.
    pub fn is_requested(&self) -> bool {
        self.0.is_raised.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_listener_hears_it_also_later() {
        let (signal, mut early) = StopSignal::pair();
        let mut late = early.clone();
        assert!(!early.is_requested());

        signal.raise();

        early.requested().await;
        late.requested().await;
        assert!(late.is_requested());
    }

    #[tokio::test]
    async fn a_listener_that_waits_hears_a_signal_that_is_raised_or_dropped() {
        for end in [|signal: StopSignal| signal.raise(), drop] {
            let (signal, mut stop) = StopSignal::pair();
            let mut waiting = std::pin::pin!(stop.requested());
            assert!(futures_util::poll!(waiting.as_mut()).is_pending());

            end(signal);

            waiting.await;
        }
    }
}
