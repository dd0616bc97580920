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
/// Memory of the packs that wait, with all they hold; beyond it they are committed at once, and while that fails the
/// oldest are given up.
const MAX_PACKED: usize = 1 << 20;
/// Bytes of JSON of the blocks that are in no pack yet, beyond which they are committed at once. One stream alone makes
/// a pack before.
const MAX_LOOSE: usize = 2 << 20;

/// What waits for the history.
#[derive(Default)]
pub(super) struct Shelf {
    runs: BTreeMap<Stream, Run>,
    packs: Vec<Pack>,
    /// What the packs take, in memory and in the file.
    memory: usize,
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
        // A moment that does not move on: one that is always now is always behind whoever has looked at the clock before.
        if self.is_full() {
            self.due = self.due.min(Some(Instant::now()));
        }
    }

    /// When its commit is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
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
        let mut left = self.memory;
        let mut is_over = |pack: &&Pack| {
            let is_over = left > MAX_PACKED;
            left -= if is_over { pack.memory() } else { 0 };
            is_over
        };
        let count = self.packs.iter().take_while(&mut is_over).count();
        let gone: Vec<_> = self.packs.drain(..count).collect();
        for pack in &gone {
            self.memory -= pack.memory();
            self.bytes -= pack.body.len();
            pack.parts.iter().for_each(|part| self.ids.remove(part.id));
        }
        gone
    }

    /// How much it is for the file, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes as u64 + self.runs.values().map(|run| run.bytes() as u64).sum::<u64>()
    }

    /// The ids of what is here and not in the database.
    pub(super) fn ids(&self) -> &Ranges {
        &self.ids
    }

    /// Whether it takes as much as it may.
    fn is_full(&self) -> bool {
        let loose: usize = self.runs.values().map(Run::bytes).sum();
        self.memory >= MAX_PACKED || loose >= MAX_LOOSE
    }

    fn wrap(&mut self, loose: &[Loose], encoder: &mut Encoder) {
        let Some(pack) = Pack::of(encoder, loose) else { return };
        encoder.rest();
        self.memory += pack.memory();
        self.bytes += pack.body.len();
        self.packs.push(pack);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        buffer::model_test::reading,
        config::Priority,
        model::{Block, BlockBody, BlockId, BootId, ClockQuality, Timestamp, Value},
    };

    /// A block of one reading, as slow devices give them: its pack holds more about the blocks than of them.
    fn loose(id: u64) -> Loose {
        let block = Block {
            id: BlockId(id),
            gateway: "gw".into(),
            store: "s".into(),
            epoch: 1,
            stream: Stream::Data,
            seq: id,
            clock: ClockQuality::Ntp,
            boot: BootId::new("b"),
            uptime: Duration::ZERO,
            body: BlockBody::Readings([reading(Value::Int(0))].into()),
        };
        Loose { block: Arc::new(block), cut: Timestamp::default(), priority: Priority::Normal, bytes: 100 }
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_takes_no_more_memory_than_it_may() {
        let (mut shelf, mut encoder) = (Shelf::default(), Encoder::new().unwrap());
        let mut ids = 1..;
        while shelf.due() != Some(Instant::now()) {
            shelf.put(loose(ids.next().unwrap()), &mut encoder);
        }
        let of = |packs: &[Pack]| -> usize {
            let parts = packs.iter().map(|pack| size_of_val(&*pack.parts) + size_of::<Pack>());
            packs.iter().map(|pack| pack.body.len()).sum::<usize>() + parts.sum::<usize>()
        };

        let full = of(shelf.packs());
        let full_at = Instant::now();
        tokio::time::advance(WAIT / 2).await;
        assert_eq!(shelf.due(), Some(full_at), "it is due since then");
        (0..2_000).for_each(|_| shelf.put(loose(ids.next().unwrap()), &mut encoder));
        let gone = shelf.postpone(WAIT);

        assert!((MAX_PACKED..MAX_PACKED + 8_192).contains(&full), "{full}");
        assert!(!gone.is_empty() && of(shelf.packs()) <= MAX_PACKED);
        assert!(gone.iter().flat_map(|pack| &pack.parts).all(|part| !shelf.ids().contains(part.id)));
    }
}
