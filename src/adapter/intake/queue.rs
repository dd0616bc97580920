//! What waits for room, and what had to go.

use std::{collections::VecDeque, mem};

use tokio::time::{Duration, Instant};

use crate::model::{Batch, Gap, GapReason, GapSpan, Reading, Stream, Timestamp};

/// Readings that wait at most, beside one batch that is larger by itself; the oldest go beyond it.
pub(super) const MAX_WAITING: usize = 4_096;
/// How long losses are summed up before they are told, so that long shedding leaves few gaps.
pub(super) const SUM_UP: Duration = Duration::from_secs(5);

/// Batches in the order they came, bounded, with an account of those that are gone.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Batch>,
    /// The sum of their weights.
    weight: usize,
    loss: Option<Loss>,
}

/// Readings that were shed and not told yet.
#[derive(Debug)]
struct Loss {
    /// When it is told.
    due: Instant,
    since: Timestamp,
    until: Timestamp,
    readings: u64,
}

impl Queue {
    /// Adds a batch, and sheds the oldest until there is room for it; gives the number of readings shed.
    pub(super) fn push(&mut self, batch: Batch) -> u64 {
        let weight = weight(&batch);
        let mut shed = 0;
        while self.weight + weight > MAX_WAITING {
            // Its receipt goes with it: the sender learns that it was not accepted.
            let Some(oldest) = self.pop() else { break };
            shed += oldest.readings.len() as u64;
            self.note(&oldest.readings);
        }
        self.weight += weight;
        self.waiting.push_back(batch);
        shed
    }

    /// Takes the oldest batch.
    pub(super) fn pop(&mut self) -> Option<Batch> {
        let batch = self.waiting.pop_front()?;
        self.weight -= weight(&batch);
        Some(batch)
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When the loss is to be told, if there is one.
    pub(super) fn due(&self) -> Option<Instant> {
        self.loss.as_ref().map(|loss| loss.due)
    }

    /// The loss as it is told; from now on another is summed up.
    pub(super) fn take_gap(&mut self, adapter: &str) -> Option<Gap> {
        let Loss { since, until, readings, .. } = mem::take(&mut self.loss)?;
        let span = GapSpan::Time { since, until, adapter: adapter.to_owned() };
        Some(Gap { store: None, stream: Stream::Data.as_str().into(), span, readings, reason: GapReason::Shed })
    }

    /// Adds readings to the loss.
    fn note(&mut self, readings: &[Reading]) {
        for &Reading { ts, .. } in readings {
            let first = || Loss { due: Instant::now() + SUM_UP, since: ts, until: ts, readings: 0 };
            let loss = self.loss.get_or_insert_with(first);
            (loss.since, loss.until) = (loss.since.min(ts), loss.until.max(ts));
            loss.readings += 1;
        }
    }
}

/// What a batch counts: one without readings, which only asks for a receipt, takes room too.
fn weight(batch: &Batch) -> usize {
    batch.readings.len().max(1)
}
