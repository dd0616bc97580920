//! An advertisement as a scanner hands it over.

/// A device address, most significant byte first, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Address(pub [u8; 6]);

impl Address {
    /// The bytes in the order in which they are sent.
    pub fn on_air(self) -> [u8; 6] {
        let mut bytes = self.0;
        bytes.reverse();
        bytes
    }
}

/// A 128-bit UUID as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Uuid(pub u128);

/// What a 16- or 32-bit UUID is short for, with zero in its place (Core 5.4, Vol 3 Part B 2.5.1).
const BASE: u128 = 0x0000_0000_0000_1000_8000_0080_5f9b_34fb;

impl Uuid {
    /// The UUID that a 16-bit one is short for.
    pub const fn short(short: u16) -> Self {
        Self(BASE | ((short as u128) << 96))
    }
}

/// One advertisement. The data are of this one alone: what a stack has collected over time mixes up senders that put
/// measurements where the company identifier belongs.
#[derive(Debug, Clone, Copy)]
pub struct Advertisement<'a> {
    /// Who sent it.
    pub address: Address,
    /// The name, from this advertisement or an earlier one of the device.
    pub name: Option<&'a str>,
    /// Manufacturer data by company identifier.
    pub manufacturer: &'a [(u16, &'a [u8])],
    /// Service data by service.
    pub service: &'a [(Uuid, &'a [u8])],
    /// Services the device says it has.
    pub services: &'a [Uuid],
}

impl<'a> Advertisement<'a> {
    /// The data of a company.
    pub fn manufacturer_data(&self, company: u16) -> Option<&'a [u8]> {
        self.manufacturer.iter().find(|(id, _)| *id == company).map(|(_, data)| *data)
    }

    /// The data of a service with a 16-bit UUID.
    pub fn service_data(&self, short: u16) -> Option<&'a [u8]> {
        self.service.iter().find(|(uuid, _)| *uuid == Uuid::short(short)).map(|(_, data)| *data)
    }

    /// Whether the device says it has a service.
    pub fn has_service(&self, uuid: Uuid) -> bool {
        self.services.contains(&uuid)
    }

    /// The name, or nothing.
    pub fn name_or_empty(&self) -> &'a str {
        self.name.unwrap_or_default()
    }
}
