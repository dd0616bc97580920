//! How a device says that it did something or why it did not (ZCL, 2.6.3).

use crate::adapter::zigbee::status::statuses;

statuses! {
    /// The status byte of responses: 0 is success.
    Status {
        /// Done.
        SUCCESS = 0x00,
        /// It would not, without a better word.
        FAILURE = 0x01,
        /// The sender may not do this.
        NOT_AUTHORIZED = 0x7e,
        /// Fields are missing or wrong.
        MALFORMED = 0x80,
        /// There is no such command.
        UNSUPPORTED_COMMAND = 0x81,
        /// There is no such attribute.
        UNSUPPORTED_ATTRIBUTE = 0x86,
        /// The value is out of range.
        INVALID_VALUE = 0x87,
        /// The attribute cannot be written.
        READ_ONLY = 0x88,
        /// What is asked for is not there.
        NOT_FOUND = 0x8b,
        /// The attribute cannot be reported.
        UNREPORTABLE = 0x8c,
        /// The attribute has another type.
        INVALID_TYPE = 0x8d,
        /// There is no such cluster.
        UNSUPPORTED_CLUSTER = 0xc3,
    }
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
}
