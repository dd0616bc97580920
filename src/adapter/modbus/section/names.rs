//! Names for numbers and bits, and the markers that stand for no value, as they are typed.

use std::{collections::BTreeMap, str::FromStr};

use crate::{
    adapter::modbus::{
        config::DataType,
        encode::{float_bits, integer_bits},
    },
    config::{
        Fault,
        report::Problems,
        section::{FromNode, Shape},
        tree::{Data, Entry, Node},
        values::text_values,
    },
    model::Slim,
};

text_values! {
    Marker: "nan, a number before scaling, or its bits in hex: 0x8000", str::parse;
}

/// `{ 0 = "off", 1 = "on" }`: names by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTable(pub BTreeMap<i64, Slim<str>>);

impl FromNode for NameTable {
    const SHAPE: Shape = Shape::Open;

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let help = "write { NUMBER = \"name\", … }: { 0 = \"off\", 1 = \"on\" }";
        let Data::Table(table) = node.data else {
            problems.error(&node.place, format!("expected a table, found {}", node.data.kind())).help(help);
            return None;
        };
        if table.is_empty() {
            problems.error(&node.place, "there are no names").help(help);
            return None;
        }
        let (mut names, count) = (BTreeMap::new(), table.len());
        for named in table {
            add_name(&mut names, named, problems);
        }
        // A table with a wrong name is wrong: the reading would not say what the operator thinks.
        (names.len() == count).then_some(Self(names))
    }
}

/// Takes one name in, or reports what is wrong with it or its number.
fn add_name(names: &mut BTreeMap<i64, Slim<str>>, (key, entry): (String, Entry), problems: &mut Problems) {
    let Some(number) = whole(&key).and_then(|number| i64::try_from(number).ok()) else {
        let problem = problems.error(&entry.key, format!("{key:?} is no whole number"));
        problem.help("names stand behind numbers: 0 = \"off\"");
        return;
    };
    let Some(name) = String::from_node(entry.node, problems) else { return };
    if names.insert(number, name.into()).is_some() {
        problems.error(&entry.key, format!("{number} has two names"));
    }
}

/// What the raw number is while a device has no value to give.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Marker {
    /// `nan`, which is never a value anyway.
    Nan,
    /// `0x8000`: the bits.
    Bits(u64),
    /// `-32768`: a whole number.
    Int(i128),
    /// `-999.9`: a number with a fraction.
    Float(f64),
}

impl FromStr for Marker {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if text.eq_ignore_ascii_case("nan") {
            return Ok(Self::Nan);
        }
        if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            let fault = || Fault::new(format!("{text:?} are no bits")).help("write up to 16 hex digits: \"0x8000\"");
            return hex(digits).map(Self::Bits).ok_or_else(fault);
        }
        let float = || text.parse().ok().filter(|number: &f64| number.is_finite()).map(Self::Float);
        let fault = || Fault::new(format!("{text:?} is no marker")).help("write \"nan\", \"-32768\" or \"0x8000\"");
        whole(text).map(Self::Int).or_else(float).ok_or_else(fault)
    }
}

impl Marker {
    /// Its bits in registers of this type; none for `nan`, which every float type knows by itself.
    pub(super) fn bits(self, data: DataType) -> Result<Option<u64>, Fault> {
        let (bits, text) = match self {
            Self::Nan => return Ok(None),
            Self::Bits(bits) => (fitting(data, bits), format!("{bits:#x}")),
            Self::Int(number) => (number_bits(data, number), number.to_string()),
            Self::Float(number) => (float_bits(data, number), number.to_string()),
        };
        bits.map(Some).ok_or_else(|| {
            let fault = Fault::new(format!("{text} cannot be in the point's registers"));
            self.as_signed(data).into_iter().fold(fault, Fault::help)
        })
    }

    /// How to write a number that a signed type shows as a negative one.
    fn as_signed(self, data: DataType) -> Option<String> {
        let Self::Int(number) = self else { return None };
        let bits = fitting(data, u64::try_from(number).ok()?)?;
        let signed = number - (1 << width(data)?);
        (integer_bits(data, signed) == Some(bits)).then(|| format!("write \"{bits:#x}\" or \"{signed}\""))
    }
}

/// The bits, if the type has so many.
fn fitting(data: DataType, bits: u64) -> Option<u64> {
    let width = width(data)?;
    (width == 64 || bits >> width == 0).then_some(bits)
}

/// How many bits a raw number has; `None` for text and switches.
pub(super) fn width(data: DataType) -> Option<u8> {
    match data {
        DataType::Bool | DataType::String(_) => None,
        DataType::I8l | DataType::I8h => Some(8),
        DataType::I16 | DataType::U16 | DataType::F16 | DataType::Bcd16 => Some(16),
        DataType::I32 | DataType::U32 | DataType::F32 | DataType::Bcd32 => Some(32),
        DataType::I64 | DataType::U64 | DataType::F64 => Some(64),
        DataType::Bits { len, .. } => Some(len),
    }
}

/// The bits of a whole number in any type of number.
#[expect(clippy::cast_precision_loss, reason = "a float register holds the nearest float too")]
fn number_bits(data: DataType, number: i128) -> Option<u64> {
    integer_bits(data, number).or_else(|| float_bits(data, number as f64))
}

/// A whole number, decimal or hex.
fn whole(text: &str) -> Option<i128> {
    match text.strip_prefix("0x") {
        Some(digits) => hex(digits).map(Into::into),
        None => text.parse().ok().filter(|_| !text.starts_with('+')),
    }
}

/// Up to 16 hex digits.
fn hex(digits: &str) -> Option<u64> {
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits(text: &str, data: DataType) -> Result<Option<u64>, String> {
        text.parse::<Marker>().and_then(|marker| marker.bits(data)).map_err(|fault| fault.message)
    }

    #[test]
    fn a_marker_is_the_bits_of_the_type_it_is_for() {
        assert_eq!(bits("0x8000", DataType::I16), Ok(Some(0x8000)));
        assert_eq!(bits("-32768", DataType::I16), Ok(Some(0x8000)));
        assert_eq!(bits("-1", DataType::I8h), Ok(Some(0xff)));
        assert_eq!(bits("9999", DataType::Bcd16), Ok(Some(0x9999)));
        assert_eq!(bits("0xffff", DataType::Bcd16), Ok(Some(0xffff)));
        assert_eq!(bits("-999.9", DataType::F32), Ok(Some((-999.9f32).to_bits().into())));
        assert_eq!(bits("-1000", DataType::F64), Ok(Some((-1000f64).to_bits())));
        assert_eq!(bits("NaN", DataType::F32), Ok(None));
        assert_eq!(bits("0xffffffffffffffff", DataType::U64), Ok(Some(u64::MAX)));
    }

    #[test]
    fn bits_of_a_negative_number_are_told_in_both_forms() {
        let help = |text: &str, data| text.parse::<Marker>().unwrap().bits(data).unwrap_err().help;
        assert_eq!(help("32768", DataType::I16).as_deref(), Some("write \"0x8000\" or \"-32768\""));
        assert_eq!(help("4294967295", DataType::I32).as_deref(), Some("write \"0xffffffff\" or \"-1\""));
        assert_eq!(help("65536", DataType::I16), None);
        assert_eq!(help("65536", DataType::U16), None);
    }

    #[test]
    fn a_marker_that_can_never_come_is_refused() {
        assert_eq!(bits("65536", DataType::U16), Err("65536 cannot be in the point's registers".into()));
        assert_eq!(bits("0x10000", DataType::I16), Err("0x10000 cannot be in the point's registers".into()));
        assert_eq!(bits("1.5", DataType::U16), Err("1.5 cannot be in the point's registers".into()));
        assert_eq!(bits("0x", DataType::U16), Err("\"0x\" are no bits".into()));
        assert_eq!(bits("inf", DataType::F32), Err("\"inf\" is no marker".into()));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,20}|0x[0-9a-f]{0,20}|-?[0-9.e]{0,12}",
            data in crate::adapter::modbus::fixtures::any_type()) {
            let _ = text.parse::<Marker>().and_then(|marker| marker.bits(data));
        }
    }
}
