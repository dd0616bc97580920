//! How devices describe themselves (Zigbee R21, 2.3.2).

use serde::Serialize;

use crate::adapter::zigbee::{
    address::{Cluster, DeviceKind, Endpoint, Manufacturer, Profile},
    record::record,
    wire::{List, Reader, Wire, WireError},
};

/// What a device is in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It formed the network.
    Coordinator,
    /// It carries messages of others.
    Router,
    /// It speaks for itself only, and often sleeps.
    EndDevice,
    /// A number that means nothing yet.
    Reserved(u8),
}

/// What a device is and can do in the network; 13 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Coordinator, router or end device.
    pub role: Role,
    /// The bits above the role in the first byte: descriptors that are available.
    pub available: u8,
    /// Flags and frequency band.
    pub band: u8,
    /// What the radio can do: bit 2 mains power, bit 3 receiver always on.
    pub capabilities: u8,
    /// Who made it.
    pub manufacturer: Manufacturer,
    /// The longest message in one frame.
    pub max_buffer: u8,
    /// The longest message it can receive in parts.
    pub max_incoming: u16,
    /// Which network services it offers, and the revision of the specification it keeps to.
    pub server: u16,
    /// The longest message it can send in parts.
    pub max_outgoing: u16,
    /// Whether it has longer lists of endpoints or descriptors.
    pub extended: u8,
}

impl Node {
    /// Whether it listens all the time; what does not has to be waited for.
    pub fn is_awake(&self) -> bool {
        self.capabilities & 0x08 != 0
    }

    /// Whether it hangs on the mains.
    pub fn is_mains_powered(&self) -> bool {
        self.capabilities & 0x04 != 0
    }
}

impl Wire for Role {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        reader.read::<u8>().map(Self::of)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.number());
    }
}

impl Role {
    /// The role in the lowest three bits.
    fn of(byte: u8) -> Self {
        match byte & 0x07 {
            0 => Self::Coordinator,
            1 => Self::Router,
            2 => Self::EndDevice,
            number => Self::Reserved(number),
        }
    }

    /// Its three bits.
    fn number(self) -> u8 {
        match self {
            Self::Coordinator => 0,
            Self::Router => 1,
            Self::EndDevice => 2,
            Self::Reserved(number) => number & 0x07,
        }
    }
}

impl Wire for Node {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let first: u8 = reader.read()?;
        Ok(Self {
            role: Role::of(first),
            available: first >> 3,
            band: reader.read()?,
            capabilities: reader.read()?,
            manufacturer: reader.read()?,
            max_buffer: reader.read()?,
            max_incoming: reader.read()?,
            server: reader.read()?,
            max_outgoing: reader.read()?,
            extended: reader.read()?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.available << 3 | self.role.number(), self.band, self.capabilities]);
        self.manufacturer.write(out);
        out.push(self.max_buffer);
        self.max_incoming.write(out);
        self.server.write(out);
        self.max_outgoing.write(out);
        out.push(self.extended);
    }
}

/// How a device is powered; each is four bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Power {
    /// 0 the receiver follows the node descriptor, 1 it comes on now and then, 2 on a person's touch.
    pub mode: u8,
    /// Sources it has: bit 0 mains, bit 1 rechargeable, bit 2 disposable battery.
    pub sources: u8,
    /// The one in use.
    pub source: u8,
    /// 0 critical, 4 a third, 8 two thirds, 12 full.
    pub level: u8,
}

impl Wire for Power {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let [first, second] = reader.array()?;
        Ok(Self { mode: first & 0x0f, sources: first >> 4, source: second & 0x0f, level: second >> 4 })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.sources << 4 | self.mode & 0x0f, self.level << 4 | self.source & 0x0f]);
    }
}

record! {
    /// What an endpoint does.
    Simple {
        /// Which endpoint.
        endpoint: Endpoint,
        /// The profile it speaks.
        profile: Profile,
        /// What kind of device it is.
        device: DeviceKind,
        /// Version of that kind, in the lower four bits.
        version: u8,
        /// Clusters it serves: what it measures and can do.
        inputs: List<Cluster>,
        /// Clusters it uses: what it commands.
        outputs: List<Cluster>,
    }
}
