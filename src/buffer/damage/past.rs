//! The history of a file whose owed blocks are in: readings that everybody had, or that stay in the gateway. They come
//! last and slowly, for charts, `history` and `export`, and only as far as the new store would keep them.
//!
//! They come in as readings that stay in the gateway (the `local` stream). Under numbers of the streams they were sent
//! in, every uplink would have to be told of numbers that it will never be given.
//!
//! What is remembered of them are two rows in `meta`:
//!
//! ```text
//! salvage-history:<file>      ids that nobody was owed when the rest was carried over, in base64
//! salvage-history-at:<file>   the first row that was not carried over yet
//! ```

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rusqlite::{Connection, OptionalExtension};

use super::{
    look::look,
    pending::MetaRow,
    salvager::newest,
    walk::{Found, Good, Walk},
};
use crate::{
    buffer::{OpenError, history::Seen, ranges::Ranges, rows::Table, seal::Seal, store::Store},
    config::Priority,
    model::{Block, BlockBody, Stream, Timestamp},
};

/// Keys of what is remembered.
const KNOWN: &str = "salvage-history:";
const AT: &str = "salvage-history-at:";

/// A file whose history is still to come.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::buffer) struct Past {
    /// Its name; it lies beside the store.
    pub(super) file: Arc<str>,
    /// The ids it is made of.
    settled: Ranges,
    /// Rows before this one were carried over in an earlier run.
    at: u64,
}

/// A row of it.
#[derive(Debug)]
pub(in crate::buffer) struct PastRow {
    pub(in crate::buffer) file: Arc<str>,
    pub(in crate::buffer) blocks: Vec<Block>,
    pub(in crate::buffer) cut: Timestamp,
    pub(in crate::buffer) priority: Priority,
    /// How far the file is read when this row is in.
    pub(in crate::buffer) reached: MetaRow,
    /// The same in percent of its ids.
    pub(in crate::buffer) percent: u8,
    /// What the file holds from this row on, in bytes, nearly.
    pub(in crate::buffer) left: u64,
}

/// Why it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::buffer) enum PastEnd {
    /// All of it was read.
    Read,
    /// The file is there no more: somebody took it away, or the disk was nearly full.
    Gone,
}

impl Past {
    /// Of a file whose owed blocks are in.
    pub(super) fn new(file: &Arc<str>, settled: &Ranges) -> Self {
        Self { file: Arc::clone(file), settled: settled.clone(), at: 0 }
    }

    /// Of a file of which no more than the name is needed.
    pub(in crate::buffer) fn of(file: &Arc<str>) -> Self {
        Self { file: Arc::clone(file), ..Self::default() }
    }

    /// The file's name.
    pub(in crate::buffer) fn name(&self) -> &Arc<str> {
        &self.file
    }

    /// The row that remembers it.
    pub(in crate::buffer) fn row(&self) -> MetaRow {
        (format!("{KNOWN}{}", self.file), Some(BASE64_STANDARD.encode(self.settled.encode())))
    }

    /// The rows that go when it is done.
    pub(in crate::buffer) fn done(&self) -> [MetaRow; 2] {
        [KNOWN, AT].map(|prefix| (format!("{prefix}{}", self.file), None))
    }

    /// Every file whose history is still to come into this store, the oldest first. Of one whose row is damaged nothing
    /// comes: what was sent and what was not could not be told apart.
    pub(in crate::buffer) fn all(db: &Connection) -> rusqlite::Result<Vec<Self>> {
        let mut query = db.prepare("SELECT key, value FROM meta WHERE key > 'salvage-h' AND key < 'salvage-i'")?;
        let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        let rows: BTreeMap<String, String> = rows.collect::<Result<_, _>>()?;
        let past = |(key, value): (&String, &String)| {
            let file = key.strip_prefix(KNOWN)?;
            let settled = BASE64_STANDARD.decode(value).ok().and_then(|bytes| Ranges::decode(&bytes).ok());
            let at = rows.get(&format!("{AT}{file}")).and_then(|at| at.parse().ok()).unwrap_or_default();
            Some(Self { file: file.into(), settled: settled.unwrap_or_default(), at })
        };
        Ok(rows.iter().filter_map(past).collect())
    }
}

/// Reads the history of one file.
pub(super) struct PastReader {
    store: Store,
    past: Past,
    walk: Walk,
    last: u64,
    bytes: u64,
    /// The same readings in blocks of several uplinks count once.
    seen: Option<Seen>,
}

impl PastReader {
    /// Opens a file beside a store.
    pub(super) fn open(folder: &Path, past: Past, seal: Seal) -> Result<Self, OpenError> {
        let path = folder.join(&*past.file);
        let store = look(&path, seal)?;
        let last = newest(&store);
        let bytes = fs::metadata(&path).map_or(0, |meta| meta.len());
        let is_shared = store.db.query_row("SELECT 1 FROM filtered LIMIT 1", [], |_| Ok(())).optional();
        let seen = is_shared.map_or(true, |shared| shared.is_some()).then(Seen::default);
        let walk = Walk::from(Table::Pack, past.at, last);
        Ok(Self { store, past, walk, last, bytes, seen })
    }

    /// The file's name.
    #[cfg(test)]
    pub(super) fn file(&self) -> &Arc<str> {
        &self.past.file
    }

    /// Goes on for a moment; none at the end.
    pub(super) fn step(&mut self) -> Option<Vec<PastRow>> {
        let found = self.walk.step(&self.store)?;
        // What is damaged was told when the owed blocks were read.
        let good = found.into_iter().filter_map(|found| match found {
            Found::Good(good) => Some(good),
            Found::Damaged(_) | Found::Unreadable => None,
        });
        Some(good.filter_map(|good| self.row(good)).collect())
    }

    fn row(&mut self, good: Good) -> Option<PastRow> {
        let row = *good.blocks.keys().next()?;
        let Good { cut, priority, blocks, .. } = good;
        let blocks: Vec<_> = blocks.into_values().filter_map(|block| self.kept(block)).collect();
        let share = |whole: u64, part: u64| {
            u64::try_from(u128::from(whole) * u128::from(part) / u128::from(self.last.max(1))).unwrap_or(whole)
        };
        (!blocks.is_empty()).then(|| PastRow {
            file: Arc::clone(&self.past.file),
            blocks,
            cut,
            priority,
            reached: (format!("{AT}{}", self.past.file), Some((row + 1).to_string())),
            percent: u8::try_from(share(100, row)).map_or(100, |percent| percent.min(100)),
            left: share(self.bytes, self.last.saturating_sub(row)),
        })
    }

    /// The block as it stays in the gateway; none when it came over with what was owed.
    fn kept(&mut self, mut block: Block) -> Option<Block> {
        let BlockBody::Readings(readings) = &block.body else { return None };
        if let Some(seen) = &mut self.seen {
            let mut own = readings.to_vec();
            seen.drop_others(&block.stream, block.id.0, &mut own);
            block.body = BlockBody::Readings(own.into());
        }
        let is_kept = self.past.settled.contains(block.id.0) && !block.body.readings().is_empty();
        is_kept.then_some(Block { stream: Stream::Local, ..block })
    }
}
