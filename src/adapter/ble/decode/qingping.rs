//! Qingping (Cleargrass) sensors, service data 0xFDCD, least significant byte first.
//!
//! Qingping publishes nothing; the layout is what the community found, as Home Assistant's `qingping-ble` has it: flags,
//! model, address, then objects of number, length and value.

use super::{
    Format, Value, Why,
    bytes::{Cursor, exactly},
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Qingping.
pub(super) const SERVICE: u16 = 0xFDCD;

/// A flag of the first byte: the frame tells an event, and what follows motion is no brightness.
const EVENT: u8 = 0x40;

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::Qingping);
    let mut cursor = Cursor::new(frame.data);
    let flags = cursor.u8()?;
    cursor.take(7)?;
    while !cursor.is_empty() {
        let (id, length) = (cursor.u8()?, cursor.u8()?);
        if !object(id, cursor.take(length.into())?, flags & EVENT != 0, finding)? {
            finding.note = Some(Why::UnknownObject(id.into()));
        }
    }
    Ok(())
}

/// Reads one object; false when it is not known.
fn object(id: u8, data: &[u8], is_event: bool, finding: &mut Finding) -> Result<bool, Why> {
    match id {
        0x01 => climate(data, finding)?,
        0x02 => battery(data, finding)?,
        0x04 => door(data, finding)?,
        0x07 => finding.readings.decimal(Quantity::Pressure, u16::from_le_bytes(*exactly(data)?), 1),
        0x08 => motion(data, is_event, finding)?,
        0x09 => finding.readings.push(Quantity::Illuminance, u32::from_le_bytes(*exactly(data)?)),
        0x0F => finding.counter = Some(exactly::<1>(data)?[0].into()),
        0x11 => finding.readings.push(Quantity::Light, exactly::<1>(data)?[0] != 0),
        0x12 => particles(data, finding)?,
        0x13 => finding.readings.maybe(Quantity::Co2, available(*exactly(data)?)),
        0x15 => finding.readings.maybe(Quantity::VocIndex, available(*exactly(data)?)),
        // What the hardware can do.
        0x18 => {}
        0x19 => finding.readings.push(Quantity::SoundLevel, exactly::<1>(data)?[0]),
        _ => return Ok(false),
    }
    Ok(true)
}

/// In 0.1 °C and 0.1 %.
fn climate(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [t0, t1, h0, h1] = exactly(data)?;
    finding.readings.decimal(Quantity::Temperature, i16::from_le_bytes([*t0, *t1]), 1);
    finding.readings.decimal(Quantity::Humidity, u16::from_le_bytes([*h0, *h1]), 1);
    Ok(())
}

/// All bits set is a device on the mains.
fn battery(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [percent] = exactly(data)?;
    finding.readings.maybe(Quantity::Battery, (*percent != 0xFF).then_some(*percent));
    Ok(())
}

/// 0 open, 1 closed, 2 open for too long.
fn door(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state] = exactly(data)?;
    finding.readings.push(Quantity::Door, matches!(state, 0 | 2));
    finding.readings.push(Quantity::LeftOpen, *state == 2);
    Ok(())
}

/// Motion, and brightness of three bytes.
fn motion(data: &[u8], is_event: bool, finding: &mut Finding) -> Result<(), Why> {
    let [motion, l0, l1, l2] = exactly(data)?;
    finding.readings.push(Quantity::Motion, *motion != 0);
    if !is_event {
        finding.readings.push(Quantity::Illuminance, Value::Int(u32::from_le_bytes([*l0, *l1, *l2, 0]).into()));
    }
    Ok(())
}

/// Two sizes of particles.
fn particles(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [a0, a1, b0, b1] = exactly(data)?;
    finding.readings.maybe(Quantity::Pm25, available([*a0, *a1]));
    finding.readings.maybe(Quantity::Pm10, available([*b0, *b1]));
    Ok(())
}

/// All bits set is no measurement.
fn available(bytes: [u8; 2]) -> Option<u16> {
    let raw = u16::from_le_bytes(bytes);
    (raw != u16::MAX).then_some(raw)
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::service, *};

    #[test]
    fn vectors() {
        // Frames made by hand; qingping-ble 1.3 reads the same, but calls the mains 100 % of battery.
        service(SERVICE, "88 10 6B5A 3412 342D 0104 0C01 4101 0201 64 0702 9327")
            .gives("qingping", "temperature 26.8 Cel, humidity 32.1 %, battery 100 %, pressure 1013.1 hPa");
        service(SERVICE, "08 12 CDDB 3412 342D 0201 64 0804 01 2A0000 0F01 07")
            .gives("qingping", "battery 100 %, motion true, illuminance 42 lx");
        service(SERVICE, "48 12 CDDB 3412 342D 0804 01 2A0000").gives("qingping", "motion true");
        service(SERVICE, "08 0E CDDB 3412 342D 0104 0401 2602 1204 0B00 0F00 1302 9001 1901 32")
            .gives("qingping", "temperature 26.0 Cel, humidity 55.0 %, pm25 11 ug/m3, pm10 15 ug/m3, co2 400 [ppm], sound_pressure 50 dB");
        service(SERVICE, "08 04 CDDB 3412 342D 0401 02").gives("qingping", "door true, left_open true");
        service(SERVICE, "08 0E CDDB 3412 342D 0201 FF 1302 FFFF").refuses("qingping", Why::NoValue);
    }

    #[test]
    fn lengths_that_lie_give_nothing() {
        service(SERVICE, "8810CDDB3412342D01040C014101").gives_nothing_when_cut();
        service(SERVICE, "8810CDDB3412342D01020C01").refuses("qingping", Why::Length { got: 2, want: 4 });
    }
}
