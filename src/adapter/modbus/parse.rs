//! Modbus types from the texts of the configuration: types and byte orders.

use std::{fmt, str::FromStr};

use super::config::{ByteOrder, DataType};
use crate::config::{Fault, report::suggest};

/// A read answers with at most 125 registers (MODBUS Application Protocol 1.1b3, 6.3).
const LONGEST_STRING: u16 = 250;

/// Types that have no parameter, as they are written.
const TYPES: [(&str, DataType); 14] = [
    ("bool", DataType::Bool),
    ("i8l", DataType::I8l),
    ("i8h", DataType::I8h),
    ("i16", DataType::I16),
    ("u16", DataType::U16),
    ("i32", DataType::I32),
    ("u32", DataType::U32),
    ("i64", DataType::I64),
    ("u64", DataType::U64),
    ("f16", DataType::F16),
    ("f32", DataType::F32),
    ("f64", DataType::F64),
    ("bcd16", DataType::Bcd16),
    ("bcd32", DataType::Bcd32),
];

/// Reads a type's name, `string:N` or `bits:FROM+LEN`.
impl FromStr for DataType {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if let Some((_, data)) = TYPES.iter().find(|(name, _)| *name == text) {
            return Ok(*data);
        }
        match text.split_once(':') {
            Some(("string", length)) => string(length),
            Some(("bits", range)) => bits(range),
            Some(_) | None => {
                let names = TYPES.iter().map(|(name, _)| *name).chain(["string:N", "bits:FROM+LEN"]);
                Err(Fault::new(format!("unknown type {text:?}")).help(suggest(text, names)))
            }
        }
    }
}

/// As it is written.
impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(length) => write!(f, "string:{length}"),
            Self::Bits { from, len } => write!(f, "bits:{from}+{len}"),
            _ => f.write_str(TYPES.iter().find(|(_, data)| data == self).map_or("", |(name, _)| name)),
        }
    }
}

/// Reads the length of a string.
fn string(length: &str) -> Result<DataType, Fault> {
    let fault = || Fault::new(format!("string of {length:?} bytes")).help("give 1 to 250 bytes: \"string:16\"");
    let length = number(length).filter(|length| (1..=LONGEST_STRING).contains(length));
    length.map(DataType::String).ok_or_else(fault)
}

/// Reads the place of a bit field.
fn bits(range: &str) -> Result<DataType, Fault> {
    let help = "the lowest bit, counted from 0, and how many there are: \"bits:4+2\"";
    let fault = || Fault::new(format!("bits {range:?} are not within 64 bits")).help(help);
    let (from, len) = range.split_once('+').ok_or_else(fault)?;
    let (from, len): (u8, u8) = number(from).zip(number(len)).ok_or_else(fault)?;
    let fits = from < 64 && (1..=64).contains(&len) && from + len <= 64;
    if fits { Ok(DataType::Bits { from, len }) } else { Err(fault()) }
}

/// A number in plain digits.
fn number<T: FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Reads `AB`, `BA`, `ABCD`, `CDAB`, `BADC`, `DCBA` or eight letters.
///
/// One rule fills the widths that a text does not name. A wider value repeats the order word by word: `CDAB` is
/// `GHEFCDAB`, and `BA` is `BADC`. A narrower one comes in the order of the wide one's lowest bytes: `DCBA` and
/// `BADC` swap the bytes of 16 bits too, `ABCD` and `CDAB` do not.
impl FromStr for ByteOrder {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let eight = match text {
            "AB" | "ABCD" => "ABCDEFGH",
            "BA" | "BADC" => "BADCFEHG",
            "CDAB" => "GHEFCDAB",
            "DCBA" => "HGFEDCBA",
            _ => text,
        };
        let eight = places(eight).ok_or_else(|| {
            let help = "write AB, BA, ABCD, CDAB, BADC, DCBA, or each of A to H once";
            Fault::new(format!("{text:?} is no byte order")).help(help)
        })?;
        Ok(Self { two: lowest(eight), four: lowest(eight), eight })
    }
}

/// Eight letters as places, each of them once.
fn places(text: &str) -> Option<[u8; 8]> {
    let letters: [u8; 8] = text.as_bytes().try_into().ok()?;
    let is_complete = (b'A'..=b'H').all(|letter| letters.contains(&letter));
    is_complete.then(|| letters.map(|letter| letter - b'A'))
}

/// The order of the `N` lowest of eight bytes.
fn lowest<const N: usize>(eight: [u8; 8]) -> [u8; N] {
    let first = u8::try_from(8 - N).expect("at most eight");
    let mut kept = eight.into_iter().filter_map(|place| place.checked_sub(first));
    [(); N].map(|()| kept.next().expect("N of the eight places are among the lowest"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(text: &str) -> ByteOrder {
        text.parse().unwrap()
    }

    #[test]
    fn types_have_names_and_parameters() {
        assert_eq!("f32".parse(), Ok(DataType::F32));
        assert_eq!("string:8".parse(), Ok(DataType::String(8)));
        assert_eq!("bits:15+1".parse(), Ok(DataType::Bits { from: 15, len: 1 }));
        assert_eq!("bits:0+64".parse(), Ok(DataType::Bits { from: 0, len: 64 }));
        for text in
            ["float", "string:0", "string:251", "bits:0+0", "bits:8+57", "bits:64+1", "bits:255+255", "bits:3", "F32"]
        {
            assert!(text.parse::<DataType>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_type_prints_as_it_is_written() {
        for text in TYPES.iter().map(|(name, _)| *name).chain(["string:8", "bits:15+1"]) {
            assert_eq!(text.parse::<DataType>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn short_orders_extend_word_by_word() {
        assert_eq!(order("CDAB"), order("GHEFCDAB"));
        assert_eq!(order("ABCD"), order("AB"));
        assert_eq!(order("BADC"), order("BA"));
        assert_eq!(order("DCBA"), order("HGFEDCBA"));
        assert_eq!(order("CDAB").four, [2, 3, 0, 1]);
        assert_eq!(order("CDAB").eight, [6, 7, 4, 5, 2, 3, 0, 1]);
    }

    #[test]
    fn narrow_values_follow_the_lowest_bytes() {
        assert_eq!([order("ABCD").two, order("CDAB").two], [[0, 1]; 2]);
        assert_eq!([order("DCBA").two, order("BADC").two], [[1, 0]; 2]);
        assert!("ABAB".parse::<ByteOrder>().is_err());
        assert!("ACBD".parse::<ByteOrder>().is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,20}|(bits|string):[0-9+/?]{0,8}|[A-I]{0,9}") {
            let _ = (text.parse::<DataType>(), text.parse::<ByteOrder>());
        }
    }
}
