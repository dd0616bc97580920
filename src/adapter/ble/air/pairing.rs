//! What belongs to one advertisement comes in parts, one event each: power, manufacturer data, service data, services.
//!
//! `BlueZ` tells all that one advertisement changed in one signal, and the parts of a signal come one behind the other in
//! a fixed order. So a part belongs to the advertisement before it if it is of the same device and of a later kind;
//! otherwise that one is complete. The power is told only when it is another than before.

use std::collections::HashMap;

use crate::adapter::ble::{
    decode::{Address, Uuid},
    heard::Heard,
};

/// A part of an advertisement. The order of the kinds is the order in which they come.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// Power of reception.
    Rssi(i16),
    /// Manufacturer data.
    Manufacturer(HashMap<u16, Vec<u8>>),
    /// Service data.
    Service(Vec<(Uuid, Vec<u8>)>),
    /// Services the device says it has.
    Services(Vec<Uuid>),
}

/// The advertisement whose parts are coming.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    open: Option<(Heard, u8)>,
}

impl Part {
    /// Its place in the order.
    fn rank(&self) -> u8 {
        match self {
            Self::Rssi(_) => 0,
            Self::Manufacturer(_) => 1,
            Self::Service(_) => 2,
            Self::Services(_) => 3,
        }
    }

    /// Puts it into its advertisement. Identifiers are sorted, so that the same data look the same.
    fn add_to(self, heard: &mut Heard) {
        match self {
            Self::Rssi(rssi) => heard.rssi = Some(rssi),
            Self::Manufacturer(data) => {
                heard.manufacturer = data.into_iter().collect();
                heard.manufacturer.sort_unstable();
            }
            Self::Service(data) => {
                heard.service = data;
                heard.service.sort_unstable();
            }
            Self::Services(services) => heard.services = services,
        }
    }
}

impl Pairing {
    /// Takes a part, and gives the advertisement that it shows to be complete.
    pub(super) fn add(&mut self, address: Address, part: Part) -> Option<Heard> {
        let rank = part.rank();
        let fits = |(heard, last): &mut (Heard, u8)| heard.address == address && *last < rank;
        let complete = if self.open.as_mut().is_some_and(fits) { None } else { self.flush() };
        let (heard, last) = self.open.get_or_insert_with(|| (Heard { address, ..Heard::default() }, 0));
        *last = rank;
        part.add_to(heard);
        complete
    }

    /// Whether parts are missing, as far as one can tell.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What there is, because nothing more came.
    pub(super) fn flush(&mut self) -> Option<Heard> {
        self.open.take().map(|(heard, _)| heard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Address = Address([1; 6]);
    const TWO: Address = Address([2; 6]);

    fn data(byte: u8) -> Part {
        Part::Manufacturer([(0x0499, vec![byte])].into())
    }

    #[test]
    fn parts_of_one_signal_are_one_advertisement() {
        let mut pairing = Pairing::default();

        assert_eq!(pairing.add(ONE, Part::Rssi(-60)), None);
        assert_eq!(pairing.add(ONE, data(1)), None);
        assert_eq!(pairing.add(ONE, Part::Service(vec![(Uuid(1), vec![2])])), None);
        let heard = pairing.flush().unwrap();

        assert_eq!((heard.rssi, heard.manufacturer[0].1[0], heard.service[0].1[0]), (Some(-60), 1, 2));
        assert!(!pairing.is_open());
    }

    #[test]
    fn another_device_or_the_same_kind_again_begins_the_next() {
        let mut pairing = Pairing::default();

        pairing.add(ONE, data(1));
        let first = pairing.add(ONE, data(2)).unwrap();
        let second = pairing.add(TWO, Part::Rssi(-70)).unwrap();
        let third = pairing.flush().unwrap();

        assert_eq!((first.rssi, first.manufacturer[0].1[0]), (None, 1));
        assert_eq!((second.address, second.manufacturer[0].1[0]), (ONE, 2));
        assert_eq!((third.address, third.rssi, third.has_data()), (TWO, Some(-70), false));
    }

    #[test]
    fn power_that_comes_later_is_of_the_next_advertisement() {
        let mut pairing = Pairing::default();

        pairing.add(ONE, data(1));
        let first = pairing.add(ONE, Part::Rssi(-60)).unwrap();
        pairing.add(ONE, data(2));

        assert_eq!(first.rssi, None);
        assert_eq!(pairing.flush().unwrap().rssi, Some(-60));
    }
}
