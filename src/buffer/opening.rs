//! Opening the database file, whatever happened to it: lock, migrations, damage, a full disk.
//!
//! A lock file beside the database keeps a second daemon out; the kernel frees it when this one dies.

use std::{
    cell::Cell,
    fs::{File, TryLockError},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, config::DbConfig};
use tracing::{info, warn};

use super::{
    Identity,
    cipher::KeyError,
    commit::no_random,
    damage::{Handover, Pending, Sent},
    fault::is_full,
    kept::prove_states,
    mark::{End, Mark},
    pack::SPAN,
    seal::Seal,
    store::{MAX_LOG, Store},
};
use crate::model::{Gap, Timestamp};

pub(super) use super::fault::{OpenError, is_damaged};

/// Forward only; the file's `user_version` is how many of them it has seen.
const MIGRATIONS: [&str; 6] = [
    include_str!("schema/0001_first.sql"),
    include_str!("schema/0002_packs.sql"),
    include_str!("schema/0003_rollup.sql"),
    include_str!("schema/0004_sums.sql"),
    include_str!("schema/0005_owed_bytes.sql"),
    include_str!("schema/0006_proofs.sql"),
];
/// The format of a file that was opened.
pub(super) const FORMAT: usize = MIGRATIONS.len();
/// Where a store keeps what it knows its key by.
const KEY: &str = "key";
/// What comes behind the name of a file that was set aside, before the time.
pub(super) const DAMAGED: &str = ".damaged-";
/// Room that is kept for a start on a full disk: for this store, and the command ledger beside it.
const RESERVE: usize = 256 << 10;

/// Device and inode: what tells one file from another at the same place.
pub(super) type FileId = (u64, u64);

/// What happened to the store while nobody looked.
#[derive(Debug)]
pub(super) struct Notice {
    /// The name of the event that tells of it.
    pub(super) what: &'static str,
    /// Its text.
    pub(super) text: String,
    /// What is known to be missing.
    pub(super) gaps: Vec<Gap>,
    /// How far epochs had come, for their rows once this is told.
    pub(super) given: Vec<End>,
}

/// Opens the store, or sets a damaged one aside and begins a new one; then the notice says where the old one is.
pub(super) fn open(path: &Path, seal: Seal, now: Timestamp) -> Result<(Store, Option<Notice>), OpenError> {
    let lock = lock(path)?;
    if is_emptied(path) {
        return begin_anew(path, seal, lock, now, ("the file was empty", None));
    }
    let mark = Mark::read(&lock);
    match take_up(path, &seal, &lock, mark.as_ref()) {
        Err(OpenError::Sqlite { error, .. }) if is_damaged(&error) => {
            begin_anew(path, seal, lock, now, (&error.to_string(), None))
        }
        taken => taken,
    }
}

/// Goes on with the store that is there; says what its end has lost.
fn take_up(path: &Path, seal: &Seal, lock: &File, mark: Option<&Mark>) -> Result<(Store, Option<Notice>), OpenError> {
    let connected = connect_with_reserve(path, seal, mark)?;
    let lock = lock.try_clone().map_err(|error| OpenError::Io { path: path.to_owned(), error })?;
    let store = store(path, connected, lock, seal.clone())?;
    let lost = store.lost_end(mark).map_err(|error| sqlite(path, error))?;
    store.mark_start(mark)?;
    Ok((store, lost))
}

/// Begins a new store in the place of one that was found damaged in use; `sent` is what memory knows of deliveries.
pub(super) fn replace(
    path: &Path,
    seal: Seal,
    now: Timestamp,
    why: &str,
    sent: Option<Sent>,
) -> Result<(Store, Option<Notice>), OpenError> {
    let lock = lock(path)?;
    begin_anew(path, seal, lock, now, (why, sent))
}

/// Sets the file aside and begins a new store, which remembers that the old one is to be salvaged; the text says why,
/// and where it is.
fn begin_anew(
    path: &Path,
    seal: Seal,
    lock: File,
    now: Timestamp,
    (why, sent): (&str, Option<Sent>),
) -> Result<(Store, Option<Notice>), OpenError> {
    let mark = Mark::read(&lock);
    let aside = set_aside(path, now)?;
    let handover = Handover::read(&aside, &seal);
    let (mut db, identity) = connect(path, &seal, None)?;
    handover.write(&mut db, &seal).map_err(|error| sqlite(path, error))?;
    Pending::new(&aside, mark, sent).remember(&db).map_err(|error| sqlite(path, error))?;
    let text = format!("{why}; what can be read of the old file {} is salvaged; {handover}", aside.display());
    warn!(text, "Damaged buffer was set aside, a new store begins");
    let store = store(path, (db, identity), lock, seal)?;
    store.mark_start(None)?;
    Ok((store, Some(Notice { what: "store-replaced", text, gaps: Vec::new(), given: Vec::new() })))
}

fn store(path: &Path, (db, identity): (Connection, Identity), lock: File, seal: Seal) -> Result<Store, OpenError> {
    let file = Some(file_id(path).map_err(|error| OpenError::Io { path: path.to_owned(), error })?);
    Ok(Store { db, identity, path: path.to_owned(), file, lock: Some(lock), seal, is_full: Cell::new(true) })
}

/// Which file is at a place.
pub(super) fn file_id(path: &Path) -> io::Result<FileId> {
    std::fs::metadata(path).map(|meta| (meta.dev(), meta.ino()))
}

/// Opens the file of a store that is in use and was detached from it. It must be the same store in the same epoch, and
/// take a write that is on the disk.
pub(super) fn reopen(path: &Path, seal: &Seal, identity: &Identity) -> Result<Store, OpenError> {
    let failed = |error| sqlite(path, error);
    let lock = lock(path)?;
    // It is never made: a file that is not there will come, and so may another disk.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(failed)?;
    prepare(&db).map_err(failed)?;
    let sql = "UPDATE epoch SET last_id = last_id
               WHERE epoch = ? AND (SELECT value FROM meta WHERE key = 'store') = ? RETURNING last_id";
    let id = rusqlite::params![identity.epoch, identity.store];
    db.query_row(sql, id, |row| row.get::<_, u64>(0)).map_err(failed)?;
    store(path, (db, identity.clone()), lock, seal.clone())
}

/// A file without content, or a log without its file: SQLite would take both for a new store and say nothing. It has
/// no file shorter than its smallest page.
fn is_emptied(path: &Path) -> bool {
    let length = |path: &Path| std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
    let log = length(&with_suffix(path, "-wal")).unwrap_or(0);
    length(path).map_or(log > 0, |length| length < 512)
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let file = with_suffix(path, ".lock");
    let failed = |error| OpenError::Io { path: file.clone(), error };
    let lock = File::options().create(true).read(true).write(true).truncate(false).open(&file).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, OpenError> {
    let aside = with_suffix(path, &format!("{DAMAGED}{}", now.as_millis()));
    for suffix in ["-wal", "-shm", ""] {
        let (from, to) = (with_suffix(path, suffix), with_suffix(&aside, suffix));
        match std::fs::rename(&from, to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(OpenError::Io { path: from, error }),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(aside)
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Connects, if need be in the room of the reserve: a gateway that was restarted on a full disk goes on from memory.
fn connect_with_reserve(path: &Path, seal: &Seal, mark: Option<&Mark>) -> Result<(Connection, Identity), OpenError> {
    let reserve = with_suffix(path, ".reserve");
    let connected = match connect(path, seal, mark) {
        Err(OpenError::Sqlite { error, .. }) if is_full(&error) && std::fs::remove_file(&reserve).is_ok() => {
            warn!("Disk is full, the buffer opens in the room of its reserve");
            return connect(path, seal, mark);
        }
        other => other?,
    };
    if !reserve.exists() && std::fs::write(&reserve, vec![0xa5; RESERVE]).is_err() {
        // Half a reserve is of no use, and the room is needed.
        let _ = std::fs::remove_file(&reserve);
    }
    Ok(connected)
}

fn sqlite(path: &Path, error: rusqlite::Error) -> OpenError {
    OpenError::Sqlite { path: path.to_owned(), error }
}

fn connect(path: &Path, seal: &Seal, mark: Option<&Mark>) -> Result<(Connection, Identity), OpenError> {
    let failed = |error| sqlite(path, error);
    let mut db = Connection::open(path).map_err(failed)?;
    prepare(&db).map_err(failed)?;
    let found: usize = db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    if found > MIGRATIONS.len() {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: MIGRATIONS.len() });
    }
    if found > 0 {
        check_key(path, &db, seal)?;
    }
    let identity = migrate(&mut db, found, mark).map_err(failed)?;
    keep_key(&db, seal, &identity).map_err(failed)?;
    probe(&db).map_err(failed)?;
    Ok((db, identity))
}

/// The write-ahead log keeps its size and outlives the daemon: growing a file again costs the flash more than
/// writing into it. Only what a very large commit has left is cut off. Few pages are kept in memory: what is written is
/// hardly looked at again, and what no longer has room goes into the log before its commit.
fn prepare(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 1024;
         PRAGMA synchronous = FULL; PRAGMA cache_size = -512;",
    )?;
    db.pragma_update(None, "journal_size_limit", MAX_LOG)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    db.set_prepared_statement_cache_capacity(32);
    Ok(())
}

/// Whether the key is the one that the store was sealed with; before anything is changed.
pub(super) fn check_key(path: &Path, db: &Connection, seal: &Seal) -> Result<(), OpenError> {
    let meta = |key: &str| {
        let query = db.query_row("SELECT value FROM meta WHERE key = ?", [key], |row| row.get::<_, String>(0));
        query.optional().map_err(|error| sqlite(path, error))
    };
    let Some(value) = meta(KEY)? else { return Ok(()) };
    let wrong = |error| Err(OpenError::Key { path: path.to_owned(), error });
    let Some(cipher) = seal.cipher() else { return wrong(KeyError::Missing) };
    match cipher.knows(&value, &meta("store")?.unwrap_or_default()) {
        Some(true) => Ok(()),
        Some(false) => wrong(KeyError::Wrong),
        None => Err(sqlite(path, rusqlite::Error::QueryReturnedNoRows)),
    }
}

/// From now on the store knows its key.
fn keep_key(db: &Connection, seal: &Seal, identity: &Identity) -> rusqlite::Result<()> {
    let Some(cipher) = seal.cipher() else { return Ok(()) };
    let has_one = db.query_row("SELECT 1 FROM meta WHERE key = ?", [KEY], |_| Ok(())).optional()?.is_some();
    if has_one {
        return Ok(());
    }
    info!("Buffer is sealed from now on");
    let value = cipher.check_value(&identity.store).map_err(no_random)?;
    db.execute("INSERT INTO meta VALUES (?, ?)", [KEY, &value]).map(drop)
}

/// Reads every small table and both ends of the large one: damage is better found before anything builds on them.
/// What lies between is found when it is read; a look at all of it would take a start many seconds.
fn probe(db: &Connection) -> rusqlite::Result<()> {
    for sql in [
        "SELECT * FROM meta",
        "SELECT * FROM epoch",
        "SELECT * FROM closed",
        "SELECT * FROM sent",
        "SELECT * FROM state",
        "SELECT * FROM snapshot",
        "SELECT * FROM filtered",
        "SELECT count(*) FROM deadletter",
        "SELECT count(*) FROM letter_store",
        // Both ends in one query would read the whole table (SQLite's query planner, "MIN/MAX optimization").
        "SELECT min(id) FROM pack",
        "SELECT min(id) FROM message",
        "SELECT * FROM pack ORDER BY id DESC LIMIT 1",
        "SELECT * FROM message ORDER BY id DESC LIMIT 1",
    ] {
        let mut query = db.prepare(sql)?;
        let last = query.column_count() - 1;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            row.get_ref(last)?;
        }
    }
    Ok(())
}

/// Brings the file to this version and raises the epoch, synced to the disk before anything gets a number.
fn migrate(db: &mut Connection, found: usize, mark: Option<&Mark>) -> rusqlite::Result<Identity> {
    let tx = db.transaction()?;
    for sql in &MIGRATIONS[found..] {
        tx.execute_batch(sql)?;
    }
    if found < MIGRATIONS.len() {
        prove_states(&tx)?;
    }
    tx.pragma_update(None, "user_version", MIGRATIONS.len())?;
    let fresh = uuid::Uuid::new_v4().simple().to_string();
    tx.execute("INSERT OR IGNORE INTO meta VALUES ('store', ?)", [fresh])?;
    let store: String = tx.query_row("SELECT value FROM meta WHERE key = 'store'", [], |row| row.get(0))?;
    // The newest block and the mark are asked too: no number is given twice because a row of epochs is gone.
    let marked = mark.filter(|mark| mark.store == store).map_or(0, |mark| mark.last.epoch);
    let sql = "INSERT INTO epoch (epoch, last_id)
               SELECT max(coalesce(max(epoch), 0), coalesce((SELECT epoch FROM pack ORDER BY id DESC LIMIT 1), 0),
                          coalesce((SELECT epoch FROM message ORDER BY id DESC LIMIT 1), 0), ?) + 1,
                      max(coalesce(max(last_id), 0), coalesce((SELECT max(last) FROM pack WHERE id > (SELECT max(id) FROM pack) - ?), 0),
                          coalesce((SELECT max(id) FROM message), 0))
               FROM epoch RETURNING epoch, last_id";
    // Both are read as numbers: where they come from may be damaged, and then they are none.
    let (epoch, _): (u64, u64) = tx.query_row(sql, [marked, SPAN], |row| Ok((row.get(0)?, row.get(1)?)))?;
    tx.commit()?;
    Ok(Identity { store: store.into(), epoch })
}
