//! Integers out of a frame whose length was checked, and a cursor for frames that are read from front to back.

use alloc::string::String;

use super::{Why, value::round};

/// A frame of exactly `N` bytes.
pub(super) fn exactly<const N: usize>(data: &[u8]) -> Result<&[u8; N], Why> {
    data.try_into().map_err(|_| Why::Length { got: data.len(), want: N })
}

/// The first `N` bytes of a frame that may be longer.
pub(super) fn at_least<const N: usize>(data: &[u8]) -> Result<&[u8; N], Why> {
    data.first_chunk().ok_or(Why::TooShort { got: data.len(), want: N })
}

/// Reads a frame from front to back, least significant byte first unless a name says otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    /// What is left.
    rest: &'a [u8],
    /// How long the frame was.
    len: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte.
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { rest: data, len: data.len() }
    }

    /// What was not read yet.
    pub(super) fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything was read.
    pub(super) fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    /// The next bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Why> {
        let missing = Why::TooShort { got: self.len, want: self.len - self.rest.len() + count };
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(missing)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next bytes, as many as the type says.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Why> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// One byte.
    pub(super) fn u8(&mut self) -> Result<u8, Why> {
        Ok(self.array::<1>()?[0])
    }

    /// Two bytes.
    pub(super) fn u16(&mut self) -> Result<u16, Why> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Two bytes, most significant first.
    pub(super) fn u16_be(&mut self) -> Result<u16, Why> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// Two bytes with a sign, most significant first.
    pub(super) fn i16_be(&mut self) -> Result<i16, Why> {
        Ok(i16::from_be_bytes(self.array()?))
    }
}

/// A number of up to eight bytes, least significant first.
pub(super) fn unsigned(bytes: &[u8]) -> i64 {
    let mut number = [0; 8];
    let len = bytes.len().min(8);
    number[..len].copy_from_slice(&bytes[..len]);
    i64::from_le_bytes(number)
}

/// A float of two, four or eight bytes, least significant first (IEEE 754, 3.4), to the nearest whole number.
#[expect(clippy::cast_possible_truncation, reason = "it is whole, and a double holds each whole number up to there")]
pub(super) fn whole_float(bytes: &[u8]) -> Result<i64, Why> {
    /// 2^51: below, rounding is exact.
    const MOST: f64 = 2_251_799_813_685_248.0;
    let number = if let Ok(bytes) = <[u8; 2]>::try_from(bytes) {
        half(u16::from_le_bytes(bytes))
    } else if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        f32::from_le_bytes(bytes).into()
    } else if let Ok(bytes) = <[u8; 8]>::try_from(bytes) {
        f64::from_le_bytes(bytes)
    } else {
        return Err(Why::UnknownLength(bytes.len()));
    };
    // NaN is not in it either.
    if (-MOST..=MOST).contains(&number) { Ok(round(number) as i64) } else { Err(Why::Implausible("float")) }
}

/// A half: sign, five bits of exponent, ten of fraction. A single has the same fields, wider, so that the bits are moved and
/// the difference of the exponents' bias is made up by a factor; it makes what is subnormal right as well.
fn half(bits: u16) -> f64 {
    /// The highest exponent stands for what is no number.
    const EXPONENT: u16 = 0x7C00;
    /// 2^112, as a single: its bias is 127 instead of 15.
    const BIAS: f32 = f32::from_bits((127 + 112) << 23);
    if bits & EXPONENT == EXPONENT {
        return f64::NAN;
    }
    let magnitude = f32::from_bits(u32::from(bits & 0x7FFF) << 13) * BIAS;
    f64::from(if bits & 0x8000 == 0 { magnitude } else { -magnitude })
}

/// The same with a sign in the highest bit.
pub(super) fn signed(bytes: &[u8]) -> i64 {
    let unused = 64 - 8 * u32::try_from(bytes.len().clamp(1, 8)).unwrap_or(8);
    (unsigned(bytes) << unused) >> unused
}

/// Lower-case hex.
pub(super) fn hex(data: &[u8]) -> String {
    let digits = data.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    digits.map(|digit| char::from(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_come_from_the_highest_byte() {
        assert_eq!(unsigned(&[0xFE, 0xFF]), 0xFFFE);
        assert_eq!(signed(&[0xFE, 0xFF]), -2);
        assert_eq!(signed(&[0xFF, 0xFF, 0x7F]), 0x7F_FFFF);
    }

    #[test]
    fn a_cursor_says_how_long_the_frame_should_have_been() {
        let mut cursor = Cursor::new(&[1, 2, 3]);

        assert_eq!(cursor.u16(), Ok(0x0201));
        assert_eq!(cursor.u16(), Err(Why::TooShort { got: 3, want: 4 }));
    }
}
