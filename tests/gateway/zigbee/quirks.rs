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
fn a_data_point_is_set_and_its_report_confirms() {
    let scene = scene();

    scene.send("c-1", (THERMOSTAT, "setpoint"), &json!(22.5));
    scene.send("c-2", (THERMOSTAT, "on"), &json!(false));
    scene.send("c-3", (THERMOSTAT, "setpoint"), &json!(61.0));

    let outcome = scene.outcome("c-1");
    assert_eq!((&outcome["status"], &outcome["value"]), (&json!("done"), &json!(22.5)), "{outcome}");
    let outcome = scene.outcome("c-2");
    assert_eq!((&outcome["status"], &outcome["value"]), (&json!("done"), &json!(false)), "{outcome}");
    assert_eq!(scene.outcome("c-3")["status"], "refused");
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

    let scene = scene.killed_and_started();
    scene.wait_for_log("Zigbee network is at work");
    change(&scene, 24, Type::Value, 333);
    scene.wait_for_reading(THERMOSTAT, "temperature", &json!(33.3), &json!("Cel"));
    scene.send("c-9", (THERMOSTAT, "frost_protection"), &json!(true));
    assert_eq!(scene.outcome("c-9")["status"], "done");
}
