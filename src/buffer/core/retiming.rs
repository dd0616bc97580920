//! When the clock is trusted at last: what it stamped before and has not left the gateway is set right, and of the
//! rest an event tells how far it is off.
//!
//! ```text
//! untrusted --trusted--> pass: memory at once, then rows, oldest first, a few a commit --end--> event `trusted`
//! ```
//!
//! Each commit of a pass is synced before the next block goes out, and while it lasts nothing goes out above the row
//! it has come to: a block has one form, whoever asks for it and whenever the power fails. A row of several blocks of
//! which one has left stays as it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
};

use tokio::time::Instant;
use tracing::{info, warn};

use super::Core;
use crate::{
    buffer::{
        codec::Stamp,
        commit::Message,
        cutter::Seqs,
        pack::{Loose, Pack},
        ranges::Ranges,
        rows::{Head, Table},
        sight::{Sight, offset_ms},
        trail::{Key, TOLERANCE_MS, key},
    },
    model::{Block, ClockWord},
};

/// Rows looked at in one step, and at most rewritten in one commit: with the largest rows some 30 MiB of memory, and
/// a second in which nothing else is done on a small board.
const ROWS: usize = 32;
/// Refusals of the database after which rows stay as they are, so that uplinks need not wait for a disk.
const TRIES: u32 = 5;
/// Most runs of messages in one event, which keeps it below the largest message.
const SPANS: usize = 400;

/// A pass over everything that was stamped before the clock was trusted.
pub(super) struct Pass {
    /// The look at the trusted clock by which the rest is set.
    right: Sight,
    /// The first row that was not looked at, and the last block there was.
    next: u64,
    until: u64,
    /// The numbers given last.
    seqs: Seqs,
    /// What stays as it is although it has not left.
    kept: BTreeMap<Key, Ranges>,
    /// Readings and messages that were set right.
    readings: u64,
    refusals: u32,
    /// When it goes on after a refusal.
    resume: Option<Instant>,
}

impl Pass {
    /// By how much what was cut then is off; `None` when that is nothing to speak of.
    fn offset_of(&self, cut_ms: i64) -> Option<i64> {
        let off_ms = self.right.offset_ms().saturating_sub(cut_ms);
        (off_ms.unsigned_abs() > TOLERANCE_MS).then_some(off_ms)
    }
}

/// What of some rows is to be written anew.
#[derive(Default)]
struct Rewrite {
    packs: Vec<Pack>,
    messages: Vec<Message>,
    blocks: Vec<Loose>,
}

impl Core {
    /// Goes on with a pass that has begun.
    pub(super) fn set_right(&mut self) {
        let Some(mut pass) = self.pass.take() else { return };
        if pass.resume.is_some_and(|resume| resume > Instant::now()) {
            self.pass = Some(pass);
            return;
        }
        pass.resume = None;
        match self.step(&mut pass) {
            Ok(()) if pass.next > pass.until => self.end_pass(pass),
            Ok(()) => self.pass = Some(pass),
            Err(error) => {
                self.fail(&error);
                pass.refusals += 1;
                pass.resume = Some(Instant::now() + self.settings.commit);
                self.pass = Some(pass);
            }
        }
    }

    /// Begins a pass if there is reason to; from then on nothing leaves that is to be set right.
    pub(super) fn begin_if_trusted(&mut self) {
        if self.pass.is_none() && self.cutter.sight().quality.is_trusted() && self.trail.has_untrusted() {
            self.begin_pass();
        }
    }

    /// When a pass goes on.
    pub(in crate::buffer) fn pass_due(&self) -> Option<Instant> {
        self.pass.as_ref().map(|pass| pass.resume.unwrap_or_else(Instant::now))
    }

    /// The last block that may go out.
    pub(super) fn cleared(&self) -> u64 {
        self.pass.as_ref().map_or(u64::MAX, |pass| pass.next - 1)
    }

    fn begin_pass(&mut self) {
        let (right, epoch) = (self.cutter.sight(), self.store.identity.epoch);
        let seqs = self.cutter.seqs().clone();
        for (_, stream) in self.trail.keys().into_iter().filter(|(of, _)| *of == epoch) {
            self.trail.close(epoch, &stream, last_of(&seqs, &stream));
        }
        let pass = Pass {
            right,
            next: self.trail.first(),
            until: self.cutter.last_id(),
            seqs,
            kept: BTreeMap::new(),
            readings: 0,
            refusals: 0,
            resume: None,
        };
        info!(
            blocks = (pass.until + 1).saturating_sub(pass.next),
            "Clock is trusted, what was stamped before is set right"
        );
        // What is not in the database yet comes into it with right times.
        let waiting = self.ring.waiting().map(|entry| &entry.loose);
        let wrong: Vec<_> = waiting.filter(|loose| self.may_set_right(&loose.block)).cloned().collect();
        for loose in wrong {
            if let Some(loose) = corrected(&pass, &loose) {
                self.metrics.retimed.inc_by(weight(&loose.block));
                self.ring.replace(&loose);
            }
        }
        self.pass = Some(pass);
    }

    fn may_set_right(&self, block: &Block) -> bool {
        self.trail.is_concerned(block) && !self.trail.has_left(block.epoch, &block.stream, block.seq)
    }

    /// Looks at the next rows.
    fn step(&mut self, pass: &mut Pass) -> rusqlite::Result<()> {
        let mut reached = pass.until;
        let mut heads = Vec::new();
        for table in Table::ALL {
            let some = self.store.heads(table, pass.next, pass.until, ROWS)?;
            if let Some(last) = some.get(ROWS - 1) {
                reached = reached.min(last.id);
            }
            heads.extend(some);
        }
        heads.retain(|head| head.id <= reached && !head.clock.is_trusted());
        let gone: BTreeSet<_> = self.doomed.iter().map(|row| (row.head.table, row.head.id)).collect();
        heads.retain(|head| !gone.contains(&(head.table, head.id)));
        let mut rewrite = Rewrite::default();
        for head in &heads {
            self.prepare(pass, head, &mut rewrite)?;
        }
        if !rewrite.blocks.is_empty() {
            self.store.rewrite(&rewrite.packs, &rewrite.messages)?;
        }
        for loose in &rewrite.blocks {
            pass.readings += weight(&loose.block);
            self.metrics.retimed.inc_by(weight(&loose.block));
            self.ring.replace(loose);
        }
        pass.next = reached + 1;
        Ok(())
    }

    /// Makes the right form of a row, if it is wrong and nothing of it has left.
    fn prepare(&mut self, pass: &mut Pass, head: &Head, rewrite: &mut Rewrite) -> rusqlite::Result<()> {
        // A row that cannot be read is told of when it is its turn.
        let Some(Ok(blocks)) = self.store.unpack(head.table, head.id)? else { return Ok(()) };
        let blocks: Vec<_> = blocks.into_values().map(Arc::new).collect();
        let Some(newest) = blocks.last() else { return Ok(()) };
        let newest_uptime = newest.uptime;
        let cut_ms = offset_ms(head.cut, newest_uptime);
        if pass.offset_of(cut_ms).is_none() || !self.trail.is_concerned(newest) {
            return Ok(());
        }
        if pass.refusals >= TRIES || !blocks.iter().all(|block| self.may_set_right(block)) {
            for block in &blocks {
                pass.kept.entry(key(block)).or_default().insert(block.seq);
            }
            return Ok(());
        }
        let loose = |block: Arc<Block>| {
            let earlier = newest_uptime.saturating_sub(block.uptime);
            let cut = head.cut.moved(-i64::try_from(earlier.as_millis()).unwrap_or(0));
            Loose { block, cut, priority: head.priority, bytes: 0 }
        };
        let off_ms = pass.right.offset_ms().saturating_sub(cut_ms);
        let right: Vec<_> = blocks.into_iter().map(loose).map(|loose| moved(&loose, off_ms)).collect();
        match head.table {
            Table::Pack => rewrite.packs.extend(Pack::of(&mut self.encoder, &right)),
            Table::Message => {
                for Loose { block, cut, .. } in &right {
                    let body = self.encoder.encode(&Stamp::of(block), &block.body);
                    rewrite.messages.push(Message { block: Arc::clone(block), cut: *cut, body });
                }
            }
        }
        rewrite.blocks.extend(right);
        Ok(())
    }

    /// Tells what could not be set right. The trail goes with the commit that holds the event.
    fn end_pass(&mut self, mut pass: Pass) {
        let epoch = self.store.identity.epoch;
        let spans = self.trail.spans(&mem::take(&mut pass.kept), pass.right.offset_ms());
        if pass.refusals > 0 {
            warn!(refusals = pass.refusals, "Database refused while times were set right");
        }
        info!(readings = pass.readings, runs = spans.len(), "Times of stored blocks are set right, the rest is told");
        let worst_ms = self.trail.worst(pass.right.offset_ms());
        self.trail.done(pass.until, epoch, |stream| last_of(&pass.seqs, stream));
        let mut parts: Vec<_> = spans.chunks(SPANS).map(<[_]>::to_vec).collect();
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        for blocks in parts {
            self.tell_clock(ClockWord::Trusted, pass.right, worst_ms, blocks);
        }
    }
}

fn last_of(seqs: &Seqs, stream: &str) -> u64 {
    seqs.iter().find(|(known, _)| known.as_str() == stream).map_or(0, |(_, seq)| *seq)
}

/// A block in memory with right times, if they are wrong.
fn corrected(pass: &Pass, loose: &Loose) -> Option<Loose> {
    pass.offset_of(loose.offset_ms()).map(|off_ms| moved(loose, off_ms))
}

fn moved(loose: &Loose, off_ms: i64) -> Loose {
    Loose { block: Arc::new(loose.block.set_right(off_ms)), cut: loose.cut.moved(off_ms), ..loose.clone() }
}

/// What a block counts for: its readings, or one message.
fn weight(block: &Block) -> u64 {
    block.readings().max(1) as u64
}
