use proptest::{collection::vec, prelude::*};
use serde_json::json;

use super::*;
use crate::adapter::zigbee::{wire::unhex, zcl::kind::KINDS};

/// A value read from hex text.
fn read(kind: Kind, text: &str) -> Result<Value, WireError> {
    Value::read(kind, &mut Reader::new(&unhex(text).unwrap()))
}

/// What a value reads from hex text holds.
fn content(kind: Kind, text: &str) -> Content {
    read(kind, text).unwrap().content
}

#[test]
fn numbers_are_little_endian_and_signed_where_they_are() {
    assert_eq!(content(Kind::Int16, "00fe"), Content::Signed(-512));
    assert_eq!(content(Kind::Uint16, "00fe"), Content::Bits(0xfe00));
    assert_eq!(content(Kind::Uint48, "40e201000000"), Content::Bits(123_456));
    assert_eq!(content(Kind::Int24, "ffffff"), Content::Signed(-1));
    assert_eq!(content(Kind::Int64, "ffffffffffffff7f"), Content::Signed(i64::MAX));
}

#[test]
fn a_marker_is_never_a_number() {
    for (kind, text) in [
        (Kind::Bool, "ff"),
        (Kind::Uint8, "ff"),
        (Kind::Uint24, "ffffff"),
        (Kind::Uint64, "ffffffffffffffff"),
        (Kind::Int8, "80"),
        (Kind::Int16, "0080"),
        (Kind::Int56, "00000000000080"),
        (Kind::Enum16, "ffff"),
        (Kind::Semi, "007e"),
        (Kind::Single, "0000c07f"),
        (Kind::Double, "000000000000f8ff"),
        (Kind::CharString, "ff"),
        (Kind::LongOctetString, "ffff"),
        (Kind::Array, "20ffff"),
        (Kind::Structure, "ffff"),
        (Kind::Utc, "ffffffff"),
        (Kind::Ieee, "ffffffffffffffff"),
    ] {
        let value = read(kind, text).unwrap();
        assert_eq!(value, Value::invalid(kind), "{kind}");
        assert_eq!(value.as_integer(), None, "{kind}");
        assert_eq!(json!(value), json!(null), "{kind}");
    }
    // Every bit pattern of a bitmap means itself.
    assert_eq!(content(Kind::Bitmap8, "ff"), Content::Bits(0xff));
}

#[test]
fn floats_of_every_width_are_exact() {
    for (text, number) in
        [("0034", 0.25), ("00c0", -2.0), ("0100", 2f64.powi(-24)), ("ff7b", 65504.0), ("007c", f64::INFINITY)]
    {
        assert_eq!(content(Kind::Semi, text), Content::Float(number));
        let mut out = Vec::new();
        read(Kind::Semi, text).unwrap().write(&mut out);
        assert_eq!(hex(&out), text);
    }
    assert_eq!(content(Kind::Single, "9a996643"), Content::Float(f64::from(230.6f32)));
    assert_eq!(content(Kind::Double, "000000000000e03f"), Content::Float(0.5));
}

#[test]
fn text_loses_its_padding() {
    let model = read(Kind::CharString, "08 4d6f64656c 00 20 00").unwrap();
    assert_eq!(model.as_text().as_deref(), Some("Model"));
    assert_eq!(read(Kind::OctetString, "02 0102").unwrap().as_text(), None);
    assert_eq!(json!(read(Kind::OctetString, "02 0102").unwrap()), json!("0102"));
}

#[test]
fn containers_hold_values() {
    let array = read(Kind::Array, "21 0200 0100 ffff").unwrap();
    let elements = vec![Value::bits(Kind::Uint16, 1).unwrap(), Value::invalid(Kind::Uint16)];
    assert_eq!(array.content, Content::List(Kind::Uint16, elements));

    let structure = read(Kind::Structure, "0200 10 01 48 20 0100 07").unwrap();
    assert_eq!(json!(structure), json!([true, [7]]));
}

#[test]
fn lengths_that_lie_are_refused() {
    assert!(matches!(read(Kind::CharString, "05 4142"), Err(WireError::Truncated { want: 5, left: 2, .. })));
    assert!(matches!(read(Kind::Array, "20 feff 01"), Err(WireError::Truncated { .. })));
    // Elements without bytes would cost memory without end.
    assert!(matches!(read(Kind::Array, "00 feff"), Err(WireError::Unknown { .. })));
    assert!(matches!(read(Kind::Structure, "0100 99"), Err(WireError::Unknown { found: 0x99, .. })));
}

#[test]
fn nesting_has_an_end() {
    let nested = |levels: usize| "480100".repeat(levels) + "20010007";
    // The innermost array holds the number, so that this makes one level more.
    assert!(read(Kind::Array, &nested(MAX_DEPTH - 1)).is_ok());
    assert_eq!(read(Kind::Array, &nested(MAX_DEPTH)), Err(WireError::TooDeep(MAX_DEPTH)));
    assert_eq!(read(Kind::Array, &nested(10_000)), Err(WireError::TooDeep(MAX_DEPTH)));
}

#[test]
fn a_value_that_does_not_fit_its_type_is_not_made() {
    assert_eq!(Value::bits(Kind::Uint8, 256), None);
    assert_eq!(Value::bits(Kind::Int8, 1), None);
    assert_eq!(Value::signed(Kind::Int8, 128), None);
    assert_eq!(Value::signed(Kind::Int16, -512), Some(read(Kind::Int16, "00fe").unwrap()));
    assert_eq!(Value::text(&"x".repeat(255)), None);
}

proptest! {
    #[test]
    fn no_bytes_make_a_value_panic_and_those_read_come_back(number: u8, bytes in vec(any::<u8>(), 0..300)) {
        let kind = KINDS[usize::from(number) % KINDS.len()];
        if let Ok(value) = Value::read(kind, &mut Reader::new(&bytes)) {
            let mut out = Vec::new();
            value.write(&mut out);
            prop_assert_eq!(Value::read(kind, &mut Reader::new(&out)), Ok(value.clone()));
            prop_assert!(serde_json::to_value(&value).is_ok());
        }
    }

    #[test]
    fn every_half_comes_back(bits: u16) {
        if let Content::Float(number) = Value::float_content(bits.into(), 2) {
            prop_assert_eq!(to_half(number), u64::from(bits));
        }
    }
}
