//! Which block goes next: the lanes of one connection, and who of them may use the window.
//!
//! ```text
//!                    border: the newest block at the connection
//!   messages  ───────────────────┼────────────>   events and outcomes, ascending
//!   live                         ├────────────>   readings that came since, at once
//!   backlog   ──────────────────>│                readings that were owed, as fast as the throttle lets them
//! ```
//! The first lane that has a block and a place goes first. No lane may fill the window: each leaves some places to
//! every other one that is open, so that a lane whose messages come to nothing holds up none of the others. In a window
//! too small for that, a lane that was passed over often enough has its turn.
//!
//! With `order = "strict"` there is one lane, which holds everything.
//!
//! A replay that was asked for travels in a lane of its own, the last of all, as long as it takes. It is throttled as the
//! backlog is and does not hold up a stop.

use std::{future::Future, sync::Arc};

use tokio::{sync::watch, time::Instant};
use tracing::debug;

use super::{
    super::{FetchError, Outbox, OutboxClosed, replay::Replays, reporter::Progress, status::LaneName},
    lane::Lane,
    throttle::Throttle,
};
use crate::{
    config::{Order, Uplink as Config},
    model::{self, Block, BlockId, Outcome},
};

/// One in so many places of the window is kept for each other lane.
const RESERVE: usize = 10;
/// A lane that had to let so many blocks pass goes next.
const PATIENT: usize = 15;

/// The answer to a fetch.
pub(super) type Fetched = Result<Vec<Arc<Block>>, FetchError>;

/// What is fetched and not sent.
pub(super) struct Source<O> {
    outbox: Arc<O>,
    newest: watch::Receiver<BlockId>,
    window: usize,
    /// In the order of precedence.
    lanes: Vec<Lane>,
    /// Blocks that each lane let pass, in the same order.
    passed: Vec<usize>,
    throttle: Throttle,
    replays: Arc<Replays>,
    is_draining: bool,
}

impl<O: Outbox> Source<O> {
    /// From the oldest undelivered block on, with the newest there is as the border.
    pub(super) fn new(outbox: Arc<O>, replays: Arc<Replays>, config: &Config, window: usize) -> Self {
        let newest = outbox.newest();
        let throttle = Throttle::new(&config.backlog, window, config.ack_timeout);
        let lanes = match config.order {
            Order::Strict => vec![strict(window)],
            Order::LiveFirst => live_first(*newest.borrow(), window),
        };
        let passed = vec![0; lanes.len()];
        Self { outbox, newest, window, lanes, passed, throttle, replays, is_draining: false }
    }

    /// A fetch for a lane that has little left, with what there is to be got.
    pub(super) fn refill(&mut self) -> Option<(LaneName, impl Future<Output = Fetched> + Send + use<O>)> {
        self.open_replay();
        let (newest, now) = (*self.newest.borrow(), Instant::now());
        let ask = |lane: &mut Lane| Some((lane.name, lane.ask(newest, now)?));
        let (name, (wanted, limit)) = self.lanes.iter_mut().find_map(ask)?;
        let outbox = Arc::clone(&self.outbox);
        let replay = self.replays.current().filter(|_| name == LaneName::Replay);
        Some((name, async move {
            match replay {
                Some((what, _)) => outbox.replay(&what, wanted.after, limit).await,
                None => outbox.fetch(wanted, limit).await,
            }
        }))
    }

    /// Opens a lane for the replay that is next.
    fn open_replay(&mut self) {
        let has_lane = self.lanes.iter().any(|lane| lane.name == LaneName::Replay);
        if let Some((_, after)) = self.replays.current().filter(|_| !has_lane && !self.is_draining) {
            // Everything in it is there already, so its end is found by an empty answer.
            let newest = *self.newest.borrow();
            self.lanes.push(Lane::new(LaneName::Replay, model::Lane::All, (after, newest), self.window));
            self.passed.push(0);
        }
    }

    /// Closes the lane of a replay that has come to its end; gives what became of it.
    pub(super) fn close_replay(&mut self) -> Option<Outcome> {
        let place = self.lanes.iter().position(|lane| lane.name == LaneName::Replay && !lane.is_open())?;
        self.lanes.remove(place);
        self.passed.remove(place);
        self.replays.finish()
    }

    /// Nothing is sent again any more, because the gateway is stopping.
    pub(super) fn drain(&mut self) {
        self.is_draining = true;
    }

    /// The answer to a fetch. What could not be read is asked for again.
    pub(super) fn fetched(&mut self, name: LaneName, blocks: Fetched) -> Result<(), OutboxClosed> {
        match blocks {
            Ok(blocks) => self.lane(name).fetched(blocks),
            Err(FetchError::Closed(closed)) => return Err(closed),
            Err(FetchError::Unreadable(why)) => {
                debug!(lane = name.as_str(), why, "Blocks cannot be read, asking again");
                self.lane(name).failed(Instant::now());
            }
        }
        Ok(())
    }

    /// Waits until there is more than there was.
    pub(super) async fn grown(&mut self) -> Result<(), OutboxClosed> {
        self.newest.changed().await.map_err(|_| OutboxClosed)
    }

    /// The next block to send, and the lane it travels in.
    pub(super) fn next(&mut self) -> Option<(LaneName, Arc<Block>)> {
        let now = Instant::now();
        let may_go: Vec<_> = (0..self.lanes.len()).filter(|&place| self.may_go(place, now)).collect();
        let first = *may_go.first()?;
        let chosen = may_go.iter().copied().find(|&place| self.passed[place] >= PATIENT).unwrap_or(first);
        for place in may_go {
            self.passed[place] = if place == chosen { 0 } else { self.passed[place] + 1 };
        }
        let lane = &mut self.lanes[chosen];
        let (name, block) = (lane.name, lane.depart()?);
        if name.is_throttled() {
            self.throttle.sent(now);
        }
        if name == LaneName::Replay {
            self.replays.sent(block.id);
        }
        Some((name, block))
    }

    /// Whether a lane has a block and a place for it.
    fn may_go(&self, place: usize, now: Instant) -> bool {
        let lane = &self.lanes[place];
        let is_early = lane.name.is_throttled() && self.throttle.next() > now;
        let is_over = lane.name == LaneName::Replay && self.is_draining;
        lane.is_ready(now) && lane.in_flight() < self.places(place) && !is_early && !is_over
    }

    /// How much of the window a lane may have.
    fn places(&self, place: usize) -> usize {
        let others = self.lanes.iter().enumerate().filter(|(other, lane)| *other != place && lane.is_open()).count();
        let is_too_small = self.window <= others;
        let reserve = if is_too_small { 0 } else { (self.window / RESERVE).max(1) * others };
        let places = self.window.saturating_sub(reserve).max(1);
        if self.lanes[place].name.is_throttled() { places.min(self.throttle.places()) } else { places }
    }

    /// The broker has a block.
    pub(super) fn taken(&mut self, name: LaneName, block: BlockId, sent: Instant) {
        self.lane(name).settled(block, sent);
        self.throttle.answered(name.is_throttled(), sent, Instant::now());
    }

    /// A block that was to go next is not sent.
    pub(super) fn left_out(&mut self, name: LaneName, block: BlockId) {
        self.lane(name).left_out(block);
    }

    /// The broker will never take a block that was sent at this moment.
    pub(super) fn refused(&mut self, name: LaneName, block: BlockId, sent: Instant) {
        self.lane(name).settled(block, sent);
    }

    /// A block comes again. True when its lane pauses from now on.
    pub(super) fn give_back(&mut self, name: LaneName, block: Arc<Block>, sent: Instant) -> bool {
        self.lane(name).give_back(block, sent)
    }

    /// When a lane can go on that has to wait for a moment.
    pub(super) fn wake(&self) -> Option<Instant> {
        let now = Instant::now();
        let lanes = self.lanes.iter().filter_map(|lane| lane.wake(now));
        let next = Some(self.throttle.next()).filter(|next| *next > now);
        lanes.chain(next).min()
    }

    /// How the lanes do.
    pub(super) fn progress(&self, drain_rate: f64) -> Progress {
        let row = |lane: &Lane| (lane.name, lane.in_flight(), lane.is_held_up());
        let has_backlog = self.lanes.iter().any(|lane| lane.name.is_throttled() && lane.is_open());
        Progress {
            lanes: self.lanes.iter().map(row).collect(),
            throttled: has_backlog && self.throttle.is_tight(),
            places: self.throttle.places(),
            drain_rate,
        }
    }

    /// Whether there is nothing more to send.
    pub(super) fn is_dry(&self) -> bool {
        let newest = *self.newest.borrow();
        self.lanes.iter().filter(|lane| lane.name != LaneName::Replay).all(|lane| lane.is_dry(newest))
    }

    fn lane(&mut self, name: LaneName) -> &mut Lane {
        self.lanes.iter_mut().find(|lane| lane.name == name).expect("blocks come back to the lane they left")
    }
}

/// The one lane of `order = "strict"`.
fn strict(window: usize) -> Lane {
    Lane::new(LaneName::Strict, model::Lane::All, (BlockId(0), BlockId(u64::MAX)), window)
}

/// The lanes of `order = "live-first"`.
fn live_first(border: BlockId, window: usize) -> Vec<Lane> {
    let (start, end) = (BlockId(0), BlockId(u64::MAX));
    vec![
        Lane::new(LaneName::Messages, model::Lane::Messages, (start, end), window),
        Lane::new(LaneName::Live, model::Lane::Readings, (border, end), window),
        Lane::new(LaneName::Backlog, model::Lane::Readings, (start, border), window),
    ]
}
