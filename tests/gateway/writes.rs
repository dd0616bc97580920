//! The ways to write, through the whole gateway to pymodbus: groups, masks, names, pulses and read-backs.

use serde_json::{Value, json};

use crate::harness::{Broker, Gateway, Listener, Message, Outgoing, PREFIX, Site, Units, Write};

/// Points on the writable registers 1000 to 1009 of unit 1, which are zero at first.
const POINTS: &str = r#"
[[device.point]]
name = "mode"
register = "holding:1000"
type = "u16"
enum = { 0 = "off", 2 = "auto" }
access = "rw"

[[device.point]]
name = "limit"
register = "41002"
type = "f32"
order = "CDAB"
access = "rw"
max = 50

[[device.group]]
name = "setpoints"
members = ["limit", "mode"]

[[device.point]]
name = "outputs"
register = "holding:1003"
type = "u16"
flags = { 0 = "fan", 9 = "pump" }
access = "rw"
write = "mask"
verify = true

[[device.point]]
name = "speed"
register = "holding:1004"
type = "u16"
scale = 0.1
offset = 10
access = "rw"
verify = true

[[device.point]]
name = "start"
register = "holding:1005"
type = "u16"
access = "w"
pulse = "100ms"

[[device.point]]
name = "power"
register = "holding:1006"
type = "i16"
scale_from = "holding:1007"
access = "rw"

[[device.point]]
name = "power_sf"
register = "holding:1007"
type = "i16"
access = "rw"
write = "multiple"

[[grant]]
from = "uplink:cloud"
targets = ["unit-1/*"]
"#;

/// Commands for unit 1 and their outcomes.
struct Scene {
    units: Units,
    listener: Listener,
    _gateway: Gateway,
    _broker: Broker,
}

impl Scene {
    /// Everything running.
    fn start() -> Self {
        let units = Units::start(1, 1);
        let broker = Broker::start();
        let listener = Listener::start(broker.port());
        let site = Site::new(broker.port()).line(units.port(), 1, 1, "1s").with(POINTS);
        let gateway = Gateway::start(&site);
        broker.wait_for_subscription(&format!("{PREFIX}/command"));
        listener.wait_for_message("/data", |_| true);
        Self { units, listener, _gateway: gateway, _broker: broker }
    }

    /// Commands a point and gives the outcome.
    fn set(&self, id: &str, point: &str, value: &Value) -> Value {
        let payload = json!({"id": id, "device": "unit-1", "point": point, "value": value}).to_string();
        let topic = format!("{PREFIX}/command");
        self.listener.send(&Outgoing { topic: &topic, payload: payload.as_bytes(), ..Outgoing::default() });
        self.listener.wait_for(&format!("the outcome of {id}"), |messages| {
            let outcomes = messages.iter().filter(|message| message.topic.ends_with("/outcome"));
            outcomes.map(Message::json).find(|outcome| outcome["id"] == *id)
        })
    }

    /// A command that must be done, with the value of its outcome.
    fn done(&self, id: &str, point: &str, value: &Value) -> Value {
        let outcome = self.set(id, point, value);
        assert_eq!(outcome["status"], "done", "{outcome}");
        outcome["value"].clone()
    }
}

/// A write to unit 1.
fn write(address: u16, values: &[u16]) -> Write {
    Write { unit: 1, address, values: values.to_vec() }
}

#[test]
fn a_group_arrives_in_one_request_or_not_at_all() {
    let scene = Scene::start();

    for (id, value, status) in [
        ("c-1", json!({"mode": "auto", "limit": 51.0}), "denied"),
        ("c-2", json!({"mode": "car", "limit": 21.5}), "denied"),
        ("c-3", json!({"mode": "auto"}), "denied"),
        ("c-4", json!({"mode": "auto", "limit": 21.5}), "done"),
    ] {
        assert_eq!(scene.set(id, "setpoints", &value)["status"], status, "{id}");
    }

    assert_eq!(scene.units.writes(), [write(1000, &[2, 0, 0x41ac])]);
}

#[test]
fn each_way_to_write_sends_what_it_says_once() {
    let scene = Scene::start();

    assert_eq!(scene.done("c-1", "outputs", &json!("pump")), "pump");
    assert_eq!(scene.done("c-2", "outputs", &json!("fan")), "fan");
    assert_eq!(scene.done("c-3", "speed", &json!(31.26)), 31.3);
    scene.done("c-4", "start", &json!(7));
    scene.done("c-5", "power_sf", &json!(-2));
    scene.done("c-6", "power", &json!(-1.5));
    scene.done("c-7", "mode", &json!("auto"));

    let wanted = [
        write(1003, &[0x0200]),
        write(1003, &[0x0001]),
        write(1004, &[213]),
        write(1005, &[7]),
        write(1005, &[0]),
        write(1007, &[0xfffe]),
        write(1006, &[0xff6a]),
        write(1000, &[2]),
    ];
    assert_eq!(scene.units.writes(), wanted);
}
