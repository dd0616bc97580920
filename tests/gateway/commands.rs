//! The way back: a register is written exactly once or not at all, and the outcome says why.

use std::{collections::HashSet, fmt::Write as _};

use serde_json::{Value, json};

use crate::harness::{Broker, Gateway, Listener, Outgoing, PREFIX, Site, Units, Write};

/// A gateway whose unit 1 has a writable setpoint, granted from 0 to 50 to the uplink.
struct Scene {
    units: Units,
    listener: Listener,
    site: Site,
    gateway: Gateway,
    _broker: Broker,
}

impl Scene {
    /// Everything running, and the command topic subscribed.
    fn start() -> Self {
        Self::start_after("5", |_| ())
    }

    /// The same with another MQTT version, and something done before the gateway's first start.
    fn start_after(protocol: &str, prepare: impl FnOnce(&Listener)) -> Self {
        let units = Units::start(1, 1);
        let broker = Broker::start();
        let listener = Listener::start(broker.port());
        let mut site = Site::new(broker.port()).line(units.port(), 1, 1, "1s").setpoint().with(
            "[commands]\ntimeout = \"3s\"\n\n[[grant]]\nfrom = \"uplink:cloud\"\ntargets = [\"unit-1/setpoint\"]\nrange = [0, 50]",
        );
        site.replace("window = 10", &format!("window = 10\nprotocol = \"{protocol}\""));
        prepare(&listener);
        let gateway = Gateway::start(&site);
        broker.wait_for_subscription(&format!("{PREFIX}/command"));
        let scene = Self { units, listener, site, gateway, _broker: broker };
        scene.listener.wait_for_message("/state", |state| state["state"] == "online");
        scene.listener.wait_for_message("/data", |_| true);
        scene
    }

    /// Sends a payload on the command topic.
    fn send(&self, payload: &[u8]) {
        let topic = format!("{PREFIX}/command");
        self.listener.send(&Outgoing { topic: &topic, payload, ..Outgoing::default() });
    }

    /// Sends a command to the setpoint.
    fn set(&self, id: &str, value: &Value) {
        self.send(json!({"id": id, "device": "unit-1", "point": "setpoint", "value": value}).to_string().as_bytes());
    }

    /// The `n`-th outcome of an id, counted from 1. A message that is sent again, as after a kill, is the same one.
    fn outcome(&self, id: &Value, n: usize) -> Value {
        self.listener.wait_for(&format!("outcome {n} of {id}"), |messages| {
            let mut seen = HashSet::new();
            let outcomes = messages.iter().filter(|message| message.topic.ends_with("/outcome"));
            let outcomes = outcomes.filter(|message| seen.insert(&message.payload));
            outcomes.map(crate::harness::Message::json).filter(|json| json["id"] == *id).nth(n - 1)
        })
    }

    /// Sends a command that must end so.
    fn expect(&self, id: &str, value: &Value, status: &str) -> Value {
        self.set(id, value);
        let outcome = self.outcome(&json!(id), 1);
        assert_eq!(outcome["status"], status, "{outcome}");
        outcome
    }
}

/// A write of one value to the setpoint.
fn write(value: u16) -> Write {
    Write { unit: 1, address: 1000, values: vec![value] }
}

/// An outcome that is refused says why.
fn assert_has_reason(outcome: &Value) {
    assert!(outcome["error"].as_str().is_some_and(|error| !error.is_empty()), "{outcome}");
}

#[test]
fn a_granted_command_writes_the_register_once_and_a_repeat_does_not() {
    let scene = Scene::start();

    scene.expect("c-1", &json!(42), "done");
    scene.set("c-1", &json!(42));

    let repeat = scene.outcome(&json!("c-1"), 2);
    assert_eq!((&repeat["status"], &repeat["first"]), (&json!("duplicate"), &json!("done")), "{repeat}");
    assert_eq!(scene.units.writes(), [write(42)]);
}

#[test]
fn a_repeat_is_known_also_after_a_kill() {
    let mut scene = Scene::start();
    scene.expect("c-1", &json!(7), "done");

    scene.gateway.kill();
    scene.gateway = Gateway::start(&scene.site);
    scene.set("c-1", &json!(7));

    let repeat = scene.outcome(&json!("c-1"), 2);
    assert_eq!(repeat["status"], "duplicate", "{repeat}");
    assert_eq!(scene.units.writes(), [write(7)]);
}

#[test]
fn a_command_without_grant_or_out_of_range_or_of_another_type_is_denied() {
    let scene = Scene::start();

    assert_has_reason(&scene.expect("c-1", &json!(51), "denied"));
    assert_has_reason(&scene.expect("c-2", &json!("fast"), "denied"));
    for (id, device, point) in [("c-3", "unit-1", "v0"), ("c-4", "unit-9", "setpoint"), ("c-5", "unit-1", "nothing")]
    {
        scene.send(json!({"id": id, "device": device, "point": point, "value": 1}).to_string().as_bytes());
        let outcome = scene.outcome(&json!(id), 1);
        assert_eq!(outcome["status"], "denied", "{outcome}");
        assert_has_reason(&outcome);
    }

    assert_eq!(scene.units.writes(), []);
}

#[test]
fn a_command_whose_time_is_over_is_expired() {
    let scene = Scene::start();
    let past =
        json!({"id": "c-1", "device": "unit-1", "point": "setpoint", "value": 3, "expires": "2020-01-01T00:00:00Z"});

    scene.send(past.to_string().as_bytes());

    assert_eq!(scene.outcome(&json!("c-1"), 1)["status"], "expired");
    assert_eq!(scene.units.writes(), []);
}

#[test]
fn a_command_that_cannot_be_read_is_denied_and_the_next_one_works() {
    let scene = Scene::start();
    let mut oversized = String::from("{\"id\":\"big\",\"value\":\"");
    write!(oversized, "{}\"}}", "x".repeat(200 * 1024)).unwrap();

    for (n, payload) in ["no json", "{}", "[1,2]", oversized.as_str()].iter().enumerate() {
        scene.send(payload.as_bytes());
        assert_eq!(scene.outcome(&Value::Null, n + 1)["status"], "denied");
    }

    scene.expect("c-1", &json!(5), "done");
    assert_eq!(scene.units.writes(), [write(5)]);
}

#[test]
fn a_message_of_any_size_on_the_command_topic_does_not_cut_the_gateway_off() {
    for protocol in ["5", "3.1.1"] {
        let scene = Scene::start_after(protocol, |_| ());

        // Larger than any client library takes by default: whoever answers by ending the connection gets it again.
        scene.send(&vec![b'x'; 400 * 1024]);

        scene.expect("c-1", &json!(5), "done");
        assert_eq!(scene.units.writes(), [write(5)], "MQTT {protocol}");
        assert_eq!(scene.outcome(&Value::Null, 1)["status"], "denied", "MQTT {protocol}");
    }
}

#[test]
fn a_retained_command_is_refused() {
    let topic = format!("{PREFIX}/command");
    let payload = json!({"id": "old", "device": "unit-1", "point": "setpoint", "value": 9}).to_string();

    // Kept by the broker from before the gateway's first connection.
    let scene = Scene::start_after("5", |listener| {
        listener.send(&Outgoing { topic: &topic, payload: payload.as_bytes(), retain: true, ..Outgoing::default() });
    });

    assert_eq!(scene.outcome(&json!("old"), 1)["status"], "denied");
    scene.expect("c-1", &json!(5), "done");
    assert_eq!(scene.units.writes(), [write(5)]);
}

#[test]
fn a_command_that_is_published_as_retained_is_refused_also_while_listening() {
    let scene = Scene::start();
    let payload = json!({"id": "c-1", "device": "unit-1", "point": "setpoint", "value": 9}).to_string();
    let topic = format!("{PREFIX}/command");

    scene.listener.send(&Outgoing {
        topic: &topic,
        payload: payload.as_bytes(),
        retain: true,
        ..Outgoing::default()
    });

    assert_eq!(scene.outcome(&json!("c-1"), 1)["status"], "denied");
    assert_eq!(scene.units.writes(), []);
}

#[test]
fn a_command_to_a_silent_unit_times_out_and_is_not_repeated() {
    let scene = Scene::start();
    scene.units.mute(1);

    assert_has_reason(&scene.expect("c-1", &json!(8), "timeout"));
    scene.units.unmute(1);
    scene.expect("c-2", &json!(9), "done");

    assert_eq!(scene.units.writes(), [write(8), write(9)]);
}

#[test]
fn an_mqtt_5_sender_gets_the_outcome_on_its_own_topic() {
    let scene = Scene::start();
    let payload = json!({"id": "c-1", "device": "unit-1", "point": "setpoint", "value": 4}).to_string();
    let topic = format!("{PREFIX}/command");

    scene.listener.send(&Outgoing {
        topic: &topic,
        payload: payload.as_bytes(),
        response: Some(("answers/me", b"abc")),
        ..Outgoing::default()
    });

    let answer = scene
        .listener
        .wait_for("the answer", |messages| messages.iter().find(|message| message.topic == "answers/me").cloned());
    assert_eq!(answer.json()["status"], "done");
    assert_eq!(answer.correlation.as_deref(), Some(b"abc".as_slice()));
}
