//! How long rollups stay: minutes as long as the history, quarters of an hour ten times as long, both together within
//! a tenth of the buffer's size. The oldest go first. A minute never goes before its quarter is summed up.

use std::time::Duration;

use super::{
    Level, QUARTER, floor,
    table::{Key, Table},
};
use crate::model::{ClockQuality, Timestamp};

/// How many times longer quarters stay.
const LONGER: u32 = 10;
/// Part of the buffer's size that rollups may take.
const SHARE: u64 = 10;
/// Most rows that go at once, so that it stays short; many more than come within a minute.
const MAX_ROWS: usize = 256;

/// What may stay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) history: Duration,
    pub(super) max_size: u64,
}

impl Bounds {
    /// Most bytes of rollups.
    fn max_bytes(&self) -> u64 {
        if self.history.is_zero() { 0 } else { self.max_size / SHARE }
    }
}

/// Deletes what has to go. Age counts only by a clock that can be believed: one that is wrong must not make every
/// rollup look years old.
pub(super) fn retain(
    table: &mut Table<'_>,
    bounds: &Bounds,
    now: Timestamp,
    clock: ClockQuality,
) -> rusqlite::Result<()> {
    let is_believed = matches!(clock, ClockQuality::Ntp | ClockQuality::Rtc);
    let age = |t: Timestamp| if is_believed { now.since(t) } else { Duration::ZERO };
    let mut minutes = table.oldest(Level::Minute, MAX_ROWS)?.into_iter().peekable();
    let mut quarters = table.oldest(Level::Quarter, MAX_ROWS)?.into_iter().peekable();
    for _ in 0..MAX_ROWS {
        let is_over = table.mark.bytes > bounds.max_bytes();
        let (minute, quarter) = (minutes.peek().map(begins), quarters.peek().map(begins));
        // Of one time the minutes go first.
        let is_minute_older = minute.is_some_and(|minute| quarter.is_none_or(|quarter| minute <= quarter));
        if minute.is_some_and(|t| age(t.plus(QUARTER)) >= bounds.history) || (is_over && is_minute_older) {
            let Some((key, body)) = minutes.next() else { break };
            if !bounds.history.is_zero() {
                table.merge(begins(&(key, body)))?;
            }
            table.delete(key, body)?;
        } else if quarter.is_some_and(|t| age(t.plus(QUARTER)) >= bounds.history * LONGER) || is_over {
            let Some((key, body)) = quarters.next() else { break };
            table.delete(key, body)?;
        } else {
            break;
        }
    }
    Ok(())
}

/// The quarter a row belongs to.
fn begins(row: &(Key, u64)) -> Timestamp {
    floor(row.0.1, QUARTER)
}
