//! A typed value, as attributes and fields hold them.
//!
//! What a type's marker stands for is [`Content::Invalid`], so that "no value" is never taken for a number. Arrays
//! are bounded: in depth by [`MAX_DEPTH`], in size by the bytes they are read from, as each element takes at least one.

use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::kind::{Kind, Layout};
use crate::adapter::zigbee::wire::{Reader, Wire, WireError, hex};

/// Containers within containers. No attribute of the library nests deeper than two; what does is refused.
pub const MAX_DEPTH: usize = 8;

/// A value with its type.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// Its type.
    kind: Kind,
    /// What it holds, in a form that belongs to the type.
    content: Content,
}

/// What a value holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Nothing: the type has no bytes.
    Empty,
    /// The marker for "no value".
    Invalid,
    /// Numbers, flags, enumerations, times and addresses.
    Bits(u64),
    /// Signed numbers.
    Signed(i64),
    /// A finite or infinite number, never NaN. Halves and singles are widened without loss.
    Float(f64),
    /// Strings of octets or characters, and keys.
    Bytes(Vec<u8>),
    /// Elements of one type.
    List(Kind, Vec<Value>),
    /// Elements of any type.
    Structure(Vec<Value>),
}

impl Value {
    /// An unsigned number, an enumeration, a bitmap, a time or an address; `None` when the type is no such type or
    /// the number too large for it.
    pub fn bits(kind: Kind, bits: u64) -> Option<Self> {
        let Layout::Bits(size) = kind.layout() else { return None };
        (bits <= super::kind::ones(size)).then(|| Self { kind, content: Self::bits_content(kind, bits, size) })
    }

    /// A signed number, within its type.
    pub fn signed(kind: Kind, number: i64) -> Option<Self> {
        let Layout::Signed(size) = kind.layout() else { return None };
        let unused = 64 - size * 8;
        let is_within = number << unused >> unused == number;
        is_within.then(|| Self { kind, content: Self::signed_content(kind, number.cast_unsigned(), size) })
    }

    /// A single-precision number; NaN is "no value".
    pub fn single(number: f32) -> Self {
        let content = if number.is_nan() { Content::Invalid } else { Content::Float(number.into()) };
        Self { kind: Kind::Single, content }
    }

    /// A string of characters, up to 254 bytes.
    pub fn text(text: &str) -> Option<Self> {
        let content = Content::Bytes(text.as_bytes().to_vec());
        (text.len() < 255).then_some(Self { kind: Kind::CharString, content })
    }

    /// "No value" of a type.
    pub fn invalid(kind: Kind) -> Self {
        Self { kind, content: Content::Invalid }
    }

    /// The type.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What it holds.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// A whole number, of an unsigned or signed type.
    pub fn as_integer(&self) -> Option<i128> {
        match self.content {
            Content::Bits(bits) => Some(bits.into()),
            Content::Signed(number) => Some(number.into()),
            _ => None,
        }
    }

    /// A byte string as text. Devices pad with zeros and blanks, which are left out; what is no UTF-8 is replaced.
    pub fn as_text(&self) -> Option<String> {
        let (Content::Bytes(bytes), true) = (&self.content, self.kind.is_text()) else { return None };
        let text = String::from_utf8_lossy(bytes);
        Some(text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned())
    }

    /// Reads a value of a known type.
    pub fn read(kind: Kind, reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Self::read_at(kind, reader, 0)
    }

    /// Reads a type and a value of it.
    pub fn read_typed(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let kind = reader.read()?;
        Self::read(kind, reader)
    }

    /// Reads a value within `depth` containers.
    fn read_at(kind: Kind, reader: &mut Reader<'_>, depth: usize) -> Result<Self, WireError> {
        if depth > MAX_DEPTH {
            return Err(WireError::TooDeep(MAX_DEPTH));
        }
        let content = match kind.layout() {
            Layout::Empty => Content::Empty,
            Layout::Bits(size) => Self::bits_content(kind, little_endian(reader.take(size)?), size),
            Layout::Signed(size) => Self::signed_content(kind, little_endian(reader.take(size)?), size),
            Layout::Float(size) => Self::float_content(little_endian(reader.take(size)?), size),
            Layout::Bytes(size) => Self::read_bytes(kind, reader, size)?,
            Layout::List => Self::read_list(reader, depth)?,
            Layout::Structure => Self::read_structure(reader, depth)?,
            Layout::Key => Content::Bytes(reader.take(16)?.to_vec()),
        };
        Ok(Self { kind, content })
    }

    /// An unsigned number, unless it is the marker.
    fn bits_content(kind: Kind, bits: u64, size: usize) -> Content {
        if kind.is_marker(bits, size) { Content::Invalid } else { Content::Bits(bits) }
    }

    /// A signed number, unless it is the marker; the bits above the type's width do not matter.
    fn signed_content(kind: Kind, bits: u64, size: usize) -> Content {
        if kind.is_marker(bits & super::kind::ones(size), size) {
            return Content::Invalid;
        }
        let unused = 64 - size * 8;
        Content::Signed((bits << unused).cast_signed() >> unused)
    }

    /// A floating-point number of 2, 4 or 8 bytes, unless it is not a number.
    fn float_content(bits: u64, size: usize) -> Content {
        let number = match size {
            2 => from_half(bits),
            4 => f32::from_bits(u32::try_from(bits).expect("four bytes were read")).into(),
            _ => f64::from_bits(bits),
        };
        if number.is_nan() { Content::Invalid } else { Content::Float(number) }
    }

    /// A byte string behind its length.
    fn read_bytes(kind: Kind, reader: &mut Reader<'_>, size: usize) -> Result<Content, WireError> {
        let length = little_endian(reader.take(size)?);
        if kind.is_marker(length, size) {
            return Ok(Content::Invalid);
        }
        let length = usize::try_from(length).expect("a length has at most two bytes");
        Ok(Content::Bytes(reader.take(length)?.to_vec()))
    }

    /// Elements of one type (ZCL, 2.6.2.13). A type without bytes would let three bytes announce 65 534 elements.
    fn read_list(reader: &mut Reader<'_>, depth: usize) -> Result<Content, WireError> {
        let number: u8 = reader.read()?;
        let count: u16 = reader.read()?;
        if count == u16::MAX {
            return Ok(Content::Invalid);
        }
        let kind = Kind::of(number).filter(|kind| kind.layout() != Layout::Empty || count == 0);
        let kind = kind.ok_or(WireError::Unknown { what: "element type", found: number.into() })?;
        let elements = (0..count).map(|_| Self::read_at(kind, reader, depth + 1));
        Ok(Content::List(kind, elements.collect::<Result<_, _>>()?))
    }

    /// Elements with their types (ZCL, 2.6.2.14).
    fn read_structure(reader: &mut Reader<'_>, depth: usize) -> Result<Content, WireError> {
        let count: u16 = reader.read()?;
        if count == u16::MAX {
            return Ok(Content::Invalid);
        }
        let elements = (0..count).map(|_| {
            let kind = reader.read()?;
            Self::read_at(kind, reader, depth + 1)
        });
        Ok(Content::Structure(elements.collect::<Result<_, _>>()?))
    }

    /// Appends the value without its type.
    pub fn write(&self, out: &mut Vec<u8>) {
        match (&self.content, self.kind.layout()) {
            (Content::Invalid, layout) => self.write_invalid(layout, out),
            (Content::Bits(bits), Layout::Bits(size)) => put(*bits, size, out),
            (Content::Signed(number), Layout::Signed(size)) => put(number.cast_unsigned(), size, out),
            (Content::Float(number), Layout::Float(size)) => put(float_bits(*number, size), size, out),
            (Content::Bytes(bytes), layout) => {
                if let Layout::Bytes(size) = layout {
                    put(bytes.len() as u64, size, out);
                }
                out.extend_from_slice(bytes);
            }
            (Content::List(kind, elements), _) => {
                kind.write(out);
                put(elements.len() as u64, 2, out);
                for element in elements {
                    element.write(out);
                }
            }
            (Content::Structure(elements), _) => {
                put(elements.len() as u64, 2, out);
                for element in elements {
                    element.write_typed(out);
                }
            }
            // The type has no bytes. Others do not come together: values are made by the constructors above only.
            (Content::Empty | Content::Bits(_) | Content::Signed(_) | Content::Float(_), _) => {}
        }
    }

    /// Appends the type and the value.
    pub fn write_typed(&self, out: &mut Vec<u8>) {
        self.kind.write(out);
        self.write(out);
    }

    /// Appends the marker for "no value".
    fn write_invalid(&self, layout: Layout, out: &mut Vec<u8>) {
        match layout {
            Layout::Bits(size) | Layout::Signed(size) | Layout::Float(size) | Layout::Bytes(size) => {
                put(self.kind.marker(size), size, out);
            }
            Layout::List => out.extend_from_slice(&[Kind::NoData.number(), 0xff, 0xff]),
            Layout::Structure => out.extend_from_slice(&[0xff, 0xff]),
            Layout::Empty => {}
            Layout::Key => out.extend_from_slice(&[0xff; 16]),
        }
    }
}

/// Up to eight bytes as a number.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Appends the lowest `size` bytes of a number.
fn put(number: u64, size: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_le_bytes()[..size]);
}

/// A half-precision number (IEEE 754 binary16), exact.
fn from_half(bits: u64) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::try_from(bits >> 10 & 0x1f).expect("five bits");
    let fraction = f64::from(u16::try_from(bits & 0x3ff).expect("ten bits")) / 1024.0;
    sign * match exponent {
        0 => fraction * 2f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

/// The bits of a number in 2, 4 or 8 bytes. Those read from so many bytes come back as they were; a half is the
/// nearest one towards zero.
#[expect(clippy::cast_possible_truncation, reason = "the number was read from, or made for, that many bytes")]
fn float_bits(number: f64, size: usize) -> u64 {
    match size {
        2 => to_half(number),
        4 => (number as f32).to_bits().into(),
        _ => number.to_bits(),
    }
}

/// The half-precision number nearest towards zero.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 2^10 and not negative")]
fn to_half(number: f64) -> u64 {
    let sign = u64::from(number.is_sign_negative()) << 15;
    let magnitude = number.abs();
    if magnitude >= 65536.0 {
        return sign | 0x7c00;
    }
    if magnitude < 2f64.powi(-14) {
        return sign | (magnitude * 2f64.powi(24)) as u64;
    }
    // The exponent's bias is 1023 in a double and 15 in a half; the fraction's upper ten bits are kept.
    let bits = magnitude.to_bits();
    sign | ((bits >> 52) + 15 - 1023) << 10 | bits >> 42 & 0x3ff
}

/// For people and tools: numbers as numbers, bytes as hex, "no value" as null. A key is a secret and not shown.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = match &self.content {
            Content::Empty | Content::Invalid => Json::Null,
            Content::Bits(bits) => bits_json(self.kind, *bits),
            Content::Signed(number) => json!(number),
            Content::Float(number) => json!(number),
            Content::Bytes(_) if self.kind == Kind::Key128 => json!("***"),
            Content::Bytes(bytes) => self.as_text().map_or_else(|| json!(hex(bytes)), |text| json!(text)),
            Content::List(_, elements) | Content::Structure(elements) => json!(elements),
        };
        json.serialize(serializer)
    }
}

/// Bits as their type is written.
fn bits_json(kind: Kind, bits: u64) -> Json {
    match kind {
        Kind::Bool if bits <= 1 => json!(bits == 1),
        Kind::Ieee => json!(format!("{bits:#018x}")),
        Kind::ClusterId | Kind::AttributeId => json!(format!("{bits:#06x}")),
        _ => json!(bits),
    }
}

#[cfg(test)]
mod tests;
