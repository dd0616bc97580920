//! The past of one point: sums of spans of time from the rollups, single readings from the stored blocks.
//!
//! It reads through connections of its own, which see one state of the file and never hold the writer up; what the
//! writer has not written yet it is asked for. Two questions are worked on at once, the others wait. An answer has at
//! most [`MAX_ROWS`] rows, else it says which span fits.
//!
//! The way from a time to its blocks goes over *runs*: with every write of rollups the writer notes between which
//! times the readings of the blocks since the last one lie. Blocks of a run outside the time that is asked for are
//! never looked at, whatever clocks did meanwhile: nothing here believes that ids and times rise together.

mod blocks;
mod buckets;
mod wish;

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use rusqlite::{Connection, OpenFlags};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

pub(super) use self::blocks::Seen;
pub use self::{
    blocks::{Archive, ArchiveError, Step},
    wish::{Every, Period, Wish, parse_time},
};
use super::{Buffer, Stopped, rollup::Unwritten, seal::Seal};
use crate::{
    config::{self, report::nearest},
    model::{PointAddress, Reading, SharedClock, Timestamp},
};

/// Most buckets or readings of one answer.
pub(super) const MAX_ROWS: u32 = 10_000;
/// Questions that are worked on at once: each may hold a few megabytes.
const AT_ONCE: usize = 2;
/// Longest wait for the writer, which may be busy with a commit on a slow card.
const WRITER_LIMIT: Duration = Duration::from_secs(10);
/// How often the writer is asked again because it wrote in between, which it does once a minute.
const TRIES: usize = 3;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The question cannot be understood, or its answer would be too long.
    #[error("{0}")]
    Invalid(String),
    /// Nothing is known of the point, not even from an earlier run.
    #[error("there is no history of {point}")]
    Unknown {
        /// What was asked for.
        point: PointAddress,
        /// A point of which there is one, spelt most like it.
        near: Option<String>,
    },
    /// The buffer or its file cannot answer now.
    #[error("{0}")]
    Unavailable(String),
}

/// One span of time of a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// When it begins.
    pub t: Timestamp,
    /// Readings with a value.
    pub n: u64,
    /// Readings without one.
    pub bad: u64,
    /// Smallest value; all four are absent without a value.
    pub min: Option<f64>,
    /// Mean of the values.
    pub mean: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
    /// The newest value.
    pub last: Option<f64>,
}

/// What there is, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// Spans of time, those without any reading left out.
    Buckets(Vec<Bucket>),
    /// Single readings, as far as their blocks are stored: the newest may follow only after a minute.
    Readings(Vec<Reading>),
}

/// The answer to a [`Wish`].
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The time it covers; buckets begin at or after its begin.
    pub period: Period,
    /// The unit of its values.
    pub unit: Option<String>,
    /// What there is.
    pub rows: Rows,
}

/// Answers questions about the past of a running gateway.
#[derive(Clone)]
pub struct History {
    buffer: Buffer,
    path: PathBuf,
    kept: Duration,
    clock: SharedClock,
    permits: Arc<Semaphore>,
}

impl History {
    /// Of a buffer that runs with these settings.
    pub fn new(buffer: Buffer, settings: &config::Buffer, clock: SharedClock) -> Self {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        Self { buffer, path: settings.path.clone(), kept: settings.history, clock, permits }
    }

    /// Answers, on a thread where waiting for the disk holds nobody up.
    pub async fn ask(&self, point: PointAddress, wish: &Wish) -> Result<Answer, HistoryError> {
        let period = wish.period(self.clock.now(), self.kept)?;
        let _permit = self.permits.acquire().await.map_err(|_| HistoryError::Unavailable(Stopped.to_string()))?;
        if self.kept.is_zero() && period.every != Every::Raw {
            let text = "no history is kept: [buffer] history is \"0\" (help: every=raw shows what is not sent yet)";
            return Err(HistoryError::Invalid(text.to_owned()));
        }
        for _ in 0..TRIES {
            let unwritten = self.unwritten(&point).await?;
            let (path, seal, wanted) = (self.path.clone(), self.buffer.seal().clone(), point.clone());
            let work = spawn_blocking(move || answer((&path, &seal), &wanted, period, &unwritten));
            let answer = work.await.map_err(|_| HistoryError::Unavailable("the search was broken off".to_owned()))?;
            if let Some(answer) = answer? {
                return Ok(answer);
            }
        }
        Err(HistoryError::Unavailable("the rollups change too fast to be read".to_owned()))
    }

    async fn unwritten(&self, point: &PointAddress) -> Result<Unwritten, HistoryError> {
        let asked = timeout(WRITER_LIMIT, self.buffer.unwritten(point.clone())).await;
        let late = |_| HistoryError::Unavailable("the buffer's writer does not answer".to_owned());
        asked.map_err(late)?.map_err(|error: Stopped| HistoryError::Unavailable(error.to_string()))
    }
}

/// Reads the answer; none when the writer wrote since it said what is unwritten.
fn answer(
    (path, seal): (&std::path::Path, &Seal),
    point: &PointAddress,
    period: Period,
    unwritten: &Unwritten,
) -> Result<Option<Answer>, HistoryError> {
    let unreadable = |error: rusqlite::Error| HistoryError::Unavailable(format!("{}: {error}", path.display()));
    let Every::Span(every) = period.every else {
        let archive =
            Archive::open_sealed(path, seal.clone()).map_err(|error| HistoryError::Unavailable(error.to_string()))?;
        let readings = archive.readings(point, period.from, period.to, MAX_ROWS as usize + 1);
        let readings = readings.map_err(|error| HistoryError::Unavailable(error.to_string()))?;
        return raw(readings, point, period, unwritten, || archive.points()).map(Some);
    };
    let mut db = connect(path).map_err(unreadable)?;
    let tx = db.transaction().map_err(unreadable)?;
    if unwritten.series.is_empty() {
        return Err(unknown(point, &known_points(&tx).map_err(unreadable)?));
    }
    let found = buckets::series((&tx, seal), unwritten, (period.from, period.to), every).map_err(unreadable)?;
    Ok(found.map(|(unit, buckets)| Answer { period, unit, rows: Rows::Buckets(buckets) }))
}

/// Single readings as an answer, unless there are too many.
fn raw(
    readings: Vec<Reading>,
    point: &PointAddress,
    period: Period,
    unwritten: &Unwritten,
    known: impl FnOnce() -> Result<BTreeSet<String>, ArchiveError>,
) -> Result<Answer, HistoryError> {
    if readings.len() > MAX_ROWS as usize {
        let text = format!(
            "there are more than {MAX_ROWS} readings (help: take a shorter time, every=1m, or \
                            `tidegate buffer export`)"
        );
        return Err(HistoryError::Invalid(text));
    }
    if readings.is_empty() && unwritten.series.is_empty() {
        let known = known().map_err(|error| HistoryError::Unavailable(error.to_string()))?;
        return Err(unknown(point, &known));
    }
    let unit = readings.last().and_then(|reading| reading.point.unit.as_deref()).map(str::to_owned);
    Ok(Answer { period, unit, rows: Rows::Readings(readings) })
}

fn unknown(point: &PointAddress, known: &BTreeSet<String>) -> HistoryError {
    let near = nearest(&point.to_string(), known.iter().map(String::as_str)).map(str::to_owned);
    HistoryError::Unknown { point: point.clone(), near }
}

/// Every point with a series.
fn known_points(db: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    db.prepare("SELECT DISTINCT device || '/' || point FROM series")?.query_map([], |row| row.get(0))?.collect()
}

/// A connection that cannot write.
fn connect(path: &std::path::Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(Duration::from_secs(2))?;
    db.pragma_update(None, "cache_size", -2_048)?;
    Ok(db)
}

#[cfg(test)]
mod tests;
