//! Victron Instant Readout, manufacturer data 0x02E1, least significant byte first.
//!
//! Victron Energy, "Extra Manufacturer Data" (2022-12-14) and its supplements. A header (type 0x10, model, record type,
//! counter, first byte of the key), then a record encrypted with AES-CTR (`records.rs`). There is no tag: the one byte of
//! the key is all that tells a wrong one.

mod bits;
mod records;

use super::{
    Format, Why,
    bytes::Cursor,
    cipher::{ctr, key},
    finding::{Finding, Frame},
};

/// Victron Energy.
pub(super) const COMPANY: u16 = 0x02E1;

/// The manufacturer data record that carries an instant readout.
const PRODUCT_ADVERTISEMENT: u8 = 0x10;

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    let mut cursor = Cursor::new(frame.data);
    let kind = cursor.u8()?;
    if kind != PRODUCT_ADVERTISEMENT {
        return Err(Why::UnknownFrame(kind.into()));
    }
    finding.format = Some(Format::Victron);
    // The length of the record, as some devices give it; what is there counts.
    cursor.u8()?;
    let (_model, record, counter, check) = (cursor.u16()?, cursor.u8()?, cursor.u16()?, cursor.u8()?);
    let read = records::reader(record).ok_or(Why::UnknownFrame(record.into()))?;
    let key: [u8; 16] = key(frame.key)?;
    if check != key[0] {
        return Err(Why::WrongKey);
    }
    finding.counter = Some(counter.into());
    let plain = ctr(key, counter, cursor.rest());
    read(&mut bits::Bits::new(&plain), finding)
}

#[cfg(test)]
mod tests;
