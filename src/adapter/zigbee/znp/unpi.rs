//! UNPI, the frame of TI's serial interface: start, length, two command bytes, data, and the XOR of all but the start.
//!
//! [`decode`] is pure. After an error the bytes behind the start byte are looked at again ([`resync`]): what was taken
//! for a start may have been noise, and the next frame may begin within what it seemed to announce. So no good frame
//! behind garbage is lost. [`Decoder`] holds the bytes of a frame that has not ended yet, never more than one frame.

use std::fmt;

/// First byte of each frame.
pub const SOF: u8 = 0xfe;

/// Most bytes of data in a frame (Z-Stack Monitor and Test API 1.14, 2.1.2).
pub const MAX_DATA: usize = 250;

/// Start, length and two command bytes.
const HEADER: usize = 4;

/// The longest frame, with its check byte.
const MAX_FRAME: usize = HEADER + MAX_DATA + 1;

/// What a frame is for (Z-Stack Monitor and Test API 1.14, 2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Asks for data that waits; used on SPI only.
    Poll,
    /// A request that is answered at once.
    Sreq,
    /// Needs no answer: a request of the host, or news of the coordinator.
    Areq,
    /// The answer to a request.
    Srsp,
}

/// Which part of the firmware is spoken to; five bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subsystem(u8);

impl Subsystem {
    /// What refuses requests that could not be read.
    pub const ERROR: Self = Self(0);
    /// The chip and its memory.
    pub const SYS: Self = Self(1);
    /// Messages to and from devices.
    pub const AF: Self = Self(4);
    /// The network.
    pub const ZDO: Self = Self(5);
    /// Odds and ends.
    pub const UTIL: Self = Self(7);
    /// How devices are taken in.
    pub const APP_CNF: Self = Self(15);

    /// The subsystem of this number, up to 31.
    pub fn new(number: u8) -> Option<Self> {
        (number < 32).then_some(Self(number))
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Subsystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ERROR => f.write_str("ERROR"),
            Self::SYS => f.write_str("SYS"),
            Self::AF => f.write_str("AF"),
            Self::ZDO => f.write_str("ZDO"),
            Self::UTIL => f.write_str("UTIL"),
            Self::APP_CNF => f.write_str("APP_CNF"),
            Self(number) => write!(f, "{number:#04x}"),
        }
    }
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is for.
    pub kind: Kind,
    /// Whom it is for, or from.
    pub subsystem: Subsystem,
    /// Which command of the subsystem.
    pub id: u8,
    /// At most [`MAX_DATA`] bytes.
    pub data: Vec<u8>,
}

/// Bytes that are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The first byte starts no frame.
    #[error("a frame starts with 0xfe, not {0:#04x}")]
    Start(u8),
    /// The length is more than a frame can hold.
    #[error("{0} bytes of data, a frame holds at most 250")]
    Length(usize),
    /// The kind is none of the four.
    #[error("command byte {0:#04x} is of no known kind")]
    Kind(u8),
    /// The check byte is wrong.
    #[error("checksum is {found:#04x}, bytes give {computed:#04x}")]
    Checksum {
        /// The byte received.
        found: u8,
        /// The byte the rest asks for.
        computed: u8,
    },
}

/// The frame at the front of `bytes` and how many bytes it takes, or `None` when more bytes are needed.
pub fn decode(bytes: &[u8]) -> Result<Option<(Frame, usize)>, FrameError> {
    let Some(&start) = bytes.first() else { return Ok(None) };
    if start != SOF {
        return Err(FrameError::Start(start));
    }
    let Some(&length) = bytes.get(1) else { return Ok(None) };
    let length = usize::from(length);
    if length > MAX_DATA {
        return Err(FrameError::Length(length));
    }
    let Some(&first) = bytes.get(2) else { return Ok(None) };
    let kind = Kind::of(first)?;
    let end = HEADER + length;
    let (Some(&found), Some(&id)) = (bytes.get(end), bytes.get(3)) else { return Ok(None) };
    let computed = checksum(&bytes[1..end]);
    if found != computed {
        return Err(FrameError::Checksum { found, computed });
    }
    let data = bytes[HEADER..end].to_vec();
    Ok(Some((Frame { kind, subsystem: Subsystem(first & 0x1f), id, data }, end + 1)))
}

/// How many bytes to leave out after an error: up to the next start byte, and at least the one the error began with.
pub fn resync(bytes: &[u8]) -> usize {
    bytes.iter().skip(1).position(|byte| *byte == SOF).map_or(bytes.len(), |at| at + 1)
}

impl Kind {
    /// The kind in the upper three bits.
    fn of(first: u8) -> Result<Self, FrameError> {
        match first >> 5 {
            0 => Ok(Self::Poll),
            1 => Ok(Self::Sreq),
            2 => Ok(Self::Areq),
            3 => Ok(Self::Srsp),
            _ => Err(FrameError::Kind(first)),
        }
    }

    /// The number of the upper three bits.
    fn number(self) -> u8 {
        match self {
            Self::Poll => 0,
            Self::Sreq => 1,
            Self::Areq => 2,
            Self::Srsp => 3,
        }
    }
}

impl Frame {
    /// Appends the frame; refuses data that does not fit.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        let length = self.data.len();
        let in_byte = u8::try_from(length).ok().filter(|_| length <= MAX_DATA);
        let in_byte = in_byte.ok_or(FrameError::Length(length))?;
        out.push(SOF);
        let start = out.len();
        out.extend_from_slice(&[in_byte, self.kind.number() << 5 | self.subsystem.0, self.id]);
        out.extend_from_slice(&self.data);
        out.push(checksum(&out[start..]));
        Ok(())
    }
}

/// The XOR of all bytes.
fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

/// What has arrived and is no whole frame yet.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Begins with a start byte, or is empty; at most one frame and what came with its last byte.
    buffer: Vec<u8>,
    /// Bytes left out so far.
    skipped: u64,
    /// What was wrong with the last bytes left out.
    fault: Option<FrameError>,
}

impl Decoder {
    /// Takes bytes as they arrive.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame. `None` means that more bytes are needed; then less than one frame is kept.
    pub fn next_frame(&mut self) -> Option<Frame> {
        loop {
            match decode(&self.buffer) {
                Ok(Some((frame, used))) => {
                    self.buffer.drain(..used);
                    return Some(frame);
                }
                Ok(None) => {
                    debug_assert!(self.buffer.len() < MAX_FRAME, "a whole frame is never kept");
                    return None;
                }
                Err(error) => self.skip(error),
            }
        }
    }

    /// Whether a frame has begun and not ended.
    pub fn is_waiting(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The line was quiet for longer than a frame may pause: what was taken for a start was none. Frames that are
    /// whole behind it come out of [`Decoder::next_frame`] now, instead of waiting for bytes that never come.
    pub fn give_up(&mut self) {
        if self.is_waiting() {
            let skipped = resync(&self.buffer);
            self.buffer.drain(..skipped);
            self.count(skipped);
        }
    }

    /// Bytes left out since the start, for the metric, and what was wrong with the last of them.
    pub fn skipped(&self) -> (u64, Option<FrameError>) {
        (self.skipped, self.fault)
    }

    /// Leaves out what is no frame.
    fn skip(&mut self, error: FrameError) {
        let skipped = resync(&self.buffer);
        self.buffer.drain(..skipped);
        self.fault = Some(error);
        self.count(skipped);
    }

    /// Adds to the bytes left out.
    fn count(&mut self, skipped: usize) {
        self.skipped = self.skipped.saturating_add(skipped as u64);
    }
}

#[cfg(test)]
mod tests;
