//! Stopping: one word from the daemon, heard by every task of a stage.
//!
//! A stage's [`StopSignal`] is raised once and never lowered. Tasks look at [`Stop::requested`] first in their loop.

use tokio::sync::watch;

/// The end that raises the signal.
#[derive(Debug)]
pub struct StopSignal(watch::Sender<bool>);

/// The end a task listens to. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl StopSignal {
    /// A signal that is not raised yet, and its listener.
    pub fn pair() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Asks every listener to stop.
    pub fn raise(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Resolves once stopping was asked for, at once if that was before. Safe to cancel. A signal that was dropped
    /// counts as raised: nobody is left who could ask.
    pub async fn requested(&mut self) {
        let _ = self.0.wait_for(|&raised| raised).await;
    }

    /// Whether stopping was asked for.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
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
}
