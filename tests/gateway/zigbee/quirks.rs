//! Devices that a profile knows more of than their clusters tell: Tuya's data points, from the radio to the broker and
//! back, with what the device asks meanwhile.

use serde_json::{Value, json};
use tidegate::{
    adapter::zigbee::tuya::{Record, Type},
    testing::zigbee::Kind,
};

use super::{Coordinator, Scene};
use crate::profiles::shipped;

/// The name that the thermostat has by its address.
const THERMOSTAT: &str = "zb-00aabbccdd000002";

/// A plug and a thermostat of Tuya, with the shipped profiles.
fn scene() -> Scene {
    let coordinator = Coordinator::start(&[Kind::Plug, Kind::Tuya]);
    let scene = Scene::with(coordinator, &format!("form = true\n[profiles]\ndirs = [\"{}\"]", shipped().display()));
    scene.let_all_in();
    scene
}

/// A data point of the thermostat changes.
fn change(scene: &Scene, dp: u8, kind: Type, number: i64) {
    let record = Record::of_number(dp, kind, number).unwrap();
    scene.coordinator.with(|stick| stick.with_device(Coordinator::ieee(2), |device| device.set_data_point(record)));
}

#[test]
fn data_points_are_readings_by_the_profile_that_fits() {
    let scene = scene();
    let devices: Value = serde_json::from_str(&scene.tidegate(&["zigbee", "devices", "--json"])).unwrap();
    let thermostat = devices.as_array().unwrap().iter().find(|device| device["device"] == THERMOSTAT).unwrap();
    assert_eq!(thermostat["profile"], "tuya/zwt07", "{thermostat}");

    change(&scene, 24, Type::Value, -15);
    change(&scene, 2, Type::Enum, 0);

    scene.wait_for_reading(THERMOSTAT, "temperature", &json!(-1.5), &json!("Cel"));
    scene.wait_for_reading(THERMOSTAT, "preset", &json!("program"), &Value::Null);
}

#[test]
fn a_device_is_asked_for_everything_when_it_joins_and_told_the_time_as_its_profile_counts_it() {
    let coordinator = Coordinator::start(&[Kind::Plug, Kind::Tuya]);
    let address = format!("address = {{ ieee = \"{}\" }}", Coordinator::ieee(2));
    let device = format!("[[device]]\nid = \"wall\"\nadapter = \"zb\"\n{address}\nclock = \"2000\"\nbind = [0xfc80]");
    let keys = format!("form = true\n{device}\n[profiles]\ndirs = [\"{}\"]", shipped().display());
    let scene = Scene::with(coordinator, &keys);
    scene.let_all_in();

    // The device reports nothing by itself here: what arrives was asked for.
    scene.wait_for_reading("wall", "temperature", &json!(19.8), &json!("Cel"));
    scene.coordinator.with(|stick| {
        stick.with_device(Coordinator::ieee(2), tidegate::testing::zigbee::Device::ask_time);
    });
    let told = crate::harness::eventually("the device to be told the time", || {
        scene.coordinator.with(|stick| stick.devices[1].told_time.clone())
    });

    let told = u32::from_be_bytes(told[2..6].try_into().unwrap());
    let since_1970 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let since_2000 = since_1970 - 946_684_800;
    assert!(since_2000.abs_diff(told.into()) < 120, "{told} is not {since_2000}");
}

#[test]
fn a_data_point_is_set_and_its_report_confirms() {
    let scene = scene();

    scene.send("c-1", (THERMOSTAT, "setpoint"), &json!(22.5));
    scene.send("c-2", (THERMOSTAT, "on"), &json!(false));
    scene.send("c-3", (THERMOSTAT, "setpoint"), &json!(61.0));

    let outcome = scene.outcome("c-1");
    assert_eq!((&outcome["status"], &outcome["value"]), (&json!("done"), &json!(22.5)), "{outcome}");
    let outcome = scene.outcome("c-2");
    assert_eq!((&outcome["status"], &outcome["value"]), (&json!("done"), &json!(false)), "{outcome}");
    // Beyond what the profile says is possible.
    assert_eq!(scene.outcome("c-3")["status"], "denied");
    let held = |dp| {
        let number = |device: &tidegate::testing::zigbee::Device| device.data_point(dp).and_then(Record::number);
        scene.coordinator.with(|stick| number(&stick.devices[1]))
    };
    assert_eq!((held(16), held(1)), (Some(225), Some(0)));
    scene.wait_for_reading(THERMOSTAT, "setpoint", &json!(22.5), &json!("Cel"));
}

#[test]
fn the_device_is_told_the_time_and_keeps_its_points_over_a_restart() {
    let scene = scene();
    scene.coordinator.with(|stick| {
        stick.with_device(Coordinator::ieee(2), tidegate::testing::zigbee::Device::ask_time);
    });
    crate::harness::eventually("the device to be told the time", || {
        scene.coordinator.with(|stick| stick.devices[1].told_time.clone()).map(|told| assert_eq!(told.len(), 10))
    });

    let scene = scene.stopped_and_started();
    scene.let_all_in();
    change(&scene, 24, Type::Value, 333);
    scene.wait_for_reading(THERMOSTAT, "temperature", &json!(33.3), &json!("Cel"));
    scene.send("c-9", (THERMOSTAT, "frost_protection"), &json!(true));
    assert_eq!(scene.outcome("c-9")["status"], "done");
}

#[test]
fn an_attribute_that_a_device_lists_is_read_and_set() {
    let point = "name = \"factor\"\ncluster = 0x0b04\nattribute = 0x0605\ntype = \"uint16\"\naccess = \"rw\"";
    let address = format!("address = {{ ieee = \"{}\" }}", Coordinator::ieee(2));
    let device = format!("[[device]]\nid = \"meter\"\nadapter = \"zb\"\n{address}\n[[device.point]]\n{point}");
    let coordinator = Coordinator::start(&[Kind::Plug, Kind::Plug]);
    let scene = Scene::with(coordinator, &format!("form = true\n{device}"));
    scene.let_all_in();
    scene.wait_for_reading("meter", "factor", &json!(10), &Value::Null);
    scene.wait_for_reading("meter", "on", &json!(true), &Value::Null);

    scene.send("c-1", ("meter", "factor"), &json!(20));

    let outcome = scene.outcome("c-1");
    assert_eq!((&outcome["status"], &outcome["value"]), (&json!("done"), &json!(20)), "{outcome}");
    assert_eq!(scene.coordinator.number(2, 0x0b04, 0x0605), Some(20));
}
