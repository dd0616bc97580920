//! Things that each belong to a point, found by its address.
//!
//! They stand in a plain list, and beside it a table holds four bytes for each: a gateway has tens of thousands of
//! points, and what is kept of each is looked up with every reading. Hashes are quick and have a seed of their own in
//! each process, so that names from outside cannot be chosen to collide.
//!
//! Mostly nothing is hashed at all: the points of a device come in one order, poll after poll, so that the next reading
//! mostly belongs to the thing behind the one that was found last. That is looked at first.

use std::{hash::BuildHasher as _, ptr};

use hashbrown::{DefaultHashBuilder, HashTable, hash_table::Entry};

use super::{PointAddress, Reading};

/// A thing that belongs to a point.
pub trait OfPoint {
    /// Where the point is; it never changes.
    fn address(&self) -> &PointAddress;
}

impl OfPoint for Reading {
    fn address(&self) -> &PointAddress {
        &self.point.address
    }
}

/// At most one thing for each point.
#[derive(Debug, Clone)]
pub struct ByPoint<T> {
    /// In the order in which they came, as long as none is removed.
    items: Vec<T>,
    /// Places in the list.
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Behind the place that was found last; there may be nothing.
    next: usize,
}

impl<T> Default for ByPoint<T> {
    fn default() -> Self {
        Self { items: Vec::new(), places: HashTable::new(), hasher: DefaultHashBuilder::default(), next: 0 }
    }
}

impl<T: OfPoint> ByPoint<T> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter()
    }

    /// All of them, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.items.iter_mut()
    }

    /// The thing of a point.
    pub fn get(&self, address: &PointAddress) -> Option<&T> {
        self.at(self.place(address)?)
    }

    /// As [`ByPoint::get`], for names that are not parsed yet.
    pub fn get_named(&self, device: &str, point: &str) -> Option<&T> {
        self.at(self.place_named(device, point)?)
    }

    /// The thing of a point, to be changed.
    pub fn get_mut(&mut self, address: &PointAddress) -> Option<&mut T> {
        let place = self.seek(address)?;
        self.at_mut(place)
    }

    /// As [`ByPoint::place`], for who goes through points in the order in which they came.
    pub fn seek(&mut self, address: &PointAddress) -> Option<usize> {
        let place = if self.is_next(address) { self.next } else { self.place(address)? };
        self.next = place + 1;
        Some(place)
    }

    /// Where the thing of a point stands, until one is removed.
    pub fn place(&self, address: &PointAddress) -> Option<usize> {
        let is_it = |&place: &u32| *self.items[index(place)].address() == *address;
        self.places.find(self.hash(address.device.as_str(), address.point.as_str()), is_it).map(|&place| index(place))
    }

    /// The thing at a place.
    pub fn at(&self, place: usize) -> Option<&T> {
        self.items.get(place)
    }

    /// The thing at a place, to be changed.
    pub fn at_mut(&mut self, place: usize) -> Option<&mut T> {
        self.items.get_mut(place)
    }

    /// Puts a thing in, instead of the one that its point had; gives its place.
    pub fn put(&mut self, item: T) -> usize {
        let place = if self.is_next(item.address()) { self.next } else { self.entry(&item) };
        self.next = place + 1;
        match self.items.get_mut(place) {
            Some(old) => *old = item,
            None => self.items.push(item),
        }
        place
    }

    /// Takes the thing of a point out. The last one stands in its place then.
    pub fn remove(&mut self, address: &PointAddress) -> Option<T> {
        let place = self.place(address)?;
        let last = self.items.len() - 1;
        self.forget(place);
        if place != last {
            let moved = hash_of(&self.hasher, &self.items[last]);
            let found = self.places.find_mut(moved, |&other| index(other) == last).expect("each has its place");
            *found = u32::try_from(place).expect("it was one");
        }
        Some(self.items.swap_remove(place))
    }

    /// Where the thing of this one's point stands, or is to stand: behind the last then.
    fn entry(&mut self, item: &T) -> usize {
        let new = u32::try_from(self.items.len()).expect("memory ends before there are so many points");
        let address = item.address();
        let hash = hash(&self.hasher, address.device.as_str(), address.point.as_str());
        let (items, hasher) = (&self.items, &self.hasher);
        let is_it = |&place: &u32| items[index(place)].address() == address;
        let again = |&place: &u32| hash_of(hasher, &items[index(place)]);
        match self.places.entry(hash, is_it, again) {
            Entry::Occupied(known) => index(*known.get()),
            Entry::Vacant(free) => index(*free.insert(new).get()),
        }
    }

    /// Whether the thing of a point is the one behind that which was found last. Readings share their points, so that
    /// it takes no look at the names as a rule.
    fn is_next(&self, address: &PointAddress) -> bool {
        let is_it = |item: &T| ptr::eq(item.address(), address) || item.address() == address;
        self.items.get(self.next).is_some_and(is_it)
    }

    /// Where the thing of a point stands whose names are not parsed yet.
    fn place_named(&self, device: &str, point: &str) -> Option<usize> {
        let is_it = |&place: &u32| {
            let address = self.items[index(place)].address();
            address.device.as_str() == device && address.point.as_str() == point
        };
        self.places.find(self.hash(device, point), is_it).map(|&place| index(place))
    }

    /// Takes a place out of the table.
    fn forget(&mut self, place: usize) {
        let hash = hash_of(&self.hasher, &self.items[place]);
        if let Ok(found) = self.places.find_entry(hash, |&other| index(other) == place) {
            found.remove();
        }
    }

    fn hash(&self, device: &str, point: &str) -> u64 {
        hash(&self.hasher, device, point)
    }
}

impl<T: OfPoint> FromIterator<T> for ByPoint<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut all = Self::default();
        for item in items {
            all.put(item);
        }
        all
    }
}

/// A place as the list counts it.
fn index(place: u32) -> usize {
    place as usize
}

/// The hash of a point's names.
fn hash(hasher: &DefaultHashBuilder, device: &str, point: &str) -> u64 {
    hasher.hash_one((device, point))
}

/// The hash of the point of a thing.
fn hash_of<T: OfPoint>(hasher: &DefaultHashBuilder, item: &T) -> u64 {
    let address = item.address();
    hash(hasher, address.device.as_str(), address.point.as_str())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use proptest::prelude::*;

    use super::*;
    use crate::model::{DeviceId, Point, PointName, PointType, Timestamp, Value};

    fn reading(number: u8, value: i64) -> Reading {
        let (device, name) = (format!("d{}", number % 3), format!("p{}", number / 3));
        let (device, name) = (DeviceId::new(&device).unwrap(), PointName::new(&name).unwrap());
        let point = Arc::new(Point::new(device, name, PointType::Int, None));
        Reading::good(point, Value::Int(value), Timestamp::default())
    }

    proptest! {
        #[test]
        fn behaves_as_a_plain_map(steps in prop::collection::vec((0_u8..30, any::<Option<i64>>()), 0..200)) {
            let (mut table, mut plain) = (ByPoint::default(), BTreeMap::new());
            for (number, value) in steps {
                let address = reading(number, 0).point.address.clone();
                if let Some(value) = value {
                    let place = table.put(reading(number, value));
                    prop_assert_eq!(table.at(place), Some(&reading(number, value)));
                    plain.insert(address, reading(number, value));
                } else {
                    prop_assert_eq!(table.remove(&address), plain.remove(&address));
                }
                let behind = reading(number.wrapping_add(3), 0).point.address.clone();
                let found = table.seek(&behind).and_then(|place| table.at(place)).cloned();
                prop_assert_eq!(found.as_ref(), plain.get(&behind));
            }
            prop_assert_eq!(table.len(), plain.len());
            for number in 0..30 {
                let address = &reading(number, 0).point.address;
                prop_assert_eq!(table.get(address), plain.get(address));
                let named = table.get_named(address.device.as_str(), address.point.as_str());
                prop_assert_eq!(named, plain.get(address));
            }
        }
    }
}
