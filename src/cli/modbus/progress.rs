//! How far a long question has come, on standard error: in place on a terminal, elsewhere a line now and then.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use tokio::time::Instant;

use crate::cli::{error::complain, format::span};

/// Time between two looks on a terminal.
const TERMINAL_INTERVAL: Duration = Duration::from_millis(100);

/// Time between two lines elsewhere.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// How far something has come.
pub(super) struct Progress {
    begun: Instant,
    /// When it was last told.
    told: Option<Instant>,
    is_terminal: bool,
}

impl Progress {
    /// It begins now.
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), told: None, is_terminal: io::stderr().is_terminal() }
    }

    /// Tells where it is, if the last word is old enough, and how long the rest will take if it goes on like this.
    pub(super) fn tell(&mut self, done: usize, total: usize, place: impl FnOnce() -> String) {
        let interval = if self.is_terminal { TERMINAL_INTERVAL } else { LINE_INTERVAL };
        if self.told.unwrap_or(self.begun).elapsed() < interval {
            return;
        }
        self.told = Some(Instant::now());
        let text = format!("{}, {done} of {total}, {} left", place(), span(left(self.begun.elapsed(), done, total)));
        if self.is_terminal {
            // Progress that cannot be shown is no reason to stop.
            let _ = write!(io::stderr(), "\r\x1b[K{text}").and_then(|()| io::stderr().flush());
        } else {
            complain(&text);
        }
    }

    /// Takes the progress off a terminal.
    pub(super) fn clear(&self) {
        if self.is_terminal {
            // As above.
            let _ = write!(io::stderr(), "\r\x1b[K").and_then(|()| io::stderr().flush());
        }
    }
}

/// Time for what is left, by what the first part took.
fn left(elapsed: Duration, done: usize, total: usize) -> Duration {
    let parts = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    (elapsed / parts(done.max(1))).saturating_mul(parts(total.saturating_sub(done)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_as_what_is_done_did() {
        assert_eq!(left(Duration::from_secs(20), 100, 200), Duration::from_secs(20));
        assert_eq!(left(Duration::from_secs(3), 1, 3), Duration::from_secs(6));
        assert_eq!(left(Duration::ZERO, 0, 9), Duration::ZERO);
    }
}
