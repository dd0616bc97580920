//! Which blocks go when the store is full or they are too old, and the gaps that tell of it.
//!
//! Order: delivered rows beyond the history, undelivered ones beyond the age, then, while the store is too large, the
//! oldest that nobody is owed, the oldest owed readings by priority, and events and outcomes last. Rows go whole.
//!
//! A block's age is believed only when the clock that cut it and the clock of now are of one quality, and of a good
//! one: a clock that was wrong and is set must not make a block look years old. What has no age goes by size alone.

use std::{collections::BTreeSet, time::Duration};

use super::{
    pack::Part,
    ranges::Ranges,
    rows::{Head, Table},
    store::Store,
};
use crate::{
    config::Priority,
    model::{ClockQuality, Event, EventKind, Gap, GapReason, Stream, Timestamp},
};

/// Most rows that go in one commit, so that a commit stays short.
const MAX_ROWS: usize = 512;
/// Most rows without a believable age that are passed over on the way to one that has one.
const MAX_AGELESS: usize = 1_024;
/// Rows looked at in one step.
const STEP: usize = 64;
/// What a row takes besides its body.
const ROW_BYTES: u64 = 64;

/// What is to be judged.
pub(super) struct Bounds {
    /// Now.
    pub(super) now: Timestamp,
    /// How far that can be trusted.
    pub(super) clock: ClockQuality,
    /// How long blocks stay that nobody is owed.
    pub(super) history: Duration,
    /// How long owed blocks stay.
    pub(super) max_age: Duration,
    /// Bytes to free.
    pub(super) excess: u64,
}

impl Bounds {
    /// Takes blocks as old as `limit`.
    fn aged(&self, limit: Duration) -> impl FnMut(&Head, u64) -> Pick {
        let (now, clock) = (self.now, self.clock);
        let is_good = matches!(clock, ClockQuality::Ntp | ClockQuality::Rtc);
        let mut ageless = 0;
        move |head, _| match is_good && head.clock == clock {
            _ if limit.is_zero() => Pick::Take,
            true => pick(now.since(head.cut) >= limit),
            false => {
                ageless += 1;
                if is_good && ageless <= MAX_AGELESS { Pick::Pass } else { Pick::Stop }
            }
        }
    }
}

/// A row that goes, and what of it somebody is still owed.
#[derive(Debug)]
pub(super) struct Doomed {
    pub(super) head: Head,
    pub(super) reason: GapReason,
    pub(super) owed: Vec<Part>,
}

/// Chooses rows up to `last`; `settled` are the ids nobody is owed.
pub(super) fn plan(store: &Store, bounds: &Bounds, settled: &Ranges, last: u64) -> rusqlite::Result<Vec<Doomed>> {
    let Some(oldest) = store.oldest()? else {
        return Ok(Vec::new());
    };
    let free: Vec<_> = settled.intersect(&span(oldest, last)).iter().collect();
    let owed: Vec<_> = settled.missing(oldest, last).collect();
    let mut plan = Plan { store, settled, chosen: Vec::new(), taken: BTreeSet::new(), bytes: 0 };
    plan.free(&free, bounds.aged(bounds.history))?;
    plan.owed(&owed, GapReason::Expired, bounds.aged(bounds.max_age))?;
    if bounds.excess > 0 {
        plan.free(&free, |_, freed| pick(freed < bounds.excess))?;
        plan.low(bounds.excess)?;
        for least in [Priority::Normal, Priority::High] {
            plan.walk(Table::Pack, &owed, Some(GapReason::Full), |head, freed| match freed < bounds.excess {
                true if head.priority <= least => Pick::Take,
                true => Pick::Pass,
                false => Pick::Stop,
            })?;
        }
        plan.walk(Table::Message, &owed, Some(GapReason::Full), |_, freed| pick(freed < bounds.excess))?;
    }
    Ok(plan.chosen)
}

/// A block that somebody was owed and that is gone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lost<'a> {
    pub(super) stream: &'a Stream,
    pub(super) epoch: u64,
    pub(super) part: Part,
    pub(super) reason: GapReason,
}

impl Doomed {
    /// What of the row is lost to somebody.
    pub(super) fn lost(&self) -> impl Iterator<Item = Lost<'_>> {
        let Self { head, reason, owed } = self;
        owed.iter().map(|part| Lost { stream: &head.stream, epoch: head.epoch, part: *part, reason: *reason })
    }
}

/// One gap event per run of numbers of a stream, epoch and reason.
pub(super) fn gaps(mut lost: Vec<Lost<'_>>, now: Timestamp) -> Vec<Event> {
    lost.sort_by(|a, b| (a.stream, a.epoch, a.part.seq).cmp(&(b.stream, b.epoch, b.part.seq)));
    let is_one_run = |a: &Lost<'_>, b: &Lost<'_>| {
        (a.stream, a.epoch, a.part.seq + 1, a.reason) == (b.stream, b.epoch, b.part.seq, b.reason)
    };
    let gap = |run: &[Lost<'_>]| {
        let (first, newest) = (run.first()?, run.last()?);
        let readings = run.iter().map(|lost| lost.part.readings).sum();
        let gap = Gap::blocks(first.stream, first.epoch, first.part.seq, newest.part.seq, readings, first.reason);
        Some(Event { ts: now, kind: EventKind::Gap { gap } })
    };
    lost.chunk_by(is_one_run).filter_map(gap).collect()
}

/// What to do with a row.
enum Pick {
    Take,
    Pass,
    Stop,
}

fn pick(take: bool) -> Pick {
    if take { Pick::Take } else { Pick::Stop }
}

fn span(from: u64, to: u64) -> Ranges {
    let mut span = Ranges::default();
    span.insert_range(from, to);
    span
}

/// The choice so far.
struct Plan<'a> {
    store: &'a Store,
    settled: &'a Ranges,
    chosen: Vec<Doomed>,
    taken: BTreeSet<(Table, u64)>,
    bytes: u64,
}

impl Plan<'_> {
    /// Rows of which nobody is owed anything.
    fn free(&mut self, free: &[(u64, u64)], mut judge: impl FnMut(&Head, u64) -> Pick) -> rusqlite::Result<()> {
        Table::ALL.into_iter().try_for_each(|table| self.walk(table, free, None, &mut judge))
    }

    /// Rows of which somebody is owed something.
    fn owed(
        &mut self,
        owed: &[(u64, u64)],
        reason: GapReason,
        mut judge: impl FnMut(&Head, u64) -> Pick,
    ) -> rusqlite::Result<()> {
        Table::ALL.into_iter().try_for_each(|table| self.walk(table, owed, Some(reason), &mut judge))
    }

    /// Owed rows of low priority, which have an index of their own.
    fn low(&mut self, excess: u64) -> rusqlite::Result<()> {
        for head in self.store.low(MAX_ROWS)? {
            if self.bytes >= excess || self.chosen.len() >= MAX_ROWS {
                break;
            }
            let owed = self.owed_of(&head);
            self.take(head, GapReason::Full, owed);
        }
        Ok(())
    }

    /// Goes through rows, oldest first, until `judge` stops it or enough are chosen: those of which somebody is owed
    /// something if there is a `reason` for giving them up, and else the others. `judge` gets the bytes that are free
    /// already.
    fn walk(
        &mut self,
        table: Table,
        ranges: &[(u64, u64)],
        reason: Option<GapReason>,
        mut judge: impl FnMut(&Head, u64) -> Pick,
    ) -> rusqlite::Result<()> {
        for &(from, to) in ranges {
            let mut from = if reason.is_some() { table.start(from) } else { from };
            while from <= to {
                let heads = self.store.heads(table, from, to, STEP)?;
                let Some(newest) = heads.last().map(|head| head.id) else { break };
                for head in heads {
                    if self.chosen.len() >= MAX_ROWS {
                        return Ok(());
                    }
                    let owed = self.owed_of(&head);
                    if self.taken.contains(&(table, head.id)) || owed.is_empty() == reason.is_some() {
                        continue;
                    }
                    match judge(&head, self.bytes) {
                        Pick::Take => self.take(head, reason.unwrap_or(GapReason::Full), owed),
                        Pick::Pass => {}
                        Pick::Stop => return Ok(()),
                    }
                }
                from = newest + 1;
            }
        }
        Ok(())
    }

    fn owed_of(&self, head: &Head) -> Vec<Part> {
        head.parts.iter().filter(|part| !self.settled.contains(part.id)).copied().collect()
    }

    fn take(&mut self, head: Head, reason: GapReason, owed: Vec<Part>) {
        self.bytes += head.bytes + ROW_BYTES;
        if self.taken.insert((head.table, head.id)) {
            self.chosen.push(Doomed { head, reason, owed });
        }
    }
}
