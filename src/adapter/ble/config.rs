//! A Bluetooth adapter and its devices, as meant.

use std::{sync::Arc, time::Duration};

use super::{air::Characteristic, decode::Address, gatt::layout::Layout, profiled::Profile};
use crate::{
    config::{Pressure, Secret},
    model::{DeviceId, Point},
};

/// One `[[adapter]]` of kind `ble` with its devices.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The adapter's name in the configuration.
    pub name: String,
    /// What happens while there is no room for its readings.
    pub pressure: Pressure,
    /// The host's radio, `hci0`; every powered one when none is named.
    pub radio: Option<String>,
    /// Whose advertisements become readings.
    pub accept: Accept,
    /// Whether the power of reception is a point.
    pub signal: bool,
    /// Whether the data of advertisements are a point.
    pub raw: bool,
    /// Least time between two readings of a point, for devices that are not configured.
    pub min_interval: Option<Duration>,
    /// How many devices may be connected to at once.
    pub connections: u8,
    /// Whether a radio that stays silent is switched off and on.
    pub power_cycle: bool,
    /// The devices in the order of the configuration.
    pub devices: Vec<Device>,
    /// Profiles that read advertisements of devices that name none.
    pub profiles: Vec<Arc<Profile>>,
}

/// Whose advertisements become readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// Those of configured devices.
    Configured,
    /// Those of every device whose format is known.
    Formats,
}

/// One configured device.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// The device's id.
    pub id: DeviceId,
    /// Where it sends from.
    pub address: Address,
    /// Where its key is kept, if it encrypts.
    pub key: Option<Secret>,
    /// Usual time between two of its advertisements; learnt when it is not set.
    pub expect: Option<Duration>,
    /// Least time between two readings of a point.
    pub min_interval: Option<Duration>,
    /// The name it is taken to advertise.
    pub model: Option<String>,
    /// The advertised points that are wanted; all that come when none of either kind is listed.
    pub points: Vec<Arc<Point>>,
    /// The points it is connected to for.
    pub behind: Vec<GattPoint>,
    /// Whether it stays connected between reads.
    pub stays: bool,
    /// The profile that reads its advertisements.
    pub profile: Option<Arc<Profile>>,
}

/// A point behind a connection.
#[derive(Debug, Clone, PartialEq)]
pub struct GattPoint {
    /// What others know of it.
    pub point: Arc<Point>,
    /// Where its bytes are.
    pub at: Characteristic,
    /// What they mean.
    pub layout: Layout,
    /// Whether the device confirms writes.
    pub is_confirmed: bool,
    /// Whether the device tells it by itself.
    pub notifies: bool,
    /// How often it is read.
    pub poll: Duration,
}

impl Device {
    /// Whether it is to be connected all the time.
    pub fn stays_connected(&self) -> bool {
        self.stays || self.behind.iter().any(|behind| behind.notifies)
    }
}
