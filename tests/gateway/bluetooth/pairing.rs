//! Devices that want to be paired: with their passkey, once, and nobody else.

use serde_json::json;

use super::{OTHER, World, connections::wait_until, device, world_prepared};
use crate::harness::Site;

/// A device that wants to be paired.
const VAULT: &str = "C0:00:00:00:00:77";
/// What it keeps for those who are paired.
const SECRET: &str = "180f/2a19";

/// A site with that device, whose keys may name the files `right` and `wrong`.
fn world_with_vault(more: &str) -> Option<World> {
    let point = format!("[[device.point]]\nname = \"battery\"\ncharacteristic = \"{SECRET}\"\n");
    let vault = device("vault-1", VAULT, &format!("poll = \"1s\"\n{more}\n{point}"));
    let files = |site: &Site| {
        std::fs::write(site.path("right"), "012345\n").unwrap();
        std::fs::write(site.path("wrong"), "999999\n").unwrap();
    };
    world_prepared("", &[&vault], files)
}

impl World {
    /// Puts the device in reach, with its passkey.
    fn place_vault(&self, passkey: &str) {
        self.set_up_vault(passkey);
        self.show_vault();
    }

    /// Prepares the device, with its passkey.
    fn set_up_vault(&self, passkey: &str) {
        let services = json!({ "180f": { "2a19": { "flags": ["read", "encrypt-read"], "value": "57" } } });
        let order = json!({ "do": "peripheral", "mac": VAULT, "services": services, "passkey": passkey });
        assert_eq!(self.bluez.order(&order), json!(true));
    }

    /// Lets the device be heard.
    fn show_vault(&self) {
        self.bluez.advert(VAULT, &json!({ "manufacturer": { "0xffff": "01" } }));
    }

    /// How many agents there are.
    fn agents(&self) -> u64 {
        self.bluez.order(&json!({ "do": "look", "mac": VAULT, "at": SECRET }))["agents"].as_u64().unwrap()
    }
}

#[test]
fn a_device_is_paired_with_its_passkey_when_it_is_connected_to() {
    let Some(world) = world_with_vault("passkey = { file = \"right\" }") else { return };

    world.place_vault("012345");
    world.wait_value("vault-1/battery", 87.0);

    wait_until("the agent to be gone", || world.agents() == 0);
}

#[test]
fn a_wrong_passkey_is_told_and_reads_nothing() {
    let Some(world) = world_with_vault("passkey = { file = \"wrong\" }") else { return };

    world.place_vault("012345");

    world.wait("bad:not-authorized", "vault-1/battery", |reading| reading.quality == "bad:not-authorized");
    world.gateway.wait_for_log("is its passkey right");
}

#[test]
fn a_wrong_passkey_is_told_of_a_device_that_was_offline_before() {
    let Some(world) = world_with_vault("passkey = { file = \"wrong\" }") else { return };
    world.set_up_vault("012345");
    // As often as it is tried at once.
    assert_eq!(world.bluez.order(&json!({ "do": "abort", "mac": VAULT, "times": 4 })), json!(true));
    world.show_vault();
    world.gateway.wait_for_log("the connection was aborted");

    world.gateway.wait_for_log("is its passkey right");
}

#[test]
fn a_device_without_passkey_is_paired_where_that_is_wanted_and_again_when_it_forgot() {
    let Some(world) = world_with_vault("pair = true") else { return };
    world.place_vault("");
    world.wait_value("vault-1/battery", 87.0);

    for word in ["unpair", "drop"] {
        assert_eq!(world.bluez.order(&json!({ "do": word, "mac": VAULT })), json!(true));
    }
    let before = world.count("vault-1/battery");

    wait_until("another reading", || world.count("vault-1/battery") > before + 3);
}

#[test]
fn who_is_not_meant_to_be_paired_is_not() {
    let Some(world) = world_with_vault("") else { return };

    world.place_vault("");
    world.bluez.advert(OTHER, &json!({ "manufacturer": { "0xffff": "01" } }));

    world.wait("bad:not-authorized", "vault-1/battery", |reading| reading.quality == "bad:not-authorized");
    assert_eq!(world.agents(), 0);
}
