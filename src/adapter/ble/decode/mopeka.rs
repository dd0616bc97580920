//! Mopeka tank sensors, manufacturer data 0x0059 (Nordic's) with service 0xFEE5, least significant byte first.
//!
//! <https://github.com/Bluetooth-Devices/mopeka-iot-ble>, whose tables of the speed of sound come from Mopeka: model,
//! battery, temperature with a button in the highest bit, echo time with its quality in the top bits, address, tilt.

use super::{
    Advertisement, Format, Uuid, Value, Why,
    bytes::exactly,
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Nordic Semiconductor, whose identifier the sensors use.
const COMPANY: u16 = 0x0059;
/// Mopeka's service.
const SERVICE: Uuid = Uuid::short(0xFEE5);

/// Height of the liquid for an echo time and a temperature: three coefficients of a medium.
const PROPANE: [f64; 3] = [0.573_045, -0.002_822, -0.000_005_35];
const WATER: [f64; 3] = [0.600_592, 0.003_124, -0.000_013_68];
const AIR: [f64; 3] = [0.153_096, 0.000_327, -0.000_000_294];

/// The data of an advertisement that says it is a tank sensor's.
pub(super) fn find<'a>(advert: &Advertisement<'a>) -> Option<&'a [u8]> {
    advert.has_service(SERVICE).then(|| advert.manufacturer_data(COMPANY)).flatten()
}

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::Mopeka);
    let model = *frame.data.first().ok_or(Why::TooShort { got: 0, want: 10 })?;
    let medium = medium(model).ok_or(Why::UnknownModel(model.into()))?;
    let data: &[u8; 10] = exactly(frame.data)?;
    let (temperature, quality) = (data[2] & 0x7F, data[4] >> 6);
    let readings = &mut finding.readings;
    readings.push(Quantity::Temperature, i64::from(temperature) - 40);
    readings.push(Quantity::Battery, percent(data[1]));
    // In 1/32 V.
    readings.push(Quantity::Voltage, Value::binary(data[1].into(), 5));
    if data[2] & 0x80 != 0 {
        readings.push(Quantity::Button, "press");
    }
    if quality > 0 {
        readings.push(Quantity::TankLevel, level(u16::from_le_bytes([data[3], data[4] & 0x3F]), temperature, medium));
    }
    readings.push(Quantity::ReadingQuality, quality);
    readings.push(Quantity::PositionX, data[8].cast_signed());
    readings.push(Quantity::PositionY, data[9].cast_signed());
    Ok(())
}

/// What a model is made to be put under, or over.
fn medium(model: u8) -> Option<&'static [f64; 3]> {
    match model {
        0x03 | 0x04 | 0x06 | 0x08 | 0x09 | 0x0C | 0x12 => Some(&PROPANE),
        0x05 => Some(&WATER),
        0x0A | 0x0B => Some(&AIR),
        _ => None,
    }
}

/// Whole millimetres.
fn level(echo: u16, temperature: u8, [a, b, c]: &[f64; 3]) -> i64 {
    let warm = f64::from(temperature);
    #[expect(clippy::cast_possible_truncation, reason = "the part below a millimetre means nothing")]
    let level = (f64::from(echo) * (a + b * warm + c * warm * warm)) as i64;
    level
}

/// 2.2 V is empty, 2.85 V is full.
fn percent(raw: u8) -> Value {
    Value::rounded(((f64::from(raw) / 32.0 - 2.2) / 0.65 * 100.0).clamp(0.0, 100.0), 1)
}

#[cfg(test)]
mod tests {
    use super::{
        super::fixtures::{Sample, manufacturer},
        *,
    };

    fn sample(data: &str) -> Sample {
        manufacturer(COMPANY, data).with_service_uuid(SERVICE)
    }

    #[test]
    fn vectors() {
        // Frames made by hand; mopeka-iot-ble 1.0 reads the same, but takes the tilt for unsigned.
        sample("08 5F 3C 00 C0 C5 6E 4A F7 0A").gives(
            "mopeka",
            "temperature 20 Cel, battery 100.0 %, voltage 2.96875 V, tank_level 0 mm, reading_quality 3, position_x -9, position_y 10",
        );
        sample("03 52 C1 96 01 00 00 00 00 00").gives(
            "mopeka",
            "temperature 25 Cel, battery 55.8 %, voltage 2.5625 V, button press, reading_quality 0, position_x 0, position_y 0",
        );
    }

    #[test]
    fn what_is_cut_or_unknown_gives_nothing() {
        sample("085F3C00C0C56E4AF70A").gives_nothing_when_cut();
        sample("FF5F3C00C0C56E4AF70A").refuses("mopeka", Why::UnknownModel(0xFF));
        assert_eq!(manufacturer(COMPANY, "085F3C00C0C56E4AF70A").decode().format, None);
    }
}
