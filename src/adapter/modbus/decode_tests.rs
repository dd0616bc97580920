//! Vectors for every type and order.

use proptest::prelude::*;

use super::*;
use crate::adapter::modbus::fixtures::{ABCD, BADC, CDAB, DCBA, mapped};

fn check(data: DataType, order: super::super::config::ByteOrder, wire: &[u8]) -> Result<Value, BadValue> {
    let mut point = mapped("input", 0, data);
    point.order = order;
    decode(&point, wire)
}

#[test]
fn integers_of_every_width_keep_their_sign() {
    assert_eq!(check(DataType::I8l, ABCD, &[0x12, 0xff]), Ok(Value::Int(-1)));
    assert_eq!(check(DataType::I8h, ABCD, &[0x80, 0xff]), Ok(Value::Int(-128)));
    assert_eq!(check(DataType::I16, ABCD, &[0xff, 0xfe]), Ok(Value::Int(-2)));
    assert_eq!(check(DataType::U16, ABCD, &[0xff, 0xfe]), Ok(Value::Int(65534)));
    assert_eq!(check(DataType::I32, ABCD, &[0xff, 0xff, 0xff, 0xfe]), Ok(Value::Int(-2)));
    assert_eq!(check(DataType::I64, ABCD, &[0x80, 0, 0, 0, 0, 0, 0, 0]), Ok(Value::Int(i64::MIN)));
    assert_eq!(check(DataType::U64, ABCD, &[0xff; 8]), Ok(Value::Uint(u64::MAX)));
}

#[test]
fn a_number_is_the_same_in_each_of_the_four_orders() {
    let value = Ok(Value::Int(0x0102_0304));
    assert_eq!(check(DataType::U32, ABCD, &[1, 2, 3, 4]), value);
    assert_eq!(check(DataType::U32, CDAB, &[3, 4, 1, 2]), value);
    assert_eq!(check(DataType::U32, BADC, &[2, 1, 4, 3]), value);
    assert_eq!(check(DataType::U32, DCBA, &[4, 3, 2, 1]), value);
    assert_eq!(check(DataType::U64, CDAB, &[7, 8, 5, 6, 3, 4, 1, 2]), Ok(Value::Int(0x0102_0304_0506_0708)));
}

#[test]
fn a_float_prints_the_number_the_device_shows() {
    assert_eq!(check(DataType::F32, ABCD, &230.1f32.to_be_bytes()), Ok(Value::Float(230.1)));
    assert_eq!(check(DataType::F64, ABCD, &230.1f64.to_be_bytes()), Ok(Value::Float(230.1)));
    assert_eq!(check(DataType::F16, ABCD, &[0x3c, 0x01]), Ok(Value::Float(1.000_976_562_5)));
    assert_eq!(check(DataType::F16, ABCD, &[0x00, 0x01]), Ok(Value::Float(2f64.powi(-24))));
}

#[test]
fn what_is_no_number_is_not_available() {
    assert_eq!(check(DataType::F32, ABCD, &f32::NAN.to_be_bytes()), Err(BadValue::NotAvailable));
    assert_eq!(check(DataType::F64, ABCD, &f64::INFINITY.to_be_bytes()), Err(BadValue::NotAvailable));
    assert_eq!(check(DataType::F16, ABCD, &[0x7e, 0]), Err(BadValue::NotAvailable));
}

#[test]
fn a_scale_of_one_over_n_gives_the_decimal_a_person_expects() {
    let mut point = mapped("input", 0, DataType::U16);
    point.scale = 0.1;
    assert_eq!(decode(&point, &2301u16.to_be_bytes()), Ok(Value::Float(230.1)));
    point.scale = 10.0;
    assert_eq!(decode(&point, &[0, 7]), Ok(Value::Float(70.0)));
    point.scale = 1.0;
    assert_eq!(decode(&point, &[0, 7]), Ok(Value::Int(7)));
}

#[test]
fn binary_coded_decimals_have_only_digits() {
    assert_eq!(check(DataType::Bcd16, ABCD, &[0x12, 0x34]), Ok(Value::Int(1234)));
    assert_eq!(check(DataType::Bcd32, CDAB, &[0x56, 0x78, 0x12, 0x34]), Ok(Value::Int(12_345_678)));
    assert_eq!(check(DataType::Bcd16, ABCD, &[0x12, 0x3a]), Err(BadValue::Decode));
}

#[test]
fn text_ends_at_its_trailing_nulls() {
    assert_eq!(check(DataType::String(5), ABCD, b"pump\0x"), Ok(Value::Text("pump".into())));
    let mut swapped = mapped("input", 0, DataType::String(4));
    swapped.order.two = [1, 0];
    assert_eq!(decode(&swapped, b"uppm"), Ok(Value::Text("pump".into())));
    assert_eq!(check(DataType::String(2), ABCD, &[0xff, 0xfe]), Err(BadValue::Decode));
    assert_eq!(check(DataType::String(2), ABCD, &[0, 0]), Ok(Value::Text("".into())));
}

#[test]
fn bits_count_from_the_lowest() {
    assert_eq!(check(DataType::Bits { from: 4, len: 3 }, ABCD, &[0, 0b0101_1111]), Ok(Value::Int(0b101)));
    assert_eq!(check(DataType::Bits { from: 0, len: 16 }, ABCD, &[0xff, 0xff]), Ok(Value::Int(0xffff)));
    assert_eq!(check(DataType::Bool, ABCD, &[1, 0]), Ok(Value::Bool(true)));
}

#[test]
fn a_number_outside_its_limits_is_out_of_range() {
    let mut point = mapped("input", 0, DataType::U16);
    std::sync::Arc::get_mut(&mut point.point).unwrap().max = Some(100.0);
    assert_eq!(decode(&point, &[0, 100]), Ok(Value::Int(100)));
    assert_eq!(decode(&point, &[0, 101]), Err(BadValue::OutOfRange));
}

proptest! {
    #[test]
    fn the_shortest_form_is_still_the_same_float(bits: u32) {
        let value = f32::from_bits(bits);
        prop_assume!(value.is_finite());
        #[expect(clippy::cast_possible_truncation, reason = "the way back is the claim")]
        let back = shortest(value) as f32;
        prop_assert_eq!(back.to_bits(), value.to_bits());
    }

    #[test]
    fn no_bytes_make_a_type_panic(
        wire in proptest::collection::vec(any::<u8>(), 0..20), data in crate::adapter::modbus::fixtures::any_type(),
    ) {
        let _ = check(data, CDAB, &wire);
    }
}
