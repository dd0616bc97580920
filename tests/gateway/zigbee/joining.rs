//! Devices that join with a key of their own, from the install code on their label.

use serde_json::json;
use tidegate::{adapter::zigbee::network::Key, testing::zigbee::Kind};

use super::{Coordinator, Scene};

/// The example of the specification (base device behaviour 3.0, 10.1), and the key it makes.
const CODE: &str = "83FED3407A939723A5C639B26916D505C3B5";
const KEY: &str = "66b6900981e1ee3ca4206b6b861c02bb";

#[test]
fn a_device_joins_with_its_install_code_and_the_code_is_told_nowhere() {
    let coordinator = Coordinator::start(&[Kind::Plug]);
    coordinator.with(|stick| stick.devices[0].join_key = Some(KEY.parse::<Key>().unwrap()));
    let scene = Scene::start(coordinator);
    scene.wait_for_log("Zigbee network is at work");
    scene.tidegate(&["zigbee", "permit-join", "60"]);
    assert!(!scene.coordinator.with(|stick| stick.devices[0].is_joined), "it has no key that the coordinator knows");

    let joiner = |code: &str| format!("{}:{code}", Coordinator::ieee(1));
    let wrong = joiner(&CODE.replace("83FE", "83FF"));
    let told = scene.fails(&["zigbee", "permit-join", "60", "--install-code", &wrong], "check sum");
    assert!(!told.contains("83FF"), "{told}");
    scene.fails(&["zigbee", "permit-join", "60", "--install-code", "83FED3"], "IEEE:CODE");
    scene.tidegate(&["zigbee", "permit-join", "60", "--install-code", &joiner(CODE)]);

    scene.wait_for_event(&json!({"device": "plug-1", "what": "interviewed"}));
    scene.wait_for_event(
        &json!({"type": "audit", "what": "adapter zb: let devices in for 60 s, one with its install code"}),
    );
    let log = scene.gateway.log().to_lowercase();
    assert!(!log.contains(&CODE.to_lowercase()) && !log.contains(KEY), "the code is in the log");
}
