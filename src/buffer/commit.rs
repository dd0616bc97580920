//! One commit: everything that became true together, in one transaction.

use std::{collections::HashMap, sync::Arc};

use rusqlite::{Transaction, params};

use super::{
    cutter, delivery,
    store::{CLOCKS, Store, seal},
};
use crate::model::{Block, Timestamp};

/// Changed variables by rule and key, each as it is now: however long the database refuses, there are no more of
/// them than variables.
pub(super) type States = HashMap<(Arc<str>, Arc<str>), Option<serde_json::Value>>;

/// What goes into one transaction.
pub(super) struct Commit<'a> {
    /// New blocks, when they were cut, and their encoded bodies.
    pub(super) blocks: &'a [(Arc<Block>, Timestamp, Vec<u8>)],
    /// Blocks that go.
    pub(super) doomed: &'a [u64],
    /// Changes of rule variables.
    pub(super) states: &'a States,
    /// Progress of every uplink.
    pub(super) sent: &'a [delivery::Row],
    /// The number given last in each stream.
    pub(super) seqs: [u64; 4],
    /// The block id given last.
    pub(super) last_id: u64,
    /// Last values up to a block.
    pub(super) snapshot: Option<(u64, Vec<u8>)>,
    /// Whether it is on the disk when this returns.
    pub(super) is_synced: bool,
}

impl Store {
    /// Writes it all, or nothing.
    pub(super) fn commit(&mut self, commit: &Commit<'_>) -> rusqlite::Result<()> {
        // A synced commit syncs the whole log, so it covers every commit before it (SQLite, WAL, synchronous=FULL).
        self.db.pragma_update(None, "synchronous", if commit.is_synced { "FULL" } else { "NORMAL" })?;
        let epoch = self.identity.epoch;
        let tx = self.db.transaction()?;
        insert_blocks(&tx, commit.blocks)?;
        delete(&tx, commit.doomed)?;
        put_states(&tx, commit.states)?;
        put_progress(&tx, commit, epoch)?;
        if let Some((up_to, body)) = &commit.snapshot {
            tx.prepare_cached("INSERT OR REPLACE INTO snapshot VALUES (1, ?, ?)")?.execute(params![up_to, body])?;
        }
        tx.commit()
    }
}

fn insert_blocks(tx: &Transaction<'_>, blocks: &[(Arc<Block>, Timestamp, Vec<u8>)]) -> rusqlite::Result<()> {
    let mut insert = tx.prepare_cached("INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    for (block, cut, body) in blocks {
        let (oldest, newest) = block.span();
        let clock = CLOCKS.iter().position(|clock| *clock == block.clock).unwrap_or(CLOCKS.len() - 1);
        let stream = cutter::index(&block.stream);
        let row = [block.id.0, stream as u64, block.epoch, block.seq, clock as u64];
        insert.execute(params![
            block.id.0,
            stream,
            block.epoch,
            block.seq,
            oldest.as_millis(),
            newest.as_millis(),
            block.readings(),
            clock,
            cut.as_millis(),
            seal(body, row)
        ])?;
    }
    Ok(())
}

fn delete(tx: &Transaction<'_>, doomed: &[u64]) -> rusqlite::Result<()> {
    let mut delete = tx.prepare_cached("DELETE FROM block WHERE id = ?")?;
    doomed.iter().try_for_each(|id| delete.execute([id]).map(drop))
}

fn put_states(tx: &Transaction<'_>, states: &States) -> rusqlite::Result<()> {
    for ((rule, key), value) in states {
        match value {
            Some(value) => tx.prepare_cached("INSERT OR REPLACE INTO state VALUES (?, ?, ?)")?.execute(params![
                rule,
                key,
                value.to_string()
            ])?,
            None => tx.prepare_cached("DELETE FROM state WHERE rule = ? AND key = ?")?.execute(params![rule, key])?,
        };
    }
    Ok(())
}

fn put_progress(tx: &Transaction<'_>, commit: &Commit<'_>, epoch: u64) -> rusqlite::Result<()> {
    let mut put = tx.prepare_cached("INSERT OR REPLACE INTO sent VALUES (?, ?, ?)")?;
    for row in commit.sent {
        put.execute(params![row.uplink, row.ranges, row.readings])?;
    }
    let [data, event, outcome, local] = commit.seqs;
    let sql = "UPDATE epoch SET last_id = ?, data = ?, event = ?, outcome = ?, local = ? WHERE epoch = ?";
    tx.prepare_cached(sql)?.execute(params![commit.last_id, data, event, outcome, local, epoch]).map(drop)
}
