//! BTHome version 2 (service data 0xFCD2) and version 1 (0x181C, encrypted 0x181E), least significant byte first.
//!
//! <https://bthome.io/format>, <https://bthome.io/v1>, <https://bthome.io/encryption>. A frame is a list of objects: a
//! number that says what it is and how long, and its value. An object that is not known ends the list, because its
//! length is not known either; what stood before it is valid (the specification orders objects by number for that).

mod objects;
mod table;
mod v1;
mod v2;

pub(super) use v1::{decode_encrypted as decode_v1_encrypted, decode_plain as decode_v1};
pub(super) use v2::decode as decode_v2;

use super::{
    Why,
    cipher::{self, Nonce, ccm},
};

/// Services of version 1, plain and encrypted, and of version 2.
pub(super) const V1: u16 = 0x181C;
pub(super) const V1_ENCRYPTED: u16 = 0x181E;
pub(super) const V2: u16 = 0xFCD2;

/// What both versions append to an encrypted list: a counter, and the tag.
struct Sealed<'a> {
    /// The objects.
    objects: &'a [u8],
    /// The replay counter as it was sent.
    counter: [u8; 4],
    /// Four bytes that prove the rest.
    tag: [u8; 4],
}

impl<'a> Sealed<'a> {
    /// Splits what follows the header.
    fn of(data: &'a [u8]) -> Result<Self, Why> {
        let too_short = Why::TooShort { got: data.len(), want: 10 };
        let (rest, tag) = data.split_last_chunk().ok_or(too_short)?;
        let (objects, counter) = rest.split_last_chunk().ok_or(too_short)?;
        if objects.is_empty() { Err(too_short) } else { Ok(Self { objects, counter: *counter, tag: *tag }) }
    }

    /// Decrypts the objects.
    fn open(&self, key: Option<&[u8]>, nonce: Nonce, aad: &[u8]) -> Result<alloc::vec::Vec<u8>, Why> {
        ccm(cipher::key(key)?, nonce, aad, self.objects, self.tag)
    }
}
