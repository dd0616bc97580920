//! The RTU frame: unit, PDU, and a CRC (MODBUS over serial line 1.02, 2.5.1).
//!
//! On the line frames are parted by silence, which neither a USB adapter nor a TCP gateway hands on. So a frame is found
//! by its content: an answer's unit, function and length are known before it comes, and its CRC proves it.

use super::{Expected, Step};
use crate::adapter::modbus::response::Mismatch;

/// Bytes of the CRC.
const CRC: usize = 2;

/// Longest frame (2.5.1.1).
pub const LONGEST: usize = 256;

/// Appends a frame; `pdu` writes what is between unit and CRC.
pub fn encode(out: &mut Vec<u8>, unit: u8, pdu: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.push(unit);
    pdu(out);
    let sum = crc(&out[start..]);
    out.extend_from_slice(&sum.to_le_bytes());
}

/// What the first bytes are to one who waits for `expected`.
pub fn find_answer(bytes: &[u8], expected: Expected) -> Step {
    find(bytes, |bytes| candidate(bytes, expected))
}

/// What the first bytes are to a unit that waits for a request.
pub fn find_request(bytes: &[u8]) -> Step {
    find(bytes, |bytes| match request_length(bytes) {
        Some(length) => whole(bytes, length + CRC),
        None => Candidate::No(None),
    })
}

/// The unit and the PDU in a frame that was found.
pub fn unit_and_pdu(frame: &[u8]) -> &[u8] {
    &frame[..frame.len().saturating_sub(CRC)]
}

/// What begins at a place.
enum Candidate {
    /// A whole frame of so many bytes.
    Whole(usize),
    /// A frame, as far as it has come.
    Partial,
    /// No frame for us; perhaps one of ours that is broken.
    No(Option<Mismatch>),
}

/// Resynchronises: the first whole frame counts, also behind the beginning of what may be none. Without one all is
/// dropped that cannot become one.
fn find(bytes: &[u8], candidate: impl Fn(&[u8]) -> Candidate) -> Step {
    let mut keep = bytes.len();
    let mut fault = None;
    for at in 0..bytes.len() {
        match candidate(&bytes[at..]) {
            Candidate::Whole(length) if at == 0 => return Step::Frame(length),
            Candidate::Whole(_) => return Step::Skip(at, fault),
            Candidate::Partial => keep = keep.min(at),
            Candidate::No(found) => fault = fault.or(found),
        }
    }
    if keep == 0 { Step::More } else { Step::Skip(keep, fault) }
}

/// What begins at the first byte, to one who waits for an answer.
fn candidate(bytes: &[u8], expected: Expected) -> Candidate {
    match expected.wanted(bytes) {
        Some(length) => whole(bytes, length + CRC),
        None => Candidate::No(stranger(bytes, expected)),
    }
}

/// A frame of a known length.
fn whole(bytes: &[u8], length: usize) -> Candidate {
    let Some(frame) = bytes.get(..length) else { return Candidate::Partial };
    match check(frame) {
        Ok(()) => Candidate::Whole(length),
        Err(broken) => Candidate::No(Some(broken)),
    }
}

/// In which way a whole frame of our unit is not what we asked for.
fn stranger(bytes: &[u8], expected: Expected) -> Option<Mismatch> {
    let frame = bytes.get(..answer_length(bytes)? + CRC)?;
    check(frame).ok()?;
    expected.misses(unit_and_pdu(frame))
}

/// Whether the CRC is right of a frame that has one.
pub fn check(frame: &[u8]) -> Result<(), Mismatch> {
    let (content, sum) = frame.split_at(frame.len().saturating_sub(CRC));
    let found = sum.iter().rev().fold(0, |sum, &byte| sum << 8 | u16::from(byte));
    let computed = crc(content);
    if computed == found { Ok(()) } else { Err(Mismatch::Checksum { found, computed }) }
}

/// Bytes of unit and PDU of an answer that begins so, by its own word (MODBUS Application Protocol 1.1b3, chapter 6).
fn answer_length(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        1..=4 | 17 | 23 => Some(3 + usize::from(*bytes.get(2)?)),
        5 | 6 | 15 | 16 => Some(6),
        22 => Some(8),
        function if function & 0x80 != 0 => Some(3),
        _ => None,
    }
}

/// Bytes of unit and PDU of a request that begins so; a request whose length has not come yet is as long as the
/// shortest. `None` for functions whose length we do not know.
fn request_length(bytes: &[u8]) -> Option<usize> {
    let count = |at: usize| usize::from(bytes.get(at).copied().unwrap_or_default());
    let Some(function) = bytes.get(1) else { return Some(6) };
    match function {
        1..=6 => Some(6),
        15 | 16 => Some(7 + count(6)),
        22 => Some(8),
        23 => Some(11 + count(10)),
        17 => Some(2),
        43 => Some(5),
        _ => None,
    }
}

/// The CRC of MODBUS over serial line 1.02, 2.5.1.2 and appendix B: polynomial 0xA001 reflected, beginning with ones.
pub fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, &byte| crc >> 8 ^ CRC_TABLE[usize::from(crc ^ u16::from(byte)) & 0xFF])
}

/// The CRC of each single byte.
const CRC_TABLE: [u16; 256] = crc_table();

/// Computes the table bit by bit.
const fn crc_table() -> [u16; 256] {
    let mut table = [0u16; 256];
    let mut byte = 0u16;
    while byte < 256 {
        let (mut crc, mut bit) = (byte, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
#[path = "rtu_tests.rs"]
mod tests;
