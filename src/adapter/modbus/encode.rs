//! Values to the request that sets them.
//!
//! A value that does not fit its registers is refused, never cut or wrapped.

use super::{
    config::{DataType, MappedPoint, Names, Table, WriteFunction},
    decode::{BadValue, decode, decode_bit},
    layout::{is_part, registers, text_order, to_wire},
    pdu::{MAX_WRITE_REGISTERS, Request},
};
use crate::model::{Value, WriteError};

/// Why a value cannot be written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EncodeError {
    /// The point or its table cannot be written.
    #[error("point is read-only")]
    ReadOnly,
    /// Writing a part would have to guess the rest of the register.
    #[error("point is a part of a register, which needs write = \"mask\"")]
    Part,
    /// The value is no number, text or switch as the point's type wants it.
    #[error("{0} is not of the point's type")]
    Type(String),
    /// The registers cannot hold the value.
    #[error("{0} does not fit the point's registers")]
    Fit(String),
    /// The registers would say that there is no value.
    #[error("{0} stands for \"no value\" in the point's registers")]
    Marker(String),
    /// The text is none of the point's names.
    #[error("{value:?} is none of the point's names: {known}")]
    Name {
        /// What was asked for.
        value: String,
        /// The names.
        known: String,
    },
    /// Outside the point's `min` and `max`.
    #[error("{0} is outside the point's limits")]
    OutOfRange(String),
    /// A group's value misses a member, or has one that it does not know.
    #[error("a value is needed for each of {0}, and for nothing else")]
    Members(String),
    /// A member's value is not of its type.
    #[error("{0}")]
    Member(String),
}

/// A value that cannot be sent.
impl From<EncodeError> for WriteError {
    fn from(error: EncodeError) -> Self {
        Self::Misfit(error.to_string())
    }
}

/// The request that sets a point. A power of ten has to be known by now ([`super::config::Conversion::exponent`]).
pub fn encode(mapped: &MappedPoint, value: &Value) -> Result<Request, EncodeError> {
    let address = mapped.register.offset;
    check_limits(mapped, value)?;
    match (mapped.register.table, mapped.writing.function) {
        (Table::Discrete | Table::Input, _) => Err(EncodeError::ReadOnly),
        (Table::Coil, function) => switch(mapped, value).map(|on| write_coil(address, on, function)),
        (Table::Holding, WriteFunction::Mask) => mask(mapped, value),
        (Table::Holding, function) => Ok(write_words(address, words(mapped, value)?, function)),
    }
}

/// The request that sets points which lie side by side, in the order of their registers.
pub fn encode_all(members: &[(&MappedPoint, Value)]) -> Result<Request, EncodeError> {
    let start = members.first().map_or(0, |(mapped, _)| mapped.register.offset);
    let (mut words, mut coils) = (Vec::new(), Vec::new());
    for (mapped, value) in members {
        match encode(mapped, value)? {
            Request::WriteCoil { on, .. } => coils.push(on),
            Request::WriteCoils { values, .. } => coils.extend(values),
            Request::WriteRegister { value, .. } => words.push(value),
            Request::WriteRegisters { values, .. } => words.extend(values),
            Request::MaskWrite { .. } | Request::Read { .. } | Request::Identify(_) => return Err(EncodeError::Part),
        }
    }
    if coils.is_empty() {
        Ok(Request::WriteRegisters { start, values: words })
    } else {
        Ok(Request::WriteCoils { start, values: coils })
    }
}

/// The value that a unit holds after a request of [`encode`], rounded as its registers are.
pub fn written(mapped: &MappedPoint, request: &Request) -> Result<Value, BadValue> {
    let wire = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
    match request {
        Request::WriteCoil { on, .. } => decode_bit(mapped, *on),
        Request::WriteCoils { values, .. } => decode_bit(mapped, values.first().copied().unwrap_or_default()),
        Request::WriteRegister { value, .. } => decode(mapped, &wire(&[*value])),
        Request::WriteRegisters { values, .. } => decode(mapped, &wire(values)),
        Request::MaskWrite { or, .. } => decode(mapped, &wire(&[*or])),
        Request::Read { .. } | Request::Identify(_) => Err(BadValue::Decode),
    }
}

/// The request that sets back to zero what another one set.
pub fn zeroed(request: &Request) -> Request {
    match request.clone() {
        Request::WriteCoil { address, .. } => Request::WriteCoil { address, on: false },
        Request::WriteCoils { start, values } => Request::WriteCoils { start, values: vec![false; values.len()] },
        Request::WriteRegister { address, .. } => Request::WriteRegister { address, value: 0 },
        Request::WriteRegisters { start, values } => Request::WriteRegisters { start, values: vec![0; values.len()] },
        Request::MaskWrite { address, and, .. } => Request::MaskWrite { address, and, or: 0 },
        reading @ (Request::Read { .. } | Request::Identify(_)) => reading,
    }
}

/// FC 5, or FC 15 where only that is wanted.
fn write_coil(address: u16, on: bool, function: WriteFunction) -> Request {
    match function {
        WriteFunction::Multiple => Request::WriteCoils { start: address, values: vec![on] },
        WriteFunction::Fitting | WriteFunction::Single | WriteFunction::Mask => Request::WriteCoil { address, on },
    }
}

/// FC 6 for one register, FC 16 for more or where only that is wanted.
fn write_words(address: u16, words: Vec<u16>, function: WriteFunction) -> Request {
    match words[..] {
        [value] if function != WriteFunction::Multiple => Request::WriteRegister { address, value },
        _ => Request::WriteRegisters { start: address, values: words },
    }
}

/// FC 22: the point's own bits of its register, the others stay. The function knows one register only.
fn mask(mapped: &MappedPoint, value: &Value) -> Result<Request, EncodeError> {
    if registers(mapped.data) > 1 {
        return Err(EncodeError::Part);
    }
    let (shift, own) = own_bits(mapped);
    let bits = bits(mapped, value)? << shift;
    let word = |bits: u64| {
        let mut bytes = u16::try_from(bits & 0xffff).unwrap_or(u16::MAX).to_be_bytes();
        text_order(&mut bytes, &mapped.order);
        u16::from_be_bytes(bytes)
    };
    Ok(Request::MaskWrite { address: mapped.register.offset, and: word(!own), or: word(bits) })
}

/// Where a point's bits begin in its register, and which they are.
fn own_bits(mapped: &MappedPoint) -> (u8, u64) {
    let (shift, all) = match mapped.data {
        DataType::Bits { from, len } => (from, (1 << len.min(16)) - 1),
        DataType::I8l => (0, 0xff),
        DataType::I8h => (8, 0xff),
        _ => (0, 0xffff),
    };
    let own = if matches!(mapped.conversion.names, Names::Bits(_)) { mapped.conversion.names.mask() } else { all };
    (shift, own << shift)
}

/// Access, plausibility, and what one request can carry.
fn check_limits(mapped: &MappedPoint, value: &Value) -> Result<(), EncodeError> {
    if !mapped.point.access.can_write() {
        return Err(EncodeError::ReadOnly);
    }
    if registers(mapped.data) > MAX_WRITE_REGISTERS {
        return Err(EncodeError::Fit(value.to_string()));
    }
    match value.as_f64() {
        Some(number) if !mapped.point.is_plausible(number) => Err(EncodeError::OutOfRange(value.to_string())),
        Some(_) | None => Ok(()),
    }
}

/// A switch, also from the numbers 0 and 1 and from their names.
fn switch(mapped: &MappedPoint, value: &Value) -> Result<bool, EncodeError> {
    match value {
        Value::Bool(on) => Ok(*on),
        Value::Int(0) => Ok(false),
        Value::Int(1) => Ok(true),
        Value::Text(_) => Ok(named(mapped, value)? != 0),
        _ => Err(EncodeError::Type(value.to_string())),
    }
}

/// The registers in wire order, whatever the point's access: simulated units are filled with it too.
pub fn words(mapped: &MappedPoint, value: &Value) -> Result<Vec<u16>, EncodeError> {
    let bytes = match mapped.data {
        data if is_part(data) => return Err(EncodeError::Part),
        DataType::String(len) => text(mapped, value, len)?,
        _ => number(mapped, value)?,
    };
    Ok(bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect())
}

/// Text, filled up with NULs.
fn text(mapped: &MappedPoint, value: &Value, len: u16) -> Result<Vec<u8>, EncodeError> {
    let Value::Text(text) = value else { return Err(EncodeError::Type(value.to_string())) };
    if text.len() > usize::from(len) {
        return Err(EncodeError::Fit(text.to_string()));
    }
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(usize::from(registers(mapped.data)) * 2, 0);
    text_order(&mut bytes, &mapped.order);
    Ok(bytes)
}

/// Everything that fits eight bytes.
fn number(mapped: &MappedPoint, value: &Value) -> Result<Vec<u8>, EncodeError> {
    let bits = bits(mapped, value)?.to_be_bytes();
    let width = usize::from(registers(mapped.data)) * 2;
    let mut bytes = bits[8 - width..].to_vec();
    to_wire(&mut bytes, &mapped.order);
    Ok(bytes)
}

/// The bits of the raw number, right-aligned, unless they would say that there is none.
fn bits(mapped: &MappedPoint, value: &Value) -> Result<u64, EncodeError> {
    let misfit = || EncodeError::Fit(value.to_string());
    let bits = match mapped.data {
        DataType::Bool => u64::from(switch(mapped, value)?),
        DataType::F16 | DataType::F32 | DataType::F64 => {
            float_bits(mapped.data, unscaled(mapped, value)?).ok_or_else(misfit)?
        }
        _ => integer_bits(mapped.data, integer(mapped, value)?).ok_or_else(misfit)?,
    };
    if mapped.conversion.invalid.contains(&bits) { Err(EncodeError::Marker(value.to_string())) } else { Ok(bits) }
}

/// The number a name stands for.
fn named(mapped: &MappedPoint, value: &Value) -> Result<i128, EncodeError> {
    let Value::Text(text) = value else { return Err(EncodeError::Type(value.to_string())) };
    let names = &mapped.conversion.names;
    let unknown = || EncodeError::Name { value: text.to_string(), known: names.known() };
    names.number(text).ok_or_else(unknown)
}

/// The raw float.
fn unscaled(mapped: &MappedPoint, value: &Value) -> Result<f64, EncodeError> {
    let number = value.as_f64().ok_or_else(|| EncodeError::Type(value.to_string()))?;
    let raw = mapped.conversion.raw(number);
    if raw.is_finite() { Ok(raw) } else { Err(EncodeError::Fit(value.to_string())) }
}

/// The raw integer, rounded to the nearest; exact when there is nothing to scale.
#[expect(clippy::cast_possible_truncation, reason = "the cast holds at the ends of i128, beyond every register type")]
fn integer(mapped: &MappedPoint, value: &Value) -> Result<i128, EncodeError> {
    match value {
        _ if mapped.conversion.names != Names::None => named(mapped, value),
        Value::Int(v) if mapped.conversion.is_plain() => Ok((*v).into()),
        Value::Uint(v) if mapped.conversion.is_plain() => Ok((*v).into()),
        _ => unscaled(mapped, value).map(|raw| raw.round() as i128),
    }
}

/// The bits of a float, if its type can hold it.
#[expect(clippy::cast_possible_truncation, reason = "a value beyond f32 becomes an infinity, which is refused")]
pub(super) fn float_bits(data: DataType, raw: f64) -> Option<u64> {
    match data {
        DataType::F16 => half(raw).map(u64::from),
        DataType::F32 => (raw as f32).is_finite().then(|| u64::from((raw as f32).to_bits())),
        DataType::F64 => raw.is_finite().then(|| raw.to_bits()),
        _ => None,
    }
}

/// The bits of an integer, if its type can hold it.
pub(super) fn integer_bits(data: DataType, raw: i128) -> Option<u64> {
    match data {
        DataType::I8l | DataType::I8h => i8::try_from(raw).ok().map(|v| v.cast_unsigned().into()),
        DataType::I16 => i16::try_from(raw).ok().map(|v| v.cast_unsigned().into()),
        DataType::I32 => i32::try_from(raw).ok().map(|v| v.cast_unsigned().into()),
        DataType::I64 => i64::try_from(raw).ok().map(i64::cast_unsigned),
        DataType::U16 => u16::try_from(raw).ok().map(u64::from),
        DataType::U32 => u32::try_from(raw).ok().map(u64::from),
        DataType::U64 => u64::try_from(raw).ok(),
        DataType::Bits { len, .. } => u64::try_from(raw).ok().filter(|bits| len >= 64 || bits >> len == 0),
        DataType::Bcd16 => bcd(raw, 4),
        DataType::Bcd32 => bcd(raw, 8),
        DataType::Bool | DataType::F16 | DataType::F32 | DataType::F64 | DataType::String(_) => None,
    }
}

/// Decimal digits, four bits each.
fn bcd(raw: i128, digits: u32) -> Option<u64> {
    let number = u64::try_from(raw).ok().filter(|&number| number < 10u64.pow(digits))?;
    Some((0..digits).fold(0, |bits, place| bits | ((number / 10u64.pow(place)) % 10) << (place * 4)))
}

/// IEEE 754 half precision, rounded to even.
#[expect(clippy::cast_possible_truncation, reason = "the fraction is between 0 and 2048")]
fn half(value: f64) -> Option<u16> {
    let magnitude = value.abs();
    // The exponent of a double, held at the smallest a half can name.
    let exponent = ((magnitude.to_bits() >> 52) as i32 - 1023).max(-14);
    let fraction = (magnitude / 2f64.powi(exponent - 10)).round_ties_even();
    // A fraction of 2048 carries into the exponent by itself.
    let bits = i64::from(exponent + 14) * 1024 + fraction as i64;
    let sign = if value.is_sign_negative() { 0x8000 } else { 0 };
    u16::try_from(bits).ok().filter(|&bits| bits < 0x7c00).map(|bits| bits | sign)
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
