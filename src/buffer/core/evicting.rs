//! Making room: what goes because the store is too large or it is too old, and the gaps that tell of it.

use tracing::warn;

use super::Core;
use crate::buffer::{
    evict::{self, Bounds, Doomed, Lost},
    rows::Table,
};

impl Core {
    /// Chooses what has to go, unless an earlier choice still waits for its commit.
    pub(super) fn evict(&mut self, incoming: u64) -> rusqlite::Result<()> {
        let max_size = self.size_limit();
        let over = (self.store.lasting_size()? + incoming).saturating_sub(max_size);
        // A little more than needed, so that gaps tell of runs and not of single blocks.
        self.make_room(if over > 0 { over + max_size / 64 } else { 0 })
    }

    /// Chooses what has to go so that so many bytes are free.
    pub(in crate::buffer) fn make_room(&mut self, excess: u64) -> rusqlite::Result<()> {
        if !self.doomed.is_empty() {
            return Ok(());
        }
        let bounds = Bounds {
            now: self.cutter.now(),
            clock: self.cutter.clock(),
            history: self.settings.history,
            max_age: self.settings.max_age,
            excess,
        };
        let settled = self.delivery.settled_by_all(self.committed);
        let mut doomed = evict::plan(&self.store, &bounds, &settled, self.committed)?;
        self.thin(&mut doomed)?;
        self.doom(doomed);
        Ok(())
    }

    /// Lets rows go with the next commit, and tells what of them somebody was owed.
    pub(super) fn doom(&mut self, doomed: Vec<Doomed>) {
        let lost: Vec<Lost<'_>> = doomed.iter().flat_map(Doomed::lost).collect();
        let (blocks, readings) = (lost.len() as u64, lost.iter().map(|lost| lost.part.readings).sum::<u64>());
        let gaps = evict::gaps(lost, self.cutter.now());
        for row in &doomed {
            for part in &row.head.parts {
                self.delivery.forget(part.id, if row.head.stream.is_upstream() { part.readings } else { 0 });
            }
        }
        for gap in &gaps {
            self.event(gap);
        }
        if blocks > 0 {
            warn!(blocks, readings, "Undelivered blocks were given up");
            self.count_lost(blocks, readings);
        }
        self.doomed.extend(doomed);
    }

    /// The rows that go with the next commit.
    pub(super) fn doomed_rows(&self) -> Vec<(Table, u64)> {
        self.doomed.iter().map(|row| (row.head.table, row.head.id)).collect()
    }
}
