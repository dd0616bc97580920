//! What the writer knows and does, without thread and queue, so that tests can stop it anywhere: taking in and
//! cutting in `intake`, what is due when in `ticking`, commits in `writing`, room for them in `evicting`, blocks and values on their way out in `reading`,
//! the clock in `timing` and `retiming`, its beginning in `starting`.

mod asides;
mod bounding;
mod evicting;
mod gathering;
mod intake;
mod past;
mod pressure;
mod reading;
mod reminding;
mod remounting;
mod replacing;
mod retiming;
mod salvaging;
mod starting;
mod ticking;
mod timing;
mod writing;

use std::collections::BTreeMap;

use tokio::{sync::watch, time::Instant};

use self::{
    pressure::Disk,
    retiming::Pass,
    ticking::{PERSIST, REFRESH, Timers},
};
use super::{
    Feed, Metrics, Status,
    codec::Encoder,
    commit::States,
    cutter::{Cutter, Seqs},
    damage::Skipped,
    delivery::{Delivery, Progress},
    evict::Doomed,
    last::LastValues,
    ring::Ring,
    rollup::{Rollups, Unwritten},
    route::Router,
    shelf::Shelf,
    sight::Jump,
    store::Store,
    trail::Trail,
};
use crate::{
    config,
    model::{BlockId, EpochEnd, PointAddress, Reading, Receipt, StateChange, Timestamp},
};

/// The writer's knowledge.
pub(in crate::buffer) struct Core {
    settings: config::Buffer,
    metrics: Metrics,
    store: Store,
    encoder: Encoder,
    cutter: Cutter,
    router: Router,
    ring: Ring,
    shelf: Shelf,
    delivery: Delivery,
    last: LastValues,
    rollups: Rollups,
    /// Each with the time at which its readings were taken in.
    receipts: Vec<(Instant, Receipt)>,
    states: States,
    /// When the oldest change of a variable that is not committed was taken in.
    states_since: Option<Instant>,
    doomed: Vec<Doomed>,
    disk: Disk,
    /// When the files that were set aside were looked at.
    asides_looked: Option<Instant>,
    /// What a clock stamped that was not trusted.
    trail: Trail,
    /// It is trusted now, and that is being set right.
    pass: Option<Pass>,
    /// The last jump of the clock.
    jump: Option<Jump>,
    /// When the clock is looked at again.
    look_due: Instant,
    /// The last answer to an uplink was empty although there is something, which must not leave yet.
    is_withholding: bool,
    timers: Timers,
    /// An event or outcome waits: commit now, synced.
    is_urgent: bool,
    /// Changes of what is remembered of files that were set aside.
    metas: BTreeMap<String, Option<String>>,
    /// Numbers given to salvaged blocks that some uplink had under others.
    skipped: Skipped,
    /// What SQLite said when it found the file damaged.
    damage: Option<String>,
    /// What the database holds: the id and the numbers given last.
    committed: u64,
    committed_seqs: Seqs,
    /// When last values were written, and how many blocks and bytes of them were committed since.
    snapshot: (Instant, u64, u64),
    /// Some uplink has been given every publishable block up to this one.
    followed: u64,
    newest: watch::Sender<BlockId>,
    pub(in crate::buffer) status: watch::Sender<Status>,
}

impl Core {
    /// Hears of every new publishable block.
    pub(in crate::buffer) fn newest(&self) -> watch::Receiver<BlockId> {
        self.newest.subscribe()
    }

    /// Whether something waits that has to be on the disk at once.
    pub(in crate::buffer) fn is_urgent(&self) -> bool {
        self.is_urgent
    }

    /// An uplink's broker has these blocks.
    pub(in crate::buffer) fn delivered(&mut self, uplink: &str, blocks: &[BlockId]) {
        let now = Instant::now();
        for &BlockId(id) in blocks {
            let readings = self.readings_of(id);
            self.delivery.settle(uplink, id, readings);
            if id <= self.committed {
                self.timers.persist.get_or_insert(now + PERSIST);
            }
        }
        self.release();
        self.trim();
        self.timers.refresh.get_or_insert(now + REFRESH);
    }

    fn readings_of(&self, id: u64) -> u64 {
        if let Some(entry) = self.ring.get(id) {
            return entry.loose.block.readings() as u64;
        }
        let head = self.store.head_of(id).unwrap_or_default();
        let part = head.and_then(|head| head.parts.into_iter().find(|part| part.id == id));
        part.map_or(0, |part| part.readings)
    }

    /// Exactly these uplinks from now on. What waits for the history is stored before, so that a new one is owed it.
    pub(in crate::buffer) fn set_uplinks(&mut self, feeds: Vec<Feed>) {
        self.commit_history();
        self.delivery.set_uplinks(&feeds, self.cutter.last_id());
        if let Err(error) = self.store.keep_uplinks(&self.delivery.names()) {
            self.fail(&error);
        }
        self.router = Router::new(feeds, self.settings.policies.clone());
        self.persist();
        self.refresh();
    }

    /// Ends of earlier epochs that an uplink has not closed.
    pub(in crate::buffer) fn open_epochs(&self, uplink: &str) -> rusqlite::Result<Vec<EpochEnd>> {
        let own = self.delivery.of(uplink).and_then(Progress::own);
        self.store.open_epochs(uplink, own)
    }

    /// Access to epochs and rule state.
    pub(in crate::buffer) fn store(&self) -> &Store {
        &self.store
    }

    /// Rule variables with the changes that are not committed yet.
    pub(in crate::buffer) fn rule_state(&mut self) -> Vec<StateChange> {
        self.commit();
        self.store.states().unwrap_or_else(|error| {
            self.fail(&error);
            Vec::new()
        })
    }

    /// The last reading of every point.
    pub(in crate::buffer) fn last_values(&self) -> Vec<Reading> {
        self.last.all()
    }

    /// What of a point is not in its rollups yet.
    pub(in crate::buffer) fn unwritten(&self, address: &PointAddress) -> Unwritten {
        self.rollups.unwritten(address)
    }

    fn trim(&mut self) {
        let delivery = &self.delivery;
        self.ring.trim(|id| delivery.is_settled(id));
    }

    /// Renews status and gauges.
    fn refresh(&mut self) {
        self.timers.refresh = None;
        let last_id = self.cutter.last_id();
        let mut uplinks = self.delivery.owed(last_id);
        for (owed, first) in uplinks.iter_mut().zip(self.delivery.first_owed(last_id)) {
            owed.oldest = first.and_then(|id| self.cut_of(id));
        }
        let size = self.store.size();
        let oldest = uplinks.iter().filter_map(|owed| owed.oldest).min();
        self.status.send_modify(|status| {
            status.uplinks = uplinks;
            status.size_bytes = size.unwrap_or(status.size_bytes);
            status.oldest_undelivered = oldest;
        });
        self.metrics.show(&self.status.borrow());
    }

    /// What each uplink is owed at this moment.
    #[cfg(test)]
    pub(in crate::buffer) fn owed_now(&self) -> Vec<crate::buffer::Owed> {
        self.delivery.owed(self.cutter.last_id())
    }

    /// When a block was cut.
    fn cut_of(&self, id: u64) -> Option<Timestamp> {
        if let Some(entry) = self.ring.get(id) {
            return Some(entry.loose.cut);
        }
        self.store.head_of(id).unwrap_or_default().map(|head| head.cut)
    }
}
