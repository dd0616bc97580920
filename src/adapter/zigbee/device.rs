//! What is known of a device: who it is, what it offers, what was set up, and its points.

mod points;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    address::{Attribute, Cluster, Endpoint, Group, Ieee, Nwk},
    interview::{CHECK_IN, POLL_CONTROL, Step},
    map::{
        Known,
        form::{TOTAL_DIVISOR, TOTAL_MULTIPLIER},
        rules,
    },
    quirk::Quirk,
    reporting::{Others, Wanted},
    zcl::{
        Kind,
        general::{ReadOutcome, ReadRecord},
    },
    zdo::descriptor::{Node, Simple},
};
use crate::{
    adapter::DeviceInfo,
    model::{DeviceFacts, DeviceId, Point, Quantity, Timestamp},
};

/// A device of the network.
#[derive(Debug, Clone)]
pub(super) struct Device {
    /// The address it was made with.
    pub(super) ieee: Ieee,
    /// Its address in this network; `None` when another device has it now.
    pub(super) nwk: Option<Nwk>,
    /// Its name.
    pub(super) id: DeviceId,
    /// What it is in the network.
    pub(super) node: Option<Node>,
    /// Its endpoints, in its own order.
    pub(super) listed: Vec<Endpoint>,
    /// What they do, in the same order.
    pub(super) endpoints: Vec<Simple>,
    /// Who made it.
    pub(super) manufacturer: Option<String>,
    /// What its maker calls it.
    pub(super) model: Option<String>,
    /// Steps that need not be gone again.
    pub(super) done: BTreeSet<Step>,
    /// Groups that it shall be in.
    pub(super) groups: BTreeSet<Group>,
    /// Whether its description was told to be complete.
    pub(super) is_interviewed: bool,
    /// What scales depend on, by endpoint.
    pub(super) known: BTreeMap<Endpoint, Known>,
    /// Attributes it has that feed points.
    pub(super) attributes: BTreeMap<(Endpoint, Cluster), Vec<(Attribute, Kind)>>,
    /// When it shall report.
    pub(super) reporting: Wanted,
    /// When it was asked to report.
    pub(super) asked_reporting: Wanted,
    /// What it reports otherwise.
    pub(super) others: Others,
    /// Within how many seconds it says that it reports something.
    pub(super) reports_within_s: Option<u16>,
    /// How often it says that it is awake, in quarters of a second.
    pub(super) check_in: Option<u32>,
    /// Its points, by name.
    pub(super) points: BTreeMap<String, (Quantity, Arc<Point>)>,
    /// What a profile says of it.
    pub(super) quirk: Option<Arc<Quirk>>,
    /// The points of its profile, in the profile's order.
    pub(super) own: Vec<Arc<Point>>,
    /// Points whose last value was bad: that is told once.
    pub(super) faulty: BTreeSet<String>,
    /// When it was last heard.
    pub(super) last_seen: Option<Timestamp>,
    /// How well.
    pub(super) link_quality: Option<u8>,
    /// Whether it was told to be offline.
    pub(super) is_offline: bool,
}

impl Device {
    /// A device of which nothing is known yet.
    pub(super) fn new(ieee: Ieee, nwk: Option<Nwk>, id: DeviceId) -> Self {
        Self {
            ieee,
            nwk,
            id,
            node: None,
            listed: Vec::new(),
            endpoints: Vec::new(),
            manufacturer: None,
            model: None,
            done: BTreeSet::new(),
            groups: BTreeSet::new(),
            is_interviewed: false,
            known: BTreeMap::new(),
            attributes: BTreeMap::new(),
            reporting: Wanted::default(),
            asked_reporting: Wanted::default(),
            others: Others::new(),
            reports_within_s: None,
            check_in: None,
            points: BTreeMap::new(),
            quirk: None,
            own: Vec::new(),
            faulty: BTreeSet::new(),
            last_seen: None,
            link_quality: None,
            is_offline: false,
        }
    }

    /// Whether it has to be waited for: what has not said that it listens all the time, may sleep.
    pub(super) fn sleeps(&self) -> bool {
        self.node.is_some_and(|node| !node.is_awake())
    }

    /// From now on it shall report within these times; one that was asked for others is asked again.
    pub(super) fn shall_report(&mut self, wanted: Wanted) {
        if self.asked_reporting != wanted {
            self.done.retain(|step| !matches!(step, Step::Report(..) | Step::ReadBack(..) | Step::OwnReport(..)));
            self.reports_within_s = None;
        }
        self.reporting = wanted;
    }

    /// What an endpoint does, once the device has said so.
    pub(super) fn endpoint(&self, endpoint: Endpoint) -> Option<&Simple> {
        self.endpoints.iter().find(|simple| simple.endpoint == endpoint)
    }

    /// Keeps what an endpoint does, in the order of the device's list: names of points depend on it.
    pub(super) fn describe(&mut self, simple: Simple) {
        self.endpoints.retain(|other| other.endpoint != simple.endpoint);
        self.endpoints.push(simple);
        let place = |simple: &Simple| self.listed.iter().position(|endpoint| *endpoint == simple.endpoint);
        self.endpoints.sort_by_key(place);
    }

    /// Keeps which attributes of those that feed points the device has, and defaults of factors it does not have.
    pub(super) fn take_read(&mut self, endpoint: Endpoint, cluster: Cluster, records: &[ReadRecord]) {
        for record in records {
            match &record.found {
                ReadOutcome::Value(value) if (cluster, record.attribute) == (POLL_CONTROL, CHECK_IN) => {
                    self.check_in = value.as_integer().and_then(|quarters| u32::try_from(quarters).ok());
                }
                ReadOutcome::Value(value) if rules::of(cluster, record.attribute).next().is_some() => {
                    let all = self.attributes.entry((endpoint, cluster)).or_default();
                    if all.iter().all(|(attribute, _)| *attribute != record.attribute) {
                        all.push((record.attribute, value.kind()));
                    }
                    self.add_wishes(endpoint, cluster, record.attribute);
                }
                ReadOutcome::Value(_) => {}
                ReadOutcome::Status(_) => {
                    if let Some(default) = default_factor(cluster, record.attribute) {
                        self.known.entry(endpoint).or_default().insert(cluster, record.attribute, default);
                    }
                }
            }
        }
    }

    /// Takes what a profile says of it, or that none does. Points that it had otherwise are gone.
    pub(super) fn take_quirk(&mut self, quirk: Option<Arc<Quirk>>) {
        let points = quirk.iter().flat_map(|quirk| &quirk.points);
        self.own = points.map(|point| Arc::new(point.of(&self.id))).collect();
        self.points.retain(|name, _| quirk.as_ref().is_none_or(|quirk| !quirk.overrides(name)));
        self.quirk = quirk;
    }

    /// The endpoint that an attribute of its profile is on; the first with the cluster when nothing is said.
    pub(super) fn endpoint_of(&self, endpoint: Option<Endpoint>, cluster: Cluster) -> Endpoint {
        let has = |simple: &&Simple| simple.inputs.as_slice().contains(&cluster);
        let found = self.endpoints.iter().find(has).map(|simple| simple.endpoint);
        endpoint.or(found).or(self.listed.first().copied()).unwrap_or(1)
    }

    /// As the gateway sees it.
    pub(super) fn info(&self) -> DeviceInfo {
        let points = self.all_points().map(Arc::clone).collect();
        DeviceInfo { id: self.id.clone(), address: self.ieee.to_string(), points }
    }

    /// As events tell it.
    pub(super) fn facts(&self) -> DeviceFacts {
        DeviceFacts {
            ieee: Some(self.ieee.to_string()),
            mac: None,
            manufacturer: self.manufacturer.clone(),
            model: self.model.clone(),
        }
    }
}

/// What a factor is that a device does not have: numbers are as they are, meters count kWh (ZCL, 4.9.2.2.7 and
/// 10.4.2.2.4). Of the factors of totals 0 says that there are none.
fn default_factor(cluster: Cluster, attribute: Attribute) -> Option<i128> {
    match (cluster.0, attribute.0) {
        (0x0b04, _) if [TOTAL_MULTIPLIER, TOTAL_DIVISOR].contains(&attribute) => Some(0),
        (0x0702, 0x0301 | 0x0302) | (0x0b04, _) => Some(1),
        (0x0702, 0x0300 | 0x0306) => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
