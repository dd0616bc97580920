//! Why a connection, a read or a write failed.

use std::time::Duration;

use bluez_async::BluetoothError;

use super::Characteristic;
use crate::adapter::ble::air::bus::BusError;

/// Why a connection, a read or a write failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LinkError {
    /// `BlueZ` has not heard the device of late.
    #[error("the device is not in reach")]
    NotInReach,
    /// The attempt was broken off, which the next may not be.
    #[error("the connection was aborted: {0}")]
    Aborted(String),
    /// There is no such characteristic.
    #[error("the device has no characteristic {0}")]
    NoCharacteristic(Characteristic),
    /// The device wants to know us.
    #[error("the device wants to be paired: {0} (help: pair = true, or its passkey)")]
    NotAuthorized(String),
    /// The device does not let itself be paired.
    #[error("pairing failed: {0} (help: is its passkey right, and does it wait to be paired?)")]
    NotPaired(String),
    /// The device or `BlueZ` refused.
    #[error("{0}")]
    Refused(String),
    /// No answer came.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The connection is over.
    #[error("the connection is lost")]
    Lost,
    /// D-Bus or `BlueZ` is not there.
    #[error("{0}")]
    Bus(String),
}

/// What an error of `BlueZ` means (its `doc/gatt-api.txt`).
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
pub(super) fn sort(error: BluetoothError) -> LinkError {
    let BluetoothError::DbusError(inner) = &error else { return LinkError::Refused(error.to_string()) };
    let text = inner.message().unwrap_or_default().to_owned();
    match inner.name().unwrap_or_default() {
        "org.bluez.Error.NotConnected"
        | "org.freedesktop.DBus.Error.UnknownObject"
        | "org.freedesktop.DBus.Error.UnknownMethod" => LinkError::Lost,
        "org.bluez.Error.NotAuthorized" | "org.bluez.Error.NotPermitted" => LinkError::NotAuthorized(text),
        "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.Disconnected" => {
            LinkError::Bus(text)
        }
        "org.bluez.Error.Failed" if text == "Not connected" => LinkError::Lost,
        _ => LinkError::Refused(text),
    }
}

impl From<BusError> for LinkError {
    fn from(error: BusError) -> Self {
        Self::Bus(error.to_string())
    }
}
