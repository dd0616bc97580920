//! The fields of answers, after their status (Zigbee R21, 2.4.4).

use super::{
    descriptor::{Node, Power, Simple},
    tables::{Binding, Neighbor, Route},
};
use crate::adapter::zigbee::{
    address::{Channels, Endpoint, Ieee, Nwk},
    record::record,
    wire::{Bytes8, List, Reader, Wire, WireError},
};

record! {
    /// Both addresses of a device.
    Addresses {
        /// Its own.
        ieee: Ieee,
        /// Its short one.
        nwk: Nwk,
        /// Its children, where they were asked for.
        children: Option<Children>,
    }
    /// What a device is in the network.
    NodeOf {
        /// The device.
        nwk: Nwk,
        /// What it is.
        node: Node,
    }
    /// How a device is powered.
    PowerOf {
        /// The device.
        nwk: Nwk,
        /// How.
        power: Power,
    }
    /// Which endpoints a device has.
    ActiveEndpointsOf {
        /// The device.
        nwk: Nwk,
        /// Its endpoints.
        endpoints: List<Endpoint>,
    }
    /// Which endpoints match.
    MatchingEndpoints {
        /// The device.
        nwk: Nwk,
        /// Its endpoints.
        endpoints: List<Endpoint>,
    }
    /// Part of the neighbours of a device.
    Neighbors {
        /// How many there are.
        total: u8,
        /// The first in this answer.
        start: u8,
        /// Those in this answer.
        neighbors: List<Neighbor>,
    }
    /// Part of the routes of a device.
    Routes {
        /// How many there are.
        total: u8,
        /// The first in this answer.
        start: u8,
        /// Those in this answer.
        routes: List<Route>,
    }
    /// Part of the bindings of a device.
    BindingTable {
        /// How many there are.
        total: u8,
        /// The first in this answer.
        start: u8,
        /// Those in this answer.
        bindings: List<Binding>,
    }
    /// What a device measured on channels.
    EnergyScan {
        /// Those it looked at.
        channels: Channels,
        /// How many frames it has sent.
        sent: u16,
        /// How many of them failed.
        failed: u16,
        /// The energy on each channel, 0 to 255.
        energy: List<u8>,
    }
}

/// The children of a device.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Children {
    /// The first in this answer.
    pub start: u8,
    /// Those in this answer.
    pub nwk: Vec<Nwk>,
}

/// The count stands before the start, the children behind it; without any the start is left out.
impl Wire for Children {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let count: u8 = reader.read()?;
        if count == 0 {
            return Ok(Self { start: 0, nwk: Vec::new() });
        }
        let start = reader.read()?;
        let nwk = (0..count).map(|_| reader.read()).collect::<Result<_, _>>()?;
        Ok(Self { start, nwk })
    }

    fn write(&self, out: &mut Vec<u8>) {
        // More than a frame holds are left to the next answer.
        let count = u8::try_from(self.nwk.len()).unwrap_or(u8::MAX);
        out.push(count);
        if count > 0 {
            out.push(self.start);
        }
        for nwk in self.nwk.iter().take(count.into()) {
            nwk.write(out);
        }
    }
}

/// What an endpoint does.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SimpleOf {
    /// The device.
    pub nwk: Nwk,
    /// What its endpoint does.
    pub simple: Simple,
}

/// The descriptor is a byte string of its own, so that what it has more than we know is left alone.
impl Wire for SimpleOf {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let nwk = reader.read()?;
        let descriptor: Bytes8 = reader.read()?;
        Ok(Self { nwk, simple: Simple::from_bytes(descriptor.as_slice())? })
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.nwk.write(out);
        let descriptor = self.simple.to_bytes();
        // Two full lists of clusters would not fit; no endpoint has that many.
        out.push(u8::try_from(descriptor.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(&descriptor[..descriptor.len().min(usize::from(u8::MAX))]);
    }
}
