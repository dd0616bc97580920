//! What Tidegate sends on the air, read by somebody else: every kind of frame goes through tshark's dissectors of the
//! cluster library and of ZDO, which must find in it what was meant and nothing malformed.
//!
//! `make test` installs tshark; without it these tests say loudly that they were left out. `TIDEGATE_TSHARK` names
//! one that is not on the path.

#![cfg(feature = "zigbee")]

mod firmware;
mod general;
mod tshark;
mod types;
mod zdo;

use tidegate::{
    adapter::zigbee::{
        address::{Attribute, Cluster},
        map::{order::order, rules},
        zcl::{General, Header},
    },
    model::Value,
};
use tshark::{Air, Tshark};

/// A general command as a frame of endpoint 1.
fn air(cluster: u16, general: &General, header: Header) -> Air {
    Air::zcl(Cluster(cluster), general.encode(header))
}

#[test]
fn a_cut_frame_is_noticed() {
    let Some(tshark) = Tshark::find() else { return };
    let cut = Air::zcl(Cluster(0x0402), vec![0x18, 5, 0x0a, 0, 0, 0x29]);

    let seen = tshark.read(&[cut]);

    assert!(seen[0].contains("Malformed"), "this test could not fail:\n{}", seen[0]);
}

#[test]
fn what_sets_a_point_means_that() {
    let Some(tshark) = Tshark::find() else { return };
    let orders = [
        (0x0006, 0x0000, Value::Bool(true), "Command: On (0x01)"),
        (0x0006, 0x0000, Value::Bool(false), "Command: Off (0x00)"),
        (0x0008, 0x0000, Value::Int(128), "Level: 128"),
        (0x0300, 0x0007, Value::Int(370), "Color temperature: 370 [Mired]"),
        (0x0300, 0x0003, Value::Text("0.5 0.25".into()), "Color X: 0.5000"),
        (0x0101, 0x0000, Value::Bool(false), "Command: Lock Door (0x00)"),
        // This dissector does not know these commands; 30 % closed.
        (0x0102, 0x0000, Value::Text("stop".into()), "Command: Unknown (0x02)"),
        (0x0102, 0x0008, Value::Float(70.0), "Data: 1e"),
        (0x0201, 0x0012, Value::Float(21.3), "Int16: 2130"),
        (0x0201, 0x001c, Value::Text("heat".into()), "Enum8: 4"),
        (0x0202, 0x0000, Value::Text("auto".into()), "Fan Mode: Auto (0x05)"),
        (0x000d, 0x0055, Value::Float(1.5), "Float: 1.5"),
    ];
    let frames = orders.each_ref().map(|(cluster, attribute, value, _)| {
        let mut rules = rules::of(Cluster(*cluster), Attribute(*attribute));
        let rule = rules.find(|rule| rule.access.can_write()).unwrap();
        let order = order(rule, value).unwrap();
        Air::zcl(order.cluster, order.encode(9))
    });

    tshark.expect(&frames, &orders.each_ref().map(|(.., words)| *words));
}
