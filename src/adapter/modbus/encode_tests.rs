//! Values that fit, and values that do not.

use proptest::prelude::*;

use super::*;
use crate::{
    adapter::modbus::{
        config::{Conversion, WriteFunction},
        decode::decode,
        fixtures::{any_order, any_type, mapped},
    },
    model::{Access, Domain},
};

#[test]
fn each_table_has_its_function() {
    let coil = encode(&mapped("coil", 3, DataType::Bool), &Value::Bool(true));
    assert_eq!(coil, Ok(Request::WriteCoil { address: 3, on: true }));
    let one = encode(&mapped("holding", 4, DataType::I16), &Value::Int(-2));
    assert_eq!(one, Ok(Request::WriteRegister { address: 4, value: 0xfffe }));
    let two = encode(&mapped("holding", 5, DataType::U32), &Value::Int(0x0001_0002));
    assert_eq!(two, Ok(Request::WriteRegisters { start: 5, values: vec![1, 2] }));
    assert_eq!(encode(&mapped("input", 5, DataType::U16), &Value::Int(1)), Err(EncodeError::ReadOnly));
}

#[test]
fn a_scaled_value_is_rounded_to_the_nearest_step() {
    let mut point = mapped("holding", 0, DataType::U16);
    point.conversion.scale = 0.1;
    let written = |value| encode(&point, &Value::Float(value));
    assert_eq!(written(230.1), Ok(Request::WriteRegister { address: 0, value: 2301 }));
    assert_eq!(written(230.149), Ok(Request::WriteRegister { address: 0, value: 2301 }));
    assert_eq!(written(-0.1), Err(EncodeError::Fit("-0.1".into())));
}

#[test]
fn what_does_not_fit_is_refused() {
    let fit = |data, value| encode(&mapped("holding", 0, data), &value).unwrap_err().to_string();
    assert_eq!(fit(DataType::U16, Value::Int(65536)), "65536 does not fit the point's registers");
    assert_eq!(fit(DataType::Bcd16, Value::Int(10_000)), "10000 does not fit the point's registers");
    assert_eq!(fit(DataType::F16, Value::Float(65520.0)), "65520 does not fit the point's registers");
    assert_eq!(fit(DataType::String(2), Value::Text("abc".into())), "abc does not fit the point's registers");
    assert_eq!(fit(DataType::U16, Value::Text("abc".into())), "abc is not of the point's type");
}

#[test]
fn parts_limits_and_read_only_points_are_refused() {
    for data in [DataType::Bits { from: 1, len: 2 }, DataType::Bits { from: 15, len: 2 }, DataType::I8l] {
        assert_eq!(encode(&mapped("holding", 0, data), &Value::Int(1)), Err(EncodeError::Part));
    }
    assert_eq!(encode(&masked(DataType::Bits { from: 15, len: 2 }), &Value::Int(1)), Err(EncodeError::Part));
    let mut limited = mapped("holding", 0, DataType::U16);
    std::sync::Arc::get_mut(&mut limited.point).unwrap().domain = Domain::within(None, Some(50.0));
    assert_eq!(encode(&limited, &Value::Int(51)), Err(EncodeError::OutOfRange("51".into())));
    std::sync::Arc::get_mut(&mut limited.point).unwrap().access = Access::R;
    assert_eq!(encode(&limited, &Value::Int(1)), Err(EncodeError::ReadOnly));
}

fn wire(request: &Request) -> Vec<u8> {
    match request {
        Request::WriteRegister { value, .. } => value.to_be_bytes().to_vec(),
        Request::WriteRegisters { values, .. } => values.iter().flat_map(|word| word.to_be_bytes()).collect(),
        other => panic!("{other:?} writes no registers"),
    }
}

/// What a register that held `before` holds after a request.
fn after(before: u16, request: &Request) -> u16 {
    match *request {
        Request::MaskWrite { and, or, .. } => before & and | or & !and,
        Request::WriteRegister { value, .. } => value,
        ref other => panic!("{other:?} writes more than one register"),
    }
}

/// A point of this type that is written with a mask.
fn masked(data: DataType) -> MappedPoint {
    let mut point = mapped("holding", 3, data);
    point.writing.function = WriteFunction::Mask;
    point
}

#[test]
fn the_function_can_be_chosen() {
    let mut register = mapped("holding", 3, DataType::U16);
    register.writing.function = WriteFunction::Multiple;
    assert_eq!(encode(&register, &Value::Int(7)), Ok(Request::WriteRegisters { start: 3, values: vec![7] }));
    let mut coil = mapped("coil", 3, DataType::Bool);
    coil.writing.function = WriteFunction::Multiple;
    assert_eq!(encode(&coil, &Value::Bool(true)), Ok(Request::WriteCoils { start: 3, values: vec![true] }));
}

#[test]
fn a_mask_names_only_the_bits_of_the_point() {
    let bits = masked(DataType::Bits { from: 4, len: 3 });
    assert_eq!(encode(&bits, &Value::Int(5)), Ok(Request::MaskWrite { address: 3, and: 0xff8f, or: 0x50 }));
    assert_eq!(encode(&bits, &Value::Int(8)), Err(EncodeError::Fit("8".into())));
    let high = masked(DataType::I8h);
    assert_eq!(encode(&high, &Value::Int(-2)), Ok(Request::MaskWrite { address: 3, and: 0x00ff, or: 0xfe00 }));
    assert_eq!(encode(&high, &Value::Int(128)), Err(EncodeError::Fit("128".into())));
    let mut swapped = masked(DataType::I8l);
    swapped.order = "BA".parse().unwrap();
    assert_eq!(encode(&swapped, &Value::Int(1)), Ok(Request::MaskWrite { address: 3, and: 0x00ff, or: 0x0100 }));
}

#[test]
fn flags_leave_the_bits_without_a_name_alone() {
    let mut flags = masked(DataType::U16);
    flags.conversion.names = Names::Bits([(0, "fan".into()), (9, "pump".into())].into());
    let both = Request::MaskWrite { address: 3, and: 0xfdfe, or: 0x0201 };
    assert_eq!(encode(&flags, &Value::Text("pump,fan".into())), Ok(both));
    assert_eq!(encode(&flags, &Value::Text("".into())), Ok(Request::MaskWrite { address: 3, and: 0xfdfe, or: 0 }));
    let unknown = encode(&flags, &Value::Text("pump,fam".into())).unwrap_err();
    assert_eq!(unknown.to_string(), "\"pump,fam\" is none of the point's names: fan, pump");
}

#[test]
fn a_state_is_written_by_its_name_only() {
    let mut state = mapped("holding", 0, DataType::U16);
    state.conversion.names = Names::Numbers([(0, "off".into()), (4, "auto".into())].into());
    assert_eq!(encode(&state, &Value::Text("auto".into())), Ok(Request::WriteRegister { address: 0, value: 4 }));
    let unknown = encode(&state, &Value::Text("4".into())).unwrap_err();
    assert_eq!(unknown.to_string(), "\"4\" is none of the point's names: off, auto");
    let mut coil = mapped("coil", 0, DataType::Bool);
    coil.conversion.names = Names::Numbers([(0, "shut".into()), (1, "open".into())].into());
    assert_eq!(encode(&coil, &Value::Text("open".into())), Ok(Request::WriteCoil { address: 0, on: true }));
}

#[test]
fn a_value_that_would_read_as_no_value_is_refused() {
    let mut point = mapped("holding", 0, DataType::U16);
    point.conversion = Conversion { scale: 0.1, invalid: vec![0xffff], ..Conversion::default() };
    assert_eq!(encode(&point, &Value::Float(6553.5)), Err(EncodeError::Marker("6553.5".into())));
    assert_eq!(encode(&point, &Value::Float(6553.4)), Ok(Request::WriteRegister { address: 0, value: 0xfffe }));
}

#[test]
fn members_side_by_side_go_out_in_one_request() {
    let (float, int) = (mapped("holding", 10, DataType::F32), mapped("holding", 12, DataType::I16));
    let together = encode_all(&[(&float, Value::Float(1.0)), (&int, Value::Int(-1))]);
    assert_eq!(together, Ok(Request::WriteRegisters { start: 10, values: vec![0x3f80, 0, 0xffff] }));
    let coils = [mapped("coil", 5, DataType::Bool), mapped("coil", 6, DataType::Bool)];
    let together = encode_all(&[(&coils[0], Value::Bool(true)), (&coils[1], Value::Bool(false))]);
    assert_eq!(together, Ok(Request::WriteCoils { start: 5, values: vec![true, false] }));
    let misfit = encode_all(&[(&float, Value::Float(1.0)), (&int, Value::Int(40_000))]);
    assert_eq!(misfit, Err(EncodeError::Fit("40000".into())));
}

proptest! {
    #[test]
    fn what_was_decoded_encodes_to_the_same_value(
        data in any_type(), order in any_order(), bytes in proptest::collection::vec(any::<u8>(), 32),
        scale in proptest::sample::select(vec![1.0, 0.1, 0.001, 10.0]),
        offset in proptest::sample::select(vec![0.0, -40.0, 12.5]),
    ) {
        let mut point = mapped("holding", 0, data);
        point.order = order;
        let is_narrow = registers(data) <= 2 && !matches!(data, DataType::String(_) | DataType::F32 | DataType::F16);
        if is_narrow {
            (point.conversion.scale, point.conversion.offset) = (scale, offset);
        }
        // What is a part of several registers is read only.
        prop_assume!(!is_part(data) || registers(data) == 1);
        let is_part = is_part(data) || matches!(data, DataType::Bits { len: 16, .. });
        if is_part {
            point.writing.function = WriteFunction::Mask;
        }
        let read = decode(&point, &bytes[..usize::from(registers(data)) * 2]);
        prop_assume!(read.is_ok());
        let value = read.unwrap();
        let request = encode(&point, &value).unwrap();
        if is_part {
            let before = u16::from_be_bytes([bytes[0], bytes[1]]);
            prop_assert_eq!(after(before, &request), before);
            prop_assert_eq!(written(&point, &request), Ok(value));
        } else {
            prop_assert_eq!(decode(&point, &wire(&request)), Ok(value.clone()));
            prop_assert_eq!(written(&point, &request), Ok(value));
        }
    }

    #[test]
    fn integers_of_every_order_are_the_bytes_that_were_read(
        order in any_order(), bytes in proptest::collection::vec(any::<u8>(), 8),
        data in proptest::sample::select(vec![
            DataType::U16, DataType::I16, DataType::U32, DataType::I32, DataType::U64, DataType::I64,
        ]),
    ) {
        let mut point = mapped("holding", 0, data);
        point.order = order;
        let read = &bytes[..usize::from(registers(data)) * 2];
        let value = decode(&point, read).unwrap();
        prop_assert_eq!(wire(&encode(&point, &value).unwrap()), read);
    }
}
