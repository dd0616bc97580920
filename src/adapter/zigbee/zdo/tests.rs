use proptest::{collection::vec, prelude::*};

use super::{
    descriptor::{Node, Role, Simple},
    request::{
        ActiveEndpoints, Bind, DeviceAnnounce, IeeeAddress, MatchDescriptor, MgmtLeave, MgmtLqi, MgmtNwkUpdate,
        MgmtPermitJoin, MgmtRtg, NodeDescriptor, SimpleDescriptor, UpdateWish,
    },
    response::{ActiveEndpointsOf, Addresses},
    tables::{BindTarget, Route},
    *,
};
use crate::adapter::zigbee::{
    address::{Channels, DeviceKind, Ieee, Manufacturer, Nwk, Profile},
    wire::{List, hex, unhex},
};

/// The answer to a request, read from hex text without the transaction.
fn answer<R: Request>(text: &str) -> Result<Answer<R::Answer>, WireError> {
    Answer::from_bytes(&unhex(text).unwrap())
}

const IEEE: Ieee = Ieee(0x0012_4b00_14d9_a7b1);

#[test]
fn requests_have_the_bytes_of_the_specification() {
    let bytes = |frame: Vec<u8>| hex(&frame);
    assert_eq!(bytes(NodeDescriptor { nwk: Nwk(0x1a2b) }.to_frame(7)), "072b1a");
    assert_eq!(bytes(SimpleDescriptor { nwk: Nwk(0x1a2b), endpoint: 1 }.to_frame(8)), "082b1a01");
    assert_eq!(bytes(IeeeAddress { nwk: Nwk(1), kind: 0, start: 0 }.to_frame(1)), "0101000000");
    assert_eq!(bytes(MgmtPermitJoin { seconds: 60, trust_center: 1 }.to_frame(2)), "023c01");
    assert_eq!(bytes(MgmtLeave { ieee: IEEE, flags: 0x80 }.to_frame(2)), "02b1a7d914004b120080");
    let to = BindTarget::Device { ieee: Ieee(1), endpoint: 1 };
    let bind = Bind { from: IEEE, endpoint: 1, cluster: Cluster(0x0402), to };
    assert_eq!(bytes(bind.to_frame(3)), "03b1a7d914004b120001020403010000000000000001".to_owned());
    let scan = MgmtNwkUpdate { channels: Channels::ALL, wish: UpdateWish::Scan { duration: 2, count: 1 } };
    assert_eq!(bytes(scan.to_frame(4)), "0400f8ff070201");
    let inputs = List::try_from(vec![Cluster(6)]).unwrap();
    let matching = MatchDescriptor { nwk: Nwk::AWAKE, profile: Profile(0x0104), inputs, outputs: List::default() };
    assert_eq!(bytes(matching.to_frame(5)), "05fdff040101060000");
}

#[test]
fn a_node_says_what_it_is() {
    let node = answer::<NodeDescriptor>("00 2b1a 02 40 80 5f11 7f 5000 002c 5000 00").unwrap().fields.unwrap().node;
    assert_eq!(node.role, Role::EndDevice);
    assert_eq!(node.manufacturer, Manufacturer(0x115f));
    assert_eq!((node.is_awake(), node.is_mains_powered()), (false, false));
    assert_eq!(hex(&node.to_bytes()), "0240805f117f5000002c500000");
}

#[test]
fn an_endpoint_says_what_it_does_and_more_than_we_know() {
    // One byte more within the descriptor, and one behind it.
    let simple = answer::<SimpleDescriptor>("00 2b1a 0f 01 0401 0203 00 02 0000 0204 01 1900 99 ff").unwrap();
    assert_eq!(
        simple.fields.unwrap().simple,
        Simple {
            endpoint: 1,
            profile: Profile(0x0104),
            device: DeviceKind(0x0302),
            version: 0,
            inputs: List::try_from(vec![Cluster(0), Cluster(0x0402)]).unwrap(),
            outputs: List::try_from(vec![Cluster(0x0019)]).unwrap(),
        }
    );
}

#[test]
fn without_success_no_fields_are_asked_for() {
    let refused = answer::<ActiveEndpoints>("81").unwrap();
    assert_eq!(refused, Answer::failure(Status::DEVICE_NOT_FOUND));
    let full = answer::<Bind>("8c").unwrap();
    assert_eq!(full.status.to_string(), "table full (0x8c)");
    assert_eq!(answer::<Bind>("00").unwrap(), Answer::success(()));
}

#[test]
fn a_count_that_lies_is_refused() {
    assert!(answer::<ActiveEndpoints>("00 2b1a 03 01 02").is_err());
    assert!(answer::<MgmtLqi>("00 05 00 02 00").is_err());
    assert!(answer::<SimpleDescriptor>("00 2b1a 0e 01 0401").is_err());
    // The length covers less than the lists within it announce.
    assert!(answer::<SimpleDescriptor>("00 2b1a 08 01 0401 0203 00 02 0000 0204 00").is_err());
    assert!(answer::<NodeDescriptor>("00 2b1a 02 40 80").is_err());
}

#[test]
fn neighbours_and_routes_come_apart_into_their_bits() {
    let lqi = "00 01 00 01 dddddddddddddddd b1a7d914004b1200 2b1a 12 02 01 b4";
    let neighbors = answer::<MgmtLqi>(lqi).unwrap().fields.unwrap().neighbors.into_vec();
    let [neighbor] = neighbors[..] else { panic!("{neighbors:?}") };
    assert_eq!((neighbor.role, neighbor.receiver, neighbor.relation), (2, 0, 1));
    assert_eq!((neighbor.depth, neighbor.link_quality), (1, 0xb4));

    let routes = answer::<MgmtRtg>("00 01 00 01 2b1a 30 3c4d").unwrap().fields.unwrap().routes.into_vec();
    let many = Route {
        to: Nwk(0x1a2b),
        status: 0,
        is_constrained: false,
        is_many_to_one: true,
        needs_record: true,
        next: Nwk(0x4d3c),
    };
    assert_eq!(routes, [many]);
}

#[test]
fn addresses_come_with_or_without_children() {
    let alone = answer::<IeeeAddress>("00 b1a7d914004b1200 2b1a").unwrap().fields.unwrap();
    assert_eq!(alone, Addresses { ieee: IEEE, nwk: Nwk(0x1a2b), children: None });
    let parent = answer::<IeeeAddress>("00 b1a7d914004b1200 2b1a 02 00 0100 0200").unwrap().fields.unwrap();
    assert_eq!(parent.children.unwrap().nwk, [Nwk(1), Nwk(2)]);
    assert!(answer::<IeeeAddress>("00 b1a7d914004b1200 2b1a 02 00 0100").is_err());
}

#[test]
fn answers_are_written_as_they_are_read() {
    let endpoints = List::try_from(vec![1, 242]).unwrap();
    let active = Answer::success(ActiveEndpointsOf { nwk: Nwk(0x1a2b), endpoints });
    assert_eq!(hex(&active.to_frame(9)), "09002b1a0201f2");
    assert_eq!(answer::<ActiveEndpoints>("002b1a0201f2"), Ok(active));
}

#[test]
fn a_frame_is_shown_by_its_cluster() {
    let fields = unhex("2b1a b1a7d914004b1200 80").unwrap();
    let (name, shown) = describe(DeviceAnnounce::CLUSTER, &fields).unwrap();
    assert_eq!(name, "DeviceAnnounce");
    assert_eq!(shown.unwrap()["ieee"], "0x00124b0014d9a7b1");
    assert!(describe(Cluster(0x1234), &fields).is_none());
}

proptest! {
    #[test]
    fn no_bytes_make_any_frame_panic(bytes in vec(any::<u8>(), 0..256)) {
        for row in request::ROWS {
            let _ = (row.show)(&bytes);
        }
    }

    #[test]
    fn descriptors_come_back_as_they_went(bytes in vec(any::<u8>(), 13..256)) {
        let node = Node::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&node.to_bytes()[..], &bytes[..13]);
        if let Ok(simple) = Simple::from_bytes(&bytes) {
            prop_assert_eq!(Simple::from_bytes(&simple.to_bytes()), Ok(simple));
        }
    }
}
