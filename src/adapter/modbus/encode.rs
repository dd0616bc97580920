//! Values to the request that sets them.
//!
//! A value that does not fit its registers is refused, never cut or wrapped.

use super::{
    config::{DataType, MappedPoint, Table},
    decode::{divisor, is_one},
    layout::{registers, text_order, to_wire},
    pdu::{MAX_WRITE_REGISTERS, Request},
};
use crate::model::Value;

/// Why a value cannot be written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EncodeError {
    /// The point or its table cannot be written.
    #[error("point is read-only")]
    ReadOnly,
    /// Writing a part would have to guess the rest of the register.
    #[error("point is a part of a register, only whole registers can be written")]
    Part,
    /// The value is no number, text or switch as the point's type wants it.
    #[error("{0} is not of the point's type")]
    Type(String),
    /// The registers cannot hold the value.
    #[error("{0} does not fit the point's registers")]
    Fit(String),
    /// Outside the point's `min` and `max`.
    #[error("{0} is outside the point's limits")]
    OutOfRange(String),
}

/// The request that sets a point: FC 5 for a coil, FC 6 for one register, FC 16 for more.
pub fn encode(mapped: &MappedPoint, value: &Value) -> Result<Request, EncodeError> {
    let address = mapped.register.offset;
    check_limits(mapped, value)?;
    match mapped.register.table {
        Table::Discrete | Table::Input => Err(EncodeError::ReadOnly),
        Table::Coil => switch(value).map(|on| Request::WriteCoil { address, on }),
        Table::Holding => Ok(write_words(address, words(mapped, value)?)),
    }
}

/// FC 6 for one register, FC 16 for more.
fn write_words(address: u16, words: Vec<u16>) -> Request {
    match words[..] {
        [value] => Request::WriteRegister { address, value },
        _ => Request::WriteRegisters { start: address, values: words },
    }
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

/// A switch, also from the numbers 0 and 1.
fn switch(value: &Value) -> Result<bool, EncodeError> {
    match value {
        Value::Bool(on) => Ok(*on),
        Value::Int(0) => Ok(false),
        Value::Int(1) => Ok(true),
        _ => Err(EncodeError::Type(value.to_string())),
    }
}

/// The registers in wire order, whatever the point's access: simulated units are filled with it too.
pub fn words(mapped: &MappedPoint, value: &Value) -> Result<Vec<u16>, EncodeError> {
    let bytes = match mapped.data {
        DataType::I8l | DataType::I8h => return Err(EncodeError::Part),
        DataType::Bits { from, len } if (from, len) != (0, 16) => return Err(EncodeError::Part),
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

/// The bits of the raw number, right-aligned.
#[expect(clippy::cast_possible_truncation, reason = "a value beyond f32 becomes an infinity, which is refused")]
fn bits(mapped: &MappedPoint, value: &Value) -> Result<u64, EncodeError> {
    let misfit = || EncodeError::Fit(value.to_string());
    match mapped.data {
        DataType::Bool => switch(value).map(u64::from),
        DataType::F16 => half(unscaled(mapped, value)?).map(u64::from).ok_or_else(misfit),
        DataType::F32 => {
            let single = unscaled(mapped, value)? as f32;
            single.is_finite().then(|| u64::from(single.to_bits())).ok_or_else(misfit)
        }
        DataType::F64 => unscaled(mapped, value).map(f64::to_bits),
        _ => integer_bits(mapped.data, integer(mapped, value)?).ok_or_else(misfit),
    }
}

/// The raw float.
fn unscaled(mapped: &MappedPoint, value: &Value) -> Result<f64, EncodeError> {
    let number = value.as_f64().ok_or_else(|| EncodeError::Type(value.to_string()))?;
    let raw = match divisor(mapped.scale) {
        Some(divisor) => number * divisor,
        None => number / mapped.scale,
    };
    if raw.is_finite() { Ok(raw) } else { Err(EncodeError::Fit(value.to_string())) }
}

/// The raw integer, rounded to the nearest; exact when there is nothing to scale.
#[expect(clippy::cast_possible_truncation, reason = "the cast holds at the ends of i128, beyond every register type")]
fn integer(mapped: &MappedPoint, value: &Value) -> Result<i128, EncodeError> {
    match value {
        Value::Int(v) if is_one(mapped.scale) => Ok((*v).into()),
        Value::Uint(v) if is_one(mapped.scale) => Ok((*v).into()),
        _ => unscaled(mapped, value).map(|raw| raw.round() as i128),
    }
}

/// The bits of an integer, if its type can hold it.
fn integer_bits(data: DataType, raw: i128) -> Option<u64> {
    match data {
        DataType::I16 => i16::try_from(raw).ok().map(|v| v.cast_unsigned().into()),
        DataType::I32 => i32::try_from(raw).ok().map(|v| v.cast_unsigned().into()),
        DataType::I64 => i64::try_from(raw).ok().map(i64::cast_unsigned),
        DataType::U16 | DataType::Bits { .. } => u16::try_from(raw).ok().map(u64::from),
        DataType::U32 => u32::try_from(raw).ok().map(u64::from),
        DataType::U64 => u64::try_from(raw).ok(),
        DataType::Bcd16 => bcd(raw, 4),
        DataType::Bcd32 => bcd(raw, 8),
        DataType::Bool
        | DataType::I8l
        | DataType::I8h
        | DataType::F16
        | DataType::F32
        | DataType::F64
        | DataType::String(_) => None,
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        adapter::modbus::{
            config::ByteOrder,
            decode::decode,
            fixtures::{ABCD, BADC, CDAB, DCBA, any_type, mapped},
        },
        model::{Access, PointType},
    };

    #[test]
    fn each_table_has_its_function() {
        let coil = encode(&mapped("coil", 3, DataType::Bool), &Value::Bool(true));
        assert_eq!(coil, Ok(Request::WriteCoil { address: 3, on: true }));
        let one = encode(&mapped("holding", 4, DataType::I16), &Value::Int(-2));
        assert_eq!(one, Ok(Request::WriteRegister { address: 4, value: 0xfffe }));
        let two = encode(&mapped("holding", 5, DataType::U32), &Value::Int(0x0001_0002));
        assert_eq!(two, Ok(Request::WriteRegisters { start: 5, values: vec![1, 2] }));
        assert_eq!(encode(&mapped("input", 5, DataType::U16), &Value::Int(1)), Err(EncodeError::ReadOnly));
    }

    #[test]
    fn a_scaled_value_is_rounded_to_the_nearest_step() {
        let mut point = mapped("holding", 0, DataType::U16);
        point.scale = 0.1;
        let written = |value| encode(&point, &Value::Float(value));
        assert_eq!(written(230.1), Ok(Request::WriteRegister { address: 0, value: 2301 }));
        assert_eq!(written(230.149), Ok(Request::WriteRegister { address: 0, value: 2301 }));
        assert_eq!(written(-0.1), Err(EncodeError::Fit("-0.1".into())));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let fit = |data, value| encode(&mapped("holding", 0, data), &value).unwrap_err().to_string();
        assert_eq!(fit(DataType::U16, Value::Int(65536)), "65536 does not fit the point's registers");
        assert_eq!(fit(DataType::Bcd16, Value::Int(10_000)), "10000 does not fit the point's registers");
        assert_eq!(fit(DataType::F16, Value::Float(65520.0)), "65520 does not fit the point's registers");
        assert_eq!(fit(DataType::String(2), Value::Text("abc".into())), "abc does not fit the point's registers");
        assert_eq!(fit(DataType::U16, Value::Text("abc".into())), "abc is not of the point's type");
    }

    #[test]
    fn parts_limits_and_read_only_points_are_refused() {
        let part = mapped("holding", 0, DataType::Bits { from: 1, len: 2 });
        assert_eq!(encode(&part, &Value::Int(1)), Err(EncodeError::Part));
        let mut limited = mapped("holding", 0, DataType::U16);
        std::sync::Arc::get_mut(&mut limited.point).unwrap().max = Some(50.0);
        assert_eq!(encode(&limited, &Value::Int(51)), Err(EncodeError::OutOfRange("51".into())));
        std::sync::Arc::get_mut(&mut limited.point).unwrap().access = Access::R;
        assert_eq!(encode(&limited, &Value::Int(1)), Err(EncodeError::ReadOnly));
    }

    fn any_order() -> impl Strategy<Value = ByteOrder> {
        proptest::sample::select(vec![ABCD, BADC, CDAB, DCBA])
    }

    fn wire(request: &Request) -> Vec<u8> {
        match request {
            Request::WriteRegister { value, .. } => value.to_be_bytes().to_vec(),
            Request::WriteRegisters { values, .. } => values.iter().flat_map(|word| word.to_be_bytes()).collect(),
            other => panic!("{other:?} writes no registers"),
        }
    }

    proptest! {
        #[test]
        fn what_was_decoded_encodes_to_the_same_value(
            data in any_type(), order in any_order(), bytes in proptest::collection::vec(any::<u8>(), 32),
            scale in proptest::sample::select(vec![1.0, 0.1, 0.001, 10.0]),
        ) {
            let mut point = mapped("holding", 0, data);
            point.order = order;
            let wide = matches!(data, DataType::I64 | DataType::U64 | DataType::F64 | DataType::F32 | DataType::F16);
            point.scale = if point.point.kind == PointType::Text || wide { 1.0 } else { scale };
            let read = decode(&point, &bytes[..usize::from(registers(data)) * 2]);
            prop_assume!(read.is_ok());
            let value = read.unwrap();
            match encode(&point, &value) {
                Ok(request) => prop_assert_eq!(decode(&point, &wire(&request)), Ok(value)),
                Err(error) => prop_assert_eq!(error, EncodeError::Part),
            }
        }
    }
}
