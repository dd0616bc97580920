//! Numbers of this store that an uplink is never given: it had their readings under the numbers that the damaged file
//! gave them. They are told as gaps at the end of the salvage, and remembered until then in one row of `meta`.
//!
//! ```text
//! salvage-skipped:<store>   [[stream, epoch, readings, numbers in base64], ...]
//! ```

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rusqlite::Connection;

use super::{numbers::Track, pending::MetaRow, salvager::moved};
use crate::{
    buffer::ranges::Ranges,
    model::{Block, Gap, Stream},
};

/// What its row is called, before the store.
const SKIPPED: &str = "salvage-skipped:";
/// More ranges than this are told before the end, so that the row stays small.
const MAX_RANGES: usize = 100;

/// One entry of the row.
type Entry = (String, u64, u64, String);

/// Numbers of one store, and the readings in their blocks.
#[derive(Debug, Default)]
pub(in crate::buffer) struct Skipped {
    store: Arc<str>,
    tracks: BTreeMap<Track, (Ranges, u64)>,
}

impl Skipped {
    /// A block that came in under this number, and that some uplink had.
    pub(in crate::buffer) fn note(&mut self, block: &Block) {
        self.store = Arc::clone(&block.store);
        let (numbers, readings) = self.tracks.entry((block.stream.clone(), block.epoch)).or_default();
        numbers.insert(block.seq);
        *readings += block.readings() as u64;
    }

    /// Whether nothing was noted.
    pub(in crate::buffer) fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }

    /// Whether it is time to tell them.
    pub(in crate::buffer) fn is_full(&self) -> bool {
        self.tracks.values().map(|(numbers, _)| numbers.iter().count()).sum::<usize>() > MAX_RANGES
    }

    /// A gap for each range of numbers.
    pub(in crate::buffer) fn gaps(&self) -> Vec<Gap> {
        let gaps =
            |(track, (numbers, readings)): (&Track, &(Ranges, u64))| moved(&self.store, track, numbers, *readings);
        self.tracks.iter().flat_map(gaps).collect()
    }

    /// The row that remembers them.
    pub(in crate::buffer) fn row(&self) -> MetaRow {
        let entry = |((stream, epoch), (numbers, readings)): (&Track, &(Ranges, u64))| -> Entry {
            (stream.as_str().to_owned(), *epoch, *readings, BASE64_STANDARD.encode(numbers.encode()))
        };
        let entries: Vec<Entry> = self.tracks.iter().map(entry).collect();
        (self.key(), Some(serde_json::json!(entries).to_string()))
    }

    /// The row that forgets them, once they are told.
    pub(in crate::buffer) fn told(&self) -> MetaRow {
        (self.key(), None)
    }

    /// Reads a row of `meta`; `None` when it is another's. Of a row that is damaged nothing is told.
    pub(in crate::buffer) fn parse((key, value): &MetaRow) -> Option<Self> {
        let store = key.strip_prefix(SKIPPED)?.into();
        let entries: Vec<Entry> = serde_json::from_str(value.as_deref().unwrap_or_default()).unwrap_or_default();
        let tracks = entries.into_iter().filter_map(|(stream, epoch, readings, numbers)| {
            let numbers = Ranges::decode(&BASE64_STANDARD.decode(numbers).ok()?).ok()?;
            Some(((named(&stream), epoch), (numbers, readings)))
        });
        Some(Self { store, tracks: tracks.collect() })
    }

    /// What runs that were interrupted have not told.
    pub(in crate::buffer) fn untold(db: &Connection) -> rusqlite::Result<Vec<Self>> {
        let mut query = db.prepare("SELECT key, value FROM meta WHERE key > 'salvage-' AND key < 'salvage.'")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, Some(row.get(1)?))))?;
        Ok(rows.collect::<rusqlite::Result<Vec<MetaRow>>>()?.iter().filter_map(Self::parse).collect())
    }

    fn key(&self) -> String {
        format!("{SKIPPED}{}", self.store)
    }
}

/// The stream of that name.
fn named(name: &str) -> Stream {
    Stream::ALL.into_iter().find(|stream| stream.as_str() == name).unwrap_or_else(|| Stream::Filtered(name.into()))
}
