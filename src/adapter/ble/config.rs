//! A Bluetooth adapter and its devices, as meant.

use std::{sync::Arc, time::Duration};

use super::decode::Address;
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
    /// The devices in the order of the configuration.
    pub devices: Vec<Device>,
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
    /// The name it is taken to advertise.
    pub model: Option<String>,
    /// The points that are wanted; all that come when there are none.
    pub points: Vec<Arc<Point>>,
}
