//! How a device's ZDO says that it did something or why it did not (Zigbee R21, 2.4.5).

use std::fmt;

use serde::{Serialize, Serializer};

use crate::adapter::zigbee::wire::{Reader, Wire, WireError};

/// The status byte of an answer: 0 is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u8);

impl Status {
    /// Done.
    pub const SUCCESS: Self = Self(0x00);
    /// It does not do that.
    pub const NOT_SUPPORTED: Self = Self(0x84);
    /// The device that is asked about is not known.
    pub const DEVICE_NOT_FOUND: Self = Self(0x81);
    /// There is no such endpoint.
    pub const INVALID_ENDPOINT: Self = Self(0x82);
    /// There is no such binding.
    pub const NO_ENTRY: Self = Self(0x88);
    /// There is no room for another binding.
    pub const TABLE_FULL: Self = Self(0x8c);

    /// Whether it was done.
    pub fn is_success(self) -> bool {
        self == Self::SUCCESS
    }

    /// The reason in words; `None` for numbers without a name.
    fn meaning(self) -> Option<&'static str> {
        Some(match self.0 {
            0x00 => "success",
            0x80 => "invalid request type",
            0x81 => "device not found",
            0x82 => "invalid endpoint",
            0x83 => "not active",
            0x84 => "not supported",
            0x85 => "timeout",
            0x86 => "no match",
            0x88 => "no entry",
            0x89 => "no descriptor",
            0x8a => "insufficient space",
            0x8b => "not permitted",
            0x8c => "table full",
            0x8d => "not authorized",
            0x8e => "device binding table full",
            _ => return None,
        })
    }
}

/// For people: `no entry (0x88)`.
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
