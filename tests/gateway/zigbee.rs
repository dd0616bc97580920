//! A Zigbee network, from an empty coordinator to commands: the real daemon, a simulated stick on TCP, mosquitto.

mod backup;
mod coordinator;
mod energy;
mod faults;
mod firmware;
mod herdsman;
mod joining;
mod network;
mod options;
mod outage;
mod quirks;
mod reporting;
mod scale;
mod sleepers;

use serde_json::{Value, json};

use self::coordinator::Coordinator;
use crate::harness::{Broker, Gateway, Listener, Message, Outgoing, PREFIX, Site};

/// Everything running, with a network formed and all devices let in.
struct Scene {
    coordinator: Coordinator,
    listener: Listener,
    site: Site,
    gateway: Gateway,
    broker: Broker,
}

impl Scene {
    /// A gateway on a coordinator that it may form a network on.
    fn start(coordinator: Coordinator) -> Self {
        Self::with(coordinator, "form = true\n[adapter.network]\nchannel = 15\npan_id = \"0x1a62\"")
    }

    /// A gateway with these keys in its adapter.
    fn with(coordinator: Coordinator, keys: &str) -> Self {
        let link = format!("tcp://127.0.0.1:{}", coordinator.port());
        Self::on(coordinator, &link, keys)
    }

    /// The same, with the coordinator on a link of its own.
    fn on(coordinator: Coordinator, link: &str, keys: &str) -> Self {
        let broker = Broker::start();
        let listener = Listener::start(broker.port());
        let adapter = format!("[[adapter]]\nname = \"zb\"\nkind = \"zigbee\"\nlink = \"{link}\"\n{keys}");
        let grant = "[[grant]]\nfrom = \"uplink:cloud\"\ntargets = [\"*/*\"]";
        let site = Site::new(broker.port()).with(&adapter).with(&name("plug-1", 1)).with(grant);
        let gateway = Gateway::start(&site);
        broker.wait_for_subscription(&format!("{PREFIX}/command"));
        Self { coordinator, listener, site, gateway, broker }
    }

    /// The same after the gateway was killed and started again.
    fn killed_and_started(self) -> Self {
        self.started_again(Gateway::kill)
    }

    /// The same after the gateway was stopped and started again.
    fn stopped_and_started(self) -> Self {
        self.started_again(|gateway| assert!(gateway.stop().success()))
    }

    /// The same after the gateway was ended in some way and started again.
    fn started_again(self, end: impl FnOnce(Gateway)) -> Self {
        let Self { coordinator, listener, site, gateway, broker } = self;
        end(gateway);
        let gateway = Gateway::start(&site);
        broker.wait_for_subscription(&format!("{PREFIX}/command"));
        Self { coordinator, listener, site, gateway, broker }
    }

    /// Runs a command of the program against the gateway, which has to succeed.
    fn tidegate(&self, args: &[&str]) -> String {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tidegate"));
        let output = command.args(args).arg("--config").arg(self.site.path("tidegate.toml")).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that has to fail and say this; what it said.
    fn fails(&self, args: &[&str], why: &str) -> String {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tidegate"));
        let output = command.args(args).arg("--config").arg(self.site.path("tidegate.toml")).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && told.contains(why), "{args:?}: {told}");
        told
    }

    /// Lets every device in and waits until the last of them is set up.
    fn let_all_in(&self) {
        self.wait_for_log("Zigbee network is at work");
        self.tidegate(&["zigbee", "permit-join", "250"]);
        let mut ready = 0;
        // One after the other, each within the limit: on a busy machine two hundred take more than a minute.
        while ready < self.coordinator.devices() {
            ready = crate::harness::eventually("another device to be set up", || {
                Some(self.devices_ready()).filter(|now| *now > ready)
            });
        }
    }

    /// How many devices are set up.
    fn devices_ready(&self) -> usize {
        let devices: Value = serde_json::from_str(&self.tidegate(&["zigbee", "devices", "--json"])).unwrap();
        let is_ready = |device: &&Value| device["is_set_up"] == true && device["state"] == "ready";
        devices.as_array().unwrap().iter().filter(is_ready).count()
    }

    /// Waits for a line of the gateway's log.
    fn wait_for_log(&self, text: &str) {
        self.gateway.wait_for_log(text);
    }

    /// Waits for a good reading at the broker.
    fn wait_for_reading(&self, device: &str, point: &str, value: &Value, unit: &Value) {
        let what = format!("{device}/{point} = {value} {unit}");
        self.listener.wait_for(&what, |messages| {
            let data = messages.iter().filter(|message| message.topic.ends_with("/data")).map(Message::json);
            let mut readings = data.flat_map(|block| block["readings"].as_array().cloned().unwrap_or_default());
            readings.find(|reading| {
                reading["device"] == *device
                    && reading["point"] == *point
                    && reading["value"] == *value
                    && reading["unit"] == *unit
                    && reading["quality"].is_null()
            })
        });
    }

    /// Waits for an event with these fields.
    fn wait_for_event(&self, fields: &Value) -> Value {
        self.listener.wait_for(&format!("the event {fields}"), |messages| {
            let mut events = messages.iter().filter(|message| message.topic.ends_with("/event")).map(Message::json);
            let fields = fields.as_object().unwrap();
            events.find(|event| fields.iter().all(|(key, value)| event[key] == *value))
        })
    }

    /// Sends a command.
    fn send(&self, id: &str, target: (&str, &str), value: &Value) {
        let payload = json!({"id": id, "device": target.0, "point": target.1, "value": value}).to_string();
        let topic = format!("{PREFIX}/command");
        self.listener.send(&Outgoing { topic: &topic, payload: payload.as_bytes(), ..Outgoing::default() });
    }

    /// The final outcome of a command.
    fn outcome(&self, id: &str) -> Value {
        self.listener.wait_for(&format!("the outcome of {id}"), |messages| {
            outcomes(messages, id).into_iter().find(|outcome| outcome["status"] != "queued")
        })
    }

    /// Waits until it was told that a command waits for its device.
    fn wait_until_queued(&self, id: &str) {
        self.listener.wait_for(&format!("{id} to be queued"), |messages| {
            outcomes(messages, id).into_iter().find(|outcome| outcome["status"] == "queued")
        });
    }
}

/// Everything that was told of a command, the oldest first.
fn outcomes(messages: &[Message], id: &str) -> Vec<Value> {
    let all = messages.iter().filter(|message| message.topic.ends_with("/outcome")).map(Message::json);
    all.filter(|outcome| outcome["id"] == *id).collect()
}

/// A `[[device]]` for the device of a number.
fn name(id: &str, number: u16) -> String {
    format!("[[device]]\nid = \"{id}\"\nadapter = \"zb\"\naddress = {{ ieee = \"{}\" }}", Coordinator::ieee(number))
}
