//! Vectors for every type and order.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    adapter::modbus::{
        config::Conversion,
        fixtures::{ABCD, BADC, CDAB, DCBA, any_order, any_type, mapped},
    },
    model::{Domain, Point},
};

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
    point.conversion.scale = 0.1;
    assert_eq!(decode(&point, &2301u16.to_be_bytes()), Ok(Value::Float(230.1)));
    point.conversion.scale = 10.0;
    assert_eq!(decode(&point, &[0, 7]), Ok(Value::Float(70.0)));
    point.conversion.scale = 1.0;
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
    let long = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0];
    let bits = |from, len| DataType::Bits { from, len };
    assert_eq!(check(bits(12, 8), ABCD, &long[..4]), Ok(Value::Int(0x45)));
    assert_eq!(check(bits(12, 8), CDAB, &[0x56, 0x78, 0x12, 0x34]), Ok(Value::Int(0x45)));
    assert_eq!(check(bits(28, 8), ABCD, &long), Ok(Value::Int(0x89)));
    assert_eq!(check(bits(63, 1), DCBA, &[0, 0, 0, 0, 0, 0, 0, 0x80]), Ok(Value::Int(1)));
    assert_eq!(check(bits(0, 64), ABCD, &[0xff; 8]), Ok(Value::Uint(u64::MAX)));
    assert_eq!(check(DataType::Bool, ABCD, &[1, 0]), Ok(Value::Bool(true)));
}

#[test]
fn a_number_outside_its_limits_is_out_of_range() {
    let mut point = mapped("input", 0, DataType::U16);
    std::sync::Arc::get_mut(&mut point.point).unwrap().domain = Domain::within(None, Some(100.0));
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
    fn no_bytes_and_no_configuration_make_a_type_panic(
        wire in proptest::collection::vec(any::<u8>(), 0..20), data in any_type(), order in any_order(),
        conversion in any_conversion(), offset: u16,
    ) {
        let mut point = mapped("input", offset, data);
        (point.order, point.conversion) = (order, conversion);
        if let Ok(Value::Float(value)) = decode(&point, &wire) {
            prop_assert!(value.is_finite());
        }
        let whole = vec![0xa5; usize::from(extent(&point).count) * 2];
        let _ = decode(&point, &whole);
    }
}

/// Scales, powers, markers and names of any kind, sensible or not.
fn any_conversion() -> impl Strategy<Value = Conversion> {
    let names = prop_oneof![
        Just(Names::None),
        any::<i64>().prop_map(|number| Names::Numbers([(number, "a".into()), (0, "b".into())].into())),
        (0..64u8).prop_map(|bit| Names::Bits([(bit, "a".into()), (0, "b".into())].into())),
    ];
    let numbers = (any::<f64>(), any::<f64>(), any::<Option<u16>>(), any::<Option<u64>>());
    (numbers, names).prop_map(|((scale, offset, exponent, invalid), names)| Conversion {
        scale,
        offset,
        exponent,
        invalid: invalid.into_iter().collect(),
        names,
        counter: None,
    })
}

/// A point at register 2 whose power of ten is in register 4, or 0.
fn powered(exponent: u16) -> MappedPoint {
    let mut point = mapped("input", 2, DataType::U16);
    point.point = Arc::new(Point { kind: PointType::Float, ..(*point.point).clone() });
    point.conversion.exponent = Some(exponent);
    point
}

#[test]
fn a_value_and_its_power_of_ten_come_in_one_answer() {
    let behind = powered(4);
    assert_eq!(extent(&behind), Extent { start: 2, count: 3 });
    assert_eq!(decode(&behind, &[0x08, 0xfd, 9, 9, 0xff, 0xff]), Ok(Value::Float(230.1)));
    assert_eq!(decode(&behind, &[0x08, 0xfd, 9, 9, 0, 0]), Ok(Value::Float(2301.0)));
    let before = powered(0);
    assert_eq!(extent(&before), Extent { start: 0, count: 3 });
    assert_eq!(decode(&before, &[0, 2, 9, 9, 0, 7]), Ok(Value::Float(700.0)));
}

#[test]
fn without_a_power_of_ten_there_is_no_value() {
    assert_eq!(decode(&powered(4), &[0, 7, 9, 9, 0x80, 0]), Err(BadValue::NotAvailable));
    assert_eq!(decode(&powered(4), &[0, 7, 9, 9, 0, 11]), Err(BadValue::Decode));
}

#[test]
fn markers_are_compared_with_the_raw_bits_of_the_point_alone() {
    let marked = |data, invalid: u64, wire: &[u8]| {
        let mut point = mapped("input", 0, data);
        point.conversion = Conversion { scale: 0.1, invalid: vec![invalid], ..Conversion::default() };
        decode(&point, wire)
    };
    let gone = Err(BadValue::NotAvailable);
    assert_eq!(marked(DataType::I16, 0x8000, &[0x80, 0]), gone);
    assert_eq!(marked(DataType::I16, 0x8000, &[0x80, 1]), Ok(Value::Float(-3276.7)));
    assert_eq!(marked(DataType::U32, 0xffff, &[0, 0, 0xff, 0xff]), gone);
    assert_eq!(marked(DataType::I8h, 0x80, &[0x80, 0x12]), gone);
    assert_eq!(marked(DataType::Bits { from: 4, len: 4 }, 0xf, &[0x12, 0xf4]), gone);
    assert_eq!(marked(DataType::F32, (-1f32).to_bits().into(), &(-1f32).to_be_bytes()), gone);
    // Digits that are none are a decode fault unless they are the marker.
    assert_eq!(marked(DataType::Bcd16, 0xffff, &[0xff, 0xff]), gone);
    assert_eq!(marked(DataType::Bcd16, 0xffff, &[0xff, 0xfe]), Err(BadValue::Decode));
}

#[test]
fn names_take_the_place_of_numbers() {
    let mut state = mapped("input", 0, DataType::Bits { from: 8, len: 2 });
    state.conversion.names = Names::Numbers([(1, "run".into()), (2, "fault".into())].into());
    assert_eq!(decode(&state, &[0b0000_0110, 0xff]), Ok(Value::Text("fault".into())));
    assert_eq!(decode(&state, &[0b0000_0011, 0xff]), Ok(Value::Text("3".into())));
    let mut flags = mapped("input", 0, DataType::U32);
    flags.conversion.names = Names::Bits([(0, "alarm".into()), (31, "test".into())].into());
    assert_eq!(decode(&flags, &[0x80, 0, 0, 1]), Ok(Value::Text("alarm,test".into())));
    let mut contact = mapped("discrete", 0, DataType::Bool);
    contact.conversion.names = Names::Numbers([(0, "shut".into()), (1, "open".into())].into());
    assert_eq!(decode_bit(&contact, true), Ok(Value::Text("open".into())));
}
