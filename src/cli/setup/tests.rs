use std::{fs, io::Cursor, os::unix::fs::PermissionsExt as _, path::Path};

use proptest::prelude::*;
use serde_json::json;

use super::{
    super::tests::Sink,
    answers::{Device, Modbus, Password, Uplink},
    *,
};
use crate::host::root::fake;

const ANSWERS: &str = "bluetooth = true\n[gateway]\nsite = 'oslo'\n[uplink]\nhost = 'broker.example.com'\n\
    username = 'plant-7'\npassword = 'hunter2'\n[[modbus]]\nname = 'line1'\nlink = 'tcp://127.0.0.1:502'\n\
    device = [{ id = 'meter-1', profile = 'eastron/sdm120' }]\n";

/// Answers as a file gives them.
fn answers(text: &str) -> Answers {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.toml");
    fs::write(&path, text).unwrap();
    Answers::read(&path).unwrap()
}

/// A configuration that finds the profiles of this project.
fn site() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tidegate.toml");
    let profiles = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins/profiles");
    fs::write(&config, format!("[api]\nsocket = 'no.sock'\n[profiles]\ndirs = [{profiles:?}]\n")).unwrap();
    (folder, config)
}

/// What a person answers, line by line, on a machine with these files.
fn interviewed(lines: &str, files: &[(&str, &str)]) -> Result<Answers, CliError> {
    let (_folder, config) = site();
    let (_machine, root) = fake(files);
    let mut context = Context::writing_to(config, Box::new(Sink::default()));
    interview::hold(&mut Asker::new(Cursor::new(lines.to_owned())), &mut context, &root)
}

#[test]
fn answers_become_a_valid_configuration_and_a_password_that_only_the_service_reads() {
    let (folder, config) = site();

    let written = write(&answers(ANSWERS), &config, false).unwrap();

    let password = folder.path().join("cloud.password");
    assert_eq!(written.paths(), [password.clone(), folder.path().join("conf.d/setup.toml")]);
    assert_eq!(fs::read_to_string(&password).unwrap(), "hunter2\n");
    assert_eq!(fs::metadata(&password).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(seams::check(&config).summary, "2 adapters, 1 device, 13 points, 1 uplink");
    let text = fs::read_to_string(&written.paths()[1]).unwrap();
    assert!(text.contains("url = \"mqtts://broker.example.com:8883\"") && !text.contains("hunter2"), "{text}");
}

#[test]
fn nothing_is_replaced_unless_it_is_said_and_nothing_stays_that_is_not_valid() {
    let (folder, config) = site();
    write(&answers(ANSWERS), &config, false).unwrap();
    let refused = write(&answers(ANSWERS), &config, false).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("setup.toml is there already (help: --force"), "{refused}");

    let wrong = ANSWERS.replace("eastron/sdm120", "eastron/none").replace("hunter2", "other");
    let refused = write(&answers(&wrong), &config, true).map(|_| ()).unwrap_err();
    assert!(matches!(refused, CliError::Config(_)), "{refused}");
    assert_eq!(fs::read_to_string(folder.path().join("cloud.password")).unwrap(), "hunter2\n");

    write(&answers(&ANSWERS.replace("hunter2", "other")), &config, true).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("cloud.password")).unwrap(), "other\n");
}

#[test]
fn a_slip_in_the_answers_has_its_place_and_does_not_show_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.toml");
    fs::write(&path, "[uplink]\nhost = 'b'\npasword = 'hunter2'\n").unwrap();

    let error = Answers::read(&path).unwrap_err().to_string();

    assert!(error.contains("answers.toml:3:1: error: unknown field `pasword`"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    assert_eq!(format!("{:?}", Password("hunter2".into())), "***");
}

#[test]
fn a_person_is_asked_about_what_is_plugged_in() {
    let port = [
        ("/sys/class/tty/ttyUSB0/device/x", ""),
        ("/dev/serial/by-id/usb-x", "-> ../../ttyUSB0"),
        ("/sys/class/bluetooth/hci0/uevent", ""),
    ];
    let lines = "plant-7\n\nbroker\nn\n\n\nmodbus\n19200\neven\nn\neastron/sdm120\n3\nmeter-1\n\n\ny\n";

    let found = interviewed(lines, &port).unwrap();

    let device = Device { id: "meter-1".into(), unit: 3, profile: "eastron/sdm120".into() };
    let link = "rtu:///dev/serial/by-id/usb-x?baud=19200&parity=even".to_owned();
    assert_eq!(found.modbus, [Modbus { name: "modbus-1".into(), link, device: vec![device] }]);
    let uplink = found.uplink.unwrap();
    assert_eq!((uplink.host.as_str(), uplink.port, uplink.tls, uplink.username), ("broker", Some(1883), false, None));
    assert_eq!((found.gateway.id.as_deref(), found.gateway.site, found.bluetooth), (Some("plant-7"), None, true));
}

#[test]
fn an_answer_that_makes_no_sense_is_asked_for_again_and_not_for_ever() {
    let found = interviewed("Plant 7\nplant-7\n\n\n\n", &[]).unwrap();
    assert_eq!((found.gateway.id.as_deref(), found.uplink), (Some("plant-7"), None));

    let endless = interviewed(&"Plant 7\n".repeat(9), &[]).unwrap_err();
    assert!(endless.to_string().contains("no answer to \"Name of this gateway\""), "{endless}");
    assert!(interviewed("plant-7\n", &[]).unwrap_err().to_string().contains("ended early"));
}

#[test]
fn a_reading_counts_when_it_is_good_and_an_uplink_when_it_has_an_answer() {
    let points = json!([
        {"device": "a", "point": "x", "value": null, "quality": "bad:timeout"},
        {"device": "meter-1", "point": "voltage", "value": 230.1, "unit": "V", "quality": "good"},
    ]);
    assert_eq!(watch::good_point(&points).as_deref(), Some("meter-1/voltage 230.1 V"));
    assert_eq!(watch::good_point(&json!([])), None);

    let status =
        |acked| json!({"uplinks": [{"name": "cloud", "url": "mqtt://b:1883", "acked": acked, "latency_ms": 12.3}]});
    assert_eq!(watch::acknowledged(&status(1)).as_deref(), Some("cloud at mqtt://b:1883 in 12 ms"));
    assert_eq!(watch::acknowledged(&status(0)), None);
}

proptest! {
    #[test]
    fn whatever_is_typed_reaches_the_configuration_as_it_is(username in "[^\\x00-\\x1f]{1,20}", ca in "[ -~]{1,12}") {
        let uplink = Uplink {
            name: "cloud".into(), host: "b".into(), port: None, tls: true, ca: Some(format!("/{ca}").into()),
            username: Some(username.clone()), password: None,
        };
        let answers = Answers { uplink: Some(uplink), ..Answers::default() };

        let drafts = files::render(&answers, Path::new("/etc/tidegate/tidegate.toml")).unwrap();

        let read = toml::from_str::<serde_json::Value>(&drafts[0].text).unwrap();
        prop_assert_eq!(&read["uplink"][0]["username"], &json!(username));
    }
}
