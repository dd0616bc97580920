//! The ASCII frame: a colon, hexadecimal digits of unit, PDU and LRC, carriage return and line feed (MODBUS over serial
//! line 1.02, 2.5.2).
//!
//! A colon always begins a frame, so that a broken one costs nothing but itself.

use super::{Expected, LONGEST, Step};
use crate::adapter::modbus::response::Mismatch;

/// What ends a frame.
const END: &[u8] = b"\r\n";

/// Appends a frame; `pdu` writes what is between unit and LRC.
pub fn encode(out: &mut Vec<u8>, unit: u8, pdu: impl FnOnce(&mut Vec<u8>)) {
    let mut content = vec![unit];
    pdu(&mut content);
    content.push(lrc(&content));
    out.push(b':');
    out.extend(content.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0F)]));
    out.extend_from_slice(END);
}

/// What the first bytes are to one who waits for `expected`. `content` becomes unit and PDU of the frame found.
pub fn find_answer(bytes: &[u8], expected: Expected, content: &mut Vec<u8>) -> Step {
    find(bytes, content, |content| if expected.fits(content) { Ok(()) } else { Err(expected.misses(content)) })
}

/// What the first bytes are to a unit that waits for a request. `content` becomes unit and PDU of the frame found.
pub fn find_request(bytes: &[u8], content: &mut Vec<u8>) -> Step {
    find(bytes, content, |_| Ok(()))
}

/// Resynchronises: what is before a colon is dropped, and so is a frame that another colon interrupts, that is too long,
/// broken, or not for us.
fn find(bytes: &[u8], content: &mut Vec<u8>, judge: impl FnOnce(&[u8]) -> Result<(), Option<Mismatch>>) -> Step {
    match bytes.iter().position(|&byte| byte == b':') {
        Some(0) => {}
        Some(start) => return Step::Skip(start, None),
        None if bytes.is_empty() => return Step::More,
        None => return Step::Skip(bytes.len(), None),
    }
    if let Some(next) = bytes[1..].iter().position(|&byte| byte == b':')
        && !bytes[..=next].windows(END.len()).any(|pair| pair == END)
    {
        return Step::Skip(1 + next, None);
    }
    let Some(end) = bytes.windows(END.len()).position(|pair| pair == END) else {
        return if bytes.len() < LONGEST { Step::More } else { Step::Skip(bytes.len(), None) };
    };
    let length = end + END.len();
    match decode(&bytes[1..end], content).map_err(Some).and_then(|()| judge(content)) {
        Ok(()) => Step::Frame(length),
        Err(fault) => Step::Skip(length, fault),
    }
}

/// Digits as unit and PDU, without the LRC they end with. When only the LRC is wrong, `content` is there all the same.
pub fn decode(digits: &[u8], content: &mut Vec<u8>) -> Result<(), Mismatch> {
    content.clear();
    for pair in digits.chunks(2) {
        let [high, low] = pair else { return Err(Mismatch::Digits) };
        let (high, low) = value(*high).zip(value(*low)).ok_or(Mismatch::Digits)?;
        content.push(high << 4 | low);
    }
    let found = content.pop().ok_or(Mismatch::Digits)?;
    let computed = lrc(content);
    if computed == found {
        Ok(())
    } else {
        Err(Mismatch::Checksum { found: found.into(), computed: computed.into() })
    }
}

/// The LRC: the sum of all bytes, negated (2.5.2.2).
pub fn lrc(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)).wrapping_neg()
}

/// The digit of half a byte.
fn digit(half: u8) -> u8 {
    b"0123456789ABCDEF"[usize::from(half)]
}

/// Half a byte from its digit. Small letters are taken too: some devices send them.
fn value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
#[path = "ascii_tests.rs"]
mod tests;
