use std::fs;

use super::super::{
    Ble,
    config::{Accept, Bond},
};
use crate::{
    adapter::{Adapter as _, registry},
    config::{Pressure, Secret},
    profile::Library,
};

/// An adapter with a device, for more keys of the device.
const DEVICE: &str = "[[adapter]]\nname = 'b'\nkind = 'ble'\n[[device]]\nid = 'd'\nadapter = 'b'\n";

/// What is reported for a file that lies beside `good.key` and `bad.key`, without the folder.
fn report(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good.key"), "231d39c1d7cc1ab1aee224cd096db932\n").unwrap();
    fs::write(folder.path().join("bad.key"), "231d39\n").unwrap();
    let path = folder.path().join("tidegate.toml");
    fs::write(&path, text).unwrap();
    let problems = match registry::load(&path) {
        Ok((.., warnings)) => warnings,
        Err(report) => report.problems,
    };
    let prefix = format!("{}/", folder.path().display());
    problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect()
}

/// The adapter of a file that has no faults.
fn plan(text: &str) -> super::Config {
    let mut draft = crate::config::read_text("/etc/tidegate/tidegate.toml".as_ref(), text);
    let adapter = draft.adapters.remove(0);
    let config = super::plan(adapter, &mut Library::new(Vec::new()), &mut draft).unwrap();
    draft.finish().unwrap();
    config
}

#[test]
fn what_is_not_said_is_as_the_reference_says() {
    let config = plan("[[adapter]]\nname = 'b'\nkind = 'ble'\n");

    assert_eq!((config.radio, config.accept, config.pressure), (None, Accept::Configured, Pressure::Shed));
    assert!(!config.signal && !config.raw && config.devices.is_empty());
}

#[test]
fn a_device_has_what_it_was_given() {
    let config = plan(&format!(
        "{DEVICE}address = {{ mac = 'cb-b8-33-4c-88-4f' }}\nexpect = '60s'\nmodel = 'sps'\n\
         [[device.point]]\nname = 'temperature'\n[[device.point]]\nname = 'temperature_2'\n"
    ));

    let device = &config.devices[0];
    assert_eq!(device.address.to_string(), "CB:B8:33:4C:88:4F");
    assert_eq!((device.expect.unwrap().as_secs(), device.model.as_deref()), (60, Some("sps")));
    let units: Vec<_> = device.points.iter().map(|point| point.unit.as_deref()).collect();
    assert_eq!(units, [Some("Cel"), Some("Cel")]);
    assert_eq!(Ble::new(config).devices()[0].points.len(), 2);
}

#[test]
fn a_point_behind_a_connection_knows_what_the_bluetooth_sig_says() {
    let config = plan(&format!(
        "{DEVICE}address = {{ mac = 'CB:B8:33:4C:88:4F' }}\npoll = '1h'\n\
         [[device.point]]\nname = 'battery'\ncharacteristic = '180f/2a19'\n\
         [[device.point]]\nname = 't'\ncharacteristic = '181a/2A6E'\npoll = '5m'\n\
         [[device.point]]\nname = 'raw'\ncharacteristic = '0000181a-0000-1000-8000-00805f9b34fb/2a6e'\ntype = 'u16'\n\
         [[device.point]]\nname = 'humidity'\n"
    ));

    let device = &config.devices[0];
    let told = |point: &crate::adapter::ble::config::GattPoint| {
        let unit = point.point.unit.as_deref().unwrap_or_default();
        format!("{} {} {unit} {:?} {:?}", point.at, point.point.kind.as_str(), point.layout.invalid, point.poll)
    };
    let points: Vec<_> = device.behind.iter().map(told).collect();
    assert_eq!(points, ["180f/2a19 int % [] 3600s", "181a/2a6e float Cel [-32768] 300s", "181a/2a6e int  [] 3600s"]);
    assert_eq!((device.points.len(), device.stays_connected(), config.connections), (1, false, 3));
    assert_eq!(Ble::new(config).devices()[0].points.len(), 4);
}

#[test]
fn a_device_is_paired_as_its_keys_say() {
    let device = format!("{DEVICE}address = {{ mac = 'CB:B8:33:4C:88:4F' }}\n");
    let point = "[[device.point]]\nname = 'battery'\ncharacteristic = '180f/2a19'\n";
    let bond = |keys: &str| plan(&format!("{device}{keys}\n{point}")).devices[0].bond.clone();

    assert_eq!(bond(""), None);
    assert_eq!(bond("pair = true"), Some(Bond::Open));
    let kept = "passkey = { credential = 'd-passkey' }";
    assert_eq!(bond(kept), Some(Bond::Passkey(Secret::Credential("d-passkey".into()))));
    assert_eq!(bond(&format!("pair = true\n{kept}")), bond(kept));
    let wrong = report(&format!("{device}passkey = {{ file = 'bad.key' }}\n{point}"));
    assert!(wrong[0].contains("no six digits (help: write the six digits"), "{wrong:?}");
    let apart = report(&format!("{device}pair = true\n"));
    assert!(apart[0].contains("never connected to"), "{apart:?}");
}

#[test]
fn mistakes_about_points_behind_a_connection_are_told() {
    let mac = "address = { mac = 'CB:B8:33:4C:88:4F' }";
    let point = |text: &str| report(&format!("{DEVICE}{mac}\n[[device.point]]\nname = 'p'\n{text}\n")).join("\n");

    assert!(point("characteristic = '180f'").contains("is no characteristic (help: write service/characteristic"));
    assert!(point("characteristic = '180f/2aff'").contains("the type of this characteristic is not known"));
    assert!(point("characteristic = '180f/2a19'\ntype = 'u17'").contains("did you mean \"u16\"?"));
    assert!(point("characteristic = '180f/2a19'\naccess = 'rw'\nat = 1").contains("a part of a characteristic"));
    assert!(point("characteristic = '180f/2a19'\naccess = 'w'\nnotify = true").contains("does not notify"));
    assert!(point("characteristic = '180f/2a19'\nscale = 0.0").contains("a scale of 0"));
    assert!(point("characteristic = '180f/2a19'\nmin = 2.0\nmax = 1.0").contains("is above max"));
    assert!(point("notify = true").contains("only a point with a characteristic has this"));
    assert_eq!(point("characteristic = '180f/2a19'\nnotify = true"), "");
}

#[test]
fn those_who_stay_connected_need_connections() {
    let device = |n: u8| {
        format!(
            "[[device]]\nid = 'd{n}'\nadapter = 'b'\naddress = {{ mac = 'C0:00:00:00:00:0{n}' }}\nstay = true\n\
             [[device.point]]\nname = 'p'\ncharacteristic = '180f/2a19'\n"
        )
    };
    let site = |connections: u8| {
        let adapter = format!("[[adapter]]\nname = 'b'\nkind = 'ble'\nconnections = {connections}\n");
        report(&format!("{adapter}{}{}", device(1), device(2)))
    };

    assert_eq!(site(2), [""; 0]);
    assert!(site(1)[0].contains("1 connections are too few: 2 devices stay connected"), "{:?}", site(1));
    assert!(site(17)[0].contains("17 is outside 1 to 16"), "{:?}", site(17));
}

#[test]
fn mistakes_are_told_with_their_place_and_the_fix() {
    let has = |text: &str, wanted: &str| assert_eq!(report(&format!("{DEVICE}{text}\n")), [wanted], "{text}");
    let mac = "address = { mac = 'CB:B8:33:4C:88:4F' }\n";

    has(
        "address = { mac = 'CB:B8:33:4C:88' }",
        "tidegate.toml:7:19: error: \"CB:B8:33:4C:88\" is no Bluetooth address (help: write six bytes in hex: \
         \"CB:B8:33:4C:88:4F\")",
    );
    has(
        &format!("{mac}key = {{ file = 'bad.key' }}"),
        "tidegate.toml:8:7: error: file bad.key: the key has 6 hex digits, formats have 32, or 24 for MiBeacon 2 and 3 \
         (help: write the key as the device's application shows it: 32 hex digits)",
    );
    has(
        &format!("{mac}key = '231d39c1d7cc1ab1aee224cd096db932'"),
        "tidegate.toml:8:7: error: a secret in plain text (help: give its place: { credential = \"…\" }, \
         { file = \"…\" } or { env = \"…\" })",
    );
    has(
        &format!("{mac}[[device.point]]\nname = 'temperatur'"),
        "tidegate.toml:9:8: error: no format has a point \"temperatur\" (help: did you mean \"temperature\"?)",
    );
    has(
        &format!("{mac}[[device]]\nid = 'e'\nadapter = 'b'\n{mac}"),
        "tidegate.toml:11:19: error: address \"CB:B8:33:4C:88:4F\" is there twice: first at tidegate.toml:7:19 (help: \
         give it another name)",
    );
    assert_eq!(report(&format!("{DEVICE}{mac}key = {{ file = 'good.key' }}\n")), [""; 0]);
    let missing = report(&format!("{DEVICE}{mac}key = {{ file = 'none.key' }}\n"));
    assert!(missing[0].starts_with("tidegate.toml:8:7: error: secret file none.key: No such file"), "{missing:?}");
    assert!(report(DEVICE)[0].starts_with("tidegate.toml:4:1: error: key \"address\" is missing"));
}

#[test]
fn a_radio_is_named_as_the_kernel_names_it() {
    let radio = |name: &str| report(&format!("[[adapter]]\nname = 'b'\nkind = 'ble'\nadapter = '{name}'\n"));

    assert_eq!(radio("hci0"), [""; 0]);
    for wrong in ["hci", "usb0", "hci-1", ""] {
        assert!(radio(wrong)[0].contains("is no radio"), "{wrong}");
    }
}
