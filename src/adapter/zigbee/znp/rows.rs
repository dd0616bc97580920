//! What the tables in the memory of Z-Stack 3.x say of devices, and the rows that say it again: pure.
//!
//! A device is a row of addresses. Its key with the coordinator is either a row of seeds, which says how the key is
//! made of the coordinator's one seed, or a row of keys that a row of security ties to its address. Layouts are those
//! of Z-Stack 3.0.2 (`AddrMgr.h`, `APSMEDE.h`, `ZDSecMgr.c`), with fields of two bytes on even offsets, as 32-bit
//! chips have them. How a key is made of the seed was found out by the gateways before us (zigbee-herdsman, MIT).

use crate::adapter::zigbee::{
    address::{ExtendedPan, Ieee, Nwk},
    backup::{Backup, LinkKey, Member},
    network::Key,
    record::record,
    wire::{Reader, Wire, WireError},
};

/// The address belongs to a child; a bit of [`AddressRow::users`].
const CHILD: u8 = 0x01;
/// The address belongs to a key; a bit of [`AddressRow::users`].
const SECURED: u8 = 0x02;

/// The key is the device's own, and the device has shown that it has it (`KeyAttributes` of Z-Stack).
const VERIFIED: u8 = 2;
/// The key was agreed upon (`ZDSecMgr_Authenticated_CBCK`).
const AGREED: u8 = 1;

/// The name of a network that stands for all without a row of their own.
pub const ANY_PAN: ExtendedPan = ExtendedPan(u64::MAX);

/// No row of addresses.
const NO_ADDRESS: u16 = 0xfffe;

record! {
    /// A device and its addresses.
    AddressRow {
        /// What the address is needed for, as bits; 0 for a free row.
        users: u8,
        /// Nothing.
        gap: u8,
        /// Its address in the network.
        nwk: Nwk,
        /// The address it was made with.
        ieee: Ieee,
    }
    /// How the key of a device is made of the seed.
    SeedRow {
        /// The number of the last frame that went with it.
        sent: u32,
        /// The number of the last frame that came with it.
        received: u32,
        /// The device; 0 for a free row.
        ieee: Ieee,
        /// `VERIFIED`
        state: u8,
        /// 0
        kind: u8,
        /// By how many bytes the seed is turned.
        shift: u8,
        /// Nothing.
        gap: u8,
    }
    /// Which key belongs to which address.
    SecurityRow {
        /// The row of addresses.
        address: u16,
        /// The row of keys.
        key: u16,
        /// `AGREED`
        state: u8,
        /// Nothing.
        gap: u8,
    }
    /// The counter of a network's frames.
    CounterRow {
        /// The number of the last frame that was written down.
        counter: u32,
        /// The network; 0 for a free row.
        extended_pan: ExtendedPan,
    }
}

/// A key by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// The key; zeros for a free row.
    pub key: Key,
    /// The number of the last frame that went with it.
    pub sent: u32,
    /// The number of the last frame that came with it.
    pub received: u32,
}

impl Wire for KeyRow {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { key: Key::new(reader.array()?), sent: reader.read()?, received: reader.read()? })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.key.expose());
        self.sent.write(out);
        self.received.write(out);
    }
}

/// A row of a table that may be free.
pub trait Row: Wire {
    /// A free row.
    fn free() -> Self;
    /// Whether it says something.
    fn is_used(&self) -> bool;
}

impl Row for AddressRow {
    fn free() -> Self {
        Self { users: 0, gap: 0xff, nwk: Nwk(0xffff), ieee: Ieee(u64::MAX) }
    }

    fn is_used(&self) -> bool {
        self.users != 0 && !matches!(self.ieee.0, 0 | u64::MAX)
    }
}

impl Row for SeedRow {
    fn free() -> Self {
        Self { sent: 0, received: 0, ieee: Ieee(0), state: 0, kind: 0, shift: 0, gap: 0 }
    }

    fn is_used(&self) -> bool {
        self.ieee != Ieee(0) && self.shift < 16
    }
}

impl Row for SecurityRow {
    fn free() -> Self {
        Self { address: NO_ADDRESS, key: 0, state: 0, gap: 0 }
    }

    fn is_used(&self) -> bool {
        self.address < NO_ADDRESS && (self.address, self.state) != (0, 0)
    }
}

impl Row for CounterRow {
    fn free() -> Self {
        Self { counter: 0, extended_pan: ExtendedPan(0) }
    }

    fn is_used(&self) -> bool {
        self.extended_pan != ExtendedPan(0)
    }
}

impl Row for KeyRow {
    fn free() -> Self {
        Self { key: Key::new([0; 16]), sent: 0, received: 0 }
    }

    fn is_used(&self) -> bool {
        *self.key.expose() != [0; 16]
    }
}

/// The tables, whole: a row's place has a meaning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tables {
    /// Devices.
    pub addresses: Vec<AddressRow>,
    /// Keys made of the seed.
    pub seeds: Vec<SeedRow>,
    /// Which key is whose.
    pub security: Vec<SecurityRow>,
    /// Other keys.
    pub keys: Vec<KeyRow>,
    /// Counters of frames.
    pub counters: Vec<CounterRow>,
}

/// A table that is too short for what shall be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the coordinator has room for {room} {what}, and the backup has more")]
pub struct NoRoom {
    /// What there is too much of.
    pub what: &'static str,
    /// How many rows there are.
    pub room: usize,
}

impl Tables {
    /// The devices.
    pub fn members(&self, seed: Option<&Key>) -> Vec<Member> {
        let used = (0u16..).zip(&self.addresses).filter(|(_, row)| row.users & (CHILD | SECURED) != 0);
        let used = used.filter(|(_, row)| row.is_used());
        let member = |(index, row): (u16, &AddressRow)| Member {
            ieee: row.ieee,
            nwk: (row.nwk.0 < 0xfff8).then_some(row.nwk),
            is_child: row.users & CHILD != 0,
            link: self.own_key(index).or_else(|| self.seeded_key(row.ieee, seed?)),
        };
        used.map(member).collect()
    }

    /// The counter of a network's frames.
    pub fn counter(&self, extended_pan: ExtendedPan) -> Option<u32> {
        let of = |wanted| self.counters.iter().find(move |row| row.extended_pan == wanted);
        of(extended_pan).or_else(|| of(ANY_PAN)).map(|row| row.counter)
    }

    /// The key that a row of security ties to a row of addresses.
    fn own_key(&self, address: u16) -> Option<LinkKey> {
        let tie = self.security.iter().find(|row| row.is_used() && row.address == address)?;
        let row = self.keys.get(usize::from(tie.key)).filter(|row| row.is_used())?;
        Some(LinkKey { key: row.key.clone(), received: row.received, sent: row.sent })
    }

    /// The key that is made of the seed.
    fn seeded_key(&self, ieee: Ieee, seed: &Key) -> Option<LinkKey> {
        let row = self.seeds.iter().find(|row| row.is_used() && row.ieee == ieee)?;
        Some(LinkKey { key: key_of(seed, ieee, row.shift), received: row.received, sent: row.sent })
    }

    /// Tables as long as these that say what a backup says, with a counter for the network's frames.
    pub fn of(backup: &Backup, counter: u32, room: &Self) -> Result<Self, NoRoom> {
        let mut tables = Self {
            counters: counters(backup, counter, room.counters.len())?,
            security: free(room.security.len()),
            addresses: free(room.addresses.len()),
            seeds: free(room.seeds.len()),
            keys: free(room.keys.len()),
        };
        // Whom the coordinator need not know it learns of by itself, as it did before.
        for member in backup.members.iter().filter(|member| member.is_child || member.link.is_some()) {
            tables.add(member, backup.seed.as_ref())?;
        }
        Ok(tables)
    }

    /// Adds a device.
    fn add(&mut self, member: &Member, seed: Option<&Key>) -> Result<(), NoRoom> {
        let users = if member.is_child { CHILD } else { 0 } | if member.link.is_some() { SECURED } else { 0 };
        let nwk = member.nwk.unwrap_or(Nwk(0xfffe));
        let row = AddressRow { users, nwk, ieee: member.ieee, ..AddressRow::free() };
        let address = put(&mut self.addresses, row, "devices")?;
        let Some(link) = &member.link else { return Ok(()) };
        let (sent, received) = (Backup::next_link_counter(link.sent), link.received);
        if let Some(shift) = seed.and_then(|seed| shift_of(seed, member.ieee, &link.key)) {
            let row = SeedRow { sent, received, ieee: member.ieee, state: VERIFIED, shift, ..SeedRow::free() };
            put(&mut self.seeds, row, "keys made of its seed")?;
        } else {
            let row = KeyRow { key: link.key.clone(), sent, received };
            let key = put(&mut self.keys, row, "keys of devices")?;
            put(&mut self.security, SecurityRow { address, key, state: AGREED, gap: 0 }, "keys of devices")?;
        }
        Ok(())
    }
}

/// Counters for the network, and for whatever name the firmware looks under.
fn counters(backup: &Backup, counter: u32, room: usize) -> Result<Vec<CounterRow>, NoRoom> {
    let mut rows: Vec<CounterRow> = free(room);
    let [first, .., last] = rows.as_mut_slice() else { return Err(NoRoom { what: "counters", room }) };
    *first = CounterRow { counter, extended_pan: backup.held.network.extended_pan };
    *last = CounterRow { counter, extended_pan: ANY_PAN };
    Ok(rows)
}

/// Rows that say nothing.
fn free<R: Row>(count: usize) -> Vec<R> {
    (0..count).map(|_| R::free()).collect()
}

/// Puts a row into the first free place, and tells which.
fn put<R: Row>(rows: &mut [R], row: R, what: &'static str) -> Result<u16, NoRoom> {
    let room = rows.len();
    let place = (0u16..).zip(rows).find(|(_, row)| !row.is_used());
    let (index, place) = place.ok_or(NoRoom { what, room })?;
    *place = row;
    Ok(index)
}

/// The key of a device: the seed, turned by some bytes, with the address over it twice.
pub fn key_of(seed: &Key, ieee: Ieee, shift: u8) -> Key {
    let mut key = *seed.expose();
    key.rotate_left(usize::from(shift % 16));
    for (byte, of_address) in key.iter_mut().zip(ieee.0.to_le_bytes().iter().cycle()) {
        *byte ^= of_address;
    }
    Key::new(key)
}

/// By how many bytes the seed has to be turned to make a key, if it can.
fn shift_of(seed: &Key, ieee: Ieee, key: &Key) -> Option<u8> {
    (0..16).find(|shift| key_of(seed, ieee, *shift) == *key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Key = Key::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);

    #[test]
    fn rows_are_as_long_as_the_firmware_has_them() {
        assert_eq!(AddressRow::free().to_bytes().len(), 12);
        assert_eq!(SeedRow::free().to_bytes().len(), 20);
        assert_eq!(SecurityRow::free().to_bytes(), [0xfe, 0xff, 0, 0, 0, 0]);
        assert_eq!(KeyRow::free().to_bytes().len(), 24);
        assert_eq!(CounterRow::free().to_bytes().len(), 12);
    }

    #[test]
    fn a_key_is_the_turned_seed_under_the_address() {
        let key = key_of(&SEED, Ieee(0x0000_0000_0000_00f0), 2);
        assert_eq!(*key.expose(), [0xf2, 3, 4, 5, 6, 7, 8, 9, 0xfa, 11, 12, 13, 14, 15, 0, 1]);
        assert_eq!(shift_of(&SEED, Ieee(0xf0), &key), Some(2));
        assert_eq!(shift_of(&SEED, Ieee(0xf1), &key), None);
    }
}
