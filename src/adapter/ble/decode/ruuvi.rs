//! RuuviTag and Ruuvi Air, manufacturer data 0x0499, most significant byte first.
//!
//! <https://docs.ruuvi.com/communication/bluetooth-advertisements>, formats 3, 5, 6 and E1. What is not available is the
//! largest number of an unsigned field and the smallest of a signed one.

use super::{
    Format, Value, Why,
    bytes::exactly,
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Ruuvi Innovations.
pub(super) const COMPANY: u16 = 0x0499;

/// Reads a frame of one format.
type Reader = fn(&[u8], &mut Finding) -> Result<(), Why>;

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    let (format, read): (_, Reader) = match frame.data.first() {
        Some(3) => (Format::RuuviDf3, format_3),
        Some(5) => (Format::RuuviDf5, format_5),
        Some(6) => (Format::RuuviDf6, format_6),
        Some(0xE1) => (Format::RuuviE1, format_e1),
        Some(other) => return Err(Why::UnknownVersion(*other)),
        None => return Err(Why::TooShort { got: 0, want: 1 }),
    };
    finding.format = Some(format);
    read(frame.data, finding)
}

/// Data format 3 (RAWv1). It has no marker for "not available"; humidity beyond 100 % is told as it is sent, as the
/// vectors of the documentation want it.
fn format_3(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 14] = exactly(data)?;
    let readings = &mut finding.readings;
    if data[3] < 100 {
        let size = i64::from(data[2] & 0x7F) * 100 + i64::from(data[3]);
        readings.decimal(Quantity::Temperature, if data[2] & 0x80 == 0 { size } else { -size }, 2);
    }
    readings.decimal(Quantity::Humidity, i64::from(data[1]) * 5, 1);
    readings.decimal(Quantity::Pressure, i64::from(u16_at(data, 4)) + 50_000, 2);
    acceleration(&data[6..12], finding);
    finding.readings.decimal(Quantity::Voltage, u16_at(data, 12), 3);
    Ok(())
}

/// Data format 5 (RAWv2).
fn format_5(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 24] = exactly(data)?;
    climate(data, finding);
    acceleration(&data[7..13], finding);
    let readings = &mut finding.readings;
    let power = u16_at(data, 13);
    // Eleven bits of battery voltage above 1.6 V, five of transmit power above -40 dBm in steps of 2.
    if power >> 5 != 0x7FF {
        readings.decimal(Quantity::Voltage, i64::from(power >> 5) + 1600, 3);
    }
    if power & 0x1F != 0x1F {
        readings.push(Quantity::TxPower, i64::from(power & 0x1F) * 2 - 40);
    }
    if data[15] != 0xFF {
        readings.push(Quantity::MovementCount, data[15]);
    }
    finding.counter = available(data, 16).map(u32::from);
    Ok(())
}

/// Data format 6 of the Ruuvi Air, which fits into a short advertisement.
fn format_6(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 20] = exactly(data)?;
    climate(data, finding);
    particles(Quantity::Pm25, data, 7, finding);
    finding.readings.maybe(Quantity::Co2, available(data, 9));
    indexes(data[11], data[12], data[16], finding);
    if data[13] != 0xFF {
        finding.readings.push(Quantity::Illuminance, Value::rounded(lux(data[13]), 2));
    }
    finding.counter = Some(data[15].into());
    Ok(())
}

/// Data format E1 of the Ruuvi Air, for extended advertisements.
fn format_e1(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 40] = exactly(data)?;
    climate(data, finding);
    particles(Quantity::Pm1, data, 7, finding);
    particles(Quantity::Pm25, data, 9, finding);
    particles(Quantity::Pm4, data, 11, finding);
    particles(Quantity::Pm10, data, 13, finding);
    finding.readings.maybe(Quantity::Co2, available(data, 15));
    indexes(data[17], data[18], data[28], finding);
    let light = u32::from_be_bytes([0, data[19], data[20], data[21]]);
    if light != 0xFF_FFFF {
        finding.readings.decimal(Quantity::Illuminance, light, 2);
    }
    let sequence = u32::from_be_bytes([0, data[25], data[26], data[27]]);
    finding.counter = (sequence != 0xFF_FFFF).then_some(sequence);
    Ok(())
}

/// Temperature in 0.005 °C, humidity in 0.0025 %, pressure in Pa above 50 000, which 5, 6 and E1 share.
fn climate(data: &[u8], finding: &mut Finding) {
    let readings = &mut finding.readings;
    let temperature = i16_at(data, 1);
    if temperature != i16::MIN {
        readings.decimal(Quantity::Temperature, i64::from(temperature) * 5, 3);
    }
    if let Some(humidity) = available(data, 3) {
        readings.decimal(Quantity::Humidity, i64::from(humidity) * 25, 4);
    }
    if let Some(pressure) = available(data, 5) {
        readings.decimal(Quantity::Pressure, i64::from(pressure) + 50_000, 2);
    }
}

/// Three axes in mg. One that is not available makes the vector worthless.
fn acceleration(data: &[u8], finding: &mut Finding) {
    /// Standard gravity in m/s2 by 10^8, for thousandths of it.
    const MILLI_G: i64 = 980_665;
    let axes = [i16_at(data, 0), i16_at(data, 2), i16_at(data, 4)];
    if axes.contains(&i16::MIN) {
        return;
    }
    let points = [Quantity::AccelerationX, Quantity::AccelerationY, Quantity::AccelerationZ];
    for (point, axis) in points.into_iter().zip(axes) {
        finding.readings.decimal(point, i64::from(axis) * MILLI_G, 8);
    }
}

/// Particles in 0.1 µg/m³.
fn particles(quantity: Quantity, data: &[u8], at: usize, finding: &mut Finding) {
    if let Some(raw) = available(data, at) {
        finding.readings.decimal(quantity, raw, 1);
    }
}

/// Two indexes of nine bits, whose lowest bits are in the flags.
fn indexes(voc: u8, nox: u8, flags: u8, finding: &mut Finding) {
    for (quantity, high, low) in [(Quantity::VocIndex, voc, flags >> 6 & 1), (Quantity::NoxIndex, nox, flags >> 7)] {
        let index = u16::from(high) << 1 | u16::from(low);
        if index != 0x1FF {
            finding.readings.push(quantity, index);
        }
    }
}

/// `65536^(code/254) - 1` lux; a product, because `core` has no exponential function.
fn lux(code: u8) -> f64 {
    /// `65536^(1/254)`
    const STEP: f64 = 1.044_630_061_412_595_6;
    (0..code).fold(1.0, |lux, _| lux * STEP) - 1.0
}

/// An unsigned field that may be not available.
fn available(data: &[u8], at: usize) -> Option<u16> {
    let raw = u16_at(data, at);
    (raw != u16::MAX).then_some(raw)
}

/// Two bytes of a frame whose length was checked.
fn u16_at(data: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([data[at], data[at + 1]])
}

/// The same with a sign.
fn i16_at(data: &[u8], at: usize) -> i16 {
    i16::from_be_bytes([data[at], data[at + 1]])
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::manufacturer, *};

    #[test]
    fn vectors_of_format_3() {
        manufacturer(COMPANY, "03291A1ECE1EFC18F94202CA0B53").gives(
            "ruuvi_df3",
            "temperature 26.3 Cel, humidity 20.5 %, pressure 1027.66 hPa, acceleration_x -9.80665 m/s2, \
             acceleration_y -16.9262779 m/s2, acceleration_z 7.0019481 m/s2, voltage 2.899 V",
        );
        manufacturer(COMPANY, "03FF7F63FFFF7FFF7FFF7FFFFFFF").gives(
            "ruuvi_df3",
            "temperature 127.99 Cel, humidity 127.5 %, pressure 1155.35 hPa, acceleration_x 321.33450055 m/s2, \
             acceleration_y 321.33450055 m/s2, acceleration_z 321.33450055 m/s2, voltage 65.535 V",
        );
        manufacturer(COMPANY, "0300FF6300008001800180010000").gives(
            "ruuvi_df3",
            "temperature -127.99 Cel, humidity 0.0 %, pressure 500.0 hPa, acceleration_x -321.33450055 m/s2, \
             acceleration_y -321.33450055 m/s2, acceleration_z -321.33450055 m/s2, voltage 0.0 V",
        );
    }

    #[test]
    fn vectors_of_format_5() {
        manufacturer(COMPANY, "0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F").gives(
            "ruuvi_df5",
            "temperature 24.3 Cel, humidity 53.49 %, pressure 1000.44 hPa, acceleration_x 0.0392266 m/s2, \
             acceleration_y -0.0392266 m/s2, acceleration_z 10.1596894 m/s2, voltage 2.977 V, tx_power 4 dB[mW], \
             movement_counter 66",
        );
        manufacturer(COMPANY, "057FFFFFFEFFFE7FFF7FFF7FFFFFDEFEFFFECBB8334C884F").gives(
            "ruuvi_df5",
            "temperature 163.835 Cel, humidity 163.835 %, pressure 1155.34 hPa, acceleration_x 321.33450055 m/s2, \
             acceleration_y 321.33450055 m/s2, acceleration_z 321.33450055 m/s2, voltage 3.646 V, tx_power 20 dB[mW], \
             movement_counter 254",
        );
        manufacturer(COMPANY, "058001000000008001800180010000000000CBB8334C884F").gives(
            "ruuvi_df5",
            "temperature -163.835 Cel, humidity 0.0 %, pressure 500.0 hPa, acceleration_x -321.33450055 m/s2, \
             acceleration_y -321.33450055 m/s2, acceleration_z -321.33450055 m/s2, voltage 1.6 V, \
             tx_power -40 dB[mW], movement_counter 0",
        );
        manufacturer(COMPANY, "058000FFFFFFFF800080008000FFFFFFFFFFFFFFFFFFFFFF").refuses("ruuvi_df5", Why::NoValue);
    }

    #[test]
    fn vectors_of_format_6() {
        manufacturer(COMPANY, "06170C5668C79E007000C90501D9FFCD004C884F").gives(
            "ruuvi_df6",
            "temperature 29.5 Cel, humidity 55.3 %, pressure 1011.02 hPa, pm25 11.2 ug/m3, co2 201 [ppm], \
             voc_index 10, nox_index 2, illuminance 13026.67 lx",
        );
        manufacturer(COMPANY, "067FFF9C40FFFE27109C40FAFAFEFFFF074C8F4F").gives(
            "ruuvi_df6",
            "temperature 163.835 Cel, humidity 100.0 %, pressure 1155.34 hPa, pm25 1000.0 ug/m3, co2 40000 [ppm], \
             voc_index 500, nox_index 500, illuminance 65535.0 lx",
        );
        manufacturer(COMPANY, "068000FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF").refuses("ruuvi_df6", Why::NoValue);
    }

    #[test]
    fn vectors_of_format_e1() {
        manufacturer(COMPANY, "E1170C5668C79E0065007004BD11CA00C90A0213E0ACFFFFFFDECDEE10FFFFFFFFFFCBB8334C884F")
            .gives(
                "ruuvi_e1",
                "temperature 29.5 Cel, humidity 55.3 %, pressure 1011.02 hPa, pm1 10.1 ug/m3, pm25 11.2 ug/m3, \
             pm4 121.3 ug/m3, pm10 455.4 ug/m3, co2 201 [ppm], voc_index 20, nox_index 4, illuminance 13027.0 lx",
            );
    }

    #[test]
    fn a_frame_that_was_cut_gives_nothing() {
        manufacturer(COMPANY, "03291A1ECE1EFC18F94202CA0B53").gives_nothing_when_cut();
        manufacturer(COMPANY, "0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F").gives_nothing_when_cut();
        manufacturer(COMPANY, "06170C5668C79E007000C90501D9FFCD004C884F").gives_nothing_when_cut();
    }

    #[test]
    fn a_frame_that_is_too_long_gives_nothing() {
        for (frame, format, want) in [
            ("06170C5668C79E007000C90501D9FFCD004C884F", "ruuvi_df6", 20),
            ("E1170C5668C79E0065007004BD11CA00C90A0213E0ACFFFFFFDECDEE10FFFFFFFFFFCBB8334C884F", "ruuvi_e1", 40),
        ] {
            manufacturer(COMPANY, &format!("{frame}00")).refuses(format, Why::Length { got: want + 1, want });
        }
    }

    #[test]
    fn the_sequence_number_is_for_who_drops_duplicates() {
        let frame = "0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F";
        assert_eq!(manufacturer(COMPANY, frame).decode().counter, Some(205));
    }
}
