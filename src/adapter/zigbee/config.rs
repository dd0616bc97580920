//! A Zigbee coordinator and the devices that have names, as meant.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{
    address::{self, Cluster, ExtendedPan, Ieee, Pan},
    link::Link,
    quirk::{OwnPoint, Quirk, Quirks},
    reporting::{Intervals, Wanted},
    tuya::Clock,
};
use crate::{
    config::{Pressure, Secret},
    model::DeviceId,
};

/// One `[[adapter]]` of kind `zigbee` with its devices.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The adapter's name.
    pub name: String,
    /// What happens while there is no room for its readings.
    pub pressure: Pressure,
    /// How the stick is reached.
    pub link: Link,
    /// Who may join while joining is permitted.
    pub accept: Accept,
    /// Whether each message gives a reading of its reception.
    pub has_signal: bool,
    /// Whether frames of which nothing was made are told as events.
    pub is_raw: bool,
    /// Whether an empty stick is given a network without asking.
    pub may_form: bool,
    /// How many backups of the stick are kept.
    pub backups: u8,
    /// Where images of firmware are.
    pub firmware: Option<PathBuf>,
    /// How many parts of them are given out in a second.
    pub firmware_rate: u8,
    /// How strongly the stick shall send, in dBm.
    pub tx_power: Option<i8>,
    /// The network that is wanted.
    pub network: Network,
    /// Devices that are commanded together.
    pub groups: Vec<Group>,
    /// Names of devices.
    pub devices: BTreeMap<Ieee, DeviceId>,
    /// When devices shall report.
    pub reporting: Intervals,
    /// When single devices shall report, where that is not as all others.
    pub own_reporting: BTreeMap<Ieee, Wanted>,
    /// What their keys say of some of them.
    pub own: BTreeMap<Ieee, Own>,
    /// What profiles say of devices that do not name one.
    pub quirks: Quirks,
}

impl Config {
    /// When a device shall report.
    pub fn reporting_of(&self, ieee: Ieee) -> Wanted {
        let alike = || Wanted { all: self.reporting, ..Wanted::default() };
        self.own_reporting.get(&ieee).cloned().unwrap_or_else(alike)
    }
}

/// What the keys of a device say of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Own {
    /// The profile that it names, with its own points.
    pub quirk: Option<Quirk>,
    /// Its own points, when it names none.
    pub points: Vec<OwnPoint>,
    /// Clusters that are bound besides, when it names none.
    pub bind: Vec<Cluster>,
    /// From when it counts the seconds, when that is said and it names none.
    pub clock: Option<Clock>,
}

/// Devices that one message commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name as a device.
    pub id: DeviceId,
    /// Its number in the air, which follows from its name alone.
    pub number: address::Group,
    /// Its members.
    pub members: BTreeSet<Ieee>,
}

/// Who may join while joining is permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// Everybody.
    All,
    /// Devices with a `[[device]]` of their own; others are sent away.
    Listed,
}

/// What is said of the network; what is left out may be anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    /// 11 to 26.
    pub channel: Option<u8>,
    /// Its short name.
    pub pan: Option<Pan>,
    /// Its long name.
    pub extended_pan: Option<ExtendedPan>,
    /// Where its key is; read when it is needed.
    pub key: Option<Secret>,
}
