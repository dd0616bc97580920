//! A document on disk: read with a limit, replaced at once or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// What is on disk.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No file.
    Nothing,
    /// More than the limit, and not read.
    TooLong,
    /// A text.
    Text(Vec<u8>),
}

/// Reads a file of at most `limit` bytes.
pub(super) fn read(path: &Path, limit: usize) -> io::Result<Found> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        opened => opened?,
    };
    let mut text = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut text)?;
    Ok(if text.len() > limit { Found::TooLong } else { Found::Text(text) })
}

/// Replaces a file that is for its owner's eyes alone, and makes its folder. After a power cut the old text is there or the new one, never a part.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let new = path.with_extension("json.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // The name is durable with its folder.
    File::open(folder)?.sync_all()
}
