//! The rules themselves, by cluster (Zigbee Cluster Library 8, 07-5123; clauses are those of the cluster's server attributes).

use super::{Rule, rule};
use crate::{
    adapter::zigbee::{
        address::Attribute,
        map::form::{Form, Ratio, Wish},
    },
    model::Quantity as Q,
};

/// A number as it is.
const PLAIN: Form = by(1, 1);

/// A number times a fraction.
const fn by(numerator: i128, denominator: i128) -> Form {
    Form::Number(Ratio(numerator, denominator))
}

/// A number times one attribute, over another.
const fn scaled(multiplier: u16, divisor: u16) -> Form {
    Form::Scaled { multiplier: Attribute(multiplier), divisor: Attribute(divisor) }
}

/// Volts of every phase (ZCL, 4.9.2.2.7).
const AC_VOLTAGE: Form = scaled(0x0600, 0x0601);
/// Amperes of every phase, and of the neutral conductor.
const AC_CURRENT: Form = scaled(0x0602, 0x0603);
/// Watts, var and VA of every phase.
const AC_POWER: Form = scaled(0x0604, 0x0605);

/// System modes of a thermostat (ZCL, 6.3.2.2.2.15).
pub(in super::super) const SYSTEM_MODES: &[(u8, &str)] = &[
    (0, "off"),
    (1, "auto"),
    (3, "cool"),
    (4, "heat"),
    (5, "emergency_heat"),
    (6, "precool"),
    (7, "fan_only"),
    (8, "dry"),
    (9, "sleep"),
];

/// Modes of a fan (ZCL, 6.4.2.2.1).
pub(in super::super) const FAN_MODES: &[(u8, &str)] =
    &[(0, "off"), (1, "low"), (2, "medium"), (3, "high"), (4, "on"), (5, "auto"), (6, "smart")];

/// Not fully locked and unlocked are unlocked (ZCL, 7.3.2.2.1.1).
const LOCK_STATES: &[(u8, bool)] = &[(0, true), (1, false), (2, true)];

/// Open and forced open are open; of jammed nobody knows (ZCL, 7.3.2.2.1.4).
const DOOR_STATES: &[(u8, bool)] = &[(0, true), (1, false), (3, true)];

/// Commands of a window covering (ZCL, 7.4.2.2).
const MOVEMENTS: &[(u8, &str)] = &[(0, "open"), (1, "close"), (2, "stop")];

/// Every rule, by cluster.
pub const RULES: &[Rule] = &[
    // Basic: the build of the firmware.
    rule(0x0000, 0x4000, Q::Firmware, Form::Text),
    // Power configuration: volts in tenths, percent in halves, mains in half hertz (3.3.2.2).
    rule(0x0001, 0x0000, Q::MainsVoltage, by(1, 10)),
    rule(0x0001, 0x0001, Q::Frequency, by(1, 2)).within(1, 0xfd),
    rule(0x0001, 0x0020, Q::BatteryVoltage, by(1, 10)),
    rule(0x0001, 0x0021, Q::Battery, by(1, 2)).within(0, 200),
    rule(0x0001, 0x003e, Q::BatteryLow, Form::Bits(0x0000_000f)),
    rule(0x0001, 0x0040, Q::BatteryVoltage, by(1, 10)).nth(2),
    rule(0x0001, 0x0041, Q::Battery, by(1, 2)).within(0, 200).nth(2),
    // Device temperature, in whole degrees (3.4.2.2).
    rule(0x0002, 0x0000, Q::DeviceTemperature, PLAIN).within(-200, 200),
    rule(0x0006, 0x0000, Q::On, Form::Switch).writable(),
    rule(0x0008, 0x0000, Q::Brightness, PLAIN).within(0, 254).writable(),
    // Inputs and outputs (3.14).
    rule(0x000c, 0x0055, Q::AnalogInput, PLAIN),
    rule(0x000d, 0x0055, Q::AnalogOutput, PLAIN).writable(),
    rule(0x000f, 0x0055, Q::Input, Form::Switch),
    rule(0x0010, 0x0055, Q::Output, Form::Switch).writable(),
    rule(0x0012, 0x0055, Q::State, PLAIN),
    rule(0x0013, 0x0055, Q::OutputState, PLAIN).writable(),
    // Door lock and window covering (7.3, 7.4): the covering counts how far it is closed; that it has a type says that it can
    // be told to move.
    rule(0x0101, 0x0000, Q::Lock, Form::States(LOCK_STATES)).writable(),
    rule(0x0101, 0x0003, Q::Door, Form::States(DOOR_STATES)),
    rule(0x0102, 0x0000, Q::Movement, Form::Wish(Wish::Words(MOVEMENTS))).writable(),
    rule(0x0102, 0x0008, Q::Position, Form::Remaining).within(0, 100).writable(),
    rule(0x0102, 0x0009, Q::TiltPosition, Form::Remaining).within(0, 100).writable(),
    // Thermostat (6.3): hundredths of a degree; its offset in tenths.
    rule(0x0201, 0x0000, Q::Temperature, by(1, 100)).within(-27_315, 32_767),
    rule(0x0201, 0x0001, Q::OutdoorTemperature, by(1, 100)).within(-27_315, 32_767),
    rule(0x0201, 0x0002, Q::Occupancy, Form::Bits(1)),
    rule(0x0201, 0x0007, Q::CoolingDemand, PLAIN).within(0, 100),
    rule(0x0201, 0x0008, Q::HeatingDemand, PLAIN).within(0, 100),
    rule(0x0201, 0x0010, Q::TemperatureOffset, by(1, 10)).writable(),
    rule(0x0201, 0x0011, Q::CoolingSetpoint, by(1, 100)).within(-27_315, 32_767).writable(),
    rule(0x0201, 0x0012, Q::Setpoint, by(1, 100)).within(-27_315, 32_767).writable(),
    rule(0x0201, 0x001c, Q::Mode, Form::Words(SYSTEM_MODES)).writable(),
    rule(0x0201, 0x0029, Q::Heating, Form::Bits(0x0009)),
    rule(0x0201, 0x0029, Q::Cooling, Form::Bits(0x0012)),
    rule(0x0202, 0x0000, Q::FanMode, Form::Words(FAN_MODES)).writable(),
    // Colour (5.2): hue and saturation of 254 parts, x and y of 65 536, temperature in mireds.
    rule(0x0300, 0x0000, Q::Hue, PLAIN).within(0, 254).writable(),
    rule(0x0300, 0x0001, Q::Saturation, PLAIN).within(0, 254).writable(),
    rule(0x0300, 0x0003, Q::ColorX, by(1, 65_536)).within(0, 0xfeff),
    rule(0x0300, 0x0003, Q::Color, Form::Wish(Wish::Color)).writable(),
    rule(0x0300, 0x0004, Q::ColorY, by(1, 65_536)).within(0, 0xfeff),
    rule(0x0300, 0x0007, Q::ColorTemperature, PLAIN).within(1, 0xfeff).writable(),
    rule(0x0300, 0x4000, Q::EnhancedHue, PLAIN).within(0, 0xfffe).writable(),
    // Measurement (4.2 to 4.8, 4.13).
    rule(0x0400, 0x0000, Q::Illuminance, Form::Illuminance),
    rule(0x0402, 0x0000, Q::Temperature, by(1, 100)).within(-27_315, 32_767),
    rule(0x0403, 0x0000, Q::Pressure, PLAIN),
    rule(0x0403, 0x0010, Q::Pressure, Form::PowerOfTen),
    rule(0x0404, 0x0000, Q::FlowRate, by(1, 10)),
    rule(0x0405, 0x0000, Q::Humidity, by(1, 100)).within(0, 10_000),
    rule(0x0406, 0x0000, Q::Occupancy, Form::Bits(1)),
    rule(0x0408, 0x0000, Q::Moisture, by(1, 100)).within(0, 10_000),
    // Concentrations are parts of one, except that every device tells its fine dust in µg/m³.
    rule(0x040d, 0x0000, Q::Co2, by(1_000_000, 1)),
    rule(0x042a, 0x0000, Q::Pm25, PLAIN),
    // Sirens (8.4): how long one may sound at most says that there is one.
    rule(0x0502, 0x0000, Q::Siren, Form::Wish(Wish::Switch)).writable(),
    // Metering (10.4): the meter tells its unit.
    rule(0x0702, 0x0000, Q::Energy, Form::Summation),
    rule(0x0702, 0x0001, Q::EnergyProduced, Form::Summation),
    rule(0x0702, 0x0400, Q::Power, Form::Demand),
    // Electrical measurement (4.9): what is direct, what all phases have in common, then phase after phase.
    rule(0x0b04, 0x0100, Q::DcVoltage, scaled(0x0200, 0x0201)),
    rule(0x0b04, 0x0103, Q::DcCurrent, scaled(0x0202, 0x0203)),
    rule(0x0b04, 0x0106, Q::DcPower, scaled(0x0204, 0x0205)),
    rule(0x0b04, 0x0300, Q::Frequency, scaled(0x0400, 0x0401)),
    rule(0x0b04, 0x0303, Q::NeutralCurrent, AC_CURRENT),
    rule(0x0b04, 0x0304, Q::TotalPower, Form::Total),
    rule(0x0b04, 0x0305, Q::TotalReactivePower, Form::Total),
    rule(0x0b04, 0x0306, Q::TotalApparentPower, Form::Total),
    rule(0x0b04, 0x0505, Q::Voltage, AC_VOLTAGE),
    rule(0x0b04, 0x0508, Q::Current, AC_CURRENT),
    rule(0x0b04, 0x050b, Q::Power, AC_POWER),
    rule(0x0b04, 0x050e, Q::ReactivePower, AC_POWER),
    rule(0x0b04, 0x050f, Q::ApparentPower, AC_POWER),
    rule(0x0b04, 0x0510, Q::PowerFactor, by(1, 100)).within(-100, 100),
    rule(0x0b04, 0x0905, Q::VoltageB, AC_VOLTAGE),
    rule(0x0b04, 0x0908, Q::CurrentB, AC_CURRENT),
    rule(0x0b04, 0x090b, Q::PowerB, AC_POWER),
    rule(0x0b04, 0x090e, Q::ReactivePowerB, AC_POWER),
    rule(0x0b04, 0x090f, Q::ApparentPowerB, AC_POWER),
    rule(0x0b04, 0x0910, Q::PowerFactorB, by(1, 100)).within(-100, 100),
    rule(0x0b04, 0x0a05, Q::VoltageC, AC_VOLTAGE),
    rule(0x0b04, 0x0a08, Q::CurrentC, AC_CURRENT),
    rule(0x0b04, 0x0a0b, Q::PowerC, AC_POWER),
    rule(0x0b04, 0x0a0e, Q::ReactivePowerC, AC_POWER),
    rule(0x0b04, 0x0a0f, Q::ApparentPowerC, AC_POWER),
    rule(0x0b04, 0x0a10, Q::PowerFactorC, by(1, 100)).within(-100, 100),
];

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::{adapter::zigbee::zcl::table, testing::page::assert_shows};

    /// The table as Markdown.
    fn page_table() -> String {
        let mut text = "| cluster | attribute | point | unit | access |\n|---|---|---|---|---|\n".to_owned();
        for rule in RULES {
            let cluster = table::cluster(rule.cluster).unwrap();
            let attribute = cluster.attribute(rule.attribute, None).unwrap().name;
            let unit = rule.quantity.unit().map(|unit| format!("`{unit}`")).unwrap_or_default();
            let (id, point, access) = (rule.cluster, rule.quantity.point(rule.nth), rule.access.as_str());
            writeln!(text, "| `{id}` {} | {attribute} | `{point}` | {unit} | {access} |", cluster.name).unwrap();
        }
        text
    }

    #[test]
    fn the_page_shows_the_table() {
        let lines = ("<!-- clusters: made from the code -->\n", "<!-- end of clusters -->\n");
        assert_shows("docs/zigbee.md", lines, &page_table());
    }
}
