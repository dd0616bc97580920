//! Characteristics of the Environmental Sensing Service (0x181A) as service data of their own, least significant byte
//! first; also Teltonika's and ELA's older Blue PUCK.
//!
//! Environmental Sensing Service 1.0, and the GATT Specification Supplement for the formats.

use super::{
    Advertisement, Format, Uuid, Why,
    bytes::{exactly, unsigned},
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Characteristics that are read here.
const CHARACTERISTICS: [u16; 8] = [0x2A6E, 0x2A6F, 0x2A6D, 0x2A7B, 0x2A76, 0x2AFB, 0x2B8C, 0x2A19];

/// The data of the first of them in an advertisement. The battery alone is of no sensor.
pub(super) fn find<'a>(advert: &Advertisement<'a>) -> Option<&'a [u8]> {
    CHARACTERISTICS[..7].iter().find_map(|short| advert.service_data(*short))
}

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::Ess);
    for (uuid, data) in frame.advert.service {
        if let Some(short) = CHARACTERISTICS.iter().find(|short| *uuid == Uuid::short(**short)) {
            characteristic(*short, data, is_puck(frame.advert.name_or_empty()), finding)?;
        }
    }
    Ok(())
}

/// Whether a name is a Blue PUCK's or COIN's.
fn is_puck(name: &str) -> bool {
    ["PUCK", "P ", "C "].iter().any(|start| name.starts_with(start))
}

/// Reads one characteristic. The smallest, or the largest, value is "not known".
fn characteristic(short: u16, data: &[u8], is_puck: bool, finding: &mut Finding) -> Result<(), Why> {
    let readings = &mut finding.readings;
    match short {
        0x2A6E => match i16::from_le_bytes(*exactly(data)?) {
            i16::MIN => {}
            raw => readings.decimal(Quantity::Temperature, raw, 2),
        },
        0x2A6F => humidity(data, is_puck, finding)?,
        // In 0.1 Pa.
        0x2A6D => readings.decimal(Quantity::Pressure, u32::from_le_bytes(*exactly(data)?), 3),
        0x2A7B => match exactly::<1>(data)?[0].cast_signed() {
            i8::MIN => {}
            raw => readings.push(Quantity::DewPoint, raw),
        },
        0x2A76 => readings.push(Quantity::UvIndex, exactly::<1>(data)?[0]),
        0x2AFB => match unsigned(exactly::<3>(data)?) {
            0xFF_FFFF => {}
            raw => readings.decimal(Quantity::Illuminance, raw, 2),
        },
        0x2B8C => match u16::from_le_bytes(*exactly(data)?) {
            u16::MAX => {}
            raw => readings.push(Quantity::Co2, raw),
        },
        _ => readings.push(Quantity::Battery, exactly::<1>(data)?[0]),
    }
    Ok(())
}

/// In 0.01 %, or in whole percent as the Blue PUCK sends it.
fn humidity(data: &[u8], is_puck: bool, finding: &mut Finding) -> Result<(), Why> {
    if let ([percent], true) = (data, is_puck) {
        finding.readings.push(Quantity::Humidity, *percent);
        return Ok(());
    }
    let raw = u16::from_le_bytes(*exactly(data)?);
    if raw != u16::MAX {
        finding.readings.decimal(Quantity::Humidity, raw, 2);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::service, *};

    #[test]
    fn vectors() {
        service(0x2A6E, "C409").gives("ess", "temperature 25.0 Cel");
        service(0x2A6E, "38FF").with_service(0x2A6F, "8813").gives("ess", "temperature -2.0 Cel, humidity 50.0 %");
        service(0x2A6E, "C409")
            .with_service(0x2A6F, "2A")
            .named("P RHT 900001")
            .gives("ess", "temperature 25.0 Cel, humidity 42 %");
        service(0x2A6D, "1A760F00").with_service(0x2A19, "64").gives("ess", "pressure 1013.274 hPa, battery 100 %");
        service(0x2AFB, "102700").with_service(0x2B8C, "9001").gives("ess", "illuminance 100.0 lx, co2 400 [ppm]");
        service(0x2A6E, "0080").refuses("ess", Why::NoValue);
        service(0x2A6E, "C409").gives_nothing_when_cut();
        service(0x2A6F, "8813").gives_nothing_when_cut();
    }
}
