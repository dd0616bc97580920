//! The clock as the writer sees it: it looks at it with everything it does and at least once a second, notices jumps
//! and changes of trust, and keeps what was stamped before apart from what comes after.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tracing::{info, warn};

use super::Core;
use crate::{
    buffer::sight::{Jump, Sight, millis},
    model::{Block, ClockChange, ClockSpan, ClockWord, Event, EventKind, Timestamp},
};

/// How often the clock is looked at when nothing else happens.
pub(super) const LOOK: Duration = Duration::from_secs(1);

impl Core {
    /// Looks at the clock. What waits for its block when the clock has jumped, or is trusted more or less than before,
    /// was stamped by the clock as it was, and is cut as of then.
    pub(super) fn look(&mut self) {
        let (before, now) = (self.cutter.sight(), Sight::of(&*self.cutter.origin().clock));
        let by_ms = now.jump_since(&before);
        if by_ms != 0 || now.quality != before.quality {
            self.cut_all();
        }
        self.cutter.see(now);
        if now.quality != before.quality {
            let (was, is) = (before.quality.as_str(), now.quality.as_str());
            info!(was, is, "Trust in the wall clock has changed");
        }
        if by_ms != 0 {
            self.jumped(before, now, by_ms);
        }
        self.begin_if_trusted();
    }

    /// The wall clock was set. Steps are told at most once a second, counted always.
    fn jumped(&mut self, before: Sight, now: Sight, by_ms: i64) {
        warn!(by_ms, wall = %now.wall, "Wall clock has jumped");
        self.metrics.clock_steps.inc();
        let last = self.jump.replace(Jump { before, by_ms });
        let is_told = last.is_none_or(|last| now.uptime.saturating_sub(last.before.uptime) >= LOOK);
        if is_told {
            self.tell_clock(ClockWord::Step, now, by_ms, Vec::new());
        }
    }

    /// Tells what the clock did.
    pub(super) fn tell_clock(&mut self, what: ClockWord, now: Sight, offset_ms: i64, blocks: Vec<ClockSpan>) {
        let boot = self.cutter.origin().clock.boot();
        let Sight { quality, wall, uptime } = now;
        let change = ClockChange { what, boot, uptime_ms: millis(uptime), wall, offset_ms, quality, blocks };
        self.event(&Event { ts: wall, kind: EventKind::Clock { change } });
    }

    /// The moment meant by a stamp that was made before the clock jumped and comes in after it.
    pub(super) fn mend(&self, ts: Timestamp) -> Timestamp {
        self.jump.map_or(ts, |jump| jump.mend(ts, self.cutter.sight().uptime))
    }

    /// Lets blocks go to an uplink. That an untrusted one of an epoch leaves is on the disk before it does: it must not
    /// be set right any more. When that cannot be written, those that are in the database stay, and what comes after
    /// them; the others die with their epoch and may go.
    pub(super) fn hand_out(&mut self, mut blocks: Vec<Arc<Block>>) -> Vec<Arc<Block>> {
        if !blocks.iter().any(|block| self.trail.is_concerned(block)) {
            return blocks;
        }
        let concerned = blocks.iter().filter(|block| self.trail.is_concerned(block));
        let epochs: BTreeSet<_> = concerned.map(|block| block.epoch).collect();
        self.trail.mark(&epochs);
        if let Err(error) = self.keep_trail() {
            self.fail(&error);
            let is_stored = |block: &Arc<Block>| block.id.0 <= self.committed && self.trail.is_concerned(block);
            let first = blocks.iter().position(is_stored);
            blocks.truncate(first.unwrap_or(blocks.len()));
            self.is_withholding |= blocks.is_empty();
        }
        for block in &blocks {
            if self.trail.is_concerned(block) {
                self.trail.leave(block);
            }
        }
        blocks
    }

    /// Whether the last answer to an uplink must wait: an empty one would say that there is nothing.
    pub(in crate::buffer) fn is_withholding(&self) -> bool {
        self.is_withholding
    }

    /// Writes the trail, synced, if it has changed.
    fn keep_trail(&mut self) -> rusqlite::Result<()> {
        let Some(text) = self.trail.news() else { return Ok(()) };
        self.store.keep_trail(&text)?;
        self.trail.stored(text);
        Ok(())
    }
}
