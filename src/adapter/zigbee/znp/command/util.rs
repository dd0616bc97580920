//! UTIL: odds and ends (Z-Stack Monitor and Test API 1.14, 3.11).

use super::{commands, record, status::Status, sys::Done};
use crate::adapter::zigbee::{
    address::{Ieee, Nwk},
    wire::List,
};

commands! {
    UTIL, "UTIL";
    /// Who the coordinator is and which children it has.
    sreq GetDeviceInfo = 0x00 {} -> DeviceInfo;
    /// Turns a light of the stick on or off.
    sreq LedControl = 0x0a {
        /// Which, from 1.
        led: u8,
        /// 0 off, 1 on.
        mode: u8,
    } -> Done;
    /// The short address of a device.
    sreq FindNwk = 0x40 {
        /// Its own address.
        ieee: Ieee,
    } -> FoundNwk;
    /// The own address of a device.
    sreq FindIeee = 0x41 {
        /// Its short address.
        nwk: Nwk,
    } -> FoundIeee;
    /// A row of the table of children.
    sreq GetChild = 0x4a {
        /// Its own address.
        ieee: Ieee,
        /// Its short address.
        nwk: Nwk,
    } -> Child;
    /// Forgets a child that no longer answers.
    sreq RemoveChild = 0x63 {
        /// Its own address.
        ieee: Ieee,
    } -> Done;
    /// Remembers a child again.
    sreq AddChild = 0x64 {
        /// Its own address.
        ieee: Ieee,
        /// Its short address.
        nwk: Nwk,
        /// What it is to us.
        relation: u8,
    } -> Done;
    ---
}

record! {
    /// The coordinator itself.
    DeviceInfo {
        /// How it went.
        status: Status,
        /// Its own address.
        ieee: Ieee,
        /// Its short address.
        nwk: Nwk,
        /// What it can be, as bits.
        kinds: u8,
        /// 9 is a coordinator at work.
        state: u8,
        /// Its children.
        children: List<Nwk>,
    }
    /// A short address; 0xffff or 0xfffe when there is none.
    FoundNwk {
        /// The address.
        nwk: Nwk,
    }
    /// An own address.
    FoundIeee {
        /// The address.
        ieee: Ieee,
    }
    /// A child, as far as all firmwares tell.
    Child {
        /// Its short address; 0xffff for none.
        nwk: Nwk,
        /// Where its addresses are.
        index: u16,
        /// What it is to us.
        relation: u8,
    }
}
