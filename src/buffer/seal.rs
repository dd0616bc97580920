//! What protects the body of a row, the one door to it: a checksum over it and over what the row says of it, or with a
//! key a cipher that does the same and hides it.
//!
//! The first byte tells which, so that a store may hold both: rows from before a key was set stay readable.

use std::borrow::Cow;

use super::{
    cipher::{Cipher, KeyError, MARK},
    codec::wire::WireError,
};
use crate::{config::Secret, model::Stream};

/// What a row says of its body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) id: u64,
    pub(super) stream: &'a Stream,
    pub(super) epoch: u64,
    pub(super) seq: u64,
    /// The clock quality's code.
    pub(super) clock: u64,
    /// The parts of a pack.
    pub(super) parts: &'a [u8],
}

impl Facts<'_> {
    /// All of it as bytes.
    fn bytes(&self) -> Vec<u8> {
        let (code, name) = match self.stream {
            Stream::Data => (0, ""),
            Stream::Event => (1, ""),
            Stream::Outcome => (2, ""),
            Stream::Local => (3, ""),
            Stream::Filtered(name) => (4, &**name),
        };
        let numbers = [self.id, code, self.epoch, self.seq, self.clock].map(u64::to_le_bytes);
        [numbers.as_flattened(), name.as_bytes(), self.parts].concat()
    }
}

/// Seals and unseals bodies. The default has no key.
#[derive(Debug, Clone, Default)]
pub(super) struct Seal {
    cipher: Option<Cipher>,
}

impl Seal {
    /// With the key that is kept there, if there is a place for one.
    pub(super) fn of(key: Option<&Secret>) -> Result<Self, KeyError> {
        let cipher = key.map(|key| Cipher::parse(key.read()?.expose())).transpose()?;
        Ok(Self { cipher })
    }

    /// With a key of one digit.
    #[cfg(test)]
    pub(super) fn keyed(digit: &str) -> Self {
        Self { cipher: Some(Cipher::parse(&digit.repeat(64)).unwrap()) }
    }

    /// The key's cipher.
    pub(super) fn cipher(&self) -> Option<&Cipher> {
        self.cipher.as_ref()
    }

    /// A body with its protection.
    pub(super) fn seal(&self, body: &[u8], facts: &Facts<'_>) -> Result<Vec<u8>, getrandom::Error> {
        let facts = facts.bytes();
        match &self.cipher {
            Some(cipher) => cipher.seal(body, &facts),
            None => Ok([body, &checksum(&[&facts, body]).to_le_bytes()].concat()),
        }
    }

    /// The body, if neither it nor the row is another than it was.
    pub(super) fn unseal<'a>(&self, sealed: &'a [u8], facts: &Facts<'_>) -> Result<Cow<'a, [u8]>, WireError> {
        let facts = facts.bytes();
        if let Some((&MARK, sealed)) = sealed.split_first() {
            return self.decrypt(sealed, &facts);
        }
        let (body, sum) = sealed.split_last_chunk().ok_or(WireError::Truncated)?;
        let is_same = checksum(&[&facts, body]) == u32::from_le_bytes(*sum);
        if is_same { Ok(body.into()) } else { Err(WireError::Checksum) }
    }

    /// A body that belongs to no block and never had a checksum: it is hidden with a key, and stays as it is without.
    pub(super) fn hide(&self, body: Vec<u8>, name: &str) -> Result<Vec<u8>, getrandom::Error> {
        match &self.cipher {
            Some(cipher) => cipher.seal(&body, name.as_bytes()),
            None => Ok(body),
        }
    }

    /// What [`Seal::hide`] was given.
    pub(super) fn reveal<'a>(&self, hidden: &'a [u8], name: &str) -> Result<Cow<'a, [u8]>, WireError> {
        match hidden.split_first() {
            Some((&MARK, sealed)) => self.decrypt(sealed, name.as_bytes()),
            _ => Ok(hidden.into()),
        }
    }

    fn decrypt<'a>(&self, sealed: &[u8], facts: &[u8]) -> Result<Cow<'a, [u8]>, WireError> {
        let body = self.cipher.as_ref().and_then(|cipher| cipher.unseal(sealed, facts));
        body.map(Cow::Owned).ok_or(WireError::Checksum)
    }
}

/// CRC-32 as in Ethernet and zlib.
pub(super) fn checksum(pieces: &[&[u8]]) -> u32 {
    !pieces.iter().fold(u32::MAX, |sum, piece| extend(sum, piece))
}

/// Takes further bytes into a remainder: eight at a time, because every block is read through this on its way out.
fn extend(sum: u32, bytes: &[u8]) -> u32 {
    let (eights, rest) = bytes.as_chunks::<8>();
    let sum = eights.iter().fold(sum, |sum, &[a, b, c, d, e, f, g, h]| {
        let [a, b, c, d] = (sum ^ u32::from_le_bytes([a, b, c, d])).to_le_bytes();
        let bytes = [h, g, f, e, d, c, b, a].map(usize::from);
        CRC.iter().zip(bytes).fold(0, |sum, (table, byte)| sum ^ table[byte])
    });
    rest.iter().fold(sum, |sum, &byte| (sum >> 8) ^ CRC[0][usize::from(sum.to_le_bytes()[0] ^ byte)])
}

/// The remainder of each byte that so many others follow.
static CRC: [[u32; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let (mut sum, mut bit, mut follow) = (byte as u32, 0, 0);
        while follow < 8 {
            while bit < 8 {
                sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
                bit += 1;
            }
            tables[follow][byte] = sum;
            (bit, follow) = (0, follow + 1);
        }
        byte += 1;
    }
    tables
};

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed() -> Seal {
        Seal::keyed("1")
    }

    fn facts(stream: &Stream) -> Facts<'_> {
        Facts { id: 7, stream, epoch: 2, seq: 5, clock: 0, parts: b"parts" }
    }

    #[test]
    fn another_bit_anywhere_is_noticed() {
        let stream = Stream::filtered("cloud");
        let facts = facts(&stream);
        for seal in [Seal::default(), keyed()] {
            let mut sealed = seal.seal(b"\x01body", &facts).unwrap();
            assert_eq!(*seal.unseal(&sealed, &facts).unwrap(), *b"\x01body");

            for other in [
                Facts { id: 8, ..facts },
                Facts { stream: &Stream::Data, ..facts },
                Facts { seq: 6, ..facts },
                Facts { parts: b"part", ..facts },
            ] {
                assert_eq!(seal.unseal(&sealed, &other), Err(WireError::Checksum));
            }
            sealed[1] ^= 1;
            assert_eq!(seal.unseal(&sealed, &facts), Err(WireError::Checksum));
        }
    }

    #[test]
    fn a_key_opens_what_was_written_without_one_and_nothing_is_read_without_it() {
        let facts = facts(&Stream::Data);
        let (open, hidden) = (Seal::default().seal(b"\x01body", &facts).unwrap(), keyed().hide(b"\x01".into(), "x"));

        assert_eq!(*keyed().unseal(&open, &facts).unwrap(), *b"\x01body");
        assert_eq!(*keyed().reveal(b"\x01body", "x").unwrap(), *b"\x01body");
        assert_eq!(*keyed().reveal(&hidden.clone().unwrap(), "x").unwrap(), *b"\x01");
        assert!(Seal::default().reveal(&hidden.unwrap(), "x").is_err());
        assert!(Seal::default().unseal(&keyed().seal(b"body", &facts).unwrap(), &facts).is_err());
    }

    #[test]
    fn the_checksum_is_the_one_of_zlib() {
        assert_eq!(checksum(&[b"1234", b"56789"]), 0xcbf4_3926);
        assert_eq!(checksum(&[b"123456789"]), 0xcbf4_3926);
    }

    #[test]
    fn eight_bytes_at_a_time_are_eight_single_ones() {
        let bytes: Vec<u8> = (0..100_u8).map(|n| n.wrapping_mul(151) ^ 0x5a).collect();
        for end in 0..=bytes.len() {
            let single: Vec<&[u8]> = bytes[..end].chunks(1).collect();
            assert_eq!(checksum(&[&bytes[..end]]), checksum(&single), "{end} bytes");
        }
    }
}
