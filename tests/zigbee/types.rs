//! Values of every data type.

use tidegate::adapter::zigbee::{
    address::Attribute,
    wire::Reader,
    zcl::{
        Direction, General, Header, Kind, Value,
        general::Assignment,
        kind::{KINDS, Layout},
    },
};

use super::{air, tshark::Tshark};

/// A cluster of no maker tshark knows, so that it reads by the type alone.
const NOBODYS: u16 = 0xfc77;

/// A value of a type with as many bytes as it takes.
fn example(kind: Kind) -> Value {
    let bytes: &[u8] = match kind.layout() {
        Layout::Bytes(1) => &[3, b'a', b'b', b'c'],
        Layout::Bytes(_) => &[3, 0, b'a', b'b', b'c'],
        Layout::List => &[0x21, 2, 0, 1, 0, 2, 0],
        Layout::Structure => &[2, 0, 0x20, 7, 0x42, 1, b'x'],
        Layout::Empty | Layout::Bits(_) | Layout::Signed(_) | Layout::Float(_) | Layout::Key => &[1; 16],
    };
    Value::read(kind, &mut Reader::new(bytes)).unwrap()
}

#[test]
fn a_value_of_each_type_ends_where_tshark_expects_it() {
    let Some(tshark) = Tshark::find() else { return };
    let header = Header { direction: Direction::ToClient, ..Header::request(7, 0) };
    // A second attribute behind each value: it is found only if the first one ended in the right place.
    let frames = KINDS.iter().map(|kind| {
        let after = Assignment::new(Attribute(0x5a5a), Value::bits(Kind::Uint8, 0x2a).unwrap());
        let report = General::Report(vec![Assignment::new(Attribute(0x0001), example(*kind)), after]);
        air(NOBODYS, &report, header)
    });

    tshark.expect(&frames.collect::<Vec<_>>(), &vec!["0x5a5a"; KINDS.len()]);
}
