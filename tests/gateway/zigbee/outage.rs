//! A coordinator that is away for long costs others nothing: polls of another adapter go on, and so does what they give.

use std::time::Instant;

use serde_json::json;
use tidegate::testing::zigbee::{Kind, Stick};

use super::{Coordinator, Scene, faults::measure};
use crate::harness::{Units, eventually, is_long};

/// Polls of the Modbus unit in a second.
const POLLS: u32 = 10;

/// A Zigbee network, and a Modbus unit that is polled all the while.
fn scene(units: &Units) -> Scene {
    let modbus = format!(
        "[[adapter]]\nname = \"line\"\nkind = \"modbus\"\nlink = \"tcp://127.0.0.1:{}\"\n\
         [[device]]\nid = \"unit-1\"\nadapter = \"line\"\naddress = {{ unit = 1 }}\n\
         [[device.point]]\nname = \"v0\"\nregister = \"holding:0\"\ntype = \"u32\"\npoll = \"100ms\"",
        units.port()
    );
    let scene = Scene::with(Coordinator::start(&[Kind::Plug]), &format!("form = true\n{modbus}"));
    scene.let_all_in();
    scene
}

/// Readings of the Modbus unit that arrived at the broker.
fn arrived(scene: &Scene) -> usize {
    let messages = scene.listener.messages();
    let data = messages.iter().filter(|message| message.topic.ends_with("/data"));
    let readings = data.flat_map(|message| message.json()["readings"].as_array().cloned().unwrap_or_default());
    readings.filter(|reading| reading["device"] == "unit-1" && !reading["value"].is_null()).count()
}

/// For so many polls of the unit something is wrong with the stick: every poll is made in its time and arrives at the
/// broker. Afterwards the same network is at work again, without a restart of the gateway.
fn costs_nothing(seconds: u32, fault: impl FnOnce(&mut Stick), mend: impl FnOnce(&mut Stick)) {
    let units = Units::start(1, 2);
    let scene = scene(&units);
    let works = scene.gateway.count_in_log("Zigbee network is at work");
    let (polls, readings, began) = (units.served()["1/0"], arrived(&scene), Instant::now());

    scene.coordinator.with(fault);
    for second in 1..=seconds {
        eventually("polls to go on", || (units.served()["1/0"] - polls >= second * POLLS).then_some(()));
    }
    let took = began.elapsed();
    let made = units.served()["1/0"] - polls;
    eventually("the readings to arrive", || {
        (arrived(&scene) - readings >= usize::try_from(made).unwrap()).then_some(())
    });
    // Twice the time is for a machine that is busy with other tests.
    assert!(took.as_secs() <= u64::from(seconds) * 2, "{made} polls took {took:?}");

    scene.wait_for_log("Coordinator is away");
    scene.coordinator.with(mend);
    eventually("the network to be at work again", || {
        (scene.gateway.count_in_log("Zigbee network is at work") > works).then_some(())
    });
    measure(&scene, 42);
    scene.wait_for_reading("plug-1", "power", &json!(42.0), &json!("W"));
    assert_eq!(scene.coordinator.with(|stick| stick.formed), 1);
}

#[test]
fn a_mute_stick_costs_modbus_and_uplink_nothing() {
    let seconds = if is_long() { 60 } else { 10 };
    costs_nothing(seconds, |stick| stick.is_mute = true, |stick| stick.is_mute = false);
}

#[test]
fn a_stick_that_is_away_costs_modbus_and_uplink_nothing() {
    let seconds = if is_long() { 300 } else { 5 };
    let hangs_up = |stick: &mut Stick| (stick.is_gone, stick.is_hanging_up) = (true, true);
    costs_nothing(seconds, hangs_up, |stick| stick.is_gone = false);
}
