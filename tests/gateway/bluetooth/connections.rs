//! Devices that are connected to: read, told by, written to, lost, and never more at once than may be.

use std::time::Instant;

use serde_json::{Value, json};

use super::{OTHER, World, bthome, device, world};
use crate::harness::{Blocks, eventually};

/// A device that can be connected to.
const LOCK: &str = "C0:00:00:00:00:42";
/// Its service.
const SERVICE: &str = "4f2a0001-1c6e-4a5e-9b8e-7d2f3a6c0d01";
/// What it is heated to, in tenths of a degree.
const SETPOINT: &str = "4f2a0001-1c6e-4a5e-9b8e-7d2f3a6c0d01/4f2a0002-1c6e-4a5e-9b8e-7d2f3a6c0d01";
/// Where it takes orders.
const ORDER: &str = "4f2a0001-1c6e-4a5e-9b8e-7d2f3a6c0d01/4f2a0003-1c6e-4a5e-9b8e-7d2f3a6c0d01";
/// Its battery, as the Bluetooth SIG has it.
const BATTERY: &str = "180f/2a19";

/// Waits until something is so.
pub(super) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    eventually(what, || is_so().then_some(()));
}

/// Its points: the battery by name alone, a setpoint that is read back, an order that is not confirmed.
fn points_of_lock() -> String {
    format!(
        "[[device.point]]\nname = \"battery\"\ncharacteristic = \"{BATTERY}\"\n\
         [[device.point]]\nname = \"setpoint\"\ncharacteristic = \"{SETPOINT}\"\ntype = \"u16\"\nscale = 0.1\n\
         unit = \"Cel\"\naccess = \"rw\"\nmax = 30.0\n\
         [[device.point]]\nname = \"order\"\ncharacteristic = \"{ORDER}\"\ntype = \"string\"\naccess = \"w\"\n\
         write = \"unconfirmed\"\n"
    )
}

/// A site with that device, and a grant for whoever calls locally.
fn world_with_lock(adapter: &str, more: &str) -> Option<World> {
    let lock = device("lock-1", LOCK, &format!("{more}\n{}", points_of_lock()));
    let grant = "[[grant]]\nfrom = \"api:local\"\ntargets = [\"lock-1/*\"]\n";
    world(&format!("{adapter}\n{grant}"), &[&lock])
}

impl World {
    /// Makes a device one that can be connected to, and lets it be heard.
    fn place(&self, mac: &str, battery_flags: &[&str]) {
        let (_, setpoint) = SETPOINT.split_once('/').unwrap();
        let (_, order) = ORDER.split_once('/').unwrap();
        let services = json!({
            "180f": { "2a19": { "flags": battery_flags, "value": "57" } },
            SERVICE: {
                setpoint: { "flags": ["read", "write"], "value": "d700" },
                order: { "flags": ["write-without-response"], "value": "" },
            },
        });
        let made = self.bluez.order(&json!({ "do": "peripheral", "mac": mac, "services": services }));
        assert_eq!(made, json!(true));
        self.bluez.advert(mac, &json!({ "services": ["180f"], "manufacturer": { "0xffff": "01" } }));
    }

    /// What is going on at a characteristic.
    fn look(&self, at: &str) -> Value {
        self.bluez.order(&json!({ "do": "look", "mac": LOCK, "at": at }))
    }

    /// Tells that a device does something to its next attempts.
    fn hinder(&self, how: &str, times: u32) {
        assert_eq!(self.bluez.order(&json!({ "do": how, "mac": LOCK, "times": times })), json!(true));
    }
}

#[test]
fn a_device_is_connected_to_read_and_let_go() {
    let Some(world) = world_with_lock("", "") else { return };

    world.place(LOCK, &["read"]);

    assert_eq!(world.wait_value("lock-1/battery", 87.0).value, json!(87));
    world.wait_value("lock-1/setpoint", 21.5);
    world.wait_event("lock-1", "online");
    wait_until("the connection to be over", || world.look(BATTERY)["connected"] == false);
    let (text, _) = world.cli(&["points", "lock-1/*"]);
    assert!(text.contains("lock-1/battery") && text.contains("87 %"), "{text}");
}

#[test]
fn a_command_is_written_and_read_back_and_limits_hold() {
    let Some(world) = world_with_lock("", "poll = \"1h\"") else { return };
    world.place(LOCK, &["read"]);
    world.wait_value("lock-1/setpoint", 21.5);

    let set = world.cli(&["write", "lock-1/setpoint", "18.5"]);
    let ordered = world.cli(&["write", "lock-1/order", "\"open\""]);
    let too_hot = world.cli(&["write", "lock-1/setpoint", "30.1"]);
    let no_order = world.cli(&["write", "lock-1/battery", "1"]);
    let asked = world.cli(&["read", "lock-1/setpoint"]);

    assert!(set.1 && ordered.1 && asked.1, "{set:?} {ordered:?} {asked:?}");
    assert!(!too_hot.1 && !no_order.1, "{too_hot:?} {no_order:?}");
    assert_eq!(world.look(SETPOINT)["writes"], json!([["b900", "request"]]));
    assert_eq!(world.look(ORDER)["writes"], json!([["6f70656e", "command"]]));
    assert!(asked.0.contains("18.5 Cel"), "{asked:?}");
    world.wait_value("lock-1/setpoint", 18.5);
}

#[test]
fn what_a_device_tells_by_itself_is_heard_until_it_is_lost_and_again_afterwards() {
    let notify = points_of_lock().replacen("2a19\"\n", "2a19\"\nnotify = true\n", 1);
    let Some(world) = world("", &[&device("lock-1", LOCK, &notify)]) else { return };
    let tell =
        |value: &str| world.bluez.order(&json!({ "do": "notify", "mac": LOCK, "at": BATTERY, "value": value }));
    world.place(LOCK, &["read", "notify"]);
    world.wait_value("lock-1/battery", 87.0);
    wait_until("notifications", || tell("56") == json!(true));
    world.wait_value("lock-1/battery", 86.0);

    assert_eq!(world.bluez.order(&json!({ "do": "drop", "mac": LOCK })), json!(true));
    world.wait("bad:device-offline", "lock-1/battery", |reading| reading.quality == "bad:device-offline");
    world.wait_event("lock-1", "offline");
    wait_until("notifications", || tell("55") == json!(true));

    world.wait_value("lock-1/battery", 85.0);
    let offline = Blocks::received(&world.listener.messages()).series()["lock-1/battery"]
        .iter()
        .filter(|reading| reading.quality == "bad:device-offline")
        .count();
    assert_eq!(offline, 1);
}

#[test]
fn what_one_device_tells_is_heard_when_another_is_lost() {
    let point = format!("[[device.point]]\nname = \"battery\"\ncharacteristic = \"{BATTERY}\"\nnotify = true\n");
    let devices = [("first", OTHER), ("second", LOCK)].map(|(id, mac)| device(id, mac, &point));
    let Some(world) = world("", &[&devices[0], &devices[1]]) else { return };
    let tell = |mac: &str, value: &str| {
        world.bluez.order(&json!({ "do": "notify", "mac": mac, "at": BATTERY, "value": value }))
    };
    for (id, mac) in [("first", OTHER), ("second", LOCK)] {
        world.place(mac, &["read", "notify"]);
        world.wait_value(&format!("{id}/battery"), 87.0);
        wait_until("notifications", || tell(mac, "56") == json!(true));
        world.wait_value(&format!("{id}/battery"), 86.0);
    }

    assert_eq!(world.bluez.order(&json!({ "do": "drop", "mac": OTHER })), json!(true));
    world.wait_event("first", "offline");
    wait_until("notifications", || tell(OTHER, "55") == json!(true));
    world.wait_value("first/battery", 85.0);

    assert_eq!(tell(LOCK, "54"), json!(true));
    world.wait_value("second/battery", 84.0);
}

#[test]
fn an_attempt_that_is_aborted_is_made_again_and_one_that_hangs_stops_no_scan() {
    let Some(world) = world_with_lock("signal = true\naccept = \"formats\"", "") else { return };
    let placed = Instant::now();
    let (_, setpoint) = SETPOINT.split_once('/').unwrap();
    let services = json!({
        "180f": { "2a19": { "flags": ["read"], "value": "57" } },
        SERVICE: { setpoint: { "flags": ["read", "write"], "value": "d700" } },
    });
    world.bluez.order(&json!({ "do": "peripheral", "mac": LOCK, "services": services }));
    world.hinder("abort", 2);
    world.bluez.advert(LOCK, &json!({ "manufacturer": { "0xffff": "01" } }));
    world.wait_value("lock-1/battery", 87.0);
    assert_eq!(world.look(BATTERY)["attempts"], 3, "{:?}", placed.elapsed());

    wait_until("the connection to be over", || world.look(BATTERY)["connected"] == false);
    world.hinder("hang", 1);
    let reader = std::thread::scope(|scope| {
        let asking = scope.spawn(|| world.cli(&["read", "lock-1/battery"]));
        wait_until("an attempt", || world.look(BATTERY)["attempts"] == 4);
        for hundredths in [100, 200, 300] {
            world.bluez.advert(OTHER, &bthome(hundredths));
        }
        world.wait_value("ble-c00000000099/temperature", 3.0);
        assert!(!asking.is_finished(), "others are heard only after it");
        asking.join().unwrap()
    });
    assert!(!reader.1, "{reader:?}");
}

#[test]
fn no_more_devices_are_connected_to_at_once_than_may_be() {
    let macs: Vec<String> = (0..5).map(|n| format!("C0:00:00:00:01:{n:02X}")).collect();
    let point = format!("[[device.point]]\nname = \"battery\"\ncharacteristic = \"{BATTERY}\"\n");
    let devices: Vec<String> = (0..5).map(|n| device(&format!("tag-{n}"), &macs[n], &point)).collect();
    let devices: Vec<&str> = devices.iter().map(String::as_str).collect();
    let Some(world) = world("connections = 2", &devices) else { return };

    for mac in &macs {
        world.place(mac, &["read"]);
    }

    for n in 0..5 {
        world.wait_value(&format!("tag-{n}/battery"), 87.0);
    }
    let look = world.bluez.order(&json!({ "do": "look", "mac": macs[0], "at": BATTERY }));
    assert!(look["most"].as_u64().unwrap() <= 2, "{look}");
    let metrics = world.metrics();
    assert!(!metrics.contains("device_waits_total{adapter=\"ble\"} 0"), "{metrics}");
    assert!(metrics.contains("device_connects_total{adapter=\"ble\"} 5"), "{metrics}");
}
