//! When the writer has something to do, and what comes before what.

use std::time::Duration;

use tokio::time::Instant;

use super::{Core, timing::LOOK};
use crate::config::Durability;

/// A commit does not wait for its time beyond this many blocks or bytes.
pub(super) const EARLY: (usize, usize) = (128, 8 << 20);
/// How often acknowledgements are persisted when no commit takes them along.
pub(super) const PERSIST: Duration = Duration::from_millis(500);
/// How often the numbers given last are persisted when every block was delivered and nothing else is to be written.
pub(super) const REMIND: Duration = Duration::from_secs(60);
/// How often the status is renewed.
pub(super) const REFRESH: Duration = Duration::from_millis(100);

/// When something is due.
#[derive(Default)]
pub(super) struct Timers {
    pub(super) linger: Option<Instant>,
    /// A look at whether something has waited for its commit for as long as it may.
    pub(super) commit: Option<Instant>,
    pub(super) persist: Option<Instant>,
    /// Progress alone, without a block.
    pub(super) remind: Option<Instant>,
    pub(super) sync: Option<Instant>,
    pub(super) refresh: Option<Instant>,
}

impl Core {
    /// Does what is due.
    pub(in crate::buffer) fn tick(&mut self) {
        let now = Instant::now();
        self.look_due = now + LOOK;
        self.look();
        self.set_right();
        let is_due = |timer: Option<Instant>| timer.is_some_and(|due| due <= now);
        if is_due(self.linger_due()) {
            self.cut_all();
        }
        let (blocks, bytes) = self.ring.waiting_size();
        let is_early = self.is_urgent || blocks >= EARLY.0 || bytes >= EARLY.1;
        let is_failing = self.status.borrow().failing.is_some();
        if is_early && !is_failing {
            self.commit();
        } else if is_due(self.timers.sync) {
            self.sync_up(now);
        } else if is_due(self.timers.commit) {
            self.commit_if_due(now);
        } else if is_due(self.shelf.due()) {
            self.commit_history();
        } else if is_due(self.rollups.due()) {
            self.roll_up();
        } else if is_due(self.timers.remind) {
            self.remind();
        } else if is_due(self.timers.persist) {
            self.persist();
        }
        if is_due(self.timers.refresh) {
            self.refresh();
        }
    }

    /// When [`Core::tick`] has something to do.
    pub(in crate::buffer) fn next_due(&self) -> Option<Instant> {
        let Timers { commit, persist, remind, sync, refresh, .. } = self.timers;
        let others = [self.linger_due(), self.shelf.due(), self.rollups.due(), self.pass_due(), Some(self.look_due)];
        [commit, persist, remind, sync, refresh].into_iter().chain(others).flatten().min()
    }

    /// While every uplink is away or behind, a block that is cut early reaches nobody earlier: readings gather until
    /// it is full or committed, which makes an outage cost far fewer blocks.
    fn linger_due(&self) -> Option<Instant> {
        self.timers.linger.filter(|_| self.followed >= self.cutter.last_id())
    }
}

/// How long commits may stay unsynced.
pub(super) fn sync_interval(durability: Durability) -> Option<Duration> {
    match durability {
        Durability::Strict => None,
        Durability::Balanced => Some(Duration::from_secs(10)),
        Durability::Wear => Some(Duration::from_secs(600)),
    }
}
