//! Minew sensors, service data 0xFFE1, frames of type 0xA1, most significant byte first.
//!
//! Minew, frames of E8, S1, B10, MBT01 and relatives: type, version, battery, value, address (least significant byte
//! first). Numbers with a fraction are signed 8.8 fixed point.

use super::{
    Format, Value, Why,
    bytes::exactly,
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Minew.
pub(super) const SERVICE: u16 = 0xFFE1;

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    let data = frame.data;
    let [0xA1, version, ..] = data else {
        return Err(data.first().map_or(Why::TooShort { got: 0, want: 2 }, |kind| Why::UnknownFrame((*kind).into())));
    };
    finding.format = Some(Format::Minew);
    match version {
        0x01 => temperature_and_humidity(data, finding),
        0x02 => switch::<10>(Quantity::Light, data, finding),
        0x03 => acceleration(data, finding),
        0x05 => number(Quantity::Illuminance, data, finding),
        0x08 => information(data, finding),
        0x11 => switch::<11>(Quantity::Motion, data, finding),
        0x12 => number(Quantity::VocParts, data, finding),
        0x13 => temperature(data, finding),
        0x15 => acceleration_and_rotation(data, finding),
        0x17 => pressure(data, finding),
        0x18 => vibration(data, finding),
        0x19 => number(Quantity::LightLevel, data, finding),
        0x20 => switch::<10>(Quantity::Tamper, data, finding),
        0x21 => switch::<10>(Quantity::WaterLeak, data, finding),
        other => Err(Why::UnknownFrame((*other).into())),
    }
}

fn temperature_and_humidity(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 13] = exactly(data)?;
    finding.readings.push(Quantity::Temperature, fixed(data, 3));
    finding.readings.push(Quantity::Humidity, fixed(data, 5));
    finding.readings.push(Quantity::Battery, data[2]);
    Ok(())
}

fn temperature(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 11] = exactly(data)?;
    finding.readings.push(Quantity::Temperature, fixed(data, 3));
    finding.readings.push(Quantity::Battery, data[2]);
    Ok(())
}

fn acceleration(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 15] = exactly(data)?;
    axes(data, 3, finding);
    finding.readings.push(Quantity::Battery, data[2]);
    Ok(())
}

/// Three axes in g, of which 256 parts are 9.80665 m/s2.
fn axes(data: &[u8], from: usize, finding: &mut Finding) {
    let points = [Quantity::AccelerationX, Quantity::AccelerationY, Quantity::AccelerationZ];
    for (point, at) in points.into_iter().zip([from, from + 2, from + 4]) {
        let raw = i64::from(i16::from_be_bytes([data[at], data[at + 1]]));
        finding.readings.push(point, Value::quotient(raw * 980_665, 25_600_000.0));
    }
}

/// Acceleration as above and rotation in 0.01 degrees per second, in place of the battery.
fn acceleration_and_rotation(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 20] = exactly(data)?;
    axes(data, 2, finding);
    for at in [8, 10, 12] {
        finding.readings.decimal(Quantity::Gyroscope, i16::from_be_bytes([data[at], data[at + 1]]), 2);
    }
    Ok(())
}

/// A number of two bytes, as it is.
fn number(quantity: Quantity, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 11] = exactly(data)?;
    finding.readings.push(quantity, u16::from_be_bytes([data[3], data[4]]));
    finding.readings.push(Quantity::Battery, data[2]);
    Ok(())
}

/// Battery, address, name.
fn information(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    if data.len() < 9 {
        return Err(Why::TooShort { got: data.len(), want: 9 });
    }
    finding.readings.push(Quantity::Battery, data[2]);
    Ok(())
}

/// 16.16 fixed point, in hPa.
fn pressure(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 13] = exactly(data)?;
    let raw = i32::from_be_bytes([data[3], data[4], data[5], data[6]]);
    finding.readings.push(Quantity::Pressure, Value::quotient(raw.into(), 65_536.0));
    finding.readings.push(Quantity::Battery, data[2]);
    Ok(())
}

/// A time, then the state in the lowest bit.
fn vibration(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 14] = exactly(data)?;
    finding.readings.push(Quantity::Vibration, data[7] & 1 == 1);
    finding.readings.push(Quantity::Battery, data[2]);
    Ok(())
}

/// A state in the lowest bit before the address.
fn switch<const N: usize>(quantity: Quantity, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; N] = exactly(data)?;
    finding.readings.push(quantity, data[N - 7] & 1 == 1);
    finding.readings.push(Quantity::Battery, data[2]);
    Ok(())
}

/// Signed 8.8 fixed point.
fn fixed(data: &[u8], at: usize) -> Value {
    Value::binary(i16::from_be_bytes([data[at], data[at + 1]]), 8)
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::service, *};

    #[test]
    fn vectors() {
        let cases = [
            ("A101 64 1580 2D40 E626A13F23AC", "temperature 21.5 Cel, humidity 45.25 %, battery 100 %"),
            ("A101 64 FF80 2D40 E626A13F23AC", "temperature -0.5 Cel, humidity 45.25 %, battery 100 %"),
            ("A102 64 01 E626A13F23AC", "light true, battery 100 %"),
            (
                "A103 64 FF80 0000 0100 E626A13F23AC",
                "acceleration_x -4.903325 m/s2, acceleration_y 0.0 m/s2, acceleration_z 9.80665 m/s2, battery 100 %",
            ),
            ("A105 64 0102 E626A13F23AC", "illuminance 258 lx, battery 100 %"),
            ("A108 64 E626A13F23AC 504C5553", "battery 100 %"),
            ("A111 64 0001 E626A13F23AC", "motion true, battery 100 %"),
            // The next three are those of the tests of advlib, which calls the first parts per million.
            ("A112 63 4000 AABBCCDDEEFF", "volatile_organic_compounds_parts 16384 [ppb], battery 99 %"),
            (
                "A115 0000 FF80 013B 0000 0044 9E58 AABBCCDDEEFF",
                "acceleration_x 0.0 m/s2, acceleration_y -4.903325 m/s2, acceleration_z 12.0667763671875 m/s2, \
                 gyroscope 0.0 deg/s, gyroscope_2 0.68 deg/s, gyroscope_3 -250.0 deg/s",
            ),
            ("A119 64 0AB4 AABBCCDDEEFF", "light_level 2740, battery 100 %"),
            ("A113 64 1580 E626A13F23AC", "temperature 21.5 Cel, battery 100 %"),
            ("A117 64 03F58000 E626A13F23AC", "pressure 1013.5 hPa, battery 100 %"),
            ("A118 64 00000000 01 E626A13F23AC", "vibration true, battery 100 %"),
            ("A120 64 00 E626A13F23AC", "tamper false, battery 100 %"),
            ("A121 64 01 E626A13F23AC", "water_leak true, battery 100 %"),
        ];
        for (data, readings) in cases {
            service(SERVICE, data).gives("minew", readings);
        }
    }

    #[test]
    fn a_frame_that_was_cut_gives_nothing() {
        service(SERVICE, "A1016415802D40E626A13F23AC").gives_nothing_when_cut();
        service(SERVICE, "A103").refuses("minew", Why::Length { got: 2, want: 15 });
        service(SERVICE, "A1AA64").refuses("minew", Why::UnknownFrame(0xAA));
    }
}
