//! What a first start needs to know, as a person or a file says it.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::super::error::CliError;

/// Everything that is asked.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Answers {
    /// Who the gateway is.
    pub(super) gateway: Gateway,
    /// Where readings go.
    pub(super) uplink: Option<Uplink>,
    /// Modbus links with their devices.
    pub(super) modbus: Vec<Modbus>,
    /// Zigbee coordinators.
    pub(super) zigbee: Vec<Zigbee>,
    /// Whether sensors in reach of the Bluetooth radios are read.
    pub(super) bluetooth: bool,
}

/// Who the gateway is.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Gateway {
    /// Its name; that of the host when there is none.
    pub(super) id: Option<String>,
    /// The place it is at.
    pub(super) site: Option<String>,
}

/// A broker.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Uplink {
    /// Its name here.
    #[serde(default = "cloud")]
    pub(super) name: String,
    /// Its host.
    pub(super) host: String,
    /// Its port; 8883 with TLS and 1883 without when there is none.
    pub(super) port: Option<u16>,
    /// Whether it is reached by TLS.
    #[serde(default = "yes")]
    pub(super) tls: bool,
    /// Its roots, where those of the system do not do.
    pub(super) ca: Option<PathBuf>,
    /// The login's name.
    pub(super) username: Option<String>,
    /// The login's password, which goes into a file of its own.
    pub(super) password: Option<Password>,
}

/// A Modbus link.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Modbus {
    /// Its name.
    pub(super) name: String,
    /// `rtu:///dev/…?baud=9600` or `tcp://host:502`.
    pub(super) link: String,
    /// What is on it.
    #[serde(default)]
    pub(super) device: Vec<Device>,
}

/// A Modbus device.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Device {
    /// Its name.
    pub(super) id: String,
    /// Its unit id.
    #[serde(default = "one")]
    pub(super) unit: u8,
    /// Its profile, `vendor/model`.
    pub(super) profile: String,
}

/// A Zigbee coordinator.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Zigbee {
    /// Its name.
    pub(super) name: String,
    /// `serial:///dev/…` or `tcp://host:6638`.
    pub(super) link: String,
    /// Whether a network is made on a coordinator that has none.
    #[serde(default)]
    pub(super) form: bool,
}

/// A password. It prints as `***`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Password(pub(super) String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Answers {
    /// Reads them from a file.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let shown = path.display();
        let text = fs::read_to_string(path)
            .map_err(|error| CliError::Report(format!("{shown}:1:1: error: cannot read the file: {error}")))?;
        // The library shows the line that is wrong, which may be the password's: only what and where is told.
        toml::from_str(&text).map_err(|error: toml::de::Error| {
            let before = &text[..error.span().map_or(0, |span| span.start.min(text.len()))];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            CliError::Report(format!("{shown}:{line}:{column}: error: {}", error.message()))
        })
    }

    /// Whether anything will be read.
    pub(super) fn has_devices(&self) -> bool {
        self.bluetooth || !self.zigbee.is_empty() || self.modbus.iter().any(|link| !link.device.is_empty())
    }
}

fn cloud() -> String {
    "cloud".to_owned()
}

fn yes() -> bool {
    true
}

fn one() -> u8 {
    1
}
