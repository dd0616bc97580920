//! How a device's ZDO says that it did something or why it did not (Zigbee R21, 2.4.5).

use crate::adapter::zigbee::status::statuses;

statuses! {
    /// The status byte of an answer: 0 is success.
    Status {
        /// Done.
        SUCCESS = 0x00,
        /// It does not do that.
        NOT_SUPPORTED = 0x84,
        /// The device that is asked about is not known.
        DEVICE_NOT_FOUND = 0x81,
        /// There is no such endpoint.
        INVALID_ENDPOINT = 0x82,
        /// There is no such binding.
        NO_ENTRY = 0x88,
        /// There is no room for another binding.
        TABLE_FULL = 0x8c,
    }
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
}
