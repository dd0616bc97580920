//! Copying the store as it is at one moment, also while it is in use.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};

use super::OpenError;

/// Longest wait for the file.
const WAIT: Duration = Duration::from_secs(10);

/// Writes a copy into a file that is not there yet. What a daemon has in memory alone is not in it.
pub fn copy(from: &Path, into: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::Sqlite { path: from.to_owned(), error };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(from, flags).map_err(failed)?;
    db.busy_timeout(WAIT).map_err(failed)?;
    db.execute("VACUUM INTO ?1", [into.to_string_lossy()]).map_err(failed)?;
    Ok(())
}
