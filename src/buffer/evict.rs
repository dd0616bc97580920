//! Which blocks go when the store is full or they are too old, and the gaps that tell of it.
//!
//! Order: delivered blocks beyond the history, undelivered ones beyond the age, then, while the store is too large,
//! the oldest that nobody is owed, the oldest owed readings, and events and outcomes last.
//!
//! A block's age is believed only when the clock that cut it and the clock of now are of one quality, and of a good
//! one: a clock that was wrong and is set must not make a block look years old. What has no age goes by size alone.

use std::time::Duration;

use super::{
    ranges::Ranges,
    store::{Head, Store},
};
use crate::model::{ClockQuality, Event, EventKind, Gap, GapReason, Stream, Timestamp};

/// Most blocks that go in one commit, so that a commit stays short.
const MAX_BLOCKS: usize = 512;
/// Most blocks without a believable age that are passed over on the way to one that has one.
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

/// A block that goes, with the reason when somebody is owed it.
pub(super) type Doomed = (Head, Option<GapReason>);

/// Chooses blocks up to `last`; `settled` are those nobody is owed.
pub(super) fn plan(store: &Store, bounds: &Bounds, settled: &Ranges, last: u64) -> rusqlite::Result<Vec<Doomed>> {
    let Some(oldest) = store.oldest()? else {
        return Ok(Vec::new());
    };
    let free: Vec<_> = settled.intersect(&span(oldest, last)).iter().collect();
    let owed: Vec<_> = settled.missing(oldest, last).collect();
    let mut plan = Plan { store, chosen: Vec::new(), chosen_ids: Ranges::default(), bytes: 0 };
    plan.walk(&free, None, bounds.aged(bounds.history))?;
    plan.walk(&owed, Some(GapReason::Expired), bounds.aged(bounds.max_age))?;
    plan.walk(&free, None, |_, freed| pick(freed < bounds.excess))?;
    let is_reading = |head: &Head| head.stream == Stream::Data;
    plan.walk(&owed, Some(GapReason::Full), |head, freed| match freed < bounds.excess {
        true if is_reading(head) => Pick::Take,
        true => Pick::Pass,
        false => Pick::Stop,
    })?;
    plan.walk(&owed, Some(GapReason::Full), |_, freed| pick(freed < bounds.excess))?;
    Ok(plan.chosen)
}

/// One gap event per run of numbers of a stream, epoch and reason.
pub(super) fn gaps(doomed: &[Doomed], now: Timestamp) -> Vec<Event> {
    let mut lost: Vec<(&Head, GapReason)> = doomed.iter().filter_map(|(head, why)| Some((head, (*why)?))).collect();
    lost.sort_by(|(a, _), (b, _)| (&a.stream, a.epoch, a.seq).cmp(&(&b.stream, b.epoch, b.seq)));
    let runs = lost.chunk_by(|(a, why), (b, next)| {
        (&a.stream, a.epoch, a.seq + 1) == (&b.stream, b.epoch, b.seq) && why == next
    });
    let gap = |run: &[(&Head, GapReason)]| {
        let [(first, reason), ..] = run else { return None };
        let to = run.last().map_or(first.seq, |(head, _)| head.seq);
        let readings = run.iter().map(|(head, _)| head.readings).sum();
        let gap = Gap::blocks(&first.stream, first.epoch, first.seq, to, readings, *reason);
        Some(Event { ts: now, kind: EventKind::Gap { gap } })
    };
    runs.filter_map(gap).collect()
}

/// What to do with a block.
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
    chosen: Vec<Doomed>,
    chosen_ids: Ranges,
    bytes: u64,
}

impl Plan<'_> {
    /// Goes through blocks, oldest first, until `judge` stops it or enough are chosen. `judge` gets the bytes that
    /// are free already.
    fn walk(
        &mut self,
        ranges: &[(u64, u64)],
        reason: Option<GapReason>,
        mut judge: impl FnMut(&Head, u64) -> Pick,
    ) -> rusqlite::Result<()> {
        for &(mut from, to) in ranges {
            while from <= to {
                let heads = self.store.heads(from, to, STEP)?;
                let Some(newest) = heads.last().map(|head| head.id) else { break };
                for head in heads {
                    if self.chosen.len() >= MAX_BLOCKS {
                        return Ok(());
                    }
                    if self.chosen_ids.contains(head.id) {
                        continue;
                    }
                    match judge(&head, self.bytes) {
                        Pick::Take => self.take(head, reason),
                        Pick::Pass => {}
                        Pick::Stop => return Ok(()),
                    }
                }
                from = newest + 1;
            }
        }
        Ok(())
    }

    fn take(&mut self, head: Head, reason: Option<GapReason>) {
        self.bytes += head.bytes + ROW_BYTES;
        self.chosen_ids.insert(head.id);
        self.chosen.push((head, reason));
    }
}
