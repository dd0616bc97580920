//! ThermoBeacon (also ORIA, Brifit, ThermoPlus): the company identifier is the model, with service 0xFFF0.
//!
//! Nothing is published; the layout is what the community found, as Home Assistant's `thermobeacon-ble` has it. Frames of
//! 18 bytes hold the present values, those of 20 the least and greatest.

use super::{
    Advertisement, Format, Uuid, Value, Why,
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Models, where the company identifier belongs.
const MODELS: [u16; 7] = [0x10, 0x11, 0x14, 0x15, 0x18, 0x1B, 0x30];
/// A service many devices use, which is why the model counts as well.
const SERVICE: Uuid = Uuid::short(0xFFF0);

/// The data of an advertisement that looks like one.
pub(super) fn find<'a>(advert: &Advertisement<'a>) -> Option<&'a [u8]> {
    let (_, data) = advert.manufacturer.iter().rfind(|(model, _)| MODELS.contains(model))?;
    advert.has_service(SERVICE).then_some(*data)
}

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::Thermobeacon);
    let data: &[u8; 18] = match frame.data.len() {
        20 => return Err(Why::NoValue),
        length => frame.data.try_into().map_err(|_| Why::UnknownLength(length))?,
    };
    let at = |at: usize| [data[at], data[at + 1]];
    let (voltage, temperature, humidity) =
        (u16::from_le_bytes(at(8)), i16::from_le_bytes(at(10)), u16::from_le_bytes(at(12)));
    // In 1/16.
    if temperature > 1600 {
        return Err(Why::Implausible("temperature"));
    }
    if humidity > 1600 {
        return Err(Why::Implausible("humidity"));
    }
    let readings = &mut finding.readings;
    readings.push(Quantity::Temperature, Value::rounded(f64::from(temperature) / 16.0, 2));
    readings.push(Quantity::Humidity, Value::rounded(f64::from(humidity) / 16.0, 2));
    readings.push(Quantity::Battery, charge(voltage));
    readings.decimal(Quantity::Voltage, voltage, 3);
    if data[1] & 0x80 != 0 {
        readings.push(Quantity::Button, "press");
    }
    Ok(())
}

/// Percent of a button cell by its millivolts.
fn charge(millivolts: u16) -> u16 {
    match millivolts {
        3000.. => 100,
        2600.. => 60 + (millivolts - 2600) / 10,
        2500.. => 40 + (millivolts - 2500) / 5,
        2450.. => 20 + (millivolts - 2450) * 2 / 5,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::fixtures::{Sample, manufacturer},
        *,
    };

    fn sample(data: &str) -> Sample {
        manufacturer(0x10, data).with_service_uuid(SERVICE)
    }

    #[test]
    fn vectors() {
        // Frames made by hand; thermobeacon-ble 1.0 reads the same.
        sample("0000 09 1A 00 00 11 22 F7 0B 5B 01 58 03 00 00 00 00")
            .gives("thermobeacon", "temperature 21.69 Cel, humidity 53.5 %, battery 100 %, voltage 3.063 V");
        sample("0080 09 1A 00 00 11 22 28 0A F8 FF 58 03 00 00 00 00").gives(
            "thermobeacon",
            "temperature -0.5 Cel, humidity 53.5 %, battery 60 %, voltage 2.6 V, button press",
        );
    }

    #[test]
    fn other_frames_give_nothing() {
        sample("0000091A00001122F70B5B01580300000000").gives_nothing_when_cut();
        sample("0000091A00001122F70B5B0158030000000000 00").refuses("thermobeacon", Why::NoValue);
        sample("0000091A00001122F70BFF7F580300000000").refuses("thermobeacon", Why::Implausible("temperature"));
    }
}
