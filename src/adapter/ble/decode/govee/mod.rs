//! Govee thermometers (H50xx, H51xx), grill thermometers (H518x, H519x) and door, motion and button sensors (H512x).
//!
//! Govee publishes nothing; the layouts are those the community found, as Home Assistant's `govee-ble` has them. The
//! length and the name tell the model apart: several share a layout, and some use one length for two layouts. The
//! company identifier is Govee's own invention (0xEC88, 0x0001, 0x8801 and others), and some models append Apple's
//! beacon frame to their own.

mod grill;
mod sealed;

use super::{
    Advertisement, Format, Value, Why,
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Apple, whose frame is not Govee's.
const APPLE: u16 = 0x004C;
/// What Govee calls itself.
const OWN: [u16; 5] = [0xEC88, 0x0001, 0x8801, 0x8803, 0x8843];

/// The data of an advertisement that looks like Govee's: by its company identifier, its name, or the service of a grill
/// thermometer.
pub(super) fn find<'a>(advert: &Advertisement<'a>) -> Option<&'a [u8]> {
    let is_named = ["Govee", "GV", "H5", "B5178"].iter().any(|start| advert.name_or_empty().contains(start));
    let is_named = is_named || grill::is_announced(advert);
    let mut others = advert.manufacturer.iter().filter(|(company, _)| *company != APPLE);
    let found = others.find(|(company, _)| is_named || OWN.contains(company) || grill::is_known(*company));
    found.map(|(_, data)| *data)
}

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    let (data, name) = (without_beacon(frame.data), frame.advert.name_or_empty());
    let whose = frame.advert.manufacturer.iter().find(|(_, data)| *data == frame.data);
    let company = whose.map_or(0, |(company, _)| *company);
    finding.format = Some(Format::Govee);
    match data.len() {
        24 => return sealed::decode(data, name, finding),
        6 if presence(data, finding) => return Ok(()),
        14 | 17 | 20 => return grill::decode(frame.advert, company, data, finding),
        _ => {}
    }
    if let Some(layout) = layout(name, company, data.len()) {
        return (layout.read)(data, finding);
    }
    // A company identifier that others may use as well says little without a length that fits.
    if !OWN.contains(&company) && !LAYOUTS.iter().any(|layout| layout.is_of(name)) {
        finding.format = None;
    }
    Err(Why::UnknownLength(data.len()))
}

/// Models that share a layout.
struct Layout {
    /// What their names contain.
    models: &'static [&'static str],
    /// How long their frames are.
    lengths: &'static [usize],
    /// The identifier that stands for the layout when there is no name.
    company: Option<u16>,
    /// Reads it.
    read: fn(&[u8], &mut Finding) -> Result<(), Why>,
}

/// The layouts.
const LAYOUTS: [Layout; 9] = [
    Layout { models: &["H5106"], lengths: &[6], company: None, read: air },
    Layout {
        models: &["H5072", "H5075", "H5129"],
        lengths: &[6],
        company: Some(0xEC88),
        read: |data, finding| climate(&data[1..5], 1, finding),
    },
    Layout { models: &["H5112"], lengths: &[8], company: None, read: two_probes },
    Layout { models: &["5140"], lengths: &[8], company: None, read: carbon_dioxide },
    Layout {
        models: &["H5100", "H5101", "H5102", "H5103", "H5104", "H5105", "H5108", "H5110", "H5174", "H5177", "GV5179"],
        lengths: &[6, 8],
        company: Some(0x0001),
        read: |data, finding| climate(&data[2..6], 1, finding),
    },
    Layout {
        models: &["H5074"],
        lengths: &[7],
        company: Some(0xEC88),
        read: |data, finding| fine_climate(&data[1..6], finding),
    },
    Layout {
        models: &["H5051", "H5052", "H5071"],
        lengths: &[9],
        company: Some(0xEC88),
        read: |data, finding| fine_climate(&data[1..6], finding),
    },
    Layout { models: &["H5178", "B5178"], lengths: &[9], company: Some(0x0001), read: with_remote },
    Layout {
        models: &["H5179"],
        lengths: &[9],
        company: Some(0x8801),
        read: |data, finding| fine_climate(&data[4..9], finding),
    },
];

impl Layout {
    /// Whether a name is one of its models'.
    fn is_of(&self, name: &str) -> bool {
        self.models.iter().any(|model| name.contains(model))
    }
}

/// The layout of a model, or without a known name that of the company identifier. A model whose length does not fit was
/// cut, and must not be taken for another.
fn layout(name: &str, company: u16, length: usize) -> Option<&'static Layout> {
    let is_named = LAYOUTS.iter().any(|layout| layout.is_of(name));
    LAYOUTS.iter().find(|layout| {
        let is_meant = if is_named { layout.is_of(name) } else { layout.company == Some(company) };
        is_meant && layout.lengths.contains(&length)
    })
}

/// Some stacks glue Apple's frame, 25 bytes, to the end.
fn without_beacon(data: &[u8]) -> &[u8] {
    let has_beacon = data.windows(13).any(|part| part == b"INTELLI_ROCKS");
    if data.len() > 25 && has_beacon { &data[..data.len() - 25] } else { data }
}

/// Temperature and humidity packed into 24 bits, and the battery, whose highest bit is an error of the sensor.
fn climate(data: &[u8], nth: u8, finding: &mut Finding) -> Result<(), Why> {
    let [high, middle, low, battery] = data else { return Err(Why::UnknownLength(data.len())) };
    let packed = u32::from_be_bytes([0, *high, *middle, *low]);
    let (temperature, humidity) = unpack(packed);
    let readings = &mut finding.readings;
    if battery & 0x80 != 0 || !(-400..=1000).contains(&temperature) {
        finding.note = Some(Why::Failed);
    } else {
        readings.push_nth(Quantity::Temperature, nth, Value::decimal(temperature, 1));
        readings.push_nth(Quantity::Humidity, nth, Value::decimal(humidity, 1));
    }
    readings.push_nth(Quantity::Battery, nth, battery & 0x7F);
    Ok(())
}

/// The highest of 24 bits is the sign, the rest thousands of 0.1 °C and a remainder of 0.1 %.
fn unpack(packed: u32) -> (i64, i64) {
    let size = i64::from(packed & 0x7F_FFFF);
    let temperature = size / 1000;
    (if packed & 0x80_0000 == 0 { temperature } else { -temperature }, size % 1000)
}

/// In 0.01 °C and 0.01 %, least significant byte first, and the battery.
fn fine_climate(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [t0, t1, h0, h1, battery] = data else { return Err(Why::UnknownLength(data.len())) };
    let (temperature, humidity) = (i16::from_le_bytes([*t0, *t1]), u16::from_le_bytes([*h0, *h1]));
    let readings = &mut finding.readings;
    // All bits set, or what cannot be: the sensor gave nothing.
    if !(-4000..=10_000).contains(&temperature) || humidity > 10_000 {
        finding.note = Some(Why::Failed);
    } else {
        readings.decimal(Quantity::Temperature, temperature, 2);
        readings.decimal(Quantity::Humidity, humidity, 2);
    }
    readings.push(Quantity::Battery, *battery);
    Ok(())
}

/// H5178: a sensor of its own (0), and a remote one (1).
fn with_remote(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    match data[2] {
        0 => climate(&data[3..7], 1, finding),
        1 => climate(&data[3..7], 2, finding),
        other => Err(Why::UnknownObject(other.into())),
    }
}

/// H5112: two probes, of which the first also measures humidity.
fn two_probes(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    match data[7] {
        0x41 => climate(&data[2..6], 1, finding),
        0x82 => {
            let (temperature, _) = unpack(u32::from_be_bytes([0, data[2], data[3], data[4]]));
            if data[5] & 0x80 != 0 || !(-400..=1000).contains(&temperature) {
                finding.note = Some(Why::Failed);
            } else {
                finding.readings.push_nth(Quantity::Temperature, 2, Value::decimal(temperature, 1));
            }
            finding.readings.push(Quantity::Battery, data[5] & 0x7F);
            Ok(())
        }
        other => Err(Why::UnknownObject(other.into())),
    }
}

/// H5140: carbon dioxide after temperature and humidity, and an error.
fn carbon_dioxide(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let (temperature, humidity) = unpack(u32::from_be_bytes([0, data[2], data[3], data[4]]));
    if data[7] != 0 || !(-400..=1000).contains(&temperature) {
        return Err(Why::Failed);
    }
    finding.readings.decimal(Quantity::Temperature, temperature, 1);
    finding.readings.decimal(Quantity::Humidity, humidity, 1);
    finding.readings.push(Quantity::Co2, u16::from_be_bytes([data[5], data[6]]));
    Ok(())
}

/// H5106: temperature, humidity and particles packed into 32 bits, the highest of which is the sign.
fn air(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let packed = u32::from_be_bytes([data[2], data[3], data[4], data[5]]);
    if packed == u32::MAX {
        return Err(Why::Failed);
    }
    let size = packed & 0x7FFF_FFFF;
    let temperature = i64::from(size / 1_000_000);
    let readings = &mut finding.readings;
    readings.decimal(Quantity::Temperature, if packed == size { temperature } else { -temperature }, 1);
    readings.decimal(Quantity::Humidity, i64::from(size % 1_000_000 / 1000), 1);
    readings.push(Quantity::Pm25, size % 1000);
    Ok(())
}

/// H5127: somebody is there, and moves. Lights send the same length, so the beginning counts.
fn presence(data: &[u8], finding: &mut Finding) -> bool {
    let [0xEC, 0x00, 0x01 | 0x02, 0x01, present, motion] = data else { return false };
    finding.readings.push(Quantity::Occupancy, *present == 1);
    finding.readings.push(Quantity::Motion, *motion == 17);
    true
}

#[cfg(test)]
mod tests;
