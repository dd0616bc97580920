//! Fields of any number of bits, least significant first.

use super::super::Why;

/// Reads a record field by field.
#[derive(Debug)]
pub(super) struct Bits<'a> {
    /// The record.
    data: &'a [u8],
    /// How many bits were read.
    at: usize,
}

impl<'a> Bits<'a> {
    /// Starts at the first bit.
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// A field without sign; up to 32 bits.
    pub(super) fn raw(&mut self, count: usize) -> Result<u32, Why> {
        let end = self.at + count;
        if end > self.data.len() * 8 {
            return Err(Why::TooShort { got: self.data.len(), want: end.div_ceil(8) });
        }
        let bit = |at: usize| u32::from(self.data[at / 8] >> (at % 8) & 1);
        let value = (self.at..end).rev().fold(0, |value, at| value << 1 | bit(at));
        self.at = end;
        Ok(value)
    }

    /// A field without sign; `None` when all its bits are set, which is "not available".
    pub(super) fn unsigned(&mut self, count: usize) -> Result<Option<i64>, Why> {
        let raw = self.raw(count)?;
        Ok((raw != ones(count)).then_some(raw.into()))
    }

    /// A field with sign; `None` for its largest value, which is "not available".
    pub(super) fn signed(&mut self, count: usize) -> Result<Option<i64>, Why> {
        let raw = self.raw(count)?;
        Ok((raw != ones(count - 1)).then_some(sign(raw, count)))
    }

    /// A current of 22 bits. The document says that all bits set is "not available", devices send the largest value as
    /// everywhere else; both are taken for that, at the price of -1 mA.
    pub(super) fn current(&mut self) -> Result<Option<i64>, Why> {
        let current = self.signed(22)?;
        Ok(current.filter(|current| *current != -1))
    }
}

/// So many bits, all set.
fn ones(count: usize) -> u32 {
    if count >= 32 { u32::MAX } else { (1 << count) - 1 }
}

/// The value of a field with sign.
fn sign(raw: u32, count: usize) -> i64 {
    let value = i64::from(raw);
    if value >> (count - 1) & 1 == 1 { value - (1 << count) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cross_bytes() {
        let mut bits = Bits::new(&[0b1010_0101, 0b0000_1111]);

        assert_eq!(bits.raw(3), Ok(0b101));
        assert_eq!(bits.signed(7), Ok(Some(-12)));
        assert_eq!(bits.raw(6), Ok(0b11));
        assert_eq!(bits.raw(1), Err(Why::TooShort { got: 2, want: 3 }));
    }

    #[test]
    fn markers_are_not_available() {
        let mut bits = Bits::new(&[0xFF, 0xFF, 0xFF, 0x7F]);

        assert_eq!(bits.unsigned(16), Ok(None));
        assert_eq!(bits.signed(16), Ok(None));
        assert_eq!(Bits::new(&[0xFF; 3]).current(), Ok(None));
        assert_eq!(Bits::new(&[0xFF, 0xFF, 0x1F]).current(), Ok(None));
    }
}
