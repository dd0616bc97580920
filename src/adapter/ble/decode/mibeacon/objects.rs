//! The objects of MiBeacon: number, length, value.
//!
//! <https://iot.mi.com/new/doc/accesses/direct-access/embedded-development/ble/object-definition> for those below
//! 0x2000; those above are properties and events of single products. Some products give an object a meaning of their own.

use super::{
    super::{
        Why,
        bytes::{Cursor, exactly, unsigned},
        finding::Finding,
    },
    body, button, door,
    table::{self, LUX, float},
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
        if table::read(id, data, finding)? { Ok(true) } else { self.special(id, data, finding) }
    }

    /// Objects with several values or a meaning of their own.
    fn special(self, id: u16, data: &[u8], finding: &mut Finding) -> Result<bool, Why> {
        match id {
            0x0006 => door::fingerprint(data, finding),
            0x0007 => door::event(data, finding),
            0x0008 => door::armed(data, finding),
            0x000A => body::clinical(data, finding),
            0x000B => door::lock(data, finding),
            0x000F => self.motion_with_light(data, finding),
            0x0010 | 0x3003 => body::brushing(data, finding),
            0x1001 => button::property(self, data, finding),
            0x1005 => switch_and_temperature(data, finding),
            0x1007 => self.illuminance(data, finding),
            0x100D => temperature_and_humidity(data, finding),
            0x100E => door::bolt(data, finding),
            0x100F => return door::state(self, data, finding),
            0x1017 | 0x4818 => idle(data, finding),
            0x1019 => door::opening(data, finding),
            // Nobody moved for as long as was waited.
            0x101B => {
                finding.readings.push(Quantity::Motion, false);
                Ok(())
            }
            0x2000 => body::worn(data, finding),
            0x4804 | 0x4A12 => door::opened(data, finding),
            0x480C => door::closed(data, finding),
            0x483E => unoccupied(data, finding),
            0x484E => self.presence(data, finding),
            0x4851 | 0x4852 => minutes(id, data, finding),
            0x487B => splash(data, finding),
            0x4A08 => motion_with_lux(data, finding),
            0x4A0F => door::removed(data, finding),
            0x4A1A => door::left_open(data, finding),
            0x4A68 => water(data, finding),
            0x4A0C..=0x4A0E | 0x4A13 | 0x4E0C..=0x4E0E | 0x560C..=0x560E => button::event(self, id, data, finding),
            0x4E16 => body::weight(data, finding),
            0x5422 => charging(data, finding),
            0x6E16 => body::composition(data, finding),
            _ => return Ok(false),
        }
        .map(|()| true)
    }

    /// Whether somebody is there.
    fn presence(self, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
        let [state] = exactly(data)?;
        let is_there = if self == Self::XMOSB01XS { *state == 1 } else { *state != 0 };
        finding.readings.push(Quantity::Occupancy, is_there);
        Ok(())
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

/// Somebody moved, and how bright it was in lux.
fn motion_with_lux(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    finding.readings.push(Quantity::Motion, true);
    finding.readings.push(Quantity::Illuminance, float(*exactly(data)?, LUX)?);
    Ok(())
}

/// For how many seconds a seat has been free; the first duration is the time that it was not.
fn unoccupied(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    finding.readings.push_nth(Quantity::Duration, 2, unsigned(exactly::<4>(data)?));
    Ok(())
}

/// For how many minutes somebody has been there (0x4851), or nobody (0x4852).
fn minutes(id: u16, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [minutes] = exactly(data)?;
    let nth = if id == 0x4851 { 1 } else { 2 };
    finding.readings.push_nth(Quantity::Duration, nth, i64::from(*minutes) * 60);
    Ok(())
}

/// Water on the top of a leak sensor; the first is that at its bottom.
fn splash(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state] = exactly(data)?;
    finding.readings.push_nth(Quantity::WaterLeak, 2, *state != 0);
    Ok(())
}

/// 0 water at the bottom, 1 no more, 2 water on the top, 3 no more.
fn water(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [event] = exactly(data)?;
    if *event <= 3 {
        finding.readings.push_nth(Quantity::WaterLeak, event / 2 + 1, event % 2 == 0);
    }
    Ok(())
}

/// 0 charging, 1 not, 2 full.
fn charging(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state] = exactly(data)?;
    finding.readings.maybe(Quantity::BatteryCharging, (*state <= 2).then_some(*state == 0));
    Ok(())
}
