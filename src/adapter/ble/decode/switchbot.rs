//! SwitchBot meters, hubs, contact, motion, presence and leak sensors: service data 0xFD3D (older 0x0D00) and manufacturer data 0x0969.
//!
//! <https://github.com/OpenWonderLabs/SwitchBotAPI-BLE>. The service data tell the model; the manufacturer data begin
//! with the address and hold the values, which the older firmware puts into the service data as well. The newest models
//! have no letter any more but three bytes at the end of the service data; their layouts are those of `PySwitchbot`.

use super::{
    Format, Value, Why,
    bytes::at_least,
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
        b'%' | 0x05 => climate(hub_values(own)?, finding),
        other => newer(other, service, own, finding),
    }
}

/// Models that the end of the service data tells, behind which one more byte may stand.
fn newer(letter: u8, service: &[u8], own: Option<&[u8]>, finding: &mut Finding) -> Result<(), Why> {
    let own = own.unwrap_or_default();
    for end in [service.len(), service.len().saturating_sub(1)] {
        match service[..end] {
            [_, .., 0x10, 0xB9, 0x40] => return third_hub(own, finding),
            [_, .., 0x10, 0x53, 0xB0] => return weather_station(own, finding),
            [_, .., 0x10, 0xF3, 0xD8] => return climate_panel(own, finding),
            [_, .., 0x10, 0xCC, 0xC8] => return presence(service, own, finding),
            _ => {}
        }
    }
    Err(Why::UnknownModel(letter.into()))
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
    climate(hub_values(own)?, finding)?;
    let light = own.and_then(|own| own.get(12)).copied().unwrap_or_default();
    finding.readings.push(Quantity::LightLevel, Value::Int((light & 0x1F).into()));
    Ok(())
}

/// Where hubs have the values of their cable.
fn hub_values(own: Option<&[u8]>) -> Result<&[u8], Why> {
    let own = own.unwrap_or_default();
    own.get(13..16).ok_or(Why::TooShort { got: own.len(), want: 16 })
}

/// Hub 3: as Hub 2, a bit that says that no cable is plugged in, and motion.
fn third_hub(own: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let own: &[u8; 17] = at_least(own)?;
    if own[12] & 0x20 == 0 {
        climate(&own[13..16], finding)?;
    }
    finding.readings.push(Quantity::LightLevel, own[12] & 0x0F);
    finding.readings.push(Quantity::Motion, own[16] & 0x80 != 0);
    Ok(())
}

/// Battery, with a bit for charging, before temperature and humidity.
fn weather_station(own: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let own: &[u8; 11] = at_least(own)?;
    climate(&own[8..], finding)?;
    finding.readings.push(Quantity::Battery, own[7] & 0x7F);
    finding.readings.push(Quantity::BatteryCharging, own[7] & 0x80 != 0);
    Ok(())
}

/// On and battery in one byte, temperature and humidity, and behind its buttons motion and light.
fn climate_panel(own: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let own: &[u8; 16] = at_least(own)?;
    climate(&own[8..11], finding)?;
    let readings = &mut finding.readings;
    readings.push(Quantity::On, own[7] & 0x80 != 0);
    readings.push(Quantity::Battery, own[7] & 0x7F);
    readings.push(Quantity::Motion, own[15] & 0x80 != 0);
    readings.push(Quantity::Light, own[15] >> 1 & 0x03 == 2);
    Ok(())
}

/// Motion, for how long in seconds, and brightness in steps.
fn presence(service: &[u8], own: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let own: &[u8; 12] = at_least(own)?;
    finding.readings.push(Quantity::Occupancy, own[7] & 0x40 != 0);
    finding.readings.push(Quantity::Duration, u16::from_be_bytes([own[8], own[9]]));
    finding.readings.push(Quantity::LightLevel, own[11] & 0x1F);
    battery(service, finding);
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
    fn vectors_of_hubs_and_stations() {
        // Frames made by hand; PySwitchbot 3.1 reads the same.
        let own = |data| service(SERVICE, "00 00 64 00 10 B9 40").with_manufacturer(COMPANY, data);
        own("C1C2C3C4C5C6 01 0000000000 05 08 96 32 80")
            .gives("switchbot", "temperature 22.8 Cel, humidity 50 %, light_level 5, motion true");
        own("C1C2C3C4C5C6 01 0000000000 25 08 96 32 00").gives("switchbot", "light_level 5, motion false");
        service(SERVICE, "7600")
            .with_manufacturer(COMPANY, "C1C2C3C4C5C6 01 0000000000 13 08 96 32")
            .gives("switchbot", "temperature 22.8 Cel, humidity 50 %, light_level 19");
        service(SERVICE, "2500")
            .with_manufacturer(COMPANY, "C1C2C3C4C5C6 01 0000000000 00 08 16 32")
            .gives("switchbot", "temperature -22.8 Cel, humidity 50 %");
        service(SERVICE, "00 00 64 00 10 53 B0 00")
            .with_manufacturer(COMPANY, "C1C2C3C4C5C6 01 E4 08 96 32")
            .gives("switchbot", "temperature 22.8 Cel, humidity 50 %, battery 100 %, battery_charging true");
        service(SERVICE, "00 00 64 00 10 F3 D8")
            .with_manufacturer(COMPANY, "C1C2C3C4C5C6 01 E4 08 96 32 0000000084")
            .gives(
                "switchbot",
                "temperature 22.8 Cel, humidity 50 %, on true, battery 100 %, motion true, light true",
            );
        service(SERVICE, "00 00 64 00 10 CC C8")
            .with_manufacturer(COMPANY, "C1C2C3C4C5C6 01 4C 0102 00 85")
            .gives("switchbot", "occupancy true, duration 258 s, light_level 5, battery 100 %");
    }

    #[test]
    fn what_is_cut_or_unknown_gives_nothing() {
        meter().gives_nothing_when_cut();
        service(SERVICE, "4800E4").refuses("switchbot", Why::UnknownModel(0x48));
    }
}
