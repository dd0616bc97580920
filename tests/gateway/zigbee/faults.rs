//! What goes wrong with sticks, and that it heals without a new network.

use serde_json::json;
use tidegate::{
    adapter::zigbee::{
        address::{Attribute, Cluster, Nwk},
        zcl,
    },
    testing::zigbee::{Kind, Stick},
};

use super::{Coordinator, Scene};
use crate::harness::Cable;

/// The plug's power changes, in watts.
pub(super) fn measure(scene: &Scene, watts: i64) {
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

#[test]
fn an_answer_that_is_lost_costs_a_restart_of_the_stick_and_no_more() {
    let scene = Scene::start(Coordinator::start(&[Kind::Plug]));
    scene.let_all_in();
    let works = scene.gateway.count_in_log("Zigbee network is at work");

    // The next thing the stick is asked is to send a command.
    scene.coordinator.with(|stick| stick.drop_answers = 1);
    scene.send("c-1", ("plug-1", "on"), &json!(false));
    scene.outcome("c-1");
    crate::harness::eventually("the network to be at work again", || {
        (scene.gateway.count_in_log("Zigbee network is at work") > works).then_some(())
    });

    scene.send("c-2", ("plug-1", "on"), &json!(true));
    assert_eq!(scene.outcome("c-2")["status"], "done");
    assert_eq!(scene.coordinator.with(|stick| stick.formed), 1);
}

#[test]
fn an_interview_goes_on_where_it_was_when_the_gateway_was_killed() {
    let coordinator = Coordinator::start(&[Kind::Plug]);
    let plug = Coordinator::ieee(1);
    coordinator.with(|stick| stick.devices[0].sleeps_after = Some(5));
    let mut scene = Scene::start(coordinator);
    scene.wait_for_log("Zigbee network is at work");
    scene.tidegate(&["zigbee", "permit-join", "60"]);
    let memory = scene.site.path("adapters/zb.json");
    crate::harness::eventually("the first steps to be written down", || {
        let text = std::fs::read_to_string(&memory).unwrap_or_default();
        text.contains(r#""Basic":1"#).then_some(())
    });

    scene = scene.killed_and_started();
    scene.wait_for_log("Zigbee network is at work");
    scene.coordinator.with(|stick| {
        stick.devices[0].sleeps_after = None;
        stick.with_device(plug, |device| {
            device.is_asleep = false;
            ((), Vec::new())
        });
        stick.rejoin(plug, Nwk(0x1001));
    });

    scene.wait_for_event(&json!({"device": "plug-1", "what": "interviewed", "model": "plug"}));
    let asked = scene.coordinator.with(|stick| stick.devices[0].heard_zdo.clone());
    // Node, endpoints and what they do were asked once, before.
    let times = |cluster: u16| asked.iter().filter(|of| of.0 == cluster).count();
    assert_eq!([0x0002, 0x0005, 0x0004].map(times), [1, 1, 1], "{asked:?}");
}

#[test]
fn a_stick_on_a_serial_port_works_and_is_found_again_when_it_is_plugged_in_again() {
    let coordinator = Coordinator::start(&[Kind::Plug]);
    let folder = tempfile::tempdir().unwrap();
    let port = folder.path().join("stick");
    let cable = Cable::to_server(&port, coordinator.port());
    let link = format!("serial://{}?baud=115200", port.display());
    let scene = Scene::on(coordinator, &link, "form = true");
    scene.let_all_in();
    measure(&scene, 5);
    scene.wait_for_reading("plug-1", "power", &json!(5.0), &json!("W"));
    let works = scene.gateway.count_in_log("Zigbee network is at work");

    drop(cable);
    scene.wait_for_log("Coordinator is away");
    let _cable = Cable::to_server(&port, scene.coordinator.port());
    crate::harness::eventually("the network to be at work again", || {
        (scene.gateway.count_in_log("Zigbee network is at work") > works).then_some(())
    });

    measure(&scene, 6);
    scene.wait_for_reading("plug-1", "power", &json!(6.0), &json!("W"));
    assert_eq!(scene.coordinator.with(|stick| stick.formed), 1);
}
