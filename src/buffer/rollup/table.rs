//! The tables of rollups, as the writer changes them: always within a transaction that somebody else ends.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tracing::warn;

use super::{
    Level, QUARTER,
    codec::{Decoder, Encoder, group_of},
    roller::Closed,
    series::{Catalogue, NewSeries, SeriesId},
    summary::Summary,
};
use crate::model::{DeviceId, PointAddress, PointName, Timestamp};

/// What a row takes besides its body.
pub(super) const ROW_BYTES: u64 = 24;

/// How far the rollups have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// How often they were written.
    pub(super) generation: u64,
    /// Every reading before this minute, of the blocks of known runs, is in them.
    pub(super) closed: Timestamp,
    /// What they take.
    pub(super) bytes: u64,
}

/// Between which times the readings of some blocks lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::buffer) struct Run {
    pub(in crate::buffer) first_id: u64,
    pub(in crate::buffer) last_id: u64,
    pub(in crate::buffer) t0: Timestamp,
    pub(in crate::buffer) t1: Timestamp,
}

/// Where a row is.
pub(super) type Key = (Level, Timestamp, u64, u32);

/// The rollups within one transaction.
pub(super) struct Table<'a> {
    pub(super) tx: &'a Transaction<'a>,
    pub(super) encoder: &'a mut Encoder,
    /// Renewed with every row that comes or goes.
    pub(super) mark: &'a mut Mark,
    /// Rows and bytes that were written.
    pub(super) written: (u64, u64),
}

/// Every series the database knows. One whose name is none any more is left out.
pub(super) fn catalogue(db: &Connection) -> rusqlite::Result<Catalogue> {
    let mut catalogue = Catalogue::default();
    let mut query = db.prepare("SELECT id, device, point, unit FROM series")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (device, point): (String, String) = (row.get(1)?, row.get(2)?);
        let unit: String = row.get(3)?;
        match (DeviceId::new(&device), PointName::new(&point)) {
            (Ok(device), Ok(point)) => catalogue.restore(row.get(0)?, PointAddress { device, point }, &unit),
            _ => catalogue.reserve(row.get(0)?),
        }
    }
    catalogue.written();
    Ok(catalogue)
}

/// How far the rollups have come.
pub(super) fn mark(db: &Connection) -> rusqlite::Result<Mark> {
    db.query_row("SELECT generation, closed, bytes FROM rolled", [], |row| {
        let closed = Timestamp::from_millis(row.get(1)?);
        Ok(Mark { generation: row.get(0)?, closed, bytes: row.get(2)? })
    })
}

/// Runs of blocks whose readings touch `from <= t <= to`, ascending.
pub(in crate::buffer) fn runs(db: &Connection, from: Timestamp, to: Timestamp) -> rusqlite::Result<Vec<Run>> {
    let sql = "SELECT first_id, last_id, t0, t1 FROM run WHERE t1 >= ? AND t0 <= ? ORDER BY last_id";
    let run = |row: &rusqlite::Row<'_>| {
        let time = |column| row.get(column).map(Timestamp::from_millis);
        Ok(Run { first_id: row.get(0)?, last_id: row.get(1)?, t0: time(2)?, t1: time(3)? })
    };
    db.prepare_cached(sql)?.query_map(params![from.as_millis(), to.as_millis()], run)?.collect()
}

/// The last block of the newest run.
pub(super) fn last_run(db: &Connection) -> rusqlite::Result<Option<u64>> {
    db.query_row("SELECT max(last_id) FROM run", [], |row| row.get(0))
}

/// Quarters from `from` on that have minutes and are not summed up yet.
pub(super) fn unmerged(db: &Connection, from: Timestamp) -> rusqlite::Result<Vec<Timestamp>> {
    let sql = "SELECT DISTINCT t - t % ?1 FROM rollup WHERE level = ?2 AND t >= ?3
               EXCEPT SELECT t FROM rollup WHERE level = ?4 AND t >= ?3";
    let times = params![millis(QUARTER), Level::Minute, from.as_millis(), Level::Quarter];
    db.prepare(sql)?.query_map(times, |row| row.get(0).map(Timestamp::from_millis))?.collect()
}

/// Where the newest quarter begins.
pub(super) fn newest_quarter(db: &Connection, before: Timestamp) -> rusqlite::Result<Option<Timestamp>> {
    let sql = "SELECT max(t) FROM rollup WHERE level = ? AND t <= ?";
    let newest: Option<i64> = db.query_row(sql, params![Level::Quarter, before.as_millis()], |row| row.get(0))?;
    Ok(newest.map(Timestamp::from_millis))
}

fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl Table<'_> {
    /// Names for the numbers.
    pub(super) fn name<'a>(&self, new: impl Iterator<Item = NewSeries<'a>>) -> rusqlite::Result<()> {
        let mut insert = self.tx.prepare_cached("INSERT INTO series VALUES (?, ?, ?, ?)")?;
        for NewSeries { id, address, unit } in new {
            insert.execute(params![id, address.device.as_str(), address.point.as_str(), unit])?;
        }
        Ok(())
    }

    /// Writes sums as a further part of their time.
    pub(super) fn add(&mut self, level: Level, closed: &Closed) -> rusqlite::Result<()> {
        let t = closed.t.as_millis();
        let sql = "SELECT coalesce(max(part), -1) + 1 FROM rollup WHERE level = ? AND t = ?";
        let part: u64 = self.tx.prepare_cached(sql)?.query_row(params![level, t], |row| row.get(0))?;
        let mut insert = self.tx.prepare_cached("INSERT INTO rollup VALUES (?, ?, ?, ?, ?)")?;
        for sums in closed.sums.chunk_by(|(a, _), (b, _)| group_of(*a) == group_of(*b)) {
            let [(first, _), ..] = sums else { continue };
            let body = self.encoder.encode(closed.t, sums).map_err(to_sqlite)?;
            insert.execute(params![level, t, part, group_of(*first), body])?;
            let bytes = body.len() as u64 + ROW_BYTES;
            self.written = (self.written.0 + 1, self.written.1 + bytes);
            self.mark.bytes += bytes;
        }
        Ok(())
    }

    /// Whether a quarter is summed up.
    pub(super) fn has_quarter(&self, quarter: Timestamp) -> rusqlite::Result<bool> {
        let sql = "SELECT 1 FROM rollup WHERE level = ? AND t = ? LIMIT 1";
        let mut query = self.tx.prepare_cached(sql)?;
        let found = query.query_row(params![Level::Quarter, quarter.as_millis()], |_| Ok(())).optional()?;
        Ok(found.is_some())
    }

    /// Sums up the minutes of a quarter, unless that is done.
    pub(super) fn merge(&mut self, quarter: Timestamp) -> rusqlite::Result<()> {
        if self.has_quarter(quarter)? {
            return Ok(());
        }
        let mut decoder = Decoder::new(self.encoder.seal.clone()).map_err(to_sqlite)?;
        let mut merged: BTreeMap<SeriesId, Summary> = BTreeMap::new();
        let end = Timestamp::from_millis(quarter.plus(QUARTER).as_millis().saturating_sub(1));
        each(self.tx, (Level::Minute, None), (quarter, end), &mut decoder, |_, id, sum| {
            merged.entry(id).or_default().merge(sum);
        })?;
        self.add(Level::Quarter, &Closed { t: quarter, sums: merged.into_iter().collect() })
    }

    /// The oldest rows of a level, with their bodies' length.
    pub(super) fn oldest(&self, level: Level, limit: usize) -> rusqlite::Result<Vec<(Key, u64)>> {
        let sql = "SELECT t, part, grp, length(body) FROM rollup WHERE level = ? ORDER BY t, part, grp LIMIT ?";
        let key = |row: &rusqlite::Row<'_>| {
            let t = Timestamp::from_millis(row.get(0)?);
            Ok(((level, t, row.get(1)?, row.get(2)?), row.get(3)?))
        };
        self.tx.prepare_cached(sql)?.query_map(params![level, limit], key)?.collect()
    }

    /// Deletes a row.
    pub(super) fn delete(&mut self, (level, t, part, group): Key, body: u64) -> rusqlite::Result<()> {
        let sql = "DELETE FROM rollup WHERE level = ? AND t = ? AND part = ? AND grp = ?";
        self.tx.prepare_cached(sql)?.execute(params![level, t.as_millis(), part, group])?;
        self.mark.bytes = self.mark.bytes.saturating_sub(body + ROW_BYTES);
        Ok(())
    }

    /// Notes between which times the readings of some blocks lie.
    pub(super) fn put_run(&self, run: Run) -> rusqlite::Result<()> {
        let sql = "INSERT INTO run VALUES (?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET t0 = min(t0, excluded.t0), t1 = max(t1, excluded.t1)";
        let row = params![run.last_id, run.first_id, run.t0.as_millis(), run.t1.as_millis()];
        self.tx.prepare_cached(sql)?.execute(row).map(drop)
    }

    /// Forgets runs whose blocks are gone. The newest stays: from there on a crash has to be made up for.
    pub(super) fn forget_runs(&self, oldest: u64) -> rusqlite::Result<()> {
        let sql = "DELETE FROM run WHERE last_id < ? AND last_id < (SELECT max(last_id) FROM run)";
        self.tx.prepare_cached(sql)?.execute([oldest]).map(drop)
    }

    /// Writes how far it came.
    pub(super) fn put_mark(&self) -> rusqlite::Result<()> {
        let Mark { generation, closed, bytes } = *self.mark;
        let sql = "UPDATE rolled SET generation = ?, closed = ?, bytes = ?";
        self.tx.prepare_cached(sql)?.execute(params![generation, closed.as_millis(), bytes]).map(drop)
    }
}

/// Which sums are asked for: of which level, and, of one group alone, of which series.
pub(in crate::buffer) type Wanted<'a> = (Level, Option<(u32, &'a BTreeSet<SeriesId>)>);

/// Every sum that is wanted in `from <= t <= to`, in the order of time and part. A body that cannot be read is passed
/// over: a chart with a hole is better than none.
pub(in crate::buffer) fn each(
    db: &Connection,
    (level, wanted): Wanted<'_>,
    (from, to): (Timestamp, Timestamp),
    decoder: &mut Decoder,
    mut take: impl FnMut(Timestamp, SeriesId, &Summary),
) -> rusqlite::Result<()> {
    let sql = "SELECT t, grp, body FROM rollup WHERE level = ?1 AND t BETWEEN ?2 AND ?3 AND (?4 IS NULL OR grp = ?4)
               ORDER BY t, part, grp";
    let mut query = db.prepare_cached(sql)?;
    let group = wanted.map(|(group, _)| group);
    let is_wanted = |id: SeriesId| wanted.is_none_or(|(_, ids)| ids.contains(&id));
    let mut rows = query.query(params![level, from.as_millis(), to.as_millis(), group])?;
    while let Some(row) = rows.next()? {
        let t = Timestamp::from_millis(row.get(0)?);
        match decoder.decode(row.get(1)?, t, row.get_ref(2)?.as_blob()?, is_wanted) {
            Ok(sums) => sums.iter().for_each(|(id, sum)| take(t, *id, sum)),
            Err(error) => warn!(%error, %t, "Rollup cannot be read and is left out"),
        }
    }
    Ok(())
}

/// What the compressor says, which it does only for want of memory.
fn to_sqlite(error: std::io::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}
