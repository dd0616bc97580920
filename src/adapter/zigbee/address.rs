//! Who is meant: addresses and ids, each printed as people write it.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use super::wire::{Reader, Wire, WireError};

/// A number of its own type that prints as hex with all its digits.
macro_rules! hex_numbers {
    ($($(#[$doc:meta])* $name:ident($inner:ty), $digits:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("0x{:0", $digits, "x}"), self.0)
            }
        }

        /// Hex digits, with or without `0x`.
        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                <$inner>::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl Wire for $name {
            fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
                reader.read().map(Self)
            }

            fn write(&self, out: &mut Vec<u8>) {
                self.0.write(out);
            }
        }
    )*};
}

hex_numbers! {
    /// The 64-bit address a device is made with.
    Ieee(u64), "16";
    /// The 16-bit address a device has in this network until it joins again.
    Nwk(u16), "4";
    /// A group of devices.
    Group(u16), "4";
    /// Which profile an endpoint speaks.
    Profile(u16), "4";
    /// What kind of device an endpoint is.
    DeviceKind(u16), "4";
    /// A cluster, of ZCL or of ZDO.
    Cluster(u16), "4";
    /// An attribute within a cluster.
    Attribute(u16), "4";
    /// Who made it, as the alliance counts makers.
    Manufacturer(u16), "4";
    /// The 64-bit name of a network.
    ExtendedPan(u64), "16";
    /// The 16-bit name of a network.
    Pan(u16), "4";
    /// A set of channels, channel n as bit n.
    Channels(u32), "8";
}

impl Nwk {
    /// The coordinator of a network.
    pub const COORDINATOR: Self = Self(0);
    /// Everybody whose receiver is always on (Zigbee R21, 3.6.5).
    pub const AWAKE: Self = Self(0xfffd);
    /// Every router and the coordinator (Zigbee R21, 3.6.5).
    pub const ROUTERS: Self = Self(0xfffc);

    /// Whether it names more than one device.
    pub fn is_broadcast(self) -> bool {
        self.0 >= 0xfff8
    }
}

impl Channels {
    /// One channel, 11 to 26; `None` for others.
    pub fn only(channel: u8) -> Option<Self> {
        (11..=26).contains(&channel).then(|| Self(1 << channel))
    }

    /// Every channel of the 2.4 GHz band.
    pub const ALL: Self = Self(0x07ff_f800);

    /// The channels of the set, rising.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..32).filter(move |channel| self.0 & 1 << channel != 0)
    }
}

/// An endpoint of a device: 0 is ZDO, 1 to 240 are applications.
pub type Endpoint = u8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_all_their_digits_and_come_back() {
        let ieee = Ieee(0x0012_4b00_14d9_a7b1);
        assert_eq!(ieee.to_string(), "0x00124b0014d9a7b1");
        assert_eq!("00124b0014d9a7b1".parse(), Ok(ieee));
        assert_eq!(ieee.to_bytes(), [0xb1, 0xa7, 0xd9, 0x14, 0x00, 0x4b, 0x12, 0x00]);
        assert_eq!(Nwk(0x1a).to_string(), "0x001a");
        assert!("0x1ffff".parse::<Nwk>().is_err());
    }

    #[test]
    fn channels_are_bits() {
        assert_eq!(Channels::only(15), Some(Channels(0x8000)));
        assert_eq!(Channels::only(10), None);
        assert_eq!(Channels::ALL.iter().collect::<Vec<_>>(), (11..=26).collect::<Vec<_>>());
    }
}
