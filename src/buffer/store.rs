//! The database file once it is open: every query that is no commit.

use std::{cell::Cell, collections::BTreeMap, fs::File, path::PathBuf, sync::Arc};

use rusqlite::{Connection, OptionalExtension, Row, ffi, params};

use super::{
    Identity,
    delivery::Progress,
    opening::{FileId, with_suffix},
    ranges::Ranges,
    seal::{Seal, checksum},
};
use crate::model::{ClockQuality, EpochEnd, Stream};

/// Largest write-ahead log that is kept.
pub(super) const MAX_LOG: u64 = 4 << 20;
/// Most epochs whose end is remembered; a `state` that names them all stays well below the largest message.
const MAX_EPOCHS: u64 = 512;
/// Clock qualities in the order of their code.
pub(super) const CLOCKS: [ClockQuality; 4] =
    [ClockQuality::Ntp, ClockQuality::Rtc, ClockQuality::Estimated, ClockQuality::None];

/// The open database.
pub(super) struct Store {
    pub(super) db: Connection,
    pub(super) identity: Identity,
    pub(super) path: PathBuf,
    /// Which file it is; none while it is detached, and of one that is only looked at.
    pub(super) file: Option<FileId>,
    /// Held as long as the store is open; it holds the [`Mark`](super::mark::Mark). None for a file that is only looked at.
    pub(super) lock: Option<File>,
    /// What its bodies are sealed with.
    pub(super) seal: Seal,
    /// Whether commits are synced at present; as it was opened, they are.
    pub(super) is_full: Cell<bool>,
}

impl Store {
    /// Whether it has let go of its file.
    pub(super) fn is_detached(&self) -> bool {
        self.file.is_none()
    }

    /// Lets go of the file and its lock. Until it has one again every query fails: there is no table to ask.
    pub(super) fn detach(&mut self) -> rusqlite::Result<()> {
        self.db = Connection::open_in_memory()?;
        (self.file, self.lock) = (None, None);
        Ok(())
    }

    /// The id given last.
    pub(super) fn last_id(&self) -> rusqlite::Result<u64> {
        self.db.query_row("SELECT max(last_id) FROM epoch", [], |row| row.get(0))
    }

    /// Progress per uplink, the base under the empty name. Ranges that cannot be read count as nothing sent.
    pub(super) fn progress(&self) -> rusqlite::Result<BTreeMap<Arc<str>, Progress>> {
        let mut query = self.db.prepare("SELECT uplink, ranges, readings, bytes, sum FROM sent")?;
        let row = |row: &Row<'_>| {
            let bytes: Vec<u8> = row.get(1)?;
            let (uplink, sum): (Arc<str>, Option<u32>) = (row.get(0)?, row.get(4)?);
            let is_whole = sum.is_none_or(|sum| sum == checksum(&[uplink.as_bytes(), &bytes]));
            let settled = Ranges::decode(&bytes).ok().filter(|_| is_whole).unwrap_or_default();
            Ok((uplink, Progress::stored(settled, row.get(2)?, row.get(3)?)))
        };
        query.query_map([], row)?.collect()
    }

    /// The trail of an untrusted clock, as it was written last.
    pub(super) fn trail(&self) -> rusqlite::Result<Option<String>> {
        self.db.query_row("SELECT value FROM meta WHERE key = 'trail'", [], |row| row.get(0)).optional()
    }

    /// The number that a stream gave last in an epoch; 0 when nobody knows any more.
    pub(super) fn last_seq(&self, epoch: u64, stream: &str) -> rusqlite::Result<u64> {
        let sql = "SELECT coalesce((SELECT CASE ?2 WHEN 'data' THEN data WHEN 'event' THEN event
                                           WHEN 'outcome' THEN outcome WHEN 'local' THEN local END
                                    FROM epoch WHERE epoch = ?1),
                                   (SELECT seq FROM filtered WHERE epoch = ?1 AND stream = ?2), 0)";
        self.db.prepare_cached(sql)?.query_row(params![epoch, stream], |row| row.get(0))
    }

    /// Syncs the log: every commit so far is on the disk when it returns. A commit of its own would not do: one that
    /// changes no page writes nothing, and SQLite syncs only after it has written. The log is a file without locks, so
    /// another handle may be closed.
    pub(super) fn sync_log(&self) -> rusqlite::Result<()> {
        let synced = File::open(with_suffix(&self.path, "-wal")).and_then(|log| log.sync_data());
        synced.map_err(|error| {
            let code = ffi::Error::new(ffi::SQLITE_IOERR_FSYNC);
            rusqlite::Error::SqliteFailure(code, Some(format!("log cannot be synced: {error}")))
        })
    }

    /// Pages in use and the write-ahead log, in bytes.
    pub(super) fn size(&self) -> rusqlite::Result<u64> {
        Ok(self.pages()? + self.log())
    }

    /// As [`Store::size`] without the part of the log that will be cut off: no block need go for that.
    pub(super) fn lasting_size(&self) -> rusqlite::Result<u64> {
        Ok(self.pages()? + self.log().min(MAX_LOG))
    }

    /// Bytes of the file, pages that are free again among them.
    pub(super) fn allocated(&self) -> rusqlite::Result<u64> {
        let pragma = |name| self.db.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
        Ok(pragma("page_count")? * pragma("page_size")?)
    }

    /// Lets pages go that are in memory and the same in the file, after work that went through many of them once.
    pub(super) fn forget_pages(&self) {
        // Only memory depends on it, and that is bounded by the size of the cache all the same.
        let _ = self.db.execute_batch("PRAGMA shrink_memory");
    }

    fn pages(&self) -> rusqlite::Result<u64> {
        let pragma = |name| self.db.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
        let pages = pragma("page_count")?.saturating_sub(pragma("freelist_count")?);
        Ok(pages * pragma("page_size")?)
    }

    fn log(&self) -> u64 {
        // Before the first commit there is no log.
        std::fs::metadata(with_suffix(&self.path, "-wal")).map_or(0, |meta| meta.len())
    }

    /// Epochs before this one that the uplink has not closed. One with a stream of its own hears of that and not of
    /// `data`.
    pub(super) fn open_epochs(&self, uplink: &str, own: Option<&Stream>) -> rusqlite::Result<Vec<EpochEnd>> {
        let sql =
            "SELECT epoch, data, event, outcome, (SELECT seq FROM filtered WHERE epoch = e.epoch AND stream = ?3)
                   FROM epoch e WHERE epoch < ?1
                   AND epoch > coalesce((SELECT up_to FROM closed WHERE uplink = ?2), 0) ORDER BY epoch";
        let name = own.map(Stream::as_str);
        let end = |row: &Row<'_>| {
            let last = |column| row.get(column).map(|seq: Option<u64>| seq.filter(|seq| *seq > 0));
            let filtered = name.map(Arc::from).zip(last(4)?).into_iter().collect();
            let data = if own.is_none() { last(1)? } else { None };
            Ok(EpochEnd { epoch: row.get(0)?, data, event: last(2)?, outcome: last(3)?, filtered })
        };
        self.db.prepare_cached(sql)?.query_map(params![self.identity.epoch, uplink, name], end)?.collect()
    }

    /// An uplink has told the end of every epoch up to this one.
    pub(super) fn close_epochs(&self, uplink: &str, up_to: u64) -> rusqlite::Result<()> {
        let sql = "INSERT INTO closed VALUES (?1, ?2) ON CONFLICT DO UPDATE SET up_to = max(up_to, ?2)";
        self.db.prepare_cached(sql)?.execute(params![uplink, up_to]).map(drop)
    }

    /// Forgets what uplinks that are configured no more had sent and closed.
    pub(super) fn keep_uplinks(&self, names: &[Arc<str>]) -> rusqlite::Result<()> {
        let mut query = self.db.prepare("SELECT uplink FROM sent UNION SELECT uplink FROM closed")?;
        let known: Vec<Arc<str>> = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for gone in known.iter().filter(|name| !name.is_empty() && !names.contains(name)) {
            self.db.execute("DELETE FROM sent WHERE uplink = ?", [gone])?;
            self.db.execute("DELETE FROM closed WHERE uplink = ?", [gone])?;
        }
        self.forget_epochs(names.len())
    }

    /// Forgets the ends of epochs that every uplink has closed and no block belongs to, and the oldest beyond the
    /// bound, which takes hundreds of starts without a broker.
    fn forget_epochs(&self, uplinks: usize) -> rusqlite::Result<()> {
        let first = |table| format!("SELECT (SELECT epoch FROM {table} ORDER BY id LIMIT 1) AS epoch");
        let sql = format!("SELECT min(epoch) FROM ({} UNION ALL {})", first("pack"), first("message"));
        let oldest: Option<u64> = self.db.query_row(&sql, [], |row| row.get(0))?;
        let closed: u64 = self.db.query_row(
            "SELECT iif(count(*) < ?1, 0, coalesce(min(up_to), ?2)) FROM closed",
            params![uplinks, self.identity.epoch],
            |row| row.get(0),
        )?;
        let done = closed.saturating_add(1).min(oldest.unwrap_or(u64::MAX)).min(self.identity.epoch);
        let bound = self.identity.epoch.saturating_sub(MAX_EPOCHS);
        let bound = done.max(bound);
        self.db.execute("DELETE FROM filtered WHERE epoch < ?", [bound])?;
        self.db.execute("DELETE FROM epoch WHERE epoch < ?", [bound]).map(drop)
    }
}
