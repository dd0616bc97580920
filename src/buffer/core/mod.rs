//! What the writer knows and does, without thread and queue, so that tests can stop it anywhere: taking in and
//! cutting here, commits in `writing`, room for them in `evicting`, blocks and values on their way out in `reading`,
//! the clock in `timing` and `retiming`, its beginning in `starting`.

mod asides;
mod bounding;
mod evicting;
mod gathering;
mod past;
mod pressure;
mod reading;
mod reminding;
mod remounting;
mod replacing;
mod retiming;
mod salvaging;
mod starting;
mod timing;
mod writing;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use self::{pressure::Disk, retiming::Pass, timing::LOOK};
use super::{
    Append, Feed, Metrics, Status,
    codec::Encoder,
    commit::States,
    cutter::{Cut, Cutter, Seqs, fit},
    damage::Skipped,
    delivery::{Delivery, Progress},
    evict::Doomed,
    last::LastValues,
    ring::Ring,
    rollup::{Rollups, Unwritten},
    route::{Router, Track},
    shelf::Shelf,
    sight::{Jump, offset_ms},
    store::Store,
    trail::Trail,
};
use crate::{
    config::{self, Durability},
    model::{BlockId, EpochEnd, Event, Outcome, PointAddress, Reading, Receipt, StateChange, Timestamp},
};

/// A commit does not wait for its time beyond this many blocks or bytes.
const EARLY: (usize, usize) = (128, 8 << 20);
/// Bytes that wait for their commit at most. Beyond it the intake waits; while commits fail, the oldest go instead.
const MAX_PENDING: usize = 16 << 20;
/// How often acknowledgements are persisted when no commit takes them along.
const PERSIST: Duration = Duration::from_millis(500);
/// How often the numbers given last are persisted when every block was delivered and nothing else is to be written.
const REMIND: Duration = Duration::from_secs(60);
/// How often the status is renewed.
const REFRESH: Duration = Duration::from_millis(100);

/// When something is due.
#[derive(Default)]
struct Timers {
    linger: Option<Instant>,
    /// A look at whether something has waited for its commit for as long as it may.
    commit: Option<Instant>,
    persist: Option<Instant>,
    /// Progress alone, without a block.
    remind: Option<Instant>,
    sync: Option<Instant>,
    refresh: Option<Instant>,
}

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
    /// When last values were written, up to which block, and bytes that were committed since.
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

    /// Whether another append may come in: while commits fail the oldest makes room for it.
    pub(in crate::buffer) fn has_room(&self) -> bool {
        self.ring.waiting_size().1 < MAX_PENDING || self.status.borrow().failing.is_some()
    }

    /// Whether something waits that has to be on the disk at once.
    pub(in crate::buffer) fn is_urgent(&self) -> bool {
        self.is_urgent
    }

    /// Takes an append in.
    pub(in crate::buffer) fn take(&mut self, mut append: Append) {
        let now = Instant::now();
        self.shed_memory();
        self.look();
        for reading in append.forward.iter_mut().chain(&mut append.local) {
            reading.ts = self.mend(reading.ts);
        }
        self.metrics.appended.inc_by((append.forward.len() + append.local.len()) as u64);
        self.rollups.present(now, self.cutter.now());
        append.forward.iter().chain(&append.local).for_each(|reading| self.rollups.note(reading));
        for reading in append.forward {
            let tracks = self.router.forward(&reading);
            self.reading(&tracks, reading, now);
        }
        let local = self.router.local();
        append.local.into_iter().for_each(|reading| self.reading(&local, reading, now));
        for event in append.events {
            self.event(&Event { ts: self.mend(event.ts), ..event });
        }
        for outcome in append.outcomes {
            let cut = self.cutter.outcome(&Outcome { ts: self.mend(outcome.ts), ..outcome });
            self.admit(cut);
            self.is_urgent = true;
        }
        if !append.state.is_empty() {
            self.states_since.get_or_insert(now);
        }
        let changes = append.state.into_iter().map(|StateChange { rule, key, value }| ((rule, key), value));
        self.states.extend(changes);
        self.receipts.extend(append.receipts.into_iter().map(|receipt| (now, receipt)));
        self.timers.commit.get_or_insert(now + self.settings.commit);
        if self.settings.express && self.cutter.oldest().is_some() {
            self.timers.linger.get_or_insert(now + self.settings.linger);
        }
    }

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

    fn reading(&mut self, tracks: &[Track], reading: Reading, now: Instant) {
        self.last.note(&reading);
        self.append_reading(tracks, reading, now);
    }

    fn append_reading(&mut self, tracks: &[Track], reading: Reading, now: Instant) {
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

    fn event(&mut self, event: &Event) {
        let cut = self.cutter.event(event);
        self.admit(cut);
        self.is_urgent = true;
        self.timers.commit.get_or_insert(Instant::now() + self.settings.commit);
    }

    /// A block has its number.
    fn admit(&mut self, cut: Cut) {
        let now = self.cutter.sight().wall;
        self.admit_at(cut, now);
    }

    /// A block has its number, and was cut at this time.
    fn admit_at(&mut self, cut: Cut, at: Timestamp) {
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

    /// Bytes that wait for their commit.
    #[cfg(test)]
    pub(in crate::buffer) fn waiting_bytes(&self) -> usize {
        self.ring.waiting_size().1
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

/// How long commits may stay unsynced.
fn sync_interval(durability: Durability) -> Option<Duration> {
    match durability {
        Durability::Strict => None,
        Durability::Balanced => Some(Duration::from_secs(10)),
        Durability::Wear => Some(Duration::from_secs(600)),
    }
}
