//! The memory of the chip: items by number, and the tables of Z-Stack 3.x.

use super::{DONE, Stick};
use crate::adapter::zigbee::{
    address::{ExtendedPan, Ieee, Nwk},
    network::Key,
    radio::Network,
    wire::{Bytes8, Wire},
    znp::{
        command::{
            Command,
            status::Status,
            sys::{
                Done, NvDelete, NvInit, NvItem, NvLength, NvRead, NvReadLong, NvSize, NvValue, NvWrite, NvWriteLong,
                TableLength, TableRead, TableSize, TableWrite,
            },
        },
        memory::{item, network, state_of},
        rows::{ANY_PAN, AddressRow, CounterRow, KeyRow, Row, SecurityRow, SeedRow},
        unpi::Frame,
    },
};

/// Most bytes of an item in one answer.
const PART: usize = 200;
/// What is not there, or not as long.
const WRONG: Status = Status(0x02);

/// Tables by number (`ZComDef.h`), and how many rows they have here.
mod table {
    pub(super) const ADDRESSES: (u16, u16) = (0x0001, 250);
    pub(super) const SEEDS: (u16, u16) = (0x0004, 250);
    pub(super) const KEYS: (u16, u16) = (0x0006, 20);
    pub(super) const COUNTERS: (u16, u16) = (0x0007, 12);
}

/// Frames between two times that the counter is written down, and that it is put forward by at a start.
const COUNTED: u32 = 1000;

impl Stick {
    /// Items of the old kind.
    pub(super) fn items(&mut self, frame: &Frame) -> Option<Frame> {
        if let Some(Ok(NvLength { id })) = NvLength::of(frame) {
            let length = self.item(id).map_or(0, <[u8]>::len);
            return Some(NvLength::answer(&NvSize { length: u16::try_from(length).ok()? }));
        }
        if let Some(Ok(NvRead { id, offset })) = NvRead::of(frame) {
            return Some(NvRead::answer(&self.part(id, offset.into())));
        }
        if let Some(Ok(NvReadLong { id, offset })) = NvReadLong::of(frame) {
            return Some(NvReadLong::answer(&self.part(id, offset.into())));
        }
        if let Some(Ok(NvDelete { id, .. })) = NvDelete::of(frame) {
            self.writes += 1;
            let status = if self.memory.remove(&id).is_some() { Status::SUCCESS } else { Status::NV_MADE };
            return Some(NvDelete::answer(&Done { status }));
        }
        self.changes(frame)
    }

    /// Writing items of the old kind.
    fn changes(&mut self, frame: &Frame) -> Option<Frame> {
        if let Some(Ok(NvInit { id, length, value })) = NvInit::of(frame) {
            let mut whole = value.into_vec();
            whole.resize(length.into(), 0);
            self.writes += 1;
            self.memory.insert(id, whole);
            return Some(NvInit::answer(&Done { status: Status::NV_MADE }));
        }
        if let Some(Ok(NvWrite { id, offset, value })) = NvWrite::of(frame) {
            return Some(NvWrite::answer(&self.write(id, offset.into(), value.as_slice())));
        }
        let Some(Ok(NvWriteLong { id, offset, value })) = NvWriteLong::of(frame) else { return None };
        Some(NvWriteLong::answer(&self.write(id, offset.into(), value.as_slice())))
    }

    /// An item; one is there from the beginning, by whose length hosts know how the chip aligns fields.
    fn item(&self, id: u16) -> Option<&[u8]> {
        const NETWORK_KEY: u16 = 0x0082;
        let item = self.memory.get(&id).map(Vec::as_slice);
        item.or_else(|| (id == NETWORK_KEY).then_some(&[0; 24][..]))
    }

    /// Part of an item.
    fn part(&self, id: u16, offset: usize) -> NvValue {
        let rest = self.item(id).and_then(|value| value.get(offset..));
        let part = rest.map(|rest| rest[..rest.len().min(PART)].to_vec());
        let status = if part.is_some() { Status::SUCCESS } else { WRONG };
        NvValue { status, value: Bytes8::try_from(part.unwrap_or_default()).expect("a part is short") }
    }

    /// Writes part of an item, which keeps its length.
    fn write(&mut self, id: u16, offset: usize, value: &[u8]) -> Done {
        self.writes += 1;
        let place = self.memory.get_mut(&id).and_then(|whole| whole.get_mut(offset..offset + value.len()));
        let Some(place) = place else { return Done { status: WRONG } };
        place.copy_from_slice(value);
        DONE
    }

    /// Tables.
    pub(super) fn tables(&mut self, frame: &Frame) -> Option<Frame> {
        if let Some(Ok(TableLength { item })) = TableLength::of(frame) {
            let length = self.tables.get(&(item.item, item.sub)).map_or(0, Vec::len);
            return Some(TableLength::answer(&TableSize { length: u32::try_from(length).ok()? }));
        }
        if let Some(Ok(TableRead { item, offset, length })) = TableRead::of(frame) {
            let row = self.tables.get(&(item.item, item.sub));
            let part = row.and_then(|row| row.get(usize::from(offset)..usize::from(offset) + usize::from(length)));
            let status = if part.is_some() { Status::SUCCESS } else { WRONG };
            let value = Bytes8::try_from(part.unwrap_or_default().to_vec()).ok()?;
            return Some(TableRead::answer(&NvValue { status, value }));
        }
        let Some(Ok(TableWrite { item: NvItem { item, sub, .. }, offset: 0, value })) = TableWrite::of(frame) else {
            return None;
        };
        self.writes += 1;
        let row = self.tables.get_mut(&(item, sub)).filter(|row| row.len() == value.as_slice().len());
        let Some(row) = row else { return Some(TableWrite::answer(&Done { status: WRONG })) };
        *row = value.into_vec();
        Some(TableWrite::answer(&DONE))
    }

    /// The network in its memory.
    pub fn network(&self) -> Option<Network> {
        network(self.memory.get(&item::NIB)?)?
    }

    /// The key in its memory.
    pub fn key(&self) -> Option<Key> {
        let item = self.memory.get(&item::ACTIVE_KEY)?;
        Some(Key::new(item.get(1..17)?.try_into().ok()?))
    }

    /// Gives it a network, as another host would have, with empty tables.
    pub fn hold(&mut self, held: &Network, key: [u8; 16]) {
        self.memory.insert(item::NIB, state_of(held));
        self.memory.insert(item::ACTIVE_KEY, [&[0][..], &key].concat());
        self.memory.insert(item::OTHER_KEY, [&[0][..], &key].concat());
        self.memory.insert(item::SEED, (0x40..0x50).collect());
        let rows: Vec<u8> = (0..20).flat_map(|_| SecurityRow::free().to_bytes()).collect();
        self.memory.insert(item::SECURITY, [&[0, 0][..], &rows].concat());
        self.fill::<AddressRow>(table::ADDRESSES);
        self.fill::<SeedRow>(table::SEEDS);
        self.fill::<KeyRow>(table::KEYS);
        self.fill::<CounterRow>(table::COUNTERS);
        for (row, extended_pan) in [(0, held.extended_pan), (table::COUNTERS.1 - 1, ANY_PAN)] {
            self.put(table::COUNTERS.0, row, &CounterRow { counter: 0, extended_pan });
        }
    }

    /// Throws configuration and network away.
    pub(super) fn clear(&mut self) {
        let own = self.memory.remove(&item::OWN_ADDRESS);
        self.memory.clear();
        self.memory.extend(own.map(|own| (item::OWN_ADDRESS, own)));
        self.tables.clear();
    }

    /// Makes a table of free rows.
    fn fill<R: Row>(&mut self, (item, rows): (u16, u16)) {
        for sub in 0..rows {
            self.put(item, sub, &R::free());
        }
    }

    /// Writes a row.
    fn put(&mut self, item: u16, sub: u16, row: &impl Wire) {
        self.tables.insert((item, sub), row.to_bytes());
    }

    /// Writes into the first free row; none of its tables is ever full here.
    fn add<R: Row>(&mut self, (item, rows): (u16, u16), row: &R) {
        let is_free = |sub: &u16| {
            let row = self.tables.get(&(item, *sub)).and_then(|row| R::from_bytes(row).ok());
            row.is_some_and(|row| !row.is_used())
        };
        if let Some(sub) = (0..rows).find(is_free) {
            self.put(item, sub, row);
        }
    }

    /// Remembers a device that was let in, with a key of its own.
    pub(super) fn remember(&mut self, ieee: Ieee, nwk: Nwk) {
        self.forget(ieee);
        self.add(table::ADDRESSES, &AddressRow { users: 3, nwk, ieee, ..AddressRow::free() });
        let shift = u8::try_from(ieee.0 % 16).expect("it is below 16");
        self.add(table::SEEDS, &SeedRow { ieee, shift, state: 2, sent: 5, ..SeedRow::free() });
    }

    /// Forgets a device.
    pub(super) fn forget(&mut self, ieee: Ieee) {
        let is_its = |row: &[u8]| {
            let address = AddressRow::from_bytes(row).is_ok_and(|row| row.ieee == ieee);
            address || SeedRow::from_bytes(row).is_ok_and(|row| row.ieee == ieee)
        };
        for ((item, _), row) in &mut self.tables {
            match *item {
                item if item == table::ADDRESSES.0 && is_its(row) => *row = AddressRow::free().to_bytes(),
                item if item == table::SEEDS.0 && is_its(row) => *row = SeedRow::free().to_bytes(),
                _ => {}
            }
        }
    }

    /// The counter that frames go on with after a start: beyond all that were used since it was written down.
    pub(super) fn next_counter(&mut self, extended_pan: ExtendedPan) -> u32 {
        let rows = (0..table::COUNTERS.1).filter_map(|sub| self.tables.get(&(table::COUNTERS.0, sub)));
        let mut rows = rows.filter_map(|row| CounterRow::from_bytes(row).ok());
        let counter = rows.find(|row| row.extended_pan == extended_pan).map_or(0, |row| row.counter + COUNTED);
        self.put(table::COUNTERS.0, 0, &CounterRow { counter, extended_pan });
        counter
    }

    /// Counts a frame, and now and then writes the counter down.
    pub(super) fn count_frame(&mut self) -> u32 {
        self.counter += 1;
        if self.counter.is_multiple_of(COUNTED)
            && let Some(Network { extended_pan, .. }) = self.network()
        {
            self.put(table::COUNTERS.0, 0, &CounterRow { counter: self.counter, extended_pan });
        }
        self.counter
    }
}
