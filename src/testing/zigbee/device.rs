//! Devices around the coordinator: what they are, what they measure, and how they answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use crate::adapter::zigbee::{
    address::{Attribute, Cluster, DeviceKind, Endpoint, Ieee, Manufacturer, Nwk, Profile},
    wire::{List, Reader},
    zcl::{
        self, Direction, Frame, General, Header, Scope, Status, Value,
        general::{Assignment, Outcome, ReadOutcome, ReadRecord, Reporting, ReportingRecord, WriteRecord},
    },
    zdo::{
        Answer, Request,
        descriptor::{Node, Role, Simple},
        request::{ActiveEndpoints, Bind, IeeeAddress, MgmtLeave, NodeDescriptor, SimpleDescriptor},
        response::{ActiveEndpointsOf, Addresses, NodeOf, SimpleOf},
        status::Status as ZdoStatus,
    },
};

/// What there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A socket that switches and meters.
    Plug,
    /// Temperature and humidity, on a battery.
    Thermometer,
    /// Movement, on a battery.
    Motion,
    /// A lamp of any white.
    Bulb,
    /// A remote control, on a battery.
    Button,
    /// Carbon dioxide.
    Co2,
    /// A radiator valve, on a battery.
    Valve,
}

/// Every kind with its name.
const KINDS: [(&str, Kind); 7] = [
    ("plug", Kind::Plug),
    ("thermometer", Kind::Thermometer),
    ("motion", Kind::Motion),
    ("bulb", Kind::Bulb),
    ("button", Kind::Button),
    ("co2", Kind::Co2),
    ("valve", Kind::Valve),
];

impl Kind {
    /// One of each.
    pub fn all() -> Vec<Self> {
        KINDS.iter().map(|(_, kind)| *kind).collect()
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// Whether its receiver is off most of the time.
    fn sleeps(self) -> bool {
        matches!(self, Self::Thermometer | Self::Motion | Self::Button | Self::Valve)
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = KINDS.map(|(name, _)| name).join(", ");
        let found = KINDS.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind);
        found.ok_or_else(|| format!("there is no {text:?} (help: {names})"))
    }
}

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
    /// What it was asked, for tests to count.
    pub asked: u64,
    attributes: BTreeMap<(Cluster, Attribute), Value>,
    bound: BTreeSet<Cluster>,
    reported: BTreeSet<(Cluster, Attribute)>,
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
            asked: 0,
            attributes: attributes(kind),
            bound: BTreeSet::new(),
            reported: BTreeSet::new(),
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
        self.reported.clear();
    }

    /// An attribute.
    pub fn get(&self, cluster: Cluster, attribute: Attribute) -> Option<&Value> {
        self.attributes.get(&(cluster, attribute))
    }

    /// Whether something is bound and reported.
    pub fn reports(&self, cluster: Cluster, attribute: Attribute) -> bool {
        self.bound.contains(&cluster) && self.reported.contains(&(cluster, attribute))
    }

    /// Sets an attribute, and reports it if it shall.
    pub fn set(&mut self, cluster: Cluster, attribute: Attribute, value: Value) -> ((), Vec<Heard>) {
        self.attributes.insert((cluster, attribute), value);
        ((), self.report(cluster, attribute))
    }

    /// Somebody presses it: a command of a cluster that it is bound to us for.
    pub fn press(&mut self, cluster: Cluster, command: u8) -> ((), Vec<Heard>) {
        let header = Header {
            scope: Scope::Cluster,
            disable_default_response: false,
            ..Header::request(self.count(), command)
        };
        let frame = Frame { header, payload: &[] }.encode();
        let is_bound = self.bound.contains(&cluster);
        ((), is_bound.then_some(Heard::Zcl { cluster, frame }).into_iter().collect())
    }

    /// Reports everything that it shall.
    pub fn report_all(&mut self) -> Vec<Heard> {
        let all: Vec<_> = self.reported.iter().copied().collect();
        all.into_iter().flat_map(|(cluster, attribute)| self.report(cluster, attribute)).collect()
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
        match endpoint {
            0 => self.hear_zdo(cluster, bytes).into_iter().collect(),
            Self::ENDPOINT => Frame::decode(bytes).map_or(Vec::new(), |frame| self.hear_zcl(cluster, &frame)),
            _ => Vec::new(),
        }
    }

    /// What it is in the network.
    pub(super) fn node(&self) -> Node {
        let sleeps = self.kind.sleeps();
        Node {
            role: if sleeps { Role::EndDevice } else { Role::Router },
            available: 0,
            band: 0x40,
            capabilities: if sleeps { 0x80 } else { 0x8e },
            manufacturer: Manufacturer(0x1234),
            max_buffer: 82,
            max_incoming: 82,
            server: 0,
            max_outgoing: 82,
            extended: 0,
        }
    }

    /// What its endpoint does.
    fn simple(&self) -> Simple {
        let inputs: BTreeSet<_> = self.attributes.keys().map(|(cluster, _)| *cluster).collect();
        let outputs = if self.kind == Kind::Button { vec![Cluster(6), Cluster(8)] } else { Vec::new() };
        Simple {
            endpoint: Self::ENDPOINT,
            profile: Profile(0x0104),
            device: DeviceKind(0x0051),
            version: 1,
            inputs: List::try_from(inputs.into_iter().collect::<Vec<_>>()).expect("a few"),
            outputs: List::try_from(outputs).expect("a few"),
        }
    }

    /// Its ZDO.
    fn hear_zdo(&mut self, cluster: Cluster, bytes: &[u8]) -> Option<Heard> {
        let (nwk, ieee) = (self.nwk, self.ieee);
        let (&number, fields) = bytes.split_first()?;
        let answer = |cluster, frame| Some(Heard::Zdo { cluster, frame });
        match cluster {
            NodeDescriptor::CLUSTER => {
                let node = self.node();
                answer(NodeDescriptor::ANSWER_CLUSTER, Answer::success(NodeOf { nwk, node }).to_frame(number))
            }
            ActiveEndpoints::CLUSTER => {
                let endpoints = List::try_from(vec![Self::ENDPOINT]).expect("one");
                let all = ActiveEndpointsOf { nwk, endpoints };
                answer(ActiveEndpoints::ANSWER_CLUSTER, Answer::success(all).to_frame(number))
            }
            SimpleDescriptor::CLUSTER => {
                let of = SimpleOf { nwk, simple: self.simple() };
                answer(SimpleDescriptor::ANSWER_CLUSTER, Answer::success(of).to_frame(number))
            }
            IeeeAddress::CLUSTER => {
                let addresses = Addresses { ieee, nwk, children: None };
                answer(IeeeAddress::ANSWER_CLUSTER, Answer::success(addresses).to_frame(number))
            }
            Bind::CLUSTER => {
                let bind: Bind = Reader::new(fields).read().ok()?;
                self.bound.insert(bind.cluster);
                answer(Bind::ANSWER_CLUSTER, Answer::success(()).to_frame(number))
            }
            MgmtLeave::CLUSTER => {
                self.is_joined = false;
                answer(MgmtLeave::ANSWER_CLUSTER, Answer::success(()).to_frame(number))
            }
            _ => {
                let not_supported = Answer::<()>::failure(ZdoStatus(0x84));
                answer(Cluster(cluster.0 | crate::adapter::zigbee::zdo::ANSWER), not_supported.to_frame(number))
            }
        }
    }

    /// Its endpoint.
    fn hear_zcl(&mut self, cluster: Cluster, frame: &Frame<'_>) -> Vec<Heard> {
        let header = frame.header;
        let general = match General::of(frame) {
            None => return self.command(cluster, frame),
            Some(Err(_)) => return Vec::new(),
            Some(Ok(general)) => general,
        };
        let (answer, changed) = match general {
            General::Read(wanted) => (General::ReadResponse(self.read(cluster, &wanted)), None),
            General::Write(all) => self.write(cluster, &all),
            General::ConfigureReporting(all) => (self.configure(cluster, &all), None),
            _ => return Vec::new(),
        };
        let frame = answer.encode(header.answer(0));
        let mut heard = vec![Heard::Zcl { cluster, frame }];
        heard.extend(changed.into_iter().flat_map(|attribute| self.report(cluster, attribute)));
        heard
    }

    /// Reads attributes.
    fn read(&self, cluster: Cluster, wanted: &[Attribute]) -> Vec<ReadRecord> {
        let record = |attribute: &Attribute| {
            let value = self.get(cluster, *attribute).cloned();
            let found = value.map_or(ReadOutcome::Status(Status::UNSUPPORTED_ATTRIBUTE), ReadOutcome::Value);
            ReadRecord { attribute: *attribute, found }
        };
        wanted.iter().map(record).collect()
    }

    /// Writes attributes that are there.
    fn write(&mut self, cluster: Cluster, all: &[Assignment]) -> (General, Option<Attribute>) {
        for assignment in all {
            let Some(value) = self.attributes.get_mut(&(cluster, assignment.attribute)) else {
                let status = Status::UNSUPPORTED_ATTRIBUTE;
                let record = WriteRecord { status, attribute: Some(assignment.attribute) };
                return (General::WriteResponse(vec![record]), None);
            };
            *value = assignment.value.clone();
        }
        let record = WriteRecord { status: Status::SUCCESS, attribute: None };
        (General::WriteResponse(vec![record]), all.last().map(|assignment| assignment.attribute))
    }

    /// Remembers what it shall report.
    fn configure(&mut self, cluster: Cluster, all: &[Reporting]) -> General {
        for reporting in all {
            if let Reporting::Send { attribute, .. } = reporting {
                self.reported.insert((cluster, *attribute));
            }
        }
        General::ConfigureReportingResponse(vec![ReportingRecord { status: Status::SUCCESS, attribute: None }])
    }

    /// Does what a command of a cluster says.
    fn command(&mut self, cluster: Cluster, frame: &Frame<'_>) -> Vec<Heard> {
        let (header, payload) = (frame.header, frame.payload);
        let is_on = self.get(Cluster(6), Attribute(0)).and_then(Value::as_integer) == Some(1);
        let change = match (cluster.0, header.command, payload) {
            (6, command @ 0..=2, _) => {
                let is_on = if command == 2 { !is_on } else { command == 1 };
                Value::bits(zcl::Kind::Bool, is_on.into()).map(|value| (Attribute(0), value))
            }
            (8, 0x00 | 0x04, [level, ..]) => {
                Value::bits(zcl::Kind::Uint8, (*level).into()).map(|value| (Attribute(0), value))
            }
            (0x0300, 0x0a, [low, high, ..]) => {
                let mireds = u16::from_le_bytes([*low, *high]);
                Value::bits(zcl::Kind::Uint16, mireds.into()).map(|value| (Attribute(7), value))
            }
            _ => None,
        };
        let change = change.filter(|(attribute, _)| self.get(cluster, *attribute).is_some());
        let status = if change.is_some() { Status::SUCCESS } else { Status::UNSUPPORTED_COMMAND };
        let mut heard = Vec::new();
        if !header.disable_default_response || !status.is_success() {
            let outcome = General::DefaultResponse(Outcome { command: header.command, status });
            heard.push(Heard::Zcl { cluster, frame: outcome.encode(header.answer(0)) });
        }
        if let Some((attribute, value)) = change {
            heard.extend(self.set(cluster, attribute, value).1);
        }
        heard
    }
}

/// What a kind measures at first.
fn attributes(kind: Kind) -> BTreeMap<(Cluster, Attribute), Value> {
    use zcl::Kind as K;
    let bits = |kind, bits| Value::bits(kind, bits).expect("it fits its type");
    let signed = |number| Value::signed(K::Int16, number).expect("it fits its type");
    let text = |text: &str| Value::text(text).expect("short");
    let own = match kind {
        Kind::Plug => vec![
            (0x0006, 0x0000, bits(K::Bool, 1)),
            (0x0702, 0x0000, bits(K::Uint48, 123_456)),
            (0x0702, 0x0300, bits(K::Enum8, 0)),
            (0x0702, 0x0301, bits(K::Uint24, 1)),
            (0x0702, 0x0302, bits(K::Uint24, 1000)),
            (0x0b04, 0x050b, signed(1002)),
            (0x0b04, 0x0604, bits(K::Uint16, 1)),
            (0x0b04, 0x0605, bits(K::Uint16, 10)),
        ],
        Kind::Thermometer => vec![
            (0x0001, 0x0021, bits(K::Uint8, 200)),
            (0x0402, 0x0000, signed(-512)),
            (0x0405, 0x0000, bits(K::Uint16, 5012)),
        ],
        Kind::Motion => vec![
            (0x0406, 0x0000, bits(K::Bitmap8, 1)),
            (0x0500, 0x0001, bits(K::Enum16, 0x000d)),
            (0x0500, 0x0002, bits(K::Bitmap16, 0)),
            (0x0500, 0x0010, bits(K::Ieee, 0)),
        ],
        Kind::Bulb => vec![
            (0x0006, 0x0000, bits(K::Bool, 0)),
            (0x0008, 0x0000, bits(K::Uint8, 128)),
            (0x0300, 0x0007, bits(K::Uint16, 370)),
        ],
        Kind::Button => vec![(0x0001, 0x0021, bits(K::Uint8, 180))],
        Kind::Co2 => vec![(0x040d, 0x0000, Value::single(0.000_415))],
        Kind::Valve => vec![(0x0201, 0x0000, signed(2150)), (0x0201, 0x0012, signed(2000))],
    };
    let basic = [(0x0000, 0x0004, text("Tidegate")), (0x0000, 0x0005, text(kind.name()))];
    let all = basic.into_iter().chain(own);
    all.map(|(cluster, attribute, value)| ((Cluster(cluster), Attribute(attribute)), value)).collect()
}
