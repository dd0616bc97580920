//! One lane: blocks of one kind between two places of the outbox, in their order, on their way into the window.
//!
//! A lane holds at most two batches of blocks and what the broker gave back. What it has fetched it never fetches
//! again, so nothing is sent twice in one connection, whatever the outbox answers.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{super::status::LaneName, pause::Pause};
use crate::model::{self, Block, BlockId, Wanted};

/// After this time an outbox that could not be read is asked again: soon, because whatever came meanwhile waits too.
const ASK_AGAIN: Duration = Duration::from_secs(1);

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
    /// Up to here there is nothing after the cursor. It goes ahead of the cursor, because what the lane wants may be
    /// rare among millions of other blocks.
    looked: BlockId,
    /// When the outbox, which could not be read, is asked again.
    ask_again: Option<Instant>,
    /// The newest block there was at the last fetch.
    asked: BlockId,
    is_fetching: bool,
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
            looked: after,
            ask_again: None,
            asked: BlockId(0),
            is_fetching: false,
            given_back: BTreeSet::new(),
            pause: Pause::default(),
            in_flight: 0,
        }
    }

    /// What to ask the outbox for, when there is little left and more to get.
    pub(super) fn ask(&mut self, newest: BlockId, now: Instant) -> Option<(Wanted, usize)> {
        let is_resting = self.ask_again.is_some_and(|time| time > now);
        if self.ready.len() >= self.batch || self.is_fetching || is_resting || self.has_seen(newest) {
            return None;
        }
        (self.is_fetching, self.ask_again) = (true, None);
        self.asked = newest;
        Some((Wanted { lane: self.kind, after: self.looked, until: self.until }, self.batch))
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
        self.looked = self.looked.max(self.cursor);
        if self.cursor == before {
            self.looked = self.looked.max(self.asked.min(self.until));
        }
    }

    /// There is no answer: nobody knows what there is.
    pub(super) fn failed(&mut self, now: Instant) {
        self.is_fetching = false;
        self.ask_again = Some(now + ASK_AGAIN);
    }

    /// Whether the outbox had nothing more of this lane when that block was the newest.
    fn has_seen(&self, newest: BlockId) -> bool {
        self.looked >= newest.min(self.until)
    }

    /// Whether it ends at a place and has come to it.
    fn is_at_end(&self) -> bool {
        self.looked >= self.until
    }

    /// When it has something to do although nothing new came.
    pub(super) fn wake(&self, now: Instant) -> Option<Instant> {
        let pause = self.pause.until().filter(|until| *until > now);
        pause.into_iter().chain(self.ask_again).min()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::blocks;

    const END: BlockId = BlockId(u64::MAX);

    fn lane(until: BlockId) -> Lane {
        Lane::new(LaneName::Backlog, model::Lane::Readings, (BlockId(0), until), 10)
    }

    /// Where the lane looks next.
    fn asks(lane: &mut Lane, newest: u64) -> Option<u64> {
        lane.ask(BlockId(newest), Instant::now()).map(|(wanted, _)| wanted.after.0)
    }

    #[test]
    fn what_was_looked_at_is_not_looked_at_again() {
        let mut lane = lane(END);
        assert_eq!(asks(&mut lane, 1_000), Some(0));
        lane.fetched(vec![blocks::readings(7)]);
        assert_eq!(asks(&mut lane, 1_000), Some(7));
        lane.fetched(Vec::new());

        assert_eq!(asks(&mut lane, 1_000), None);
        assert_eq!(asks(&mut lane, 1_001), Some(1_000));
    }

    #[tokio::test(start_paused = true)]
    async fn an_outbox_that_cannot_be_read_is_asked_again_for_the_same() {
        let mut lane = lane(END);
        assert_eq!(asks(&mut lane, 9), Some(0));
        lane.failed(Instant::now());
        assert_eq!(asks(&mut lane, 9), None, "not at once");
        assert!(!lane.is_dry(BlockId(9)));

        tokio::time::advance(lane.wake(Instant::now()).unwrap() - Instant::now()).await;

        assert_eq!(asks(&mut lane, 9), Some(0));
        lane.fetched((1..=9).map(blocks::readings).collect());
        assert_eq!(lane.wake(Instant::now()), None);
        assert!(asks(&mut lane, 9).is_none() && lane.is_ready(Instant::now()));
    }

    #[test]
    fn a_lane_with_an_end_is_done_there_and_not_before() {
        let mut lane = lane(BlockId(20));
        asks(&mut lane, 60);
        lane.fetched(vec![blocks::readings(20), blocks::readings(21)]);

        assert!(lane.is_open());
        assert_eq!(lane.depart().map(|block| block.id), Some(BlockId(20)));
        assert!(lane.depart().is_none(), "block 21 is beyond the end");
        lane.settled(BlockId(20), Instant::now());
        assert!(!lane.is_open() && lane.wake(Instant::now()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_that_was_not_wanted_goes_alone_and_then_all_go() {
        let mut lane = lane(END);
        asks(&mut lane, 9);
        lane.fetched((1..=3).map(blocks::readings).collect());
        let (first, second) = (lane.depart().unwrap(), lane.depart().unwrap());
        let sent = Instant::now();
        tokio::time::advance(Duration::from_millis(5)).await;

        assert!(lane.give_back(second, sent));
        assert!(!lane.give_back(first, sent));
        assert!(!lane.is_ready(Instant::now()));
        tokio::time::advance(lane.wake(Instant::now()).unwrap() - Instant::now()).await;
        assert!(lane.is_ready(Instant::now()));
        let again = lane.depart().unwrap();
        assert_eq!(again.id, BlockId(1), "in order");
        assert!(!lane.is_ready(Instant::now()), "one is enough to find out");

        lane.settled(again.id, Instant::now());

        assert!(lane.is_ready(Instant::now()));
    }
}
