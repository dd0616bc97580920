//! Data points: what Tuya devices say in a cluster of their own instead of in attributes (Tuya, Zigbee universal
//! docking: 0xEF00).
//!
//! ```text
//! sequence u16 | data point u8, type u8, length u16, data | data point …
//! ```
//!
//! Numbers are big-endian here, unlike everywhere else in Zigbee. What does not end where it should gives nothing.

use super::{
    address::Cluster,
    wire::WireError,
    zcl::{Direction, Frame, Header, Scope},
};

/// The cluster.
pub const CLUSTER: Cluster = Cluster(0xef00);

/// The gateway sets data points.
pub const REQUEST: u8 = 0x00;
/// The device asks what time it is, and is told.
pub const TIME: u8 = 0x24;
/// The device asks whether the gateway is connected, and is told.
pub const CONNECTION: u8 = 0x25;

/// The gateway wants every data point.
pub const QUERY: u8 = 0x03;
/// The gateway wants to know the version of the chip behind the radio; some of them say nothing before.
pub const VERSION: u8 = 0x10;

/// From when a device counts the seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// From 1970 on.
    #[default]
    Unix,
    /// From 2000 on, as the time cluster of the library does (ZCL, 3.12.2.2.1).
    Zigbee,
}

impl Clock {
    /// Seconds since 1970 as the device counts them; 0 for what was before its beginning.
    pub fn count(self, since_1970_s: u32) -> u32 {
        /// Seconds from 1970 to 2000.
        const BETWEEN: u32 = 946_684_800;
        match self {
            Self::Unix => since_1970_s,
            Self::Zigbee => since_1970_s.saturating_sub(BETWEEN),
        }
    }
}

/// Commands of the device that hold data points: response, report, and active reports in both numbers they have.
const REPORTS: [u8; 4] = [0x01, 0x02, 0x05, 0x06];

/// What a data point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Bytes whose meaning only the device knows.
    Raw,
    /// True or false.
    Bool,
    /// A number of up to four bytes; four are signed.
    Value,
    /// Text.
    String,
    /// One of several.
    Enum,
    /// Bits.
    Bitmap,
}

/// Every type with its number and its word in a profile.
const TYPES: [(u8, &str, Type); 6] = [
    (0, "raw", Type::Raw),
    (1, "bool", Type::Bool),
    (2, "value", Type::Value),
    (3, "string", Type::String),
    (4, "enum", Type::Enum),
    (5, "bitmap", Type::Bitmap),
];

impl Type {
    /// The type of a number.
    pub fn of(number: u8) -> Option<Self> {
        TYPES.iter().find(|(known, ..)| *known == number).map(|(.., found)| *found)
    }

    /// The type of a word.
    pub fn named(word: &str) -> Option<Self> {
        TYPES.iter().find(|(_, known, _)| *known == word).map(|(.., found)| *found)
    }

    /// Its number.
    pub fn number(self) -> u8 {
        TYPES.iter().find(|(.., known)| *known == self).map_or(0, |(number, ..)| *number)
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        TYPES.iter().find(|(.., known)| *known == self).map_or("", |(_, word, _)| word)
    }
}

/// One data point with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which.
    pub dp: u8,
    /// What it is.
    pub kind: Type,
    /// Its bytes.
    pub data: Vec<u8>,
}

impl Record {
    /// The number in it; `None` for text, raw bytes, and what is longer than a number.
    pub fn number(&self) -> Option<i64> {
        let is_number = matches!(self.kind, Type::Bool | Type::Value | Type::Enum | Type::Bitmap);
        if !is_number || self.data.is_empty() || self.data.len() > 4 {
            return None;
        }
        let bits = self.data.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        let is_signed = self.kind == Type::Value && self.data.len() == 4;
        Some(if is_signed { bits.cast_signed().into() } else { bits.into() })
    }

    /// A number as its type has it; `None` when it does not fit.
    pub fn of_number(dp: u8, kind: Type, number: i64) -> Option<Self> {
        let data = match kind {
            Type::Bool => vec![u8::try_from(number).ok().filter(|number| *number <= 1)?],
            Type::Enum => vec![u8::try_from(number).ok()?],
            Type::Value => i32::try_from(number).ok()?.to_be_bytes().to_vec(),
            Type::Bitmap => bitmap(number)?,
            Type::Raw | Type::String => return None,
        };
        Some(Self { dp, kind, data })
    }
}

/// Bits in one, two or four bytes, as few as hold them.
fn bitmap(number: i64) -> Option<Vec<u8>> {
    let bits = u32::try_from(number).ok()?;
    let bytes = bits.to_be_bytes();
    Some(match bits {
        0..=0xff => bytes[3..].to_vec(),
        0x100..=0xffff => bytes[2..].to_vec(),
        _ => bytes.to_vec(),
    })
}

/// Data points with the number of their message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// The message's number.
    pub sequence: u16,
    /// The data points.
    pub records: Vec<Record>,
}

impl Data {
    /// The data points that a device reports in a frame; `None` for any other frame.
    pub fn of(cluster: Cluster, frame: &Frame<'_>) -> Option<Result<Self, WireError>> {
        let header = &frame.header;
        let is_report = (cluster, header.scope, header.direction) == (CLUSTER, Scope::Cluster, Direction::ToClient)
            && header.manufacturer.is_none()
            && REPORTS.contains(&header.command);
        is_report.then(|| Self::decode(frame.payload))
    }

    /// Reads the payload.
    pub fn decode(payload: &[u8]) -> Result<Self, WireError> {
        let mut at = Place { bytes: payload, at: 0 };
        let [high, low] = at.take::<2>()?;
        let mut records = Vec::new();
        while at.at < payload.len() {
            let [dp, kind, high, low] = at.take::<4>()?;
            let unknown = WireError::Unknown { what: "data point type", found: kind.into() };
            let kind = Type::of(kind).ok_or(unknown)?;
            let data = at.run(u16::from_be_bytes([high, low]).into())?.to_vec();
            records.push(Record { dp, kind, data });
        }
        Ok(Self { sequence: u16::from_be_bytes([high, low]), records })
    }

    /// The payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.sequence.to_be_bytes().to_vec();
        for record in &self.records {
            // A frame has at most 255 bytes, so that no record is longer.
            let length = u16::try_from(record.data.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&[record.dp, record.kind.number()]);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(&record.data[..length.into()]);
        }
        out
    }
}

/// A place in received bytes.
struct Place<'a> {
    /// All of them.
    bytes: &'a [u8],
    /// How many are read.
    at: usize,
}

impl<'a> Place<'a> {
    /// The next bytes.
    fn run(&mut self, want: usize) -> Result<&'a [u8], WireError> {
        let left = self.bytes.len() - self.at;
        let found = self.bytes[self.at..].get(..want);
        let found = found.ok_or(WireError::Truncated { at: self.at, want, left })?;
        self.at += want;
        Ok(found)
    }

    /// So many bytes.
    fn take<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let mut array = [0; N];
        array.copy_from_slice(self.run(N)?);
        Ok(array)
    }
}

/// The frame that sets data points. The device shall say that it took them.
pub fn request(sequence: u8, records: Vec<Record>) -> Vec<u8> {
    let payload = Data { sequence: sequence.into(), records }.encode();
    let header = Header { disable_default_response: false, ..command(sequence, REQUEST) };
    Frame { header, payload: &payload }.encode()
}

/// The question for every data point.
pub fn query(sequence: u8) -> Vec<u8> {
    Frame { header: command(sequence, QUERY), payload: &[] }.encode()
}

/// The question for the version of the chip; its number is that of the message.
pub fn version_query(sequence: u8) -> Vec<u8> {
    Frame { header: command(sequence, VERSION), payload: &u16::from(sequence).to_be_bytes() }.encode()
}

/// The answer to a question for the time: seconds since its beginning, first UTC, then local. Devices that show a clock take the
/// second. The length before them is little-endian.
pub fn time_answer(sequence: u8, utc_s: u32, local_s: u32) -> Vec<u8> {
    let payload = [&8u16.to_le_bytes()[..], &utc_s.to_be_bytes(), &local_s.to_be_bytes()].concat();
    Frame { header: command(sequence, TIME), payload: &payload }.encode()
}

/// The answer to the question whether the gateway is connected: yes.
pub fn connection_answer(sequence: u8) -> Vec<u8> {
    Frame { header: command(sequence, CONNECTION), payload: &[1, 0, 1] }.encode()
}

/// A command of the cluster that wants no default response.
fn command(sequence: u8, command: u8) -> Header {
    Header { scope: Scope::Cluster, ..Header::request(sequence, command) }
}

#[cfg(test)]
mod tests;
