//! A gateway's place: its folder with configuration, rules, buffer and socket.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;

/// The topic prefix of every gateway under test.
pub(crate) const PREFIX: &str = "tidegate/test/gw";

/// A folder and the configuration in it.
pub(crate) struct Site {
    /// Holds everything, removed when neither the site nor a gateway on it is left.
    dir: Arc<TempDir>,
    /// The configuration's text.
    config: String,
}

impl Site {
    /// A gateway with one uplink `cloud` to a broker on this port. Small limits, so that an outage of seconds shows
    /// what one of hours would.
    pub(crate) fn new(uplink_port: u16) -> Self {
        let dir = Arc::new(TempDir::new().unwrap());
        fs::create_dir(dir.path().join("rules")).unwrap();
        let place = dir.path().display();
        let config = format!(
            r#"[gateway]
id = "gw"
site = "test"

[buffer]
path = "{place}/buffer.db"
durability = "strict"
commit = "100ms"
express = false

[rules]
dir = "{place}/rules"

[api]
socket = "{place}/api.sock"

[[uplink]]
name = "cloud"
url = "mqtt://127.0.0.1:{uplink_port}"
order = "strict"
window = 10
commands = true
reconnect = {{ min = "100ms", max = "1s" }}
"#
        );
        Self { dir, config }
    }

    /// Adds a Modbus line with `points` values on each of the units 1 to `units`, named `v0`, `v1`, ...
    pub(crate) fn line(mut self, port: u16, units: u8, points: u16, poll: &str) -> Self {
        writeln!(
            self.config,
            "\n[[adapter]]\nname = \"line\"\nkind = \"modbus\"\nlink = \"tcp://127.0.0.1:{port}\"\ntimeout = \"2s\""
        )
        .unwrap();
        for unit in 1..=units {
            writeln!(
                self.config,
                "\n[[device]]\nid = \"unit-{unit}\"\nadapter = \"line\"\naddress = {{ unit = {unit} }}"
            )
            .unwrap();
            for point in 0..points {
                let offset = 2 * point;
                writeln!(
                    self.config,
                    "[[device.point]]\nname = \"v{point}\"\nregister = \"holding:{offset}\"\ntype = \"u32\"\npoll = \"{poll}\""
                )
                .unwrap();
            }
        }
        self
    }

    /// Adds a writable point `setpoint` (holding register 1000) to the device that was added last.
    pub(crate) fn setpoint(self) -> Self {
        self.with(
            "[[device.point]]\nname = \"setpoint\"\nregister = \"holding:1000\"\ntype = \"u16\"\naccess = \"rw\"\n\
             poll = \"1s\"",
        )
    }

    /// The buffer's default form: blocks are published when they are cut, and committed every second.
    pub(crate) fn express(mut self) -> Self {
        self.replace("durability = \"strict\"\ncommit = \"100ms\"\nexpress = false\n", "");
        self
    }

    /// Adds any text to the configuration.
    pub(crate) fn with(mut self, text: &str) -> Self {
        writeln!(self.config, "{text}").unwrap();
        self
    }

    /// Replaces a text in the configuration, which must be there.
    pub(crate) fn replace(&mut self, from: &str, to: &str) {
        assert!(self.config.contains(from), "{from} is not in the configuration");
        self.config = self.config.replace(from, to);
    }

    /// Writes the configuration and says where it is.
    pub(crate) fn write(&self) -> PathBuf {
        let path = self.path("tidegate.toml");
        fs::write(&path, &self.config).unwrap();
        path
    }

    /// Keeps the folder for as long as it is held.
    pub(crate) fn hold(&self) -> Arc<TempDir> {
        Arc::clone(&self.dir)
    }

    /// A file of the site.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }
}
