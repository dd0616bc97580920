//! Modbus units served by pymodbus, see `tests/peers/modbus_server.py`.

use std::{
    collections::BTreeMap,
    path::Path,
    process::Command,
    sync::{Mutex, PoisonError},
};

use super::{eventually, process::Process};

/// A register write as the server saw it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct Write {
    /// Unit id.
    pub(crate) unit: u8,
    /// First register.
    pub(crate) address: u16,
    /// What was written.
    pub(crate) values: Vec<u16>,
}

/// Units 1..=n behind one port.
pub(crate) struct Units {
    /// The server.
    process: Mutex<Process>,
    /// Where it listens.
    port: u16,
}

impl Units {
    /// Starts so many units with so many points each.
    pub(crate) fn start(units: u8, points: u16) -> Self {
        Self::start_with(units, points, &["socket"])
    }

    /// The same in another framing, with what else `modbus_server.py` wants to know.
    pub(crate) fn start_with(units: u8, points: u16, framing: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(root.join(".venv/bin/python"));
        command.arg(root.join("tests/peers/modbus_server.py"));
        command.args(["0", &units.to_string(), &points.to_string()]).args(framing);
        let process = Process::start("pymodbus", &mut command);
        let hello: serde_json::Value = serde_json::from_str(&process.line(0)).unwrap();
        let port = hello["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        Self { process: Mutex::new(process), port }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How often each point was read, by `unit/point`.
    pub(crate) fn served(&self) -> BTreeMap<String, u32> {
        serde_json::from_str(&self.ask("served")).unwrap()
    }

    /// Waits until every point was read so often.
    pub(crate) fn wait_served(&self, times: u32) {
        eventually(&format!("{times} reads of every point"), || {
            self.served().values().all(|&served| served >= times).then_some(())
        });
    }

    /// Every write so far, in order.
    pub(crate) fn writes(&self) -> Vec<Write> {
        serde_json::from_str(&self.ask("writes")).unwrap()
    }

    /// Makes a unit silent: it takes requests, also acts on them, and never answers.
    pub(crate) fn mute(&self, unit: u8) {
        self.ask(&format!("mute {unit}"));
    }

    /// Lets it speak again.
    pub(crate) fn unmute(&self, unit: u8) {
        self.ask(&format!("unmute {unit}"));
    }

    /// One control line and its answer.
    fn ask(&self, line: &str) -> String {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).ask(line)
    }
}
