//! Exception codes: a device's own words for why it refused (MODBUS Application Protocol 1.1b3, chapter 7).

use std::fmt;

/// The code of an exception answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Exception(pub u8);

impl Exception {
    /// The unit does not know the function.
    pub const ILLEGAL_FUNCTION: Self = Self(1);
    /// The unit has no such address, or the range runs past its end.
    pub const ILLEGAL_ADDRESS: Self = Self(2);
    /// The request's content is impossible.
    pub const ILLEGAL_VALUE: Self = Self(3);
    /// The unit failed while it tried.
    pub const DEVICE_FAILURE: Self = Self(4);
    /// The unit has begun and will take long; it is asked again.
    pub const ACKNOWLEDGE: Self = Self(5);
    /// The unit is at something else; it is asked again later.
    pub const BUSY: Self = Self(6);
    /// A gateway has no way to the unit.
    pub const PATH_UNAVAILABLE: Self = Self(10);
    /// A gateway reached no unit of this id.
    pub const TARGET_SILENT: Self = Self(11);

    /// The reason a reading carries.
    pub fn reason(self) -> &'static str {
        match self.0 {
            1 => "illegal-function",
            2 => "illegal-address",
            3 => "illegal-value",
            4 => "device-failure",
            5 => "acknowledge",
            6 => "busy",
            7 => "negative-acknowledge",
            8 => "memory-parity",
            10 => "gateway-path",
            11 => "gateway-target",
            _ => "exception",
        }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exception {} ({})", self.0, self.reason())
    }
}
