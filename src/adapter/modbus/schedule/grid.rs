//! Where ticks lie: entries spread over their interval, and links over a few turns.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use tokio::time::Instant;

/// Turns that links have in an interval. More of them wake the rest of the gateway more often.
pub(super) const TURNS: u64 = 4;

/// Where the grids of a link lie.
#[derive(Debug, Clone, Copy)]
pub(in crate::adapter::modbus) struct Grid {
    /// A moment, and the host's uptime at it.
    pub(in crate::adapter::modbus) start: Instant,
    pub(super) uptime: Duration,
    /// Which turn is the link's.
    pub(super) turn: u64,
}

impl Grid {
    /// That of a link of this name, which begins at a moment and uptime.
    pub(in crate::adapter::modbus) fn of(link: &str, start: Instant, uptime: Duration) -> Self {
        let mut hasher = DefaultHasher::new();
        link.hash(&mut hasher);
        Self { start, uptime, turn: hasher.finish() % TURNS }
    }

    /// How long after the start an entry has its first tick that is so far into its interval.
    pub(super) fn phase(&self, interval: Duration, place: Duration) -> Duration {
        let place = place.as_nanos() + interval.as_nanos() * u128::from(self.turn) / u128::from(TURNS);
        let (interval, since) = (interval.as_nanos(), self.uptime.as_nanos() % interval.as_nanos());
        let wait = (place + interval - since) % interval;
        Duration::from_nanos(u64::try_from(wait).unwrap_or(0))
    }
}

/// Spreads the entries of each interval evenly over it; the first one stays at its start.
pub(super) fn places(intervals: &[Duration]) -> Vec<Duration> {
    let mut count: BTreeMap<Duration, u32> = BTreeMap::new();
    let places: Vec<u32> = intervals.iter().map(|&interval| place(&mut count, interval)).collect();
    std::iter::zip(intervals, places).map(|(&interval, place)| interval / count[&interval] * place).collect()
}

/// The entry's number among those of its interval.
fn place(count: &mut BTreeMap<Duration, u32>, interval: Duration) -> u32 {
    let count = count.entry(interval).or_default();
    *count += 1;
    *count - 1
}
