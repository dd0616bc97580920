//! Registers to values.
//!
//! Pure, and total: any bytes give a value or a reason. A marker for "no value" never becomes a number.

use super::{
    config::{ByteOrder, DataType, MappedPoint, Names},
    layout::{Extent, extent, registers, text_order, to_significance},
    shortest::shortest,
};
use crate::model::{PointType, Value};

/// Powers of ten that a factor register may hold (`SunSpec` Device Information Model, type `sunssf`).
const POWERS: std::ops::RangeInclusive<i16> = -10..=10;

/// What a factor register holds while the value it belongs to is not implemented (as above).
const NO_POWER: i16 = i16::MIN;

/// Why registers hold no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadValue {
    /// NaN, an infinity or one of the point's markers: the device has no value to give.
    NotAvailable,
    /// The bytes are not what the point's type allows.
    Decode,
    /// Outside the point's `min` and `max`.
    OutOfRange,
}

impl BadValue {
    /// The reason a reading carries.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotAvailable => "not-available",
            Self::Decode => "decode",
            Self::OutOfRange => "out-of-range",
        }
    }
}

/// The value of a point in a bit table.
pub fn decode_bit(mapped: &MappedPoint, on: bool) -> Result<Value, BadValue> {
    let value = if mapped.data == DataType::Bool { Value::Bool(on) } else { Value::Int(i64::from(on)) };
    plausible(mapped, named(mapped, of_kind(mapped, value)))
}

/// The value in the registers of a point's [`extent`], given as they came.
pub fn decode(mapped: &MappedPoint, wire: &[u8]) -> Result<Value, BadValue> {
    let own = own(mapped, wire)?;
    let value = match mapped.data {
        DataType::String(len) => text(&mapped.order, own, len)?,
        _ => number(mapped, own, power_within(mapped, wire)?)?,
    };
    plausible(mapped, value)
}

/// The value of a counter. What it shows has to be plausible; `total` makes of it what was counted in all.
pub(super) fn decode_counter(
    mapped: &MappedPoint,
    wire: &[u8],
    total: impl FnOnce(u64) -> u64,
) -> Result<Value, BadValue> {
    decode(mapped, wire)?;
    let shown = match plain(mapped.data, &mapped.order, own(mapped, wire)?)? {
        Value::Int(shown) => u64::try_from(shown).map_err(|_| BadValue::Decode)?,
        Value::Uint(shown) => shown,
        _ => return Err(BadValue::Decode),
    };
    converted(mapped, Value::from_u64(total(shown)), power_within(mapped, wire)?)
}

/// The registers of the value itself among those of a point's [`extent`].
fn own<'w>(mapped: &MappedPoint, wire: &'w [u8]) -> Result<&'w [u8], BadValue> {
    let Extent { start, count } = extent(mapped);
    if wire.len() != usize::from(count) * 2 {
        return Err(BadValue::Decode);
    }
    let from = usize::from(mapped.register.offset - start) * 2;
    wire.get(from..from + usize::from(registers(mapped.data)) * 2).ok_or(BadValue::Decode)
}

/// The value of this type in registers that hold it alone, without any conversion.
pub fn plain(data: DataType, order: &ByteOrder, wire: &[u8]) -> Result<Value, BadValue> {
    if wire.len() != usize::from(registers(data)) * 2 {
        return Err(BadValue::Decode);
    }
    match data {
        DataType::String(len) => text(order, wire, len),
        _ => raw(data, part(data, significant(order, wire))),
    }
}

/// The power of ten among the registers of a point's [`extent`]; 0 for a point without one.
fn power_within(mapped: &MappedPoint, wire: &[u8]) -> Result<i32, BadValue> {
    let Some(exponent) = mapped.conversion.exponent else { return Ok(0) };
    let from = usize::from(exponent - extent(mapped).start) * 2;
    power(mapped, wire.get(from..from + 2).ok_or(BadValue::Decode)?)
}

/// The power of ten in its register, given as it came.
pub fn power(mapped: &MappedPoint, wire: &[u8]) -> Result<i32, BadValue> {
    let mut word: [u8; 2] = wire.try_into().map_err(|_| BadValue::Decode)?;
    text_order(&mut word, &mapped.order);
    match i16::from_be_bytes(word) {
        NO_POWER => Err(BadValue::NotAvailable),
        power if POWERS.contains(&power) => Ok(power.into()),
        _ => Err(BadValue::Decode),
    }
}

/// Text up to its trailing NULs.
fn text(order: &ByteOrder, wire: &[u8], len: u16) -> Result<Value, BadValue> {
    let mut bytes = wire.to_vec();
    text_order(&mut bytes, order);
    bytes.truncate(usize::from(len));
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| BadValue::Decode)?;
    Ok(Value::Text(text.into()))
}

/// Everything that fits eight bytes.
fn number(mapped: &MappedPoint, wire: &[u8], power: i32) -> Result<Value, BadValue> {
    let bits = part(mapped.data, significant(&mapped.order, wire));
    if mapped.conversion.invalid.contains(&bits) {
        return Err(BadValue::NotAvailable);
    }
    let raw = raw(mapped.data, bits)?;
    if mapped.conversion.names != Names::None {
        return Ok(named(mapped, raw));
    }
    converted(mapped, raw, power)
}

/// Up to eight bytes as one number.
fn significant(order: &ByteOrder, wire: &[u8]) -> u64 {
    let mut ordered = [0; 8];
    let bytes = &mut ordered[..wire.len().min(8)];
    bytes.copy_from_slice(&wire[..bytes.len()]);
    to_significance(bytes, order);
    bytes.iter().fold(0, |bits: u64, &byte| bits << 8 | u64::from(byte))
}

/// The bits that belong to the point, where it does not have its registers for itself.
fn part(data: DataType, bits: u64) -> u64 {
    match data {
        DataType::I8l => bits & 0xff,
        DataType::I8h => bits >> 8 & 0xff,
        DataType::Bits { from, len } => bits >> from.min(63) & (u64::MAX >> (64 - len.clamp(1, 64))),
        _ => bits,
    }
}

/// The number before scaling.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "the type says how many of the 64 bits there are and how they are signed"
)]
fn raw(data: DataType, bits: u64) -> Result<Value, BadValue> {
    Ok(match data {
        DataType::Bool => Value::Bool(bits != 0),
        DataType::I8l | DataType::I8h => Value::Int(i64::from(bits as i8)),
        DataType::I16 => Value::Int(i64::from(bits as i16)),
        DataType::I32 => Value::Int(i64::from(bits as i32)),
        DataType::I64 => Value::Int(bits as i64),
        DataType::U16 | DataType::U32 | DataType::U64 | DataType::Bits { .. } => Value::from_u64(bits),
        DataType::F16 => float(half(bits as u16))?,
        DataType::F32 => float(shortest(f32::from_bits(bits as u32)))?,
        DataType::F64 => float(f64::from_bits(bits))?,
        DataType::Bcd16 => Value::from_u64(bcd(bits, 4)?),
        DataType::Bcd32 => Value::from_u64(bcd(bits, 8)?),
        DataType::String(_) => return Err(BadValue::Decode),
    })
}

/// A float that is a number.
fn float(value: f64) -> Result<Value, BadValue> {
    Value::finite(value).ok_or(BadValue::NotAvailable)
}

/// Decimal digits, four bits each.
fn bcd(bits: u64, digits: u32) -> Result<u64, BadValue> {
    (0..digits).rev().try_fold(0, |number, place| match bits >> (place * 4) & 0xf {
        digit @ 0..=9 => Ok(number * 10 + digit),
        _ => Err(BadValue::Decode),
    })
}

/// IEEE 754 half precision, exactly.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        0 => fraction * 2f64.powi(-24),
        _ => (fraction + 1024.0) * 2f64.powi(exponent - 25),
    }
}

/// The value that a raw number means. A scaled integer is a float.
fn converted(mapped: &MappedPoint, raw: Value, power: i32) -> Result<Value, BadValue> {
    if mapped.conversion.is_plain() || matches!(raw, Value::Bool(_)) {
        return Ok(of_kind(mapped, raw));
    }
    let number = raw.as_f64().ok_or(BadValue::Decode)?;
    float(mapped.conversion.value(number, power))
}

/// The name of a raw number, where the point has names.
fn named(mapped: &MappedPoint, raw: Value) -> Value {
    mapped.conversion.names.text(&raw).map_or(raw, Value::Text)
}

/// The value in the form the point announces: an integer where a float is announced is one.
fn of_kind(mapped: &MappedPoint, value: Value) -> Value {
    match (mapped.point.kind, value.as_f64()) {
        (PointType::Float, Some(number)) => Value::Float(number),
        _ => value,
    }
}

/// Refuses numbers outside the point's limits.
fn plausible(mapped: &MappedPoint, value: Value) -> Result<Value, BadValue> {
    match value.as_f64() {
        Some(number) if !mapped.point.is_plausible(number) => Err(BadValue::OutOfRange),
        Some(_) | None => Ok(value),
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
