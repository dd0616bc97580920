//! A disk that goes and comes back. After a fault the kernel makes a file system read-only; somebody unmounts it, mends
//! it and mounts it again, and under the same name there is another file.
//!
//! ```text
//! attached ── commits fail, and at its place there is no file or another ──> detached
//! detached ── there is a file of this store at its place, and it takes a write ──> attached
//! ```
//!
//! Detached, nothing of the old file system is held, so that it can be mended; everything waits in memory. What was
//! committed and not synced when the disk failed may be missing then, as after a power cut: what memory still holds is
//! stored again, and a gap names the rest.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;
use tracing::{error, info, warn};

use super::Core;
use crate::{
    buffer::{OpenError, cutter::Seqs, opening, store::Store},
    model::{Event, EventKind, Gap, GapReason, Stream},
};

/// How often the place of the file is looked at while commits fail.
const LOOK: Duration = Duration::from_secs(5);

impl Core {
    /// While commits fail: lets go of a file that is not at its place any more, and takes one that is there again.
    pub(super) fn follow_file(&mut self, now: Instant) {
        let is_failing = self.status.borrow().failing.is_some();
        let is_new = self.disk.followed.is_none_or(|looked| now.duration_since(looked) >= LOOK);
        if !is_failing || !is_new {
            return;
        }
        self.disk.followed = Some(now);
        let found = opening::file_id(&self.settings.path).ok();
        match (self.store.is_detached(), found) {
            (false, found) if found != self.store.file => self.detach(),
            (true, Some(_)) => self.try_attach(),
            (false | true, _) => {}
        }
    }

    fn detach(&mut self) {
        if let Err(error) = self.store.detach() {
            return error!(%error, "A buffer file that is gone cannot be let go of");
        }
        warn!("Buffer file is gone from its place, waiting for it to come back");
        let text =
            "the file is gone from its place, its disk may have been unmounted; waiting until it is back".to_owned();
        self.status.send_modify(|status| status.failing = Some(text.clone()));
        self.tell("buffer-detached", text);
    }

    fn try_attach(&mut self) {
        let found = opening::reopen(&self.settings.path, &self.store.seal, &self.store.identity);
        let attached = found.and_then(|store| self.attach(store).map_err(|error| self.failed(error)));
        match attached {
            Ok(()) => info!("Buffer file is back at its place"),
            // A file that is no store, or another: a new store takes its place, and it is salvaged like any.
            Err(OpenError::Sqlite { error, .. }) if opening::is_damaged(&error) => {
                self.damage.get_or_insert_with(|| format!("the file that came back is another or damaged: {error}"));
            }
            Err(error) => warn!(%error, "Buffer file is back and cannot be used yet"),
        }
    }

    fn failed(&self, error: rusqlite::Error) -> OpenError {
        OpenError::Sqlite { path: self.settings.path.clone(), error }
    }

    fn attach(&mut self, store: Store) -> rusqlite::Result<()> {
        let last = store.last_id()?;
        let known = self.numbers(&store)?;
        let is_whole = last >= self.committed && self.rollups.is_at(&store.db);
        self.store = store;
        if !is_whole {
            self.lose_end(last.min(self.committed), known)?;
        }
        Ok(())
    }

    /// The numbers that a store knows of this epoch.
    fn numbers(&self, store: &Store) -> rusqlite::Result<Seqs> {
        let number = |stream: &Stream| Ok((stream.clone(), store.last_seq(store.identity.epoch, stream.as_str())?));
        self.committed_seqs.keys().map(number).collect()
    }

    /// The store has lost what was committed after this block. What is in memory and owed is committed again, with
    /// its numbers; what is not is told.
    fn lose_end(&mut self, last: u64, known: Seqs) -> rusqlite::Result<()> {
        let (missing, delivery) = (last + 1..=self.committed, &self.delivery);
        self.ring.wait_again(last, |id| delivery.is_settled(id));
        let in_memory = self.ring.oldest().unwrap_or(u64::MAX);
        let gone = missing.take_while(|id| *id < in_memory);
        // How many readings were in them only the file knew; a status that is a little off rights itself when all is sent.
        let was_owed = gone.filter(|id| self.delivery.forget(*id, 0)).count() > 0;
        let gaps = if was_owed { self.gaps_after(last, &known) } else { Vec::new() };
        warn!(last, gaps = gaps.len(), "Buffer file came back without its newest commits");
        (self.committed, self.committed_seqs) = (last, known);
        self.rollups.resume(&self.store, last, self.cutter.now())?;
        let ts = self.cutter.now();
        for gap in gaps {
            self.event(&Event { ts, kind: EventKind::Gap { gap } });
        }
        Ok(())
    }

    /// Numbers that the file had and that are neither there nor in memory.
    fn gaps_after(&self, last: u64, known: &Seqs) -> Vec<Gap> {
        let mut first = BTreeMap::new();
        for block in self.ring.all().map(|entry| &entry.loose.block).filter(|block| block.id.0 > last) {
            first.entry(&block.stream).or_insert(block.seq);
        }
        let epoch = self.store.identity.epoch;
        let gap = |(stream, given): (&Stream, &u64)| {
            let from = known.get(stream).copied().unwrap_or(0) + 1;
            let to = first.get(stream).map_or(*given, |first| first - 1);
            let is_lost = stream.is_upstream() && from <= to;
            is_lost.then(|| Gap::blocks(stream, epoch, from, to, 0, GapReason::Corrupt))
        };
        self.committed_seqs.iter().filter_map(gap).collect()
    }
}
