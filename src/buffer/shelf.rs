//! The shelf: blocks that every uplink acknowledged before their commit, on their way into the history.
//!
//! They are safe where they were delivered, so their commit can wait until many of them make one small row. What
//! stands here when the process is killed is missing from charts and replay, and from nothing else.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::{
    codec::Encoder,
    pack::{Loose, Pack, Run},
    ranges::Ranges,
};
use crate::model::Stream;

/// The longest wait for the commit of what stands here.
const WAIT: Duration = Duration::from_secs(60);
/// Bytes of packs that wait; beyond it they are committed at once, and while that fails the oldest are given up.
const MAX_BYTES: usize = 1 << 20;

/// What waits for the history.
#[derive(Default)]
pub(super) struct Shelf {
    runs: BTreeMap<Stream, Run>,
    packs: Vec<Pack>,
    bytes: usize,
    due: Option<Instant>,
    /// The ids of all of it.
    ids: Ranges,
}

impl Shelf {
    /// Puts a block there.
    pub(super) fn put(&mut self, loose: Loose, encoder: &mut Encoder) {
        self.due.get_or_insert_with(|| Instant::now() + WAIT);
        self.ids.insert(loose.block.id.0);
        let run = self.runs.entry(loose.block.stream.clone()).or_default();
        if let Some(done) = run.add(loose) {
            self.wrap(&done, encoder);
        }
    }

    /// When its commit is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let loose: usize = self.runs.values().map(Run::bytes).sum();
        // Loose blocks are bounded by the pack they make; packs by their bytes.
        if self.bytes >= MAX_BYTES || loose >= 2 * MAX_BYTES { self.due.map(|_| Instant::now()) } else { self.due }
    }

    /// Makes packs of everything.
    pub(super) fn close(&mut self, encoder: &mut Encoder) {
        for mut run in std::mem::take(&mut self.runs).into_values() {
            self.wrap(&run.take(), encoder);
        }
    }

    /// The packs that are made.
    pub(super) fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// All of it is in the database.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The database refuses: tries again later, and gives up the oldest beyond the bound; gives what went.
    pub(super) fn postpone(&mut self, wait: Duration) -> Vec<Pack> {
        self.due = self.due.map(|_| Instant::now() + wait);
        let mut gone = Vec::new();
        while self.bytes > MAX_BYTES && !self.packs.is_empty() {
            let pack = self.packs.remove(0);
            self.bytes -= pack.body.len();
            pack.parts.iter().for_each(|part| self.ids.remove(part.id));
            gone.push(pack);
        }
        gone
    }

    /// How much it is, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes as u64 + self.runs.values().map(|run| run.bytes() as u64).sum::<u64>()
    }

    /// The ids of what is here and not in the database.
    pub(super) fn ids(&self) -> &Ranges {
        &self.ids
    }

    fn wrap(&mut self, loose: &[Loose], encoder: &mut Encoder) {
        let Some(pack) = Pack::of(encoder, loose) else { return };
        self.bytes += pack.body.len();
        self.packs.push(pack);
    }
}
