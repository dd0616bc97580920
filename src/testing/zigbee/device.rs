//! Devices around the coordinator: what they are, what they measure, and how they answer.

mod firmware;
mod kind;
mod tuya;
mod zcl;
mod zdo;

use std::collections::{BTreeMap, BTreeSet};

use self::kind::{attributes, data_points};
pub use self::{firmware::Firmware, kind::Kind};
use crate::adapter::zigbee::{
    address::{Attribute, Cluster, Endpoint, Group, Ieee, Nwk},
    network::Key,
    radio::Network,
    tuya::Record,
    zcl::{
        Direction, Frame, General, Header, Scope, Value,
        general::{Assignment, ReadRecord, Reporting},
    },
};

/// What a device sends.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// From its ZDO, transaction first.
    Zdo {
        /// Which cluster.
        cluster: Cluster,
        /// The frame.
        frame: Vec<u8>,
    },
    /// From its endpoint.
    Zcl {
        /// Which cluster.
        cluster: Cluster,
        /// The frame.
        frame: Vec<u8>,
    },
}

/// One device with one endpoint.
#[derive(Debug)]
pub struct Device {
    /// What it is.
    pub kind: Kind,
    /// The address it was made with.
    pub ieee: Ieee,
    /// Its address in the network.
    pub nwk: Nwk,
    /// Whether it has joined.
    pub is_joined: bool,
    /// Whether it hears nothing.
    pub is_asleep: bool,
    /// Its firmware, if that can be updated.
    pub firmware: Option<Firmware>,
    /// Whether it was last told to stay awake when it said that it is.
    pub stays_awake: Option<bool>,
    /// The key that it joins with, if that is not everybody's.
    pub join_key: Option<Key>,
    /// The network it is in, with its key.
    pub trusts: Option<(Network, Key)>,
    /// The number of the last frame it heard.
    pub heard: u32,
    /// Groups that it is in.
    pub groups: BTreeSet<Group>,
    /// After so many questions it hears nothing more.
    pub sleeps_after: Option<u64>,
    /// What its ZDO was asked, the oldest first.
    pub heard_zdo: Vec<Cluster>,
    /// What it was asked, for tests to count.
    pub asked: u64,
    /// What it was told last of the alarm panel: a command and its fields.
    pub told_panel: Option<(u8, Vec<u8>)>,
    /// What it read last of the gateway.
    pub told_attributes: Option<Vec<ReadRecord>>,
    /// What it was told when it asked for the time.
    pub told_time: Option<Vec<u8>>,
    attributes: BTreeMap<(Cluster, Attribute), Value>,
    data_points: BTreeMap<u8, Record>,
    bound: BTreeSet<Cluster>,
    reported: BTreeMap<(Cluster, Attribute), Reporting>,
    /// What it will not report.
    pub unreportable: BTreeSet<(Cluster, Attribute)>,
    /// The longest time between two reports that it keeps to, whatever it is told.
    pub own_most_s: Option<u16>,
    sequence: u8,
}

impl Device {
    /// Its only endpoint.
    pub const ENDPOINT: Endpoint = 1;

    /// The device of a number, which its addresses are made of.
    pub fn new(kind: Kind, number: u16) -> Self {
        Self {
            kind,
            ieee: Self::ieee_of(number),
            nwk: Nwk(0x1000 + number),
            is_joined: false,
            is_asleep: false,
            firmware: (kind == Kind::Plug).then(Firmware::default),
            stays_awake: None,
            join_key: None,
            trusts: None,
            heard: 0,
            groups: BTreeSet::new(),
            sleeps_after: None,
            heard_zdo: Vec::new(),
            asked: 0,
            told_panel: None,
            told_attributes: None,
            told_time: None,
            attributes: attributes(kind),
            data_points: data_points(kind),
            bound: BTreeSet::new(),
            reported: BTreeMap::new(),
            unreportable: BTreeSet::new(),
            own_most_s: None,
            sequence: 0,
        }
    }

    /// The address of the device of a number.
    pub fn ieee_of(number: u16) -> Ieee {
        Ieee(0x00aa_bbcc_dd00_0000 + u64::from(number))
    }

    /// Loses what was set up, as by a reset.
    pub fn forget(&mut self) {
        self.bound.clear();
        self.groups.clear();
        self.reported.clear();
    }

    /// An attribute.
    pub fn get(&self, cluster: Cluster, attribute: Attribute) -> Option<&Value> {
        self.attributes.get(&(cluster, attribute))
    }

    /// Whether something is bound and reported.
    pub fn reports(&self, cluster: Cluster, attribute: Attribute) -> bool {
        self.bound.contains(&cluster) && self.reported.contains_key(&(cluster, attribute))
    }

    /// The shortest and the longest time between two reports, in seconds, if it reports an attribute.
    pub fn times(&self, cluster: Cluster, attribute: Attribute) -> Option<(u16, u16)> {
        match self.reported.get(&(cluster, attribute))? {
            Reporting::Send { least_s, most_s, .. } => Some((*least_s, *most_s)),
            Reporting::Receive { .. } => None,
        }
    }

    /// Sets an attribute, and reports it if it shall.
    pub fn set(&mut self, cluster: Cluster, attribute: Attribute, value: Value) -> ((), Vec<Heard>) {
        self.attributes.insert((cluster, attribute), value);
        ((), self.report(cluster, attribute))
    }

    /// Somebody presses it: a command of a cluster that it is bound to us for.
    pub fn press(&mut self, cluster: Cluster, command: u8) -> ((), Vec<Heard>) {
        self.press_with(cluster, command, &[])
    }

    /// The same with fields, as a keypad sends them.
    pub fn press_with(&mut self, cluster: Cluster, command: u8, fields: &[u8]) -> ((), Vec<Heard>) {
        let header = Header {
            scope: Scope::Cluster,
            disable_default_response: false,
            ..Header::request(self.count(), command)
        };
        let frame = Frame { header, payload: fields }.encode();
        let is_bound = self.bound.contains(&cluster);
        ((), is_bound.then_some(Heard::Zcl { cluster, frame }).into_iter().collect())
    }

    /// It reads attributes of the gateway.
    pub fn read_from_gateway(&mut self, cluster: Cluster, wanted: &[Attribute]) -> ((), Vec<Heard>) {
        let frame = General::Read(wanted.to_vec()).encode(Header::request(self.count(), 0));
        ((), vec![Heard::Zcl { cluster, frame }])
    }

    /// It wakes by itself, says so, and waits for what is asked of it (ZCL, 3.16.5.3).
    pub fn check_in(&mut self) -> ((), Vec<Heard>) {
        self.is_asleep = false;
        let header =
            Header { direction: Direction::ToClient, scope: Scope::Cluster, ..Header::request(self.count(), 0) };
        let cluster = Cluster(0x0020);
        let frame = Frame { header, payload: &[] }.encode();
        ((), self.bound.contains(&cluster).then_some(Heard::Zcl { cluster, frame }).into_iter().collect())
    }

    /// Its zone raises or ends alarms, as the bits of its status say; told only to who has enrolled it (ZCL, 8.2.2.4.1).
    pub fn alarm(&mut self, status: u16) -> ((), Vec<Heard>) {
        let (zone, is_enrolled) = (Cluster(0x0500), |value: &Value| value.as_integer() == Some(1));
        if !self.get(zone, Attribute(0)).is_some_and(is_enrolled) {
            return ((), Vec::new());
        }
        let payload = [&status.to_le_bytes()[..], &[0, 0, 0, 0]].concat();
        let header =
            Header { direction: Direction::ToClient, scope: Scope::Cluster, ..Header::request(self.count(), 0) };
        let frame = Frame { header, payload: &payload }.encode();
        ((), vec![Heard::Zcl { cluster: zone, frame }])
    }

    /// Reports everything that it shall.
    pub fn report_all(&mut self) -> Vec<Heard> {
        let all: Vec<_> = self.reported.keys().copied().collect();
        let data_points = self.report_data_points();
        all.into_iter().flat_map(|(cluster, attribute)| self.report(cluster, attribute)).chain(data_points).collect()
    }

    /// A report, if it shall send one.
    fn report(&mut self, cluster: Cluster, attribute: Attribute) -> Vec<Heard> {
        let sequence = self.count();
        let value = self.attributes.get(&(cluster, attribute)).filter(|_| self.reports(cluster, attribute));
        let report = value.map(|value| {
            let header = Header { direction: Direction::ToClient, ..Header::request(sequence, 0) };
            let frame = General::Report(vec![Assignment::new(attribute, value.clone())]).encode(header);
            Heard::Zcl { cluster, frame }
        });
        report.into_iter().collect()
    }

    /// The next number of its own.
    fn count(&mut self) -> u8 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Takes a message, and gives what it answers.
    pub(super) fn hear(&mut self, endpoint: Endpoint, cluster: Cluster, bytes: &[u8]) -> Vec<Heard> {
        self.asked += 1;
        self.is_asleep = self.sleeps_after.is_some_and(|limit| self.asked >= limit);
        if endpoint == 0 {
            self.heard_zdo.push(cluster);
        }
        match endpoint {
            0 => self.hear_zdo(cluster, bytes).into_iter().collect(),
            Self::ENDPOINT => Frame::decode(bytes).map_or(Vec::new(), |frame| self.hear_zcl(cluster, &frame)),
            _ => Vec::new(),
        }
    }
}
