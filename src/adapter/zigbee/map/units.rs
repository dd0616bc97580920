//! The units of analog inputs and outputs: their device says which it is set up for, by the numbers of `BACnet`
//! (ZCL, 3.14.11.19; ASHRAE 135, `BACnetEngineeringUnits`). Of one that is not here the number is told without a unit.

use super::Known;
use crate::{
    adapter::zigbee::address::{Attribute, Cluster},
    model::Quantity,
};

/// The attribute that says it.
const UNITS: Attribute = Attribute(0x0075);

/// Points whose unit is the device's to say, and the cluster of each.
const OPEN: [(Quantity, Cluster); 2] =
    [(Quantity::AnalogInput, Cluster(0x000c)), (Quantity::AnalogOutput, Cluster(0x000d))];

/// Numbers of `BACnet`, and words of UCUM.
const WORDS: &[(i128, &str)] = &[
    (0, "m2"),
    (2, "mA"),
    (3, "A"),
    (4, "Ohm"),
    (5, "V"),
    (6, "kV"),
    (8, "V.A"),
    (9, "kV.A"),
    (14, "deg"),
    (16, "J"),
    (17, "kJ"),
    (18, "W.h"),
    (19, "kW.h"),
    (27, "Hz"),
    (29, "%"),
    (30, "mm"),
    (31, "m"),
    (35, "W/m2"),
    (36, "lm"),
    (37, "lx"),
    (39, "kg"),
    (42, "kg/s"),
    (47, "W"),
    (48, "kW"),
    (49, "MW"),
    (53, "Pa"),
    (54, "kPa"),
    (55, "bar"),
    (56, "[psi]"),
    (62, "Cel"),
    (63, "K"),
    (64, "[degF]"),
    (70, "d"),
    (71, "h"),
    (72, "min"),
    (73, "s"),
    (74, "m/s"),
    (75, "km/h"),
    (80, "m3"),
    (82, "L"),
    (85, "m3/s"),
    (87, "L/s"),
    (88, "L/min"),
    (90, "deg"),
    (96, "[ppm]"),
    (97, "[ppb]"),
    (98, "%"),
    (104, "/min"),
    (124, "mV"),
    (132, "mW"),
    (133, "hPa"),
    (135, "m3/h"),
    (136, "L/h"),
];

/// Every attribute that says a unit.
pub(super) fn attributes() -> impl Iterator<Item = (Cluster, Attribute)> {
    OPEN.iter().map(|(_, cluster)| (*cluster, UNITS))
}

/// The unit of a point on an endpoint of which this is known.
pub fn of(quantity: Quantity, known: Option<&Known>) -> Option<&'static str> {
    let said = || {
        let (_, cluster) = OPEN.iter().find(|(open, _)| *open == quantity)?;
        let number = known?.get(*cluster, UNITS)?;
        WORDS.iter().find(|(other, _)| *other == number).map(|(_, word)| *word)
    };
    quantity.unit().or_else(said)
}
