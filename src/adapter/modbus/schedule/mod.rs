//! When which entry is due, and which of those that are due goes first.
//!
//! Each entry has a grid of ticks, spread over its interval so that entries of one interval do not come all at
//! once. Links are spread as well, over a few turns that all of them know by the host's uptime: hundreds of links that
//! polled in one moment would need memory and processor for all of it at once, and each in a moment of its own would
//! wake the rest of the gateway for every one of them. Everything is due at the start, so that first values do not
//! wait. An entry's deadline is one interval after it was due, and the earliest deadline goes first: what can be done in
//! time is done in time, and what cannot is late for everyone, since an entry that waits long enough has the earliest
//! deadline of all. Ticks that pass while the link is busy are counted and skipped, never made up for: old polls would
//! only delay new ones.

mod grid;
#[cfg(test)]
mod tests;

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use tokio::time::{Instant, sleep_until};

pub(super) use self::grid::Grid;
use self::grid::places;

/// Shortest interval; a configured zero must not spin.
const MIN_INTERVAL: Duration = Duration::from_millis(1);

/// The golden ratio's fraction: multiples of it spread well, however many come.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// An entry that comes within it need not be hastened.
const SOON: Duration = Duration::from_secs(2);

/// The grid of one entry, and where it stands.
#[derive(Debug)]
struct Entry {
    interval: Duration,
    /// Distance of the grid from the start.
    phase: Duration,
    due: Instant,
    /// When it comes; later than it was due where its unit rests.
    comes: Instant,
    deadline: Instant,
    /// Differs from that in a heap when the heap's is out of date.
    stamp: u32,
    state: State,
    /// Whether it was due on a connection and has not come up since.
    is_owed: bool,
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a heap.
    Queued,
    /// In none until it is woken.
    Parked,
    /// Removed; its number is given again.
    Vacant,
}

/// A place in a heap: when, which entry, which stamp.
type Item = Reverse<(Instant, usize, u32)>;

/// The entries by number.
#[derive(Debug)]
pub(super) struct Schedule {
    start: Instant,
    entries: Vec<Entry>,
    /// Not due yet, the earliest first.
    waiting: BinaryHeap<Item>,
    /// Due, the earliest deadline first.
    ready: BinaryHeap<Item>,
    vacant: Vec<usize>,
    /// How many entries were added later.
    added: u32,
}

impl Schedule {
    /// One entry per interval, numbered in their order.
    pub(super) fn new(intervals: impl IntoIterator<Item = Duration>, grid: Grid) -> Self {
        let intervals: Vec<Duration> = intervals.into_iter().map(|interval| interval.max(MIN_INTERVAL)).collect();
        let (start, count) = (grid.start, intervals.len());
        let mut schedule = Self {
            start,
            entries: Vec::with_capacity(count),
            waiting: BinaryHeap::with_capacity(count),
            ready: BinaryHeap::with_capacity(count),
            vacant: Vec::new(),
            added: 0,
        };
        for (&interval, place) in intervals.iter().zip(places(&intervals)) {
            schedule.insert(interval, grid.phase(interval, place), start);
        }
        schedule
    }

    /// Adds an entry that is due at a moment; gives its number, which may be one that was removed.
    pub(super) fn add(&mut self, interval: Duration, due: Instant) -> usize {
        self.added = self.added.wrapping_add(1);
        let interval = interval.max(MIN_INTERVAL);
        self.insert(interval, interval.mul_f64((f64::from(self.added) * GOLDEN).fract()), due)
    }

    /// Takes an entry away.
    pub(super) fn remove(&mut self, entry: usize) {
        self.leave(entry, State::Vacant);
        self.vacant.push(entry);
    }

    /// Lets an entry rest until it is deferred or everything starts again.
    pub(super) fn park(&mut self, entry: usize) {
        self.leave(entry, State::Parked);
    }

    /// Makes everything due now, for example on a new connection. What did not come up on the last one goes first: it may
    /// have ended with the same entry each time.
    pub(super) fn restart(&mut self, now: Instant) {
        self.waiting.clear();
        self.ready.clear();
        for entry in 0..self.entries.len() {
            let Entry { deadline, state, is_owed, .. } = self.entries[entry];
            match state {
                State::Vacant => continue,
                State::Queued | State::Parked if is_owed => self.hold(entry, now, deadline.min(now)),
                State::Queued | State::Parked => self.defer(entry, now),
            }
            self.entries[entry].is_owed = true;
        }
    }

    /// Waits for the next entry that is due. Safe to cancel. The caller moves the entry on, otherwise the same one
    /// comes again.
    pub(super) async fn next(&mut self) -> usize {
        loop {
            if let Some(entry) = self.due(Instant::now()) {
                return entry;
            }
            match first(&mut self.waiting, &self.entries) {
                Some(entry) => sleep_until(self.entries[entry].comes).await,
                None => std::future::pending().await,
            }
        }
    }

    /// When the next entry is due; it may have been for long.
    pub(super) fn next_due(&mut self) -> Option<Instant> {
        let waiting = first(&mut self.waiting, &self.entries);
        let ready = first(&mut self.ready, &self.entries);
        [waiting, ready].into_iter().flatten().map(|entry| self.entries[entry].comes).min()
    }

    /// The next entry that is due, if one is. The caller moves it on, as after [`Schedule::next`].
    pub(super) fn due(&mut self, now: Instant) -> Option<usize> {
        self.promote(now);
        first(&mut self.ready, &self.entries)
    }

    /// Moves an entry to its first tick after `now` and gives the number of ticks that were missed.
    pub(super) fn skip_to_next(&mut self, entry: usize, now: Instant) -> u64 {
        let Entry { interval, due, .. } = self.entries[entry];
        let late = now.saturating_duration_since(due);
        let missed = late.as_nanos() / interval.as_nanos();
        self.entries[entry].is_owed = false;
        self.defer(entry, self.tick_after(entry, now));
        u64::try_from(missed).unwrap_or(u64::MAX)
    }

    /// Moves an entry to a moment off its grid, without counting what it misses.
    pub(super) fn defer(&mut self, entry: usize, until: Instant) {
        let deadline = until + self.entries[entry].interval;
        self.hold(entry, until, deadline);
    }

    /// Makes an entry due at a moment, unless it comes soon after it anyway. What rests goes on resting.
    pub(super) fn hasten(&mut self, entry: usize, at: Instant) {
        let Entry { due, state, .. } = self.entries[entry];
        if state == State::Queued && due > at + SOON {
            self.defer(entry, at);
        }
    }

    /// Lets an entry that is due wait until a moment. It stays due, and keeps its turn among those that come then.
    pub(super) fn postpone(&mut self, entry: usize, until: Instant) {
        let Entry { due, deadline, .. } = self.entries[entry];
        self.hold(entry, until, deadline);
        self.entries[entry].due = due;
    }

    /// Makes an entry due before all others.
    pub(super) fn put_first(&mut self, entry: usize, now: Instant) {
        self.hold(entry, now, self.start);
    }

    /// As [`Schedule::defer`], with a deadline of its own: among entries that wait for the same thing it says whose
    /// turn is first.
    pub(super) fn hold(&mut self, entry: usize, until: Instant, deadline: Instant) {
        let held = &mut self.entries[entry];
        held.stamp = held.stamp.wrapping_add(1);
        (held.due, held.comes, held.deadline, held.state) = (until, until, deadline, State::Queued);
        let stamp = held.stamp;
        self.waiting.push(Reverse((until, entry, stamp)));
        self.tidy();
    }

    /// Moves what is due to where deadlines count.
    fn promote(&mut self, now: Instant) {
        while let Some(entry) = first(&mut self.waiting, &self.entries) {
            let Entry { comes, deadline, stamp, .. } = self.entries[entry];
            if comes > now {
                return;
            }
            self.waiting.pop();
            self.ready.push(Reverse((deadline, entry, stamp)));
        }
    }

    /// Puts an entry where one was removed, or behind the last.
    fn insert(&mut self, interval: Duration, phase: Duration, due: Instant) -> usize {
        let (deadline, state) = (due, State::Vacant);
        let entry = Entry { interval, phase, due, comes: due, deadline, stamp: 0, state, is_owed: false };
        let number = self.vacant.pop().unwrap_or(self.entries.len());
        match self.entries.get_mut(number) {
            Some(old) => *old = Entry { stamp: old.stamp, ..entry },
            None => self.entries.push(entry),
        }
        self.defer(number, due);
        number
    }

    /// Takes an entry out of its heap; its place there goes stale and is dropped when it comes up.
    fn leave(&mut self, entry: usize, state: State) {
        let left = &mut self.entries[entry];
        left.stamp = left.stamp.wrapping_add(1);
        left.state = state;
    }

    /// Drops stale places before they become more than the others.
    fn tidy(&mut self) {
        if self.waiting.len() > 2 * self.entries.len() + 16 {
            let entries = &self.entries;
            self.waiting.retain(|&Reverse((_, entry, stamp))| entries[entry].stamp == stamp);
        }
    }

    /// The first tick of an entry's grid after `now`.
    fn tick_after(&self, entry: usize, now: Instant) -> Instant {
        let Entry { interval, phase, .. } = self.entries[entry];
        let first = self.start + phase;
        let Some(since) = now.checked_duration_since(first) else { return first };
        let ticks = since.as_nanos() / interval.as_nanos() + 1;
        let nanos = ticks.saturating_mul(interval.as_nanos());
        first + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// The first entry of a heap that is not stale; stale places before it are dropped.
fn first(heap: &mut BinaryHeap<Item>, entries: &[Entry]) -> Option<usize> {
    while let Some(&Reverse((_, entry, stamp))) = heap.peek() {
        if entries[entry].stamp == stamp {
            return Some(entry);
        }
        heap.pop();
    }
    None
}
