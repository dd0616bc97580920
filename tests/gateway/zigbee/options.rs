//! What keys of the adapter change: who may join, and what is told besides points.

use serde_json::{Value, json};
use tidegate::{adapter::zigbee::address::Cluster, testing::zigbee::Kind};

use super::{Coordinator, Scene};

#[test]
fn who_is_not_listed_is_sent_away() {
    let coordinator = Coordinator::start(&[Kind::Plug, Kind::Bulb]);
    let scene = Scene::with(coordinator, "form = true\naccept = \"listed\"");
    scene.wait_for_log("Zigbee network is at work");
    scene.tidegate(&["zigbee", "permit-join", "60"]);

    scene.wait_for_log("A device that is not listed joined, and is sent away");
    scene.wait_for_event(&json!({"device": "plug-1", "what": "interviewed"}));
    crate::harness::eventually("the bulb to leave", || {
        scene.coordinator.with(|stick| (!stick.devices[1].is_joined).then_some(()))
    });
    let devices: Value = serde_json::from_str(&scene.tidegate(&["zigbee", "devices", "--json"])).unwrap();
    assert_eq!(devices.as_array().unwrap().len(), 1, "{devices}");
}

#[test]
fn reception_is_a_point_and_what_is_not_understood_an_event() {
    let coordinator = Coordinator::start(&[Kind::Plug, Kind::Button]);
    let scene = Scene::with(coordinator, "form = true\nsignal = true\nraw = true");
    scene.let_all_in();
    scene.wait_for_reading("plug-1", "lqi", &json!(120), &Value::Null);

    // A command that no standard knows.
    scene.coordinator.with(|stick| {
        stick.with_device(Coordinator::ieee(2), |device| device.press(Cluster(6), 0x77));
    });

    let raw = json!({
        "type": "raw", "device": "zb-00aabbccdd000002", "endpoint": 1, "cluster": "0x0006", "command": "0x77",
    });
    scene.wait_for_event(&raw);
}
