//! Lists and byte strings, which differ in how their length is told.

use serde::{Serialize, Serializer};

use super::{Reader, Wire, WireError, hex};

/// Up to 255 elements behind one byte that counts them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct List<T>(Vec<T>);

impl<T> List<T> {
    /// The elements.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// The elements, kept.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T> TryFrom<Vec<T>> for List<T> {
    type Error = WireError;

    fn try_from(elements: Vec<T>) -> Result<Self, WireError> {
        let (found, limit) = (elements.len(), usize::from(u8::MAX));
        if found > limit {
            return Err(WireError::TooMany { what: "elements", found, limit });
        }
        Ok(Self(elements))
    }
}

impl<T: Wire> Wire for List<T> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let count: u8 = reader.read()?;
        (0..count).map(|_| reader.read()).collect::<Result<_, _>>().map(Self)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::try_from(self.0.len()).expect("a list has at most 255 elements"));
        for element in &self.0 {
            element.write(out);
        }
    }
}

/// A type of byte string that differs from the others in how its length is told.
macro_rules! byte_strings {
    ($($(#[$doc:meta])* $name:ident, $length:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct $name(Vec<u8>);

        impl $name {
            /// The bytes.
            pub fn as_slice(&self) -> &[u8] {
                &self.0
            }

            /// The bytes, kept.
            pub fn into_vec(self) -> Vec<u8> {
                self.0
            }
        }

        impl TryFrom<Vec<u8>> for $name {
            type Error = WireError;

            fn try_from(bytes: Vec<u8>) -> Result<Self, WireError> {
                let (found, limit) = (bytes.len(), usize::from(<$length>::MAX));
                if found > limit {
                    return Err(WireError::TooMany { what: "bytes", found, limit });
                }
                Ok(Self(bytes))
            }
        }

        impl Wire for $name {
            fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
                let length: $length = reader.read()?;
                Ok(Self(reader.take(length.into())?.to_vec()))
            }

            fn write(&self, out: &mut Vec<u8>) {
                let length = <$length>::try_from(self.0.len()).expect("the length was checked when it was made");
                length.write(out);
                out.extend_from_slice(&self.0);
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&hex(&self.0))
            }
        }
    )*};
}

byte_strings! {
    /// Bytes behind one byte that counts them.
    Bytes8, u8;
    /// Bytes behind two bytes that count them.
    Bytes16, u16;
}

/// Bytes to the end of what was received.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rest(pub Vec<u8>);

impl Wire for Rest {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self(reader.rest().to_vec()))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl Serialize for Rest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}
