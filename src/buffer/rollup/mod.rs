//! Rollups: what charts are drawn from. Count, minimum, mean, maximum and last value of every numeric point, minute by
//! minute, and of these for every quarter of an hour.
//!
//! ```text
//! reading -> Roller (open minutes) -> closed minutes -> parts of level 1 -> when a quarter is over -> level 2
//! ```
//!
//! **Complete.** Every accepted reading is in exactly one part of its minute, be it late or on time, and every part of
//! a minute is in its quarter: what comes after a quarter is summed up becomes a further part of that too. They are
//! written after the commit that holds their blocks, once a minute and at the ordered stop. What a crash takes from
//! memory is summed up again from the stored blocks at the next start ([`Rollups::make_up`]); only blocks that every
//! uplink had and that were not in the history yet are then missing.
//!
//! **Bounded.** In memory by the roller, in the file by [`keep`]. `history = "0"` keeps none.
//!
//! **Clocks.** A reading belongs to the minute its own time says. When a minute closes is decided by the gateway's
//! clock and by uptime, so a device whose clock is wrong gets its strange minutes and harms nobody else's.

mod codec;
mod keep;
mod metrics;
mod roller;
mod rollups;
mod series;
mod summary;
mod table;
#[cfg(test)]
pub(super) mod tests;

use std::time::Duration;

use rusqlite::types::{ToSql, ToSqlOutput};

pub(super) use self::{
    codec::{Decoder, group_of},
    metrics::Metrics,
    rollups::{Moment, Rollups, Unwritten},
    series::SeriesId,
    summary::Summary,
    table::{each, runs},
};
use crate::model::Timestamp;

/// The span of level 1.
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// The span of level 2.
pub(super) const QUARTER: Duration = Duration::from_secs(900);

/// How fine a rollup is; its code in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// A minute.
    Minute = 1,
    /// A quarter of an hour.
    Quarter = 2,
}

impl ToSql for Level {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(*self as i64))
    }
}

/// The begin of the span a moment lies in; spans are counted from 1970, in UTC.
pub(super) fn floor(t: Timestamp, span: Duration) -> Timestamp {
    let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_millis(t.as_millis().saturating_sub(t.as_millis().rem_euclid(span)))
}
