//! What was acknowledged and not reported yet.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::BlockId;

/// Acknowledged blocks are reported at the latest after this time...
const REPORT_EVERY: Duration = Duration::from_millis(50);
/// ...or when there are this many.
const REPORT_AT: usize = 32;

/// Acknowledged blocks and the time by which the outbox hears of them.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    done: Vec<BlockId>,
    due: Option<Instant>,
}

impl Receipts {
    /// A block needs no more care.
    pub(super) fn add(&mut self, block: BlockId) {
        self.done.push(block);
        self.due.get_or_insert_with(|| Instant::now() + REPORT_EVERY);
    }

    /// What is to be reported now, if it is time or `is_last`.
    pub(super) fn take_due(&mut self, is_last: bool) -> Option<Vec<BlockId>> {
        let is_due = self.done.len() >= REPORT_AT || self.due.is_some_and(|due| due <= Instant::now());
        (is_due || is_last).then(|| self.take()).flatten()
    }

    /// What is left, if anything is.
    pub(super) fn take(&mut self) -> Option<Vec<BlockId>> {
        self.due = None;
        Some(std::mem::take(&mut self.done)).filter(|done| !done.is_empty())
    }

    /// When a report is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether everything was reported.
    pub(super) fn is_empty(&self) -> bool {
        self.done.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_report_goes_when_it_is_large_or_old_or_the_last() {
        let mut receipts = Receipts::default();
        let some = |count| (1..=count).map(BlockId).collect::<Vec<_>>();

        for block in some(31) {
            receipts.add(block);
        }
        assert_eq!(receipts.take_due(false), None);
        receipts.add(BlockId(32));
        assert_eq!(receipts.take_due(false), Some(some(32)));

        receipts.add(BlockId(1));
        tokio::time::advance(REPORT_EVERY).await;
        assert_eq!(receipts.take_due(false), Some(some(1)));

        receipts.add(BlockId(1));
        assert_eq!(receipts.take_due(true), Some(some(1)));
        assert_eq!((receipts.take_due(true), receipts.due()), (None, None));
    }
}
