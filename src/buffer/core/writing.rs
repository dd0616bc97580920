//! Commits, what goes with them, and what happens when the database refuses.

use std::{collections::BTreeMap, mem};

use rusqlite::ErrorCode;
use tokio::time::Instant;

use super::{
    Core,
    ticking::{REMIND, Timers, sync_interval},
};
use crate::{
    buffer::{
        commit::{Commit, Message, States},
        delivery::Unstored,
        pack::Pack,
        rollup::Moment,
        rows::Table,
    },
    config::Durability,
    model::{Block, BlockId},
};

/// What goes into a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// What somebody is owed, or has no other home.
    Owed,
    /// The history as well.
    History,
    /// The history and the last values.
    Last,
}

impl Core {
    /// Commits if something has waited as long as it may, and looks again when the next may have.
    pub(super) fn commit_if_due(&mut self, now: Instant) {
        self.accept_due(now);
        self.timers.commit = self.oldest_uncommitted().map(|since| since + self.settings.commit);
        if self.timers.commit.is_some_and(|due| due <= now) {
            self.commit();
        } else if self.committed < self.cutter.last_id() {
            self.timers.remind.get_or_insert(now + REMIND);
        }
    }

    /// Since when something waits that must be committed.
    pub(super) fn oldest_uncommitted(&self) -> Option<Instant> {
        let unsafe_blocks = self.ring.waiting().filter(|entry| !self.is_safe(&entry.loose.block));
        let blocks = unsafe_blocks.map(|entry| entry.since).min();
        [blocks, self.cutter.oldest(), self.states_since].into_iter().flatten().min()
    }

    /// Speaks the receipts whose commit is due, if nothing of that age waits: then every uplink has their readings.
    fn accept_due(&mut self, now: Instant) {
        let commit = self.settings.commit;
        let is_due = |since: Instant| since + commit <= now;
        if !self.oldest_uncommitted().is_some_and(is_due) {
            for (_, receipt) in self.receipts.extract_if(.., |(since, _)| is_due(*since)) {
                receipt.accept();
            }
        }
    }

    /// Cuts and commits everything there is, but for what is safe where it was delivered; false when the database
    /// refused, and then it is tried again.
    pub(in crate::buffer) fn commit(&mut self) -> bool {
        self.look();
        self.cut_all();
        self.write(Extent::Owed)
    }

    /// As [`Core::commit`], with what every uplink had before its commit: the history.
    pub(in crate::buffer) fn commit_history(&mut self) -> bool {
        self.look();
        self.cut_all();
        self.write(Extent::History)
    }

    /// As [`Core::commit_history`], with last values, on the disk when it returns: for the end.
    pub(in crate::buffer) fn finish(&mut self) -> bool {
        self.is_urgent = true;
        self.look();
        self.cut_all();
        let is_done = self.write(Extent::Last);
        if is_done {
            self.write_rollups(true);
        }
        self.refresh();
        is_done
    }

    /// Whether a block is safe without the store, and may wait for the history.
    pub(super) fn is_safe(&self, block: &Block) -> bool {
        self.delivery.is_safe(block.id.0, &block.stream)
    }

    /// Looks at the disk, makes room, and closes the history that goes along.
    fn make_ready(&mut self, extent: Extent, now: Instant) {
        self.follow_file(now);
        self.look_at_disk(now);
        self.bound_asides(now);
        // Bodies are smaller than the JSON they stand for.
        if let Err(error) = self.evict(self.ring.waiting_size().1 as u64 + self.shelf.bytes()) {
            self.fail(&error);
        }
        // Means that take the place of what goes are committed with it.
        self.cut_all();
        if extent != Extent::Owed {
            self.shelf.close(&mut self.encoder);
        }
    }

    fn write(&mut self, extent: Extent) -> bool {
        let begun = Instant::now();
        self.make_ready(extent, begun);
        let (packs, messages, last_id) = (self.packs(), self.messages(), self.cutter.last_id());
        let snapshot = self.snapshot_body(begun, last_id, extent == Extent::Last);
        let has_snapshot = snapshot.is_some();
        let trail = self.trail.news();
        let commit = Commit {
            packs: &packs,
            history: if extent == Extent::Owed { &[] } else { self.shelf.packs() },
            messages: &messages,
            doomed: &self.doomed_rows(),
            states: &self.states,
            metas: &self.metas,
            sent: &self.delivery.rows(last_id, &self.unstored(extent)),
            seqs: self.cutter.seqs(),
            last_id,
            snapshot,
            trail: trail.as_deref(),
            is_synced: self.must_sync(begun) || self.stands_alone(extent),
        };
        let (is_synced, written) = (commit.is_synced, commit.written());
        let is_behind = is_synced && self.timers.sync.is_some();
        if let Err(error) = self.store.commit(&commit) {
            self.fail(&error);
            return false;
        }
        let (taken, blocks, bytes) = self.snapshot;
        self.snapshot = if has_snapshot { (begun, 0, 0) } else { (taken, blocks + written.0, bytes + written.1) };
        self.took_along(extent, trail);
        self.metrics.wrote(written, begun.elapsed());
        self.settle(last_id, is_synced, packs.iter().map(|pack| pack.readings).sum());
        if is_behind && written.0 == 0 {
            // It may have changed no page, and then it has synced nothing.
            self.sync_log();
        }
        true
    }

    /// What went along with a commit need not go with the next.
    fn took_along(&mut self, extent: Extent, trail: Option<String>) {
        if let Some(text) = trail {
            self.trail.stored(text);
        }
        if extent != Extent::Owed {
            self.shelf.clear();
        }
    }

    fn must_sync(&self, now: Instant) -> bool {
        self.is_urgent || self.settings.durability == Durability::Strict || self.is_sync_due(now)
    }

    /// Whether a commit is the only one of its minute, as that of the history is while the link is up: synced at once it
    /// needs no second one ten seconds later, which would cost the flash as much again.
    fn stands_alone(&self, extent: Extent) -> bool {
        let is_balanced = self.settings.durability == Durability::Balanced;
        is_balanced && extent == Extent::History && self.timers.sync.is_none()
    }

    fn is_sync_due(&self, now: Instant) -> bool {
        self.timers.sync.is_some_and(|due| due <= now)
    }

    /// The commit succeeded: receipts are accepted, blocks become publishable.
    fn settle(&mut self, last_id: u64, is_synced: bool, readings: u64) {
        self.metrics.commits.inc();
        (self.committed, self.committed_seqs) = (last_id, self.cutter.seqs().clone());
        self.store.mark(last_id, &self.committed_seqs);
        self.doomed.clear();
        self.states.clear();
        self.metas.clear();
        self.states_since = None;
        for (_, receipt) in mem::take(&mut self.receipts) {
            receipt.accept();
        }
        let delivery = &self.delivery;
        self.ring.committed(|block| block.stream.has_readings() && delivery.is_safe(block.id.0, &block.stream));
        self.release();
        self.trim();
        self.newest.send_if_modified(|newest| mem::replace(newest, BlockId(last_id)).0 != last_id);
        self.is_urgent = false;
        let now = Instant::now();
        self.timers = Timers { refresh: Some(now), sync: self.next_sync(now, is_synced), ..Timers::default() };
        self.succeeded();
        self.status.send_modify(|status| {
            status.committed += readings;
            status.committed_block = last_id;
        });
    }

    /// Blocks that every uplink has before their commit wait for the history, if there is one.
    pub(super) fn release(&mut self) {
        let delivery = &self.delivery;
        let released =
            self.ring.release(|block| block.stream.has_readings() && delivery.is_safe(block.id.0, &block.stream));
        let readings: u64 = released.iter().map(|loose| loose.block.readings() as u64).sum();
        if readings > 0 {
            self.status.send_modify(|status| status.committed += readings);
        }
        for loose in released {
            self.metrics.express.inc();
            if self.settings.history.is_zero() {
                // Nobody who comes later is owed what is never stored.
                self.delivery.forget(loose.block.id.0, loose.block.readings() as u64);
            } else {
                self.shelf.put(loose, &mut self.encoder);
            }
        }
    }

    /// After a commit that is not synced, one that is must follow.
    fn next_sync(&self, now: Instant, is_synced: bool) -> Option<Instant> {
        let wait = if is_synced { None } else { sync_interval(self.settings.durability) };
        wait.map(|wait| self.timers.sync.unwrap_or(now + wait))
    }

    /// Writes rollups behind a commit, which gives their readings' blocks to the store.
    pub(super) fn roll_up(&mut self) {
        if self.commit() { self.write_rollups(false) } else { self.rollups.put_off() }
    }

    /// As [`Core::roll_up`], after a commit that was.
    fn write_rollups(&mut self, is_last: bool) {
        let moment = Moment {
            now: self.cutter.now(),
            clock: self.cutter.clock(),
            last_id: self.committed,
            oldest: self.store.oldest().unwrap_or_default(),
            is_last,
        };
        let written = self.rollups.write(&mut self.store.db, &moment);
        self.store.forget_pages();
        let Err(error) = written else { return };
        // What is wrong with rows of their own ends the rollups; what is wrong with the file concerns everybody.
        let is_file = matches!(error.sqlite_error_code(), Some(code) if code != ErrorCode::ConstraintViolation);
        if is_file { self.fail(&error) } else { self.rollups.rest(&error) }
    }

    /// Writes progress alone. Losing it costs repeats, never readings, so it is not synced.
    pub(super) fn persist(&mut self) {
        self.timers.persist = None;
        if let Err(error) = self.write_beside(&[], &[], &[], false) {
            self.fail(&error);
        }
    }

    /// Writes progress, and rows that belong to what is committed already.
    pub(super) fn write_beside(
        &mut self,
        packs: &[Pack],
        messages: &[Message],
        doomed: &[(Table, u64)],
        is_synced: bool,
    ) -> rusqlite::Result<()> {
        self.store.commit(&Commit {
            packs,
            history: &[],
            messages,
            doomed,
            states: &States::new(),
            metas: &BTreeMap::new(),
            sent: &self
                .delivery
                .rows(self.committed, &Unstored { pending: self.pending(), ..self.unstored(Extent::Owed) }),
            seqs: &self.committed_seqs,
            last_id: self.committed,
            snapshot: None,
            trail: None,
            is_synced,
        })
    }
}
