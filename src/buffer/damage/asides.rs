//! Damaged files as they lie beside the store: how many there are, how large, and which go when they are too many.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;

use crate::buffer::opening::{DAMAGED, with_suffix};

/// Most files that are kept once they are salvaged.
const MAX_FILES: usize = 4;

/// A damaged file that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Aside {
    /// Its name; it lies beside the buffer.
    pub file: Arc<str>,
    /// What it takes, with its log.
    pub bytes: u64,
    /// Whether everything that can be read of it was carried over.
    pub is_salvaged: bool,
}

/// The files that were set aside of a store, the oldest first. Those that are `pending` are not salvaged yet.
pub fn asides(store: &Path, pending: &[Arc<str>]) -> io::Result<Vec<Aside>> {
    let folder = folder(store);
    let prefix = store.file_name().map(|name| format!("{}{DAMAGED}", name.to_string_lossy())).unwrap_or_default();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let Ok(file) = entry?.file_name().into_string() else { continue };
        // What has any other name was put there by somebody else.
        let Some(at) = file.strip_prefix(&prefix).and_then(|at| at.parse::<i64>().ok()) else { continue };
        found.push((at, file));
    }
    found.sort_unstable();
    let aside = |(_, file): (i64, String)| {
        let bytes =
            parts(&folder.join(&file)).into_iter().filter_map(|path| fs::metadata(path).ok()).map(|meta| meta.len());
        let is_salvaged = !pending.iter().any(|pending| **pending == file);
        Aside { bytes: bytes.sum(), is_salvaged, file: file.into() }
    };
    Ok(found.into_iter().map(aside).collect())
}

/// Takes out those that have to go so that there are few, within so many bytes: the oldest first, and only what is
/// salvaged.
pub(in crate::buffer) fn excess(asides: &mut Vec<Aside>, room: u64) -> Vec<Aside> {
    let mut gone = Vec::new();
    while asides.len() > MAX_FILES || asides.iter().map(|aside| aside.bytes).sum::<u64>() > room {
        let Some(oldest) = asides.iter().position(|aside| aside.is_salvaged) else { break };
        gone.push(asides.remove(oldest));
    }
    gone
}

/// Deletes such a file, its log first: without the file a log is nothing.
pub(in crate::buffer) fn delete(store: &Path, aside: &Aside) -> io::Result<()> {
    for path in parts(&folder(store).join(&*aside.file)) {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn parts(file: &Path) -> [PathBuf; 3] {
    ["-shm", "-wal", ""].map(|suffix| with_suffix(file, suffix))
}

fn folder(store: &Path) -> &Path {
    store.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(store: &Path, name: &str, bytes: usize) {
        fs::write(store.with_file_name(name), vec![0; bytes]).unwrap();
    }

    fn names(asides: &[Aside]) -> Vec<&str> {
        asides.iter().map(|aside| &*aside.file).collect()
    }

    #[test]
    fn files_are_listed_by_age_with_their_logs_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("buffer.db");
        for (name, bytes) in [
            ("buffer.db.damaged-900", 10),
            ("buffer.db.damaged-900-wal", 5),
            ("buffer.db.damaged-1000", 20),
            ("buffer.db.damaged-copy", 1),
            ("buffer.db", 1),
            ("commands.db.damaged-1", 1),
        ] {
            write(&store, name, bytes);
        }

        let found = asides(&store, &["buffer.db.damaged-1000".into()]).unwrap();

        let found: Vec<_> = found.iter().map(|aside| (&*aside.file, aside.bytes, aside.is_salvaged)).collect();
        assert_eq!(found, [("buffer.db.damaged-900", 15, true), ("buffer.db.damaged-1000", 20, false)]);
    }

    #[test]
    fn the_oldest_salvaged_go_first_and_what_is_not_salvaged_never() {
        let aside = |number: u64, is_salvaged| Aside { file: number.to_string().into(), bytes: 10, is_salvaged };
        let mut many: Vec<_> = (0..7).map(|number| aside(number, number != 0)).collect();

        assert_eq!(names(&excess(&mut many, 1_000)), ["1", "2", "3"]);
        assert_eq!(names(&excess(&mut many, 25)), ["4", "5"]);
        assert_eq!(names(&excess(&mut many, 0)), ["6"]);
        assert_eq!(names(&many), ["0"]);
    }

    #[test]
    fn a_file_goes_with_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("buffer.db");
        write(&store, "buffer.db.damaged-1", 1);
        write(&store, "buffer.db.damaged-1-wal", 1);
        write(&store, "buffer.db.damaged-2", 1);

        delete(&store, &asides(&store, &[]).unwrap()[0]).unwrap();

        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
