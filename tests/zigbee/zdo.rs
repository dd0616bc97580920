//! Requests to a device's ZDO, and the answers of simulated devices.

use tidegate::adapter::zigbee::{
    address::{Channels, Cluster, DeviceKind, ExtendedPan, Ieee, Manufacturer, Nwk, Profile},
    wire::List,
    zdo::{
        Answer, Request,
        descriptor::{Node, Power, Role, Simple},
        request::{
            ActiveEndpoints, Bind, DeviceAnnounce, IeeeAddress, MatchDescriptor, MgmtBind, MgmtLeave, MgmtLqi,
            MgmtNwkUpdate, MgmtPermitJoin, MgmtRtg, NodeDescriptor, NwkAddress, PowerDescriptor, SimpleDescriptor,
            Unbind, UpdateWish,
        },
        response::{
            ActiveEndpointsOf, Addresses, BindingTable, EnergyScan, Neighbors, NodeOf, PowerOf, Routes, SimpleOf,
        },
        tables::{BindTarget, Binding, Neighbor, Route},
    },
};

use super::tshark::{Air, Tshark};

const NWK: Nwk = Nwk(0x1a2b);
const IEEE: Ieee = Ieee(0x0012_4b00_14d9_a7b1);

fn ask<R: Request>(request: &R) -> Air {
    Air::zdo(R::CLUSTER, request.to_frame(7))
}

fn tell<R: Request>(fields: R::Answer) -> Air {
    Air::zdo(R::ANSWER_CLUSTER, Answer::success(fields).to_frame(7))
}

fn list<T>(elements: Vec<T>) -> List<T> {
    List::try_from(elements).unwrap()
}

fn target() -> BindTarget {
    BindTarget::Device { ieee: Ieee(1), endpoint: 1 }
}

#[test]
fn requests_are_whole_and_mean_what_was_meant() {
    let Some(tshark) = Tshark::find() else { return };
    let cluster = Cluster(0x0402);
    let scan = MgmtNwkUpdate { channels: Channels::ALL, wish: UpdateWish::Scan { duration: 2, count: 1 } };
    let change = MgmtNwkUpdate { channels: Channels::only(25).unwrap(), wish: UpdateWish::Change { update_id: 3 } };
    let matching = MatchDescriptor {
        nwk: Nwk::AWAKE,
        profile: Profile(0x0104),
        inputs: list(vec![Cluster(6)]),
        outputs: list(vec![Cluster(0x0019)]),
    };
    let frames = [
        ask(&NwkAddress { ieee: IEEE, kind: 0, start: 0 }),
        ask(&IeeeAddress { nwk: NWK, kind: 0, start: 0 }),
        ask(&NodeDescriptor { nwk: NWK }),
        ask(&PowerDescriptor { nwk: NWK }),
        ask(&SimpleDescriptor { nwk: NWK, endpoint: 9 }),
        ask(&ActiveEndpoints { nwk: NWK }),
        ask(&matching),
        ask(&DeviceAnnounce { nwk: NWK, ieee: IEEE, capabilities: 0x8e }),
        ask(&Bind { from: IEEE, endpoint: 1, cluster, to: target() }),
        ask(&Unbind { from: IEEE, endpoint: 1, cluster, to: target() }),
        ask(&MgmtLqi { start: 3 }),
        ask(&MgmtRtg { start: 4 }),
        ask(&MgmtBind { start: 5 }),
        ask(&MgmtLeave { ieee: IEEE, flags: 0x80 }),
        ask(&MgmtPermitJoin { seconds: 60, trust_center: 1 }),
        ask(&scan),
        ask(&change),
    ];

    let words = [
        "Network Address Request, Address: 00:12:4b:00:14:d9:a7:b1",
        "Extended Address Request, Nwk Addr: 0x1a2b",
        "Node Descriptor Request, Nwk Addr: 0x1a2b",
        "Power Descriptor Request, Nwk Addr: 0x1a2b",
        "Simple Descriptor Request, Nwk Addr: 0x1a2b, Endpoint: 9",
        "Active Endpoint Request, Nwk Addr: 0x1a2b",
        "Input Cluster: On/Off (0x0006)",
        "Device Announcement, Nwk Addr: 0x1a2b, Ext Addr: 00:12:4b:00:14:d9:a7:b1",
        "Bind Request, Temperature Measurement (Cluster ID: 0x0402) Src: 00:12:4b:00:14:d9:a7:b1, Dst: 00:00:00:00:00:00:00:01",
        "Unbind Request, Temperature Measurement (Cluster ID: 0x0402)",
        "Index: 3",
        "Index: 4",
        "Index: 5",
        "Leave Request, Device: 00:12:4b:00:14:d9:a7:b1",
        "Duration: 60",
        "Scan Count: 1",
        "Update ID: 3",
    ];
    tshark.expect(&frames, &words);
}

#[test]
fn answers_are_whole_and_mean_what_was_meant() {
    let Some(tshark) = Tshark::find() else { return };
    let node = Node {
        role: Role::Router,
        available: 0,
        band: 0x40,
        capabilities: 0x8e,
        manufacturer: Manufacturer(0x115f),
        max_buffer: 82,
        max_incoming: 82,
        server: 0x2c00,
        max_outgoing: 82,
        extended: 0,
    };
    let simple = Simple {
        endpoint: 1,
        profile: Profile(0x0104),
        device: DeviceKind(0x0302),
        version: 0,
        inputs: list(vec![Cluster(0), Cluster(0x0402)]),
        outputs: list(vec![Cluster(0x0019)]),
    };
    let neighbor = Neighbor {
        extended_pan: ExtendedPan(0xdddd_dddd_dddd_dddd),
        ieee: IEEE,
        nwk: NWK,
        role: 1,
        receiver: 1,
        relation: 2,
        permits_joining: 0,
        depth: 1,
        link_quality: 180,
    };
    let route =
        Route { to: NWK, status: 0, is_constrained: false, is_many_to_one: true, needs_record: false, next: Nwk(1) };
    let binding = Binding { from: IEEE, endpoint: 1, cluster: Cluster(0x0402), to: target() };
    let frames = [
        tell::<NwkAddress>(Addresses { ieee: IEEE, nwk: NWK, children: None }),
        tell::<NodeDescriptor>(NodeOf { nwk: NWK, node }),
        tell::<PowerDescriptor>(PowerOf { nwk: NWK, power: Power { mode: 0, sources: 1, source: 1, level: 12 } }),
        tell::<SimpleDescriptor>(SimpleOf { nwk: NWK, simple }),
        tell::<ActiveEndpoints>(ActiveEndpointsOf { nwk: NWK, endpoints: list(vec![1, 242]) }),
        tell::<Bind>(()),
        tell::<MgmtLqi>(Neighbors { total: 1, start: 0, neighbors: list(vec![neighbor]) }),
        tell::<MgmtRtg>(Routes { total: 1, start: 0, routes: list(vec![route]) }),
        tell::<MgmtBind>(BindingTable { total: 1, start: 0, bindings: list(vec![binding]) }),
        tell::<MgmtPermitJoin>(()),
        tell::<MgmtNwkUpdate>(EnergyScan {
            channels: Channels::only(15).unwrap(),
            sent: 10,
            failed: 1,
            energy: list(vec![42]),
        }),
    ];

    let words = [
        "Address: 00:12:4b:00:14:d9:a7:b1 = 0x1a2b",
        "Node Descriptor Response, Rev: 22, Nwk Addr: 0x1a2b, Status: Success",
        "Power Descriptor: 0xc110",
        "Input Cluster: Temperature Measurement (0x0402)",
        "Endpoint: 242",
        "Bind Response, Status: Success",
        "LQI: 180",
        "Next Hop: 0x0001",
        "Cluster: 0x0402",
        "Permit Join Response, Status: Success",
        "Channel 15 Energy: 0x2a",
    ];
    tshark.expect(&frames, &words);
}
