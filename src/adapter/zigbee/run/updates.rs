//! New firmware for devices that somebody wants updated. A device is told that there is something, asks, loads it part by
//! part, and says how that ended.
//!
//! ```text
//! wanted ─> waiting ── it asks ─> loading ── all of it ─> done
//!              └── nothing fits ──────┴── it stops ─────> failed
//! ```
//!
//! Parts are given out at a rate, so that loading leaves the air to others. What was wanted outlives the loss of the stick
//! and the end of the gateway: a device that goes on asking for parts then is given them, and others are told again.

mod update;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde_json::Value as Json;
use tokio::time::Instant;

pub(in crate::adapter::zigbee) use self::update::Ordered;
use self::update::{State, Update};
use crate::{
    adapter::zigbee::{
        address::{Endpoint, Ieee, Nwk},
        ota::{
            frames::{BlockRequest, End, Query},
            image::Image,
        },
        zcl::Header,
    },
    model::Timestamp,
};

/// Updates that are wanted at once. A further one is refused.
const MAX_UPDATES: usize = 64;
/// Of these, devices that load; each has its image in memory. Others are told that there is nothing yet, and wait.
const MAX_LOADING: usize = 4;

/// How long a device may take to ask: sleepers ask once a day.
const ASK_LIMIT: Duration = Duration::from_secs(25 * 3600);
/// How long a device may be silent while it loads.
const LOAD_LIMIT: Duration = Duration::from_secs(15 * 60);
/// How often a device is told that there is something.
const NOTIFY_EVERY: Duration = Duration::from_secs(60);

/// A part that somebody waits for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    /// Who.
    pub(super) ieee: Ieee,
    /// Where.
    pub(super) to: (Nwk, Endpoint),
    /// The header of the request.
    pub(super) header: Header,
    /// What.
    pub(super) wanted: BlockRequest,
}

/// All updates, finished ones as well until their device is updated again.
#[derive(Debug)]
pub(super) struct Updates {
    all: BTreeMap<Ieee, Update>,
    /// Parts that wait for their turn, one for each device at most.
    pending: VecDeque<Pending>,
    /// When the next part may go out.
    next_part: Instant,
    /// The time between two.
    pause: Duration,
}

impl Updates {
    /// Those that were wanted before; parts go out so many a second.
    pub(super) fn new(parts_per_second: u8, ordered: Vec<Ordered>, now: Timestamp) -> Self {
        let pause = Duration::from_secs(1) / u32::from(parts_per_second.max(1));
        let all = ordered.into_iter().take(MAX_UPDATES).map(|ordered| ordered.again(now)).collect();
        Self { all, pending: VecDeque::new(), next_part: Instant::now(), pause }
    }

    /// What the next run shall know.
    pub(super) fn ordered(&self, now: Timestamp) -> Vec<Ordered> {
        let open = self.all.iter().filter(|(_, update)| update.is_open());
        open.map(|(ieee, update)| update.ordered(*ieee, now)).collect()
    }

    /// Somebody wants a device updated.
    pub(super) fn begin(&mut self, ieee: Ieee, is_forced: bool) -> Result<(), String> {
        if self.is_open(ieee) {
            return Err("an update of the device is under way".to_owned());
        }
        if self.all.values().filter(|update| update.is_open()).count() >= MAX_UPDATES {
            return Err(format!("{MAX_UPDATES} updates are under way (help: wait until one has ended)"));
        }
        self.all.insert(ieee, Update::new(is_forced, ASK_LIMIT));
        Ok(())
    }

    /// Whether a device that was just heard shall be told that there is something; it counts as told then.
    pub(super) fn shall_notify(&mut self, ieee: Ieee) -> bool {
        let (now, has_room) = (Instant::now(), self.has_room());
        let Some(update) = self.all.get_mut(&ieee) else { return false };
        let is_due = has_room && matches!(update.state, State::Waiting) && update.notify_at <= now;
        if is_due {
            update.notify_at = now + NOTIFY_EVERY;
        }
        is_due
    }

    /// Whether one more device may load.
    fn has_room(&self) -> bool {
        self.all.values().filter(|update| update.is_loading()).count() < MAX_LOADING
    }

    /// Whether a device that asks may be given anything; then, whether an older version will do.
    pub(super) fn wanted(&self, ieee: Ieee) -> Option<bool> {
        let update = self.all.get(&ieee).filter(|update| update.is_open())?;
        (update.is_loading() || self.has_room()).then_some(update.is_forced)
    }

    /// Whether an update of a device is under way.
    pub(super) fn is_open(&self, ieee: Ieee) -> bool {
        self.all.get(&ieee).is_some_and(Update::is_open)
    }

    /// A device was offered an image.
    pub(super) fn offered(&mut self, ieee: Ieee, query: &Query, file: String, image: Image) {
        let Some(update) = self.all.get_mut(&ieee) else { return };
        update.from = Some(query.version);
        update.load(file, image, 0);
    }

    /// Whether a device that asks for a part began to load before the gateway did, and may go on.
    pub(super) fn may_go_on(&self, ieee: Ieee) -> bool {
        self.wanted(ieee).is_some() && self.image(ieee).is_none()
    }

    /// A device goes on loading an image.
    pub(super) fn goes_on(&mut self, ieee: Ieee, offset: u32, file: String, image: Image) {
        if let Some(update) = self.all.get_mut(&ieee) {
            update.load(file, image, offset);
        }
    }

    /// A device wants a part. Waits behind the parts of others.
    pub(super) fn ask(&mut self, pending: Pending) {
        self.pending.retain(|other| other.ieee != pending.ieee);
        self.pending.push_back(pending);
        if let Some(update) = self.all.get_mut(&pending.ieee) {
            update.ends = update.ends.max(Instant::now() + LOAD_LIMIT);
        }
    }

    /// The next part that may go out now.
    pub(super) fn next_part(&mut self) -> Option<Pending> {
        let now = Instant::now();
        if self.next_part > now {
            return None;
        }
        let next = self.pending.pop_front()?;
        self.next_part = now + self.pause;
        Some(next)
    }

    /// The image that a device loads.
    pub(super) fn image(&self, ieee: Ieee) -> Option<&Image> {
        match &self.all.get(&ieee)?.state {
            State::Loading(_, image) => Some(image),
            State::Waiting | State::Done | State::Failed(_) => None,
        }
    }

    /// A device was given the image up to here.
    pub(super) fn gave(&mut self, ieee: Ieee, up_to: u32) {
        if let Some(update) = self.all.get_mut(&ieee) {
            update.given = update.given.max(up_to);
        }
    }

    /// A device says how loading ended; whether it has what it was given, and uses it.
    pub(super) fn ended(&mut self, ieee: Ieee, end: &End) -> Option<Result<u32, String>> {
        self.all.get_mut(&ieee)?.end(end)
    }

    /// An update came to nothing; whether there was one.
    pub(super) fn fail(&mut self, ieee: Ieee, why: &str) -> bool {
        let open = self.all.get_mut(&ieee).filter(|update| update.is_open());
        open.map(|update| update.state = State::Failed(why.to_owned())).is_some()
    }

    /// Devices whose time is over.
    pub(super) fn late(&self) -> Vec<Ieee> {
        let now = Instant::now();
        let late = self.all.iter().filter(|(_, update)| update.ends <= now && update.is_open());
        late.map(|(ieee, _)| *ieee).collect()
    }

    /// Forgets parts that were asked for on a connection that is gone; devices ask again.
    pub(super) fn hang_up(&mut self) {
        self.pending.clear();
    }

    /// When something is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let part = (!self.pending.is_empty()).then_some(self.next_part);
        let open = self.all.values().filter(|update| update.is_open());
        part.into_iter().chain(open.map(|update| update.ends)).min()
    }

    /// How much of its image a device that loads was given, in hundredths.
    pub(super) fn percent(&self, ieee: Ieee) -> Option<u64> {
        self.all.get(&ieee).filter(|update| update.is_loading()).map(Update::percent)
    }

    /// For people and programs.
    pub(super) fn views(&self, name: impl Fn(Ieee) -> Option<String>) -> Vec<Json> {
        self.all.iter().map(|(ieee, update)| update.view(&name(*ieee).unwrap_or_else(|| ieee.to_string()))).collect()
    }
}
