//! What the store and its mark have to say to each other: how far every epoch came, and what of that the log has lost.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, params};
use tracing::warn;

use super::{
    Identity,
    cutter::Seqs,
    mark::{End, Mark},
    opening::{Notice, OpenError},
    store::Store,
};
use crate::model::{Gap, GapReason, Stream};

impl Store {
    /// How far each epoch had come that is still in the table, oldest first.
    pub(super) fn ends(&self) -> rusqlite::Result<Vec<End>> {
        let mut query = self.db.prepare("SELECT epoch, last_id, data, event, outcome FROM epoch ORDER BY epoch")?;
        let end = |row: &rusqlite::Row<'_>| {
            let seqs = [(Stream::Data, row.get(2)?), (Stream::Event, row.get(3)?), (Stream::Outcome, row.get(4)?)];
            Ok(End { epoch: row.get(0)?, last_id: row.get(1)?, seqs: seqs.into() })
        };
        let mut ends: Vec<End> = query.query_map([], end)?.collect::<Result<_, _>>()?;
        let mut query = self.db.prepare("SELECT epoch, stream, seq FROM filtered")?;
        let mut rows = query.query([])?;
        while let Ok(Some(row)) = rows.next() {
            let (epoch, name, seq): (u64, String, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if let Ok(at) = ends.binary_search_by_key(&epoch, |end| end.epoch) {
                ends[at].seqs.insert(Stream::Filtered(name.into()), seq);
            }
        }
        Ok(ends)
    }

    /// As [`Store::ends`] with what the mark knows; where both name a stream, the higher number counts. Tables that cannot
    /// be read say nothing.
    pub(super) fn ends_with(&self, mark: Option<&Mark>) -> Vec<End> {
        let stored = self.ends().unwrap_or_default();
        let mut ends: BTreeMap<u64, End> = stored.into_iter().map(|end| (end.epoch, end)).collect();
        for marked in mark.iter().flat_map(|mark| mark.ends()) {
            let end = ends.entry(marked.epoch).or_insert_with(|| End { epoch: marked.epoch, ..End::default() });
            end.last_id = end.last_id.max(marked.last_id);
            for (stream, seq) in &marked.seqs {
                let known = end.seqs.entry(stream.clone()).or_default();
                *known = (*known).max(*seq);
            }
        }
        ends.into_values().collect()
    }

    /// What the log has lost at its end: the mark knows of an epoch, or of blocks, that are not there. Nothing of it is
    /// written before it is told; [`Store::restore`] does that.
    pub(super) fn lost_end(&self, mark: Option<&Mark>) -> rusqlite::Result<Option<Notice>> {
        let Some(mark) = mark.filter(|mark| mark.store == *self.identity.store) else { return Ok(None) };
        let sql = "SELECT coalesce(max(epoch), 0) FROM epoch WHERE epoch < ?";
        let epoch: u64 = self.db.query_row(sql, [self.identity.epoch], |row| row.get(0))?;
        let (last_id, marked) = (self.last_id()?, &mark.last);
        let mut gaps = Vec::new();
        for end in mark.ends() {
            gaps.extend(self.missing(end)?);
        }
        if gaps.is_empty() && epoch >= marked.epoch && last_id >= marked.last_id {
            return Ok(None);
        }
        let text = format!(
            "the end of the log was damaged: epoch {} and block {} had been stored, epoch {epoch} and block {last_id} \
             are the last that are there",
            marked.epoch, marked.last_id
        );
        warn!(text, "Buffer has lost its newest blocks");
        Ok(Some(Notice { what: "store-rolled-back", text, gaps, given: mark.ends().cloned().collect() }))
    }

    /// The numbers of an epoch that were given and are not in its row. How many readings were in them nobody knows any
    /// more.
    fn missing(&self, end: &End) -> rusqlite::Result<Vec<Gap>> {
        if self.is_forgotten(end.epoch)? {
            return Ok(Vec::new());
        }
        let mut gaps = Vec::new();
        for (stream, given) in &end.seqs {
            let stored = self.last_seq(end.epoch, stream.as_str())?;
            if stored < *given {
                gaps.push(Gap::blocks(stream, end.epoch, stored + 1, *given, 0, GapReason::Corrupt));
            }
        }
        Ok(gaps)
    }

    /// Sets the rows of epochs right, so that their numbers are told as ones that were given.
    pub(super) fn restore(&self, given: &[End]) -> rusqlite::Result<()> {
        for end in given {
            if self.is_forgotten(end.epoch)? {
                continue;
            }
            let sql = "INSERT OR IGNORE INTO epoch (epoch, last_id) VALUES (?1, ?2)";
            // Ids of blocks that are gone are free: they belong to nobody but this file.
            self.db.execute(sql, [end.epoch, self.last_id()?])?;
            for (stream, seq) in &end.seqs {
                self.raise_seq(end.epoch, stream, *seq)?;
            }
        }
        Ok(())
    }

    /// Whether every uplink has heard how an epoch ended and the row went for that, which takes nothing with it.
    fn is_forgotten(&self, epoch: u64) -> rusqlite::Result<bool> {
        let sql = "SELECT 1 WHERE ?1 <= coalesce((SELECT min(up_to) FROM closed), 0)
                   AND NOT EXISTS (SELECT 1 FROM epoch WHERE epoch = ?1)";
        Ok(self.db.query_row(sql, [epoch], |_| Ok(())).optional()?.is_some())
    }

    fn raise_seq(&self, epoch: u64, stream: &Stream, seq: u64) -> rusqlite::Result<()> {
        let sql = match stream {
            Stream::Data => "UPDATE epoch SET data = max(data, ?2) WHERE epoch = ?1",
            Stream::Event => "UPDATE epoch SET event = max(event, ?2) WHERE epoch = ?1",
            Stream::Outcome => "UPDATE epoch SET outcome = max(outcome, ?2) WHERE epoch = ?1",
            // It never leaves the gateway, so no mark names it.
            Stream::Local => return Ok(()),
            Stream::Filtered(name) => {
                let sql =
                    "INSERT INTO filtered VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)";
                return self.db.execute(sql, params![epoch, name, seq]).map(drop);
            }
        };
        self.db.execute(sql, [epoch, seq]).map(drop)
    }

    /// Notes what is known at a start, this store's earlier mark among it, and makes sure that it is on the disk: the
    /// epoch is worth that, what later marks add is not.
    pub(super) fn mark_start(&self, before: Option<&Mark>) -> Result<(), OpenError> {
        let last_id = self.last_id().map_err(|error| OpenError::Sqlite { path: self.path.clone(), error })?;
        let Some(lock) = &self.lock else { return Ok(()) };
        let mut ends = self.ends_with(before.filter(|mark| mark.store == *self.identity.store));
        ends.retain(|end| end.epoch < self.identity.epoch && !self.is_forgotten(end.epoch).unwrap_or_default());
        let written = Mark::write_earlier(lock, &ends);
        self.mark(last_id, &Seqs::new());
        let synced = written.and_then(|()| lock.sync_data());
        synced.map_err(|error| OpenError::Io { path: self.path.clone(), error })
    }

    /// Notes how far this store has come.
    pub(super) fn mark(&self, last_id: u64, seqs: &Seqs) {
        let Some(lock) = &self.lock else { return };
        let Identity { store, epoch } = &self.identity;
        if let Err(error) = Mark::write(lock, store, &End { epoch: *epoch, last_id, seqs: seqs.clone() }) {
            // It only guards against damage, which would have to come on top of this.
            warn!(%error, "Mark of the buffer could not be written");
        }
    }
}
