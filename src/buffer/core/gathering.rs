//! What a commit is made of: the rows for what waits, progress for what needs none, last values now and then.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Core, writing::Extent};
use crate::{
    buffer::{
        codec::Stamp,
        commit::Message,
        delivery::Unstored,
        pack::{Loose, Pack, Run},
        ranges::Ranges,
    },
    model::{Block, BootId, Stream},
};

/// Snapshots of last values: at most this far apart, in time, in stored blocks and in bytes of them, so that a start after
/// a kill has little to read.
const SNAPSHOT: (Duration, u64, u64) = (Duration::from_secs(600), 2_000, 8 << 20);

impl Core {
    /// The readings that must be committed now.
    pub(super) fn packs(&mut self) -> Vec<Pack> {
        let (mut runs, mut packs) = (BTreeMap::<Stream, Run>::new(), Vec::new());
        let delivery = &self.delivery;
        let wanted = self.ring.waiting().map(|entry| &entry.loose).filter(|loose| {
            loose.block.stream.has_readings() && !delivery.is_safe(loose.block.id.0, &loose.block.stream)
        });
        for loose in wanted {
            if let Some(done) = runs.entry(loose.block.stream.clone()).or_default().add(loose.clone()) {
                packs.extend(Pack::of(&mut self.encoder, &done));
            }
        }
        packs.extend(runs.into_values().filter_map(|mut run| Pack::of(&mut self.encoder, &run.take())));
        packs
    }

    /// The events and outcomes that wait. They are committed whoever has them.
    pub(super) fn messages(&mut self) -> Vec<Message> {
        let encoder = &mut self.encoder;
        let waiting =
            self.ring.waiting().map(|entry| &entry.loose).filter(|loose| !loose.block.stream.has_readings());
        let message = |loose: &Loose| Message {
            body: encoder.encode(&Stamp::of(&loose.block), &loose.block.body),
            block: Arc::clone(&loose.block),
            cut: loose.cut,
        };
        waiting.map(message).collect()
    }

    /// What has an id and is not in the database after a commit of this extent.
    pub(super) fn unstored(&self, extent: Extent) -> Unstored {
        let mut safe = if extent == Extent::Owed { self.shelf.ids().clone() } else { Ranges::default() };
        let waiting = self.ring.waiting().map(|entry| &entry.loose.block);
        waiting.filter(|block| self.is_kept_back(block)).for_each(|block| safe.insert_range(block.id.0, block.id.0));
        Unstored { safe, pending: Vec::new() }
    }

    /// Whether a block need not be committed.
    pub(super) fn is_kept_back(&self, block: &Block) -> bool {
        block.stream.has_readings() && self.is_safe(block)
    }

    /// Whether last values are to be written again.
    pub(super) fn needs_snapshot(&self, now: Instant) -> bool {
        let (taken, blocks, bytes) = self.snapshot;
        now - taken >= SNAPSHOT.0 || blocks >= SNAPSHOT.1 || bytes >= SNAPSHOT.2
    }

    /// Last values up to a block, if they are to be written again.
    pub(super) fn snapshot_body(&mut self, now: Instant, last_id: u64, is_last: bool) -> Option<(u64, Vec<u8>)> {
        let is_due = is_last || self.needs_snapshot(now);
        let readings: Vec<_> = self.last.iter().filter(|_| is_due).collect();
        if readings.is_empty() {
            return None;
        }
        let stamp = Stamp { gateway: "".into(), boot: BootId::new(""), uptime: Duration::ZERO };
        Some((last_id, self.encoder.encode_readings(&stamp, &readings)))
    }

    /// Id and readings of the blocks above the last commit.
    pub(super) fn pending(&self) -> Vec<(u64, u64)> {
        let entries = self.ring.all().map(|entry| &entry.loose.block).filter(|block| block.id.0 > self.committed);
        entries.map(|block| (block.id.0, block.readings() as u64)).collect()
    }
}
