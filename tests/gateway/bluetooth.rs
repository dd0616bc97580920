//! Bluetooth: what is advertised becomes readings at the broker, whatever radio and `bluetoothd` do.

mod connections;
mod pairing;
mod reach;

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::harness::{Arrived, Blocks, Bluez, Broker, Gateway, Listener, Site, is_long};

/// A `RuuviTag`, with the vector of docs.ruuvi.com.
const RUUVI: &str = "CB:B8:33:4C:88:4F";
/// Another device.
const OTHER: &str = "C0:00:00:00:00:99";
/// The device of the worked example on bthome.io/encryption.
const SEALED: &str = "54:48:E6:8F:80:A5";
/// Longest time until a radio that came back is used again.
const RECOVERY: Duration = Duration::from_secs(15);

/// Everything a test needs.
struct World {
    bluez: Bluez,
    listener: Listener,
    gateway: Gateway,
    site: Site,
    _broker: Broker,
}

/// The daemon with a Bluetooth adapter that has these keys and devices; `None` where the stand-in cannot run.
fn world(adapter: &str, devices: &[&str]) -> Option<World> {
    world_prepared(adapter, devices, |_| ())
}

/// The same with more files beside the configuration.
fn world_prepared(adapter: &str, devices: &[&str], prepare: impl Fn(&Site)) -> Option<World> {
    let bluez = Bluez::start()?;
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let site = Site::new(broker.port());
    fs::write(site.path("sealed.key"), "231d39c1d7cc1ab1aee224cd096db932\n").unwrap();
    prepare(&site);
    let site = site.with(&format!("[[adapter]]\nname = \"ble\"\nkind = \"ble\"\n{adapter}"));
    let site =
        devices.iter().fold(site, |site, device| site.with(&format!("[[device]]\nadapter = \"ble\"\n{device}")));
    let gateway = Gateway::start_in(&site, &bluez.environment());
    bluez.wait_for_scan();
    Some(World { bluez, listener, gateway, site, _broker: broker })
}

/// A device of the configuration.
fn device(id: &str, mac: &str, more: &str) -> String {
    format!("id = \"{id}\"\naddress = {{ mac = \"{mac}\" }}\n{more}")
}

/// A frame of the `RuuviTag` with this measurement number.
fn ruuvi(number: u16) -> Value {
    json!({ "manufacturer": { "0x0499": format!("0512FC5394C37C0004FFFC040CAC3642{number:04X}CBB8334C884F") } })
}

/// A BTHome frame with a temperature in hundredths of a degree.
fn bthome(hundredths: i16) -> Value {
    let [low, high] = hundredths.to_le_bytes();
    json!({ "service": { "fcd2": format!("4002{low:02x}{high:02x}") } })
}

impl World {
    /// The same with the daemon stopped and started again.
    fn restarted(self) -> Self {
        assert!(self.gateway.stop().success());
        self.bluez.tell("forget");
        self.bluez.tell("stop");
        let gateway = Gateway::start_in(&self.site, &self.bluez.environment());
        self.bluez.wait_for_scan();
        Self { gateway, ..self }
    }

    /// Waits for a reading of a point that has this.
    fn wait(&self, what: &str, point: &str, is_it: impl Fn(&Arrived) -> bool) -> Arrived {
        self.listener.wait_for(what, |messages| {
            let series = Blocks::received(messages).series();
            series.get(point)?.iter().find(|reading| is_it(reading)).cloned()
        })
    }

    /// Waits for a reading of a point with this value.
    fn wait_value(&self, point: &str, value: f64) -> Arrived {
        self.wait(&format!("{point} = {value}"), point, |reading| reading.value.as_f64() == Some(value))
    }

    /// What came of a point so far.
    fn count(&self, point: &str) -> usize {
        Blocks::received(&self.listener.messages()).series().get(point).map_or(0, Vec::len)
    }

    /// Runs a command of the command line to its end: what it printed, and whether it succeeded.
    fn cli(&self, args: &[&str]) -> (String, bool) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args(args).arg("--config").arg(self.site.path("tidegate.toml")).envs(self.bluez.environment());
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        (said, output.status.success())
    }

    /// The gateway's resident memory in kilobytes.
    fn memory(&self) -> u64 {
        let config = self.site.path("tidegate.toml").display().to_string();
        let is_ours = |process: &PathBuf| {
            let line = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
            line.contains("\0run\0") && line.contains(&config)
        };
        let mut processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
        let status = fs::read_to_string(processes.find(is_ours).unwrap().join("status")).unwrap();
        let figure = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        figure.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// What the gateway counts.
    fn metrics(&self) -> String {
        let mut socket = UnixStream::connect(self.site.path("api.sock")).unwrap();
        socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).unwrap();
        text
    }

    /// Waits for a device event.
    fn wait_event(&self, device: &str, what: &str) {
        let event =
            self.listener.wait_for_message("/event", |event| event["device"] == device && event["what"] == what);
        assert!(event["mac"].is_string(), "{event}");
    }
}

#[test]
fn the_first_advertisement_of_a_device_becomes_readings() {
    let Some(world) = world("signal = true", &[&device("cold-1", RUUVI, "")]) else { return };

    world.bluez.advert(OTHER, &bthome(1111));
    let mut advert = ruuvi(0x00CD);
    advert["rssi"] = json!(-71);
    world.bluez.advert(RUUVI, &advert);

    world.wait_value("cold-1/temperature", 24.3);
    world.wait_value("cold-1/pressure", 1000.44);
    world.wait_value("cold-1/rssi", -71.0);
    world.wait_event("cold-1", "online");
    assert!(!format!("{:?}", world.listener.messages()).contains("c00000000099"), "nobody configured it");
}

#[test]
fn later_advertisements_come_with_their_power_and_repeats_once() {
    let Some(world) = world("signal = true\nadapter = \"hci0\"", &[&device("cold-1", RUUVI, "")]) else { return };

    for (number, rssi) in [(1, -60), (2, -50), (2, -50), (2, -51), (3, -80)] {
        let mut advert = ruuvi(number);
        advert["rssi"] = json!(rssi);
        world.bluez.advert(RUUVI, &advert);
    }

    world.wait_value("cold-1/rssi", -80.0);
    let rssi: Vec<_> = Blocks::received(&world.listener.messages()).series()["cold-1/rssi"]
        .iter()
        .map(|reading| reading.value.as_i64().unwrap())
        .collect();
    assert_eq!(rssi, [-60, -50, -80]);
    assert_eq!(world.count("cold-1/temperature"), 3);
}

#[test]
fn an_encrypted_frame_is_read_with_its_key_and_never_twice() {
    let key = "key = { file = \"sealed.key\" }";
    let Some(world) = world("", &[&device("sealed", SEALED, key), &device("plain", OTHER, "")]) else { return };
    let frame = json!({ "service": { "fcd2": "41a47266c95f730011223378237214" } });

    world.bluez.advert(SEALED, &frame);
    world.wait_value("sealed/temperature", 25.06);
    world.wait_value("sealed/humidity", 50.55);
    let world = world.restarted();
    world.bluez.advert(SEALED, &frame);
    world.bluez.advert(OTHER, &bthome(200));

    world.wait_value("plain/temperature", 2.0);
    assert_eq!(world.count("sealed/temperature"), 1, "replayed after a restart");
}

#[test]
fn every_known_format_is_a_device_when_asked_for() {
    let Some(world) = world("accept = \"formats\"", &[]) else { return };

    world.bluez.advert(OTHER, &json!({ "manufacturer": { "0xffff": "0102" } }));
    world.bluez.advert(RUUVI, &ruuvi(1));
    // The name is what tells these from each other; it comes with the answer to the scan.
    world.bluez.advert(OTHER, &json!({ "manufacturer": { "0x0001": "010100" }, "name": "x" }));

    world.wait_value("ble-cbb8334c884f/temperature", 24.3);
    world.wait_event("ble-cbb8334c884f", "online");
    assert!(!format!("{:?}", world.listener.messages()).contains("c00000000099"), "it has no known format");
}

#[test]
fn silence_is_told_once_per_point_and_ends_with_the_next_word() {
    let Some(world) = world("", &[&device("cold-1", OTHER, "expect = \"500ms\"")]) else { return };
    world.bluez.advert(OTHER, &bthome(100));

    world.wait("bad:stale", "cold-1/temperature", |reading| reading.quality == "bad:stale");
    world.wait_event("cold-1", "offline");
    world.bluez.advert(OTHER, &bthome(200));

    world.wait_value("cold-1/temperature", 2.0);
    let stale = Blocks::received(&world.listener.messages()).series()["cold-1/temperature"]
        .iter()
        .filter(|reading| reading.quality == "bad:stale")
        .count();
    assert_eq!(stale, 1);
}

#[test]
fn a_radio_that_is_pulled_and_plugged_in_again_is_used_again() {
    let Some(world) = world("", &[&device("cold-1", OTHER, "")]) else { return };
    world.bluez.advert(OTHER, &bthome(100));
    world.wait_value("cold-1/temperature", 1.0);

    world.bluez.tell("lose");
    world.gateway.wait_for_log("Bluetooth is down");
    let back = Instant::now();
    world.bluez.tell("return");
    world.bluez.wait_for_scan();

    assert!(back.elapsed() < RECOVERY, "took {:?}", back.elapsed());
    world.bluez.advert(OTHER, &bthome(200));
    world.wait_value("cold-1/temperature", 2.0);
    world.gateway.wait_for_log("Bluetooth is back");
}

#[test]
fn a_radio_that_is_switched_off_and_on_is_used_again() {
    let Some(world) = world("", &[&device("cold-1", OTHER, "")]) else { return };
    world.bluez.advert(OTHER, &bthome(100));
    world.wait_value("cold-1/temperature", 1.0);

    world.bluez.tell("block");
    world.gateway.wait_for_log("hci0 is not powered");
    let (status, _) = world.cli(&["status"]);
    assert!(
        status.contains("adapter ble: its link is down: hci0 is not powered (help: bluetoothctl power on)"),
        "{status}"
    );
    let back = Instant::now();
    world.bluez.tell("unblock");
    world.bluez.wait_for_scan();

    assert!(back.elapsed() < RECOVERY, "took {:?}", back.elapsed());
    world.bluez.advert(OTHER, &bthome(200));
    world.wait_value("cold-1/temperature", 2.0);
}

#[test]
fn what_was_heard_before_a_scan_began_is_not_told_again() {
    let Some(world) = world("", &[&device("old", OTHER, ""), &device("new", RUUVI, "")]) else { return };
    world.bluez.advert(OTHER, &bthome(100));
    world.wait_value("old/temperature", 1.0);

    world.bluez.tell("stop");
    world.bluez.wait_for_scan();
    world.bluez.advert(RUUVI, &ruuvi(1));

    world.wait_value("new/temperature", 24.3);
    assert_eq!(world.count("old/temperature"), 1);
}

#[test]
fn bluetoothd_that_is_killed_and_started_again_is_found_again() {
    let Some(world) = world("", &[&device("cold-1", OTHER, "")]) else { return };
    world.bluez.advert(OTHER, &bthome(100));
    world.wait_value("cold-1/temperature", 1.0);

    world.bluez.tell("die");
    let back = Instant::now();
    world.bluez.tell("rise");
    world.bluez.wait_for_scan();

    assert!(back.elapsed() < RECOVERY, "took {:?}", back.elapsed());
    world.bluez.advert(OTHER, &bthome(200));
    world.wait_value("cold-1/temperature", 2.0);
}

#[test]
fn a_radio_that_hangs_is_switched_off_and_on_where_that_is_allowed() {
    let Some(world) = world("power_cycle = true\naccept = \"formats\"", &[]) else { return };
    // Often enough that a silence of ten seconds counts.
    world.bluez.order(&json!({ "do": "flood", "devices": 1, "rate": 50, "count": 50 }));
    world.wait_value("ble-c00000000000/count", 49.0);

    world.bluez.tell("mute");
    world.gateway.wait_for_log("The radio stays silent, switching it off and on");
    world.bluez.wait_for_scan();
    world.bluez.advert(OTHER, &bthome(200));

    world.wait_value("ble-c00000000099/temperature", 2.0);
}

#[test]
fn a_connection_that_hears_nothing_more_is_replaced_by_another() {
    let Some(world) = world("accept = \"formats\"", &[]) else { return };
    // Often enough that a silence of ten seconds counts.
    world.bluez.order(&json!({ "do": "flood", "devices": 1, "rate": 50, "count": 50 }));
    world.wait_value("ble-c00000000000/count", 49.0);

    world.bluez.tell("deafen");
    world.gateway.wait_for_log("The radio is silent, connecting to BlueZ anew");
    world.bluez.wait_for_scans(3);
    world.bluez.advert(OTHER, &bthome(200));

    world.wait_value("ble-c00000000099/temperature", 2.0);
    let metrics = world.metrics();
    for counted in ["rescans", "renewals"] {
        assert!(metrics.contains(&format!("adapter_{counted}_total{{adapter=\"ble\"}} 1")), "{counted}: {metrics}");
    }
}

#[test]
fn only_low_energy_is_scanned_for_and_every_advertisement_is_told() {
    let Some(world) = world("", &[]) else { return };

    let filter = &world.bluez.order(&json!({ "do": "scans" }))["filter"];

    assert_eq!(filter, &json!({ "Transport": "le", "DuplicateData": true }));
}

#[test]
fn two_hundred_advertisements_a_second_all_arrive() {
    const DEVICES: usize = 20;
    let count = if is_long() { 6000 } else { 2000 };
    let Some(world) = world("accept = \"formats\"", &[]) else { return };
    let each = count / DEVICES;

    let flood = json!({ "do": "flood", "devices": DEVICES, "rate": 200, "count": count });
    let (half, sent) = thread::scope(|scope| {
        let flood = scope.spawn(|| world.bluez.order(&flood));
        world.wait_value("ble-c00000000000/count", f64::from(u32::try_from(each / 2).unwrap()));
        (world.memory(), flood.join().unwrap())
    });

    assert_eq!(sent, json!({ "sent": count }));
    for device in 0..DEVICES {
        let point = format!("ble-c000000000{device:02x}/count");
        let last = f64::from(u32::try_from(each - 1).unwrap());
        world.wait_value(&point, last);
        let series = &Blocks::received(&world.listener.messages()).series()[&point];
        let values: Vec<_> = series.iter().map(|reading| reading.value.as_u64().unwrap()).collect();
        // From the first on: a device that is new has told something with it.
        assert_eq!(values, (0..each as u64).collect::<Vec<_>>(), "{point}");
    }
    // The second half needs no more than the first, but for what the allocator has not given back yet.
    let grown = world.memory().saturating_sub(half);
    assert!(grown < 2048, "memory grew from {half} kB by {grown} kB");
}
