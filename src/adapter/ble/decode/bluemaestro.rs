//! Blue Maestro Tempo Discs, manufacturer data 0x0133, most significant byte first.
//!
//! Blue Maestro, "Temperature Humidity Dew Point" API 2.4 and <https://bluemaestro.com/developer>: model, battery,
//! interval, number of the log entry, temperature; then, of models that have them, humidity, dew point or pressure, and
//! the mode; in 0.1. Extended advertisements append 25 bytes of the highest, lowest and mean values. The Maxi, as Home
//! Assistant's `bluemaestro-ble` has it, puts what it measures behind those, least significant byte first and in 0.01.

use super::{
    Format, Why,
    bytes::{at_least, exactly, signed},
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Blue Maestro.
pub(super) const COMPANY: u16 = 0x0133;

/// What a model measures besides temperature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Model {
    /// Disc T and the thermometer before it: nothing.
    T,
    /// Disc THD: humidity and the dew point.
    Thd,
    /// Disc THPD: humidity, and pressure in place of the dew point.
    Thpd,
    /// Disc Maxi T: nothing.
    MaxiT,
    /// Disc Maxi THD: humidity.
    MaxiThd,
    /// Disc Maxi THPD: humidity and pressure.
    MaxiThpd,
}

impl Model {
    /// The model of a number.
    fn of(number: u8) -> Result<Self, Why> {
        match number {
            0x08 | 0x0D => Ok(Self::T),
            0x16 | 0x17 => Ok(Self::Thd),
            0x1B => Ok(Self::Thpd),
            0x29 => Ok(Self::MaxiT),
            0x2A => Ok(Self::MaxiThd),
            0x2B => Ok(Self::MaxiThpd),
            other => Err(Why::UnknownModel(other.into())),
        }
    }
}

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    let data = frame.data;
    let model = Model::of(*data.first().ok_or(Why::TooShort { got: 0, want: 14 })?)?;
    finding.format = Some(Format::Bluemaestro);
    match model {
        Model::T => temperature(&at_least::<8>(data)?[..], finding),
        Model::Thd => disc(Quantity::DewPoint, data, finding)?,
        Model::Thpd => disc(Quantity::Pressure, data, finding)?,
        Model::MaxiT => maxi(&at_least::<17>(data)?[15..], finding),
        Model::MaxiThd => maxi(&at_least::<19>(data)?[15..], finding),
        Model::MaxiThpd => maxi(&at_least::<23>(data)?[15..], finding),
    }
    finding.readings.push(Quantity::Battery, data[1]);
    Ok(())
}

/// A disc with humidity and a third value.
fn disc(third: Quantity, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    /// How long the statistics of extended advertisements are.
    const STATISTICS: usize = 25;
    let data = if data.len() == 14 + STATISTICS { &data[..14] } else { data };
    let data: &[u8; 14] = exactly(data)?;
    temperature(data, finding);
    finding.readings.decimal(Quantity::Humidity, number(data, 8), 1);
    finding.readings.decimal(third, number(data, 10), 1);
    Ok(())
}

/// Temperature, humidity and pressure, as many as there are bytes for.
fn maxi(values: &[u8], finding: &mut Finding) {
    let (temperature, rest) = values.split_at(2);
    finding.readings.decimal(Quantity::Temperature, signed(temperature), 2);
    if let Some((humidity, pressure)) = rest.split_at_checked(2) {
        finding.readings.decimal(Quantity::Humidity, signed(humidity), 2);
        if !pressure.is_empty() {
            finding.readings.decimal(Quantity::Pressure, signed(pressure), 2);
        }
    }
}

/// What all models but the Maxi have, of a frame whose length was checked.
fn temperature(data: &[u8], finding: &mut Finding) {
    finding.counter = Some(number(data, 4).cast_unsigned().into());
    finding.readings.decimal(Quantity::Temperature, number(data, 6), 1);
}

/// Two bytes with sign.
fn number(data: &[u8], at: usize) -> i16 {
    i16::from_be_bytes([data[at], data[at + 1]])
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::manufacturer, *};

    #[test]
    fn vectors() {
        // Frames made by hand; bleparser 3.7 reads the same.
        manufacturer(COMPANY, "17 64 0E10 0001 00DE 01D4 0067 0100")
            .gives("bluemaestro", "temperature 22.2 Cel, humidity 46.8 %, dew_point 10.3 Cel, battery 100 %");
        manufacturer(COMPANY, "1B 64 0E10 0001 FFF6 01D4 2794 0100")
            .gives("bluemaestro", "temperature -1.0 Cel, humidity 46.8 %, pressure 1013.2 hPa, battery 100 %");
        manufacturer(COMPANY, "16 64 0E10 0001 00DE 01D4 0067 0100")
            .gives("bluemaestro", "temperature 22.2 Cel, humidity 46.8 %, dew_point 10.3 Cel, battery 100 %");
        manufacturer(COMPANY, "0D 64 0E10 0001 FFF6 0100")
            .gives("bluemaestro", "temperature -1.0 Cel, battery 100 %");
        manufacturer(COMPANY, "08 64 0E10 0001 FFF6").gives("bluemaestro", "temperature -1.0 Cel, battery 100 %");
        manufacturer(COMPANY, "17640E10000100DE01D400670100").gives_nothing_when_cut();
        manufacturer(COMPANY, "0D640E100001FFF6").gives_nothing_when_cut();
    }

    #[test]
    fn vectors_of_extended_advertisements() {
        // The frame of the tests of bluemaestro-ble, which comes from a device.
        let whole = "17640E10000200F201F200830100010D02AB00F201F2010D02AB00F201F200FF024E0000000000";
        manufacturer(COMPANY, whole)
            .gives("bluemaestro", "temperature 24.2 Cel, humidity 49.8 %, dew_point 13.1 Cel, battery 100 %");
        manufacturer(COMPANY, &whole[..64]).refuses("bluemaestro", Why::Length { got: 32, want: 14 });
        // Made by hand; bluemaestro-ble 1.2 reads the same.
        let maxi =
            |model: &str, values: &str| manufacturer(COMPANY, &format!("{model}54{}{values}", "00".repeat(13)));
        maxi("29", "FFFE").gives("bluemaestro", "temperature -2.57 Cel, battery 84 %");
        maxi("2A", "C409 8813").gives("bluemaestro", "temperature 25.0 Cel, humidity 50.0 %, battery 84 %");
        maxi("2B", "C409 8813 CD8B0100")
            .gives("bluemaestro", "temperature 25.0 Cel, humidity 50.0 %, pressure 1013.25 hPa, battery 84 %");
        maxi("2B", "C409 8813 CD8B0100").gives_nothing_when_cut();
    }
}
