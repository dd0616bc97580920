//! Devices that are connected to: their points lie behind characteristics (GATT, Core 5.4, Vol 3 Part G).
//!
//! ```text
//! request ─> desk ─> keeper (one per device) ── free connection? ── turn? ── link ── read, write, notify
//!                      '- poll due, or to stay connected ─'
//! ```
//!
//! Each device has a keeper, which connects when something is to be done and lets go soon after, or stays. A value is
//! read from the device or told by it, and never guessed; a write is sent at most once. Nothing here stops the radios
//! from listening for longer than `air/turn.rs` says.

mod keeper;
pub(super) mod layout;
mod outlook;

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use tokio::sync::{
    Semaphore,
    mpsc::{self, error::TrySendError},
};

use self::keeper::Keeper;
pub(super) use self::keeper::Ways;
use super::{air::Turn, config::Config};
use crate::{
    adapter::AdapterError,
    model::{DeviceId, DeviceRequest, PointName, Reading, SharedClock, WriteError},
    shutdown::Stop,
};

/// Requests that wait for one device. One more is refused at once: a device that takes seconds for each would answer it
/// too late anyway.
const WAITING: usize = 16;

/// Where requests for points behind a connection are handed in.
pub(super) struct Desk {
    /// The points of each device, and the way to its keeper.
    ways: BTreeMap<DeviceId, (Vec<PointName>, mpsc::Sender<Box<DeviceRequest>>)>,
    clock: SharedClock,
}

/// The keepers of all devices that have such points.
pub(super) struct Keepers<'a> {
    all: Vec<Keeper<'a>>,
    /// Connections that are free. Whoever waits for one is a device of the configuration, so that they are bounded.
    slots: Semaphore,
}

/// The keepers of an adapter, and the desk before them.
pub(super) fn open<'a>(config: &'a Config, turn: &'a Turn, ways: &Ways) -> (Desk, Keepers<'a>) {
    let (mut desk, mut all) = (BTreeMap::new(), Vec::new());
    for device in config.devices.iter().filter(|device| !device.behind.is_empty()) {
        let (way, inbox) = mpsc::channel(WAITING);
        let names = device.behind.iter().map(|behind| behind.point.name().clone()).collect();
        desk.insert(device.id.clone(), (names, way));
        all.push(Keeper::new(device, config.radio.as_deref(), turn, ways.clone(), inbox));
    }
    let slots = Semaphore::new(config.connections.into());
    (Desk { ways: desk, clock: ways.clock.clone() }, Keepers { all, slots })
}

impl Keepers<'_> {
    /// Runs all of them until stopping is asked for; then each lets go of its device.
    pub(super) async fn run(self, stop: Stop) -> Result<(), AdapterError> {
        let Self { all, slots } = self;
        try_join_all(all.into_iter().map(|keeper| keeper.run(&slots, stop.clone()))).await.map(drop)
    }
}

impl Desk {
    /// Hands a request to its device. It is given back when it is for no point behind a connection.
    pub(super) fn take(&self, request: Box<DeviceRequest>) -> Option<Box<DeviceRequest>> {
        let (DeviceRequest::Write { point, .. } | DeviceRequest::Read { point, .. }) = &*request else {
            return Some(request);
        };
        let Some((_, way)) = self.ways.get(point.device()).filter(|(names, _)| names.contains(point.name())) else {
            return Some(request);
        };
        if let Err(TrySendError::Full(request) | TrySendError::Closed(request)) = way.try_send(request) {
            self.refuse(*request);
        }
        None
    }

    /// Answers what there is no room for.
    fn refuse(&self, request: DeviceRequest) {
        // An asker that stopped waiting does not need to know.
        match request {
            DeviceRequest::Write { reply, .. } => {
                let why = format!("{WAITING} requests wait for the device already");
                let _ = reply.send(Err(WriteError::Refused(why)));
            }
            DeviceRequest::Read { point, reply } => {
                let _ = reply.send(Reading::bad(point, "busy", self.clock.now()));
            }
            DeviceRequest::Network { .. } => {}
        }
    }
}
