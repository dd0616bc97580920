//! Rows of the tables that devices keep: neighbours, routes, bindings (Zigbee R21, 2.4.4.3).

use serde::Serialize;

use crate::adapter::zigbee::{
    address::{Cluster, Endpoint, ExtendedPan, Group, Ieee, Nwk},
    record::record,
    wire::{Reader, Wire, WireError},
};

/// Somebody a device hears; 22 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Neighbor {
    /// The network.
    pub extended_pan: ExtendedPan,
    /// Its own address.
    pub ieee: Ieee,
    /// Its short address.
    pub nwk: Nwk,
    /// 0 coordinator, 1 router, 2 end device, 3 not known.
    pub role: u8,
    /// 0 its receiver sleeps, 1 it is on, 2 not known.
    pub receiver: u8,
    /// 0 parent, 1 child, 2 sibling, 3 none, 4 former child.
    pub relation: u8,
    /// 0 it lets nobody in, 1 it does, 2 not known.
    pub permits_joining: u8,
    /// Hops from the coordinator.
    pub depth: u8,
    /// How well it is heard, 0 to 255.
    pub link_quality: u8,
}

impl Wire for Neighbor {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let (extended_pan, ieee, nwk) = (reader.read()?, reader.read()?, reader.read()?);
        let [bits, joining, depth, link_quality] = reader.array()?;
        Ok(Self {
            extended_pan,
            ieee,
            nwk,
            role: bits & 0x03,
            receiver: bits >> 2 & 0x03,
            relation: bits >> 4 & 0x07,
            permits_joining: joining & 0x03,
            depth,
            link_quality,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.extended_pan.write(out);
        self.ieee.write(out);
        self.nwk.write(out);
        let bits = (self.relation & 0x07) << 4 | (self.receiver & 0x03) << 2 | self.role & 0x03;
        out.extend_from_slice(&[bits, self.permits_joining & 0x03, self.depth, self.link_quality]);
    }
}

/// A way a device knows; five bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Route {
    /// To whom.
    pub to: Nwk,
    /// 0 active, 1 being looked for, 2 failed, 3 inactive, 4 being checked.
    pub status: u8,
    /// Whether the device is short of memory for routes.
    pub is_constrained: bool,
    /// Whether it leads to one that collects from many.
    pub is_many_to_one: bool,
    /// Whether the way has to be told with the next message.
    pub needs_record: bool,
    /// The first hop.
    pub next: Nwk,
}

impl Wire for Route {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let to = reader.read()?;
        let bits: u8 = reader.read()?;
        Ok(Self {
            to,
            status: bits & 0x07,
            is_constrained: bits & 0x08 != 0,
            is_many_to_one: bits & 0x10 != 0,
            needs_record: bits & 0x20 != 0,
            next: reader.read()?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.to.write(out);
        let flags = [(self.is_constrained, 0x08), (self.is_many_to_one, 0x10), (self.needs_record, 0x20)];
        let flags = flags.iter().filter(|(is_set, _)| *is_set).fold(0, |bits, (_, bit)| bits | bit);
        out.push(self.status & 0x07 | flags);
        self.next.write(out);
    }
}

record! {
    /// Whom a device sends what a cluster has to say.
    Binding {
        /// The device.
        from: Ieee,
        /// Its endpoint.
        endpoint: Endpoint,
        /// The cluster.
        cluster: Cluster,
        /// To whom.
        to: BindTarget,
    }
}

/// To whom a binding leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BindTarget {
    /// The members of a group.
    Group(Group),
    /// An endpoint of a device.
    Device {
        /// The device.
        ieee: Ieee,
        /// Its endpoint.
        endpoint: Endpoint,
    },
}

impl Wire for BindTarget {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        match reader.read()? {
            0x01u8 => Ok(Self::Group(reader.read()?)),
            0x03 => Ok(Self::Device { ieee: reader.read()?, endpoint: reader.read()? }),
            found => Err(WireError::Unknown { what: "address mode of a binding", found: found.into() }),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Group(group) => {
                out.push(0x01);
                group.write(out);
            }
            Self::Device { ieee, endpoint } => {
                out.push(0x03);
                ieee.write(out);
                out.push(*endpoint);
            }
        }
    }
}
