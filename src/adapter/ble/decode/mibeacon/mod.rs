//! Xiaomi MiBeacon versions 2 to 5, service data 0xFE95, least significant byte first.
//!
//! <https://iot.mi.com/new/doc/accesses/direct-access/embedded-development/ble/ble-mibeacon>: frame control, product,
//! frame counter, and if the control says so address, capability and objects (`objects.rs`). Versions 4 and 5 are sealed
//! with AES-CCM. Versions 2 and 3 have no tag to prove the key; there, objects that make no sense mean a wrong key.

mod body;
mod button;
mod door;
mod objects;
mod table;

use alloc::vec::Vec;

use super::{
    Format, Why,
    bytes::Cursor,
    cipher::{Nonce, ccm, ccm_without_tag, join, key},
    finding::{Finding, Frame},
};
use objects::Device;

/// Xiaomi.
pub(super) const SERVICE: u16 = 0xFE95;

/// Bits of the frame control.
const ENCRYPTED: u16 = 1 << 3;
const WITH_ADDRESS: u16 = 1 << 4;
const WITH_CAPABILITY: u16 = 1 << 5;
const WITH_OBJECTS: u16 = 1 << 6;
const MESH: u16 = 1 << 7;

/// What stands before the objects.
struct Header<'a> {
    /// Control, product and counter as they were sent; part of the nonce.
    head: [u8; 5],
    /// The sender, least significant byte first.
    address: [u8; 6],
    /// The objects, sealed or plain.
    body: &'a [u8],
}

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::Mibeacon);
    let header = Header::of(frame)?;
    finding.counter = Some(header.head[4].into());
    let device = Device(header.product());
    if header.control() & WITH_OBJECTS == 0 {
        return Err(Why::NoValue);
    }
    if header.control() & ENCRYPTED == 0 {
        return device.read(header.body, finding);
    }
    if header.version() >= 4 {
        return device.read(&header.open(frame.key, finding)?, finding);
    }
    let plain = header.open_legacy(frame.key)?;
    device.read(&plain, finding).map_err(|_| Why::WrongKey)?;
    if finding.note.take().is_some() { Err(Why::WrongKey) } else { Ok(()) }
}

impl<'a> Header<'a> {
    /// Reads up to the objects.
    fn of(frame: &Frame<'a>) -> Result<Self, Why> {
        let mut cursor = Cursor::new(frame.data);
        let mut header = Self { head: cursor.array()?, address: frame.advert.address.on_air(), body: &[] };
        let control = header.control();
        if header.version() < 2 {
            return Err(Why::UnknownVersion(header.version()));
        }
        if control & MESH != 0 {
            return Err(Why::UnknownFrame(control));
        }
        if control & WITH_ADDRESS != 0 && cursor.array()? != header.address {
            return Err(Why::OtherDevice);
        }
        // Bit 5 of the capability says that a byte about inputs and outputs follows.
        if control & WITH_CAPABILITY != 0 && cursor.u8()? & 0x20 != 0 {
            cursor.u8()?;
        }
        header.body = cursor.rest();
        Ok(header)
    }

    /// The frame control.
    fn control(&self) -> u16 {
        u16::from_le_bytes([self.head[0], self.head[1]])
    }

    /// The version, in the upper four bits of the control.
    fn version(&self) -> u8 {
        self.head[1] >> 4
    }

    /// The number of the model.
    fn product(&self) -> u16 {
        u16::from_le_bytes([self.head[2], self.head[3]])
    }

    /// Decrypts versions 4 and 5: objects, three more bytes of the counter, tag.
    fn open(&self, bindkey: Option<&[u8]>, finding: &mut Finding) -> Result<Vec<u8>, Why> {
        let too_short = Why::TooShort { got: self.body.len(), want: 11 };
        let (rest, tag) = self.body.split_last_chunk().ok_or(too_short)?;
        let (sealed, more) = rest.split_last_chunk::<3>().ok_or(too_short)?;
        if sealed.len() < 3 {
            return Err(too_short);
        }
        let nonce = Nonce::Twelve(join(&[&self.address, &self.head[2..], more]));
        let plain = ccm(key(bindkey)?, nonce, &[0x11], sealed, *tag)?;
        finding.counter = Some(u32::from_le_bytes([self.head[4], more[0], more[1], more[2]]));
        Ok(plain)
    }

    /// Decrypts versions 2 and 3: objects, three more bytes of the counter, a byte that proves nothing.
    fn open_legacy(&self, bindkey: Option<&[u8]>) -> Result<Vec<u8>, Why> {
        let too_short = Why::TooShort { got: self.body.len(), want: 8 };
        let (sealed, tail) = self.body.split_last_chunk::<4>().ok_or(too_short)?;
        if sealed.len() < 4 {
            return Err(too_short);
        }
        let nonce = join(&[&self.head, &tail[..3], &self.address[..5]]);
        Ok(ccm_without_tag(legacy_key(bindkey)?, nonce, sealed))
    }
}

/// Keys of versions 2 and 3 have twelve bytes; four that are always the same belong into the middle.
fn legacy_key(bindkey: Option<&[u8]>) -> Result<[u8; 16], Why> {
    let Some(Ok(short)) = bindkey.map(<[u8; 12]>::try_from) else { return key(bindkey) };
    Ok(join(&[&short[..6], &[0x8D, 0x3D, 0x3C, 0x97], &short[6..]]))
}

#[cfg(test)]
mod tests;
