//! The newest blocks in memory: those that wait for their fate, and a bounded run of those before them, so that a
//! healthy link never reads the database.

use std::{collections::VecDeque, sync::Arc};

use tokio::time::Instant;

use super::pack::{Loose, PRIORITIES};
use crate::{
    config::Priority,
    model::{Block, Timestamp},
};

/// Bytes of JSON the part that waits for nothing may stand for.
const MAX_DONE: usize = 4 << 20;

/// A block in memory.
pub(super) struct Entry {
    pub(super) loose: Loose,
    /// When its oldest reading was taken in.
    pub(super) since: Instant,
    /// Neither in the database nor known to be safe without it.
    is_waiting: bool,
}

/// A run of blocks without holes, oldest first.
#[derive(Default)]
pub(super) struct Ring {
    entries: VecDeque<Entry>,
    /// How many wait, and their bytes.
    waiting: (usize, usize),
    done_bytes: usize,
    /// Below this id nothing waits.
    settled_below: u64,
}

impl Ring {
    /// A block that was cut.
    pub(super) fn push(
        &mut self,
        block: Arc<Block>,
        cut: Timestamp,
        bytes: usize,
        priority: Priority,
        since: Instant,
    ) {
        let loose = Loose { block, cut, priority, bytes };
        self.entries.push_back(Entry { loose, since, is_waiting: true });
        self.waiting = (self.waiting.0 + 1, self.waiting.1 + bytes);
    }

    /// A block that nobody has seen has another form.
    pub(super) fn replace(&mut self, loose: &Loose) {
        let place = self.oldest().and_then(|oldest| loose.block.id.0.checked_sub(oldest));
        let place = place.and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| self.entries.get_mut(place)) {
            (entry.loose.block, entry.loose.cut) = (Arc::clone(&loose.block), loose.cut);
        }
    }

    /// How many blocks wait, and their bytes.
    pub(super) fn waiting_size(&self) -> (usize, usize) {
        self.waiting
    }

    /// Blocks that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().skip(self.first_waiting()).filter(|entry| entry.is_waiting)
    }

    /// Those that wait and are neither kept back by `is_safe` nor safe are in the database now.
    pub(super) fn committed(&mut self, is_safe: impl Fn(&Block) -> bool) {
        let first = self.advance();
        for entry in self.entries.range_mut(first..) {
            if entry.is_waiting && !is_safe(&entry.loose.block) {
                finish(entry, &mut self.waiting, &mut self.done_bytes);
            }
        }
    }

    /// Takes those that are safe out of the waiting; gives what they are.
    pub(super) fn release(&mut self, is_safe: impl Fn(&Block) -> bool) -> Vec<Loose> {
        self.take_out(|loose| is_safe(&loose.block))
    }

    /// Takes the oldest of least priority out of the waiting until they are worth so many bytes; gives what they are.
    pub(super) fn shed(&mut self, bytes: usize) -> Vec<Loose> {
        let mut gone = Vec::new();
        let mut left = bytes;
        for priority in PRIORITIES {
            gone.extend(self.take_out(|loose| {
                let is_chosen = left > 0 && loose.priority == priority;
                left = left.saturating_sub(if is_chosen { loose.bytes } else { 0 });
                is_chosen
            }));
        }
        gone
    }

    fn take_out(&mut self, mut is_chosen: impl FnMut(&Loose) -> bool) -> Vec<Loose> {
        let mut taken = Vec::new();
        let first = self.advance();
        for entry in self.entries.range_mut(first..).filter(|entry| entry.is_waiting) {
            if is_chosen(&entry.loose) {
                finish(entry, &mut self.waiting, &mut self.done_bytes);
                taken.push(entry.loose.clone());
            }
        }
        taken
    }

    /// The database has lost what it had after this id: what is not settled waits again.
    pub(super) fn wait_again(&mut self, after: u64, is_settled: impl Fn(u64) -> bool) {
        self.settled_below = self.settled_below.min(after + 1);
        let lost = self.entries.iter_mut().filter(|entry| entry.loose.block.id.0 > after && !entry.is_waiting);
        for entry in lost.filter(|entry| !is_settled(entry.loose.block.id.0)) {
            entry.is_waiting = true;
            self.waiting = (self.waiting.0 + 1, self.waiting.1 + entry.loose.bytes);
            self.done_bytes -= entry.loose.bytes;
        }
    }

    /// Every block in memory.
    pub(super) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Lets go of the oldest that nobody waits for, and of the oldest beyond the bound.
    pub(super) fn trim(&mut self, is_settled: impl Fn(u64) -> bool) {
        while let Some(oldest) = self.entries.front()
            && !oldest.is_waiting
            && (self.done_bytes > MAX_DONE || is_settled(oldest.loose.block.id.0))
        {
            self.done_bytes -= oldest.loose.bytes;
            self.entries.pop_front();
        }
    }

    /// The oldest id in memory.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.loose.block.id.0)
    }

    /// The block of an id.
    pub(super) fn get(&self, id: u64) -> Option<&Entry> {
        let place = id.checked_sub(self.oldest()?)?;
        self.entries.get(usize::try_from(place).ok()?)
    }

    /// A place at or before the first that waits.
    fn first_waiting(&self) -> usize {
        let place = self.settled_below.saturating_sub(self.oldest().unwrap_or(0));
        usize::try_from(place).unwrap_or(usize::MAX).min(self.entries.len())
    }

    /// The place of the first that waits, so that nobody looks below it again.
    fn advance(&mut self) -> usize {
        let from = self.first_waiting();
        let done = self.entries.range(from..).take_while(|entry| !entry.is_waiting).count();
        let place = from + done;
        self.settled_below = self.oldest().unwrap_or(0) + place as u64;
        place
    }
}

fn finish(entry: &mut Entry, waiting: &mut (usize, usize), done_bytes: &mut usize) {
    entry.is_waiting = false;
    *waiting = (waiting.0 - 1, waiting.1 - entry.loose.bytes);
    *done_bytes += entry.loose.bytes;
}
