//! The data types of ZCL: their numbers, names, sizes, and the marker of each that stands for "no value" (ZCL, 2.6.2).

use std::fmt;

use serde::{Serialize, Serializer};

use crate::adapter::zigbee::wire::{Reader, Wire, WireError};

/// How the bytes of a type are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// No bytes.
    Empty,
    /// An unsigned number of so many bytes, up to 8.
    Bits(usize),
    /// A signed number of so many bytes, up to 8.
    Signed(usize),
    /// An IEEE 754 number of so many bytes.
    Float(usize),
    /// Bytes, or text, behind a length of so many bytes.
    Bytes(usize),
    /// Elements of one type.
    List,
    /// Elements with a type each.
    Structure,
    /// A key of 16 bytes.
    Key,
}

/// Which markers stand for "no value".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    /// Every value means itself.
    None,
    /// All bits set; for lengths as well.
    Ones,
    /// The lowest signed number.
    Lowest,
    /// Not a number.
    Nan,
}

/// Writes the types down once: number, name, layout, marker, whether analog.
macro_rules! kinds {
    ($($name:ident = $number:literal, $word:literal, $layout:expr, $marker:ident, $analog:literal;)*) => {
        /// A data type.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = concat!("`", $word, "`")] $name,)*
        }

        /// Every data type.
        pub const KINDS: &[Kind] = &[$(Kind::$name,)*];

        impl Kind {
            /// Number, name, layout, marker, whether analog.
            const fn row(self) -> (u8, &'static str, Layout, Marker, bool) {
                match self {
                    $(Self::$name => ($number, $word, $layout, Marker::$marker, $analog),)*
                }
            }

            /// The type of this number.
            pub const fn of(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    NoData = 0x00, "no_data", Layout::Empty, None, false;
    Data8 = 0x08, "data8", Layout::Bits(1), None, false;
    Data16 = 0x09, "data16", Layout::Bits(2), None, false;
    Data24 = 0x0a, "data24", Layout::Bits(3), None, false;
    Data32 = 0x0b, "data32", Layout::Bits(4), None, false;
    Data40 = 0x0c, "data40", Layout::Bits(5), None, false;
    Data48 = 0x0d, "data48", Layout::Bits(6), None, false;
    Data56 = 0x0e, "data56", Layout::Bits(7), None, false;
    Data64 = 0x0f, "data64", Layout::Bits(8), None, false;
    Bool = 0x10, "bool", Layout::Bits(1), Ones, false;
    Bitmap8 = 0x18, "bitmap8", Layout::Bits(1), None, false;
    Bitmap16 = 0x19, "bitmap16", Layout::Bits(2), None, false;
    Bitmap24 = 0x1a, "bitmap24", Layout::Bits(3), None, false;
    Bitmap32 = 0x1b, "bitmap32", Layout::Bits(4), None, false;
    Bitmap40 = 0x1c, "bitmap40", Layout::Bits(5), None, false;
    Bitmap48 = 0x1d, "bitmap48", Layout::Bits(6), None, false;
    Bitmap56 = 0x1e, "bitmap56", Layout::Bits(7), None, false;
    Bitmap64 = 0x1f, "bitmap64", Layout::Bits(8), None, false;
    Uint8 = 0x20, "uint8", Layout::Bits(1), Ones, true;
    Uint16 = 0x21, "uint16", Layout::Bits(2), Ones, true;
    Uint24 = 0x22, "uint24", Layout::Bits(3), Ones, true;
    Uint32 = 0x23, "uint32", Layout::Bits(4), Ones, true;
    Uint40 = 0x24, "uint40", Layout::Bits(5), Ones, true;
    Uint48 = 0x25, "uint48", Layout::Bits(6), Ones, true;
    Uint56 = 0x26, "uint56", Layout::Bits(7), Ones, true;
    Uint64 = 0x27, "uint64", Layout::Bits(8), Ones, true;
    Int8 = 0x28, "int8", Layout::Signed(1), Lowest, true;
    Int16 = 0x29, "int16", Layout::Signed(2), Lowest, true;
    Int24 = 0x2a, "int24", Layout::Signed(3), Lowest, true;
    Int32 = 0x2b, "int32", Layout::Signed(4), Lowest, true;
    Int40 = 0x2c, "int40", Layout::Signed(5), Lowest, true;
    Int48 = 0x2d, "int48", Layout::Signed(6), Lowest, true;
    Int56 = 0x2e, "int56", Layout::Signed(7), Lowest, true;
    Int64 = 0x2f, "int64", Layout::Signed(8), Lowest, true;
    Enum8 = 0x30, "enum8", Layout::Bits(1), Ones, false;
    Enum16 = 0x31, "enum16", Layout::Bits(2), Ones, false;
    Semi = 0x38, "semi", Layout::Float(2), Nan, true;
    Single = 0x39, "single", Layout::Float(4), Nan, true;
    Double = 0x3a, "double", Layout::Float(8), Nan, true;
    OctetString = 0x41, "octstr", Layout::Bytes(1), Ones, false;
    CharString = 0x42, "string", Layout::Bytes(1), Ones, false;
    LongOctetString = 0x43, "octstr16", Layout::Bytes(2), Ones, false;
    LongCharString = 0x44, "string16", Layout::Bytes(2), Ones, false;
    Array = 0x48, "array", Layout::List, Ones, false;
    Structure = 0x4c, "struct", Layout::Structure, Ones, false;
    Set = 0x50, "set", Layout::List, Ones, false;
    Bag = 0x51, "bag", Layout::List, Ones, false;
    TimeOfDay = 0xe0, "tod", Layout::Bits(4), Ones, true;
    Date = 0xe1, "date", Layout::Bits(4), Ones, true;
    Utc = 0xe2, "utc", Layout::Bits(4), Ones, true;
    ClusterId = 0xe8, "cluster_id", Layout::Bits(2), Ones, false;
    AttributeId = 0xe9, "attribute_id", Layout::Bits(2), Ones, false;
    BacnetOid = 0xea, "bacnet_oid", Layout::Bits(4), Ones, false;
    Ieee = 0xf0, "ieee", Layout::Bits(8), Ones, false;
    Key128 = 0xf1, "key128", Layout::Key, None, false;
}

impl Kind {
    /// The number on the wire.
    pub const fn number(self) -> u8 {
        self.row().0
    }

    /// The name the specification uses in its tables: `uint16`.
    pub const fn word(self) -> &'static str {
        self.row().1
    }

    /// The type of this name.
    pub fn named(word: &str) -> Option<Self> {
        KINDS.iter().copied().find(|kind| kind.word() == word)
    }

    /// How its bytes are arranged.
    pub const fn layout(self) -> Layout {
        self.row().2
    }

    /// Whether a value can be a little more than another; such types have a reportable change (ZCL, 2.5.7.1.7).
    pub const fn is_analog(self) -> bool {
        self.row().4
    }

    /// Whether its bytes are text.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::CharString | Self::LongCharString)
    }

    /// Whether these bits, of its own width, stand for "no value".
    pub(super) fn is_marker(self, bits: u64, size: usize) -> bool {
        match self.row().3 {
            Marker::None | Marker::Nan => false,
            Marker::Ones => bits == ones(size),
            Marker::Lowest => bits == 1 << (size * 8 - 1),
        }
    }

    /// The bits that stand for "no value"; for a type without any, all bits set.
    pub(super) fn marker(self, size: usize) -> u64 {
        match (self.row().3, self) {
            (Marker::Lowest, _) => 1 << (size * 8 - 1),
            (Marker::Nan, Self::Semi) => 0x7e00,
            (Marker::Nan, Self::Single) => f32::NAN.to_bits().into(),
            (Marker::Nan, _) => f64::NAN.to_bits(),
            (Marker::None | Marker::Ones, _) => ones(size),
        }
    }
}

/// All bits of so many bytes.
pub(super) fn ones(size: usize) -> u64 {
    u64::MAX >> (64 - size * 8)
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl Wire for Kind {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let number: u8 = reader.read()?;
        Self::of(number).ok_or(WireError::Unknown { what: "data type", found: number.into() })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.number());
    }
}
