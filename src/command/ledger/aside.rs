//! Damaged ledgers as they lie beside the one in use: numbered in the order they were set aside, and few.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;

/// Most damaged ledgers that are kept. A ledger of 100 000 rows takes some 20 MiB; whoever wants to know what was done
/// looks at the last ones, so the oldest goes first.
const MAX_FILES: usize = 4;
/// What stands between the ledger's name and the number.
const DAMAGED: &str = ".damaged-";
/// What SQLite keeps beside a database. It belongs to the damaged file and must not meet the new one.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// A damaged ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DamagedLedger {
    /// Its name; it lies beside the ledger.
    pub file: String,
    /// What it takes, with its log.
    pub bytes: u64,
}

/// What became of a ledger that was damaged, and of those before it.
#[derive(Debug)]
pub(in crate::command) struct SetAside {
    /// Where it is now.
    pub(in crate::command) file: PathBuf,
    /// Older ones that were deleted, because there were too many.
    pub(in crate::command) deleted: Vec<PathBuf>,
}

/// The damaged ledgers that lie beside this one, the oldest first.
pub fn damaged_ledgers(ledger: &Path) -> io::Result<Vec<DamagedLedger>> {
    let size = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
    let bytes = |path: &Path| size(path) + BESIDE.iter().map(|suffix| size(&with(path, suffix))).sum::<u64>();
    let shown = |(_, path): (u32, PathBuf)| {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        DamagedLedger { file, bytes: bytes(&path) }
    };
    Ok(numbered(ledger)?.into_iter().map(shown).collect())
}

/// Renames a damaged ledger and what belongs to it, and deletes the oldest of those before it beyond the bound.
pub(super) fn set_aside(ledger: &Path) -> io::Result<SetAside> {
    let mut others = numbered(ledger)?;
    let number = others.last().map_or(1, |(number, _)| number.saturating_add(1));
    let file = with(ledger, &format!("{DAMAGED}{number}"));
    for suffix in BESIDE {
        unless_missing(fs::rename(with(ledger, suffix), with(&file, suffix)))?;
    }
    fs::rename(ledger, &file)?;
    others.truncate((others.len() + 1).saturating_sub(MAX_FILES));
    // One that cannot be deleted must not keep commands from being taken: the next time it is tried again.
    let deleted = others.into_iter().map(|(_, path)| path).filter(|path| delete(path).is_ok()).collect();
    Ok(SetAside { file, deleted })
}

/// Number and path of each, by number.
fn numbered(ledger: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let folder = ledger.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = format!("{}{DAMAGED}", ledger.file_name().unwrap_or_default().to_string_lossy());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // What has any other name was put there by somebody else.
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(number) = name.and_then(|name| name.strip_prefix(&prefix)?.parse().ok()) {
            found.push((number, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Deletes one, its log first: without the file a log is nothing.
fn delete(path: &Path) -> io::Result<()> {
    BESIDE.iter().try_for_each(|suffix| unless_missing(fs::remove_file(with(path, suffix))))?;
    fs::remove_file(path)
}

fn with(base: &Path, suffix: &str) -> PathBuf {
    let mut name = base.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A file that is not there is as good as one that was dealt with.
fn unless_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_stay_and_a_new_one_is_never_taken_for_an_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = dir.path().join("commands.db");
        let names = || damaged_ledgers(&ledger).unwrap().into_iter().map(|aside| aside.file).collect::<Vec<_>>();
        fs::write(dir.path().join("commands.db.damaged-copy"), "kept by hand").unwrap();
        let mut deleted = Vec::new();

        for round in 1..=11 {
            fs::write(&ledger, vec![0; round]).unwrap();
            fs::write(with(&ledger, "-wal"), vec![0; 100]).unwrap();
            deleted.extend(set_aside(&ledger).unwrap().deleted);
        }

        assert_eq!(names(), [8, 9, 10, 11].map(|number| format!("commands.db.damaged-{number}")));
        assert_eq!(deleted.len(), 7);
        assert_eq!(damaged_ledgers(&ledger).unwrap()[0].bytes, 108);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4 * 2 + 1);
    }
}
