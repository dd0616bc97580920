//! Blocks of a file that was set aside, on their way in again under new numbers.

use std::{path::Path, sync::Arc};

use tokio::time::Instant;
use tracing::{info, warn};

use super::Core;
use crate::{
    buffer::{
        OpenError,
        damage::{Done, FoundLetter, Past, Pending, Row, Salvage, Skipped},
    },
    config::Priority,
    model::{Block, Event, EventKind, Stream, Timestamp},
};

/// Bytes that may wait for their commit while old blocks come in: live readings have the rest of the room.
const ROOM: usize = 4 << 20;

impl Core {
    /// Files that are to be salvaged into this store.
    pub(in crate::buffer) fn salvage(&self) -> Result<Salvage, OpenError> {
        let path = &self.settings.path;
        let pending =
            Pending::all(&self.store.db).map_err(|error| OpenError::Sqlite { path: path.clone(), error })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let pasts = Past::all(&self.store.db).map_err(|error| OpenError::Sqlite { path: path.clone(), error })?;
        Ok(Salvage::new(folder, self.store.seal.clone(), pending, pasts))
    }

    /// Takes in a row of another store; gives it back when there is no room now. How far the file was read is
    /// committed with it. What an uplink had already it is not owed again.
    pub(in crate::buffer) fn carry_over(&mut self, row: Row) -> Result<(), Row> {
        if !self.takes_old_rows() {
            return Err(row);
        }
        let uplinks = self.delivery.names();
        for block in &row.blocks {
            self.carry_block(&row, block, &uplinks);
        }
        if self.skipped.is_full() {
            self.tell_skipped();
        } else if !self.skipped.is_empty() {
            self.metas.extend([self.skipped.row()]);
        }
        // What everybody had goes the way of the history.
        self.release();
        self.trim();
        self.metas.insert(row.reached.0.clone(), row.reached.1.clone());
        self.timers.commit.get_or_insert(Instant::now() + self.settings.commit);
        self.status.send_modify(|status| {
            let salvage = status.salvage.get_or_insert_default();
            salvage.file = Arc::clone(&row.file);
            salvage.percent = row.percent;
        });
        Ok(())
    }

    /// Whether there is room beside what is new.
    pub(super) fn takes_old_rows(&self) -> bool {
        self.ring.waiting_size().1 < ROOM && self.status.borrow().failing.is_none()
    }

    fn carry_block(&mut self, row: &Row, block: &Block, uplinks: &[Arc<str>]) {
        let had = |name: &&Arc<str>| row.sent.settled(name).contains(block.id.0);
        let is_owed = |name: &&Arc<str>| self.delivery.wants(name, &block.stream) && !had(name);
        let is_owed = match uplinks {
            [] => block.stream.is_upstream() && !had(&&"".into()),
            _ => uplinks.iter().any(|name| is_owed(&name)),
        };
        if !is_owed && !row.is_all {
            return;
        }
        self.sum_up(block);
        let had: Vec<_> = uplinks.iter().filter(had).cloned().collect();
        self.admit_again(block, row.priority, row.cut.min(self.cutter.now()), &had);
        self.count_salvaged(block);
    }

    /// A block of another store came in.
    pub(super) fn count_salvaged(&mut self, block: &Block) {
        let readings = block.readings() as u64;
        self.metrics.salvaged_blocks.inc();
        self.metrics.salvaged_readings.inc_by(readings);
        self.status.send_modify(|status| {
            let salvage = status.salvage.get_or_insert_default();
            salvage.blocks += 1;
            salvage.readings += readings;
        });
    }

    /// Gives a block of another store its number in this one; these uplinks had it under the old one.
    pub(super) fn admit_again(&mut self, block: &Block, priority: Priority, at: Timestamp, had: &[Arc<str>]) {
        let cut = self.cutter.again(block, priority);
        let id = cut.block.id.0;
        // Where the new number is, they see a hole.
        if had.iter().any(|name| self.delivery.wants(name, &block.stream)) {
            self.skipped.note(&cut.block);
        }
        self.admit_at(cut, at);
        for name in had {
            self.delivery.settle(name, id, block.readings() as u64);
        }
    }

    /// Notes the readings of a block of another store for the rollups.
    pub(super) fn sum_up(&mut self, block: &Block) {
        // What is in the stream of a filter is in another one as well, as a rule, and counts once.
        if !matches!(block.stream, Stream::Filtered(_)) {
            block.body.readings().iter().for_each(|reading| self.rollups.note(reading));
        }
    }

    /// Takes in a dead letter of another store; gives it back when it cannot be stored now.
    pub(in crate::buffer) fn carry_letter(&mut self, found: Box<FoundLetter>) -> Result<(), Box<FoundLetter>> {
        let FoundLetter { letter, block, reached, .. } = &*found;
        match self.store.adopt_letter(letter, block, (&reached.0, &reached.1), &mut self.encoder) {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.metrics.letters_dropped.inc();
                warn!(uplink = %letter.uplink, store = %block.store, seq = block.seq,
                    "No room for a dead letter of the damaged file, it stays there");
                Ok(())
            }
            Err(error) => {
                self.fail(&error);
                Err(found)
            }
        }
    }

    /// Everything that was owed and can be read of a file is in: what is missing is told, and the file is asked for its
    /// history alone, which is given if there is to be one.
    pub(in crate::buffer) fn end_salvage(&mut self, done: &Done) -> Option<Past> {
        let now = self.cutter.now();
        done.events(now).iter().for_each(|event| self.event(event));
        self.tell_skipped();
        self.metrics.salvage_lost.inc_by(done.lost());
        let text = done.text();
        if done.is_complete() {
            info!(text, "Damaged buffer is salvaged");
        } else {
            warn!(text, "Damaged buffer is salvaged");
        }
        self.event(&Event::gateway(now, "store-salvaged", text));
        self.metas.extend(done.metas.iter().cloned());
        // What the file itself had not told yet.
        done.metas.iter().filter_map(Skipped::parse).for_each(|skipped| self.tell_numbers(&skipped));
        self.status.send_modify(|status| status.salvage = None);
        let past = done.past.as_ref().filter(|_| !self.settings.history.is_zero());
        self.metas.extend(past.map(Past::row));
        past.cloned()
    }

    /// Tells the numbers that an uplink will not be given, and forgets them.
    pub(super) fn tell_skipped(&mut self) {
        let skipped = std::mem::take(&mut self.skipped);
        if !skipped.is_empty() {
            self.tell_numbers(&skipped);
        }
    }

    /// Tells such numbers of any store.
    pub(super) fn tell_numbers(&mut self, skipped: &Skipped) {
        let ts = self.cutter.now();
        for gap in skipped.gaps() {
            self.event(&Event { ts, kind: EventKind::Gap { gap } });
        }
        self.metas.extend([skipped.told()]);
    }
}
