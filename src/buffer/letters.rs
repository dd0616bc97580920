//! Dead letters: blocks an uplink's broker will never take, kept with the reason until somebody looks.
//!
//! The content is kept here as well as in the store, so that a letter outlives the history. There is a bound; beyond it
//! the oldest letters go, which is counted.

use std::sync::Arc;

use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;

use super::{
    codec::{self, Encoder, Stamp},
    commit::{clock_code, no_random, stream_code},
    rows::stream,
    seal::Facts,
    store::{CLOCKS, Store},
};
use crate::model::{Block, BlockId, ClockQuality, Timestamp};

/// The columns of a letter.
const COLUMNS: &str = "SELECT id, uplink, stream, epoch, seq, n, at, reason,
                              (SELECT store FROM letter_store WHERE letter_store.id = deadletter.id)
                       FROM deadletter";
/// Letters of other stores are named by numbers from here on, which no block of this one reaches: at a thousand blocks
/// a second it would take thirty years.
const FOREIGN: u64 = 1_000_000_000_000;

/// Most letters that are kept, of all uplinks together.
const MAX_LETTERS: u64 = 1_000;
/// Most bytes of their bodies.
const MAX_BYTES: u64 = 16 << 20;

/// A block an uplink's broker will never take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// The block's place in the store, by which it is named here.
    pub id: u64,
    /// The uplink.
    pub uplink: Arc<str>,
    /// The block's stream.
    pub stream: String,
    /// The block's epoch.
    pub epoch: u64,
    /// The block's number.
    pub seq: u64,
    /// The store that gave it this number, when it was salvaged from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<Arc<str>>,
    /// Readings in it.
    pub readings: u64,
    /// When it was refused.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// Which letters are meant: all of them where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Letters {
    /// Those of one uplink.
    pub uplink: Option<Arc<str>>,
    /// Those with these ids.
    pub ids: Option<Vec<u64>>,
}

impl Letters {
    fn has(&self, letter: &Letter) -> bool {
        self.uplink.as_ref().is_none_or(|uplink| *uplink == letter.uplink)
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&letter.id))
    }
}

impl Store {
    /// Keeps a letter, synced with the next commit; says how many old ones had to go.
    pub(super) fn keep_letter(
        &self,
        block: &Block,
        (uplink, reason, at): (&str, &str, Timestamp),
        encoder: &mut Encoder,
    ) -> rusqlite::Result<u64> {
        self.put_letter(block.id.0, block, (uplink, reason, at), encoder)?;
        self.bound_letters()
    }

    /// Takes over a letter of another store under a number of its own, and notes with it how far that store was read;
    /// false when there is no room, because those of this store are newer.
    pub(super) fn adopt_letter(
        &self,
        letter: &Letter,
        block: &Block,
        (key, reached): (&str, &str),
        encoder: &mut Encoder,
    ) -> rusqlite::Result<bool> {
        let tx = self.db.unchecked_transaction()?;
        let (count, bytes) = self.letter_load()?;
        let has_room = count < MAX_LETTERS && bytes < MAX_BYTES;
        if has_room {
            let sql = "SELECT max(coalesce(max(id), 0), ?) + 1 FROM deadletter";
            let id: u64 = tx.query_row(sql, [FOREIGN], |row| row.get(0))?;
            tx.execute("INSERT OR REPLACE INTO letter_store VALUES (?, ?)", params![id, block.store])?;
            self.put_letter(id, block, (&letter.uplink, &letter.reason, letter.at), encoder)?;
        }
        tx.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, reached])?;
        tx.commit()?;
        Ok(has_room)
    }

    fn put_letter(
        &self,
        id: u64,
        block: &Block,
        (uplink, reason, at): (&str, &str, Timestamp),
        encoder: &mut Encoder,
    ) -> rusqlite::Result<()> {
        let body = encoder.encode(&Stamp::of(block), &block.body);
        let (clock, at, readings) = (clock_code(block.clock), at.as_millis(), block.readings());
        let (stream, epoch, seq) = (&block.stream, block.epoch, block.seq);
        let facts = Facts { id, stream, epoch, seq, clock: clock as u64, parts: &[] };
        let sealed = self.seal.seal(&body, &facts).map_err(no_random)?;
        let sql = "INSERT OR REPLACE INTO deadletter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let row = params![id, uplink, stream_code(stream), epoch, seq, readings, clock, at, reason, sealed];
        self.db.prepare_cached(sql)?.execute(row).map(drop)
    }

    /// How many letters there are, and bytes of their bodies.
    fn letter_load(&self) -> rusqlite::Result<(u64, u64)> {
        let sql = "SELECT count(*), coalesce(sum(length(body)), 0) FROM deadletter";
        self.db.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    fn bound_letters(&self) -> rusqlite::Result<u64> {
        let mut gone = 0;
        loop {
            let (count, bytes) = self.letter_load()?;
            if count <= 1 || (count <= MAX_LETTERS && bytes <= MAX_BYTES) {
                return Ok(gone);
            }
            let oldest = "DELETE FROM deadletter WHERE rowid = (SELECT min(rowid) FROM deadletter)";
            gone += self.db.prepare_cached(oldest)?.execute([])? as u64;
        }
    }

    /// The letters that are meant, oldest first.
    pub(super) fn letters(&self, which: &Letters) -> rusqlite::Result<Vec<Letter>> {
        let all = self
            .db
            .prepare_cached(&format!("{COLUMNS} ORDER BY rowid"))?
            .query_map([], letter)?
            .collect::<Result<Vec<_>, _>>()?;
        Ok(all.into_iter().filter(|letter| which.has(letter)).collect())
    }

    /// The letter of a row, if there is one.
    pub(super) fn letter_at(&self, rowid: i64) -> rusqlite::Result<Option<Letter>> {
        self.db.prepare_cached(&format!("{COLUMNS} WHERE rowid = ?"))?.query_row([rowid], letter).optional()
    }

    /// The block of a letter; none if it is not there or damaged.
    pub(super) fn letter_block(&self, letter: &Letter) -> rusqlite::Result<Option<Block>> {
        let sql = "SELECT stream, clock, body FROM deadletter WHERE uplink = ? AND id = ?";
        let block = |row: &Row<'_>| self.unseal_letter(letter, row);
        let mut query = self.db.prepare_cached(sql)?;
        query.query_row(params![letter.uplink, letter.id], block).optional().map(Option::flatten)
    }

    /// As [`Store::letter_block`], without the index, which may be what is damaged.
    pub(super) fn letter_block_at(&self, rowid: i64, letter: &Letter) -> rusqlite::Result<Option<Block>> {
        let sql = "SELECT stream, clock, body FROM deadletter WHERE rowid = ?";
        let block = |row: &Row<'_>| self.unseal_letter(letter, row);
        self.db.prepare_cached(sql)?.query_row([rowid], block).optional().map(Option::flatten)
    }

    fn unseal_letter(&self, letter: &Letter, row: &Row<'_>) -> rusqlite::Result<Option<Block>> {
        let (stream, clock): (_, usize) = (stream(row.get_ref(0)?), row.get(1)?);
        let Letter { id, epoch, seq, .. } = *letter;
        let facts = Facts { id, stream: &stream, epoch, seq, clock: clock as u64, parts: &[] };
        let sealed = row.get_ref(2)?.as_blob()?;
        let Ok((stamp, body)) = self.seal.unseal(sealed, &facts).and_then(|body| codec::decode(&body)) else {
            return Ok(None);
        };
        Ok(Some(Block {
            id: BlockId(id),
            gateway: stamp.gateway,
            store: Arc::clone(letter.store.as_ref().unwrap_or(&self.identity.store)),
            epoch,
            stream: stream.clone(),
            seq,
            clock: CLOCKS.get(clock).copied().unwrap_or(ClockQuality::None),
            boot: stamp.boot,
            uptime: stamp.uptime,
            body,
        }))
    }

    /// Throws letters away.
    pub(super) fn drop_letters(&self, letters: &[Letter]) -> rusqlite::Result<()> {
        let mut delete = self.db.prepare_cached("DELETE FROM deadletter WHERE uplink = ? AND id = ?")?;
        letters.iter().try_for_each(|letter| delete.execute(params![letter.uplink, letter.id]).map(drop))?;
        let orphans = "DELETE FROM letter_store WHERE id NOT IN (SELECT id FROM deadletter)";
        self.db.prepare_cached(orphans)?.execute([]).map(drop)
    }
}

fn letter(row: &Row<'_>) -> rusqlite::Result<Letter> {
    Ok(Letter {
        id: row.get(0)?,
        uplink: row.get(1)?,
        stream: stream(row.get_ref(2)?).as_str().to_owned(),
        epoch: row.get(3)?,
        seq: row.get(4)?,
        readings: row.get(5)?,
        store: row.get(8)?,
        at: Timestamp::from_millis(row.get(6)?),
        reason: row.get(7)?,
    })
}
