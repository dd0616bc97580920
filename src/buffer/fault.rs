//! What can be wrong with the file: why it cannot be opened, and which of SQLite's errors mean damage or a full disk.

use std::{io, path::PathBuf};

use rusqlite::{ErrorCode, ffi};

use super::cipher::KeyError;

/// Why the buffer cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another daemon has it.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// Written by a later version of the daemon.
    #[error("{} has format {found}, this version knows up to {known}", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: usize,
        /// The newest format this version knows.
        known: usize,
    },
    /// The directory or the files beside the database.
    #[error("{}: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The key that is configured does not do.
    #[error("{} {error}", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: KeyError,
    },
    /// SQLite refused.
    #[error("{}: {error}", .path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        error: rusqlite::Error,
    },
}

/// What SQLite says, for want of a code, of a schema that our statements do not fit.
const MISFITS: [&str; 3] = ["no such ", " has no column named ", " columns but "];

/// Damage is what another try cannot heal. A full disk or a missing right is not damage.
pub(super) fn is_damaged(error: &rusqlite::Error) -> bool {
    // Our own statements are right, so a schema they do not fit or an id that is there already is damage too.
    let codes = [
        Some(ErrorCode::NotADatabase),
        Some(ErrorCode::DatabaseCorrupt),
        Some(ErrorCode::ConstraintViolation),
        Some(ErrorCode::TypeMismatch),
    ];
    // What the disk cannot read now it will not read later.
    let reads = [ffi::SQLITE_IOERR_READ, ffi::SQLITE_IOERR_SHORT_READ, ffi::SQLITE_IOERR_CORRUPTFS];
    codes.contains(&error.sqlite_error_code())
        || error.sqlite_error().is_some_and(|error| reads.contains(&error.extended_code))
        || matches!(error, rusqlite::Error::SqliteFailure(_, Some(text)) if MISFITS.iter().any(|part| text.contains(part)))
        || matches!(
            error,
            rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::QueryReturnedNoRows
                | rusqlite::Error::SqlInputError { .. }
        )
}

/// Whether the disk has no room; the log's index says so in its own way.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    let writes = [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_IOERR_SHMOPEN];
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || error.sqlite_error().is_some_and(|error| writes.contains(&error.extended_code))
}
