//! Commits, what goes with them, and what happens when the database refuses.

use std::{mem, sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::{Core, Timers, sync_interval};
use crate::{
    buffer::{
        codec::Stamp,
        commit::{Commit, States},
        evict::{self, Bounds, Doomed},
        opening,
    },
    config::Durability,
    model::{Block, BlockBody, BlockId, BootId, Receipt, Timestamp},
};

/// Snapshots of last values: at most this far apart, in time and in blocks.
const SNAPSHOT: (Duration, u64) = (Duration::from_secs(600), 2_000);

impl Core {
    /// Cuts and commits everything there is; false when the database refused, and then it is tried again.
    pub(in crate::buffer) fn commit(&mut self) -> bool {
        self.cut_all();
        self.write(false)
    }

    /// As [`Core::commit`], on the disk when it returns, with last values: for the end.
    pub(in crate::buffer) fn finish(&mut self) -> bool {
        self.is_urgent = true;
        self.cut_all();
        let is_done = self.write(true);
        self.store.mark();
        self.refresh();
        is_done
    }

    fn write(&mut self, is_last: bool) -> bool {
        let begun = Instant::now();
        let mut blocks = Vec::with_capacity(self.ring.pending_size().0);
        self.encode_pending(&mut blocks);
        if let Err(error) = self.evict(blocks.iter().map(|(_, _, body)| body.len() as u64).sum()) {
            self.fail(&error);
        }
        self.encode_pending(&mut blocks);
        let last_id = self.cutter.last_id();
        let is_synced = self.is_urgent || self.settings.durability == Durability::Strict || self.is_sync_due(begun);
        let doomed: Vec<u64> = self.doomed.iter().map(|(head, _)| head.id).collect();
        let snapshot = self.snapshot_body(begun, last_id, is_last);
        let commit = Commit {
            blocks: &blocks,
            doomed: &doomed,
            states: &self.states,
            sent: &self.delivery.rows(last_id, &[]),
            seqs: self.cutter.seqs(),
            last_id,
            snapshot,
            is_synced,
        };
        let has_snapshot = commit.snapshot.is_some();
        if let Err(error) = self.store.commit(&commit) {
            self.fail(&error);
            return false;
        }
        if has_snapshot {
            self.snapshot = (begun, last_id);
        }
        self.metrics.body_bytes.inc_by(blocks.iter().map(|(_, _, body)| body.len() as u64).sum());
        self.metrics.committed.inc_by(blocks.len() as u64);
        self.metrics.commit_seconds.inc_by(begun.elapsed().as_secs_f64());
        self.settle(last_id, is_synced, blocks.iter().map(|(block, ..)| block.readings() as u64).sum());
        true
    }

    /// Encodes the pending blocks that `blocks` does not hold yet.
    fn encode_pending(&mut self, blocks: &mut Vec<(Arc<Block>, Timestamp, Vec<u8>)>) {
        for entry in self.ring.pending().skip(blocks.len()) {
            let block = Arc::clone(&entry.block);
            let stamp = Stamp { gateway: Arc::clone(&block.gateway), boot: block.boot.clone(), uptime: block.uptime };
            let body = self.encoder.encode(&stamp, &block.body);
            blocks.push((block, entry.cut, body));
        }
    }

    /// Chooses what has to go, unless an earlier choice still waits for its commit.
    fn evict(&mut self, incoming: u64) -> rusqlite::Result<()> {
        if !self.doomed.is_empty() {
            return Ok(());
        }
        let max_size = self.settings.max_size;
        let over = (self.store.lasting_size()? + incoming).saturating_sub(max_size);
        let bounds = Bounds {
            now: self.cutter.now(),
            clock: self.cutter.clock(),
            history: self.settings.history,
            max_age: self.settings.max_age,
            // A little more than needed, so that gaps tell of runs and not of single blocks.
            excess: if over > 0 { over + max_size / 64 } else { 0 },
        };
        let settled = self.delivery.settled_by_all(self.committed);
        let doomed = evict::plan(&self.store, &bounds, &settled, self.committed)?;
        self.doom(doomed);
        Ok(())
    }

    pub(super) fn doom(&mut self, doomed: Vec<Doomed>) {
        let lost = || doomed.iter().filter(|(_, reason)| reason.is_some());
        let (blocks, readings) = (lost().count() as u64, lost().map(|(head, _)| head.readings).sum::<u64>());
        for (head, _) in &doomed {
            let readings = if head.stream.is_upstream() { head.readings } else { 0 };
            self.delivery.forget(head.id, readings);
        }
        for gap in evict::gaps(&doomed, self.cutter.now()) {
            let (block, bytes) = self.cutter.event(&gap);
            self.admit(block, bytes);
        }
        if blocks > 0 {
            warn!(blocks, readings, "Undelivered blocks were given up");
            self.metrics.evicted.inc_by(blocks);
            self.status.send_modify(|status| {
                status.evicted_blocks += blocks;
                status.evicted_readings += readings;
            });
        }
        self.doomed.extend(doomed);
    }

    fn is_sync_due(&self, now: Instant) -> bool {
        self.timers.sync.is_some_and(|due| due <= now)
    }

    fn snapshot_body(&mut self, now: Instant, last_id: u64, is_last: bool) -> Option<(u64, Vec<u8>)> {
        let (taken, up_to) = self.snapshot;
        let is_due = is_last || now - taken >= SNAPSHOT.0 || last_id - up_to >= SNAPSHOT.1;
        let readings = if is_due { self.last.all() } else { Vec::new() };
        if readings.is_empty() {
            return None;
        }
        let stamp = Stamp { gateway: "".into(), boot: BootId::new(""), uptime: Duration::ZERO };
        Some((last_id, self.encoder.encode(&stamp, &BlockBody::Readings(readings.into()))))
    }

    /// The commit succeeded: receipts are accepted, blocks become publishable.
    fn settle(&mut self, last_id: u64, is_synced: bool, readings: u64) {
        self.metrics.commits.inc();
        (self.committed, self.committed_seqs) = (last_id, self.cutter.seqs());
        self.doomed.clear();
        self.states.clear();
        mem::take(&mut self.receipts).into_iter().for_each(Receipt::accept);
        self.ring.committed();
        self.trim();
        self.newest.send_if_modified(|newest| mem::replace(newest, BlockId(last_id)).0 != last_id);
        self.is_urgent = false;
        let now = Instant::now();
        self.timers = Timers { refresh: Some(now), sync: self.next_sync(now, is_synced), ..Timers::default() };
        let was_failing = self.status.borrow().failing.is_some();
        self.status.send_modify(|status| {
            status.failing = None;
            status.committed += readings;
            status.committed_block = last_id;
        });
        if was_failing {
            info!("Buffer commits again");
        }
    }

    /// After a commit that is not synced, one that is must follow.
    fn next_sync(&self, now: Instant, is_synced: bool) -> Option<Instant> {
        let wait = if is_synced { None } else { sync_interval(self.settings.durability) };
        wait.map(|wait| self.timers.sync.unwrap_or(now + wait))
    }

    /// Writes progress alone. Losing it costs repeats, never readings, so it is not synced.
    pub(super) fn persist(&mut self) {
        self.timers.persist = None;
        let pending: Vec<_> =
            self.ring.pending().map(|entry| (entry.block.id.0, entry.block.readings() as u64)).collect();
        let commit = Commit {
            blocks: &[],
            doomed: &[],
            states: &States::new(),
            sent: &self.delivery.rows(self.committed, &pending),
            seqs: self.committed_seqs,
            last_id: self.committed,
            snapshot: None,
            is_synced: false,
        };
        if let Err(error) = self.store.commit(&commit) {
            self.fail(&error);
        }
    }

    /// While the database refuses, blocks that every uplink has acknowledged give their place to new ones: they are
    /// safe, and only the history misses them.
    fn shed_delivered(&mut self) {
        if self.has_room() || self.delivery.names().is_empty() {
            return;
        }
        let delivery = &self.delivery;
        let gone = self.ring.shed(|block| block.stream.is_upstream() && delivery.is_settled(block.id.0));
        for block in &gone {
            // Nobody who comes later is owed what was never stored.
            self.delivery.forget(block.id.0, block.readings() as u64);
        }
        self.trim();
        debug!(blocks = gone.len(), "Delivered blocks are left out of the history");
    }

    /// The database refused. Everything stays in memory and is tried again after the commit interval.
    pub(super) fn fail(&mut self, error: &rusqlite::Error) {
        self.metrics.commit_failures.inc();
        self.timers.commit = Some(Instant::now() + self.settings.commit);
        self.timers.sync = None;
        let text = error.to_string();
        if opening::is_damaged(error) {
            self.damage.get_or_insert_with(|| text.clone());
        }
        self.shed_delivered();
        let was_failing = self.status.borrow().failing.is_some();
        if !was_failing {
            error!(%error, "Buffer cannot write, readings wait in memory");
            self.status.send_modify(|status| status.failing = Some(text));
        }
    }
}
