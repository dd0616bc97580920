//! Dead letters: blocks an uplink's broker will never take, kept with the reason until somebody looks.
//!
//! The content is kept here as well as in the store, so that a letter outlives the history. There is a bound; beyond it
//! the oldest letters go, which is counted.

use std::sync::Arc;

use rusqlite::{Row, params};
use serde::Serialize;

use super::{
    codec::{self, Encoder, Stamp},
    commit::{clock_code, no_random, stream_code},
    rows::stream,
    seal::Facts,
    store::{CLOCKS, Store},
};
use crate::model::{Block, BlockId, ClockQuality, Timestamp};

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
        let body = encoder.encode(&Stamp::of(block), &block.body);
        let clock = clock_code(block.clock);
        let (id, stream, epoch, seq) = (block.id.0, &block.stream, block.epoch, block.seq);
        let facts = Facts { id, stream, epoch, seq, clock: clock as u64, parts: &[] };
        let sealed = self.seal.seal(&body, &facts).map_err(no_random)?;
        let sql = "INSERT OR REPLACE INTO deadletter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let readings = block.readings();
        self.db.prepare_cached(sql)?.execute(params![
            id,
            uplink,
            stream_code(stream),
            epoch,
            seq,
            readings,
            clock,
            at.as_millis(),
            reason,
            sealed
        ])?;
        self.bound_letters()
    }

    fn bound_letters(&self) -> rusqlite::Result<u64> {
        let sql = "SELECT count(*), coalesce(sum(length(body)), 0) FROM deadletter";
        let mut gone = 0;
        loop {
            let (count, bytes): (u64, u64) =
                self.db.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            if count <= 1 || (count <= MAX_LETTERS && bytes <= MAX_BYTES) {
                return Ok(gone);
            }
            let oldest = "DELETE FROM deadletter WHERE rowid = (SELECT min(rowid) FROM deadletter)";
            gone += self.db.prepare_cached(oldest)?.execute([])? as u64;
        }
    }

    /// The letters that are meant, oldest first.
    pub(super) fn letters(&self, which: &Letters) -> rusqlite::Result<Vec<Letter>> {
        let sql = "SELECT id, uplink, stream, epoch, seq, n, at, reason FROM deadletter ORDER BY rowid";
        let all = self.db.prepare_cached(sql)?.query_map([], letter)?.collect::<Result<Vec<_>, _>>()?;
        Ok(all.into_iter().filter(|letter| which.has(letter)).collect())
    }

    /// The block of a letter; none if it is not there or damaged.
    pub(super) fn letter_block(&self, letter: &Letter) -> rusqlite::Result<Option<Block>> {
        let sql = "SELECT stream, clock, body FROM deadletter WHERE uplink = ? AND id = ?";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query(params![letter.uplink, letter.id])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let (stream, clock): (_, usize) = (stream(row.get_ref(0)?), row.get(1)?);
        let Letter { id, epoch, seq, .. } = *letter;
        let facts = Facts { id, stream: &stream, epoch, seq, clock: clock as u64, parts: &[] };
        let Ok((stamp, body)) =
            self.seal.unseal(row.get_ref(2)?.as_blob()?, &facts).and_then(|body| codec::decode(&body))
        else {
            return Ok(None);
        };
        Ok(Some(Block {
            id: BlockId(id),
            gateway: stamp.gateway,
            store: Arc::clone(&self.identity.store),
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
        letters.iter().try_for_each(|letter| delete.execute(params![letter.uplink, letter.id]).map(drop))
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
        at: Timestamp::from_millis(row.get(6)?),
        reason: row.get(7)?,
    })
}
