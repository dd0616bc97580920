//! What the gateway itself serves, read and written by clients that are not ours: pymodbus and mbpoll.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::harness::{Broker, Gateway, Listener, Site, Units, Write, eventually, free_port, is_here, value_of};

/// A second point that can be written, and a server that shows both and one that counts its own reads.
const SERVER: &str = r#"
[[device.point]]
name = "locked"
register = "holding:1001"
type = "u16"
access = "rw"

[[republish]]
name = "scada"
listen = "127.0.0.1:PORT"
allow = ["127.0.0.1"]

[[republish.point]]
source = "unit-1/v0"
register = "input:0"
type = "u32"
order = "CDAB"
quality = "discrete:0"
age = "input:2"

[[republish.point]]
source = "unit-1/setpoint"
register = "holding:0"
type = "f32"

[[republish.point]]
source = "unit-1/locked"
register = "holding:2"
type = "u16"

[[grant]]
from = "api:republish-scada"
targets = ["unit-1/setpoint"]
range = [0, 50]
"#;

/// A gateway with a unit of pymodbus on one side and a server on the other.
struct Scene {
    units: Units,
    listener: Listener,
    gateway: Gateway,
    site: Site,
    port: u16,
    _broker: Broker,
}

impl Scene {
    /// Everything running, and every point read.
    fn start() -> Self {
        let (units, broker, port) = (Units::start(1, 1), Broker::start(), free_port());
        let listener = Listener::start(broker.port());
        let server = SERVER.replace("PORT", &port.to_string());
        let site = Site::new(broker.port()).line(units.port(), 1, 1, "100ms").setpoint().with(&server);
        let gateway = Gateway::start(&site);
        gateway.wait_for_log("Modbus server is up");
        let scene = Self { units, listener, gateway, site, port, _broker: broker };
        eventually("a reading of every point", || {
            let read = scene.ask(&["read holding 0 3", "read discrete 0 1"]);
            (read[0][2] != json!(65_535) && read[1] == json!([true])).then_some(())
        });
        scene
    }

    /// Carries out operations of `tests/peers/modbus_client.py` from an address.
    fn ask_from(&self, source: &str, operations: &[&str]) -> Value {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(root.join(".venv/bin/python"));
        command.arg(root.join("tests/peers/modbus_client.py")).args([&self.port.to_string(), source]);
        let output = command.args(operations).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}{errors}"))
    }

    /// From an address that is allowed.
    fn ask(&self, operations: &[&str]) -> Value {
        self.ask_from("127.0.0.1", operations)
    }
}

/// The first two registers of a read.
fn pair(read: &Value) -> (u32, u32) {
    let word = |index: usize| u32::try_from(read[index].as_u64().unwrap()).unwrap();
    (word(0), word(1))
}

#[test]
fn pymodbus_and_mbpoll_read_what_the_gateway_read() {
    let scene = Scene::start();

    let read = scene.ask(&["read input 0 3", "read discrete 0 1", "read input 0 4"]);

    let (low, high) = pair(&read[0]);
    assert_eq!(u64::from(high << 16 | low), value_of(1, 0, low), "{read}");
    assert!(read[0][2].as_u64().unwrap() < 10, "seconds since it was read: {read}");
    assert_eq!((&read[1], &read[2]), (&json!([true]), &json!({"exception": 2})));
    if is_here("mbpoll", "/usr/bin/mbpoll") {
        let mut mbpoll = Command::new("mbpoll");
        mbpoll.args(["-m", "tcp", "-p", &scene.port.to_string(), "-a", "1", "-0", "-t", "3:hex", "-r", "0"]);
        let output = mbpoll.args(["-c", "2", "-1", "-o", "10", "127.0.0.1"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(&format!("0x{high:04X}")), "{said}");
    }
    assert!(scene.gateway.stop().success());
}

#[test]
fn pymodbus_and_our_own_tools_learn_what_the_server_is() {
    let scene = Scene::start();

    let said = scene.ask(&["objects 1 0", "objects 3 0", "objects 4 1", "objects 4 7", "server-id"]);

    let version = env!("CARGO_PKG_VERSION");
    let basic = json!({"0": "Tidegate", "1": "tidegate", "2": version});
    assert_eq!((&said[0], &said[1]), (&basic, &basic));
    assert_eq!((&said[2], &said[3]), (&json!({"1": "tidegate"}), &json!({"exception": 2})));
    // Unit, running, and who it is; pymodbus takes the last byte for something else.
    let who = format!("Tidegate {version}");
    let bytes = who.bytes().take(who.len() - 1);
    let wanted = bytes.fold("01ff".to_owned(), |text, byte| text + format!("{byte:02x}").as_str());
    assert_eq!(said[4], json!(wanted));
    let mut identify = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    identify.args(["modbus", "identify", &format!("tcp://127.0.0.1:{}", scene.port), "--json"]);
    let output = identify.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("Tidegate") && said.contains(version), "{said}");
    assert!(scene.gateway.stop().success());
}

#[test]
fn a_write_needs_a_grant_and_arrives_once() {
    let scene = Scene::start();

    // 42.0 within the grant, 100.0 beyond it, a point without a grant, half of a value.
    let answers = scene.ask(&["write 0 16936 0", "write 0 17096 0", "write 2 7", "write 0 16936"]);

    assert_eq!(answers, json!([null, {"exception": 1}, {"exception": 1}, {"exception": 2}]));
    assert_eq!(scene.units.writes(), [Write { unit: 1, address: 1000, values: vec![42] }]);
    eventually("the new value", || (scene.ask(&["read holding 0 2"]) == json!([[16_936, 0]])).then_some(()));
    let outcomes = scene.listener.wait_for("three outcomes", |messages| {
        let outcomes = messages.iter().filter(|message| message.topic.ends_with("/outcome"));
        let words: Vec<_> = outcomes.map(|message| message.json()["status"].clone()).collect();
        (words.len() == 3).then_some(words)
    });
    assert_eq!(outcomes, ["done", "denied", "denied"]);
    assert!(scene.gateway.stop().success());
}

#[test]
fn who_is_not_allowed_learns_nothing_until_the_list_has_him() {
    let mut scene = Scene::start();

    assert_eq!(scene.ask_from("127.0.0.2", &["read input 0 2"]), json!(["closed"]));
    scene.gateway.wait_for_log("not on the access list");
    scene.site.replace("allow = [\"127.0.0.1\"]", "allow = [\"127.0.0.0/8\"]");
    scene.gateway.reload(&scene.site);
    scene.gateway.wait_for_log("republish scada started");

    eventually("an answer", || scene.ask_from("127.0.0.2", &["read input 0 2"])[0][0].as_u64());
    assert!(scene.gateway.stop().success());
}
