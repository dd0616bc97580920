//! When which request is due.
//!
//! Each entry has a grid of ticks, spread over its interval so that entries of one interval do not come all at
//! once. Everything is due at the start, so that first values do not wait. Ticks that pass while the link is busy
//! are counted and skipped, never made up for: old polls would only delay new ones.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// Shortest interval; a configured zero must not spin.
const MIN_INTERVAL: Duration = Duration::from_millis(1);

/// The grid of one entry.
#[derive(Debug)]
struct Grid {
    interval: Duration,
    /// Distance of the grid from the start.
    phase: Duration,
    due: Instant,
}

/// The entries, the one that is due next first.
#[derive(Debug)]
pub(super) struct Schedule {
    start: Instant,
    grids: Vec<Grid>,
    heap: BinaryHeap<Reverse<(Instant, usize)>>,
}

impl Schedule {
    /// One entry per interval, numbered in their order.
    pub(super) fn new(intervals: impl IntoIterator<Item = Duration>, start: Instant) -> Self {
        let intervals: Vec<Duration> = intervals.into_iter().map(|interval| interval.max(MIN_INTERVAL)).collect();
        let phases = phases(&intervals);
        let grids: Vec<Grid> =
            std::iter::zip(intervals, phases).map(|(interval, phase)| Grid { interval, phase, due: start }).collect();
        let heap = (0..grids.len()).map(|entry| Reverse((start, entry))).collect();
        Self { start, grids, heap }
    }

    /// Makes everything due now, for example on a new connection.
    pub(super) fn restart(&mut self, now: Instant) {
        self.heap.clear();
        for entry in 0..self.grids.len() {
            self.put(entry, now);
        }
    }

    /// Waits for the next entry that is due. Safe to cancel. The caller answers with [`Schedule::skip_to_next`] or
    /// [`Schedule::defer`], otherwise the same entry comes again.
    pub(super) async fn next(&self) -> usize {
        let Some(&Reverse((due, entry))) = self.heap.peek() else { return std::future::pending().await };
        if due > Instant::now() {
            sleep_until(due).await;
        }
        entry
    }

    /// Moves an entry to its first tick after `now` and gives the number of ticks that were missed.
    pub(super) fn skip_to_next(&mut self, entry: usize, now: Instant) -> u64 {
        let Grid { interval, due, .. } = self.grids[entry];
        let next = self.tick_after(entry, now);
        let late = now.saturating_duration_since(due);
        let missed = late.as_nanos() / interval.as_nanos();
        self.take(entry);
        self.put(entry, next);
        u64::try_from(missed).unwrap_or(u64::MAX)
    }

    /// Moves an entry to a moment off its grid, without counting what it misses.
    pub(super) fn defer(&mut self, entry: usize, until: Instant) {
        self.take(entry);
        self.put(entry, until);
    }

    /// The first tick of an entry's grid after `now`.
    fn tick_after(&self, entry: usize, now: Instant) -> Instant {
        let Grid { interval, phase, .. } = self.grids[entry];
        let first = self.start + phase;
        let Some(since) = now.checked_duration_since(first) else { return first };
        let ticks = since.as_nanos() / interval.as_nanos() + 1;
        let nanos = ticks.saturating_mul(interval.as_nanos());
        first + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Takes an entry out; it is the first one except after a restart in between.
    fn take(&mut self, entry: usize) {
        match self.heap.peek() {
            Some(&Reverse((_, first))) if first == entry => drop(self.heap.pop()),
            Some(_) | None => self.heap.retain(|&Reverse((_, other))| other != entry),
        }
    }

    /// Puts an entry in.
    fn put(&mut self, entry: usize, due: Instant) {
        self.grids[entry].due = due;
        self.heap.push(Reverse((due, entry)));
    }
}

/// Spreads the entries of each interval evenly over it; the first one stays at its start.
fn phases(intervals: &[Duration]) -> Vec<Duration> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn everything_is_due_at_the_start_and_spread_afterwards() {
        let start = Instant::now();
        let mut schedule = Schedule::new([SECOND, SECOND], start);

        let mut ticks = Vec::new();
        for _ in 0..6 {
            let entry = schedule.next().await;
            ticks.push((start.elapsed().as_millis() / 10 * 10, entry));
            assert_eq!(schedule.skip_to_next(entry, Instant::now()), 0);
        }

        assert_eq!(ticks, [(0, 0), (0, 1), (500, 1), (1000, 0), (1500, 1), (2000, 0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_missed_on_a_busy_link_are_counted_and_skipped() {
        let mut schedule = Schedule::new([SECOND], Instant::now());
        let entry = schedule.next().await;
        schedule.skip_to_next(entry, Instant::now());

        tokio::time::advance(SECOND * 4 + SECOND / 2).await;
        let entry = schedule.next().await;
        let missed = schedule.skip_to_next(entry, Instant::now());
        let before = Instant::now();
        schedule.next().await;

        assert_eq!(missed, 3);
        assert!(before.elapsed() >= SECOND / 2, "the next tick is one that has not passed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_deferred_entry_comes_when_it_was_deferred_to() {
        let start = Instant::now();
        let mut schedule = Schedule::new([SECOND], start);

        schedule.defer(0, start + SECOND * 7);
        schedule.next().await;

        assert!(start.elapsed() >= SECOND * 7);
    }
}
