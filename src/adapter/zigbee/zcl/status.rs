//! How a device says that it did something or why it did not (ZCL, 2.6.3).

use std::fmt;

use serde::{Serialize, Serializer};

use crate::adapter::zigbee::wire::{Reader, Wire, WireError};

/// The status byte of responses: 0 is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u8);

impl Status {
    /// Done.
    pub const SUCCESS: Self = Self(0x00);
    /// It would not, without a better word.
    pub const FAILURE: Self = Self(0x01);
    /// The sender may not do this.
    pub const NOT_AUTHORIZED: Self = Self(0x7e);
    /// Fields are missing or wrong.
    pub const MALFORMED: Self = Self(0x80);
    /// There is no such command.
    pub const UNSUPPORTED_COMMAND: Self = Self(0x81);
    /// There is no such attribute.
    pub const UNSUPPORTED_ATTRIBUTE: Self = Self(0x86);
    /// The value is out of range.
    pub const INVALID_VALUE: Self = Self(0x87);
    /// The attribute cannot be written.
    pub const READ_ONLY: Self = Self(0x88);
    /// The attribute cannot be reported.
    pub const UNREPORTABLE: Self = Self(0x8c);
    /// The attribute has another type.
    pub const INVALID_TYPE: Self = Self(0x8d);
    /// There is no such cluster.
    pub const UNSUPPORTED_CLUSTER: Self = Self(0xc3);

    /// Whether it was done.
    pub fn is_success(self) -> bool {
        self == Self::SUCCESS
    }

    /// The reason in words; `None` for numbers without a name.
    fn meaning(self) -> Option<&'static str> {
        Some(match self.0 {
            0x00 => "success",
            0x01 => "failure",
            0x7e => "not authorized",
            0x80 => "malformed command",
            // 0x82 to 0x84 are older words for the same.
            0x81..=0x84 => "unsupported command",
            0x85 => "invalid field",
            0x86 => "unsupported attribute",
            0x87 => "invalid value",
            0x88 => "read only",
            0x89 => "insufficient space",
            0x8a => "duplicate exists",
            0x8b => "not found",
            0x8c => "unreportable attribute",
            0x8d => "invalid data type",
            0x8e => "invalid selector",
            0x8f => "write only",
            0x93 => "action denied",
            0x94 => "timeout",
            0x95 => "abort",
            0x96 => "invalid image",
            0x97 => "wait for data",
            0x98 => "no image available",
            0x99 => "require more image",
            0x9a => "notification pending",
            0xc0 => "hardware failure",
            0xc1 => "software failure",
            0xc3 => "unsupported cluster",
            0xc4 => "limit reached",
            _ => return None,
        })
    }
}

/// For people: `read only (0x88)`.
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
