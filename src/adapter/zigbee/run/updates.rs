//! New firmware for devices that somebody wants updated. A device is told that there is something, asks, loads it part by
//! part, and says how that ended.
//!
//! ```text
//! wanted ─> waiting ── it asks ─> loading ── all of it ─> done
//!              └── nothing fits ──────┴── it stops ─────> failed
//! ```
//!
//! Parts are given out at a rate, so that loading leaves the air to others. What is under way outlives the loss of the
//! stick, not the gateway's end: a device that goes on asking then is told to stop.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde_json::{Value as Json, json};
use tokio::time::Instant;

use crate::adapter::zigbee::{
    address::{Endpoint, Ieee, Nwk},
    ota::{
        frames::{BlockRequest, End, Query},
        image::Image,
    },
    zcl::{Header, Status},
};

/// Updates under way at once; each holds its image in memory. A further one is refused.
const MAX_UPDATES: usize = 4;

/// How long a device may take to ask: sleepers ask once a day.
const ASK_LIMIT: Duration = Duration::from_secs(25 * 3600);
/// How long a device may be silent while it loads.
const LOAD_LIMIT: Duration = Duration::from_secs(15 * 60);
/// How often a device is told that there is something.
const NOTIFY_EVERY: Duration = Duration::from_secs(60);

/// How far an update is.
#[derive(Debug)]
enum State {
    /// The device has not asked yet.
    Waiting,
    /// It loads this image, of this file.
    Loading(String, Image),
    /// It has all of it, and uses it.
    Done,
    /// It came to nothing.
    Failed(String),
}

/// One update.
#[derive(Debug)]
struct Update {
    /// Whether the same or an older version will do.
    is_forced: bool,
    /// How far it is.
    state: State,
    /// What the device ran when it asked, what it is given, and how long that is.
    versions: Option<(u32, u32, u32)>,
    /// How much of it was given out.
    given: u32,
    /// When it is given up.
    ends: Instant,
    /// When the device is told again that there is something.
    notify_at: Instant,
}

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
    /// None; parts go out so many a second.
    pub(super) fn new(parts_per_second: u8) -> Self {
        let pause = Duration::from_secs(1) / u32::from(parts_per_second.max(1));
        Self { all: BTreeMap::new(), pending: VecDeque::new(), next_part: Instant::now(), pause }
    }

    /// Somebody wants a device updated.
    pub(super) fn begin(&mut self, ieee: Ieee, is_forced: bool) -> Result<(), String> {
        let is_open = |update: &Update| matches!(update.state, State::Waiting | State::Loading(..));
        if self.all.get(&ieee).is_some_and(is_open) {
            return Err("an update of the device is under way".to_owned());
        }
        if self.all.values().filter(|update| is_open(update)).count() >= MAX_UPDATES {
            return Err(format!("{MAX_UPDATES} updates are under way (help: wait until one has ended)"));
        }
        let now = Instant::now();
        let (ends, notify_at) = (now + ASK_LIMIT, now);
        let update = Update { is_forced, state: State::Waiting, versions: None, given: 0, ends, notify_at };
        self.all.insert(ieee, update);
        Ok(())
    }

    /// Whether a device that was just heard shall be told that there is something; it counts as told then.
    pub(super) fn shall_notify(&mut self, ieee: Ieee) -> bool {
        let now = Instant::now();
        let Some(update) = self.all.get_mut(&ieee) else { return false };
        let is_due = matches!(update.state, State::Waiting) && update.notify_at <= now;
        if is_due {
            update.notify_at = now + NOTIFY_EVERY;
        }
        is_due
    }

    /// Whether a device that asks may be given anything; then, whether an older version will do.
    pub(super) fn wanted(&self, ieee: Ieee) -> Option<bool> {
        let update = self.all.get(&ieee)?;
        matches!(update.state, State::Waiting | State::Loading(..)).then_some(update.is_forced)
    }

    /// A device was offered an image.
    pub(super) fn offered(&mut self, ieee: Ieee, query: &Query, file: String, image: Image) {
        let Some(update) = self.all.get_mut(&ieee) else { return };
        update.versions = Some((query.version, image.header.version, image.header.size));
        update.given = 0;
        update.ends = Instant::now() + LOAD_LIMIT;
        update.state = State::Loading(file, image);
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
        let update = self.all.get_mut(&ieee)?;
        let State::Loading(_, image) = &update.state else { return None };
        let (version, size) = (image.header.version, image.header.size);
        let result = match end.status {
            Status::SUCCESS if (end.model, end.version) != (image.header.model, version) => {
                Err("the device loaded another image than it was given".to_owned())
            }
            Status::SUCCESS if update.given < size => {
                Err(format!("the device says that it has all of it after {} of {size} bytes", update.given))
            }
            Status::SUCCESS => Ok(version),
            status => Err(format!("the device says: {status}")),
        };
        update.state = match &result {
            Ok(_) => State::Done,
            Err(why) => State::Failed(why.clone()),
        };
        Some(result)
    }

    /// An update came to nothing; whether there was one.
    pub(super) fn fail(&mut self, ieee: Ieee, why: &str) -> bool {
        self.pending.retain(|pending| pending.ieee != ieee);
        let update = self.all.get_mut(&ieee);
        let open = update.filter(|update| matches!(update.state, State::Waiting | State::Loading(..)));
        open.map(|update| update.state = State::Failed(why.to_owned())).is_some()
    }

    /// Devices whose time is over.
    pub(super) fn late(&self) -> Vec<Ieee> {
        let now = Instant::now();
        let is_late =
            |update: &Update| update.ends <= now && matches!(update.state, State::Waiting | State::Loading(..));
        self.all.iter().filter(|(_, update)| is_late(update)).map(|(ieee, _)| *ieee).collect()
    }

    /// Forgets parts that were asked for on a connection that is gone; devices ask again.
    pub(super) fn hang_up(&mut self) {
        self.pending.clear();
    }

    /// When something is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let part = (!self.pending.is_empty()).then_some(self.next_part);
        let open = self.all.values().filter(|update| matches!(update.state, State::Waiting | State::Loading(..)));
        part.into_iter().chain(open.map(|update| update.ends)).min()
    }

    /// For people and programs.
    pub(super) fn views(&self, name: impl Fn(Ieee) -> Option<String>) -> Vec<Json> {
        self.all.iter().map(|(ieee, update)| update.view(&name(*ieee).unwrap_or_else(|| ieee.to_string()))).collect()
    }
}

impl Update {
    /// For people and programs.
    fn view(&self, device: &str) -> Json {
        let (state, file, error) = match &self.state {
            State::Waiting => ("waiting", None, None),
            State::Loading(file, _) => ("loading", Some(file), None),
            State::Done => ("done", None, None),
            State::Failed(why) => ("failed", None, Some(why)),
        };
        let size = self.versions.map(|(_, _, size)| size);
        let percent = size.map_or(0, |size| u64::from(self.given) * 100 / u64::from(size.max(1)));
        let version = |version: u32| format!("{version:#010x}");
        json!({
            "device": device, "state": state, "percent": percent, "bytes": self.given, "size": size, "file": file,
            "from": self.versions.map(|(from, ..)| version(from)), "to": self.versions.map(|(_, to, _)| version(to)),
            "error": error,
        })
    }
}
