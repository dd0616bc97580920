//! A device of the tests.

use std::{sync::Arc, time::Duration};

use crate::{
    adapter::ble::{
        air::Characteristic,
        config::{Device, GattPoint},
        decode::{Address, Uuid},
        gatt::layout::{Kind, Layout},
    },
    model::{Access, DeviceId, Point, PointName},
};

/// A device with two points that can be read and one that can be written.
pub(in crate::adapter::ble::gatt) fn device() -> Device {
    let id = DeviceId::new("d").unwrap();
    let layout =
        Layout { kind: Kind::Unsigned(1), at: 0, is_big_endian: false, scale: 1.0, offset: 0.0, invalid: Vec::new() };
    let behind = [("a", Access::R), ("b", Access::Rw), ("c", Access::W)].map(|(name, access)| {
        let name = PointName::new(name).unwrap();
        let point = Point { access, ..Point::new(id.clone(), name, layout.point_type(), None) };
        let at = Characteristic { service: Uuid::short(0x180F), uuid: Uuid::short(0x2A19) };
        let (point, layout, poll) = (Arc::new(point), layout.clone(), Duration::from_secs(60));
        GattPoint { point, at, layout, is_confirmed: true, notifies: false, poll }
    });
    Device {
        id,
        address: Address([0xC0, 0, 0, 0, 0, 1]),
        key: None,
        expect: None,
        min_interval: None,
        model: None,
        points: Vec::new(),
        behind: behind.into(),
        stays: false,
        profile: None,
    }
}
