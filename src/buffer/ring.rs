//! The newest blocks in memory: those that wait for their commit, and a bounded run of those before them, so that a
//! healthy link never reads the database.

use std::{collections::VecDeque, sync::Arc};

use crate::model::{Block, Timestamp};

/// Bytes of JSON the committed part may stand for.
const MAX_COMMITTED: usize = 4 << 20;

/// A block in memory.
pub(super) struct Entry {
    pub(super) block: Arc<Block>,
    pub(super) cut: Timestamp,
    bytes: usize,
}

/// A run of blocks without holes, oldest first.
#[derive(Default)]
pub(super) struct Ring {
    entries: VecDeque<Entry>,
    /// How many at the end wait for their commit, and their bytes.
    pending: usize,
    pending_bytes: usize,
    committed_bytes: usize,
}

impl Ring {
    /// A block that was cut.
    pub(super) fn push(&mut self, block: Arc<Block>, cut: Timestamp, bytes: usize) {
        self.entries.push_back(Entry { block, cut, bytes });
        self.pending += 1;
        self.pending_bytes += bytes;
    }

    /// Blocks that wait for their commit, and their bytes.
    pub(super) fn pending_size(&self) -> (usize, usize) {
        (self.pending, self.pending_bytes)
    }

    /// Blocks that wait for their commit.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Entry> {
        self.entries.range(self.entries.len() - self.pending..)
    }

    /// Everything pending is in the database.
    pub(super) fn committed(&mut self) {
        self.committed_bytes += self.pending_bytes;
        (self.pending, self.pending_bytes) = (0, 0);
    }

    /// Gives up the wish to commit the oldest pending blocks, as long as `may_go`; gives what they were.
    pub(super) fn shed(&mut self, may_go: impl Fn(&Block) -> bool) -> Vec<Arc<Block>> {
        let gone: Vec<_> = self
            .pending()
            .map_while(|entry| may_go(&entry.block).then(|| (Arc::clone(&entry.block), entry.bytes)))
            .collect();
        let bytes: usize = gone.iter().map(|(_, bytes)| bytes).sum();
        self.pending -= gone.len();
        self.pending_bytes -= bytes;
        self.committed_bytes += bytes;
        gone.into_iter().map(|(block, _)| block).collect()
    }

    /// Every block in memory.
    pub(super) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Lets go of committed blocks that nobody waits for, and of the oldest beyond the bound.
    pub(super) fn trim(&mut self, is_settled: impl Fn(u64) -> bool) {
        while self.entries.len() > self.pending
            && let Some(oldest) = self.entries.front()
            && (self.committed_bytes > MAX_COMMITTED || is_settled(oldest.block.id.0))
        {
            self.committed_bytes -= oldest.bytes;
            self.entries.pop_front();
        }
    }

    /// The oldest id in memory.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.block.id.0)
    }

    /// The block of an id.
    pub(super) fn get(&self, id: u64) -> Option<&Entry> {
        let place = id.checked_sub(self.oldest()?)?;
        self.entries.get(usize::try_from(place).ok()?)
    }
}
