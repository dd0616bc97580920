//! What protects the body of a row: a checksum over it and over what the row says of it.

use super::codec::wire::WireError;
use crate::model::Stream;

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

/// A body with its checksum.
pub(super) fn seal(body: &[u8], facts: &Facts<'_>) -> Vec<u8> {
    let sum = checksum(&[&facts.bytes(), body]);
    [body, &sum.to_le_bytes()].concat()
}

/// The body, if neither it nor the row is another than it was.
pub(super) fn unseal<'a>(sealed: &'a [u8], facts: &Facts<'_>) -> Result<&'a [u8], WireError> {
    let (body, sum) = sealed.split_last_chunk().ok_or(WireError::Truncated)?;
    let found = checksum(&[&facts.bytes(), body]);
    if found == u32::from_le_bytes(*sum) { Ok(body) } else { Err(WireError::Checksum) }
}

/// CRC-32 as in Ethernet and zlib.
fn checksum(pieces: &[&[u8]]) -> u32 {
    let bytes = pieces.iter().copied().flatten();
    !bytes.fold(u32::MAX, |sum, &byte| (sum >> 8) ^ CRC[usize::from(sum.to_le_bytes()[0] ^ byte)])
}

/// The remainder of each byte.
static CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let (mut sum, mut bit) = (byte as u32, 0);
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_bit_anywhere_is_noticed() {
        let stream = Stream::filtered("cloud");
        let facts = Facts { id: 7, stream: &stream, epoch: 2, seq: 5, clock: 0, parts: b"parts" };
        let mut sealed = seal(b"body", &facts);
        assert_eq!(unseal(&sealed, &facts).unwrap(), b"body");

        for other in [
            Facts { id: 8, ..facts },
            Facts { stream: &Stream::Data, ..facts },
            Facts { seq: 6, ..facts },
            Facts { parts: b"part", ..facts },
        ] {
            assert_eq!(unseal(&sealed, &other), Err(WireError::Checksum));
        }
        sealed[1] ^= 1;
        assert_eq!(unseal(&sealed, &facts), Err(WireError::Checksum));
    }

    #[test]
    fn the_checksum_is_the_one_of_zlib() {
        assert_eq!(checksum(&[b"1234", b"56789"]), 0xcbf4_3926);
    }
}
