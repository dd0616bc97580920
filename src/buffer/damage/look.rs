//! Opening a file to look at it: nothing in it changes, and a daemon may be using it.

use std::{cell::Cell, path::Path};

use rusqlite::{Connection, OpenFlags, OptionalExtension, config::DbConfig};

use crate::buffer::{
    Identity, OpenError,
    opening::{check_key, is_damaged},
    seal::Seal,
    store::Store,
};

/// Opens a file that may be damaged. Only a key that does not fit is a reason to leave it, and what keeps any file from
/// being read.
pub(super) fn look(path: &Path, seal: Seal) -> Result<Store, OpenError> {
    let failed = |error| OpenError::Sqlite { path: path.to_owned(), error };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(failed)?;
    // Without it SQLite reads nothing of a file that has lost its end.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true).map_err(failed)?;
    db.set_prepared_statement_cache_capacity(32);
    match check_key(path, &db, &seal) {
        Err(OpenError::Sqlite { error, .. }) if is_damaged(&error) => {}
        other => other?,
    }
    let store = meta(&db, "store").unwrap_or_default();
    Ok(Store {
        db,
        identity: Identity { store: store.into(), epoch: 0 },
        path: path.to_owned(),
        file: None,
        lock: None,
        seal,
        is_full: Cell::new(true),
    })
}

/// A value of the table that says what the file is; none when it cannot be read.
pub(super) fn meta(db: &Connection, key: &str) -> Option<String> {
    let value = db.query_row("SELECT value FROM meta WHERE key = ?", [key], |row| row.get(0)).optional();
    // What is damaged here is found again, and told, where the rows are read.
    value.ok().flatten()
}
