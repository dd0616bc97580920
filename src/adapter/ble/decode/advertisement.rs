//! An advertisement as a scanner hands it over.

use core::fmt;

/// A device address, most significant byte first, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Address(pub [u8; 6]);

impl Address {
    /// The bytes in the order in which they are sent.
    pub fn on_air(self) -> [u8; 6] {
        let mut bytes = self.0;
        bytes.reverse();
        bytes
    }

    /// Six bytes in hex with colons or hyphens between, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2 && !part.starts_with('+'))?;
            *byte = u8::from_str_radix(part, 16).ok()?;
        }
        parts.next().is_none().then_some(Self(bytes))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:02X}")?;
        rest.iter().try_for_each(|byte| write!(f, ":{byte:02X}"))
    }
}

/// A 128-bit UUID as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uuid(pub u128);

/// What a 16- or 32-bit UUID is short for, with zero in its place (Core 5.4, Vol 3 Part B 2.5.1).
const BASE: u128 = 0x0000_0000_0000_1000_8000_0080_5f9b_34fb;

impl Uuid {
    /// The UUID that a 16-bit one is short for.
    pub const fn short(short: u16) -> Self {
        Self(BASE | ((short as u128) << 96))
    }

    /// A UUID in full, or the 16 or 32 bits that one is short for, in hex.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let short = text.strip_prefix("0x").unwrap_or(text);
        if matches!(short.len(), 4 | 8) && is_hex(short) {
            return u32::from_str_radix(short, 16).ok().map(Self::short_32);
        }
        let (mut number, mut digits) = (0_u128, 0);
        for digit in text.chars().filter(|char| *char != '-') {
            (number, digits) = (number << 4 | u128::from(digit.to_digit(16)?), digits + 1);
        }
        (digits == 32).then_some(Self(number))
    }

    /// The UUID that a 32-bit one is short for.
    pub const fn short_32(short: u32) -> Self {
        Self(BASE | ((short as u128) << 96))
    }
}

/// Four digits when it has a short form, else in full.
impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(short) = u16::try_from(self.0 >> 96).ok().filter(|short| Self::short(*short) == *self) {
            return write!(f, "{short:04x}");
        }
        let part = |from: u32, bits: u32| self.0 >> from & ((1 << bits) - 1);
        write!(f, "{:08x}-{:04x}-{:04x}", part(96, 32), part(80, 16), part(64, 16))?;
        write!(f, "-{:04x}-{:012x}", part(48, 16), part(0, 48))
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

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        let address = Address([0xCB, 0xB8, 0x33, 0x4C, 0x88, 0x4F]);

        assert_eq!(address.to_string(), "CB:B8:33:4C:88:4F");
        assert_eq!(Address::parse("CB:B8:33:4C:88:4F"), Some(address));
        assert_eq!(Address::parse("cb-b8-33-4c-88-4f"), Some(address));
        for wrong in
            ["", "CB:B8:33:4C:88", "CB:B8:33:4C:88:4F:00", "CBB8334C884F", "CB:B8:33:4C:88:+F", "CB:B8:33:4C:88:4G"]
        {
            assert_eq!(Address::parse(wrong), None, "{wrong}");
        }
    }
}
