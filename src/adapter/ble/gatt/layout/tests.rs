use proptest::prelude::*;

use super::*;
use crate::model::{DeviceId, Domain, PointName};

fn layout(kind: Kind) -> Layout {
    Layout { kind, at: 0, is_big_endian: false, scale: 1.0, offset: 0.0, invalid: Vec::new() }
}

fn point() -> Point {
    let (device, name) = (DeviceId::new("d").unwrap(), PointName::new("p").unwrap());
    Point { domain: Domain::within(Some(-1e6), Some(1e6)), ..Point::new(device, name, PointType::Float, None) }
}

#[test]
fn values_lie_in_bytes_as_the_layout_says() {
    let decode = |layout: &Layout, bytes: &[u8]| layout.decode(bytes, &point());
    let temperature = Layout { scale: 0.01, invalid: vec![-0x8000], ..layout(Kind::Signed(2)) };

    assert_eq!(decode(&layout(Kind::Unsigned(1)), &[87]), Ok(Value::Int(87)));
    assert_eq!(decode(&temperature, &[0xCA, 0x09]), Ok(Value::Float(25.06)));
    assert_eq!(decode(&temperature, &[0x9C, 0xFF]), Ok(Value::Float(-1.0)));
    assert_eq!(decode(&temperature, &[0x00, 0x80]), Err(NoValue::NotAvailable));
    assert_eq!(decode(&temperature, &[0x00]), Err(NoValue::Decode));
    let later = Layout { at: 1, is_big_endian: true, ..layout(Kind::Unsigned(3)) };
    assert_eq!(decode(&later, &[9, 0, 1, 2]), Ok(Value::Int(258)));
    assert_eq!(decode(&layout(Kind::F32), &230.1_f32.to_le_bytes()), Ok(Value::Float(230.1)));
    assert_eq!(decode(&layout(Kind::F64), &f64::NAN.to_le_bytes()), Err(NoValue::NotAvailable));
    assert_eq!(decode(&layout(Kind::Text), b"ab\0\0"), Ok(Value::Text("ab".into())));
    assert_eq!(decode(&layout(Kind::Text), &[0xFF]), Err(NoValue::Decode));
    assert_eq!(decode(&layout(Kind::Unsigned(8)), &[0xFF; 8]), Err(NoValue::OutOfRange));
    assert_eq!(decode(&Layout { at: 5, ..layout(Kind::Bytes) }, &[1]), Err(NoValue::Decode));
}

#[test]
fn what_does_not_fit_is_refused() {
    let encode = |layout: &Layout, value: Value| layout.encode(&value, &point());
    let tenths = Layout { scale: 0.1, ..layout(Kind::Unsigned(1)) };

    assert_eq!(encode(&tenths, Value::Float(21.5)), Ok(vec![215]));
    assert_eq!(encode(&tenths, Value::Float(25.6)), Err(EncodeError::Fit(Value::Float(25.6))));
    assert_eq!(encode(&tenths, Value::Float(-0.1)), Err(EncodeError::Fit(Value::Float(-0.1))));
    assert_eq!(encode(&layout(Kind::Bool), Value::Bool(true)), Ok(vec![1]));
    assert_eq!(encode(&layout(Kind::Bool), Value::Int(1)), Err(EncodeError::Type(Value::Int(1))));
    assert_eq!(encode(&layout(Kind::Signed(2)), Value::Int(-2)), Ok(vec![0xFE, 0xFF]));
    assert_eq!(
        encode(&layout(Kind::Signed(2)), Value::Int(2_000_000)),
        Err(EncodeError::OutOfRange(Value::Int(2_000_000)))
    );
    assert_eq!(encode(&layout(Kind::F32), Value::Float(1.5)), Ok(1.5_f32.to_le_bytes().to_vec()));
    assert_eq!(encode(&layout(Kind::Text), Value::Text("ab".into())), Ok(b"ab".to_vec()));
}

proptest! {
    #[test]
    fn what_was_written_reads_back(number in -30_000_i64..30_000, is_big_endian: bool, tenths: bool) {
        let scale = if tenths { 0.1 } else { 1.0 };
        let layout = Layout { is_big_endian, scale, ..layout(Kind::Signed(3)) };
        let bytes = number.to_be_bytes();
        let ordered = layout.ordered(&bytes[5..]);

        let value = layout.decode(&ordered, &point()).unwrap();

        prop_assert_eq!(layout.encode(&value, &point()).unwrap(), ordered);
    }

    #[test]
    fn no_bytes_panic(kind in 0..9_usize, at in 0..4_usize, bytes in prop::collection::vec(any::<u8>(), 0..12)) {
        let kinds = [
            Kind::Bool, Kind::Unsigned(1), Kind::Unsigned(3), Kind::Unsigned(8), Kind::Signed(8), Kind::F32,
            Kind::F64, Kind::Text, Kind::Bytes,
        ];
        let layout = Layout { at, scale: 0.01, ..layout(kinds[kind]) };
        if let Ok(value) = layout.decode(&bytes, &point()) {
            let _ = layout.encode(&value, &point());
        }
    }
}
