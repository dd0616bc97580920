//! What is written while the link is up and nothing else has to be: once a minute, how far everything was delivered.
//!
//! It stops short of the first block that somebody is still owed. That one is acknowledged in a moment, and storing it
//! for this would cost the flash more than all the rest of the minute. So it is with a sync: what was committed before
//! must be on the disk, and what was cut a moment ago need not be stored for that.

use tokio::time::Instant;

use super::Core;
use crate::{
    buffer::cutter::Seqs,
    config::Durability,
    model::{Block, Stream},
};

impl Core {
    /// Writes the numbers given last, or commits if there is something to go with them.
    pub(super) fn remind(&mut self) {
        (self.timers.remind, self.timers.persist) = (None, None);
        if let Err(error) = self.evict(0) {
            return self.fail(&error);
        }
        // What somebody was owed goes together with the gap that tells of it.
        if self.is_urgent || self.needs_snapshot(Instant::now()) {
            self.commit();
            return;
        }
        let stored = (self.committed, self.committed_seqs.clone());
        (self.committed, self.committed_seqs) = self.safe_up_to();
        let is_synced = self.settings.durability != Durability::Wear;
        // A commit for what merely goes would store what was cut a moment ago, which would go the same way next time.
        if let Err(error) = self.write_beside(&[], &[], &self.doomed_rows(), is_synced) {
            (self.committed, self.committed_seqs) = stored;
            return self.fail(&error);
        }
        self.doomed.clear();
        self.store.mark(self.committed, &self.committed_seqs);
        self.status.send_modify(|status| status.committed_block = self.committed);
    }

    /// Sees to it that what was committed before is on the disk. What has waited for long goes with it, so that an outage
    /// costs no second commit; with a healthy link all else is acknowledged in a moment, and nothing is written.
    pub(super) fn sync_up(&mut self, now: Instant) {
        let is_young = |since: Instant| since + self.settings.commit / 2 > now;
        if self.oldest_uncommitted().is_none_or(is_young) {
            self.sync_log();
        } else {
            self.commit();
        }
    }

    /// Syncs the commits that were not.
    pub(super) fn sync_log(&mut self) {
        self.timers.sync = None;
        if let Err(error) = self.store.sync_log() {
            // It stays due until something has synced it.
            self.timers.sync = Some(Instant::now());
            self.fail(&error);
        }
    }

    /// The last block before the first that is not safe without the store, and the number each stream had with it.
    fn safe_up_to(&self) -> (u64, Seqs) {
        let is_open = |block: &Block| !self.is_kept_back(block);
        let first = self.ring.waiting().map(|entry| &entry.loose.block).find(|block| is_open(block));
        let (mut last_id, mut seqs) = (self.cutter.last_id(), self.cutter.seqs().clone());
        let Some(first) = first else { return (last_id, seqs) };
        last_id = first.id.0 - 1;
        if last_id <= self.committed {
            return (self.committed, self.committed_seqs.clone());
        }
        // Backwards, so that what each stream had before its first block counts.
        let later: Vec<(Stream, u64)> = self
            .ring
            .all()
            .map(|entry| &entry.loose.block)
            .filter(|block| block.id.0 > last_id)
            .map(|block| (block.stream.clone(), block.seq - 1))
            .collect();
        seqs.extend(later.into_iter().rev());
        (last_id, seqs)
    }
}
