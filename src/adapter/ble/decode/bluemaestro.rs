//! Blue Maestro Tempo Discs, manufacturer data 0x0133, most significant byte first.
//!
//! Blue Maestro, "Temperature Humidity Dew Point" API 2.4 and <https://bluemaestro.com/developer>: model, battery,
//! interval, number of the log entry, temperature; then, of models that have them, humidity, dew point or pressure, and
//! the mode; in 0.1.

use super::{
    Format, Why,
    bytes::{at_least, exactly},
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Blue Maestro.
pub(super) const COMPANY: u16 = 0x0133;

/// What a model measures besides temperature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Model {
    /// Disc T: nothing.
    T,
    /// Disc THD: humidity and the dew point.
    Thd,
    /// Disc THPD: humidity, and pressure in place of the dew point.
    Thpd,
}

impl Model {
    /// The model of a number.
    fn of(number: u8) -> Result<Self, Why> {
        match number {
            0x0D => Ok(Self::T),
            0x16 | 0x17 => Ok(Self::Thd),
            0x1B => Ok(Self::Thpd),
            other => Err(Why::UnknownModel(other.into())),
        }
    }
}

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    let model = Model::of(*frame.data.first().ok_or(Why::TooShort { got: 0, want: 14 })?)?;
    finding.format = Some(Format::Bluemaestro);
    match model {
        Model::T => temperature(&at_least::<8>(frame.data)?[..], finding),
        Model::Thd | Model::Thpd => {
            let data: &[u8; 14] = exactly(frame.data)?;
            temperature(data, finding);
            let third = if model == Model::Thd { Quantity::DewPoint } else { Quantity::Pressure };
            finding.readings.decimal(Quantity::Humidity, number(data, 8), 1);
            finding.readings.decimal(third, number(data, 10), 1);
        }
    }
    finding.readings.push(Quantity::Battery, frame.data[1]);
    Ok(())
}

/// What all models have, of a frame whose length was checked.
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
        manufacturer(COMPANY, "17640E10000100DE01D400670100").gives_nothing_when_cut();
        manufacturer(COMPANY, "0D640E100001FFF6").gives_nothing_when_cut();
    }
}
