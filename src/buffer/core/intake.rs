//! What comes in, until it stands in numbered blocks.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Core, ticking::REFRESH};
use crate::{
    buffer::{
        Append,
        cutter::{Cut, fit},
        route::Track,
        sight::offset_ms,
    },
    model::{Event, Outcome, Reading, StateChange, Timestamp},
};

/// Bytes that wait for their commit at most. Beyond it the intake waits; while commits fail, the oldest go instead.
pub(super) const MAX_PENDING: usize = 16 << 20;

impl Core {
    /// Whether another append may come in: while commits fail the oldest makes room for it.
    pub(in crate::buffer) fn has_room(&self) -> bool {
        self.ring.waiting_size().1 < MAX_PENDING || self.status.borrow().failing.is_some()
    }

    /// Takes an append in.
    pub(in crate::buffer) fn take(&mut self, append: Append) {
        let Append { forward, local, events, outcomes, state, receipts } = append;
        let now = Instant::now();
        self.shed_memory();
        self.look();
        self.take_readings(forward, local, now);
        for event in events {
            self.event(&Event { ts: self.mend(event.ts), ..event });
        }
        for outcome in outcomes {
            self.outcome(&Outcome { ts: self.mend(outcome.ts), ..outcome });
        }
        if !state.is_empty() {
            self.states_since.get_or_insert(now);
        }
        self.states.extend(state.into_iter().map(|StateChange { rule, key, value }| ((rule, key), value)));
        self.receipts.extend(receipts.into_iter().map(|receipt| (now, receipt)));
        self.timers.commit.get_or_insert(now + self.settings.commit);
        if self.settings.express && self.cutter.oldest().is_some() {
            self.timers.linger.get_or_insert(now + self.settings.linger);
        }
    }

    /// Readings for uplinks, and those that stay here.
    fn take_readings(&mut self, mut forward: Vec<Reading>, mut local: Vec<Reading>, now: Instant) {
        self.metrics.appended.inc_by((forward.len() + local.len()) as u64);
        self.rollups.present(now, self.cutter.now());
        for reading in forward.iter_mut().chain(&mut local) {
            reading.ts = self.mend(reading.ts);
            self.rollups.note(reading);
        }
        for reading in forward {
            let tracks = self.router.forward(&reading);
            self.reading(&tracks, reading, now);
        }
        let here = self.router.local();
        for reading in local {
            self.reading(&here, reading, now);
        }
    }

    fn reading(&mut self, tracks: &[Track], reading: Reading, now: Instant) {
        self.last.note(&reading);
        self.append_reading(tracks, reading, now);
    }

    pub(super) fn append_reading(&mut self, tracks: &[Track], reading: Reading, now: Instant) {
        let (reading, bytes, is_replaced) = fit(reading);
        self.metrics.too_large.inc_by(u64::from(is_replaced));
        let [others @ .., last] = tracks else { return };
        for track in others {
            self.push(track, reading.clone(), bytes, now);
        }
        self.push(last, reading, bytes, now);
    }

    fn push(&mut self, track: &Track, reading: Reading, bytes: usize, now: Instant) {
        if let Some(cut) = self.cutter.push(track, reading, bytes, now) {
            self.admit(cut);
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        let cut = self.cutter.event(event);
        self.admit(cut);
        self.is_urgent = true;
        self.timers.commit.get_or_insert(Instant::now() + self.settings.commit);
    }

    fn outcome(&mut self, outcome: &Outcome) {
        let cut = self.cutter.outcome(outcome);
        self.admit(cut);
        self.is_urgent = true;
    }

    /// A block has its number.
    pub(super) fn admit(&mut self, cut: Cut) {
        let now = self.cutter.sight().wall;
        self.admit_at(cut, now);
    }

    /// A block has its number, and was cut at this time.
    pub(super) fn admit_at(&mut self, cut: Cut, at: Timestamp) {
        let Cut { block, bytes, priority, since } = cut;
        let id = block.id;
        self.metrics.cut.inc();
        // How wrong the clock of another boot was, nobody can know.
        let offset_ms = self.cutter.is_of_this_boot(&block).then(|| offset_ms(at, block.uptime));
        self.metrics.untold.inc_by(self.trail.cut(&block, offset_ms) as u64);
        self.delivery.add(id.0, &block.stream, block.readings(), bytes);
        self.ring.push(Arc::new(block), at, bytes, priority, since);
        if self.settings.express {
            self.newest.send_replace(id);
        }
        self.timers.refresh.get_or_insert(Instant::now() + REFRESH);
    }

    pub(in crate::buffer) fn cut_all(&mut self) {
        self.timers.linger = None;
        for cut in self.cutter.cut() {
            self.admit(cut);
        }
    }

    /// Bytes that wait for their commit.
    #[cfg(test)]
    pub(in crate::buffer) fn waiting_bytes(&self) -> usize {
        self.ring.waiting_size().1
    }
}
