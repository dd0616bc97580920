//! The devices of the network, by both their addresses.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tracing::info;

use crate::{
    adapter::{
        DeviceInfo,
        memory::Memory,
        zigbee::{
            address::{Ieee, Nwk},
            config::{Accept, Config},
            device::Device,
            interview,
            kept::Kept,
        },
    },
    model::DeviceId,
};

/// Most devices of a network. A further one that joins is left alone and told in the log; no coordinator has room for
/// so many.
const MAX_DEVICES: usize = 500;

/// All devices.
pub(super) struct Book {
    devices: BTreeMap<Ieee, Device>,
    names: BTreeMap<Ieee, DeviceId>,
    accept: Accept,
}

impl Book {
    /// What was known at the end of the last run.
    pub(super) async fn recall(config: &Config, memory: &Memory) -> Self {
        let kept: Kept = memory.recall().await.unwrap_or_default();
        let names = config.devices.clone();
        let devices = kept.devices(|ieee| name(&names, ieee)).into_iter().map(|device| (device.ieee, device));
        Self { devices: devices.collect(), names, accept: config.accept }
    }

    /// What the next run shall know.
    pub(super) fn kept(&self) -> Kept {
        Kept::of(self.devices.values())
    }

    /// Whether a device may be here.
    pub(super) fn accepts(&self, ieee: Ieee) -> bool {
        self.accept == Accept::All || self.names.contains_key(&ieee)
    }

    /// The device of an address, made if there is none, with the short address it has now; and whether it is new. A
    /// short address that another device had is no longer that one's. `None` when there is no room.
    pub(super) fn arrive(&mut self, ieee: Ieee, nwk: Nwk) -> Option<(&mut Device, bool)> {
        let is_new = !self.devices.contains_key(&ieee);
        if is_new && self.devices.len() >= MAX_DEVICES {
            info!(%ieee, limit = MAX_DEVICES, "There are too many devices, this one is left alone");
            return None;
        }
        for other in self.devices.values_mut().filter(|other| other.ieee != ieee && other.nwk == Some(nwk)) {
            other.nwk = None;
        }
        let id = name(&self.names, ieee);
        let device = self.devices.entry(ieee).or_insert_with(|| Device::new(ieee, Some(nwk), id));
        device.nwk = Some(nwk);
        Some((device, is_new))
    }

    /// Forgets a device.
    pub(super) fn remove(&mut self, ieee: Ieee) -> Option<Device> {
        self.devices.remove(&ieee)
    }

    /// A device.
    pub(super) fn get(&self, ieee: Ieee) -> Option<&Device> {
        self.devices.get(&ieee)
    }

    /// A device, to change it.
    pub(super) fn get_mut(&mut self, ieee: Ieee) -> Option<&mut Device> {
        self.devices.get_mut(&ieee)
    }

    /// Who has a short address.
    pub(super) fn at(&self, nwk: Nwk) -> Option<Ieee> {
        self.devices.values().find(|device| device.nwk == Some(nwk)).map(|device| device.ieee)
    }

    /// Who has a name.
    pub(super) fn named(&self, id: &DeviceId) -> Option<&Device> {
        self.devices.values().find(|device| device.id == *id)
    }

    /// Every device.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Device> {
        self.devices.values()
    }

    /// As the gateway sees them, with those that have a name and are not here yet.
    pub(super) fn infos(&self, config: &Config) -> Vec<DeviceInfo> {
        let absent = listed(config).into_iter().filter(|info| self.named(&info.id).is_none());
        self.devices.values().map(Device::info).chain(absent).collect()
    }

    /// For people and programs.
    pub(super) fn views(&self) -> Vec<Json> {
        self.devices.values().map(view).collect()
    }
}

/// The devices that have a name.
pub(super) fn listed(config: &Config) -> Vec<DeviceInfo> {
    let info =
        |(ieee, id): (&Ieee, &DeviceId)| DeviceInfo { id: id.clone(), address: ieee.to_string(), points: Vec::new() };
    config.devices.iter().map(info).collect()
}

/// The name of a device, by its address where it was given none.
fn name(names: &BTreeMap<Ieee, DeviceId>, ieee: Ieee) -> DeviceId {
    names
        .get(&ieee)
        .cloned()
        .unwrap_or_else(|| DeviceId::new(&format!("zb-{:016x}", ieee.0)).expect("letters and digits are a slug"))
}

/// One device for people and programs.
fn view(device: &Device) -> Json {
    let state = match (device.is_interviewed, device.is_offline) {
        (_, true) => "offline",
        (false, false) => "interviewing",
        (true, false) => "ready",
    };
    json!({
        "device": device.id,
        "ieee": device.ieee,
        "nwk": device.nwk,
        "role": device.node.map(|node| node.role),
        "sleeps": device.sleeps(),
        "manufacturer": device.manufacturer,
        "model": device.model,
        "state": state,
        "is_set_up": interview::next(device).is_none(),
        "points": device.points.keys().collect::<Vec<_>>(),
        "last_seen": device.last_seen,
        "link_quality": device.link_quality,
    })
}
