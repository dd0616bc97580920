//! Looking through a whole file: its pages, every row, and the numbers.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde::Serialize;

use super::{
    look::look,
    numbers::{Numbers, Track},
    pending::Sent,
    walk::{Found, Good, Walk},
};
use crate::{
    buffer::{OpenError, rows::Head, rows::Table, seal::Seal, store::Store},
    config,
};

/// Most rows and complaints that are listed one by one; all are counted.
const LISTED: usize = 100;

/// What was found in a file.
#[derive(Debug, Default, Serialize)]
pub struct Checked {
    /// The store's id; empty when it cannot be read.
    pub store: Arc<str>,
    /// What SQLite says is wrong with pages and indexes.
    pub pages: Vec<String>,
    /// Blocks per stream and epoch.
    pub streams: Vec<Seen>,
    /// Rows whose body is not what was written.
    pub damaged_rows: u64,
    /// The first of them, with what they say of themselves, which may be damaged as well.
    pub damaged: Vec<DamagedRow>,
    /// Ids and numbers that came twice or fell.
    pub twice: u64,
    /// Undelivered blocks that should be there and are not.
    pub missing: Vec<Missing>,
}

/// The blocks of one stream in one epoch.
#[derive(Debug, Default, Serialize)]
pub struct Seen {
    /// The stream.
    pub stream: String,
    /// The epoch.
    pub epoch: u64,
    /// How many blocks.
    pub blocks: u64,
    /// How many readings in them.
    pub readings: u64,
    /// The lowest number.
    pub first: u64,
    /// The highest number.
    pub last: u64,
}

/// A row that is damaged.
#[derive(Debug, Serialize)]
pub struct DamagedRow {
    /// `pack` or `message`.
    pub table: &'static str,
    /// Its id.
    pub id: u64,
    /// The stream it names.
    pub stream: String,
    /// The epoch it names.
    pub epoch: u64,
    /// The number it names.
    pub seq: u64,
}

/// Numbers that nothing explains.
#[derive(Debug, Serialize)]
pub struct Missing {
    /// The stream.
    pub stream: String,
    /// The epoch.
    pub epoch: u64,
    /// The first number.
    pub from: u64,
    /// The last number.
    pub to: u64,
}

/// How far a long look is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// SQLite looks at its pages; how long that takes it does not say.
    Pages,
    /// Rows are read; so many percent.
    Rows(u8),
}

impl Checked {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.pages.is_empty() && self.damaged_rows == 0 && self.twice == 0 && self.missing.is_empty()
    }
}

/// Looks through a file and changes nothing in it. It may be in use: everything is seen as of one moment, for which the
/// write-ahead log keeps growing while the look lasts.
pub fn check(
    path: &Path,
    key: Option<&config::Secret>,
    tell: &mut dyn FnMut(Progress),
) -> Result<Checked, OpenError> {
    let seal = Seal::of(key).map_err(|error| OpenError::Key { path: path.to_owned(), error })?;
    let store = look(path, seal)?;
    tell(Progress::Pages);
    let mut checked = Checked { store: Arc::clone(&store.identity.store), ..Checked::default() };
    // A file that is damaged where this begins is read row by row, each as of its own moment.
    let begun = store.db.execute_batch("BEGIN");
    checked.pages = begun.err().map(|error| error.to_string()).into_iter().chain(pages(&store)).collect();
    rows(&store, &mut checked, tell);
    Ok(checked)
}

fn pages(store: &Store) -> Vec<String> {
    let complaints = || {
        let mut query = store.db.prepare(&format!("PRAGMA integrity_check({LISTED})"))?;
        query.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()
    };
    let complaints = complaints().unwrap_or_else(|error| vec![error.to_string()]);
    complaints.into_iter().filter(|line| line != "ok").collect()
}

fn rows(store: &Store, checked: &mut Checked, tell: &mut dyn FnMut(Progress)) {
    let (mut numbers, mut seen) = (Numbers::default(), BTreeMap::<Track, Seen>::new());
    let last = store.last_id().unwrap_or_default().max(super::salvager::newest(store));
    for (table, done) in [(Table::Message, 0), (Table::Pack, 50)] {
        let mut walk = Walk::new(table, last);
        while let Some(found) = walk.step(store) {
            for found in found {
                match found {
                    Found::Good(good) => note(&good, &mut numbers, &mut seen),
                    Found::Damaged(head) => damaged(checked, &head),
                    // Without a row nothing was damaged; with one its number is missing.
                    Found::Unreadable => {}
                }
            }
            let part = u8::try_from(walk.at().min(last).saturating_mul(50) / last.max(1)).unwrap_or(50);
            tell(Progress::Rows(done + part.min(50)));
        }
        numbers.end_table();
    }
    let sent = Sent::read(store);
    checked.twice = numbers.twice;
    checked.streams = seen.into_values().collect();
    let holes = numbers.lost(&store.ends_with(None), &sent.settled_by_all(&sent.names(), last));
    let missing = holes.into_iter().map(|hole| Missing {
        stream: hole.track.0.as_str().to_owned(),
        epoch: hole.track.1,
        from: hole.from,
        to: hole.to,
    });
    checked.missing = missing.collect();
}

fn note(good: &Good, numbers: &mut Numbers, seen: &mut BTreeMap<Track, Seen>) {
    let Some(first) = good.blocks.values().next() else { return };
    let track = (first.stream.clone(), first.epoch);
    numbers.note(&track, &good.parts);
    let seen = seen.entry(track).or_insert_with(|| Seen {
        stream: first.stream.as_str().to_owned(),
        epoch: first.epoch,
        first: u64::MAX,
        ..Seen::default()
    });
    for part in &good.parts {
        seen.blocks += 1;
        seen.readings += part.readings;
        seen.first = seen.first.min(part.seq);
        seen.last = seen.last.max(part.seq);
    }
}

fn damaged(checked: &mut Checked, head: &Head) {
    checked.damaged_rows += 1;
    if checked.damaged.len() < LISTED {
        let stream = head.stream.as_str().to_owned();
        let (table, id, epoch, seq) = (head.table.name(), head.id, head.epoch, head.seq);
        checked.damaged.push(DamagedRow { table, id, stream, epoch, seq });
    }
}
