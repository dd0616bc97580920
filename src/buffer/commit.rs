//! One commit: everything that became true together, in one transaction.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use rusqlite::{
    Connection, Transaction, params,
    types::{ToSqlOutput, Value},
};

use super::{
    cutter::Seqs,
    delivery,
    kept::{put_snapshot, put_states},
    pack::{Pack, priority_code, put_parts},
    rows::Table,
    seal::{Facts, Seal, checksum},
    store::{CLOCKS, Store},
};
use crate::model::{Block, ClockQuality, Stream, Timestamp};

/// Changed variables by rule and key, each as it is now: however long the database refuses, there are no more of
/// them than variables.
pub(super) type States = HashMap<(Arc<str>, Arc<str>), Option<serde_json::Value>>;

/// An event or outcome on its way into the database.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) block: Arc<Block>,
    pub(super) cut: Timestamp,
    pub(super) body: Vec<u8>,
}

/// What goes into one transaction.
pub(super) struct Commit<'a> {
    /// Blocks of readings that somebody is owed.
    pub(super) packs: &'a [Pack],
    /// Those that everybody has.
    pub(super) history: &'a [Pack],
    /// Events and outcomes.
    pub(super) messages: &'a [Message],
    /// Rows that go.
    pub(super) doomed: &'a [(Table, u64)],
    /// Changes of rule variables.
    pub(super) states: &'a States,
    /// Changes of what is remembered of files that were set aside.
    pub(super) metas: &'a BTreeMap<String, Option<String>>,
    /// Progress of every uplink.
    pub(super) sent: &'a [delivery::Row],
    /// The number given last in each stream.
    pub(super) seqs: &'a Seqs,
    /// The block id given last.
    pub(super) last_id: u64,
    /// Last values up to a block.
    pub(super) snapshot: Option<(u64, Vec<u8>)>,
    /// The trail of an untrusted clock, if it has changed.
    pub(super) trail: Option<&'a str>,
    /// Whether it is on the disk when this returns.
    pub(super) is_synced: bool,
}

impl Commit<'_> {
    fn all_packs(&self) -> impl Iterator<Item = &Pack> {
        self.packs.iter().chain(self.history)
    }

    /// How many blocks it writes, and the bytes of their bodies.
    pub(super) fn written(&self) -> (u64, u64) {
        let packs = self.all_packs().map(|pack| (pack.parts.len(), pack.body.len()));
        let all = packs.chain(self.messages.iter().map(|message| (1, message.body.len())));
        all.fold((0, 0), |(blocks, bytes), (more, body)| (blocks + more as u64, bytes + body as u64))
    }
}

impl Store {
    /// Writes it all, or nothing.
    pub(super) fn commit(&mut self, commit: &Commit<'_>) -> rusqlite::Result<()> {
        // A synced commit syncs the whole log, so it covers every commit before it (SQLite, WAL, synchronous=FULL).
        self.sync(commit.is_synced)?;
        let (epoch, seal) = (self.identity.epoch, &self.seal);
        let tx = self.db.transaction()?;
        commit.all_packs().try_for_each(|pack| insert_pack(&tx, seal, pack))?;
        commit.messages.iter().try_for_each(|message| insert_message(&tx, seal, message))?;
        delete(&tx, commit.doomed)?;
        put_states(&tx, commit.states)?;
        put_metas(&tx, commit.metas)?;
        put_progress(&tx, commit, epoch)?;
        commit.snapshot.as_ref().map_or(Ok(()), |(up_to, body)| put_snapshot(&tx, seal, *up_to, body))?;
        commit.trail.map_or(Ok(()), |text| put_trail(&tx, text))?;
        tx.commit()
    }

    /// Says whether the next commit is on the disk when it returns. Only a change is said: SQLite reads the statement
    /// anew each time.
    fn sync(&self, is_full: bool) -> rusqlite::Result<()> {
        if self.is_full.get() != is_full {
            self.db.pragma_update(None, "synchronous", if is_full { "FULL" } else { "NORMAL" })?;
            self.is_full.set(is_full);
        }
        Ok(())
    }

    /// Puts rows in the place of those with their ids, on the disk when it returns.
    pub(super) fn rewrite(&mut self, packs: &[Pack], messages: &[Message]) -> rusqlite::Result<()> {
        self.sync(true)?;
        let seal = &self.seal;
        let tx = self.db.transaction()?;
        let old = packs.iter().map(|pack| (Table::Pack, pack.id()));
        let old: Vec<_> = old.chain(messages.iter().map(|one| (Table::Message, one.block.id.0))).collect();
        delete(&tx, &old)?;
        packs.iter().try_for_each(|pack| insert_pack(&tx, seal, pack))?;
        messages.iter().try_for_each(|message| insert_message(&tx, seal, message))?;
        tx.commit()
    }

    /// Writes the trail of an untrusted clock, on the disk when it returns.
    pub(super) fn keep_trail(&self, text: &str) -> rusqlite::Result<()> {
        self.sync(true)?;
        put_trail(&self.db, text)
    }
}

fn put_trail(db: &Connection, text: &str) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO meta VALUES ('trail', ?)")?.execute([text]).map(drop)
}

fn insert_pack(tx: &Transaction<'_>, seal: &Seal, pack: &Pack) -> rusqlite::Result<()> {
    let mut insert = tx.prepare_cached("INSERT INTO pack VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    let (parts, clock) = (put_parts(&pack.parts), clock_code(pack.clock));
    let (id, seq) = (pack.id(), pack.parts.first().map_or(0, |part| part.seq));
    let facts = Facts {
        id,
        stream: &pack.stream,
        epoch: pack.epoch,
        seq,
        clock: clock as u64,
        parts: parts.as_deref().unwrap_or_default(),
    };
    let sealed = seal.seal(&pack.body, &facts).map_err(no_random)?;
    insert
        .execute(params![
            id,
            pack.last(),
            stream_code(&pack.stream),
            pack.epoch,
            seq,
            pack.span.0.as_millis(),
            pack.span.1.as_millis(),
            pack.readings,
            clock,
            pack.cut.as_millis(),
            priority_code(pack.priority),
            parts,
            sealed,
        ])
        .map(drop)
}

fn insert_message(tx: &Transaction<'_>, seal: &Seal, message: &Message) -> rusqlite::Result<()> {
    let mut insert = tx.prepare_cached("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?;
    let Message { block, cut, body } = message;
    let clock = clock_code(block.clock);
    let (stream, epoch, seq) = (&block.stream, block.epoch, block.seq);
    let facts = Facts { id: block.id.0, stream, epoch, seq, clock: clock as u64, parts: &[] };
    let sealed = seal.seal(body, &facts).map_err(no_random)?;
    let (code, ts) = (stream_code(stream), block.span().0.as_millis());
    insert.execute(params![block.id.0, code, epoch, seq, ts, clock, cut.as_millis(), sealed]).map(drop)
}

/// Without random bytes nothing can be sealed: the commit fails and is tried again.
pub(super) fn no_random(error: getrandom::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.to_string().into())
}

/// The code of a clock quality.
pub(super) fn clock_code(clock: ClockQuality) -> usize {
    CLOCKS.iter().position(|known| *known == clock).unwrap_or(CLOCKS.len() - 1)
}

/// How a stream is written: the place in [`Stream::ALL`], or its name if it has none.
pub(super) fn stream_code(stream: &Stream) -> ToSqlOutput<'_> {
    match Stream::ALL.iter().position(|known| known == stream) {
        Some(code) => ToSqlOutput::Owned(Value::Integer(i64::try_from(code).unwrap_or_default())),
        None => stream.as_str().into(),
    }
}

fn delete(tx: &Transaction<'_>, doomed: &[(Table, u64)]) -> rusqlite::Result<()> {
    for (table, id) in doomed {
        tx.prepare_cached(&format!("DELETE FROM {} WHERE id = ?", table.name()))?.execute([id])?;
    }
    Ok(())
}

fn put_metas(tx: &Transaction<'_>, metas: &BTreeMap<String, Option<String>>) -> rusqlite::Result<()> {
    for (key, value) in metas {
        match value {
            Some(value) => {
                tx.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?, ?)")?.execute(params![key, value])?
            }
            None => tx.prepare_cached("DELETE FROM meta WHERE key = ?")?.execute([key])?,
        };
    }
    Ok(())
}

fn put_progress(tx: &Transaction<'_>, commit: &Commit<'_>, epoch: u64) -> rusqlite::Result<()> {
    let mut put = tx.prepare_cached("INSERT OR REPLACE INTO sent VALUES (?, ?, ?, ?, ?)")?;
    for row in commit.sent {
        let sum = checksum(&[row.uplink.as_bytes(), &row.ranges]);
        put.execute(params![row.uplink, row.ranges, row.readings, sum, row.bytes])?;
    }
    let [data, event, outcome, local] = Stream::ALL.map(|stream| commit.seqs.get(&stream).copied().unwrap_or(0));
    let sql = "UPDATE epoch SET last_id = ?, data = ?, event = ?, outcome = ?, local = ? WHERE epoch = ?";
    tx.prepare_cached(sql)?.execute(params![commit.last_id, data, event, outcome, local, epoch])?;
    let mut put = tx.prepare_cached("INSERT OR REPLACE INTO filtered VALUES (?, ?, ?)")?;
    for (stream, seq) in commit.seqs.iter().filter(|(stream, _)| matches!(stream, Stream::Filtered(_))) {
        put.execute(params![epoch, stream.as_str(), seq])?;
    }
    Ok(())
}
