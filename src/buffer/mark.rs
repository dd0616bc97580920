//! The mark: how far the store had come, kept in the lock file beside the database.
//!
//! SQLite takes a damaged frame of its log for the log's end, and says nothing. What was committed behind it is gone,
//! the epoch among it. The mark is renewed with each commit: it keeps the epoch from being given again, and shows what
//! is missing.

use std::{fmt, fs::File, io, os::unix::fs::FileExt};

/// Longest mark that is read.
const MAX_BYTES: usize = 256;

/// What a lock file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// The store it is about.
    pub(super) store: String,
    /// The last epoch.
    pub(super) epoch: u64,
    /// The id given last.
    pub(super) last_id: u64,
    /// The numbers given last in this epoch to data, events and outcomes.
    pub(super) seqs: [u64; 3],
}

impl Mark {
    /// The mark in a file; none in one that is empty or holds anything else.
    pub(super) fn read(file: &File) -> Option<Self> {
        let mut bytes = [0; MAX_BYTES];
        let len = file.read_at(&mut bytes, 0).ok()?;
        Self::parse(str::from_utf8(&bytes[..len]).ok()?)
    }

    /// Reads what it is written as.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.lines().next()?.split(' ');
        let (store, epoch, last_id) = (words.next()?, words.next()?, words.next()?);
        let (epoch, last_id) = (epoch.parse().ok()?, last_id.parse().ok()?);
        let mut seqs = [0; 3];
        for seq in &mut seqs {
            // A mark of an earlier version has none.
            *seq = words.next().map_or(Some(0), |word| word.parse().ok())?;
        }
        Some(Self { store: store.to_owned(), epoch, last_id, seqs })
    }

    /// Writes it; a killed process leaves it behind, a power cut perhaps an earlier one.
    pub(super) fn write(&self, file: &File) -> io::Result<()> {
        file.write_all_at(format!("{self}\n").as_bytes(), 0)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, epoch, last_id, seqs: [data, event, outcome] } = self;
        write!(f, "{store} {epoch} {last_id} {data} {event} {outcome}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_written_and_anything_else_is_none() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(Mark::read(&file), None);
        for epoch in [123, 7] {
            let mark = Mark { store: "6f2c".to_owned(), epoch, last_id: 99, seqs: [7, 1, epoch] };
            mark.write(&file).unwrap();
            assert_eq!(Mark::read(&file), Some(mark));
        }
        file.write_all_at(b"6f2c 9 99\n", 0).unwrap();
        assert_eq!(Mark::read(&file).map(|mark| (mark.epoch, mark.seqs)), Some((9, [0; 3])));
        file.write_all_at(&[0xff; 300], 0).unwrap();
        assert_eq!(Mark::read(&file), None);
    }
}
