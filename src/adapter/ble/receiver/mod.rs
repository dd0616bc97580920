//! From advertisements to readings: who may speak, what was heard before, who has fallen silent.
//!
//! ```text
//! heard -> device? ─ no: accept = formats and readable? ─ no: nothing
//!             | yes                 '- yes: becomes a device (bounded, the one silent longest goes)
//!             v
//!   same data a moment ago? -> decode -> counter used before? -> same measurement? -> readings
//! ```

mod asked;
mod device;
mod found;
mod presence;
mod repeats;
mod sightings;
mod slot;
mod strangers;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use tokio::{sync::mpsc, time::Instant};
use tracing::{debug, error, info};

pub(super) use self::found::Found;
use self::{
    device::{Device, Extras, Taken},
    sightings::Sightings,
};
use super::{
    config::Config, decode::Address, heard::Heard, learned::Learned, profiled::Decoders, section::parse_key,
};
use crate::{
    adapter::{AdapterError, Intake, Metrics, memory::Memory},
    model::{DeviceChange, DeviceFacts, DeviceId, Event, EventKind, Reading, SharedClock},
};

/// The devices, and the ways out of the adapter.
pub(super) struct Receiver<'a> {
    config: &'a Config,
    found: &'a Found,
    clock: SharedClock,
    metrics: Arc<Metrics>,
    readings: Intake,
    events: mpsc::Sender<Event>,
    memory: Memory,
    /// Profiles that read advertisements.
    decoders: Decoders,
    devices: HashMap<Address, Device>,
    /// Devices that are not configured.
    strangers: usize,
    /// Everybody in reach.
    sightings: Sightings,
    /// Whether something was learned since it was kept last.
    has_learned: bool,
}

/// What a receiver works with.
pub(super) struct Ways {
    /// Time of measurement.
    pub(super) clock: SharedClock,
    /// What is counted.
    pub(super) metrics: Arc<Metrics>,
    /// Where readings go.
    pub(super) readings: Intake,
    /// Where events go.
    pub(super) events: mpsc::Sender<Event>,
    /// What is kept.
    pub(super) memory: Memory,
}

impl<'a> Receiver<'a> {
    /// The configured devices, with their keys and with what was learned before.
    pub(super) async fn new(config: &'a Config, found: &'a Found, ways: Ways) -> Self {
        let Ways { clock, metrics, readings, events, memory } = ways;
        let learned: Learned = memory.recall().await.unwrap_or_default();
        let now = Instant::now();
        let mut devices = HashMap::new();
        for device in &config.devices {
            let mut new = Device::configured(device, key(config, device), now);
            let address = device.address.to_string();
            new.replay = repeats::Replay::after(learned.counters.get(&address).copied());
            new.name = learned.names.get(&address).cloned();
            devices.insert(device.address, new);
        }
        let (strangers, sightings, has_learned) = (0, Sightings::default(), false);
        let decoders = Decoders::new(config.profiles.clone());
        Self {
            config,
            found,
            clock,
            metrics,
            readings,
            events,
            memory,
            decoders,
            devices,
            strangers,
            sightings,
            has_learned,
        }
    }

    /// Takes an advertisement.
    pub(super) async fn take(&mut self, heard: &Heard) -> Result<(), AdapterError> {
        let now = Instant::now();
        if !self.devices.contains_key(&heard.address) && !self.admit(heard, now).await? {
            return Ok(());
        }
        let (ts, extras) = (self.clock.now(), Extras { signal: self.config.signal, raw: self.config.raw });
        let Some(device) = self.devices.get_mut(&heard.address) else { return Ok(()) };
        if heard.name.is_some() && heard.name != device.name {
            device.name.clone_from(&heard.name);
            self.has_learned = true;
        }
        let counter = device.replay.highest();
        let taken = device.take(heard, &self.decoders, extras, ts, now);
        self.metrics.scripts.inc_by(device.failures());
        self.has_learned |= device.replay.highest() != counter;
        self.settle(heard.address, taken, now).await
    }

    /// Tells of the devices that have fallen silent.
    pub(super) async fn check_silence(&mut self) -> Result<(), AdapterError> {
        let (now, ts) = (Instant::now(), self.clock.now());
        let mut silent = Vec::new();
        for (address, device) in &mut self.devices {
            if device.presence.falls_silent(now) {
                silent.push((*address, device.id.clone(), device.stale(ts), device.is_connected_to()));
            }
        }
        for (address, id, readings, is_connected_to) in silent {
            self.send(readings).await?;
            if !is_connected_to {
                info!(device = %id, adapter = self.config.name, "Device has fallen silent");
                self.tell(address, id, DeviceChange::Offline).await?;
            }
        }
        Ok(())
    }

    /// Remembers an advertisement for who asks about its device.
    pub(super) fn note(&mut self, heard: Heard) {
        self.sightings.note(heard, Instant::now());
    }

    /// Keeps what was learned, if anything was.
    pub(super) fn keep(&mut self) {
        if std::mem::take(&mut self.has_learned) {
            let mut learned = Learned::default();
            for (address, device) in &self.devices {
                let counter = device.replay.highest().map(|counter| (address.to_string(), counter));
                learned.counters.extend(counter);
                learned.names.extend(device.name.clone().map(|name| (address.to_string(), name)));
            }
            self.memory.keep(&learned);
        }
    }

    /// Passes on what became of an advertisement.
    async fn settle(&mut self, address: Address, taken: Taken, now: Instant) -> Result<(), AdapterError> {
        let Some(device) = self.devices.get_mut(&address) else { return Ok(()) };
        match taken {
            Taken::NothingAgain => return Ok(()),
            Taken::Nothing(why) => {
                self.metrics.rejected.inc();
                debug!(device = %device.id, %why, "Nothing can be read of an advertisement");
                return Ok(());
            }
            Taken::Replayed => {
                self.metrics.rejected.inc();
                debug!(device = %device.id, "An advertisement was sent again that is older than the last");
                return Ok(());
            }
            Taken::Repeat | Taken::Readings(..) => {}
        }
        self.metrics.limited.inc_by(device.too_soon());
        let (is_new, id) = (device.presence.heard(now), device.id.clone());
        let is_connected_to = device.is_connected_to();
        if let Taken::Readings(readings, has_new_points) = taken {
            if has_new_points || !self.found.has(address) {
                self.found.put(address, device.info());
            }
            self.send(readings).await?;
        }
        if is_new && !is_connected_to { self.tell(address, id, DeviceChange::Online).await } else { Ok(()) }
    }

    /// Sends readings on.
    async fn send(&self, readings: Vec<Reading>) -> Result<(), AdapterError> {
        if readings.is_empty() { Ok(()) } else { self.readings.send(readings.into()).await }
    }

    /// Tells what changed about a device.
    async fn tell(&self, address: Address, device: DeviceId, what: DeviceChange) -> Result<(), AdapterError> {
        let about = DeviceFacts { mac: Some(address.to_string()), ..DeviceFacts::default() };
        let event = Event { ts: self.clock.now(), kind: EventKind::Device { device, what, about } };
        self.events.send(event).await.map_err(|_| AdapterError::Closed)
    }
}

/// Reads the key of a device. One that cannot be had is told, and the device is listened to without it.
fn key(config: &Config, device: &super::config::Device) -> Option<Vec<u8>> {
    let secret = device.key.as_ref()?;
    let text = secret.read().map_err(|error| error.to_string());
    let key = text.and_then(|text| parse_key(text.expose()).map_err(|error| format!("{secret:?}: {error}")));
    key.map_err(|why| error!(adapter = config.name, device = %device.id, why, "The device's key cannot be read")).ok()
}
