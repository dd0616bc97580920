//! Forming, joining, reading, commanding, leaving.

use serde_json::{Value, json};
use tidegate::{
    adapter::zigbee::{
        address::{Attribute, Cluster, ExtendedPan, Nwk, Pan},
        radio::Network,
        zcl::{self, general::ReadOutcome},
    },
    testing::zigbee::{Device, Kind, Stick},
};

use super::{Coordinator, Scene};

#[test]
fn every_device_joins_is_known_and_reports() {
    let scene = Scene::start(Coordinator::start(&Kind::all()));
    scene.let_all_in();

    let unit = |unit: &str| json!(unit);
    scene.wait_for_reading("plug-1", "on", &json!(true), &Value::Null);
    scene.wait_for_reading("plug-1", "energy", &json!(123.456), &unit("kW.h"));
    scene.wait_for_reading("plug-1", "power", &json!(100.2), &unit("W"));
    scene.wait_for_reading("zb-00aabbccdd000002", "temperature", &json!(-5.12), &unit("Cel"));
    scene.wait_for_reading("zb-00aabbccdd000002", "humidity", &json!(50.12), &unit("%"));
    scene.wait_for_reading("zb-00aabbccdd000003", "occupancy", &json!(true), &Value::Null);
    scene.wait_for_reading("zb-00aabbccdd000004", "brightness", &json!(128), &Value::Null);
    scene.wait_for_reading("zb-00aabbccdd000006", "co2", &json!(415.0), &unit("[ppm]"));
    let joined = json!({"type": "device", "device": "plug-1", "what": "joined", "ieee": "0x00aabbccdd000001"});
    scene.wait_for_event(&joined);
    scene.wait_for_event(
        &json!({"device": "plug-1", "what": "interviewed", "manufacturer": "Tidegate", "model": "plug"}),
    );

    // What was bound and configured is reported when it changes, and a button sends what is pressed.
    let (temperature, value) = ((Cluster(0x0402), Attribute(0)), zcl::Value::signed(zcl::Kind::Int16, 2230).unwrap());
    scene.coordinator.with(|stick| {
        stick.with_device(Coordinator::ieee(2), |device| device.set(temperature.0, temperature.1, value));
        stick.with_device(Coordinator::ieee(5), |device| device.press(Cluster(6), 2));
    });
    scene.wait_for_reading("zb-00aabbccdd000002", "temperature", &json!(22.3), &unit("Cel"));
    scene.wait_for_reading("zb-00aabbccdd000005", "button", &json!("toggle"), &Value::Null);
}

#[test]
fn a_zone_is_enrolled_and_its_alarms_are_readings() {
    let scene = Scene::start(Coordinator::start(&[Kind::Motion]));
    scene.let_all_in();
    assert_eq!(scene.coordinator.number(1, 0x0500, 0x0010), Some(Stick::IEEE.0.into()));

    // The first alarm, and a battery that gets low.
    scene.coordinator.with(|stick| stick.with_device(Coordinator::ieee(1), |device| device.alarm(0b1001)));
    scene.wait_for_reading("plug-1", "motion", &json!(true), &Value::Null);
    scene.wait_for_reading("plug-1", "battery_low", &json!(true), &Value::Null);
    scene.coordinator.with(|stick| stick.with_device(Coordinator::ieee(1), |device| device.alarm(0)));
    scene.wait_for_reading("plug-1", "motion", &json!(false), &Value::Null);
}

#[test]
fn a_keypad_is_answered_and_its_keys_are_told() {
    let scene = Scene::start(Coordinator::start(&[Kind::Button]));
    scene.let_all_in();
    let ask = |command: u8, fields: &[u8]| {
        let keypad = Coordinator::ieee(1);
        let press = |device: &mut Device| device.press_with(Cluster(0x0501), command, fields);
        scene.coordinator.with(|stick| stick.with_device(keypad, press));
        crate::harness::eventually("the keypad to be answered", || {
            scene.coordinator.with(|stick| stick.devices[0].told_panel.take())
        })
    };

    // Armed, with the code 1234 and no zone.
    assert_eq!(ask(0x00, &[3, 4, b'1', b'2', b'3', b'4', 0]), (0x00, vec![3]));
    assert_eq!(ask(0x07, &[]), (0x05, vec![3, 0, 0, 0]));
    scene.wait_for_reading("plug-1", "button", &json!("arm_all"), &Value::Null);
}

#[test]
fn a_device_reads_the_time_and_is_told_what_is_not_there() {
    let scene = Scene::start(Coordinator::start(&[Kind::Plug]));
    scene.let_all_in();
    let read = |cluster, attribute| {
        let ask = |device: &mut Device| device.read_from_gateway(Cluster(cluster), &[Attribute(attribute)]);
        scene.coordinator.with(|stick| stick.with_device(Coordinator::ieee(1), ask));
        crate::harness::eventually("the device to be answered", || {
            scene.coordinator.with(|stick| stick.devices[0].told_attributes.take())
        })
    };

    let ReadOutcome::Value(time) = &read(0x000a, 0x0000)[0].found else { panic!("no time") };
    let since_2000 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() - 946_684_800;
    assert!(since_2000.abs_diff(u64::try_from(time.as_integer().unwrap()).unwrap()) < 120, "{time:?}");
    assert_eq!(read(0x0402, 0x0000)[0].found, ReadOutcome::Status(zcl::Status::UNSUPPORTED_ATTRIBUTE));
}

#[test]
fn a_lamp_takes_a_colour_and_a_blind_stops() {
    let coordinator = Coordinator::start(&[Kind::Bulb]);
    let number = |kind, number| zcl::Value::bits(kind, number).unwrap();
    coordinator.with(|stick| {
        let bulb = &mut stick.devices[0];
        for (cluster, attribute, value) in [
            (0x0300, 0x0003, number(zcl::Kind::Uint16, 0)),
            (0x0300, 0x0004, number(zcl::Kind::Uint16, 0)),
            (0x0102, 0x0000, number(zcl::Kind::Enum8, 0)),
            (0x0102, 0x0008, number(zcl::Kind::Uint8, 0)),
        ] {
            bulb.set(Cluster(cluster), Attribute(attribute), value);
        }
    });
    let scene = Scene::start(coordinator);
    scene.let_all_in();

    scene.send("c-1", ("plug-1", "color"), &json!("0.5 0.25"));
    assert_eq!(scene.outcome("c-1")["status"], "done");
    scene.wait_for_reading("plug-1", "color_x", &json!(0.5), &Value::Null);
    scene.wait_for_reading("plug-1", "color_y", &json!(0.25), &Value::Null);
    scene.send("c-2", ("plug-1", "movement"), &json!("stop"));
    assert_eq!(scene.outcome("c-2")["status"], "done");
    scene.wait_for_reading("plug-1", "position", &json!(50.0), &json!("%"));
    scene.send("c-3", ("plug-1", "movement"), &json!("up"));
    let refused = scene.outcome("c-3");
    assert_eq!(refused["status"], "denied", "{refused}");
    assert!(refused["error"].as_str().unwrap().ends_with("is none of open, close, stop"), "{refused}");
}

#[test]
fn commands_are_confirmed_with_the_value_that_the_device_holds() {
    let scene = Scene::start(Coordinator::start(&[Kind::Plug, Kind::Bulb]));
    scene.let_all_in();

    scene.send("c-1", ("plug-1", "on"), &json!(false));
    let outcome = scene.outcome("c-1");
    assert_eq!((&outcome["status"], &outcome["value"]), (&json!("done"), &json!(false)), "{outcome}");
    scene.send("c-2", ("zb-00aabbccdd000002", "brightness"), &json!(77));
    assert_eq!(scene.outcome("c-2")["value"], 77);
    assert_eq!(scene.coordinator.number(2, 0x0008, 0), Some(77));
}

#[test]
fn a_device_comes_back_under_another_address_and_leaves() {
    let scene = Scene::start(Coordinator::start(&[Kind::Plug]));
    scene.let_all_in();

    scene.coordinator.with(|stick| stick.rejoin(Coordinator::ieee(1), Nwk(0x7777)));
    scene.send("c-1", ("plug-1", "on"), &json!(false));
    assert_eq!(scene.outcome("c-1")["status"], "done");

    scene.coordinator.with(|stick| stick.leave(Coordinator::ieee(1)));
    scene.wait_for_event(&json!({"device": "plug-1", "what": "left"}));
    assert_eq!(scene.tidegate(&["zigbee", "devices"]), "no devices\n");
}

#[test]
fn an_empty_coordinator_waits_until_somebody_says_yes() {
    let scene = Scene::with(Coordinator::start(&[Kind::Plug]), "");

    let told = scene.wait_for_event(&json!({"type": "gateway", "what": "zigbee-empty"}));
    assert!(told["text"].as_str().unwrap().contains("form --yes"), "{told}");
    assert_eq!(scene.coordinator.with(|stick| stick.writes), 0);

    let formed = scene.tidegate(&["zigbee", "form", "--yes"]);
    assert!(formed.contains("formed on channel"), "{formed}");
    scene.let_all_in();
    assert_eq!(scene.coordinator.with(|stick| stick.formed), 1);
}

#[test]
fn another_network_is_refused_and_nothing_is_written() {
    let coordinator = Coordinator::start(&[Kind::Plug]);
    let held = Network { channel: 15, pan: Pan(0x2b2b), extended_pan: ExtendedPan(7) };
    coordinator.with(|stick| stick.hold(&held, [0xab; 16]));
    let scene = Scene::with(coordinator, "form = true\n[adapter.network]\npan_id = \"0x1a62\"");

    let told = scene.wait_for_event(&json!({"type": "gateway", "what": "zigbee-refused"}));

    let text = told["text"].as_str().unwrap();
    assert!(text.contains("configured 0x1a62, the coordinator has 0x2b2b"), "{text}");
    let status: Value = serde_json::from_str(&scene.tidegate(&["status", "--json"])).unwrap();
    assert_eq!(status["adapters"][0]["state"], "refused", "{status}");
    let (writes, network) = scene.coordinator.with(|stick| (stick.writes, stick.network()));
    assert_eq!((writes, network), (0, Some(held)));
    assert!(!scene.gateway.log().contains("abab"), "the key is in the log");
}

#[test]
fn a_map_shows_who_hears_whom_and_who_is_silent() {
    let scene =
        Scene::start(Coordinator::start(&[Kind::Plug, Kind::Bulb, Kind::Thermometer, Kind::Co2, Kind::Motion]));
    scene.let_all_in();
    scene.coordinator.with(|stick| stick.devices[3].is_asleep = true);

    let map: Value = serde_json::from_str(&scene.tidegate(&["zigbee", "map", "--json"])).unwrap();

    // The coordinator hears all five, in two parts; each router that answers hears the coordinator.
    let links = map["links"].as_array().unwrap();
    let home = Stick::IEEE.to_string();
    assert_eq!(links.iter().filter(|link| link["from"] == *home).count(), 5, "{map:#}");
    assert_eq!(links.iter().filter(|link| link["to"] == *home).count(), 2, "{map:#}");
    let silent: Vec<_> = map["nodes"].as_array().unwrap().iter().filter(|node| node["is_silent"] == true).collect();
    assert_eq!(silent.len(), 1, "{map:#}");
    assert_eq!(silent[0]["device"], "zb-00aabbccdd000004");
    let dot = scene.tidegate(&["zigbee", "map", "--format", "dot"]);
    assert!(dot.contains("\"plug-1\" -> \"zb\" [label=200]"), "{dot}");
}

#[test]
fn a_group_is_a_device_that_commands_all_its_members() {
    let group = "[[group]]\nid = \"hall\"\nadapter = \"zb\"\nmembers = [\"plug-1\", \"zb-00aabbccdd000002\"]";
    let scene = Scene::with(
        Coordinator::start(&[Kind::Plug, Kind::Bulb, Kind::Plug]),
        &format!("form = true\n[adapter.network]\nchannel = 15\n{group}"),
    );
    scene.let_all_in();
    let points: Value = serde_json::from_str(&scene.tidegate(&["points", "hall/*", "--json"])).unwrap();
    let names: Vec<_> = points.as_array().unwrap().iter().map(|point| &point["point"]).collect();
    assert_eq!(names, ["on"], "{points:#}");

    scene.send("c-1", ("plug-1", "on"), &json!(false));
    assert_eq!(scene.outcome("c-1")["status"], "done");
    let messages = scene.coordinator.with(|stick| stick.counter);
    scene.send("c-2", ("hall", "on"), &json!(true));
    assert_eq!(scene.outcome("c-2")["status"], "done");

    scene.wait_for_reading("zb-00aabbccdd000002", "on", &json!(true), &Value::Null);
    assert_eq!([1, 2].map(|device| scene.coordinator.number(device, 6, 0)), [Some(1), Some(1)]);
    // A message to each of the two here stands for the one in the air, and no third was sent.
    assert!(scene.coordinator.with(|stick| stick.counter) <= messages + 4);
}
