//! What the Bluetooth SIG says of characteristics.

use crate::adapter::ble::{decode::Uuid, gatt::layout::Kind};

/// What a specification says of a characteristic: its number, type, scale and unit, and what means "not known".
pub(super) type Assigned = (u16, Kind, f64, Option<&'static str>, Option<i64>);

/// Characteristics of the Bluetooth SIG (Assigned Numbers 3.8, GATT Specification Supplement).
const ASSIGNED: &[Assigned] = &[
    (0x2A19, Kind::Unsigned(1), 1.0, Some("%"), None),
    (0x2A6E, Kind::Signed(2), 0.01, Some("Cel"), Some(-0x8000)),
    (0x2A6F, Kind::Unsigned(2), 0.01, Some("%"), Some(0xFFFF)),
    (0x2A6D, Kind::Unsigned(4), 0.001, Some("hPa"), None),
    (0x2A76, Kind::Unsigned(1), 1.0, None, None),
    (0x2AFB, Kind::Unsigned(3), 0.01, Some("lx"), Some(0xFF_FFFF)),
    (0x2B8C, Kind::Unsigned(2), 1.0, Some("[ppm]"), Some(0xFFFF)),
    (0x2A00, Kind::Text, 1.0, None, None),
    (0x2A24, Kind::Text, 1.0, None, None),
    (0x2A25, Kind::Text, 1.0, None, None),
    (0x2A26, Kind::Text, 1.0, None, None),
    (0x2A27, Kind::Text, 1.0, None, None),
    (0x2A28, Kind::Text, 1.0, None, None),
    (0x2A29, Kind::Text, 1.0, None, None),
];

/// What is said of a characteristic.
pub(super) fn of(uuid: Uuid) -> Option<&'static Assigned> {
    ASSIGNED.iter().find(|known| Uuid::short(known.0) == uuid)
}
