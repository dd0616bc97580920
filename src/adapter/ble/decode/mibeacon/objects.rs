//! The objects of MiBeacon: number, length, value.
//!
//! <https://iot.mi.com/new/doc/accesses/direct-access/embedded-development/ble/object-definition> for those below
//! 0x2000; those above are properties and events of single products. Some products give an object a meaning of their own.

use super::{
    super::{
        Value, Why,
        bytes::{Cursor, exactly, signed, unsigned},
        finding::Finding,
    },
    button,
};
use crate::model::Quantity;

/// A product, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Device(pub(super) u16);

impl Device {
    /// Motion sensors that only know light or no light.
    const MJYD02YL: Self = Self(0x07F6);
    const RTCGQ02LM: Self = Self(0x0A8D);
    /// A door sensor that only knows light or no light.
    const MCCGQ02HL: Self = Self(0x098B);
    /// A bed sensor that counts "left a while ago" as a third state.
    const XMOSB01XS: Self = Self(0x4683);

    /// Reads every object. One that is not known is skipped, because its length is.
    pub(super) fn read(self, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
        let mut cursor = Cursor::new(data);
        while !cursor.is_empty() {
            let id = cursor.u16()?;
            let length = cursor.u8()?;
            if !self.object(id, cursor.take(length.into())?, finding)? {
                finding.note = Some(Why::UnknownObject(id));
            }
        }
        Ok(())
    }

    /// Reads one object; false when it is not known.
    fn object(self, id: u16, data: &[u8], finding: &mut Finding) -> Result<bool, Why> {
        if let Some((_, length, signed_digits, quantity)) = NUMBERS.iter().find(|row| row.0 == id) {
            number(*length, *signed_digits, *quantity, data, finding)?;
        } else if let Some((_, digits, quantity)) = FLOATS.iter().find(|row| row.0 == id) {
            finding.readings.push(*quantity, float(*exactly(data)?, *digits)?);
        } else if let Some((_, quantity)) = SWITCHES.iter().find(|row| row.0 == id) {
            let [state] = exactly(data)?;
            finding.readings.push(*quantity, *state != 0);
        } else {
            return self.special(id, data, finding);
        }
        Ok(true)
    }

    /// Objects with several values or a meaning of their own.
    fn special(self, id: u16, data: &[u8], finding: &mut Finding) -> Result<bool, Why> {
        match id {
            0x0007 => door(data, finding),
            0x000B => lock(data, finding),
            0x000F => self.motion_with_light(data, finding),
            0x1001 => button::property(self, data, finding),
            0x1005 => switch_and_temperature(data, finding),
            0x1007 => self.illuminance(data, finding),
            0x100D => temperature_and_humidity(data, finding),
            0x1017 | 0x4818 => idle(data, finding),
            0x1019 => opening(data, finding),
            0x101B => {
                finding.readings.push(Quantity::Motion, false);
                Ok(())
            }
            0x480C => {
                let [closed] = exactly(data)?;
                finding.readings.push(Quantity::Opening, *closed == 0);
                Ok(())
            }
            0x4804 | 0x4A12 => opening_event(data, finding),
            0x484E => {
                let [state] = exactly(data)?;
                let is_there = if self == Self::XMOSB01XS { *state == 1 } else { *state != 0 };
                finding.readings.push(Quantity::Occupancy, is_there);
                Ok(())
            }
            0x487B => {
                let [state] = exactly(data)?;
                finding.readings.push_nth(Quantity::WaterLeak, 2, *state != 0);
                Ok(())
            }
            0x4A08 => {
                finding.readings.push(Quantity::Motion, true);
                finding.readings.push(Quantity::Illuminance, float(*exactly(data)?, 2)?);
                Ok(())
            }
            0x4A0F => removed(data, finding),
            0x4A0C..=0x4A0E | 0x4A13 | 0x4E0C..=0x4E0E | 0x560C..=0x560E => button::event(id, data, finding),
            0x4E16 => weight(data, finding),
            _ => return Ok(false),
        }
        .map(|()| true)
    }

    /// Somebody moved, and how bright it was.
    fn motion_with_light(self, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
        let light = unsigned(exactly::<3>(data)?);
        finding.readings.push(Quantity::Motion, true);
        if self == Self::MJYD02YL || self == Self::RTCGQ02LM {
            finding.readings.push(Quantity::Light, light >= 100);
        } else {
            finding.readings.push(Quantity::Illuminance, light);
        }
        Ok(())
    }

    /// In lux, or 100 for light.
    fn illuminance(self, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
        let light = unsigned(exactly::<3>(data)?);
        if self == Self::MJYD02YL || self == Self::MCCGQ02HL {
            finding.readings.push(Quantity::Light, light == 100);
        } else {
            finding.readings.push(Quantity::Illuminance, light);
        }
        Ok(())
    }
}

/// How a number is read: with a sign or without, and its decimal digits.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// With a sign in the highest bit.
    Signed(usize),
    /// Without.
    Unsigned(usize),
}

/// Numbers: object, length, form, quantity.
const NUMBERS: [(u16, usize, Form, Quantity); 14] = [
    (0x000A, 2, Form::Signed(2), Quantity::Temperature),
    (0x1004, 2, Form::Signed(1), Quantity::Temperature),
    (0x1006, 2, Form::Unsigned(1), Quantity::Humidity),
    (0x1008, 1, Form::Unsigned(0), Quantity::Moisture),
    (0x1009, 2, Form::Unsigned(0), Quantity::Conductivity),
    (0x100A, 1, Form::Unsigned(0), Quantity::Battery),
    (0x1010, 2, Form::Unsigned(2), Quantity::Formaldehyde),
    (0x1013, 1, Form::Unsigned(0), Quantity::Consumable),
    (0x4802, 1, Form::Unsigned(0), Quantity::Humidity),
    (0x4803, 1, Form::Unsigned(0), Quantity::Battery),
    (0x4C02, 1, Form::Unsigned(0), Quantity::Humidity),
    (0x4C03, 1, Form::Unsigned(0), Quantity::Battery),
    (0x5003, 1, Form::Unsigned(0), Quantity::Battery),
    (0x483D, 4, Form::Unsigned(0), Quantity::Duration),
];

/// Numbers as `f32`, with the digits that mean something.
const FLOATS: [(u16, usize, Quantity); 5] = [
    (0x4801, 1, Quantity::Temperature),
    (0x4805, 2, Quantity::Illuminance),
    (0x4808, 1, Quantity::Humidity),
    (0x4C01, 2, Quantity::Temperature),
    (0x4C08, 2, Quantity::Humidity),
];

/// One byte, not zero is true.
const SWITCHES: [(u16, Quantity); 10] = [
    (0x0003, Quantity::Motion),
    (0x1012, Quantity::On),
    (0x1014, Quantity::WaterLeak),
    (0x1015, Quantity::Smoke),
    (0x1018, Quantity::Light),
    (0x4806, Quantity::WaterLeak),
    (0x483C, Quantity::Occupancy),
    (0x4A01, Quantity::BatteryLow),
    (0x4E01, Quantity::BatteryLow),
    (0x5413, Quantity::Occupancy),
];

/// A number of the table.
fn number(length: usize, form: Form, quantity: Quantity, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    if data.len() != length {
        return Err(Why::Length { got: data.len(), want: length });
    }
    let (mantissa, digits) = match form {
        Form::Signed(digits) => (signed(data), digits),
        Form::Unsigned(digits) => (unsigned(data), digits),
    };
    finding
        .readings
        .push(quantity, if digits == 0 { Value::Int(mantissa) } else { Value::decimal(mantissa, digits) });
    Ok(())
}

/// An `f32` as the decimal it was meant to be.
fn float(bytes: [u8; 4], digits: usize) -> Result<Value, Why> {
    let value = f32::from_le_bytes(bytes);
    if value.is_finite() { Ok(Value::rounded(value.into(), digits)) } else { Err(Why::Implausible("number")) }
}

/// 0 opened, 1 closed, 2 not closed in time, 3 knock, 4 pried open, 5 stuck.
fn door(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state, ..] = data else { return Err(Why::Length { got: 0, want: 1 }) };
    let readings = &mut finding.readings;
    readings.push(Quantity::Door, matches!(state, 0 | 2 | 4));
    match state {
        1 | 2 => readings.push(Quantity::LeftOpen, *state == 2),
        4 => readings.push(Quantity::Tamper, true),
        5 => readings.push(Quantity::Problem, true),
        _ => {}
    }
    Ok(())
}

/// The action in the lower four bits, how in the upper, then key and time.
fn lock(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 9] = exactly(data)?;
    let (is_unlocked, action) = match data[0] & 0x0F {
        0 => (true, "unlock_outside_the_door"),
        1 => (false, "locked"),
        4 => (true, "unlock_inside_the_door"),
        5 => (false, "lock_inside_the_door"),
        8 => (false, "lock_outside_the_door"),
        other => return Err(Why::UnknownFrame(other.into())),
    };
    finding.readings.push(Quantity::Lock, is_unlocked);
    finding.readings.push(Quantity::Action, action);
    Ok(())
}

/// A kettle: on, and whole degrees.
fn switch_and_temperature(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [on, temperature] = exactly(data)?;
    finding.readings.push(Quantity::On, *on != 0);
    finding.readings.push(Quantity::Temperature, *temperature);
    Ok(())
}

/// In 0.1 °C and 0.1 %.
fn temperature_and_humidity(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [t0, t1, h0, h1] = exactly(data)?;
    finding.readings.decimal(Quantity::Temperature, i16::from_le_bytes([*t0, *t1]), 1);
    finding.readings.decimal(Quantity::Humidity, u16::from_le_bytes([*h0, *h1]), 1);
    Ok(())
}

/// Seconds since the last motion; up to 30 count as motion, as in the maker's application.
fn idle(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    if data.len() != 2 && data.len() != 4 {
        return Err(Why::UnknownLength(data.len()));
    }
    finding.readings.push(Quantity::Motion, unsigned(data) <= 30);
    Ok(())
}

/// 0 opened, 1 closed, 2 not closed in time, 3 reset.
fn opening(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state] = exactly(data)?;
    if *state <= 2 {
        finding.readings.push(Quantity::Opening, *state != 1);
    }
    if matches!(state, 1 | 2) {
        finding.readings.push(Quantity::LeftOpen, *state == 2);
    }
    Ok(())
}

/// 1 open, 2 closed.
fn opening_event(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state] = exactly(data)?;
    if matches!(state, 1 | 2) {
        finding.readings.push(Quantity::Opening, *state == 1);
    }
    Ok(())
}

/// 1 when a door sensor was torn off, which counts as open.
fn removed(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state] = exactly(data)?;
    if *state == 1 {
        finding.readings.push(Quantity::Opening, true);
    }
    finding.readings.push(Quantity::Tamper, *state == 1);
    Ok(())
}

/// A scale: profile, weight in 0.01 kg, time.
fn weight(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 9] = exactly(data)?;
    let weight = u32::from_le_bytes([data[1], data[2], data[3], data[4]]);
    if weight != 0 {
        finding.readings.decimal(Quantity::Weight, weight, 2);
    }
    Ok(())
}
