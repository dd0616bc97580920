//! What BTHome's objects are: the numbers of <https://bthome.io/format>, and the words of its events.

use crate::model::Quantity;

/// How the bytes of an object are read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// Without sign: bytes, a factor, and the decimal digits of the product.
    Unsigned(usize, i64, usize),
    /// With sign.
    Signed(usize, i64, usize),
    /// One byte, not zero is true.
    Switch,
    /// Seconds since 1970 in four bytes.
    Time,
    /// A length and text.
    Text,
    /// A length and bytes.
    Raw,
    /// What was done with a button.
    Button,
    /// What was done with a dimmer, and by how many steps.
    Dimmer,
    /// A length in five bits, a command, and arguments.
    Command,
    /// Parts of a version, the last first.
    Version(usize),
}

/// Number, quantity and form, in the order of the specification.
const OBJECTS: &[(u8, Quantity, Form)] = {
    use Form::{Button, Command, Dimmer, Raw, Signed, Switch, Text, Time, Unsigned, Version};
    use Quantity as Q;
    &[
        (0x00, Q::PacketId, Unsigned(1, 1, 0)),
        (0x01, Q::Battery, Unsigned(1, 1, 0)),
        (0x02, Q::Temperature, Signed(2, 1, 2)),
        (0x03, Q::Humidity, Unsigned(2, 1, 2)),
        (0x04, Q::Pressure, Unsigned(3, 1, 2)),
        (0x05, Q::Illuminance, Unsigned(3, 1, 2)),
        (0x06, Q::Weight, Unsigned(2, 1, 2)),
        (0x07, Q::WeightPounds, Unsigned(2, 1, 2)),
        (0x08, Q::DewPoint, Signed(2, 1, 2)),
        (0x09, Q::Count, Unsigned(1, 1, 0)),
        (0x0A, Q::Energy, Unsigned(3, 1, 3)),
        (0x0B, Q::Power, Unsigned(3, 1, 2)),
        (0x0C, Q::Voltage, Unsigned(2, 1, 3)),
        (0x0D, Q::Pm25, Unsigned(2, 1, 0)),
        (0x0E, Q::Pm10, Unsigned(2, 1, 0)),
        (0x0F, Q::Generic, Switch),
        (0x10, Q::On, Switch),
        (0x11, Q::Opening, Switch),
        (0x12, Q::Co2, Unsigned(2, 1, 0)),
        (0x13, Q::Voc, Unsigned(2, 1, 0)),
        (0x14, Q::Moisture, Unsigned(2, 1, 2)),
        (0x15, Q::BatteryLow, Switch),
        (0x16, Q::BatteryCharging, Switch),
        (0x17, Q::CarbonMonoxide, Switch),
        (0x18, Q::Cold, Switch),
        (0x19, Q::Connectivity, Switch),
        (0x1A, Q::Door, Switch),
        (0x1B, Q::GarageDoor, Switch),
        (0x1C, Q::GasDetected, Switch),
        (0x1D, Q::Heat, Switch),
        (0x1E, Q::Light, Switch),
        (0x1F, Q::Lock, Switch),
        (0x20, Q::WaterLeak, Switch),
        (0x21, Q::Motion, Switch),
        (0x22, Q::Moving, Switch),
        (0x23, Q::Occupancy, Switch),
        (0x24, Q::Plug, Switch),
        (0x25, Q::Presence, Switch),
        (0x26, Q::Problem, Switch),
        (0x27, Q::Running, Switch),
        (0x28, Q::Safety, Switch),
        (0x29, Q::Smoke, Switch),
        (0x2A, Q::Sound, Switch),
        (0x2B, Q::Tamper, Switch),
        (0x2C, Q::Vibration, Switch),
        (0x2D, Q::Window, Switch),
        (0x2E, Q::Humidity, Unsigned(1, 1, 0)),
        (0x2F, Q::Moisture, Unsigned(1, 1, 0)),
        (0x3A, Q::Button, Button),
        (0x3B, Q::Command, Command),
        (0x3C, Q::Dimmer, Dimmer),
        (0x3D, Q::Count, Unsigned(2, 1, 0)),
        (0x3E, Q::Count, Unsigned(4, 1, 0)),
        (0x3F, Q::Rotation, Signed(2, 1, 1)),
        (0x40, Q::DistanceMm, Unsigned(2, 1, 0)),
        (0x41, Q::Distance, Unsigned(2, 1, 1)),
        (0x42, Q::Duration, Unsigned(3, 1, 3)),
        (0x43, Q::Current, Unsigned(2, 1, 3)),
        (0x44, Q::Speed, Unsigned(2, 1, 2)),
        (0x45, Q::Temperature, Signed(2, 1, 1)),
        (0x46, Q::UvIndex, Unsigned(1, 1, 1)),
        (0x47, Q::Volume, Unsigned(2, 1, 1)),
        (0x48, Q::VolumeMl, Unsigned(2, 1, 0)),
        (0x49, Q::FlowRate, Unsigned(2, 1, 3)),
        (0x4A, Q::Voltage, Unsigned(2, 1, 1)),
        (0x4B, Q::Gas, Unsigned(3, 1, 3)),
        (0x4C, Q::Gas, Unsigned(4, 1, 3)),
        (0x4D, Q::Energy, Unsigned(4, 1, 3)),
        (0x4E, Q::Volume, Unsigned(4, 1, 3)),
        (0x4F, Q::Water, Unsigned(4, 1, 3)),
        (0x50, Q::Timestamp, Time),
        (0x51, Q::Acceleration, Unsigned(2, 1, 3)),
        (0x52, Q::Gyroscope, Unsigned(2, 1, 3)),
        (0x53, Q::Text, Text),
        (0x54, Q::Raw, Raw),
        (0x55, Q::VolumeStorage, Unsigned(4, 1, 3)),
        (0x56, Q::Conductivity, Unsigned(2, 1, 0)),
        (0x57, Q::Temperature, Signed(1, 1, 0)),
        (0x58, Q::Temperature, Signed(1, 35, 2)),
        (0x59, Q::Count, Signed(1, 1, 0)),
        (0x5A, Q::Count, Signed(2, 1, 0)),
        (0x5B, Q::Count, Signed(4, 1, 0)),
        (0x5C, Q::Power, Signed(4, 1, 2)),
        (0x5D, Q::Current, Signed(2, 1, 3)),
        (0x5E, Q::Direction, Unsigned(2, 1, 2)),
        (0x5F, Q::Precipitation, Unsigned(2, 1, 1)),
        (0x60, Q::Channel, Unsigned(1, 1, 0)),
        (0x61, Q::RotationalSpeed, Unsigned(2, 1, 0)),
        (0x62, Q::Speed, Signed(4, 1, 6)),
        (0x63, Q::Acceleration, Signed(4, 1, 6)),
        (0x64, Q::LightLevel, Unsigned(1, 1, 0)),
        (0x65, Q::SettingsRevision, Unsigned(1, 1, 0)),
        (0xF0, Q::DeviceType, Unsigned(2, 1, 0)),
        (0xF1, Q::Firmware, Version(4)),
        (0xF2, Q::Firmware, Version(3)),
    ]
};

/// Where in [`OBJECTS`] a number is; `NONE` where it is not.
const INDEX: [u8; 256] = {
    let mut index = [NONE; 256];
    let mut at = 0;
    while at < OBJECTS.len() {
        #[expect(clippy::cast_possible_truncation, reason = "the table has fewer than 255 rows")]
        {
            index[OBJECTS[at].0 as usize] = at as u8;
        }
        at += 1;
    }
    index
};

/// No row.
const NONE: u8 = u8::MAX;

/// What buttons and dimmers do, by number; none is for the others of a row of buttons.
pub(super) const BUTTON: [(u8, &str); 8] = [
    (0x01, "press"),
    (0x02, "double_press"),
    (0x03, "triple_press"),
    (0x04, "long_press"),
    (0x05, "long_double_press"),
    (0x06, "long_triple_press"),
    (0x80, "hold_press"),
    (0x81, "hold_release"),
];
pub(super) const DIMMER: [(u8, &str); 2] = [(0x01, "rotate_left"), (0x02, "rotate_right")];
pub(super) const COMMAND: [(u8, &str); 5] = [(0, "off"), (1, "on"), (2, "toggle"), (3, "step_up"), (4, "step_down")];

/// The row of an object.
pub(super) fn row(id: u8) -> Option<(Quantity, Form)> {
    OBJECTS.get(usize::from(INDEX[usize::from(id)])).map(|(_, quantity, form)| (*quantity, *form))
}

/// The word for an event.
pub(super) fn word(words: &[(u8, &'static str)], event: u8) -> Option<&'static str> {
    words.iter().find(|(number, _)| *number == event).map(|(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_as_the_specification_orders_them() {
        assert!(OBJECTS.is_sorted_by_key(|row| row.0));
        assert!(OBJECTS.len() < usize::from(NONE));
    }
}
