//! How the coordinator says that something went well or did not.

use crate::adapter::zigbee::status::statuses;

statuses! {
    /// The status byte of answers and confirmations: 0 is success.
    ///
    /// Z-Stack's `ZComDef.h` names them so.
    Status {
        /// Done.
        SUCCESS = 0x00,
        /// The NV item was not there and has been made.
        NV_MADE = 0x09,
        /// The chip is out of memory; later it may have some.
        OUT_OF_MEMORY = 0x10,
        /// The table or buffer is full; later there may be room.
        BUFFER_FULL = 0x11,
        /// The radio is out of memory; later it may have some.
        OUT_OF_MAC_MEMORY = 0x13,
        /// No device acknowledged on the APS layer.
        NO_APS_ACK = 0xb7,
        /// The network layer knows no way to the device.
        NO_ROUTE = 0xcd,
        /// The channel was never free.
        CHANNEL_BUSY = 0xe1,
        /// The next hop did not acknowledge.
        NO_MAC_ACK = 0xe9,
        /// A sleeping device did not fetch the message in time.
        EXPIRED = 0xf0,
    }
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
    0xe8 => "mac invalid parameter",
    0xe9 => "no mac acknowledgement",
    0xf0 => "transaction expired",
}
