//! Single readings from the stored blocks, with or without a daemon at work on the file.
//!
//! Every step reads on its own, so that the file's log can be taken over into the file meanwhile: a reader of hours
//! would else make it grow. Blocks that are evicted on the way are passed over.

use std::{
    cell::Cell,
    collections::{BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    io,
    ops::ControlFlow,
    path::Path,
};

use rusqlite::OptionalExtension;

use crate::{
    buffer::{
        Identity, KeyError, OpenError,
        opening::{FORMAT, check_key},
        rollup::runs,
        rows::{Head, Table},
        seal::Seal,
        store::Store,
    },
    config,
    model::{PointAddress, Reading, Stream, Timestamp},
};

/// Rows that are looked at in one step.
const STEP: usize = 64;
/// How many ids apart the blocks are at most in which one reading stands for several uplinks.
const APART: u64 = 1_024;

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// There is no buffer, or it may not be read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// It is of another version.
    #[error(
        "{path} has format {found}, this version reads {FORMAT} (help: the daemon updates an old one when it starts)"
    )]
    Format {
        /// The file.
        path: String,
        /// Its format.
        found: usize,
    },
    /// The key that is configured does not do.
    #[error("{path} {error}")]
    Key {
        /// The file.
        path: String,
        /// What is wrong with it.
        error: KeyError,
    },
    /// SQLite refused.
    #[error("{path}: {error}")]
    Sqlite {
        /// The file.
        path: String,
        /// What SQLite said.
        error: rusqlite::Error,
    },
}

/// The stored blocks of a buffer, to be read.
pub struct Archive {
    store: Store,
    /// Whether a reading may stand in blocks of several streams.
    is_shared: bool,
}

/// What one step of [`Archive::each`] came to.
#[derive(Debug, Default)]
pub struct Step {
    /// The block it came to, and the first and the last one: how far it is.
    pub block: u64,
    /// The first and the last block there are.
    pub span: (u64, u64),
    /// What it found, in the order of the blocks.
    pub readings: Vec<Reading>,
    /// Rows that cannot be read, in all steps so far.
    pub damaged: u64,
}

impl Archive {
    /// Opens a buffer's file without the right to change it.
    pub fn open(path: &Path, key: Option<&config::Secret>) -> Result<Self, ArchiveError> {
        let seal = Seal::of(key).map_err(|error| ArchiveError::Key { path: path.display().to_string(), error })?;
        Self::open_sealed(path, seal)
    }

    /// Likewise, with a key that was read already.
    pub(super) fn open_sealed(path: &Path, seal: Seal) -> Result<Self, ArchiveError> {
        let name = || path.display().to_string();
        // SQLite would say no more than that it cannot open it.
        std::fs::metadata(path).map_err(|error| ArchiveError::Io { path: name(), error })?;
        let failed = |error| ArchiveError::Sqlite { path: name(), error };
        let db = super::connect(path).map_err(failed)?;
        let found: usize = db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
        if found != FORMAT {
            return Err(ArchiveError::Format { path: name(), found });
        }
        check_key(path, &db, &seal).map_err(|error| match error {
            OpenError::Key { error, .. } => ArchiveError::Key { path: name(), error },
            OpenError::Sqlite { error, .. } => failed(error),
            other => ArchiveError::Io { path: name(), error: io::Error::other(other) },
        })?;
        let shared = db.query_row("SELECT 1 FROM filtered LIMIT 1", [], |_| Ok(())).optional().map_err(failed)?;
        let identity = Identity { store: "".into(), epoch: 0 };
        let store =
            Store { db, identity, path: path.to_owned(), file: None, lock: None, seal, is_full: Cell::new(true) };
        Ok(Self { store, is_shared: shared.is_some() })
    }

    /// Readings of a point in `from <= t < to`, in the order of their times, at most `limit`.
    pub fn readings(
        &self,
        point: &PointAddress,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Reading>, ArchiveError> {
        let mut found = Vec::new();
        self.each(from, to, |step| {
            found.extend(step.readings.into_iter().filter(|reading| reading.point.address == *point));
            if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        found.sort_by_key(|reading| reading.ts);
        found.truncate(limit);
        Ok(found)
    }

    /// Goes through all readings in `from <= t < to`, row by row, until `take` has enough.
    pub fn each(
        &self,
        from: Timestamp,
        to: Timestamp,
        mut take: impl FnMut(Step) -> ControlFlow<()>,
    ) -> Result<(), ArchiveError> {
        let failed = |error| ArchiveError::Sqlite { path: self.store.path.display().to_string(), error };
        let Some(span) = self.span().map_err(failed)? else { return Ok(()) };
        let (mut next, mut seen, mut damaged) = (0, Seen::default(), 0);
        for (first, last) in self.places(span, from, to).map_err(failed)? {
            next = next.max(Table::Pack.start(first));
            loop {
                let heads = self.store.heads(Table::Pack, next, last, STEP).map_err(failed)?;
                let Some(newest) = heads.last() else { break };
                next = newest.id + 1;
                let is_wanted = |head: &&Head| head.last >= first && head.span.1 >= from && head.span.0 < to;
                for head in heads.iter().filter(is_wanted) {
                    let readings = self.unpack(head).map_err(failed)?;
                    damaged += u64::from(readings.is_none());
                    let mut readings = readings.unwrap_or_default();
                    readings.retain(|reading| (from..to).contains(&reading.ts));
                    if self.is_shared {
                        seen.drop_others(&head.stream, head.id, &mut readings);
                    }
                    if take(Step { block: head.id, span, readings, damaged }).is_break() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Every point that has rollups, as `device/point`.
    pub(super) fn points(&self) -> Result<BTreeSet<String>, ArchiveError> {
        let failed = |error| ArchiveError::Sqlite { path: self.store.path.display().to_string(), error };
        super::known_points(&self.store.db).map_err(failed)
    }

    /// The first and the last block of readings.
    fn span(&self) -> rusqlite::Result<Option<(u64, u64)>> {
        let ids = |row: &rusqlite::Row<'_>| Ok(row.get::<_, Option<u64>>(0)?.zip(row.get(1)?));
        let sql = "SELECT (SELECT min(id) FROM pack), (SELECT last FROM pack ORDER BY id DESC LIMIT 1)";
        self.store.db.query_row(sql, [], ids)
    }

    /// Which blocks may hold readings of a time: those of the runs that touch it, and those that are in no run.
    fn places(&self, (first, last): (u64, u64), from: Timestamp, to: Timestamp) -> rusqlite::Result<Vec<(u64, u64)>> {
        let (earliest, latest) = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
        let mut places: Vec<(u64, u64)> = Vec::new();
        let mut add = |from: u64, to: u64| match places.last_mut() {
            Some((_, end)) if *end + 1 >= from => *end = to.max(*end),
            _ => places.push((from, to)),
        };
        let mut next = first;
        for run in runs(&self.store.db, earliest, latest)? {
            if run.first_id > next {
                add(next, run.first_id - 1);
            }
            if run.t1 >= from && run.t0 < to && run.last_id >= first {
                add(run.first_id.max(first), run.last_id);
            }
            next = next.max(run.last_id + 1);
        }
        if next <= last {
            add(next, last);
        }
        Ok(places)
    }

    /// The readings of a row; none when it is damaged.
    fn unpack(&self, head: &Head) -> rusqlite::Result<Option<Vec<Reading>>> {
        Ok(match self.store.unpack(head.table, head.id)? {
            Some(Ok(blocks)) => Some(blocks.into_values().flat_map(|block| block.body.readings().to_vec()).collect()),
            Some(Err(_)) => None,
            None => Some(Vec::new()),
        })
    }
}

/// Readings of shared points that were seen of late: uplinks with a filter have blocks of their own with the same
/// readings.
#[derive(Default)]
pub(in crate::buffer) struct Seen {
    /// Where a reading was seen first, by a hash of it.
    first: HashMap<u64, (Stream, u64)>,
    swept: u64,
}

impl Seen {
    /// Leaves out what was seen in another stream.
    pub(in crate::buffer) fn drop_others(&mut self, stream: &Stream, block: u64, readings: &mut Vec<Reading>) {
        readings.retain(|reading| {
            let mut hasher = DefaultHasher::new();
            (&reading.point.address, reading.ts, &reading.quality).hash(&mut hasher);
            reading.value.as_ref().map(ToString::to_string).hash(&mut hasher);
            let (first, _) = self.first.entry(hasher.finish()).or_insert_with(|| (stream.clone(), block));
            first == stream
        });
        if block >= self.swept + APART {
            self.swept = block;
            self.first.retain(|_, (_, id)| *id + APART >= block);
        }
    }
}
