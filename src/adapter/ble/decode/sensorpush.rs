//! SensorPush thermometers, whose values begin where the company identifier belongs.
//!
//! SensorPush publishes nothing; the layout is what the community found, as Home Assistant's `sensorpush-ble` has it: one
//! number holds all values, each a digit of a base of its own. Two decimals are what the sensors resolve.

use alloc::vec::Vec;

use super::{
    Advertisement, Format, Uuid, Value, Why,
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Services of the HT1 and of what came after it.
const HT1: Uuid = Uuid(0xef09_0000_11d6_42ba_93b8_9dd7_ec09_0aa9);
const NEWER: Uuid = Uuid(0xef09_0000_11d6_42ba_93b8_9dd7_ec09_0ab0);

/// One value of a model: smallest, step, and how many steps there are, in hundredths of a step's unit by 10^4.
struct Digit {
    quantity: Quantity,
    /// The smallest value.
    least: f64,
    /// What a count of one is worth.
    step: f64,
    /// The base.
    base: u64,
}

/// Temperature by 0.0025 °C from -40 to 140, humidity by 0.0025 %, pressure by 0.01 hPa from 300.
const HTP_XW: [Digit; 3] = [
    Digit { quantity: Quantity::Temperature, least: -40.0, step: 0.0025, base: 72_001 },
    Digit { quantity: Quantity::Humidity, least: 0.0, step: 0.0025, base: 40_001 },
    Digit { quantity: Quantity::Pressure, least: 300.0, step: 0.01, base: 95_001 },
];
/// The same to 125 °C, without pressure.
const HT_W: [Digit; 2] = [
    Digit { quantity: Quantity::Temperature, least: -40.0, step: 0.0025, base: 66_001 },
    Digit { quantity: Quantity::Humidity, least: 0.0, step: 0.0025, base: 40_001 },
];
/// A thermocouple: by 1/16 °C from -200.
const TC_X: [Digit; 1] = [Digit { quantity: Quantity::Temperature, least: -200.0, step: 0.0625, base: 32_001 }];

/// The data of an advertisement that looks like `SensorPush`'s.
pub(super) fn find<'a>(advert: &Advertisement<'a>) -> Option<&'a [u8]> {
    let name = advert.name_or_empty();
    let is_newer = ["HTP.xw", "HT.w", "TC.x"].iter().any(|model| name.contains(model)) || advert.has_service(NEWER);
    let is_first = name == "s" && advert.has_service(HT1);
    advert.manufacturer.last().filter(|_| is_newer || is_first).map(|(_, data)| *data)
}

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::Sensorpush);
    let (company, data) = frame.advert.manufacturer.last().ok_or(Why::NoValue)?;
    let whole: Vec<u8> = company.to_le_bytes().into_iter().chain(data.iter().copied()).collect();
    if frame.advert.name_or_empty() == "s" && frame.advert.has_service(HT1) {
        return first_model(&whole, finding);
    }
    // Two bits of a page, of which only the first holds values, and the model.
    if whole[0] & 0x03 != 0 {
        return Err(Why::NoValue);
    }
    match whole[0] >> 2 {
        0 => digits(&HTP_XW, 7, &whole, finding),
        1 => digits(&HT_W, 5, &whole, finding),
        2 => digits(&TC_X, 4, &whole, finding),
        other => Err(Why::UnknownModel(other.into())),
    }
}

/// Takes the number apart, the lowest digit first.
fn digits(digits: &[Digit], length: usize, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    if data.len() != length {
        return Err(Why::Length { got: data.len(), want: length });
    }
    let mut number = data[1..].iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    for digit in digits {
        #[expect(clippy::cast_precision_loss, reason = "a digit is below 100 000")]
        let count = (number % digit.base) as f64;
        finding.readings.push(digit.quantity, Value::rounded(count * digit.step + digit.least, 2));
        number /= digit.base;
    }
    Ok(())
}

/// HT1: twelve bits of humidity, fourteen of temperature, and the model; the formulas of its sensor.
fn first_model(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let Some([b0, b1, b2, b3]) = data.first_chunk() else { return Err(Why::TooShort { got: data.len(), want: 4 }) };
    let model = b3 >> 2 & 0x1F;
    if model != 1 {
        return Err(Why::UnknownModel(model.into()));
    }
    let humidity = u16::from(*b0) | u16::from(b1 & 0x0F) << 8;
    let temperature = u16::from(b1 >> 4) | u16::from(*b2) << 4 | u16::from(b3 & 0x03) << 12;
    let celsius = -46.85 + 175.72 * (f64::from(temperature) / 16_384.0);
    let percent = (-6.0 + 125.0 * (f64::from(humidity) / 4096.0)).clamp(0.0, 100.0);
    finding.readings.push(Quantity::Temperature, Value::rounded(celsius, 2));
    finding.readings.push(Quantity::Humidity, Value::rounded(percent, 2));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::manufacturer, *};

    #[test]
    fn vectors() {
        // Frames made at random, and what sensorpush-ble 1.9 reads from them.
        manufacturer(0x0704, "9F19B1")
            .named("SensorPush HT.w 0CA1")
            .gives("sensorpush", "temperature -6.69 Cel, humidity 12.54 %");
        manufacturer(0x7F00, "CBD1F125AB")
            .named("SensorPush HTP.xw F4D")
            .gives("sensorpush", "temperature 36.31 Cel, humidity 54.91 %, pressure 953.37 hPa");
        manufacturer(0xA308, "FE00").named("SensorPush TC.x 01").gives("sensorpush", "temperature -125.94 Cel");
        manufacturer(0x6B5C, "7F04")
            .named("s")
            .with_service_uuid(HT1)
            .gives("sensorpush", "temperature -24.99 Cel, humidity 82.75 %");
    }

    #[test]
    fn other_pages_and_models_give_nothing() {
        manufacturer(0x2C07, "FECAF5").named("HT.w").refuses("sensorpush", Why::NoValue);
        manufacturer(0x2CF0, "FECAF5").named("HT.w").refuses("sensorpush", Why::UnknownModel(60));
        manufacturer(0x7F00, "CBD1F1").named("HTP.xw").refuses("sensorpush", Why::Length { got: 5, want: 7 });
    }

    #[test]
    fn what_was_cut_gives_nothing() {
        manufacturer(0x0704, "9F19B1").named("SensorPush HT.w 0CA1").gives_nothing_when_cut();
    }
}
