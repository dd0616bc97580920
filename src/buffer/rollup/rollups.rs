//! The rollups in the writer's hands: it notes readings, and once a minute it writes what is closed.

use std::{collections::BTreeSet, time::Duration};

use rusqlite::Connection;
use tokio::time::Instant;
use tracing::error;

use super::{
    Level, MINUTE, Metrics, QUARTER,
    codec::Encoder,
    floor,
    keep::{self, Bounds},
    roller::{Closed, PATIENCE, Roller},
    series::{Catalogue, Series, SeriesId},
    summary::{self, Summary},
    table::{self, Mark, Run, Table},
};
use crate::{
    buffer::{seal::Seal, store::Store},
    config,
    model::{ClockQuality, PointAddress, Reading, Timestamp},
};

/// Quarters that are summed up in one go at most, so that it stays short; the rest follows a minute later.
const MAX_MERGES: usize = 8;
/// Quarters that wait for their end at most. Only clocks that go back make them many; the oldest then does not wait.
const MAX_UNMERGED: usize = 1_024;
/// How far back quarters are looked for that a crash has left.
const LEFT: Duration = Duration::from_secs(86_400);

/// A moment of the writer, after a commit.
#[derive(Debug, Clone, Copy)]
pub(in crate::buffer) struct Moment {
    /// Now.
    pub(in crate::buffer) now: Timestamp,
    /// How far that can be trusted.
    pub(in crate::buffer) clock: ClockQuality,
    /// The newest block; all readings that were noted are in blocks up to it.
    pub(in crate::buffer) last_id: u64,
    /// The oldest block that is stored.
    pub(in crate::buffer) oldest: Option<u64>,
    /// Whether this is the ordered stop: then everything is written.
    pub(in crate::buffer) is_last: bool,
}

/// What of a point is not written yet.
#[derive(Debug, Default)]
pub(in crate::buffer) struct Unwritten {
    /// Counts writes: with another one in the database this answer is too old.
    pub(in crate::buffer) generation: u64,
    /// The point's series with their units, the newest last.
    pub(in crate::buffer) series: Vec<Series>,
    /// Sums by minute; one may come twice.
    pub(in crate::buffer) sums: Vec<(SeriesId, Timestamp, Summary)>,
}

/// Sums up and keeps.
pub(in crate::buffer) struct Rollups {
    bounds: Bounds,
    metrics: Metrics,
    roller: Roller,
    catalogue: Catalogue,
    encoder: Encoder,
    mark: Mark,
    /// Quarters with minutes that are not summed up.
    unmerged: BTreeSet<Timestamp>,
    /// The block before the first whose readings are noted.
    after: u64,
    /// Between which times the readings lie that were noted since the last write.
    span: Option<(Timestamp, Timestamp)>,
    started: Instant,
    present: (Instant, Timestamp),
    due: Option<Instant>,
    /// Its tables are damaged: nothing is summed up any more until a new store begins.
    is_broken: bool,
}

impl Rollups {
    /// Goes on where the database stands; `after` is its last block. Where its own tables are damaged it rests: a
    /// store that cannot draw charts still delivers.
    pub(in crate::buffer) fn open(
        db: &Connection,
        settings: &config::Buffer,
        metrics: Metrics,
        after: u64,
        now: Timestamp,
    ) -> rusqlite::Result<Self> {
        let mut new = Self::fresh(settings, metrics, after, now)?;
        if let Err(error) = new.restore(db, now) {
            new.rest(&error);
        }
        Ok(new)
    }

    /// Its bodies are sealed from now on, if there is a key.
    pub(in crate::buffer) fn sealed(mut self, seal: &Seal) -> Self {
        self.encoder.seal = seal.clone();
        self
    }

    /// Sums nothing up any more.
    pub(in crate::buffer) fn rest(&mut self, error: &rusqlite::Error) {
        error!(%error, "Rollups are damaged, the history stands still");
        (self.is_broken, self.due) = (true, None);
        (self.roller, self.catalogue) = (Roller::default(), Catalogue::default());
    }

    /// Whether a database holds everything that was written.
    pub(in crate::buffer) fn is_at(&self, db: &Connection) -> bool {
        self.is_broken || table::mark(db).is_ok_and(|mark| mark.generation == self.mark.generation)
    }

    /// Goes on with a database that has lost its end, whose last block is this: what was summed up after it, and not
    /// written, is missing from charts.
    pub(in crate::buffer) fn resume(&mut self, store: &Store, last: u64, now: Timestamp) -> rusqlite::Result<()> {
        let fresh = Self::with_bounds(self.bounds, self.metrics.clone(), last, now)?;
        *self = fresh.sealed(&store.seal);
        if let Err(error) = self.restore(&store.db, now) {
            self.rest(&error);
        }
        Ok(())
    }

    fn fresh(settings: &config::Buffer, metrics: Metrics, after: u64, now: Timestamp) -> rusqlite::Result<Self> {
        Self::with_bounds(Bounds { history: settings.history, max_size: settings.max_size }, metrics, after, now)
    }

    fn with_bounds(bounds: Bounds, metrics: Metrics, after: u64, now: Timestamp) -> rusqlite::Result<Self> {
        let instant = Instant::now();
        Ok(Self {
            bounds,
            metrics,
            roller: Roller::default(),
            catalogue: Catalogue::default(),
            encoder: Encoder::new(Seal::default())
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?,
            mark: Mark { generation: 0, closed: Timestamp::default(), bytes: 0 },
            unmerged: BTreeSet::new(),
            after,
            span: None,
            started: instant,
            present: (instant, now),
            due: None,
            is_broken: false,
        })
    }

    fn restore(&mut self, db: &Connection, now: Timestamp) -> rusqlite::Result<()> {
        let newest = table::newest_quarter(db, now)?.map_or(i64::MIN, |t| t.plus(QUARTER).as_millis());
        let left = i64::try_from(LEFT.as_millis()).unwrap_or(i64::MAX);
        self.catalogue = table::catalogue(db)?;
        self.mark = table::mark(db)?;
        self.unmerged =
            table::unmerged(db, Timestamp::from_millis(newest.saturating_sub(left)))?.into_iter().collect();
        self.due = self.has_too_much().then(|| self.present.0 + wait(now));
        Ok(())
    }

    /// Which blocks have to be noted again because a crash came before their readings were written, and, of them, up
    /// to which one a reading counts only from which minute on.
    pub(in crate::buffer) fn make_up(&mut self, db: &Connection, first: u64) -> rusqlite::Result<MakeUp> {
        // Without any run nothing was ever written: then every block is missing.
        let stored = if self.is_off() { self.after } else { table::last_run(db)?.unwrap_or(0) };
        let last = stored.min(self.after);
        let closed = self.mark.closed;
        let until = closed.plus(2 * MINUTE);
        // The newest run alone: a minute that was open at its end begins there, or is given up.
        let runs = table::runs(db, closed, until)?;
        let half = runs.last().filter(|run| run.last_id == last).map(|run| run.first_id);
        let from = half.unwrap_or(last + 1).max(first);
        self.after = self.after.min(last.max(first.saturating_sub(1)));
        Ok(MakeUp { from, last, minutes: (closed, until) })
    }

    /// What time it is for the readings that follow.
    pub(in crate::buffer) fn present(&mut self, instant: Instant, now: Timestamp) {
        self.present = (instant, now);
    }

    /// Takes a reading in.
    pub(in crate::buffer) fn note(&mut self, reading: &Reading) {
        if self.is_off() {
            return;
        }
        let (t0, t1) = self.span.unwrap_or((reading.ts, reading.ts));
        self.span = Some((t0.min(reading.ts), t1.max(reading.ts)));
        self.sum_up(reading);
    }

    /// Takes a reading of a stored block in, as far as a crash came before it was written.
    pub(in crate::buffer) fn note_again(&mut self, missing: &MakeUp, block: u64, reading: &Reading) {
        if block > missing.last {
            self.note(reading);
        } else if (missing.minutes.0..missing.minutes.1).contains(&reading.ts) && !self.is_off() {
            // Its block is in a run already.
            self.sum_up(reading);
        }
    }

    fn sum_up(&mut self, reading: &Reading) {
        if !summary::is_numeric(reading.point.kind) {
            return;
        }
        let (instant, now) = self.present;
        match self.catalogue.of(&reading.point) {
            Some(id) => self.roller.note(id, reading, instant - self.started),
            None => {
                self.metrics.refused.inc();
            }
        }
        if self.roller.is_crowded() {
            self.due = Some(instant);
        } else if self.due.is_none() {
            self.due = Some(instant + wait(now));
        }
    }

    /// When [`Rollups::write`] has something to do.
    pub(in crate::buffer) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The database takes nothing at present: it is asked again later.
    pub(in crate::buffer) fn put_off(&mut self) {
        self.due = Some(Instant::now() + PATIENCE);
    }

    /// What of a point is not written yet.
    pub(in crate::buffer) fn unwritten(&self, address: &PointAddress) -> Unwritten {
        let series = self.catalogue.all_of(address);
        let sums = series.iter().flat_map(|(_, id)| self.roller.unwritten(*id).map(|(t, sum)| (*id, t, sum)));
        Unwritten { generation: self.mark.generation, sums: sums.collect(), series }
    }

    /// Writes what is over, sums up quarters, and deletes what has to go, all or nothing. To be called after a commit:
    /// it does nothing before it is due.
    pub(in crate::buffer) fn write(&mut self, db: &mut Connection, at: &Moment) -> rusqlite::Result<()> {
        let instant = Instant::now();
        if self.is_broken || (!at.is_last && self.due.is_none_or(|due| due > instant)) {
            return Ok(());
        }
        // Set first: a database that refuses is asked again only then.
        self.due = Some(instant + PATIENCE);
        if at.is_last {
            self.roller.close_all();
        } else {
            self.roller.close(at.now, instant - self.started);
        }
        let (mark, unmerged) = self.try_write(db, at)?;
        (self.mark, self.unmerged) = (mark, unmerged);
        (self.after, self.span) = (at.last_id, None);
        self.roller.written();
        self.catalogue.written();
        self.due = (self.roller.open_sums() > 0 || self.has_too_much()).then(|| instant + wait(at.now));
        self.show();
        Ok(())
    }

    fn try_write(&mut self, db: &mut Connection, at: &Moment) -> rusqlite::Result<(Mark, BTreeSet<Timestamp>)> {
        let mut mark = Mark { generation: self.mark.generation + 1, ..self.mark };
        let mut unmerged = self.unmerged.clone();
        let tx = db.transaction()?;
        let mut table = Table { tx: &tx, encoder: &mut self.encoder, mark: &mut mark, written: (0, 0) };
        table.name(self.catalogue.new_ones())?;
        for closed in self.roller.closed() {
            add_minute(&mut table, &mut unmerged, closed)?;
        }
        for quarter in over(&unmerged, at.now) {
            table.merge(quarter)?;
            unmerged.remove(&quarter);
        }
        keep::retain(&mut table, &self.bounds, at.now, at.clock)?;
        table.mark.closed = closed_before(self.roller.closed(), self.mark.closed, at);
        if let Some((t0, t1)) = self.span {
            table.put_run(Run { first_id: self.after + 1, last_id: at.last_id, t0, t1 })?;
            table.forget_runs(at.oldest.unwrap_or(at.last_id))?;
        }
        table.put_mark()?;
        let (rows, bytes) = table.written;
        tx.commit()?;
        self.metrics.rows.inc_by(rows);
        self.metrics.bytes.inc_by(bytes);
        Ok((mark, unmerged))
    }

    fn is_off(&self) -> bool {
        self.bounds.history.is_zero() || self.is_broken
    }

    /// Whether rollups are left of a time when there was a history.
    fn has_too_much(&self) -> bool {
        self.bounds.history.is_zero() && self.mark.bytes > 0
    }

    fn show(&mut self) {
        self.metrics.lost.inc_by(self.roller.take_lost());
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.metrics.open.set(gauge(self.roller.open_sums() as u64));
        self.metrics.stored.set(gauge(self.mark.bytes));
    }
}

/// What to note again after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::buffer) struct MakeUp {
    /// The first block.
    pub(in crate::buffer) from: u64,
    /// Up to and with this block only readings of some minutes are missing.
    last: u64,
    /// Those: from the first on, before the second.
    minutes: (Timestamp, Timestamp),
}

/// Writes a minute, and adds it to its quarter when that is summed up already.
fn add_minute(table: &mut Table<'_>, unmerged: &mut BTreeSet<Timestamp>, minute: &Closed) -> rusqlite::Result<()> {
    let quarter = floor(minute.t, QUARTER);
    table.add(Level::Minute, minute)?;
    if table.has_quarter(quarter)? {
        return table.add(Level::Quarter, &Closed { t: quarter, sums: minute.sums.clone() });
    }
    unmerged.insert(quarter);
    Ok(())
}

/// Quarters that are over, and the oldest of those that are too many.
fn over(unmerged: &BTreeSet<Timestamp>, now: Timestamp) -> Vec<Timestamp> {
    let too_many = unmerged.len().saturating_sub(MAX_UNMERGED);
    let is_over = |quarter: Timestamp| now >= quarter.plus(QUARTER + PATIENCE);
    let over = unmerged.iter().enumerate().filter(|(place, quarter)| *place < too_many || is_over(**quarter));
    over.map(|(_, quarter)| *quarter).take(MAX_MERGES).collect()
}

/// Before which minute everything is written.
fn closed_before<'a>(closed: impl Iterator<Item = &'a Closed>, before: Timestamp, at: &Moment) -> Timestamp {
    // A minute that closed early counts as over, unless it lies in a future nobody believes.
    let ends = closed.map(|closed| closed.t.plus(MINUTE)).chain([before]);
    let early = ends.filter(|end| *end <= at.now.plus(2 * MINUTE)).max();
    let over = floor(Timestamp::from_millis(at.now.as_millis().saturating_sub(10_000)), MINUTE);
    early.map_or(over, |early| early.max(over))
}

/// Until the minute that is now has ended and its patience is over.
fn wait(now: Timestamp) -> Duration {
    floor(now, MINUTE).plus(MINUTE + PATIENCE).since(now)
}
