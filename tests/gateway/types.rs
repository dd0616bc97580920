//! What registers mean, against pymodbus as a second opinion: every type in every order, read and written.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::Path,
    process::Command,
    sync::{Mutex, PoisonError},
};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::{Broker, Cable, Gateway, Listener, Message, Outgoing, PREFIX, Site, process::Process};

/// A point as the unit describes it.
#[derive(Debug, Deserialize)]
struct Point {
    name: String,
    register: String,
    #[serde(rename = "type")]
    kind: String,
    order: String,
    /// What it has to read as.
    value: Value,
    /// What it is to be written with.
    set: Option<Value>,
    /// The function that has to write it.
    function: Option<u8>,
    /// The words that have to arrive.
    words: Option<Vec<u16>>,
}

impl Point {
    /// The tables of the configuration that map it.
    fn config(&self) -> String {
        let Self { name, register, kind, order, .. } = self;
        let access = if self.set.is_some() { "rw" } else { "r" };
        let write = if self.function == Some(22) { "write = \"mask\"\n" } else { "" };
        format!(
            "[[device.point]]\nname = \"{name}\"\nregister = \"{register}\"\ntype = \"{kind}\"\norder = \"{order}\"\n\
             access = \"{access}\"\n{write}\n"
        )
    }

    /// The write that has to reach the unit: function, address and words.
    fn write(&self) -> (u8, u16, Vec<u16>) {
        let (_, offset) = self.register.split_once(':').unwrap();
        (self.function.unwrap(), offset.parse().unwrap(), self.words.clone().unwrap())
    }
}

/// What the unit says first.
#[derive(Deserialize)]
struct Hello {
    port: u16,
    points: Vec<Point>,
}

/// The unit of `tests/peers/modbus_types.py`.
struct Types {
    process: Mutex<Process>,
    hello: Hello,
}

impl Types {
    /// Starts it with values that follow from `seed`, in a framing.
    fn start(seed: u32, framing: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(root.join(".venv/bin/python"));
        command.arg(root.join("tests/peers/modbus_types.py")).args(["0", &seed.to_string(), framing]);
        let process = Process::start("pymodbus", &mut command);
        let hello = serde_json::from_str(&process.line(0)).unwrap();
        Self { process: Mutex::new(process), hello }
    }

    /// The points that are to be written.
    fn written(&self) -> impl Iterator<Item = &Point> {
        self.hello.points.iter().filter(|point| point.set.is_some())
    }

    /// Every write so far: function, address and words.
    fn writes(&self) -> Vec<(u8, u16, Vec<u16>)> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::from_str(&process.ask("writes")).unwrap()
    }

    /// The adapter, the device and its points, read once.
    fn config(&self, link: &str) -> String {
        let mut config = format!(
            "[[adapter]]\nname = \"line\"\nkind = \"modbus\"\nlink = \"{link}\"\npoll = \"1h\"\n\n\
             [[device]]\nid = \"unit\"\nadapter = \"line\"\naddress = {{ unit = 1 }}\n\n"
        );
        for point in &self.hello.points {
            config.write_str(&point.config()).unwrap();
        }
        config + "[[grant]]\nfrom = \"uplink:cloud\"\ntargets = [\"unit/*\"]\n"
    }
}

/// The first value of each point.
fn values(messages: &[Message]) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    for message in messages.iter().filter(|message| message.topic.ends_with("/data")) {
        for reading in message.json()["readings"].as_array().unwrap() {
            values.entry(reading["point"].as_str().unwrap().to_owned()).or_insert(reading["value"].clone());
        }
    }
    values
}

/// Outcomes by id.
fn outcomes(messages: &[Message]) -> BTreeMap<String, Value> {
    let outcomes = messages.iter().filter(|message| message.topic.ends_with("/outcome")).map(Message::json);
    outcomes.map(|outcome| (outcome["id"].as_str().unwrap().to_owned(), outcome)).collect()
}

/// Waits until every point was read over a link, and compares.
fn expect_values(types: &Types, listener: &Listener, link: &str) {
    let count = types.hello.points.len();
    let read = listener.wait_for(&format!("{count} values over {link}"), |messages| {
        Some(values(messages)).filter(|values| values.len() == count)
    });
    for point in &types.hello.points {
        assert_eq!(read[&point.name], point.value, "{link}: {point:?}");
    }
}

#[test]
fn every_type_in_every_order_reads_alike_over_every_kind_of_line() {
    let folder = tempfile::tempdir().unwrap();
    let port = folder.path().join("usb-serial");
    for (seed, framing) in (8..).zip(["rtu", "ascii"]) {
        let types = Types::start(seed, framing);
        let broker = Broker::start();
        for link in [
            format!("{framing}+tcp://127.0.0.1:{}", types.hello.port),
            format!("{framing}://{}?baud=115200", port.display()),
        ] {
            let _cable = Cable::to_server(&port, types.hello.port);
            let listener = Listener::start(broker.port());
            let gateway = Gateway::start(&Site::new(broker.port()).with(&types.config(&link)));
            expect_values(&types, &listener, &link);
            assert!(gateway.stop().success());
        }
    }
}

#[test]
fn every_type_in_every_order_reads_and_writes_as_pymodbus_does() {
    let types = Types::start(7, "socket");
    let link = format!("tcp://127.0.0.1:{}", types.hello.port);
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let site = Site::new(broker.port()).with(&types.config(&link));
    let _gateway = Gateway::start(&site);
    broker.wait_for_subscription(&format!("{PREFIX}/command"));

    expect_values(&types, &listener, &link);

    for point in types.written() {
        let command = json!({"id": point.name, "device": "unit", "point": point.name, "value": point.set});
        let topic = format!("{PREFIX}/command");
        listener.send(&Outgoing { topic: &topic, payload: command.to_string().as_bytes(), ..Outgoing::default() });
        let outcome = listener
            .wait_for(&format!("the outcome of {}", point.name), |messages| outcomes(messages).remove(&point.name));
        assert_eq!(
            (&outcome["status"], &outcome["value"]),
            (&json!("done"), point.set.as_ref().unwrap()),
            "{point:?}"
        );
    }
    let wanted: Vec<_> = types.written().map(Point::write).collect();
    assert_eq!(types.writes(), wanted);
}
