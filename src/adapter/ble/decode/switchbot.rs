//! SwitchBot meters, contact, motion and leak sensors: service data 0xFD3D (older 0x0D00) and manufacturer data 0x0969.
//!
//! <https://github.com/OpenWonderLabs/SwitchBotAPI-BLE>. The service data tell the model; the manufacturer data begin
//! with the address and hold the values, which the older firmware puts into the service data as well.

use super::{
    Format, Value, Why,
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Woan Technology, which is SwitchBot.
const COMPANY: u16 = 0x0969;
/// Its service, and the one before it had a number of its own.
pub(super) const SERVICE: u16 = 0xFD3D;
pub(super) const OLD_SERVICE: u16 = 0x0D00;

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::Switchbot);
    let service = frame.data;
    let model = service.first().ok_or(Why::TooShort { got: 0, want: 1 })? & 0x7F;
    let own = frame.advert.manufacturer_data(COMPANY);
    match model {
        b'T' | b't' | b'i' | b'I' | b'w' | b'W' | b'4' | 0x14 => meter(service, own, finding),
        b'5' | 0x15 => {
            meter(service, own, finding)?;
            carbon_dioxide(own, finding);
            Ok(())
        }
        b'd' | b'D' => contact(service, own, finding),
        b's' | b'S' => motion(service, own, finding),
        b'&' | 0x06 => leak(own, finding),
        b'v' | b'V' => hub(own, finding),
        other => Err(Why::UnknownModel(other.into())),
    }
}

/// Three bytes: tenths of a degree, degrees with bit 7 for "above zero", humidity. All zero is no measurement.
fn climate(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [tenths, degrees, humidity] = data else { return Err(Why::UnknownLength(data.len())) };
    let (tenths, humidity) = (tenths & 0x0F, humidity & 0x7F);
    if tenths > 9 {
        return Err(Why::Implausible("temperature"));
    }
    let size = i64::from(degrees & 0x7F) * 10 + i64::from(tenths);
    if size == 0 && humidity == 0 {
        return Err(Why::NoValue);
    }
    finding.readings.decimal(Quantity::Temperature, if degrees & 0x80 == 0 { -size } else { size }, 1);
    finding.readings.push(Quantity::Humidity, humidity);
    Ok(())
}

/// From the manufacturer's data, or from the service data of older firmware.
fn meter(service: &[u8], own: Option<&[u8]>, finding: &mut Finding) -> Result<(), Why> {
    let values = own.and_then(|own| own.get(8..11)).or(service.get(3..6));
    climate(values.ok_or(Why::TooShort { got: service.len(), want: 6 })?, finding)?;
    battery(service, finding);
    Ok(())
}

/// The battery is in the service data of every model.
fn battery(service: &[u8], finding: &mut Finding) {
    finding.readings.maybe(Quantity::Battery, service.get(2).map(|battery| battery & 0x7F));
}

/// Up to 9999 ppm can be measured; what lies above is no measurement.
fn carbon_dioxide(own: Option<&[u8]>, finding: &mut Finding) {
    if let Some([high, low]) = own.and_then(|own| own.get(13..15)) {
        let raw = u16::from_be_bytes([*high, *low]);
        finding.readings.maybe(Quantity::Co2, (raw <= 9999).then_some(raw));
    }
}

/// Open, open for too long, motion, light, and how often its button was pressed.
fn contact(service: &[u8], own: Option<&[u8]>, finding: &mut Finding) -> Result<(), Why> {
    let (motion, light, open, too_long, presses) = match (own, service) {
        (Some(own), _) if own.len() >= 13 => {
            (own[7] & 0x80, own[7] & 0x40, own[7] & 0x10, own[7] & 0x20, own[12] & 0x0F)
        }
        (_, [_, state, _, more, .., last]) if service.len() == 9 => {
            (state & 0x40, more & 0x01, more & 0x02, more & 0x04, last & 0x0F)
        }
        _ => return Err(Why::TooShort { got: service.len(), want: 9 }),
    };
    let readings = &mut finding.readings;
    readings.push(Quantity::Opening, open | too_long != 0);
    readings.push(Quantity::LeftOpen, too_long != 0);
    readings.push(Quantity::Motion, motion != 0);
    readings.push(Quantity::Light, light != 0);
    readings.push(Quantity::PressCount, presses);
    battery(service, finding);
    Ok(())
}

/// Motion and light.
fn motion(service: &[u8], own: Option<&[u8]>, finding: &mut Finding) -> Result<(), Why> {
    let (motion, light) = match own {
        Some(own) if own.len() >= 8 => (own[7] & 0x40, own[7] & 0x20),
        _ if service.len() >= 6 => (service[1] & 0x40, service[5] & 0x02),
        _ => return Err(Why::TooShort { got: service.len(), want: 6 }),
    };
    finding.readings.push(Quantity::Motion, motion != 0);
    finding.readings.push(Quantity::Light, light != 0);
    battery(service, finding);
    Ok(())
}

/// Battery, then water and tampering as bits.
fn leak(own: Option<&[u8]>, finding: &mut Finding) -> Result<(), Why> {
    let own = own.unwrap_or_default();
    let [.., battery, events] = own.get(..9).ok_or(Why::TooShort { got: own.len(), want: 9 })? else {
        return Err(Why::UnknownLength(own.len()));
    };
    let readings = &mut finding.readings;
    readings.push(Quantity::WaterLeak, events & 0x01 != 0);
    readings.push(Quantity::Tamper, events & 0x02 != 0);
    readings.push(Quantity::Battery, battery & 0x7F);
    readings.push(Quantity::BatteryLow, battery & 0x80 != 0);
    Ok(())
}

/// Hub 2: brightness in steps, and the values of its cable.
fn hub(own: Option<&[u8]>, finding: &mut Finding) -> Result<(), Why> {
    let own = own.unwrap_or_default();
    let values = own.get(12..16).ok_or(Why::TooShort { got: own.len(), want: 16 })?;
    climate(&values[1..], finding)?;
    finding.readings.push(Quantity::LightLevel, Value::Int((values[0] & 0x1F).into()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{
        super::fixtures::{Sample, service},
        *,
    };

    /// A meter as it is heard by active scanning.
    fn meter() -> Sample {
        service(SERVICE, "5400E4").with_manufacturer(COMPANY, "C1C2C3C4C5C6 3505 049A32")
    }

    #[test]
    fn vectors_of_meters() {
        // Frames made by hand from the documentation; PySwitchbot reads the same.
        meter().gives("switchbot", "temperature 26.4 Cel, humidity 50 %, battery 100 %");
        service(SERVICE, "5400E4 049A32").gives("switchbot", "temperature 26.4 Cel, humidity 50 %, battery 100 %");
        service(SERVICE, "6900E4 041A32").gives("switchbot", "temperature -26.4 Cel, humidity 50 %, battery 100 %");
        service(SERVICE, "350064")
            .with_manufacturer(COMPANY, "B0E9FE598440 9BE4 089619 B1E2 0313")
            .gives("switchbot", "temperature 22.8 Cel, humidity 25 %, battery 100 %, co2 787 [ppm]");
        service(SERVICE, "5400E4000000").refuses("switchbot", Why::NoValue);
    }

    #[test]
    fn vectors_of_states() {
        service(SERVICE, "6400E4 02 00000000 03").gives(
            "switchbot",
            "opening true, left_open false, motion false, light false, button_counter 3, battery 100 %",
        );
        service(SERVICE, "7340C8 000002").gives("switchbot", "motion true, light true, battery 72 %");
        service(SERVICE, "2600")
            .with_manufacturer(COMPANY, "C1C2C3C4C5C6 01 E4 03")
            .gives("switchbot", "water_leak true, tamper true, battery 100 %, battery_low true");
    }

    #[test]
    fn what_is_cut_or_unknown_gives_nothing() {
        meter().gives_nothing_when_cut();
        service(SERVICE, "4800E4").refuses("switchbot", Why::UnknownModel(0x48));
    }
}
