use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use super::{
    af::{Address, DataRequestExt, IncomingMsg, IncomingMsgExt, LongData, Register},
    app_cnf::{AddInstallCode, InstallCode},
    sys::{Capabilities, NvReadLong, NvValue, Ping, ResetInd, Version},
    zdo::{ExtNwkInfo, MsgCbIncoming, TcDeviceInd},
    *,
};
use crate::adapter::zigbee::{
    address::{Cluster, DeviceKind, ExtendedPan, Ieee, Nwk, Pan, Profile},
    wire::{Bytes16, List, hex, unhex},
    znp::unpi,
};

/// The frame in hex text.
fn frame(text: &str) -> Frame {
    let bytes = unhex(text).unwrap();
    let (frame, used) = unpi::decode(&bytes).unwrap().unwrap();
    assert_eq!(used, bytes.len());
    frame
}

/// A frame in hex text.
fn text(frame: &Frame) -> String {
    let mut out = Vec::new();
    frame.encode(&mut out).unwrap();
    hex(&out)
}

#[test]
fn a_request_and_its_answer_have_their_bytes() {
    assert_eq!(text(&Ping {}.to_frame()), "fe00210120");
    let pong = frame("fe02610159063d");
    assert_eq!(Ping::answer_of(&pong).unwrap(), Ok(Capabilities { mask: 0x0659 }));
    assert_eq!(Ping::answer(&Capabilities { mask: 0x0659 }), pong);
    assert!(Version::answer_of(&pong).is_none());
    assert!(Ping::of(&pong).is_none());
}

#[test]
fn an_endpoint_is_registered_with_its_clusters() {
    let register = Register {
        endpoint: 1,
        profile: Profile(0x0104),
        device: DeviceKind(0x0005),
        version: 0,
        latency: 0,
        inputs: List::default(),
        outputs: List::try_from(vec![Cluster(0x0500)]).unwrap(),
    };
    assert_eq!(text(&register.to_frame()), "fe0b240001040105000000000100052a".to_owned());
    assert_eq!(Register::of(&register.to_frame()), Some(Ok(register)));
}

#[test]
fn a_message_of_a_device_carries_its_frame() {
    // A report of -5.12 °C, from endpoint 1 of 0x1a2b.
    let bytes = "00000204 2b1a 01 01 00 7b 00 00000000 05 08 18 05 0a 0000 29 00fe";
    let data = unhex(bytes).unwrap();
    let message = IncomingMsg::from_bytes(&data).unwrap();

    assert_eq!(message.cluster, Cluster(0x0402));
    assert_eq!(message.from, Nwk(0x1a2b));
    assert_eq!(message.link_quality, 0x7b);
    assert_eq!(message.data.as_slice(), [0x18, 0x05, 0x0a, 0, 0, 0x29, 0, 0xfe]);
    assert_eq!(message.to_bytes(), data);
}

#[test]
fn a_long_frame_is_announced_without_its_bytes() {
    let head = "00000000 02 2b1a000000000000 01 0000 01 00 7b 00 78563412 05";
    let apart = IncomingMsgExt::from_bytes(&unhex(&format!("{head} 2c01")).unwrap()).unwrap();
    assert_eq!(apart.data, LongData::Apart(300));
    assert_eq!(apart.timestamp, 0x1234_5678);

    let here = IncomingMsgExt::from_bytes(&unhex(&format!("{head} 0200 aabb")).unwrap()).unwrap();
    assert_eq!(here.data, LongData::Here(Bytes16::try_from(vec![0xaa, 0xbb]).unwrap()));
}

#[test]
fn a_group_is_an_address_of_its_own_mode() {
    let address = Address::Group(crate::adapter::zigbee::address::Group(0x0102));
    assert_eq!(address.to_bytes(), [1, 2, 1, 0, 0, 0, 0, 0, 0]);
    let unknown = Address::from_bytes(&[9, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap_err();
    assert_eq!(unknown.to_string(), "address mode 0x09 is unknown");
    assert!(DataRequestExt::from_bytes(&[9, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
}

#[test]
fn the_network_is_told_with_its_state() {
    let data = unhex("0000 09 621a ffff dddddddddddddddd 0000000000000000 0f").unwrap();
    let info = <ExtNwkInfo as Command>::Answer::from_bytes(&data).unwrap();
    assert_eq!((info.pan, info.state, info.channel), (Pan(0x1a62), 9, 15));
    assert_eq!(info.extended_pan, ExtendedPan(0xdddd_dddd_dddd_dddd));
}

#[test]
fn a_length_that_lies_is_refused() {
    let value = NvValue::from_bytes(&[0, 5, 1, 2]);
    assert_eq!(value, Err(WireError::Truncated { at: 2, want: 5, left: 2 }));
    assert!(NvReadLong::from_bytes(&[1]).is_err());
}

#[test]
fn fields_that_newer_firmware_appends_are_left_alone() {
    let reset = ResetInd::from_bytes(&[0, 2, 1, 2, 7, 1, 99]).unwrap();
    assert_eq!((reset.product, reset.major, reset.minor), (1, 2, 7));
}

#[test]
fn news_of_the_network_is_read() {
    let joined = frame("fe0c45ca2b1a b1a7d914004b1200 000030");
    assert_eq!(
        TcDeviceInd::of(&joined),
        Some(Ok(TcDeviceInd { nwk: Nwk(0x1a2b), ieee: Ieee(0x0012_4b00_14d9_a7b1), parent: Nwk(0) }))
    );
    let answer = MsgCbIncoming::from_bytes(&unhex("2b1a 00 0580 00 0b 0000 00 2b1a 01 01").unwrap()).unwrap();
    assert_eq!((answer.cluster, answer.sequence), (Cluster(0x8005), 0x0b));
    assert_eq!(answer.data.0, [0, 0x2b, 0x1a, 1, 1]);
}

#[test]
fn a_secret_is_sent_and_never_shown() {
    let add = AddInstallCode { code: InstallCode::Key(Ieee(1), [0xab; 16]) };
    assert!(text(&add.to_frame()).contains("abababab"));
    let shown = format!("{add:?} {}", describe(&add.to_frame()).unwrap().1.unwrap());
    assert!(!shown.contains("abab") && !shown.contains("171"), "{shown}");
}

#[test]
fn each_command_stands_in_the_tables_once() {
    let mut seen = BTreeSet::new();
    for row in rows() {
        assert!(seen.insert((row.subsystem, row.id, format!("{:?}", row.kind))), "{}", row.name);
    }
    assert!(seen.len() > 90, "{}", seen.len());
}

proptest! {
    #[test]
    fn no_bytes_make_any_command_panic(data in vec(any::<u8>(), 0..=unpi::MAX_DATA)) {
        for row in rows() {
            let _ = (row.show)(&data);
        }
    }

    #[test]
    fn what_is_read_of_a_message_is_what_was_written(data in vec(any::<u8>(), 0..=unpi::MAX_DATA)) {
        if let Ok(message) = IncomingMsgExt::from_bytes(&data) {
            prop_assert_eq!(IncomingMsgExt::from_bytes(&message.to_bytes()), Ok(message));
        }
        if let Ok(request) = DataRequestExt::from_bytes(&data) {
            prop_assert_eq!(DataRequestExt::from_bytes(&request.to_bytes()), Ok(request));
        }
    }
}
