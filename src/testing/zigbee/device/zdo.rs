//! What a device says of itself to the network.

use std::collections::BTreeSet;

use super::{super::stick::Stick, Device, Heard, Kind};
use crate::adapter::zigbee::{
    address::{Cluster, DeviceKind, Manufacturer, Nwk, Profile},
    ota,
    wire::{List, Reader},
    zdo::{
        ANSWER, Answer, Request,
        descriptor::{Node, Role, Simple},
        request::{
            ActiveEndpoints, Bind, IeeeAddress, MgmtLeave, MgmtLqi, NodeDescriptor, NwkAddress, SimpleDescriptor,
        },
        response::{ActiveEndpointsOf, Addresses, Neighbors, NodeOf, SimpleOf},
        status::Status,
        tables::Neighbor,
    },
};

impl Device {
    /// What it is in the network.
    pub(in super::super) fn node(&self) -> Node {
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
        let mut inputs: BTreeSet<_> = self.attributes.keys().map(|(cluster, _)| *cluster).collect();
        if self.node().role == Role::Router {
            inputs.insert(Cluster(4));
        }
        let mut outputs =
            if self.kind == Kind::Button { vec![Cluster(6), Cluster(8), Cluster(0x0501)] } else { Vec::new() };
        outputs.extend(self.firmware.is_some().then_some(ota::CLUSTER));
        Simple {
            endpoint: Self::ENDPOINT,
            profile: Profile(0x0104),
            device: DeviceKind(0x0051),
            version: 1,
            inputs: List::try_from(inputs.into_iter().collect::<Vec<_>>()).expect("a few"),
            outputs: List::try_from(outputs).expect("a few"),
        }
    }

    /// Whom it hears: the coordinator.
    fn neighbors(&self) -> Option<Neighbors> {
        let (network, _) = self.trusts.as_ref()?;
        let coordinator = Neighbor {
            extended_pan: network.extended_pan,
            ieee: Stick::IEEE,
            nwk: Nwk::COORDINATOR,
            role: 0,
            receiver: 1,
            relation: 0,
            permits_joining: 2,
            depth: 0,
            link_quality: 200,
        };
        Some(Neighbors { total: 1, start: 0, neighbors: List::try_from(vec![coordinator]).ok()? })
    }

    /// Its ZDO.
    pub(super) fn hear_zdo(&mut self, cluster: Cluster, bytes: &[u8]) -> Option<Heard> {
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
            IeeeAddress::CLUSTER | NwkAddress::CLUSTER => {
                let addresses = Addresses { ieee, nwk, children: None };
                answer(Cluster(cluster.0 | ANSWER), Answer::success(addresses).to_frame(number))
            }
            MgmtLqi::CLUSTER if self.node().role == Role::Router => {
                answer(MgmtLqi::ANSWER_CLUSTER, Answer::success(self.neighbors()?).to_frame(number))
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
                let not_supported = Answer::<()>::failure(Status(0x84));
                answer(Cluster(cluster.0 | ANSWER), not_supported.to_frame(number))
            }
        }
    }
}
