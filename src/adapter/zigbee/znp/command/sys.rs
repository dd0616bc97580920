//! SYS: the chip, its memory and its restarts (Z-Stack Monitor and Test API 1.14, 3.8).

use super::{commands, record, status::Status};
use crate::adapter::zigbee::{
    address::Ieee,
    wire::{Bytes8, Bytes16},
};

commands! {
    SYS, "SYS";
    /// Is anybody there?
    sreq Ping = 0x01 {} -> Capabilities;
    /// Which firmware is it?
    sreq Version = 0x02 {} -> Firmware;
    /// The address the chip was made with, or given.
    sreq GetIeee = 0x04 {} -> OwnIeee;
    /// Makes an NV item, with a first value.
    sreq NvInit = 0x07 {
        /// Which.
        id: u16,
        /// How long it is.
        length: u16,
        /// How it begins.
        value: Bytes8,
    } -> Done;
    /// Reads an NV item of the old kind.
    sreq NvRead = 0x08 {
        /// Which.
        id: u16,
        /// From where.
        offset: u8,
    } -> NvValue;
    /// Writes an NV item of the old kind.
    sreq NvWrite = 0x09 {
        /// Which.
        id: u16,
        /// From where.
        offset: u8,
        /// What.
        value: Bytes8,
    } -> Done;
    /// Deletes an NV item of the old kind; the length must be its own.
    sreq NvDelete = 0x12 {
        /// Which.
        id: u16,
        /// How long it is.
        length: u16,
    } -> Done;
    /// How long an NV item of the old kind is; 0 for one that is not there.
    sreq NvLength = 0x13 {
        /// Which.
        id: u16,
    } -> NvSize;
    /// Changes how the firmware works.
    sreq StackTune = 0x0f {
        /// 0 the power of the transmitter.
        operation: u8,
        /// In dBm, for operation 0.
        value: i8,
    } -> Done;
    /// Sets the power of the transmitter.
    sreq SetTxPower = 0x14 {
        /// In dBm.
        power_dbm: i8,
    } -> TxPower;
    /// As `NvRead`, for items longer than 255 bytes.
    sreq NvReadLong = 0x1c {
        /// Which.
        id: u16,
        /// From where.
        offset: u16,
    } -> NvValue;
    /// As `NvWrite`, for items longer than 255 bytes.
    sreq NvWriteLong = 0x1d {
        /// Which.
        id: u16,
        /// From where.
        offset: u16,
        /// What.
        value: Bytes16,
    } -> Done;
    /// Makes an item in the memory of Z-Stack 3.
    sreq TableCreate = 0x30 {
        /// Which.
        item: NvItem,
        /// How long it is.
        length: u32,
    } -> Done;
    /// Deletes an item of the memory of Z-Stack 3.
    sreq TableDelete = 0x31 {
        /// Which.
        item: NvItem,
    } -> Done;
    /// How long an item of the memory of Z-Stack 3 is; 0 for one that is not there.
    sreq TableLength = 0x32 {
        /// Which.
        item: NvItem,
    } -> TableSize;
    /// Reads an item of the memory of Z-Stack 3.
    sreq TableRead = 0x33 {
        /// Which.
        item: NvItem,
        /// From where.
        offset: u16,
        /// How many bytes.
        length: u8,
    } -> NvValue;
    /// Writes an item of the memory of Z-Stack 3.
    sreq TableWrite = 0x34 {
        /// Which.
        item: NvItem,
        /// From where.
        offset: u16,
        /// What.
        value: Bytes8,
    } -> Done;
    /// Writes a whole item of the memory of Z-Stack 3, which need not be there.
    sreq TableUpdate = 0x35 {
        /// Which.
        item: NvItem,
        /// What.
        value: Bytes8,
    } -> Done;
    ---
    /// Restarts the chip; it answers with [`ResetInd`].
    areq ResetReq = 0x00 {
        /// 0 the whole chip, 1 the program only.
        kind: u8,
    };
    /// The chip has started: on request, or because it lost its head.
    areq ResetInd = 0x80 {
        /// 0 power, 1 on request or other, 2 watchdog.
        reason: u8,
        /// Version of the interface.
        transport: u8,
        /// See [`Firmware`].
        product: u8,
        /// First part of the version.
        major: u8,
        /// Second part.
        minor: u8,
        /// Revision of the hardware.
        hardware: u8,
    };
}

record! {
    /// What can be asked for, one bit for each subsystem.
    Capabilities {
        /// Bit 0 is SYS.
        mask: u16,
    }
    /// The version of the firmware.
    Firmware {
        /// Version of the interface.
        transport: u8,
        /// 0 Z-Stack 1.2, 1 Z-Stack 3.x, 2 Z-Stack 3.0.
        product: u8,
        /// First part of the version.
        major: u8,
        /// Second part.
        minor: u8,
        /// Third part.
        maintenance: u8,
        /// The day it was built, as a decimal number; older firmware leaves it out.
        revision: Option<u32>,
    }
    /// The chip's address.
    OwnIeee {
        /// The address.
        ieee: Ieee,
    }
    /// The answer of what has nothing else to say.
    Done {
        /// How it went.
        status: Status,
    }
    /// Part of an NV item.
    NvValue {
        /// How it went.
        status: Status,
        /// As much as fits into a frame.
        value: Bytes8,
    }
    /// The length of an NV item.
    NvSize {
        /// 0 for an item that is not there.
        length: u16,
    }
    /// The length of an item of the memory of Z-Stack 3.
    TableSize {
        /// 0 for an item that is not there.
        length: u32,
    }
    /// The transmitter's power.
    TxPower {
        /// What it is now, in dBm; of Z-Stack 3.x a status instead.
        power_dbm: i8,
    }
    /// The name of an item in the memory of Z-Stack 3.
    NvItem {
        /// Whose memory: 1 is Z-Stack's.
        system: u8,
        /// Which table or item.
        item: u16,
        /// Which row of a table.
        sub: u16,
    }
}
