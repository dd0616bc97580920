//! A radio through all of its scans: what is done for one that falls silent.
//!
//! ```text
//! silent ─> scan again ─> silent ─> new connection ─> silent ─> power off and on ─> silent ─> told
//!   ^                                                  (where that is allowed)                  |
//!   '──────────── anything heard                             a new connection, again and again ─'
//! ```
//!
//! A radio that has never heard anything may have nobody to hear; it only gets new connections.

use std::time::Duration;

use tokio::time::Instant;

use super::{ear::Ear, radio::End, rhythm::Rhythm};

/// Rest before a radio is switched off and on again: when that did not help, it does not.
const CYCLE_REST: Duration = Duration::from_secs(600);

/// What outlives a radio's scan.
#[derive(Default)]
pub(super) struct Life {
    /// How often something is heard, once it was.
    pub(super) rhythm: Option<Rhythm>,
    /// The connection, where another scan may go on with it.
    pub(super) ear: Option<Ear>,
    /// Scans in a row that ended because nothing was heard any more.
    silences: u32,
    /// When the radio was last switched off and on.
    cycled: Option<Instant>,
    /// Whether it was told that nothing helps.
    pub(super) is_told: bool,
}

/// What is done before a radio scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: it scans.
    Scan,
    /// The scan is started once more.
    Rescan,
    /// A new connection takes the place of the old.
    Renew,
    /// It is switched off and on.
    Cycle,
    /// People are told; then as `Renew`.
    Tell,
}

impl Life {
    /// What is to be done now; it counts as done.
    pub(super) fn step(&mut self, may_cycle: bool) -> Step {
        let (hears, has_rested) = (self.rhythm.is_some(), self.cycled.is_none_or(|at| at.elapsed() >= CYCLE_REST));
        match self.silences {
            0 => Step::Scan,
            1 => Step::Rescan,
            2 => Step::Renew,
            _ if hears && may_cycle && has_rested => {
                self.cycled = Some(Instant::now());
                Step::Cycle
            }
            _ if hears && !self.is_told => {
                self.is_told = true;
                Step::Tell
            }
            _ => Step::Renew,
        }
    }

    /// How a scan ended, and whether anything was heard in it.
    pub(super) fn ended(&mut self, end: &End, was_heard: bool) {
        if was_heard {
            (self.silences, self.is_told) = (0, false);
        }
        match end {
            End::Silent(_) => self.silences += 1,
            End::Stopped
            | End::Failed(_)
            | End::Gone
            | End::Off
            | End::Restarted
            | End::NotDiscovering
            | End::Over => {
                self.ear = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps of a radio that heard something once and then nothing more.
    fn steps(count: usize, may_cycle: bool, rest: Duration) -> impl Future<Output = Vec<Step>> {
        let mut life = Life { rhythm: Some(Rhythm::new(Instant::now())), ..Life::default() };
        async move {
            let mut steps = Vec::new();
            for _ in 0..count {
                steps.push(life.step(may_cycle));
                life.ended(&End::Silent(rest), false);
                tokio::time::advance(rest).await;
            }
            steps
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_radio_is_given_more_and_more() {
        use Step::{Cycle, Renew, Rescan, Scan, Tell};
        let rest = Duration::from_secs(10);

        assert_eq!(steps(7, true, rest).await, [Scan, Rescan, Renew, Cycle, Tell, Renew, Renew]);
        assert_eq!(steps(6, false, rest).await, [Scan, Rescan, Renew, Tell, Renew, Renew]);
        let cycles = steps(100, true, rest).await.into_iter().filter(|step| *step == Cycle).count();
        assert_eq!(cycles, 2, "once in ten minutes");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_heard_begins_from_the_front() {
        let mut life = Life { rhythm: Some(Rhythm::new(Instant::now())), ..Life::default() };
        let silent = End::Silent(Duration::from_secs(10));
        for _ in 0..4 {
            life.step(false);
            life.ended(&silent, false);
        }
        assert!(life.is_told);

        life.ended(&silent, true);

        assert!(!life.is_told);
        assert_eq!(life.step(false), Step::Rescan);
    }

    #[test]
    fn a_radio_that_never_heard_anything_is_not_switched_off() {
        let mut life = Life::default();
        for _ in 0..10 {
            assert!(!matches!(life.step(true), Step::Cycle | Step::Tell));
            life.ended(&End::Silent(Duration::from_secs(120)), false);
        }
    }
}
