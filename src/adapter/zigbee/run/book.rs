//! The devices of the network, by both their addresses.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value as Json, json};
use tracing::info;

use crate::{
    adapter::{
        DeviceInfo,
        zigbee::{
            address::{self, Ieee, Nwk},
            config::{Accept, Config, Group},
            device::Device,
            interview,
            kept::Kept,
            reporting::{self, Intervals, Otherwise, Wanted},
            zcl::table,
        },
    },
    model::{Access, DeviceId, Point, PointName},
};

/// Most devices of a network. A further one that joins is left alone and told in the log; no coordinator has room for
/// so many.
const MAX_DEVICES: usize = 500;

/// All devices.
pub(super) struct Book {
    devices: BTreeMap<Ieee, Device>,
    names: BTreeMap<Ieee, DeviceId>,
    accept: Accept,
    groups: Vec<Group>,
    /// When devices shall report, and single ones otherwise.
    reporting: Intervals,
    own_reporting: BTreeMap<Ieee, Wanted>,
}

impl Book {
    /// What was known at the end of the last run.
    pub(super) fn of(config: &Config, kept: Kept) -> Self {
        let names = config.devices.clone();
        let groups = config.groups.clone();
        let devices = kept.devices(|ieee| name(&names, ieee)).into_iter().map(|mut device| {
            device.groups = groups_of(&groups, device.ieee);
            device.shall_report(config.reporting_of(device.ieee));
            (device.ieee, device)
        });
        Self {
            devices: devices.collect(),
            names,
            accept: config.accept,
            groups,
            reporting: config.reporting,
            own_reporting: config.own_reporting.clone(),
        }
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
        device.groups = groups_of(&self.groups, ieee);
        let alike = || Wanted { all: self.reporting, ..Wanted::default() };
        device.shall_report(self.own_reporting.get(&ieee).cloned().unwrap_or_else(alike));
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

    /// The group of a name.
    pub(super) fn group(&self, id: &DeviceId) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == *id)
    }

    /// The members of a group whose interview is complete.
    pub(super) fn members<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = &'a Device> {
        let members = group.members.iter().filter_map(|ieee| self.devices.get(ieee));
        members.filter(|device| device.is_interviewed)
    }

    /// A group as a device, with the points that every member can be commanded by.
    fn group_info(&self, group: &Group) -> DeviceInfo {
        let mut members = self.members(group);
        let mut common: BTreeMap<_, _> =
            members.next().map_or_else(BTreeMap::new, |first| first.settable().collect());
        for member in members {
            let points: BTreeMap<_, _> = member.settable().collect();
            common.retain(|name, quantity| points.get(name) == Some(quantity));
        }
        let points = common.into_iter().filter_map(|(name, quantity)| {
            let name = PointName::new(name).ok()?;
            let mut point = Point::new(group.id.clone(), name, quantity.kind(), quantity.unit());
            point.access = Access::W;
            Some(Arc::new(point))
        });
        DeviceInfo { id: group.id.clone(), address: format!("group {}", group.number), points: points.collect() }
    }

    /// As the gateway sees them, with those that have a name and are not here yet.
    pub(super) fn infos(&self, config: &Config) -> Vec<DeviceInfo> {
        let absent = listed(config).into_iter().filter(|info| self.named(&info.id).is_none());
        let groups = self.groups.iter().map(|group| self.group_info(group));
        self.devices.values().map(Device::info).chain(absent).chain(groups).collect()
    }

    /// For people and programs.
    pub(super) fn views(&self) -> Vec<Json> {
        self.devices.values().map(view).collect()
    }
}

/// The groups that a device shall be in.
fn groups_of(groups: &[Group], ieee: Ieee) -> BTreeSet<address::Group> {
    groups.iter().filter(|group| group.members.contains(&ieee)).map(|group| group.number).collect()
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

/// What a device reports otherwise than it was asked or shall, for people and programs.
fn others(device: &Device) -> Vec<Json> {
    let other = |((endpoint, cluster, attribute), other): (
        &(u8, address::Cluster, address::Attribute),
        &Otherwise,
    )| {
        let asked = reporting::intervals(device, &device.asked_reporting, *endpoint, *cluster, *attribute);
        let known = table::cluster(*cluster).and_then(|cluster| cluster.attribute(*attribute, None));
        json!({
            "endpoint": endpoint, "cluster": cluster, "attribute": attribute, "name": known.map(|known| known.name),
            "why": reporting::in_words(*other, asked),
        })
    };
    let in_vain = reporting::in_vain(device).filter(|_| device.is_interviewed);
    let in_vain = in_vain.map(|(point, why)| json!({ "point": point, "why": why }));
    device.others.iter().map(other).chain(in_vain).collect()
}

/// One device for people and programs.
fn view(device: &Device) -> Json {
    let state = match (device.is_interviewed, device.is_offline) {
        (_, true) => "offline",
        (false, false) => "interviewing",
        (true, false) => "ready",
    };
    let points: Vec<_> = device.all_points().map(|point| point.name().as_str()).collect();
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
        "points": points,
        "reporting": others(device),
        "profile": device.quirk.as_ref().map(|quirk| &quirk.name),
        "last_seen": device.last_seen,
        "link_quality": device.link_quality,
    })
}
