//! Inkbird thermometers, whose first value stands where the company identifier belongs.
//!
//! Inkbird publishes nothing; the layouts are those the community found, as Home Assistant's `inkbird-ble` has them.
//! The name, which comes in the scan response, tells what it is: `sps`, `tps`, `iBBQ` and others.

use super::{
    Advertisement, Format, Value, Why,
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Names of the probes that say more than 9 bytes.
const LONG: [&str; 4] = ["ibs-p02b", "ith-11-b", "ith-13-b", "ith-21-b"];
/// IAM-T2, which has an identifier of its own.
const IAM_T2: u16 = 12_884;

/// The data of an advertisement that looks like Inkbird's.
pub(super) fn find<'a>(advert: &Advertisement<'a>) -> Option<&'a [u8]> {
    let (company, data) = advert.manufacturer.last()?;
    (*company == IAM_T2 && data.starts_with(&[0x00, 0x62]) || kind(advert.name_or_empty()).is_some()).then_some(*data)
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// IBS-TH: temperature and humidity.
    Hygrometer,
    /// IBS-TH2 and IBS-P01B: humidity only if it has a sensor for it.
    Thermometer,
    /// A longer frame, in 0.1 °C.
    Long,
    /// One to six probes.
    Grill,
}

/// The kind of a name.
fn kind(name: &str) -> Option<Kind> {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let has =
        |part: &str| name.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()));
    if is("sps") {
        Some(Kind::Hygrometer)
    } else if is("tps") {
        Some(Kind::Thermometer)
    } else if LONG.iter().any(|long| is(long)) {
        Some(Kind::Long)
    } else if has("ibbq") || has("xbbq") {
        Some(Kind::Grill)
    } else {
        None
    }
}

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::Inkbird);
    let company = frame.advert.manufacturer.last().map_or(0, |(company, _)| *company);
    match (kind(frame.advert.name_or_empty()), frame.data.len()) {
        (Some(Kind::Hygrometer), 7) => short(company, frame.data, true, finding),
        (Some(Kind::Thermometer), 7) => short(company, frame.data, false, finding),
        (Some(Kind::Long), 16) => long(frame.data, finding),
        (Some(Kind::Grill), 10 | 12 | 16 | 20) => {
            grill(frame.data, finding);
            Ok(())
        }
        (None, 15) => air(frame.data, finding),
        (_, length) => Err(Why::UnknownLength(length)),
    }
}

/// Temperature in the company identifier and humidity, in 0.01; then which probe, a checksum, and the battery.
fn short(company: u16, data: &[u8], has_humidity: bool, finding: &mut Finding) -> Result<(), Why> {
    let (humidity, battery) = (u16::from_le_bytes([data[0], data[1]]), data[5]);
    // A thermometer without sensor for humidity sends 0 or all bits set.
    let has_humidity = has_humidity || (humidity != 0 && humidity != u16::MAX);
    if has_humidity && humidity > 10_000 {
        return Err(Why::Implausible("humidity"));
    }
    if battery > 100 {
        return Err(Why::Implausible("battery"));
    }
    finding.readings.decimal(Quantity::Temperature, company.cast_signed(), 2);
    if has_humidity {
        finding.readings.decimal(Quantity::Humidity, humidity, 2);
    }
    finding.readings.push(Quantity::Battery, battery);
    Ok(())
}

/// Temperature and humidity in 0.1 behind six bytes, then the battery.
fn long(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let (temperature, humidity) = (i16::from_le_bytes([data[4], data[5]]), u16::from_le_bytes([data[6], data[7]]));
    let battery = data[8];
    if humidity > 1000 {
        return Err(Why::Implausible("humidity"));
    }
    if battery > 100 {
        return Err(Why::Implausible("battery"));
    }
    finding.readings.decimal(Quantity::Temperature, temperature, 1);
    if humidity != 0 {
        finding.readings.decimal(Quantity::Humidity, humidity, 1);
    }
    finding.readings.push(Quantity::Battery, battery);
    Ok(())
}

/// Probes in 0.1 °C behind the address; all bits set is not plugged in.
fn grill(data: &[u8], finding: &mut Finding) {
    for (nth, raw) in (1..).zip(data[8..].chunks_exact(2)) {
        let raw = i16::from_le_bytes([raw[0], raw[1]]);
        if raw != -1 {
            finding.readings.push_nth(Quantity::Temperature, nth, Value::decimal(raw.into(), 1));
        }
    }
}

/// IAM-T2: behind the address a status, then temperature (in °F if bit 1 is set), humidity and carbon dioxide.
fn air(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let at = |at: usize| [data[at], data[at + 1]];
    let (temperature, humidity) = (i16::from_be_bytes(at(8)), u16::from_be_bytes(at(10)));
    if humidity > 1000 {
        return Err(Why::Implausible("humidity"));
    }
    let celsius = if data[7] & 0x02 == 0 {
        Value::decimal(temperature.into(), 1)
    } else {
        Value::rounded((f64::from(temperature) / 10.0 - 32.0) * 5.0 / 9.0, 2)
    };
    finding.readings.push(Quantity::Temperature, celsius);
    finding.readings.decimal(Quantity::Humidity, humidity, 1);
    finding.readings.push(Quantity::Co2, u16::from_be_bytes(at(12)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::manufacturer, *};

    #[test]
    fn vectors() {
        // Frames made by hand; inkbird-ble 1.7 reads the same.
        manufacturer(2096, "0F12 00 5A C7 57 06")
            .named("sps")
            .gives("inkbird", "temperature 20.96 Cel, humidity 46.23 %, battery 87 %");
        manufacturer(2120, "0000 00 5A C7 64 08")
            .named("tps")
            .gives("inkbird", "temperature 21.2 Cel, battery 100 %");
        manufacturer(0xFE0C, "FFFF 00 5A C7 64 08")
            .named("tps")
            .gives("inkbird", "temperature -5.0 Cel, battery 100 %");
        manufacturer(0, "0000 3403DE278BBC D200 0401 FFFF DC00")
            .named("iBBQ")
            .gives("inkbird", "temperature 21.0 Cel, temperature_2 26.0 Cel, temperature_4 22.0 Cel");
        manufacturer(9289, "090D6200 FA00 F401 55 00000000000000")
            .named("ITH-21-B")
            .gives("inkbird", "temperature 25.0 Cel, humidity 50.0 %, battery 85 %");
        manufacturer(IAM_T2, "0062AABBCCDD 00 00 00D2 01F4 0320 91")
            .gives("inkbird", "temperature 21.0 Cel, humidity 50.0 %, co2 800 [ppm]");
    }

    #[test]
    fn what_cannot_be_gives_nothing() {
        let sample = manufacturer(2096, "0F12005AC75706").named("sps");
        sample.gives_nothing_when_cut();
        manufacturer(0, "FFFF005AC76408").named("sps").refuses("inkbird", Why::Implausible("humidity"));
        manufacturer(0, "0F12005AC7FF08").named("sps").refuses("inkbird", Why::Implausible("battery"));
    }
}
