//! New firmware over the air, from files in a folder.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate::{
    adapter::zigbee::{
        address::Manufacturer,
        ota::image::{Model, make},
        zcl::Status,
    },
    testing::zigbee::{Device, Firmware, Kind},
};

use super::{Coordinator, Scene};

/// What the plug is.
const PLUG: Model = Model { manufacturer: Manufacturer(0x1234), image_type: 0x0101 };

/// A network of a plug and a bulb, and a folder with these images.
fn scene(images: &[(&str, Vec<u8>)], change: impl FnOnce(&mut Firmware)) -> (Scene, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in images {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let coordinator = Coordinator::start(&[Kind::Plug, Kind::Bulb]);
    coordinator.with(|stick| change(stick.devices[0].firmware.as_mut().unwrap()));
    let keys = format!("form = true\nfirmware = \"{}\"\nfirmware_rate = 200", folder.path().display());
    let scene = Scene::with(coordinator, &keys);
    scene.let_all_in();
    (scene, folder)
}

/// The update of the plug as it is listed.
fn update(scene: &Scene) -> Value {
    let listed: Value = serde_json::from_str(&scene.tidegate(&["zigbee", "ota", "list", "--json"])).unwrap();
    listed["updates"][0].clone()
}

/// Waits until the update of the plug has ended.
fn ended(scene: &Scene) -> Value {
    crate::harness::eventually("the update to end", || {
        let update = update(scene);
        (update["state"] != "waiting" && update["state"] != "loading").then_some(update)
    })
}

/// What the gateway counts.
fn metrics(scene: &Scene) -> String {
    let mut socket = UnixStream::connect(scene.site.path("api.sock")).unwrap();
    socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    text
}

/// What the plug has.
fn firmware(scene: &Scene) -> Firmware {
    scene.coordinator.with(|stick| stick.devices[0].firmware.clone().unwrap())
}

#[test]
fn a_device_loads_the_newest_image_of_its_kind_and_uses_it() {
    let newest = make(PLUG, 3, &[0x5a; 3000]);
    let other = Model { image_type: 0x0102, ..PLUG };
    let images =
        [("a.ota", make(PLUG, 2, &[1; 100])), ("b.ota", newest.clone()), ("c.ota", make(other, 9, &[1; 100]))];
    let (scene, _folder) = scene(&images, |own| own.asks_pages = true);

    // Nobody is given anything unasked.
    scene.coordinator.with(|stick| stick.with_device(Coordinator::ieee(1), Device::ask_for_firmware));
    crate::harness::eventually("the plug to be refused", || firmware(&scene).refused);
    assert_eq!(firmware(&scene).refused, Some(Status(0x98)));
    let told = scene.tidegate(&["zigbee", "ota", "update", "plug-1"]);
    assert!(told.contains("ota list"), "{told}");

    let update = ended(&scene);
    let shown = ["state", "percent", "from", "to", "size"].map(|key| update[key].clone());
    let wanted = [json!("done"), json!(100), json!("0x00000001"), json!("0x00000003"), json!(newest.len())];
    assert_eq!(shown, wanted, "{update}");
    crate::harness::eventually("the plug to use it", || (firmware(&scene).version == 3).then_some(()));
    assert!(firmware(&scene).loaded == newest, "what was loaded is another image");
    scene.wait_for_event(&json!({"what": "zigbee-update", "text": "plug-1: update to 0x00000003 is done"}));
    let listed = scene.tidegate(&["zigbee", "ota", "list"]);
    assert!(listed.contains("b.ota") && listed.contains("done"), "{listed}");

    // It has the newest now.
    scene.tidegate(&["zigbee", "ota", "update", "plug-1"]);
    let again = ended(&scene);
    assert_eq!(again["state"], "failed");
    assert!(again["error"].as_str().unwrap().contains("b.ota: version 0x00000003 is not newer"), "{again}");
    // Force gives it the same again.
    scene.tidegate(&["zigbee", "ota", "update", "plug-1", "--force"]);
    assert_eq!(ended(&scene)["state"], "done");
}

#[test]
fn broken_and_foreign_images_are_refused_with_their_reasons() {
    let foreign = Model { manufacturer: Manufacturer(0x4321), ..PLUG };
    let mut lying = make(PLUG, 5, &[1; 100]);
    lying[52] += 1;
    let images = [
        ("cut.ota", make(PLUG, 5, &[1; 100])[..80].to_vec()),
        ("foreign.ota", make(foreign, 5, &[1; 100])),
        ("lying.ota", lying),
        ("text.ota", b"a text".to_vec()),
    ];
    let (scene, _folder) = scene(&images, |_| {});

    scene.tidegate(&["zigbee", "ota", "update", "plug-1", "--force"]);

    let update = ended(&scene);
    assert_eq!(update["state"], "failed");
    let why = update["error"].as_str().unwrap();
    for reason in [
        "cut.ota: the header announces 162 bytes, the file has 80",
        "foreign.ota: is for manufacturer 0x4321, not 0x1234",
        "lying.ota: the header announces 163 bytes, the file has 162",
        "text.ota: no image",
    ] {
        assert!(why.contains(reason), "{why}");
    }
    assert_eq!(firmware(&scene).loaded.len(), 0);
    let listed = scene.tidegate(&["zigbee", "ota", "list"]);
    assert!(listed.contains("the file has 80"), "{listed}");
    scene.fails(&["zigbee", "ota", "update", "zb-00aabbccdd000002"], "does not say that it takes firmware");
}

#[test]
fn a_device_that_ends_early_is_no_success_and_the_loss_of_the_coordinator_no_end() {
    let image = make(PLUG, 2, &[1; 6000]);
    let (scene, _folder) = scene(&[("a.ota", image.clone())], |own| own.is_hasty = true);
    scene.tidegate(&["zigbee", "ota", "update", "plug-1"]);
    let update = ended(&scene);
    assert_eq!(update["state"], "failed", "{update}");
    assert!(update["error"].as_str().unwrap().contains("after 50 of 6062 bytes"), "{update}");

    scene.coordinator.with(|stick| stick.devices[0].firmware = Some(Firmware::default()));
    scene.tidegate(&["zigbee", "ota", "update", "plug-1"]);
    crate::harness::eventually("the first parts", || (firmware(&scene).loaded.len() > 100).then_some(()));
    let works = scene.gateway.count_in_log("Zigbee network is at work");
    scene.coordinator.with(|stick| stick.is_hanging_up = true);
    crate::harness::eventually("the network to be at work again", || {
        (scene.gateway.count_in_log("Zigbee network is at work") > works).then_some(())
    });
    // It asks anew for what it did not get.
    scene.coordinator.with(|stick| stick.with_device(Coordinator::ieee(1), Device::ask_for_firmware));

    assert_eq!(ended(&scene)["state"], "done");
    assert!(firmware(&scene).loaded == image, "what was loaded is another image");
}

#[test]
fn a_device_goes_on_loading_after_the_gateway_was_started_again() {
    let image = make(PLUG, 2, &[1; 6000]);
    let (scene, _folder) = scene(&[("a.ota", image.clone())], |_| {});
    scene.tidegate(&["zigbee", "ota", "update", "plug-1"]);
    crate::harness::eventually("the first parts", || (firmware(&scene).loaded.len() > 100).then_some(()));

    let scene = scene.stopped_and_started();
    scene.wait_for_log("Zigbee network is at work");
    assert_eq!(update(&scene)["state"], "waiting");
    let loaded = firmware(&scene).loaded.len();
    assert!(loaded < image.len(), "the device had all of it before the gateway was stopped");
    scene.coordinator.with(|stick| stick.with_device(Coordinator::ieee(1), Device::ask_for_part));

    let update = ended(&scene);
    assert_eq!((&update["state"], &update["percent"]), (&json!("done"), &json!(100)), "{update}");
    assert!(firmware(&scene).loaded == image, "what was loaded is another image");
}

#[test]
fn an_order_outlives_a_gateway_that_is_killed_at_once() {
    let (scene, _folder) = scene(&[("a.ota", make(PLUG, 2, &vec![1; 60_000]))], |_| {});
    scene.tidegate(&["zigbee", "ota", "update", "plug-1"]);

    let scene = scene.killed_and_started();
    scene.wait_for_log("Zigbee network is at work");
    assert_eq!(update(&scene)["device"], "plug-1");

    scene.tidegate(&["zigbee", "ota", "cancel", "plug-1"]);
    let scene = scene.killed_and_started();
    scene.wait_for_log("Zigbee network is at work");
    assert_eq!(update(&scene), Value::Null);
}

#[test]
fn an_update_is_cancelled_and_the_device_told_to_stop() {
    let (scene, _folder) = scene(&[("a.ota", make(PLUG, 2, &vec![1; 60_000]))], |_| {});
    scene.fails(&["zigbee", "ota", "cancel", "plug-1"], "no update of plug-1 is under way");
    scene.tidegate(&["zigbee", "ota", "update", "plug-1"]);
    crate::harness::eventually("the first parts", || (firmware(&scene).loaded.len() > 100).then_some(()));
    assert!(metrics(&scene).contains("tidegate_adapter_update_percent{adapter=\"zb\",device=\"plug-1\"}"));

    scene.tidegate(&["zigbee", "ota", "cancel", "plug-1"]);

    let update = ended(&scene);
    assert_eq!((&update["state"], &update["error"]), (&json!("failed"), &json!("it was cancelled")), "{update}");
    crate::harness::eventually("the plug to be refused", || firmware(&scene).refused);
    assert_eq!(firmware(&scene).refused, Some(Status(0x95)));
    assert!(!metrics(&scene).contains("tidegate_adapter_update_percent{"));
}
