//! Blocks on their way to the uplinks, and the last values of the run before.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::error;

use super::{Core, EARLY};
use crate::{
    buffer::{codec, store::Head},
    model::{Block, BlockBody, GapReason, Wanted},
};

/// Most blocks in one answer to an uplink.
const MAX_FETCH: usize = 256;
/// Blocks that are read at start at most for last values.
const REPLAY: u64 = 4_096;

impl Core {
    /// Publishable blocks the uplink is owed, of those that are wanted.
    pub(in crate::buffer) fn fetch(&mut self, uplink: &str, wanted: Wanted, limit: usize) -> Vec<Arc<Block>> {
        let limit = limit.min(MAX_FETCH);
        let newest = self.newest.borrow().0;
        let (mut after, until) = (wanted.after.0, newest.min(wanted.until.0));
        let mut found = Vec::new();
        while found.len() < limit {
            let blocks = self.owed(uplink, (after, until), limit - found.len());
            let Some(last) = blocks.last() else {
                self.followed = self.followed.max(until);
                break;
            };
            after = last.id.0;
            found.extend(blocks.into_iter().filter(|block| wanted.lane.has(&block.stream)));
        }
        found
    }

    /// Blocks of any kind that the uplink is owed in `after < id <= until`, at most `limit`.
    fn owed(&mut self, uplink: &str, (after, until): (u64, u64), limit: usize) -> Vec<Arc<Block>> {
        let mut found = Vec::new();
        let Some(progress) = self.delivery.of(uplink) else {
            return found;
        };
        let owed: Vec<_> = progress.settled.missing(after.saturating_add(1), until).take(limit).collect();
        for (from, to) in owed {
            if found.len() >= limit {
                break;
            }
            if let Err(error) = self.collect(from, to, limit, &mut found) {
                self.fail(&error);
                break;
            }
        }
        found
    }

    /// Blocks of one range, from the database below the ring and from memory above.
    fn collect(&mut self, from: u64, to: u64, limit: usize, found: &mut Vec<Arc<Block>>) -> rusqlite::Result<()> {
        let memory = self.ring.oldest().unwrap_or(u64::MAX);
        if from < memory {
            let rows = self.store.blocks(from, to.min(memory - 1), limit - found.len())?;
            for row in rows {
                match row {
                    Ok(block) => found.push(Arc::new(block)),
                    Err(head) => self.lose_damaged(head),
                }
            }
        }
        let more = (from.max(memory)..=to).map_while(|id| self.ring.get(id));
        found.extend(more.take(limit - found.len()).map(|entry| Arc::clone(&entry.block)));
        Ok(())
    }

    /// A block on the disk cannot be read: nobody waits for it any longer, and a gap says so.
    fn lose_damaged(&mut self, head: Head) {
        error!(block = head.id, seq = head.seq, "Block cannot be read and is given up");
        self.doom(vec![(head, Some(GapReason::Corrupt))]);
        self.timers.commit.get_or_insert(Instant::now() + self.settings.commit);
    }

    /// Reads the last values of the run before.
    pub(in crate::buffer) fn restore_last(&mut self) {
        if let Err(error) = self.try_restore_last() {
            self.fail(&error);
        }
    }

    fn try_restore_last(&mut self) -> rusqlite::Result<()> {
        let mut from = 1;
        if let Some((up_to, body)) = self.store.snapshot()? {
            from = up_to + 1;
            if let Ok((_, BlockBody::Readings(readings))) = codec::decode(&body) {
                readings.iter().for_each(|reading| self.last.note(reading));
            }
        }
        // The next snapshot comes before more blocks than are read here lie behind the last one.
        self.snapshot.1 = from - 1;
        from = from.max(self.committed.saturating_sub(REPLAY));
        while from <= self.committed {
            let rows = self.store.blocks(from, self.committed, EARLY.0)?;
            let Some(newest) = rows.last().map(|row| row.as_ref().map_or_else(|head| head.id, |block| block.id.0))
            else {
                break;
            };
            for block in rows.into_iter().flatten() {
                if let BlockBody::Readings(readings) = block.body {
                    readings.iter().for_each(|reading| self.last.note(reading));
                }
            }
            from = newest + 1;
        }
        Ok(())
    }
}
