//! The alarms of a security zone: which bit means what depends on the type of the zone (ZCL, 8.2).

use super::{Finding, Known, Missing};
use crate::{
    adapter::zigbee::{
        address::{Attribute, Cluster},
        zcl::{Content, Value as Raw},
    },
    model::{Quantity, Value},
};

/// IAS zone.
pub const CLUSTER: Cluster = Cluster(0x0500);
/// What kind of zone it is.
pub const TYPE: Attribute = Attribute(0x0001);
/// Its alarms.
pub const STATUS: Attribute = Attribute(0x0002);

/// The command by which a zone tells a change (ZCL, 8.2.2.4.1).
const STATUS_CHANGE: u8 = 0x00;

/// Bits that mean the same for every zone; not every device sets those it does not have, so that false is told too.
const COMMON: [(u64, Quantity); 3] =
    [(1 << 2, Quantity::Tamper), (1 << 3, Quantity::BatteryLow), (1 << 6, Quantity::Problem)];

/// First alarm.
const ALARM_1: u64 = 1;
/// Second alarm.
const ALARM_2: u64 = 2;

/// Bits and what they mean.
type Alarms = &'static [(u64, Quantity)];

/// What the alarms of a type of zone mean (ZCL, table 8-5).
const TYPES: &[(i128, Alarms)] = &[
    (0x000d, &[(ALARM_1, Quantity::Motion), (ALARM_2, Quantity::Presence)]),
    (0x0015, &[(ALARM_1 | ALARM_2, Quantity::Opening)]),
    (0x0028, &[(ALARM_1, Quantity::Smoke)]),
    (0x002a, &[(ALARM_1, Quantity::WaterLeak)]),
    (0x002b, &[(ALARM_1, Quantity::CarbonMonoxide)]),
    (0x002c, &[(ALARM_1 | ALARM_2, Quantity::Safety)]),
    // The second bit is vibration; most sensors have the first alone, which says that they are moved, and are shaken.
    (0x002d, &[(ALARM_1, Quantity::Moving), (ALARM_1 | ALARM_2, Quantity::Vibration)]),
    (0x0226, &[(ALARM_1, Quantity::Impact)]),
];

/// What the alarm of any other type means.
const OTHER: Alarms = &[(ALARM_1, Quantity::Generic)];

/// What the alarms of a zone mean.
fn alarms(kind: Option<i128>) -> Alarms {
    TYPES.iter().find(|(number, _)| Some(*number) == kind).map_or(OTHER, |(_, alarms)| alarms)
}

/// Whether a zone of some type can give a point. Which type it is, the device tells only later, and a name must not
/// change then: the second zone of a device is counted whatever it is.
pub(super) fn can_give(quantity: Quantity) -> bool {
    let typed = TYPES.iter().flat_map(|(_, alarms)| *alarms);
    typed.chain(OTHER).chain(&COMMON).any(|(_, other)| *other == quantity)
}

/// The points of a zone's status.
pub fn findings(status: &Raw, known: &Known) -> Vec<Finding> {
    match *status.content() {
        Content::Bits(bits) => {
            let alarms = alarms(known.get(CLUSTER, TYPE));
            alarms.iter().chain(&COMMON).map(|(mask, quantity)| finding(*quantity, bits & mask != 0)).collect()
        }
        Content::Invalid => Vec::new(),
        _ => vec![Finding { quantity: Quantity::Generic, nth: 1, value: Err(Missing::Type(status.kind())) }],
    }
}

/// The points of a zone's notification; nothing for other commands, and for one that is too short.
pub fn notification(cluster: Cluster, command: u8, payload: &[u8], known: &Known) -> Vec<Finding> {
    let (CLUSTER, STATUS_CHANGE, [low, high, ..]) = (cluster, command, payload) else { return Vec::new() };
    let bits = u16::from_le_bytes([*low, *high]);
    let status = Raw::bits(crate::adapter::zigbee::zcl::Kind::Bitmap16, bits.into()).expect("16 bits");
    findings(&status, known)
}

/// A point that is true or false.
fn finding(quantity: Quantity, is_set: bool) -> Finding {
    Finding { quantity, nth: 1, value: Ok(Value::Bool(is_set)) }
}
