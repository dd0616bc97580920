//! The chip's own ZDO, and what hosts ask of any ZDO by a command of its own instead of a message.

use super::{
    super::device::{Device, Heard},
    DONE, Stick,
};
use crate::adapter::zigbee::{
    address::{Cluster, Endpoint, Ieee, Manufacturer, Nwk},
    wire::{Bytes8, List, Reader, Wire as _},
    zdo::{
        ANSWER, Answer, Request as _, Status,
        descriptor::{Node, Role, Simple},
        request::{
            ActiveEndpoints, IeeeAddress, MgmtLqi, MgmtNwkUpdate, NodeDescriptor, NwkAddress, SimpleDescriptor,
        },
        response::{ActiveEndpointsOf, Addresses, Neighbors, NodeOf, SimpleOf},
        tables::Neighbor,
    },
    znp::{
        command::{
            Command,
            af::Register,
            status::Status as MtStatus,
            util::{Child, DeviceInfo, GetChild, GetDeviceInfo, LedControl},
            zdo::{ExtAddGroup, ExtFindGroup, ExtRouteDisc, FoundGroup},
        },
        unpi::{Frame, Kind as FrameKind, Subsystem},
    },
};

/// An endpoint is in no such group.
const FAILURE: MtStatus = MtStatus(0x01);
/// Rows of a table in one answer.
const ROWS: usize = 3;
/// Whether answers come by commands of their own (`ZCD_NV_ZDO_DIRECT_CB`).
const DIRECT: u16 = 0x008f;

/// A command of the host that asks a ZDO: its number is that of the cluster, but for one.
fn cluster_of(id: u8) -> Option<Cluster> {
    match id {
        0x00..=0x06 | 0x21 | 0x22 | 0x31..=0x34 => Some(Cluster(id.into())),
        0x37 => Some(Cluster(0x0038)),
        _ => None,
    }
}

impl Stick {
    /// A question to a ZDO by a command.
    pub(super) fn direct(&mut self, frame: &Frame) -> Option<Frame> {
        if (frame.kind, frame.subsystem) != (FrameKind::Sreq, Subsystem::ZDO) {
            return None;
        }
        let cluster = cluster_of(frame.id)?;
        let has_address = [NwkAddress::CLUSTER, IeeeAddress::CLUSTER].contains(&cluster);
        let to = match cluster {
            NwkAddress::CLUSTER => self.nwk_of(Ieee::from_bytes(&frame.data).ok()?),
            _ => Nwk::from_bytes(&frame.data).ok(),
        };
        // Before the fields stands to whom they go, and here and there in which way.
        let head = match cluster {
            _ if has_address => 0,
            MgmtNwkUpdate::CLUSTER => 3,
            _ => 2,
        };
        let fields = frame.data.get(head..)?;
        if let Some(to) = to {
            // What binds stands behind the device it is for, with room for a longer target; a reader stops before that.
            self.ask_zdo(to, cluster, &[&[0][..], fields].concat());
        }
        Some(Frame { kind: FrameKind::Srsp, subsystem: Subsystem::ZDO, id: frame.id, data: DONE.to_bytes() })
    }

    /// Everything else that some hosts ask.
    pub(super) fn odds(&mut self, frame: &Frame) -> Option<Frame> {
        if GetDeviceInfo::of(frame).is_some() {
            let state = if self.is_running { 9 } else { 0 };
            let children = List::default();
            let (status, ieee, nwk) = (DONE.status, self.ieee(), Nwk(0));
            return Some(GetDeviceInfo::answer(&DeviceInfo { status, ieee, nwk, kinds: 7, state, children }));
        }
        if LedControl::of(frame).is_some() {
            return Some(LedControl::answer(&DONE));
        }
        if GetChild::of(frame).is_some() {
            return Some(GetChild::answer(&Child { nwk: Nwk(0xfffe), index: 0xffff, relation: 0xff }));
        }
        if ExtRouteDisc::of(frame).is_some() {
            return Some(ExtRouteDisc::answer(&DONE));
        }
        if let Some(Ok(ExtAddGroup { endpoint, group, .. })) = ExtAddGroup::of(frame) {
            self.groups.insert((endpoint, group));
            return Some(ExtAddGroup::answer(&DONE));
        }
        let Some(Ok(ExtFindGroup { endpoint, group })) = ExtFindGroup::of(frame) else { return None };
        let is_there = self.groups.contains(&(endpoint, group));
        let status = if is_there { DONE.status } else { FAILURE };
        Some(ExtFindGroup::answer(&FoundGroup { status, group: Some(group), name: Some(Bytes8::default()) }))
    }

    /// The short address of a device that is here, or of the chip.
    pub(super) fn nwk_of(&self, ieee: Ieee) -> Option<Nwk> {
        let device = self.devices.iter().find(|device| device.ieee == ieee && device.is_joined);
        device.map(|device| device.nwk).or_else(|| (ieee == self.ieee()).then_some(Nwk(0)))
    }

    /// Asks a ZDO, the chip's own or a device's.
    pub(super) fn ask_zdo(&mut self, to: Nwk, cluster: Cluster, bytes: &[u8]) {
        if to == Nwk(0) {
            let heard = match bytes {
                [number, fields @ ..] if cluster == MgmtNwkUpdate::CLUSTER => self.measure(*number, fields),
                _ => self.hear_own(cluster, bytes).into_iter().collect(),
            };
            self.tell_heard(to, heard);
        } else {
            // Who does not answer is not there; the host waits for nothing then.
            let _ = self.bring(to, 0, cluster, bytes);
        }
    }

    /// The chip's own ZDO.
    fn hear_own(&self, cluster: Cluster, bytes: &[u8]) -> Option<Heard> {
        let (&number, fields) = bytes.split_first()?;
        let (nwk, ieee) = (Nwk(0), self.ieee());
        let frame = match cluster {
            NodeDescriptor::CLUSTER => Answer::success(NodeOf { nwk, node: node() }).to_frame(number),
            ActiveEndpoints::CLUSTER => {
                let endpoints: Vec<Endpoint> = self.endpoints.keys().copied().collect();
                let endpoints = List::try_from(endpoints).ok()?;
                Answer::success(ActiveEndpointsOf { nwk, endpoints }).to_frame(number)
            }
            SimpleDescriptor::CLUSTER => {
                let wanted: SimpleDescriptor = Reader::new(fields).read().ok()?;
                let simple = self.endpoints.get(&wanted.endpoint)?.clone();
                Answer::success(SimpleOf { nwk, simple }).to_frame(number)
            }
            IeeeAddress::CLUSTER | NwkAddress::CLUSTER => {
                Answer::success(Addresses { ieee, nwk, children: None }).to_frame(number)
            }
            MgmtLqi::CLUSTER => {
                let wanted: MgmtLqi = Reader::new(fields).read().ok()?;
                Answer::success(page(&self.neighbors(), wanted.start)).to_frame(number)
            }
            _ => Answer::<()>::failure(Status(0x84)).to_frame(number),
        };
        Some(Heard::Zdo { cluster: Cluster(cluster.0 | ANSWER), frame })
    }

    /// Whom the chip hears: everybody.
    fn neighbors(&self) -> Vec<Neighbor> {
        let Some(network) = self.network() else { return Vec::new() };
        let here = self.devices.iter().filter(|device| device.is_joined);
        let neighbor = |device: &Device| {
            let sleeps = device.node().role == Role::EndDevice;
            Neighbor {
                extended_pan: network.extended_pan,
                ieee: device.ieee,
                nwk: device.nwk,
                role: if sleeps { 2 } else { 1 },
                receiver: u8::from(!sleeps),
                relation: if sleeps { 1 } else { 2 },
                permits_joining: 2,
                depth: 1,
                link_quality: 120,
            }
        };
        here.map(neighbor).collect()
    }

    /// Tells an answer of a ZDO in the ways that the host has asked for.
    pub(super) fn tell_direct(&mut self, from: Nwk, cluster: Cluster, fields: &[u8]) {
        let is_wanted = self.memory.get(&DIRECT).is_some_and(|wanted| *wanted == [1]);
        let number = cluster.0 & !ANSWER;
        let Some(id) = u8::try_from(number).ok().filter(|_| is_wanted) else { return };
        // Answers that hold their sender's address have it only there.
        let has_address = [NwkAddress::ANSWER_CLUSTER, IeeeAddress::ANSWER_CLUSTER].contains(&cluster);
        let from = if has_address { Vec::new() } else { from.to_bytes() };
        let data = [&from[..], fields].concat();
        let id = match cluster.0 {
            // A device has come (ZDO_END_DEVICE_ANNCE_IND), and an answer about channels.
            0x0013 => 0xc1,
            0x8038 => 0xb8,
            _ => 0x80 | id,
        };
        self.out.push(Frame { kind: FrameKind::Areq, subsystem: Subsystem::ZDO, id, data });
    }

    /// An endpoint that the host has made known.
    pub(super) fn endpoint(&mut self, register: Register) {
        let simple = Simple {
            endpoint: register.endpoint,
            profile: register.profile,
            device: register.device,
            version: register.version,
            inputs: register.inputs,
            outputs: register.outputs,
        };
        self.endpoints.insert(register.endpoint, simple);
    }
}

/// Part of a table.
fn page(all: &[Neighbor], start: u8) -> Neighbors {
    let rows: Vec<_> = all.iter().skip(start.into()).take(ROWS).copied().collect();
    let total = u8::try_from(all.len()).unwrap_or(u8::MAX);
    Neighbors { total, start, neighbors: List::try_from(rows).expect("three rows") }
}

/// What the chip is in the network.
fn node() -> Node {
    Node {
        role: Role::Coordinator,
        available: 0,
        band: 0x40,
        capabilities: 0x8f,
        manufacturer: Manufacturer(0),
        max_buffer: 80,
        max_incoming: 160,
        server: 1,
        max_outgoing: 160,
        extended: 0,
    }
}
