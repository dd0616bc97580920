//! Who is in reach, why nothing comes of them, and how they become devices.

use serde_json::{Value, json};

use super::{SEALED, world};
use crate::harness::eventually;

#[test]
fn everybody_in_reach_is_shown_explained_and_added() {
    let Some(world) = world("", &[]) else { return };
    let frame = json!({
        "do": "advert", "mac": SEALED, "service": { "fcd2": "41a47266c95f730011223378237214" }, "name": "P",
    });
    assert_eq!(world.bluez.order(&frame), json!(true));

    let (explained, is_known) = eventually("the device to be heard", || {
        let told = world.cli(&["ble", "explain", SEALED]);
        told.0.contains("not in the configuration").then_some(told)
    });
    assert!(is_known && explained.contains("not in the configuration") && explained.contains("a key is needed"));
    let key = world.site.path("sealed.key");
    let added = world.cli(&["ble", "add", SEALED, "--id", "sealed", "--key-file", key.to_str().unwrap()]);
    assert!(added.1, "{added:?}");
    assert!(world.cli(&["reload"]).1);
    // Again and again, because nobody listens while the adapter is started anew.
    eventually("a reading of the new device", || {
        world.bluez.order(&frame);
        (world.count("sealed/temperature") > 0).then_some(())
    });

    let (explained, _) = world.cli(&["ble", "explain", SEALED, "--json"]);
    let explained: Value = serde_json::from_str(&explained).unwrap();
    assert_eq!((&explained["device"], &explained["has_key"]), (&json!("sealed"), &json!(true)));
    assert_eq!(explained["readings"][0]["value"], 25.06);
}

#[test]
fn a_scan_from_the_command_line_shows_who_advertises() {
    let Some(world) = world("", &[]) else { return };

    let scanned = std::thread::scope(|scope| {
        let scan = scope.spawn(|| world.cli(&["ble", "scan", "--seconds", "5", "--json"]));
        // Longer than the scan, which may begin late.
        world.bluez.order(&json!({ "do": "flood", "devices": 1, "rate": 10, "count": 70 }));
        scan.join().unwrap()
    });

    let devices: Value = serde_json::from_str(&scanned.0).unwrap();
    let found = devices.as_array().unwrap().iter().find(|device| device["address"] == "C0:00:00:00:00:00").unwrap();
    assert_eq!(found["format"], "bthome_v2");
    assert!(found["heard"].as_u64().unwrap() > 1, "{devices}");
}
