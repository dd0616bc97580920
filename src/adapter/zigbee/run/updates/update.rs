//! One update: how far it is, how it ends, and what is kept of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::{ASK_LIMIT, LOAD_LIMIT};
use crate::{
    adapter::zigbee::{
        address::Ieee,
        ota::{frames::End, image::Image},
        zcl::Status,
    },
    model::Timestamp,
};

/// How far an update is.
#[derive(Debug)]
pub(super) enum State {
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
pub(super) struct Update {
    /// Whether the same or an older version will do.
    pub(super) is_forced: bool,
    /// How far it is.
    pub(super) state: State,
    /// What the device ran when it asked.
    pub(super) from: Option<u32>,
    /// What it is given, and how long that is.
    pub(super) to: Option<(u32, u32)>,
    /// How much of it was given out.
    pub(super) given: u32,
    /// When it is given up.
    pub(super) ends: Instant,
    /// When the device is told again that there is something.
    pub(super) notify_at: Instant,
}

/// What the next run of the gateway has to know of an update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::adapter::zigbee) struct Ordered {
    ieee: u64,
    is_forced: bool,
    /// When it is given up, in milliseconds since 1970.
    until: i64,
}

impl Ordered {
    /// The device, and its update, which waits for it to ask or to go on. One that was under way has as long as one that
    /// loads, so that a gateway that was off for long does not end it.
    pub(super) fn again(self, now: Timestamp) -> (Ieee, Update) {
        let left = Timestamp::from_millis(self.until).since(now).clamp(LOAD_LIMIT, ASK_LIMIT);
        (Ieee(self.ieee), Update::new(self.is_forced, left))
    }
}

impl Update {
    /// One that waits for so long at most.
    pub(super) fn new(is_forced: bool, limit: Duration) -> Self {
        let now = Instant::now();
        let (ends, notify_at) = (now + limit, now);
        Self { is_forced, state: State::Waiting, from: None, to: None, given: 0, ends, notify_at }
    }

    /// Whether it has not ended.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Waiting | State::Loading(..))
    }

    /// Whether the device loads.
    pub(super) fn is_loading(&self) -> bool {
        matches!(self.state, State::Loading(..))
    }

    /// The device loads an image, from a byte on.
    pub(super) fn load(&mut self, file: String, image: Image, offset: u32) {
        self.to = Some((image.header.version, image.header.size));
        self.given = offset;
        self.ends = Instant::now() + LOAD_LIMIT;
        self.state = State::Loading(file, image);
    }

    /// The device says how loading ended: the version it uses now, or why not. `None` when it was loading nothing.
    pub(super) fn end(&mut self, end: &End) -> Option<Result<u32, String>> {
        let State::Loading(_, image) = &self.state else { return None };
        let (version, size) = (image.header.version, image.header.size);
        let result = match end.status {
            Status::SUCCESS if (end.model, end.version) != (image.header.model, version) => {
                Err("the device loaded another image than it was given".to_owned())
            }
            Status::SUCCESS if self.given < size => {
                Err(format!("the device says that it has all of it after {} of {size} bytes", self.given))
            }
            Status::SUCCESS => Ok(version),
            status => Err(format!("the device says: {status}")),
        };
        self.state = match &result {
            Ok(_) => State::Done,
            Err(why) => State::Failed(why.clone()),
        };
        Some(result)
    }

    /// What is to be kept of it.
    pub(super) fn ordered(&self, ieee: Ieee, now: Timestamp) -> Ordered {
        let until = now.plus(self.ends.saturating_duration_since(Instant::now())).as_millis();
        Ordered { ieee: ieee.0, is_forced: self.is_forced, until }
    }

    /// How much of the image was given out, in hundredths.
    pub(super) fn percent(&self) -> u64 {
        self.to.map_or(0, |(_, size)| u64::from(self.given) * 100 / u64::from(size.max(1)))
    }

    /// For people and programs.
    pub(super) fn view(&self, device: &str) -> Json {
        let (state, file, error) = match &self.state {
            State::Waiting => ("waiting", None, None),
            State::Loading(file, _) => ("loading", Some(file), None),
            State::Done => ("done", None, None),
            State::Failed(why) => ("failed", None, Some(why)),
        };
        let version = |version: u32| format!("{version:#010x}");
        json!({
            "device": device, "state": state, "percent": self.percent(), "bytes": self.given,
            "size": self.to.map(|(_, size)| size), "file": file,
            "from": self.from.map(version), "to": self.to.map(|(to, _)| version(to)), "error": error,
        })
    }
}
