//! What goes wrong with sticks, and that it heals without a new network.

use serde_json::json;
use tidegate::{
    adapter::zigbee::{
        address::{Attribute, Cluster},
        zcl,
    },
    testing::zigbee::{Kind, Stick},
};

use super::{Coordinator, Scene};

/// The plug's power changes, in watts.
fn measure(scene: &Scene, watts: i64) {
    let value = zcl::Value::signed(zcl::Kind::Int16, watts * 10).unwrap();
    scene.coordinator.with(|stick| {
        stick.with_device(Coordinator::ieee(1), |device| device.set(Cluster(0x0b04), Attribute(0x050b), value));
    });
}

/// After a fault the same network is at work, nothing was asked of the device, and what it says arrives.
fn heals(fault: impl FnOnce(&mut Stick), mend: impl FnOnce(&mut Stick)) {
    let scene = Scene::start(Coordinator::start(&[Kind::Plug]));
    scene.let_all_in();
    let before =
        scene.coordinator.with(|stick| (stick.network(), stick.formed, stick.writes, stick.devices[0].asked));
    let works = scene.gateway.count_in_log("Zigbee network is at work");

    scene.coordinator.with(fault);
    scene.wait_for_log("Coordinator is away");
    scene.coordinator.with(mend);
    crate::harness::eventually("the network to be at work again", || {
        (scene.gateway.count_in_log("Zigbee network is at work") > works).then_some(())
    });

    measure(&scene, 42);
    scene.wait_for_reading("plug-1", "power", &json!(42.0), &json!("W"));
    let after = scene.coordinator.with(|stick| (stick.network(), stick.formed, stick.writes, stick.devices[0].asked));
    assert_eq!(after, before);
}

#[test]
fn a_stick_that_hangs_up_is_found_again() {
    heals(|stick| stick.is_hanging_up = true, |_| {});
}

#[test]
fn a_stick_that_restarts_by_itself_is_started_again() {
    heals(Stick::restart, |_| {});
}

#[test]
fn a_mute_stick_is_noticed_and_comes_back() {
    heals(|stick| stick.is_mute = true, |stick| stick.is_mute = false);
}

#[test]
fn garbage_and_single_bytes_cost_no_reading() {
    let coordinator = Coordinator::start(&[Kind::Plug]);
    coordinator.with(|stick| {
        stick.has_garbage = true;
        stick.is_chunked = true;
    });
    let scene = Scene::start(coordinator);
    scene.let_all_in();

    for watts in 1..=20 {
        measure(&scene, watts);
    }
    for watts in 1..=20 {
        scene.wait_for_reading("plug-1", "power", &json!(f64::from(watts)), &json!("W"));
    }
}

#[test]
fn a_gateway_that_is_killed_goes_on_with_network_and_devices() {
    let mut scene = Scene::start(Coordinator::start(&[Kind::Plug, Kind::Co2]));
    scene.let_all_in();

    scene = scene.killed_and_started();
    scene.wait_for_log("Zigbee network is at work");

    measure(&scene, 7);
    scene.wait_for_reading("plug-1", "power", &json!(7.0), &json!("W"));
    assert_eq!(scene.coordinator.with(|stick| stick.formed), 1);
}
