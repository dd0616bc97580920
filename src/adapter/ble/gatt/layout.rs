//! The bytes of a characteristic and the value in them, both ways. A value that does not fit is refused, never cut.

use crate::model::{Point, PointType, Value};

/// How a value lies in its characteristic.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// What the bytes are.
    pub kind: Kind,
    /// Where the value begins.
    pub at: usize,
    /// Whether the most significant byte comes first.
    pub is_big_endian: bool,
    /// Factor from the raw number to the value; 1 leaves integers integers.
    pub scale: f64,
    /// Added after the scale.
    pub offset: f64,
    /// Raw numbers that say that there is no value.
    pub invalid: Vec<i64>,
}

/// What the bytes of a value are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One byte, on unless it is zero.
    Bool,
    /// An integer of so many bytes.
    Unsigned(usize),
    /// The same with a sign.
    Signed(usize),
    /// IEEE 754, four bytes.
    F32,
    /// IEEE 754, eight bytes.
    F64,
    /// Everything to the end, as text.
    Text,
    /// Everything to the end.
    Bytes,
}

/// Why bytes give no value; the word of a quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoValue {
    /// They are too few, or no text.
    Decode,
    /// The device says that it has none.
    NotAvailable,
    /// It lies outside the point's limits.
    OutOfRange,
}

/// Why a value cannot be written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EncodeError {
    /// It is no number, text or switch as the point wants it.
    #[error("{0} is not of the point's type")]
    Type(Value),
    /// The bytes cannot hold it.
    #[error("{0} does not fit the point's bytes")]
    Fit(Value),
    /// It lies outside the point's limits.
    #[error("{0} is outside the point's limits")]
    OutOfRange(Value),
}

impl NoValue {
    /// The word of a quality.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::NotAvailable => "not-available",
            Self::OutOfRange => "out-of-range",
        }
    }
}

impl Layout {
    /// The type of its values: integers stay integers unless they are scaled.
    pub fn point_type(&self) -> PointType {
        match self.kind {
            Kind::Bool => PointType::Bool,
            Kind::Unsigned(_) | Kind::Signed(_) if self.is_plain() => PointType::Int,
            Kind::Unsigned(_) | Kind::Signed(_) | Kind::F32 | Kind::F64 => PointType::Float,
            Kind::Text => PointType::Text,
            Kind::Bytes => PointType::Bytes,
        }
    }

    /// The value in the bytes of a characteristic, within the point's limits.
    pub fn decode(&self, bytes: &[u8], point: &Point) -> Result<Value, NoValue> {
        let bytes = bytes.get(self.at..).ok_or(NoValue::Decode)?;
        let value = match self.kind {
            Kind::Bool => Value::Bool(*bytes.first().ok_or(NoValue::Decode)? != 0),
            Kind::Unsigned(len) => self.integer(bytes, len, false)?,
            Kind::Signed(len) => self.integer(bytes, len, true)?,
            // By its shortest decimal form, so that it prints as the device meant it.
            Kind::F32 => {
                let text = f32::from_bits(low_u32(self.raw(bytes, 4)?)).to_string();
                self.float(text.parse().map_err(|_| NoValue::Decode)?)?
            }
            Kind::F64 => self.float(f64::from_bits(self.raw(bytes, 8)?))?,
            Kind::Text => {
                let text = std::str::from_utf8(bytes).map_err(|_| NoValue::Decode)?;
                Value::Text(text.trim_end_matches('\0').into())
            }
            Kind::Bytes => Value::Bytes(bytes.into()),
        };
        let is_plausible = value.as_f64().is_none_or(|number| point.is_plausible(number));
        if is_plausible { Ok(value) } else { Err(NoValue::OutOfRange) }
    }

    /// The bytes that set the value; they are all of the characteristic.
    pub fn encode(&self, value: &Value, point: &Point) -> Result<Vec<u8>, EncodeError> {
        if value.as_f64().is_some_and(|number| !point.is_plausible(number)) {
            return Err(EncodeError::OutOfRange(value.clone()));
        }
        match (self.kind, value) {
            (Kind::Bool, Value::Bool(on)) => Ok(vec![u8::from(*on)]),
            (Kind::Text, Value::Text(text)) => Ok(text.as_bytes().to_vec()),
            (Kind::Bytes, Value::Bytes(bytes)) => Ok(bytes.to_vec()),
            (Kind::F32, _) => self.encode_f32(value),
            (Kind::F64, _) => Ok(self.ordered(&self.unscaled(value)?.to_bits().to_be_bytes())),
            (Kind::Unsigned(len), _) => self.encode_integer(value, len, 0, (1 << (8 * len)) - 1),
            (Kind::Signed(len), _) => {
                self.encode_integer(value, len, -(1 << (8 * len - 1)), (1 << (8 * len - 1)) - 1)
            }
            (Kind::Bool | Kind::Text | Kind::Bytes, _) => Err(EncodeError::Type(value.clone())),
        }
    }

    /// Whether numbers stay as they are.
    #[expect(clippy::float_cmp, reason = "1 and 0 are what stands in the configuration, or is left out")]
    fn is_plain(&self) -> bool {
        self.scale == 1.0 && self.offset == 0.0
    }

    /// The first bytes as a number, most significant first.
    fn raw(&self, bytes: &[u8], len: usize) -> Result<u64, NoValue> {
        let bytes = bytes.get(..len).ok_or(NoValue::Decode)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Ok(if self.is_big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    }

    /// The first bytes as an integer, scaled.
    fn integer(&self, bytes: &[u8], len: usize, has_sign: bool) -> Result<Value, NoValue> {
        let raw = self.raw(bytes, len)?;
        let unused = 64 - 8 * u32::try_from(len).unwrap_or(8);
        let number = if has_sign { i128::from((raw << unused).cast_signed() >> unused) } else { i128::from(raw) };
        if self.invalid.iter().any(|invalid| i128::from(*invalid) == number) {
            return Err(NoValue::NotAvailable);
        }
        if self.is_plain() {
            return Ok(i64::try_from(number).map_or(Value::Uint(raw), Value::Int));
        }
        #[expect(clippy::cast_precision_loss, reason = "a scaled number is a float, which has 53 bits")]
        self.float(number as f64)
    }

    /// A number, scaled; one that is none is not available.
    fn float(&self, number: f64) -> Result<Value, NoValue> {
        let scaled = match divisor(self.scale) {
            Some(divisor) => number / divisor,
            None => number * self.scale,
        };
        Value::finite(scaled + self.offset).ok_or(NoValue::NotAvailable)
    }

    /// The raw number of a value.
    fn unscaled(&self, value: &Value) -> Result<f64, EncodeError> {
        let number = value.as_f64().ok_or_else(|| EncodeError::Type(value.clone()))? - self.offset;
        Ok(divisor(self.scale).map_or(number / self.scale, |divisor| number * divisor))
    }

    /// A number of four bytes. What is too large for them would become infinite.
    #[expect(clippy::cast_possible_truncation, reason = "the nearest number of four bytes is meant")]
    fn encode_f32(&self, value: &Value) -> Result<Vec<u8>, EncodeError> {
        let number = self.unscaled(value)? as f32;
        if !number.is_finite() {
            return Err(EncodeError::Fit(value.clone()));
        }
        Ok(self.ordered(&number.to_bits().to_be_bytes()))
    }

    /// An integer within its limits.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is a whole number by then, and a cast keeps to the limits"
    )]
    fn encode_integer(&self, value: &Value, len: usize, min: i128, max: i128) -> Result<Vec<u8>, EncodeError> {
        let number = match value {
            Value::Int(number) if self.is_plain() => i128::from(*number),
            Value::Uint(number) if self.is_plain() => i128::from(*number),
            _ => self.unscaled(value)?.round() as i128,
        };
        if number < min || number > max {
            return Err(EncodeError::Fit(value.clone()));
        }
        let bytes = number.to_be_bytes();
        Ok(self.ordered(&bytes[bytes.len() - len..]))
    }

    /// Bytes in the order of the characteristic.
    fn ordered(&self, big_endian: &[u8]) -> Vec<u8> {
        let mut bytes = big_endian.to_vec();
        if !self.is_big_endian {
            bytes.reverse();
        }
        bytes
    }
}

/// What to divide by, for a scale such as 0.01: only a division gives the double that prints as the decimal.
fn divisor(scale: f64) -> Option<f64> {
    let divisor = (1.0 / scale).round();
    ((divisor * scale - 1.0).abs() < 1e-12 && divisor.abs() >= 1.0).then_some(divisor)
}

/// The low half.
fn low_u32(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).expect("it was cut to 32 bits")
}

#[cfg(test)]
mod tests;
