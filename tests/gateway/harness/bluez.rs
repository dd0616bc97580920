//! A stand-in for `bluetoothd` on a bus of its own, see `tests/peers/bluez.py`.

use std::{
    path::Path,
    process::Command,
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};

use super::{eventually, process::Process};

/// Debian's Python, which has the bindings to D-Bus.
const PYTHON: &str = "/usr/bin/python3";

/// The stand-in.
pub(crate) struct Bluez {
    process: Mutex<Process>,
    /// Where its bus is.
    address: String,
}

impl Bluez {
    /// Starts it; `None`, said loudly, where its bindings are missing.
    pub(crate) fn start() -> Option<Self> {
        let probe = Command::new(PYTHON).args(["-c", "import dbus; from gi.repository import GLib"]).output();
        let has_bindings = probe.is_ok_and(|probe| probe.status.success());
        if !has_bindings || !Path::new("/usr/bin/dbus-daemon").exists() {
            eprintln!("SKIPPED: python3-dbus, python3-gi or dbus-daemon is missing, make setup installs them");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/bluez.py");
        let process = Process::start("bluez", Command::new(PYTHON).arg(script));
        let address = process.line(0);
        Some(Self { process: Mutex::new(process), address })
    }

    /// What the gateway's environment needs.
    pub(crate) fn environment(&self) -> [(&str, String); 1] {
        [("DBUS_SYSTEM_BUS_ADDRESS", self.address.clone())]
    }

    /// Gives an order and waits for the answer.
    pub(crate) fn order(&self, order: &Value) -> Value {
        let answer = self.process.lock().unwrap_or_else(PoisonError::into_inner).ask(&order.to_string());
        serde_json::from_str(&answer).unwrap()
    }

    /// An order of one word.
    pub(crate) fn tell(&self, word: &str) {
        assert_eq!(self.order(&json!({ "do": word })), json!(true), "{word}");
    }

    /// Sends one advertisement, which somebody must be listening for.
    pub(crate) fn advert(&self, mac: &str, advert: &Value) {
        let mut order = json!({ "do": "advert", "mac": mac });
        order.as_object_mut().expect("an object").extend(advert.as_object().expect("an object").clone());
        assert_eq!(self.order(&order), json!(true), "nobody scans");
    }

    /// Waits until somebody scans.
    pub(crate) fn wait_for_scan(&self) {
        self.tell("wait");
    }

    /// Waits until scans were begun so often.
    pub(crate) fn wait_for_scans(&self, times: u64) {
        let order = json!({ "do": "scans" });
        eventually("another scan", || (self.order(&order)["scans"].as_u64()? >= times).then_some(()));
    }
}
