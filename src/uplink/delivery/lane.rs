//! One lane: blocks of one kind between two places of the outbox, in their order, on their way into the window.
//!
//! A lane holds at most two batches of blocks and what the broker gave back. What it has fetched it never fetches
//! again, so nothing is sent twice in one connection, whatever the outbox answers.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use tokio::time::Instant;

use super::{super::status::LaneName, pause::Pause};
use crate::model::{self, Block, BlockId, Wanted};

/// Blocks of one kind on their way.
#[derive(Debug)]
pub(super) struct Lane {
    /// What it is called, which is also its place in the order of precedence.
    pub(super) name: LaneName,
    kind: model::Lane,
    until: BlockId,
    /// Blocks per fetch.
    batch: usize,
    ready: VecDeque<Arc<Block>>,
    /// The last block that was fetched. Looking only beyond it misses nothing: ids are given in the order in which
    /// blocks become visible, so none appears below one that was seen.
    cursor: BlockId,
    /// The newest block there was at the last fetch.
    asked: BlockId,
    is_fetching: bool,
    /// The outbox had nothing between the cursor and `asked`.
    is_exhausted: bool,
    /// Blocks the broker did not want yet and has not taken since.
    given_back: BTreeSet<BlockId>,
    /// After the broker did not want one.
    pause: Pause,
    in_flight: usize,
}

impl Lane {
    /// Blocks of a kind in `after < id <= until`, fetched so many at a time.
    pub(super) fn new(name: LaneName, kind: model::Lane, (after, until): (BlockId, BlockId), batch: usize) -> Self {
        Self {
            name,
            kind,
            until,
            batch: batch.max(1),
            ready: VecDeque::new(),
            cursor: after,
            asked: BlockId(0),
            is_fetching: false,
            is_exhausted: false,
            given_back: BTreeSet::new(),
            pause: Pause::default(),
            in_flight: 0,
        }
    }

    /// What to ask the outbox for, when there is little left and more to get.
    pub(super) fn ask(&mut self, newest: BlockId) -> Option<(Wanted, usize)> {
        if self.ready.len() >= self.batch || self.is_fetching || self.has_seen(newest) {
            return None;
        }
        self.is_fetching = true;
        self.asked = newest;
        Some((Wanted { lane: self.kind, after: self.cursor, until: self.until }, self.batch))
    }

    /// The answer.
    pub(super) fn fetched(&mut self, blocks: Vec<Arc<Block>>) {
        self.is_fetching = false;
        let before = self.cursor;
        for block in blocks {
            if block.id > self.cursor && block.id <= self.until {
                self.cursor = block.id;
                self.ready.push_back(block);
            }
        }
        self.is_exhausted = self.cursor == before;
        if self.is_exhausted {
            // Nobody has to look there again: what the lane wants may be rare among millions of others.
            self.cursor = self.cursor.max(self.asked.min(self.until));
        }
    }

    /// Whether the outbox had nothing more of this lane when that block was the newest.
    fn has_seen(&self, newest: BlockId) -> bool {
        self.is_at_end() || (self.is_exhausted && newest <= self.asked)
    }

    /// Whether it ends at a place and has come to it.
    fn is_at_end(&self) -> bool {
        self.cursor >= self.until
    }

    /// The next block, which is in flight from now on.
    pub(super) fn depart(&mut self) -> Option<Arc<Block>> {
        let block = self.ready.pop_front()?;
        self.in_flight += 1;
        Some(block)
    }

    /// Whether there is a block to send at this moment.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        !self.ready.is_empty() && !self.pause.is_on(now) && (self.in_flight == 0 || !self.goes_alone())
    }

    /// While a block that was given back may still be unwelcome, one is enough to find out. In the strict lane nothing
    /// goes past one until its fate is known.
    fn goes_alone(&self) -> bool {
        self.pause.is_probing() || (self.name == LaneName::Strict && !self.given_back.is_empty())
    }

    /// The broker has a block, or will never take it.
    pub(super) fn settled(&mut self, block: BlockId, sent: Instant) {
        self.left_out(block);
        self.pause.over(sent);
    }

    /// A block that departed is not sent at all.
    pub(super) fn left_out(&mut self, block: BlockId) {
        self.in_flight -= 1;
        self.given_back.remove(&block);
    }

    /// A block comes again, before all later ones. True when a pause begins with it that follows none.
    pub(super) fn give_back(&mut self, block: Arc<Block>, sent: Instant) -> bool {
        self.in_flight -= 1;
        self.given_back.insert(block.id);
        let place = self.ready.partition_point(|other| other.id < block.id);
        self.ready.insert(place, block);
        self.pause.begin(sent, Instant::now())
    }

    /// Whether it waits because the broker did not want a message.
    pub(super) fn is_held_up(&self) -> bool {
        self.pause.is_probing()
    }

    /// When the pause is over, while one is on.
    pub(super) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.pause.until().filter(|until| *until > now)
    }

    /// How many of its blocks are in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether it may ever have something more: false for one that ends at a place and has come to it.
    pub(super) fn is_open(&self) -> bool {
        !self.ready.is_empty() || self.in_flight > 0 || !self.is_at_end()
    }

    /// Whether there is nothing more to send, not even a block that came since anybody looked.
    pub(super) fn is_dry(&self, newest: BlockId) -> bool {
        self.ready.is_empty() && !self.is_fetching && self.has_seen(newest)
    }
}
