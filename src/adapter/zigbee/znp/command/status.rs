//! How the coordinator says that something went well or did not.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::adapter::zigbee::wire::{Reader, Wire, WireError};

/// The status byte of answers and confirmations: 0 is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u8);

impl Status {
    /// Done.
    pub const SUCCESS: Self = Self(0x00);
    /// The NV item was not there and has been made.
    pub const NV_MADE: Self = Self(0x09);
    /// The table or buffer is full; later there may be room.
    pub const BUFFER_FULL: Self = Self(0x11);
    /// No device acknowledged on the APS layer.
    pub const NO_APS_ACK: Self = Self(0xb7);
    /// The network layer knows no way to the device.
    pub const NO_ROUTE: Self = Self(0xcd);
    /// The channel was never free.
    pub const CHANNEL_BUSY: Self = Self(0xe1);
    /// The next hop did not acknowledge.
    pub const NO_MAC_ACK: Self = Self(0xe9);
    /// A sleeping device did not fetch the message in time.
    pub const EXPIRED: Self = Self(0xf0);

    /// Whether it was done.
    pub fn is_success(self) -> bool {
        self == Self::SUCCESS
    }

    /// The reason in words (Z-Stack's `ZComDef.h` names them so); `None` for numbers without a name.
    fn meaning(self) -> Option<&'static str> {
        Some(match self.0 {
            0x00 => "success",
            0x01 => "failure",
            0x02 => "invalid parameter",
            0x09 => "nv item was made",
            0x0a => "nv operation failed",
            0x0b => "invalid memory size",
            0x0c => "nv length is wrong",
            0x10 => "out of memory",
            0x11 => "buffer full",
            0x12 => "unsupported mode",
            0x13 => "out of mac memory",
            0xb1 => "aps failure",
            0xb7 => "no aps acknowledgement",
            0xb8 => "aps duplicate entry",
            0xc1 => "nwk invalid parameter",
            0xc2 => "nwk invalid request",
            0xc3 => "nwk not permitted",
            0xc7 => "nwk leave unconfirmed",
            0xcd => "no route",
            0xe1 => "channel busy",
            0xe9 => "no mac acknowledgement",
            0xf0 => "transaction expired",
            _ => return None,
        })
    }
}

/// For people: `no route (0xcd)`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.meaning() {
            Some("success") => f.write_str("success"),
            Some(meaning) => write!(f, "{meaning} ({:#04x})", self.0),
            None => write!(f, "status {:#04x}", self.0),
        }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Wire for Status {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        reader.read().map(Self)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.0);
    }
}
