//! Messages the broker has not answered.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::super::suspects::Suspect;

/// Names a message that was handed over.
pub(super) type Ticket = u64;

/// What is in flight.
#[derive(Debug)]
pub(super) struct Flight {
    /// When each message was handed over and the block it is of, oldest first.
    open: BTreeMap<Ticket, (Instant, Option<Suspect>)>,
    last: Ticket,
    /// Longest silence.
    patience: Duration,
}

impl Flight {
    /// With nothing in flight.
    pub(super) fn new(patience: Duration) -> Self {
        Self { open: BTreeMap::new(), last: 0, patience }
    }

    /// A message was handed over.
    pub(super) fn board(&mut self, block: Option<Suspect>) -> Ticket {
        self.last += 1;
        self.open.insert(self.last, (Instant::now(), block));
        self.last
    }

    /// It was answered; gives the moment it was handed over.
    pub(super) fn landed(&mut self, ticket: Ticket) -> Instant {
        self.open.remove(&ticket).map_or_else(Instant::now, |(sent, _)| sent)
    }

    /// The blocks that are up.
    pub(super) fn blocks(&self) -> Vec<Suspect> {
        self.open.values().filter_map(|(_, block)| *block).collect()
    }

    /// How many are up.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is up.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// When the silence has lasted too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.open.values().next().map(|(sent, _)| *sent + self.patience)
    }

    /// Whether it has: a broker that acknowledges nothing is no broker, however well it answers pings.
    pub(super) fn is_overdue(&self) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= Instant::now())
    }
}
