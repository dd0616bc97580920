//! Sums up readings minute by minute, without any I/O: what is open, and what is closed and waits to be written.
//!
//! A minute closes 10 s after its end by the gateway's clock, or two minutes after it was opened, whatever clocks
//! say, so that a device that lives in another year costs no more than one that does not. A reading that comes later
//! opens its minute again as a further *part*; parts are merged when they are read.

use std::{
    collections::{BTreeMap, VecDeque},
    hash::BuildHasher as _,
    mem,
    time::Duration,
};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{
    MINUTE, floor,
    series::SeriesId,
    summary::{self, Summary},
};
use crate::model::{Reading, Timestamp};

/// Most sums of one point in one minute that are open. Beyond, the oldest minute closes early; what still comes for
/// it makes a further part.
const MAX_OPEN: usize = 100_000;
/// Most that wait to be written. While the database refuses, the oldest minute is given up and counted
/// (`rollup_lost`); its readings are in their blocks.
const MAX_CLOSED: usize = 100_000;
/// How long after its end a minute stays open for what is late.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long a minute stays open at most.
const MAX_AGE: Duration = Duration::from_secs(120);

/// A minute that is over: its sums, by series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Closed {
    /// When the minute begins.
    pub(super) t: Timestamp,
    /// Ascending.
    pub(super) sums: Vec<(SeriesId, Summary)>,
}

/// A minute that is not over.
#[derive(Debug)]
struct Open {
    since: Duration,
    /// In the order in which they came.
    sums: Vec<(SeriesId, Summary)>,
    /// Where each series stands among them.
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Behind the sum that was found last. Points come in one order, poll after poll, so that the next one is mostly
    /// there.
    next: usize,
}

/// Sums readings up.
#[derive(Debug, Default)]
pub(super) struct Roller {
    open: BTreeMap<Timestamp, Open>,
    open_sums: usize,
    closed: VecDeque<Closed>,
    closed_sums: usize,
    /// Sums that were given up since the start.
    lost: u64,
}

impl Roller {
    /// Takes a reading of a numeric point in; `uptime` is now.
    pub(super) fn note(&mut self, id: SeriesId, reading: &Reading, uptime: Duration) {
        let minute = self.open.entry(floor(reading.ts, MINUTE)).or_insert_with(|| Open::new(uptime));
        let before = minute.sums.len();
        minute.sum(id).note(summary::number_of(reading), reading.ts);
        self.open_sums += minute.sums.len() - before;
        if self.open_sums > MAX_OPEN {
            self.close_oldest();
        }
    }

    /// Closes what is over at `now`.
    pub(super) fn close(&mut self, now: Timestamp, uptime: Duration) {
        let is_over = |t: Timestamp, open: &Open| {
            now >= t.plus(MINUTE + PATIENCE) || uptime.saturating_sub(open.since) >= MAX_AGE
        };
        let over: Vec<_> = self.open.iter().filter(|(t, open)| is_over(**t, open)).map(|(t, _)| *t).collect();
        for t in over {
            self.close_one(t);
        }
    }

    /// Closes everything: for the end.
    pub(super) fn close_all(&mut self) {
        while !self.open.is_empty() {
            self.close_oldest();
        }
    }

    /// What waits to be written, in the order in which it closed.
    pub(super) fn closed(&self) -> impl Iterator<Item = &Closed> {
        self.closed.iter()
    }

    /// It is written.
    pub(super) fn written(&mut self) {
        self.closed.clear();
        self.closed_sums = 0;
    }

    /// Everything that is not written yet of a series, with its minute; a minute may come twice.
    pub(super) fn unwritten(&self, id: SeriesId) -> impl Iterator<Item = (Timestamp, Summary)> {
        let closed = self.closed.iter().filter_map(move |closed| {
            let place = closed.sums.binary_search_by_key(&id, |(id, _)| *id).ok()?;
            Some((closed.t, closed.sums[place].1))
        });
        let open = self.open.iter().filter_map(move |(t, open)| open.get(id).map(|sum| (*t, *sum)));
        closed.chain(open)
    }

    /// Whether a minute had to close early, so that it should be written soon.
    pub(super) fn is_crowded(&self) -> bool {
        self.closed_sums > 0 && self.open_sums + self.closed_sums >= MAX_OPEN
    }

    /// Sums of one point in one minute that are open.
    pub(super) fn open_sums(&self) -> usize {
        self.open_sums
    }

    /// Sums given up since this was asked last.
    pub(super) fn take_lost(&mut self) -> u64 {
        mem::take(&mut self.lost)
    }

    fn close_oldest(&mut self) {
        if let Some(oldest) = self.open.keys().next().copied() {
            self.close_one(oldest);
        }
    }

    fn close_one(&mut self, t: Timestamp) {
        let Some(Open { mut sums, .. }) = self.open.remove(&t) else { return };
        self.open_sums -= sums.len();
        self.closed_sums += sums.len();
        sums.sort_unstable_by_key(|(id, _)| *id);
        self.closed.push_back(Closed { t, sums });
        // The newest stays, however large it is.
        while self.closed_sums > MAX_CLOSED && self.closed.len() > 1 {
            let gone = self.closed.pop_front().map_or(0, |closed| closed.sums.len());
            self.closed_sums -= gone;
            self.lost += gone as u64;
        }
    }
}

impl Open {
    /// A minute without sums.
    fn new(since: Duration) -> Self {
        Self { since, sums: Vec::new(), places: HashTable::new(), hasher: DefaultHashBuilder::default(), next: 0 }
    }

    /// The sum of a series so far.
    fn get(&self, id: SeriesId) -> Option<&Summary> {
        let place = *self.places.find(self.hasher.hash_one(id), |&place| self.sums[place as usize].0 == id)?;
        Some(&self.sums[place as usize].1)
    }

    /// The sum of a series, begun if there is none.
    fn sum(&mut self, id: SeriesId) -> &mut Summary {
        let is_next = self.sums.get(self.next).is_some_and(|(known, _)| *known == id);
        let place = if is_next { self.next } else { self.place(id) };
        self.next = place + 1;
        &mut self.sums[place].1
    }

    /// Where the sum of a series stands, begun if there is none.
    fn place(&mut self, id: SeriesId) -> usize {
        let Self { sums, places, hasher, .. } = self;
        let new = u32::try_from(sums.len()).expect("a minute has at most as many sums as are open");
        let again = |&place: &u32| hasher.hash_one(sums[place as usize].0);
        let found = places.entry(hasher.hash_one(id), |&place| sums[place as usize].0 == id, again);
        let place = *found.or_insert(new).get();
        if place == new {
            sums.push((id, Summary::default()));
        }
        place as usize
    }
}

#[cfg(test)]
mod tests;
