//! Commands for devices that sleep.

use serde_json::json;
use tidegate::testing::zigbee::{Device, Kind};

use super::{Coordinator, Scene, outcomes};

/// A network of a plug and so many valves, which are called `zb-…` and sleep from now on.
fn asleep(valves: u16, keys: &str) -> Scene {
    let kinds: Vec<_> = [Kind::Plug].into_iter().chain((0..valves).map(|_| Kind::Valve)).collect();
    let scene = Scene::with(Coordinator::start(&kinds), &format!("form = true\n{keys}"));
    scene.let_all_in();
    sleep(&scene, 2..valves + 2, true);
    scene
}

/// Devices fall asleep or wake up; who wakes says something.
fn sleep(scene: &Scene, numbers: impl Iterator<Item = u16>, is_asleep: bool) {
    for number in numbers {
        scene.coordinator.with(|stick| {
            stick.with_device(Coordinator::ieee(number), |device| {
                device.is_asleep = is_asleep;
                let heard = if is_asleep { Vec::new() } else { device.report_all() };
                ((), heard)
            });
        });
    }
}

/// The name of a valve.
fn valve(number: u16) -> String {
    format!("zb-00aabbccdd{number:06x}")
}

#[test]
fn a_command_for_a_sleeper_is_queued_and_then_done() {
    let scene = asleep(1, "");

    scene.send("c-1", (&valve(2), "setpoint"), &json!(21.5));
    scene.wait_until_queued("c-1");
    // It holds nobody else up, and its id is taken.
    scene.send("c-2", ("plug-1", "on"), &json!(false));
    assert_eq!(scene.outcome("c-2")["status"], "done");
    scene.send("c-1", (&valve(2), "setpoint"), &json!(21.5));
    let duplicate = scene.outcome("c-1");
    let first = duplicate.get("first");
    assert_eq!((&duplicate["status"], first), (&json!("duplicate"), Some(&json!(null))), "{duplicate}");
    sleep(&scene, 2..3, false);

    let all = scene.listener.wait_for("the command to be done", |messages| {
        let all = outcomes(messages, "c-1");
        (all.last()?["status"] == "done").then_some(all)
    });
    let statuses: Vec<_> = all.iter().map(|outcome| outcome["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["queued", "duplicate", "done"]);
    assert_eq!(all[2]["value"], 21.5);
    assert_eq!(scene.coordinator.number(2, 0x0201, 0x0012), Some(2150));
}

#[test]
fn a_command_that_no_device_woke_up_for_expires() {
    let scene = asleep(1, "[commands]\nexpires = \"3s\"");

    scene.send("c-1", (&valve(2), "setpoint"), &json!(21.5));

    scene.wait_until_queued("c-1");
    assert_eq!(scene.outcome("c-1")["status"], "expired");
    sleep(&scene, 2..3, false);
    scene.send("c-2", ("plug-1", "on"), &json!(false));
    assert_eq!(scene.outcome("c-2")["status"], "done");
    assert_eq!(scene.coordinator.number(2, 0x0201, 0x0012), Some(2000), "it was set after its time");
}

#[test]
fn a_command_for_a_sleeper_outlives_the_loss_of_the_coordinator() {
    let scene = asleep(1, "");
    scene.send("c-1", (&valve(2), "setpoint"), &json!(18));
    scene.wait_until_queued("c-1");
    let works = scene.gateway.count_in_log("Zigbee network is at work");

    scene.coordinator.with(|stick| stick.is_hanging_up = true);
    crate::harness::eventually("the network to be at work again", || {
        (scene.gateway.count_in_log("Zigbee network is at work") > works).then_some(())
    });
    sleep(&scene, 2..3, false);

    assert_eq!(scene.outcome("c-1")["status"], "done");
    assert_eq!(scene.coordinator.number(2, 0x0201, 0x0012), Some(1800));
}

#[test]
fn many_sleepers_with_commands_cost_others_nothing_and_each_has_a_bound() {
    let scene = asleep(8, "");
    for number in 2..10 {
        for nth in 0..10 {
            scene.send(&format!("c-{number}-{nth}"), (&valve(number), "setpoint"), &json!(15 + nth));
        }
    }
    for number in 2..10 {
        scene.wait_until_queued(&format!("c-{number}-9"));
    }
    // More than the desk keeps open at a time wait, and others pass.
    scene.send("c-plug", ("plug-1", "on"), &json!(false));
    assert_eq!(scene.outcome("c-plug")["status"], "done");
    for nth in 10..17 {
        scene.send(&format!("c-2-{nth}"), (&valve(2), "setpoint"), &json!(15 + nth));
    }
    let refused = scene.outcome("c-2-16");
    assert_eq!(refused["status"], "failed", "{refused}");
    assert!(refused["error"].as_str().unwrap().contains("too many commands wait"), "{refused}");

    sleep(&scene, 2..10, false);

    for number in 2..10 {
        assert_eq!(scene.outcome(&format!("c-{number}-9"))["status"], "done");
    }
    assert_eq!(scene.outcome("c-2-15")["status"], "done");
    // In the order in which they came.
    assert_eq!(scene.coordinator.number(2, 0x0201, 0x0012), Some(3000));
    assert_eq!(scene.coordinator.number(9, 0x0201, 0x0012), Some(2400));
}

#[test]
fn a_sleeper_that_checks_in_is_told_to_stay_awake_when_something_waits_for_it() {
    let scene = asleep(1, "");
    let check_in = || {
        scene.coordinator.with(|stick| {
            stick.devices[1].stays_awake = None;
            stick.with_device(Coordinator::ieee(2), Device::check_in);
        });
        crate::harness::eventually("an answer", || scene.coordinator.with(|stick| stick.devices[1].stays_awake))
    };
    assert!(!check_in(), "nothing waits");
    sleep(&scene, 2..3, true);
    scene.send("c-1", (&valve(2), "setpoint"), &json!(19));
    scene.wait_until_queued("c-1");

    assert!(check_in(), "a command waits");
    assert_eq!(scene.outcome("c-1")["status"], "done");
    assert_eq!(scene.coordinator.number(2, 0x0201, 0x0012), Some(1900));
}
