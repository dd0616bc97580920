//! Blocks on their way to the uplinks, and the last values of the run before.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::error;

use super::{Core, ticking::EARLY};
use crate::{
    buffer::{
        codec,
        evict::Doomed,
        rows::{Head, Place},
    },
    model::{Block, BlockBody, GapReason, Lane, Stream, Wanted},
};

/// Most blocks in one answer to an uplink.
const MAX_FETCH: usize = 256;
/// Blocks that are read at start at most for last values and rollups, and bytes of them, nearly: twice what lies between
/// two snapshots. What is older and was never summed up is missing from charts.
const REPLAY: (u64, u64) = (4_096, 16 << 20);
/// Readings in memory at once meanwhile, nearly: as many as a pack has, so that a start needs no more than a delivery.
const AT_ONCE: u64 = 8_192;

impl Core {
    /// Publishable blocks the uplink is owed, of those that are wanted.
    pub(in crate::buffer) fn fetch(
        &mut self,
        uplink: &str,
        wanted: Wanted,
        limit: usize,
    ) -> rusqlite::Result<Vec<Arc<Block>>> {
        let limit = limit.min(MAX_FETCH);
        let newest = self.newest.borrow().0;
        let (until, cleared) = (newest.min(wanted.until.0), self.cleared());
        self.is_withholding = cleared < until && wanted.after.0 < until;
        let until = until.min(cleared);
        let found = self.owed(uplink, wanted.lane, (wanted.after.0, until), limit).inspect_err(|error| {
            self.is_withholding = false;
            self.fail(error);
        })?;
        if found.len() < limit && wanted.lane.has(&Stream::Data) {
            self.followed = self.followed.max(until);
        }
        self.is_withholding &= found.is_empty();
        Ok(self.hand_out(found))
    }

    /// Blocks of a lane that the uplink is owed in `after < id <= until`, at most `limit`: from the database below
    /// the ring and from memory above.
    fn owed(
        &mut self,
        uplink: &str,
        lane: Lane,
        (after, until): (u64, u64),
        limit: usize,
    ) -> rusqlite::Result<Vec<Arc<Block>>> {
        let Some(progress) = self.delivery.of(uplink) else {
            return Ok(Vec::new());
        };
        let (from, memory) = (after.saturating_add(1), self.ring.oldest().unwrap_or(u64::MAX));
        let stored = progress.settled.missing(from, until.min(memory - 1));
        let places = self.store.locate(lane, stored, limit)?;
        let rest = progress.settled.missing(from.max(memory), until).flat_map(|(from, to)| from..=to);
        let in_memory = rest.map_while(|id| self.ring.get(id)).map(|entry| &entry.loose.block);
        let in_memory: Vec<_> =
            in_memory.filter(|block| lane.has(&block.stream)).take(limit - places.len()).map(Arc::clone).collect();
        let mut blocks = self.read(&places)?;
        blocks.extend(in_memory);
        Ok(blocks)
    }

    pub(super) fn read(&mut self, places: &[Place]) -> rusqlite::Result<Vec<Arc<Block>>> {
        let mut blocks = Vec::with_capacity(places.len());
        for row in self.store.read(places)? {
            match row {
                Ok(block) => blocks.push(Arc::new(block)),
                Err(head) => self.lose_damaged(*head)?,
            }
        }
        Ok(blocks)
    }

    /// A row on the disk cannot be read: nobody waits for its blocks any longer, and a gap says so.
    fn lose_damaged(&mut self, mut head: Head) -> rusqlite::Result<()> {
        error!(block = head.id, seq = head.seq, "Blocks cannot be read and are given up");
        if head.parts.is_empty() {
            head.parts = self.store.presumed_parts(&head)?;
        }
        let settled = self.delivery.settled_by_all(self.committed);
        let owed = head.parts.iter().filter(|part| !settled.contains(part.id)).copied().collect();
        self.doom(vec![Doomed { head, reason: GapReason::Corrupt, owed }]);
        self.timers.commit.get_or_insert(Instant::now() + self.settings.commit);
        self.is_urgent = true;
        Ok(())
    }

    /// Reads the last values of the run before, and sums up again what a crash took of the rollups.
    pub(in crate::buffer) fn restore_last(&mut self) {
        let first = self.store.newest_of(self.committed, REPLAY).unwrap_or_else(|error| {
            self.fail(&error);
            self.committed
        });
        if let Err(error) = self.try_restore_last(first) {
            self.fail(&error);
        }
        if let Err(error) = self.make_up_rollups(first) {
            self.rollups.rest(&error);
        }
    }

    fn make_up_rollups(&mut self, first: u64) -> rusqlite::Result<()> {
        let missing = self.rollups.make_up(&self.store.db, first)?;
        self.rollups.present(Instant::now(), self.cutter.now());
        self.reread(missing.from, |core, block| {
            let is_own = !matches!(block.stream, Stream::Filtered(_));
            let readings = block.body.readings().iter().filter(|_| is_own);
            readings.for_each(|reading| core.rollups.note_again(&missing, block.id.0, reading));
        })
    }

    fn try_restore_last(&mut self, first: u64) -> rusqlite::Result<()> {
        let mut from = 1;
        if let Some((up_to, body)) = self.store.snapshot()? {
            from = up_to + 1;
            if let Ok((_, BlockBody::Readings(readings))) = codec::decode(&body) {
                readings.iter().for_each(|reading| self.last.note(reading));
            }
        }
        // At most so many are stored behind it: the next one comes before more are.
        self.snapshot.1 = self.committed.saturating_sub(from - 1);
        self.reread(from.max(first), |core, block| {
            block.body.readings().iter().for_each(|reading| core.last.note(reading));
        })
    }

    /// Shows every stored block of readings from an id on, oldest first, with few of them in memory at once.
    fn reread(&mut self, mut from: u64, mut see: impl FnMut(&mut Self, &Block)) -> rusqlite::Result<()> {
        while from <= self.committed {
            let range = [(from, self.committed)];
            let places = self.store.locate(Lane::Readings, range.into_iter(), EARLY.0)?;
            let places = at_once(&places);
            let Some(newest) = places.last().map(|place| place.id) else { break };
            for block in self.store.read(places)?.into_iter().flatten() {
                see(self, &block);
            }
            from = newest + 1;
        }
        Ok(())
    }
}

/// The first places, as far as their readings may be in memory at once; one at least.
fn at_once(places: &[Place]) -> &[Place] {
    let mut readings = 0;
    let has_room = |place: &&Place| {
        readings += place.readings;
        readings <= AT_ONCE
    };
    let fitting = places.iter().take_while(has_room).count();
    &places[..fitting.max(1).min(places.len())]
}
