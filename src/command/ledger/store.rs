//! The ledger's SQL.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, params};

use super::{
    Entry, Interrupted, Key, Seen, Verdict,
    aside::{SetAside, set_aside},
};
use crate::model::{CommandId, OutcomeStatus, ResponseTo, Timestamp};

/// Schema versions in their order; `user_version` counts those that were applied.
const MIGRATIONS: [&str; 1] = [include_str!("001.sql")];
/// Longest wait for a file that is in use.
const COPY_WAIT: Duration = Duration::from_secs(10);
/// Most rows that are kept.
const MAX_ROWS: usize = 100_000;
/// 2024-01-01T00:00:00Z. A row decided before has its time from a clock that was not set; its age is unknown, so it
/// goes by number only, lest the first correct time makes us forget what was done a minute ago.
const OLDEST_BELIEVABLE_MS: i64 = 1_704_067_200_000;

/// An open ledger file.
pub(super) struct Store {
    /// The only connection.
    connection: Connection,
    /// Device and inode of its file.
    file: (u64, u64),
    /// How long a finished row stays.
    remember: Duration,
}

/// Opens or makes the file. A damaged one is set aside and a new one begun: a gateway that takes no command until
/// somebody comes would be worse than one that forgot old ids, and it says so.
pub(super) fn open(path: &Path, remember: Duration) -> Result<(Store, Option<SetAside>), String> {
    match Store::open(path, remember) {
        Ok(store) => Ok((store, None)),
        Err(error) if is_damage(&error) => {
            let aside = set_aside(path).map_err(|io| format!("{error}; it could not be set aside: {io}"))?;
            let store = Store::open(path, remember).map_err(|error| error.to_string())?;
            Ok((store, Some(aside)))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Copies the file as it is at this moment into one that is not there yet; it may be in use.
pub(super) fn copy(from: &Path, into: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(COPY_WAIT)?;
    connection.execute("VACUUM INTO ?1", [into.to_string_lossy()])?;
    Ok(())
}

/// Whether the file itself is at fault.
fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

impl Store {
    /// Opens the file, checks it and brings its schema up to date.
    fn open(path: &Path, remember: Duration) -> rusqlite::Result<Self> {
        Self::over(Connection::open(path)?, path, remember)
    }

    /// Opens a file that was gone for a while; it is never made.
    pub(super) fn reopen(path: &Path, remember: Duration) -> rusqlite::Result<Self> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // An empty file that somebody left there has forgotten everything.
        let known: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if known == 0 {
            return Err(rusqlite::Error::QueryReturnedNoRows);
        }
        Self::over(connection, path, remember)
    }

    fn over(mut connection: Connection, path: &Path, remember: Duration) -> rusqlite::Result<Self> {
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        check(&connection)?;
        migrate(&mut connection)?;
        let file = file_id(path).ok_or(rusqlite::Error::InvalidPath(path.to_owned()))?;
        Ok(Self { connection, file, remember })
    }

    /// Whether its file is the one at this place.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        file_id(path) == Some(self.file)
    }

    /// Begins a transaction that holds the steps of one commit.
    pub(super) fn begin(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")
    }

    /// Ends it; after an error nothing of it is left.
    pub(super) fn commit(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch("COMMIT").inspect_err(|_| {
            // Fails when SQLite has rolled back already, which is what we want.
            let _ = self.connection.execute_batch("ROLLBACK");
        })
    }

    /// Moves what was committed from the log into the file, so that the log is short and SQLite need not do it within a
    /// commit that somebody waits for.
    pub(super) fn tidy(&self) {
        // When it fails, SQLite does it by itself once the log is longer.
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }

    /// What is known of an id.
    pub(super) fn seen(&self, key: &Key) -> rusqlite::Result<Seen> {
        let mut query = self.connection.prepare_cached("SELECT status FROM command WHERE source = ?1 AND id = ?2")?;
        let found: Option<Option<String>> =
            query.query_row(params![key.source, key.id.as_str()], |row| row.get(0)).optional()?;
        Ok(match found {
            None => Seen::Never,
            Some(None) => Seen::Open,
            // A word we do not know can only come from a later version; the command was acted on all the same.
            Some(Some(word)) => Seen::Settled(OutcomeStatus::parse(&word).unwrap_or(OutcomeStatus::Failed)),
        })
    }

    /// Writes a new row.
    pub(super) fn insert(&self, entry: &Entry) -> rusqlite::Result<()> {
        let sql = "INSERT INTO command
                   (source, id, target, received, status, error, decided, uplink, topic, correlation)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let (verdict, response) = (entry.verdict.as_ref(), entry.response.as_ref());
        self.connection.prepare_cached(sql)?.execute(params![
            entry.key.source,
            entry.key.id.as_str(),
            entry.target,
            entry.received.as_millis(),
            verdict.map(|verdict| verdict.status.as_str()),
            verdict.and_then(|verdict| verdict.error.as_deref()),
            verdict.map(|verdict| verdict.decided.as_millis()),
            response.map(|response| &*response.uplink),
            response.map(|response| &*response.topic),
            response.and_then(|response| response.correlation.as_deref()),
        ])?;
        Ok(())
    }

    /// Ends an open row; one that has ended keeps its first outcome.
    pub(super) fn settle(&self, key: &Key, verdict: &Verdict) -> rusqlite::Result<()> {
        let sql = "UPDATE command SET status = ?3, error = ?4, decided = ?5
                   WHERE source = ?1 AND id = ?2 AND status IS NULL";
        self.connection.prepare_cached(sql)?.execute(params![
            key.source,
            key.id.as_str(),
            verdict.status.as_str(),
            verdict.error,
            verdict.decided.as_millis(),
        ])?;
        Ok(())
    }

    /// The rows without an outcome, oldest first.
    pub(super) fn open_rows(&self) -> rusqlite::Result<Vec<Interrupted>> {
        let sql = "SELECT source, id, uplink, topic, correlation FROM command WHERE status IS NULL ORDER BY number";
        let mut query = self.connection.prepare(sql)?;
        let rows = query.query_map([], interrupted)?;
        // An id that is none any more was never ours; there is nobody to tell.
        rows.filter_map(Result::transpose).collect()
    }

    /// Drops rows that are old enough to forget, and the oldest finished ones beyond the bound.
    pub(super) fn prune(&self, now: Timestamp) -> rusqlite::Result<()> {
        let remember_ms = i64::try_from(self.remember.as_millis()).unwrap_or(i64::MAX);
        let oldest = now.as_millis().saturating_sub(remember_ms);
        let aged = "DELETE FROM command WHERE decided >= ?1 AND decided < ?2";
        self.connection.prepare_cached(aged)?.execute([OLDEST_BELIEVABLE_MS, oldest])?;
        self.prune_beyond(MAX_ROWS)
    }

    /// Drops the oldest finished rows beyond a count. Numbers rise by one, so they bound the count without counting.
    pub(super) fn prune_beyond(&self, rows: usize) -> rusqlite::Result<()> {
        let sql = "DELETE FROM command WHERE status IS NOT NULL
                   AND number <= (SELECT max(number) FROM command) - ?1";
        self.connection.prepare_cached(sql)?.execute([i64::try_from(rows).unwrap_or(i64::MAX)])?;
        Ok(())
    }
}

/// Device and inode of the file at a place.
fn file_id(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Refuses a file whose pages contradict each other.
fn check(connection: &Connection) -> rusqlite::Result<()> {
    let word: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if word == "ok" {
        return Ok(());
    }
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Err(rusqlite::Error::SqliteFailure(code, Some(word)))
}

/// Applies the migrations that the file has not seen, all or none.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let applied: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let transaction = connection.transaction()?;
    for (version, sql) in (1_u32..).zip(MIGRATIONS).filter(|&(version, _)| version > applied) {
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", version)?;
    }
    transaction.commit()
}

/// Reads a row that a crash left open; `None` for one whose id cannot be ours.
fn interrupted(row: &Row<'_>) -> rusqlite::Result<Option<Interrupted>> {
    let (source, id): (String, String) = (row.get(0)?, row.get(1)?);
    let (uplink, topic): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
    let correlation: Option<Vec<u8>> = row.get(4)?;
    let response = uplink.zip(topic).map(|(uplink, topic)| ResponseTo {
        uplink: uplink.into(),
        topic: topic.into(),
        correlation: correlation.map(Into::into),
    });
    Ok(CommandId::new(&id).map(|id| Interrupted { key: Key { source, id }, response }))
}
