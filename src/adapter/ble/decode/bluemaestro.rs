//! Blue Maestro Tempo Discs, manufacturer data 0x0133, most significant byte first.
//!
//! Blue Maestro, "Temperature Humidity Dew Point" API: model, battery, interval, number of the log entry, temperature,
//! humidity, then dew point or pressure, and the mode; in 0.1.

use super::{
    Format, Why,
    bytes::exactly,
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Blue Maestro.
pub(super) const COMPANY: u16 = 0x0133;

/// Disc THD, and Disc THPD, which sends pressure in place of the dew point.
const THD: u8 = 0x17;
const THPD: u8 = 0x1B;

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    let model = *frame.data.first().ok_or(Why::TooShort { got: 0, want: 14 })?;
    if model != THD && model != THPD {
        return Err(Why::UnknownModel(model.into()));
    }
    finding.format = Some(Format::Bluemaestro);
    let data: &[u8; 14] = exactly(frame.data)?;
    let at = |at: usize| i16::from_be_bytes([data[at], data[at + 1]]);
    let readings = &mut finding.readings;
    readings.decimal(Quantity::Temperature, at(6), 1);
    readings.decimal(Quantity::Humidity, at(8), 1);
    readings.decimal(if model == THD { Quantity::DewPoint } else { Quantity::Pressure }, at(10), 1);
    readings.push(Quantity::Battery, data[1]);
    finding.counter = Some(at(4).cast_unsigned().into());
    Ok(())
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
        manufacturer(COMPANY, "17640E10000100DE01D400670100").gives_nothing_when_cut();
    }
}
