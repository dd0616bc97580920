//! From advertisements to readings: who may speak, what was heard before, who has fallen silent.
//!
//! ```text
//! heard -> device? ─ no: accept = formats and readable? ─ no: nothing
//!             | yes                 '- yes: becomes a device (bounded, the one silent longest goes)
//!             v
//!   same data a moment ago? -> decode -> counter used before? -> same measurement? -> readings
//! ```

mod device;
mod presence;
mod repeats;
mod sightings;
mod slot;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::mpsc, time::Instant};
use tracing::{debug, error, info};

use self::{
    device::{Device, Extras, Taken},
    sightings::{Sighting, Sightings},
};
use super::{
    account::{self, Account},
    config::{Accept, Config},
    decode::Address,
    heard::{Heard, hex},
    learned::Learned,
    profiled::Decoders,
    section::parse_key,
};
use crate::{
    adapter::{AdapterError, DeviceInfo, Intake, Metrics, memory::Memory},
    model::{
        DeviceChange, DeviceFacts, DeviceId, DeviceRequest, Event, EventKind, NetworkWish, Reading, SharedClock,
        WriteError,
    },
};

/// Devices that are not configured. When there are more, the one silent longest is forgotten and counted: a flood of
/// random addresses costs memory for these and no more.
const MAX_STRANGERS: usize = 512;

/// The devices as others see them.
#[derive(Debug, Default)]
pub(super) struct Found(Mutex<BTreeMap<Address, DeviceInfo>>);

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

impl Found {
    /// The devices of a configuration.
    pub(super) fn of(config: &Config) -> Self {
        let now = Instant::now();
        let devices =
            config.devices.iter().map(|device| (device.address, Device::configured(device, None, now).info()));
        Self(Mutex::new(devices.collect()))
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<DeviceInfo> {
        self.locked().values().cloned().collect()
    }

    /// The table; a holder that panicked left it whole.
    fn locked(&self) -> MutexGuard<'_, BTreeMap<Address, DeviceInfo>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        for device in self.devices.values_mut() {
            if device.presence.falls_silent(now) {
                silent.push((device.id.clone(), device.stale(ts), device.is_connected_to()));
            }
        }
        for (id, readings, is_connected_to) in silent {
            self.send(readings).await?;
            if !is_connected_to {
                info!(device = %id, adapter = self.config.name, "Device has fallen silent");
                self.tell(id, DeviceChange::Offline).await?;
            }
        }
        Ok(())
    }

    /// Answers what the gateway asks. A device that only advertises cannot be asked, but what it said last is known.
    pub(super) fn serve(&self, request: DeviceRequest) {
        // An asker that stopped waiting does not need to know.
        match request {
            DeviceRequest::Write { reply, .. } => {
                let why = "the device only advertises: nothing can be set".to_owned();
                let _ = reply.send(Err(WriteError::Refused(why)));
            }
            DeviceRequest::Read { point, reply } => {
                let mut devices = self.devices.values();
                let device = devices.find(|device| device.id == point.address.device);
                let last = device.and_then(|device| device.last(&point.address.point)).cloned();
                let _ = reply.send(last.unwrap_or_else(|| Reading::bad(point, "not-available", self.clock.now())));
            }
            DeviceRequest::Network { wish, reply } => {
                let _ = reply.send(match wish {
                    NetworkWish::Show => Ok(self.in_reach()),
                    NetworkWish::PermitJoin { .. }
                    | NetworkWish::Form
                    | NetworkWish::Map
                    | NetworkWish::Firmware
                    | NetworkWish::Update { .. }
                    | NetworkWish::Backup
                    | NetworkWish::Restore(_) => Err("Bluetooth devices join no network".to_owned()),
                });
            }
        }
    }

    /// Remembers an advertisement for who asks about its device.
    pub(super) fn note(&mut self, heard: Heard) {
        self.sightings.note(heard, Instant::now());
    }

    /// Everybody in reach, with what is made of them.
    fn in_reach(&self) -> serde_json::Value {
        let now = Instant::now();
        let told = |Sighting { heard, at, count }: &Sighting| {
            let device = self.devices.get(&heard.address);
            let (name, key) = (device.and_then(Device::known_name), device.and_then(Device::key));
            let mut json = Account { heard, name, key, count: *count }.json();
            if let Some(read) = device.and_then(|device| device.read_for_account(heard, &self.decoders)) {
                account::add(&mut json, &read);
            }
            json["age_s"] = (now - *at).as_secs().into();
            json["device"] = device.map(|device| device.id.as_str()).into();
            json
        };
        let devices: Vec<_> = self.sightings.iter().map(told).collect();
        serde_json::json!({ "adapter": self.config.name, "devices": devices })
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

    /// Makes a device of one that is not known, if that is wanted and it can be read.
    async fn admit(&mut self, heard: &Heard, now: Instant) -> Result<bool, AdapterError> {
        if self.config.accept != Accept::Formats {
            return Ok(false);
        }
        let id = DeviceId::new(&format!("ble-{}", hex(&heard.address.0))).expect("hex is a slug");
        // Somebody gave this id to another device.
        if self.config.devices.iter().any(|device| device.id == id) {
            return Ok(false);
        }
        let device = Device::stranger(id, heard.address, self.config.min_interval, now);
        let decoded = device.decode(heard);
        let own = device.read_by_profile(heard, &decoded, &self.decoders);
        if decoded.readings.is_empty() && own.is_none_or(|own| own.readings.is_empty()) {
            return Ok(false);
        }
        self.make_room().await?;
        self.strangers += 1;
        self.devices.insert(heard.address, device);
        Ok(true)
    }

    /// Forgets a device that is not configured, if there are too many.
    async fn make_room(&mut self) -> Result<(), AdapterError> {
        if self.strangers < MAX_STRANGERS {
            return Ok(());
        }
        let strangers = self.devices.iter().filter(|(_, device)| !device.is_configured);
        let oldest = strangers.min_by_key(|(_, device)| device.presence.last()).map(|(address, _)| *address);
        let Some((address, device)) = oldest.and_then(|oldest| self.devices.remove_entry(&oldest)) else {
            return Ok(());
        };
        self.strangers -= 1;
        self.metrics.forgotten.inc();
        self.found.locked().remove(&address);
        debug!(device = %device.id, adapter = self.config.name, "Forgot the device that was silent longest");
        self.tell(device.id, DeviceChange::Left).await
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
            if has_new_points || !self.found.locked().contains_key(&address) {
                self.found.locked().insert(address, device.info());
            }
            self.send(readings).await?;
        }
        if is_new && !is_connected_to { self.tell(id, DeviceChange::Online).await } else { Ok(()) }
    }

    /// Sends readings on.
    async fn send(&self, readings: Vec<Reading>) -> Result<(), AdapterError> {
        if readings.is_empty() { Ok(()) } else { self.readings.send(readings.into()).await }
    }

    /// Tells what changed about a device.
    async fn tell(&self, device: DeviceId, what: DeviceChange) -> Result<(), AdapterError> {
        let event =
            Event { ts: self.clock.now(), kind: EventKind::Device { device, what, about: DeviceFacts::default() } };
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
