use std::fs;

use super::super::{Ble, config::Accept};
use crate::{
    adapter::{Adapter as _, registry},
    config::Pressure,
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
    let config = super::plan(adapter, &mut draft).unwrap();
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
