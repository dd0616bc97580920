//! Reading and writing little-endian fields, the one way all Zigbee layers put numbers on the wire.
//!
//! A [`Reader`] never runs past its bytes: what is missing is a [`WireError`] that says where. Lists and byte strings
//! carry their length before them; it is checked against what is left before anything is taken.

mod hex;
mod lists;

pub use self::{
    hex::{hex, unhex},
    lists::{Bytes8, Bytes16, List, Rest},
};

/// Bytes that are not what they say they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A field, or what a length announces, goes past the end.
    #[error("{want} bytes are announced at byte {at}, {left} are left")]
    Truncated {
        /// Where the field begins.
        at: usize,
        /// How long it is.
        want: usize,
        /// How many bytes there are.
        left: usize,
    },
    /// A number that stands for nothing we know.
    #[error("{what} {found:#04x} is unknown")]
    Unknown {
        /// What the number should have chosen.
        what: &'static str,
        /// The number.
        found: u32,
    },
    /// Containers in containers beyond the limit.
    #[error("more than {0} levels of arrays and structures")]
    TooDeep(usize),
    /// More than a length field can say.
    #[error("{found} {what} are more than {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are possible.
        limit: usize,
    },
}

/// A place in received bytes.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    /// Everything that was received.
    bytes: &'a [u8],
    /// How much of it is read; never more than there is.
    at: usize,
}

impl<'a> Reader<'a> {
    /// At the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `want` bytes.
    pub fn take(&mut self, want: usize) -> Result<&'a [u8], WireError> {
        let taken = self.bytes[self.at..].get(..want);
        let taken = taken.ok_or(WireError::Truncated { at: self.at, want, left: self.left() })?;
        self.at += want;
        Ok(taken)
    }

    /// As [`Reader::take`], of a length known to the compiler.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        self.at = self.bytes.len();
        rest
    }

    /// A field of a known type.
    pub fn read<T: Wire>(&mut self) -> Result<T, WireError> {
        T::read(self)
    }

    /// Fields to the end of the bytes; each takes at least one byte, so there are no more of them than bytes.
    pub fn read_all<T: Wire>(&mut self) -> Result<Vec<T>, WireError> {
        let mut all = Vec::new();
        while !self.is_at_end() {
            all.push(self.read()?);
        }
        Ok(all)
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Whether nothing is left.
    pub fn is_at_end(&self) -> bool {
        self.left() == 0
    }
}

/// What has one form on the wire.
pub trait Wire: Sized {
    /// Takes it from the bytes.
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError>;

    /// Appends it.
    fn write(&self, out: &mut Vec<u8>);

    /// Its bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Reads it from the front of `bytes`. What follows is left alone: newer devices and firmwares append fields.
    fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        Self::read(&mut Reader::new(bytes))
    }
}

/// Little-endian numbers.
macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Wire for $number {
            fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
                Ok(Self::from_le_bytes(reader.array()?))
            }

            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64, i8, i16);

impl Wire for () {
    fn read(_: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(())
    }

    fn write(&self, _: &mut Vec<u8>) {}
}

/// One byte; everything but 0 is true.
impl Wire for bool {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(reader.read::<u8>()? != 0)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

/// A field that older senders leave out; it can only be the last.
impl<T: Wire> Wire for Option<T> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        if reader.is_at_end() { Ok(None) } else { reader.read().map(Some) }
    }

    fn write(&self, out: &mut Vec<u8>) {
        if let Some(field) = self {
            field.write(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_beyond_the_end_is_refused_with_its_place() {
        let truncated = Err(WireError::Truncated { at: 1, want: 3, left: 2 });
        assert_eq!(Bytes8::from_bytes(&[3, 1, 2]), truncated);
        assert_eq!(
            List::<u16>::from_bytes(&[2, 1, 0, 2]).unwrap_err().to_string(),
            "2 bytes are announced at byte 3, 1 are left"
        );
    }

    #[test]
    fn more_than_the_length_can_say_is_not_taken() {
        assert!(List::try_from(vec![0u8; 255]).is_ok());
        assert!(List::try_from(vec![0u8; 256]).is_err());
        assert!(Bytes8::try_from(vec![0; 256]).is_err());
        assert!(Bytes16::try_from(vec![0; 256]).is_ok());
    }

    #[test]
    fn hex_is_read_as_tools_print_it() {
        assert_eq!(unhex("0xFE 02:61"), Some(vec![0xfe, 0x02, 0x61]));
        assert_eq!(unhex("fe0"), None);
        assert_eq!(unhex("zz"), None);
        assert_eq!(unhex("fe\u{e9}"), None);
        assert_eq!(hex(&[0xfe, 0x02]), "fe02");
    }
}
