//! ELA Innovation Blue PUCK and COIN, manufacturer data 0x0757, least significant byte first.
//!
//! ELA, Bluetooth advertising frames ("New format"): one frame per advertisement, a type and its value. States are the
//! lowest bit of a counter of events.

use super::{
    Format, Why,
    bytes::exactly,
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// ELA Innovation.
pub(super) const COMPANY: u16 = 0x0757;

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::Ela);
    let data = frame.data;
    match data.first() {
        Some(0x12) => temperature(data, finding),
        Some(0x21) => temperature_and_humidity(data, finding),
        Some(0x32) => state(Quantity::MagneticField, data, finding),
        Some(0x42) => state(Quantity::Moving, data, finding),
        Some(0x56) => acceleration(data, finding),
        Some(0x62) => state(Quantity::Input, data, finding),
        Some(0x92) => state(Quantity::Motion, data, finding),
        Some(0xB2) => touch(data, finding),
        Some(0xF1) => {
            let [_, percent] = exactly(data)?;
            finding.readings.push(Quantity::Battery, *percent);
            Ok(())
        }
        Some(0xF2) => {
            let [_, low, high] = exactly(data)?;
            finding.readings.decimal(Quantity::Voltage, u16::from_le_bytes([*low, *high]), 3);
            Ok(())
        }
        Some(other) => Err(Why::UnknownFrame((*other).into())),
        None => Err(Why::TooShort { got: 0, want: 1 }),
    }
}

/// In 0.01 °C.
fn temperature(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [_, low, high] = exactly(data)?;
    finding.readings.decimal(Quantity::Temperature, i16::from_le_bytes([*low, *high]), 2);
    Ok(())
}

/// Whole percent, then a frame of temperature.
fn temperature_and_humidity(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [_, humidity, rest @ ..]: &[u8; 5] = exactly(data)?;
    if rest[0] != 0x12 {
        return Err(Why::UnknownObject(rest[0].into()));
    }
    temperature(rest, finding)?;
    finding.readings.push(Quantity::Humidity, *humidity);
    Ok(())
}

/// A state in the lowest bit, and how often it changed in the others.
fn state(quantity: Quantity, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [_, low, high] = exactly(data)?;
    let raw = u16::from_le_bytes([*low, *high]);
    finding.readings.push(quantity, raw & 1 == 1);
    finding.readings.push(Quantity::Count, raw >> 1);
    Ok(())
}

/// A button, which is an event.
fn touch(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [_, low, high] = exactly(data)?;
    let raw = u16::from_le_bytes([*low, *high]);
    if raw & 1 == 1 {
        finding.readings.push(Quantity::Button, "press");
    }
    finding.readings.push(Quantity::PressCount, raw >> 1);
    Ok(())
}

/// Three axes in mg.
fn acceleration(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 7] = exactly(data)?;
    let axis = |at: usize| i64::from(i16::from_le_bytes([data[at], data[at + 1]])) * 980_665;
    finding.readings.decimal(Quantity::AccelerationX, axis(1), 8);
    finding.readings.decimal(Quantity::AccelerationY, axis(3), 8);
    finding.readings.decimal(Quantity::AccelerationZ, axis(5), 8);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::manufacturer, *};

    #[test]
    fn vectors() {
        let cases = [
            ("12C409", "temperature 25.0 Cel"),
            ("1238FF", "temperature -2.0 Cel"),
            ("212A12C409", "temperature 25.0 Cel, humidity 42 %"),
            ("320300", "magnetic_field true, count 1"),
            ("420400", "moving false, count 2"),
            ("560000 0000 E803", "acceleration_x 0.0 m/s2, acceleration_y 0.0 m/s2, acceleration_z 9.80665 m/s2"),
            ("620100", "input true, count 0"),
            ("920100", "motion true, count 0"),
            ("B20500", "button press, button_counter 2"),
            ("F164", "battery 100 %"),
            ("F2B80B", "voltage 3.0 V"),
        ];
        for (data, readings) in cases {
            let sample = manufacturer(COMPANY, data);
            sample.gives("ela", readings);
            sample.gives_nothing_when_cut();
        }
    }

    #[test]
    fn an_identifier_is_no_measurement() {
        manufacturer(COMPANY, "06010203040506").refuses("ela", Why::UnknownFrame(6));
    }
}
