//! Points for the tests of this folder.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;

use super::config::{
    Backoff, ByteOrder, Conversion, DataType, Device, Limits, MappedPoint, Mapping, Register, Table, Writing,
};
use crate::model::{Access, DeviceId, Point, PointName, PointType};

pub(super) const ABCD: ByteOrder = ByteOrder { two: [0, 1], four: [0, 1, 2, 3], eight: [0, 1, 2, 3, 4, 5, 6, 7] };
pub(super) const CDAB: ByteOrder = ByteOrder { two: [0, 1], four: [2, 3, 0, 1], eight: [6, 7, 4, 5, 2, 3, 0, 1] };
pub(super) const BADC: ByteOrder = ByteOrder { two: [1, 0], four: [1, 0, 3, 2], eight: [1, 0, 3, 2, 5, 4, 7, 6] };
pub(super) const DCBA: ByteOrder = ByteOrder { two: [1, 0], four: [3, 2, 1, 0], eight: [7, 6, 5, 4, 3, 2, 1, 0] };

/// A point of device `meter-1` that can be read and written, named after its place: `u16` at `input:0` is `input-0`.
pub(super) fn mapped(table: &str, offset: u16, data: DataType) -> MappedPoint {
    let kind = match data {
        DataType::Bool => PointType::Bool,
        DataType::F16 | DataType::F32 | DataType::F64 => PointType::Float,
        DataType::String(_) => PointType::Text,
        _ => PointType::Int,
    };
    let name = PointName::new(&format!("{table}-{offset}")).unwrap();
    let mut point = Point::new(DeviceId::new("meter-1").unwrap(), name, kind, None);
    point.access = Access::Rw;
    let table = match table {
        "coil" => Table::Coil,
        "discrete" => Table::Discrete,
        "input" => Table::Input,
        _ => Table::Holding,
    };
    let mapping = Mapping {
        register: Register { table, offset },
        data,
        order: ABCD,
        conversion: Conversion::default(),
        writing: Writing::default(),
        poll: Duration::from_secs(1),
    };
    MappedPoint { point: Arc::new(point), mapping: Arc::new(mapping) }
}

/// Device `meter-1`, unit 1.
pub(super) fn device(points: Vec<MappedPoint>) -> Device {
    Device {
        id: DeviceId::new("meter-1").unwrap(),
        unit: 1,
        timeout: Duration::from_secs(1),
        retries: 0,
        pause: Duration::ZERO,
        backoff: Backoff { after: 3, min: Duration::from_secs(1), max: Duration::from_secs(10) },
        sunspec: Vec::new(),
        limits: Limits::default(),
        points,
        groups: Vec::new(),
    }
}

/// Every order: the usual ones, and any eight letters.
pub(super) fn any_order() -> impl Strategy<Value = ByteOrder> {
    let letters = Just("ABCDEFGH".chars().collect::<Vec<_>>()).prop_shuffle();
    prop_oneof![
        proptest::sample::select(vec!["AB", "BA", "ABCD", "CDAB", "BADC", "DCBA"]).prop_map(str::to_owned),
        letters.prop_map(|letters| letters.into_iter().collect()),
    ]
    .prop_map(|text| text.parse().unwrap())
}

/// Every type.
pub(super) fn any_type() -> impl Strategy<Value = DataType> {
    prop_oneof![
        proptest::sample::select(vec![
            DataType::Bool,
            DataType::I8l,
            DataType::I8h,
            DataType::I16,
            DataType::U16,
            DataType::I32,
            DataType::U32,
            DataType::I64,
            DataType::U64,
            DataType::F16,
            DataType::F32,
            DataType::F64,
            DataType::Bcd16,
            DataType::Bcd32,
        ]),
        (1..16u16).prop_map(DataType::String),
        (0..64u8)
            .prop_flat_map(|from| (Just(from), 1..=64 - from))
            .prop_map(|(from, len)| DataType::Bits { from, len }),
    ]
}
