//! The objects of BTHome, one table for both versions.

use alloc::{format, string::String};

use super::super::{
    Value, Why,
    bytes::{Cursor, hex, signed, unsigned},
    finding::Finding,
};
use crate::model::Quantity;

/// How the bytes of an object are read.
#[derive(Debug, Clone, Copy)]
enum Form {
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
const BUTTON: [(u8, &str); 8] = [
    (0x01, "press"),
    (0x02, "double_press"),
    (0x03, "triple_press"),
    (0x04, "long_press"),
    (0x05, "long_double_press"),
    (0x06, "long_triple_press"),
    (0x80, "hold_press"),
    (0x81, "hold_release"),
];
const DIMMER: [(u8, &str); 2] = [(0x01, "rotate_left"), (0x02, "rotate_right")];
const COMMAND: [(u8, &str); 5] = [(0, "off"), (1, "on"), (2, "toggle"), (3, "step_up"), (4, "step_down")];

/// Reads objects and counts what can come several times though it says nothing.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// Buttons so far, also those that were not used.
    buttons: u8,
    /// Dimmers so far.
    dimmers: u8,
}

impl Objects {
    /// Reads an object whose bytes are all there.
    pub(super) fn read(&mut self, id: u8, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
        let Some((quantity, form)) = row(id) else { return Err(Why::UnknownObject(id.into())) };
        if id == 0 {
            finding.counter = finding.counter.or(data.first().map(|id| u32::from(*id)));
        }
        let readings = &mut finding.readings;
        match form {
            Form::Unsigned(_, factor, digits) => readings.push(quantity, number(unsigned(data) * factor, digits)),
            Form::Signed(_, factor, digits) => readings.push(quantity, number(signed(data) * factor, digits)),
            Form::Switch => readings.push(quantity, data[0] != 0),
            Form::Time => readings.push(quantity, rfc3339(unsigned(data))),
            Form::Text => {
                let text = String::from_utf8(data.to_vec()).map_err(|_| Why::Implausible("text"))?;
                readings.push(quantity, text);
            }
            Form::Raw => readings.push(quantity, hex(data)),
            Form::Version(_) => readings.push(quantity, version(data)),
            Form::Command => readings.maybe(quantity, word(&COMMAND, data[0])),
            Form::Button => self.button(data[0], finding),
            Form::Dimmer => self.dimmer(data[0], data[1], finding),
        }
        Ok(())
    }

    /// Reads an object of version 1, whose form the frame tells as well; false when it is not known.
    pub(super) fn read_v1(&mut self, id: u8, form: u8, data: &[u8], finding: &mut Finding) -> Result<bool, Why> {
        let Some((quantity, known)) = row(id) else { return Ok(false) };
        let (Form::Unsigned(_, factor, digits) | Form::Signed(_, factor, digits)) = known else {
            let needed = match known {
                Form::Time => 4,
                Form::Dimmer => 2,
                Form::Text | Form::Raw => 0,
                _ => 1,
            };
            if data.len() < needed {
                return Err(Why::TooShort { got: data.len(), want: needed });
            }
            return self.read(id, data, finding).map(|()| true);
        };
        if data.is_empty() || data.len() > 8 {
            return Err(Why::UnknownLength(data.len()));
        }
        let value = match form {
            0 => number(unsigned(data).saturating_mul(factor), digits),
            1 => number(signed(data).saturating_mul(factor), digits),
            _ => return Err(Why::UnknownObject(id.into())),
        };
        finding.readings.push(quantity, value);
        Ok(true)
    }

    /// One button of those the device has.
    fn button(&mut self, event: u8, finding: &mut Finding) {
        self.buttons = self.buttons.saturating_add(1);
        if let Some(word) = word(&BUTTON, event) {
            finding.readings.push_nth(Quantity::Button, self.buttons, word);
        }
    }

    /// One dimmer.
    fn dimmer(&mut self, event: u8, steps: u8, finding: &mut Finding) {
        self.dimmers = self.dimmers.saturating_add(1);
        if let Some(word) = word(&DIMMER, event) {
            finding.readings.push_nth(Quantity::Dimmer, self.dimmers, word);
            finding.readings.push_nth(Quantity::DimmerSteps, self.dimmers, steps);
        }
    }
}

/// How long an object is; `None` when it is not known. A length in the frame is read.
pub(super) fn length(id: u8, cursor: &mut Cursor<'_>) -> Result<Option<usize>, Why> {
    let Some((_, form)) = row(id) else { return Ok(None) };
    Ok(Some(match form {
        Form::Unsigned(length, ..) | Form::Signed(length, ..) | Form::Version(length) => length,
        Form::Switch | Form::Button => 1,
        Form::Dimmer => 2,
        Form::Time => 4,
        Form::Text | Form::Raw => cursor.u8()?.into(),
        // The upper three bits are reserved; the command itself is not counted.
        Form::Command => usize::from(cursor.u8()? & 0x1F) + 1,
    }))
}

/// The row of an object.
fn row(id: u8) -> Option<(Quantity, Form)> {
    OBJECTS.get(usize::from(INDEX[usize::from(id)])).map(|(_, quantity, form)| (*quantity, *form))
}

/// A number without decimals is an integer.
fn number(mantissa: i64, digits: usize) -> Value {
    if digits == 0 { Value::Int(mantissa) } else { Value::decimal(mantissa, digits) }
}

/// The word for an event.
fn word(words: &[(u8, &'static str)], event: u8) -> Option<&'static str> {
    words.iter().find(|(number, _)| *number == event).map(|(_, word)| *word)
}

/// `4.2.1.0`, the last part first on the air.
fn version(data: &[u8]) -> String {
    let parts = data.iter().rev().map(|part| format!("{part}"));
    parts.collect::<alloc::vec::Vec<_>>().join(".")
}

/// Seconds since 1970 as RFC 3339; years of 365.2425 days counted from a March (civil calendar, proleptic Gregorian).
fn rfc3339(seconds: i64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_a_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_294_967_295, "2106-02-07T06:28:15Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn numbers_ascend_as_the_specification_orders_them() {
        assert!(OBJECTS.is_sorted_by_key(|row| row.0));
        assert!(OBJECTS.len() < usize::from(NONE));
    }
}
