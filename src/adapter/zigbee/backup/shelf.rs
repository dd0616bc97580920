//! Where backups are kept: one file each in a folder of the adapter, for its owner's eyes alone, the oldest thrown away.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tokio::task::spawn_blocking;

use super::Backup;
use crate::{adapter::memory::replace, model::Timestamp};

/// Longest file that is read: a document of the most devices is far below.
const MAX_BYTES: u64 = 1 << 20;

/// A folder of backups.
#[derive(Debug, Clone)]
pub struct Shelf {
    folder: PathBuf,
    /// How many there may be; one at least.
    room: usize,
}

impl Shelf {
    /// A folder, which is made with the first backup.
    pub fn new(folder: PathBuf, room: usize) -> Self {
        Self { folder, room: room.max(1) }
    }

    /// The newest backup that can be read.
    pub async fn newest(&self) -> Option<Backup> {
        let folder = self.folder.clone();
        // A thread that panicked has read nothing.
        spawn_blocking(move || files(&folder).iter().rev().find_map(|path| read(path))).await.ok()?
    }

    /// Puts a backup on the shelf and throws away the oldest beyond its room.
    pub async fn put(&self, backup: &Backup, now: Timestamp) -> io::Result<()> {
        let (text, own) = (serde_json::to_vec_pretty(&backup.document())?, self.clone());
        let put = spawn_blocking(move || {
            // Names sort by time; colons would trouble other systems that they are copied to.
            replace(&own.folder.join(format!("{}.json", now.to_string().replace(':', "-"))), &text)?;
            own.prune()
        });
        put.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// Throws away the oldest beyond the room.
    fn prune(&self) -> io::Result<()> {
        let files = files(&self.folder);
        let spare = files.len().saturating_sub(self.room);
        files.iter().take(spare).try_for_each(fs::remove_file)
    }
}

/// The files of a folder, the oldest first; none where there is no folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
    paths.sort();
    paths
}

/// Reads a backup; `None` for what is none.
fn read(path: &Path) -> Option<Backup> {
    let is_short = fs::metadata(path).is_ok_and(|data| data.len() <= MAX_BYTES);
    is_short.then(|| Backup::parse(&fs::read(path).ok()?).ok()).flatten()
}
