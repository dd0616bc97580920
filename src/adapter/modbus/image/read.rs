//! Readings to the content of registers.

use std::collections::BTreeMap;

use super::{Entry, Image, Shows, plan::marker};
use crate::{
    adapter::modbus::{
        config::{DataType, MappedPoint, Table},
        encode::words,
        exception::Exception,
        layout::{is_bits, registers, to_wire},
    },
    model::{PointAddress, Reading, Timestamp, Value},
};

/// What is in the registers or bits that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Of coils and discrete inputs.
    Bits(Vec<bool>),
    /// Of input and holding registers.
    Words(Vec<u16>),
}

/// An answer to a read, and what there is to count about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What the client gets.
    pub content: Content,
    /// Values that did not fit their registers and were shown as bad.
    pub misfits: u64,
}

/// One request while it is answered. Each point is looked up once, so that value, quality and age are of one reading.
struct Answer<'a, L> {
    image: &'a Image,
    last: L,
    now: Timestamp,
    seen: BTreeMap<usize, Option<Reading>>,
    misfits: u64,
}

impl Image {
    /// The content of `count` registers or bits from `start`; `last` gives the last reading of a point.
    pub fn read(
        &self,
        (table, start, count): (Table, u16, u16),
        now: Timestamp,
        last: impl Fn(&PointAddress) -> Option<Reading>,
    ) -> Result<Read, Exception> {
        let mut answer = Answer { image: self, last, now, seen: BTreeMap::new(), misfits: 0 };
        let mut content = vec![0; usize::from(count)];
        let mut next = u32::from(start);
        for entry in self.touched(table, start, count) {
            self.bridge(next, entry.start.into())?;
            answer.show(entry, start, &mut content)?;
            next = entry.end();
        }
        self.bridge(next, u32::from(start) + u32::from(count))?;
        let content = if is_bits(table) {
            Content::Bits(content.into_iter().map(|word| word != 0).collect())
        } else {
            Content::Words(content)
        };
        Ok(Read { content, misfits: answer.misfits })
    }

    /// Refuses registers that show nothing, unless they read as zero.
    fn bridge(&self, from: u32, to: u32) -> Result<(), Exception> {
        if from < to && !self.fill { Err(Exception::ILLEGAL_ADDRESS) } else { Ok(()) }
    }
}

impl<L: Fn(&PointAddress) -> Option<Reading>> Answer<'_, L> {
    /// Writes what an entry shows into the part of it that was asked for.
    fn show(&mut self, entry: &Entry, start: u16, content: &mut [u16]) -> Result<(), Exception> {
        let shown = match &entry.shows {
            Shows::Value(mapped) => self.value(entry, mapped)?,
            Shows::Quality => vec![u16::from(self.reading(entry).is_some_and(|reading| reading.quality.is_good()))],
            Shows::Age => vec![self.age(entry)],
        };
        for (address, word) in (u32::from(entry.start)..).zip(shown) {
            let place = address.checked_sub(start.into()).and_then(|at| content.get_mut(usize::try_from(at).ok()?));
            if let Some(place) = place {
                *place = word;
            }
        }
        Ok(())
    }

    /// The registers of a value, or what stands for none.
    fn value(&mut self, entry: &Entry, mapped: &MappedPoint) -> Result<Vec<u16>, Exception> {
        if let Some(value) = self.reading(entry).and_then(|reading| reading.value.clone()) {
            if let Some(shown) = shown(mapped, value) {
                return Ok(shown);
            }
            self.misfits += 1;
        }
        if self.image.refuse_bad { Err(Exception::DEVICE_FAILURE) } else { Ok(absent(mapped)) }
    }

    /// Seconds since the reading; a clock that was set back makes it new, not negative.
    fn age(&mut self, entry: &Entry) -> u16 {
        let now = self.now;
        self.reading(entry)
            .map_or(u16::MAX, |reading| u16::try_from(now.since(reading.ts).as_secs()).unwrap_or(u16::MAX))
    }

    /// The last reading of an entry's point.
    fn reading(&mut self, entry: &Entry) -> Option<&Reading> {
        let Self { image, last, seen, .. } = self;
        seen.entry(entry.point).or_insert_with(|| last(image.source(entry))).as_ref()
    }
}

/// The registers of a value; `None` when it does not fit them.
fn shown(mapped: &MappedPoint, value: Value) -> Option<Vec<u16>> {
    let is_switch = mapped.data == DataType::Bool;
    let value = match value {
        Value::Bool(on) if !is_switch => Value::Int(on.into()),
        value => value,
    };
    words(mapped, &value).ok()
}

/// The registers of a point without a value.
fn absent(mapped: &MappedPoint) -> Vec<u16> {
    let width = usize::from(registers(mapped.data)) * 2;
    let mut bytes = match marker(mapped.data) {
        Some(bits) => bits.to_be_bytes()[8_usize.saturating_sub(width)..].to_vec(),
        None => vec![0; width],
    };
    to_wire(&mut bytes, &mapped.order);
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}
